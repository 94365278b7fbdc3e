/* model_data.c: pictures and arrays in the shapes that a model from a file wants. Tables: model_table.c. */
#include "model_data.h"
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- What a file is ---------------------------------------------------------------------------------------------- */
typedef enum kind { TABLE, ARRAY, IDX, PICTURE, FOLDER } kind;

static bool begins(const char *path, const char *bytes, size_t n)
{
    char  first[8] = "";
    FILE *f = fopen(path, "rb");
    bool  same = f && fread(first, 1, n, f) == n && !memcmp(first, bytes, n);
    if (f) fclose(f);
    return same;
}

/* By its first bytes; packed ones by their name. */
static kind kind_of(const char *path)
{
    struct stat at;
    if (!stat(path, &at) && S_ISDIR(at.st_mode)) return FOLDER;
    if (begins(path, "\x93NUMPY", 6) || ends(path, ".npy") || ends(path, ".npy.gz")) return ARRAY;
    if (begins(path, "P5", 2) || begins(path, "P6", 2) || ends(path, ".pgm") || ends(path, ".ppm")) return PICTURE;
    if (begins(path, "\0\0", 2) || strstr(path, "-ubyte") || strstr(path, ".idx")) return IDX;
    return TABLE;
}

static cn_status no_file(const model_facts *f, const char *path)
{
    return cn_fail(f->ctx, CN_E_IO, print_to("%s: there is no such file.", path));
}

/* ---- Shapes ------------------------------------------------------------------------------------------------------ */
/* The numbers of a, in its type, as so many samples for the model's i-th input: their count is what has to agree. */
cn_array *shaped(const model_facts *f, int i, cn_array *a, int64_t n, const char *what)
{
    cn_tensor *in = cn_model_input(f->m, i);
    int64_t width = width_of(in), own = 1;
    bool    same = cn_rank_of(in) == cn_rank_of(a);
    for (int k = 1; k < cn_rank_of(a); k++) {
        own *= cn_size_of(a, k);
        same = same && cn_size_of(in, k) == cn_size_of(a, k);
    }
    if (cn_error(a) || same || width < 0 || cn_dtype_of(a) == CN_STRING) return a;  /* the library will say */
    if (own != width) {
        (void)cn_fail(f->ctx, CN_E_SHAPE, print_to("%s: a sample has %lld numbers, the model takes %lld.", what,
                                                   (long long)own, (long long)width));
        return NULL;
    }
    CN_ARGS(cn_array_from, g);
    g.on = f->ctx, g.values = cn_values_of(a), g.dtype = cn_dtype_of(a), g.borrow = CN_YES, g.shape[0] = n;
    for (int k = 1; k < cn_rank_of(in); k++) g.shape[k] = cn_size_of(in, k);
    return (cn_array_from)(&g);
}

/* Bytes as the model was trained on: 0 to 1, if it does not scale them itself. */
static cn_array *scaled(const model_facts *f, const settings *s, cn_array *a)
{
    double scale = s->scale > 0 ? s->scale : f->scales ? 1 : 1.0 / 255;
    if (cn_error(a) || cn_dtype_of(a) != CN_UINT8 || scale == 1) return a;
    CN_ARGS(cn_array_from, g);
    g.on = f->ctx;
    for (int k = 0; k < cn_rank_of(a); k++) g.shape[k] = cn_size_of(a, k);
    cn_array   *b = (cn_array_from)(&g);
    const unsigned char *from = cn_data(a);
    float      *to = cn_mutable(b);
    for (size_t i = 0, count = cn_values_of(a)->count; to && i < count; i++) to[i] = (float)(from[i] * scale);
    if (!s->quiet && !(s->scale > 0))
        fprintf(stderr, "Bytes 0 to 255 are made 0 to 1, the model does not do it; --scale 1 leaves them.\n");
    return b;
}

static cn_status take_pictures(samples *d, const model_facts *f, const settings *s, cn_array *a, const char *what)
{
    if (f->inputs != 1)
        return cn_fail(f->ctx, CN_E_SHAPE, print_to("the model has %d inputs; --input and --x give arrays for each.",
                                                    f->inputs));
    d->n = cn_size_of(a, 0);
    d->x[0] = shaped(f, 0, scaled(f, s, a), d->n, what);
    return d->x[0] ? cn_error(d->x[0]) : cn_error(f->ctx);
}

/* ---- Pictures in files ------------------------------------------------------------------------------------------- */
typedef struct paths { const char **at; int64_t n, cap; } paths;

