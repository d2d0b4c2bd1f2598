/* sensitivity_measured.c - what a layer loses when it alone runs on the simulated arrays: noise, converters, wires, faults and all (ours)
 *
 *     S = KL(p || q) of the class probabilities q with the layer on the arrays from those p of exact integers (metric = kl), or the increase of the mean loss,
 * over calibration samples and device draws, with standard errors; all settings meet the same samples and draws (run/measure.h).
 *
 * A menu of several keys has hundreds of settings per layer; errors of independent sources add in power, and to second order the divergence is their sum. So with
 * design = "star" the keys are varied one by one, each around the best setting so far, and the others are estimated:
 *     S(setting) = S(best) + sum over keys (S(key's value) - S(key's best value))
 * Estimates are marked; policies that are going to build on one have it measured first (mapping/mixed.h), so that plans rest on measurements.
 * Engine and scheme are no scales: each pair of them has its own star.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "mapping/sensitivity.h"

typedef struct measured_params {
    int metric, samples, trials, design;
    double stress;
} measured_params;

static const mb_param table[] = {
    MB_CHOICE(measured_params, metric, "kl|loss", "kl", "divergence of the class probabilities, or increase of the loss"),
    MB_INT(measured_params, samples, "", "128", 0, 1000000, "calibration samples, at most all that the experiment takes; 0: these"),
    MB_INT(measured_params, trials, "", "12", 1, 10000, "device draws"),
    MB_REAL(measured_params, stress, "", "1", 0, 100, "factor on the errors of the cells"),
    MB_CHOICE(measured_params, design, "star|full", "star", "keys one by one and estimates in between, or every setting of every layer"),
    MB_PARAM_END,
};

static const char *const scales[] = {"weight_bits", "cell_bits", "input_bits", "dac_bits", "adc_bits", "rows_active", "skip_slices", "keep_outputs", "keep_inputs"};
enum { SCALES = sizeof scales / sizeof *scales, STARS = 4 };

/* Settings that differ in their copies only compute the same. */
static bool same(const mb_assign *a, const mb_assign *b) {
    mb_assign x = *a;
    x.copies = b->copies;
    return !memcmp(&x, b, sizeof x);
}

static int star_of(const mb_assign *a) { return 2 * (a->engine == MB_DIGITAL) + (a->scheme != 0); }

/* --- measuring choices -------------------------------------------------------------------------------------------------- */

/* All of ASK [layer][choice] that are not measured yet; KNOWN says which are. */
static int measure(const measured_params *par, mb_oracle *o, const mb_space *space, bool *const *ask, bool *const *known, mb_sensitivity *out) {
    int n = 0, total = 0, top[2] = {1, 1};
    for (int i = 0; i < space->n; i++) total += space->m[i];
    mb_assign *setting = mb_malloc((size_t)total, sizeof *setting);
    if (!setting) return mb_nomem();
    for (int i = 0; i < space->n; i++)
        for (int j = 0; j < space->m[i]; j++) {
            const mb_assign *a = &space->choice[i][j];
            top[0] = a->weight_bits > top[0] ? a->weight_bits : top[0];
            top[1] = a->input_bits > top[1] ? a->input_bits : top[1];
            bool have = !ask[i][j] || known[i][j];
            for (int s = 0; s < n && !have; s++) have = same(a, &setting[s]);
            if (!have) setting[n++] = *a;
        }
    bool *use = mb_calloc((size_t)space->n, (size_t)(n + 1) * sizeof *use);
    mb_measurement *m = mb_calloc((size_t)space->n, (size_t)(n + 1) * sizeof *m);
    int rc = use && m ? MB_OK : mb_nomem();
    for (int i = 0; i < space->n && !rc; i++)
        for (int j = 0; j < space->m[i]; j++)
            for (int s = 0; s < n && ask[i][j] && !known[i][j]; s++)
                if (same(&space->choice[i][j], &setting[s])) use[i * n + s] = true;
    const mb_measure_ask q = {.setting = setting, .n = n, .use = use, .samples = par->samples, .trials = par->trials, .stress = par->stress,
                              .weight_bits = top[0], .input_bits = top[1]};
    if (!rc && n) rc = mb_oracle_measure(o, "measured", &q, m);
    for (int i = 0; i < space->n && !rc; i++)
        for (int j = 0; j < space->m[i]; j++)
            for (int s = 0; s < n && !known[i][j]; s++) {
                if (!use[i * n + s] || !same(&space->choice[i][j], &setting[s])) continue;
                const mb_measurement *v = &m[i * n + s];
                out->value[i][j] = par->metric == 0 ? v->kl : v->loss;
                out->half_width[i][j] = 1.959963984540054 * (par->metric == 0 ? v->kl_se : v->loss_se);
                known[i][j] = true;
            }
    mb_free(setting);
    mb_free(use);
    mb_free(m);
    return rc;
}

