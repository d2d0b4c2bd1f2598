# golden cases of arrays: those shipped here, and the whole collection when it lies beside the sources or in $MIXBAR_SHARED
check_PROGRAMS += tests/golden/run_array
tests_golden_run_array_SOURCES = tests/golden/run_array.c
TESTS += tests/golden/run_array
dist_check_DATA += \
  tests/golden/array/case_020_off_unit_column.json \
  tests/golden/array/case_034_adc_ramp_sym.json \
  tests/golden/array/case_036_adc_sar_split.json \
  tests/golden/array/case_052_par_sep_cubic.json \
  tests/golden/array/case_063_grid_off_analog_max7_nopar_tiles.json \
  tests/golden/array/case_077_grid_off_serial_max7_par_tiles.json \
  tests/golden/array/case_104_grid_bal_serial_cal8_par_1tile.json \
  tests/golden/array/sonos_drift.json \
  tests/golden/array/stat_05_read_normal_indep_offset.json \
  tests/golden/array/stat_06_sliced_prog_read_adc.json \
  tests/golden/array/stat_07_pcm_joshi.json \
  tests/golden/array/stat_14_adc_ramp_mismatch.json \
  tests/golden/array/stat_15_adc_pipeline_mismatch.json
