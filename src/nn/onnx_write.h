/* onnx_write.h - networks and models as ONNX files that others can use
 *
 * Files have IR version 7 and opset 13, what onnx 1.8 and later know, and float32 data inside; the batch axis is symbolic
 * ("N"). A network is written as it is held: read back it has the same layers, names and bits. A model keeps its normalisation
 * as BatchNormalization in inference mode; read back, it is folded. Layers of a model that say how they are quantised are
 * written with what they compute with, plain float operators on dequantised weights, which any runtime can execute; how they
 * were quantised stands in the file's metadata:
 *     key "mixbar.quantiser.LAYER.weights" or ".input", value such as "lsq bits=4 signed per_channel step=0.0123"
 * so that a reader who knows the keys can map the same grids, and who does not still gets the right outputs. QuantizeLinear and
 * DequantizeLinear were not chosen: they hold 8-bit types only in this opset, and force zero points and per-tensor forms that
 * the quantisers here do not have. Writing is atomic (base/file.h). Wire format:
 * https://protobuf.dev/programming-guides/encoding/ ; schema: onnx/onnx.proto of ONNX 1.12.
 */
#ifndef MB_NN_ONNX_WRITE_H
#define MB_NN_ONNX_WRITE_H

#include "base/str.h"
#include "nn/model.h"
#include "nn/network.h"

typedef struct mb_onnx_meta { const char *key, *value; } mb_onnx_meta;

typedef struct mb_onnx_options {
    const char *doc;                     /* doc_string of the model; NULL: none */
    const mb_onnx_meta *meta;            /* metadata of the caller's own */
    size_t n_meta;
    const float *theta;                  /* models: parameters to write instead of the model's own (quantised ones) */
} mb_onnx_options;

/* The bytes of the file into OUT (appended). OPTIONS may be NULL. MB_BADINPUT names a layer that ONNX has no operator for;
 * MB_SYSTEM without memory, or when the file would exceed 2 GiB, which protocol buffers cannot hold. */
int mb_network_onnx(const mb_network *net, const mb_onnx_options *options, mb_str *out);
int mb_model_onnx(const mb_model *m, const mb_onnx_options *options, mb_str *out);

/* The same into a file, all or nothing. */
int mb_network_save(const mb_network *net, const mb_onnx_options *options, const char *path);
int mb_model_save(const mb_model *m, const mb_onnx_options *options, const char *path);

#endif