/* --- the star ------------------------------------------------------------------------------------------------------------- */

typedef struct design {
    const mb_space *space;
    bool **ask, **known;
    int (*centre)[STARS];        /* [layers] choice, -1: the layer has no such settings */
    /* Measured on the way: the key's value of choice j is worth EFFECT more than its best; NaN: unknown. [layers][choices][scales] */
    double **effect;
} design;

static void design_free(design *d) {
    for (int i = 0; i < d->space->n; i++) {
        if (d->ask) mb_free(d->ask[i]);
        if (d->known) mb_free(d->known[i]);
        if (d->effect) mb_free(d->effect[i]);
    }
    mb_free(d->ask);
    mb_free(d->known);
    mb_free(d->effect);
    mb_free(d->centre);
}

/* Starts with most bits everywhere and what else comes first in the menu. */
static int design_new(const mb_space *space, design *d) {
    const size_t n = (size_t)space->n;
    *d = (design){.space = space, .ask = mb_calloc(n, sizeof(bool *)), .known = mb_calloc(n, sizeof(bool *)), .effect = mb_calloc(n, sizeof(double *)),
                  .centre = mb_malloc(n, sizeof *d->centre)};
    if (!d->ask || !d->known || !d->effect || !d->centre) return mb_nomem();
    for (int i = 0; i < space->n; i++) {
        const size_t m = (size_t)space->m[i];
        d->ask[i] = mb_calloc(m, sizeof(bool));
        d->known[i] = mb_calloc(m, sizeof(bool));
        d->effect[i] = mb_calloc(m, SCALES * sizeof(double));
        if (!d->ask[i] || !d->known[i] || !d->effect[i]) return mb_nomem();
        for (int s = 0; s < STARS; s++) d->centre[i][s] = -1;
        for (int j = 0; j < space->m[i]; j++) {
            const mb_assign *a = &space->choice[i][j];
            int *c = &d->centre[i][star_of(a)];
            const mb_assign *b = *c < 0 ? a : &space->choice[i][*c];
            const int more = 100 * (a->weight_bits - b->weight_bits) + 10 * (a->input_bits - b->input_bits) + a->adc_bits - b->adc_bits;
            if (*c < 0 || more > 0) *c = j;
        }
    }
    return MB_OK;
}

/* Do A and B agree in all but row KEY of the assignment, copies aside? */
static bool agree(const mb_assign *a, const mb_assign *b, int key) {
    mb_assign x = *a;
    mb_assign_set(&x, key, mb_assign_get(b, key));
    return same(&x, b);
}

