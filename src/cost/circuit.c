/* circuit.c - digital blocks from gates; equations, sources and units in circuit.h
 *
 * Who may call: the cost floor and above.
 */
#include "cost/circuit.h"

#include <math.h>

static double square(double x) { return x * x; }

mb_block mb_block_times(mb_block b, double count) {
    return (mb_block){b.area_m2 * count, b.energy_J * count, b.delay_s, b.leakage_W * count};
}

mb_block mb_block_join(mb_block a, mb_block b) {
    return (mb_block){a.area_m2 + b.area_m2, a.energy_J + b.energy_J, a.delay_s + b.delay_s, a.leakage_W + b.leakage_W};
}

static int log2_up(double x) {
    int k = 0;
    while (ldexp(1, k) < x) k++;
    return k;
}

/* --- flip-flops and arithmetic ------------------------------------------------------------------------------------- */

mb_block mb_flipflop(const mb_process *n, double clocked) {
    mb_gate inv = mb_inverter(n, 1);
    double Ci = inv.c_in, Co = inv.c_out, Ct = mb_drain_cap(n, inv.wn) + mb_drain_cap(n, inv.wp), slope = MB_STEP;
    double clock = 4 * (Ci + Co) + 2 * Ci, data = (3 * Ct + Ci) + (Ct + Co) + (Ci + Co);
    double R = mb_transmission_resistance(n, inv.wn, inv.wp);
    double delay = mb_stage_delay(R * (3 * Ct + Ci), &slope); /* through the slave latch, two inverters */
    delay += mb_stage_delay(inv.r_p * (Ct + Co + Ci), &slope);
    delay += mb_stage_delay(inv.r_n * (Co + MB_STANDARD_LOAD_F), &slope);
    return (mb_block){12 * inv.area_m2, square(n->vdd_V) * (clock + data) * clocked, delay, 8 * inv.leakage_W};
}

mb_block mb_adder(const mb_process *n, int bits, double load_F) {
    mb_gate g = mb_nand(n, 2);
    const double c1 = g.c_in, c2 = g.c_out, b = bits;
    double c = 6 * c1 + 2 * c2 + (b - 1) * (7 * c1 + 3 * c2) + 8 * c1 + 5 * c2 + (b - 1) * (6 * c1 + 4 * c2);
    double slope = MB_STEP, delay = 0;
    if (bits > 1) {
        delay = mb_stage_delay(g.r_n * (c2 + 3 * c1), &slope);
        delay += mb_stage_delay(g.r_p * (c2 + 2 * c1), &slope);
    }
    if (bits > 2) { /* all inner carries have the slope of the second */
        double per_bit = mb_stage_delay(g.r_n * (c2 + 3 * c1), &slope);
        per_bit += mb_stage_delay(g.r_p * (c2 + 2 * c1), &slope);
        delay += (b - 2) * per_bit;
    }
    delay += mb_stage_delay(g.r_n * (c2 + 3 * c1), &slope);
    delay += mb_stage_delay(g.r_p * (c2 + c1), &slope);
    delay += mb_stage_delay(g.r_n * (c2 + load_F), &slope);
    return (mb_block){9 * b * g.area_m2, square(n->vdd_V) * c * MB_ADDER_ACTIVITY, delay, 9 * b * g.leakage_W};
}

mb_block mb_adder_tree(const mb_process *n, int inputs, int bits) {
    mb_block sum = {0};
    for (int s = 1, left = inputs; left > 1; s++, left = (left + 1) / 2) {
        mb_block a = mb_block_times(mb_adder(n, bits + s - 1, MB_STANDARD_LOAD_F), (left + 1) / 2);
        a.delay_s = mb_adder(n, s == 1 ? bits : 2, 0).delay_s;
        sum = mb_block_join(sum, a);
    }
    return sum;
}

mb_block mb_shift_add(const mb_process *n, int bits, int pulses) {
    return mb_block_join(mb_adder(n, bits, MB_STANDARD_LOAD_F),
                         mb_block_times(mb_flipflop(n, MB_FLIPFLOP_ACTIVITY), bits + pulses));
}

mb_block mb_comparator(const mb_process *n, int bits) { return mb_adder(n, bits, MB_STANDARD_LOAD_F); }

