/* second.h - sensitivities of second order: changes of weights weighed by a curvature of the layer
 *
 *     S = curvature (|dW|^2 + |W|^2 (input + converter))
 * with the errors of mapping/errors.h referred to the weights. Who may call: providers of sensitivities.
 */
#ifndef MB_MAPPING_SECOND_H
#define MB_MAPPING_SECOND_H

#include "mapping/errors.h"
#include "mapping/sensitivity.h"

typedef struct mb_second {
    int n_bits;
    const int *bits;
    const double *curvature, *half_width; /* [layers] per squared change; negative ones count as 0 */
    const double *change;                 /* [layers * n_bits] what the change of weights itself costs; NULL: curvature |dW|^2 */
    const double *dw2;                    /* [layers * n_bits], may be NULL with CHANGE */
    bool referred;                        /* count the other errors */
    int rows;
    double fill;
} mb_second;
int mb_second_fill(const mb_second *q, mb_oracle *o, const mb_space *space, mb_sensitivity *out);

#endif
