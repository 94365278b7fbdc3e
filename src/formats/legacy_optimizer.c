/* legacy_optimizer.c: the optimizer's state in .h5 files of all versions of Keras: optimizer_weights, whose data sets
   the attribute weight_names lists, in one of three orders.

   Keras 3: the optimizer's own (weights.c). tf.keras 2.11 to 2.15, whose first name is "iteration:0": nearly the same.
   Those before: the iteration (RMSprop of Keras 1 and 2.0 had none), then slot after slot (all m, all v ...), each for
   all weights that learn: in their order, in Keras 1 sorted by their names. The learning rate is in the configuration.
   Slots that are not needed are there as well: momenta of SGD without momentum, the largest v of Adam without amsgrad.

   A state that does not fit is no reason to refuse a model: it is said, and the optimizer begins anew. */
#include "formats/formats.h"
#include <stdlib.h>

typedef struct state {
    cn__fitting *f;
    const cn__optimizer *o;
    cn__names    list;
    size_t       weights;                                /* that learn */
    size_t       first;                                  /* of the slots: 1 behind the iteration, else 0 */
    size_t      *place;                                  /* of the weight whose name is the k-th; NULL: k */
} state;

static bool ends(const char *text, const char *end)
{
    size_t n = strlen(text), k = strlen(end);
    return n >= k && !strcmp(text + n - k, end);
}

/* ---- Slot after slot --------------------------------------------------------------------------------------------- */
/* In the order in which they were made, by the endings of their names today. */
static const struct { const char *class, *ending[3]; } slots[] = {
    { "SGD",     { "_momentum" } },
    { "RMSprop", { "_velocity", "_momentum", "_average_gradient" } },
    { "Adam",    { "_momentum", "_velocity", "_velocity_hat" } },
};

/* The k-th of the optimizer's variables whose path ends so, behind iteration and learning rate. */
static cn__var *slot_variable(const cn__optimizer *o, const char *slot, size_t k)
{
    for (size_t i = o->schedule.cls ? 1 : 2; i < o->vars.n; i++)
        if (ends(o->vars.at[i]->path, slot) && !k--) return o->vars.at[i];
    return NULL;
}

/* The s-th slot that this optimizer has; NULL: it has fewer. */
static const char *slot_of(const cn__optimizer *o, size_t s)
{
    for (size_t i = 0; i < CN__COUNT(slots); i++)
        for (size_t k = 0; !strcmp(slots[i].class, o->spec.cls->name) && k < CN__COUNT(slots[i].ending); k++)
            if (slots[i].ending[k] && slot_variable(o, slots[i].ending[k], 0) && !s--) return slots[i].ending[k];
    return NULL;
}

static cn__var *slotwise(const state *s, size_t i)
{
    if (i < s->first) return s->o->iteration;
    size_t      k = (i - s->first) % s->weights;
    const char *slot = slot_of(s->o, (i - s->first) / s->weights);
    return slot ? slot_variable(s->o, slot, s->place ? s->place[k] : k) : NULL;
}

typedef struct named { const char *name; size_t place; } named;
static int by_name(const void *a, const void *b) { return strcmp(((const named *)a)->name, ((const named *)b)->name); }

static cn_status sort_weights(state *s, cn_model *m)
{
    cn__arena *mem = s->f->mem;
    cn__names  list = { 0 };
    cn_status  failed = cn__legacy_learning(s->f, m, &list);
    named     *all = failed || list.n != s->weights ? NULL : cn__arena_alloc(mem, list.n * sizeof *all);
    if (all && !(s->place = cn__arena_alloc(mem, list.n * sizeof *s->place))) failed = cn__nomem(s->f->ctx);
    for (size_t i = 0; s->place && i < list.n; i++) all[i] = (named){ list.at[i], i };
    if (s->place) qsort(all, list.n, sizeof *all, by_name);
    for (size_t i = 0; s->place && i < list.n; i++) s->place[i] = all[i].place;
    cn__vec_free(s->f->ctx, &list);
    return failed;
}

/* ---- All --------------------------------------------------------------------------------------------------------- */
/* The i-th name's variable; NULL where this optimizer keeps none. false: the names do not fit it. */
static bool variable_for(const state *s, size_t i, cn__var **v)
{
    size_t n = s->list.n;
    if (ends(s->list.at[0], "iteration:0")) return cn__optimizer_placed(s->o, n, i, v);
    if (s->f->keras >= 3) return *v = i < s->o->vars.n ? s->o->vars.at[i] : NULL, n == s->o->vars.n;
    size_t needed = 0;
    while (slot_of(s->o, needed)) needed++;
    if (!s->weights || n < s->first + needed * s->weights) return false;
    *v = slotwise(s, i);
    return true;
}

static const char *path_of(const state *s, size_t i)
{
    const char *path = cn__arena_printf(s->f->mem, "optimizer_weights/%s", s->list.at[i]);
    if (!path) cn__nomem(s->f->ctx);
    return path;
}

static bool read_variables(const state *s, bool commit)
{
    s->f->commit = commit;
    for (size_t i = 0; i < s->list.n; i++) {
        cn__var    *v;
        const char *path = path_of(s, i);
        if (!path) return false;
        if (!variable_for(s, i, &v)) {
            cn__fail(s->f->ctx, s->f->site, CN_E_FORMAT, "%s: it has %zu variables.", s->f->what, s->list.n);
            return false;
        }
        if (v && cn__variable_read(s->f, v->path, path, v)) return false;
    }
    return true;
}

static cn_status read_state(state *s, cn_model *m)
{
    cn_ctx      *ctx = s->f->ctx;
    const char  *path = path_of(s, 0);
    const cn__h5_object *o = path ? cn__h5_find(s->f->file, NULL, path) : NULL;
    cn__h5_data  d;
    s->first = o && !cn__h5_is_group(o) && cn__h5_data_of(s->f->file, o, &d) && !d.rank;
    if (!path || cn__h5_failed(s->f->file)) return (cn_error)(ctx);
    if (s->f->keras == 1 && sort_weights(s, m)) return (cn_error)(ctx);
    if (read_variables(s, false)) return read_variables(s, true) ? CN_OK : (cn_error)(ctx);
    if (cn__h5_failed(s->f->file) || (cn_error)(ctx) == CN_E_NOMEM) return (cn_error)(ctx);
    cn__log(ctx, CN_LOG_WARNING, "the optimizer's state does not fit %s, which begins anew: %s", s->o->spec.cls->name,
            (cn_error_message)(ctx));
    return cn_clear_error(ctx), CN_OK;
}

cn_status cn__legacy_optimizer_read(cn__fitting *f, cn_model *m)
{
    state     s = { .f = f };
    const cn__h5_object *o = cn__h5_find(f->file, NULL, "optimizer_weights");
    cn_status failed = CN_OK;
    if (m->training && o && cn__legacy_names(f, o, "weight_names", &s.list) && s.list.n &&
        !(failed = cn__training_optimizer(m))) {
        s.o = &m->training->optimizer, s.weights = m->training->weights.n;
        failed = read_state(&s, m);
    }
    cn__vec_free(f->ctx, &s.list);
    return cn__h5_failed(f->file) ? (cn_error)(f->ctx) : failed;
}
