/* Lesson 2: the perceptron. z = w0 + w1 x1 + ... + wn xn, and it says 1 for z >= 0. First the weights are set by
   hand, for the concert quiz; then the learning rule w += (y - p) x finds them; and XOR, which no line separates,
   never converges. Rosenblatt, "Principles of Neurodynamics", 1962; the limit: Minsky and Papert, "Perceptrons",
   1969. */
#include <cornu.h>
#include <stdio.h>

enum { ROWS = 7 };
static const double days[ROWS][3] = {        /* good weather, near public transit, a friend can join */
    { 1, 1, 1 }, { 1, 0, 1 }, { 1, 0, 0 }, { 1, 1, 0 }, { 0, 1, 1 }, { 0, 1, 0 }, { 0, 0, 1 } };
static const double go[ROWS] = { 1, 1, 0, 0, 0, 0, 0 };

typedef struct answer { double weight[3]; int wrong_above, wrong_from; } answer;
static const answer answers[] = {            /* how many rows are wrong if yes means "above 60", and "60 or more" */
    { { 33, 33, 33 }, 2, 2 }, { { 35, 20, 30 }, 0, 0 }, { { 50, 1, 49 },  0, 0 },
    { { 50, 0, 5 },   2, 2 }, { { 40, 0, 20 },  2, 0 }, { { 40, 10, 20 }, 1, 0 } };

/* Rows that the weights get wrong when z = bias + sum of the points; -1 on an error. */
static int count_wrong(cn_model *m, const cn_array *x, const double *weight, double bias)
{
    cn_array *said = NULL;
    int       wrong = 0;
    if (cn_set_weight(m, "neuron/kernel", CN_BUFFER(weight, 3)) || cn_set_weight(m, "neuron/bias", CN_NUMBERS(bias)) ||
        cn_predict(m, x, &said)) return -1;
    for (int i = 0; i < ROWS; i++) wrong += cn_at(said, i, 0) != go[i];
    cn_free(said);
    return wrong;
}

static cn_status stop_when_right(const cn_event *e, void *user)
{
    (void)user;
    if (cn_result(e->model, "loss") == 0) cn_stop_training(e->model);
    return CN_OK;
}

/* The learning rule, one sample after the other, until an epoch has no mistake. Value: epochs, 0: never. */
static int64_t learn(cn_ctx *c, const cn_array *x, const cn_array *y, cn_model **learnt)
{
    int64_t   epochs = 0;
    cn_model *m = *learnt = cn_sequential(c, {cn_size_of(x, 1)});
    cn_dense(m, 1, .activation = CN_STEP, .kernel_initializer = CN_ZEROS, .name = "neuron");
    if (cn_compile(m, .optimizer = CN_PERCEPTRON, .loss = CN_MAE) ||
        cn_fit(m, x, y, .batch_size = 1, .epochs = 1000, .shuffle = CN_NO,
               .callbacks = { cn_lambda_callback(.on_epoch_end = stop_when_right) })) return 0;

    const double *loss = cn_history(m, "loss", &epochs);     /* the mean of |y - p|: mistakes by rows */
    printf("  mistakes:");
    for (int64_t e = 0; e < epochs && e < 12; e++) printf(" %.0f", loss[e] * (double)cn_size_of(x, 0));
    puts(epochs > 12 ? " ..." : "");
    return loss && loss[epochs - 1] == 0 ? epochs : 0;
}

int main(void)
{
    cn_ctx   *c = cn_open();
    cn_array *x = cn_array_from(c, {ROWS, 3}, CN_BUFFER(&days[0][0], ROWS * 3));
    cn_array *y = cn_array_from(c, {ROWS, 1}, CN_BUFFER(go, ROWS));
    cn_model *m = cn_sequential(c, {3}), *learnt = NULL;
    int       failed = 0;
    cn_dense(m, 1, .activation = CN_STEP, .name = "neuron");

    puts("By hand: points for weather, transit, friend; rows wrong of seven\n"
         "               above 60   60 or more");
    for (size_t k = 0; k < sizeof answers / sizeof *answers; k++) {
        const answer *a = &answers[k];
        int above = count_wrong(m, x, a->weight, -60.5);     /* points are whole: above 60 is 60.5 or more */
        int from  = count_wrong(m, x, a->weight, -60);
        printf("  %2g/%2g/%2g     %d          %d%s\n", a->weight[0], a->weight[1], a->weight[2], above, from,
               !above ? "   fits" : !from ? "   fits if 60 is enough" : "");
        failed += above != a->wrong_above || from != a->wrong_from;
    }

    puts("By the learning rule: the concert");
    int64_t   epochs = learn(c, x, y, &learnt);
    cn_array *w = cn_get_weight(learnt, "neuron/kernel"), *b = cn_get_weight(learnt, "neuron/bias"), *said = NULL;
    printf("  right in epoch %d: weights %g %g %g, bias %g\n", (int)epochs,
           cn_at(w, 0, 0), cn_at(w, 1, 0), cn_at(w, 2, 0), cn_at(b, 0));
    failed += !epochs;
    if (!cn_predict(learnt, x, &said))
        for (int i = 0; i < ROWS; i++) failed += cn_at(said, i, 0) != go[i];

    puts("By the learning rule: XOR");
    cn_array *corners = cn_array_from(c, {4, 2}, CN_NUMBERS(0,0, 0,1, 1,0, 1,1));
    epochs = learn(c, corners, cn_array_from(c, {4, 1}, CN_NUMBERS(0, 1, 1, 0)), &learnt);
    printf("  %s\n", epochs ? "right" : "never right in 1000 epochs");
    failed += epochs != 0;

    if (cn_error(c)) fprintf(stderr, "%s\n", cn_error_message(c));
    else if (failed) printf("%d claims of this lesson do not hold\n", failed);
    else puts("learnt: what a line separates, the rule finds in a few epochs; XOR it never finds");
    return cn_close(c) || failed;
}
