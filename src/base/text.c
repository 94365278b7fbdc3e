/* text.c: strings that grow; numbers from text; UTF-8; likeness of names. */
#include "base/base.h"
#include <ctype.h>
#include <errno.h>
#include <locale.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- A string that grows ----------------------------------------------------------------------------------------- */
static bool room(cn__text *t, size_t more)               /* and for a NUL */
{
    size_t wanted;
    if (t->nomem) return false;
    if (!cn__add_size(t->n, more, &wanted) || !cn__add_size(wanted, 1, &wanted)) return t->nomem = true, false;
    if (wanted <= t->cap) return true;
    size_t cap = CN__MAX(wanted, t->cap > SIZE_MAX / 2 ? wanted : CN__MAX(2 * t->cap, (size_t)256));
    char  *at = cn__realloc(t->ctx, t->at, t->cap, cap);
    if (!at) return t->nomem = true, false;
    t->at = at, t->cap = cap;
    return true;
}

void cn__text_add(cn__text *t, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    size_t left = t->cap - t->n;
    int    n = t->nomem ? -1 : vsnprintf(left ? t->at + t->n : NULL, left, format, args);
    if (n >= 0 && room(t, (size_t)n)) {
        if ((size_t)n >= left) vsnprintf(t->at + t->n, (size_t)n + 1, format, again);
        t->n += (size_t)n;
    }
    if (t->cap) t->at[t->n] = 0;                         /* nothing half written is left */
    va_end(again);
    va_end(args);
}

void cn__text_bytes(cn__text *t, const char *bytes, size_t n)
{
    if (!room(t, n)) return;
    if (n) memcpy(t->at + t->n, bytes, n);
    t->n += n;
    t->at[t->n] = 0;
}

const char *cn__text_get(const cn__text *t) { return t->n ? t->at : ""; }

void cn__text_clear(cn__text *t)
{
    t->n = 0;
    if (t->cap) t->at[0] = 0;
}

void cn__text_free(cn__text *t)
{
    cn__free(t->ctx, t->at, t->cap);
    *t = (cn__text){ .ctx = t->ctx };
}

/* ---- Numbers ----------------------------------------------------------------------------------------------------- */
static locale_t       c_locale;
static pthread_once_t c_locale_made = PTHREAD_ONCE_INIT;
static void make_c_locale(void) { c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0); }

/* strtod would take blanks before a number, and hexadecimal ones, which nobody means in a data file. */
static bool looks_like_number(const char *text)
{
    const char *p = text + (*text == '-' || *text == '+');
    return (isdigit((unsigned char)*p) && (p[1] | 0x20) != 'x') || (*p == '.' && isdigit((unsigned char)p[1])) ||
           strchr("iInN", *p ? *p : ' ');
}

bool cn__parse_double(const char *text, double *value)
{
    char *end;
    if (!text || !looks_like_number(text)) return false;
    pthread_once(&c_locale_made, make_c_locale);
    double v = c_locale ? strtod_l(text, &end, c_locale) : strtod(text, &end);
    if (*end || end == text) return false;
    *value = v;
    return true;
}

bool cn__parse_int(const char *text, int64_t *value)
{
    if (!text || !isdigit((unsigned char)text[*text == '-' || *text == '+'])) return false;
    char *end;
    int   before = errno;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    bool fits = errno != ERANGE;
    errno = before;
    if (*end || !fits) return false;
    *value = v;
    return true;
}

/* ---- UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF) ---------------------------------- */
static size_t utf8_length(const unsigned char *p, size_t n)         /* bytes of the character at p; 0: none */
{
    unsigned char low = 0x80, high = 0xbf;               /* what the second byte may be */
    size_t length;
    if (p[0] < 0x80) return 1;
    if (p[0] >= 0xc2 && p[0] <= 0xdf) length = 2;
    else if (p[0] >= 0xe0 && p[0] <= 0xef) length = 3;
    else if (p[0] >= 0xf0 && p[0] <= 0xf4) length = 4;
    else return 0;
    if (p[0] == 0xe0) low = 0xa0;
    if (p[0] == 0xed) high = 0x9f;
    if (p[0] == 0xf0) low = 0x90;
    if (p[0] == 0xf4) high = 0x8f;
    if (n < length || p[1] < low || p[1] > high) return 0;
    for (size_t i = 2; i < length; i++)
        if ((p[i] & 0xc0) != 0x80) return 0;
    return length;
}

size_t cn__utf8_valid(const char *bytes, size_t n)
{
    const unsigned char *p = (const unsigned char *)bytes;
    size_t at = 0;
    while (at < n) {
        size_t length = utf8_length(p + at, n - at);
        if (!length) break;
        at += length;
    }
    return at;
}

/* ---- Likeness ---------------------------------------------------------------------------------------------------- */
/* Levenshtein's distance, upper and lower case being the same; beyond 63 bytes names are not looked at. */
size_t cn__edit_distance(const char *a, const char *b)
{
    enum { MOST = 63 };
    size_t row[MOST + 1], na = strnlen(a, MOST), nb = strnlen(b, MOST);
    for (size_t j = 0; j <= nb; j++) row[j] = j;
    for (size_t i = 1; i <= na; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            size_t change = diagonal + (tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[j - 1]));
            diagonal = row[j];
            row[j] = CN__MIN(change, CN__MIN(row[j], row[j - 1]) + 1);
        }
    }
    return row[nb];
}

uint64_t cn__hash_bytes(const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    uint64_t h = n;
    for (; n >= 8; p += 8, n -= 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        h = cn__hash(h, word);
    }
    uint64_t rest = 0;
    if (n) memcpy(&rest, p, n);
    return cn__hash(h, rest);
}
