/* exec.h: plans, runners' linked plans, the run loop. A plan is immutable, holds no addresses and is shared; a link is
   one runner's copy of its argument blocks with absolute pointers. A step has two parts: compute writes only the arena,
   commit writes variables. Between them the loop looks at stop, fault and the values that must be finite: a step
   happened or it did not. */
#ifndef CN__EXEC_H
#define CN__EXEC_H
#include "backends/backend.h"

typedef struct cn__call { cn__fn fn; const void *args; uint32_t nrep, ntask, inst; } cn__call;
typedef enum cn__space {
    CN__ARENA = 1, CN__VARS, CN__MIRRORS, CN__FEEDS, CN__INPUTS, CN__CONSTS, CN__FAULTS
} cn__space;
typedef struct cn__reloc { uint32_t at; uint8_t space; uint8_t mirror; uint32_t slot; uint64_t off; } cn__reloc;

typedef struct cn__place { uint8_t space; uint32_t slot; uint64_t off; } cn__place;      /* where a value lives */
/* What a plan does with a variable: bits of the mirrors it reads; how many it writes; whether it knows the master, or
   the slot + 1 of the mirror in which the variable resides. */
typedef struct cn__use { uint8_t reads, mirrors, resides; bool master, written; } cn__use;
typedef struct cn__plan {
    cn_ctx   *ctx;
    cn_graph *graph;                                     /* the final graph: for explain, watches and messages */
    const cn__backend *backend;
    const cn__call *call; uint32_t ncompute, ncommit;    /* args: offsets until linked */
    const char *args; size_t args_bytes;
    const cn__reloc *reloc; uint32_t nreloc;
    const char **kernel;                                 /* of each call, for explain and profile */
    const char **detail;
    const char *declined;                                /* lines: what was expanded, and why */
    size_t    arena, lane_scratch;
    cn__place *place;                                    /* of each value of graph */
    cn__var  **var; uint32_t nvars;                      /* those it reads or writes: slots of VARS and MIRRORS */
    cn__use  *use;                                       /* of each of them */
    bool      reads_mirrors;
    uint32_t  nfeeds;
    atomic_uint refs;
    cn__arena mem;                                       /* all of the above */
} cn__plan;

/* Runs the passes (legalise, fuse, pack, schedule, memory plan) on g and makes a plan of its roots, assigns and checks.
   Takes a reference to nothing: g is left as it is. NULL: recorded on the context. watched graphs have their watched
   values among the roots. */
cn__plan *cn__plan_make(cn_ctx *, const cn__backend *, const cn_graph *g);
void      cn__plan_ref(cn__plan *);
void      cn__plan_unref(cn__plan *);
int64_t   cn__plan_roots(const cn__plan *);

/* A clock for the first `room` steps of one plan: how many there were; of each, a row of seconds: what stood between it
   and the step before (0: that was not under the clock), then each call. */
typedef struct cn__timer { const cn__plan *plan; uint64_t steps, room; double *took, last; } cn__timer;

typedef struct cn__own { void *at; size_t bytes; } cn__own;

/* One runner's state; several links (legs) share its arena. */
typedef struct cn__exec {
    cn_ctx       *ctx;
    struct cn__team *team;                               /* NULL: the calling thread alone */
    cn__lane      lane0;                                 /* used without a team */
    char         *arena; size_t arena_bytes;
    cn__feed     *feeds; uint32_t nfeeds;
    cn__own      *runner_vars; uint32_t nrunner_vars;    /* masters of variables with scope RUNNER, by cn__var.index */
    atomic_int    stop;
    atomic_uint   fault;
    uint32_t      fault_inst;                            /* valid after CN__RUN_FAULT or CN__RUN_NONFINITE */
    cn__timer    *timer;                                 /* NULL: nobody asks what calls take */
} cn__exec;
typedef struct cn__checked { const void *at; bool wide /* float64 */; cn__val val; } cn__checked;
typedef struct cn__linked {
    cn__plan    *plan;
    cn__call    *call;
    char        *args;
    cn__checked *check; uint32_t nchecks;
    bool         committed;                              /* it wrote variables since they were looked at last */
} cn__linked;

bool  cn__exec_open(cn__exec *, cn_ctx *, struct cn__team *);            /* false: no memory, recorded */
void  cn__exec_close(cn__exec *);
bool  cn__exec_reserve(cn__exec *, const cn__plan *);    /* room for the plan: for each leg before the first cn__link */
/* grows the arena (and relinks nothing: link all legs after cn__exec_reserve) */
cn__linked *cn__link(cn__exec *, cn__plan *);
void  cn__unlink(cn__exec *, cn__linked *);
void *cn__linked_at(cn__exec *, const cn__linked *, cn__val root_value);   /* where a value of the plan's graph lives */
void *cn__linked_root(cn__exec *, const cn__linked *, uint32_t k);         /* the k-th root; stays where it is */
void *cn__linked_input(cn__exec *, const cn__linked *, uint32_t k);        /* storage of the k-th graph input */

typedef enum cn__run_end { CN__RUN_DONE, CN__RUN_STOPPED, CN__RUN_FAULT, CN__RUN_NONFINITE } cn__run_end;
/* A leg: steps of one linked plan; each step advances the feeds' cursors by rows. */
typedef struct cn__leg { cn__linked *linked; uint64_t steps, rows; } cn__leg;
/* Runs the legs in turn from *done steps on, at most `most` steps or until the clock passes deadline (seconds of
   cn__now, 0: none; looked at every few steps); *done counts finished steps since the epoch's first. Repacks stale
   mirrors at entry, raises versions at exit. Denormals are off within. */
cn__run_end cn__run_legs(cn__exec *, const cn__leg *, int nlegs, uint64_t *done, uint64_t most, double deadline);
/* Many whole epochs in one call, for data sets of few rows: after each epoch tail(user, epoch) is called (reads and
   resets metric variables, reshuffles; not 0: stops). */
cn__run_end cn__run_epochs(cn__exec *, const cn__leg *, int nlegs, uint64_t epochs,
                           int (*tail)(void *user, uint64_t epoch), void *user, uint64_t *epochs_done, double deadline);
double cn__now(void);                                    /* seconds, monotonic */
bool cn__one_update(const cn__inst *, const cn__inst *);          /* in place, these are one call */
void cn__explain(const cn__plan *, cn__text *);          /* which kernel each node got, why others declined */
#endif
