/* config_compile.c: what a model was compiled with, as Keras's get_compile_config writes it, and training_config of the
   .h5 files of Keras 1 and 2.

   Losses, weights and metrics stand there as they were given: one for all outputs, a list in the order of the outputs,
   or an object by their names. A model that was read keeps that form, and what Keras alone understands (run_eagerly,
   jit_compile, steps_per_execution), for the next time it is written. */
#include "formats/config_model.h"

/* ---- Writing ----------------------------------------------------------------------------------------------------- */
static cn__json *null(cn__arena *mem) { return cn__json_new(mem, CN__JSON_NULL); }
static cn__json *list(cn__arena *mem) { return cn__json_new(mem, CN__JSON_ARRAY); }

/* A name stays the name that was given: "mse", "acc". Options make an object. */
static cn__json *choice_json(cn__arena *mem, cn__family family, const char *choice)
{
    static const cn__option no_option;
    cn__spec spec;
    bool     name = choice && cn__choice_is_name(choice);
    if (!choice || (name && !strchr(choice, '>'))) return cn__json_string(mem, choice);
    if (!cn__spec_make(mem->ctx, mem, NULL, family, choice, &spec)) return NULL;
    if (name) return cn__config_choice(mem, NULL, &no_option, &spec);
    return cn__config_object(mem, spec.cls, cn__config_write(mem, spec.cls, spec.args));
}

static cn__json *losses_json(cn__arena *mem, const cn__training *t)
{
    cn__json *all = list(mem);
    for (int k = 0; k < t->targets; k++)
        all = cn__json_push(all, choice_json(mem, CN__FAM_LOSS, t->target[k].loss_choice));
    return t->targets == 1 && all ? all->first : all;
}

static cn__json *weights_json(cn__arena *mem, const cn__training *t)
{
    cn__json *all = list(mem);
    bool      any = false;
    for (int k = 0; k < t->targets; k++) {
        all = cn__json_push(all, cn__json_real(mem, t->target[k].weight));
        any = any || t->target[k].weight != 1;
    }
    return any ? all : null(mem);
}

static cn__json *metrics_json(cn__arena *mem, const cn__training *t, int weighted)
{
    cn__json *all = list(mem);
    bool      any = false;
    for (int k = 0; k < t->targets; k++) {
        const cn__target *of = &t->target[k];
        cn__json *own = of->metrics[weighted] ? list(mem) : null(mem);
        for (int i = 0; i < of->metrics[weighted]; i++)
            own = cn__json_push(own, choice_json(mem, CN__FAM_METRIC, of->metric[weighted][i]));
        any = any || of->metrics[weighted];
        all = cn__json_push(all, own);
    }
    if (!any) return null(mem);
    return t->targets == 1 && all ? all->first : all;
}

/* The learning rate as it is now. */
static cn__json *optimizer_json(cn__arena *mem, const cn__optimizer *o)
{
    cn__json *config = cn__config_write(mem, o->spec.cls, o->spec.args);
    cn__json *rate = (cn__json *)(uintptr_t)cn__json_get(config, "learning_rate");
    if (!o->schedule.cls && rate) rate->d = (double)*(const float *)cn__var_master(o->learning_rate);
    return cn__config_object(mem, o->spec.cls, config);
}

cn__json *cn__config_compile(cn__arena *mem, cn_model *m)
{
    const cn__training *t = m->training;
    cn__json *o = cn__json_new(mem, CN__JSON_OBJECT);
    if (!t) return null(mem);
    o = cn__json_set(mem, o, "optimizer", optimizer_json(mem, &t->optimizer));
    if (t->said)
        for (const cn__json *c = t->said->first; c; c = c->next)
            o = cn__json_set(mem, o, c->key, cn__json_copy(mem, c));
    else {
        o = cn__json_set(mem, o, "loss", losses_json(mem, t));
        o = cn__json_set(mem, o, "loss_weights", weights_json(mem, t));
        o = cn__json_set(mem, o, "metrics", metrics_json(mem, t, 0));
        o = cn__json_set(mem, o, "weighted_metrics", metrics_json(mem, t, 1));
        o = cn__json_set(mem, o, "run_eagerly", cn__json_bool(mem, false));
        o = cn__json_set(mem, o, "steps_per_execution", cn__json_int(mem, 1));
        o = cn__json_set(mem, o, "jit_compile", cn__json_string(mem, "auto"));      /* as Keras likes */
    }
    if (!o) cn__nomem(m->obj.ctx);
    return o;
}

/* ---- Reading ----------------------------------------------------------------------------------------------------- */
typedef struct compiling {
    const cn__reading *r;
    const cn_model *m;
    int             targets;
    cn_output_args  out[CN_MAX_LIST];
} compiling;

static bool wrong(const compiling *c, cn_status status, const char *key, const char *why)
{
    cn__fail(c->r->ctx, c->r->site, status, "%s: compile_config: %s: %s", c->r->what, key, why);
    return false;
}

/* One choice and no list of them. */
static bool is_single(const cn__json *j)
{
    return cn__json_is(j, CN__JSON_STRING) || cn__json_some(cn__json_get(j, "class_name"));
}

static bool known_names(const compiling *c, const char *key, const cn__json *by_name)
{
    for (const cn__json *j = by_name->first; j; j = j->next) {
        bool is = false;
        for (int k = 0; k < c->targets && !is; k++) is = !strcmp(cn__output_name(c->m, k), j->key);
        if (is) continue;
        cn__fail(c->r->ctx, c->r->site, CN_E_FORMAT, "%s: compile_config: %s: the model has no output \"%.80s\".",
                 c->r->what, key, j->key);
        return false;
    }
    return true;
}

