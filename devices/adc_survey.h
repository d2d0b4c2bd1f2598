/* adc_survey.h - energy and area of a converter from the regression over published converters, shared by the converter models
 *
 * b = effective bits, t = node in nm, f = conversions per second; FOM = Schreier figure of merit that the best fifth reaches, dB:
 *     SNDR = 6.0205999 b + 1.7609126
 *     FOM  = min(213.7806687 - 2.8719030 ln f,  128.3068287 + 3.2205115 ceil(b))
 *     E    = exp(26.0496216 + 1.8800369 ln t - 2.8291256 ln b - 1.4702022) / (2 * 10^((FOM - SNDR) / 10))       pJ
 *     A    = exp(1.3461916 + 0.9932795 ln t + 0.1807154 ln f + 0.2991243 ln E)                                  um^2, E in pJ
 * Fit (lower 20 % quantile) over 215 converters of Murmann's survey: Andrulis, Chen, Lee, Emer, Sze, "Modeling
 * analog-digital-converter energy and area for compute-in-memory accelerator design", arXiv:2404.06553 (2024). Single published
 * converters scatter by a factor of 3 and more around it; converters inside an array are often smaller: energy_scale and
 * area_scale are there to calibrate.
 * Outside the fit: b < 4 is taken as 4 (an upper bound); f > 1e10 Hz and nodes outside 5 .. 250 nm are refused.
 * Energy here is that of one conversion at full rate, leakage included.
 */
#ifndef MB_DEVICES_ADC_SURVEY_H
#define MB_DEVICES_ADC_SURVEY_H

#define MB_ADC_SURVEY_SOURCE "survey regression, Andrulis et al., arXiv:2404.06553"

/* energy_J per conversion, area_m2 of one converter. MB_BADINPUT outside the fit. */
int mb_adc_survey(double bits, double rate_Hz, double node_nm, double *energy_J, double *area_m2);

#endif
