/* adc_table.c - a measured converter: integral (or differential) non-linearity per code, as in a data sheet
 *
 * Codes c = 0 .. L - 1, L = 2^b, LSB = (hi - lo) / (L - 1). The transition from code c - 1 to c lies at lo + (c - 1/2 + inl_c)
 * LSB. inl (LSB) is a list of any length >= 2,
 * taken at equal distances over the code range and interpolated linearly; dnl likewise, its sum from code 1 on is the inl when
 * inl is empty. Either may come from a measurement: file = "my_adc.csv", a table whose columns are named inl (or inl_lsb) or dnl
 * (or dnl_lsb), one row per code, other columns left alone. The code is the number of transitions at or below the input (they are
 * taken in rising order), so a non-monotonic table gives missing codes. sigma_inl_lsb adds a white error per transition, drawn
 * per converter.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "array/adc.h"
#include "base/csv.h"
#include "base/error.h"
#include "base/mem.h"
#include "devices/adc_circuit.h"
#include "devices/adc_survey.h"

typedef struct measured {
    mb_reals inl, dnl;
    char *file;
    double sigma_inl_lsb, conversion_s, energy_scale, area_scale;
    int group_size;
} measured;

static const mb_param table[] = {
    MB_VECTOR(measured, inl, "LSB", "", -1000, 1000, "integral non-linearity at equal distances over the code range"),
    MB_VECTOR(measured, dnl, "LSB", "", -1000, 1000, "differential non-linearity, used when inl is empty"),
    MB_FILE(measured, file, "", "CSV table with a column inl or dnl in LSB, one row per code, instead of a list"),
    MB_REAL(measured, sigma_inl_lsb, "LSB", "0.0", 0, 1000, "white error of the transitions, drawn per converter"),
    MB_INT(measured, group_size, "columns", "1", 0, 65536, "neighbouring columns that share a converter (0: all of an array)"),
    MB_REAL(measured, conversion_s, "s", "1e-9", 1e-12, 1, "time of one conversion"),
    MB_REAL(measured, energy_scale, "", "1.0", 1e-6, 1e6, "calibration factor on the survey's energy"),
    MB_REAL(measured, area_scale, "", "1.0", 1e-6, 1e6, "calibration factor on the survey's area"),
    MB_PARAM_END};

static int check(const void *params) {
    const measured *p = params;
    if (p->inl.n == 1 || p->dnl.n == 1) return mb_fail(MB_BADINPUT, "inl and dnl need at least 2 numbers (or none)");
    if (p->inl.n && p->dnl.n) return mb_fail(MB_BADINPUT, "inl and dnl say the same thing twice: give one of them");
    if (p->file[0] && (p->inl.n || p->dnl.n))
        return mb_fail(MB_BADINPUT, "file = \"%s\" and a list say the same thing twice: give one of them", p->file);
    return MB_OK;
}

/* Column COL of the table, one number per code. */
static int column(const mb_csv *csv, size_t col, mb_reals *to) {
    double *v = mb_malloc(csv->rows ? csv->rows : 1, sizeof *v);
    if (!v) return mb_nomem();
    mb_free(to->v); /* of the empty list */
    *to = (mb_reals){v, csv->rows};
    for (size_t i = 0; i < csv->rows; i++) {
        int rc = mb_csv_number(csv, i, col, &v[i]);
        if (rc) return rc;
        if (!(fabs(v[i]) <= 1000))
            return mb_fail(MB_BADINPUT, "%s:%d: column \"%s\" needs a number of at most 1000 LSB in every row", csv->name,
                           csv->line[i], csv->header[col]);
    }
    return MB_OK;
}

