/* raw_rows.c: the model that `cornu train --out` saves takes rows of a table as they are: text, gaps, skewed numbers,
   texts and values that the training never saw; also tables with more columns than a model has inputs. */
#include "run.h"
#include "cornu.h"

static const char *write_table(const char *name, int rows, bool answers)
{
    static char path[2][512];
    static int  which;
    char *to = path[which ^= 1];
    snprintf(to, sizeof path[0], "%s", file_path(name));
    FILE *f = fopen(to, "w");
    fprintf(f, "dense,a/b,colour,income%s\n", answers ? ",bought" : "");
    for (int i = 0; i < rows; i++) {
        double x = (i * 37 % 100) / 10.0, income = pow(10, 1 + (i * 53 % 100) / 25.0);
        const char *colour = i % 11 == 5 ? "" : i % 3 == 0 ? "red" : i % 3 == 1 ? "dark blue" : "[UNK]";
        bool yes = (x > 5) + (i % 3 == 0) + (income > 1000) >= 2;
        if (i % 13 == 4) fprintf(f, "?,%d,%s,%.2f", i % 7, colour, income);
        else fprintf(f, "%.1f,%d,%s,%.2f", x, i % 7, colour, income);
        fprintf(f, answers ? ",%s\n" : "\n", yes ? "yes" : "no");
    }
    fclose(f);
    return to;
}

static double number_of(const char *text, const char *name)
{
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\": ", name);
    const char *at = strstr(text, quoted);
    return at ? strtod(at + strlen(quoted), NULL) : NAN;
}

TEST(what_was_saved_takes_rows_as_they_are)
{
    char model[512], command[2048];
    const char *csv = write_table("sales.csv", 400, true);
    snprintf(model, sizeof model, "%s", file_path("sales.keras"));
    snprintf(command, sizeof command, "train '%s' --test '%s' --target bought --quiet --json --out '%s'", csv, csv,
             model);
    CHECK_INT(run(command), 0);
    const char *test = strstr(out, "\"test\"");
    double loss = test ? number_of(test, "loss") : NAN, accuracy = test ? number_of(test, "accuracy") : NAN;
    CHECK(accuracy > 0.9);

    cn_ctx   *c = cn_open();
    cn_model *m = cn_load(c, model);
    cn_array *p = NULL, *q = NULL;
    CHECK_INT(cn_error(m), CN_OK);
    static const char *const names[] = { "dense.", "a_b", "colour", "income" };
    for (int i = 0; i < 4; i++) CHECK_STR(cn_layer_name(cn_get_layer(m, names[i])), names[i]);
    cn_table   *t = cn_read_csv(c, csv);
    cn_array   *x[4], *y = cn_classes(t, "bought");
    for (int i = 0; i < 4; i++) x[i] = cn_columns(t, cn_table_name(t, i));
    cn_dataset *ds = cn_dataset_from(c, .x = { x[0], x[1], x[2], x[3] }, .y = { y });
    CHECK_INT(cn_evaluate(m, ds, .batch_size = 256), CN_OK);
    CHECK_NEAR(cn_result(m, "accuracy"), accuracy, 1e-6);
    CHECK_NEAR(cn_result(m, "loss"), loss, 1e-4);
    CHECK_INT(cn_fit(m, ds), CN_OK);                     /* and it can be trained on */

    /* What was never seen: another colour counts as none, a gap where there was none as the median. */
    cn_array *colour = cn_array_from(c, { 2, 1 }, CN_STRINGS("green", "")),
             *number = cn_array_from(c, { 2, 1 }, CN_NUMBERS(NAN, 3)),
             *big = cn_array_from(c, { 2, 1 }, CN_NUMBERS(NAN, -5));
    ds = cn_dataset_from(c, .x = { number, number, colour, big });
    CHECK_INT(cn_predict(m, ds, &p), CN_OK);
    for (int i = 0; i < 2; i++) CHECK(cn_at(p, i, 0) > 0 && cn_at(p, i, 0) < 1);
    ds = cn_dataset_from(c, .x = { number, number, cn_array_from(c, { 2, 1 }, CN_STRINGS("", "green")), big });
    CHECK_INT(cn_predict(m, ds, &q), CN_OK);
    for (int i = 0; i < 2; i++) CHECK_NEAR(cn_at(p, i, 0), cn_at(q, i, 0), 1e-6);
    if (cn_error(c)) printf("%s\n", cn_error_message(c));
    CHECK_INT(cn_close(c), 0);
}

TEST(more_columns_than_a_model_has_inputs)
{
    char path[512], model[512], command[2048];
    snprintf(path, sizeof path, "%s", file_path("wide.csv"));
    snprintf(model, sizeof model, "%s", file_path("wide.keras"));
    FILE *f = fopen(path, "w");
    for (int k = 0; k < 100; k++) fprintf(f, "c%d,", k);
    fprintf(f, "y\n");
    for (int i = 0; i < 120; i++) {
        double sum = 0;
        for (int k = 0; k < 100; k++) {
            double v = ((i * (31 + k % 7) + k * 17) % 100) / 10.0;
            if (k < 3) sum += v;
            if (k == 50 && i % 9 == 2) fprintf(f, ",");
            else fprintf(f, "%.1f,", v);
        }
        fprintf(f, "%.2f\n", sum);
    }
    fclose(f);
    snprintf(command, sizeof command, "train '%s' --quiet --json --epochs 5 --out '%s'", path, model);
    CHECK_INT(run(command), 0);
    CHECK_STR(out, "\"inputs\": 100");
    cn_ctx   *c = cn_open();
    cn_model *m = cn_load(c, model);
    cn_array *p = NULL;
    CHECK_INT(cn_predict(m, cn_columns(cn_read_csv(c, path), "*", .except = { "y" }), &p), CN_OK);
    for (int i = 0; i < 120; i++) CHECK(isfinite(cn_at(p, i, 0)));
    CHECK_INT(cn_close(c), 0);
}

TEST(an_ending_that_is_no_format_is_refused_before_the_training)
{
    const char *csv = write_table("sales.csv", 400, true);
    CHECK_INT(runf("train '%s' --out %s", csv, "model.txt"), 2);
    CHECK_STR(err, "--out model.txt: its ending names no format");
    CHECK(!*out);
}

CHECK_MAIN
