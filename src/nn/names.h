/* names.h - a table of names: numbers them in the order they are added, finds the number of a name
 *
 * Made once for a known number of names (open addressing, FNV-1a). Names are not copied. Used by nn/import.c.
 */
#ifndef MB_NN_NAMES_H
#define MB_NN_NAMES_H

#include "nn/onnx.h"

typedef struct mb_names { mb_span *name; int n; int *slot; size_t cap; } mb_names;   /* {0} is empty and may be freed */

int mb_names_init(mb_names *t, size_t most);          /* room for MOST names */
void mb_names_free(mb_names *t);
int mb_names_find(const mb_names *t, mb_span name);   /* -1 when it is not there */
/* The number of NAME, which is new (the caller has looked), or -1 when the table is full. */
int mb_names_add(mb_names *t, mb_span name);

#endif
