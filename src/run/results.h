/* results.h - what a run leaves behind: runs/NAME/ used.cfg manifest.json results.jsonl plan-*.cfg
 *
 * results.jsonl: the first line is the schema (columns with unit and help); then, for each point in order, one line per trial ("kind":"trial") and one summary
 * ("kind":"point"); a run that is complete ends with {"kind":"end","points":N}. The bytes depend on the experiment and the seed only: not on threads, host, time, or whether the run was resumed. Everything that varies (times, host,
 * versions, threads, paths of data files, warnings) is in manifest.json.
 *
 * Writing is append-only with fsync every 0.2 s and at the end, each line ends in a checksum member "crc" (CRC-32 of the line's bytes before it). On resume a partial or
 * damaged tail is cut off and points that are complete are kept; a results file of another experiment (other schema line or other used.cfg hash) is refused. The hash is of the
 * values: comments, order and the paths of presets (key `preset`) do not count. A damaged line with whole points behind it is refused, too.
 * Reading gives the same structs back; report and plot work on them alone.
 */
#ifndef MB_RUN_RESULTS_H
#define MB_RUN_RESULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/quantity.h"
#include "base/str.h"

/* One row of the column table: every number of a point has its name, unit and help in one place (results.c), used by results.jsonl, CSV, tables, plots, manual. */
typedef struct mb_column { const char *name, *unit, *help; size_t offset; } mb_column;
extern const mb_column mb_point_columns[];       /* ends with name NULL; offsets into mb_point_result; all are double */
const mb_column *mb_column_find(const char *name);   /* NULL when unknown */

typedef struct mb_part { char *name; mb_cost cost; } mb_part;            /* a component */

typedef struct mb_layer_result {
    char *name, *engine, *scheme;
    int64_t groups, K, N, vectors, macs;
    int weight_bits, cell_bits, input_bits, dac_bits, adc_bits, adc_bits_lossless, rows_active, copies;
    int64_t arrays;
    mb_cost cost;
    double drive_s, convert_s, move_s, digital_s, reload_s; /* times that resources are busy; they overlap */
    char *bottleneck;       /* the resource that is busy longest */
    double snr_dB;          /* analog output against the exact integer product, mean over trials; infinite (null in JSON) when exact */
    double clipped;         /* fraction of conversions that saturated */
    double adc_occupancy;   /* fraction of the code range that was used */
    double row_rate;        /* fraction of offered rows that were driven */
    double wire_residual;   /* of Kirchhoff's laws, relative to the largest current; 0: ideal wires */
    mb_part *part; size_t n_part;     /* by component */
} mb_layer_result;

/* tree: of a point just computed, owned; NULL in results that were read. iso_area: with compute resources times iso_scale, which makes it as
 * large as the point's machine; NaN and iso_scale 0 when its buffers alone are larger. iso_capacity: with a weight buffer of capacity_bits,
 * what the point's arrays hold. Results of older versions: NaN. */
typedef struct mb_baseline_result {
    char *name, *kind;
    mb_cost cost;
    double edap;
    mb_part *part; size_t n_part;
    struct mb_report *tree;
    mb_cost iso_area, iso_capacity;
    double iso_scale, capacity_bits;
} mb_baseline_result;

typedef struct mb_setting { char *key, *value; } mb_setting;              /* a swept key and its value as text */

typedef struct mb_trial_result { int64_t trial; double accuracy, loss; int64_t samples; } mb_trial_result;

typedef struct mb_point_result {
    int64_t index;              /* 0, 1, ... in the order of the sweep */
    char *id;                   /* 16 hex digits: hash of the used values */
    char *label;                /* "map.weight_bits=8 map.input_bits=8", or the name given in the sweep; "" without a sweep */
    mb_setting *set; size_t n_set;
    char *plan;                 /* file name in the run folder, "" when none */
    char *infeasible;           /* why the mapper found no plan inside the budgets; then all numbers are NaN. NULL: done */
    /* the numbers of mb_point_columns */
    double float_accuracy, quantised_accuracy, accuracy, accuracy_low, accuracy_high, accuracy_sd, accuracy_q05, accuracy_q50, accuracy_q95, loss;
    double samples, trials;
    double energy_J, latency_s, area_m2, edp_Js, edap_Jsm2, power_W, tops, tops_per_W, tops_per_mm2, macs, arrays, weight_bits;
    double program_J, program_s, program_cells, pulses, wear;   /* loading the weights once */   /* weight_bits: of all weights */
    double energy_low_J, energy_high_J, area_low_m2, area_high_m2;   /* at the corners of converters and memories */
    double search_costs, search_measured, search_simulated;          /* what the mapping policy asked */
    double interval_s, batch_s, reload_J, reload_s, peak_tops, peak_W;
    mb_trial_result *trial; size_t n_trial;
    mb_part *part; size_t n_part;                    /* by component, whole network */
    mb_layer_result *layer; size_t n_layer;
    mb_baseline_result *baseline; size_t n_baseline;
    char *bottleneck;                                /* "conversions of conv2"; "" when infeasible */
    struct mb_schedule *schedule;                    /* of a point just computed, owned; NULL in results that were read */
    double search_s;                                 /* how long the search took: no column, as it varies; 0 in results that were read */
    struct mb_explanation *explain;                  /* explain.h; NULL: not asked. Lives in explain.jsonl */
} mb_point_result;
void mb_point_result_free(mb_point_result *p);       /* what it owns, not p itself */

