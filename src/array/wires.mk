# arrays whose lines have resistance
libmixbar_la_SOURCES += src/array/wire.h src/array/wire_private.h src/array/wire_net.c src/array/wire_law.c \
  src/array/wire_mesh.c src/array/wire_leaf.c src/array/wire_kernel.c
