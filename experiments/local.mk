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
nobase_dist_pkgdata_DATA += experiments/train-fashion.cfg
nobase_dist_pkgdata_DATA += experiments/train-fashion-4bit.cfg
nobase_dist_pkgdata_DATA += experiments/train-fashion-2bit.cfg
nobase_dist_pkgdata_DATA += experiments/train-fashion-binary.cfg
nobase_dist_pkgdata_DATA += experiments/train-rram.cfg
