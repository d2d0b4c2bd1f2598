/* verb_check.c - mixbar check EXP.cfg: load everything that every point asks for, list the points, run nothing */
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "cli/common.h"
#include "cli/doc.h"
#include "cli/options.h"
#include "cost/machine.h"
#include "mapping/policy.h"
#include "run/prune.h"

typedef struct options {
    mb_strings set;
    const char *format;
} options;

static const mb_option table[] = {
    MB_OPTION_LIST(options, set, 's', "set", "KEY=VALUE",
                   "set a key of the experiment, as if it stood in the file; may be repeated"),
    MB_OPTION_TEXT(options, format, 'f', "format", "FORMAT", "form of the answer", MB_CLI_FORMATS),
    MB_OPTION_END,
};

/* What all points have in common is told from the first one. */
static void add_head(mb_doc *d, const char *path, const mb_cli_points *e, const mb_setup *s) {
    int64_t params = 0, macs = 0;
    for (int i = 0; i < s->net->n_layers; i++) {
        params += mb_layer_params(&s->net->layer[i]);
        macs += mb_layer_macs(&s->net->layer[i]);
    }
    mb_doc_text(d, "experiment", "%s", s->keys.name);
    mb_doc_text(d, "file", "%s", path);
    if (s->keys.question && *s->keys.question) mb_doc_text(d, "question", "%s", s->keys.question);
    mb_doc_text(d, "network", "%s: %d weighted layers, %lld parameters, %lld MACs", s->net->name, s->net->n_weighted,
                (long long)params, (long long)macs);
    if (s->net->weightless) {
        mb_doc_text(d, "dataset", "none: %s has layer shapes and no weights, so it can be costed and mapped, not run", s->net->name);
    } else {
        mb_doc_text(d, "dataset", "%s: %d of %zu samples", s->data->source, s->keys.samples, s->data->n);
        mb_doc_text(d, "calibration", "%s: %d of %zu samples", s->calib->source, s->cal.samples, s->calib->n);
    }
    mb_doc_text(d, "cell", "%s", s->cell.type->name);
    mb_doc_text(d, "arch", "%s", s->mach->name);
    for (int i = 0; i < s->n_baseline; i++) mb_doc_text(d, "against", "%s", s->baseline[i].name);
    mb_doc_int(d, "trials", s->keys.trials);
    mb_doc_int(d, "seed", s->keys.seed);
    mb_doc_int(d, "n_points", (int64_t)e->points.n);
}

/* All keys that some point sets, in order of first appearance. */
static int swept_keys(const mb_points *pts, const char ***keys, size_t *n) {
    const char **k = NULL;
    *n = 0;
    for (size_t i = 0; i < pts->n; i++) {
        for (size_t j = 0; j < pts->p[i].n_set; j++) {
            size_t at = 0;
            while (at < *n && strcmp(k[at], pts->p[i].key[j]) != 0) at++;
            if (at < *n) continue;
            const char **more = mb_realloc(k, *n + 1, sizeof *k);
            if (!more) {
                mb_free(k);
                return mb_nomem();
            }
            k = more;
            k[(*n)++] = pts->p[i].key[j];
        }
    }
    *keys = k;
    return MB_OK;
}

