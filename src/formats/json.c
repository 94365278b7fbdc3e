/* json.c: jansson parses and checks the grammar; what it does not check is looked at before (size, depth, number of
   values) and its tree is then copied into the arena.

   Python writes NaN, Infinity and -Infinity bare, which JSON does not know. A scan of the text finds these words
   outside of strings, notes the how-manieth token each one is, and jansson gets a copy of the text with "0" and blanks
   in their place: of the same length, so that offsets in messages hold, and legal exactly where a value is. While the
   tree is copied tokens are counted in the same way, and the noted ones become what was written. */
#include "formats/json.h"
#include <jansson.h>
#include <math.h>
#include <stdio.h>

#define MOST_BYTES  ((size_t)64 << 20)
#define MOST_DEPTH  256
#define MOST_VALUES ((size_t)2000000)

/* ---- What stands in the text ------------------------------------------------------------------------------------- */
typedef struct special { size_t offset, length, token; double value; } special;
typedef struct scan {
    cn_ctx     *ctx;
    const char *site, *what, *text;
    size_t n, tokens;
    int    depth;
    CN__VEC(special) specials;
} scan;

static const struct { const char *word; double value; } words[] = {
    { "NaN", (double)NAN }, { "Infinity", (double)INFINITY }, { "-Infinity", -(double)INFINITY }
};

static cn_status too_much(const scan *s, size_t at, const char *what)
{
    size_t line = 1, column = 1;
    for (size_t i = 0; i < at; i++)
        if (s->text[i] == '\n') line++, column = 1;
        else column++;
    return cn__fail(s->ctx, s->site, CN_E_LIMIT, "%s: line %zu, column %zu (offset %zu): %s.", s->what, line, column,
                    at, what);
}

static bool between(char c)                              /* tokens; a NUL is no text, jansson says so */
{
    return c == ' ' || c == '\n' || c == ',' || c == ':' || c == ']' || c == '}' || c == '\t' || c == '\r' || !c;
}

/* One after the last byte of the token at i: a string with its quotes, or a word or number. */
static size_t token_end(const scan *s, size_t i)
{
    bool string = s->text[i++] == '"';
    for (; i < s->n; i++) {
        char c = s->text[i];
        if (string && c == '"') return i + 1;
        if (string && c == '\\') i++;
        if (!string && (between(c) || c == '[' || c == '{' || c == '"')) return i;
    }
    return s->n;
}

static cn_status note_special(scan *s, size_t at, size_t end)
{
    for (size_t k = 0; k < CN__COUNT(words); k++)
        if (end - at == strlen(words[k].word) && !memcmp(s->text + at, words[k].word, end - at) &&
            !cn__push(s->ctx, &s->specials, (special){ at, end - at, s->tokens, words[k].value }))
            return cn__nomem(s->ctx);
    return CN_OK;
}

/* Tokens are opening brackets, strings (keys too), words and numbers. Right for sound JSON; of other text only that it
   ends: jansson refuses it. */
static cn_status look_through(scan *s)
{
    size_t keys = 0;
    for (size_t i = 0; i < s->n;) {
        char c = s->text[i];
        if (between(c)) {
            if (c == ':') keys++;
            if (c == ']' || c == '}') s->depth--;
            i++;
            continue;
        }
        if (s->tokens - CN__MIN(keys, s->tokens) >= MOST_VALUES)
            return too_much(s, i, "there are more than 2000000 values");
        bool opens = c == '[' || c == '{';
        if (opens && ++s->depth > MOST_DEPTH) return too_much(s, i, "lists and objects are nested more than 256 deep");
        size_t end = opens ? i + 1 : token_end(s, i);
        if (note_special(s, i, end)) return CN_E_NOMEM;
        s->tokens++;
        i = end;
    }
    return CN_OK;
}

/* ---- From jansson's tree to ours --------------------------------------------------------------------------------- */
typedef struct copying { cn__arena *mem; const special *next; size_t left, token; } copying;

static char *bytes_copy(cn__arena *mem, const char *from, size_t n)
{
    char *to = cn__arena_alloc(mem, n + 1);              /* zeroed: ends in NUL */
    return to ? memcpy(to, from, n) : NULL;
}

static void append(cn__json *container, cn__json *child)
{
    if (container->last) container->last->next = child;
    else container->first = child;
    container->last = child;
    container->n++;
}

