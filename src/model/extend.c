/* extend.c: layers, losses, metrics and activations of the user's. They are classes like the built-in ones; their
   functions see nodes instead of values. */
#include "model/model.h"
#include "nn/options.h"
#include <string.h>

/* What a registered class's functions want: cn__class.user. */
typedef struct own {
    const char  *name;
    cn_build_fn  build;
    cn_call_fn   call;
    int64_t      outputs;
    const cn_table_of_options *options;
    const cn__class *option_class;                       /* the same, as the library's own tables */
    cn_pair_fn   pair;
    cn_node_fn   node;
    void        *user;
    int64_t      sums;
    cn_result_fn result;
} own;

/* ---- Registering ------------------------------------------------------------------------------------------------- */
static cn_status check_name(cn_ctx *ctx, const char *site, const char *verb, const char *name)
{
    const char *mark = name ? strchr(name, '>') : NULL;
    if (mark && mark > name && mark[1] && !strpbrk(name, "/*, ")) return CN_OK;
    return cn__fail(ctx, site, CN_E_VALUE, "%s: the name is \"%s\". Give your package, > and a name: \"acme>pinball\".",
                    verb, name ? name : "(null)");
}

static cn_status add_class(cn_ctx *ctx, const cn__class *row, const own *given)
{
    own *kept = cn__arena_alloc(cn__ctx_arena(ctx), sizeof *kept);
    cn__class c = *row;
    if (!kept) return cn__nomem(ctx);
    *kept = *given;
    c.user = kept;
    return cn__class_register(ctx, &c) ? CN_OK : (cn_error)(ctx);
}

/* ---- Nodes for values and back ----------------------------------------------------------------------------------- */
/* The value of the node that a function of the user's gave; 0: the graph has the error. */
static cn__val value_of(cn_graph *g, const cn_node *n, const char *name)
{
    if (!n) return cn__graph_fail(g, CN_E_USER, "the function of \"%s\" gave NULL", name);
    if (cn__bad(n)) return cn__graph_fail(g, cn__status_of(n), "\"%s\": %s", name, (cn_error_message)(n));
    return n->g == g ? n->v : cn__graph_fail(g, CN_E_USER, "the function of \"%s\" gave a node of another graph", name);
}

static cn__val call_pair(cn_graph *g, const own *o, cn__val y, cn__val p)
{
    return g->error.status ? 0 : value_of(g, o->pair(cn__node(g, y), cn__node(g, p), o->user), o->name);
}

static cn__val own_loss(cn_graph *g, const cn__spec *spec, cn__val y, cn__val p)
{
    return call_pair(g, spec->cls->user, y, p);
}
static cn__val own_values(cn_graph *g, const cn__metric *m, cn__val y, cn__val p)
{
    cn__val v = call_pair(g, m->spec.cls->user, y, p);
    return v && !cn__is_float((cn_dtype)cn__type_of(g, v)->dtype) ? cn__cast(g, v, CN_FLOAT32) : v;
}
static int own_count(const cn__metric *m) { return (int)((const own *)m->spec.cls->user)->sums; }
static double own_result(const cn__metric *m, const double *sums)
{
    const own *o = m->spec.cls->user;
    return o->result(sums, o->user);
}

/* The weighed sums of all but the last axis. */
static cn__val own_sums(cn_graph *g, const cn__metric *m, cn__val y, cn__val p, cn__val weight)
{
    const own *o = m->spec.cls->user;
    cn__val v = own_values(g, m, y, p);
    if (!v) return 0;
    cn__type t = *cn__type_of(g, v);
    if (!t.rank || t.dim[t.rank - 1] != o->sums)
        return cn__graph_fail(g, CN_E_SHAPE,
                              "metric \"%s\" has %lld sums; its function's last axis must have that size", o->name,
                              (long long)o->sums);
    if (weight) {
        int64_t dim[CN_MAX_RANK];
        const cn__type *w = cn__type_of(g, weight);
        for (int i = 0; i < t.rank; i++) dim[i] = i < w->rank && i + 1 < t.rank ? w->dim[i] : 1;
        v = cn__mul(g, v, cn__cast(g, cn__reshape(g, weight, t.rank, dim), (cn_dtype)t.dtype));
    }
    return cn__reduce(g, CN__OP_SUM, cn__cast(g, v, CN_FLOAT64), (1u << (t.rank - 1)) - 1, false);
}

