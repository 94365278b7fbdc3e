/* json.c: JSON read where it lies (RFC 8259): values are passed over until the one that is wanted. What is wanted of
   long texts are a few names, so nothing is kept. */
#include "json.h"
#include "cli.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { DEEPEST = 200 };

static const char *blanks(const char *p) { return p + strspn(p, " \t\r\n"); }

static const char *string_end(const char *p)             /* p: behind the first quote */
{
    for (; *p != '"'; p++) {
        if (!*p || (unsigned char)*p < ' ' || (*p == '\\' && !*++p)) return NULL;
    }
    return p + 1;
}

static const char *number_end(const char *p)
{
    char *end;
    if (*p != '-' && !isdigit((unsigned char)*p)) return NULL;
    strtod(p, &end);
    return end;
}

static const char *word_end(const char *p)
{
    static const char *const words[] = { "true", "false", "null", "NaN", "Infinity", "-Infinity" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strncmp(p, words[i], strlen(words[i]))) return p + strlen(words[i]);
    return NULL;
}

static const char *value_end(const char *p, int depth);

/* To the value of an entry: behind the key and its colon, in an object. */
static const char *entry_value(const char *p, bool object)
{
    p = blanks(p);
    if (!object) return p;
    if (*p != '"' || !(p = string_end(p + 1))) return NULL;
    p = blanks(p);
    return *p == ':' ? blanks(p + 1) : NULL;
}

static const char *entries_end(const char *p, int depth)
{
    bool object = *p == '{';
    char last = object ? '}' : ']';
    p = blanks(p + 1);
    if (*p == last) return p + 1;
    for (;;) {
        if (!(p = entry_value(p, object)) || !(p = value_end(p, depth + 1))) return NULL;
        p = blanks(p);
        if (*p == last) return p + 1;
        if (*p++ != ',') return NULL;
    }
}

static const char *value_end(const char *p, int depth)
{
    if (depth > DEEPEST) return NULL;
    if (*p == '"') return string_end(p + 1);
    if (*p == '{' || *p == '[') return entries_end(p, depth);
    const char *end = word_end(p);
    return end ? end : number_end(p);
}

const char *json_end(const char *value) { return value ? value_end(blanks(value), 0) : NULL; }

/* Where the i-th entry begins, its key in an object. */
static const char *entry(const char *list, int i)
{
    const char *p = list ? blanks(list) : "";
    bool object = *p == '{';
    if ((!object && *p != '[') || !json_end(p)) return NULL;
    for (p = blanks(p + 1); *p != (object ? '}' : ']'); p = blanks(p + 1)) {
        if (!i--) return p;
        p = blanks(value_end(entry_value(p, object), 0));
        if (*p != ',') return NULL;
    }
    return NULL;
}

const char *json_item(const char *list, int i)
{
    const char *p = entry(list, i);
    return p ? entry_value(p, *blanks(list) == '{') : NULL;
}

const char *json_key(const char *object, int i)
{
    return object && *blanks(object) == '{' ? json_text(entry(object, i)) : NULL;
}

const char *json_member(const char *object, const char *key)
{
    size_t n = strlen(key);
    if (!object || *blanks(object) != '{') return NULL;
    const char *p = entry(object, 0);
    while (p && (strncmp(p + 1, key, n) || p[1 + n] != '"')) {
        p = blanks(value_end(entry_value(p, true), 0));
        p = *p == ',' ? blanks(p + 1) : NULL;
    }
    return p ? entry_value(p, true) : NULL;
}

static char *put_utf8(char *out, unsigned long code)
{
    if (code < 0x80) *out++ = (char)code;
    else {
        if (code < 0x800) *out++ = (char)(0xc0 | code >> 6);
        else *out++ = (char)(0xe0 | code >> 12), *out++ = (char)(0x80 | (code >> 6 & 63));
        *out++ = (char)(0x80 | (code & 63));
    }
    return out;
}

const char *json_text(const char *value)
{
    static const char marks[] = "bfnrt", means[] = "\b\f\n\r\t";
    if (!value || *(value = blanks(value)) != '"' || !json_end(value)) return NULL;
    const char *end = string_end(value + 1) - 1, *at;
    char *text = need((size_t)(end - value), 1), *out = text;
    for (const char *p = value + 1; p < end; p++) {
        if (*p != '\\') *out++ = *p;
        else if (*++p == 'u' && end - p > 4)
            out = put_utf8(out, strtoul((char[5]){ p[1], p[2], p[3], p[4] }, NULL, 16)), p += 4;
        else *out++ = (at = strchr(marks, *p)) ? means[at - marks] : *p;
    }
    return text;
}