mb_block mb_multiplier(const mb_process *n, int bits_a, int bits_b) {
    mb_gate nand = mb_nand(n, 2), inv = mb_inverter(n, 1);
    const double products = (double)bits_a * bits_b;
    double slope = MB_STEP;
    mb_block and_gate = {nand.area_m2 + inv.area_m2, 0, 0, nand.leakage_W + inv.leakage_W};
    and_gate.energy_J = square(n->vdd_V) * (2 * nand.c_in + nand.c_out + inv.c_in + inv.c_out) * MB_ADDER_ACTIVITY;
    and_gate.delay_s = mb_stage_delay(nand.r_n * (nand.c_out + inv.c_in), &slope);
    and_gate.delay_s += mb_stage_delay(inv.r_p * (inv.c_out + nand.c_in), &slope);
    mb_block m = mb_block_times(and_gate, products);
    if (bits_a < 2 || bits_b < 2) return m;
    int rows = bits_b - 1, width = bits_a;
    mb_block row = mb_adder(n, width, MB_STANDARD_LOAD_F); /* carry-save rows: a sum of one bit each; the last one ripples */
    double bit = mb_adder(n, 1, nand.c_in).delay_s;
    m = mb_block_join(m, mb_block_times(row, rows));
    m.delay_s += (rows - 1) * bit;
    return m;
}

/* --- decoders, drivers, switches ----------------------------------------------------------------------------------- */

mb_block mb_driver(const mb_process *n, double load_F) {
    mb_gate first = mb_inverter(n, 1);
    double size = 1, slope = MB_STEP, V2 = square(n->vdd_V);
    mb_block d = {0};
    int stages = (int)floor(log(load_F / first.c_in) / log(4) + 0.5);
    if (stages < 1) stages = 1;
    for (int s = 0; s < stages; s++, size *= 4) {
        mb_gate g = mb_inverter(n, size), next = mb_inverter(n, size * 4);
        double c = g.c_out + (s == stages - 1 ? load_F : next.c_in), r = s % 2 ? g.r_p : g.r_n;
        d.area_m2 += g.area_m2;
        d.leakage_W += g.leakage_W;
        d.energy_J += V2 * (g.c_in + g.c_out);
        d.delay_s += mb_stage_delay(r * c, &slope);
    }
    d.energy_J += V2 * load_F;
    return d;
}

mb_block mb_decoder(const mb_process *n, int address, double load_F, double pitch_m) {
    const double lines = ldexp(1, address), V2 = square(n->vdd_V), pitch = pitch_m > 0 ? pitch_m : n->cell_height_m;
    int groups = (address + 1) / 2;
    mb_gate nand = mb_nand(n, 2), inv = mb_inverter(n, 4), last;
    if (address <= 1) { /* a line and its complement */
        mb_block d = mb_driver(n, load_F);
        d.area_m2 *= lines;
        d.leakage_W *= lines;
        return d;
    }
    last = groups > 1 ? mb_gate_make(n, MB_GATE_NOR, groups, 2 * n->F_m, 4 * n->F_m * n->pn_ratio, true) : inv;
    double wire = n->wire.c_per_m * lines * pitch, fan = lines / 4 * last.c_in + wire, slope = MB_STEP;
    mb_block out = mb_driver(n, load_F), d = {0};
    d.area_m2 = groups * 4 * (nand.area_m2 + inv.area_m2) + lines * ((groups > 1 ? last.area_m2 : 0) + out.area_m2);
    d.leakage_W = groups * 4 * (nand.leakage_W + inv.leakage_W) + lines * ((groups > 1 ? last.leakage_W : 0) + out.leakage_W);
    d.delay_s = mb_stage_delay(nand.r_n * (nand.c_out + inv.c_in), &slope);
    d.delay_s += mb_stage_delay(inv.r_p * (inv.c_out + fan) + 0.38 * n->wire.r_per_m * lines * pitch * fan, &slope);
    if (groups > 1) d.delay_s += mb_stage_delay(last.r_p * (last.c_out + mb_inverter(n, 1).c_in), &slope);
    d.delay_s += out.delay_s;
    /* one of four lines of a group falls, one rises: half of the energy V^2 C each; one output falls, one rises */
    d.energy_J = V2 * groups * (4 * nand.c_in + nand.c_out + inv.c_in + inv.c_out + fan);
    d.energy_J += (groups > 1 ? V2 * last.c_out : 0) + out.energy_J;
    return d;
}

typedef struct tgate {
    double wn, wp, area_m2, c_gate_n, c_gate, c_drain, leakage_W;
} tgate;

