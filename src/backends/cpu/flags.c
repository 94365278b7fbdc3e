/* flags.c: element-wise ops of float32 with bool operands or results that lie in memory: comparisons, WHERE, NOT,
   IS_NAN, IS_FINITE. The chain's functions run on pieces, whose bytes become numbers before or bytes behind. */
#include "backends/cpu/cpu.h"

enum { TASKS = 64, PIECE = 1024 };
static const double GRAIN = 32768;                       /* numbers of a task */

typedef struct flag_args {
    const cn__kernels *kernels;
    const cn__a_fused *program;
    const void *in[3];
    void   *out;
    int64_t n, tasks;
    int64_t step[3];                                     /* 0: one for all */
    int32_t nin;
    bool    flag[3], gives_flags;
} flag_args;

static __attribute__((noinline, hot)) void narrow(uint8_t *restrict to, const float *restrict from, int64_t n)
{
    for (int64_t k = 0; k < n; k++) to[k] = from[k] != 0;
}

static CN__SMALL void flag_task(const void *args, uint32_t rep, uint32_t task, cn__lane *lane)
{
    const flag_args *a = args;
    float given[PIECE], made[PIECE];                     /* one operand can be bool */
    int64_t end = cn__cut(a->n, a->tasks, task + 1);
    (void)rep;
    for (int64_t first = cn__cut(a->n, a->tasks, task); first < end; first += PIECE) {
        int64_t n = CN__MIN(end - first, PIECE);
        cn__operand in[3], out = { a->gives_flags ? made : (float *)a->out + first, n, 1 };
        for (int k = 0; k < a->nin; k++) {
            int64_t at = first * a->step[k];
            if (a->flag[k]) a->kernels->widen(given, CN_UINT8, (const uint8_t *)a->in[k] + at, a->step[k] ? n : 1);
            in[k] = (cn__operand){ a->flag[k] ? given : (const float *)a->in[k] + at, a->step[k] * n, a->step[k] };
        }
        a->kernels->chain(a->program, in, a->nin, &out, 1, n, lane->scratch);
        if (a->gives_flags) narrow((uint8_t *)a->out + first, made, n);
    }
}

CN__SMALL const char *cn__takes_flags(const cn_graph *g, const cn__inst *i)
{
    const cn__type *y = cn__type_of(g, i->out);
    bool chooses = i->op == CN__OP_WHERE;
    for (int k = 0; k < i->nin; k++) {
        const cn__type *x = cn__type_of(g, cn__in(g, i)[k]);
        bool    fits = chooses && k ? cn__dtype_size((cn_dtype)x->dtype) == sizeof(float)    /* which it only moves */
                                    : x->dtype == (chooses || i->op == CN__OP_NOT ? CN_BOOL : CN_FLOAT32);
        uint8_t cls = cn__tile_class_of(x, y);
        if (!fits) return chooses ? "not of four bytes" : "not float32";
        if (cls != CN__TILE_FULL && cls != CN__TILE_SCALAR) return "broadcast in the middle";
    }
    return NULL;
}

CN__SMALL bool cn__prepare_flags(cn__prep *p, const cn_graph *g, const cn__inst *i)
{
    const cn__type *y = cn__type_of(g, i->out);
    int64_t  n = cn__type_count(y);
    uint32_t tasks = cn__tasks((double)n, GRAIN, TASKS);
    cn__a_fused *f = cn__prep_keep(p, sizeof *f + sizeof *f->inst);
    flag_args   *a = f ? cn__prep_call(p, flag_task, cn__ops[i->op].name, sizeof *a, 1, tasks) : NULL;
    if (!a) return false;
    *a = (flag_args){ .kernels = cn__cpu_kernels(), .program = f, .n = n, .tasks = tasks, .nin = i->nin,
                      .gives_flags = y->dtype == CN_BOOL };
    f->nin = (uint16_t)i->nin, f->nout = 1, f->ninst = 1, f->nreg = (uint16_t)(i->nin + 1), f->store[0] = f->nin;
    f->inst[0] = (cn__tile_inst){ .op = i->op, .dst = f->nin, .a = 0, .b = i->nin > 1, .c = i->nin > 2 ? 2 : 0 };
    for (int k = 0; k < i->nin; k++) {
        const cn__type *x = cn__type_of(g, cn__in(g, i)[k]);
        f->cls[k] = cn__tile_class_of(x, y);
        a->step[k] = f->cls[k] == CN__TILE_FULL, a->flag[k] = x->dtype == CN_BOOL;
        cn__prep_ptr(p, &a->in[k], cn__in(g, i)[k]);
    }
    cn__prep_ptr(p, &a->out, i->out);
    cn__prep_lane(p, (size_t)CN__TILE_REGS * CN__TILE * sizeof(float));
    return true;
}
