/* formats.h: what the files of this room share.

   json.c hdf5_*.c          two notations, safe on hostile bytes (zip: base/zip.h)
   config*.c legacy.def     options, layers, models, compilations as Keras's JSON
   weights.c state.c        Keras 3's layout of weights in HDF5 (.weights.h5, and within .keras); vocabularies
   legacy*.c                the layout of Keras 1 and 2 (.h5): by the names of layers
   keras.c                  .keras: a zip of metadata.json, config.json, model.weights.h5
   files.c                  cn_save, cn_load, cn_load_weights, cn_verify: which format it is */
#ifndef CN__FORMATS_H
#define CN__FORMATS_H
#include "formats/config.h"
#include "formats/hdf5.h"
#include "model/model.h"

#define CN__KERAS_VERSION "3.15.1"                       /* whose files ours are */

/* ---- Weights ----------------------------------------------------------------------------------------------------- */
typedef struct cn__fitting {                             /* numbers of a file that are to go into a model */
    cn_ctx     *ctx;
    cn__arena  *mem;
    const char *site, *what;                             /* "m.keras: model.weights.h5", for messages */
    cn__h5     *file;
    int         keras;                                   /* major version that wrote it; 0: does not matter */
    bool        by_name, skip_mismatch;
    bool        commit;                                  /* false: look only, whether all of it fits and can be read */
    int64_t     layers, skipped, not_finite;             /* counted in the pass that looks */
} cn__fitting;
/* Both look through all of it before the first number is written: the model gets everything or keeps what it had.
   Optimizer: of a compiled model, CN_OK too where the file has none. */
cn_status cn__weights_read(cn__fitting *, cn_model *);
cn_status cn__optimizer_read(cn__fitting *, cn_model *);
/* Which variable the i-th of n is in files of tf.keras 2.11 to 2.15; *v NULL: this optimizer has no use for it. false:
   n do not fit. */
bool      cn__optimizer_placed(const cn__optimizer *, size_t n, size_t i, cn__var **v);
cn_status cn__legacy_read(cn__fitting *, cn_model *);
cn_status cn__legacy_optimizer_read(cn__fitting *, cn_model *);
bool      cn__legacy_is(cn__h5 *);                       /* names layers, as Keras 1 and 2 do */
typedef CN__VEC(const char *) cn__names;
/* An attribute that is a list of names. false: there is none, or it is damaged. */
bool      cn__legacy_names(cn__fitting *, const cn__h5_object *, const char *attribute, cn__names *out);
/* The file's names of the weights that learn, in the model's order. */
cn_status cn__legacy_learning(cn__fitting *, cn_model *, cn__names *out);
/* The tree to be emitted; optimizer: its state as well. false: recorded. */
bool      cn__weights_write(cn__h5_out *, cn__h5_node *root, cn_model *, bool optimizer);
bool      cn__legacy_write(cn__h5_out *, cn__h5_node *root, cn_model *, bool whole);    /* whole: with the structure */
/* One variable from one data set: does it fit, can it be read; with fitting->commit it is written. who: "layer
   "dense": kernel". */
cn_status cn__variable_read(cn__fitting *, const char *who, const char *path, cn__var *);

/* Calls f with each layer of the model and the group where Keras 3 keeps it ("layers/dense_1"), in Keras's order; a
   layer that is met again is passed over; the last one is the model itself ("" or "layers/tower"). false: f said so. */
typedef bool cn__layer_visit(void *user, const char *group, cn_layer *);
bool cn__layers_walk(cn__arena *, cn_model *, cn__layer_visit *, void *user);

/* ---- What layers keep besides weights (state.c) ------------------------------------------------------------------ */
typedef struct cn__asset { const char *path, *text; size_t n; } cn__asset;
typedef CN__VEC(cn__asset) cn__assets;
bool      cn__assets_of(cn__arena *, cn_model *, cn__assets *);              /* texts of a .keras; false: recorded */
cn_status cn__asset_read(cn__fitting *, cn_layer *, const char *name, const char *text, size_t n);
void      cn__state_write(cn__h5_out *, cn__h5_node *vars, cn_layer *);
cn_status cn__state_read(cn__fitting *, const char *vars, cn_layer *);       /* vars: path of the layer's group */

/* ---- Whole files: bytes in memory -------------------------------------------------------------------------------- */
typedef struct cn__loading {
    cn_ctx     *ctx;
    cn__arena   mem;
    const char *site, *path;
    const unsigned char *at; size_t n;
    bool        compile;
    bool        inspect;                                 /* cn_verify: goes on after an error, and tells report */
    cn__text   *report;
} cn__loading;
cn_model *cn__keras_load(cn__loading *);                 /* NULL: recorded */
cn_model *cn__h5_load(cn__loading *);
cn_model *cn__json_load(cn__loading *);
cn_model *cn__weights_alone(const cn__loading *);        /* NULL: recorded that they are no model, and what to do */
cn_status cn__archive_weights(cn__fitting *, cn_model *, const void *at, size_t n);     /* .keras, or .npz */
cn_status cn__keras_save(cn_model *, const char *site, const char *path);
#endif
