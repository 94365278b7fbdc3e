/* core.h: what the files of the graph share among themselves. */
#ifndef CN__CORE_H
#define CN__CORE_H
#include "graph/shape.h"

enum {
    /* larger results are not folded, larger constants not compared */
    CN__FOLD_BYTES = 64 << 10,
    CN__MOST_OUT = 64                                    /* outputs of one instruction */
};

/* Room for one more item in a list of the graph (see struct cn_graph); false: out of memory, sticky. */
bool cn__graph_room(cn_graph *, void **at, size_t *cap, size_t n, size_t item);
#define cn__append(g, v, ...) (cn__graph_room((g), (void **)&(v)->at, &(v)->cap, (v)->n, sizeof *(v)->at) \
                               ? ((v)->at[(v)->n++] = (__VA_ARGS__), true) : false)
cn__val cn__graph_nomem(cn_graph *);                     /* sticky; 0 */
bool    cn__graph_has(const cn_graph *, cn__val);        /* one of its values */

/* A new value; 0: out of memory. */
cn__val cn__value_add(cn_graph *, const cn__type *, cn__vkind, uint32_t ref, uint8_t out);

/* Interning: what is equal is one value. find gives 0 where there is nothing equal. */
cn__val cn__intern_inst(const cn_graph *, const cn__inst *);
cn__val cn__intern_const(const cn_graph *, const cn__type *, const void *data);
cn__val cn__intern_var(const cn_graph *, const cn__var *);
bool    cn__intern_add(cn_graph *, cn__val);             /* false: out of memory, sticky */
bool    cn__intern_again(cn_graph *);                    /* all anew, after values were renumbered */

cn__val cn__read_var(cn_graph *, cn__var *);             /* what it holds before the step, whatever was assigned */
/* an operand that the result equals, or 0 */
cn__val cn__identity(cn_graph *, const cn__inst *, const cn__type *out);
/* element-wise: computes first, repeats then; 0: nothing repeated */
cn__val cn__sink_broadcasts(cn_graph *, const cn__inst *, const cn__type *out);
/* false: not folded, or failed (sticky) */
bool    cn__fold(cn_graph *, const cn__inst *, const cn__type *out, cn__val *val);
bool    cn__foldable(const cn_graph *, cn__val);         /* a constant, or a repeated one of few bytes */
cn__val cn__append_inst(cn_graph *, const cn__inst *, const cn__type *out);  /* attr copied; operands are in edges */

#endif
