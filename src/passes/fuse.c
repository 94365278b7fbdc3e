/* fuse.c: chains of element-wise float32 ops become FUSED, products with a chain behind them PRODUCT. A register is a float32, and
   every op rounds: fusion changes no bit (docs/design.md, decision 9).

   Backwards over the instructions, each joins the chain of its readers if all of them are in one: so a chain has one result, and
   what it needs from outside stands before its last instruction, where it is emitted. */
#include "passes/passes.h"
#include "backends/backend.h"
#include <string.h>

enum { MOST_INSTS = 12 };                                /* of a chain: with its operands they fit CN__TILE_REGS after reuse */

typedef struct chains {
    const cn_graph *g;
    cn_ctx   *ctx;
    uint32_t *last;                                      /* by instruction: the last one of its chain; 0: in none */
    uint32_t *size;                                      /* by last instruction: how many are in its chain */
    uint32_t *product;                                   /* by last instruction: the product that the chain stands behind; 0: none */
    uint32_t *reader;                                    /* by value: the chain of all its readers; 0: nobody's yet; OUTSIDE */
    size_t    insts, values;
} chains;
static const uint32_t OUTSIDE = UINT32_MAX;

static bool is_float(const cn_graph *g, cn__val v) { return v && cn__type_of(g, v)->dtype == CN_FLOAT32; }
static bool is_flag(const cn_graph *g, cn__val v)  { return v && cn__type_of(g, v)->dtype == CN_BOOL; }
static bool compares(cn__op op) { return op >= CN__OP_EQ && op <= CN__OP_GE; }

/* Can it be an instruction of a chain? Flags are made and read within a chain only. */
static bool fits(const chains *c, const cn__inst *i)
{
    const cn_graph *g = c->g;
    const cn__op_info *info = &cn__ops[i->op];
    const cn__type *out = cn__type_of(g, i->out);
    if (!(info->flags & CN__F_ELEMENTWISE) || info->flags & CN__F_COMPOSITE || !cn__type_count(out)) return false;
    if (compares((cn__op)i->op) ? !is_flag(g, i->out) : !is_float(g, i->out)) return false;
    for (int k = 0; k < i->nin; k++) {
        cn__val v = cn__in(g, i)[k];
        bool condition = i->op == CN__OP_WHERE && k == 0;
        const cn__inst *from = cn__inst_of(g, v);
        if (condition ? !(from && compares((cn__op)from->op) && cn__type_count(cn__type_of(g, v)) == cn__type_count(out)) : !is_float(g, v)) return false;
        if (!cn__tile_class_of(cn__type_of(g, v), out)) return false;
    }
    return true;
}

static bool same_domain(const cn_graph *g, const cn__inst *i, uint32_t last)
{
    const cn__type *a = cn__type_of(g, i->out), *b = cn__type_of(g, g->insts.at[last].out);
    return a->rank == b->rank && !memcmp(a->dim, b->dim, (size_t)a->rank * sizeof *a->dim);
}

/* A product that a chain can stand behind: of two float32 matrices. */
static bool is_product(const cn_graph *g, const cn__inst *i)
{
    const cn__val *in = cn__in(g, i);
    return i->op == CN__OP_MATMUL && is_float(g, in[0]) && is_float(g, in[1]) && cn__type_of(g, in[0])->rank == 2 &&
           cn__type_of(g, in[1])->rank == 2 && cn__type_count(cn__type_of(g, i->out)) > 0;
}

static void mark_reader(chains *c, cn__val v, uint32_t chain)
{
    c->reader[v] = !c->reader[v] || c->reader[v] == chain ? chain : OUTSIDE;
}

static void group(chains *c)
{
    const cn_graph *g = c->g;
    for (size_t k = 0; k < g->roots.n; k++) c->reader[g->roots.at[k]] = OUTSIDE;
    for (size_t k = 0; k < g->checks.n; k++) c->reader[g->checks.at[k]] = OUTSIDE;
    for (size_t k = 0; k < g->assigns.n; k++) c->reader[g->assigns.at[k].val] = c->reader[g->assigns.at[k].guard] = OUTSIDE;
    for (uint32_t k = (uint32_t)g->insts.n; k-- > 1;) {
        const cn__inst *i = &g->insts.at[k];
        uint32_t chain = i->nout == 1 ? c->reader[i->out] : OUTSIDE, mine = OUTSIDE;
        bool joins = chain && chain != OUTSIDE && same_domain(g, i, chain);
        if (fits(c, i)) {
            if (joins && c->size[chain] < MOST_INSTS) mine = chain;
            else if (is_float(g, i->out)) mine = k;      /* begins a chain of its own */
        } else if (joins && is_product(g, i) && !c->product[chain]) c->product[chain] = k;
        if (mine != OUTSIDE) c->last[k] = mine, c->size[mine]++;
        for (int j = 0; j < i->nin; j++) mark_reader(c, cn__in(g, i)[j], mine);
    }
}

