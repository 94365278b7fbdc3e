/* array.c: numbers and strings in a shape: making, looking, slicing. Arrays of files are made in idx.c, npy.c, image.c.
   */
#include "data/data.h"
#include <math.h>
#include <stdio.h>

/* ---- Shapes ------------------------------------------------------------------------------------------------------ */
bool cn__shape_count(int rank, const int64_t *dim, int64_t *count)
{
    int64_t n = 1;
    bool    empty = false;
    for (int i = 0; i < rank; i++) {                     /* an axis of 0 must not hide that the others are too large */
        if (dim[i] < 0 || (dim[i] > 0 && !cn__mul_i64(n, dim[i], &n))) return false;
        empty |= dim[i] == 0;
    }
    *count = empty ? 0 : n;
    return true;
}

int cn__dims_rank(const cn_dims dims, int64_t *dim)
{
    int rank = 0;
    for (; rank < CN_MAX_RANK && dims[rank]; rank++) dim[rank] = dims[rank] == CN_AXIS0 ? 0 : dims[rank];
    return rank;
}

const char *cn__shape_text(int rank, const int64_t *dim, char text[CN__SHAPE_TEXT])
{
    int n = snprintf(text, CN__SHAPE_TEXT, "(");
    for (int i = 0; i < rank; i++) {
        const char *comma = i + 1 < rank ? ", " : rank == 1 ? "," : "";
        if (dim[i] == CN_ANY) n += snprintf(text + n, CN__SHAPE_TEXT - (size_t)n, "None%s", comma);
        else n += snprintf(text + n, CN__SHAPE_TEXT - (size_t)n, "%lld%s", (long long)dim[i], comma);
    }
    snprintf(text + n, CN__SHAPE_TEXT - (size_t)n, ")");
    return text;
}

/* ---- Making ------------------------------------------------------------------------------------------------------ */
static void array_destroy(void *self)
{
    cn_array *a = self;
    cn__free(a->head.obj.ctx, a->block, a->block_size);
    cn__free(a->head.obj.ctx, a->text, a->text_size);
    cn__unref(a->keep);
}

cn_array *cn__array_blank(cn_ctx *ctx)
{
    return ctx ? cn__new(ctx, CN__ARRAY, sizeof(cn_array), array_destroy) : NULL;
}

void cn__array_take(cn_array *a, void *block, size_t block_size)
{
    a->block = block, a->block_size = block_size, a->writable = true;
    a->values.data = a->data = block;
}

bool cn__array_shape(cn_array *a, const char *site, cn_dtype dtype, int rank, const int64_t *dim, bool memory)
{
    char    text[CN__SHAPE_TEXT];
    int64_t count;
    size_t  bytes;
    if (cn__bad(a)) return false;
    if (!cn__dtype_size(dtype))
        return cn__poison(a, site, CN_E_DTYPE, "array: there is no dtype %d", (int)dtype), false;
    if (!cn__shape_count(rank, dim, &count) || (uint64_t)count > SIZE_MAX / 2 ||
        !cn__mul_size((size_t)count, cn__dtype_size(dtype), &bytes) || bytes > SIZE_MAX / 2) {
        cn__poison(a, site, CN_E_LIMIT, "array: the shape %s of %s does not fit the address space",
                   cn__shape_text(rank, dim, text), cn__dtype_name(dtype));
        return false;
    }
    if (memory) {
        void *block = cn__alloc0(a->head.obj.ctx, bytes);
        if (!block) {
            cn__poison(a, site, CN_E_NOMEM, "array: no memory for %zu bytes, the shape %s of %s", bytes,
                       cn__shape_text(rank, dim, text), cn__dtype_name(dtype));
            return false;
        }
        cn__array_take(a, block, bytes);
    }
    a->head.dtype = dtype, a->head.rank = rank;
    for (int i = 0; i < rank; i++) a->head.dim[i] = dim[i];
    a->values = (cn_values){ dtype, (size_t)count, a->data };
    return true;
}

cn_array *cn__array_new(cn_ctx *ctx, const char *site, cn_dtype dtype, int rank, const int64_t *dim)
{
    cn_array *a = cn__array_blank(ctx);
    cn__array_shape(a, site, dtype, rank, dim, true);
    return a;
}

cn_array *cn__array_view(cn_ctx *ctx, const char *site, cn_dtype dtype, int rank, const int64_t *dim, const void *data,
                         void *keep)
{
    cn_array *a = cn__array_blank(ctx);
    if (!cn__array_shape(a, site, dtype, rank, dim, false)) return a;
    memcpy(&a->data, &data, sizeof data);                /* const goes: writable stays false */
    a->values.data = data;
    cn__ref(a->keep = keep);
    return a;
}

