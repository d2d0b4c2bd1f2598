# presets and experiments that ship and are installed
nobase_dist_pkgdata_DATA += \
  experiments/data/README.md \
  experiments/data/cifar10.cfg \
  experiments/data/fashion-mnist.cfg \
  experiments/data/fashion-mnist-fallback.cfg \
  experiments/data/fashion-mnist-standardised.cfg \
  experiments/data/fashion-mnist-train.cfg \
  experiments/data/fashion-mnist-train-standardised.cfg \
  experiments/data/mnist.cfg \
  experiments/data/fashion-calib-256-images-idx3-ubyte.gz \
  experiments/data/fashion-calib-256-labels-idx1-ubyte.gz \
  experiments/data/fashion-test-1000-images-idx3-ubyte.gz \
  experiments/data/fashion-test-1000-labels-idx1-ubyte.gz \
  experiments/networks/README.md \
  experiments/networks/fashion_cnn.onnx \
  experiments/networks/fashion_resnet8.onnx

# machines and baselines
nobase_dist_pkgdata_DATA += experiments/arch/ideal.cfg
nobase_dist_pkgdata_DATA += experiments/arch/rram-22nm.cfg
nobase_dist_pkgdata_DATA += experiments/baselines/systolic-32x32.cfg
nobase_dist_pkgdata_DATA += experiments/baselines/tpu-128x128.cfg

# experiments
nobase_dist_pkgdata_DATA += experiments/quickstart.cfg
nobase_dist_pkgdata_DATA += experiments/devices.cfg
nobase_dist_pkgdata_DATA += experiments/wires.cfg
nobase_dist_pkgdata_DATA += experiments/mappings.cfg

# published macros: description, operating points, breakdowns
nobase_dist_pkgdata_DATA += experiments/macros/aimc-22nm-2021.cfg experiments/macros/aimc-22nm-2021.csv
nobase_dist_pkgdata_DATA += experiments/macros/aimc-28nm-2023.cfg experiments/macros/aimc-28nm-2023.csv
nobase_dist_pkgdata_DATA += experiments/macros/colonnade-2021.cfg experiments/macros/colonnade-2021.csv experiments/macros/colonnade-2021-parts.csv
nobase_dist_pkgdata_DATA += experiments/macros/dimc-28nm-2022-11-7.cfg experiments/macros/dimc-28nm-2022-11-7.csv
nobase_dist_pkgdata_DATA += experiments/macros/dimc-28nm-2022-15-5.cfg experiments/macros/dimc-28nm-2022-15-5.csv
nobase_dist_pkgdata_DATA += experiments/macros/dimc-28nm-2023-16-3.cfg experiments/macros/dimc-28nm-2023-16-3.csv
nobase_dist_pkgdata_DATA += experiments/macros/hermes-2022.cfg experiments/macros/hermes-2022.csv
nobase_dist_pkgdata_DATA += experiments/macros/jia-2020.cfg experiments/macros/jia-2020.csv experiments/macros/jia-2020-parts.csv
nobase_dist_pkgdata_DATA += experiments/macros/neurram-2022.cfg experiments/macros/neurram-2022.csv experiments/macros/neurram-2022-parts.csv
nobase_dist_pkgdata_DATA += experiments/macros/sinangil-2021.cfg experiments/macros/sinangil-2021.csv experiments/macros/sinangil-2021-parts.csv
