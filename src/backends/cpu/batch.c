/* batch.c: the next rows of a feed, gathered and converted while they are copied: data stay small until the last
   moment. */
#include "backends/cpu/cpu.h"
#include <string.h>

enum { TASKS = 32, LINE = 64, MOST = 64 * LINE };
static const double GRAIN = 8192;                        /* numbers of a task */

typedef struct batch_args {
    const cn__kernels *kernels;
    const cn__feed *feed;
    char *out;
    int64_t rows, width, tasks;
    size_t   bytes;                                      /* of a row */
    uint32_t dtype, pad;
} batch_args;

static const char *row_at(const cn__feed *f, uint64_t at)
{
    return (const char *)f->base + (size_t)(f->order ? f->order[at] : at) * f->row_bytes;
}

/* Rows lie in no order: the processor cannot guess which one comes next, only how one goes on. The next one, and no
   more: there are only so many lines that it can wait for. */
static inline void prefetch(const char *row, size_t bytes)
{
    for (size_t k = 0; k < CN__MIN(bytes, MOST); k += LINE) __builtin_prefetch(row + k);
}

/* Rows as they are. Those of small networks have one, two or four words: less work than a call of memcpy. */
static inline void copy(const cn__feed *f, int64_t first, int64_t end, char *to, size_t bytes)
{
    const cn__feed feed = *f;
    for (int64_t r = first; r < end; r++) {
        if (r + 1 < end && bytes > LINE) prefetch(row_at(&feed, feed.cursor + (uint64_t)r + 1), bytes);
        memcpy(to + (size_t)r * bytes, row_at(&feed, feed.cursor + (uint64_t)r), bytes);
    }
}

static void copy_rows(const cn__feed *f, int64_t first, int64_t end, char *to, size_t bytes)
{
    switch (bytes) {
    case 4:  copy(f, first, end, to, 4); break;
    case 8:  copy(f, first, end, to, 8); break;
    case 16: copy(f, first, end, to, 16); break;
    default: copy(f, first, end, to, bytes); break;
    }
}

static void gather(const void *args, uint32_t rep, uint32_t task, cn__lane *lane)
{
    const batch_args *a = args;
    const cn__feed   *f = a->feed;
    (void)rep, (void)lane;
    int64_t first = cn__cut(a->rows, a->tasks, task), end = cn__cut(a->rows, a->tasks, task + 1);
    if (f->dtype == a->dtype) {
        copy_rows(f, first, end, a->out, a->bytes);
        return;
    }
    for (int64_t r = first; r < end; r++) {
        const char *from = row_at(f, f->cursor + (uint64_t)r);
        void *to = a->out + (size_t)r * a->bytes;
        if (r + 1 < end) prefetch(row_at(f, f->cursor + (uint64_t)r + 1), f->row_bytes);
        if (a->dtype != CN_FLOAT32 || !a->kernels->widen(to, f->dtype, from, a->width))
            cn__convert((cn_dtype)a->dtype, to, (cn_dtype)f->dtype, from, (size_t)a->width);
    }
}

bool cn__prepare_gather(cn__prep *p, const cn_graph *g, const cn__inst *i)
{
    const cn__a_batch *b = i->attr;
    const cn__type *t = cn__type_of(g, i->out);
    int64_t  rows = b->dim[0], n = cn__type_count(t);
    uint32_t tasks = (uint32_t)CN__MAX(1, CN__MIN(rows, cn__tasks((double)n, GRAIN, TASKS)));
    batch_args *a = cn__prep_call(p, gather, "gather", sizeof *a, 1, tasks);
    if (!a) return false;
    a->kernels = cn__cpu_kernels(), a->dtype = t->dtype, a->tasks = tasks;
    a->rows = rows, a->width = rows ? n / rows : 0;
    a->bytes = (size_t)a->width * cn__dtype_size((cn_dtype)a->dtype);
    cn__prep_feed(p, &a->feed, b->feed);
    cn__prep_ptr(p, &a->out, i->out);
    return true;
}
