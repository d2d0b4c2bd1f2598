/* point.c - one point from setup to numbers, and whole experiments
 *
 * Order of a point: calibrate inputs -> policy (asks cost and loss) -> integers -> float and quantised accuracy -> device draws -> costs with the measured activity ->
 * baselines on the same network, precision and node.
 */
#include "run/point.h"

#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "mapping/mixed.h"
#include "mapping/policy.h"
#include "nn/exec.h"
#include "run/explain.h"
#include "run/oracle.h"
#include "run/prune.h"
#include "run/sweep.h"

static void free_profile(void *p) { mb_profile_free(p); }
static void free_plain(void *p) { mb_free(p); }

static uint64_t data_key(const mb_network *net, const mb_dataset *d, int64_t samples) {
    uint64_t h = mb_hash64(&net, sizeof net, MB_HASH_START);
    h = mb_hash64(&d, sizeof d, h);
    return mb_hash64(&samples, sizeof samples, h);
}

static int get_profile(mb_setup *s, const mb_progress *pr, const mb_profile **out) {
    int no = mb_network_has_weights(s->net);
    if (no) return no;
    uint64_t key = data_key(s->net, s->calib, s->cal.samples);
    mb_profile *p = mb_cache_get(s->cache, "profile", key);
    if (!p) {
        int rc = mb_profile_new(s->net, s->calib, s->cal.samples, pr, &p);
        if (!rc) rc = mb_cache_put(s->cache, "profile", key, p, free_profile);
        if (rc) return rc;
    }
    *out = p;
    return MB_OK;
}

int mb_point_profile(mb_setup *s, const mb_progress *pr, const mb_profile **out) { return get_profile(s, pr, out); }

