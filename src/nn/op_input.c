/* op_input.c - layer 0: the sample itself */
#include <string.h>

#include "base/error.h"
#include "nn/op.h"

static int forward(const mb_network *net, const mb_layer *l, int n, const float *const *x, float *y) {
    (void)net;
    if (y != x[0]) memcpy(y, x[0], (size_t)n * mb_shape_count(&l->shape) * sizeof *y);
    return MB_OK;
}

static void count(const mb_network *net, const mb_layer *l, int64_t *add, int64_t *cmp, int64_t *mul) {
    (void)net;
    (void)l;
    *add = *cmp = *mul = 0;
}

const mb_op_type mb_op_input = {"input", "the input of the network", NULL, NULL, forward, false, count, NULL};
