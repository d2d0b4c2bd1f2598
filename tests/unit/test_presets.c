/* test_presets.c - shipped machines against what is published of them: areas, powers, rates of the papers, not of the program */
#include "mbtest.h"

#include <math.h>

#include "base/mem.h"
#include "base/str.h"
#include "cost/machine.h"

typedef struct fixture {
    mb_conf *arch, *device;
    mb_machine *mach;
    mb_cell cell;
} fixture;

static void begin(fixture *f, const char *arch, const char *device) {
    char *path = mb_asprintf("%s/experiments/arch/%s.cfg", srcdir(), arch);
    assert_ok(mb_conf_read(path, &f->arch));
    assert_ok(mb_machine_load(f->arch, arch, &f->mach));
    assert_ok(mb_conf_check_used(f->arch));
    mb_free(path);
    print_message("%s:\n", arch); /* the heading of what within() prints; doc/validation.sh reads both */
    path = mb_asprintf("%s/devices/%s.cfg", srcdir(), device);
    assert_ok(mb_conf_read(path, &f->device));
    assert_ok(mb_cell_load(f->device, &f->cell));
    mb_free(path);
}

static void end(fixture *f) {
    mb_cell_free(&f->cell);
    mb_machine_free(f->mach);
    mb_conf_free(f->arch);
    mb_conf_free(f->device);
}

static void within(const char *what, double got, double want, double tolerance) {
    if (!(fabs(got / want - 1) <= tolerance))
        fail_msg("%s: %.4g, published %.4g (%+.1f %%, allowed %.0f %%)", what, got, want, 100 * (got / want - 1),
                 100 * tolerance);
    print_message("%-28s %10.4g, published %10.4g: %+5.1f %%\n", what, got, want, 100 * (got / want - 1));
}

static double part(const mb_report *r, const char *component) {
    double sum = 0;
    for (size_t i = 0; i < r->n; i++) sum += part(r->child[i], component);
    if (r->component && strcmp(r->component, component) == 0) sum += r->total.energy_J;
    return sum;
}

/* Shafiee et al., ISCA 2016, tables 1 and 2, 16-bit numbers. */
static void isaac(void **state) {
    (void)state;
    fixture f;
    mb_peak p;
    mb_assign a = {MB_ANALOG, 8, 2, 8, 1, 8, 0, MB_OFFSET, 1};
    begin(&f, "isaac", "rram-isaac");
    assert_ok(mb_machine_peak(f.mach, &f.cell, &a, &p));
    double ops16 = p.ops_per_s / 4; /* half as many columns per weight and half as many input cycles at 8 bits */
    assert_true(p.arrays == 168 * 12 * 8);
    within("chip area, mm2", p.area_m2 * 1e6, 85.4, 0.05);
    within("chip power, W", p.power_W, 65.8, 0.05);
    within("throughput, GOPS/mm2", ops16 * 1e-9 / (p.area_m2 * 1e6), 479, 0.05);
    within("throughput, GOPS/W", ops16 * 1e-9 / p.power_W, 628, 0.05);
    /* and where the power goes, per IMA and tile */
    double s = 16128.0 * 1000 * 2 * 128 * 32 / p.ops_per_s, ima = 168 * 12 * s, tile = 168 * s;
    within("converters, mW/IMA", part(p.report, "adc") / ima * 1e3, 16, 0.05);
    within("DAC, mW/IMA", part(p.report, "drivers") / ima * 1e3, 4, 0.05);
    within("arrays, mW/IMA", part(p.report, "cells") / ima * 1e3, 2.4, 0.10);
    within("registers, mW/IMA", part(p.report, "registers") / ima * 1e3, 1.47, 0.05);
    within("shift-and-add, mW/IMA", part(p.report, "shift-add") / ima * 1e3, 0.2, 0.05);
    within("eDRAM, mW/tile", part(p.report, "tile buffer") / tile * 1e3, 20.7, 0.05);
    within("bus and router, mW/tile", part(p.report, "interconnect") / tile * 1e3, 17.5, 0.05);
    within("links, W", part(p.report, "links") / s, 10.4, 0.001);
    mb_report_free(p.report);
    end(&f);
}