/* Transmission gate of R ohm; its n and its p share the current: each of twice the resistance. */
static tgate gate_of(const mb_process *n, double ohm) {
    double w = 2 * n->F_m, rn = mb_on_resistance(n, w, false) / n->k_eff, rp = mb_on_resistance(n, w, true) / n->k_eff;
    tgate t = {.wn = w * rn / (2 * ohm), .wp = w * rp / (2 * ohm)};
    if (t.wn < w) t.wn = w;
    if (t.wp < w) t.wp = w;
    mb_gate g = mb_gate_make(n, MB_GATE_INV, 1, t.wn, t.wp, false); /* the same pair of transistors in a cell row */
    t.area_m2 = g.area_m2;
    t.leakage_W = g.leakage_W;
    t.c_gate_n = mb_gate_cap(n, t.wn);
    t.c_gate = g.c_in;
    t.c_drain = mb_drain_cap(n, t.wn) + mb_drain_cap(n, t.wp);
    return t;
}

mb_block mb_switch_matrix(const mb_process *n, int lines, double load_F, double gate_ohm, double swing_V, double activity) {
    tgate t = gate_of(n, gate_ohm);
    mb_block ff = mb_flipflop(n, MB_FLIPFLOP_ACTIVITY), d = {0};
    double slope = MB_STEP, V2 = square(n->vdd_V);
    d.area_m2 = lines * (ff.area_m2 + 4 * t.area_m2);
    d.leakage_W = lines * (ff.leakage_W + 4 * t.leakage_W);
    d.energy_J = lines * (ff.energy_J + activity * (4 * t.c_gate * V2 + (load_F + 3 * t.c_drain) * square(swing_V)));
    d.delay_s = ff.delay_s + mb_stage_delay(gate_ohm * (load_F + 3 * t.c_drain), &slope);
    return d;
}

mb_block mb_column_mux(const mb_process *n, int columns, int ways, double gate_ohm, double column_F, double read_V) {
    tgate t = gate_of(n, gate_ohm);
    const double outs = ceil((double)columns / ways);
    mb_block d = {0};
    d.area_m2 = columns * t.area_m2;
    d.leakage_W = columns * t.leakage_W;
    /* of each group one gate opens, one closes */
    d.energy_J = outs * (2 * t.c_gate * square(n->vdd_V) + 2 * t.c_drain * square(read_V));
    d.delay_s = 2.3 * gate_ohm * (column_F + (ways + 1) * t.c_drain);
    return d;
}

mb_block mb_level_shifter(const mb_process *n, double load_F, double high_V) {
    /* in units of the smallest transistor: input inverter, two halves of the cross-coupled pair, output inverter */
    static const double wn[4] = {15, 32, 32, 64}, wp[4] = {20, 10, 10, 82};
    const double wide = 2, tall = 2.5, V2 = square(high_V), w = 2 * n->F_m;
    mb_block d = {0};
    double slope = MB_STEP;
    for (int i = 0; i < 4; i++) {
        mb_gate g = mb_gate_make(n, MB_GATE_INV, 1, wn[i] * w, wp[i] * w * n->pn_ratio, false);
        mb_gate next = i == 3 ? g : mb_gate_make(n, MB_GATE_INV, 1, wn[i + 1] * w, wp[i + 1] * w * n->pn_ratio, false);
        double load = i == 3 ? load_F : tall * next.c_in; /* gates 2.5 times as long */
        d.area_m2 += 1.44 * wide * tall * g.area_m2;
        d.leakage_W += g.leakage_W / tall;
        d.energy_J += V2 * (wide * g.c_out + load);
        d.delay_s += mb_stage_delay(tall * (i % 2 ? g.r_p : g.r_n) * (wide * g.c_out + load), &slope);
    }
    return d;
}

/* --- wires --------------------------------------------------------------------------------------------------------- */

static double repeater_delay(const mb_process *n, const mb_metal *w, double R0, double size, double L) {
    mb_gate g = mb_inverter(n, size);
    return 0.7 *
           (R0 / size * (g.c_in + g.c_out + w->c_per_m * L) + 0.54 * w->r_per_m * w->c_per_m * L * L +
            w->r_per_m * L * g.c_in) /
           L;
}

mb_repeater mb_repeated_wire(const mb_process *n, const mb_metal *w, double slack) {
    mb_gate one = mb_inverter(n, 1);
    const double R0 = (one.r_n + one.r_p) / 2;
    mb_repeater r = {.size = floor(sqrt(R0 * w->c_per_m / (one.c_in * w->r_per_m))),
                     .spacing_m = sqrt(2 * R0 * (one.c_in + one.c_out) / (w->r_per_m * w->c_per_m))};
    if (r.size < 1) r.size = 1;
    double best = repeater_delay(n, w, R0, r.size, r.spacing_m);
    r.delay_s_per_m = best;
    while (slack > 0 && r.size > 1) {
        double size = floor(r.size / 2), L = r.spacing_m * 0.9, delay = repeater_delay(n, w, R0, size, L);
        if (delay > best * (1 + slack)) break;
        r.size = size;
        r.spacing_m = L;
        r.delay_s_per_m = delay;
    }
    mb_gate g = mb_inverter(n, r.size);
    r.energy_J_per_m = 0.5 * square(n->vdd_V) * (g.c_in + g.c_out + w->c_per_m * r.spacing_m) / r.spacing_m;
    r.leakage_W_per_m = g.leakage_W / r.spacing_m;
    r.area_m2_per_m = g.area_m2 / r.spacing_m;
    return r;
}

