/* point.c - one point from setup to numbers
 *
 * Order of a point: calibrate inputs -> policy (asks cost and loss) -> integers -> float and quantised accuracy -> device draws -> costs with the measured activity ->
 * baselines on the same network, precision and node.
 */
#include "run/point.h"

#include <gsl/gsl_sort_double.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "mapping/mixed.h"
#include "mapping/policy.h"
#include "nn/exec.h"
#include "run/finetune.h"
#include "run/oracle.h"
#include "run/prune.h"

static void free_profile(void *p) { mb_profile_free(p); }
static void free_plain(void *p) { mb_free(p); }

static uint64_t data_key(const mb_network *net, const mb_dataset *d, int64_t samples) {
    uint64_t h = mb_hash64(&net, sizeof net, MB_HASH_START);
    h = mb_hash64(&d, sizeof d, h);
    return mb_hash64(&samples, sizeof samples, h);
}

static int get_profile(mb_setup *s, const mb_progress *pr, const mb_profile **out) {
    int rc = mb_setup_can_run(s);
    if (rc) return rc;
    uint64_t key = data_key(s->net, s->calib, s->cal.samples);
    mb_profile *p = mb_cache_claim(s->cache, "profile", key);
    if (!p) {
        rc = mb_profile_new(s->net, s->calib, s->cal.samples, pr, &p);
        if (rc) mb_cache_give_up(s->cache, "profile", key);
        else rc = mb_cache_put(s->cache, "profile", key, p, 0, free_profile);
        if (rc) return rc;
    }
    *out = p;
    return MB_OK;
}

int mb_point_profile(mb_setup *s, const mb_progress *pr, const mb_profile **out) { return get_profile(s, pr, out); }

/* An accuracy that many points have in common; M NULL: of the float network. */
static int get_accuracy(mb_setup *s, const char *kind, uint64_t key, mb_mapped *m, const mb_progress *pr, mb_accuracy *out) {
    mb_accuracy *a = mb_cache_claim(s->cache, kind, key);
    if (!a) {
        int rc = (a = mb_calloc(1, sizeof *a)) ? MB_OK : mb_nomem();
        if (!rc) rc = m ? mb_quantised_accuracy(m, s->data, s->keys.samples, pr, a) : mb_float_accuracy(s->net, s->data, s->keys.samples, pr, a);
        if (rc) {
            mb_free(a);
            mb_cache_give_up(s->cache, kind, key);
            return rc;
        }
        rc = mb_cache_put(s->cache, kind, key, a, 0, free_plain);
        if (rc) return rc;
    }
    *out = *a;
    return MB_OK;
}

/* What exact integers depend on: precisions and how scales are found; slices that are not read make it a matter of the arrays, too: *shared false. */
static uint64_t integer_key(const mb_setup *s, const mb_plan *plan, bool *shared) {
    const double pct[2] = {s->cal.weight_percentile, s->cal.input_percentile};
    const int rule[4] = {s->cal.weight_rule, s->cal.input_rule, s->cal.per_channel, s->cal.samples};
    uint64_t h = data_key(s->net, s->data, s->keys.samples);
    h = mb_hash64(&s->calib, sizeof s->calib, h);
    h = mb_hash64(pct, sizeof pct, h);
    h = mb_hash64(rule, sizeof rule, h);
    *shared = true;
    for (int k = 0; k < plan->n; k++) {
        const int bits[2] = {plan->assign[k].weight_bits, plan->assign[k].input_bits};
        h = mb_hash64(bits, sizeof bits, h);
        *shared = *shared && !plan->assign[k].skip_slices;
    }
    return h;
}

int mb_point_map_report(mb_setup *s, const mb_progress *pr, mb_plan **plan, mb_metrics *metrics, mb_map_report *report) {
    mb_oracle_told told;
    return mb_oracle_map(s, pr, plan, metrics, &told, report);
}

int mb_point_map(mb_setup *s, const mb_progress *pr, mb_plan **plan, mb_metrics *metrics) {
    return mb_point_map_report(s, pr, plan, metrics, NULL);
}

/* --- from reports to results ----------------------------------------------------------------------------------------- */

