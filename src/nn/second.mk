# derivatives in double precision and second-order tools; ONNX files
libmixbar_la_SOURCES += src/nn/diff.c src/nn/diff.h src/nn/diff_private.h src/nn/diff_conv.c src/nn/diff_simple.c src/nn/diff_norm.c \
  src/nn/hessian.c src/nn/hessian.h src/nn/hessian_model.c src/nn/fisher.c \
  src/nn/onnx_write.c src/nn/onnx_write.h src/nn/onnx_write_model.c src/nn/onnx_graph.c src/nn/onnx_graph.h
pkgincludenn_HEADERS += src/nn/diff.h src/nn/hessian.h src/nn/onnx_write.h
