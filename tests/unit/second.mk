# unit tests of derivatives and second-order tools
check_PROGRAMS += tests/unit/test_diff
tests_unit_test_diff_SOURCES = tests/unit/test_diff.c tests/unit/mbtest.h
TESTS += tests/unit/test_diff
check_PROGRAMS += tests/unit/test_onnx_write
tests_unit_test_onnx_write_SOURCES = tests/unit/test_onnx_write.c tests/unit/onnxgen.h tests/unit/mbtest.h
TESTS += tests/unit/test_onnx_write
check_PROGRAMS += tests/unit/test_family
tests_unit_test_family_SOURCES = tests/unit/test_family.c tests/unit/onnxgen.h tests/unit/mbtest.h
TESTS += tests/unit/test_family
