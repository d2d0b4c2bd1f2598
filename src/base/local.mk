# floor 1: errors, memory, random streams, parameters, configuration, tables, JSON, NPY
libmixbar_la_SOURCES += \
  src/base/error.c src/base/error.h src/base/mem.c src/base/mem.h src/base/rng.c src/base/rng.h src/base/rng_short.c src/base/rng_wide.h \
  src/base/str.c src/base/str.h src/base/file.c src/base/file_write.c src/base/file.h src/base/conf.c src/base/conf.h \
  src/base/conf_scan.c src/base/conf_scan.h src/base/conf_write.c \
  src/base/param.c src/base/param.h src/base/json.c src/base/json.h src/base/table.c src/base/table.h \
  src/base/npy.c src/base/npy.h src/base/quantity.h \
  src/base/clones.h src/base/csv.c src/base/csv.h src/base/expr.c src/base/expr.h src/base/stats.c src/base/stats.h
pkgincludebase_HEADERS = src/base/error.h src/base/mem.h src/base/rng.h src/base/str.h src/base/conf.h \
  src/base/param.h src/base/quantity.h src/base/file.h src/base/json.h src/base/npy.h src/base/table.h
