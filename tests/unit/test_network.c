/* Import: folding of constants, the batch axis, fusing, names, and every error. */
#include "onnxgen.h"

#include "nn/op.h"

static const float ones[104] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};        /* and zeros */

/* A graph with input x [N, 2, 3, 4] to begin with. */
static void begin(gen *g, int opset) {
    gen_begin(g, opset);
    gen_input(g, "x", INTS(-1, 2, 3, 4));
}

static mb_network *loads(gen *g) {
    mb_network *net;
    assert_ok(gen_load(g, &net));
    return net;
}

/* ---- the batch axis and reshaping ----------------------------------------------------------------------------------------- */

/* x.view(x.size(0), -1) as PyTorch writes it: Shape, Gather, Unsqueeze, Concat, Reshape; with the declared batch BATCH. */
static void view_chain(gen *g, int64_t batch, int opset) {
    pb a = {0}, b = {0}, c = {0};
    gen_begin(g, opset);
    gen_input(g, "x", INTS(batch, 2, 3, 4));
    gen_int(g, "zero", 0);
    gen_ints(g, "axes", INTS(0));
    gen_ints(g, "rest", INTS(-1));
    gen_node(g, "Shape", NULL, "x", "shape", NULL);
    at_int(&a, "axis", 0);
    gen_node(g, "Gather", NULL, "shape,zero", "n", &a);
    if (opset < 13) at_ints(&b, "axes", INTS(0));
    gen_node(g, "Unsqueeze", NULL, opset < 13 ? "n" : "n,axes", "n1", &b);
    at_int(&c, "axis", 0);
    gen_node(g, "Concat", NULL, "n1,rest", "to", &c);
    gen_node(g, "Reshape", "view", "x,to", "y", NULL);
    gen_output(g, "y", -1, NULL);
}

static void test_batch(void **state) {
    static const int64_t batches[4] = {-1, 0, 1, 8};
    (void)state;
    for (int k = 0; k < 4; k++)
        for (int opset = 7; opset <= 22; opset += 5) {
            gen g;
            view_chain(&g, batches[k], opset);
            mb_network *net = loads(&g);
            assert_int_equal(net->n_layers, 2);
            assert_int_equal(net->opset, opset);
            assert_int_equal(net->layer[1].shape.nd, 1);
            assert_int_equal(net->layer[1].shape.d[0], 24);
            mb_network_free(net);
        }
}

/* Reshape of x [N, 2, 3, 4] (declared batch BATCH) to V; the expected shape behind the batch, or an error. */
static void test_reshape_rules(void **state) {
    static const struct { int64_t batch; int n; int64_t v[5]; int zero, nd; int64_t d[4];
    } cases[] = {
        {-1, 2, {0, 24}, 0, 1, {24}},
        {-1, 3, {0, -1, 12}, 0, 2, {2, 12}},
        {-1, 4, {0, 0, 4, -1}, 0, 3, {2, 4, 3}},
        {-1, 2, {-1, 24}, 0, 1, {24}},
        {-1, 2, {1, -1}, 0, 1, {24}},
        {8, 2, {8, 24}, 0, 1, {24}},
        {8, 2, {8, -1}, 0, 1, {24}},
        {1, 5, {1, 2, 3, 2, 2}, 0, 4, {2, 3, 2, 2}},
        {-1, 2, {-1, 12}, 0, 0, {0}},
        {-1, 2, {2, 12}, 0, 0, {0}},
        {8, 2, {1, -1}, 0, 0, {0}},
        {8, 2, {4, 48}, 0, 0, {0}},
        {-1, 1, {-1}, 0, 0, {0}},
        {-1, 3, {0, -1, -1}, 0, 0, {0}},
        {-1, 2, {0, 23}, 0, 0, {0}},
        {-1, 3, {0, 5, -1}, 0, 0, {0}},
        {-1, 2, {0, 24}, 1, 0, {0}},
        {-1, 3, {0, -2, 12}, 0, 0, {0}},
        {-1, 2, {-1, -1}, 0, 0, {0}},
        {-1, 2, {0, INT64_MAX}, 0, 0, {0}},
        {-1, 5, {0, 0, 0, 0, 0}, 0, 0, {0}},
    };
    (void)state;
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        gen g;
        pb a = {0};
        gen_begin(&g, 14);
        gen_input(&g, "x", INTS(cases[k].batch, 2, 3, 4));
        gen_ints(&g, "v", cases[k].n, cases[k].v);
        if (cases[k].zero) at_int(&a, "allowzero", 1);
        gen_node(&g, "Reshape", "view", "x,v", "y", &a);
        gen_output(&g, "y", -1, NULL);
        if (!cases[k].nd) {
            gen_refused(&g, "node \"view\" (Reshape)");
            continue;
        }
        mb_network *net = loads(&g);
        assert_int_equal(net->layer[net->output].shape.nd, cases[k].nd);
        for (int j = 0; j < cases[k].nd; j++) assert_int_equal(net->layer[net->output].shape.d[j], cases[k].d[j]);
        mb_network_free(net);
    }
}

