/* layer.c: what all layers have in common: their list, how one is made, its weights, its random streams. */
#include "nn/options.h"
#include "nn/layer.h"
#include <stdio.h>

/* ---- The list, and the constructors ------------------------------------------------------------------------------ */
#define CN_LAYER_CLASS(class, snake, id, REQUIRED, FIELDS, formula)                                                   \
    CN__CLASS(class_##id, cn_##id##_args, REQUIRED, CN_LAYER_FIELDS, FIELDS, #class, snake, "keras.layers", "",       \
              formula, CN__FAM_LAYER, NULL, &cn__layer_##id)                                                          \
    cn_layer *(cn_##id)(cn_##id##_args *args)                                                                         \
    {                                                                                                                 \
        void *on = args ? args->on : NULL;                                                                            \
        const char *site = args ? args->head.site : NULL;                                                             \
        return cn__layer_place(cn__layer_new((cn_ctx_of)(on), site, class_##id(), args), on, site);                   \
    }
#define CN_JOIN_CLASS(class, snake, id, FIELDS, formula)                                                              \
    ON_TENSORS(class, snake, id, FIELDS, formula, "keras.layers")
#define CN_OPERATION_CLASS(class, snake, id, FIELDS, formula)                                                         \
    ON_TENSORS(class, snake, id, FIELDS, formula, "keras.src.ops.numpy")
#define ON_TENSORS(class, snake, id, FIELDS, formula, module)                                                         \
    CN__CLASS(class_##id, cn_##id##_args, CN_NO_FIELDS, CN_NO_FIELDS, FIELDS, #class, snake, module,                  \
              "", formula, CN__FAM_LAYER, NULL, &cn__layer_##id)                                                      \
    cn_tensor *(cn_##id)(cn_##id##_args *args)                                                                        \
    {                                                                                                                 \
        static cn_tensor *const nothing[1];                                                                           \
        cn_tensor *const *on = args ? args->on : nothing;                                                             \
        const char *site = args ? args->head.site : NULL;                                                             \
        return cn__layer_join(cn__layer_new((cn_ctx_of)(on[0]), site, class_##id(), args), on, site);                 \
    }
#include "nn/layers.def"
#undef CN_LAYER_CLASS
#undef CN_JOIN_CLASS
#undef CN_OPERATION_CLASS

cn__class_fn *const cn__layer_classes[] = {
#define CN_LAYER_CLASS(class, snake, id, REQUIRED, FIELDS, formula) class_##id,
#define CN_JOIN_CLASS(class, snake, id, FIELDS, formula)            class_##id,
#define CN_OPERATION_CLASS CN_JOIN_CLASS
#include "nn/layers.def"
#undef CN_LAYER_CLASS
#undef CN_JOIN_CLASS
#undef CN_OPERATION_CLASS
    NULL
};

/* ---- Making one -------------------------------------------------------------------------------------------------- */
/* A member by its name in the table; preset where the class has no such option (joining layers have a name only). */
static void member(const cn_layer *l, const char *name, void *out, size_t size)
{
    const cn__option *o = cn__option_find(l->cls, name);
    if (o) memcpy(out, (const char *)l->args + o->offset, size);
}

/* The name must be known before the options are checked: messages begin with it. */
static bool name_it(cn_layer *l, cn__arena *mem)
{
    const cn__option *o = cn__option_find(l->cls, "name");
    cn_text given = NULL;
    member(l, "name", &given, sizeof given);
    if (!given) {
        int64_t n = cn__unique(l->obj.ctx, l->cls->snake);
        if (n == 0) given = l->cls->snake;
        if (n > 0) given = cn__arena_printf(mem, "%s_%lld", l->cls->snake, (long long)n);
        if (given && o) memcpy((char *)l->args + o->offset, &given, sizeof given);
    }
    l->name = given;
    if (!given) cn__nomem(l->obj.ctx);
    return given != NULL;
}

void cn__layer_computes(cn_layer *l, cn_dtype dtype)
{
    l->bf16 = dtype == CN_BFLOAT16;
    l->dtype = l->bf16 ? CN_FLOAT32 : dtype;
}

cn_dtype cn__layer_policy(const cn_layer *l) { return l->bf16 ? CN_BFLOAT16 : l->dtype; }

static bool set_up(cn_layer *l, const char *site, const void *given)
{
    cn_ctx *ctx = l->obj.ctx;
    cn__arena *mem = cn__ctx_arena(ctx);
    l->args = cn__args_fill(ctx, mem, site, l->cls, given);
    if (!l->args || !name_it(l, mem) || !cn__args_check(ctx, site, l->cls, l->args)) return false;
    if (strchr(l->name, '/') || strchr(l->name, '*') || strchr(l->name, ','))
        return cn__fail(ctx, site, CN_E_VALUE,
                        "%s: a layer's name must not contain / * or , which paths and patterns use.", l->name), false;
    cn_flag trainable = CN_YES;
    cn_regularizer activity = { 0 };
    member(l, "trainable", &trainable, sizeof trainable);
    cn_dtype dtype = 0;
    member(l, "dtype", &dtype, sizeof dtype);
    member(l, "activity_regularizer", &activity, sizeof activity);
    l->trainable = trainable == CN_YES;
    if (dtype && !cn__is_float(dtype))
        return cn__fail(ctx, site, CN_E_DTYPE,
                        "%s: dtype is %s; a layer computes with float32, float64, float16 or bfloat16.", l->name,
                        cn__dtype_name(dtype)), false;
    cn__layer_computes(l, dtype ? dtype : CN_FLOAT32);
    return cn__spec_make(ctx, mem, site, CN__FAM_REGULARIZER, activity.name, &l->activity_regularizer);
}

cn_layer *cn__layer_new(cn_ctx *ctx, const char *site, const cn__class *class, const void *given)
{
    cn_layer *l = cn__new_small(ctx, CN__LAYER, sizeof *l);
    if (cn__bad(l)) return l;
    l->cls = class, l->ops = class->ops, l->name = class->snake;
    int64_t number = cn__unique(ctx, "cornu>layers");
    l->number = (uint32_t)number;
    if (number < 0) cn__nomem(ctx);
    if (number < 0 || !set_up(l, site, given))
        return cn__poison(l, NULL, (cn_error)(ctx), "%s", (cn_error_message)(ctx));
    return l;
}

/* ---- Weights ----------------------------------------------------------------------------------------------------- */
cn__weight *cn__layer_weight_of(cn_layer *l, cn_dtype dtype, const char *site, const char *name, int rank,
                                const int64_t *dim, cn__spec initializer, cn__spec regularizer, cn__spec constraint,
                                bool trainable)
{
    cn_ctx *ctx = l->obj.ctx;
    cn__arena *mem = cn__ctx_arena(ctx);
    cn__type type = { .dtype = (uint8_t)dtype, .rank = (uint8_t)rank };
    for (int i = 0; i < rank; i++) {
        if (dim[i] < 0)
            return cn__fail(ctx, site, CN_E_SHAPE,
                            "%s: the size of axis %d of its %s depends on an unknown size of the input; give the "
                            "input a shape without CN_ANY there.",
                            l->name, i, name),
                   NULL;
        type.dim[i] = dim[i];
    }
    cn__weight *w = cn__arena_alloc(mem, sizeof *w);
    char *path = cn__arena_printf(mem, "%s/%s", l->name, name), *own = cn__arena_text(mem, name);
    if (!w || !path || !own || !cn__push(ctx, &l->weights, w)) return cn__nomem(ctx), NULL;
    uint64_t stream = cn__hash(l->number, cn__hash_bytes(name, strlen(name)));
    *w = (cn__weight){ NULL, own, initializer, regularizer, constraint, trainable, stream };
    w->var = cn__var_new(ctx, mem, path, &type, trainable ? CN__WEIGHT : CN__STAT, CN__SCOPE_MODEL, trainable);
    if (!w->var) return l->weights.n--, cn__nomem(ctx), NULL;
    return w;
}

cn__weight *cn__layer_weight(cn_layer *l, const char *site, const char *name, int rank, const int64_t *dim,
                             cn__spec initializer, cn__spec regularizer, cn__spec constraint, bool trainable)
{
    /* half precision computes with float32's weights */
    cn_dtype dtype = l->dtype == CN_FLOAT64 ? CN_FLOAT64 : CN_FLOAT32;
    return cn__layer_weight_of(l, dtype, site, name, rank, dim, initializer, regularizer, constraint, trainable);
}

cn_status cn__layer_chosen(cn_layer *l, const char *site, const char *name, int rank, const int64_t *dim,
                           cn_initializer initializer, cn_regularizer regularizer, cn_constraint constraint)
{
    cn_ctx *ctx = l->obj.ctx;
    cn__arena *mem = cn__ctx_arena(ctx);
    cn__spec i, r, c;
    if (!cn__spec_make(ctx, mem, site, CN__FAM_INITIALIZER, initializer.name, &i) ||
        !cn__spec_make(ctx, mem, site, CN__FAM_REGULARIZER, regularizer.name, &r) ||
        !cn__spec_make(ctx, mem, site, CN__FAM_CONSTRAINT, constraint.name, &c)) return (cn_error)(ctx);
    return cn__layer_weight(l, site, name, rank, dim, i, r, c, true) ? CN_OK : (cn_error)(ctx);
}

cn_status cn__weight_initialize(cn__weight *w, uint64_t seed)
{
    cn__var *v = w->var;
    size_t n = (size_t)cn__type_count(&v->type), bytes = n * sizeof(float);
    float *out = v->type.dtype == CN_FLOAT32 ? cn__var_master(v) : cn__alloc(v->ctx, bytes);
    if (!out) return cn__nomem(v->ctx);
    cn_status status = cn__initialize(v->ctx, &w->initializer, v->type.rank, v->type.dim, seed, w->stream, out);
    if (out != cn__var_master(v)) {
        if (!status) cn__convert((cn_dtype)v->type.dtype, cn__var_master(v), CN_FLOAT32, out, n);
        cn__free(v->ctx, out, bytes);
    }
    cn__var_touch(v);
    return status;
}

/* ---- What calls see ---------------------------------------------------------------------------------------------- */
cn__val cn__weight_val(cn__lowering *l, int i)
{
    return cn__layer_cast(l, cn__variable(l->g, l->layer->weights.at[i]->var));
}

cn__val cn__layer_cast(const cn__lowering *l, cn__val v)
{
    return v ? cn__cast(l->g, v, l->layer->dtype) : 0;
}

/* By the layer's path: the model that is saved and loaded draws the same numbers. */
uint32_t cn__stream(const cn__lowering *l, uint32_t which)
{
    const char *name = l->layer->name;
    uint64_t place = cn__hash_bytes(l->prefix, strlen(l->prefix)), own = cn__hash_bytes(name, strlen(name));
    return (uint32_t)cn__hash(cn__hash(cn__hash(place, own), l->call), which);
}

cn_status cn__layer_error(const cn_layer *l, const char *site, cn_status status, const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return cn__fail(l->obj.ctx, site, status, "%s \"%s\": %s", l->cls->snake, l->name, text);
}

const char *cn__layer_shape_text(const cn__type *t, char *buffer, size_t size)
{
    int n = snprintf(buffer, size, "(batch");
    for (int i = 1; i < t->rank && n < (int)size; i++)
        n += t->dim[i] < 0 ? snprintf(buffer + n, size - (size_t)n, ", any")
                           : snprintf(buffer + n, size - (size_t)n, ", %lld", (long long)t->dim[i]);
    if (n < (int)size) snprintf(buffer + n, size - (size_t)n, ")");
    return buffer;
}
