/* sweep.c - points of an experiment: each is built alone, when it is asked for
 *
 * sweep_axes.c knows axes and walks over their combinations, sweep_when.c says which of them are points. Labels: last words of the keys with their values,
 * or the names given. Called by point.c and the command line.
 */
#include "run/sweep_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

#define LONGEST 60 /* bytes of a value in a label */
#define CUT 57
#define MAX_COMPARED 1000000 /* labels of rows and lists that are looked through for equal ones */

typedef struct sweep_keys { int mode, samples, seed; char *where; } sweep_keys;
const mb_param mb_sweep_params[] = {
    MB_CHOICE(sweep_keys, mode, "grid|zip|list|random|lhs", "grid",
              "all combinations of the axes; axes in step; points written out; samples drawn at random; a Latin hypercube of samples"),
    MB_INT(sweep_keys, samples, "", "0", 0, MB_SWEEP_MAX, "points drawn by random and lhs"),
    MB_INT(sweep_keys, seed, "", "1", 0, 2147483647, "seed of the draws of random and lhs, apart from the experiment's"),
    MB_TEXT(sweep_keys, where, "", "condition on keys: combinations that it does not hold for are no points"),
    MB_PARAM_END};

void mb_point_free(mb_point *p) {
    for (size_t k = 0; k < p->n_set; k++) {
        mb_free(p->key[k]);
        mb_free(p->value[k]);
    }
    mb_free(p->key);
    mb_free(p->value);
    mb_free(p->label);
    mb_conf_free(p->conf);
    memset(p, 0, sizeof *p);
}

/* --- settings and labels ------------------------------------------------------------------------------------------------------ */

/* A value as one would type it after KEY=; long ones by their first characters. */
static char *value_text(const mb_conf *v) {
    char num[32];
    switch (v->type) {
    case MB_CONF_INT: return mb_asprintf("%lld", (long long)v->i);
    case MB_CONF_REAL: return mb_strdup(mb_fmt_double(num, v->r, 0));
    case MB_CONF_BOOL: return mb_strdup(v->i ? "true" : "false");
    case MB_CONF_STRING: return mb_strdup(v->s);
    default: break;
    }
    mb_str s = {0}, text = {0};
    mb_conf_write(v, &text, false);
    bool gap = false; /* on one line: a run of blanks is one */
    if (v->type == MB_CONF_GROUP) mb_str_add(&s, "{ ");
    for (const char *c = mb_cstr(&text); *c; c++) {
        bool blank = *c == ' ' || *c == '\n' || *c == '\t';
        if (!blank && gap) mb_str_add(&s, " ");
        if (!blank) mb_str_addn(&s, c, 1);
        gap = blank;
    }
    if (v->type == MB_CONF_GROUP) mb_str_add(&s, " }");
    if (text.failed) s.failed = text.failed;
    mb_str_free(&text);
    char *t = s.failed ? NULL : s.n > LONGEST ? mb_asprintf("%.*s...", CUT, mb_cstr(&s)) : mb_strdup(mb_cstr(&s));
    mb_str_free(&s);
    return t;
}

static int remember(mb_point *p, const char *key, char *value) {
    char **k = mb_realloc(p->key, p->n_set + 1, sizeof *k);
    if (k) p->key = k;
    char **v = mb_realloc(p->value, p->n_set + 1, sizeof *v);
    if (v) p->value = v;
    char *copy = mb_strdup(key);
    if (!k || !v || !copy || !value) {
        mb_free(copy);
        mb_free(value);
        return mb_nomem();
    }
    p->key[p->n_set] = copy;
    p->value[p->n_set++] = value;
    return MB_OK;
}

/* The short form of KEY: its last word, or all of it where another swept key ends in the same word. */
static const char *short_key(const mb_sweep *s, const char *key) {
    for (size_t i = 0; i < s->n_key; i++)
        if (!strcmp(s->key[i], key)) return s->word[i];
    return key;
}

/* The key of the word "KEY=VALUE". */
static char *key_of(const char *word) {
    size_t n = strcspn(word, "=");
    while (n && (word[n - 1] == ' ' || word[n - 1] == '\t')) n--;
    return mb_strndup(word, n);
}

static int list_settings(const mb_conf *words, mb_point *p) {
    int rc = MB_OK;
    for (size_t k = 0; k < words->n && !rc; k++) {
        const char *w = words->child[k]->s;
        char *key = key_of(w);
        rc = key ? remember(p, key, mb_strdup(strchr(w, '=') + 1)) : mb_nomem();
        mb_free(key);
    }
    return rc;
}

