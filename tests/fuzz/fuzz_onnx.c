/* fuzz_onnx.c - libFuzzer target: any bytes as an ONNX file; networks that are accepted and small are run once
 *
 *     ./configure CC=clang CFLAGS='-g -O1 -fsanitize=fuzzer-no-link' --enable-asan && make fuzz
 *     mkdir corpus && cp experiments/networks/fashion_cnn.onnx corpus/ && tests/fuzz/fuzz_onnx -max_len=20000 -runs=1000000
 * corpus
 *
 * A deterministic version with fixed mutations is part of make check (tests/unit/test_onnx.c).
 */
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/mem.h"
#include "nn/exec.h"
#include "nn/network.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int64_t work(const mb_network *net) {
    int64_t n = 0;
    for (int k = 0; k < net->n_layers; k++) {
        const mb_window *w = &net->layer[k].win;
        n += mb_layer_macs(&net->layer[k]) + (int64_t)mb_shape_count(&net->layer[k].shape) * (1 + (int64_t)w->kh * w->kw);
        if (n > 1000000) break;
    }
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mb_network *net = NULL;
    mb_exec *e = NULL;
    mb_log_quiet(1);
    if (mb_network_parse(data, size, "/nonexistent/fuzz.onnx", &net) == MB_OK && work(net) <= 1000000) {
        float *x = mb_calloc(mb_shape_count(&net->layer[0].shape), sizeof *x);
        float *y = mb_calloc(mb_shape_count(&net->layer[net->output].shape), sizeof *y);
        if (x && y && mb_exec_new(net, 1, &e) == MB_OK) mb_exec_run(e, 1, x, y, mb_exec_reference, NULL, NULL, NULL);
        mb_exec_free(e);
        mb_free(x);
        mb_free(y);
    }
    mb_network_free(net);
    mb_error_clear();
    return 0;
}
