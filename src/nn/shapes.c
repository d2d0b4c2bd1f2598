/* shapes.c - networks from a table of layer shapes; format and rules in shapes.h */
#include "nn/shapes.h"

#include <math.h>
#include <string.h>

#include "base/csv.h"
#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/param.h"
#include "nn/node.h"
#include "nn/op.h"

enum { NAME, OP, CIN, COUT, KH, KW, STRIDE, PAD, GROUPS, IH, IW, OH, OW, VECTORS, MACS, WEIGHTS, BIASES, INPUTS, N_COLUMNS };
static const char *const columns[N_COLUMNS] = {"name",   "op",    "in_channels", "out_channels", "kernel_h", "kernel_w",
                                               "stride", "padding", "groups",    "in_h",         "in_w",     "out_h",
                                               "out_w",  "vectors", "macs",      "weights",      "biases",   "inputs"};
static const int64_t missing[N_COLUMNS] = {0, 0, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0}; /* 0 of those that follow: absent */

typedef struct reader {
    const mb_csv *csv;
    int at[N_COLUMNS]; /* column of the file, -1: absent */
    mb_network *net;
} reader;

/* One row as numbers. */
typedef struct row { size_t i; int64_t v[N_COLUMNS]; bool given[N_COLUMNS]; } row;

static const char *text(const reader *r, size_t i, int column) {
    return r->at[column] < 0 ? "" : mb_csv_field(r->csv, i, (size_t)r->at[column]);
}

#define bad_row(r, i, ...) bad_row_(mb_fail(MB_BADINPUT, __VA_ARGS__), r, i)
static int bad_row_(int rc, const reader *r, size_t i) {
    return mb_context(rc, "in the row of \"%s\"", text(r, i, NAME));
}

static int bind_columns(reader *r) {
    const mb_csv *c = r->csv;
    for (int k = 0; k < N_COLUMNS; k++) r->at[k] = -1;
    for (size_t j = 0; j < c->cols; j++) {
        int k = 0;
        while (k < N_COLUMNS && strcmp(columns[k], c->header[j]) != 0) k++;
        if (k == N_COLUMNS) {
            const char *near = mb_nearest(c->header[j], columns, N_COLUMNS);
            return mb_fail(MB_BADINPUT, "%s:%d: a table of layer shapes has no column \"%s\"%s%s%s", c->name, c->header_line,
                           c->header[j], near ? ", did you mean \"" : "", near ? near : "", near ? "\"" : "");
        }
        r->at[k] = (int)j;
    }
    for (int k = NAME; k <= COUT; k++)
        if (r->at[k] < 0)
            return mb_fail(MB_BADINPUT, "%s:%d: a table of layer shapes needs the column \"%s\"", c->name, c->header_line, columns[k]);

    return MB_OK;
}

static int read_row(const reader *r, size_t i, row *o) {
    *o = (row){.i = i};
    for (int k = CIN; k <= BIASES; k++) {
        double v = NAN;
        if (r->at[k] >= 0) {
            int rc = mb_csv_number(r->csv, i, (size_t)r->at[k], &v);
            if (rc) return rc;
        }
        o->given[k] = !isnan(v);
        o->v[k] = missing[k];
        if (!o->given[k]) {
            if (k <= COUT) return bad_row(r, i, "%s:%d: %s is missing", r->csv->name, r->csv->line[i], columns[k]);
            continue;
        }
        double low = k == PAD || k == MACS || k == WEIGHTS || k == BIASES ? 0 : 1, high = k == MACS ? 9e15 : (double)MB_MAX_ELEMENTS;
        if (k == WEIGHTS) high = 1e12;
        if (v != floor(v) || v < low || v > high)
            return bad_row(r, i, "%s:%d: %s = %g: a whole number from %g to %g is needed", r->csv->name, r->csv->line[i], columns[k], v,
                           low, high);
        o->v[k] = (int64_t)v;
    }
    return MB_OK;
}

/* A value that follows from the others must be that where it is given. */
static int agree(const reader *r, const row *o, int column, int64_t must, const char *why) {
    if (!o->given[column] || o->v[column] == must) return MB_OK;
    return bad_row(r, o->i, "%s:%d: %s = %lld, but %s gives %lld", r->csv->name, r->csv->line[o->i], columns[column],
                   (long long)o->v[column], why, (long long)must);
}

