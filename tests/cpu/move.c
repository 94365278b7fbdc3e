/* move.c: numbers that change places or types on the processor's backend and on the reference: bit for bit, in types of
   every size. */
#include "compare.h"

static const cn_dtype sizes[] = { CN_FLOAT32, CN_UINT8, CN_BFLOAT16, CN_INT64 };     /* 4, 1, 2, 8 bytes */
static const int64_t  shapes[][3] = { { 1, 1, 1 },   { 5, 1, 7 },    { 0, 3, 2 },    { 3, 0, 1 },   { 1, 1, 70000 },
                                      { 33, 17, 40 }, { 128, 16, 32 }, { 2, 300, 100 }, { 300, 70, 2 },
                                      { 70000, 1, 1 } };

static void compare_moves(const char *what, graph_fn *f, const void *how)
{
    for (size_t d = 0; d < CN__COUNT(sizes); d++)
        for (size_t s = 0; s < CN__COUNT(shapes); s++) {
            operand x = { type_of(sizes[d], 3, shapes[s][0], shapes[s][1], shapes[s][2]), false, 0, 255, true };
            compare(what, f, how, &x, 1, 0, 0);
        }
}

static cn__val transposed(cn_graph *g, const cn__val *in, const void *how) { return cn__transpose(g, in[0], how); }

TEST(transpositions)
{
    static const int32_t perms[][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
    open();
    for (size_t k = 0; k < CN__COUNT(perms); k++) compare_moves("transpose", transposed, perms[k]);
    close();
}

static cn__val reversed(cn_graph *g, const cn__val *in, const void *how)
{
    return cn__reverse(g, in[0], *(const uint32_t *)how);
}

TEST(reversals)
{
    open();
    for (uint32_t axes = 0; axes < 8; axes++) compare_moves("reverse", reversed, &axes);
    close();
}

/* Each axis from its first or its last element on, by steps. */
static cn__val sliced(cn_graph *g, const cn__val *in, const void *how)
{
    const int64_t *step = how;
    const cn__type *t = cn__type_of(g, in[0]);
    int64_t start[3], size[3];
    for (int k = 0; k < 3; k++) {
        int64_t by = step[k] < 0 ? -step[k] : step[k], first = t->dim[k] > 2;
        start[k] = step[k] < 0 ? t->dim[k] - 1 : first;
        size[k] = t->dim[k] ? (t->dim[k] - first + by - 1) / by : 0;
    }
    return cn__slice(g, in[0], start, step, size);
}

TEST(slices)
{
    static const int64_t by[][3] = { { 1, 1, 1 }, { 2, 1, 1 }, { 1, 3, 1 }, { 1, 1, 2 }, { -1, 1, -2 }, { 2, -3, 1 } };
    open();
    for (size_t k = 0; k < CN__COUNT(by); k++) compare_moves("slice", sliced, by[k]);
    close();
}

/* Axes that have one element are repeated; then a new one in front. */
static cn__val repeated(cn_graph *g, const cn__val *in, const void *how)
{
    const cn__type *t = cn__type_of(g, in[0]);
    int64_t dim[4] = { *(const int64_t *)how };
    for (int k = 0; k < 3; k++) dim[k + 1] = t->dim[k] == 1 ? 3 : t->dim[k];
    return cn__broadcast(g, in[0], 4, dim);
}

static cn__val filled(cn_graph *g, const cn__val *in, const void *how)
{
    return cn__broadcast(g, cn__reshape(g, in[0], 0, NULL), 2, how);
}

TEST(repetitions)
{
    static const int64_t times[] = { 1, 0, 4 }, all[][2] = { { 1, 1 }, { 1, 70000 }, { 300, 40 } };
    open();
    for (size_t k = 0; k < CN__COUNT(times); k++) compare_moves("broadcast", repeated, &times[k]);
    for (size_t k = 0; k < CN__COUNT(all); k++)
        for (size_t d = 0; d < CN__COUNT(sizes); d++) {
            operand x = { type_of(sizes[d], 1, 1, 0, 0), false, 5, 200, true };
            compare("one number", filled, all[k], &x, 1, 0, 0);
        }
    close();
}

typedef struct { int64_t lo[3], hi[3], inner[3]; double value; } pad_how;
static cn__val padded(cn_graph *g, const cn__val *in, const void *how)
{
    const pad_how *h = how;
    return cn__pad(g, in[0], h->lo, h->hi, h->inner, h->value);
}

TEST(pads)
{
    static const pad_how hows[] = { { { 0, 0, 0 }, { 0, 0, 3 }, { 0, 0, 0 }, 0 },
                                    { { 1, 0, 2 }, { 0, 4, 0 }, { 0, 0, 0 }, 7 },
                                    { { 0, 1, 0 }, { 1, 0, 1 }, { 0, 2, 1 }, 1.5 } };
    open();
    for (size_t k = 0; k < CN__COUNT(hows); k++) compare_moves("pad", padded, &hows[k]);
    close();
}

static cn__val joined(cn_graph *g, const cn__val *in, const void *how)
{
    return cn__concat(g, *(const int *)how, 3, in);
}

TEST(concatenations)
{
    open();
    for (int axis = 0; axis < 3; axis++)
        for (size_t d = 0; d < CN__COUNT(sizes); d++)
            for (size_t s = 0; s < CN__COUNT(shapes); s++) {
                cn__type t = type_of(sizes[d], 3, shapes[s][0], shapes[s][1], shapes[s][2]);
                operand  x[] = { { t, false, 0, 255, true }, { t, false, 0, 255, true }, { t, true, 0, 255, true } };
                x[1].type.dim[axis] = 0, x[2].type.dim[axis] = 3;
                compare("concatenate", joined, &axis, x, 3, 0, 0);
            }
    close();
}

static cn__val converted(cn_graph *g, const cn__val *in, const void *how)
{
    return cn__cast(g, in[0], *(const cn_dtype *)how);
}

TEST(casts_of_every_type)
{
    static const int64_t counts[] = { 0, 1, 37, 40000 };
    open();
    for (int from = 1; cn__dtype_class_of((cn_dtype)from) != CN__CLASS_NONE; from++)
        for (int to = 1; cn__dtype_class_of((cn_dtype)to) != CN__CLASS_NONE; to++)
            for (size_t k = 0; k < CN__COUNT(counts); k++) {
                operand x = { type_of((cn_dtype)from, 1, counts[k], 0, 0), false, -300.7, 70000.3, false };
                compare("cast", converted, &to, &x, 1, 0, 0);
            }
    close();
}

static cn__val hot(cn_graph *g, const cn__val *in, const void *how)
{
    return cn__one_hot(g, in[0], *(const int64_t *)how, CN_FLOAT32);
}

TEST(one_hots)
{
    static const cn_dtype types[] = { CN_INT32, CN_INT64, CN_UINT8, CN_INT8 };
    static const int64_t  depths[] = { 0, 1, 10, 1000 };
    open();
    for (size_t d = 0; d < CN__COUNT(types); d++)
        for (size_t k = 0; k < CN__COUNT(depths); k++)
            for (int64_t n = 0; n < 300; n = n * 7 + 1) {
                operand x = { type_of(types[d], 2, n, 3, 0), false, types[d] == CN_UINT8 ? 0 : -2, 12, true };
                compare("one_hot", hot, &depths[k], &x, 1, 0, 0);
            }
    close();
}

CHECK_MAIN
