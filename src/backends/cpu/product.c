/* product.c: products of matrices: blocks of C by the micro-kernel, B in panels of 32 columns, the chain behind the
   product applied to a block row while it is in the cache. Tasks are rectangles of C, by shape only; each runs the
   whole depth. */
#include "backends/cpu/panels.h"
#include "base/cpu.h"

enum { TASKS = 16, B = 0, A = 1 };                       /* temporaries: panels of B, lines of A */
static const double GRAIN = 100e3;                       /* multiply-adds of a task: a microsecond */

/* ---- Kernels ----------------------------------------------------------------------------------------------------- */
typedef struct product_args {
    const float *a, *b;
    float       *c;
    const cn__kernels  *kernels;
    const cn__products *products;
    const cn__a_fused  *chain;                           /* NULL: none */
    int64_t ars, aks, rows, cols, depth;                 /* depth: words */
    int64_t ldc, apart;                                  /* of C: from row to row, from panel to panel */
    int64_t tiles, row_tasks, col_tasks;
    int64_t panels, chunk;                               /* of B that are used together: panels, words of the depth */
    int32_t nin, nout;
    cn__operand in[CN__TILE_REGS], out[CN__TILE_REGS];   /* of the chain; in[0] is C */
} product_args;

static int64_t share(int64_t n, int64_t parts, int64_t k) { return n * k / parts; }

static void run_chain(const product_args *p, int64_t row, int rows, int64_t col, int64_t cols, float *regs)
{
    cn__operand in[CN__TILE_REGS], out[CN__TILE_REGS];
    for (int k = 0; k < p->nin; k++) in[k] = p->in[k], in[k].p += row * in[k].rs + col * in[k].cs;
    for (int k = 0; k < p->nout; k++) out[k] = p->out[k], out[k].p += row * out[k].rs + col * out[k].cs;
    p->kernels->chain(p->chain, in, p->nin, out, rows, cols, regs);
}

/* Panels j0 .. j1 of C's rows t0 .. t1 of tiles, words k .. k + depth: these panels of B stay in the cache. */
static void multiply(const product_args *p, int64_t t0, int64_t t1, int64_t j0, int64_t j1, int64_t k, int64_t depth)
{
    int64_t span = p->apart == CN__PANEL_COLS ? j1 - j0 : 1;             /* panels of C that lie side by side */
    cn__block block = { .ars = p->ars, .aks = p->aks, .ldc = p->ldc, .depth = depth, .add = k > 0 };
    for (int64_t t = t0; t < t1; t++) {
        int64_t first = share(p->rows, p->tiles, t);
        block.rows = (int)(share(p->rows, p->tiles, t + 1) - first);
        block.a = p->a + first * p->ars + k * p->aks;
        for (int64_t j = j0; j < j1; j += span) {
            block.b = p->b + (j * p->depth + k) * CN__PANEL_COLS;
            block.c = p->c + first * p->ldc + j * p->apart;
            block.cols = (int)CN__MIN(p->cols - j * CN__PANEL_COLS, span * CN__PANEL_COLS);
            p->products->product(&block, p->depth * CN__PANEL_COLS);
        }
    }
}

static void multiply_row(const product_args *p, int64_t j0, int64_t j1)
{
    int64_t  col = j0 * CN__PANEL_COLS;
    cn__block block = { .a = p->a, .b = p->b + col * p->depth, .c = p->c + col, .ars = p->ars, .aks = p->aks,
                        .depth = p->depth, .rows = 1,
                        .cols = (int)(CN__MIN(p->cols, j1 * CN__PANEL_COLS) - col) };
    p->products->product_row(&block, p->depth * CN__PANEL_COLS);
}

static void product_task(const void *args, uint32_t rep, uint32_t task, cn__lane *lane)
{
    const product_args *p = args;
    (void)rep;
    int64_t ti = task % p->row_tasks, tj = task / p->row_tasks, n = cn__panels(p->cols);
    int64_t t0 = share(p->tiles, p->row_tasks, ti), t1 = share(p->tiles, p->row_tasks, ti + 1);
    int64_t j1 = share(n, p->col_tasks, tj + 1), row = share(p->rows, p->tiles, t0);
    int     rows = (int)(share(p->rows, p->tiles, t1) - row);
    if (!rows) return;
    for (int64_t j = share(n, p->col_tasks, tj), next; j < j1; j = next) {
        next = CN__MIN(j + p->panels, j1);
        if (p->rows == 1) multiply_row(p, j, next);
        else
            for (int64_t k = 0; k == 0 || k < p->depth; k += p->chunk)
                multiply(p, t0, t1, j, next, k, CN__MIN(p->depth - k, p->chunk));
        if (p->chain)
            run_chain(p, row, rows, j * CN__PANEL_COLS, CN__MIN(p->cols, next * CN__PANEL_COLS) - j * CN__PANEL_COLS,
                      lane->scratch);
    }
}

