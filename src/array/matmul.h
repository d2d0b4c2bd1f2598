/* matmul.h - the forms of the exact integer product, for matmul.c and its test; everyone else calls mb_matmul_i16() (array/xbar.h) */
#ifndef MB_ARRAY_MATMUL_H
#define MB_ARRAY_MATMUL_H

#include <stdint.h>

/* Forms: one per instruction set, best first, the last in plain C; all give the same numbers. */
int mb_matmul_forms(void);
const char *mb_matmul_form(int form);        /* its name; NULL when this machine cannot do it */
/* mb_matmul_i16() by a form of this machine. */
void mb_matmul_i16_by(int form, int m, int K, int N, const int16_t *x, const int16_t *Wq, int64_t *y);

#endif
