/* command.c: the command as a person or a script uses it: what it prints where, its exit codes, what it makes of
   data. */
#include "run.h"

static const char *last_line(void)
{
    char *end = out + strlen(out);
    while (end > out && end[-1] == '\n') *--end = 0;
    char *start = strrchr(out, '\n');
    return start ? start + 1 : out;
}

/* A number of the JSON object in the last line: "validation", "accuracy"; part NULL: of the object itself. */
static double json(const char *part, const char *name)
{
    char key[64];
    const char *at = last_line();
    snprintf(key, sizeof key, "\"%s\": {", part ? part : "");
    if (part) at = strstr(at, key);
    snprintf(key, sizeof key, "\"%s\": ", name);
    at = at ? strstr(at, key) : NULL;
    return at ? strtod(at + strlen(key), NULL) : NAN;
}

/* ---- Tables made here: the rules are known, so what may be learnt is as well ------------------------------------- */
static uint32_t state;
static double chance(void) { return (state = state * 1664525u + 1013904223u) / 4294967296.0; }

typedef void row_writer(FILE *, int row);
static const char *table(const char *name, const char *header, int rows, row_writer *write)
{
    static char keep[8][256];
    static int next;
    char *path = keep[next = (next + 1) % 8];
    snprintf(path, sizeof *keep, "%s", file_path(name));
    FILE *f = fopen(path, "w");
    if (!f) exit(1);
    state = 1;
    fputs(header, f);
    for (int i = 0; i < rows; i++) write(f, i);
    fclose(f);
    return path;
}

static void write_flower(FILE *f, int row)
{
    static const char *const kind[] = { "rose", "lily", "iris" };
    int k = row * 7 % 3;
    fprintf(f, "%.3f,%.3f,%s\n", k + 0.4 * chance(), 2 - k + 0.4 * chance(), kind[k]);
}

static void write_house(FILE *f, int row)
{
    double size = 50 + 150 * chance(), rooms = 1 + (int)(5 * chance());
    bool known = chance() > 0.1;
    fprintf(f, "%d,%.1f,", 1000 + row, size);
    if (known) fprintf(f, "%.0f", rooms);
    fprintf(f, ",%s,%.2f\n", row % 4 ? "town" : "country", 2 * size + 10 * rooms + (row % 4 ? 40 : 0));
}

/* The answer in other words, a constant, a name, categories with gaps. */
static void write_guest(FILE *f, int row)
{
    double age = 80 * chance();
    bool pays = age > 18;
    const char *town = row % 10 == 3 ? "" : row % 3 ? "Lima" : "Oslo";
    fprintf(f, "guest %d,%.1f,%s,2024,\"%s\",%s\n", row, age, town, pays ? "ticket, full" : "free",
            pays ? "yes" : "no");
}

static void write_noise(FILE *f, int row) { fprintf(f, "%.2f,%d\n", chance(), row % 2); }

/* ---- Wrong usage ------------------------------------------------------------------------------------------------- */
TEST(usage)
{
    static const struct {
        const char *arguments;
        int code;
        const char *says;
    } wrong[] = { { "", 2, "usage: cornu VERB" },
                  { "trian x", 2, "there is no verb \"trian\"; did you mean train?" },
                  { "walk x", 2, "there is no verb \"walk\"\n" },
                  { "train", 2, "DATA is missing" },
                  { "train a b", 2, "what is \"b\" for" },
                  { "train a --tarket x", 2, "no option --tarket; did you mean --target?" },
                  { "train a --tarket=x", 2, "no option --tarket=x; did you mean --target?" },
                  { "train a --something x", 2, "no option --something\n" },
                  { "train a --epochs", 2, "--epochs needs a value" },
                  { "train a --epochs 0", 2, "0 is out of range (1 to" },
                  { "train a --epochs 2.5", 2, "not a whole number" },
                  { "train a --epochs many", 2, "\"many\" is not a whole number" },
                  { "train a --learning-rate -1", 2, "out of range" },
                  { "train a --validation-split 1", 2, "out of range (0.01 to 0.9)" },
                  { "train a --json=1", 2, "takes no value" },
                  { "train a --hidden 8,,8", 2, "not a list of layer sizes" },
                  { "train a --hidden 1,2,3,4,5", 2, "4 layers at most" },
                  { "train a --activation rleu", 2, "there is no \"rleu\"" },
                  { "train a --optimizer adm", 2, "there is no \"adm\"" },
                  { "train a --task sorting", 2, "none of regression, binary, multiclass" },
                  { "train a -q", 2, "no option -q" },
                  { "list nonsense", 2, "there is no family" },
                  { "train no-file.csv", 1, "there is no such file" },
                  { "train no-such-set", 1, "apt-get install dataset-no-such-set" },
                  { "size no-file.csv", 1, "there is no such file" } };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        int code = run(wrong[i].arguments);
        if (code != wrong[i].code) CHECK_FAIL("cornu %s: exit code %d", wrong[i].arguments, code);
        CHECK_STR(err, wrong[i].says);
        CHECK(!*out);
    }
}