static int copy_parts(const mb_report *r, mb_part **part, size_t *n) {
    mb_report *by = NULL;
    int rc = mb_report_by_component(r, &by);
    if (rc) return rc;
    *part = mb_calloc(by->n, sizeof **part);
    if (!*part) rc = mb_nomem();
    for (size_t i = 0; i < by->n && !rc; i++) {
        (*part)[i].name = mb_strdup(by->child[i]->name);
        (*part)[i].cost = by->child[i]->total;
        if (!(*part)[i].name) rc = mb_nomem();
        (*n)++;
    }
    mb_report_free(by);
    return rc;
}

static const char *scheme_name(int scheme) { return scheme == MB_OFFSET ? "offset" : "differential"; }

static int layer_result(const mb_setup *s, const mb_plan *plan, const mb_mapped *m, const mb_report *report, const mb_schedule *times, int k,
                        mb_layer_result *out) {
    const mb_layer *l = &s->net->layer[s->net->weighted[k]];
    const mb_assign *a = &plan->assign[k];
    mb_matmul mm = mb_layer_matmul(l);
    bool analog = a->engine == MB_ANALOG;
    out->name = mb_strdup(l->name);
    out->engine = mb_strdup(analog ? "analog" : "digital");
    out->scheme = mb_strdup(analog ? scheme_name(a->scheme) : "");
    if (!out->name || !out->engine || !out->scheme) return mb_nomem();
    out->groups = mm.groups, out->K = mm.K, out->N = mm.N, out->vectors = mm.vectors, out->macs = mb_layer_macs(l);
    out->weight_bits = a->weight_bits, out->cell_bits = a->cell_bits, out->input_bits = a->input_bits, out->dac_bits = a->dac_bits;
    out->adc_bits = a->adc_bits, out->rows_active = a->rows_active ? a->rows_active : s->mach->rows, out->copies = a->copies;
    out->snr_dB = (double)NAN; /* not simulated */
    int rc = MB_OK;
    if (analog) {
        rc = mb_machine_arrays(s->mach, &s->cell, l, a, &out->arrays);
        mb_xbar_spec spec;
        mb_xbar_layout lay;
        if (!rc) rc = mb_machine_spec(s->mach, &s->cell, a, m ? mb_mapped_input_signed(m)[k] : false, &spec);
        if (!rc) rc = mb_xbar_plan(&spec, mm.K, mm.N, &lay);
        if (!rc) out->adc_bits_lossless = lay.adc_bits_lossless;
    }
    if (m) {
        mb_layer_stats st;
        mb_mapped_stats(m, k, &st);
        out->snr_dB = st.snr_dB, out->clipped = st.clipped, out->adc_occupancy = st.adc_occupancy, out->row_rate = st.row_rate;
        out->wire_residual = st.wire_residual;
    }
    for (int i = 0; i < times->n && !rc; i++) {
        const mb_layer_times *t = &times->layer[i];
        if (strcmp(t->name, l->name) != 0) continue;
        out->drive_s = t->drive_s, out->convert_s = t->convert_s, out->move_s = t->move_s, out->digital_s = t->digital_s, out->reload_s = t->reload_s;
        if (!(out->bottleneck = mb_strdup(mb_resource_names[t->bottleneck]))) rc = mb_nomem();
        break;
    }
    const mb_report *r = mb_report_find(report, l->name);
    if (!rc && r) {
        out->cost = r->total;
        rc = copy_parts(r, &out->part, &out->n_part);
    }
    return rc;
}

/* Bits of weights that the built arrays can hold under PLAN; layers on the digital engine add their own. */
static int weight_capacity(const mb_setup *s, const mb_plan *plan, double arrays, double *bits) {
    double used = 0, held = 0;
    *bits = 0;
    for (int k = 0; k < s->net->n_weighted; k++) {
        const mb_layer *l = &s->net->layer[s->net->weighted[k]];
        const mb_assign *a = &plan->assign[k];
        mb_matmul mm = mb_layer_matmul(l);
        if (a->engine != MB_ANALOG) {
            *bits += (double)mm.groups * mm.K * mm.N * a->weight_bits;
            continue;
        }
        mb_xbar_spec spec;
        mb_xbar_layout lay;
        int64_t n = 0;
        int rc = mb_machine_arrays(s->mach, &s->cell, l, a, &n);
        if (!rc) rc = mb_machine_spec(s->mach, &s->cell, a, false, &spec);
        if (!rc) rc = mb_xbar_plan(&spec, mm.K, mm.N, &lay);
        if (rc) return rc;
        used += (double)n;
        held += (double)n / a->copies * s->mach->rows * floor((double)s->mach->cols / lay.cells_per_weight) * a->weight_bits;
    }
    *bits += used > 0 && arrays > used ? held * arrays / used : held; /* arrays that are built and empty hold as much */
    return MB_OK;
}

