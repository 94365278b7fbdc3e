/* handle.c: handles and their references. A handle lives until nobody refers to it; cn_close ends what is left. */
#include "base/context.h"

static void open_handle(cn__obj *h, cn_ctx *ctx, cn__kind kind, size_t size, void (*destroy)(void *))
{
    h->magic = CN__MAGIC, h->kind = (uint16_t)kind;
    h->user = true, h->refs = 1;
    h->size = size, h->ctx = ctx, h->destroy = destroy;
}

void cn__handles_open(cn_ctx *ctx)
{
    open_handle(&ctx->obj, ctx, CN__CTX, sizeof *ctx, NULL);
    ctx->obj.small = true;
    for (int kind = 0; kind < CN__KINDS; kind++) {
        open_handle(&ctx->spare[kind], ctx, (cn__kind)kind, sizeof(cn__obj), NULL);
        ctx->spare[kind].small = true;
        ctx->spare[kind].err = &ctx->no_memory;
    }
}

static void *spare(cn_ctx *ctx, cn__kind kind)
{
    cn__memory_why(ctx, &ctx->no_memory);
    cn__record(ctx, &ctx->no_memory, false);
    return &ctx->spare[kind];
}

void *cn__new(cn_ctx *ctx, cn__kind kind, size_t size, void (*destroy)(void *self))
{
    if (!ctx) return NULL;
    cn__obj *h = cn__alloc0(ctx, size);
    if (!h) return spare(ctx, kind);
    open_handle(h, ctx, kind, size, destroy);
    pthread_mutex_lock(&ctx->lock);
    h->next = ctx->handles;
    if (h->next) h->next->prev = h;
    ctx->handles = h;
    pthread_mutex_unlock(&ctx->lock);
    return cn__inherit(h, ctx);
}

void *cn__new_small(cn_ctx *ctx, cn__kind kind, size_t size)
{
    if (!ctx) return NULL;
    cn__obj *h = cn__arena_alloc(&ctx->arena, size);
    if (!h) return spare(ctx, kind);
    open_handle(h, ctx, kind, size, NULL);
    h->small = true;
    return cn__inherit(h, ctx);
}

void cn__ref(void *handle)
{
    cn__obj *h = handle;
    if (!h || h->small) return;
    pthread_mutex_lock(&h->ctx->lock);
    h->refs++;
    pthread_mutex_unlock(&h->ctx->lock);
}

static void take_out(cn__obj *h)                         /* of the list; with the lock held */
{
    if (h->prev) h->prev->next = h->next;
    else h->ctx->handles = h->next;
    if (h->next) h->next->prev = h->prev;
}

static void bury(cn__obj *h)
{
    cn__error_unref(h->ctx, h->err);
    h->magic = 0;
    cn__free(h->ctx, h, h->size);
}

void cn__unref(void *handle)
{
    cn__obj *h = handle;
    if (!h || h->small) return;
    pthread_mutex_lock(&h->ctx->lock);
    bool last = !h->ctx->closing && --h->refs == 0;
    if (last) take_out(h);
    pthread_mutex_unlock(&h->ctx->lock);
    if (!last) return;
    if (h->destroy) h->destroy(h);
    bury(h);
}

void cn__handles_release(cn_ctx *ctx)
{
    cn__ref(ctx->handles);
    for (cn__obj *h = ctx->handles, *next; h; h = next) {
        cn__ref(next = h->next);                         /* or the end of h might be its end as well */
        if (h->user) h->user = false, cn__unref(h);
        cn__unref(h);
    }
}

/* What refers to each other in a ring, or was never given back. The blocks stay until all are destroyed, since
   destroy() functions look at what they unref. */
void cn__handles_destroy(cn_ctx *ctx)
{
    ctx->closing = true;
    for (cn__obj *h = ctx->handles; h; h = h->next)
        if (h->destroy) h->destroy(h);
    for (cn__obj *h = ctx->handles, *next; h; h = next) {
        next = h->next;
        bury(h);
    }
    ctx->handles = NULL;
}

bool cn__is(const void *handle, cn__kind kind)
{
    const cn__obj *h = handle;
    return h && h->magic == CN__MAGIC && h->kind == kind;
}

/* ---- The user's -------------------------------------------------------------------------------------------------- */
void (cn_free)(void *handle)
{
    cn__obj *h = handle;
    if (!h || h->magic != CN__MAGIC) return;
    if (h->kind == CN__CTX) {
        cn__fail(h->ctx, NULL, CN_E_VALUE, "cn_free: a context goes by cn_close, with all that was made on it");
        return;
    }
    if (h->small) return;                                /* stays until cn_close */
    if (!h->user) {
        cn__fail(h->ctx, NULL, CN_E_STATE, "cn_free: given back before; the handle is there because others use it");
        return;
    }
    h->user = false;
    cn__unref(h);
}

cn_ctx *(cn_ctx_of)(const void *handle) { return handle ? ((const cn__obj *)handle)->ctx : NULL; }
