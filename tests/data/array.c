/* Arrays: making, looking, converting, slicing, and what is refused. Element types. */
#include "files.h"
#include "base/dtype.h"

TEST(from_numbers)
{
    cn_ctx   *c = cn_open();
    cn_array *a = cn_array_from(c, {4, 2}, CN_NUMBERS(0,0, 0,1, 1,0, 1,1.5));
    CHECK_INT(cn_rank_of(a), 2);
    CHECK_INT(cn_size_of(a, 0), 4);
    CHECK_INT(cn_size_of(a, -1), 2);
    CHECK_INT(cn_size_of(a, 2), 0);
    CHECK_INT(cn_dtype_of(a), CN_FLOAT32);
    CHECK_NEAR(cn_at(a, 3, 1), 1.5, 0);
    CHECK_NEAR(cn_at(a, 2), 1, 0);                       /* indices left out are 0 */
    CHECK(isnan(cn_at(a, 4, 0)) && isnan(cn_at(a, 0, -1)) && isnan(cn_at(a, 0, 0, 1)));
    CHECK_INT(cn_argmax(a, 1), 1);
    CHECK_INT(cn_argmax(a, 2), 0);
    CHECK_INT(cn_argmax(a, 4), -1);
    CHECK(cn_float32(a) == cn_data(a) && cn_mutable(a) == cn_data(a));
    CHECK(!cn_int32(a));
    CHECK_INT(cn_values_of(a)->count, 8);
    CHECK_INT(cn_close(c), 0);
}

TEST(shapes)
{
    cn_ctx *c = cn_open();
    float   six[6] = { 1, 2, 3, 4, 5, 6 };
    CHECK_INT(cn_size_of(cn_array_from(c, {CN_ANY, 3}, CN_BUFFER(six, 6)), 0), 2);
    CHECK_INT(cn_size_of(cn_array_from(c, {2, CN_ANY}, CN_BUFFER(six, 6)), 1), 3);
    cn_array *scalar = cn_array_from(c, {0}, CN_NUMBERS(7));
    CHECK_INT(cn_rank_of(scalar), 0);
    CHECK_NEAR(cn_at(scalar, 0), 7, 0);
    cn_array *empty = cn_array_from(c, {CN_AXIS0, 5}, NULL);
    CHECK_INT(cn_error(empty), CN_OK);
    CHECK_INT(cn_size_of(empty, 0), 0);
    CHECK_INT(cn_values_of(empty)->count, 0);
    cn_array *zeros = cn_array_from(c, {2, 2}, NULL, .dtype = CN_INT64);
    CHECK_INT(cn_dtype_of(zeros), CN_INT64);
    CHECK_NEAR(cn_at(zeros, 1, 1), 0, 0);
    CHECK_INT(cn_close(c), 0);

    c = cn_open();
    CHECK_FAILS(cn_array_from(c, { 4, 2 }, CN_NUMBERS(1, 2, 3)), CN_E_SHAPE,
                "the shape (4, 2) holds 8 values, but 3 are given");
    CHECK_FAILS(cn_array_from(c, { CN_ANY, 4 }, CN_BUFFER(six, 6)), CN_E_SHAPE,
                "6 values do not fill the shape (None, 4)");
    CHECK_FAILS(cn_array_from(c, {CN_ANY, CN_ANY}, CN_BUFFER(six, 6)), CN_E_SHAPE, "two sizes CN_ANY");
    CHECK_FAILS(cn_array_from(c, {-7}, CN_BUFFER(six, 6)), CN_E_SHAPE, "negative size");
    CHECK_FAILS(cn_array_from(c, {CN_ANY}, NULL), CN_E_SHAPE, "without CN_ANY");
    CHECK_FAILS(cn_array_from(c, {INT64_MAX, INT64_MAX}, NULL), CN_E_LIMIT, "address space");
    CHECK_FAILS(cn_array_from(c, {1 << 30, 1 << 30}, NULL), CN_E_NOMEM, "no memory");
    CHECK_STR(cn_error_message(c), "array.c:");          /* the first error, with its call site */
    CHECK_INT(cn_close(c), 1);
}

