/* charts.c: every chart is sound SVG, shows what it should, and says what is wrong with its data. */
#include "svg_check.h"
#include "../fail/alloc.h"
#include <locale.h>

enum { N = 40 };

static cn_array *points(cn_ctx *c)
{
    double at[N * 2];
    for (int i = 0; i < N; i++) at[2 * i] = i % 2 + 0.01 * i, at[2 * i + 1] = i / 2 % 2 + 0.007 * i;
    return cn_array_from(c, {N, 2}, CN_BUFFER(at, N * 2));
}

static cn_array *labels(cn_ctx *c, int classes)
{
    int32_t y[N];
    for (int i = 0; i < N; i++) y[i] = i % classes;
    return cn_array_from(c, {N}, CN_BUFFER(y, N), .dtype = CN_INT32);
}

static cn_model *trained(cn_ctx *c, int classes)
{
    cn_model *m = cn_sequential(c, {2});
    cn_dense(m, 20, .activation = CN_TANH);
    cn_dense(m, classes, .activation = CN_SOFTMAX);
    CHECK(!cn_compile(m, .optimizer = CN_ADAM, .loss = CN_SPARSE_CATEGORICAL_CROSSENTROPY, .metrics = { CN_ACCURACY }));
    CHECK(!cn_fit(m, points(c), labels(c, classes), .epochs = 3, .validation_split = 0.25));
    return m;
}

TEST(curves_show_training_and_validation)
{
    cn_ctx   *c = cn_open();
    cn_model *m = trained(c, 2);
    cn_array *chart = cn_chart_curves(m, .title = "a < b & c");
    CHECK_SVG(chart);
    CHECK_STR(cn_string(chart, 0), "a &lt; b &amp; c");
    CHECK_STR(cn_string(chart, 0), "validation");
    CHECK_STR(cn_string(chart, 0), "best: ");
    CHECK_STR(cn_string(chart, 0), ">accuracy<");
    CHECK_INT(svg_count(cn_string(cn_chart_curves(m, .metrics = 1), 0), ">epoch (best: "), 2);
    cn_close(c);
}

TEST(curves_of_one_epoch_and_of_none)
{
    cn_ctx   *c = cn_open();
    cn_model *m = cn_sequential(c, {2});
    cn_dense(m, 1);
    CHECK_FAILS(cn_chart_curves(m), CN_E_STATE, "call cn_fit first");
    cn_clear_error(c);
    cn_array *y = cn_array_from(c, {N, 1}, NULL);
    CHECK(!cn_compile(m, .loss = CN_MSE) && !cn_fit(m, points(c), y));
    CHECK_SVG(cn_chart_curves(m));
    CHECK(!cn_error(c));
    cn_close(c);
}

TEST(long_histories_stay_small)
{
    cn_ctx   *c = cn_open();
    cn_model *m = cn_sequential(c, {2});
    cn_dense(m, 1);
    cn_array *y = cn_array_from(c, {N, 1}, NULL);
    CHECK(!cn_compile(m, .loss = CN_MSE) && !cn_fit(m, points(c), y, .epochs = 5000, .batch_size = N));
    cn_array *chart = cn_chart_curves(m);
    CHECK_SVG(chart);
    CHECK(strlen(cn_string(chart, 0)) < 20000);
    cn_close(c);
}

TEST(boundary_of_two_and_of_many_classes)
{
    cn_ctx   *c = cn_open();
    cn_model *one = cn_sequential(c, {2});
    cn_dense(one, 1, .activation = CN_SIGMOID);
    cn_array *chart = cn_chart_boundary(one, points(c), labels(c, 2), .x_label = "width", .y_label = "height");
    CHECK_SVG(chart);
    CHECK_INT(svg_count(cn_string(chart, 0), "r=\"6\""), N);             /* a dot for each sample */
    CHECK_STR(cn_string(chart, 0), "data:image/png;base64,");
    CHECK_STR(cn_string(chart, 0), "width");
    CHECK_SVG(cn_chart_boundary(trained(c, 3), points(c), labels(c, 3)));
    CHECK_FAILS(cn_chart_boundary(one, labels(c, 2), labels(c, 2)), CN_E_SHAPE, "(samples, 2)");
    CHECK_FAILS(cn_chart_boundary(one, points(c), cn_slice(labels(c, 2), 0, 0, 3)), CN_E_SHAPE,
                "3 targets for 40 samples");
    cn_close(c);
}

