/* onnx.c - bounded zero-copy reader of ONNX files: wire format and messages
 *
 * Field numbers are those of onnx/onnx.proto (libonnx-dev 1.12); one enum per message below. Arrays are counted first and
 * allocated once. Tensor data are in onnx_data.c.
 */
#include "nn/onnx.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"

enum { MODEL_IR_VERSION = 1, MODEL_PRODUCER_NAME = 2, MODEL_GRAPH = 7, MODEL_OPSET_IMPORT = 8, MODEL_METADATA = 14 };
enum { OPSET_DOMAIN = 1, OPSET_VERSION = 2 };
enum { GRAPH_NODE = 1, GRAPH_INITIALIZER = 5, GRAPH_INPUT = 11, GRAPH_OUTPUT = 12, GRAPH_SPARSE_INITIALIZER = 15 };
enum { NODE_INPUT = 1, NODE_OUTPUT = 2, NODE_NAME = 3, NODE_OP_TYPE = 4, NODE_ATTRIBUTE = 5, NODE_DOMAIN = 7 };
enum { ATTR_NAME = 1, ATTR_F = 2, ATTR_I = 3, ATTR_S = 4, ATTR_T = 5, ATTR_FLOATS = 7, ATTR_INTS = 8, ATTR_TYPE = 20 };
enum { TENSOR_DIMS = 1, TENSOR_DATA_TYPE = 2, TENSOR_SEGMENT = 3, TENSOR_NAME = 8, TENSOR_RAW_DATA = 9, TENSOR_EXTERNAL_DATA = 13,
       TENSOR_DATA_LOCATION = 14 };
enum { ENTRY_KEY = 1, ENTRY_VALUE = 2 };
enum { VALUE_NAME = 1, VALUE_TYPE = 2, TYPE_TENSOR = 1, TENSOR_TYPE_ELEM = 1, TENSOR_TYPE_SHAPE = 2 };
enum { SHAPE_DIM = 1, DIM_VALUE = 1, DIM_PARAM = 2 };

#define MAX_IR_VERSION 64

/* ---- wire format ---------------------------------------------------------------------------------------------- */

mb_wire mb_wire_of(mb_span s) {
    mb_wire w = {s.p, s.p + s.n};
    return w;
}

int mb_wire_varint(mb_wire *w, uint64_t *v) {
    uint64_t x = 0;
    for (int shift = 0; shift < 70; shift += 7) {
        if (w->p == w->end) return -1;
        uint8_t c = *w->p++;
        if (shift == 63 && c > 1) return -1;              /* more than 64 bits */
        x |= (uint64_t)(c & 127) << shift;
        if (c < 128) {
            *v = x;
            return 0;
        }
    }
    return -1;
}

static int fixed(mb_wire *w, int bytes, uint64_t *v) {
    if (w->end - w->p < bytes) return -1;
    *v = 0;
    for (int b = 0; b < bytes; b++) *v |= (uint64_t)w->p[b] << (8 * b);
    w->p += bytes;
    return 0;
}

int mb_wire_next(mb_wire *w, mb_field *f) {
    uint64_t key, n;
    if (w->p == w->end) return 0;
    if (mb_wire_varint(w, &key) || key >> 3 == 0 || key >> 3 > (1u << 29) - 1) return -1;
    f->number = (uint32_t)(key >> 3);
    f->wire = (int)(key & 7);
    f->value = 0;
    f->bytes.p = w->p;
    f->bytes.n = 0;
    switch (f->wire) {
        case MB_WIRE_VARINT: return mb_wire_varint(w, &f->value) ? -1 : 1;
        case MB_WIRE_64: return fixed(w, 8, &f->value) ? -1 : 1;
        case MB_WIRE_32: return fixed(w, 4, &f->value) ? -1 : 1;
        case MB_WIRE_BYTES:
            if (mb_wire_varint(w, &n) || n > (uint64_t)(w->end - w->p)) return -1;
            f->bytes.p = w->p;
            f->bytes.n = (size_t)n;
            w->p += n;
            return 1;
        default: return -1;                               /* groups (3, 4) do not occur in ONNX */
    }
}

bool mb_span_is(mb_span s, const char *text) { return s.n == strlen(text) && (!s.n || !memcmp(s.p, text, s.n)); }

bool mb_span_equal(mb_span a, mb_span b) { return a.n == b.n && (!a.n || !memcmp(a.p, b.p, a.n)); }

