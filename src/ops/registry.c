/* registry.c: the table of ops, made of the list, and what their shape rules say when something does not fit. */
#include "ops/ops.h"
#include <stdio.h>

#define cn__grad_none   NULL
#define cn__decomp_none NULL
#define cn__ref_none    NULL
#define SIZE(attr) (sizeof(cn__a_##attr) == sizeof(cn__a_none) ? 0 : sizeof(cn__a_##attr))

const cn__op_info cn__ops[CN__OPS] = {
#define CN_OP(id, name, attr, min, max, nout, flags, shape, grad, decomp, ref, formula) \
    [CN__OP_##id] = { #name, SIZE(attr), min, max, nout, flags, cn__shape_##shape,       \
                      cn__grad_##grad, cn__decomp_##decomp, cn__ref_##ref, formula },
#include "graph/ops.def"
#undef CN_OP
};

bool cn__misfit(cn_graph *g, const cn__inst *i, const cn__type *const *in, cn_status status, const char *format, ...)
{
    char text[512], one[96];
    size_t at = 0;
    const char *between = i->op == CN__OP_MATMUL || i->op == CN__OP_DENSE ? " by " : " and ";
    for (int k = 0; k < i->nin && at < sizeof text; k++) {
        if (!in[k]) continue;
        int n = snprintf(text + at, sizeof text - at, "%s%s", k ? between : "", cn__type_text(in[k], one, sizeof one));
        at += n > 0 ? (size_t)n : 0;
    }
    if (at < sizeof text) at += (size_t)snprintf(text + at, sizeof text - at, ": ");
    va_list args;
    va_start(args, format);
    if (at < sizeof text) vsnprintf(text + at, sizeof text - at, format, args);
    va_end(args);
    return cn__graph_fail(g, status, "%s: %s", cn__ops[i->op].name, text);
}

bool cn__want_float(cn_graph *g, const cn__inst *i, const cn__type *const *in, int k)
{
    return cn__is_float((cn_dtype)in[k]->dtype) ||
           cn__misfit(g, i, in, CN_E_DTYPE, "is defined for floating types; cast it first");
}

bool cn__want_index(cn_graph *g, const cn__inst *i, const cn__type *const *in, int k)
{
    cn__dtype_class c = cn__dtype_class_of((cn_dtype)in[k]->dtype);
    return c == CN__CLASS_I || c == CN__CLASS_U ||
           cn__misfit(g, i, in, CN_E_DTYPE, "operand %d holds places and must be of an integer type; cast it to int32",
                      k);
}

bool cn__want_axis(cn_graph *g, const cn__inst *i, const cn__type *const *in, int64_t axis, int rank)
{
    return (axis >= 0 && axis < rank) || cn__misfit(g, i, in, CN_E_SHAPE, "there is no axis %lld", (long long)axis);
}
