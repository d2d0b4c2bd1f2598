/* str.c - growing strings, numbers as text, hashes, the nearest name
 *
 * Hash: FNV-1a, 64 bits (Fowler, Noll, Vo; RFC draft-eastlake-fnv). Distance of names: optimal string alignment (insert, delete,
 * replace and swap of neighbours each cost 1), Damerau, CACM 7 (1964), doi:10.1145/363958.363994. Anybody may call this file; it
 * calls mem.c.
 */
#include "base/str.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Room for MORE bytes and the final zero. */
static int reserve(mb_str *b, size_t more) {
    size_t want;
    if (b->failed) return 0;
    if (__builtin_add_overflow(b->n, more, &want) || want == SIZE_MAX) {
        b->failed = 1;
        return 0;
    }
    if (want + 1 > b->cap) {
        size_t cap = b->cap < 32 ? 64 : b->cap > SIZE_MAX / 2 ? want + 1 : b->cap * 2;
        if (cap < want + 1) cap = want + 1;
        char *s = mb_realloc(b->s, cap, 1);
        if (!s) {
            b->failed = 1;
            return 0;
        }
        b->s = s;
        b->cap = cap;
    }
    return 1;
}

void mb_str_addn(mb_str *b, const char *s, size_t n) {
    if (reserve(b, n)) {
        if (n) memcpy(b->s + b->n, s, n);
        b->n += n;
        b->s[b->n] = '\0';
    }
}

void mb_str_add(mb_str *b, const char *s) { mb_str_addn(b, s, strlen(s)); }

void mb_str_addf(mb_str *b, const char *fmt, ...) {
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    if (n < 0) {
        b->failed = 1;
    } else if (reserve(b, (size_t)n)) {
        vsnprintf(b->s + b->n, (size_t)n + 1, fmt, again);
        b->n += (size_t)n;
    }
    va_end(again);
    va_end(ap);
}

void mb_str_clear(mb_str *b) {
    b->n = 0;
    b->failed = 0;
    if (b->s) b->s[0] = '\0';
}

void mb_str_free(mb_str *b) {
    mb_free(b->s);
    *b = (mb_str){0};
}

const char *mb_cstr(const mb_str *b) { return b->s ? b->s : ""; }

/* What the locale put for the decimal point becomes '.'. */
static void plain_point(char *s) {
    char *w = s;
    for (const char *r = s; *r; r++) {
        if (strchr("0123456789+-eE", *r)) {
            *w++ = *r;
        } else if (w == s || w[-1] != '.') { /* a point of several bytes counts once */
            *w++ = '.';
        }
    }
    *w = '\0';
}

char *mb_fmt_double(char *buf, double x, int floating) {
    if (isnan(x)) {
        memcpy(buf, "nan", 4);
    } else if (isinf(x)) {
        memcpy(buf, x > 0 ? "inf" : "-inf", x > 0 ? 4 : 5);
    } else {
        /* A text of at most 15 digits comes back unchanged from a normal double, so 15 digits without trailing zeros are the
         * shortest when they read back at all. Subnormal numbers have fewer digits to keep. */
        int digits = x != 0 && fabs(x) < 2.2250738585072014e-308 ? 1 : 15;
        do {
            snprintf(buf, 32, "%.*g", digits, x);
        } while (digits++ < 17 && strtod(buf, NULL) != x); /* both in the locale of the caller */
        plain_point(buf);
        if (floating && !strpbrk(buf, ".e")) memcpy(buf + strlen(buf), ".0", 3);
    }
    return buf;
}

char *mb_fmt_si(char *buf, double x, const char *unit, int digits) {
    static const char prefix[] = "qryzafpnum kMGTPEZYRQ"; /* 10^-30 .. 10^30 */
    enum { CAP = 48 };
    size_t ulen = strlen(unit);
    int squared = ulen >= 2 && (strcmp(unit, "m2") == 0 || strcmp(unit, "m^2") == 0); /* the prefix is squared with the metre */
    int step = squared ? 6 : 3;
    char num[40], pre[2] = "";
    if (digits < 1) digits = 1;
    if (digits > 15) digits = 15;
    if (!isfinite(x) || x == 0) {
        snprintf(num, sizeof num, "%s", isnan(x) ? "nan" : x == 0 ? "0" : x > 0 ? "inf" : "-inf");
    } else {
        char sci[40];
        snprintf(sci, sizeof sci, "%.*e", digits - 1, x); /* rounded first: 999.96 is 1.00 k at three digits */
        int e = (int)strtol(strrchr(sci, 'e') + 1, NULL, 10);
        int k = e >= 0 ? e / step : -((-e + step - 1) / step);
        int kmax = squared ? 5 : 10;
        k = k < -kmax ? -kmax : k > kmax ? kmax : k;
        int shift = e - k * step, decimals = digits - 1 - shift;
        *strrchr(sci, 'e') = '\0';
        double mantissa = strtod(sci, NULL) * pow(10.0, shift);
        snprintf(num, sizeof num, "%.*f", decimals < 0 ? 0 : decimals > 20 ? 20 : decimals, mantissa);
        plain_point(num);
        if (k) pre[0] = prefix[k + 10]; /* squared: mm2 is 10^-6, one step of the metre's prefix */
    }
    snprintf(buf, CAP, "%s%s%s%s", num, *pre || *unit ? " " : "", pre, unit);
    return buf;
}

uint64_t mb_hash64(const void *p, size_t n, uint64_t h) {
    const unsigned char *b = p;
    for (size_t i = 0; i < n; i++) h = (h ^ b[i]) * 0x100000001b3ull;
    return h;
}

#define NAME_MAX_COMPARED 96

/* Optimal string alignment distance of A and B without regard to case; what is over NAME_MAX_COMPARED bytes counts as different.
 */
static size_t distance(const char *a, const char *b) {
    size_t row[3][NAME_MAX_COMPARED + 1];
    size_t na = strnlen(a, NAME_MAX_COMPARED), nb = strnlen(b, NAME_MAX_COMPARED);
    size_t *before = row[0], *prev = row[1], *cur = row[2];
    memset(row, 0, sizeof row);
    for (size_t j = 0; j <= nb; j++) prev[j] = j;
    for (size_t i = 1; i <= na; i++) {
        cur[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            int ca = tolower((unsigned char)a[i - 1]), cb = tolower((unsigned char)b[j - 1]);
            size_t d = prev[j - 1] + (ca != cb);
            if (prev[j] + 1 < d) d = prev[j] + 1;
            if (cur[j - 1] + 1 < d) d = cur[j - 1] + 1;
            if (i > 1 && j > 1 && ca == tolower((unsigned char)b[j - 2]) && cb == tolower((unsigned char)a[i - 2]) &&
                before[j - 2] + 1 < d)
                d = before[j - 2] + 1;
            cur[j] = d;
        }
        size_t *t = before;
        before = prev;
        prev = cur;
        cur = t;
    }
    return prev[nb] + strlen(a) - na + strlen(b) - nb;
}

const char *mb_nearest(const char *name, const char *const *candidates, size_t n) {
    size_t len = strlen(name), limit = len / 3 > 2 ? len / 3 : 2, best = SIZE_MAX;
    const char *found = NULL;
    for (size_t i = 0; i < n; i++) {
        size_t d = distance(name, candidates[i]), other = strlen(candidates[i]);
        if (d > limit || d >= (len > other ? len : other)) continue; /* nothing in common */
        if (d < best) {
            best = d;
            found = candidates[i];
        }
    }
    return found;
}
