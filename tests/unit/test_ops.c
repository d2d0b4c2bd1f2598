/* Each operator against naive loops in double, through a small ONNX file, our reference and oneDNN. */
#include "onnxgen.h"

#include "nn/exec.h"
#include "nn/op.h"
#include "nn/reference.h"
#include "nn/unroll.h"

#define BATCH 3

/* Load G (input "x", output "y") and run it on noise both ways: X and Y (mb_free) hold BATCH samples; Y is our reference's. */
static mb_network *run(gen *g, float **x, float **y) {
    mb_network *net;
    mb_exec *e;
    assert_ok(gen_load(g, &net));
    size_t in = mb_shape_count(&net->layer[net->input].shape), out = mb_shape_count(&net->layer[net->output].shape);
    *x = noise(in + 31 * out, BATCH * in);
    *y = mb_calloc(BATCH * out, sizeof **y);
    float *z = mb_calloc(BATCH * out, sizeof *z);
    assert_ok(mb_exec_new(net, BATCH, &e));
    assert_ok(mb_exec_run(e, BATCH, *x, *y, mb_exec_reference, NULL, NULL, NULL));
    assert_ok(mb_exec_run(e, BATCH, *x, z, NULL, NULL, NULL, NULL));
    if (!(distance(z, *y, BATCH * out) < 2e-6)) fail_msg("oneDNN and the reference differ by %g", distance(z, *y, BATCH * out));
    mb_free(z);
    mb_exec_free(e);
    return net;
}

/* The output must be the N numbers EXPECTED for all samples, within TOL of the largest. */
static void same(const float *y, const float *expected, size_t n, double tol) {
    double d = distance(y, expected, n);
    if (!(d <= tol)) fail_msg("differs from the naive loops by %g", d);
}

static const mb_layer *only(const mb_network *net, const char *op) {
    assert_int_equal(net->n_layers, 2);
    assert_string_equal(net->layer[1].op->name, op);
    return &net->layer[1];
}

static void done(mb_network *net, float *x, float *y, float *z) {
    mb_free(x);
    mb_free(y);
    mb_free(z);
    mb_network_free(net);
}

/* ---- convolution ---------------------------------------------------------------------------------------------------- */

typedef struct conv_case {
    int cin, cout, groups, h, w, kh, kw, sh, sw, pt, pl, pb, pr, dh, dw, bias;
    const char *auto_pad;
    int oh, ow;
} conv_case;

/* x [BATCH][cin][h][w], weights [cout][cin/groups][kh][kw] */
static void naive_conv(const conv_case *c, const float *x, const float *w, const float *b, float *y) {
    int ci = c->cin / c->groups, co = c->cout / c->groups;
    for (int n = 0; n < BATCH; n++)
        for (int o = 0; o < c->cout; o++)
            for (int oy = 0; oy < c->oh; oy++)
                for (int ox = 0; ox < c->ow; ox++) {
                    double s = b ? (double)b[o] : 0;
                    for (int i = 0; i < ci; i++)
                        for (int dy = 0; dy < c->kh; dy++)
                            for (int dx = 0; dx < c->kw; dx++) {
                                int iy = oy * c->sh - c->pt + dy * c->dh, ix = ox * c->sw - c->pl + dx * c->dw;
                                if (iy < 0 || iy >= c->h || ix < 0 || ix >= c->w) continue;
                                s += (double)x[((n * c->cin + o / co * ci + i) * c->h + iy) * c->w + ix] *
                                     (double)w[((o * ci + i) * c->kh + dy) * c->kw + dx];
                            }
                    *y++ = (float)s;
                }
}

/* Unrolled inputs times the layer's matrix must give the same as the layer: K order, groups, padding of both unrolls. */
static void check_unroll(const mb_layer *l, const float *x, const float *y) {
    mb_matmul m = mb_layer_matmul(l);
    size_t in = (size_t)l->win.cin * (size_t)l->win.ih * (size_t)l->win.iw;
    int half = m.vectors / 2;
    float *u = mb_malloc((size_t)m.vectors, (size_t)m.K * sizeof *u),
          *matrix = mb_malloc((size_t)m.K, (size_t)m.N * sizeof *matrix);
    int16_t *q = mb_malloc(in, sizeof *q), *uq = mb_malloc((size_t)m.vectors, (size_t)m.K * sizeof *uq);
    double worst = 0, largest = 0;
    for (size_t k = 0; k < in; k++) q[k] = (int16_t)(1000 * x[k]);
    for (int g = 0; g < m.groups; g++) {
        mb_unroll_f32(l, g, x, 0, half, u);
        mb_unroll_f32(l, g, x, half, m.vectors, u + (size_t)half * (size_t)m.K);
        mb_unroll_i16(l, g, q, 0, m.vectors, uq);
        mb_layer_matrix(l, g, matrix);
        for (int v = 0; v < m.vectors; v++) {
            for (int k = 0; k < m.K; k++) assert_int_equal(uq[v * m.K + k], (int16_t)(1000 * u[v * m.K + k]));
            for (int o = 0; o < m.N; o++) {
                double s = l->bias ? (double)l->bias[g * m.N + o] : 0, ref = (double)y[(g * m.N + o) * m.vectors + v];
                for (int k = 0; k < m.K; k++) s += (double)u[v * m.K + k] * (double)matrix[k * m.N + o];
                worst = fmax(worst, fabs(s - ref));
                largest = fmax(largest, fabs(ref));
            }
        }
    }
    assert_true(worst <= 2e-6 * largest);
    mb_free(u);
    mb_free(matrix);
    mb_free(q);
    mb_free(uq);
}

