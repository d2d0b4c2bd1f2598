# golden cases of the mapper: run_mapping also takes directories of further cases
check_PROGRAMS += tests/golden/run_mapping
tests_golden_run_mapping_SOURCES = tests/golden/run_mapping.c tests/golden/hessian_case.c tests/golden/hessian_case.h
tests_golden_run_mapping_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/golden
TESTS += tests/golden/run_mapping
dist_check_DATA += tests/golden/mapping/README.md tests/golden/mapping/eagl_cases.json \
  tests/golden/mapping/hawqv3_resnet18_bops_0.5.json tests/golden/mapping/hawqv3_resnet18_bops_0.5.txt \
  tests/golden/mapping/hawqv3_resnet50_joint_0.5.txt tests/golden/mapping/iqp_small.json \
  tests/golden/mapping/limpq_resnet50_w3a3_cr12.2.txt tests/golden/mapping/modes_resnet20_hi_lo_k3.txt \
  tests/golden/mapping/orm.json tests/golden/mapping/pareto_small.json tests/golden/mapping/quantizers.json \
  tests/golden/mapping/rand03_50x4_k1_strongcorr.txt tests/golden/mapping/rand09_12x4_k2_infeasible.txt \
  tests/golden/mapping/rand11_25x6_k2_dominated_dups.txt \
  tests/golden/mapping/rand13_xbar_resnet20_w_only_k3.txt \
  tests/golden/mapping/rand19_xbar_resnet20_rows_hard_k3.txt tests/golden/mapping/relaxed_costs.json
