// A user's own program, in C++17: the plain functions, an array of the installed library.
#include <cornu.h>
#include <cstdio>

int main()
{
    const float numbers[] = { 1, 2, 3, 4, 5, 6 };
    CN_ARGS(cn_open, o);
    o.threads = 1;
    cn_ctx *c = cn_open(&o);
    const cn_values values = { CN_FLOAT32, 6, numbers };
    CN_ARGS(cn_array_from, a);
    a.on = c, a.shape[0] = 2, a.shape[1] = 3, a.values = &values;
    cn_array *x = cn_array_from(&a);
    if (cn_error(x)) std::fprintf(stderr, "%s\n", cn_error_message(x));
    else std::printf("cornu %d: %d axes, %lld rows\n", cn_version(), cn_rank_of(x), static_cast<long long>(cn_size_of(x, 0)));
    return cn_close(c);
}
