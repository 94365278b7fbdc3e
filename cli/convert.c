/* convert.c: cornu convert: from one of Keras's file formats to another. */
#include "model_data.h"

static int run(const verb *v, settings *s)
{
    cn_model *m;
    if (!can_be_saved(s->out, false))
        return usage_error(v, "%s: its ending names no format; there are .keras, .h5, .weights.h5, .npz and .json",
                           s->out);
    cn_ctx   *c = cn_open(.threads = 1, .log = { cn_log_stderr, NULL }, .log_level = CN_LOG_WARNING);
    cn_status failed = open_model_or_bare(&m, c, s);
    if (failed == CN_E_FORMAT && !s->weights)
        fprintf(stderr, "If %s holds weights alone, say whose: cornu convert MODEL %s --weights %s\n", s->model, s->out,
                s->model);
    if (!failed && ends(s->model, ".json") && !ends(s->out, ".json") && !s->weights)
        fprintf(stderr, "%s has no weights, these are new ones; --weights FILE takes them from a file.\n", s->model);
    if (!failed) failed = cn_save(m, s->out);
    return end(c, failed);
}

static const option_row options[] = { WEIGHTS_OPTION, { 0 } };
const verb convert_verb = {
    "convert",
    "FROM TO",
    "Converts a model between Keras's formats.\n"
    "The ending of TO says which: .keras (all of it), .h5 (all of it, as Keras 2 had it), .weights.h5 and .npz\n"
    "(weights), .json (structure).",
    "  cornu convert old.h5 new.keras\n"
    "  cornu convert m.keras m.weights.h5\n"
    "  cornu convert structure.json whole.keras --weights weights.h5\n",
    2,
    2,
    options,
    run,
    { offsetof(settings, model), offsetof(settings, out) }
};
