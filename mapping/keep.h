/* keep.h - pruning as a choice of the mapper: how many channels a layer keeps, and where that frees arrays
 *
 *     map = { keep = { outputs = [1.0, 0.75, 0.5];  inputs = "arrays";  importance = "gradient"; ... }; ... }
 * Plans say it with two keys of an assignment: keep_outputs (output channels kept, 0: all) and keep_inputs (input channels read, 0: all
 * that are left). Choices of outputs belong to groups of coupled channels (nn/prune.h) and stand with the group's first layer; the
 * other layers of the group say nothing and follow. Choices of inputs belong to each layer that reads more than one channel.
 *     numbers     fractions of the channels, rounded, at least one channel; 1.0 is all
 *     "arrays"    all, and every number at which one array less is needed than with one channel more: of the outputs, in the arrays of
 *                 all layers that make or read the group together; of the inputs, in the layer's own. Counted for the base setting and each
 *                 weight_bits of the menu; at most MB_KEEP_MAX choices, evenly taken.
 *     "nonzero"   what is not zero: for networks that were pruned while they were trained and still carry their zeros. With importance
 *                 "magnitude" exactly the zero filters (of all layers of the group), or rows, go.
 * Who may call: problem.c, policies, space.c.
 */
#ifndef MB_MAPPING_KEEP_H
#define MB_MAPPING_KEEP_H

#include "mapping/plan.h"
#include "nn/prune.h"

struct mb_oracle;
struct mb_problem;

#define MB_KEEP_MAX 8
#define MB_IMPORTANCES "gradient|magnitude"
typedef enum { MB_BY_GRADIENT, MB_BY_MAGNITUDE } mb_importance;

/* Group `map.keep` beside its choices: which channels are kept, for every plan that prunes (run/prune.h). */
typedef struct mb_keep_keys {
    int importance, samples;
    bool replace;
} mb_keep_keys;
extern const mb_param mb_keep_params[];
/* Keys of the group that are not in the table: "outputs", "inputs"; NULL-terminated. */
extern const char *const mb_keep_choices[];

enum { MB_KEEP_OUTPUTS, MB_KEEP_INPUTS, MB_KEEP_KINDS };
typedef struct mb_keep_choice {
    int n;                               /* weighted layers */
    mb_couplings *couplings;
    bool arrays[MB_KEEP_KINDS];          /* asked for, and not filled in yet */
    int *n_choice[MB_KEEP_KINDS];        /* [n] 0: this layer has no say */
    int **choice[MB_KEEP_KINDS];         /* [n][n_choice] channels kept, the most first; 0: all */
    int levels[MB_KEEP_KINDS];           /* largest n_choice */
    char *where;                         /* file:line of the group */
} mb_keep_choice;
/* `keep` of MAP; *keep stays NULL when there is none. */
int mb_keep_load(mb_conf *map, const mb_network *net, mb_keep_choice **keep);
void mb_keep_free(mb_keep_choice *k);
/* "arrays": fill in the choices, asking the oracle. Nothing to do otherwise. */
int mb_keep_fill(struct mb_problem *prob, struct mb_oracle *o);

/* Row of mb_assign_params of a kind. */
int mb_keep_key(int kind);
/* Choice number LEVEL of layer M (its last one when it has fewer; all when it has none). */
int mb_keep_level(const mb_keep_choice *k, int kind, int m, int level);
/* Level at which layer M has V; 0 when it has no such choice. */
int mb_keep_find(const mb_keep_choice *k, int kind, int m, int v);
/* Set the kept channels of A, for layer M, to the levels that layer LEAD has in LIKE. K may be NULL: nothing happens. */
void mb_keep_follow(const mb_keep_choice *k, int lead, const mb_assign *like, int m, mb_assign *a);

bool mb_plan_prunes(const mb_plan *p);
/* MACs of each weighted layer [p->n] of NET under what the plan keeps; as without pruning where the plan's numbers are impossible. */
int mb_plan_macs(const mb_network *net, const mb_plan *p, double *macs);

#endif