TEST(confusion_counts)
{
    cn_ctx   *c = cn_open();
    cn_array *y = cn_array_from(c, {6}, CN_NUMBERS(0, 0, 0, 1, 1, 2), .dtype = CN_INT32);
    cn_array *p = cn_array_from(c, {6, 3}, CN_NUMBERS(.8,.1,.1, .8,.1,.1, .1,.8,.1, .1,.8,.1, .1,.8,.1, .1,.1,.8));
    cn_array *chart = cn_chart_confusion(y, p, .class_names = cn_array_from(c, {3}, CN_STRINGS("cat", "dog", "<ant>")));
    CHECK_SVG(chart);
    CHECK_STR(cn_string(chart, 0), ">67 %<");            /* two of three cats */
    CHECK_STR(cn_string(chart, 0), ">33 %<");
    CHECK_INT(svg_count(cn_string(chart, 0), ">100 %<"), 2);
    CHECK_STR(cn_string(chart, 0), "&lt;ant&gt;");
    cn_array *two = cn_array_from(c, { 4, 1 }, CN_NUMBERS(0.1, 0.9, 0.6, 0.2)),
             *is = cn_array_from(c, { 4 }, CN_NUMBERS(0, 1, 1, 1));
    chart = cn_chart_confusion(is, two);                 /* probabilities of the second of two classes */
    CHECK_SVG(chart);
    CHECK_STR(cn_string(chart, 0), ">67 %<");
    CHECK_FAILS(cn_chart_confusion(is, p), CN_E_SHAPE, "4 targets, 6 predictions");
    CHECK_FAILS(cn_chart_confusion(cn_array_from(c, {1}, CN_NUMBERS(-1)), is), CN_E_VALUE, "is -1, not a class");
    CHECK_FAILS(cn_chart_confusion(cn_array_from(c, { 1 }, CN_STRINGS("a")), is), CN_E_SHAPE,
                "cn_classes makes them of strings");
    cn_close(c);
}

TEST(many_classes_fit)
{
    cn_ctx *c = cn_open();
    int32_t y[100];
    for (int i = 0; i < 100; i++) y[i] = i;
    cn_array *a = cn_array_from(c, {100}, CN_BUFFER(y, 100), .dtype = CN_INT32);
    CHECK_SVG(cn_chart_confusion(a, a));
    cn_close(c);
}

TEST(scatter_and_histogram)
{
    cn_ctx   *c = cn_open();
    cn_array *y = cn_array_from(c, { 5, 1 }, CN_NUMBERS(1e5, 2e5, 3e5, 1.5e5, 2.2e5)),
             *p = cn_array_from(c, { 5, 1 }, CN_NUMBERS(1.1e5, 2e5, 2.9e5, 1.5e5, 2.3e5));
    cn_array *chart = cn_chart_scatter(y, p, .label = "price");
    CHECK_SVG(chart);
    CHECK_STR(cn_string(chart, 0), "predicted price");
    CHECK_STR(cn_string(chart, 0), "200,000");
    CHECK_INT(svg_count(cn_string(chart, 0), "<circle"), 5);
    CHECK_SVG(cn_chart_histogram(y));
    CHECK_SVG(cn_chart_histogram(cn_array_from(c, {3}, CN_NUMBERS(7, 7, 7))));               /* all alike */
    CHECK_SVG(cn_chart_histogram(cn_array_from(c, {3}, CN_NUMBERS(1, NAN, 2))));
    CHECK_SVG(cn_chart_scatter(y, cn_array_from(c, {5}, CN_NUMBERS(NAN, 1, 1, 1, INFINITY))));
    CHECK_FAILS(cn_chart_scatter(y, cn_slice(p, 0, 0, 2)), CN_E_SHAPE, "5 targets, 2 predictions");
    CHECK_FAILS(cn_chart_histogram(cn_array_from(c, {1}, CN_STRINGS("a"))), CN_E_VALUE, "no numbers");
    cn_close(c);
}