bool cn__array_strings(cn_array *a, const char *site, int rank, const int64_t *dim, const char *const *strings)
{
    if (!cn__array_shape(a, site, CN_STRING, rank, dim, true)) return false;
    size_t n = a->values.count, bytes = 0;
    for (size_t i = 0; i < n; i++) bytes += (strings && strings[i] ? strlen(strings[i]) : 0) + 1;
    a->text = cn__alloc(a->head.obj.ctx, bytes);
    if (!a->text) return cn__poison(a, site, CN_E_NOMEM, "array: no memory for %zu bytes of strings", bytes), false;
    a->text_size = bytes;
    const char **out = a->data;
    char *to = a->text;
    for (size_t i = 0; i < n; i++) {
        size_t length = strings && strings[i] ? strlen(strings[i]) : 0;
        if (length) memcpy(to, strings[i], length);
        to[length] = 0;
        out[i] = to;
        to += length + 1;
    }
    a->writable = false;                                 /* pointers are not to be changed from outside */
    return true;
}

/* The shape asked for, an axis CN_ANY filled in from the count (values NULL: there is none to fill it in from). */
static bool settle_shape(cn_array *a, const char *site, const cn_dims asked, const cn_values *values, int *rank,
                         int64_t *dim)
{
    char    text[CN__SHAPE_TEXT];
    int     any = -1;
    int64_t count;
    *rank = cn__dims_rank(asked, dim);
    for (int i = 0; i < *rank; i++) {
        if (dim[i] >= 0) continue;
        if (dim[i] != CN_ANY || any >= 0)
            return cn__poison(a, site, CN_E_SHAPE,
                              "array_from: the shape %s has %s. Sizes are 0 or more; one may be CN_ANY",
                              cn__shape_text(*rank, dim, text),
                              dim[i] == CN_ANY ? "two sizes CN_ANY" : "a negative size"),
                   false;
        any = i;
    }
    if (any >= 0) {
        if (!values)
            return cn__poison(a, site, CN_E_SHAPE, "array_from: zeros (values NULL) need a shape without CN_ANY"),
                   false;
        dim[any] = 1;
        if (!cn__shape_count(*rank, dim, &count) || !count || values->count % (size_t)count) {
            dim[any] = CN_ANY;
            return cn__poison(a, site, CN_E_SHAPE, "array_from: %zu values do not fill the shape %s evenly",
                              values->count, cn__shape_text(*rank, dim, text)),
                   false;
        }
        dim[any] = (int64_t)(values->count / (size_t)count);
    }
    if (values && (!cn__shape_count(*rank, dim, &count) || (size_t)count != values->count)) {
        if (!cn__shape_count(*rank, dim, &count)) return true;           /* too large: cn__array_shape says so */
        return cn__poison(a, site, CN_E_SHAPE, "array_from: the shape %s holds %lld values, but %zu are given",
                          cn__shape_text(*rank, dim, text), (long long)count, values->count), false;
    }
    return true;
}

/* A number that the integer type cannot hold is a mistake here; cn_cast is there for those who mean it. */
static bool all_fit(cn_array *a, const char *site, cn_dtype to, const cn_values *v)
{
    double least, most;
    if (to == v->dtype || to == CN_BOOL || !cn__dtype_range(to, &least, &most)) return true;
    for (size_t i = 0; i < v->count; i++) {
        double x = cn__load(v->dtype, v->data, i);
        if (x >= least && x <= most && x == trunc(x)) continue;
        cn__poison(a, site, CN_E_VALUE,
                   "array_from: value %zu is %.9g, which is no %s (whole numbers from %.0f to %.0f)", i, x,
                   cn__dtype_name(to), least, most);
        return false;
    }
    return true;
}

