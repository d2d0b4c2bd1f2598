/* engine_conv.c - see engine_conv.h
 *
 * Reference: oneDNN 2.6 developer guide, convolution and GEMM, https://oneapi-src.github.io/oneDNN/v2.6/
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "nn/engine_conv.h"

#include <dnnl.h>

#include "base/error.h"
#include "base/mem.h"

struct mb_dnn {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    void *scratch;
    size_t scratch_size;
};

/* A primitive with weights in its own layout. */
typedef struct kernel {
    dnnl_primitive_t run;
    dnnl_memory_t weight, scratch;
    void *packed;
    dnnl_primitive_t reorder;
} kernel;

struct mb_conv {
    mb_dnn *d;
    const char *name;
    dnnl_memory_t x, y, plain; /* handles are set per call */
    kernel forward, input, weights;
};

static int check(dnnl_status_t s, const char *name, const char *what) {
    if (s == dnnl_success) return MB_OK;
    if (s == dnnl_out_of_memory) return mb_nomem();
    return mb_fail(MB_BUG, "oneDNN failed in %s of layer \"%s\" (status %d)", what, name, (int)s);
}

int mb_dnn_new(mb_dnn **d) {
    mb_dnn *v = mb_calloc(1, sizeof *v);
    if (!v) return mb_nomem();
    int rc = check(dnnl_engine_create(&v->engine, dnnl_cpu, 0), "", "starting");
    if (!rc) rc = check(dnnl_stream_create(&v->stream, v->engine, dnnl_stream_default_flags), "", "starting");
    if (rc) {
        mb_dnn_free(v);
        return rc;
    }
    *d = v;
    return MB_OK;
}

void mb_dnn_free(mb_dnn *d) {
    if (!d) return;
    if (d->stream) dnnl_stream_destroy(d->stream);
    if (d->engine) dnnl_engine_destroy(d->engine);
    mb_free(d->scratch);
    mb_free(d);
}

static void kernel_free(kernel *k) {
    if (k->run) dnnl_primitive_destroy(k->run);
    if (k->reorder) dnnl_primitive_destroy(k->reorder);
    if (k->weight) dnnl_memory_destroy(k->weight);
    if (k->scratch) dnnl_memory_destroy(k->scratch);
    mb_free(k->packed);
}

void mb_conv_free(mb_conv *c) {
    if (!c) return;
    kernel_free(&c->forward);
    kernel_free(&c->input);
    kernel_free(&c->weights);
    if (c->x) dnnl_memory_destroy(c->x);
    if (c->y) dnnl_memory_destroy(c->y);
    if (c->plain) dnnl_memory_destroy(c->plain);
    mb_free(c);
}

typedef struct shapes {
    dnnl_memory_desc_t x, y, w, plain;
    dnnl_dims_t stride, dilation, before, after;
} shapes;

static bool describe(const mb_window *w, int n, shapes *s) {
    int g = w->groups;
    dnnl_dims_t x = {n, w->cin, w->ih, w->iw}, y = {n, w->cout, w->oh, w->ow}, k = {w->cout, w->cin, w->kh, w->kw},
                kg = {g, w->cout / g, w->cin / g, w->kh, w->kw};
    int eh = (w->kh - 1) * w->dh + 1, ew = (w->kw - 1) * w->dw + 1;
    s->stride[0] = w->sh;
    s->stride[1] = w->sw;
    s->dilation[0] = w->dh - 1;
    s->dilation[1] = w->dw - 1;
    s->before[0] = w->pt;
    s->before[1] = w->pl;
    s->after[0] = (w->oh - 1) * w->sh + eh - w->ih - w->pt; /* what the windows use of the padding; may be negative */
    s->after[1] = (w->ow - 1) * w->sw + ew - w->iw - w->pl;
    return !dnnl_memory_desc_init_by_tag(&s->x, 4, x, dnnl_f32, dnnl_nhwc) &&
           !dnnl_memory_desc_init_by_tag(&s->y, 4, y, dnnl_f32, dnnl_nhwc) &&
           !dnnl_memory_desc_init_by_tag(&s->w, g > 1 ? 5 : 4, g > 1 ? kg : k, dnnl_f32, dnnl_format_tag_any) &&
           !dnnl_memory_desc_init_by_tag(&s->plain, g > 1 ? 5 : 4, g > 1 ? kg : k, dnnl_f32, g > 1 ? dnnl_goihw : dnnl_oihw);
}

