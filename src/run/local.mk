# floor 5: experiments, sweeps, simulation, results, reports, plots
# Kinds of plots: a file plot_NAME.c that defines `const mb_plot_family mb_plot_NAME`, and one line here (order = order in lists).
MB_PLOTS = \
  src/run/plot_accuracy.c \
  src/run/plot_time.c \
  src/run/plot_costs.c \
  src/run/plot_bars.c \
  src/run/plot_layers.c \
  src/run/plot_lines.c \
  src/run/plot_heat.c \
  src/run/plot_roofline.c \
  src/run/plot_explain.c
libmixbar_la_SOURCES += \
  src/run/training.c src/run/training.h src/run/finetune.c src/run/finetune.h src/run/noise.c src/run/noise.h src/run/train_arrays.c src/run/train_arrays.h src/run/experiment.c src/run/experiment.h src/run/sweep.c src/run/sweep.h src/run/simulate.c src/run/simulate.h src/run/point.c src/run/point.h src/run/sweep_axes.c src/run/sweep_when.c src/run/sweep_internal.h src/run/oracle.c src/run/oracle.h src/run/score.c src/run/score.h src/run/finetune_internal.h src/run/bitsearch.c src/run/prune.c src/run/prune.h src/run/answers.c src/run/answers.h \
  src/run/cache.c src/run/cache.h src/run/crew.c src/run/crew.h src/run/session.c src/run/session.h src/run/experiment_run.c src/run/explain_store.c src/run/ranks.c src/run/merge.c src/run/merge.h \
  src/run/results.h src/run/results_internal.h src/run/columns.c src/run/labels.c src/run/results_write.c src/run/results_manifest.c \
  src/run/results_read.c \
  src/run/report_text.c \
  src/run/report_data.c \
  src/run/datum.c src/run/datum.h \
  src/run/report_select.c src/run/report_select.h src/run/report_rows.h src/run/report_by.c \
  src/run/compare.c src/run/compare.h src/run/report_compare.c \
  src/run/plot_internal.h \
  src/run/plot.c \
  src/run/plot_metric.c \
  src/run/page.c \
  src/run/page.h \
  src/run/page_internal.h \
  src/run/page_data.c \
  $(MB_PLOTS) \
  src/run/plot_util.c \
  src/run/measure.c src/run/measure.h \
  src/run/modes.c src/run/modes.h src/run/modes_exit.c \
  src/run/explain.c \
  src/run/explain_set.c \
  src/run/explain_pass.c \
  src/run/explain_internal.h \
  src/run/explain_file.c \
  src/run/report_explain.c src/run/report_iso.c \
  src/run/explain.h \
  src/run/across.c \
  src/run/across.h \
  src/run/pareto.c \
  src/run/pareto.h \
  src/run/plot_figure.c \
  src/run/plot_figure.h \
  src/run/sample.c \
  src/run/sample.h \
  src/run/sample_plot.c \
  src/run/fit.c \
  src/run/fit.h \
  src/run/fit_internal.h \
  src/run/fit_data.c \
  src/run/fit_math.c \
  src/run/fit_drift.c \
  src/run/fit_program.c \
  src/run/fit_current.c \
  src/run/fit_preset.c \
  src/run/fit_plot.c
pkgincluderun_HEADERS = src/run/training.h src/run/train_arrays.h src/run/prune.h src/run/finetune.h src/run/noise.h src/run/cache.h src/run/experiment.h src/run/sweep.h src/run/simulate.h src/run/point.h src/run/results.h src/run/oracle.h
nodist_libmixbar_la_SOURCES += src/run/plot_registry.c src/run/page_text.c
CLEANFILES += src/run/plot_registry.c src/run/page_text.c
EXTRA_DIST += src/run/page.css src/run/page.js build-aux/embed-text.sh

src/run/plot_registry.c: $(top_srcdir)/src/run/local.mk $(top_srcdir)/build-aux/gen-registry.sh
	$(AM_V_GEN)$(MKDIR_P) src/run && $(GEN_REGISTRY) run/plot_internal.h mb_plot_family mb_plot_families $(MB_PLOTS) > $@

src/run/page_text.c: $(top_srcdir)/src/run/page.css $(top_srcdir)/src/run/page.js $(top_srcdir)/build-aux/embed-text.sh
	$(AM_V_GEN)$(MKDIR_P) src/run && $(SHELL) $(top_srcdir)/build-aux/embed-text.sh mb_page_css $(top_srcdir)/src/run/page.css \
	  mb_page_js $(top_srcdir)/src/run/page.js > $@

include src/run/curvature.mk