TEST(help_has_examples)
{
    static const char *const verbs[] = { "train", "size", "predict", "evaluate", "fit",
                                         "show",  "convert", "verify", "list", "info" };
    for (int i = 0; i < 10; i++) {
        CHECK_INT(runf("%s --help%s", verbs[i], ""), 0);
        CHECK_STR(out, "Examples:");
        CHECK_STR(out, verbs[i]);
        CHECK(!*err);
    }
    CHECK_INT(run("--help"), 0);
    CHECK_STR(out, "cornu VERB --help");
    for (int i = 0; i < 10; i++) CHECK_STR(out, verbs[i]);
    CHECK_INT(run("--version"), 0);
    CHECK_STR(out, "cornu 0.");
}

TEST(list_and_info)
{
    CHECK_INT(run("list"), 0);
    CHECK_STR(out, "layers");
    CHECK_INT(run("list layers"), 0);
    CHECK_STR(out, "    units                       required        numbers that come out\n");
    CHECK_STR(out, "    kernel_initializer          glorot_uniform  of W\n");
    CHECK_STR(out, "    mask_token                  -  ");
    CHECK_INT(run("info --json"), 0);
    CHECK_STR(out, "{\"version\": \"0.");
}

/* ---- Training ---------------------------------------------------------------------------------------------------- */
TEST(classes_as_json)
{
    const char *csv = table("flowers.csv", "long,wide,kind\n", 150, write_flower);
    CHECK_INT(runf("train '%s' --target kind --json%s", csv, ""), 0);
    CHECK_STR(out, "3 outputs with a softmax");
    const char *line = last_line();
    CHECK(strstr(line, "{\"task\": \"multiclass\", \"inputs\": 2, \"outputs\": 3, \"parameters\": ") == line);
    CHECK(line[strlen(line) - 1] == '}');
    CHECK(json(NULL, "epochs") >= 1);
    CHECK(json(NULL, "seconds") > 0);
    CHECK(json("train", "loss") < 0.5);
    CHECK(json("validation", "accuracy") >= 0.95);
    CHECK(!strstr(line, "\"test\""));
    CHECK(!strstr(line, "mae"));
}

TEST(numbers_in_their_own_units)
{
    const char *csv = table("houses.csv", "id,size,rooms,place,price\n", 400, write_house);
    CHECK_INT(runf("train '%s' --target price --json%s", csv, ""), 0);
    CHECK_STR(out, "Column id is left out: it numbers the rows");
    CHECK_STR(out, "cells are not known; they get the median, and an input says where");
    CHECK_STR(last_line(), "{\"task\": \"regression\", \"inputs\": 6, \"outputs\": 1,");
    CHECK(json("validation", "rmse") < 30); /* prices go from 110 to 490; unknown rooms cost 15 */
    CHECK(json("validation", "mae") < json("validation", "rmse"));
    CHECK(json("validation", "loss") >= json("validation", "rmse") * json("validation", "rmse")); /* and the penalty */
}

