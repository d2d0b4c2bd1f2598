# unit tests of the wire solvers
check_PROGRAMS += tests/unit/test_wire tests/unit/test_xbar_wires
tests_unit_test_wire_SOURCES = tests/unit/test_wire.c tests/unit/wire_oracle.h tests/unit/mbtest.h
tests_unit_test_xbar_wires_SOURCES = tests/unit/test_xbar_wires.c tests/unit/wire_oracle.h tests/unit/arraytest.h tests/unit/mbtest.h
TESTS += tests/unit/test_wire tests/unit/test_xbar_wires
