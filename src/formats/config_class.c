/* config_class.c: which class an object of Keras's JSON is, and choices, which are names or objects. Names are looked
   up in closed lists: those of this library, by the module where Keras keeps them, and those registered on the context.
   What would need foreign code is refused. */
#include "formats/forms.h"
#include "nn/options.h"

static const struct { const char *noun, *verb; } families[CN__FAMILIES] = {
    [CN__FAM_LAYER]       = { "layer", "cn_register_layer" },
    [CN__FAM_ACT]         = { "activation", "cn_register_activation" },
    [CN__FAM_INITIALIZER] = { "initializer", NULL },
    [CN__FAM_REGULARIZER] = { "regularizer", NULL },
    [CN__FAM_CONSTRAINT]  = { "constraint", NULL },
    [CN__FAM_LOSS]        = { "loss", "cn_register_loss" },
    [CN__FAM_METRIC]      = { "metric", "cn_register_metric" },
    [CN__FAM_OPTIMIZER]   = { "optimizer", NULL },
    [CN__FAM_SCHEDULE]    = { "schedule", NULL }
};

/* ---- Code -------------------------------------------------------------------------------------------------------- */
static const cn__json *find_code(const cn__json *j)
{
    const char *class = cn__json_text(cn__json_get(j, "class_name"));
    const cn__json *found = class && cn__code_class(class) ? j : NULL;
    for (const cn__json *c = j ? j->first : NULL; c && !found; c = c->next) found = find_code(c);
    return found;
}

bool cn__config_no_code(const cn__reading *r, const char *where, const cn__json *j)
{
    const char *class = cn__json_text(cn__json_get(find_code(j), "class_name"));
    if (!class) return true;
    cn__fail(r->ctx, r->site, CN_E_UNSUPPORTED,
             "%s: %s: \"%s\": %s, and code is never loaded from a file. Make the model without it in Keras, or build "
             "it here with a layer of your own (cn_register_layer).", r->what, where, class, cn__code_class(class));
    return false;
}

/* ---- Classes by their names -------------------------------------------------------------------------------------- */

/* The part of Keras that a module is in: "layers.core.dense" of "keras.src.layers.core.dense". NULL: not in Keras. */
static const char *part_of_keras(const char *module)
{
    static const char *const roots[] = { "keras.src.", "keras.", "tf_keras.src.", "tf_keras." };
    for (size_t i = 0; module && i < CN__COUNT(roots); i++)
        if (!strncmp(module, roots[i], strlen(roots[i]))) return module + strlen(roots[i]);
    return NULL;
}

/* Does Keras keep the class in that module? Files before Keras 3 name none; "builtins" is that of functions. */
static bool kept_in(const cn__class *class, const char *module)
{
    if (!module || !strcmp(module, "builtins")) return true;
    const char *theirs = part_of_keras(module), *ours = part_of_keras(class->module);
    if (!theirs || !ours) return false;
    size_t n = strcspn(theirs, ".");
    bool as_layer = class->family == CN__FAM_ACT && cn__layer_of_act(class->name);
    bool same = n == strcspn(ours, ".") && !strncmp(theirs, ours, n);
    return same || (as_layer && n == 6 && !strncmp(theirs, "layers", n));
}

typedef struct asked { const char *name, *registered, *module; } asked;      /* the last two may be NULL */

static const cn__class *unknown(const cn__reading *r, cn__family family, const char *where, asked a)
{
    bool own = a.registered && strchr(a.registered, '>');
    const char *verb = families[family].verb, *name = own ? a.registered : a.name;
    const char *from = a.module ? cn__arena_printf(r->mem, " (of %.80s)", a.module) : "";
    const char *how = verb ? cn__arena_printf(r->mem, " If it is yours, register it before: %s(c, \"%s%.80s\", ...).",
                                              verb, own ? "" : "Custom>", name) : "";
    cn__fail(r->ctx, r->site, CN_E_UNSUPPORTED, "%s: %s: the %s \"%.80s\"%s is not one of this library.%s", r->what,
             where, families[family].noun, name, from ? from : "", how ? how : "");
    return NULL;
}

/* By the name that it was registered under, or, of Keras's own modules, by its name. "Custom>" is also what Keras 2 put
   before optimizers of its own. */
static const cn__class *find_class(const cn__reading *r, cn__family family, asked a)
{
    const char *own = a.registered ? strchr(a.registered, '>') : NULL;
    bool keras2 = r->keras < 3 && own && !strncmp(a.registered, "Custom>", 7);
    const cn__class *class = own ? cn__class_find(r->ctx, family, a.registered) : NULL;
    if (class || (own && !keras2 && strncmp(a.registered, "cornu>", 6))) return class;
    const char *name = own ? own + 1 : a.name;
    class = cn__class_find(r->ctx, family, cn__legacy_class(r->keras, family, name));
    if (class && kept_in(class, a.module)) return class;
    const char *custom = !a.module || part_of_keras(a.module) ? NULL : cn__arena_printf(r->mem, "Custom>%s", name);
    return custom ? cn__class_find(r->ctx, family, custom) : NULL;
}

