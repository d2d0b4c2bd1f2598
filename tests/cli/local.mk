# command line tests: TAP scripts that use the program as a user does
MB_CLI_TESTS = \
  tests/cli/options.t \
  tests/cli/mvm.t \
  tests/cli/manual.t \
  tests/cli/validate.t \
  tests/cli/show.t \
  tests/cli/errors.t \
  tests/cli/run.t \
  tests/cli/sweep.t \
  tests/cli/determinism.t \
  tests/cli/scale.t \
  tests/cli/guide.t \
  tests/cli/quickstart.t \
  tests/cli/readme.t \
  tests/cli/user_cell.t \
  tests/cli/install.t \
  tests/cli/explain.t \
  tests/cli/devices.t \
  tests/cli/fit.t \
  tests/cli/shapes.t \
  tests/cli/cost.t \
  tests/cli/baselines.t \
  tests/cli/plot.t \
  tests/cli/page.t \
  tests/cli/map.t \
  tests/cli/modes.t \
  tests/cli/experiments.t \
  tests/cli/onnx.t \
  tests/cli/sensitivity.t \
  tests/cli/train.t
dist_check_SCRIPTS += $(MB_CLI_TESTS)
dist_check_DATA += tests/cli/lib.sh tests/cli/small.sh
TESTS += $(MB_CLI_TESTS)
