/* size.c: cornu size: the advice alone. */
#include "cli.h"

static int run(const verb *v, settings *s)
{
    problem p = { .ctx = cn_open() };
    (void)v;
    if (load_problem(&p, s)) return failure(p.ctx), (void)cn_close(p.ctx), EXIT_FAILED;
    const cn_advice *a = &p.advice;
    if (s->json) {
        printf("{\"task\": \"%s\", \"inputs\": %lld, \"outputs\": %lld, \"hidden\": [", cn_task_name(a->task),
               (long long)a->inputs, (long long)a->outputs);
        for (int i = 0; i < CN_ADVICE_LAYERS && a->hidden[i]; i++)
            printf("%s%lld", i ? ", " : "", (long long)a->hidden[i]);
        printf("], \"activation\": \"%s\", \"output_activation\": \"%s\", \"loss\": \"%s\", \"metric\": \"%s\", "
               "\"parameters\": %lld}\n",
               a->activation.name, a->output_activation.name, a->loss.name, a->metric.name, (long long)a->parameters);
    } else {
        printf("%s%s", p.said.n ? p.said.text : "", a->why);
        printf("%s parameters in all.\n", with_commas(a->parameters));
    }
    return cn_close(p.ctx) ? EXIT_FAILED : EXIT_DONE;
}

static const option_row options[] = { { "--target", "COLUMN", OPTION_TEXT, offsetof(settings, target), 0, 0,
                                        "what is to be predicted: a name, or a number from 0" },
                                      { "--task", "TASK", OPTION_TEXT, offsetof(settings, task), 0, 0,
                                        "regression, binary or multiclass; default: as the data say" },
                                      { "--json", NULL, OPTION_FLAG, offsetof(settings, json), 0, 0,
                                        "as one JSON object" },
                                      { 0 } };
const verb size_verb = { "size",
                         "DATA",
                         "Says which problem the data pose and how large a network it takes, and why; trains nothing.",
                         "  cornu size iris.csv --target species\n  cornu size fashion-mnist\n",
                         1,
                         1,
                         options,
                         run,
                         { 0 } };
