/* Lesson 1: the McCulloch-Pitts neuron. It adds up its binary inputs, each times a weight, and fires when the sum
   reaches a threshold. Nothing is learnt: a person sets the weights, and the same neuron becomes AND, OR, NOT or a
   vote. McCulloch and Pitts, "A logical calculus of the ideas immanent in nervous activity", 1943. */
#include <cornu.h>
#include <stdio.h>

typedef struct gate {
    const char *name;
    int         inputs;
    double      weight[3], threshold;
    int         wanted[8];                   /* for 000, 001, 010 ... of its inputs */
} gate;

static const gate gates[] = {
    { "AND",      2, { 1, 1 },     2, { 0, 0, 0, 1 } },
    { "OR",       2, { 1, 1 },     1, { 0, 1, 1, 1 } },
    { "NOT",      1, { -1 },       0, { 1, 0 } },
    { "majority", 3, { 1, 1, 1 },  2, { 0, 0, 0, 1, 0, 1, 1, 1 } },
};

/* Prints the truth table. The step of CN_STEP is at 0, so the threshold becomes the bias -threshold. Value: rows wrong,
   or -1 on an error. */
static int try_gate(cn_ctx *c, const gate *g)
{
    int       rows = 1 << g->inputs, wrong = 0;
    double    bits[8 * 3] = { 0 };
    cn_array *fires = NULL;
    for (int row = 0; row < rows; row++)
        for (int i = 0; i < g->inputs; i++) bits[row * g->inputs + i] = row >> (g->inputs - 1 - i) & 1;

    cn_array *x = cn_array_from(c, {CN_ANY, g->inputs}, CN_BUFFER(bits, (size_t)(rows * g->inputs)));
    cn_model *m = cn_sequential(c, {g->inputs});
    cn_dense(m, 1, .activation = CN_STEP, .name = "neuron");
    if (cn_set_weight(m, "neuron/kernel", CN_BUFFER(g->weight, (size_t)g->inputs)) ||
        cn_set_weight(m, "neuron/bias", CN_NUMBERS(-g->threshold)) ||
        cn_predict(m, x, &fires)) return -1;

    printf("%s: weights", g->name);
    for (int i = 0; i < g->inputs; i++) printf(" %g", g->weight[i]);
    printf(", threshold %g\n", g->threshold);
    for (int row = 0; row < rows; row++) {
        double z = 0;
        printf("   ");
        for (int i = 0; i < g->inputs; i++) {
            printf(" %g", cn_at(x, row, i));
            z += g->weight[i] * cn_at(x, row, i);
        }
        printf("   sum %2g   %s\n", z, cn_at(fires, row, 0) > 0 ? "[#] fires" : "[ ]");
        wrong += cn_at(fires, row, 0) != g->wanted[row];
    }
    return wrong;
}

int main(void)
{
    cn_ctx *c = cn_open();
    int     wrong = 0;
    for (size_t i = 0; i < sizeof gates / sizeof *gates; i++) wrong += try_gate(c, &gates[i]) != 0;

    if (cn_error(c)) fprintf(stderr, "%s\n", cn_error_message(c));
    else if (wrong) printf("%d gates are wrong\n", wrong);
    else puts("learnt: one neuron is a gate; which gate, its weights and its threshold say");
    return cn_close(c) || wrong;
}
