/* sample.c - statistics of a kind of memory cell (sample.h) */
#include "run/sample.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

enum { NOISE_CELLS = 64, NOISE_READS = 128, SEGMENT = 256, TRACE = 2048, TRACE_CELLS = 24, IV_POINTS = 41, GRID = 8192 };

/* --- times --------------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    double s;
} time_unit[] = {{"y", 31557600}, {"d", 86400}, {"h", 3600}, {"min", 60}, {"s", 1}, {"ms", 1e-3}, {"us", 1e-6}, {"ns", 1e-9}};
#define TIME_UNITS (sizeof time_unit / sizeof *time_unit)

int mb_times_parse(const char *text, double **t, size_t *n) {
    double *v = mb_malloc(strlen(text) / 2 + 2, sizeof *v);
    size_t k = 0;
    *t = NULL;
    *n = 0;
    if (!v) return mb_nomem();
    for (const char *s = text; *s;) {
        char *end, unit[8];
        double x = strtod(s, &end), scale = 1;
        size_t len = strcspn(end, ", ");
        bool good = end != s && isfinite(x) && x >= 0 && len < sizeof unit;
        if (good && len) {
            size_t i = 0;
            while (i < TIME_UNITS && (strlen(time_unit[i].name) != len || strncmp(time_unit[i].name, end, len) != 0)) i++;
            good = i < TIME_UNITS;
            if (good) scale = time_unit[i].s;
        }
        if (!good || x * scale > 1e12 || (k > 0 && x * scale <= v[k - 1])) {
            mb_free(v);
            return mb_fail(MB_BADINPUT, "times \"%.60s\": at \"%.20s\": %s; write for example 0,1,60,1h,1d,30d,1y", text, s,
                           good ? "times must increase and stay below 1e12 s" : "not a time (units: ns us ms s min h d y)");
        }
        v[k++] = x * scale;
        s = end + len;
        s += strspn(s, ", ");
    }
    if (k == 0) {
        mb_free(v);
        return mb_fail(MB_BADINPUT, "no times are given; write for example 0,1,60,1h,1d,30d,1y");
    }
    *t = v;
    *n = k;
    return MB_OK;
}

/* --- what is being drawn ------------------------------------------------------------------------------------------------- */

typedef struct work {
    const mb_cell *cell;
    mb_sample *s;
    size_t n; /* cells per level */
    float *target, *state, *g;
    double *v, *reads; /* reads: [n_level][n], at the time at hand */
    double *count;     /* confusion, n_level x n_level */
    double *fresh;     /* mean() at t = 0, [n_level][n] */
} work;

static mb_stream stream(const work *w, mb_rng_domain domain, size_t level, uint32_t index) {
    mb_stream s;
    mb_stream_init(&s, w->s->o.seed, domain, 0, (uint32_t)level, index);
    return s;
}

