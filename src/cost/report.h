/* report.h - the tree of costs: every leaf is count x unit cost with its source, every parent the sum of its children
 *
 * Energy and latency are per inference (one sample). Latency leaves hold what is exposed on the critical path, so that latency,
 * too, adds up. Area leaves hold built area.
 */
#ifndef MB_COST_REPORT_H
#define MB_COST_REPORT_H

#include <stddef.h>

#include "base/quantity.h"
#include "base/str.h"

typedef struct mb_report mb_report;
struct mb_report {
    char *name;                 /* layer name, component or action */
    char *component;            /* leaves only (NULL marks a group): "adc", "cells", "shift-add", "digital unit", ... */
    double count;               /* leaves: how often per inference (energy, latency) */
    double instances;           /* leaves: how many are built (area) */
    mb_cost each;               /* leaves: energy per count, exposed latency per count, area per instance */
    mb_cost total;              /* leaf: count * each.energy, count * each.latency, instances * each.area;
                                   parent: sum of children in order */
    const char *source;         /* leaves: where the unit cost comes from (static text) */
    double factor;              /* leaves: calibration factor contained in each (1: none) */
    mb_report **child;
    size_t n;
};

mb_report *mb_report_new(const char *name);
void mb_report_free(mb_report *r);
/* Adds a group, or a leaf, below R; returns it (owned by R), NULL without memory. */
mb_report *mb_report_group(mb_report *r, const char *name);
mb_report *mb_report_leaf(mb_report *r, const char *component, const char *action, double count, double instances,
                          mb_cost each, const char *source, double factor);
/* The child of R called NAME; NULL: none. */
const mb_report *mb_report_find(const mb_report *r, const char *name);
void mb_report_sum(mb_report *r);                                   /* fill the totals from the leaves up */
/* The same leaves grouped by component (children named by component, in order of first appearance). */
int mb_report_by_component(const mb_report *r, mb_report **out);
/* The same grouped by the kind of action ("read", "conversion", "tile bus", ...). */
int mb_report_by_action(const mb_report *r, mb_report **out);

#endif
