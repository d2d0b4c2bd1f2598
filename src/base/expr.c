/* expr.c - conditions on named values: recursive descent into a tree of nodes in one array, evaluated as often as one likes; see expr.h */
#include "base/expr.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"

#define MAX_DEPTH 100
#define NO_NODE SIZE_MAX

typedef enum { CONSTANT, NAME, HAS, OR, AND, NOT, EQ, NE, LT, LE, GT, GE, ADD, SUB, MUL, DIV, MOD, NEG, POW, LIST, IN, CALL } node_kind;

typedef enum { F_ABS, F_CEIL, F_EXP, F_FLOOR, F_LOG, F_LOG2, F_MAX, F_MIN, F_ROUND, F_SQRT } function;
static const char *const function_name[] = {"abs", "ceil", "exp", "floor", "log", "log2", "max", "min", "round", "sqrt"};
#define N_FUNCTION (sizeof function_name / sizeof *function_name)

typedef struct node {
    node_kind kind;
    size_t a, b; /* operands; CALL and LIST: a is the first argument, the others by `next` */
    size_t next;
    size_t at;   /* byte of the text, for messages */
    int f;       /* CALL */
    mb_value v;  /* CONSTANT */
    char *s;     /* NAME, HAS and text constants; owned */
} node;

struct mb_expr {
    char *text;
    node *n;
    size_t count, cap, root;
};

typedef struct parser { mb_expr *e; size_t at; int depth; int rc; } parser;

void mb_expr_free(mb_expr *e) {
    if (!e) return;
    for (size_t i = 0; i < e->count; i++) mb_free(e->n[i].s);
    mb_free(e->n);
    mb_free(e->text);
    mb_free(e);
}

const char *mb_expr_name(const mb_expr *e, size_t i) {
    for (size_t k = 0; k < e->count; k++)
        if ((e->n[k].kind == NAME || e->n[k].kind == HAS) && i-- == 0) return e->n[k].s;
    return NULL;
}

bool mb_expr_has(const mb_expr *e, const char *name) {
    for (size_t k = 0; k < e->count; k++)
        if (e->n[k].kind == HAS && !strcmp(e->n[k].s, name)) return true;
    return false;
}

/* --- parsing --------------------------------------------------------------------------------------------------------- */

static size_t broken(parser *p, size_t at, const char *what) {
    if (!p->rc) p->rc = mb_fail(MB_BADINPUT, "condition \"%.100s\": character %zu: %s", p->e->text, at + 1, what);
    return NO_NODE;
}

static size_t add(parser *p, node n) {
    mb_expr *e = p->e;
    if (e->count == e->cap) {
        size_t cap = e->cap ? 2 * e->cap : 16;
        node *more = mb_realloc(e->n, cap, sizeof *more);
        if (!more) {
            mb_free(n.s);
            if (!p->rc) p->rc = mb_nomem();
            return NO_NODE;
        }
        e->n = more;
        e->cap = cap;
    }
    e->n[e->count] = n;
    return e->count++;
}

static void blanks(parser *p) {
    while (isspace((unsigned char)p->e->text[p->at])) p->at++;
}

static bool is_word(int c) { return isalnum(c) || c == '_'; }

/* Take the operator WORD if it is next: letters must end there. */
static bool take(parser *p, const char *word) {
    blanks(p);
    const char *t = p->e->text + p->at;
    size_t n = strlen(word);
    if (strncmp(t, word, n) != 0 || (is_word((unsigned char)word[0]) && (is_word((unsigned char)t[n]) || t[n] == '.'))) return false;
    p->at += n;
    return true;
}

static size_t parse_or(parser *p);

