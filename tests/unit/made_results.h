/* made_results.h - results of made-up but plausible runs, for the tests of results, reports and plots
 *
 * made_results(&r, points, layers, baselines): a sweep over weight, input and converter bits of a network with convolutions that
 * shrink and a classifier. made_labels() puts hostile text into names and labels. Everything is freed by mb_results_free().
 */
#ifndef MADE_RESULTS_H
#define MADE_RESULTS_H

#include <math.h>

#include "base/mem.h"
#include "base/str.h"
#include "mbtest.h"
#include "run/explain.h"
#include "run/results_internal.h"

static inline void made_parts(mb_part **part, size_t *n, const char *const *name, const double *share, double e, double t,
                              double area) {
    *n = 0;
    while (name[*n]) ++*n;
    *part = mb_calloc(*n, sizeof **part);
    for (size_t i = 0; i < *n; i++) {
        (*part)[i].name = mb_strdup(name[i]);
        (*part)[i].cost = (mb_cost){e * share[3 * i], t * share[3 * i + 1], area * share[3 * i + 2]};
    }
}

static const char *const made_component[] = {"adc",           "cells",        "drivers",      "shift-add", "input buffer",
                                             "output buffer", "digital unit", "interconnect", NULL};
static const double made_share[] = {0.42, 0.55, 0.38, 0.06, 0.00, 0.09, 0.11, 0.10, 0.06, 0.08, 0.10, 0.05,
                                    0.09, 0.05, 0.12, 0.05, 0.04, 0.10, 0.12, 0.11, 0.15, 0.07, 0.05, 0.05};
static const char *const made_digital[] = {"multipliers",  "register files", "global buffer",
                                           "digital unit", "interconnect",   NULL};
static const double made_digital_share[] = {0.24, 0.60, 0.30, 0.22, 0.00, 0.12, 0.38, 0.30,
                                            0.45, 0.10, 0.05, 0.08, 0.06, 0.05, 0.05};

static inline void made_layer(mb_layer_result *l, int k, int layers, int w, int x, int adc, double e, double t, double area) {
    bool last = k == layers - 1;
    l->name = k == 0 ? mb_strdup("/conv1/Conv") : last ? mb_strdup("/fc/Gemm") : mb_asprintf("/layer1/layer1.%d/conv1/Conv", k);
    l->engine = mb_strdup("analog");
    l->scheme = mb_strdup("differential");
    l->groups = 1;
    l->K = k == 0 ? 27 : last ? 64 : 144 << (3 * k / layers);
    l->N = last ? 10 : 16 << (3 * k / layers);
    l->vectors = last ? 1 : 1024 >> (6 * k / layers);
    l->macs = l->K * l->N * l->vectors;
    l->weight_bits = k == 0 || last ? 8 : w;
    l->cell_bits = 2;
    l->input_bits = k == 0 || last ? 8 : x;
    l->dac_bits = 1;
    l->adc_bits = adc;
    l->adc_bits_lossless = 9 + k % 2;
    l->rows_active = 128;
    l->copies = 1;
    l->arrays = 1 + l->K / 128 * (1 + l->N / 32);
    l->cost = (mb_cost){e, t, area};
    l->snr_dB = 11.0 + 3.1 * adc - 4.0 * log10((double)l->K) + 1.7 * sin(2.1 * k);
    l->clipped = 0.0004 * (10 - adc) * (1 + k % 3);
    l->adc_occupancy = 0.31 + 0.05 * (k % 5);
    l->row_rate = 0.52 - 0.02 * (k % 7);
    l->wire_residual = 1e-15 * (k % 3);
    made_parts(&l->part, &l->n_part, made_component, made_share, e, t, area);
}

