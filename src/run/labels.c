/* labels.c - how points are called: by their label, by what the sweep sets in them, in plots by the values alone */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "run/results_internal.h"

/* The shortest tail of KEY (at a dot) that no other swept key ends in. */
static const char *short_key(const mb_point_result *p, const char *key) {
    const char *tail = key + strlen(key);
    while (tail > key) {
        do tail--;
        while (tail > key && tail[-1] != '.');
        size_t n = strlen(tail);
        bool unique = true;
        for (size_t i = 0; i < p->n_set && unique; i++) {
            const char *other = p->set[i].key;
            size_t m = strlen(other);
            if (strcmp(other, key) != 0 && m >= n && strcmp(other + m - n, tail) == 0 && (m == n || other[m - n - 1] == '.'))
                unique = false;
        }
        if (unique) break;
    }
    return tail;
}

/* Is the label of P "KEY=VALUE KEY=VALUE ...", made by the sweep? A key may be cut to what stands behind one of its dots. */
static bool label_is_settings(const mb_point_result *p) {
    const char *s = p->label;
    for (size_t k = 0; k < p->n_set; k++) {
        const char *key = p->set[k].key;
        const size_t skip = k ? 1 : 0, written = strcspn(s + (*s ? skip : 0), "= "), whole = strlen(key);
        if (written < whole && key[whole - written - 1] == '.') key += whole - written;
        const char *const part[] = {k ? " " : "", key, "=", p->set[k].value};
        for (int i = 0; i < 4; i++) {
            size_t n = strlen(part[i]);
            if (strncmp(s, part[i], n) != 0) return false;
            s += n;
        }
    }
    return *s == '\0';
}

char *mb_point_name(const mb_results *r, const mb_point_result *p) {
    mb_str brief = {0};
    char *name = NULL;
    for (size_t i = 0; i < p->n_set; i++)
        mb_str_addf(&brief, "%s%s=%s", i ? " " : "", short_key(p, p->set[i].key), p->set[i].value);
    if (brief.failed) {
        name = NULL;
    } else if (p->label && *p->label) {
        name = mb_strdup(p->n_set && label_is_settings(p) ? mb_cstr(&brief) : p->label);
    } else if (p->n_set) {
        name = mb_strdup(mb_cstr(&brief));
    } else if (r->n <= 1 && r->name && *r->name) {
        name = mb_strdup(r->name);
    } else {
        name = mb_asprintf("point %lld", (long long)p->index);
    }
    mb_str_free(&brief);
    return name;
}

bool mb_same_keys(const mb_results *r) {
    const mb_point_result *a = r->point;
    bool same = r->n > 0 && a->n_set > 0;
    for (size_t i = 0; i < r->n && same; i++) {
        const mb_point_result *b = &r->point[i];
        same = b->n_set == a->n_set && (!*b->label || label_is_settings(b));
        for (size_t k = 0; k < b->n_set && same; k++) same = strcmp(a->set[k].key, b->set[k].key) == 0;
    }
    return same;
}

/* --- tags ------------------------------------------------------------------------------------------------------------ */

typedef struct member {
    size_t group, at; /* the points that are alike so far; which point */
    const char *value;
} member;

static int by_group(const void *a, const void *b) {
    const member *x = a, *y = b;
    if (x->group != y->group) return x->group < y->group ? -1 : 1;
    const int c = strcmp(x->value, y->value);
    return c ? c : x->at < y->at ? -1 : x->at > y->at;
}

static int by_value(const void *a, const void *b) { return strcmp(((const member *)a)->value, ((const member *)b)->value); }

/* Where the name of the file PATH stands, and how long it is without its ending. */
static const char *base_of(const char *path, size_t *n) {
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
    *n = dot && dot != name ? (size_t)(dot - name) : strlen(name);
    return name;
}

/* Are all values of a key still different when files go by their names alone? M is sorted by value. */
static bool bases_differ(const member *m, size_t n) {
    for (size_t i = 0; i < n; i++) {
        size_t ni, nj;
        if (i && strcmp(m[i].value, m[i - 1].value) == 0) continue;
        const char *bi = base_of(m[i].value, &ni);
        if (!strchr(m[i].value, '/') || !ni) return false; /* no file: all stay as they are */
        for (size_t j = i + 1; j < n; j++) {
            const char *bj = base_of(m[j].value, &nj);
            if (strcmp(m[i].value, m[j].value) != 0 && ni == nj && strncmp(bi, bj, ni) == 0) return false;
        }
    }
    return true;
}

#define FILES 64 /* more points than these are not looked through for files of one name */

int mb_tagging_of(const mb_results *r, mb_tagging *t) {
    *t = (mb_tagging){.same = mb_same_keys(r)};
    if (!t->same) return MB_OK;
    const size_t keys = r->point[0].n_set;
    member *m = mb_calloc(r->n, sizeof *m);
    if (!m) return mb_nomem();
    for (size_t i = 0; i < r->n; i++) m[i].at = i;
    for (size_t k = 0; k < keys && k < 64; k++) {
        size_t groups = 0;
        bool splits = false;
        for (size_t i = 0; i < r->n; i++) m[i].value = r->point[m[i].at].set[k].value;
        qsort(m, r->n, sizeof *m, by_group);
        for (size_t i = 0, was = 0; i < r->n; i++) {
            const bool next = i && m[i].group != was, other = i && strcmp(m[i].value, m[i - 1].value) != 0;
            was = m[i].group;
            splits = splits || (i && !next && other);
            groups += next || other;
            m[i].group = groups;
        }
        if (splits) t->use |= (uint64_t)1 << k;
        if (r->n > FILES) continue;
        qsort(m, r->n, sizeof *m, by_value);
        if (bases_differ(m, r->n)) t->base |= (uint64_t)1 << k;
    }
    if (!t->use) t->use = ~(uint64_t)0; /* one point, or points that are all alike */
    mb_free(m);
    return MB_OK;
}

static bool used(const mb_tagging *t, size_t k) { return k >= 64 || t->use >> k & 1; }

char *mb_point_tag(const mb_results *r, const mb_point_result *p, const mb_tagging *t) {
    mb_str s = {0};
    char *tag = NULL;
    if (!t->same) return mb_point_name(r, p);
    for (size_t k = 0; k < p->n_set; k++) {
        const char *v = p->set[k].value;
        size_t n = strlen(v);
        if (!used(t, k)) continue;
        if (k < 64 && t->base >> k & 1) v = base_of(v, &n);
        if (s.n) mb_str_add(&s, "/");
        mb_str_addn(&s, v, n);
    }
    if (!s.failed) tag = mb_strdup(mb_cstr(&s));
    mb_str_free(&s);
    return tag;
}

void mb_tag_legend(const mb_results *r, const mb_tagging *t, mb_str *out) {
    const size_t before = out->n;
    for (size_t k = 0; t->same && k < r->point[0].n_set; k++)
        if (used(t, k)) mb_str_addf(out, "%s%s", out->n > before ? " / " : "", short_key(&r->point[0], r->point[0].set[k].key));
}
