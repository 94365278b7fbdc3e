/* callbacks.h: what a callback is inside. The list of them is callbacks.def; those that look at results or call the
   user are in callbacks.c, those that write in csv_logger.c and checkpoints.c. */
#ifndef CN__CALLBACKS_H
#define CN__CALLBACKS_H
#include "model/snapshot.h"

typedef cn_status cn__hook(cn__callback *, const cn_event *);
typedef struct cn__callback_ops {
    cn__hook  *on[CN__HOOKS];
    size_t     state;                                    /* bytes, zeroed */
    bool       last;                                     /* its hooks come after those of all others */
    cn_status (*open)(cn__callback *);
    void      (*snap)(cn__callback *, cn__snap *);       /* what it remembers; NULL: nothing */
    cn_status (*invalid)(cn__callback *, int64_t batch); /* the loss is not finite. CN_OK: no error */
    cn_status (*stopped)(cn__callback *);                /* the fit ends early, on request */
    void      (*close)(cn__callback *);
} cn__callback_ops;
struct cn__callback {
    const cn__callback_ops *ops;
    const cn__class *cls;
    cn_model   *m;
    const char *site;
    void       *args, *state;
    cn__arena  *mem;                                     /* of the list: until it is closed */
    bool        train_batches, test_batches;             /* it wants each of them */
};
#define CN_CALLBACK(class, snake, id, REQUIRED, FIELDS, help) extern const cn__callback_ops cn__callback_##id;
#include "model/callbacks.def"
#undef CN_CALLBACK

/* A result that is watched, and its best value so far. */
typedef struct cn__monitor { int direction; bool any; double best; } cn__monitor;
/* Whether more is better, by the word or by the result's name. */
cn_status cn__monitor_direct(cn__callback *, cn__monitor *, const char *name, cn_word mode);
bool      cn__monitor_improves(const cn__monitor *, double value, double than, double min_delta);
bool      cn__monitor_best(cn__monitor *, double value, double min_delta);   /* if it is, it is kept */
void      cn__monitor_snap(cn__monitor *, cn__snap *);
#endif