/* ---- folding ----------------------------------------------------------------------------------------------------------------
 */

/* A chain that computes a shape with the operator under test must give the shape EXPECTED [N, 4, 6] (or an error TEXT).
 * Initialisers: a = [4, 6], two = 2. */
typedef void (*chain_fn)(gen *g);

static void with_chain(chain_fn chain, int opset, const char *refused) {
    gen g;
    pb c = {0};
    begin(&g, opset);
    gen_ints(&g, "a", INTS(4, 6));
    gen_int(&g, "two", 2);
    gen_ints(&g, "minus", INTS(-1));
    gen_ints(&g, "zeros", INTS(0));
    gen_ints(&g, "first", INTS(0));
    chain(&g);
    at_int(&c, "axis", 0);
    gen_node(&g, "Concat", "join", "minus,s", "to", &c);
    gen_node(&g, "Reshape", "view", "x,to", "y", NULL);
    gen_output(&g, "y", INTS(-1, 4, 6));
    if (refused) {
        gen_refused(&g, refused);
    } else {
        mb_network *net = loads(&g);
        assert_int_equal(net->n_layers, 2);
        mb_network_free(net);
    }
}

static void node1(gen *g, const char *op, const char *in, const char *out) { gen_node(g, op, op, in, out, NULL); }

