/* family_lenet.c - LeNet-5 with ReLU and maximum pooling: 5 x 5 convolutions of 6 and 16 channels, fully connected layers of 120
 * and 84
 *
 * Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, Proc. IEEE 86 (1998) 2278, doi:10.1109/5.726791; the input is padded to 32 x 32
 * as there.
 */
#include "nn/family.h"

static const mb_param params[] = {MB_FAMILY_ROWS("[1, 28, 28]", "10", "1.0", "false"), MB_PARAM_END};

static int build(const mb_family_keys *k, mb_model *m) {
    int l = mb_family_conv_layers(m, k, "conv1", 0, &(mb_family_conv){mb_family_channels(k, 6), 5, 5, 1, 2, 1, false, true});
    l = mb_model_pool(m, "pool1", l, MB_KIND_MAXPOOL, 2, 2, 0);
    l = mb_family_conv_layers(m, k, "conv2", l, &(mb_family_conv){mb_family_channels(k, 16), 5, 5, 1, 0, 1, false, true});
    l = mb_model_flatten(m, "flatten", mb_model_pool(m, "pool2", l, MB_KIND_MAXPOOL, 2, 2, 0));
    l = mb_model_relu(m, "fc1_relu", mb_model_linear(m, "fc1", l, mb_family_channels(k, 120), true));
    l = mb_model_relu(m, "fc2_relu", mb_model_linear(m, "fc2", l, mb_family_channels(k, 84), true));
    mb_model_linear(m, "fc3", l, k->classes, true);
    return m->rc;
}

const mb_family_type mb_family_lenet = {"lenet", "LeNet-5 with ReLU and maximum pooling",
                                        "LeCun et al., doi:10.1109/5.726791", params, build};
