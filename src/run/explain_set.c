/* explain_set.c - which non-idealities a point has, and the point with some of them only
 *
 * A set of non-idealities is a copy of the setup with effects of the cell switched off and MB_IDEAL_* flags, mapped like the point
 * itself. Definitions and order: run/explain.h. Called by explain.c.
 */
#include "run/explain_internal.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"

#define PROBE (1 << 17) /* cells that tell whether an effect acts */

/* --- the list of non-idealities -------------------------------------------------------------------------------------- */

static void add_item(mb_study *st, const char *name, mb_item_kind kind, int effect) {
    if (st->n_item < MB_EXPLAIN_ITEMS) st->item[st->n_item++] = (mb_item){name, kind, effect};
}

/* Conductances G and read noise SIGMA of PROBE cells with parameters P, at the point's time and temperature. */
static void probe(const mb_study *st, const void *p, const float *target, float *state, float *G, float *sigma) {
    const mb_cell_type *t = st->s->cell.type;
    mb_stream rng;
    mb_stream_init(&rng, (uint64_t)st->s->keys.seed, MB_RNG_PROGRAM, 0, 0, 0);
    t->program(p, PROBE, target, state, &rng);
    t->mean(p, PROBE, state, st->s->read.time_s, st->s->read.temperature_K, G);
    memset(sigma, 0, PROBE * sizeof *sigma);
    if (t->read_sigma) t->read_sigma(p, PROBE, state, st->s->read.time_s, st->s->read.temperature_K, G, sigma);
}

/* Which effects of the cell change a conductance or its noise at this point: acts[e]. Faults rarer than one in PROBE cells may be
 * missed, and then stay on in all sets. */
static int probe_effects(const mb_study *st, bool *acts) {
    const mb_cell *c = &st->s->cell;
    double lo, hi;
    void *p = mb_malloc(c->type->size, 1);
    float *target = mb_malloc(PROBE, sizeof *target), *state = mb_malloc((size_t)PROBE * (size_t)c->type->n_state, sizeof *state);
    float *G = mb_malloc(4 * (size_t)PROBE, sizeof *G);
    int rc = p && target && state && G ? MB_OK : mb_nomem();
    if (rc) goto out;
    c->type->range(c->params, &lo, &hi);
    for (int i = 0; i < PROBE; i++) target[i] = (float)(lo + (hi - lo) * (i % 16) / 15);
    probe(st, c->params, target, state, G, G + PROBE);
    for (int e = 0; e < MB_EXPLAIN_ITEMS && c->type->effects[e]; e++) {
        memcpy(p, c->params, c->type->size);
        c->type->without(p, e);
        acts[e] = false;
        if (memcmp(p, c->params, c->type->size) == 0) continue;
        probe(st, p, target, state, G + 2 * PROBE, G + 3 * PROBE);
        acts[e] = memcmp(G, G + 2 * PROBE, 2 * PROBE * sizeof *G) != 0;
    }
out:
    mb_free(p);
    mb_free(target);
    mb_free(state);
    mb_free(G);
    return rc;
}

/* Make every conductance programmable; false when the model has no key for that. */
static bool continuous(const mb_cell *c, void *params) {
    for (const mb_param *p = c->type->params; p->name; p++) {
        char *at = (char *)params + p->offset;
        if (p->kind == MB_P_INT && !strcmp(p->name, "levels")) *(int *)(void *)at = 0;
        if (p->kind == MB_P_REALS && !strcmp(p->name, "level_S")) *(mb_reals *)(void *)at = (mb_reals){NULL, 0}; /* borrowed */
    }
    return c->type->levels(params) == 0;
}

/* Do the levels of the cell miss a digit of any analog layer? */
static bool levels_act(const mb_study *st, void *scratch) {
    const mb_cell *c = &st->s->cell;
    const int L = c->type->levels(c->params);
    bool miss = false;
    if (L == 0) return false;
    memcpy(scratch, c->params, c->type->size);
    for (const mb_param *p = c->type->params; p->name; p++)
        if (p->kind == MB_P_REALS && !strcmp(p->name, "level_S"))
            miss = ((const mb_reals *)(const void *)((const char *)c->params + p->offset))->n > 0;
    for (int k = 0; k < st->plan->n; k++)
        if (st->plan->assign[k].engine == MB_ANALOG) miss = miss || (L - 1) % ((1 << st->plan->assign[k].cell_bits) - 1) != 0;
    return miss && continuous(c, scratch);
}

