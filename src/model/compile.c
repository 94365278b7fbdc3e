/* compile.c: which optimizer, which losses and metrics. What can be checked is checked here; what hangs on the targets
   (whether "accuracy" is binary or sparse, how many sums a metric has) is made when the first data come. */
#include "model/model.h"
#include "model/snapshot.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Words that become a metric or a loss once targets are known. */
static const char *const by_targets[] = { "accuracy", "acc", "crossentropy", "ce" };

const char *cn__choice_by_targets(cn__family family, const char *word)
{
    for (size_t i = 0; i < CN__COUNT(by_targets); i++)
        if ((family == CN__FAM_METRIC || i > 1) && !strcmp(word, by_targets[i])) return by_targets[i];
    return NULL;
}

const char *cn__choice_copy(cn_ctx *ctx, cn__arena *mem, const char *site, cn__family family, const char *choice)
{
    cn__spec spec;
    const char *word = cn__choice_by_targets(family, choice);
    if (word) return word;
    if (!cn__spec_make(ctx, mem, site, family, choice, &spec)) return NULL;
    if (!cn__choice_is_name(choice)) return spec.args;
    const char *name = cn__arena_text(mem, choice);
    if (!name) cn__nomem(ctx);
    return name;
}

void cn__training_free(cn_model *m)
{
    cn__training *t = m->training;
    cn_ctx *ctx = m->obj.ctx;
    if (!t) return;
    for (size_t i = 0; i < t->gauges.n; i++)
        for (int k = 0; k < 2; k++) cn__var_free(t->gauges.at[i].sum[k]);
    cn__vec_free(ctx, &t->gauges);
    cn__vec_free(ctx, &t->weights);
    if (t->optimizer.ctx) cn__optimizer_free(&t->optimizer);
    cn__arena_free(&t->mem);
    cn__free(ctx, t, sizeof *t);
    m->training = NULL;
}

static bool collect_weights(cn_model *m, cn__training *t)
{
    if (!cn__model_table(m)) return false;
    for (size_t i = 0; i < m->table.n; i++)
        if (m->table.at[i].trainable && !cn__push(m->obj.ctx, &t->weights, m->table.at[i].weight))
            return cn__nomem(m->obj.ctx), false;
    return true;
}

/* ---- cn_compile -------------------------------------------------------------------------------------------------- */
static cn_output_args filled(const cn_output_args *given)
{
    CN__ARGS(cn_output_args, a, given);
    CN__FILL(cn_output_args, CN_OUTPUT_FIELDS);
    return a;
}

static bool copy_metrics(cn_ctx *ctx, cn__training *t, cn__target *to, int weighted, const cn_metric *list,
                         const char *site)
{
    for (int i = 0; i < CN_MAX_LIST && list[i].name; i++) {
        const char *c = cn__choice_copy(ctx, &t->mem, site, CN__FAM_METRIC, list[i].name);
        if (!c) return false;
        to->metric[weighted][to->metrics[weighted]++] = c;
    }
    return true;
}

static bool copy_output(cn_ctx *ctx, cn__training *t, int k, const cn_output_args *o, const char *site)
{
    cn__target *to = &t->target[k];
    if (!isfinite(o->loss_weight)) {
        cn__fail(ctx, site, CN_E_VALUE, "cn_compile: loss_weight of output %d is %g.", k, o->loss_weight);
        return false;
    }
    to->weight = o->loss_weight;
    if (o->loss.name && !(to->loss_choice = cn__choice_copy(ctx, &t->mem, site, CN__FAM_LOSS, o->loss.name)))
        return false;
    return copy_metrics(ctx, t, to, 0, o->metrics, site) && copy_metrics(ctx, t, to, 1, o->weighted_metrics, site);
}

const char *cn__output_name(const cn_model *m, int k)
{
    return m->built ? m->outputs.at[k]->from->layer->name : m->layers.at[m->layers.n - 1]->name;
}

/* By its name, or by its place in the list. */
static int place_of(const cn_model *m, const cn__training *t, const cn_output_args *o, int i, const char *site)
{
    if (!o->name) return i;
    for (int k = 0; k < t->targets; k++)
        if (!strcmp(cn__output_name(m, k), o->name)) return k;
    cn__text names = { .ctx = m->obj.ctx };
    for (int k = 0; k < t->targets; k++) cn__text_add(&names, "%s\"%s\"", k ? ", " : "", cn__output_name(m, k));
    cn__fail(m->obj.ctx, site, CN_E_NAME, "cn_compile: model \"%s\" has no output \"%s\". It has %s.", m->layer->name,
             o->name, cn__text_get(&names));
    cn__text_free(&names);
    return -1;
}