static int by_name(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

/* What a folder has, in the order of names: folders, or pictures. */
static paths list_folder(const char *folder, bool folders)
{
    paths list = { 0 };
    DIR  *dir = opendir(folder);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        const char *path = print_to("%s/%s", folder, e->d_name);
        kind k = kind_of(path);
        if (*e->d_name == '.' || (folders ? k != FOLDER : k != PICTURE)) continue;
        if (list.n == list.cap) {
            const char **more = need((size_t)(list.cap = 2 * list.cap + 16), sizeof *more);
            if (list.n) memcpy(more, list.at, (size_t)list.n * sizeof *more);
            list.at = more;
        }
        list.at[list.n++] = path;
    }
    if (dir) closedir(dir);
    if (list.n) qsort(list.at, (size_t)list.n, sizeof *list.at, by_name);
    return list;
}

static void other_size(const model_facts *f, const char *path, cn_array *a, cn_array *all)
{
    (void)cn_fail(f->ctx, CN_E_SHAPE,
                  print_to("%s: %lld x %lld pixels of %lld numbers, the first one has %lld x %lld of %lld.", path,
                           (long long)cn_size_of(a, 1), (long long)cn_size_of(a, 0), (long long)cn_size_of(a, 2),
                           (long long)cn_size_of(all, 2), (long long)cn_size_of(all, 1),
                           (long long)cn_size_of(all, 3)));
}

/* Pictures of one size as one array of bytes. NULL: recorded. */
static cn_array *read_pictures(const model_facts *f, const paths *list)
{
    cn_array *all = NULL;
    size_t    bytes = 0;
    for (int64_t i = 0; i < list->n; i++) {
        cn_array *a = cn_array_from_image(f->ctx, list->at[i]);
        if (cn_error(a)) return NULL;
        size_t own = cn_values_of(a)->count;
        if (!i) {
            bytes = own;
            all = cn_array_from(f->ctx, { list->n, cn_size_of(a, 0), cn_size_of(a, 1), cn_size_of(a, 2) }, NULL,
                                .dtype = CN_UINT8);
            if (cn_error(all)) return NULL;
        }
        if (cn_size_of(a, 0) != cn_size_of(all, 1) || cn_size_of(a, 1) != cn_size_of(all, 2) || own != bytes)
            return other_size(f, list->at[i], a, all), NULL;
        memcpy((char *)cn_mutable(all) + (size_t)i * bytes, cn_data(a), bytes);
        cn_free(a);
    }
    return all;
}

static cn_status take_files(samples *d, const model_facts *f, const settings *s, const paths *list)
{
    if (!list->n)
        return cn_fail(f->ctx, CN_E_IO, print_to("%s: there are no pictures (PGM, PPM) in it.", s->data));
    cn_array *all = read_pictures(f, list);
    d->files = list->at;
    return all ? take_pictures(d, f, s, all, list->at[0]) : cn_error(f->ctx);
}

/* ---- Arrays ------------------------------------------------------------------------------------------------------ */
static cn_status take_arrays(samples *d, const model_facts *f, const texts *given, const char *option)
{
    if (given->n != f->inputs)
        return cn_fail(f->ctx, CN_E_SHAPE, print_to("the model has %d input%s, %s is given %d times.", f->inputs,
                                                    f->inputs > 1 ? "s" : "", option, given->n));
    for (int i = 0; i < given->n; i++) {
        d->x[i] = cn_array_from_npy(f->ctx, given->at[i]);
        if (cn_error(d->x[i])) return cn_error(d->x[i]);
    }
    d->n = cn_rank_of(d->x[0]) ? cn_size_of(d->x[0], 0) : 0;
    return CN_OK;
}

/* ---- Targets ----------------------------------------------------------------------------------------------------- */
/* The sizes of the model's one output decide: class numbers for a sparse loss, else a row of 0 and 1 for each; 0 or 1
   for one sigmoid. */
cn_array *as_targets(const model_facts *f, cn_array *classes)
{
    int64_t width = width_of(cn_model_output(f->m, 0));
    if (cn_error(classes)) return classes;
    if (width == 1)
        return cn_array_from(f->ctx, { cn_size_of(classes, 0), 1 }, cn_values_of(cn_cast(classes, CN_FLOAT32)));
    return f->loss && !strncmp(f->loss, "sparse", 6) ? classes : cn_one_hot(classes, width);
}

int64_t classes_of(const model_facts *f)
{
    int64_t width = width_of(cn_model_output(f->m, 0));
    return width == 1 ? 2 : width;
}

cn_array *given_classes(cn_ctx *c, const settings *s)
{
    const char *names[1 << 10];
    size_t      n = 0;
    if (!s->classes) return NULL;
    for (const char *p = s->classes; n < sizeof names / sizeof *names; p++) {
        size_t length = strcspn(p, ",");
        names[n++] = print_to("%.*s", (int)length, p);
        if (!*(p += length)) break;
    }
    return cn_array_from(c, { CN_ANY }, &(cn_values){ CN_STRING, n, names });
}

