/* component.c - finds and evaluates components; see component.h */
#include "cost/component.h"

#include <math.h>
#include <string.h>

#include "base/error.h"

static const mb_component *const families[] = {mb_logic_components, mb_wire_components, mb_converter_components,
                                               mb_memory_components};

const mb_component *mb_component_at(size_t i) {
    for (size_t f = 0; f < sizeof families / sizeof families[0]; f++)
        for (const mb_component *c = families[f]; c->name; c++)
            if (i-- == 0) return c;
    return NULL;
}

const mb_component *mb_component_find(const char *name) {
    const mb_component *c = NULL;
    for (size_t i = 0; (c = mb_component_at(i)) != NULL; i++)
        if (strcmp(c->name, name) == 0) return c;
    return NULL;
}

int mb_component_evaluate(const mb_component *c, mb_conf *group, mb_component_result *r) {
    mb_component_keys k;
    const double none = (double)NAN;
    *r = (mb_component_result){.energy_J = none, .delay_s = none, .area_m2 = none, .leakage_W = none};
    memset(&k, 0, sizeof k);
    int rc = mb_params_load(c->params, group, NULL, &k);
    if (rc) return rc;
    rc = c->evaluate(&k, r);
    mb_params_free(c->params, &k);
    if (rc) return mb_context(rc, "component %s", c->name);
    if (!r->source) r->source = c->reference;
    return MB_OK;
}

int mb_component_node(const mb_component_keys *k, mb_process *n) {
    mb_process_spec s = {.node_nm = k->node_nm, .roadmap = (mb_roadmap)k->roadmap, .temp_K = k->temp_K};
    return mb_process_init(n, &s);
}

int mb_component_block(mb_component_result *r, mb_block b) {
    r->energy_J = b.energy_J;
    r->delay_s = b.delay_s;
    r->area_m2 = b.area_m2;
    r->leakage_W = b.leakage_W;
    return MB_OK;
}

void mb_component_fact(mb_component_result *r, const char *name, double value, const char *unit) {
    if (r->n_facts < MB_FACTS) r->fact[r->n_facts++] = (mb_fact){name, unit, value};
}
