/* files.c: the verbs for models in files: what they print and write is what the library gives for the same model and
   data. The models are made here; names of files are of a folder of the test's own. */
#include "run.h"
#include <sys/stat.h>

static cn_ctx *c;

/* Into the test's folder, where plain names do. */
static void begin(void)
{
    static char program[4096];
    if (!c) {
        const char *given = getenv("CORNU");
        if (!realpath(given ? given : "../cornu", program) || setenv("CORNU", program, 1)) exit(1);
        if (chdir(file_path("."))) exit(1);
    }
    else cn_close(c);
    c = cn_open(.seed = 3, .threads = 1);
}

/* The shell's view of what is said in lines: line i of out, or "". */
static const char *line(int i)
{
    static char text[4][4096];
    static int  next;
    const char *at = out;
    for (; i && at; i--) at = strchr(at, '\n'), at = at ? at + 1 : NULL;
    next = (next + 1) % 4;
    snprintf(text[next], sizeof *text, "%.*s", (int)(at ? strcspn(at, "\n") : 0), at ? at : "");
    return text[next];
}

static double field(int row, int column)                 /* of a line of numbers */
{
    const char *at = line(row);
    for (; column && at; column--) at = strchr(at, ','), at = at ? at + 1 : NULL;
    return at ? strtod(at, NULL) : NAN;
}

/* {"name": v: the number, wherever it stands. */
static double json(const char *text, const char *name)
{
    char key[64];
    snprintf(key, sizeof key, "\"%s\": ", name);
    const char *at = strstr(text, key);
    at = at ? at + strlen(key) : NULL;
    return at ? strtod(at + (*at == '['), NULL) : NAN;
}

static const char *text_of(const char *path)
{
    static char text[1 << 16];
    slurp(path, text, sizeof text);
    return text;
}

static bool same(const cn_array *a, const cn_array *b)
{
    if (cn_rank_of(a) != cn_rank_of(b) || cn_dtype_of(a) != cn_dtype_of(b)) return false;
    for (int i = 0; i < cn_rank_of(a); i++)
        if (cn_size_of(a, i) != cn_size_of(b, i)) return false;
    const cn_values *v = cn_values_of(a), *w = cn_values_of(b);
    return v && w && v->count == w->count && !memcmp(v->data, w->data, v->count * 4);
}

/* ---- Models and data --------------------------------------------------------------------------------------------- */
static cn_array *some(int64_t n, int64_t width, uint32_t seed)               /* -1 .. 1 */
{
    cn_array *a = cn_array_from(c, { n, width }, NULL);
    float    *v = cn_mutable(a);
    for (int64_t i = 0; v && i < n * width; i++) {
        seed = seed * 1664525u + 1013904223u;
        v[i] = (float)(seed >> 8) / (1 << 23) - 1;
    }
    return a;
}

static cn_array *classes(int64_t n, int32_t count)
{
    int32_t k[200];
    for (int32_t i = 0; i < n; i++) k[i] = i * 7 % count;
    return cn_array_from(c, { CN_ANY }, CN_BUFFER(k, (size_t)n));
}

/* Three classes of four numbers. */
static cn_model *three(void)
{
    cn_model *m = cn_sequential(c, {4}, .name = "three");
    cn_dense(m, 5, .activation = CN_TANH);
    cn_dense(m, 3, .activation = CN_SOFTMAX);
    CHECK(!cn_compile(m, .optimizer = CN_ADAM, .loss = CN_SPARSE_CATEGORICAL_CROSSENTROPY, .metrics = { CN_ACCURACY }));
    CHECK(!cn_save(m, "three.keras"));
    return m;
}

/* Two inputs, two outputs: a number, and a sigmoid. */
static cn_model *towers(void)
{
    cn_tensor *a = cn_input(c, {1}, .name = "size"), *b = cn_input(c, {1}, .name = "rooms");
    cn_tensor *h = cn_dense(cn_concatenate(a, b), 4, .activation = CN_TANH);
    cn_model  *m = cn_functional({ a, b }, { cn_dense(h, 1, .name = "price"),
                                             cn_dense(h, 1, .activation = CN_SIGMOID, .name = "sold") });
    CHECK(!cn_compile(m, .optimizer = CN_ADAM,
                      .outputs = { cn_output(.loss = CN_MSE), cn_output(.loss = CN_BINARY_CROSSENTROPY) }));
    CHECK(!cn_save(m, "towers.keras"));
    return m;
}

/* Pictures of 2 x 3 in two classes; with or without a layer that brings bytes to scale. */
static cn_model *pictures(bool rescales)
{
    cn_model *m = cn_sequential(c, {2, 3, 1});
    if (rescales) cn_rescaling(m, 1.0 / 255);
    cn_flatten(m);
    cn_dense(m, 2, .activation = CN_SOFTMAX);
    CHECK(!cn_compile(m, .optimizer = CN_SGD, .loss = CN_CATEGORICAL_CROSSENTROPY, .metrics = { CN_ACCURACY }));
    CHECK(!cn_save(m, rescales ? "bytes.keras" : "pictures.keras"));
    return m;
}

