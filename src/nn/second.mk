# derivatives in double precision and second-order tools; ONNX files
libmixbar_la_SOURCES += src/nn/diff.c src/nn/diff.h src/nn/diff_private.h src/nn/diff_conv.c src/nn/diff_simple.c src/nn/diff_norm.c \
  src/nn/hessian.c src/nn/hessian.h src/nn/hessian_model.c src/nn/fisher.c \
  src/nn/onnx_write.c src/nn/onnx_write.h src/nn/onnx_write_model.c src/nn/onnx_graph.c src/nn/onnx_graph.h
pkgincludenn_HEADERS += src/nn/diff.h src/nn/hessian.h src/nn/onnx_write.h

# A network family is one file family_NAME.c that defines `const mb_family_type mb_family_NAME`, and one line here.
MB_FAMILIES = \
  src/nn/family_mlp.c \
  src/nn/family_lenet.c \
  src/nn/family_cnn.c \
  src/nn/family_vgg_small.c \
  src/nn/family_resnet8.c \
  src/nn/family_resnet20.c \
  src/nn/family_resnet32.c \
  src/nn/family_resnet56.c \
  src/nn/family_ds_cnn.c \
  src/nn/family_mobilenetv1.c
libmixbar_la_SOURCES += $(MB_FAMILIES) src/nn/family.c src/nn/family.h src/nn/family_resnet.c
pkgincludenn_HEADERS += src/nn/family.h
nodist_libmixbar_la_SOURCES += src/nn/family_registry.c
CLEANFILES += src/nn/family_registry.c
src/nn/family_registry.c: $(top_srcdir)/src/nn/second.mk $(top_srcdir)/build-aux/gen-registry.sh
	$(AM_V_GEN)$(MKDIR_P) src/nn && $(GEN_REGISTRY) nn/family.h mb_family_type mb_families $(MB_FAMILIES) > $@
