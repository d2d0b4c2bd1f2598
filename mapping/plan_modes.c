/* plan_modes.c - run-time modes of a plan: made, written, read
 *
 * What a mode is: mapping/plan.h. Who may call: plan.c; the floors above through mapping/plan.h.
 */
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "mapping/plan_internal.h"
#include "mapping/policy.h"

#define MAX_MODES 64

static bool read_time(int key) { return mb_choice_index(MB_MODE_KEYS, mb_assign_params[key].name) >= 0; }

int mb_plan_add_mode(mb_plan *p, const char *name, const mb_assign *assign) {
    for (int i = 0; i < p->n_modes; i++)
        if (!strcmp(p->mode[i].name, name)) return mb_fail(MB_BADINPUT, "the plan has two modes called %s", name);
    for (int m = 0; assign && m < p->n; m++)
        for (int k = 0; k < MB_ASSIGN_KEYS; k++)
            if (!read_time(k) && mb_assign_get(&assign[m], k) != mb_assign_get(&p->assign[m], k))
                return mb_fail(MB_BADINPUT, "mode %s changes %s of layer %s, which is programmed; a mode may change " MB_MODE_KEYS, name,
                               mb_assign_params[k].name, p->layer[m]);
    mb_mode *grown = mb_realloc(p->mode, (size_t)p->n_modes + 1, sizeof *grown);
    if (!grown) return mb_nomem();
    p->mode = grown;
    mb_mode *mode = &grown[p->n_modes];
    mode->name = mb_strdup(name);
    mode->assign = mb_malloc((size_t)p->n, sizeof *mode->assign);
    if (!mode->name || !mode->assign) {
        mb_free(mode->name);
        mb_free(mode->assign);
        return mb_nomem();
    }
    memcpy(mode->assign, assign ? assign : p->assign, (size_t)p->n * sizeof *assign);
    p->n_modes++;
    return MB_OK;
}

int mb_plan_of_mode(const mb_plan *p, int i, mb_plan **plan) {
    mb_plan bare = *p;
    bare.n_modes = 0;
    if (i >= 0) bare.assign = p->mode[i].assign;
    return mb_plan_clone(&bare, plan);
}

/* The keys of a layer that differ from the plan; nothing when none does. */
static void write_layer(const mb_plan *p, const mb_mode *mode, int m, bool *any, mb_str *out) {
    if (!memcmp(&mode->assign[m], &p->assign[m], sizeof mode->assign[m])) return;
    mb_str_add(out, *any ? ",\n    { name = " : "\n    { name = ");
    mb_plan_add_quoted(out, p->layer[m]);
    for (int k = 0; k < MB_ASSIGN_KEYS; k++)
        if (mb_assign_get(&mode->assign[m], k) != mb_assign_get(&p->assign[m], k))
            mb_str_addf(out, "; %s = %d", mb_assign_params[k].name, mb_assign_get(&mode->assign[m], k));
    mb_str_add(out, "; }");
    *any = true;
}

void mb_modes_write(const mb_plan *p, mb_str *out) {
    if (!p->n_modes) return;
    mb_str_add(out, "# other settings of the same programmed cells; mixbar modes EXP.cfg -p THIS_FILE\nmodes = (\n");
    for (int i = 0; i < p->n_modes; i++) {
        bool any = false;
        mb_str_add(out, "  { name = ");
        mb_plan_add_quoted(out, p->mode[i].name);
        mb_str_add(out, "; layers = (");
        for (int m = 0; m < p->n; m++) write_layer(p, &p->mode[i], m, &any, out);
        mb_str_add(out, i + 1 < p->n_modes ? " ); },\n" : " ); }\n");
    }
    mb_str_add(out, ");\n");
}

/* Name of a group in quotes. */
static int group_name(mb_conf *g, const char *what, const char **name) {
    mb_conf *n = g->type == MB_CONF_GROUP ? mb_conf_use(g, "name") : NULL;
    if (!n || n->type != MB_CONF_STRING) return mb_fail(MB_BADINPUT, "%s: %s has no name in quotes", mb_conf_where(n ? n : g), what);
    *name = n->s;
    return MB_OK;
}

/* One layer of a mode: the keys it states, laid over the plan's. */
static int read_layer(mb_conf *g, const char *path, mb_plan *p, const char *mode, mb_assign *assign) {
    const char *name;
    int rc = group_name(g, "a layer of a mode", &name);
    if (rc) return rc;
    const int m = mb_plan_find_name(p->layer, p->n, name);
    if (m < 0) {
        const char *near = mb_nearest(name, (const char *const *)p->layer, (size_t)p->n);
        return mb_fail(MB_BADINPUT, "%s: mode %s names the layer %s, which the plan %s does not have%s%s%s", mb_conf_where(g), mode, name,
                       path, near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
    }
    for (size_t i = 0; i < g->n; i++) {
        mb_conf *c = g->child[i];
        int v;
        if (!strcmp(c->name, "name")) continue;
        const int key = mb_assign_key(c->name);
        if (key < 0 || !read_time(key))
            return mb_fail(MB_BADINPUT, "%s: mode %s sets %s of layer %s; a mode may set " MB_MODE_KEYS, mb_conf_where(c), mode,
                           c->name, name);
        if ((rc = mb_assign_parse(key, c, &v))) return rc;
        mb_conf_use(g, c->name);
        mb_assign_set(&assign[m], key, v);
    }
    const char *fault = mb_assign_fault(&assign[m]);
    return fault ? mb_fail(MB_BADINPUT, "%s: layer %s of mode %s: %s", mb_conf_where(g), name, mode, fault) : MB_OK;
}

static int read_mode(mb_conf *g, const char *path, mb_plan *p) {
    const char *name;
    int rc = group_name(g, "a mode of the plan", &name);
    mb_conf *layers = rc ? NULL : mb_conf_use(g, "layers");
    if (rc) return rc;
    if (!layers || layers->type != MB_CONF_LIST)
        return mb_fail(MB_BADINPUT, "%s: mode %s needs layers = ( { name = ...; KEY = ...; }, ... )", mb_conf_where(g), name);
    mb_assign *assign = mb_malloc((size_t)p->n, sizeof *assign);
    if (!assign) return mb_nomem();
    memcpy(assign, p->assign, (size_t)p->n * sizeof *assign);
    for (size_t i = 0; i < layers->n && !rc; i++) rc = read_layer(layers->child[i], path, p, name, assign);
    if (!rc && (rc = mb_plan_add_mode(p, name, assign))) rc = mb_context(rc, "%s", mb_conf_where(g));
    mb_free(assign);
    return rc;
}

int mb_modes_read(mb_conf *root, const char *path, mb_plan *p) {
    mb_conf *modes = mb_conf_use(root, "modes");
    if (!modes) return MB_OK;
    if (modes->type != MB_CONF_LIST || modes->n == 0 || modes->n > MAX_MODES)
        return mb_fail(MB_BADINPUT, "%s: modes must be ( { name = ...; layers = ( ... ); }, ... ) with 1 to %d elements", mb_conf_where(modes),
                       MAX_MODES);
    int rc = MB_OK;
    for (size_t i = 0; i < modes->n && !rc; i++) rc = read_mode(modes->child[i], path, p);
    return rc;
}
