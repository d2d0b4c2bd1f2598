/* exec_dnnl.c - weighted layers on oneDNN (direct convolution, inner product; float32)
 *
 * The library chooses its own layouts for images; they are reordered from and to plain ones around each layer. Reference:
 * oneDNN 2.6 developer guide, https://oneapi-src.github.io/oneDNN/v2.6/
 */
#include "nn/exec_dnnl.h"

#include <dnnl.h>
#ifdef _OPENMP
#include <omp.h>
#endif
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "nn/op.h"

#define KEEP 4                           /* batch sizes whose primitives are kept */
#define ROWS 16                          /* fully connected layers take this many vectors at a time, always: see mb_dnnl_run() */

/* Weights in a layout that some primitive of the layer prefers. */
typedef struct packed { struct packed *next; dnnl_memory_t mem; } packed;

typedef struct prim {                    /* one layer at one batch size */
    dnnl_primitive_t run, in, out;       /* in, out: reorders, NULL when the plain layout is taken */
    dnnl_memory_t x, y, src, dst, bias, scratch;     /* x, y: the caller's; src, dst: inside */
    dnnl_memory_t weights;               /* belongs to the layer */
    size_t src_size, dst_size, scratch_size;
} prim;

typedef struct batch { int n; prim *prim; } batch;   /* prim[n_weighted], made when first used */

struct mb_dnnl {
    const mb_network *net;
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_attr_t attr;
    packed **weights;                    /* [n_weighted] */
    prim *linear;                        /* [n_weighted] fully connected layers, for ROWS vectors */
    batch batch[KEEP];                   /* convolutions */
    int next;                            /* entry of BATCH to be replaced next */
    void *src, *dst, *scratch;           /* buffers shared by all primitives */
    float *rows_x, *rows_y;              /* the last few vectors of a fully connected layer, filled up to ROWS */
    size_t src_size, dst_size, scratch_size, rows_x_size, rows_y_size;
};

static int check(dnnl_status_t s, const mb_network *net, int m, const char *what) {
    if (s == dnnl_success) return MB_OK;
    const char *name = m >= 0 ? net->layer[net->weighted[m]].name : "";
    if (s == dnnl_out_of_memory) return mb_fail(MB_SYSTEM, "out of memory in oneDNN (layer \"%s\")", name);
    return mb_fail(MB_SYSTEM, "oneDNN: %s failed with status %d (layer \"%s\"); mb_exec_reference() computes it without oneDNN",
                   what, (int)s, name);
}

/* oneDNN takes its number of threads from OpenMP: 1 while we are in it. The value belongs to the calling thread only. */
static int one_thread(void) {
#ifdef _OPENMP
    int before = omp_get_max_threads();
    omp_set_num_threads(1);
    return before;
#else
    return 1;
#endif
}

static void give_back(int threads) {
#ifdef _OPENMP
    omp_set_num_threads(threads);
#else
    (void)threads;
#endif
}

static void prim_free(prim *p) {
    dnnl_primitive_t run[3] = {p->run, p->in, p->out};
    dnnl_memory_t mem[6] = {p->x, p->y, p->src, p->dst, p->bias, p->scratch};
    for (int k = 0; k < 3; k++) if (run[k]) dnnl_primitive_destroy(run[k]);
    for (int k = 0; k < 6; k++) if (mem[k]) dnnl_memory_destroy(mem[k]);
    memset(p, 0, sizeof *p);
}

static void batch_free(const mb_dnnl *d, batch *b) {
    for (int m = 0; b->prim && m < d->net->n_weighted; m++) prim_free(&b->prim[m]);
    mb_free(b->prim);
    b->prim = NULL;
    b->n = 0;
}