static cn__val own_apply(cn_graph *g, const cn__spec *spec, cn__val z)
{
    const own *o = spec->cls->user;
    return g->error.status ? 0 : value_of(g, o->node(cn__node(g, z), o->user), o->name);
}

static const cn__loss_ops   loss_ops   = { .values = own_loss, .any_shape = true };
static const cn__metric_ops mean_ops = { .values = own_values },
                            sums_ops = { .count = own_count, .sums = own_sums, .result = own_result };
static const cn__act_ops    act_ops    = { .apply = own_apply };

#define REGISTER(what, family_, ops_, fields)                                                                     \
    cn_ctx *ctx = a.on;                                                                                           \
    const char *site = a.head.site;                                                                               \
    if (cn__bad(ctx)) return ctx ? cn__fail_with(ctx) : CN_E_NOMEM;                                               \
    cn_status status = check_name(ctx, site, what, a.name);                                                       \
    const char *kept_name = status ? NULL : cn__arena_text(cn__ctx_arena(ctx), a.name);                           \
    if (status) return status;                                                                                    \
    if (!kept_name) return cn__nomem(ctx);                                                                        \
    if (!a.f) return cn__fail(ctx, site, CN_E_VALUE, "%s: \"%s\" has no function.", what, a.name);                \
    own o = { .name = kept_name, .user = a.user, fields };                                                        \
    cn__class row = {                                                                                             \
        .name = kept_name, .module = NULL, .aliases = "", .formula = "registered", .family = family_, .ops = ops_ \
    }

cn_status (cn_register_loss)(cn_register_loss_args *given)
{
    CN__ARGS(cn_register_loss_args, a, given);
    REGISTER("cn_register_loss", CN__FAM_LOSS, &loss_ops, .pair = a.f);
    return add_class(ctx, &row, &o);
}

cn_status (cn_register_metric)(cn_register_metric_args *given)
{
    CN__ARGS(cn_register_metric_args, a, given);
    REGISTER("cn_register_metric", CN__FAM_METRIC, a.sums ? &sums_ops : &mean_ops, .pair = a.f);
    o.sums = a.sums, o.result = a.result;
    if (a.sums < 0 || a.sums > 1 << 20 || !a.sums != !a.result)
        return cn__fail(ctx, site, CN_E_VALUE,
                        "cn_register_metric: \"%s\": .sums and .result belong together, and .sums is at least 1.",
                        a.name);
    return add_class(ctx, &row, &o);
}

cn_status (cn_register_activation)(cn_register_activation_args *given)
{
    CN__ARGS(cn_register_activation_args, a, given);
    REGISTER("cn_register_activation", CN__FAM_ACT, &act_ops, .node = a.f);
    return add_class(ctx, &row, &o);
}

/* ---- Options of a layer ------------------------------------------------------------------------------------------ */
static size_t kind_size(cn_kind kind)
{
    return kind == CN_KIND_cn_flag ? sizeof(cn_flag) : kind == CN_KIND_cn_word ? sizeof(cn_word) : 8;
}

