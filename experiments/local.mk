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

# layer shapes of large networks
nobase_dist_pkgdata_DATA += \
  experiments/networks/alexnet_conv.csv \
  experiments/networks/bert_base_128.csv \
  experiments/networks/gpt2_small_1024.csv \
  experiments/networks/mobilenetv2.csv \
  experiments/networks/resnet18.csv \
  experiments/networks/mlperf_resnet8.csv experiments/networks/mlperf_mobilenetv1_025.csv experiments/networks/mlperf_dscnn.csv experiments/networks/mlperf_autoencoder.csv \
  experiments/networks/resnet50.csv \
  experiments/networks/vgg16.csv \
  experiments/networks/vit_b16.csv

include experiments/macros.mk

# machines and baselines
nobase_dist_pkgdata_DATA += experiments/arch/neurram.cfg
nobase_dist_pkgdata_DATA += experiments/arch/hermes.cfg
nobase_dist_pkgdata_DATA += experiments/arch/prime.cfg
nobase_dist_pkgdata_DATA += experiments/arch/sram-7nm.cfg
nobase_dist_pkgdata_DATA += experiments/arch/digital-cim-28nm.cfg
nobase_dist_pkgdata_DATA += experiments/arch/isaac.cfg
nobase_dist_pkgdata_DATA += experiments/arch/ideal.cfg
nobase_dist_pkgdata_DATA += experiments/arch/rram-22nm.cfg
nobase_dist_pkgdata_DATA += experiments/baselines/systolic-32x32.cfg
nobase_dist_pkgdata_DATA += experiments/baselines/tpu-128x128.cfg
nobase_dist_pkgdata_DATA += experiments/baselines/tpu-v1.cfg
nobase_dist_pkgdata_DATA += experiments/baselines/tpu-v1-28nm.cfg
nobase_dist_pkgdata_DATA += experiments/baselines/tpu-v4i.cfg
nobase_dist_pkgdata_DATA += experiments/baselines/eyeriss.cfg
nobase_dist_pkgdata_DATA += experiments/baselines/eyeriss-65nm.cfg
nobase_dist_pkgdata_DATA += experiments/baselines/northpole.cfg
nobase_dist_pkgdata_DATA += experiments/baselines/northpole-12nm.cfg
nobase_dist_pkgdata_DATA += experiments/baselines/cpu-haswell.cfg
nobase_dist_pkgdata_DATA += experiments/baselines/gpu-v100.cfg
nobase_dist_pkgdata_DATA += experiments/baselines/gpu-orin.cfg

# experiments
nobase_dist_pkgdata_DATA += experiments/quickstart.cfg
nobase_dist_pkgdata_DATA += experiments/devices.cfg
nobase_dist_pkgdata_DATA += experiments/wires.cfg
nobase_dist_pkgdata_DATA += experiments/mappings.cfg
nobase_dist_pkgdata_DATA += experiments/machines.cfg
nobase_dist_pkgdata_DATA += experiments/large-networks.cfg experiments/design-space.cfg
nobase_dist_pkgdata_DATA += experiments/train-fashion.cfg
nobase_dist_pkgdata_DATA += experiments/train-fashion-4bit.cfg
nobase_dist_pkgdata_DATA += experiments/train-fashion-2bit.cfg
nobase_dist_pkgdata_DATA += experiments/train-fashion-binary.cfg
nobase_dist_pkgdata_DATA += experiments/train-rram.cfg experiments/train-converters.cfg experiments/front.cfg
nobase_dist_pkgdata_DATA += experiments/adc.cfg experiments/arrays.cfg experiments/slicing.cfg experiments/drift.cfg
nobase_dist_pkgdata_DATA += experiments/finetune-mixed.cfg
nobase_dist_pkgdata_DATA += experiments/methods.cfg experiments/modes.cfg experiments/mlperf-tiny.cfg experiments/von-neumann.cfg
nobase_dist_pkgdata_DATA += experiments/pruning.cfg experiments/hawqv3_resnet18.cfg