static cn__json *copy_value(copying *, json_t *);
static bool copy_children(copying *c, json_t *from, cn__json *to)
{
    size_t i;
    const char *key;
    json_t *value;
    json_array_foreach (from, i, value) {
        cn__json *child = copy_value(c, value);
        if (!child) return false;
        append(to, child);
    }
    json_object_foreach (from, key, value) {             /* in the order of the text */
        c->token++;
        cn__json *child = copy_value(c, value);
        if (!child || !(child->key = cn__arena_text(c->mem, key))) return false;
        append(to, child);
    }
    return true;
}

static cn__json *copy_value(copying *c, json_t *from)    /* at most MOST_DEPTH deep */
{
    cn__json *to = cn__arena_alloc(c->mem, sizeof *to);
    size_t token = c->token++;
    if (!to) return NULL;
    if (c->left && c->next->token == token) {
        to->type = CN__JSON_REAL, to->d = c->next->value;
        c->next++, c->left--;
        return to;
    }
    switch (json_typeof(from)) {
    case JSON_OBJECT: to->type = CN__JSON_OBJECT; return copy_children(c, from, to) ? to : NULL;
    case JSON_ARRAY:  to->type = CN__JSON_ARRAY; return copy_children(c, from, to) ? to : NULL;
    case JSON_STRING:
        to->type = CN__JSON_STRING, to->n = json_string_length(from);
        return (to->text = bytes_copy(c->mem, json_string_value(from), to->n)) ? to : NULL;
    case JSON_INTEGER:
        to->type = CN__JSON_INT, to->i = (int64_t)json_integer_value(from), to->d = (double)to->i;
        return to;
    case JSON_REAL:   to->type = CN__JSON_REAL, to->d = json_real_value(from); return to;
    case JSON_TRUE:   to->type = CN__JSON_TRUE; return to;
    case JSON_FALSE:  to->type = CN__JSON_FALSE; return to;
    case JSON_NULL:   to->type = CN__JSON_NULL; return to;
    }
    return NULL;
}

/* ---- Parsing ----------------------------------------------------------------------------------------------------- */
static cn_status refuse(const scan *s, const json_error_t *e)
{
    const char *why = "this is not JSON (RFC 8259)";
    switch (json_error_code(e)) {
    case json_error_out_of_memory:          return cn__nomem(s->ctx);
    case json_error_premature_end_of_input: why = "the text ends too early"; break;
    case json_error_end_of_input_expected:  why = "something follows behind the end of the value"; break;
    case json_error_invalid_utf8:           why = "these bytes are not UTF-8"; break;
    case json_error_null_character:
    case json_error_null_byte_in_key:       why = "a string holds a character NUL"; break;
    case json_error_duplicate_key:          why = "a key stands here for the second time in its object"; break;
    case json_error_numeric_overflow:
        why = "this number is too large: integers have 64 bits, others are at most 1.797e308";
        break;
    default: break;
    }
    return cn__fail(s->ctx, s->site, CN_E_FORMAT, "%s: line %d, column %d (offset %d): %s.", s->what, e->line,
                    e->column, e->position, why);
}

/* The text with zeros for the special words; text itself where there are none. NULL: no memory. */
static const char *plain_text(const scan *s)
{
    char *copy = s->specials.n ? cn__alloc(s->ctx, s->n) : NULL;
    if (!s->specials.n) return s->text;
    if (copy) memcpy(copy, s->text, s->n);
    for (size_t k = 0; copy && k < s->specials.n; k++) {
        special p = s->specials.at[k];
        memset(copy + p.offset, ' ', p.length);
        copy[p.offset] = '0';
    }
    return copy;
}

