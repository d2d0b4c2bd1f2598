/* merge.c - shards of a run put together
 *
 * The lines of each point are taken as they stand, checksums and all, in the order of the points, and written by the same code that writes a run (results_write.c), so that
 * the result has the bytes of the run that was never divided. Called by the command line.
 */
#include "run/merge.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/conf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "run/explain.h"
#include "run/results_internal.h"
#include "run/sweep.h"

#define POINT_HEAD "{\"kind\":\"point\",\"index\":"

/* The lines of a point in the text of its shard. */
typedef struct piece {
    int64_t index;
    size_t shard;
    const char *lines;
    size_t n;
    char id[33];
    bool infeasible;
    char *plan;              /* name of its file; NULL: none */
} piece;

typedef struct shard {
    const char *dir;
    uint8_t *text;
    size_t size, schema;     /* length of the schema line */
    char *name;              /* of the run */
} shard;

typedef struct merge {
    shard *shard;
    size_t n_shard;
    piece *piece;
    size_t n, cap;
} merge;

static int add_piece(merge *m, const piece *p) {
    if (m->n == m->cap) {
        const size_t cap = m->cap ? 2 * m->cap : 256;
        piece *more = mb_realloc(m->piece, cap, sizeof *more);
        if (!more) return mb_nomem();
        m->piece = more;
        m->cap = cap;
    }
    m->piece[m->n++] = *p;
    return MB_OK;
}

/* The value of the text member KEY that stands behind AT in a line of ours; NULL: not there. Names and ids hold no quotes. */
static char *member(const char *line, size_t n, const char *key) {
    const size_t k = strlen(key);
    for (size_t at = 0; at + k < n; at++)
        if (!memcmp(line + at, key, k)) {
            const char *end = memchr(line + at + k, '"', n - at - k);
            return end ? mb_strndup(line + at + k, (size_t)(end - line) - at - k) : NULL;
        }
    return NULL;
}

static int read_point(const char *line, size_t n, piece *p) {
    p->index = strtoll(line + strlen(POINT_HEAD), NULL, 10);
    char *id = member(line, n, "\"id\":\""), *status = member(line, n, "\"status\":\""), *plan = member(line, n, "\"plan\":\"");
    const bool whole = id && status && plan && strlen(id) < sizeof p->id && p->index >= 0;
    if (whole) {
        memcpy(p->id, id, strlen(id) + 1);
        p->infeasible = strcmp(status, "done") != 0;
        p->plan = *plan ? plan : NULL;
    }
    if (!whole || !*plan) mb_free(plan);
    mb_free(id);
    mb_free(status);
    return whole ? MB_OK : mb_fail(MB_BADINPUT, "a line about a point cannot be read");
}

/* Whole points of a shard; what stands behind the last one is a tail that a stopped run left. */
static int read_shard(merge *m, size_t k) {
    shard *s = &m->shard[k];
    char *path = mb_path_join(s->dir, MB_RESULTS_FILE);
    int rc = path ? mb_file_read(path, (size_t)1 << 40, &s->text, &s->size) : mb_nomem();
    size_t begin = 0, line_no = 0, bad = 0;
    for (size_t at = 0; at < s->size && !rc;) {
        const char *line = (const char *)s->text + at, *nl = memchr(line, '\n', s->size - at);
        if (!nl) break;
        const size_t n = (size_t)(nl - line);
        const bool point = n > strlen(POINT_HEAD) && !memcmp(line, POINT_HEAD, strlen(POINT_HEAD));
        line_no++;
        if (!bad && !mb_line_check(line, n)) bad = line_no;
        at += n + 1;
        if (bad && point) rc = mb_fail(MB_BADINPUT, "%s:%zu: the line is damaged (checksum)", path, bad);
        if (line_no == 1) {
            if (!rc && (bad || n < 16 || memcmp(line, "{\"kind\":\"schema\"", 16) != 0)) rc = mb_fail(MB_BADINPUT, "%s:1: is not a results file of mixbar", path);
            s->schema = begin = at;
            if (!rc && !(s->name = member(line, n, "\"name\":\""))) rc = mb_fail(MB_BADINPUT, "%s:1: has no name", path);
        } else if (point && !rc) {
            piece p = {.shard = k, .lines = (const char *)s->text + begin, .n = at - begin};
            rc = read_point(line, n, &p);
            if (rc) mb_context(rc, "%s:%zu", path, line_no);
            else rc = add_piece(m, &p);
            begin = at;
        }
    }
    if (!rc && !s->schema) rc = mb_fail(MB_BADINPUT, "%s: is empty", path);
    const shard *first = &m->shard[0];
    if (!rc && (s->schema != first->schema || memcmp(s->text, first->text, s->schema) != 0))
        rc = mb_fail(MB_BADINPUT, "%s: holds another experiment than %s, or is of another version of mixbar: compare their used.cfg", s->dir, first->dir);
    mb_free(path);
    return rc;
}

