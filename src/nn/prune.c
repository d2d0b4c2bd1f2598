/* prune.c - couplings of channels, importance from weights, pruned networks; equations and references in prune.h */
#include "nn/prune.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

#define NO_CHANNEL (-1)

/* --- couplings ------------------------------------------------------------------------------------------------------- */

/* Sets of layers that have one group of channels, as a forest: parent[i] == i is a root. */
typedef struct forest {
    const mb_network *net;
    int *parent, *channels;      /* [layers]; channels of the layer's output */
    const char **frozen;         /* [layers] of roots: why all must be kept; NULL: they need not */
} forest;

static int root_of(const forest *f, int i) {
    while (f->parent[i] != i) i = f->parent[i];
    return i;
}

static void freeze(forest *f, int i, const char *why) {
    const int r = root_of(f, i);
    if (!f->frozen[r]) f->frozen[r] = why;
}

/* One group from now on. Different numbers of channels cannot be: both are frozen. */
static void join(forest *f, int a, int b) {
    const int x = root_of(f, a), y = root_of(f, b);
    if (x == y) return;
    if (f->channels[a] != f->channels[b]) {
        freeze(f, a, "an addition of different channels reads it");
        freeze(f, b, "an addition of different channels reads it");
        return;
    }
    const int lo = x < y ? x : y, hi = x < y ? y : x;
    f->parent[hi] = lo;
    if (!f->frozen[lo]) f->frozen[lo] = f->frozen[hi];
}

static bool depthwise(const mb_window *w) { return w->groups > 1 && w->groups == w->cin && w->groups == w->cout; }

/* Does a weighted layer see the channels of layer IN one behind the other, each as whole rows? */
static bool reads_channels(const forest *f, const mb_layer *l, int in) {
    const mb_window *w = &l->win;
    const size_t count = mb_shape_count(&f->net->layer[in].shape);
    if (l->op == &mb_op_linear) return w->oh == 1 && (size_t)w->cin == count && count % (size_t)f->channels[in] == 0;
    return w->cin == f->channels[in] && count == (size_t)w->cin * (size_t)w->ih * (size_t)w->iw;
}

static void weighted(forest *f, int i) {
    const mb_layer *l = &f->net->layer[i];
    const int in = l->in[0];
    const char *why = NULL;
    if (!reads_channels(f, l, in)) why = "a layer over tokens reads or makes it";
    else if (l->win.groups > 1 && !depthwise(&l->win)) why = "a grouped convolution reads or makes it";
    if (why) {
        freeze(f, in, why);
        freeze(f, i, why);
    }
    if (!why && depthwise(&l->win)) join(f, in, i);
}

/* Layers that are not weighted: same channels, sums, or none that can be followed. */
static void between(forest *f, int i) {
    const mb_layer *l = &f->net->layer[i];
    const char *op = l->op->name;
    const int in = l->n_in ? l->in[0] : -1;
    const size_t count = mb_shape_count(&l->shape);
    bool same = !strcmp(op, "clip") || !strcmp(op, "maxpool") || !strcmp(op, "avgpool");
    if (!strcmp(op, "add")) {
        f->channels[i] = f->channels[in];
        for (int k = 0; k < l->n_in; k++) join(f, l->in[k], i);
        return;
    }
    if (!strcmp(op, "reshape")) {
        same = l->shape.nd == 1 || l->shape.d[0] == f->net->layer[in].shape.d[0];
    } else if (!strcmp(op, "scale")) {
        mb_op_view v = {0};
        l->op->view(l, &v);
        same = v.channels == 1 || (v.outer == 1 && v.channels == (size_t)f->channels[in] && v.inner * v.channels == count);
    }
    if (same && count % (size_t)f->channels[in] == 0 && (l->shape.nd == 1 || l->shape.d[0] == f->channels[in])) {
        f->channels[i] = f->channels[in];
        join(f, in, i);
        return;
    }
    for (int k = 0; k < l->n_in; k++) freeze(f, l->in[k], "a layer that mixes or moves channels reads it");
    freeze(f, i, "a layer that mixes or moves channels makes it");
}

