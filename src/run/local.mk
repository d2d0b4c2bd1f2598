# floor 5: experiments, sweeps, simulation, results, reports, plots
libmixbar_la_SOURCES += \
  src/run/experiment.c src/run/experiment.h src/run/sweep.c src/run/sweep.h src/run/simulate.c src/run/simulate.h src/run/point.c src/run/point.h \
  src/run/results.h src/run/results_internal.h src/run/columns.c src/run/results_write.c src/run/results_manifest.c \
  src/run/results_read.c \
  src/run/report_text.c \
  src/run/report_data.c \
  src/run/plot_internal.h \
  src/run/plot.c \
  src/run/plot_util.c \
  src/run/plot_accuracy.c \
  src/run/plot_bars.c \
  src/run/plot_layers.c \
  src/run/plot_explain.c \
  src/run/measure.c src/run/measure.h \
  src/run/explain.c \
  src/run/explain_set.c \
  src/run/explain_pass.c \
  src/run/explain_internal.h \
  src/run/explain_file.c \
  src/run/report_explain.c \
  src/run/explain.h \
  src/run/across.c \
  src/run/across.h \
  src/run/plot_time.c \
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
pkgincluderun_HEADERS = src/run/experiment.h src/run/sweep.h src/run/simulate.h src/run/point.h src/run/results.h
