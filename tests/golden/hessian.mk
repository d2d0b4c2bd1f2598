# golden cases of second-order sensitivity: run_hessian takes directories of further cases
check_PROGRAMS += tests/golden/run_hessian
tests_golden_run_hessian_SOURCES = tests/golden/run_hessian.c tests/golden/hessian_case.c tests/golden/hessian_case.h
tests_golden_run_hessian_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/golden
TESTS += tests/golden/run_hessian
dist_check_DATA += tests/golden/hessian/linear_5_3_mse.json tests/golden/hessian/mlp_4_5_3_tanh_random.json \
  tests/golden/hessian/mlp_6_8_7_4_tanh_trained.json tests/golden/hessian/conv_pool_fc_relu_tanh.json