const char *mb_span_text(mb_span s, char *buf, size_t cap) {
    size_t n = s.n < cap ? s.n : cap - 1;
    for (size_t i = 0; i < n; i++) buf[i] = s.p[i] < 32 || s.p[i] > 126 ? '?' : (char)s.p[i];
    buf[n] = 0;
    if (n < s.n && n > 3) memcpy(buf + n - 3, "...", 3);
    return buf;
}

/* ---- messages ------------------------------------------------------------------------------------------------- */

typedef struct block { struct block *next; char pad[56]; } block;    /* keeps the 64-byte alignment of what follows */

typedef struct parser {
    const char *path;
    const uint8_t *start;
    mb_onnx_model *m;
} parser;

/* WHAT is wrong at byte AT. */
static int bad(const parser *ps, const uint8_t *at, const char *what) {
    return mb_fail(MB_BADINPUT,
                   "%s: byte %zu: %s; is it an ONNX file, and complete? Check it with python3 -c "
                   "\"import onnx; onnx.checker.check_model('FILE')\" or export it again",
                   ps->path, (size_t)(at - ps->start), what);
}

/* Field F must have wire type WIRE. */
static int want(const parser *ps, const mb_field *f, int wire, const char *what) {
    return f->wire == wire ? MB_OK : bad(ps, f->bytes.p, what);
}

static void *take(parser *ps, size_t n, size_t size) {
    if (n > SIZE_MAX / 2 / size) return NULL;
    block *b = mb_calloc(1, sizeof *b + n * size);
    if (!b) return NULL;
    b->next = ps->m->blocks;
    ps->m->blocks = b;
    return b + 1;
}

/* How often do the fields NUMBER[0..k-1] occur in S with data of their own? */
static int count_fields(const parser *ps, mb_span s, const uint32_t *number, int k, size_t *count) {
    mb_wire w = mb_wire_of(s);
    mb_field f;
    int q;
    memset(count, 0, (size_t)k * sizeof *count);
    while ((q = mb_wire_next(&w, &f)) > 0)
        for (int i = 0; i < k; i++) count[i] += f.number == number[i] && f.wire == MB_WIRE_BYTES;
    return q < 0 ? bad(ps, w.p, "a field is malformed or cut off") : MB_OK;
}

static int tensor_dim(const parser *ps, mb_onnx_tensor *t, const uint8_t *at, uint64_t v) {
    if (t->nd == MB_ONNX_MAX_RANK) return bad(ps, at, "a tensor has more than 8 dimensions");
    if (v > INT64_MAX) return bad(ps, at, "a tensor has a negative dimension");
    if (v && t->count > (SIZE_MAX >> 5) / v)
        return bad(ps, at, "the dimensions of a tensor multiply out to more than memory can hold");
    t->count *= (size_t)v;
    t->dim[t->nd++] = (int64_t)v;
    return MB_OK;
}

static int tensor_dims(const parser *ps, mb_onnx_tensor *t, const mb_field *f) {
    int rc = MB_OK;
    uint64_t v;
    if (f->wire == MB_WIRE_VARINT) {
        rc = tensor_dim(ps, t, f->bytes.p, f->value);
    } else if (f->wire == MB_WIRE_BYTES) {
        mb_wire w = mb_wire_of(f->bytes);
        while (!rc && w.p < w.end)
            rc = mb_wire_varint(&w, &v) ? bad(ps, w.p, "malformed dims of a tensor") : tensor_dim(ps, t, w.p, v);
    } else {
        rc = bad(ps, f->bytes.p, "malformed dims of a tensor");
    }
    return rc;
}

/* Decimal number in S, as external_data stores them. */
static int decimal(const parser *ps, mb_span s, uint64_t *v) {
    uint64_t x = 0;
    if (!s.n || s.n > 19) return bad(ps, s.p, "offset or length of external_data is not a number of bytes");
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9') return bad(ps, s.p, "offset or length of external_data is not a number of bytes");
        x = x * 10 + (uint64_t)(s.p[i] - '0');
    }
    *v = x;
    return MB_OK;
}