static void test_conv(void **state) {
    static const conv_case cases[] = {
        {3, 5, 1, 7, 9, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, NULL, 7, 9},
        {3, 17, 1, 8, 8, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1, 0, NULL, 4, 4},
        {4, 6, 2, 9, 7, 3, 2, 2, 1, 0, 2, 1, 0, 1, 1, 1, NULL, 4, 8},
        {8, 8, 8, 10, 10, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, NULL, 10, 10},
        {4, 8, 4, 11, 6, 3, 3, 2, 2, 0, 0, 1, 1, 1, 1, 0, NULL, 5, 3},
        {2, 3, 1, 12, 13, 3, 3, 1, 1, 2, 2, 2, 2, 2, 2, 1, NULL, 12, 13},
        {2, 3, 1, 12, 13, 3, 2, 2, 3, 0, 1, 3, 0, 3, 2, 1, NULL, 5, 4},
        {16, 20, 1, 5, 5, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, NULL, 5, 5},
        {6, 4, 1, 9, 9, 1, 1, 2, 2, 0, 0, 0, 0, 1, 1, 0, NULL, 5, 5},
        {1, 33, 1, 6, 40, 5, 5, 1, 1, 2, 2, 2, 2, 1, 1, 1, NULL, 6, 40},
        {2, 2, 1, 4, 4, 4, 4, 1, 1, 0, 0, 0, 0, 1, 1, 1, NULL, 1, 1},
        {2, 2, 1, 2, 3, 7, 7, 1, 1, 3, 3, 3, 3, 1, 1, 1, NULL, 2, 3},
        {3, 4, 1, 8, 9, 4, 3, 2, 2, 1, 1, 1, 1, 1, 1, 1, "SAME_UPPER", 4, 5},
        {3, 4, 1, 8, 9, 4, 4, 2, 3, 1, 1, 1, 0, 1, 1, 1, "SAME_LOWER", 4, 3},
        {3, 4, 1, 8, 9, 2, 2, 3, 1, 0, 0, 0, 1, 1, 1, 1, "SAME_UPPER", 3, 9},
        {3, 4, 1, 8, 9, 2, 2, 1, 1, 1, 1, 0, 0, 1, 1, 1, "SAME_LOWER", 8, 9},
        {3, 4, 1, 8, 9, 3, 3, 1, 2, 0, 0, 0, 0, 1, 1, 1, "VALID", 6, 4},
    };
    (void)state;
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        const conv_case *c = &cases[k];
        int64_t dim[4] = {c->cout, c->cin / c->groups, c->kh, c->kw};
        float *w = noise(k + 1, dims_product(4, dim)), *b = noise(k + 100, (size_t)c->cout), *x, *y;
        gen g;
        pb a = {0};
        gen_begin(&g, 13);
        gen_input(&g, "x", INTS(-1, c->cin, c->h, c->w));
        gen_floats(&g, "w", 4, dim, w);
        gen_floats(&g, "b", 1, dim, b);
        at_ints(&a, "strides", INTS(c->sh, c->sw));
        at_ints(&a, "dilations", INTS(c->dh, c->dw));
        at_int(&a, "group", c->groups);
        if (c->auto_pad) at_text(&a, "auto_pad", c->auto_pad);
        else at_ints(&a, "pads", INTS(c->pt, c->pl, c->pb, c->pr));
        gen_node(&g, "Conv", "conv", c->bias ? "x,w,b" : "x,w", "y", &a);
        gen_output(&g, "y", INTS(-1, c->cout, c->oh, c->ow));
        mb_network *net = run(&g, &x, &y);
        const mb_layer *l = only(net, "conv");
        assert_int_equal(mb_layer_macs(l), (int64_t)c->oh * c->ow * c->cout * (c->cin / c->groups) * c->kh * c->kw);
        assert_int_equal(mb_layer_params(l), dims_product(4, dim) + (size_t)(c->bias ? c->cout : 0));
        assert_int_equal(l->win.pt, c->pt);
        assert_int_equal(l->win.pr, c->pr);
        size_t out = (size_t)c->cout * (size_t)c->oh * (size_t)c->ow;
        float *z = mb_malloc(BATCH * out, sizeof *z);
        naive_conv(c, x, w, c->bias ? b : NULL, z);
        same(y, z, BATCH * out, 2e-6);
        check_unroll(l, x, y);
        mb_free(w);
        mb_free(b);
        done(net, x, y, z);
    }
}

