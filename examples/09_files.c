/* Lesson 9: models in files. What was learnt is in Keras's own format: structure, weights, how the model was compiled,
   the optimizer's state. It comes back as it went, goes on learning as if nothing had happened, and Python's Keras
   opens the same file. */
#include <cornu.h>
#include <math.h>
#include <stdio.h>

enum { ROWS = 64 };

/* Is a point within the circle of radius 0.6? */
static void make_points(float x[ROWS][2], float y[ROWS])
{
    for (int i = 0; i < ROWS; i++) {
        x[i][0] = (float)(i % 8) / 4 - 0.875f, x[i][1] = (float)(i / 8) / 4 - 0.875f;
        y[i] = hypotf(x[i][0], x[i][1]) < 0.6f;
    }
}

static double largest_difference(const cn_array *a, const cn_array *b)
{
    double most = 0;
    for (int i = 0; i < ROWS; i++) most = fmax(most, fabs(cn_at(a, i, 0) - cn_at(b, i, 0)));
    return most;
}

static cn_model *make_model(cn_ctx *c)
{
    cn_model *m = cn_sequential(c, {2});
    cn_dense(m, 12, .activation = CN_TANH);
    cn_dense(m, 1, .activation = CN_SIGMOID);
    return m;
}

/* Saved and loaded it says the same. And it learns the same: Adam remembers the mean of each gradient and of its
   square, without which the next steps would be others. Value: the largest difference, ten epochs later too. */
static double save_and_go_on(cn_model *m, const cn_array *x, const cn_array *y)
{
    cn_array *p = NULL, *q = NULL;
    if (cn_save(m, "circle.keras")) return NAN;
    cn_model *again = cn_load(cn_ctx_of(m), "circle.keras");                 /* in another program, another day */
    if (cn_predict(m, x, &p) || cn_predict(again, x, &q)) return NAN;
    double before = largest_difference(p, q);
    if (cn_fit(m, x, y, .epochs = 10, .shuffle = CN_NO) || cn_fit(again, x, y, .epochs = 10, .shuffle = CN_NO) ||
        cn_predict(m, x, &p) || cn_predict(again, x, &q)) return NAN;
    double after = largest_difference(p, q);
    printf("circle.keras, written and loaded: predictions differ by %g, after ten epochs more by %g\n", before, after);
    return fmax(before, after);
}

/* Weights alone go into any model whose layers have the same shapes. */
static double move_weights(cn_model *m, const cn_array *x)
{
    cn_model *other = make_model(cn_ctx_of(m));
    cn_array *p = NULL, *q = NULL;
    if (cn_save(m, "circle.weights.h5") || cn_load_weights(other, "circle.weights.h5") || cn_predict(m, x, &p) ||
        cn_predict(other, x, &q)) return NAN;
    printf("circle.weights.h5, into another model: they differ by %g\n", largest_difference(p, q));
    return largest_difference(p, q);
}

int main(void)
{
    float x[ROWS][2], y[ROWS];
    make_points(x, y);
    cn_ctx   *c = cn_open(.seed = 1);
    cn_array *points = cn_array_from(c, {ROWS, 2}, CN_BUFFER(&x[0][0], 2 * ROWS));
    cn_array *inside = cn_array_from(c, {ROWS, 1}, CN_BUFFER(y, ROWS));
    cn_model *m = make_model(c);
    bool      holds = false;
    if (!cn_compile(m, .optimizer = cn_adam(.learning_rate = 0.02), .loss = CN_BINARY_CROSSENTROPY) &&
        !cn_fit(m, points, inside, .epochs = 40, .shuffle = CN_NO))
        holds = save_and_go_on(m, points, inside) == 0 && move_weights(m, points) == 0;
    printf("what cn_verify says:\n%s\n\n", cn_string(cn_verify(c, "circle.keras"), 0));

    if (cn_error(c)) fprintf(stderr, "%s\n", cn_error_message(c));
    else if (!holds) puts("the file is not the model");
    else puts("learnt: a file has all of a model, to the bit; in Python: keras.saving.load_model(\"circle.keras\")");
    return cn_close(c) || !holds;
}