static const cn__class *named(const cn__reading *r, cn__family family, const char *where, asked a)
{
    if (strchr(a.name, '>')) a.registered = a.name;
    const cn__class *class = find_class(r, family, a);
    const char *note = cn__legacy_note(r->keras, family, a.name);
    if (!class) return unknown(r, family, where, a);
    if (note && !r->quiet)
        cn__log(r->ctx, CN_LOG_WARNING, "%s: %s: %s is computed as Keras 3 does; %s.", r->what, where, a.name, note);
    return class;
}

/* ---- Classes of objects ------------------------------------------------------------------------------------------ */
static asked asked_of(const cn__json *object, const char *name)
{
    return (asked){ name, cn__json_text(cn__json_get(object, "registered_name")),
                    cn__json_text(cn__json_get(object, "module")) };
}

/* {"class_name": "function", "config": "relu", "registered_name": "acme>f"}, or its name alone. */
static const cn__class *function(const cn__reading *r, cn__family family, const char *where, const cn__json *j)
{
    const char *name = cn__json_text(cn__json_is(j, CN__JSON_OBJECT) ? cn__json_get(j, "config") : j);
    if (!name) return cn__config_wrong(r, where, families[family].noun, j, "the name of a function"), NULL;
    return named(r, family, where, asked_of(j, name));
}

/* One class of an older Keras that is several today, or a wrapper around a function. */
static const cn__class *chosen(const cn__reading *r, cn__family family, const char *where, const char *name,
                               const char *key, const cn__json *choice)
{
    const char *now = cn__legacy_chosen(family, name, cn__json_text(choice));
    if (cn__json_is(choice, CN__JSON_OBJECT)) return function(r, family, where, choice);
    if (now) return named(r, family, where, (asked){ .name = now });
    cn__fail(r->ctx, r->site, CN_E_UNSUPPORTED, "%s: %s: %s with \"%s\": %s is not read here.", r->what, where, name,
             key, choice ? cn__config_shown(r, choice) : "null");
    return NULL;
}

/* Keras 1 wrote some objects as their config, with the class as its "name". */
static bool is_config(const cn__reading *r, const cn__json *object)
{
    return r->keras == 1 && !cn__json_get(object, "class_name");
}

const cn__class *cn__config_class(const cn__reading *r, cn__family family, const char *where, const cn__json *object)
{
    const char *name = cn__json_text(cn__json_get(object, is_config(r, object) ? "name" : "class_name"));
    const char *key = name ? cn__legacy_chooser(family, name) : NULL;
    if (!name)
        return cn__config_wrong(r, where, families[family].noun, object, "an object with \"class_name\""), NULL;
    if (cn__code_class(name)) return cn__config_no_code(r, where, object), NULL;
    if (!strcmp(name, "function")) return function(r, family, where, object);
    if (key) return chosen(r, family, where, name, key, cn__json_get(cn__json_get(object, "config"), key));
    return named(r, family, where, asked_of(object, name));
}

/* ---- Choices ----------------------------------------------------------------------------------------------------- */

/* Names that mean what the targets say: they are no classes. */
static bool by_targets(cn__family family, const char *name)
{
    static const char *const names[] = { "accuracy", "acc", "Accuracy", "ACC", "crossentropy", "ce" };
    for (size_t i = 0; family == CN__FAM_METRIC && i < CN__COUNT(names); i++)
        if (!strcmp(names[i], name)) return true;
    return family == CN__FAM_LOSS && !strcmp(name, "crossentropy");
}

/* Results go by the very name that a metric was given. */
static bool read_name(const cn__reading *r, cn__family family, const char *where, const char *name, const char **choice)
{
    bool targets = by_targets(family, name);
    const cn__class *class = targets ? NULL : named(r, family, where, (asked){ .name = name });
    if (!class && !targets) return false;
    bool as_it_is = targets || cn__class_find(r->ctx, family, name) == class;
    *choice = as_it_is ? cn__arena_text(r->mem, name) : class->name;
    if (!*choice) cn__nomem(r->ctx);
    return *choice != NULL;
}

bool cn__config_read_choice(const cn__reading *r, cn__family family, const char *where, const cn__json *j,
                            const char **choice)
{
    *choice = NULL;
    if (!cn__json_some(j)) return true;
    if (cn__json_text(j)) return read_name(r, family, where, j->text, choice);
    if (!cn__json_is(j, CN__JSON_OBJECT))
        return cn__config_wrong(r, where, families[family].noun, j, "a name or an object");
    const cn__class *class = cn__config_class(r, family, where, j);
    const cn__json *config = is_config(r, j) ? j : cn__json_get(j, "config");
    if (!class) return false;
    *choice = class->name;
    if (cn__json_text(config)) return true;              /* a function */
    cn_head *args = cn__config_read(r, class, where, config);
    if (args && class->size) *choice = cn__choose(args, class->name);
    return args != NULL;
}
