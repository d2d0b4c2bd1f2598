/* files: reading, gzip, atomic writing, paths, the search for presets */
#include "mbtest.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

static char root[64]; /* a folder of our own; every test works inside it as current folder */
static char home[4096];

static void put(const char *path, const char *text) { assert_ok(mb_file_write(path, text, strlen(text))); }

static void remove_tree(const char *path) {
    DIR *d = opendir(path);
    struct dirent *e;
    while (d && (e = readdir(d))) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        char *p = mb_path_join(path, e->d_name);
        struct stat st;
        if (lstat(p, &st) == 0 && S_ISDIR(st.st_mode)) {
            remove_tree(p);
        } else {
            unlink(p);
        }
        mb_free(p);
    }
    if (d) closedir(d);
    rmdir(path);
}

static int enter(void **state) {
    (void)state;
    snprintf(root, sizeof root, "/tmp/mixbar-test-file-XXXXXX");
    unsetenv("MIXBAR_PATH");
    return getcwd(home, sizeof home) && mkdtemp(root) && chdir(root) == 0 ? 0 : -1;
}

static int leave(void **state) {
    (void)state;
    int rc = chdir(home);
    remove_tree(root);
    return rc;
}

static int entries(const char *path) {
    int n = 0;
    DIR *d = opendir(path);
    while (d && readdir(d)) n++;
    if (d) closedir(d);
    return n - 2;
}

static void whole_files(void **state) {
    (void)state;
    uint8_t *d;
    size_t n;
    static const uint8_t bytes[] = {0, 255, '\n', 0, 7};
    assert_ok(mb_file_write("a.bin", bytes, sizeof bytes));
    assert_ok(mb_file_read("a.bin", 0, &d, &n));
    assert_int_equal(n, sizeof bytes);
    assert_memory_equal(d, bytes, n);
    assert_int_equal(d[n], 0);
    mb_free(d);
    assert_ok(mb_file_read("a.bin", 5, &d, &n));
    mb_free(d);
    assert_fails(mb_file_read("a.bin", 4, &d, &n), MB_BADINPUT, "too large");
    assert_null(d);
    assert_fails(mb_file_read("none.bin", 0, &d, &n), MB_BADINPUT, "none.bin");
    assert_fails(mb_file_read(".", 0, &d, &n), MB_BADINPUT, "folder");
    assert_fails(mb_file_read("a.bin/x", 0, &d, &n), MB_BADINPUT, "a.bin/x");
    assert_fails(mb_file_read("", 0, &d, &n), MB_BADINPUT, "empty");
    assert_fails(mb_file_read("/dev/zero", 100000, &d, &n), MB_BADINPUT, "too large");
    assert_ok(mb_file_read("/dev/null", 0, &d, &n));
    assert_int_equal(n, 0);
    assert_int_equal(d[0], 0);
    mb_free(d);
    put("empty", "");
    assert_ok(mb_file_read("empty", 0, &d, &n));
    assert_int_equal(n, 0);
    mb_free(d);
    assert_int_equal(mb_file_exists("a.bin"), 1);
    assert_int_equal(mb_file_exists("."), 0);
    assert_int_equal(mb_file_exists("none"), 0);
    assert_int_equal(mb_dir_exists("."), 1);
    assert_int_equal(mb_dir_exists("a.bin"), 0);
}

