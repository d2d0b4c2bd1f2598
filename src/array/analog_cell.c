/* analog_cell.c - errors, drift and current-voltage laws of cells in the analog engine
 *
 * Standard deviation of the additive error, in G_max, with u = G G_max in uS:
 *   normal_independent m, normal_proportional m G, normal_inverse m / G (0 at G = 0); uniform_*: uniform of full width m (m G,
 *     m / G);
 *   pcm_joshi  max(0, -0.00178767 u^2 + 0.07585724 u + 0.28638599) uS     Joshi et al., Nat. Commun. 11, 2473 (2020),
 *     doi:10.1038/s41467-020-16108-9
 *   rram_milo  max(0, -0.009107 u + 4.782321) uS                          Milo et al., IRPS 2021,
 *     doi:10.1109/IRPS46558.2021.9405119
 *   rram_wan   max(0, 1.536e-4 u^3 - 1.167e-2 u^2 + 0.2374 u + 1.053) uS  Wan et al., Nature 608, 504 (2022),
 *     doi:10.1038/s41586-022-04992-8
 *   sonos      A (1 - exp(-I / B)) nA of the cell current I               Agrawal et al., IEDM 2022,
 *     doi:10.1109/IEDM45625.2022.10019564
 * Drift: I <- I + sum_k poly_k I^k (nA), I = I_min + (I_max - I_min) (G - g) / R.
 * Currents for voltage v (in V_max): linear G v;  cubic G (v - 0.25 V_max^2 v^3);
 *   rram_milo  (Gs U + NL2(L) U^2 + NL3(L) U^3) R_min / V_max with Gs = G / R_min, U = v V_max, L = log10 Gs.
 */
#include <math.h>

#include "array/analog_private.h"
#include "base/error.h"

static const struct {
    double A, B, poly[11];
} sonos[6] = {{19.88665, 176.3115, {0}},
              {25.59102,
               186.85544,
               {0.172684, 0.0572552, -0.000685715, 3.50271e-06, -9.37682e-09, 1.40575e-11, -1.19803e-14, 5.41293e-18,
                -8.85448e-22, -1.66869e-25, 5.9518e-29}},
              {28.72753,
               193.56834,
               {0.250712, 0.0662195, -0.000683218, 2.99442e-06, -6.78255e-09, 7.70482e-12, -3.04983e-15, -2.15919e-18,
                2.94617e-21, -1.23359e-24, 1.85329e-28}},
              {31.04318,
               198.90332,
               {-0.01753, 0.0976883, -0.000963791, 4.55551e-06, -1.22391e-08, 1.93786e-11, -1.85899e-14, 1.07659e-17,
                -3.58211e-21, 5.96785e-25, -3.3041e-29}},
              {33.76214,
               204.77023,
               {0.0403338, 0.103111, -0.0010474, 4.83961e-06, -1.28132e-08, 1.99484e-11, -1.85139e-14, 1.00008e-17, -2.84944e-21,
                3.01008e-25, 1.18747e-29}},
              {34.57909,
               207.34309,
               {0.319927, 0.106596, -0.00104054, 4.5029e-06, -1.10352e-08, 1.56477e-11, -1.27592e-14, 5.45513e-18, -7.26841e-22,
                -2.43893e-25, 7.14608e-29}}};

void mb_analog_sonos(double days, double poly[11], double *A, double *B) {
    int d = days >= 4 ? 4 : days <= 0 ? 0 : (int)days;
    double f = days - d;
    if (f == 1) d++, f = 0;
    int e = f != 0 ? d + 1 : d;
    *A = sonos[d].A + f * (sonos[e].A - sonos[d].A);
    *B = sonos[d].B + f * (sonos[e].B - sonos[d].B);
    for (int k = 0; k < 11; k++) poly[k] = sonos[d].poly[k] + f * (sonos[e].poly[k] - sonos[d].poly[k]);
}

static double imax_nA(const mb_analog_cell *c) {
    return c->drift_imax_nA > 0 ? c->drift_imax_nA : c->read_V / c->r_min_ohm * 1e9;
}

bool mb_cell_drifts(const mb_analog_spec *s) {
    return s->cell.drift_poly.n > 0 || (s->cell.programming == MB_ERR_SONOS && s->cell.time_days > 0);
}