void mb_couplings_free(mb_couplings *c) {
    if (!c) return;
    mb_free(c->group);
    mb_free(c->channels);
    mb_free(c->leader);
    mb_free(c->in_group);
    mb_free(c->in_channels);
    mb_free(c->follows);
    mb_free(c->why);
    mb_free(c->at);
    mb_free(c);
}

static mb_couplings *couplings_alloc(const mb_network *net) {
    const size_t n = (size_t)(net->n_weighted ? net->n_weighted : 1);
    mb_couplings *c = mb_calloc(1, sizeof *c);
    if (!c) return NULL;
    *c = (mb_couplings){.n_weighted = net->n_weighted, .n_layers = net->n_layers};
    c->group = mb_malloc(n, sizeof *c->group);
    c->channels = mb_calloc(n, sizeof *c->channels);
    c->leader = mb_calloc(n, sizeof *c->leader);
    c->in_group = mb_malloc(n, sizeof *c->in_group);
    c->in_channels = mb_calloc(n, sizeof *c->in_channels);
    c->follows = mb_calloc(n, sizeof *c->follows);
    c->why = mb_calloc(n, sizeof *c->why);
    c->at = mb_malloc((size_t)net->n_layers, sizeof *c->at);
    if (c->group && c->channels && c->leader && c->in_group && c->in_channels && c->follows && c->why && c->at) return c;
    mb_couplings_free(c);
    return NULL;
}

/* Number the sets that a weighted layer puts into, in the order of their first one. */
static void number_groups(const forest *f, mb_couplings *c) {
    const mb_network *net = f->net;
    for (int i = 0; i < net->n_layers; i++) c->at[i] = NO_CHANNEL;
    for (int m = 0; m < net->n_weighted; m++) {
        const int r = root_of(f, net->weighted[m]);
        if (f->frozen[r] || c->at[r] >= 0) continue;
        c->channels[c->n_groups] = f->channels[r];
        c->leader[c->n_groups] = m;
        c->at[r] = c->n_groups++;
    }
    for (int i = 0; i < net->n_layers; i++) c->at[i] = c->at[root_of(f, i)];
    for (int m = 0; m < net->n_weighted; m++) {
        const mb_layer *l = &net->layer[net->weighted[m]];
        c->group[m] = c->at[net->weighted[m]];
        c->in_group[m] = c->at[l->in[0]];
        c->in_channels[m] = f->channels[l->in[0]];
        c->follows[m] = depthwise(&l->win);
        c->why[m] = c->group[m] < 0 ? f->frozen[root_of(f, net->weighted[m])] : NULL;
    }
}

int mb_couplings_new(const mb_network *net, mb_couplings **out) {
    const size_t n = (size_t)net->n_layers;
    forest f = {net, mb_malloc(n, sizeof *f.parent), mb_malloc(n, sizeof *f.channels), mb_calloc(n, sizeof *f.frozen)};
    mb_couplings *c = couplings_alloc(net);
    int rc = f.parent && f.channels && f.frozen && c ? MB_OK : mb_nomem();
    for (int i = 0; i < net->n_layers && !rc; i++) {
        const mb_layer *l = &net->layer[i];
        f.parent[i] = i;
        f.channels[i] = (int)l->shape.d[0];
        if (i == net->input) freeze(&f, i, "it is the input of the network, or added to it");
        else if (mb_layer_weighted(l)) weighted(&f, i);
        else between(&f, i);
    }
    if (!rc) {
        freeze(&f, net->output, "it is the output of the network");
        number_groups(&f, c);
    }
    mb_free(f.parent);
    mb_free(f.channels);
    mb_free(f.frozen);
    if (rc) mb_couplings_free(c);
    else *out = c;
    return rc;
}

