/* experiment.c - from configuration tree to loaded objects
 *
 * mb_setup_load() expands presets, loads network, data, cell, machine and baselines, inserts every default into the tree and insists that every key was used.
 */
#include "run/experiment.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "mapping/policy.h"
#include "run/training.h"

const mb_param mb_experiment_params[] = {
    MB_INT(mb_experiment_keys, schema, "", NULL, 1, 1, "version of the experiment format"),
    MB_TEXT(mb_experiment_keys, name, "", "name of the run folder and of the report; default: the file's name"),
    MB_TEXT(mb_experiment_keys, question, "", "what the experiment asks, shown above its report"),
    MB_INT(mb_experiment_keys, samples, "", "0", 0, 1e9, "test samples used, 0: all"),
    MB_INT(mb_experiment_keys, seed, "", "1", 0, 2147483647, "seed of all random numbers"),
    MB_FLAG(mb_experiment_keys, simulate, "true", "run the network on the arrays; false: costs only, with estimated activity: no data is needed, and there is no accuracy"),
    MB_CHOICE(mb_experiment_keys, keep, MB_KEEPS, "plans",
              "what a run keeps of each point: its plan as a file and all breakdowns; the breakdowns by layer and component; the numbers of the point alone"),
    MB_PARAM_END};

const mb_param mb_draws_params[] = {
    MB_INT(mb_draws_keys, trials, "", "3", 1, 1e6, "device draws per point (one when nothing is random); or a group trials = { until = ...; }"),
    MB_PARAM_END};

const mb_param mb_trials_params[] = {
    MB_REAL(mb_trials_keys, until, "", NULL, 1e-6, 1, "device draws are added until half of the 95 % interval of the mean accuracy is at most this"),
    MB_INT(mb_trials_keys, max, "", "200", 2, 1e6, "draws at most"),
    MB_INT(mb_trials_keys, min, "", "5", 2, 1e6, "draws at least"),
    MB_CHOICE(mb_trials_keys, over, MB_TRIALS_OVER, "all",
              "which interval: over test samples and draws, as it is reported; or over draws alone, for points that are compared on the same samples"),
    MB_PARAM_END};

const mb_param mb_calibration_params[] = {
    MB_INT(mb_calibration_keys, samples, "", "128", 1, 1e7, "calibration samples used for input scales and converter ranges"),
    MB_CHOICE(mb_calibration_keys, weight_rule, MB_RANGE_RULES, "mse", "range of the weights: largest, percentile of |w|, or least squared error"),
    MB_CHOICE(mb_calibration_keys, input_rule, MB_RANGE_RULES, "mse", "range of the inputs: largest, percentile of |x|, or least squared error"),
    MB_REAL(mb_calibration_keys, weight_percentile, "", "1.0", 0.5, 1.0, "for weight_rule = percentile"),
    MB_REAL(mb_calibration_keys, input_percentile, "", "0.9999", 0.5, 1.0, "for input_rule = percentile"),
    MB_FLAG(mb_calibration_keys, per_channel, "true", "one weight scale per output channel instead of one per layer"),
    MB_PARAM_END};

const mb_param mb_read_params[] = {
    MB_REAL(mb_read_keys, time_s, "s", "0", 0, 1e12, "time of reading after programming"),
    MB_REAL(mb_read_keys, temperature_K, "K", "300", 1, 1000, "temperature of reading"),
    MB_CHOICE(mb_read_keys, drift_compensation, MB_DRIFT_COMPENSATIONS, "none",
              "factor on a layer's outputs after conversion: inverse of the decay that the cell type expects, or of that of its cells' summed current"),
    MB_CHOICE(mb_read_keys, correction, MB_READ_CORRECTIONS, "none",
              "after programming, per output channel of analog layers: bring the mean, or mean and deviation, on the calibration samples to those of exact integers"),
    MB_PARAM_END};

static void free_network(void *p) { mb_network_free(p); }

typedef struct { mb_dataset *d; mb_conf *conf; } cached_data;
static void free_data(void *p) {
    cached_data *c = p;
    mb_dataset_free(c->d);
    mb_conf_free(c->conf);
    mb_free(c);
}

/* --- reading ----------------------------------------------------------------------------------------------------- */

