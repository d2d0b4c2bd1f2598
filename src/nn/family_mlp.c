/* family_mlp.c - fully connected layers with ReLU between them, over the flattened sample */
#include <stdio.h>

#include "nn/family.h"

static const mb_param params[] = {
    MB_FAMILY_ROWS("[1, 28, 28]", "10", "1.0", "false"),
    MB_VECTOR(mb_family_keys, hidden, "", "[256, 128]", 1, 1000000, "sizes of the hidden layers, times width; [] for none"),
    MB_PARAM_END,
};

static int build(const mb_family_keys *k, mb_model *m) {
    char text[40];
    int l = mb_model_flatten(m, "flatten", 0);
    for (size_t i = 0; i < k->hidden.n; i++) {
        snprintf(text, sizeof text, "fc%zu", i + 1);
        l = mb_model_linear(m, text, l, mb_family_channels(k, (int)k->hidden.v[i]), !k->norm);
        snprintf(text, sizeof text, "fc%zu_norm", i + 1);
        if (k->norm) l = mb_model_norm(m, text, l);
        snprintf(text, sizeof text, "fc%zu_relu", i + 1);
        l = mb_model_relu(m, text, l);
    }
    snprintf(text, sizeof text, "fc%zu", k->hidden.n + 1);
    mb_model_linear(m, text, l, k->classes, true);
    return m->rc;
}

const mb_family_type mb_family_mlp = {"mlp", "fully connected layers with ReLU",
                                      "D. E. Rumelhart et al., doi:10.1038/323533a0", params, build};
