# published points of single models, and what `make validate` writes
check_PROGRAMS += tests/golden/run_points
tests_golden_run_points_SOURCES = tests/golden/run_points.c
TESTS += tests/golden/run_points
dist_check_DATA += tests/golden/points/adc.csv tests/golden/points/gemms.csv tests/golden/points/systolic.csv
EXTRA_DIST += doc/validation.sh
dist_doc_DATA += doc/validation.md doc/models-macros.md

validation_needs = mixbar$(EXEEXT) tests/golden/run_points$(EXEEXT) tests/golden/run_components$(EXEEXT) tests/unit/test_presets$(EXEEXT)
.PHONY: validate
validate: $(validation_needs)
	$(AM_V_GEN)$(SHELL) $(srcdir)/doc/validation.sh $(abs_top_srcdir) $(abs_top_builddir) > $(top_builddir)/validation.tmp && \
	mv $(top_builddir)/validation.tmp $(srcdir)/doc/validation.md
	@echo "doc/validation.md is written"
