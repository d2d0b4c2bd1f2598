/* conf.h - a configuration tree in which each value knows its file and line
 *
 * Text is parsed by libconfig (1.5) and copied into our own tree at once; its traps are guarded:
 *  - an integer without L outside 32 bits is an error (libconfig wraps it in silence);
 *  - integers and reals are told apart in the tree, and the reader converts an integer where a real is asked, never the reverse;
 *  - [ ] may mix integers and reals (libconfig refuses [0, 0.5]);
 *  - doubles are written so that they read back to the same bits;
 *  - @include is relative to the including file; strings and comments without end, binary data, endless nesting and every breach
 *    of the grammar are errors with file:line.
 */
#ifndef MB_BASE_CONF_H
#define MB_BASE_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

typedef enum { MB_CONF_GROUP, MB_CONF_LIST, MB_CONF_INT, MB_CONF_REAL, MB_CONF_BOOL, MB_CONF_STRING } mb_conf_type;
typedef enum { MB_FROM_FILE, MB_FROM_COMMAND, MB_FROM_DEFAULT, MB_FROM_SWEEP } mb_conf_origin;

typedef struct mb_conf mb_conf;
struct mb_conf {
    char *name;            /* NULL for the root and elements of lists */
    mb_conf_type type;     /* libconfig arrays are lists here */
    int64_t i;             /* INT, BOOL */
    double r;              /* REAL; also set for INT */
    char *s;               /* STRING */
    mb_conf **child;       /* GROUP, LIST */
    size_t n;
    mb_conf *parent;
    char *file;            /* where it was written; NULL when not from a file */
    int line;
    mb_conf_origin origin;
    bool used;             /* somebody read it */
};

int mb_conf_read(const char *path, mb_conf **root);                          /* *root is a GROUP */
int mb_conf_parse(const char *text, const char *label, mb_conf **root); /* the same from memory; label stands for the file name */
mb_conf *mb_conf_new(mb_conf_type type, const char *name);                   /* empty; NULL without memory */
mb_conf *mb_conf_clone(const mb_conf *c);
void mb_conf_free(mb_conf *c);

/* PATH is dotted, with list elements as [k]: "arch.adc.share", "sweep.axes[0].key". NULL when absent. Does not mark. */
mb_conf *mb_conf_find(const mb_conf *c, const char *path);
/* As find, but marks the value and its parents used. */
mb_conf *mb_conf_use(mb_conf *c, const char *path);
void mb_conf_use_all(mb_conf *c);                                            /* marks the whole subtree */
/* Set PATH from text in libconfig syntax (8, 0.5, true, "text", [1,2], ( ... ), { ... }); a bare word is a string.
 * Missing groups are made; [k] with k = the length of a list appends. */
int mb_conf_set(mb_conf *root, const char *path, const char *text, mb_conf_origin origin);
/* "KEY=VALUE" as on the command line. */
int mb_conf_assign(mb_conf *root, const char *key_value, mb_conf_origin origin);
/* Put a copy of VALUE at PATH (replacing). Groups are made as needed. Keeps VALUE's file and line, sets its origin. */
int mb_conf_put(mb_conf *root, const char *path, const mb_conf *value, mb_conf_origin origin);
/* Append CHILD (owned afterwards, freed on failure) to a group or list. */
int mb_conf_append(mb_conf *parent, mb_conf *child);
/* Lay OVER on BASE: groups merge key by key, everything else replaces. A text in BASE under a group of OVER counts as
 * { preset = TEXT }, so that keys can be laid over a preset that is given by its name alone; mb_conf_set and mb_conf_put do
 * the same on their way. */
int mb_conf_overlay(mb_conf *base, const mb_conf *over);
/* Replace the value at C (a string naming a preset, or a group with the key `preset`) by the preset's group with C's other keys
 * laid over it. A preset may itself have the key `preset`, at most 8 deep; a loop is MB_BADINPUT. A group without `preset` is
 * left as it is. KIND as in mb_preset_find. The preset's absolute path is kept as the string `preset` in the group (marked
 * used). */
int mb_conf_expand_preset(mb_conf *c, const char *kind);

/* "file:line", "command line", "default": for messages. Valid until the 8th next call in this thread. */
const char *mb_conf_where(const mb_conf *c);
/* Folder against which relative paths in C are meant: that of its file, or "." */
char *mb_conf_dir(const mb_conf *c);
/* The full dotted name of C. Valid as mb_conf_where. */
const char *mb_conf_key(const mb_conf *c);
/* The first value nobody used is an error (MB_BADINPUT, file:line); MB_OK when all were used. */
int mb_conf_check_used(const mb_conf *root);
/* Text that libconfig reads back to the same tree. With_origin: a comment after each scalar says where it came from. */
void mb_conf_write(const mb_conf *root, mb_str *out, bool with_origin);
uint64_t mb_conf_hash(const mb_conf *c);   /* of names and values, not of places; independent of the order of keys in groups */

#endif