/* --- importance from weights ----------------------------------------------------------------------------------------- */

void mb_pruner_free(mb_pruner *p) {
    if (!p) return;
    for (int g = 0; p->score && g < p->couplings->n_groups; g++) mb_free(p->score[g]);
    for (int m = 0; m < p->net->n_weighted; m++) {
        if (p->row_score) mb_free(p->row_score[m]);
        if (p->mean) mb_free(p->mean[m]);
    }
    mb_free(p->score);
    mb_free(p->row_score);
    mb_free(p->mean);
    mb_couplings_free(p->couplings);
    mb_free(p);
}

/* Shares of the squared weights of layer M: of each filter to its group, of each input channel to the layer. */
static void weigh(mb_pruner *p, int m) {
    const mb_couplings *c = p->couplings;
    const mb_layer *l = &p->net->layer[p->net->weighted[m]];
    const size_t cout = (size_t)l->win.cout, row = l->n_weight / cout, taps = (size_t)(l->win.kh * l->win.kw);
    const size_t unit = (size_t)l->win.cin / (size_t)c->in_channels[m] * taps;
    double all = 0;
    for (size_t k = 0; k < l->n_weight; k++) all += (double)l->weight[k] * (double)l->weight[k];
    for (size_t k = 0; k < l->n_weight && all > 0; k++) {
        const double share = (double)l->weight[k] * (double)l->weight[k] / all;
        if (c->group[m] >= 0) p->score[c->group[m]][k / row] += share;
        if (l->win.groups == 1) p->row_score[m][k % row / unit] += share;
    }
}

int mb_pruner_new(const mb_network *net, mb_pruner **out) {
    const size_t n = (size_t)(net->n_weighted ? net->n_weighted : 1);
    mb_pruner *p = mb_calloc(1, sizeof *p);
    if (!p) return mb_nomem();
    p->net = net;
    int rc = mb_couplings_new(net, &p->couplings);
    if (!rc) {
        p->score = mb_calloc(n, sizeof *p->score);
        p->row_score = mb_calloc(n, sizeof *p->row_score);
        if (!p->score || !p->row_score) rc = mb_nomem();
    }
    for (int g = 0; !rc && g < p->couplings->n_groups; g++)
        if (!(p->score[g] = mb_calloc((size_t)p->couplings->channels[g], sizeof(double)))) rc = mb_nomem();
    for (int m = 0; !rc && m < net->n_weighted; m++)
        if (!(p->row_score[m] = mb_calloc((size_t)p->couplings->in_channels[m], sizeof(double)))) rc = mb_nomem();
    for (int m = 0; !rc && m < net->n_weighted; m++)
        if (net->layer[net->weighted[m]].weight) weigh(p, m);
    if (rc) mb_pruner_free(p);
    else *out = p;
    return rc;
}

/* --- what is kept ---------------------------------------------------------------------------------------------------- */

int mb_prune_count(const mb_couplings *c, const mb_network *net, const int *keep, int *count) {
    int *who = mb_malloc((size_t)(c->n_groups ? c->n_groups : 1), sizeof *who), rc = who ? MB_OK : mb_nomem();
    for (int g = 0; g < c->n_groups && !rc; g++) count[g] = c->channels[g], who[g] = -1;
    for (int m = 0; m < c->n_weighted && !rc; m++) {
        const mb_layer *l = &net->layer[net->weighted[m]];
        const int g = c->group[m];
        if (!keep[m] || (g < 0 && keep[m] == l->win.cout)) continue;
        if (keep[m] < 0 || keep[m] > l->win.cout)
            rc = mb_fail(MB_BADINPUT, "layer %s: keep_outputs = %d, but it has %d output channels", l->name, keep[m], l->win.cout);
        else if (g < 0)
            rc = mb_fail(MB_BADINPUT, "layer %s: keep_outputs = %d, but all its %d output channels must be kept: %s", l->name, keep[m],
                         l->win.cout, c->why[m] ? c->why[m] : "");
        else if (who[g] >= 0 && count[g] != keep[m])
            rc = mb_fail(MB_BADINPUT, "layers %s and %s put into the same channels and cannot keep %d and %d of them",
                         net->layer[net->weighted[who[g]]].name, l->name, count[g], keep[m]);
        else count[g] = keep[m], who[g] = m;
    }
    mb_free(who);
    return rc;
}

