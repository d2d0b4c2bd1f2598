# unit tests of run
check_PROGRAMS += tests/unit/test_sweep tests/unit/test_simulate
tests_unit_test_sweep_SOURCES = tests/unit/test_sweep.c tests/unit/mbtest.h
tests_unit_test_simulate_SOURCES = tests/unit/test_simulate.c tests/unit/mbtest.h
TESTS += tests/unit/test_sweep tests/unit/test_simulate