static void test_conv_1d(void **state) {
    (void)state;
    conv_case c = {3, 4, 1, 1, 20, 1, 5, 1, 2, 0, 1, 0, 3, 1, 2, 1, NULL, 1, 8};
    float *w = noise(1, 60), *b = noise(2, 4), *x, *y, z[BATCH * 4 * 8];
    gen g;
    pb a = {0};
    gen_begin(&g, 11);
    gen_input(&g, "x", INTS(-1, 3, 20));
    gen_floats(&g, "w", INTS(4, 3, 5), w);
    gen_floats(&g, "b", INTS(4), b);
    at_ints(&a, "strides", INTS(2));
    at_ints(&a, "dilations", INTS(2));
    at_ints(&a, "pads", INTS(1, 3));
    gen_node(&g, "Conv", NULL, "x,w,b", "y", &a);
    gen_output(&g, "y", INTS(-1, 4, 8));
    mb_network *net = run(&g, &x, &y);
    assert_string_equal(only(net, "conv")->name, "Conv_0");
    assert_int_equal(net->layer[1].shape.nd, 2);
    naive_conv(&c, x, w, b, z);
    same(y, z, BATCH * 4 * 8, 2e-6);
    mb_free(w);
    mb_free(b);
    done(net, x, y, NULL);
}

/* ---- fully connected -------------------------------------------------------------------------------------------------- */

/* y[r][o] = b[o] + sum w[o][i] x[r][i] */
static void naive_linear(size_t rows, int in, int out, const float *w, int transposed, double alpha, const float *b, double beta,
                         const float *x, float *y) {
    for (size_t r = 0; r < rows; r++)
        for (int o = 0; o < out; o++) {
            double s = b ? beta * (double)b[o] : 0;
            for (int i = 0; i < in; i++)
                s += alpha * (double)w[transposed ? o * in + i : i * out + o] * (double)x[r * (size_t)in + (size_t)i];
            *y++ = (float)s;
        }
}

static void test_gemm(void **state) {
    static const struct { int in, out, trans, bias; float alpha, beta;
    } cases[] = {
        {7, 5, 1, 1, 1, 1},       {40, 33, 0, 1, 1, 1}, {17, 16, 1, 0, 1, 1},
        {64, 10, 0, 1, 0.5f, -2}, {1, 1, 1, 1, 1, 1},   {9, 50, 1, 2, 2, 3},
    };
    (void)state;
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        int in = cases[k].in, out = cases[k].out;
        float *w = noise(k + 1, (size_t)in * (size_t)out), *b = noise(k + 50, (size_t)out), *x, *y;
        gen g;
        pb a = {0};
        gen_begin(&g, 13);
        gen_input(&g, "x", INTS(1, in));
        if (cases[k].trans) gen_floats(&g, "w", INTS(out, in), w);
        else gen_floats(&g, "w", INTS(in, out), w);
        gen_floats(&g, "b", cases[k].bias == 2 ? 2 : 1, cases[k].bias == 2 ? (int64_t[]){1, out} : (int64_t[]){out}, b);
        at_int(&a, "transB", cases[k].trans);
        at_float(&a, "alpha", cases[k].alpha);
        at_float(&a, "beta", cases[k].beta);
        gen_node(&g, "Gemm", "fc", cases[k].bias ? "x,w,b" : "x,w", "y", &a);
        gen_output(&g, "y", INTS(1, out));
        mb_network *net = run(&g, &x, &y);
        only(net, "linear");
        float *z = mb_malloc(BATCH * (size_t)out, sizeof *z);
        naive_linear(BATCH, in, out, w, cases[k].trans, (double)cases[k].alpha, cases[k].bias ? b : NULL, (double)cases[k].beta,
                     x, z);
        same(y, z, BATCH * (size_t)out, 2e-6);
        check_unroll(&net->layer[1], x, y);
        mb_free(w);
        mb_free(b);
        done(net, x, y, z);
    }
}

/* MatMul of vectors, sequences and images of features; the constant added behind becomes the bias. */
static void test_matmul(void **state) {
    (void)state;
    for (int rank = 2; rank <= 4; rank++) {
        int64_t dim[4] = {-1, 3, 2, 6}, rows = rank == 4 ? 6 : rank == 3 ? 3 : 1;
        if (rank == 2) dim[1] = 6;
        if (rank == 3) dim[2] = 6;
        float *w = noise(3, 6 * 20), *b = noise(4, 20), *x, *y;
        gen g;
        gen_begin(&g, 13);
        gen_input(&g, "x", rank, dim);
        if (rank == 3) gen_floats(&g, "w", INTS(1, 6, 20), w);
        else gen_floats(&g, "w", INTS(6, 20), w);
        gen_floats(&g, "b", INTS(20), b);
        gen_node(&g, "MatMul", "fc", "x,w", "m", NULL);
        gen_node(&g, "Add", "bias", rank == 3 ? "b,m" : "m,b", "y", NULL);
        gen_output(&g, "y", -1, NULL);
        mb_network *net = run(&g, &x, &y);
        const mb_layer *l = only(net, "linear");
        assert_int_equal(l->shape.nd, rank - 1);
        assert_int_equal(mb_layer_matmul(l).vectors, rows);
        assert_non_null(l->bias);
        float *z = mb_malloc(BATCH * 6 * 20, sizeof *z);
        naive_linear(BATCH * (size_t)rows, 6, 20, w, 0, 1, b, 1, x, z);
        same(y, z, BATCH * (size_t)rows * 20, 2e-6);
        float *u = mb_malloc(BATCH * 6 * 20, sizeof *u);                 /* the operator's own order: tokens x features */
        const float *in[1] = {x};
        assert_ok(l->op->forward(net, l, BATCH, in, u));
        assert_memory_equal(u, y, BATCH * (size_t)rows * 20 * sizeof *u);
        mb_free(u);
        mb_free(w);
        mb_free(b);
        done(net, x, y, z);
    }
}