TEST(network_draws_a_line_for_each_weight)
{
    cn_ctx   *c = cn_open();
    cn_model *m = cn_sequential(c, {2});
    cn_dense(m, 3, .activation = CN_RELU);
    cn_dense(m, 1);
    CHECK(!cn_set_weight(m, "dense/kernel", CN_NUMBERS(1, -1, 1, -1, 1, -1)) &&
          !cn_set_weight(m, "dense_1/kernel", CN_NUMBERS(2, 1, -2)));
    cn_array *chart = cn_chart_network(m, .input_names = cn_array_from(c, {2}, CN_STRINGS("age", "height")));
    CHECK_SVG(chart);
    CHECK_INT(svg_count(cn_string(chart, 0), "C"), 9);                   /* 6 + 3 curves */
    CHECK_INT(svg_count(cn_string(chart, 0), "<circle"), 6);
    CHECK_STR(cn_string(chart, 0), ">height<");
    cn_model *large = cn_sequential(c, {784});
    cn_dense(large, 100);
    chart = cn_chart_network(large);
    CHECK_SVG(chart);
    CHECK_STR(cn_string(chart, 0), "772 more");
    CHECK_INT(svg_count(cn_string(chart, 0), "<circle"), 24);
    cn_model *none = cn_sequential(c, {4});
    cn_flatten(none);
    CHECK_FAILS(cn_chart_network(none), CN_E_SHAPE, "no Dense layers");
    cn_close(c);
}

TEST(activations_of_every_kind)
{
    cn_ctx   *c = cn_open();
    cn_array *chart =
        cn_chart_activations(c, { CN_STEP, CN_RELU, CN_EXPONENTIAL, cn_act_leaky_relu(.negative_slope = 0.1) });
    CHECK_SVG(chart);
    CHECK_STR(cn_string(chart, 0), ">step<");
    CHECK_STR(cn_string(chart, 0), ">leaky_relu<");
    CHECK_FAILS(cn_chart_activations(c, { { "rleu" } }), CN_E_NAME, "did you mean");
    cn_clear_error(c);
    CHECK_FAILS(cn_chart_activations(c, { { NULL } }), CN_E_VALUE, "name at least one");
    cn_close(c);
}

TEST(pictures_show_mistakes_first)
{
    cn_ctx  *c = cn_open();
    uint8_t  x[20 * 8 * 8];
    double   is[20], said[20];
    for (int i = 0; i < 20 * 64; i++) x[i] = (uint8_t)(i * 7);
    for (int i = 0; i < 20; i++) is[i] = i % 2, said[i] = i == 13 ? 0 : i % 2;
    cn_array *p = cn_array_from(c, {20, 8, 8}, CN_BUFFER(x, sizeof x), .dtype = CN_UINT8);
    cn_array *y = cn_array_from(c, { 20 }, CN_BUFFER(is, 20), .dtype = CN_INT32),
             *q = cn_array_from(c, { 20 }, CN_BUFFER(said, 20), .dtype = CN_INT32);
    cn_array *chart = cn_chart_images(p, .labels = y, .predicted = q, .count = 6);
    CHECK_SVG(chart);
    CHECK_INT(svg_count(cn_string(chart, 0), "<image"), 6);
    CHECK_INT(svg_count(cn_string(chart, 0), ">said 0<"), 1);
    /* the first */
    CHECK(strstr(cn_string(chart, 0), ">said 0<") < strstr(strstr(cn_string(chart, 0), "<image") + 6, "<image"));
    CHECK_SVG(cn_chart_images(p));
    CHECK_SVG(cn_chart_images(cn_array_from(c, {2, 4, 4, 3}, NULL)));
    CHECK_FAILS(cn_chart_images(y), CN_E_SHAPE, "(n, height, width)");
    CHECK_FAILS(cn_chart_images(p, .predicted = q), CN_E_VALUE, "without labels");
    CHECK_FAILS(cn_chart_images(p, .labels = cn_slice(y, 0, 0, 4)), CN_E_SHAPE, "20 pictures, 4 labels");
    cn_close(c);
}

TEST(png_ends_as_it_should)
{
    cn_ctx *c = cn_open();
    size_t  n;
    const char *path = file_path("a.png");
    CHECK(!cn_array_save(cn_array_from(c, {8, 8}, NULL, .dtype = CN_UINT8), path));
    unsigned char *bytes = file_bytes(path, &n);
    CHECK(n > 12 && !memcmp(bytes + n - 8, "IEND\xae\x42\x60\x82", 8));  /* RFC 2083: the check sum of IEND */
    cn_close(c);
}

TEST(numbers_have_a_point_in_any_locale)
{
    if (!setlocale(LC_NUMERIC, "de_DE.UTF-8") && !setlocale(LC_NUMERIC, "C.UTF-8")) SKIP("no other locale");
    cn_ctx   *c = cn_open();
    cn_array *chart = cn_chart_histogram(cn_array_from(c, {3}, CN_NUMBERS(0.25, 0.5, 1.75)));
    CHECK_SVG(chart);
    CHECK_STR(cn_string(chart, 0), ">0.5<");
    setlocale(LC_NUMERIC, "C");
    cn_close(c);
}

