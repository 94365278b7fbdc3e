/* Tables: RFC 4180 and its kin, types, columns, classes; rows C of the catalogue of bad inputs. */
#include "files.h"
#include <locale.h>

static cn_table *table_of(cn_ctx *c, const char *text) { return cn_read_csv(c, file_of_text("t.csv", text)); }

TEST(types_are_inferred)
{
    cn_ctx   *c = cn_open();
    cn_table *t = table_of(c, "mpg,name,origin\n18.5,\"chevrolet, \"\"malibu\"\"\",usa\n  -2e1 ,  audi 100 "
                              ",NA\n?,\"two\nlines\",europe\n");
    CHECK_STR(cn_error_message(t), "");
    CHECK_INT(cn_table_rows(t), 3);
    CHECK(!strcmp(cn_table_name(t, 0), "mpg") && !strcmp(cn_table_name(t, 2), "origin") && !cn_table_name(t, 3) &&
          !cn_table_name(t, -1));
    CHECK_INT(cn_table_dtype(t, 0), CN_FLOAT64);
    CHECK_INT(cn_table_dtype(t, 1), CN_STRING);
    CHECK_INT(cn_table_dtype(t, 3), 0);
    CHECK_INT(cn_table_missing(t, 0), 1);
    CHECK_INT(cn_table_missing(t, 1), 0);
    CHECK_INT(cn_table_missing(t, 2), 1);
    CHECK_INT(cn_table_column(t, "origin"), 2);
    CHECK_INT(cn_table_column(t, "1"), 1);
    CHECK_INT(cn_table_column(t, "3"), -1);
    CHECK_INT(cn_table_column(t, "nothing"), -1);
    cn_array *mpg = cn_columns(t, "mpg"), *name = cn_columns(t, "name"), *origin = cn_columns(t, "origin");
    CHECK_INT(cn_rank_of(mpg), 2);
    CHECK_INT(cn_size_of(mpg, 1), 1);
    CHECK_NEAR(cn_at(mpg, 0, 0), 18.5, 0);
    CHECK_NEAR(cn_at(mpg, 1, 0), -20, 0);
    CHECK(isnan(cn_at(mpg, 2, 0)));
    cn_free(t);                                          /* strings keep the table they lie in */
    CHECK_INT(cn_rank_of(name), 1);
    CHECK(!strcmp(cn_string(name, 0), "chevrolet, \"malibu\""));
    CHECK(!strcmp(cn_string(name, 1), "audi 100"));
    CHECK(!strcmp(cn_string(name, 2), "two\nlines"));
    CHECK(!strcmp(cn_string(origin, 1), ""));
    CHECK_INT(cn_close(c), 0);
}

/* C14: all of these are the same table. */
TEST(line_ends_and_marks)
{
    static const char *const same[] = { "a,b\n1,x\n2,y\n",
                                        "a,b\r\n1,x\r\n2,y\r\n",
                                        "a,b\r1,x\r2,y\r",
                                        "a,b\n1,x\n2,y",
                                        "\xef\xbb\xbf\141,b\n1,x\n2,y\n",
                                        "\n\na,b\n\r\n1,x\n   \n2,y\n\n\n",
                                        "\"a\",\"b\"\r\n\"1\",\"x\"\r\n\"2\" ,\"y\"",
                                        "a,b\n+1,x\n2.0,y",
                                        "a,b\n1.,x\n.2e1,y",
                                        "a,b\n000000000000000001,x\n20000000000000000000000e-22,y" };
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        cn_ctx   *c = cn_open();
        cn_table *t = table_of(c, same[i]);
        cn_array *a = cn_columns(t, "a"), *b = cn_columns(t, "b");
        CHECK_INT(cn_table_rows(t), 2);
        CHECK_NEAR(cn_at(a, 0, 0), 1, 0);
        CHECK_NEAR(cn_at(a, 1, 0), 2, 0);
        CHECK(!strcmp(cn_string(b, 1), "y"));
        CHECK_INT(cn_close(c), 0);
    }
}

