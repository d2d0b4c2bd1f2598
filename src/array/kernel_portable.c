/* kernel_portable.c - the kernel for any machine: generic vectors of 128 bits, 8 x 8 bit transposition for the planes
 *
 * Transposition: H. S. Warren, Hacker's Delight, 2nd ed. (2012), section 7-3.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VL 16

typedef int32_t vint __attribute__((vector_size(VL)));
typedef uint16_t vhalf __attribute__((vector_size(VL)));
typedef float vfloat __attribute__((vector_size(VL)));

#define HIGH_FIRST (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
static inline vint even(vint v) { return HIGH_FIRST ? v >> 16 : v << 16 >> 16; }
static inline vint odd(vint v) { return HIGH_FIRST ? v << 16 >> 16 : v >> 16; }
static inline vint vmax(vint a, vint b) { return (a & (vint)(a > b)) | (b & (vint)(a <= b)); }
static inline vint vmin(vint a, vint b) { return (a & (vint)(a < b)) | (b & (vint)(a >= b)); }
static inline vint vabs(vint a) { return (a ^ a >> 31) - (a >> 31); }

/* Bytes of A are rows of an 8 x 8 bit matrix; returns the transposed one. */
static uint64_t transpose8(uint64_t a) {
    uint64_t t = (a ^ a >> 7) & 0x00AA00AA00AA00AAull;
    a ^= t ^ t << 7;
    t = (a ^ a >> 14) & 0x0000CCCC0000CCCCull;
    a ^= t ^ t << 14;
    t = (a ^ a >> 28) & 0x00000000F0F0F0F0ull;
    return a ^ t ^ t << 28;
}

static uint64_t row_bits(const int16_t x[64], uint64_t bits[8]) {
    uint64_t neg = 0;
    for (int b = 0; b < 8; b++) bits[b] = 0;
    for (int i = 0; i < 8; i++) {
        uint64_t a = 0;
        for (int j = 0; j < 8; j++) {
            int v = x[8 * i + j];
            neg |= (uint64_t)(v < 0) << (8 * i + j);
            a |= (uint64_t)(uint8_t)(v < 0 ? -v : v) << (8 * j);
        }
        if (a == 0) continue;
        a = transpose8(a);
        for (int b = 0; b < 8; b++) bits[b] |= (a >> (8 * b) & 255) << (8 * i);
    }
    return neg;
}

#include "array/kernel_body.h"

static bool supported(void) { return true; }

const mb_kernel mb_kernel_portable = {.name = "portable",
                                      .summary = "plain C, zero bits skipped",
                                      .supported = supported,
                                      .work_size = work_size,
                                      .run = run,
                                      .sums = sums};
