# Cells and converters. Each sees only array/cell.h, array/adc.h and src/base.
# A cell is one file cell_NAME.c that defines `const mb_cell_type mb_cell_NAME`, and one line here; a converter likewise.
MB_CELLS = \
  devices/cell_generic.c \
  devices/cell_ideal.c \
  devices/cell_rram.c

MB_ADCS = \
  devices/adc_ideal.c \
  devices/adc_sar.c \
  devices/adc_uniform.c \
  devices/adc_flash.c \
  devices/adc_ramp.c \
  devices/adc_pipeline.c \
  devices/adc_cyclic.c \
  devices/adc_integrate.c \
  devices/adc_table.c

libmixbar_la_SOURCES += $(MB_CELLS) $(MB_ADCS) devices/adc_survey.c devices/adc_survey.h
libmixbar_la_SOURCES += devices/generic.h devices/generic_params.c devices/gfun.c devices/gfun.h devices/vecmath.h \
  devices/stages.h devices/stage_access.c devices/stage_curve.c devices/stage_drift.c devices/stage_endurance.c \
  devices/stage_flicker.c devices/stage_levels.c devices/stage_program.c devices/stage_relax.c devices/stage_retention.c \
  devices/stage_stuck.c devices/stage_telegraph.c devices/stage_temperature.c devices/stage_variation.c devices/stage_verify.c \
  devices/stage_white.c
libmixbar_la_SOURCES += devices/adc_circuit.c devices/adc_circuit.h devices/adc_stages.c devices/adc_stages.h
nodist_libmixbar_la_SOURCES += devices/cell_registry.c devices/adc_registry.c
CLEANFILES += devices/cell_registry.c devices/adc_registry.c
nobase_dist_pkgdata_DATA += \
  devices/sram-digital.cfg \
  devices/sram-charge-7nm.cfg \
  devices/rram-isaac.cfg \
  devices/rram-prime.cfg \
  devices/ecram-li.cfg \
  devices/ecram-wox.cfg \
  devices/example-4bit.cfg \
  devices/fefet-22nm.cfg \
  devices/fefet-28nm.cfg \
  devices/fefet-hzo.cfg \
  devices/ideal.cfg \
  devices/nor-flash-180nm.cfg \
  devices/nor-flash-40nm.cfg \
  devices/pcm-hermes-2.cfg \
  devices/pcm-hermes.cfg \
  devices/pcm-joshi.cfg \
  devices/pcm-nandakumar-compensated.cfg \
  devices/pcm-nandakumar.cfg \
  devices/rram-alox-hfo2.cfg \
  devices/rram-cmo-2percent.cfg \
  devices/rram-cmo.cfg \
  devices/rram-epiram.cfg \
  devices/rram-intel-22nm.cfg \
  devices/rram-milo.cfg \
  devices/rram-neurram.cfg \
  devices/rram-pcmo.cfg \
  devices/rram-taox-hfox.cfg \
  devices/rram-winbond-90nm.cfg \
  devices/rram.cfg \
  devices/sonos-40nm.cfg \
  devices/sot-mram.cfg \
  devices/sram-capacitor.cfg \
  devices/sram-current.cfg \
  devices/stt-mram-intel-22nm.cfg \
  devices/stt-mram.cfg

devices/cell_registry.c: $(top_srcdir)/devices/local.mk $(top_srcdir)/build-aux/gen-registry.sh
	$(AM_V_GEN)$(MKDIR_P) devices && $(GEN_REGISTRY) array/cell.h mb_cell_type mb_cells $(MB_CELLS) > $@
devices/adc_registry.c: $(top_srcdir)/devices/local.mk $(top_srcdir)/build-aux/gen-registry.sh
	$(AM_V_GEN)$(MKDIR_P) devices && $(GEN_REGISTRY) array/adc.h mb_adc_type mb_adcs $(MB_ADCS) > $@
