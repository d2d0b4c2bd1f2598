/* family_cnn.c - the network of the main job: three 3 x 3 convolutions of 16, 32, 32 channels, two pools, two fully connected
 * layers
 *
 * Large enough for 92 % on Fashion-MNIST, small enough to be trained in minutes and mapped in seconds.
 */
#include "nn/family.h"

static const mb_param params[] = {MB_FAMILY_ROWS("[1, 28, 28]", "10", "1.0", "true"), MB_PARAM_END};

static int build(const mb_family_keys *k, mb_model *m) {
    const int c16 = mb_family_channels(k, 16), c32 = mb_family_channels(k, 32), c64 = mb_family_channels(k, 64);
    int l = mb_family_conv_layers(m, k, "conv1", 0, &(mb_family_conv){c16, 3, 3, 1, 1, 1, false, true});
    l = mb_model_pool(m, "pool1", l, MB_KIND_MAXPOOL, 2, 2, 0);
    l = mb_family_conv_layers(m, k, "conv2", l, &(mb_family_conv){c32, 3, 3, 1, 1, 1, false, true});
    l = mb_family_conv_layers(m, k, "conv3", l, &(mb_family_conv){c32, 3, 3, 1, 1, 1, false, true});
    l = mb_model_flatten(m, "flatten", mb_model_pool(m, "pool2", l, MB_KIND_MAXPOOL, 2, 2, 0));
    l = mb_model_relu(m, "fc1_relu", mb_model_linear(m, "fc1", l, c64, true));
    mb_model_linear(m, "fc2", l, k->classes, true);
    return m->rc;
}

const mb_family_type mb_family_cnn = {
    "cnn", "three convolutions and two fully connected layers (the shipped Fashion-MNIST network)", "this project", params, build};
