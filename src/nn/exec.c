/* exec.c - exact execution of a network on batches
 *
 * Activations lie in slots that are used again after a value's last use (reshape layers own none: they are names for their
 * input). Weighted layers go to oneDNN, to our reference, or to the caller's function; the last two see [channels][positions]
 * also for fully connected layers over tokens, whose activations are [tokens][features] everywhere else.
 */
#include "nn/exec.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "nn/exec_dnnl.h"
#include "nn/op.h"
#include "nn/reference.h"

struct mb_exec {
    const mb_network *net;
    int max_batch;
    bool kept;                           /* every layer has memory of its own */
    int *root;                           /* layer whose memory holds layer k's output (k itself, or the input of a reshape) */
    int *slot;                           /* of each root; -1 for the input */
    int *mapped;                         /* layer -> m in net->weighted, or -1 */
    float **memory;                      /* of each slot */
    int n_slots;
    const float **at;                    /* per layer: where its output is in this run */
    const float **in;                    /* scratch: inputs of one layer */
    float *tokens_x, *tokens_y;          /* transposed activations of fully connected layers over tokens */
    mb_dnnl *dnnl;                       /* made when first needed */
};

/* Slots by last use: the smallest free one that is large enough, else the largest free one (which grows), else a new one. */
static int plan_slots(mb_exec *e, size_t *size) {
    const mb_network *net = e->net;
    int n = net->n_layers, *last = mb_calloc((size_t)n, sizeof *last), *until = mb_calloc((size_t)n, sizeof *until);
    int rc = last && until ? MB_OK : mb_nomem();
    for (int k = 0; !rc && k < n; k++) {
        const mb_layer *l = &net->layer[k];
        e->root[k] = l->op == &mb_op_reshape ? e->root[l->in[0]] : k;
        for (int j = 0; j < l->n_in; j++) last[e->root[l->in[j]]] = k;
    }
    if (!rc) last[e->root[net->output]] = n;
    for (int k = 0; !rc && e->kept && k < n; k++) last[k] = n;
    e->slot[0] = -1;
    for (int k = 1; !rc && k < n; k++) {
        if (e->root[k] != k) continue;
        size_t need = mb_shape_count(&net->layer[k].shape);
        int best = -1;
        for (int s = 0; s < e->n_slots; s++) {
            if (until[s] >= k) continue;                                 /* still read by layer k or later */
            bool better = best < 0 || (size[s] >= need ? size[best] < need || size[s] < size[best]
                                                       : size[best] < need && size[s] > size[best]);
            if (better) best = s;
        }
        if (best < 0) best = e->n_slots++;
        if (size[best] < need) size[best] = need;
        until[best] = last[k] > k ? last[k] : k;
        e->slot[k] = best;
    }
    mb_free(last);
    mb_free(until);
    return rc;
}

static bool over_tokens(const mb_layer *l) { return l->op == &mb_op_linear && l->win.oh > 1; }

static int take_memory(mb_exec *e, const size_t *size) {
    size_t batch = (size_t)e->max_batch, x = 0, y = 0;
    e->memory = mb_calloc((size_t)e->n_slots + 1, sizeof *e->memory);
    if (!e->memory) return mb_nomem();
    for (int s = 0; s < e->n_slots; s++)
        if (!(e->memory[s] = mb_malloc(batch, size[s] * sizeof(float)))) return mb_nomem();
    for (int m = 0; m < e->net->n_weighted; m++) {
        const mb_layer *l = &e->net->layer[e->net->weighted[m]];
        size_t nx = (size_t)l->win.cin * (size_t)l->win.ih, ny = (size_t)l->win.cout * (size_t)l->win.oh;
        if (over_tokens(l) && nx > x) x = nx;
        if (over_tokens(l) && ny > y) y = ny;
    }
    if (x && (!(e->tokens_x = mb_malloc(batch, x * sizeof(float))) || !(e->tokens_y = mb_malloc(batch, y * sizeof(float)))))
        return mb_nomem();
    return MB_OK;
}

static int exec_new(const mb_network *net, int max_batch, bool kept, mb_exec **out) {
    if (max_batch < 1) return mb_fail(MB_BUG, "an executor for a batch of %d", max_batch);
    int no = mb_network_has_weights(net);
    if (no) return no;
    size_t n = (size_t)net->n_layers, *size = mb_calloc(n, sizeof *size);
    mb_exec *e = mb_calloc(1, sizeof *e);
    int rc = MB_OK, widest = 1;
    if (!e || !size) {
        rc = mb_nomem();
        goto out;
    }
    e->net = net;
    e->max_batch = max_batch;
    e->kept = kept;
    for (int k = 0; k < net->n_layers; k++) widest = net->layer[k].n_in > widest ? net->layer[k].n_in : widest;
    e->root = mb_malloc(n, sizeof *e->root);
    e->slot = mb_malloc(n, sizeof *e->slot);
    e->mapped = mb_malloc(n, sizeof *e->mapped);
    e->at = mb_calloc(n, sizeof *e->at);
    e->in = mb_calloc((size_t)widest, sizeof *e->in);
    if (!e->root || !e->slot || !e->mapped || !e->at || !e->in) {
        rc = mb_nomem();
        goto out;
    }
    for (size_t k = 0; k < n; k++) e->mapped[k] = -1;
    for (int m = 0; m < net->n_weighted; m++) e->mapped[net->weighted[m]] = m;
    rc = plan_slots(e, size);
    if (!rc) rc = take_memory(e, size);
out:
    mb_free(size);
    if (rc) mb_exec_free(e);
    else *out = e;
    return rc;
}

