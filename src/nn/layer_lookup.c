/* layer_lookup.c: StringLookup and IntegerLookup: values to their places in a vocabulary that is given or learnt.

   In a graph a string is its fingerprint (base.h), an int64 as IntegerLookup's values are, so both are one search in
   sorted keys. Places are counted as Keras does: the mask first (CN_INT only), then those for unknown values, then the
   vocabulary in its order. An unknown string's place among several is its fingerprint modulo their number. */
#include "nn/layer.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct entry { int64_t key, count, documents, document; const char *text; } entry;
typedef struct counts { entry *slot; size_t n, slots; int64_t documents; } counts;     /* open addressing */

typedef struct lookup {
    bool     strings, invert, pad, masked, known;
    cn_word  mode;
    int64_t  most, unknown;                              /* max_tokens, num_oov_indices */
    entry    mask, oov;                                  /* the tokens: text and key */
    int64_t  n;                                          /* the vocabulary without them */
    entry   *word;                                       /* in its order; only text and key count */
    int64_t *key, *place;                                /* sorted keys, and where each stands */
    float   *idf; int64_t weights;                       /* of every place; CN_TF_IDF */
    int64_t  depth;                                      /* that outputs were made with; 0: none were */
    counts   seen;                                       /* while it adapts */
} lookup;

static int64_t first_unknown(const lookup *s) { return s->masked && s->mode == CN_INT; }
static int64_t first_word(const lookup *s)    { return first_unknown(s) + s->unknown; }
static int64_t depth_of(const lookup *s)      { return s->pad ? s->most : first_word(s) + s->n; }

static entry token(bool strings, const char *text, int64_t value)
{
    return (entry){ .text = text, .key = strings ? (int64_t)cn__fingerprint(text, strlen(text)) : value };
}

static bool same(const entry *a, const entry *b)
{
    return a->key == b->key && (!a->text || !strcmp(a->text, b->text));
}

static const char *shown(const entry *e, char buffer[64])
{
    if (e->text) snprintf(buffer, 64, "\"%.50s\"", e->text);
    else snprintf(buffer, 64, "%lld", (long long)e->key);
    return buffer;
}

/* ---- A vocabulary ------------------------------------------------------------------------------------------------ */
static int by_key(const void *a, const void *b)
{
    const entry *x = *(const entry *const *)a, *y = *(const entry *const *)b;
    return (x->key > y->key) - (x->key < y->key);
}

/* Different words, none of them a token that stands for something else. */
static cn_status check_words(const cn_layer *l, const char *site, entry *const *sorted, int64_t n)
{
    const lookup *s = l->state;
    char word[64], other[64];
    for (int64_t i = 0; i < n; i++) {
        const entry *e = sorted[i];
        if (i && same(e, sorted[i - 1]))
            return cn__layer_error(l, site, CN_E_VALUE, "vocabulary: %s stands in it twice.", shown(e, word));
        if (i && e->key == sorted[i - 1]->key)
            return cn__layer_error(l, site, CN_E_UNSUPPORTED,
                                   "vocabulary: %s and %s have the same fingerprint and cannot be told apart.",
                                   shown(sorted[i - 1], other), shown(e, word));
        bool mask = s->masked && same(e, &s->mask), oov = s->invert && same(e, &s->oov);
        if (mask || oov)
            return cn__layer_error(l, site, CN_E_VALUE,
                                   "vocabulary: the %s %s stands among the words; leave such tokens out, or give all "
                                   "of them in front.", mask ? "mask_token" : "oov_token", shown(e, word));
    }
    return CN_OK;
}

