/* fuse.c: chains of element-wise float32 ops become FUSED, products with a chain behind them PRODUCT. A register is a
   float32, and every op rounds: fusion changes no bit (docs/design.md, decision 9).

   Backwards over the instructions, each joins the chain of its first reader, if its other readers are in that chain as
   well or stand behind the chain's last instruction. So whatever a chain needs from outside stands before its last
   instruction, where it is emitted, and whoever reads its results stands behind it: no cycle can come of it. Flags
   (results of comparisons) exist in registers only: they join if all their readers do. Then a chain is merged into an
   earlier one, emitted where that one is, if the two share an operand and all that it reads is there by then. */
#include "passes/passes.h"
#include "backends/backend.h"
#include "graph/shape.h"

enum { MOST = 64 };                                      /* instructions of a chain */

typedef struct fuse {
    const cn_graph *g;
    uint32_t *chain;                                     /* by instruction: where its chain is emitted; 0: in none */
    uint32_t *head;                                      /* by instruction: the chain whose product it is; 0: none */
    /* by chain: the product before it (0: none), first and last member, how many */
    uint32_t *product, *first, *last, *size;
    uint32_t *reader, *from;                             /* of value v: reader[from[v] .. from[v + 1]), in order */
    bool     *kept;                                      /* by value: an output, checked or assigned */
    bool     *barred;                                    /* by instruction: reads a flag that no chain holds */
} fuse;

static bool is_f32(const cn_graph *g, cn__val v)  { return v && cn__type_of(g, v)->dtype == CN_FLOAT32; }
static bool is_flag(const cn_graph *g, cn__val v) { return v && cn__type_of(g, v)->dtype == CN_BOOL; }

static bool same_dims(const cn__type *a, const cn__type *b)
{
    return a->rank == b->rank && !memcmp(a->dim, b->dim, a->rank * sizeof *a->dim);
}

/* ---- What may be in a chain -------------------------------------------------------------------------------------- */
static bool in_tiles(cn__op op)
{
    switch (op) {
#define TILE_OP(id) case CN__OP_##id:
    CN__TILE_OPS(TILE_OP)
#undef TILE_OP
        return true;
    default: return false;
    }
}

/* A condition, or what is cast, is a flag of the same shape that a chain can make. */
static bool takes_flag(const cn_graph *g, const cn__inst *i, int k)
{
    cn__val v = cn__in(g, i)[k];
    const cn__inst *maker = cn__inst_of(g, v);
    bool place = k == 0 && (i->op == CN__OP_WHERE || i->op == CN__OP_CAST || i->op == CN__OP_NOT);
    return place && maker && is_flag(g, v) && in_tiles((cn__op)maker->op) &&
           same_dims(cn__type_of(g, v), cn__type_of(g, i->out));
}

static bool fits(const fuse *f, uint32_t k)
{
    const cn_graph *g = f->g;
    const cn__inst *i = &g->insts.at[k];
    if (f->barred[k] || !in_tiles((cn__op)i->op) || (i->op == CN__OP_CAST && !takes_flag(g, i, 0))) return false;
    const cn__type *y = cn__type_of(g, i->out);
    if (!cn__type_count(y) || !(is_f32(g, i->out) || is_flag(g, i->out))) return false;
    for (int j = 0; j < i->nin; j++) {
        cn__val v = cn__in(g, i)[j];
        if (!takes_flag(g, i, j) && !(is_f32(g, v) && cn__tile_class_of(cn__type_of(g, v), y))) return false;
    }
    return true;
}

/* A product that a chain can stand behind: of rows by one matrix. */
static bool is_product(const cn_graph *g, uint32_t k)
{
    const cn__inst *i = &g->insts.at[k];
    if (i->op != CN__OP_MATMUL || !is_f32(g, i->out) || !cn__type_count(cn__type_of(g, i->out))) return false;
    const cn__a_matmul *m = i->attr;
    return cn__type_of(g, cn__in(g, i)[1])->rank == 2 && (!m->ta || cn__type_of(g, cn__in(g, i)[0])->rank == 2);
}

