/* report.c: the page: whole, with what belongs to its problem; the catalog and what there is to say of the machine. */
#include "svg_check.h"

static const char *text_of(const char *path)
{
    static char *text;
    FILE *f = fopen(path, "rb");
    free(text);
    text = calloc(1, 1 << 21);
    if (!f || !text || !fread(text, 1, (1 << 21) - 1, f) || fclose(f)) exit(1);
    return text;
}

/* Every chart in a page is sound. */
static int sound_charts(const char *html)
{
    int n = 0;
    for (const char *s = html; (s = strstr(s, "<svg ")); n++) {
        const char *end = strstr(s, "</svg>");
        if (!end) return -1;
        size_t size = (size_t)(end - s) + 6;
        char  *one = calloc(1, size + 1);
        if (!one) exit(1);
        memcpy(one, s, size);
        const char *wrong = svg_wrong(one);
        if (wrong) printf("%s\n", wrong);
        free(one);
        if (wrong) return -1;
        s = end;
    }
    return n;
}

TEST(page_of_pictures)
{
    cn_ctx  *c = cn_open();
    uint8_t  x[60 * 64];
    int32_t  y[60];
    for (int i = 0; i < 60; i++)
        for (int k = 0; k < 64; k++)
            y[i] = i % 3, x[i * 64 + k] = (uint8_t)(k / 22 == i % 3 ? 220 : (i * 31 + k * 17) % 90);
    cn_array *px = cn_array_from(c, { 60, 8, 8 }, CN_BUFFER(x, sizeof x), .dtype = CN_UINT8),
             *py = cn_array_from(c, { 60 }, CN_BUFFER(y, 60), .dtype = CN_INT32);
    cn_model *m = cn_sequential(c, {8, 8});
    cn_rescaling(m, 1.0 / 255);
    cn_flatten(m);
    cn_dense(m, 3, .activation = CN_SOFTMAX);
    CHECK(
        !cn_compile(m, .optimizer = CN_ADAM, .loss = CN_SPARSE_CATEGORICAL_CROSSENTROPY, .metrics = { CN_ACCURACY }) &&
        !cn_fit(m, px, py, .epochs = 5));
    const char *path = file_path("p.html"), *html;
    CHECK(!cn_report(m, path, px, py, .title = "Stripes <3", .lead = "which & where",
                     .reasons = "first line\nsecond < line", .facts = { { "source", "made up" } },
                     .command = "cornu train x",
                     .class_names = cn_array_from(c, { 3 }, CN_STRINGS("top", "middle", "bottom"))));
    html = text_of(path);
    CHECK_STR(html, "<!DOCTYPE html>");
    CHECK_STR(html, "<h1>Stripes &lt;3</h1>");
    CHECK_STR(html, "<li>second &lt; line</li>");
    CHECK_STR(html, "<td>middle</td><td class=\"n\">20</td>");
    CHECK_STR(html, "made up");
    CHECK_STR(html, "cornu train x");
    CHECK_STR(html, "dense (Dense)");
    CHECK_STR(html, "</html>");
    CHECK_INT(sound_charts(html), 3);                    /* confusion, pictures, curves */
    CHECK(!strstr(html, "<script") && !strstr(html, "<link") && !strstr(html, "@import"));
    CHECK(!cn_error(c));
    cn_close(c);
}

TEST(page_of_numbers)
{
    cn_ctx   *c = cn_open();
    cn_array *x = cn_array_from(c, { 4, 1 }, CN_NUMBERS(1, 2, 3, 4)),
             *y = cn_array_from(c, { 4, 1 }, CN_NUMBERS(0.1, 0.2, 0.3, 0.45));
    cn_model *m = cn_sequential(c, {1});
    cn_dense(m, 1);
    const char *path = file_path("n.html"), *html;
    CHECK(!cn_report(m, path, x, y, .results = { { "error", "0.1" } }, .target_scale = 1000, .target_offset = 5));
    html = text_of(path);                                /* not compiled, not trained: no curves, but all the rest */
    CHECK_STR(html, "<b>0.1</b>");
    CHECK_STR(html, "Predictions against targets");
    CHECK_INT(sound_charts(html), 2);
    CHECK(!cn_error(c));
    CHECK_INT(cn_report(m, path, x, cn_slice(y, 0, 0, 2)), CN_E_SHAPE);
    CHECK_STR(cn_error_message(c), "4 predictions, 2 targets");
    CHECK_INT(cn_report(m, "", x, y), CN_E_VALUE);
    CHECK_INT(cn_report(m, path, NULL, y), CN_E_VALUE);
    CHECK_STR(cn_error_message(c), "samples and targets are needed");
    cn_close(c);
}

/* What went wrong within is said of the caller's line. */
TEST(errors_name_the_caller)
{
    cn_ctx   *c = cn_open();
    cn_model *m = cn_sequential(c, {2});
    cn_dense(m, 1);
    cn_array *x = cn_array_from(c, {4, 2}, CN_NUMBERS(0, NAN, 1, 2, 3, 4, 5, 6)), *y = cn_array_from(c, {4, 1}, NULL);
    CHECK(!cn_compile(m, .loss = CN_MSE));
    CHECK_INT(cn_report(m, "bad.html", x, y), CN_E_NUMERIC);
    CHECK_STR(cn_error_message(c), "tests/report/report.c:");
    CHECK_STR(cn_error_message(c), "nan in row 0");
    cn_close(c);
}

TEST(catalog_lists_everything)
{
    static const char *const families[] = { "layers",      "activations", "losses",       "metrics",
                                            "optimizers",  "schedules",   "initializers", "regularizers",
                                            "constraints", "callbacks",   "ops",          "backends" };
    cn_ctx   *c = cn_open();
    cn_array *all = cn_catalog(c, NULL);
    CHECK_INT(cn_size_of(all, 0), 12);
    for (int i = 0; i < 12; i++) {
        cn_array *one = cn_catalog(c, families[i]);
        int64_t   things = 0, rows = cn_size_of(one, 0);
        for (int64_t r = 0; r < rows; r++) things += !*cn_string(one, 4 * r + 1);
        CHECK(!strcmp(cn_string(all, 4 * i), families[i]));
        CHECK(things > 0 && things == atoi(cn_string(all, 4 * i + 2)));
    }
    cn_array *layers = cn_catalog(c, "layers");
    bool      units = false;
    for (int64_t r = 0; r < cn_size_of(layers, 0); r++)
        units |= !strcmp(cn_string(layers, 4 * r), "Dense") && !strcmp(cn_string(layers, 4 * r + 1), "units") &&
                 !strcmp(cn_string(layers, 4 * r + 2), "required");
    CHECK(units);
    CHECK_FAILS(cn_catalog(c, "layer"), CN_E_NAME, "did you mean \"layers\"");
    cn_close(c);
}

TEST(about_this_machine)
{
    cn_ctx   *c = cn_open(.threads = 1);
    cn_array *a = cn_about(c);
    CHECK(!strcmp(cn_string(a, 0), "version") && !strcmp(cn_string(a, 1), "0.1.0"));
    CHECK_INT(cn_size_of(a, 1), 2);
    cn_close(c);
}

CHECK_MAIN