static bool copy_outputs(cn_model *m, cn__training *t, const cn_compile_args *a, const char *site)
{
    cn_ctx *ctx = m->obj.ctx;
    bool    taken[CN_MAX_LIST] = { false }, alone = a->loss.name || a->metrics[0].name || a->weighted_metrics[0].name;
    if (!a->outputs[0]) {
        cn_output_args o = { .loss = a->loss, .loss_weight = 1 };
        memcpy(o.metrics, a->metrics, sizeof o.metrics);
        memcpy(o.weighted_metrics, a->weighted_metrics, sizeof o.weighted_metrics);
        if (alone && t->targets > 1) {
            cn__fail(ctx, site, CN_E_VALUE,
                     "cn_compile: model \"%s\" has %d outputs: give each its loss: .outputs = { cn_output(.loss = "
                     "CN_MSE), ... }.",
                     m->layer->name, t->targets);
            return false;
        }
        for (int k = 0; k < t->targets; k++)
            if (!copy_output(ctx, t, k, &o, site)) return false;
        return true;
    }
    if (alone)
        return cn__fail(ctx, site, CN_E_VALUE,
                        "cn_compile: .outputs stands instead of .loss and .metrics; give one of both."),
               false;
    for (int i = 0; i < CN_MAX_LIST && a->outputs[i]; i++) {
        cn_output_args o = filled(a->outputs[i]);
        int k = place_of(m, t, &o, i, site);
        if (k < 0) return false;
        if (k >= t->targets || taken[k]) {
            cn__fail(ctx, site, CN_E_VALUE,
                     k < t->targets ? "cn_compile: output %d of model \"%s\" (which has %d) is described twice."
                                    : "cn_compile: there is an output number %d in .outputs; model \"%s\" has %d.",
                     k, m->layer->name, t->targets);
            return false;
        }
        taken[k] = true;
        if (!copy_output(ctx, t, k, &o, site)) return false;
    }
    return true;
}

static void mix(cn_model *m)
{
    for (size_t i = 0; i < m->layers.n; i++) {
        cn_layer *l = m->layers.at[i];
        if (l->model) mix(l->model);
        for (size_t k = 0; k < l->inner.n; k++)
            if (l->inner.at[k]->dtype == CN_FLOAT32) cn__layer_computes(l->inner.at[k], CN_BFLOAT16);
        if (l->dtype == CN_FLOAT32) cn__layer_computes(l, CN_BFLOAT16);
    }
}

cn_status (cn_compile)(cn_compile_args *given)
{
    CN__ARGS(cn_compile_args, a, given);
    const char *site = a.head.site;
    cn_model   *m = a.on;
    cn_status   status = cn__model_check(m, site);
    if (status) return status;
    cn_ctx *ctx = m->obj.ctx;
    if (m->running) return cn__fail(ctx, site, CN_E_STATE, "cn_compile: model \"%s\" is at work.", m->layer->name);
    CN__FILL(cn_compile_args, CN_COMPILE_FIELDS);
    if (a.precision && a.precision != CN_MIXED_BFLOAT16)
        return cn__fail(ctx, site, CN_E_VALUE,
                        "cn_compile: precision can be CN_MIXED_BFLOAT16, or stand away: then it is as the layers say.");
    int64_t number = cn__unique(ctx, "(compilations)");
    cn__training *t = number < 0 ? NULL : cn__alloc0(ctx, sizeof *t), *before = m->training;
    if (!t) return cn__nomem(ctx);
    t->mem.ctx = ctx;
    t->number = (uint64_t)number + 1;
    t->targets = m->built ? (int)m->outputs.n : 1;
    for (int k = 0; k < t->targets; k++) t->target[k].weight = 1;
    bool ok = cn__optimizer_make(&t->optimizer, ctx, site, a.optimizer.name) && copy_outputs(m, t, &a, site) &&
              (!m->built || collect_weights(m, t));
    if (!ok) {                                           /* the old one or the new one, never a part */
        cn_status failed = (cn_error)(ctx);
        m->training = t;
        cn__training_free(m);
        m->training = before;
        return failed;
    }
    cn__programs_drop(m);
    cn__training_free(m);
    m->training = t;
    if (a.precision) mix(m);
    cn__history_clear(m);
    cn__course_drop(m);
    return CN_OK;
}

