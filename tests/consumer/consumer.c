/* A user's own program, in C11: trains XOR with the installed library. */
#include <cornu.h>
#include <stdio.h>

int main(void)
{
    cn_ctx   *c = cn_open();
    cn_array *x = cn_array_from(c, {4, 2}, CN_NUMBERS(0,0, 0,1, 1,0, 1,1));
    cn_array *y = cn_array_from(c, {4, 1}, CN_NUMBERS(0, 1, 1, 0));
    cn_model *m = cn_sequential(c, {2});
    cn_dense(m, 8, .activation = CN_TANH);
    cn_dense(m, 1, .activation = CN_SIGMOID);
    if (cn_compile(m, .optimizer = cn_adam(.learning_rate = 0.1), .loss = CN_BINARY_CROSSENTROPY) ||
        cn_fit(m, x, y, .epochs = 200))
        fprintf(stderr, "%s\n", cn_error_message(c));
    else
        printf("cornu %d: loss %.3f\n", cn_version(), cn_result(m, "loss"));
    return cn_close(c);
}
