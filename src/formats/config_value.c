/* config_value.c: a config of Keras's becomes the options of a class, whichever version of Keras wrote it. Types are
   checked here, ranges where the options are used. Nothing in a file is ever run. */
#include "formats/forms.h"
#include "base/dtype.h"
#include "nn/options.h"
#include <math.h>

/* ---- Messages ---------------------------------------------------------------------------------------------------- */
#define SHOWN 80
const char *cn__config_shown(const cn__reading *r, const cn__json *j)
{
    cn__text t = { .ctx = r->ctx };
    if (j) cn__json_print_begin(&t, j, SHOWN + 1);
    const char *text = cn__arena_printf(r->mem, "%.*s%s", SHOWN, cn__text_get(&t), t.n > SHOWN ? " ..." : "");
    cn__text_free(&t);
    return text ? text : "?";
}

bool cn__config_wrong(const cn__reading *r, const char *where, const char *key, const cn__json *j, const char *wanted)
{
    cn__fail(r->ctx, r->site, CN_E_FORMAT, "%s: %s: \"%s\" is %s; it must be %s.", r->what, where, key,
             j ? cn__config_shown(r, j) : "not there", wanted);
    return false;
}

static bool refuse_value(const cn__reading *r, const char *where, const char *key, const cn__json *j, const char *why)
{
    cn__fail(r->ctx, r->site, CN_E_UNSUPPORTED, "%s: %s: \"%s\" is %s: %s.", r->what, where, key,
             cn__config_shown(r, j), why);
    return false;
}

/* ---- Numbers, words, lists --------------------------------------------------------------------------------------- */

/* Python's tuples and arrays where they were written as objects: {"class_name": "__tuple__", "items": [...]},
   {"class_name": "__numpy__", "config": {"value": ..., "dtype": ...}}. */
static const cn__json *plain(const cn__json *j)
{
    const char *class = cn__json_text(cn__json_get(j, "class_name"));
    if (!class) return j;
    if (!strcmp(class, "__tuple__")) return cn__json_get(j, "items");
    if (!strcmp(class, "__numpy__") || !strcmp(class, "__tensor__"))
        return cn__json_get(cn__json_get(j, "config"), "value");
    return j;
}

static bool is_number(const cn__json *j) { return cn__json_is(j, CN__JSON_INT) || cn__json_is(j, CN__JSON_REAL); }

/* A list of one number counts as that number. */
static const cn__json *single(const cn__json *j)
{
    j = plain(j);
    return cn__json_is(j, CN__JSON_ARRAY) && j->n == 1 ? j->first : j;
}

static bool number(const cn__json *j, double *value)
{
    j = single(j);
    if (is_number(j)) *value = j->d;
    return is_number(j);
}

static bool whole(const cn__json *j, int64_t *value)
{
    if (cn__json_is(j, CN__JSON_REAL) && floor(j->d) == j->d && fabs(j->d) < 9007199254740992.0) {
        *value = (int64_t)j->d;
        return true;
    }
    *value = cn__json_is(j, CN__JSON_INT) ? j->i : 0;
    return cn__json_is(j, CN__JSON_INT) && j->i != INT64_MIN && j->i != INT64_MAX;   /* those two mean other things */
}

static bool flag(const cn__json *j, cn_flag *value)
{
    bool yes = cn__json_is(j, CN__JSON_TRUE) || (cn__json_is(j, CN__JSON_INT) && j->i == 1);
    bool no = cn__json_is(j, CN__JSON_FALSE) || (cn__json_is(j, CN__JSON_INT) && j->i == 0);
    *value = yes ? CN_YES : CN_NO;
    return yes || no;
}

static bool word(const cn__json *j, cn_word *value)
{
    const char *text = cn__json_text(j);
    if (!text) return false;
#define WORD(name, spelt) if (!strcmp(text, spelt)) return *value = CN_##name, true;
    CN_WORD_MAP(WORD)
#undef WORD
    return false;
}

