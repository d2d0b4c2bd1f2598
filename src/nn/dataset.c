/* dataset.c - choice of the files, checks and normalisation that all dataset formats share
 *
 * Order of work: format -> parameters -> first existing candidate -> the format's reader -> classes -> cut to
 * [first, first + count) -> normalisation -> hash. All of it is serial and independent of the machine,
 * so the hash identifies the data.
 *
 * Called by: src/run (experiments), src/cli (show dataset).
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "nn/dataset.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

typedef struct common {
    char *format;
    double scale;
    mb_reals mean, std;
    int classes, first, count;
} common;

const mb_param mb_dataset_params[] = {
    MB_TEXT(common, format, NULL, "file format: idx, cifar10 or npy"),
    MB_REAL(common, scale, "", "0.0", 0.0, 1e30, "factor of the raw numbers; 0: 1/255 for unsigned bytes, 1 otherwise"),
    MB_VECTOR(common, mean, "", "[0.0]", -1e30, 1e30, "subtracted after scaling; one value or one per channel"),
    MB_VECTOR(common, std, "", "[1.0]", 1e-30, 1e30, "divisor after that; one value or one per channel"),
    MB_INT(common, classes, "", "0", 0, 1 << 24, "number of classes; 0: 1 + the largest label"),
    MB_INT(common, first, "", "0", 0, INT_MAX, "index of the first sample taken"),
    MB_INT(common, count, "", "0", 0, INT_MAX, "number of samples taken; 0: all from the first on"),
    MB_PARAM_END};

/* Files that a Debian package installs, so that a missing file can be explained. */
static const struct {
    const char *prefix, *package;
} packages[] = {
    {"/usr/share/datasets/fashion-mnist/", "dataset-fashion-mnist"},
};

static const char *package_of(const char *path) {
    for (size_t i = 0; i < sizeof packages / sizeof *packages; i++) {
        if (!strncmp(path, packages[i].prefix, strlen(packages[i].prefix))) return packages[i].package;
    }
    return NULL;
}

/* --- files --------------------------------------------------------------------------------------------------------- */

static size_t choices(const mb_conf *c) { return c->type == MB_CONF_LIST ? c->n : 1; }

static const mb_conf *choice(const mb_conf *c, size_t k) { return c->type == MB_CONF_LIST ? c->child[k] : c; }

/* The value of KEY, a string or a list of strings. */
static int find_choices(mb_conf *group, const char *key, mb_conf **out) {
    mb_conf *c = mb_conf_use(group, key);
    if (!c) {
        return mb_fail(MB_BADINPUT, "%s: the dataset has no key '%s': name its file, or the files to choose from",
                       mb_conf_where(group), key);
    }
    mb_conf_use_all(c);
    if (choices(c) == 0)
        return mb_fail(MB_BADINPUT, "%s: %s is an empty list: name at least one file", mb_conf_where(c), mb_conf_key(c));
    for (size_t k = 0; k < choices(c); k++) {
        const mb_conf *e = choice(c, k);
        if (e->type != MB_CONF_STRING || !e->s[0]) {
            return mb_fail(MB_BADINPUT, "%s: %s must be a file name or a list of file names", mb_conf_where(e), mb_conf_key(c));
        }
    }
    *out = c;
    return MB_OK;
}

static const mb_conf *root_of(const mb_conf *c) {
    while (c->parent) c = c->parent;
    return c;
}

/* Absolute path of E's file beside the file E is written in (K = 0) or beside the experiment (K = 1). NULL without memory. */
static char *place(const mb_conf *e, int k) {
    char *dir = mb_conf_dir(k ? root_of(e) : e), *full = dir ? realpath(dir, NULL) : NULL;
    char *path = dir ? mb_path_join(full ? full : dir, e->s) : NULL;
    free(full);
    mb_free(dir);
    return path;
}

/* Replace E's relative path by the first place where the file is; leave it when it is at neither. */
static int resolve_one(mb_conf *e) {
    for (int k = 0; k < 2 && e->s[0] != '/'; k++) {
        char *path = place(e, k);
        if (!path) return mb_nomem();
        if (mb_file_exists(path)) {
            mb_free(e->s);
            e->s = path;
            return MB_OK;
        }
        mb_free(path);
    }
    return MB_OK;
}

