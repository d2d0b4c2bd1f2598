/* pareto.h - what is best: metrics by short names, the Pareto front of any of them, its hypervolume
 *
 * A point dominates another one when it is nowhere worse and somewhere better. The front of a set are the points that none dominates; of points that are equal in all objectives the
 * first is kept. Hypervolume: the volume of objective space that the front dominates up to a reference point (Zitzler, Thiele, IEEE Trans. Evol. Comput. 3 (1999) 257,
 * doi:10.1109/4235.797969), computed exactly by slicing (While et al., IEEE Trans. Evol. Comput. 10 (2006) 29, doi:10.1109/TEVC.2005.851275).
 */
#ifndef MB_RUN_PARETO_H
#define MB_RUN_PARETO_H

#include "run/results.h"

#define MB_FRONT_MAX 6

typedef struct mb_objective { const mb_column *column; bool maximise; } mb_objective;

/* Length of a column's name without its unit: 6 of "energy_J" in joule, 4 of "edap_Jsm2". */
size_t mb_metric_stem(const mb_column *c);
/* A column by its name, with or without its unit ("energy" is energy_J), or by its beginning up to a '_' where only one column has it. MB_BADINPUT with the nearest name. */
int mb_metric_find(const char *name, const mb_column **column);
bool mb_metric_is_maximised(const mb_column *c);                                /* accuracies and throughputs; the rest is better when small */
double mb_metric_value(const mb_point_result *p, const mb_column *c);
/* "energy,accuracy", each optionally as "max:NAME" or "min:NAME"; at most MB_FRONT_MAX. */
int mb_objectives_parse(const char *text, mb_objective *o, int *n);

/* V[n][d], all to be made small. ON[n]: on the front. A row with a NaN is never on it. MB_SYSTEM without memory. */
int mb_pareto_mark(const double *v, size_t n, int d, bool *on);
/* Volume between V[n][d] (all small is good) and REF[d]; rows that are not better than REF everywhere count nothing. */
int mb_pareto_hypervolume(const double *v, size_t n, int d, const double *ref, double *volume);

/* The front of the points of R: indices into R->point in *index (mb_free), sorted by the first objective from good to bad. */
typedef struct mb_pareto_front {
    mb_objective o[MB_FRONT_MAX];
    int n_objective;
    size_t *index, n;
    double hypervolume; /* 0..1: share of the box between IDEAL and REFERENCE that the front dominates; NaN without points */
    double volume;      /* the same in the product of the columns' units */
    double ideal[MB_FRONT_MAX], reference[MB_FRONT_MAX]; /* in the columns' units: the best of each objective, and the corner of the box */
} mb_pareto_front;
/* The reference point: 1.1 times as far from the ideal as the worst of all points. */
int mb_pareto_of(const mb_results *r, const char *objectives, mb_pareto_front *f);
/* REFERENCE: "2e-6,0.5", a number in the column's unit for each objective, so that fronts of several runs can be compared; NULL: as above. MB_BADINPUT when it is not worse
 * than the ideal. */
int mb_pareto_against(const mb_results *r, const char *objectives, const char *reference, mb_pareto_front *f);
void mb_pareto_free(mb_pareto_front *f);

/* Index of the best point of R by one objective ("accuracy", "min:loss"); the first of equals; R->n when no point has a number there. */
int mb_results_best(const mb_results *r, const char *objective, size_t *index);

#endif
