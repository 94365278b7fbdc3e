/* hdf5_write.c: builds the tree of an HDF5 file to be. A failure (no memory, a name given twice) stays with the tree:
   nodes are NULL from then on and cn__h5_emit records it. */
#include "formats/hdf5_write.h"
#include "base/dtype.h"

enum { NAMES_LIMIT = 64512,                              /* bytes of an attribute. Keras: HDF5_OBJECT_HEADER_LIMIT */
       TEXT_WIDTH = 16 };                                /* of a string of variable length: size, heap, index */

void cn__h5_out_fail(cn__h5_out *out, cn_status status, const char *format, ...)
{
    if (out->error.status) return;
    va_list args;
    va_start(args, format);
    cn__error_set(&out->error, NULL, status, format, args);
    va_end(args);
}

static bool no_memory(cn__h5_out *out)                   /* false */
{
    cn__h5_out_fail(out, CN_E_NOMEM, "out of memory for the tree of an HDF5 file");
    return false;
}

cn__h5_out *cn__h5_new(cn_ctx *ctx)
{
    cn__h5_out *out = cn__alloc0(ctx, sizeof *out);
    if (!out) return cn__nomem(ctx), NULL;
    out->ctx = out->mem.ctx = ctx;
    return out;
}

cn_ctx *cn__h5_ctx(const cn__h5_out *out) { return out->ctx; }

void cn__h5_drop(cn__h5_out *out)
{
    if (!out) return;
    cn_ctx *ctx = out->ctx;
    for (size_t i = 0; i < out->nodes.n; i++) {
        cn__vec_free(ctx, &out->nodes.at[i]->links);
        cn__vec_free(ctx, &out->nodes.at[i]->attributes);
    }
    cn__vec_free(ctx, &out->nodes);
    cn__vec_free(ctx, &out->texts);
    cn__vec_free(ctx, &out->heaps);
    cn__arena_free(&out->mem);
    cn__free(ctx, out, sizeof *out);
}

/* ---- Nodes ------------------------------------------------------------------------------------------------------- */
static cn__h5_node *new_node(cn__h5_out *out, const char *name, size_t name_n, bool group)
{
    cn__h5_node *node = out->error.status ? NULL : cn__arena_alloc(&out->mem, sizeof *node);
    char        *copy = node ? cn__arena_alloc(&out->mem, name_n + 1) : NULL;
    if (!copy || !cn__push(out->ctx, &out->nodes, node)) return no_memory(out), NULL;
    memcpy(copy, name, name_n);
    node->name = copy, node->group = group;
    return node;
}

cn__h5_node *cn__h5_new_root(cn__h5_out *out) { return out->nodes.n ? out->nodes.at[0] : new_node(out, "", 0, true); }

/* Of a link by this name: its place, or where it would be put. */
static size_t place_of(const cn__h5_node *group, const char *name, size_t n, bool *there)
{
    size_t low = 0, high = group->links.n;
    *there = false;
    while (low < high && !*there) {
        size_t      middle = low + (high - low) / 2;
        const char *other = group->links.at[middle]->name;
        int         order = strncmp(other, name, n);
        if (!order && other[n]) order = 1;
        if (!order) low = middle, *there = true;
        else if (order < 0) low = middle + 1;
        else high = middle;
    }
    return low;
}

static cn__h5_node *link_new(cn__h5_out *out, cn__h5_node *parent, const char *name, size_t n, size_t place, bool group)
{
    cn__h5_node *node = new_node(out, name, n, group);
    if (!node) return NULL;
    if (!cn__push(out->ctx, &parent->links, node)) return no_memory(out), NULL;
    cn__h5_node **at = parent->links.at + place;
    memmove(at + 1, at, (parent->links.n - 1 - place) * sizeof *at);
    return *at = node;
}

