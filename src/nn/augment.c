/* augment.c - see augment.h. Random numbers are keyed by (seed, epoch, sample): no order of calls matters. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "nn/augment.h"

#include "base/rng.h"

enum { UNIT_ORDER = 1, UNIT_SAMPLE = 2 };

static uint32_t below(mb_stream *s, uint64_t n) { return (uint32_t)((uint64_t)mb_stream_u32(s) * n >> 32); }

void mb_augment_order(uint64_t seed, int epoch, int64_t n, int64_t *order) {
    mb_stream s;
    mb_stream_init(&s, seed, MB_RNG_TRAIN, (uint32_t)epoch, UNIT_ORDER, 0);
    for (int64_t i = 0; i < n; i++) order[i] = i;
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t j = below(&s, (uint64_t)i + 1), k = order[i];
        order[i] = order[j];
        order[j] = k;
    }
}

void mb_augment_get(const mb_augment *a, const mb_dataset *d, int64_t i, int epoch, float *tmp, float *x) {
    int nd = d->shape.nd, C = nd > 1 ? (int)d->shape.d[0] : 1, H = nd > 2 ? (int)d->shape.d[1] : 1;
    int W = nd > 2 ? (int)d->shape.d[2] : (int)d->shape.d[nd - 1];
    int dy = 0, dx = 0;
    bool flip = false;
    if (a && (a->flip || a->shift)) {
        mb_stream s;
        mb_stream_init(&s, a->seed, MB_RNG_TRAIN, (uint32_t)epoch, UNIT_SAMPLE, (uint32_t)i);
        flip = a->flip && mb_stream_u32(&s) >> 31;
        if (a->shift) {
            dy = (int)below(&s, 2 * (uint64_t)a->shift + 1) - a->shift;
            dx = (int)below(&s, 2 * (uint64_t)a->shift + 1) - a->shift;
        }
        if (H == 1) dy = 0;
    }
    mb_dataset_get(d, (size_t)i, 1, tmp);
    for (int c = 0; c < C; c++) {
        int k = d->n_norm > 1 ? c : 0;
        float black = (float)(-d->mean[k] / d->std[k]);
        for (int y = 0; y < H; y++) {
            int sy = y + dy;
            for (int v = 0; v < W; v++) {
                int sx = (flip ? W - 1 - v : v) + dx;
                bool in = sy >= 0 && sy < H && sx >= 0 && sx < W;
                x[(y * W + v) * C + c] = in ? tmp[(c * H + sy) * W + sx] : black;
            }
        }
    }
}
