/* update.c: what an update writes beside the master: the packed copies of all layouts, of several variables of one
   call, to the bits of the layouts' definition (graph/graph.h); masters to the bits of the reference, however many
   threads there are; under guards and where an update is not in place. */
#include "exec/rig.h"
#include "base/dtype.h"
#include "base/philox.h"
#include <math.h>

static const cn__layout layouts[] = { CN__PANEL, CN__PANEL_T, CN__PANEL_BF16, CN__PANEL_BF16_T };
enum { COUNT = CN__COUNT(layouts), SPOILT = 0xa5 };

static bool transposed(cn__layout l) { return l == CN__PANEL_T || l == CN__PANEL_BF16_T; }
static bool halves(cn__layout l)     { return l == CN__PANEL_BF16 || l == CN__PANEL_BF16_T; }

static int64_t deep(cn__layout l, const cn__type *t) { return t->dim[transposed(l)]; }

static size_t bytes_of(cn__layout l, const cn__type *t)
{
    size_t panels = (size_t)(t->dim[!transposed(l)] + 31) / 32, k = (size_t)deep(l, t);
    return panels * 32 * 4 * (halves(l) ? (k + 1) / 2 : k);
}

/* Number k of column c of the panels, as the layout's definition has it. */
static bool right(const cn__var *v, const cn__mirror *m, int64_t k, int64_t c)
{
    cn__layout l = (cn__layout)m->layout;
    int64_t n = deep(l, &v->type), cols = v->type.dim[1], row = transposed(l) ? c : k, col = transposed(l) ? k : c;
    float wanted = row < v->type.dim[0] && col < cols ? ((const float *)v->master)[row * cols + col] : 0;
    if (!halves(l)) return !memcmp((const float *)m->at + (c / 32 * n + k) * 32 + c % 32, &wanted, sizeof wanted);
    return ((const uint16_t *)m->at)[((c / 32 * ((n + 1) / 2) + k / 2) * 32 + c % 32) * 2 + k % 2] ==
           cn__f32_to_bf16(wanted);
}

static void check_mirrors(const cn__var *v)
{
    for (int i = 0; i < v->mirrors; i++) {
        const cn__mirror *m = &v->mirror[i];
        cn__layout l = (cn__layout)m->layout;
        int64_t depth = deep(l, &v->type), wide = (v->type.dim[!transposed(l)] + 31) / 32 * 32;
        if (halves(l)) depth += depth % 2;
        for (int64_t k = 0; k < depth; k++)
            for (int64_t c = 0; c < wide; c++)
                if (!right(v, m, k, c)) {
                    CHECK_FAIL("%lldx%lld, layout %d, row %lld, column %lld", (long long)v->type.dim[0],
                               (long long)v->type.dim[1], l, (long long)k, (long long)c);
                    return;
                }
    }
}

/* As if plans had asked for them: nothing in them is right yet. */
static void give_mirrors(rig *r, cn__var *v)
{
    for (; v->mirrors < COUNT; v->mirrors++) {
        size_t bytes = bytes_of(layouts[v->mirrors], &v->type);
        void  *at = memset(cn__alloc(r->ctx, bytes + 1), SPOILT, bytes + 1);
        v->mirror[v->mirrors] = (cn__mirror){ (uint8_t)layouts[v->mirrors], at, bytes + 1, 0, NULL };
    }
}

/* Nothing is written behind the end. */
static void check_ends(const cn__var *v)
{
    for (int k = 0; k < v->mirrors; k++)
        CHECK_INT(((const uint8_t *)v->mirror[k].at)[v->mirror[k].bytes - 1], SPOILT);
}

static void draw(float *x, int64_t n, uint64_t stream, float scale)
{
    for (int64_t i = 0; i < n; i++) x[i] = scale * (float)cn__normal_of(cn__random_bits(7, stream, 0, (uint64_t)i));
}

/* A variable with slots. The reference keeps none of its layouts, so only the processor's have mirrors. */
static cn__var *add_var(rig *r, int rank, const int64_t *dim, int slots, bool packed)
{
    cn__var *first = NULL;
    for (int k = 0; k < slots; k++) {
        cn__var *v = rig_var(r, "v", CN_FLOAT32, rank, dim, NULL);
        int64_t  n = cn__type_count(&v->type);
        draw(v->master, n, (uint64_t)r->nvars, 1);
        for (int64_t i = 0; k && i < n; i++) ((float *)v->master)[i] = fabsf(((float *)v->master)[i]) + 0.1f;
        if (!k) first = v;
    }
    if (packed && rank == 2) give_mirrors(r, first);
    return first;
}

