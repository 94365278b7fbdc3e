/* dispatch.c: the backends compiled in, by name; which kernel each node of a plan got, and why a better one declined. */
#include "exec/exec.h"
#include <string.h>

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

void cn__explain(const cn__plan *plan, cn__text *text)
{
    for (uint32_t k = 0; k < plan->ncompute + plan->ncommit; k++) {
        const cn__inst *i = &plan->graph->insts.at[plan->call[k].inst];
        char type[128];
        if (k == plan->ncompute) cn__text_add(text, "commit\n");
        cn__text_add(text, "%4u %-16s %-24s %ux%u %s", k, cn__ops[i->op].name, plan->kernel[k], plan->call[k].nrep, plan->call[k].ntask,
                     cn__type_text(cn__type_of(plan->graph, i->out), type, sizeof type));
        if (plan->detail[k]) cn__text_add(text, " %s", plan->detail[k]);
        if (i->origin) cn__text_add(text, " [%s]", plan->graph->origins.at[i->origin]);
        cn__text_add(text, "\n");
    }
}
