/* solver_glpk.c - the problem as an integer program for GLPK: one binary per layer and choice, HAWQ-V3's own way
 *
 *     minimise sum v_ij x_ij   subject to   sum_j x_ij = 1,   sum u_ijk x_ij <= L_k,   x_hj = x_ij for tied layers
 * An independent check of the exact solver. Tolerances are GLPK's (1e-7 on integrality), so answers are checked against the limits here.
 * Reference: Z. Yao et al., HAWQ-V3: Dyadic neural network quantization, ICML 2021, arXiv:2011.10680; GLPK 5.
 */
#include <glpk.h>
#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "mapping/solver.h"

static int column(const mb_knapsack *p, int i, int j) { /* from 1 */
    int at = 1;
    for (int h = 0; h < i; h++) at += p->m[h];
    return at + j;
}

/* Rows and columns; index and coefficient hold total + 1 numbers. Uses are divided by the limit's size. */
static void pose(const mb_knapsack *p, glp_prob *g, int *index, double *coef, double scale) {
    glp_set_obj_dir(g, GLP_MIN);
    glp_add_cols(g, p->total);
    for (int i = 0; i < p->n; i++)
        for (int j = 0; j < p->m[i]; j++) {
            glp_set_col_kind(g, column(p, i, j), GLP_BV);
            glp_set_obj_coef(g, column(p, i, j), p->value[i][j] / scale);
        }
    for (int i = 0; i < p->n; i++) {
        int r = glp_add_rows(g, 1);
        for (int j = 0; j < p->m[i]; j++) index[j + 1] = column(p, i, j), coef[j + 1] = 1;
        glp_set_mat_row(g, r, p->m[i], index, coef);
        glp_set_row_bnds(g, r, GLP_FX, 1, 1);
    }
    for (int k = 0; k < p->K; k++) {
        if (isinf(p->limit[k])) continue;
        int r = glp_add_rows(g, 1), n = 0;
        double size = fabs(p->limit[k]) > 0 ? fabs(p->limit[k]) : 1;
        for (int i = 0; i < p->n; i++)
            for (int j = 0; j < p->m[i]; j++) index[++n] = column(p, i, j), coef[n] = p->use[i][j * p->K + k] / size;
        glp_set_mat_row(g, r, n, index, coef);
        glp_set_row_bnds(g, r, GLP_UP, 0, (p->limit[k] + mb_knapsack_slack(p, k)) / size);
    }
    for (int i = 0; i < p->n; i++)
        for (int h = 0; h < i; h++) {
            if (p->group[i] < 0 || p->group[h] != p->group[i]) continue;
            for (int j = 0; j < p->m[i]; j++) {
                int r = glp_add_rows(g, 1);
                index[1] = column(p, i, j), coef[1] = 1;
                index[2] = column(p, h, j), coef[2] = -1;
                glp_set_mat_row(g, r, 2, index, coef);
                glp_set_row_bnds(g, r, GLP_FX, 0, 0);
            }
            break;
        }
}

typedef struct watch { const mb_search *s; double t0, bound; bool stop; } watch;

static void on_event(glp_tree *t, void *info) {
    watch *w = info;
    int best = glp_ios_best_node(t);
    if (best) w->bound = glp_ios_node_bound(t, best);
    if (w->s->now && w->s->time_s > 0 && w->s->now(w->s->ctx) - w->t0 > w->s->time_s) w->stop = true;
    if (w->stop) glp_ios_terminate(t);
}

static int solve(const void *params, const mb_knapsack *p, const mb_search *s, mb_answer *out) {
    (void)params;
    mb_pool pool;
    glp_iocp opt;
    glp_smcp simplex;
    watch w = {s, s->now ? s->now(s->ctx) : 0, -HUGE_VAL, false};
    double scale = 0;
    for (int i = 0; i < p->n; i++)
        for (int j = 0; j < p->m[i]; j++) scale = fmax(scale, fabs(p->value[i][j]));
    if (!(scale > 0)) scale = 1;
    int *index = mb_calloc((size_t)p->total + 2, sizeof *index), *x = mb_calloc((size_t)p->n, sizeof *x);
    double *coef = mb_calloc((size_t)p->total + 2, sizeof *coef);
    int rc = index && x && coef ? MB_OK : mb_nomem(), status = GLP_UNDEF, code = 0;
    if (!rc) rc = mb_pool_init(&pool, p, 1);
    else pool = (mb_pool){0};
    if (!rc) {
        glp_term_out(GLP_OFF);
        glp_prob *g = glp_create_prob();
        pose(p, g, index, coef, scale);
        glp_init_smcp(&simplex);
        simplex.msg_lev = GLP_MSG_OFF;
        glp_init_iocp(&opt);
        opt.msg_lev = GLP_MSG_OFF;
        opt.mip_gap = s->gap > 0 ? s->gap : 0;
        opt.gmi_cuts = opt.mir_cuts = opt.cov_cuts = GLP_ON;
        opt.cb_func = on_event;
        opt.cb_info = &w;
        code = glp_simplex(g, &simplex);
        const bool impossible = code == 0 && glp_get_status(g) == GLP_NOFEAS;
        if (code == 0 && !impossible) code = glp_intopt(g, &opt);
        status = impossible ? GLP_NOFEAS : glp_mip_status(g);
        if (status == GLP_OPT || status == GLP_FEAS) {
            for (int i = 0; i < p->n; i++)
                for (int j = 0; j < p->m[i]; j++)
                    if (glp_mip_col_val(g, column(p, i, j)) > 0.5) x[i] = j;
            rc = mb_pool_offer(&pool, x, NULL);
        }
        glp_delete_prob(g);
    }
    if (!rc) {
        mb_pool_finish(&pool, out);
        bool done = code == 0 && !w.stop;
        out->binding = -1;
        out->certainty = status == GLP_NOFEAS ? MB_IMPOSSIBLE : !done || !out->n ? MB_STOPPED : s->gap > 0 ? MB_WITHIN_GAP : MB_PROVEN;
        out->bound = out->certainty == MB_PROVEN ? out->a[0].value : w.bound * scale;
        if (out->certainty == MB_WITHIN_GAP && out->bound >= out->a[0].value) out->certainty = MB_PROVEN;
        out->gap = out->n ? fmax(0, out->a[0].value - out->bound) / fmax(fabs(out->a[0].value), 1e-300) : HUGE_VAL;
        out->seconds = s->now ? s->now(s->ctx) - w.t0 : 0;
    }
    mb_pool_free(&pool);
    mb_free(index);
    mb_free(x);
    mb_free(coef);
    return rc;
}

const mb_solver_type mb_solver_glpk = {
    .name = "glpk",
    .summary = "integer program, solved by GLPK",
    .reference = "Yao et al., HAWQ-V3, ICML 2021, arXiv:2011.10680; GNU Linear Programming Kit",
    .solve = solve,
};