void mb_dnnl_free(mb_dnnl *d) {
    if (!d) return;
    for (int k = 0; k < KEEP; k++) batch_free(d, &d->batch[k]);
    for (int m = 0; d->linear && m < d->net->n_weighted; m++) prim_free(&d->linear[m]);
    for (int m = 0; d->weights && m < d->net->n_weighted; m++)
        for (packed *w = d->weights[m], *next; w; w = next) {
            next = w->next;
            if (w->mem) dnnl_memory_destroy(w->mem);
            mb_free(w);
        }
    if (d->attr) dnnl_primitive_attr_destroy(d->attr);
    if (d->stream) dnnl_stream_destroy(d->stream);
    if (d->engine) dnnl_engine_destroy(d->engine);
    mb_free(d->linear);
    mb_free(d->rows_x);
    mb_free(d->rows_y);
    mb_free(d->weights);
    mb_free(d->src);
    mb_free(d->dst);
    mb_free(d->scratch);
    mb_free(d);
}

int mb_dnnl_new(const mb_network *net, mb_dnnl **out) {
    mb_dnnl *d = mb_calloc(1, sizeof *d);
    if (!d) return mb_nomem();
    d->net = net;
    d->weights = mb_calloc((size_t)net->n_weighted + 1, sizeof *d->weights);
    d->linear = mb_calloc((size_t)net->n_weighted + 1, sizeof *d->linear);
    int threads = one_thread(), rc = d->weights && d->linear ? MB_OK : mb_nomem();
    if (!rc) rc = check(dnnl_engine_create(&d->engine, dnnl_cpu, 0), net, -1, "making an engine");
    if (!rc) rc = check(dnnl_stream_create(&d->stream, d->engine, dnnl_stream_default_flags), net, -1, "making a stream");
    if (!rc) rc = check(dnnl_primitive_attr_create(&d->attr), net, -1, "making attributes");
    if (!rc)
        rc = check(dnnl_primitive_attr_set_scratchpad_mode(d->attr, dnnl_scratchpad_mode_user), net, -1, "setting attributes");
    give_back(threads);
    if (rc) mb_dnnl_free(d);
    else *out = d;
    return rc;
}

static int describe(dnnl_memory_desc_t *md, int nd, const dnnl_dims_t dim, dnnl_format_tag_t tag) {
    return dnnl_memory_desc_init_by_tag(md, nd, dim, dnnl_f32, tag) != dnnl_success;
}

/* Plain descriptions of the layer's tensors for N samples (convolution) or vectors (fully connected). */
typedef struct shapes { dnnl_memory_desc_t x, y, w, b; } shapes;

static int plain_shapes(const mb_layer *l, int n, shapes *s) {
    const mb_window *w = &l->win;
    dnnl_dims_t bias = {w->cout};
    if (l->op == &mb_op_linear) {
        dnnl_dims_t x = {n, w->cin}, y = {n, w->cout}, k = {w->cout, w->cin};
        return describe(&s->x, 2, x, dnnl_ab) || describe(&s->y, 2, y, dnnl_ab) || describe(&s->w, 2, k, dnnl_ab) ||
               describe(&s->b, 1, bias, dnnl_a);
    }
    int g = w->groups;
    dnnl_dims_t x = {n, w->cin, w->ih, w->iw}, y = {n, w->cout, w->oh, w->ow};
    dnnl_dims_t k = {w->cout, w->cin, w->kh, w->kw}, kg = {g, w->cout / g, w->cin / g, w->kh, w->kw};
    int rc = g > 1 ? describe(&s->w, 5, kg, dnnl_abcde) : describe(&s->w, 4, k, dnnl_abcd);
    return rc || describe(&s->x, 4, x, dnnl_abcd) || describe(&s->y, 4, y, dnnl_abcd) || describe(&s->b, 1, bias, dnnl_a);
}

/* The description of the same tensor with the layout left to the library. */
static dnnl_memory_desc_t any(const dnnl_memory_desc_t *md) {
    dnnl_memory_desc_t a;
    dnnl_memory_desc_init_by_tag(&a, md->ndims, md->dims, dnnl_f32, dnnl_format_tag_any);
    return a;
}