static const unsigned char pixels[2][6] = { { 0, 50, 100, 150, 200, 250 }, { 255, 0, 255, 0, 255, 0 } };

static void write_pictures(void)
{
    static const char head[] = "P5 3 2 255\n";
    static const char *const names[] = { "scans/b.pgm", "scans/a.pgm" };
    char bytes[32];
    CHECK(!mkdir("scans", 0777) || !access("scans", W_OK));
    for (int i = 0; i < 2; i++) {
        memcpy(bytes, head, sizeof head - 1), memcpy(bytes + sizeof head - 1, pixels[i], 6);
        FILE *f = fopen(names[i], "wb");
        if (!f || fwrite(bytes, 1, sizeof head + 5, f) != sizeof head + 5 || fclose(f)) exit(1);
    }
    file_of_text("scans/notes.txt", "no picture\n");
}

static void write_idx(void)
{
    unsigned char x[16 + 12] = { 0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3 };
    memcpy(x + 16, pixels, 12);
    file_of("x.idx", x, sizeof x);
    file_of("y.idx", (unsigned char[]){ 0, 0, 8, 1, 0, 0, 0, 2, 1, 0 }, 10);
}

static void write_rows(const char *name, const char *head, const cn_array *x, const char *const *answers)
{
    FILE *f = fopen(name, "w");
    if (!f) exit(1);
    fputs(head, f);
    for (int64_t i = 0; i < cn_size_of(x, 0); i++) {
        for (int64_t k = 0; k < cn_size_of(x, 1); k++) fprintf(f, "%s%.9g", k ? "," : "", cn_at(x, i, k));
        fprintf(f, "%s%s\n", answers ? "," : "", answers ? answers[i] : "");
    }
    fclose(f);
}

/* ---- Wrong usage ------------------------------------------------------------------------------------------------- */
TEST(usage)
{
    static const struct { const char *arguments; int code; const char *says; } wrong[] = {
        { "predict", 2, "MODEL is missing" },
        { "predict three.keras", 2, "DATA or --input is missing" },
        { "predict three.keras a.csv --input x.npy", 2, "not both" },
        { "predict three.keras a.csv b.csv", 2, "what is \"b.csv\" for" },
        { "predict three.keras a.csv --output-dir o --out f.csv", 2, "--out is for a table" },
        { "predict three.keras --input x.npy --target a", 2, "--target is for DATA" },
        { "predict three.keras a.csv --scale 0", 2, "out of range" },
        { "predict three.keras no.csv", 1, "no.csv: there is no such file" },
        { "predict no.keras a.csv", 1, "no.keras" },
        { "evaluate three.keras", 2, "DATA, or --x with --y" },
        { "evaluate three.keras --x x.npy", 2, "DATA, or --x with --y" },
        { "evaluate three.keras a.csv --x x.npy --y y.npy", 2, "DATA, or --x with --y" },
        { "evaluate three.keras a.csv --metric mae", 2, "--metric goes with --loss" },
        { "evaluate three.keras --x x.npy --y y.npy --classes a,b", 2, "--classes is for DATA" },
        { "evaluate three.keras no.csv", 1, "there is no such file" },
        { "fit three.keras --y y.npy", 2, "--x is missing" },
        { "fit three.keras --x x.npy", 2, "--y is missing" },
        { "fit three.keras --x x.npy --y y.npy --class-weight 1,2", 2, "an object of classes and factors" },
        { "fit three.keras --x x.npy --y y.npy --class-weight '{\"0\": 1'", 2, "an object of classes and factors" },
        { "fit three.keras --x x.npy --y y.npy --class-weight '{\"a\": 1}'", 2, "\"a\" is no number of a class" },
        { "fit three.keras --x x.npy --y y.npy --class-weight '{\"1\": -1}'", 2, "class 1 is not a number of 0" },
        { "fit three.keras --x x.npy --y y.npy --class-weight '{\"1\": [2]}'", 2, "class 1 is not a number of 0" },
        { "fit three.keras --x x.npy --y y.npy --out m.kears", 2, "names no format" },
        { "fit three.keras --x x.npy --y y.npy --save-weights m.keras", 2, ".npz or .weights.h5" },
        { "fit three.keras --x x.npy --y y.npy --out no/such/m.keras", 1, "its folder no/such/" },
        { "fit three.keras --x no.npy --y no.npy", 1, "no.npy" },
        { "show", 2, "MODEL is missing" },
        { "show three.keras --svg m.png", 2, "has to end in .svg" },
        { "show three.keras --dot m.png", 2, "has to end in .dot" },
        { "convert three.keras", 2, "TO is missing" },
        { "convert three.keras three.onnx", 2, "names no format" },
        { "verify", 2, "MODEL is missing" },
        { "verify no.keras", 1, "no.keras" },
    };
    begin();
    three();
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        int code = run(wrong[i].arguments);
        if (code != wrong[i].code) CHECK_FAIL("cornu %s: exit code %d: %s", wrong[i].arguments, code, err);
        CHECK_STR(err, wrong[i].says);
        CHECK(!*out);
    }
}