/* The baseline at the area of the point's machine, and with its capacity. */
static int iso_results(const mb_baseline *b, const mb_baseline_case *c, double area_m2, double capacity_bits, mb_baseline_result *o) {
    mb_metrics m = {(double)NAN, (double)NAN, (double)NAN, 0, 0};
    int rc = mb_baseline_at_area(b, c, area_m2, &o->iso_scale, &m);
    o->iso_area = (mb_cost){m.energy_J, m.latency_s, m.area_m2};
    mb_baseline_case same = *c;
    same.capacity_bits = o->capacity_bits = capacity_bits;
    if (!rc) rc = b->type->evaluate(b->params, &same, NULL, &m);
    o->iso_capacity = (mb_cost){m.energy_J, m.latency_s, m.area_m2};
    return rc;
}

static int baseline_results(mb_setup *s, const mb_plan *plan, bool totals, mb_point_result *out) {
    out->baseline = mb_calloc((size_t)s->n_baseline, sizeof *out->baseline);
    if (!out->baseline) return mb_nomem();
    mb_baseline_case c = {.net = s->net, .plan = plan, .node_nm = s->mach->node_nm, .weights_resident = !(out->schedule->reload_s > 0), .batch = s->mach->batch,
                          .dram = s->mach->dram};
    double capacity = 0;
    int failed = s->n_baseline ? weight_capacity(s, plan, out->arrays, &capacity) : MB_OK;
    if (failed) return failed;
    for (int i = 0; i < s->n_baseline; i++) {
        mb_baseline *b = &s->baseline[i];
        mb_baseline_result *o = &out->baseline[i];
        mb_report *r = NULL;
        mb_metrics met;
        int rc = b->type->evaluate(b->params, &c, totals ? NULL : &r, &met);
        if (rc) return mb_context(rc, "baseline %s", b->name);
        out->n_baseline++;
        o->name = mb_strdup(b->name);
        o->kind = mb_strdup(b->type->name);
        o->cost = (mb_cost){met.energy_J, met.latency_s, met.area_m2};
        o->edap = met.energy_J * met.latency_s * met.area_m2;
        rc = !o->name || !o->kind ? mb_nomem() : totals ? MB_OK : copy_parts(r, &o->part, &o->n_part);
        o->tree = r;
        if (!rc) rc = iso_results(b, &c, out->area_m2, capacity, o);
        if (rc) return mb_context(rc, "baseline %s", b->name);
    }
    return MB_OK;
}

/* Bottleneck in words; the peak at the setting of the first layer on arrays. */
static int schedule_results(const mb_setup *s, const mb_plan *plan, mb_point_result *out) {
    const mb_schedule *t = out->schedule;
    const char *what = mb_resource_names[t->bottleneck];
    mb_machine built = *s->mach; /* shallow: of as many tiles as the plan needs */
    mb_peak peak;
    if (!built.tiles) built.tiles = out->arrays > built.arrays_per_tile ? (int)ceil(out->arrays / built.arrays_per_tile) : 1;
    out->interval_s = t->interval_s, out->batch_s = t->batch_s, out->reload_J = t->reload_J, out->reload_s = t->reload_s;
    out->bottleneck = t->bottleneck_layer ? mb_asprintf("%s of %s", what, t->bottleneck_layer) : mb_asprintf("%s of all layers", what);
    if (!out->bottleneck) return mb_nomem();
    out->peak_tops = out->peak_W = (double)NAN;
    for (int k = 0; k < plan->n; k++) {
        if (plan->assign[k].engine != MB_ANALOG) continue;
        int rc = mb_machine_peak(&built, &s->cell, &plan->assign[k], &peak);
        if (rc == MB_SYSTEM) return rc;
        if (rc) { /* the number does not exist; the plan has its costs */
            mb_error_clear();
            break;
        }
        out->peak_tops = 1e-12 * peak.ops_per_s, out->peak_W = peak.power_W;
        mb_report_free(peak.report);
        break;
    }
    return MB_OK;
}

