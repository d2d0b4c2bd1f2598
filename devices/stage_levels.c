/* stage_levels.c - finite levels: what a cell can be told
 *
 *     levels = L, equally spaced:  G_j = G_min + j (G_max - G_min) / (L - 1)
 *     level_S:                     G_j as listed
 *     nearest                      j = argmin |G_j - G|, halves up
 *     index                        j = round((G - G_min) / (G_max - G_min) (L - 1)): with as many digits as levels the d-th digit
 *                                  is the d-th level
 *     0 levels                     G as asked for
 * Definition; no source. Called by cell_generic.c.
 */
#include <math.h>

#include "base/error.h"
#include "devices/stages.h"

int mb_generic_levels(const mb_generic *p) { return p->level_S.n ? (int)p->level_S.n : p->levels; }

double mb_generic_level(const mb_generic *p, int i) {
    if (p->level_S.n) return p->level_S.v[i];
    return p->g_min_S + i * (p->g_max_S - p->g_min_S) / (p->levels - 1);
}

int mb_stage_increasing(const mb_reals *list, const char *name, double least) {
    for (size_t i = 0; i < list->n; i++) {
        if (i == 0 && list->v[0] < least)
            return mb_fail(MB_BADINPUT, "%s begins with %g; it must be at least %g", name, list->v[0], least);
        if (i > 0 && !(list->v[i] > list->v[i - 1]))
            return mb_fail(MB_BADINPUT, "%s is not increasing: element %zu, %g, follows %g", name, i + 1, list->v[i],
                           list->v[i - 1]);
    }
    return MB_OK;
}

void mb_stage_at(const mb_reals *list, bool in_log, double t, size_t *k, double *w) {
    size_t n = list->n, i = 0;
    *w = 0;
    if (n == 0 || t <= list->v[0]) {
        *k = 0;
        return;
    }
    if (t >= list->v[n - 1]) {
        *k = n - 1;
        return;
    }
    while (i + 2 < n && list->v[i + 1] <= t) i++;
    double a = list->v[i], b = list->v[i + 1];
    *k = i;
    *w = in_log && a > 0 ? log(t / a) / log(b / a) : (t - a) / (b - a);
}

int mb_stage_levels_check(const mb_generic *p) {
    if (!(p->g_min_S < p->g_max_S))
        return mb_fail(MB_BADINPUT, "g_min_S = %g is not below g_max_S = %g", p->g_min_S, p->g_max_S);
    if (p->levels == 1)
        return mb_fail(MB_BADINPUT, "levels = 1: one level stores nothing; choose 2 or more, or 0 for continuous");
    if (!p->level_S.n) return MB_OK;
    if (p->level_S.n < 2) return mb_fail(MB_BADINPUT, "level_S has one level, which stores nothing; give 2 or more");
    if (p->levels && (size_t)p->levels != p->level_S.n)
        return mb_fail(MB_BADINPUT, "level_S lists %zu levels, but levels = %d; leave levels out", p->level_S.n, p->levels);
    int rc = mb_stage_increasing(&p->level_S, "level_S", 0);
    double lo = p->level_S.v[0], hi = p->level_S.v[p->level_S.n - 1], near = 1e-6 * p->g_max_S;
    if (!rc && (fabs(lo - p->g_min_S) > near || fabs(hi - p->g_max_S) > near))
        rc = mb_fail(MB_BADINPUT, "level_S runs from %g to %g S, but g_min_S = %g and g_max_S = %g: they must agree", lo, hi,
                     p->g_min_S, p->g_max_S);
    return rc;
}

static double nearest(const mb_reals *level, double g) {
    size_t k = 0, hi = level->n - 1;
    if (g >= level->v[hi]) return level->v[hi];
    while (hi - k > 1) {
        size_t mid = (k + hi) / 2;
        if (level->v[mid] <= g) k = mid;
        else hi = mid;
    }
    return g - level->v[k] < level->v[k + 1] - g ? level->v[k] : level->v[k + 1];
}

void mb_stage_levels(const mb_frame *f, size_t n, const float *target, float *g) {
    const mb_generic *p = f->p;
    int top = mb_generic_levels(p) - 1;
    if (top < 1) {
        for (size_t i = 0; i < n; i++) g[i] = target[i];
        return;
    }
    double span = p->g_max_S - p->g_min_S;
    bool listed = p->level_S.n > 0;
    for (size_t i = 0; i < n; i++) {
        if (listed && p->level_map == MB_LEVEL_NEAREST) {
            g[i] = (float)nearest(&p->level_S, (double)target[i]);
            continue;
        }
        double j = floor(((double)target[i] - p->g_min_S) / span * top + 0.5);
        j = j < 0 ? 0 : j > top ? top : j;
        g[i] = (float)(listed ? p->level_S.v[(size_t)j] : p->g_min_S + j * span / top);
    }
}
