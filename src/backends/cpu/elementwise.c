/* elementwise.c: element-wise ops, alone or in chains, on float32 (comparisons give and take 0 and 1 within a chain
   only). */
#include "backends/cpu/cpu.h"
#include <string.h>

enum { TASKS = 64 };
static const double GRAIN = 32768;                       /* numbers of a task */

typedef struct chain_args {
    const cn__kernels *kernels;
    const cn__a_fused *program;
    int64_t rows, cols, row_tasks, col_tasks;
    int32_t nin, nout;
    cn__operand in[CN__TILE_REGS], out[CN__TILE_REGS];
} chain_args;

/* Borders on whole vectors of the widest set: the pieces, and so their bits, are those of one task. */
static int64_t border(int64_t n, int64_t parts, int64_t k)
{
    return k == parts ? n : n * k / parts / CN__TILE * CN__TILE;
}

static void chain_task(const void *args, uint32_t rep, uint32_t task, cn__lane *lane)
{
    const chain_args *a = args;
    (void)rep;
    if (a->row_tasks * a->col_tasks == 1) {
        a->kernels->chain(a->program, a->in, a->nin, a->out, a->rows, a->cols, lane->scratch);
        return;
    }
    int64_t ti = task / a->col_tasks, tj = task % a->col_tasks;
    int64_t r0 = a->rows * ti / a->row_tasks, r1 = a->rows * (ti + 1) / a->row_tasks;
    int64_t c0 = border(a->cols, a->col_tasks, tj), c1 = border(a->cols, a->col_tasks, tj + 1);
    cn__operand in[CN__TILE_REGS], out[CN__TILE_REGS];
    for (int k = 0; k < a->nin; k++) in[k] = a->in[k], in[k].p += r0 * in[k].rs + c0 * in[k].cs;
    for (int k = 0; k < a->nout; k++) {
        out[k] = a->out[k];
        if (out[k].p) out[k].p += r0 * out[k].rs + c0 * out[k].cs;
    }
    a->kernels->chain(a->program, in, a->nin, out, r1 - r0, c1 - c0, lane->scratch);
}

/* No operand of this class among the inputs. */
static bool without(const cn__a_fused *f, uint8_t cls)
{
    for (int k = 0; k < f->nin; k++)
        if (f->cls[k] == cls) return false;
    return true;
}

static bool emit_chain(cn__prep *p, const cn_graph *g, const cn__inst *i, const cn__a_fused *f, const char *name)
{
    int64_t rows = f->rows, cols = f->cols;
    if (without(f, CN__TILE_ROW) && without(f, CN__TILE_COL)) cols *= rows, rows = 1;
    uint32_t tasks = cn__tasks((double)rows * (double)cols, GRAIN, TASKS);
    int64_t  row_tasks = rows == 1 ? 1 : CN__MIN(rows, tasks), col_tasks = rows == 1 ? tasks : 1;
    chain_args *a = cn__prep_call(p, chain_task, name, sizeof *a, 1, (uint32_t)(row_tasks * col_tasks));
    if (!a) return false;
    *a = (chain_args){ cn__cpu_kernels(), f, rows, cols, row_tasks, col_tasks, f->nin, f->nout, { { 0 } }, { { 0 } } };
    for (int k = 0; k < f->nin; k++) {
        uint8_t cls = f->cls[k];
        a->in[k].rs = cls == CN__TILE_FULL ? cols : cls == CN__TILE_COL,
        a->in[k].cs = cls == CN__TILE_FULL || cls == CN__TILE_ROW;
        cn__prep_ptr(p, &a->in[k].p, cn__in(g, i)[k]);
    }
    for (int k = 0; k < f->nout; k++) {
        a->out[k].rs = cols, a->out[k].cs = 1;
        cn__prep_ptr(p, &a->out[k].p, i->out + (cn__val)k);
    }
    cn__prep_lane(p, (size_t)CN__TILE_REGS * CN__TILE * sizeof(float));
    return true;
}

bool cn__prepare_fused(cn__prep *p, const cn_graph *g, const cn__inst *i)
{
    return emit_chain(p, g, i, i->attr, "chain");
}

/* ---- One op alone: a chain of one instruction -------------------------------------------------------------------- */
/* Those that the tile functions know, but for those whose results are bool: alone, these are bytes, which the reference
   writes. */
static bool known(cn__op op)
{
    switch (op) {
#define KNOWN(id) case CN__OP_##id:
    CN__TILE_OPS(KNOWN)
#undef KNOWN
        return op != CN__OP_WHERE;                       /* its condition is bool */
    default:
        return false;
    }
}

const char *cn__takes_elementwise(const cn_graph *g, const cn__inst *i)
{
    const cn__op_info *info = &cn__ops[i->op];
    if (!(info->flags & CN__F_ELEMENTWISE) || info->flags & CN__F_COMPOSITE) return "not element-wise";
    if (!known((cn__op)i->op)) return "no tile function";
    if (!cn__is_f32(g, i->out)) return "not float32";
    for (int k = 0; k < i->nin; k++) {
        if (!cn__is_f32(g, cn__in(g, i)[k])) return "not float32";
        if (!cn__tile_class_of(cn__type_of(g, cn__in(g, i)[k]), cn__type_of(g, i->out)))
            return "broadcast in the middle";
    }
    return NULL;
}

bool cn__prepare_elementwise(cn__prep *p, const cn_graph *g, const cn__inst *i)
{
    cn__a_fused *f = cn__prep_keep(p, sizeof *f + sizeof *f->inst);
    if (!f) return false;
    const cn__type *out = cn__type_of(g, i->out);
    int64_t n = cn__type_count(out), cols = out->rank ? out->dim[out->rank - 1] : 1;
    f->rows = cols ? n / cols : 0, f->cols = cols, f->nin = (uint16_t)i->nin, f->nout = 1, f->ninst = 1,
    f->nreg = (uint16_t)(i->nin + 1);
    for (int k = 0; k < i->nin; k++) f->cls[k] = cn__tile_class_of(cn__type_of(g, cn__in(g, i)[k]), out);
    f->store[0] = (uint16_t)i->nin;
    f->inst[0] =
        (cn__tile_inst){ .op = i->op, .dst = (uint16_t)i->nin, .a = 0, .b = i->nin > 1, .c = i->nin > 2 ? 2 : 0 };
    return emit_chain(p, g, i, f, cn__ops[i->op].name);
}