static int axis_settings(const mb_sweep *s, const mb_cursor *c, mb_point *p) {
    int rc = MB_OK;
    for (size_t i = 0; i < s->n_axes; i++) {
        for (size_t k = 0; k < s->a[i].n_key && c->on[i] && !rc; k++) {
            mb_conf number;
            char *text = value_text(mb_cursor_value(s, c, i, k, &number));
            if (text && s->a[i].numbered) {
                char *full = mb_asprintf("%s #%u", text, c->pick[i] + 1);
                mb_free(text);
                text = full;
            }
            rc = remember(p, s->a[i].key[k], text);
        }
    }
    return rc;
}

/* Keys and values of point INDEX, which is combination C, and its label. */
static int describe(const mb_sweep *s, size_t index, const mb_cursor *c, mb_point *p) {
    int rc = s->points ? list_settings(s->points->child[c->raw], p) : axis_settings(s, c, p);
    mb_str text = {0};
    if (rc) return rc;
    if (s->names) mb_str_add(&text, s->names->child[index]->s);
    for (size_t k = 0; k < p->n_set && !s->names; k++) mb_str_addf(&text, "%s%s=%s", k ? " " : "", short_key(s, p->key[k]), p->value[k]);
    if (s->numbered && !s->names) mb_str_addf(&text, " #%zu", index);
    p->label = text.failed ? NULL : mb_strdup(mb_cstr(&text));
    mb_str_free(&text);
    return p->label ? MB_OK : mb_nomem();
}

/* --- building a point --------------------------------------------------------------------------------------------------------- */

int mb_sweep_list_conf(const mb_sweep *s, size_t index, mb_conf **out) {
    const mb_conf *words = s->points->child[index];
    mb_conf *conf = mb_conf_clone(s->base);
    int rc = conf ? MB_OK : mb_nomem();
    for (size_t k = 0; k < words->n && !rc; k++) {
        const mb_conf *w = words->child[k];
        char *key = key_of(w->s);
        rc = key ? mb_conf_assign(conf, w->s, MB_FROM_SWEEP) : mb_nomem();
        if (rc) mb_context(rc, "in the point at %s", mb_conf_where(words));
        mb_conf *set = rc ? NULL : mb_conf_find(conf, key);
        if (set && !set->file && w->file) { /* relative paths are meant from the experiment's folder */
            set->file = mb_strdup(w->file);
            set->line = w->line;
            if (!set->file) rc = mb_nomem();
        }
        mb_free(key);
    }
    if (rc) mb_conf_free(conf);
    else *out = conf;
    return rc;
}

static int axis_conf(const mb_sweep *s, const mb_cursor *c, mb_conf **out) {
    mb_conf *conf = mb_conf_clone(s->base);
    int rc = conf ? MB_OK : mb_nomem();
    for (size_t i = 0; i < s->n_axes; i++) {
        for (size_t k = 0; k < s->a[i].n_key && c->on[i] && !rc; k++) {
            mb_conf number;
            const mb_conf *v = mb_cursor_value(s, c, i, k, &number);
            rc = mb_conf_put(conf, s->a[i].key[k], v, MB_FROM_SWEEP);
            if (rc) mb_context(rc, "in the sweep over %s at %s", s->a[i].key[k], mb_conf_where(v));
        }
    }
    if (rc) mb_conf_free(conf);
    else *out = conf;
    return rc;
}

int mb_sweep_point(const mb_sweep *s, size_t index, mb_point *p) {
    mb_cursor c;
    memset(p, 0, sizeof *p);
    if (index >= s->n) return mb_fail(MB_BUG, "there is no point %zu", index);
    int rc = mb_sweep_locate(s, index, &c);
    if (!rc) rc = s->points ? mb_sweep_list_conf(s, (size_t)c.raw, &p->conf) : axis_conf(s, &c, &p->conf);
    if (!rc) rc = describe(s, index, &c, p);
    if (rc) mb_point_free(p);
    return rc;
}

mb_conf *mb_sweep_base(const mb_conf *root) {
    mb_conf *c = mb_conf_clone(root);
    if (!c) return NULL;
    for (size_t i = 0; i < c->n; i++)
        if (c->child[i]->name && !strcmp(c->child[i]->name, "sweep")) {
            mb_conf_free(c->child[i]);
            memmove(c->child + i, c->child + i + 1, (c->n - i - 1) * sizeof *c->child);
            c->n--;
            break;
        }
    return c;
}

