/* show.c: cornu show: what a model in a file consists of: a table, its configuration, a drawing. */
#include "model_data.h"

static int run(const verb *v, settings *s)
{
    cn_model   *m;
    const char *text = NULL;
    if (s->svg && !ends(s->svg, ".svg")) return usage_error(v, "--svg %s: the name has to end in .svg", s->svg);
    if (s->dot && !ends(s->dot, ".dot")) return usage_error(v, "--dot %s: the name has to end in .dot", s->dot);
    cn_ctx   *c = cn_open(.threads = 1, .log = { cn_log_stderr, NULL }, .log_level = CN_LOG_WARNING);
    cn_status failed = open_model_or_bare(&m, c, s);
    if (!failed && s->svg) failed = cn_plot_model(m, s->svg);
    if (!failed && s->dot) failed = cn_plot_model(m, s->dot);
    if (!failed && (s->json || !(s->svg || s->dot))) {
        text = s->json ? cn_to_json(m) : cn_summary(m);
        failed = text ? CN_OK : cn_error(c);
    }
    if (text) puts(text);
    return end(c, failed);
}

static const option_row options[] = {
    { "--json", NULL, OPTION_FLAG, offsetof(settings, json), 0, 0, "Keras's configuration" },
    { "--svg", "FILE.svg", OPTION_TEXT, offsetof(settings, svg), 0, 0, "draws the layers and what flows between them" },
    { "--dot", "FILE.dot", OPTION_TEXT, offsetof(settings, dot), 0, 0, "the same for Graphviz" },
    { 0 }
};
const verb show_verb = { "show",
                         "MODEL",
                         "Shows what a model in a file consists of: layers, shapes, weights.",
                         "  cornu show m.keras\n  cornu show m.keras --svg m.svg\n  cornu show old.h5 --json\n",
                         1,
                         1,
                         options,
                         run,
                         { offsetof(settings, model) } };
