# unit tests of published macros
check_PROGRAMS += tests/unit/test_macro
tests_unit_test_macro_SOURCES = tests/unit/test_macro.c tests/unit/mbtest.h
TESTS += tests/unit/test_macro
