/* analog_spec.c - the parameter tables of the analog engine and the checks between keys */
#include <math.h>
#include <string.h>

#include "array/analog_private.h"
#include "array/wire.h"
#include "base/error.h"

static const mb_param weights[] = {
    MB_REAL(mb_analog_weights, percentile, "", "1.0", 1e-6, 1e6,
            "range of the weights: quantile of |W| (below 1) or multiple of max |W| (from 1 on)"),
    MB_REAL(mb_analog_weights, max, "", "0.0", 0, 1e30, "range of the weights as a number; 0: from the percentile"),
    MB_FLAG(mb_analog_weights, clip, "true", "weights outside the range are clipped"),
    MB_FLAG(mb_analog_weights, per_channel, "false", "a range of its own for each output"), MB_PARAM_END};
static const mb_param mapping[] = {
    MB_CHOICE(mb_analog_mapping, style, MB_ANALOG_STYLES, "balanced", "pairs of cells, or one cell with an offset"),
    MB_INT(mb_analog_mapping, weight_bits, "", "8", 2, 32, "bits of a sliced weight, and of the ranges max and granular"),
    MB_INT(mb_analog_mapping, slices, "", "0", 0, MB_ANALOG_SLICES,
           "slices of a weight; 0: not sliced, the cell holds the whole weight"),
    MB_VECTOR(mb_analog_mapping, slice_bits, "", "", 1, 16, "bits of each slice, least significant first; empty: equal widths"),
    MB_FLAG(mb_analog_mapping, two_sided, "false", "balanced: both cells of a pair move around the middle"),
    MB_FLAG(mb_analog_mapping, unit_column, "false", "offset: subtract a dummy column rather than a digital sum"),
    MB_FLAG(mb_analog_mapping, digital_subtraction, "false", "balanced: each polarity has its own conversion"),
    MB_FLAG(mb_analog_mapping, interleaved, "false", "balanced: positive and negative cells share a column, driven by +v and -v"),
    MB_FLAG(mb_analog_mapping, single_precision, "false",
            "unsliced balanced conductances are rounded to single precision (comparison with CrossSim)"),
    MB_FLAG(mb_analog_mapping, half_top_digit, "false",
            "unit column holds half of the top slice's base (comparison with CrossSim)"),
    MB_PARAM_END};
static const mb_param cell[] = {
    MB_INT(mb_analog_cell, bits, "", "0", 0, 16, "bits of a cell; 0: continuous"),
    MB_REAL(mb_analog_cell, r_min_ohm, "ohm", "1e4", 1e-3, 1e15, "resistance of a fully conducting cell"),
    MB_REAL(mb_analog_cell, r_max_ohm, "ohm", "0.0", 0, 1e30, "resistance of an off cell; 0: infinite"),
    MB_FLAG(mb_analog_cell, clip, "false", "errors cannot leave [G_min, G_max]; false: only G >= 0"),
    MB_CHOICE(mb_analog_cell, programming, MB_ANALOG_ERRORS, "none", "programming error"),
    MB_REAL(mb_analog_cell, programming_magnitude, "", "0.0", 0, 1e3, "of the normal and uniform models, in units of G_max"),
    MB_CHOICE(mb_analog_cell, read, MB_ANALOG_ERRORS, "none", "read noise"),
    MB_REAL(mb_analog_cell, read_magnitude, "", "0.0", 0, 1e3, "of the normal and uniform models, in units of G_max"),
    MB_CHOICE(mb_analog_cell, law, MB_ANALOG_LAWS, "linear", "current against voltage"),
    MB_REAL(mb_analog_cell, read_V, "V", "0.1", 1e-6, 10, "voltage of a full-scale input"),
    MB_VECTOR(mb_analog_cell, nl2, "", "", -1e6, 1e6,
              "rram_milo: polynomial of the quadratic term in log10 G, highest power first; empty: published"),
    MB_VECTOR(mb_analog_cell, nl3, "", "", -1e6, 1e6, "rram_milo: of the cubic term"),
    MB_REAL(mb_analog_cell, time_days, "d", "0.0", 0, 1e4, "age; above 0 SONOS cells drift and have the spread of that age"),
    MB_VECTOR(mb_analog_cell, drift_poly, "nA", "", -1e30, 1e30,
              "drift of the cell current as a polynomial of it, lowest power first; empty: none, or SONOS at time_days"),
    MB_REAL(mb_analog_cell, drift_imax_nA, "nA", "0.0", 0, 1e9,
            "current of G_max in that polynomial and in SONOS; 0: read_V / r_min_ohm"),
    MB_PARAM_END};
