/* op_linear.c - fully connected layers: Gemm, and MatMul by a constant matrix on the right
 *
 * y[t][o] = bias[o] + sum over i of w[o][i] x[t][i], in the order of i (reference.c). T is 1 for vectors; for inputs of more axes
 * the last one holds the features and all others count as tokens. A constant that is added afterwards becomes the bias
 * (op_scale.c).
 */
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "nn/import.h"
#include "nn/reference.h"

#define MAX_SIDE (1 << 24)

/* Make L's weights [out][in] from B ([in][out], or [out][in] when TRANSPOSED), times ALPHA. B's data are used up. */
static int take_weights(mb_layer *l, mb_floats *b, bool transposed, float alpha) {
    size_t in = (size_t)b->dim[transposed ? 1 : 0], out = (size_t)b->dim[transposed ? 0 : 1];
    float *w = b->v;
    if (!transposed) {
        w = mb_malloc(b->n, sizeof *w);
        if (!w) return mb_nomem();
        for (size_t i = 0; i < in; i++)
            for (size_t o = 0; o < out; o++) w[o * in + i] = b->v[i * out + o];
        mb_free(b->v);
    }
    b->v = NULL;
    l->weight = w;
    l->n_weight = b->n;
    for (size_t k = 0; alpha != 1.0f && k < b->n; k++) w[k] *= alpha;
    return MB_OK;
}

/* Shape, window and weights. B has rank 2. */
static int fully_connected(const mb_node *node, const mb_shape *s, mb_floats *b, bool transposed, float alpha, mb_layer *l) {
    int64_t in = b->dim[transposed ? 1 : 0], out = b->dim[transposed ? 0 : 1], tokens = 1;
    char text[80];
    for (int k = 0; k < s->nd - 1; k++) tokens *= s->d[k];
    if (in != s->d[s->nd - 1])
        return mb_node_fail(node, "its weights expect %lld features, its input is N x %s", (long long)in,
                            mb_shape_text(s, text, sizeof text));
    if (in > MAX_SIDE || out < 1 || out > MAX_SIDE || tokens > MAX_SIDE)
        return mb_node_fail(node, "it is too large (%lld x %lld)", (long long)in, (long long)out);
    mb_window w = {.kh = 1,
                   .kw = 1,
                   .sh = 1,
                   .sw = 1,
                   .dh = 1,
                   .dw = 1,
                   .cin = (int)in,
                   .ih = (int)tokens,
                   .iw = 1,
                   .cout = (int)out,
                   .oh = (int)tokens,
                   .ow = 1,
                   .groups = 1};
    l->win = w;
    l->shape = *s;
    l->shape.d[s->nd - 1] = out;
    return take_weights(l, b, transposed, alpha);
}

/* Input 2 of Gemm, broadcast over the batch: one number, [out] or [1, out]. */
static int gemm_bias(mb_import *im, const mb_node *node, float beta, mb_layer *l) {
    mb_floats c = {0};
    size_t out = (size_t)l->win.cout;
    int rc = mb_import_floats(im, node, 2, "C", &c);
    if (rc) return rc;
    bool row = c.n == out && c.nd >= 1 && c.nd <= 2 && c.dim[c.nd - 1] == (int64_t)out, single = c.n == 1 && c.nd <= 2;
    if (!row && !single) {
        rc = mb_node_fail(node, "its C has %zu elements, %zu (one per output) are needed", c.n, out);
    } else if (!(l->bias = mb_malloc(out, sizeof *l->bias))) {
        rc = mb_nomem();
    } else {
        for (size_t o = 0; o < out; o++) l->bias[o] = beta * c.v[single ? 0 : o];
    }
    mb_free(c.v);
    return rc;
}

static int import_gemm(mb_import *im, const mb_node *node, mb_layer *l) {
    mb_floats b = {0};
    int64_t transA = 0, transB = 0;
    float alpha = 1, beta = 1;
    int rc = mb_node_known(node, "alpha|beta|transA|transB|broadcast");
    if (!rc) rc = mb_node_int(node, "transA", 0, 0, 1, &transA);
    if (!rc) rc = mb_node_int(node, "transB", 0, 0, 1, &transB);
    if (!rc) rc = mb_node_float(node, "alpha", 1, &alpha);
    if (!rc) rc = mb_node_float(node, "beta", 1, &beta);
    const mb_shape *s = mb_import_shape(im, node, 0);
    if (!rc && transA) rc = mb_node_fail(node, "transA = 1 would turn the batch axis around; export the layer with transA = 0");
    if (!rc && s->nd != 1)
        rc = mb_node_fail(node, "its input has rank %d with the batch, 2 is needed; put a Flatten before it", s->nd + 1);
    if (!rc) rc = mb_import_floats(im, node, 1, "B", &b);
    if (!rc && b.nd != 2) rc = mb_node_fail(node, "its B has rank %d, 2 is needed", b.nd);
    if (!rc) rc = fully_connected(node, s, &b, transB, alpha, l);
    mb_free(b.v);
    if (!rc && mb_import_has(node, 2)) rc = gemm_bias(im, node, beta, l);
    return rc;
}

static int import_matmul(mb_import *im, const mb_node *node, mb_layer *l) {
    mb_floats b = {0};
    const mb_shape *s = mb_import_shape(im, node, 0);
    int rc = mb_node_known(node, "");
    if (!rc && !mb_import_is_const(im, node, 1))
        rc = mb_node_fail(node,
                          "a product of two activations is not supported (attention); only a constant matrix on the right is");
    if (!rc && s->nd > 3) rc = mb_node_fail(node, "its input has rank %d with the batch, at most 4 is supported", s->nd + 1);
    if (!rc) rc = mb_import_floats(im, node, 1, "B", &b);
    if (rc) return rc;
    while (b.nd > 2 && b.nd <= s->nd + 1 && b.dim[0] == 1) {             /* leading axes of length 1 broadcast */
        memmove(b.dim, b.dim + 1, (size_t)(b.nd - 1) * sizeof *b.dim);
        b.nd--;
    }
    if (b.nd != 2) rc = mb_node_fail(node, "its constant has rank %d, a matrix (rank 2) is needed", b.nd);
    if (!rc) rc = fully_connected(node, s, &b, false, 1, l);
    mb_free(b.v);
    return rc;
}

static int import(mb_import *im, const mb_node *node, mb_layer *l) {
    bool gemm = !strcmp(node->op, "Gemm");
    if (mb_import_is_const(im, node, 0))
        return mb_node_fail(node,
                            "a constant on the left is not supported; write the product as x W with the constant on the right");
    int rc = mb_import_inputs(im, node, 2, gemm ? 3 : 2);
    if (!rc) rc = gemm ? import_gemm(im, node, l) : import_matmul(im, node, l);
    return rc;
}

static int forward(const mb_network *net, const mb_layer *l, int n, const float *const *x, float *y) {
    (void)net;
    return mb_reference_linear(l, (size_t)n * (size_t)l->win.oh, x[0], y);
}

static const char *const onnx[] = {"Gemm", "MatMul", NULL};
const mb_op_type mb_op_linear = {"linear", "fully connected", onnx, import, forward, true, NULL, NULL};
