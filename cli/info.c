/* info.c: cornu info: what this build and this machine have. */
#include "cli.h"

static int run(const verb *v, settings *s)
{
    (void)v;
    cn_ctx   *c = cn_open(.threads = s->threads);
    cn_array *about = cn_about(c);
    if (cn_error(about)) failure(c);
    for (int64_t i = 0; i < cn_size_of(about, 0); i++)
        if (s->json)
            printf("%s\"%s\": \"%s\"%s", i ? ", " : "{", cn_string(about, 2 * i), cn_string(about, 2 * i + 1),
                   i + 1 < cn_size_of(about, 0) ? "" : "}\n");
        else printf("%-12s %s\n", cn_string(about, 2 * i), cn_string(about, 2 * i + 1));
    return cn_close(c) ? EXIT_FAILED : EXIT_DONE;
}

static const option_row options[] = {
    { "--threads", "N", OPTION_WHOLE, offsetof(settings, threads), 1, 1024, "as they would be for a training" },
    { "--json", NULL, OPTION_FLAG, offsetof(settings, json), 0, 0, "as one JSON object" },
    { 0 } };
const verb info_verb = { "info", "", "Shows the version, the processor's features, threads and backends.",
                         "  cornu info\n  cornu info --json\n", 0, 0, options, run, { 0 } };