static const mb_op_type *operator_of(const reader *r, size_t i, int *rc) {
    static const mb_op_type *const ops[] = {&mb_op_conv, &mb_op_linear, &mb_op_matmul, &mb_op_add, &mb_op_maxpool, &mb_op_avgpool, &mb_op_softmax,
                                            &mb_op_pad, &mb_op_slice};
    const char *names[sizeof ops / sizeof *ops], *name = text(r, i, OP);
    for (size_t k = 0; k < sizeof ops / sizeof *ops; k++) {
        names[k] = ops[k]->name;
        if (!strcmp(name, names[k])) return ops[k];
    }
    const char *near = mb_nearest(name, names, sizeof ops / sizeof *ops);
    *rc = bad_row(r, i, "%s:%d: op \"%s\" is not known%s%s; known: conv, linear, matmul, add, maxpool, avgpool, softmax, pad, slice", r->csv->name,
                  r->csv->line[i], name, near ? ", did you mean " : "", near ? near : "");
    return NULL;
}

/* The window, the output's shape, and how many elements the row reads. */
static int geometry(const reader *r, row *o, mb_layer *l, int64_t *needs) {
    const int64_t *v = o->v;
    bool slides = l->op == &mb_op_conv || l->op == &mb_op_maxpool || l->op == &mb_op_avgpool, image = o->given[IH] && v[IH] * v[IW] > 1;
    int64_t oh = v[IH], ow = v[IW], tokens = o->given[VECTORS] ? v[VECTORS] : 1;
    int rc = MB_OK;
    if (slides) {
        if (v[KH] > v[IH] + 2 * v[PAD] || v[KW] > v[IW] + 2 * v[PAD])
            return bad_row(r, o->i, "%s:%d: the kernel %lld x %lld is larger than the padded image %lld x %lld", r->csv->name,
                           r->csv->line[o->i], (long long)v[KH], (long long)v[KW], (long long)(v[IH] + 2 * v[PAD]),
                           (long long)(v[IW] + 2 * v[PAD]));
        oh = (v[IH] + 2 * v[PAD] - v[KH]) / v[STRIDE] + 1;
        ow = (v[IW] + 2 * v[PAD] - v[KW]) / v[STRIDE] + 1;
        rc = agree(r, o, OH, oh, "(in_h + 2 padding - kernel_h) / stride + 1");
        if (!rc) rc = agree(r, o, OW, ow, "(in_w + 2 padding - kernel_w) / stride + 1");
        if (!rc) rc = agree(r, o, VECTORS, oh * ow, "out_h x out_w");
        tokens = oh * ow;
    }
    bool weighted = l->op->weighted;
    if (!rc && !weighted && l->op != &mb_op_matmul) rc = agree(r, o, COUT, v[CIN], "the operator keeps its channels, in_channels");
    if (!rc && (v[CIN] % v[GROUPS] || v[COUT] % v[GROUPS] || (!slides && v[GROUPS] != 1)))
        rc = bad_row(r, o->i, "%s:%d: groups = %lld does not divide in_channels = %lld and out_channels = %lld%s", r->csv->name,
                     r->csv->line[o->i], (long long)v[GROUPS], (long long)v[CIN], (long long)v[COUT],
                     slides ? "" : " (only conv has groups)");
    if (rc) return rc;
    if (!slides && !image) oh = tokens, ow = 1; /* tokens x channels */
    if (!slides && image && !weighted && l->op != &mb_op_matmul) tokens = oh * ow;
    double images = (double)v[IH] * (double)v[IW], most = (double)MB_MAX_ELEMENTS;
    if ((double)v[COUT] * (double)oh * (double)ow > most || (double)v[CIN] * (slides || image ? images : 1) > most ||
        (double)v[CIN] * (double)tokens > most * (slides ? 1e9 : 1) || (double)v[CIN] * (double)v[KH] * (double)v[KW] > most)
        return bad_row(r, o->i, "%s:%d: the layer has more than %lld activations or inputs per output", r->csv->name, r->csv->line[o->i],
                       (long long)MB_MAX_ELEMENTS);
    *needs = slides || (image && !weighted && l->op != &mb_op_matmul) ? v[CIN] * v[IH] * v[IW] : v[CIN] * tokens;
    l->win = (mb_window){(int)v[KH], (int)v[KW], (int)v[STRIDE], (int)v[STRIDE], (int)v[PAD], (int)v[PAD], (int)v[PAD], (int)v[PAD], 1, 1,
                         (int)v[CIN], slides ? (int)v[IH] : (int)oh, slides ? (int)v[IW] : (int)ow, (int)v[COUT], (int)oh, (int)ow, (int)v[GROUPS]};
    if (!slides) l->win.kh = l->win.kw = l->win.sh = l->win.sw = 1, l->win.pt = l->win.pl = l->win.pb = l->win.pr = 0;
    if (slides || image) l->shape = (mb_shape){3, {v[COUT], oh, ow}};
    else if (tokens > 1) l->shape = (mb_shape){2, {tokens, v[COUT]}};
    else l->shape = (mb_shape){1, {v[COUT]}};
    return MB_OK;
}

/* --- what a row reads ------------------------------------------------------------------------------------------------ */

