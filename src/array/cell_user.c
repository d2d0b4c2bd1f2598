/* cell_user.c - cells from shared objects of users: opening, checking the descriptor, trying the laws of array/cell.h
 *
 * Nothing of a descriptor is trusted before its version has been compared, and nothing of its functions before a few hundred cells
 * went through them. A crash inside a user's function cannot be caught; everything short of it is a message with the path.
 * Who may call: cell.c; re-entrant. References: POSIX dlopen.
 */
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <math.h>
#include <string.h>

#include "array/cell.h"
#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"

/* What the version promises: whoever changes one of these structs raises MB_CELL_ABI and the sizes here. */
#if UINTPTR_MAX == 0xffffffffffffffffu
_Static_assert(MB_CELL_ABI == 2 && sizeof(mb_cell_type) == 168 && sizeof(mb_cell_cost) == 48 && sizeof(mb_param) == 72 &&
                   sizeof(mb_stream) == 44,
               "the interface of cells has changed: raise MB_CELL_ABI and these sizes");
#endif

enum { MAX_ROWS = 256, MAX_STATE = 64, MAX_BYTES = 1 << 20, CELLS = 2 * MB_CELL_CHUNK + 7 };

void mb_cell_close(void *library) {
    if (library) dlclose(library);
}

/* --- the descriptor ------------------------------------------------------------------------------------------------ */

static size_t field_size(mb_param_kind kind) {
    switch (kind) {
    case MB_P_BOOL: return sizeof(bool);
    case MB_P_INT:
    case MB_P_CHOICE: return sizeof(int);
    case MB_P_REAL: return sizeof(double);
    case MB_P_REALS: return sizeof(mb_reals);
    case MB_P_STRING:
    case MB_P_PATH: return sizeof(char *);
    case MB_P_END: break;
    }
    return 0;
}

/* Rows of the parameter table lie inside the struct, are complete and end. */
static int check_table(const mb_cell_type *t, const char *path, const char *where) {
    int n = 0;
    for (const mb_param *row = t->params; row->kind != MB_P_END; row++, n++) {
        size_t bytes = field_size(row->kind);
        if (n == MAX_ROWS)
            return mb_fail(MB_BADINPUT, "%s: %s: the parameter table has no end within %d rows: close it with MB_PARAM_END", where, path,
                           MAX_ROWS);
        if (!bytes || !row->name || !*row->name || !row->unit || !row->help || (row->kind == MB_P_CHOICE && !row->choices))
            return mb_fail(MB_BADINPUT, "%s: %s: row %d of the parameter table is incomplete: write rows with MB_REAL, MB_INT, ..., and "
                           "MB_PARAM_END last", where, path, n);
        if (row->offset > t->size || bytes > t->size - row->offset)
            return mb_fail(MB_BADINPUT, "%s: %s: parameter %s lies outside of the parameter struct: .size must be sizeof of the struct that "
                           "the table is about", where, path, row->name);
        if (!strcmp(row->name, "cell") || !strcmp(row->name, "preset"))
            return mb_fail(MB_BADINPUT, "%s: %s: a parameter cannot be called %s: this key says which cell is meant", where, path, row->name);
    }
    return MB_OK;
}

static int check_type(const mb_cell_type *t, const char *path, const char *where) {
    const struct {
        const char *name;
        bool there;
    } part[] = {{"name", t->name && *t->name}, {"summary", t->summary}, {"reference", t->reference}, {"params", t->params},
                {"size", t->size > 0}, {"range", t->range}, {"levels", t->levels}, {"deterministic", t->deterministic},
                {"program", t->program}, {"mean", t->mean}, {"read", t->read}, {"cost", t->cost}};
    for (size_t i = 0; i < sizeof part / sizeof *part; i++)
        if (!part[i].there)
            return mb_fail(MB_BADINPUT, "%s: %s: its descriptor " MB_USER_CELL_SYMBOL " is incomplete: .%s is missing (array/cell.h says "
                           "what it is)", where, path, part[i].name);
    if (t->n_state < 1 || t->n_state > MAX_STATE || t->size > MAX_BYTES)
        return mb_fail(MB_BADINPUT, "%s: %s: its descriptor " MB_USER_CELL_SYMBOL " cannot be right: n_state = %d (1 to %d), size = %zu bytes "
                       "(at most %d)", where, path, t->n_state, MAX_STATE, t->size, MAX_BYTES);
    return check_table(t, path, where);
}