/* ---- elementwise -------------------------------------------------------------------------------------------------------- */

static void test_add(void **state) {
    (void)state;
    gen g;
    float *x, *y, z[BATCH * 24];
    gen_begin(&g, 13);
    gen_input(&g, "x", INTS(-1, 2, 3, 4));
    gen_node(&g, "Relu", "r", "x", "a", NULL);
    gen_node(&g, "Add", "s", "a,x", "b", NULL);
    gen_node(&g, "Sum", "t", "a,b,x", "c", NULL);
    gen_node(&g, "Add", "u", "c,c", "y", NULL);
    gen_output(&g, "y", INTS(-1, 2, 3, 4));
    mb_network *net = run(&g, &x, &y);
    assert_int_equal(net->n_layers, 5);
    for (int k = 0; k < BATCH * 24; k++) {
        float a = x[k] > 0 ? x[k] : 0, b = a + x[k];
        z[k] = 2 * (a + b + x[k]);
    }
    same(y, z, BATCH * 24, 0);
    int64_t add, cmp, mul;
    net->layer[3].op->count(net, &net->layer[3], &add, &cmp, &mul);
    assert_int_equal(add, 48);
    assert_int_equal(cmp + mul, 0);
    done(net, x, y, NULL);
}

static void test_clip(void **state) {
    (void)state;
    for (int k = 0; k < 5; k++) {        /* attributes; inputs; only one limit; Relu; LeakyRelu */
        gen g;
        float *x, *y, z[BATCH * 10], lo = k < 2 ? -0.25f : 0, hi = k < 3 ? 0.5f : INFINITY;
        pb a = {0};
        gen_begin(&g, k == 0 ? 10 : 13);
        gen_input(&g, "x", INTS(-1, 10));
        gen_floats(&g, "lo", 0, NULL, &lo);
        gen_floats(&g, "hi", 0, NULL, &hi);
        if (k == 0) at_float(&a, "min", lo), at_float(&a, "max", hi);
        if (k == 4) at_float(&a, "alpha", 0.125f);
        gen_node(&g, k < 3 ? "Clip" : k == 3 ? "Relu" : "LeakyRelu", "c", k == 1 ? "x,lo,hi" : k == 2 ? "x,,hi" : "x", "y", &a);
        gen_output(&g, "y", -1, NULL);
        mb_network *net = run(&g, &x, &y);
        for (int j = 0; j < BATCH * 10; j++) {
            z[j] = k == 2 ? x[j] : k == 4 ? (x[j] < 0 ? 0.125f * x[j] : x[j]) : x[j] < lo ? lo : x[j];
            if (z[j] > hi) z[j] = hi;
        }
        same(y, z, BATCH * 10, 0);
        int64_t add, cmp, mul;
        net->layer[1].op->count(net, &net->layer[1], &add, &cmp, &mul);
        assert_int_equal(cmp, k < 2 ? 20 : 10);
        only(net, "clip");
        done(net, x, y, NULL);
    }
}

/* Add, Sub, Mul, Div with constants of many shapes on 2 x 3 x 4. */
static void test_scale(void **state) {
    static const struct {
        int nd;
        int64_t dim[4];
    } shapes[] = {{0, {0}},       {1, {1}},       {1, {4}},          {2, {3, 1}},    {2, {3, 4}},
                  {3, {2, 1, 1}}, {3, {2, 1, 4}}, {4, {1, 2, 1, 1}}, {3, {2, 3, 1}}, {3, {2, 3, 4}}};
    static const char *const ops[6] = {"Add", "Sub", "Mul", "Div", "Add", "Sub"};
    (void)state;
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (int o = 0; o < 6; o++) {
            gen g;
            float *x, *y, z[BATCH * 24], *c = noise(s + 7, dims_product(shapes[s].nd, shapes[s].dim));
            gen_begin(&g, 13);
            gen_input(&g, "x", INTS(-1, 2, 3, 4));
            gen_floats(&g, "c", shapes[s].nd, shapes[s].dim, c);
            gen_node(&g, ops[o], "s", o < 4 ? "x,c" : "c,x", "y", NULL);
            gen_output(&g, "y", INTS(-1, 2, 3, 4));
            mb_network *net = run(&g, &x, &y);
            only(net, "scale");
            for (int k = 0; k < BATCH * 24; k++) {
                int i[3] = {k / 12 % 2, k / 4 % 3, k % 4}, at = 0;
                for (int j = 0; j < shapes[s].nd; j++) {
                    int axis = j + 3 - shapes[s].nd;
                    at = at * (int)shapes[s].dim[j] + (axis >= 0 && shapes[s].dim[j] > 1 ? i[axis] : 0);
                }
                double v = (double)x[k], f = (double)c[at];
                z[k] = (float)(o == 0 || o == 4 ? v + f : o == 1 ? v - f : o == 2 ? v * f : o == 3 ? v / f : f - v);
            }
            same(y, z, BATCH * 24, 1e-6);
            mb_free(c);
            done(net, x, y, NULL);
        }
}