/* Where error-free cells stand. Cells with levels: the grid is found by programming fine targets with every effect switched off. */
static int targets(work *w) {
    mb_sample *s = w->s;
    const mb_cell_type *t = w->cell->type;
    int rc = MB_OK;
    size_t found = 0;
    s->levels = t->levels(w->cell->params);
    s->n_level = (size_t)(s->levels > 0 && s->levels <= MB_SAMPLE_MAX_LEVELS ? s->levels : s->o.levels);
    s->all_levels = s->levels <= MB_SAMPLE_MAX_LEVELS;
    s->level = mb_calloc(s->n_level, sizeof *s->level);
    if (!s->level) return mb_nomem();
    for (size_t i = 0; i < s->n_level; i++)
        s->level[i].target = s->g_min + (s->g_max - s->g_min) * (double)i / (double)(s->n_level - 1);
    if (s->levels <= 0 || (!t->without && !t->deterministic(w->cell->params))) return rc;
    void *clean = mb_malloc(t->size, 1);
    float *fine = mb_malloc(GRID, sizeof *fine), *state = mb_malloc((size_t)t->n_state * GRID, sizeof *state);
    if (clean && fine && state) {
        mb_stream rng = stream(w, MB_RNG_PROGRAM, 0, 0xFFFFFFFFu);
        memcpy(clean, w->cell->params, t->size);
        for (int k = 0; t->without && t->effects && t->effects[k]; k++) t->without(clean, k);
        for (size_t i = 0; i < GRID; i++) fine[i] = (float)(s->g_min + (s->g_max - s->g_min) * (double)i / (GRID - 1));
        t->program(clean, GRID, fine, state, &rng);
        t->mean(clean, GRID, state, 0, s->o.temp_K, fine);
        double last = -1;
        for (size_t i = 0; i < GRID; i++) {
            if ((double)fine[i] <= last + 1e-6 * s->g_max) continue;
            last = (double)fine[i];
            if (found < s->n_level && s->levels == (int)s->n_level) s->level[found].target = last;
            found++;
        }
        if (s->levels == (int)s->n_level && found != s->n_level) /* not resolved: equally spaced as above */
            for (size_t i = 0; i < s->n_level; i++)
                s->level[i].target = s->g_min + (s->g_max - s->g_min) * (double)i / (double)(s->n_level - 1);
    } else {
        rc = mb_nomem();
    }
    mb_free(clean);
    mb_free(fine);
    mb_free(state);
    return rc;
}

/* The first N cells of level I. */
static void program_level(work *w, size_t i, size_t n) {
    mb_stream rng = stream(w, MB_RNG_PROGRAM, i, 0);
    for (size_t k = 0; k < n; k++) w->target[k] = (float)w->s->level[i].target;
    w->cell->type->program(w->cell->params, n, w->target, w->state, &rng);
}

static void read_level(work *w, size_t level, double t, uint32_t index, float *g) {
    mb_stream rng = stream(w, MB_RNG_READ, level, index);
    w->cell->type->read(w->cell->params, w->n, w->state, t, w->s->o.temp_K, g, &rng);
}

/* Repeated reads of some cells: spread around each cell's mean. */
static void noise_of(work *w, size_t i) {
    mb_sample_level *l = &w->s->level[i];
    const mb_cell_type *t = w->cell->type;
    const size_t cells = w->n < NOISE_CELLS ? w->n : NOISE_CELLS;
    double sum2 = 0, sum3 = 0, sum4 = 0, n = 0;
    program_level(w, i, cells); /* the state of few cells is laid out for few */
    t->mean(w->cell->params, cells, w->state, 0, w->s->o.temp_K, w->target);
    for (uint32_t r = 0; r < NOISE_READS; r++) {
        mb_stream rng = stream(w, MB_RNG_READ, i, 0x10000u + r);
        t->read(w->cell->params, cells, w->state, 0, w->s->o.temp_K, w->g, &rng);
        for (size_t k = 0; k < cells; k++) {
            const double d = (double)w->g[k] - (double)w->target[k];
            sum2 += d * d;
            sum3 += d * d * d;
            sum4 += d * d * d * d;
            n++;
        }
    }
    l->noise_sd = n > 0 ? sqrt(sum2 / n) : 0;
    if (sum2 > 0) {
        const double var = sum2 / n;
        l->noise_skew = sum3 / n / (var * sqrt(var));
        l->noise_kurtosis = sum4 / n / (var * var) - 3;
        if (!isfinite(l->noise_skew)) l->noise_skew = 0;
        if (!isfinite(l->noise_kurtosis)) l->noise_kurtosis = 0;
    }
    l->noise_model = 0;
    if (t->read_sigma) {
        t->read_sigma(w->cell->params, cells, w->state, 0, w->s->o.temp_K, w->target, w->g);
        for (size_t k = 0; k < cells; k++) l->noise_model += (double)w->g[k] * (double)w->g[k] / (double)cells;
        l->noise_model = sqrt(l->noise_model);
    }
    if (l->noise_sd > 0) w->s->noisy = true;
}

