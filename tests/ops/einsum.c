/* einsum.c: against a plain loop over all labels, with gradients, and what is refused. */
#include "cases.h"

static cn_ctx *ctx;

/* sizes of labels: i 2, j 3, k 4, b 2. The equation's operands have no "..."; result by summing over everything. */
static int64_t size_of(char label) { return label == 'j' ? 3 : label == 'k' ? 4 : 2; }

static void brute(const char *a, const char *b, const char *y, const double *va, const double *vb, double *out)
{
    char labels[16] = { 0 };
    for (const char *c = a; *c; c++) if (!strchr(labels, *c)) labels[strlen(labels)] = *c;
    for (const char *c = b; *c; c++) if (!strchr(labels, *c)) labels[strlen(labels)] = *c;
    int64_t total = 1, at[16];
    for (const char *c = labels; *c; c++) total *= size_of(*c);
    for (int64_t p = 0; p < total; p++) {
        int64_t rest = p, ia = 0, ib = 0, iy = 0;
        for (int l = (int)strlen(labels) - 1; l >= 0; l--)
            at[l] = rest % size_of(labels[l]), rest /= size_of(labels[l]);
        for (const char *c = a; *c; c++) ia = ia * size_of(*c) + at[strchr(labels, *c) - labels];
        for (const char *c = b; *c; c++) ib = ib * size_of(*c) + at[strchr(labels, *c) - labels];
        for (const char *c = y; *c; c++) iy = iy * size_of(*c) + at[strchr(labels, *c) - labels];
        out[iy] += va[ia] * (*b ? vb[ib] : 1);
    }
}

static cn__type type_of(const char *labels)
{
    cn__type t = { .dtype = CN_FLOAT64, .rank = (uint8_t)strlen(labels) };
    for (int i = 0; i < t.rank; i++) t.dim[i] = size_of(labels[i]);
    return t;
}

TEST(is_the_sum_over_all_labels)
{
    static const char *const rows[][3] = {
        { "ij", "jk", "ik" }, { "ij", "jk", "ki" }, { "ij", "kj", "ik" }, { "bij", "bjk", "bik" }, { "ij", "ij", "" },
            { "ij", "ij", "ij" },
        { "i", "j", "ij" }, { "ijk", "", "kj" }, { "ii", "", "" }, { "bib", "", "i" }, { "iij", "", "ij" },
            { "bij", "kj", "bik" },
        { "ijk", "k", "j" }, { "j", "", "" }, { "iji", "ik", "jk" }, { "bijk", "bk", "ij" }, { "ij", "b", "ijb" },
            { "ij", "", "ji" },
    };
    ctx = cn_open(.threads = 1);
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        const char *a = rows[r][0], *b = rows[r][1], *y = rows[r][2];
        char equation[64];
        double va[128], vb[128], wanted[256] = { 0 };
        for (unsigned i = 0; i < 128; i++) va[i] = number(i), vb[i] = number(i + 500);
        cn_graph *g = cn__graph_new(ctx);
        cn__type ta = type_of(a), tb = type_of(b), ty = type_of(y);
        cn__val in[2] = { cn__input(g, &ta, NULL), cn__input(g, &tb, NULL) };
        snprintf(equation, sizeof equation, *b ? "%s,%s->%s" : "%s%s->%s", a, b, y);
        cn__val v = cn__einsum(g, equation, *b ? 2 : 1, in), d[2] = { 0 };
        if (!v) CHECK_FAIL("%s: %s", equation, g->error.text);
        else {
            cn__root(g, v);
            CHECK(cn__type_equal(cn__type_of(g, v), &ty));
            CHECK(cn__gradient(g, v, 0, *b ? 2 : 1, in, d));
            CHECK(d[0] && cn__type_equal(cn__type_of(g, d[0]), &ta));
            cn__ref(g);
            eval e = eval_run(g, (const void *const[]){ va, vb });
            brute(a, b, y, va, vb, wanted);
            for (int64_t i = 0; e.g && i < cn__type_count(&ty); i++)
                if (!(fabs(eval_at(&e, 0, (size_t)i) - wanted[i]) < 1e-12))
                    CHECK_FAIL("%s: element %d", equation, (int)i);
            eval_free(&e);
        }
        cn__unref(g);
    }
    cn_close(ctx);
}