/* A flag whose readers stand outside of its chain is not in one: neither are those readers. */
static bool dissolve(chains *c)
{
    const cn_graph *g = c->g;
    bool changed = false;
    for (uint32_t k = 1; k < g->insts.n; k++) {
        const cn__inst *i = &g->insts.at[k];
        if (!c->last[k] || i->op != CN__OP_WHERE) continue;
        const cn__value *condition = cn__value_of(g, cn__in(g, i)[0]);
        if (c->last[condition->ref] == c->last[k]) continue;
        uint32_t chain = c->last[k];
        for (uint32_t j = 1; j <= chain; j++)
            if (c->last[j] == chain) c->last[j] = 0;
        c->product[chain] = 0;
        changed = true;
    }
    return changed;
}

/* ---- Emitting a chain --------------------------------------------------------------------------------------------------------------- */
typedef struct program {
    _Alignas(cn__a_fused) char room[sizeof(cn__a_fused) + MOST_INSTS * sizeof(cn__tile_inst)];
    cn__val  in[CN__TILE_REGS + 2]; int nin;             /* operands of the new instruction, in the old graph */
    cn__val  value[CN__TILE_REGS];                       /* by register: the old value that it holds; 0: free */
    uint32_t until[CN__TILE_REGS];                       /* by register: the last instruction that reads it */
} program;

static cn__a_fused *fused(program *p) { return (cn__a_fused *)(void *)p->room; }

static int find_register(const program *p, cn__val v)
{
    for (int r = 0; r < CN__TILE_REGS; r++)
        if (p->value[r] == v) return r;
    return -1;
}

static uint32_t last_use(const chains *c, uint32_t chain, cn__val v)
{
    uint32_t last = 0;
    for (uint32_t k = 1; k <= chain; k++)
        for (int j = 0; c->last[k] == chain && j < c->g->insts.at[k].nin; j++)
            if (cn__in(c->g, &c->g->insts.at[k])[j] == v) last = k;
    return last;
}

/* Operands of the chain become registers, in the order in which they are met; false: too many. */
static bool load_operands(const chains *c, uint32_t chain, program *p)
{
    const cn_graph *g = c->g;
    const cn__type *out = cn__type_of(g, g->insts.at[chain].out);
    cn__a_fused *f = fused(p);
    if (c->product[chain]) {
        const cn__inst *m = &g->insts.at[c->product[chain]];
        p->in[p->nin++] = cn__in(g, m)[0], p->in[p->nin++] = cn__in(g, m)[1];
        p->value[0] = m->out, f->cls[0] = CN__TILE_FULL, f->nin = 1;
    }
    for (uint32_t k = 1; k <= chain; k++)
        for (int j = 0; c->last[k] == chain && j < g->insts.at[k].nin; j++) {
            cn__val v = cn__in(g, &g->insts.at[k])[j];
            const cn__value *value = cn__value_of(g, v);
            double number;
            if ((value->kind == CN__V_INST && c->last[value->ref] == chain) || find_register(p, v) >= 0) continue;
            if (cn__is_scalar_const(g, v, &number)) continue;                  /* goes into the instruction */
            if (f->nin == CN__TILE_REGS - 2) return false;
            f->cls[f->nin] = cn__tile_class_of(&value->type, out);
            p->value[f->nin++] = v;
            p->in[p->nin++] = v;
        }
    for (int r = 0; r < f->nin; r++) p->until[r] = last_use(c, chain, p->value[r]);
    return true;
}

/* A register for one more number; -1: there is none. */
static int take_register(program *p)
{
    for (int r = 0; r < CN__TILE_REGS; r++)
        if (!p->value[r]) return r;
    return -1;
}

/* The chain's instructions; false: too many registers, or two numbers in one instruction. */
static bool write_program(const chains *c, uint32_t chain, program *p)
{
    const cn_graph *g = c->g;
    cn__a_fused *f = fused(p);
    f->nreg = f->nin;
    for (uint32_t k = 1; k <= chain; k++) {
        const cn__inst *i = &g->insts.at[k];
        if (c->last[k] != chain) continue;
        cn__tile_inst *t = &f->inst[f->ninst++];
        uint16_t from[3] = { 0, 0, 0 };
        bool number = false;
        for (int j = 0; j < i->nin; j++) {
            double imm;
            int r = find_register(p, cn__in(g, i)[j]);
            if (r < 0) {
                if (number || !cn__is_scalar_const(g, cn__in(g, i)[j], &imm)) return false;
                number = true, t->imm = imm, from[j] = CN__TILE_IMM;
            } else from[j] = (uint16_t)r;
        }
        for (int r = 0; r < CN__TILE_REGS; r++)
            if (p->value[r] && p->until[r] <= k) p->value[r] = 0;
        int to = take_register(p);
        if (to < 0) return false;
        p->value[to] = i->out, p->until[to] = k == chain ? UINT32_MAX : last_use(c, chain, i->out);
        *t = (cn__tile_inst){ .op = i->op, .dst = (uint16_t)to, .a = from[0], .b = from[1], .c = from[2], .imm = t->imm };
        f->nreg = (uint16_t)CN__MAX(f->nreg, to + 1), f->store[0] = (uint16_t)to;
    }
    return true;
}