/* ---- The program of a chain -------------------------------------------------------------------------------------- */
typedef struct program {
    cn__a_fused *attr;                                   /* with room for MOST instructions */
    cn__val  in[CN__TILE_REGS + 2];                      /* operands of the new instruction, in the old graph */
    int      nin;
    cn__val  out[CN__TILE_REGS];                         /* the old values that its results are */
    cn__val  held[CN__TILE_REGS];                        /* by register: the old value in it; 0: free */
    uint32_t until[CN__TILE_REGS];                       /* by register: the last instruction that reads it */
} program;

static bool is_member(const fuse *f, uint32_t chain, cn__val v)
{
    const cn__value *x = cn__value_of(f->g, v);
    return x->kind == CN__V_INST && (f->chain[x->ref] == chain || f->head[x->ref] == chain);
}

static bool read_outside(const fuse *f, uint32_t chain, cn__val v)
{
    if (f->kept[v]) return true;
    for (uint32_t r = f->from[v]; r < f->from[v + 1]; r++)
        if (f->chain[f->reader[r]] != chain) return true;
    return false;
}

static int find(const program *p, cn__val v)
{
    for (int r = 0; r < CN__TILE_REGS; r++)
        if (p->held[r] == v) return r;
    return -1;
}

/* The lowest free register takes v until its last reader in the chain, or to the end if it is stored. -1: all taken. */
static int hold(const fuse *f, uint32_t chain, program *p, cn__val v)
{
    int r = find(p, 0);
    if (r < 0) return r;
    bool stored = is_member(f, chain, v) && read_outside(f, chain, v);
    p->held[r] = v, p->until[r] = stored ? UINT32_MAX : 0;
    for (uint32_t k = f->from[v]; !stored && k < f->from[v + 1]; k++)
        if (f->chain[f->reader[k]] == chain) p->until[r] = f->reader[k];
    p->attr->nreg = (uint16_t)CN__MAX(p->attr->nreg, r + 1);
    if (!stored) return r;
    if (p->attr->nout == CN__TILE_REGS) return -1;
    p->out[p->attr->nout] = v;
    p->attr->store[p->attr->nout++] = (uint16_t)r;
    return r;
}

/* Numbers go into the instruction, one in each; what else comes from outside is an operand. */
static bool load(const fuse *f, uint32_t chain, program *p, const cn__inst *i)
{
    const cn_graph *g = f->g;
    bool   number = false;
    double value;
    for (int j = 0; j < i->nin; j++) {
        cn__val v = cn__in(g, i)[j];
        if (is_member(f, chain, v) || find(p, v) >= 0) continue;
        if (!number && cn__is_scalar_const(g, v, &value)) {
            number = true;
            continue;
        }
        int r = hold(f, chain, p, v);
        if (r < 0) return false;
        p->attr->cls[r] = cn__tile_class_of(cn__type_of(g, v), cn__type_of(g, g->insts.at[chain].out));
        p->in[p->nin++] = v;
    }
    return true;
}

static bool write(const fuse *f, uint32_t chain, program *p, uint32_t k)
{
    const cn__inst *i = &f->g->insts.at[k];
    cn__tile_inst   t = { .op = i->op };
    uint16_t       *from[3] = { &t.a, &t.b, &t.c };
    for (int j = 0; j < i->nin; j++) {
        int r = find(p, cn__in(f->g, i)[j]);
        *from[j] = r < 0 ? CN__TILE_IMM : (uint16_t)r;
        if (r < 0) cn__is_scalar_const(f->g, cn__in(f->g, i)[j], &t.imm);
    }
    for (int r = 0; r < CN__TILE_REGS; r++)
        if (p->until[r] <= k) p->held[r] = 0;
    int to = hold(f, chain, p, i->out);
    if (to < 0) return false;
    t.dst = (uint16_t)to;
    p->attr->inst[p->attr->ninst++] = t;
    return true;
}