int mb_dataset_resolve(mb_conf *group) {
    static const char *const key[] = {"images", "labels"};
    for (int i = 0; i < 2; i++) {
        mb_conf *c = group->type == MB_CONF_GROUP ? mb_conf_find(group, key[i]) : NULL;
        size_t n = !c ? 0 : c->type == MB_CONF_LIST ? c->n : 1;
        for (size_t k = 0; k < n; k++) {
            mb_conf *e = c->type == MB_CONF_LIST ? c->child[k] : c;
            int rc = e->type == MB_CONF_STRING && e->s[0] ? resolve_one(e) : MB_OK;
            if (rc) return rc;
        }
    }
    return MB_OK;
}

/* A resolved path that still is relative was found at none of its places (and is not meant against the current folder). */
static bool found(const mb_conf *e) { return e->s[0] == '/' && mb_file_exists(e->s); }

static bool is_folder(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* None of choices [from, to) of C exists: say where each was looked for, and which package would bring it. */
static int none_exists(const mb_conf *c, size_t from, size_t to) {
    const char *package = NULL;
    bool folder = false;
    mb_str tried = {0};
    int rc = MB_OK;
    for (size_t i = from; i < to && !rc; i++) {
        char *near = place(choice(c, i), 0), *far = place(choice(c, i), 1);
        if (!near || !far) {
            rc = mb_nomem();
        } else {
            folder = folder || is_folder(near) || is_folder(far);
            mb_str_addf(&tried, "\n    %s", near);
            if (strcmp(near, far)) mb_str_addf(&tried, "\n    %s", far);
        }
        mb_free(near);
        mb_free(far);
        if (!package) package = package_of(choice(c, i)->s);
    }
    if (!rc && tried.failed) rc = mb_nomem();
    if (!rc) {
        const char *what = folder ? "a folder stands where a file is wanted" : "there is no such file";
        rc = mb_fail(MB_BADINPUT, "%s: %s: %s:%s\n    %s%s", mb_conf_where(c), mb_conf_key(c), what, mb_cstr(&tried),
                     folder ? "name the file of images (or labels) in it" : package ? "install the Debian package that provides it: apt-get install "
                             : "correct the path, or put the file there",
                     package && !folder ? package : "");
    }
    mb_str_free(&tried);
    return rc;
}

/* The first of IMAGES that exists, and the labels at the same position (LABELS may be NULL). Pointers into the tree, already
 * resolved. */
static int choose_files(const mb_conf *images, const mb_conf *labels, const char **ipath, const char **lpath) {
    size_t k = 0, n = choices(images);
    *lpath = NULL;
    if (labels && choices(labels) != n) {
        return mb_fail(
            MB_BADINPUT,
            "%s: %s names %zu files but %s (%s) names %zu: each images file needs its labels file at the same position",
            mb_conf_where(labels), mb_conf_key(labels), choices(labels), mb_conf_key(images), mb_conf_where(images), n);
    }
    while (k < n && !found(choice(images, k))) k++;
    if (k == n) return none_exists(images, 0, n);
    *ipath = choice(images, k)->s;
    if (labels) {
        *lpath = choice(labels, k)->s;
        if (!found(choice(labels, k))) return none_exists(labels, k, k + 1);
    }
    if (k > 0) {
        const char *package = package_of(choice(images, 0)->s);
        mb_note("%s is not there, taking %s%s%s", choice(images, 0)->s, *ipath,
                package ? "; the Debian package that provides it: " : "", package ? package : "");
    }
    return MB_OK;
}

/* --- parameters ------------------------------------------------------------------------------------------------------ */

static int find_type(mb_conf *group, const mb_dataset_type **out) {
    const mb_conf *c = mb_conf_use(group, "format");
    const char *name[64];
    size_t n = 0;
    mb_str all = {0};
    for (; n < 64 && mb_dataset_types[n]; n++) {
        name[n] = mb_dataset_types[n]->name;
        mb_str_addf(&all, "%s%s", n ? ", " : "", name[n]);
    }
    int rc = MB_OK;
    if (!c) {
        rc = mb_fail(MB_BADINPUT, "%s: the dataset has no key 'format' (one of: %s)", mb_conf_where(group), mb_cstr(&all));
    } else if (c->type != MB_CONF_STRING) {
        rc = mb_fail(MB_BADINPUT, "%s: %s must be a string (one of: %s)", mb_conf_where(c), mb_conf_key(c), mb_cstr(&all));
    } else {
        size_t k = 0;
        while (k < n && strcmp(name[k], c->s)) k++;
        if (k < n) {
            *out = mb_dataset_types[k];
        } else {
            const char *near = mb_nearest(c->s, name, n);
            rc = mb_fail(MB_BADINPUT, "%s: %s = \"%s\" is not a dataset format%s%s%s (there are: %s)", mb_conf_where(c),
                         mb_conf_key(c), c->s, near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "",
                         mb_cstr(&all));
        }
    }
    mb_str_free(&all);
    return rc;
}

enum { MAX_KEYS = 64 };

/* Names that belong to others when TABLE is read: those of the other table and the keys that are no rows. */
static void other_keys(const mb_param *other, const char *also[MAX_KEYS]) {
    static const char *const fixed[] = {"images", "labels", "preset"};
    int n = 0;
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) also[n++] = fixed[i];
    for (; other && other->kind != MB_P_END && n < MAX_KEYS - 1; other++) also[n++] = other->name;
    also[n] = NULL;
}

