/* JSON: what is accepted, what is refused and how it is said, what is printed. */
#include "check.h"
#include "cornu.h"
#include "formats/json.h"
#include "fail/alloc.h"

static cn_ctx *c;
static cn__arena mem;

static void begin(void) { c = cn_open(.threads = 1), mem = (cn__arena){ .ctx = c }; }
static void end(void) { cn__arena_free(&mem), cn_close(c); }

static cn__json *parse(const char *text) { return cn__json_parse(&mem, NULL, "m.json", text, strlen(text)); }

static const char *print(const cn__json *j, int indent)
{
    cn__text t = { .ctx = c };
    cn__json_print(&t, j, indent);
    const char *copy = cn__arena_text(&mem, cn__text_get(&t));
    cn__text_free(&t);
    return copy;
}

static void becomes(const char *text, const char *wanted)
{
    const cn__json *j = parse(text);
    if (!j) CHECK_FAIL("%s: %s", text, cn_error_message(c));
    else if (strcmp(print(j, 0), wanted)) CHECK_FAIL("%s became %s, not %s", text, print(j, 0), wanted);
    cn_clear_error(c);
}

static void refused(const char *text, size_t n, cn_status status, const char *part)
{
    if (cn__json_parse(&mem, NULL, "m.json", text, n)) CHECK_FAIL("accepted: %.60s", text);
    CHECK_INT(cn_error(c), status);
    CHECK_STR(cn_error_message(c), "m.json: line ");
    CHECK_STR(cn_error_message(c), part);
    cn_clear_error(c);
}

/* ---- Printing: what Python's json.dumps(json.loads(text)) gives -------------------------------------------------- */
TEST(as_python_prints)
{
    static const char *const same[] = {
        "{}", "[]", "null", "true", "false", "0", "-5", "9223372036854775807", "-9223372036854775808", "\"\"",
        "[1, 2, [3, {\"a\": null}], {}]", "{\"b\": 1, \"a\": {\"c\": []}}",
        "0.0", "-0.0", "1.0", "0.1", "-2.5", "100.0", "123456789012345.0", "1234567890123456.0", "1e+16", "1.5e+16",
        "1e+22", "0.0001", "0.00012", "1e-05", "1.2e-05", "1e-07", "5e-324", "2.2250738585072014e-308",
        "1.7976931348623157e+308",
        "0.30000001192092896", "0.009999999776482582", "3.141592653589793", "1e+100", "1e-100",
        "NaN", "Infinity", "-Infinity", "[NaN, {\"x\": -Infinity, \"NaN\": [Infinity]}, \"NaN\"]",
        "\"\\\"\\\\\\n\\r\\t\\f\\b\\u0001\\u007f/\"", "\"\\u00e9\\u20ac\\ud83d\\ude00\\uffff\"",
    };
    begin();
    for (size_t i = 0; i < CN__COUNT(same); i++)
        becomes(same[i], same[i]);
    becomes("9007199254740993.0", "9007199254740992.0"), becomes("1e2", "100.0");
    end();
}

TEST(input_forms)
{
    begin();
    becomes(" \t\r\n[ 1 ,2 ]\n", "[1, 2]");
    becomes("{\"\\u00e9\":\"\xc3\xa9\"}", "{\"\\u00e9\": \"\\u00e9\"}");
    becomes("\"\\/\\uD83D\\uDE00\"", "\"/\\ud83d\\ude00\"");
    becomes("[1E+2, 1e-2, 1.0e0, -0, -0.0, 0e1]", "[100.0, 0.01, 1.0, 0, -0.0, 0.0]");
    becomes("1e-400", "0.0");
    becomes("{\"a\":NaN,\"b\":[-Infinity ,NaN]}", "{\"a\": NaN, \"b\": [-Infinity, NaN]}");
    becomes("\"a NaN \\\" NaN, -Infinity\"", "\"a NaN \\\" NaN, -Infinity\"");
    becomes("[\"\\\\\",NaN]", "[\"\\\\\", NaN]");
    becomes("[0, NaN, 0, Infinity]", "[0, NaN, 0, Infinity]");
    end();
}

TEST(indented)
{
    begin();
    CHECK(!strcmp(print(parse("{\"a\":[1,{\"b\":[]}],\"c\":{}}"), 2),
                  "{\n  \"a\": [\n    1,\n    {\n      \"b\": []\n    }\n  ],\n  \"c\": {}\n}"));
    end();
}

