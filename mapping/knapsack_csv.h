/* knapsack_csv.h - a user's own table of sensitivities and costs
 *
 * One row per layer and choice, in any order; a header line. Columns: `layer` (name), `sensitivity` (or `value`; smaller is
 * better), `choice` (label, optional), `tied` (optional: layers with the same word in it take the same index of choice); every
 * other column is a cost. Example: layer,choice,sensitivity,energy_J,arrays conv1,4 bit,0.31,1.2e-9,2 A missing or unreadable
 * cell is MB_BADINPUT with file:line. Who may call: `mixbar map --table`, tests.
 */
#ifndef MB_MAPPING_KNAPSACK_CSV_H
#define MB_MAPPING_KNAPSACK_CSV_H

#include "mapping/knapsack.h"

typedef struct mb_user_table {
    mb_knapsack *p; /* limits infinite, costs in the order of columns */
    char ***label;  /* label[i][j]: the cell in column `choice`, or the number of the choice */
} mb_user_table;

int mb_user_table_read(const char *path, mb_user_table *t); /* .gz too */
void mb_user_table_free(mb_user_table *t);
/* Number of the cost column NAME: MB_BADINPUT with the nearest, and all. */
int mb_user_table_column(const mb_user_table *t, const char *name, int *k);

#endif
