/* Arenas, lists, strings, numbers in text, UTF-8, likeness, checked sizes. */
#include "base/base.h"
#include "check.h"
#include <locale.h>

static cn_ctx *c;

TEST(arena)
{
    c = cn_open();
    cn__arena a = { .ctx = c };
    int64_t before = cn_memory(c, false);
    unsigned char *p[2000];
    for (size_t i = 0; i < 2000; i++) {
        size_t n = i * 7 % 900;
        p[i] = cn__arena_alloc(&a, n);
        CHECK((uintptr_t)p[i] % 16 == 0);
        for (size_t k = 0; k < n; k++) CHECK(p[i][k] == 0);
        memset(p[i], (int)(i & 255), n);
    }
    for (size_t i = 0; i < 2000; i++)
        for (size_t k = 0; k < i * 7 % 900; k++) CHECK(p[i][k] == (i & 255));
    memset(cn__arena_alloc(&a, 5000000), 1, 5000000);
    CHECK(!cn__arena_alloc(&a, SIZE_MAX - 3));
    CHECK_STR(cn__arena_printf(&a, "%s/%d", "dense", 12), "dense/12");
    CHECK_STR(cn__arena_text(&a, "copy"), "copy");
    CHECK(!cn__arena_text(&a, NULL));
    cn__arena_free(&a);
    CHECK_INT(cn_memory(c, false), before);
    CHECK(cn__arena_alloc(&a, 1));                       /* and it may be used again */
    cn__arena_free(&a);
    CHECK_INT(cn_close(c), 0);
}

TEST(list)
{
    c = cn_open();
    struct { CN__VEC(int) v; } s = { { NULL, 0, 0 } };
    for (int i = 0; i < 1000; i++) CHECK(cn__push(c, &s.v, i * i));
    for (int i = 0; i < 1000; i++) CHECK_INT(s.v.at[i], i * i);
    CHECK_INT(s.v.n, 1000);
    cn__vec_free(c, &s.v);
    CHECK(!s.v.at && !s.v.n && !s.v.cap);
    CHECK_INT(cn_close(c), 0);
}

TEST(string)
{
    c = cn_open();
    cn__text t = { .ctx = c };
    CHECK(!*cn__text_get(&t));
    for (int i = 0; i < 1000; i++) cn__text_add(&t, "%d,", i);
    cn__text_bytes(&t, "end\0!", 5);
    CHECK_INT(t.n, 3895);
    CHECK_STR(cn__text_get(&t), "0,1,2,3,");
    CHECK_STR(cn__text_get(&t), "998,999,end");
    cn__text_clear(&t);
    CHECK(!*cn__text_get(&t));
    cn__text_bytes(&t, NULL, 0);
    cn__text_add(&t, "%s", "");
    CHECK_INT(t.n, 0);
    cn__text_free(&t);
    CHECK_INT(cn_close(c), 0);
    c = cn_open(.memory_limit = 40000);
    t = (cn__text){ .ctx = c };
    cn__text_add(&t, "kept");
    cn__text_add(&t, "%90000d", 1);
    cn__text_add(&t, "swallowed");
    CHECK(t.nomem);
    CHECK(!strcmp(cn__text_get(&t), "kept"));
    cn__text_free(&t);
    CHECK_INT(cn_close(c), 0);
}

static void number(const char *text, bool good, double value)
{
    double v = -77;
    bool is = cn__parse_double(text, &v);
    if (is != good || (good && !(v == value || (isnan(v) && isnan(value)))))
        CHECK_FAIL("\"%s\" is read as %s %.17g", text ? text : "NULL", is ? "number" : "none,", v);
}

