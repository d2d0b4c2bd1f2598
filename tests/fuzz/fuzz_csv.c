/* fuzz_csv.c - libFuzzer target: any bytes as a table of measured numbers
 *
 * Not built by default (`make fuzz` with clang; fuzz_idx.c says how to configure). Run: ./tests/fuzz/fuzz_csv -max_len=4096 -runs=1000000
 * A table that parses is rectangular, its fields end inside its own text, and every number is finite or missing.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "base/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    mb_csv csv;
    int rc = mb_csv_parse("input", bytes, size, &csv);
    if (rc == MB_OK) {
        if (csv.rows < 1 || csv.cols < 1 || csv.cols > MB_CSV_MAX_COLUMNS) abort();
        for (size_t k = 0; k < csv.cols; k++) {
            mb_csv_unit u;
            mb_csv_split_name(csv.header[k], &u);
            if (!(u.scale > 0) || memchr(u.quantity, 0, sizeof u.quantity) == NULL || memchr(u.unit, 0, sizeof u.unit) == NULL)
                abort();
        }
        for (size_t i = 0; i < csv.rows; i++) {
            if (csv.line[i] < 1 || (i > 0 && csv.line[i] < csv.line[i - 1])) abort();
            for (size_t k = 0; k < csv.cols; k++) {
                const char *f = mb_csv_field(&csv, i, k);
                double v;
                if (f < csv.text || f + strlen(f) > csv.text + size) abort();
                const int bad = mb_csv_number(&csv, i, k, &v);
                if (bad != MB_OK && bad != MB_BADINPUT) abort();
                if (isinf(v) || (bad && !isnan(v))) abort();
            }
        }
        mb_csv_free(&csv);
    } else if (rc != MB_BADINPUT) {
        abort();
    }
    mb_error_clear();
    return 0;
}
