/* training.h: a training of the command, done (train.c) and told (tell.c). */
#ifndef CLI_TRAINING_H
#define CLI_TRAINING_H
#include "cli.h"

typedef struct scores { bool there; double loss, accuracy, mae, rmse; } scores;
typedef struct training {
    problem        p;
    const settings *s;
    cn_model       *m;
    double          seconds, told;                       /* since the training began; when progress was told last */
    int64_t         epochs, best;
    scores          train, validation, test;
} training;

static inline bool is_regression(const training *t) { return t->p.advice.task == CN_REGRESSION; }

void      print_plan(const training *);                  /* the data, the decisions, the network */
void      print_results(const training *);
void      print_json(const training *);
cn_status write_report(const training *);
#endif