/* Sorts the keys of n words (of the arena's) and takes them over. */
static cn_status take_words(cn_layer *l, const char *site, entry *words, int64_t n)
{
    lookup    *s = l->state;
    cn_ctx    *ctx = l->obj.ctx;
    cn__arena *mem = cn__ctx_arena(ctx);
    if (s->most && first_word(s) + n > s->most)
        return cn__layer_error(l, site, CN_E_VALUE,
                               "the vocabulary has %lld words and %lld places in front, max_tokens is %lld.",
                               (long long)n, (long long)first_word(s), (long long)s->most);
    if (s->depth && !s->pad && s->depth != first_word(s) + n)
        return cn__layer_error(l, site, CN_E_STATE,
                               "the outputs were made with a vocabulary of %lld places, now it would have %lld; adapt "
                               "the layer before it is called, or use .pad_to_max_tokens.", (long long)s->depth,
                               (long long)(first_word(s) + n));
    size_t   bytes = ((size_t)n + 1) * sizeof(entry *);
    entry  **sorted = cn__alloc(ctx, bytes);
    int64_t *key = cn__arena_alloc(mem, (2 * (size_t)n + 1) * sizeof *key);
    cn_status status = sorted && key ? CN_OK : cn__nomem(ctx);
    for (int64_t i = 0; !status && i < n; i++) sorted[i] = &words[i];
    if (!status) qsort(sorted, (size_t)n, sizeof *sorted, by_key);
    if (!status) status = check_words(l, site, sorted, n);
    if (!status) {
        s->n = n, s->word = words, s->key = key, s->place = key + n, s->known = true;
        for (int64_t i = 0; i < n; i++) key[i] = sorted[i]->key, s->place[i] = sorted[i] - words;
    }
    cn__free(ctx, sorted, bytes);
    return status;
}

/* idf_weights of the words, or of all places if the vocabulary had the tokens in front: before the words their mean
   stands, behind them zeros up to max_tokens. */
static cn_status take_weights(cn_layer *l, const char *site, const cn_values *v, bool tokens)
{
    lookup *s = l->state;
    int64_t front = tokens ? 0 : first_word(s), n = (int64_t)v->count;
    double  mean = 0;
    if (n != first_word(s) + s->n - front)
        return cn__layer_error(l, site, CN_E_SHAPE, "idf_weights has %lld numbers, the vocabulary %lld.", (long long)n,
                               (long long)(first_word(s) + s->n - front));
    s->weights = CN__MAX(depth_of(s), front + n);
    if (!(s->idf = cn__arena_alloc(cn__ctx_arena(l->obj.ctx), ((size_t)s->weights + 1) * sizeof *s->idf)))
        return cn__nomem(l->obj.ctx);
    for (int64_t i = 0; i < n; i++) mean += cn__load(v->dtype, v->data, (size_t)i) / (double)n;
    for (int64_t i = 0; i < s->weights; i++)
        s->idf[i] = (float)(i < front ? mean : i < front + n ? cn__load(v->dtype, v->data, (size_t)(i - front)) : 0);
    return CN_OK;
}

/* Words as a list has them; tokens in front, all of them in their order, are no words. */
static cn_status take_list(cn_layer *l, const char *site, const cn_values *v, const cn_values *idf)
{
    lookup    *s = l->state;
    cn__arena *mem = cn__ctx_arena(l->obj.ctx);
    entry     *words = cn__arena_alloc(mem, (v->count + 1) * sizeof *words);
    if (!words) return cn__nomem(l->obj.ctx);
    if ((v->dtype == CN_STRING) != s->strings)
        return cn__layer_error(l, site, CN_E_DTYPE, "the vocabulary must be of %s.",
                               s->strings ? "strings" : "numbers");
    if (!v->count) return cn__layer_error(l, site, CN_E_VALUE, "the vocabulary is empty.");
    for (size_t i = 0; i < v->count; i++) {
        const char *text = s->strings ? cn__arena_text(mem, ((const cn_text *)v->data)[i]) : NULL;
        if (s->strings && !text) return cn__nomem(l->obj.ctx);
        words[i] = token(s->strings, text, s->strings ? 0 : cn__load_int(v->dtype, v->data, i));
    }
    int64_t front = first_word(s), start = first_unknown(s), n = (int64_t)v->count;
    bool    tokens = n >= front;
    for (int64_t i = 0; tokens && i < front; i++) tokens = same(&words[i], i < start ? &s->mask : &s->oov);
    cn_status status = take_words(l, site, words + (tokens ? front : 0), n - (tokens ? front : 0));
    return status || !idf ? status : take_weights(l, site, idf, tokens);
}

/* ---- Options ----------------------------------------------------------------------------------------------------- */
#define COMMON(o)                                                                                       \
    s->most = (o)->max_tokens, s->unknown = (o)->num_oov_indices, s->mode = (o)->output_mode,           \
    s->pad = (o)->pad_to_max_tokens == CN_YES, vocabulary = (o)->vocabulary, idf = (o)->idf_weights

