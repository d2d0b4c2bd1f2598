# floor 3: plans, menus, policies. Sees networks and an oracle, never the simulator.
# A policy is one file policy_NAME.c that defines `const mb_policy_type mb_policy_NAME`, and one line here.
MB_POLICIES = \
  mapping/policy_uniform.c \
  mapping/policy_hawq_v3.c \
  mapping/policy_mpqnnco.c \
  mapping/policy_eagl.c \
  mapping/policy_alps.c \
  mapping/policy_edmips.c \
  mapping/policy_binary.c \
  mapping/policy_haq.c \
  mapping/policy_evolution.c \
  mapping/policy_mixbar.c

# An optimiser of tables is one file solver_NAME.c that defines `const mb_solver_type mb_solver_NAME`, and one line here.
MB_SOLVERS = \
  mapping/solver_exact.c \
  mapping/solver_glpk.c \
  mapping/solver_greedy.c \
  mapping/solver_quadratic.c \
  mapping/solver_anneal.c \
  mapping/solver_nsga2.c \
  mapping/solver_ddpg.c \
  mapping/solver_relax.c

# A provider of sensitivities is one file sensitivity_NAME.c that defines `const mb_sensitivity_type mb_sensitivity_NAME`, and one line here.
MB_SENSITIVITIES = \
  mapping/sensitivity_error.c \
  mapping/sensitivity_entropy.c \
  mapping/sensitivity_alps.c \
  mapping/sensitivity_edmips.c \
  mapping/sensitivity_orthogonality.c \
  mapping/sensitivity_hessian.c \
  mapping/sensitivity_lambda.c \
  mapping/sensitivity_fisher.c \
  mapping/sensitivity_kl.c \
  mapping/sensitivity_clado.c \
  mapping/sensitivity_measured.c

libmixbar_la_SOURCES += $(MB_SENSITIVITIES) mapping/sensitivity.c mapping/sensitivity.h mapping/space.c mapping/space.h mapping/mixed.c mapping/mixed_solve.c mapping/mixed.h \
  mapping/mixed_front.c mapping/mixed_internal.h mapping/errors.c mapping/errors.h mapping/second.c mapping/second.h
libmixbar_la_SOURCES += $(MB_SOLVERS) mapping/solver.c mapping/solver.h \
  mapping/knapsack.c mapping/knapsack.h mapping/knapsack_internal.h mapping/knapsack_core.c mapping/knapsack_relax.c \
  mapping/knapsack_solve.c mapping/knapsack_csv.c mapping/knapsack_csv.h mapping/front.c mapping/front.h
libmixbar_la_SOURCES += $(MB_POLICIES) mapping/modes.c mapping/modes.h mapping/plan.c mapping/plan_modes.c mapping/plan_internal.h mapping/plan.h mapping/policy.c mapping/policy.h mapping/problem.c mapping/keep.c mapping/keep.h
pkgincludemapping_HEADERS = mapping/keep.h mapping/plan.h mapping/policy.h mapping/knapsack.h mapping/front.h mapping/solver.h \
  mapping/space.h mapping/sensitivity.h mapping/mixed.h
nodist_libmixbar_la_SOURCES += mapping/policy_registry.c mapping/solver_registry.c mapping/sensitivity_registry.c
CLEANFILES += mapping/policy_registry.c mapping/solver_registry.c mapping/sensitivity_registry.c

mapping/policy_registry.c: $(top_srcdir)/mapping/local.mk $(top_srcdir)/build-aux/gen-registry.sh
	$(AM_V_GEN)$(MKDIR_P) mapping && $(GEN_REGISTRY) mapping/policy.h mb_policy_type mb_policies $(MB_POLICIES) > $@
mapping/solver_registry.c: $(top_srcdir)/mapping/local.mk $(top_srcdir)/build-aux/gen-registry.sh
	$(AM_V_GEN)$(MKDIR_P) mapping && $(GEN_REGISTRY) mapping/solver.h mb_solver_type mb_solvers $(MB_SOLVERS) > $@
mapping/sensitivity_registry.c: $(top_srcdir)/mapping/local.mk $(top_srcdir)/build-aux/gen-registry.sh
	$(AM_V_GEN)$(MKDIR_P) mapping && $(GEN_REGISTRY) mapping/sensitivity.h mb_sensitivity_type mb_sensitivities $(MB_SENSITIVITIES) > $@
