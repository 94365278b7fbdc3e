/* plan.h: what is known while a plan is being made. */
#ifndef CN__PLAN_H
#define CN__PLAN_H
#include "exec/exec.h"
#include "passes/passes.h"

struct cn__prep {
    cn__plan  *plan;
    cn_status  status;                                   /* sticks */
    uint32_t   inst, position;                           /* of the instruction being prepared; its place in the order */
    size_t     block, temps;                             /* the latest argument block; the first life that is a temp of this instruction */
    uint32_t  *readers;                                  /* by value: how many want it */
    cn__reloc *home;                                     /* by value: where it lives; of the arena: slot is the number of its life */
    CN__VEC(char)         args;
    CN__VEC(cn__call)     calls;
    CN__VEC(cn__reloc)    relocs;
    CN__VEC(const char *) kernels;
    CN__VEC(const char *) details;
    CN__VEC(cn__life)     lives;
    CN__VEC(int)          ids;                           /* of temps; -1 for values */
    CN__VEC(cn__var *)    vars;
};
bool cn__plan_places(cn__prep *, const cn__schedule *);  /* a home for each value */
bool cn__plan_commit(cn__prep *);                        /* the assigns that no update does in place */
#endif
