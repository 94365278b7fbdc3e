/* weights.c: initializers, regularizers and constraints against Keras; of random initializers the distribution, and
   that the numbers depend on seed and stream only. */
#include "golden.h"

static cn_ctx *ctx;

static bool make(const golden_case *c, cn__family family, cn__spec *spec, golden_args *args)
{
    const char *choice = golden_choice(c, cn__class_find(ctx, family, c->class), NULL, args);
    if (cn__spec_make(ctx, cn__ctx_arena(ctx), NULL, family, choice, spec)) return true;
    return CHECK_FAIL("%s", cn_error_message(ctx)), false;
}

static double *filled(const cn__spec *spec, int rank, const int64_t *dim, uint64_t seed, uint64_t stream, int64_t *n)
{
    *n = 1;
    for (int i = 0; i < rank; i++) *n *= dim[i];
    float *out = malloc((size_t)*n * sizeof *out + 1);
    double *wide = malloc((size_t)*n * sizeof *wide + 1);
    CHECK_INT(cn__initialize(ctx, spec, rank, dim, seed, stream, out), CN_OK);
    for (int64_t i = 0; i < *n; i++) wide[i] = (double)out[i];
    free(out);
    return wide;
}

/* ---- Initializers ------------------------------------------------------------------------------------------------ */
static void fixed(const golden_case *c)
{
    golden_args args;
    cn__spec spec;
    const golden_array *out = golden_find(c, "out");
    int64_t n;
    if (!make(c, CN__FAM_INITIALIZER, &spec, &args)) return;
    double *got = filled(&spec, out->rank, out->dim, 1, 1, &n);
    golden_near("out", got, out, 1e-6);
    free(got);
}

static void sample(const golden_case *c)
{
    golden_args args;
    cn__spec spec;
    const golden_array *shape = golden_find(c, "shape");
    int64_t dim[CN_MAX_RANK], n;
    double mean = 0, square = 0, low = HUGE_VAL, high = -HUGE_VAL, wanted = golden_find(c, "std")->at[0];
    for (int64_t i = 0; i < shape->n; i++) dim[i] = (int64_t)shape->at[i];
    if (!make(c, CN__FAM_INITIALIZER, &spec, &args)) return;
    double *x = filled(&spec, (int)shape->n, dim, 7, 9, &n);
    for (int64_t i = 0; i < n; i++) mean += x[i] / (double)n, low = fmin(low, x[i]), high = fmax(high, x[i]);
    for (int64_t i = 0; i < n; i++) square += (x[i] - mean) * (x[i] - mean) / (double)n;
    CHECK_NEAR(mean, golden_find(c, "mean")->at[0], 6 * wanted / sqrt((double)n));
    CHECK_NEAR(sqrt(square), wanted, 0.03 * wanted);
    double width = golden_find(c, "high")->at[0] - golden_find(c, "low")->at[0],
           slack = width / wanted > 5 ? 0.25 : 0.01; /* a normal has tails */
    CHECK_NEAR(low, golden_find(c, "low")->at[0], slack * width);
    CHECK_NEAR(high, golden_find(c, "high")->at[0], slack * width);
    free(x);
}

static void orthogonal(const golden_case *c)
{
    golden_args args;
    cn__spec spec;
    const golden_array *shape = golden_find(c, "shape"), *gram = golden_find(c, "gram");
    int64_t dim[CN_MAX_RANK], n, cols, rows;
    double got[64];
    for (int64_t i = 0; i < shape->n; i++) dim[i] = (int64_t)shape->at[i];
    if (!make(c, CN__FAM_INITIALIZER, &spec, &args)) return;
    double *q = filled(&spec, (int)shape->n, dim, 7, 9, &n);
    cols = dim[shape->n - 1], rows = n / cols;
    int64_t k = CN__MIN(rows, cols), m = CN__MAX(rows, cols);
    for (int64_t i = 0; i < k; i++)
        for (int64_t j = 0; j < k; j++) {
            got[i * k + j] = 0;
            for (int64_t s = 0; s < m; s++)
                got[i * k + j] += rows >= cols ? q[s * cols + i] * q[s * cols + j] : q[i * cols + s] * q[j * cols + s];
        }
    golden_near("gram", got, gram, 2e-6);
    free(q);
}

TEST(initializers_as_in_keras)
{
    ctx = cn_open();
    CHECK(golden_each("weights", "initializer", fixed) >= 10);
    CHECK(golden_each("weights", "sample", sample) >= 18);
    CHECK(golden_each("weights", "orthogonal", orthogonal) >= 3);
    CHECK_INT(cn_close(ctx), 0);
}

