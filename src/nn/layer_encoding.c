/* layer_encoding.c: numbers of categories as vectors: CategoryEncoding, and what the lookups and Discretization do with
   theirs. As in Keras (encode_categorical_inputs), a number outside 0 .. depth - 1 is no category and gives zeros. */
#include "nn/layer.h"
#include <stdio.h>

cn_status cn__encoding_check(const cn_layer *l, const char *site, cn_word mode, uint32_t allowed)
{
    static const struct { cn_word word; const char *text; uint32_t bit; } modes[] = {
        { CN_INT, "CN_INT", CN__ENCODE_INT }, { CN_ONE_HOT, "CN_ONE_HOT", CN__ENCODE_ONE_HOT },
        { CN_MULTI_HOT, "CN_MULTI_HOT", CN__ENCODE_MULTI_HOT }, { CN_COUNT, "CN_COUNT", CN__ENCODE_COUNT },
        { CN_TF_IDF, "CN_TF_IDF", CN__ENCODE_TF_IDF }
    };
    char     text[120];
    int      n = 0;
    for (size_t i = 0; i < CN__COUNT(modes); i++) {
        if (!(allowed & modes[i].bit)) continue;
        if (modes[i].word == mode) {
            bool sample = mode != CN_INT && mode != CN_ONE_HOT;
            if (!sample || l->in_type[0].rank > 1) return CN_OK;
            return cn__layer_error(l, site, CN_E_SHAPE,
                                   "output_mode %s makes one vector of all that a sample has, but the input has one "
                                   "number a sample and no axis for it; give the input the shape {1}, or use "
                                   "CN_ONE_HOT.", modes[i].text);
        }
        n += snprintf(text + n, sizeof text - (size_t)n, "%s%s", n ? ", " : "", modes[i].text);
    }
    return cn__layer_error(l, site, CN_E_VALUE, "output_mode must be one of %s.", text);
}

/* Whole numbers of any: with a fraction they are no category. Multi-hot truncates instead, as Keras does. */
static cn__val whole(cn_graph *g, cn__val x, cn_word mode)
{
    if (!x || !cn__is_float((cn_dtype)cn__type_of(g, x)->dtype)) return x;
    if (mode != CN_MULTI_HOT)
        x = cn__where(g, cn__b2(g, CN__OP_EQ, x, cn__b1(g, CN__OP_FLOOR, x)), x, cn__like(g, x, -1));
    return cn__cast(g, x, CN_INT64);
}

cn__val cn__encode(cn__lowering *l, cn__val index, cn_word mode, int64_t depth)
{
    cn_graph *g = l->g;
    if (mode == CN_INT || !index) return index;
    index = whole(g, index, mode);
    if (!index) return 0;
    cn__type t = *cn__type_of(g, index);
    bool     single = t.rank > 1 && t.dim[t.rank - 1] == 1;
    if (mode == CN_ONE_HOT || (single && t.rank == 2))
        return cn__one_hot(g, single ? cn__squeeze(g, index, -1) : index, depth, l->layer->dtype);
    return cn__reduce(g, mode == CN_MULTI_HOT ? CN__OP_REDUCE_MAX : CN__OP_SUM,
                      cn__one_hot(g, index, depth, l->layer->dtype), 2, false);
}

/* ---- CategoryEncoding -------------------------------------------------------------------------------------------- */
static cn_status category_encoding_build(cn_layer *l, const char *site)
{
    const cn_category_encoding_args *o = l->args;
    return cn__encoding_check(l, site, o->output_mode, CN__ENCODE_ONE_HOT | CN__ENCODE_MULTI_HOT | CN__ENCODE_COUNT);
}

static bool category_encoding_call(cn__lowering *l)
{
    const cn_category_encoding_args *o = l->layer->args;
    return (l->out[0] = cn__encode(l, l->in[0], o->output_mode, o->num_tokens)) != 0;
}

const cn__layer_ops cn__layer_category_encoding = { .build = category_encoding_build, .call = category_encoding_call };
