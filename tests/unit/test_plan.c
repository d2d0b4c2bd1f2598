/* test_plan.c - plans: assignments by key, files that read back, every kind of wrong file */
#include "mbtest.h"

#include <unistd.h>

#include "array/xbar.h"
#include "base/file.h"
#include "mapping/plan.h"
#include "mapping/policy.h"
#include "testnet.h"

static const testlayer chain[] = {
    {"/conv1/Conv", 'w', 1, 8, 8, 4, 3, 1, 1, 1},
    {"weird \"name\" \\ with\ttab", 'w', 4, 8, 8, 4, 3, 1, 1, 1},
    {"fc", 'w', 256, 1, 1, 10, 1, 1, 0, 1},
};
#define HASH 0x0123456789abcdefull
static const mb_assign base = {MB_ANALOG, 8, 2, 8, 1, 8, 0, 0, 1};

static char path[] = "test_plan_XXXXXX.cfg";

static mb_plan *make(const mb_network *net) {
    mb_plan *p = NULL;
    assert_ok(mb_plan_new(net, &base, &p));
    p->machine = mb_strdup("rram-22nm");
    p->policy = mb_strdup("uniform");
    p->assign[1] = (mb_assign){MB_DIGITAL, 4, 1, 5, 2, 12, 64, 1, 3};
    return p;
}

static void keys_are_the_fields(void **state) {
    (void)state;
    mb_assign a = base;
    int rows = 0;
    while (mb_assign_params[rows].kind != MB_P_END) rows++;
    assert_int_equal(rows, MB_ASSIGN_KEYS);
    for (int k = 0; k < MB_ASSIGN_KEYS; k++) {
        assert_int_equal(mb_assign_key(mb_assign_params[k].name), k);
        mb_assign_set(&a, k, 40 + k);
        assert_int_equal(mb_assign_get(&a, k), 40 + k);
    }
    assert_int_equal(a.engine, 40);
    assert_int_equal(a.rows_active, 46);
    assert_int_equal(a.copies, 48);
    assert_int_equal(mb_assign_key("bits"), -1);
    assert_string_equal(mb_assign_params[mb_assign_key("scheme")].choices,
                        MB_SCHEMES); /* the simulator's and the mapper's words agree */
    a = base;
    assert_null(mb_assign_fault(&a));
    a.dac_bits = 9;
    assert_non_null(mb_assign_fault(&a));
}

static void plans_read_back(void **state) {
    (void)state;
    mb_network *net = testnet("tiny", HASH, 3, chain);
    mb_plan *p = make(net), *q = NULL, *r = NULL;
    assert_ok(mb_plan_save(p, path));
    assert_ok(mb_plan_load(path, net, &q));
    assert_ok(mb_plan_load(path, NULL, &r));
    assert_true(mb_plan_equal(p, q) && mb_plan_equal(p, r));
    assert_int_equal(q->n, 3);
    for (int m = 0; m < 3; m++) {
        assert_string_equal(q->layer[m], chain[m].name);
        assert_string_equal(r->layer[m], chain[m].name);
    }
    assert_string_equal(q->network, "tiny");
    assert_string_equal(q->machine, "rram-22nm");
    assert_string_equal(q->policy, "uniform");
    assert_true(q->network_hash == HASH);
    mb_str a = {0}, b = {0};
    mb_plan_write(p, &a);
    mb_plan_write(q, &b);
    assert_string_equal(mb_cstr(&a), mb_cstr(&b));
    assert_non_null(strstr(mb_cstr(&a), "{ name = \"fc\"; engine = \"analog\"; weight_bits = 8;"));
    mb_str_free(&a);
    mb_str_free(&b);
    mb_plan_free(p);
    mb_plan_free(q);
    mb_plan_free(r);
    mb_network_free(net);
}

static void write_text(const char *text) {
    assert_ok(mb_file_write(path, text, strlen(text)));
}

