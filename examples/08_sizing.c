/* Lesson 8: sizing a network. The columns of the data give the inputs; the targets say which of three problems it is,
   and with it the outputs, the last activation, the loss and the metric. cn_advise says it, with the reasons; nothing
   in it is secret: without data, the number of inputs and of classes is all that it needs to know. */
#include <cornu.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ROWS = 3 };
/* bedrooms, bathrooms, house, lot: price in thousands */
static const double houses[ROWS * 4] = { 2, 1, 1200, 2000,  3, 1, 1500, 3500,  4, 2, 2300, 5000 };
static const double prices[ROWS]     = { 229, 319, 599 };
/* income, score, debt: is the loan paid back? */
static const double loans[ROWS * 3]  = { 40000, 620, 0,  80000, 750, 100000,  100000, 800, 50000 };
static const double paid[ROWS]       = { 0, 1, 1 };

typedef struct task {
    const char   *name;
    const double *x, *y;                     /* rows of the notes; NULL: only the sizes are known */
    int64_t       inputs, classes;
    cn_task       wanted;
    int64_t       outputs;
    double        tolerance;                 /* of what the trained network says */
} task;
static const task tasks[] = {
    { "house prices in thousands", houses, prices, 4, 0,  CN_REGRESSION,     1, 5 },
    { "loans",                     loans,  paid,   3, 0,  CN_BINARY_CLASSES, 1, 0.1 },
    { "digits of 28 x 28 pixels",  NULL,   NULL, 784, 10, CN_MANY_CLASSES,  10, 0 },
    { "tomorrow's stock index",    NULL,   NULL,  30, 0,  CN_REGRESSION,     1, 0 },
    { "priority of tickets, by 10 of 25 columns", NULL, NULL, 10, 3, CN_MANY_CLASSES, 3, 0 },
};

/* Three rows are no training set: that it gets them right shows only that the parts fit together. Value: rows wrong. */
static int train(cn_ctx *c, const task *t, const cn_advice *a, cn_array *x, cn_array *y)
{
    cn_array *p = NULL;
    int       wrong = 0;
    cn_model *m = cn_sequential(c, {t->inputs});
    cn_normalization(m);                     /* columns in years and in dollars become alike */
    if (cn_add_advised(m, a) || cn_adapt(m, x) ||
        cn_compile(m, .optimizer = cn_adam(.learning_rate = 0.05), .loss = a->loss, .metrics = { a->metric }) ||
        cn_fit(m, x, y, .epochs = 1500) || cn_predict(m, x, &p)) return ROWS;
    printf("    trained on its %d rows:", ROWS);
    for (int i = 0; i < ROWS; i++) {
        printf("  %g -> %.2f", t->y[i], cn_at(p, i, 0));
        wrong += !(fabs(cn_at(p, i, 0) - t->y[i]) < t->tolerance);
    }
    puts("");
    return wrong;
}

/* Asks for advice and prints it. Value: what is not as the notes say. */
static int size_network(cn_ctx *c, const task *t)
{
    cn_advice a;
    cn_array *x = NULL, *y = NULL;
    if (t->x) {
        x = cn_array_from(c, {ROWS, t->inputs}, CN_BUFFER(t->x, (size_t)(ROWS * t->inputs)));
        y = cn_array_from(c, {ROWS, 1}, CN_BUFFER(t->y, ROWS));
    }
    if (t->x ? cn_advise(c, &a, .x = x, .y = y)
             : cn_advise(c, &a, .inputs = t->inputs, .classes = t->classes)) return 1;

    printf("%s: %s, %d -> ", t->name, cn_task_name(a.task), (int)a.inputs);
    for (int i = 0; i < CN_ADVICE_LAYERS && a.hidden[i]; i++)
        printf("%d %s -> ", (int)a.hidden[i], a.activation.name);
    printf("%d %s, loss %s, metric %s\n", (int)a.outputs, a.output_activation.name, a.loss.name, a.metric.name);
    for (const char *line = a.why, *end; (end = strchr(line, '\n')); line = end + 1)
        printf("    %.*s\n", (int)(end - line), line);
    int wrong = a.task != t->wanted || a.outputs != t->outputs || a.inputs != t->inputs;
    return wrong + (t->x ? train(c, t, &a, x, y) : 0);
}

int main(void)
{
    cn_ctx *c = cn_open(.seed = 8);
    int     wrong = 0;
    for (size_t k = 0; k < sizeof tasks / sizeof *tasks; k++) wrong += size_network(c, &tasks[k]);

    if (cn_error(c)) fprintf(stderr, "%s\n", cn_error_message(c));
    else if (wrong) printf("%d answers are wrong\n", wrong);
    else puts("learnt: an amount, yes or no, or one of many: the targets size the output and choose loss and metric");
    return cn_close(c) || wrong;
}
