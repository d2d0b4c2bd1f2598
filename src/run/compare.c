/* compare.c - which points of two runs belong together, and what differs (compare.h) */
#include "run/compare.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/stats.h"
#include "run/results_internal.h"

/* --- points that belong together ------------------------------------------------------------------------------------------ */

typedef struct named {
    const char *s;
    char *own;
    size_t at;
} named;

static int by_name(const void *x, const void *y) {
    const named *a = x, *b = y;
    const int c = strcmp(a->s, b->s);
    return c ? c : a->at < b->at ? -1 : a->at > b->at;
}

static int by_place(const void *x, const void *y) {
    const mb_compared_pair *a = x, *b = y;
    return a->a < b->a ? -1 : a->a > b->a;
}

static int ascending(const void *x, const void *y) {
    const size_t *a = x, *b = y;
    return *a < *b ? -1 : *a > *b;
}

static void free_named(named *l, size_t n) {
    for (size_t i = 0; l && i < n; i++) mb_free(l[i].own);
    mb_free(l);
}

/* Pair equal names of two sorted lists; the rest has no partner. A name that stands twice is an error when UNIQUE, else they pair in order. */
static int join(mb_comparison *c, const named *x, size_t nx, const named *y, size_t ny, bool unique) {
    c->pair = mb_calloc(nx < ny ? nx : ny, sizeof *c->pair);
    c->only_a = mb_malloc(nx, sizeof *c->only_a);
    c->only_b = mb_malloc(ny, sizeof *c->only_b);
    if (!c->pair || !c->only_a || !c->only_b) return mb_nomem();
    for (size_t i = 0, k = 0; i < nx || k < ny;) {
        const int order = i == nx ? 1 : k == ny ? -1 : strcmp(x[i].s, y[k].s);
        if (order < 0) {
            c->only_a[c->n_only_a++] = x[i++].at;
        } else if (order > 0) {
            c->only_b[c->n_only_b++] = y[k++].at;
        } else {
            if (unique && ((i + 1 < nx && !strcmp(x[i].s, x[i + 1].s)) || (k + 1 < ny && !strcmp(y[k].s, y[k + 1].s)))) {
                const bool a = i + 1 < nx && !strcmp(x[i].s, x[i + 1].s);
                const mb_results *r = a ? c->a : c->b;
                const mb_point_result *p = &r->point[a ? x[i].at : y[k].at], *q = &r->point[a ? x[i + 1].at : y[k + 1].at];
                return mb_fail(MB_BADINPUT,
                               "%s: points %lld and %lld agree in all keys that both runs sweep, so it is open which one belongs to a point of the "
                               "other run: choose with --where, or "
                               "two points with --points",
                               r->dir, (long long)p->index, (long long)q->index);
            }
            c->pair[c->n++] = (mb_compared_pair){.a = x[i++].at, .b = y[k++].at};
        }
    }
    if (c->n) qsort(c->pair, c->n, sizeof *c->pair, by_place);
    if (c->n_only_a) qsort(c->only_a, c->n_only_a, sizeof *c->only_a, ascending);
    if (c->n_only_b) qsort(c->only_b, c->n_only_b, sizeof *c->only_b, ascending);
    return MB_OK;
}

static int match_ids(mb_comparison *c) {
    const size_t na = c->a->n, nb = c->b->n;
    named *x = mb_calloc(na, sizeof *x), *y = mb_calloc(nb, sizeof *y);
    int rc = x && y ? MB_OK : mb_nomem();
    for (size_t i = 0; i < na && !rc; i++) x[i] = (named){c->a->point[i].id, NULL, i};
    for (size_t i = 0; i < nb && !rc; i++) y[i] = (named){c->b->point[i].id, NULL, i};
    if (!rc) {
        if (na) qsort(x, na, sizeof *x, by_name);
        if (nb) qsort(y, nb, sizeof *y, by_name);
        rc = join(c, x, na, y, nb, false);
    }
    free_named(x, na);
    free_named(y, nb);
    return rc;
}

