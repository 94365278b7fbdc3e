/* tensor.c: what flows between layers, as long as there are no numbers: a shape, a type, and the call that it comes out
   of.

   Tensors, calls and the room's notes on layers are small: they live in the context's arena until cn_close. */
#include "model/model.h"
#include <string.h>

static const cn__layer_ops no_ops;
#define WITHOUT_OPTIONS(name, snake, formula)                                                          \
    {                                                                                                  \
        name, snake, "keras.layers", "", formula, CN__FAM_LAYER, 0, NULL, 0, NULL, NULL, &no_ops, NULL \
    }
const cn__class cn__class_input      = WITHOUT_OPTIONS("InputLayer", "input_layer", "what comes from outside");
const cn__class cn__class_sequential = WITHOUT_OPTIONS("Sequential", "sequential", "one layer behind the other");
const cn__class cn__class_functional = WITHOUT_OPTIONS("Functional", "functional", "layers as tensors connect them");

void cn__option_fill(void *member, const void *preset, size_t size, bool real)
{
    const unsigned char *at = member;
    double value;
    bool zero = true;
    for (size_t i = 0; i < size && zero; i++) zero = !at[i];
    if (zero) memcpy(member, preset, size);
    if (!real) return;
    memcpy(&value, member, sizeof value);
    if (value == CN_ZERO) memset(member, 0, size);
}

/* ---- The room's notes on layers ---------------------------------------------------------------------------------- */
cn__layer_side *cn__side(const cn_layer *l) { return l->calls; }

/* Weights are memory of their own, the layers are not: at cn_close nobody else gives them back. */
static void close_layers(cn_ctx *ctx, void *first)
{
    for (cn_layer *l = *(cn_layer **)first; l; l = cn__side(l)->next) {
        for (size_t i = 0; i < l->weights.n; i++) {
            cn__var_free(l->weights.at[i]->var);
            l->weights.at[i]->var = NULL;
        }
        cn__vec_free(ctx, &l->weights);
        cn__vec_free(ctx, &l->inner);
    }
}

bool cn__layer_enter(cn_layer *l)
{
    cn_ctx *ctx = l->obj.ctx;
    void  **slot = cn__ctx_slot(ctx, CN__SLOT_MODEL);
    if (l->calls) return true;
    if (!*slot) {
        if (!(*slot = cn__arena_alloc(cn__ctx_arena(ctx), sizeof(cn_layer *)))) return cn__nomem(ctx), false;
        cn__ctx_at_close(ctx, close_layers, *slot);
    }
    cn__layer_side *side = cn__arena_alloc(cn__ctx_arena(ctx), sizeof *side);
    if (!side) return cn__nomem(ctx), false;
    cn_layer **first = *slot;
    side->next = *first;
    *first = l;
    l->calls = side;
    return true;
}

cn_layer *cn__layer_bare(cn_ctx *ctx, const cn__class *class, const char *name)
{
    cn_layer *l = cn__new_small(ctx, CN__LAYER, sizeof *l);
    if (cn__bad(l)) return l;
    cn__arena *mem = cn__ctx_arena(ctx);
    int64_t number = name ? 0 : cn__unique(ctx, class->snake);
    if (number < 0) return cn__poison(l, NULL, CN_E_NOMEM, "out of memory for a name");
    l->cls = class, l->ops = class->ops;
    l->trainable = l->built = true;
    l->dtype = CN_FLOAT32;
    l->name = name ? cn__arena_text(mem, name)
            : number ? cn__arena_printf(mem, "%s_%lld", class->snake, (long long)number) : class->snake;
    if (!l->name || !cn__layer_enter(l)) return cn__poison(l, NULL, CN_E_NOMEM, "out of memory for a layer");
    return l;
}

cn__symcall *cn__symcall_new(cn_ctx *ctx, cn_layer *l, int nin, int nout)
{
    cn__arena   *mem = cn__ctx_arena(ctx);
    cn__symcall *k = cn__arena_alloc(mem, sizeof *k);
    cn_tensor  **tensors = cn__arena_alloc(mem, (size_t)(nin + nout + 1) * sizeof *tensors);
    if (!k || !tensors) return cn__nomem(ctx), NULL;
    cn__layer_side *side = cn__side(l);
    k->layer = l;
    k->in = tensors, k->nin = nin;
    k->out = tensors + nin, k->nout = nout;
    k->number = side->calls++;
    if (side->last) side->last->next = k; else side->first = k;
    side->last = k;
    return k;
}

/* ---- Tensors ----------------------------------------------------------------------------------------------------- */
cn_tensor *cn__tensor_new(cn_ctx *ctx, const cn__type *type, cn__symcall *from, int index)
{
    cn_tensor *t = cn__new_small(ctx, CN__TENSOR, sizeof *t);
    if (cn__bad(t)) return t;
    t->head.dtype = (cn_dtype)type->dtype, t->head.rank = type->rank;
    memcpy(t->head.dim, type->dim, sizeof t->head.dim);
    t->from = from, t->index = index;
    return t;
}

