/* memory.c: blocks from the context's allocator, counted against its limit. */
#include "base/context.h"
#include "base/cpu.h"
#include <stdlib.h>
#include <sys/mman.h>

enum { ALIGN = 64 };                                     /* a cache line, and the widest vector */
enum { HUGE_PAGE = 2 << 20 };

/* What is long gets huge pages where the system has them: their first touch is one fault instead of 512. */
static void *system_alloc(size_t size, void *user)
{
    (void)user;
    bool   huge = size >= 2 * HUGE_PAGE;
    size_t align = huge ? HUGE_PAGE : ALIGN, whole;
    if (!cn__add_size(size, align - 1, &whole)) return NULL;
    void  *block = aligned_alloc(align, whole & ~(align - 1));
#if defined MADV_HUGEPAGE
    if (block && huge) madvise(block, whole / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
#endif
    return block;
}

static void system_free(void *block, size_t size, void *user)
{
    (void)size, (void)user;
    free(block);
}

/* A block, or NULL and why not. With m locked, or seen by nobody else yet. */
static void *take(cn__memory *m, size_t size)
{
    void *block = NULL;
    if (m->now > m->limit || size > m->limit - m->now) m->refusal = CN_E_LIMIT;
    else if (!(block = m->by.alloc(size, m->by.user))) m->refusal = CN_E_NOMEM;
    else if ((uintptr_t)block % ALIGN) {                 /* kernels rely on it */
        m->by.free(block, size, m->by.user);
        block = NULL;
        m->refusal = CN_E_USER;
    }
    if (!block) {
        m->refused = size;
        return NULL;
    }
    m->now += size;
    m->peak = CN__MAX(m->peak, m->now);
    return block;
}

cn_ctx *cn__memory_open(const cn_allocator *by, size_t limit)
{
    cn__memory m = { .by = { system_alloc, system_free, NULL }, .limit = SIZE_MAX };
    if (by->alloc && by->free) m.by = *by;
    cn_ctx *ctx = take(&m, sizeof *ctx);
    if (!ctx) return NULL;
    memset(ctx, 0, sizeof *ctx);
    m.limit = limit ? limit : cn__machine_memory() / 2;
    ctx->memory = m;
    pthread_mutex_init(&ctx->memory.lock, NULL);
    return ctx;
}

void cn__memory_close(cn_ctx *ctx)
{
    cn_allocator by = ctx->memory.by;
    pthread_mutex_destroy(&ctx->memory.lock);
    by.free(ctx, sizeof *ctx, by.user);
}

void cn__memory_why(cn_ctx *ctx, cn__error *e)
{
    cn__memory *m = &ctx->memory;
    pthread_mutex_lock(&m->lock);
    size_t asked = m->refused, now = m->now, limit = m->limit;
    cn_status why = m->refusal ? m->refusal : CN_E_NOMEM;
    pthread_mutex_unlock(&m->lock);
    if (why == CN_E_LIMIT)
        cn__error_print(e, NULL, why,
                        "over the memory limit: %zu bytes more were asked for, %zu of at most %zu are in use. "
                        "Raise .memory_limit of cn_open, use smaller batches, or free what is not needed any more.",
                        asked, now, limit);
    else if (why == CN_E_USER)
        cn__error_print(e, NULL, why, "the allocator of cn_open gave a block that is not aligned to %d bytes", ALIGN);
    else
        cn__error_print(e, NULL, why, "out of memory: %zu bytes were asked for, %zu are in use", asked, now);
}

void *cn__alloc(cn_ctx *ctx, size_t size)
{
    pthread_mutex_lock(&ctx->memory.lock);
    void *block = take(&ctx->memory, CN__MAX(size, 1));
    pthread_mutex_unlock(&ctx->memory.lock);
    return block;
}

void *cn__alloc0(cn_ctx *ctx, size_t size)
{
    void *block = cn__alloc(ctx, size);
    return block ? memset(block, 0, size) : NULL;
}

void *cn__realloc(cn_ctx *ctx, void *block, size_t old_size, size_t size)
{
    void *other = cn__alloc(ctx, size);
    if (!other || !block) return other;
    memcpy(other, block, CN__MIN(old_size, size));
    cn__free(ctx, block, old_size);
    return other;
}

void cn__free(cn_ctx *ctx, void *block, size_t size)
{
    if (!block) return;
    cn__memory *m = &ctx->memory;
    size = CN__MAX(size, 1);
    pthread_mutex_lock(&m->lock);
    m->by.free(block, size, m->by.user);
    m->now -= size;
    pthread_mutex_unlock(&m->lock);
}

bool cn__vec_room(cn_ctx *ctx, void **at, size_t *cap, size_t n, size_t item)
{
    if (n < *cap) return true;
    size_t more = *cap ? *cap * 2 : 8, bytes;
    if (more < *cap || !cn__mul_size(more, item, &bytes)) return false;
    void *grown = cn__realloc(ctx, *at, *cap * item, bytes);
    if (!grown) return false;
    *at = grown, *cap = more;
    return true;
}

int64_t cn_memory(const cn_ctx *ctx, bool peak)
{
    if (!ctx) return 0;
    cn__memory *m = &((cn_ctx *)(uintptr_t)ctx)->memory; /* the lock alone is written to */
    pthread_mutex_lock(&m->lock);
    size_t bytes = peak ? m->peak : m->now;
    pthread_mutex_unlock(&m->lock);
    return (int64_t)bytes;
}

size_t cn__memory_limit(const cn_ctx *ctx) { return ctx->memory.limit; }

size_t cn__memory_bound(cn_ctx *ctx, size_t more)
{
    cn__memory *m = &ctx->memory;
    size_t before = m->limit, bound;
    if (cn__add_size(m->now, more, &bound) && bound < m->limit) m->limit = bound;
    return before;
}

void cn__memory_unbound(cn_ctx *ctx, size_t limit) { ctx->memory.limit = limit; }
