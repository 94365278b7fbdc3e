/* Data sets: of arrays, tables, series and functions; made of others; read as the trainer reads them. */
#include "files.h"
#include "data/data.h"

enum { BATCH = 4 };

/* Reads an epoch in batches of four; the first number of x of each sample goes to out, the first of y to target. How
   many. */
static int64_t read_epoch(cn_dataset *ds, cn_ctx *c, int64_t epoch, const uint32_t *order, int64_t n, float *out,
                          float *target)
{
    const cn__source *s = cn__dataset_source(ds);
    float     x[BATCH * 16], y[BATCH * 4], w[BATCH];
    cn__batch b = { .x = { x }, .y = { y }, .weight = w };
    int64_t   first = 0, got = 1;
    if (cn__dataset_begin(ds, c, epoch, BATCH, order, n)) return -1000;
    for (; got > 0; first += got > 0 ? got : 0) {
        got = cn__dataset_fetch(ds, c, first, BATCH, &b);
        for (int64_t k = 0; k < got; k++) {
            out[first + k] = x[(size_t)k * s->x[0].row / 4];
            if (target && s->ny) target[first + k] = y[(size_t)k * s->y[0].row / 4];
        }
    }
    cn__dataset_stop(ds);
    return got < 0 ? got : first;
}

static cn_dataset *ten(cn_ctx *c)                        /* x (10, 2) = i, -i; y (10, 1) = 10 i */
{
    cn_array *x = cn_array_from(c, {10, 2}, NULL), *y = cn_array_from(c, {10, 1}, NULL);
    for (int i = 0; i < 10; i++) {
        ((float *)cn_mutable(x))[2 * i] = (float)i, ((float *)cn_mutable(x))[2 * i + 1] = (float)-i;
        ((float *)cn_mutable(y))[i] = (float)(10 * i);
    }
    return cn_dataset_from(c, .x = { x }, .y = { y });
}

TEST(of_arrays)
{
    cn_ctx     *c = cn_open();
    cn_dataset *ds = ten(c);
    const cn__source *s = cn__dataset_source(ds);
    CHECK_INT(cn_samples(ds), 10);
    CHECK(s->direct && s->by_index && !s->weighted && !s->order && s->nx == 1 && s->ny == 1);
    CHECK_INT(s->x[0].row, 8);
    CHECK_INT(s->x[0].pitch, 8);
    CHECK_INT(s->x[0].rank, 1);
    CHECK_INT(s->x[0].dim[0], 2);
    CHECK_NEAR(((const float *)(const void *)s->x[0].base)[6], 3, 0);
    float out[10], target[10];
    CHECK_INT(read_epoch(ds, c, 0, NULL, 0, out, target), 10);
    CHECK_NEAR(out[9], 9, 0);
    CHECK_NEAR(target[9], 90, 0);
    const uint32_t order[3] = { 7, 0, 7 };
    CHECK_INT(read_epoch(ds, c, 0, order, 3, out, target), 3);
    CHECK_NEAR(out[0] + out[1] + out[2], 14, 0);
    CHECK_NEAR(target[2], 70, 0);
    cn_array *x = cn_inputs(ds, 0);
    CHECK_NEAR(cn_at(x, 4, 1), -4, 0);
    CHECK_NEAR(cn_at(cn_targets(ds, 0), 4, 0), 40, 0);
    CHECK(!cn_class_name(ds, 0));
    CHECK_INT(cn_close(c), 0);

    c = cn_open();
    cn_array *three = cn_array_from(c, {3, 1}, NULL), *two = cn_array_from(c, {2}, NULL);
    CHECK_FAILS(cn_dataset_from(c, .x = { three }, .y = { two }), CN_E_SHAPE,
                "target 0 has 2 samples, but the first input has 3");        /* I07 */
    CHECK_FAILS(cn_dataset_from(c, .y = { two }), CN_E_VALUE, "needs an input");
    CHECK_FAILS(cn_dataset_from(c, .x = { cn_array_from(c, {0}, NULL) }), CN_E_SHAPE, "scalar");
    CHECK_FAILS(cn_dataset_from(c, .x = { three }, .sample_weight = two), CN_E_SHAPE, "sample_weight 0 has 2");
    CHECK_FAILS(cn_dataset_from(c, .x = { cn_array_from_npy(c, "/no.npy") }), CN_E_IO, "/no.npy");
    CHECK_FAILS(cn_inputs(ten(c), 1), CN_E_VALUE, "there is no number 1");
    CHECK_INT(cn_close(c), 1);
    CHECK_INT(cn_samples(NULL), 0);
}

