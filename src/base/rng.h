/* rng.h - random numbers as a function of who asks (law 1)
 *
 * Generator: Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011,
 * doi:10.1145/2063384.2063405). The key is the experiment's seed; the 128-bit counter holds who asks, in disjoint bits:
 *     word 3: domain (6 bits) << 26 | trial (26 bits)
 *     word 2: unit   (32 bits)  e.g. layer << 20 | tile, see mb_unit()
 *     word 1: index  (32 bits)  e.g. sample, vector or column
 *     word 0: position in the stream (blocks of four 32-bit words)
 * so a stream is created anywhere, by any thread, in any order, and yields the same numbers.
 * The normal numbers use only +, -, *, sqrt and integer operations (own polynomials, no libm), so that they have the same
 * bits on every instruction set when compiled with -ffp-contract=off.
 */
#ifndef MB_BASE_RNG_H
#define MB_BASE_RNG_H

#include <gsl/gsl_rng.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {           /* 6 bits: at most 64 domains; never renumber */
    MB_RNG_TEST = 0,
    MB_RNG_PROGRAM = 1,  /* programming error */
    MB_RNG_READ = 2,     /* read noise (ARS-5 where integers are added, otherwise Philox) */
    MB_RNG_DRIFT = 3,
    MB_RNG_FAULT = 4,
    MB_RNG_ADC = 5,      /* converter mismatch and noise */
    MB_RNG_DATA = 6,     /* choice and order of samples */
    MB_RNG_POLICY = 7,   /* searches of the mapper */
    MB_RNG_TRAIN = 8,
    MB_RNG_DEVICE = 9,   /* device-to-device spread */
    MB_RNG_SWEEP = 10,   /* draws of the points of a sweep */
    MB_RNG_DOMAINS
} mb_rng_domain;

#define MB_RNG_TRIAL_MAX ((1u << 26) - 1)

typedef struct mb_stream {
    uint32_t key[2], ctr[4], buf[4];
    unsigned left;       /* unused words in buf */
} mb_stream;

/* The raw function: OUT = Philox4x32-10(CTR, KEY). */
void mb_philox(const uint32_t ctr[4], const uint32_t key[2], uint32_t out[4]);

/* unit of a layer (0..4095) and a tile or slot in it (0..2^20-1) */
static inline uint32_t mb_unit(uint32_t layer, uint32_t tile) { return layer << 20 | (tile & 0xFFFFFu); }

/* trial is at most MB_RNG_TRIAL_MAX */
void mb_stream_init(mb_stream *s, uint64_t seed, mb_rng_domain domain, uint32_t trial, uint32_t unit, uint32_t index);
uint32_t mb_stream_u32(mb_stream *s);
double mb_stream_uniform(mb_stream *s);                          /* (0,1), 53 bits, never 0 or 1 */
double mb_stream_normal(mb_stream *s);                           /* N(0,1) */
void mb_stream_fill_u32(mb_stream *s, size_t n, uint32_t *out);
void mb_stream_fill_normal(mb_stream *s, size_t n, float *out);  /* N(0,1); n numbers; starts on a fresh block */

/* --- short normal numbers, for noise that is added to integers by the million ---------------------------------------------
 *
 * ARS-5 (the same paper): AES rounds keyed by a Weyl sequence, counter based; key words 2 and 3 are zero, the counter is the
 * stream's. ROUNDS: 5 in streams; any number for known answers. */
#define MB_ARS_ROUNDS 5
void mb_ars4x32(int rounds, const uint32_t ctr[4], const uint32_t key[4], uint32_t out[4]);

/* A normal number from 16 random bits, in units of 1 / MB_NORMAL16_ONE: bit 0 is the sign, m = u | 1 stands for the tail
 * probability m / 2^17. The quantile is a parabola on each half octave of m, of which 11 leading bits count, in integer
 * arithmetic:
 *     z = c0 - hi(x t), t = c1 - hi(x c2), hi(a b) = a b >> 16, x = the bits behind the half octave's, in 16 bits.
 * The coefficients fit the means of the normal distribution over its 65,536 equally likely parts. Over all u: mean 0, variance
 * 1 + 4e-6, kurtosis 2.9997, |z| <= 4.39, at most 1.2e-3 from the exact mean of the part. */
#define MB_NORMAL16_ONE 2048
#define MB_NORMAL16_MAX 8986
extern const uint16_t mb_normal16_c[3][32];   /* index: exponent of m as IEEE half and the first bit behind, modulo 32 */
static inline int mb_normal16(uint16_t u) {
    unsigned m = u | 1u, e = 31u - (unsigned)__builtin_clz(m), lead = m << 16 >> e >> 6;   /* 11 bits, the first one set */
    unsigned i = ((15 + e) * 2 + (lead >> 9 & 1)) & 31, x = (lead & 511) << 7;
    unsigned t = mb_normal16_c[1][i] - (mb_normal16_c[2][i] * x >> 16);
    int z = (int)(mb_normal16_c[0][i] - (t * x >> 16));
    return u & 1 ? -z : z;
}
/* n numbers, n a multiple of 8: block k of four words gives out[8k .. 8k + 7], the low half of each word first. Starts on a fresh
 * block of the stream, with ARS-5. */
void mb_stream_fill_normal16(mb_stream *s, size_t n, int16_t *out);
bool mb_cpu_has_vaes(void);                   /* AES on 512 bits */

/* The same generator behind gsl_rng, for gsl_ran_*: r = gsl_rng_alloc(mb_gsl_rng_philox); mb_gsl_rng_bind(r, &stream). */
extern const gsl_rng_type *mb_gsl_rng_philox;
void mb_gsl_rng_bind(gsl_rng *r, const mb_stream *s);            /* copies the stream's position */

#endif
