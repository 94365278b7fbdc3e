/* einsum.c: Einstein's summation of one or two operands, lowered to what there is: diagonals and sums of each
   operand alone, then one batched product (batch, rows, inner) by (batch, inner, columns), then a transposition. Labels
   are letters; "..." stands for any axes, which broadcast. Without "->" the result has the labels that occur once, in
   alphabetical order, behind the axes of "...". */
#include "graph/build.h"
#include "graph/shape.h"
#include <ctype.h>

/* axes of "..." get the labels from LETTERS on, from the last backwards */
enum { LETTERS = 'z' - 'A' + 1, LABELS = LETTERS + CN_MAX_RANK };

typedef struct term { int n; int label[2 * CN_MAX_RANK]; } term;         /* labels of axes, in order */
typedef struct plan {
    cn_graph   *g;
    const char *equation;
    int         nin, dots;                               /* axes that "..." stands for, the most of all operands */
    term        in[2], out;
    int64_t     size[LABELS];                            /* -1: not met */
} plan;

static bool fail(plan *p, const char *what)
{
    return cn__graph_fail(p->g, CN_E_VALUE, "einsum \"%s\": %s", p->equation, what);
}

static int count(const term *t, int label)
{
    int n = 0;
    for (int i = 0; i < t->n; i++) n += t->label[i] == label;
    return n;
}

/* ---- Reading the equation ---------------------------------------------------------------------------------------- */
/* One term up to ',', '-' or the end. rank: axes of its operand, or -1: of the result. */
static const char *read_term(plan *p, const char *at, int rank, term *t)
{
    int dots_at = -1, letters = 0;
    for (const char *c = at; *c && *c != ',' && *c != '-'; c++) letters += isalpha((unsigned char)*c) != 0;
    int dots = rank < 0 ? p->dots : rank - letters;
    t->n = 0;
    for (; *at && *at != ',' && *at != '-'; at++) {
        if (*at == ' ') continue;
        if (!strncmp(at, "...", 3) && dots_at < 0) {
            if (dots < 0) return fail(p, "a term has more labels than its operand has axes"), NULL;
            dots_at = t->n, at += 2;
            for (int i = dots - 1; i >= 0 && t->n < CN_MAX_RANK; i--) t->label[t->n++] = LETTERS + i;
            continue;
        }
        if (!isalpha((unsigned char)*at))
            return fail(p, "labels are letters, terms are separated by ',' and \"->\""), NULL;
        if (t->n == CN_MAX_RANK) return fail(p, "a term has too many axes"), NULL;
        t->label[t->n++] = *at - 'A';
    }
    if (rank >= 0 && t->n != rank) return fail(p, "a term has not as many labels as its operand has axes"), NULL;
    if (rank >= 0 && dots_at >= 0) p->dots = CN__MAX(p->dots, dots);
    return at;
}

static void implicit_result(plan *p)
{
    p->out.n = 0;
    for (int i = p->dots - 1; i >= 0; i--) p->out.label[p->out.n++] = LETTERS + i;
    for (int l = 0; l < LETTERS; l++) {
        int n = 0;
        for (int k = 0; k < p->nin; k++) n += count(&p->in[k], l);
        if (n == 1 && p->out.n < CN_MAX_RANK) p->out.label[p->out.n++] = l;
    }
}

static bool read_equation(plan *p, const cn__val *in)
{
    const char *at = p->equation;
    for (int k = 0; k < p->nin; k++) {
        if (k && *at++ != ',') return fail(p, "it has fewer terms than operands");
        if (!(at = read_term(p, at, cn__type_of(p->g, in[k])->rank, &p->in[k]))) return false;
    }
    if (*at == ',') return fail(p, "it has more terms than operands");
    if (!*at) return implicit_result(p), true;
    if (at[1] != '>') return fail(p, "\"->\" stands before the result");
    if (!(at = read_term(p, at + 2, -1, &p->out))) return false;
    return !*at || fail(p, "nothing may follow the result");
}

static bool find_sizes(plan *p, const cn__val *in)
{
    for (int l = 0; l < LABELS; l++) p->size[l] = -1;
    for (int k = 0; k < p->nin; k++) {
        const cn__type *t = cn__type_of(p->g, in[k]);
        for (int i = 0; i < t->rank; i++) {
            int l = p->in[k].label[i];
            int64_t *size = &p->size[l];
            bool dots = l >= LETTERS;
            if (*size >= 0 && *size != t->dim[i] && !(dots && (*size == 1 || t->dim[i] == 1)))
                return cn__graph_fail(p->g, CN_E_SHAPE, "einsum \"%s\": label %c is %lld and %lld", p->equation,
                                      dots ? '.' : 'A' + l, (long long)*size, (long long)t->dim[i]);
            *size = *size < 0 || *size == 1 ? t->dim[i] : *size;
        }
    }
    for (int i = 0; i < p->out.n; i++)
        if (p->size[p->out.label[i]] < 0 || count(&p->out, p->out.label[i]) > 1)
            return fail(p, "each label of the result must occur in an operand, and once in the result");
    return true;
}

