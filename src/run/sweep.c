/* sweep.c - points of an experiment: grid, zip, list; each is built alone, when it is asked for */
#include "run/sweep.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/param.h"

#define MAX_POINTS 10000000u

typedef struct { int mode; } sweep_keys;
enum { GRID, ZIP, LIST };
const mb_param mb_sweep_params[] = {
    MB_CHOICE(sweep_keys, mode, "grid|zip|list", "grid", "all combinations of the axes; axes in step; points written out"),
    MB_PARAM_END};

#define AXIS_KEYS 16
typedef struct { const char *key[AXIS_KEYS]; size_t n_key; bool together; const mb_conf *values; } axis; /* together: each value is a list with one value per key */

struct mb_sweep {
    mb_conf *root, *base;          /* the experiment, and without its sweep */
    int mode;
    axis *a;                       /* into root, as the others */
    size_t n_axes;
    const mb_conf *points, *names;
    size_t n;
};

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
    char *t = s.failed ? NULL : s.n > 60 ? mb_asprintf("%.57s...", mb_cstr(&s)) : mb_strdup(mb_cstr(&s));
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

/* The last word of key k of a point; the whole key where another one ends in the same word. */
static const char *short_key(const mb_point *p, size_t k) {
    const char *dot = strrchr(p->key[k], '.'), *word = dot ? dot + 1 : p->key[k];
    for (size_t j = 0; j < p->n_set; j++) {
        const char *other = strrchr(p->key[j], '.');
        if (j != k && !strcmp(other ? other + 1 : p->key[j], word)) return p->key[k];
    }
    return word;
}

/* The label of a point: last words of its keys with their values, or the name given in `names`. */
static int make_label(mb_point *p, const mb_conf *names, size_t index) {
    if (names) {
        p->label = mb_strdup(names->child[index]->s);
        return p->label ? MB_OK : mb_nomem();
    }
    mb_str s = {0};
    for (size_t k = 0; k < p->n_set; k++) mb_str_addf(&s, "%s%s=%s", k ? " " : "", short_key(p, k), p->value[k]);
    p->label = s.failed ? NULL : mb_strdup(mb_cstr(&s));
    mb_str_free(&s);
    return p->label ? MB_OK : mb_nomem();
}

static int read_axis(mb_conf *e, axis *a) {
    mb_conf *key = e->type == MB_CONF_GROUP ? mb_conf_use(e, "key") : NULL, *keys = e->type == MB_CONF_GROUP ? mb_conf_use(e, "keys") : NULL;
    mb_conf *values = e->type == MB_CONF_GROUP ? mb_conf_use(e, "values") : NULL;
    if (keys) mb_conf_use_all(keys);
    if (key && keys) return mb_fail(MB_BADINPUT, "%s: an axis has a key, or keys that change together, not both", mb_conf_where(keys));
    if (keys && (keys->type != MB_CONF_LIST || keys->n == 0 || keys->n > AXIS_KEYS))
        return mb_fail(MB_BADINPUT, "%s: keys is a list of 1 to %d names, e.g. keys = [ \"device\", \"map.cell_bits\" ]", mb_conf_where(keys), AXIS_KEYS);
    if (!keys && !key) return mb_fail(MB_BADINPUT, "%s: an axis needs a key, e.g. key = \"map.weight_bits\"", mb_conf_where(e));
    a->together = keys != NULL;
    a->n_key = keys ? keys->n : 1;
    for (size_t i = 0; i < a->n_key; i++) {
        const mb_conf *k = keys ? keys->child[i] : key;
        if (k->type != MB_CONF_STRING || !*k->s)
            return mb_fail(MB_BADINPUT, "%s: an axis needs a key, e.g. key = \"map.weight_bits\"", mb_conf_where(k));
        a->key[i] = k->s;
    }
    if (!values || values->type != MB_CONF_LIST || values->n == 0)
        return mb_fail(MB_BADINPUT, "%s: axis %s needs values, e.g. values = [8, 4]", mb_conf_where(e), a->key[0]);
    mb_conf_use_all(values);
    a->values = values;
    for (size_t i = 0; keys && i < values->n; i++)
        if (values->child[i]->type != MB_CONF_LIST || values->child[i]->n != a->n_key)
            return mb_fail(MB_BADINPUT, "%s: each value of an axis with keys is a list with one value per key: %zu", mb_conf_where(values->child[i]), a->n_key);
    return MB_OK;
}

