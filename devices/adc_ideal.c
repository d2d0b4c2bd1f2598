/* adc_ideal.c - the converter that changes nothing: value = S, no range, no cost. A yardstick, not a circuit. */
#include <string.h>

#include "array/adc.h"
#include "base/error.h"

typedef struct none { char unused; } none;

static const mb_param table[] = {MB_PARAM_END};

static bool yes(const void *p) {
    (void)p;
    return true;
}

static bool no(const void *p) {
    (void)p;
    return false;
}

static void convert(const void *p, const mb_adc_range *r, size_t n, const int32_t *in, int32_t *out, uint64_t *clipped,
                    mb_stream *rng) {
    (void)p, (void)r, (void)clipped, (void)rng;
    if (in != out) memmove(out, in, n * sizeof *out);
}

static int cost(const void *p, int bits, double rate_Hz, double node_nm, mb_cost *c) {
    (void)p, (void)bits, (void)rate_Hz, (void)node_nm;
    *c = (mb_cost){0, 0, 0};
    return MB_OK;
}

const mb_adc_type mb_adc_ideal = {
    .name = "ideal",
    .summary = "no quantisation, no range, no error; costs nothing",
    .reference = "definition",
    .params = table,
    .size = sizeof(none),
    .transparent = true,
    .deterministic = yes,
    .uniform = no,
    .convert = convert,
    .cost = cost,
    .cost_source = "none: an ideal converter has no energy, time or area",
};