static int tensor_entry(const parser *ps, mb_onnx_tensor *t, mb_span entry) {
    mb_wire w = mb_wire_of(entry);
    mb_field f;
    mb_span key = {entry.p, 0}, value = {entry.p, 0};
    int q;
    while ((q = mb_wire_next(&w, &f)) > 0) {
        if (f.number == ENTRY_KEY && f.wire == MB_WIRE_BYTES) key = f.bytes;
        if (f.number == ENTRY_VALUE && f.wire == MB_WIRE_BYTES) value = f.bytes;
    }
    if (q < 0) return bad(ps, w.p, "malformed external_data of a tensor");
    if (mb_span_is(key, "location")) t->location = value;
    if (mb_span_is(key, "offset")) return decimal(ps, value, &t->offset);
    if (mb_span_is(key, "length")) {
        t->has_length = true;
        return decimal(ps, value, &t->length);
    }
    return MB_OK;
}

static int parse_tensor(const parser *ps, mb_span s, mb_onnx_tensor *t) {
    mb_wire w = mb_wire_of(s);
    mb_field f;
    int q = 0, rc = MB_OK;
    memset(t, 0, sizeof *t);
    t->message = s;
    t->count = 1;
    while (!rc && (q = mb_wire_next(&w, &f)) > 0) {
        switch (f.number) {
            case TENSOR_DIMS: rc = tensor_dims(ps, t, &f); break;
            case TENSOR_DATA_TYPE:
                rc = want(ps, &f, MB_WIRE_VARINT, "malformed data_type of a tensor");
                t->type = f.value < 1000 ? (int)f.value : 999;
                break;
            case TENSOR_SEGMENT: rc = bad(ps, f.bytes.p, "a tensor is stored in segments, which are not supported"); break;
            case TENSOR_NAME:
                rc = want(ps, &f, MB_WIRE_BYTES, "malformed name of a tensor");
                t->name = f.bytes;
                break;
            case TENSOR_RAW_DATA:
                rc = want(ps, &f, MB_WIRE_BYTES, "malformed raw_data of a tensor");
                t->raw = f.bytes;
                t->has_raw = true;
                break;
            case TENSOR_EXTERNAL_DATA:
                rc = want(ps, &f, MB_WIRE_BYTES, "malformed external_data of a tensor");
                if (!rc) rc = tensor_entry(ps, t, f.bytes);
                break;
            case TENSOR_DATA_LOCATION:
                rc = want(ps, &f, MB_WIRE_VARINT, "malformed data_location of a tensor");
                t->external = f.value == 1;
                break;
            default: break;
        }
    }
    if (!rc && q < 0) rc = bad(ps, w.p, "a tensor is malformed or cut off");
    return rc;
}

static int parse_attr(const parser *ps, mb_span s, mb_onnx_attr *a) {
    mb_wire w = mb_wire_of(s);
    mb_field f;
    int q;
    uint32_t u;
    a->message = s;
    while ((q = mb_wire_next(&w, &f)) > 0) {
        if (f.number == ATTR_NAME && f.wire == MB_WIRE_BYTES) {
            a->name = f.bytes;
        } else if (f.number == ATTR_F && f.wire == MB_WIRE_32) {
            u = (uint32_t)f.value;
            memcpy(&a->f, &u, sizeof u);
        } else if (f.number == ATTR_I && f.wire == MB_WIRE_VARINT) {
            a->i = (int64_t)f.value;
        } else if (f.number == ATTR_S && f.wire == MB_WIRE_BYTES) {
            a->s = f.bytes;
        } else if (f.number == ATTR_T && f.wire == MB_WIRE_BYTES) {
            a->tensor = f.bytes;
        } else if (f.number == ATTR_TYPE && f.wire == MB_WIRE_VARINT) {
            a->type = f.value < 1000 ? (int)f.value : 999;
        } else if (f.number <= ATTR_T || f.number == ATTR_TYPE) {
            return bad(ps, f.bytes.p, "an attribute has a malformed field");
        }                                                 /* graphs and lists are skipped here */
    }
    return q < 0 ? bad(ps, w.p, "an attribute is malformed or cut off") : MB_OK;
}