/* --- reading -------------------------------------------------------------------------------------------------------------------- */

/* What no point depends on is no key of a sweep. */
static int check_key(const char *key, const mb_conf *at) {
    static const char *const idle[] = {"sweep", "plot", "name", "question", "train"};
    for (size_t i = 0; i < sizeof idle / sizeof *idle; i++) {
        const size_t n = strlen(idle[i]);
        if (!strncmp(key, idle[i], n) && (!key[n] || key[n] == '.' || key[n] == '['))
            return mb_fail(MB_BADINPUT, "%s: %s cannot be swept: no result of a point depends on it", mb_conf_where(at), key);
    }
    return MB_OK;
}

static int read_list(mb_sweep *s) {
    mb_conf *l = mb_conf_use(s->sweep, "points");
    if (!l || l->type != MB_CONF_LIST || l->n == 0)
        return mb_fail(MB_BADINPUT, "%s: a list sweep needs points = ( (\"KEY=VALUE\", ...), ... )", mb_conf_where(l ? l : s->sweep));
    mb_conf_use_all(l);
    s->points = l;
    for (size_t i = 0; i < l->n; i++) {
        const mb_conf *words = l->child[i];
        if (words->type != MB_CONF_LIST) return mb_fail(MB_BADINPUT, "%s: a point is a list ( \"KEY=VALUE\", ... )", mb_conf_where(words));
        for (size_t k = 0; k < words->n; k++) {
            const mb_conf *w = words->child[k];
            if (w->type != MB_CONF_STRING || !strchr(w->s, '=') || *w->s == '=')
                return mb_fail(MB_BADINPUT, "%s: a point's entries have the form \"KEY=VALUE\"", mb_conf_where(w));
        }
    }
    return MB_OK;
}

/* KEY, which becomes owned, joins the swept keys if it is new. */
static int add_key(mb_sweep *s, char *key, const mb_conf *at) {
    int rc = key ? check_key(key, at) : mb_nomem();
    for (size_t i = 0; i < s->n_key && !rc; i++)
        if (!strcmp(s->key[i], key)) {
            mb_free(key);
            return MB_OK;
        }
    char **more = rc ? NULL : mb_realloc(s->key, s->n_key + 1, sizeof *more);
    if (more) {
        s->key = more;
        s->key[s->n_key++] = key;
        return MB_OK;
    }
    mb_free(key);
    return rc ? rc : mb_nomem();
}

static const char *last_word(const char *key) {
    const char *dot = strrchr(key, '.');
    return dot ? dot + 1 : key;
}

static int collect_keys(mb_sweep *s) {
    int rc = MB_OK;
    for (size_t i = 0; i < s->n_axes; i++)
        for (size_t k = 0; k < s->a[i].n_key && !rc; k++) rc = add_key(s, mb_strdup(s->a[i].key[k]), s->a[i].at);
    for (size_t i = 0; s->points && i < s->points->n; i++)
        for (size_t k = 0; k < s->points->child[i]->n && !rc; k++) rc = add_key(s, key_of(s->points->child[i]->child[k]->s), s->points->child[i]);
    if (!rc && !(s->word = mb_calloc(s->n_key, sizeof *s->word))) rc = mb_nomem();
    for (size_t i = 0; i < s->n_key && !rc; i++) {
        s->word[i] = last_word(s->key[i]);
        for (size_t j = 0; j < s->n_key; j++)
            if (j != i && !strcmp(last_word(s->key[j]), last_word(s->key[i]))) s->word[i] = s->key[i];
    }
    return rc;
}

/* What the command line has set at C or below it; NULL: nothing. */
static const mb_conf *set_on_command_line(const mb_conf *c) {
    if (!c || c->origin == MB_FROM_COMMAND) return c;
    for (size_t i = 0; i < c->n; i++) {
        const mb_conf *below = set_on_command_line(c->child[i]);
        if (below) return below;
    }
    return NULL;
}

/* A key that was set on the command line, or one inside it, and is swept all the same: one of the two would be ignored. */
static int check_not_set(const mb_sweep *s) {
    for (size_t i = 0; i < s->n_axes; i++) {
        for (size_t k = 0; k < s->a[i].n_key && !s->a[i].when; k++) {
            const mb_conf *c = mb_conf_find(s->base, s->a[i].key[k]), *set = set_on_command_line(c);
            if (set)
                return mb_fail(MB_BADINPUT,
                               "%s: %s is swept here, so setting %s on the command line has no effect: set another key, or the axis with "
                               "-s 'sweep.axes[%zu].values=[...]'",
                               mb_conf_where(s->a[i].values ? s->a[i].values : s->a[i].at), s->a[i].key[k], set == c || !set->name ? "it" : set->name, i);
        }
    }
    return MB_OK;
}

