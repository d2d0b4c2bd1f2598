/* op_select.c - some of the channels of its input, in a given order: what a layer that was pruned by rows reads (nn/prune.h)
 *
 * y[c] = x[index[c]], a channel being a run of equally many elements. Not read from files: the wires that would lead to the
 * missing rows are not there, and nothing is computed.
 */
#include <string.h>

#include "base/mem.h"
#include "nn/prune.h"

typedef struct selection {
    int channels, index[];
} selection;

static int forward(const mb_network *net, const mb_layer *l, int n, const float *const *x, float *y) {
    const selection *s = l->attr;
    const size_t in = mb_shape_count(&net->layer[l->in[0]].shape), out = mb_shape_count(&l->shape);
    const size_t each = out / (size_t)s->channels;
    for (size_t i = 0; i < (size_t)n; i++)
        for (size_t c = 0; c < (size_t)s->channels; c++)
            memcpy(y + i * out + c * each, x[0] + i * in + (size_t)s->index[c] * each, each * sizeof *y);
    return 0;
}

static void count(const mb_network *net, const mb_layer *l, int64_t *add, int64_t *cmp, int64_t *mul) {
    (void)net;
    (void)l;
    *add = *cmp = *mul = 0;
}

void *mb_selection_new(int n, const int *index) {
    selection *s = mb_malloc(1, sizeof *s + (size_t)n * sizeof *index);
    if (!s) return NULL;
    s->channels = n;
    memcpy(s->index, index, (size_t)n * sizeof *index);
    return s;
}

static void *keep(const mb_layer *l, int n, const int *kept) {
    const selection *s = l->attr;
    (void)n;
    (void)kept;
    return mb_selection_new(s->channels, s->index);
}

const mb_op_type mb_op_select = {"select", "some of the channels", NULL, NULL, forward, false, count, NULL, keep};
