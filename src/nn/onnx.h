/* onnx.h - bounded zero-copy reader of ONNX files (protocol buffers)
 *
 * Reads the messages that import needs (ModelProto, GraphProto, NodeProto, AttributeProto, TensorProto, ValueInfoProto) as the
 * schema onnx/onnx.proto of Debian's libonnx-dev 1.12 defines them. Names and data stay where they are, in the caller's bytes:
 * these must outlive the model. Made for hostile files: nothing recurses (graphs inside attributes are skipped by their length),
 * every length is checked against what is left, every count against a limit below, every product against overflow. Wire format:
 * https://protobuf.dev/programming-guides/encoding/
 *
 * Used by nn/node.c, nn/fold.c and nn/import.c only.
 */
#ifndef MB_NN_ONNX_H
#define MB_NN_ONNX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MB_ONNX_MAX_RANK 8
#define MB_ONNX_MAX_NODES 65536          /* also initialisers, graph inputs, graph outputs */
#define MB_ONNX_MAX_NODE_INPUTS 1024
#define MB_ONNX_MAX_NODE_OUTPUTS 64
#define MB_ONNX_MAX_NODE_ATTRS 64

/* TensorProto.DataType */
enum {
    MB_ONNX_FLOAT = 1, MB_ONNX_UINT8 = 2, MB_ONNX_INT8 = 3, MB_ONNX_UINT16 = 4, MB_ONNX_INT16 = 5, MB_ONNX_INT32 = 6,
    MB_ONNX_INT64 = 7, MB_ONNX_STRING = 8, MB_ONNX_BOOL = 9, MB_ONNX_FLOAT16 = 10, MB_ONNX_DOUBLE = 11, MB_ONNX_UINT32 = 12,
    MB_ONNX_UINT64 = 13, MB_ONNX_BFLOAT16 = 16
};

/* AttributeProto.AttributeType */
enum {
    MB_ONNX_ATTR_FLOAT = 1, MB_ONNX_ATTR_INT = 2, MB_ONNX_ATTR_STRING = 3, MB_ONNX_ATTR_TENSOR = 4, MB_ONNX_ATTR_GRAPH = 5,
    MB_ONNX_ATTR_FLOATS = 6, MB_ONNX_ATTR_INTS = 7
};

typedef struct mb_span { const uint8_t *p; size_t n; } mb_span;     /* bytes of the file; not NUL-terminated */

typedef struct mb_onnx_tensor {
    mb_span name;
    int type, nd;
    int64_t dim[MB_ONNX_MAX_RANK];       /* each >= 0 */
    size_t count;                        /* product of dim; 1 for a scalar */
    mb_span message;                     /* the whole TensorProto; typed data are walked on demand */
    mb_span raw;                         /* raw_data, or the bytes of an external file once mb_onnx_external() has read them */
    bool has_raw;
    bool external;                       /* data lie in another file and are not read yet */
    mb_span location;
    uint64_t offset, length;
    bool has_length;
} mb_onnx_tensor;

typedef struct mb_onnx_attr {
    mb_span name;
    int type;                            /* MB_ONNX_ATTR_..., 0 in very old files */
    float f;
    int64_t i;
    mb_span s;
    mb_span tensor;                      /* message of the TensorProto; see mb_onnx_tensor_parse() */
    mb_span message;
} mb_onnx_attr;

typedef struct mb_onnx_node {
    mb_span name, op, domain;
    mb_span *in, *out;                   /* an absent optional input has an empty name */
    mb_onnx_attr *attr;
    int n_in, n_out, n_attr;
} mb_onnx_node;

typedef struct mb_onnx_value {           /* input or output of the graph */
    mb_span name;
    int elem;                            /* element type, 0 when not told */
    int nd;                              /* -1 when no shape is told */
    int64_t dim[MB_ONNX_MAX_RANK];       /* -1: symbolic or unknown */
    mb_span symbol[MB_ONNX_MAX_RANK];    /* dim_param; empty when none */
} mb_onnx_value;

