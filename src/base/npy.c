/* npy.c - NumPy .npy arrays
 *
 * Format: NEP 1 (numpy.lib.format): magic, version, length of the header, a Python dict with 'descr', 'fortran_order' and
 * 'shape', the data. Nothing in the header is believed: every length is checked against the file, every product against overflow.
 * Anybody may call this file; it calls file.c, mem.c, str.c, error.c.
 */
#include "base/npy.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "npy.c and the integer kernels are written for little-endian machines"
#endif

#define MAGIC "\x93NUMPY"
#define TYPES 10

static const struct { const char *descr, *name; size_t size; } dtype[TYPES] = {
    [MB_F32] = {"<f4", "float32", 4}, [MB_F64] = {"<f8", "float64", 8}, [MB_I8] = {"|i1", "int8", 1},
    [MB_U8] = {"|u1", "uint8", 1},    [MB_I16] = {"<i2", "int16", 2},   [MB_U16] = {"<u2", "uint16", 2},
    [MB_I32] = {"<i4", "int32", 4},   [MB_U32] = {"<u4", "uint32", 4},  [MB_I64] = {"<i8", "int64", 8},
    [MB_BOOL8] = {"|b1", "bool", 1}};

size_t mb_dtype_size(mb_dtype t) { return (unsigned)t < TYPES ? dtype[t].size : 0; }
const char *mb_dtype_name(mb_dtype t) { return (unsigned)t < TYPES ? dtype[t].name : "?"; }

/* --- the header --------------------------------------------------------------------------------------------------- */

typedef struct header {
    const char *path, *s, *end; /* s..end: the dict */
    int has_descr, has_order, has_shape;
} header;

static int bad(const header *h, const char *what) {
    return mb_fail(MB_BADINPUT, "%s: the NPY header %s; write the file again with numpy.save", h->path, what);
}

static void skip(header *h) {
    while (h->s < h->end && (*h->s == ' ' || *h->s == '\t' || *h->s == '\n' || *h->s == '\r')) h->s++;
}

static int take(header *h, char c) {
    skip(h);
    int yes = h->s < h->end && *h->s == c;
    if (yes) h->s++;
    return yes;
}

/* A Python string without escapes into BUF. */
static int take_string(header *h, char *buf, size_t cap) {
    skip(h);
    if (h->s >= h->end || (*h->s != '\'' && *h->s != '"')) return 0;
    char quote = *h->s;
    const char *from = ++h->s;
    while (h->s < h->end && *h->s != quote) h->s++;
    size_t n = (size_t)(h->s - from);
    if (h->s >= h->end || n >= cap) return 0;
    memcpy(buf, from, n);
    buf[n] = '\0';
    h->s++;
    return 1;
}

static int take_word(header *h, const char *word) {
    size_t n = strlen(word);
    skip(h);
    int yes = (size_t)(h->end - h->s) >= n && memcmp(h->s, word, n) == 0;
    if (yes) h->s += n;
    return yes;
}

static int read_descr(header *h, mb_npy *a) {
    char d[32];
    skip(h);
    if (h->s < h->end && *h->s == '[')
        return mb_fail(MB_BADINPUT,
                       "%s: holds a structured array (several fields per element); save one field: numpy.save(f, a['NAME'])",
                       h->path);
    if (!take_string(h, d, sizeof d)) return bad(h, "has a 'descr' that is no text");
    const char *kind = strchr("<>=|", d[0]) && d[0] ? d + 1 : d;
    for (int t = 0; t < TYPES; t++) {
        if (strcmp(kind, dtype[t].descr + 1) != 0) continue;
        if (d[0] == '>' && dtype[t].size > 1) {
            return mb_fail(MB_BADINPUT, "%s: the type '%s' is big endian; convert with a.astype('%s')", h->path, d,
                           dtype[t].descr);
        }
        a->type = (mb_dtype)t;
        return MB_OK;
    }
    if (kind[0] == 'O') {
        return mb_fail(MB_BADINPUT, "%s: holds Python objects (type '%s'), not numbers; convert with a.astype('<f4')", h->path,
                       d);
    }
    for (char *c = d; *c; c++) {
        if ((unsigned char)*c < 0x20 || (unsigned char)*c > 0x7e) *c = '?';
    }
    return mb_fail(MB_BADINPUT,
                   "%s: the type '%s' is not supported (float32, float64, int8..int64, uint8..uint32 and bool are); convert with "
                   "a.astype('<f4')",
                   h->path, d);
}

static int read_shape(header *h, mb_npy *a) {
    if (!take(h, '(')) return bad(h, "has a 'shape' that is no tuple");
    a->nd = 0;
    while (!take(h, ')')) {
        int64_t v = 0;
        if (take(h, '-')) return bad(h, "has a negative dimension");
        skip(h);
        const char *from = h->s;
        for (; h->s < h->end && *h->s >= '0' && *h->s <= '9'; h->s++) {
            if (__builtin_mul_overflow(v, (int64_t)10, &v) || __builtin_add_overflow(v, (int64_t)(*h->s - '0'), &v))
                return bad(h, "has a dimension over 64 bits");
        }
        if (h->s == from) return bad(h, "has a 'shape' that is not made of integers");
        if (a->nd == MB_NPY_MAX_RANK)
            return mb_fail(MB_BADINPUT, "%s: the array has more than %d dimensions", h->path, MB_NPY_MAX_RANK);
        a->dim[a->nd++] = v;
        if (take(h, ',')) continue;
        if (!take(h, ')')) return bad(h, "has a 'shape' without end");
        break;
    }
    return MB_OK;
}