static int read_axes(mb_conf *sweep, axis **out, size_t *n) {
    mb_conf *list = mb_conf_use(sweep, "axes");
    if (!list || list->type != MB_CONF_LIST || list->n == 0)
        return mb_fail(MB_BADINPUT, "%s: sweep needs axes = ( { key = \"map.weight_bits\"; values = [8, 4]; }, ... )",
                       mb_conf_where(list ? list : sweep));
    axis *a = mb_calloc(list->n, sizeof *a);
    if (!a) return mb_nomem();
    *out = a;
    *n = list->n;
    for (size_t i = 0; i < list->n; i++) {
        int rc = read_axis(list->child[i], &a[i]);
        for (size_t j = 0; j <= i && !rc; j++)
            for (size_t m = 0; m < a[i].n_key && !rc; m++)
                for (size_t k = 0; k < (j < i ? a[j].n_key : m) && !rc; k++)
                    if (!strcmp(a[j].key[k], a[i].key[m]))
                        rc = mb_fail(MB_BADINPUT, "%s: axis %s stands twice", mb_conf_where(list->child[i]), a[i].key[m]);
        if (rc) return rc;
    }
    return MB_OK;
}

/* How many points; refuses axes of different lengths (zip) and absurd products (grid). */
static int count_points(const mb_conf *sweep, int mode, const axis *a, size_t n_axes, const mb_conf *points, size_t *n) {
    *n = 1;
    if (mode == LIST) *n = points->n;
    if (mode == ZIP) {
        *n = a[0].values->n;
        for (size_t i = 1; i < n_axes; i++)
            if (a[i].values->n != *n)
                return mb_fail(MB_BADINPUT, "%s: axes in step (zip) need the same number of values: %s has %zu, %s has %zu",
                               mb_conf_where(a[i].values), a[0].key[0], *n, a[i].key[0], a[i].values->n);
    }
    if (mode == GRID)
        for (size_t i = 0; i < n_axes; i++) {
            if (*n > MAX_POINTS / a[i].values->n)
                return mb_fail(MB_BADINPUT, "%s: more than %u points: shorten an axis", mb_conf_where(sweep), MAX_POINTS);
            *n *= a[i].values->n;
        }
    return MB_OK;
}

static int check_list_point(const mb_conf *words) {
    if (words->type != MB_CONF_LIST) return mb_fail(MB_BADINPUT, "%s: a point is a list ( \"KEY=VALUE\", ... )", mb_conf_where(words));
    for (size_t k = 0; k < words->n; k++) {
        const mb_conf *w = words->child[k];
        if (w->type != MB_CONF_STRING || !strchr(w->s, '=') || *w->s == '=')
            return mb_fail(MB_BADINPUT, "%s: a point's entries have the form \"KEY=VALUE\"", mb_conf_where(w));
    }
    return MB_OK;
}

