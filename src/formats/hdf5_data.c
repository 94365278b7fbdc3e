/* hdf5_data.c: data sets: type, shape, layout (IV.A.2.i), fill value (IV.A.2.e, f), and their elements. */
#include "formats/hdf5_file.h"
#include "base/dtype.h"

/* ---- What a data set is ------------------------------------------------------------------------------------------ */
static bool open_part(const cn__h5_object *o, int kind, const char *what, cn__h5_in *in)
{
    const cn__h5_message *m = cn__h5_message_of(o, kind);
    if (!m) return cn__h5_bad(o->f, CN_E_FORMAT, o->f->at + o->address, "is no data set: %s is missing", what);
    return cn__h5_open_message(o->f, m, what, in);
}

static bool layout_of(cn__h5_in *in, cn__h5_layout *l)
{
    enum { COMPACT, CONTIGUOUS, CHUNKED, VIRTUAL };
    cn__h5   *f = in->f;
    unsigned  version = (unsigned)cn__h5_uint(in, 1), class = (unsigned)cn__h5_uint(in, 1);
    cn__h5_in bytes = *in;
    if (!cn__h5_whole(in)) return false;
    if (version < 3 || version > 5)
        return cn__h5_bad(f, CN_E_UNSUPPORTED, in->start, "has a layout of version %u; 3 to 5 can be read", version);
    if (class == VIRTUAL)
        return cn__h5_bad(f, CN_E_UNSUPPORTED, in->start, "is a virtual data set; other files are never opened");
    if (class > VIRTUAL) return cn__h5_bad(f, CN_E_FORMAT, in->start, "has a layout of the unknown class %u", class);
    l->class = (cn__h5_class)class;
    if (class == CHUNKED) return cn__h5_layout_chunks(in, l, version);
    uint64_t address = class == COMPACT ? 0 : cn__h5_address(in);
    uint64_t n = class == COMPACT ? cn__h5_uint(in, 2) : cn__h5_length(in);
    if (!cn__h5_whole(in)) return false;
    if (n != l->bytes)
        return cn__h5_bad(f, CN_E_FORMAT, in->start, "has %llu bytes for %lld elements of %zu", (unsigned long long)n,
                          (long long)l->space.n, l->type.size);
    if (class == COMPACT) {
        l->at = cn__h5_skip(in, n);
        return cn__h5_whole(in);
    }
    if (address == CN__H5_NOWHERE || !n) return true;
    if (!cn__h5_at(f, address, n, "the data", &bytes)) return false;
    l->at = bytes.at;
    return true;
}

/* The newer message says whether there is a value; the older one is one. */
static bool fill_of(const cn__h5_object *o, cn__h5_layout *l)
{
    enum { DEFINED = 1 << 5 };
    const cn__h5_message *m = cn__h5_message_of(o, CN__H5_FILL), *old = cn__h5_message_of(o, CN__H5_OLD_FILL);
    cn__h5_in in;
    bool      defined = true;
    if (!m && !old) return true;
    if (!cn__h5_open_message(o->f, m ? m : old, "the fill value", &in)) return false;
    if (m) {
        unsigned version = (unsigned)cn__h5_uint(&in, 1), flags = (unsigned)cn__h5_uint(&in, 1);
        if (version < 3) cn__h5_skip(&in, 1), defined = cn__h5_uint(&in, 1) || version == 1;
        else defined = flags & DEFINED;
        if (!cn__h5_whole(&in)) return false;
        if (!version || version > 3)
            return cn__h5_bad(o->f, CN_E_UNSUPPORTED, in.start, "has a fill value of version %u; 1 to 3 can be read",
                              version);
    }
    uint64_t n = defined ? cn__h5_uint(&in, 4) : 0;
    if (!n || n == UINT32_MAX) return cn__h5_whole(&in);
    l->fill = cn__h5_skip(&in, n);
    if (!cn__h5_whole(&in)) return false;
    return n == l->type.size ||
           cn__h5_bad(o->f, CN_E_FORMAT, in.start, "has elements of %zu bytes, and a fill value of %llu", l->type.size,
                      (unsigned long long)n);
}