int mb_experiment_read(const char *path, const char *const *set, size_t n_set, mb_conf **root) {
    mb_conf *c = NULL;
    char *found = NULL;
    int rc = mb_file_find("experiments", path, &found);
    if (!rc) rc = mb_conf_read(found, &c);
    mb_free(found);
    if (rc) return rc;
    for (size_t i = 0; i < n_set && !rc; i++) rc = mb_conf_assign(c, set[i], MB_FROM_COMMAND);
    const mb_conf *name = mb_conf_find(c, "name");
    if (!rc && (!name || (name->type == MB_CONF_STRING && !*name->s))) {
        char *base = mb_path_base(path);
        mb_str quoted = {0};
        mb_str_addf(&quoted, "\"%s\"", base ? base : "");
        rc = base && !quoted.failed ? mb_conf_set(c, "name", mb_cstr(&quoted), MB_FROM_DEFAULT) : mb_nomem();
        mb_str_free(&quoted);
        mb_free(base);
    }
    if (rc) {
        mb_conf_free(c);
        return rc;
    }
    *root = c;
    return MB_OK;
}

/* A run's name becomes a folder: letters, digits, and . _ - only. */
static int check_name(const mb_conf *root, const char *name) {
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
    if (*name && name[0] != '.' && name[0] != '-' && !name[n] && n <= 100) return MB_OK;
    const mb_conf *c = mb_conf_find(root, "name");
    return mb_fail(MB_BADINPUT, "%s: name \"%s\" cannot be a folder: use letters, digits, '.', '_' and '-'", mb_conf_where(c ? c : root), name);
}

/* Replace a relative path in C by an absolute one, so that used.cfg runs from anywhere. */
static int make_absolute(mb_conf *c) {
    if (c->type != MB_CONF_STRING || !*c->s || c->s[0] == '/') return MB_OK;
    char *dir = mb_conf_dir(c), *full = dir ? realpath(dir, NULL) : NULL, *path = full ? mb_path_join(full, c->s) : NULL;
    mb_free(dir);
    free(full);
    if (!path) return MB_OK; /* the loader says what is missing */
    mb_free(c->s);
    c->s = path;
    return MB_OK;
}

static int load_network(mb_conf *root, mb_cache *cache, const mb_network **net) {
    mb_conf *c = mb_conf_use(root, "network");
    if (!c) return mb_fail(MB_BADINPUT, "%s: network is missing, e.g. network = \"networks/fashion_cnn.onnx\"", mb_conf_where(root));
    if (c->type != MB_CONF_STRING) return mb_fail(MB_BADINPUT, "%s: network is the path of an ONNX file, or of a table of layer shapes (.csv)", mb_conf_where(c));
    make_absolute(c);
    uint64_t key = mb_hash64(c->s, strlen(c->s), MB_HASH_START);
    mb_network *n = mb_cache_claim(cache, "network", key);
    if (!n) {
        int rc = mb_network_load(c->s, &n);
        if (rc) {
            mb_cache_give_up(cache, "network", key);
            return mb_context(rc, "network asked for at %s", mb_conf_where(c));
        }
        rc = mb_cache_put(cache, "network", key, n, 0, free_network);
        if (rc) return rc;
    }
    *net = n;
    return MB_OK;
}

int mb_experiment_data(mb_conf *root, const char *path, mb_cache *cache, const mb_dataset **data) {
    mb_conf *c = mb_conf_use(root, path);
    if (!c) return mb_fail(MB_BADINPUT, "%s: %s is missing, e.g. dataset = \"fashion-mnist\"", mb_conf_where(root), path);
    int rc = mb_conf_expand_preset(c, "data");
    if (rc) return mb_context(rc, "%s asked for at %s", path, mb_conf_where(c));
    c = mb_conf_use(root, path);
    rc = mb_dataset_resolve(c);
    if (rc) return mb_context(rc, "%s asked for at %s", path, mb_conf_where(c));
    uint64_t key = mb_conf_hash(c);
    cached_data *d = mb_cache_claim(cache, "dataset", key);
    if (d) {
        rc = mb_conf_overlay(c, d->conf); /* the defaults that loading inserted */
        mb_conf_use_all(c);
        if (!rc) *data = d->d;
        return rc;
    }
    d = mb_calloc(1, sizeof *d);
    rc = d ? mb_dataset_load(c, &d->d) : mb_nomem();
    if (!rc && !(d->conf = mb_conf_clone(c))) rc = mb_nomem();
    if (rc) {
        if (d) mb_dataset_free(d->d);
        mb_free(d);
        mb_cache_give_up(cache, "dataset", key);
        return mb_context(rc, "%s asked for at %s", path, mb_conf_where(c));
    }
    rc = mb_cache_put(cache, "dataset", key, d, 0, free_data);
    if (!rc) *data = d->d;
    return rc;
}

