/* loss.c - see loss.h. One thread, double precision: a batch has some thousand outputs at most. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "nn/loss.h"

#include <math.h>

#include "nn/exec.h"

/* log of the softmax of z / T, element K: z[k]/T - norm */
static double log_norm(const float *z, int n, double T) {
    double top = -HUGE_VAL, sum = 0;
    for (int k = 0; k < n; k++) top = fmax(top, (double)z[k] / T);
    for (int k = 0; k < n; k++) sum += exp((double)z[k] / T - top);
    return top + log(sum);
}

static double teach(const mb_loss_spec *s, int classes, const float *z, const float *u, double each, float *dz) {
    double T = s->temperature, nz = log_norm(z, classes, T), nu = log_norm(u, classes, T), sum = 0;
    for (int k = 0; k < classes; k++) {
        double lp = (double)z[k] / T - nz, lq = (double)u[k] / T - nu, q = exp(lq);
        if (q > 0) sum += q * (lq - lp);
        if (dz) dz[k] += (float)(s->weight * T * (exp(lp) - q) * each);
    }
    return s->weight * T * T * sum;
}

double mb_loss_batch(const mb_loss_spec *s, int n, int classes, const float *z, const int32_t *label, float *dz,
                     int64_t *correct) {
    double total = 0, each = 1 / (double)n, own = s->teacher ? 1 - s->weight : 1;
    for (int i = 0; i < n; i++, z += classes) {
        double norm = s->kind == MB_LOSS_CROSS_ENTROPY ? log_norm(z, classes, 1) : 0, sum = 0;
        for (int k = 0; k < classes; k++) {
            double t = s->smoothing / classes + (k == label[i] ? 1 - s->smoothing : 0), v = (double)z[k];
            double d = s->kind == MB_LOSS_CROSS_ENTROPY ? exp(v - norm) - t : v - t;
            if (s->kind == MB_LOSS_CROSS_ENTROPY) sum += t > 0 ? t * (norm - v) : v * 0;
            else sum += d * d / 2;
            if (dz) dz[i * classes + k] = (float)(own * d * each);
        }
        total += own * sum;
        if (s->teacher)
            total += teach(s, classes, z, s->teacher + (size_t)i * (size_t)classes, each,
                           dz ? dz + (size_t)i * (size_t)classes : NULL);
        if (correct) *correct += mb_argmax(z, (size_t)classes) == label[i];
    }
    return total / n;
}
