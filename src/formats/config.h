/* config.h: options as Keras's JSON and back, read from the tables of the classes: no class has a parser of its own.

   A Keras object is {"module": "keras.layers", "class_name": "Dense", "config": {...}, "registered_name": null, ...};
   in files before Keras 3 {"class_name": ..., "config": ...}; functions and plain choices are their name: "relu".
   legacy.def lists the keys and classes that were renamed or dropped, with the versions. */
#ifndef CN__CONFIG_H
#define CN__CONFIG_H
#include "formats/json.h"
#include "nn/nn.h"

typedef struct cn__reading {                             /* who reads what, for messages */
    cn_ctx     *ctx;
    cn__arena  *mem;                                     /* what is made lives here */
    const char *site, *what;                             /* "train.c:14"; "model.keras: config.json" */
    int         keras;                                   /* major version that wrote it: 1, 2, 3 */
    bool        quiet;                                   /* no notes on unknown keys */
    /* called for each layer that was made, before it is called on anything: it may keep more in other places */
    cn_status (*made)(void *user, const cn__json *object, cn_layer *);
    void       *user;
} cn__reading;

/* Every option of args that Keras knows, in the table's order, presets too (Keras writes all of them). */
cn__json *cn__config_write(cn__arena *, const cn__class *, const void *args);
/* A choice (activation, initializer, loss ...) as Keras writes it: null, a name, or an object. */
cn__json *cn__config_choice(cn__arena *, const cn__class *owner, const cn__option *, const cn__spec *);
/* {"module", "class_name", "config", "registered_name"} around a config. */
cn__json *cn__config_object(cn__arena *, const cn__class *, cn__json *config);

/* From a config the args of a class, as a caller would have filled them in (head.size set, what is not said left at its
   preset; 0 written as CN_ZERO, axis 0 as CN_AXIS0), for cn__layer_new or cn__spec_make. where: `dense "dense_1"`, for
   messages. Unknown keys with a value are reported by the log, null ones passed over; keys of the layer as such (name,
   trainable, dtype, batch_input_shape ...) that the table has not are left to the caller. NULL: recorded (CN_E_FORMAT
   with what, where, key and the value found). */
void *cn__config_read(const cn__reading *, const cn__class *, const char *where, const cn__json *config);
/* A choice from its JSON; *choice is what stands in a cn_act ...: NULL for null. false: recorded. */
bool  cn__config_read_choice(const cn__reading *, cn__family, const char *where, const cn__json *, const char **choice);
/* The class of an object, by class_name and registered_name ("acme>Squash"), through legacy.def. NULL: recorded, with
   the layer, the class, and how to register it; Lambda and whatever carries code is refused as such (CN_E_UNSUPPORTED).
   */
const cn__class *cn__config_class(const cn__reading *, cn__family, const char *where, const cn__json *object);

/* ---- Models (config_model*.c, config_compile.c) ------------------------------------------------------------------ */
struct cn_model;
/* Sequential, Functional, nested: the object, but for its compile_config. NULL: recorded. */
cn__json        *cn__config_model(cn__arena *, struct cn_model *);
/* Keras 3's objects, and the class_name and config of Keras 1 and 2. Never NULL: an error sticks to it. */
struct cn_model *cn__config_read_model(const cn__reading *, const cn__json *object);
/* The same of text as Keras's model.to_json writes it. */
struct cn_model *cn__config_parse_model(const cn__reading *, const char *text, size_t n);
/* Calls f with each layer of a model's object, and of the models in it, whose class is not there. false: it is no
   model's object; recorded. */
bool             cn__config_unknown(const cn__reading *, const cn__json *object,
                                    void (*f)(void *user, const char *layer, const char *class), void *user);
/* compile_config of Keras 3, training_config of Keras 2 (h5). */
cn__json        *cn__config_compile(cn__arena *, struct cn_model *);         /* NULL object: not compiled -> null */
cn_status        cn__config_read_compile(const cn__reading *, struct cn_model *, const cn__json *);
#endif