static double area(const mb_report *r, const char *component) {
    double sum = 0;
    for (size_t i = 0; i < r->n; i++) sum += area(r->child[i], component);
    if (r->component && strcmp(r->component, component) == 0) sum += r->total.area_m2;
    return sum;
}

/* Chips whose papers give throughput, efficiency and area: of the whole chip, or of the arrays with their periphery alone. */
static void other_chips(void **state) {
    (void)state;
    static const char *const arrays[] = {"cells", "drivers", "integrators", "sample-hold", "adc", "shift-add", "registers", NULL};
    static const char *const analog[] = {"cells", "drivers", "integrators", "sample-hold", "adc", NULL};
    static const struct {
        const char *arch, *device;
        mb_assign a;
        const char *const *of;                  /* NULL: everything */
        double tops, tops_W, mm2, tolerance[3]; /* 0: not published; mm2 < 0: TOPS/mm2 with the other sign */
    } k[] = {
        /* Wan et al., Nature 608 (2022): 4-bit inputs, 6-bit outputs; 48 cores of 1.161 mm2 */
        {"neurram", "rram-neurram", {MB_ANALOG, 4, 3, 3, 3, 6, 0, MB_DIFFERENTIAL, 1}, analog, 0.744, 15.95, 0, {0.08, 0.08, 0}},
        /* Le Gallo et al., Nature Electronics 6 (2023); core area from 1.59 TOPS/mm2 */
        {"hermes",
         "pcm-hermes",
         {MB_ANALOG, 8, 7, 7, 7, 8, 0, MB_DIFFERENTIAL, 1},
         NULL,
         63.1,
         9.76,
         64 * 0.634,
         {0.02, 0.02, 0.02}},
        /* as quoted by Li et al., ISCA 2020 */
        {"prime", "rram-prime", {MB_ANALOG, 8, 4, 6, 3, 6, 0, MB_DIFFERENTIAL, 1}, NULL, 0, 2.10, -1.23, {0, 0.05, 0.05}},
        /* Sinangil et al., JSSC 56 (2021), average output 6: 256 macros */
        {"sram-7nm",
         "sram-charge-7nm",
         {MB_ANALOG, 4, 4, 4, 4, 4, 0, MB_OFFSET, 1},
         analog,
         256 * 0.3724,
         351,
         256 * 0.002556,
         {0.01, 0.08, 0.2}},
        /* Yan et al., ISSCC 2022 */
        {"digital-cim-28nm",
         "sram-digital",
         {MB_ANALOG, 8, 1, 8, 1, 8, 0, MB_OFFSET, 1},
         arrays,
         1.198,
         36.63,
         0.9408,
         {0.01, 0.02, 0.05}},
    };
    for (size_t i = 0; i < sizeof k / sizeof *k; i++) {
        fixture f;
        mb_peak p;
        begin(&f, k[i].arch, k[i].device);
        assert_ok(mb_machine_peak(f.mach, &f.cell, &k[i].a, &p));
        double energy = p.report->total.energy_J, mm2 = p.area_m2;
        if (k[i].of) {
            energy = mm2 = 0;
            for (int n = 0; k[i].of[n]; n++) energy += part(p.report, k[i].of[n]), mm2 += area(p.report, k[i].of[n]);
        }
        double tops = p.ops_per_s * 1e-12, tops_W = tops / (energy / (p.report->total.energy_J / p.power_W));
        print_message("%s\n", k[i].arch);
        if (k[i].tops > 0) within("TOPS", tops, k[i].tops, k[i].tolerance[0]);
        within("TOPS/W", tops_W, k[i].tops_W, k[i].tolerance[1]);
        if (k[i].mm2 < 0) within("TOPS/mm2", tops / (mm2 * 1e6), -k[i].mm2, k[i].tolerance[2]);
        if (k[i].mm2 > 0) within("mm2", mm2 * 1e6, k[i].mm2, k[i].tolerance[2]);
        if (i == 0) within("mm2 of a core", (p.area_m2 - area(p.report, "digital unit")) * 1e6 / 48, 1.161, 0.02);
        mb_report_free(p.report);
        end(&f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(isaac),
        cmocka_unit_test(other_chips),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
