/* test_dataset.c - dataset formats good and bad, choice of files, normalisation, the files that ship */
#include "config.h" /* nftw */

#include "mbtest.h"

#include <ftw.h>
#include <math.h>
#include <unistd.h>
#include <zlib.h>

#include "base/conf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/npy.h"
#include "nn/dataset.h"

/* --- a folder for the files, and short ways to write and load them --- */

static char folder[4096], label[4200]; /* the folder; the "experiment" in it */

static const char *in_folder(const char *name) {
    static char path[4][4400];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

static void put(const char *name, const void *bytes, size_t n) {
    FILE *f = fopen(in_folder(name), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static void put_gz(const char *name, const void *bytes, size_t n) {
    gzFile f = gzopen(in_folder(name), "wb9");
    assert_non_null(f);
    assert_int_equal(gzwrite(f, bytes, (unsigned)n), n);
    assert_int_equal(gzclose(f), Z_OK);
}

static size_t get(const char *name, uint8_t *bytes, size_t cap) {
    FILE *f = fopen(in_folder(name), "rb");
    assert_non_null(f);
    size_t n = fread(bytes, 1, cap, f);
    fclose(f);
    return n;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static int make_folder(void **s) {
    (void)s;
    const char *tmp = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/mixbar-dataset-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (!mkdtemp(folder)) return -1;
    snprintf(label, sizeof label, "%s/experiment.cfg", folder);
    mb_log_quiet(1);
    if (!getenv("MIXBAR_PATH")) setenv("MIXBAR_PATH", srcdir(), 1);
    return 0;
}

static int remove_folder(void **s) {
    (void)s;
    return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* The group `dataset` of the text of an experiment in FILE, its preset expanded. */
static mb_conf *group_of(const char *text, const char *file, mb_conf **root) {
    assert_ok(mb_conf_parse(text, file, root));
    mb_conf *c = mb_conf_find(*root, "dataset");
    assert_non_null(c);
    assert_ok(mb_conf_expand_preset(c, "data"));
    c = mb_conf_find(*root, "dataset");
    assert_non_null(c);
    return c;
}

static int load_as(const char *text, const char *file, mb_dataset **d) {
    mb_conf *root = NULL, *c = group_of(text, file, &root);
    *d = NULL;
    int rc = mb_dataset_load(c, d);
    if (rc == MB_OK) {
        assert_non_null(*d);
        for (size_t i = 0; i < c->n; i++) assert_true(c->child[i]->used);
    } else {
        assert_null(*d);
    }
    mb_conf_free(root);
    return rc;
}

static int load(const char *text, mb_dataset **d) { return load_as(text, label, d); }

#define LOADS(text, d) assert_ok(load("dataset = { " text " };", d))
/* must be refused as bad input with a message that holds PART, and leak nothing */
#define REFUSED(text, part) \
    do { \
        mb_dataset *none_; \
        long live_ = mb_mem_live(); \
        assert_fails(load("dataset = { " text " };", &none_), MB_BADINPUT, part); \
        assert_int_equal(mb_mem_live(), live_); \
    } while (0)

static void be32(uint8_t *p, uint32_t v) {
    for (int k = 0; k < 4; k++) p[k] = (uint8_t)(v >> (24 - 8 * k));
}

/* IDX of unsigned bytes; data byte i is (i * 7 + 3) mod 256, or mod CLASSES */
static size_t idx(uint8_t *out, int nd, const uint32_t *dim, unsigned classes) {
    size_t n = 1, at = 4;
    out[0] = out[1] = 0;
    out[2] = 8;
    out[3] = (uint8_t)nd;
    for (int k = 0; k < nd; k++, at += 4) {
        be32(out + at, dim[k]);
        n *= dim[k];
    }
    for (size_t i = 0; i < n; i++) out[at + i] = (uint8_t)((i * 7 + 3) % classes);
    return at + n;
}

enum { SAMPLES = 6, H = 4, WIDTH = 3, PIXELS = H * WIDTH };
static uint8_t images[16 + SAMPLES * PIXELS], labels[8 + SAMPLES];
#define IDX "format = \"idx\"; images = \"i\"; labels = \"l\"; "

static void put_idx(void) {
    const uint32_t dim[] = {SAMPLES, H, WIDTH};
    assert_int_equal(idx(images, 3, dim, 256), sizeof images);
    assert_int_equal(idx(labels, 1, dim, 5), sizeof labels);
    put("i", images, sizeof images);
    put("l", labels, sizeof labels);
}

/* --- IDX --- */

static void idx_good(void **s) {
    (void)s;
    mb_dataset *d, *z;
    long live = mb_mem_live();
    put_idx();
    LOADS(IDX, &d);
    assert_true(d->n == SAMPLES && d->type == MB_U8 && d->shape.nd == 3);
    assert_true(d->shape.d[0] == 1 && d->shape.d[1] == H && d->shape.d[2] == WIDTH);
    assert_string_equal(d->source, in_folder("i"));
    assert_memory_equal(d->raw, images + 16, SAMPLES * PIXELS);
    for (int i = 0; i < SAMPLES; i++) assert_int_equal(d->label[i], (i * 7 + 3) % 5);
    assert_int_equal(d->classes, 5);
    assert_false(d->classes_given);
    assert_true(d->n_norm == 1 && d->scale == 1.0 / 255 && d->mean[0] == 0 && d->std[0] == 1);
    float x[SAMPLES * PIXELS];
    mb_dataset_get(d, 0, SAMPLES, x);
    for (int i = 0; i < SAMPLES * PIXELS; i++) assert_true(x[i] == (float)(images[16 + i] * (1.0 / 255)));
    mb_dataset_get(d, 4, 1, x);
    assert_true(x[0] == (float)(images[16 + 4 * PIXELS] * (1.0 / 255)));

    put_gz("i.gz", images, sizeof images);
    put_gz("l.gz", labels, sizeof labels);
    LOADS("format = \"idx\"; images = \"i.gz\"; labels = \"l.gz\"; classes = 10;", &z);
    assert_true(z->hash == d->hash && z->classes == 10 && z->classes_given);
    mb_dataset_free(z);
    uint64_t hash = d->hash;
    mb_dataset_free(d);
    labels[8] ^= 1;
    put("l", labels, sizeof labels);
    LOADS(IDX, &d);
    assert_true(d->hash != hash); /* the labels are in it */
    mb_dataset_free(d);

    uint8_t other[4 + 16 + 48]; /* rank 4: N x C x H x W; rank 2: N x F */
    const uint32_t four[] = {2, 3, 2, 4}, two[] = {2, 24};
    put("i", other, idx(other, 4, four, 256));
    put("l", labels, idx(labels, 1, two, 2));
    LOADS(IDX, &d);
    assert_true(d->n == 2 && d->shape.nd == 3 && d->shape.d[0] == 3 && d->shape.d[1] == 2 && d->shape.d[2] == 4);
    mb_dataset_free(d);
    put("i", other, idx(other, 2, two, 256));
    LOADS(IDX, &d);
    assert_true(d->n == 2 && d->shape.nd == 1 && d->shape.d[0] == 24);
    mb_dataset_free(d);
    assert_int_equal(mb_mem_live(), live);
}

static void idx_bad(void **s) {
    (void)s;
    uint8_t b[sizeof images + 64];
    static const size_t cut[] = {0, 1, 3, 4, 7, 8, 15, 16, 17, sizeof images - 1};
    put_idx();
    for (size_t k = 0; k < sizeof cut / sizeof *cut; k++) {
        put("i", images, cut[k]);
        REFUSED(IDX, "/i: ");
        put_gz("i", images, cut[k]);
        REFUSED(IDX, "/i: ");
    }
    put("i", images, 40);
    REFUSED(IDX, "6 x 4 x 3 = 72 bytes but 24 follow");
    put("i", images, sizeof images);
    for (size_t k = 0; k < sizeof labels; k++) {
        put("l", labels, k);
        REFUSED(IDX, "/l: ");
    }
    put_idx();
    memcpy(b, images, sizeof images);
    put("i", b, sizeof images + 1);
    REFUSED(IDX, "longer than it should be");
    b[0] = 'P';
    put("i", b, sizeof images);
    REFUSED(IDX, "not an IDX file: it begins with 50 00 08 03, expected 00 00 08");
    b[0] = 0;
    b[2] = 0x0d;
    put("i", b, sizeof images);
    REFUSED(IDX, "type 0x0d");
    b[2] = 8;
    b[3] = 0;
    put("i", b, sizeof images);
    REFUSED(IDX, "rank 0");
    b[3] = 5;
    put("i", b, sizeof images);
    REFUSED(IDX, "rank 5");
    b[3] = 3;
    memset(b + 4, 0xff, 12); /* (2^32 - 1)^3 does not fit size_t */
    put("i", b, sizeof images);
    REFUSED(IDX, "more than");
    be32(b + 4, 1u << 31); /* 2^64 would wrap to the 0 bytes that follow */
    be32(b + 8, 1u << 31);
    be32(b + 12, 4);
    put("i", b, 16);
    REFUSED(IDX, "more than");
    memset(b + 4, 0, 12);
    put("i", b, 16);
    REFUSED(IDX, "holds no samples");

    put_idx();
    REFUSED("format = \"idx\"; images = \"l\"; labels = \"i\";", "exchanged?");
    REFUSED("format = \"idx\"; images = \"i\"; labels = \"i\";", "expected labels of rank 1");
    const uint32_t five[] = {5};
    put("l", b, idx(b, 1, five, 5));
    REFUSED(IDX, "l holds 5 labels but ");
    REFUSED(IDX, "i holds 6 samples");
    put_idx();
    REFUSED(IDX "classes = 3;", "the label of sample 0 is 3, outside 0..2");
}

static void gzip_bad(void **s) {
    (void)s;
    uint8_t z[4096];
    put_idx();
    put_gz("z", images, sizeof images);
    size_t n = get("z", z, sizeof z);
    assert_true(n > 30 && n < sizeof z);
    for (size_t k = 2; k < n; k += k < n - 12 ? 5 : 1) {
        put("i", z, k);
        REFUSED(IDX, "/i: ");
    }
    put("i", z, n);
    mb_dataset *d;
    LOADS(IDX, &d);
    uint64_t hash = d->hash;
    mb_dataset_free(d);
    int refused = 0;
    for (size_t k = 10; k < n; k++) { /* a flipped bit is found by the checksum, or was one of the few that mean nothing */
        z[k] ^= 0x10;
        put("i", z, n);
        int rc = load("dataset = { " IDX " };", &d);
        if (rc == MB_OK) {
            assert_true(d->hash == hash);
            mb_dataset_free(d);
        } else {
            assert_int_equal(rc, MB_BADINPUT);
            assert_non_null(strstr(mb_error_message(), in_folder("i")));
            mb_error_clear();
            refused++;
        }
        z[k] ^= 0x10;
    }
    assert_true(refused >= (int)(n - 10) - 1);
}

/* --- CIFAR-10 --- */

#define CIFAR "format = \"cifar10\"; images = \"c\"; "

static void cifar10(void **s) {
    (void)s;
    enum { R = 3073 };
    uint8_t b[3 * R];
    mb_dataset *d, *z;
    for (size_t i = 0; i < sizeof b; i++) b[i] = (uint8_t)(i * 31 + i / 1024);
    b[0] = 9, b[R] = 0, b[2 * R] = 4;
    put("c", b, sizeof b);
    LOADS(CIFAR "mean = [0.1, 0.2, 0.3]; std = [0.5];", &d);
    assert_true(d->n == 3 && d->shape.nd == 3 && d->shape.d[0] == 3 && d->shape.d[1] == 32 && d->shape.d[2] == 32);
    assert_true(d->label[0] == 9 && d->label[1] == 0 && d->label[2] == 4 && d->classes == 10 && d->n_norm == 3);
    float x[2 * 3072];
    mb_dataset_get(d, 1, 2, x);
    for (int k = 0; k < 2 * 3072; k++) {
        double want = (b[R + k / 3072 * R + 1 + k % 3072] / 255.0 - 0.1 * (1 + k % 3072 / 1024)) / 0.5;
        assert_true(fabs((double)x[k] - want) < 1e-6);
    }
    put_gz("c", b, sizeof b);
    LOADS(CIFAR, &z);
    assert_true(z->hash == d->hash);
    mb_dataset_free(z);
    mb_dataset_free(d);

    static const size_t cut[] = {1, 3072, 3074, 3 * R - 1};
    for (size_t k = 0; k < 4; k++) {
        put("c", b, cut[k]);
        REFUSED(CIFAR, "whole records");
    }
    put("c", b, 0);
    REFUSED(CIFAR, "holds no samples");
    b[R] = 10;
    put("c", b, sizeof b);
    REFUSED(CIFAR, "the label of record 1 is 10");
    b[R] = 0;
    put("c", b, sizeof b);
    REFUSED(CIFAR "labels = \"l\";", "remove the key");
    REFUSED(CIFAR "mean = [0.1, 0.2];", "3 channels");
}

/* --- NPY --- */

#define NPY "format = \"npy\"; images = \"x.npy\"; labels = \"y.npy\"; "

static void put_npy(const char *name, mb_dtype type, int nd, const int64_t *dim, const void *data) {
    assert_ok(mb_npy_write(in_folder(name), type, nd, dim, data));
}

static void npy_types(void **s) {
    (void)s;
    const int64_t dim[] = {3, 2, 2, 5}, n[] = {3};
    const uint8_t y[] = {2, 0, 1};
    union {
        float f32[60];
        double f64[60];
        int8_t i8[60];
        uint8_t u8[60];
        int16_t i16[60];
        uint16_t u16[60];
        int32_t i32[60];
        uint32_t u32[60];
        int64_t i64[60];
    } v;
    put_npy("y.npy", MB_U8, 1, n, y);
    for (int t = MB_F32; t <= MB_BOOL8; t++) {
        double want[60];
        for (int i = 0; i < 60; i++) {
            int k = t == MB_BOOL8 ? i % 3 == 0 : t == MB_U8 || t == MB_U16 || t == MB_U32 ? 3 * i : 2 * i - 60;
            want[i] = k;
            switch ((mb_dtype)t) {
            case MB_F32:
                v.f32[i] = (float)(want[i] = k + 0.25);
                break;
            case MB_F64:
                v.f64[i] = want[i] = k + 0.25;
                break;
            case MB_I8:
                v.i8[i] = (int8_t)k;
                break;
            case MB_U8:
            case MB_BOOL8:
                v.u8[i] = (uint8_t)k;
                break;
            case MB_I16:
                v.i16[i] = (int16_t)(k * 100), want[i] *= 100;
                break;
            case MB_U16:
                v.u16[i] = (uint16_t)(k * 300), want[i] *= 300;
                break;
            case MB_I32:
                v.i32[i] = k * 100000, want[i] *= 100000;
                break;
            case MB_U32:
                v.u32[i] = (uint32_t)k * 10000000u, want[i] *= 10000000;
                break;
            case MB_I64:
                v.i64[i] = (int64_t)k * 10000000000, want[i] *= 1e10;
                break;
            }
        }
        put_npy("x.npy", (mb_dtype)t, 4, dim, &v);
        mb_dataset *d;
        LOADS(NPY "scale = 0.5; mean = [1.0]; std = [4.0];", &d);
        assert_true(d->n == 3 && d->type == (mb_dtype)t && d->shape.nd == 3 && d->shape.d[0] == 2 && d->shape.d[2] == 5 &&
                    d->classes == 3);
        assert_true(d->label[0] == 2 && d->label[1] == 0 && d->label[2] == 1);
        float x[60];
        mb_dataset_get(d, 0, 3, x);
        for (int i = 0; i < 60; i++) assert_true(x[i] == (float)((0.5 * want[i] - 1) / 4));
        mb_dataset_free(d);
        LOADS(NPY, &d);
        assert_true(d->scale == (t == MB_U8 ? 1.0 / 255 : 1.0));
        mb_dataset_free(d);
    }
}

static void npy_shape_and_layout(void **s) {
    (void)s;
    mb_dataset *d;
    const int64_t hwc[] = {2, 3, 5, 4}, flat[] = {2, 60}, n[] = {2};
    const int32_t y[] = {1, 0};
    int16_t v[120];
    float x[120];
    for (int i = 0; i < 120; i++) v[i] = (int16_t)i;
    put_npy("x.npy", MB_I16, 4, hwc, v);
    put_npy("flat.npy", MB_I16, 2, flat, v);
    put_npy("y.npy", MB_I32, 1, n, y);
    static const char *const texts[] = {
        "dataset = { " NPY "layout = \"hwc\"; };",
        "dataset = { " NPY "layout = \"hwc\"; shape = [4, 3, 5]; };",
        "dataset = { " NPY "images = \"flat.npy\"; layout = \"hwc\"; shape = [4, 3, 5]; };",
    };
    for (int t = 0; t < 3; t++) {
        char text[400];
        const char *from = strstr(texts[t], "images = \"flat.npy\"; ");
        if (from) { /* a key may be there once: drop the first */
            snprintf(text, sizeof text, "dataset = { format = \"npy\"; labels = \"y.npy\"; %s", from);
        } else {
            snprintf(text, sizeof text, "%s", texts[t]);
        }
        assert_ok(load(text, &d));
        assert_true(d->shape.nd == 3 && d->shape.d[0] == 4 && d->shape.d[1] == 3 && d->shape.d[2] == 5);
        mb_dataset_get(d, 0, 2, x);
        for (int i = 0; i < 2; i++) {
            for (int c = 0; c < 4; c++) {
                for (int k = 0; k < 15; k++) assert_true(x[i * 60 + c * 15 + k] == (float)(i * 60 + k * 4 + c));
            }
        }
        mb_dataset_free(d);
    }
    LOADS("format = \"npy\"; images = \"flat.npy\"; labels = \"y.npy\"; shape = [6, 10];", &d);
    assert_true(d->shape.nd == 2 && d->shape.d[0] == 6 && d->shape.d[1] == 10);
    mb_dataset_free(d);
    REFUSED(NPY "shape = [7, 10];", "a sample holds 60 numbers");
    REFUSED(NPY "shape = [1.5, 40.0];", "must be integers");
    REFUSED(NPY "shape = [0, 60];", "shape");
    REFUSED(NPY "shape = [1, 1, 1, 1, 1, 1, 60];", "7 axes");
    REFUSED(NPY "shape = [2147483647, 2147483647, 2147483647];", "a sample holds 60 numbers");
    REFUSED(NPY "layout = \"hwc\"; shape = [3, 5, 4];", "C x H x W = 4x3x5");
    REFUSED(NPY "layout = \"whc\";", "layout");
    REFUSED("format = \"npy\"; images = \"flat.npy\"; labels = \"y.npy\"; layout = \"hwc\";", "set shape");
    REFUSED(IDX "layout = \"hwc\";", "layout");
    const int64_t eight[] = {1, 1, 1, 1, 1, 1, 1, 1}, one[] = {2}, none[] = {0, 4};
    put_npy("x.npy", MB_I16, 8, eight, v);
    REFUSED(NPY, "rank 8");
    put_npy("x.npy", MB_I16, 1, one, v);
    REFUSED(NPY, "rank 1");
    put_npy("x.npy", MB_I16, 2, none, v);
    REFUSED(NPY, "x.npy");
}

static void npy_labels(void **s) {
    (void)s;
    mb_dataset *d;
    const int64_t dim[] = {3, 4}, three[] = {3}, column[] = {3, 1}, two[] = {2};
    const float x[12] = {0};
    put_npy("x.npy", MB_F32, 2, dim, x);
    const int64_t wide[] = {7, 0, 2};
    put_npy("y.npy", MB_I64, 1, three, wide);
    LOADS(NPY, &d);
    assert_true(d->label[0] == 7 && d->label[1] == 0 && d->label[2] == 2 && d->classes == 8);
    mb_dataset_free(d);
    put("y.u8", "\3\0\1", 3);
    put_gz("y.u8.gz", "\3\0\1", 3);
    LOADS("format = \"npy\"; images = \"x.npy\"; labels = \"y.u8\";", &d);
    assert_true(d->label[0] == 3 && d->label[1] == 0 && d->label[2] == 1 && d->classes == 4);
    mb_dataset_free(d);
    LOADS("format = \"npy\"; images = \"x.npy\"; labels = \"y.u8.gz\";", &d);
    assert_true(d->label[0] == 3 && d->classes == 4);
    mb_dataset_free(d);

    put("y.u8", "\3\0", 2);
    REFUSED("format = \"npy\"; images = \"x.npy\"; labels = \"y.u8\";", "y.u8 holds 2 labels");
    put_npy("y.npy", MB_I64, 1, two, wide);
    REFUSED(NPY, "y.npy holds 2 labels");
    put_npy("y.npy", MB_I64, 2, column, wide);
    REFUSED(NPY, "one-dimensional");
    put_npy("y.npy", MB_F32, 1, three, x);
    REFUSED(NPY, "integers; this is float32");
    static const int64_t odd[][3] = {{0, -1, 2}, {0, 2147483647, 2}, {0, 4294967296, 2}, {0, INT64_MIN, 2}};
    for (size_t k = 0; k < sizeof odd / sizeof *odd; k++) {
        put_npy("y.npy", MB_I64, 1, three, odd[k]);
        REFUSED(NPY, "the label of sample 1 is ");
    }
    const int64_t large[] = {0, 1, 1 << 25};
    put_npy("y.npy", MB_I64, 1, three, large);
    REFUSED(NPY, "the largest label is 33554432");
    put_npy("y.npy", MB_I64, 1, three, wide);
    REFUSED(NPY "classes = 7;", "the label of sample 0 is 7, outside 0..6");
}

static void npy_not_finite(void **s) {
    (void)s;
    const int64_t dim[] = {3, 4}, n[] = {3};
    const uint8_t y[] = {0, 0, 0};
    put_npy("y.npy", MB_U8, 1, n, y);
    for (int k = 0; k < 4; k++) {
        float x[12] = {0};
        x[7] = k == 0 ? NAN : k == 1 ? INFINITY : -INFINITY;
        double w[12] = {0};
        w[7] = k == 3 ? 1e39 : (double)x[7]; /* beyond float32 */
        if (k < 3) {
            put_npy("x.npy", MB_F32, 2, dim, x);
            REFUSED(NPY, k ? "number 3 of sample 1 is infinite" : "number 3 of sample 1 is NaN");
        }
        put_npy("x.npy", MB_F64, 2, dim, w);
        REFUSED(NPY, k ? "number 3 of sample 1 is infinite" : "number 3 of sample 1 is NaN");
    }
    const int64_t big[12] = {INT64_MAX};
    put_npy("x.npy", MB_I64, 2, dim, big);
    REFUSED(NPY "scale = 1e30;", "infinite");
}

/* --- choice of samples, normalisation, keys --- */

static void first_and_count(void **s) {
    (void)s;
    mb_dataset *d;
    put_idx();
    LOADS(IDX "first = 2; count = 3;", &d);
    assert_int_equal(d->n, 3);
    assert_memory_equal(d->raw, images + 16 + 2 * PIXELS, 3 * PIXELS);
    for (int i = 0; i < 3; i++) assert_int_equal(d->label[i], ((i + 2) * 7 + 3) % 5);
    assert_int_equal(d->classes, 5); /* of the whole file */
    mb_dataset_free(d);
    LOADS(IDX "first = 5;", &d);
    assert_int_equal(d->n, 1);
    assert_memory_equal(d->raw, images + 16 + 5 * PIXELS, PIXELS);
    mb_dataset_free(d);
    REFUSED(IDX "first = 6;", "beyond its 6 samples");
    REFUSED(IDX "count = 7;", "beyond its 6 samples");
    REFUSED(IDX "first = 4; count = 3;", "beyond its 6 samples");
    REFUSED(IDX "first = 2147483647; count = 2147483647;", "beyond its 6 samples");
    REFUSED(IDX "first = -1;", "first");
}

static void normalisation(void **s) {
    (void)s;
    mb_dataset *d;
    uint8_t b[16 + 4 + 48];
    const uint32_t dim[] = {2, 3, 2, 4};
    size_t n = idx(b, 4, dim, 256);
    float x[48];
    put("i", b, n);
    put("l", labels, idx(labels, 1, dim, 2));
    LOADS(IDX "scale = 2.0; mean = [10.0, 20.0, 30.0]; std = [1.0, 2.0, 0.5];", &d);
    assert_int_equal(d->n_norm, 3);
    mb_dataset_get(d, 0, 2, x);
    for (int i = 0; i < 48; i++) {
        static const double mean[] = {10, 20, 30}, std[] = {1, 2, 0.5};
        int c = i / 8 % 3;
        assert_true(x[i] == (float)((2.0 * b[20 + i] - mean[c]) / std[c]));
    }
    mb_dataset_free(d);
    LOADS(IDX "mean = [0.5]; std = [1.0, 2.0, 4.0];", &d);
    mb_dataset_get(d, 0, 2, x);
    for (int i = 0; i < 48; i++) assert_true(x[i] == (float)((1.0 / 255 * b[20 + i] - 0.5) / (1 << i / 8 % 3)));
    mb_dataset_free(d);
    REFUSED(IDX "mean = [0.5, 0.5];", "mean has 2 and std 1 values");
    REFUSED(IDX "std = [0.5, 0.5, 0.5, 0.5];", "3 channels");
    REFUSED(IDX "std = [0.0];", "std");
    REFUSED(IDX "std = [1.0, -2.0, 1.0];", "std");
    REFUSED(IDX "std = [];", "std");
    REFUSED(IDX "scale = -1.0;", "scale");
    REFUSED(IDX "scale = 1e30; std = [1e-30];", "float32");
    REFUSED(IDX "scale = \"big\";", "scale");
}

static void keys(void **s) {
    (void)s;
    mb_dataset *d;
    put_idx();
    REFUSED("images = \"i\"; labels = \"l\";", "no key 'format' (one of: idx, cifar10, npy)");
    REFUSED("format = \"idy\"; images = \"i\"; labels = \"l\";", "did you mean \"idx\"?");
    REFUSED("format = 3; images = \"i\"; labels = \"l\";", "must be a string");
    REFUSED("format = \"idx\"; labels = \"l\";", "no key 'images'");
    REFUSED("format = \"idx\"; images = \"i\";", "no key 'labels'");
    REFUSED("format = \"idx\"; images = 7; labels = \"l\";", "file name");
    REFUSED("format = \"idx\"; images = []; labels = \"l\";", "empty list");
    REFUSED("format = \"idx\"; images = [\"\"]; labels = \"l\";", "file name");
    REFUSED(IDX "lables = \"l\";", "lables");
    REFUSED(IDX "clases = 5;", "classes"); /* the nearest name */
    REFUSED(IDX "classes = 5.5;", "classes");
    REFUSED(IDX "classes = -1;", "classes");
    assert_fails(load("dataset = { format = \"idx\";\n images = \"i\";\n labels = \"l\";\n clases = 5; };", &d), MB_BADINPUT,
                 "experiment.cfg:4");

    mb_conf *root = NULL;
    assert_ok(mb_conf_parse("dataset = [1, 2];", label, &root));
    assert_fails(mb_dataset_load(mb_conf_find(root, "dataset"), &d), MB_BADINPUT, "must be a group");
    mb_conf_free(root);
    /* the tree then holds the defaults and absolute paths */
    mb_conf *c = group_of("dataset = { " IDX " };", label, &root);
    assert_ok(mb_dataset_load(c, &d));
    assert_non_null(mb_conf_find(c, "std"));
    assert_string_equal(mb_conf_find(c, "images")->s, in_folder("i"));
    mb_dataset_free(d);
    mb_conf_free(root);
}

static void candidates(void **s) {
    (void)s;
    mb_dataset *d;
    put_idx();
    LOADS("format = \"idx\"; images = [\"no/such\", \"i\"]; labels = [\"no/labels\", \"l\"];", &d);
    assert_string_equal(d->source, in_folder("i"));
    mb_dataset_free(d);
    REFUSED("format = \"idx\"; images = [\"no/such\", \"nor/this\"]; labels = [\"l\", \"l\"];", "no/such\n");
    REFUSED("format = \"idx\"; images = [\"no/such\", \"nor/this\"]; labels = [\"l\", \"l\"];", "nor/this\n    correct the path");
    REFUSED("format = \"idx\"; images = [\"no/such\", \"i\"]; labels = [\"l\", \"no/labels\"];", "no/labels");
    REFUSED("format = \"idx\"; images = [\"no/such\", \"i\"]; labels = \"l\";", "labels names 1 files but ");
    REFUSED("format = \"idx\"; images = \".\"; labels = \"l\";", "a folder stands where a file is wanted");
    REFUSED("format = \"idx\"; images = [\"/usr/share/datasets/fashion-mnist/nothing\", \"no/such\"]; labels = [\"l\", \"l\"];",
            "apt-get install dataset-fashion-mnist");
    /* the taken file is broken: no second choice */
    put("broken", images, 30);
    REFUSED("format = \"idx\"; images = [\"broken\", \"i\"]; labels = [\"l\", \"l\"];", "broken: the header says");

    /* a preset in another folder: files beside it come first, then those beside the experiment; never those of the current
     * folder */
    assert_ok(mb_file_mkdirs(in_folder("presets")));
    const char preset[] = "format = \"idx\"; images = \"i\"; labels = \"l\"; classes = 7;\n";
    put("presets/p.cfg", preset, sizeof preset - 1);
    assert_ok(load("dataset = \"presets/p.cfg\";", &d));
    assert_string_equal(d->source, in_folder("i"));
    assert_int_equal(d->classes, 7);
    mb_dataset_free(d);
    put("presets/i", images, sizeof images);
    put("presets/l", labels, sizeof labels);
    assert_ok(load("dataset = { preset = \"presets/p.cfg\"; classes = 9; };", &d));
    assert_string_equal(d->source, in_folder("presets/i"));
    assert_int_equal(d->classes, 9);
    mb_dataset_free(d);
    char here[4096];
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(in_folder("presets")), 0);
    int rc = load_as("dataset = { " IDX " };", "../nowhere/e.cfg", &d);
    assert_int_equal(chdir(here), 0);
    assert_fails(rc, MB_BADINPUT, "no such file");
}

/* --- does it fit --- */

static void fits(void **s) {
    (void)s;
    char name[] = "net";
    mb_layer layer[2] = {{.name = name, .shape = {3, {1, H, WIDTH}}}, {.name = name, .shape = {1, {5}}}};
    mb_network net = {.name = name, .path = name, .layer = layer, .n_layers = 2, .input = 0, .output = 1};
    mb_dataset *d;
    put_idx();
    LOADS(IDX, &d);
    assert_ok(mb_dataset_fits(d, &net));
    layer[0].shape = (mb_shape){1, {PIXELS}};
    assert_ok(mb_dataset_fits(d, &net));
    layer[0].shape = (mb_shape){3, {1, WIDTH, H}};
    assert_fails(mb_dataset_fits(d, &net), MB_BADINPUT, "1x4x3");
    layer[0].shape = (mb_shape){3, {3, H, WIDTH}};
    assert_fails(mb_dataset_fits(d, &net), MB_BADINPUT, "3x4x3 (36 numbers)");
    layer[0].shape = (mb_shape){3, {1, H, WIDTH}};
    layer[1].shape.d[0] = 10; /* inferred classes are a lower bound */
    assert_ok(mb_dataset_fits(d, &net));
    layer[1].shape.d[0] = 4;
    assert_fails(mb_dataset_fits(d, &net), MB_BADINPUT, "has 5 classes but network net has 4 outputs");
    mb_dataset_free(d);
    LOADS(IDX "classes = 5;", &d);
    layer[1].shape.d[0] = 5;
    assert_ok(mb_dataset_fits(d, &net));
    layer[1].shape.d[0] = 10;
    assert_fails(mb_dataset_fits(d, &net), MB_BADINPUT, "has 5 classes but network net has 10 outputs");
    mb_dataset_free(d);
    const uint32_t flat[] = {6, PIXELS};
    uint8_t b[sizeof images];
    put("i", b, idx(b, 2, flat, 256));
    LOADS(IDX "classes = 10;", &d);
    assert_ok(mb_dataset_fits(d, &net));
    mb_dataset_free(d);
}

/* --- torture: mutated files, and memory that ends --- */

static uint64_t state = 0x9E3779B97F4A7C15ull;
static uint64_t next(void) {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 2685821657736338717ull;
}

/* Load TEXT 2,000 times with a few bytes of the first HEAD bytes of NAME changed, sometimes also its length. */
static void mutate(const char *text, const char *name, size_t head) {
    static const uint8_t edge[] = {0, 1, 0x7f, 0x80, 0xff, '0', '9', '{', '\''};
    uint8_t good[4096], b[4096 + 16];
    size_t n = get(name, good, sizeof good), loaded = 0;
    long live = mb_mem_live();
    assert_true(n >= head && n < sizeof good);
    for (int round = 0; round < 2000; round++) {
        size_t m = n;
        memcpy(b, good, n);
        for (uint64_t k = next() % 4; k < 4; k++) b[next() % head] = next() % 2 ? edge[next() % sizeof edge] : (uint8_t)next();
        if (next() % 4 == 0) m = next() % (n + 16);
        if (m > n) memset(b + n, 0x20, m - n);
        put(name, b, m);
        mb_dataset *d;
        int rc = load(text, &d);
        if (rc == MB_OK) {
            size_t count = mb_shape_count(&d->shape);
            float *x = malloc(d->n * count * sizeof *x);
            assert_non_null(x);
            mb_dataset_get(d, 0, d->n, x);
            for (size_t i = 0; i < d->n * count; i++) assert_true(isfinite(x[i]));
            for (size_t i = 0; i < d->n; i++) assert_true(d->label[i] >= 0 && d->label[i] < d->classes);
            free(x);
            mb_dataset_free(d);
            loaded++;
        } else {
            assert_int_equal(rc, MB_BADINPUT);
            assert_non_null(strstr(mb_error_message(), folder)); /* names the file */
            mb_error_clear();
        }
        assert_int_equal(mb_mem_live(), live);
    }
    assert_true(loaded < 2000); /* the changes did something */
    put(name, good, n);
}

static void mutated_files(void **s) {
    (void)s;
    put_idx();
    mutate("dataset = { " IDX " };", "i", 16);
    mutate("dataset = { " IDX " };", "l", 8);
    const int64_t dim[] = {3, 2, 5}, n[] = {3};
    const float x[30] = {1, 2, 3};
    const int32_t y[] = {0, 1, 2};
    put_npy("x.npy", MB_F32, 3, dim, x);
    put_npy("y.npy", MB_I32, 1, n, y);
    mutate("dataset = { " NPY " };", "x.npy", 80);
    mutate("dataset = { " NPY " };", "y.npy", 80);
}

static void memory_ends(void **s) {
    (void)s;
    static const char *const texts[] = {"dataset = { " IDX "first = 1; };",
                                        "dataset = { " NPY "layout = \"hwc\"; mean = [0.0, 1.0]; };"};
    const int64_t dim[] = {3, 2, 5, 2}, n[] = {3};
    const float x[60] = {1, 2, 3};
    const int32_t y[] = {0, 1, 2};
    put_idx();
    put_npy("x.npy", MB_F32, 4, dim, x);
    put_npy("y.npy", MB_I32, 1, n, y);
    for (int t = 0; t < 2; t++) {
        long live = mb_mem_live();
        int rc = MB_SYSTEM, failed = 0;
        for (int k = 1; k <= 400; k++) {
            mb_conf *root = NULL, *c = group_of(texts[t], label, &root);
            mb_dataset *d = NULL;
            mb_mem_fail_after(k);
            rc = mb_dataset_load(c, &d);
            mb_mem_fail_after(-1);
            if (rc == MB_OK) {
                assert_int_equal(d->n, t ? 3 : SAMPLES - 1); /* one that is not needed may fail */
            } else {
                assert_int_equal(rc, MB_SYSTEM);
                assert_null(d);
                mb_error_clear();
                failed++;
            }
            mb_dataset_free(d);
            mb_conf_free(root);
            assert_int_equal(mb_mem_live(), live);
        }
        assert_int_equal(rc, MB_OK); /* 400 are more than it makes */
        assert_in_range(failed, 20, 399);
    }
}

/* --- the files that ship --- */

static void check_fashion(const char *preset, size_t n, const int *per_class, mb_dataset **out) {
    char text[200];
    int count[10] = {0};
    mb_dataset *d;
    snprintf(text, sizeof text, "dataset = { preset = \"%s\"; count = %zu; };", preset, n);
    assert_ok(load(text, &d));
    assert_true(d->n == n && d->classes == 10 && d->shape.nd == 3 && d->shape.d[0] == 1 && d->shape.d[1] == 28 &&
                d->shape.d[2] == 28);
    for (size_t i = 0; i < n; i++) count[d->label[i]]++;
    assert_memory_equal(count, per_class, sizeof count);
    *out = d;
}

static void shipped(void **s) {
    (void)s;
    static const int test[10] = {107, 105, 111, 93, 115, 87, 97, 95, 95, 95},
                     calib[10] = {30, 28, 23, 25, 25, 28, 28, 25, 24, 20};
    mb_dataset *a, *b, *c;
    check_fashion("fashion-mnist-fallback", 1000, test, &a);
    assert_non_null(strstr(a->source, "fashion-test-1000-images-idx3-ubyte.gz"));
    check_fashion("fashion-mnist", 1000, test, &b); /* the package's, where it is installed: then the same images */
    assert_true(a->hash == b->hash);
    check_fashion("fashion-mnist-standardised", 1000, test, &c);
    assert_true(a->hash == c->hash);
    float x[784], y[784];
    mb_dataset_get(a, 123, 1, x);
    mb_dataset_get(c, 123, 1, y);
    float most = 0;
    for (int i = 0; i < 784; i++) {
        assert_true(x[i] >= 0 && x[i] <= 1);
        assert_true(fabs((double)y[i] - ((double)x[i] - 0.286) / 0.353) < 1e-6);
        if (x[i] > most) most = x[i];
    }
    assert_true(most > 0.5f);
    mb_dataset_free(a);
    mb_dataset_free(b);
    mb_dataset_free(c);
    check_fashion("fashion-mnist-train", 256, calib, &a);
    check_fashion("fashion-mnist-train-standardised", 256, calib, &b);
    assert_true(a->hash == b->hash && b->mean[0] == 0.286);
    mb_dataset_free(a);
    mb_dataset_free(b);
    char beside[4200]; /* and the shipped calibration images themselves, as if from an experiment beside them */
    snprintf(beside, sizeof beside, "%s/experiments/data/experiment.cfg", srcdir());
    assert_ok(load_as("dataset = { preset = \"fashion-mnist-train\"; images = \"fashion-calib-256-images-idx3-ubyte.gz\";"
                      " labels = \"fashion-calib-256-labels-idx1-ubyte.gz\"; };", beside, &a));
    assert_int_equal(a->n, 256);
    assert_ok(load("dataset = { preset = \"fashion-mnist-train\"; count = 256; };", &b));
    assert_true(a->hash == b->hash);
    mb_dataset_free(a);
    mb_dataset_free(b);
}

/* Presets whose files the user brings: from the shared test data, where they are */
static void shared_data(void **s) {
    (void)s;
    const char *shared = getenv("MIXBAR_SHARED");
    char data[4096], text[9000], file[4300];
    snprintf(data, sizeof data, "%s%s/data", shared ? shared : srcdir(), shared ? "" : "/../shared");
    if (!mb_dir_exists(data)) {
        print_message("# skip: %s is not there\n", data);
        return; /* not skip(): cmocka writes that as "not ok" */
    }
    mb_dataset *d;
    snprintf(file, sizeof file, "%s/experiment.cfg", data); /* mnist/ lies beside this experiment */
    assert_ok(load_as("dataset = \"mnist\";", file, &d));
    assert_true(d->n == 10000 && d->classes == 10);
    mb_dataset_free(d);
    assert_ok(load_as("dataset = { preset = \"cifar10\"; images = \"cifar10/test_batch_first1017.bin\"; };", file, &d));
    assert_true(d->n == 1017 && d->label[0] == 3 && d->label[1] == 8); /* a cat, a ship */
    mb_dataset_free(d);
    snprintf(
        text, sizeof text,
        "dataset = { format = \"npy\"; images = \"kws/kws01_mfcc_int8_1000x49x10.npy\"; labels = \"kws/kws01_labels_1000.u8\";"
        " scale = 0.5847029089927673; mean = [48.53034144639969]; shape = [1, 49, 10]; };");
    assert_ok(load_as(text, file, &d));
    assert_true(d->n == 1000 && d->type == MB_I8 && d->shape.nd == 3 && d->classes == 12);
    mb_dataset_free(d);
}

/* Samples that two sets share. */
static void common(void **s) {
    (void)s;
    mb_dataset *a, *b;
    int64_t n;
    char file[512];
    snprintf(file, sizeof file, "%s/experiments/quickstart.cfg", srcdir());
    assert_ok(load_as("dataset = \"fashion-mnist-fallback\";", file, &a));
    assert_ok(load_as("dataset = { preset = \"fashion-mnist-fallback\"; first = 30; count = 50; };", file, &b));
    assert_ok(mb_dataset_common(a, 20, a, 40, &n));
    assert_int_equal(n, 20);
    assert_ok(mb_dataset_common(a, 40, b, 5, &n)); /* samples 30..34 */
    assert_int_equal(n, 5);
    assert_ok(mb_dataset_common(b, 50, a, 40, &n)); /* 30..39 */
    assert_int_equal(n, 10);
    assert_ok(mb_dataset_common(a, 30, b, 50, &n));
    assert_int_equal(n, 0);
    mb_dataset_free(a);
    mb_dataset_free(b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idx_good),      cmocka_unit_test(idx_bad),        cmocka_unit_test(gzip_bad),
        cmocka_unit_test(cifar10),       cmocka_unit_test(npy_types),      cmocka_unit_test(npy_shape_and_layout),
        cmocka_unit_test(npy_labels),    cmocka_unit_test(npy_not_finite), cmocka_unit_test(first_and_count),
        cmocka_unit_test(normalisation), cmocka_unit_test(keys),           cmocka_unit_test(candidates),
        cmocka_unit_test(fits),          cmocka_unit_test(mutated_files),  cmocka_unit_test(memory_ends),
        cmocka_unit_test(shipped),       cmocka_unit_test(shared_data),   cmocka_unit_test(common),
    };
    return cmocka_run_group_tests_name("dataset", tests, make_folder, remove_folder);
}
