/* diff.c - the walk over the layers of a model, forward and backward, and the losses */
#include "nn/diff.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "nn/diff_private.h"

static const mb_diff_kind *kind_of(mb_kind kind) {
    switch (kind) {
    case MB_KIND_CONV: return &mb_diff_conv;
    case MB_KIND_LINEAR: return &mb_diff_linear;
    case MB_KIND_NORM: return &mb_diff_norm;
    case MB_KIND_SCALE: return &mb_diff_scale;
    case MB_KIND_ADD: return &mb_diff_add;
    case MB_KIND_CLIP: return &mb_diff_clip;
    case MB_KIND_TANH: return &mb_diff_tanh;
    case MB_KIND_MAXPOOL: return &mb_diff_maxpool;
    case MB_KIND_AVGPOOL: return &mb_diff_avgpool;
    case MB_KIND_FLATTEN: return &mb_diff_flatten;
    case MB_KIND_GATHER: return &mb_diff_gather;
    case MB_KIND_INPUT: break;
    }
    return NULL;
}

size_t mb_diff_inputs(const mb_model *m) { return mb_shape_count(&m->layer[0].shape); }
size_t mb_diff_outputs(const mb_model *m) { return mb_shape_count(&mb_model_output(m)->shape); }

void mb_softmax(size_t n, size_t outputs, const double *y, double *p) {
    for (size_t s = 0; s < n; s++, y += outputs, p += outputs) {
        double top = y[0], sum = 0;
        for (size_t c = 1; c < outputs; c++) top = y[c] > top ? y[c] : top;
        for (size_t c = 0; c < outputs; c++) sum += p[c] = exp(y[c] - top);
        for (size_t c = 0; c < outputs; c++) p[c] /= sum;
    }
}

/* --- one run ------------------------------------------------------------------------------------------------------------- */

typedef struct run {
    const mb_model *m;
    mb_diff_mode mode;
    size_t n;
    mb_dual theta, dtheta;
    mb_dual *y, *dy;                     /* [layers] values and their gradients */
    bool tangent;                        /* a direction is given */
    int block;                           /* the only block that is asked for; -1: all */
} run;

static void run_free(run *r) {
    for (int k = 0; k < r->m->n_layers; k++) {
        if (r->y && k) mb_free(r->y[k].v);
        if (r->y) mb_free(r->y[k].t);
        if (r->dy) mb_free(r->dy[k].v);
        if (r->dy) mb_free(r->dy[k].t);
    }
    mb_free(r->y);
    mb_free(r->dy);
}

static mb_dual part(mb_dual a, const mb_model *m, int block) {
    mb_dual p = {NULL, NULL};
    if (block < 0) return p;
    if (a.v) p.v = a.v + m->block[block].at;
    if (a.t) p.t = a.t + m->block[block].at;
    return p;
}

/* NULL instead of derivatives that are all zero: most of them when the direction lies in one block. */
static mb_dual still(mb_dual p, const mb_model *m, int block) {
    if (!p.t) return p;
    for (size_t k = 0; k < m->block[block].n; k++)
        if (p.t[k] != 0) return p;
    p.t = NULL;
    return p;
}

static mb_diff_job job_of(const run *r, int layer) {
    const mb_model_layer *l = &r->m->layer[layer];
    mb_diff_job j = {.l = l, .n = r->n, .size = mb_shape_count(&l->shape)};
    for (int k = 0; k < l->n_in; k++) {
        j.in_size[k] = mb_shape_count(&r->m->layer[l->in[k]].shape);
        j.x[k] = r->y[l->in[k]];
    }
    j.w = still(part(r->theta, r->m, l->weight), r->m, l->weight);
    j.b = still(part(r->theta, r->m, l->bias), r->m, l->bias);
    if (l->kind == MB_KIND_NORM && !r->mode.training) {
        j.mean = r->m->state + l->state;
        j.var = j.mean + l->shape.d[0];
    }
    return j;
}

static int forward(run *r) {
    for (int k = 1; k < r->m->n_layers; k++) {
        mb_diff_job j = job_of(r, k);
        bool moves = j.w.t || j.b.t || j.x[0].t || j.x[1].t;
        j.y.v = r->y[k].v = mb_calloc(r->n * j.size, sizeof *j.y.v);
        if (moves) j.y.t = r->y[k].t = mb_calloc(r->n * j.size, sizeof *j.y.t);
        if (!j.y.v || (moves && !j.y.t)) return mb_nomem();
        kind_of(j.l->kind)->forward(&j);
    }
    return MB_OK;
}

/* Memory for the gradient of layer K, once somebody adds to it. */
static int gradient_of(run *r, int k) {
    size_t size = r->n * mb_shape_count(&r->m->layer[k].shape);
    if (r->dy[k].v) return MB_OK;
    r->dy[k].v = mb_calloc(size, sizeof(double));
    if (r->tangent) r->dy[k].t = mb_calloc(size, sizeof(double));
    return r->dy[k].v && (!r->tangent || r->dy[k].t) ? MB_OK : mb_nomem();
}