static const char *value_of(const mb_point_result *p, const char *key) {
    for (size_t k = 0; k < p->n_set; k++)
        if (!strcmp(p->set[k].key, key)) return p->set[k].value;
    return NULL;
}

/* Swept keys of R, each once, in order of appearance; borrowed. */
static int keys_of(const mb_results *r, const char ***key, size_t *n) {
    size_t cap = 0;
    *n = 0;
    *key = NULL;
    for (size_t i = 0; i < r->n; i++)
        for (size_t k = 0; k < r->point[i].n_set; k++) {
            const char *s = r->point[i].set[k].key;
            size_t q = k < *n && !strcmp((*key)[k], s) ? k : 0;
            while (q < *n && strcmp((*key)[q], s) != 0) q++;
            if (q < *n) continue;
            if (*n == cap) {
                cap = cap ? 2 * cap : 16;
                const char **more = mb_realloc(*key, cap, sizeof *more);
                if (!more) return mb_nomem();
                *key = more;
            }
            (*key)[(*n)++] = s;
        }
    return MB_OK;
}

/* The values of the common keys as one text; numbers by their value. */
static char *settings_text(const mb_comparison *c, const mb_point_result *p) {
    mb_str s = {0};
    char buf[32];
    for (size_t k = 0; k < c->n_key; k++) {
        const char *v = value_of(p, c->key[k]);
        char *end = NULL;
        const double x = v ? strtod(v, &end) : 0;
        mb_str_addf(&s, "%zu%s", k, v ? "=" : "!");
        mb_str_add(&s, !v ? "" : end != v && !*end && isfinite(x) ? mb_fmt_double(buf, x, 0) : v);
        mb_str_add(&s, "\n");
    }
    char *text = s.failed ? NULL : mb_strdup(mb_cstr(&s));
    mb_str_free(&s);
    return text;
}

static int name_settings(const mb_comparison *c, const mb_results *r, named **list) {
    *list = mb_calloc(r->n, sizeof **list);
    if (!*list) return mb_nomem();
    for (size_t i = 0; i < r->n; i++) {
        char *s = settings_text(c, &r->point[i]);
        if (!s) return mb_nomem();
        (*list)[i] = (named){s, s, i};
    }
    if (r->n) qsort(*list, r->n, sizeof **list, by_name);
    return MB_OK;
}

/* Which keys, and how many values of the first, for messages. */
static void tell_swept(const mb_results *r, mb_str *out) {
    const char **key;
    size_t n;
    if (keys_of(r, &key, &n)) mb_error_clear();
    if (!n) mb_str_add(out, "nothing is swept");
    for (size_t k = 0; k < n && k < 4; k++) {
        mb_str_addf(out, "%s%s =", k ? "; " : "", key[k]);
        const char *last = NULL;
        int told = 0;
        for (size_t i = 0; i < r->n && told < 4; i++) {
            const char *v = value_of(&r->point[i], key[k]);
            if (!v || (last && !strcmp(v, last))) continue;
            mb_str_addf(out, "%s %.40s", told++ ? "," : "", v);
            last = v;
        }
        if (told == 4) mb_str_add(out, ", ..");
    }
    if (n > 4) mb_str_add(out, "; ..");
    mb_free(key);
}

static int nothing_matches(const mb_comparison *c) {
    mb_str a = {0}, b = {0};
    tell_swept(c->a, &a);
    tell_swept(c->b, &b);
    int rc = c->a->n == 0 || c->b->n == 0 ? mb_fail(MB_BADINPUT, "%s: no point is %s", (c->a->n ? c->b : c->a)->dir,
                                                    (c->a->n ? c->b : c->a)->where ? "left by --where" : "finished")
                                          : mb_fail(MB_BADINPUT,
                                                    "no point of %s (%s) belongs to a point of %s (%s): neither ids nor settings agree; --points I J "
                                                    "compares point I of the first with point J of the second",
                                                    c->a->dir, mb_cstr(&a), c->b->dir, mb_cstr(&b));
    mb_str_free(&a);
    mb_str_free(&b);
    return rc;
}

