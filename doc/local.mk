# documentation: the manual page and the texts
dist_man1_MANS += doc/mixbar.1
dist_doc_DATA += \
  doc/guide.md \
  doc/sweeps.md \
  doc/models.md \
  doc/models-array.md \
  doc/mappings.md \
  doc/mapping.md \
  doc/modes.md \
  doc/experiments.md \
  doc/models-cost.md \
  doc/baselines.md \
  doc/models-analog.md \
  doc/models-devices.md \
  doc/design.md \
  doc/devices.md \
  doc/training.md \
  doc/pandas.md \
  doc/second-order.md \
  doc/fit.md \
  doc/cluster.md \
  doc/plots.md
nobase_dist_pkgdata_DATA += doc/examples/oxide-pairs.csv doc/examples/oxide-series.csv doc/examples/oxide-current.csv
# examples, installed beside experiments/ so that their relative paths hold
nobase_dist_pkgdata_DATA += doc/examples/user-cell/Makefile doc/examples/user-cell/gap_cell.c doc/examples/user-cell/gap.cfg
# batch files for Slurm
nobase_dist_pkgdata_DATA += doc/examples/cluster/array.sbatch doc/examples/cluster/merge.sbatch doc/examples/cluster/mpi.sbatch doc/examples/cluster/submit.sh
# pictures of doc/experiments.md; `make pictures` draws them anew
picturesdir = $(docdir)/pictures
dist_pictures_DATA = doc/pictures/adc-lines.svg doc/pictures/arrays-accuracy-edap.svg doc/pictures/slicing-lines.svg doc/pictures/devices-accuracy-time.svg \
  doc/pictures/drift-lines.svg doc/pictures/wires-snr-layers.svg doc/pictures/modes-heat-map.svg doc/pictures/front-accuracy-energy.svg \
  doc/pictures/front-precision-layers.svg doc/pictures/methods-lines.svg doc/pictures/pruning-accuracy-edap.svg doc/pictures/hawqv3_resnet18-energy-delay-area.svg \
  doc/pictures/mlperf-tiny-energy-components.svg doc/pictures/von-neumann-energy-components.svg
EXTRA_DIST += doc/pictures.sh
.PHONY: pictures
pictures: mixbar$(EXEEXT)
	$(AM_V_GEN)$(SHELL) $(srcdir)/doc/pictures.sh $(abs_top_srcdir) $(abs_top_builddir)