/* Sizes and axes: at most `room` of them; their number, or -1. A size that is not known is null. */
static int sizes(const cn__json *j, int64_t *list, int room)
{
    j = plain(j);
    if (!cn__json_is(j, CN__JSON_ARRAY)) {
        if (!whole(j, &list[0])) return -1;
        if (!list[0]) list[0] = CN_AXIS0;
        return 1;
    }
    int n = 0;
    for (const cn__json *c = j->first; c; c = c->next, n++) {
        if (n == room) return -1;
        if (c->type == CN__JSON_NULL) list[n] = CN_ANY;
        else if (!whole(c, &list[n])) return -1;
        if (!list[n]) list[n] = CN_AXIS0;
    }
    return n;
}

/* The numbers or texts of lists within lists, row by row. */
typedef struct leaves { cn__arena *mem; bool texts, whole, other; size_t n; void *out; } leaves;

static void look_at_leaves(leaves *l, const cn__json *j)
{
    if (!cn__json_is(j, CN__JSON_ARRAY)) {
        bool text = cn__json_text(j) != NULL;
        if (!l->n++) l->texts = text;
        l->other |= text != l->texts || (!text && !is_number(j));
        l->whole &= cn__json_is(j, CN__JSON_INT);
        return;
    }
    for (const cn__json *c = j->first; c; c = c->next) look_at_leaves(l, c);
}

static bool take_leaves(leaves *l, const cn__json *j)    /* false: no memory */
{
    bool taken = true;
    if (cn__json_is(j, CN__JSON_ARRAY)) {
        for (const cn__json *c = j->first; c && taken; c = c->next) taken = take_leaves(l, c);
        return taken;
    }
    if (l->texts) taken = (((cn_text *)l->out)[l->n] = cn__arena_text(l->mem, j->text)) != NULL;
    else if (l->whole) ((int64_t *)l->out)[l->n] = j->i;
    else ((double *)l->out)[l->n] = j->d;
    l->n++;
    return taken;
}

/* ---- One option -------------------------------------------------------------------------------------------------- */
static bool read_values(const cn__reading *r, const char *where, const char *key, const cn__json *j,
                        const cn_values **value)
{
    leaves l = { .mem = r->mem, .whole = true };
    j = plain(j);
    look_at_leaves(&l, j);
    if (cn__json_text(j)) return refuse_value(r, where, key, j, "what another file holds is not read");
    if (l.other) return cn__config_wrong(r, where, key, j, "a number, or a list of numbers or of texts");
    cn_values *v = cn__arena_alloc(r->mem, sizeof *v);
    l.out = cn__arena_alloc(r->mem, l.n * sizeof(double) + 1);
    if (!v || !l.out) return cn__nomem(r->ctx), false;
    *v = (cn_values){ l.texts ? CN_STRING : l.whole ? CN_INT64 : CN_FLOAT64, l.n, l.out };
    l.n = 0;
    if (!take_leaves(&l, j)) return cn__nomem(r->ctx), false;
    *value = v;
    return true;
}

/* "float32", or Keras's policy: {"class_name": "DTypePolicy", "config": {"name": "float32"}}. */
static bool read_dtype(const cn__reading *r, const char *where, const char *key, const cn__json *j, cn_dtype *value)
{
    const cn__json *name = cn__json_is(j, CN__JSON_OBJECT) ? cn__json_get(cn__json_get(j, "config"), "name") : j;
    const char *text = cn__json_text(name);
    if (!text) return cn__config_wrong(r, where, key, j, "the name of an element type, or a DTypePolicy");
    *value = cn__dtype_named(text);
    if (*value) return true;
    if (strstr(text, "_from_") || !strncmp(text, "mixed_", 6))
        return refuse_value(r, where, key, name, "mixed and quantized computation are not there");
    cn__fail(r->ctx, r->site, CN_E_DTYPE, "%s: %s: \"%s\" is \"%.80s\", which is no element type.", r->what, where, key,
             text);
    return false;
}

static bool read_text(const cn__reading *r, const char *where, const char *key, const cn__json *j, cn_text *value)
{
    *value = cn__json_text(j);
    if (!*value) return cn__config_wrong(r, where, key, j, "a text");
    if (!(*value = cn__arena_text(r->mem, *value))) return cn__nomem(r->ctx), false;
    return true;
}

static bool read_dims(const cn__reading *r, const char *where, const cn__option *o, cn__form form, const cn__json *j,
                      char *at)
{
    cn_dims dims = { 0 };
    int n = sizes(j, dims, CN_MAX_RANK);
    if (n < 0) return cn__config_wrong(r, where, o->name, j, "a whole number or a list of at most 8");
    if (!n && form == CN__FORM_ALL_AXES) dims[0] = CN_NO_AXIS;
    memcpy(at, dims, sizeof dims);
    return true;
}