/* --- writing --- */
typedef struct mb_run mb_run;
/* Make the run folder DIR, or reopen it, and write used.cfg (text USED_CFG, given complete). What becomes of results that are there already: NEW refuses with a
 * message that names --resume, --force and -o; RESUME keeps the finished points; FORCE starts over; the old results stay until the first
 * new point (one that is feasible) is written. Results without a point are nothing. The folder is locked (flock
 * on a file) while open. When it fails nothing that it made is left. */
typedef enum { MB_RUN_NEW, MB_RUN_RESUME, MB_RUN_FORCE } mb_run_mode;
int mb_run_create(const char *dir, const char *name, const char *used_cfg, mb_run_mode mode, mb_run **run);
bool mb_run_done(const mb_run *run, int64_t index, const char *id);       /* resumed: this point is complete already */
int mb_run_point(mb_run *run, const mb_point_result *p);                  /* appends its trial lines and its summary; indices ascend, ids are hex digits */
/* The same in two steps: the text of the lines (appended to OUT; any thread), and writing it. */
int mb_run_lines(const mb_point_result *p, mb_str *out);
int mb_run_put(mb_run *run, int64_t index, const char *id, bool infeasible, const mb_str *lines);
int mb_run_sync(mb_run *run);                                             /* to the disk, when that was 0.2 s ago: for times when no points come */
size_t mb_run_kept(const mb_run *run, size_t k, int64_t *index, const char **id);   /* finished point K, index ascending; their number is returned */
int mb_run_write_file(mb_run *run, const char *name, const char *text);   /* plan-*.cfg and the like, atomically */
int mb_run_write_bytes(mb_run *run, const char *name, const void *data, size_t size);   /* the same for files that are no text: net-*.onnx */
/* members of manifest.json, written at close: text KEY: VALUE (the last one of a KEY counts) */
int mb_run_note(mb_run *run, const char *key, const char *value);
int mb_run_close(mb_run *run, bool complete);                             /* end line, manifest.json, unlocks, frees; a new run without a point leaves nothing */

/* --- reading --- */
typedef struct mb_results {
    char *dir, *name, *question; /* question: of used.cfg beside it, or NULL */
    mb_point_result *point;
    size_t n;
    bool complete; /* the end line is there */
    char *where;   /* points were chosen by this condition (run/datum.h), OF were there; NULL: all are here */
    size_t of;
} mb_results;
/* DIR a run folder or a results.jsonl. Damaged lines (checksum) are MB_BADINPUT with file:line, except a partial last line, which is a warning. */
int mb_results_read(const char *dir, mb_results *r);
void mb_results_free(mb_results *r);

/* One point as JSON text, without newline and checksum (also used by --format json). */
void mb_point_json(const mb_point_result *p, mb_str *out);

/* --- reports and plots --- */
typedef enum { MB_FORMAT_TEXT, MB_FORMAT_CSV, MB_FORMAT_JSONL, MB_FORMAT_JSON } mb_format;
/* The answer in one clear table (text), one line per point with all columns (csv, jsonl, json). DETAIL 1 adds breakdowns by component and by layer of each point (text). */
int mb_results_report(const mb_results *r, mb_format f, int detail, mb_str *out);
/* What a plot shows where it leaves that open; NULL: chosen by the plot. Each that is given becomes part of the files' names. */
typedef struct mb_plot_options { const char *x, *y, *by; } mb_plot_options;   /* x, by: swept keys (heat-map: columns, rows); y: a column */
/* Writes RUN/plots/NAME.gp and, with gnuplot, NAME.FORMAT (svg, png, pdf; "gp" writes the scripts only). what NULL: all that make sense and need not be asked for;
 * else kinds separated by commas. O may be NULL. *files: names written, one per line. Without gnuplot: MB_SYSTEM, the scripts stay. */
int mb_results_plot_with(const mb_results *r, const char *what, const char *format, const mb_plot_options *o, mb_str *files);
/* One kind into the picture PATH (.svg, .png, .pdf, or .gp: the script); nothing in the run folder. */
int mb_results_plot_file(const mb_results *r, const char *kind, const mb_plot_options *o, const char *path);
int mb_results_plot(const mb_results *r, const char *what, const char *format, mb_str *files);   /* without options */
/* Kinds of plots, 0, 1, ...: false when there is no I-th. */
bool mb_plot_kind_at(size_t i, const char **name, const char **help);
/* "NAME  what it shows" of each kind, those that R has nothing for with the reason. */
int mb_plot_kinds_for(const mb_results *r, mb_str *out);
/* MB_OK, or CODE and the nearest name. */
int mb_plot_kind_check(const char *name, int code);

#endif
