/* plan_internal.h - what plan.c and plan_modes.c share; nobody else includes it */
#ifndef MB_MAPPING_PLAN_INTERNAL_H
#define MB_MAPPING_PLAN_INTERNAL_H

#include "mapping/plan.h"

/* Text in quotes, as libconfig reads it back. */
void mb_plan_add_quoted(mb_str *out, const char *s);
int mb_plan_find_name(char *const *names, int n, const char *name);   /* -1: not there */
void mb_modes_write(const mb_plan *p, mb_str *out);
/* `modes` of the plan file ROOT; the layers of P are read already, in the file's order. */
int mb_modes_read(mb_conf *root, const char *path, mb_plan *p);

#endif
