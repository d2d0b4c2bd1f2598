/* NPY: good arrays of all types, and headers that lie */
#include "mbtest.h"

#include <math.h>
#include <unistd.h>
#include <zlib.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/npy.h"
#include "base/rng.h"

static char path[64];

static int enter(void **state) {
    (void)state;
    snprintf(path, sizeof path, "/tmp/mixbar-test-npy-XXXXXX");
    int fd = mkstemp(path);
    if (fd >= 0) close(fd);
    return fd < 0;
}

static int leave(void **state) {
    (void)state;
    return unlink(path);
}

/* A file with version V, the dict DICT (padded with a line end) and N zero bytes of data. */
static void put(int v, const char *dict, size_t n) {
    static uint8_t buf[70000];
    size_t len = strlen(dict), at = v == 2 ? 12 : 10;
    memset(buf, 0, sizeof buf);
    memcpy(buf, "\x93NUMPY", 6);
    buf[6] = (uint8_t)v;
    buf[8] = (uint8_t)(len + 1);
    buf[9] = (uint8_t)((len + 1) >> 8);
    memcpy(buf + at, dict, len);
    buf[at + len] = '\n';
    assert_ok(mb_file_write(path, buf, at + len + 1 + n));
}

static void arrays_of_every_type_come_back(void **state) {
    (void)state;
    static const struct { mb_dtype t; size_t size; const char *name; } types[] = {
        {MB_F32, 4, "float32"}, {MB_F64, 8, "float64"}, {MB_I8, 1, "int8"},   {MB_U8, 1, "uint8"}, {MB_I16, 2, "int16"},
        {MB_U16, 2, "uint16"},  {MB_I32, 4, "int32"},   {MB_U32, 4, "uint32"}, {MB_I64, 8, "int64"}, {MB_BOOL8, 1, "bool"}};
    static const int64_t shapes[][3] = {{2, 3, 4}, {24, 1, 1}, {1, 24, 1}, {6, 4, 1}, {0, 5, 1}, {1, 1, 1}};
    uint8_t data[24 * 8];
    for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)(i * 37 + 1);
    for (size_t k = 0; k < sizeof types / sizeof *types; k++) {
        assert_int_equal(mb_dtype_size(types[k].t), types[k].size);
        assert_string_equal(mb_dtype_name(types[k].t), types[k].name);
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
            for (int nd = s == 5 ? 0 : 1; nd <= 3; nd++) {
                mb_npy a;
                size_t count = 1;
                for (int i = 0; i < nd; i++) count *= (size_t)shapes[s][i];
                assert_ok(mb_npy_write(path, types[k].t, nd, shapes[s], data));
                assert_ok(mb_npy_read(path, &a));
                assert_int_equal(a.type, types[k].t);
                assert_int_equal(a.nd, nd);
                assert_int_equal(a.count, count);
                for (int i = 0; i < nd; i++) assert_int_equal(a.dim[i], shapes[s][i]);
                assert_memory_equal(a.data, data, count * types[k].size);
                assert_int_equal((uintptr_t)a.data % 64, 0);
                mb_npy_free(&a);
            }
        }
    }
    uint8_t *d;
    size_t n;
    static const int64_t dim[2] = {2, 3};
    assert_ok(mb_npy_write(path, MB_F32, 2, dim, data));
    assert_ok(mb_file_read(path, 0, &d, &n));
    assert_int_equal(n, 64 + 24 + 64); /* the header as numpy 1.x and 2.x write it: data on a multiple of 64 */
    assert_memory_equal(d, "\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }   ", 72);
    assert_int_equal(d[127], '\n');
    mb_free(d);
    int64_t one = 7;
    assert_ok(mb_npy_write(path, MB_U8, 1, &one, data));
    assert_ok(mb_file_read(path, 0, &d, &n));
    assert_non_null(strstr((char *)d + 10, "'shape': (7,), }"));
    mb_free(d);
    int64_t neg = -1;
    assert_int_equal(mb_npy_write(path, MB_U8, 1, &neg, data), MB_BUG);
    assert_int_equal(mb_npy_write(path, MB_U8, 9, dim, data), MB_BUG);
    mb_error_clear();
    assert_int_equal(mb_mem_live(), 0);
}

