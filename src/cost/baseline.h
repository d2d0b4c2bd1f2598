/* baseline.h - von Neumann machines on the same network, at the same precision and node: one file each, listed in local.mk
 * (MB_BASELINES) */
#ifndef MB_COST_BASELINE_H
#define MB_COST_BASELINE_H

#include "base/param.h"
#include "cost/report.h"
#include "mapping/plan.h"
#include "mapping/policy.h"
#include "nn/network.h"

/* The comparison's common ground (fairness rules: reference/von-neumann.md section 5). */
typedef struct mb_baseline_case {
    const mb_network *net;
    const mb_plan *plan;            /* per-layer weight_bits and input_bits */
    double node_nm;                 /* of the crossbar machine; a baseline without its own node uses this */
    bool weights_resident;          /* both sides keep all weights on chip */
    int batch;                      /* samples that are computed together on both sides; 0: 1 */
    int dram;                       /* of the crossbar machine: 1 + index into mb_drams (cost/memory.h); 0: none */
    double scale;                   /* compute resources, times those of the file; 0: 1. Buffers that the file sizes stay */
    double capacity_bits;           /* on-chip weight buffer; 0: as the file says, or what is needed */
} mb_baseline_case;

typedef struct mb_baseline_type {
    const char *name, *summary, *reference;
    const mb_param *params;
    size_t size;
    int (*check)(const void *p);
    int (*evaluate)(const void *p, const mb_baseline_case *c, mb_report **report, mb_metrics *metrics);
} mb_baseline_type;

extern const mb_baseline_type *const mb_baselines[];
const mb_baseline_type *mb_baseline_find(const char *kind);

/* GROUP (preset expanded) has the key `kind = NAME`, optional `name`, and the parameters of that kind. */
typedef struct mb_baseline { const mb_baseline_type *type; void *params; char *name; } mb_baseline;
int mb_baseline_load(mb_conf *group, const char *name, mb_baseline *b);
void mb_baseline_free(mb_baseline *b);

/* Iso-area: the largest scale of the compute resources at which B is not larger than AREA_M2, by bisection to 1 % (whole rows,
 * columns, cores). *scale 0 and *m untouched when even a 4096th is larger (its buffers alone are). */
int mb_baseline_at_area(const mb_baseline *b, const mb_baseline_case *c, double area_m2, double *scale, mb_metrics *m);

#endif
