/* hdf5_type.c: data types (IV.A.2.d) and data spaces (IV.A.2.b) that Keras's files use, and their values. */
#include "formats/hdf5_file.h"
#include "base/dtype.h"

/* ---- Data types -------------------------------------------------------------------------------------------------- */
/* Number, and the name by which what cannot be read is refused. */
#define TYPE_CLASSES(X)                                                                                                \
    X(INTEGER, 0, "integers") X(FLOAT, 1, "floating-point numbers") X(TIME, 2, "times") X(TEXT, 3, "strings")          \
    X(BITS, 4, "bit fields") X(OPAQUE, 5, "opaque data") X(COMPOUND, 6, "compounds") X(REFERENCE, 7, "references")     \
    X(ENUM, 8, "enumerations") X(VARIABLE, 9, "lists of variable length") X(ARRAY, 10, "arrays as elements")           \
    X(COMPLEX, 11, "complex numbers")
enum {
#define TYPE_CLASS(id, number, name) id = number,
    TYPE_CLASSES(TYPE_CLASS)
#undef TYPE_CLASS
    CLASSES
};
static const char *const class_names[CLASSES] = {
#define TYPE_CLASS(id, number, name) [number] = name,
    TYPE_CLASSES(TYPE_CLASS)
#undef TYPE_CLASS
};

typedef struct head { unsigned class, version; uint32_t bits; uint64_t size; } head;

/* Where sign, exponent and mantissa stand in a float, and the exponent's bias. */
typedef struct layout { uint8_t sign, exponent, exponent_size, mantissa, mantissa_size; uint32_t bias; } layout;
static const struct { cn_dtype dtype; uint64_t size; layout at; } floats[] = {
    { CN_FLOAT16,  2, { 15, 10, 5,  0, 10, 15 } },
    { CN_BFLOAT16, 2, { 15, 7,  8,  0, 7,  127 } },
    { CN_FLOAT32,  4, { 31, 23, 8,  0, 23, 127 } },
    { CN_FLOAT64,  8, { 63, 52, 11, 0, 52, 1023 } },
};

static bool refuse(const cn__h5_in *in, const head *h, const char *which)
{
    return cn__h5_bad(in->f, CN_E_UNSUPPORTED, in->start,
                      "holds %s%s; integers and floats of 2, 4 and 8 bytes, booleans and strings can be read",
                      h->class < CLASSES ? class_names[h->class] : "data of an unknown kind", which);
}

static bool read_head(cn__h5_in *in, head *h)
{
    unsigned first = (unsigned)cn__h5_uint(in, 1);
    h->class = first & 15, h->version = first >> 4;
    h->bits = (uint32_t)cn__h5_uint(in, 3);
    h->size = cn__h5_uint(in, 4);
    if (!cn__h5_whole(in)) return false;
    if (h->class >= CLASSES || !h->version || h->version > 5) return refuse(in, h, "");
    return h->size || cn__h5_bad(in->f, CN_E_FORMAT, in->start, "holds elements of 0 bytes");
}

/* Bits that stand outside of the element are damage; bits that do not fill it are legal and not read. */
static bool fills(cn__h5_in *in, const head *h)
{
    uint64_t offset = cn__h5_uint(in, 2), precision = cn__h5_uint(in, 2);
    if (!cn__h5_whole(in)) return false;
    if (offset + precision > 8 * h->size)
        return cn__h5_bad(in->f, CN_E_FORMAT, in->start, "holds numbers of %llu bits from bit %llu on in %llu bytes",
                          (unsigned long long)precision, (unsigned long long)offset, (unsigned long long)h->size);
    return (!offset && precision == 8 * h->size) || refuse(in, h, " that do not fill their bytes");
}

static bool integer_of(cn__h5_in *in, const head *h, cn__h5_type *t)
{
    static const struct { cn_dtype natural, integer; } by_log[] = {
        { CN_UINT8, CN_INT8 }, { CN_UINT16, CN_INT16 }, { CN_UINT32, CN_INT32 }, { CN_INT64, CN_INT64 }
    };
    unsigned log;
    bool     is_signed = h->bits & 1 << 3;
    if (!fills(in, h)) return false;
    if (!cn__h5_power(h->size, &log) || log >= CN__COUNT(by_log))
        return refuse(in, h, " of a width that no machine has");
    *t = (cn__h5_type){ .dtype = is_signed ? by_log[log].integer : by_log[log].natural, .size = h->size };
    t->swap = h->bits & 1 && h->size > 1;
    t->wide = !is_signed && h->size == 8;
    return true;
}

