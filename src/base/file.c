/* file.c - reading whole files, folders, paths, search for named presets
 *
 * Reading takes regular files, pipes and character devices; a folder, a missing file or a file over the limit is MB_BADINPUT, a
 * file that may not be read and a failing disk are MB_SYSTEM. gzip: RFC 1952, several members allowed, by zlib. Anybody may
 * call this file; it calls mem.c, str.c, error.c. Writing: file_write.c.
 */
#include "config.h"

#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"

#ifndef MB_DATADIR
#define MB_DATADIR "/usr/local/share/mixbar"
#endif

#define LIMIT_DEFAULT ((size_t)2 << 30)

int mb_file_status(int err) {
    int user =
        err == ENOENT || err == ENOTDIR || err == EISDIR || err == ELOOP || err == ENAMETOOLONG || err == EINVAL || err == ENXIO;
    return user ? MB_BADINPUT : MB_SYSTEM;
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

int mb_file_read(const char *path, size_t limit, uint8_t **data, size_t *size) {
    int rc = MB_OK, fd = -1;
    uint8_t *buf = NULL;
    size_t n = 0, cap = 0;
    struct stat st;
    *data = NULL;
    *size = 0;
    if (limit == 0) limit = LIMIT_DEFAULT;
    do fd = open(path, O_RDONLY | O_CLOEXEC); while (fd < 0 && errno == EINTR);
    if (fd < 0 || fstat(fd, &st) != 0) {
        rc = mb_fail(mb_file_status(errno), "%s: %s", *path ? path : "(empty path)", strerror(errno));
        goto out;
    }
    if (S_ISDIR(st.st_mode)) {
        rc = mb_fail(MB_BADINPUT, "%s: is a folder, a file is wanted", path);
        goto out;
    }
    if (S_ISREG(st.st_mode) && (uint64_t)st.st_size > limit) {
        rc = mb_fail(MB_BADINPUT, "%s: the file is too large (%lld bytes; at most %zu are read)", path, (long long)st.st_size,
                     limit);
        goto out;
    }
    cap = (S_ISREG(st.st_mode) ? (size_t)st.st_size : 65536) + 1; /* one more byte shows the end, and holds the zero */
    buf = mb_malloc(cap, 1);
    for (;;) {
        if (!buf) {
            rc = mb_nomem();
            goto out;
        }
        ssize_t got = read(fd, buf + n, cap - n);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            rc = mb_fail(mb_file_status(errno), "%s: reading failed: %s", path, strerror(errno));
            goto out;
        }
        if (got == 0) break;
        n += (size_t)got;
        if (n > limit) {
            rc = mb_fail(MB_BADINPUT, "%s: the file is too large (at most %zu bytes are read)", path, limit);
            goto out;
        }
        if (n == cap) {
            uint8_t *more = mb_realloc(buf, cap, 2);
            if (!more) mb_free(buf);
            buf = more;
            cap *= 2;
        }
    }
    buf[n] = 0;
    *data = buf;
    *size = n;
    buf = NULL;
out:
    if (fd >= 0) close(fd);
    mb_free(buf);
    return rc;
}

/* What inflation has given so far. */
typedef struct inflated { const char *path; uint8_t *buf; size_t used, cap, limit; } inflated;

/* Make room for MORE bytes (and the final zero). */
static int make_room(inflated *o, size_t more) {
    if (more > o->limit - o->used) return mb_fail(MB_BADINPUT, "%s: inflates to more than %zu bytes", o->path, o->limit);
    if (o->used + more > o->cap) {
        size_t cap = o->cap < o->limit / 2 ? o->cap * 2 : o->limit;
        uint8_t *buf = mb_realloc(o->buf, cap + 1, 1);
        if (!buf) return mb_nomem();
        o->buf = buf;
        o->cap = cap;
    }
    return MB_OK;
}

static int corrupt(const inflated *o, int zs, const z_stream *z, size_t at) {
    if (zs == Z_MEM_ERROR) return mb_nomem();
    return mb_fail(MB_BADINPUT, "%s: the gzip data are corrupt at byte %zu (%s); fetch the file again", o->path, at,
                   z->msg ? z->msg : "wrong format");
}

