/* dispatch.c: the backends compiled in, by name; which kernel each node of a plan got, why a better one declined. */
#include "exec/exec.h"

#define CN_BACKEND(name) extern const cn__backend cn__backend_##name;
#include "backends/backends.def"
#undef CN_BACKEND

static const cn__backend *const backends[] = {
#define CN_BACKEND(name) &cn__backend_##name,
#include "backends/backends.def"
#undef CN_BACKEND
};

const cn__backend *cn__backend_at(int i) { return i >= 0 && i < (int)CN__COUNT(backends) ? backends[i] : NULL; }

const cn__backend *cn__backend_find(const char *name)
{
    for (size_t k = 0; k < CN__COUNT(backends); k++)
        if (!strcmp(backends[k]->name, name)) return backends[k];
    return NULL;
}

static void explain_call(const cn__plan *plan, uint32_t k, cn__text *text)
{
    const cn__call *c = &plan->call[k];
    const cn__inst *i = &plan->graph->insts.at[c->inst];
    char type[128];
    cn__text_add(text, "%4u %-16s %-24s", k, cn__ops[i->op].name ? cn__ops[i->op].name : "-", plan->kernel[k]);
    if (c->nrep != 1 || c->ntask != 1) cn__text_add(text, " %u x %u", c->nrep, c->ntask);
    if (i->out) cn__text_add(text, " %s", cn__type_text(cn__type_of(plan->graph, i->out), type, sizeof type));
    if (plan->detail[k]) cn__text_add(text, " %s", plan->detail[k]);
    if (i->origin) cn__text_add(text, " [%s]", plan->graph->origins.at[i->origin]);
    cn__text_add(text, "\n");
}

void cn__explain(const cn__plan *plan, cn__text *text)
{
    cn__text_add(text, "backend %s, arena %zu bytes, %u + %u calls\n", plan->backend->name, plan->arena, plan->ncompute,
                 plan->ncommit);
    for (uint32_t k = 0; k < plan->ncompute + plan->ncommit; k++) {
        if (k == plan->ncompute) cn__text_add(text, "commit\n");
        explain_call(plan, k, text);
    }
    cn__text_add(text, "%s", plan->declined);
}
