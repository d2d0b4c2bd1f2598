/* family.h - built-in network architectures by name: what `mixbar train` starts from when there is no ONNX file
 *
 * A family is a descriptor (one file family_NAME.c, listed in second.mk as MB_FAMILIES): published architectures with a few
 * keys, the same for all of them, whose defaults are the published sizes. Convolutions before a normalisation have no bias;
 * without normalisation (norm = false) they have one.
 *     network = { family = "resnet20"; width = 1.0; classes = 10; input = [3, 32, 32]; norm = true; }
 * Start values: He et al. (model.h), functions of the seed.
 */
#ifndef MB_NN_FAMILY_H
#define MB_NN_FAMILY_H

#include "base/conf.h"
#include "base/param.h"
#include "nn/model.h"

typedef struct mb_family_keys {
    mb_reals input;                      /* channels, height, width */
    int classes;
    double width;                        /* factor on the channels of hidden layers */
    bool norm;                           /* batch normalisation */
    mb_reals hidden;                     /* mlp: sizes of the hidden layers */
    int shortcut;                        /* resnet: MB_SHORTCUT_... */
} mb_family_keys;

enum { MB_SHORTCUT_PAD, MB_SHORTCUT_PROJECTION };

/* Rows of every family's table; INPUT, CLASSES, WIDTH, NORM are default values as text. */
#define MB_FAMILY_ROWS(INPUT, CLASSES, WIDTH, NORM)                                                                              \
    MB_VECTOR(mb_family_keys, input, "", INPUT, 1, 4096, "channels, height and width of a sample"),                              \
    MB_INT(mb_family_keys, classes, "", CLASSES, 2, 100000, "outputs"),                                                          \
    MB_REAL(mb_family_keys, width, "", WIDTH, 0.01, 64, "factor on the channels of all hidden layers"),                          \
    MB_FLAG(mb_family_keys, norm, NORM, "batch normalisation behind each convolution (and hidden layer)")

typedef struct mb_family_type {
    const char *name, *summary, *reference;
    const mb_param *params;
    int (*build)(const mb_family_keys *k, mb_model *m);      /* all layers behind the input; failures stay in m->rc */
} mb_family_type;

extern const mb_family_type *const mb_families[];            /* NULL-terminated, generated */

const mb_family_type *mb_family_find(const char *name);      /* NULL when unknown */
/* A model with start values of SEED. MB_BADINPUT: the input is not three numbers, or too small for the layers. */
int mb_family_build(const mb_family_type *t, const mb_family_keys *k, uint64_t seed, mb_model **m);
/* The same from a group with the key `family` and that family's keys; ALSO as in mb_params_load. MB_BADINPUT with file:line, and
 * the nearest name for an unknown family. *type may be NULL. */
int mb_family_load(mb_conf *group, const char *const *also, uint64_t seed, const mb_family_type **type, mb_model **m);

/* --- for families -------------------------------------------------------------------------------------------------------- */

int mb_family_channels(const mb_family_keys *k, int channels);           /* times width, rounded, at least 1 */
/* Names "NAME", "NAME_norm", "NAME_relu": convolution, normalisation where the keys ask for it, ReLU unless RELU is false. The
 * index of the last layer. SAME: padding that makes the output ceil(input / stride), the odd one behind (as TensorFlow does);
 * otherwise PAD on all sides. */
typedef struct mb_family_conv { int cout, kh, kw, stride, pad, groups; bool same, relu; } mb_family_conv;
int mb_family_conv_layers(mb_model *m, const mb_family_keys *k, const char *name, int in, const mb_family_conv *c);
/* Depthwise 3 x 3 convolution and 1 x 1 convolution to COUT channels, each with normalisation and ReLU. */
int mb_family_separable(mb_model *m, const mb_family_keys *k, const char *name, int in, int cout, int stride);
/* A residual network for small images of DEPTH = 6 n + 2 layers (family_resnet.c). */
int mb_family_residual(mb_model *m, const mb_family_keys *k, int depth);
#define MB_RESNET_ROW(DEFAULT)                                                                                                   \
    MB_CHOICE(mb_family_keys, shortcut, "pad|projection", DEFAULT,                                                               \
              "what a shortcut does where channels double: zeros for the new ones (A), or a 1 x 1 convolution (B)")

#endif