static int expand_group(mb_conf *root, const char *key, const char *kind, const char *example, mb_conf **out) {
    mb_conf *c = mb_conf_use(root, key);
    if (!c) return mb_fail(MB_BADINPUT, "%s: %s is missing, e.g. %s", mb_conf_where(root), key, example);
    int rc = strcmp(key, "device") == 0 ? mb_cell_expand(c) : mb_conf_expand_preset(c, kind);
    if (rc) return mb_context(rc, "%s asked for at %s", key, mb_conf_where(c));
    *out = mb_conf_use(root, key);
    if ((*out)->type != MB_CONF_GROUP) return mb_fail(MB_BADINPUT, "%s: %s is a preset name or a group", mb_conf_where(*out), key);
    return MB_OK;
}

/* The name under which a group is shown: its key `name`, else that of its preset file, else DEF. Kept as the key `name`, so that used.cfg tells it too. */
static int name_group(mb_conf *group, const char *def) {
    if (mb_conf_find(group, "name")) return MB_OK;
    const mb_conf *p = mb_conf_find(group, "preset");
    char *base = p && p->type == MB_CONF_STRING ? mb_path_base(p->s) : mb_strdup(def);
    mb_conf *c = mb_conf_new(MB_CONF_STRING, "name");
    int rc = base && c ? MB_OK : mb_nomem();
    if (!rc) {
        mb_free(c->s);
        c->s = base;
        c->origin = MB_FROM_DEFAULT;
        rc = mb_conf_append(group, c);
    } else {
        mb_free(base);
        mb_conf_free(c);
    }
    return rc;
}

static int load_baselines(mb_conf *root, mb_setup *s) {
    mb_conf *l = mb_conf_use(root, "against");
    if (!l) return MB_OK;
    if (l->type != MB_CONF_LIST) return mb_fail(MB_BADINPUT, "%s: against is a list of baselines, e.g. ( \"systolic-32x32\" )", mb_conf_where(l));
    s->baseline = mb_calloc(l->n, sizeof *s->baseline);
    if (!s->baseline) return mb_nomem();
    for (size_t i = 0; i < l->n; i++) {
        mb_conf *c = l->child[i];
        c->used = true;
        int rc = mb_conf_expand_preset(c, "baselines");
        c = l->child[i];
        if (!rc && c->type != MB_CONF_GROUP) rc = mb_fail(MB_BADINPUT, "%s: a baseline is a preset name or a group", mb_conf_where(c));
        if (!rc) rc = name_group(c, "baseline");
        if (!rc) rc = mb_baseline_load(c, "baseline", &s->baseline[i]);
        if (rc) return mb_context(rc, "baseline %zu at %s", i + 1, mb_conf_where(c));
        s->n_baseline++;
    }
    return MB_OK;
}

/* Number of draws, or what ends them. */
static int load_trials(mb_setup *s) {
    static const char *const also[] = {"schema", "name", "question", "samples", "seed", "simulate", "keep", "network", "dataset", "calibration", "device", "arch", "map",
                                       "sweep", "against", "read", "plot", "train", NULL};
    mb_conf *c = mb_conf_use(s->conf, "trials");
    mb_draws_keys d;
    if (!c || c->type != MB_CONF_GROUP) {
        int rc = mb_params_load(mb_draws_params, s->conf, also, &d);
        s->trials = d.trials;
        return rc;
    }
    int rc = mb_params_load(mb_trials_params, c, NULL, &s->until);
    if (!rc && s->until.min > s->until.max)
        rc = mb_fail(MB_BADINPUT, "%s: trials.min = %d is more than trials.max = %d", mb_conf_where(c), s->until.min, s->until.max);
    s->trials = s->until.max;
    return rc;
}