typedef struct kind { cn__op op; int slots; bool option; } kind;

static void add_update(rig *r, const kind *h, int at, cn__val guard, bool shown)
{
    cn__a_adam    adam = { .beta_1 = 0.9, .beta_2 = 0.999, .epsilon = 1e-7, .amsgrad = h->option };
    cn__a_rmsprop rms = { .rho = 0.9, .epsilon = 1e-7, .centered = h->option };
    cn__a_sgd     sgd = { .momentum = h->slots > 1 ? 0.9 : 0, .nesterov = h->option };
    const void   *attr = h->op == CN__OP_ADAM ? (void *)&adam : h->op == CN__OP_RMSPROP ? (void *)&rms : (void *)&sgd;
    size_t        size = h->op == CN__OP_ADAM ? sizeof adam : h->op == CN__OP_RMSPROP ? sizeof rms : sizeof sgd;
    const cn__type *t = &r->var[at]->type;
    float  *g = cn__alloc(r->ctx, cn__type_bytes(t) + 4);
    cn__val in[7], out[4];
    int     n = 0;
    draw(g, cn__type_count(t), 100 + (uint64_t)at, 0.3f);
    for (; n < h->slots; n++) in[n] = cn__variable(r->g, r->var[at + n]);
    in[n++] = cn__constant(r->g, t, g);
    in[n++] = cn__scalar(r->g, CN_FLOAT32, 0.01);
    if (h->op == CN__OP_ADAM) in[n++] = cn__scalar(r->g, CN_INT64, 3);
    cn__emit(r->g, h->op, attr, size, n, in, h->slots, out);
    for (int k = 0; k < h->slots; k++) cn__assign_var(r->g, r->var[at + k], out[k], guard);
    if (shown) cn__root(r->g, out[0]);
    cn__free(r->ctx, g, cn__type_bytes(t) + 4);
}

static const int64_t sizes[][2] = { { 1, 1 },   { 1, 33 },  { 33, 1 },   { 15, 17 },   { 784, 10 }, { 32, 64 },
                                    { 48, 32 }, { 0, 5 },   { 5, 0 },    { 97, 300 },  { 70, 513 }, { 33, 1100 },
                                    { 2, 3000 } };
static const kind kinds[] = { { CN__OP_SGD, 1, false }, { CN__OP_SGD, 2, true }, { CN__OP_RMSPROP, 3, true },
                              { CN__OP_ADAM, 3, false } };

/* Two steps of a call with three variables: a matrix, a vector, another matrix. Their masters go to out. */
enum { ROOM = 200000 };
static int64_t update(const char *backend, int threads, const kind *h, const int64_t *size, float *out)
{
    rig  r = rig_open(backend, threads);
    bool packed = r.backend->pack != NULL;
    int64_t n = 0;
    add_var(&r, 2, size, h->slots, packed), add_var(&r, DIMS(size[1] + 3), h->slots, packed);
    add_var(&r, DIMS(37, 45), h->slots, packed);
    for (int k = 0; k < 3; k++) add_update(&r, h, k * h->slots, 0, false);
    cn__linked *l = rig_link(&r);
    if (!l) CHECK_FAIL("%s", cn_error_message(r.ctx));
    else {
        if (packed) CHECK_INT(l->plan->ncommit, 1);      /* one call of all, mirrors and all */
        CHECK_INT(rig_run(&r, l, 2, 0), CN__RUN_DONE);
        for (int k = 0; k < r.nvars; k++) {
            int64_t count = cn__type_count(&r.var[k]->type);
            memcpy(out + n, r.var[k]->master, (size_t)count * sizeof *out);
            n += count;
            check_mirrors(r.var[k]), check_ends(r.var[k]);
        }
    }
    rig_close(&r);
    return n;
}

