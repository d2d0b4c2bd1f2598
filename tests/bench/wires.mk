# `make bench-wires`, also the last part of `make bench`: wire solvers and a network with wires, one JSON object per line. WIRES: sizes
# of arrays, or network.
EXTRA_PROGRAMS += tests/bench/bench_wires
tests_bench_bench_wires_SOURCES = tests/bench/bench_wires.c
CLEANFILES += tests/bench/bench_wires$(EXEEXT)

bench-wires: tests/bench/bench_wires$(EXEEXT)
	@MIXBAR_PATH='$(abs_top_srcdir)' top_srcdir='$(top_srcdir)' ./tests/bench/bench_wires$(EXEEXT) $(WIRES)
.PHONY: bench-wires