TEST(what_gives_the_answer_away_is_left_out)
{
    const char *csv = table("guests.csv", "name,age,town,year,price,pays\n", 300, write_guest);
    CHECK_INT(runf("train '%s' --json%s", csv, ""), 0);
    CHECK_STR(out, "No --target was given: the last column, pays");
    CHECK_STR(out, "Column name is left out: it has 300 different texts");
    CHECK_STR(out, "Column year is left out: it is the same everywhere");
    CHECK_STR(out, "Column price is left out: it gives the answer away");
    CHECK_STR(out, "Column town: 30 of 300 cells are not known");
    CHECK_STR(last_line(), "{\"task\": \"binary\"");
    CHECK(json("validation", "accuracy") >= 0.9);
}

TEST(quiet_says_the_result_alone)
{
    const char *csv = table("flowers.csv", "long,wide,kind\n", 150, write_flower);
    CHECK_INT(runf("train '%s' --quiet --json --epochs 2%s", csv, ""), 0);
    CHECK(!*err && !strncmp(out, "{\"task\"", 7) && out[strlen(out) - 1] == '\n');
    CHECK_INT((int)json(NULL, "epochs"), 2);
    CHECK_INT(runf("train '%s' --quiet --epochs 2%s", csv, ""), 0);
    CHECK(!*err && !strncmp(out, "training", 8));
}

/* All but the seconds. */
static void same_run(const char *csv, const char *more, char *kept, size_t size)
{
    CHECK_INT(runf("train '%s' --quiet --json --epochs 20 %s", csv, more), 0);
    const char *rest = strstr(last_line(), "\"train\"");
    CHECK(rest != NULL);
    if (rest && !*kept) snprintf(kept, size, "%s", rest);
    else if (rest) CHECK(!strcmp(kept, rest));
}

TEST(the_same_seed_gives_the_same_numbers)
{
    const char *csv = table("houses.csv", "id,size,rooms,place,price\n", 400, write_house);
    char kept[1024] = "", other[1024] = "";
    same_run(csv, "--seed 5", kept, sizeof kept);
    same_run(csv, "--seed 5", kept, sizeof kept);
    same_run(csv, "--seed 5 --threads 1", kept, sizeof kept);
    same_run(csv, "--seed 5 --threads 2", kept, sizeof kept);
    same_run(csv, "--seed 6", other, sizeof other);
    CHECK(strcmp(kept, other));
}

TEST(settings_are_taken)
{
    const char *csv = table("flowers.csv", "long,wide,kind\n", 150, write_flower);
    CHECK_INT(runf("train '%s' --mixed-bfloat16 --epochs 3 --json%s", csv, ""), 0);
    CHECK_STR(out, "\"accuracy\"");
    CHECK_INT(runf("train '%s' --hidden 5,4 --activation tanh --optimizer sgd --learning-rate 0.1 --batch-size 8 "
                   "--epochs 3 --json%s",
                   csv, ""),
              0);
    CHECK_STR(out, "2 - 5 - 4 - 3");
    CHECK_STR(out, "Hidden layers as you asked: 5,4.");
    CHECK_INT((int)json(NULL, "parameters"), 15 + 24 + 15);
    CHECK_INT(runf("train '%s' --hidden 0 --quiet --json%s", csv, ""), 0);
    CHECK_INT((int)json(NULL, "parameters"), 9);
    CHECK_INT(runf("train '%s' --target 0 --quiet --json --validation-split 0.5%s", csv, ""), 0); /* by number */
    CHECK_STR(last_line(), "\"regression\", \"inputs\": 5");
}

TEST(a_test_file)
{
    const char *csv = table("flowers.csv", "long,wide,kind\n", 150, write_flower),
               *more = table("more.csv", "long,wide,kind\n", 90, write_flower);
    CHECK_INT(runf("train '%s' --test '%s' --json", csv, more), 0);
    CHECK(json("test", "accuracy") >= 0.95);
    const char *other = table("other.csv", "long,wide,sort\n", 90, write_flower);
    CHECK_INT(runf("train '%s' --test '%s'", csv, other), 1);
    CHECK_STR(err, "column 2 is called \"sort\"");
    const char *narrow = table("narrow.csv", "a,b\n", 90, write_noise);
    CHECK_INT(runf("train '%s' --test '%s'", csv, narrow), 1);
    CHECK_STR(err, "has 2 columns");
}