static int parse_node(parser *ps, mb_span s, mb_onnx_node *n) {
    static const uint32_t counted[3] = {NODE_INPUT, NODE_OUTPUT, NODE_ATTRIBUTE};
    size_t c[3];
    int rc = count_fields(ps, s, counted, 3, c);
    if (rc) return rc;
    if (c[0] > MB_ONNX_MAX_NODE_INPUTS) return bad(ps, s.p, "a node has more than 1024 inputs");
    if (c[1] > MB_ONNX_MAX_NODE_OUTPUTS) return bad(ps, s.p, "a node has more than 64 outputs");
    if (c[2] > MB_ONNX_MAX_NODE_ATTRS) return bad(ps, s.p, "a node has more than 64 attributes");
    n->in = take(ps, c[0], sizeof *n->in);
    n->out = take(ps, c[1], sizeof *n->out);
    n->attr = take(ps, c[2], sizeof *n->attr);
    if (!n->in || !n->out || !n->attr) return mb_nomem();
    mb_wire w = mb_wire_of(s);
    mb_field f;
    while (!rc && mb_wire_next(&w, &f) > 0) {
        if (f.number <= NODE_DOMAIN && f.wire != MB_WIRE_BYTES) return bad(ps, f.bytes.p, "a node has a malformed field");
        switch (f.number) {
            case NODE_INPUT: n->in[n->n_in++] = f.bytes; break;
            case NODE_OUTPUT: n->out[n->n_out++] = f.bytes; break;
            case NODE_NAME: n->name = f.bytes; break;
            case NODE_OP_TYPE: n->op = f.bytes; break;
            case NODE_DOMAIN: n->domain = f.bytes; break;
            case NODE_ATTRIBUTE: rc = parse_attr(ps, f.bytes, &n->attr[n->n_attr++]); break;
            default: break;
        }
    }
    return rc;
}

static int parse_dim(const parser *ps, mb_span s, mb_onnx_value *v) {
    mb_wire w = mb_wire_of(s);
    mb_field f;
    int q;
    if (v->nd == MB_ONNX_MAX_RANK) return bad(ps, s.p, "a graph input or output has more than 8 dimensions");
    v->dim[v->nd] = -1;
    while ((q = mb_wire_next(&w, &f)) > 0) {
        if (f.number == DIM_VALUE && f.wire == MB_WIRE_VARINT && f.value <= INT64_MAX) v->dim[v->nd] = (int64_t)f.value;
        if (f.number == DIM_PARAM && f.wire == MB_WIRE_BYTES) v->symbol[v->nd] = f.bytes;
    }
    v->nd++;
    return q < 0 ? bad(ps, w.p, "malformed dimension of a graph input or output") : MB_OK;
}

static int parse_value_shape(const parser *ps, mb_span s, mb_onnx_value *v) {
    mb_wire w = mb_wire_of(s);
    mb_field f;
    int q = 0, rc = MB_OK;
    v->nd = 0;
    while (!rc && (q = mb_wire_next(&w, &f)) > 0)
        if (f.number == SHAPE_DIM && f.wire == MB_WIRE_BYTES) rc = parse_dim(ps, f.bytes, v);
    return !rc && q < 0 ? bad(ps, w.p, "malformed shape of a graph input or output") : rc;
}

static int parse_value_tensor(const parser *ps, mb_span s, mb_onnx_value *v) {
    mb_wire w = mb_wire_of(s);
    mb_field f;
    int q = 0, rc = MB_OK;
    while (!rc && (q = mb_wire_next(&w, &f)) > 0) {
        if (f.number == TENSOR_TYPE_ELEM && f.wire == MB_WIRE_VARINT) v->elem = f.value < 1000 ? (int)f.value : 999;
        if (f.number == TENSOR_TYPE_SHAPE && f.wire == MB_WIRE_BYTES) rc = parse_value_shape(ps, f.bytes, v);
    }
    return !rc && q < 0 ? bad(ps, w.p, "malformed type of a graph input or output") : rc;
}

static int parse_value(const parser *ps, mb_span s, mb_onnx_value *v) {
    mb_wire w = mb_wire_of(s), wt;
    mb_field f, ft;
    int q = 0, qt = 0, rc = MB_OK;
    v->nd = -1;
    while (!rc && (q = mb_wire_next(&w, &f)) > 0) {
        if (f.number == VALUE_NAME && f.wire == MB_WIRE_BYTES) v->name = f.bytes;
        if (f.number != VALUE_TYPE || f.wire != MB_WIRE_BYTES) continue;
        wt = mb_wire_of(f.bytes);
        while (!rc && (qt = mb_wire_next(&wt, &ft)) > 0)
            if (ft.number == TYPE_TENSOR && ft.wire == MB_WIRE_BYTES) rc = parse_value_tensor(ps, ft.bytes, v);
        if (!rc && qt < 0) rc = bad(ps, wt.p, "malformed type of a graph input or output");
    }
    return !rc && q < 0 ? bad(ps, w.p, "a graph input or output is malformed") : rc;
}