static void chain_identity(gen *g) { node1(g, "Identity", "a", "s"); }
static void chain_arithmetic(gen *g) {                                   /* ((a + 2) * 2 - 4) / 2 = a */
    gen_ints(g, "four", INTS(4));
    node1(g, "Add", "a,two", "t1"), node1(g, "Mul", "two,t1", "t2"), node1(g, "Sub", "t2,four", "t3"),
        node1(g, "Div", "t3,two", "s");
}
static void chain_floats(gen *g) { /* floor(a * 1.5 / 1.4) with a cast there and back: [4.28, 6.43] -> [4, 6] */
    pb f = {0}, i = {0};
    float up = 1.5f, down = 1.4f;
    gen_floats(g, "up", 0, NULL, &up), gen_floats(g, "down", 0, NULL, &down);
    at_int(&f, "to", 1), at_int(&i, "to", 7);
    gen_node(g, "Cast", NULL, "a", "t1", &f);
    node1(g, "Mul", "t1,up", "t2"), node1(g, "Div", "t2,down", "t3"), node1(g, "Floor", "t3", "t4");
    gen_node(g, "Cast", NULL, "t4", "s", &i);
}
static void chain_ceil(gen *g) {
    float v[2] = {3.2f, 6};
    pb i = {0};
    gen_floats(g, "v", INTS(2), v);
    node1(g, "Ceil", "v", "t");
    at_int(&i, "to", 7);
    gen_node(g, "Cast", NULL, "t", "s", &i);
}
static void chain_range(gen *g) {                                        /* 4, 6 */
    gen_int(g, "start", 4), gen_int(g, "limit", 8);
    node1(g, "Range", "start,limit,two", "s");
}
static void chain_range_down(gen *g) {                                   /* 6, 4 turned around by a slice */
    gen_int(g, "start", 6), gen_int(g, "limit", 3), gen_int(g, "step", -2);
    gen_ints(g, "from", INTS(-1)), gen_ints(g, "until", INTS(-INT64_MAX)), gen_ints(g, "by", INTS(-1));
    node1(g, "Range", "start,limit,step", "t");
    node1(g, "Slice", "t,from,until,first,by", "s");
}
static void chain_constants(gen *g) {                                    /* value_int, value_ints, value */
    pb a = {0}, b = {0}, c = {0}, u = {0};
    int64_t six = 6, dim = 1;
    at_int(&a, "value_int", 4);
    gen_node(g, "Constant", NULL, "", "t1", &a);
    pb t = raw_tensor(NULL, 7, 8, 1, &dim, &six);
    at_tensor(&b, "value", &t);
    gen_node(g, "Constant", NULL, "", "t2", &b);
    at_ints(&u, "value_ints", INTS(0));
    gen_node(g, "Constant", NULL, "", "axes", &u);
    node1(g, "Unsqueeze", "t1,axes", "t3");
    at_int(&c, "axis", -1);
    gen_node(g, "Concat", NULL, "t3,t2", "s", &c);
}
static void chain_constant_floats(gen *g) { /* value_float (2.0), value_floats (2.0, 3.0): their product */
    pb a = {0}, b = {0}, i = {0}, l = {0};
    at_float(&a, "value_float", 2);
    gen_node(g, "Constant", NULL, "", "t1", &a);
    pb_text(&l, 1, "value_floats"), pb_float(&l, 7, 2), pb_float(&l, 7, 3), pb_int(&l, 20, 6);
    pb_message(&b, 5, &l);
    gen_node(g, "Constant", NULL, "", "t2", &b);
    node1(g, "Mul", "t1,t2", "t3");
    at_int(&i, "to", 7);
    gen_node(g, "Cast", NULL, "t3", "s", &i);
}
static void chain_constant_of_shape(gen *g) {                            /* [4, 4] + [0, 2] */
    pb a = {0};
    int64_t four = 4, dim = 1;
    pb t = raw_tensor(NULL, 7, 8, 1, &dim, &four);
    gen_ints(g, "n", INTS(2)), gen_ints(g, "more", INTS(0, 2));
    at_tensor(&a, "value", &t);
    gen_node(g, "ConstantOfShape", NULL, "n", "t1", &a);
    node1(g, "Add", "t1,more", "s");
}
static void chain_transpose(gen *g) { /* the PyTorch padding chain: reshape to pairs, turn, transpose */
    gen_ints(g, "v", INTS(6, 0, 4, 0)), gen_ints(g, "pairs", INTS(-1, 2)), gen_ints(g, "flat", INTS(-1));
    gen_ints(g, "from", INTS(-1)), gen_ints(g, "until", INTS(-INT64_MAX)), gen_ints(g, "by", INTS(-1)),
        gen_ints(g, "most", INTS(2));
    pb p = {0};
    node1(g, "Reshape", "v,pairs", "t1"), node1(g, "Slice", "t1,from,until,first,by", "t2");       /* [4 0; 6 0] */
    at_ints(&p, "perm", INTS(1, 0));
    gen_node(g, "Transpose", NULL, "t2", "t3", &p);
    node1(g, "Reshape", "t3,flat", "t4"), node1(g, "Slice", "t4,first,most", "s");                 /* 4 6 0 0 */
}
static void chain_squeeze(gen *g) {
    gen_ints(g, "two_axes", INTS(0, 2));
    node1(g, "Unsqueeze", "a,two_axes", "t1"), node1(g, "Squeeze", "t1", "s");
}
static void chain_gather(gen *g) {
    gen_ints(g, "v", INTS(9, 6, 4, 9)), gen_ints(g, "which", INTS(2, -3));
    node1(g, "Gather", "v,which", "s");
}
static void chain_shape(gen *g) {                                        /* shape of x is N 2 3 4: [4] and [2] * [3] */
    gen_ints(g, "i4", INTS(3)), gen_ints(g, "i2", INTS(1)), gen_ints(g, "i3", INTS(2));
    pb c = {0};
    node1(g, "Shape", "x", "t"), node1(g, "Gather", "t,i4", "t4"), node1(g, "Gather", "t,i2", "t2"),
        node1(g, "Gather", "t,i3", "t3"), node1(g, "Mul", "t2,t3", "t6");
    at_int(&c, "axis", 0);
    gen_node(g, "Concat", NULL, "t4,t6", "s", &c);
}
static void chain_shape_of_constant(gen *g) {
    gen_floats(g, "m", INTS(4, 6), ones);
    node1(g, "Shape", "m", "s");
}
static void chain_bool(gen *g) {                                         /* a * cast(cast(2, bool), int64) = a */
    pb b = {0}, i = {0};
    at_int(&b, "to", 9), at_int(&i, "to", 7);
    gen_node(g, "Cast", NULL, "two", "t1", &b), gen_node(g, "Cast", NULL, "t1", "t2", &i);
    node1(g, "Mul", "a,t2", "s");
}
static void chain_overflow(gen *g) {
    gen_ints(g, "big", INTS(INT64_MAX));
    node1(g, "Mul", "a,big", "s");
}
static void chain_divide(gen *g) { node1(g, "Div", "a,zeros", "s"); }
static void chain_symbolic(gen *g) {
    gen_ints(g, "i0", INTS(0));
    node1(g, "Shape", "x", "t"), node1(g, "Gather", "t,i0", "n"), node1(g, "Mul", "n,a", "s");
}
static void chain_index(gen *g) {
    gen_ints(g, "i", INTS(2));
    node1(g, "Gather", "a,i", "s");
}
static void chain_huge(gen *g) {
    gen_ints(g, "n", INTS(1 << 20, 1 << 20));
    node1(g, "ConstantOfShape", "n", "s");
}
static void chain_huge_range(gen *g) {
    gen_int(g, "zero", 0), gen_int(g, "one", 1), gen_int(g, "limit", INT64_MAX / 4);
    node1(g, "Range", "zero,limit,one", "s");
}
static void chain_no_step(gen *g) {
    gen_int(g, "zero", 0);
    node1(g, "Range", "zero,two,zero", "s");
}
static void chain_types(gen *g) {
    float f = 1;
    gen_floats(g, "f", 0, NULL, &f);
    node1(g, "Add", "a,f", "s");
}
static void chain_broadcast(gen *g) {
    gen_ints(g, "b", INTS(1, 2, 3));
    node1(g, "Add", "a,b", "s");
}
static void chain_empty_slice(gen *g) { /* a slice of a list of nothing, backwards */
    gen_ints(g, "from", INTS(-5)), gen_ints(g, "by", INTS(-1)), gen_ints(g, "until", INTS(-7));
    gen_ints(g, "none", 0, NULL);
    pb c = {0};
    node1(g, "Slice", "none,from,until,first,by", "e");
    at_int(&c, "axis", 0);
    gen_node(g, "Concat", NULL, "e,a", "s", &c);
}