static bool read_pair(const cn__reading *r, const char *where, const cn__option *o, const cn__json *j, char *at)
{
    cn_size2 pair = { 0 };
    int n = sizes(j, pair, 2);
    if (n < 1) return cn__config_wrong(r, where, o->name, j, "a whole number or a list of two");
    if (n == 1) pair[1] = pair[0];
    memcpy(at, pair, sizeof pair);
    return true;
}

static bool read_choice(const cn__reading *r, const char *where, const cn__option *o, const cn__json *j,
                        const char **value)
{
    const char *inner = cn__arena_printf(r->mem, "%s: %s", where, o->name);
    if (!inner) return cn__nomem(r->ctx), false;
    return cn__config_read_choice(r, (cn__family)o->family, inner, j, value);
}

/* What was read goes into args; 0 as the word that stands for it there. */
#define READ(T, ok)  { T v = 0; if (!(ok)) return false; memcpy(at, &v, sizeof v); return true; }
#define READ_NUMBER(T, ok, zero, wanted)                                                            \
    {                                                                                               \
        T v = 0;                                                                                    \
        if (!(ok)) return cn__config_wrong(r, where, o->name, j, wanted);                           \
        if (v == 0) v = zero;                                                                       \
        memcpy(at, &v, sizeof v);                                                                   \
        return true;                                                                                \
    }
static bool read_option(const cn__reading *r, const char *where, const cn__option *o, cn__form form, const cn__json *j,
                        char *at)
{
    switch (o->type) {
    case CN__O_double:   READ_NUMBER(double, number(j, &v), CN_ZERO, "a number")
    case CN__O_int64_t:  READ_NUMBER(int64_t, whole(single(j), &v), CN_AXIS0, "a whole number")
    case CN__O_cn_flag:  READ_NUMBER(cn_flag, flag(j, &v), CN_NO, "true or false")
    case CN__O_cn_word:  READ_NUMBER(cn_word, word(j, &v), CN_WORD_DEFAULT, "one of Keras's words")
    case CN__O_cn_text:  READ(cn_text, read_text(r, where, o->name, j, &v))
    case CN__O_cn_dtype: READ(cn_dtype, read_dtype(r, where, o->name, j, &v))
    case CN__O_values:   READ(const cn_values *, read_values(r, where, o->name, j, &v))
    case CN__O_choice:   READ(const char *, read_choice(r, where, o, j, &v))
    case CN__O_cn_dims:  return read_dims(r, where, o, form, j, at);
    case CN__O_cn_size2: return read_pair(r, where, o, j, at);
    default:             return refuse_value(r, where, o->name, j, "a file cannot set this option");
    }
}

/* null is the preset, but for a text whose word it is and a list of all axes. */
static bool read_null(cn__form form, char *at)
{
    static const cn_text none = "none";
    static const int64_t all = CN_NO_AXIS;
    if (form == CN__FORM_WORD_NONE) memcpy(at, &none, sizeof none);
    if (form == CN__FORM_ALL_AXES) memcpy(at, &all, sizeof all);
    return true;
}

/* ---- Keys that no table has -------------------------------------------------------------------------------------- */
static bool read_fixed(const cn__reading *r, const char *where, const cn__fixed *f, const cn__json *j)
{
    const char *text = cn__json_text(j);
    if (text) text = cn__legacy_word(r->keras, f->family, f->key, text);
    bool equal = cn__json_is(j, f->type) && (!f->text || !strcmp(f->text, text));
    if (!f->must || equal || j->type == CN__JSON_NULL) return true;
    const char *only = f->text ? f->text : f->type == CN__JSON_NULL ? "null" : "false";
    const char *why = cn__arena_printf(r->mem, "only %s is computed here", only);
    return refuse_value(r, where, f->key, j, why ? why : only);
}