TEST(dots_and_implicit_results)
{
    static const struct { const char *equation; int n; struct { int rank; int64_t dim[5]; } a, b, y; } rows[] = {
        { "...ij,...jk", 2, { 4, { 5, 2, 2, 3 } }, { 3, { 2, 3, 4 } }, { 4, { 5, 2, 2, 4 } } },
        { "...i->...", 1, { 3, { 4, 3, 2 } }, { 0, { 0 } }, { 2, { 4, 3 } } },
        { "i...,i...->...", 2, { 2, { 3, 1 } }, { 2, { 3, 5 } }, { 1, { 5 } } },
        { "ba", 1, { 2, { 2, 3 } }, { 0, { 0 } }, { 2, { 3, 2 } } },
        { "ij,jk", 2, { 2, { 2, 3 } }, { 2, { 3, 4 } }, { 2, { 2, 4 } } },
        { "... , ... -> ...", 2, { 2, { 2, 3 } }, { 1, { 3 } }, { 2, { 2, 3 } } },
        { "abc,cd->abd", 2, { 3, { 2, 0, 3 } }, { 2, { 3, 4 } }, { 3, { 2, 0, 4 } } },
    };
    ctx = cn_open(.threads = 1);
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        cn_graph *g = cn__graph_new(ctx);
        cn__type ta = cn__type_make(CN_FLOAT32, rows[r].a.rank, rows[r].a.dim),
            tb = cn__type_make(CN_FLOAT32, rows[r].b.rank, rows[r].b.dim);
        cn__type ty = cn__type_make(CN_FLOAT32, rows[r].y.rank, rows[r].y.dim);
        cn__val  y = cn__einsum(g, rows[r].equation, rows[r].n,
                                (const cn__val[]){ cn__input(g, &ta, NULL), cn__input(g, &tb, NULL) });
        if (!y) CHECK_FAIL("%s: %s", rows[r].equation, g->error.text);
        else CHECK(cn__type_equal(cn__type_of(g, y), &ty));
        cn__unref(g);
    }
    cn_close(ctx);
}

TEST(refuses)
{
    static const struct { const char *equation; int n; const char *part; } rows[] = {
        { "ij,jk->ik", 1, "more terms than operands" }, { "ij", 2, "fewer terms than operands" },
            { "i,jk->ik", 2, "not as many labels" },
        { "ij,ij->ij", 2, "label i is 2 and 3" }, { "ij,jk->iz", 2, "must occur in an operand" },
            { "ij,jk->ii", 2, "once in the result" },
        { "i1,jk", 2, "labels are letters" }, { "ij,jk-ik", 2, "\"->\" stands before" },
            { "ijk...,jk", 2, "more labels than its operand" },
        { "ij,jk->ik,", 2, "nothing may follow" }, { "ij,jk,kl", 3, "one or two operands" },
            { "", 2, "not as many labels" },
    };
    ctx = cn_open(.threads = 1);
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        cn_graph *g = cn__graph_new(ctx);
        cn__type ta = cn__type_make(CN_FLOAT32, DIMS(2, 3)), tb = cn__type_make(CN_FLOAT32, DIMS(3, 4));
        cn__val  a = cn__input(g, &ta, NULL), b = cn__input(g, &tb, NULL);
        CHECK_INT(cn__einsum(g, rows[r].equation, rows[r].n, (const cn__val[]){ a, b, b }), 0);
        CHECK_STR(g->error.text, rows[r].part);
        cn__unref(g);
    }
    cn_close(ctx);
}

CHECK_MAIN
