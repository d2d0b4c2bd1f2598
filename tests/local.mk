# Tests: unit (cmocka, TAP), command line (TAP scripts), lint, golden, fuzz corpora.
# A unit test is one program tests/unit/test_NAME.c; it is listed in the .mk file of the floor it tests.
include tests/unit/base.mk
include tests/unit/nn.mk
include tests/unit/second.mk
include tests/unit/tuning.mk
include tests/unit/data.mk
include tests/unit/array.mk
include tests/unit/analog.mk
include tests/unit/wires.mk
include tests/unit/devices.mk
include tests/unit/mapping.mk
include tests/unit/cost.mk
include tests/unit/macros.mk
include tests/unit/run.mk
include tests/cli/local.mk
include tests/golden/local.mk
include tests/lint/local.mk
include tests/fuzz/local.mk
include tests/golden/array.mk
include tests/golden/components.mk
include tests/golden/devices.mk
include tests/golden/points.mk
include tests/golden/hessian.mk
include tests/golden/mapping.mk
include tests/bench/local.mk
include tests/bench/wires.mk
include tests/bench/train.mk