static int parse_graph(parser *ps, mb_span s) {
    static const uint32_t counted[5] = {GRAPH_NODE, GRAPH_INITIALIZER, GRAPH_INPUT, GRAPH_OUTPUT, GRAPH_SPARSE_INITIALIZER};
    mb_onnx_model *m = ps->m;
    size_t c[5];
    int rc = count_fields(ps, s, counted, 5, c);
    for (int i = 0; i < 5 && !rc; i++)
        if (c[i] > MB_ONNX_MAX_NODES) rc = bad(ps, s.p, "the graph has more than 65536 nodes, initialisers, inputs or outputs");
    if (rc) return rc;
    m->n_sparse = (int)c[4];
    m->node = take(ps, c[0], sizeof *m->node);
    m->init = take(ps, c[1], sizeof *m->init);
    m->in = take(ps, c[2], sizeof *m->in);
    m->out = take(ps, c[3], sizeof *m->out);
    if (!m->node || !m->init || !m->in || !m->out) return mb_nomem();
    mb_wire w = mb_wire_of(s);
    mb_field f;
    while (!rc && mb_wire_next(&w, &f) > 0) {
        if (f.wire != MB_WIRE_BYTES) continue;
        switch (f.number) {
            case GRAPH_NODE: rc = parse_node(ps, f.bytes, &m->node[m->n_node++]); break;
            case GRAPH_INITIALIZER: rc = parse_tensor(ps, f.bytes, &m->init[m->n_init++]); break;
            case GRAPH_INPUT: rc = parse_value(ps, f.bytes, &m->in[m->n_in++]); break;
            case GRAPH_OUTPUT: rc = parse_value(ps, f.bytes, &m->out[m->n_out++]); break;
            default: break;
        }
    }
    return rc;
}

/* The version of the standard domain; other domains are met (and refused) at their nodes. */
static int parse_opset(const parser *ps, mb_span s) {
    mb_wire w = mb_wire_of(s);
    mb_field f;
    mb_span domain = {s.p, 0};
    int64_t version = 0;
    int q;
    while ((q = mb_wire_next(&w, &f)) > 0) {
        if (f.number == OPSET_DOMAIN && f.wire == MB_WIRE_BYTES) domain = f.bytes;
        if (f.number == OPSET_VERSION && f.wire == MB_WIRE_VARINT) version = (int64_t)f.value;
    }
    if (q < 0) return bad(ps, w.p, "malformed opset_import");
    if (!domain.n || mb_span_is(domain, "ai.onnx")) ps->m->opset = version;
    return MB_OK;
}

static int parse_model(parser *ps, mb_span s) {
    mb_wire w = mb_wire_of(s);
    mb_field f;
    bool graph = false;
    int q = 0, rc = MB_OK;
    while (!rc && (q = mb_wire_next(&w, &f)) > 0) {
        switch (f.number) {
            case MODEL_IR_VERSION:
                rc = want(ps, &f, MB_WIRE_VARINT, "malformed ir_version");
                ps->m->ir_version = (int64_t)f.value;
                break;
            case MODEL_PRODUCER_NAME:
                rc = want(ps, &f, MB_WIRE_BYTES, "malformed producer_name");
                ps->m->producer = f.bytes;
                break;
            case MODEL_OPSET_IMPORT:
                rc = want(ps, &f, MB_WIRE_BYTES, "malformed opset_import");
                if (!rc) rc = parse_opset(ps, f.bytes);
                break;
            case MODEL_GRAPH:
                rc = graph ? bad(ps, f.bytes.p, "there are two graphs") : want(ps, &f, MB_WIRE_BYTES, "malformed graph");
                graph = true;
                if (!rc) rc = parse_graph(ps, f.bytes);
                break;
            default: break;
        }
    }
    if (!rc && q < 0) rc = bad(ps, w.p, "a field is malformed or cut off");
    if (!rc && !graph) rc = bad(ps, s.p, "there is no graph in it");
    if (!rc && (ps->m->ir_version < 3 || ps->m->ir_version > MAX_IR_VERSION))
        rc = mb_fail(MB_BADINPUT,
                     "%s: ir_version %lld is not supported (3 and later are); export the network again with a newer tool",
                     ps->path, (long long)ps->m->ir_version);
    return rc;
}