static int64_t size_of(const reader *r, int layer) { return (int64_t)mb_shape_count(&r->net->layer[layer].shape); }

static int by_name(const reader *r, const row *o, int n, mb_layer *l) {
    const char *p = text(r, o->i, INPUTS);
    while (*(p += strspn(p, " \t"))) {
        size_t len = strcspn(p, " \t");
        int k = n - 1;
        while (k >= 0 && (strncmp(r->net->layer[k].name, p, len) != 0 || r->net->layer[k].name[len])) k--;
        if (k < 0)
            return bad_row(r, o->i, "%s:%d: inputs: no earlier row is called \"%.*s\"", r->csv->name, r->csv->line[o->i], (int)len, p);
        int *more = mb_realloc(l->in, (size_t)l->n_in + 1, sizeof *more);
        if (!more) return mb_nomem();
        l->in = more;
        l->in[l->n_in++] = k;
        p += len;
    }
    return MB_OK;
}

static bool fits_second(const reader *r, const row *o, int k) {
    int64_t matrix = o->v[CIN] * o->v[COUT], size = size_of(r, k);
    return size % matrix == 0 && o->v[VECTORS] % (size / matrix) == 0;
}

/* The nearest layers whose sizes fit. */
static int by_size(const row *o, const reader *r, int n, int64_t needs, mb_layer *l) {
    int wanted = l->op == &mb_op_matmul || l->op == &mb_op_add ? 2 : 1;
    l->in = mb_malloc((size_t)wanted, sizeof *l->in);
    if (!l->in) return mb_nomem();
    int k = n - 1;
    while (k >= 0 && size_of(r, k) != needs) k--;
    l->in[l->n_in++] = k >= 0 ? k : n - 1;
    if (wanted == 1) return MB_OK;
    int second = n - 1;
    while (second >= 0 && (second == l->in[0] || (l->op == &mb_op_add ? size_of(r, second) != needs : !fits_second(r, o, second)))) second--;
    if (second < 0)
        return bad_row(r, o->i, "%s:%d: no earlier row fits as the second operand; name both in the column inputs", r->csv->name,
                       r->csv->line[o->i]);
    l->in[l->n_in++] = second;
    return MB_OK;
}

static int connect(const reader *r, const row *o, int n, int64_t needs, mb_layer *l) {
    bool named = text(r, o->i, INPUTS)[0] != 0, product = l->op == &mb_op_matmul;
    int rc = named ? by_name(r, o, n, l) : by_size(o, r, n, needs, l);
    if (rc) return rc;
    if ((l->op == &mb_op_add && l->n_in < 2) || (product && l->n_in != 2) || (!product && l->op != &mb_op_add && l->n_in != 1))
        return bad_row(r, o->i, "%s:%d: %s reads %d rows, not %d", r->csv->name, r->csv->line[o->i], l->op->name,
                       product || l->op == &mb_op_add ? 2 : 1, l->n_in);
    bool any = l->op == &mb_op_pad || l->op == &mb_op_slice; /* more or less than it reads */
    for (int k = 0; named && !any && k < (product ? 1 : l->n_in); k++)
        if (size_of(r, l->in[k]) != needs)
            return bad_row(r, o->i, "%s:%d: it takes %lld elements, but \"%s\" has %lld", r->csv->name, r->csv->line[o->i],
                           (long long)needs, r->net->layer[l->in[k]].name, (long long)size_of(r, l->in[k]));
    if (!product) return MB_OK;
    if (!fits_second(r, o, l->in[1]))
        return bad_row(r, o->i, "%s:%d: the second operand \"%s\" has %lld elements: no whole number of %lld x %lld matrices that shares %lld vectors",
                       r->csv->name, r->csv->line[o->i], r->net->layer[l->in[1]].name, (long long)size_of(r, l->in[1]),
                       (long long)o->v[CIN], (long long)o->v[COUT], (long long)o->v[VECTORS]);
    int64_t heads = size_of(r, l->in[1]) / (o->v[CIN] * o->v[COUT]);
    if ((double)heads * (double)(o->v[CIN] > o->v[COUT] ? o->v[CIN] : o->v[COUT]) > (double)MB_MAX_ELEMENTS)
        return bad_row(r, o->i, "%s:%d: the product is too large", r->csv->name, r->csv->line[o->i]);
    l->win.groups = (int)heads;
    l->win.cin *= (int)heads, l->win.cout *= (int)heads;
    l->win.ih = l->win.oh = (int)(o->v[VECTORS] / heads);
    return MB_OK;
}

/* --- rows become layers ---------------------------------------------------------------------------------------------- */

