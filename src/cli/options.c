/* options.c - one table per verb gives parsing, help and completion
 *
 * Called by main.c, verb_help.c, verb_completion.c and verb_list.c. Long options are never abbreviated, so that adding one cannot
 * change the meaning of a script.
 */
#include "cli/options.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/param.h"

enum { MAX_OPTIONS = 64 };

const mb_option mb_common_options[] = {
    MB_OPTION_FLAG(mb_common, quiet, 'q', "quiet", "no progress and no notes on stderr (errors and warnings stay)"),
    MB_OPTION_FLAG(mb_common, help, 'h', "help", "show this help"),
    MB_OPTION_END,
};

/* --- lists of choices "a|b|c" -------------------------------------------------------------------------------------- */

int mb_choice_unknown(const char *what, const char *choices, const char *word) {
    const char *candidate[MAX_OPTIONS];
    size_t n = 0;
    mb_str names = {0};
    char *copy = mb_strdup(choices);
    if (!copy) return mb_nomem();
    for (char *s = copy; s && n < MAX_OPTIONS;) {
        char *bar = strchr(s, '|');
        if (bar) *bar = '\0';
        mb_str_addf(&names, "%s%s", n ? ", " : "", s);
        candidate[n++] = s;
        s = bar ? bar + 1 : NULL;
    }
    const char *near = mb_nearest(word, candidate, n);
    int rc = near ? mb_fail(MB_USAGE, "unknown %s \"%s\"; did you mean \"%s\"? (possible: %s)", what, word, near, mb_cstr(&names))
                  : mb_fail(MB_USAGE, "unknown %s \"%s\"; possible: %s", what, word, mb_cstr(&names));
    mb_str_free(&names);
    mb_free(copy);
    return rc;
}

/* --- verbs --------------------------------------------------------------------------------------------------------- */

const mb_verb *mb_verb_find(const char *name) {
    for (size_t i = 0; mb_verbs[i]; i++) {
        if (strcmp(mb_verbs[i]->name, name) == 0) return mb_verbs[i];
    }
    return NULL;
}

int mb_verb_unknown(const char *name) {
    const char *candidate[MAX_OPTIONS];
    size_t n = 0;
    while (n < MAX_OPTIONS && mb_verbs[n]) {
        candidate[n] = mb_verbs[n]->name;
        n++;
    }
    const char *near = mb_nearest(name, candidate, n);
    return near
               ? mb_fail(MB_USAGE, "unknown verb \"%s\"; did you mean \"mixbar %s\"? (`mixbar help` lists all verbs)", name, near)
               : mb_fail(MB_USAGE, "unknown verb \"%s\"; `mixbar help` lists all verbs", name);
}

/* Does COMPLETE list the words that are accepted? */
static bool is_choice(const char *complete) { return complete && strcmp(complete, "file") != 0 && strcmp(complete, "dir") != 0; }

/* --- parsing ------------------------------------------------------------------------------------------------------- */

typedef struct parser {
    const mb_verb *verb;
    mb_args *a;
    int argc, i; /* i: the next word */
    char *const *argv;
} parser;

/* The row of an option and the struct it belongs to; NULL when unknown. NAME need not end after LEN characters. */
static const mb_option *find_long(const parser *p, const char *name, size_t len, void **base) {
    const mb_option *const table[2] = {p->verb->options, mb_common_options};
    void *const into[2] = {p->a->opt, &p->a->common};
    for (int t = 0; t < 2; t++) {
        for (const mb_option *o = table[t]; o && o->kind != MB_OPT_END; o++) {
            if (strlen(o->name) == len && memcmp(o->name, name, len) == 0) {
                *base = into[t];
                return o;
            }
        }
    }
    return NULL;
}

static const mb_option *find_brief(const parser *p, char c, void **base) {
    const mb_option *const table[2] = {p->verb->options, mb_common_options};
    void *const into[2] = {p->a->opt, &p->a->common};
    for (int t = 0; t < 2; t++) {
        for (const mb_option *o = table[t]; o && o->kind != MB_OPT_END; o++) {
            if (o->brief == c) {
                *base = into[t];
                return o;
            }
        }
    }
    return NULL;
}

