/* results_internal.h - what columns.c, results_*.c, report_text.c and plot*.c share; nobody else includes it */
#ifndef MB_RUN_RESULTS_INTERNAL_H
#define MB_RUN_RESULTS_INTERNAL_H

#include <math.h>

#include "run/results.h"

#define MB_NAN ((double)NAN)
#define MB_INF ((double)INFINITY)

/* --- the format of results.jsonl --- */
#define MB_RESULTS_FILE "results.jsonl"
#define MB_RESULTS_SCHEMA 1

/* One row of a table of the members of a JSON object and the fields of a struct: writing and reading use the same rows. */
typedef enum { MB_F_STR, MB_F_INT, MB_F_I64, MB_F_REAL } mb_field_kind;
typedef struct mb_field {
    const char *name, *unit, *help;
    mb_field_kind kind;
    size_t offset;
} mb_field;
extern const mb_field mb_layer_fields[]; /* of mb_layer_result; ends with name NULL; part and n_part are apart */
extern const mb_field mb_trial_fields[]; /* of mb_trial_result */

/* Put the checksum into the JSON object that OUT holds from byte AT on, and end the line: {...} becomes {...,"crc":"89abcdef"}\n
 */
void mb_line_seal(mb_str *out, size_t at);
/* Length of the part of LINE (N bytes, without newline) that the checksum covers, 0 when the line is damaged. */
size_t mb_line_check(const char *line, size_t n);
/* The schema line without its seal. EXPERIMENT: 16 hex digits. */
void mb_schema_json(const char *name, const char *experiment, mb_str *out);
/* A point: with TRIALS its draws are a member "draws" (in results.jsonl they have lines of their own). */
void mb_point_json_to(const mb_point_result *p, bool trials, mb_str *out);

/* --- manifest.json --- */
#define MB_MANIFEST_FILE "manifest.json"
typedef struct mb_session {
    char *started, *ended, *host, *system;
    int64_t cpus, points;
    double elapsed_s;
} mb_session;
typedef struct mb_manifest {
    mb_setting *note;
    size_t n_note;
    mb_session *session; /* earlier ones, then this one */
    size_t n_session;
    double clock0_s;
} mb_manifest; /* {0} is empty */
void mb_manifest_free(mb_manifest *m);
/* The sessions of the manifest in DIR, of a run that is resumed, and its notes about single points ("... of point 3"), which are not computed again.
 * One that cannot be read is a warning. */
int mb_manifest_read(mb_manifest *m, const char *dir);
int mb_manifest_begin(mb_manifest *m); /* a session */
void mb_manifest_end(mb_manifest *m, int64_t points);
int mb_manifest_note(mb_manifest *m, const char *key, const char *value); /* as mb_run_note */
void mb_manifest_write(const mb_manifest *m, const char *name, const char *experiment, bool complete, int64_t points,
                       mb_str *out);

/* --- labels --- */
/* A name for point P that people can tell from the others': its label, the keys of a sweep cut to their last parts where that is
 * unambiguous, "point N" without a label. NULL without memory; mb_free. */
char *mb_point_name(const mb_results *r, const mb_point_result *p);
/* All points differ in the same swept keys and have no names of their own: then their values stand for them. */
bool mb_same_keys(const mb_results *r);
/* How the points of R are told from each other in plots. SAME: as mb_same_keys. A bit of USE per swept key: of keys that are set together
 * only the first that makes a difference is needed. BASE: values of that key are files, which go by their names alone. */
typedef struct mb_tagging { bool same; uint64_t use, base; } mb_tagging;
int mb_tagging_of(const mb_results *r, mb_tagging *t);
/* A short name for plots: the values alone, "8/4/6", of the keys that tell points apart; else as mb_point_name. NULL without memory;
 * mb_free. */
char *mb_point_tag(const mb_results *r, const mb_point_result *p, const mb_tagging *t);
/* What the values of tags are: "weight_bits / input_bits / adc.bits"; nothing when tags are names. */
void mb_tag_legend(const mb_results *r, const mb_tagging *t, mb_str *out);
/* TEXT cut to at most CHARS characters (UTF-8), the middle replaced by ".."; control characters become spaces, bytes that are not
 * UTF-8 become '?'. Appended to OUT. */
void mb_text_short(const char *text, size_t chars, mb_str *out);
size_t mb_text_width(const char *text); /* characters */

/* --- units: one per column, so that numbers can be compared --- */
typedef struct mb_unit_choice {
    double scale;
    char name[40];
} mb_unit_choice; /* shown number = SI number / scale; name like "uJ", "mm2" */
/* The prefix for which most of the N numbers (those > 0 count) are between 1 and 1000. UNIT "J", "s", "m2", "W", ... */
mb_unit_choice mb_choose_unit(const double *v, size_t n, const char *unit);
/* Decimals with which the smallest of the N numbers (v / scale, those > 0) still shows DIGITS significant digits, at most 9; -1:
 * they span too much, use %.*e. */
int mb_choose_decimals(const double *v, size_t n, double scale, int digits);

/* --- explanations of points that have one (report_explain.c), appended to a text report --- */
int mb_report_explain(const mb_results *r, mb_str *out);

/* --- baselines at equal area and equal capacity (report_iso.c), appended to a text report --- */
int mb_report_iso(const mb_results *r, mb_str *out);

/* --- reports for programs (report_data.c) --- */
int mb_report_csv(const mb_results *r, mb_str *out);
void mb_report_json(const mb_results *r, mb_str *out);
const mb_baseline_result *mb_point_baseline(const mb_point_result *p, const char *name); /* NULL when P has none of that name */

/* --- baselines of all points, equal ones (same name, same cost) once --- */
typedef struct mb_baseline_row {
    const mb_baseline_result *b;
    const mb_point_result *first; /* a point it belongs to */
    size_t points;                /* how many points share it */
    bool alone;                   /* the only one of this name */
    double accuracy;              /* quantised accuracy when all points that share it agree, else NaN */
} mb_baseline_row;
int mb_baseline_rows(const mb_results *r, mb_baseline_row **rows, size_t *n); /* in order of first appearance, by name; mb_free */

#endif
