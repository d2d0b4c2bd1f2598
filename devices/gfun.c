/* gfun.c - functions of conductance (gfun.h): checks, one value in double precision, many in vectorised single precision
 *
 * Formulas: gfun.h. Only files of devices/ and the programs that fit devices may call this file.
 */
#include "config.h"

#include "devices/gfun.h"

#include <math.h>

#include "base/error.h"
#include "devices/vecmath.h"

#define FLOOR 1e-7

int mb_gfun_check(const mb_gfun *f, const char *name) {
    static const char *const forms[] = {"polynomial", "log", "power", "saturating", "table"};
    if (f->lo > f->hi) return mb_fail(MB_BADINPUT, "%s_lo = %g is above %s_hi = %g", name, f->lo, name, f->hi);
    if (f->split > 0 && !f->above.n)
        return mb_fail(MB_BADINPUT, "%s_split = %g asks for %s_above, a polynomial that holds from there on", name, f->split,
                       name);
    if (!f->c.n) return MB_OK;
    if (f->form == MB_GFUN_TABLE) {
        if (f->x.n != f->c.n)
            return mb_fail(MB_BADINPUT, "%s has %zu values and %s_x has %zu: a table needs as many", name, f->c.n, name, f->x.n);
        for (size_t i = 1; i < f->x.n; i++)
            if (!(f->x.v[i] > f->x.v[i - 1]))
                return mb_fail(MB_BADINPUT, "%s_x is not increasing: element %zu, %g, follows %g", name, i + 1, f->x.v[i],
                               f->x.v[i - 1]);
        return MB_OK;
    }
    if (f->x.n) return mb_fail(MB_BADINPUT, "%s_x belongs to %s_form = \"table\", but that is \"%s\"", name, name,
                            forms[f->form]);
    if (f->form != MB_GFUN_POLYNOMIAL && f->c.n != 2)
        return mb_fail(MB_BADINPUT, "%s: the form \"%s\" has two coefficients, found %zu", name, forms[f->form], f->c.n);
    if (f->form == MB_GFUN_SATURATING && !(f->c.v[1] > 0))
        return mb_fail(MB_BADINPUT, "%s: c0 (1 - exp(-x / c1)) needs c1 > 0, found %g", name, f->c.v[1]);
    return MB_OK;
}

bool mb_gfun_zero(const mb_gfun *f) {
    for (size_t i = 0; f->split > 0 && i < f->above.n; i++)
        if (f->above.v[i] != 0) return false;
    if (!f->c.n) return true;
    if (f->lo > 0 || f->hi < 0) return false;
    size_t n = f->form == MB_GFUN_POLYNOMIAL || f->form == MB_GFUN_TABLE || f->form == MB_GFUN_LOG ? f->c.n : 1;
    for (size_t i = 0; i < n; i++)
        if (f->c.v[i] != 0) return false;
    return true;
}

static double polynomial(const mb_reals *c, double x) {
    double y = 0;
    for (size_t i = c->n; i-- > 0;) y = y * x + c->v[i];
    return y;
}

static double table(const mb_gfun *f, double x) {
    size_t n = f->x.n, k = 0;
    if (x <= f->x.v[0]) return f->c.v[0];
    if (x >= f->x.v[n - 1]) return f->c.v[n - 1];
    for (size_t hi = n - 1; hi - k > 1;) {
        size_t mid = (k + hi) / 2;
        if (f->x.v[mid] <= x) k = mid;
        else hi = mid;
    }
    double w = (x - f->x.v[k]) / (f->x.v[k + 1] - f->x.v[k]);
    return f->c.v[k] + w * (f->c.v[k + 1] - f->c.v[k]);
}

double mb_gfun_at(const mb_gfun *f, double x) {
    double y = 0, r = x > FLOOR ? x : FLOOR;
    if (f->split > 0 && x >= f->split) return polynomial(&f->above, x);
    if (!f->c.n) return 0;
    const double *c = f->c.v;
    switch (f->form) {
    case MB_GFUN_POLYNOMIAL: y = polynomial(&f->c, x); break;
    case MB_GFUN_LOG: y = c[0] + c[1] * log(r); break;
    case MB_GFUN_POWER: y = c[0] * pow(r, c[1]); break;
    case MB_GFUN_SATURATING: y = c[0] * (1 - exp(-x / c[1])); break;
    default: y = table(f, x); break;
    }
    return y < f->lo ? f->lo : y > f->hi ? f->hi : y;
}

MB_CLONES static void fill_polynomial(const mb_reals *c, size_t n, const float *restrict x, float *restrict y) {
    float top = (float)c->v[c->n - 1];
    for (size_t i = 0; i < n; i++) y[i] = top;
    for (size_t k = c->n - 1; k-- > 0;) {
        float a = (float)c->v[k];
#pragma omp simd
        for (size_t i = 0; i < n; i++) y[i] = y[i] * x[i] + a;
    }
}

MB_CLONES static void fill_log(float a, float b, size_t n, const float *restrict x, float *restrict y) {
#pragma omp simd
    for (size_t i = 0; i < n; i++) y[i] = a + b * mb_vec_log(x[i] > 1e-7f ? x[i] : 1e-7f);
}

MB_CLONES static void fill_power(float a, float b, size_t n, const float *restrict x, float *restrict y) {
#pragma omp simd
    for (size_t i = 0; i < n; i++) y[i] = a * mb_vec_exp(b * mb_vec_log(x[i] > 1e-7f ? x[i] : 1e-7f));
}

MB_CLONES static void fill_saturating(float a, float b, size_t n, const float *restrict x, float *restrict y) {
#pragma omp simd
    for (size_t i = 0; i < n; i++) y[i] = a - a * mb_vec_exp(-x[i] / b);
}

MB_CLONES static void clip(float lo, float hi, size_t n, float *restrict y) {
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float v = y[i] < lo ? lo : y[i];
        y[i] = v > hi ? hi : v;
    }
}

void mb_gfun_fill(const mb_gfun *f, size_t n, const float *x, float *y) {
    if (!f->c.n) {
        for (size_t i = 0; i < n; i++) y[i] = 0;
    } else {
        float a = (float)f->c.v[0], b = f->c.n > 1 ? (float)f->c.v[1] : 0;
        switch (f->form) {
        case MB_GFUN_POLYNOMIAL: fill_polynomial(&f->c, n, x, y); break;
        case MB_GFUN_LOG: fill_log(a, b, n, x, y); break;
        case MB_GFUN_POWER: fill_power(a, b, n, x, y); break;
        case MB_GFUN_SATURATING: fill_saturating(a, b, n, x, y); break;
        default:
            for (size_t i = 0; i < n; i++) y[i] = (float)table(f, (double)x[i]);
        }
        clip((float)f->lo, (float)f->hi, n, y);
    }
    if (f->split > 0)
        for (size_t i = 0; i < n; i++)
            if ((double)x[i] >= f->split) y[i] = (float)polynomial(&f->above, (double)x[i]);
}
