/* family_vgg_small.c - VGG-small: pairs of 3 x 3 convolutions of 128, 256, 512 channels, a pool behind each, one fully connected
 * layer
 *
 * The network of low-bit comparisons on CIFAR-10: D. Zhang et al., "LQ-Nets", ECCV 2018, doi:10.1007/978-3-030-01237-3_23,
 * after M. Courbariaux et al., BinaryConnect, arXiv:1511.00363, without its two wide fully connected layers.
 */
#include <stdio.h>

#include "nn/family.h"

static const mb_param params[] = {MB_FAMILY_ROWS("[3, 32, 32]", "10", "1.0", "true"), MB_PARAM_END};

static int build(const mb_family_keys *k, mb_model *m) {
    char text[40];
    int l = 0;
    for (int i = 0; i < 6; i++) {
        snprintf(text, sizeof text, "conv%d", i + 1);
        l = mb_family_conv_layers(m, k, text, l, &(mb_family_conv){mb_family_channels(k, 128 << i / 2), 3, 3, 1, 1, 1, false,
                                                                   true});
        snprintf(text, sizeof text, "pool%d", i / 2 + 1);
        if (i % 2) l = mb_model_pool(m, text, l, MB_KIND_MAXPOOL, 2, 2, 0);
    }
    mb_model_linear(m, "fc", mb_model_flatten(m, "flatten", l), k->classes, true);
    return m->rc;
}

const mb_family_type mb_family_vgg_small = {"vgg_small", "six 3 x 3 convolutions and a fully connected layer for 32 x 32 images",
                                            "Zhang et al., doi:10.1007/978-3-030-01237-3_23", params, build};
