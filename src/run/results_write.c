/* results_write.c - the run folder: used.cfg, results.jsonl (append-only, a checksum per line, fsync at least every SYNC_S seconds),
 * manifest.json, the lock
 *
 * States of results.jsonl: schema line; then per point its trial lines and its summary; at last, when all points are done,
 * {"kind":"end","points":N}. A point counts when its summary is complete. What stands behind the last summary is a tail that a
 * killed run left: a resumed run cuts it, so that its file ends with the same bytes as that of a run that was never stopped. A
 * damaged line with good points behind it was not left by a killed run: refused. The lock is flock() on DIR/.lock, which the
 * kernel drops when the process dies; the file goes away when the run is closed. The experiment is known by the hash of used.cfg
 * without places: comments, order of keys and the paths of presets (whose contents count) do not matter. Checksum: CRC-32 of zlib
 * (ISO 3309). Called by session.c and the command line; single-threaded, but for mb_run_lines.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "base/conf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "run/explain.h"
#include "run/results_internal.h"

#define ID_MAX 32
#define SYNC_S 0.2 /* a point that was written is lost by a crash of the machine only, and only if it is younger than this */
typedef struct kept {
    int64_t index;
    char id[ID_MAX + 1];
} kept;
struct mb_run {
    char *dir, *name, *file, *lock_path;
    char experiment[17];
    int lock, fd;
    int made_dirs; /* folders made by mb_run_create */
    bool fresh;    /* results.jsonl was begun by this mb_run */
    bool ended;    /* the end line stands in the file, from byte good - end_bytes on */
    size_t end_bytes;
    int64_t good; /* bytes of results.jsonl that are whole */
    kept *point;
    size_t n_point, cap_point;
    char *used_cfg;  /* FORCE over results with points: nothing is touched before the first new point; then this goes in */
    char *later_name[3], *later_data[3]; /* and these files, */
    size_t later_size[3], n_later;       /* of these sizes, that many, */
    mb_str waiting;                      /* behind the lines of infeasible points */
    bool dirty;                          /* written, but not synchronised */
    char **unsynced;                     /* further files of which the same is true */
    size_t n_unsynced;
    double synced_s;                     /* time of the last synchronisation */
    int64_t resumed; /* points that were there */
    char **made;     /* files made by this mb_run */
    size_t n_made;
    mb_manifest manifest;
};

/* --- small things -------------------------------------------------------------------------------------------------- */

static int write_all(int fd, const char *p, size_t n) {
    while (n) {
        ssize_t k = write(fd, p, n);
        if (k < 0 && errno == EINTR) continue;
        if (k < 0) return -1;
        p += k;
        n -= (size_t)k;
    }
    return 0;
}

