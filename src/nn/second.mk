# derivatives in double precision and second-order tools
libmixbar_la_SOURCES += src/nn/diff.c src/nn/diff.h src/nn/diff_private.h src/nn/diff_conv.c src/nn/diff_simple.c src/nn/diff_norm.c \
  src/nn/hessian.c src/nn/hessian.h src/nn/hessian_model.c src/nn/fisher.c
pkgincludenn_HEADERS += src/nn/diff.h src/nn/hessian.h
