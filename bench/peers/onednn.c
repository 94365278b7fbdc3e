/* onednn.c: products by oneDNN, B in the layout that it chooses, A and C as they are. usage: OMP_NUM_THREADS=1 onednn
   (see turns.h) */
#include <dnnl.h>
#include "products.h"

static dnnl_engine_t    engine;
static dnnl_stream_t    stream;
static dnnl_primitive_t product_of;
static dnnl_exec_arg_t  args[3];

#define MUST(call)                                                                                                     \
    do {                                                                                                               \
        if ((call) != dnnl_success) return #call;                                                                      \
    } while (0)

static const char *pack(const dnnl_memory_desc_t *from, const dnnl_memory_desc_t *to, void *data, dnnl_memory_t *packed)
{
    dnnl_memory_t           plain;
    dnnl_primitive_desc_t   how;
    dnnl_primitive_t        reorder;
    MUST(dnnl_memory_create(&plain, from, engine, data));
    MUST(dnnl_memory_create(packed, to, engine, DNNL_MEMORY_ALLOCATE));
    MUST(dnnl_reorder_primitive_desc_create(&how, from, engine, to, engine, NULL));
    MUST(dnnl_primitive_create(&reorder, how));
    dnnl_exec_arg_t both[] = { { DNNL_ARG_FROM, plain }, { DNNL_ARG_TO, *packed } };
    MUST(dnnl_primitive_execute(reorder, stream, 2, both));
    MUST(dnnl_stream_wait(stream));
    dnnl_primitive_destroy(reorder);
    dnnl_primitive_desc_destroy(how);
    dnnl_memory_destroy(plain);
    return NULL;
}

static const char *product_make(void)
{
    dnnl_memory_desc_t    a, b, b_free, c;
    dnnl_matmul_desc_t    what;
    dnnl_primitive_desc_t how;
    dnnl_data_type_t      type = now.bf16 ? dnnl_bf16 : dnnl_f32;
    if (!engine) {
        MUST(dnnl_engine_create(&engine, dnnl_cpu, 0));
        MUST(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags));
    }
    if (product_of) {
        for (int i = 0; i < 3; i++) dnnl_memory_destroy(args[i].memory);
        dnnl_primitive_destroy(product_of);
        product_of = NULL;
    }
    MUST(dnnl_memory_desc_init_by_tag(&a, 2, (dnnl_dims_t){ now.m, now.k }, type, dnnl_ab));
    MUST(dnnl_memory_desc_init_by_tag(&b, 2, (dnnl_dims_t){ now.k, now.n }, type, dnnl_ab));
    MUST(dnnl_memory_desc_init_by_tag(&b_free, 2, (dnnl_dims_t){ now.k, now.n }, type, dnnl_format_tag_any));
    MUST(dnnl_memory_desc_init_by_tag(&c, 2, (dnnl_dims_t){ now.m, now.n }, dnnl_f32, dnnl_ab));
    MUST(dnnl_matmul_desc_init(&what, &a, &b_free, NULL, &c));
    MUST(dnnl_primitive_desc_create(&how, &what, NULL, engine, NULL));
    const dnnl_memory_desc_t *chosen = dnnl_primitive_desc_query_md(how, dnnl_query_weights_md, 0);
    args[0].arg = DNNL_ARG_SRC, args[1].arg = DNNL_ARG_WEIGHTS, args[2].arg = DNNL_ARG_DST;
    MUST(dnnl_memory_create(&args[0].memory, &a, engine, now.bf16 ? (void *)now.a16 : now.a));
    const char *failed = pack(&b, chosen, now.bf16 ? (void *)now.b16 : now.b, &args[1].memory);
    if (failed) return failed;
    MUST(dnnl_memory_create(&args[2].memory, &c, engine, now.c));
    MUST(dnnl_primitive_create(&product_of, how));
    dnnl_primitive_desc_destroy(how);
    return NULL;
}

static bool product_run(void)
{
    return !dnnl_primitive_execute(product_of, stream, 3, args) && !dnnl_stream_wait(stream);
}

int main(void)
{
    char version[64];
    snprintf(version, sizeof version, "oneDNN %d.%d.%d", dnnl_version()->major, dnnl_version()->minor,
             dnnl_version()->patch);
    return take_products(version);
}