/* ---- At the first data ------------------------------------------------------------------------------------------- */
bool cn__target_sparse(const cn__target *t)
{
    return t->loss.cls && ((const cn__loss_ops *)t->loss.cls->ops)->sparse;
}

static void part_type(const cn__part *p, cn__type *t)
{
    memset(t, 0, sizeof *t);
    t->dtype = (uint8_t)p->dtype, t->rank = (uint8_t)CN__MIN(p->rank + 1, CN_MAX_RANK), t->dim[0] = CN_ANY;
    for (int i = 1; i < t->rank; i++) t->dim[i] = p->dim[i - 1];
}

/* Class numbers are read as int32, all else as the output's type; a last axis of 1 comes and goes as Keras has it. */
static void read_type(const cn__target *t, const cn__part *p, cn__type *out)
{
    part_type(p, out);
    int wanted = t->p.rank - (cn__target_sparse(t) ? 1 : 0);
    if (out->rank == wanted + 1 && out->dim[out->rank - 1] == 1) out->rank--;
    else if (out->rank == wanted - 1 && t->p.dim[wanted - 1] == 1) out->dim[out->rank++] = 1;
    out->dtype = cn__target_sparse(t) ? (uint8_t)CN_INT32
                 : t->loss.cls        ? t->p.dtype
                                      : (uint8_t)(cn__is_float(p->dtype) ? CN_FLOAT32 : CN_INT32);
}

cn_status cn__target_type(const cn_model *m, int k, const cn__part *p, const char *site, cn__type *out)
{
    cn_ctx *ctx = m->obj.ctx;
    const cn__target *t = &m->training->target[k];
    if (p->dtype == CN_STRING)
        return cn__fail(ctx, site, CN_E_DTYPE,
                        "y: the targets are strings. Make classes of them: cn_classes(table, \"species\").");
    if (p->rank >= CN_MAX_RANK) return cn__fail(ctx, site, CN_E_SHAPE, "y: targets have at most %d axes.", CN_MAX_RANK);
    read_type(t, p, out);
    return t->loss.cls && !cn__loss_check(ctx, site, &t->loss, out, &t->p, t->logits_of) ? (cn_error)(ctx) : CN_OK;
}

/* Class numbers written as numbers with a fraction: each must be one. */
static cn_status check_labels(const cn_model *m, const cn__source *s, int k, const char *site)
{
    const cn__part *p = &s->y[k];
    if (!cn__target_sparse(&m->training->target[k]) || !cn__is_float(p->dtype) || !s->direct) return CN_OK;
    size_t n = p->row / cn__dtype_size(p->dtype);
    for (int64_t i = 0; i < s->samples; i++) {
        size_t row = s->order ? s->order[i] : (size_t)i;
        if (s->weighted && !s->weight.rank && cn__load(s->weight.dtype, s->weight.base + row * s->weight.pitch, 0) == 0)
            continue;
        for (size_t j = 0; j < n; j++) {
            double v = cn__load(p->dtype, p->base + row * p->pitch, j);
            if (isfinite(v) && v == nearbyint(v)) continue;
            return cn__fail(m->obj.ctx, site, isfinite(v) ? CN_E_VALUE : CN_E_NUMERIC,
                            "y: label %g in row %zu is no class number.", v, row);
        }
    }
    return CN_OK;
}

/* Whether an output is the sigmoid or softmax of something, found by lowering the model once. */
static cn_status find_logits(cn_model *m, cn__training *t, const char *site)
{
    cn_ctx   *ctx = m->obj.ctx;
    cn_graph *g = cn__graph_new(ctx);
    cn__flow  in[CN_MAX_IO], out[CN_MAX_LIST];
    cn__type  type;
    if (cn__bad(g)) return cn__fail_with(g);
    memset(in, 0, sizeof in);
    memset(out, 0, sizeof out);
    cn__lower w = { .ctx = ctx, .g = g, .mode = CN__PREDICT, .rng = cn__model_rng(m) ? cn__variable(g, m->rng) : 0 };
    for (size_t i = 0; i < m->inputs.n; i++) {
        cn__tensor_type(m->inputs.at[i], &type);
        for (int k = 0; k < type.rank; k++)
            if (type.dim[k] < 0) type.dim[k] = 83;
        in[i].val = cn__input(g, &type, "x");
    }
    cn__lower_model(&w, m, false, in, out);
    cn_status status = cn__graph_status(g, site);
    for (int k = 0; k < t->targets; k++) t->target[k].logits_of = out[k].logits_of;
    cn__unref(g);
    return status;
}

