/* Lesson 3: activations, what a neuron makes of its sum z: values and slopes of Keras's thirty and of the step. The
   slopes are not written down anywhere here: cn_grad derives them, and finite differences check them. Sigmoid:
   Verhulst 1838; softmax: Bridle 1990; ReLU: Nair and Hinton 2010; the others: see <cornu/choices.h>. */
#include <cornu.h>
#include <math.h>
#include <stdio.h>

enum { POINTS = 7 };
static const double points[POINTS] = { -4, -2, -0.7, 0, 0.3, 2, 4 };
static const cn_act each[] = {               /* of one number */
    { "cornu>step" }, { "sigmoid" }, { "tanh" }, { "relu" }, { "relu6" }, { "leaky_relu" }, { "elu" }, { "celu" },
    { "selu" }, { "gelu" }, { "silu" }, { "mish" }, { "softplus" }, { "softsign" }, { "squareplus" }, { "sparse_plus" },
    { "log_sigmoid" }, { "hard_sigmoid" }, { "hard_silu" }, { "sparse_sigmoid" }, { "hard_tanh" }, { "tanh_shrink" },
    { "soft_shrink" }, { "hard_shrink" }, { "exponential" }, { "linear" } };
static const cn_act several[] = {            /* of several numbers at once */
    { "softmax" }, { "log_softmax" }, { "sparsemax" }, { "glu" } };

/* Values and slopes at the points plus shift. */
static cn_status values_and_slopes(cn_runner *r, double shift, double *value, double *slope)
{
    float *x = cn_mutable(cn_runner_input(r, 0));
    for (int i = 0; x && i < POINTS; i++) x[i] = (float)(points[i] + shift);
    cn_status bad = cn_run(r);
    for (int i = 0; !bad && i < POINTS; i++) {
        value[i] = cn_at(cn_runner_output(r, 0), i, 0);
        if (slope) slope[i] = cn_at(cn_runner_output(r, 1), i, 0);
    }
    return bad;
}

/* Two lines of the table. Value: slopes that the finite differences do not confirm (0 has kinks and is left out). */
static int show(cn_ctx *c, const char *name, cn_act act)
{
    const double h = 0.01;
    double    value[POINTS], slope[POINTS], above[POINTS], below[POINTS];
    int       wrong = 0;
    cn_model *m = cn_sequential(c, {1});
    cn_activation(m, act);
    cn_graph  *g = cn_graph_new(c);
    cn_node   *z = cn_graph_input(g, {POINTS, 1}), *y = cn_graph_call(m, z);
    cn_runner *r = cn_prepare_graph(g, {y, cn_grad(y, z)});
    if (values_and_slopes(r, h, above, NULL) || values_and_slopes(r, -h, below, NULL) ||
        values_and_slopes(r, 0, value, slope)) return 1;

    printf("%-15s", name);
    for (int i = 0; i < POINTS; i++) printf(" %8.4f", value[i]);
    printf("\n%15s", "slope");
    for (int i = 0; i < POINTS; i++) printf(" %8.4f", slope[i]);
    puts("");
    for (int i = 0; i < POINTS; i++)
        wrong += points[i] != 0 && !(fabs((above[i] - below[i]) / (2 * h) - slope[i]) < 2e-3 * (1 + fabs(slope[i])));
    return wrong;
}

static cn_array *apply(cn_ctx *c, cn_act act, const cn_array *x)
{
    return cn_apply(cn_activation(c, act), x);
}

int main(int argc, char **argv)
{
    cn_ctx *c = cn_open();
    int     wrong = 0;

    printf("%-15s", "z");
    for (int i = 0; i < POINTS; i++) printf(" %8g", points[i]);
    puts("");
    for (size_t k = 0; k < sizeof each / sizeof *each; k++) wrong += show(c, each[k].name, each[k]);
    wrong += show(c, "threshold(1,-1)", cn_act_threshold(1, -1));

    puts("\nof a row z = 1 1.5 0 -1");
    cn_array *row = cn_array_from(c, {1, 4}, CN_NUMBERS(1, 1.5, 0, -1));
    for (size_t k = 0; k < sizeof several / sizeof *several; k++) {
        cn_array *y = apply(c, several[k], row);
        printf("%-15s", several[k].name);
        for (int i = 0; i < cn_size_of(y, 1); i++) printf(" %8.4f", cn_at(y, 0, i));
        puts("");
    }
    puts("    sparsemax is as Keras 3 has it; by its paper (Martins and Astudillo, 2016) it were 0.25 0.75 0 0");

    puts("\nA digit: scores become shares that sum to 1");
    cn_array *p = apply(c, CN_SOFTMAX, cn_array_from(c, {1, 3}, CN_NUMBERS(0, 3.8607297, 0.4054651)));
    static const double wanted[] = { 0.02, 0.95, 0.03 };
    static const char   digit[] = "238";
    for (int i = 0; i < 3; i++) {
        printf("  \"%c\" %.2f\n", digit[i], cn_at(p, 0, i));
        wrong += !(fabs(cn_at(p, 0, i) - wanted[i]) < 1e-6);
    }

    puts("\nThe sigmoid, right and as the notes had it: e**x / e**(x+1) is e^x / (e^x e) = 1/e for every x\n"
         "       x   e^x/(e^x+1)   sigmoid   e^x/e^(x+1)");
    double next[POINTS];
    for (int i = 0; i < POINTS; i++) next[i] = points[i] + 1;
    cn_array *x = cn_array_from(c, {POINTS, 1}, CN_BUFFER(points, POINTS)), *s = apply(c, CN_SIGMOID, x);
    cn_array *e = apply(c, CN_EXPONENTIAL, x);
    cn_array *e1 = apply(c, CN_EXPONENTIAL, cn_array_from(c, {POINTS, 1}, CN_BUFFER(next, POINTS)));
    for (int i = 0; i < POINTS; i++) {
        double right = cn_at(e, i, 0) / (cn_at(e, i, 0) + 1), mistaken = cn_at(e, i, 0) / cn_at(e1, i, 0);
        printf("%8g   %11.4f   %7.4f   %11.4f\n", points[i], right, cn_at(s, i, 0), mistaken);
        wrong += !(fabs(right - cn_at(s, i, 0)) < 1e-6) + !(fabs(mistaken - 0.36787944) < 1e-6);
    }

    if (argc > 1) {                          /* the picture: each with its slope */
        CN_ARGS(cn_chart_activations, g);
        g.on = c, g.width = 1000;
        for (size_t k = 0; k < sizeof each / sizeof *each; k++) g.activations[k] = each[k];
        wrong += cn_chart_save((cn_chart_activations)(&g), argv[1]) != CN_OK;
    }

    if (cn_error(c)) fprintf(stderr, "%s\n", cn_error_message(c));
    else if (wrong) printf("%d numbers are wrong\n", wrong);
    else puts("learnt: a step has no slope to learn by; the smooth ones have, and softmax makes shares of scores");
    return cn_close(c) || wrong;
}