static bool float_of(cn__h5_in *in, const head *h, cn__h5_type *t)
{
    enum { IMPLIED = 2 };                                /* the mantissa's highest bit is not stored */
    if (!fills(in, h)) return false;
    layout at = { .sign = (uint8_t)(h->bits >> 8) };
    at.exponent = (uint8_t)cn__h5_uint(in, 1), at.exponent_size = (uint8_t)cn__h5_uint(in, 1);
    at.mantissa = (uint8_t)cn__h5_uint(in, 1), at.mantissa_size = (uint8_t)cn__h5_uint(in, 1);
    at.bias = (uint32_t)cn__h5_uint(in, 4);
    if (!cn__h5_whole(in)) return false;
    for (size_t i = 0; i < CN__COUNT(floats); i++) {
        const layout *f = &floats[i].at;
        if (floats[i].size != h->size || f->sign != at.sign || f->exponent != at.exponent || f->bias != at.bias ||
            f->exponent_size != at.exponent_size || f->mantissa != at.mantissa ||
            f->mantissa_size != at.mantissa_size || (h->bits >> 4 & 3) != IMPLIED || h->bits & 1 << 6)
            continue; /* bit 6: of the VAX */
        *t = (cn__h5_type){ .dtype = floats[i].dtype, .size = h->size, .swap = h->bits & 1 };
        return true;
    }
    return refuse(in, h, " of another format than IEEE 754's and bfloat16");
}

/* h5py's booleans: FALSE = 0 and TRUE = 1 in a byte. */
static bool bool_of(cn__h5_in *in, const head *h, cn__h5_type *t)
{
    static const char *const names[] = { "FALSE", "TRUE" };
    head        base;
    cn__h5_type number;
    bool        right = (h->bits & 0xffff) == CN__COUNT(names);
    if (!right) return refuse(in, h, " that are not h5py's booleans");
    if (!read_head(in, &base)) return false;
    if (base.class != INTEGER || base.size != 1 || h->size != 1) return refuse(in, h, " that are not h5py's booleans");
    if (!integer_of(in, &base, &number)) return false;
    for (size_t i = 0; i < CN__COUNT(names); i++) {      /* before version 3 filled up to a multiple of 8 */
        size_t n = strlen(names[i]) + 1;
        const unsigned char *name = cn__h5_skip(in, h->version < 3 ? (n + 7) & ~(size_t)7 : n);
        right = right && name && !memcmp(name, names[i], n);
    }
    for (size_t i = 0; i < CN__COUNT(names); i++) right = cn__h5_uint(in, 1) == i && right;
    if (!cn__h5_whole(in)) return false;
    if (!right) return refuse(in, h, " that are not h5py's booleans");
    *t = (cn__h5_type){ .dtype = CN_BOOL, .size = 1 };
    return true;
}

static bool text_of(cn__h5_in *in, const head *h, cn__h5_type *t)
{
    enum { TEXT_LIST = 1, PADDINGS = 3 };
    if (h->class == VARIABLE && (h->bits & 15) != TEXT_LIST) return refuse(in, h, "");
    *t = (cn__h5_type){ .dtype = CN_STRING,
                        .text = h->class == VARIABLE ? CN__H5_VARIABLE : CN__H5_FIXED,
                        .size = h->size };
    t->pad = h->class == VARIABLE ? 0 : h->bits & 15;
    if (t->pad >= PADDINGS)
        return cn__h5_bad(in->f, CN_E_FORMAT, in->start, "holds strings filled in the unknown way %u", t->pad);
    if (t->text == CN__H5_VARIABLE && t->size != 8 + in->f->address_size)
        return cn__h5_bad(in->f, CN_E_FORMAT, in->start,
                          "holds strings of variable length in %zu bytes; %u were expected", t->size,
                          8 + in->f->address_size);
    return true;
}

/* bfloat16 as h5py writes it: two bytes of anything, without a tag. (Keras adds an attribute, dtype = "bfloat16".) */
static bool bfloat16_of(cn__h5_in *in, const head *h, cn__h5_type *t)
{
    if (h->size != 2 || h->bits & 0xff) return refuse(in, h, "");
    *t = (cn__h5_type){ .dtype = CN_BFLOAT16, .size = 2 };
    return true;
}