/* Costs, breakdowns (not if TOTALS) and baselines of a plan. m NULL: estimated activity. */
static int cost_results(mb_setup *s, const mb_plan *plan, const mb_mapped *m, bool totals, mb_point_result *out, mb_report **report) {
    const int n = s->net->n_weighted;
    mb_report *r = NULL;
    mb_metrics met;
    mb_activity *act = mb_calloc((size_t)n, sizeof *act);
    if (!act) return mb_nomem();
    int rc = mb_activity_estimate(s->net, plan, s->mach, &s->cell, act);
    for (int k = 0; k < n && m; k++) {
        mb_layer_stats st;
        mb_mapped_stats(m, k, &st);
        if (st.activity.measured) act[k] = st.activity;
    }
    mb_programming w;
    if (!rc) rc = mb_cost_programming(s->mach, &s->cell, s->net, plan, &w);
    mb_costing *costing = NULL;
    mb_band band = {0};
    const bool *sign = m ? mb_mapped_input_signed(m) : NULL;
    if (!rc && !(out->schedule = mb_calloc(1, sizeof *out->schedule))) rc = mb_nomem();
    if (!rc) rc = mb_costing_new(s->mach, &s->cell, s->net, &costing);
    if (!rc) rc = mb_costing_plan(costing, plan, act, sign, totals ? NULL : &r, &met, out->schedule, true);
    if (!rc) rc = mb_cost_band(s->mach, &s->cell, s->net, plan, act, sign, &band);
    if (!rc) {
        out->arrays = met.arrays;
        rc = schedule_results(s, plan, out);
    }
    mb_costing_free(costing);
    mb_free(act);
    if (rc) {
        mb_report_free(r);
        return rc;
    }
    out->energy_low_J = band.energy_low_J, out->energy_high_J = band.energy_high_J;
    out->area_low_m2 = band.area_low_m2, out->area_high_m2 = band.area_high_m2;
    out->energy_J = met.energy_J, out->latency_s = met.latency_s, out->area_m2 = met.area_m2;
    out->weight_bits = met.weight_bits;
    out->program_J = w.energy_J, out->program_s = w.latency_s, out->program_cells = w.cells, out->pulses = w.pulses, out->wear = w.wear;
    out->edp_Js = met.energy_J * met.latency_s;
    out->edap_Jsm2 = out->edp_Js * met.area_m2;
    for (int k = 0; k < s->net->n_layers; k++) out->macs += (double)mb_layer_macs(&s->net->layer[k]);
    out->power_W = met.energy_J / out->interval_s;
    out->tops = 2e-12 * out->macs / out->interval_s;
    out->tops_per_W = 2e-12 * out->macs / met.energy_J;
    out->tops_per_mm2 = out->tops / (met.area_m2 * 1e6);
    rc = totals ? MB_OK : copy_parts(r, &out->part, &out->n_part);
    if (!rc && !totals && !(out->layer = mb_calloc((size_t)n, sizeof *out->layer))) rc = mb_nomem();
    for (int k = 0; k < n && !rc && !totals; k++) {
        out->n_layer++;
        rc = layer_result(s, plan, m, r, out->schedule, k, &out->layer[k]);
    }
    if (!rc) rc = baseline_results(s, plan, totals, out);
    if (rc || !report) mb_report_free(r);
    else *report = r;
    return rc;
}

/* Half of the 95 % interval of the mean of T draws A[] with mean MEAN that decides about further draws. */
static double half_width(const mb_setup *s, const double *a, int t, double mean) {
    double low, high;
    const double sd = gsl_stats_sd_m(a, 1, (size_t)t, mean);
    if (s->until.over == MB_OVER_DRAWS) return mb_draws_half_width(sd, t);
    mb_accuracy_interval(mean, s->keys.samples, sd, t, &low, &high);
    return (high - low) / 2;
}

