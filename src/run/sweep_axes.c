/* sweep_axes.c - axes of a sweep: values, ranges, draws, and the walk over their combinations
 *
 * Draws are a function of (seed, the axis's first key, number of the sample): they do not change when samples or axes are added. The parts of a Latin
 * hypercube are dealt by a permutation that needs no memory: a Feistel network over the next power of four, walked until it lands below n (Black, Rogaway,
 * "Ciphers with arbitrary finite domains", CT-RSA 2002), with Philox as the round function. Numbers of ranges are rounded to decimals that are fine against
 * their distance, so that labels are short and no libm shows in a result. Called by sweep.c and sweep_when.c.
 */
#include "run/sweep_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/rng.h"

#define MAX_STEPS 1000000
#define WHOLE 9007199254740992.0 /* 2^53: integers up to here are exact */

typedef struct axis_keys { char *key; double from, to; int steps, scale; bool integer; char *when; } axis_keys;
const mb_param mb_sweep_axis_params[] = {
    MB_TEXT(axis_keys, key, "", "what the axis changes; or keys = [ ... ], which change together"),
    MB_REAL(axis_keys, from, "", "0", -1e300, 1e300, "one end of a range; or values = [ ... ]"),
    MB_REAL(axis_keys, to, "", "0", -1e300, 1e300, "the other end, above from"),
    MB_INT(axis_keys, steps, "", "0", 0, MAX_STEPS, "values in the range, both ends among them; 0: all integers of a grid, anything for random and lhs"),
    MB_CHOICE(axis_keys, scale, "linear|log", "linear", "equal distances, or equal ratios, between the steps or in probability"),
    MB_FLAG(axis_keys, integer, "false", "whole numbers only; steps that fall together count once"),
    MB_TEXT(axis_keys, when, "", "condition under which the axis applies; otherwise its keys keep the experiment's own values"),
    MB_PARAM_END};

void mb_sweep_forget(mb_conf *group, const char *const *keep) {
    size_t n = 0;
    for (size_t i = 0; i < group->n; i++) {
        mb_conf *c = group->child[i];
        size_t k = 0;
        while (keep[k] && strcmp(keep[k], c->name) != 0) k++;
        if (c->origin == MB_FROM_DEFAULT && !keep[k]) mb_conf_free(c);
        else group->child[n++] = c;
    }
    group->n = n;
}

void mb_axis_free(mb_axis *a) {
    for (size_t i = 0; a->inside && i < a->n * a->n_key; i++) mb_conf_free(a->inside[i]);
    mb_free(a->inside);
    mb_free(a->step);
    mb_expr_free(a->when);
}

/* --- ranges -------------------------------------------------------------------------------------------------------------- */

/* X in the shortest decimals that are off by less than 1/1000 of GAP. */
static double rounded(double x, double gap) {
    char text[40];
    if (!(fabs(x) > 0)) return 0;
    int digits = (int)ceil(log10(fabs(x) / gap)) + 4; /* the last one is worth at most GAP / 1000 */
    snprintf(text, sizeof text, "%.*e", (digits < 1 ? 1 : digits > 17 ? 17 : digits) - 1, x);
    return strtod(text, NULL);
}

/* The number at the share U in [0, 1] of the range, not rounded; an integer range goes up to the end of its last number. */
static double at_share(const mb_axis *a, double u) {
    const double to = a->integer ? a->to + 1 : a->to;
    double x = a->log ? a->from * pow(to / a->from, u) : a->from + (to - a->from) * u;
    if (a->integer) x = floor(x);
    return x < a->from || u <= 0 ? a->from : x > a->to ? a->to : x;
}

/* A number of the range that was drawn in the part [LOW, HIGH] of it, U among them. */
static double drawn(const mb_axis *a, double u, double low, double high) {
    const double x = at_share(a, u), lo = at_share(a, low), hi = at_share(a, high);
    if (a->integer) return x;
    double gap = high - low < 1 ? hi - lo : (hi - lo) / 1000;
    if (a->log) gap = fmin(gap, high - low < 1 ? x : x / 1000);
    for (int finer = 0; finer < 12; finer++, gap /= 10) {
        const double r = rounded(x, gap);
        if (r >= lo && r <= hi) return r;
    }
    return x;
}