cn_tensor *cn__tensor_bad(cn_ctx *ctx, const void *from)
{
    cn_tensor *t = cn__new_small(ctx, CN__TENSOR, sizeof *t);
    return t ? cn__inherit(t, from) : NULL;
}

/* As the graph has it: a string is an int64 there. */
void cn__tensor_type(const cn_tensor *t, cn__type *type)
{
    cn__tensor_declared(t, type);
    if (type->dtype == CN_STRING) type->dtype = CN_INT64;
}

void cn__tensor_declared(const cn_tensor *t, cn__type *type)
{
    memset(type, 0, sizeof *type);
    type->dtype = (uint8_t)t->head.dtype, type->rank = (uint8_t)t->head.rank;
    memcpy(type->dim, t->head.dim, sizeof type->dim);
}

cn_tensor *cn__input_tensor(cn_ctx *ctx, const cn__type *type, const char *name)
{
    cn_layer *l = cn__layer_bare(ctx, &cn__class_input, name);
    if (cn__bad(l)) return cn__tensor_bad(ctx, l);
    cn__symcall *k = cn__symcall_new(ctx, l, 0, 1);
    cn_tensor *t = cn__tensor_new(ctx, type, k, 0);
    if (!k && !cn__bad(t)) return cn__poison(t, NULL, CN_E_NOMEM, "out of memory for an input");
    if (k) k->out[0] = t;
    return t;
}

/* The batch in front of a shape as the user writes it. */
static bool input_type(const cn_dims shape, cn_dtype dtype, int64_t batch, cn__type *type)
{
    memset(type, 0, sizeof *type);
    int rank = cn__dims_rank(shape, type->dim + 1);
    if (rank + 1 > CN_MAX_RANK) return false;
    type->dtype = (uint8_t)dtype, type->rank = (uint8_t)(rank + 1);
    type->dim[0] = batch > 0 ? batch : CN_ANY;
    return true;
}

static cn_status check_input(const cn_dims shape, cn_dtype dtype, int64_t batch, const char **why)
{
    *why = NULL;
    for (int i = 0; i < CN_MAX_RANK && shape[i]; i++)
        if (shape[i] < 0 && shape[i] != CN_ANY && shape[i] != CN_AXIS0)
            *why = "sizes are at least 1, or CN_ANY where the data decide";
    if (shape[CN_MAX_RANK - 1]) *why = "a shape has at most 7 sizes, the batch comes on top";
    if (dtype < 0 || dtype > CN_STRING) *why = "there is no such element type";
    if (batch < 0) *why = "batch_size is 0 for any, or more";
    return *why ? CN_E_VALUE : CN_OK;
}

cn_tensor *(cn_input)(cn_input_args *given)
{
    CN__ARGS(cn_input_args, a, given);
    const char *why;
    cn__type type;
    if (!a.on) return NULL;
    CN__FILL(cn_input_args, CN_INPUT_FIELDS);
    if (check_input(a.shape, a.dtype, a.batch_size, &why) || !input_type(a.shape, a.dtype, a.batch_size, &type))
        return cn__poison(cn__new_small(a.on, CN__TENSOR, sizeof(cn_tensor)), a.head.site, CN_E_VALUE, "cn_input: %s.",
                          why ? why : "the shape has too many sizes");
    return cn__input_tensor(a.on, &type, a.name);
}

cn_model *(cn_sequential)(cn_sequential_args *given)
{
    CN__ARGS(cn_sequential_args, a, given);
    const char *why;
    if (!a.on) return NULL;
    CN__FILL(cn_sequential_args, CN_SEQUENTIAL_FIELDS);
    cn_model *m = cn__model_new(a.on, &cn__class_sequential, a.name, a.head.site);
    if (cn__bad(m)) return m;
    m->sequential = true;
    if (check_input(a.input_shape, a.dtype, a.batch_size, &why) ||
        !input_type(a.input_shape, a.dtype, a.batch_size, &m->input))
        return cn__poison(m, a.head.site, CN_E_VALUE, "sequential \"%s\": %s.", m->layer->name,
                          why ? why : "the shape has too many sizes");
    m->has_input = m->input.rank > 1;
    if (m->has_input && cn__model_build_for(m, &m->input, a.head.site)) return cn__poison_recorded(m);
    return m;
}

cn_tensor *cn__tensor_masked(const cn_tensor *t, cn_tensor *mask)
{
    cn_tensor *seen = cn__new_small(t->head.obj.ctx, CN__TENSOR, sizeof *seen);
    if (cn__bad(seen)) return seen;
    seen->head.dtype = t->head.dtype, seen->head.rank = t->head.rank;
    memcpy(seen->head.dim, t->head.dim, sizeof seen->head.dim);
    seen->from = t->from, seen->index = t->index, seen->mask = mask;
    return seen;
}

cn_tensor *cn_mask(cn_tensor *t) { return cn__bad(t) ? NULL : t->mask; }
