/* advice.c: how large a network should be, and why: the three problems of the notes told apart by their targets.

   Sizes of hidden layers are rules of thumb, tried on the tables that the command's tests use: as wide as the inputs
   ask for, no wider than the samples can fill; the fewer samples, the more regularization. */
#include "report/svg.h"
#include "cornu/layers.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

const char *cn_task_name(cn_task task)
{
    static const char *const names[] = { "", "regression", "binary", "multiclass" };
    return task >= CN_REGRESSION && task <= CN_MANY_CLASSES ? names[task] : "";
}

/* ---- What kind of targets ---------------------------------------------------------------------------------------- */
typedef struct kinds { int64_t n, different; double least, most; bool whole, integers; } kinds;

static int by_number(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}
static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

/* Sorts a copy and counts what differs. */
static cn_status count_kinds(cn_ctx *ctx, const char *site, const cn_array *y, kinds *k)
{
    bool   text = y->head.dtype == CN_STRING;
    int64_t n = cn__array_count(y);
    size_t bytes = (size_t)n * (text ? sizeof(char *) : sizeof(double));
    void  *copy = cn__alloc(ctx, bytes);
    if (!copy) return cn__nomem(ctx);
    *k = (kinds){ .n = n, .whole = true, .integers = !text && !cn__is_float(y->head.dtype) };
    const char **s = copy;
    double      *v = copy;
    for (int64_t i = 0; i < n; i++) {
        if (text) { s[i] = cn_string(y, i); continue; }
        v[i] = cn__load(y->head.dtype, y->data, (size_t)i);
        if (!isfinite(v[i])) {
            cn__free(ctx, copy, bytes);
            return cn__fail(ctx, site, CN_E_VALUE, "advise: target %lld is not a finite number; leave such samples out",
                            (long long)i);
        }
        k->whole &= v[i] == floor(v[i]);
    }
    qsort(copy, (size_t)n, text ? sizeof *s : sizeof *v, text ? by_text : by_number);
    for (int64_t i = 0; i < n; i++) k->different += !i || (text ? strcmp(s[i], s[i - 1]) != 0 : v[i] != v[i - 1]);
    if (!text && n) k->least = v[0], k->most = v[n - 1];
    cn__free(ctx, copy, bytes);
    return CN_OK;
}

/* Rows with one 1 and else 0. */
static bool is_one_hot(const cn_array *y)
{
    int64_t n = y->head.dim[0], k = y->head.dim[1];
    for (int64_t i = 0; i < n; i++) {
        double sum = 0;
        for (int64_t j = 0; j < k; j++) {
            double v = cn__load(y->head.dtype, y->data, (size_t)(i * k + j));
            if (v != 0 && v != 1) return false;
            sum += v;
        }
        if (sum != 1) return false;
    }
    return n > 0;
}

static void say(cn_advice *a, const char *format, ...) CN__PRINTF(2, 3);
static void say(cn_advice *a, const char *format, ...)
{
    size_t  n = strlen(a->why);
    va_list args;
    va_start(args, format);
    vsnprintf(a->why + n, sizeof a->why - n, format, args);
    va_end(args);
    n = strlen(a->why);
    if (n + 1 < sizeof a->why) a->why[n] = '\n', a->why[n + 1] = 0;
}