bool cn__h5_type_of(cn__h5_in *in, cn__h5_type *t)
{
    head h;
    if (!read_head(in, &h)) return false;
    switch (h.class) {
    case INTEGER:  return integer_of(in, &h, t);
    case FLOAT:    return float_of(in, &h, t);
    case OPAQUE:   return bfloat16_of(in, &h, t);
    case ENUM:     return bool_of(in, &h, t);
    case TEXT:
    case VARIABLE: return text_of(in, &h, t);
    default:       return refuse(in, &h, "");
    }
}

/* ---- Data spaces ------------------------------------------------------------------------------------------------- */
static bool dims_of(cn__h5_in *in, cn__h5_space *s, bool limits)
{
    for (int k = 0; k < s->rank; k++) {
        uint64_t d = cn__h5_length(in);
        if (d > INT64_MAX || !cn__mul_i64(s->n, (int64_t)d, &s->n))
            return cn__h5_bad(in->f, CN_E_LIMIT, in->start, "has more elements than 2^63 (dimension %d is %llu)", k,
                              (unsigned long long)d);
        s->dim[k] = s->most[k] = (int64_t)d;
    }
    for (int k = 0; k < s->rank && limits; k++) {
        uint64_t d = cn__h5_length(in);
        if (in->over) break;
        if (d < (uint64_t)s->dim[k])
            return cn__h5_bad(in->f, CN_E_FORMAT, in->start, "has %lld elements in dimension %d, and %llu at most",
                              (long long)s->dim[k], k, (unsigned long long)d);
        s->most[k] = d == UINT64_MAX ? -1 : (int64_t)CN__MIN(d, (uint64_t)INT64_MAX);
    }
    return cn__h5_whole(in);
}

bool cn__h5_space_of(cn__h5_in *in, cn__h5_space *s)
{
    enum { SCALAR, SIMPLE, EMPTY, LIMITS = 1 << 0 };
    unsigned version = (unsigned)cn__h5_uint(in, 1), rank = (unsigned)cn__h5_uint(in, 1),
             flags = (unsigned)cn__h5_uint(in, 1);
    unsigned kind = version == 2 ? (unsigned)cn__h5_uint(in, 1) : rank ? SIMPLE : SCALAR;
    if (version == 1) cn__h5_skip(in, 5);
    if (!cn__h5_whole(in)) return false;
    if (version < 1 || version > 2)
        return cn__h5_bad(in->f, CN_E_UNSUPPORTED, in->start, "has a data space of version %u; 1 and 2 can be read",
                          version);
    if (kind > EMPTY || flags > LIMITS || (rank && kind != SIMPLE))
        return cn__h5_bad(in->f, CN_E_FORMAT, in->start, "has a data space of kind %u with rank %u and flags %u", kind,
                          rank, flags);
    if (rank > CN_MAX_RANK)
        return cn__h5_bad(in->f, CN_E_LIMIT, in->start, "has %u dimensions; at most %d are read", rank, CN_MAX_RANK);
    *s = (cn__h5_space){ .rank = (int)rank, .null = kind == EMPTY, .n = kind != EMPTY };
    return dims_of(in, s, flags & LIMITS);
}

void cn__h5_describe(const cn__h5_type *t, const cn__h5_space *s, cn__h5_data *d)
{
    *d = (cn__h5_data){ .dtype = t->dtype, .rank = s->rank, .n = s->n, .empty = s->null };
    memcpy(d->dim, s->dim, sizeof d->dim);
}

/* A chunked data set may be larger than its file, up to what packing gives (deflate: 1032 times) and some never written
   megabytes; what claims more is made to fill the memory. */
bool cn__h5_bytes_of(cn__h5 *f, const cn__h5_type *t, const cn__h5_space *s, uint64_t *bytes)
{
    enum { MOST_RATIO = 1032 };
    uint64_t most = f->n < UINT64_MAX / MOST_RATIO ? CN__MAX((uint64_t)f->n * MOST_RATIO, CN__H5_SPARE) : UINT64_MAX;
    if (!__builtin_mul_overflow((uint64_t)s->n, (uint64_t)t->size, bytes) && *bytes <= most && *bytes <= SIZE_MAX / 2)
        return true;
    return cn__h5_bad(f, CN_E_LIMIT, NULL,
                      "claims %lld elements of %zu bytes in a file of %zu bytes: no honest file does", (long long)s->n,
                      t->size, f->n);
}

/* ---- Values ------------------------------------------------------------------------------------------------------ */
static bool little_endian(void)
{
    const uint16_t one = 1;
    return *(const unsigned char *)&one;
}