static void test_folding(void **state) {
    (void)state;
    static const chain_fn good[] = {chain_identity,
                                    chain_arithmetic,
                                    chain_floats,
                                    chain_ceil,
                                    chain_range,
                                    chain_range_down,
                                    chain_constants,
                                    chain_constant_floats,
                                    chain_constant_of_shape,
                                    chain_transpose,
                                    chain_squeeze,
                                    chain_gather,
                                    chain_shape,
                                    chain_shape_of_constant,
                                    chain_bool,
                                    chain_empty_slice};
    for (size_t k = 0; k < sizeof good / sizeof *good; k++) with_chain(good[k], 13, NULL);
    with_chain(chain_overflow, 13, "node \"Mul\" (Mul): overflow");
    with_chain(chain_divide, 13, "division by zero");
    with_chain(chain_symbolic, 13, "calculates with the batch size");
    with_chain(chain_index, 13, "index 2 is outside");
    with_chain(chain_huge, 13, "more than");
    with_chain(chain_huge_range, 13, "too long");
    with_chain(chain_no_step, 13, "no step");
    with_chain(chain_types, 13, "differ in type");
    with_chain(chain_broadcast, 13, "do not fit together");
}

/* A linear layer whose weights come transposed and reshaped from a constant. */
static void test_folded_weights(void **state) {
    (void)state;
    gen g;
    float w[6] = {1, 2, 3, 4, 5, 6};
    pb p = {0};
    gen_begin(&g, 13);
    gen_input(&g, "x", INTS(-1, 3));
    gen_floats(&g, "w", INTS(6), w);
    gen_ints(&g, "to", INTS(2, 3));
    node1(&g, "Reshape", "w,to", "w1");
    at_ints(&p, "perm", INTS(1, 0));
    gen_node(&g, "Transpose", NULL, "w1", "w2", &p);
    node1(&g, "MatMul", "x,w2", "y");
    gen_output(&g, "y", INTS(-1, 2));
    mb_network *net = loads(&g);
    float m[6];
    assert_memory_equal(net->layer[1].weight, w, sizeof w);              /* [out 2][in 3] again */
    mb_layer_matrix(&net->layer[1], 0, m);
    assert_true(m[0] == 1.0f && m[1] == 4.0f && m[2] == 2.0f && m[5] == 6.0f);
    mb_network_free(net);
}

/* ---- names, uses, order
 * -------------------------------------------------------------------------------------------------------- */

static void test_names(void **state) {
    (void)state;
    gen g;
    begin(&g, 13);
    gen_node(&g, "Relu", "act", "x", "a", NULL);
    gen_node(&g, "Relu", "act", "a", "b", NULL);
    gen_node(&g, "Relu", "act_2", "b", "c", NULL);
    gen_node(&g, "Relu", NULL, "c", "d", NULL);
    gen_node(&g, "Relu", "tab\there", "d", "e", NULL);
    gen_node(&g, "Relu", "unused", "c", "z", NULL);
    gen_output(&g, "e", -1, NULL);
    mb_log_quiet(1);
    mb_network *net = loads(&g);
    mb_log_quiet(0);
    assert_int_equal(net->n_layers, 6);                                  /* the unused one is left out */
    assert_string_equal(net->name, "test");
    assert_string_equal(net->path, "test.onnx");
    assert_string_equal(net->layer[0].name, "x");
    assert_string_equal(net->layer[1].name, "act");
    assert_string_equal(net->layer[4].name, "Relu_3");
    assert_string_equal(net->layer[5].name, "tab?here");
    assert_int_equal(net->output, 5);
    for (int k = 0; k < net->n_layers; k++)
        for (int j = 0; j < k; j++) assert_string_not_equal(net->layer[k].name, net->layer[j].name);
    mb_network_free(net);
}

/* An unused branch in the middle: indices behind it move. */
static void test_unused_branch(void **state) {
    (void)state;
    gen g;
    gen_begin(&g, 13);
    gen_input(&g, "x", INTS(-1, 4));
    gen_floats(&g, "w", INTS(4, 4), ones);
    gen_node(&g, "Gemm", "dead", "x,w", "d", NULL);
    gen_node(&g, "Relu", "dead2", "d", "e", NULL);
    gen_node(&g, "Relu", "a", "x", "a", NULL);
    gen_node(&g, "Gemm", "live", "a,w", "b", NULL);
    gen_node(&g, "Add", "sum", "b,x", "y", NULL);
    gen_output(&g, "y", -1, NULL);
    mb_log_quiet(1);
    mb_network *net = loads(&g);
    mb_log_quiet(0);
    assert_int_equal(net->n_layers, 4);
    assert_int_equal(net->n_weighted, 1);
    assert_string_equal(net->layer[net->weighted[0]].name, "live");
    assert_int_equal(net->layer[2].in[0], 1);
    assert_int_equal(net->layer[3].in[0], 2);
    assert_int_equal(net->layer[3].in[1], 0);
    mb_network_free(net);
}