/* The steps of a range, those that fall together once. */
static int make_steps(mb_axis *a, int steps) {
    if (!steps && a->integer && !a->log) {
        if (a->to - a->from >= MAX_STEPS)
            return mb_fail(MB_BADINPUT, "%s: axis %s has more than %d integers: give it steps", mb_conf_where(a->at), a->key[0], MAX_STEPS);
        steps = (int)(a->to - a->from) + 1;
    }
    if (!(a->step = mb_calloc((size_t)steps, sizeof *a->step))) return mb_nomem();
    for (int i = 0; i < steps; i++) {
        const double u = (double)i / (steps - 1);
        double x = a->log ? a->from * pow(a->to / a->from, u) : a->from + (a->to - a->from) * u;
        const double gap = a->log ? x * (pow(a->to / a->from, 1.0 / (steps - 1)) - 1) : (a->to - a->from) / (steps - 1);
        x = a->integer ? round(x) : rounded(x, gap);
        if (i == 0) x = a->from;
        if (i == steps - 1) x = a->to;
        if (!a->n || x > a->step[a->n - 1]) a->step[a->n++] = x;
    }
    return MB_OK;
}

static int read_range(const mb_sweep *s, const axis_keys *k, mb_axis *a) {
    const char *where = mb_conf_where(a->at), *key = a->key[0];
    if (a->together) return mb_fail(MB_BADINPUT, "%s: keys that change together need values: a range is of one key", where);
    if (mb_conf_find(a->at, "from")->origin == MB_FROM_DEFAULT || mb_conf_find(a->at, "to")->origin == MB_FROM_DEFAULT)
        return mb_fail(MB_BADINPUT, "%s: axis %s needs values, e.g. values = [8, 4], or a range: from, to and steps", where, key);
    a->from = k->from, a->to = k->to, a->log = k->scale == 1, a->integer = k->integer;
    if (!(a->from < a->to)) return mb_fail(MB_BADINPUT, "%s: axis %s: from must lie below to", where, key);
    if (a->log && !(a->from > 0)) return mb_fail(MB_BADINPUT, "%s: axis %s: a log scale begins above 0", where, key);
    if (a->integer && (floor(a->from) < a->from || floor(a->to) < a->to || fabs(a->from) > WHOLE || fabs(a->to) > WHOLE))
        return mb_fail(MB_BADINPUT, "%s: axis %s: from and to of an integer range are integers", where, key);
    if (k->steps == 1) return mb_fail(MB_BADINPUT, "%s: axis %s: a range has at least 2 steps", where, key);
    const bool draws = s->mode == MB_RANDOM || s->mode == MB_LHS;
    if (!k->steps && !draws && (s->mode == MB_ZIP || !a->integer || a->log))
        return mb_fail(MB_BADINPUT, "%s: axis %s needs steps, e.g. steps = 5", where, key);
    return k->steps || !draws ? make_steps(a, k->steps) : MB_OK;
}

/* --- reading --------------------------------------------------------------------------------------------------------------- */

static int read_values(const mb_conf *values, mb_axis *a) {
    if (values->type != MB_CONF_LIST || values->n == 0)
        return mb_fail(MB_BADINPUT, "%s: axis %s needs values, e.g. values = [8, 4]", mb_conf_where(a->at), a->key[0]);
    for (size_t i = 0; a->together && i < values->n; i++)
        if (values->child[i]->type != MB_CONF_LIST || values->child[i]->n != a->n_key)
            return mb_fail(MB_BADINPUT, "%s: each value of an axis with keys is a list with one value per key: %zu", mb_conf_where(values->child[i]), a->n_key);
    if (values->n > UINT32_MAX) return mb_fail(MB_BADINPUT, "%s: axis %s has too many values", mb_conf_where(values), a->key[0]);
    a->values = values;
    a->n = values->n;
    return MB_OK;
}

