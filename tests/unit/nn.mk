# unit tests of nn
check_PROGRAMS += tests/unit/test_onnx
tests_unit_test_onnx_SOURCES = tests/unit/test_onnx.c tests/unit/onnxgen.h tests/unit/mbtest.h
TESTS += tests/unit/test_onnx
check_PROGRAMS += tests/unit/test_network
tests_unit_test_network_SOURCES = tests/unit/test_network.c tests/unit/onnxgen.h tests/unit/mbtest.h
TESTS += tests/unit/test_network
check_PROGRAMS += tests/unit/test_ops
tests_unit_test_ops_SOURCES = tests/unit/test_ops.c tests/unit/onnxgen.h tests/unit/mbtest.h
TESTS += tests/unit/test_ops
check_PROGRAMS += tests/unit/test_exec
tests_unit_test_exec_SOURCES = tests/unit/test_exec.c tests/unit/onnxgen.h tests/unit/mbtest.h
TESTS += tests/unit/test_exec
check_PROGRAMS += tests/unit/test_shapes
tests_unit_test_shapes_SOURCES = tests/unit/test_shapes.c tests/unit/mbtest.h
TESTS += tests/unit/test_shapes
check_PROGRAMS += tests/unit/test_engine
tests_unit_test_engine_SOURCES = tests/unit/test_engine.c tests/unit/mbtest.h
TESTS += tests/unit/test_engine
check_PROGRAMS += tests/unit/test_train
tests_unit_test_train_SOURCES = tests/unit/test_train.c tests/unit/onnxgen.h tests/unit/mbtest.h
TESTS += tests/unit/test_train

check_PROGRAMS += tests/unit/test_quantizer
tests_unit_test_quantizer_SOURCES = tests/unit/test_quantizer.c tests/unit/mbtest.h
TESTS += tests/unit/test_quantizer

check_PROGRAMS += tests/unit/test_model
tests_unit_test_model_SOURCES = tests/unit/test_model.c tests/unit/onnxgen.h tests/unit/mbtest.h
TESTS += tests/unit/test_model

check_PROGRAMS += tests/unit/test_prune
tests_unit_test_prune_SOURCES = tests/unit/test_prune.c tests/unit/mbtest.h
TESTS += tests/unit/test_prune