/* What must not be folded into a layer: a result that is the graph's output, or used under another name. */
static void test_not_fused(void **state) {
    (void)state;
    gen g;
    gen_begin(&g, 13);
    gen_input(&g, "x", INTS(-1, 4));
    gen_floats(&g, "w", INTS(4, 4), ones);
    gen_floats(&g, "f", INTS(4), ones);
    gen_node(&g, "MatMul", "fc", "x,w", "m", NULL);
    gen_node(&g, "Identity", "i", "m", "n", NULL);
    gen_node(&g, "Add", "bias", "n,f", "b", NULL);
    gen_node(&g, "Add", "sum", "b,m", "y", NULL);
    gen_output(&g, "y", -1, NULL);
    mb_network *net = loads(&g);
    assert_int_equal(net->n_layers, 4);
    assert_string_equal(net->layer[2].op->name, "scale");
    assert_null(net->layer[1].bias);
    mb_network_free(net);
}

/* Initialisers listed as inputs, as files before IR 4 do. */
static void test_initialisers_as_inputs(void **state) {
    (void)state;
    gen g;
    gen_begin(&g, 13);
    gen_input(&g, "w", INTS(4, 2));
    gen_input(&g, "x", INTS(-1, 4));
    gen_floats(&g, "w", INTS(4, 2), ones);
    gen_node(&g, "MatMul", "fc", "x,w", "y", NULL);
    gen_output(&g, "y", -1, NULL);
    mb_network *net = loads(&g);
    assert_string_equal(net->layer[0].name, "x");
    mb_network_free(net);
}

static void test_hash(void **state) {
    (void)state;
    uint64_t h[3];
    for (int k = 0; k < 3; k++) {
        gen g;
        float w[8] = {1, 2, 3, 4, 5, 6, 7, k == 2 ? 9 : 8};
        gen_begin(&g, 13);
        gen_input(&g, "x", INTS(-1, 4));
        gen_floats(&g, "w", INTS(4, 2), w);
        gen_node(&g, "MatMul", "fc", "x,w", "y", NULL);
        gen_output(&g, "y", -1, NULL);
        mb_network *net = loads(&g);
        h[k] = net->hash;
        mb_network_free(net);
    }
    assert_true(h[0] == h[1]);
    assert_true(h[0] != h[2]);
}

/* ---- errors
 * -------------------------------------------------------------------------------------------------------------------- */

/* x [N, 2, 3, 4] -> one node OP with inputs IN and attributes A -> y: refused with TEXT. */
static void refuse(int opset, const char *op, const char *in, pb *a, const char *text) {
    gen g;
    begin(&g, opset);
    gen_floats(&g, "w", INTS(2, 2, 3, 3), ones);
    gen_floats(&g, "w5", INTS(2, 2, 5, 5), ones);
    gen_floats(&g, "m", INTS(4, 5), ones);
    gen_floats(&g, "v3", INTS(3), ones);
    gen_floats(&g, "v2", INTS(2), ones);
    gen_floats(&g, "v0", INTS(4), ones + 60);                            /* zeros */
    gen_floats(&g, "b8", INTS(8, 1, 1, 1), ones);
    gen_floats(&g, "s1", 0, NULL, ones);
    gen_ints(&g, "i0", INTS(0));
    gen_ints(&g, "i1", INTS(1));
    gen_ints(&g, "i2", INTS(2));
    gen_ints(&g, "p8", INTS(0, 0, 1, 1, 0, 0, 1, 1));
    gen_ints(&g, "pb", INTS(1, 0, 0, 0, 0, 0, 0, 0));
    gen_ints(&g, "pn", INTS(0, 0, -1, 0, 0, 0, 0, 0));
    gen_node(&g, "Relu", "r", "x", "r", NULL);
    gen_node(&g, op, "bad", in, "y", a);
    gen_output(&g, "y", -1, NULL);
    gen_refused(&g, text);
}

static pb ints(const char *name, int n, const int64_t *v) {
    pb a = {0};
    at_ints(&a, name, n, v);
    return a;
}
static pb integer(const char *name, int64_t v) {
    pb a = {0};
    at_int(&a, name, v);
    return a;
}
static pb text(const char *name, const char *v) {
    pb a = {0};
    at_text(&a, name, v);
    return a;
}