TEST(a_report)
{
    const char *csv = table("flowers.csv", "long,wide,kind\n", 150, write_flower);
    char html[256];
    snprintf(html, sizeof html, "%s", file_path("a report.html"));
    CHECK_INT(runf("train '%s' --quiet --report '%s'", csv, html), 0);
    CHECK_STR(out, "report: ");
    CHECK(slurp(html, out, sizeof out) > 5000);
    CHECK_STR(out, "<h1>kind from flowers.csv</h1>");
    CHECK_STR(out, "Confusion matrix");
    CHECK_INT(runf("train '%s' --quiet --report '%s'", csv, "/no/such/folder/r.html"), 1);
    CHECK_STR(err, "/no/such/folder/r.html");
}

TEST(bad_data)
{
    const char *csv = table("flowers.csv", "long,wide,kind\n", 150, write_flower);
    CHECK_INT(runf("train '%s' --target kinds%s", csv, ""), 1);
    CHECK_STR(err, "Did you mean \"kind\"?");
    CHECK_INT(runf("train '%s' --target kind --task regression%s", csv, ""), 1);
    CHECK_STR(err, "a regression needs numbers");
    CHECK_INT(runf("train '%s'%s", table("few.csv", "a,b\n", 5, write_noise), ""), 1);
    CHECK_STR(err, "at least 10 are needed");
    CHECK_INT(runf("train '%s'%s",
                   file_of_text("same.csv", "a,b\n1,2\n2,2\n3,2\n4,2\n5,2\n6,2\n7,2\n8,2\n9,2\n1,2\n2,2\n"), ""),
              1);
    CHECK_STR(err, "are the same; there is nothing to learn");
    CHECK_INT(runf("train '%s'%s", file_of_text("empty.csv", ""), ""), 1);
    CHECK_INT(runf("train '%s'%s", file_of_text("ragged.csv", "a,b\n1,2\n3\n"), ""), 1);
    CHECK_STR(err, "line 3");
}

/* ---- Pictures ---------------------------------------------------------------------------------------------------- */
TEST(two_idx_files)
{
    enum { N = 200, SIDE = 6 };
    static unsigned char x[16 + N * SIDE * SIDE], y[8 + N];
    static const unsigned char head_x[16] = { 0, 0, 8, 3, 0, 0, 0, N, 0, 0, 0, SIDE, 0, 0, 0, SIDE },
                               head_y[8] = { 0, 0, 8, 1, 0, 0, 0, N };
    memcpy(x, head_x, 16), memcpy(y, head_y, 8);
    state = 3;
    for (int i = 0; i < N; i++) {
        y[8 + i] = (unsigned char)(i % 3);
        for (int k = 0; k < SIDE * SIDE; k++)
            x[16 + i * SIDE * SIDE + k] = (unsigned char)(60 * chance() + (k / 12 == i % 3 ? 150 : 0));
    }
    char pair[600];
    snprintf(pair, sizeof pair, "%s,", file_of("x.idx", x, sizeof x));
    strcat(pair, file_of("y.idx", y, sizeof y));
    CHECK_INT(runf("train '%s' --test '%s' --json", pair, pair), 0);
    CHECK_STR(out, "Bytes 0 to 255 are made 0 to 1");
    CHECK_STR(last_line(), "{\"task\": \"multiclass\", \"inputs\": 36, \"outputs\": 3");
    CHECK(json("test", "accuracy") > 0.95);
    CHECK_INT(runf("size '%s' --json%s", pair, ""), 0);
    CHECK_STR(out, "\"hidden\": [");
    y[7] = N - 1;
    file_of("y.idx", y, sizeof y - 1);
    CHECK_INT(runf("train '%s'%s", pair, ""), 1);
    CHECK_STR(err, "200 pictures, 199 labels");
}

CHECK_MAIN
