/* common.h - what verbs share: writing the answer, threads, signals, progress, the points of an experiment
 *
 * The only file-level state of the program lives in common.c: quiet mode and the flag that a signal sets.
 */
#ifndef MB_CLI_COMMON_H
#define MB_CLI_COMMON_H

#include <stdbool.h>
#include <stdint.h>

#include "array/cell.h"
#include "base/conf.h"
#include "base/str.h"
#include "base/table.h"
#include "cli/cli.h"
#include "run/point.h"
#include "run/results.h"
#include "run/sweep.h"

#define MB_CLI_FORMATS "text|csv|json"

/* --- the answer ---------------------------------------------------------------------------------------------------- */
int mb_cli_write(mb_str *out);                           /* OUT to stdout, then freed; MB_SYSTEM when it cannot be written */
int mb_cli_flush(void);                                  /* at the end of the program */
mb_table_format mb_cli_table_format(const char *format); /* NULL: text */
mb_format mb_cli_format(const char *format);             /* NULL: text */
/* Columns of a table from a list "name|unit|l or r, ..." ended by NULL; MB_OK or MB_SYSTEM. */
int mb_cli_columns(mb_table *t, const char *const (*columns)[3]);

/* --- the process --------------------------------------------------------------------------------------------------- */
void mb_cli_set_quiet(bool quiet);
void mb_cli_threads(int n);      /* 0: as the environment says */
void mb_cli_catch_signals(void); /* SIGINT and SIGTERM set a flag; a second one kills */
bool mb_cli_stopped(void);

/* --- progress on stderr: one line with a bar on a terminal, finished points elsewhere (of many points one line a second), or JSON --------------- */
#define MB_CLI_PROGRESS "auto|json"
typedef struct mb_meter {
    mb_progress progress;    /* give this to the library */
    char what[96];           /* stage that is shown */
    double start_s, shown_s; /* of the stage; time of the last update */
    double begin_s, line_s;  /* of the whole; time of the last line about a point */
    double accuracy;         /* running: of the draws of the point at work, then of the point; NaN: none */
    double blocks;           /* blocks of samples so far */
    bool bar, colour, visible, json;
    size_t point, points, first;   /* points done and in all; done before this session */
} mb_meter;
void mb_meter_start(mb_meter *m, size_t points);
void mb_meter_json(mb_meter *m);  /* one object per line: done, total, stage, accuracy, rate (points per second), left_s */
void mb_meter_clear(mb_meter *m); /* take the bar off the screen */
/* Clears the bar, prints one line on stderr (not when quiet). */
void mb_meter_line(mb_meter *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* As mb_run_options.on_point: one line per finished point. CTX is the meter. */
int mb_meter_on_point(void *ctx, const mb_point_result *p, size_t done, size_t total);

/* --- cells --------------------------------------------------------------------------------------------------------- */
/* The cell NAME, a preset (name or path of a .cfg) or a type, with settings KEY=VALUE laid over it. *root owns the tree, whose
 * group "x" is the cell; *file is the preset's path or NULL. Free all three. */
int mb_cli_cell_open(const char *name, const mb_strings *set, mb_conf **root, mb_cell *cell, char **file);

/* --- experiments --------------------------------------------------------------------------------------------------- */
typedef struct mb_cli_points {
    mb_sweep *sweep;
    size_t n;          /* points */
    size_t first, end; /* the points asked for: [first, end) */
    mb_cache *cache;
    char *name; /* of the experiment */
} mb_cli_points;
/* Read EXP.cfg with settings; POINT NULL: all points, else the number of one (text, from 0). */
int mb_cli_points_open(const char *path, const mb_strings *set, const char *point, mb_cli_points *e);
void mb_cli_points_close(mb_cli_points *e);
/* Load point I; the cache of E keeps what points share. */
int mb_cli_point_load(const mb_cli_points *e, size_t i, bool need_data, mb_setup *s);
/* Index, label and settings of point I into R (a result made by mb_point_run). */
int mb_cli_point_describe(const mb_cli_points *e, size_t i, mb_point_result *r);
/* Names in the experiment's list `plot` must exist (MB_BADINPUT with file:line); one name (CODE). */
int mb_cli_check_plots(const mb_conf *root);
bool mb_cli_have_gnuplot(void);
/* "point 2 of 0..5 (map.weight_bits=4)" for P, point I; the experiment's name when there is only one. */
void mb_cli_point_title(const mb_cli_points *e, size_t i, const mb_point *p, mb_str *out);

#endif