typedef struct text_hash { uint64_t h; size_t i; } text_hash;

static int by_hash(const void *a, const void *b) {
    const text_hash *x = a, *y = b;
    return x->h != y->h ? (x->h > y->h) - (x->h < y->h) : (x->i > y->i) - (x->i < y->i);
}

/* The same value twice on one axis of a grid is a mistake; long values whose short texts are the same get numbers. */
static int compare_values(mb_axis *a) {
    text_hash *t = mb_calloc(a->n, sizeof *t);
    bool cut = false;
    int rc = t ? MB_OK : mb_nomem();
    for (size_t i = 0; i < a->n && !rc; i++) {
        t[i] = (text_hash){MB_HASH_START, i};
        for (size_t k = 0; k < a->n_key && !rc; k++) {
            char *text = value_text(a->together ? a->values->child[i]->child[k] : a->values->child[i]);
            if (text) t[i].h = mb_hash64(text, strlen(text) + 1, t[i].h);
            else rc = mb_nomem();
            cut = cut || (text && strlen(text) == CUT + 3 && !strcmp(text + CUT, "..."));
            mb_free(text);
        }
    }
    if (!rc) qsort(t, a->n, sizeof *t, by_hash);
    for (size_t i = 1; i < a->n && !rc; i++) {
        if (t[i].h != t[i - 1].h) continue;
        const mb_conf *v = a->values->child[t[i].i];
        a->numbered = true;
        if (!cut || mb_conf_hash(v) == mb_conf_hash(a->values->child[t[i - 1].i]))
            rc = mb_fail(MB_BADINPUT, "%s: axis %s has the same value twice: numbers %zu and %zu", mb_conf_where(v), a->key[0], t[i - 1].i + 1, t[i].i + 1);
    }
    mb_free(t);
    return rc;
}

/* Whether two points have the same label. */
static int compare_labels(mb_sweep *s) {
    const size_t n = s->n;
    text_hash *t = mb_calloc(n, sizeof *t);
    int rc = t ? MB_OK : mb_nomem();
    for (size_t i = 0; i < n && !rc; i++) {
        mb_cursor c;
        mb_point p = {0};
        rc = mb_sweep_locate(s, i, &c);
        if (!rc) rc = describe(s, i, &c, &p);
        if (!rc) t[i] = (text_hash){mb_hash64(p.label, strlen(p.label), MB_HASH_START), i};
        mb_point_free(&p);
    }
    if (!rc) qsort(t, n, sizeof *t, by_hash);
    for (size_t i = 1; i < n && !rc; i++) {
        if (t[i].h != t[i - 1].h) continue;
        s->numbered = true;
        if (s->names) rc = mb_fail(MB_BADINPUT, "%s: the name \"%s\" stands twice", mb_conf_where(s->names->child[t[i].i]), s->names->child[t[i].i]->s);
    }
    mb_free(t);
    return rc;
}

/* Labels that tell the points apart. */
static int make_unique(mb_sweep *s) {
    int rc = MB_OK;
    bool drawn = false;
    for (size_t i = 0; i < s->n_axes && !rc; i++) {
        if (s->mode != MB_ZIP && s->a[i].values) rc = compare_values(&s->a[i]);
        drawn = drawn || (!s->a[i].n && !s->a[i].when && !s->a[i].integer);
    }
    if (s->mode == MB_LHS || s->mode == MB_RANDOM) s->numbered = !drawn && !s->whole;
    if (rc || (!s->names && s->mode != MB_ZIP && s->mode != MB_LIST)) return rc;
    return s->n <= MAX_COMPARED ? compare_labels(s) : MB_OK;
}

static int read_names(mb_sweep *s) {
    mb_conf *l = mb_conf_use(s->sweep, "names");
    if (!l) return MB_OK;
    mb_conf_use_all(l);
    if (l->type != MB_CONF_LIST || l->n != s->n) return mb_fail(MB_BADINPUT, "%s: names needs one text per point: %zu", mb_conf_where(l), s->n);
    for (size_t i = 0; i < s->n; i++)
        if (l->child[i]->type != MB_CONF_STRING) return mb_fail(MB_BADINPUT, "%s: names holds texts", mb_conf_where(l->child[i]));
    s->names = l;
    return MB_OK;
}