static int load_groups(mb_setup *s) {
    static const char *const also[] = {"network", "dataset", "calibration", "device", "arch", "map", "sweep", "against", "read", "plot", "train", "trials", NULL};
    static const char *const cal_also[] = {"dataset", NULL};
    mb_conf *root = s->conf, *g = NULL;
    int rc = mb_params_load(mb_experiment_params, root, also, &s->keys);
    if (!rc) rc = load_trials(s);
    if (!rc) rc = check_name(root, s->keys.name);
    static const char *const groups[] = {"calibration", "read", "map"};
    for (size_t i = 0; i < 3 && !rc; i++) {
        const mb_conf *c = mb_conf_find(root, groups[i]);
        if (!c) rc = mb_conf_set(root, groups[i], "{ }", MB_FROM_DEFAULT);
        else if (c->type != MB_CONF_GROUP) rc = mb_fail(MB_BADINPUT, "%s: %s is a group { ... }", mb_conf_where(c), groups[i]);
    }
    if (!rc) rc = mb_params_load(mb_calibration_params, mb_conf_use(root, "calibration"), cal_also, &s->cal);
    if (!rc) rc = mb_params_load(mb_read_params, mb_conf_use(root, "read"), NULL, &s->read);
    if (!rc) rc = load_network(root, s->cache, &s->net);
    if (!rc) rc = expand_group(root, "device", "devices", "device = \"rram\"", &g);
    if (!rc) rc = mb_cell_load(g, &s->cell);
    if (!rc && s->read.drift_compensation == MB_COMPENSATE_EXPECTED && !s->cell.type->decay)
        rc = mb_fail(MB_BADINPUT, "read.drift_compensation = \"expected\": the cell type %s does not tell how its mean decays; \"measured\" works with every cell",
                     s->cell.type->name);
    if (!rc) rc = expand_group(root, "arch", "arch", "arch = \"rram-22nm\"", &g);
    if (!rc) rc = name_group(g, "arch");
    if (!rc) rc = mb_machine_load(g, "arch", &s->mach);
    if (!rc) rc = load_baselines(root, s);
    if (!rc) { /* the mapping problem is checked now and solved later */
        mb_problem prob;
        rc = mb_problem_load(mb_conf_use(root, "map"), s->net, &prob);
        if (!rc) mb_problem_free(&prob);
    }
    mb_finetune_keys finetune = {0};
    if (!rc) rc = mb_finetune_load(mb_conf_use(root, "map"), &finetune);
    s->finetune_epochs = finetune.epochs;
    mb_conf *plot = mb_conf_use(root, "plot"), *train = mb_conf_use(root, "train");
    if (plot) mb_conf_use_all(plot);
    if (train) mb_conf_use_all(train); /* of `mixbar train` */
    return rc;
}

/* Trainings of the mapper: their keys are checked now. */
static int load_training(mb_setup *s) {
    mb_conf *root = s->conf, *g = mb_conf_find(root, "train");
    mb_train_keys keys;
    mb_training_keys own;
    if (!mb_map_trains(mb_conf_find(root, "map"))) return MB_OK;
    if (g && g->type != MB_CONF_GROUP) return mb_fail(MB_BADINPUT, "%s: train is a group { ... }", mb_conf_where(g));
    mb_conf *c = g ? mb_conf_clone(g) : mb_conf_new(MB_CONF_GROUP, "train");
    int rc = c ? mb_training_keys_load(c, &keys, &own) : mb_nomem();
    const size_t samples = rc ? 0 : (size_t)own.samples;
    if (!rc) mb_training_keys_free(&keys, &own);
    mb_conf_free(c);
    mb_conf *teacher = mb_conf_find(root, "train.teacher");
    if (!rc && teacher && *teacher->s) rc = make_absolute(teacher); /* used.cfg lies elsewhere */
    if (!rc && mb_conf_find(root, "train.dataset")) rc = mb_experiment_data(root, "train.dataset", s->cache, &s->train);
    if (!rc && s->train) rc = mb_dataset_fits(s->train, s->net);
    const mb_dataset *d = s->train ? s->train : s->calib;
    if (!rc && d && samples > d->n)
        rc = mb_fail(MB_BADINPUT, "%s: train.samples = %zu, but %s holds %zu: lower it, or 0 for all", mb_conf_where(mb_conf_find(root, "train.samples")),
                     samples, d->source, d->n);
    return rc && g ? mb_context(rc, "the mapper trains with the group train at %s", mb_conf_where(g)) : rc;
}