static void spellings_of_the_header(void **state) {
    (void)state;
    mb_npy a;
    static const char *const good[] = {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }",
                                       "{\"shape\":(2,3),\"fortran_order\":False,\"descr\":\"<f4\"}",
                                       " { 'descr' : '=f4' , 'fortran_order' : False , 'shape' : ( 2 , 3 , ) } \n\n",
                                       "{'descr': 'f4', 'fortran_order': False, 'shape': (6,)}",
                                       "{'descr': '<i4', 'fortran_order': False, 'shape': (1, 1, 1, 1, 1, 1, 1, 6), }",
                                       "{'descr': '>u1', 'fortran_order': False, 'shape': (24,), }"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        for (int v = 1; v <= 2; v++) {
            put(v, good[i], 24);
            assert_ok(mb_npy_read(path, &a));
            assert_int_equal(a.count * mb_dtype_size(a.type), 24);
            mb_npy_free(&a);
        }
    }
    put(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (), }", 8);
    assert_ok(mb_npy_read(path, &a));
    assert_int_equal(a.nd, 0);
    assert_int_equal(a.count, 1);
    mb_npy_free(&a);
    /* gzip */
    int64_t dim = 5;
    static const int16_t v[5] = {1, -2, 3, -4, 5};
    uint8_t *raw;
    size_t n;
    assert_ok(mb_npy_write(path, MB_I16, 1, &dim, v));
    assert_ok(mb_file_read(path, 0, &raw, &n));
    gzFile z = gzopen(path, "wb");
    assert_non_null(z);
    assert_int_equal(gzwrite(z, raw, (unsigned)n), (int)n);
    gzclose(z);
    mb_free(raw);
    assert_ok(mb_npy_read(path, &a));
    assert_memory_equal(a.data, v, sizeof v);
    mb_npy_free(&a);
}

static void headers_that_lie_are_refused(void **state) {
    (void)state;
    static const struct { const char *dict; size_t n; const char *message; } t[] = {
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 23, "truncated"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 25, "after the end"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 0, "2 x 3 of float32"},
        {"{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }", 24, "ascontiguousarray"},
        {"{'descr': '>f4', 'fortran_order': False, 'shape': (2, 3), }", 24, "astype('<f4')"},
        {"{'descr': '>i2', 'fortran_order': False, 'shape': (12,), }", 24, "big endian"},
        {"{'descr': [('a', '<f4'), ('b', '<i4')], 'fortran_order': False, 'shape': (3,), }", 24, "structured"},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (3,), }", 24, "Python objects"},
        {"{'descr': '<c8', 'fortran_order': False, 'shape': (3,), }", 24, "'<c8' is not supported"},
        {"{'descr': '<f2', 'fortran_order': False, 'shape': (12,), }", 24, "not supported"},
        {"{'descr': '<u8', 'fortran_order': False, 'shape': (3,), }", 24, "not supported"},
        {"{'descr': '<U6', 'fortran_order': False, 'shape': (1,), }", 24, "not supported"},
        {"{'descr': '\x1b[31m', 'fortran_order': False, 'shape': (1,), }", 24, "'?[31m'"},
        {"{'descr': '', 'fortran_order': False, 'shape': (1,), }", 24, "not supported"},
        {"{'descr': 4, 'fortran_order': False, 'shape': (1,), }", 24, "no text"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-2, -3), }", 24, "negative"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", 24, "does not fit"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 2), }", 24, "does not fit"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904,), }", 0, "does not fit"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999999,), }", 24, "over 64 bits"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }", 24, "truncated"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (0, 9223372036854775807, 4), }", 24, "after the end"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,6), }", 24, "more than 8"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': 6, }", 24, "no tuple"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (6 }", 24, "without end"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (6", 24, "without end"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2.0, 3), }", 24, "without end"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (x,), }", 24, "integers"},
        {"{'descr': '<f4', 'fortran_order': 0, 'shape': (6,), }", 24, "neither True nor False"},
        {"{'descr': '<f4', 'shape': (6,), }", 24, "lacks"},
        {"{'descr': '<f4', 'fortran_order': False, }", 24, "lacks"},
        {"{}", 24, "lacks"},
        {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (6,), }", 24, "twice"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (6,), 'x': 1}", 24, "does not belong"},
        {"{'descr': '<f4' 'fortran_order': False, 'shape': (6,), }", 24, "damaged"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (6,), } x", 24, "after its dict"},
        {"{'descr': '<f4", 24, "'descr' that is no text"},
        {"('descr')", 24, "no Python dict"},
        {"", 24, "no Python dict"},
    };
    mb_npy a;
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        put(1, t[i].dict, t[i].n);
        int rc = mb_npy_read(path, &a);
        if (rc != MB_BADINPUT || !strstr(mb_error_message(), t[i].message) || !strstr(mb_error_message(), path))
            fail_msg("case %zu: status %d, message '%s' lacks '%s'", i, rc, mb_error_message(), t[i].message);
        assert_null(a.data);
        mb_error_clear();
    }
    put(3, "{'descr': '<f4', 'fortran_order': False, 'shape': (6,), }", 24);
    assert_fails(mb_npy_read(path, &a), MB_BADINPUT, "version 3");
    assert_ok(mb_file_write(path, "PK\x03\x04 a zip file is no array", 20));
    assert_fails(mb_npy_read(path, &a), MB_BADINPUT, "no NPY file");
    assert_fails(mb_npy_read("/tmp/no/such.npy", &a), MB_BADINPUT, "no/such.npy");
    assert_int_equal(mb_mem_live(), 0);
}