/* Vary scale S around the centres, note what each value costs, move the centres to the best. */
static int vary(const measured_params *par, mb_oracle *o, design *d, int s, mb_sensitivity *out) {
    const mb_space *space = d->space;
    const int key = mb_assign_key(scales[s]);
    for (int i = 0; i < space->n; i++)
        for (int j = 0; j < space->m[i]; j++)
            d->ask[i][j] = agree(&space->choice[i][j], &space->choice[i][d->centre[i][star_of(&space->choice[i][j])]], key);
    int rc = measure(par, o, space, d->ask, d->known, out);
    for (int i = 0; i < space->n && !rc; i++)
        for (int star = 0; star < STARS; star++) {
            const int c = d->centre[i][star];
            if (c < 0) continue;
            int best = c;
            for (int j = 0; j < space->m[i]; j++) {
                if (!d->ask[i][j] || star_of(&space->choice[i][j]) != star) continue;
                if (out->value[i][j] < out->value[i][best]) best = j;
            }
            for (int j = 0; j < space->m[i]; j++) {
                const mb_assign *a = &space->choice[i][j];
                if (star_of(a) != star) continue;
                double *e = &d->effect[i][j * SCALES + s];
                *e = (double)NAN;
                for (int q = 0; q < space->m[i]; q++) /* the asked choice with the same value of the key */
                    if (d->ask[i][q] && star_of(&space->choice[i][q]) == star && mb_assign_get(&space->choice[i][q], key) == mb_assign_get(a, key))
                        *e = out->value[i][q] - out->value[i][best];
            }
            d->centre[i][star] = best;
        }
    return rc;
}

static bool varies(const mb_space *space, int key) {
    for (int i = 0; i < space->n; i++)
        for (int j = 1; j < space->m[i]; j++)
            if (mb_assign_get(&space->choice[i][j], key) != mb_assign_get(&space->choice[i][0], key)) return true;
    return false;
}

/* Estimates of what was not measured; what a missing arm of the star keeps unknown is asked. */
static void estimate(design *d, mb_sensitivity *out) {
    const mb_space *space = d->space;
    for (int i = 0; i < space->n; i++)
        for (int j = 0; j < space->m[i]; j++) {
            const int c = d->centre[i][star_of(&space->choice[i][j])];
            d->ask[i][j] = false;
            if (d->known[i][j]) continue;
            double v = out->value[i][c];
            for (int s = 0; s < SCALES; s++) v += d->effect[i][j * SCALES + s];
            d->ask[i][j] = isnan(v);
            out->value[i][j] = v;
            out->half_width[i][j] = out->half_width[i][c];
        }
}

static int evaluate(const void *params, mb_oracle *o, const mb_space *space, uint64_t seed, mb_sensitivity *out) {
    const measured_params *par = params;
    design d;
    (void)seed;
    int rc = design_new(space, &d);
    if (!rc && par->design == 1) {
        for (int i = 0; i < space->n; i++) memset(d.ask[i], 1, (size_t)space->m[i] * sizeof(bool));
        rc = measure(par, o, space, d.ask, d.known, out);
    } else if (!rc) {
        bool any = false;
        for (int s = 0; s < SCALES && !rc; s++)
            if (varies(space, mb_assign_key(scales[s]))) any = true, rc = vary(par, o, &d, s, out);
        if (!rc && !any) rc = vary(par, o, &d, 0, out); /* one setting, with copies */
        if (!rc) estimate(&d, out);
        if (!rc) rc = measure(par, o, space, d.ask, d.known, out);
        for (int i = 0; i < space->n && !rc; i++)
            for (int j = 0; j < space->m[i]; j++) out->estimated[i][j] = !d.known[i][j];
    }
    design_free(&d);
    return rc;
}

static int sharpen(const void *params, mb_oracle *o, const mb_space *space, bool *const *ask, mb_sensitivity *out) {
    const measured_params *par = params;
    design d;
    int rc = design_new(space, &d);
    for (int i = 0; i < space->n && !rc; i++)
        for (int j = 0; j < space->m[i]; j++) d.known[i][j] = !out->estimated[i][j];
    if (!rc) rc = measure(par, o, space, ask, d.known, out);
    for (int i = 0; i < space->n && !rc; i++)
        for (int j = 0; j < space->m[i]; j++) out->estimated[i][j] = !d.known[i][j];
    design_free(&d);
    return rc;
}

const mb_sensitivity_type mb_sensitivity_measured = {
    .name = "measured",
    .summary = "what a layer loses when it alone runs on the simulated arrays, with noise, converters and wires",
    .reference = "doc/mapping.md; the divergence as in ZeroQ, arXiv:2001.00281",
    .params = table,
    .size = sizeof(measured_params),
    .evaluate = evaluate,
    .prunes = true,
    .sharpen = sharpen,
};
