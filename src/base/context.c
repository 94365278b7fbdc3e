/* context.c: opening and closing; what a context was told and what rooms keep on it. */
#include "base/context.h"
#include "base/cpu.h"
#include "base/file.h"
#include "base/team.h"
#include <sys/random.h>
#include <time.h>

enum { MOST_THREADS = 1024 };

/* The presets of the table, as a struct. */
#define PRESET(type, name, preset, help) .name = preset,
static const cn_open_args presets = { .by_name_only_ = NULL, CN_OPEN_FIELDS(PRESET) };
#undef PRESET

/* Several processes come with a module that this library does not have; cn_open says so. */
struct cn_comm { const char *why; };
static const struct cn_comm no_mpi = {
    "cn_open: .comm asks for several processes, and this build has no MPI. Leave .comm out to run as one process."
};

const cn_comm *(cn_mpi)(void *comm)
{
    (void)comm;
    return &no_mpi;
}

int (cn_rank) (const cn_ctx *ctx) { (void)ctx; return 0; }
int (cn_ranks)(const cn_ctx *ctx) { (void)ctx; return 1; }
int (cn_version)(void)            { return CN_VERSION; }

static uint64_t new_seed(void)
{
    uint64_t seed;
    if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) == (ssize_t)sizeof seed) return seed;
    struct timespec now;                                 /* no entropy yet: early in the boot of a small machine */
    clock_gettime(CLOCK_REALTIME, &now);
    return cn__hash((uint64_t)now.tv_sec, (uint64_t)now.tv_nsec);
}

/* Checks the options and keeps them; what does not hold poisons the context, and so all that is made on it. */
static void set_up(cn_ctx *ctx, const cn_open_args *a)
{
    const char *site = a->head.site;
    if (a->threads < 0 || a->threads > MOST_THREADS)
        cn__poison(ctx, site, CN_E_VALUE, "cn_open: .threads is %lld; 1 to %d, or 0 for one on each processor",
                   (long long)a->threads, MOST_THREADS);
    if (a->log_level && (a->log_level < CN_LOG_ERROR || a->log_level > CN_LOG_DEBUG))
        cn__poison(ctx, site, CN_E_VALUE, "cn_open: .log_level is %d; CN_LOG_ERROR (%d) to CN_LOG_DEBUG (%d)",
                   (int)a->log_level, CN_LOG_ERROR, CN_LOG_DEBUG);
    if (a->memory_limit < 0)
        cn__poison(ctx, site, CN_E_VALUE, "cn_open: .memory_limit is %lld; bytes, or 0 for half of the memory",
                   (long long)a->memory_limit);
    if (!a->allocator.alloc != !a->allocator.free)
        cn__poison(ctx, site, CN_E_VALUE, "cn_open: .allocator needs both alloc and free");
    if (a->comm) cn__poison(ctx, site, CN_E_UNSUPPORTED, "%s", a->comm->why);

    ctx->threads   = a->threads > 0 ? (int)CN__MIN(a->threads, MOST_THREADS) : cn__cpu_info()->processors;
    ctx->seed      = a->seed == CN_ANY ? new_seed() : (uint64_t)(a->seed ? a->seed : presets.seed);
    ctx->log       = a->log;
    ctx->log_level = a->log_level ? a->log_level : presets.log_level;
    ctx->files     = a->files;
    if (!a->files.open) ctx->files.size = cn__system_files.size;             /* the user's numbers are no descriptors */
#define SYSTEM(call) if (!ctx->files.call) ctx->files.call = cn__system_files.call;
    SYSTEM(open) SYSTEM(read) SYSTEM(write) SYSTEM(sync) SYSTEM(close) SYSTEM(rename) SYSTEM(remove)
    SYSTEM(make_folder)
#undef SYSTEM
    ctx->backend   = cn__arena_text(&ctx->arena, a->backend && *a->backend ? a->backend : presets.backend);
    if (!ctx->backend) {
        ctx->backend = presets.backend;
        cn__memory_why(ctx, &ctx->no_memory);
        cn__poison(ctx, site, ctx->no_memory.status, "%s", ctx->no_memory.text);
    }
}

cn_ctx *(cn_open)(cn_open_args *args)
{
    CN__ARGS(cn_open_args, a, args);
    cn_ctx *ctx = cn__memory_open(&a.allocator, a.memory_limit > 0 ? (size_t)a.memory_limit : 0);
    if (!ctx) return NULL;
    pthread_mutex_init(&ctx->lock, NULL);
    ctx->arena.ctx = ctx;
    cn__handles_open(ctx);
    set_up(ctx, &a);
    return ctx;
}

int (cn_close)(cn_ctx *ctx)
{
    if (!ctx) return 1;
    cn__handles_release(ctx);
    while (ctx->closers) {
        cn__closer *c = ctx->closers;
        ctx->closers = c->next;
        c->f(ctx, c->with);
    }
    cn__handles_destroy(ctx);
    bool failed = (cn_error)(ctx) != CN_OK;
    cn__team_close(ctx->team);
    cn__vec_free(ctx, &ctx->unique);
    cn__errors_free(ctx);
    cn__arena_free(&ctx->arena);
    pthread_mutex_destroy(&ctx->lock);
    cn__memory_close(ctx);
    return failed;
}

bool cn__ctx_at_close(cn_ctx *ctx, void (*f)(cn_ctx *, void *), void *with)
{
    cn__closer *c = cn__arena_alloc(&ctx->arena, sizeof *c);
    if (!c) return false;
    *c = (cn__closer){ f, with, ctx->closers };
    ctx->closers = c;
    return true;
}

/* ---- What it was told -------------------------------------------------------------------------------------------- */
uint64_t    cn__seed(const cn_ctx *ctx)          { return ctx->seed; }
int         cn__threads(const cn_ctx *ctx)       { return ctx->threads; }
const char *cn__backend_names(const cn_ctx *ctx) { return ctx->backend; }
const cn_files *cn__files(const cn_ctx *ctx)     { return &ctx->files; }

cn__team *cn__ctx_team(cn_ctx *ctx)
{
    if (!ctx->team) ctx->team = cn__team_open(ctx, ctx->threads);
    return ctx->team;
}

cn__arena *cn__ctx_arena(cn_ctx *ctx) { return &ctx->arena; }
void **cn__ctx_slot(cn_ctx *ctx, int slot) { return &ctx->slot[slot]; }

int64_t cn__unique(cn_ctx *ctx, const char *snake)
{
    for (size_t i = 0; i < ctx->unique.n; i++)
        if (!strcmp(ctx->unique.at[i].name, snake)) return ++ctx->unique.at[i].n;
    const char *name = cn__arena_text(&ctx->arena, snake);
    if (!name || !cn__push(ctx, &ctx->unique, (cn__count){ name, 0 })) return -1;
    return 0;
}
