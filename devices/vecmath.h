/* vecmath.h - exponential and logarithm in single precision for loops that the compiler turns into vector code
 *
 * Only + - * and integer operations (polynomials of Cephes, Moshier 1989, errors near 1e-7): with -ffp-contract=off every
 * instruction set gives the same bits, which the functions of libm do not promise. Files of devices/ include this.
 */
#ifndef MB_DEVICES_VECMATH_H
#define MB_DEVICES_VECMATH_H

#include <stdint.h>
#include <string.h>

#include "base/clones.h"

#define MB_VEC static inline __attribute__((always_inline))

MB_VEC float mb_vec_float(int32_t b) {
    float x;
    memcpy(&x, &b, sizeof x);
    return x;
}

MB_VEC int32_t mb_vec_bits(float x) {
    int32_t b;
    memcpy(&b, &x, sizeof b);
    return b;
}

/* e^x; x is clipped to -87 .. 88. */
MB_VEC float mb_vec_exp(float x) {
    x = x < -87.0f ? -87.0f : x;
    x = x > 88.0f ? 88.0f : x;
    int32_t n = (int32_t)(x * 1.44269504088896341f + 127.5f) - 127; /* nearest: what is converted is positive */
    float k = (float)n, f = x - k * 0.693359375f + k * 2.12194440e-4f, z = f * f;
    float y = 1.9875691500e-4f;
    y = y * f + 1.3981999507e-3f;
    y = y * f + 8.3334519073e-3f;
    y = y * f + 4.1665795894e-2f;
    y = y * f + 1.6666665459e-1f;
    y = y * f + 5.0000001201e-1f;
    return (y * z + f + 1.0f) * mb_vec_float((n + 127) << 23);
}

/* ln x for normal x > 0. */
MB_VEC float mb_vec_log(float x) {
    int32_t b = mb_vec_bits(x) - 0x3F3504F3;       /* mantissa in [sqrt(1/2), sqrt(2)) */
    float e = (float)(b >> 23), f = mb_vec_float((b & 0x7FFFFF) + 0x3F3504F3) - 1.0f, z = f * f;
    float p = 7.0376836292e-2f;
    p = p * f - 1.1514610310e-1f;
    p = p * f + 1.1676998740e-1f;
    p = p * f - 1.2420140846e-1f;
    p = p * f + 1.4249322787e-1f;
    p = p * f - 1.6668057665e-1f;
    p = p * f + 2.0000714765e-1f;
    p = p * f - 2.4999993993e-1f;
    p = p * f + 3.3333331174e-1f;
    float y = p * f * z - 2.12194440e-4f * e;
    y = y - 0.5f * z;
    return f + y + 0.693359375f * e;
}

#endif