/* What stands for output k: in an object by its name, in a list by its place, else what stands for all. flat: a list is
   one of several for each output as well. */
static const cn__json *share(const compiling *c, const cn__json *j, int k, bool flat)
{
    if (is_single(j)) return j;
    if (cn__json_is(j, CN__JSON_OBJECT)) return cn__json_get(j, cn__output_name(c->m, k));
    bool singles = flat;
    for (const cn__json *i = cn__json_is(j, CN__JSON_ARRAY) ? j->first : NULL; i && singles; i = i->next)
        singles = is_single(i);
    if (singles && (c->targets == 1 || (j && j->n != (size_t)c->targets))) return j;
    return cn__json_is(j, CN__JSON_ARRAY) ? cn__json_at(j, (size_t)k) : j;
}

static bool read_choice(const compiling *c, cn__family family, const char *key, const cn__json *j, const char **choice)
{
    const char *word = cn__json_text(j) ? cn__choice_by_targets(family, cn__json_text(j)) : NULL;
    if (word) return *choice = word, true;
    return cn__config_read_choice(c->r, family, key, j, choice);
}

static bool read_losses(compiling *c, const cn__json *j)
{
    if (cn__json_is(j, CN__JSON_OBJECT) && !is_single(j) && !known_names(c, "loss", j)) return false;
    for (int k = 0; k < c->targets; k++)
        if (!read_choice(c, CN__FAM_LOSS, "loss", share(c, j, k, false), &c->out[k].loss.name)) return false;
    return true;
}

static bool is_number(const cn__json *j) { return cn__json_is(j, CN__JSON_INT) || cn__json_is(j, CN__JSON_REAL); }

static bool read_weights(compiling *c, const cn__json *j)
{
    if (cn__json_is(j, CN__JSON_OBJECT) && !known_names(c, "loss_weights", j)) return false;
    for (int k = 0; k < c->targets; k++) {
        const cn__json *own = is_number(j) ? j : share(c, j, k, false);
        if (!cn__json_some(own)) continue;
        if (!is_number(own)) return wrong(c, CN_E_FORMAT, "loss_weights", "this is no number.");
        c->out[k].loss_weight = own->d == 0 ? CN_ZERO : own->d;
    }
    return true;
}

static bool read_metric_list(compiling *c, const char *key, const cn__json *own, cn_metric *out)
{
    int n = 0;
    if (is_single(own)) return read_choice(c, CN__FAM_METRIC, key, own, &out[0].name);
    if (cn__json_some(own) && own->type != CN__JSON_ARRAY) return wrong(c, CN_E_FORMAT, key, "these are no metrics.");
    if (own && own->n == 1 && cn__json_is(own->first, CN__JSON_ARRAY)) own = own->first;     /* a list for one output */
    for (const cn__json *i = own ? own->first : NULL; i; i = i->next) {
        if (!cn__json_some(i)) continue;
        if (n == CN_MAX_LIST) return wrong(c, CN_E_LIMIT, key, "there are more than 16 for one output.");
        if (!read_choice(c, CN__FAM_METRIC, key, i, &out[n++].name)) return false;
    }
    return true;
}

static bool read_metrics(compiling *c, const char *key, const cn__json *j, bool weighted)
{
    if (cn__json_is(j, CN__JSON_OBJECT) && !is_single(j) && !known_names(c, key, j)) return false;
    for (int k = 0; k < c->targets; k++)
        if (!read_metric_list(c, key, share(c, j, k, true), weighted ? c->out[k].weighted_metrics : c->out[k].metrics))
            return false;
    return true;
}

/* All but the optimizer, whose learning rate may change. */
static cn_status keep_said(const compiling *c, cn__training *t, const cn__json *config)
{
    cn__json *said = cn__json_new(&t->mem, CN__JSON_OBJECT);
    for (const cn__json *j = config->first; j && said; j = j->next)
        if (strcmp(j->key, "optimizer")) said = cn__json_set(&t->mem, said, j->key, cn__json_copy(&t->mem, j));
    t->said = said;
    return said ? CN_OK : cn__nomem(c->r->ctx);
}

cn_status cn__config_read_compile(const cn__reading *r, cn_model *m, const cn__json *config)
{
    compiling c = { .r = r, .m = m, .targets = m->built ? (int)m->outputs.n : 1 };
    const cn__json *now = cn__json_get(config, "optimizer"), *old = cn__json_get(config, "optimizer_config");
    CN_ARGS(cn_compile, a);
    if (!cn__json_some(config) || (config->type == CN__JSON_OBJECT && !config->n)) return CN_OK;   /* not compiled */
    if (config->type != CN__JSON_OBJECT) return wrong(&c, CN_E_FORMAT, "it", "this is no object."), CN_E_FORMAT;
    for (int k = 0; k < c.targets; k++) c.out[k].head.size = sizeof c.out[k], a.outputs[k] = &c.out[k];
    bool ok = cn__config_read_choice(r, CN__FAM_OPTIMIZER, "optimizer", now ? now : old, &a.optimizer.name) &&
              read_losses(&c, cn__json_get(config, "loss")) && read_weights(&c, cn__json_get(config, "loss_weights")) &&
              read_metrics(&c, "metrics", cn__json_get(config, "metrics"), false) &&
              read_metrics(&c, "weighted_metrics", cn__json_get(config, "weighted_metrics"), true);
    if (!ok) return (cn_error)(r->ctx);
    a.head.site = NULL, a.on = m;
    cn_status failed = (cn_compile)(&a);
    if (failed) return cn__fail(r->ctx, r->site, failed, "%s: compile_config: %s", r->what, (cn_error_message)(r->ctx));
    return now ? keep_said(&c, m->training, config) : CN_OK;
}