/* --- what follows reading ---------------------------------------------------------------------------------------------- */

static int set_classes(mb_dataset *d, int classes, const char *labels) {
    int32_t largest = 0;
    for (size_t i = 0; i < d->n; i++) {
        if (d->label[i] < 0 || (classes && d->label[i] >= classes)) {
            return mb_fail(MB_BADINPUT,
                           "%s: the label of sample %zu is %" PRId32
                           ", outside 0..%d: wrong labels file, or correct the key 'classes'",
                           labels, i, d->label[i], classes ? classes - 1 : INT_MAX - 1);
        }
        if (d->label[i] > largest) largest = d->label[i];
    }
    if (largest >= 1 << 24) {
        return mb_fail(MB_BADINPUT, "%s: the largest label is %" PRId32 ": more than %d classes are not supported", labels,
                       largest, 1 << 24);
    }
    d->classes = classes ? classes : largest + 1;
    d->classes_given = classes != 0;
    return MB_OK;
}

/* Keep samples [first, first + count). */
static int cut(mb_dataset *d, size_t first, size_t count) {
    if (first >= d->n || count > d->n - first) {
        return mb_fail(MB_BADINPUT, "%s: first = %zu and count = %zu reach beyond its %zu samples: choose fewer", d->source,
                       first, count, d->n);
    }
    size_t n = count ? count : d->n - first, size = mb_shape_count(&d->shape) * mb_dtype_size(d->type);
    if (n == d->n) return MB_OK;
    memmove(d->raw, (uint8_t *)d->raw + first * size, n * size);
    memmove(d->label, d->label + first, n * sizeof *d->label);
    d->n = n;
    void *p = mb_realloc(d->raw, n, size); /* give back the rest; failing to is harmless */
    if (p) d->raw = p;
    return MB_OK;
}

static int set_norm(mb_dataset *d, const common *p, const mb_conf *group) {
    size_t channels = d->shape.nd ? (size_t)d->shape.d[0] : 1, nm = p->mean.n, ns = p->std.n;
    char text[96];
    if ((nm != 1 && nm != channels) || (ns != 1 && ns != channels)) {
        return mb_fail(MB_BADINPUT,
                       "%s: mean has %zu and std %zu values: give one, or one for each of the %zu channels of a sample (%s)",
                       mb_conf_where(group), nm, ns, channels, mb_shape_text(&d->shape, text, sizeof text));
    }
    size_t n = nm > ns ? nm : ns;
    d->n_norm = (int)n;
    d->scale = p->scale > 0 ? p->scale : d->type == MB_U8 ? 1.0 / 255.0 : 1.0;
    d->mean = mb_malloc(n, sizeof(double));
    d->std = mb_malloc(n, sizeof(double));
    if (!d->mean || !d->std) return mb_nomem();
    for (size_t c = 0; c < n; c++) {
        d->mean[c] = p->mean.v[nm == 1 ? 0 : c];
        d->std[c] = p->std.v[ns == 1 ? 0 : c];
        if (!(d->std[c] > 0)) {
            return mb_fail(MB_BADINPUT, "%s: std[%zu] = %g: the samples are divided by it, so it must be positive",
                           mb_conf_where(group), c, d->std[c]);
        }
    }
    if (d->type != MB_U8) return MB_OK;
    d->lut = mb_malloc(n * 256, sizeof(float));
    if (!d->lut) return mb_nomem();
    for (size_t c = 0; c < n; c++) {
        for (int v = 0; v < 256; v++) d->lut[c * 256 + (size_t)v] = (float)((d->scale * v - d->mean[c]) / d->std[c]);
    }
    return MB_OK;
}