static int unknown_long(const parser *p, const char *name, size_t len) {
    const char *candidate[MAX_OPTIONS];
    size_t n = 0;
    const mb_option *const table[2] = {p->verb->options, mb_common_options};
    for (int t = 0; t < 2; t++) {
        for (const mb_option *o = table[t]; o && o->kind != MB_OPT_END && n < MAX_OPTIONS; o++) candidate[n++] = o->name;
    }
    char *word = mb_strndup(name, len);
    if (!word) return mb_nomem();
    const char *near = mb_nearest(word, candidate, n);
    int rc = near ? mb_fail(MB_USAGE, "mixbar %s has no option --%s; did you mean --%s?", p->verb->name, word, near)
                  : mb_fail(MB_USAGE, "mixbar %s has no option --%s; `mixbar %s --help` lists its options", p->verb->name, word,
                            p->verb->name);
    mb_free(word);
    return rc;
}

static int parse_int(const mb_option *o, const char *text, int *out) {
    char *end;
    errno = 0;
    long v = strtol(text, &end, 10);
    if (end == text || *end || errno || v < o->lo || v > o->hi) {
        return mb_fail(MB_USAGE, "option --%s wants an integer from %d to %d, not \"%s\"", o->name, o->lo, o->hi, text);
    }
    *out = (int)v;
    return MB_OK;
}

/* Store VALUE (NULL for a flag) in the field of O. */
static int store(const mb_option *o, void *base, const char *value) {
    void *field = (char *)base + o->offset;
    switch (o->kind) {
    case MB_OPT_FLAG: *(bool *)field = true; return MB_OK;
    case MB_OPT_INT: return parse_int(o, value, field);
    case MB_OPT_TEXT:
        if (is_choice(o->complete) && mb_choice_index(o->complete, value) < 0) {
            mb_str what = {0};
            mb_str_addf(&what, "value of --%s", o->name);
            int rc = mb_choice_unknown(mb_cstr(&what), o->complete, value);
            mb_str_free(&what);
            return rc;
        }
        *(const char **)field = value;
        return MB_OK;
    case MB_OPT_LIST: {
        mb_strings *l = field;
        const char **v = mb_realloc(l->v, l->n + 1, sizeof *v);
        if (!v) return mb_nomem();
        v[l->n++] = value;
        l->v = v;
        return MB_OK;
    }
    case MB_OPT_END: break;
    }
    return mb_fail(MB_BUG, "option --%s has no kind", o->name);
}

/* The value in the next word. */
static int next_value(parser *p, const mb_option *o, const char **value) {
    if (p->i >= p->argc) return mb_fail(MB_USAGE, "option --%s wants a value: --%s %s", o->name, o->name, o->arg);
    *value = p->argv[p->i++];
    return MB_OK;
}

static int parse_long(parser *p, const char *word) {
    const char *name = word + 2, *eq = strchr(name, '='), *value = eq ? eq + 1 : NULL;
    size_t len = eq ? (size_t)(eq - name) : strlen(name);
    void *base;
    int rc = MB_OK;
    const mb_option *o = find_long(p, name, len, &base);
    if (!o) return unknown_long(p, name, len);
    if (o->kind == MB_OPT_FLAG && value) return mb_fail(MB_USAGE, "option --%s takes no value", o->name);
    if (o->kind != MB_OPT_FLAG && !value) rc = next_value(p, o, &value);
    return rc ? rc : store(o, base, value);
}

static int parse_brief(parser *p, const char *word) {
    int rc = MB_OK;
    for (const char *s = word + 1; *s && !rc; s++) {
        void *base;
        const mb_option *o = find_brief(p, *s, &base);
        if (!o)
            return mb_fail(MB_USAGE, "mixbar %s has no option -%c; `mixbar %s --help` lists its options", p->verb->name, *s,
                           p->verb->name);
        if (o->kind == MB_OPT_FLAG) {
            rc = store(o, base, NULL);
        } else {
            const char *value = s[1] ? s + 1 : NULL;
            if (!value) rc = next_value(p, o, &value);
            return rc ? rc : store(o, base, value);
        }
    }
    return rc;
}

static int check_count(const mb_verb *v, const mb_args *a) {
    if (a->n_pos < v->min_args) return mb_fail(MB_USAGE, "too few arguments; usage: mixbar %s %s", v->name, v->usage);
    if (v->max_args >= 0 && a->n_pos > v->max_args) {
        return mb_fail(MB_USAGE, "one argument too many: \"%s\"; usage: mixbar %s %s", a->pos[v->max_args], v->name, v->usage);
    }
    return MB_OK;
}

