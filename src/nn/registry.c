/* registry.c: finding a class by what it is called: its name, its snake form or an alias, as Keras does; the built-in
   lists first, then what was registered on the context. */
#include "nn/options.h"
#include <stdio.h>
#include <strings.h>

static cn__class_fn *const none[] = { NULL };
static cn__class_fn *const *const families[CN__FAMILIES] = { [0] = none,
                                                             [CN__FAM_LAYER] = cn__layer_classes,
                                                             [CN__FAM_ACT] = cn__act_classes,
                                                             [CN__FAM_INITIALIZER] = cn__initializer_classes,
                                                             [CN__FAM_REGULARIZER] = cn__regularizer_classes,
                                                             [CN__FAM_CONSTRAINT] = cn__constraint_classes,
                                                             [CN__FAM_LOSS] = cn__loss_classes,
                                                             [CN__FAM_METRIC] = cn__metric_classes,
                                                             [CN__FAM_OPTIMIZER] = cn__optimizer_classes,
                                                             [CN__FAM_SCHEDULE] = cn__schedule_classes,
                                                             [CN__FAM_CALLBACK] = none };
static const char *const nouns[CN__FAMILIES] = { [0] = "thing",
                                                 [CN__FAM_LAYER] = "layer",
                                                 [CN__FAM_ACT] = "activation",
                                                 [CN__FAM_INITIALIZER] = "initializer",
                                                 [CN__FAM_REGULARIZER] = "regularizer",
                                                 [CN__FAM_CONSTRAINT] = "constraint",
                                                 [CN__FAM_LOSS] = "loss",
                                                 [CN__FAM_METRIC] = "metric",
                                                 [CN__FAM_OPTIMIZER] = "optimizer",
                                                 [CN__FAM_SCHEDULE] = "schedule",
                                                 [CN__FAM_CALLBACK] = "callback" };

typedef struct registered {
    cn__class class;
    struct registered *next;
} registered;                                            /* the list hangs on the context */

static registered *registered_on(cn_ctx *ctx)
{
    return ctx ? *cn__ctx_slot(ctx, CN__SLOT_NN) : NULL;
}

const cn__class *cn__class_at(cn__family family, int i)
{
    if (family <= 0 || family >= CN__FAMILIES || i < 0) return NULL;
    cn__class_fn *const *list = families[family];
    for (int k = 0; list[k]; k++)
        if (k == i) return list[k]();
    return NULL;
}

/* Keras lowers the case of an optimizer's name and of no other. */
static bool same(cn__family family, const char *a, const char *b, size_t n)
{
    return strlen(a) == n && !(family == CN__FAM_OPTIMIZER ? strncasecmp(a, b, n) : strncmp(a, b, n));
}

static bool answers_to(const cn__class *class, const char *name)
{
    size_t n = strlen(name);
    if (same(class->family, class->name, name, n) || same(class->family, class->snake, name, n)) return true;
    for (const char *a = class->aliases ? class->aliases : ""; *a;) {
        size_t k = strcspn(a, " ");
        if (k == n && !strncmp(a, name, n)) return true;
        a += k + (a[k] == ' ');
    }
    return false;
}

static const cn__class *find_in(cn_ctx *ctx, cn__family family, const char *name)
{
    for (int i = 0; cn__class_at(family, i); i++)
        if (answers_to(cn__class_at(family, i), name)) return cn__class_at(family, i);
    for (registered *r = registered_on(ctx); r; r = r->next)
        if (r->class.family == family && !strcmp(r->class.name, name)) return &r->class;
    return NULL;
}

const cn__class *cn__class_find(cn_ctx *ctx, cn__family family, const char *name)
{
    const cn__class *class = name ? find_in(ctx, family, name) : NULL;
    if (!class && name && family == CN__FAM_METRIC) class = find_in(ctx, CN__FAM_LOSS, name);    /* every loss is one */
    return class;
}

bool cn__class_register(cn_ctx *ctx, const cn__class *class)
{
    registered *r = cn__arena_alloc(cn__ctx_arena(ctx), sizeof *r);
    char *name = cn__arena_text(cn__ctx_arena(ctx), class->name);
    if (!r || !name) return cn__nomem(ctx), false;
    const char *own = strrchr(name, '>');
    r->class = *class, r->class.name = name, r->class.snake = own ? own + 1 : name;
    r->next = registered_on(ctx);
    *cn__ctx_slot(ctx, CN__SLOT_NN) = r;                 /* the newest first: registering a name again replaces it */
    return true;
}

/* ---- "did you mean" ---------------------------------------------------------------------------------------------- */
typedef struct nearest { const char *name[3]; size_t distance[3]; } nearest;

static void consider(nearest *best, const char *wanted, const cn__class *class)
{
    const char *shown = class->family == CN__FAM_LAYER || strchr(class->name, '>') ? class->name : class->snake;
    size_t d = CN__MIN(cn__edit_distance(wanted, class->name), cn__edit_distance(wanted, class->snake));
    if (d > CN__MAX(strlen(wanted) / 2, 2)) return;
    for (int i = 0; i < 3; i++) {
        if (best->name[i] && best->distance[i] <= d) continue;
        for (int k = 2; k > i; k--) best->name[k] = best->name[k - 1], best->distance[k] = best->distance[k - 1];
        best->name[i] = shown, best->distance[i] = d;
        return;
    }
}

cn_status cn__class_unknown(cn_ctx *ctx, const char *site, cn__family family, const char *name)
{
    nearest best = { { NULL }, { 0 } };
    for (int i = 0; cn__class_at(family, i); i++) consider(&best, name, cn__class_at(family, i));
    for (registered *r = registered_on(ctx); r; r = r->next)
        if (r->class.family == family) consider(&best, name, &r->class);
    if (!best.name[0])
        return cn__fail(
            ctx, site, CN_E_NAME,
            "there is no %s \"%s\". `cornu list` shows what there is; a name of your own has to be registered first.",
            nouns[family], name);
    char text[200];
    int n = snprintf(text, sizeof text, "\"%s\"", best.name[0]);
    for (int i = 1; i < 3 && best.name[i] && n < (int)sizeof text; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, " or \"%s\"", best.name[i]);
    return cn__fail(ctx, site, CN_E_NAME, "there is no %s \"%s\"; did you mean %s?", nouns[family], name, text);
}
