/* data.c: where the data come from: a CSV file, two IDX files, an installed data set; and which samples are held out.
   */
#include "cli.h"
#include <string.h>

/* ---- Order ------------------------------------------------------------------------------------------------------- */
void shuffle(int64_t *order, int64_t n, uint64_t seed)   /* Fisher and Yates */
{
    uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t k = (int64_t)random_below(&state, (uint64_t)i + 1), keep = order[i];
        order[i] = order[k], order[k] = keep;
    }
}

/* With classes each keeps its share: of the shuffled samples of a class, the share is taken that brings the sum of
   those taken nearest to what it should be by then. */
int64_t split_order(int64_t *order, int64_t n, const int32_t *classes, int64_t nclasses, double share, uint64_t seed)
{
    int64_t *mixed = need((size_t)n, sizeof *mixed), taken = 0, seen = 0, left = 0;
    bool    *held = need((size_t)n, sizeof *held);
    for (int64_t i = 0; i < n; i++) mixed[i] = i;
    shuffle(mixed, n, seed);
    for (int64_t class = 0; class < (classes ? nclasses : 1); class++)
        for (int64_t i = 0; i < n; i++) {
            if (classes && classes[mixed[i]] != class) continue;
            seen++;
            if ((double)taken + 0.5 <= (double)seen * share) held[mixed[i]] = true, taken++;
        }
    if (!taken && n > 1) held[mixed[0]] = true;          /* one at least */
    for (int64_t i = 0; i < n; i++)
        if (held[mixed[i]]) order[left++] = mixed[i];
    for (int64_t i = 0, at = left; i < n; i++)
        if (!held[mixed[i]]) order[at++] = mixed[i];
    drop(mixed), drop(held);
    return left;
}