static dnnl_status_t forward_desc(const mb_dnnl *d, const mb_layer *l, const shapes *s, dnnl_primitive_desc_t *pd) {
    const mb_window *w = &l->win;
    dnnl_memory_desc_t wa = any(&s->w), xa = any(&s->x), ya = any(&s->y);
    const dnnl_memory_desc_t *bias = l->bias ? &s->b : NULL;
    dnnl_status_t st;
    if (l->op == &mb_op_linear) {
        dnnl_inner_product_desc_t ip;
        st = dnnl_inner_product_forward_desc_init(&ip, dnnl_forward_inference, &s->x, &wa, bias, &s->y);
        if (st == dnnl_success) st = dnnl_primitive_desc_create(pd, &ip, d->attr, d->engine, NULL);
    } else {
        dnnl_convolution_desc_t cv;
        dnnl_dims_t stride = {w->sh, w->sw}, dilate = {w->dh - 1, w->dw - 1}, before = {w->pt, w->pl}, after = {w->pb, w->pr};
        st = dnnl_dilated_convolution_forward_desc_init(&cv, dnnl_forward_inference, dnnl_convolution_direct, &xa, &wa, bias, &ya,
                                                        stride, dilate, before, after);
        if (st == dnnl_success) st = dnnl_primitive_desc_create(pd, &cv, d->attr, d->engine, NULL);
    }
    return st;
}

static int make_reorder(const mb_dnnl *d, int m, const dnnl_memory_desc_t *from, const dnnl_memory_desc_t *to,
                        dnnl_primitive_t *p) {
    dnnl_primitive_desc_t pd = NULL;
    dnnl_status_t st = dnnl_reorder_primitive_desc_create(&pd, from, d->engine, to, d->engine, NULL);
    if (st == dnnl_success) st = dnnl_primitive_create(p, pd);
    if (pd) dnnl_primitive_desc_destroy(pd);
    return check(st, d->net, m, "making a reorder");
}

static int run_reorder(const mb_dnnl *d, int m, dnnl_primitive_t p, dnnl_memory_t from, dnnl_memory_t to) {
    dnnl_exec_arg_t arg[2] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
    return check(dnnl_primitive_execute(p, d->stream, 2, arg), d->net, m, "a reorder");
}

/* The layer's weights in layout WANT, reordered when no primitive had that layout before. */
static int pack_weights(mb_dnnl *d, int m, const dnnl_memory_desc_t *plain, const dnnl_memory_desc_t *want, dnnl_memory_t *out) {
    const mb_layer *l = &d->net->layer[d->net->weighted[m]];
    dnnl_memory_t from = NULL;
    dnnl_primitive_t reorder = NULL;
    for (packed *w = d->weights[m]; w; w = w->next) {
        const dnnl_memory_desc_t *md;
        if (dnnl_memory_get_memory_desc(w->mem, &md) == dnnl_success && dnnl_memory_desc_equal(md, want)) {
            *out = w->mem;
            return MB_OK;
        }
    }
    packed *w = mb_calloc(1, sizeof *w);
    if (!w) return mb_nomem();
    int rc = check(dnnl_memory_create(&w->mem, want, d->engine, DNNL_MEMORY_ALLOCATE), d->net, m, "taking memory");
    if (!rc) rc = check(dnnl_memory_create(&from, plain, d->engine, l->weight), d->net, m, "taking memory");
    if (!rc) rc = make_reorder(d, m, plain, want, &reorder);
    if (!rc) rc = run_reorder(d, m, reorder, from, w->mem);
    if (!rc) rc = check(dnnl_stream_wait(d->stream), d->net, m, "a reorder");
    if (reorder) dnnl_primitive_destroy(reorder);
    if (from) dnnl_memory_destroy(from);
    if (rc) {
        if (w->mem) dnnl_memory_destroy(w->mem);
        mb_free(w);
        return rc;
    }
    w->next = d->weights[m];
    d->weights[m] = w;
    *out = w->mem;
    return MB_OK;
}

/* BUF, or a larger one instead of it, with room for NEED bytes; NULL without memory. */
static void *grow(void *buf, size_t *size, size_t need) {
    if (buf && *size >= need) return buf;
    mb_free(buf);
    buf = mb_malloc(need, 1);
    *size = buf ? need : 0;
    return buf;
}