#define REST                                                                                                                    \
    "engine = \"analog\"; weight_bits = 8; cell_bits = 2; input_bits = 8; dac_bits = 1; adc_bits = 8; rows_active = 0; scheme " \
    "= \"differential\"; copies = 1;"
#define HEAD "schema = 1;\nnetwork = \"two\";\nnetwork_hash = \"0123456789abcdef\";\nlayers = (\n"
#define LAYER(name) "  { name = \"" name "\"; " REST " }"

static const testlayer two[] = {{"conv1", 'w', 1, 8, 8, 4, 3, 1, 1, 1}, {"conv2", 'w', 4, 8, 8, 4, 3, 1, 1, 1}};

static void layers_may_stand_in_any_order(void **state) {
    (void)state;
    mb_network *net = testnet("two", HASH, 2, two);
    mb_plan *p = NULL;
    write_text("schema = 1;\nnetwork = \"two\";\nlayers = (\n{ name = \"conv2\"; engine = \"analog\"; weight_bits = 3; cell_bits "
               "= 2; input_bits = 8; dac_bits = 1; adc_bits = 8; "
               "rows_active = 0; scheme = \"offset\"; copies = 1; },\n" LAYER("conv1") ");\n");
    assert_ok(mb_plan_load(path, net, &p)); /* no network_hash: any network with these layers */
    assert_string_equal(p->layer[0], "conv1");
    assert_string_equal(p->layer[1], "conv2");
    assert_int_equal(p->assign[0].weight_bits, 8);
    assert_int_equal(p->assign[1].weight_bits, 3);
    assert_int_equal(p->assign[1].scheme, MB_OFFSET);
    mb_plan_free(p);
    mb_network_free(net);
}

static void modes_are_kept_with_their_layers(void **state) {
    (void)state;
    mb_network *net = testnet("two", HASH, 2, two);
    mb_plan *p = NULL, *q = NULL, *low = NULL, *whole = NULL;
    mb_str a = {0}, b = {0};
    write_text(HEAD LAYER("conv2") "," LAYER("conv1") ");\nmodes = (\n { name = \"low\"; layers = ( { name = \"conv1\"; input_bits = 4; "
               "skip_slices = 2; } ); },\n { name = \"high\"; layers = (); } );\n");
    assert_ok(mb_plan_load(path, net, &p)); /* sorted into the network's order, modes too */
    assert_int_equal(p->n_modes, 2);
    assert_string_equal(p->mode[0].name, "low");
    assert_int_equal(p->mode[0].assign[0].input_bits, 4);
    assert_int_equal(p->mode[0].assign[0].skip_slices, 2);
    assert_int_equal(p->mode[0].assign[0].weight_bits, 8);
    assert_int_equal(p->mode[0].assign[1].input_bits, 8);
    mb_plan_write(p, &a);
    write_text(mb_cstr(&a));
    assert_ok(mb_plan_load(path, net, &q));
    mb_plan_write(q, &b);
    assert_string_equal(mb_cstr(&a), mb_cstr(&b));
    assert_ok(mb_plan_of_mode(q, 0, &low));
    assert_ok(mb_plan_of_mode(q, -1, &whole));
    assert_memory_equal(low->assign, p->mode[0].assign, 2 * sizeof *low->assign);
    assert_true(low->n_modes == 0 && mb_plan_equal(whole, p) && !mb_plan_equal(low, p));
    assert_fails(mb_plan_add_mode(q, "low", q->assign), MB_BADINPUT, "two modes called low");
    low->assign[1].cell_bits = 1;
    assert_fails(mb_plan_add_mode(q, "other", low->assign), MB_BADINPUT, "changes cell_bits of layer conv2");
    mb_str_free(&a);
    mb_str_free(&b);
    mb_plan_free(p);
    mb_plan_free(q);
    mb_plan_free(low);
    mb_plan_free(whole);
    mb_network_free(net);
}

