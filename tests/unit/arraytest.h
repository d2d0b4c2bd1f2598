/* arraytest.h - what the tests of crossbars share: random integers, cells and converters from text */
#ifndef MB_TESTS_ARRAYTEST_H
#define MB_TESTS_ARRAYTEST_H

#include "mbtest.h"

#include "array/adc.h"
#include "array/cell.h"
#include "base/rng.h"

static mb_stream rnd;
static int pick(int lo, int hi) { return lo + (int)(mb_stream_u32(&rnd) % (uint32_t)(hi - lo + 1)); }

static mb_cell load_cell(const char *text) {
    mb_conf *c = NULL;
    mb_cell cell;
    assert_ok(mb_conf_parse(text, "test", &c));
    assert_ok(mb_cell_load(c, &cell));
    mb_conf_free(c);
    return cell;
}

static mb_adc load_adc(const char *text) {
    mb_conf *c = NULL;
    mb_adc adc;
    assert_ok(mb_conf_parse(text, "test", &c));
    assert_ok(mb_adc_load(c, &adc));
    mb_conf_free(c);
    return adc;
}

#endif
