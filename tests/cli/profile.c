/* profile.c: cornu explain and cornu profile: tables and JSON of models in files, from tables and arrays; the chart;
   mistakes are told. */
#include "run.h"

static cn_ctx *c;

static const char *csv(void)
{
    static char text[8192];
    size_t n = (size_t)snprintf(text, sizeof text, "a,b,kind\n");
    for (int i = 0; i < 60; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%d,%d,%s\n", i % 7, i % 11, i % 2 ? "odd" : "even");
    return file_of_text("t.csv", text);
}

/* Two models of two numbers: one that was trained by the command, one that was never compiled. */
static void begin(void)
{
    char train[600];
    if (c) cn_close(c);
    c = cn_open(.threads = 1);
    snprintf(train, sizeof train, "train '%s' --target kind --hidden 8 --epochs 2 --quiet --out '%s'", csv(),
             file_path("m.keras"));
    CHECK_INT(run(train), 0);
    cn_model *plain = cn_sequential(c, {2}, .name = "plain");
    cn_dense(plain, 4, .activation = CN_TANH, .name = "first");
    CHECK(!cn_save(plain, file_path("plain.keras")));
}

TEST(explain_a_model)
{
    begin();
    CHECK_INT(runf("explain '%s' --batch-size 16", file_path("m.keras"), ""), 0);
    CHECK_STR(out, "A training step of ");
    CHECK_STR(out, "batch 16");
    CHECK_STR(out, "adam");
    CHECK_INT(runf("explain '%s' --prediction --json", file_path("m.keras"), ""), 0);
    CHECK_STR(out, "\"mode\": \"prediction\", \"batch\": 32");
    CHECK_INT(runf("explain '%s'", file_path("plain.keras"), ""), 0);
    CHECK_STR(out, "A prediction of \"plain\"");
    CHECK_STR(out, "first ");
    CHECK_INT(runf("explain '%s' --training", file_path("plain.keras"), ""), 1);
    CHECK_STR(err, "is not compiled");
}

TEST(profile_a_model)
{
    begin();
    char svg[300];
    snprintf(svg, sizeof svg, "%s", file_path("p.svg"));
    CHECK_INT(runf("profile '%s' '%s' --target kind --batch-size 10 --steps 12", file_path("m.keras"),
                   file_path("t.csv")), 0);
    CHECK_STR(out, "A training step of ");
    CHECK_STR(out, "between the calls");
    CHECK_STR(out, "of limit");
    CHECK_STR(out, "of 12 steps");
    char command[1024];
    snprintf(command, sizeof command, "profile '%s' '%s' --target kind --json --svg '%s'", file_path("m.keras"),
             file_path("t.csv"), svg);
    CHECK_INT(run(command), 0);
    CHECK_STR(out, "{\"model\": ");
    CHECK_STR(out, "\"mode\": \"training\"");
    CHECK(slurp(svg, out, sizeof out) > 500);
    CHECK_STR(out, "<svg ");
}

TEST(profile_arrays)
{
    begin();
    float *v;
    cn_array *x = cn_array_from(c, {20, 2}, NULL);
    if ((v = cn_mutable(x))) for (int i = 0; i < 40; i++) v[i] = (float)i;
    CHECK(!cn_array_save(x, file_path("x.npy")));
    CHECK_INT(runf("profile '%s' --x '%s' --threads 1", file_path("plain.keras"), file_path("x.npy")), 0);
    CHECK_STR(out, "A prediction of \"plain\": batch 20, ");
}

TEST(wrong_usage)
{
    begin();
    static const struct { const char *options; int code; const char *says; } wrong[] = {
        { "explain", 2, "MODEL is missing" },
        { "explain no.keras", 1, "no.keras" },
        { "explain m.keras --training --prediction", 2, "exclude each other" },
        { "explain m.keras --batch-size 0", 2, "out of range" },
        { "explain m.keras --svg x.svg", 2, "there is no option --svg" },
        { "profile m.keras", 2, "DATA, or --x with --y" },
        { "profile m.keras t.csv --x a.npy", 2, "DATA, or --x with --y" },
        { "profile m.keras t.csv --svg x.png", 2, "has to end in .svg" },
        { "profile m.keras t.csv --steps 0", 2, "out of range" },
        { "profile m.keras --x a.npy --y b.npy --prediction", 2, "takes no --y" },
        { "profile no.keras t.csv", 1, "no.keras" },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        CHECK_INT(run(wrong[i].options), wrong[i].code);
        CHECK_STR(err, wrong[i].says);
    }
    CHECK_INT(runf("profile '%s' no/such.csv", file_path("m.keras"), ""), 1);
    CHECK_STR(err, "no/such.csv");
    CHECK_INT(runf("profile '%s' '%s' --training", file_path("plain.keras"), file_path("t.csv")), 1);
    CHECK_STR(err, "was not compiled");
    CHECK_INT(runf("profile '%s' '%s' --target kind --svg no/such/p.svg", file_path("m.keras"), file_path("t.csv")), 1);
    CHECK_STR(err, "p.svg");
    CHECK(!cn_close(c));
    c = NULL;
}

CHECK_MAIN