/* false: it needs more registers than there are. */
static bool compile(const fuse *f, uint32_t chain, program *p)
{
    const cn_graph *g = f->g;
    const cn__type *y = cn__type_of(g, g->insts.at[chain].out);
    cn__a_fused *attr = p->attr;
    *p = (program){ .attr = memset(attr, 0, sizeof *attr) };
    p->attr->cols = y->rank ? y->dim[y->rank - 1] : 1, p->attr->rows = cn__type_count(y) / p->attr->cols;
    if (f->product[chain]) {
        const cn__inst *m = &g->insts.at[f->product[chain]];
        const cn__a_matmul *product = m->attr;
        p->attr->ta = product->ta, p->attr->tb = product->tb, p->attr->bf16 = product->bf16;
        p->in[p->nin++] = cn__in(g, m)[0], p->in[p->nin++] = cn__in(g, m)[1];
        p->attr->cls[hold(f, chain, p, m->out)] = CN__TILE_FULL;
    }
    for (uint32_t k = f->first[chain]; k <= f->last[chain]; k++)
        if (f->chain[k] == chain && !load(f, chain, p, &g->insts.at[k])) return false;
    for (uint32_t k = f->first[chain]; k <= f->last[chain]; k++)
        if (f->chain[k] == chain && !write(f, chain, p, k)) return false;
    p->attr->nin = (uint16_t)p->nin;
    return p->nin > 0;
}

/* ---- Forming chains ---------------------------------------------------------------------------------------------- */
/* The chain that instruction k could be in; 0: none. */
static uint32_t chain_for(const fuse *f, uint32_t k)
{
    const cn_graph *g = f->g;
    cn__val  v = g->insts.at[k].out;
    uint32_t n = f->from[v + 1] - f->from[v], chain = n ? f->chain[f->reader[f->from[v]]] : 0;
    if (!chain || f->size[chain] == MOST) return 0;
    if (!same_dims(cn__type_of(g, v), cn__type_of(g, g->insts.at[chain].out))) return 0;
    for (uint32_t r = f->from[v]; r < f->from[v + 1]; r++)
        if (f->chain[f->reader[r]] != chain && f->reader[r] < chain) return 0;
    return is_flag(g, v) && read_outside(f, chain, v) ? 0 : chain;
}

static void join(fuse *f, uint32_t k, uint32_t chain, program *p)
{
    uint32_t first = f->first[chain];
    bool     head = is_product(f->g, k);
    if (head && f->product[chain]) return;
    if (head) f->head[k] = chain, f->product[chain] = k;
    else f->chain[k] = chain, f->first[chain] = k;
    f->size[chain]++;
    if (compile(f, chain, p)) return;
    if (head) f->head[k] = f->product[chain] = 0;
    else f->chain[k] = 0, f->first[chain] = first;
    f->size[chain]--;
}

static void form_chains(fuse *f, program *p)
{
    const cn_graph *g = f->g;
    size_t n = g->insts.n;
    memset(f->chain, 0, n * sizeof *f->chain);
    memset(f->head, 0, n * sizeof *f->head);
    memset(f->product, 0, n * sizeof *f->product);
    for (uint32_t k = (uint32_t)n; k-- > 1;) {
        bool member = fits(f, k);
        if (!member && !is_product(g, k)) continue;
        uint32_t chain = chain_for(f, k);
        if (chain) join(f, k, chain, p);
        if (f->chain[k] || !member || !is_f32(g, g->insts.at[k].out)) continue;
        f->chain[k] = f->first[k] = f->last[k] = k, f->size[k] = 1;
        if (!compile(f, k, p)) f->chain[k] = 0;          /* only numbers: nothing to walk over */
    }
}

