/* sensitivity_edmips.c - how improbable a setting's bits became in a search by gradients (EdMIPS)
 *
 * Weights and inputs of every layer are quantised at all their bits at once, weighed by softmaxes of logits that are trained
 * together with the weights on loss + eta x expected complexity (mb_oracle.search_bits). Then
 *     S = - ln p(weight_bits) - ln p(input_bits)
 * so that the plan of least S is the published one, the argmax of every layer, and under a budget the most probable plan that
 * meets it. Complexity: BOPs as published, or the machine's own energy, latency, ...; of a layer's settings with the same bits
 * the cheapest counts; 0 is the cheapest plan, 1 the dearest. Converters, which training does not know, add what a noise of
 * their power takes from a code beside those of weights and inputs, 1/2 ln(1 + converter / (weight + input)) with the errors of
 * mapping/errors.h. Reference: Cai, Vasconcelos, CVPR 2020, doi:10.1109/CVPR42600.2020.00242.
 */
#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "mapping/errors.h"
#include "mapping/sensitivity.h"

typedef struct edmips_params {
    int epochs, complexity, others, rows;
    double eta, rate, fill;
} edmips_params;

static const mb_param table[] = {
    MB_INT(edmips_params, epochs, "", "4", 1, 100000, "of the search"),
    MB_REAL(edmips_params, eta, "", "0.1", 0, HUGE_VAL, "what the complexity counts: loss between the dearest and the cheapest plan"),
    MB_CHOICE(edmips_params, complexity, "bops|energy_J|latency_s|area_m2|arrays|weight_bits", "bops",
              "MACs x weight bits x input bits as published, or what the machine says"),
    MB_REAL(edmips_params, rate, "", "0.5", 0, 1000, "learning rate of the logits"),
    MB_OTHERS_ROW(edmips_params),
    MB_ERROR_ROWS(edmips_params),
    MB_PARAM_END,
};

/* Index of BITS in the ascending list, put there when it is new. */
static int place(int *list, int *n, int bits) {
    int k = 0;
    while (k < *n && list[k] < bits) k++;
    if (k < *n && list[k] == bits) return k;
    for (int i = (*n)++; i > k; i--) list[i] = list[i - 1];
    list[k] = bits;
    return k;
}

static double cost_of(const edmips_params *par, const mb_space *s, int i, int c) {
    return par->complexity == 0 ? s->bops[i][c] : mb_metric_get(&s->cost[i][c], par->complexity - 1);
}

/* Bits and costs of layer I; *spread: dearest minus cheapest. */
static void menu_of(const edmips_params *par, const mb_space *s, int i, mb_bit_menu *e, double *spread) {
    double low = HUGE_VAL, high = -HUGE_VAL;
    *e = (mb_bit_menu){0};
    for (int c = 0; c < s->m[i]; c++) {
        place(e->w, &e->n_w, s->choice[i][c].weight_bits);
        place(e->x, &e->n_x, s->choice[i][c].input_bits);
    }
    for (int w = 0; w < e->n_w; w++)
        for (int x = 0; x < e->n_x; x++) e->cost[w][x] = (double)NAN;
    for (int c = 0; c < s->m[i]; c++) {
        double v = cost_of(par, s, i, c), *at = &e->cost[place(e->w, &e->n_w, s->choice[i][c].weight_bits)]
                                                        [place(e->x, &e->n_x, s->choice[i][c].input_bits)];
        if (!(*at <= v)) *at = v;
    }
    for (int w = 0; w < e->n_w; w++)
        for (int x = 0; x < e->n_x; x++)
            if (!isnan(e->cost[w][x])) low = fmin(low, e->cost[w][x]), high = fmax(high, e->cost[w][x]);
    for (int w = 0; w < e->n_w; w++) /* a pair that no setting has is as dear as the dearest */
        for (int x = 0; x < e->n_x; x++) e->cost[w][x] = (isnan(e->cost[w][x]) ? high : e->cost[w][x]) - low;
    *spread = high - low;
}

static double surprise(double p) { return -log(fmax(p, 1e-30)); }

static int layer_values(const edmips_params *par, const mb_oracle *o, const mb_space *space, int i, mb_bit_menu *e, double *value) {
    mb_error_model model;
    int rc = mb_error_model_init(&model, &o->net->layer[o->net->weighted[i]], par->rows, par->fill);
    for (int c = 0; c < space->m[i] && !rc; c++) {
        const mb_assign *a = &space->choice[i][c];
        mb_errors r = {0, 0, 0};
        if (par->others == 0) rc = mb_errors_of(&model, a, &r);
        const double known = r.weight + r.input;
        value[c] = surprise(e->p_w[place(e->w, &e->n_w, a->weight_bits)]) + surprise(e->p_x[place(e->x, &e->n_x, a->input_bits)]) +
                   (known > 0 ? log1p(r.converter / known) / 2 : 0);
    }
    return rc;
}

static int evaluate(const void *params, mb_oracle *o, const mb_space *space, uint64_t seed, mb_sensitivity *out) {
    const edmips_params *par = params;
    mb_bit_search b = {.n = space->n, .epochs = par->epochs, .eta = par->eta, .rate = par->rate};
    double all = 0;
    (void)seed;
    if (!o->search_bits) return mb_fail(MB_BADINPUT, "this sensitivity trains the network, which this run cannot");
    if (!(b.layer = mb_calloc((size_t)b.n, sizeof *b.layer))) return mb_nomem();
    for (int i = 0; i < b.n; i++) {
        double spread;
        menu_of(par, space, i, &b.layer[i], &spread);
        all += spread;
    }
    for (int i = 0; i < b.n && all > 0; i++)
        for (int w = 0; w < b.layer[i].n_w; w++)
            for (int x = 0; x < b.layer[i].n_x; x++) b.layer[i].cost[w][x] /= all;
    int rc = o->search_bits(o->ctx, &b);
    o->n_measured++;
    for (int i = 0; i < b.n && !rc; i++) rc = layer_values(par, o, space, i, &b.layer[i], out->value[i]);
    if (!rc)
        mb_note("EdMIPS: training loss %.4f with %.4f of it complexity, training accuracy %.4f", b.loss, par->eta * b.expected,
                b.accuracy);
    mb_free(b.layer);
    return rc;
}

const mb_sensitivity_type mb_sensitivity_edmips = {
    .name = "edmips",
    .summary = "improbability of the bits after a search by gradients (EdMIPS)",
    .reference = "Cai, Vasconcelos, CVPR 2020, doi:10.1109/CVPR42600.2020.00242",
    .params = table,
    .size = sizeof(edmips_params),
    .trains = true,
    .evaluate = evaluate,
};
