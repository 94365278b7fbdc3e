/* product.c: products of matrices: blocks of C by the micro-kernel, B in panels of 32 columns, the chain behind the
   product applied to a block row while it is in the cache. Tasks are rectangles of C, by shape only; each runs the
   whole depth. */
#include "backends/cpu/cpu.h"
#include <string.h>

enum { DEPTH = 1024, BLOCK = 16, PACK_TASKS = 64, TASKS = 16 };
static const double GRAIN = 600e3;                       /* multiply-adds of a task: some microseconds */

/* ---- Panels ------------------------------------------------------------------------------------------------------ */
/* Panel j of B (depth x cols), element (k, c) at b[k rs + c cs], to [depth][32], zeros behind the last column. */
static void pack_panel(const float *b, int64_t rs, int64_t cs, int64_t depth, int64_t cols, int64_t j, float *to)
{
    int64_t first = j * CN__PANEL_COLS, n = CN__MIN(cols - first, CN__PANEL_COLS), k = 0;
    b += first * cs;
    if (rs == 1 && n == CN__PANEL_COLS)
        for (; k + BLOCK <= depth; k += BLOCK) cn__cpu_kernels()->transpose(b + k, cs, to + k * CN__PANEL_COLS);
    for (; k < depth; k++) {
        float *row = to + k * CN__PANEL_COLS;
        if (cs == 1) memcpy(row, b + k * rs, (size_t)n * sizeof *row);
        else
            for (int64_t c = 0; c < n; c++) row[c] = b[k * rs + c * cs];
        memset(row + n, 0, (size_t)(CN__PANEL_COLS - n) * sizeof *row);
    }
}

static int64_t panels(int64_t cols) { return (cols + CN__PANEL_COLS - 1) / CN__PANEL_COLS; }

/* W (K, N): PANEL is of W itself, PANEL_T of its transpose. */
size_t cn__panel_bytes(cn__layout layout, const cn__type *t)
{
    int64_t k = t->dim[0], n = t->dim[1];
    return (size_t)(layout == CN__PANEL ? panels(n) * k : panels(k) * n) * CN__PANEL_COLS * sizeof(float);
}

void cn__pack_panels(cn__layout layout, const cn__type *t, const void *master, void *at)
{
    int64_t k = t->dim[0], n = t->dim[1], depth = layout == CN__PANEL ? k : n, cols = layout == CN__PANEL ? n : k;
    for (int64_t j = 0; j < panels(cols); j++)
        pack_panel(master, layout == CN__PANEL ? n : 1, layout == CN__PANEL ? 1 : n, depth, cols, j,
                   (float *)at + j * depth * CN__PANEL_COLS);
}

/* ---- Kernels ----------------------------------------------------------------------------------------------------- */
typedef struct pack_args { const float *b; float *to; int64_t rs, cs, depth, cols; } pack_args;
static void pack_task(const void *args, uint32_t rep, uint32_t task, cn__lane *lane)
{
    const pack_args *a = args;
    (void)rep, (void)lane;
    for (int64_t j = task; j < panels(a->cols); j += PACK_TASKS)
        pack_panel(a->b, a->rs, a->cs, a->depth, a->cols, j, a->to + j * a->depth * CN__PANEL_COLS);
}

typedef struct product_args {
    const float *a, *b;
    float       *c;
    const cn__kernels *kernels;
    const cn__a_fused *chain;                            /* NULL: none */
    int64_t ars, aks, rows, cols, depth;
    int64_t tiles, row_tasks, col_tasks;
    bool    gathers;                   /* A's rows lie a multiple of 4 KiB apart: they would fight for the same lines */
    int32_t nin, nout;
    cn__operand in[CN__TILE_REGS], out[CN__TILE_REGS];   /* of the chain; in[0] is C */
} product_args;

static int64_t share(int64_t n, int64_t parts, int64_t k) { return n * k / parts; }

/* Rows of a tile, [depth][rows] */
static const float *gather(const product_args *p, int64_t first, int rows, int64_t k, int64_t depth, float *to)
{
    for (int i = 0; i < rows; i++)
        for (int64_t d = 0; d < depth; d++) to[d * rows + i] = p->a[(first + i) * p->ars + (k + d) * p->aks];
    return to;
}

static void run_chain(const product_args *p, int64_t row, int rows, int64_t col, int64_t cols, float *regs)
{
    cn__operand in[CN__TILE_REGS], out[CN__TILE_REGS];
    for (int k = 0; k < p->nin; k++) in[k] = p->in[k], in[k].p += row * in[k].rs + col * in[k].cs;
    for (int k = 0; k < p->nout; k++) out[k] = p->out[k], out[k].p += row * out[k].rs + col * out[k].cs;
    p->kernels->chain(p->chain, in, p->nin, out, rows, cols, regs);
}