/* Batch normalisation: alone, on vectors, and folded into what is before it. */
static void test_batch_norm(void **state) {
    static const float mean[3] = {0.5f, -1, 2}, var[3] = {0.25f, 4, 1e-3f}, gamma[3] = {1, -2, 0.5f}, beta[3] = {0, 1, -3};
    (void)state;
    for (int k = 0; k < 4; k++) { /* 0: on an image; 1: on a vector; 2: behind a convolution; 3: behind it, but used twice */
        gen g;
        float *x, *y, z[BATCH * 60], *w = noise(9, 18), b[3] = {0.1f, 0.2f, 0.3f};
        int n = k == 1 ? 3 : 60, px = n / 3;
        gen_begin(&g, 9);
        if (k == 1) gen_input(&g, "x", INTS(-1, 3));
        else gen_input(&g, "x", INTS(-1, k < 2 ? 3 : 2, 4, 5));
        gen_floats(&g, "mean", INTS(3), mean);
        gen_floats(&g, "var", INTS(3), var);
        gen_floats(&g, "gamma", INTS(3), gamma);
        gen_floats(&g, "beta", INTS(3), beta);
        gen_floats(&g, "w", INTS(3, 2, 1, 1), w);
        gen_floats(&g, "b", INTS(3), b);
        pb a = {0};
        at_float(&a, "epsilon", 1e-3f);
        at_float(&a, "momentum", 0.9f);
        if (k >= 2) gen_node(&g, "Conv", "conv", "x,w,b", "c", NULL);
        gen_node(&g, "BatchNormalization", "bn", k < 2 ? "x,gamma,beta,mean,var" : "c,gamma,beta,mean,var", k == 3 ? "d" : "y",
                 &a);
        if (k == 3) gen_node(&g, "Add", "add", "c,d", "y", NULL);
        gen_output(&g, "y", -1, NULL);
        mb_network *net = run(&g, &x, &y);
        assert_int_equal(net->n_layers, k == 3 ? 4 : 2);
        assert_string_equal(net->layer[1].op->name, k < 2 ? "scale" : "conv");
        for (int j = 0; j < BATCH * n; j++) {
            int c = j / px % 3, s = j / n, p = j % px;
            double v = k < 2 ? (double)x[j]
                             : (double)b[c] + (double)w[2 * c] * (double)x[s * 40 + p] +
                                   (double)w[2 * c + 1] * (double)x[s * 40 + 20 + p];
            double u = (v - (double)mean[c]) / sqrt((double)var[c] + (double)1e-3f) * (double)gamma[c] + (double)beta[c];
            z[j] = (float)(k == 3 ? u + v : u);
        }
        same(y, z, BATCH * (size_t)n, 1e-6);
        mb_free(w);
        done(net, x, y, NULL);
    }
}

/* A scale behind a fully connected layer folds only when it runs over the outputs; there are as many tokens as outputs here. */
static void test_fold_linear(void **state) {
    (void)state;
    for (int k = 0; k < 3; k++) {        /* factor per output; per token; one for all */
        gen g;
        float *x, *y, z[BATCH * 25], *w = noise(5, 20), f[5] = {1, -2, 3, 0.5f, 4};
        gen_begin(&g, 13);
        gen_input(&g, "x", INTS(-1, 5, 4));
        gen_floats(&g, "w", INTS(4, 5), w);
        if (k == 0) gen_floats(&g, "f", INTS(5), f);
        if (k == 1) gen_floats(&g, "f", INTS(5, 1), f);
        if (k == 2) gen_floats(&g, "f", 0, NULL, f + 2);
        gen_node(&g, "MatMul", "fc", "x,w", "m", NULL);
        gen_node(&g, "Identity", "i", "m", "n", NULL);
        gen_node(&g, "Mul", "f", "n,f", "y", NULL);
        gen_output(&g, "y", -1, NULL);
        mb_network *net = run(&g, &x, &y);
        assert_int_equal(net->n_layers, k == 1 ? 3 : 2);
        naive_linear(BATCH * 5, 4, 5, w, 0, 1, NULL, 0, x, z);
        for (int j = 0; j < BATCH * 25; j++) z[j] *= k == 0 ? f[j % 5] : k == 1 ? f[j / 5 % 5] : f[2];
        same(y, z, BATCH * 25, 1e-6);
        mb_free(w);
        done(net, x, y, NULL);
    }
}

/* ---- pooling ------------------------------------------------------------------------------------------------------------ */

typedef struct pool_case { int h, w, kh, kw, sh, sw, pt, pl, pb, pr, dh, dw, ceil_mode, oh, ow; } pool_case;

static void naive_pool(const pool_case *c, int max, int include_pad, const float *x, float *y) {
    for (int p = 0; p < BATCH * 2; p++)
        for (int oy = 0; oy < c->oh; oy++)
            for (int ox = 0; ox < c->ow; ox++) {
                double best = -1e30, sum = 0;
                int n = 0, padded = 0;
                for (int dy = 0; dy < c->kh; dy++)
                    for (int dx = 0; dx < c->kw; dx++) {
                        int iy = oy * c->sh - c->pt + dy * c->dh, ix = ox * c->sw - c->pl + dx * c->dw;
                        padded += iy < c->h + c->pb && ix < c->w + c->pr;
                        if (iy < 0 || iy >= c->h || ix < 0 || ix >= c->w) continue;
                        double v = (double)x[(p * c->h + iy) * c->w + ix];
                        best = v > best ? v : best;
                        sum += v;
                        n++;
                    }
                *y++ = (float)(max ? best : sum / (include_pad ? padded : n));
            }
}

