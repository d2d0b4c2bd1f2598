# `make bench`: speed of the array engine and of whole networks, one JSON object per line. MIXBAR_SHARED=DIR: models and images
# that do not ship (DIR/models/resnet20_cifar10.onnx); otherwise ../shared when it is there, else the shipped fashion_resnet8.
# The linker puts clocks around the crossbar reads, so that a network's time is told apart from theirs.
EXTRA_PROGRAMS += tests/bench/bench
tests_bench_bench_SOURCES = tests/bench/bench.c tests/bench/bench_network.c tests/bench/bench_cost.c tests/bench/bench_sweep.c tests/bench/peak.c tests/bench/bench.h
tests_bench_bench_LDFLAGS = $(MB_LDFLAGS) -Wl,--wrap=mb_xbar_mvm
CLEANFILES += tests/bench/bench$(EXEEXT)

bench: tests/bench/bench$(EXEEXT)
	@MIXBAR_PATH='$(abs_top_srcdir)' top_srcdir='$(top_srcdir)' ./tests/bench/bench$(EXEEXT) $(BENCH)
	@test -n '$(BENCH)' || $(MAKE) -s bench-wires
.PHONY: bench
