/* baseline.c - finding and loading baselines by name */
#include "cost/baseline.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

const mb_baseline_type *mb_baseline_find(const char *kind) {
    for (size_t i = 0; mb_baselines[i]; i++)
        if (strcmp(mb_baselines[i]->name, kind) == 0) return mb_baselines[i];
    return NULL;
}

int mb_baseline_load(mb_conf *group, const char *name, mb_baseline *b) {
    static const char *const also[] = {"kind", "name", "preset", NULL};
    *b = (mb_baseline){0};
    if (group->type != MB_CONF_GROUP)
        return mb_fail(MB_BADINPUT, "%s: %s must be a group or the name of a preset", mb_conf_where(group), mb_conf_key(group));
    mb_conf *kind = mb_conf_use(group, "kind"), *own = mb_conf_use(group, "name");
    if (!kind || kind->type != MB_CONF_STRING)
        return mb_fail(MB_BADINPUT, "%s: a baseline needs kind = \"systolic\" or another name of `mixbar list baselines`",
                       mb_conf_where(kind ? kind : group));
    if (own && own->type != MB_CONF_STRING) return mb_fail(MB_BADINPUT, "%s: name must be text in quotes", mb_conf_where(own));
    const mb_baseline_type *type = mb_baseline_find(kind->s);
    if (!type) {
        const char *names[64];
        size_t n = 0;
        for (; n < 64 && mb_baselines[n]; n++) names[n] = mb_baselines[n]->name;
        return mb_conf_unknown(kind, "kind of baseline", names, n);
    }
    void *p = mb_calloc(1, type->size);
    char *text = mb_strdup(own ? own->s : name ? name : type->name);
    int rc = p && text ? mb_params_load(type->params, group, also, p) : mb_nomem();
    if (!rc && type->check && (rc = type->check(p))) {
        mb_params_free(type->params, p);
        mb_context(rc, "%s", mb_conf_where(group));
    }
    if (rc) {
        mb_context(rc, "in the baseline %s", text ? text : type->name);
        mb_free(p);
        mb_free(text);
        return rc;
    }
    *b = (mb_baseline){type, p, text};
    return MB_OK;
}

int mb_baseline_at_area(const mb_baseline *b, const mb_baseline_case *c, double area_m2, double *scale, mb_metrics *m) {
    mb_baseline_case k = *c;
    mb_metrics best, now;
    double lo = 1.0 / 4096, hi = 1048576;
    *scale = 0;
    k.scale = lo;
    int rc = b->type->evaluate(b->params, &k, NULL, &best);
    if (rc || best.area_m2 > area_m2) return rc;
    while (hi / lo > 1.01) {
        k.scale = sqrt(lo * hi);
        if ((rc = b->type->evaluate(b->params, &k, NULL, &now))) return rc;
        if (now.area_m2 > area_m2) hi = k.scale;
        else lo = k.scale, best = now;
    }
    *scale = lo;
    *m = best;
    return MB_OK;
}

void mb_baseline_free(mb_baseline *b) {
    if (b->params) mb_params_free(b->type->params, b->params);
    mb_free(b->params);
    mb_free(b->name);
    *b = (mb_baseline){0};
}