TEST(options)
{
    cn_ctx   *c = cn_open();
    cn_table *t = cn_read_csv(c, file_of_text("n.csv", "1;2;-\n3;4;5\n"), .separator = ";", .header = CN_NO,
                              .missing = "-", .names = { "x", "y", "z" });
    CHECK_INT(cn_table_rows(t), 2);
    CHECK_NEAR(cn_at(cn_columns(t, "y"), 1, 0), 4, 0);
    CHECK_INT(cn_table_missing(t, 2), 1);
    t = cn_read_csv(c, file_of_text("n.csv", "1;2;-\n3;4;5\n"), .separator = ";", .header = CN_NO, .missing = "-",
                    .drop_missing = CN_YES);
    CHECK_INT(cn_table_rows(t), 1);
    CHECK_NEAR(cn_at(cn_columns(t, "2"), 0, 0), 5, 0);
    t = cn_read_csv(c, file_of_text("n.tsv", "text\tlabel\n\"Great\" they said\t1\n"), .separator = "\t");
    CHECK(!strcmp(cn_string(cn_columns(t, "text"), 0), "\"Great\" they said"));
    t = cn_read_csv(c, file_of_text("n.tsv", "text\tlabel\n\"a\ttab\"\t1\n"), .separator = "\t", .quotes = CN_YES);
    CHECK(!strcmp(cn_string(cn_columns(t, "text"), 0), "a\ttab"));
    t = cn_read_csv(c, file_of_text("g.csv", "5.1,setosa\n4.9,setosa\n"), .guess_header = CN_YES);
    CHECK_INT(cn_table_rows(t), 2);
    t = cn_read_csv(c, file_of_text("g.csv", "width,kind\n4.9,setosa\n"), .guess_header = CN_YES);
    CHECK_INT(cn_table_rows(t), 1);
    t = cn_read_csv(c, file_gz("g.csv.gz", "a,\n1,2\n", 7));
    CHECK(!strcmp(cn_table_name(t, 1), "1"));            /* a column without a name goes by its number */
    CHECK_NEAR(cn_at(cn_columns(t, "1"), 0, 0), 2, 0);
    CHECK_INT(cn_close(c), 0);

    c = cn_open();
    const char *path = file_of_text("n.csv", "1,2\n3,4\n");
    CHECK_FAILS(cn_read_csv(c, path, .separator = ",,"), CN_E_VALUE, "not one character");
    CHECK_FAILS(cn_read_csv(c, path, .separator = "\""), CN_E_VALUE, "not one character");
    CHECK_FAILS(cn_read_csv(c, path, .names = { "a", "b" }), CN_E_VALUE, ".header = CN_NO");
    CHECK_FAILS(cn_read_csv(c, path, .header = CN_NO, .names = { "a" }), CN_E_SHAPE, "1 .names for 2 columns");
    CHECK_FAILS(cn_read_csv(c, "/no/such/file.csv"), CN_E_IO, "/no/such/file.csv");
    CHECK_INT(cn_close(c), 1);
}

TEST(bad_files)
{
    static const struct { const char *id, *text; size_t n; cn_status status; const char *part; } bad[] = {
#define TEXT(s) s, sizeof(s) - 1
        { "C01", TEXT("a,b\n1,2\n1,2,3\n"),             CN_E_FORMAT, "line 3: 3 cells, but the first line has 2" },
        { "C01", TEXT("a,b\n1\n"),                      CN_E_FORMAT, "line 2: 1 cells, but the first line has 2" },
        { "C01", TEXT("a,b\n\"x\ny\",2\n\n1\n"),        CN_E_FORMAT, "line 5: 1 cells" },
        { "C02", TEXT("a,b\n1,\"open\n2,3\n"),          CN_E_FORMAT, "line 2: the quote opened here is not closed" },
        { "C02", TEXT("a,b\n1,\"x\"y\n"),               CN_E_FORMAT, "line 2: text follows a closing quote" },
        { "C03", TEXT("a,b\n1,2\n3\0,4\n"),             CN_E_FORMAT, "line 3: a NUL byte" },
        { "C03", TEXT("a,b\n1,\"2\0\"\n"),              CN_E_FORMAT, "line 2: a NUL byte" },
        { "C07", TEXT("a,b\n1,2\n1e999,4\n"),           CN_E_FORMAT, "line 3, column \"a\": 1e999 is beyond" },
        { "C08", TEXT("a,b\n1,2\n3,-Inf\n"),            CN_E_FORMAT, "line 3, column \"b\": -Inf is beyond" },
        { "C10", TEXT(""),                              CN_E_FORMAT, "is empty" },
        { "C10", TEXT("\n \n"),                         CN_E_FORMAT, "is empty" },
        { "C10", TEXT("a,b\n"),                         CN_E_FORMAT, "a header, but no row" },
        { "C11", TEXT("a,b,a\n1,2,3\n"),                CN_E_FORMAT, "columns 0 and 2 are both named \"a\"" },
        { "C13", TEXT("\xff\xfe" "a\0,\0b\0\n\0"),      CN_E_UNSUPPORTED, "UTF-16" },
        { "C13", TEXT("\xfe\xff\0a\0,\0b\0\n"),         CN_E_UNSUPPORTED, "UTF-16" },
        { "C13", TEXT("name\nx\nM\xfcller\n"),          CN_E_UNSUPPORTED, "line 3: the byte 0xfc is not UTF-8" },
#undef TEXT
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cn_ctx   *c = cn_open();
        cn_table *t = cn_read_csv(c, file_of("bad.csv", bad[i].text, bad[i].n));
        CHECK_FAILS(t, bad[i].status, bad[i].part);
        CHECK_INT(cn_table_rows(t), 0);
        CHECK(!cn_table_name(t, 0));
        CHECK_FAILS(cn_columns(t, "a"), bad[i].status, bad[i].part);
        if (check_bad) printf("row %s\n", bad[i].id);
        CHECK_INT(cn_close(c), 1);
    }
}