static int load_all_data(mb_setup *s, bool need_data) {
    mb_conf *root = s->conf;
    if (!need_data || !s->keys.simulate || s->net->weightless) { /* without weights there is nothing to run on data */
        mb_conf *d = mb_conf_use(root, "dataset"), *c = mb_conf_use(root, "calibration");
        if (d) mb_conf_use_all(d);
        if (c) mb_conf_use_all(c);
        return MB_OK;
    }
    int rc = mb_experiment_data(root, "dataset", s->cache, &s->data);
    if (!rc && mb_conf_find(root, "calibration.dataset")) rc = mb_experiment_data(root, "calibration.dataset", s->cache, &s->calib);
    if (rc) return rc;
    if (!s->calib) s->calib = s->data;
    rc = mb_dataset_fits(s->data, s->net);
    if (rc) return mb_context(rc, "dataset at %s", mb_conf_where(mb_conf_find(root, "dataset")));
    rc = mb_dataset_fits(s->calib, s->net);
    if (rc) return mb_context(rc, "calibration data at %s", mb_conf_where(mb_conf_find(root, "calibration")));
    if ((size_t)s->keys.samples > s->data->n)
        return mb_fail(MB_BADINPUT, "%s: samples = %d, but %s holds %zu: lower it, or 0 for all", mb_conf_where(mb_conf_find(root, "samples")),
                       s->keys.samples, s->data->source, s->data->n);
    if (s->keys.samples == 0) s->keys.samples = (int)s->data->n;
    if ((size_t)s->cal.samples > s->calib->n)
        return mb_fail(MB_BADINPUT, "%s: calibration.samples = %d, but %s holds %zu: lower it",
                       mb_conf_where(mb_conf_find(root, "calibration.samples")), s->cal.samples, s->calib->source, s->calib->n);
    return load_training(s);
}

/* Remove child K of C. */
static void drop_child(mb_conf *c, size_t k) {
    mb_conf_free(c->child[k]);
    memmove(c->child + k, c->child + k + 1, (c->n - k - 1) * sizeof *c->child);
    c->n--;
}

/* Remove every value called NAME below C. */
static void drop_named(mb_conf *c, const char *name) {
    for (size_t i = 0; i < c->n;) {
        if (c->child[i]->name && !strcmp(c->child[i]->name, name)) {
            drop_child(c, i);
            continue;
        }
        drop_named(c->child[i], name);
        i++;
    }
}

/* Of C itself only: layers have names, mappings keep channels. */
static void drop_top(mb_conf *c, const char *name) {
    for (size_t i = c->n; i-- > 0;)
        if (c->child[i]->name && !strcmp(c->child[i]->name, name)) drop_child(c, i);
}

static void free_plain(void *p) { mb_free(p); }

/* Mix the first N samples of D into H: a longer file that begins with the same samples gives the same results and the same identity. */
static int hash_samples(mb_cache *cache, const mb_dataset *d, size_t n, uint64_t *h) {
    uint64_t key = mb_hash64(&d, sizeof d, MB_HASH_START);
    key = mb_hash64(&n, sizeof n, key);
    uint64_t *v = mb_cache_claim(cache, "hash of samples", key);
    if (!v) {
        if (!(v = mb_malloc(1, sizeof *v))) {
            mb_cache_give_up(cache, "hash of samples", key);
            return mb_nomem();
        }
        *v = mb_hash64(d->raw, n * mb_shape_count(&d->shape) * mb_dtype_size(d->type), MB_HASH_START);
        *v = mb_hash64(d->label, n * sizeof *d->label, *v);
        int rc = mb_cache_put(cache, "hash of samples", key, v, 0, free_plain);
        if (rc) return rc;
    }
    *h = mb_hash64(v, sizeof *v, *h);
    return MB_OK;
}

