/* experiment.h - an experiment file becomes points, a point becomes objects
 *
 *     schema = 1;  name = "quickstart";
 *     network = "networks/fashion_cnn.onnx";
 *     dataset = "fashion-mnist";                          preset name or group (nn/dataset.h)
 *     calibration = { dataset = "fashion-mnist-train"; samples = 256; input_rule = "mse"; weight_rule = "mse"; ... };
 *     samples = 1000;                                     test samples used (0: all)
 *     device = "rram";                                    preset name or group with `cell = ...`
 *     arch = "rram-22nm";                                 preset name or group (cost/machine.h)
 *     map = { policy = "uniform"; weight_bits = 8; ... }  (mapping/policy.h)
 *     sweep = { mode = "grid"; axes = ( { key = "map.weight_bits"; values = [8, 4]; }, ... ); };      (run/sweep.h)
 *     against = ( "systolic-32x32" );                     baselines: preset names or groups (cost/baseline.h)
 *     read = { time_s = 0.0; temperature_K = 300.0; drift_compensation = "none"; };
 *     trials = 3;  seed = 1;                              or trials = { until = 0.005; max = 200; min = 5; over = "all|draws"; };
 *     simulate = true;                                    false: costs only, no data needed, no accuracy
 *     keep = "plans";                                     what results hold of each point: "plans|layers|totals"
 *     plot = [ "accuracy-energy", ... ];
 */
#ifndef MB_RUN_EXPERIMENT_H
#define MB_RUN_EXPERIMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/conf.h"
#include "cost/baseline.h"
#include "cost/machine.h"
#include "nn/dataset.h"
#include "nn/network.h"
#include "nn/quant.h"
#include "run/cache.h"

/* Scalar keys at the top of an experiment (table mb_experiment_params). KEEP: the plan of each point as a file, too; the breakdowns by layer and component; neither. */
#define MB_KEEPS "plans|layers|totals"
typedef enum { MB_KEEP_PLANS, MB_KEEP_LAYERS, MB_KEEP_TOTALS } mb_keep;
typedef struct mb_experiment_keys { int schema; char *name, *question; int samples, seed; bool simulate; int keep; } mb_experiment_keys;
/* Device draws per point: a number (key `trials`, table mb_draws_params), or a group (table mb_trials_params): until half of the 95 % interval is at most `until`. */
#define MB_TRIALS_OVER "all|draws"
typedef enum { MB_OVER_ALL, MB_OVER_DRAWS } mb_trials_over;
typedef struct mb_draws_keys { int trials; } mb_draws_keys;
typedef struct mb_trials_keys { double until; int max, min; int over; } mb_trials_keys;
/* Group `calibration` (table mb_calibration_params; plus `dataset`). */
typedef struct mb_calibration_keys {
    int samples; int weight_rule, input_rule; double weight_percentile, input_percentile; bool per_channel;
} mb_calibration_keys;
#define MB_DRIFT_COMPENSATIONS "none|expected|measured"
typedef enum { MB_COMPENSATE_NONE, MB_COMPENSATE_EXPECTED, MB_COMPENSATE_MEASURED } mb_drift_compensation;
/* After programming, per output channel: match the mean, or mean and deviation, of the exact results on the calibration samples. */
#define MB_READ_CORRECTIONS "none|offset|affine"
typedef enum { MB_CORRECT_NONE, MB_CORRECT_OFFSET, MB_CORRECT_AFFINE } mb_correction_after;
typedef struct mb_read_keys { double time_s, temperature_K; int drift_compensation, correction; } mb_read_keys;
extern const mb_param mb_experiment_params[], mb_draws_params[], mb_trials_params[], mb_calibration_params[], mb_read_params[];

/* One point of the experiment, loaded and checked: ready to map, cost and simulate. */
typedef struct mb_setup {
    mb_conf *conf;               /* the point's tree: complete after loading (defaults inserted) */
    mb_experiment_keys keys;
    int trials;                  /* device draws; at most, with until.until > 0 */
    mb_trials_keys until;        /* all 0: a given number of draws */
    mb_calibration_keys cal;
    mb_read_keys read;
    const mb_network *net;       /* net, data, calib are shared between points (cache) */
    const mb_dataset *data, *calib;
    mb_cell cell;
    mb_machine *mach;
    mb_baseline *baseline;
    int n_baseline;
    mb_cache *cache;             /* borrowed */
    unsigned ideal;              /* MB_IDEAL_* of array/xbar.h: what the arrays do without (explain_set.c); 0 after loading */
    double stress;               /* factor on the errors of the cells (array/xbar.h); 0 after loading: as the device says */
    uint64_t id;                 /* hash of everything that the results depend on: used values, network, data */
} mb_setup;

/* The dataset (preset or group) at PATH of ROOT, with its defaults inserted; the cache owns it. */
int mb_experiment_data(mb_conf *root, const char *path, mb_cache *cache, const mb_dataset **data);

/* Read EXP.cfg and lay the settings "KEY=VALUE" on it. A path that is not there is looked for among the files that ship (with a note). */
int mb_experiment_read(const char *path, const char *const *set, size_t n_set, mb_conf **root);
/* The text of used.cfg: the experiment of ROOT with everything expanded and every default written out; POINT is a loaded setup of its first point. */
int mb_experiment_used(const mb_conf *root, const mb_setup *point, mb_str *out);
/* Load everything that the tree ROOT (of one point; becomes owned, also on failure) asks for and check that it fits together; all keys must have been used. NEED_DATA false, or the key simulate: cost only, no dataset. A network without weights (nn/shapes.h) loads no data: data and calib stay NULL. */
int mb_setup_load(mb_conf *root, mb_cache *cache, bool need_data, mb_setup *s);
void mb_setup_free(mb_setup *s);
/* MB_OK when the network of S can be run: it has weights, and its data were loaded. Else MB_BADINPUT with the reason. */
int mb_setup_can_run(const mb_setup *s);

#endif