static void test_pool(void **state) {
    static const pool_case cases[] = {
        {6, 8, 2, 2, 2, 2, 0, 0, 0, 0, 1, 1, 0, 3, 4}, {7, 9, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1, 0, 4, 5},
        {7, 8, 2, 2, 2, 2, 0, 0, 0, 0, 1, 1, 1, 4, 4}, {5, 7, 3, 2, 2, 3, 1, 0, 0, 1, 1, 1, 1, 3, 3},
        {9, 9, 3, 3, 1, 1, 2, 2, 2, 2, 2, 2, 0, 9, 9}, {6, 6, 3, 3, 3, 2, 1, 1, 1, 1, 1, 1, 1, 3, 4},
        {4, 4, 2, 2, 3, 3, 1, 1, 1, 1, 1, 1, 1, 2, 2},
    };
    (void)state;
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
        for (int kind = 0; kind < 3; kind++) {
            const pool_case *c = &cases[k];
            gen g;
            pb a = {0};
            float *x, *y;
            gen_begin(&g, 19);
            gen_input(&g, "x", INTS(-1, 2, c->h, c->w));
            at_ints(&a, "kernel_shape", INTS(c->kh, c->kw));
            at_ints(&a, "strides", INTS(c->sh, c->sw));
            at_ints(&a, "dilations", INTS(c->dh, c->dw));
            at_ints(&a, "pads", INTS(c->pt, c->pl, c->pb, c->pr));
            at_int(&a, "ceil_mode", c->ceil_mode);
            if (kind == 2) at_int(&a, "count_include_pad", 1);
            gen_node(&g, kind ? "AveragePool" : "MaxPool", "p", "x", "y", &a);
            gen_output(&g, "y", INTS(-1, 2, c->oh, c->ow));
            mb_network *net = run(&g, &x, &y);
            only(net, kind ? "avgpool" : "maxpool");
            float *z = mb_malloc((size_t)(BATCH * 2 * c->oh * c->ow), sizeof *z);
            naive_pool(c, !kind, kind == 2, x, z);
            same(y, z, (size_t)(BATCH * 2 * c->oh * c->ow), kind ? 1e-6 : 0);
            done(net, x, y, z);
        }
}

static void test_global_pool(void **state) {
    static const char *const ops[4] = {"GlobalAveragePool", "GlobalMaxPool", "ReduceMean", "ReduceMean"};
    (void)state;
    for (int k = 0; k < 4; k++) {
        gen g;
        pb a = {0};
        float *x, *y, z[BATCH * 3];
        gen_begin(&g, k == 3 ? 18 : 13);
        gen_input(&g, "x", INTS(-1, 3, 5, 6));
        gen_ints(&g, "axes", INTS(-1, -2));
        if (k == 2) at_ints(&a, "axes", INTS(2, 3)), at_int(&a, "keepdims", 0);
        gen_node(&g, ops[k], "p", k == 3 ? "x,axes" : "x", "y", &a);
        gen_output(&g, "y", k == 2 ? 2 : 4, (int64_t[]){-1, 3, 1, 1});
        mb_network *net = run(&g, &x, &y);
        for (int p = 0; p < BATCH * 3; p++) {
            double s = 0, best = -2;
            for (int j = 0; j < 30; j++) s += (double)x[30 * p + j], best = fmax(best, (double)x[30 * p + j]);
            z[p] = (float)(k == 1 ? best : s / 30);
        }
        same(y, z, BATCH * 3, 1e-6);
        done(net, x, y, NULL);
    }
}

/* ---- moving elements ---------------------------------------------------------------------------------------------------- */

static void test_pad(void **state) {
    (void)state;
    for (int k = 0; k < 3; k++) {        /* attributes (opset 10), inputs (13), axes (18) */
        gen g;
        pb a = {0};
        float *x, *y, z[BATCH * 3 * 5 * 6], value = 1.5f;
        gen_begin(&g, k == 0 ? 10 : k == 1 ? 13 : 18);
        gen_input(&g, "x", INTS(-1, 2, 3, 4));
        gen_ints(&g, "pads", INTS(0, 1, 2, 0, 0, 0, 0, 2));
        gen_ints(&g, "some", INTS(2, 1, 0, 0, 0, 2));
        gen_ints(&g, "axes", INTS(2, -3, -1));
        gen_floats(&g, "value", 0, NULL, &value);
        if (k == 0) at_ints(&a, "pads", INTS(0, 1, 2, 0, 0, 0, 0, 2)), at_float(&a, "value", value);
        at_text(&a, "mode", "constant");
        gen_node(&g, "Pad", "p", k == 0 ? "x" : k == 1 ? "x,pads,value" : "x,some,value,axes", "y", &a);
        gen_output(&g, "y", INTS(-1, 3, 5, 6));
        mb_network *net = run(&g, &x, &y);
        only(net, "pad");
        for (int j = 0; j < BATCH * 90; j++) {
            int s = j / 90, c = j / 30 % 3 - 1, h = j / 6 % 5 - 2, w = j % 6;
            z[j] = c < 0 || h < 0 || w >= 4 ? value : x[((s * 2 + c) * 3 + h) * 4 + w];
        }
        same(y, z, BATCH * 90, 0);
        done(net, x, y, NULL);
    }
}

