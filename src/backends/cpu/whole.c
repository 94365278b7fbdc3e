/* whole.c: element-wise ops of int64, int32 and bool: counters, labels, places in vocabularies. As the reference, in
   int64 that wraps around. */
#include "backends/cpu/cpu.h"

enum { TASKS = 64, PIECE = 256 };
static const double GRAIN = 16384;                       /* numbers of a task */

typedef struct whole_args {
    void    *y;
    const void *x[3];
    int64_t  n, tasks, step[3];                          /* step 0: one for all */
    cn_dtype to, from[3];
    int32_t  op, nin;
} whole_args;

static void load(int64_t *to, const whole_args *a, int k, int64_t first, int64_t n)
{
#define LOAD(T) for (int64_t j = 0; j < n; j++) to[j] = ((const T *)a->x[k])[(first + j) * a->step[k]]; break
    switch (a->from[k]) {
    case CN_INT64: LOAD(int64_t);
    case CN_INT32: LOAD(int32_t);
    default:       LOAD(uint8_t);
    }
}

static void store(const whole_args *a, const int64_t *from, int64_t first, int64_t n)
{
#define STORE(T, value) for (int64_t j = 0; j < n; j++) ((T *)a->y)[first + j] = (T)(value); break
    switch (a->to) {
    case CN_INT64: STORE(int64_t, from[j]);
    case CN_INT32: STORE(int32_t, from[j]);
    default:       STORE(uint8_t, from[j] != 0);
    }
}

#define SUM(x, y)  (int64_t)((uint64_t)(x) + (uint64_t)(y))
#define LESS(x, y) (int64_t)((uint64_t)(x) - (uint64_t)(y))
#define FORMULAS(F)                                                                                                   \
    F(ADD, SUM(x, y)) F(SUB, LESS(x, y)) F(MIN, y < x ? y : x) F(MAX, y > x ? y : x) F(EQ, x == y) F(OR, x || y)      \
    F(AND, x && y) F(WHERE, x ? y : z)

static CN__SMALL void whole_task(const void *args, uint32_t rep, uint32_t task, cn__lane *lane)
{
    const whole_args *a = args;
    int64_t in[3][PIECE], end = cn__cut(a->n, a->tasks, task + 1);
    (void)rep, (void)lane;
    for (int64_t first = cn__cut(a->n, a->tasks, task); first < end; first += PIECE) {
        int64_t n = CN__MIN(end - first, PIECE);
        for (int k = 0; k < a->nin; k++) load(in[k], a, k, first, n);
        for (int64_t j = 0; j < n; j++) {
            int64_t x = in[0][j], y = in[1][j], z = a->nin > 2 ? in[2][j] : 0;
            switch (a->op) {
#define FORMULA(id, formula) case CN__OP_##id: x = formula; break;
            FORMULAS(FORMULA)
#undef FORMULA
            default: break;
            }
            (void)z, in[0][j] = x;
        }
        store(a, in[0], first, n);
    }
}

static bool is_whole(uint32_t dtype) { return dtype == CN_INT64 || dtype == CN_INT32 || dtype == CN_BOOL; }

CN__SMALL const char *cn__takes_whole(const cn_graph *g, const cn__inst *i)
{
    const cn__type *y = cn__type_of(g, i->out);
    const char *other = cn__takes_elementwise(g, i);     /* of other types: what the chains say */
    for (int k = 0; k < i->nin; k++) {
        const cn__type *x = cn__type_of(g, cn__in(g, i)[k]);
        uint8_t cls = cn__tile_class_of(x, y);
        if (!is_whole(x->dtype) || !is_whole(y->dtype)) return other ? other : "float32";
        if (cls != CN__TILE_FULL && cls != CN__TILE_SCALAR) return "broadcast in the middle";
    }
    return NULL;
}

CN__SMALL bool cn__prepare_whole(cn__prep *p, const cn_graph *g, const cn__inst *i)
{
    const cn__type *y = cn__type_of(g, i->out);
    int64_t  n = cn__type_count(y);
    uint32_t tasks = cn__tasks((double)n, GRAIN, TASKS);
    whole_args *a = cn__prep_call(p, whole_task, cn__ops[i->op].name, sizeof *a, 1, tasks);
    if (!a) return false;
    a->n = n, a->tasks = tasks, a->to = (cn_dtype)y->dtype, a->op = i->op, a->nin = i->nin;
    for (int k = 0; k < i->nin; k++) {
        const cn__type *x = cn__type_of(g, cn__in(g, i)[k]);
        a->from[k] = (cn_dtype)x->dtype, a->step[k] = cn__tile_class_of(x, y) == CN__TILE_FULL;
        cn__prep_ptr(p, &a->x[k], cn__in(g, i)[k]);
    }
    cn__prep_ptr(p, &a->y, i->out);
    return true;
}
