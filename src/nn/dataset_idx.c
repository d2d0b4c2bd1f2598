/* dataset_idx.c - the IDX format of MNIST and Fashion-MNIST (plain or gzip)
 *
 * Layout (all integers big-endian): 0x00 0x00 TYPE RANK, then RANK sizes of 32 bits, then the data, last axis fastest.
 * TYPE 0x08 is unsigned bytes, the only type read here. Images are N x H x W (a sample is 1 x H x W), N x C x H x W or N x F;
 * labels are N.
 * Reference: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits", section "File formats".
 */
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "nn/dataset.h"

static uint32_t be32(const uint8_t *p) { return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]; }

int mb_idx_parse(const char *name, const uint8_t *bytes, size_t size, mb_idx *idx) {
    if (size < 4)
        return mb_fail(MB_BADINPUT, "%s: %zu bytes are too few for an IDX file (the header alone takes 8): truncated?", name,
                       size);
    if (bytes[0] || bytes[1]) {
        return mb_fail(MB_BADINPUT, "%s: not an IDX file: it begins with %02x %02x %02x %02x, expected 00 00 08 and the rank",
                       name, bytes[0], bytes[1], bytes[2], bytes[3]);
    }
    if (bytes[2] != 0x08) {
        return mb_fail(
            MB_BADINPUT,
            "%s: IDX data type 0x%02x; only unsigned bytes (0x08) are read: convert the file to NPY and use format \"npy\"", name,
            bytes[2]);
    }
    int nd = bytes[3];
    if (nd < 1 || nd > 4)
        return mb_fail(MB_BADINPUT, "%s: IDX data of rank %d; expected 1 for labels, 2 to 4 for images", name, nd);
    size_t head = 4 + 4 * (size_t)nd, count = 1;
    if (size < head)
        return mb_fail(MB_BADINPUT, "%s: truncated in the header: %zu bytes, expected at least %zu", name, size, head);
    mb_idx r = {.nd = nd, .data = bytes + head};
    int over = 0;
    for (int k = 0; k < nd; k++) {
        r.dim[k] = be32(bytes + 4 + 4 * k);
        over |= __builtin_mul_overflow(count, (size_t)r.dim[k], &count);
    }
    if (over || count != size - head) {
        char dims[64] = "";
        size_t at = 0;
        for (int k = 0; k < nd; k++)
            at += (size_t)snprintf(dims + at, sizeof dims - at, "%s%lld", k ? " x " : "", (long long)r.dim[k]);
        return mb_fail(MB_BADINPUT, "%s: the header says %s = %s%zu bytes but %zu follow: the file is %s", name, dims,
                       over ? "more than " : "", over ? SIZE_MAX : count, size - head,
                       over || count > size - head ? "truncated or its header damaged" : "longer than it should be");
    }
    r.count = count;
    *idx = r;
    return MB_OK;
}

static int read_labels(const char *path, mb_dataset *d) {
    uint8_t *bytes = NULL;
    size_t size = 0;
    mb_idx idx;
    int rc = mb_file_gzread(path, 0, &bytes, &size);
    if (!rc) rc = mb_idx_parse(path, bytes, size, &idx);
    if (!rc && idx.nd != 1) {
        rc = mb_fail(MB_BADINPUT, "%s: IDX data of rank %d, expected labels of rank 1: images and labels exchanged?", path,
                     idx.nd);
    }
    if (!rc) rc = mb_dataset_same_count(d->source, d->n, path, idx.count);
    if (!rc) {
        d->label = mb_malloc(d->n, sizeof *d->label);
        if (!d->label) rc = mb_nomem();
    }
    for (size_t i = 0; !rc && i < d->n; i++) d->label[i] = idx.data[i];
    mb_free(bytes);
    return rc;
}

static int read_idx(const void *params, const char *images, const char *labels, mb_dataset *d) {
    (void)params;
    uint8_t *bytes = NULL;
    size_t size = 0;
    mb_idx idx;
    int rc = mb_file_gzread(images, 0, &bytes, &size);
    if (!rc) rc = mb_idx_parse(images, bytes, size, &idx);
    if (!rc && idx.nd < 2) {
        rc = mb_fail(MB_BADINPUT, "%s: IDX data of rank %d, expected images of rank 2 to 4: images and labels exchanged?", images,
                     idx.nd);
    }
    if (!rc && idx.count == 0) rc = mb_fail(MB_BADINPUT, "%s: holds no samples", images);
    if (!rc) {
        d->n = (size_t)idx.dim[0];
        d->type = MB_U8;
        if (idx.nd == 3) d->shape.d[d->shape.nd++] = 1;
        for (int k = 1; k < idx.nd; k++) d->shape.d[d->shape.nd++] = idx.dim[k];
        memmove(bytes, idx.data, idx.count);
        d->raw = bytes;
        bytes = NULL;
        rc = read_labels(labels, d);
    }
    mb_free(bytes);
    return rc;
}

const mb_dataset_type mb_dataset_idx = {
    .name = "idx",
    .summary = "IDX files of unsigned bytes, images and labels apart, plain or .gz (MNIST, Fashion-MNIST)",
    .reference = "LeCun, Cortes, Burges, The MNIST database of handwritten digits",
    .labels_file = true,
    .read = read_idx,
};
