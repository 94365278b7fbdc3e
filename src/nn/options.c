/* options.c: what was given becomes what holds: presets where nothing was said, CN_ZERO as 0, strings and nested
   choices copied (the caller's literals end with his block), ranges checked. All of it is read from the tables; no
   class has code of its own here. */
#include "nn/options.h"
#include <float.h>
#include <math.h>
#include <stdio.h>

#define RESOLVED 0x1c /* the mark of args that have been through here: 0 is 0 in them */

#define ABOVE0 DBL_TRUE_MIN
#define BELOW1 (1 - DBL_EPSILON / 2)
#define ANY    HUGE_VAL
typedef struct range { cn__family family; const char *class, *option; double low, high; const char *words; } range;
static const range ranges[] = {
#define CN_RANGE(family, class, option, low, high) { CN__FAM_##family, class, option, low, high, NULL },
#define CN_ONE_OF(family, class, option, words)    { CN__FAM_##family, class, option, 0, 0, words },
#include "nn/ranges.def"
#undef CN_RANGE
#undef CN_ONE_OF
};

const cn__option *cn__option_find(const cn__class *class, const char *name)
{
    for (int i = 0; class && i < class->options; i++)
        if (!strcmp(class->option[i].name, name)) return &class->option[i];
    return NULL;
}

const char *cn__who(const cn__class *class, const void *args, char *buffer, size_t size)
{
    const cn__option *name = cn__option_find(class, "name");
    cn_text own = NULL;
    if (args && name) memcpy(&own, (const char *)args + name->offset, sizeof own);
    if (own) snprintf(buffer, size, "%s \"%s\"", class->snake, own);
    else snprintf(buffer, size, "%s", class->snake);
    return buffer;
}

/* ---- Lists of sizes and axes ------------------------------------------------------------------------------------- */
int cn__dims_count(const int64_t *dims)
{
    int n = 0;
    while (n < CN_MAX_RANK && dims[n]) n++;
    return n;
}

int64_t cn__dims_at(const int64_t *dims, int i)
{
    return dims[i] == CN_AXIS0 ? 0 : dims[i];
}

bool cn__axes_mask(const int64_t *dims, int rank, uint32_t *mask)
{
    *mask = 0;
    for (int i = 0, n = cn__dims_count(dims); i < n; i++) {
        int64_t axis = cn__dims_at(dims, i);
        if (axis < -rank || axis >= rank) return false;
        *mask |= 1u << (axis < 0 ? axis + rank : axis);
    }
    return true;
}

/* ---- Checks ------------------------------------------------------------------------------------------------------ */
static const range *range_of(const cn__class *class, const char *option)
{
    for (size_t i = 0; i < CN__COUNT(ranges); i++)
        if (ranges[i].family == class->family && !strcmp(ranges[i].option, option) &&
            (!ranges[i].class || !strcmp(ranges[i].class, class->name))) return &ranges[i];
    return NULL;
}

static const char *range_text(const range *r, char *buffer, size_t size)
{
    char low[40], high[40];
    if (r->low == ABOVE0) snprintf(low, sizeof low, "more than 0");
    else snprintf(low, sizeof low, "at least %g", r->low);
    if (r->high == ANY) *high = 0;
    else if (r->high == BELOW1) snprintf(high, sizeof high, " and less than 1");
    else snprintf(high, sizeof high, " and at most %.10g", r->high);
    snprintf(buffer, size, "%s%s", low, high);
    return buffer;
}

static bool number_fits(cn_ctx *ctx, const char *site, const cn__class *class, const void *args, const cn__option *o,
                        double value)
{
    char who[160], text[96];
    const range *r = range_of(class, o->name);
    if (!isfinite(value)) {
        cn__fail(ctx, site, CN_E_VALUE, "%s: %s is %g, which is not a finite number.",
                 cn__who(class, args, who, sizeof who), o->name, value);
        return false;
    }
    if (!r || r->words || (value >= r->low && value <= r->high)) return true;
    cn__fail(ctx, site, CN_E_VALUE, "%s: %s is %.10g, it must be %s (%s).", cn__who(class, args, who, sizeof who),
             o->name, value, range_text(r, text, sizeof text), o->help);
    return false;
}

