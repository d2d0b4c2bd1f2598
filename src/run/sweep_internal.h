/* sweep_internal.h - what the files of the sweep share: axes, the walk over combinations, conditions
 *
 * A combination has a raw number (grid: mixed radix, last axis fastest; otherwise row or sample) and is walked by a cursor. Points are the combinations
 * that are kept. */
#ifndef MB_RUN_SWEEP_INTERNAL_H
#define MB_RUN_SWEEP_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/expr.h"
#include "run/sweep.h"

#define MB_SWEEP_AXES 64
#define MB_SWEEP_KEYS 16       /* of one axis */
#define MB_SWEEP_MAX 10000000u /* points */
enum { MB_GRID, MB_ZIP, MB_LIST, MB_RANDOM, MB_LHS };

typedef struct mb_axis {
    const char *key[MB_SWEEP_KEYS];
    size_t n_key;
    bool together;         /* each value is a list with one value per key */
    const mb_conf *at;     /* its group */
    const mb_conf *values; /* a list; NULL: a range */
    double from, to;       /* of a range */
    bool log, integer;
    double *step;          /* its steps, ascending; NULL: drawn from all of it */
    size_t n;              /* values or steps; 0: drawn */
    bool numbered;         /* the short texts of two values are the same: they get numbers */
    uint32_t who;          /* asks for its own random numbers */
    mb_expr *when;         /* NULL: always */
    mb_conf **inside;      /* n x n_key: presets that the values name, expanded; NULL where no condition looks into them */
} mb_axis;

/* One name of a condition: which axes give it, the last to be set first, and what the experiment says otherwise. */
typedef struct mb_giver { size_t axis, key; const char *rest; } mb_giver; /* rest: the path inside the value, "": the value itself */
typedef struct mb_known { const char *name; mb_giver *by; size_t n_by; mb_value base; } mb_known;

typedef struct mb_mark { size_t index; uint64_t raw; } mb_mark; /* point INDEX is combination RAW */

struct mb_sweep {
    mb_conf *base;         /* the experiment without its sweep */
    mb_conf *sweep;        /* NULL: one point */
    int mode;
    mb_axis *a;
    size_t n_axes;
    const mb_conf *points, *names;
    uint64_t samples, seed;
    uint64_t whole;        /* random over finitely many combinations: each at most once; 0: independent draws */
    mb_expr *where;
    mb_conf *expanded;     /* the groups of `base` that conditions look into, with their presets */
    mb_known *known;
    size_t n_known;
    mb_mark *mark;         /* NULL: every combination is a point */
    size_t n_mark;
    size_t n, skipped;
    char **key;            /* all swept keys */
    const char **word;     /* their short forms, into key */
    size_t n_key;
    bool numbered;         /* labels end in the number of the point */
};

/* Where a walk stands: for each axis whether it applies, which value it has, or which one was drawn. */
typedef struct mb_cursor { uint64_t raw; bool on[MB_SWEEP_AXES]; uint32_t pick[MB_SWEEP_AXES]; double drawn[MB_SWEEP_AXES]; } mb_cursor;

/* --- sweep_axes.c --- */
/* Read S->a from S->sweep; they borrow from it. */
int mb_sweep_read_axes(mb_sweep *s);
void mb_axis_free(mb_axis *a);
/* Number of combinations that stand in a row without conditions; MB_BADINPUT when there are too many to be numbered, or axes in step differ in length. */
int mb_sweep_count(const mb_sweep *s, uint64_t *n);
/* Go to combination RAW; on to the next one (*there false behind the last). */
int mb_cursor_set(const mb_sweep *s, uint64_t raw, mb_cursor *c);
int mb_cursor_next(const mb_sweep *s, mb_cursor *c, bool *there);
/* Value of key K of axis I at C: borrowed from the axis, or a number in *number. */
const mb_conf *mb_cursor_value(const mb_sweep *s, const mb_cursor *c, size_t i, size_t k, mb_conf *number);
/* Remove the values of GROUP that mb_params_load inserted and that mean nothing here: all but those in KEEP (NULL-terminated). */
void mb_sweep_forget(mb_conf *group, const char *const *keep);

/* --- sweep_when.c --- */
/* Parse `where` and prepare all conditions: each name must have a value somewhere. */
int mb_sweep_read_conditions(mb_sweep *s, const char *where);
/* Whether axis I applies at C, of which the axes before it are set. */
int mb_axis_applies(const mb_sweep *s, const mb_cursor *c, size_t i, bool *on);
/* Whether combination C is a point. */
int mb_sweep_keeps(const mb_sweep *s, const mb_cursor *c, bool *yes);
/* Count and find the points: S->n, skipped, mark. */
int mb_sweep_scan(mb_sweep *s);
/* The combination that is point INDEX; on from one point to the next, which must be there. */
int mb_sweep_locate(const mb_sweep *s, size_t index, mb_cursor *c);
int mb_sweep_next(const mb_sweep *s, mb_cursor *c);

/* --- sweep.c --- */
/* The experiment with the settings of point INDEX of a list; *conf is the caller's. */
int mb_sweep_list_conf(const mb_sweep *s, size_t index, mb_conf **conf);

#endif
