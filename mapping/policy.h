/* policy.h - mapping policies and what they may ask
 *
 * A policy sees layers, a menu of settings, budgets and an oracle; it knows neither simulator nor machine, so that it can be
 * tested with a synthetic oracle and brute force.
 * Configuration group `map`:
 *     map = { policy = "uniform"; <assignment keys>; <parameters of the policy>;
 *             menu = { weight_bits = [2, 4, 8]; adc_bits = [6, 8]; ... };         settings to choose from (keys of mb_assign)
 *             first = { weight_bits = 8; }; last = { ... };                       fixed keys of the first / last weighted layer
 *             layers = ( { name = "conv2"; engine = "digital"; }, ... );          fixed keys of named layers
 *             tied = ( ("conv1", "conv2"), ... );                                 layers that take the same assignment
 *             keep = { outputs = [1.0, 0.5]; inputs = "arrays"; ... };            channels kept (mapping/keep.h)
 *             budget = { energy_J = ..; latency_s = ..; area_m2 = ..; arrays = ..; weight_bits = .. (stored bits in all);
 *                        bops = ..; edp_Js = ..; edap_Jsm2 = ..; layer_latency_s = .. (of the slowest layer); accuracy_drop = ..;
 *          }; finetune = { epochs = 8; };                                           training under the plan, before it is judged
 *          sensitivity_options = { ... }; solver_options = { ... };            parameters of the named provider and solver }
 */
#ifndef MB_MAPPING_POLICY_H
#define MB_MAPPING_POLICY_H

#include <stdbool.h>
#include <stddef.h>

#include "mapping/keep.h"
#include "mapping/plan.h"

typedef struct mb_layer_info { const char *name; mb_matmul mm; int64_t macs, params; } mb_layer_info;

/* What a plan costs, in all of which budgets can be set. */
typedef struct mb_metrics { double energy_J, latency_s, area_m2, arrays, weight_bits; } mb_metrics;
#define MB_METRICS 5
extern const mb_param mb_metric_params[];    /* one row per field of mb_metrics: name, unit, help (budget keys) */
double mb_metric_get(const mb_metrics *m, int k);
/* What a plan loses: mean loss over the calibration samples (cross-entropy), accuracy, half-width of its 95 % interval; mean
 * divergence of the class probabilities from the float network's, and the half-width of its interval over samples and device
 * draws (NaN where it was not asked for). */
typedef struct mb_loss { double loss, accuracy, half_width, kl, kl_half_width; } mb_loss;

/* One layer under a setting, the others as exact integers, against all layers as exact integers (run/measure.h): increase of the
 * mean loss, divergence of the class probabilities, standard errors; nats. */
typedef struct mb_measurement { double loss, loss_se, kl, kl_se; } mb_measurement;
/* Settings SETTING[n] on the layers with use[layer * n + setting] (NULL: all of them). Exact settings have the digital engine. */
typedef struct mb_measure_ask {
    const mb_assign *setting;
    int n;
    const bool *use;
    int samples, trials;     /* calibration samples and device draws; 0 samples: all that the experiment takes */
    double stress;           /* factor on the errors of the cells */
    int weight_bits, input_bits; /* of the reference; 0: the most among the settings */
} mb_measure_ask;

/* Second-order quantities of layers on calibration samples (nn/hessian.h). */
typedef struct mb_curvature_ask {
    int samples;
    int probes;              /* of Hutchinson's trace; 0: not estimated */
    int steps;               /* products for each layer's largest eigenvalue; 0: not computed */
    bool exact;              /* the true Fisher trace, too */
    int n_bits;
    const int *bits;         /* changes dW of a layer that are looked at: quantisation of its weights to these widths */
    int pairs;               /* between all changes: 0 none, 1 dW'H dW, 2 measured L(i, j) + L - L(i) - L(j) */
} mb_curvature_ask;
typedef struct mb_traced { double mean, half_width; } mb_traced; /* with its 95 % interval */
/* Arrays of the caller, [layers] or [layers * n_bits] or [(layers * n_bits)^2]; NULL: not wanted. */
typedef struct mb_curvature_tell {
    mb_traced *trace, *exact, *empirical; /* traces of the Hessian, of the true and of the empirical Fisher matrix */
    double *lambda;
    double *dw2, *fisher;    /* |dW|^2, 1/2 mean (g_s . dW)^2 */
    double *pair;
} mb_curvature_tell;

/* What a search of bits by gradients is asked and tells: for every weighted layer the bits of its weights and inputs, a table of
 * costs (0..1 of the dearest plan, say), and how probable each of the bits became. */
