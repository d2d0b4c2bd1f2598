/* analog_private.h - what the files of the analog engine share; only their unit test includes it too */
#ifndef MB_ARRAY_ANALOG_PRIVATE_H
#define MB_ARRAY_ANALOG_PRIVATE_H

#include "array/analog.h"

typedef struct mb_tile {
    int r0, nr, c0, nc; /* inputs r0 .. r0 + nr - 1, outputs c0 .. c0 + nc - 1 */
    int no;             /* outputs on the array: nc, and the unit column (output 0) if there is one */
    double *target, *G; /* [slices][polarities][no][nr]: before and after errors */
    /* effective matrices of linear cells on wires, [slices][polarities][no][nr]; interleaved: one for both; NULL: none */
    double *eff;
    double *statics; /* of the converters, [slices][polarities converted][mb_convert_statics] */
    double lo[MB_ANALOG_SLICES], hi[MB_ANALOG_SLICES];
} mb_tile;

struct mb_analog {
    const mb_analog_spec *s;
    int m, n, slices, pol, converted; /* converted: polarities converted separately */
    int bits[MB_ANALOG_SLICES], shift[MB_ANALOG_SLICES];
    double g, R, Wr, g0;
    double *w_max; /* [m] */
    int row_tiles, col_tiles;
    mb_tile *tile;
    bool calibrated;
    double residual; /* of the effective matrices */
    double cal_lo[MB_ANALOG_SLICES], cal_hi[MB_ANALOG_SLICES];
    uint64_t seed;
    uint32_t trial;
};

static inline size_t mb_tile_at(const mb_analog *a, const mb_tile *t, int slice, int q) {
    return ((size_t)slice * (size_t)a->pol + (size_t)q) * (size_t)t->no * (size_t)t->nr;
}
static inline bool mb_analog_sliced(const mb_analog_spec *s) { return s->mapping.slices > 0; }
static inline bool mb_analog_unit(const mb_analog_spec *s) {
    return s->mapping.style == MB_ANALOG_OFFSET && s->mapping.unit_column;
}

/* analog_map.c */
double mb_quantile_abs(size_t n, const double *v, double percentile, int *rc); /* the rule of w_max */

/* analog_cell.c */
int mb_cell_errors(const mb_analog_spec *s, int model, double magnitude, bool reading, double days, double g, size_t n,
                   const double *G, double *out, mb_stream *rng, float *z);
void mb_cell_drift(const mb_analog_spec *s, double g, size_t n, double *G);
bool mb_cell_drifts(const mb_analog_spec *s);
void mb_cell_clip(const mb_analog_spec *s, double g, size_t n, double *G);
double mb_cell_current(const mb_analog_spec *s, double G, double v, double *dI); /* dI may be NULL */

/* analog_wires.c: no columns of nr cells, G[no][nr]; interleaved: Gn the negative cells, else NULL. *residual is raised to
 * that of the solution. eff[no][nr]: linear cells, source = input (interleaved: positive minus negative). */
int mb_wires_effective(const mb_analog_spec *s, int no, int nr, const double *G, const double *Gn, double *eff, double *residual);
/* One vector v[nr] -> I[no]; any cell law and source. */
int mb_wires_solve(const mb_analog_spec *s, int no, int nr, const double *G, const double *Gn, const double *v, double *I,
                   double *residual);

/* analog_convert.c */
int mb_convert_ranges(mb_analog *a); /* ranges of all tiles but calibrated ones */
size_t mb_convert_statics(const mb_analog *a, int columns);
void mb_convert_draw(const mb_analog *a, int columns, double *statics, mb_stream *rng);
void mb_convert(const mb_analog *a, const mb_tile *t, int slice, const double *statics, int n, double *v, mb_stream *rng,
                mb_analog_stats *st);

/* analog_mvm.c: currents before the converter go to LOOK instead of through it */
typedef struct mb_look {
    double *v[MB_ANALOG_SLICES];
    size_t n[MB_ANALOG_SLICES], cap;
} mb_look;
int mb_analog_run(mb_analog *a, uint32_t first, int k, const double *x, double *y, mb_analog_stats *st, mb_look *look);

#endif
