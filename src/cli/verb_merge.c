/* verb_merge.c - mixbar merge DIR... -o DIR: shards of a run put together, byte for byte the run that was never divided */
#include <string.h>

#include "base/error.h"
#include "cli/common.h"
#include "cli/options.h"
#include "run/merge.h"

typedef struct options {
    const char *output;
    bool force;
} options;

static const mb_option table[] = {
    MB_OPTION_TEXT(options, output, 'o', "output", "DIR", "run folder of the whole (needed)", "dir"),
    MB_OPTION_FLAG(options, force, 0, "force", "replace results that the folder holds"),
    MB_OPTION_END,
};

static int run(const void *opt, int argc, char *const *argv) {
    const options *o = opt;
    size_t points = 0;
    mb_str missing = {0}, out = {0};
    if (!o->output) return mb_fail(MB_USAGE, "merge needs -o DIR, the run folder of the whole");
    int rc = mb_results_merge((const char *const *)argv, (size_t)argc, o->output, o->force, &points, &missing);
    if (rc == MB_NO) {
        mb_str_addf(&out, "missing points: %s (of 0-%zu); nothing was written: go on with the runs of their shards (--resume), and merge again\n", mb_cstr(&missing), points - 1);
        int written = mb_cli_write(&out);
        if (written) rc = written;
    } else if (!rc) {
        mb_str_addf(&out, "%zu points\nresults  %s/results.jsonl\n", points, o->output);
        rc = mb_cli_write(&out);
    }
    mb_str_free(&missing);
    return rc;
}

const mb_verb mb_verb_merge = {
    .name = "merge",
    .usage = "DIR... -o DIR",
    .summary = "put the shards of a run together (mixbar run --shard)",
    .details = "The run folders must be of the same experiment. The result is byte for byte that of the run that was never divided. A point that stands in several folders must "
               "be the same in all. When points are missing they are named, nothing is written, and the exit code is 1.",
    .examples = "mixbar run my.cfg -o runs/my --shard 0/2\nmixbar run my.cfg -o runs/my --shard 1/2\nmixbar merge runs/my-0-of-2 runs/my-1-of-2 -o runs/my",
    .options = table,
    .size = sizeof(options),
    .min_args = 1,
    .max_args = -1,
    .complete = "dir",
    .run = run,
};