TEST(weights)
{
    cn_ctx     *c = cn_open();
    cn_array   *x = cn_array_from(c, {3, 1}, NULL), *w = cn_array_from(c, {3}, CN_NUMBERS(1, 0, 2), .dtype = CN_INT32);
    cn_dataset *ds = cn_dataset_from(c, .x = { x }, .sample_weight = w);
    const cn__source *s = cn__dataset_source(ds);
    CHECK(s->weighted && s->weight.dtype == CN_FLOAT32 && s->weight.rank == 0);
    CHECK_NEAR(((const float *)(const void *)s->weight.base)[2], 2, 0);
    CHECK_INT(cn_close(c), 0);
}

TEST(of_a_table)
{
    cn_ctx     *c = cn_open();
    cn_table *t = cn_read_csv(c, file_of_text("t.csv", "age,job,w,income\n30,clerk,1,>50K\n40,smith,0.5,<=50K\n50,"
                                                       "clerk,2,>50K\n"));
    cn_dataset *ds = cn_dataset_from_table(t, .target = "income", .sample_weight = "w");
    const cn__source *s = cn__dataset_source(ds);
    CHECK_INT(cn_samples(ds), 3);
    CHECK_INT(s->nx, 2);
    CHECK(!strcmp(s->x[0].name, "age") && s->x[0].dtype == CN_FLOAT32 && s->x[0].rank == 1 && s->x[0].dim[0] == 1);
    CHECK(!strcmp(s->x[1].name, "job") && s->x[1].dtype == CN_STRING);
    CHECK(s->ny == 1 && s->y[0].dtype == CN_INT32 && s->weighted && s->weight.rank == 0);
    CHECK_INT(cn_int32(cn_targets(ds, 0))[0], 1);
    CHECK(!strcmp(cn_class_name(ds, 0), "<=50K") && !strcmp(cn_class_name(ds, 1), ">50K") && !cn_class_name(ds, 2));
    cn_dataset *some = cn_take(ds, 1, 2);
    cn_free(t);
    cn_free(ds);                                         /* what it is made of stays */
    CHECK(!strcmp(cn_string(cn_inputs(some, 1), 0), "smith"));
    CHECK(!strcmp(cn_class_name(some, 1), ">50K"));
    CHECK_INT(cn_close(c), 0);
    c = cn_open();
    t = cn_read_csv(c, file_of_text("t.csv", "a,b\n1,2\n"));
    CHECK_FAILS(cn_dataset_from_table(t, .target = "c"), CN_E_NAME, "no column \"c\"");
    CHECK_INT(cn_close(c), 1);
}