static cn__gauge *add_gauge(cn_model *m, cn__training *t, uint8_t kind, int target, const char *name, int sums)
{
    cn_ctx   *ctx = m->obj.ctx;
    cn__type  type = { .dtype = CN_FLOAT64, .rank = kind == CN__GAUGE_METRIC ? 1 : 0, .dim = { sums } };
    cn__gauge q = { .kind = kind, .target = target, .sums = sums, .up = -1 };
    q.name = t->targets > 1 && target >= 0 ? cn__arena_printf(&t->mem, "%s_%s", t->target[target].name, name) : name;
    if (!q.name || !cn__push(ctx, &t->gauges, q)) return cn__nomem(ctx), NULL;
    cn__gauge *at = &t->gauges.at[t->gauges.n - 1];
    for (int k = 0; k < 2; k++)
        if (!(at->sum[k] = cn__var_new(ctx, &t->mem, at->name, &type, CN__METRIC, CN__SCOPE_MODEL, false)))
            return cn__nomem(ctx), NULL;
    return at;
}

/* Keras's _direction: losses and errors fall, these rise; of a metric of the user's nobody knows. */
static int direction(const cn__spec *spec)
{
    static const char *const up[] = { "Accuracy",
                                      "AUC",
                                      "Precision",
                                      "Recall",
                                      "R2Score",
                                      "F1Score",
                                      "FBetaScore",
                                      "IoU",
                                      "CosineSimilarity",
                                      "SensitivityAtSpecificity",
                                      "SpecificityAtSensitivity",
                                      "PrecisionAtRecall",
                                      "RecallAtPrecision" };
    size_t n = strlen(spec->cls->name);
    if (strchr(spec->cls->name, '>')) return 0;
    for (size_t i = 0; i < CN__COUNT(up); i++) {
        size_t k = strlen(up[i]);
        if (n >= k && !strcmp(spec->cls->name + n - k, up[i])) return 1;
    }
    return -1;
}

static bool add_metrics(cn_model *m, cn__training *t, int k, int weighted, const char *site)
{
    cn__target *to = &t->target[k];
    for (int i = 0; i < to->metrics[weighted]; i++) {
        cn__metric metric;
        if (!cn__metric_make(m->obj.ctx, &t->mem, site, to->metric[weighted][i], &to->loss, &to->y, &to->p, &metric))
            return false;
        const char *choice = to->metric[weighted][i],
                   *name = cn__choice_is_name(choice) && !strchr(choice, '>') ? choice : metric.name;
        const char *plain = name;                        /* Keras: as it was written, if it was a word */
        for (size_t j = 0; j < t->gauges.n; j++)         /* the same metric without and with weights */
            if (t->gauges.at[j].target == k && t->gauges.at[j].kind == CN__GAUGE_METRIC &&
                !strcmp(t->gauges.at[j].metric.name, plain))
                name = cn__arena_printf(&t->mem, "weighted_%s", plain);
        metric.name = plain;
        cn__gauge *q = name ? add_gauge(m, t, CN__GAUGE_METRIC, k, name, metric.sums) : NULL;
        if (!q) return false;
        q->metric = metric, q->weighted = weighted, q->up = direction(&metric.spec);
    }
    return true;
}

static bool add_gauges(cn_model *m, cn__training *t, const char *site)
{
    int losses = 0;
    for (int k = 0; k < t->targets; k++) losses += t->target[k].loss.cls != NULL;
    if (!add_gauge(m, t, CN__GAUGE_LOSS, -1, "loss", 1)) return false;
    for (int k = 0; losses > 1 && k < t->targets; k++)
        if (t->target[k].loss.cls && !add_gauge(m, t, CN__GAUGE_TARGET, k, "loss", 1)) return false;
    for (int k = 0; k < t->targets; k++)
        if (!add_metrics(m, t, k, 0, site) || !add_metrics(m, t, k, 1, site)) return false;
    return true;
}