/* What an option cannot be is refused in the caller's words, at the caller's line. */
TEST(options_out_of_range)
{
    cn_ctx   *c = cn_open();
    cn_model *m = trained(c, 2);
    cn_array *pictures = cn_array_from(c, {2, 8, 8}, NULL);
    CHECK_FAILS(cn_chart_curves(m, .metrics = -1), CN_E_VALUE, "metrics is -1, it must be from 1 to 3");
    CHECK_FAILS(cn_chart_network(m, .units = -1), CN_E_VALUE, "units is -1, it must be from 1 to 64");
    CHECK_FAILS(cn_chart_images(pictures, .count = -1), CN_E_VALUE, "count is -1, it must be from 1 to 400");
    CHECK_FAILS(cn_chart_activations(c, { CN_RELU }, .range = -4), CN_E_VALUE, "range is -4");
    CHECK_FAILS(cn_chart_activations(c, {{ "rellu" }}), CN_E_NAME, "charts.c:");
    CHECK(!strstr(cn_error_message(c), "activations.c"));
    cn_close(c);
}

TEST(rows_that_are_no_numbers_have_no_class)
{
    cn_ctx   *c = cn_open();
    cn_array *y = cn_array_from(c, {2}, CN_NUMBERS(0, 1));
    cn_array *p = cn_array_from(c, {2, 2}, CN_NUMBERS(0.9, 0.1, NAN, 0.5));
    CHECK_FAILS(cn_chart_confusion(y, p), CN_E_VALUE, "predictions 1 is nan");
    cn_close(c);
}

TEST(saving)
{
    cn_ctx   *c = cn_open();
    cn_array *chart = cn_chart_histogram(cn_array_from(c, {3}, CN_NUMBERS(1, 2, 3)));
    const char *path = file_path("h.svg");
    size_t n;
    CHECK(!cn_chart_save(chart, path));
    CHECK(!memcmp(file_bytes(path, &n), "<svg", 4) && n == strlen(cn_string(chart, 0)));
    CHECK_INT(cn_chart_save(cn_array_from(c, {1}, CN_STRINGS("x")), path), CN_E_VALUE);
    CHECK_STR(cn_error_message(c), "is no chart");
    CHECK_INT(cn_chart_save(chart, "/no/such/folder/a.svg"), CN_E_IO);
    CHECK_INT(cn_chart_save(cn_chart_histogram(NULL), path), CN_E_NOMEM);
    CHECK_FAILS(cn_chart_histogram(cn_array_from(c, {1}, CN_NUMBERS(1)), .width = 20), CN_E_VALUE, "width 160 to 8192");
    cn_close(c);
}

static void all_charts(cn_ctx *c)
{
    cn_array *y = cn_array_from(c, { 4 }, CN_NUMBERS(0, 1, 1, 0), .dtype = CN_INT32),
             *x = cn_array_from(c, { 4, 2 }, CN_NUMBERS(0, 0, 0, 1, 1, 0, 1, 1));
    cn_model *m = cn_sequential(c, {2});
    cn_dense(m, 2, .activation = CN_SOFTMAX);
    cn_array *charts[] = { cn_chart_confusion(y, y), cn_chart_scatter(y, y), cn_chart_histogram(y), cn_chart_network(m),
                           cn_chart_boundary(m, x, y), cn_chart_activations(c, { CN_TANH }),
                           cn_chart_images(cn_array_from(c, {4, 8, 8}, NULL), .labels = y) };
    for (size_t i = 0; i < sizeof charts / sizeof *charts; i++)
        if (!cn_error(charts[i])) CHECK(!svg_wrong(cn_string(charts[i], 0)));
        else CHECK(cn_error(c) == CN_E_NOMEM);           /* what came first, be it on a layer that the chart misses */
}

TEST(every_allocation_may_fail)
{
    long step = 1;
    for (long n = 1;; n += step) {
        fail_alloc a = { .at = n };
        cn_ctx *c = cn_open(.allocator = FAIL_ALLOCATOR(&a), .threads = 1);
        if (c) all_charts(c);
        if (a.failed) CHECK(!c || cn_error(c) == CN_E_NOMEM);
        cn_close(c);
        CHECK_INT(a.blocks, 0);
        if (!a.failed) break;
        step = n > 60 ? 7 : 1;                           /* every one at first, then one in seven */
    }
}

CHECK_MAIN