TEST(take_shuffle_split)
{
    cn_ctx     *c = cn_open(.seed = 3);
    float       out[10], target[10];
    cn_dataset *ds = ten(c), *mixed = cn_shuffle(ds, 5), *part = cn_take(mixed, 2, 5),
               *deep = cn_take(cn_shuffle(part, 1), 1, CN_ANY);
    int         seen[10] = { 0 }, moved = 0;
    CHECK_INT(read_epoch(mixed, c, 0, NULL, 0, out, target), 10);
    for (int i = 0; i < 10; i++) {
        seen[(int)out[i]]++, moved += out[i] != (float)i;
        CHECK_NEAR(target[i], 10 * out[i], 0);
    }
    for (int i = 0; i < 10; i++) CHECK_INT(seen[i], 1);
    CHECK(moved > 3);
    float again[10];
    CHECK_INT(read_epoch(cn_shuffle(ten(c), 5), c, 0, NULL, 0, again, NULL), 10);
    CHECK(!memcmp(out, again, sizeof out));
    CHECK_INT(read_epoch(part, c, 0, NULL, 0, again, NULL), 5);
    CHECK(!memcmp(out + 2, again, 5 * sizeof *out));
    const cn__source *s = cn__dataset_source(deep);
    CHECK(s->direct && s->order && s->samples == 4);
    CHECK_INT(read_epoch(deep, c, 0, NULL, 0, again, NULL), 4);
    for (int i = 0; i < 4; i++) {
        bool known = false;
        for (int k = 2; k < 7; k++) known |= again[i] == out[k];
        CHECK(known);
        CHECK_NEAR(cn_at(cn_inputs(deep, 0), i, 0), again[i], 0);
    }
    cn_dataset *left = NULL, *right = NULL;
    CHECK_INT(cn_split_dataset(ds, 0.75, &left, &right, .shuffle = CN_YES), CN_OK);
    CHECK_INT(cn_samples(left), 8);                      /* 7.5 to the even neighbour, as Python rounds */
    CHECK_INT(cn_samples(right), 2);
    CHECK_INT(cn_split_dataset(ds, 3, &left, &right), CN_OK);
    CHECK_INT(cn_samples(left), 3);
    CHECK_INT(read_epoch(right, c, 0, NULL, 0, out, NULL), 7);
    CHECK_NEAR(out[0], 3, 0);
    CHECK_INT(cn_close(c), 0);

    c = cn_open();
    ds = ten(c);
    CHECK_FAILS(cn_take(ds, 8, 3), CN_E_VALUE, "3 samples from 8 on are outside the data set, which has 10");
    const double wrong[] = { 0, -1, 10, 0.01, 2.5, NAN };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        left = ds;
        CHECK_INT(cn_split_dataset(ds, wrong[i], &left, &right), CN_E_VALUE);
        CHECK(!left && !right);
        CHECK_STR(cn_error_message(c), "leaves one side empty");
    }
    CHECK_INT(cn_close(c), 1);
}

TEST(series)
{
    cn_ctx   *c = cn_open();
    cn_array *data = cn_array_from(c, {10, 1}, CN_NUMBERS(0, 1, 2, 3, 4, 5, 6, 7, 8, 9));
    cn_dataset *ds = cn_timeseries_dataset_from_array(data, cn_slice(data, 0, 3, CN_ANY), 3);
    const cn__source *s = cn__dataset_source(ds);
    float out[10], target[10];
    CHECK_INT(cn_samples(ds), 7);
    CHECK(s->direct && s->x[0].pitch == 4 && s->x[0].row == 12 && s->x[0].rank == 2 && s->x[0].dim[0] == 3);
    CHECK_INT(read_epoch(ds, c, 0, NULL, 0, out, target), 7);
    CHECK_NEAR(out[6], 6, 0);
    CHECK_NEAR(target[6], 9, 0);
    CHECK_NEAR(cn_at(cn_inputs(ds, 0), 6, 2, 0), 8, 0);
    ds = cn_timeseries_dataset_from_array(data, data, 2, .sequence_stride = 3, .sampling_rate = 4);
    CHECK_INT(cn_samples(ds), 2);                        /* starts 0 and 3 of the 6 that have room */
    CHECK(!cn__dataset_source(ds)->direct);
    cn_array *x = cn_inputs(ds, 0);
    CHECK_NEAR(cn_at(x, 1, 0, 0), 3, 0);
    CHECK_NEAR(cn_at(x, 1, 1, 0), 7, 0);
    CHECK_NEAR(cn_at(cn_targets(ds, 0), 1, 0), 3, 0);
    CHECK_INT(cn_close(c), 0);
    c = cn_open();
    data = cn_array_from(c, {3, 1}, NULL);
    CHECK_FAILS(cn_timeseries_dataset_from_array(data, NULL, 4), CN_E_SHAPE,
                "a window of 4 steps, one in 1 rows, does not fit 3 rows");
    CHECK_FAILS(cn_timeseries_dataset_from_array(data, NULL, INT64_MAX, .sampling_rate = 9), CN_E_SHAPE,
                "does not fit");
    CHECK_FAILS(cn_timeseries_dataset_from_array(data, NULL, 0), CN_E_VALUE, "must be 1 or more");
    CHECK_INT(cn_close(c), 1);
}

