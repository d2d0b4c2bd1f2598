# unit tests of datasets and quantisers
check_PROGRAMS += tests/unit/test_quant
tests_unit_test_quant_SOURCES = tests/unit/test_quant.c tests/unit/mbtest.h
TESTS += tests/unit/test_quant
