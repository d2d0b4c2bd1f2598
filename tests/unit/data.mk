# unit tests of datasets and quantisers
check_PROGRAMS += tests/unit/test_dataset tests/unit/test_quant
tests_unit_test_dataset_SOURCES = tests/unit/test_dataset.c tests/unit/mbtest.h
tests_unit_test_quant_SOURCES = tests/unit/test_quant.c tests/unit/mbtest.h
TESTS += tests/unit/test_dataset tests/unit/test_quant
EXTRA_DIST += tests/fuzz/fuzz_idx.c
