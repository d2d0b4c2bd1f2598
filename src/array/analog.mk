# the general analog engine in double precision (array/analog.h)
libmixbar_la_SOURCES += src/array/analog.h src/array/analog_private.h src/array/analog_spec.c src/array/analog_map.c src/array/analog_cell.c \
  src/array/analog_convert.c src/array/analog_mvm.c src/array/analog_wires.c src/array/analog_explain.c