/* Inflate SRC (all members). o->buf is to be freed in any case. */
static int inflate_all(inflated *o, const uint8_t *src, size_t n) {
    int rc = MB_OK, zs = Z_OK;
    size_t at = 0;
    z_stream z = {0};
    o->cap = n < 1 << 16 ? 1 << 16 : n * 3;
    if (o->cap > o->limit) o->cap = o->limit;
    o->buf = mb_malloc(o->cap + 1, 1);
    if (!o->buf || inflateInit2(&z, 15 + 16) != Z_OK) return mb_nomem();
    while (rc == MB_OK && at < n) {
        size_t in = n - at < 1u << 30 ? n - at : 1u << 30;
        if (o->used == o->cap && o->cap < o->limit) rc = make_room(o, 1);
        if (rc != MB_OK) break;
        size_t room = o->cap - o->used < 1u << 30 ? o->cap - o->used : 1u << 30;
        if (room == 0) room = 1; /* at the limit: the place of the final zero shows whether there is more */
        z.next_in = (Bytef *)(uintptr_t)(src + at);
        z.avail_in = (uInt)in;
        z.next_out = o->buf + o->used;
        z.avail_out = (uInt)room;
        zs = inflate(&z, Z_NO_FLUSH);
        at += in - z.avail_in;
        o->used += room - z.avail_out;
        if (zs == Z_STREAM_END) {
            while (at < n && src[at] == 0) at++; /* padding with zeros is allowed */
            if (at < n && inflateReset(&z) != Z_OK) zs = Z_STREAM_ERROR;
        }
        if (zs != Z_OK && zs != Z_STREAM_END && !(zs == Z_BUF_ERROR && o->used == o->cap)) rc = corrupt(o, zs, &z, at);
        if (o->used > o->limit) rc = mb_fail(MB_BADINPUT, "%s: inflates to more than %zu bytes", o->path, o->limit);
    }
    while (rc == MB_OK && zs != Z_STREAM_END) { /* the input is used up; what zlib still holds comes out now */
        uint8_t spill[4096];
        z.next_out = spill;
        z.avail_out = sizeof spill;
        zs = inflate(&z, Z_FINISH);
        size_t got = sizeof spill - z.avail_out;
        if (zs != Z_OK && zs != Z_BUF_ERROR && zs != Z_STREAM_END) {
            rc = corrupt(o, zs, &z, at);
        } else if (got == 0 && zs != Z_STREAM_END) {
            rc = mb_fail(MB_BADINPUT, "%s: the gzip data are truncated; fetch the file again", o->path);
        } else {
            rc = make_room(o, got);
        }
        if (rc == MB_OK) memcpy(o->buf + o->used, spill, got);
        if (rc == MB_OK) o->used += got;
    }
    inflateEnd(&z);
    return rc;
}

int mb_file_gzread(const char *path, size_t limit, uint8_t **data, size_t *size) {
    uint8_t *raw = NULL;
    size_t n = 0;
    if (limit == 0) limit = LIMIT_DEFAULT;
    /* a small file may be larger as gzip than it is; headers can hold a name and a comment */
    int rc = mb_file_read(path, limit > SIZE_MAX / 2 ? limit : limit + limit / 1000 + 65536, &raw, &n);
    *data = NULL;
    *size = 0;
    if (rc == MB_OK && n >= 2 && raw[0] == 0x1f && raw[1] == 0x8b) {
        inflated o = {path, NULL, 0, 0, limit};
        rc = inflate_all(&o, raw, n);
        mb_free(raw);
        if (rc == MB_OK) {
            o.buf[o.used] = 0;
            *data = o.buf;
            *size = o.used;
        } else {
            mb_free(o.buf);
        }
    } else if (rc == MB_OK && n > limit) {
        rc = mb_fail(MB_BADINPUT, "%s: the file is too large (%zu bytes; at most %zu are read)", path, n, limit);
        mb_free(raw);
    } else if (rc == MB_OK) {
        *data = raw;
        *size = n;
    }
    return rc;
}

/* --- folders ------------------------------------------------------------------------------------------------------ */

