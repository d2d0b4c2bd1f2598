/* family_resnet.c - residual networks for 32 x 32 images: 6 n + 2 layers, three stages of n blocks of two 3 x 3 convolutions
 *
 * K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual Learning for Image Recognition", CVPR 2016, doi:10.1109/CVPR.2016.90, section
 * 4.2: 16, 32 and 64 channels, stride 2 at the beginning of stages 2 and 3, mean over the image, one fully connected layer.
 * Shortcuts take every second pixel; new channels are zero, half of them before the old ones and half behind (A), or come from
 * a 1 x 1 convolution (B). Used by family_resnet8.c, family_resnet20.c, ...
 */
#include <stdio.h>

#include "base/error.h"
#include "base/mem.h"
#include "nn/family.h"

/* Every second pixel, and zeros around the channels up to COUT. */
static int pad_shortcut(mb_model *m, const char *name, int in, int cout, int stride) {
    const mb_shape *s = &m->layer[in].shape;
    int c = (int)s->d[0], h = (int)s->d[1], w = (int)s->d[2], oh = (h + stride - 1) / stride, ow = (w + stride - 1) / stride;
    int before = (cout - c) / 2;
    int32_t *index = mb_malloc((size_t)cout * (size_t)oh * (size_t)ow, sizeof *index), *at = index;
    if (!index) return m->rc = mb_nomem(), -1;
    for (int o = 0; o < cout; o++)
        for (int y = 0; y < oh; y++)
            for (int x = 0; x < ow; x++) {
                bool old = o >= before && o < before + c;
                *at++ = old ? ((o - before) * h + y * stride) * w + x * stride : -1;
            }
    int l = mb_model_gather(m, name, in, &(mb_shape){3, {cout, oh, ow}}, index, 0);
    mb_free(index);
    return l;
}

static int block(mb_model *m, const mb_family_keys *k, const char *name, int in, int cout, int stride) {
    char text[80];
    if (in < 0) return in;
    snprintf(text, sizeof text, "%s_conv1", name);
    int a = mb_family_conv_layers(m, k, text, in, &(mb_family_conv){cout, 3, 3, stride, 1, 1, false, true}), b = in;
    snprintf(text, sizeof text, "%s_conv2", name);
    a = mb_family_conv_layers(m, k, text, a, &(mb_family_conv){cout, 3, 3, 1, 1, 1, false, false});
    snprintf(text, sizeof text, "%s_shortcut", name);
    if (a < 0) return a;
    if (stride != 1 || m->layer[in].shape.d[0] != cout) {
        if (k->shortcut == MB_SHORTCUT_PAD) b = pad_shortcut(m, text, in, cout, stride);
        else b = mb_family_conv_layers(m, k, text, in, &(mb_family_conv){cout, 1, 1, stride, 0, 1, false, false});
    }
    snprintf(text, sizeof text, "%s_add", name);
    a = mb_model_add(m, text, a, b);
    snprintf(text, sizeof text, "%s_relu", name);
    return mb_model_relu(m, text, a);
}

int mb_family_residual(mb_model *m, const mb_family_keys *k, int depth) {
    char text[40];
    int l = mb_family_conv_layers(m, k, "conv1", 0, &(mb_family_conv){mb_family_channels(k, 16), 3, 3, 1, 1, 1, false, true});
    for (int stage = 0; stage < 3; stage++)
        for (int i = 0; i < (depth - 2) / 6; i++) {
            snprintf(text, sizeof text, "stage%d_block%d", stage + 1, i + 1);
            l = block(m, k, text, l, mb_family_channels(k, 16 << stage), stage && !i ? 2 : 1);
        }
    mb_model_linear(m, "fc", mb_model_flatten(m, "flatten", mb_model_global(m, "pool", l)), k->classes, true);
    return m->rc;
}
