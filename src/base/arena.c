/* arena.c: memory that is given back all at once. Blocks double, so that a large graph costs few requests. */
#include "base/base.h"
#include <stdio.h>

enum { ALIGN = 16, FIRST = 4096, MOST = 1 << 20 };

typedef struct cn__arena_block {
    struct cn__arena_block *next;                        /* an older, full one */
    size_t size, used;                                   /* of the whole block, this header included */
} block;

static size_t round_up(size_t n) { return (n + ALIGN - 1) & ~(size_t)(ALIGN - 1); }

static void *carve(block *b, size_t size)
{
    void *at = (char *)b + b->used;
    b->used += size;
    return at;
}

void *cn__arena_alloc(cn__arena *arena, size_t size)
{
    const size_t head = round_up(sizeof(block));
    block *newest = arena->block;
    if (size > SIZE_MAX / 2) return NULL;
    size = round_up(CN__MAX(size, 1));
    if (newest && size <= newest->size - newest->used) return carve(newest, size);

    size_t usual = newest ? CN__MIN(newest->size * 2, (size_t)MOST) : FIRST;
    bool   large = size > usual / 4;                     /* gets a block of its own: the newest one stays in use */
    size_t whole = large ? head + size : usual;
    block *b = cn__alloc0(arena->ctx, whole);
    if (!b) return NULL;
    b->size = whole, b->used = head;
    if (large && newest) b->next = newest->next, newest->next = b;
    else b->next = newest, arena->block = b;
    return carve(b, size);
}

char *cn__arena_text(cn__arena *arena, const char *text)
{
    if (!text) return NULL;
    size_t n = strlen(text) + 1;
    char  *copy = cn__arena_alloc(arena, n);
    return copy ? memcpy(copy, text, n) : NULL;
}

char *cn__arena_printf(cn__arena *arena, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int   n = vsnprintf(NULL, 0, format, args);
    char *text = n < 0 ? NULL : cn__arena_alloc(arena, (size_t)n + 1);
    if (text) vsnprintf(text, (size_t)n + 1, format, again);
    va_end(again);
    va_end(args);
    return text;
}

void cn__arena_free(cn__arena *arena)
{
    for (block *b = arena->block, *next; b; b = next) {
        next = b->next;
        cn__free(arena->ctx, b, b->size);
    }
    arena->block = NULL;
}