/* Readers of flags that are not in their chain cannot be in one: bars them. */
static bool bar(fuse *f)
{
    const cn_graph *g = f->g;
    bool some = false;
    for (uint32_t k = 1; k < g->insts.n; k++) {
        const cn__inst *i = &g->insts.at[k];
        if (!f->chain[k]) continue;
        for (int j = 0; j < i->nin; j++)
            if (is_flag(g, cn__in(g, i)[j]) && !is_member(f, f->chain[k], cn__in(g, i)[j])) f->barred[k] = some = true;
    }
    return some;
}

/* ---- Merging chains ---------------------------------------------------------------------------------------------- */
/* Is it computed before the chain is emitted, or in it? */
static bool there_by(const fuse *f, cn__val v, uint32_t chain)
{
    const cn__value *x = cn__value_of(f->g, v);
    if (x->kind != CN__V_INST || is_member(f, chain, v)) return true;
    uint32_t at = f->chain[x->ref] ? f->chain[x->ref] : f->head[x->ref] ? f->head[x->ref] : x->ref;
    return at < chain;
}

static bool mergeable(const fuse *f, uint32_t chain, uint32_t into)
{
    const cn_graph *g = f->g;
    if (!into || into >= chain || f->product[chain] || f->size[chain] + f->size[into] > MOST) return false;
    if (!same_dims(cn__type_of(g, g->insts.at[chain].out), cn__type_of(g, g->insts.at[into].out))) return false;
    for (uint32_t k = f->first[chain]; k <= f->last[chain]; k++)
        for (int j = 0; f->chain[k] == chain && j < g->insts.at[k].nin; j++) {
            cn__val v = cn__in(g, &g->insts.at[k])[j];
            if (!is_member(f, chain, v) && !there_by(f, v, into)) return false;
        }
    return true;
}

/* The chain that makes operand v, or the first one that reads it as well. 0: none. */
static uint32_t sharing(const fuse *f, uint32_t chain, cn__val v)
{
    const cn__value *x = cn__value_of(f->g, v);
    uint32_t maker = x->kind != CN__V_INST ? 0 : f->chain[x->ref] ? f->chain[x->ref] : f->head[x->ref];
    if (maker == chain || !same_dims(&x->type, cn__type_of(f->g, f->g->insts.at[chain].out))) return 0;
    if (mergeable(f, chain, maker)) return maker;
    for (uint32_t r = f->from[v]; r < f->from[v + 1]; r++)
        if (mergeable(f, chain, f->chain[f->reader[r]])) return f->chain[f->reader[r]];
    return 0;
}

static void relabel(fuse *f, uint32_t from, uint32_t to, const uint32_t *member, uint32_t n)
{
    for (uint32_t k = 0; k < n; k++) f->chain[member[k]] = to;
    f->size[to] += n, f->size[from] -= n;
}

static void merge(fuse *f, uint32_t chain, uint32_t into, program *p)
{
    uint32_t member[MOST], n = 0, first = f->first[into], last = f->last[into];
    for (uint32_t k = f->first[chain]; k <= f->last[chain]; k++)
        if (f->chain[k] == chain) member[n++] = k;
    relabel(f, chain, into, member, n);
    f->first[into] = CN__MIN(first, f->first[chain]), f->last[into] = CN__MAX(last, f->last[chain]);
    if (compile(f, into, p)) return;
    relabel(f, into, chain, member, n);
    f->first[into] = first, f->last[into] = last;
}

static void merge_chains(fuse *f, program *p)
{
    const cn_graph *g = f->g;
    for (uint32_t chain = 1; chain < g->insts.n; chain++) {
        uint32_t into = 0;
        for (uint32_t k = f->first[chain]; f->chain[chain] == chain && !into && k <= f->last[chain]; k++)
            for (int j = 0; f->chain[k] == chain && !into && j < g->insts.at[k].nin; j++)
                into = sharing(f, chain, cn__in(g, &g->insts.at[k])[j]);
        if (into) merge(f, chain, into, p);
    }
}