int mb_args_parse(const mb_verb *v, int argc, char *const *argv, mb_args *a) {
    parser p = {v, a, argc, 0, argv};
    int rc = MB_OK;
    *a = (mb_args){0};
    a->opt = mb_calloc(1, v->size ? v->size : 1);
    a->pos = mb_calloc((size_t)argc + 1, sizeof *a->pos);
    if (!a->opt || !a->pos) rc = mb_nomem();
    bool only_words = false;
    while (!rc && p.i < argc) {
        char *word = argv[p.i++];
        if (only_words || word[0] != '-' || word[1] == '\0') {
            a->pos[a->n_pos++] = word;
        } else if (strcmp(word, "--") == 0) {
            only_words = true;
        } else if (word[1] == '-') {
            rc = parse_long(&p, word);
        } else {
            rc = parse_brief(&p, word);
        }
    }
    if (!rc && !a->common.help) rc = check_count(v, a);
    if (rc) mb_args_free(v, a);
    return rc;
}

void mb_args_free(const mb_verb *v, mb_args *a) {
    for (const mb_option *o = v->options; a->opt && o && o->kind != MB_OPT_END; o++) {
        if (o->kind == MB_OPT_LIST) mb_free(((mb_strings *)(void *)((char *)a->opt + o->offset))->v);
    }
    mb_free(a->opt);
    mb_free(a->pos);
    *a = (mb_args){0};
}

/* --- help ---------------------------------------------------------------------------------------------------------- */

/* TEXT after INDENT spaces, broken at spaces so that lines stay within 100 columns. The cursor stands at column AT. */
static void wrap(mb_str *out, const char *text, int indent, int at) {
    enum { WIDTH = 100 };
    int col = at;
    bool fresh = true;
    while (*text) {
        size_t n = strcspn(text, " \n");
        if (!fresh && col + 1 + (int)n > WIDTH) {
            mb_str_addf(out, "\n%*s", indent, "");
            col = indent;
            fresh = true;
        }
        if (!fresh) mb_str_add(out, " ");
        mb_str_addn(out, text, n);
        col += (int)n + !fresh;
        fresh = false;
        text += n;
        if (*text == '\n') {
            mb_str_addf(out, "\n%*s", text[1] ? indent : 0, "");
            col = indent;
            fresh = true;
        }
        if (*text) text++;
    }
    mb_str_add(out, "\n");
}

static void help_options(const mb_option *o, mb_str *out) {
    for (; o && o->kind != MB_OPT_END; o++) {
        mb_str left = {0};
        if (o->brief) mb_str_addf(&left, "  -%c, --%s", o->brief, o->name);
        else mb_str_addf(&left, "      --%s", o->name);
        if (o->arg) mb_str_addf(&left, " %s", o->arg);
        mb_str_addf(out, "%-28s", mb_cstr(&left));
        if (left.n >= 28) mb_str_addf(out, "\n%28s", "");
        mb_str text = {0};
        mb_str_add(&text, o->help);
        if (is_choice(o->complete)) mb_str_addf(&text, " (%s)", o->complete);
        wrap(out, mb_cstr(&text), 28, 28);
        mb_str_free(&text);
        mb_str_free(&left);
    }
}

void mb_help_verb(const mb_verb *v, mb_str *out) {
    mb_str_addf(out, "usage: mixbar %s%s%s\n\n", v->name, *v->usage ? " " : "", v->usage);
    wrap(out, v->summary, 0, 0);
    if (v->details) {
        mb_str_add(out, "\n");
        wrap(out, v->details, 0, 0);
    }
    mb_str_add(out, "\noptions:\n");
    help_options(v->options, out);
    help_options(mb_common_options, out);
    if (v->examples) {
        mb_str_add(out, "\nexamples:\n");
        for (const char *s = v->examples; *s;) {
            size_t n = strcspn(s, "\n");
            mb_str_addf(out, "  %.*s\n", (int)n, s);
            s += n + (s[n] == '\n');
        }
    }
}

