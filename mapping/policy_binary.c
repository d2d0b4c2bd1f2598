/* policy_binary.c - one bit everywhere inside: the low end of precision, a baseline
 *
 * Weights of inner layers take one bit, +-1 times a factor per output channel, in cells of one bit: the two values use all of the
 * cell's range, so that its errors count least. Their inputs take one bit where the menu of input_bits has it, otherwise the menu
 * decides. First and last layer have `end_bits` (8, as is usual), unless pins say
 * otherwise. All else in the menu is chosen as by the policy uniform. Without training such a network is of little use: give
 * map.finetune, and weights learn as in XNOR-Net, a sign(w) with a = mean |w|. Reference: M. Rastegari et al., ECCV 2016,
 * doi:10.1007/978-3-319-46493-0_32.
 */
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "mapping/policy.h"

typedef struct binary_params {
    int end_bits, max_settings;
} binary_params;

static const mb_param table[] = {
    MB_INT(binary_params, end_bits, "", "8", 1, 8, "weight and input bits of the first and the last layer"),
    MB_INT(binary_params, max_settings, "", "100000", 1, 100000000, "largest number of settings that the rest of the menu may span"),
    MB_PARAM_END,
};

static void pin(mb_problem *p, int layer, int key, int value) {
    int at = layer * MB_ASSIGN_KEYS + key;
    if (p->fixed[at]) return;
    p->fixed[at] = true;
    p->fixed_value[at] = value;
}

static bool has(const mb_menu *m, int key, int value) {
    for (size_t i = 0; i < m->n[key]; i++)
        if (m->v[key][i] == value) return true;
    return false;
}

static int search(const void *params, const mb_problem *prob, mb_oracle *o, uint64_t seed, mb_plan **best) {
    const binary_params *par = params;
    (void)seed;
    const int weight = mb_assign_key("weight_bits"), input = mb_assign_key("input_bits"), dac = mb_assign_key("dac_bits"), cell = mb_assign_key("cell_bits");
    const size_t cells = (size_t)prob->n * MB_ASSIGN_KEYS;
    mb_problem p = *prob; /* the same with more pins */
    p.fixed = mb_malloc(cells, sizeof *p.fixed);
    p.fixed_value = mb_malloc(cells, sizeof *p.fixed_value);
    int rc = p.fixed && p.fixed_value ? MB_OK : mb_nomem();
    if (!rc) {
        memcpy(p.fixed, prob->fixed, cells * sizeof *p.fixed);
        memcpy(p.fixed_value, prob->fixed_value, cells * sizeof *p.fixed_value);
        const bool one_bit = has(&prob->menu, input, 1) || (!prob->menu.n[input] && prob->menu.base.input_bits == 1);
        for (int m = 0; m < p.n; m++) {
            const bool end = m == 0 || m == p.n - 1;
            pin(&p, m, weight, end ? par->end_bits : 1);
            if (end) pin(&p, m, input, par->end_bits);
            else if (one_bit) pin(&p, m, input, 1);
            const int at = m * MB_ASSIGN_KEYS;
            if (p.fixed_value[at + weight] == 1) pin(&p, m, cell, 1);
            if (p.fixed[at + input] && p.fixed_value[at + input] == 1) pin(&p, m, dac, 1);
        }
        p.menu.n[weight] = 0; /* decided */
        if (one_bit) p.menu.n[input] = 0, p.menu.base.input_bits = 1;
    }
    if (!rc) rc = mb_uniform_search(par->max_settings, &p, o, best);
    mb_free(p.fixed);
    mb_free(p.fixed_value);
    return rc;
}

const mb_policy_type mb_policy_binary = {
    .name = "binary",
    .summary = "one bit inside, more in the first and the last layer; to be fine-tuned (map.finetune)",
    .reference = "Rastegari et al., XNOR-Net, ECCV 2016, doi:10.1007/978-3-319-46493-0_32",
    .params = table,
    .size = sizeof(binary_params),
    .search = search,
};