/* ---- predict ----------------------------------------------------------------------------------------------------- */
static void check_three(const cn_array *p, int64_t n)
{
    CHECK(!strcmp(line(0), "class,probability"));
    for (int64_t i = 0; i < n; i++) {
        CHECK_INT(field((int)i + 1, 0), cn_argmax(p, i));
        CHECK_NEAR(field((int)i + 1, 1), cn_at(p, i, cn_argmax(p, i)), 1e-7);
    }
    CHECK(!*line((int)n + 1));
}

TEST(rows_of_numbers)
{
    begin();
    cn_model *m = three();
    cn_array *x = some(9, 4, 1), *p;
    CHECK(!cn_predict(m, x, &p));
    write_rows("plain.csv", "", x, NULL);
    CHECK_INT(run("predict three.keras plain.csv"), 0);
    CHECK(!*err);
    check_three(p, 9);
    write_rows("head.csv", "a,b,c,d\n", x, NULL);
    CHECK_INT(run("predict three.keras head.csv --batch-size 2 --threads 1 --out said.csv"), 0);
    CHECK(!*out);
    slurp("said.csv", out, sizeof out);
    check_three(p, 9);
    CHECK_INT(run("predict three.keras head.csv --out no/such/said.csv"), 1);
    CHECK_STR(err, "no/such/said.csv");
}

TEST(classes_by_name)
{
    static const char *const kinds[] = { "x", "y", "x", "y" };
    begin();
    cn_model *m = three();
    cn_array *x = some(4, 4, 2), *p;
    CHECK(!cn_predict(m, x, &p));
    write_rows("kinds.csv", "a,b,c,d,kind\n", x, kinds);
    CHECK_INT(run("predict three.keras kinds.csv"), 1);
    CHECK_STR(err, "5 columns; the model takes 4 numbers. --target COLUMN");
    CHECK_INT(run("predict three.keras kinds.csv --target kind --classes 'low,mid \"x\",high'"), 0);
    static const char *const said[] = { "low,", "\"mid \"\"x\"\"\",", "high," };
    for (int i = 0; i < 4; i++) CHECK(!strncmp(line(i + 1), said[cn_argmax(p, i)], strlen(said[cn_argmax(p, i)])));
    CHECK_INT(run("predict three.keras kinds.csv --target kind --classes low,high"), 1);
    CHECK_STR(err, "2 names for 3 classes");
    CHECK_INT(run("predict three.keras kinds.csv --target kin"), 1);
    CHECK_STR(err, "Did you mean \"kind\"?");
}

TEST(inputs_by_the_names_of_columns)
{
    begin();
    cn_model   *m = towers();
    cn_array   *x = some(5, 3, 3), *price, *sold;
    cn_array   *a = cn_array_from(c, {5, 1}, NULL), *b = cn_array_from(c, {5, 1}, NULL);
    for (int i = 0; i < 5; i++) {
        ((float *)cn_mutable(a))[i] = (float)cn_at(x, i, 2);
        ((float *)cn_mutable(b))[i] = (float)cn_at(x, i, 0);
    }
    CHECK(!cn_predict(m, cn_dataset_from(c, .x = { a, b }), &price, &sold));
    write_rows("houses.csv", "rooms,id,size\n", x, NULL);
    CHECK_INT(run("predict towers.keras houses.csv"), 0);
    CHECK(!strcmp(line(0), "price_prediction,sold_class,sold_probability"));
    for (int i = 0; i < 5; i++) {
        double q = cn_at(sold, i, 0);
        CHECK_NEAR(field(i + 1, 0), cn_at(price, i, 0), 1e-6);
        CHECK_INT(field(i + 1, 1), q > 0.5);
        CHECK_NEAR(field(i + 1, 2), fmax(q, 1 - q), 1e-6);
    }
    write_rows("other.csv", "rooms,id,sizes\n", x, NULL);
    CHECK_INT(run("predict towers.keras other.csv"), 1);
    CHECK_STR(err, "has no column \"size\". Did you mean \"sizes\"?");
    CHECK_INT(run("predict towers.keras houses.csv --classes a,b"), 1);
    CHECK_STR(err, "does not tell classes apart, with one output");
}

TEST(words_of_columns)
{
    begin();
    cn_tensor *in = cn_input(c, {1}, .dtype = CN_STRING, .name = "class");
    cn_tensor *x = cn_string_lookup(in, .vocabulary = CN_STRINGS("1", "2", "2.5"), .output_mode = CN_ONE_HOT);
    cn_model  *m = cn_functional({in}, {cn_dense(x, 1)});
    cn_array  *p;
    CHECK(!cn_save(m, "words.keras"));
    CHECK(!cn_predict(m, cn_array_from(c, {4, 1}, CN_STRINGS("2", "1", "2.5", "")), &p));
    file_of_text("cells.csv", "name,class\na,2\nb,1.0\nc,2.50\nd,\n");        /* a column of numbers */
    CHECK_INT(run("predict words.keras cells.csv"), 0);
    for (int i = 0; i < 4; i++) CHECK_NEAR(field(i + 1, 0), cn_at(p, i, 0), 1e-6);
}