static int read_axis(const mb_sweep *s, mb_conf *e, mb_axis *a) {
    static const char *const also[] = {"keys", "values", NULL}, *const of_range[] = {"steps", "scale", "integer", NULL}, *const none[] = {NULL};
    if (e->type != MB_CONF_GROUP) return mb_fail(MB_BADINPUT, "%s: an axis needs a key, e.g. key = \"map.weight_bits\"", mb_conf_where(e));
    const mb_conf *key = mb_conf_find(e, "key");
    mb_conf *keys = mb_conf_use(e, "keys"), *values = mb_conf_use(e, "values");
    axis_keys k;
    if (key && key->type != MB_CONF_STRING)
        return mb_fail(MB_BADINPUT, "%s: an axis needs a key, e.g. key = \"map.weight_bits\"", mb_conf_where(key));
    if (keys) mb_conf_use_all(keys);
    if (key && keys) return mb_fail(MB_BADINPUT, "%s: an axis has a key, or keys that change together, not both", mb_conf_where(keys));
    if (keys && (keys->type != MB_CONF_LIST || keys->n == 0 || keys->n > MB_SWEEP_KEYS))
        return mb_fail(MB_BADINPUT, "%s: keys is a list of 1 to %d names, e.g. keys = [ \"device\", \"map.cell_bits\" ]", mb_conf_where(keys), MB_SWEEP_KEYS);
    if (!keys && !key) return mb_fail(MB_BADINPUT, "%s: an axis needs a key, e.g. key = \"map.weight_bits\"", mb_conf_where(e));
    a->at = e;
    a->together = keys != NULL;
    a->n_key = keys ? keys->n : 1;
    for (size_t i = 0; i < a->n_key; i++) {
        const mb_conf *w = keys ? keys->child[i] : key;
        if (w->type != MB_CONF_STRING || !*w->s) return mb_fail(MB_BADINPUT, "%s: an axis needs a key, e.g. key = \"map.weight_bits\"", mb_conf_where(w));
        a->key[i] = w->s;
    }
    a->who = (uint32_t)mb_hash64(a->key[0], strlen(a->key[0]), MB_HASH_START);
    static const char *const ranges[] = {"from", "to", "steps", "scale", "integer"};
    for (size_t i = 0; values && i < sizeof ranges / sizeof *ranges; i++)
        if (mb_conf_find(e, ranges[i]))
            return mb_fail(MB_BADINPUT, "%s: axis %s has values: `%s` is of a range", mb_conf_where(mb_conf_find(e, ranges[i])), a->key[0], ranges[i]);
    int rc = mb_params_load(mb_sweep_axis_params, e, also, &k);
    if (!rc && values) mb_conf_use_all(values);
    if (!rc) rc = values ? read_values(values, a) : read_range(s, &k, a);
    if (!rc && *k.when && (rc = mb_expr_parse(k.when, &a->when))) mb_context(rc, "in `when` of axis %s at %s", a->key[0], mb_conf_where(e));
    mb_params_free(mb_sweep_axis_params, &k);
    mb_sweep_forget(e, values ? none : of_range);
    return rc;
}

int mb_sweep_read_axes(mb_sweep *s) {
    mb_conf *list = mb_conf_use(s->sweep, "axes");
    if (!list || list->type != MB_CONF_LIST || list->n == 0)
        return mb_fail(MB_BADINPUT, "%s: sweep needs axes = ( { key = \"map.weight_bits\"; values = [8, 4]; }, ... )", mb_conf_where(list ? list : s->sweep));
    if (list->n > MB_SWEEP_AXES) return mb_fail(MB_BADINPUT, "%s: a sweep has at most %d axes", mb_conf_where(list), MB_SWEEP_AXES);
    if (!(s->a = mb_calloc(list->n, sizeof *s->a))) return mb_nomem();
    for (size_t i = 0; i < list->n; i++) {
        s->n_axes++;
        int rc = read_axis(s, list->child[i], &s->a[i]);
        for (size_t j = 0; j <= i && !rc; j++)
            for (size_t m = 0; m < s->a[i].n_key && !rc; m++)
                for (size_t k = 0; k < (j < i ? s->a[j].n_key : m) && !rc; k++)
                    if (!strcmp(s->a[j].key[k], s->a[i].key[m]))
                        rc = mb_fail(MB_BADINPUT, "%s: axis %s stands twice", mb_conf_where(list->child[i]), s->a[i].key[m]);
        if (rc) return rc;
    }
    return MB_OK;
}

int mb_sweep_count(const mb_sweep *s, uint64_t *n) {
    *n = 1;
    if (s->mode == MB_LIST) *n = s->points ? s->points->n : 1;
    if (s->mode == MB_RANDOM || s->mode == MB_LHS) *n = s->samples;
    for (size_t i = 0; i < s->n_axes; i++) {
        if (s->mode == MB_ZIP && i && s->a[i].n != *n)
            return mb_fail(MB_BADINPUT, "%s: axes in step (zip) need the same number of values: %s has %llu, %s has %zu",
                           mb_conf_where(s->a[i].at), s->a[0].key[0], (unsigned long long)*n, s->a[i].key[0], s->a[i].n);
        if (s->mode == MB_ZIP) *n = s->a[i].n;
        if (s->mode != MB_GRID) continue;
        if (*n > (UINT64_MAX >> 2) / s->a[i].n)
            return mb_fail(MB_BADINPUT, "%s: the axes have more than 2^62 combinations: shorten one", mb_conf_where(s->sweep));
        *n *= s->a[i].n;
    }
    return MB_OK;
}

