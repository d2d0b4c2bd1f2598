/* kernel.c - choice of the kernel */
#include "array/kernel.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/str.h"

int mb_kernel_best(const mb_kernel **k) {
    const char *want = getenv("MIXBAR_KERNEL");
    mb_str names = {0};
    *k = NULL;
    for (size_t i = 0; mb_kernels[i]; i++) {
        if (!mb_kernels[i]->supported()) continue;
        if (!want || !*want || strcmp(want, mb_kernels[i]->name) == 0) {
            *k = mb_kernels[i];
            break;
        }
        mb_str_addf(&names, "%s%s", names.n ? ", " : "", mb_kernels[i]->name);
    }
    int rc = *k ? MB_OK
                : mb_fail(MB_BADINPUT, "MIXBAR_KERNEL=%s: no such kernel on this machine; there are: %s", want ? want : "",
                          mb_cstr(&names));
    mb_str_free(&names);
    return rc;
}