TEST(no_more_than_the_beginning)
{
    begin();
    char *text = malloc(1 << 20);
    memset(text, 'a', 1 << 20);
    cn__json *j = cn__json_new(&mem, CN__JSON_ARRAY);
    for (int i = 0; i < 1000; i++) cn__json_push(j, cn__json_int(&mem, i));
    cn__json *string = cn__json_string(&mem, (text[(1 << 20) - 1] = 0, text));
    cn__text t = { .ctx = c };
    cn__json_print_begin(&t, j, 20);
    CHECK(!strncmp(cn__text_get(&t), "[0, 1, 2, 3, 4, 5, 6", 20) && t.n < 30);
    cn__text_clear(&t), cn__json_print_begin(&t, string, 20);
    CHECK(!strncmp(cn__text_get(&t), "\"aaaaaaaaaaaaaaaaaaa", 20) && t.n < 30);
    cn__text_free(&t);
    free(text);
    end();
}

/* ---- What is refused --------------------------------------------------------------------------------------------- */
TEST(not_json)
{
    static const char *const bad[] = {
        "", " ", "[", "]", "{", "}", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "[1,,2]", "{\"a\"}", "{\"a\":}",
        "{\"a\":1,}", "{a:1}", "{1:1}", "{\"a\":1 \"b\":2}", "{'a':1}", "[1}", "{\"a\":1]", "nul", "nulll", "True",
        "None", "undefined", "+1", "01", "-01", "-", "1.", ".5", "1.e1", "1e", "1e+", "0x10", "1_000", "--1", "1 2",
        "[1]x", "[1][2]",
        "\"", "\"a", "\"\\", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"a\nb\"", "\"\t\"", "\"\\uD800\"",
        "\"\\uDC00\"", "\"\\uD800\\u0041\"", "/* c */ 1", "1 // c", "[1] # c", "\xef\xbb\xbf[]",
        "\"\xff\"", "\"\xc0\xaf\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xe2\x82\"", "\xe9",
        "NaN1", "1NaN", "-NaN", "+NaN", "nan", "inf", "Inf", "--Infinity", "Infinity-", "{NaN: 1}", "[NaN NaN]",
        "NaN\"a\"", "[NaN", "NaNNaN", "{\"a\" NaN}", "- Infinity",
    };
    begin();
    for (size_t i = 0; i < CN__COUNT(bad); i++) refused(bad[i], strlen(bad[i]), CN_E_FORMAT, "offset");
    refused("[1,\0]", 5, CN_E_FORMAT, "offset"), refused("\0", 1, CN_E_FORMAT, "offset");
    refused("\"a\0b\"", 5, CN_E_FORMAT, "offset"), refused("[NaN\0]", 6, CN_E_FORMAT, "offset");
    end();
}

TEST(json_that_two_readers_could_take_differently)
{
    begin();
    refused("{\"a\":1,\n \"b\":2, \"a\":3}", 23, CN_E_FORMAT, "line 2, column 11 (offset 19): a key stands here");
    refused("\"a\\u0000b\"", 10, CN_E_FORMAT, "a string holds a character NUL");
    refused("{\"a\\u0000b\":1}", 14, CN_E_FORMAT, "a string holds a character NUL");
    refused("[9223372036854775808]", 21, CN_E_FORMAT, "number is too large");
    refused("[-9223372036854775809]", 22, CN_E_FORMAT, "number is too large");
    refused("[1e400]", 7, CN_E_FORMAT, "number is too large");
    end();
}

static char *repeated(const char *text, size_t times, const char *last)
{
    size_t n = strlen(text);
    char *all = malloc(n * times + strlen(last) + 1);
    for (size_t i = 0; i < times; i++) memcpy(all + i * n, text, n);
    strcpy(all + n * times, last);
    return all;
}

