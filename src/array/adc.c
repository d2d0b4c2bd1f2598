/* adc.c - finding and loading converters */
#include "array/adc.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"

const mb_adc_type *mb_adc_find(const char *name) {
    for (size_t i = 0; mb_adcs[i]; i++)
        if (strcmp(mb_adcs[i]->name, name) == 0) return mb_adcs[i];
    return NULL;
}

static int unknown(const mb_conf *where, const char *name) {
    const char *names[64];
    mb_str all = {0};
    size_t n = 0;
    for (; mb_adcs[n] && n < 64; n++) {
        names[n] = mb_adcs[n]->name;
        mb_str_addf(&all, "%s%s", n ? ", " : "", names[n]);
    }
    const char *near = mb_nearest(name, names, n);
    int rc = near
                 ? mb_fail(MB_BADINPUT, "%s: unknown converter \"%s\"; did you mean \"%s\"? (there are: %s)",
                           mb_conf_where(where), name, near, mb_cstr(&all))
                 : mb_fail(MB_BADINPUT, "%s: unknown converter \"%s\"; there are: %s", mb_conf_where(where), name, mb_cstr(&all));
    mb_str_free(&all);
    return rc;
}

int mb_adc_load(mb_conf *group, mb_adc *adc) {
    static const char *const also[] = {"type", "preset", NULL};
    *adc = (mb_adc){0};
    if (!group || group->type != MB_CONF_GROUP)
        return mb_fail(MB_BADINPUT, "%s: a converter is described by a group such as { type = \"sar\"; }",
                       group ? mb_conf_where(group) : "adc");
    mb_conf *name = mb_conf_use(group, "type");
    if (!name) return mb_fail(MB_BADINPUT, "%s: the key `type` is missing; add for example type = \"sar\"", mb_conf_where(group));
    if (name->type != MB_CONF_STRING)
        return mb_fail(MB_BADINPUT, "%s: `type` is the name of a converter, in quotes", mb_conf_where(name));
    const mb_adc_type *type = mb_adc_find(name->s);
    if (!type) return unknown(name, name->s);
    void *params = mb_calloc(1, type->size);
    if (!params) return mb_nomem();
    int rc = mb_params_load(type->params, group, also, params);
    if (!rc && type->check && (rc = type->check(params)) != MB_OK) mb_params_free(type->params, params);
    if (rc) {
        mb_free(params);
        return mb_context(rc, "%s: converter \"%s\"", mb_conf_where(group), type->name);
    }
    *adc = (mb_adc){type, params};
    return MB_OK;
}

void mb_adc_free(mb_adc *adc) {
    if (adc->type && adc->params) mb_params_free(adc->type->params, adc->params);
    mb_free(adc->params);
    *adc = (mb_adc){0};
}