static cn_status make_targets(cn_model *m, cn__training *t, const cn__source *s, const char *site)
{
    cn_ctx *ctx = m->obj.ctx;
    cn_status status = find_logits(m, t, site);
    for (int k = 0; !status && k < t->targets; k++) {
        cn__target *to = &t->target[k];
        cn__type raw;
        part_type(&s->y[k], &raw);
        to->name = cn__output_name(m, k);
        cn__tensor_type(m->outputs.at[k], &to->p);
        if (to->loss_choice && !cn__loss_make(ctx, &t->mem, site, to->loss_choice, &raw, &to->p, &to->loss))
            return (cn_error)(ctx);
        status = cn__target_type(m, k, &s->y[k], site, &to->y);
    }
    return status;
}

cn_status cn__training_optimizer(cn_model *m)
{
    cn__training *t = m->training;
    if (t->slots) return CN_OK;
    if (!t->weights.n && !collect_weights(m, t)) return (cn_error)(m->obj.ctx);
    if (!cn__optimizer_build(&t->optimizer, t->weights.at, (int)t->weights.n)) return (cn_error)(m->obj.ctx);
    t->slots = true;
    return CN_OK;
}

/* What was made of it goes, so that the next data find it as it was compiled. */
static void undo(cn__training *t)
{
    for (size_t i = 0; i < t->gauges.n; i++)
        for (int k = 0; k < 2; k++) cn__var_free(t->gauges.at[i].sum[k]);
    t->gauges.n = 0;
    for (int k = 0; k < t->targets; k++) t->target[k].loss = (cn__spec){ NULL, NULL };
}

cn_status cn__training_ready(cn_model *m, const cn__source *s, const char *site)
{
    cn__training *t = m->training;
    cn_ctx *ctx = m->obj.ctx;
    if (!t)
        return cn__fail(ctx, site, CN_E_STATE,
                        "model \"%s\" is not compiled. Call cn_compile(m, .loss = CN_MSE) before.", m->layer->name);
    cn_status status = cn__model_weights_ready(m, site);
    if (status) return status;
    if (!s->ny) return cn__fail(ctx, site, CN_E_VALUE, "there are no targets. Give y, or a data set with .y.");
    if (s->ny != t->targets || m->outputs.n != (size_t)t->targets)
        return cn__fail(ctx, site, CN_E_SHAPE, "model \"%s\" has %d outputs, the data have %d targets.", m->layer->name,
                        t->targets, s->ny);
    if (!t->ready) {
        bool any = false;
        for (int k = 0; k < t->targets; k++) any = any || t->target[k].loss_choice;
        if (!any)
            return cn__fail(ctx, site, CN_E_STATE,
                            "model \"%s\" was compiled without a loss. Call cn_compile(m, .loss = CN_MSE).",
                            m->layer->name);
        status = make_targets(m, t, s, site);
        if (!status && !add_gauges(m, t, site)) status = (cn_error)(ctx);
        if (!status) status = cn__training_optimizer(m);
        if (status) undo(t);
        t->ready = !status;
    }
    for (int k = 0; !status && k < t->targets; k++) status = check_labels(m, s, k, site);
    return status;
}

/* ---- The learning rate ------------------------------------------------------------------------------------------- */
double cn_learning_rate(const cn_model *m)
{
    if (cn__bad(m)) return NAN;
    if (!m->training) {
        cn__fail(m->obj.ctx, NULL, CN_E_STATE, "cn_learning_rate: model \"%s\" is not compiled.", m->layer->name);
        return NAN;
    }
    const cn__optimizer *o = &m->training->optimizer;
    if (o->schedule.cls) return cn__schedule_at(&o->schedule, *(const int64_t *)cn__var_master(o->iteration));
    return (double)*(const float *)cn__var_master(o->learning_rate);
}

cn_status cn_set_learning_rate(cn_model *m, double rate)
{
    if (cn__bad(m)) return cn__fail_with(m);
    cn_ctx *ctx = m->obj.ctx;
    if (!m->training)
        return cn__fail(ctx, NULL, CN_E_STATE, "cn_set_learning_rate: model \"%s\" is not compiled.", m->layer->name);
    const cn__optimizer *o = &m->training->optimizer;
    if (o->schedule.cls)
        return cn__fail(ctx, NULL, CN_E_STATE,
                        "cn_set_learning_rate: a schedule sets the learning rate of model \"%s\".", m->layer->name);
    if (!(rate >= 0) || isinf(rate))
        return cn__fail(ctx, NULL, CN_E_VALUE, "cn_set_learning_rate: %g is no learning rate, it must be 0 or more.",
                        rate);
    *(float *)cn__var_master(o->learning_rate) = (float)rate;
    cn__var_touch(o->learning_rate);
    return CN_OK;
}
