/* onnx_data.c - the data of ONNX tensors: raw, typed, external
 *
 * Raw data are little-endian. Typed data lie in the field that onnx.proto names for each type:
 *     float_data (4)   FLOAT
 *     int32_data (5)   INT32, INT16, INT8, UINT16, UINT8, BOOL, and the bits of FLOAT16 and BFLOAT16
 *     int64_data (7)   INT64 double_data (10) DOUBLE uint64_data (11) UINT32, UINT64
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "nn/onnx.h"

enum { TENSOR_FLOAT_DATA = 4, TENSOR_INT32_DATA = 5, TENSOR_INT64_DATA = 7, TENSOR_DOUBLE_DATA = 10, TENSOR_UINT64_DATA = 11 };

typedef struct type_info {
    const char *name;
    int size;                /* bytes of a raw element; 0: cannot be read */
    uint32_t field;          /* of typed data */
    int wire;
    bool real;
} type_info;

static const type_info types[MB_ONNX_BFLOAT16 + 1] = {
    [MB_ONNX_FLOAT] = {"float", 4, TENSOR_FLOAT_DATA, MB_WIRE_32, true},
    [MB_ONNX_UINT8] = {"uint8", 1, TENSOR_INT32_DATA, MB_WIRE_VARINT, false},
    [MB_ONNX_INT8] = {"int8", 1, TENSOR_INT32_DATA, MB_WIRE_VARINT, false},
    [MB_ONNX_UINT16] = {"uint16", 2, TENSOR_INT32_DATA, MB_WIRE_VARINT, false},
    [MB_ONNX_INT16] = {"int16", 2, TENSOR_INT32_DATA, MB_WIRE_VARINT, false},
    [MB_ONNX_INT32] = {"int32", 4, TENSOR_INT32_DATA, MB_WIRE_VARINT, false},
    [MB_ONNX_INT64] = {"int64", 8, TENSOR_INT64_DATA, MB_WIRE_VARINT, false},
    [MB_ONNX_STRING] = {"string", 0, 0, 0, false},
    [MB_ONNX_BOOL] = {"bool", 1, TENSOR_INT32_DATA, MB_WIRE_VARINT, false},
    [MB_ONNX_FLOAT16] = {"float16", 2, TENSOR_INT32_DATA, MB_WIRE_VARINT, true},
    [MB_ONNX_DOUBLE] = {"double", 8, TENSOR_DOUBLE_DATA, MB_WIRE_64, true},
    [MB_ONNX_UINT32] = {"uint32", 4, TENSOR_UINT64_DATA, MB_WIRE_VARINT, false},
    [MB_ONNX_UINT64] = {"uint64", 8, TENSOR_UINT64_DATA, MB_WIRE_VARINT, false},
    [MB_ONNX_BFLOAT16] = {"bfloat16", 2, TENSOR_INT32_DATA, MB_WIRE_VARINT, true},
};

static const type_info *info(int type) { return type > 0 && type <= MB_ONNX_BFLOAT16 && types[type].size ? &types[type] : NULL; }

bool mb_onnx_type_real(int type) { return info(type) && info(type)->real; }

bool mb_onnx_type_integer(int type) { return info(type) && !info(type)->real; }

const char *mb_onnx_type_name(int type) {
    return type > 0 && type <= MB_ONNX_BFLOAT16 && types[type].name ? types[type].name : "a type that is not supported";
}

/* IEEE 754 binary16 */
static double half(uint32_t h) {
    int e = (int)(h >> 10 & 31), m = (int)(h & 1023);
    double v = e == 31 ? (m ? (double)NAN : (double)INFINITY) : e ? ldexp(m | 1024, e - 25) : ldexp(m, -24);
    return h & 0x8000 ? -v : v;
}

static double real_of(int type, uint64_t bits) {
    uint32_t u = (uint32_t)bits;
    float f;
    double d;
    switch (type) {
        case MB_ONNX_FLOAT: memcpy(&f, &u, sizeof f); return (double)f;
        case MB_ONNX_FLOAT16: return half(u);
        case MB_ONNX_BFLOAT16:
            u <<= 16;
            memcpy(&f, &u, sizeof f);
            return (double)f;
        default: memcpy(&d, &bits, sizeof d); return d;
    }
}

/* Sign-extend the raw bits of an integer type. */
static int64_t extend(int type, uint64_t bits) {
    switch (type) {
        case MB_ONNX_INT8: return (int8_t)bits;
        case MB_ONNX_INT16: return (int16_t)bits;
        case MB_ONNX_INT32: return (int32_t)bits;
        case MB_ONNX_BOOL: return bits != 0;
        default: return (int64_t)bits;
    }
}