/* ---- Preparing --------------------------------------------------------------------------------------------------- */
typedef struct shape { int64_t rows, cols, depth; bool ta, tb, bf16; cn__layout layout; } shape;

static shape shape_of(const cn_graph *g, const cn__inst *i)
{
    const cn__type *a = cn__type_of(g, cn__in(g, i)[0]), *b = cn__type_of(g, cn__in(g, i)[1]);
    const cn__inst *packed = cn__inst_of(g, cn__in(g, i)[1]);
    shape s = { .layout = packed && packed->op == CN__OP_PACK ? (cn__layout)((const cn__a_pack *)packed->attr)->layout
                                                              : CN__ROWS };
    if (i->op == CN__OP_PRODUCT) {
        const cn__a_fused *f = i->attr;
        s.ta = f->ta, s.tb = f->tb, s.bf16 = f->bf16;
    } else {
        const cn__a_matmul *m = i->attr;
        s.ta = m->ta, s.tb = m->tb, s.bf16 = m->bf16;
    }
    s.depth = b->dim[s.tb ? 1 : 0], s.cols = b->dim[s.tb ? 0 : 1];
    s.rows = s.ta ? a->dim[1] : 1;
    for (int k = 0; !s.ta && k + 1 < a->rank; k++) s.rows *= a->dim[k];
    return s;
}

const char *cn__takes_product(const cn_graph *g, const cn__inst *i)
{
    const cn__val *in = cn__in(g, i);
    const cn__a_matmul *m = i->attr;
    if (!cn__is_f32(g, in[0]) || !cn__is_f32(g, in[1])) return "not float32";
    if (cn__type_of(g, in[1])->rank != 2 || cn__type_of(g, in[0])->rank < 2) return "several matrices";
    return m->ta && cn__type_of(g, in[0])->rank != 2 ? "several transposed matrices" : NULL;
}

cn__layout cn__product_wants(const cn_graph *g, const cn__inst *i, int operand)
{
    if (operand != 1 || (i->op != CN__OP_PRODUCT && (i->op != CN__OP_MATMUL || cn__takes_product(g, i))))
        return CN__ROWS;
    if (cn__value_of(g, cn__in(g, i)[1])->kind != CN__V_VAR) return CN__ROWS;
    shape s = shape_of(g, i);
    if (s.bf16) return s.tb ? CN__PANEL_BF16_T : CN__PANEL_BF16;
    return s.tb ? CN__PANEL_T : CN__PANEL;
}