/* Random over finitely many combinations takes none of them twice. */
static int read_draws(mb_sweep *s) {
    const char *mode = s->mode == MB_LHS ? "lhs" : "random";
    if (s->mode != MB_RANDOM && s->mode != MB_LHS) return MB_OK;
    if (!s->samples) return mb_fail(MB_BADINPUT, "%s: a sweep with mode = \"%s\" needs samples, e.g. samples = 100", mb_conf_where(s->sweep), mode);
    uint64_t all = s->mode == MB_RANDOM;
    for (size_t i = 0; i < s->n_axes && all; i++) all = s->a[i].n && !s->a[i].when && all <= (UINT64_MAX >> 2) / s->a[i].n ? all * s->a[i].n : 0;
    if (all && s->samples > all)
        return mb_fail(MB_BADINPUT, "%s: samples = %llu, but the axes have only %llu combinations: mode = \"grid\" has them all", mb_conf_where(s->sweep),
                       (unsigned long long)s->samples, (unsigned long long)all);
    s->whole = all;
    return MB_OK;
}

/* What the group `sweep` says. */
static int read_sweep(mb_sweep *s) {
    static const char *const also[] = {"axes", "points", "names", NULL}, *const plain[] = {"mode", NULL}, *const drawn[] = {"mode", "samples", "seed", NULL};
    sweep_keys k;
    if (s->sweep->type != MB_CONF_GROUP) return mb_fail(MB_BADINPUT, "%s: sweep is a group { mode; axes; }", mb_conf_where(s->sweep));
    const mb_conf *samples = mb_conf_find(s->sweep, "samples"), *seed = mb_conf_find(s->sweep, "seed"), *odd = samples ? samples : seed;
    int rc = mb_params_load(mb_sweep_params, s->sweep, also, &k);
    if (rc) {
        mb_sweep_forget(s->sweep, plain);
        return rc;
    }
    s->mode = k.mode, s->samples = (uint64_t)k.samples, s->seed = (uint64_t)k.seed;
    const bool draws = s->mode == MB_RANDOM || s->mode == MB_LHS;
    if (odd && !draws) rc = mb_fail(MB_BADINPUT, "%s: %s is of the modes random and lhs", mb_conf_where(odd), mb_conf_key(odd));
    if (!rc) rc = s->mode == MB_LIST ? read_list(s) : mb_sweep_read_axes(s);
    if (!rc) rc = collect_keys(s);
    if (!rc) rc = check_not_set(s);
    if (!rc) rc = read_draws(s);
    if (!rc) rc = mb_sweep_read_conditions(s, k.where);
    if (!rc) rc = mb_sweep_scan(s);
    if (!rc) rc = read_names(s);
    if (!rc) rc = make_unique(s);
    if (!rc) rc = mb_conf_check_used(s->sweep);
    mb_sweep_forget(s->sweep, draws ? drawn : plain);
    mb_params_free(mb_sweep_params, &k);
    return rc;
}

int mb_sweep_open(mb_conf *root, mb_sweep **out) {
    mb_sweep *s = mb_calloc(1, sizeof *s);
    mb_conf *sweep = mb_conf_use(root, "sweep"), *copy = NULL;
    int rc = MB_OK;
    *out = NULL;
    if (!s || !(s->base = mb_sweep_base(root))) {
        rc = mb_nomem();
        goto out;
    }
    s->mode = MB_LIST;
    s->n = 1;
    if (sweep) {
        s->sweep = sweep;
        rc = read_sweep(s);
        s->sweep = NULL;
        if (rc) goto out;
        if (!(copy = mb_conf_clone(sweep))) {
            rc = mb_nomem();
            goto out;
        }
        size_t i = 0; /* ROOT keeps the copy: what was read points into the original */
        while (root->child[i] != sweep) i++;
        root->child[i] = copy;
        copy->parent = root;
        s->sweep = sweep;
        sweep->parent = s->base;
    }
out:
    if (rc) mb_sweep_close(s);
    else *out = s;
    return rc;
}

void mb_sweep_close(mb_sweep *s) {
    if (!s) return;
    for (size_t i = 0; i < s->n_axes; i++) mb_axis_free(&s->a[i]);
    for (size_t i = 0; i < s->n_known; i++) mb_free(s->known[i].by);
    for (size_t i = 0; i < s->n_key; i++) mb_free(s->key[i]);
    mb_free(s->key);
    mb_free(s->word);
    mb_free(s->known);
    mb_free(s->mark);
    mb_free(s->a);
    mb_expr_free(s->where);
    mb_conf_free(s->expanded);
    mb_conf_free(s->sweep);
    mb_conf_free(s->base);
    mb_free(s);
}