static int add_points(mb_doc *d, const mb_points *pts, const uint64_t *id) {
    const char **keys = NULL;
    size_t n = 0;
    mb_table *t = mb_table_new();
    int rc = t ? swept_keys(pts, &keys, &n) : mb_nomem();
    if (!rc) rc = mb_table_column(t, "point", "", MB_RIGHT);
    if (!rc) rc = mb_table_column(t, "label", "", MB_LEFT);
    for (size_t k = 0; k < n && !rc; k++) rc = mb_table_column(t, keys[k], "", MB_RIGHT);
    if (!rc) rc = mb_table_column(t, "id", "", MB_LEFT);
    for (size_t i = 0; i < pts->n && !rc; i++) {
        const mb_point *p = &pts->p[i];
        rc = mb_table_cellf(t, "%zu", i);
        if (!rc) rc = mb_table_cell(t, p->label);
        for (size_t k = 0; k < n && !rc; k++) {
            const char *value = "";
            for (size_t j = 0; j < p->n_set; j++) {
                if (strcmp(p->key[j], keys[k]) == 0) value = p->value[j];
            }
            rc = mb_table_cell(t, value);
        }
        if (!rc) rc = mb_table_cellf(t, "%016llx", (unsigned long long)id[i]);
    }
    mb_free(keys);
    if (rc) mb_table_free(t);
    else mb_doc_table(d, "points", NULL, t);
    return rc;
}

/* Without a menu there is one plan, whatever the policy: is it possible on this machine? (With a menu the search leaves out what
 * is not.) */
static int check_plan(const mb_setup *s) {
    mb_problem prob;
    mb_plan *plan = NULL;
    mb_report *report = NULL;
    mb_metrics met;
    int rc = mb_problem_load(mb_conf_find(s->conf, "map"), s->net, &prob);
    if (rc) return rc;
    bool menu = prob.keep != NULL;
    for (int k = 0; k < MB_ASSIGN_KEYS; k++) menu = menu || prob.menu.n[k] > 0;
    if (!menu) {
        rc = mb_plan_new(s->net, &prob.menu.base, &plan);
        if (!rc) mb_problem_pin(&prob, plan);
        mb_setup blind = *s; /* without data: which channels are kept does not matter to what is possible */
        mb_pruned p = {0};
        blind.data = blind.calib = NULL;
        if (!rc) rc = mb_pruned_open(&blind, plan, NULL, &p);
        if (!rc) rc = mb_cost_network(s->mach, &s->cell, p.setup->net, p.plan, NULL, NULL, &report, &met);
        mb_pruned_close(&p);
    }
    mb_report_free(report);
    mb_plan_free(plan);
    mb_problem_free(&prob);
    return rc;
}

static int run(const void *opt, int argc, char *const *argv) {
    const options *o = opt;
    mb_cli_points e;
    mb_doc d;
    (void)argc;
    int rc = mb_cli_points_open(argv[0], &o->set, NULL, &e);
    if (rc) return rc;
    uint64_t *id = mb_calloc(e.points.n, sizeof *id);
    if (!id) rc = mb_nomem();
    mb_doc_begin(&d, o->format);
    for (size_t i = 0; i < e.points.n && !rc; i++) {
        mb_setup s;
        if (mb_cli_stopped()) rc = mb_fail(MB_INTERRUPTED, "stopped by a signal");
        if (!rc) rc = mb_cli_point_load(&e, i, true, &s);
        if (rc) break;
        id[i] = s.id;
        if (i == 0) add_head(&d, argv[0], &e, &s);
        rc = check_plan(&s);
        if (rc && e.points.n > 1) mb_context(rc, "point %zu (%s)", i, e.points.p[i].label);
        mb_setup_free(&s);
    }
    if (!rc) rc = add_points(&d, &e.points, id);
    mb_free(id);
    mb_cli_points_close(&e);
    return mb_doc_end(&d, rc);
}

const mb_verb mb_verb_check = {
    .name = "check",
    .usage = "EXP.cfg [-s KEY=VALUE]...",
    .summary = "validate an experiment and list its points; run nothing",
    .details = "Loads networks, data, device, machine, mapping and baselines of every point and insists that they fit together "
               "and that every key is known and used. "
               "Exit code 0 when the experiment can run; 3, with the place and the reason, when it cannot.",
    .examples = "mixbar check experiments/quickstart.cfg\nmixbar check experiments/quickstart.cfg -s arch.rows=64",
    .options = table,
    .size = sizeof(options),
    .min_args = 1,
    .max_args = 1,
    .complete = "file",
    .run = run,
};
