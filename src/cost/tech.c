/* tech.c - looks a node up; rules, sources and limits in tech.h
 *
 * Who may call: the cost floor and above.
 */
#include "cost/tech.h"

#include <math.h>

#include "base/error.h"

enum { N_TEMPS = 11 };

typedef struct row {
    double node_nm;
    mb_roadmap roadmap;
    mb_device device;
    double vdd, vth, gate_nm, ion_n, ion_p, ioff_n, ioff_p, gm, k_eff; /* currents uA/um, gm S/m */
    double c_gate, c_ideal, c_fringe, c_overlap;                       /* fF/um */
    double cj, csw, cdc, cdt;          /* mF/m2, fF/um; the last is not used: it is cj times the width of a fin's diffusion */
    double fin_eff_nm, fin_aF, fin_nm; /* effective width, gate capacitance, width of a fin or sheet */
    int max_fins, sheets;
    double fin_pitch_nm;
    double cpp_F, height_F, wire_nm, aspect, rho, m0_nm, m1_nm, m0_r, m1_r, wire_fF, barrier_nm, sram_F2, flash_V;
    /* rho in 1e-8 ohm m, m0_r and m1_r in ohm/um, without barrier */
    const char *source;
} row;

#include "cost/tech_table.h"

#define N_NODES (sizeof node_table / sizeof node_table[0])
#define N_HEATED (sizeof temperature_table / sizeof temperature_table[0])

bool mb_process_row(size_t i, double *node_nm, mb_roadmap *roadmap) {
    if (i >= N_NODES) return false;
    *node_nm = node_table[i].node_nm;
    *roadmap = node_table[i].roadmap;
    return true;
}

const char *mb_device_name(mb_device d) {
    return d == MB_DEVICE_PLANAR ? "planar" : d == MB_DEVICE_FINFET ? "FinFET" : "nanosheet";
}

void mb_process_covered(mb_roadmap roadmap, mb_str *out) {
    const char *sep = "";
    for (size_t i = 0; i < N_NODES; i++)
        if (node_table[i].roadmap == roadmap) {
            mb_str_addf(out, "%s%g", sep, node_table[i].node_nm);
            sep = ", ";
        }
    mb_str_add(out, " nm");
}

static int not_covered(const mb_process_spec *s) {
    mb_str text = {0};
    mb_process_covered(s->roadmap, &text);
    int rc = mb_fail(MB_BADINPUT,
                     "the technology table has no %g nm node of the %s roadmap; it has %s, and nothing is interpolated between "
                     "device cards%s",
                     s->node_nm, s->roadmap == MB_ROADMAP_HP ? "hp" : "lstp", mb_cstr(&text),
                     s->roadmap == MB_ROADMAP_HP ? "; below 22 nm choose lstp" : "");
    mb_str_free(&text);
    return rc;
}

/* uA/um = A/m; at temperature T for planar nodes. */
static int currents(mb_process *n, const row *r, double T) {
    n->ion_n = r->ion_n;
    n->ion_p = r->ion_p;
    n->ioff_n = r->ioff_n;
    n->ioff_p = r->ioff_p;
    if (!(T >= 300 && T <= 400)) return mb_fail(MB_BADINPUT, "the technology table covers 300 to 400 K, not %g K", T);
    if (!(T > 300)) return MB_OK;
    for (size_t i = 0; i < N_HEATED; i++) {
        if (temperature_table[i].node_nm != r->node_nm || temperature_table[i].roadmap != r->roadmap) continue;
        int k = (int)((T - 300) / 10);
        if (k > N_TEMPS - 2) k = N_TEMPS - 2;
        double f = (T - 300) / 10 - k;
        const double *v[4] = {temperature_table[i].ion_n, temperature_table[i].ion_p, temperature_table[i].ioff_n,
                              temperature_table[i].ioff_p};
        double *to[4] = {&n->ion_n, &n->ion_p, &n->ioff_n, &n->ioff_p};
        for (int q = 0; q < 4; q++) *to[q] = v[q][k] + f * (v[q][k + 1] - v[q][k]);
        return MB_OK;
    }
    return mb_fail(MB_BADINPUT, "the %g nm node is known at 300 K only, not at %g K; from 22 nm up 300 to 400 K are covered",
                   r->node_nm, T);
}

/* R is the resistance without barrier, ohm/um. */
static mb_metal wire(const row *r, double w_nm, double R, double T, bool no_barrier) {
    double b = no_barrier ? 0 : r->barrier_nm, h = w_nm * r->aspect;
    return (mb_metal){w_nm * 1e-9, R * 1e6 * w_nm * h / ((w_nm - 2 * b) * (h - b)) * (1 + 0.00451 * fabs(T - 300)),
                      r->wire_fF * 1e-9};
}

int mb_process_init(mb_process *n, const mb_process_spec *s) {
    const row *r = NULL;
    for (size_t i = 0; i < N_NODES; i++)
        if (fabs(node_table[i].node_nm - s->node_nm) < 1e-9 && node_table[i].roadmap == s->roadmap) r = &node_table[i];
    if (!r) return not_covered(s);
    const bool planar = r->device == MB_DEVICE_PLANAR;
    const double F = r->node_nm * 1e-9;
    *n = (mb_process){.node_nm = r->node_nm, .F_m = F, .temp_K = s->temp_K, .roadmap = r->roadmap, .device = r->device};
    int rc = currents(n, r, s->temp_K);
    if (rc) return rc;
    n->vdd_V = r->vdd;
    n->vth_V = r->vth;
    n->gate_length_m = r->gate_nm * 1e-9;
    n->gm_n = r->gm;
    n->k_eff = r->k_eff;
    n->pn_ratio = planar ? r->ion_n / r->ion_p : 1;
    n->c_gate = r->c_gate * 1e-9;
    n->c_ideal = r->c_ideal * 1e-9;
    n->c_fringe = r->c_fringe * 1e-9;
    n->c_overlap = r->c_overlap * 1e-9;
    n->c_junction = r->cj * 1e-3;
    n->c_sidewall = r->csw * 1e-9;
    n->c_channel = r->cdc * 1e-9;
    n->c_fin = r->fin_aF * 1e-18;
    n->fin_width_m = r->fin_nm * 1e-9;
    n->fin_eff_m = r->fin_eff_nm * 1e-9;
    n->sheets = r->sheets;
    n->max_fins = r->sheets ? 1 : r->max_fins;
    n->fin_pitch_m = r->fin_pitch_nm * 1e-9;
    n->cpp_m = r->cpp_F * F;
    n->cell_height_m = r->height_F * F;
    n->wire = wire(r, r->wire_nm, r->rho * 1e4 / (r->wire_nm * r->wire_nm * r->aspect), s->temp_K, s->no_barrier);
    n->m0 = wire(r, r->m0_nm, r->m0_r, s->temp_K, s->no_barrier);
    n->m1 = wire(r, r->m1_nm, r->m1_r, s->temp_K, s->no_barrier);
    n->sram_F2 = r->sram_F2;
    n->flash_read_V = r->flash_V;
    n->source = r->source;
    return MB_OK;
}