/* Does the varint V of typed data fit the integer type? */
static bool fits(int type, int64_t v) {
    switch (type) {
        case MB_ONNX_INT8: return v >= INT8_MIN && v <= INT8_MAX;
        case MB_ONNX_UINT8: return v >= 0 && v <= UINT8_MAX;
        case MB_ONNX_BOOL: return v == 0 || v == 1;
        case MB_ONNX_INT16: return v >= INT16_MIN && v <= INT16_MAX;
        case MB_ONNX_UINT16: case MB_ONNX_FLOAT16: case MB_ONNX_BFLOAT16: return v >= 0 && v <= UINT16_MAX;
        case MB_ONNX_INT32: return v >= INT32_MIN && v <= INT32_MAX;
        case MB_ONNX_UINT32: return v >= 0 && v <= (int64_t)UINT32_MAX;
        case MB_ONNX_UINT64: return v >= 0;
        default: return true;
    }
}

typedef struct target {
    const char *path;
    const mb_onnx_tensor *t;
    const type_info *ty;
    float *f32;
    double *f64;
    int64_t *i64;
} target;

static int fail(const target *g, const char *what) {
    char name[80];
    return mb_fail(MB_BADINPUT, "%s: tensor \"%s\" (%s): %s; export the network again", g->path,
                   mb_span_text(g->t->name, name, sizeof name), mb_onnx_type_name(g->t->type), what);
}

static void store(const target *g, size_t k, uint64_t bits) {
    int type = g->t->type;
    if (g->i64) g->i64[k] = extend(type, bits);
    else if (g->f64) g->f64[k] = g->ty->real ? real_of(type, bits) : (double)extend(type, bits);
    else g->f32[k] = g->ty->real ? (float)real_of(type, bits) : (float)extend(type, bits);
}

static int read_raw(const target *g) {
    size_t size = (size_t)g->ty->size, n = g->t->count;
    const uint8_t *p = g->t->raw.p;
    if (g->t->raw.n != n * size) return fail(g, "its data are not as long as its dims say");
    for (size_t k = 0; k < n; k++, p += size) {
        uint64_t bits = 0;
        for (size_t b = 0; b < size; b++) bits |= (uint64_t)p[b] << (8 * b);
        if (g->t->type == MB_ONNX_UINT64 && bits > INT64_MAX) return fail(g, "a value is larger than 2^63 - 1");
        store(g, k, bits);
    }
    return MB_OK;
}

static int read_one(const target *g, size_t *k, uint64_t bits) {
    if (*k == g->t->count) return fail(g, "it holds more values than its dims say");
    if (g->ty->wire == MB_WIRE_VARINT && !fits(g->t->type, (int64_t)bits))
        return fail(g, "a value is out of the range of its type");
    store(g, (*k)++, bits);
    return MB_OK;
}

static int read_packed(const target *g, size_t *k, mb_span list) {
    mb_wire w = mb_wire_of(list);
    int rc = MB_OK;
    while (!rc && w.p < w.end) {
        uint64_t bits = 0;
        if (g->ty->wire == MB_WIRE_VARINT) {
            if (mb_wire_varint(&w, &bits)) return fail(g, "its data are malformed");
        } else {
            int size = g->ty->wire == MB_WIRE_32 ? 4 : 8;
            if (w.end - w.p < size) return fail(g, "its data are cut off");
            for (int b = 0; b < size; b++) bits |= (uint64_t)w.p[b] << (8 * b);
            w.p += size;
        }
        rc = read_one(g, k, bits);
    }
    return rc;
}

static int read_typed(const target *g) {
    mb_wire w = mb_wire_of(g->t->message);
    mb_field f;
    size_t k = 0;
    int rc = MB_OK;
    while (!rc && mb_wire_next(&w, &f) > 0) {
        if (f.number != g->ty->field) continue;
        if (f.wire == g->ty->wire) rc = read_one(g, &k, f.value);
        else if (f.wire == MB_WIRE_BYTES) rc = read_packed(g, &k, f.bytes);
        else rc = fail(g, "its data are malformed");
    }
    if (!rc && k != g->t->count) rc = fail(g, k ? "it holds fewer values than its dims say" : "it holds no data");
    return rc;
}

static int read_tensor(target g) {
    g.ty = info(g.t->type);
    if (!g.ty) return fail(&g, "this element type cannot be used here");
    if (g.i64 && g.ty->real) return fail(&g, "whole numbers are needed here");
    if (g.t->external) return fail(&g, "its data lie in another file and were not read");
    return g.t->has_raw && (g.t->raw.n || !g.t->count) ? read_raw(&g) : read_typed(&g);
}

int mb_onnx_plausible(const char *path, const mb_onnx_tensor *t) {
    target g = {path, t, NULL, NULL, NULL, NULL};
    return t->count <= t->raw.n + t->message.n ? MB_OK : fail(&g, "its data are not as long as its dims say");
}

int mb_onnx_tensor_f32(const char *path, const mb_onnx_tensor *t, float *out) {
    target g = {path, t, NULL, out, NULL, NULL};
    return read_tensor(g);
}

int mb_onnx_tensor_f64(const char *path, const mb_onnx_tensor *t, double *out) {
    target g = {path, t, NULL, NULL, out, NULL};
    return read_tensor(g);
}

int mb_onnx_tensor_i64(const char *path, const mb_onnx_tensor *t, int64_t *out) {
    target g = {path, t, NULL, NULL, NULL, out};
    return read_tensor(g);
}

