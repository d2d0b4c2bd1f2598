/* page.h - a run as one HTML file: the question, the setting, tables, plots, plans
 *
 * The file needs no network and no other file; what it holds are the results, used.cfg, manifest.json and the plans of the run
 * folder. The same folder gives the same bytes. Called by the command line.
 */
#ifndef MB_RUN_PAGE_H
#define MB_RUN_PAGE_H

#include "run/results.h"

/* R as mb_results_read gave it. Points beyond a limit, and plans and layers beyond others, are left out, which the page says. */
int mb_results_page(const mb_results *r, mb_str *out);

#endif
