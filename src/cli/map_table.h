/* map_table.h - mixbar map --table: assignments of a user's own table */
#ifndef MB_CLI_MAP_TABLE_H
#define MB_CLI_MAP_TABLE_H

#include "cli/cli.h"
#include "cli/doc.h"

typedef struct mb_map_table {
    const char *path, *solver, *gap, *time, *front;
    const mb_strings *limit; /* NAME=VALUE */
    int best, points, seed;
} mb_map_table;

/* Solve and write into D. MB_NUMERIC: nothing is within the limits. */
int mb_map_table_run(const mb_map_table *t, mb_doc *d);
/* Real number of an option; NULL: DEFAULT. MB_USAGE. */
int mb_map_real(const char *option, const char *text, double lo, double def, double *out);

#endif
