/* eval.h: a tiny evaluator: expands composites by their decompositions, then calls the reference kernels one by one.
   The oracle of tests. */
#ifndef EVAL_H
#define EVAL_H
#include "graph/build.h"
#include "graph/shape.h"
#include "../check.h"

/* Everything as primitives: passes over the graph until no composite is left. Takes over the reference to g. */
static inline cn_graph *eval_expand(cn_graph *g)
{
    for (bool again = true; again && g;) {
        cn__rewrite r;
        again = false;
        if (!cn__rewrite_begin(&r, g)) return NULL;
        for (size_t k = 1; k < g->insts.n; k++) {
            cn__inst i = g->insts.at[k];
            cn__val  in[64], out[64];
            if (cn__ops[i.op].ref || !cn__ops[i.op].decomp) {
                cn__rewrite_inst(&r, &i);
                continue;
            }
            again = true;
            for (int j = 0; j < i.nin; j++) in[j] = cn__rewrite_val(&r, cn__in(g, &i)[j]);
            if (cn__decompose(r.to, &i, in, out))
                for (int j = 0; j < i.nout; j++) r.map[i.out + (cn__val)j] = out[j];
        }
        cn_graph *next = cn__rewrite_end(&r);
        cn__unref(g);
        g = next;
    }
    return g;
}

typedef struct eval { cn_graph *g; void **at; unsigned fault; } eval;        /* at: of each value of g */

static inline eval eval_open(cn_graph *g)                /* takes over the reference to g */
{
    eval e = { .g = eval_expand(g) };
    e.at = e.g ? calloc(e.g->values.n, sizeof *e.at) : NULL;
    for (cn__val v = 1; e.g && v < e.g->values.n; v++) e.at[v] = malloc(cn__type_bytes(cn__type_of(e.g, v)) + 1);
    return e;
}

/* inputs: the data of each. */
static inline void eval_step(eval *e, const void *const *inputs)
{
    atomic_uint fault = 0;
    for (cn__val v = 1; e->g && v < e->g->values.n; v++) {
        const cn__value *x = cn__value_of(e->g, v);
        size_t bytes = cn__type_bytes(&x->type);
        const void *from = x->kind == CN__V_INPUT ? inputs[x->ref]
                         : x->kind == CN__V_CONST ? cn__const_of(e->g, v)
                         : x->kind == CN__V_VAR   ? e->g->vars.at[x->ref]->master : NULL;
        if (from) memcpy(e->at[v], from, bytes);
        else memset(e->at[v], 0xee, bytes);
        if (x->kind != CN__V_INST || x->out + 1 < e->g->insts.at[x->ref].nout) continue;
        const cn__inst *i = &e->g->insts.at[x->ref];
        cn__tensor_view in[64] = { { 0 } }, out[64] = { { 0 } };
        for (int k = 0; k < i->nin; k++) {
            cn__val o = cn__in(e->g, i)[k];
            if (o) in[k] = (cn__tensor_view){ e->at[o], *cn__type_of(e->g, o) };
        }
        for (int k = 0; k < i->nout; k++)
            out[k] = (cn__tensor_view){ e->at[i->out + (cn__val)k], *cn__type_of(e->g, i->out + (cn__val)k) };
        cn__ops[i->op].ref(&(cn__ref_call){ i->attr, i->nin, i->nout, in, out, &fault });
    }
    e->fault = atomic_load(&fault);
}

static inline eval eval_run(cn_graph *g, const void *const *inputs)
{
    eval e = eval_open(g);
    eval_step(&e, inputs);
    return e;
}

static inline double eval_at(const eval *e, size_t root, size_t i)
{
    if (!e->g || root >= e->g->roots.n) return NAN;
    cn__val v = e->g->roots.at[root];
    return cn__load((cn_dtype)cn__type_of(e->g, v)->dtype, e->at[v], i);
}

static inline const cn__type *eval_type(const eval *e, size_t root) { return cn__type_of(e->g, e->g->roots.at[root]); }

static inline void eval_free(eval *e)
{
    for (size_t v = 1; e->g && v < e->g->values.n; v++) free(e->at[v]);
    free(e->at);
    if (e->g) cn__unref(e->g);
}

/* A constant of doubles converted to dtype. */
static inline cn__val eval_const(cn_graph *g, cn_dtype d, int rank, const int64_t *dim, const double *v)
{
    cn__type t = cn__type_make(d, rank, dim);
    size_t n = (size_t)cn__type_count(&t);
    void *p = malloc(cn__type_bytes(&t) + 1);
    for (size_t i = 0; i < n; i++) cn__store(d, p, i, v[i]);
    cn__val c = cn__constant(g, &t, p);
    free(p);
    return c;
}
#define DIMS(...) (int)(sizeof((const int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t)), (const int64_t[]){ __VA_ARGS__ }
#endif
