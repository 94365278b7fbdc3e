/* small.c: DENSE and DENSE_GRAD of few units, kept as one call; larger ones are products (legalise expands them). */
#include "backends/cpu/cpu.h"

const char *cn__takes_small(const cn_graph *g, const cn__inst *i)
{
    const cn__type *x = cn__type_of(g, cn__in(g, i)[0]), *w = cn__type_of(g, cn__in(g, i)[1]);
    if (x->dtype != CN_FLOAT32) return "not float32";
    if (((const cn__a_dense *)i->attr)->bf16) return "bfloat16 operands: a product";
    if (x->rank != 2) return "not a matrix";
    return CN__MAX(x->dim[0], CN__MAX(w->dim[0], w->dim[1])) <= CN__LAYER_MOST
               ? NULL
               : "more than 64 rows, inputs or units: a product";
}

bool cn__prepare_small(cn__prep *p, const cn_graph *g, const cn__inst *i)
{
    const cn__val *in = cn__in(g, i);
    const cn__type *x = cn__type_of(g, in[0]), *w = cn__type_of(g, in[1]);
    bool grad = i->op == CN__OP_DENSE_GRAD;
    const cn__kernels *k = cn__cpu_kernels();
    cn__layer_args *a = cn__prep_call(p, grad ? k->dense_grad : k->dense, grad ? "few units, gradient" : "few units",
                                      sizeof *a, 1, 1);
    if (!a) return false;
    a->batch = (int)x->dim[0], a->in = (int)w->dim[0], a->out = (int)w->dim[1];
    a->act = ((const cn__a_dense *)i->attr)->act;
    cn__prep_ptr(p, &a->x, in[0]);
    cn__prep_ptr(p, &a->w, in[1]);
    if (grad) {
        cn__prep_ptr(p, &a->y, in[2]);
        cn__prep_ptr(p, &a->dy, in[3]);
        cn__prep_ptr(p, &a->dx, i->out);
        cn__prep_ptr(p, &a->dw, i->out + 1);
        cn__prep_ptr(p, &a->db, i->out + 2);
        cn__prep_lane(p, CN__LAYER_SCRATCH * sizeof(float));
    } else {
        if (i->nin > 2) cn__prep_ptr(p, &a->b, in[2]);
        cn__prep_ptr(p, &a->y, i->out);
    }
    return true;
}