cn_array *(cn_array_from)(cn_array_from_args *args)
{
    CN__ARGS(cn_array_from_args, g, args);
    const cn_values *v = g.values;
    cn_array *a = cn__array_blank(g.on);
    int64_t   dim[CN_MAX_RANK];
    int       rank;
    if (cn__bad(a) || !settle_shape(a, g.head.site, g.shape, v, &rank, dim)) return a;

    bool     floatx = !v || (v->dtype == CN_FLOAT64 && g.borrow != CN_YES);
    cn_dtype dtype = g.dtype ? g.dtype : floatx ? CN_FLOAT32 : v->dtype;
    if (v && (!cn__dtype_size(v->dtype) || (!v->data && v->count)))
        return cn__poison(a, g.head.site, CN_E_VALUE,
                          "array_from: the values have no type or no data. Use CN_NUMBERS(...) or "
                          "CN_BUFFER(p, n)");
    if (v && dtype != v->dtype && (dtype == CN_STRING || v->dtype == CN_STRING))
        return cn__poison(a, g.head.site, CN_E_DTYPE, "array_from: %s values cannot become %s",
                          cn__dtype_name(v->dtype), cn__dtype_name(dtype));
    if (g.borrow == CN_YES) {
        if (!v || dtype != v->dtype)
            return cn__poison(a, g.head.site, CN_E_DTYPE,
                              "array_from: .borrow needs values of the array's own type, %s, and has "
                              "%s. Leave out .borrow or .dtype",
                              cn__dtype_name(dtype), v ? cn__dtype_name(v->dtype) : "none");
        if (!cn__array_shape(a, g.head.site, dtype, rank, dim, false)) return a;
        memcpy(&a->data, &v->data, sizeof a->data);
        a->values.data = v->data;
        return a;
    }
    if (dtype == CN_STRING) return cn__array_strings(a, g.head.site, rank, dim, v ? v->data : NULL), a;
    if (!cn__array_shape(a, g.head.site, dtype, rank, dim, true)) return a;
    if (v && all_fit(a, g.head.site, dtype, v)) cn__convert(dtype, a->data, v->dtype, v->data, v->count);
    return a;
}

/* ---- Looking ----------------------------------------------------------------------------------------------------- */
static const cn__shaped *shaped(const void *handle)
{
    bool has = cn__is(handle, CN__ARRAY) || cn__is(handle, CN__TENSOR) || cn__is(handle, CN__NODE);
    return has && !cn__bad(handle) ? handle : NULL;
}

static bool plain(const cn_array *a)                     /* sound, and of numbers */
{
    return cn__is(a, CN__ARRAY) && !cn__bad(a) && a->head.dtype != CN_STRING;
}

int (cn_rank_of)(const void *handle)
{
    const cn__shaped *s = shaped(handle);
    return s ? s->rank : 0;
}

int64_t (cn_size_of)(const void *handle, int axis)
{
    const cn__shaped *s = shaped(handle);
    if (s && axis < 0) axis += s->rank;
    return s && axis >= 0 && axis < s->rank ? s->dim[axis] : 0;
}

cn_dtype (cn_dtype_of)(const void *handle)
{
    const cn__shaped *s = shaped(handle);
    return s ? s->dtype : (cn_dtype)0;
}

double (cn_at)(const cn_array *a, int rank, const int64_t *index)
{
    if (!plain(a)) return NAN;
    size_t at = 0;
    for (int i = 0; i < a->head.rank; i++) {
        int64_t k = i < rank ? index[i] : 0;
        if (k < 0 || k >= a->head.dim[i]) return NAN;
        at = at * (size_t)a->head.dim[i] + (size_t)k;
    }
    for (int i = a->head.rank; i < rank; i++)
        if (index[i]) return NAN;
    return cn__load(a->head.dtype, a->data, at);
}

const char *cn_string(const cn_array *a, int64_t i)
{
    if (!cn__is(a, CN__ARRAY) || cn__bad(a) || a->head.dtype != CN_STRING || i < 0 || i >= (int64_t)a->values.count)
        return "";
    const char *s = ((const char *const *)a->data)[i];
    return s ? s : "";
}

int64_t cn_argmax(const cn_array *a, int64_t row)
{
    if (!plain(a)) return -1;
    int64_t n = a->head.rank ? a->head.dim[a->head.rank - 1] : 1, best = 0;
    if (n == 0 || row < 0 || row >= (int64_t)a->values.count / n) return -1;
    double most = cn__load(a->head.dtype, a->data, (size_t)(row * n));
    for (int64_t i = 1; i < n; i++) {
        double v = cn__load(a->head.dtype, a->data, (size_t)(row * n + i));
        if (v > most || (isnan(most) && !isnan(v))) most = v, best = i;
    }
    return best;
}

const void *cn_data(const cn_array *a)           { return cn__is(a, CN__ARRAY) && !cn__bad(a) ? a->data : NULL; }
const float *cn_float32(const cn_array *a)       { return plain(a) && a->head.dtype == CN_FLOAT32 ? a->data : NULL; }
const int32_t *cn_int32(const cn_array *a)       { return plain(a) && a->head.dtype == CN_INT32 ? a->data : NULL; }
void *cn_mutable(cn_array *a)                    { return plain(a) && a->writable ? a->data : NULL; }
const cn_values *cn_values_of(const cn_array *a) { return cn__is(a, CN__ARRAY) && !cn__bad(a) ? &a->values : NULL; }