/* ---- Generators -------------------------------------------------------------------------------------------------- */
typedef struct source { int64_t samples, most, fail_at; int calls; } source;

static int64_t count_up(const cn_rows *r, void *user)    /* x = number, 100 * epoch; y = 10 * number */
{
    source *s = user;
    s->calls++;
    if (s->fail_at && r->first >= s->fail_at) return cn_fail(r->ctx, CN_E_IO, "the disk is gone");
    int64_t n = 0;
    for (; n < r->count && n < s->most && r->first + n < s->samples; n++) {
        ((float *)r->x[0])[2 * n] = (float)(r->first + n), ((float *)r->x[0])[2 * n + 1] = (float)(100 * r->epoch);
        ((float *)r->y[0])[n] = (float)(10 * (r->first + n));
        if (r->sample_weight[n] != 1) return -99;
        r->sample_weight[n] = 0.5f;
    }
    return n;
}

static cn_dataset *generator(cn_ctx *c, source *s, bool by_index)
{
    return cn_dataset_from_generator(c, { count_up, s }, .x = {{ .shape = {2} }}, .y = {{ .shape = {1} }},
                                     .by_index = by_index ? CN_YES : CN_NO, .samples = by_index ? s->samples : 0);
}

TEST(generators)
{
    cn_ctx     *c = cn_open();
    source      s = { .samples = 10, .most = 3 };
    cn_dataset *ds = generator(c, &s, false), *part = cn_take(ds, 3, 4);
    float       out[10], target[10];
    CHECK_INT(cn_samples(ds), CN_ANY);
    CHECK(cn__dataset_source(ds)->weighted && !cn__dataset_source(ds)->by_index);
    CHECK_INT(read_epoch(ds, c, 0, NULL, 0, out, target), 10);
    CHECK_NEAR(out[9], 9, 0);
    CHECK_NEAR(target[8], 80, 0);
    CHECK_INT(read_epoch(part, c, 0, NULL, 0, out, target), 4);
    CHECK_NEAR(out[0], 3, 0);
    CHECK_NEAR(target[3], 60, 0);
    cn_dataset *kept = cn_cache(ds);
    int calls = s.calls;
    CHECK_INT(cn_samples(kept), 10);
    CHECK(cn__dataset_source(kept)->direct);
    CHECK_INT(read_epoch(cn_shuffle(kept, 2), c, 0, NULL, 0, out, target), 10);
    for (int i = 0; i < 10; i++) CHECK_NEAR(target[i], 10 * out[i], 0);
    CHECK_INT(s.calls, calls);
    CHECK_NEAR(cn_at(cn_inputs(ds, 0), 7, 0), 7, 0);

    cn_dataset *any = generator(c, &s, true), *left, *right;
    CHECK_INT(cn_split_dataset(any, 0.6, &left, &right, .shuffle = CN_YES), CN_OK);
    CHECK_INT(read_epoch(left, c, 2, NULL, 0, out, target), 6);
    CHECK_INT(read_epoch(right, c, 2, NULL, 0, out + 6, target + 6), 4);
    int seen[10] = { 0 };
    for (int i = 0; i < 10; i++) {
        seen[(int)out[i]]++;
        CHECK_NEAR(target[i], 10 * out[i], 0);
    }
    for (int i = 0; i < 10; i++) CHECK_INT(seen[i], 1);
    const uint32_t order[3] = { 2, 0, 1 };
    CHECK_INT(read_epoch(cn_take(any, 4, 3), c, 0, order, 3, out, NULL), 3);
    CHECK_NEAR(out[0], 6, 0);
    CHECK_NEAR(out[1], 4, 0);
    CHECK_INT(cn_close(c), 0);
}

