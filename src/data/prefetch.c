/* prefetch.c: a thread that loads batches ahead: a ring of buffers between it and the reader. The thread records its
   errors on a context of its own (a context is one thread's), and the reader passes them on when it comes to the batch
   that failed. */
#include "data/dataset.h"
#include <pthread.h>

typedef struct slot {
    cn__batch batch;
    void     *block;
    size_t    size;
    int64_t   n;                                         /* samples in it; 0: the end; < 0: a status */
} slot;

typedef struct cn__ring {
    cn_dataset     *from;
    cn_ctx         *own;                                 /* the loading thread's context */
    int64_t         epoch, batch, nslots;
    const uint32_t *order;
    int64_t         norder;
    slot           *slots;
    int64_t         filled, emptied;                     /* batches so far; filled - emptied lie in the ring */
    int64_t         used, given;                         /* samples given to the reader: of the oldest batch, in all */
    bool            stop, running;
    pthread_t       thread;
    pthread_mutex_t lock;
    pthread_cond_t  changed;
} cn__ring;

bool cn__prefetches(const cn_dataset *ds) { return ds->batches > 0; }

/* One batch from the data set below, or the end. */
static int64_t load(cn__ring *r, int64_t first, const cn__batch *into)
{
    int64_t count = r->batch;
    if (r->order) count = CN__MIN(count, r->norder - first);
    if (count <= 0) return 0;
    cn__request q = { r->epoch, first, count, r->order ? r->order + first : NULL };
    return r->from->read(r->from, r->own, &q, into);
}

static void *run(void *arg)
{
    cn__ring *r = arg;
    int64_t   first = 0, n = 1;
    while (n > 0) {
        pthread_mutex_lock(&r->lock);
        while (!r->stop && r->filled - r->emptied == r->nslots) pthread_cond_wait(&r->changed, &r->lock);
        bool  stop = r->stop;
        slot *s = &r->slots[r->filled % r->nslots];
        pthread_mutex_unlock(&r->lock);
        if (stop) break;
        n = load(r, first, &s->batch);
        first += n;
        pthread_mutex_lock(&r->lock);
        s->n = n, r->filled++;
        pthread_cond_signal(&r->changed);
        pthread_mutex_unlock(&r->lock);
    }
    return NULL;
}

static void ring_free(cn_ctx *ctx, cn__ring *r)
{
    if (r->running) {
        pthread_mutex_lock(&r->lock);
        r->stop = true;
        pthread_cond_signal(&r->changed);
        pthread_mutex_unlock(&r->lock);
        pthread_join(r->thread, NULL);
    }
    for (int64_t i = 0; r->slots && i < r->nslots; i++) cn__free(ctx, r->slots[i].block, r->slots[i].size);
    cn__free(ctx, r->slots, (size_t)r->nslots * sizeof *r->slots);
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
    cn_close(r->own);
    cn__free(ctx, r, sizeof *r);
}

void cn__prefetch_stop(cn_dataset *ds)
{
    if (ds->ring) ring_free(ds->obj.ctx, ds->ring);
    ds->ring = NULL;
}

cn_status cn__prefetch_begin(cn_dataset *ds, cn_ctx *on, int64_t epoch, int64_t batch, const uint32_t *order, int64_t n)
{
    cn_ctx *ctx = ds->obj.ctx;
    cn__prefetch_stop(ds);
    cn__ring *r = cn__alloc0(ctx, sizeof *r);
    if (!r) return cn__nomem(on);
    *r = (cn__ring){
        .from = ds->parent, .epoch = epoch, .batch = batch, .nslots = ds->batches, .order = order, .norder = n
    };
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->changed, NULL);
    bool ok = (r->slots = cn__alloc0(ctx, (size_t)r->nslots * sizeof *r->slots)) != NULL;
    for (int64_t i = 0; ok && i < r->nslots; i++) {
        slot *s = &r->slots[i];
        ok = (s->block = cn__batch_alloc(ctx, &ds->source, batch, &s->batch, &s->size)) != NULL;
    }
    cn_open_args own = { .head = CN_HEAD(cn_open_args), .threads = 1, .seed = (int64_t)cn__seed(ctx) };
    ok = ok && (r->own = (cn_open)(&own)) != NULL;
    cn_status status = ok ? CN_OK : cn__nomem(on);
    if (ok && !(r->running = pthread_create(&r->thread, NULL, run, r) == 0))
        status = cn__fail(on, NULL, CN_E_LIMIT, "prefetch: the system gives no more threads; leave out cn_prefetch");
    if (status) ring_free(ctx, r);
    else ds->ring = r;
    return status;
}

/* Up to count samples of the oldest batch, to place `at` on; 0: the end; < 0: the loading failed. */
static int64_t take(cn_dataset *ds, cn_ctx *on, const cn__batch *into, int64_t at, int64_t count)
{
    cn__ring *r = ds->ring;
    pthread_mutex_lock(&r->lock);
    while (r->filled == r->emptied) pthread_cond_wait(&r->changed, &r->lock);
    pthread_mutex_unlock(&r->lock);
    slot *s = &r->slots[r->emptied % r->nslots];         /* the reader's until it is given back */
    if (s->n == 0) return 0;                             /* this one and the next stay: the thread is at its end */
    if (s->n < 0) return cn__fail(on, NULL, (cn_status)s->n, "%s", (cn_error_message)(r->own));
    int64_t n = CN__MIN(count, s->n - r->used);
    cn__batch_copy(&ds->source, into, at, &s->batch, r->used, n);
    r->used += n;
    if (r->used < s->n) return n;
    pthread_mutex_lock(&r->lock);
    r->emptied++, r->used = 0;
    pthread_cond_signal(&r->changed);
    pthread_mutex_unlock(&r->lock);
    return n;
}

int64_t cn__prefetch_fetch(cn_dataset *ds, cn_ctx *on, int64_t first, int64_t count, const cn__batch *into)
{
    int64_t done = 0, n = 1;
    if (!ds->ring || first != ds->ring->given)
        return cn__fail(on, NULL, CN_E_STATE, "prefetch: samples come one after another, after the epoch has begun");
    while (done < count && n > 0) {
        n = take(ds, on, into, done, count - done);
        done += CN__MAX(n, 0);
    }
    ds->ring->given += done;
    return n < 0 && !done ? n : done;
}

cn_dataset *cn_prefetch(cn_dataset *given, int64_t batches)
{
    bool over = cn__is(given, CN__DATASET) && !cn__bad(given) && cn__prefetches(given);
    cn_dataset *ds = cn__dataset_on(over ? given->parent : given);           /* twice is once */
    if (cn__bad(ds)) return ds;
    if (batches < 1 || batches > 1024)
        return cn__poison(ds, NULL, CN_E_VALUE, "prefetch: %lld batches ahead; 1 to 1024", (long long)batches);
    if (!ds->parent->source.direct) ds->batches = batches;
    else ds->source = ds->parent->source, ds->read = cn__read_direct;        /* in memory: nothing to load */
    return ds;
}
