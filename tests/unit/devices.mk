# unit tests of devices
check_PROGRAMS += tests/unit/test_adc tests/unit/test_cells tests/unit/test_generic
tests_unit_test_adc_SOURCES = tests/unit/test_adc.c tests/unit/mbtest.h
tests_unit_test_cells_SOURCES = tests/unit/test_cells.c tests/unit/mbtest.h
tests_unit_test_generic_SOURCES = tests/unit/test_generic.c tests/unit/mbtest.h
TESTS += tests/unit/test_adc tests/unit/test_cells tests/unit/test_generic