static int set_list_point(mb_point *p, const mb_conf *words) {
    for (size_t k = 0; k < words->n; k++) {
        const mb_conf *w = words->child[k];
        const char *eq = strchr(w->s, '=');
        int rc = mb_conf_assign(p->conf, w->s, MB_FROM_SWEEP);
        if (rc) return mb_context(rc, "in the point at %s", mb_conf_where(words));
        char *key = mb_strndup(w->s, (size_t)(eq - w->s));
        if (!key) return mb_nomem();
        mb_conf *set = mb_conf_find(p->conf, key);
        if (set && !set->file && w->file) { /* relative paths are meant from the experiment's folder */
            if (!(set->file = mb_strdup(w->file))) {
                mb_free(key);
                return mb_nomem();
            }
            set->line = w->line;
        }
        rc = remember(p, key, mb_strdup(eq + 1));
        mb_free(key);
        if (rc) return rc;
    }
    return MB_OK;
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
static int check_not_set(const mb_conf *root, const axis *a, size_t n_axes) {
    for (size_t i = 0; i < n_axes; i++) {
        for (size_t k = 0; k < a[i].n_key; k++) {
            const mb_conf *c = mb_conf_find(root, a[i].key[k]), *set = set_on_command_line(c);
            if (set)
                return mb_fail(MB_BADINPUT,
                               "%s: %s is swept here, so setting %s on the command line has no effect: set another key, or the axis with "
                               "-s 'sweep.axes[%zu].values=[...]'",
                               mb_conf_where(a[i].values), a[i].key[k], set == c || !set->name ? "it" : set->name, i);
        }
    }
    return MB_OK;
}

static int set_axes_point(mb_point *p, int mode, const axis *a, size_t n_axes, size_t index) {
    size_t rest = index;
    size_t pick[64];
    if (n_axes > 64) return mb_fail(MB_BADINPUT, "a sweep has at most 64 axes");
    for (size_t i = n_axes; i-- > 0;) {
        pick[i] = mode == ZIP ? index : rest % a[i].values->n;
        rest /= a[i].values->n;
    }
    for (size_t i = 0; i < n_axes; i++) {
        const mb_conf *at = a[i].values->child[pick[i]];
        for (size_t k = 0; k < a[i].n_key; k++) {
            const mb_conf *v = a[i].together ? at->child[k] : at;
            int rc = mb_conf_put(p->conf, a[i].key[k], v, MB_FROM_SWEEP);
            if (!rc) rc = remember(p, a[i].key[k], value_text(v));
            if (rc) return mb_context(rc, "in the sweep over %s at %s", a[i].key[k], mb_conf_where(v));
        }
    }
    return MB_OK;
}

static int read_names(mb_conf *sweep, size_t n, const mb_conf **names) {
    mb_conf *l = mb_conf_use(sweep, "names");
    *names = l;
    if (!l) return MB_OK;
    mb_conf_use_all(l);
    if (l->type != MB_CONF_LIST || l->n != n)
        return mb_fail(MB_BADINPUT, "%s: names needs one text per point: %zu", mb_conf_where(l), n);
    for (size_t i = 0; i < n; i++)
        if (l->child[i]->type != MB_CONF_STRING) return mb_fail(MB_BADINPUT, "%s: names holds texts", mb_conf_where(l->child[i]));
    return MB_OK;
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

/* What the group `sweep` says; S has its copy of the experiment. */
static int read_sweep(mb_sweep *s, mb_conf *sweep) {
    s->n = 1;
    if (!sweep) return MB_OK;
    int rc = MB_OK;
    if (s->mode == LIST) {
        mb_conf *l = mb_conf_use(sweep, "points");
        if (!l || l->type != MB_CONF_LIST || l->n == 0)
            return mb_fail(MB_BADINPUT, "%s: a list sweep needs points = ( (\"KEY=VALUE\", ...), ... )", mb_conf_where(l ? l : sweep));
        mb_conf_use_all(l);
        s->points = l;
        for (size_t i = 0; i < l->n && !rc; i++) rc = check_list_point(l->child[i]);
    } else {
        rc = read_axes(sweep, &s->a, &s->n_axes);
    }
    if (!rc) rc = count_points(sweep, s->mode, s->a, s->n_axes, s->points, &s->n);
    if (!rc) rc = check_not_set(s->root, s->a, s->n_axes);
    if (!rc) rc = read_names(sweep, s->n, &s->names);
    if (!rc) rc = mb_conf_check_used(sweep);
    return rc;
}

int mb_sweep_open(mb_conf *root, mb_sweep **out) {
    static const char *const also[] = {"axes", "points", "names", NULL};
    *out = NULL;
    mb_conf *sweep = mb_conf_use(root, "sweep");
    sweep_keys keys = {LIST};
    if (sweep) {
        if (sweep->type != MB_CONF_GROUP) return mb_fail(MB_BADINPUT, "%s: sweep is a group { mode; axes; }", mb_conf_where(sweep));
        int rc = mb_params_load(mb_sweep_params, sweep, also, &keys);
        if (rc) return rc;
    }
    mb_sweep *s = mb_calloc(1, sizeof *s);
    if (!s) return mb_nomem();
    s->mode = keys.mode;
    mb_params_free(mb_sweep_params, &keys);
    s->root = mb_conf_clone(root);
    s->base = mb_sweep_base(root);
    int rc = s->root && s->base ? read_sweep(s, mb_conf_find(s->root, "sweep")) : mb_nomem();
    if (!rc && sweep) mb_conf_use_all(sweep);
    if (rc) mb_sweep_close(s);
    else *out = s;
    return rc;
}

void mb_sweep_close(mb_sweep *s) {
    if (!s) return;
    mb_free(s->a);
    mb_conf_free(s->root);
    mb_conf_free(s->base);
    mb_free(s);
}

size_t mb_sweep_n(const mb_sweep *s) { return s->n; }

int mb_sweep_point(const mb_sweep *s, size_t index, mb_point *p) {
    memset(p, 0, sizeof *p);
    if (index >= s->n) return mb_fail(MB_BUG, "there is no point %zu", index);
    p->conf = mb_conf_clone(s->base);
    int rc = p->conf ? MB_OK : mb_nomem();
    if (!rc && s->points) rc = set_list_point(p, s->points->child[index]);
    if (!rc && s->a) rc = set_axes_point(p, s->mode, s->a, s->n_axes, index);
    if (!rc) rc = make_label(p, s->names, index);
    if (rc) mb_point_free(p);
    return rc;
}