/* What `cornu train` saves takes the table that it was trained on: columns by names that layers cannot have, more
   columns than a model has inputs. */
TEST(tables_that_were_trained_on)
{
    begin();
    FILE *odd = fopen("odd.csv", "w"), *wide = fopen("wide.csv", "w");
    if (!odd || !wide) exit(1);
    fprintf(odd, "km/h,dense,\"a,b\",rose\n"), fprintf(wide, "kind");
    for (int k = 0; k < 70; k++) fprintf(wide, ",n%d", k);
    cn_array *x = some(60, 70, 10);
    for (int i = 0; i < 60; i++) {
        fprintf(odd, "%g,%g,%s,%s\n", cn_at(x, i, 0), cn_at(x, i, 1), i % 3 ? "x" : "y",
                cn_at(x, i, 0) + cn_at(x, i, 1) > 0 ? "yes" : "no");
        fprintf(wide, "\n%s", cn_at(x, i, 3) > 0 ? "up" : "down");
        for (int k = 0; k < 70; k++) fprintf(wide, ",%g", cn_at(x, i, k));
    }
    if (fclose(odd) || fclose(wide)) exit(1);
    static const char *const tables[] = { "odd.csv --target rose", "wide.csv --target kind" };
    for (int i = 0; i < 2; i++) {
        CHECK_INT(runf("train %s --quiet --json --epochs 30 --validation-split 0.01 --out t.keras%s", tables[i], ""),
                  0);
        double loss = json(out, "loss"), accuracy = json(strstr(out, "\"train\""), "accuracy");
        CHECK_INT(runf("evaluate t.keras %s --json%s", tables[i], ""), 0);
        CHECK_NEAR(json(out, "accuracy"), accuracy, 0.02);                   /* one sample of 60 was held out */
        CHECK_NEAR(json(out, "loss"), loss, 0.1);
        CHECK_INT(runf("predict t.keras %s%s", tables[i], ""), 0);
        CHECK(*line(60) && !*line(61));
    }
}

TEST(arrays)
{
    begin();
    cn_model *m = towers();
    cn_array *a = some(7, 1, 4), *b = some(7, 1, 5), *p, *q;
    CHECK(!cn_array_save(a, "a.npy") && !cn_array_save(b, "b.npy"));
    CHECK(!cn_predict(m, cn_dataset_from(c, .x = { a, b }), &p, &q));
    CHECK_INT(run("predict towers.keras --input a.npy --input b.npy --output-dir made"), 0);
    CHECK(!*out && !*err);
    CHECK(same(cn_array_from_npy(c, "made/y0.npy"), p) && same(cn_array_from_npy(c, "made/y1.npy"), q));
    CHECK_INT(run("predict towers.keras --input a.npy"), 1);
    CHECK_STR(err, "the model has 2 inputs, --input is given 1 times");
    CHECK_INT(run("predict towers.keras --input a.npy --input b.npy --output-dir no/such/folder"), 1);
    CHECK_STR(err, "no/such/folder");
    cn_model *steps = cn_sequential(c, {3, 2});
    cn_dense(steps, 2, .name = "each");
    CHECK(!cn_save(steps, "steps.keras") && !cn_array_save(cn_array_from(c, {5, 3, 2}, NULL), "s.npy"));
    CHECK_INT(run("predict steps.keras s.npy"), 1);
    CHECK_STR(err, "output each has 3 axes, no rows of numbers; --output-dir DIR");
    CHECK_INT(run("predict steps.keras s.npy --output-dir made"), 0);
    CHECK_INT(cn_size_of(cn_array_from_npy(c, "made/y0.npy"), 1), 3);
    cn_array *x = some(3, 4, 6), *r;
    CHECK(!cn_array_save(x, "x.npy"));
    CHECK(!cn_predict(three(), x, &r));
    CHECK_INT(run("predict three.keras x.npy"), 0);
    check_three(r, 3);
}

static void check_bytes(const cn_array *p, bool files)
{
    CHECK(!strcmp(line(0), files ? "file,class,probability" : "class,probability"));
    for (int i = 0; i < 2; i++) {
        int row = files ? 2 - i : i + 1;                 /* in the order of names */
        CHECK_INT(field(row, files), cn_argmax(p, i));
        CHECK_NEAR(field(row, 1 + files), cn_at(p, i, cn_argmax(p, i)), 1e-6);
    }
}

