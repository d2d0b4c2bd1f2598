/* test_quantizer.c - published quantisers: identities of the formulas, tables against their own minimisation, bad input. Values
 * from independent programs: tests/golden/run_mapping */
#include "mbtest.h"

#include <math.h>

#include "nn/quantizer.h"

enum { N = 2000 };
static double x[N];

static void fill(void) {
    uint64_t s = 88172645463325252ull;
    for (int i = 0; i < N; i++) { /* sums of uniform numbers: nearly normal */
        x[i] = -6;
        for (int k = 0; k < 12; k++) {
            s ^= s << 13, s ^= s >> 7, s ^= s << 17;
            x[i] += (double)(s >> 11) * 0x1p-53;
        }
    }
}

static void values_are_fixed_points_on_few_levels(void **state) {
    (void)state;
    fill();
    for (int kind = 0; kind < MB_QUANTIZER_KINDS; kind++)
        for (int bits = 1; bits <= 8; bits++) {
            mb_quantizer q;
            double seen[600];
            int levels = 0;
            assert_ok(mb_quantizer_fit((mb_quantizer_kind)kind, bits, x, N, 0, &q));
            for (int i = 0; i < N; i++) {
                double y = mb_quantizer_value(&q, x[i]), c = mb_quantizer_code(&q, x[i]);
                assert_true(c == rint(c) && c >= q.lo && c <= q.hi);
                int k = 0;
                while (k < levels && seen[k] != y) k++;
                if (k == levels) seen[levels++] = y;
                assert_true(levels < 600);
                if (kind != MB_QUANTIZER_DOREFA) assert_true(fabs(mb_quantizer_value(&q, y) - y) <= 1e-12 * (1 + fabs(y)));
                assert_true(mb_quantizer_pass(&q, x[i]) >= 0);
            }
            const int most = kind == MB_QUANTIZER_SYMMETRIC ? (bits == 1 ? 3 : (1 << bits) - 1) : 1 << bits;
            assert_true(levels <= most && levels >= (bits == 1 ? 1 : 2));
        }
}

static void inside_the_range_the_error_is_half_a_step(void **state) {
    (void)state;
    static const mb_quantizer_kind kinds[] = {MB_QUANTIZER_SYMMETRIC, MB_QUANTIZER_LSQ, MB_QUANTIZER_EDMIPS,
                                              MB_QUANTIZER_ASYMMETRIC};
    fill();
    for (size_t k = 0; k < 4; k++)
        for (int bits = 2; bits <= 8; bits++) {
            mb_quantizer q;
            assert_ok(mb_quantizer_fit(kinds[k], bits, x, N, 0, &q));
            double worst = 0;
            for (int i = 0; i < N; i++)
                if (mb_quantizer_pass(&q, x[i]) > 0) worst = fmax(worst, fabs(mb_quantizer_value(&q, x[i]) - x[i]) / q.step);
            assert_true(worst <= 0.5 + 1e-9);
        }
}

/* The tables' steps must be those of least error for nearly normal numbers: 10 % to either side is worse. */
static void the_tables_are_optimal(void **state) {
    (void)state;
    fill();
    for (int bits = 1; bits <= 4; bits++) { /* beyond, the thin tails of these numbers tell */
        mb_quantizer q;
        assert_ok(mb_quantizer_fit(MB_QUANTIZER_EDMIPS, bits, x, N, 0, &q));
        double best = mb_quantizer_mse(&q, x, N);
        for (int side = -1; side <= 1; side += 2) {
            mb_quantizer r = q;
            r.step = r.scale = q.step * (1 + 0.2 * side);
            assert_true(mb_quantizer_mse(&r, x, N) > best);
        }
        assert_true(bits == 1 ||
                    mb_quantizer_gauss_step(MB_QUANTIZER_HWGQ, bits) < mb_quantizer_gauss_step(MB_QUANTIZER_HWGQ, bits - 1));
        assert_true(mb_quantizer_gauss_step(MB_QUANTIZER_EDMIPS, bits) > mb_quantizer_gauss_step(MB_QUANTIZER_HWGQ, bits));
    }
}

static void ties_go_to_even(void **state) {
    (void)state;
    const double v[] = {0.5, 1.5, 2.5, -0.5, -1.5}, want[] = {0, 2, 2, 0, -2};
    mb_quantizer q;
    assert_ok(mb_quantizer_fit(MB_QUANTIZER_LSQ, 4, v, 5, 1, &q));
    for (int i = 0; i < 5; i++) assert_true(mb_quantizer_value(&q, v[i]) == want[i]);
}

static void bad_input_is_refused(void **state) {
    (void)state;
    const double bad[] = {1, (double)NAN}, zero[] = {0, 0};
    mb_quantizer q;
    assert_fails(mb_quantizer_fit(MB_QUANTIZER_LSQ, 9, zero, 2, 0, &q), MB_BADINPUT, "9 bits");
    assert_fails(mb_quantizer_fit(MB_QUANTIZER_LSQ, 4, bad, 2, 0, &q), MB_BADINPUT, "not finite");
    assert_fails(mb_quantizer_fit(MB_QUANTIZER_PACT, 4, zero, 2, -1, &q), MB_BADINPUT, "step or clip");
    for (int kind = 0; kind < MB_QUANTIZER_KINDS; kind++) { /* nothing but zeros: zeros, or the level next to them */
        assert_ok(mb_quantizer_fit((mb_quantizer_kind)kind, 3, zero, 2, 0, &q));
        assert_true(isfinite(mb_quantizer_value(&q, 0)) && fabs(mb_quantizer_value(&q, 0)) <= 0.51);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_fixed_points_on_few_levels),
        cmocka_unit_test(inside_the_range_the_error_is_half_a_step),
        cmocka_unit_test(the_tables_are_optimal),
        cmocka_unit_test(ties_go_to_even),
        cmocka_unit_test(bad_input_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