/* The group at the first n bytes of path, made where missing. As in HDF5, "//" and "/./" are "/". */
static cn__h5_node *group_at(cn__h5_out *out, cn__h5_node *at, const char *path, size_t n)
{
    for (size_t part; at && n; path += part, n -= part) {
        const char *slash = memchr(path, '/', n);
        part = slash ? (size_t)(slash - path) : n;
        bool   there, skip = !part || (part == 1 && *path == '.');
        size_t place = skip ? 0 : place_of(at, path, part, &there);
        if (!skip && !there) at = link_new(out, at, path, part, place, true);
        else if (!skip && !(at = at->links.at[place])->group) {
            cn__h5_out_fail(out, CN_E_NAME, "\"%.*s\" is a data set of the HDF5 file, nothing can lie in it", (int)part,
                            path);
            at = NULL;
        }
        part += slash != NULL;
    }
    return at;
}

cn__h5_node *cn__h5_group(cn__h5_out *out, cn__h5_node *parent, const char *path)
{
    return group_at(out, parent, path, strlen(path));
}

/* ---- Values ------------------------------------------------------------------------------------------------------ */
static bool count(cn__h5_out *out, cn__h5_value *v, const char *name, int rank, const int64_t *dim)
{
    bool fits = rank >= 0 && rank <= CN_MAX_RANK;
    v->rank = rank, v->n = 1;
    for (int i = 0; fits && i < rank; i++) {
        v->dim[i] = dim[i];
        fits = dim[i] >= 0 && cn__mul_size(v->n, (size_t)dim[i], &v->n);
    }
    fits = fits && v->width && cn__mul_size(v->n, v->width, &v->bytes);
    if (!fits) cn__h5_out_fail(out, CN_E_VALUE, "\"%s\" has a dtype or a shape that HDF5 cannot hold here", name);
    return fits;
}

/* Puts n texts into global heaps; the bytes are borrowed. Each heap is filled up to the size that HDF5 gives it. */
static bool add_texts(cn__h5_out *out, cn__h5_value *v, const char *const *text)
{
    v->text = out->texts.n;
    for (size_t i = 0; i < v->n; i++) {
        size_t   size = strlen(text[i]);
        uint64_t need = CN__H5_HEAP_ITEM + cn__h5_round8(size);
        cn__h5_heap *last = out->heaps.n ? &out->heaps.at[out->heaps.n - 1] : NULL;
        if (size > UINT32_MAX) {
            cn__h5_out_fail(out, CN_E_LIMIT, "a text has %zu bytes; in HDF5 it has at most 2^32 - 1", size);
            return false;
        }
        if (!last || last->used + need > CN__H5_HEAP_LEAST) {
            if (!cn__push(out->ctx, &out->heaps, (cn__h5_heap){ .first = out->texts.n, .used = CN__H5_HEAP_HEAD }))
                return no_memory(out);
            last = &out->heaps.at[out->heaps.n - 1];
        }
        last->used += need, last->n++;
        last->size = CN__MAX(last->used, CN__H5_HEAP_LEAST);
        cn__h5_text t = { text[i], (uint32_t)size, (uint32_t)last->n, out->heaps.n - 1 };
        if (!cn__push(out->ctx, &out->texts, t)) return no_memory(out);
    }
    return true;
}

cn__h5_node *cn__h5_dataset(cn__h5_out *out, cn__h5_node *parent, const char *name, cn_dtype dtype, int rank,
                            const int64_t *dim, const void *data)
{
    cn__h5_value v = { .dtype = dtype, .width = dtype == CN_STRING ? TEXT_WIDTH : cn__dtype_size(dtype), .data = data };
    bool         there;
    const char  *slash = strrchr(name, '/'), *last = slash ? slash + 1 : name;
    if (slash) parent = group_at(out, parent, name, (size_t)(slash - name));
    if (!parent || !count(out, &v, name, rank, dim)) return NULL;
    size_t place = place_of(parent, last, strlen(last), &there);
    if (there || !*last) {
        cn__h5_out_fail(out, CN_E_NAME, "two things in one group of an HDF5 file are named \"%s\"", name);
        return NULL;
    }
    if (dtype == CN_STRING) {
        v.data = NULL;
        if (!add_texts(out, &v, data)) return NULL;
    }
    cn__h5_node *node = link_new(out, parent, last, strlen(last), place, false);
    if (!node) return NULL;
    node->value = v;
    if (dtype == CN_BFLOAT16) cn__h5_set_text(out, node, "dtype", "bfloat16");       /* else just two bytes */
    return node;
}