/* A call before the product puts B into panels. */
static bool pack_first(cn__prep *p, const cn_graph *g, const cn__inst *i, const shape *s)
{
    const cn__type *b = cn__type_of(g, cn__in(g, i)[1]);
    cn__pack how = { .rs = s->tb ? 1 : b->dim[1], .cs = s->tb ? b->dim[1] : 1, .depth = s->depth, .cols = s->cols,
                     .bf16 = s->bf16 };
    return cn__prepare_pack(p, &how, cn__in(g, i)[1], B);
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

static const char *name_of(bool chained, bool bf16)
{
    if (bf16) return chained ? "product+chain bf16" : "product bf16";
    return chained ? "product+chain" : "product";
}

/* Lines of float32 a multiple of 4 KiB apart would fight for the same places of the cache, tile after tile. */
static bool spreads(const shape *s)
{
    return s->bf16 || ((s->ta ? s->rows : s->depth) % 1024 == 0 && s->rows > 4 && s->cols > 2 * CN__PANEL_COLS);
}

/* So many tasks as rectangles of C, each of which reads its rows of A and columns of B. Where A stays in the second
   cache a thread keeps to what is its own of a weight: the same columns in all its products; the same rows of its
   gradient, if that lies in rows. Else they read the least in all. Gives how many side by side. */
static int64_t split(const shape *s, bool by_rows, int64_t tiles, int64_t tasks, int64_t *row_tasks)
{
    int64_t most = CN__MIN(cn__panels(s->cols), tasks);
    int64_t best = CN__MAX(1, by_rows ? tasks / CN__MIN(tiles, tasks) : most);
    bool    cached = s->rows * s->depth * (int64_t)sizeof(float) <= (int64_t)cn__cpu_info()->l2 / 2;
    for (int64_t c = 1; c <= most && !cached; c++) {
        int64_t r = tasks / c, now = tasks / best;
        if (c * r < tasks || r > tiles) continue;
        if (c * s->rows + r * s->cols <= best * s->rows + now * s->cols || now > tiles) best = c;
    }
    *row_tasks = CN__MIN(tiles, CN__MAX(1, tasks / best));
    return best;
}

/* An even number, for two threads. A few columns take as long as half a panel. */
static int64_t tasks_of(const shape *s)
{
    enum { HALF = CN__PANEL_COLS / 2 };
    double cols = (double)((s->cols + HALF - 1) / HALF * HALF);
    uint32_t tasks = cn__tasks((double)s->rows * cols * (double)s->depth, GRAIN, TASKS);
    return tasks > 1 ? tasks / 2 * 2 : 1;
}

/* Parts of the depth, equal but for whole dots, and panels that fill the second cache; lines of A run past them. */
static void choose_blocks(product_args *a)
{
    int64_t parts = CN__MAX(1, (a->depth + a->products->words - 1) / a->products->words) * CN__DOT_WORDS;
    a->chunk = CN__MAX(1, (a->depth + parts - 1) / parts) * CN__DOT_WORDS;
    a->panels = CN__MAX(1, (int64_t)cn__cpu_info()->l2 / (a->chunk * CN__PANEL_COLS * (int64_t)sizeof(float)));
    if (a->rows == 1) a->panels = CN__MAX(1, cn__panels(a->cols));
}

bool cn__prepare_product(cn__prep *p, const cn_graph *g, const cn__inst *i)
{
    shape s = shape_of(g, i);
    const cn__products *products = cn__products_of(s.bf16);
    int64_t line = s.ta ? s.rows : s.depth;              /* words of A that lie together */
    if (s.layout == CN__ROWS && !pack_first(p, g, i, &s)) return false;
    if (spreads(&s) && !(line = cn__prepare_lines(p, cn__in(g, i)[0], s.rows, s.depth, s.ta, s.bf16, A))) return false;
    const bool gradient = s.ta;
    if (products->in_rows) s.ta = false;                 /* the lines are rows now */
    int64_t  tiles = CN__MAX(1, (s.rows + products->rows - 1) / products->rows);
    bool    panels = cn__prep_layout(p, i->out) == CN__PANEL;            /* with the zeros behind the last column */
    int64_t row_tasks, col_tasks = split(&s, gradient && !panels, tiles, tasks_of(&s), &row_tasks);
    bool    chained = i->op == CN__OP_PRODUCT && ((const cn__a_fused *)i->attr)->ninst;
    product_args *a = cn__prep_call(p, product_task, name_of(chained, s.bf16), sizeof *a, 1,
                                    (uint32_t)(row_tasks * col_tasks));
    if (!a) return false;
    *a = (product_args){ .kernels = cn__cpu_kernels(),
                         .products = products,
                         .rows = s.rows,
                         .cols = panels ? cn__panels(s.cols) * CN__PANEL_COLS : s.cols,
                         .ldc = panels ? CN__PANEL_COLS : s.cols,
                         .apart = panels ? s.rows * CN__PANEL_COLS : CN__PANEL_COLS,
                         .depth = cn__words(s.depth, s.bf16),
                         .ars = s.ta ? 1 : line,
                         .aks = s.ta ? line : 1,
                         .tiles = tiles,
                         .row_tasks = row_tasks,
                         .col_tasks = col_tasks };
    choose_blocks(a);
    if (spreads(&s)) cn__prep_temp(p, &a->a, 0, A);
    else cn__prep_ptr(p, &a->a, cn__in(g, i)[0]);
    if (s.layout == CN__ROWS) cn__prep_temp(p, &a->b, 0, B);
    else cn__prep_ptr(p, &a->b, cn__in(g, i)[1]);
    if (chained) prepare_chain(p, g, i, a);
    else cn__prep_ptr(p, &a->c, i->out);
    cn__prep_lane(p, (size_t)CN__TILE_REGS * CN__TILE * sizeof(float));
    return true;
}
