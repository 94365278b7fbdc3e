/* null.c: computes nothing, supports everything: for tests of all that stands above a backend. */
#include "backends/backend.h"

static void nothing(const void *args, uint32_t rep, uint32_t task, cn__lane *lane)
{
    (void)args, (void)rep, (void)task, (void)lane;
}

static const char *supports(const cn_graph *g, const cn__inst *i)
{
    (void)g, (void)i;
    return NULL;
}

static bool prepare(cn__prep *p, const cn_graph *g, const cn__inst *i)
{
    (void)g;
    if (i->op == CN__OP_BATCH) {
        void **feed = cn__prep_call(p, nothing, "null", sizeof *feed, 1, 1);
        if (feed) cn__prep_feed(p, feed, ((const cn__a_batch *)i->attr)->feed);
        return feed != NULL;
    }
    return cn__prep_call(p, nothing, "null", 1, 1, 1) != NULL;
}

const cn__backend cn__backend_null = { .name = "null", .supports = supports, .prepare = prepare };