/* ---- Attributes -------------------------------------------------------------------------------------------------- */
static void set(cn__h5_out *out, cn__h5_node *node, const char *name, const cn__h5_value *v)
{
    for (size_t i = 0; i < node->attributes.n; i++)
        if (!strcmp(node->attributes.at[i].name, name)) {
            node->attributes.at[i].value = *v;
            return;
        }
    cn__h5_attribute a = { cn__arena_text(&out->mem, name), *v };
    if (!a.name || !cn__push(out->ctx, &node->attributes, a)) no_memory(out);
}

static bool copy_value(cn__h5_out *out, cn__h5_value *v, const void *data)
{
    if (v->dtype != CN_STRING) {
        void *copy = cn__arena_alloc(&out->mem, v->bytes);
        if (copy && v->bytes) memcpy(copy, data, v->bytes);
        v->data = copy;
        return copy || no_memory(out);
    }
    const char *const *text = data;
    const char       **copy = cn__arena_alloc(&out->mem, v->n * sizeof *copy);
    bool               ok = copy != NULL;
    for (size_t i = 0; ok && i < v->n; i++) ok = (copy[i] = cn__arena_text(&out->mem, text[i])) != NULL;
    return ok ? add_texts(out, v, copy) : no_memory(out);
}

void cn__h5_set(cn__h5_out *out, cn__h5_node *node, const char *name, cn_dtype dtype, int rank, const int64_t *dim,
                const void *data)
{
    cn__h5_value v = { .dtype = dtype, .width = dtype == CN_STRING ? TEXT_WIDTH : cn__dtype_size(dtype) };
    if (node && count(out, &v, name, rank, dim) && copy_value(out, &v, data)) set(out, node, name, &v);
}

void cn__h5_set_text(cn__h5_out *out, cn__h5_node *node, const char *name, const char *text)
{
    cn__h5_set(out, node, name, CN_STRING, 0, NULL, &text);
}

/* One piece: n strings of width bytes. */
static bool set_piece(cn__h5_out *out, cn__h5_node *node, const char *name, const char *const *names, size_t n,
                      size_t width)
{
    cn__h5_value v = { CN_STRING, width, 1, { (int64_t)n }, n, n * width, NULL, 0 };
    char        *data = name ? cn__arena_alloc(&out->mem, v.bytes) : NULL;
    if (!data) return no_memory(out);
    for (size_t i = 0; i < n; i++) memcpy(data + i * width, names[i], strlen(names[i]));
    v.data = data;
    set(out, node, name, &v);
    return true;
}

void cn__h5_set_names(cn__h5_out *out, cn__h5_node *node, const char *name, const char *const *names, size_t n)
{
    size_t width = 1, pieces = 1;
    for (size_t i = 0; i < n; i++) width = CN__MAX(width, strlen(names[i]));
    while (n && (n + pieces - 1) / pieces * width > NAMES_LIMIT && pieces < n) pieces++;
    if (!node) return;
    if (width > NAMES_LIMIT)
        cn__h5_out_fail(out, CN_E_LIMIT, "%s: a name has %zu bytes, an attribute at most %d", name, width, NAMES_LIMIT);
    else if (!n) cn__h5_set(out, node, name, CN_FLOAT64, 1, (int64_t[]){ 0 }, "");         /* NumPy's empty list */
    else if (pieces == 1) set_piece(out, node, name, names, n, width);
    else
        for (size_t k = 0, at = 0; k < pieces; k++) {    /* alike, the first n % pieces of them one longer */
            size_t here = n / pieces + (k < n % pieces);
            if (!set_piece(out, node, cn__arena_printf(&out->mem, "%s%zu", name, k), names + at, here, width)) return;
            at += here;
        }
}