/* Backward to the layers that have parameters before them or are asked for. */
static int backward(run *r, bool to_input) {
    int rc = MB_OK, stop = r->block < 0 ? 0 : r->m->block[r->block].layer;
    for (int k = r->m->n_layers - 1; k > 0 && k >= stop && !rc; k--) {
        if (!r->dy[k].v) continue;                               /* nobody uses it */
        mb_diff_job j = job_of(r, k);
        j.dy = r->dy[k];
        for (int i = 0; i < j.l->n_in && !rc; i++) {
            if (j.l->in[i] < stop || (j.l->in[i] == 0 && !to_input)) continue;
            rc = gradient_of(r, j.l->in[i]);
            j.dx[i] = r->dy[j.l->in[i]];
        }
        if (r->block < 0 || j.l->weight == r->block) j.dw = part(r->dtheta, r->m, j.l->weight);
        if (r->block < 0 || j.l->bias == r->block) j.db = part(r->dtheta, r->m, j.l->bias);
        if (!rc) kind_of(j.l->kind)->backward(&j);
        mb_free(r->dy[k].v);                                     /* done with */
        mb_free(r->dy[k].t);
        r->dy[k] = (mb_dual){NULL, NULL};
    }
    return rc;
}

/* Loss of the outputs; its gradient and the derivative of that into DY (v may be NULL). WORK holds one sample's outputs. */
static double loss_of(const run *r, size_t outputs, const double *target, mb_dual y, mb_dual dy, double *work) {
    double sum = 0, n = (double)r->n;
    for (size_t s = 0; s < r->n; s++) {
        const double *v = y.v + s * outputs, *t = target + s * outputs, *vt = y.t ? y.t + s * outputs : NULL;
        double one = 0, total = 0, turn = 0;
        bool entropy = r->mode.loss == MB_LOSS_CROSS_ENTROPY;
        if (entropy) mb_softmax(1, outputs, v, work);
        for (size_t c = 0; c < outputs; c++) {
            if (!entropy) one += (v[c] - t[c]) * (v[c] - t[c]) / 2;
            else if (t[c] != 0) {                                /* -t log p without the logarithm of a rounded zero */
                double top = v[0], z = 0;
                for (size_t k = 1; k < outputs; k++) top = v[k] > top ? v[k] : top;
                for (size_t k = 0; k < outputs; k++) z += exp(v[k] - top);
                one += t[c] * (log(z) - (v[c] - top));
            }
            total += t[c];
            if (entropy && vt) turn += work[c] * vt[c];
        }
        sum += one;
        if (!dy.v) continue;
        for (size_t c = 0; c < outputs; c++) {
            size_t k = s * outputs + c;
            dy.v[k] += entropy ? (total * work[c] - t[c]) / n : (v[c] - t[c]) / n;
            if (dy.t && vt) dy.t[k] += (entropy ? total * work[c] * (vt[c] - turn) : vt[c]) / n;
        }
    }
    return sum / n;
}

static int diff_run(run *r, const double *x, const double *target, double *y, double *loss, double *dx) {
    size_t layers = (size_t)r->m->n_layers, outputs = mb_diff_outputs(r->m), last = layers - 1;
    double *work = mb_malloc(outputs, sizeof *work);
    bool back = r->dtheta.v || dx;
    mb_dual none = {NULL, NULL};
    r->y = mb_calloc(layers, sizeof *r->y);
    r->dy = mb_calloc(layers, sizeof *r->dy);
    int rc = r->y && r->dy && work ? MB_OK : mb_nomem();
    if (rc) goto out;
    r->y[0].v = (double *)x;                                     /* only read */
    rc = forward(r);
    if (!rc && y) memcpy(y, r->y[last].v, r->n * outputs * sizeof *y);
    if (!rc && back) rc = gradient_of(r, (int)last);
    if (rc) goto out;
    if (target) {
        double L = loss_of(r, outputs, target, r->y[last], back ? r->dy[last] : none, work);
        if (loss) *loss = L;
    }
    if (!back) goto out;
    if (r->dtheta.v) memset(r->dtheta.v, 0, r->m->n_theta * sizeof(double));
    if (r->dtheta.t) memset(r->dtheta.t, 0, r->m->n_theta * sizeof(double));
    if (dx) rc = gradient_of(r, 0);
    if (!rc) rc = backward(r, dx != NULL);
    if (!rc && dx) memcpy(dx, r->dy[0].v, r->n * mb_diff_inputs(r->m) * sizeof *dx);
out:
    run_free(r);
    mb_free(work);
    return rc;
}

int mb_diff_gradient(const mb_model *m, mb_diff_mode mode, const double *theta, size_t n, const double *x,
                     const double *target, double *y, double *loss,
                     double *dtheta, double *dx) {
    double *own = NULL;
    if (dx && !dtheta) own = dtheta = mb_malloc(m->n_theta, sizeof *own);    /* the layers write both */
    if (dx && !dtheta) return mb_nomem();
    run r = {.m = m, .mode = mode, .n = n, .theta = {(double *)theta, NULL}, .dtheta = {dtheta, NULL}, .block = -1};
    int rc = diff_run(&r, x, target, y, loss, dx);
    mb_free(own);
    return rc;
}

int mb_diff_hvp(const mb_model *m, mb_diff_mode mode, const double *theta, const double *v, int block, size_t n, const double *x,
                const double *target, double *dtheta, double *hv) {
    double *own = NULL;
    if (!dtheta) own = dtheta = mb_malloc(m->n_theta, sizeof *own);
    if (!dtheta) return mb_nomem();
    run r = {.m = m, .mode = mode, .n = n, .theta = {(double *)theta, (double *)v}, .dtheta = {dtheta, hv}, .tangent = true,
             .block = block};
    int rc = diff_run(&r, x, target, NULL, NULL, NULL);
    mb_free(own);
    return rc;
}
