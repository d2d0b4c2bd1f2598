/* wire_lines32.c - the line solver in single precision, see wire_lines.h. Called by wire_cg.c. */
#include "config.h"

#include <stdint.h>

#include "array/wire_lines.h"

#define REAL float
#define LANES MB_LINES_F32
#define MASK int32_t
#define NAME(x) x##32
#include "array/wire_lines_body.h"
