/* test_shapes.c - networks from tables of layer shapes: totals against published ones, the graph, refused rows */
#include "mbtest.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "nn/exec.h"
#include "nn/network.h"
#include "nn/op.h"
#include "nn/shapes.h"

static int parse(const char *text, mb_network **net) {
    return mb_shapes_parse((const uint8_t *)text, strlen(text), "t.csv", net);
}

static int find(const mb_network *net, const char *name) {
    for (int i = 0; i < net->n_layers; i++)
        if (!strcmp(net->layer[i].name, name)) return i;
    fail_msg("no layer %s", name);
    return -1;
}

static void totals(const mb_network *net, int64_t *params, int64_t *macs) {
    *params = *macs = 0;
    for (int i = 0; i < net->n_layers; i++) *params += mb_layer_params(&net->layer[i]), *macs += mb_layer_macs(&net->layer[i]);
}

/* Parameters of torchvision (VGG-16 138,357,544, ResNet-18 11,689,512, ResNet-50 25,557,032, MobileNetV2 3,504,872, ViT-B/16
 * 86,567,656) and transformers (BERT-base encoder and pooler 85,645,056, GPT-2 124,439,808), less what the tables leave out: one of the
 * two of each normalised channel (the other is folded into the bias), layer normalisations, tables of positions, the class token. MACs:
 * torchvision's GFLOPS 15.47, 1.81, 4.09, 0.30, 17.56; transformers by 12 T d^2 + 2 T^2 d per block. */
static void the_networks_that_ship(void **state) {
    (void)state;
    static const struct { const char *file, *shared; int64_t params, left_out, biases; double macs; int weighted; } nets[] = {
        {"vgg16", "vgg16_imagenet", 138357544, 0, 13416, 15.47e9, 16},
        {"resnet18", "resnet18_imagenet", 11689512, 4800, 5800, 1.814e9, 21},
        {"resnet50", "resnet50_imagenet", 25557032, 26560, 27560, 4.089e9, 54},
        {"mobilenetv2", "mobilenetv2_imagenet", 3504872, 17056, 18056, 0.3008e9, 53},
        {"vit_b16", "vit_b16_imagenet", 86567656, 197 * 768 + 768 + 25 * 2 * 768, 12 * 9 * 768 + 768 + 1000, 17.56e9, 74},
        {"bert_base_128", "bert_base_seq128", 85645056, 24 * 2 * 768, 12 * 9 * 768 + 768,
         12 * (12 * 128 * 768. * 768 + 2 * 128 * 128 * 768.) + 768. * 768, 73},
        {"gpt2_small_1024", "gpt2_small_seq1024", 124439808, 1024 * 768 + 25 * 2 * 768, 12 * 9 * 768,
         12 * (12 * 1024 * 768. * 768 + 2 * 1024 * 1024 * 768.) + 1024. * 768 * 50257, 73},
    };
    const char *shared = getenv("MIXBAR_SHARED");
    int compared = 0;
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        mb_network *net = NULL, *other = NULL;
        int64_t params, macs, p2, m2;
        char *path = mb_asprintf("%s/experiments/networks/%s.csv", srcdir(), nets[i].file);
        assert_ok(mb_network_load(path, &net));
        assert_ok(mb_network_check(net));
        mb_free(path);
        totals(net, &params, &macs);
        assert_int_equal(params, nets[i].params - nets[i].left_out);
        assert_true((double)macs > 0.999 * nets[i].macs && (double)macs < 1.001 * nets[i].macs);
        assert_int_equal(net->n_weighted, nets[i].weighted);
        assert_true(net->weightless);
        path = shared ? mb_asprintf("%s/models/shapes/%s.csv", shared, nets[i].shared)
                      : mb_asprintf("%s/../shared/models/shapes/%s.csv", srcdir(), nets[i].shared);
        if (mb_file_exists(path)) { /* written by others: the same without biases */
            assert_ok(mb_network_load(path, &other));
            totals(other, &p2, &m2);
            assert_int_equal(p2, params - nets[i].biases);
            assert_int_equal(m2, macs);
            assert_int_equal(other->n_weighted, net->n_weighted);
            for (int k = 0; k < net->n_weighted; k++) {
                mb_matmul a = mb_layer_matmul(&net->layer[net->weighted[k]]), b = mb_layer_matmul(&other->layer[other->weighted[k]]);
                assert_memory_equal(&a, &b, sizeof a);
            }
            compared++;
        }
        mb_free(path);
        mb_network_free(net);
        mb_network_free(other);
    }
    print_message("# %d of 7 networks compared with the shared tables\n", compared);
}