static const mb_param input[] = {
    MB_CHOICE(mb_analog_input, dac, MB_ANALOG_DACS, "ideal", "how inputs become voltages"),
    MB_INT(mb_analog_input, bits, "", "8", 0, 24, "bits of an input (ideal: only of the ranges max and granular)"),
    MB_INT(mb_analog_input, slice_bits, "", "0", 0, 8, "bits driven at once; 0: the whole input as one analog level"),
    MB_FLAG(mb_analog_input, is_signed, "true", "inputs of both signs"),
    MB_REAL(mb_analog_input, min, "", "-1.0", -1e30, 1e30, "smallest input"),
    MB_REAL(mb_analog_input, max, "", "1.0", -1e30, 1e30, "largest input"),
    MB_REAL(mb_analog_input, percentile, "", "0.0", 0, 1e6, "range from the inputs themselves, as for weights; 0: min and max"),
    MB_REAL(mb_analog_input, inl, "", "0.0", -0.5, 0.5,
            "bow of the DAC: v + 2.598 inl v (1 - v^2), inl = largest error in full scale"),
    MB_REAL(mb_analog_input, noise, "", "0.0", 0, 1, "noise of each driven level (standard deviation in full scale)"),
    MB_PARAM_END};
static const mb_param conversion[] = {
    MB_INT(mb_analog_conversion, bits, "", "8", 1, 16, "bits of the converter"),
    MB_CHOICE(mb_analog_conversion, range, MB_ANALOG_RANGES, "max", "where the converter's range comes from"),
    MB_VECTOR(mb_analog_conversion, lo, "", "", -1e12, 1e12,
              "given: lower ends, one or one per slice (currents of a fully conducting cell at full input)"),
    MB_VECTOR(mb_analog_conversion, hi, "", "", -1e12, 1e12, "given: upper ends"),
    MB_REAL(mb_analog_conversion, percentile, "", "0.9999", 0.5, 1, "percentile: quantile of |current| that fits"),
    MB_FLAG(mb_analog_conversion, per_plane, "false", "a conversion for each input plane; false: planes are added up before it"),
    MB_FLAG(mb_analog_conversion, powers_of_two, "false",
            "calibrated ranges are the largest possible current over a power of two"),
    MB_PARAM_END};
static const mb_param array[] = {
    MB_INT(mb_analog_array, rows_max, "inputs", "0", 0, 1 << 20, "inputs of an array; 0: no limit"),
    MB_INT(mb_analog_array, cols_max, "outputs", "0", 0, 1 << 20, "outputs of an array; 0: no limit"),
    MB_CHOICE(mb_analog_array, partition, MB_ANALOG_PARTITIONS, "equal",
              "tiles of nearly equal size, or full ones and a rest; peer_equal may exceed the limit (CrossSim)"),
    MB_INT(mb_analog_array, rows_active, "inputs", "0", 0, 1 << 20,
           "inputs read at once, each group with its conversions; 0: all of a tile"),
    MB_REAL(mb_analog_array, icol_max, "", "0.0", 0, 1e12,
            "column current that saturates the read-out, in currents of a fully conducting cell; 0: none"),
    MB_PARAM_END};
static const mb_param wires[] = {
    MB_CHOICE(mb_analog_wires, source, MB_ANALOG_SOURCES, "none",
              "wires with resistance: inputs drive the rows, or gate the cells (separate source lines)"),
    MB_REAL(mb_analog_wires, r_row, "r_min_ohm", "0.0", 0, 1e6, "resistance of a row (or source line) segment"),
    MB_REAL(mb_analog_wires, r_col, "r_min_ohm", "0.0", 0, 1e6, "resistance of a column segment"),
    MB_REAL(mb_analog_wires, r_row_term, "r_min_ohm", "0.0", 0, 1e6, "resistance of the driver"),
    MB_REAL(mb_analog_wires, r_col_term, "r_min_ohm", "0.0", 0, 1e6, "resistance of the sense amplifier"),
    MB_REAL(mb_analog_wires, r_on, "r_min_ohm", "0.0", 0, 1e6, "resistance of the access device in series with each cell"),
    MB_CHOICE(mb_analog_wires, drive, MB_WIRE_DRIVES, "left", "input: ends of the word lines that are driven"),
    MB_CHOICE(mb_analog_wires, sense, MB_WIRE_SENSES, "bottom",
              "input: ends of the bit lines that are sensed; alternate: even outputs at the bottom, odd ones at the top"),
    MB_FLAG(mb_analog_wires, bottom, "false", "separate: a short tile uses the rows next to the sense amplifiers"),
    MB_INT(mb_analog_wires, rows, "", "0", 0, 1 << 20, "separate: rows of the array, used or not; 0: those of the tile"),
    MB_PARAM_END};