int mb_file_mkdirs(const char *path) {
    int rc = MB_OK;
    char *p = mb_strdup(path);
    if (!p) return mb_nomem();
    if (!*p) rc = mb_fail(MB_BADINPUT, "a folder with an empty name cannot be made");
    for (char *c = p; rc == MB_OK && *c; c++) {
        if (c[1] == '/' || c[1] == '\0') {
            char keep = c[1];
            c[1] = '\0';
            int err = mkdir(p, 0777) != 0 ? errno : 0; /* looking for the folder changes errno */
            if (err && !mb_dir_exists(p)) {
                rc = mb_fail(mb_file_status(err == EEXIST ? ENOTDIR : err), "%s: the folder cannot be made: %s: %s", path, p,
                             strerror(err));
            }
            c[1] = keep;
        }
    }
    mb_free(p);
    return rc;
}

int mb_file_exists(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, R_OK) == 0;
}

int mb_dir_exists(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* --- paths -------------------------------------------------------------------------------------------------------- */

char *mb_path_dir(const char *path) {
    const char *slash = strrchr(path, '/');
    if (!slash) return mb_strdup(".");
    while (slash > path && slash[-1] == '/') slash--;
    return slash == path ? mb_strdup("/") : mb_strndup(path, (size_t)(slash - path));
}

char *mb_path_join(const char *dir, const char *rel) {
    if (*rel == '/' || !dir || !*dir || strcmp(dir, ".") == 0) return mb_strdup(rel);
    if (!*rel) return mb_strdup(dir);
    return mb_asprintf("%s%s%s", dir, dir[strlen(dir) - 1] == '/' ? "" : "/", rel);
}

char *mb_path_base(const char *path) {
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
    return dot && dot != name ? mb_strndup(name, (size_t)(dot - name)) : mb_strdup(name);
}

/* --- presets ------------------------------------------------------------------------------------------------------ */

typedef struct strings { char **v; size_t n, cap; } strings;

static void strings_free(strings *s) {
    for (size_t i = 0; i < s->n; i++) mb_free(s->v[i]);
    mb_free(s->v);
    *s = (strings){0};
}

/* Take TEXT (NULL: no memory). */
static int strings_take(strings *s, char *text) {
    if (text && s->n == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 16;
        char **v = mb_realloc(s->v, cap, sizeof *v);
        if (v) {
            s->v = v;
            s->cap = cap;
        }
    }
    if (!text || s->n == s->cap) {
        mb_free(text);
        return mb_nomem();
    }
    s->v[s->n++] = text;
    return MB_OK;
}

/* Add DIR unless it is there already. */
static int add_folder(strings *s, char *dir) {
    for (size_t i = 0; dir && i < s->n; i++) {
        if (strcmp(s->v[i], dir) == 0) {
            mb_free(dir);
            return MB_OK;
        }
    }
    return strings_take(s, dir);
}

/* D, D/KIND, D/experiments/KIND; without D itself when only the folders of the kind are wanted. */
static int add_root(strings *s, const char *d, const char *kind, int only_kind) {
    int rc = only_kind ? MB_OK : add_folder(s, mb_strdup(d));
    if (rc == MB_OK) rc = add_folder(s, mb_asprintf("%s/%s", d, kind));
    if (rc == MB_OK) rc = add_folder(s, mb_asprintf("%s/experiments/%s", d, kind));
    return rc;
}

static int add_program(strings *s, const char *kind, int only_kind) {
    char exe[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    if (n <= 0) return MB_OK; /* no /proc: that part of the search falls away */
    exe[n] = '\0';
    char *dir = mb_path_dir(exe), *up = NULL;
    int rc = dir ? MB_OK : mb_nomem();
    if (rc == MB_OK) rc = add_root(s, dir, kind, only_kind);
    if (rc == MB_OK && strlen(dir) >= 6 &&
        strcmp(dir + strlen(dir) - 6, "/.libs") == 0) { /* libtool runs the program from there */
        up = mb_path_dir(dir);
        rc = up ? add_root(s, up, kind, only_kind) : mb_nomem();
    }
    mb_free(up);
    up = NULL;
    if (rc == MB_OK && strlen(dir) >= 4 && strcmp(dir + strlen(dir) - 4, "/bin") == 0) { /* an installation that was moved */
        up = mb_asprintf("%.*s/share/mixbar", (int)(strlen(dir) - 4), dir);
        rc = up ? add_root(s, up, kind, only_kind) : mb_nomem();
    }
    mb_free(up);
    mb_free(dir);
    return rc;
}

static int search_path(const char *kind, const char *beside, int only_kind, strings *s) {
    int rc = MB_OK;
    const char *env = getenv("MIXBAR_PATH");
    if (!beside || !*beside) beside = ".";
    if (!only_kind) rc = add_folder(s, mb_strdup(beside));
    if (rc == MB_OK) rc = add_folder(s, mb_path_join(beside, kind));
    while (rc == MB_OK && env && *env) {
        size_t len = strcspn(env, ":");
        if (len) {
            char *d = mb_strndup(env, len);
            rc = d ? add_root(s, d, kind, only_kind) : mb_nomem();
            mb_free(d);
        }
        env += len;
        if (*env == ':') env++;
    }
    if (rc == MB_OK) rc = add_program(s, kind, only_kind);
    if (rc == MB_OK) rc = add_root(s, MB_DATADIR, kind, only_kind);
    return rc;
}

typedef struct preset { char *name, *path; size_t order; } preset;

static int by_name(const void *a, const void *b) {
    const preset *x = a, *y = b;
    int c = strcmp(x->name, y->name);
    return c ? c : (x->order > y->order) - (x->order < y->order);
}

/* All FOLDER/NAME.cfg of FOLDERS, sorted by name; of equal names the first in the order of the search is kept. */
static int collect(const strings *folders, preset **list, size_t *n) {
    int rc = MB_OK;
    preset *v = NULL;
    size_t m = 0, cap = 0, kept = 0;
    for (size_t i = 0; i < folders->n && rc == MB_OK; i++) {
        DIR *d = opendir(folders->v[i]);
        struct dirent *e;
        while (d && rc == MB_OK && (e = readdir(d))) {
            size_t len = strlen(e->d_name);
            if (len <= 4 || e->d_name[0] == '.' || strcmp(e->d_name + len - 4, ".cfg") != 0) continue;
            if (m == cap) {
                preset *more = mb_realloc(v, cap ? cap * 2 : 32, sizeof *v);
                if (!more) {
                    rc = mb_nomem();
                    break;
                }
                v = more;
                cap = cap ? cap * 2 : 32;
            }
            v[m] = (preset){mb_strndup(e->d_name, len - 4), mb_path_join(folders->v[i], e->d_name), i};
            m++;
            if (!v[m - 1].name || !v[m - 1].path) {
                rc = mb_nomem();
            } else if (!mb_file_exists(v[m - 1].path)) {
                m--;
                mb_free(v[m].name);
                mb_free(v[m].path);
            }
        }
        if (d) closedir(d);
    }
    if (rc == MB_OK && m) {
        qsort(v, m, sizeof *v, by_name);
        for (size_t i = 0; i < m; i++) {
            if (kept && strcmp(v[kept - 1].name, v[i].name) == 0) {
                mb_free(v[i].name);
                mb_free(v[i].path);
            } else {
                v[kept++] = v[i];
            }
        }
        m = kept;
    }
    if (rc != MB_OK) {
        for (size_t i = 0; i < m; i++) {
            mb_free(v[i].name);
            mb_free(v[i].path);
        }
        mb_free(v);
        v = NULL;
        m = 0;
    }
    *list = v;
    *n = m;
    return rc;
}

int mb_preset_list(const char *kind, const char *beside, char ***names, char ***paths, size_t *n) {
    strings folders = {0};
    preset *v = NULL;
    size_t m = 0;
    *names = *paths = NULL;
    *n = 0;
    int rc = search_path(kind, beside, 1, &folders);
    if (rc == MB_OK) rc = collect(&folders, &v, &m);
    if (rc == MB_OK) {
        *names = mb_malloc(m, sizeof **names);
        *paths = mb_malloc(m, sizeof **paths);
        if (!*names || !*paths) {
            mb_free(*names);
            mb_free(*paths);
            *names = *paths = NULL;
            rc = mb_nomem();
        }
    }
    for (size_t i = 0; i < m; i++) {
        if (rc == MB_OK) {
            (*names)[i] = v[i].name;
            (*paths)[i] = v[i].path;
        } else {
            mb_free(v[i].name);
            mb_free(v[i].path);
        }
    }
    if (rc == MB_OK) *n = m;
    mb_free(v);
    strings_free(&folders);
    return rc;
}

/* The message for a preset that no folder holds. */
static int preset_missing(const char *kind, const char *name, const strings *folders) {
    preset *v = NULL;
    const char **names = NULL, *near = NULL;
    size_t m = 0;
    mb_str tried = {0};
    int rc = collect(folders, &v, &m);
    if (rc == MB_OK && m) {
        names = mb_malloc(m, sizeof *names);
        for (size_t i = 0; names && i < m; i++) names[i] = v[i].name;
        if (names) near = mb_nearest(name, names, m);
    }
    for (size_t i = 0; i < folders->n; i++) {
        if (mb_dir_exists(folders->v[i])) mb_str_addf(&tried, "%s%s", tried.n ? ", " : "", folders->v[i]);
    }
    if (rc == MB_OK && near) {
        rc = mb_fail(MB_BADINPUT, "no preset \"%s\" in %s (did you mean \"%s\"?); folders tried: %s", name, kind, near,
                     mb_cstr(&tried));
    } else if (rc == MB_OK) {
        rc = mb_fail(MB_BADINPUT,
                     "no preset \"%s\" in %s; folders tried: %s; add a folder with the environment variable MIXBAR_PATH, or give "
                     "the path of a .cfg file",
                     name, kind, tried.n ? mb_cstr(&tried) : "none exists");
    }
    mb_str_free(&tried);
    mb_free(names);
    for (size_t i = 0; i < m; i++) {
        mb_free(v[i].name);
        mb_free(v[i].path);
    }
    mb_free(v);
    return rc;
}

int mb_preset_find(const char *kind, const char *name, const char *beside, char **path) {
    int rc = MB_OK;
    size_t len = strlen(name);
    strings folders = {0};
    *path = NULL;
    if (len == 0) return mb_fail(MB_BADINPUT, "the name of a preset in %s is empty", kind);
    if (strchr(name, '/') || (len >= 4 && strcmp(name + len - 4, ".cfg") == 0)) {
        *path = mb_path_join(beside && *beside ? beside : ".", name);
        if (!*path) return mb_nomem();
        if (!mb_file_exists(*path)) {
            rc = mb_fail(MB_BADINPUT, "%s: there is no such file that can be read (the path of a preset in %s is relative to %s)",
                         *path, kind, beside && *beside ? beside : ".");
            mb_free(*path);
            *path = NULL;
        }
        return rc;
    }
    rc = search_path(kind, beside, 0, &folders);
    for (size_t i = 0; rc == MB_OK && !*path && i < folders.n; i++) {
        char *file = mb_asprintf("%s.cfg", name), *p = file ? mb_path_join(folders.v[i], file) : NULL;
        if (!p) {
            rc = mb_nomem();
        } else if (mb_file_exists(p)) {
            *path = p;
            p = NULL;
        }
        mb_free(p);
        mb_free(file);
    }
    if (rc == MB_OK && !*path) rc = preset_missing(kind, name, &folders);
    strings_free(&folders);
    return rc;
}

int mb_file_find(const char *kind, const char *name, char **path) {
    strings folders = {0};
    int rc = MB_OK;
    *path = NULL;
    if (*name && *name != '/' && !mb_file_exists(name)) rc = search_path(kind, ".", 0, &folders);
    for (size_t i = 0; rc == MB_OK && !*path && i < folders.n; i++) {
        char *p = mb_path_join(folders.v[i], name);
        if (!p) {
            rc = mb_nomem();
        } else if (mb_file_exists(p)) {
            *path = p;
            p = NULL;
        }
        mb_free(p);
    }
    strings_free(&folders);
    if (rc != MB_OK) return rc;
    if (*path) mb_note("%s is not in this folder; %s is used", name, *path);
    else *path = mb_strdup(name);
    return *path ? MB_OK : mb_nomem();
}