static int match_settings(mb_comparison *c) {
    const char **ka = NULL, **kb = NULL;
    named *x = NULL, *y = NULL;
    size_t na = 0, nb = 0;
    int rc = keys_of(c->a, &ka, &na);
    if (!rc) rc = keys_of(c->b, &kb, &nb);
    for (size_t i = 0; i < na && !rc; i++) /* the common ones come first in ka */
        for (size_t k = 0; k < nb; k++)
            if (!strcmp(ka[i], kb[k])) {
                ka[c->n_key++] = ka[i];
                break;
            }
    c->key = ka;
    if (!rc && c->n_key == 0 && (c->a->n != 1 || c->b->n != 1)) goto out; /* no pair */
    if (!rc) rc = name_settings(c, c->a, &x);
    if (!rc) rc = name_settings(c, c->b, &y);
    if (!rc) rc = join(c, x, c->a->n, y, c->b->n, true);
out:
    mb_free(kb);
    free_named(x, c->a->n);
    free_named(y, c->b->n);
    return rc;
}

static int place_of(const mb_results *r, int64_t index, size_t *at) {
    for (*at = 0; *at < r->n; ++*at)
        if (r->point[*at].index == index) return MB_OK;
    return r->n ? mb_fail(MB_BADINPUT, "%s: there is no point %lld; there are %zu, numbered %lld to %lld", r->dir, (long long)index, r->n,
                          (long long)r->point[0].index, (long long)r->point[r->n - 1].index)
                : mb_fail(MB_BADINPUT, "%s: no point is finished", r->dir);
}

static void forget(mb_comparison *c) {
    mb_free(c->pair);
    mb_free(c->only_a);
    mb_free(c->only_b);
    c->pair = NULL;
    c->only_a = c->only_b = NULL;
    c->n = c->n_only_a = c->n_only_b = 0;
}

static int match(mb_comparison *c, const mb_compare_options *o) {
    int rc = MB_OK;
    c->match = o->given ? MB_MATCH_NUMBER : o->match == MB_MATCH_SETTINGS ? MB_MATCH_SETTINGS : MB_MATCH_ID;
    if (o->given) {
        c->pair = mb_calloc(1, sizeof *c->pair);
        if (!c->pair) return mb_nomem();
        rc = place_of(c->a, o->point_a, &c->pair[0].a);
        if (!rc) rc = place_of(c->b, o->point_b, &c->pair[0].b);
        c->n = 1;
        return rc;
    }
    if (c->match == MB_MATCH_ID) rc = match_ids(c);
    if (!rc && c->n == 0 && o->match != MB_MATCH_ID) {
        forget(c);
        c->match = MB_MATCH_SETTINGS;
        rc = match_settings(c);
    }
    return rc || c->n ? rc : nothing_matches(c);
}

/* --- what is compared ------------------------------------------------------------------------------------------------------ */

static int add_metric(mb_comparison *c, mb_datum *d, bool counts) {
    mb_compared_metric *more = mb_realloc(c->metric, c->n_metric + 1, sizeof *more);
    if (!more) {
        mb_datum_free(d);
        return mb_nomem();
    }
    c->metric = more;
    const bool random = d->kind == MB_DATUM_COLUMN && (!strcmp(d->name, "accuracy") || !strcmp(d->name, "loss"));
    c->metric[c->n_metric++] = (mb_compared_metric){.d = *d, .counts = counts, .random = random, .tol = MB_NAN};
    return MB_OK;
}

