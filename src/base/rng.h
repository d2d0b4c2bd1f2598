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
#include <stddef.h>
#include <stdint.h>

typedef enum {           /* 6 bits: at most 64 domains; never renumber */
    MB_RNG_TEST = 0,
    MB_RNG_PROGRAM = 1,  /* programming error */
    MB_RNG_READ = 2,     /* read noise */
    MB_RNG_DRIFT = 3,
    MB_RNG_FAULT = 4,
    MB_RNG_ADC = 5,      /* converter mismatch and noise */
    MB_RNG_DATA = 6,     /* choice and order of samples */
    MB_RNG_POLICY = 7,   /* searches of the mapper */
    MB_RNG_TRAIN = 8,
    MB_RNG_DEVICE = 9,   /* device-to-device spread */
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

/* The same generator behind gsl_rng, for gsl_ran_*: r = gsl_rng_alloc(mb_gsl_rng_philox); mb_gsl_rng_bind(r, &stream). */
extern const gsl_rng_type *mb_gsl_rng_philox;
void mb_gsl_rng_bind(gsl_rng *r, const mb_stream *s);            /* copies the stream's position */

#endif