static void histogram(mb_sample_level *l, const double *v, size_t n) {
    const double lo = l->programmed.min, width = (l->programmed.max - lo) / MB_SAMPLE_BINS;
    for (size_t k = 0; k < n; k++) {
        const double at = width > 0 ? (v[k] - lo) / width : 0;
        const size_t b = at >= MB_SAMPLE_BINS ? MB_SAMPLE_BINS - 1 : (size_t)at;
        l->histogram[b]++;
    }
}

/* --- overlap ------------------------------------------------------------------------------------------------------------- */

/* Reads of a level as a normal distribution; where a few cells far away (stuck ones) make the deviation, the rest of them: median, and width between the
 * quantiles of 5 % and 95 %. */
static mb_moments bulk(const mb_sample_level *l) {
    mb_moments m = l->read;
    const double q = (l->q95 - l->q05) / 3.289707253902945, sd = sqrt(q * q + l->noise_sd * l->noise_sd);
    if (m.sd > 1.25 * sd) {
        m.mean = l->q50;
        m.sd = sd;
    }
    return m;
}

static void pairs(work *w) {
    mb_sample *s = w->s;
    for (size_t i = 0; i + 1 < s->n_level; i++) {
        mb_sample_pair *p = &s->pair[i];
        const mb_moments a = bulk(&s->level[i]), b = bulk(&s->level[i + 1]);
        const bool far = a.sd < s->level[i].read.sd || b.sd < s->level[i + 1].read.sd;
        size_t wrong = 0;
        mb_stat_threshold(a.mean, a.sd, b.mean, b.sd, &p->threshold, &p->error);
        for (size_t k = 0; k < w->n; k++) {
            wrong += w->reads[i * w->n + k] > p->threshold;
            wrong += w->reads[(i + 1) * w->n + k] < p->threshold;
        }
        p->counted = (double)wrong / (2.0 * (double)w->n);
        if (far && p->counted > p->error) p->error = p->counted;
    }
    double room = 0; /* integral of dG / (6 sigma(G)) over the range, sigma linear between levels */
    for (size_t i = 0; i + 1 < s->n_level; i++) {
        const double a = bulk(&s->level[i]).sd, b = bulk(&s->level[i + 1]).sd, d = s->level[i + 1].target - s->level[i].target;
        const double inverse = fabs(b - a) > 1e-6 * (a + b) ? log(b / a) / (b - a) : a > 0 ? 1 / a : (double)INFINITY;
        room += d / 6 * inverse;
    }
    s->separable = isnan(room) ? (double)INFINITY : floor(1 + room);
}

/* The level whose interval between thresholds holds G: bisection over rising thresholds. */
static size_t decide(const mb_sample *s, double g) {
    size_t lo = 0, hi = s->n_level - 1;
    while (lo < hi) {
        const size_t mid = (lo + hi) / 2;
        if (g > s->pair[mid].threshold) lo = mid + 1;
        else hi = mid;
    }
    return lo;
}

