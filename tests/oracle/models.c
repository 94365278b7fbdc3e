/* models.c: models made, trained and saved here for real Keras to open (open.py), and models that it saved opened here.
   usage: models make FOLDER    NAME.keras, NAME.h5, NAME.weights.h5; NAME.x0.npy, NAME.y0.npy (targets), NAME.p0.npy
                                (predictions) ...; NAME.txt (the summary); NAME.after.npz: the weights two epochs later
          models check FOLDER   NAME.back.keras of Keras gives its predictions NAME.back.p0.npy */
#include <cornu.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ROWS = 48, BATCH = 8, MOST = 2 };
typedef struct sample { cn_array *x[MOST + 1], *y[MOST + 1]; } sample;
typedef struct kind {
    const char *name;
    cn_model *(*make)(cn_ctx *);
    int64_t features[MOST + 1], targets[MOST + 1];       /* targets -3: numbers of 3 classes */
} kind;

static cn_model *mlp(cn_ctx *c)
{
    cn_model *m = cn_sequential(c, {7});
    cn_dense(m, 16, .activation = CN_RELU);
    cn_dense(m, 8, .activation = CN_TANH, .use_bias = CN_NO, .name = "narrow");
    cn_dense(m, 3, .activation = CN_SOFTMAX);
    if (cn_compile(m, .optimizer = cn_adam(.learning_rate = 0.01, .amsgrad = CN_YES),
                   .loss = CN_SPARSE_CATEGORICAL_CROSSENTROPY, .metrics = { CN_ACCURACY })) return m;
    return m;
}

static cn_model *two(cn_ctx *c)
{
    cn_tensor *a = cn_input(c, {4}, .name = "a"), *b = cn_input(c, {5}, .name = "b");
    cn_layer  *shared = cn_dense(c, 6, .activation = CN_RELU, .name = "shared");
    cn_model  *tower = cn_sequential(c, {6}, .name = "tower");
    cn_dense(tower, 5, .activation = CN_TANH);
    cn_dense(tower, 4);
    cn_tensor *p = cn_call(tower, cn_call(shared, cn_dense(a, 6)));
    cn_tensor *q = cn_call(tower, cn_call(shared, cn_dense(b, 6)));
    cn_tensor *both = cn_concatenate(p, q, cn_subtract(p, q));
    cn_tensor *left = cn_dense(both, 2, .name = "left"), *right = cn_dense(cn_multiply(p, q), 1, .name = "right");
    cn_model  *m = cn_functional({a, b}, {left, right}, .name = "pair");
    if (cn_compile(m, .optimizer = cn_sgd(.learning_rate = 0.02, .momentum = 0.9, .nesterov = CN_YES),
                   .outputs = { cn_output(.loss = CN_MSE, .metrics = { CN_METRIC_MAE }),
                                cn_output(.loss = CN_MAE, .loss_weight = 0.5) })) return m;
    return m;
}

static cn_model *regular(cn_ctx *c)
{
    cn_model *m = cn_sequential(c, {6}, .name = "regular");
    cn_rescaling(m, 0.5, .offset = 0.1);
    cn_dense(m, 9, .kernel_regularizer = cn_l1_l2(.l1 = 1e-3, .l2 = 1e-2),
             .kernel_constraint = cn_max_norm(.max_value = 1.5), .kernel_initializer = CN_HE_NORMAL,
             .bias_initializer = cn_init_constant(.value = 0.1));
    cn_prelu(m);
    cn_dense(m, 1, .activation = CN_SIGMOID);
    if (cn_compile(m, .optimizer = cn_rmsprop(.learning_rate = 0.005, .momentum = 0.5, .centered = CN_YES),
                   .loss = CN_BINARY_CROSSENTROPY, .metrics = { CN_ACCURACY })) return m;
    return m;
}

static cn_model *scheduled(cn_ctx *c)
{
    cn_model *m = cn_sequential(c, {5}, .name = "scheduled");
    cn_dense(m, 12, .activation = CN_GELU, .activity_regularizer = cn_l2(1e-3));
    cn_dense(m, 2);
    if (cn_compile(m, .optimizer = cn_adamw(.schedule = cn_cosine_decay(0.01, 100), .weight_decay = 0.02,
                                            .global_clipnorm = 1), .loss = cn_loss_huber(.delta = 0.5))) return m;
    return m;
}

static const kind kinds[] = {
    { "mlp", mlp, { 7 }, { -3 } }, { "two", two, { 4, 5 }, { 2, 1 } }, { "regular", regular, { 6 }, { 1 } },
    { "scheduled", scheduled, { 5 }, { 2 } },
};

