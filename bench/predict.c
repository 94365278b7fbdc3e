/* predict.c: one prediction of a prepared runner: what a program waits for that asks about one sample at a time
   (onnx_runtime.py and fann.c: the peers). usage: predict [PART-OF-A-NAME] */
#include "limits.h"
#include "workloads.h"

enum { TIMES = 25 };
static const double LONG = 5e-3;                         /* seconds of a measurement */

static double seconds(cn_runner *r, const float *x, size_t nx, float *y, size_t ny, int times)
{
    double start = limits_now();
    for (int i = 0; i < times; i++)
        if (cn_predict_into(r, x, nx, y, ny)) return -1;
    return (limits_now() - start) / times;
}

static void measure(const workload *w, int threads)
{
    static float x[1024], y[1024];
    double    took[TIMES];
    int       layers = 0;
    cn_ctx   *c = cn_open(.threads = threads);
    cn_runner *r = cn_prepare(network(c, w), .threads = threads);
    while (w->size[layers + 1]) layers++;
    size_t nx = (size_t)w->size[0], ny = (size_t)w->size[layers];
    for (size_t i = 0; i < nx; i++) x[i] = (float)(i % 17) * 0.05f;
    double once = seconds(r, x, nx, y, ny, 100);
    int    times = 1 + (int)(LONG / (once + 1e-9));
    for (int i = 0; i < TIMES; i++) {
        double t = seconds(r, x, nx, y, ny, times);
        int    k = i;
        for (; k > 0 && took[k - 1] > t; k--) took[k] = took[k - 1];
        took[k] = t;
    }
    if (once < 0) printf("%s\n", cn_error_message(c));
    else
        printf("%-28s %2d threads %12.0f ns min %12.0f ns median\n", w->name, threads, took[0] * 1e9,
               took[TIMES / 2] * 1e9);
    cn_close(c);
}

int main(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof predictions / sizeof *predictions; i++)
        for (int threads = 1; threads <= 2; threads++)
            if (argc < 2 || strstr(predictions[i].name, argv[1])) measure(&predictions[i], threads);
    return 0;
}
