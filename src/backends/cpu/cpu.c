/* cpu.c: the processor's backend: for each op its kernels in order, the reference kernel last. */
#include "backends/cpu/cpu.h"
#include "backends/cpu/limits.h"
#include "base/cpu.h"

const cn__kernels *cn__cpu_kernels(void)
{
#if defined __x86_64__
    switch (cn__cpu_info()->isa) {
    case CN__AVX512: return &cn__kernels_avx512;
    case CN__AVX2:   return &cn__kernels_avx2;
    default:         break;
    }
#endif
    return &cn__kernels_portable;
}

bool cn__is_f32(const cn_graph *g, cn__val v) { return v && cn__type_of(g, v)->dtype == CN_FLOAT32; }

uint32_t cn__tasks(double work, double grain, uint32_t most)
{
    double n = work / grain;
    return n < 1 ? 1 : n > most ? most : (uint32_t)n;
}

static const char *always(const cn_graph *g, const cn__inst *i)
{
    (void)g, (void)i;
    return NULL;
}

static const char *by_reference(const cn_graph *g, const cn__inst *i)
{
    (void)g;
    return cn__ops[i->op].ref ? NULL : "composite without a kernel of its own";
}

static const cn__cpu_row elementwise = { CN__OP_NONE, cn__takes_elementwise, cn__prepare_elementwise };
static const cn__cpu_row reference   = { CN__OP_NONE, by_reference, cn__prepare_ref };
static const cn__cpu_row rows[] = {
    { CN__OP_BATCH,          always,                cn__prepare_gather },
    { CN__OP_PRODUCT,        always,                cn__prepare_product },
    { CN__OP_DENSE,          cn__takes_small,       cn__prepare_small },
    { CN__OP_DENSE_GRAD,     cn__takes_small,       cn__prepare_small },
    { CN__OP_MATMUL,         cn__takes_product,     cn__prepare_product },
    { CN__OP_FUSED,          always,                cn__prepare_fused },
    { CN__OP_SUM,            cn__takes_sum,         cn__prepare_sum },
    { CN__OP_MEAN,           cn__takes_mean,        cn__prepare_sum },
    { CN__OP_ARGMAX,         cn__takes_argmax,      cn__prepare_argmax },
    { CN__OP_SOFTMAX,        cn__takes_softmax,     cn__prepare_softmax },
    { CN__OP_LOG_SOFTMAX,    cn__takes_softmax,     cn__prepare_softmax },
    { CN__OP_SPARSE_CE,      cn__takes_sparse_ce,   cn__prepare_sparse_ce },
    { CN__OP_SPARSE_CE_GRAD, cn__takes_sparse_ce,   cn__prepare_sparse_ce },
    { CN__OP_ADAM,           cn__takes_update,      cn__prepare_update },
    { CN__OP_RMSPROP,        cn__takes_update,      cn__prepare_update },
    { CN__OP_SGD,            cn__takes_update,      cn__prepare_update },
    { CN__OP_ACCUMULATE,     cn__takes_accumulate,  cn__prepare_accumulate },
    { CN__OP_TRANSPOSE,      always,                cn__prepare_move },
    { CN__OP_BROADCAST,      always,                cn__prepare_move },
    { CN__OP_SLICE,          always,                cn__prepare_move },
    { CN__OP_REVERSE,        always,                cn__prepare_move },
    { CN__OP_PAD,            always,                cn__prepare_pad },
    { CN__OP_CONCAT,         cn__takes_concat,      cn__prepare_concat },
    { CN__OP_CAST,           always,                cn__prepare_cast },
    { CN__OP_ONE_HOT,        always,                cn__prepare_one_hot },
    { CN__OP_WHERE,          cn__takes_flags,       cn__prepare_flags },
    { CN__OP_EQ,             cn__takes_flags,       cn__prepare_flags },
    { CN__OP_NE,             cn__takes_flags,       cn__prepare_flags },
    { CN__OP_LT,             cn__takes_flags,       cn__prepare_flags },
    { CN__OP_LE,             cn__takes_flags,       cn__prepare_flags },
    { CN__OP_GT,             cn__takes_flags,       cn__prepare_flags },
    { CN__OP_GE,             cn__takes_flags,       cn__prepare_flags },
    { CN__OP_NOT,            cn__takes_flags,       cn__prepare_flags },
    { CN__OP_IS_FINITE,      cn__takes_flags,       cn__prepare_flags },
    { CN__OP_IS_NAN,         cn__takes_flags,       cn__prepare_flags },
    { CN__OP_ADD,            cn__takes_whole,       cn__prepare_whole },
    { CN__OP_SUB,            cn__takes_whole,       cn__prepare_whole },
    { CN__OP_MIN,            cn__takes_whole,       cn__prepare_whole },
    { CN__OP_MAX,            cn__takes_whole,       cn__prepare_whole },
    { CN__OP_EQ,             cn__takes_whole,       cn__prepare_whole },
    { CN__OP_WHERE,          cn__takes_whole,       cn__prepare_whole },
    { CN__OP_AND,            cn__takes_whole,       cn__prepare_whole },
    { CN__OP_OR,             cn__takes_whole,       cn__prepare_whole },
    { CN__OP_RANDOM_UNIFORM,   cn__takes_random,    cn__prepare_random },
    { CN__OP_RANDOM_NORMAL,    cn__takes_random,    cn__prepare_random },
    { CN__OP_RANDOM_TRUNCATED, cn__takes_random,    cn__prepare_random },
    { CN__OP_RANDOM_BERNOULLI, cn__takes_random,    cn__prepare_random },
};

static const cn__cpu_row *find(const cn_graph *g, const cn__inst *i)
{
    for (size_t k = 0; k < CN__COUNT(rows); k++)
        if (rows[k].op == (cn__op)i->op && !rows[k].supports(g, i)) return &rows[k];
    return !elementwise.supports(g, i) ? &elementwise : &reference;
}

/* Why the op's own kernel, or else the vector kernels, do not take it; NULL: there is none that could. */
static const char *why_not(const cn_graph *g, const cn__inst *i)
{
    for (size_t k = 0; k < CN__COUNT(rows); k++)
        if (rows[k].op == (cn__op)i->op) return rows[k].supports(g, i);
    return cn__ops[i->op].flags & CN__F_ELEMENTWISE ? elementwise.supports(g, i) : NULL;
}

static const char *supports(const cn_graph *g, const cn__inst *i)
{
    const char *none = find(g, i) == &reference ? reference.supports(g, i) : NULL, *why = none ? why_not(g, i) : NULL;
    return why ? why : none;
}

static bool prepare(cn__prep *p, const cn_graph *g, const cn__inst *i)
{
    const cn__cpu_row *row = find(g, i);
    if (!row->prepare(p, g, i)) return false;
    const char *why = row == &reference ? why_not(g, i) : NULL;
    if (why) cn__prep_name(p, why);
    return true;
}

static bool prepare_updates(cn__prep *p, const cn_graph *g, const cn__inst *const *inst, int n)
{
    if (inst[0]->op == CN__OP_ACCUMULATE) return cn__prepare_sums(p, g, inst, n);
    return cn__prepare_updates(p, g, inst, n);
}

const cn__backend cn__backend_cpu = {
    .name = "cpu",
    .supports = supports,
    .prepare = prepare,
    .prepare_updates = prepare_updates,
    .wants = cn__product_wants,
    .fuses = true,
    .pack = cn__pack_panels,
    .pack_bytes = cn__panel_bytes,
    .resides = cn__update_resides,
    .unpack = cn__unpack_panels,
    .operations = cn__cpu_operations,
    .bytes = cn__cpu_bytes,
};
