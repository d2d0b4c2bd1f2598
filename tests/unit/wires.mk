# unit tests of the wire solvers
check_PROGRAMS += tests/unit/test_wire
tests_unit_test_wire_SOURCES = tests/unit/test_wire.c tests/unit/wire_oracle.h tests/unit/mbtest.h
TESTS += tests/unit/test_wire
