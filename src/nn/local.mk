# floor 2: networks, ONNX, datasets, exact layers, quantizers
# An operator is one file op_NAME.c that defines `const mb_op_type mb_op_NAME`, and one line here.
MB_OPS = \
  src/nn/op_input.c \
  src/nn/op_conv.c \
  src/nn/op_linear.c \
  src/nn/op_matmul.c \
  src/nn/op_add.c \
  src/nn/op_scale.c \
  src/nn/op_clip.c \
  src/nn/op_maxpool.c \
  src/nn/op_avgpool.c \
  src/nn/op_reshape.c \
  src/nn/op_pad.c \
  src/nn/op_slice.c \
  src/nn/op_concat.c \
  src/nn/op_softmax.c \
  src/nn/op_select.c

# A dataset format is one file dataset_NAME.c that defines `const mb_dataset_type mb_dataset_NAME`, and one line here.
MB_DATASETS = \
  src/nn/dataset_idx.c \
  src/nn/dataset_cifar10.c \
  src/nn/dataset_npy.c

libmixbar_la_SOURCES += $(MB_OPS) $(MB_DATASETS) \
  src/nn/network.c src/nn/network.h src/nn/op.h src/nn/unroll.c src/nn/unroll.h \
  src/nn/onnx.c src/nn/onnx_data.c src/nn/onnx.h src/nn/node.c src/nn/node.h src/nn/fold.c src/nn/fold.h src/nn/window.c src/nn/window.h \
  src/nn/names.c src/nn/names.h src/nn/import.c src/nn/import.h src/nn/import_state.h src/nn/import_values.c \
  src/nn/shapes.c src/nn/shapes.h src/nn/prune.c src/nn/prune.h \
  src/nn/reference.c src/nn/reference.h src/nn/exec.c src/nn/exec.h src/nn/exec_dnnl.c src/nn/exec_dnnl.h \
  src/nn/dataset.c src/nn/dataset.h src/nn/quant.c src/nn/quant.h src/nn/quantizer.c src/nn/quantizer.h \
  src/nn/model.c src/nn/model.h src/nn/model_network.c src/nn/parallel.c src/nn/parallel.h src/nn/fakequant.c src/nn/fakequant.h src/nn/mixquant.c src/nn/mixquant.h \
  src/nn/engine.c src/nn/engine.h src/nn/engine_private.h src/nn/engine_pass.c src/nn/engine_kernels.c src/nn/engine_kernels.h \
  src/nn/engine_conv.c src/nn/engine_conv.h src/nn/loss.c src/nn/loss.h src/nn/optimise.c src/nn/optimise.h \
  src/nn/augment.c src/nn/augment.h src/nn/train.c src/nn/train.h src/nn/train_private.h src/nn/train_file.c
pkgincludenn_HEADERS = src/nn/model.h src/nn/engine.h src/nn/fakequant.h src/nn/mixquant.h src/nn/loss.h src/nn/optimise.h src/nn/train.h src/nn/network.h src/nn/dataset.h src/nn/quant.h src/nn/quantizer.h src/nn/reference.h src/nn/exec.h src/nn/prune.h src/nn/op.h

nodist_libmixbar_la_SOURCES += src/nn/op_registry.c src/nn/dataset_registry.c
CLEANFILES += src/nn/op_registry.c src/nn/dataset_registry.c

src/nn/op_registry.c: $(top_srcdir)/src/nn/local.mk $(top_srcdir)/build-aux/gen-registry.sh
	$(AM_V_GEN)$(MKDIR_P) src/nn && $(GEN_REGISTRY) nn/op.h mb_op_type mb_ops $(MB_OPS) > $@
src/nn/dataset_registry.c: $(top_srcdir)/src/nn/local.mk $(top_srcdir)/build-aux/gen-registry.sh
	$(AM_V_GEN)$(MKDIR_P) src/nn && $(GEN_REGISTRY) nn/dataset.h mb_dataset_type mb_dataset_types $(MB_DATASETS) > $@
include src/nn/second.mk