/* ---- New ones of old ones ---------------------------------------------------------------------------------------- */
/* A blank array on a's context, poisoned where a is no array or carries an error; strings only where they are welcome.
   */
static cn_array *made_of(const cn_array *a, const char *what, bool strings)
{
    cn_array *r = cn__array_blank((cn_ctx_of)(a));
    if (cn__bad(r)) return r;
    if (cn__bad(a)) return cn__inherit(r, a);
    if (!cn__is(a, CN__ARRAY)) return cn__poison(r, NULL, CN_E_VALUE, "%s: this handle is no array", what);
    if (a->head.dtype == CN_STRING && !strings)
        return cn__poison(r, NULL, CN_E_DTYPE, "%s: takes numbers, not strings", what);
    return r;
}

cn_array *cn_slice(const cn_array *a, int axis, int64_t first, int64_t count)
{
    cn_array *r = made_of(a, "slice", true);
    if (cn__bad(r)) return r;
    int at = axis < 0 ? axis + a->head.rank : axis;
    if (at < 0 || at >= a->head.rank)
        return cn__poison(r, NULL, CN_E_VALUE, "slice: the array has %d axes, there is no axis %d", a->head.rank, axis);
    int64_t size = a->head.dim[at];
    if (first >= 0 && first <= size && count == CN_ANY) count = size - first;
    if (first < 0 || first > size || count < 0 || count > size - first)
        return cn__poison(r, NULL, CN_E_VALUE, "slice: %lld from %lld on is outside axis %d, which has %lld",
                          (long long)count, (long long)first, axis, (long long)size);

    int64_t dim[CN_MAX_RANK], outer = 1;
    size_t  inner = cn__dtype_size(a->head.dtype);
    for (int i = 0; i < a->head.rank; i++) {
        dim[i] = i == at ? count : a->head.dim[i];
        if (i < at) outer *= dim[i];
        if (i > at) inner *= (size_t)dim[i];
    }
    const char *from = (const char *)a->data + (size_t)first * inner;
    bool        view = at == 0 || a->head.dtype == CN_STRING;    /* strings stay another's where they are moved, too */
    if (!cn__array_shape(r, NULL, a->head.dtype, a->head.rank, dim, at != 0)) return r;
    if (at == 0) memcpy(&r->data, &from, sizeof from), r->values.data = from;
    else
        for (int64_t i = 0; i < outer; i++)
            if (count && inner)
                memcpy((char *)r->data + (size_t)(i * count) * inner, from + (size_t)(i * size) * inner,
                       (size_t)count * inner);
    if (view) {
        union { const cn_array *given; void *kept; } u = { a };
        cn__ref(r->keep = u.kept);
        r->writable = false;
    }
    return r;
}

cn_array *cn_cast(const cn_array *a, cn_dtype dtype)
{
    cn_array *r = made_of(a, "cast", false);
    if (cn__bad(r)) return r;
    if (dtype == CN_STRING) return cn__poison(r, NULL, CN_E_DTYPE, "cast: numbers cannot become strings");
    if (cn__array_shape(r, NULL, dtype, a->head.rank, a->head.dim, true))
        cn__convert(dtype, r->data, a->head.dtype, a->data, a->values.count);
    return r;
}

/* (..., n) numbers become (..., n, classes), a last axis of 1 being left out, as keras.utils.to_categorical does. */
cn_array *cn_one_hot(const cn_array *a, int64_t classes)
{
    cn_array *r = made_of(a, "one_hot", false);
    if (cn__bad(r)) return r;
    if (classes < 1)
        return cn__poison(r, NULL, CN_E_VALUE, "one_hot: needs 1 class or more, not %lld", (long long)classes);
    int rank = a->head.rank;
    if (rank > 1 && a->head.dim[rank - 1] == 1) rank--;
    if (rank >= CN_MAX_RANK)
        return cn__poison(r, NULL, CN_E_SHAPE, "one_hot: an array of %d axes has no room for one more", a->head.rank);
    int64_t dim[CN_MAX_RANK];
    for (int i = 0; i < rank; i++) dim[i] = a->head.dim[i];
    dim[rank] = classes;
    if (!cn__array_shape(r, NULL, CN_FLOAT32, rank + 1, dim, true)) return r;
    float *out = r->data;
    for (size_t i = 0; i < a->values.count; i++) {
        double k = cn__load(a->head.dtype, a->data, i);
        if (!(k >= 0 && k < (double)classes) || k != trunc(k))
            return cn__poison(r, NULL, CN_E_VALUE, "one_hot: number %zu is %.9g; classes are 0 to %lld", i, k,
                              (long long)classes - 1);
        out[i * (size_t)classes + (size_t)k] = 1;
    }
    return r;
}