/* Before it is called (a file gives it its vocabulary) there is no input to check. */
static cn_status check_encoding(const cn_layer *l, const char *site, const lookup *s)
{
    if (!l->in_type[0].rank) return CN_OK;
    return cn__encoding_check(l, site, s->mode, s->invert ? CN__ENCODE_INT : CN__ENCODE_ALL);
}

static cn_status lookup_build(cn_layer *l, const char *site)
{
    const cn_values *vocabulary, *idf;
    if (l->state) return check_encoding(l, site, l->state);              /* what was learnt stays */
    lookup *s = cn__arena_alloc(cn__ctx_arena(l->obj.ctx), sizeof *s);
    if (!s) return cn__nomem(l->obj.ctx);
    if ((s->strings = l->ops->strings)) {
        const cn_string_lookup_args *o = l->args;
        COMMON(o);
        s->masked = o->mask_token, s->oov = token(true, o->oov_token, 0);
        if (s->masked) s->mask = token(true, o->mask_token, 0);
    } else {
        const cn_integer_lookup_args *o = l->args;
        COMMON(o);
        s->masked = o->mask_token != CN_NO_TOKEN, s->invert = o->invert == CN_YES;
        s->mask = token(false, NULL, o->mask_token), s->oov = token(false, NULL, o->oov_token);
    }
    cn_status status = check_encoding(l, site, s);
    if (status) return status;
    if (s->most && s->most < first_word(s) + 1)
        return cn__layer_error(l, site, CN_E_VALUE, "max_tokens is %lld, but %lld places stand before the first word.",
                               (long long)s->most, (long long)first_word(s));
    if (s->pad && !s->most) return cn__layer_error(l, site, CN_E_VALUE, "pad_to_max_tokens needs max_tokens.");
    if (idf && s->mode != CN_TF_IDF)
        return cn__layer_error(l, site, CN_E_VALUE, "idf_weights are for .output_mode = CN_TF_IDF.");
    if (!idf != !vocabulary && s->mode == CN_TF_IDF)
        return cn__layer_error(l, site, CN_E_VALUE, "with CN_TF_IDF vocabulary and idf_weights are given together, or "
                                                    "neither, and cn_adapt learns both.");
    l->state = s;
    if (vocabulary && (status = take_list(l, site, vocabulary, idf))) l->state = NULL;
    return status;
}

/* ---- The graph --------------------------------------------------------------------------------------------------- */
static cn__val numbers(cn_graph *g, const int64_t *at, int64_t n)
{
    cn__type t = { .dtype = CN_INT64, .rank = 1, .dim = { n } };
    return cn__constant(g, &t, at);
}
static cn__val number(cn_graph *g, int64_t v)            /* exact, where cn__like goes through a double */
{
    cn__type t = { .dtype = CN_INT64 };
    return cn__constant(g, &t, &v);
}

/* The place among those for unknown values. */
static cn__val unknown(cn_graph *g, const lookup *s, cn__val x)
{
    cn__val first = number(g, first_unknown(s)), k = number(g, s->unknown);
    if (s->unknown <= 1) return first;
    cn__val rest = cn__b2(g, CN__OP_MOD, x, k);
    if (s->strings) {                                    /* of an unsigned number: negative ones are 2^64 higher */
        uint64_t m = (uint64_t)s->unknown;
        cn__val  up = number(g, (int64_t)((UINT64_MAX % m + 1) % m));
        cn__val  high = cn__b2(g, CN__OP_MOD, cn__add(g, rest, up), k);
        rest = cn__where(g, cn__b2(g, CN__OP_LT, x, number(g, 0)), high, rest);
    }
    return cn__add(g, rest, first);
}

/* Takes table[p] where found, and tells the fault word where not. */
static cn__val insist(cn_graph *g, cn__val table, int64_t n, cn__val p, cn__val found)
{
    static const int64_t flat[1] = { -1 };
    cn__a_index a = { .axis = 0, .depth = CN__FAULT_UNKNOWN };
    cn__type t = *cn__type_of(g, p);
    cn__val at = cn__reshape(g, cn__where(g, found, p, cn__like(g, p, (double)n)), 1, flat), y;
    y = cn__emit(g, CN__OP_GATHER_ALONG, &a, sizeof a, 2, (const cn__val[]){ table, at }, 1, NULL);
    return cn__reshape(g, y, t.rank, t.dim);
}