static void test_slice(void **state) {
    (void)state;
    for (int k = 0; k < 3; k++) {        /* attributes (opset 9); inputs; steps, negative ones too */
        gen g;
        pb a = {0};
        float *x, *y, z[BATCH * 60];
        int d[3] = {2, 3, k < 2 ? 2 : 3}, n = d[0] * d[1] * d[2];
        gen_begin(&g, k == 0 ? 9 : 13);
        gen_input(&g, "x", INTS(-1, 4, 3, 7));
        gen_ints(&g, "starts", INTS(1, -3));
        gen_ints(&g, "ends", INTS(3, -1));
        gen_ints(&g, "axes", INTS(1, 3));
        gen_ints(&g, "starts2", INTS(0, INT64_MAX, 5));
        gen_ints(&g, "ends2", INTS(INT64_MAX, -INT64_MAX, -7));
        gen_ints(&g, "axes2", INTS(-3, 2, 3));
        gen_ints(&g, "steps2", INTS(2, -1, -2));
        if (k == 0) at_ints(&a, "starts", INTS(1, -3)), at_ints(&a, "ends", INTS(3, -1)), at_ints(&a, "axes", INTS(1, 3));
        gen_node(&g, "Slice", "s", k == 0 ? "x" : k == 1 ? "x,starts,ends,axes" : "x,starts2,ends2,axes2,steps2", "y", &a);
        gen_output(&g, "y", INTS(-1, d[0], d[1], d[2]));
        mb_network *net = run(&g, &x, &y);
        only(net, "slice");
        for (int j = 0; j < BATCH * n; j++) {
            int s = j / n, c = j / (d[1] * d[2]) % d[0], h = j / d[2] % d[1], w = j % d[2];
            z[j] = k < 2 ? x[((s * 4 + c + 1) * 3 + h) * 7 + w + 4] : x[((s * 4 + 2 * c) * 3 + 2 - h) * 7 + 5 - 2 * w];
        }
        same(y, z, BATCH * (size_t)n, 0);
        done(net, x, y, NULL);
    }
}

static void test_concat(void **state) {
    (void)state;
    for (int axis = 1; axis <= 3; axis++) {
        gen g;
        pb a = {0};
        float *x, *y, z[BATCH * 72];
        gen_begin(&g, 13);
        gen_input(&g, "x", INTS(-1, 2, 3, 4));
        gen_node(&g, "Relu", "r", "x", "r", NULL);
        at_int(&a, "axis", axis == 2 ? -2 : axis);
        gen_node(&g, "Concat", "c", "x,r,x", "y", &a);
        gen_output(&g, "y", INTS(-1, axis == 1 ? 6 : 2, axis == 2 ? 9 : 3, axis == 3 ? 12 : 4));
        mb_network *net = run(&g, &x, &y);
        int d[3] = {axis == 1 ? 6 : 2, axis == 2 ? 9 : 3, axis == 3 ? 12 : 4};
        for (int j = 0; j < BATCH * 72; j++) {
            int s = j / 72, i[3] = {j / (d[1] * d[2]) % d[0], j / d[2] % d[1], j % d[2]}, part[3] = {2, 3, 4};
            int which = i[axis - 1] / part[axis - 1];
            i[axis - 1] %= part[axis - 1];
            float v = x[((s * 2 + i[0]) * 3 + i[1]) * 4 + i[2]];
            z[j] = which == 1 && v < 0 ? 0 : v;
        }
        same(y, z, BATCH * 72, 0);
        done(net, x, y, NULL);
    }
}

static void test_softmax(void **state) {
    static const struct {
        int opset, axis, n, inner;
    } cases[] = {{13, -1, 4, 1}, {13, 1, 2, 12}, {13, 2, 3, 4}, {11, 1, 24, 1}, {11, 2, 12, 1}};
    (void)state;
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        gen g;
        pb a = {0};
        float *x, *y, z[BATCH * 24], ten = 10;
        int n = cases[k].n, inner = cases[k].inner;
        gen_begin(&g, cases[k].opset);
        gen_input(&g, "x", INTS(-1, 2, 3, 4));
        gen_floats(&g, "ten", 0, NULL, &ten);
        gen_node(&g, "Mul", "m", "x,ten", "t", NULL);
        at_int(&a, "axis", cases[k].axis);
        gen_node(&g, "Softmax", "s", "t", "y", &a);
        gen_output(&g, "y", INTS(-1, 2, 3, 4));
        mb_network *net = run(&g, &x, &y);
        for (int j = 0; j < BATCH * 24; j++) {
            int first = j / (n * inner) * n * inner + j % inner;
            double s = 0;
            for (int i = 0; i < n; i++) s += exp((double)(10 * x[first + i * inner]));
            z[j] = (float)(exp((double)(10 * x[j])) / s);
        }
        same(y, z, BATCH * 24, 1.5e-7);                                  /* one rounding to float */
        done(net, x, y, NULL);
    }
}

