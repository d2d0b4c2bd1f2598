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
    if (!(fabs(got / want - 1) <= tolerance)) fail_msg("%s: %.4g, published %.4g (%+.1f %%, allowed %.0f %%)", what, got, want, 100 * (got / want - 1), 100 * tolerance);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(isaac),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