static int64_t too_many(const cn_rows *r, void *user) { return (void)user, r->count + 1; }
static int64_t odd_status(const cn_rows *r, void *user) { return (void)r, (void)user, -99; }

TEST(generators_bad)
{
    cn_ctx *c = cn_open();
    float   out[10];
    source  s = { .samples = 10, .most = 3, .fail_at = 5 };
    CHECK_INT(read_epoch(generator(c, &s, false), c, 0, NULL, 0, out, NULL), CN_E_IO);
    CHECK_STR(cn_error_message(c), "the disk is gone");
    CHECK_FAILS(cn_cache(generator(c, &s, false)), CN_E_IO, "the disk is gone");
    CHECK_FAILS(cn_shuffle(generator(c, &s, false), 1), CN_E_STATE, "cn_cache(ds)");
    cn_dataset *l, *r, *ds = cn_dataset_from_generator(c, { too_many, NULL }, .x = {{ .shape = {1} }});
    CHECK_INT(cn_split_dataset(ds, 0.5, &l, &r), CN_E_STATE);
    CHECK_INT(read_epoch(ds, c, 0, NULL, 0, out, NULL), CN_E_USER);
    CHECK_STR(cn_error_message(c), "says it wrote 5 samples, 4 were asked for");
    ds = cn_dataset_from_generator(c, { odd_status, NULL }, .x = {{ .shape = {1} }});
    CHECK_INT(read_epoch(ds, c, 0, NULL, 0, out, NULL), CN_E_USER);
    CHECK_STR(cn_error_message(c), "failed with -99");
    s = (source){ .samples = 6, .most = 3 };             /* promises 10, has 6 */
    ds = cn_dataset_from_generator(c, { count_up, &s }, .x = { { .shape = { 2 } } }, .y = { { .shape = { 1 } } },
                                   .by_index = CN_YES, .samples = 10);
    const uint32_t order[2] = { 1, 8 };
    CHECK_INT(read_epoch(ds, c, 0, order, 2, out, NULL), CN_E_USER);
    CHECK_STR(cn_error_message(c), "gave nothing for sample 8 of 10");
    CHECK_FAILS(cn_dataset_from_generator(c, { NULL, NULL }, .x = {{ .shape = {1} }}), CN_E_VALUE, "NULL");
    CHECK_FAILS(cn_dataset_from_generator(c, { count_up, &s }), CN_E_VALUE, "needs an input");
    CHECK_FAILS(cn_dataset_from_generator(c, { count_up, &s }, .x = { { .shape = { CN_ANY } } }), CN_E_SHAPE,
                "(None,) of a sample must be known");
    CHECK_FAILS(cn_dataset_from_generator(c, { count_up, &s }, .x = { { .shape = { 1 }, .dtype = CN_STRING } }),
                CN_E_UNSUPPORTED, "numbers");
    CHECK_FAILS(cn_dataset_from_generator(c, { count_up, &s }, .x = { { .shape = { 1 } } }, .by_index = CN_YES),
                CN_E_VALUE, "needs their number");
    CHECK_INT(cn_close(c), 1);
}

static cn_status add_one(const cn_rows *r, void *user)
{
    for (int64_t i = 0; i < r->count; i++) ((float *)r->x[0])[2 * i] += *(float *)user;
    return r->first >= 8 && *(float *)user < 0 ? cn_fail(r->ctx, CN_E_VALUE, "row 8 is odd") : CN_OK;
}