static void product_task(const void *args, uint32_t rep, uint32_t task, cn__lane *lane)
{
    const product_args *p = args;
    (void)rep;
    int64_t ti = task / p->col_tasks, tj = task % p->col_tasks, n = panels(p->cols);
    int64_t j0 = share(n, p->col_tasks, tj), j1 = share(n, p->col_tasks, tj + 1);
    int64_t col = j0 * CN__PANEL_COLS, cols = CN__MIN(p->cols, j1 * CN__PANEL_COLS) - col;
    for (int64_t t = share(p->tiles, p->row_tasks, ti); t < share(p->tiles, p->row_tasks, ti + 1); t++) {
        int64_t first = share(p->rows, p->tiles, t);
        int     rows = (int)(share(p->rows, p->tiles, t + 1) - first);
        if (!rows || !cols) continue;
        for (int64_t k = 0; k < CN__MAX(p->depth, 1); k += DEPTH) {
            cn__block block = { .a = p->a + first * p->ars + k * p->aks, .ars = p->ars, .aks = p->aks, .ldc = p->cols,
                                .depth = CN__MIN(p->depth - k, DEPTH), .rows = rows, .add = k > 0 };
            if (p->gathers)
                block.a = gather(p, first, rows, k, block.depth, lane->scratch), block.ars = 1, block.aks = rows;
            if (rows == 1) {
                block.b = p->b + (j0 * p->depth + k) * CN__PANEL_COLS, block.c = p->c + first * p->cols + col;
                block.cols = (int)cols;
                p->kernels->product_row(&block, p->depth * CN__PANEL_COLS);
                continue;
            }
            for (int64_t j = j0; j < j1; j++) {
                block.b = p->b + (j * p->depth + k) * CN__PANEL_COLS;
                block.c = p->c + first * p->cols + j * CN__PANEL_COLS;
                block.cols = (int)CN__MIN(p->cols - j * CN__PANEL_COLS, CN__PANEL_COLS);
                p->kernels->product(&block);
            }
        }
        if (p->chain) run_chain(p, first, rows, col, cols, lane->scratch);
    }
}

/* ---- Preparing --------------------------------------------------------------------------------------------------- */
typedef struct shape { int64_t rows, cols, depth; bool ta, tb; cn__layout layout; } shape;

static shape shape_of(const cn_graph *g, const cn__inst *i)
{
    const cn__type *a = cn__type_of(g, cn__in(g, i)[0]), *b = cn__type_of(g, cn__in(g, i)[1]);
    const cn__inst *packed = cn__inst_of(g, cn__in(g, i)[1]);
    shape s = { .layout = packed && packed->op == CN__OP_PACK ? (cn__layout)((const cn__a_pack *)packed->attr)->layout
                                                              : CN__ROWS };
    if (i->op == CN__OP_PRODUCT) s.ta = ((const cn__a_fused *)i->attr)->ta, s.tb = ((const cn__a_fused *)i->attr)->tb;
    else s.ta = ((const cn__a_matmul *)i->attr)->ta, s.tb = ((const cn__a_matmul *)i->attr)->tb;
    s.depth = b->dim[s.tb ? 1 : 0], s.cols = b->dim[s.tb ? 0 : 1];
    s.rows = s.ta ? a->dim[1] : 1;
    for (int k = 0; !s.ta && k + 1 < a->rank; k++) s.rows *= a->dim[k];
    return s;
}

const char *cn__takes_product(const cn_graph *g, const cn__inst *i)
{
    const cn__val *in = cn__in(g, i);
    const cn__a_matmul *m = i->attr;
    if (m->bf16) return "bfloat16 operands";
    if (!cn__is_f32(g, in[0]) || !cn__is_f32(g, in[1])) return "not float32";
    if (cn__type_of(g, in[1])->rank != 2 || cn__type_of(g, in[0])->rank < 2) return "several matrices";
    return m->ta && cn__type_of(g, in[0])->rank != 2 ? "several transposed matrices" : NULL;
}

cn__layout cn__product_wants(const cn_graph *g, const cn__inst *i, int operand)
{
    if (operand != 1 || (i->op != CN__OP_PRODUCT && (i->op != CN__OP_MATMUL || cn__takes_product(g, i))))
        return CN__ROWS;
    if (cn__value_of(g, cn__in(g, i)[1])->kind != CN__V_VAR) return CN__ROWS;
    return shape_of(g, i).tb ? CN__PANEL_T : CN__PANEL;
}

