/* test_page.c - the HTML page of a run: elements are closed, text of the run stays text, numbers are those of the results
 *
 * A small reader of the elements we write takes the place of a browser here; tests/cli/page.t uses a real one.
 */
#include "made_results.h"

#include <jansson.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "run/page.h"

static char home[4096], root[] = "mixbar-page-XXXXXX";

static int setup(void **state) {
    (void)state;
    return getcwd(home, sizeof home) && mkdtemp(root) && chdir(root) == 0 ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    return chdir(home) == 0 ? rmdir(root) : -1;
}

static bool is_void(const char *tag) {
    return !strcmp(tag, "meta") || !strcmp(tag, "br") || !strcmp(tag, "input") || !strcmp(tag, "!DOCTYPE");
}

/* Every element is closed in order, quotes of attributes too; text holds no control characters; nothing is loaded from elsewhere.
 */
static void check_elements(const char *t) {
    char open[64][24];
    size_t depth = 0, scripts = 0;
    for (const char *s = t; *s; s++) {
        if ((unsigned char)*s < 0x20 && *s != '\n' && *s != '\t') fail_msg("control character %d", *s);
        if (*s != '<') continue;
        const bool end = s[1] == '/';
        char tag[24] = "";
        size_t n = strspn(s + 1 + end, "abcdefghijklmnopqrstuvwxyzDOCTYPE!0123456789");
        assert_true(n > 0 && n < sizeof tag);
        memcpy(tag, s + 1 + end, n);
        bool quoted = false;
        for (s += 1 + end + n; *s && (quoted || *s != '>'); s++) {
            if (*s == '"') quoted = !quoted;
            if (*s == '<') fail_msg("'<' inside the element %s", tag);
        }
        assert_true(*s == '>' && !quoted);
        if (end) {
            if (!depth || strcmp(open[depth - 1], tag)) fail_msg("</%s> closes <%s>", tag, depth ? open[depth - 1] : "");
            depth--;
        } else if (!is_void(tag)) {
            assert_true(depth < 64);
            memcpy(open[depth++], tag, sizeof tag);
        }
        if (!end && (!strcmp(tag, "script") || !strcmp(tag, "style"))) {
            char *close = mb_asprintf("</%s>", tag);
            scripts += !strcmp(tag, "script");
            s = strstr(s, close);
            assert_non_null(s);
            s--;
            mb_free(close);
        }
    }
    assert_int_equal(depth, 0);
    assert_int_equal(scripts, 2); /* the data and ours: no label made another */
    assert_null(strstr(t, "src="));
    for (const char *s = t; (s = strstr(s, "http")) != NULL; s++)
        if (strncmp(s, "http-equiv", 10) && strncmp(s, "http://www.w3.org/2000/svg", 26)) fail_msg("%.60s", s);
}

static json_t *data_of(const char *t) {
    const char *a = strstr(t, "id=\"data\">");
    assert_non_null(a);
    a = strchr(a, '>') + 1;
    json_error_t e;
    json_t *j = json_loadb(a, (size_t)(strstr(a, "</script>") - a), 0, &e);
    if (!j) fail_msg("%s at %d", e.text, e.position);
    return j;
}

static void sizes(void **state) {
    (void)state;
    static const int c[][3] = {{1, 1, 0}, {2, 5, 1}, {30, 20, 2}, {400, 12, 3}, {2300, 2, 1}};
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        mb_results r;
        mb_str out = {0};
        made_results(&r, ".", c[i][0], c[i][1], c[i][2]);
        for (size_t k = 0; k < r.n; k++)
            r.point[k].energy_low_J = 0.001 * r.point[k].energy_J, r.point[k].energy_high_J = 2 * r.point[k].energy_J;
        assert_ok(mb_results_page(&r, &out));
        check_elements(mb_cstr(&out));
        json_t *j = data_of(mb_cstr(&out)), *points = json_object_get(j, "points");
        const size_t shown = json_array_size(points);
        assert_int_equal(shown, r.n < 2000 ? r.n : 2000);
        assert_true((strstr(mb_cstr(&out), "300 of 2300 points") != NULL) == (r.n == 2300)); /* what was left out */
        size_t energy = 0;
        while (
            strcmp(json_string_value(json_object_get(json_array_get(json_object_get(j, "columns"), energy), "name")), "energy_J"))
            energy++;
        const char *unit = json_string_value(json_object_get(json_array_get(json_object_get(j, "columns"), energy), "unit"));
        const double scale = unit[0] == 'n' ? 1e-9 : 1e-6; /* nJ or a micro sign */
        for (size_t k = 0; k < shown; k++) {
            const json_t *p = json_array_get(points, k);
            const mb_point_result *q = &r.point[json_integer_value(json_object_get(p, "i"))];
            assert_true(fabs(json_number_value(json_array_get(json_object_get(p, "v"), energy)) * scale / q->energy_J - 1) <
                        1e-5);
            assert_true(fabs(json_number_value(json_array_get(json_object_get(p, "cost"), 0)) / q->energy_J - 1) < 1e-5);
            assert_int_equal(json_array_size(json_object_get(p, "base")), q->n_baseline);
        }
        const json_t *band = json_array_get(json_object_get(j, "columns"), energy),
                     *p0 = json_object_get(json_array_get(points, 0), "v");
        const double low = json_number_value(json_array_get(p0, (size_t)json_integer_value(json_object_get(band, "low"))));
        assert_true(fabs(low * scale / r.point[json_integer_value(json_object_get(json_array_get(points, 0), "i"))].energy_J -
                         0.001) < 1e-8); /* in the unit of the energy */
        json_decref(j);
        mb_str_free(&out);
        mb_results_free(&r);
    }
}

