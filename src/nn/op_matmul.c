/* op_matmul.c - products of two activations (attention)
 *
 * Per head h:  y[h][t][o] = sum over i of a[h][t][i] b[h][i][o], in the order of i, summed in float32. The window holds the sizes as
 * those of a grouped 1 x 1 convolution: groups = heads, cin = heads x in, cout = heads x out, oh = rows per head.
 * No weights: it is never mapped to a crossbar. The digital unit or a baseline's own datapath computes it (cost/digital.h).
 */
#include <string.h>

#include "base/error.h"
#include "nn/op.h"

static int forward(const mb_network *net, const mb_layer *l, int n, const float *const *x, float *y) {
    (void)net;
    mb_matmul m = mb_layer_matmul(l);
    size_t K = (size_t)m.K, N = (size_t)m.N, T = (size_t)m.vectors, blocks = (size_t)n * (size_t)m.groups;
    for (size_t h = 0; h < blocks; h++)
        for (size_t t = 0; t < T; t++) {
            const float *a = x[0] + (h * T + t) * K, *b = x[1] + h * K * N;
            float *out = y + (h * T + t) * N;
            memset(out, 0, N * sizeof *out);
            for (size_t i = 0; i < K; i++)
                for (size_t o = 0; o < N; o++) out[o] += a[i] * b[i * N + o];
        }
    return MB_OK;
}

static void count(const mb_network *net, const mb_layer *l, int64_t *add, int64_t *cmp, int64_t *mul) {
    (void)net;
    *add = *mul = mb_layer_macs(l);
    *cmp = 0;
}

const mb_op_type mb_op_matmul = {"matmul", "product of two activations", NULL, NULL, forward, false, count};
