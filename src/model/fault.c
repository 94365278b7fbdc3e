/* fault.c: what a run says that could not finish a step. Nothing was written; so the step is looked at again, at
   leisure: which label was outside, which number was no number, where in the model a value first left the finite ones.
 */
#include "model/model.h"
#include <math.h>
#include <stdio.h>

static void place_of(cn__spot at, char *text, size_t size)
{
    if (at.epoch >= 0) snprintf(text, size, "epoch %lld, batch %lld", (long long)at.epoch + 1, (long long)at.step + 1);
    else snprintf(text, size, "batch %lld", (long long)at.step + 1);
}

/* Where sample i of the step lies; position counts from reader->at on for data in memory, from the buffer's begin for
 * others. */
static const char *sample(const cn__reader *r, const cn__part *p, const void *staged, cn__spot at, int64_t i)
{
    return cn__reader_sample(r, p, staged, r->s->direct ? at.position + i : i);
}

static long long row_number(const cn__reader *r, cn__spot at, int64_t i)
{
    return (long long)cn__reader_row(r, r->at + (r->s->direct ? at.position : 0) + i);
}

static bool counts(const cn__reader *r, cn__spot at, int64_t i)
{
    if (!r->weighted || r->weight.rank) return true;
    return cn__load(r->weight.dtype, sample(r, &r->weight, r->stage.weight, at, i), 0) != 0;
}

static cn_status bad_label(const cn__reader *r, cn__spot at)
{
    cn_ctx *ctx = r->m->obj.ctx;
    for (int k = 0; k < r->s->ny; k++) {
        const cn__target *t = &r->m->training->target[k];
        const cn__part   *p = &r->s->y[k];
        if (!cn__target_sparse(t)) continue;
        long long classes = (long long)t->p.dim[t->p.rank - 1];
        for (int64_t i = 0; i < at.rows; i++)
            for (size_t j = 0; counts(r, at, i) && j < p->row / cn__dtype_size(p->dtype); j++) {
                double label = cn__load(p->dtype, sample(r, p, r->stage.y[k], at, i), j);
                if (label >= 0 && label < (double)classes) continue;
                return cn__fail(ctx, r->site, CN_E_VALUE,
                                "label %.10g in row %lld, the output has %lld classes (0..%lld).", label,
                                row_number(r, at, i), classes, classes - 1);
            }
    }
    return CN_OK;
}

cn_status cn__fault(cn__reader *r, const cn__program *program, cn__spot at)
{
    char place[96];
    cn_ctx   *ctx = r->m->obj.ctx;
    cn__exec *e = &r->m->exec;
    unsigned  fault = atomic_load(&e->fault);
    cn_status status = r->mode != CN__PREDICT ? bad_label(r, at) : CN_OK;
    if (status) return status;
    place_of(at, place, sizeof place);
    const cn_graph *g = program->plan->graph;
    const char *origin = e->fault_inst < g->insts.n ? g->origins.at[g->insts.at[e->fault_inst].origin] : "";
    if (fault & CN__FAULT_UNKNOWN)
        return cn__fail(ctx, r->site, CN_E_VALUE,
                        "%s: a value is not in the vocabulary, %s. num_oov_indices is 0, so all must be; 1 gives "
                        "unknown values a place of their own.", origin, place);
    return cn__fail(ctx, r->site, CN_E_VALUE, "%s%s%s an index is out of range, %s.", *origin ? origin : "",
                    *origin ? ":" : "", fault & CN__FAULT_LABEL ? " a label or" : "", place);
}

/* ---- Not finite -------------------------------------------------------------------------------------------------- */
static cn_status bad_number(const cn__reader *r, cn__spot at, const cn__part *p, const void *staged, const char *name,
                            int k, int n, const char *place)
{
    if (!cn__is_float(p->dtype)) return CN_OK;
    size_t count = p->row / cn__dtype_size(p->dtype);
    char   which[16] = "";
    if (n > 1) snprintf(which, sizeof which, "[%d]", k);
    for (int64_t i = 0; i < at.rows; i++)
        for (size_t j = 0; j < count; j++) {
            double v = cn__load(p->dtype, sample(r, p, staged, at, i), j);
            if (isfinite(v) || (*name == 'y' && !counts(r, at, i))) continue;
            return cn__fail(
                r->m->obj.ctx, r->site, CN_E_NUMERIC,
                "%s%s has %g in row %lld, place %zu (%s). Leave such rows out, fill them in, or give targets like "
                "it the weight 0.",
                name, which, v, row_number(r, at, i), j, place);
        }
    return CN_OK;
}

static int64_t count_bad(const void *at, const cn__type *t)
{
    int64_t bad = 0, n = cn__type_count(t);
    for (int64_t i = 0; i < n; i++) bad += !isfinite(cn__load((cn_dtype)t->dtype, at, (size_t)i));
    return bad;
}

/* The step once more, on a plan that shows every value. */
static cn_status trace(cn__reader *r, const cn__program *program, cn__spot at, const char *place)
{
    cn_model *m = r->m;
    cn_ctx   *ctx = m->obj.ctx;
    cn__signature sig = program->sig;
    uint64_t done = 0;
    sig.diagnose = true;
    cn__program *all = cn__program_get(m, &sig, r->site);
    cn_status status = CN_OK;
    if (all && cn__programs_link(m, &all, 1)) {
        cn__leg leg = { all->linked, 1, (uint64_t)sig.batch };
        cn__reader_feeds(r, &m->exec, r->s->direct ? r->at + at.position : 0);
        cn__run_legs(&m->exec, &leg, 1, &done, 1, 0);
        for (uint32_t k = 0; !status && k < all->nroots; k++) {
            const cn__shown *v = &all->roots[k];
            int64_t bad = count_bad(cn__linked_root(&m->exec, all->linked, k), &v->type);
            if (bad)
                status =
                    cn__fail(ctx, r->site, CN_E_NUMERIC,
                             "the loss is not finite: %s (%s) is not, %lld of %lld numbers, %s. Nothing was written. "
                             "A smaller learning rate, .clipnorm, or data scaled to about -1..1 may help.",
                             v->origin && *v->origin ? v->origin : "a value", v->op, (long long)bad,
                             (long long)cn__type_count(&v->type), place);
        }
    }
    cn__program_unpin(all);
    return status;
}

cn_status cn__nonfinite(cn__reader *r, const cn__program *program, cn__spot at)
{
    char place[96];
    cn_status status = CN_OK;
    place_of(at, place, sizeof place);
    for (int k = 0; !status && k < r->s->nx; k++)
        status = bad_number(r, at, &r->s->x[k], r->stage.x[k], "x", k, r->s->nx, place);
    for (int k = 0; !status && k < r->sig.ny; k++)
        status = bad_number(r, at, &r->s->y[k], r->stage.y[k], "y", k, r->s->ny, place);
    if (!status) status = trace(r, program, at, place);
    return status ? status
                  : cn__fail(r->m->obj.ctx, r->site, CN_E_NUMERIC, "the loss is not finite, %s. Nothing was written.",
                             place);
}
