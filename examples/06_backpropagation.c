/* Lesson 6: backpropagation. One step of a 2-2-1 network with every number: forward, then the chain rule from the
   loss back to each weight, then the update. Each gradient is had three times: by its equation, by cn_grad, by
   finite differences. Rumelhart, Hinton and Williams, "Learning representations by back-propagating errors", 1986.
   */
#include <cornu.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { X, Y, W1, B1, W2, B2, PARTS };        /* the graph's inputs, in their order */
enum { LOSS, Z1, H, Z2, P, G_Z2, G_Z1, G_W1, G_B1, G_W2, G_B2, E_Z1, OUTPUTS };     /* and its outputs */
static const size_t sizes[PARTS] = { 2, 1, 4, 2, 2, 1 };
static double start[PARTS][4] = {
    { 1, 0.5 }, { 1 }, { 0.3, -0.2, 0.4, 0.1 }, { 0.1, -0.1 }, { 0.7, -0.5 }, { 0.2 } };

static cn_runner *network(cn_ctx *c)
{
    cn_graph *g  = cn_graph_new(c);
    cn_node  *x  = cn_graph_input(g, {1, 2}, .dtype = CN_FLOAT64), *y  = cn_graph_input(g, {1, 1}, .dtype = CN_FLOAT64);
    cn_node  *w1 = cn_graph_input(g, {2, 2}, .dtype = CN_FLOAT64), *b1 = cn_graph_input(g, {1, 2}, .dtype = CN_FLOAT64);
    cn_node  *w2 = cn_graph_input(g, {2, 1}, .dtype = CN_FLOAT64), *b2 = cn_graph_input(g, {1, 1}, .dtype = CN_FLOAT64);
    cn_node  *z1 = cn_op_add(cn_op_matmul(x, w1), b1), *h = cn_op_sigmoid(z1);
    cn_node  *z2 = cn_op_add(cn_op_matmul(h, w2), b2), *p = cn_op_sigmoid(z2);
    cn_node  *loss = cn_op_affine(cn_op_sum(cn_op_square(cn_op_subtract(p, y))), 0.5, 0);
    return cn_prepare_graph(g, {loss, z1, h, z2, p, cn_grad(loss, z2), cn_grad(loss, z1),
                                cn_grad(loss, w1), cn_grad(loss, b1), cn_grad(loss, w2), cn_grad(loss, b2),
                                cn_op_exp(cn_op_negative(z1))});
}

/* Runs the network with these numbers; value: the loss, NaN on an error. */
static double run(cn_runner *r, double part[PARTS][4])
{
    for (int i = 0; i < PARTS; i++) {
        double *to = cn_mutable(cn_runner_input(r, i));
        if (to) memcpy(to, part[i], sizes[i] * sizeof *to);
    }
    return cn_run(r) ? NAN : *(const double *)cn_data(cn_runner_output(r, LOSS));
}

static int differ(double a, double b, double tolerance) { return !(fabs(a - b) <= tolerance); }

