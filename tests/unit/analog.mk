# unit tests of the general analog engine and of the general form of converters
check_PROGRAMS += tests/unit/test_analog
tests_unit_test_analog_SOURCES = tests/unit/test_analog.c tests/unit/mbtest.h
TESTS += tests/unit/test_analog
