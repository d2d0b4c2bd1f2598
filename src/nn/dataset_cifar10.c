/* dataset_cifar10.c - the binary version of CIFAR-10
 *
 * Records of 3,073 bytes: label (0..9), then 1,024 red, 1,024 green and 1,024 blue bytes, each 32 x 32 row by row: a sample is
 * 3 x 32 x 32. The format has no header, so only the length and the labels tell a wrong file.
 * Reference: A. Krizhevsky, "Learning multiple layers of features from tiny images", technical report, University of Toronto,
 * 2009.
 */
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "nn/dataset.h"

enum { CHANNELS = 3, SIDE = 32, PIXELS = CHANNELS * SIDE * SIDE, RECORD = 1 + PIXELS, CLASSES = 10 };

static int read_cifar10(const void *params, const char *images, const char *labels, mb_dataset *d) {
    (void)params;
    (void)labels;
    uint8_t *bytes = NULL;
    size_t size = 0;
    int rc = mb_file_gzread(images, 0, &bytes, &size);
    if (!rc && size == 0) rc = mb_fail(MB_BADINPUT, "%s: holds no samples", images);
    if (!rc && size % RECORD) {
        rc = mb_fail(
            MB_BADINPUT,
            "%s: %zu bytes are %zu records of %d bytes and %zu more, expected whole records: truncated, or not CIFAR-10's binary "
            "version",
            images, size, size / RECORD, (int)RECORD, size % RECORD);
    }
    if (rc) goto out;
    d->n = size / RECORD;
    d->type = MB_U8;
    d->shape = (mb_shape){3, {CHANNELS, SIDE, SIDE}};
    d->label = mb_malloc(d->n, sizeof *d->label);
    if (!d->label) {
        rc = mb_nomem();
        goto out;
    }
    for (size_t i = 0; i < d->n && !rc; i++) {
        d->label[i] = bytes[i * RECORD];
        if (d->label[i] >= CLASSES) {
            rc = mb_fail(MB_BADINPUT, "%s: the label of record %zu is %d, outside 0..9: not CIFAR-10's binary version", images, i,
                         (int)d->label[i]);
        }
        memmove(bytes + i * PIXELS, bytes + i * RECORD + 1, PIXELS);
    }
    if (!rc) {
        d->raw = bytes;
        bytes = NULL;
    }
out:
    mb_free(bytes);
    return rc;
}

const mb_dataset_type mb_dataset_cifar10 = {
    .name = "cifar10",
    .summary = "CIFAR-10 binary version: one file of 3,073-byte records (label, red, green, blue)",
    .reference = "Krizhevsky, Learning multiple layers of features from tiny images, 2009",
    .labels_file = false,
    .read = read_cifar10,
};