/* The caller's tensor PLAIN and, when the primitive wants another layout (WANT), the inner one with its reorder. */
static int attach(const mb_dnnl *d, int m, const dnnl_memory_desc_t *plain, const dnnl_memory_desc_t *want, bool input,
                  dnnl_memory_t *user, dnnl_memory_t *inner, dnnl_primitive_t *reorder, size_t *size) {
    int rc = check(dnnl_memory_create(user, plain, d->engine, DNNL_MEMORY_NONE), d->net, m, "taking memory");
    *size = 0;
    if (rc || dnnl_memory_desc_equal(plain, want)) return rc;
    rc = check(dnnl_memory_create(inner, want, d->engine, DNNL_MEMORY_NONE), d->net, m, "taking memory");
    if (!rc) rc = input ? make_reorder(d, m, plain, want, reorder) : make_reorder(d, m, want, plain, reorder);
    *size = dnnl_memory_desc_get_size(want);
    return rc;
}

static int prim_new(mb_dnnl *d, int m, int n, prim *p) {
    const mb_layer *l = &d->net->layer[d->net->weighted[m]];
    dnnl_primitive_desc_t pd = NULL;
    shapes s;
    int rc = plain_shapes(l, n, &s) ? mb_fail(MB_BUG, "oneDNN refuses the shape of layer \"%s\"", l->name) : MB_OK;
    if (!rc) rc = check(forward_desc(d, l, &s, &pd), d->net, m, "choosing an implementation");
    if (!rc) rc = check(dnnl_primitive_create(&p->run, pd), d->net, m, "making a primitive");
    if (rc) goto out;
    const dnnl_memory_desc_t *x = dnnl_primitive_desc_query_md(pd, dnnl_query_src_md, 0),
                             *y = dnnl_primitive_desc_query_md(pd, dnnl_query_dst_md, 0);
    const dnnl_memory_desc_t *w = dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0);
    const dnnl_memory_desc_t *scratch = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
    rc = attach(d, m, &s.x, x, true, &p->x, &p->src, &p->in, &p->src_size);
    if (!rc) rc = attach(d, m, &s.y, y, false, &p->y, &p->dst, &p->out, &p->dst_size);
    if (!rc) rc = pack_weights(d, m, &s.w, w, &p->weights);
    if (!rc && l->bias) rc = check(dnnl_memory_create(&p->bias, &s.b, d->engine, l->bias), d->net, m, "taking memory");
    if (!rc) rc = check(dnnl_memory_create(&p->scratch, scratch, d->engine, DNNL_MEMORY_NONE), d->net, m, "taking memory");
    p->scratch_size = scratch ? dnnl_memory_desc_get_size(scratch) : 0;
out:
    if (pd) dnnl_primitive_desc_destroy(pd);
    if (rc) prim_free(p);
    return rc;
}

static int find_prim(mb_dnnl *d, int m, int n, prim **p) {
    batch *b = NULL;
    if (d->net->layer[d->net->weighted[m]].op == &mb_op_linear) {
        *p = &d->linear[m];
        return (*p)->run ? MB_OK : prim_new(d, m, n, *p);
    }
    for (int k = 0; k < KEEP && !b; k++)
        if (d->batch[k].prim && d->batch[k].n == n) b = &d->batch[k];
    if (!b) {
        b = &d->batch[d->next];
        d->next = (d->next + 1) % KEEP;
        batch_free(d, b);
        b->prim = mb_calloc((size_t)d->net->n_weighted, sizeof *b->prim);
        if (!b->prim) return mb_nomem();
        b->n = n;
    }
    *p = &b->prim[m];
    return (*p)->run ? MB_OK : prim_new(d, m, n, *p);
}