static bool build(const chains *c, uint32_t chain, program *p)
{
    const cn_graph *g = c->g;
    const cn__type *out = cn__type_of(g, g->insts.at[chain].out);
    memset(p, 0, sizeof *p);
    cn__a_fused *f = fused(p);
    f->cols = out->rank ? out->dim[out->rank - 1] : 1, f->rows = cn__type_count(out) / f->cols, f->nout = 1;
    if (c->product[chain]) {
        const cn__a_matmul *m = g->insts.at[c->product[chain]].attr;
        f->ta = m->ta, f->tb = m->tb;
    }
    if (!load_operands(c, chain, p) || !f->nin || !write_program(c, chain, p)) return false;
    f->nin = (uint16_t)p->nin;                           /* of the instruction: a product has two operands for its one register */
    return true;
}

static bool emit_chain(const chains *c, cn__rewrite *r, uint32_t chain, program *p)
{
    const cn__a_fused *f = fused(p);
    const cn__inst *last = &c->g->insts.at[chain];
    cn__val in[CN__TILE_REGS + 2];
    uint32_t former = r->to->origin;
    r->to->origin = last->origin;
    for (int k = 0; k < p->nin; k++) in[k] = cn__rewrite_val(r, p->in[k]);
    cn__val v = cn__emit(r->to, c->product[chain] ? CN__OP_PRODUCT : CN__OP_FUSED, f,
                         sizeof *f + f->ninst * sizeof *f->inst, p->nin, in, 1, NULL);
    const cn__type *out = cn__type_of(c->g, last->out);
    if (v && !cn__type_equal(cn__type_of(r->to, v), out)) v = cn__reshape(r->to, v, out->rank, out->dim);
    r->map[last->out] = v;
    if (v) r->to->origin = former;
    return v != 0;
}

/* Chains of one instruction stay as they are, unless they stand behind a product. */
static bool worth_it(const chains *c, uint32_t chain) { return c->size[chain] > 1 || c->product[chain]; }

static bool rewrite(chains *c, cn__rewrite *r)
{
    const cn_graph *g = c->g;
    bool *whole = cn__alloc0(c->ctx, c->insts), ok = whole != NULL;      /* by last instruction: its chain is emitted as one */
    program p;
    for (uint32_t k = 1; ok && k < g->insts.n; k++) whole[k] = c->last[k] == k && worth_it(c, k) && build(c, k, &p);
    bool *behind = ok ? cn__alloc0(c->ctx, c->insts) : NULL;              /* products that are part of a chain */
    ok = ok && behind;
    for (uint32_t k = 1; ok && k < g->insts.n; k++)
        if (whole[k]) behind[c->product[k]] = true;
    for (uint32_t k = 1; ok && k < g->insts.n; k++) {
        if (whole[k]) ok = build(c, k, &p) && emit_chain(c, r, k, &p);
        else if (!(behind[k] || (c->last[k] && whole[c->last[k]]))) ok = cn__rewrite_inst(r, &g->insts.at[k]);
    }
    cn__free(c->ctx, whole, c->insts);
    cn__free(c->ctx, behind, c->insts);
    return ok;
}

cn_graph *cn__fuse(const cn_graph *g, const cn__backend *b)
{
    chains c = { .g = g, .ctx = g->obj.ctx, .insts = g->insts.n, .values = g->values.n };
    cn__rewrite r;
    cn_graph *to = NULL;
    (void)b;
    size_t n = 3 * c.insts + c.values;
    uint32_t *room = cn__alloc0(c.ctx, n * sizeof *room);
    if (!room) return cn__nomem(c.ctx), NULL;
    c.last = room, c.size = c.last + c.insts, c.product = c.size + c.insts, c.reader = c.product + c.insts;
    group(&c);
    while (dissolve(&c)) continue;
    if (cn__rewrite_begin(&r, g)) {
        bool ok = rewrite(&c, &r);
        if (!ok && cn__graph_ok(r.to)) cn__graph_fail(r.to, CN_E_NOMEM, "out of memory while fusing");
        to = cn__rewrite_end(&r);
    }
    cn__free(c.ctx, room, n * sizeof *room);
    return to;
}