static void cut_and_changed_files_do_not_crash(void **state) {
    (void)state;
    uint8_t file[256];
    static const float data[6] = {1, 2, 3, 4, 5, 6};
    static const int64_t dim[2] = {2, 3};
    uint8_t *d;
    size_t n;
    mb_npy a;
    assert_ok(mb_npy_write(path, MB_F32, 2, dim, data));
    assert_ok(mb_file_read(path, 0, &d, &n));
    assert_true(n <= sizeof file);
    memcpy(file, d, n);
    mb_free(d);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    for (size_t k = 0; k < n; k++) { /* plain writes: 150 times fsync would be slow */
        rewind(f);
        assert_int_equal(ftruncate(fileno(f), 0), 0);
        assert_int_equal(fwrite(file, 1, k, f), k);
        fflush(f);
        assert_int_equal(mb_npy_read(path, &a), MB_BADINPUT);
        mb_error_clear();
    }
    mb_stream r;
    mb_stream_init(&r, 5, MB_RNG_TEST, 0, 0, 0);
    static const char odd[] = "{}()[]',:-0123456789 \"FT<>|=fiuO\n";
    for (int k = 0; k < 3000; k++) {
        uint8_t bad[256];
        memcpy(bad, file, n);
        for (unsigned i = 0, m = 1 + mb_stream_u32(&r) % 4; i < m; i++) {
            size_t at = mb_stream_u32(&r) % 76;
            bad[at] = k % 2 ? (uint8_t)odd[mb_stream_u32(&r) % (sizeof odd - 1)] : (uint8_t)mb_stream_u32(&r);
        }
        rewind(f);
        assert_int_equal(ftruncate(fileno(f), 0), 0);
        assert_int_equal(fwrite(bad, 1, n, f), n);
        fflush(f);
        int rc = mb_npy_read(path, &a);
        assert_true(rc == MB_OK || rc == MB_BADINPUT);
        if (rc == MB_OK) assert_int_equal(a.count * mb_dtype_size(a.type), n - 128);
        mb_npy_free(&a);
        mb_error_clear();
    }
    fclose(f);
    assert_int_equal(mb_mem_live(), 0);
}

static void numbers_are_converted(void **state) {
    (void)state;
    float f[4];
    double d[4];
    int64_t i[4];
    int8_t i8[4] = {-128, -1, 0, 127};
    mb_npy a = {MB_I8, 1, {4}, 4, i8};
    mb_npy_to_f32(&a, f);
    mb_npy_to_f64(&a, d);
    assert_ok(mb_npy_to_i64(&a, i));
    for (int k = 0; k < 4; k++) assert_true(f[k] == (float)i8[k] && d[k] == (double)i8[k] && i[k] == i8[k]);
    uint32_t u32[4] = {0, 1, 4294967295u, 2147483648u};
    a = (mb_npy){MB_U32, 1, {4}, 4, u32};
    mb_npy_to_f64(&a, d);
    assert_ok(mb_npy_to_i64(&a, i));
    for (int k = 0; k < 4; k++) assert_true(d[k] == (double)u32[k] && i[k] == (int64_t)u32[k]);
    uint8_t b[4] = {0, 1, 2, 255};
    a = (mb_npy){MB_BOOL8, 1, {4}, 4, b};
    mb_npy_to_f32(&a, f);
    assert_ok(mb_npy_to_i64(&a, i));
    for (int k = 0; k < 4; k++) assert_true(f[k] == (k ? 1.0f : 0.0f) && i[k] == (k != 0));
    double r[4] = {1, -3, 1e15, 0.5};
    a = (mb_npy){MB_F64, 1, {4}, 3, r};
    assert_ok(mb_npy_to_i64(&a, i));
    assert_true(i[0] == 1 && i[1] == -3 && i[2] == 1000000000000000);
    a.count = 4;
    assert_fails(mb_npy_to_i64(&a, i), MB_BADINPUT, "element 3 of the array is 0.5");
    static const double never[] = {(double)NAN, HUGE_VAL, -HUGE_VAL, 0x1p63, -0x1.1p63};
    for (size_t k = 0; k < sizeof never / sizeof *never; k++) {
        r[0] = never[k];
        assert_fails(mb_npy_to_i64(&a, i), MB_BADINPUT, "element 0");
    }
    float r32[2] = {8388608.0f, 0.25f};
    a = (mb_npy){MB_F32, 1, {2}, 2, r32};
    assert_fails(mb_npy_to_i64(&a, i), MB_BADINPUT, "element 1");
    assert_true(i[0] == 8388608);
    mb_npy_to_f64(&a, d);
    assert_true(d[1] == 0.25);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrays_of_every_type_come_back), cmocka_unit_test(spellings_of_the_header),
        cmocka_unit_test(headers_that_lie_are_refused),   cmocka_unit_test(cut_and_changed_files_do_not_crash),
        cmocka_unit_test(numbers_are_converted),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
