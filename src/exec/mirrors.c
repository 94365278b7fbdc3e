/* mirrors.c: packed copies of variables. They belong to the variable and are shared by all plans: written by the
   updates of a plan made when they existed, packed again at the start of a run where the master is newer. */
#include "exec/plan.h"
#include <pthread.h>

/* What all plans of a context share: resident: there are some in which variables reside. */
typedef struct cn__mirrors { pthread_mutex_t lock; atomic_bool resident; } cn__mirrors;

static cn__mirrors *of(cn_ctx *ctx) { return *cn__ctx_slot(ctx, CN__SLOT_EXEC); }

static void close_mirrors(cn_ctx *ctx, void *with)
{
    cn__mirrors *m = with;
    pthread_mutex_destroy(&m->lock);
    cn__free(ctx, m, sizeof *m);
}

bool cn__mirrors_open(cn_ctx *ctx)
{
    if (of(ctx)) return true;
    cn__mirrors *m = cn__alloc0(ctx, sizeof *m);
    if (!m) return cn__nomem(ctx), false;
    pthread_mutex_init(&m->lock, NULL);
    if (cn__ctx_at_close(ctx, close_mirrors, m)) return *cn__ctx_slot(ctx, CN__SLOT_EXEC) = m, true;
    close_mirrors(ctx, m);
    return cn__nomem(ctx), false;
}

void cn__mirrors_lock(cn_ctx *ctx)   { pthread_mutex_lock(&of(ctx)->lock); }
void cn__mirrors_unlock(cn_ctx *ctx) { pthread_mutex_unlock(&of(ctx)->lock); }
void cn__mirrors_reside(cn_ctx *ctx) { of(ctx)->resident = true; }

static void settle_with_lock(cn__var *);

int cn__mirror_of(cn__prep *p, cn__var *var, cn__layout layout)
{
    int k = 0;
    while (k < var->mirrors && var->mirror[k].layout != layout) k++;
    if (k < var->mirrors) return k;
    if (k == (int)CN__COUNT(var->mirror)) {
        cn__prep_fail(p, CN_E_LIMIT, "variable \"%s\" is wanted in more than %d layouts", var->path, k);
        return -1;
    }
    size_t bytes = p->plan->backend->pack_bytes(layout, &var->type);
    void  *at = cn__alloc(var->ctx, bytes);
    if (!at) return cn__prep_nomem(p), -1;
    var->mirror[k] = (cn__mirror){ (uint8_t)layout, at, bytes, .version = 0 /* older than any master */,
                                   .unpack = p->plan->backend->unpack };
    var->settle = settle_with_lock;
    var->mirrors++;
    return k;
}

/* ---- Masters that a plan left behind (reside.c) ------------------------------------------------------------------ */
static void settle(cn__var *var)                         /* with the lock */
{
    if (!var->ahead) return;
    const cn__mirror *m = &var->mirror[var->ahead - 1];
    m->unpack((cn__layout)m->layout, &var->type, m->at, var->master);
    var->ahead = 0;                                      /* after the unpacking: who sees it sees the master */
}

static void settle_with_lock(cn__var *var)
{
    cn__mirrors_lock(var->ctx);
    settle(var);
    cn__mirrors_unlock(var->ctx);
}

/* ---- Runs -------------------------------------------------------------------------------------------------------- */
static bool stale_mirror(const cn__plan *plan, uint32_t k)
{
    for (int m = 0; plan->use[k].reads >> m; m++)
        if (plan->use[k].reads >> m & 1 && plan->var[k]->mirror[m].version != plan->var[k]->version) return true;
    return false;
}

static bool stale(const cn__plan *plan)
{
    for (uint32_t k = 0; k < plan->nvars; k++)
        if ((plan->use[k].master && plan->var[k]->ahead) || (plan->use[k].reads && stale_mirror(plan, k))) return true;
    return false;
}

static void refresh(const cn__plan *plan, uint32_t k)    /* with the lock */
{
    cn__var *var = plan->var[k];
    bool     pack = stale_mirror(plan, k);
    if (pack || plan->use[k].master) settle(var);
    for (int m = 0; pack && plan->use[k].reads >> m; m++) {
        cn__mirror *mirror = &var->mirror[m];
        if (!(plan->use[k].reads >> m & 1) || mirror->version == var->version) continue;
        plan->backend->pack((cn__layout)mirror->layout, &var->type, var->master, mirror->at);
        mirror->version = var->version;                  /* after the packing: who sees it sees what was packed */
    }
}

/* Runners predict without the lock: it is for the first of them that come after weights changed. */
void cn__mirrors_refresh(const cn__plan *plan)
{
    if ((!plan->reads_mirrors && !of(plan->ctx)->resident) || !stale(plan)) return;
    cn__mirrors_lock(plan->ctx);
    for (uint32_t k = 0; k < plan->nvars; k++) refresh(plan, k);
    cn__mirrors_unlock(plan->ctx);
}

/* Mirrors that came after the plan was made are stale now. A runner's own variables have none. */
void cn__mirrors_written(const cn__plan *plan)
{
    for (uint32_t k = 0; k < plan->nvars; k++) {
        cn__var *var = plan->var[k];
        if (!plan->use[k].written || var->scope == CN__SCOPE_RUNNER) continue;
        var->version++;
        for (int m = 0; m < plan->use[k].mirrors; m++) var->mirror[m].version = var->version;
        var->ahead = plan->use[k].resides;
    }
}