TEST(random_numbers_depend_on_seed_and_stream)
{
    cn__spec spec;
    int64_t dim[2] = { 5, 3 }, n;
    ctx = cn_open();
    CHECK(cn__spec_make(ctx, cn__ctx_arena(ctx), NULL, CN__FAM_INITIALIZER, CN_GLOROT_UNIFORM.name, &spec));
    double *a = filled(&spec, 2, dim, 1, 2, &n), *b = filled(&spec, 2, dim, 1, 2, &n),
           *other = filled(&spec, 2, dim, 1, 3, &n), *seed = filled(&spec, 2, dim, 2, 2, &n);
    CHECK(!memcmp(a, b, (size_t)n * sizeof *a));
    CHECK(memcmp(a, other, (size_t)n * sizeof *a));
    CHECK(memcmp(a, seed, (size_t)n * sizeof *a));
    free(a), free(b), free(other), free(seed);
    CHECK(cn__spec_make(ctx, cn__ctx_arena(ctx), NULL, CN__FAM_INITIALIZER, cn_init_he_normal(.seed = 5).name, &spec));
    a = filled(&spec, 2, dim, 1, 2, &n),
    b = filled(&spec, 2, dim, 3, 4, &n); /* a seed of its own: the same everywhere */
    CHECK(!memcmp(a, b, (size_t)n * sizeof *a));
    free(a), free(b);
    CHECK_INT(cn_close(ctx), 0);
}

TEST(shapes_that_do_not_fit_and_empty_ones)
{
    cn__spec spec;
    int64_t dim[3] = { 4, 0, 2 };
    float out[8];
    ctx = cn_open();
    CHECK(cn__spec_make(ctx, cn__ctx_arena(ctx), NULL, CN__FAM_INITIALIZER, CN_ORTHOGONAL.name, &spec));
    CHECK_INT(cn__initialize(ctx, &spec, 1, dim, 1, 1, out), CN_E_SHAPE);
    CHECK_STR(cn_error_message(ctx), "orthogonal: the weight has 1 axes, it takes at least 2");
    CHECK_INT(cn__initialize(ctx, &spec, 3, dim, 1, 1, out), CN_OK);
    CHECK(cn__spec_make(ctx, cn__ctx_arena(ctx), NULL, CN__FAM_INITIALIZER, CN_INIT_IDENTITY.name, &spec));
    CHECK_INT(cn__initialize(ctx, &spec, 1, dim, 1, 1, out), CN_E_SHAPE);
    CHECK(!cn__spec_make(ctx, cn__ctx_arena(ctx), NULL, CN__FAM_INITIALIZER,
                         cn_init_variance_scaling(.mode = "fan").name, &spec));
    CHECK_STR(cn_error_message(ctx), "variance_scaling: mode is \"fan\", it must be one of: fan_in fan_out fan_avg");
    cn_close(ctx);
}

/* ---- Regularizers and constraints -------------------------------------------------------------------------------- */
static void penalty(const golden_case *c)
{
    golden_args args;
    cn__spec spec;
    void *data[1];
    if (!make(c, CN__FAM_REGULARIZER, &spec, &args)) return;
    cn_graph *g = cn__graph_new(ctx);
    cn__val w = golden_input(g, golden_find(c, "w"), data), out = cn__regularize(g, &spec, w), dw = 0;
    CHECK(cn__gradient(g, out, 0, 1, &w, &dw));
    golden_roots(g, 2, (cn__val[]){ out, dw });
    eval e = eval_run(g, (const void *const *)data);
    golden_root("penalty", &e, 0, golden_find(c, "out"), 2e-6);
    golden_root("dw", &e, 1, golden_find(c, "dw"), 2e-6);
    eval_free(&e), free(data[0]);
}

static void projection(const golden_case *c)
{
    golden_args args;
    cn__spec spec;
    void *data[1];
    if (!make(c, CN__FAM_CONSTRAINT, &spec, &args)) return;
    cn_graph *g = cn__graph_new(ctx);
    cn__val out = cn__constrain(g, &spec, golden_input(g, golden_find(c, "w"), data));
    golden_roots(g, 1, &out);
    eval e = eval_run(g, (const void *const *)data);
    golden_root("w", &e, 0, golden_find(c, "out"), 1e-6);
    eval_free(&e), free(data[0]);
}

TEST(regularizers_and_constraints_as_in_keras)
{
    ctx = cn_open();
    CHECK(golden_each("weights", "regularizer", penalty) >= 6);
    CHECK(golden_each("weights", "constraint", projection) >= 8);
    CHECK_INT(cn_close(ctx), 0);
}

TEST(none_is_none)
{
    cn__spec none = { 0 };
    ctx = cn_open();
    cn_graph *g = cn__graph_new(ctx);
    cn__val w = cn__scalar(g, CN_FLOAT32, 2);
    CHECK_INT(cn__regularize(g, &none, w), 0);
    CHECK_INT(cn__constrain(g, &none, w), w);
    cn__unref(g);
    CHECK_INT(cn_close(ctx), 0);
}

static char covered[8000];
static void note(const golden_case *c)
{
    snprintf(covered + strlen(covered), sizeof covered - strlen(covered), " %s ", c->class);
}

TEST(each_has_a_golden_case)
{
    static const char *const families[] = { "initializer", "sample", "orthogonal", "regularizer", "constraint" };
    char name[80];
    *covered = 0;
    for (size_t i = 0; i < CN__COUNT(families); i++) golden_each("weights", families[i], note);
    for (cn__family f = CN__FAM_INITIALIZER; f <= CN__FAM_CONSTRAINT; f++)
        for (int i = 0; cn__class_at(f, i); i++) {
            snprintf(name, sizeof name, " %s ", cn__class_at(f, i)->name);
            CHECK_STR(covered, name);
        }
}

CHECK_MAIN