const mb_analog_group mb_analog_groups[] = {{"weights", weights, offsetof(mb_analog_spec, weights), "range of the weights"},
                                            {"mapping", mapping, offsetof(mb_analog_spec, mapping), "weights to cells"},
                                            {"cell", cell, offsetof(mb_analog_spec, cell), "conductances, their errors and laws"},
                                            {"input", input, offsetof(mb_analog_spec, input), "inputs to voltages"},
                                            {"conversion", conversion, offsetof(mb_analog_spec, conversion),
                                             "resolution and range of the converter (its type stands in the group adc)"},
                                            {"array", array, offsetof(mb_analog_spec, array), "size of an array"},
                                            {"wires", wires, offsetof(mb_analog_spec, wires), "resistance of the lines"},
                                            {NULL, NULL, 0, NULL}};

int mb_analog_choice(const char *choices, const char *name) {
    size_t n = strlen(name);
    int k = 0;
    for (const char *p = choices; *p; k++) {
        size_t len = strcspn(p, "|");
        if (len == n && strncmp(p, name, n) == 0) return k;
        p += len + (p[len] == '|');
    }
    return -1;
}

void mb_analog_spec_free(mb_analog_spec *s) {
    for (const mb_analog_group *g = mb_analog_groups; g->name; g++) mb_params_free(g->params, (char *)s + g->offset);
    mb_adc_free(&s->adc);
    *s = (mb_analog_spec){0};
}

int mb_analog_spec_load(mb_conf *root, mb_analog_spec *s) {
    *s = (mb_analog_spec){0};
    int rc = MB_OK;
    for (const mb_analog_group *g = mb_analog_groups; g->name && !rc; g++) {
        mb_conf *c = root ? mb_conf_find(root, g->name) : NULL;
        if (root && !c) {
            c = mb_conf_new(MB_CONF_GROUP, g->name);
            if (!c) rc = mb_nomem();
            else rc = mb_conf_append(root, c);
        }
        if (!rc && c && c->type != MB_CONF_GROUP)
            rc = mb_fail(MB_BADINPUT, "%s: `%s` is a group: %s = { key = value; }", mb_conf_where(c), g->name, g->name);
        if (!rc) rc = mb_params_load(g->params, c, NULL, (char *)s + g->offset);
    }
    mb_conf *adc = root ? mb_conf_find(root, "adc") : NULL;
    if (!rc && adc) rc = mb_adc_load(adc, &s->adc);
    if (!rc && root) {
        mb_conf_use(root, "adc");
        for (const mb_analog_group *g = mb_analog_groups; g->name; g++) mb_conf_use(root, g->name);
        rc = mb_conf_check_used(root);
    }
    if (!rc) rc = mb_analog_check(s);
    if (rc) mb_analog_spec_free(s);
    return rc;
}

static int check_slices(const mb_analog_spec *s) {
    const mb_analog_mapping *p = &s->mapping;
    const int need = p->weight_bits - (p->style == MB_ANALOG_BALANCED);
    if (!p->slices)
        return p->slice_bits.n ? mb_fail(MB_BADINPUT, "mapping.slice_bits is given but mapping.slices is 0; set slices = %zu",
                                         p->slice_bits.n)
                               : MB_OK;
    int sum = 0;
    if (p->slice_bits.n && p->slice_bits.n != (size_t)p->slices)
        return mb_fail(MB_BADINPUT, "mapping.slice_bits has %zu entries for %d slices", p->slice_bits.n, p->slices);
    for (size_t i = 0; i < p->slice_bits.n; i++) {
        if (p->slice_bits.v[i] != floor(p->slice_bits.v[i]))
            return mb_fail(MB_BADINPUT, "mapping.slice_bits: %g is not a whole number", p->slice_bits.v[i]);
        sum += (int)p->slice_bits.v[i];
    }
    if (p->slice_bits.n && sum < need)
        return mb_fail(MB_BADINPUT,
                       "slices of %d bits in all do not cover the %d bits of a weight (weight_bits = %d, %s); widen "
                       "mapping.slice_bits or add slices",
                       sum, need, p->weight_bits, p->style == MB_ANALOG_BALANCED ? "the sign is in the pair" : "offset");
    if (p->slices > need)
        return mb_fail(MB_BADINPUT, "%d slices for %d bits of a weight: some would be empty; lower mapping.slices", p->slices,
                       need);
    if (p->two_sided)
        return mb_fail(MB_BADINPUT, "mapping.two_sided does not go with slices; set slices = 0 or two_sided = false");
    return MB_OK;
}

