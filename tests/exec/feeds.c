/* feeds.c: rows of a data set of every type, gathered by an order and converted on the way, against conversion one by
   one; rows shorter and longer than what is fetched ahead. */
#include "rig.h"
#include "base/philox.h"

enum { ROWS = 90, BATCH = 30 };

static void gathers(cn_dtype from, cn_dtype to, int64_t width, int threads, bool shuffled)
{
    rig     r = rig_open("cpu", threads);
    size_t  n = (size_t)width, row = n * cn__dtype_size(from);
    char   *base = cn__alloc(r.ctx, ROWS * row), *right = cn__alloc(r.ctx, n * cn__dtype_size(to));
    uint32_t order[ROWS];
    for (uint32_t i = 0; i < ROWS; i++) order[i] = i * 37 % ROWS;
    for (size_t i = 0; i < ROWS * n; i++) cn__store_int(from, base, i, (int64_t)(cn__random_bits(5, 0, 0, i) % 250));
    cn__type t = cn__type_make(to, DIMS(BATCH, width));
    cn__root(r.g, cn__feed_batch(r.g, 0, &t));
    cn__linked *l = rig_link(&r);
    if (!l) CHECK_FAIL("%s", cn_error_message(r.ctx));
    for (uint32_t step = 0; l && step < ROWS / BATCH; step++) {
        r.e.feeds[0] = (cn__feed){ base, row, from, shuffled ? order : NULL, step * BATCH, ROWS };
        CHECK_INT(rig_run(&r, l, 1, 0), CN__RUN_DONE);
        const char *got = cn__linked_root(&r.e, l, 0);
        for (uint32_t i = 0; i < BATCH; i++) {
            uint32_t at = step * BATCH + i;
            cn__convert(to, right, from, base + (shuffled ? order[at] : at) * row, n);
            if (memcmp(right, got + i * n * cn__dtype_size(to), n * cn__dtype_size(to)))
                CHECK_FAIL("%s to %s, row %u of %lld", cn__dtype_name(from), cn__dtype_name(to), at, (long long)width);
        }
    }
    cn__free(r.ctx, base, ROWS * row), cn__free(r.ctx, right, n * cn__dtype_size(to));
    rig_close(&r);
}

TEST(every_type_and_width)
{
    static const int64_t widths[] = { 1, 2, 3, 17, 64, 255, 784, 5000 };
    static const cn_dtype from[] = { CN_UINT8, CN_UINT16, CN_INT32, CN_FLOAT64, CN_FLOAT32, CN_INT8, CN_INT64, CN_BOOL,
                                     CN_FLOAT16 };
    for (size_t w = 0; w < CN__COUNT(widths); w++)
        for (size_t d = 0; d < CN__COUNT(from); d++) {
            gathers(from[d], CN_FLOAT32, widths[w], (int)d % 3, d % 2 || w % 2);
            gathers(from[d], CN_INT32, widths[w], 0, w % 2 == 0);
        }
}

CHECK_MAIN
