# `make bench-train`: steps of training per second, beside PyTorch where it is installed (Debian: python3-torch).
EXTRA_PROGRAMS += tests/bench/bench_train
tests_bench_bench_train_SOURCES = tests/bench/bench_train.c
CLEANFILES += tests/bench/bench_train$(EXEEXT)
EXTRA_DIST += tests/bench/train_torch.sh

bench-train: tests/bench/bench_train$(EXEEXT)
	@$(srcdir)/tests/bench/train_torch.sh ./tests/bench/bench_train$(EXEEXT)
.PHONY: bench-train