static void rows_find_what_they_read(void **state) {
    (void)state;
    mb_network *net = NULL;
    /* a residual block without names: the shortcut reads the block's input */
    assert_ok(parse("name,op,in_channels,out_channels,kernel_h,kernel_w,stride,padding,in_h,in_w\n"
                    "a,conv,3,8,3,3,1,1,16,16\nb,conv,8,16,3,3,2,1,16,16\nc,conv,16,16,3,3,1,1,8,8\nd,conv,8,16,1,1,2,0,16,16\n"
                    "e,add,16,16,1,1,1,0,8,8\nf,linear,1024,10,1,1,1,0,1,1\n", &net));
    assert_int_equal(net->layer[find(net, "d")].in[0], find(net, "a"));
    assert_int_equal(net->layer[find(net, "e")].in[0], find(net, "d"));
    assert_int_equal(net->layer[find(net, "e")].in[1], find(net, "c"));
    assert_int_equal(net->layer[find(net, "f")].in[0], find(net, "e"));
    assert_int_equal(net->layer[0].shape.d[0], 3);
    mb_network_free(net);
    /* attention, 2 heads of 4, 6 tokens: heads come from the second operand */
    assert_ok(parse("name,op,in_channels,out_channels,vectors,inputs\nq,linear,8,8,6,input\nk,linear,8,8,6,input\nv,linear,8,8,6,input\n"
                    "qk,matmul,4,6,12,q k\nav,matmul,6,4,12,qk v\no,linear,8,8,6,av\n", &net));
    mb_matmul m = mb_layer_matmul(&net->layer[find(net, "qk")]);
    assert_int_equal(m.groups, 2);
    assert_int_equal(m.K, 4);
    assert_int_equal(m.N, 6);
    assert_int_equal(m.vectors, 6);
    assert_int_equal(mb_layer_macs(&net->layer[find(net, "qk")]), 2 * 6 * 4 * 6);
    assert_int_equal(mb_layer_params(&net->layer[find(net, "qk")]), 0);
    assert_int_equal(net->n_weighted, 4);
    assert_int_equal(net->layer[find(net, "v")].in[0], 0);
    mb_exec *e = NULL;
    assert_fails(mb_exec_new(net, 1, &e), MB_BADINPUT, "has no weights");
    mb_network_free(net);
}

/* y = a b per head, worked out by hand. */
static void a_product_of_two_activations(void **state) {
    (void)state;
    mb_layer l = {.op = &mb_op_matmul, .win = {.kh = 1, .kw = 1, .groups = 2, .cin = 4, .cout = 2, .oh = 2, .ow = 1}};
    const float a[] = {1, 2, 3, 4, 5, 6, 7, 8}, b[] = {1, 10, 2, 20}, *x[] = {a, b};
    float y[4];
    assert_ok(mb_op_matmul.forward(NULL, &l, 1, x, y));
    assert_true(y[0] == 21 && y[1] == 43 && y[2] == 130 && y[3] == 174);
}

