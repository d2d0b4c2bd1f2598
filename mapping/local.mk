# floor 3: plans, menus, policies. Sees networks and an oracle, never the simulator.
# A policy is one file policy_NAME.c that defines `const mb_policy_type mb_policy_NAME`, and one line here.
MB_POLICIES = \
  mapping/policy_uniform.c

libmixbar_la_SOURCES += $(MB_POLICIES) mapping/plan.c mapping/plan.h mapping/policy.c mapping/policy.h mapping/problem.c
pkgincludemapping_HEADERS = mapping/plan.h mapping/policy.h
nodist_libmixbar_la_SOURCES += mapping/policy_registry.c
CLEANFILES += mapping/policy_registry.c

mapping/policy_registry.c: $(top_srcdir)/mapping/local.mk $(top_srcdir)/build-aux/gen-registry.sh
	$(AM_V_GEN)$(MKDIR_P) mapping && $(GEN_REGISTRY) mapping/policy.h mb_policy_type mb_policies $(MB_POLICIES) > $@