/* What dlopen would map lies inside the file: a truncated object is a message, not a bus error. NULL when all is well. */
static const char *damage(const uint8_t *data, size_t size) {
    ElfW(Ehdr) head;
    if (size < sizeof head || memcmp(data, ELFMAG, SELFMAG) != 0) return "it is no shared object (no ELF file)";
    memcpy(&head, data, sizeof head);
    if (head.e_type != ET_DYN || head.e_phentsize != sizeof(ElfW(Phdr))) return "it is an ELF file, but no shared object of this machine";
    if (head.e_phoff > size || (size_t)head.e_phnum * sizeof(ElfW(Phdr)) > size - head.e_phoff) return "it is truncated";
    for (size_t i = 0; i < head.e_phnum; i++) {
        ElfW(Phdr) part;
        memcpy(&part, data + head.e_phoff + i * sizeof part, sizeof part);
        if (part.p_type == PT_LOAD && (part.p_offset > size || part.p_filesz > size - part.p_offset)) return "it is truncated";
    }
    return NULL;
}

int mb_cell_open(const char *path, const char *where, const mb_cell_type **type, void **library, uint64_t *code) {
    uint8_t *data = NULL;
    size_t size = 0;
    void *lib = NULL;
    int rc = mb_file_read(path, (size_t)1 << 30, &data, &size);
    if (rc) return mb_context(rc, "cell asked for at %s", where);
    *code = mb_hash64(data, size, MB_HASH_START);
    const char *why = damage(data, size);
    mb_free(data);
    if (!why && !(lib = dlopen(path, RTLD_NOW | RTLD_LOCAL)) && !(why = dlerror())) why = "no reason is given";
    if (why)
        return mb_fail(MB_BADINPUT, "%s: %s cannot be loaded: %s; compile it with -shared -fPIC, for this machine and this version of mixbar",
                       where, path, why);
    const mb_cell_type *t = dlsym(lib, MB_USER_CELL_SYMBOL);
    if (!t) {
        rc = mb_fail(MB_BADINPUT, "%s: %s has no symbol " MB_USER_CELL_SYMBOL ": a cell ends with `const mb_cell_type " MB_USER_CELL_SYMBOL
                     " = { .abi = MB_CELL_ABI, ... };`", where, path);
    } else if (t->abi != MB_CELL_ABI) {
        rc = mb_fail(MB_BADINPUT, "%s: %s was compiled for version %d of the cell interface, this mixbar has version %d: compile it again with "
                     "the headers of this version (pkg-config --cflags mixbar)", where, path, t->abi, MB_CELL_ABI);
    } else {
        rc = check_type(t, path, where);
    }
    if (rc) {
        dlclose(lib);
        return rc;
    }
    *type = t;
    *library = lib;
    return MB_OK;
}

/* --- the laws ------------------------------------------------------------------------------------------------------ */

typedef struct trial {
    const mb_cell *cell;
    const char *where;
    float *target, *state[2], *g[2];
} trial;

static mb_stream stream(uint32_t index) {
    mb_stream s;
    mb_stream_init(&s, 1, MB_RNG_TEST, 0, 0, index);
    return s;
}

static int broken(const trial *t, const char *law) {
    return mb_fail(MB_BADINPUT, "%s: the cell \"%s\" breaks the interface of array/cell.h: %s", t->where, t->cell->type->name, law);
}

static bool sound(const float *g) {
    for (int i = 0; i < CELLS; i++)
        if (!isfinite(g[i]) || g[i] < 0) return false;
    return true;
}

/* Numbers that the functions without cells return. */
static int try_numbers(const trial *t, double *lo, double *hi) {
    const mb_cell_type *type = t->cell->type;
    const void *p = t->cell->params;
    mb_cell_cost c = {0};
    *lo = *hi = (double)NAN;
    type->range(p, lo, hi);
    if (!(*lo >= 0) || !(*hi > *lo) || !isfinite(*hi)) return broken(t, "range() must give 0 <= g_min < g_max, in siemens");
    int levels = type->levels(p);
    if (levels < 0 || levels == 1 || levels > 65536) return broken(t, "levels() is 0 (continuous) or 2 to 65536");
    type->cost(p, &c);
    if (!(c.read_V > 0) || !isfinite(c.read_V) || !(c.write_J >= 0) || !isfinite(c.write_J) || !(c.write_s >= 0) || !isfinite(c.write_s) ||
        !(c.area_F2 >= 0) || !isfinite(c.area_F2) || !(c.pulses >= 0) || !isfinite(c.pulses) || !(c.endurance >= 0))
        return broken(t, "cost() must give read_V > 0 and energies, times and areas that are finite and not negative");
    return MB_OK;
}