/* Everything about time K, from states that are programmed anew from the same stream. */
static void age(work *w, size_t k) {
    mb_sample *s = w->s;
    const size_t L = s->n_level;
    double e2 = 0, wrong = 0, ratio = 0, n_ratio = 0;
    mb_sample_age *a = &s->age[k];
    a->time_s = s->o.time_s[k];
    memset(w->count, 0, L * L * sizeof *w->count);
    for (size_t i = 0; i < L; i++) {
        program_level(w, i, w->n);
        w->cell->type->mean(w->cell->params, w->n, w->state, a->time_s, s->o.temp_K, w->g);
        for (size_t q = 0; q < w->n; q++) {
            w->v[q] = (double)w->g[q];
            if (k == 0) w->fresh[i * w->n + q] = w->v[q];
            if (w->fresh[i * w->n + q] > 0) ratio += w->v[q] / w->fresh[i * w->n + q], n_ratio++;
        }
        const mb_moments m = mb_stat_moments(w->v, w->n);
        s->mean[k * L + i] = m.mean;
        s->sd[k * L + i] = m.sd;
        if (k == 0) {
            mb_sample_level *l = &s->level[i];
            l->programmed = m;
            histogram(l, w->v, w->n);
            mb_stat_sort(w->v, w->n);
            l->q05 = mb_stat_quantile(w->v, w->n, 0.05);
            l->q50 = mb_stat_quantile(w->v, w->n, 0.5);
            l->q95 = mb_stat_quantile(w->v, w->n, 0.95);
        }
        read_level(w, i, a->time_s, (uint32_t)k, w->g);
        for (size_t q = 0; q < w->n; q++) w->reads[i * w->n + q] = (double)w->g[q];
        if (k == 0) s->level[i].read = mb_stat_moments(w->reads + i * w->n, w->n);
        if (k == 0) noise_of(w, i);
    }
    if (k == 0) pairs(w);
    for (size_t i = 0; i < L; i++)
        for (size_t q = 0; q < w->n; q++) {
            const double g = w->reads[i * w->n + q], e = g - s->level[i].target;
            const size_t out = decide(s, g);
            w->count[i * L + out]++;
            wrong += out != i;
            e2 += e * e;
        }
    const double n = (double)L * (double)w->n, rms = sqrt(e2 / n), bits = log2((s->g_max - s->g_min) / (sqrt(12) * rms));
    a->error = wrong / n;
    a->effective_bits = rms > 1e-7 * s->g_max ? fmax(0, bits) : (double)INFINITY; /* below the float of the interface: exact */
    a->information_bits = mb_stat_information(w->count, L);
    a->ratio = n_ratio > 0 ? ratio / n_ratio : 1;
}

/* --- spectrum, current-voltage curve ------------------------------------------------------------------------------------- */

/* The cell's own spectrum, one day after programming, from 1 mHz to the highest frequency that reads one after the other see; its
 * slope from 1 Hz to 1 kHz. */
static void known_spectrum(work *w, int which, size_t level) {
    mb_sample *s = w->s;
    const double g = s->level[level].programmed.mean, lo = 1e-3, hi = fmax(0.5 / s->o.read_s, 10 * lo);
    double lx[SEGMENT], ly[SEGMENT];
    size_t n = 0;
    s->psd_level[which] = g;
    for (size_t f = 0; f < s->n_freq; f++) {
        s->freq[f] = lo * pow(hi / lo, (double)f / (double)(s->n_freq - 1));
        s->psd[which][f] = w->cell->type->spectrum(w->cell->params, g, 86400, s->o.temp_K, s->freq[f]) / (g > 0 ? g * g : 1);
        if (s->freq[f] >= 1 && s->freq[f] <= 1000 && n < SEGMENT && s->psd[which][f] > 0)
            lx[n] = log(s->freq[f]), ly[n++] = log(s->psd[which][f]);
    }
    const mb_line l = mb_stat_line(lx, ly, NULL, n);
    s->slope[which] = l.b;
    s->slope_se[which] = l.se_b;
}

