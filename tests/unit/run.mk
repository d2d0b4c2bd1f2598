# unit tests of run
check_PROGRAMS += tests/unit/test_sweep tests/unit/test_simulate
tests_unit_test_sweep_SOURCES = tests/unit/test_sweep.c tests/unit/mbtest.h
tests_unit_test_simulate_SOURCES = tests/unit/test_simulate.c tests/unit/mbtest.h
TESTS += tests/unit/test_sweep tests/unit/test_simulate

check_PROGRAMS += tests/unit/test_results tests/unit/test_report_text tests/unit/test_plot
tests_unit_test_results_SOURCES = tests/unit/test_results.c tests/unit/made_results.h tests/unit/mbtest.h
tests_unit_test_report_text_SOURCES = tests/unit/test_report_text.c tests/unit/made_results.h tests/unit/mbtest.h
tests_unit_test_plot_SOURCES = tests/unit/test_plot.c tests/unit/made_results.h tests/unit/mbtest.h
TESTS += tests/unit/test_results tests/unit/test_report_text tests/unit/test_plot

check_PROGRAMS += tests/unit/test_sample tests/unit/test_fit
tests_unit_test_sample_SOURCES = tests/unit/test_sample.c tests/unit/mbtest.h
tests_unit_test_fit_SOURCES = tests/unit/test_fit.c tests/unit/mbtest.h
TESTS += tests/unit/test_sample tests/unit/test_fit

check_PROGRAMS += tests/unit/test_explain
tests_unit_test_explain_SOURCES = tests/unit/test_explain.c tests/unit/mbtest.h
TESTS += tests/unit/test_explain
check_PROGRAMS += tests/unit/test_across
tests_unit_test_across_SOURCES = tests/unit/test_across.c tests/unit/made_results.h tests/unit/mbtest.h
TESTS += tests/unit/test_across
# the loops of a network run between crossbar reads
check_PROGRAMS += tests/unit/test_loops
tests_unit_test_loops_SOURCES = tests/unit/test_loops.c tests/unit/onnxgen.h tests/unit/mbtest.h
TESTS += tests/unit/test_loops
# fronts, expressions, comparisons
check_PROGRAMS += tests/unit/test_pareto
tests_unit_test_pareto_SOURCES = tests/unit/test_pareto.c tests/unit/made_results.h tests/unit/mbtest.h
TESTS += tests/unit/test_pareto
# questions to results, comparisons
check_PROGRAMS += tests/unit/test_select tests/unit/test_compare
tests_unit_test_select_SOURCES = tests/unit/test_select.c tests/unit/made_results.h tests/unit/mbtest.h
tests_unit_test_compare_SOURCES = tests/unit/test_compare.c tests/unit/made_results.h tests/unit/mbtest.h
TESTS += tests/unit/test_select tests/unit/test_compare
# the HTML page
check_PROGRAMS += tests/unit/test_page
tests_unit_test_page_SOURCES = tests/unit/test_page.c tests/unit/made_results.h tests/unit/mbtest.h
TESTS += tests/unit/test_page
check_PROGRAMS += tests/unit/test_training
tests_unit_test_training_SOURCES = tests/unit/test_training.c tests/unit/mbtest.h
TESTS += tests/unit/test_training
# sensitivities measured on the arrays
check_PROGRAMS += tests/unit/test_measure
tests_unit_test_measure_SOURCES = tests/unit/test_measure.c tests/unit/mbtest.h
TESTS += tests/unit/test_measure
# run-time modes
check_PROGRAMS += tests/unit/test_modes
tests_unit_test_modes_SOURCES = tests/unit/test_modes.c tests/unit/mbtest.h
TESTS += tests/unit/test_modes
# threads over points, what they share, other processes
check_PROGRAMS += tests/unit/test_crew tests/unit/test_ranks
tests_unit_test_crew_SOURCES = tests/unit/test_crew.c tests/unit/mbtest.h
tests_unit_test_ranks_SOURCES = tests/unit/test_ranks.c tests/unit/mbtest.h
TESTS += tests/unit/test_crew tests/unit/test_ranks
# plans that keep fewer channels
check_PROGRAMS += tests/unit/test_pruning
tests_unit_test_pruning_SOURCES = tests/unit/test_pruning.c tests/unit/mbtest.h
TESTS += tests/unit/test_pruning