static inline void made_point(mb_point_result *p, int i, int points, int layers, int baselines) {
    static const int W[] = {8, 4, 6, 5, 7, 3}, X[] = {8, 4, 6, 5}, A[] = {8, 6, 7, 5, 9};
    int w = W[i % 6], x = points <= 6 ? w : X[i / 6 % 4], adc = points <= 6 ? (w > 4 ? 8 : 6) : A[i / 24 % 5];
    double bits = (double)w * x / 64, wiggle = 1 + 0.04 * sin(1.3 * i);
    double error = 0.0891 + 0.0009 * pow(2, 8 - w) + 0.0007 * pow(2, 8 - x) + 0.0016 * pow(2.2, 8 - adc) + 0.002 * cos(2.7 * i);
    p->index = i;
    p->id = mb_asprintf("%016x", 0xabc000 + i);
    if (points > 1) {
        static const char *const key[] = {"map.weight_bits", "map.input_bits", "arch.adc.bits"};
        const int value[] = {w, x, adc};
        mb_str s = {0};
        p->set = mb_calloc(3, sizeof *p->set);
        for (; p->n_set < 3; p->n_set++) {
            p->set[p->n_set] = (mb_setting){mb_strdup(key[p->n_set]), mb_asprintf("%d", value[p->n_set])};
            mb_str_addf(&s, "%s%s=%d", p->n_set ? " " : "", key[p->n_set], value[p->n_set]);
        }
        p->label = points == 2 ? mb_asprintf("%d", w) : mb_strdup(mb_cstr(&s));
        if (points == 2) {
            mb_free(p->label);
            p->label = mb_strdup(i ? "4/4 bit" : "8/8 bit");
        }
        mb_str_free(&s);
    } else {
        p->label = mb_strdup("");
    }
    p->plan = mb_asprintf("plan-%04d.cfg", i);
    p->float_accuracy = 0.915;
    p->quantised_accuracy = 0.914 - 0.0004 * pow(2, 8 - w);
    p->accuracy = 1 - error > 0.1 ? 1 - error : 0.1;
    p->accuracy_sd = 0.0031;
    p->samples = 1000;
    p->trials = 3;
    p->accuracy_low = p->accuracy - 0.0175;
    p->accuracy_high = fmin(p->accuracy + 0.0165, 1);
    p->loss = 0.25 + error;
    p->trial = mb_calloc(3, sizeof *p->trial);
    for (; p->n_trial < 3; p->n_trial++)
        p->trial[p->n_trial] =
            (mb_trial_result){(int64_t)p->n_trial, p->accuracy + 0.0031 * ((int)p->n_trial - 1), p->loss, 1000};
    double e = 11.7e-6 * bits * wiggle * pow(1.45, adc - 8), t = 84e-6 * x / 8 * wiggle,
           area = 7.9e-6 * (0.4 + 0.6 * w / 8.0) * pow(1.12, adc - 8), sum = 0;
    made_parts(&p->part, &p->n_part, made_component, made_share, e, t, area);
    p->layer = mb_calloc((size_t)layers, sizeof *p->layer);
    p->n_layer = (size_t)layers;
    for (int k = 0; k < layers; k++) sum += 1.0 / (1 + 0.3 * k);
    for (int k = 0; k < layers; k++) {
        double f = 1.0 / (1 + 0.3 * k) / sum;
        made_layer(&p->layer[k], k, layers, w, x, adc, e * f, t * f, area / layers);
        p->macs += (double)p->layer[k].macs;
        p->arrays += (double)p->layer[k].arrays;
        p->weight_bits += (double)(p->layer[k].K * p->layer[k].N * p->layer[k].weight_bits);
    }
    p->energy_J = e;
    p->latency_s = t;
    p->area_m2 = area;
    p->edp_Js = e * t;
    p->edap_Jsm2 = e * t * area;
    p->power_W = e / t;
    p->tops = 2e-12 * p->macs / t;
    p->tops_per_W = 2e-12 * p->macs / e;
    p->tops_per_mm2 = p->tops / (area * 1e6);
    p->baseline = mb_calloc((size_t)baselines, sizeof *p->baseline);
    for (int b = 0; b < baselines; b++) {
        static const char *const name[] = {"systolic-32x32", "near-memory", "roofline-gpu"};
        mb_baseline_result *o = &p->baseline[p->n_baseline++];
        double be = 31e-6 * (0.25 + 0.75 * bits) * (1 + 0.9 * b), bt = 140e-6 / (1 + b), ba = 3.1e-6 * (1 + 0.7 * b);
        o->name = mb_strdup(name[b % 3]);
        o->kind = mb_strdup(b ? "near_memory" : "systolic");
        o->cost = (mb_cost){be, bt, ba};
        o->edap = be * bt * ba;
        made_parts(&o->part, &o->n_part, made_digital, made_digital_share, be, bt, ba);
    }
}