int mb_onnx_parse(const char *path, const uint8_t *data, size_t size, mb_onnx_model **out) {
    mb_onnx_model *m = mb_calloc(1, sizeof *m);
    if (!m) return mb_nomem();
    parser ps = {path, data, m};
    mb_span all = {data, size};
    int rc = parse_model(&ps, all);
    m->whole = all;
    if (rc) mb_onnx_free(m);
    else *out = m;
    return rc;
}

bool mb_onnx_metadata(const mb_onnx_model *m, const char *key, mb_span *value) {
    mb_wire w = mb_wire_of(m->whole);
    mb_field f, e;
    while (mb_wire_next(&w, &f) > 0) {
        if (f.number != MODEL_METADATA || f.wire != MB_WIRE_BYTES) continue;
        mb_wire entry = mb_wire_of(f.bytes);
        mb_span k = {f.bytes.p, 0}, v = k;
        while (mb_wire_next(&entry, &e) > 0) {
            if (e.wire != MB_WIRE_BYTES) continue;
            if (e.number == 1) k = e.bytes;
            if (e.number == 2) v = e.bytes;
        }
        if (!mb_span_is(k, key)) continue;
        *value = v;
        return true;
    }
    return false;
}

void mb_onnx_free(mb_onnx_model *m) {
    if (!m) return;
    for (block *b = m->blocks, *next; b; b = next) {
        next = b->next;
        mb_free(b);
    }
    mb_free(m);
}

int mb_onnx_tensor_parse(const char *path, mb_span message, mb_onnx_tensor *t) {
    parser ps = {path, message.p, NULL};
    int rc = parse_tensor(&ps, message, t);
    return rc ? mb_context(rc, "(bytes counted from the start of the attribute's tensor)") : MB_OK;
}

/* ---- lists of attributes ---------------------------------------------------------------------------------------- */

/* All values of field NUMBER, packed or not, of wire type WIRE each: 0, or -1 when malformed. */
static int attr_list(const mb_onnx_attr *a, uint32_t number, int wire, uint64_t *v, int (*put)(void *, uint64_t), void *ctx) {
    mb_wire w = mb_wire_of(a->message);
    mb_field f;
    int q;
    while ((q = mb_wire_next(&w, &f)) > 0) {
        if (f.number != number) continue;
        if (f.wire == wire) {
            if (put(ctx, f.value)) return -1;
        } else if (f.wire == MB_WIRE_BYTES) {
            mb_wire l = mb_wire_of(f.bytes);
            while (l.p < l.end)
                if ((wire == MB_WIRE_VARINT ? mb_wire_varint(&l, v) : fixed(&l, 4, v)) || put(ctx, *v)) return -1;
        } else {
            return -1;
        }
    }
    return q;
}

typedef struct sink { int64_t *i; float *f; size_t cap, n; } sink;

static int put_int(void *ctx, uint64_t v) {
    sink *s = ctx;
    if (s->n < s->cap) s->i[s->n] = (int64_t)v;
    s->n++;
    return 0;
}

static int put_float(void *ctx, uint64_t v) {
    sink *s = ctx;
    uint32_t u = (uint32_t)v;
    if (s->n < s->cap) memcpy(&s->f[s->n], &u, sizeof u);
    s->n++;
    return 0;
}

int mb_onnx_attr_ints(const mb_onnx_attr *a, int64_t *out, size_t cap, size_t *n) {
    sink s = {out, NULL, cap, 0};
    uint64_t v;
    if (attr_list(a, ATTR_INTS, MB_WIRE_VARINT, &v, put_int, &s)) return mb_fail(MB_BADINPUT, "a list of integers is malformed");
    *n = s.n;
    return MB_OK;
}

int mb_onnx_attr_floats(const mb_onnx_attr *a, float *out, size_t cap, size_t *n) {
    sink s = {NULL, out, cap, 0};
    uint64_t v;
    if (attr_list(a, ATTR_FLOATS, MB_WIRE_32, &v, put_float, &s)) return mb_fail(MB_BADINPUT, "a list of numbers is malformed");
    *n = s.n;
    return MB_OK;
}
