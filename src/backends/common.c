/* common.c: what any backend can fall back on: the reference kernels, and a plain BATCH. */
#include "backends/backend.h"
#include <string.h>

/* ---- A primitive by its reference kernel: one call, one task ----------------------------------------------------- */
typedef struct ref_args {
    cn__ref_fn  *fn;
    const void  *attr;
    atomic_uint *fault;
    int32_t      nin, nout;
    cn__tensor_view view[];                              /* inputs, then outputs */
} ref_args;

static void run(const void *args, uint32_t rep, uint32_t task, cn__lane *lane)
{
    const ref_args *a = args;
    (void)rep, (void)task, (void)lane;
    cn__ref_call call = {
        a->attr, a->nin, a->nout, a->view, (cn__tensor_view *)(uintptr_t)(a->view + a->nin), a->fault
    };
    a->fn(&call);
}

bool cn__prepare_ref(cn__prep *p, const cn_graph *g, const cn__inst *i)
{
    int n = i->nin + i->nout;
    ref_args *a = cn__prep_call(p, run, "reference", sizeof *a + (size_t)n * sizeof a->view[0], 1, 1);
    if (!a) return false;
    a->fn = cn__ops[i->op].ref, a->attr = i->attr, a->nin = i->nin, a->nout = i->nout;
    cn__prep_fault(p, &a->fault);
    for (int k = 0; k < n; k++) {
        cn__val v = k < i->nin ? cn__in(g, i)[k] : i->out + (cn__val)(k - i->nin);
        if (!v) continue;
        a->view[k].type = *cn__type_of(g, v);
        cn__prep_ptr(p, &a->view[k].at, v);
    }
    return true;
}

/* ---- BATCH: the next rows of a feed, gathered in its order and converted ----------------------------------------- */
typedef struct batch_args { const cn__feed *feed; void *out; int64_t rows, width; uint32_t dtype, pad; } batch_args;

static void gather(const void *args, uint32_t rep, uint32_t task, cn__lane *lane)
{
    const batch_args *a = args;
    const cn__feed   *f = a->feed;
    (void)rep, (void)task, (void)lane;
    size_t bytes = (size_t)a->width * cn__dtype_size((cn_dtype)a->dtype);
    for (int64_t r = 0; r < a->rows; r++) {
        uint64_t at = f->cursor + (uint64_t)r;
        const char *from = (const char *)f->base + (size_t)(f->order ? f->order[at] : at) * f->row_bytes;
        char *to = (char *)a->out + (size_t)r * bytes;
        if (f->dtype == a->dtype) memcpy(to, from, bytes);
        else cn__convert((cn_dtype)a->dtype, to, (cn_dtype)f->dtype, from, (size_t)a->width);
    }
}

bool cn__prepare_batch(cn__prep *p, const cn_graph *g, const cn__inst *i)
{
    const cn__a_batch *b = i->attr;
    const cn__type *t = cn__type_of(g, i->out);
    batch_args *a = cn__prep_call(p, gather, "batch", sizeof *a, 1, 1);
    if (!a) return false;
    a->rows = b->dim[0], a->width = b->dim[0] ? cn__type_count(t) / b->dim[0] : 0, a->dtype = t->dtype;
    cn__prep_feed(p, &a->feed, b->feed);
    cn__prep_ptr(p, &a->out, i->out);
    return true;
}
