/* config_model.h: what the files on models' configurations share: config_model.c writes them, config_model_read.c and
   config_model_nodes.c read them. */
#ifndef CN__CONFIG_MODEL_H
#define CN__CONFIG_MODEL_H
#include "formats/config.h"
#include "model/model.h"

enum { CN__NESTED_MOST = 32, CN__LAYERS_MOST = 10000, CN__CALLS_MOST = 65536, CN__NAME_MOST = 1024 };

/* One model that is read, within others. */
typedef struct cn__making {
    const cn__reading *r;
    const char *path;                                    /* "tower/" of the layers of "tower"; "" */
    int         depth;                                   /* models around it */
    int64_t    *layers;                                  /* read so far, in all models */
    int64_t calls; /* of layers in it, in models that it calls once for each call */
} cn__making;
typedef struct cn__made { cn_layer *layer; cn_model *model; int64_t calls; } cn__made;  /* layer: a model's own, too */

/* A layer, or a model, from its object; not called yet. false: recorded, and nothing is there. */
bool cn__making_layer(cn__making *, const cn__json *object, cn__made *);
/* The tensor of an InputLayer's object. NULL: recorded. */
cn_tensor *cn__making_input(const cn__making *, const cn__json *object);
bool cn__is_input_class(const cn__json *object);
const char *cn__object_name(const cn__json *object);        /* NULL: none */
bool cn__call_has_training(const cn_layer *);            /* Keras 3 writes "training" with each of its calls */
/* The layers of a functional model, called as its configuration says. NULL: recorded. */
cn_model *cn__making_functional(cn__making *, const cn__json *config, const char *name);
bool cn__making_called(cn__making *, int64_t calls);     /* so many more calls; false: too many, recorded */
/* "model.keras: config.json: ..."; false. */
bool cn__making_wrong(const cn__making *, cn_status, const char *format, ...) CN__PRINTF(3, 4);
/* What the context has on record, said of this layer; false. */
bool cn__making_failed(const cn__making *, const char *name);
#endif