/* Programming: the same stream gives the same cells, however the call is split. */
static int try_programming(const trial *t) {
    const mb_cell_type *type = t->cell->type;
    const void *p = t->cell->params;
    const int cut = MB_CELL_CHUNK;
    mb_stream a = stream(0), b = stream(0);
    type->program(p, CELLS, t->target, t->state[0], &a);
    type->program(p, CELLS, t->target, t->state[1], &b);
    if (memcmp(t->state[0], t->state[1], (size_t)type->n_state * CELLS * sizeof(float)) != 0)
        return broken(t, "program() must give the same state from the same stream: all random numbers come from RNG, and every state is written");
    b = stream(0);
    type->program(p, (size_t)cut, t->target, t->state[1], &b);
    for (int k = 0; k < type->n_state; k++)
        if (memcmp(t->state[0] + (size_t)k * CELLS, t->state[1] + (size_t)k * (size_t)cut, (size_t)cut * sizeof(float)) != 0)
            return broken(t, "program() must give a cell the same state in a shorter call: serve cells in chunks of MB_CELL_CHUNK and draw as "
                             "many numbers for the last one as for a full one; state[k * n + i] is the k-th number of cell i");
    type->program(p, (size_t)(CELLS - cut), t->target + cut, t->state[1], &b);
    for (int k = 0; k < type->n_state; k++)
        if (memcmp(t->state[0] + (size_t)k * CELLS + cut, t->state[1] + (size_t)k * (size_t)(CELLS - cut), (size_t)(CELLS - cut) * sizeof(float)) != 0)
            return broken(t, "program() must give the same cells when a call is split at a multiple of MB_CELL_CHUNK");
    return MB_OK;
}

/* Ageing and reading: finite, not negative, repeatable; without random part no matter which stream. */
static int try_reading(const trial *t) {
    static const double age[] = {0, 1, 1e4, 1e9}, temp[] = {300, 273, 358, 398};
    const mb_cell_type *type = t->cell->type;
    const void *p = t->cell->params;
    for (int i = 0; i < 4; i++) {
        mb_stream a = stream(1), b = stream(1);
        type->mean(p, CELLS, t->state[0], age[i], temp[i], t->g[0]);
        if (!sound(t->g[0])) return broken(t, "mean() gives conductances that are negative or not finite");
        if (type->read_sigma) {
            type->read_sigma(p, CELLS, t->state[0], age[i], temp[i], t->g[0], t->g[1]);
            if (!sound(t->g[1])) return broken(t, "read_sigma() gives standard deviations that are negative or not finite");
        }
        type->read(p, CELLS, t->state[0], age[i], temp[i], t->g[0], &a);
        if (!sound(t->g[0])) return broken(t, "read() gives conductances that are negative or not finite: clamp them at 0");
        type->read(p, CELLS, t->state[0], age[i], temp[i], t->g[1], &b);
        if (memcmp(t->g[0], t->g[1], CELLS * sizeof(float)) != 0) return broken(t, "read() must give the same conductances from the same stream");
    }
    if (type->deterministic(p)) {
        mb_stream other = stream(2);
        type->program(p, CELLS, t->target, t->state[1], &other);
        if (memcmp(t->state[0], t->state[1], (size_t)type->n_state * CELLS * sizeof(float)) != 0)
            return broken(t, "deterministic() says that nothing is random, but program() depends on the stream");
        type->mean(p, CELLS, t->state[0], 0, 300, t->g[0]);
        type->read(p, CELLS, t->state[0], 0, 300, t->g[1], &other);
        if (memcmp(t->g[0], t->g[1], CELLS * sizeof(float)) != 0)
            return broken(t, "deterministic() says that nothing is random, but read() differs from mean()");
    }
    return MB_OK;
}

int mb_cell_try(const mb_cell *cell, const char *where) {
    const size_t states = (size_t)cell->type->n_state;
    double lo, hi;
    float *buf = mb_calloc((3 + 2 * states) * CELLS, sizeof *buf);
    if (!buf) return mb_nomem();
    trial t = {cell, where, buf, {buf + CELLS, buf + (1 + states) * CELLS}, {buf + (1 + 2 * states) * CELLS, buf + (2 + 2 * states) * CELLS}};
    int rc = try_numbers(&t, &lo, &hi);
    for (int i = 0; i < CELLS && !rc; i++) t.target[i] = (float)(lo + (hi - lo) * i / (CELLS - 1));
    if (!rc) rc = try_programming(&t);
    if (!rc) rc = try_reading(&t);
    mb_free(buf);
    return rc;
}
