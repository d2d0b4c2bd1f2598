/* dataset.h - samples with labels
 *
 * Formats are descriptors (one file each: dataset_idx.c, dataset_cifar10.c, dataset_npy.c; list MB_DATASETS in local.mk). Raw
 * data are kept in their own type; mb_dataset_get() delivers normalised float32:   x' = (scale * x - mean[c]) / std[c]
 * (scale default 1/255 for bytes, 1 otherwise), computed in double and rounded once. The channel c is the sample's first axis.
 *
 * Configuration group (as in experiments or a preset experiments/data/NAME.cfg):
 *     format = "idx" | "cifar10" | "npy";
 *     images = "path" or [ "first choice", "second choice" ]   (the first that exists is taken, see `source`; .gz allowed)
 *     labels = as images (idx, npy); same position in the list as the images taken
 *     scale, mean = [..], std = [..]  (one value, or one per channel), classes (default: 1 + largest label),
 *     first (index of the first sample), count (0: all from first on)
 *     npy only: shape = [C,H,W] (when the file is flat or lacks an axis), layout = "chw" | "hwc"
 * A relative path is looked for beside the file it is written in, then beside the experiment (the file at the root of the tree).
 */
#ifndef MB_NN_DATASET_H
#define MB_NN_DATASET_H

#include "base/conf.h"
#include "base/npy.h"
#include "base/param.h"
#include "nn/network.h"

typedef struct mb_dataset {
    char *source;            /* the images file taken */
    size_t n;                /* samples */
    mb_shape shape;          /* of a sample */
    mb_dtype type;           /* of raw */
    void *raw;               /* n * count elements, already cut to [first, first + count) and in CHW order */
    int32_t *label;          /* n, each in 0..classes-1 */
    int classes;
    bool classes_given;      /* stated by the user, not inferred from the labels */
    int n_norm;              /* 1 or channels */
    double scale, *mean, *std;
    float *lut;              /* type MB_U8: n_norm x 256 normalised values; NULL for other types */
    uint64_t hash;           /* of raw and labels */
} mb_dataset;

typedef struct mb_dataset_type {
    const char *name, *summary, *reference;
    const mb_param *params;  /* keys of this format alone, filled into a struct of PARAMS_SIZE bytes; NULL when it has none */
    size_t params_size;
    bool labels_file;        /* labels are a file of their own (key `labels`) */
    /* Read all samples: set n > 0, shape, type, raw and label (mb_malloc'd; n labels, any values >= 0). PARAMS is the struct
     * above or NULL, LABELS is NULL unless labels_file. On failure D is freed by the caller. */
    int (*read)(const void *params, const char *images, const char *labels, mb_dataset *d);
} mb_dataset_type;

extern const mb_dataset_type *const mb_dataset_types[];
extern const mb_param mb_dataset_params[];   /* keys of every format (images and labels, being lists, are not rows) */

/* Replace each relative path in GROUP's images and labels by the absolute path of the file found (see above), so that the tree
 * can be saved elsewhere. Paths of files that do not exist stay as they are. mb_dataset_load() does this too. */
int mb_dataset_resolve(mb_conf *group);
/* GROUP's preset is already expanded. NaN in the data, labels outside the classes, sizes that do not multiply out:
 * MB_BADINPUT. *d is complete or untouched. */
int mb_dataset_load(mb_conf *group, mb_dataset **d);
void mb_dataset_free(mb_dataset *d);
/* Normalised samples [i, i + n), n * mb_shape_count(shape) numbers */
void mb_dataset_get(const mb_dataset *d, size_t i, size_t n, float *x);
/* Does it fit the network's input (shape) and output (number of classes)? MB_BADINPUT says both. A dataset of C*H*W numbers
 * fits an input of the same count only when the ranks are compatible (equal shapes, or one of them flat). Classes stated by
 * the user must be as many as the network's outputs, classes inferred from labels at most as many. */
int mb_dataset_fits(const mb_dataset *d, const mb_network *net);

/* How many of the first NA samples of A stand among the first NB of B, byte for byte before normalisation. */
int mb_dataset_common(const mb_dataset *a, int64_t na, const mb_dataset *b, int64_t nb, int64_t *count);

/* For formats: MB_BADINPUT unless the images file's N samples and the labels file's M labels are equally many. */
int mb_dataset_same_count(const char *images, size_t n, const char *labels, size_t m);

/* View of an IDX file in memory (dataset_idx.c; also the fuzz target's entry). DATA points into the caller's bytes. */
typedef struct mb_idx { int nd; int64_t dim[4]; size_t count; const uint8_t *data; } mb_idx;
/* Unsigned bytes of rank 1..4 whose sizes multiply out to the file's length; NAME is for messages. MB_BADINPUT otherwise. */
int mb_idx_parse(const char *name, const uint8_t *bytes, size_t size, mb_idx *idx);

#endif
