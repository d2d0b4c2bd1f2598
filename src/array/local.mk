# floor 3: slicing, arrays, kernels. (mapping/ is its sister: neither knows the other.)
# A kernel is one file kernel_NAME.c that defines `const mb_kernel mb_kernel_NAME`, and one line here, best first.
MB_KERNELS = \
  src/array/kernel_amx.c \
  src/array/kernel_vnni.c \
  src/array/kernel_avx512.c \
  src/array/kernel_avx2.c \
  src/array/kernel_portable.c

libmixbar_la_SOURCES += $(MB_KERNELS) \
  src/array/cell.c \
  src/array/cell.h \
  src/array/adc.c \
  src/array/adc.h \
  src/array/xbar.c \
  src/array/xbar.h \
  src/array/xbar_private.h \
  src/array/xbar_wires.c \
  src/array/program.c src/array/share.c \
  src/array/range.c \
  src/array/oracle.c \
  src/array/general.c \
  src/array/codes.c \
  src/array/matmul.c \
  src/array/kernel.c \
  src/array/kernel.h \
  src/array/kernel_body.h \
  src/array/kernel_tiles.h \
  src/array/kernel_narrow.h \
  src/array/kernel_packed.h \
  src/array/quads.c \
  src/array/cell_user.c \
  src/array/matmul.h
nodist_libmixbar_la_SOURCES += src/array/kernel_registry.c
CLEANFILES += src/array/kernel_registry.c
pkgincludearray_HEADERS = src/array/cell.h src/array/adc.h src/array/xbar.h src/array/analog.h src/array/wire.h

src/array/kernel_registry.c: $(top_srcdir)/src/array/local.mk $(top_srcdir)/build-aux/gen-registry.sh
	$(AM_V_GEN)$(MKDIR_P) src/array && $(GEN_REGISTRY) array/kernel.h mb_kernel mb_kernels $(MB_KERNELS) > $@
include src/array/analog.mk
include src/array/wires.mk