/* The metric called NAME, which is added when it is not there yet. */
static int want_metric(mb_comparison *c, const char *name, bool counts, mb_compared_metric **out) {
    mb_datum d;
    char *column = mb_column_find(name) ? mb_asprintf("column.%s", name) : mb_strdup(name); /* a swept key may end in the same word */
    int rc = column ? mb_datum_find(c->a, column, &d) : mb_nomem();
    if (rc == MB_BADINPUT && c->b != c->a) { /* a baseline of B alone */
        mb_error_clear();
        rc = mb_datum_find(c->b, column, &d);
    }
    mb_free(column);
    if (rc) return rc;
    if (d.kind != MB_DATUM_COLUMN && d.kind != MB_DATUM_BASELINE) {
        rc = mb_fail(MB_BADINPUT, "\"%s\" is no number that can be compared (`mixbar list columns`)", d.name);
        mb_datum_free(&d);
        return rc;
    }
    for (size_t i = 0; i < c->n_metric; i++)
        if (!strcmp(c->metric[i].d.name, d.name)) {
            mb_datum_free(&d);
            c->metric[i].counts = c->metric[i].counts || counts;
            if (out) *out = &c->metric[i];
            return MB_OK;
        }
    rc = add_metric(c, &d, counts);
    if (!rc && out) *out = &c->metric[c->n_metric - 1];
    return rc;
}

static bool has_baseline(const mb_results *r, const char *name) {
    for (size_t i = 0; i < r->n; i++)
        if (mb_point_baseline(&r->point[i], name)) return true;
    return false;
}

/* Costs of the baselines of R; those that OTHER lacks are remembered. */
static int want_baselines(mb_comparison *c, const mb_results *r, const mb_results *other) {
    static const char *const cost[] = {"energy_J", "latency_s", "area_m2"};
    int rc = MB_OK;
    const char *last = NULL;
    for (size_t i = 0; i < r->n; i++)
        for (size_t k = 0; k < r->point[i].n_baseline && !rc; k++) {
            const char *name = r->point[i].baseline[k].name;
            bool known = last && !strcmp(last, name);
            for (size_t q = 0; q < c->n_alone && !known; q++) known = !strcmp(c->alone[q], name);
            for (size_t q = 0; q < c->n_metric && !known; q++) known = c->metric[q].d.kind == MB_DATUM_BASELINE && !strcmp(c->metric[q].d.of, name);
            last = name;
            if (known) continue;
            if (!has_baseline(other, name)) {
                const char **more = mb_realloc(c->alone, c->n_alone + 1, sizeof *more);
                if (!more) return mb_nomem();
                c->alone = more;
                c->alone[c->n_alone++] = name;
                continue;
            }
            for (size_t q = 0; q < sizeof cost / sizeof *cost && !rc; q++) {
                char *full = mb_asprintf("%s.%s", name, cost[q]);
                rc = full ? want_metric(c, full, true, NULL) : mb_nomem();
                mb_free(full);
            }
        }
    return rc;
}

static int choose_metrics(mb_comparison *c, const mb_compare_options *o) {
    static const char *const usual[] = {"quantised_accuracy", "accuracy", "energy_J", "latency_s", "area_m2"};
    int rc = MB_OK;
    const bool all = o->columns && !strcmp(o->columns, "all");
    if (o->columns && !all) {
        for (const char *s = o->columns; !rc;) {
            const size_t n = strcspn(s, ",");
            char *word = mb_strndup(s, n);
            rc = word ? want_metric(c, word, true, NULL) : mb_nomem();
            mb_free(word);
            s += n;
            if (!*s++) break;
        }
        return rc;
    }
    for (size_t i = 0; i < sizeof usual / sizeof *usual && !all && !rc; i++) rc = want_metric(c, usual[i], true, NULL);
    if (!rc && !all) rc = want_metric(c, "edap_Jsm2", false, NULL); /* it follows from the three before */
    for (const mb_column *k = mb_point_columns; k->name && all && !rc; k++) rc = want_metric(c, k->name, true, NULL);
    if (!rc) rc = want_baselines(c, c->a, c->b);
    if (!rc && c->a != c->b) rc = want_baselines(c, c->b, c->a);
    return rc;
}

static bool is_fraction(const mb_datum *d) {
    return !*d->unit && strstr(d->name, "accuracy");
}

