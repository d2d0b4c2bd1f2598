#!/bin/sh
# gen-registry.sh HEADER TYPE PREFIX FILE.c ... : C source of a NULL-terminated table of descriptors, one per file.
# The file devices/cell_rram.c must define `const TYPE PREFIXcell_rram`; the table is called PREFIX and the word after the last
# slash gives the rest:  gen-registry.sh array/cell.h mb_cell_type mb_cells devices/cell_ideal.c -> const mb_cell_type *const mb_cells[]
set -eu
header=$1 type=$2 table=$3
shift 3
echo "/* generated from the lists in local.mk: do not edit */"
echo "#include \"$header\""
echo
for f in "$@"; do b=$(basename "$f" .c); echo "extern const $type mb_$b;"; done
echo
echo "const $type *const $table[] = {"
for f in "$@"; do b=$(basename "$f" .c); echo "    &mb_$b,"; done
echo "    NULL,"
echo "};"
