/* keras.c: any bytes as a model's file: .keras, .h5, JSON. It loads or it is refused; what loads predicts, is saved and
   verified. */
#include <cornu.h>
#include <stddef.h>
#include <stdint.h>

static void use(cn_ctx *c, cn_model *m)
{
    cn_array *x = NULL, *p = NULL;
    cn_tensor *in = cn_model_input(m, 0);
    int64_t   n = 1;
    CN_ARGS(cn_array_from, a);
    a.on = c, a.shape[0] = 1;
    for (int k = 1; k < cn_rank_of(in) && k < CN_MAX_RANK; k++) n *= a.shape[k] = cn_size_of(in, k);
    if (n <= 0 || n > 100000) return;
    x = (cn_array_from)(&a);
    if (!cn_predict(m, x, &p)) cn_free(p);
    cn_free(x);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    cn_ctx   *c = cn_open(.threads = 1, .memory_limit = 256 << 20);
    cn_model *m = cn_load(c, "fuzz.keras", .bytes = CN_BUFFER(bytes, n));
    if (!cn_error(m)) use(c, m);
    cn_free(m);
    cn_close(c);
    return 0;
}
