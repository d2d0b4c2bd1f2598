/* family_resnet32.c - a residual network of 32 layers for 32 x 32 images (family_resnet.c) */
#include "nn/family.h"

static const mb_param params[] = {MB_FAMILY_ROWS("[3, 32, 32]", "10", "1.0", "true"), MB_RESNET_ROW("pad"), MB_PARAM_END};

static int build(const mb_family_keys *k, mb_model *m) { return mb_family_residual(m, k, 32); }

const mb_family_type mb_family_resnet32 = {"resnet32", "residual network of 32 layers for 32 x 32 images",
                                           "He et al., CVPR 2016, doi:10.1109/CVPR.2016.90", params, build};