static int by_index(const void *a, const void *b) {
    const piece *x = a, *y = b;
    if (x->index != y->index) return x->index < y->index ? -1 : 1;
    return (x->shard > y->shard) - (x->shard < y->shard);
}

/* One piece per point. */
static int unite(merge *m) {
    if (m->n) qsort(m->piece, m->n, sizeof *m->piece, by_index);
    size_t kept = 0;
    for (size_t i = 0; i < m->n; i++) {
        piece *p = &m->piece[i], *q = kept ? &m->piece[kept - 1] : NULL;
        if (!q || q->index != p->index) {
            m->piece[kept++] = *p;
            if (kept - 1 != i) p->plan = NULL;
            continue;
        }
        if (q->n != p->n || memcmp(q->lines, p->lines, p->n) != 0)
            return mb_fail(MB_BADINPUT, "point %lld is not the same in %s and in %s: one of them was computed from other data, or by another mixbar", (long long)p->index,
                           m->shard[q->shard].dir, m->shard[p->shard].dir);
        mb_free(p->plan);
        p->plan = NULL;
    }
    for (size_t i = kept; i < m->n; i++) m->piece[i].plan = NULL;
    m->n = kept;
    return MB_OK;
}

/* "3, 7, 11-19": numbers below POINTS that have no piece. */
static void name_missing(const merge *m, size_t points, mb_str *out) {
    size_t at = 0;
    for (size_t i = 0; i <= m->n; i++) {
        const size_t to = i < m->n ? (size_t)m->piece[i].index : points;
        if (at < to) mb_str_addf(out, "%s%zu", out->n ? ", " : "", at);
        if (at + 1 < to) mb_str_addf(out, "-%zu", to - 1);
        at = to + 1;
    }
}

static int copy_file(mb_run *run, const char *dir, const char *name) {
    uint8_t *data = NULL;
    size_t n;
    char *path = mb_path_join(dir, name);
    int rc = path ? mb_file_read(path, (size_t)1 << 30, &data, &n) : mb_nomem();
    if (!rc) rc = mb_run_write_bytes(run, name, data, n);
    mb_free(data);
    mb_free(path);
    return rc;
}

static int by_point(const void *a, const void *b) {
    const mb_explanation *x = *(mb_explanation *const *)a, *y = *(mb_explanation *const *)b;
    return (x->point > y->point) - (x->point < y->point);
}

/* explain.jsonl of all shards; of a point that is explained twice the first. */
static int merge_explanations(const merge *m, mb_run *run) {
    mb_explanation **all = NULL;
    size_t n = 0, kept = 0;
    int rc = MB_OK;
    for (size_t k = 0; k < m->n_shard && !rc; k++) {
        mb_explanation **list = NULL;
        size_t more = 0;
        rc = mb_explain_read(m->shard[k].dir, &list, &more);
        mb_explanation **grown = rc ? NULL : mb_realloc(all, n + more, sizeof *all);
        if (!rc && !grown) rc = mb_nomem();
        if (grown) all = grown;
        for (size_t i = 0; i < more; i++) {
            if (rc) mb_explanation_free(list[i]);
            else all[n++] = list[i];
        }
        mb_free(list);
    }
    if (n && !rc) {
        qsort(all, n, sizeof *all, by_point);
        for (size_t i = 0; i < n; i++) {
            if (kept && all[kept - 1]->point == all[i]->point) mb_explanation_free(all[i]);
            else all[kept++] = all[i];
        }
        n = kept;
        mb_str text = {0};
        mb_explain_text(m->shard[0].name, all, n, &text);
        rc = text.failed ? mb_nomem() : mb_run_write_file(run, MB_EXPLAIN_FILE, mb_cstr(&text));
        mb_str_free(&text);
    }
    for (size_t i = 0; i < n; i++) mb_explanation_free(all[i]);
    mb_free(all);
    return rc;
}