/* ---- external data ---------------------------------------------------------------------------------------------- */

/* LOCATION as text, relative and without "..". */
static int location_text(const char *path, const char *label, mb_span s, char **text) {
    char shown[120];
    mb_span_text(s, shown, sizeof shown);
    if (!s.n || memchr(s.p, 0, s.n))
        return mb_fail(MB_BADINPUT, "%s: tensor \"%s\": its external data have no proper location", path, label);
    bool outside = s.p[0] == '/';
    for (size_t i = 0; i < s.n; i++) {
        bool starts = i == 0 || s.p[i - 1] == '/';
        bool ends = i + 2 == s.n || (i + 2 < s.n && s.p[i + 2] == '/');
        if (starts && ends && s.p[i] == '.' && s.p[i + 1] == '.') outside = true;
    }
    if (outside)
        return mb_fail(
            MB_BADINPUT,
            "%s: tensor \"%s\": external data \"%s\" lie outside the network's folder; put the file beside the network and "
            "save the network with that location",
            path, label, shown);
    *text = mb_strndup((const char *)s.p, s.n);
    return *text ? MB_OK : mb_nomem();
}

/* The real path of LOCATION under DIR, which no symbolic link may leave. *REAL is freed with free(). */
static int real_location(const char *path, const char *dir, const char *label, const char *location, char **real) {
    char *joined = mb_path_join(dir, location), *root = NULL, *file = NULL;
    int rc = MB_OK;
    if (!joined) {
        rc = mb_nomem();
        goto out;
    }
    root = realpath(dir, NULL);
    file = realpath(joined, NULL);
    if (!root || !file) {
        rc =
            mb_fail(MB_BADINPUT, "%s: tensor \"%s\": its external data file %s cannot be opened (%s); copy it beside the network",
                    path, label, joined, strerror(errno));
        goto out;
    }
    size_t n = strlen(root);
    while (n && root[n - 1] == '/') n--;
    if (strncmp(root, file, n) || file[n] != '/') {
        rc = mb_fail(
            MB_BADINPUT,
            "%s: tensor \"%s\": a symbolic link in %s leads out of the network's folder; copy the file beside the network", path,
            label, joined);
        goto out;
    }
    *real = file;
    file = NULL;
out:
    mb_free(joined);
    free(root);
    free(file);
    return rc;
}

/* SIZE bytes at OFFSET of FILE. */
static int read_slice(const char *file, uint64_t offset, size_t size, uint8_t *data) {
    FILE *f = fopen(file, "rb");
    if (!f) return mb_fail(MB_BADINPUT, "%s: cannot be opened: %s", file, strerror(errno));
    int rc = MB_OK;
    if (fseeko(f, (off_t)offset, SEEK_SET) || fread(data, 1, size, f) != size)
        rc = mb_fail(MB_BADINPUT, "%s: %zu bytes at %llu cannot be read", file, size, (unsigned long long)offset);
    fclose(f);
    return rc;
}

int mb_onnx_external(const char *path, const char *dir, mb_onnx_tensor *t, uint8_t **data) {
    char label[80], *location = NULL, *file = NULL;
    uint8_t *bytes = NULL;
    struct stat st;
    const type_info *ty = info(t->type);
    mb_span_text(t->name, label, sizeof label);
    if (!ty) return mb_fail(MB_BADINPUT, "%s: tensor \"%s\": its element type cannot be used", path, label);
    int rc = location_text(path, label, t->location, &location);
    if (!rc) rc = real_location(path, dir, label, location, &file);
    if (rc) goto out;
    uint64_t size = (uint64_t)t->count * (uint64_t)ty->size;             /* count is at most SIZE_MAX / 32 */
    if (stat(file, &st) || !S_ISREG(st.st_mode)) {
        rc = mb_fail(MB_BADINPUT, "%s: tensor \"%s\": %s is not a file", path, label, file);
    } else if (t->has_length && t->length != size) {
        rc = mb_fail(MB_BADINPUT, "%s: tensor \"%s\": its external data are %llu bytes long, its dims ask for %llu", path, label,
                     (unsigned long long)t->length, (unsigned long long)size);
    } else if (t->offset > (uint64_t)st.st_size || size > (uint64_t)st.st_size - t->offset) {
        rc = mb_fail(MB_BADINPUT, "%s: tensor \"%s\": %llu bytes at %llu do not lie inside %s (%llu bytes); is it complete?",
                     path, label, (unsigned long long)size, (unsigned long long)t->offset, file, (unsigned long long)st.st_size);
    }
    if (rc) goto out;
    bytes = mb_malloc((size_t)size, 1);
    rc = bytes ? read_slice(file, t->offset, (size_t)size, bytes) : mb_nomem();
    if (rc) goto out;
    t->raw.p = bytes;
    t->raw.n = (size_t)size;
    t->has_raw = true;
    t->external = false;
    *data = bytes;
    bytes = NULL;
out:
    mb_free(bytes);
    mb_free(location);
    free(file);
    return rc;
}