static cn_status look_at_targets(cn_ctx *ctx, const cn_advise_args *g, cn_advice *a)
{
    const cn_array *y = g->y;
    const char     *site = g->head.site;
    kinds k = { 0 };
    if (y->head.rank < 1 || y->head.rank > 2 || cn__array_count(y) < 1)
        return cn__fail(ctx, site, CN_E_SHAPE, "advise: targets are (samples) or (samples, numbers), and at least one");
    if (a->samples && a->samples != y->head.dim[0])
        return cn__fail(ctx, site, CN_E_SHAPE, "advise: %lld samples, %lld targets", (long long)a->samples,
                        (long long)y->head.dim[0]);
    a->samples = y->head.dim[0];
    int64_t width = y->head.rank == 2 ? y->head.dim[1] : 1;
    bool    text = y->head.dtype == CN_STRING;
    if (width > 1) {
        bool hot = !text && is_one_hot(y);
        a->task = g->task ? g->task : hot ? CN_MANY_CLASSES : CN_REGRESSION;
        a->classes = hot ? width : 0, a->outputs = width;
        say(a,
            hot ? "Many classes: each row of targets has a single 1, in one of %lld places."
                : "Regression: each sample has %lld numbers for a target.",
            (long long)width);
        return CN_OK;
    }
    cn_status failed = count_kinds(ctx, site, y, &k);
    if (failed) return failed;
    if (k.different == 1 && k.n > 1)
        return cn__fail(ctx, site, CN_E_VALUE, "advise: all %lld targets are the same; there is nothing to learn",
                        (long long)k.n);
    bool counted = k.whole && (k.least == 0 || k.least == 1) && k.most - k.least + 1 == (double)k.different &&
                   k.n >= 2 * k.different && k.different <= (k.integers ? 1000 : 20);
    bool two = k.different == 2 && k.whole && (k.n >= 10 || (k.least >= -1 && k.most <= 2));
    a->task = g->task ? g->task : text ? (k.different > 2 ? CN_MANY_CLASSES : CN_BINARY_CLASSES)
            : two ? CN_BINARY_CLASSES : counted ? CN_MANY_CLASSES : CN_REGRESSION;
    a->classes = a->task == CN_REGRESSION ? 0 : k.different;
    if (a->task == CN_REGRESSION && text)
        return cn__fail(ctx, site, CN_E_DTYPE, "advise: the targets are text; a regression needs numbers");
    if (a->task == CN_BINARY_CLASSES && k.different != 2)
        return cn__fail(ctx, site, CN_E_VALUE,
                        "advise: two classes were asked for, the targets have %lld different values",
                        (long long)k.different);
    if (a->task == CN_REGRESSION)
        say(a, "Regression: the targets are numbers (%lld different values in %lld samples).", (long long)k.different,
            (long long)k.n);
    else if (a->task == CN_BINARY_CLASSES) say(a, "Two classes: the targets have two different values.");
    else say(a, "Many classes: the targets %s.", text ? "are names" : "count classes without a gap");
    return CN_OK;
}

/* ---- How large --------------------------------------------------------------------------------------------------- */
static int64_t power_of_two(double wanted, int64_t least, int64_t most)
{
    int64_t p = least;
    while (p < most && (double)p * 1.41 < wanted) p *= 2;
    return p;
}

static void size_hidden(cn_advice *a)
{
    double n = a->samples ? (double)a->samples : 10000, d = (double)a->inputs;
    if (n < 50) {
        a->hidden[0] = 8;
        say(a, "One small hidden layer of 8: with %lld samples more could not be told from chance.", (long long)n);
    } else {
        int64_t wide = power_of_two(fmax(4 * d, n < 1000 ? 32 : 64), 32, n < 5000 ? 64 : n < 30000 ? 128 : 256);
        a->hidden[0] = wide, a->hidden[1] = wide / 2;
        say(a, "Hidden layers of %lld and %lld: wide enough for %lld inputs, no wider than %lld samples can fill%s.",
            (long long)a->hidden[0], (long long)a->hidden[1], (long long)a->inputs, (long long)n,
            a->samples ? "" : " (so many are taken for granted)");
    }
    a->activation = CN_RELU;
    a->dropout = n < 50 ? 0 : n < 30000 ? 0.1 : 0.2;
    a->l2 = n < 5000 ? 3e-3 : n < 10000 ? 1e-4 : 0;
    a->batch_size = power_of_two(n / 40, 16, 128);
    a->epochs = n < 5000 ? 400 : n < 30000 ? 120 : 20;
    a->patience = n < 5000 ? 40 : n < 30000 ? 15 : 4;
    a->learning_rate = 0.001;
}

static void size_output(cn_advice *a)
{
    switch (a->task) {
    case CN_REGRESSION:
        a->output_activation = CN_LINEAR, a->loss = CN_MSE, a->metric = CN_METRIC_MAE;
        say(a, "%lld output%s without an activation: %s may be any number.", (long long)a->outputs,
            a->outputs > 1 ? "s" : "", a->outputs > 1 ? "they" : "it");
        say(a, "Loss: mean squared error, which makes large mistakes count most. Metric: mean absolute error, which is "
               "in the target's units.");
        break;
    case CN_BINARY_CLASSES:
        a->outputs = 1, a->output_activation = CN_SIGMOID, a->loss = CN_BINARY_CROSSENTROPY, a->metric = CN_ACCURACY;
        say(a, "One output with a sigmoid: the probability of the second class.");
        say(a, "Loss: binary cross-entropy, what a probability costs when the truth comes out. Metric: accuracy, the "
               "share that is right.");
        break;
    case CN_MANY_CLASSES:
        a->outputs = a->classes, a->output_activation = CN_SOFTMAX;
        a->loss = CN_SPARSE_CATEGORICAL_CROSSENTROPY, a->metric = CN_ACCURACY;
        say(a, "%lld outputs with a softmax: a probability for each class, together 1.", (long long)a->classes);
        say(a, "Loss: sparse categorical cross-entropy, of targets that are class numbers. Metric: accuracy, the share "
               "that is right.");
        break;
    }
}