TEST(pictures_as_bytes_or_shares)
{
    begin();
    cn_model *plain = pictures(false), *scales = pictures(true);
    cn_array *x = cn_array_from(c, {2, 2, 3, 1}, CN_BUFFER(&pixels[0][0], 12)), *shares, *p, *q, *r;
    write_pictures(), write_idx();
    shares = cn_cast(x, CN_FLOAT32);
    for (int i = 0; i < 12; i++) ((float *)cn_mutable(shares))[i] *= 1.0f / 255;
    CHECK(!cn_predict(plain, shares, &p) && !cn_predict(scales, x, &q) && !cn_predict(plain, x, &r));
    CHECK_INT(run("predict pictures.keras scans"), 0);
    CHECK_STR(err, "Bytes 0 to 255 are made 0 to 1");
    CHECK(!strncmp(line(1), "scans/a.pgm,", 12) && !*line(3));
    check_bytes(p, true);
    CHECK_INT(run("predict pictures.keras x.idx --quiet"), 0);
    CHECK(!*err);
    check_bytes(p, false);
    CHECK_INT(run("predict bytes.keras x.idx"), 0);
    CHECK(!*err);
    check_bytes(q, false);
    CHECK_INT(run("predict pictures.keras x.idx --scale 1"), 0);
    check_bytes(r, false);
    CHECK_INT(run("predict pictures.keras scans/b.pgm"), 0);
    CHECK(!strncmp(line(1), "scans/b.pgm,", 12) && !*line(2));
    CHECK_INT(run("predict three.keras scans"), 1);
    CHECK_STR(err, "a sample has 6 numbers, the model takes 4");
    file_of_text("scans/c.pgm", "P5 1 1 255\nx");
    CHECK_INT(run("predict pictures.keras scans"), 1);
    CHECK_STR(err, "scans/c.pgm: 1 x 1 pixels of 1 numbers, the first one has 3 x 2 of 1");
    CHECK(!remove("scans/c.pgm"));
    CHECK(!mkdir("none", 0777));
    CHECK_INT(run("predict pictures.keras none"), 1);
    CHECK_STR(err, "there are no pictures");
}

/* ---- evaluate ---------------------------------------------------------------------------------------------------- */
TEST(evaluate_a_table)
{
    static const char *const kinds[] = { "rose", "iris", "lily", "rose", "lily" };
    static const char *const few[] = { "1", "0", "1", "0", "1" };
    begin();
    cn_model *m = three();
    cn_array *x = some(5, 4, 7), *y = cn_array_from(c, {5}, CN_NUMBERS(2, 0, 1, 2, 1), .dtype = CN_INT32);
    write_rows("kinds.csv", "a,b,c,d,kind\n", x, kinds);
    CHECK(!cn_evaluate(m, x, y));
    CHECK_INT(run("evaluate three.keras kinds.csv --target kind"), 0);
    CHECK_STR(out, "5 samples");
    CHECK_STR(out, "accuracy");
    CHECK_INT(run("evaluate three.keras kinds.csv --json"), 0);              /* the last column */
    CHECK_NEAR(json(out, "loss"), cn_result(m, "loss"), 1e-6);
    CHECK_NEAR(json(out, "accuracy"), cn_result(m, "accuracy"), 1e-6);
    CHECK(*out == '{' && !strcmp(out + strlen(out) - 2, "}\n"));
    CHECK_INT(run("evaluate three.keras kinds.csv --classes rose,lily,iris --json"), 0);
    cn_array *other = cn_array_from(c, {5}, CN_NUMBERS(0, 2, 1, 0, 1), .dtype = CN_INT32);
    CHECK(!cn_evaluate(m, x, other));
    CHECK_NEAR(json(out, "loss"), cn_result(m, "loss"), 1e-6);
    write_rows("few.csv", "a,b,c,d,kind\n", x, few);
    CHECK_INT(run("evaluate three.keras few.csv"), 1);
    CHECK_STR(err, "2 different values, the model tells 3 classes apart");
    CHECK_INT(run("evaluate three.keras few.csv --classes 0,1,2 --json"), 0);
    CHECK_INT(run("evaluate three.keras kinds.csv --target a"), 1);
    CHECK_INT(run("evaluate three.keras kinds.csv --target kid"), 1);
    CHECK_STR(err, "Did you mean \"kind\"?");
    CHECK_INT(run("evaluate three.keras kinds.csv --loss categorical_crossentropy --json"), 0);
    CHECK(!cn_evaluate(m, x, y));
    CHECK_NEAR(json(out, "loss"), cn_result(m, "loss"), 1e-6);
    CHECK(isnan(json(out, "accuracy")));
    CHECK_INT(run("evaluate three.keras kinds.csv --loss nonsense"), 1);
    CHECK_STR(err, "nonsense");
}