int mb_exec_new(const mb_network *net, int max_batch, mb_exec **e) { return exec_new(net, max_batch, false, e); }
int mb_exec_new_kept(const mb_network *net, int max_batch, mb_exec **e) { return exec_new(net, max_batch, true, e); }

void mb_exec_free(mb_exec *e) {
    if (!e) return;
    mb_dnnl_free(e->dnnl);
    for (int s = 0; e->memory && s < e->n_slots; s++) mb_free(e->memory[s]);
    mb_free(e->memory);
    mb_free(e->root);
    mb_free(e->slot);
    mb_free(e->mapped);
    mb_free(e->at);
    mb_free(e->in);
    mb_free(e->tokens_x);
    mb_free(e->tokens_y);
    mb_free(e);
}

/* y[n][cols][rows] = x[n][rows][cols] */
static void transpose(int n, int rows, int cols, const float *x, float *y) {
    size_t size = (size_t)rows * (size_t)cols;
    for (int s = 0; s < n; s++, x += size, y += size)
        for (int r = 0; r < rows; r++)
            for (int c = 0; c < cols; c++) y[(size_t)c * (size_t)rows + (size_t)r] = x[(size_t)r * (size_t)cols + (size_t)c];
}

static int run_weighted(mb_exec *e, int k, int n, const float *x, float *y, mb_weighted_fn weighted, void *ctx) {
    const mb_layer *l = &e->net->layer[k];
    int rc = MB_OK;
    if (!weighted) {
        if (!e->dnnl) rc = mb_dnnl_new(e->net, &e->dnnl);
        return rc ? rc : mb_dnnl_run(e->dnnl, e->mapped[k], n, x, y);
    }
    if (!over_tokens(l)) return weighted(ctx, e->net, e->mapped[k], n, x, y);
    transpose(n, l->win.ih, l->win.cin, x, e->tokens_x);
    rc = weighted(ctx, e->net, e->mapped[k], n, e->tokens_x, e->tokens_y);
    if (!rc) transpose(n, l->win.cout, l->win.oh, e->tokens_y, y);
    return rc;
}

/* Output of layer K from what lies before it. */
static int run_layer(mb_exec *e, int k, int n, mb_weighted_fn weighted, void *ctx) {
    const mb_network *net = e->net;
    const mb_layer *l = &net->layer[k];
    if (e->root[k] != k) {
        e->at[k] = e->at[e->root[k]];
        return MB_OK;
    }
    float *out = e->memory[e->slot[k]];
    for (int j = 0; j < l->n_in; j++) e->in[j] = e->at[l->in[j]];
    e->at[k] = out;
    return mb_layer_weighted(l) ? run_weighted(e, k, n, e->in[0], out, weighted, ctx) : l->op->forward(net, l, n, e->in, out);
}

static int layer_context(const mb_exec *e, int k, int rc) {
    return rc ? mb_context(rc, "in layer \"%s\" of %s", e->net->layer[k].name, e->net->name) : MB_OK;
}

static void copy_output(const mb_exec *e, int n, float *y) {
    const mb_network *net = e->net;
    memcpy(y, e->at[net->output], (size_t)n * mb_shape_count(&net->layer[net->output].shape) * sizeof *y);
}

int mb_exec_run(mb_exec *e, int n, const float *x, float *y, mb_weighted_fn weighted, void *ctx, mb_watch_fn watch,
                void *watch_ctx) {
    const mb_network *net = e->net;
    int rc = MB_OK;
    if (n < 1 || n > e->max_batch) return mb_fail(MB_BUG, "a batch of %d on an executor for %d", n, e->max_batch);
    e->at[0] = x;
    if (watch) rc = watch(watch_ctx, net, 0, n, x);
    for (int k = 1; !rc && k < net->n_layers; k++) {
        rc = run_layer(e, k, n, weighted, ctx);
        if (!rc && watch) rc = watch(watch_ctx, net, k, n, e->at[k]);
        rc = layer_context(e, k, rc);
    }
    if (!rc) copy_output(e, n, y);
    return rc;
}

int mb_exec_vary(mb_exec *e, int n, int index, mb_weighted_fn weighted, void *ctx, mb_weighted_fn rest, void *rest_ctx, float *y) {
    if (!e->kept) return mb_fail(MB_BUG, "an executor that reuses memory cannot go on from layer %d", index);
    int rc = layer_context(e, index, run_layer(e, index, n, weighted, ctx));
    for (int k = index + 1; !rc && k < e->net->n_layers; k++) rc = layer_context(e, k, run_layer(e, k, n, rest, rest_ctx));
    if (!rc) copy_output(e, n, y);
    return rc;
}

int mb_exec_reference(void *ctx, const mb_network *net, int m, int n, const float *x, float *y) {
    (void)ctx;
    const mb_layer *l = &net->layer[net->weighted[m]];
    return l->op == &mb_op_linear && l->win.oh == 1 ? mb_reference_linear(l, (size_t)n, x, y) : mb_reference_conv(l, n, x, y);
}

int mb_argmax(const float *v, size_t n) {
    size_t best = n;
    for (size_t k = 0; k < n; k++)
        if (v[k] == v[k] && (best == n || v[k] > v[best])) best = k;
    return best == n ? 0 : (int)best;
}
