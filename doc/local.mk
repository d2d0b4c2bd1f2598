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