static int check_ranges(const mb_analog_spec *s) {
    const mb_analog_conversion *c = &s->conversion;
    for (size_t i = 0; c->range == MB_ANALOG_GIVEN && i < c->lo.n && i < c->hi.n; i++) /* also where no converter looks at it */
        if (!(c->lo.v[i] < c->hi.v[i]))
            return mb_fail(MB_BADINPUT, "the converter's range [%g, %g] has no width; conversion.lo must lie below conversion.hi",
                           c->lo.v[i], c->hi.v[i]);
    if (!s->adc.type || s->adc.type->transparent) return MB_OK;
    if (!s->adc.type->convert_real)
        return mb_fail(MB_BADINPUT, "converter \"%s\" has no general form; choose another (`mixbar list adcs`)",
                       s->adc.type->name);
    if (c->range == MB_ANALOG_GRANULAR && s->input.slice_bits && !c->per_plane)
        return mb_fail(
            MB_BADINPUT,
            "conversion.range = \"granular\" resolves single steps: it needs conversion.per_plane = true with bit-serial inputs");
    if (c->range != MB_ANALOG_GIVEN) return MB_OK;
    size_t want = s->mapping.slices > 0 ? (size_t)s->mapping.slices : 1;
    if (c->lo.n != c->hi.n || (c->lo.n != 1 && c->lo.n != want))
        return mb_fail(MB_BADINPUT,
                       "conversion.lo and conversion.hi have %zu and %zu entries; give 1 or %zu (one per slice) of each", c->lo.n,
                       c->hi.n, want);
    return MB_OK;
}

int mb_analog_check(const mb_analog_spec *s) {
    const mb_analog_mapping *p = &s->mapping;
    int rc = check_slices(s);
    if (!rc) rc = check_ranges(s);
    if (rc) return rc;
    if (p->interleaved && p->style != MB_ANALOG_BALANCED)
        return mb_fail(MB_BADINPUT, "mapping.interleaved needs pairs of cells: style = \"balanced\"");
    if (p->interleaved && p->digital_subtraction)
        return mb_fail(MB_BADINPUT, "mapping.interleaved subtracts in the column; it excludes digital_subtraction = true");
    if (p->style == MB_ANALOG_OFFSET && !p->slices && s->cell.bits == 1)
        return mb_fail(MB_BADINPUT, "an unsliced offset weight needs at least 2 cell.bits (with 1 there are no levels around "
                                    "zero); set cell.bits = 0 or use slices");
    if (s->cell.r_max_ohm > 0 && s->cell.r_max_ohm <= s->cell.r_min_ohm)
        return mb_fail(MB_BADINPUT, "cell.r_max_ohm = %g is not above cell.r_min_ohm = %g (0 means infinite)", s->cell.r_max_ohm,
                       s->cell.r_min_ohm);
    if (!(s->input.percentile > 0) && !(s->input.min < s->input.max))
        return mb_fail(MB_BADINPUT, "the input range [%g, %g] has no width; input.min must lie below input.max", s->input.min,
                       s->input.max);
    if (s->input.dac != MB_DAC_IDEAL && s->input.bits < 1 + s->input.is_signed)
        return mb_fail(MB_BADINPUT, "input.bits = %d is too few for %s inputs", s->input.bits,
                       s->input.is_signed ? "signed" : "unsigned");
    if (s->input.slice_bits && s->input.bits < 1 + s->input.is_signed)
        return mb_fail(MB_BADINPUT, "bit-serial inputs need input.bits");
    if (s->input.slice_bits > 0 && s->input.bits > 0 && s->input.slice_bits > s->input.bits)
        return mb_fail(MB_BADINPUT, "input.slice_bits = %d is more than input.bits = %d", s->input.slice_bits, s->input.bits);
    if (s->input.dac == MB_DAC_TWOS_COMPLEMENT && !s->input.is_signed)
        return mb_fail(MB_BADINPUT,
                       "two's complement is for signed inputs; set input.is_signed = true or input.dac = \"quantizer\"");
    if (s->array.rows_active && s->array.rows_max && s->array.rows_active > s->array.rows_max)
        return mb_fail(MB_BADINPUT,
                       "array.rows_active = %d is more than array.rows_max = %d: an array cannot read more rows than it has",
                       s->array.rows_active, s->array.rows_max);
    if (s->wires.source == MB_WIRES_SEPARATE && !s->input.slice_bits)
        return mb_fail(
            MB_BADINPUT,
            "wires.source = \"separate\": inputs gate the cells, so they are driven in planes; set input.slice_bits = 1");
    if (s->wires.source == MB_WIRES_SEPARATE && (s->wires.drive != MB_DRIVE_LEFT || s->wires.sense != MB_SENSE_BOTTOM))
        return mb_fail(MB_BADINPUT, "wires.source = \"separate\": source lines are fed at the top and bit lines sensed at the "
                                    "bottom; leave wires.drive and wires.sense at \"left\" and \"bottom\"");
    return MB_OK;
}