static int read_dict(header *h, mb_npy *a) {
    char key[32];
    int rc = MB_OK, fortran = 0;
    if (!take(h, '{')) return bad(h, "is no Python dict");
    while (rc == MB_OK && !take(h, '}')) {
        if (!take_string(h, key, sizeof key) || !take(h, ':')) return bad(h, "is cut or damaged");
        if (strcmp(key, "descr") == 0 && !h->has_descr++) {
            rc = read_descr(h, a);
        } else if (strcmp(key, "shape") == 0 && !h->has_shape++) {
            rc = read_shape(h, a);
        } else if (strcmp(key, "fortran_order") == 0 && !h->has_order++) {
            fortran = take_word(h, "True");
            if (!fortran && !take_word(h, "False")) rc = bad(h, "has a 'fortran_order' that is neither True nor False");
        } else {
            rc = bad(h, "has a key that does not belong there, or twice");
        }
        if (rc == MB_OK && !take(h, ',')) {
            if (!take(h, '}')) rc = bad(h, "is cut or damaged");
            break;
        }
    }
    skip(h);
    if (rc == MB_OK && h->s != h->end) rc = bad(h, "goes on after its dict");
    if (rc == MB_OK && !(h->has_descr && h->has_shape && h->has_order)) rc = bad(h, "lacks 'descr', 'shape' or 'fortran_order'");
    if (rc == MB_OK && fortran) {
        rc = mb_fail(MB_BADINPUT,
                     "%s: the array is stored in Fortran order; convert with numpy.save(f, numpy.ascontiguousarray(a))", h->path);
    }
    return rc;
}

int mb_npy_read(const char *path, mb_npy *a) {
    uint8_t *data = NULL;
    size_t n = 0, at, len, bytes = 0;
    memset(a, 0, sizeof *a);
    int rc = mb_file_gzread(path, 0, &data, &n);
    if (rc != MB_OK) goto out;
    if (n < 10 || memcmp(data, MAGIC, 6) != 0) {
        rc = mb_fail(MB_BADINPUT, "%s: is no NPY file (it does not begin with \\x93NUMPY); arrays are written with numpy.save",
                     path);
        goto out;
    }
    if (data[6] != 1 && data[6] != 2) {
        rc = mb_fail(MB_BADINPUT, "%s: NPY version %d.%d is not known (1 and 2 are)", path, data[6], data[7]);
        goto out;
    }
    at = data[6] == 1 ? 10 : 12;
    len = (size_t)data[8] | (size_t)data[9] << 8;
    if (data[6] == 2) len |= n >= 12 ? (size_t)data[10] << 16 | (size_t)data[11] << 24 : (size_t)1 << 32;
    if (at > n || len > n - at) {
        rc = mb_fail(MB_BADINPUT, "%s: the file is truncated inside its NPY header (%zu bytes)", path, n);
        goto out;
    }
    header h = {path, (const char *)data + at, (const char *)data + at + len, 0, 0, 0};
    rc = read_dict(&h, a);
    if (rc != MB_OK) goto out;
    at += len;
    a->count = 1;
    bytes = mb_dtype_size(a->type);
    int zero = 0, over = 0;
    for (int i = 0; i < a->nd; i++) zero |= a->dim[i] == 0;
    for (int i = 0; i < a->nd && !zero && !over; i++) {
        over = __builtin_mul_overflow(a->count, (size_t)a->dim[i], &a->count) ||
               __builtin_mul_overflow(bytes, (size_t)a->dim[i], &bytes);
    }
    if (zero) a->count = bytes = 0;
    if (over || bytes != n - at) {
        mb_str want = {0};
        for (int i = 0; i < a->nd; i++) mb_str_addf(&want, "%s%lld", i ? " x " : "", (long long)a->dim[i]);
        rc = mb_fail(MB_BADINPUT, "%s: %s: the shape %s of %s %s, but %zu bytes of data follow the header", path,
                     over || bytes > n - at ? "the file is truncated or its header is wrong"
                                            : "there are bytes after the end of the array",
                     a->nd ? mb_cstr(&want) : "()", mb_dtype_name(a->type), over ? "does not fit in memory" : "does not match",
                     n - at);
        mb_str_free(&want);
        goto out;
    }
    memmove(data, data + at, bytes);
    a->data = data;
    data = NULL;
out:
    mb_free(data);
    if (rc != MB_OK) memset(a, 0, sizeof *a);
    return rc;
}