static int unique_name(const reader *r, size_t i, int n, mb_layer *l) {
    const char *name = text(r, i, NAME);
    if (!*name) return bad_row(r, i, "%s:%d: the layer has no name", r->csv->name, r->csv->line[i]);
    for (int k = 0; k < n; k++)
        if (!strcmp(r->net->layer[k].name, name))
            return bad_row(r, i, "%s:%d: the name \"%s\" is taken%s", r->csv->name, r->csv->line[i], name,
                           k ? " by an earlier row" : ": it stands for the network's input");
    l->name = mb_strdup(name);
    return l->name ? MB_OK : mb_nomem();
}

/* The network's input is what the first row takes. */
static int add_input(reader *r, const mb_layer *first) {
    mb_layer *in = &r->net->layer[0];
    const mb_window *w = &first->win;
    in->op = &mb_op_input;
    in->name = mb_strdup("input");
    if (first->shape.nd == 3) in->shape = (mb_shape){3, {w->cin, w->ih, w->iw}};
    else if (first->shape.nd == 2) in->shape = (mb_shape){2, {w->ih, w->cin}};
    else in->shape = (mb_shape){1, {w->cin}};
    r->net->n_layers = 1;
    return in->name ? MB_OK : mb_nomem();
}

static int add_row(reader *r, size_t i) {
    mb_network *net = r->net;
    int n = (int)i + 1, rc = MB_OK;
    mb_layer *l = &net->layer[n];
    row o;
    int64_t needs = 0;
    if (!(l->op = operator_of(r, i, &rc)) || (rc = read_row(r, i, &o)) || (rc = geometry(r, &o, l, &needs))) return rc;
    if (i == 0 && l->op == &mb_op_matmul) return bad_row(r, i, "%s:%d: the first row cannot multiply two activations", r->csv->name, r->csv->line[i]);
    if (i == 0 && (rc = add_input(r, l))) return rc;
    if ((rc = unique_name(r, i, n, l))) return rc;
    net->n_layers = n + 1; /* from here on freed with the network */
    if ((rc = connect(r, &o, n, needs, l))) return rc;
    mb_matmul m = mb_layer_matmul(l);
    double size = (double)m.groups * m.K * m.N;
    if (l->op->weighted) {
        if (size > 1e12) return bad_row(r, i, "%s:%d: the layer has %.3g weights", r->csv->name, r->csv->line[i], size);
        l->n_weight = (size_t)size;
        net->weighted[net->n_weighted++] = n;
    }
    rc = agree(r, &o, WEIGHTS, l->op->weighted ? (int64_t)size : 0, "in_channels / groups x kernel_h x kernel_w x out_channels");
    if (!rc) rc = agree(r, &o, MACS, mb_layer_macs(l), "vectors x in_channels / groups x kernel_h x kernel_w x out_channels");
    if (!rc && o.v[BIASES] && (!l->op->weighted || o.v[BIASES] != o.v[COUT])) rc = agree(r, &o, BIASES, l->op->weighted ? o.v[COUT] : 0, "the layer");
    if (!rc && o.v[BIASES]) {
        l->bias = mb_calloc((size_t)o.v[COUT], sizeof *l->bias);
        if (!l->bias) rc = mb_nomem();
    }
    return rc;
}

static int build(reader *r, const char *path) {
    mb_network *net = r->net;
    size_t n = r->csv->rows;
    if (n > 1000000) return mb_fail(MB_BADINPUT, "%s: %zu rows: a million layers is the limit", r->csv->name, n);
    net->weightless = true;
    net->path = mb_strdup(path);
    net->name = mb_path_base(path);
    net->layer = mb_calloc(n + 1, sizeof *net->layer);
    net->weighted = mb_malloc(n, sizeof *net->weighted);
    if (!net->path || !net->name || !net->layer || !net->weighted) return mb_nomem();
    for (size_t i = 0; i < n; i++) {
        int rc = add_row(r, i);
        if (rc) {
            if (net->n_layers <= (int)i + 1) mb_layer_clear(&net->layer[i + 1]);
            return rc;
        }
    }
    net->output = net->n_layers - 1;
    if (!net->n_weighted) return mb_fail(MB_BADINPUT, "%s: no row is a conv or linear layer: there is nothing to map", r->csv->name);
    return MB_OK;
}

int mb_shapes_parse(const uint8_t *data, size_t size, const char *path, mb_network **net) {
    mb_csv csv;
    int rc = mb_csv_parse(path, data, size, &csv);
    if (rc) return rc;
    reader r = {.csv = &csv, .net = mb_calloc(1, sizeof *r.net)};
    if (!r.net) rc = mb_nomem();
    if (!rc) rc = bind_columns(&r);
    if (!rc) rc = build(&r, path);
    if (!rc) r.net->hash = mb_hash64(data, size, MB_HASH_START);
    mb_csv_free(&csv);
    if (rc) mb_network_free(r.net);
    else *net = r.net;
    return rc;
}