static bool must_swap(const cn__h5_type *t) { return t->size > 1 && t->swap == little_endian(); }

bool cn__h5_as_it_stands(const cn__h5_type *t)
{
    return t->text == CN__H5_NUMBERS && !must_swap(t) && !t->wide && t->dtype != CN_BOOL;
}

bool cn__h5_numbers(cn__h5 *f, const cn__h5_type *t, uint64_t bytes, size_t room)
{
    if (t->dtype == CN_STRING) return cn__h5_bad(f, CN_E_DTYPE, NULL, "holds strings, not numbers");
    return bytes == room ||
           cn__h5_bad(f, CN_E_VALUE, NULL, "has %llu bytes of numbers, not %zu", (unsigned long long)bytes, room);
}

bool cn__h5_texts(cn__h5 *f, const cn__h5_type *t)
{
    return t->dtype == CN_STRING ||
           cn__h5_bad(f, CN_E_DTYPE, NULL, "holds numbers (%s), not strings", cn__dtype_name(t->dtype));
}

bool cn__h5_convert(cn__h5 *f, const cn__h5_type *t, void *values, int64_t n)
{
    unsigned char *at = values;
    for (int64_t i = 0; must_swap(t) && i < n; i++, at += t->size)
        for (size_t a = 0, b = t->size - 1; a < b; a++, b--) {
            unsigned char kept = at[a];
            at[a] = at[b], at[b] = kept;
        }
    at = values;
    for (int64_t i = 0; t->dtype == CN_BOOL && i < n; i++) at[i] = at[i] != 0;
    for (int64_t i = 0; t->wide && i < n; i++) {
        int64_t v;
        memcpy(&v, at + 8 * i, sizeof v);
        if (v < 0)
            return cn__h5_bad(f, CN_E_LIMIT, NULL,
                              "value %lld is %llu; unsigned numbers of 64 bits are read up to 2^63 - 1", (long long)i,
                              (unsigned long long)v);
    }
    return true;
}

/* The bytes of a string: of fixed length up to its filling, of variable length from the global heap. */
static bool text_at(cn__h5 *f, const cn__h5_type *t, const unsigned char *element, const unsigned char **at,
                    uint64_t *n)
{
    enum { BLANKS = 2 };
    *at = element, *n = t->size;
    if (t->text == CN__H5_VARIABLE) {
        cn__h5_in in = { .f = f, .start = element, .at = element, .end = element + t->size };
        uint64_t length = cn__h5_uint(&in, 4), heap = cn__h5_address(&in), index = cn__h5_uint(&in, 4);
        *n = 0;
        if (!length || (!heap && !index)) return true;   /* never written: empty */
        if (!cn__h5_global(f, heap, index, at, n)) return false;
        if (length > *n)
            return cn__h5_bad(f, CN_E_FORMAT, *at, "a string has %llu bytes, its object in the global heap %llu",
                              (unsigned long long)length, (unsigned long long)*n);
        *n = length;
    }
    if (t->pad == BLANKS) while (*n && (*at)[*n - 1] == ' ') --*n;
    else while (*n && !(*at)[*n - 1]) --*n;
    return true;
}

const char **cn__h5_strings(cn__h5 *f, const cn__h5_type *t, const unsigned char *elements, int64_t n, cn__arena *mem)
{
    const char **list = NULL;
    uint64_t total = ((uint64_t)n + 1) * sizeof *list;   /* no overflow: cn__h5_bytes_of has seen n */
    if (!cn__h5_room(f, total)) return NULL;
    list = cn__arena_alloc(mem, total);
    if (!list) return cn__h5_nomem(f), NULL;
    for (int64_t i = 0; i < n; i++) {
        const unsigned char *at;
        uint64_t size;
        if (!text_at(f, t, elements + (size_t)i * t->size, &at, &size)) return NULL;
        const unsigned char *end = memchr(at, 0, size);
        if (end && t->pad == 0 && t->text == CN__H5_FIXED) size = (uint64_t)(end - at);
        else if (end) return cn__h5_bad(f, CN_E_FORMAT, NULL, "string %lld has a NUL inside", (long long)i), NULL;
        total += size + 16;
        if (!cn__h5_room(f, total)) return NULL;         /* many elements may name one object */
        char *copy = cn__arena_alloc(mem, size + 1);
        if (!copy) return cn__h5_nomem(f), NULL;
        memcpy(copy, at, size);
        list[i] = copy;
    }
    list[n] = "";
    return list;
}
