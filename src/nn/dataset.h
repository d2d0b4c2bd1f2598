/* dataset.h - samples with labels
 *
 * Formats are descriptors (one file each: dataset_idx.c, dataset_cifar10.c, dataset_npy.c; list MB_DATASETS in local.mk). Raw data are kept
 * in their own type; mb_dataset_get() delivers normalised float32:   x' = (scale * x - mean[c]) / std[c]   (scale default 1/255 for bytes, 1 otherwise).
 *
 * Configuration group (as in experiments or a preset experiments/data/NAME.cfg):
 *     format = "idx" | "cifar10" | "npy";
 *     images = "path" or [ "first choice", "second choice" ]   (the first that exists is taken and named in the manifest; .gz allowed for idx and npy)
 *     labels = as images (idx, npy); same position in the list as the images taken
 *     scale, mean = [..], std = [..]  (one value, or one per channel), shape = [C,H,W] (npy: when the file is flat), classes (default: 1 + largest label),
 *     layout = "chw" | "hwc" (npy), first (index of the first sample), count (0: all from first on)
 */
#ifndef MB_NN_DATASET_H
#define MB_NN_DATASET_H

#include "base/conf.h"
#include "base/npy.h"
#include "nn/network.h"

typedef struct mb_dataset {
    char *source;            /* the images file taken */
    size_t n;                /* samples */
    mb_shape shape;          /* of a sample */
    mb_dtype type;           /* of raw */
    void *raw;               /* n * count elements, already cut to [first, first + count) and in CHW order */
    int32_t *label;          /* n, each in 0..classes-1 */
    int classes;
    int n_norm;              /* 1 or channels */
    double scale, *mean, *std;
    uint64_t hash;           /* of raw and labels */
} mb_dataset;

typedef struct mb_dataset_type {
    const char *name, *summary, *reference;
    /* Read the raw samples: fill shape, n, type, raw, label. */
    int (*read)(mb_conf *group, const char *images, const char *labels, mb_dataset *d);
} mb_dataset_type;

extern const mb_dataset_type *const mb_dataset_types[];

/* GROUP's preset is already expanded. NaN in the data, labels outside the classes, sizes that do not multiply out: MB_BADINPUT. */
int mb_dataset_load(mb_conf *group, mb_dataset **d);
void mb_dataset_free(mb_dataset *d);
/* Normalised samples [i, i + n) */
void mb_dataset_get(const mb_dataset *d, size_t i, size_t n, float *x);
/* Does it fit the network's input (shape) and output (number of classes)? MB_BADINPUT says both. A dataset of C*H*W numbers fits an input of the same count only
 * when the ranks are compatible (equal shapes, or one of them flat). */
int mb_dataset_fits(const mb_dataset *d, const mb_network *net);

#endif