/* The point's identity: used values without places and texts, and the contents of network and data. */
static int compute_id(mb_setup *s) {
    static const char *const places[] = {"preset", "network", "dataset"}, *const top[] = {"plot", "train", "name", "question", "keep"};
    mb_conf *c = mb_conf_clone(s->conf), *train = NULL;
    if (!c) return mb_nomem();
    if (s->keys.simulate) drop_top(c, "simulate");
    for (size_t i = 0; i < sizeof top / sizeof *top; i++) drop_top(c, top[i]);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) drop_named(c, places[i]);
    if (s->cell.library) { /* what it does, not where it lies */
        mb_conf *device = mb_conf_use(c, "device");
        if (device) drop_named(device, "cell");
    }
    uint64_t h = mb_conf_hash(c);
    mb_conf_free(c);
    if (s->cell.library) h = mb_hash64(&s->cell.code, sizeof s->cell.code, h);
    h = mb_hash64(&s->net->hash, sizeof h, h);
    if ((train = mb_map_trains(mb_conf_find(s->conf, "map")) ? mb_conf_clone(mb_conf_find(s->conf, "train")) : NULL)) {
        for (size_t i = 0; i < sizeof places / sizeof *places; i++) drop_named(train, places[i]);
        const mb_conf *teacher = mb_conf_find(s->conf, "train.teacher");
        drop_named(train, "teacher");
        uint64_t t = mb_conf_hash(train);
        h = mb_hash64(&t, sizeof t, h);
        mb_conf_free(train);
        uint8_t *file = NULL; /* what it is, not where it lies; a file that is not there is told by the training */
        size_t size = 0;
        if (teacher && mb_file_exists(teacher->s) && mb_file_read(teacher->s, 0, &file, &size) == MB_OK) h = mb_hash64(file, size, h);
        mb_error_clear();
        mb_free(file);
    }
    if (s->train) h = mb_hash64(&s->train->hash, sizeof h, h);
    int rc = MB_OK;
    if (s->data) rc = hash_samples(s->cache, s->data, (size_t)s->keys.samples, &h);
    if (!rc && s->calib) rc = hash_samples(s->cache, s->calib, (size_t)s->cal.samples, &h);
    s->id = h;
    return rc;
}

int mb_setup_load(mb_conf *root, mb_cache *cache, bool need_data, mb_setup *s) {
    memset(s, 0, sizeof *s);
    s->conf = root;
    s->cache = cache;
    int rc = load_groups(s);
    if (!rc) rc = load_all_data(s, need_data);
    if (!rc) rc = mb_conf_check_used(root);
    if (!rc) rc = compute_id(s);
    if (rc) mb_setup_free(s);
    return rc;
}

int mb_setup_can_run(const mb_setup *s) {
    int rc = mb_network_has_weights(s->net);
    if (!rc && (!s->data || !s->calib))
        rc = mb_fail(MB_BADINPUT, "%s: simulate = false leaves the data out, and this needs them", mb_conf_where(mb_conf_find(s->conf, "simulate")));
    return rc;
}

void mb_setup_free(mb_setup *s) {
    for (int i = 0; i < s->n_baseline; i++) mb_baseline_free(&s->baseline[i]);
    mb_free(s->baseline);
    mb_machine_free(s->mach);
    mb_cell_free(&s->cell);
    mb_params_free(mb_read_params, &s->read);
    mb_params_free(mb_calibration_params, &s->cal);
    mb_params_free(mb_experiment_params, &s->keys);
    mb_conf_free(s->conf);
    memset(s, 0, sizeof *s);
}

/* Texts of a sweep that name a file beside the experiment become absolute, as all paths of used.cfg. */
static void anchor_paths(mb_conf *c) {
    if (c->type == MB_CONF_STRING && (strchr(c->s, '/') || mb_cell_is_user(c->s)) && !strchr(c->s, '=')) {
        char *dir = mb_conf_dir(c), *path = dir ? mb_path_join(dir, c->s) : NULL;
        if (path && mb_file_exists(path)) make_absolute(c);
        mb_free(path);
        mb_free(dir);
    }
    for (size_t i = 0; i < c->n; i++) anchor_paths(c->child[i]);
}

int mb_experiment_used(const mb_conf *root, const mb_setup *point, mb_str *out) {
    mb_conf *c = mb_conf_clone(point->conf);
    int rc = c ? MB_OK : mb_nomem();
    if (!rc) drop_named(c, "preset");
    const mb_conf *sweep = mb_conf_find(root, "sweep");
    if (!rc && sweep) rc = mb_conf_put(c, "sweep", sweep, sweep->origin);
    if (!rc && sweep) anchor_paths(mb_conf_find(c, "sweep"));
    if (!rc) {
        mb_str_addf(out, "# Every value of this run, with its origin. Running this file repeats the run.\n");
        mb_conf_write(c, out, true);
        if (out->failed) rc = mb_nomem();
    }
    mb_conf_free(c);
    return rc;
}