/* --- draws ----------------------------------------------------------------------------------------------------------------- */

static double uniform(const mb_sweep *s, uint32_t who, uint64_t sample) {
    mb_stream r;
    mb_stream_init(&r, s->seed, MB_RNG_SWEEP, 0, who, (uint32_t)sample);
    return mb_stream_uniform(&r);
}

/* Where X goes in a permutation of 0..N-1, N <= 2^62. */
static uint64_t permuted(const mb_sweep *s, uint32_t who, uint64_t n, uint64_t x) {
    enum { ROUNDS = 8 };
    unsigned half = 1;
    while (half < 31 && (uint64_t)1 << 2 * half < n) half++;
    const uint64_t mask = ((uint64_t)1 << half) - 1;
    do {
        uint64_t left = x >> half, right = x & mask;
        for (uint32_t round = 1; round <= ROUNDS; round++) {
            mb_stream r;
            mb_stream_init(&r, s->seed, MB_RNG_SWEEP, round, who, (uint32_t)right);
            const uint64_t mixed = left ^ (mb_stream_u32(&r) & mask);
            left = right;
            right = mixed;
        }
        x = left << half | right;
    } while (x >= n);
    return x;
}

/* Axis I at sample RAW: which value, or which number. */
static void draw(const mb_sweep *s, size_t i, uint64_t raw, mb_cursor *c) {
    const mb_axis *a = &s->a[i];
    double u = uniform(s, a->who, raw), low = 0, high = 1;
    if (s->mode == MB_LHS) {
        const double part = (double)permuted(s, a->who, s->samples, raw), n = (double)s->samples;
        u = (part + u) / n;
        low = part / n;
        high = (part + 1) / n;
    }
    if (!a->n) c->drawn[i] = drawn(a, u, low, high);
    else c->pick[i] = (uint32_t)(u * (double)a->n < (double)a->n ? u * (double)a->n : (double)a->n - 1);
}

/* --- the walk ---------------------------------------------------------------------------------------------------------------- */

int mb_cursor_set(const mb_sweep *s, uint64_t raw, mb_cursor *c) {
    int rc = MB_OK;
    uint64_t rest = s->whole ? permuted(s, 0, s->whole, raw) : raw;
    c->raw = raw;
    for (size_t i = s->n_axes; i-- > 0;) {
        if (s->mode == MB_GRID || s->whole) c->pick[i] = (uint32_t)(rest % s->a[i].n), rest /= s->a[i].n;
        else if (s->mode == MB_ZIP) c->pick[i] = (uint32_t)raw;
        else draw(s, i, raw, c);
    }
    for (size_t i = 0; i < s->n_axes && !rc; i++) rc = mb_axis_applies(s, c, i, &c->on[i]);
    return rc;
}

int mb_cursor_next(const mb_sweep *s, mb_cursor *c, bool *there) {
    int rc = MB_OK;
    uint64_t n = 0, stride = 1;
    if (s->mode != MB_GRID) {
        rc = mb_sweep_count(s, &n);
        *there = !rc && c->raw + 1 < n;
        return *there ? mb_cursor_set(s, c->raw + 1, c) : rc;
    }
    *there = false;
    for (size_t i = s->n_axes; i-- > 0; stride *= s->a[i].n) {
        if (!c->on[i] || c->pick[i] + 1 == s->a[i].n) {
            c->raw -= c->pick[i] * stride;
            c->pick[i] = 0;
            continue;
        }
        c->pick[i]++;
        c->raw += stride;
        for (size_t j = i + 1; j < s->n_axes && !rc; j++) rc = mb_axis_applies(s, c, j, &c->on[j]);
        *there = !rc;
        break;
    }
    return rc;
}

const mb_conf *mb_cursor_value(const mb_sweep *s, const mb_cursor *c, size_t i, size_t k, mb_conf *number) {
    const mb_axis *a = &s->a[i];
    if (a->values) return a->together ? a->values->child[c->pick[i]]->child[k] : a->values->child[c->pick[i]];
    memset(number, 0, sizeof *number);
    number->type = a->integer ? MB_CONF_INT : MB_CONF_REAL;
    number->r = a->step ? a->step[c->pick[i]] : c->drawn[i];
    number->i = a->integer ? (int64_t)number->r : 0;
    number->file = a->at->file;
    number->line = a->at->line;
    number->origin = a->at->origin;
    return number;
}
