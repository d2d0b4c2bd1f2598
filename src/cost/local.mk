# floor 4: machine description, counts x unit costs, von Neumann baselines
# A baseline is one file baseline_NAME.c that defines `const mb_baseline_type mb_baseline_NAME`, and one line here.
MB_BASELINES = \
  src/cost/baseline_systolic.c \
  src/cost/baseline_spatial.c \
  src/cost/baseline_nearmem.c \
  src/cost/baseline_roofline.c
# A kind of macro is one file macro_NAME.c that defines `const mb_macro_type mb_macro_NAME`, and one line here.
MB_MACROS = \
  src/cost/macro_charge.c \
  src/cost/macro_pulse.c \
  src/cost/macro_neuron.c \
  src/cost/macro_oscillator.c \
  src/cost/macro_bit_serial.c \
  src/cost/macro_adder_tree.c
libmixbar_la_SOURCES += $(MB_MACROS) src/cost/macro.c src/cost/macro.h src/cost/macro_layer.c src/cost/macro_layer.h src/cost/macro_check.c src/cost/macro_check.h \
  src/cost/supply.h src/cost/cim_logic.c src/cost/cim_logic.h

libmixbar_la_SOURCES += $(MB_BASELINES) \
  src/cost/report.c src/cost/report.h src/cost/machine.c src/cost/machine.h src/cost/network.c src/cost/peak.c src/cost/job.c src/cost/job.h src/cost/parts.c src/cost/parts.h src/cost/unit.c src/cost/unit.h \
  src/cost/tech.c src/cost/tech.h src/cost/tech_table.h src/cost/gate.c src/cost/gate.h src/cost/circuit.c src/cost/circuit.h \
  src/cost/converter.c src/cost/converter.h src/cost/converter_table.h src/cost/memory.c src/cost/memory.h \
  src/cost/component.c src/cost/component.h src/cost/component_logic.c src/cost/component_wire.c src/cost/component_converter.c \
  src/cost/component_memory.c \
  src/cost/sram.c src/cost/sram.h src/cost/sram_table.h src/cost/baseline.c src/cost/baseline.h src/cost/platform.c src/cost/platform.h \
  src/cost/activity.c src/cost/programming.c src/cost/digital.c src/cost/digital.h src/cost/ledger.c src/cost/ledger.h src/cost/systolic.c src/cost/systolic.h
pkgincludecost_HEADERS = src/cost/machine.h src/cost/report.h src/cost/baseline.h
nodist_libmixbar_la_SOURCES += src/cost/baseline_registry.c src/cost/macro_registry.c
CLEANFILES += src/cost/baseline_registry.c src/cost/macro_registry.c

src/cost/baseline_registry.c: $(top_srcdir)/src/cost/local.mk $(top_srcdir)/build-aux/gen-registry.sh
	$(AM_V_GEN)$(MKDIR_P) src/cost && $(GEN_REGISTRY) cost/baseline.h mb_baseline_type mb_baselines $(MB_BASELINES) > $@

src/cost/macro_registry.c: $(top_srcdir)/src/cost/local.mk $(top_srcdir)/build-aux/gen-registry.sh
	$(AM_V_GEN)$(MKDIR_P) src/cost && $(GEN_REGISTRY) cost/macro.h mb_macro_type mb_macros $(MB_MACROS) > $@