static void test_node_errors(void **state) {
    (void)state;
    pb a;
    refuse(13, "LSTM", "x", NULL, "test.onnx: node \"bad\": operator LSTM is not supported; supported: Conv, ");
    refuse(13, "Gather", "x,i0", NULL, "supported on constants (shapes) only");
    refuse(13, "Conv", "w,w", NULL, "all its inputs are constants");
    refuse(13, "Relu", "nothing", NULL, "input \"nothing\" is not defined");
    refuse(13, "Relu", "y", NULL, "computed later");
    refuse(13, "Relu", "x,x", NULL, "it has 2 inputs");
    a = integer("wrong", 1), refuse(13, "Relu", "x", &a, "attribute \"wrong\" is not known");

    refuse(13, "Conv", "x,r", NULL, "only constants are supported there");
    refuse(13, "Conv", "x,w5", NULL, "larger than its padded input");
    refuse(13, "Conv", "x,m", NULL, "weights have rank 2");
    refuse(13, "Conv", "x,w,v3", NULL, "bias has 3 elements");
    a = integer("group", 2), refuse(13, "Conv", "x,w", &a, "do not fit weights");
    a = integer("group", 3), refuse(13, "Conv", "x,w", &a, "do not fit weights");
    a = ints("pads", INTS(1, 1, 1)), refuse(13, "Conv", "x,w", &a, "must have 4 values");
    a = ints("pads", INTS(-1, 0, 0, 0)), refuse(13, "Conv", "x,w", &a, "negative padding");
    a = ints("strides", INTS(0, 1)), refuse(13, "Conv", "x,w", &a, "\"strides\" holds 0");
    a = ints("kernel_shape", INTS(5, 5)), refuse(13, "Conv", "x,w", &a, "kernel_shape says 5");
    a = text("auto_pad", "SOME"), refuse(13, "Conv", "x,w", &a, "auto_pad");
    a = text("pads", "x"), refuse(13, "Conv", "x,w", &a, "must be a list of integers");

    refuse(13, "Gemm", "x,m", NULL, "put a Flatten before it");
    refuse(13, "MatMul", "x,r", NULL, "two activations");
    refuse(13, "MatMul", "m,x", NULL, "constant on the left");
    refuse(13, "MatMul", "x,w", NULL, "a matrix (rank 2) is needed");
    refuse(13, "MatMul", "x,v3", NULL, "a matrix (rank 2) is needed");
    a = integer("transA", 1), refuse(13, "Gemm", "x,m", &a, "transA");

    refuse(13, "Mul", "x,r", NULL, "Mul of two activations");
    refuse(13, "Div", "s1,x", NULL, "constant divided by");
    refuse(13, "Div", "x,v0", NULL, "divides by zero");
    refuse(13, "Add", "x,v3", NULL, "does not fit the shape N x 2x3x4");
    refuse(13, "Add", "x,b8", NULL, "does not fit the shape");
    refuse(13, "Add", "x,i1", NULL, "has type int64; float is needed");
    refuse(13, "BatchNormalization", "x,v3,v3,v3,v3", NULL, "has 3 elements, its input 2 channels");
    a = integer("training_mode", 1), refuse(14, "BatchNormalization", "x,v2,v2,v2,v2", &a, "training mode");

    a = text("mode", "reflect"), refuse(13, "Pad", "x,p8", &a, "mode \"reflect\"");
    refuse(13, "Pad", "x,pb", NULL, "pads the batch axis");
    refuse(13, "Pad", "x,pn", NULL, "use Slice to cut");
    refuse(13, "Pad", "x,i2", NULL, "it has 1 pads, 8 are needed");
    refuse(13, "Pad", "x", NULL, "is missing");
    refuse(13, "Slice", "x,i0,i1,i0", NULL, "slices the batch axis");
    refuse(13, "Slice", "x,i1,i1,i1", NULL, "is empty");
    refuse(13, "Slice", "x,i0,i1,i1,i0", NULL, "step cannot be 0");
    refuse(13, "Slice", "x,i0,p8", NULL, "at most 4");
    a = integer("axis", 0), refuse(13, "Concat", "x,r", &a, "batch axis");
    a = integer("axis", 1), refuse(13, "Concat", "x,w", &a, "activations and constants");
    a = integer("axis", 4), refuse(13, "Concat", "x,r", &a, "axis 4 is outside");
    a = integer("axis", 0), refuse(13, "Softmax", "x", &a, "batch axis");
    a = integer("axis", 2), refuse(13, "Flatten", "x", &a, "batch axis");
    a = ints("perm", INTS(0, 2, 3, 1)), refuse(13, "Transpose", "x", &a, "channels-first");
    a = ints("perm", INTS(1, 0, 2, 3)), refuse(13, "Transpose", "x", &a, "batch axis");
    a = ints("perm", INTS(0, 1, 1, 2)), refuse(13, "Transpose", "x", &a, "named twice");
    refuse(13, "Unsqueeze", "x,i0", NULL, "batch axis");
    refuse(13, "Squeeze", "x,i0", NULL, "batch axis");
    refuse(13, "Squeeze", "x,i1", NULL, "cannot be squeezed");
    a = integer("to", 7), refuse(13, "Cast", "x", &a, "not to int64");
    refuse(13, "MaxPool", "x", NULL, "\"kernel_shape\" is missing");
    a = ints("kernel_shape", INTS(2, 2)), at_ints(&a, "pads", INTS(2, 0, 0, 0)),
    refuse(13, "MaxPool", "x", &a, "nothing but padding");
    a = ints("axes", INTS(1)), refuse(13, "ReduceMean", "x", &a, "only the mean over all spatial axes");
    refuse(13, "Clip", "x,s1,v0", NULL, "must be one real number");
    a = (pb){0}, at_float(&a, "min", 1), at_float(&a, "max", 0), refuse(10, "Clip", "x", &a, "wrong way round");
    refuse(13, "Shape", "x", NULL, "does not depend on the input");
}