static inline void made_results(mb_results *r, const char *dir, int points, int layers, int baselines) {
    memset(r, 0, sizeof *r);
    r->dir = mb_strdup(dir);
    r->name = mb_strdup("quickstart");
    r->point = mb_calloc((size_t)points, sizeof *r->point);
    r->n = (size_t)points;
    r->complete = true;
    for (int i = 0; i < points; i++) made_point(&r->point[i], i, points, layers, baselines);
}

/* Every STEP-th point is explained. */
static inline void made_explained(mb_results *r, size_t step) {
    static const char *const item[] = {"input quantisation", "weight quantisation", "programming", "drift", "read noise", "converter"};
    for (size_t i = 0; i < r->n; i += step) {
        mb_point_result *p = &r->point[i];
        mb_explanation *e = p->explain = mb_calloc(1, sizeof *e);
        *e = (mb_explanation){.point = p->index, .id = mb_strdup(p->id), .layers = i == 0, .samples = 1000, .draws = 3, .snr_samples = 64,
                              .float_accuracy = p->float_accuracy, .accuracy = p->accuracy, .lost_low = -0.01, .lost_high = 0.1};
        e->n_item = 6;
        e->item = mb_calloc(e->n_item, sizeof *e->item);
        e->n_layer = p->n_layer;
        e->layer = mb_calloc(e->n_layer, sizeof *e->layer);
        for (size_t k = 0; k < e->n_item; k++) {
            double d = 0.001 * (double)(k * k) - 0.002;
            e->item[k] = (mb_explain_item){mb_strdup(item[k]), p->accuracy + d, d, d - 0.01, d + 0.012, p->accuracy + 0.05 - d, d, d - 0.01, d + 0.01};
        }
        for (size_t k = 0; k < e->n_layer; k++) {
            mb_explain_layer *l = &e->layer[k];
            *l = (mb_explain_layer){.name = mb_strdup(p->layer[k].name), .engine = mb_strdup("analog"), .clipped = 0.001, .occupancy = 0.6,
                                    .conversions = k % 3 == 2 ? 0 : 6400, .recovered = i == 0 ? 0.004 : MB_NAN, .recovered_low = i == 0 ? -0.001 : MB_NAN,
                                    .recovered_high = i == 0 ? 0.01 : MB_NAN};
            l->snr_dB = mb_calloc(e->n_item, sizeof *l->snr_dB);
            for (size_t j = 0; j < e->n_item; j++) l->snr_dB[j] = k == 0 && j == 0 ? MB_INF : 45.0 - 6 * (double)j - (double)(k % 4);
            for (int b = 0; b < MB_CODE_BINS && l->conversions; b++) l->code[b] = b < 40 ? 160 : 0;
        }
    }
}

static inline void made_replace(char **s, const char *text) {
    mb_free(*s);
    *s = mb_strdup(text);
}

/* Names that break programs which paste text into commands. */
static inline void made_labels(mb_results *r) {
    static const char *const evil[] = {"'; system('touch pwned'); '",
                                       "`touch pwned`",
                                       "$(touch pwned) @VAR {/Symbol a}_x^y",
                                       "back\\slash \"quoted\" %s %d 100%",
                                       "new\nline\ttab \x01\x7f",
                                       "# ; ' not utf8 \xff\xfe\xc3\\",
                                       "\xc3\xa4\xc3\xb6\xc3\xbc \xe2\x82\xac <b>&amp;</b>",
                                       "EOD\n$d << EOD"};
    for (size_t i = 0; i < r->n; i++) {
        mb_point_result *p = &r->point[i];
        made_replace(&p->label, evil[i % 8]);
        for (size_t k = 0; k < p->n_layer; k++) made_replace(&p->layer[k].name, evil[(i + k) % 8]);
        for (size_t k = 0; k < p->n_part; k++) made_replace(&p->part[k].name, evil[k % 8]);
        for (size_t k = 0; k < p->n_baseline; k++) made_replace(&p->baseline[k].name, evil[(k + 3) % 8]);
        for (size_t k = 0; p->explain && k < p->explain->n_item; k++) made_replace(&p->explain->item[k].name, evil[k]);
        for (size_t k = 0; p->explain && k < p->explain->n_layer; k++) made_replace(&p->explain->layer[k].name, evil[(i + k) % 8]);
    }
    made_replace(&r->name, evil[0]);
}

#endif