static cn__val places(cn_graph *g, const lookup *s, cn__val x)
{
    cn__val masked = s->masked ? cn__b2(g, CN__OP_EQ, x, number(g, s->mask.key)) : 0, y;
    if (!s->n) {
        cn__type t = *cn__type_of(g, x);
        y = cn__broadcast(g, unknown(g, s, x), t.rank, t.dim);
    } else {
        cn__val keys = numbers(g, s->key, s->n), p = cn__search_sorted(g, keys, x);
        if (!p) return 0;
        p = cn__b2(g, CN__OP_MAX, cn__sub(g, p, cn__like(g, p, 1)), cn__like(g, p, 0));
        cn__val found = cn__b2(g, CN__OP_EQ, cn__gather(g, keys, p, 0), x), place = numbers(g, s->place, s->n);
        if (!found) return 0;
        if (!s->unknown) y = insist(g, place, s->n, p, masked ? cn__b2(g, CN__OP_OR, found, masked) : found);
        else y = cn__gather(g, place, p, 0);
        y = cn__add(g, y, number(g, first_word(s)));
        if (s->unknown) y = cn__where(g, found, y, unknown(g, s, x));
    }
    return masked ? cn__where(g, masked, number(g, s->mode == CN_INT ? 0 : -1), y) : y;      /* -1: no category */
}

/* Places back to values; a place without one is unknown. */
static cn__val values(cn_graph *g, const lookup *s, cn__val x)
{
    cn__val oov = number(g, s->oov.key), at = cn__sub(g, x, number(g, first_word(s))), y;
    cn__type t = *cn__type_of(g, x);
    if (!s->n) y = cn__broadcast(g, oov, t.rank, t.dim);
    else {
        int64_t *key = cn__alloc(g->obj.ctx, (size_t)s->n * sizeof *key);
        if (!key) return cn__graph_fail(g, CN_E_NOMEM, "out of memory");
        for (int64_t i = 0; i < s->n; i++) key[i] = s->word[i].key;
        cn__val table = numbers(g, key, s->n), zero = number(g, 0), last = number(g, s->n - 1);
        cn__free(g->obj.ctx, key, (size_t)s->n * sizeof *key);
        cn__val in = cn__b2(g, CN__OP_AND, cn__b2(g, CN__OP_GE, at, zero), cn__b2(g, CN__OP_LE, at, last));
        y = cn__where(g, in, cn__gather(g, table, cn__clip(g, at, zero, last), 0), oov);
    }
    return s->masked ? cn__where(g, cn__b2(g, CN__OP_EQ, x, number(g, 0)), number(g, s->mask.key), y) : y;
}

static bool lookup_call(cn__lowering *l)
{
    lookup   *s = l->layer->state;
    cn_graph *g = l->g;
    cn__val   x = cn__cast(g, l->in[0], CN_INT64), y;
    if (!x) return false;
    if (s->mode != CN_INT && !s->known && !s->pad)
        return cn__graph_fail(g, CN_E_STATE,
                              "%s \"%s\": it has no vocabulary yet, so there is no telling how wide its output is. "
                              "Give .vocabulary, or make the layer on the context and call cn_adapt(layer, x) first.",
                              l->layer->cls->snake, l->layer->name), false;
    if (s->invert) y = values(g, s, x);
    else if (s->known) y = places(g, s, x);
    else y = cn__fill(g, CN_INT64, cn__type_of(g, x)->rank, cn__type_of(g, x)->dim, 0);
    if (s->mode != CN_INT) s->depth = depth_of(s);
    y = cn__encode(l, y, s->mode, depth_of(s));
    if (s->mode == CN_TF_IDF && s->known) {
        cn__type t = { .dtype = CN_FLOAT32, .rank = 1, .dim = { s->weights } };
        y = cn__mul(g, y, cn__layer_cast(l, cn__constant(g, &t, s->idf)));
    }
    return (l->out[0] = y) != 0;
}

/* ---- Learning ---------------------------------------------------------------------------------------------------- */
static entry *slot_of(const counts *c, int64_t key)
{
    size_t i = (size_t)cn__hash(0, (uint64_t)key) & (c->slots - 1);
    while (c->slot[i].count && c->slot[i].key != key) i = (i + 1) & (c->slots - 1);
    return &c->slot[i];
}