#define MB_BITS 8
typedef struct mb_bit_menu {
    int n_w, n_x, w[MB_BITS], x[MB_BITS]; /* ascending */
    double cost[MB_BITS][MB_BITS];        /* [index of w][index of x] */
    double p_w[MB_BITS], p_x[MB_BITS];    /* told */
} mb_bit_menu;
typedef struct mb_bit_search {
    int n, epochs;
    mb_bit_menu *layer;
    double eta, rate;                /* loss per unit of expected cost; learning rate of the logits */
    double loss, accuracy, expected; /* told: of the last epoch, penalty included; expected cost */
} mb_bit_search;

typedef struct mb_oracle {
    void *ctx;
    const mb_network *net;
    const mb_layer_info *layer;
    int n;
    int (*cost)(void *ctx, const mb_plan *plan, mb_metrics *out);
    int (*loss)(void *ctx, const mb_plan *plan, mb_loss *out);
    /* Train the network's own weights for EPOCHS under PLAN; loss() then measures the trained network, until the next call. 0
     * epochs: back to its own weights. NULL when training is not available. */
    int (*finetune)(void *ctx, const mb_plan *plan, int epochs);
    int n_cost, n_loss;                                                /* calls so far, counted by mb_oracle_cost / loss */
    long n_measured; /* layers x settings that were measured so far, counted by mb_oracle_measure */
    /* The rest may be NULL. */
    /* As loss, on SAMPLES calibration samples (0: all that the experiment takes) and DRAWS devices, the divergence too. All plans
     * meet the same samples and devices, which are not those that results are computed with. */
    int (*score)(void *ctx, const mb_plan *plan, int samples, int draws, mb_loss *out);
    int (*measure)(void *ctx, const mb_measure_ask *ask, mb_measurement *out /* [n layers][ask->n] */);
    int (*curvature)(void *ctx, const mb_curvature_ask *ask, const mb_curvature_tell *out);
    /* Additive part of the cost of layer M under the assignment A: the plan's cost is a constant plus the sum over its layers, up
     * to what they share (mapping/space.h). */
    int (*layer_cost)(void *ctx, int m, const mb_assign *a, mb_metrics *out);
    /* Time of layer M alone in the plan, for bounds of the slowest layer of a pipeline. */
    int (*layer_latency)(void *ctx, const mb_plan *plan, int m, double *latency_s);
    /* Outputs of weighted layer M for the first SAMPLES calibration samples, *x [samples][*features], one mb_malloc block of the
     * caller. */
    int (*activations)(void *ctx, int m, int samples, double **x, int *features);
    /* Train the network's own weights for EPOCHS under PLAN: loss and accuracy of the result, quantised, on the training samples.
     * loss() is not touched. */
    int (*trained)(void *ctx, const mb_plan *plan, int epochs, mb_loss *out);
    /* Train weights and choices of bits together (EdMIPS). */
    int (*search_bits)(void *ctx, mb_bit_search *b);
    /* Arrays of weighted layer M alone under A with this many input and output channels (0: all). */
    int (*arrays)(void *ctx, int m, const mb_assign *a, int inputs, int outputs, int64_t *n);
    double (*now)(void *ctx); /* seconds of a clock: for reports and limits of time only */
    int (*progress)(void *ctx, const char *what, int64_t done, int64_t total);   /* not 0: stop */
    struct mb_map_report *report;                                      /* mapping/mixed.h: what the search tells about itself */
} mb_oracle;
int mb_oracle_cost(mb_oracle *o, const mb_plan *plan, mb_metrics *out);
int mb_oracle_loss(mb_oracle *o, const mb_plan *plan, mb_loss *out);
/* Counts as a loss. An oracle without `score` answers by `loss`. */
int mb_oracle_score(mb_oracle *o, const mb_plan *plan, int samples, int draws, mb_loss *out);
/* MB_BADINPUT when the oracle cannot; WHO asks, for the message. */
int mb_oracle_measure(mb_oracle *o, const char *who, const mb_measure_ask *ask, mb_measurement *out);
int mb_oracle_curvature(mb_oracle *o, const char *who, const mb_curvature_ask *ask, const mb_curvature_tell *out);

/* Group map.finetune: training under the plan that the policy found, before it is judged. */
typedef struct mb_finetune_keys { int epochs; } mb_finetune_keys;
extern const mb_param mb_finetune_params[];
/* Of MAP (may be NULL); without the group all is 0. */
int mb_finetune_load(mb_conf *map, mb_finetune_keys *keys);
/* Does MAP train the network: by its policy, by its sensitivity, or by map.finetune? */
bool mb_map_trains(mb_conf *map);

