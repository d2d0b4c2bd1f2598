/* component.h - every part of the technology layer by name: keys in, energy, delay, area, leakage and source out
 *
 * A component is a row: name, family, what one operation is, its keys (base/param.h; all live in one struct), a function.
 * `mixbar list components` and `mixbar show component NAME` read these rows. Adding one: a row in a component_*.c file.
 * Who may call: the cost floor and above.
 */
#ifndef MB_COST_COMPONENT_H
#define MB_COST_COMPONENT_H

#include "base/param.h"
#include "cost/memory.h"

typedef struct mb_component_keys {
    double node_nm, temp_K;
    int roadmap, corner, dram;
    int bits, bits_b, inputs, rows, columns, ways, words, lines, address, pulses, depth, cell_bits, dac_bits;
    double size, load_F, row_F, column_F, length_m, leaf_w_m, leaf_h_m, link_m, gate_ohm, column_ohm, swing_V, read_V, high_V,
        dv_V;
    double toggle, activity, clock_Hz, rate_Hz, enob, vdd_V, digit, pulse_s, settle_s, packets, c_int_F, v_th_V, c_min_F, kib;
    double width_bits, retention_s, pitch_m, slack;
} mb_component_keys;

enum { MB_FACTS = 24 };
typedef struct mb_fact {
    const char *name, *unit;
    double value;
} mb_fact;

typedef struct mb_component_result {
    double energy_J, delay_s, area_m2, leakage_W; /* NaN: the component has none */
    mb_fact fact[MB_FACTS];                       /* what else is known */
    int n_facts;
    const char *source; /* when it depends on the keys; NULL: the type's reference */
} mb_component_result;

typedef struct mb_component {
    const char *name, *family, *summary, *operation, *reference;
    const mb_param *params;
    int (*evaluate)(const mb_component_keys *k, mb_component_result *r);
} mb_component;

/* Families in order; each list ends with a row without name. */
extern const mb_component mb_logic_components[], mb_wire_components[], mb_converter_components[], mb_memory_components[];
const mb_component *mb_component_at(size_t i);           /* of all families; NULL after the last */
const mb_component *mb_component_find(const char *name); /* NULL: none, nothing is said */
/* Keys from GROUP (defaults inserted), then the result. MB_BADINPUT with what is not covered; MB_NUMERIC never. */
int mb_component_evaluate(const mb_component *c, mb_conf *group, mb_component_result *r);

/* For the rows: the node of the keys; a block as result; one more fact. */
int mb_component_node(const mb_component_keys *k, mb_process *n);
int mb_component_block(mb_component_result *r, mb_block b);
void mb_component_fact(mb_component_result *r, const char *name, double value, const char *unit);

#define MB_KEY(name, unit, def, lo, hi, help) MB_REAL(mb_component_keys, name, unit, def, lo, hi, help)
#define MB_COUNT(name, unit, def, lo, hi, help) MB_INT(mb_component_keys, name, unit, def, lo, hi, help)
#define MB_NODE_KEYS                                                                                         \
    MB_KEY(node_nm, "nm", "22", 1, 250, "technology node; those of the table"),                              \
        MB_CHOICE(mb_component_keys, roadmap, MB_ROADMAPS, "lstp", "high performance or low standby power"), \
        MB_KEY(temp_K, "K", "300", 200, 500, "temperature; 300 to 400 K from 22 nm up, else 300 K")

#endif
