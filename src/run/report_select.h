/* report_select.h - parts of the results of a run as tables: chosen columns, groups over a swept key, the best point, a Pareto front
 *
 * Text has one unit per column; CSV, JSON and JSON Lines have SI units and numbers that read back to the same bits. COLUMNS: names as in datum.h with
 * commas between them, or NULL for the usual ones. All append to OUT; MB_BADINPUT for names that the results do not have. Called by the command line.
 */
#ifndef MB_RUN_REPORT_SELECT_H
#define MB_RUN_REPORT_SELECT_H

#include "run/results.h"

/* One row per point. */
int mb_report_columns(const mb_results *r, const char *columns, mb_format f, mb_str *out);
/* Groups of points that agree in KEYS (swept keys, or their ends): number of points, and of each metric mean, best, standard deviation; CSV and JSON
 * also have the smallest, the largest, and the number of the best point. COLUMNS: columns and costs of baselines alone. */
int mb_report_by(const mb_results *r, const char *keys, const char *columns, mb_format f, mb_str *out);
/* The best point by METRIC ("edap", "max:latency"; else accuracies and throughputs are best when large, all others when small). MB_NO with a message
 * when no point has a number there. */
int mb_report_best(const mb_results *r, const char *metric, const char *columns, mb_format f, mb_str *out);
/* The front of OBJECTIVES ("accuracy,energy") from good to bad in the first, with its hypervolume up to REFERENCE (pareto.h). */
int mb_report_front(const mb_results *r, const char *objectives, const char *reference, const char *columns, mb_format f, mb_str *out);

#endif