static int read_tolerance(mb_comparison *c, const char *text) {
    const char *eq = strrchr(text, '=');
    char *end = NULL;
    double x = eq ? strtod(eq + 1, &end) : 0;
    const bool percent = eq && end != eq + 1 && *end == '%';
    if (!eq || eq == text || end == eq + 1 || (*end && !(percent && !end[1])) || !(x >= 0) || !isfinite(x))
        return mb_fail(MB_BADINPUT,
                       "the tolerance \"%.80s\" should read METRIC=X in the unit of the column, or METRIC=X%%, X >= 0: energy=1%%, accuracy=0.005",
                       text);
    char *name = mb_strndup(text, (size_t)(eq - text));
    int rc = name ? MB_OK : mb_nomem();
    mb_compared_metric *m = NULL;
    const bool all = !rc && !strcmp(name, "all");
    if (!rc && !all) rc = want_metric(c, name, true, &m);
    for (size_t i = 0; i < c->n_metric && !rc; i++) {
        mb_compared_metric *k = &c->metric[i];
        if (all ? !isnan(k->tol) : k != m) continue;
        k->relative = percent && !is_fraction(&k->d);
        k->tol = percent ? x / 100 : x;
    }
    mb_free(name);
    return rc;
}

/* Those of one metric first: `all` is for the rest. */
static int read_tolerances(mb_comparison *c, const mb_compare_options *o) {
    int rc = MB_OK;
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < o->n_tol && !rc; i++)
            if ((pass == 1) == !strncmp(o->tol[i], "all=", 4)) rc = read_tolerance(c, o->tol[i]);
    for (size_t i = 0; i < c->n_metric; i++)
        if (isnan(c->metric[i].tol)) c->metric[i].tol = 0;
    return rc;
}

/* --- differences ----------------------------------------------------------------------------------------------------------- */

static double of_trial(const mb_trial_result *t, bool loss) {
    return loss ? t->loss : t->accuracy;
}

/* The draw of that number in P, from *AT on (they ascend), or NULL. */
static const mb_trial_result *trial(const mb_point_result *p, int64_t number, size_t *at) {
    while (*at < p->n_trial && p->trial[*at].trial < number) ++*at;
    return *at < p->n_trial && p->trial[*at].trial == number ? &p->trial[*at] : NULL;
}

/* Draw by draw; *DONE false: there are not two pairs. Where a point has draws that the other lacks, A and B become the means over those that both
 * have. */
static int by_draws(const mb_point_result *a, const mb_point_result *b, bool loss, mb_difference *d, bool *done) {
    double *v = mb_malloc(a->n_trial, sizeof *v), sum[2] = {0, 0};
    size_t n = 0, at = 0;
    int64_t samples = 0;
    bool zero = true, same_samples = true;
    *done = false;
    if (!v) return mb_nomem();
    for (size_t i = 0; i < a->n_trial; i++) {
        const mb_trial_result *s = &a->trial[i], *t = trial(b, s->trial, &at);
        if (!t) continue;
        same_samples = same_samples && t->samples == s->samples && (n == 0 || samples == t->samples);
        samples = t->samples;
        v[n] = of_trial(t, loss) - of_trial(s, loss);
        sum[0] += loss ? s->loss : round(s->accuracy * (double)samples); /* counts: their sums are exact in any order */
        sum[1] += loss ? t->loss : round(t->accuracy * (double)samples);
        zero = zero && v[n] == 0;
        n++;
    }
    if (n >= 2 && same_samples) {
        const double per = (double)n * (loss ? 1 : (double)samples);
        const double step = loss || zero ? 0 : 1 / ((double)samples * sqrt(6));
        const double half = gsl_cdf_tdist_Pinv(0.975, (double)(n - 1)) * fmax(mb_stat_moments(v, n).sd, step) / sqrt((double)n);
        if (n != a->n_trial || n != b->n_trial) {
            d->a = sum[0] / per;
            d->b = sum[1] / per;
            d->ratio = d->a == d->b ? 1 : d->b / d->a;
        }
        d->difference = (sum[1] - sum[0]) / per;
        d->low = d->difference - half;
        d->high = d->difference + half;
        d->draws = (int64_t)n;
        d->paired = *done = true;
    }
    mb_free(v);
    return MB_OK;
}

