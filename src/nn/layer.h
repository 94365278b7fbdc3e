/* layer.h: what the files of layers share. A layer is a cn__layer_ops named cn__layer_id, its options in
   cornu/layers.h, and a line in layers.def: nothing else. */
#ifndef CN__LAYER_H
#define CN__LAYER_H
#include "nn/nn.h"

#define CN_LAYER_CLASS(class, snake, id, REQUIRED, FIELDS, formula) extern const cn__layer_ops cn__layer_##id;
#define CN_JOIN_CLASS(class, snake, id, FIELDS, formula)            extern const cn__layer_ops cn__layer_##id;
#define CN_OPERATION_CLASS CN_JOIN_CLASS
#include "nn/layers.def"
#undef CN_LAYER_CLASS
#undef CN_JOIN_CLASS
#undef CN_OPERATION_CLASS

/* cn__layer_weight with the choices as they stand in the options; trainable. */
cn_status   cn__layer_chosen(cn_layer *, const char *site, const char *name, int rank, const int64_t *dim,
                             cn_initializer, cn_regularizer, cn_constraint);
cn__val     cn__layer_cast(const cn__lowering *, cn__val v);         /* in the type that the layer computes with */
/* Records `dense "dense_1": ...` and gives the status. */
cn_status   cn__layer_error(const cn_layer *, const char *site, cn_status, const char *format, ...) CN__PRINTF(4, 5);
/* Numbers of categories as output_mode says (layer_encoding.c): one-hot along a last axis of 1 or a new one; multi-hot
   and counts over axis 1. check, in build: is the mode one of those allowed, does the input's shape allow it? */
enum {
    CN__ENCODE_INT = 1, CN__ENCODE_ONE_HOT = 2, CN__ENCODE_MULTI_HOT = 4, CN__ENCODE_COUNT = 8, CN__ENCODE_TF_IDF = 16,
    CN__ENCODE_ALL = 31
};
cn_status   cn__encoding_check(const cn_layer *, const char *site, cn_word mode, uint32_t allowed);
cn__val     cn__encode(cn__lowering *, cn__val index, cn_word mode, int64_t depth);
const char *cn__layer_shape_text(const cn__type *, char *buffer, size_t size);     /* "(batch, 28, 28)", for messages */
#endif
