/* macro.c - finding, loading, evaluating macros (macro.h) */
#include "cost/macro.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"

const mb_macro_type *mb_macro_find(const char *kind) {
    for (size_t i = 0; mb_macros[i]; i++)
        if (strcmp(mb_macros[i]->name, kind) == 0) return mb_macros[i];
    return NULL;
}

bool mb_macro_is_factor(const char *key) {
    static const char end[] = "_factor";
    size_t n = strlen(key);
    return n >= sizeof end && strcmp(key + n - (sizeof end - 1), end) == 0;
}

static double *real_of(const mb_macro *m, const mb_param *row) { return (double *)(void *)((char *)&m->keys + row->offset); }

void mb_macro_uncalibrate(mb_macro *m) {
    for (const mb_param *r = m->type->params; r->kind != MB_P_END; r++)
        if (r->kind == MB_P_REAL && mb_macro_is_factor(r->name)) *real_of(m, r) = 1;
}

/* --- loading ------------------------------------------------------------------------------------------------------- */

static int kind_of(mb_conf *group, const mb_macro_type **type) {
    mb_conf *kind = mb_conf_use(group, "kind");
    if (!kind || kind->type != MB_CONF_STRING)
        return mb_fail(MB_BADINPUT, "%s: a macro needs kind = \"charge\" or another name of `mixbar list macros`",
                       mb_conf_where(kind ? kind : group));
    *type = mb_macro_find(kind->s);
    if (*type) return MB_OK;
    const char *names[32];
    size_t n = 0;
    for (; n < 32 && mb_macros[n]; n++) names[n] = mb_macros[n]->name;
    return mb_conf_unknown(kind, "kind of macro", names, n);
}

/* The names in `fitted` are keys of the kind; a factor that is not 1 is among them. */
static int load_fitted(mb_conf *group, mb_macro *m) {
    mb_conf *list = mb_conf_use(group, "fitted");
    if (list && list->type != MB_CONF_LIST)
        return mb_fail(MB_BADINPUT, "%s: fitted must be a list of keys, as [\"threshold_V\"]", mb_conf_where(list));
    if (list) mb_conf_use_all(list);
    m->fitted = mb_calloc(list && list->n ? list->n : 1, sizeof *m->fitted);
    if (!m->fitted) return mb_nomem();
    for (size_t i = 0; list && i < list->n; i++) {
        const char *names[128];
        size_t n = 0;
        bool known = false;
        const mb_conf *c = list->child[i];
        if (c->type != MB_CONF_STRING) return mb_fail(MB_BADINPUT, "%s: fitted lists names of keys in quotes", mb_conf_where(c));
        for (const mb_param *r = m->type->params; r->kind != MB_P_END && n < 128; r++) {
            names[n++] = r->name;
            known = known || strcmp(r->name, c->s) == 0;
        }
        if (!known) return mb_conf_unknown(c, "key of this macro", names, n);
        m->fitted[m->n_fitted] = mb_strdup(c->s);
        if (!m->fitted[m->n_fitted++]) return mb_nomem();
    }
    for (const mb_param *r = m->type->params; r->kind != MB_P_END; r++) {
        const mb_conf *c = mb_conf_find(group, r->name);
        bool listed = !mb_macro_is_factor(r->name) || *real_of(m, r) == 1 || (c && c->origin == MB_FROM_COMMAND);
        for (size_t i = 0; i < m->n_fitted && !listed; i++) listed = strcmp(m->fitted[i], r->name) == 0;
        if (!listed)
            return mb_fail(MB_BADINPUT, "%s: %s is a calibration factor and not 1: list it in `fitted`",
                           mb_conf_where(c), r->name);
    }
    return MB_OK;
}

