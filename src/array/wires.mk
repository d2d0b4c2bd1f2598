# arrays whose lines have resistance
libmixbar_la_SOURCES += src/array/wire.h src/array/wire_private.h src/array/wire_net.c src/array/wire_law.c \
  src/array/wire_mesh.c src/array/wire_leaf.c src/array/wire_kernel.c \
  src/array/wire_lines.h src/array/wire_lines_body.h src/array/wire_lines32.c src/array/wire_lines64.c \
  src/array/wire_cg.c src/array/wire_estimate.c src/array/wire_newton.c src/array/wire_ladder.c src/array/wire_solve.c

dist_doc_DATA += doc/models-wires.md
