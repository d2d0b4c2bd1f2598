/* ledger.c - books costs (ledger.h) */
#include "cost/ledger.h"

#include <stddef.h>

#include "base/error.h"

void mb_ledger_init(mb_ledger *l, const char *name, bool want_tree) {
    *l = (mb_ledger){0};
    if (!want_tree) return;
    l->root = mb_report_new(name);
    if (!l->root) l->failed = true;
}

void mb_ledger_open(mb_ledger *l, const char *group) {
    l->sum = (mb_cost){0, 0, 0};
    if (!l->root) return;
    l->group = mb_report_group(l->root, group);
    if (!l->group) l->failed = true;
}

void mb_ledger_close(mb_ledger *l) {
    l->total.energy_J += l->sum.energy_J;
    l->total.latency_s += l->sum.latency_s;
    l->total.area_m2 += l->sum.area_m2;
    l->group = NULL;
}

void mb_ledger_add(mb_ledger *l, const char *component, const char *action, double count, double instances, mb_cost each,
                   const char *source, double factor) {
    if (count == 0 && instances == 0) return;
    if (l->calibration > 0) each.energy_J *= l->calibration, factor *= l->calibration;
    l->sum.energy_J += count * each.energy_J;
    l->sum.latency_s += count * each.latency_s;
    l->sum.area_m2 += instances * each.area_m2;
    if (l->group && !mb_report_leaf(l->group, component, action, count, instances, each, source, factor)) l->failed = true;
}

void mb_ledger_logic(mb_ledger *l, const char *component, const char *action, double count, double instances, mb_cost each,
                     const char *source, double factor) {
    l->logic_m2 += instances * each.area_m2;
    mb_ledger_add(l, component, action, count, instances, each, source, factor);
}

int mb_ledger_end(mb_ledger *l, mb_cost *sum, mb_report **report) {
    if (l->failed) {
        mb_ledger_drop(l);
        return mb_nomem();
    }
    *sum = l->total;
    if (l->root) {
        mb_report_sum(l->root);
        *report = l->root;
        l->root = NULL;
    }
    return MB_OK;
}

void mb_ledger_drop(mb_ledger *l) {
    mb_report_free(l->root);
    l->root = NULL;
}
