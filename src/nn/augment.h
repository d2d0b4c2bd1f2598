/* augment.h - samples of a dataset as they are trained on: mirrored, shifted, channels last */
#ifndef MB_NN_AUGMENT_H
#define MB_NN_AUGMENT_H

#include "nn/dataset.h"

typedef struct mb_augment {
    bool flip;
    int shift;
    uint64_t seed;
} mb_augment;

/* Sample I of D in epoch EPOCH, channels last, into X. Mirrored left to right with probability 1/2 (flip), moved by whole pixels
 * that are uniform in -shift..shift along both axes; what comes in from outside is the raw value 0. TMP: room for one sample. A
 * NULL: as it is. */
void mb_augment_get(const mb_augment *a, const mb_dataset *d, int64_t i, int epoch, float *tmp, float *x);
/* ORDER[n]: a permutation of 0..n-1, a function of (seed, epoch). */
void mb_augment_order(uint64_t seed, int epoch, int64_t n, int64_t *order);

#endif