/* Enough draws? An interval that the samples alone keep too wide is told once: more draws do not help. */
static bool enough(const mb_setup *s, const double *a, int t) {
    if (!(s->until.until > 0) || t < s->until.min) return false;
    double low, high;
    const double mean = gsl_stats_mean(a, 1, (size_t)t);
    mb_accuracy_interval(mean, s->keys.samples, 0, 1, &low, &high);
    if (s->until.over == MB_OVER_ALL && (high - low) / 2 > s->until.until)
        mb_warn_once("trials.until", "trials.until = %g is out of reach: %d samples alone leave +-%.4f, however many draws there are; take more samples, or "
                     "trials.over = \"draws\"", s->until.until, s->keys.samples, (high - low) / 2);
    return half_width(s, a, t, mean) <= s->until.until;
}

/* Mean, deviation, interval, quantiles of the draws. */
static int summarise(const mb_setup *s, double *a, mb_point_result *out) {
    const size_t n = out->n_trial;
    double loss = 0;
    for (size_t t = 0; t < n; t++) loss += out->trial[t].loss;
    out->accuracy = gsl_stats_mean(a, 1, n);
    out->accuracy_sd = n > 1 ? gsl_stats_sd(a, 1, n) : 0;
    out->loss = loss / (double)n;
    out->samples = s->keys.samples;
    out->trials = (double)n;
    mb_accuracy_interval(out->accuracy, s->keys.samples, out->accuracy_sd, (int64_t)n, &out->accuracy_low, &out->accuracy_high);
    gsl_sort(a, 1, n);
    out->accuracy_q05 = gsl_stats_quantile_from_sorted_data(a, 1, n, 0.05);
    out->accuracy_q50 = gsl_stats_quantile_from_sorted_data(a, 1, n, 0.5);
    out->accuracy_q95 = gsl_stats_quantile_from_sorted_data(a, 1, n, 0.95);
    return MB_OK;
}

/* Draw after draw. */
static int run_trials(mb_setup *s, mb_mapped *m, const mb_point_options *o, mb_point_result *out) {
    const int most = mb_mapped_deterministic(m) ? 1 : s->trials;
    const mb_progress *pr = o->progress;
    mb_accuracy acc;
    out->trial = mb_calloc((size_t)most, sizeof *out->trial);
    double *a = mb_calloc((size_t)most, sizeof *a);
    int rc = out->trial && a ? MB_OK : mb_nomem();
    for (int t = 0; t < most && !rc; t++) {
        if (o->threads) o->threads(o->threads_ctx);
        rc = mb_mapped_program(m, (uint32_t)t, pr);
        if (!rc) rc = mb_analog_accuracy(m, s->data, s->keys.samples, pr, &acc);
        if (rc) break;
        a[t] = (double)acc.correct / (double)acc.samples;
        out->trial[out->n_trial++] = (mb_trial_result){t, a[t], acc.loss, acc.samples};
        if (pr && pr->draw) pr->draw(pr->ctx, gsl_stats_mean(a, 1, (size_t)t + 1), t + 1);
        if (enough(s, a, t + 1)) break;
    }
    if (!rc) rc = summarise(s, a, out);
    mb_free(a);
    return rc;
}

int mb_point_at_open(mb_setup *s, const mb_plan *plan, bool train, const mb_progress *pr, mb_point_at *at) {
    const mb_tuned *t = NULL;
    int rc = mb_pruned_open(s, plan, pr, &at->pruned);
    if (!rc && train && s->finetune_epochs) rc = mb_finetune_shared(at->pruned.setup, at->pruned.plan, s->finetune_epochs, pr, &t);
    at->setup = *at->pruned.setup;
    at->plan = at->pruned.plan;
    at->tuned = t;
    if (t) at->setup.net = t->net;
    at->setup.finetune_epochs = 0;
    return rc;
}

void mb_point_at_close(mb_point_at *at) { mb_pruned_close(&at->pruned); }

