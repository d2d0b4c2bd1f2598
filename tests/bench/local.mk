# `make bench`: speed of the array engine and of whole networks, one JSON object per line. MIXBAR_SHARED=DIR: models and images
# that do not ship (DIR/models/resnet20_cifar10.onnx); otherwise the shipped fashion_cnn.
EXTRA_PROGRAMS += tests/bench/bench
tests_bench_bench_SOURCES = tests/bench/bench.c tests/bench/peak.c tests/bench/bench.h
CLEANFILES += tests/bench/bench$(EXEEXT)

bench: tests/bench/bench$(EXEEXT)
	@MIXBAR_PATH='$(abs_top_srcdir)' top_srcdir='$(top_srcdir)' ./tests/bench/bench$(EXEEXT) $(BENCH)
	@test -n '$(BENCH)' || $(MAKE) -s bench-wires
.PHONY: bench
