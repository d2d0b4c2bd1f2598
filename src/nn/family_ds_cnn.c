/* family_ds_cnn.c - DS-CNN (small) for keywords: a 10 x 4 convolution with stride 2 and four depthwise separable blocks of 64
 * channels
 *
 * Y. Zhang, N. Suda, L. Lai, V. Chandra, "Hello Edge: Keyword Spotting on Microcontrollers", arXiv:1711.07128; as in MLPerf
 * Tiny (arXiv:2106.07597): input 49 frames of 10 MFCC, 12 words.
 */
#include <stdio.h>

#include "nn/family.h"

static const mb_param params[] = {MB_FAMILY_ROWS("[1, 49, 10]", "12", "1.0", "true"), MB_PARAM_END};

static int build(const mb_family_keys *k, mb_model *m) {
    char text[40];
    int c = mb_family_channels(k, 64);
    int l = mb_family_conv_layers(m, k, "conv1", 0, &(mb_family_conv){c, 10, 4, 2, 0, 1, true, true});
    for (int i = 0; i < 4; i++) {
        snprintf(text, sizeof text, "block%d", i + 1);
        l = mb_family_separable(m, k, text, l, c, 1);
    }
    mb_model_linear(m, "fc", mb_model_flatten(m, "flatten", mb_model_global(m, "pool", l)), k->classes, true);
    return m->rc;
}

const mb_family_type mb_family_ds_cnn = {"ds_cnn", "depthwise separable network for keyword spotting",
                                         "Zhang et al., arXiv:1711.07128", params, build};
