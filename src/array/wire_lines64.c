/* wire_lines64.c - the line solver in double precision, see wire_lines.h. Called by wire_cg.c and wire_newton.c. */
#include "config.h"

#include <stdint.h>

#include "array/wire_lines.h"

#define REAL double
#define LANES MB_LINES_F64
#define MASK int64_t
#define NAME(x) x##64
#include "array/wire_lines_body.h"