typedef struct ranked {
    double score;
    int channel;
} ranked;

static int by_score(const void *a, const void *b) {
    const ranked *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return x->channel - y->channel;
}

static int by_channel(const void *a, const void *b) { return ((const ranked *)a)->channel - ((const ranked *)b)->channel; }

/* The KEEP best of the channels FROM[n] (NULL: 0 .. n - 1), in ascending order, into TO. */
static int select_best(const double *score, int n, const int *from, int keep, int *to) {
    ranked *r = mb_malloc((size_t)(n ? n : 1), sizeof *r);
    if (!r) return mb_nomem();
    for (int i = 0; i < n; i++) r[i].channel = from ? from[i] : i, r[i].score = score[r[i].channel];
    qsort(r, (size_t)n, sizeof *r, by_score);
    qsort(r, (size_t)keep, sizeof *r, by_channel);
    for (int i = 0; i < keep; i++) to[i] = r[i].channel;
    mb_free(r);
    return MB_OK;
}

int mb_prune_dropped(const double *score, int n, int keep, bool **drop) {
    int *kept = mb_malloc((size_t)n, sizeof *kept);
    bool *d = mb_calloc((size_t)n, sizeof *d);
    int rc = kept && d ? select_best(score, n, NULL, keep, kept) : mb_nomem();
    for (int i = 0, k = 0; i < n && !rc; i++) {
        if (k < keep && kept[k] == i) k++;
        else d[i] = true;
    }
    mb_free(kept);
    if (rc) mb_free(d);
    else *drop = d;
    return rc;
}

int mb_prune_lost(const double *score, int n, int keep, double *lost) {
    bool *drop = NULL;
    *lost = 0;
    if (!keep || keep >= n) return MB_OK;
    int rc = mb_prune_dropped(score, n, keep, &drop);
    for (int i = 0; i < n && !rc; i++) *lost += drop[i] ? score[i] : 0;
    mb_free(drop);
    return rc;
}

/* Channels that are kept: of every group, and of the inputs of every weighted layer (of them those that its group still has). */
typedef struct choice {
    int *count, **kept;          /* [groups] */
    int *rows, **row;            /* [weighted] */
} choice;

static void choice_free(choice *c, const mb_couplings *k) {
    for (int g = 0; c->kept && g < k->n_groups; g++) mb_free(c->kept[g]);
    for (int m = 0; c->row && m < k->n_weighted; m++) mb_free(c->row[m]);
    mb_free(c->count);
    mb_free(c->kept);
    mb_free(c->rows);
    mb_free(c->row);
}

static int choose_rows(const mb_pruner *p, int m, int keep, choice *c) {
    const mb_couplings *k = p->couplings;
    const mb_layer *l = &p->net->layer[p->net->weighted[m]];
    const int g = k->in_group[m], n = g >= 0 ? c->count[g] : k->in_channels[m];
    if (keep < 0 || keep > k->in_channels[m])
        return mb_fail(MB_BADINPUT, "layer %s: keep_inputs = %d, but it has %d input channels", l->name, keep, k->in_channels[m]);
    if (keep && l->win.groups > 1)
        return mb_fail(MB_BADINPUT, "layer %s: a convolution in groups reads all its channels: keep_inputs must be 0", l->name);
    if (keep && keep < k->in_channels[m] && (size_t)l->win.cin * (size_t)(l->win.ih * l->win.iw) != mb_shape_count(&p->net->layer[l->in[0]].shape))
        return mb_fail(MB_BADINPUT, "layer %s: keep_inputs is not possible for a layer over tokens", l->name);
    c->rows[m] = keep && keep < n ? keep : n;
    if (!(c->row[m] = mb_malloc((size_t)n, sizeof(int)))) return mb_nomem();
    return select_best(p->row_score[m], n, g >= 0 ? c->kept[g] : NULL, c->rows[m], c->row[m]);
}