TEST(types_and_borrowing)
{
    cn_ctx  *c = cn_open();
    int32_t  codes[3] = { 0, 2, 1 };
    double   two[2] = { 1.5, 2.5 };
    CHECK_INT(cn_dtype_of(cn_array_from(c, {3}, CN_BUFFER(codes, 3))), CN_INT32);
    CHECK_INT(cn_dtype_of(cn_array_from(c, {2}, CN_BUFFER(two, 2))), CN_FLOAT32);
    CHECK_INT(cn_dtype_of(cn_array_from(c, {2}, CN_BUFFER(two, 2), .borrow = CN_YES)), CN_FLOAT64);
    CHECK_INT(cn_int32(cn_array_from(c, {3}, CN_NUMBERS(0, 2, 1), .dtype = CN_INT32))[1], 2);
    cn_array *mine = cn_array_from(c, {3}, CN_BUFFER(codes, 3), .borrow = CN_YES);
    codes[1] = 9;
    CHECK_NEAR(cn_at(mine, 1), 9, 0);
    CHECK(cn_data(mine) == codes && !cn_mutable(mine));
    CHECK_INT(cn_close(c), 0);

    c = cn_open();
    CHECK_FAILS(cn_array_from(c, { 3 }, CN_BUFFER(codes, 3), .borrow = CN_YES, .dtype = CN_FLOAT32), CN_E_DTYPE,
                "Leave out .borrow");
    CHECK_FAILS(cn_array_from(c, { 2 }, CN_NUMBERS(1, 300), .dtype = CN_UINT8), CN_E_VALUE,
                "value 1 is 300, which is no uint8");
    CHECK_FAILS(cn_array_from(c, {1}, CN_NUMBERS(0.5), .dtype = CN_INT32), CN_E_VALUE, "whole numbers");
    CHECK_FAILS(cn_array_from(c, {1}, CN_NUMBERS(1), .dtype = CN_STRING), CN_E_DTYPE, "cannot become string");
    CHECK_FAILS(cn_array_from(c, {1}, CN_NUMBERS(1), .dtype = (cn_dtype)77), CN_E_DTYPE, "no dtype 77");
    cn_array *bad = cn_array_from(c, {3}, CN_NUMBERS(1));
    CHECK_FAILS(cn_slice(bad, 0, 0, 1), CN_E_SHAPE, "3 values, but 1");      /* errors stick and are passed on */
    CHECK(!cn_data(bad) && isnan(cn_at(bad, 0)) && cn_rank_of(bad) == 0);
    CHECK_INT(cn_close(c), 1);
    CHECK(!cn_array_from(NULL, {1}, NULL) && !cn_slice(NULL, 0, 0, 0) && !cn_data(NULL));
}

TEST(strings)
{
    cn_ctx   *c = cn_open();
    char      text[] = "so good";
    const char *list[] = { text, NULL };
    cn_array *a = cn_array_from(c, {2}, (&(cn_values){ CN_STRING, 2, list }));
    text[0] = 'n';
    CHECK(!strcmp(cn_string(a, 0), "so good"));          /* copied */
    CHECK(!strcmp(cn_string(a, 1), "") && !strcmp(cn_string(a, 2), ""));
    CHECK(isnan(cn_at(a, 0)) && !cn_mutable(a));
    cn_array *b = cn_slice(a, 0, 0, 1);
    cn_free(a);
    CHECK(!strcmp(cn_string(b, 0), "so good"));          /* the slice keeps what it was cut from */
    CHECK_FAILS(cn_cast(b, CN_FLOAT32), CN_E_DTYPE, "not strings");
    CHECK_INT(cn_close(c), 1);
}

TEST(slices)
{
    cn_ctx   *c = cn_open();
    cn_array *a = cn_array_from(c, {2, 3, 2}, CN_NUMBERS(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11));
    cn_array *rows = cn_slice(a, 0, 1, CN_ANY), *middle = cn_slice(a, 1, 1, 2), *last = cn_slice(a, -1, 1, 1);
    CHECK_INT(cn_size_of(rows, 0), 1);
    CHECK_NEAR(cn_at(rows, 0, 2, 1), 11, 0);
    CHECK(cn_data(rows) == cn_float32(a) + 6);           /* no copy along the first axis */
    CHECK_INT(cn_size_of(middle, 1), 2);
    CHECK_NEAR(cn_at(middle, 0, 0, 0), 2, 0);
    CHECK_NEAR(cn_at(middle, 1, 1, 1), 11, 0);
    CHECK_NEAR(cn_at(last, 1, 0, 0), 7, 0);
    CHECK_INT(cn_size_of(cn_slice(a, 1, 3, CN_ANY), 1), 0);
    CHECK_INT(cn_close(c), 0);
    c = cn_open();
    a = cn_array_from(c, {4}, NULL);
    CHECK_FAILS(cn_slice(a, 1, 0, 1), CN_E_VALUE, "there is no axis 1");
    CHECK_FAILS(cn_slice(a, 0, 2, 3), CN_E_VALUE, "3 from 2 on is outside axis 0, which has 4");
    CHECK_FAILS(cn_slice(a, 0, -1, 1), CN_E_VALUE, "outside");
    CHECK_FAILS(cn_slice(a, 0, 5, CN_ANY), CN_E_VALUE, "outside");
    CHECK_INT(cn_close(c), 1);
}