static cn__json *parse(cn__arena *mem, scan *s)
{
    json_error_t error;
    if (look_through(s)) return NULL;
    const char *text = plain_text(s);
    if (!text) return cn__nomem(s->ctx), NULL;
    json_t *tree = json_loadb(text, s->n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (text != s->text) cn__free(s->ctx, (void *)(uintptr_t)text, s->n);
    if (!tree) return refuse(s, &error), NULL;
    copying c = { .mem = mem, .next = s->specials.at, .left = s->specials.n };
    cn__json *made = copy_value(&c, tree);
    json_decref(tree);
    if (!made) cn__nomem(s->ctx);
    return made;
}

cn__json *cn__json_parse(cn__arena *mem, const char *site, const char *what, const char *text, size_t n)
{
    scan s = { .ctx = mem->ctx, .site = site, .what = what, .text = text, .n = n };
    if (n > MOST_BYTES) return too_much(&s, 0, "the text is longer than 64 MiB"), NULL;
    cn__json *made = parse(mem, &s);
    cn__vec_free(s.ctx, &s.specials);
    return made;
}

/* ---- Looking ----------------------------------------------------------------------------------------------------- */
const cn__json *cn__json_get(const cn__json *object, const char *key)
{
    if (!cn__json_is(object, CN__JSON_OBJECT)) return NULL;
    for (const cn__json *c = object->first; c; c = c->next)
        if (!strcmp(c->key, key)) return c;
    return NULL;
}

const cn__json *cn__json_at(const cn__json *array, size_t i)
{
    if (!cn__json_is(array, CN__JSON_ARRAY)) return NULL;
    const cn__json *c = array->first;
    while (c && i--) c = c->next;
    return c;
}

const char *cn__json_text(const cn__json *j)
{
    return cn__json_is(j, CN__JSON_STRING) ? j->text : NULL;
}

bool cn__json_is(const cn__json *j, cn__json_type type)
{
    return j && j->type == type;
}

/* ---- Building ---------------------------------------------------------------------------------------------------- */
cn__json *cn__json_new(cn__arena *mem, cn__json_type type)
{
    cn__json *j = cn__arena_alloc(mem, sizeof *j);
    if (j) j->type = type;
    return j;
}

cn__json *cn__json_string(cn__arena *mem, const char *text)
{
    cn__json *j = cn__json_new(mem, text ? CN__JSON_STRING : CN__JSON_NULL);
    if (!j || !text) return j;
    j->n = strlen(text);
    return (j->text = bytes_copy(mem, text, j->n)) ? j : NULL;
}

cn__json *cn__json_int(cn__arena *mem, int64_t i)
{
    cn__json *j = cn__json_new(mem, CN__JSON_INT);
    if (j) j->i = i, j->d = (double)i;
    return j;
}

cn__json *cn__json_real(cn__arena *mem, double d)
{
    cn__json *j = cn__json_new(mem, CN__JSON_REAL);
    if (j) j->d = d;
    return j;
}

cn__json *cn__json_bool(cn__arena *mem, bool is)
{
    return cn__json_new(mem, is ? CN__JSON_TRUE : CN__JSON_FALSE);
}

cn__json *cn__json_copy(cn__arena *mem, const cn__json *from)
{
    cn__json *to = from ? cn__json_new(mem, from->type) : NULL;
    if (!to) return NULL;
    to->i = from->i, to->d = from->d;
    if (from->type == CN__JSON_STRING) {
        to->n = from->n;
        return (to->text = bytes_copy(mem, from->text, from->n)) ? to : NULL;
    }
    for (const cn__json *c = from->first; c && to; c = c->next) {
        cn__json *child = cn__json_copy(mem, c);
        to = c->key ? cn__json_set(mem, to, c->key, child) : cn__json_push(to, child);
    }
    return to;
}

cn__json *cn__json_set(cn__arena *mem, cn__json *object, const char *key, cn__json *child)
{
    if (!object || !child || !(child->key = cn__arena_text(mem, key))) return NULL;
    append(object, child);
    return object;
}

cn__json *cn__json_push(cn__json *array, cn__json *child)
{
    if (!array || !child) return NULL;
    append(array, child);
    return array;
}

/* ---- Printing, as Python's json.dumps ---------------------------------------------------------------------------- */

/* The shortest digits that read back as v, and the power of ten of the first one. */
static int shortest(double v, char digits[24])
{
    char text[40], plain[48];
    int power = 0;
    for (int count = 1; count <= 17; count++) {
        double back;
        int n = 0;
        snprintf(text, sizeof text, "%.*e", count - 1, v);           /* the locale's point is passed over */
        char *e = strchr(text, 'e');
        for (char *p = text; p < e; p++)
            if (*p >= '0' && *p <= '9') digits[n++] = *p;
        digits[n] = 0;
        power = e[1] == '-' ? -1 : 1, e += 2;
        int size = 0;
        for (; *e; e++) size = size * 10 + (*e - '0');
        power *= size;
        snprintf(plain, sizeof plain, "%c.%s0e%d", digits[0], digits + 1, power);
        if (cn__parse_double(plain, &back) && back == v) break;
    }
    return power;
}

/* Python's repr of a float: a point or an exponent always, an exponent below 1e-4 and from 1e16 on. */
static void print_real(cn__text *t, double d)
{
    char digits[24];
    if (!isfinite(d)) {
        cn__text_add(t, isnan(d) ? "NaN" : d > 0 ? "Infinity" : "-Infinity");
        return;
    }
    if (signbit(d)) cn__text_add(t, "-");
    int power = shortest(fabs(d), digits), n = (int)strlen(digits);
    if (power < -4 || power >= 16)
        cn__text_add(t, "%c%s%se%c%02d", digits[0], n > 1 ? "." : "", digits + 1, power < 0 ? '-' : '+',
                     power < 0 ? -power : power);
    else if (power < 0) cn__text_add(t, "0.%.*s%s", -power - 1, "000", digits);
    else if (n <= power + 1) cn__text_add(t, "%s%.*s.0", digits, power + 1 - n, "000000000000000");
    else cn__text_add(t, "%.*s.%s", power + 1, digits, digits + power + 1);
}

/* The character at *p of UTF-8 that ends in NUL; *p goes behind it. What is not UTF-8 becomes U+FFFD, byte by byte. */
static uint32_t character(const unsigned char **p)
{
    static const unsigned char mask[5] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
    const unsigned char *at = *p;
    size_t n = *at < 0x80 ? 1 : *at < 0xe0 ? 2 : *at < 0xf0 ? 3 : 4;
    if (strnlen((const char *)at, n) < n || cn__utf8_valid((const char *)at, n) != n) return ++*p, 0xfffd;
    uint32_t c = *at & mask[n];
    for (size_t i = 1; i < n; i++) c = c << 6 | (at[i] & 0x3f);
    *p += n;
    return c;
}

typedef struct printing { cn__text *t; int indent; size_t most; } printing;  /* most: bytes; what follows is left out */

static bool full(const printing *p) { return p->t->n >= p->most; }

static size_t plain(const unsigned char *text)           /* how many characters stand for themselves */
{
    size_t n = 0;
    while (text[n] >= ' ' && text[n] <= '~' && text[n] != '"' && text[n] != '\\') n++;
    return n;
}

static void print_string(const printing *to, const char *text)
{
    static const char escaped[] = "\"\\\n\r\t\f\b", letters[] = "\"\\nrtfb";
    cn__text *t = to->t;
    cn__text_add(t, "\"");
    for (const unsigned char *p = (const unsigned char *)text; *p && !full(to);) {
        size_t   as_it_is = CN__MIN(plain(p), to->most - t->n);
        cn__text_bytes(t, (const char *)p, as_it_is);
        if (!*(p += as_it_is) || full(to)) break;
        uint32_t c = character(&p);
        const char *e = c < 0x80 ? strchr(escaped, (int)c) : NULL;
        if (e) cn__text_add(t, "\\%c", letters[e - escaped]);
        else if (c < 0x10000) cn__text_add(t, "\\u%04x", c);
        else cn__text_add(t, "\\u%04x\\u%04x", 0xd7c0 + (c >> 10), 0xdc00 + (c & 0x3ff));
    }
    cn__text_add(t, "\"");
}

static void print(const printing *, const cn__json *, int depth);
static void print_children(const printing *to, const cn__json *j, int depth)
{
    bool object = j->type == CN__JSON_OBJECT;
    cn__text *t = to->t;
    cn__text_add(t, object ? "{" : "[");
    for (const cn__json *c = j->first; c && !full(to); c = c->next) {
        if (c != j->first) cn__text_add(t, to->indent ? "," : ", ");
        if (to->indent) cn__text_add(t, "\n%*s", to->indent * (depth + 1), "");
        if (object) print_string(to, c->key), cn__text_add(t, ": ");
        print(to, c, depth + 1);
    }
    if (to->indent && j->first) cn__text_add(t, "\n%*s", to->indent * depth, "");
    cn__text_add(t, object ? "}" : "]");
}

static void print(const printing *to, const cn__json *j, int depth)
{
    cn__text *t = to->t;
    switch (j->type) {
    case CN__JSON_NULL:   cn__text_add(t, "null"); break;
    case CN__JSON_FALSE:  cn__text_add(t, "false"); break;
    case CN__JSON_TRUE:   cn__text_add(t, "true"); break;
    case CN__JSON_INT:    cn__text_add(t, "%lld", (long long)j->i); break;
    case CN__JSON_REAL:   print_real(t, j->d); break;
    case CN__JSON_STRING: print_string(to, j->text); break;
    case CN__JSON_ARRAY:
    case CN__JSON_OBJECT: print_children(to, j, depth); break;
    }
}

void cn__json_print(cn__text *t, const cn__json *j, int indent)
{
    if (j) print(&(printing){ t, indent, SIZE_MAX }, j, 0);
    else t->nomem = true;
}

void cn__json_print_begin(cn__text *t, const cn__json *j, size_t most)
{
    print(&(printing){ t, 0, most }, j, 0);
}