/* Text that would end an element, an attribute or a script. */
static void hostile_text(void **state) {
    (void)state;
    mb_results r;
    mb_str out = {0};
    static const char evil[] = "</script><script>alert(1)</script>\"><img src=x onerror=alert(2)> & 'q' \x01\xff";
    made_results(&r, ".", 8, 4, 2);
    made_labels(&r);
    r.question = mb_strdup(evil);
    made_replace(&r.name, evil);
    made_replace(&r.point[1].label, evil);
    made_replace(&r.point[2].plan, evil);
    made_replace(&r.point[3].plan, "../../../../../../etc/passwd");
    made_replace(&r.point[0].set[0].value, evil);
    made_replace(&r.point[0].set[1].key, evil);
    made_replace(&r.point[0].layer[0].name, evil);
    made_replace(&r.point[0].baseline[0].name, evil);
    made_replace(&r.point[0].part[0].name, evil);
    r.point[5].infeasible = mb_strdup(evil);
    assert_ok(mb_results_page(&r, &out));
    const char *t = mb_cstr(&out);
    for (size_t i = 0; t[i]; i++) /* the hostile element appears in no form that is an element */
        if (!strncmp(t + i, "<img", 4) || !strncmp(t + i, "<b>", 3)) fail_msg("%.40s", t + i);
    assert_null(strstr(t, "root:x:0"));
    assert_non_null(strstr(t, "&lt;/script&gt;&lt;script&gt;alert(1)"));
    assert_non_null(strstr(t, "Point 5 is infeasible"));
    char *clean = mb_strdup(t); /* "src=" of the label is text */
    for (char *s = clean; (s = strstr(s, "src=x")) != NULL;) memcpy(s, "SRC_x", 5);
    check_elements(clean);
    json_t *j = data_of(t);
    assert_non_null(strstr(json_string_value(json_object_get(j, "name")), "</script><script>alert(1)"));
    json_decref(j);
    mb_free(clean);
    mb_str_free(&out);
    mb_results_free(&r);
}

/* used.cfg and plans of the folder are in the page, as text and as addresses that hold them. */
static void files(void **state) {
    (void)state;
    static const char used[] = "seed = 7;  # <default>\nnetwork = \"a&b.onnx\";  # x.cfg:3\ntext = \"a # b\";  # y\n",
                      plan[] = "policy = \"un<i>form\"; # 100 %\n";
    mb_results r;
    mb_str out = {0};
    made_results(&r, ".", 2, 2, 1);
    r.complete = false;
    assert_ok(mb_file_write("used.cfg", used, sizeof used - 1));
    assert_ok(mb_file_write("plan-0001.cfg", plan, sizeof plan - 1));
    assert_ok(mb_results_page(&r, &out));
    const char *t = mb_cstr(&out);
    check_elements(t);
    assert_non_null(strstr(t, "<dt>Seed</dt><dd>7</dd>"));
    assert_non_null(strstr(t, "<dt>Network</dt><dd>a&amp;b.onnx</dd>"));
    assert_non_null(strstr(t, "<i># &lt;default&gt;</i>"));
    assert_non_null(strstr(t, "text = &quot;a # b&quot;;  <i># y</i>"));
    assert_non_null(strstr(t, "download=\"plan-0001.cfg\" "
                              "href=\"data:text/plain;charset=utf-8,policy%20=%20%22un%3Ci%3Eform%22;%20%23%20100%20%25%0A\""));
    assert_non_null(strstr(t, "1 plans: their files"));
    assert_non_null(strstr(t, "the run is not finished"));
    unlink("used.cfg");
    unlink("plan-0001.cfg");
    mb_str_free(&out);
    for (size_t i = 0; i < r.n; i++) r.point[i].infeasible = mb_strdup("too small");
    assert_ok(mb_results_page(&r, &out)); /* nothing but infeasible points: a page without numbers */
    check_elements(mb_cstr(&out));
    mb_str_free(&out);
    mb_results none = {.dir = home};
    assert_fails(mb_results_page(&none, &out), MB_BADINPUT, "no point is finished");
    mb_results_free(&r);
}

static void no_memory(void **state) {
    (void)state;
    mb_results r;
    mb_str want = {0};
    made_results(&r, ".", 3, 2, 2);
    assert_ok(mb_results_page(&r, &want));
    long live = mb_mem_live();
    for (long k = 0;; k++) {
        mb_str out = {0};
        mb_mem_fail_after(k + 1);
        int rc = mb_results_page(&r, &out);
        mb_mem_fail_after(-1);
        const bool done = rc == MB_OK && !out.failed;
        if (done) assert_string_equal(mb_cstr(&out), mb_cstr(&want)); /* no failure goes unseen */
        mb_str_free(&out);
        mb_error_clear();
        assert_int_equal(mb_mem_live(), live);
        if (done) break;
        assert_true(k < 100000);
    }
    mb_str_free(&want);
    mb_results_free(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes),
        cmocka_unit_test(hostile_text),
        cmocka_unit_test(files),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
