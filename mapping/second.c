/* second.c - see second.h */
#include "mapping/second.h"

#include <math.h>

#include "base/error.h"

int mb_second_fill(const mb_second *q, mb_oracle *o, const mb_space *space, mb_sensitivity *out) {
    for (int i = 0; i < space->n; i++) {
        const mb_layer *l = &o->net->layer[o->net->weighted[i]];
        mb_error_model model;
        int rc = mb_error_model_init(&model, l, q->rows, q->fill);
        const double power = mb_weight_power(l), c = q->curvature[i] < 0 ? 0 : q->curvature[i]; /* NaN stays and is told */
        if (q->curvature[i] < 0) mb_note("layer %s: its curvature of %.3g is negative and counts as 0", l->name, q->curvature[i]);
        for (int j = 0; j < space->m[i] && !rc; j++) {
            const mb_assign *a = &space->choice[i][j];
            const int at = i * q->n_bits + mb_bits_index(q->bits, q->n_bits, a->weight_bits);
            mb_errors e = {0, 0, 0};
            if (q->referred) rc = mb_errors_of(&model, a, &e);
            const double others = power * (e.input + e.converter), change = q->dw2 ? q->dw2[at] : 0;
            out->value[i][j] = (q->change ? q->change[at] : c * change) + c * others;
            if (q->half_width) out->half_width[i][j] = q->half_width[i] * (change + others);
        }
        if (rc) return rc;
    }
    return MB_OK;
}
