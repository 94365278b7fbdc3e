/* plan.h: what is known while a plan is being made. */
#ifndef CN__PLAN_H
#define CN__PLAN_H
#include "exec/exec.h"
#include "passes/passes.h"

enum { CN__LATE_READ = 1 /* by an instruction of the commit part */, CN__LATE_KEPT = 2 /* output, assigned, guard */ };

struct cn__prep {
    cn__plan  *plan;
    cn_status  status;                                   /* sticks */
    bool       committing;                               /* what is prepared now runs in the commit part */
    uint32_t   inst, position;                           /* what is being prepared; its place in the order */
    size_t     temps;                                    /* the first life that is a temp of this instruction */
    uint32_t  *readers;                                  /* by value: how many want it */
    uint8_t   *late;                                     /* by value: CN__LATE_... */
    uint8_t   *layout;                                   /* by value: of its storage */
    /* by value: where it lives (ARENA: slot is its life's number); a variable as it was before the step (or 0) */
    cn__reloc *home, *saved;
    CN__VEC(char)         args;
    CN__VEC(cn__call)     calls;
    CN__VEC(cn__reloc)    relocs;
    CN__VEC(const char *) kernels;
    CN__VEC(const char *) details;
    CN__VEC(cn__life)     lives;
    CN__VEC(int)          ids;                           /* of temps; -1 for values */
    CN__VEC(cn__var *)    vars;
};
bool     cn__prep_nomem(cn__prep *);                     /* recorded once; false */
uint32_t cn__prep_var_slot(cn__prep *, cn__var *);

/* places.c: a home for each value. */
bool cn__plan_places(cn__prep *, const cn__schedule *);
bool cn__plan_silent(const cn__prep *, const cn__inst *);            /* its result lies somewhere already: no call */

/* reside.c: updates that find their variables and gradients in another layout. After leaves have places. */
bool cn__plan_reside(cn__prep *, const cn__schedule *);

/* commit.c: the calls that keep what is read late of variables, and those that write variables. */
bool cn__plan_save(cn__prep *);
bool cn__plan_commit(cn__prep *, const cn__schedule *);
bool cn__plan_assigned(const cn_graph *, const cn__var *);           /* the step writes it */

/* mirrors.c: packed copies of variables, shared by all plans. The lock is the context's: plans of several runners
   bring mirrors up to date. */
bool cn__mirrors_open(cn_ctx *);                         /* false: no memory, recorded */
void cn__mirrors_lock(cn_ctx *);
void cn__mirrors_reside(cn_ctx *);                       /* a plan leaves masters behind */
void cn__mirrors_unlock(cn_ctx *);
int  cn__mirror_of(cn__prep *, cn__var *, cn__layout);   /* its slot, made if need be; -1: failed. With the lock */
void cn__mirrors_refresh(const cn__plan *);              /* packs again what the plan reads and is stale */
void cn__mirrors_written(const cn__plan *);              /* steps of this plan were committed: versions go up */
#endif