/* Every normalised number must be finite. Bytes are checked through their table. */
static int check_finite(const mb_dataset *d) {
    size_t count = mb_shape_count(&d->shape);
    int rc = MB_OK;
    if (d->lut) {
        for (size_t i = 0; i < (size_t)d->n_norm * 256; i++) {
            if (!isfinite(d->lut[i]))
                return mb_fail(MB_BADINPUT, "%s: scale, mean and std leave the range of float32", d->source);
        }
        return MB_OK;
    }
    float *x = mb_malloc(count, sizeof(float));
    if (!x) return mb_nomem();
    for (size_t i = 0; i < d->n && !rc; i++) {
        mb_dataset_get(d, i, 1, x);
        for (size_t j = 0; j < count && !rc; j++) {
            if (!isfinite(x[j])) {
                rc = mb_fail(
                    MB_BADINPUT,
                    "%s: number %zu of sample %zu is %s after normalisation: only finite numbers can be used; clean the file",
                    d->source, j, i, isnan(x[j]) ? "NaN" : "infinite");
            }
        }
    }
    mb_free(x);
    return rc;
}

static int finish(mb_dataset *d, const common *p, const mb_conf *group, const char *labels) {
    int rc = set_classes(d, p->classes, labels);
    if (!rc) rc = cut(d, (size_t)p->first, (size_t)p->count);
    if (!rc) rc = set_norm(d, p, group);
    if (!rc) rc = check_finite(d);
    if (!rc) {
        d->hash = mb_hash64(d->raw, d->n * mb_shape_count(&d->shape) * mb_dtype_size(d->type), MB_HASH_START);
        d->hash = mb_hash64(d->label, d->n * sizeof *d->label, d->hash);
    }
    return rc;
}

/* --- public ------------------------------------------------------------------------------------------------------------ */

int mb_dataset_same_count(const char *images, size_t n, const char *labels, size_t m) {
    if (n == m) return MB_OK;
    return mb_fail(MB_BADINPUT, "%s holds %zu labels but %s holds %zu samples: the two files do not belong together", labels, m,
                   images, n);
}

int mb_dataset_load(mb_conf *group, mb_dataset **out) {
    const mb_dataset_type *type = NULL;
    const char *also[MAX_KEYS];
    mb_conf *images = NULL, *labels = NULL;
    const char *ipath = NULL, *lpath = NULL;
    void *own = NULL;
    common p = {0};
    mb_dataset *d = NULL;

    if (group->type != MB_CONF_GROUP) {
        return mb_fail(MB_BADINPUT, "%s: %s must be a group { format = ...; images = ...; } or the name of a preset",
                       mb_conf_where(group), mb_conf_key(group));
    }
    int rc = find_type(group, &type);
    if (rc) return rc;
    other_keys(type->params, also);
    rc = mb_params_load(mb_dataset_params, group, also, &p);
    if (rc) return rc;
    if (type->params) {
        other_keys(mb_dataset_params, also);
        own = mb_calloc(1, type->params_size);
        rc = own ? mb_params_load(type->params, group, also, own) : mb_nomem();
        if (rc) {
            mb_free(own);
            own = NULL;
            goto out;
        }
    }
    rc = find_choices(group, "images", &images);
    if (rc) goto out;
    if (type->labels_file) {
        rc = find_choices(group, "labels", &labels);
        if (rc) goto out;
    } else if ((labels = mb_conf_find(group, "labels"))) {
        rc = mb_fail(MB_BADINPUT, "%s: format \"%s\" holds the labels in its images file: remove the key '%s'",
                     mb_conf_where(labels), type->name, mb_conf_key(labels));
        goto out;
    }
    rc = mb_dataset_resolve(group);
    if (!rc) rc = choose_files(images, labels, &ipath, &lpath);
    if (rc) goto out;
    d = mb_calloc(1, sizeof *d);
    if (!d || !(d->source = mb_strdup(ipath))) {
        rc = mb_nomem();
        goto out;
    }
    rc = type->read(own, d->source, lpath, d);
    if (!rc) rc = finish(d, &p, group, lpath ? lpath : d->source);
    if (rc) {
        rc = mb_context(rc, "%s: reading the dataset (format \"%s\")", mb_conf_where(images), type->name);
        goto out;
    }
    *out = d;
    d = NULL;
out:
    mb_dataset_free(d);
    if (own) mb_params_free(type->params, own);
    mb_free(own);
    mb_params_free(mb_dataset_params, &p);
    return rc;
}

