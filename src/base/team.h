/* team.h: one team of threads per context. A fork-join costs about 0.15 us: workers spin briefly, then sleep. */
#ifndef CN__TEAM_H
#define CN__TEAM_H
#include "base.h"

/* What one thread has to itself while it works on tasks. */
typedef struct cn__lane { uint32_t index; void *scratch; size_t scratch_size; } cn__lane;

/* Work: for each rep of 0..nrep-1 all tasks 0..ntask-1 in any order, then a barrier. Cannot fail, allocate or block. */
typedef void (*cn__fn)(const void *args, uint32_t rep, uint32_t task, cn__lane *lane);

typedef struct cn__team cn__team;
/* The caller counts as one; those beyond the number of processors stay away. NULL: out of memory. */
cn__team *cn__team_open(cn_ctx *, int threads);
void      cn__team_close(cn__team *);
int       cn__team_size(const cn__team *);
/* at least so much for each lane; false: out of memory. Not while running */
bool      cn__team_scratch(cn__team *, size_t bytes);
cn__lane *cn__team_lane(cn__team *, int i);

/* Runs fn on the team; stop (may be NULL) is looked at between reps. Environment CN_TASKS=reverse|random runs the tasks
   of each rep in another order on the calling thread (a test: nothing may depend on it). A team serves one caller at a
   time; a nested call runs on the calling thread. */
void cn__team_run(cn__team *, cn__fn fn, const void *args, uint32_t nrep, uint32_t ntask, const atomic_int *stop);

/* Denormals are flushed while a plan runs; restore with what this returned. */
uint32_t cn__denormals_off(void);
void     cn__denormals_restore(uint32_t mode);
#endif