static void put_preset(char *at, const cn_field *f)
{
    static const char zeros[8];
    double  real = f->preset;
    int64_t whole = (int64_t)f->preset;
    int     small = (int)f->preset;
    if (f->kind == CN_KIND_double) {
        memcpy(&real, at, sizeof real);
        if (!memcmp(at, zeros, sizeof real)) real = f->preset;
        else if (real == CN_ZERO) real = 0;
        memcpy(at, &real, sizeof real);
    } else if (f->kind == CN_KIND_int64_t) {
        int64_t given;
        memcpy(&given, at, sizeof given);
        if (given == CN_AXIS0) whole = 0;
        if (!given || given == CN_AXIS0) memcpy(at, &whole, sizeof whole);
    }
    else if ((f->kind == CN_KIND_cn_flag || f->kind == CN_KIND_cn_word) && !memcmp(at, zeros, sizeof small))
        memcpy(at, &small, sizeof small);
}

/* The caller's struct copied, its presets filled in, its strings copied. The members lie as C lays them: in order,
 * aligned. */
static void *copy_options(cn_ctx *ctx, const cn_table_of_options *table, const cn_head *given)
{
    cn__arena *mem = cn__ctx_arena(ctx);
    char  *all = cn__arena_alloc(mem, table->size);
    size_t at = sizeof(cn_head);
    if (!all) return cn__nomem(ctx), NULL;
    if (given) memcpy(all, given, CN__MIN(table->size, given->size));
    for (int i = 0; i < table->count; i++) {
        size_t size = kind_size(table->fields[i].kind);
        cn_text text;
        at = (at + size - 1) / size * size;
        put_preset(all + at, &table->fields[i]);
        if (table->fields[i].kind == CN_KIND_cn_text) {
            memcpy(&text, all + at, sizeof text);
            if (text && !(text = cn__arena_text(mem, text))) return cn__nomem(ctx), NULL;
            memcpy(all + at, &text, sizeof text);
        }
        at += size;
    }
    return all;
}

/* The user's table as the library's own have it. Presets stay 0: copy_options puts them in. */
static void no_presets(void *args) { (void)args; }

static const cn__class *option_class(cn_ctx *ctx, const char *name, const cn_table_of_options *table)
{
    static const uint8_t type[] = { [CN_KIND_double] = CN__O_double,   [CN_KIND_int64_t] = CN__O_int64_t,
                                    [CN_KIND_cn_flag] = CN__O_cn_flag, [CN_KIND_cn_word] = CN__O_cn_word,
                                    [CN_KIND_cn_text] = CN__O_cn_text };
    cn__arena *mem = cn__ctx_arena(ctx);
    cn__class *row = cn__arena_alloc(mem, sizeof *row);
    cn__option *o = cn__arena_alloc(mem, ((size_t)table->count + 1) * sizeof *o);
    size_t at = sizeof(cn_head);
    if (!row || !o) return cn__nomem(ctx), NULL;
    for (int i = 0; i < table->count; i++) {
        const cn_field *f = &table->fields[i];
        size_t size = kind_size(f->kind);
        at = (at + size - 1) / size * size;
        o[i] = (cn__option){ .name = f->name, .type = type[f->kind], .offset = (uint32_t)at, .size = (uint32_t)size,
                             .preset = cn__arena_printf(mem, "%g", f->preset), .help = f->help };
        if (!o[i].preset) return cn__nomem(ctx), NULL;
        at += size;
    }
    *row = (cn__class){ .name = name, .snake = name, .family = CN__FAM_LAYER, .size = table->size, .option = o,
                        .options = table->count, .presets = no_presets };
    return row;
}

const cn__class *cn__custom_options(const cn__class *class)
{
    return class->family == CN__FAM_LAYER && class->user ? ((const own *)class->user)->option_class : NULL;
}

/* ---- Layers ------------------------------------------------------------------------------------------------------ */
static const void *options_of(const cn_layer *l) { return ((const cn_custom_args *)l->args)->options; }