static size_t parse_text(parser *p, size_t at) {
    const char *t = p->e->text, quote = t[at];
    size_t end = at + 1;
    while (t[end] && t[end] != quote) end++;
    if (!t[end]) return broken(p, at, "the text has no end");
    char *s = mb_strndup(t + at + 1, end - at - 1);
    p->at = end + 1;
    if (!s) {
        if (!p->rc) p->rc = mb_nomem();
        return NO_NODE;
    }
    return add(p, (node){.kind = CONSTANT, .at = at, .next = NO_NODE, .v = {MB_VALUE_TEXT, 0, s}, .s = s});
}

static size_t parse_number(parser *p, size_t at) {
    char *end;
    errno = 0;
    double x = strtod(p->e->text + at, &end);
    p->at = (size_t)(end - p->e->text);
    if (!isfinite(x) || is_word((unsigned char)*end)) return broken(p, at, "is not a number");
    return add(p, (node){.kind = CONSTANT, .at = at, .next = NO_NODE, .v = {MB_VALUE_NUMBER, x, NULL}});
}

/* "( e, e, ... )" behind the opening parenthesis: the first of the chain. */
static size_t parse_arguments(parser *p, int *n) {
    size_t first = NO_NODE, last = NO_NODE;
    *n = 0;
    do {
        size_t e = parse_or(p);
        if (e == NO_NODE) return NO_NODE;
        if (first == NO_NODE) first = e;
        else p->e->n[last].next = e;
        last = e;
        ++*n;
    } while (take(p, ","));
    return take(p, ")") ? first : broken(p, p->at, "a ) is missing");
}

static size_t parse_call(parser *p, size_t at, char *name) {
    int f = 0, n;
    if (!strcmp(name, "has")) {
        mb_free(name);
        blanks(p);
        size_t arg = parse_or(p);
        if (arg == NO_NODE) return NO_NODE;
        if (p->e->n[arg].kind != NAME) return broken(p, at, "has() asks for a name, e.g. has(read.time_s)");
        if (!take(p, ")")) return broken(p, p->at, "a ) is missing");
        p->e->n[arg].kind = HAS;
        return arg;
    }
    while (f < (int)N_FUNCTION && strcmp(function_name[f], name) != 0) f++;
    mb_free(name);
    if (f == (int)N_FUNCTION) return broken(p, at, "there is no such function; there are abs ceil exp floor has log log2 max min round sqrt");
    size_t arg = parse_arguments(p, &n);
    if (arg == NO_NODE) return NO_NODE;
    if (f == F_MAX || f == F_MIN ? n < 2 : n != 1)
        return broken(p, at, f == F_MAX || f == F_MIN ? "max and min compare two numbers or more" : "the function takes one number");
    return add(p, (node){.kind = CALL, .at = at, .next = NO_NODE, .a = arg, .f = f});
}

static size_t parse_name(parser *p, size_t at) {
    const char *t = p->e->text;
    size_t end = at;
    for (;;) {
        while (is_word((unsigned char)t[end])) end++;
        if (t[end] == '[') {
            size_t k = end + 1;
            while (isdigit((unsigned char)t[k])) k++;
            if (k == end + 1 || t[k] != ']') return broken(p, end, "a list element is [NUMBER]");
            end = k + 1;
        }
        if (t[end] != '.') break;
        end++;
        if (!isalpha((unsigned char)t[end]) && t[end] != '_') return broken(p, end, "a name must follow the dot");
    }
    char *name = mb_strndup(t + at, end - at);
    p->at = end;
    if (!name) {
        if (!p->rc) p->rc = mb_nomem();
        return NO_NODE;
    }
    if (take(p, "(")) return parse_call(p, at, name);
    bool yes = !strcmp(name, "true"), no = !strcmp(name, "false");
    if (yes || no) {
        mb_free(name);
        return add(p, (node){.kind = CONSTANT, .at = at, .next = NO_NODE, .v = {MB_VALUE_BOOL, yes, NULL}});
    }
    return add(p, (node){.kind = NAME, .at = at, .next = NO_NODE, .s = name});
}