/* Put the pointers of this call into the memories of P. */
static int bind(mb_dnnl *d, int m, prim *p, const float *x, float *y) {
    union { const float *c; void *v; } in = {x};           /* oneDNN does not write to its source */
    d->src = grow(d->src, &d->src_size, p->src_size);
    d->dst = grow(d->dst, &d->dst_size, p->dst_size);
    d->scratch = grow(d->scratch, &d->scratch_size, p->scratch_size);
    int rc = d->src && d->dst && d->scratch ? MB_OK : mb_nomem();
    if (!rc) rc = check(dnnl_memory_set_data_handle(p->x, in.v), d->net, m, "binding memory");
    if (!rc) rc = check(dnnl_memory_set_data_handle(p->y, y), d->net, m, "binding memory");
    if (!rc && p->src) rc = check(dnnl_memory_set_data_handle(p->src, d->src), d->net, m, "binding memory");
    if (!rc && p->dst) rc = check(dnnl_memory_set_data_handle(p->dst, d->dst), d->net, m, "binding memory");
    if (!rc && p->scratch_size) rc = check(dnnl_memory_set_data_handle(p->scratch, d->scratch), d->net, m, "binding memory");
    return rc;
}

static int run_prim(mb_dnnl *d, int m, int n, const float *x, float *y) {
    prim *p = NULL;
    int rc = find_prim(d, m, n, &p);
    if (!rc) rc = bind(d, m, p, x, y);
    if (!rc && p->in) rc = run_reorder(d, m, p->in, p->x, p->src);
    if (!rc) {
        dnnl_exec_arg_t arg[5] = {{DNNL_ARG_SRC, p->src ? p->src : p->x}, {DNNL_ARG_WEIGHTS, p->weights},
                                  {DNNL_ARG_DST, p->dst ? p->dst : p->y}, {DNNL_ARG_SCRATCHPAD, p->scratch},
                                  {DNNL_ARG_BIAS, p->bias}};
        rc = check(dnnl_primitive_execute(p->run, d->stream, p->bias ? 5 : 4, arg), d->net, m, "a layer");
    }
    if (!rc && p->out) rc = run_reorder(d, m, p->out, p->dst, p->y);
    if (!rc) rc = check(dnnl_stream_wait(d->stream), d->net, m, "a layer");
    return rc;
}

/* The last COUNT < ROWS vectors, filled up with zeros. */
static int run_rest(mb_dnnl *d, int m, size_t count, size_t in, size_t out, const float *x, float *y) {
    d->rows_x = grow(d->rows_x, &d->rows_x_size, ROWS * in * sizeof *x);
    d->rows_y = grow(d->rows_y, &d->rows_y_size, ROWS * out * sizeof *y);
    if (!d->rows_x || !d->rows_y) return mb_nomem();
    memcpy(d->rows_x, x, count * in * sizeof *x);
    memset(d->rows_x + count * in, 0, (ROWS - count) * in * sizeof *x);
    int rc = run_prim(d, m, ROWS, d->rows_x, d->rows_y);
    if (!rc) memcpy(y, d->rows_y, count * out * sizeof *y);
    return rc;
}

/* oneDNN chooses its matrix product by the number of vectors, and the choices differ in the last bit; with always ROWS of them,
 * the result of a sample does not depend on the batch it is in. Convolutions keep their order of summation for all batch sizes
 * (tests/unit/test_exec.c looks at both). */
int mb_dnnl_run(mb_dnnl *d, int m, int n, const float *x, float *y) {
    const mb_layer *l = &d->net->layer[d->net->weighted[m]];
    size_t in = (size_t)l->win.cin, out = (size_t)l->win.cout, rows = (size_t)n * (size_t)l->win.oh, r = 0;
    int threads = one_thread(), rc = MB_OK;
    if (l->op != &mb_op_linear) {
        rc = run_prim(d, m, n, x, y);
    } else {
        for (; !rc && r + ROWS <= rows; r += ROWS) rc = run_prim(d, m, ROWS, x + r * in, y + r * out);
        if (!rc && r < rows) rc = run_rest(d, m, rows - r, in, out, x + r * in, y + r * out);
    }
    give_back(threads);
    return rc;
}