size_t mb_sweep_n(const mb_sweep *s) { return s->n; }

size_t mb_sweep_skipped(const mb_sweep *s) { return s->skipped; }

const char *mb_sweep_key(const mb_sweep *s, size_t i) { return i < s->n_key ? s->key[i] : NULL; }

/* --- one point for each value ----------------------------------------------------------------------------------------------------- */

/* Which values have been met: per axis one flag per value; of a list the hashes of its settings, ascending. */
typedef struct cover { bool *seen[MB_SWEEP_AXES]; uint64_t *word; bool *met; size_t n_word, left; } cover;

static int compare_u64(const void *a, const void *b) {
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static int cover_new(const mb_sweep *s, cover *v) {
    memset(v, 0, sizeof *v);
    for (size_t i = 0; i < s->n_axes; i++) {
        if (!(v->seen[i] = mb_calloc(s->a[i].n, sizeof(bool)))) return mb_nomem();
        for (size_t k = 1; s->a[i].step && k + 1 < s->a[i].n; k++) v->seen[i][k] = true; /* what lies between the ends of a range */
        v->left += s->a[i].step ? 2 : s->a[i].n;
    }
    for (size_t i = 0; s->points && i < s->points->n; i++) v->n_word += s->points->child[i]->n;
    v->word = mb_calloc(v->n_word, sizeof *v->word);
    v->met = mb_calloc(v->n_word, sizeof *v->met);
    if (!v->word || !v->met) return mb_nomem();
    size_t n = 0;
    for (size_t i = 0; s->points && i < s->points->n; i++)
        for (size_t k = 0; k < s->points->child[i]->n; k++) {
            const char *w = s->points->child[i]->child[k]->s;
            v->word[n++] = mb_hash64(w, strlen(w), MB_HASH_START);
        }
    if (n) qsort(v->word, n, sizeof *v->word, compare_u64);
    v->n_word = 0;
    for (size_t i = 0; i < n; i++)
        if (!i || v->word[i] != v->word[i - 1]) v->word[v->n_word++] = v->word[i];
    v->left += v->n_word;
    return MB_OK;
}

/* C shows something that was not met before. */
static bool covers(const mb_sweep *s, const mb_cursor *c, cover *v) {
    const size_t left = v->left;
    for (size_t i = 0; i < s->n_axes; i++) {
        if (!c->on[i] || !s->a[i].n || v->seen[i][c->pick[i]]) continue;
        v->seen[i][c->pick[i]] = true;
        v->left--;
    }
    for (size_t k = 0; s->points && k < s->points->child[c->raw]->n; k++) {
        const char *w = s->points->child[c->raw]->child[k]->s;
        const uint64_t h = mb_hash64(w, strlen(w), MB_HASH_START), *at = bsearch(&h, v->word, v->n_word, sizeof h, compare_u64);
        if (!at || v->met[at - v->word]) continue;
        v->met[at - v->word] = true;
        v->left--;
    }
    return v->left < left;
}

static int add_index(size_t **list, size_t *n, size_t index) {
    if ((*n & (*n - 1)) == 0) {
        size_t *more = mb_realloc(*list, *n ? 2 * *n : 1, sizeof *more);
        if (!more) return mb_nomem();
        *list = more;
    }
    (*list)[(*n)++] = index;
    return MB_OK;
}

int mb_sweep_cover(const mb_sweep *s, size_t **index, size_t *n) {
    cover v;
    mb_cursor c;
    *index = NULL;
    *n = 0;
    int rc = cover_new(s, &v);
    if (!rc) rc = mb_sweep_locate(s, 0, &c);
    for (size_t i = 0; i < s->n && !rc;) {
        if (covers(s, &c, &v) || i == 0 || i + 1 == s->n) rc = add_index(index, n, i);
        i = v.left || i + 1 == s->n ? i + 1 : s->n - 1; /* when all was met only the last one is left to be told */
        if (!rc && i < s->n) rc = v.left ? mb_sweep_next(s, &c) : mb_sweep_locate(s, i, &c);
    }
    for (size_t i = 0; i < s->n_axes; i++) mb_free(v.seen[i]);
    mb_free(v.word);
    mb_free(v.met);
    if (rc) {
        mb_free(*index);
        *index = NULL;
    }
    return rc;
}