static int choose(const mb_pruner *p, const int *keep_outputs, const int *keep_inputs, choice *c) {
    const mb_couplings *k = p->couplings;
    const size_t groups = (size_t)(k->n_groups ? k->n_groups : 1), n = (size_t)(k->n_weighted ? k->n_weighted : 1);
    *c = (choice){mb_calloc(groups, sizeof *c->count), mb_calloc(groups, sizeof *c->kept), mb_calloc(n, sizeof *c->rows),
                  mb_calloc(n, sizeof *c->row)};
    int rc = c->count && c->kept && c->rows && c->row ? mb_prune_count(k, p->net, keep_outputs, c->count) : mb_nomem();
    for (int g = 0; g < k->n_groups && !rc; g++) {
        c->kept[g] = mb_malloc((size_t)k->channels[g], sizeof(int));
        rc = c->kept[g] ? select_best(p->score[g], k->channels[g], NULL, c->count[g], c->kept[g]) : mb_nomem();
    }
    for (int m = 0; m < k->n_weighted && !rc; m++) rc = choose_rows(p, m, keep_inputs[m], c);
    return rc;
}

/* --- the pruned network ---------------------------------------------------------------------------------------------- */

typedef struct build {
    const mb_pruner *p;
    const choice *c;
    bool mask;
    mb_network *net;
    int *place;                  /* [layers of the original] where they stand in the new one */
} build;

static int *ints(int n, const int *from) {
    int *a = mb_malloc((size_t)(n ? n : 1), sizeof *a);
    for (int k = 0; a && k < n; k++) a[k] = from ? from[k] : k;
    return a;
}

/* Input channels of layer M as a table: index in the new weights, or NO_CHANNEL. */
static void keep_table(const build *b, int m, int *table) {
    for (int c = 0; c < b->p->couplings->in_channels[m]; c++) table[c] = NO_CHANNEL;
    for (int k = 0; k < b->c->rows[m]; k++) table[b->c->row[m][k]] = b->mask ? b->c->row[m][k] : k;
}

/* What the mean of the dropped inputs adds to output O. */
static double dropped(const build *b, int m, const mb_layer *l, const int *table, size_t o) {
    const size_t cin = (size_t)l->win.cin, taps = (size_t)(l->win.kh * l->win.kw), unit = cin / (size_t)b->p->couplings->in_channels[m];
    const float *w = l->weight + o * cin * taps;
    double sum = 0;
    for (size_t i = 0; i < cin && b->p->mean; i++) {
        double all = 0;
        if (table[i / unit] >= 0) continue;
        for (size_t t = 0; t < taps; t++) all += (double)w[i * taps + t];
        sum += all * (double)b->p->mean[m][i];
    }
    return sum;
}