/* Float, quantised and analog accuracies: quantised and analog of the network in AS, which M keeps. *m stays for its statistics. */
static int accuracies(mb_setup *s, mb_setup *as, const mb_plan *plan, const mb_point_options *o, mb_point_result *out, mb_mapped **mapped) {
    const mb_profile *prof = NULL;
    const mb_progress *pr = o->progress;
    mb_accuracy acc;
    mb_mapped *m = NULL;
    bool shared;
    const uint64_t key = integer_key(as, plan, &shared);
    int rc = get_profile(as, pr, &prof);
    if (!rc) rc = get_accuracy(s, "float accuracy", data_key(s->net, s->data, s->keys.samples), NULL, pr, &acc);
    if (!rc) {
        out->float_accuracy = (double)acc.correct / (double)acc.samples;
        rc = mb_mapped_new(as, prof, plan, &m);
    }
    if (!rc) rc = shared ? get_accuracy(s, "quantised accuracy", key, m, pr, &acc) : mb_quantised_accuracy(m, s->data, s->keys.samples, pr, &acc);
    if (!rc) {
        out->quantised_accuracy = (double)acc.correct / (double)acc.samples;
        if (o->share) rc = mb_mapped_share(m, plan);
    }
    if (!rc) rc = run_trials(s, m, o, out);
    if (rc) mb_mapped_free(m);
    else *mapped = m;
    return rc;
}

/* The failure of the policy becomes the result. */
static int infeasible_result(const mb_setup *s, mb_point_result *out) {
    for (const mb_column *c = mb_point_columns; c->name; c++) *(double *)(void *)((char *)out + c->offset) = (double)NAN;
    out->infeasible = mb_strdup(mb_error_message());
    out->id = mb_asprintf("%016llx", (unsigned long long)s->id);
    mb_error_clear();
    if (out->infeasible && out->id) return MB_OK;
    mb_point_result_free(out);
    return mb_nomem();
}

int mb_point_run(mb_setup *s, const mb_point_options *o, mb_point_result *out, mb_plan **plan, struct mb_report **report) {
    mb_plan *p = NULL;
    mb_mapped *m = NULL;
    memset(out, 0, sizeof *out);
    if (plan) *plan = NULL;
    mb_oracle_told told = {0};
    int rc = o->plan        ? mb_plan_clone(o->plan, &p)
             : o->plan_file ? mb_plan_load(o->plan_file, s->net, &p)
                            : mb_oracle_map(s, o->progress, &p, NULL, &told, NULL);
    if (rc == MB_NUMERIC && o->record_infeasible && !o->plan_file && !told.failed) return infeasible_result(s, out);
    out->search_costs = told.costs, out->search_measured = (double)told.measurements, out->search_simulated = told.simulations;
    out->search_s = told.seconds;
    if (!rc && !(out->id = mb_asprintf("%016llx", (unsigned long long)s->id))) rc = mb_nomem();
    out->float_accuracy = out->quantised_accuracy = out->accuracy = out->accuracy_low = out->accuracy_high = out->accuracy_sd = out->accuracy_q05 = out->accuracy_q50 =
        out->accuracy_q95 = out->loss = (double)NAN;
    mb_point_at at = {0};
    if (!rc) rc = mb_point_at_open(s, p, o->simulate, o->progress, &at);
    if (!rc && o->simulate) rc = accuracies(s, &at.setup, at.plan, o, out, &m);
    if (!rc) rc = cost_results(&at.setup, at.plan, m, o->totals && !report, out, report);
    mb_mapped_free(m);
    mb_point_at_close(&at);
    if (rc) {
        mb_point_result_free(out);
        memset(out, 0, sizeof *out);
    }
    if (rc || !plan) mb_plan_free(p);
    else *plan = p;
    return rc;
}

int mb_point_describe(const mb_point *p, size_t index, mb_point_result *r) {
    r->index = (int64_t)index;
    r->label = mb_strdup(p->label);
    r->set = mb_calloc(p->n_set, sizeof *r->set);
    if (!r->label || !r->set) return mb_nomem();
    for (size_t k = 0; k < p->n_set; k++) {
        r->n_set++;
        r->set[k].key = mb_strdup(p->key[k]);
        r->set[k].value = mb_strdup(p->value[k]);
        if (!r->set[k].key || !r->set[k].value) return mb_nomem();
    }
    return MB_OK;
}