static void writes_are_whole_or_nothing(void **state) {
    (void)state;
    put("w", "old");
    assert_int_equal(chmod("w", 0640), 0);
    assert_int_equal(symlink("w", "link"), 0);
    put("link", "new");
    struct stat st;
    assert_int_equal(lstat("link", &st), 0);
    assert_true(S_ISLNK(st.st_mode)); /* the link stays, its target is replaced */
    assert_int_equal(stat("w", &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_int_equal(st.st_size, 3);
    assert_fails(mb_file_write("no/such/folder/x", "a", 1), MB_BADINPUT, "no/such/folder");
    assert_fails(mb_file_write(".", "a", 1), MB_BADINPUT, "folder");
    assert_fails(mb_file_write("/dev/full", "a", 1), MB_SYSTEM, "/dev/full");
    assert_ok(mb_file_write("/dev/null", "a", 1));
    int before = entries(".");
    for (long k = 1; k < 6; k++) { /* no temporary file is left behind when memory runs out */
        mb_mem_fail_after(k);
        int rc = mb_file_write("w", "third", 5);
        mb_mem_fail_after(-1);
        mb_error_clear();
        assert_true(rc == MB_OK || rc == MB_SYSTEM);
        assert_int_equal(entries("."), before);
        assert_int_equal(mb_mem_live(), 0);
    }
}

/* A writer that was killed leaves its temporary file; who begins in the folder takes it away, and nothing else. */
static void what_the_dead_left(void **state) {
    (void)state;
    int go[2], held[2];
    char c;
    assert_ok(mb_file_mkdirs("swept/.mixbar-12-5.tmp")); /* a folder, by its name alone like one */
    put("swept/mine.tmp", "");
    put("swept/.mixbar-12-x.tmp", "");
    put("swept/.mixbar-12-3.tmp2", "");
    put("swept/.mixbar-12-0.tmp", "half");
    put("swept/.mixbar-4194999-7.tmp", "");
    assert_int_equal(symlink("mine.tmp", "swept/.mixbar-12-1.tmp"), 0);
    put("swept/.mixbar-12-4.tmp", "being written"); /* by a process that lives */
    assert_int_equal(pipe(go), 0);
    assert_int_equal(pipe(held), 0);
    pid_t writer = fork();
    if (writer == 0) {
        int fd = open("swept/.mixbar-12-4.tmp", O_RDWR);
        c = fd >= 0 && flock(fd, LOCK_EX) == 0;
        if (write(held[1], &c, 1) != 1) _exit(1);
        close(go[1]);
        _exit(read(go[0], &c, 1) != 0);
    }
    assert_true(writer > 0);
    assert_int_equal(read(held[0], &c, 1), 1);
    assert_int_equal(c, 1);
    mb_file_sweep("swept");
    assert_int_equal(mb_file_exists("swept/.mixbar-12-0.tmp"), 0);
    assert_int_equal(mb_file_exists("swept/.mixbar-4194999-7.tmp"), 0);
    assert_int_equal(mb_file_exists("swept/.mixbar-12-4.tmp"), 1);
    assert_int_equal(entries("swept"), 6); /* and the folder, the link, the three of other names */
    close(go[1]);
    int status;
    assert_int_equal(waitpid(writer, &status, 0), writer);
    assert_int_equal(status, 0);
    for (int i = 0; i < 2; i++) {
        close(go[0]), go[0] = -1;
        close(held[i]);
    }
    mb_file_sweep("swept");
    assert_int_equal(mb_file_exists("swept/.mixbar-12-4.tmp"), 0);
    mb_file_sweep("no such folder"); /* says nothing */
    assert_null(mb_error_message()[0] ? mb_error_message() : NULL);
}

/* Sweepers and writers in one folder at the same time: every write succeeds, nothing is left. */
static void swept_while_written(void **state) {
    (void)state;
    assert_ok(mb_file_mkdirs("busy"));
    int before = entries("busy");
    pid_t child[3];
    for (int k = 0; k < 3; k++) {
        child[k] = fork();
        if (child[k] == 0) {
            int rc = 0;
            char name[32];
            for (int i = 0; i < 2000 && !rc; i++) {
                snprintf(name, sizeof name, "busy/f%d", k);
                if (k == 2) mb_file_sweep("busy");
                else rc = mb_file_put(name, name, sizeof name);
            }
            _exit(rc);
        }
        assert_true(child[k] > 0);
    }
    for (int k = 0; k < 3; k++) {
        int status;
        assert_int_equal(waitpid(child[k], &status, 0), child[k]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(entries("busy"), before + 2);
}

static void folders_are_made(void **state) {
    (void)state;
    assert_ok(mb_file_mkdirs("x/y//z/"));
    assert_int_equal(mb_dir_exists("x/y/z"), 1);
    assert_ok(mb_file_mkdirs("x/y/z"));
    char *abs = mb_asprintf("%s/p/q", root);
    assert_ok(mb_file_mkdirs(abs));
    assert_int_equal(mb_dir_exists("p/q"), 1);
    mb_free(abs);
    put("file", "");
    assert_fails(mb_file_mkdirs("file/under"), MB_BADINPUT, "file");
    assert_fails(mb_file_mkdirs("file"), MB_BADINPUT, "file");
    assert_fails(mb_file_mkdirs(""), MB_BADINPUT, "empty");
}

/* TEXT as gzip into PATH, cut after KEEP bytes (0: whole), byte FLIP changed (0: none). Returns the whole length. */
static size_t put_gzip(const char *path, const uint8_t *text, size_t n, int members, size_t keep, size_t flip) {
    static uint8_t buf[1 << 20];
    size_t at = 0;
    for (int m = 0; m < members; m++) {
        z_stream z = {0};
        assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
        z.next_in = (Bytef *)(uintptr_t)text;
        z.avail_in = (uInt)n;
        z.next_out = buf + at;
        z.avail_out = (uInt)(sizeof buf - at);
        assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
        at = sizeof buf - z.avail_out;
        deflateEnd(&z);
    }
    if (flip) buf[flip] ^= 0x5A;
    assert_ok(mb_file_write(path, buf, keep ? keep : at));
    return at;
}

static void gzip_is_inflated(void **state) {
    (void)state;
    uint8_t *d, *text = mb_malloc(500000, 1);
    size_t n, len;
    uint32_t x = 1;
    for (size_t i = 0; i < 500000; i++) {
        x = x * 1664525u + 1013904223u;
        text[i] = i < 200000 ? 'a' : (uint8_t)(x >> 28); /* a part that shrinks a thousandfold, and a part that does not */
    }
    len = put_gzip("t.gz", text, 500000, 1, 0, 0);
    assert_ok(mb_file_gzread("t.gz", 0, &d, &n));
    assert_int_equal(n, 500000);
    assert_memory_equal(d, text, n);
    assert_int_equal(d[n], 0);
    mb_free(d);
    assert_ok(mb_file_gzread("t.gz", 500000, &d, &n));
    mb_free(d);
    assert_fails(mb_file_gzread("t.gz", 499999, &d, &n), MB_BADINPUT, "inflates to more");
    assert_null(d);
    for (size_t size = 1; size < 3000; size += size < 40 ? 1 : 97) { /* a limit of just the size */
        put_gzip("small.gz", text + 199000, size, 1, 0, 0);
        assert_ok(mb_file_gzread("small.gz", size, &d, &n));
        assert_memory_equal(d, text + 199000, size);
        mb_free(d);
        if (size > 1) assert_fails(mb_file_gzread("small.gz", size - 1, &d, &n), MB_BADINPUT, "inflates to more");
    }
    for (size_t keep = 2; keep < len; keep += keep < 40 ? 1 : 4999) {
        put_gzip("cut.gz", text, 500000, 1, keep, 0);
        assert_fails(mb_file_gzread("cut.gz", 0, &d, &n), MB_BADINPUT, "truncated");
        assert_null(d);
    }
    put_gzip("cut.gz", text, 500000, 1, len - 1, 0);
    assert_fails(mb_file_gzread("cut.gz", 0, &d, &n), MB_BADINPUT, "truncated");
    put_gzip("bad.gz", text, 500000, 1, 0, len - 6); /* the checksum */
    assert_fails(mb_file_gzread("bad.gz", 0, &d, &n), MB_BADINPUT, "corrupt");
    put_gzip("two.gz", (const uint8_t *)"abc", 3, 2, 0, 0);
    assert_ok(mb_file_gzread("two.gz", 0, &d, &n));
    assert_int_equal(n, 6);
    assert_memory_equal(d, "abcabc", 6);
    mb_free(d);
    len = put_gzip("t.gz", (const uint8_t *)"abc", 3, 1, 0, 0);
    assert_ok(mb_file_read("t.gz", 0, &d, &n));
    uint8_t more[100] = {0};
    memcpy(more, d, n);
    mb_free(d);
    assert_ok(mb_file_write("t.gz", more, n + 20)); /* zeros after the end are padding */
    assert_ok(mb_file_gzread("t.gz", 0, &d, &n));
    assert_int_equal(n, 3);
    mb_free(d);
    more[len + 3] = 'x';
    assert_ok(mb_file_write("t.gz", more, len + 20));
    assert_fails(mb_file_gzread("t.gz", 0, &d, &n), MB_BADINPUT, "corrupt");
    put_gzip("nil.gz", (const uint8_t *)"", 0, 1, 0, 0);
    assert_ok(mb_file_gzread("nil.gz", 0, &d, &n));
    assert_int_equal(n, 0);
    mb_free(d);
    put("plain", "plain text");
    assert_ok(mb_file_gzread("plain", 0, &d, &n));
    assert_memory_equal(d, "plain text", 11);
    mb_free(d);
    assert_fails(mb_file_gzread("plain", 9, &d, &n), MB_BADINPUT, "too large");
    assert_null(d);
    mb_free(text);
    assert_int_equal(mb_mem_live(), 0);
}

static void paths_are_taken_apart(void **state) {
    (void)state;
    static const struct {
        const char *path, *dir, *base;
    } t[] = {{"a/b.cfg", "a", "b"},           {"b.cfg", ".", "b"},     {"/b", "/", "b"},
             {"/a//b.tar.gz", "/a", "b.tar"}, {"a/", "a", ""},         {"", ".", ""},
             {"a/.hidden", "a", ".hidden"},   {"../x.onnx", "..", "x"}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        char *d = mb_path_dir(t[i].path), *b = mb_path_base(t[i].path);
        assert_string_equal(d, t[i].dir);
        assert_string_equal(b, t[i].base);
        mb_free(d);
        mb_free(b);
    }
    static const struct {
        const char *dir, *rel, *want;
    } j[] = {{"a", "b", "a/b"}, {"a/", "b", "a/b"}, {".", "b", "b"}, {"", "b", "b"}, {"a", "/b", "/b"}, {"/", "b", "/b"}};
    for (size_t i = 0; i < sizeof j / sizeof *j; i++) {
        char *p = mb_path_join(j[i].dir, j[i].rel);
        assert_string_equal(p, j[i].want);
        mb_free(p);
    }
}

static void presets_are_found_in_order(void **state) {
    (void)state;
    char *p = NULL;
    assert_ok(mb_file_mkdirs("exp/devices"));
    assert_ok(mb_file_mkdirs("path1/devices"));
    assert_ok(mb_file_mkdirs("path2/experiments/devices"));
    put("path2/experiments/devices/rram.cfg", "");
    put("path2/experiments/devices/pcm.cfg", "");
    setenv("MIXBAR_PATH", "path1::nowhere:path2", 1);
    assert_ok(mb_preset_find("devices", "rram", "exp", &p));
    assert_string_equal(p, "path2/experiments/devices/rram.cfg");
    mb_free(p);
    put("path1/devices/rram.cfg", "");
    assert_ok(mb_preset_find("devices", "rram", "exp", &p));
    assert_string_equal(p, "path1/devices/rram.cfg");
    mb_free(p);
    put("exp/devices/rram.cfg", "");
    assert_ok(mb_preset_find("devices", "rram", "exp", &p));
    assert_string_equal(p, "exp/devices/rram.cfg");
    mb_free(p);
    put("exp/rram.cfg", "");
    assert_ok(mb_preset_find("devices", "rram", "exp", &p));
    assert_string_equal(p, "exp/rram.cfg");
    mb_free(p);
    /* a path is a path */
    assert_ok(mb_preset_find("devices", "devices/rram.cfg", "exp", &p));
    assert_string_equal(p, "exp/devices/rram.cfg");
    mb_free(p);
    assert_ok(mb_preset_find("devices", "../path2/experiments/devices/pcm.cfg", "exp", &p));
    mb_free(p);
    assert_fails(mb_preset_find("devices", "pcm.cfg", "exp", &p), MB_BADINPUT, "exp/pcm.cfg");
    assert_null(p);
    assert_fails(mb_preset_find("devices", "rramm", "exp", &p), MB_BADINPUT, "did you mean \"rram\"");
    assert_fails(mb_preset_find("devices", "rramm", "exp", &p), MB_BADINPUT, "path2/experiments/devices");
    assert_fails(mb_preset_find("devices", "somethingelse", "exp", &p), MB_BADINPUT, "MIXBAR_PATH");
    assert_fails(mb_preset_find("devices", "", "exp", &p), MB_BADINPUT, "empty");
    char **names, **paths;
    size_t n;
    put("exp/quickstart.cfg", ""); /* an experiment beside the devices is no device */
    assert_ok(mb_preset_list("devices", "exp", &names, &paths, &n));
    size_t rram = n, pcm = n;
    for (size_t i = 0; i < n; i++) {
        if (i) assert_true(strcmp(names[i - 1], names[i]) < 0);
        if (strcmp(names[i], "rram") == 0) rram = i;
        if (strcmp(names[i], "pcm") == 0) pcm = i;
        assert_string_not_equal(names[i], "quickstart");
    }
    assert_true(rram < n && pcm < n);
    assert_string_equal(paths[rram], "exp/devices/rram.cfg");
    for (size_t i = 0; i < n; i++) {
        mb_free(names[i]);
        mb_free(paths[i]);
    }
    mb_free(names);
    mb_free(paths);
    for (long k = 1; k < 400; k++) {
        mb_mem_fail_after(k);
        int rc = mb_preset_find("devices", k % 2 ? "rramm" : "pcm", "exp", &p);
        mb_mem_fail_after(-1);
        assert_true(rc == MB_OK || rc == MB_SYSTEM || (rc == MB_BADINPUT && k % 2));
        mb_free(p);
        mb_error_clear();
        assert_int_equal(mb_mem_live(), 0);
    }
    for (long k = 1; k < 100; k++) {
        mb_mem_fail_after(k);
        int rc = mb_preset_list("devices", "exp", &names, &paths, &n);
        mb_mem_fail_after(-1);
        assert_true(rc == MB_OK || (rc == MB_SYSTEM && n == 0));
        for (size_t i = 0; i < n; i++) {
            mb_free(names[i]);
            mb_free(paths[i]);
        }
        mb_free(names);
        mb_free(paths);
        mb_error_clear();
        assert_int_equal(mb_mem_live(), 0);
    }
}

static void beside_the_program(void **state) {
    (void)state;
    char exe[4096], *p = NULL;
    ssize_t len = readlink("/proc/self/exe", exe, sizeof exe - 1);
    if (len <= 0) skip();
    exe[len] = '\0';
    char *dir = mb_path_dir(exe);
    char *file = mb_asprintf("%s/mixbar-test-preset-%ld.cfg", dir, (long)getpid()), *name = mb_path_base(file);
    put(file, "");
    int rc = mb_preset_find("devices", name, ".", &p);
    unlink(file);
    assert_int_equal(rc, MB_OK);
    assert_string_equal(p, file);
    mb_free(p);
    mb_free(name);
    mb_free(file);
    mb_free(dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_files),           cmocka_unit_test(writes_are_whole_or_nothing),
        cmocka_unit_test(what_the_dead_left),
        cmocka_unit_test(swept_while_written),
        cmocka_unit_test(folders_are_made),      cmocka_unit_test(gzip_is_inflated),
        cmocka_unit_test(paths_are_taken_apart), cmocka_unit_test(presets_are_found_in_order),
        cmocka_unit_test(beside_the_program),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