static bool read_other(const cn__reading *r, const cn__class *class, const char *where, const cn__json *j)
{
    const cn__only *only = cn__only_of((cn__family)class->family, j->key);
    const cn__fixed *f;
    for (int i = 0; (f = cn__fixed_of(class, i)); i++)
        if (!strcmp(f->key, cn__legacy_key(r->keras, class, j->key))) return read_fixed(r, where, f, j);
    if (only) return cn__json_is(j, only->type) || refuse_value(r, where, j->key, j, only->why);
    if (cn__legacy_passed(r->keras, class, j->key) || j->type == CN__JSON_NULL || r->quiet) return true;
    cn__log(r->ctx, CN_LOG_WARNING, "%s: %s: \"%s\" is not known and was passed over; it is %s.", r->what, where,
            j->key, cn__config_shown(r, j));
    return true;
}

/* ---- A config ---------------------------------------------------------------------------------------------------- */

/* Before Keras 3 the learning rate could fall by itself: rate / (1 + decay step), which is a schedule of today. */
static cn__json *decay_schedule(cn__arena *mem, double rate, double decay)
{
    cn__json *c = cn__json_new(mem, CN__JSON_OBJECT), *s = cn__json_new(mem, CN__JSON_OBJECT);
    c = cn__json_set(mem, c, "initial_learning_rate", cn__json_real(mem, rate));
    c = cn__json_set(mem, c, "decay_steps", cn__json_int(mem, 1));
    c = cn__json_set(mem, c, "decay_rate", cn__json_real(mem, decay));
    s = cn__json_set(mem, s, "class_name", cn__json_string(mem, "InverseTimeDecay"));
    return cn__json_set(mem, s, "config", c);
}

static bool read_decay(const cn__reading *r, const cn__class *class, const char *where, const cn__json *config,
                       char *args)
{
    const cn__json *decay = cn__json_get(config, "decay"), *rate = cn__json_get(config, "learning_rate");
    const cn__option *o = cn__option_find(class, "schedule");
    const char *schedule;
    if (!rate) rate = cn__json_get(config, "lr");
    if (!cn__json_some(decay)) return true;
    if (!is_number(decay) || !(decay->d >= 0))
        return cn__config_wrong(r, where, "decay", decay, "a number of at least 0");
    if (decay->d == 0) return true;
    if (!is_number(rate)) return refuse_value(r, where, "decay", decay, "without a fixed learning rate it is not read");
    cn__json *s = decay_schedule(r->mem, rate->d, decay->d);
    if (!s) return cn__nomem(r->ctx), false;
    if (!read_choice(r, where, o, s, &schedule)) return false;
    memcpy(args + o->offset, &schedule, sizeof schedule);
    return true;
}

/* In an optimizer's config a schedule stands in the place of the learning rate. */
static bool read_key(const cn__reading *r, const cn__class *class, const char *where, const cn__json *j, char *args)
{
    bool optimizer = class->family == CN__FAM_OPTIMIZER;
    const char *key = cn__legacy_key(r->keras, class, j->key);
    if (optimizer && !strcmp(key, "decay") && r->keras < 3) return true;
    bool schedule = optimizer && !strcmp(key, "learning_rate") && plain(j) == j && cn__json_is(j, CN__JSON_OBJECT);
    const cn__option *o = cn__option_find(class, schedule ? "schedule" : key);
    if (!o || (optimizer && !schedule && o->family == CN__FAM_SCHEDULE)) return read_other(r, class, where, j);
    cn__form form = cn__form_of(class, o->name);
    char *at = args + o->offset;
    return cn__json_some(j) ? read_option(r, where, o, form, j, at) : read_null(form, at);
}

void *cn__config_read(const cn__reading *r, const cn__class *class, const char *where, const cn__json *config)
{
    cn_head *head = cn__arena_alloc(r->mem, CN__MAX(class->size, sizeof *head));
    if (!head) return cn__nomem(r->ctx), NULL;
    if (!cn__config_no_code(r, where, config)) return NULL;
    if (cn__json_some(config) && config->type != CN__JSON_OBJECT)
        return cn__config_wrong(r, where, "config", config, "an object"), NULL;
    head->size = (uint32_t)class->size, head->site = r->site;
    for (const cn__json *j = config ? config->first : NULL; j; j = j->next)
        if (!read_key(r, class, where, j, (char *)head)) return NULL;
    bool decays = class->family == CN__FAM_OPTIMIZER && r->keras < 3;
    return decays && !read_decay(r, class, where, config, (char *)head) ? NULL : head;
}