static void test_graph_errors(void **state) {
    (void)state;
    gen g;
    begin(&g, 13);                                                       /* two outputs */
    gen_node(&g, "Relu", "r", "x", "y", NULL);
    gen_output(&g, "y", -1, NULL), gen_output(&g, "x", -1, NULL);
    gen_refused(&g, "2 outputs: \"y\", \"x\"");

    begin(&g, 13);                                                       /* none */
    gen_node(&g, "Relu", "r", "x", "y", NULL);
    gen_refused(&g, "0 outputs");

    begin(&g, 13);                                                       /* two inputs */
    gen_input(&g, "mask", INTS(-1, 2));
    gen_node(&g, "Relu", "r", "x", "y", NULL);
    gen_output(&g, "y", -1, NULL);
    gen_refused(&g, "2 inputs: \"x\", \"mask\"");

    gen_begin(&g, 13);                                                   /* none but an initialiser */
    gen_floats(&g, "w", INTS(2), ones);
    gen_node(&g, "Relu", "r", "w", "y", NULL);
    gen_output(&g, "y", -1, NULL);
    gen_refused(&g, "0 inputs");

    begin(&g, 13);                                                       /* a name twice */
    gen_node(&g, "Relu", "r", "x", "y", NULL);
    gen_node(&g, "Relu", "s", "x", "y", NULL);
    gen_output(&g, "y", -1, NULL);
    gen_refused(&g, "\"y\" is defined twice");

    begin(&g, 13);                                                       /* a cycle */
    gen_node(&g, "Add", "a", "x,c", "b", NULL);
    gen_node(&g, "Relu", "r", "b", "c", NULL);
    gen_output(&g, "c", -1, NULL);
    gen_refused(&g, "node \"a\" (Add): its input \"c\" is computed later");

    begin(&g, 13);                                                       /* a second output is used */
    pb a = {0};
    at_ints(&a, "kernel_shape", INTS(2, 2));
    gen_node(&g, "MaxPool", "p", "x", "y,indices", &a);
    gen_node(&g, "Relu", "r", "indices", "z", NULL);
    gen_output(&g, "z", -1, NULL);
    gen_refused(&g, "only the first output");

    begin(&g, 13);                                                       /* output of nobody; the declared shape is another one */
    gen_node(&g, "Relu", "r", "x", "y", NULL);
    gen_output(&g, "z", -1, NULL);
    gen_refused(&g, "output \"z\" is not computed");
    begin(&g, 13);
    gen_node(&g, "Relu", "r", "x", "y", NULL);
    gen_output(&g, "y", INTS(-1, 2, 3, 5));
    gen_refused(&g, "states another shape");

    static const int opsets[3] = {0, 6, 23};
    for (int k = 0; k < 3; k++) {
        begin(&g, opsets[k]);
        gen_node(&g, "Relu", "r", "x", "y", NULL);
        gen_output(&g, "y", -1, NULL);
        gen_refused(&g, "export with an opset from 7 to 22");
    }
    begin(&g, 13);                                                       /* a foreign domain */
    pb n = {0};
    pb_text(&n, 1, "x"), pb_text(&n, 2, "y"), pb_text(&n, 4, "Relu"), pb_text(&n, 7, "com.example");
    pb_message(&g.graph, 1, &n);
    gen_output(&g, "y", -1, NULL);
    gen_refused(&g, "operator Relu of domain com.example is not supported");

    gen_begin(&g, 13);                                                   /* inputs that cannot be */
    gen_value(&g, 11, "x", 7, 2, (int64_t[]){-1, 3});
    gen_refused(&g, "has type int64");
    gen_begin(&g, 13);
    gen_input(&g, "x", 3, (int64_t[]){-1, 3, -1});
    gen_refused(&g, "axis 2 has no fixed size (N)");
    gen_begin(&g, 13);
    gen_input(&g, "x", 1, (int64_t[]){3});
    gen_refused(&g, "wrong rank");
    gen_begin(&g, 13);
    gen_input(&g, "x", -1, NULL);
    gen_refused(&g, "has no shape");
    gen_begin(&g, 13);
    gen_input(&g, "x", 3, (int64_t[]){1, 1 << 20, 1 << 20});
    gen_refused(&g, "more than 268435456 elements");
    gen_begin(&g, 13);                                                   /* sparse initialisers */
    gen_input(&g, "x", 2, (int64_t[]){1, 2});
    pb_bytes(&g.graph, 15, "", 0);
    gen_refused(&g, "sparse");
    gen_begin(&g, 13);                                                   /* growing without end */
    gen_input(&g, "x", 2, (int64_t[]){1, 1 << 27});
    pb c = {0};
    at_int(&c, "axis", 1);
    gen_node(&g, "Concat", "grow", "x,x,x", "y", &c);
    gen_refused(&g, "node \"grow\" (Concat): its result has more than");
}

