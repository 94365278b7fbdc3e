/* json.c: any bytes as JSON. A tree is printed and parsed again, to the same; it is read as an object, as a choice and
   as the config of a class of each family (which one, the bytes themselves decide), of all versions of Keras; what
   could be read is resolved and written. */
#include "cornu.h"
#include "formats/config.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void print_again(cn__arena *mem, const cn__json *j)
{
    cn__text once = { .ctx = mem->ctx }, twice = { .ctx = mem->ctx };
    cn__json_print(&once, j, 0);
    const cn__json *again = cn__json_parse(mem, NULL, "again", once.at, once.n);
    if (!again) abort();                                 /* what is printed can be read ... */
    cn__json_print(&twice, again, 0);
    if (once.n != twice.n || memcmp(once.at, twice.at, once.n)) abort();             /* ... and is the same */
    cn__text_free(&once);
    cn__text_free(&twice);
}

static void read_as(const cn__reading *r, const cn__class *class, const cn__json *config)
{
    void *args = cn__config_read(r, class, "x", config);
    cn_clear_error(r->ctx);
    if (args && class->size) args = cn__args_resolve(r->ctx, r->mem, NULL, class, args);
    if (args || !class->size) cn__config_object(r->mem, class, cn__config_write(r->mem, class, args));
}

static const cn__class *any_class(cn__family family, uint64_t draw)
{
    uint64_t n = 0;
    while (cn__class_at(family, (int)n)) n++;
    return n ? cn__class_at(family, (int)(draw % n)) : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    cn_ctx *c = cn_open(.threads = 1, .memory_limit = (int64_t)1 << 28);
    cn__arena mem = { .ctx = c };
    const cn__json *j = cn__json_parse(&mem, NULL, "fuzz", (const char *)bytes, n);
    if (j) print_again(&mem, j);
    for (int version = 1; j && version <= 3; version++) {
        cn__reading r = { .ctx = c, .mem = &mem, .what = "fuzz", .keras = version };
        for (int family = 1; family < CN__FAM_CALLBACK; family++) {
            const char *choice;
            const cn__class *class = cn__config_class(&r, (cn__family)family, "x", j);
            cn__config_read_choice(&r, (cn__family)family, "x", j, &choice);
            if (class) read_as(&r, class, cn__json_get(j, "config"));
            if ((class = any_class((cn__family)family, cn__hash_bytes(bytes, n)))) read_as(&r, class, j);
        }
    }
    cn__arena_free(&mem);
    cn_close(c);
    return 0;
}