static size_t parse_primary(parser *p) {
    blanks(p);
    const size_t at = p->at;
    const char c = p->e->text[at];
    if (take(p, "(")) {
        size_t e = parse_or(p);
        if (e == NO_NODE) return NO_NODE;
        return take(p, ")") ? e : broken(p, p->at, "a ) is missing");
    }
    if (c == '"' || c == '\'') return parse_text(p, at);
    if (isdigit((unsigned char)c) || c == '.') return parse_number(p, at);
    if (isalpha((unsigned char)c) || c == '_') return parse_name(p, at);
    return broken(p, at, c ? "a number, a name, a text or ( should stand here" : "it ends too early");
}

static size_t binary(parser *p, node_kind kind, size_t at, size_t a, size_t b) {
    if (a == NO_NODE || b == NO_NODE) return NO_NODE;
    return add(p, (node){.kind = kind, .at = at, .next = NO_NODE, .a = a, .b = b});
}

static size_t parse_unary(parser *p) {
    blanks(p);
    const size_t at = p->at;
    if (++p->depth > MAX_DEPTH) return broken(p, at, "it is nested too deeply");
    size_t e;
    if (take(p, "-")) {
        e = parse_unary(p);
        if (e != NO_NODE) e = add(p, (node){.kind = NEG, .at = at, .next = NO_NODE, .a = e});
    } else {
        e = parse_primary(p);
        if (e != NO_NODE && take(p, "^")) e = binary(p, POW, at, e, parse_unary(p));
    }
    p->depth--;
    return e;
}

typedef struct oper { const char *word; node_kind kind; } oper;

/* Operators of one strength, from the left. */
static size_t parse_left(parser *p, const oper *ops, size_t n, size_t (*below)(parser *)) {
    size_t e = below(p);
    while (e != NO_NODE) {
        blanks(p);
        const size_t at = p->at;
        size_t k = 0;
        while (k < n && !take(p, ops[k].word)) k++;
        if (k == n) break;
        e = binary(p, ops[k].kind, at, e, below(p));
    }
    return e;
}

static size_t parse_product(parser *p) {
    static const oper ops[] = {{"*", MUL}, {"/", DIV}, {"%", MOD}};
    return parse_left(p, ops, 3, parse_unary);
}

static size_t parse_sum(parser *p) {
    static const oper ops[] = {{"+", ADD}, {"-", SUB}};
    return parse_left(p, ops, 2, parse_product);
}

static size_t parse_comparison(parser *p) {
    static const oper ops[] = {{"==", EQ}, {"!=", NE}, {"<=", LE}, {">=", GE}, {"<", LT}, {">", GT}};
    size_t e = parse_sum(p), k = 0;
    blanks(p);
    const size_t at = p->at;
    if (e == NO_NODE) return e;
    if (take(p, "in")) {
        int n;
        if (!take(p, "(")) return broken(p, p->at, "a list should follow, e.g. device in (\"rram\", \"pcm-joshi\")");
        size_t first = parse_arguments(p, &n), list = NO_NODE;
        if (first != NO_NODE) list = add(p, (node){.kind = LIST, .at = at, .next = NO_NODE, .a = first});
        return binary(p, IN, at, e, list);
    }
    while (k < 6 && !take(p, ops[k].word)) k++;
    if (k < 6) e = binary(p, ops[k].kind, at, e, parse_sum(p));
    else if (p->e->text[p->at] == '=') return broken(p, p->at, "equality is ==");
    for (k = 0; k < 6 && e != NO_NODE; k++)
        if (take(p, ops[k].word)) return broken(p, p->at, "comparisons do not chain: write a < b && b < c");
    return e;
}

static size_t parse_not(parser *p) {
    blanks(p);
    const size_t at = p->at;
    if (p->e->text[at] == '!' && p->e->text[at + 1] == '=') return broken(p, at, "something to compare should stand before it");
    if (!take(p, "!") && !take(p, "not")) return parse_comparison(p);
    if (++p->depth > MAX_DEPTH) return broken(p, at, "it is nested too deeply");
    size_t e = parse_not(p);
    p->depth--;
    return e == NO_NODE ? e : add(p, (node){.kind = NOT, .at = at, .next = NO_NODE, .a = e});
}