static int prepare(void *params) {
    measured *p = params;
    mb_csv csv;
    size_t inl = MB_CSV_MAX_COLUMNS, dnl = MB_CSV_MAX_COLUMNS;
    if (!p->file[0]) return MB_OK;
    int rc = mb_csv_read(p->file, &csv);
    if (rc) return rc;
    for (size_t c = 0; c < csv.cols; c++) {
        const char *h = csv.header[c];
        if (strcmp(h, "inl") == 0 || strcmp(h, "inl_lsb") == 0 || strcmp(h, "inl_LSB") == 0) inl = c;
        if (strcmp(h, "dnl") == 0 || strcmp(h, "dnl_lsb") == 0 || strcmp(h, "dnl_LSB") == 0) dnl = c;
    }
    if (inl == MB_CSV_MAX_COLUMNS && dnl == MB_CSV_MAX_COLUMNS)
        rc = mb_fail(MB_BADINPUT, "%s:%d: no column is named inl or dnl (in LSB)", csv.name, csv.header_line);
    else if (csv.rows < 2)
        rc = mb_fail(MB_BADINPUT, "%s: a table of a converter needs at least 2 rows, one per code", csv.name);
    else
        rc = inl != MB_CSV_MAX_COLUMNS ? column(&csv, inl, &p->inl) : column(&csv, dnl, &p->dnl);
    mb_csv_free(&csv);
    return rc;
}

static bool deterministic(const void *p) { return !(((const measured *)p)->sigma_inl_lsb > 0); }

static int group(const void *p) { return ((const measured *)p)->group_size; }

/* The list at fraction f of the code range. */
static double at(const mb_reals *v, double f) {
    double x = f * (double)(v->n - 1);
    size_t i = (size_t)x;
    if (i >= v->n - 1) return v->v[v->n - 1];
    return v->v[i] + (x - (double)i) * (v->v[i + 1] - v->v[i]);
}

static size_t statics(const void *params, int bits, int columns) {
    const measured *p = params;
    (void)columns;
    return p->inl.n || p->dnl.n || !deterministic(p) ? ((size_t)1 << bits) - 1 : 0;
}

static int rising(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* statics: transitions 1 .. L - 1 in LSB above lo */
static void draw(const void *params, int bits, int columns, double *s, mb_stream *rng) {
    const measured *p = params;
    const int64_t L = (int64_t)1 << bits;
    double sum = 0;
    (void)columns;
    for (int64_t c = 1; c < L; c++) {
        double f = (double)c / (double)(L - 1), inl = 0;
        if (p->inl.n) inl = at(&p->inl, f);
        if (p->dnl.n) inl = sum, sum += at(&p->dnl, f);
        s[c - 1] = (double)c - 0.5 + inl + mb_adc_error(p->sigma_inl_lsb, rng);
    }
    qsort(s, (size_t)L - 1, sizeof *s, rising);
}

static void convert_real(const void *p, int bits, double lo, double hi, const double *s, size_t n, const double *in, double *out,
                         uint64_t *clipped, mb_stream *rng) {
    const int64_t last = ((int64_t)1 << bits) - 1;
    const double lsb = (hi - lo) / (double)last;
    (void)p, (void)rng;
    for (size_t i = 0; i < n; i++) {
        double x = (mb_adc_clip(in[i], lo, hi, clipped) - lo) / lsb;
        int64_t a = 0, b = last;
        if (!s) a = (int64_t)floor(x + 0.5);
        else
            while (a < b) {
                int64_t mid = (a + b) / 2;
                if (s[mid] <= x) a = mid + 1;
                else b = mid;
            }
        out[i] = lo + lsb * (double)(a > last ? last : a);
    }
}

extern const mb_adc_type mb_adc_table;

static void convert(const void *p, const mb_adc_range *r, size_t n, const int32_t *in, int32_t *out, uint64_t *clipped,
                    mb_stream *rng) {
    mb_adc_convert_by_real(&mb_adc_table, p, r, n, in, out, clipped, rng);
}

static int cost(const void *params, int bits, double rate_Hz, double node_nm, mb_cost *c) {
    const measured *p = params;
    return mb_adc_survey_cost(bits, rate_Hz, node_nm, p->conversion_s, p->energy_scale, p->area_scale, c);
}

const mb_adc_type mb_adc_table = {
    .name = "table",
    .summary = "a measured converter: tables of integral or differential non-linearity, spread between converters",
    .reference = "IEEE Std 1241-2010 (INL, DNL), doi:10.1109/IEEESTD.2011.5692956; cost: " MB_ADC_SURVEY_SOURCE,
    .params = table,
    .size = sizeof(measured),
    .check = check,
    .prepare = prepare,
    .deterministic = deterministic,
    .convert = convert,
    .cost = cost,
    .cost_source = MB_ADC_SURVEY_SOURCE "; time as given",
    .group = group,
    .statics = statics,
    .draw = draw,
    .convert_real = convert_real,
};