int mb_npy_write(const char *path, mb_dtype type, int nd, const int64_t *dim, const void *data) {
    mb_str s = {0};
    size_t bytes = mb_dtype_size(type);
    int rc = MB_OK;
    if (bytes == 0 || nd < 0 || nd > MB_NPY_MAX_RANK)
        return mb_fail(MB_BUG, "%s: type %d or rank %d cannot be written as NPY", path, (int)type, nd);
    for (int i = 0; i < nd; i++) {
        if (dim[i] < 0 || __builtin_mul_overflow(bytes, (size_t)dim[i], &bytes))
            return mb_fail(MB_BUG, "%s: the array's sizes overflow", path);
    }
    mb_str_addn(&s, MAGIC "\x01\0\0\0", 10);
    mb_str_addf(&s, "{'descr': '%s', 'fortran_order': False, 'shape': (", dtype[type].descr);
    for (int i = 0; i < nd; i++) mb_str_addf(&s, "%s%lld%s", i ? " " : "", (long long)dim[i], nd == 1 || i + 1 < nd ? "," : "");
    mb_str_add(&s, "), }");
    while (!s.failed && s.n % 64 != 63) mb_str_add(&s, " "); /* the data begin on a multiple of 64 bytes */
    mb_str_add(&s, "\n");
    size_t len = s.n - 10;
    if (!s.failed) {
        s.s[8] = (char)(len & 0xFF);
        s.s[9] = (char)(len >> 8);
    }
    if (bytes) mb_str_addn(&s, data, bytes);
    rc = s.failed ? mb_nomem() : mb_file_write(path, s.s, s.n);
    mb_str_free(&s);
    return rc;
}

void mb_npy_free(mb_npy *a) {
    mb_free(a->data);
    memset(a, 0, sizeof *a);
}

/* --- conversion --------------------------------------------------------------------------------------------------- */

/* CODE for each element X of the array's own type. */
#define EACH(T, CODE)                                     \
    do {                                                  \
        const T *p = a->data;                             \
        for (size_t i = 0; i < a->count; i++) {           \
            T x = p[i];                                   \
            CODE;                                         \
        }                                                 \
    } while (0)

void mb_npy_to_f32(const mb_npy *a, float *out) {
    switch (a->type) {
    case MB_F32: EACH(float, out[i] = x); break;
    case MB_F64: EACH(double, out[i] = (float)x); break;
    case MB_I8: EACH(int8_t, out[i] = (float)x); break;
    case MB_U8: EACH(uint8_t, out[i] = (float)x); break;
    case MB_I16: EACH(int16_t, out[i] = (float)x); break;
    case MB_U16: EACH(uint16_t, out[i] = (float)x); break;
    case MB_I32: EACH(int32_t, out[i] = (float)x); break;
    case MB_U32: EACH(uint32_t, out[i] = (float)x); break;
    case MB_I64: EACH(int64_t, out[i] = (float)x); break;
    case MB_BOOL8: EACH(uint8_t, out[i] = x ? 1.0f : 0.0f); break;
    }
}

void mb_npy_to_f64(const mb_npy *a, double *out) {
    switch (a->type) {
    case MB_F32: EACH(float, out[i] = (double)x); break;
    case MB_F64: EACH(double, out[i] = x); break;
    case MB_I8: EACH(int8_t, out[i] = (double)x); break;
    case MB_U8: EACH(uint8_t, out[i] = (double)x); break;
    case MB_I16: EACH(int16_t, out[i] = (double)x); break;
    case MB_U16: EACH(uint16_t, out[i] = (double)x); break;
    case MB_I32: EACH(int32_t, out[i] = (double)x); break;
    case MB_U32: EACH(uint32_t, out[i] = (double)x); break;
    case MB_I64: EACH(int64_t, out[i] = (double)x); break;
    case MB_BOOL8: EACH(uint8_t, out[i] = x ? 1.0 : 0.0); break;
    }
}

/* X is an integer that int64 holds. */
static int whole(double x, int64_t *v) {
    if (!(x >= -0x1p63 && x < 0x1p63) || x != floor(x)) return 0;
    *v = (int64_t)x;
    return 1;
}

int mb_npy_to_i64(const mb_npy *a, int64_t *out) {
    size_t wrong = SIZE_MAX;
    double value = 0;
    switch (a->type) {
    case MB_F32: EACH(float, if (!whole((double)x, &out[i])) { wrong = i; value = (double)x; break; }); break;
    case MB_F64: EACH(double, if (!whole(x, &out[i])) { wrong = i; value = x; break; }); break;
    case MB_I8: EACH(int8_t, out[i] = x); break;
    case MB_U8: EACH(uint8_t, out[i] = x); break;
    case MB_I16: EACH(int16_t, out[i] = x); break;
    case MB_U16: EACH(uint16_t, out[i] = x); break;
    case MB_I32: EACH(int32_t, out[i] = x); break;
    case MB_U32: EACH(uint32_t, out[i] = x); break;
    case MB_I64: EACH(int64_t, out[i] = x); break;
    case MB_BOOL8: EACH(uint8_t, out[i] = x != 0); break;
    }
    if (wrong != SIZE_MAX) {
        char buf[32];
        return mb_fail(MB_BADINPUT, "element %zu of the array is %s, integers are wanted", wrong, mb_fmt_double(buf, value, 0));
    }
    return MB_OK;
}