/* Weights and bias of layer M as L's: filters OUT[n_out], input channels of TABLE. */
static int weights(const build *b, int m, const mb_layer *from, int n_out, const int *out, const int *table, mb_layer *l) {
    const bool alone = from->win.groups > 1; /* depthwise or grouped: rows stay */
    const size_t cin = (size_t)(from->win.cin / from->win.groups), taps = (size_t)(from->win.kh * from->win.kw);
    const size_t unit = alone ? 1 : (size_t)from->win.cin / (size_t)b->p->couplings->in_channels[m];
    const size_t kept = alone ? cin : b->mask ? cin : (size_t)b->c->rows[m] * unit, cout = (size_t)(b->mask ? from->win.cout : n_out);
    bool shifts = from->bias != NULL;
    l->n_weight = cout * kept * taps;
    if (!from->weight) return MB_OK;
    for (int c = 0; c < b->p->couplings->in_channels[m] && !alone; c++) shifts = shifts || (table[c] < 0 && b->p->mean);
    l->weight = mb_calloc(l->n_weight, sizeof *l->weight);
    if (shifts) l->bias = mb_calloc(cout, sizeof *l->bias);
    if (!l->weight || (shifts && !l->bias)) return mb_nomem();
    for (int k = 0; k < n_out; k++) {
        const size_t o = (size_t)out[k], to = b->mask ? o : (size_t)k;
        for (size_t i = 0; i < cin; i++) {
            const int c = alone ? (int)i : table[i / unit];
            if (c < 0) continue;
            memcpy(l->weight + (to * kept + (alone ? i : (size_t)c * unit + i % unit)) * taps, from->weight + (o * cin + i) * taps,
                   taps * sizeof *l->weight);
        }
        if (l->bias) l->bias[to] = (float)((from->bias ? (double)from->bias[o] : 0) + (alone ? 0 : dropped(b, m, from, table, o)));
    }
    return MB_OK;
}

/* The copy of layer I with N channels KEPT of its outputs (n < 0: all). */
static int copy_layer(build *b, int i, int n, const int *kept, mb_layer *l) {
    const mb_layer *from = &b->p->net->layer[i];
    *l = *from;
    l->weight = l->bias = NULL;
    l->attr = NULL;
    l->name = mb_strdup(from->name);
    l->in = ints(from->n_in, from->in);
    if (!l->name || !l->in) return mb_nomem();
    for (int k = 0; k < l->n_in; k++) l->in[k] = b->place[l->in[k]];
    if (from->attr && !(l->attr = from->op->keep(from, n, kept))) return mb_nomem();
    if (n < 0) return MB_OK;
    const int g = b->p->couplings->at[i], all = b->p->couplings->channels[g];
    l->shape.d[0] = l->shape.d[0] / all * n;
    if (!mb_layer_weighted(from)) {
        if (l->win.cin) l->win.cin = l->win.cin / all * n;
        if (l->win.cout) l->win.cout = l->win.cout / all * n;
    }
    return MB_OK;
}

/* A layer in front of weighted layer M that selects the rows which it reads, where its group has more. */
static int add_selection(build *b, int m, mb_layer *l) {
    const mb_couplings *k = b->p->couplings;
    const mb_layer *reader = &b->p->net->layer[b->p->net->weighted[m]];
    const int g = k->in_group[m], have = g >= 0 ? b->c->count[g] : k->in_channels[m], rows = b->c->rows[m];
    mb_network *net = b->net;
    mb_layer *s = &net->layer[net->n_layers];
    int *index = ints(rows, NULL);
    if (!index) return mb_nomem();
    for (int r = 0, h = 0; r < rows; r++) {
        while ((g >= 0 ? b->c->kept[g][h] : h) != b->c->row[m][r]) h++;
        index[r] = h;
    }
    *s = (mb_layer){.op = &mb_op_select, .n_in = 1};
    s->name = mb_asprintf("%s.rows", reader->name);
    s->in = ints(1, l->in);
    s->attr = mb_selection_new(rows, index);
    s->shape = net->layer[l->in[0]].shape;
    s->shape.d[0] = s->shape.d[0] / have * rows;
    mb_free(index);
    l->in[0] = net->n_layers++;
    return s->name && s->in && s->attr ? MB_OK : mb_nomem();
}