void mb_dataset_free(mb_dataset *d) {
    if (!d) return;
    mb_free(d->source);
    mb_free(d->raw);
    mb_free(d->label);
    mb_free(d->mean);
    mb_free(d->std);
    mb_free(d->lut);
    mb_free(d);
}

/* N numbers of one channel: x = (scale * raw - mean) / std */
static void normalise(const mb_dataset *d, const void *raw, size_t at, size_t n, int c, float *x) {
    const double scale = d->scale, mean = d->mean[c], std = d->std[c];
    switch (d->type) {
#define NORMALISE(code, T) \
    case code: { \
        const T *r = (const T *)raw + at; \
        for (size_t i = 0; i < n; i++) x[i] = (float)((scale * (double)r[i] - mean) / std); \
        break; \
    }
        NORMALISE(MB_F32, float)
        NORMALISE(MB_F64, double)
        NORMALISE(MB_I8, int8_t)
        NORMALISE(MB_I16, int16_t)
        NORMALISE(MB_U16, uint16_t)
        NORMALISE(MB_I32, int32_t)
        NORMALISE(MB_U32, uint32_t)
        NORMALISE(MB_I64, int64_t)
        NORMALISE(MB_BOOL8, uint8_t)
#undef NORMALISE
    case MB_U8: {
        const uint8_t *r = (const uint8_t *)raw + at;
        const float *lut = d->lut + (size_t)c * 256;
        for (size_t i = 0; i < n; i++) x[i] = lut[r[i]];
        break;
    }
    }
}

void mb_dataset_get(const mb_dataset *d, size_t i, size_t n, float *x) {
    size_t count = mb_shape_count(&d->shape), each = count / (size_t)d->n_norm;
    for (size_t k = i; k < i + n; k++) {
        for (int c = 0; c < d->n_norm; c++, x += each) normalise(d, d->raw, k * count + (size_t)c * each, each, c, x);
    }
}

int mb_dataset_fits(const mb_dataset *d, const mb_network *net) {
    const mb_shape *in = &net->layer[net->input].shape, *out = &net->layer[net->output].shape;
    size_t have = mb_shape_count(&d->shape), want = mb_shape_count(in), outputs = mb_shape_count(out);
    char a[96], b[96];
    mb_shape_text(&d->shape, a, sizeof a);
    mb_shape_text(in, b, sizeof b);
    if (have != want) {
        return mb_fail(
            MB_BADINPUT,
            "the samples of %s are %s (%zu numbers) but network %s takes %s (%zu numbers): choose the dataset that the network "
            "was trained for",
            d->source, a, have, net->path ? net->path : net->name, b, want);
    }
    if (!mb_shape_equal(&d->shape, in) && d->shape.nd != 1 && in->nd != 1) {
        return mb_fail(
            MB_BADINPUT,
            "the samples of %s are %s but network %s takes %s: equally many numbers in another shape; for format \"npy\" set "
            "shape (and layout) of the dataset",
            d->source, a, net->path ? net->path : net->name, b);
    }
    if ((size_t)d->classes > outputs || (d->classes_given && (size_t)d->classes != outputs)) {
        return mb_fail(MB_BADINPUT, "the dataset %s has %d classes but network %s has %zu outputs: they must be equally many",
                       d->source, d->classes, net->path ? net->path : net->name, outputs);
    }
    return MB_OK;
}

static int by_value(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static uint64_t sample_hash(const mb_dataset *d, int64_t i) {
    const size_t bytes = mb_shape_count(&d->shape) * mb_dtype_size(d->type);
    return mb_hash64((const char *)d->raw + (size_t)i * bytes, bytes, MB_HASH_START);
}

int mb_dataset_common(const mb_dataset *a, int64_t na, const mb_dataset *b, int64_t nb, int64_t *count) {
    *count = 0;
    if (a->type != b->type || mb_shape_count(&a->shape) != mb_shape_count(&b->shape) || na <= 0 || nb <= 0) return MB_OK;
    if (a == b) {
        *count = na < nb ? na : nb;
        return MB_OK;
    }
    uint64_t *h = mb_malloc((size_t)nb, sizeof *h);
    if (!h) return mb_nomem();
    for (int64_t i = 0; i < nb; i++) h[i] = sample_hash(b, i);
    qsort(h, (size_t)nb, sizeof *h, by_value);
    for (int64_t i = 0; i < na; i++) {
        uint64_t want = sample_hash(a, i);
        *count += bsearch(&want, h, (size_t)nb, sizeof *h, by_value) != NULL;
    }
    mb_free(h);
    return MB_OK;
}