static bool text_fits(cn_ctx *ctx, const char *site, const cn__class *class, const void *args, const cn__option *o,
                      cn_text text)
{
    char who[160];
    const range *r = range_of(class, o->name);
    if (!text || !r || !r->words) return true;
    size_t n = strlen(text);
    for (const char *w = r->words; *w;) {
        size_t k = strcspn(w, " ");
        if (k == n && !memcmp(w, text, n)) return true;
        w += k + (w[k] == ' ');
    }
    cn__fail(ctx, site, CN_E_VALUE, "%s: %s is \"%s\", it must be one of: %s.", cn__who(class, args, who, sizeof who),
             o->name, text, r->words);
    return false;
}

static bool enum_fits(cn_ctx *ctx, const char *site, const cn__class *class, const void *args, const cn__option *o,
                      int value, int count, const char *what)
{
    char who[160];
    if (value >= 0 && value < count) return true;
    cn__fail(ctx, site, CN_E_VALUE, "%s: %s is %d, which is not %s.", cn__who(class, args, who, sizeof who), o->name,
             value, what);
    return false;
}

static bool option_fits(cn_ctx *ctx, const char *site, const cn__class *class, const void *args, const cn__option *o)
{
    const char *at = (const char *)args + o->offset;
    switch (o->type) {
    case CN__O_double:   { double v;  memcpy(&v, at, sizeof v); return number_fits(ctx, site, class, args, o, v); }
    case CN__O_int64_t: {
        int64_t v;
        memcpy(&v, at, sizeof v);
        return number_fits(ctx, site, class, args, o, (double)v);
    }
    case CN__O_cn_text:  { cn_text v; memcpy(&v, at, sizeof v); return text_fits(ctx, site, class, args, o, v); }
    case CN__O_cn_flag: {
        cn_flag v;
        memcpy(&v, at, sizeof v);
        return enum_fits(ctx, site, class, args, o, (int)v, 3, "CN_YES or CN_NO");
    }
    case CN__O_cn_word: {
        cn_word v;
        memcpy(&v, at, sizeof v);
        return enum_fits(ctx, site, class, args, o, (int)v, CN_WORD_COUNT, "a word of the library's");
    }
    case CN__O_cn_dtype: {
        cn_dtype v;
        memcpy(&v, at, sizeof v);
        return enum_fits(ctx, site, class, args, o, (int)v, CN_STRING + 1, "an element type");
    }
    default: return true;
    }
}

bool cn__args_check(cn_ctx *ctx, const char *site, const cn__class *class, void *args)
{
    for (int i = 0; i < class->options; i++)
        if (!option_fits(ctx, site, class, args, &class->option[i])) return false;
    return !class->finish || class->finish(ctx, site, args) == CN_OK;
}

/* ---- Filling in -------------------------------------------------------------------------------------------------- */
static bool all_zero(const char *at, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (at[i]) return false;
    return true;
}

static const cn_values *copy_values(cn__arena *mem, const cn_values *from)
{
    cn_values *to = cn__arena_alloc(mem, sizeof *to);
    size_t item = from->dtype == CN_STRING ? sizeof(cn_text) : cn__dtype_size(from->dtype);
    void *data = cn__arena_alloc(mem, from->count * item + 1);
    if (!to || !data) return NULL;
    *to = (cn_values){ from->dtype, from->count, data };
    if (from->count) memcpy(data, from->data, from->count * item);
    if (from->dtype == CN_STRING)
        for (size_t i = 0; i < from->count; i++) {
            cn_text text = cn__arena_text(mem, ((const cn_text *)from->data)[i]);
            if (!text) return NULL;
            ((cn_text *)data)[i] = text;
        }
    return to;
}

/* A choice that can be kept: the name of its class, or its options resolved. */
static bool copy_choice(cn_ctx *ctx, cn__arena *mem, const char *site, cn__family family, const char **choice)
{
    cn__spec spec;
    if (!cn__spec_make(ctx, mem, site, family, *choice, &spec)) return false;
    *choice = !spec.cls ? NULL : spec.args ? (const char *)spec.args : spec.cls->name;
    return true;
}

