# second-order sensitivities of layers
libmixbar_la_SOURCES += src/run/curvature.c src/run/curvature.h
pkgincluderun_HEADERS += src/run/curvature.h