void mb_help_overview(mb_str *out) {
    mb_str_add(out, "usage: mixbar VERB [ARGUMENT]... [OPTION]...\n\n");
    wrap(out,
         "mixbar simulates analog in-memory-computing crossbars and maps neural networks onto them with mixed precision. "
         "From one experiment file it reports accuracy, energy, area and latency, beside von Neumann baselines on the same "
         "network.",
         0, 0);
    mb_str_add(out, "\nverbs:\n");
    for (size_t i = 0; mb_verbs[i]; i++) mb_str_addf(out, "  %-12s%s\n", mb_verbs[i]->name, mb_verbs[i]->summary);
    mb_str_add(out, "\n"
                    "mixbar help VERB      everything about a verb (also: mixbar VERB --help)\n"
                    "mixbar --version      versions of mixbar and of its libraries\n"
                    "\n"
                    "exit codes: 0 done, 1 the answer is \"no\", 2 wrong command line, 3 bad input, 4 numerical failure or\n"
                    "infeasible, 5 system (memory, disk), 70 a defect of mixbar, 130 interrupted (results are kept)\n"
                    "\n"
                    "start here: mixbar run experiments/quickstart.cfg\n");
}

/* --- completion ---------------------------------------------------------------------------------------------------- */

static void completion_words(const mb_option *o, mb_str *out) {
    for (; o && o->kind != MB_OPT_END; o++) {
        if (o->brief) mb_str_addf(out, " -%c", o->brief);
        mb_str_addf(out, " --%s", o->name);
    }
}

/* A shell command that fills COMPREPLY for one kind of word. */
static void completion_reply(const char *complete, mb_str *out) {
    if (is_choice(complete)) {
        mb_str_add(out, "COMPREPLY=($(compgen -W \"");
        for (const char *s = complete; *s; s++) mb_str_addn(out, *s == '|' ? " " : s, 1);
        mb_str_add(out, "\" -- \"$cur\"))");
    } else if (complete && strcmp(complete, "dir") == 0) {
        mb_str_add(out, "compopt -o filenames; COMPREPLY=($(compgen -d -- \"$cur\"))");
    } else if (complete && strcmp(complete, "file") == 0) {
        mb_str_add(out, "compopt -o filenames; COMPREPLY=($(compgen -f -- \"$cur\"))");
    } else {
        mb_str_add(out, "COMPREPLY=()");
    }
}

void mb_completion_bash(mb_str *out) {
    mb_str_add(out, "# bash completion of mixbar; use:  eval \"$(mixbar completion bash)\"\n"
                    "_mixbar() {\n"
                    "    local cur=\"${COMP_WORDS[COMP_CWORD]}\" prev=\"${COMP_WORDS[COMP_CWORD-1]}\"\n"
                    "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
                    "        COMPREPLY=($(compgen -W \"");
    for (size_t i = 0; mb_verbs[i]; i++) mb_str_addf(out, "%s ", mb_verbs[i]->name);
    mb_str_add(out, "--help --version\" -- \"$cur\"))\n        return\n    fi\n    case \"${COMP_WORDS[1]}\" in\n");
    for (size_t i = 0; mb_verbs[i]; i++) {
        const mb_verb *v = mb_verbs[i];
        mb_str_addf(out, "    %s)\n        case \"$prev\" in\n", v->name);
        for (const mb_option *o = v->options; o && o->kind != MB_OPT_END; o++) {
            if (o->kind == MB_OPT_FLAG) continue;
            if (o->brief) mb_str_addf(out, "        -%c|--%s) ", o->brief, o->name);
            else mb_str_addf(out, "        --%s) ", o->name);
            completion_reply(o->complete, out);
            mb_str_add(out, "; return ;;\n");
        }
        mb_str_add(out, "        esac\n        case \"$cur\" in\n        -*) COMPREPLY=($(compgen -W \"");
        completion_words(v->options, out);
        completion_words(mb_common_options, out);
        mb_str_add(out, "\" -- \"$cur\")) ;;\n        *) ");
        if (is_choice(v->complete)) { /* the first word is a choice, what follows it may be a file */
            mb_str_add(out, "if [ \"$COMP_CWORD\" -eq 2 ]; then ");
            completion_reply(v->complete, out);
            mb_str_add(out, "; else ");
            completion_reply("file", out);
            mb_str_add(out, "; fi");
        } else {
            completion_reply(v->complete, out);
        }
        mb_str_add(out, " ;;\n        esac ;;\n");
    }
    mb_str_add(out, "    esac\n}\ncomplete -F _mixbar mixbar ./mixbar\n");
}