static int interval(const mb_point_result *a, const mb_point_result *b, bool loss, mb_difference *d) {
    bool done;
    int rc = by_draws(a, b, loss, d, &done);
    if (rc || (!done && loss)) return rc;
    if (!done) {
        const double down = hypot(b->accuracy - b->accuracy_low, a->accuracy_high - a->accuracy),
                     up = hypot(b->accuracy_high - b->accuracy, a->accuracy - a->accuracy_low);
        d->low = d->difference - down;
        d->high = d->difference + up;
    }
    d->significant = d->low > 0 || d->high < 0;
    return MB_OK;
}

static int difference(const mb_compared_metric *m, const mb_point_result *a, const mb_point_result *b, bool significant, mb_difference *d) {
    int rc = MB_OK;
    mb_value x, y;
    mb_datum_value(&m->d, a, &x);
    mb_datum_value(&m->d, b, &y);
    *d = (mb_difference){.a = x.r, .b = y.r, .difference = y.r - x.r, .ratio = y.r / x.r, .low = MB_NAN, .high = MB_NAN};
    if (x.r == y.r) d->difference = 0, d->ratio = 1;
    if (!isfinite(d->ratio)) d->ratio = MB_NAN;
    d->tolerance = m->relative ? m->tol * fabs(x.r) : m->tol;
    if (isnan(x.r) && isnan(y.r)) return MB_OK;
    if (m->random && isfinite(d->difference)) rc = interval(a, b, !strcmp(m->d.name, "loss"), d);
    if (significant && isfinite(d->low)) d->beyond = d->low > d->tolerance || d->high < -d->tolerance;
    else d->beyond = !(fabs(d->difference) <= d->tolerance);
    d->beyond = d->beyond && m->counts;
    return rc;
}

static int differences(mb_comparison *c, const mb_compare_options *o) {
    int rc = MB_OK;
    for (size_t i = 0; i < c->n && !rc; i++) {
        mb_compared_pair *p = &c->pair[i];
        const mb_point_result *a = &c->a->point[p->a], *b = &c->b->point[p->b];
        if (!a->infeasible != !b->infeasible) {
            p->beyond = true;
        } else {
            p->d = mb_calloc(c->n_metric, sizeof *p->d);
            if (!p->d) return mb_nomem();
            for (size_t k = 0; k < c->n_metric && !rc; k++) {
                rc = difference(&c->metric[k], a, b, o->significant, &p->d[k]);
                p->beyond = p->beyond || p->d[k].beyond;
            }
        }
        c->beyond += p->beyond;
    }
    c->differs = c->beyond || (!o->common && !o->given && (c->n_only_a || c->n_only_b || c->n_alone));
    return rc;
}

int mb_compare(const mb_results *a, const mb_results *b, const mb_compare_options *o, mb_comparison *c) {
    *c = (mb_comparison){.a = a, .b = b};
    int rc = match(c, o);
    if (!rc) rc = choose_metrics(c, o);
    if (!rc) rc = read_tolerances(c, o);
    if (!rc) rc = differences(c, o);
    if (rc) mb_comparison_free(c);
    return rc;
}

void mb_comparison_free(mb_comparison *c) {
    for (size_t i = 0; i < c->n && c->pair; i++) mb_free(c->pair[i].d);
    for (size_t i = 0; i < c->n_metric; i++) mb_datum_free(&c->metric[i].d);
    mb_free(c->pair);
    mb_free(c->metric);
    mb_free(c->only_a);
    mb_free(c->only_b);
    mb_free(c->alone);
    mb_free(c->key);
    *c = (mb_comparison){0};
}