int mb_macro_load(mb_conf *group, const char *name, mb_macro *m) {
    static const char *const also[] = {"kind", "fitted", "preset", NULL};
    *m = (mb_macro){0};
    if (group->type != MB_CONF_GROUP)
        return mb_fail(MB_BADINPUT, "%s: %s must be a group or the name of a macro", mb_conf_where(group), mb_conf_key(group));
    const mb_macro_type *type = NULL;
    int rc = kind_of(group, &type);
    if (rc) return rc;
    rc = mb_params_load(type->params, group, also, &m->keys);
    if (rc) return mb_context(rc, "in the macro %s", name);
    m->type = type;
    m->name = mb_strdup(name);
    if (!m->name) rc = mb_nomem();
    const mb_macro_keys *k = &m->keys;
    if (!rc && k->supply_V <= k->threshold_V)
        rc = mb_fail(MB_BADINPUT, "%s: threshold_V = %g is not below supply_V = %g",
                     mb_conf_where(mb_conf_find(group, "threshold_V")), k->threshold_V, k->supply_V);
    if (!rc && type->check && (rc = type->check(k))) mb_context(rc, "%s", mb_conf_where(group));
    if (!rc) rc = load_fitted(group, m);
    if (rc) {
        mb_context(rc, "in the macro %s", name);
        mb_macro_free(m);
    }
    return rc;
}

void mb_macro_free(mb_macro *m) {
    if (m->type) mb_params_free(m->type->params, &m->keys);
    for (size_t i = 0; i < m->n_fitted; i++) mb_free(m->fitted[i]);
    mb_free(m->fitted);
    mb_free(m->name);
    *m = (mb_macro){0};
}

/* --- booking --------------------------------------------------------------------------------------------------------- */

void mb_macro_energy(mb_ledger *l, const mb_macro_keys *k, const char *part, const char *action, double count, double each_J,
                     const char *source, double factor) {
    if (each_J != 0) mb_ledger_add(l, part, action, count * k->macros, 0, (mb_cost){each_J, 0, 0}, source, factor);
}

void mb_macro_area(mb_ledger *l, const mb_macro_keys *k, const char *part, double count, double each_m2, const char *source,
                   double factor) {
    if (each_m2 != 0) mb_ledger_add(l, part, "built", 0, count * k->macros, (mb_cost){0, 0, each_m2}, source, factor);
}

void mb_macro_time(mb_ledger *l, const char *action, double count, double each_s, const char *source, double factor) {
    mb_ledger_add(l, "sequence", action, count, 0, (mb_cost){0, each_s, 0}, source, factor);
}

mb_cim_logic mb_macro_logic(const mb_macro_keys *k) { return (mb_cim_logic){k->gate_F, k->gate_m2, k->gate_s}; }

double mb_macro_slow(const mb_macro_keys *k, const mb_macro_point *p) {
    mb_supply s = {k->supply_V, k->threshold_V, k->alpha};
    return mb_supply_delay(&s, p->vdd_V);
}

double mb_macro_square(const mb_macro_keys *k, const mb_macro_point *p) {
    double v = p->vdd_V / k->supply_V;
    return v * v;
}

int mb_macro_evaluate(const mb_macro *m, const mb_macro_point *p, mb_macro_cost *c, mb_report **tree) {
    mb_ledger l;
    mb_cost sum;
    *c = (mb_macro_cost){0};
    if (p->vdd_V <= m->keys.threshold_V)
        return mb_fail(MB_NUMERIC, "macro %s: a supply of %g V is not above the threshold of %g V", m->name, p->vdd_V,
                       m->keys.threshold_V);
    mb_ledger_init(&l, m->name, tree != NULL);
    mb_ledger_open(&l, "product");
    m->type->cost(&m->keys, p, &l, &c->macs);
    double modelled = l.sum.area_m2;
    mb_macro_area(&l, &m->keys, "not modelled", 1, m->keys.other_m2, "published", 1);
    mb_ledger_close(&l);
    int rc = mb_ledger_end(&l, &sum, tree);
    if (rc) return rc;
    c->macs *= m->keys.macros;
    c->energy_J = sum.energy_J;
    c->latency_s = sum.latency_s;
    c->area_m2 = sum.area_m2;
    bool area = modelled > 0;
    double ops = 2e-12 * c->macs;
    c->figure[MB_MACRO_TOPS] = c->latency_s > 0 ? ops / c->latency_s : (double)NAN;
    c->figure[MB_MACRO_TOPS_W] = c->energy_J > 0 ? ops / c->energy_J : (double)NAN;
    c->figure[MB_MACRO_TOPS_MM2] = area ? c->figure[MB_MACRO_TOPS] / (1e6 * c->area_m2) : (double)NAN;
    c->figure[MB_MACRO_AREA] = area ? 1e6 * c->area_m2 : (double)NAN;
    return MB_OK;
}