static int add_weighted(build *b, int i, int m) {
    const mb_couplings *k = b->p->couplings;
    const mb_layer *from = &b->p->net->layer[i];
    const int g = k->group[m], n = g >= 0 ? b->c->count[g] : from->win.cout;
    const bool rows = from->win.groups == 1 && b->c->rows[m] < k->in_channels[m];
    int *out = ints(n, g >= 0 ? b->c->kept[g] : NULL), *table = mb_malloc((size_t)k->in_channels[m], sizeof *table);
    mb_layer l = {0};
    int rc = out && table ? copy_layer(b, i, b->mask || g < 0 ? -1 : n, out, &l) : mb_nomem();
    if (!rc) {
        keep_table(b, m, table);
        if (!b->mask) {
            l.win.cout = n;
            if (k->follows[m]) l.win.groups = l.win.cin = n;
            if (rows) l.win.cin = from->win.cin / k->in_channels[m] * b->c->rows[m];
        }
        rc = weights(b, m, from, n, out, table, &l);
    }
    const int have = k->in_group[m] >= 0 ? b->c->count[k->in_group[m]] : k->in_channels[m];
    if (!rc && rows && !b->mask && b->c->rows[m] < have) rc = add_selection(b, m, &l);
    mb_free(out);
    mb_free(table);
    b->place[i] = b->net->n_layers;
    b->net->weighted[b->net->n_weighted++] = b->net->n_layers;
    b->net->layer[b->net->n_layers++] = l;
    return rc;
}

/* Hash of the original and of everything that is kept. */
static uint64_t hash_of(const mb_pruner *p, const choice *c) {
    uint64_t h = p->net->hash;
    for (int g = 0; g < p->couplings->n_groups; g++) h = mb_hash64(c->kept[g], (size_t)c->count[g] * sizeof(int), h);
    for (int m = 0; m < p->net->n_weighted; m++) h = mb_hash64(c->row[m], (size_t)c->rows[m] * sizeof(int), h);
    return h;
}

static int build_network(build *b) {
    const mb_network *from = b->p->net;
    const mb_couplings *k = b->p->couplings;
    mb_network *net = b->net;
    int rc = MB_OK;
    net->opset = from->opset;
    net->weightless = from->weightless;
    net->name = from->name ? mb_strdup(from->name) : NULL;
    net->path = from->path ? mb_strdup(from->path) : NULL;
    net->layer = mb_calloc((size_t)from->n_layers + (size_t)from->n_weighted, sizeof *net->layer);
    net->weighted = mb_calloc((size_t)(from->n_weighted ? from->n_weighted : 1), sizeof *net->weighted);
    if (!net->layer || !net->weighted || (from->name && !net->name) || (from->path && !net->path)) return mb_nomem();
    for (int i = 0, m = 0; i < from->n_layers && !rc; i++) {
        if (m < from->n_weighted && from->weighted[m] == i) {
            rc = add_weighted(b, i, m++);
            continue;
        }
        const int g = k->at[i];
        rc = copy_layer(b, i, b->mask || g < 0 ? -1 : b->c->count[g], g < 0 ? NULL : b->c->kept[g], &net->layer[net->n_layers]);
        b->place[i] = net->n_layers++;
    }
    net->input = b->place[from->input];
    net->output = b->place[from->output];
    net->hash = hash_of(b->p, b->c);
    return rc ? rc : mb_network_check(net);
}

int mb_prune(const mb_pruner *p, const int *keep_outputs, const int *keep_inputs, bool mask, mb_network **out) {
    choice c;
    build b = {p, &c, mask, NULL, NULL};
    int rc = choose(p, keep_outputs, keep_inputs, &c);
    if (!rc) {
        b.net = mb_calloc(1, sizeof *b.net);
        b.place = mb_calloc((size_t)p->net->n_layers, sizeof *b.place);
        rc = b.net && b.place ? build_network(&b) : mb_nomem();
    }
    choice_free(&c, p->couplings);
    mb_free(b.place);
    if (rc) mb_network_free(b.net);
    else *out = b.net;
    return rc;
}
