/* adc_survey.c - see adc_survey.h */
#include "devices/adc_survey.h"

#include <math.h>

#include "base/error.h"

int mb_adc_survey(double bits, double rate_Hz, double node_nm, double *energy_J, double *area_m2) {
    if (!(rate_Hz > 0 && rate_Hz <= 1e10))
        return mb_fail(MB_BADINPUT, "a converter at %g conversions per second is outside the survey (0 .. 1e10); lower the rate",
                       rate_Hz);
    if (!(node_nm >= 5 && node_nm <= 250))
        return mb_fail(MB_BADINPUT,
                       "a converter in a %g nm technology is outside the survey (5 .. 250 nm); choose another node_nm", node_nm);
    if (!(bits >= 1 && bits <= 20)) return mb_fail(MB_BADINPUT, "a converter of %g bits is outside the survey (1 .. 20)", bits);
    double b = bits < 4 ? 4 : bits, ln_t = log(node_nm), ln_f = log(rate_Hz);
    double sndr = 6.0205999 * b + 1.7609126;
    double fom_rate = 213.7806687348118 - 2.8719030399529957 * ln_f, fom_bits = 128.3068287398817 + 3.2205115111775512 * ceil(b);
    double fom = fom_rate < fom_bits ? fom_rate : fom_bits;
    double pJ = exp(26.0496215686518 + 1.8800369206815004 * ln_t - 2.8291256050594527 * log(b) - 1.4702022133784405) /
                (2 * pow(10, (fom - sndr) / 10));
    double um2 = exp(1.3461916439910742 + 0.9932794744745022 * ln_t + 0.18071538424508238 * ln_f + 0.29912426192653485 * log(pJ));
    *energy_J = pJ * 1e-12;
    *area_m2 = um2 * 1e-12;
    return MB_OK;
}