static cn_status layer_build(cn_layer *l, const char *site)
{
    const own *o = l->cls->user;
    cn_ctx    *ctx = l->obj.ctx;
    cn_tensor *in[CN_MAX_IO];
    (void)site;
    if (!o->build) return CN_OK;
    for (int i = 0; i < l->nin; i++)
        if (cn__bad(in[i] = cn__tensor_new(ctx, &l->in_type[i], NULL, 0))) return cn__fail_with(in[i]);
    cn_build b = { .size = sizeof b, .ctx = ctx, .layer = l, .options = options_of(l), .in = in, .inputs = l->nin };
    l->state = &b;                                       /* cn_add_weight is possible now */
    cn_status status = o->build(&b);
    l->state = NULL;
    if (!status) return CN_OK;
    if (status > 0) status = CN_E_USER;
    return (cn_error)(ctx) == status
               ? status
               : cn__fail(ctx, site, status, "%s \"%s\": its build function failed.", l->cls->snake, l->name);
}

static bool layer_call(cn__lowering *k)
{
    const own *o = k->layer->cls->user;
    cn_graph  *g = k->g;
    cn_node   *in[CN_MAX_IO], *mask[CN_MAX_IO], *out[CN_MAX_LIST] = { NULL };
    size_t     n = k->layer->weights.n;
    cn_node  **weight = cn__arena_alloc(&g->mem, (n + 1) * sizeof *weight);
    if (!weight) return cn__graph_fail(g, CN_E_NOMEM, "out of memory for a layer's weights"), false;
    for (size_t i = 0; i < n; i++) weight[i] = cn__node(g, cn__weight_val(k, (int)i));
    for (int i = 0; i < k->nin; i++) {
        in[i] = cn__node(g, k->in[i]);
        mask[i] = k->mask[i] ? cn__node(g, k->mask[i]) : NULL;
    }
    if (g->error.status) return false;
    cn_layer_call c = { .size = sizeof c,
                        .graph = g,
                        .options = options_of(k->layer),
                        .in = in,
                        .mask = mask,
                        .weight = weight,
                        .out = out,
                        .inputs = k->nin,
                        .training = k->training };
    cn_node *first = o->call(&c);
    k->out[0] = value_of(g, first ? first : out[0], o->name);
    for (int i = 1; i < k->nout && k->out[0]; i++) k->out[i] = value_of(g, out[i], o->name);
    return !g->error.status;
}

static int layer_outputs(const cn_layer *l) { return (int)((const own *)l->cls->user)->outputs; }

static const cn__layer_ops layer_ops[2] = {              /* without and with masking */
    { .build = layer_build, .call = layer_call, .outputs = layer_outputs },
    { .build = layer_build, .call = layer_call, .outputs = layer_outputs, .supports_masking = true }
};
CN__CLASS(class_custom, cn_custom_args, CN_CUSTOM_REQUIRED, CN_LAYER_FIELDS, CN_CUSTOM_FIELDS, "Custom", "custom", NULL,
          "", "registered", CN__FAM_LAYER, NULL, &layer_ops[0])

cn_status (cn_register_layer)(cn_register_layer_args *given)
{
    CN__ARGS(cn_register_layer_args, a, given);
    cn_ctx *ctx = a.on;
    const char *site = a.head.site;
    if (cn__bad(ctx)) return ctx ? cn__fail_with(ctx) : CN_E_NOMEM;
    cn_status status = check_name(ctx, site, "cn_register_layer", a.name);
    if (status) return status;
    CN__FILL(cn_register_layer_args, CN_REGISTER_LAYER_FIELDS);
    if (!a.call) return cn__fail(ctx, site, CN_E_VALUE, "cn_register_layer: \"%s\" has no .call.", a.name);
    if (a.outputs < 1 || a.outputs > CN_MAX_LIST)
        return cn__fail(ctx, site, CN_E_VALUE, "cn_register_layer: \"%s\": .outputs is %lld, it must be 1 .. %d.",
                        a.name, (long long)a.outputs, CN_MAX_LIST);
    const char *name = cn__arena_text(cn__ctx_arena(ctx), a.name);
    if (!name) return cn__nomem(ctx);
    own o = { .name = name, .build = a.build, .call = a.call, .outputs = a.outputs, .options = a.options };
    if (a.options && !(o.option_class = option_class(ctx, name, a.options))) return (cn_error)(ctx);
    cn__class row = *class_custom();
    row.name = name, row.ops = &layer_ops[a.supports_masking == CN_YES];
    return add_class(ctx, &row, &o);
}