static size_t parse_and(parser *p) {
    static const oper ops[] = {{"&&", AND}, {"and", AND}};
    return parse_left(p, ops, 2, parse_not);
}

static size_t parse_or(parser *p) {
    static const oper ops[] = {{"||", OR}, {"or", OR}};
    if (++p->depth > MAX_DEPTH) return broken(p, p->at, "it is nested too deeply");
    size_t e = parse_left(p, ops, 2, parse_and);
    p->depth--;
    return e;
}

int mb_expr_parse(const char *text, mb_expr **out) {
    mb_expr *e = mb_calloc(1, sizeof *e);
    *out = NULL;
    if (!e) return mb_nomem();
    if (!(e->text = mb_strdup(text))) {
        mb_free(e);
        return mb_nomem();
    }
    parser p = {.e = e};
    e->root = parse_or(&p);
    blanks(&p);
    if (!p.rc && text[p.at]) broken(&p, p.at, "it should end here");
    if (p.rc) mb_expr_free(e);
    else *out = e;
    return p.rc;
}

/* --- evaluation ------------------------------------------------------------------------------------------------------ */

typedef struct evaluation { const mb_expr *e; mb_expr_lookup lookup; void *ctx; } evaluation;

static int eval(const evaluation *x, size_t i, mb_value *v);

static const char *kind_name(mb_value_kind k) {
    return k == MB_VALUE_TEXT ? "a text" : k == MB_VALUE_NUMBER ? "a number" : k == MB_VALUE_BOOL ? "true or false" : "absent";
}

static int wrong(const evaluation *x, const node *n, const char *want, const mb_value *v) {
    return mb_fail(MB_BADINPUT, "condition \"%.100s\": character %zu: %s is wanted here, not %s", x->e->text, n->at + 1, want, kind_name(v->kind));
}

/* A number, or NaN for what is absent. */
static int number(const evaluation *x, size_t i, double *r) {
    mb_value v;
    int rc = eval(x, i, &v);
    if (rc) return rc;
    *r = v.kind == MB_VALUE_ABSENT ? (double)NAN : v.r;
    return v.kind == MB_VALUE_NUMBER || v.kind == MB_VALUE_ABSENT ? MB_OK : wrong(x, &x->e->n[i], "a number", &v);
}

static int truth(const evaluation *x, size_t i, bool *yes) {
    mb_value v;
    int rc = eval(x, i, &v);
    if (rc) return rc;
    *yes = v.kind == MB_VALUE_BOOL && v.r != 0;
    return v.kind == MB_VALUE_BOOL || v.kind == MB_VALUE_ABSENT ? MB_OK : wrong(x, &x->e->n[i], "true or false", &v);
}

static bool unknown(const mb_value *v) { return v->kind == MB_VALUE_ABSENT || (v->kind == MB_VALUE_NUMBER && isnan(v->r)); }

static int compare(const evaluation *x, const node *n, node_kind kind, const mb_value *a, const mb_value *b, bool *yes) {
    *yes = false;
    if (unknown(a) || unknown(b)) return MB_OK;
    if (a->kind != b->kind) {
        return mb_fail(MB_BADINPUT, "condition \"%.100s\": character %zu: %s cannot be compared with %s", x->e->text, n->at + 1, kind_name(a->kind),
                       kind_name(b->kind));
    }
    int order = a->kind == MB_VALUE_TEXT ? strcmp(a->s, b->s) : (a->r > b->r) - (a->r < b->r);
    if (a->kind != MB_VALUE_NUMBER && kind != EQ && kind != NE) return wrong(x, n, "an order exists for numbers only: a number", a);
    *yes = kind == EQ ? order == 0 : kind == NE ? order != 0 : kind == LT ? order < 0 : kind == LE ? order <= 0 : kind == GT ? order > 0 : order >= 0;
    return MB_OK;
}