static bool read_layout(const cn__h5_object *o, cn__h5_layout *l)
{
    cn__h5   *f = o->f;
    cn__h5_in in;
    const cn__h5_message *filters = cn__h5_message_of(o, CN__H5_FILTERS);
    if (o->group) return cn__h5_bad(f, CN_E_FORMAT, NULL, "is a group, not a data set");
    if (cn__h5_message_of(o, CN__H5_EXTERNAL))
        return cn__h5_bad(f, CN_E_UNSUPPORTED, NULL, "keeps its data in other files; these are never opened");
    if (!open_part(o, CN__H5_TYPE, "the data type", &in) || !cn__h5_type_of(&in, &l->type)) return false;
    if (!open_part(o, CN__H5_SPACE, "the data space", &in) || !cn__h5_space_of(&in, &l->space)) return false;
    if (!cn__h5_bytes_of(f, &l->type, &l->space, &l->bytes)) return false;
    if (filters && !(cn__h5_open_message(f, filters, "the filters", &in) && cn__h5_filters_of(&in, &l->filters)))
        return false;
    if (!open_part(o, CN__H5_LAYOUT, "the layout", &in) || !layout_of(&in, l) || !fill_of(o, l)) return false;
    return l->class == CN__H5_CHUNKED || !l->filters.n ||
           cn__h5_bad(f, CN_E_FORMAT, o->f->at + o->address, "is filtered, but not in chunks");
}

/* Once for each data set; f->now is its path from here on. */
static const cn__h5_layout *describe(cn__h5 *f, const cn__h5_object *object)
{
    cn__h5_object *o = (cn__h5_object *)object;
    f->now = o->path;
    if (o->described && !o->layout) cn__h5_bad(f, CN_E_FORMAT, NULL, "is a data set that could not be read");
    if (o->described) return o->layout;
    o->described = true;
    cn__h5_layout *l = cn__h5_take(f, 1, sizeof *l);
    if (l && read_layout(o, l)) o->layout = l;
    return o->layout;
}

bool cn__h5_data_of(cn__h5 *f, const cn__h5_object *o, cn__h5_data *d)
{
    const cn__h5_layout *l = describe(f, o);
    if (l) cn__h5_describe(&l->type, &l->space, d);
    f->now = NULL;
    return l;
}

/* ---- Its elements ------------------------------------------------------------------------------------------------ */
static void fill(const cn__h5_layout *l, unsigned char *to)
{
    if (!l->fill) memset(to, 0, l->bytes);
    else for (uint64_t i = 0; i < l->bytes; i += l->type.size) memcpy(to + i, l->fill, l->type.size);
}

static bool read_elements(cn__h5 *f, const cn__h5_layout *l, unsigned char *to)
{
    if (!l->bytes) return true;
    if (l->at) return memcpy(to, l->at, l->bytes), true;
    fill(l, to);
    return l->class != CN__H5_CHUNKED || cn__h5_read_chunks(f, l, to);
}

bool cn__h5_read(cn__h5 *f, const cn__h5_object *o, void *to, size_t bytes)
{
    const cn__h5_layout *l = describe(f, o);
    bool ok = l && cn__h5_numbers(f, &l->type, l->bytes, bytes) && read_elements(f, l, to) &&
              cn__h5_convert(f, &l->type, to, l->space.n);
    f->now = NULL;
    return ok;
}

const void *cn__h5_in_place(cn__h5 *f, const cn__h5_object *o)
{
    const cn__h5_layout *l = describe(f, o);
    f->now = NULL;
    return l && l->at && cn__h5_as_it_stands(&l->type) && (uintptr_t)l->at % l->type.size == 0 ? l->at : NULL;
}

const char **cn__h5_read_strings(cn__h5 *f, const cn__h5_object *o, cn__arena *mem)
{
    const char **list = NULL;
    const cn__h5_layout *l = describe(f, o);
    unsigned char *own = NULL;
    if (l && cn__h5_texts(f, &l->type)) {
        if (!l->at) own = cn__h5_borrow(f, l->bytes);
        if (l->at || (own && read_elements(f, l, own)))
            list = cn__h5_strings(f, &l->type, l->at ? l->at : own, l->space.n, mem);
        cn__h5_return(f, own, l->bytes);
    }
    f->now = NULL;
    return list;
}
