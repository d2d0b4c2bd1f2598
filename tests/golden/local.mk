# golden cases of the wire solvers: numbers from independent programs; run_wires also takes directories of further cases
check_PROGRAMS += tests/golden/run_wires
tests_golden_run_wires_SOURCES = tests/golden/run_wires.c
TESTS += tests/golden/run_wires
dist_check_DATA += tests/golden/wires/README.md tests/golden/wires/c01_4x4_uniform.G.npy \
  tests/golden/wires/c01_4x4_uniform.I_ref.npy tests/golden/wires/c01_4x4_uniform.U_ref.npy \
  tests/golden/wires/c01_4x4_uniform.V.npy tests/golden/wires/c01_4x4_uniform.json tests/golden/wires/c02_8x8_random.G.npy \
  tests/golden/wires/c02_8x8_random.I_ref.npy tests/golden/wires/c02_8x8_random.U_ref.npy \
  tests/golden/wires/c02_8x8_random.V.npy tests/golden/wires/c02_8x8_random.json \
  tests/golden/wires/c03_16x16_bipolar_r0p1.G.npy tests/golden/wires/c03_16x16_bipolar_r0p1.I_ref.npy \
  tests/golden/wires/c03_16x16_bipolar_r0p1.U_ref.npy tests/golden/wires/c03_16x16_bipolar_r0p1.V.npy \
  tests/golden/wires/c03_16x16_bipolar_r0p1.json tests/golden/wires/c15_1x8_row.G.npy tests/golden/wires/c15_1x8_row.I_ref.npy \
  tests/golden/wires/c15_1x8_row.U_ref.npy tests/golden/wires/c15_1x8_row.V.npy tests/golden/wires/c15_1x8_row.json \
  tests/golden/wires/c16_8x1_column.G.npy tests/golden/wires/c16_8x1_column.I_ref.npy \
  tests/golden/wires/c16_8x1_column.U_ref.npy tests/golden/wires/c16_8x1_column.V.npy tests/golden/wires/c16_8x1_column.json \
  tests/golden/wires/c17_32x32_sinh.G.npy tests/golden/wires/c17_32x32_sinh.I_ref.npy \
  tests/golden/wires/c17_32x32_sinh.U_ref.npy tests/golden/wires/c17_32x32_sinh.V.npy tests/golden/wires/c17_32x32_sinh.json \
  tests/golden/wires/c19_32x32_two_sided.G.npy tests/golden/wires/c19_32x32_two_sided.I_ref.npy \
  tests/golden/wires/c19_32x32_two_sided.U_ref.npy tests/golden/wires/c19_32x32_two_sided.V.npy \
  tests/golden/wires/c19_32x32_two_sided.json tests/golden/wires/c20_64x32_sourceline_1T1R.G.npy \
  tests/golden/wires/c20_64x32_sourceline_1T1R.I_ref.npy tests/golden/wires/c20_64x32_sourceline_1T1R.V.npy \
  tests/golden/wires/c20_64x32_sourceline_1T1R.json tests/golden/wires/c22_32x24_rwl0.G.npy \
  tests/golden/wires/c22_32x24_rwl0.I_ref.npy tests/golden/wires/c22_32x24_rwl0.U_ref.npy \
  tests/golden/wires/c22_32x24_rwl0.V.npy tests/golden/wires/c22_32x24_rwl0.json
