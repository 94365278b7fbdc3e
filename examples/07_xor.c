/* Lesson 7: XOR and hidden layers. No line separates XOR (lesson 2); eight tanh units in a hidden layer do, from
   whatever numbers they start: 100 seeds, one setting. The map shows what the network says between the corners,
   before and after. Minsky and Papert, 1969; Rumelhart, Hinton and Williams, 1986; any continuous function:
   Cybenko, 1989. */
#include <cornu.h>
#include <stdio.h>

enum { SEEDS = 100, EPOCHS = 300, WIDE = 45, HIGH = 17 };

/* What the model says on -0.5 .. 1.5 in both directions: ' ' for 0 to '#' for 1; the corners show targets. */
static void draw(cn_ctx *c, cn_model *m, const char *title)
{
    static double at[HIGH * WIDE][2];
    cn_array     *p = NULL;
    for (int k = 0; k < HIGH * WIDE; k++) {
        at[k][0] = -0.5 + 2.0 * (k % WIDE) / (WIDE - 1);
        at[k][1] = 1.5 - 2.0 * (k / WIDE) / (HIGH - 1);      /* rows go down, the second input goes up */
    }
    cn_array *x = cn_array_from(c, {HIGH * WIDE, 2}, CN_BUFFER(&at[0][0], HIGH * WIDE * 2));
    if (cn_predict(m, x, &p)) return;
    puts(title);
    for (int row = 0; row < HIGH; row++) {
        printf("    ");
        for (int col = 0; col < WIDE; col++) {
            int left = col == (WIDE - 1) / 4, right = col == (WIDE - 1) * 3 / 4;
            int top = row == (HIGH - 1) / 4, bottom = row == (HIGH - 1) * 3 / 4;
            int shade = (int)(cn_at(p, row * WIDE + col, 0) * 4.999);
            putchar((left || right) && (top || bottom) ? '0' + (left == top) : " .:+#"[shade]);
        }
        puts("");
    }
    cn_free(p);
    cn_free(x);
}

/* Trains a 2-8-1 network from this seed. Value: 1 if all four rows are right, 0 if not, -1 on an error. */
static int learn(int64_t seed, int picture, const char *svg, int64_t *epochs_to_go)
{
    cn_ctx   *c = cn_open(.seed = seed, .threads = 1);
    cn_array *x = cn_array_from(c, {4, 2}, CN_NUMBERS(0,0, 0,1, 1,0, 1,1));
    cn_array *y = cn_array_from(c, {4, 1}, CN_NUMBERS(0, 1, 1, 0)), *p = NULL;
    int       right = -1;

    cn_model *m = cn_sequential(c, {2});
    cn_dense(m, 8, .activation = CN_TANH);
    cn_dense(m, 1, .activation = CN_SIGMOID);
    if (picture) draw(c, m, "Before: # is 1, blank is 0");
    if (cn_compile(m, .optimizer = cn_adam(.learning_rate = 0.1), .loss = CN_BINARY_CROSSENTROPY) ||
        cn_fit(m, x, y, .epochs = EPOCHS) || cn_predict(m, x, &p)) goto done;
    if (picture) draw(c, m, "After");
    if (svg && cn_chart_save(cn_chart_boundary(m, x, y, .title = "XOR, learnt"), svg)) goto done;

    right = 1;
    for (int i = 0; i < 4; i++) {
        right &= (cn_at(p, i, 0) > 0.5) == (cn_at(y, i, 0) > 0.5);
        if (picture) printf("    %g xor %g = %.4f\n", cn_at(x, i, 0), cn_at(x, i, 1), cn_at(p, i, 0));
    }
    int64_t       n = 0;
    const double *loss = cn_history(m, "loss", &n);
    *epochs_to_go = n;
    while (*epochs_to_go > 0 && loss[*epochs_to_go - 1] < 0.1) --*epochs_to_go;
done:
    if (cn_error(c)) fprintf(stderr, "%s\n", cn_error_message(c));
    return cn_close(c) ? -1 : right;
}

int main(int argc, char **argv)
{
    int     learnt = 0;
    int64_t epochs = 0, slowest = 0, sum = 0;
    for (int64_t seed = 1; seed <= SEEDS; seed++) {
        int right = learn(seed, seed == 1, seed == 1 && argc > 1 ? argv[1] : NULL, &epochs);
        if (right < 0) return 1;
        learnt += right;
        sum += epochs;
        if (epochs > slowest) slowest = epochs;
    }
    printf("seeds that learnt XOR: %d of %d; the loss is below 0.1 for good after %.0f epochs on average, %d at most\n",
           learnt, SEEDS, (double)sum / SEEDS, (int)slowest);
    if (learnt < SEEDS || slowest >= EPOCHS) puts("not all of them learnt it");
    else puts("learnt: a hidden layer bends the boundary and learns, from every start, what one neuron never does");
    return learnt < SEEDS || slowest >= EPOCHS;
}