void mb_cell_drift(const mb_analog_spec *s, double g, size_t n, double *G) {
    const mb_analog_cell *c = &s->cell;
    double own[11], A, B, Imax = imax_nA(c), Imin = g * Imax, R = 1 - g;
    const double *poly = c->drift_poly.v;
    size_t terms = c->drift_poly.n;
    if (!terms) {
        mb_analog_sonos(c->time_days, own, &A, &B);
        poly = own;
        terms = 11;
    }
    for (size_t i = 0; i < n; i++) {
        double I = Imin + (Imax - Imin) * (G[i] - g) / R, d = 0;
        for (size_t k = terms; k-- > 0;) d = d * I + poly[k];
        double x = g + R * (I + d - Imin) / (Imax - Imin);
        G[i] = x > 0 ? x : 0;
    }
}

void mb_cell_clip(const mb_analog_spec *s, double g, size_t n, double *G) {
    double lo = s->cell.clip ? g : 0, hi = s->cell.clip ? 1 : (double)INFINITY;
    for (size_t i = 0; i < n; i++) G[i] = G[i] < lo ? lo : G[i] > hi ? hi : G[i];
}

static double positive(double x) { return x > 0 ? x : 0; }

/* Scale of the error of one cell: the standard deviation, or the full width. */
static double spread(int model, double m, double G, double Gmax_uS, double Imax, double A, double B) {
    double u = G * Gmax_uS;
    switch (model) {
    case MB_ERR_NORMAL:
    case MB_ERR_UNIFORM: return m;
    case MB_ERR_NORMAL_PROPORTIONAL:
    case MB_ERR_UNIFORM_PROPORTIONAL: return m * G;
    case MB_ERR_NORMAL_INVERSE:
    case MB_ERR_UNIFORM_INVERSE: return G > 0 ? m / G : 0;
    case MB_ERR_PCM_JOSHI: return positive((-0.00178767 * u + 0.07585724) * u + 0.28638599) / Gmax_uS;
    case MB_ERR_RRAM_MILO: return positive(-0.009107 * u + 4.782321) / Gmax_uS;
    case MB_ERR_RRAM_WAN: return positive(((1.536e-4 * u - 1.167e-2) * u + 0.2374) * u + 1.053) / Gmax_uS;
    case MB_ERR_SONOS: return positive(A * (1 - exp(-G * Imax / B))) / Imax;
    default: return 0;
    }
}

int mb_cell_errors(const mb_analog_spec *s, int model, double magnitude, bool reading, double days, double g, size_t n,
                   const double *G, double *out, mb_stream *rng, float *z) {
    const mb_analog_cell *c = &s->cell;
    double A = 0, B = 1, poly[11], Gmax_uS = 1e6 / c->r_min_ohm, Imax = imax_nA(c);
    bool uniform = model == MB_ERR_UNIFORM || model == MB_ERR_UNIFORM_PROPORTIONAL || model == MB_ERR_UNIFORM_INVERSE;
    if (reading) A = MB_ANALOG_SONOS_READ_A, B = MB_ANALOG_SONOS_READ_B;
    else mb_analog_sonos(days, poly, &A, &B);
    if (!uniform) mb_stream_fill_normal(rng, n, z);
    for (size_t i = 0; i < n; i++) {
        double e = uniform ? mb_stream_uniform(rng) - 0.5 : (double)z[i];
        out[i] = G[i] + e * spread(model, magnitude, G[i], Gmax_uS, Imax, A, B);
    }
    mb_cell_clip(s, g, n, out);
    return MB_OK;
}

static double poly_at(const mb_reals *v, const double *fallback, size_t n, double x) {
    double y = 0;
    const double *p = v->n ? v->v : fallback;
    for (size_t i = 0, k = v->n ? v->n : n; i < k; i++) y = y * x + p[i];
    return y;
}

double mb_cell_current(const mb_analog_spec *s, double G, double v, double *dI) {
    static const double nl2[] = {1.388e-4, 1.541e-3, 5.711e-3, 7.063e-3}, nl3[] = {8.871e-5, 6.7919e-4, 1.2968e-3};
    const mb_analog_cell *c = &s->cell;
    const double V = c->read_V;
    if (c->law == MB_IV_CUBIC) {
        if (dI) *dI = G * (1 - 0.75 * V * V * v * v);
        return G * (v - 0.25 * V * V * v * v * v);
    }
    if (c->law == MB_IV_RRAM_MILO && G > 0) {
        double Gs = G / c->r_min_ohm, U = v * V, L = log10(Gs), a = poly_at(&c->nl2, nl2, 4, L), b = poly_at(&c->nl3, nl3, 3, L),
               f = c->r_min_ohm / V;
        if (dI) *dI = (Gs + (2 * a + 3 * b * U) * U) * V * f;
        return (Gs + (a + b * U) * U) * U * f;
    }
    if (dI) *dI = G;
    return G * v;
}
