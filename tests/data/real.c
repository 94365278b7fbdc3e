/* The shared real data sets are read, and what is in them is what their README says. Skipped where they are not
   installed. */
#include "files.h"

static char path[1024];
static const char *in(const char *folder, const char *file)
{
    snprintf(path, sizeof path, "%s/%s", folder, file);
    return path;
}

TEST(mnist)
{
    const char *folder = shared_data();
    if (!folder) SKIP("no folder with the shared data sets ($CN_DATA)");
    cn_ctx   *c = cn_open();
    cn_array *x = cn_array_from_idx(c, in(folder, "mnist/train-images-idx3-ubyte.gz"));
    cn_array *y = cn_array_from_idx(c, in(folder, "mnist/train-labels-idx1-ubyte.gz"));
    CHECK_INT(cn_size_of(x, 0), 60000);
    CHECK_INT(cn_size_of(x, 1), 28);
    CHECK_INT(cn_size_of(x, 2), 28);
    CHECK_INT(cn_dtype_of(x), CN_UINT8);
    CHECK_NEAR(cn_at(y, 0), 5, 0);
    double mean = 0;
    const uint8_t *p = cn_data(x);
    for (size_t i = 0; p && i < 60000u * 784; i++) mean += p[i];
    CHECK_NEAR(mean / (60000.0 * 784 * 255), 0.1307, 1e-4);                  /* the figure everybody normalises by */
    CHECK(cn_memory(c, true) < (2 * 47 + 64) << 20);
    CHECK_INT(cn_samples(cn_dataset_from(c, .x = { x }, .y = { y })), 60000);
    CHECK_INT(cn_close(c), 0);
}

TEST(tables)
{
    static const struct { const char *file; int rows, columns, texts, missing; bool header; } tables[] = {
        { "tabular/auto-mpg.csv", 398, 9, 2, 6, true },
        { "tabular/banknote_authentication.csv", 1372, 5, 0, 0, false },
        { "tabular/boston-housing.csv", 506, 14, 0, 0, false },
        { "tabular/california-housing.csv.gz", 20640, 10, 1, 207, true },
        { "tabular/iris.csv", 150, 5, 1, 0, false },
        { "tabular/penguins.csv", 344, 7, 3, 19, true },
        { "tabular/pima-indians-diabetes.csv", 768, 9, 0, 0, false },
        { "tabular/sonar.csv", 208, 61, 1, 0, false },
        { "tabular/titanic.csv", 891, 15, 9, 869, true },
        { "tabular/wdbc.csv", 569, 32, 1, 0, false },
        { "tabular/winequality-red.csv", 1599, 12, 0, 0, false },
        { "adult/adult.data.gz", 32561, 15, 9, 4262, false },
        { "adult/adult.test.gz", 16281, 15, 9, 2203, false },
        { "timeseries/airline-passengers.csv", 144, 2, 1, 0, true },
        { "timeseries/daily-min-temperatures.csv", 3650, 2, 1, 0, true },
        { "timeseries/stock-nvda-1999-2014-daily.csv", 4012, 7, 1, 0, true },
        { "timeseries/weather-paris-hourly-2021-2024.csv.gz", 35064, 7, 1, 0, true },
    };
    const char *folder = shared_data();
    if (!folder) SKIP("no folder with the shared data sets ($CN_DATA)");
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        cn_ctx   *c = cn_open();
        cn_table *t = cn_read_csv(c, in(folder, tables[i].file), .guess_header = CN_YES);
        int       columns = 0, texts = 0, missing = 0;
        for (; cn_table_name(t, columns); columns++) {
            texts += cn_table_dtype(t, columns) == CN_STRING;
            missing += (int)cn_table_missing(t, columns);
        }
        CHECK_INT(cn_table_rows(t), tables[i].rows);
        CHECK_INT(columns, tables[i].columns);
        CHECK_INT(texts, tables[i].texts);
        CHECK_INT(missing, tables[i].missing);
        CHECK_INT(!strcmp(cn_table_name(t, 0) ? cn_table_name(t, 0) : "", "0"), !tables[i].header);
        if (check_bad) printf("%s: %s\n", tables[i].file, cn_error_message(t));
        CHECK_INT(cn_close(c), 0);
    }
}

TEST(texts)
{
    const char *folder = shared_data();
    if (!folder) SKIP("no folder with the shared data sets ($CN_DATA)");
    cn_ctx   *c = cn_open();
    cn_table *t = cn_read_csv(c, in(folder, "sentiment/imdb/imdb-test.tsv.gz"), .separator = "\t");
    CHECK_STR(cn_error_message(t), "");
    CHECK(cn_table_rows(t) > 10000);
    t = cn_read_csv(c, in(folder, "spa-eng/spa.txt.gz"), .separator = "\t", .header = CN_NO, .names = { "en", "es" });
    CHECK_INT(cn_table_rows(t), 118121);
    CHECK(!strcmp(cn_string(cn_columns(t, "es"), 1), "Vete."));
    cn_array *lines = cn_array_from_text(c, in(folder, "tinyshakespeare/input.txt"));
    CHECK_INT(cn_size_of(lines, 0), 40000);
    CHECK_INT(cn_close(c), 0);
}

CHECK_MAIN
