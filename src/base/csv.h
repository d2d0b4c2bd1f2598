/* csv.h - tables of measured numbers from text files: comma, semicolon or tab separated, with a header line
 *
 * Accepted: UTF-8 with or without byte order mark, LF, CRLF or CR line ends, lines that begin with '#' (comments) and empty lines
 * anywhere, fields in double quotes with "" for a quote inside, blanks around fields. The separator is the one that the header line uses.
 * Column names carry their unit: "target_uS", "time [s]", "voltage (mV)". Refused with file:line: binary data, quotes without
 * end, rows with another number of fields than the header, a header without names, two columns of one name, too many columns.
 * Called by anybody; knows nothing of what the columns mean.
 */
#ifndef MB_BASE_CSV_H
#define MB_BASE_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MB_CSV_MAX_COLUMNS 256
#define MB_CSV_MAX_BYTES ((size_t)1 << 30)

typedef struct mb_csv {
    char *name;      /* of the file, for messages */
    char *text;      /* owns all fields */
    size_t rows, cols;
    char **header;   /* cols names, as they stand in the file, blanks around them removed */
    char **field;    /* rows x cols */
    int *line;       /* of each row */
    int header_line;
    char separator;
} mb_csv;

/* N bytes of DATA (copied) read from a file called NAME. *csv holds nothing to free on failure. */
int mb_csv_parse(const char *name, const uint8_t *data, size_t n, mb_csv *csv);
int mb_csv_read(const char *path, mb_csv *csv); /* .gz too */
void mb_csv_free(mb_csv *csv);
static inline const char *mb_csv_field(const mb_csv *c, size_t row, size_t col) { return c->field[row * c->cols + col]; }

/* A number; *v is NaN where the field is a missing value: empty, "NA", "N/A", "null", "none", "-" (any case). Anything else that
 * is not a finite number is MB_BADINPUT with file:line and the column; a decimal comma is named as such. */
int mb_csv_number(const mb_csv *csv, size_t row, size_t col, double *v);

/* What a column name says: "target_uS" -> quantity "target", unit "uS". */
typedef struct mb_csv_unit {
    char quantity[48]; /* lower case, without the unit */
    char unit[16];     /* "" when none was given */
    char si;           /* base unit: 'S' 'o' (ohm) 's' 'V' 'A' 'J', 'K', 0: unit missing, '?': unknown */
    double scale;      /* SI value = scale * number */
} mb_csv_unit;
/* Units: S, ohm (Ohm, the Greek letter), s (also min, h, d, y), V, A, J, K with the prefixes f p n u (and the micro sign) m k M G. */
void mb_csv_split_name(const char *name, mb_csv_unit *u);

#endif