TEST(doubles)
{
    const char *locales[] = { "C", "de_DE.UTF-8" };      /* with a decimal comma, where it is installed */
    for (size_t i = 0; i < 2; i++) {
        setlocale(LC_ALL, locales[i]);
        number("1.5", true, 1.5), number("-0", true, -0.0), number("+2e-3", true, 0.002), number(".5", true, 0.5);
        number("7.", true, 7), number("1e999", true, INFINITY), number("nan", true, NAN);
        number("-inf", true, -INFINITY);
        number("0.1", true, 0.1), number("123456789012345678901234567890", true, 123456789012345678901234567890.0);
        number("", false, 0), number(" 1", false, 0), number("1 ", false, 0),
        number("1,5", false, 0), number("0x10", false, 0);
        number("-0x1p3", false, 0), number("1e", false, 0), number("--1", false, 0),
        number(".", false, 0), number("-", false, 0);
        number("infinite", false, 0), number("abc", false, 0), number(NULL, false, 0);
    }
    setlocale(LC_ALL, "C");
}

TEST(integers)
{
    int64_t v = 0;
    CHECK(cn__parse_int("9223372036854775807", &v) && v == INT64_MAX);
    CHECK(cn__parse_int("-9223372036854775808", &v) && v == INT64_MIN);
    CHECK(cn__parse_int("007", &v) && v == 7);
    CHECK(cn__parse_int("+1", &v) && v == 1);
    const char *bad[] = { "9223372036854775808", "", "-", "1.0", " 1", "1 ", "+", "1e3", "x" };
    for (size_t i = 0; i < CN__COUNT(bad); i++) CHECK(!cn__parse_int(bad[i], &v));
    CHECK(!cn__parse_int(NULL, &v));
}

TEST(utf8)
{
    struct { const char *text; size_t valid; } cases[] = {
        { "plain", 5 }, { "\xc3\xa4\xe2\x82\xac\xf0\x9f\x8c\xbd", 9 }, { "a\xff", 1 },
        { "\xc0\x80", 0 }, { "\xe0\x9f\x80", 0 },
        { "ab\xed\xa0\x80", 2 }, { "\xf4\x90\x80\x80", 0 }, { "\xf0\x8f\x80\x80", 0 }, { "x\xe2\x82", 1 },
        { "\x80", 0 }, { "", 0 },
        { "\xf4\x8f\xbf\xbf", 4 }, { "\xc3", 0 }, { "\xc3(", 0 },
    };
    for (size_t i = 0; i < CN__COUNT(cases); i++)
        CHECK_INT(cn__utf8_valid(cases[i].text, strlen(cases[i].text)), cases[i].valid);
    CHECK_INT(cn__utf8_valid("\0\0", 2), 2);
}

TEST(likeness)
{
    CHECK_INT(cn__edit_distance("relu", "relu"), 0);
    CHECK_INT(cn__edit_distance("ReLU", "relu"), 0);
    CHECK_INT(cn__edit_distance("sotfmax", "softmax"), 2);
    CHECK_INT(cn__edit_distance("", "adam"), 4);
    CHECK_INT(cn__edit_distance("adam", "adamw"), 1);
    char x[200], y[200];
    memset(x, 'x', 199), memset(y, 'y', 199), x[199] = y[199] = 0;
    CHECK_INT(cn__edit_distance(x, y), 63);
}

TEST(sizes)
{
    size_t s;
    int64_t i;
    CHECK(cn__mul_size(1u << 20, 1u << 20, &s) && s == (size_t)1 << 40);
    CHECK(!cn__mul_size(SIZE_MAX, 2, &s) && !cn__add_size(SIZE_MAX, 1, &s));
    CHECK(!cn__mul_i64(INT64_MAX, 2, &i) && !cn__add_i64(INT64_MIN, -1, &i));
}

TEST(hashes)
{
    CHECK(cn__hash_bytes("abcdefgh1", 9) != cn__hash_bytes("abcdefgh2", 9));
    CHECK(cn__hash_bytes("ab", 2) != cn__hash_bytes("ab\0", 3));
    CHECK(cn__hash_bytes("abc", 3) == cn__hash_bytes("abc", 3));
}

CHECK_MAIN
