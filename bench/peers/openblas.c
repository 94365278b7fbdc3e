/* openblas.c: products by OpenBLAS, which packs B in each call. usage: openblas   (see turns.h) */
#include <cblas.h>
#include "products.h"

static const char *product_make(void) { return now.bf16 ? "Debian's build has no bfloat16" : NULL; }

static bool product_run(void)
{
    blasint m = (blasint)now.m, n = (blasint)now.n, k = (blasint)now.k;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, n, k, 1, now.a, k, now.b, n, 0, now.c, n);
    return true;
}

int main(void)
{
    char        version[256];
    const char *all = openblas_get_config();             /* "OpenBLAS 0.3.21 ..." */
    openblas_set_num_threads(1);
    snprintf(version, sizeof version, "%.*s", 9 + (int)strcspn(all + 9, " "), all);
    return take_products(version);
}
