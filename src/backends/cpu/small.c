/* small.c: DENSE and DENSE_GRAD of few units, kept as one call; larger ones are products (legalise expands them). */
#include "backends/cpu/cpu.h"

enum { MOST = 64 };                                      /* of the batch, the inputs, the units */

typedef struct small_args { cn__layer_args layer; const cn__kernels *kernels; } small_args;

static void forward(const void *args, uint32_t rep, uint32_t task, cn__lane *lane)
{
    const small_args *a = args;
    (void)rep, (void)task, (void)lane;
    a->kernels->dense(&a->layer);
}

static void backward(const void *args, uint32_t rep, uint32_t task, cn__lane *lane)
{
    const small_args *a = args;
    (void)rep, (void)task;
    a->kernels->dense_grad(&a->layer, lane->scratch);
}

const char *cn__takes_small(const cn_graph *g, const cn__inst *i)
{
    const cn__type *x = cn__type_of(g, cn__in(g, i)[0]), *w = cn__type_of(g, cn__in(g, i)[1]);
    if (x->dtype != CN_FLOAT32) return "not float32";
    if (x->rank != 2) return "not a matrix";
    return x->dim[0] <= MOST && w->dim[0] <= MOST && w->dim[1] <= MOST
               ? NULL
               : "more than 64 rows, inputs or units: a product";
}

bool cn__prepare_small(cn__prep *p, const cn_graph *g, const cn__inst *i)
{
    const cn__val *in = cn__in(g, i);
    const cn__type *x = cn__type_of(g, in[0]), *w = cn__type_of(g, in[1]);
    bool grad = i->op == CN__OP_DENSE_GRAD;
    small_args *a =
        cn__prep_call(p, grad ? backward : forward, grad ? "few units, gradient" : "few units", sizeof *a, 1, 1);
    if (!a) return false;
    a->kernels = cn__cpu_kernels();
    a->layer.batch = (int)x->dim[0], a->layer.in = (int)w->dim[0], a->layer.out = (int)w->dim[1];
    a->layer.act = ((const cn__a_dense *)i->attr)->act;
    cn__prep_ptr(p, &a->layer.x, in[0]);
    cn__prep_ptr(p, &a->layer.w, in[1]);
    if (grad) {
        cn__prep_ptr(p, &a->layer.y, in[2]);
        cn__prep_ptr(p, &a->layer.dy, in[3]);
        cn__prep_ptr(p, &a->layer.dx, i->out);
        cn__prep_ptr(p, &a->layer.dw, i->out + 1);
        cn__prep_ptr(p, &a->layer.db, i->out + 2);
        cn__prep_lane(p, MOST * MOST * sizeof(float));
    } else {
        if (i->nin > 2) cn__prep_ptr(p, &a->layer.b, in[2]);
        cn__prep_ptr(p, &a->layer.y, i->out);
    }
    return true;
}