/* Allowed values per assignment key; index = row of mb_assign_params. n = 0: only the base value. */
#define MB_ASSIGN_KEYS 12
typedef struct mb_menu { mb_assign base; int *v[MB_ASSIGN_KEYS]; size_t n[MB_ASSIGN_KEYS]; } mb_menu;

typedef struct mb_problem {
    mb_menu menu;
    mb_metrics budget;                    /* upper bounds; infinite: none */
    char *budget_where[MB_METRICS];       /* "file:line" of the bound, for messages; NULL: none */
    bool *fixed;                          /* [n * MB_ASSIGN_KEYS]: this layer's key is pinned to fixed_value */
    int *fixed_value;
    int n;                                /* weighted layers */
    struct {
        double bops, layer_latency_s, accuracy_drop, edp_Js, edap_Jsm2;
    } extra;                              /* upper bounds beyond mb_metrics; infinite: none */
    char *extra_where[5];                 /* as budget_where, in the order of the fields */
    int *tie;                             /* [n] layers of the same group >= 0 take the same assignment; NULL: none */
    mb_keep_choice *keep;                        /* pruning; NULL: none */
    mb_conf *solver_options,
        *sensitivity_options; /* groups of `map` for the chosen solver and provider, borrowed; NULL: defaults */
} mb_problem;
#define MB_EXTRA 5
extern const char *const mb_extra_names[MB_EXTRA];

typedef struct mb_policy_type {
    const char *name, *summary, *reference;
    const mb_param *params;
    size_t size;
    bool trains; /* asks the oracle for trainings */
    int (*search)(const void *p, const mb_problem *prob, mb_oracle *o, uint64_t seed, mb_plan **best);
    /* MB_NUMERIC with the cheapest cost and the budget that binds when nothing is feasible */
} mb_policy_type;

extern const mb_policy_type *const mb_policies[];      /* NULL-terminated, generated */
#define MB_DEFAULT_POLICY "uniform"
const mb_policy_type *mb_policy_find(const char *name);

/* Read `map` (NULL: all defaults) for NET into a problem (base assignment, menu, pins, budgets). Keys of the chosen policy's own
 * table are accepted too.
 * Pins: `layers` wins over `last`, `last` over `first`. All keys of MAP are checked, the policy's included. */
int mb_problem_load(mb_conf *map, const mb_network *net, mb_problem *prob);
void mb_problem_free(mb_problem *prob);
/* Lay the pins of the problem on a plan. */
void mb_problem_pin(const mb_problem *prob, mb_plan *plan);
/* The policy named in MAP and its own parameters from MAP (NULL when it has none; end with mb_policy_unload). An unknown name or
 * key is MB_BADINPUT. */
int mb_policy_load(mb_conf *map, const mb_policy_type **type, void **params);
void mb_policy_unload(const mb_policy_type *type, void *params);
/* Run the policy named in MAP: the plan (with names, hash, policy filled in). */
int mb_policy_run(mb_conf *map, mb_oracle *o, uint64_t seed, mb_plan **best);
/* True when M obeys all bounds (up to 1e-12 of the bound, the rounding of sums); else *binding (may be NULL) is the first budget
 * key that does not hold. NaN never holds. */
bool mb_within(const mb_metrics *m, const mb_metrics *budget, const char **binding);
/* As mb_within, for all bounds that the metrics and the plan tell: also BOPs, EDP, EDAP. */
bool mb_problem_within(const mb_problem *prob, const mb_oracle *o, const mb_plan *plan, const mb_metrics *m,
                       const char **binding);
double mb_plan_bops(const mb_oracle *o, const mb_plan *plan);   /* sum of MACs (those left) x weight bits x input bits */
double mb_edap(const mb_metrics *m);       /* energy x latency x area, J s m2 */

/* The policy uniform: of the settings of the menu for all layers, within the budgets, the one of least loss. */
int mb_uniform_search(int max_settings, const mb_problem *prob, mb_oracle *o, mb_plan **best);

/* For policies without an answer: remembers the cheapest of each metric and the plan nearest to the budgets, and words the
 * MB_NUMERIC failure. Start from mb_shortfall_init. */
typedef struct mb_shortfall {
    mb_metrics least, nearest;
    double ratio, least_bops, least_edp, least_edap;
    long tried;
} mb_shortfall;
void mb_shortfall_init(mb_shortfall *s);
void mb_shortfall_add(mb_shortfall *s, const mb_problem *prob, const mb_metrics *m, double bops);
int mb_shortfall_fail(const mb_shortfall *s, const mb_problem *prob);

#endif
