/* cell.c - finding and loading memory cells */
#include "array/cell.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"

const mb_cell_type *mb_cell_find(const char *name) {
    for (size_t i = 0; mb_cells[i]; i++)
        if (strcmp(mb_cells[i]->name, name) == 0) return mb_cells[i];
    return NULL;
}

static int unknown(const mb_conf *where, const char *name) {
    const char *names[64];
    mb_str all = {0};
    size_t n = 0;
    for (; mb_cells[n] && n < 64; n++) {
        names[n] = mb_cells[n]->name;
        mb_str_addf(&all, "%s%s", n ? ", " : "", names[n]);
    }
    const char *near = mb_nearest(name, names, n);
    int rc = near ? mb_fail(MB_BADINPUT, "%s: unknown cell \"%s\"; did you mean \"%s\"? (there are: %s)", mb_conf_where(where),
                            name, near, mb_cstr(&all))
                  : mb_fail(MB_BADINPUT, "%s: unknown cell \"%s\"; there are: %s", mb_conf_where(where), name, mb_cstr(&all));
    mb_str_free(&all);
    return rc;
}

int mb_cell_load(mb_conf *group, mb_cell *cell) {
    static const char *const also[] = {"cell", "preset", NULL};
    *cell = (mb_cell){0};
    if (!group || group->type != MB_CONF_GROUP)
        return mb_fail(MB_BADINPUT, "%s: a cell is described by a group such as { cell = \"rram\"; g_max_S = 100e-6; }",
                       group ? mb_conf_where(group) : "device");
    mb_conf *name = mb_conf_use(group, "cell");
    if (!name)
        return mb_fail(MB_BADINPUT, "%s: the key `cell` is missing; add for example cell = \"ideal\"", mb_conf_where(group));
    if (name->type != MB_CONF_STRING)
        return mb_fail(MB_BADINPUT, "%s: `cell` is the name of a cell model, in quotes", mb_conf_where(name));
    const mb_cell_type *type = mb_cell_find(name->s);
    if (!type) return unknown(name, name->s);
    void *params = mb_calloc(1, type->size);
    if (!params) return mb_nomem();
    int rc = mb_params_load(type->params, group, also, params);
    if (!rc && type->check && (rc = type->check(params)) != MB_OK) mb_params_free(type->params, params);
    if (rc) {
        mb_free(params);
        return mb_context(rc, "%s: cell \"%s\"", mb_conf_where(group), type->name);
    }
    *cell = (mb_cell){type, params};
    return MB_OK;
}

void mb_cell_free(mb_cell *cell) {
    if (cell->type && cell->params) mb_params_free(cell->type->params, cell->params);
    mb_free(cell->params);
    *cell = (mb_cell){0};
}
