/* Lesson 8: sizing a network. The columns of the data give the inputs; the targets say which of three problems it
   is, and with it the outputs, the last activation, the loss and the metric. One hidden layer between inputs and
   outputs, by the geometric mean, is a start: Masters, "Practical Neural Network Recipes in C++", 1993. */
#include <cornu.h>
#include <math.h>
#include <stdio.h>

typedef enum problem { REGRESSION, TWO_CLASSES, MANY_CLASSES, PROBLEMS } problem;
static const struct { const char *name, *why, *activation, *loss, *metric; } of[PROBLEMS] = {
    [REGRESSION]   = { "regression", "the target is an amount: no bounds, so no activation, and far off counts more",
                       "linear", "mse", "mae" },
    [TWO_CLASSES]  = { "two classes", "the target is yes or no: one output, the probability of yes",
                       "sigmoid", "binary_crossentropy", "accuracy" },
    [MANY_CLASSES] = { "many classes", "the target is a name out of a list: an output for each, shares that sum to 1",
                       "softmax", "sparse_categorical_crossentropy", "accuracy" },
};

typedef struct task {
    const char *name;
    int64_t     columns, inputs;             /* that there are, and that are used */
    int         rows;                        /* targets shown below */
    double      target[10];
    problem     wanted;
    int64_t     outputs;
} task;
static const task tasks[] = {
    { "house prices in thousands", 4, 4, 3, { 229, 319, 599 }, REGRESSION, 1 },
    { "loans", 3, 3, 3, { 0, 1, 1 }, TWO_CLASSES, 1 },
    { "digits of 28 x 28 pixels", 784, 784, 10, { 5, 0, 4, 1, 9, 2, 3, 6, 7, 8 }, MANY_CLASSES, 10 },
    { "tomorrow's stock index", 30, 30, 4, { 4718.25, 4690.5, 4731, 4702.75 }, REGRESSION, 1 },
    { "priority of tickets", 25, 10, 5, { 2, 0, 1, 1, 2 }, MANY_CLASSES, 3 },
};

/* Classes are numbered 0, 1 ... without a gap; anything else is an amount. */
static problem which(const double *target, int rows, int64_t *outputs)
{
    int highest = 0, seen = 0;
    for (int i = 0; i < rows; i++) {
        if (target[i] < 0 || target[i] >= rows || target[i] != (int)target[i]) return *outputs = 1, REGRESSION;
        if (target[i] > highest) highest = (int)target[i];
    }
    for (int k = 0; k <= highest; k++)
        for (int i = 0, found = 0; i < rows && !found; i++) seen += found = target[i] == k;
    if (seen != highest + 1) return *outputs = 1, REGRESSION;
    *outputs = seen == 2 ? 1 : seen;
    return seen == 2 ? TWO_CLASSES : MANY_CLASSES;
}

/* The network for a task, sized, explained and compiled. *wrong: 1 more if it is not what the notes say. */
static cn_model *size_network(cn_ctx *c, const task *t, int *wrong)
{
    int64_t outputs = 0, hidden = 8;
    problem p = which(t->target, t->rows, &outputs);
    while (hidden * hidden < t->inputs * outputs) hidden *= 2;

    cn_model *m = cn_sequential(c, {t->inputs});
    cn_normalization(m);                     /* columns in years and in dollars become alike */
    cn_dense(m, hidden, .activation = CN_RELU);
    cn_dense(m, outputs, .activation = { of[p].activation });
    if (cn_compile(m, .optimizer = cn_adam(.learning_rate = 0.05), .loss = { of[p].loss },
                   .metrics = { { of[p].metric } })) return m;

    printf("%s: %s\n    because %s\n    %d", t->name, of[p].name, of[p].why, (int)t->inputs);
    if (t->inputs < t->columns) printf(" (chosen of %d columns)", (int)t->columns);
    printf(" -> %d relu -> %d %s, loss %s, metric %s\n",
           (int)hidden, (int)outputs, of[p].activation, of[p].loss, of[p].metric);
    *wrong += p != t->wanted || outputs != t->outputs;
    return m;
}

/* Three rows are no training set: that it gets them right shows only that the parts fit together. */
static int train(cn_model *m, const task *t, const double *rows, double tolerance)
{
    cn_ctx   *c = cn_ctx_of(m);
    cn_array *x = cn_array_from(c, {t->rows, t->inputs}, CN_BUFFER(rows, (size_t)(t->rows * t->inputs))), *p = NULL;
    cn_array *y = cn_array_from(c, {t->rows, 1}, CN_BUFFER(t->target, (size_t)t->rows));
    int       wrong = 0;
    if (cn_adapt(m, x) || cn_fit(m, x, y, .epochs = 1500) || cn_predict(m, x, &p)) return 1;
    printf("    trained on its %d rows:", t->rows);
    for (int i = 0; i < t->rows; i++) {
        printf("  %g -> %.2f", t->target[i], cn_at(p, i, 0));
        wrong += !(fabs(cn_at(p, i, 0) - t->target[i]) < tolerance);
    }
    puts("");
    return wrong;
}

int main(void)
{
    /* bedrooms, bathrooms, house, lot; income, score, debt */
    static const double houses[] = { 2, 1, 1200, 2000,  3, 1, 1500, 3500,  4, 2, 2300, 5000 };
    static const double loans[]  = { 40000, 620, 0,  80000, 750, 100000,  100000, 800, 50000 };
    cn_ctx *c = cn_open(.seed = 8);
    int     wrong = 0;
    for (size_t k = 0; k < sizeof tasks / sizeof *tasks; k++) {
        cn_model *m = size_network(c, &tasks[k], &wrong);
        if (k == 0) wrong += train(m, &tasks[k], houses, 5);
        if (k == 1) wrong += train(m, &tasks[k], loans, 0.1);
    }

    if (cn_error(c)) fprintf(stderr, "%s\n", cn_error_message(c));
    else if (wrong) printf("%d answers are wrong\n", wrong);
    else puts("learnt: an amount, yes or no, or one of many: the targets size the output and choose loss and metric");
    return cn_close(c) || wrong;
}