TEST(evaluate_numbers)
{
    static const char *const prices[] = { "1.5", "2", "-3" }, *const gaps[] = { "1.5", "", "-3" };
    begin();
    cn_model *m = cn_sequential(c, {2});
    cn_dense(m, 1);
    cn_array *x = some(3, 2, 8), *y = cn_array_from(c, {3, 1}, CN_NUMBERS(1.5, 2, -3));
    CHECK(!cn_save(m, "number.keras"));
    write_rows("prices.csv", "a,b,price\n", x, prices);
    CHECK_INT(run("evaluate number.keras prices.csv"), 1);
    CHECK_STR(err, "number.keras was not compiled when it was saved; say what to measure: --loss NAME");
    CHECK_INT(run("evaluate number.keras prices.csv --loss mse --metric mae --json"), 0);
    CHECK(!cn_compile(m, .loss = CN_MSE, .metrics = { CN_METRIC_MAE }) && !cn_evaluate(m, x, y));
    CHECK_NEAR(json(out, "loss"), cn_result(m, "loss"), 1e-5);
    CHECK_NEAR(json(out, "mae"), cn_result(m, "mae"), 1e-5);
    write_rows("gaps.csv", "a,b,price\n", x, gaps);
    CHECK_INT(run("evaluate number.keras gaps.csv --loss mse"), 1);
    CHECK_STR(err, "column price: 1 cells are not known");
}

TEST(evaluate_pictures)
{
    begin();
    cn_model *m = pictures(true);
    cn_array *x = cn_array_from(c, {2, 2, 3, 1}, CN_BUFFER(&pixels[0][0], 12));
    CHECK(!cn_evaluate(m, x, cn_array_from(c, {2, 2}, CN_NUMBERS(0, 1, 1, 0))));
    write_pictures(), write_idx();
    CHECK_INT(run("evaluate bytes.keras x.idx,y.idx --json"), 0);
    CHECK_NEAR(json(out, "loss"), cn_result(m, "loss"), 1e-6);
    CHECK(system("mkdir -p sorted/one sorted/two && cp scans/b.pgm sorted/two && cp scans/a.pgm sorted/one") == 0);
    CHECK_INT(run("evaluate bytes.keras sorted --json"), 0);
    CHECK_NEAR(json(out, "loss"), cn_result(m, "loss"), 1e-6);
    CHECK_INT(run("evaluate bytes.keras x.idx,x.idx"), 1);
    CHECK_STR(err, "x.idx: 2 pictures");
    CHECK(system("mkdir sorted/three") == 0);
    CHECK_INT(run("evaluate bytes.keras sorted"), 1);
    CHECK_STR(err, "3 folders in it, the model tells 2 classes apart");
}

TEST(evaluate_arrays)
{
    begin();
    cn_model *m = towers();
    cn_array *a = some(7, 1, 4), *b = some(7, 1, 5), *p = some(7, 1, 6), *q = cn_array_from(c, {7, 1}, NULL);
    CHECK(!cn_array_save(a, "a.npy") && !cn_array_save(b, "b.npy") && !cn_array_save(p, "p.npy") &&
          !cn_array_save(q, "q.npy"));
    CHECK(!cn_evaluate(m, cn_dataset_from(c, .x = { a, b }, .y = { p, q })));
    CHECK_INT(run("evaluate towers.keras --x a.npy --x b.npy --y p.npy --y q.npy --json"), 0);
    CHECK_NEAR(json(out, "loss"), cn_result(m, "loss"), 1e-6);
    CHECK_NEAR(json(out, "price_loss"), cn_result(m, "price_loss"), 1e-6);
    CHECK_INT(run("evaluate towers.keras --x a.npy --x b.npy --y p.npy"), 1);
    CHECK_STR(err, "2 outputs");
}

/* ---- fit --------------------------------------------------------------------------------------------------------- */
TEST(fit_goes_on)
{
    begin();
    cn_model *m = three();
    cn_array *x = some(50, 4, 9), *y = classes(50, 3);
    int64_t   n;
    CHECK(!cn_array_save(x, "x.npy") && !cn_array_save(y, "y.npy"));
    CHECK(!cn_fit(m, x, y, .epochs = 2, .batch_size = 8, .shuffle = CN_NO) && !cn_save(m, "begun.keras"));
    CHECK(!cn_fit(m, x, y, .epochs = 3, .batch_size = 8, .shuffle = CN_NO));
    CHECK_INT(run("fit begun.keras --x x.npy --y y.npy --epochs 3 --batch-size 8 --no-shuffle --history-json h.json "
                  "--save-weights w.npz --out more.keras --quiet"), 0);
    CHECK(!*out && !*err);
    CHECK(same(cn_array_from_npz(c, "w.npz", "w000"), cn_get_weight(m, "dense/kernel")));     /* to the bit */
    CHECK(same(cn_array_from_npz(c, "w.npz", "w003"), cn_get_weight(m, "dense_1/bias")));
    CHECK(cn_error(cn_array_from_npz(c, "w.npz", "w004")) == CN_E_NAME);
    const double *loss = cn_history(m, "loss", &n);
    const char   *said = strstr(text_of("h.json"), "\"loss\": [");
    CHECK_INT(n, 3);
    for (int i = 0; said && i < 3; i++) {
        said += strcspn(said, "[ ") + 1, said += *said == '[';
        CHECK_NEAR(strtod(said, NULL), loss[i], 1e-6);
    }
    CHECK_NEAR(json(text_of("h.json"), "accuracy"), cn_history(m, "accuracy", &n)[0], 1e-6);
    CHECK_INT(run("evaluate more.keras --x x.npy --y y.npy --json"), 0);
    CHECK(!cn_evaluate(m, x, y));
    CHECK_NEAR(json(out, "loss"), cn_result(m, "loss"), 1e-6);
    CHECK_INT(run("fit begun.keras --x x.npy --y y.npy"), 0);
    CHECK_STR(err, "\nNothing of what was learnt is kept");
    CHECK_INT(run("fit begun.keras --x x.npy --y y.npy --epochs 2 --out more.keras"), 0);
    CHECK_STR(err, "Epoch 1/2\n");
    CHECK_STR(err, "\nEpoch 2/2\n");
}