static bool settle(cn_ctx *ctx, cn__arena *mem, const char *site, const cn__option *o, char *at)
{
    switch (o->type) {
    case CN__O_double: {
        double v;
        memcpy(&v, at, sizeof v);
        if (v == CN_ZERO) memset(at, 0, sizeof v);
        return true;
    }
    case CN__O_int64_t: {
        int64_t v;
        memcpy(&v, at, sizeof v);
        if (v == CN_AXIS0) memset(at, 0, sizeof v);
        return true;
    }
    case CN__O_cn_size2: {
        int64_t v[2];
        memcpy(v, at, sizeof v);
        if (!v[1]) v[1] = v[0];
        for (int i = 0; i < 2; i++) v[i] = cn__dims_at(v, i);
        memcpy(at, v, sizeof v);
        return true;
    }
    case CN__O_cn_text: {
        cn_text v;
        memcpy(&v, at, sizeof v);
        if (v && !(v = cn__arena_text(mem, v))) return cn__nomem(ctx), false;
        memcpy(at, &v, sizeof v);
        return true;
    }
    case CN__O_values: {
        const cn_values *v;
        memcpy(&v, at, sizeof v);
        if (v && !(v = copy_values(mem, v))) return cn__nomem(ctx), false;
        memcpy(at, &v, sizeof v);
        return true;
    }
    case CN__O_choice: {
        const char *v;
        memcpy(&v, at, sizeof v);
        if (!copy_choice(ctx, mem, site, (cn__family)o->family, &v)) return false;
        memcpy(at, &v, sizeof v);
        return true;
    }
    default: return true;
    }
}

void *cn__args_fill(cn_ctx *ctx, cn__arena *mem, const char *site, const cn__class *class, const void *given)
{
    char *args = cn__arena_alloc(mem, class->size), *presets = cn__arena_alloc(mem, class->size), who[160];
    if (!args || !presets) return cn__nomem(ctx), NULL;
    class->presets(presets);
    cn_head head = { 0 };
    if (given) {
        memcpy(&head, given, sizeof head);
        if (head.mark == RESOLVED) return memcpy(args, given, class->size);
        if (head.size < sizeof head) {
            cn__fail(
                ctx, site, CN_E_VALUE,
                "%s: the options' head.size is %u; make them by the macro, by CN_ARGS or with .head = CN_HEAD(type).",
                cn__who(class, NULL, who, sizeof who), head.size);
            return NULL;
        }
        memcpy(args, given, CN__MIN(head.size, class->size));
    }
    head.mark = RESOLVED, head.kind = class->name, head.size = (uint32_t)class->size;
    memcpy(args, &head, sizeof head);
    for (int i = 0; i < class->options; i++) {
        const cn__option *o = &class->option[i];
        if ((!o->required || !given) && all_zero(args + o->offset, o->size))
            memcpy(args + o->offset, presets + o->offset, o->size);
        if (!settle(ctx, mem, site, o, args + o->offset)) return NULL;
    }
    return args;
}

void *cn__args_resolve(cn_ctx *ctx, cn__arena *mem, const char *site, const cn__class *class, const void *given)
{
    void *args = cn__args_fill(ctx, mem, site, class, given);
    return args && cn__args_check(ctx, site, class, args) ? args : NULL;
}

/* ---- Choices ----------------------------------------------------------------------------------------------------- */
const char *cn__choose(cn_head *head, const char *class_name)
{
    if (!head) return NULL;
    head->mark = CN__MARK, head->kind = class_name;
    return (const char *)head;
}

bool cn__spec_make(cn_ctx *ctx, cn__arena *mem, const char *site, cn__family family, const char *choice, cn__spec *out)
{
    *out = (cn__spec){ 0 };
    if (!choice) return true;
    bool options = *choice == CN__MARK || *choice == RESOLVED;
    cn_head head = { 0 };
    if (options) memcpy(&head, choice, sizeof head);
    const char *name = options ? head.kind : choice;
    const cn__class *class = cn__class_find(ctx, family, name);
    if (!class) return cn__class_unknown(ctx, site, family, name), false;
    out->cls = class;
    if (*choice == RESOLVED) out->args = (void *)(uintptr_t)choice;
    else if (class->size && !(out->args = cn__args_resolve(ctx, mem, options && head.site ? head.site : site, class,
                                                           options ? choice : NULL)))
        return *out = (cn__spec){ 0 }, false;
    return true;
}
