/* Lesson 4: layers and Sequential. A model is a list of layers; each Dense layer has inputs times units weights and
   a bias for each unit. In Keras (Chollet, 2015) the two models of the notes are
       Sequential([Dense(4, input_shape=(3,)), Dense(2)])
       Sequential([Dense(32, input_shape=(10,), activation='relu'), Dense(2, activation='softmax')])
   and here they are in C. */
#include <cornu.h>
#include <stdio.h>

/* Prints layer by layer how the parameters come about; value: layers whose count is another. */
static int count(cn_model *m, int64_t inputs, const int64_t *units, const int64_t *wanted, int layers)
{
    int64_t total = 0, wrong = 0;
    for (int i = 0; i < layers; i++) {
        cn_array *kernel = cn_get_weight(m, cn_weight_path(m, 2 * i));
        cn_array *bias = cn_get_weight(m, cn_weight_path(m, 2 * i + 1));
        int64_t   n = cn_size_of(kernel, 0) * cn_size_of(kernel, 1) + cn_size_of(bias, 0);
        printf("%-8s %2d inputs x %2d units + %2d biases = %3d\n", cn_layer_name(cn_layer_at(m, i)), (int)inputs,
               (int)units[i], (int)units[i], (int)n);
        wrong += n != wanted[i];
        total += n;
        inputs = units[i];
    }
    return (int)wrong + (total != cn_count_params(m));
}

int main(int argc, char **argv)
{
    cn_ctx *c = cn_open();
    int     wrong = 0;

    cn_model *small = cn_sequential(c, {3});
    cn_dense(small, 4);
    cn_dense(small, 2);
    puts(cn_summary(small));
    wrong += count(small, 3, (const int64_t[]){ 4, 2 }, (const int64_t[]){ 16, 10 }, 2);

    cn_model *classes = cn_sequential(c, {10});
    cn_dense(classes, 32, .activation = CN_RELU);
    cn_dense(classes, 2, .activation = CN_SOFTMAX);
    puts("");
    puts(cn_summary(classes));
    wrong += count(classes, 10, (const int64_t[]){ 32, 2 }, (const int64_t[]){ 352, 66 }, 2);

    /* Untrained, but whole: softmax already gives shares that sum to 1. */
    cn_array *p = NULL;
    if (!cn_predict(classes, cn_array_from(c, {1, 10}, CN_NUMBERS(1, 2, 3, 4, 5, 6, 7, 8, 9, 10)), &p)) {
        double sum = cn_at(p, 0, 0) + cn_at(p, 0, 1);
        printf("one sample through the second model: %.4f + %.4f = %.4f\n", cn_at(p, 0, 0), cn_at(p, 0, 1), sum);
        wrong += !(sum > 0.9999 && sum < 1.0001);
    }

    if (argc > 1) wrong += cn_chart_save(cn_chart_network(small), argv[1]) != CN_OK;     /* its weights as lines */

    if (cn_error(c)) fprintf(stderr, "%s\n", cn_error_message(c));
    else if (wrong) printf("%d counts are wrong\n", wrong);
    else puts("learnt: a Dense layer has (inputs + 1) x units parameters; 16 + 10 and 352 + 66 here");
    return cn_close(c) || wrong;
}