static void wrong_files_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
    } wrong[] = {
        {HEAD LAYER("conv1") "," LAYER("conv2") ");\nmodes = ();\n", ":6: modes must be"},
        {HEAD LAYER("conv1") "," LAYER("conv2") ");\nmodes = ( { layers = (); } );\n", ":6: a mode of the plan has no name"},
        {HEAD LAYER("conv1") "," LAYER("conv2") ");\nmodes = ( { name = \"low\"; } );\n", "mode low needs layers"},
        {HEAD LAYER("conv1") "," LAYER("conv2") ");\nmodes = ( { name = \"low\"; layers = ( { name = \"conv3\"; } ); } );\n",
         "did you mean conv"},
        {HEAD LAYER("conv1") "," LAYER("conv2") ");\nmodes = ( { name = \"low\"; layers = ( { name = \"conv1\"; weight_bits = 4; } ); } );\n",
         "mode low sets weight_bits of layer conv1"},
        {HEAD LAYER("conv1") "," LAYER("conv2") ");\nmodes = ( { name = \"low\"; layers = ( { name = \"conv1\"; input_bits = 0; } ); } );\n",
         "input_bits"},
        {"schema = 1;\nnetwork = \"other\";\nnetwork_hash = \"00000000000000aa\";\nlayers = (\n" LAYER("conv1") "," LAYER(
             "conv2") ");\n",
         "\"other\" with hash 00000000000000aa"},
        {HEAD LAYER("conv1") ");\n", "no setting for layer conv2"},
        {HEAD LAYER("conv1") ",\n" LAYER("conv2") ",\n" LAYER("conv1") ");\n", "sets layer conv1 twice"},
        {HEAD LAYER("conv1") ",\n" LAYER("conv3") ");\n", "did you mean conv"},
        {HEAD "{ name = \"conv1\"; engine = \"analog\"; weight_bits = 9; cell_bits = 2; input_bits = 8; dac_bits = 1; adc_bits = "
              "8; rows_active = 0; scheme = \"offset\"; "
              "copies = 1; }, " LAYER("conv2") ");\n",
         "weight_bits"},
        {HEAD "{ name = \"conv1\"; engine = \"analog\"; weight_bits = 8; cell_bits = 2; input_bits = 8; dac_bits = 1; adc_bits = "
              "8; rows_active = 0; scheme = \"offset\"; }, " LAYER("conv2") ");\n",
         "layer conv1 of the plan has no copies"},
        {HEAD "{ name = \"conv1\"; bits = 3; " REST " }, " LAYER("conv2") ");\n", "bits"},
        {HEAD "{ name = \"conv1\"; engine = \"quantum\"; weight_bits = 8; cell_bits = 2; input_bits = 8; dac_bits = 1; adc_bits "
              "= 8; rows_active = 0; scheme = \"offset\"; "
              "copies = 1; }, " LAYER("conv2") ");\n",
         "quantum"},
        {HEAD "{ name = \"conv1\"; engine = \"analog\"; weight_bits = 8; cell_bits = 2; input_bits = 4; dac_bits = 5; adc_bits = "
              "8; rows_active = 0; scheme = \"offset\"; "
              "copies = 1; }, " LAYER("conv2") ");\n",
         "dac_bits is larger than input_bits"},
        {HEAD "7, " LAYER("conv2") ");\n", ""},
        {HEAD "{ " REST " } );\n", "no name"},
        {"schema = 2;\nnetwork = \"two\";\nlayers = (" LAYER("conv1") ");\n", "not a plan"},
        {"network = \"two\";\nlayers = (" LAYER("conv1") ");\n", "not a plan"},
        {"schema = 1;\nlayers = (" LAYER("conv1") ");\n", "no key network"},
        {"schema = 1;\nnetwork = 5;\nlayers = (" LAYER("conv1") ");\n", "network must be text"},
        {"schema = 1;\nnetwork = \"two\";\nnetwork_hash = \"12\";\nlayers = (" LAYER("conv1") ");\n", "16 hexadecimal"},
        {"schema = 1;\nnetwork = \"two\";\nlayers = ();\n", "needs layers"},
        {"schema = 1;\nnetwork = \"two\";\nlayers = { a = 1; };\n", "needs layers"},
        {"schema = 1;\nnetwork = \"two\";\ncolour = \"red\";\nlayers = (" LAYER("conv1") "," LAYER("conv2") ");\n", "colour"},
        {HEAD LAYER("conv1") ",\n  { name = ", ""},
        {"", "not a plan"},
    };
    mb_network *net = testnet("two", HASH, 2, two);
    long live = mb_mem_live();
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        mb_plan *p = NULL;
        write_text(wrong[i].text);
        assert_fails(mb_plan_load(path, net, &p), MB_BADINPUT, wrong[i].message);
        assert_null(p);
        assert_int_equal(mb_mem_live(), live);
    }
    mb_plan *p = NULL;
    assert_fails(mb_plan_load("/nonexistent/plan.cfg", net, &p), MB_BADINPUT, "plan.cfg");
    mb_network_free(net);
}

