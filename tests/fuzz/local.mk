# libFuzzer targets: built by `make fuzz` only, with clang (the file heads say how to configure and run)
FUZZERS = tests/fuzz/fuzz_onnx tests/fuzz/fuzz_idx tests/fuzz/fuzz_csv
EXTRA_PROGRAMS = $(FUZZERS)
tests_fuzz_fuzz_onnx_SOURCES = tests/fuzz/fuzz_onnx.c
tests_fuzz_fuzz_onnx_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_idx_SOURCES = tests/fuzz/fuzz_idx.c
tests_fuzz_fuzz_idx_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_csv_SOURCES = tests/fuzz/fuzz_csv.c
tests_fuzz_fuzz_csv_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer

fuzz:
	@$(CC) --version | grep -q clang || { echo "make fuzz: the fuzz targets need clang; configure with CC=clang" >&2; exit 1; }
	$(MAKE) $(AM_MAKEFLAGS) $(FUZZERS)
.PHONY: fuzz