/* The sizes that were given: none that a layer could not have. */
static const char *wrong_size(const cn_advise_args *g)
{
    const int64_t sizes[] = { g->inputs, g->classes, g->outputs, g->samples };
    for (size_t i = 0; i < CN__COUNT(sizes); i++) {
        if (sizes[i] < 0) return "a size is negative";
        if (i < 3 && sizes[i] > 1 << 30) return "a layer has at most 1073741824 inputs and outputs";
    }
    return g->classes == 1 ? "one class is nothing to tell apart" : NULL;
}

static int64_t count_parameters(const cn_advice *a)
{
    int64_t total = 0, in = a->inputs;
    for (int i = 0; i < CN_ADVICE_LAYERS && a->hidden[i]; i++) total += (in + 1) * a->hidden[i], in = a->hidden[i];
    return total + (in + 1) * a->outputs;
}

cn_status (cn_advise)(cn_advise_args *args)
{
    CN__ARGS(cn_advise_args, g, args);
    cn_ctx     *ctx = g.on;
    const char *site = g.head.site;
    cn_advice  *a = g.advice;
    if (!ctx) return CN_E_NOMEM;
    if (!a) return cn__fail(ctx, site, CN_E_VALUE, "advise: no place for the advice");
    *a = (cn_advice){
        .samples = g.samples, .inputs = g.inputs, .outputs = g.outputs ? g.outputs : 1, .classes = g.classes
    };
    if (g.x && cn__bad(g.x)) return cn__fail_with(g.x);
    if (g.y && cn__bad(g.y)) return cn__fail_with(g.y);
    const char *wrong = wrong_size(&g);
    if (wrong) return cn__fail(ctx, site, CN_E_VALUE, "advise: %s", wrong);
    if (g.x) {
        if (g.x->head.rank < 1) return cn__fail(ctx, site, CN_E_SHAPE, "advise: x has no axis for the samples");
        a->samples = g.x->head.dim[0], a->inputs = 1;
        for (int i = 1; i < g.x->head.rank; i++) a->inputs *= g.x->head.dim[i];
    }
    if (a->inputs < 1) return cn__fail(ctx, site, CN_E_VALUE, "advise: how many inputs? Give .x or .inputs");
    if (g.y) {
        cn_status failed = look_at_targets(ctx, &g, a);
        if (failed) return failed;
    } else {
        a->task = g.task           ? g.task
                  : g.classes > 2  ? CN_MANY_CLASSES
                  : g.classes == 2 ? CN_BINARY_CLASSES
                                   : CN_REGRESSION;
        if (a->task == CN_MANY_CLASSES && !a->classes)
            return cn__fail(ctx, site, CN_E_VALUE, "advise: how many classes? Give .y or .classes");
        if (a->task == CN_BINARY_CLASSES) a->classes = 2;
        say(a,
            a->task == CN_REGRESSION ? "Regression: what is wanted is a number."
                                     : "Classification: what is wanted is one of %lld classes.",
            (long long)a->classes);
    }
    say(a, "%lld input%s: one for each number of a sample.", (long long)a->inputs, a->inputs > 1 ? "s" : "");
    size_output(a);
    size_hidden(a);
    a->parameters = count_parameters(a);
    return CN_OK;
}

cn_status cn_add_advised(cn_model *m, const cn_advice *a)
{
    if ((cn_error)(m)) return cn__fail_with(m);
    cn_ctx *ctx = (cn_ctx_of)(m);
    if (!a || a->outputs < 1)
        return cn__fail(ctx, NULL, CN_E_VALUE, "add_advised: the advice has no outputs; call cn_advise first");
    cn_regularizer l2 = a->l2 > 0 ? cn_l2(a->l2) : (cn_regularizer){ NULL };
    for (int i = 0; i < CN_ADVICE_LAYERS && a->hidden[i]; i++) {
        cn_layer *l = cn_dense(m, a->hidden[i], .activation = a->activation, .kernel_regularizer = l2);
        if ((cn_error)(l)) return cn__fail_with(l);
        if (a->dropout > 0) cn_dropout(m, a->dropout);
    }
    cn_layer *l = cn_dense(m, a->outputs, .activation = a->output_activation);
    return (cn_error)(l) ? cn__fail_with(l) : CN_OK;
}
