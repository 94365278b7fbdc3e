/* random.c: float32 random numbers: any element of a stream is computed directly (base/philox.h), so tasks take pieces
   of it. */
#include "backends/cpu/cpu.h"
#include "base/philox.h"
#include <string.h>

enum { TASKS = 64 };
static const double GRAIN = 8192;                        /* numbers of a task */

typedef struct random_args {
    const int64_t *state;                                /* seed, step */
    float   *y;
    cn__drawer *draw;
    cn__draw how;
    uint64_t stream;
    int64_t  n, tasks;
} random_args;

static CN__SMALL void draw_task(const void *args, uint32_t rep, uint32_t task, cn__lane *lane)
{
    const random_args *a = args;
    uint32_t bits[CN__DRAWN];
    float    some[CN__DRAWN];
    (void)rep, (void)lane;
    int64_t pieces = (a->n + CN__DRAWN - 1) / CN__DRAWN, end = CN__DRAWN * cn__cut(pieces, a->tasks, task + 1);
    end = CN__MIN(end, a->n);
    for (int64_t k = CN__DRAWN * cn__cut(pieces, a->tasks, task); k < end; k += CN__DRAWN) {
        int n = (int)CN__MIN(end - k, CN__DRAWN), whole = (n + CN__DRAWN_STEP - 1) / CN__DRAWN_STEP * CN__DRAWN_STEP;
        float *to = n == whole ? a->y + k : some;
        cn__random_fill((uint64_t)a->state[0], a->stream, (uint64_t)a->state[1], (uint64_t)k, bits, (uint64_t)whole);
        a->draw(bits, whole, &a->how, to);
        if (to == some) memcpy(a->y + k, some, (size_t)n * sizeof *some);
    }
}

const char *cn__takes_random(const cn_graph *g, const cn__inst *i)
{
    return cn__is_f32(g, i->out) ? NULL : "not float32";
}

CN__SMALL bool cn__prepare_random(cn__prep *p, const cn_graph *g, const cn__inst *i)
{
    const double below = 0.022750131948179207200;        /* the normal distribution at -2 */
    const cn__a_random *r = i->attr;
    const cn__kernels  *kernels = cn__cpu_kernels();
    int64_t  n = cn__type_count(cn__type_of(g, i->out));
    uint32_t tasks = cn__tasks((double)n, GRAIN, TASKS);
    random_args *a = cn__prep_call(p, draw_task, cn__ops[i->op].name, sizeof *a, 1, tasks);
    if (!a) return false;
    a->n = n, a->tasks = tasks, a->stream = r->stream;
    a->how = (cn__draw){ r->a, r->b, 0, 1 };
    if (i->op == CN__OP_RANDOM_TRUNCATED) a->how.least = below, a->how.share = 1 - 2 * below;
    a->draw = i->op == CN__OP_RANDOM_BERNOULLI ? kernels->bernoulli
            : i->op == CN__OP_RANDOM_UNIFORM   ? kernels->uniform : kernels->normal;
    cn__prep_ptr(p, &a->state, cn__in(g, i)[0]);
    cn__prep_ptr(p, &a->y, i->out);
    return true;
}
