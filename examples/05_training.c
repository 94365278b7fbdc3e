/* Lesson 5: training. Each step takes a batch: 1 forward, 2 the loss, 3 its gradient by the weights, 4 a step
   against it by the learning rate. An epoch is once through the data. The data are those of a common Keras course:
   a drug is tried on people of 13 to 100 years; of those under 65 some 5 % have side effects, of the others some 95 %.
   In Keras
       model.fit(x=scaled_train_samples, y=train_labels, batch_size=10, epochs=20, shuffle=True, verbose=2)
   Steps by gradients: Robbins and Monro, 1951; Adam: Kingma and Ba, 2014. */
#include <cornu.h>
#include <stdio.h>

enum { PEOPLE = 2100, TRAIN = 1800 };

/* Ages scaled to 0 .. 1 and labels, the same in each run: a linear congruential generator (Knuth, TAOCP 2, 3.3.4). */
static void make_people(float *scaled, int32_t *label)
{
    uint32_t random = 1;
    for (int i = 0; i < PEOPLE; i++) {
        random = random * 1664525u + 1013904223u;
        int age = 13 + (int)((random >> 16) % 88u);
        random = random * 1664525u + 1013904223u;
        int odd_one = (random >> 16) % 100u < 5u;
        scaled[i] = (float)(age - 13) / 87.0f;
        label[i] = (age >= 65) != odd_one;
    }
}

int main(int argc, char **argv)
{
    static float   scaled[PEOPLE];
    static int32_t label[PEOPLE];
    make_people(scaled, label);

    cn_ctx   *c = cn_open(.seed = 5);
    cn_array *x = cn_array_from(c, {PEOPLE, 1}, CN_BUFFER(scaled, PEOPLE)), *p = NULL;
    cn_array *y = cn_array_from(c, {PEOPLE}, CN_BUFFER(label, PEOPLE), .dtype = CN_INT32);
    cn_array *scaled_train_samples = cn_slice(x, 0, 0, TRAIN), *train_labels = cn_slice(y, 0, 0, TRAIN);
    cn_array *test_samples = cn_slice(x, 0, TRAIN, CN_ANY), *test_labels = cn_slice(y, 0, TRAIN, CN_ANY);
    int       failed = 1;

    cn_model *m = cn_sequential(c, {1});
    cn_dense(m, 16, .activation = CN_RELU);
    cn_dense(m, 32, .activation = CN_RELU);
    cn_dense(m, 2, .activation = CN_SOFTMAX);

    if (cn_compile(m, .optimizer = cn_adam(.learning_rate = 0.001), .loss = CN_SPARSE_CATEGORICAL_CROSSENTROPY,
                   .metrics = { CN_ACCURACY }) ||
        cn_fit(m, scaled_train_samples, train_labels, .batch_size = 10, .epochs = 20, .shuffle = CN_YES, .verbose = 2))
        goto done;

    int64_t       epochs = 0;
    const double *loss = cn_history(m, "loss", &epochs), *accuracy = cn_history(m, "accuracy", &epochs);
    puts("epoch   loss     accuracy");
    for (int64_t e = 0; e < epochs; e++) {
        printf("%5d   %.4f   %.4f   ", (int)e + 1, loss[e], accuracy[e]);
        for (int k = 0; k < (int)(loss[e] * 60); k++) putchar('*');
        puts("");
    }
    failed = epochs != 20 || !(loss[19] < loss[0]);

    if (argc > 1 && cn_chart_save(cn_chart_curves(m), argv[1])) goto done;

    if (cn_evaluate(m, test_samples, test_labels)) goto done;
    double right = cn_result(m, "accuracy");
    printf("%d people it never saw: loss %.4f, accuracy %.4f\n", PEOPLE - TRAIN, cn_result(m, "loss"), right);
    failed += !(right > 0.90);               /* 0.95 is all there is to know: the rest is chance */

    static const double ages[] = { 20, 50, 64, 66, 80 };
    double scaled_ages[5];
    for (int i = 0; i < 5; i++) scaled_ages[i] = (ages[i] - 13) / 87;
    if (cn_predict(m, cn_array_from(c, {5, 1}, CN_BUFFER(scaled_ages, 5)), &p)) goto done;
    for (int i = 0; i < 5; i++) printf("age %2g: side effects with probability %.2f\n", ages[i], cn_at(p, i, 1));
    failed += !(cn_at(p, 0, 1) < 0.2 && cn_at(p, 4, 1) > 0.8);
done:
    if (cn_error(c)) fprintf(stderr, "%s\n", cn_error_message(c));
    else if (failed) printf("%d claims of this lesson do not hold\n", failed);
    else puts("learnt: forward, loss, gradient, step, 180 times an epoch; the loss falls to what is chance");
    return cn_close(c) || failed;
}
