/* run_hessian.c - the golden runner of second-order sensitivity: run_hessian DIR... checks every .json of schema hess-1 in the
 * folders
 *
 * Without arguments (as a test): the shipped cases and, when it lies beside the sources or in $MIXBAR_SHARED, the whole
 * collection.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hessian_case.h"

static int lines, failed;

static int json_file(const struct dirent *e) {
    size_t n = strlen(e->d_name);
    return n > 5 && !strcmp(e->d_name + n - 5, ".json");
}

static int run_dir(const char *dir) {
    struct dirent **list = NULL;
    int n = scandir(dir, &list, json_file, alphasort);
    if (n < 0) printf("# %s: no such folder, skipped\n", dir);
    for (int i = 0; i < n; i++) {
        char *path = mb_asprintf("%s/%s", dir, list[i]->d_name);
        failed += !path || !golden_hessian(path, &lines);
        mb_free(path);
        free(list[i]);
    }
    free(list);
    return n > 0 ? n : 0;
}

int main(int argc, char **argv) {
    int files = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 1; i < argc; i++) files += run_dir(argv[i]);
    if (argc < 2) {
        const char *top = getenv("top_srcdir"), *shared = getenv("MIXBAR_SHARED");
        char *own = mb_asprintf("%s/tests/golden/hessian", top ? top : ".");
        char *all = shared ? mb_asprintf("%s/golden/mapping/hessian", shared) :
            mb_asprintf("%s/../shared/golden/mapping/hessian", top ? top : ".");
        if (own) files += run_dir(own);
        if (all) files += run_dir(all);
        mb_free(own);
        mb_free(all);
    }
    printf("1..%d\n", lines);
    if (!files) printf("Bail out! no case was found\n");
    return files && !failed ? 0 : 1;
}