static char *repeated(const char *before, char what, size_t n, const char *after)
{
    char *text = malloc(strlen(before) + n + strlen(after) + 1);
    if (!text) exit(1);
    strcpy(text, before);
    memset(text + strlen(before), what, n);
    strcpy(text + strlen(before) + n, after);
    return text;
}

TEST(limits)                                             /* C04, C05 */
{
    cn_ctx *c = cn_open();
    char   *text = repeated("a\n", 'x', 70000, "\n");
    CHECK_FAILS(table_of(c, text), CN_E_LIMIT, "line 2: a cell of more than 65536 bytes");
    free(text);
    text = repeated("a\n\"", 'x', 70000, "\"\n");
    CHECK_FAILS(table_of(c, text), CN_E_LIMIT, "line 2: the quote opened here is not closed");
    free(text);
    text = repeated("", ',', 65536, "\n");
    CHECK_FAILS(table_of(c, text), CN_E_LIMIT, "more than 65536 columns");
    free(text);
    text = repeated("a\n", ',', (17u << 20), "\n");      /* longer than a line may be, without an end in sight */
    CHECK_FAILS(table_of(c, text), CN_E_LIMIT, "line 2: more than 16777216 bytes");
    free(text);
    CHECK_INT(cn_close(c), 1);
    c = cn_open();
    text = repeated("", ',', 65535, "\n");
    cn_table *t = cn_read_csv(c, file_of_text("wide.csv", text), .header = CN_NO);
    CHECK_INT(cn_table_rows(t), 1);
    CHECK_INT(cn_table_missing(t, 65535), 1);
    free(text);
    CHECK_INT(cn_close(c), 0);
}

TEST(columns)
{
    cn_ctx   *c = cn_open();
    cn_table *t = table_of(c, "a,b,c,d\n1,2,x,3\n4,5,y,6\n");
    cn_array *all = cn_columns(t, "*", .except = { "c" }), *two = cn_columns(t, "d", "a", .dtype = CN_INT32);
    CHECK_INT(cn_size_of(all, 1), 3);
    CHECK_NEAR(cn_at(all, 1, 2), 6, 0);
    CHECK_INT(cn_int32(two)[2], 6);
    CHECK_INT(cn_int32(two)[3], 4);
    CHECK_INT(cn_close(c), 0);
    c = cn_open();
    t = table_of(c, "horsepower,b\n1,2\n3,\"3,5\"\n?,1e300\n");
    CHECK_FAILS(cn_columns(t, "horsepwer"), CN_E_NAME, "no column \"horsepwer\". Did you mean \"horsepower\"?");
    CHECK_FAILS(cn_columns(t, "*"), CN_E_DTYPE, "\"b\" holds text");        /* C06, C09: a decimal comma is no number */
    CHECK_FAILS(cn_columns(t, "*"), CN_E_DTYPE, "line 3: \"3,5\"");
    CHECK_FAILS(cn_columns(t, "b", .dtype = CN_FLOAT64), CN_E_DTYPE, "holds text");
    CHECK_FAILS(cn_columns(t, "horsepower", .dtype = CN_INT32), CN_E_VALUE,
                "line 4, column \"horsepower\": a missing value");
    CHECK_FAILS(cn_columns(t, "horsepower", .dtype = CN_STRING), CN_E_DTYPE, "strings are had from one column of text");
    CHECK_FAILS(cn_columns(t, "*", .except = { "0", "b" }), CN_E_VALUE, "leaves no column");
    CHECK_FAILS(cn_columns(t, "b", .except = { "b" }), CN_E_VALUE, "goes with \"*\"");
    t = table_of(c, "a\n1e300\n");
    CHECK_FAILS(cn_columns(t, "a"), CN_E_VALUE, "line 2, column \"a\": 1e+300 does not fit float32");
    CHECK_NEAR(cn_at(cn_columns(t, "a", .dtype = CN_FLOAT64), 0, 0), 1e300, 0);
    CHECK_INT(cn_close(c), 1);
}

