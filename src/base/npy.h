/* npy.h - NumPy .npy arrays, versions 1 and 2, little endian, C order (Fortran order is refused with a message that says how to
 * convert) */
#ifndef MB_BASE_NPY_H
#define MB_BASE_NPY_H

#include <stddef.h>
#include <stdint.h>

typedef enum { MB_F32, MB_F64, MB_I8, MB_U8, MB_I16, MB_U16, MB_I32, MB_U32, MB_I64, MB_BOOL8 } mb_dtype;
#define MB_NPY_MAX_RANK 8

typedef struct mb_npy { mb_dtype type; int nd; int64_t dim[MB_NPY_MAX_RANK]; size_t count; void *data; } mb_npy;

size_t mb_dtype_size(mb_dtype t);
const char *mb_dtype_name(mb_dtype t);      /* "float32", ... */
int mb_npy_read(const char *path, mb_npy *a);   /* .gz allowed; sizes must multiply out to the file's length */
int mb_npy_write(const char *path, mb_dtype type, int nd, const int64_t *dim, const void *data);
void mb_npy_free(mb_npy *a);
void mb_npy_to_f32(const mb_npy *a, float *out);   /* COUNT numbers */
void mb_npy_to_f64(const mb_npy *a, double *out);
int mb_npy_to_i64(const mb_npy *a, int64_t *out);  /* MB_BADINPUT when a value is not an integer */

#endif