static cn_status take_labels(samples *d, const model_facts *f, cn_array *labels, const char *path)
{
    if (cn_error(labels)) return cn_error(labels);
    if (cn_rank_of(labels) != 1 || cn_size_of(labels, 0) != d->n)
        return cn_fail(f->ctx, CN_E_SHAPE, print_to("%s: %lld pictures, %lld labels.", path, (long long)d->n,
                                                    (long long)(cn_rank_of(labels) ? cn_size_of(labels, 0) : 1)));
    if (f->outputs != 1)
        return cn_fail(f->ctx, CN_E_SHAPE, "the model has several outputs; give inputs and targets by --x and --y.");
    d->y[0] = as_targets(f, labels);
    return cn_error(d->y[0]);
}

/* ---- What the verbs ask for -------------------------------------------------------------------------------------- */
cn_status read_inputs(samples *d, const model_facts *f, const settings *s)
{
    *d = (samples){ 0 };
    if (s->x.n) return take_arrays(d, f, &s->x, "--input");
    if (!exists(s->data)) return no_file(f, s->data);
    cn_array *a;
    paths     list;
    switch (kind_of(s->data)) {
    case TABLE:   return read_rows(d, f, s);
    case ARRAY:   return take_arrays(d, f, &(texts){ { s->data }, 1 }, "an array");
    case FOLDER:
        list = list_folder(s->data, false);
        return take_files(d, f, s, &list);
    case PICTURE:
        list = (paths){ need(1, sizeof *list.at), 1, 1 };
        list.at[0] = s->data;
        return take_files(d, f, s, &list);
    case IDX:
        a = cn_array_from_idx(f->ctx, s->data);
        return cn_error(a) ? cn_error(a) : take_pictures(d, f, s, a, s->data);
    }
    return CN_E_VALUE;
}

/* A folder with a folder for each class. */
static cn_status pairs_of_folder(samples *d, const model_facts *f, const settings *s)
{
    paths    classes = list_folder(s->data, true), all = { 0 };
    int64_t  n = 0;
    int32_t *labels = NULL;
    paths   *in = need((size_t)classes.n + 1, sizeof *in);
    for (int64_t i = 0; i < classes.n; i++) in[i] = list_folder(classes.at[i], false), all.n += in[i].n;
    if (classes.n != classes_of(f))
        return cn_fail(f->ctx, CN_E_VALUE,
                       print_to("%s: %lld folders in it, the model tells %lld classes apart.", s->data,
                                (long long)classes.n, (long long)classes_of(f)));
    all.at = need((size_t)all.n + 1, sizeof *all.at), labels = need((size_t)all.n + 1, sizeof *labels);
    for (int64_t i = 0; i < classes.n; i++)
        for (int64_t k = 0; k < in[i].n; k++, n++) all.at[n] = in[i].at[k], labels[n] = (int32_t)i;
    cn_status failed = take_files(d, f, s, &all);
    if (failed) return failed;
    return take_labels(d, f, cn_array_from(f->ctx, { CN_ANY }, CN_BUFFER(labels, (size_t)n)), s->data);
}

static cn_status pairs_of_pictures(samples *d, const model_facts *f, const settings *s, const char *images,
                                   const char *labels)
{
    cn_array *x = cn_array_from_idx(f->ctx, images);
    cn_status failed = cn_error(x) ? cn_error(x) : take_pictures(d, f, s, x, images);
    return failed ? failed : take_labels(d, f, cn_array_from_idx(f->ctx, labels), labels);
}

cn_status read_pairs(samples *d, const model_facts *f, const settings *s)
{
    char *first, *second;
    *d = (samples){ 0 };
    if (!s->data) {
        cn_status failed = take_arrays(d, f, &s->x, "--x");
        for (int i = 0; !failed && i < s->y.n && i < CN_MAX_LIST; i++) {
            d->y[i] = cn_array_from_npy(f->ctx, s->y.at[i]);
            failed = cn_error(d->y[i]);
        }
        return failed;
    }
    if (exists(s->data)) return kind_of(s->data) == FOLDER ? pairs_of_folder(d, f, s) : read_row_pairs(d, f, s);
    if (two_files(s->data, &first, &second)) return pairs_of_pictures(d, f, s, first, second);
    first = installed(s->data, "t10k-images-idx3-ubyte"), second = installed(s->data, "t10k-labels-idx1-ubyte");
    return first && second ? pairs_of_pictures(d, f, s, first, second) : no_file(f, s->data);
}

cn_dataset *dataset_of(const samples *d, cn_ctx *c, cn_array *sample_weight)
{
    CN_ARGS(cn_dataset_from, g);
    g.on = c, g.sample_weight = sample_weight;
    memcpy(g.x, d->x, sizeof d->x);
    memcpy(g.y, d->y, sizeof d->y);
    return (cn_dataset_from)(&g);
}