TEST(masters_and_mirrors)
{
    static float ref[ROOM], cpu[ROOM];
    for (size_t h = 0; h < CN__COUNT(kinds); h++)
        for (size_t s = 0; s < CN__COUNT(sizes); s++) {
            int64_t n = update("ref", 0, &kinds[h], sizes[s], ref);
            for (int threads = 0; threads <= 3; threads++) {
                CHECK_INT(update("cpu", threads, &kinds[h], sizes[s], cpu), n);
                for (int64_t i = 0; i < n; i++)
                    if (memcmp(&cpu[i], &ref[i], sizeof *cpu)) {
                        CHECK_FAIL("%s, %lldx%lld, %d threads, number %lld: %.9g, not %.9g", cn__ops[kinds[h].op].name,
                                   (long long)sizes[s][0], (long long)sizes[s][1], threads, (long long)i, cpu[i],
                                   ref[i]);
                        break;
                    }
            }
        }
}

/* What bfloat16 rounds in its own way: ties, the ends of the range, what is not a number. The gradient is zero. */
TEST(roundings)
{
    static const uint32_t bits[] = { 0x3f808000, 0x3f818000, 0x3f808001, 0x3f807fff, 0x7f7fffff, 0xff7fffff, 0x7f800000,
                                     0xff800000, 0x7fc00000, 0x7f800001, 0xffffffff, 0x80000000, 0x00800000,
                                     0x7f7f8000 };
    enum { ROWS = 5, COLS = 40 };
    rig      r = rig_open("cpu", 0);
    cn__var *w = add_var(&r, DIMS(ROWS, COLS), 1, true);
    for (size_t i = 0; i < ROWS * COLS; i++) memcpy((float *)w->master + i, &bits[i % CN__COUNT(bits)], sizeof *bits);
    float     none[ROWS * COLS] = { 0 };
    cn__a_sgd sgd = { 0 };
    cn__val   in[] = { cn__variable(r.g, w), cn__constant(r.g, &w->type, none), cn__scalar(r.g, CN_FLOAT32, 1) };
    cn__assign_var(r.g, w, cn__emit(r.g, CN__OP_SGD, &sgd, sizeof sgd, 3, in, 1, NULL), 0);
    RIG_LINK(l, r)
    CHECK_INT(rig_run(&r, l, 1, 0), CN__RUN_DONE);
    CHECK(((const float *)w->master)[4] == 0x1.fffffep127f && isnan(((const float *)w->master)[9]));
    check_mirrors(w);
    rig_close(&r);
}

/* An update under a guard, and one whose result is an output too, are computed aside and copied; mirrors follow. */
static void aside(bool guarded, int64_t guard)
{
    rig      r = rig_open("cpu", 2);
    const kind h = { CN__OP_ADAM, 3, false };
    cn__var *w = add_var(&r, DIMS(50, 70), 3, true);
    float    before = ((const float *)w->master)[123];
    cn__var *on = rig_var(&r, "on", CN_INT32, 0, NULL, &(int32_t){ (int32_t)guard });
    add_update(&r, &h, 0, guarded ? cn__variable(r.g, on) : 0, !guarded);
    cn__root(r.g, cn__pack(r.g, cn__variable(r.g, add_var(&r, DIMS(3, 3), 1, false)), CN__PANEL));
    RIG_LINK(l, r)
    for (int k = 0; k < COUNT; k++) r.backend->pack(layouts[k], &w->type, w->master, w->mirror[k].at);
    CHECK_INT(rig_run(&r, l, 2, 0), CN__RUN_DONE);
    CHECK((((const float *)w->master)[123] != before) == (guard != 0));
    if (!guarded) CHECK(!memcmp(rig_root(&r, l, 0), w->master, cn__type_bytes(&w->type)));
    check_mirrors(w), check_ends(w);
    rig_close(&r);
}
TEST(updates_that_are_not_in_place) { aside(true, 0), aside(true, 1), aside(false, 1); }

/* The update and the backend's packing, which runs where masters were written from outside, agree. */
TEST(the_packing_function)
{
    for (size_t s = 0; s < CN__COUNT(sizes); s++) {
        rig      r = rig_open("cpu", 0);
        cn__var *v = add_var(&r, 2, sizes[s], 1, true);
        for (int k = 0; k < COUNT; k++) {
            CHECK_INT(r.backend->pack_bytes(layouts[k], &v->type), v->mirror[k].bytes - 1);
            r.backend->pack(layouts[k], &v->type, v->master, v->mirror[k].at);
        }
        check_mirrors(v), check_ends(v);
        rig_close(&r);
    }
}

CHECK_MAIN