TEST(maps)
{
    cn_ctx     *c = cn_open();
    float       one = 1, minus = -1, out[10], target[10];
    cn_dataset *ds = cn_map(ten(c), add_one, &one), *twice = cn_map(cn_take(ds, 5, CN_ANY), add_one, &one);
    CHECK(!cn__dataset_source(ds)->direct && cn__dataset_source(ds)->by_index);
    CHECK_INT(read_epoch(ds, c, 0, NULL, 0, out, target), 10);
    CHECK_NEAR(out[9], 10, 0);
    CHECK_NEAR(target[9], 90, 0);
    CHECK_INT(read_epoch(cn_shuffle(twice, 1), c, 0, NULL, 0, out, target), 5);
    for (int i = 0; i < 5; i++) CHECK_NEAR(10 * (out[i] - 2), target[i], 0);
    CHECK_NEAR(cn_at(cn_inputs(ten(c), 0), 3, 0), 3, 0);                     /* the arrays are as they were */
    CHECK_INT(read_epoch(cn_map(ten(c), add_one, &minus), c, 0, NULL, 0, out, NULL), CN_E_VALUE);
    CHECK_STR(cn_error_message(c), "row 8 is odd");
    CHECK_FAILS(cn_map(ten(c), NULL, NULL), CN_E_VALUE, "NULL");
    CHECK_INT(cn_close(c), 1);
}

TEST(prefetching)
{
    cn_ctx *c = cn_open();
    float   one = 1, out[10], target[10], plain[10];
    source  all[5];                                      /* read by threads that run until cn_close */
    for (int ahead = 1; ahead < 5; ahead++) {
        all[ahead] = (source){ .samples = 10, .most = 3 };
        cn_dataset *ds = cn_take(cn_map(cn_prefetch(generator(c, &all[ahead], true), ahead), add_one, &one), 1, CN_ANY);
        for (int epoch = 0; epoch < 3; epoch++) {
            CHECK_INT(read_epoch(ds, c, epoch, NULL, 0, out, target), 9);
            for (int i = 0; i < 9; i++) {
                CHECK_NEAR(out[i], i + 2, 0);
                CHECK_NEAR(target[i], 10 * (i + 1), 0);
            }
        }
        const uint32_t order[6] = { 8, 0, 3, 3, 5, 1 };
        CHECK_INT(read_epoch(ds, c, 0, order, 6, out, NULL), 6);
        for (int i = 0; i < 6; i++) CHECK_NEAR(out[i], order[i] + 2, 0);
        CHECK_INT(read_epoch(cn_shuffle(ds, 4), c, 0, NULL, 0, plain, NULL), 9);
        CHECK_INT(cn_samples(cn_cache(ds)), 9);

        float     x[8], y[4], w[4];                      /* smaller bites than announced, and leaving in the middle */
        cn__batch b = { .x = { x }, .y = { y }, .weight = w };
        CHECK_INT(cn__dataset_begin(ds, c, 0, BATCH, NULL, 0), CN_OK);
        CHECK_INT(cn__dataset_fetch(ds, c, 0, 3, &b), 3);
        CHECK_INT(cn__dataset_fetch(ds, c, 3, 3, &b), 3);
        CHECK_NEAR(x[4], 7, 0);
        CHECK_NEAR(w[2], 0.5, 0);
        CHECK_INT(cn__dataset_begin(ds, c, 1, BATCH, NULL, 0), CN_OK);
        CHECK_INT(cn__dataset_fetch(ds, c, 0, 1, &b), 1);
        CHECK_NEAR(x[1], 100, 0);
    }                                                    /* cn_close stops the threads that still run */
    CHECK(cn__dataset_source(cn_prefetch(ten(c), 2))->direct);               /* nothing to load: memory stays memory */
    CHECK_INT(cn_close(c), 0);

    c = cn_open();
    source s = { .samples = 10, .most = 3, .fail_at = 5 };
    cn_dataset *ds = cn_prefetch(generator(c, &s, false), 2);
    CHECK_INT(read_epoch(ds, c, 0, NULL, 0, out, NULL), CN_E_IO);
    CHECK_STR(cn_error_message(c), "the disk is gone");
    CHECK_INT(cn__dataset_fetch(ds, c, 0, 1, &(cn__batch){ .weight = NULL }), CN_E_STATE);
    s.fail_at = 0;
    CHECK_INT(read_epoch(ds, c, 0, NULL, 0, out, NULL), 10);                 /* usable again */
    CHECK_FAILS(cn_prefetch(ds, 0), CN_E_VALUE, "0 batches ahead");
    CHECK_INT(cn_close(c), 1);
}