static bool grow(cn_ctx *ctx, counts *c)
{
    counts more = { .slots = c->slots ? 2 * c->slots : 64, .n = c->n, .documents = c->documents };
    if (!(more.slot = cn__alloc0(ctx, more.slots * sizeof *more.slot))) return cn__nomem(ctx), false;
    for (size_t i = 0; i < c->slots; i++)
        if (c->slot[i].count) *slot_of(&more, c->slot[i].key) = c->slot[i];
    cn__free(ctx, c->slot, c->slots * sizeof *c->slot);
    *c = more;
    return true;
}

static cn_status count_one(cn_layer *l, const char *site, entry e)
{
    counts *c = &((lookup *)l->state)->seen;
    char    a[64], b[64];
    if (2 * c->n >= c->slots && !grow(l->obj.ctx, c)) return CN_E_NOMEM;
    entry *at = slot_of(c, e.key);
    if (!at->count) {
        if (e.text && !(e.text = cn__arena_text(cn__ctx_arena(l->obj.ctx), e.text))) return cn__nomem(l->obj.ctx);
        *at = e, c->n++;
    } else if (!same(at, &e))
        return cn__layer_error(l, site, CN_E_UNSUPPORTED,
                               "%s and %s have the same fingerprint and cannot be told apart.", shown(at, a),
                               shown(&e, b));
    at->count++;
    if (at->document == c->documents) return CN_OK;
    at->document = c->documents, at->documents++;
    return CN_OK;
}

/* Most frequent first, of equally frequent ones the higher word first. */
static int by_count(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    if (x->count != y->count) return x->count < y->count ? 1 : -1;
    return x->text ? strcmp(y->text, x->text) : (x->key < y->key) - (x->key > y->key);
}

static cn_status learn(cn_layer *l, const char *site)
{
    lookup *s = l->state;
    counts *c = &s->seen;
    cn_ctx *ctx = l->obj.ctx;
    int64_t n = 0;
    if (!c->n) return cn__layer_error(l, site, CN_E_VALUE, "there were no data to adapt to.");
    entry *words = cn__arena_alloc(cn__ctx_arena(ctx), (c->n + 1) * sizeof *words);
    float *idf = cn__alloc(ctx, (c->n + 1) * sizeof *idf);
    size_t bytes = (c->n + 1) * sizeof *idf;
    cn_status status = words && idf ? CN_OK : cn__nomem(ctx);
    for (size_t i = 0; !status && i < c->slots; i++)
        if (c->slot[i].count && !(s->masked && same(&c->slot[i], &s->mask)) && !same(&c->slot[i], &s->oov))
            words[n++] = c->slot[i];
    if (!status) qsort(words, (size_t)n, sizeof *words, by_count);
    if (s->most) n = CN__MIN(n, s->most - first_word(s));
    for (int64_t i = 0; !status && i < n; i++)
        idf[i] = (float)log(1.0 + (double)c->documents / (1.0 + (double)words[i].documents));
    if (!status) status = take_words(l, site, words, n);
    if (!status && s->mode == CN_TF_IDF)
        status = take_weights(l, site, &(cn_values){ CN_FLOAT32, (size_t)n, idf }, false);
    cn__free(ctx, idf, bytes);
    return status;
}

static cn_status lookup_adapt(cn_layer *l, const char *site, const void *rows, int64_t n, int64_t width,
                              cn__adapt_phase phase)
{
    lookup *s = l->state;
    cn_status status = CN_OK;
    for (int64_t i = 0; !status && phase == CN__ADAPT_ROWS && i < n * width; i++) {
        if (i % width == 0) s->seen.documents++;
        status = count_one(l, site, s->strings ? token(true, ((const char *const *)rows)[i], 0)
                                               : token(false, NULL, ((const int64_t *)rows)[i]));
    }
    if (phase == CN__ADAPT_ROWS) return status;
    if (phase == CN__ADAPT_END) status = learn(l, site);
    cn__free(l->obj.ctx, s->seen.slot, s->seen.slots * sizeof *s->seen.slot);
    s->seen = (counts){ 0 };
    return status;
}

static bool given(const cn_layer *l)
{
    if (l->ops->strings) return ((const cn_string_lookup_args *)l->args)->vocabulary;
    return ((const cn_integer_lookup_args *)l->args)->vocabulary;
}
static bool lookup_adapts(const cn_layer *l)  { return !given(l); }
static bool lookup_adapted(const cn_layer *l) { return ((const lookup *)l->state)->known; }