static mb_block wires(const mb_repeater *r, double length_m, double all_m, int bits, double toggle) {
    return (mb_block){r->area_m2_per_m * all_m * bits, r->energy_J_per_m * length_m * bits * toggle,
                      r->delay_s_per_m * length_m, r->leakage_W_per_m * all_m * bits};
}

mb_block mb_bus(const mb_process *n, double length_m, int bits, double toggle) {
    mb_repeater r = mb_repeated_wire(n, &n->wire, 0);
    return wires(&r, length_m, length_m, bits, toggle);
}

void mb_htree_path(int rows, int cols, double leaf_w_m, double leaf_h_m, double *path_m, double *all_m) {
    int across = log2_up(cols), along = log2_up(rows);
    double nodes = 1, w = cols * leaf_w_m / 4, h = rows * leaf_h_m / 4;
    *path_m = *all_m = 0;
    while (across > 0 || along > 0) { /* the longer side first; each level halves it and doubles the branches */
        bool x = along == 0 || (across > 0 && w >= h);
        double *branch = x ? &w : &h;
        *path_m += *branch;
        *all_m += 2 * nodes * *branch;
        nodes *= 2;
        *branch /= 2;
        *(x ? &across : &along) -= 1;
    }
}

mb_block mb_htree(const mb_process *n, int rows, int cols, double leaf_w_m, double leaf_h_m, int bits, double toggle,
                  double *path_m) {
    mb_repeater r = mb_repeated_wire(n, &n->wire, 0);
    double path, all;
    mb_htree_path(rows, cols, leaf_w_m, leaf_h_m, &path, &all);
    if (path_m) *path_m = path;
    return wires(&r, path, all, bits, toggle);
}

mb_block mb_mesh(const mb_process *n, int rows, int cols, double link_m, int bits, int depth, double toggle, double *hops_out) {
    enum { PORTS = 5 };
    mb_repeater r = mb_repeated_wire(n, &n->wire, 0);
    const double hops = rows * cols > 1 ? (rows + cols) / 3.0 : 0, routers = (double)rows * cols;
    const double links = 2.0 * ((double)rows * (cols - 1) + (double)cols * (rows - 1)); /* both directions */
    mb_block link = wires(&r, link_m, link_m, bits, toggle), ff = mb_flipflop(n, MB_FLIPFLOP_ACTIVITY);
    const double side = PORTS * bits * 4 * n->wire.width_m,
                 c_line = side * n->wire.c_per_m; /* wires at twice their width, both ways */
    tgate t = gate_of(n, mb_transmission_resistance(n, 8 * n->F_m, 8 * n->F_m * n->pn_ratio));
    mb_block arbiter = mb_decoder(n, 3, mb_nand(n, 2).c_in, 0);
    double c_cross = 2 * c_line + 2 * PORTS * t.c_drain, slope = MB_STEP;
    mb_block router = {0};
    router.area_m2 = PORTS * depth * bits * ff.area_m2 + PORTS * PORTS * bits * t.area_m2 + PORTS * arbiter.area_m2;
    if (router.area_m2 < square(side)) router.area_m2 = square(side);
    router.leakage_W = PORTS * depth * bits * ff.leakage_W + PORTS * PORTS * bits * t.leakage_W + PORTS * arbiter.leakage_W;
    router.energy_J = 2 * bits * ff.energy_J + arbiter.energy_J + 0.5 * bits * toggle * square(n->vdd_V) * c_cross;
    router.delay_s = ff.delay_s + arbiter.delay_s + mb_stage_delay(mb_transmission_resistance(n, t.wn, t.wp) * c_cross, &slope);
    if (hops_out) *hops_out = hops;
    return (mb_block){routers * router.area_m2 + links * link.area_m2, hops * link.energy_J + (hops + 1) * router.energy_J,
                      hops * link.delay_s + (hops + 1) * router.delay_s, routers * router.leakage_W + links * link.leakage_W};
}