static void test_not_finite(void **state) {
    (void)state;
    for (int k = 0; k < 3; k++) {
        gen g;
        float w[8] = {1, 2, 3, 4, 5, 6, 7, 8}, b[2] = {0, 0};
        if (k == 0) w[5] = NAN;
        if (k == 1) b[1] = INFINITY;
        gen_begin(&g, 13);
        gen_input(&g, "x", INTS(-1, 4));
        gen_floats(&g, "w", INTS(4, 2), w);
        gen_floats(&g, "b", INTS(2), b);
        gen_floats(&g, "f", 0, NULL, (float[]){3e38f});
        pb a = {0};
        gen_node(&g, "Gemm", "fc", "x,w,b", k == 2 ? "m" : "y", &a);
        if (k == 2) gen_node(&g, "Mul", "huge", "m,f", "y", NULL);       /* the product overflows when it is folded */
        gen_output(&g, "y", -1, NULL);
        gen_refused(&g, k == 0   ? "node \"fc\" (Gemm): input 1 (B): element 5 is NaN"
                        : k == 1 ? "input 2 (C): element 1 is infinite"
                                 : "layer \"fc\": weight [out 0, in 1, y 0, x 0] is infinite");
    }
}

static void test_check(void **state) {
    (void)state;
    gen g;
    gen_begin(&g, 13);
    gen_input(&g, "x", INTS(-1, 2, 4, 4));
    gen_floats(&g, "w", INTS(1, 2, 3, 3), ones);
    gen_node(&g, "Conv", "c", "x,w", "y", NULL);
    gen_output(&g, "y", -1, NULL);
    mb_network *net = loads(&g);
    assert_ok(mb_network_check(net));
    net->layer[1].weight[13] = NAN;                                      /* channel 1, row 1, column 1 */
    assert_fails(mb_network_check(net), MB_BADINPUT, "layer \"c\": weight [out 0, in 1, y 1, x 1] is NaN");
    net->layer[1].weight[13] = 0;
    net->layer[1].n_weight--;
    assert_fails(mb_network_check(net), MB_BUG, "do not agree");
    net->layer[1].n_weight++;
    net->layer[1].in[0] = 1;
    assert_fails(mb_network_check(net), MB_BUG, "order");
    net->layer[1].in[0] = 0;
    mb_network_free(net);
}

static void test_shapes(void **state) {
    (void)state;
    char buf[40];
    mb_shape s = {3, {16, 28, 7}}, t = {3, {16, 28, 8}}, u = {2, {16, 28}}, scalar = {0, {0}};
    assert_string_equal(mb_shape_text(&s, buf, sizeof buf), "16x28x7");
    assert_string_equal(mb_shape_text(&scalar, buf, sizeof buf), "scalar");
    mb_shape_text(&s, buf, 6);
    assert_string_equal(buf, "16x28");
    assert_int_equal(mb_shape_count(&s), 16 * 28 * 7);
    assert_int_equal(mb_shape_count(&scalar), 1);
    assert_true(mb_shape_equal(&s, &s));
    assert_false(mb_shape_equal(&s, &t));
    assert_false(mb_shape_equal(&s, &u));
}

/* The matrix of a grouped convolution: row (c, dy, dx), column = output channel of the group. */
static void test_matrix(void **state) {
    (void)state;
    gen g;
    float w[4 * 2 * 3 * 2], m[24];
    for (int k = 0; k < 48; k++) w[k] = (float)k;
    pb a = {0};
    at_int(&a, "group", 2);
    gen_begin(&g, 13);
    gen_input(&g, "x", INTS(-1, 4, 5, 6));
    gen_floats(&g, "w", INTS(4, 2, 3, 2), w);
    gen_node(&g, "Conv", "c", "x,w", "y", &a);
    gen_output(&g, "y", -1, NULL);
    mb_network *net = loads(&g);
    const mb_layer *l = &net->layer[1];
    mb_matmul mm = mb_layer_matmul(l);
    assert_int_equal(mm.groups, 2);
    assert_int_equal(mm.K, 12);
    assert_int_equal(mm.N, 2);
    assert_int_equal(mm.vectors, 15);
    assert_int_equal(mb_layer_macs(l), 2 * 12 * 2 * 15);
    assert_int_equal(mb_layer_params(l), 48);
    mb_layer_matrix(l, 1, m);
    for (int c = 0; c < 2; c++)
        for (int dy = 0; dy < 3; dy++)
            for (int dx = 0; dx < 2; dx++)
                for (int o = 0; o < 2; o++)
                    assert_true(m[((c * 3 + dy) * 2 + dx) * 2 + o] == (float)((((2 + o) * 2 + c) * 3 + dy) * 2 + dx));
    mb_network_free(net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batch),        cmocka_unit_test(test_reshape_rules),
        cmocka_unit_test(test_folding),      cmocka_unit_test(test_folded_weights),
        cmocka_unit_test(test_names),        cmocka_unit_test(test_unused_branch),
        cmocka_unit_test(test_not_fused),    cmocka_unit_test(test_initialisers_as_inputs),
        cmocka_unit_test(test_hash),         cmocka_unit_test(test_node_errors),
        cmocka_unit_test(test_graph_errors), cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_check),        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_matrix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
