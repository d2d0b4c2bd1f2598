/* cell.c - finding and loading memory cells; those of users come from shared objects (cell_user.c) */
#include "array/cell.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
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

bool mb_cell_is_user(const char *name) {
    size_t n = strlen(name);
    return n > 3 && strcmp(name + n - 3, ".so") == 0;
}

int mb_cell_expand(mb_conf *c) {
    const mb_conf *name = c->type == MB_CONF_GROUP ? mb_conf_find(c, "preset") : c;
    if (!name || name->type != MB_CONF_STRING || !mb_cell_is_user(name->s)) return mb_conf_expand_preset(c, "devices");
    int rc = mb_conf_put(c, "cell", name, name->origin); /* a text becomes { preset = TEXT; cell = TEXT } */
    if (!rc) mb_conf_use(c, "preset");
    return rc;
}

/* The type that NAME means; for a user's cell its path becomes absolute, so that used.cfg runs from anywhere. */
static int find_type(mb_conf *name, mb_cell *cell) {
    char *dir = NULL, *path = NULL, real[PATH_MAX];
    int rc = MB_OK;
    if (!mb_cell_is_user(name->s)) {
        cell->type = mb_cell_find(name->s);
        return cell->type ? MB_OK : unknown(name, name->s);
    }
    dir = mb_conf_dir(name);
    path = dir ? mb_path_join(dir, name->s) : NULL;
    if (!path) rc = mb_nomem();
    else if (!realpath(path, real))
        rc = mb_fail(MB_BADINPUT,
                     "%s: the shared object %s: %s; compile it (doc/examples/user-cell has a Makefile), or write the path "
                     "relative to the file that names it",
                     mb_conf_where(name), path, strerror(errno));
    mb_free(path);
    mb_free(dir);
    if (rc) return rc;
    rc = mb_cell_open(real, mb_conf_where(name), &cell->type, &cell->library, &cell->code);
    char *copy = rc ? NULL : mb_strdup(real);
    if (!rc && !copy) rc = mb_nomem();
    if (!rc) {
        mb_free(name->s);
        name->s = copy;
    }
    return rc;
}

void mb_cell_label(const mb_conf *group, char *label, size_t size) {
    const mb_conf *c = group && group->type == MB_CONF_GROUP ? mb_conf_find(group, "preset") : group;
    if (!c && group && group->type == MB_CONF_GROUP) c = mb_conf_find(group, "cell");
    const char *name = c && c->type == MB_CONF_STRING ? c->s : "cell", *slash = strrchr(name, '/');
    if (slash && slash[1]) name = slash + 1;
    size_t n = strlen(name);
    if (n > 4 && !strcmp(name + n - 4, ".cfg")) n -= 4;
    snprintf(label, size, "%.*s", (int)n, name);
}

/* Conditions between the parameters; warnings name the device. */
static int check_params(const mb_conf *group, const mb_cell *cell) {
    char label[128];
    if (!cell->type->check) return MB_OK;
    mb_cell_label(group, label, sizeof label);
    const char *before = mb_log_subject(label);
    int rc = cell->type->check(cell->params);
    mb_log_subject(before);
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
    int rc = find_type(name, cell);
    if (!rc && !(cell->params = mb_calloc(1, cell->type->size))) rc = mb_nomem();
    bool filled = false;
    if (!rc) rc = mb_params_load(cell->type->params, group, also, cell->params);
    if (!rc) filled = true;
    if (!rc) rc = check_params(group, cell);
    if (!rc && cell->library) rc = mb_cell_try(cell, mb_conf_where(name));
    if (rc) {
        if (cell->type) rc = mb_context(rc, "%s: cell \"%s\"", mb_conf_where(group), cell->type->name);
        if (!filled) {
            mb_free(cell->params);
            cell->params = NULL;
        }
        mb_cell_free(cell);
    }
    return rc;
}

void mb_cell_free(mb_cell *cell) {
    if (cell->type && cell->params) mb_params_free(cell->type->params, cell->params);
    mb_free(cell->params);
    mb_cell_close(cell->library);
    *cell = (mb_cell){0};
}
