/* fuzz_idx.c - libFuzzer target: any bytes as an IDX file
 *
 * Not built by default. Beside a build made with
 *     ./configure CC=clang CFLAGS='-g -O1 -fsanitize=fuzzer-no-link,address,undefined' && make libmixbar.la
 * it is made and run by
 *     clang -g -O1 -fsanitize=fuzzer,address,undefined -fopenmp -Isrc tests/fuzz/fuzz_idx.c .libs/libmixbar.a \
 *         -lgsl -lgslcblas -lconfig -ljansson -lz -ldnnl -lm -o fuzz_idx && ./fuzz_idx -max_len=256 -runs=1000000
 * A file that parses must lie wholly inside the bytes given, and its sizes must multiply out.
 */
#include <stdlib.h>

#include "base/error.h"
#include "nn/dataset.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    mb_idx idx;
    static volatile unsigned sink;
    int rc = mb_idx_parse("input", bytes, size, &idx);
    if (rc == MB_OK) {
        size_t count = 1, sum = 0;
        if (idx.nd < 1 || idx.nd > 4 || idx.data < bytes || idx.data + idx.count != bytes + size) abort();
        for (int k = 0; k < idx.nd; k++) count *= (size_t)idx.dim[k];
        if (count != idx.count) abort();
        for (size_t i = 0; i < idx.count; i++) sum += idx.data[i];       /* the sanitizer watches the reads */
        sink = (unsigned)sum;
        (void)sink;
    } else if (rc != MB_BADINPUT) {
        abort();
    }
    mb_error_clear();
    return 0;
}