static cn_array *numbers(cn_ctx *c, int64_t width, uint32_t seed)
{
    float x[ROWS * 8];
    for (int64_t i = 0; i < ROWS * (width < 0 ? 1 : width); i++) {
        float u = (float)((seed = seed * 1664525u + 1013904223u) >> 8) * 0x1p-24f;
        x[i] = width < 0 ? floorf(u * (float)-width) : width == 1 ? roundf(u) : 4 * u - 2;
    }
    return width < 0 ? cn_array_from(c, {ROWS}, CN_BUFFER(x, ROWS), .dtype = CN_INT32)
                     : cn_array_from(c, {ROWS, width}, CN_BUFFER(x, (size_t)(ROWS * width)));
}

static const char *path_of(const char *folder, const char *name, const char *ending)
{
    static char path[4][1024];
    static int  next;
    char *p = path[next++ % 4];
    snprintf(p, sizeof path[0], "%s/%s%s", folder, name, ending);
    return p;
}

static cn_status save_arrays(const char *folder, const char *name, char letter, cn_array *const *a)
{
    char ending[24];
    for (int i = 0; a[i]; i++) {
        snprintf(ending, sizeof ending, ".%c%d.npy", letter, i);
        if (cn_array_save(a[i], path_of(folder, name, ending))) return cn_error(a[i]) ? cn_error(a[i]) : CN_E_IO;
    }
    return CN_OK;
}

static cn_status make(cn_ctx *c, const kind *k, const char *folder)
{
    sample     s = { { NULL }, { NULL } };
    cn_array  *p[MOST + 1] = { NULL };
    cn_model  *m = k->make(c);
    for (int i = 0; k->features[i]; i++) s.x[i] = numbers(c, k->features[i], (uint32_t)(i + 1));
    for (int i = 0; k->targets[i]; i++) s.y[i] = numbers(c, k->targets[i], (uint32_t)(i + 7));
    cn_dataset *ds = cn_dataset_from(c, .x = { s.x[0], s.x[1] }, .y = { s.y[0], s.y[1] });
    if (cn_fit(m, ds, .epochs = 3, .batch_size = BATCH, .shuffle = CN_NO) ||
        cn_predict(m, ds, &p[0], k->targets[1] ? &p[1] : NULL) ||
        cn_save(m, path_of(folder, k->name, ".keras")) || cn_save(m, path_of(folder, k->name, ".h5")) ||
        cn_save(m, path_of(folder, k->name, ".weights.h5")) || save_arrays(folder, k->name, 'x', s.x) ||
        save_arrays(folder, k->name, 'y', s.y) || save_arrays(folder, k->name, 'p', p)) return cn_error(c);
    FILE *f = fopen(path_of(folder, k->name, ".txt"), "w");
    if (!f || fputs(cn_summary(m), f) < 0 || fclose(f)) return cn_fail(c, CN_E_IO, "the summary could not be written");
    if (cn_fit(m, ds, .epochs = 2, .batch_size = BATCH, .shuffle = CN_NO)) return cn_error(c);
    return cn_save(m, path_of(folder, k->name, ".after.npz"));
}

static double worst(const cn_array *a, const cn_array *b)
{
    double most = 0;
    int64_t n = (int64_t)cn_values_of(a)->count;
    const float *x = cn_data(a), *y = cn_data(b);
    for (int64_t i = 0; x && y && i < n; i++) most = fmax(most, fabs((double)(x[i] - y[i])));
    return x && y && cn_values_of(b)->count == (size_t)n ? most : INFINITY;
}

static cn_status check(cn_ctx *c, const kind *k, const char *folder)
{
    cn_array *x[MOST + 1] = { NULL }, *p[MOST + 1] = { NULL }, *wanted;
    char      ending[32];
    for (int i = 0; k->features[i]; i++) {
        snprintf(ending, sizeof ending, ".x%d.npy", i);
        x[i] = cn_array_from_npy(c, path_of(folder, k->name, ending));
    }
    cn_model   *m = cn_load(c, path_of(folder, k->name, ".back.keras"));
    cn_dataset *ds = cn_dataset_from(c, .x = { x[0], x[1] });
    if (cn_predict(m, ds, &p[0], k->targets[1] ? &p[1] : NULL)) return cn_error(c);
    for (int i = 0; k->targets[i]; i++) {
        snprintf(ending, sizeof ending, ".back.p%d.npy", i);
        wanted = cn_array_from_npy(c, path_of(folder, k->name, ending));
        if (!(worst(p[i], wanted) <= 1e-5)) return cn_fail(c, CN_E_NUMERIC, "other predictions than Keras's");
    }
    return CN_OK;
}

int main(int argc, char **argv)
{
    int failed = 0;
    if (argc != 3) return fprintf(stderr, "usage: models make|check FOLDER\n"), 2;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        cn_ctx *c = cn_open(.seed = 3, .threads = 1);
        cn_status status = strcmp(argv[1], "make") ? check(c, &kinds[i], argv[2]) : make(c, &kinds[i], argv[2]);
        if (status) printf("FAILED %s: %s\n", kinds[i].name, cn_error_message(c));
        else printf("ok %s\n", kinds[i].name);
        failed += status != CN_OK;
        cn_close(c);
    }
    return failed != 0;
}
