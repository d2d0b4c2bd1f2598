/* page_internal.h - what page.c and page_data.c share */
#ifndef MB_RUN_PAGE_INTERNAL_H
#define MB_RUN_PAGE_INTERNAL_H

#include "run/page.h"
#include "run/plot_internal.h"

#define MB_PAGE_COLUMNS 64
#define MB_PAGE_POINTS ((size_t)2000)
#define MB_PAGE_LAYERS 4000 /* rows of layers of all points */
#define MB_PAGE_KEYS 12
#define MB_PAGE_BASELINES 16
#define MB_PAGE_PLAN_BYTES ((size_t)2 << 20)

extern const char mb_page_css[], mb_page_js[]; /* page.css and page.js: build-aux/embed-text.sh */

typedef struct mb_page_column {
    mb_metric m;
    bool constant, main, end; /* the same in all points; in the table from the start; end of an interval */
} mb_page_column;

typedef struct mb_page {
    const mb_results *r, *done; /* all points; the feasible ones */
    mb_results feasible;
    mb_page_column column[MB_PAGE_COLUMNS];
    size_t n_column;
    const char *key[MB_PAGE_KEYS], *base[MB_PAGE_BASELINES];
    size_t n_key, n_base;
    mb_tagging tagging;
    bool labels;     /* points go by names, not by their swept keys */
    size_t *pick, n; /* points of the page, indices into r->point */
    bool *detail;    /* [r->n]: layers and plan are there */
    size_t n_detail, plans_missing;
    mb_legend legend;
} mb_page;

void mb_page_text(mb_str *out, const char *text, size_t chars); /* cleaned and escaped */
void mb_page_lines(mb_str *out, const char *text);              /* the same, lines kept */
void mb_page_unit(mb_str *out, const char *unit);
const char *mb_page_setting(const mb_point_result *q, const char *key); /* NULL: not set */
int mb_page_json(const mb_page *p, mb_str *out);
int mb_page_setting_section(const mb_page *p, mb_str *out);
int mb_page_plans(mb_page *p, mb_str *out);

#endif
