/* costs.h: what the nodes of a plan have to do, what they take, what they would take at best: made once (costs.c,
   limits.c), told as a table, as JSON and as a chart (explain.c). */
#ifndef CN__COSTS_H
#define CN__COSTS_H
#include "model/model.h"

/* ---- The machine, at best (limits.c) ----------------------------------------------------------------------------- */
enum { CN__LIMIT_LEVELS = 4 };
typedef struct cn__limits {                              /* of all threads together */
    int    threads, levels;
    double operations, operations_bf16;                  /* a second, of products; 0: not known */
    struct { size_t most; double bytes; } level[CN__LIMIT_LEVELS];      /* a second, in memory of up to so many bytes */
} cn__limits;
/* For work on at most so many bytes. A backend that does not say: zeros. */
cn_status cn__limits_measure(cn_ctx *, const cn__backend *, double bytes, cn__limits *);
/* Seconds, at best. */
double cn__limits_compute(const cn__limits *, double operations, bool bf16);
double cn__limits_move(const cn__limits *, double bytes);

/* ---- A plan's nodes (costs.c) ------------------------------------------------------------------------------------ */
typedef struct cn__cost {                                /* calls that follow each other and do one instruction */
    const char *layer, *op, *detail;                     /* detail: the kernel's; NULL */
    char        kernel[64], result[96];
    uint32_t    first, calls, tasks;
    bool        bf16;
    double      operations, bytes;
    double      best, seconds;                           /* a step; 0: not known */
} cn__cost;
typedef struct cn__costs {
    cn_model  *m;
    const cn__program *program;
    cn__arena  mem;
    cn__cost  *at; size_t n;
    cn__cost   all;
    cn__cost  *layer; size_t layers;                     /* sums, in the order of first calls */
    CN__VEC(const char *) idle;                          /* layers without calls of their own */
    cn__limits limits;
    uint64_t   steps;                                    /* that were timed; 0: none */
    double     between;                                  /* seconds a step between the calls */
} cn__costs;
/* Work, limits and best times of a program that was linked; timer: what its steps took (NULL: nobody looked). Close it
   after a failure, too. */
cn_status cn__costs_open(cn__costs *, cn_model *, const cn__program *, const cn__timer *timer);
void      cn__costs_close(cn__costs *);

/* ---- Told (explain.c) -------------------------------------------------------------------------------------------- */
cn_array *cn__costs_told(const cn__costs *, const char *site);           /* two strings: a table, JSON */
cn_array *cn__costs_chart(const cn__costs *, const char *site);          /* of a profile */
#endif
