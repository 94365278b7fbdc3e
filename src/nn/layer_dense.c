/* layer_dense.c: layers with one product: Dense, and EinsumDense, where letters say which. */
#include "nn/layer.h"
#include <ctype.h>
#include <string.h>

/* ---- Dense ------------------------------------------------------------------------------------------------------- */
static cn_status dense_build(cn_layer *l, const char *site)
{
    const cn_dense_args *o = l->args;
    const cn__type *in = &l->in_type[0];
    char text[80];
    if (in->rank < 2)
        return cn__layer_error(
                   l, site, CN_E_SHAPE,
                   "the input has the shape %s; it takes (batch, ..., d). Put a cn_reshape(.., {1}) in front.",
                   cn__layer_shape_text(in, text, sizeof text));
    int64_t dim[2] = { in->dim[in->rank - 1], o->units };
    cn_status status = cn__layer_chosen(l, site, "kernel", 2, dim, o->kernel_initializer, o->kernel_regularizer,
                                        o->kernel_constraint);
    if (status || o->use_bias != CN_YES) return status;
    return cn__layer_chosen(l, site, "bias", 1, dim + 1, o->bias_initializer, o->bias_regularizer, o->bias_constraint);
}

static bool dense_call(cn__lowering *l)
{
    const cn_dense_args *o = l->layer->args;
    cn_graph *g = l->g;
    cn__val x = cn__layer_cast(l, l->in[0]), w = cn__weight_val(l, 0),
            b = o->use_bias == CN_YES ? cn__weight_val(l, 1) : 0;
    cn__spec activation;
    cn__actcode code = CN__ACT_LINEAR;
    if (!x || !cn__spec_make(l->ctx, cn__ctx_arena(l->ctx), NULL, CN__FAM_ACT, o->activation.name, &activation))
        return false;
    cn__type t = *cn__type_of(g, x);
    int64_t rows[2] = { -1, t.dim[t.rank - 1] };
    if (t.rank > 2) rows[0] = cn__type_count(&t) / CN__MAX(rows[1], 1), x = cn__reshape(g, x, 2, rows);
    /* a sigmoid stays a node of its own: a cross-entropy behind it wants what it was given */
    bool within = cn__activation_code(&activation, &code) && code != CN__ACT_SIGMOID;
    cn__val y = cn__dense(g, x, w, b, within ? code : CN__ACT_LINEAR);
    t.dim[t.rank - 1] = o->units;
    if (t.rank > 2) y = cn__reshape(g, y, t.rank, t.dim);
    l->out[0] = within ? y : cn__activate(l, &activation, y);
    return l->out[0] != 0;
}

const cn__layer_ops cn__layer_dense = { .build = dense_build, .call = dense_call, .supports_masking = true };

/* ---- EinsumDense ------------------------------------------------------------------------------------------------- */
typedef struct letters {
    char in[27], kernel[27], out[27];
    bool left, right;
} letters;                                               /* "..." before or behind the letters */

/* One operand: letters, with "..." before, behind or not. Gives what follows it, or NULL. */
static const char *operand(const char *s, char *out, bool *left, bool *right)
{
    size_t n = 0;
    *left = !strncmp(s, "...", 3);
    if (*left) s += 3;
    while (isalpha((unsigned char)*s) && n < 26) out[n++] = *s++;
    out[n] = 0;
    *right = !strncmp(s, "...", 3);
    return n && !isalpha((unsigned char)*s) ? s + 3 * *right : NULL;
}

/* Keras takes [X],[Y]->[Z], ...[X],[Y]->...[Z] and [X]...,[Y]->[Z]... */
static bool parse(const char *s, letters *e)
{
    bool left = false, right = false;
    memset(e, 0, sizeof *e);
    if (!s || !(s = operand(s, e->in, &e->left, &e->right)) || *s++ != ',') return false;
    if (!(s = operand(s, e->kernel, &left, &right)) || left || right || strncmp(s, "->", 2)) return false;
    s = operand(s + 2, e->out, &left, &right);
    return s && !*s && left == e->left && right == e->right && !(left && right);
}

typedef struct einsum_shapes {
    int kernel_rank, bias_rank;
    int64_t kernel[CN_MAX_RANK], bias[CN_MAX_RANK], in_axes[CN_MAX_RANK], out_axes[CN_MAX_RANK];
} einsum_shapes;

/* Sizes of the letters: those of the input from its shape, the others from output_shape. */
static cn_status letter_sizes(const cn_layer *l, const char *site, const letters *e, int64_t *size_of)
{
    const cn_einsum_dense_args *o = l->args;
    const cn__type *in = &l->in_type[0];
    int n_in = (int)strlen(e->in), n_out = (int)strlen(e->out), elided = in->rank - n_in,
        given = cn__dims_count(o->output_shape);
    char text[80];
    if (elided < 0 || (elided && !e->left && !e->right))
        return cn__layer_error(l, site, CN_E_SHAPE,
                               "the input has the shape %s, equation \"%s\" has %d letters for it.",
                               cn__layer_shape_text(in, text, sizeof text), o->equation, n_in);
    int first = e->left ? 0 : 1; /* output_shape leaves out the batch, which is a letter unless ... stands for it */
    if (given != n_out - first)
        return cn__layer_error(l, site, CN_E_SHAPE,
                               "output_shape has %d sizes, equation \"%s\" wants %d (without the batch%s).", given,
                               o->equation, n_out - first,
                               e->left || e->right ? " and without what ... stands for" : "");
    for (int i = 0; i < n_in; i++) size_of[(unsigned char)e->in[i]] = in->dim[e->left ? elided + i : i];
    for (int i = first; i < n_out; i++) {
        int64_t *size = &size_of[(unsigned char)e->out[i]], wanted = o->output_shape[i - first];
        if (strchr(e->in, e->out[i]) && *size >= 0 && wanted >= 0 && *size != wanted)
            return cn__layer_error(l, site, CN_E_SHAPE,
                                   "axis '%c' has size %lld in the input and %lld in output_shape.", e->out[i],
                                   (long long)*size, (long long)wanted);
        if (!strchr(e->in, e->out[i]) || *size < 0) *size = wanted;
    }
    return CN_OK;
}

