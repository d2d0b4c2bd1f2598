# floor 6: the command line.
# A verb is one file verb_NAME.c that defines `const mb_verb mb_verb_NAME`, and one line here (order = order in help).
MB_VERBS = \
  src/cli/verb_run.c \
  src/cli/verb_check.c \
  src/cli/verb_map.c \
  src/cli/verb_modes.c \
  src/cli/verb_sensitivity.c \
  src/cli/verb_train.c \
  src/cli/verb_eval.c \
  src/cli/verb_cost.c \
  src/cli/verb_validate.c \
  src/cli/verb_mvm.c \
  src/cli/verb_list.c \
  src/cli/verb_show.c \
  src/cli/verb_sample.c \
  src/cli/verb_fit.c \
  src/cli/verb_merge.c \
  src/cli/verb_report.c \
  src/cli/verb_compare.c \
  src/cli/verb_plot.c \
  src/cli/verb_help.c \
  src/cli/verb_completion.c

mixbar_SOURCES += $(MB_VERBS) \
  src/cli/main.c src/cli/options.c src/cli/options.h src/cli/cli.h src/cli/map_table.c src/cli/map_table.h src/cli/common.c src/cli/common.h src/cli/doc.c src/cli/doc.h \
  src/cli/family.c src/cli/family.h src/cli/mpi.c src/cli/mpi.h
mixbar_CPPFLAGS = $(AM_CPPFLAGS) $(MPI_CFLAGS)
nodist_mixbar_SOURCES = src/cli/verb_registry.c
CLEANFILES += src/cli/verb_registry.c

src/cli/verb_registry.c: $(top_srcdir)/src/cli/local.mk $(top_srcdir)/build-aux/gen-registry.sh
	$(AM_V_GEN)$(MKDIR_P) src/cli && $(GEN_REGISTRY) cli/cli.h mb_verb mb_verbs $(MB_VERBS) > $@