int main(void)
{
    const double rate = 0.5, step = 1e-6;
    cn_ctx    *c = cn_open();
    cn_runner *r = network(c);
    double     before = run(r, start), v[OUTPUTS][4] = { { 0 } }, now[PARTS][4], hand[PARTS][4] = { { 0 } };
    int        wrong = 0;
    if (cn_error(c)) goto done;
    for (int k = 0; k < OUTPUTS; k++) {
        const cn_array *a = cn_runner_output(r, k);
        int n = k == LOSS || k == Z2 || k == P || k == G_Z2 || k == G_B2 ? 1 : k == G_W1 ? 4 : 2;
        memcpy(v[k], cn_data(a), (size_t)n * sizeof(double));
    }
    double *x = start[X], y = start[Y][0], *w1 = start[W1], *b1 = start[B1], *w2 = start[W2], b2 = start[B2][0];

    puts("Forward");
    for (int j = 0; j < 2; j++) {
        printf("  z1[%d] = x0 w1[0%d] + x1 w1[1%d] + b1[%d] = %g * %g + %g * %g + %g = %.6f\n", j, j, j, j,
               x[0], w1[j], x[1], w1[2 + j], b1[j], v[Z1][j]);
        printf("  h[%d]  = 1 / (1 + e^-z1[%d]) = %.6f\n", j, j, v[H][j]);
        wrong += differ(v[Z1][j], x[0] * w1[j] + x[1] * w1[2 + j] + b1[j], 1e-12);
        wrong += differ(v[H][j], 1 / (1 + v[E_Z1][j]), 1e-12);
    }
    printf("  z2    = h0 w2[0] + h1 w2[1] + b2 = %.6f * %g + %.6f * %g + %g = %.6f\n",
           v[H][0], w2[0], v[H][1], w2[1], b2, v[Z2][0]);
    printf("  p     = 1 / (1 + e^-z2) = %.6f\n", v[P][0]);
    printf("  L     = (p - y)^2 / 2 = (%.6f - %g)^2 / 2 = %.6f\n", v[P][0], y, before);
    wrong += differ(v[Z2][0], v[H][0] * w2[0] + v[H][1] * w2[1] + b2, 1e-12);
    wrong += differ(before, (v[P][0] - y) * (v[P][0] - y) / 2, 1e-12);

    puts("Backward");
    double p = v[P][0], d2 = (p - y) * p * (1 - p), d1[2];
    printf("  dL/dz2    = (p - y) p (1 - p) = %.6f * %.6f * %.6f = %.6f\n", p - y, p, 1 - p, d2);
    hand[B2][0] = d2;
    for (int j = 0; j < 2; j++) {
        d1[j] = d2 * w2[j] * v[H][j] * (1 - v[H][j]);
        hand[W2][j] = v[H][j] * d2;
        hand[B1][j] = d1[j];
        for (int i = 0; i < 2; i++) hand[W1][2 * i + j] = x[i] * d1[j];
        printf("  dL/dz1[%d] = dL/dz2 w2[%d] h%d (1 - h%d) = %.6f * %g * %.6f * %.6f = %.6f\n", j, j, j, j,
               d2, w2[j], v[H][j], 1 - v[H][j], d1[j]);
        wrong += differ(d1[j], v[G_Z1][j], 1e-12);
    }
    wrong += differ(d2, v[G_Z2][0], 1e-12);

    printf("Update, w := w - %g dL/dw\n", rate);
    puts("  weight    equation          by hand     cn_grad     differences   before     after");
    static const char *const names[PARTS] = { [W1] = "w1", [B1] = "b1", [W2] = "w2", [B2] = "b2" };
    memcpy(now, start, sizeof now);
    for (int k = W1; k < PARTS; k++)
        for (int i = 0; i < (int)sizes[k]; i++) {
            char   equation[32], place[8];
            double moved[PARTS][4], up, down, grad = v[G_W1 + k - W1][i];
            memcpy(moved, start, sizeof moved);
            moved[k][i] = start[k][i] + step, up = run(r, moved);
            moved[k][i] = start[k][i] - step, down = run(r, moved);
            now[k][i] = start[k][i] - rate * grad;
            if (k == W1) snprintf(place, sizeof place, "[%d%d]", i / 2, i % 2);
            else snprintf(place, sizeof place, "[%d]", i);
            if (k == W1) snprintf(equation, sizeof equation, "x%d dL/dz1[%d]", i / 2, i % 2);
            else if (k == B1) snprintf(equation, sizeof equation, "dL/dz1[%d]", i);
            else if (k == W2) snprintf(equation, sizeof equation, "h%d dL/dz2", i);
            else snprintf(equation, sizeof equation, "dL/dz2");
            printf("  %s%-5s   %-14s %10.6f  %10.6f  %10.6f   %8.4f   %9.6f\n", names[k], place, equation, hand[k][i],
                   grad, (up - down) / (2 * step), start[k][i], now[k][i]);
            wrong += differ(hand[k][i], grad, 1e-12) + differ((up - down) / (2 * step), grad, 1e-8);
        }
    double after = run(r, now);
    printf("loss before %.6f, after the step %.6f\n", before, after);
    wrong += !(after < before);
done:
    if (cn_error(c)) fprintf(stderr, "%s\n", cn_error_message(c));
    else if (wrong) printf("%d numbers are wrong\n", wrong);
    else puts("learnt: a gradient is what came in times the slopes on the way back; a step against it lowers the loss");
    return cn_close(c) || wrong;
}