static void differences_are_told(void **state) {
    (void)state;
    mb_network *net = testnet("tiny", HASH, 3, chain);
    mb_plan *p = make(net), *q = NULL;
    mb_str out = {0};
    assert_ok(mb_plan_clone(p, &q));
    assert_int_equal(mb_plan_diff(p, q, &out), 0);
    assert_int_equal(out.n, 0);
    q->assign[2].weight_bits = 4;
    assert_false(mb_plan_equal(p, q));
    assert_int_equal(mb_plan_diff(p, q, &out), 1);
    assert_string_equal(mb_cstr(&out), "layer fc: weight_bits 8 and 4");
    mb_str_clear(&out);
    q->assign[0].scheme = MB_OFFSET; /* the first difference is told */
    assert_int_equal(mb_plan_diff(p, q, &out), 1);
    assert_string_equal(mb_cstr(&out), "layer /conv1/Conv: scheme differential and offset");
    mb_str_clear(&out);
    q->network_hash++;
    assert_int_equal(mb_plan_diff(p, q, &out), 1);
    assert_non_null(strstr(mb_cstr(&out), "network tiny (0123456789abcdef)"));
    mb_str_free(&out);
    mb_plan_free(p);
    mb_plan_free(q);
    mb_network_free(net);
}

static void survives_lack_of_memory(void **state) {
    (void)state;
    mb_network *net = testnet("tiny", HASH, 3, chain);
    mb_plan *p = make(net);
    assert_ok(mb_plan_save(p, path));
    long live = mb_mem_live();
    for (long n = 1;; n++) {
        mb_plan *q = NULL, *c = NULL;
        mb_mem_fail_after(n);
        int rc = mb_plan_load(path, net, &q);
        if (!rc) rc = mb_plan_clone(q, &c);
        mb_mem_fail_after(-1);
        mb_error_clear();
        mb_plan_free(q);
        mb_plan_free(c);
        assert_int_equal(mb_mem_live(), live);
        if (rc == MB_OK) {
            assert_true(n > 20);
            break;
        }
        assert_int_equal(rc, MB_SYSTEM);
    }
    mb_plan_free(p);
    mb_network_free(net);
}

static int setup(void **state) {
    (void)state;
    int fd = mkstemps(path, 4);
    return fd < 0 ? -1 : close(fd);
}

static int teardown(void **state) {
    (void)state;
    return unlink(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_the_fields),           cmocka_unit_test(plans_read_back),
        cmocka_unit_test(layers_may_stand_in_any_order), cmocka_unit_test(modes_are_kept_with_their_layers), cmocka_unit_test(wrong_files_are_refused),
        cmocka_unit_test(differences_are_told),          cmocka_unit_test(survives_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