TEST(not_yet)
{
    cn_ctx *c = cn_open();
    CHECK_FAILS(cn_image_dataset_from_directory(c, "x", {96}), CN_E_UNSUPPORTED, "image readers");
    CHECK_FAILS(cn_text_dataset_from_directory(c, "x"), CN_E_UNSUPPORTED, "text layers");
    CHECK_FAILS(cn_skipgrams(cn_array_from(c, {1}, NULL), 5), CN_E_UNSUPPORTED, "text layers");
    CHECK_INT(cn_close(c), 1);
}

/* ---- The n-th allocation fails: an error each time, no leak, no crash -------------------------------------------- */
typedef struct budget { long left, live; } budget;

static void *take(size_t n, void *user)
{
    budget *b = user;
    if (b->left-- <= 0) return NULL;
    b->live++;
    return aligned_alloc(64, (n + 63) / 64 * 64);
}
static void give(void *p, size_t n, void *user)
{
    (void)n;
    ((budget *)user)->live -= p != NULL;
    free(p);
}

static bool everything(cn_ctx *c, const char *csv, const char *gz)
{
    float       out[10], one = 1;
    source      s = { .samples = 10, .most = 3 };
    cn_table   *t = cn_read_csv(c, csv);
    cn_dataset *table = cn_dataset_from_table(t, .target = "kind"), *left = NULL, *right = NULL;
    cn_array *a = cn_one_hot(cn_classes(t, "kind"), 3),
             *b = cn_slice(cn_columns(t, "*", .except = { "kind" }), 1, 0, 1);
    bool ok = !cn_error(a) && !cn_error(b) && !cn_error(cn_class_names(t, "kind")) &&
              !cn_error(cn_array_from_idx(c, gz)) && !cn_split_dataset(table, 0.5, &left, &right, .shuffle = CN_YES) &&
              !cn_error(cn_inputs(left, 0)) && !cn_error(cn_array_from(c, { 1 }, CN_STRINGS("x"))) &&
              !cn_array_save(cn_cast(b, CN_UINT8), file_path("o.png")) && !cn_array_save(b, file_path("o.npy")) &&
              !cn_error(cn_cache(generator(c, &s, false)));
    cn_dataset *ds = ok ? cn_prefetch(cn_map(cn_take(generator(c, &s, true), 2, 8), add_one, &one), 2) : NULL;
    return ok && !cn_error(ds) && read_epoch(ds, c, 0, NULL, 0, out, NULL) == 8;
}

TEST(memory_fails)
{
    const char *csv = strdup(file_of_text("m.csv", "a,kind,b\n1,x,2\n3,y,4\n5,x,6\n7,z,8\n"));
    const char *gz = strdup(file_gz("m.gz", "\0\0\10\1\0\0\0\2ab", 10));
    bool ok = false;
    long n = 0;
    for (; !ok && n < 5000; n++) {
        budget  b = { n, 0 };
        cn_ctx *c = cn_open(.threads = 1, .allocator = { take, give, &b });
        ok = c && !cn_error(c) && everything(c, csv, gz);
        if (c && !ok) CHECK_INT(cn_error(c), CN_E_NOMEM);
        if (c) cn_close(c);
        CHECK_INT(b.live, 0);
        if (check_bad) break;
    }
    CHECK(ok);
    CHECK(n > 50);
    free((void *)(uintptr_t)csv);
    free((void *)(uintptr_t)gz);
}

CHECK_MAIN
