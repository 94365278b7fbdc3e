/* fold.c: what depends on constants alone is computed now, by the reference kernels: a primitive by its own, a
   composite by emitting its decomposition, whose parts fold. */
#include "graph/core.h"

static const cn__inst *repeated(const cn_graph *g, cn__val v)
{
    const cn__inst *i = cn__inst_of(g, v);
    return i && i->op == CN__OP_BROADCAST && cn__type_bytes(cn__type_of(g, v)) <= CN__FOLD_BYTES ? i : NULL;
}

bool cn__foldable(const cn_graph *g, cn__val v)
{
    const cn__inst *i = repeated(g, v);
    return cn__const_of(g, i ? cn__in(g, i)[0] : v);
}

static cn__tensor_view view(const cn_graph *g, cn__val v)
{
    return (cn__tensor_view){ (void *)(uintptr_t)cn__const_of(g, v), *cn__type_of(g, v) };    /* kernels only read it */
}

/* The numbers of an operand. A repeated constant is written out in the graph's memory. */
static bool read_operand(cn_graph *g, cn__val v, cn__tensor_view *to)
{
    const cn__inst *i = repeated(g, v);
    *to = view(g, v);
    if (!i) return true;
    cn__tensor_view x = view(g, cn__in(g, i)[0]);
    to->at = cn__arena_alloc(&g->mem, cn__type_bytes(&to->type));
    if (!to->at) return cn__graph_nomem(g);
    cn__ops[CN__OP_BROADCAST].ref(&(cn__ref_call){ i->attr, 1, 1, &x, to, NULL });
    return true;
}

static bool run(cn_graph *g, const cn__inst *i, cn__tensor_view *in, int nout, cn__tensor_view *out)
{
    atomic_uint fault = 0;
    for (int k = 0; k < i->nin; k++)
        if (cn__in(g, i)[k] && !read_operand(g, cn__in(g, i)[k], &in[k])) return false;
    cn__ops[i->op].ref(&(cn__ref_call){ i->attr, i->nin, nout, in, out, &fault });
    return !atomic_load(&fault) || cn__graph_fail(g, CN_E_VALUE, "%s: an index is out of range", cn__ops[i->op].name);
}

static bool fold_primitive(cn_graph *g, const cn__inst *i, const cn__type *type, cn__val *val)
{
    cn__tensor_view out[CN__MOST_OUT];
    size_t bytes = i->nin * sizeof(cn__tensor_view), sizes[CN__MOST_OUT];
    cn__tensor_view *in = cn__alloc0(g->obj.ctx, bytes);
    bool ok = in || cn__graph_nomem(g);
    for (int k = 0; k < i->nout; k++) {
        sizes[k] = cn__type_bytes(&type[k]);
        out[k] = (cn__tensor_view){ ok ? cn__alloc(g->obj.ctx, sizes[k]) : NULL, type[k] };
        ok = ok && (out[k].at || cn__graph_nomem(g));
    }
    ok = ok && run(g, i, in, i->nout, out);
    for (int k = 0; k < i->nout; k++) {
        ok = ok && (val[k] = cn__constant(g, &type[k], out[k].at));
        cn__free(g->obj.ctx, out[k].at, sizes[k]);
    }
    cn__free(g->obj.ctx, in, bytes);
    return ok;
}

/* Composites have few operands. What their decomposition leaves behind unfolded is dropped with all that nobody
   reaches. */
static bool fold_composite(cn_graph *g, const cn__inst *i, cn__val *val)
{
    cn__val in[8];
    if (i->nin > CN__COUNT(in)) return false;
    memcpy(in, cn__in(g, i), i->nin * sizeof *in);
    if (!cn__decompose(g, i, in, val)) return false;
    for (int k = 0; k < i->nout; k++)
        if (!cn__const_of(g, val[k])) return false;
    return true;
}

bool cn__fold(cn_graph *g, const cn__inst *i, const cn__type *out, cn__val *val)
{
    const cn__op_info *info = &cn__ops[i->op];
    return info->ref ? fold_primitive(g, i, out, val) : info->decomp && fold_composite(g, i, val);
}

bool cn__decompose(cn_graph *g, const cn__inst *i, const cn__val *in, cn__val *out)
{
    const cn__op_info *info = &cn__ops[i->op];
    if (!info->decomp) return cn__graph_fail(g, CN_E_UNSUPPORTED, "%s has no decomposition", info->name);
    for (int k = 0; k < i->nout; k++) out[k] = 0;
    return info->decomp(g, i, in, out) && cn__graph_ok(g);
}