static int spectrum(work *w, int which, size_t level) {
    mb_sample *s = w->s;
    const mb_cell_type *t = w->cell->type;
    if (t->spectrum) {
        s->analytic = true;
        known_spectrum(w, which, level);
        return MB_OK;
    }
    const size_t cells = w->n < TRACE_CELLS ? w->n : TRACE_CELLS, half = SEGMENT / 2;
    int rc = MB_OK;
    double *trace = mb_calloc(TRACE * cells, sizeof *trace), *psd = mb_malloc(half + 1, sizeof *psd),
           *lx = mb_malloc(half, sizeof *lx), *ly = mb_malloc(half, sizeof *ly), mean = 0;
    if (!trace || !psd || !lx || !ly) {
        rc = mb_nomem();
        goto out;
    }
    program_level(w, level, cells);
    for (uint32_t r = 0; r < TRACE; r++) {
        const double at = 1 + r * s->o.read_s; /* from one second after programming */
        mb_stream rng = stream(w, MB_RNG_READ, level, 0x20000u + r);
        t->mean(w->cell->params, cells, w->state, at, s->o.temp_K, w->target);
        t->read(w->cell->params, cells, w->state, at, s->o.temp_K, w->g, &rng);
        for (size_t k = 0; k < cells; k++) {
            trace[k * TRACE + r] = (double)w->g[k] - (double)w->target[k];
            mean += (double)w->target[k] / (TRACE * (double)cells);
        }
    }
    for (size_t k = 0; k < cells && !rc; k++) {
        rc = mb_stat_spectrum(trace + k * TRACE, TRACE, s->o.read_s, SEGMENT, s->freq, psd);
        for (size_t f = 0; f <= half && !rc; f++) s->psd[which][f] += psd[f] / (double)cells / (mean > 0 ? mean * mean : 1);
    }
    if (rc) goto out;
    size_t n = 0;
    for (size_t f = 1; f < half; f++)
        if (s->psd[which][f] > 0) lx[n] = log(s->freq[f]), ly[n++] = log(s->psd[which][f]);
    const mb_line l = mb_stat_line(lx, ly, NULL, n);
    s->slope[which] = l.b;
    s->slope_se[which] = l.se_b;
    s->psd_level[which] = mean;
out:
    mb_free(trace);
    mb_free(psd);
    mb_free(lx);
    mb_free(ly);
    return rc;
}

static void curves(work *w) {
    mb_sample *s = w->s;
    const mb_cell_type *t = w->cell->type;
    const double V = s->cost.read_V;
    s->linear = true;
    for (int k = 0; k < 3; k++) {
        s->iv_g[k] = s->level[k == 0 ? 0 : k == 1 ? s->n_level / 2 : s->n_level - 1].target;
        for (size_t i = 0; i < s->n_iv; i++) {
            const double u = 2.0 * (double)i / (double)(s->n_iv - 1) - 1,
                         f = t->shape ? t->shape(w->cell->params, s->iv_g[k], u) : u;
            s->volt[i] = u * V;
            s->amp[k][i] = s->iv_g[k] * V * f;
            if (fabs(f - u) > 1e-6) s->linear = false;
        }
    }
    for (size_t i = 0; i < s->n_level; i++) {
        mb_sample_level *l = &s->level[i];
        l->flat = t->shape ? t->shape(w->cell->params, l->target, 0.5) : 0.5;
        l->read_W = V * V * l->programmed.mean;
        l->read_J = l->read_W * s->o.read_s;
    }
}

/* --- the whole ----------------------------------------------------------------------------------------------------------- */

static int allocate(work *w) {
    mb_sample *s = w->s;
    const size_t L = s->n_level, n = w->n;
    s->pair = mb_calloc(L, sizeof *s->pair);
    s->age = mb_calloc(s->n_time, sizeof *s->age);
    s->mean = mb_calloc(s->n_time * L, sizeof *s->mean);
    s->sd = mb_calloc(s->n_time * L, sizeof *s->sd);
    s->n_freq = SEGMENT / 2 + 1;
    s->freq = mb_calloc(s->n_freq, sizeof *s->freq);
    s->n_iv = IV_POINTS;
    s->volt = mb_calloc(s->n_iv, sizeof *s->volt);
    w->target = mb_calloc(n, sizeof *w->target);
    w->state = mb_calloc((size_t)w->cell->type->n_state * n, sizeof *w->state);
    w->g = mb_calloc(n, sizeof *w->g);
    w->v = mb_calloc(n, sizeof *w->v);
    w->reads = mb_calloc(L * n, sizeof *w->reads);
    w->fresh = mb_calloc(L * n, sizeof *w->fresh);
    w->count = mb_calloc(L * L, sizeof *w->count);
    bool good = s->pair && s->age && s->mean && s->sd && s->freq && s->volt && w->target && w->state && w->g && w->v &&
                w->reads && w->fresh && w->count;
    for (int k = 0; k < 2; k++) good = (s->psd[k] = mb_calloc(s->n_freq, sizeof(double))) != NULL && good;
    for (int k = 0; k < 3; k++) good = (s->amp[k] = mb_calloc(s->n_iv, sizeof(double))) != NULL && good;
    return good ? MB_OK : mb_nomem();
}

