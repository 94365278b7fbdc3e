/* ref.c: the oracle: each primitive by its reference kernel, in one call. Composites are expanded by legalise. */
#include "backends/backend.h"

static const char *supports(const cn_graph *g, const cn__inst *i)
{
    (void)g;
    return i->op == CN__OP_BATCH || cn__ops[i->op].ref ? NULL : "composite";
}

static bool prepare(cn__prep *p, const cn_graph *g, const cn__inst *i)
{
    return i->op == CN__OP_BATCH ? cn__prepare_batch(p, g, i) : cn__prepare_ref(p, g, i);
}

const cn__backend cn__backend_ref = { .name = "ref", .supports = supports, .prepare = prepare };