/* ---- Its state in files ------------------------------------------------------------------------------------------ */
/* The whole vocabulary, place by place, in memory of the context's arena. */
static bool lookup_vocabulary(const cn_layer *l, cn_values *out)
{
    const lookup *s = l->state;
    int64_t    n = first_word(s) + s->n, start = first_unknown(s), front = first_word(s);
    cn__arena *mem = cn__ctx_arena(l->obj.ctx);
    int64_t   *at = cn__arena_alloc(mem, ((size_t)n + 1) * sizeof *at);
    cn_text   *text = s->strings ? cn__arena_alloc(mem, ((size_t)n + 1) * sizeof *text) : NULL;
    if (!at || (s->strings && !text)) return cn__nomem(l->obj.ctx), false;
    for (int64_t i = 0; i < n; i++) {
        const entry *e = i < start ? &s->mask : i < front ? &s->oov : &s->word[i - front];
        at[i] = e->key;
        if (text) text[i] = e->text;
    }
    *out = (cn_values){ text ? CN_STRING : CN_INT64, (size_t)n, text ? (const void *)text : at };
    return true;
}

static bool lookup_state(const cn_layer *l, int i, cn__layer_state *out)
{
    const lookup *s = l->state;
    cn__arena *mem = cn__ctx_arena(l->obj.ctx);
    if (!s || !s->known) return false;
    if (i == 0) {
        int64_t *size = cn__arena_alloc(mem, sizeof *size);
        if (!size) return cn__nomem(l->obj.ctx), false;
        *size = first_word(s) + s->n;
        *out = (cn__layer_state){ CN__STATE_CONFIG, "vocabulary_size", { CN_INT64, 1, size } };
        return true;
    }
    if (i == 1 && s->mode == CN_TF_IDF) {
        *out = (cn__layer_state){ CN__STATE_WEIGHT, "idf_weights", { CN_FLOAT32, (size_t)s->weights, s->idf } };
        return true;
    }
    if (given(l) || i > 1 + (s->mode == CN_TF_IDF)) return false;        /* a given one stands in the config */
    *out = (cn__layer_state){ CN__STATE_ASSET, "vocabulary.txt", { 0, 0, NULL } };
    return lookup_vocabulary(l, &out->values);
}

static cn_status lookup_set_state(cn_layer *l, const char *site, const char *name, const cn_values *v)
{
    lookup *s = l->state;
    l->revision++;
    if (!strcmp(name, "vocabulary.txt") && !given(l)) {
        cn_status status = take_list(l, site, v, NULL);
        if (status || s->mode != CN_TF_IDF || s->weights) return status;
        s->weights = depth_of(s);                        /* until they come: nothing counts */
        s->idf = cn__arena_alloc(cn__ctx_arena(l->obj.ctx), ((size_t)s->weights + 1) * sizeof *s->idf);
        return s->idf ? CN_OK : cn__nomem(l->obj.ctx);
    }
    if (!strcmp(name, "idf_weights") && s->mode == CN_TF_IDF) {
        if (s->known && (int64_t)v->count != depth_of(s))
            return cn__layer_error(l, site, CN_E_SHAPE, "idf_weights has %zu numbers, there are %lld places.", v->count,
                                   (long long)depth_of(s));
        s->weights = (int64_t)v->count;
        if (!(s->idf = cn__arena_alloc(cn__ctx_arena(l->obj.ctx), (v->count + 1) * sizeof *s->idf)))
            return cn__nomem(l->obj.ctx);
        cn__convert(CN_FLOAT32, s->idf, v->dtype, v->data, v->count);
        return CN_OK;
    }
    return cn__layer_error(l, site, CN_E_NAME, "it keeps nothing called \"%s\".", name);
}

#define LOOKUP(of)                                                                                      \
    .build = lookup_build, .call = lookup_call, .adapt = lookup_adapt, .adapts = lookup_adapts,         \
    .adapted = lookup_adapted, .adapt_dtype = of, .vocabulary = lookup_vocabulary, .state = lookup_state,     \
    .set_state = lookup_set_state
const cn__layer_ops cn__layer_string_lookup  = { LOOKUP(CN_STRING), .strings = true };
const cn__layer_ops cn__layer_integer_lookup = { LOOKUP(CN_INT64) };