int mb_sample_cell(const mb_cell *cell, const mb_sample_options *o, mb_sample *s) {
    *s = (mb_sample){.o = *o, .n_time = o->n_time, .cells = (size_t)o->cells};
    work w = {.cell = cell, .s = s, .n = (size_t)o->cells};
    if (o->n_time == 0 || o->time_s[0] != 0 || o->cells < 2 || o->levels < 2 || o->levels > MB_SAMPLE_MAX_LEVELS ||
        !(o->read_s > 0))
        return mb_fail(MB_BADINPUT, "sampling a cell wants at least two cells, 2 to %d levels and times that begin at 0",
                       MB_SAMPLE_MAX_LEVELS);
    cell->type->range(cell->params, &s->g_min, &s->g_max);
    s->deterministic = cell->type->deterministic(cell->params);
    cell->type->cost(cell->params, &s->cost);
    int rc = targets(&w);
    if (!rc) rc = allocate(&w);
    for (size_t k = 0; k < s->n_time && !rc; k++) age(&w, k);
    if (!rc && s->noisy) rc = spectrum(&w, 0, s->n_level / 2);
    if (!rc && s->noisy) rc = spectrum(&w, 1, s->n_level - 1);
    if (!rc) curves(&w);
    mb_free(w.target);
    mb_free(w.state);
    mb_free(w.g);
    mb_free(w.v);
    mb_free(w.reads);
    mb_free(w.fresh);
    mb_free(w.count);
    if (rc) mb_sample_free(s);
    return rc;
}

int mb_sample_data(const mb_cell *cell, const mb_sample *s, int cells, int reads, mb_str *csv) {
    const size_t n = (size_t)cells;
    mb_sample copy = *s;
    work w = {.cell = cell, .s = &copy, .n = n};
    w.target = mb_calloc(n, sizeof *w.target);
    w.state = mb_calloc((size_t)cell->type->n_state * n, sizeof *w.state);
    w.g = mb_calloc(n, sizeof *w.g);
    int rc = w.target && w.state && w.g ? MB_OK : mb_nomem();
    mb_str_add(csv, "cell,target_S,time_s,conductance_S\n");
    for (size_t i = 0; i < s->n_level && !rc; i++) {
        program_level(&w, i, n);
        for (size_t k = 0; k < s->n_time; k++)
            for (int r = 0; r < reads; r++) {
                read_level(&w, i, s->o.time_s[k], (uint32_t)(0x30000 + (size_t)r * 64 + k), w.g);
                for (size_t q = 0; q < n; q++)
                    mb_str_addf(csv, "%zu,%.7g,%.9g,%.7g\n", i * n + q, s->level[i].target, s->o.time_s[k], (double)w.g[q]);
            }
    }
    if (!rc && csv->failed) rc = mb_nomem();
    mb_free(w.target);
    mb_free(w.state);
    mb_free(w.g);
    return rc;
}

void mb_sample_free(mb_sample *s) {
    mb_free(s->level);
    mb_free(s->pair);
    mb_free(s->age);
    mb_free(s->mean);
    mb_free(s->sd);
    mb_free(s->freq);
    mb_free(s->volt);
    for (int k = 0; k < 2; k++) mb_free(s->psd[k]);
    for (int k = 0; k < 3; k++) mb_free(s->amp[k]);
    *s = (mb_sample){0};
}