static int make_reorder(mb_conv *c, const dnnl_memory_desc_t *from, const dnnl_memory_desc_t *to, dnnl_primitive_t *out) {
    dnnl_primitive_desc_t pd = NULL;
    dnnl_primitive_attr_t attr = NULL;
    int rc =
        check(dnnl_reorder_primitive_desc_create(&pd, from, c->d->engine, to, c->d->engine, attr), c->name, "choosing a reorder");
    if (!rc) rc = check(dnnl_primitive_create(out, pd), c->name, "making a reorder");
    if (pd) dnnl_primitive_desc_destroy(pd);
    return rc;
}

/* Finish K from its description; WHICH weights it has (DNNL_ARG_WEIGHTS or, for the derivative, DNNL_ARG_DIFF_WEIGHTS). */
static int kernel_new(mb_conv *c, dnnl_primitive_desc_t pd, const shapes *s, bool derivative, kernel *k) {
    mb_dnn *d = c->d;
    const dnnl_memory_desc_t *w = dnnl_primitive_desc_query_md(
                                 pd, derivative ? dnnl_query_diff_weights_md : dnnl_query_weights_md, 0),
                             *scratch = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
    int rc = check(dnnl_primitive_create(&k->run, pd), c->name, "making a primitive");
    size_t size = scratch ? dnnl_memory_desc_get_size(scratch) : 0;
    if (!rc && size > d->scratch_size) {
        mb_free(d->scratch);
        d->scratch = mb_malloc(size, 1);
        d->scratch_size = d->scratch ? size : 0;
        if (!d->scratch) rc = mb_nomem();
    }
    if (!rc) rc = check(dnnl_memory_create(&k->scratch, scratch, d->engine, DNNL_MEMORY_NONE), c->name, "taking memory");
    k->packed = rc ? NULL : mb_calloc(dnnl_memory_desc_get_size(w), 1);
    if (!rc && !k->packed) rc = mb_nomem();
    if (!rc) rc = check(dnnl_memory_create(&k->weight, w, d->engine, k->packed), c->name, "taking memory");
    if (!rc) rc = derivative ? make_reorder(c, w, &s->plain, &k->reorder) : make_reorder(c, &s->plain, w, &k->reorder);
    return rc;
}

/* The three primitive descriptions. */
static int make_kernels(mb_conv *c, const shapes *s) {
    dnnl_engine_t e = c->d->engine;
    dnnl_convolution_desc_t cd;
    dnnl_primitive_attr_t attr = NULL;
    dnnl_primitive_desc_t f = NULL, b = NULL, g = NULL;
    int rc = check(dnnl_primitive_attr_create(&attr), c->name, "setting up");
    if (!rc) rc = check(dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user), c->name, "setting up");
    if (!rc)
        rc = check(dnnl_dilated_convolution_forward_desc_init(&cd, dnnl_forward_training, dnnl_convolution_direct, &s->x, &s->w,
                                                              NULL, &s->y, s->stride, s->dilation, s->before, s->after),
                   c->name, "a description");
    if (!rc) rc = check(dnnl_primitive_desc_create(&f, &cd, attr, e, NULL), c->name, "choosing an implementation");
    if (!rc) rc = kernel_new(c, f, s, false, &c->forward);
    if (!rc)
        rc = check(dnnl_dilated_convolution_backward_data_desc_init(&cd, dnnl_convolution_direct, &s->x, &s->w, &s->y, s->stride,
                                                                    s->dilation, s->before, s->after),
                   c->name, "a description");
    if (!rc) rc = check(dnnl_primitive_desc_create(&b, &cd, attr, e, f), c->name, "choosing an implementation");
    if (!rc) rc = kernel_new(c, b, s, false, &c->input);
    if (!rc)
        rc = check(dnnl_dilated_convolution_backward_weights_desc_init(&cd, dnnl_convolution_direct, &s->x, &s->w, NULL, &s->y,
                                                                       s->stride, s->dilation, s->before, s->after),
                   c->name, "a description");
    if (!rc) rc = check(dnnl_primitive_desc_create(&g, &cd, attr, e, f), c->name, "choosing an implementation");
    if (!rc) rc = kernel_new(c, g, s, true, &c->weights);
    if (f) dnnl_primitive_desc_destroy(f);
    if (b) dnnl_primitive_desc_destroy(b);
    if (g) dnnl_primitive_desc_destroy(g);
    if (attr) dnnl_primitive_attr_destroy(attr);
    return rc;
}

