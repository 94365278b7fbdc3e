/* prepare: writes the small files that some of the programs read into the folder it is called in: x.npy and y.npy (14: a noisy
   line), records.f32 (16: rows of 24 inputs and one target), digits.keras (17, 18: a model of pictures). */
#include <cornu.h>
#include <math.h>
#include <stdio.h>

enum { ROWS = 512, RECORDS = 2000 };

static cn_status save_digits(cn_ctx *c)
{
    cn_model *m = cn_sequential(c, {28, 28});
    cn_rescaling(m, 1.0 / 255);
    cn_flatten(m);
    cn_dense(m, 16, .activation = CN_RELU);
    cn_dense(m, 10, .activation = CN_SOFTMAX);
    return cn_save(m, "digits.keras");
}

int main(void)
{
    static float x[ROWS * 2], y[ROWS];
    uint32_t     state = 1;
    for (int i = 0; i < ROWS; i++) {
        float noise = 0;
        for (int k = 0; k < 4; k++) noise += (float)((state = state * 1664525u + 1013904223u) >> 8) * 0x1p-24f - 0.5f;
        x[2 * i] = (float)i / ROWS, x[2 * i + 1] = sinf((float)i * 0.1f);
        y[i] = 2 * x[2 * i] + 0.5f * x[2 * i + 1] + 0.3f * noise;
    }
    FILE *f = fopen("records.f32", "wb");
    if (!f) return 1;
    for (int i = 0; i < RECORDS; i++) {
        float record[25];
        for (int k = 0; k < 25; k++) record[k] = 10 + 5 * sinf((float)(i + k) * 0.2f);
        if (i % 97 == 0) record[24] = NAN;               /* an unknown target: its weight is 0 */
        if (fwrite(record, sizeof record, 1, f) != 1) return 1;
    }
    if (fclose(f)) return 1;

    cn_ctx *c = cn_open();
    if (cn_array_save(cn_array_from(c, {ROWS, 2}, CN_BUFFER(x, ROWS * 2)), "x.npy") ||
        cn_array_save(cn_array_from(c, {ROWS, 1}, CN_BUFFER(y, ROWS)), "y.npy") || save_digits(c))
        fprintf(stderr, "%s\n", cn_error_message(c));
    return cn_close(c);
}
