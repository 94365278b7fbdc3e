/* verify.c: cornu verify: reads all of a model's file and says what would not load, and why. */
#include "cli.h"
#include <string.h>

static int run(const verb *v, settings *s)
{
    (void)v;
    cn_ctx   *c = cn_open(.threads = 1);
    cn_array *report = cn_verify(c, s->model);
    if (cn_error(report)) return end(c, cn_error(report));
    const char *text = cn_string(report, 0), *last = strrchr(text, '\n');
    bool loads = !strcmp(last ? last + 1 : text, "loads");
    puts(text);
    return cn_close(c) || !loads ? EXIT_FAILED : EXIT_DONE;
}

static const option_row options[] = { { 0 } };
const verb verify_verb = {
    "verify",
    "MODEL",
    "Reads all of a model's file: container, configuration, weights; says what would not load, and why.\n"
    "The exit code is 0 if it would load, else 1.",
    "  cornu verify m.keras\n",
    1,
    1,
    options,
    run,
    { offsetof(settings, model) }
};
