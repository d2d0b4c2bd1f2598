/* results_manifest.c - manifest.json: what varies between runs of the same experiment
 *
 * Program and version, the experiment's hash, whether the run is complete, notes of the caller (files, threads, ...), and one
 * entry per session: a run that was resumed lists all that worked on it, and keeps notes about single points. Times are UTC, ISO 8601. Called by results_write.c.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "run/results_internal.h"

static const char *const reserved[] = {"program", "version", "name", "experiment", "complete", "points", "sessions"};

static double clock_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static char *now_text(void) {
    char buf[32];
    time_t t = time(NULL);
    struct tm tm;
    if (!gmtime_r(&t, &tm) || strftime(buf, sizeof buf, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0) buf[0] = '\0';
    return mb_strdup(buf);
}

static void free_session(mb_session *s) {
    mb_free(s->started);
    mb_free(s->ended);
    mb_free(s->host);
    mb_free(s->system);
}

void mb_manifest_free(mb_manifest *m) {
    for (size_t i = 0; i < m->n_note; i++) {
        mb_free(m->note[i].key);
        mb_free(m->note[i].value);
    }
    for (size_t i = 0; i < m->n_session; i++) free_session(&m->session[i]);
    mb_free(m->note);
    mb_free(m->session);
    memset(m, 0, sizeof *m);
}

static char *string_of(const json_t *o, const char *key) {
    const char *s = json_string_value(json_object_get(o, key));
    return mb_strdup(s ? s : "");
}

/* Notes about points that were finished then. */
static int keep_notes(mb_manifest *m, json_t *root) {
    const char *key;
    json_t *v;
    int rc = MB_OK;
    json_object_foreach(root, key, v)
        if (!rc && json_is_string(v) && strstr(key, " of point ")) rc = mb_manifest_note(m, key, json_string_value(v));
    return rc;
}

int mb_manifest_read(mb_manifest *m, const char *dir) {
    int rc = MB_OK;
    uint8_t *data = NULL;
    size_t size = 0;
    json_t *root = NULL, *list = NULL;
    json_error_t err = {0};
    char *path = mb_path_join(dir, MB_MANIFEST_FILE);
    if (!path) return mb_nomem();
    if (!mb_file_exists(path)) goto out;
    if (mb_file_read(path, (size_t)16 << 20, &data, &size) != MB_OK) {
        mb_error_clear();
        mb_warn("%s: cannot be read; the earlier sessions of this run are not listed any more", path);
        goto out;
    }
    root = json_loadb((const char *)data, size, 0, &err);
    list = json_object_get(root, "sessions");
    if (!json_is_array(list)) {
        mb_warn("%s: cannot be read (%s); the earlier sessions of this run are not listed any more", path,
                root ? "no sessions" : err.text);
        goto out;
    }
    size_t n = json_array_size(list);
    if (n > 10000) n = 10000;
    m->session = mb_calloc(n, sizeof *m->session);
    if (!m->session) {
        rc = mb_nomem();
        goto out;
    }
    for (size_t i = 0; i < n; i++) {
        const json_t *s = json_array_get(list, i);
        mb_session *t = &m->session[m->n_session++];
        t->started = string_of(s, "started");
        t->ended = string_of(s, "ended");
        t->host = string_of(s, "host");
        t->system = string_of(s, "system");
        t->cpus = json_integer_value(json_object_get(s, "cpus"));
        t->points = json_integer_value(json_object_get(s, "points"));
        t->elapsed_s = json_number_value(json_object_get(s, "elapsed_s"));
        if (!t->started || !t->ended || !t->host || !t->system) {
            rc = mb_nomem();
            goto out;
        }
    }
    rc = keep_notes(m, root);
out:
    json_decref(root);
    mb_free(data);
    mb_free(path);
    return rc;
}

int mb_manifest_begin(mb_manifest *m) {
    struct utsname u;
    mb_session *s = mb_realloc(m->session, m->n_session + 1, sizeof *s);
    if (!s) return mb_nomem();
    m->session = s;
    s = &m->session[m->n_session];
    memset(s, 0, sizeof *s);
    bool known = uname(&u) == 0;
    s->started = now_text();
    s->ended = mb_strdup("");
    s->host = mb_strdup(known ? u.nodename : "");
    s->system = known ? mb_asprintf("%s %s %s", u.sysname, u.release, u.machine) : mb_strdup("");
    s->cpus = sysconf(_SC_NPROCESSORS_ONLN);
    if (!s->started || !s->ended || !s->host || !s->system) {
        free_session(s);
        return mb_nomem();
    }
    m->n_session++;
    m->clock0_s = clock_s();
    return MB_OK;
}

void mb_manifest_end(mb_manifest *m, int64_t points) {
    mb_session *s = &m->session[m->n_session - 1];
    char *ended = now_text();
    if (ended) { /* without memory it stays open */
        mb_free(s->ended);
        s->ended = ended;
    }
    s->elapsed_s = clock_s() - m->clock0_s;
    s->points = points;
}

int mb_manifest_note(mb_manifest *m, const char *key, const char *value) {
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) {
        if (strcmp(key, reserved[i]) == 0) return mb_fail(MB_BUG, "results: the manifest has a member \"%s\" of its own", key);
    }
    char *v = mb_strdup(value ? value : ""), *k = NULL;
    if (!v) return mb_nomem();
    for (size_t i = 0; i < m->n_note; i++) {
        if (strcmp(m->note[i].key, key) == 0) {
            mb_free(m->note[i].value);
            m->note[i].value = v;
            return MB_OK;
        }
    }
    k = mb_strdup(key);
    mb_setting *note = mb_realloc(m->note, m->n_note + 1, sizeof *note);
    if (note) m->note = note;
    if (!k || !note) {
        mb_free(k);
        mb_free(v);
        return mb_nomem();
    }
    m->note[m->n_note++] = (mb_setting){k, v};
    return MB_OK;
}

void mb_manifest_write(const mb_manifest *m, const char *name, const char *experiment, bool complete, int64_t points,
                       mb_str *out) {
    mb_json j;
    mb_json_init(&j, out, 2);
    mb_json_open(&j, NULL, '{');
    mb_json_str(&j, "program", PACKAGE_NAME);
    mb_json_str(&j, "version", PACKAGE_VERSION);
    mb_json_str(&j, "name", name);
    mb_json_str(&j, "experiment", experiment);
    mb_json_bool(&j, "complete", complete);
    mb_json_int(&j, "points", points);
    for (size_t i = 0; i < m->n_note; i++) mb_json_str(&j, m->note[i].key, m->note[i].value);
    mb_json_open(&j, "sessions", '[');
    for (size_t i = 0; i < m->n_session; i++) {
        const mb_session *s = &m->session[i];
        mb_json_open(&j, NULL, '{');
        mb_json_str(&j, "started", s->started);
        mb_json_str(&j, "ended", *s->ended ? s->ended : NULL);
        mb_json_real(&j, "elapsed_s", s->elapsed_s);
        mb_json_int(&j, "points", s->points);
        mb_json_int(&j, "cpus", s->cpus);
        mb_json_str(&j, "host", s->host);
        mb_json_str(&j, "system", s->system);
        mb_json_close(&j, '}');
    }
    mb_json_close(&j, ']');
    mb_json_close(&j, '}');
    mb_str_add(out, "\n");
}
