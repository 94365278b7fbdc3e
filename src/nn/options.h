/* options.h: from a table of options (CN_..._FIELDS, in the public headers) to its descriptors, its presets and a class
   row.

       CN__CLASS(class_Dense, cn_dense_args, CN_DENSE_REQUIRED, CN_LAYER_FIELDS, CN_KERNEL_FIELDS,
                 "Dense", "dense", "keras.layers", "", "y = f(x W + b)", CN__FAM_LAYER, NULL, &cn__layer_dense)

   defines `static const cn__class *class_Dense(void)`. Everything in it is constant: no set-up, no order of
   initialization. */
#ifndef CN__OPTIONS_H
#define CN__OPTIONS_H
#include "nn/nn.h"
#include <string.h>

/* A member's type as data: C's own selection, so that a table can hold any type. Two array types are told apart by
 * their size. */
#define CN__OTYPE(member)                                                                                             \
    _Generic((member), double: CN__O_double, int64_t: CN__O_int64_t, cn_flag: CN__O_cn_flag, cn_word: CN__O_cn_word,  \
        cn_text: CN__O_cn_text, cn_dtype: CN__O_cn_dtype, const cn_values *: CN__O_values,                            \
        int64_t *: sizeof(member) == sizeof(cn_size2) ? CN__O_cn_size2 : CN__O_cn_dims,                               \
        default: CN__OFAMILY(member) ? CN__O_choice : CN__O_other)
#define CN__OFAMILY(member)                                                                                           \
    _Generic((member), cn_act: CN__FAM_ACT, cn_initializer: CN__FAM_INITIALIZER, cn_regularizer: CN__FAM_REGULARIZER, \
        cn_constraint: CN__FAM_CONSTRAINT, cn_loss: CN__FAM_LOSS, cn_metric: CN__FAM_METRIC,                          \
        cn_optimizer: CN__FAM_OPTIMIZER, cn_schedule: CN__FAM_SCHEDULE, cn_callback: CN__FAM_CALLBACK, default: 0)

#define CN__OPTION(needed, name, preset, help)                                                                        \
    { #name, CN__OTYPE(((CN__T *)0)->name), CN__OFAMILY(((CN__T *)0)->name), needed,                                  \
      (uint32_t)offsetof(CN__T, name), (uint32_t)sizeof ((CN__T *)0)->name, preset, help },
#define CN__OPTION_NEEDED(type, name, preset, help)  CN__OPTION(true, name, #preset, help)
#define CN__OPTION_FREE(type, name, preset, help)    CN__OPTION(false, name, #preset, help)
#define CN__OPTION_PRESET(type, name, preset, help)  .name = preset,

#define CN__CLASS(function, T, REQUIRED, COMMON, FIELDS, name, snake, module, aliases, formula, family, finish, ops)  \
    static void function##_presets(void *args)                                                                        \
    {                                                                                                                 \
        T presets = { .head = { 0 },                                                                                  \
                      REQUIRED(CN__OPTION_PRESET) COMMON(CN__OPTION_PRESET) FIELDS(CN__OPTION_PRESET) };              \
        memcpy(args, &presets, sizeof presets);                                                                       \
    }                                                                                                                 \
    static const cn__class *function(void)                                                                            \
    {                                                                                                                 \
        typedef T CN__T;                                                                                              \
        static const cn__option option[] = {                                                                          \
            REQUIRED(CN__OPTION_NEEDED) COMMON(CN__OPTION_FREE) FIELDS(CN__OPTION_FREE) { 0 }                         \
        };                                                                                                            \
        static const cn__class row = { name, snake, module, aliases, formula, family, sizeof(CN__T), option,          \
                                       (int)CN__COUNT(option) - 1, function##_presets, finish, ops, NULL };           \
        return &row;                                                                                                  \
    }
/* A class without options. */
#define CN__PLAIN_CLASS(function, name, snake, module, aliases, formula, family, ops)                                 \
    static const cn__class *function(void)                                                                            \
    {                                                                                                                 \
        static const cn__class row = { name, snake, module, aliases, formula, family, 0, NULL, 0, NULL, NULL, ops, \
                                       NULL };                                                                        \
        return &row;                                                                                                  \
    }
typedef const cn__class *cn__class_fn(void);

/* What an option constructor such as cn_adam(...) does: it marks its args as belonging to class; they are the choice.
 */
#define CN__CHOOSE(family, args, class)  (family){ cn__choose((args) ? &(args)->head : NULL, class) }
const char *cn__choose(cn_head *, const char *class_name);

/* cn__args_resolve in two steps, for who names what it makes in between. */
void *cn__args_fill(cn_ctx *, cn__arena *, const char *site, const cn__class *, const void *given);
bool  cn__args_check(cn_ctx *, const char *site, const cn__class *, void *args);

/* The lists of this room, one for each family; NULL: made elsewhere (callbacks). Each ends at NULL. */
extern cn__class_fn *const cn__layer_classes[];
extern cn__class_fn *const cn__act_classes[];
extern cn__class_fn *const cn__initializer_classes[];
extern cn__class_fn *const cn__regularizer_classes[];
extern cn__class_fn *const cn__constraint_classes[];
extern cn__class_fn *const cn__loss_classes[];
extern cn__class_fn *const cn__metric_classes[];
extern cn__class_fn *const cn__optimizer_classes[];
extern cn__class_fn *const cn__schedule_classes[];
#endif
