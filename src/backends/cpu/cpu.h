/* cpu.h: what the files of the backend share: a row of its dispatch table is a kernel, whether it takes an instruction,
   how it is prepared. */
#ifndef CN__CPU_BACKEND_H
#define CN__CPU_BACKEND_H
#include "backends/cpu/kernels.h"

/* Made small, not fast: what runs once for a plan, or hands pieces to what is fast. */
#define CN__SMALL __attribute__((cold))

typedef struct cn__cpu_row {
    cn__op op;
    const char *(*supports)(const cn_graph *, const cn__inst *);       /* NULL: yes; else why not */
    bool (*prepare)(cn__prep *, const cn_graph *, const cn__inst *);
} cn__cpu_row;

bool cn__is_f32(const cn_graph *, cn__val);
uint32_t cn__tasks(double work, double grain, uint32_t most);      /* work / grain, between 1 and most: by shape only */

bool        cn__prepare_gather(cn__prep *, const cn_graph *, const cn__inst *);
const char *cn__takes_product(const cn_graph *, const cn__inst *);
bool        cn__prepare_product(cn__prep *, const cn_graph *, const cn__inst *);
cn__layout  cn__product_wants(const cn_graph *, const cn__inst *, int operand);
void        cn__pack_panels(cn__layout, const cn__type *, const void *master, void *at);
void        cn__unpack_panels(cn__layout, const cn__type *, const void *at, void *master);
size_t      cn__panel_bytes(cn__layout, const cn__type *);
const char *cn__takes_elementwise(const cn_graph *, const cn__inst *);
bool        cn__prepare_elementwise(cn__prep *, const cn_graph *, const cn__inst *);
bool        cn__prepare_fused(cn__prep *, const cn_graph *, const cn__inst *);
const char *cn__takes_small(const cn_graph *, const cn__inst *);
bool        cn__prepare_small(cn__prep *, const cn_graph *, const cn__inst *);
const char *cn__takes_sum(const cn_graph *, const cn__inst *);
const char *cn__takes_mean(const cn_graph *, const cn__inst *);
bool        cn__prepare_sum(cn__prep *, const cn_graph *, const cn__inst *);
const char *cn__takes_argmax(const cn_graph *, const cn__inst *);
bool        cn__prepare_argmax(cn__prep *, const cn_graph *, const cn__inst *);
const char *cn__takes_softmax(const cn_graph *, const cn__inst *);
bool        cn__prepare_softmax(cn__prep *, const cn_graph *, const cn__inst *);
const char *cn__takes_sparse_ce(const cn_graph *, const cn__inst *);
bool        cn__prepare_sparse_ce(cn__prep *, const cn_graph *, const cn__inst *);
const char *cn__takes_update(const cn_graph *, const cn__inst *);
cn__layout  cn__update_resides(const cn_graph *, const cn__inst *);
bool        cn__prepare_update(cn__prep *, const cn_graph *, const cn__inst *);
bool        cn__prepare_updates(cn__prep *, const cn_graph *, const cn__inst *const *, int n);
bool        cn__prepare_sums(cn__prep *, const cn_graph *, const cn__inst *const *, int n);
const char *cn__takes_accumulate(const cn_graph *, const cn__inst *);
bool        cn__prepare_move(cn__prep *, const cn_graph *, const cn__inst *);
bool        cn__prepare_pad(cn__prep *, const cn_graph *, const cn__inst *);
const char *cn__takes_concat(const cn_graph *, const cn__inst *);
bool        cn__prepare_concat(cn__prep *, const cn_graph *, const cn__inst *);
bool        cn__prepare_cast(cn__prep *, const cn_graph *, const cn__inst *);
bool        cn__prepare_one_hot(cn__prep *, const cn_graph *, const cn__inst *);
const char *cn__takes_whole(const cn_graph *, const cn__inst *);
bool        cn__prepare_whole(cn__prep *, const cn_graph *, const cn__inst *);
const char *cn__takes_flags(const cn_graph *, const cn__inst *);
bool        cn__prepare_flags(cn__prep *, const cn_graph *, const cn__inst *);
const char *cn__takes_random(const cn_graph *, const cn__inst *);
bool        cn__prepare_random(cn__prep *, const cn_graph *, const cn__inst *);
bool        cn__prepare_accumulate(cn__prep *, const cn_graph *, const cn__inst *);
#endif