/* ---- One operand alone ------------------------------------------------------------------------------------------- */
static cn__val permuted(plan *p, cn__val x, term *t, const int *order)       /* order: labels, each once */
{
    int32_t perm[CN_MAX_RANK] = { 0 };
    for (int i = 0; i < t->n; i++)
        for (int32_t k = 0; k < t->n; k++)
            if (t->label[k] == order[i]) perm[i] = k;
    memcpy(t->label, order, (size_t)t->n * sizeof *order);
    return cn__transpose(p->g, x, perm);
}

/* Axes i < k carry one label: both last, as one axis of n n, every (n + 1)-th element. */
static cn__val diagonal(plan *p, cn__val x, term *t, int i, int k)
{
    int32_t perm[CN_MAX_RANK];
    int     n = 0, label = t->label[i];
    int64_t start[CN_MAX_RANK] = { 0 }, step[CN_MAX_RANK], dim[CN_MAX_RANK], size = p->size[label];
    for (int32_t a = 0; a < t->n; a++)
        if (a != i && a != k) perm[n] = a, step[n] = 1, dim[n] = cn__type_of(p->g, x)->dim[a], n++;
    perm[n] = i, perm[n + 1] = k;
    x = cn__transpose(p->g, x, perm);
    for (int a = 0; a < n; a++) perm[a] = t->label[perm[a]];
    for (int a = 0; a < n; a++) t->label[a] = perm[a];
    t->label[n] = label, t->n = n + 1;
    dim[n] = size * size, step[n] = size + 1;
    x = cn__reshape(p->g, x, n + 1, dim);
    dim[n] = size;
    return cn__slice(p->g, x, start, step, dim);
}

/* Repeated labels become diagonals; those that nobody else needs are summed. */
static cn__val reduced(plan *p, cn__val x, int k)
{
    term *t = &p->in[k];
    for (int i = 0; i < t->n; i++)
        for (int j = i + 1; j < t->n && x; j++)
            if (t->label[i] == t->label[j]) x = diagonal(p, x, t, i, j), i = -1, j = t->n;
    uint32_t axes = 0;
    int n = 0;
    for (int i = 0; i < t->n; i++) {
        int  l = t->label[i];
        bool needed = count(&p->out, l) || (p->nin > 1 && count(&p->in[!k], l));
        if (needed) t->label[n++] = l;
        else axes |= 1u << i;
    }
    t->n = n;
    return cn__reduce(p->g, CN__OP_SUM, x, axes, false);
}

/* ---- The product ------------------------------------------------------------------------------------------------- */
typedef enum group { BATCH, ROWS, INNER, COLUMNS, GROUPS } group;

static group group_of(const plan *p, int l)
{
    bool a = count(&p->in[0], l), b = count(&p->in[1], l);
    return a && b ? (count(&p->out, l) ? BATCH : INNER) : a ? ROWS : COLUMNS;
}

/* x with its labels in the order of three groups, each made one axis; axes of "..." that are 1 here are repeated
   first. */
static cn__val grouped(plan *p, cn__val x, int k, group first, group second, group third)
{
    const group want[3] = { first, second, third };
    term    *t = &p->in[k];
    int      order[CN_MAX_RANK], n = 0;
    int64_t  full[CN_MAX_RANK] = { 0 }, dim[3] = { 1, 1, 1 };
    for (int w = 0; w < 3; w++)
        for (int l = 0; l < LABELS; l++)
            if (count(t, l) && group_of(p, l) == want[w]) full[n] = p->size[l], dim[w] *= p->size[l], order[n++] = l;
    x = cn__broadcast(p->g, permuted(p, x, t, order), n, full);
    return cn__reshape(p->g, x, 3, dim);
}

static cn__val product(plan *p, cn__val a, cn__val b)
{
    static const group order[3] = { BATCH, ROWS, COLUMNS };
    cn__val y = cn__matmul(p->g, grouped(p, a, 0, BATCH, ROWS, INNER), grouped(p, b, 1, BATCH, INNER, COLUMNS), false,
                           false);
    int64_t dim[2 * CN_MAX_RANK];
    term   *t = &p->in[0], all = { 0 };
    for (int w = 0; w < 3; w++)
        for (int l = 0; l < LABELS; l++)
            if (p->size[l] >= 0 && count(&p->out, l) && group_of(p, l) == order[w])
                dim[all.n] = p->size[l], all.label[all.n++] = l;
    *t = all;
    return cn__reshape(p->g, y, all.n, dim);
}

cn__val cn__einsum(cn_graph *g, const char *equation, int nin, const cn__val *in)
{
    plan p = { .g = g, .equation = equation ? equation : "", .nin = nin };
    if (!cn__graph_ok(g)) return 0;
    if (nin < 1 || nin > 2)
        return cn__graph_fail(g, CN_E_UNSUPPORTED, "einsum \"%s\": of one or two operands, not %d; take them in turn",
                              p.equation, nin);
    for (int k = 0; k < nin; k++)
        if (!in[k] || in[k] >= g->values.n)
            return cn__graph_fail(g, CN_E_VALUE, "einsum \"%s\": operand %d is absent", p.equation, k);
    if (!read_equation(&p, in) || !find_sizes(&p, in)) return 0;
    cn__val a = reduced(&p, in[0], 0);
    if (nin > 1) a = product(&p, a, reduced(&p, in[1], 1));
    return cn__graph_ok(g) ? permuted(&p, a, &p.in[0], p.out.label) : 0;
}