/* B is not in panels yet: a call before the product packs it. */
static bool pack_first(cn__prep *p, const cn_graph *g, const cn__inst *i, const shape *s)
{
    const cn__type *b = cn__type_of(g, cn__in(g, i)[1]);
    pack_args *a =
        cn__prep_call(p, pack_task, "pack", sizeof *a, 1, (uint32_t)CN__MAX(1, CN__MIN(panels(s->cols), PACK_TASKS)));
    if (!a) return false;
    *a = (pack_args){ .rs = s->tb ? 1 : b->dim[1], .cs = s->tb ? b->dim[1] : 1, .depth = s->depth, .cols = s->cols };
    cn__prep_ptr(p, &a->b, cn__in(g, i)[1]);
    cn__prep_temp(p, &a->to, (size_t)(panels(s->cols) * s->depth) * CN__PANEL_COLS * sizeof(float) + 64, 0);
    return true;
}

/* What an update of a variable has to do beside its master: the panels that products read. */
bool cn__prepare_mirrors(cn__prep *p, cn__var *var)
{
    for (int k = 0; k < cn__prep_mirrors(p, var); k++) {
        bool    t = var->mirror[k].layout == CN__PANEL_T;
        int64_t rows = var->type.dim[0], cols = var->type.dim[1];
        pack_args *a = cn__prep_call(p, pack_task, "mirror", sizeof *a, 1,
                                     (uint32_t)CN__MAX(1, CN__MIN(panels(t ? rows : cols), PACK_TASKS)));
        if (!a) return false;
        *a = (pack_args){ .rs = t ? 1 : cols, .cs = t ? cols : 1, .depth = t ? cols : rows, .cols = t ? rows : cols };
        cn__prep_var(p, &a->b, var);
        cn__prep_mirror(p, &a->to, var, k);
    }
    return true;
}

static void operand(cn__prep *p, cn__operand *o, cn__val v, uint8_t cls, int64_t cols)
{
    o->rs = cls == CN__TILE_FULL ? cols : cls == CN__TILE_COL, o->cs = cls == CN__TILE_FULL || cls == CN__TILE_ROW;
    cn__prep_ptr(p, &o->p, v);
}

/* The product itself lies in the first output that is its register as it stands, else in a temporary. */
static void prepare_chain(cn__prep *p, const cn_graph *g, const cn__inst *i, product_args *a)
{
    const cn__a_fused *f = i->attr;
    a->chain = f, a->nin = f->nin - 1, a->nout = f->nout;
    a->in[0] = (cn__operand){ .rs = a->cols, .cs = 1 };
    for (int k = 1; k < a->nin; k++) operand(p, &a->in[k], cn__in(g, i)[k + 1], f->cls[k], a->cols);
    for (int k = 0; k < f->nout; k++) operand(p, &a->out[k], i->out + (cn__val)k, CN__TILE_FULL, a->cols);
    cn__prep_ptr(p, &a->c, i->out);
    cn__prep_ptr(p, &a->in[0].p, i->out);
}

bool cn__prepare_product(cn__prep *p, const cn_graph *g, const cn__inst *i)
{
    shape s = shape_of(g, i);
    const cn__kernels *kernels = cn__cpu_kernels();
    if (s.layout == CN__ROWS && !pack_first(p, g, i, &s)) return false;
    int64_t  tiles = CN__MAX(1, (s.rows + kernels->rows - 1) / kernels->rows);
    uint32_t tasks = cn__tasks((double)s.rows * (double)s.cols * (double)s.depth, GRAIN, TASKS);
    int64_t col_tasks = s.ta ? 1 : CN__MAX(1, CN__MIN(panels(s.cols), tasks)),
            row_tasks = CN__MIN(tiles, CN__MAX(1, tasks / col_tasks));
    product_args *a = cn__prep_call(p, product_task, i->op == CN__OP_PRODUCT ? "product+chain" : "product", sizeof *a,
                                    1, (uint32_t)(row_tasks * col_tasks));
    if (!a) return false;
    *a = (product_args){ .kernels = kernels,
                         .rows = s.rows,
                         .cols = s.cols,
                         .depth = s.depth,
                         .ars = s.ta ? 1 : s.depth,
                         .aks = s.ta ? s.rows : 1,
                         .tiles = tiles,
                         .row_tasks = row_tasks,
                         .col_tasks = col_tasks,
                         .gathers = !s.ta && s.depth % 1024 == 0 && s.rows > 4 && s.cols > CN__PANEL_COLS };
    cn__prep_ptr(p, &a->a, cn__in(g, i)[0]);
    if (s.layout == CN__ROWS) cn__prep_temp(p, &a->b, 0, 0);
    else cn__prep_ptr(p, &a->b, cn__in(g, i)[1]);
    if (i->op == CN__OP_PRODUCT && ((const cn__a_fused *)i->attr)->ninst) prepare_chain(p, g, i, a);
    else cn__prep_ptr(p, &a->c, i->out);
    cn__prep_lane(p, CN__MAX((size_t)DEPTH * 16, (size_t)CN__TILE_REGS * CN__TILE) * sizeof(float));
    return true;
}
