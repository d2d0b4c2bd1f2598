# golden figures of the technology layer: those shipped here, and the whole collection when it lies beside the sources or in $MIXBAR_SHARED
check_PROGRAMS += tests/golden/run_components
tests_golden_run_components_SOURCES = tests/golden/run_components.c
TESTS += tests/golden/run_components
dist_check_DATA += tests/golden/components/README.md tests/golden/components/components.csv
