/* run_points.c - published points of single models: converters of the survey, cycles of systolic arrays
 *
 * Tables in tests/golden/points (of $top_srcdir). One TAP line each, with the number of figures and the largest error;
 * doc/validation.sh puts the same lines into doc/validation.md.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "base/error.h"
#include "base/mem.h"
#include "cost/converter.h"
#include "cost/systolic.h"

static int lines, failed;

static int table(const char *name, mb_csv *csv) {
    const char *src = getenv("top_srcdir");
    char *path = mb_asprintf("%s/tests/golden/points/%s", src ? src : ".", name);
    int rc = path ? mb_csv_read(path, csv) : MB_SYSTEM;
    if (rc) mb_error_print(stderr);
    mb_free(path);
    return rc;
}

static double number(const mb_csv *csv, size_t row, const char *column) {
    double v = (double)NAN;
    for (size_t c = 0; c < csv->cols; c++)
        if (strcmp(csv->header[c], column) == 0 && mb_csv_number(csv, row, c, &v)) mb_error_print(stderr);
    return v;
}

static void tell(bool good, const char *what, int n, double worst, double tolerance) {
    printf("%s %d - %s: %d figures, largest error %.3g %%, tolerance %.3g %%\n", good && n ? "ok" : "not ok", ++lines, what, n,
           100 * worst, 100 * tolerance);
    if (!good || !n) failed++;
}

/* Energies to 0.1 %; areas printed with three or four digits to half a digit more. */
static void survey(void) {
    mb_csv csv;
    double energy = 0, area = 0;
    bool good = true;
    if (table("adc.csv", &csv)) {
        tell(false, "converters of the survey", 0, 0, 1e-3);
        return;
    }
    for (size_t i = 0; i < csv.rows; i++) {
        mb_block b;
        if (mb_converter_survey(number(&csv, i, "bits"), number(&csv, i, "rate_Hz"), number(&csv, i, "node_nm"), MB_NOMINAL,
                                &b)) {
            mb_error_print(stderr);
            good = false;
            continue;
        }
        double m2 = number(&csv, i, "area_um2"), rounding = 0.5 / m2;
        double e = fabs(b.energy_J * 1e12 / number(&csv, i, "energy_pJ") - 1), a = fabs(b.area_m2 * 1e12 / m2 - 1);
        if (!(e <= energy)) energy = e;
        if (!(a <= area)) area = a;
        good = good && e <= 1e-3 && a <= 1e-3 + rounding;
    }
    tell(good, "converters of the survey, energy", (int)csv.rows, energy, 1e-3);
    tell(good, "converters of the survey, area (printed to 3 digits where small)", (int)csv.rows, area, 1e-3);
    mb_csv_free(&csv);
}

static double cycles(const mb_csv *gemms, const char *network, int array, int dataflow) {
    mb_systolic s = {.rows = array, .cols = array, .dataflow = dataflow};
    double sum = 0;
    for (size_t i = 0; i < gemms->rows; i++)
        if (strcmp(mb_csv_field(gemms, i, 0), network) == 0)
            sum += (double)mb_systolic_cycles(&s, (int64_t)number(gemms, i, "px"), (int64_t)number(gemms, i, "win"),
                                              (int64_t)number(gemms, i, "k"));
    return sum;
}

static void systolic(void) {
    static const struct {
        const char *column;
        int dataflow;
    } flow[] = {{"ws", MB_WEIGHT_STATIONARY}, {"os", MB_OUTPUT_STATIONARY}, {"is", MB_INPUT_STATIONARY}};
    mb_csv gemms, totals;
    double worst = 0;
    int n = 0;
    if (table("gemms.csv", &gemms)) {
        tell(false, "cycles of systolic arrays", 0, 0, 0);
        return;
    }
    if (table("systolic.csv", &totals) == MB_OK) {
        for (size_t i = 0; i < totals.rows; i++)
            for (int f = 0; f < 3; f++, n++) {
                double got = cycles(&gemms, mb_csv_field(&totals, i, 0), (int)number(&totals, i, "array"), flow[f].dataflow);
                double e = fabs(got / number(&totals, i, flow[f].column) - 1);
                if (!(e <= worst)) worst = e;
            }
        mb_csv_free(&totals);
    }
    tell(worst == 0, "cycles of systolic arrays, SCALE-Sim v3, two networks, three dataflows", n, worst, 0);
    mb_csv_free(&gemms);
}

int main(void) {
    survey();
    systolic();
    printf("1..%d\n", lines);
    return failed != 0;
}