typedef struct mb_onnx_model {
    int64_t ir_version, opset;           /* opset of the standard domain; 0 when not told */
    mb_span producer;
    mb_onnx_node *node;
    mb_onnx_tensor *init;
    mb_onnx_value *in, *out;
    int n_node, n_init, n_in, n_out;
    int n_sparse;                        /* sparse initialisers (not read) */
    mb_span whole;                       /* the file */
    void *blocks;                        /* memory of the arrays above */
} mb_onnx_model;

/* Parse SIZE bytes at DATA. PATH is for messages. MB_BADINPUT (with the byte's position) for anything malformed. *m is freed with
 * mb_onnx_free(). */
int mb_onnx_parse(const char *path, const uint8_t *data, size_t size, mb_onnx_model **m);
void mb_onnx_free(mb_onnx_model *m);
/* The value of KEY in the file's metadata (metadata_props); false: it is not there. */
bool mb_onnx_metadata(const mb_onnx_model *m, const char *key, mb_span *value);
/* Parse the TensorProto in MESSAGE. PATH is for messages. */
int mb_onnx_tensor_parse(const char *path, mb_span message, mb_onnx_tensor *t);
/* Lists of an attribute, packed or not: at most CAP values are stored, *n counts all of them. */
int mb_onnx_attr_ints(const mb_onnx_attr *a, int64_t *out, size_t cap, size_t *n);
int mb_onnx_attr_floats(const mb_onnx_attr *a, float *out, size_t cap, size_t *n);

/* Data of a tensor (onnx_data.c): COUNT elements to OUT. Floating types, and integers for f32 and f64, are converted; i64 reads
 * integers and booleans only. MB_BADINPUT: no data, a count that does not agree with the dims, a type that cannot be read, data
 * that are still external. */
int mb_onnx_tensor_f32(const char *path, const mb_onnx_tensor *t, float *out);
int mb_onnx_tensor_f64(const char *path, const mb_onnx_tensor *t, double *out);
int mb_onnx_tensor_i64(const char *path, const mb_onnx_tensor *t, int64_t *out);
/* Can the bytes of T hold COUNT elements? To be asked before taking memory for them. MB_BADINPUT when not. */
int mb_onnx_plausible(const char *path, const mb_onnx_tensor *t);
bool mb_onnx_type_real(int type);
bool mb_onnx_type_integer(int type);                 /* booleans too */
const char *mb_onnx_type_name(int type);
/* Read the external data of T into *data (mb_free it) and set t->raw, t->has_raw. The file must lie in DIR (the network's folder)
 * or below it, also after symbolic links are resolved; location must be relative without ".."; offset and length must lie inside
 * the file. */
int mb_onnx_external(const char *path, const char *dir, mb_onnx_tensor *t, uint8_t **data);

/* One token of the wire format; shared by onnx.c and onnx_data.c. */
typedef struct mb_wire { const uint8_t *p, *end; } mb_wire;
typedef struct mb_field { uint32_t number; int wire; uint64_t value; mb_span bytes; } mb_field;
enum { MB_WIRE_VARINT = 0, MB_WIRE_64 = 1, MB_WIRE_BYTES = 2, MB_WIRE_32 = 5 };
int mb_wire_varint(mb_wire *w, uint64_t *v);         /* 0, or -1 when malformed */
int mb_wire_next(mb_wire *w, mb_field *f);           /* 1: a field; 0: the end; -1: malformed */
mb_wire mb_wire_of(mb_span s);

bool mb_span_is(mb_span s, const char *text);
bool mb_span_equal(mb_span a, mb_span b);
/* S as text fit for a message: control characters and bytes beyond ASCII become '?', long ones are cut. Returns BUF. */
const char *mb_span_text(mb_span s, char *buf, size_t cap);

#endif