TEST(fit_shuffles_by_its_seed)
{
    static const char *const more[] = { "--seed 5", "--seed 5", "--seed 6", "--no-shuffle" };
    cn_array *w[4];
    begin();
    three();
    CHECK(!cn_array_save(some(50, 4, 9), "x.npy") && !cn_array_save(classes(50, 3), "y.npy"));
    for (int i = 0; i < 4; i++) {
        CHECK_INT(runf("fit three.keras --x x.npy --y y.npy --epochs 2 --save-weights w.npz --quiet %s%s", more[i], ""),
                  0);
        w[i] = cn_array_from_npz(c, "w.npz", "w000");
    }
    CHECK(same(w[0], w[1]) && !same(w[0], w[2]) && !same(w[0], w[3]));
}

TEST(fit_with_weights)
{
    begin();
    cn_model *m = three(), *other = cn_load(c, "three.keras");
    cn_array *x = some(20, 4, 9), *y = classes(20, 3), *w = cn_array_from(c, {20}, NULL);
    for (int i = 0; i < 20; i++) ((float *)cn_mutable(w))[i] = (float)(i % 4);
    CHECK(!cn_array_save(x, "x.npy") && !cn_array_save(y, "y.npy") && !cn_array_save(w, "w.npy"));
    CHECK(!cn_fit(m, x, y, .shuffle = CN_NO, .class_weight = CN_NUMBERS(1, 2.5, CN_ZERO)));
    CHECK_INT(run("fit three.keras --x x.npy --y y.npy --no-shuffle --class-weight ' {\"2\": 0, \"1\" :2.5} ' "
                  "--save-weights w.npz --quiet"), 0);
    CHECK(same(cn_array_from_npz(c, "w.npz", "w002"), cn_get_weight(m, "dense_1/kernel")));
    CHECK(!cn_fit(other, x, y, .shuffle = CN_NO, .sample_weight = w));
    CHECK_INT(run("fit three.keras --x x.npy --y y.npy --no-shuffle --sample-weight w.npy --save-weights w.npz "
                  "--quiet"), 0);
    CHECK(same(cn_array_from_npz(c, "w.npz", "w002"), cn_get_weight(other, "dense_1/kernel")));
    cn_model *bare = cn_sequential(c, {4});
    cn_dense(bare, 3);
    CHECK(!cn_save(bare, "bare.keras"));
    CHECK_INT(run("fit bare.keras --x x.npy --y y.npy"), 1);
    CHECK_STR(err, "bare.keras was not compiled when it was saved");
}

/* ---- show, convert, verify --------------------------------------------------------------------------------------- */
TEST(show_a_model)
{
    begin();
    cn_model *m = towers();
    CHECK_INT(run("show towers.keras"), 0);
    CHECK_STR(out, cn_summary(m));
    CHECK_INT(run("show towers.keras --json"), 0);
    CHECK_STR(out, cn_to_json(m));
    CHECK_INT(run("show towers.keras --svg t.svg --dot t.dot"), 0);
    CHECK(!*out);
    CHECK_STR(text_of("t.svg"), "<svg");
    CHECK_STR(text_of("t.dot"), "digraph");
    CHECK_INT(run("show towers.keras --svg no/such/t.svg"), 1);
    CHECK_STR(err, "no/such/t.svg");
}

TEST(convert_there_and_back)
{
    static const char *const steps[] = { "three.keras a.h5", "a.h5 b.keras", "b.keras c.json", "b.keras d.weights.h5",
                                         "b.keras e.npz", "c.json f.h5 --weights d.weights.h5",
                                         "c.json g.keras --weights e.npz", "g.keras h.keras --weights f.h5" };
    static const char *const whole[] = { "a.h5", "b.keras", "f.h5", "g.keras", "h.keras" };
    begin();
    cn_model *m = three();
    cn_array *x = some(6, 4, 1), *p, *q;
    CHECK(!cn_predict(m, x, &p));
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        if (runf("convert %s%s", steps[i], "")) CHECK_FAIL("convert %s: %s", steps[i], err);
        CHECK(!*out && !*err);
    }
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
        cn_model *back = cn_load(c, whole[i]);
        CHECK(!cn_predict(back, x, &q) && same(p, q));
    }
    CHECK(!cn_evaluate(cn_load(c, "b.keras"), x, classes(6, 3)));            /* still compiled */
    CHECK_INT(run("convert c.json new.keras"), 0);
    CHECK_STR(err, "c.json has no weights, these are new ones");
    CHECK_INT(run("convert d.weights.h5 i.npz"), 1);
    CHECK_STR(err, "cornu convert MODEL i.npz --weights d.weights.h5");
    CHECK_INT(run("convert three.keras no/such/x.h5"), 1);
    CHECK_STR(err, "no/such/x.h5");
}

