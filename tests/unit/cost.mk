# unit tests of cost
check_PROGRAMS += tests/unit/test_report
tests_unit_test_report_SOURCES = tests/unit/test_report.c tests/unit/mbtest.h
TESTS += tests/unit/test_report

check_PROGRAMS += tests/unit/test_sram
tests_unit_test_sram_SOURCES = tests/unit/test_sram.c tests/unit/mbtest.h
TESTS += tests/unit/test_sram

check_PROGRAMS += tests/unit/test_machine
tests_unit_test_machine_SOURCES = tests/unit/test_machine.c tests/unit/mbtest.h tests/unit/testnet.h
TESTS += tests/unit/test_machine

check_PROGRAMS += tests/unit/test_baseline
tests_unit_test_baseline_SOURCES = tests/unit/test_baseline.c tests/unit/mbtest.h tests/unit/testnet.h
TESTS += tests/unit/test_baseline

check_PROGRAMS += tests/unit/test_programming
tests_unit_test_programming_SOURCES = tests/unit/test_programming.c tests/unit/mbtest.h tests/unit/testnet.h
TESTS += tests/unit/test_programming

check_PROGRAMS += tests/unit/test_component
tests_unit_test_component_SOURCES = tests/unit/test_component.c tests/unit/mbtest.h
TESTS += tests/unit/test_component

check_PROGRAMS += tests/unit/test_costing
tests_unit_test_costing_SOURCES = tests/unit/test_costing.c tests/unit/mbtest.h tests/unit/testnet.h
TESTS += tests/unit/test_costing

check_PROGRAMS += tests/unit/test_presets
tests_unit_test_presets_SOURCES = tests/unit/test_presets.c tests/unit/mbtest.h
TESTS += tests/unit/test_presets

check_PROGRAMS += tests/unit/test_platform
tests_unit_test_platform_SOURCES = tests/unit/test_platform.c tests/unit/mbtest.h
TESTS += tests/unit/test_platform