static void refused(void **state) {
    (void)state;
    mb_network *net = NULL;
    static const struct { const char *text, *says; } bad[] = {
        {"name,op,in_channels,out_chanels\na,conv,1,1\n", "t.csv:1: a table of layer shapes has no column \"out_chanels\", did you mean \"out_channels\""},
        {"name,op,in_channels\na,conv,1\n", "t.csv:1: a table of layer shapes needs the column \"out_channels\""},
        {"name,op,in_channels,out_channels\n", "t.csv: the file holds a header and no data"},
        {"name,op,in_channels,out_channels\n# c\na,konv,1,1\n", "t.csv:3: op \"konv\" is not known, did you mean conv"},
        {"name,op,in_channels,out_channels\na,linear,1.5,1\n", "t.csv:2: in_channels = 1.5: a whole number from 1"},
        {"name,op,in_channels,out_channels\na,linear,,1\n", "t.csv:2: in_channels is missing"},
        {"name,op,in_channels,out_channels\na,linear,x,1\n", "t.csv:2"},
        {"name,op,in_channels,out_channels\na,linear,0,1\n", "t.csv:2: in_channels = 0"},
        {"name,op,in_channels,out_channels\na,linear,-3,1\n", "t.csv:2: in_channels = -3"},
        {"name,op,in_channels,out_channels\na,linear,1e300,1\n", "t.csv:2: in_channels = 1e+300"},
        {"name,op,in_channels,out_channels\n,linear,1,1\n", "t.csv:2: the layer has no name"},
        {"name,op,in_channels,out_channels\na,linear,1,1\na,linear,1,1\n", "t.csv:3: the name \"a\" is taken"},
        {"name,op,in_channels,out_channels\ninput,linear,1,1\n", "t.csv:2: the name \"input\" is taken"},
        {"name,op,in_channels,out_channels,groups\na,conv,4,6,4\n", "t.csv:2: groups = 4 does not divide"},
        {"name,op,in_channels,out_channels,groups\na,linear,4,4,4\n", "(only conv has groups)"},
        {"name,op,in_channels,out_channels,kernel_h,kernel_w,in_h,in_w\na,conv,1,1,5,5,3,3\n", "t.csv:2: the kernel 5 x 5 is larger than the padded image 3 x 3"},
        {"name,op,in_channels,out_channels,kernel_h,kernel_w,in_h,in_w,out_h\na,conv,1,1,3,3,8,8,7\n", "t.csv:2: out_h = 7, but"},
        {"name,op,in_channels,out_channels,macs\na,linear,3,4,13\n", "t.csv:2: macs = 13, but vectors x in_channels / groups x kernel_h x kernel_w x out_channels gives 12"},
        {"name,op,in_channels,out_channels,weights\na,linear,3,4,11\n", "t.csv:2: weights = 11"},
        {"name,op,in_channels,out_channels,biases\na,linear,3,4,3\n", "t.csv:2: biases = 3, but the layer gives 4"},
        {"name,op,in_channels,out_channels,inputs\na,linear,3,4,input\nb,linear,4,4,c\n", "t.csv:3: inputs: no earlier row is called \"c\""},
        {"name,op,in_channels,out_channels,inputs\na,linear,3,4,input\nb,linear,5,4,a\n", "t.csv:3: it takes 5 elements, but \"a\" has 4"},
        {"name,op,in_channels,out_channels,inputs\na,linear,3,4,input\nb,add,4,4,a\n", "t.csv:3: add reads 2 rows, not 1"},
        {"name,op,in_channels,out_channels\na,matmul,3,4\n", "t.csv:2: the first row cannot multiply two activations"},
        {"name,op,in_channels,out_channels,vectors\na,linear,3,4,1\nb,matmul,4,5,1\n", "t.csv:3: no earlier row fits as the second operand"},
        {"name,op,in_channels,out_channels,in_h,in_w\na,maxpool,3,4,8,8\n", "t.csv:2: out_channels = 4, but the operator keeps its channels"},
        {"name,op,in_channels,out_channels,in_h,in_w\na,maxpool,4,4,8,8\n", "no row is a conv or linear layer"},
        {"name,op,in_channels,out_channels,vectors\na,linear,268435456,268435456,268435456\n", "t.csv:2: the layer has more than"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_fails(parse(bad[i].text, &net), MB_BADINPUT, bad[i].says);
        assert_null(net);
    }
}

/* Bytes of a table changed at random: an answer or a message, and nothing left behind. */
static void damaged_tables(void **state) {
    (void)state;
    static const char good[] = "name,op,in_channels,out_channels,kernel_h,kernel_w,stride,padding,groups,in_h,in_w,vectors,inputs\n"
                               "a,conv,4,8,3,3,1,1,2,16,16,,input\np,maxpool,8,8,2,2,2,0,1,16,16,,a\nq,linear,512,8,,,,,,,,1,p\n"
                               "k,linear,8,24,,,,,,,,1,q\nqk,matmul,8,3,,,,,,,,1,q k\ns,softmax,3,3,,,,,,,,1,qk\no,linear,3,9,,,,,,,,1,s\n";
    static const char bytes[] = ",\n 0123456789-.eabqkpo\"";
    uint64_t x = 88172645463325252u;
    int fine = 0;
    long live = mb_mem_live();
    for (int i = 0; i < 20000; i++) {
        char text[sizeof good];
        mb_network *net = NULL;
        memcpy(text, good, sizeof good);
        for (int k = 0; k <= i % 4; k++) {
            x ^= x << 13, x ^= x >> 7, x ^= x << 17;
            text[80 + x % (sizeof good - 81)] = bytes[(x >> 32) % (sizeof bytes - 1)];
        }
        int rc = mb_shapes_parse((const uint8_t *)text, sizeof good - 1, "t.csv", &net);
        assert_true(rc == MB_OK || rc == MB_BADINPUT);
        if (!rc) assert_ok(mb_network_check(net));
        fine += !rc;
        mb_network_free(net);
        mb_error_clear();
    }
    assert_true(fine > 100 && fine < 19000);
    assert_int_equal(mb_mem_live(), live);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_networks_that_ship),
        cmocka_unit_test(rows_find_what_they_read),
        cmocka_unit_test(a_product_of_two_activations),
        cmocka_unit_test(refused),
        cmocka_unit_test(damaged_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
