/* merge.h - shards of a run put together: the bytes of the run that was never divided */
#ifndef MB_RUN_MERGE_H
#define MB_RUN_MERGE_H

#include "base/str.h"

/* Points of the run folders DIR[0..n-1], of one experiment, into the new run folder OUT (FORCE: one that holds results is replaced): results, plans, explanations. All
 * points of the experiment must be there: otherwise nothing is written, MISSING names those that are not ("3, 7, 11-19") and MB_NO is returned. A point that is in
 * several folders must be the same bytes in all: MB_BADINPUT, as for folders of different experiments, damaged files, and an OUT that is one of DIR. *points: how many there
 * are. */
int mb_results_merge(const char *const *dir, size_t n, const char *out, int force, size_t *points, mb_str *missing);

#endif