/* Reshape and its relatives keep the order of the numbers; the executor gives them no memory. */
static void test_reshape(void **state) {
    static const struct { const char *op; int opset; const char *attr; int n; int64_t v[5]; int nd; int64_t dim[4]; } cases[] = {
        {"Flatten", 13, "axis", 0, {1}, 2, {-1, 24}},
        {"Flatten", 13, "axis", 0, {-3}, 2, {-1, 24}},
        {"Reshape", 13, NULL, 2, {0, -1}, 2, {-1, 24}},
        {"Reshape", 13, NULL, 2, {1, -1}, 2, {-1, 24}},
        {"Reshape", 13, NULL, 3, {-1, 4, 6}, 3, {-1, 4, 6}},
        {"Reshape", 13, NULL, 4, {0, 0, -1, 2}, 4, {-1, 2, 6, 2}},
        {"Unsqueeze", 13, NULL, 1, {-1}, 4, {-1, 2, 12, 1}},
        {"Unsqueeze", 11, "axes", 2, {1, 2}, 4, {-1, 1, 1, 24}},
        {"Squeeze", 13, NULL, 1, {2}, 3, {-1, 2, 12}},
        {"Squeeze", 11, "axes", 1, {-2}, 3, {-1, 2, 12}},
        {"Squeeze", 13, "", 0, {0}, 3, {-1, 2, 12}},
        {"Transpose", 13, "perm", 4, {0, 2, 1, 3}, 4, {-1, 1, 2, 12}},
    };
    (void)state;
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        gen g;
        pb a = {0};
        float *x, *y;
        bool input = !cases[k].attr, un = cases[k].op[0] == 'U', thin = cases[k].op[0] == 'S' || cases[k].op[0] == 'T';
        gen_begin(&g, cases[k].opset);
        if (un && cases[k].n == 1) gen_input(&g, "x", INTS(-1, 2, 12));
        else if (un) gen_input(&g, "x", INTS(-1, 24));
        else if (thin) gen_input(&g, "x", INTS(-1, 2, 1, 12));
        else gen_input(&g, "x", INTS(-1, 2, 3, 4));
        gen_ints(&g, "v", cases[k].n, cases[k].v);
        if (!input && *cases[k].attr && cases[k].n) at_ints(&a, cases[k].attr, cases[k].n, cases[k].v);
        else if (!input && *cases[k].attr) at_int(&a, cases[k].attr, cases[k].v[0]);
        gen_node(&g, cases[k].op, "r", input ? "x,v" : "x", "y", &a);
        gen_output(&g, "y", cases[k].nd, cases[k].dim);
        mb_network *net = run(&g, &x, &y);
        only(net, "reshape");
        same(y, x, BATCH * 24, 0);
        done(net, x, y, NULL);
    }
}

static void test_aliases(void **state) {
    (void)state;
    gen g;
    pb a = {0}, b = {0}, c = {0};
    float *x, *y, z[BATCH * 6], ratio = 0.5f;
    uint8_t off = 0;
    gen_begin(&g, 13);
    gen_input(&g, "x", INTS(-1, 6));
    gen_floats(&g, "ratio", 0, NULL, &ratio);
    pb t = raw_tensor("off", 9, 1, 0, NULL, &off);
    gen_tensor(&g, &t);
    gen_ints(&g, "zero", INTS(0, 0, 0, 0));
    gen_node(&g, "Identity", NULL, "x", "a", NULL);
    gen_node(&g, "Dropout", NULL, "a,ratio,off", "b,mask", NULL);
    at_int(&a, "to", 1);
    gen_node(&g, "Cast", NULL, "b", "c", &a);
    at_text(&b, "mode", "constant");
    gen_node(&g, "Pad", NULL, "c,zero", "d", &b);
    at_int(&c, "axis", 1);
    gen_node(&g, "Concat", NULL, "d", "e", &c);
    gen_node(&g, "Relu", NULL, "e", "y", NULL);
    gen_output(&g, "y", -1, NULL);
    mb_network *net = run(&g, &x, &y);
    only(net, "clip");
    for (int k = 0; k < BATCH * 6; k++) z[k] = x[k] > 0 ? x[k] : 0;
    same(y, z, BATCH * 6, 0);
    done(net, x, y, NULL);
}

/* Every operator has what others rely on. */
static void test_contract(void **state) {
    (void)state;
    int n = 0;
    for (const mb_op_type *const *t = mb_ops; *t; t++, n++) {
        assert_non_null((*t)->name);
        assert_non_null((*t)->summary);
        assert_non_null((*t)->forward);
        assert_true((*t)->weighted || (*t)->count);
        assert_true(!(*t)->onnx || (*t)->import);
        for (const mb_op_type *const *u = mb_ops; u < t; u++) {
            assert_string_not_equal((*u)->name, (*t)->name);
            for (const char *const *a = (*t)->onnx; a && *a; a++)
                for (const char *const *b = (*u)->onnx; b && *b; b++) assert_string_not_equal(*a, *b);
        }
    }
    assert_true(n >= 13);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conv),    cmocka_unit_test(test_conv_1d),     cmocka_unit_test(test_gemm),
        cmocka_unit_test(test_matmul),  cmocka_unit_test(test_add),         cmocka_unit_test(test_clip),
        cmocka_unit_test(test_scale),   cmocka_unit_test(test_batch_norm),  cmocka_unit_test(test_fold_linear),
        cmocka_unit_test(test_pool),    cmocka_unit_test(test_global_pool), cmocka_unit_test(test_pad),
        cmocka_unit_test(test_slice),   cmocka_unit_test(test_concat),      cmocka_unit_test(test_softmax),
        cmocka_unit_test(test_reshape), cmocka_unit_test(test_aliases),     cmocka_unit_test(test_contract),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