TEST(casts_and_one_hot)
{
    cn_ctx   *c = cn_open();
    cn_array *a = cn_array_from(c, {5}, CN_NUMBERS(-1.9, 2.9, 300, -1e30, NAN));
    cn_array *u = cn_cast(a, CN_UINT8), *i = cn_cast(a, CN_INT64), *b = cn_cast(a, CN_BOOL);
    const double as_u8[] = { 0, 2, 255, 0, 0 }, as_i64[] = { -1, 2, 300, -0x1p63, 0 }, as_bool[] = { 1, 1, 1, 1, 1 };
    for (int k = 0; k < 5; k++) {
        CHECK_NEAR(cn_at(u, k), as_u8[k], 0);
        CHECK_NEAR(cn_at(i, k), as_i64[k], 0);
        CHECK_NEAR(cn_at(b, k), as_bool[k], 0);
    }
    cn_array *h = cn_one_hot(cn_array_from(c, {3, 1}, CN_NUMBERS(2, 0, 1)), 3);
    CHECK_INT(cn_rank_of(h), 2);
    for (int r = 0; r < 3; r++) CHECK_INT(cn_argmax(h, r), (r + 2) % 3);
    CHECK_NEAR(cn_at(h, 0, 0) + cn_at(h, 0, 1), 0, 0);
    CHECK_INT(cn_close(c), 0);
    c = cn_open();
    CHECK_FAILS(cn_one_hot(cn_array_from(c, { 2 }, CN_NUMBERS(1, 3)), 3), CN_E_VALUE,
                "number 1 is 3; classes are 0 to 2");
    CHECK_FAILS(cn_one_hot(cn_array_from(c, {2}, NULL), 0), CN_E_VALUE, "1 class or more");
    CHECK_INT(cn_close(c), 1);
}

/* Every half: to float and back is the identity, and the rounding agrees with the definition through double. */
TEST(halves)
{
    int bad = 0;
    for (uint32_t h = 0; h < 0x10000; h++) {
        float f = cn__f16_to_f32((uint16_t)h);
        if (isnan(f)) {
            bad += !isnan(cn__f16_to_f32(cn__f32_to_f16(f))) || !isnan(cn__f16_to_f32(cn__f64_to_f16((double)f)));
            continue;
        }
        bad += cn__f32_to_f16(f) != h || cn__f64_to_f16((double)f) != h;
        bad += cn__f32_to_bf16(cn__bf16_to_f32((uint16_t)h)) != h && !isnan(cn__bf16_to_f32((uint16_t)h));
        uint16_t up = (uint16_t)(h + 1);                 /* the neighbour away from zero */
        if ((h & 0x7fffu) >= 0x7bffu) continue;
        float g = cn__f16_to_f32(up), half = f + (g - f) / 2;
        uint16_t even = h & 1 ? up : (uint16_t)h;
        bad += cn__f32_to_f16(half) != even || cn__f64_to_f16((double)half) != even;
        bad += cn__f32_to_f16(nextafterf(half, g)) != up || cn__f32_to_f16(nextafterf(half, f)) != h;
        bad += cn__f64_to_f16(nextafter((double)half, (double)g)) != up;     /* a float would round this to the tie */
    }
    CHECK_INT(bad, 0);
    CHECK_INT(cn__f32_to_f16(65519.0f), 0x7bff);
    CHECK_INT(cn__f32_to_f16(65520.0f), 0x7c00);
    CHECK_INT(cn__f32_to_f16(-1e-30f), 0x8000);
    CHECK_INT(cn__f32_to_bf16(1.00390625f), 0x3f80);     /* a tie, to even */
    CHECK_INT(cn__f32_to_bf16(1.01171875f), 0x3f82);
    CHECK_INT(cn__f64_to_bf16(1.00390625 + 0x1p-40), 0x3f81);
    CHECK_INT(cn__f64_to_bf16(3.4e38), 0x7f80);
    CHECK_INT(cn__f64_to_bf16(-1e300), 0xff80);
}

TEST(conversions_between_all_types)
{
    double in[300], back[300];
    unsigned char mid[300 * 8];
    for (int i = 0; i < 300; i++) in[i] = i % 2;
    for (int d = 1; d < CN_STRING; d++)
        for (int e = 1; e < CN_STRING; e++) {
            unsigned char other[300 * 8];
            int wrong = 0;
            cn__convert((cn_dtype)d, mid, CN_FLOAT64, in, 300);
            cn__convert((cn_dtype)e, other, (cn_dtype)d, mid, 300);
            cn__convert(CN_FLOAT64, back, (cn_dtype)e, other, 300);
            for (int i = 0; i < 300; i++)
                wrong += back[i] != in[i] || cn__load_int((cn_dtype)e, other, (size_t)i) != i % 2;
            CHECK_INT(wrong, 0);
        }
    int64_t big = INT64_MAX - 1, got;
    cn__store_int(CN_INT64, &got, 0, big);
    CHECK(got == big && cn__load_int(CN_INT64, &got, 0) == big);
    CHECK_INT(cn__dtype_named("bfloat16"), CN_BFLOAT16);
    CHECK_INT(cn__dtype_named("float128"), 0);
    CHECK_STR(cn__dtype_name(CN_STRING), "string");
}

CHECK_MAIN