static int get_float(mb_setup *s, const mb_progress *pr, mb_accuracy *out) {
    uint64_t key = data_key(s->net, s->data, s->keys.samples);
    mb_accuracy *a = mb_cache_get(s->cache, "float", key);
    if (!a) {
        if (!(a = mb_calloc(1, sizeof *a))) return mb_nomem();
        int rc = mb_float_accuracy(s->net, s->data, s->keys.samples, pr, a);
        if (rc) {
            mb_free(a);
            return rc;
        }
        rc = mb_cache_put(s->cache, "float", key, a, free_plain);
        if (rc) return rc;
    }
    *out = *a;
    return MB_OK;
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

static const mb_report *find_group(const mb_report *r, const char *name) {
    for (size_t i = 0; i < r->n; i++)
        if (!strcmp(r->child[i]->name, name)) return r->child[i];
    return NULL;
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
    const mb_report *r = find_group(report, l->name);
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

static int baseline_results(mb_setup *s, const mb_plan *plan, mb_point_result *out) {
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
        int rc = b->type->evaluate(b->params, &c, &r, &met);
        if (rc) return mb_context(rc, "baseline %s", b->name);
        out->n_baseline++;
        o->name = mb_strdup(b->name);
        o->kind = mb_strdup(b->type->name);
        o->cost = (mb_cost){met.energy_J, met.latency_s, met.area_m2};
        o->edap = met.energy_J * met.latency_s * met.area_m2;
        rc = o->name && o->kind ? copy_parts(r, &o->part, &o->n_part) : mb_nomem();
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

/* Costs, breakdowns and baselines of a plan. m NULL: estimated activity. */
static int cost_results(mb_setup *s, const mb_plan *plan, const mb_mapped *m, mb_point_result *out, mb_report **report) {
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
    if (!rc) rc = mb_costing_plan(costing, plan, act, sign, &r, &met, out->schedule, true);
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
    rc = copy_parts(r, &out->part, &out->n_part);
    if (!rc && !(out->layer = mb_calloc((size_t)n, sizeof *out->layer))) rc = mb_nomem();
    for (int k = 0; k < n && !rc; k++) {
        out->n_layer++;
        rc = layer_result(s, plan, m, r, out->schedule, k, &out->layer[k]);
    }
    if (!rc) rc = baseline_results(s, plan, out);
    if (rc || !report) mb_report_free(r);
    else *report = r;
    return rc;
}

/* Accuracies: float of the whole network WHOLE, quantised and analog of what is left of it. *m stays for its statistics. */
static int accuracies(mb_setup *whole, const mb_pruned *p, const mb_progress *pr, mb_point_result *out, mb_mapped **mapped) {
    mb_setup *s = p->setup;
    const mb_profile *prof = NULL;
    mb_accuracy acc;
    mb_mapped *m = NULL;
    int rc = get_profile(s, pr, &prof);
    if (!rc) rc = get_float(whole, pr, &acc);
    if (!rc) {
        out->float_accuracy = (double)acc.correct / (double)acc.samples;
        rc = mb_mapped_new(s, prof, p->plan, &m);
    }
    if (!rc) rc = mb_quantised_accuracy(m, s->data, s->keys.samples, pr, &acc);
    if (rc) goto out;
    out->quantised_accuracy = (double)acc.correct / (double)acc.samples;
    const int trials = mb_mapped_deterministic(m) ? 1 : s->keys.trials;
    out->trial = mb_calloc((size_t)trials, sizeof *out->trial);
    double *a = mb_calloc((size_t)trials, sizeof *a);
    if (!out->trial || !a) rc = mb_nomem();
    double loss = 0;
    for (int t = 0; t < trials && !rc; t++) {
        rc = mb_mapped_program(m, (uint32_t)t, pr);
        if (!rc) rc = mb_analog_accuracy(m, s->data, s->keys.samples, pr, &acc);
        if (rc) break;
        a[t] = (double)acc.correct / (double)acc.samples;
        loss += acc.loss;
        out->trial[out->n_trial++] = (mb_trial_result){t, a[t], acc.loss, acc.samples};
    }
    if (!rc) {
        out->accuracy = gsl_stats_mean(a, 1, (size_t)trials);
        out->accuracy_sd = trials > 1 ? gsl_stats_sd(a, 1, (size_t)trials) : 0;
        out->loss = loss / trials;
        out->samples = s->keys.samples;
        out->trials = trials;
        mb_accuracy_interval(out->accuracy, s->keys.samples, out->accuracy_sd, trials, &out->accuracy_low, &out->accuracy_high);
    }
    mb_free(a);
out:
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
    out->float_accuracy = out->quantised_accuracy = out->accuracy = out->accuracy_low = out->accuracy_high = out->accuracy_sd = out->loss = (double)NAN;
    mb_pruned pruned = {0};
    if (!rc) rc = mb_pruned_open(s, p, o->progress, &pruned);
    if (!rc && o->simulate) rc = accuracies(s, &pruned, o->progress, out, &m);
    if (!rc) rc = cost_results(pruned.setup, pruned.plan, m, out, report);
    mb_mapped_free(m);
    mb_pruned_close(&pruned);
    if (rc) {
        mb_point_result_free(out);
        memset(out, 0, sizeof *out);
    }
    if (rc || !plan) mb_plan_free(p);
    else *plan = p;
    return rc;
}

/* --- whole experiments --------------------------------------------------------------------------------------------- */

/* used.cfg: the experiment as it is without its sweep, so that a point that leaves a key alone finds the experiment's own value there again. Where that alone
 * is no experiment (a sweep gives what the rest lacks), as at the first point. */
static int used_text(const mb_conf *root, mb_cache *cache, const mb_setup *first, mb_str *used) {
    mb_setup base;
    if (!mb_conf_find(root, "sweep")) return mb_experiment_used(root, first, used);
    mb_conf *c = mb_sweep_base(root);
    if (!c) return mb_nomem();
    if (mb_setup_load(c, cache, true, &base) != MB_OK) {
        mb_error_clear();
        return mb_experiment_used(root, first, used);
    }
    int rc = mb_experiment_used(root, &base, used);
    mb_setup_free(&base);
    return rc;
}

/* Load every point once, so that a mistake in the last one is told before the first one is computed; the text of used.cfg and the ids on the way. */
static int check_points(const mb_conf *root, const mb_points *pts, mb_cache *cache, const char *plan_file, mb_str *used, uint64_t *id) {
    for (size_t i = 0; i < pts->n; i++) {
        mb_setup s;
        mb_conf *c = mb_conf_clone(pts->p[i].conf);
        int rc = c ? mb_setup_load(c, cache, true, &s) : mb_nomem();
        if (!rc && (rc = mb_network_has_weights(s.net))) mb_setup_free(&s);
        if (rc) return pts->n > 1 ? mb_context(rc, "point %zu (%s)", i, pts->p[i].label) : rc;
        id[i] = s.id;
        if (i == 0) rc = used_text(root, cache, &s, used);
        mb_plan *p = NULL;
        if (!rc && plan_file) rc = mb_plan_load(plan_file, s.net, &p);
        mb_plan_free(p);
        mb_setup_free(&s);
        if (rc) return rc;
    }
    return MB_OK;
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

/* --- explanations of a run ------------------------------------------------------------------------------------------- */

/* explain.jsonl of the run, as it will be. */
typedef struct explain_store {
    mb_explanation **list;
    size_t n;
} explain_store;

static void store_free(explain_store *st) {
    for (size_t i = 0; i < st->n; i++) mb_explanation_free(st->list[i]);
    mb_free(st->list);
}

/* What explains the points of this experiment is kept, the rest is of earlier ones. */
static int store_open(const char *dir, const uint64_t *id, size_t points, explain_store *st) {
    size_t n = 0;
    int rc = mb_explain_read(dir, &st->list, &st->n);
    for (size_t i = 0; i < st->n; i++) {
        mb_explanation *e = st->list[i];
        char text[17] = "";
        if (e->point < (int64_t)points) snprintf(text, sizeof text, "%016llx", (unsigned long long)id[e->point]);
        if (!strcmp(text, e->id)) st->list[n++] = e;
        else mb_explanation_free(e);
    }
    st->n = n;
    return rc;
}

static bool store_has(const explain_store *st, size_t index, mb_explain_level level) {
    for (size_t i = 0; i < st->n; i++)
        if (st->list[i]->point == (int64_t)index) return st->list[i]->layers || level != MB_EXPLAIN_LAYERS;
    return false;
}

/* E, owned from here on, takes its place among the others, and the file is written. */
static int store_put(explain_store *st, mb_run *run, const char *name, mb_explanation *e) {
    size_t at = 0;
    while (at < st->n && st->list[at]->point < e->point) at++;
    if (at < st->n && st->list[at]->point == e->point) {
        mb_explanation_free(st->list[at]);
    } else {
        mb_explanation **more = mb_realloc(st->list, st->n + 1, sizeof *more);
        if (!more) {
            mb_explanation_free(e);
            return mb_nomem();
        }
        st->list = more;
        memmove(more + at + 1, more + at, (st->n - at) * sizeof *more);
        st->n++;
    }
    st->list[at] = e;
    mb_str text = {0};
    mb_explain_text(name, st->list, st->n, &text);
    int rc = text.failed ? mb_nomem() : mb_run_write_file(run, MB_EXPLAIN_FILE, mb_cstr(&text));
    mb_str_free(&text);
    return rc;
}

/* What a run carries from point to point. */
typedef struct session {
    mb_run *run;
    const char *folder, *name;
    mb_cache *cache;
    const mb_run_options *o;
    explain_store store;
    bool ended;                  /* the last point was reached */
} session;

static int explain_point(session *se, mb_setup *s, const mb_plan *plan, size_t index) {
    const mb_profile *prof = NULL;
    mb_explanation *e = NULL;
    mb_pruned p;
    int rc = mb_pruned_open(s, plan, se->o->progress, &p);
    if (!rc) rc = get_profile(p.setup, se->o->progress, &prof);
    if (!rc) rc = mb_explain_point(p.setup, prof, p.plan, se->o->explain == MB_EXPLAIN_LAYERS, se->o->progress, &e);
    mb_pruned_close(&p);
    if (rc) return mb_context(rc, "explaining point %zu", index);
    e->point = (int64_t)index;
    return store_put(&se->store, se->run, se->name, e);
}

static bool to_explain(const session *se, size_t index) {
    const mb_run_options *o = se->o;
    return o->explain != MB_EXPLAIN_NOT && (o->explain_point < 0 || o->explain_point == (int64_t)index) && !store_has(&se->store, index, o->explain);
}

/* A point that was computed earlier, by its plan in the folder. */
static int explain_done(session *se, const mb_point *pt, size_t index) {
    mb_setup s;
    mb_plan *plan = NULL;
    char *path = mb_asprintf("%s/plan-%04zu.cfg", se->folder, index);
    mb_conf *c = mb_conf_clone(pt->conf);
    int rc = path && c ? MB_OK : mb_nomem();
    if (!rc && !mb_file_exists(path)) { /* infeasible: nothing to explain */
        mb_conf_free(c);
        mb_free(path);
        return MB_OK;
    }
    if (!rc) rc = mb_setup_load(c, se->cache, true, &s);
    else mb_conf_free(c);
    if (!rc) {
        rc = mb_plan_load(path, s.net, &plan);
        if (!rc) rc = explain_point(se, &s, plan, index);
        mb_plan_free(plan);
        mb_setup_free(&s);
    }
    mb_free(path);
    return rc;
}

/* What a search of simulations took stands in the manifest, as times vary. */
static int note_search(mb_run *run, size_t index, const mb_point_result *r) {
    char key[40], value[40];
    if (!(r->search_measured + r->search_simulated > 0)) return MB_OK;
    snprintf(key, sizeof key, "search_s of point %zu", index);
    snprintf(value, sizeof value, "%.3g", r->search_s);
    return mb_run_note(run, key, value);
}

static int run_point(session *se, const mb_point *pt, size_t index, mb_point_result *r) {
    mb_setup s;
    mb_plan *plan = NULL;
    mb_conf *c = mb_conf_clone(pt->conf);
    int rc = c ? mb_setup_load(c, se->cache, true, &s) : mb_nomem();
    if (rc) return rc;
    mb_point_options po = {.plan_file = se->o->plan_file, .simulate = true, .progress = se->o->progress, .record_infeasible = true};
    rc = mb_point_run(&s, &po, r, &plan, NULL);
    mb_str text = {0};
    if (!rc) {
        rc = mb_point_describe(pt, index, r);
        if (!rc && !(r->plan = plan ? mb_asprintf("plan-%04zu.cfg", index) : mb_strdup(""))) rc = mb_nomem();
        if (plan) mb_plan_write(plan, &text);
        if (!rc && plan) rc = text.failed ? mb_nomem() : mb_run_write_file(se->run, r->plan, mb_cstr(&text));
        if (!rc) rc = note_search(se->run, index, r);
        if (!rc) rc = mb_run_point(se->run, r);
        if (!rc && plan && to_explain(se, index)) rc = explain_point(se, &s, plan, index);
        if (rc) mb_point_result_free(r);
    }
    mb_str_free(&text);
    mb_plan_free(plan);
    mb_setup_free(&s);
    return rc;
}

static int note_data(mb_run *run, const mb_conf *conf, mb_cache *cache) {
    mb_setup s;
    mb_conf *c = mb_conf_clone(conf);
    int rc = c ? mb_setup_load(c, cache, true, &s) : mb_nomem();
    if (rc) return rc;
    char threads[16];
    snprintf(threads, sizeof threads, "%d", mb_sim_threads());
    rc = mb_run_note(run, "threads", threads);
    if (!rc) rc = mb_run_note(run, "network", s.net->path);
    if (!rc) rc = mb_run_note(run, "dataset", s.data->source);
    if (!rc) rc = mb_run_note(run, "calibration", s.calib->source);
    mb_setup_free(&s);
    return rc;
}

/* All points that are not there yet. */
static int run_points(session *se, const mb_points *pts, const uint64_t *id) {
    size_t done = 0, computed = 0, infeasible = 0;
    mb_str why = {0};
    int rc = MB_OK;
    for (size_t i = 0; i < pts->n && !rc; i++) {
        char text[17];
        mb_point_result r = {0};
        snprintf(text, sizeof text, "%016llx", (unsigned long long)id[i]);
        if (mb_run_done(se->run, (int64_t)i, text)) {
            done++;
            if (to_explain(se, i)) rc = explain_done(se, &pts->p[i], i);
            continue;
        }
        rc = run_point(se, &pts->p[i], i, &r);
        if (rc) {
            if (pts->n > 1) mb_context(rc, "point %zu (%s)", i, pts->p[i].label);
            break;
        }
        done++;
        computed++;
        if (r.infeasible) {
            if (!infeasible++) mb_str_add(&why, r.infeasible);
            if (pts->n > 1) mb_warn("point %zu (%s) is infeasible: %s", i, pts->p[i].label, r.infeasible);
        }
        if (se->o->on_point) rc = se->o->on_point(se->o->ctx, &r, done, pts->n);
        mb_point_result_free(&r);
    }
    se->ended = !rc;
    if (!rc && infeasible && infeasible == computed && computed == pts->n) {
        rc = mb_fail(MB_NUMERIC, "%s", mb_cstr(&why));
        if (pts->n > 1) rc = mb_context(rc, "and so all %zu points", pts->n);
    }
    mb_str_free(&why);
    return rc;
}

/* Told once for all points: an accuracy on samples that set the scales and ranges is too good. */
static int warn_overlap(const mb_conf *conf, mb_cache *cache) {
    mb_setup s;
    int64_t common = 0;
    mb_conf *c = mb_conf_clone(conf);
    int rc = c ? mb_setup_load(c, cache, true, &s) : mb_nomem();
    if (rc) return rc;
    rc = mb_dataset_common(s.calib, s.cal.samples, s.data, s.keys.samples, &common);
    if (!rc && common)
        mb_warn("%lld of the %d calibration samples are among the %d scored ones: the accuracies are optimistic; give calibration = { dataset = ...; } other samples",
                (long long)common, s.cal.samples, s.keys.samples);
    mb_setup_free(&s);
    return rc;
}

int mb_experiment_run(mb_conf *root, const mb_run_options *o, char **dir) {
    mb_points pts = {0};
    mb_str used = {0};
    uint64_t *id = NULL;
    char *folder = NULL;
    const mb_conf *name = NULL;
    session se = {.o = o};
    int rc = mb_cache_new(&se.cache);
    if (!rc) rc = mb_sweep_points(root, &pts);
    if (!rc && o->explain != MB_EXPLAIN_NOT && o->explain_point >= (int64_t)pts.n)
        rc = mb_fail(MB_BADINPUT, "there is no point %lld to explain: points are 0..%zu", (long long)o->explain_point, pts.n - 1);
    if (!rc && !(id = mb_calloc(pts.n, sizeof *id))) rc = mb_nomem();
    if (!rc) rc = check_points(root, &pts, se.cache, o->plan_file, &used, id);
    if (!rc) rc = warn_overlap(pts.p[0].conf, se.cache);
    if (rc) goto out;
    name = mb_conf_find(root, "name");
    se.name = name->s;
    se.folder = folder = o->dir ? mb_strdup(o->dir) : mb_asprintf("runs/%s", name->s);
    rc = folder ? mb_run_create(folder, name->s, mb_cstr(&used), o->force ? MB_RUN_FORCE : o->resume ? MB_RUN_RESUME : MB_RUN_NEW, &se.run) : mb_nomem();
    if (!rc && o->explain != MB_EXPLAIN_NOT && !o->force) rc = store_open(folder, id, pts.n, &se.store);
    if (!rc) rc = note_data(se.run, pts.p[0].conf, se.cache);
    if (!rc) rc = run_points(&se, &pts, id);
out:
    if (se.run) {
        int close = mb_run_close(se.run, se.ended);
        if (!rc) rc = close;
    }
    if (dir && se.run) *dir = folder;
    else mb_free(folder);
    mb_free(id);
    store_free(&se.store);
    mb_str_free(&used);
    mb_points_free(&pts);
    mb_cache_free(se.cache);
    return rc;
}
