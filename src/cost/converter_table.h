/* converter_table.h - fits of the power of converters that read a column directly; included by converter.c alone
 *
 * SAR: P = a N + b + 1e6 c R^(d / ln 10) uW, E = P (N + 1) ns; flash: P = a (2^N - 1) + 1e6 c R^(d / ln 10) uW; R = resistance of
 * the column times 0.5 V / V_read. Circuit simulations of the authors of DNN+NeuroSim V1.3 (Peng et al., IEEE TCAD 40, 2306
 * (2021), doi:10.1109/TCAD.2020.3043731). Kinds: SAR, flash with current-mode sense amplifiers (FLASH).
 */
static const struct {
    fit_kind kind;
    mb_roadmap roadmap;
    double node_nm, a, b, c, d;
} fit_table[] = {
    {SAR, MB_ROADMAP_HP, 130, 6.4806, 49.047, 0.207452, -2.367},
    {SAR, MB_ROADMAP_HP, 90, 4.3474, 31.782, 0.164900, -2.345},
    {SAR, MB_ROADMAP_HP, 65, 2.9503, 22.047, 0.128483, -2.321},
    {SAR, MB_ROADMAP_HP, 45, 2.1843, 11.931, 0.097754, -2.296},
    {SAR, MB_ROADMAP_HP, 32, 1.0157, 7.6286, 0.083709, -2.313},
    {SAR, MB_ROADMAP_HP, 22, 0.7213, 3.3041, 0.084273, -2.311},
    {SAR, MB_ROADMAP_LSTP, 130, 8.4483, 65.243, 0.169380, -2.303},
    {SAR, MB_ROADMAP_LSTP, 90, 5.9869, 37.462, 0.144323, -2.303},
    {SAR, MB_ROADMAP_LSTP, 65, 3.7506, 25.844, 0.121272, -2.303},
    {SAR, MB_ROADMAP_LSTP, 45, 2.1691, 16.693, 0.100225, -2.303},
    {SAR, MB_ROADMAP_LSTP, 32, 1.1294, 8.8998, 0.079449, -2.297},
    {SAR, MB_ROADMAP_LSTP, 22, 0.538, 4.3753, 0.072341, -2.303},
    {SAR, MB_ROADMAP_LSTP, 14, 0.3132, 2.5681, 0.061085, -2.303},
    {SAR, MB_ROADMAP_LSTP, 10, 0.1823, 1.5073, 0.051580, -2.303},
    {SAR, MB_ROADMAP_LSTP, 7, 0.1061, 0.8847, 0.043555, -2.303},
    {SAR, MB_ROADMAP_LSTP, 5, 0.0645, 0.5511, 0.0388, -2.303},
    {SAR, MB_ROADMAP_LSTP, 3, 0.0333, 0.2849, 0.0388, -2.303},
    {SAR, MB_ROADMAP_LSTP, 2, 0.0207, 0.1764, 0.0313, -2.303},
    {SAR, MB_ROADMAP_LSTP, 1, 0.0101, 0.0843, 0.0288, -2.303},
    {FLASH, MB_ROADMAP_HP, 130, 19.898, 0, 0.17452, -2.367},
    {FLASH, MB_ROADMAP_HP, 90, 13.09, 0, 0.14900, -2.345},
    {FLASH, MB_ROADMAP_HP, 65, 9.9579, 0, 0.1083, -2.321},
    {FLASH, MB_ROADMAP_HP, 45, 7.7017, 0, 0.0754, -2.296},
    {FLASH, MB_ROADMAP_HP, 32, 3.9648, 0, 0.079, -2.313},
    {FLASH, MB_ROADMAP_HP, 22, 1.8939, 0, 0.073, -2.311},
    {FLASH, MB_ROADMAP_LSTP, 130, 18.09, 0, 0.1380, -2.303},
    {FLASH, MB_ROADMAP_LSTP, 90, 12.612, 0, 0.1023, -2.303},
    {FLASH, MB_ROADMAP_LSTP, 65, 8.4147, 0, 0.0972, -2.303},
    {FLASH, MB_ROADMAP_LSTP, 45, 6.3162, 0, 0.075, -2.303},
    {FLASH, MB_ROADMAP_LSTP, 32, 3.0875, 0, 0.0649, -2.297},
    {FLASH, MB_ROADMAP_LSTP, 22, 1.7, 0, 0.0631, -2.303},
    {FLASH, MB_ROADMAP_LSTP, 14, 1.0, 0, 0.0508, -2.303},
    {FLASH, MB_ROADMAP_LSTP, 10, 0.55, 0, 0.0315, -2.303},
    {FLASH, MB_ROADMAP_LSTP, 7, 0.35, 0, 0.0235, -2.303},
};