/* The network that was trained for a point, where there is one. */
static int copy_network(mb_run *run, const char *dir, int64_t index) {
    char name[40];
    snprintf(name, sizeof name, "net-%04lld.onnx", (long long)index);
    char *path = mb_path_join(dir, name);
    int rc = !path ? mb_nomem() : mb_file_exists(path) ? copy_file(run, dir, name) : MB_OK;
    mb_free(path);
    return rc;
}

static int write_all(const merge *m, const char *used, const char *out, int force) {
    mb_run *run = NULL;
    int rc = mb_run_create(out, m->shard[0].name, used, force ? MB_RUN_FORCE : MB_RUN_NEW, &run);
    if (rc) return rc;
    for (size_t i = 0; i < m->n && !rc; i++) {
        const piece *p = &m->piece[i];
        mb_str lines = {0};
        mb_str_addn(&lines, p->lines, p->n);
        if (lines.failed) rc = mb_nomem();
        if (!rc && p->plan) rc = copy_file(run, m->shard[p->shard].dir, p->plan);
        if (!rc && p->plan) rc = copy_network(run, m->shard[p->shard].dir, p->index);
        if (!rc) rc = mb_run_put(run, p->index, p->id, p->infeasible, &lines);
        mb_str_free(&lines);
    }
    if (!rc) rc = merge_explanations(m, run);
    mb_str dirs = {0};
    for (size_t k = 0; k < m->n_shard; k++) mb_str_addf(&dirs, "%s%s", k ? ", " : "", m->shard[k].dir);
    if (!rc) rc = dirs.failed ? mb_nomem() : mb_run_note(run, "merged", mb_cstr(&dirs));
    mb_str_free(&dirs);
    mb_error *first = rc ? mb_error_take() : NULL;
    int close = mb_run_close(run, rc == MB_OK);
    if (rc) return mb_error_raise(first, rc);
    return close;
}

/* used.cfg of the first shard, and how many points its sweep has. */
static int read_used(const char *dir, uint8_t **used, size_t *points) {
    size_t n;
    mb_conf *c = NULL;
    mb_sweep *sweep = NULL;
    char *path = mb_path_join(dir, "used.cfg");
    int rc = path ? mb_file_read(path, (size_t)64 << 20, used, &n) : mb_nomem();
    if (!rc) rc = mb_conf_parse((const char *)*used, path, &c);
    if (!rc) rc = mb_sweep_open(c, &sweep);
    if (!rc) *points = mb_sweep_n(sweep);
    mb_sweep_close(sweep);
    mb_conf_free(c);
    mb_free(path);
    return rc;
}

/* The whole is written while shards are read: it cannot take the place of one of them. */
static int check_apart(const char *dir, const char *out) {
    struct stat a, b;
    if (stat(dir, &a) != 0 || stat(out, &b) != 0 || a.st_dev != b.st_dev || a.st_ino != b.st_ino) return MB_OK;
    return mb_fail(MB_BADINPUT, "%s: is one of the folders that are put together, and would be overwritten: choose another one with -o DIR", out);
}

int mb_results_merge(const char *const *dir, size_t n, const char *out, int force, size_t *points, mb_str *missing) {
    uint8_t *used = NULL;
    merge m = {.shard = mb_calloc(n, sizeof *m.shard)};
    int rc = m.shard ? MB_OK : mb_nomem();
    for (size_t k = 0; k < n && !rc; k++) {
        m.shard[k].dir = dir[k];
        m.n_shard++;
        rc = check_apart(dir[k], out);
        if (!rc) rc = read_shard(&m, k);
    }
    if (!rc) rc = unite(&m);
    if (!rc) rc = read_used(dir[0], &used, points);
    if (!rc && m.n && (size_t)m.piece[m.n - 1].index >= *points)
        rc = mb_fail(MB_BADINPUT, "%s: has point %lld, but its used.cfg only %zu points", m.shard[m.piece[m.n - 1].shard].dir, (long long)m.piece[m.n - 1].index, *points);
    if (!rc) {
        name_missing(&m, *points, missing);
        if (missing->failed) rc = mb_nomem();
        else if (missing->n) rc = MB_NO;
    }
    if (!rc) rc = write_all(&m, (const char *)used, out, force);
    for (size_t i = 0; i < m.n; i++) mb_free(m.piece[i].plan);
    for (size_t k = 0; k < m.n_shard; k++) {
        mb_free(m.shard[k].text);
        mb_free(m.shard[k].name);
    }
    mb_free(m.piece);
    mb_free(m.shard);
    mb_free(used);
    return rc;
}
