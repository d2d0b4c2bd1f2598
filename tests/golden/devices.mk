# golden statistics of memory cells: run_devices takes directories of further cases
check_PROGRAMS += tests/golden/run_devices
tests_golden_run_devices_SOURCES = tests/golden/run_devices.c
TESTS += tests/golden/run_devices
dist_check_DATA += tests/golden/devices/golden_pcm_small.json tests/golden/devices/golden_other_small.json