static double call(int f, double a) {
    switch (f) {
    case F_ABS: return fabs(a);
    case F_CEIL: return ceil(a);
    case F_EXP: return exp(a);
    case F_FLOOR: return floor(a);
    case F_LOG: return log(a);
    case F_LOG2: return log2(a);
    case F_ROUND: return round(a);
    default: return sqrt(a);
    }
}

static int eval_call(const evaluation *x, const node *n, double *r) {
    int rc = number(x, n->a, r);
    if (n->f != F_MAX && n->f != F_MIN) {
        *r = call(n->f, *r);
        return rc;
    }
    for (size_t i = x->e->n[n->a].next; i != NO_NODE && !rc; i = x->e->n[i].next) {
        double b;
        rc = number(x, i, &b);
        if (isnan(*r) || isnan(b)) *r = (double)NAN;
        else if (n->f == F_MAX ? b > *r : b < *r) *r = b;
    }
    return rc;
}

static int eval_arithmetic(const evaluation *x, const node *n, double *r) {
    double a, b = 0;
    if (n->kind == CALL) return eval_call(x, n, r);
    int rc = number(x, n->a, &a);
    if (!rc && n->kind != NEG) rc = number(x, n->b, &b);
    switch (n->kind) {
    case ADD: *r = a + b; break;
    case SUB: *r = a - b; break;
    case MUL: *r = a * b; break;
    case DIV: *r = a / b; break;
    case MOD: *r = fmod(a, b); break;
    case POW: *r = pow(a, b); break;
    default: *r = -a; break;
    }
    return rc;
}

static int eval_in(const evaluation *x, const node *n, bool *yes) {
    mb_value a, b;
    int rc = eval(x, n->a, &a);
    *yes = false;
    for (size_t i = x->e->n[n->b].a; i != NO_NODE && !rc && !*yes; i = x->e->n[i].next) {
        rc = eval(x, i, &b);
        if (!rc) rc = compare(x, n, EQ, &a, &b, yes);
    }
    return rc;
}

static int eval(const evaluation *x, size_t i, mb_value *v) {
    const node *n = &x->e->n[i];
    bool yes = false;
    mb_value a, b;
    int rc = MB_OK;
    switch (n->kind) {
    case CONSTANT: *v = n->v; return MB_OK;
    case NAME:
    case HAS:
        *v = (mb_value){MB_VALUE_ABSENT, (double)NAN, NULL};
        rc = x->lookup(x->ctx, n->s, v);
        if (n->kind == HAS) *v = (mb_value){MB_VALUE_BOOL, !unknown(v), NULL};
        return rc;
    case OR:
    case AND:
        rc = truth(x, n->a, &yes);
        if (!rc && yes == (n->kind == AND)) rc = truth(x, n->b, &yes);
        break;
    case NOT:
        rc = truth(x, n->a, &yes);
        yes = !yes;
        break;
    case EQ:
    case NE:
    case LT:
    case LE:
    case GT:
    case GE:
        rc = eval(x, n->a, &a);
        if (!rc) rc = eval(x, n->b, &b);
        if (!rc) rc = compare(x, n, n->kind, &a, &b, &yes);
        break;
    case IN: rc = eval_in(x, n, &yes); break;
    default:
        v->kind = MB_VALUE_NUMBER;
        v->s = NULL;
        return eval_arithmetic(x, n, &v->r);
    }
    *v = (mb_value){MB_VALUE_BOOL, yes, NULL};
    return rc;
}

int mb_expr_eval(const mb_expr *e, mb_expr_lookup lookup, void *ctx, mb_value *v) {
    const evaluation x = {e, lookup, ctx};
    return eval(&x, e->root, v);
}

int mb_expr_test(const mb_expr *e, mb_expr_lookup lookup, void *ctx, bool *yes) {
    const evaluation x = {e, lookup, ctx};
    return truth(&x, e->root, yes);
}
