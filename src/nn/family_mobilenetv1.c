/* family_mobilenetv1.c - MobileNetV1: a 3 x 3 convolution with stride 2 and 13 depthwise separable blocks up to 1024 channels
 *
 * A. G. Howard et al., arXiv:1704.04861, table 1; width 0.25 on 96 x 96 pixels and two classes as in MLPerf Tiny (visual wake
 * words, arXiv:2106.07597).
 */
#include <stdio.h>

#include "nn/family.h"

static const mb_param params[] = {MB_FAMILY_ROWS("[3, 96, 96]", "2", "0.25", "true"), MB_PARAM_END};

static int build(const mb_family_keys *k, mb_model *m) {
    static const int channels[13] = {64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024};
    static const int stride[13] = {1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1};
    char text[40];
    int l = mb_family_conv_layers(m, k, "conv1", 0, &(mb_family_conv){mb_family_channels(k, 32), 3, 3, 2, 0, 1, true, true});
    for (int i = 0; i < 13; i++) {
        snprintf(text, sizeof text, "block%d", i + 1);
        l = mb_family_separable(m, k, text, l, mb_family_channels(k, channels[i]), stride[i]);
    }
    mb_model_linear(m, "fc", mb_model_flatten(m, "flatten", mb_model_global(m, "pool", l)), k->classes, true);
    return m->rc;
}

const mb_family_type mb_family_mobilenetv1 = {"mobilenetv1", "MobileNetV1, by default of width 0.25",
                                              "Howard et al., arXiv:1704.04861", params, build};