int mb_conv_new(mb_dnn *d, const char *name, const mb_window *w, int n, mb_conv **out) {
    shapes s;
    mb_conv *c = mb_calloc(1, sizeof *c);
    if (!c) return mb_nomem();
    c->d = d;
    c->name = name;
    int rc = describe(w, n, &s) ? MB_OK : mb_fail(MB_BUG, "oneDNN refuses the shape of layer \"%s\"", name);
    if (!rc) rc = check(dnnl_memory_create(&c->x, &s.x, d->engine, DNNL_MEMORY_NONE), name, "taking memory");
    if (!rc) rc = check(dnnl_memory_create(&c->y, &s.y, d->engine, DNNL_MEMORY_NONE), name, "taking memory");
    if (!rc) rc = check(dnnl_memory_create(&c->plain, &s.plain, d->engine, DNNL_MEMORY_NONE), name, "taking memory");
    if (!rc) rc = make_kernels(c, &s);
    if (rc) {
        mb_conv_free(c);
        return rc;
    }
    *out = c;
    return MB_OK;
}

/* oneDNN does not write to its sources. */
static int bind(mb_conv *c, dnnl_memory_t m, const float *p) {
    union {
        const float *in;
        void *out;
    } u = {p};
    return check(dnnl_memory_set_data_handle(m, u.out), c->name, "binding memory");
}

static int execute(mb_conv *c, dnnl_primitive_t p, int n, const dnnl_exec_arg_t *arg) {
    int rc = check(dnnl_primitive_execute(p, c->d->stream, n, arg), c->name, "a pass");
    return rc ? rc : check(dnnl_stream_wait(c->d->stream), c->name, "a pass");
}

static int reorder(mb_conv *c, dnnl_primitive_t p, dnnl_memory_t from, dnnl_memory_t to) {
    dnnl_exec_arg_t arg[2] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
    return execute(c, p, 2, arg);
}

static int run(mb_conv *c, kernel *k, int x, int w, int y) {
    union {
        void *v;
    } s = {c->d->scratch};
    int rc = check(dnnl_memory_set_data_handle(k->scratch, s.v), c->name, "binding memory");
    dnnl_exec_arg_t arg[4] = {{x, c->x}, {w, k->weight}, {y, c->y}, {DNNL_ARG_SCRATCHPAD, k->scratch}};
    return rc ? rc : execute(c, k->run, 4, arg);
}

int mb_conv_forward(mb_conv *c, const float *x, const float *weight, float *y) {
    int rc = bind(c, c->plain, weight);
    if (!rc) rc = bind(c, c->x, x);
    if (!rc) rc = bind(c, c->y, y);
    if (!rc) rc = reorder(c, c->forward.reorder, c->plain, c->forward.weight);
    if (!rc) rc = reorder(c, c->input.reorder, c->plain, c->input.weight);
    return rc ? rc : run(c, &c->forward, DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST);
}

int mb_conv_input(mb_conv *c, const float *g, float *dx) {
    int rc = bind(c, c->x, dx);
    if (!rc) rc = bind(c, c->y, g);
    return rc ? rc : run(c, &c->input, DNNL_ARG_DIFF_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_DST);
}

int mb_conv_weights(mb_conv *c, const float *x, const float *g, float *dweight) {
    int rc = bind(c, c->plain, dweight);
    if (!rc) rc = bind(c, c->x, x);
    if (!rc) rc = bind(c, c->y, g);
    if (!rc) rc = run(c, &c->weights, DNNL_ARG_SRC, DNNL_ARG_DIFF_WEIGHTS, DNNL_ARG_DIFF_DST);
    return rc ? rc : reorder(c, c->weights.reorder, c->weights.weight, c->plain);
}

int mb_dnn_product(char ta, char tb, size_t m, size_t n, size_t k, const float *a, const float *b, float *c) {
    dnnl_dim_t M = (dnnl_dim_t)m, N = (dnnl_dim_t)n, K = (dnnl_dim_t)k;
    return check(dnnl_sgemm(ta, tb, M, N, K, 1, a, ta == 'N' ? K : M, b, tb == 'N' ? N : K, 0, c, N), "", "a matrix product");
}
