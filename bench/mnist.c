/* mnist.c: the whole job as a program does it: MNIST from its .gz files, a network 784-128-10, Adam, batches of 128, 5
   epochs, evaluated, saved. Each run is a process of its own, measured from outside, from the call that starts it to
   its end; from inside it says what its parts took (peers/mnist_keras.py: the same in Keras).
   usage: mnist [FOLDER [RUNS [THREADS]]]   FOLDER holds train-images-idx3-ubyte.gz and the three others; without it:
   $CN_DATA/mnist */
#include "process.h"
#include <cornu.h>

enum { EPOCHS = 5, BATCH = 128, MOST = 99 };

#define PARTS(X) X(open) X(read) X(build) X(compile) X(fit) X(evaluate) X(save) X(close)
#define NUMBER(part) part##_part,
enum { PARTS(NUMBER) NPARTS };

typedef struct report { double took[NPARTS], accuracy; } report;

static cn_model *network(cn_ctx *c)
{
    cn_model *m = cn_sequential(c, {28, 28});
    cn_rescaling(m, 1.0 / 255);
    cn_flatten(m);
    cn_dense(m, 128, .activation = CN_RELU);
    cn_dense(m, 10, .activation = CN_SOFTMAX);
    return m;
}

static cn_status compile(cn_model *m)
{
    return cn_compile(m, .optimizer = CN_ADAM, .loss = CN_SPARSE_CATEGORICAL_CROSSENTROPY,
                      .metrics = { CN_ACCURACY });
}

static cn_array *read_one(cn_ctx *c, const char *folder, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s-ubyte.gz", folder, name);
    return cn_array_from_idx(c, path);
}

/* ---- The job ----------------------------------------------------------------------------------------------------- */
static int job(const char *folder, int64_t threads, report *r)
{
    double now = limits_now();
#define PART_ENDS(part) r->took[part##_part] = -now, r->took[part##_part] += now = limits_now()
    cn_ctx *c = cn_open(.threads = threads);
    PART_ENDS(open);
    cn_array *x = read_one(c, folder, "train-images-idx3"), *y = read_one(c, folder, "train-labels-idx1");
    cn_array *tx = read_one(c, folder, "t10k-images-idx3"), *ty = read_one(c, folder, "t10k-labels-idx1");
    PART_ENDS(read);
    cn_model *m = network(c);
    PART_ENDS(build);
    cn_status failed = compile(m);
    PART_ENDS(compile);
    if (!failed) failed = cn_fit(m, x, y, .epochs = EPOCHS, .batch_size = BATCH);
    PART_ENDS(fit);
    if (!failed) failed = cn_evaluate(m, tx, ty, .batch_size = BATCH);
    r->accuracy = cn_result(m, "accuracy");
    PART_ENDS(evaluate);
    if (!failed) failed = cn_save(m, "bench-mnist.keras");
    PART_ENDS(save);
    if (failed) fprintf(stderr, "%s\n", cn_error_message(c));
    failed |= cn_close(c) != 0;
    PART_ENDS(close);
    return failed ? 1 : 0;
}

/* ---- A process for it -------------------------------------------------------------------------------------------- */
/* Seconds from its start to its end; < 0: it failed. */
static double run(char *self, char *folder, char *threads, report *r, struct rusage *used)
{
    char job_word[] = "job", *words[] = { self, folder, job_word, threads, NULL };
    int  ends[2];
    if (pipe(ends)) return -1;
    double took = process_run(words, ends[1], used);
    close(ends[1]);
    bool   told = read(ends[0], r, sizeof *r) == sizeof *r;
    close(ends[0]);
    return told ? took : -1;
}

/* What cn_compile and planning cost: two steps of a new model, a full batch and a ragged one, less two steps of the
   same model later. */
static double planning(int64_t threads)
{
    double least[2] = { 1e9, 1e9 };
    for (int i = 0; i < 51; i++) {
        cn_ctx   *c = cn_open(.threads = threads);
        cn_array *x = cn_array_from(c, {BATCH + 96, 28, 28}, NULL, .dtype = CN_UINT8);
        cn_array *y = cn_array_from(c, {BATCH + 96}, NULL, .dtype = CN_UINT8);
        cn_model *m = network(c);
        cn_status failed = CN_OK;
        for (int again = 0; !failed && again < 2; again++) {
            double start = limits_now();
            if (!again) failed = compile(m);
            if (!failed) failed = cn_fit(m, x, y, .batch_size = BATCH);
            double took = limits_now() - start;
            if (took < least[again]) least[again] = took;
        }
        if (failed || cn_close(c)) return -1;
    }
    return least[0] - least[1];
}

int main(int argc, char **argv)
{
    static report r[MOST];
    static double whole[MOST], work[MOST], part[MOST];
    char   folder[4096], every[] = "0";
    double least = 1, most = 0, megabytes = 0;
    char  *data = getenv("CN_DATA"), *threads = argc > 3 ? argv[3] : every;
    struct rusage used;
    if (argc < 2 && !data) return printf("mnist: no data: give their folder, or set CN_DATA\n"), 0;
    snprintf(folder, sizeof folder, "%s%s", argc > 1 ? argv[1] : data, argc > 1 ? "" : "/mnist");
    if (argc > 2 && !strcmp(argv[2], "job")) {
        int failed = job(folder, atoi(threads), r);
        return write(STDOUT_FILENO, r, sizeof *r) != sizeof *r || failed;
    }
    int runs = argc > 2 ? atoi(argv[2]) : 9;
    if (runs < 1 || runs > MOST) return fprintf(stderr, "mnist: 1 to %d runs\n", MOST), 2;
    for (int i = 0; i < runs; i++) {
        whole[i] = run(argv[0], folder, threads, &r[i], &used), work[i] = process_work(&used);
        if (whole[i] < 0) return fprintf(stderr, "mnist: the job failed\n"), 1;
        if (r[i].accuracy < least) least = r[i].accuracy;
        if (r[i].accuracy > most) most = r[i].accuracy;
        if ((double)used.ru_maxrss / 1024 > megabytes) megabytes = (double)used.ru_maxrss / 1024;
    }
#define SAY(name)                                                                                                      \
    for (int i = 0; i < runs; i++) part[i] = r[i].took[name##_part];                                                   \
    process_say(#name, part, runs);
    PARTS(SAY)
    process_say("the whole process", whole, runs);
    process_say("its work on all processors", work, runs);
    printf("%-28s %10.2f ms min\n", "of which planning", planning(atoi(threads)) * 1e3);
    printf("accuracy on the test set %.4f to %.4f, memory at most %.1f MB\n", least, most, megabytes);
    remove("bench-mnist.keras");
    return 0;
}