/* ---- Pictures ---------------------------------------------------------------------------------------------------- */
static const char *const clothes[] = { "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                                       "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot" };
static const struct { const char *name, *title; const char *const *classes; int n; } known_sets[] = {
    { "fashion-mnist", "Fashion-MNIST: pictures of clothes", clothes, 10 } };

/* Rows of an array, in an order, as a new array. */
static cn_array *gather(cn_ctx *c, const cn_array *a, const int64_t *order, int64_t n, size_t row)
{
    CN_ARGS(cn_array_from, g);
    g.on = c, g.shape[0] = n, g.dtype = CN_UINT8;
    for (int k = 1; k < cn_rank_of(a); k++) g.shape[k] = cn_size_of(a, k);
    cn_array            *b = (cn_array_from)(&g);
    const unsigned char *from = cn_data(a);
    unsigned char       *to = cn_mutable(b);
    for (int64_t i = 0; from && to && i < n; i++) memcpy(to + (size_t)i * row, from + (size_t)order[i] * row, row);
    return b;
}

static cn_status check_pictures(cn_ctx *c, const char *path, const cn_array *x, const cn_array *y)
{
    if (cn_error(x)) return cn_error(x);
    if (cn_error(y)) return cn_error(y);
    if (cn_dtype_of(x) != CN_UINT8 || cn_dtype_of(y) != CN_UINT8 || cn_rank_of(y) != 1 || cn_rank_of(x) < 2)
        return cn_fail(
            c, CN_E_DTYPE,
            print_to("%s: the first IDX file holds pictures of bytes, the second a byte for each: the label.", path));
    if (cn_size_of(x, 0) != cn_size_of(y, 0))
        return cn_fail(c, CN_E_SHAPE,
                       print_to("%s: %lld pictures, %lld labels.", path, (long long)cn_size_of(x, 0),
                                (long long)cn_size_of(y, 0)));
    return CN_OK;
}

static void use_pictures(problem *p, cn_array *x, cn_array *y, const settings *s)
{
    int64_t  n = cn_size_of(x, 0), *order = need((size_t)n, sizeof *order), most = 0;
    int32_t *labels = need((size_t)n, sizeof *labels);
    size_t   row = 1;
    for (int k = 1; k < cn_rank_of(x); k++) row *= (size_t)cn_size_of(x, k);
    for (int64_t i = 0; i < n; i++) {
        labels[i] = (int32_t)cn_at(y, i);
        if (labels[i] > most) most = labels[i];
    }
    int64_t nv = split_order(order, n, labels, most + 1, s->validation_split, (uint64_t)s->seed);
    p->validation = (part){ gather(p->ctx, x, order, nv, row), gather(p->ctx, y, order, nv, 1), nv };
    p->train = (part){ gather(p->ctx, x, order + nv, n - nv, row), gather(p->ctx, y, order + nv, n - nv, 1), n - nv };
    drop(order), drop(labels);
}

static cn_status load_pictures(problem *p, const settings *s, const char *images, const char *labels)
{
    cn_ctx   *c = p->ctx;
    cn_array *x = cn_array_from_idx(c, images), *y = cn_array_from_idx(c, labels);
    cn_status failed = check_pictures(c, images, x, y);
    if (failed) return failed;
    if (cn_size_of(x, 0) < 10)
        return cn_fail(
            c, CN_E_VALUE,
            print_to("%s: %lld pictures are too few to learn and to check.", images, (long long)cn_size_of(x, 0)));
    p->pictures = true;
    p->target = "label";
    failed = cn_advise(c, &p->advice, .x = x, .y = y, .task = (cn_task)0);
    if (failed) return failed;
    if (p->advice.task == CN_REGRESSION)
        return cn_fail(c, CN_E_VALUE, print_to("%s: labels are expected to count from 0 without a gap.", labels));
    use_pictures(p, x, y, s);
    cn_free(x), cn_free(y);
    cn_status again = cn_advise(c, &p->advice, .x = p->train.x, .y = p->train.y, .task = p->advice.task);
    add_line(&p->said, "Bytes 0 to 255 are made 0 to 1.");
    return again;
}

static cn_status load_test_pictures(problem *p, const char *images, const char *labels)
{
    p->test.x = cn_array_from_idx(p->ctx, images), p->test.y = cn_array_from_idx(p->ctx, labels);
    cn_status failed = check_pictures(p->ctx, images, p->test.x, p->test.y);
    p->test.n = cn_size_of(p->test.x, 0);
    return failed;
}

/* The comma that leaves two files. */
bool two_files(const char *data, char **first, char **second)
{
    for (const char *comma = data; (comma = strchr(comma, ',')); comma++) {
        *first = print_to("%.*s", (int)(comma - data), data);
        *second = print_to("%s", comma + 1);
        if (exists(*first) && exists(*second)) return true;
    }
    return false;
}

/* A package puts a data set below share/datasets. */
char *installed(const char *name, const char *file)
{
    static const char *const folders[] = { "/usr/share/datasets", "/usr/local/share/datasets" }, *const endings[] = {
        ".gz", ""
    };
    for (size_t i = 0; i < 2; i++)
        for (size_t k = 0; k < 2; k++) {
            char *path = print_to("%s/%s/%s%s", folders[i], name, file, endings[k]);
            if (exists(path)) return path;
            drop(path);
        }
    return NULL;
}

static cn_status load_installed(problem *p, const settings *s)
{
    char *x = installed(s->data, "train-images-idx3-ubyte"), *y = installed(s->data, "train-labels-idx1-ubyte");
    char *xt = installed(s->data, "t10k-images-idx3-ubyte"), *yt = installed(s->data, "t10k-labels-idx1-ubyte");
    if (!x || !y)
        return cn_fail(
            p->ctx, CN_E_IO,
            print_to(
                "%s: there is no such file and no such data set is installed (Debian: apt-get install dataset-%s).",
                s->data, s->data));
    cn_status failed = load_pictures(p, s, x, y);
    if (!failed && !s->test && xt && yt) failed = load_test_pictures(p, xt, yt);
    for (size_t i = 0; !failed && i < sizeof known_sets / sizeof *known_sets; i++) {
        if (strcmp(known_sets[i].name, s->data)) continue;
        p->title = known_sets[i].title;
        p->class_names = cn_array_from(p->ctx, { CN_ANY },
                                       &(cn_values){ CN_STRING, (size_t)known_sets[i].n, known_sets[i].classes });
    }
    return failed;
}

static bool is_name(const char *data)
{
    return *data && strspn(data, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(data);
}

cn_status load_problem(problem *p, const settings *s)
{
    char *first, *second;
    p->source = s->data;
    p->target_scale = 1;
    if (exists(s->data)) return load_table(p, s);
    bool pair = two_files(s->data, &first, &second);
    if (!pair && !is_name(s->data))
        return cn_fail(p->ctx, CN_E_IO, print_to("%s: there is no such file.", s->data));
    cn_status failed = pair ? load_pictures(p, s, first, second) : load_installed(p, s);
    if (failed || !s->test) return failed;
    if (!two_files(s->test, &first, &second))
        return cn_fail(p->ctx, CN_E_IO, print_to("--test %s: two IDX files are expected, IMAGES,LABELS.", s->test));
    return load_test_pictures(p, first, second);
}