/* ---- The new graph ----------------------------------------------------------------------------------------------- */
static bool emit_chain(const fuse *f, cn__rewrite *r, uint32_t chain, const program *p)
{
    uint32_t named = f->product[chain] ? f->product[chain] : chain, former = r->to->origin;
    const cn__type *y = cn__type_of(f->g, f->g->insts.at[chain].out);
    size_t  bytes = sizeof *p->attr + p->attr->ninst * sizeof *p->attr->inst;
    cn__op  op = f->product[chain] ? CN__OP_PRODUCT : CN__OP_FUSED;
    cn__val in[CN__TILE_REGS + 2], out[CN__TILE_REGS];
    for (int k = 0; k < p->nin; k++) in[k] = cn__rewrite_val(r, p->in[k]);
    cn__origin_set(r->to, f->g->insts.at[named].origin);
    if (!cn__emit(r->to, op, p->attr, bytes, p->nin, in, p->attr->nout, out)) return false;
    for (int k = 0; k < p->attr->nout; k++) r->map[p->out[k]] = cn__reshape(r->to, out[k], y->rank, y->dim);
    cn__origin_set(r->to, former);
    return true;
}

static cn_graph *rewrite(const fuse *f, program *p)
{
    cn__rewrite r;
    bool ok = cn__rewrite_begin(&r, f->g);
    if (!ok) return NULL;
    for (uint32_t k = 1; ok && k < f->g->insts.n; k++) {
        uint32_t chain = f->chain[k] ? f->chain[k] : f->head[k];
        if (!chain || f->size[chain] == 1) ok = cn__rewrite_inst(&r, &f->g->insts.at[k]);
        else if (chain == k) ok = compile(f, chain, p) && emit_chain(f, &r, chain, p);
    }
    return cn__rewrite_end(&r);
}

static void list_readers(fuse *f)
{
    const cn_graph *g = f->g;
    size_t values = g->values.n;
    for (size_t k = 1; k < g->insts.n; k++)
        for (int j = 0; j < g->insts.at[k].nin; j++) f->from[cn__in(g, &g->insts.at[k])[j]]++;
    for (size_t v = 1; v <= values; v++) f->from[v] += f->from[v - 1];      /* the ends; filled from there backwards */
    for (size_t k = g->insts.n; k-- > 1;)
        for (int j = 0; j < g->insts.at[k].nin; j++) f->reader[--f->from[cn__in(g, &g->insts.at[k])[j]]] = (uint32_t)k;
    for (size_t k = 0; k < g->roots.n; k++)  f->kept[g->roots.at[k]] = true;
    for (size_t k = 0; k < g->checks.n; k++) f->kept[g->checks.at[k]] = true;
    for (size_t k = 0; k < g->assigns.n; k++) f->kept[g->assigns.at[k].val] = f->kept[g->assigns.at[k].guard] = true;
}

cn_graph *cn__fuse(const cn_graph *g, const cn__backend *b)
{
    cn__arena mem = { .ctx = g->obj.ctx };
    size_t    n = g->insts.n, values = g->values.n;
    uint32_t *lists = cn__arena_alloc(&mem, (6 * n + g->edges.n + values + 1) * sizeof *lists);
    bool     *flags = cn__arena_alloc(&mem, n + values);
    program   p = { .attr = cn__arena_alloc(&mem, sizeof *p.attr + MOST * sizeof *p.attr->inst) };
    cn_graph *to = NULL;
    (void)b;
    if (lists && flags && p.attr) {
        fuse f = { .g = g, .chain = lists, .head = lists + n, .product = lists + 2 * n, .first = lists + 3 * n,
                   .last = lists + 4 * n, .size = lists + 5 * n, .reader = lists + 6 * n,
                   .from = lists + 6 * n + g->edges.n, .kept = flags, .barred = flags + values };
        list_readers(&f);
        do form_chains(&f, &p);
        while (bar(&f));
        merge_chains(&f, &p);
        to = rewrite(&f, &p);
    } else cn__nomem(g->obj.ctx);
    cn__arena_free(&mem);
    return to;
}