static cn_status einsum_shapes_of(const cn_layer *l, const char *site, einsum_shapes *s)
{
    const cn_einsum_dense_args *o = l->args;
    letters e;
    int64_t size_of[128] = { 0 };
    int n_in_axes = 0, n_out_axes = 0;
    memset(s, 0, sizeof *s);
    if (!parse(o->equation, &e) || strlen(e.kernel) > CN_MAX_RANK || strlen(e.out) > CN_MAX_RANK)
        return cn__layer_error(
            l, site, CN_E_VALUE,
            "the equation is \"%s\"; it must look like \"ab,bc->ac\", \"...b,bc->...c\" or \"ab...,bc->ac...\".",
            o->equation ? o->equation : "");
    cn_status status = letter_sizes(l, site, &e, size_of);
    if (status) return status;
    for (const char *k = e.kernel; *k; k++) {
        int64_t axis = k == e.kernel ? CN_AXIS0 : (int64_t)(k - e.kernel);
        if (!strchr(e.in, *k) && !strchr(e.out, *k))
            return cn__layer_error(l, site, CN_E_VALUE,
                                   "axis '%c' of the kernel is neither in the input nor in the output of \"%s\".", *k,
                                   o->equation);
        s->kernel[s->kernel_rank++] = size_of[(unsigned char)*k];
        if (strchr(e.out, *k)) s->out_axes[n_out_axes++] = axis; else s->in_axes[n_in_axes++] = axis;
    }
    if (!o->bias_axes || !*o->bias_axes) return CN_OK;
    size_t from = strlen(e.out);
    for (const char *b = o->bias_axes; *b; b++) {
        const char *at = strchr(e.out, *b);
        if (!at)
            return cn__layer_error(l, site, CN_E_VALUE, "axis '%c' of bias_axes is not in the output of \"%s\".", *b,
                                   o->equation);
        from = CN__MIN(from, (size_t)(at - e.out));
    }
    for (const char *k = e.out + from; *k; k++)
        s->bias[s->bias_rank++] = strchr(o->bias_axes, *k) ? size_of[(unsigned char)*k] : 1;
    for (int i = (int)strlen(e.in); e.right && i < l->in_type[0].rank && s->bias_rank < CN_MAX_RANK; i++)
        s->bias[s->bias_rank++] = 1;
    return CN_OK;
}

/* Initializers that go by the fans are told which axes of the kernel are in and out, unless they were told already. */
static cn_status tell_axes(cn_layer *l, const char *site, cn_initializer *i, const einsum_shapes *s)
{
    cn__spec spec;
    cn__arena *mem = cn__ctx_arena(l->obj.ctx);
    if (!cn__spec_make(l->obj.ctx, mem, site, CN__FAM_INITIALIZER, i->name, &spec)) return (cn_error)(l->obj.ctx);
    const cn__option *in = cn__option_find(spec.cls, "input_axes"), *out = cn__option_find(spec.cls, "output_axes");
    if (!in || !out || !s->in_axes[0] || !s->out_axes[0]) return CN_OK;
    int64_t own[2];
    memcpy(&own[0], (const char *)spec.args + in->offset, sizeof own[0]);
    memcpy(&own[1], (const char *)spec.args + out->offset, sizeof own[1]);
    if (own[0] && own[1]) return CN_OK;
    char *args = cn__arena_alloc(mem, spec.cls->size);
    if (!args) return cn__nomem(l->obj.ctx);
    memcpy(args, spec.args, spec.cls->size);
    memcpy(args + in->offset, s->in_axes, sizeof s->in_axes);
    memcpy(args + out->offset, s->out_axes, sizeof s->out_axes);
    i->name = args;
    return CN_OK;
}

static cn_status einsum_build(cn_layer *l, const char *site)
{
    const cn_einsum_dense_args *o = l->args;
    einsum_shapes s;
    cn_initializer kernel = o->kernel_initializer;
    cn_status status = einsum_shapes_of(l, site, &s);
    if (!status) status = tell_axes(l, site, &kernel, &s);
    if (!status)
        status = cn__layer_chosen(l, site, "kernel", s.kernel_rank, s.kernel, kernel, o->kernel_regularizer,
                                  o->kernel_constraint);
    if (status || !s.bias_rank) return status;
    return cn__layer_chosen(l, site, "bias", s.bias_rank, s.bias, o->bias_initializer, o->bias_regularizer,
                            o->bias_constraint);
}

static bool einsum_call(cn__lowering *l)
{
    const cn_einsum_dense_args *o = l->layer->args;
    cn__spec activation;
    if (!cn__spec_make(l->ctx, cn__ctx_arena(l->ctx), NULL, CN__FAM_ACT, o->activation.name, &activation)) return false;
    cn__val y = cn__einsum(l->g, o->equation, 2, (cn__val[]){ cn__layer_cast(l, l->in[0]), cn__weight_val(l, 0) });
    if (l->layer->weights.n > 1) y = cn__add(l->g, y, cn__weight_val(l, 1));
    l->out[0] = cn__activate(l, &activation, y);
    return l->out[0] != 0;
}

const cn__layer_ops cn__layer_einsum_dense = { .build = einsum_build, .call = einsum_call, .supports_masking = true };
