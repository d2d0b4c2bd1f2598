/* quads.c - weights in bytes, four rows side by side, for kernels that multiply bytes (layout and forms: array/kernel.h)
 *
 * Called by program.c once per programming, and by tests.
 */
#include <stdlib.h>
#include <string.h>

#include "array/kernel.h"
#include "base/error.h"
#include "base/mem.h"

#define LEVEL_MAX 127

bool mb_kernel_packed(void) {
    for (size_t i = 0; mb_kernels[i]; i++)
        if (mb_kernels[i]->packed && mb_kernels[i]->supported()) return true;
    return false;
}

void mb_quads_free(mb_quads *q) {
    if (!q) return;
    mb_free(q->b);
    mb_free(q);
}

static int weight(const mb_row_group *g, int k, int part, int n) {
    return g->w[mb_panel_index(g->k, k, (size_t)part * (size_t)g->n + (size_t)n)];
}

static int round_up(int a, int b) { return (a + b - 1) / b * b; }

/* Form and shift of the weights, and the bounds of the sums of each part. */
static void survey(const mb_row_group *g, mb_quads *q) {
    int all = 0, top = 0, digit = (1 << g->dac_bits) - 1;
    for (int part = 0; part < q->parts; part++) {
        int64_t lo = 0, hi = 0;
        for (int n = 0; n < g->n; n++) {
            int64_t minus = 0, plus = 0;
            for (int k = 0; k < g->k; k++) {
                int w = weight(g, k, part, n);
                all |= w;
                top = abs(w) > top ? abs(w) : top;
                plus += w > 0 ? w : 0;
                minus += w < 0 ? w : 0;
            }
            if (q->input_signed) {
                plus -= minus;
                minus = -plus;
            }
            lo = minus < lo ? minus : lo;
            hi = plus > hi ? plus : hi;
        }
        q->s_lo[part] = (int32_t)(lo * digit);
        q->s_hi[part] = (int32_t)(hi * digit);
    }
    q->shift = all ? __builtin_ctz((unsigned)all) : 0;
    q->form = top >> q->shift <= LEVEL_MAX ? MB_QUADS_LEVELS : g->dac_bits == 1 ? MB_QUADS_JOINED : MB_QUADS_SEPARATE;
}

static void fill(const mb_row_group *g, mb_quads *q) {
    int sides = q->input_signed ? 2 : 1, half = q->rows / sides;
    int lo_row = q->form == MB_QUADS_JOINED ? q->rows : q->chunks * MB_QUAD_ROWS;      /* where lo begins */
    for (int part = 0; part < q->parts; part++)
        for (int n = 0; n < g->n; n++) {
            int8_t *b = q->b + ((size_t)(n / MB_QUAD_COLUMNS) * (size_t)q->parts + (size_t)part) * (size_t)(q->chunks * q->sums) *
                                   (MB_QUAD_ROWS * MB_QUAD_COLUMNS) + n % MB_QUAD_COLUMNS * 4;
#define AT(row) b[(size_t)((row) / 4) * (MB_QUAD_COLUMNS * 4) + (size_t)((row) % 4)]
            for (int side = 0; side < sides; side++)
                for (int k = 0; k < g->k; k++) {
                    int w = side ? -weight(g, k, part, n) : weight(g, k, part, n), row = side * half + k;
                    if (q->form == MB_QUADS_LEVELS) {
                        AT(row) = (int8_t)(w / (1 << q->shift));
                    } else {
                        AT(row) = (int8_t)((w - (w & 127)) / 128);
                        AT(lo_row + row) = (int8_t)(w & 127);
                    }
                }
#undef AT
        }
}

int mb_quads_new(const mb_row_group *g, bool input_signed, mb_quads **out) {
    *out = NULL;
    int tiles = (g->n + MB_QUAD_COLUMNS - 1) / MB_QUAD_COLUMNS;
    if (g->n * 2 < tiles * MB_QUAD_COLUMNS || g->slices * g->polarities > MB_QUAD_PARTS) return MB_OK;
    mb_quads *q = mb_calloc(1, sizeof *q);
    if (!q) return mb_nomem();
    q->input_signed = input_signed;
    q->tiles = tiles;
    q->parts = g->slices * g->polarities;
    q->rows = round_up(g->k, 4) * (input_signed ? 2 : 1);
    survey(g, q);
    q->chunks = round_up(q->form == MB_QUADS_JOINED ? 2 * q->rows : q->rows, MB_QUAD_ROWS) / MB_QUAD_ROWS;
    q->sums = q->form == MB_QUADS_SEPARATE ? 2 : 1;
    q->b = mb_calloc((size_t)tiles * (size_t)q->parts * (size_t)(q->chunks * q->sums), MB_QUAD_ROWS * MB_QUAD_COLUMNS);
    if (!q->b) {
        mb_quads_free(q);
        return mb_nomem();
    }
    fill(g, q);
    *out = q;
    return MB_OK;
}
