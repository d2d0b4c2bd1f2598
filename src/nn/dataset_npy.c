/* dataset_npy.c - samples and labels as NumPy arrays
 *
 * Images: an NPY array N x ... of any numeric type; a sample is what one index of the first axis holds, reshaped by the key
 * `shape` and turned from H x W x C to C x H x W when layout = "hwc". Labels: a one-dimensional integer NPY array, or raw
 * unsigned bytes, one per label, when the name ends in ".u8" (or ".u8.gz").
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "nn/dataset.h"

typedef struct npy_params {
    mb_reals shape;
    int layout;
} npy_params;

enum { CHW, HWC };

static const mb_param table[] = {
    MB_VECTOR(npy_params, shape, "", "", 1, 2147483647, "shape of a sample, C, H, W (empty: as in the file)"),
    MB_CHOICE(npy_params, layout, "chw|hwc", "chw", "order of the axes in the file"), MB_PARAM_END};

static bool ends_in(const char *s, const char *end) {
    size_t n = strlen(s), m = strlen(end);
    return n >= m && !strcmp(s + n - m, end);
}

/* The sample's shape: that of the file, replaced by the key. */
static int set_shape(const npy_params *p, const char *images, const mb_npy *a, mb_dataset *d) {
    mb_shape file = {0};
    char text[96];
    for (int k = 1; k < a->nd; k++) file.d[file.nd++] = a->dim[k];
    if (p->layout == HWC && file.nd == 3) file = (mb_shape){3, {file.d[2], file.d[0], file.d[1]}};
    if (p->layout == HWC && file.nd != 3 && p->shape.n != 3) {
        return mb_fail(MB_BADINPUT, "%s: layout = \"hwc\" needs samples of three axes, the file has %d: set shape = [C, H, W]",
                       images, file.nd);
    }
    d->shape = file;
    if (!p->shape.n) return MB_OK;
    if (p->shape.n > MB_MAX_RANK) {
        return mb_fail(MB_BADINPUT, "%s: shape has %zu axes; at most %d are supported", images, p->shape.n, MB_MAX_RANK);
    }
    mb_shape s = {.nd = (int)p->shape.n};
    size_t count = 1;
    int bad = 0;
    for (int k = 0; k < s.nd; k++) {
        bad |= p->shape.v[k] != floor(p->shape.v[k]);
        s.d[k] = (int64_t)p->shape.v[k];
        bad |= __builtin_mul_overflow(count, (size_t)s.d[k], &count);
    }
    if (bad || count != a->count / d->n) {
        char want[96];
        return mb_fail(
            MB_BADINPUT,
            "%s: a sample holds %zu numbers (%s), but the key 'shape' says %s: the sizes must be integers and multiply out to it",
            images, a->count / d->n, mb_shape_text(&file, text, sizeof text), mb_shape_text(&s, want, sizeof want));
    }
    if (p->layout == HWC && file.nd == 3 && !mb_shape_equal(&s, &file)) {
        char want[96];
        return mb_fail(MB_BADINPUT, "%s: its samples are C x H x W = %s, but the key 'shape' says %s", images,
                       mb_shape_text(&file, text, sizeof text), mb_shape_text(&s, want, sizeof want));
    }
    d->shape = s;
    return MB_OK;
}

/* H x W x C -> C x H x W, sample by sample */
static int hwc_to_chw(mb_dataset *d) {
    size_t size = mb_dtype_size(d->type), C = (size_t)d->shape.d[0], HW = (size_t)d->shape.d[1] * (size_t)d->shape.d[2];
    uint8_t *tmp = mb_malloc(C * HW, size), *s = d->raw;
    if (!tmp) return mb_nomem();
    for (size_t i = 0; i < d->n; i++, s += C * HW * size) {
        memcpy(tmp, s, C * HW * size);
        for (size_t c = 0; c < C; c++) {
            for (size_t k = 0; k < HW; k++) memcpy(s + (c * HW + k) * size, tmp + (k * C + c) * size, size);
        }
    }
    mb_free(tmp);
    return MB_OK;
}

static int read_labels_u8(const char *path, mb_dataset *d) {
    uint8_t *bytes = NULL;
    size_t size = 0;
    int rc = mb_file_gzread(path, 0, &bytes, &size);
    if (!rc) rc = mb_dataset_same_count(d->source, d->n, path, size);
    if (!rc) {
        d->label = mb_malloc(d->n, sizeof *d->label);
        if (!d->label) rc = mb_nomem();
    }
    for (size_t i = 0; !rc && i < d->n; i++) d->label[i] = bytes[i];
    mb_free(bytes);
    return rc;
}

static int read_labels(const char *path, mb_dataset *d) {
    mb_npy a = {0};
    int64_t *v = NULL;
    int rc = mb_npy_read(path, &a);
    if (rc) return rc;
    if (a.nd != 1 || a.type == MB_F32 || a.type == MB_F64) {
        rc = mb_fail(MB_BADINPUT, "%s: labels must be a one-dimensional array of integers; this is %s of rank %d", path,
                     mb_dtype_name(a.type), a.nd);
        goto out;
    }
    rc = mb_dataset_same_count(d->source, d->n, path, a.count);
    if (rc) goto out;
    v = mb_malloc(a.count, sizeof *v);
    d->label = mb_malloc(a.count, sizeof *d->label);
    rc = v && d->label ? mb_npy_to_i64(&a, v) : mb_nomem();
    for (size_t i = 0; !rc && i < a.count; i++) {
        if (v[i] < 0 || v[i] >= INT32_MAX) {
            rc = mb_fail(MB_BADINPUT, "%s: the label of sample %zu is %lld; labels count from 0", path, i, (long long)v[i]);
        } else {
            d->label[i] = (int32_t)v[i];
        }
    }
out:
    mb_free(v);
    mb_npy_free(&a);
    return rc;
}

static int read_npy(const void *params, const char *images, const char *labels, mb_dataset *d) {
    const npy_params *p = params;
    mb_npy a = {0};
    int rc = mb_npy_read(images, &a);
    if (rc) return rc;
    if (a.nd < 2 || a.nd > MB_MAX_RANK + 1) {
        rc = mb_fail(MB_BADINPUT, "%s: an array of rank %d; expected N x ... with 1 to %d axes per sample", images, a.nd,
                     MB_MAX_RANK);
        goto out;
    }
    if (a.count == 0) {
        rc = mb_fail(MB_BADINPUT, "%s: holds no samples", images);
        goto out;
    }
    d->n = (size_t)a.dim[0];
    d->type = a.type;
    rc = set_shape(p, images, &a, d);
    if (rc) goto out;
    d->raw = a.data;
    a.data = NULL;
    if (p->layout == HWC) rc = hwc_to_chw(d);
    if (!rc) rc = ends_in(labels, ".u8") || ends_in(labels, ".u8.gz") ? read_labels_u8(labels, d) : read_labels(labels, d);
out:
    mb_npy_free(&a);
    return rc;
}

const mb_dataset_type mb_dataset_npy = {
    .name = "npy",
    .summary = "NumPy arrays: samples N x ... of any numeric type, labels as integers (.npy) or bytes (.u8); plain or .gz",
    .reference = "NumPy enhancement proposal 1 (NPY format)",
    .params = table,
    .params_size = sizeof(npy_params),
    .labels_file = true,
    .read = read_npy,
};
