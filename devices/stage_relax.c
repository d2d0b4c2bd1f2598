/* stage_relax.c - relaxation: spread that appears in the seconds to days after programming
 *
 * relax_t_s lists times, relax_sigma one row of coefficients for each: s(t, x) = unit (c0 + c1 x + ...) or unit c0 (1 - exp(-x /
 * c1)), x = target / arg_unit. Between two times s and the shift are interpolated in log t or in t (relax_interp); after the last
 * they stay, before the first there is nothing. One xi ~ N(0, 1) per cell, so that a cell goes on in its direction:
 *     added   G = G_p + shift(t) + relax_scale s(t, x) xi
 *     total   G = G_p + shift(t) + sqrt(max(0, (relax_scale s(t, x'))^2 - sigma_p^2)) xi
 * sigma_p is the standard deviation that programming left (stage_program.c): the whole spread about the target is s(t). x' is the
 * target after polynomial drift (stage_drift.c). Programming does not clip at zero when relaxation follows: the sum is clipped.
 * References: Wan et al., Nature 608, 504 (2022), doi:10.1038/s41586-022-04992-8 (total); Falcone et al., arXiv:2502.04524
 * (added, both linear in ln t); Agrawal et al., IEDM 2022, doi:10.1109/IEDM45625.2022.10019564 (total, saturating).
 */
#include <math.h>

#include "base/error.h"
#include "devices/stages.h"

int mb_stage_relax_check(const mb_generic *p) {
    if (p->relax == MB_RELAX_NONE) return MB_OK;
    size_t T = p->relax_t_s.n, n = p->relax_sigma.n;
    if (!T || !n || n % T)
        return mb_fail(MB_BADINPUT,
                       "relax needs relax_t_s (T times) and relax_sigma (T rows of the same number of coefficients); found "
                       "%zu and %zu numbers",
                       T, n);
    if (p->relax_shift.n && p->relax_shift.n != T)
        return mb_fail(MB_BADINPUT, "relax_shift has %zu numbers for the %zu times of relax_t_s", p->relax_shift.n, T);
    if (p->relax_form == MB_RELAX_SATURATING) {
        if (n != 2 * T)
            return mb_fail(MB_BADINPUT, "relax_form = \"saturating\" has two coefficients per time, found %zu for %zu", n, T);
        for (size_t k = 0; k < T; k++)
            if (!(p->relax_sigma.v[2 * k + 1] > 0))
                return mb_fail(MB_BADINPUT, "relax_sigma: c0 (1 - exp(-x / c1)) needs c1 > 0, found %g",
                               p->relax_sigma.v[2 * k + 1]);
    }
    if (p->relax == MB_RELAX_TOTAL && (mb_stage_verify_on(p) || p->prog_distribution == MB_DIST_TABLE))
        return mb_fail(MB_BADINPUT, "relax = \"total\" needs the standard deviation that programming leaves, which verify and "
                                    "prog_distribution = \"table\" hide; use relax = \"added\"");
    return mb_stage_increasing(&p->relax_t_s, "relax_t_s", 0);
}

static double spread(const mb_generic *p, size_t row, double x) {
    size_t m = p->relax_sigma.n / p->relax_t_s.n;
    const double *c = p->relax_sigma.v + row * m;
    double s = 0;
    if (p->relax_form == MB_RELAX_SATURATING) s = c[0] * (1 - exp(-x / c[1]));
    else
        for (size_t k = m; k-- > 0;) s = s * x + c[k];
    return s > 0 ? s : 0;
}

void mb_stage_relax(const mb_frame *f, double t_s, size_t n, const float *target, const float *z, float *g) {
    const mb_generic *p = f->p;
    if (t_s < p->relax_t_s.v[0]) return;
    size_t k;
    double w, shift = 0, last = -1, sigma = 0;
    mb_stage_at(&p->relax_t_s, p->relax_interp == MB_INTERP_LOG, t_s, &k, &w);
    if (p->relax_shift.n) shift = p->relax_shift.v[k] + (w > 0 ? w * (p->relax_shift.v[k + 1] - p->relax_shift.v[k]) : 0);
    for (size_t i = 0; i < n; i++) {
        double G = (double)target[i];
        if (G != last) { /* neighbours often share their target */
            double x = G / f->arg;
            if (p->relax == MB_RELAX_TOTAL) x = (G + mb_stage_drift_shift(f, t_s, G)) / f->arg;
            sigma = spread(p, k, x);
            if (w > 0) sigma += w * (spread(p, k + 1, x) - sigma);
            sigma *= f->unit * p->relax_scale;
            if (p->relax == MB_RELAX_TOTAL) {
                double s = mb_stage_program_whole(f, G), left = sigma * sigma - s * s;
                sigma = left > 0 ? sqrt(left) : 0;
            }
            last = G;
        }
        g[i] = (float)((double)g[i] + p->relax_scale * f->unit * shift + sigma * (double)z[i]);
    }
}
