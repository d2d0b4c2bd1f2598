/* ledger.h - books costs: sums always, the tree only when somebody wants it
 *
 * A ledger adds in the same order as mb_report_sum, so totals with and without a tree have the same bits. Groups are one level
 * deep. Who may call: the cost floor.
 */
#ifndef MB_COST_LEDGER_H
#define MB_COST_LEDGER_H

#include <stdbool.h>

#include "cost/report.h"

typedef struct mb_ledger {
    mb_report *root, *group;    /* NULL: no tree */
    mb_cost total;              /* of closed groups */
    mb_cost sum;                /* of the open group */
    double logic_m2;            /* area that leaks as logic: what was added by mb_ledger_logic */
    double leakage_W;           /* of memories, added by their owners */
    double calibration;         /* multiplies the energy of leaves that are added, and shows in their factor; 0: 1 */
    bool failed;                /* memory ran out */
} mb_ledger;

/* WANT_TREE: the root is made with NAME. */
void mb_ledger_init(mb_ledger *l, const char *name, bool want_tree);
void mb_ledger_open(mb_ledger *l, const char *group);
void mb_ledger_close(mb_ledger *l);
/* A leaf of the open group; nothing when COUNT and INSTANCES are both 0. */
void mb_ledger_add(mb_ledger *l, const char *component, const char *action, double count, double instances,
                   mb_cost each, const char *source, double factor);
/* The same for parts whose area leaks as logic does. */
void mb_ledger_logic(mb_ledger *l, const char *component, const char *action, double count, double instances,
                   mb_cost each, const char *source, double factor);
/* Close the books: totals into *SUM, the tree (owned by the caller) into *REPORT when there is one. MB_SYSTEM when memory ran
 * out. */
int mb_ledger_end(mb_ledger *l, mb_cost *sum, mb_report **report);
/* Drop the books after an error. */
void mb_ledger_drop(mb_ledger *l);

#endif