TEST(verify_says_why)
{
    static char bytes[1 << 16];
    begin();
    three();
    CHECK_INT(run("verify three.keras"), 0);
    CHECK(!strcmp(out + strlen(out) - 7, "\nloads\n"));
    size_t n = slurp("three.keras", bytes, sizeof bytes);
    file_of("cut.keras", bytes, n / 2);
    CHECK_INT(run("verify cut.keras"), 1);
    CHECK_STR(out, "\ndoes not load: ");
    file_of_text("odd.json", "{\"class_name\": \"Sequential\", \"config\": {\"name\": \"s\", \"layers\": ["
                             "{\"class_name\": \"Levitate\", \"config\": {\"name\": \"up\"}}]}}");
    CHECK_INT(run("verify odd.json"), 1);
    CHECK_STR(out, "layer \"up\": the class Levitate is not there\n");
    CHECK_STR(out, "does not load: 1 layer is of a class that is not there; register");
    file_of_text("code.json", "{\"class_name\": \"Sequential\", \"config\": {\"name\": \"s\", \"layers\": ["
                              "{\"class_name\": \"Lambda\", \"config\": {\"name\": \"twice\"}}]}}");
    CHECK_INT(run("verify code.json"), 1);
    CHECK_STR(out, "layer \"twice\": a Lambda layer is Python code, and code is never loaded from a file\n");
}

/* An optimizer of nobody's: the model is worth having without it. */
TEST(compiled_with_what_is_not_there)
{
    static char bytes[1 << 16];
    begin();
    three();
    CHECK(!cn_array_save(some(4, 4, 1), "x.npy") && !cn_array_save(classes(4, 3), "y.npy"));
    CHECK_INT(run("convert three.keras adam.h5"), 0);
    size_t n = slurp("adam.h5", bytes, sizeof bytes);
    char  *name = memmem(bytes, n, "\"Adam\"", 6);
    CHECK(name && memcpy(name, "\"Adax\"", 6));
    file_of("adax.h5", bytes, n);
    CHECK_INT(run("verify adax.h5"), 1);
    CHECK_STR(out, "\ndoes not load: adax.h5: optimizer: the optimizer \"Adax\" (of keras.optimizers) is not one of "
                   "this library. Without its compilation it loads: cn_load(c, \"adax.h5\", .compile = CN_NO).\n");
    CHECK_INT(run("show adax.h5"), 0);
    CHECK_STR(out, "\"three\"");
    CHECK_STR(err, "\"Adax\" (of keras.optimizers) is not one of this library. The model is taken without what it was "
                   "compiled with.");
    CHECK_INT(run("convert adax.h5 bare.keras"), 0);
    CHECK_INT(run("verify bare.keras"), 0);
    CHECK_INT(run("predict adax.h5 --input x.npy --output-dir made"), 0);
    CHECK(!*err);
    CHECK_INT(run("fit adax.h5 --x x.npy --y y.npy"), 1);
    CHECK_STR(err, "\"Adax\"");
}

/* ---- Files of others (the shared data's page has the figures) ---------------------------------------------------- */
static double digits(const char *model)
{
    char arguments[2048];
    snprintf(arguments, sizeof arguments,
             "evaluate %s/models/keras/%s %s/mnist/t10k-images-idx3-ubyte.gz,%s/mnist/t10k-labels-idx1-ubyte.gz --json",
             shared_data(), model, shared_data(), shared_data());
    CHECK_INT(run(arguments), 0);
    return json(out, "accuracy");
}

TEST(models_of_others)
{
    if (!shared_data()) SKIP("no shared data sets");
    begin();
    CHECK_NEAR(digits("mnist-mlp-128.keras"), 0.9778, 0.0002);
    CHECK_NEAR(digits("mnist-softmax.keras"), 0.9283, 0.0002);
    CHECK(!cn_array_save(some(30, 16, 2), "x.npy"));
    CHECK_INT(runf("predict %s/models/keras-h5/hls-3layer.h5 x.npy%s", shared_data(), ""), 0);
    static char whole[sizeof out];
    memcpy(whole, out, sizeof out);
    CHECK(strlen(out) > 300);
    CHECK_INT(runf("predict %s/models/keras-h5/hls-3layer.json x.npy --weights "
                   "%s/models/keras-h5/hls-3layer-weights.h5", shared_data(), shared_data()), 0);
    CHECK(!strcmp(whole, out));
}

CHECK_MAIN