TEST(limits)
{
    begin();
    char *deep = repeated("[", 256, ""), *ends = repeated("]", 256, "");
    char *whole = malloc(513);
    snprintf(whole, 513, "%s%s", deep, ends);
    CHECK(parse(whole) != NULL);
    free(deep), free(ends), free(whole);
    char *text = repeated("[", 257, "");
    refused(text, strlen(text), CN_E_LIMIT, "more than 256 deep"), free(text);
    text = repeated("[", 100000, "");
    refused(text, strlen(text), CN_E_LIMIT, "offset 256"), free(text);
    text = repeated("[{\"\":", 50000, "");
    refused(text, strlen(text), CN_E_LIMIT, "256 deep"), free(text);
    text = repeated("{\"a\":", 100000, "");
    refused(text, strlen(text), CN_E_LIMIT, "256 deep"), free(text);
    text = repeated("0,", 1999999, "0]"), text[0] = '[';         /* [,0,0 ...: one value too few, but then not JSON */
    refused(text, strlen(text), CN_E_FORMAT, "not JSON"), free(text);
    text = repeated("0,", 2000001, "0");
    refused(text, strlen(text), CN_E_LIMIT, "more than 2000000 values"), free(text);
    text = repeated(" ", ((size_t)64 << 20) - 1, "1");
    CHECK(parse(text) != NULL);
    free(text);
    text = repeated(" ", (size_t)64 << 20, "1");
    refused(text, strlen(text), CN_E_LIMIT, "longer than 64 MiB"), free(text);
    end();
}

TEST(keys_do_not_count_as_values)
{
    begin();
    cn__text t = { .ctx = c };
    for (int i = 0; i < 1500000; i++) cn__text_add(&t, "%s\"%x\":0", i ? "," : "{", i);
    cn__text_add(&t, "}");
    CHECK(cn__json_parse(&mem, NULL, "m", t.at, t.n) != NULL);
    cn__text_free(&t);
    end();
}

TEST(places_are_right_behind_special_words)
{
    begin();
    refused("[NaN, Infinity,\n x]", 18, CN_E_FORMAT, "line 2");
    end();
}

/* ---- The tree ---------------------------------------------------------------------------------------------------- */
TEST(looking)
{
    begin();
    const cn__json *j = parse("{\"a\": [1, 2.5, \"x\"], \"b\": null}"), *a = cn__json_get(j, "a");
    CHECK(a->n == 3 && j->n == 2);
    CHECK_INT(cn__json_at(a, 0)->i, 1);
    CHECK_NEAR(cn__json_at(a, 0)->d, 1, 0);
    CHECK_NEAR(cn__json_at(a, 1)->d, 2.5, 0);
    CHECK(!strcmp(cn__json_text(cn__json_at(a, 2)), "x") && !cn__json_at(a, 3) && !cn__json_at(j, 0));
    CHECK(!cn__json_get(a, "a") && !cn__json_get(NULL, "a") && !cn__json_at(NULL, 0) && !cn__json_text(NULL));
    CHECK(cn__json_is(cn__json_get(j, "b"), CN__JSON_NULL) && !cn__json_some(cn__json_get(j, "b")) && cn__json_some(a));
    end();
}

TEST(building)
{
    begin();
    cn__json *list = cn__json_push(cn__json_push(cn__json_new(&mem, CN__JSON_ARRAY), cn__json_int(&mem, 1)),
                                   cn__json_string(&mem, NULL));
    cn__json *o = cn__json_set(&mem, cn__json_new(&mem, CN__JSON_OBJECT), "l", list);
    o = cn__json_set(&mem, o, "r", cn__json_real(&mem, 2));
    o = cn__json_set(&mem, o, "copy", cn__json_copy(&mem, o));
    o = cn__json_set(&mem, o, "bad \xff", cn__json_string(&mem, "\xe2\x82"));
    CHECK_STR(print(o, 0), "{\"l\": [1, null], \"r\": 2.0, \"copy\": {\"l\": [1, null], \"r\": 2.0}, \"bad \\ufffd\": "
                           "\"\\ufffd\\ufffd\"}");
    CHECK(!cn__json_set(&mem, o, "x", NULL) && !cn__json_push(NULL, list) && !cn__json_copy(&mem, NULL));
    end();
}

TEST(without_memory)
{
    static const char text[] = "{\"a\": [1, 2.5, NaN, \"some text\", null], \"b\": {\"c\": -Infinity}}";
    for (long n = 1;; n++) {
        fail_alloc a = { .at = n };
        c = cn_open(.allocator = FAIL_ALLOCATOR(&a), .threads = 1);
        mem = (cn__arena){ .ctx = c };
        cn__text t = { .ctx = c };
        const cn__json *j = c ? parse(text) : NULL;
        cn__json_print(&t, j, 2);
        if (a.failed) CHECK(!c || t.nomem || cn_error(c) == CN_E_NOMEM || j);
        else CHECK(j && !t.nomem);
        cn__text_free(&t);
        end();
        CHECK_INT(a.blocks, 0);
        if (!a.failed) break;
    }
}

CHECK_MAIN