static void sync_folder(const char *dir) {
    int fd = open(dir, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
}

/* Remember a file that an unfinished mb_run_create, or a run that ends without a point, takes away again. */
static int remember(mb_run *run, const char *path) {
    char *copy = mb_strdup(path), **made = mb_realloc(run->made, run->n_made + 1, sizeof *made);
    if (made) run->made = made;
    if (!copy || !made) {
        mb_free(copy);
        return mb_nomem();
    }
    run->made[run->n_made++] = copy;
    return MB_OK;
}

/* A file of the run folder, atomically; one that was not there before is remembered. */
static int put_file(mb_run *run, const char *name, const char *text, size_t n) {
    int rc = MB_OK;
    char *path = mb_path_join(run->dir, name);
    struct stat st;
    if (!path) return mb_nomem();
    if (stat(path, &st) != 0) rc = remember(run, path);
    if (rc == MB_OK) {
        rc = mb_file_write(path, text, n);
        if (rc != MB_OK && rc != MB_SYSTEM) rc = mb_context(MB_SYSTEM, "while writing into the run folder %s", run->dir);
    }
    mb_free(path);
    return rc;
}

/* Make DIR and its parents; *MADE counts how many were missing. */
static int make_dirs(const char *dir, int *made) {
    int rc = MB_OK;
    char *at = mb_strdup(dir);
    *made = 0;
    while (at && !mb_dir_exists(at)) {
        char *up = mb_path_dir(at);
        ++*made;
        if (up && strcmp(up, at) == 0) {
            mb_free(up);
            break;
        }
        mb_free(at);
        at = up;
    }
    if (!at) rc = mb_nomem();
    mb_free(at);
    if (rc == MB_OK && *made) {
        rc = mb_file_mkdirs(dir);
        if (rc != MB_OK) rc = mb_context(rc, "the run folder %s cannot be made: choose another with -o DIR", dir);
    }
    return rc;
}

/* Take away the N innermost folders of DIR that are empty. */
static void drop_dirs(const char *dir, int n) {
    char *at = mb_strdup(dir);
    while (at && n-- > 0 && (rmdir(at) == 0 || errno == ENOENT)) {
        char *up = mb_path_dir(at);
        mb_free(at);
        at = up;
    }
    mb_free(at);
}

/* --- the experiment's hash ----------------------------------------------------------------------------------------- */

static void drop_presets(mb_conf *c) {
    size_t n = 0;
    for (size_t i = 0; i < c->n; i++) {
        mb_conf *k = c->child[i];
        if (c->type == MB_CONF_GROUP && c->n > 1 && k->type == MB_CONF_STRING && k->name && strcmp(k->name, "preset") == 0) {
            mb_conf_free(k);
        } else {
            drop_presets(k);
            c->child[n++] = k;
        }
    }
    c->n = n;
}

static int hash_config(const char *text, char hex[17]) {
    mb_conf *c = NULL;
    int rc = mb_conf_parse(text, "used.cfg", &c);
    if (rc == MB_OK) {
        drop_presets(c);
        snprintf(hex, 17, "%016llx", (unsigned long long)mb_conf_hash(c));
    } else {
        rc = mb_context(rc, "the complete configuration of the run does not read back");
    }
    mb_conf_free(c);
    return rc;
}

/* --- the lock ------------------------------------------------------------------------------------------------------ */

static int take_lock(mb_run *run) {
    struct stat mine, there;
    for (int tries = 0; tries < 100; tries++) {
        char who[32];
        run->lock = open(run->lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (run->lock < 0)
            return mb_fail(MB_SYSTEM, "%s: %s; the run folder must be writable: choose another with -o DIR", run->lock_path,
                           strerror(errno));
        if (flock(run->lock, LOCK_EX | LOCK_NB) != 0) {
            int err = errno;
            ssize_t n = read(run->lock, who, sizeof who - 1);
            who[n > 0 ? n : 0] = '\0';
            who[strspn(who, "0123456789")] = '\0';
            close(run->lock);
            run->lock = -1;
            if (err == EWOULDBLOCK)
                return mb_fail(
                    MB_SYSTEM,
                    "%s: another mixbar%s%s writes into this folder; wait for it, or choose another folder with -o DIR", run->dir,
                    *who ? ", process " : "", who);
            return mb_fail(MB_SYSTEM, "%s: cannot be locked: %s; choose a folder on another file system with -o DIR",
                           run->lock_path, strerror(err));
        }
        /* The last owner may have taken the file away between our open and our lock. */
        if (fstat(run->lock, &mine) == 0 && stat(run->lock_path, &there) == 0 && mine.st_ino == there.st_ino &&
            mine.st_dev == there.st_dev) {
            snprintf(who, sizeof who, "%ld\n", (long)getpid());
            if (ftruncate(run->lock, 0) != 0 || write_all(run->lock, who, strlen(who)) != 0)
                return mb_fail(MB_SYSTEM, "%s: %s", run->lock_path, strerror(errno));
            return MB_OK;
        }
        close(run->lock);
        run->lock = -1;
    }
    return mb_fail(MB_SYSTEM, "%s: the lock is taken and given back all the time by other processes", run->lock_path);
}

static void drop_lock(mb_run *run) {
    if (run->lock >= 0) {
        unlink(run->lock_path); /* while it is ours */
        close(run->lock);
        run->lock = -1;
    }
}

/* --- what is there already ----------------------------------------------------------------------------------------- */

static int keep_point(mb_run *run, int64_t index, const char *id, size_t id_n) {
    if (run->n_point == run->cap_point) {
        size_t cap = run->cap_point ? run->cap_point * 2 : 64;
        kept *k = mb_realloc(run->point, cap, sizeof *k);
        if (!k) return mb_nomem();
        run->point = k;
        run->cap_point = cap;
    }
    kept *k = &run->point[run->n_point++];
    k->index = index;
    if (id_n > sizeof k->id - 1) id_n = sizeof k->id - 1;
    memcpy(k->id, id, id_n);
    k->id[id_n] = '\0';
    return MB_OK;
}

static bool begins(const char *s, size_t n, const char *head) { return n >= strlen(head) && memcmp(s, head, strlen(head)) == 0; }

#define POINT_HEAD "{\"kind\":\"point\",\"index\":"
#define END_HEAD "{\"kind\":\"end\","
#define SCHEMA_HEAD "{\"kind\":\"schema\","
#define TRIAL_HEAD "{\"kind\":\"trial\","

/* Index and id of a summary line whose checksum is right. */
static bool point_head(const char *line, size_t n, int64_t *index, const char **id, size_t *id_n) {
    char num[24];
    size_t at = strlen(POINT_HEAD), k = 0;
    if (!begins(line, n, POINT_HEAD)) return false;
    while (at < n && line[at] >= '0' && line[at] <= '9' && k < 18) num[k++] = line[at++];
    num[k] = '\0';
    if (k == 0 || !begins(line + at, n - at, ",\"id\":\"")) return false;
    at += strlen(",\"id\":\"");
    *id = line + at;
    *id_n = 0;
    while (at < n && line[at] != '"') {
        at++;
        ++*id_n;
    }
    *index = strtoll(num, NULL, 10);
    return at < n;
}

/* Why the schema line differs from the one that this experiment would write. */
static int other_schema(const mb_run *run, const char *line, size_t n) {
    int rc;
    json_error_t err;
    json_t *j = json_loadb(line, n, JSON_REJECT_DUPLICATES, &err);
    const char *there = json_string_value(json_object_get(j, "experiment"));
    if (there && strcmp(there, run->experiment) != 0) {
        rc = mb_fail(MB_BADINPUT,
                     "%s: holds the results of another experiment (%.16s; this one is %s; a sweep that was changed or extended is another one, too); "
                     "compare %s/used.cfg, or choose another folder with -o DIR",
                     run->file, there, run->experiment, run->dir);
    } else {
        rc = mb_fail(
            MB_BADINPUT,
            "%s: was written under another name or by another version of mixbar (its columns differ); start anew with -o DIR",
            run->file);
    }
    json_decref(j);
    return rc;
}

/* Walk through results.jsonl: points that are whole into run->point, bytes that are whole into run->good. SCHEMA: the line as it
 * must be. */
static int scan(mb_run *run, const char *text, size_t size, const mb_str *schema, bool check_schema) {
    int64_t line_no = 0, bad_line = 0;
    for (size_t at = 0; at < size;) {
        const char *line = text + at, *nl = memchr(line, '\n', size - at), *id;
        size_t n, id_n;
        int64_t index;
        line_no++;
        if (!nl) break; /* partial last line */
        n = (size_t)(nl - line);
        at += n + 1;
        if (mb_line_check(line, n) == 0) {
            if (!bad_line) bad_line = line_no;
            continue;
        }
        bool is_point = point_head(line, n, &index, &id, &id_n), is_end = begins(line, n, END_HEAD);
        if (bad_line) {
            if (is_point || is_end)
                return mb_fail(MB_BADINPUT,
                               "%s:%lld: the line is damaged (checksum), with finished points behind it: "
                               "restore the file from a copy, or start anew with -o DIR",
                               run->file, (long long)bad_line);
            continue;
        }
        if (line_no == 1) {
            if (!begins(line, n, SCHEMA_HEAD))
                return mb_fail(MB_BADINPUT, "%s:1: is not a results file of mixbar; choose another folder with -o DIR",
                               run->file);
            if (check_schema && (n + 1 != schema->n || memcmp(line, schema->s, n) != 0)) return other_schema(run, line, n);
        } else if (is_point) {
            if (run->ended || (run->n_point && index <= run->point[run->n_point - 1].index))
                return mb_fail(MB_BADINPUT, "%s:%lld: point %lld is out of order; start anew with -o DIR", run->file,
                               (long long)line_no, (long long)index);
            int rc = keep_point(run, index, id, id_n);
            if (rc != MB_OK) return rc;
        } else if (is_end) {
            run->ended = true;
            run->end_bytes = n + 1;
        } else if (!begins(line, n, TRIAL_HEAD)) {
            return mb_fail(MB_BADINPUT,
                           "%s:%lld: a line of unknown kind; it was written by another version of mixbar: start anew with -o DIR",
                           run->file, (long long)line_no);
        }
        if (line_no == 1 || is_point || is_end) run->good = (int64_t)at;
    }
    return MB_OK;
}

/* Decide about an existing results.jsonl: refuse, begin anew (run->good 0; *KEEP: as late as possible), or go on behind run->good. */
static int look_at_results(mb_run *run, mb_run_mode mode, const mb_str *schema, bool *keep) {
    const bool resume = mode == MB_RUN_RESUME;
    int rc = MB_OK;
    uint8_t *data = NULL;
    size_t size = 0;
    struct stat st;
    if (stat(run->file, &st) != 0) {
        if (errno == ENOENT) return MB_OK;
        return mb_fail(MB_SYSTEM, "%s: %s", run->file, strerror(errno));
    }
    rc = mb_file_read(run->file, (size_t)1 << 40, &data, &size);
    if (rc != MB_OK) goto out;
    if (memcmp(data, SCHEMA_HEAD, size < strlen(SCHEMA_HEAD) ? size : strlen(SCHEMA_HEAD)) != 0) { /* not even its beginning */
        rc = mb_fail(MB_BADINPUT, "%s:1: is not a results file of mixbar; choose another folder with -o DIR", run->file);
        goto out;
    }
    if (mode == MB_RUN_FORCE) { /* its results go, run->good is 0: but not before there are new ones */
        *keep = size > 0;
        goto out;
    }
    rc = scan(run, (const char *)data, size, schema, resume);
    if (rc != MB_OK) goto out;
    if (!resume && (run->n_point || run->ended)) {
        rc = mb_fail(
            MB_BADINPUT,
            "%s: holds %zu finished point%s already: go on with --resume, replace it with --force, or "
            "choose another folder with -o DIR",
            run->file, run->n_point, run->n_point == 1 ? "" : "s");
    } else if (!resume) {
        run->good = 0; /* a run that was stopped before its first point: nothing is lost */
    } else if (run->good < (int64_t)size && run->good > 0) {
        mb_note("%s: %lld bytes of an unfinished point are cut off", run->file, (long long)size - (long long)run->good);
    }
out:
    mb_free(data);
    return rc;
}

/* --- manifest ------------------------------------------------------------------------------------------------------ */

static int write_manifest(mb_run *run, bool complete) {
    mb_str out = {0};
    mb_manifest_write(&run->manifest, run->name, run->experiment, complete, (int64_t)run->n_point, &out);
    int rc = out.failed ? mb_nomem() : put_file(run, MB_MANIFEST_FILE, out.s, out.n);
    mb_str_free(&out);
    return rc;
}

/* --- the run ------------------------------------------------------------------------------------------------------- */

static void free_run(mb_run *run) {
    if (run->fd >= 0) close(run->fd);
    drop_lock(run);
    for (size_t i = 0; i < run->n_made; i++) mb_free(run->made[i]);
    mb_manifest_free(&run->manifest);
    for (size_t i = 0; i < run->n_later; i++) {
        mb_free(run->later_name[i]);
        mb_free(run->later_data[i]);
    }
    mb_free(run->used_cfg);
    mb_str_free(&run->waiting);
    for (size_t i = 0; i < run->n_unsynced; i++) mb_free(run->unsynced[i]);
    mb_free(run->unsynced);
    mb_free(run->made);
    mb_free(run->point);
    mb_free(run->dir);
    mb_free(run->name);
    mb_free(run->file);
    mb_free(run->lock_path);
    mb_free(run);
}

/* Take away all that this run made. */
static void undo(mb_run *run) {
    if (run->fd >= 0) close(run->fd);
    run->fd = -1;
    for (size_t i = run->n_made; i-- > 0;) unlink(run->made[i]);
    drop_lock(run);
    if (run->dir) drop_dirs(run->dir, run->made_dirs);
}

/* used.cfg as it must be; one with other comments is kept as it is when the run goes on. */
static int put_used_cfg(mb_run *run, const char *used_cfg) {
    char *path = mb_path_join(run->dir, "used.cfg");
    char hex[17] = "";
    bool same = false;
    if (!path) return mb_nomem();
    if (run->good > 0 && mb_file_exists(path)) {
        uint8_t *data = NULL;
        size_t size;
        if (mb_file_read(path, (size_t)64 << 20, &data, &size) == MB_OK && hash_config((const char *)data, hex) == MB_OK)
            same = strcmp(hex, run->experiment) == 0;
        mb_error_clear();
        mb_free(data);
        if (!same) mb_warn("%s: was changed since the run began; it is written again", path);
    }
    mb_free(path);
    return same ? MB_OK : put_file(run, "used.cfg", used_cfg, strlen(used_cfg));
}

/* Open results.jsonl behind what is whole; write the schema line when it is new. */
static int open_results(mb_run *run, const mb_str *schema) {
    struct stat st;
    int rc = MB_OK;
    if (stat(run->file, &st) != 0) rc = remember(run, run->file);
    if (rc != MB_OK) return rc;
    run->fd = open(run->file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (run->fd < 0 || ftruncate(run->fd, (off_t)run->good) != 0) return mb_fail(MB_SYSTEM, "%s: %s", run->file, strerror(errno));
    if (run->good == 0) {
        run->fresh = true;
        if (write_all(run->fd, schema->s, schema->n) != 0)
            return mb_fail(MB_SYSTEM, "%s: writing failed: %s", run->file, strerror(errno));
        run->good = (int64_t)schema->n;
    }
    if (fsync(run->fd) != 0) return mb_fail(MB_SYSTEM, "%s: writing failed: %s", run->file, strerror(errno));
    sync_folder(run->dir);
    return MB_OK;
}

/* HEAD, at least four digits, TAIL. */
static bool is_numbered(const char *name, const char *head, const char *tail) {
    if (strncmp(name, head, strlen(head)) != 0) return false;
    name += strlen(head);
    const size_t digits = strspn(name, "0123456789");
    return digits >= 4 && strcmp(name + digits, tail) == 0;
}

/* "plan-0012.cfg" and the network that was trained under it, as session.c names them: nothing else in the folder is ours. */
static bool is_plan(const char *name) { return is_numbered(name, "plan-", ".cfg"); }
static bool is_network(const char *name) { return is_numbered(name, "net-", ".onnx"); }

/* Take away the plans of an earlier run, which may have had more points, their networks, and its explanations. */
static void drop_plans(const char *dir) {
    DIR *d = opendir(dir);
    if (!d) return;
    for (const struct dirent *e; (e = readdir(d));) {
        if (is_plan(e->d_name) || is_network(e->d_name) || strcmp(e->d_name, MB_EXPLAIN_FILE) == 0) unlinkat(dirfd(d), e->d_name, 0);
    }
    closedir(d);
}

/* Put everything in place that belongs to a run, behind what is whole of results.jsonl. */
static int begin_files(mb_run *run, const char *used_cfg) {
    int rc = MB_OK;
    mb_str schema = {0};
    mb_schema_json(run->name, run->experiment, &schema);
    mb_line_seal(&schema, 0);
    if (schema.failed) rc = mb_nomem();
    if (rc == MB_OK) rc = put_used_cfg(run, used_cfg);
    if (rc == MB_OK) rc = open_results(run, &schema);
    if (rc == MB_OK) rc = write_manifest(run, false);
    mb_str_free(&schema);
    return rc;
}

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Everything that was written reaches the disk: further files first, so that a point that is there has its plan. */
static int synchronise(mb_run *run) {
    int err = 0;
    for (size_t i = 0; i < run->n_unsynced; i++) {
        int fd = err ? -1 : open(run->unsynced[i], O_RDONLY | O_CLOEXEC);
        if (fd >= 0) {
            if (fsync(fd) != 0) err = errno;
            close(fd);
        }
        mb_free(run->unsynced[i]);
    }
    if (run->n_unsynced) sync_folder(run->dir);
    run->n_unsynced = 0;
    if (!err && run->dirty && run->fd >= 0 && fsync(run->fd) != 0) err = errno;
    run->dirty = false;
    run->synced_s = now_s();
    return err ? mb_fail(MB_SYSTEM, "%s: writing failed: %s; the finished points are kept: go on with --resume", run->file, strerror(err)) : MB_OK;
}

int mb_run_sync(mb_run *run) {
    return (run->dirty || run->n_unsynced) && now_s() - run->synced_s >= SYNC_S ? synchronise(run) : MB_OK;
}

/* Append TEXT; on failure the file ends as before. */
static int append(mb_run *run, const mb_str *text) {
    if (write_all(run->fd, text->s, text->n) != 0) {
        int err = errno;
        bool cut = ftruncate(run->fd, (off_t)run->good) == 0;
        return mb_fail(MB_SYSTEM, "%s: writing failed: %s; the finished points are kept%s: go on with --resume", run->file,
                       strerror(err), cut ? "" : " (a partial line is cut off then)");
    }
    run->good += (int64_t)text->n;
    run->dirty = true;
    return mb_run_sync(run);
}

/* The first new point of a run that replaces an older one. */
static int replace_old(mb_run *run) {
    int rc = begin_files(run, run->used_cfg);
    if (rc != MB_OK) return rc;
    drop_plans(run->dir);
    mb_free(run->used_cfg);
    run->used_cfg = NULL;
    for (size_t i = 0; i < run->n_later && rc == MB_OK; i++) rc = put_file(run, run->later_name[i], run->later_data[i], run->later_size[i]);
    if (rc == MB_OK && run->waiting.n) rc = append(run, &run->waiting);
    return rc;
}

int mb_run_create(const char *dir, const char *name, const char *used_cfg, mb_run_mode mode, mb_run **out) {
    int rc = MB_OK;
    mb_str schema = {0};
    bool keep = false;
    mb_run *run = mb_calloc(1, sizeof *run);
    *out = NULL;
    if (!run) return mb_nomem();
    run->lock = run->fd = -1;
    run->dir = mb_strdup(dir);
    run->name = mb_strdup(name ? name : "");
    run->file = mb_path_join(dir, MB_RESULTS_FILE);
    run->lock_path = mb_path_join(dir, ".lock");
    if (!run->dir || !run->name || !run->file || !run->lock_path) {
        rc = mb_nomem();
        goto out;
    }
    rc = hash_config(used_cfg, run->experiment);
    if (rc != MB_OK) goto out;
    mb_schema_json(run->name, run->experiment, &schema);
    mb_line_seal(&schema, 0);
    if (schema.failed) {
        rc = mb_nomem();
        goto out;
    }
    rc = make_dirs(dir, &run->made_dirs);
    if (rc == MB_OK) rc = take_lock(run);
    if (rc == MB_OK) mb_file_sweep(dir);
    if (rc == MB_OK) rc = look_at_results(run, mode, &schema, &keep);
    if (rc == MB_OK && run->good > 0) rc = mb_manifest_read(&run->manifest, run->dir);
    if (rc == MB_OK) rc = mb_manifest_begin(&run->manifest);
    if (rc == MB_OK && keep) {
        if (!(run->used_cfg = mb_strdup(used_cfg))) rc = mb_nomem();
    } else if (rc == MB_OK) {
        rc = begin_files(run, used_cfg);
    }
    run->resumed = (int64_t)run->n_point;
out:
    mb_str_free(&schema);
    if (rc == MB_OK) {
        *out = run;
    } else {
        undo(run);
        free_run(run);
    }
    return rc;
}

static const kept *find_point(const mb_run *run, int64_t index) {
    size_t lo = 0, hi = run->n_point;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (run->point[mid].index < index) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo < run->n_point && run->point[lo].index == index ? &run->point[lo] : NULL;
}

bool mb_run_done(const mb_run *run, int64_t index, const char *id) {
    const kept *k = find_point(run, index);
    return k && strcmp(k->id, id) == 0;
}

static void trial_json(const mb_point_result *p, const mb_trial_result *t, mb_str *out) {
    mb_json j;
    size_t at = out->n;
    mb_json_init(&j, out, 0);
    mb_json_open(&j, NULL, '{');
    mb_json_str(&j, "kind", "trial");
    mb_json_int(&j, "point", p->index);
    mb_json_int(&j, "trial", t->trial);
    mb_json_real(&j, "accuracy", t->accuracy);
    mb_json_real(&j, "loss", t->loss);
    mb_json_int(&j, "samples", t->samples);
    mb_json_close(&j, '}');
    mb_line_seal(out, at);
}

int mb_run_lines(const mb_point_result *p, mb_str *out) {
    for (size_t i = 0; i < p->n_trial; i++) trial_json(p, &p->trial[i], out);
    size_t at = out->n;
    mb_point_json_to(p, false, out);
    mb_line_seal(out, at);
    return out->failed ? mb_nomem() : MB_OK;
}

int mb_run_put(mb_run *run, int64_t index, const char *id, bool infeasible, const mb_str *lines) {
    if (index < 0 || !id || !*id || strlen(id) > ID_MAX || id[strspn(id, "0123456789abcdef")])
        return mb_fail(MB_BUG, "results: a point without an index, or its id is not of hex digits");
    if (run->n_point && index <= run->point[run->n_point - 1].index) {
        const kept *k = find_point(run, index);
        if (k && strcmp(k->id, id) != 0)
            return mb_fail(MB_BADINPUT,
                           "%s: point %lld is another one there (%s, here %s): "
                           "it was written by another version of mixbar; start anew with -o DIR",
                           run->file, (long long)index, k->id, id);
        return mb_fail(MB_BUG, "results: point %lld is written behind point %lld", (long long)index,
                       (long long)run->point[run->n_point - 1].index);
    }
    if (run->used_cfg && infeasible) {
        mb_str_addn(&run->waiting, lines->s, lines->n);
        return run->waiting.failed ? mb_nomem() : keep_point(run, index, id, strlen(id));
    }
    int rc = run->used_cfg ? replace_old(run) : MB_OK;
    if (rc != MB_OK) return rc;
    if (run->ended) { /* the run had ended with fewer points */
        run->good -= (int64_t)run->end_bytes;
        run->ended = false;
        if (ftruncate(run->fd, (off_t)run->good) != 0) return mb_fail(MB_SYSTEM, "%s: %s", run->file, strerror(errno));
    }
    rc = keep_point(run, index, id, strlen(id));
    if (rc != MB_OK) return rc;
    const int64_t before = run->good;
    rc = append(run, lines);
    if (rc != MB_OK && run->good == before) run->n_point--;
    return rc;
}

int mb_run_point(mb_run *run, const mb_point_result *p) {
    mb_str text = {0};
    int rc = mb_run_lines(p, &text);
    if (rc == MB_OK) rc = mb_run_put(run, p->index, p->id, p->infeasible != NULL, &text);
    mb_str_free(&text);
    return rc;
}

size_t mb_run_kept(const mb_run *run, size_t k, int64_t *index, const char **id) {
    if (k < run->n_point) {
        *index = run->point[k].index;
        *id = run->point[k].id;
    }
    return run->n_point;
}

/* Keep a file until the first point is there. */
static int write_later(mb_run *run, const char *name, const void *data, size_t size) {
    if (run->n_later == sizeof run->later_name / sizeof *run->later_name)
        return mb_fail(MB_BUG, "results: too many files before the first point");
    char *n = mb_strdup(name), *d = mb_malloc(size, 1);
    if (!n || !d) {
        mb_free(n);
        mb_free(d);
        return mb_nomem();
    }
    memcpy(d, data, size);
    run->later_name[run->n_later] = n;
    run->later_data[run->n_later] = d;
    run->later_size[run->n_later++] = size;
    return MB_OK;
}

int mb_run_write_bytes(mb_run *run, const char *name, const void *data, size_t size) {
    if (!*name || *name == '.' || strchr(name, '/') || strcmp(name, MB_RESULTS_FILE) == 0 || strcmp(name, "used.cfg") == 0 ||
        strcmp(name, MB_MANIFEST_FILE) == 0)
        return mb_fail(MB_BUG, "results: \"%s\" is not a name for a further file of a run", name);
    const kept *k = is_plan(name) ? find_point(run, strtoll(name + 5, NULL, 10)) : NULL;
    if (k) /* the plan of a finished point stays as it is */
        return mb_fail(MB_BADINPUT,
                       "%s: point %lld is another one there (%s): the network, its data, or the version of mixbar changed since; start anew with -o DIR",
                       run->file, (long long)k->index, k->id);
    if (run->used_cfg) return write_later(run, name, data, size);
    char *path = mb_path_join(run->dir, name);
    char **more = mb_realloc(run->unsynced, run->n_unsynced + 1, sizeof *more);
    if (more) run->unsynced = more;
    struct stat st;
    int rc = path && more ? MB_OK : mb_nomem();
    if (rc == MB_OK && run->fresh && run->n_point == 0 && stat(path, &st) != 0) rc = remember(run, path); /* goes again if no point comes */
    if (rc == MB_OK) rc = mb_file_put(path, data, size);
    if (rc == MB_OK) run->unsynced[run->n_unsynced++] = path;
    else mb_free(path);
    return rc;
}

int mb_run_write_file(mb_run *run, const char *name, const char *text) { return mb_run_write_bytes(run, name, text, strlen(text)); }

int mb_run_note(mb_run *run, const char *key, const char *value) { return mb_manifest_note(&run->manifest, key, value); }

int mb_run_close(mb_run *run, bool complete) {
    int rc = MB_OK;
    if (!run) return MB_OK;
    if (run->used_cfg || (!complete && run->fresh && run->n_point == 0)) { /* nothing was reached: nothing is left, or what was there */
        undo(run);
        free_run(run);
        return MB_OK;
    }
    if (complete && !run->ended) {
        mb_str text = {0};
        mb_str_addf(&text, "{\"kind\":\"end\",\"points\":%zu}", run->n_point);
        mb_line_seal(&text, 0);
        rc = text.failed ? mb_nomem() : append(run, &text);
        mb_str_free(&text);
    }
    int synced = synchronise(run);
    if (rc == MB_OK) rc = synced;
    mb_manifest_end(&run->manifest, (int64_t)run->n_point - run->resumed);
    mb_error *first = mb_error_take(); /* the first failure, ours or the caller's, is the one to tell */
    int written = write_manifest(run, complete && rc == MB_OK);
    if (first) mb_error_raise(first, rc);
    if (rc == MB_OK) rc = written;
    free_run(run);
    return rc;
}
