# unit tests of array
check_PROGRAMS += tests/unit/test_xbar tests/unit/test_kernel
tests_unit_test_xbar_SOURCES = tests/unit/test_xbar.c tests/unit/mbtest.h
tests_unit_test_kernel_SOURCES = tests/unit/test_kernel.c tests/unit/mbtest.h
TESTS += tests/unit/test_xbar tests/unit/test_kernel
