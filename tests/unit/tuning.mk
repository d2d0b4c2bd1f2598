# unit tests of mapping by training
check_PROGRAMS += tests/unit/test_tuning
tests_unit_test_tuning_SOURCES = tests/unit/test_tuning.c tests/unit/testnet.h tests/unit/mbtest.h
TESTS += tests/unit/test_tuning
