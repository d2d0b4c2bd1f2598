# unit tests of array
check_PROGRAMS += tests/unit/test_xbar tests/unit/test_kernel tests/unit/test_golden tests/unit/test_mapping
tests_unit_test_mapping_SOURCES = tests/unit/test_mapping.c tests/unit/arraytest.h tests/unit/mbtest.h
tests_unit_test_xbar_SOURCES = tests/unit/test_xbar.c tests/unit/arraytest.h tests/unit/mbtest.h
tests_unit_test_kernel_SOURCES = tests/unit/test_kernel.c tests/unit/arraytest.h tests/unit/mbtest.h
tests_unit_test_golden_SOURCES = tests/unit/test_golden.c tests/unit/mbtest.h
TESTS += tests/unit/test_xbar tests/unit/test_kernel tests/unit/test_golden tests/unit/test_mapping
dist_check_DATA += tests/golden/array/README tests/golden/array/case_023_sl_bal_4x2_bitserial.json tests/golden/array/case_025_sl_bal_2x4_bitserial.json \
  tests/golden/array/case_119_grid_sl4x2_serial_ideal_nopar_tiles.json tests/golden/array/case_123_grid_sl4x2_serial_max7_nopar_tiles.json
