/* report.c - the tree of costs
 *
 * A node, its name and its component are one block of memory. The array of children doubles at powers of two, so its capacity
 * follows from n.
 */
#include "cost/report.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

static mb_report *node_new(const char *name, const char *component) {
    size_t n = strlen(name) + 1, c = component ? strlen(component) + 1 : 0;
    mb_report *r = mb_malloc(1, sizeof *r + n + c);
    if (!r) return NULL;
    *r = (mb_report){.factor = 1};
    r->name = (char *)(r + 1);
    memcpy(r->name, name, n);
    if (component) {
        r->component = r->name + n;
        memcpy(r->component, component, c);
    }
    return r;
}

mb_report *mb_report_new(const char *name) {
    return node_new(name, NULL);
}

void mb_report_free(mb_report *r) {
    if (!r) return;
    for (size_t i = 0; i < r->n; i++) mb_report_free(r->child[i]);
    mb_free(r->child);
    mb_free(r);
}

/* Takes CHILD (NULL: no memory), which is freed when it cannot be added. */
static mb_report *adopt(mb_report *r, mb_report *child) {
    if (!child) return NULL;
    if (r->n == 0 || (r->n >= 4 && (r->n & (r->n - 1)) == 0)) {
        mb_report **grown = mb_realloc(r->child, r->n ? 2 * r->n : 4, sizeof *grown);
        if (!grown) {
            mb_report_free(child);
            return NULL;
        }
        r->child = grown;
    }
    r->child[r->n++] = child;
    return child;
}

mb_report *mb_report_group(mb_report *r, const char *name) {
    return adopt(r, node_new(name, NULL));
}

mb_report *mb_report_leaf(mb_report *r, const char *component, const char *action, double count, double instances, mb_cost each,
                          const char *source, double factor) {
    mb_report *leaf = adopt(r, node_new(action, component));
    if (!leaf) return NULL;
    leaf->count = count;
    leaf->instances = instances;
    leaf->each = each;
    leaf->source = source;
    leaf->factor = factor;
    return leaf;
}

const mb_report *mb_report_find(const mb_report *r, const char *name) {
    for (size_t i = 0; i < r->n; i++)
        if (!strcmp(r->child[i]->name, name)) return r->child[i];
    return NULL;
}

void mb_report_sum(mb_report *r) {
    if (r->component) {
        r->total = (mb_cost){r->count * r->each.energy_J, r->count * r->each.latency_s, r->instances * r->each.area_m2};
        return;
    }
    r->total = (mb_cost){0, 0, 0};
    for (size_t i = 0; i < r->n; i++) {
        mb_report_sum(r->child[i]);
        r->total.energy_J += r->child[i]->total.energy_J;
        r->total.latency_s += r->child[i]->total.latency_s;
        r->total.area_m2 += r->child[i]->total.area_m2;
    }
}

/* Copies the leaves below R, which is PATH in the original tree, to the group in OUT that has the name of their component, or of
 * their action. */
static int scatter(const mb_report *r, const char *path, bool actions, mb_report *out) {
    for (size_t i = 0; i < r->n; i++) {
        const mb_report *c = r->child[i];
        char *name = path ? mb_asprintf("%s / %s", path, actions && c->component ? c->component : c->name) : mb_strdup(c->name);
        int rc = name ? MB_OK : mb_nomem();
        if (!rc && !c->component) {
            rc = scatter(c, name, actions, out);
        } else if (!rc) {
            const char *key = actions ? c->name : c->component;
            mb_report *g = NULL;
            for (size_t k = 0; k < out->n && !g; k++)
                if (strcmp(out->child[k]->name, key) == 0) g = out->child[k];
            if (!g) g = mb_report_group(out, key);
            if (!g || !mb_report_leaf(g, c->component, name, c->count, c->instances, c->each, c->source, c->factor))
                rc = mb_nomem();
        }
        mb_free(name);
        if (rc) return rc;
    }
    return MB_OK;
}

static int regroup(const mb_report *r, bool actions, mb_report **out) {
    mb_report *t = mb_report_new(r->name);
    int rc = t ? scatter(r, NULL, actions, t) : mb_nomem();
    if (rc) {
        mb_report_free(t);
        return rc;
    }
    mb_report_sum(t);
    *out = t;
    return MB_OK;
}

int mb_report_by_component(const mb_report *r, mb_report **out) { return regroup(r, false, out); }
int mb_report_by_action(const mb_report *r, mb_report **out) { return regroup(r, true, out); }