cn_status (cn_add_weight)(cn_add_weight_args *given)
{
    CN__ARGS(cn_add_weight_args, a, given);
    cn_layer *l = a.on;
    if (cn__bad(l)) return l ? cn__fail_with(l) : CN_E_NOMEM;
    cn_ctx    *ctx = l->obj.ctx;
    cn__arena *mem = cn__ctx_arena(ctx);
    const char *site = a.head.site;
    int64_t    dim[CN_MAX_RANK];
    cn__spec   i, r, c;
    CN__FILL(cn_add_weight_args, CN_ADD_WEIGHT_FIELDS);
    if (l->ops->build != layer_build || !l->state)
        return cn__fail(ctx, site, CN_E_STATE, "cn_add_weight: only within the build function of a layer of yours.");
    if (!a.name || !*a.name || strpbrk(a.name, "/*,"))
        return cn__fail(ctx, site, CN_E_VALUE, "cn_add_weight: \"%s\" is no name for a weight.",
                        a.name ? a.name : "(null)");
    int rank = cn__dims_rank(a.shape, dim);
    return cn__spec_make(ctx, mem, site, CN__FAM_INITIALIZER, a.initializer.name, &i) &&
                   cn__spec_make(ctx, mem, site, CN__FAM_REGULARIZER, a.regularizer.name, &r) &&
                   cn__spec_make(ctx, mem, site, CN__FAM_CONSTRAINT, a.constraint.name, &c) &&
                   cn__layer_weight(l, site, a.name, rank, dim, i, r, c, a.trainable == CN_YES)
               ? CN_OK
               : (cn_error)(ctx);
}

/* ---- cn_custom --------------------------------------------------------------------------------------------------- */
static cn_layer *no_class(cn_ctx *ctx, const char *site, const char *type)
{
    cn__class_unknown(ctx, site, CN__FAM_LAYER, type ? type : "");
    return cn__poison_recorded(cn__new_small(ctx, CN__LAYER, sizeof(cn_layer)));
}

cn_layer *cn__custom_new(cn_ctx *ctx, const char *site, const cn__class *class, const cn_custom_args *given)
{
    const own *o = class->user;
    cn_custom_args a = *given;
    a.type = class->name;
    if (o->options && !(a.options = copy_options(ctx, o->options, a.options)))
        return cn__poison_recorded(cn__new_small(ctx, CN__LAYER, sizeof(cn_layer)));
    return cn__layer_new(ctx, site, class, &a);
}

cn_layer *(cn_custom)(cn_custom_args *given)
{
    CN__ARGS(cn_custom_args, a, given);
    cn_ctx *ctx = (cn_ctx_of)(a.on);
    const char *site = a.head.site;
    if (!ctx) return NULL;
    const cn__class *cls = cn__class_find(ctx, CN__FAM_LAYER, a.type);
    if (!cls || !cls->user) return no_class(ctx, site, a.type);
    a.head.size = sizeof a;
    cn_layer *l = cn__custom_new(ctx, site, cls, &a);
    if (cn__bad(l) || !a.more[0]) return cn__layer_place(l, a.on, site);
    cn_tensor *in[CN_MAX_IO + 1] = { NULL };
    if (!cn__is(a.on, CN__TENSOR))
        return cn__poison(l, site, CN_E_VALUE, "%s: .more is for a layer that is called on a tensor.", l->name);
    in[0] = a.on;
    for (int i = 0; i + 1 < CN_MAX_IO && a.more[i]; i++) in[i + 1] = a.more[i];
    return cn__inherit(l, cn__layer_join(l, in, site));
}
