/* forms.c: keras.def and legacy.def as tables, and looking things up in them. */
#include "formats/forms.h"

static bool same(const char *a, const char *b) { return a && b && !strcmp(a, b); }

/* ---- keras.def --------------------------------------------------------------------------------------------------- */
static const struct { cn__family family; const char *class, *option; cn__form form; } forms[] = {
#define CN_FORM(family, class, option, form) { CN__FAM_##family, class, option, CN__FORM_##form },
#include "formats/keras.def"
};
static const cn__fixed fixed[] = {
#define CN_FIXED(family, class, key, type, text, must) { CN__FAM_##family, class, key, CN__JSON_##type, text, must },
#include "formats/keras.def"
};
static const struct { cn__family family; const char *class, *name; } names[] = {
#define CN_NAME(family, class, name) { CN__FAM_##family, class, name },
#include "formats/keras.def"
};
static const struct { const char *layer, *act; } layers_as_acts[] = {
#define CN_LAYER_AS_ACT(layer, act) { layer, act },
#include "formats/keras.def"
};

static bool concerns(cn__family family, const char *row_class, const cn__class *class)
{
    return class && class->family == family && (!row_class || !strcmp(row_class, class->name));
}

cn__form cn__form_of(const cn__class *class, const char *option)
{
    for (size_t i = 0; i < CN__COUNT(forms); i++)
        if (concerns(forms[i].family, forms[i].class, class) && !strcmp(forms[i].option, option)) return forms[i].form;
    return CN__FORM_PLAIN;
}

const cn__fixed *cn__fixed_of(const cn__class *class, int n)
{
    for (size_t i = 0; i < CN__COUNT(fixed); i++)
        if (concerns(fixed[i].family, fixed[i].class, class) && !n--) return &fixed[i];
    return NULL;
}

const char *cn__name_of(const cn__class *class)
{
    for (size_t i = 0; i < CN__COUNT(names); i++)
        if (concerns(names[i].family, names[i].class, class)) return names[i].name;
    return class->snake;
}

const char *cn__layer_of_act(const char *act)
{
    for (size_t i = 0; i < CN__COUNT(layers_as_acts); i++)
        if (!strcmp(layers_as_acts[i].act, act)) return layers_as_acts[i].layer;
    return NULL;
}

/* ---- legacy.def -------------------------------------------------------------------------------------------------- */
typedef struct renamed { cn__family family; const char *where, *old, *now; int from, to; } renamed;
static const renamed keys[] = {
#define CN_KEY(family, class, old, now, from, to) { CN__FAM_##family, class, old, now, from, to },
#include "formats/legacy.def"
};
static const renamed passed[] = {
#define CN_PASSED(family, class, key, from, to) { CN__FAM_##family, class, key, NULL, from, to },
#include "formats/legacy.def"
};
static const renamed classes[] = {
#define CN_CLASS(family, old, now, from, to) { CN__FAM_##family, NULL, old, now, from, to },
#include "formats/legacy.def"
};
static const renamed words[] = {
#define CN_WORD(family, key, old, now, from, to) { CN__FAM_##family, key, old, now, from, to },
#include "formats/legacy.def"
};
static const renamed notes[] = {
#define CN_NOTE(family, class, note, from, to) { CN__FAM_##family, NULL, class, note, from, to },
#include "formats/legacy.def"
};
static const struct { cn__family family; const char *class, *key, *word, *now; } chosen[] = {
#define CN_CHOSEN(family, class, key, word, now) { CN__FAM_##family, class, key, word, now },
#include "formats/legacy.def"
};
static const struct { cn__family family; cn__only only; } onlies[] = {
#define CN_ONLY(family, key, type, why) { CN__FAM_##family, { key, why, CN__JSON_##type } },
#include "formats/legacy.def"
};
static const struct { const char *class, *why; } code[] = {
#define CN_CODE(class, why) { class, why },
#include "formats/legacy.def"
};

static bool of_version(const renamed *r, int version) { return version >= r->from && version <= r->to; }

const char *cn__legacy_key(int version, const cn__class *class, const char *key)
{
    for (size_t i = 0; i < CN__COUNT(keys); i++)
        if (of_version(&keys[i], version) && concerns(keys[i].family, keys[i].where, class) &&
            !strcmp(keys[i].old, key)) return keys[i].now;
    return key;
}

bool cn__legacy_passed(int version, const cn__class *class, const char *key)
{
    for (size_t i = 0; i < CN__COUNT(passed); i++)
        if (of_version(&passed[i], version) && concerns(passed[i].family, passed[i].where, class) &&
            !strcmp(passed[i].old, key)) return true;
    return false;
}

static const char *now_of(const renamed *rows, size_t n, int version, cn__family family, const char *where,
                          const char *old)
{
    for (size_t i = 0; i < n; i++)
        if (of_version(&rows[i], version) && rows[i].family == family && !strcmp(rows[i].old, old) &&
            (!rows[i].where || same(rows[i].where, where))) return rows[i].now;
    return NULL;
}

const char *cn__legacy_class(int version, cn__family family, const char *class)
{
    const char *now = now_of(classes, CN__COUNT(classes), version, family, NULL, class);
    for (size_t i = 0; family == CN__FAM_ACT && i < CN__COUNT(layers_as_acts); i++)
        if (!strcmp(layers_as_acts[i].layer, class)) return layers_as_acts[i].act;
    return now ? now : class;
}

const char *cn__legacy_word(int version, cn__family family, const char *key, const char *word)
{
    const char *now = now_of(words, CN__COUNT(words), version, family, key, word);
    return now ? now : word;
}

const char *cn__legacy_note(int version, cn__family family, const char *class)
{
    return now_of(notes, CN__COUNT(notes), version, family, NULL, class);
}

const char *cn__legacy_chooser(cn__family family, const char *class)
{
    for (size_t i = 0; i < CN__COUNT(chosen); i++)
        if (chosen[i].family == family && !strcmp(chosen[i].class, class)) return chosen[i].key;
    return NULL;
}

const char *cn__legacy_chosen(cn__family family, const char *class, const char *word)
{
    for (size_t i = 0; i < CN__COUNT(chosen); i++)
        if (chosen[i].family == family && !strcmp(chosen[i].class, class) &&
            (!chosen[i].word || same(chosen[i].word, word))) return chosen[i].now ? chosen[i].now : word;
    return NULL;
}

const cn__only *cn__only_of(cn__family family, const char *key)
{
    for (size_t i = 0; i < CN__COUNT(onlies); i++)
        if (onlies[i].family == family && !strcmp(onlies[i].only.key, key)) return &onlies[i].only;
    return NULL;
}

const char *cn__code_class(const char *class)
{
    for (size_t i = 0; class && i < CN__COUNT(code); i++)
        if (!strcmp(code[i].class, class)) return code[i].why;
    return NULL;
}
