# timing of the wire solvers: make tests/bench/bench_wires, then run it; one JSON line per measurement
EXTRA_PROGRAMS += tests/bench/bench_wires
tests_bench_bench_wires_SOURCES = tests/bench/bench_wires.c
CLEANFILES += tests/bench/bench_wires$(EXEEXT)