int mb_study_list(mb_study *st) {
    const mb_cell *c = &st->s->cell;
    bool analog = false, noise = false, acts[MB_EXPLAIN_ITEMS] = {false};
    for (int k = 0; k < st->plan->n; k++) analog = analog || st->plan->assign[k].engine == MB_ANALOG;
    add_item(st, "input quantisation", MB_ITEM_INPUTS, 0);
    add_item(st, "weight quantisation", MB_ITEM_WEIGHTS, 0);
    if (!analog) return MB_OK;
    void *scratch = mb_malloc(c->type->size, 1);
    if (!scratch) return mb_nomem();
    int rc = c->type->effects ? probe_effects(st, acts) : MB_OK;
    if (rc) {
        mb_free(scratch);
        return rc;
    }
    if (levels_act(st, scratch)) add_item(st, "levels", MB_ITEM_LEVELS, 0);
    if (!c->type->effects && c->type->deterministic && !c->type->deterministic(c->params))
        add_item(st, "cells", MB_ITEM_CELLS, 0); /* a model without switches: all that it does, in one piece */
    for (int late = 0; late < 2; late++) {
        if (late && mb_machine_has_wires(st->s->mach)) add_item(st, "wires", MB_ITEM_WIRES, 0);
        for (int e = 0; c->type->effects && c->type->effects[e]; e++) {
            if ((strstr(c->type->effects[e], "noise") != NULL) != (late == 1)) continue;
            noise = noise || late;
            if (e < MB_EXPLAIN_ITEMS && acts[e]) add_item(st, c->type->effects[e], MB_ITEM_EFFECT, e);
        }
    }
    mb_free(scratch);
    if (c->type->read_sigma && !noise) add_item(st, "read noise", MB_ITEM_READ, 0);
    if (!st->s->mach->adc.type->transparent) add_item(st, "converter", MB_ITEM_CONVERTER, 0);
    return MB_OK;
}

/* --- a set of non-idealities ------------------------------------------------------------------------------------------- */

void mb_variant_free(mb_variant *v) {
    mb_mapped_free(v->map);
    mb_free(v->s.cell.params); /* a shallow copy: texts belong to the setup */
}

int mb_variant_new(const mb_study *st, const bool *on, mb_variant *v) {
    const mb_cell *c = &st->s->cell;
    memset(v, 0, sizeof *v);
    v->s = *st->s;
    v->exact = -1;
    v->s.cell.params = mb_malloc(c->type->size, 1);
    if (!v->s.cell.params) return mb_nomem();
    memcpy(v->s.cell.params, c->params, c->type->size);
    for (int i = 0; i < st->n_item; i++) {
        const mb_item *it = &st->item[i];
        if (on[i]) {
            if (it->kind == MB_ITEM_INPUTS) v->inputs = true;
            else if (it->kind == MB_ITEM_WEIGHTS) v->weights = true;
            else v->arrays = true;
            continue;
        }
        switch (it->kind) {
        case MB_ITEM_LEVELS: continuous(c, v->s.cell.params); break;
        case MB_ITEM_CELLS: v->s.ideal |= MB_IDEAL_CELLS; break;
        case MB_ITEM_EFFECT: c->type->without(v->s.cell.params, it->effect); break;
        case MB_ITEM_WIRES: v->s.ideal |= MB_IDEAL_WIRES; break;
        case MB_ITEM_READ: v->s.ideal |= MB_IDEAL_READ; break;
        case MB_ITEM_CONVERTER: v->s.ideal |= MB_IDEAL_ADC; break;
        case MB_ITEM_INPUTS:
        case MB_ITEM_WEIGHTS: break;
        }
    }
    if (!v->inputs && !v->weights && !v->arrays) return MB_OK;
    return mb_mapped_new(&v->s, st->prof, st->plan, &v->map);
}