TEST(classes)
{
    cn_ctx   *c = cn_open();
    cn_table *t = table_of(c, "kind,n\nwhite,10\nblack,9\nwhite,-1.5\ngrey,10\n");
    cn_array *kind = cn_classes(t, "kind"), *n = cn_classes(t, "n"), *names = cn_class_names(t, "kind");
    const int32_t kinds[] = { 2, 0, 2, 1 }, ns[] = { 2, 1, 0, 2 };
    CHECK_INT(cn_rank_of(kind), 1);
    for (int i = 0; i < 4; i++) {
        CHECK_INT(cn_int32(kind)[i], kinds[i]);
        CHECK_INT(cn_int32(n)[i], ns[i]);                /* numbers by size, not by letters */
    }
    CHECK_INT(cn_size_of(names, 0), 3);
    CHECK(!strcmp(cn_string(names, 0), "black") && !strcmp(cn_string(names, 2), "white"));
    names = cn_class_names(t, "n");
    CHECK(!strcmp(cn_string(names, 0), "-1.5") && !strcmp(cn_string(names, 2), "10"));
    cn_table *test = table_of(c, "kind,n\ngrey,1\nwhite,2\n");
    cn_array *as = cn_classes_as(test, "kind", cn_class_names(t, "kind"));
    CHECK_INT(cn_int32(as)[0], 1);
    CHECK_INT(cn_int32(as)[1], 2);
    CHECK_INT(cn_close(c), 0);

    c = cn_open();
    t = table_of(c, "kind\nred\n?\n?\nblue\n");
    CHECK_FAILS(cn_classes(t, "kind"), CN_E_VALUE, "line 3: \"kind\" is not known (and 1 more)");
    CHECK_FAILS(cn_classes(t, "knd"), CN_E_NAME, "Did you mean \"kind\"");
    t = table_of(c, "kind\nred\ngreen\n");               /* C12 */
    cn_array *known = cn_array_from(c, {2}, CN_STRINGS("blue", "red"));
    CHECK_FAILS(cn_classes_as(t, "kind", known), CN_E_VALUE, "line 3: \"green\" is none of the 2 classes of \"kind\"");
    CHECK_FAILS(cn_classes_as(t, "kind", cn_array_from(c, {1}, NULL)), CN_E_DTYPE, "strings");
    CHECK_INT(cn_close(c), 1);
}

TEST(many_classes)
{
    cn_ctx *c = cn_open();
    char   *text = malloc(200000), *at = text;
    if (!text) exit(1);
    at += sprintf(at, "n\n");
    for (int i = 0; i < 5000; i++) at += sprintf(at, "k%05d\n", (i * 7919) % 5000);
    cn_array *codes = cn_classes(table_of(c, text), "n");
    int wrong = 0;
    for (int i = 0; i < 5000; i++) wrong += cn_int32(codes)[i] != (i * 7919) % 5000;
    CHECK_INT(wrong, 0);
    free(text);
    CHECK_INT(cn_close(c), 0);
}

TEST(no_locale)                                 /* C09: the same under a locale with a decimal comma, if there is one */
{
    bool comma = setlocale(LC_ALL, "de_DE.UTF-8") || setlocale(LC_ALL, "fr_FR.UTF-8");
    cn_ctx   *c = cn_open();
    cn_table *t = table_of(c, "a,b\n1.5,0.1234567890123456789\n-2.5e-3,\"1,5\"\n");
    CHECK_NEAR(cn_at(cn_columns(t, "a"), 0, 0), 1.5, 0);
    CHECK_NEAR(cn_at(cn_columns(t, "a", .dtype = CN_FLOAT64), 1, 0), -2.5e-3, 0);
    CHECK_INT(cn_table_dtype(t, 1), CN_STRING);
    CHECK(!strcmp(cn_string(cn_class_names(t, "a"), 1), "1.5"));
    CHECK_INT(cn_close(c), 0);
    setlocale(LC_ALL, "C");
    if (!comma) SKIP("no locale with a decimal comma is installed");
}

/* Every truncation and single-byte change: an error or a table, never a crash (the sanitizers watch). */
TEST(damaged_files)
{
    static const char good[] = "a,\"b\",c\r\n1,\"x \"\"y\"\" z\",?\n-2.5e-3,\"two\nlines\",7\n";
    int wrong = 0;
    for (size_t n = 0; n < sizeof good; n++)
        for (int change = 0; change < 4; change++) {
            char text[sizeof good];
            memcpy(text, good, sizeof good);
            if (n < sizeof good - 1 && change) text[n] = (char)"\",\n\0"[change];
            cn_ctx   *c = cn_open();
            cn_table *t = cn_read_csv(c, file_of("damaged.csv", text, change ? sizeof good - 1 : n));
            wrong += cn_error(t) ? cn_table_rows(t) != 0 || !*cn_error_message(t) : cn_table_rows(t) < 1;
            wrong += (cn_error(t) != CN_OK) != (cn_close(c) != 0);
        }
    CHECK_INT(wrong, 0);
}

CHECK_MAIN
