/* forms.h: the two lists beside the tables of the classes: keras.def, how Keras 3 writes what the tables hold, and
   legacy.def, what was called otherwise in files of other versions. */
#ifndef CN__FORMS_H
#define CN__FORMS_H
#include "formats/config.h"

typedef enum cn__form {
    CN__FORM_PLAIN, CN__FORM_NULL_PRESET, CN__FORM_SAID, CN__FORM_FLOAT32, CN__FORM_ANY_NULL, CN__FORM_SHORT,
    CN__FORM_WORD_NONE, CN__FORM_ALL_AXES, CN__FORM_TYPE_NAME, CN__FORM_ABSENT, CN__FORM_COUNTED
} cn__form;
cn__form cn__form_of(const cn__class *, const char *option);

typedef struct cn__fixed {
    cn__family   family;
    const char  *class, *key;                            /* class NULL: all of the family */
    cn__json_type type;
    const char  *text;
    bool         must;
} cn__fixed;
const cn__fixed *cn__fixed_of(const cn__class *, int i);       /* the i-th; NULL: no more */
const char *cn__name_of(const cn__class *);              /* of an object of the class that has no name of its own */
const char *cn__layer_of_act(const char *act);           /* "relu" -> "ReLU"; NULL: none */

/* Of files by Keras version: what stands there now, or what was given. class: the class's name of today; NULL matters
   for keys before the class is known. */
const char *cn__legacy_key(int version, const cn__class *, const char *key);
const char *cn__legacy_class(int version, cn__family, const char *class);
const char *cn__legacy_word(int version, cn__family, const char *key, const char *word);
bool        cn__legacy_passed(int version, const cn__class *, const char *key);     /* means nothing any more */
const char *cn__legacy_chooser(cn__family, const char *class);       /* the key that tells which class it is; NULL */
const char *cn__legacy_chosen(cn__family, const char *class, const char *word);
const char *cn__legacy_note(int version, cn__family, const char *class);     /* what has changed since; NULL */
const char *cn__code_class(const char *class);           /* why a class carries code; NULL: it does not */
/* Of a whole tree: false (recorded) when a class that carries code is anywhere in it. */
bool        cn__config_no_code(const cn__reading *, const char *where, const cn__json *);
typedef struct cn__only { const char *key, *why; cn__json_type type; } cn__only;
const cn__only *cn__only_of(cn__family, const char *key);            /* a key that may have one value; NULL: any */

/* Messages: a value, cut short; CN_E_FORMAT, false. */
const char *cn__config_shown(const cn__reading *, const cn__json *);
bool        cn__config_wrong(const cn__reading *, const char *where, const char *key, const cn__json *,
                             const char *wanted);
#endif
