/* The context: options, handles and their references, errors that stick, what cn_close does. */
#include "base/base.h"
#include "base/context.h"
#include "check.h"
#include "fail/alloc.h"

typedef struct thing { cn__obj obj; struct thing *uses; int number; } thing;
static int  destroyed[16], ndestroyed;
static void thing_destroy(void *self)
{
    thing *t = self;
    destroyed[ndestroyed++ % 16] = t->number;
    cn__unref(t->uses);
}

static thing *make(cn_ctx *c, int number, thing *uses)
{
    thing *t = cn__new(c, CN__ARRAY, sizeof *t, thing_destroy);
    if (cn__bad(t)) return t;
    t->number = number, t->uses = uses;
    cn__ref(uses);
    return t;
}

static void free_thing(thing *t) { (cn_free)(t); }

TEST(open_and_close)
{
    cn_ctx *c = cn_open();
    CHECK(c);
    CHECK_INT(cn_error(c), CN_OK);
    CHECK(!*cn_error_message(c));
    CHECK(cn__threads(c) >= 1);
    CHECK_INT(cn__seed(c), 1);
    CHECK(!strcmp(cn__backend_names(c), "cpu"));
    CHECK(cn_ctx_of(c) == c);
    CHECK(cn_memory(c, false) > 0 && cn_memory(c, true) >= cn_memory(c, false));
    CHECK_INT(cn_version(), CN_VERSION);
    CHECK_INT(cn_rank(c), 0);
    CHECK_INT(cn_ranks(c), 1);
    CHECK_INT(cn_close(c), 0);
}

TEST(no_context)
{
    fail_alloc a = { .at = 1 };
    cn_ctx *c = cn_open(.allocator = FAIL_ALLOCATOR(&a));
    CHECK(!c);
    CHECK_INT(cn_error(c), CN_E_NOMEM);
    CHECK_STR(cn_error_message(c), "out of memory");
    cn_clear_error(c);
    CHECK_INT(cn_memory(c, true), 0);
    CHECK(!cn_ctx_of(c));
    CHECK(!cn__new(c, CN__ARRAY, sizeof(thing), NULL));
    CHECK_INT(cn_close(c), 1);
}

static void poisoned(cn_ctx *c, cn_status status, const char *part)
{
    thing *t = make(c, 1, NULL);
    CHECK_INT(cn_error(c), status);
    CHECK_STR(cn_error_message(c), part);
    CHECK_STR(cn_error_message(c), "context.c:");        /* where it was opened */
    CHECK_INT(cn__status_of(t), status);                 /* all that is made on it carries the error */
    cn_clear_error(c);
    CHECK_INT(cn_error(c), status);                      /* and it does not go away */
    CHECK_INT(cn_close(c), 1);
}

TEST(open_refuses)
{
    poisoned(cn_open(.threads = -2), CN_E_VALUE, ".threads is -2");
    poisoned(cn_open(.threads = 1 << 20), CN_E_VALUE, ".threads is 1048576; 1 to 1024");
    poisoned(cn_open(.log_level = (cn_level)9), CN_E_VALUE, ".log_level is 9");
    poisoned(cn_open(.memory_limit = -1), CN_E_VALUE, ".memory_limit is -1");
    poisoned(cn_open(.allocator = { fail_alloc_alloc, NULL, NULL }), CN_E_VALUE, "both alloc and free");
    poisoned(cn_open(.comm = cn_mpi(NULL)), CN_E_UNSUPPORTED, "no MPI");
}

TEST(options)
{
    cn_ctx *c = cn_open(.threads = 3, .seed = 7, .backend = "ref", .memory_limit = 1 << 20);
    CHECK_INT(cn__threads(c), 3);
    CHECK_INT(cn__seed(c), 7);
    CHECK(!strcmp(cn__backend_names(c), "ref"));
    CHECK_INT(cn__memory_limit(c), 1 << 20);
    CHECK_INT(cn_close(c), 0);
    cn_ctx *p = cn_open(.seed = CN_ANY), *q = cn_open(.seed = CN_ANY);
    CHECK(cn__seed(p) != cn__seed(q));
    CHECK_INT(cn_close(p) + cn_close(q), 0);
}

TEST(args_of_other_versions)
{
    cn_open_args older = { .head = CN_HEAD(cn_open_args), .threads = 2, .seed = 5, .backend = "null" };
    older.head.size = (uint32_t)offsetof(cn_open_args, backend);             /* a header that did not have it yet */
    cn_ctx *c = (cn_open)(&older);
    CHECK_INT(cn__seed(c), 5);
    CHECK(!strcmp(cn__backend_names(c), "cpu"));
    CHECK_INT(cn_close(c), 0);
    struct { cn_open_args a; char later[64]; } newer = { .a = { .head = CN_HEAD(cn_open_args), .seed = 6 }, "?" };
    newer.a.head.size = (uint32_t)sizeof newer;
    c = (cn_open)(&newer.a);
    CHECK_INT(cn__seed(c), 6);
    CHECK_INT(cn_close(c), 0);
    c = (cn_open)(NULL);
    CHECK_INT(cn__seed(c), 1);
    CHECK_INT(cn_close(c), 0);
}

TEST(references)
{
    cn_ctx *c = cn_open();
    ndestroyed = 0;
    thing *a = make(c, 1, NULL), *b = make(c, 2, a), *d = make(c, 3, b);
    free_thing(a);
    free_thing(b);
    CHECK_INT(ndestroyed, 0);                            /* d needs b, b needs a */
    free_thing(d);
    CHECK_INT(ndestroyed, 3);
    CHECK(destroyed[0] == 3 && destroyed[1] == 2 && destroyed[2] == 1);
    (cn_free)(NULL);
    CHECK_INT(cn_close(c), 0);
}

TEST(freed_twice)
{
    cn_ctx *c = cn_open();
    thing *a = make(c, 1, NULL), *b = make(c, 2, a);
    free_thing(a);
    free_thing(a);
    CHECK_INT(cn_error(c), CN_E_STATE);
    cn_clear_error(c);
    cn_free(c);
    CHECK_STR(cn_error_message(c), "cn_close");
    free_thing(b);
    CHECK_INT(cn_close(c), 1);
}

static void at_close(cn_ctx *c, void *with)
{
    (void)c;
    destroyed[ndestroyed++ % 16] = 100;
    cn__unref(with);
}

TEST(close_ends_everything)
{
    fail_alloc count = { .at = 0 };
    cn_ctx *c = cn_open(.allocator = FAIL_ALLOCATOR(&count));
    ndestroyed = 0;
    thing *a = make(c, 1, NULL), *b = make(c, 2, a), *kept = make(c, 3, NULL);
    make(c, 4, b);
    cn__ref(kept);                                  /* a room's own reference, given back by what it left for the end */
    CHECK(cn__ctx_at_close(c, at_close, kept));
    thing *ring = make(c, 5, NULL);
    ring->uses = make(c, 6, ring);
    cn__ref(ring->uses);
    CHECK_INT(cn_close(c), 0);
    CHECK_INT(ndestroyed, 7);
    CHECK(destroyed[0] == 4 && destroyed[1] == 2 && destroyed[2] == 1);      /* in the order of references */
    CHECK(destroyed[3] == 100 && destroyed[4] == 3);
    CHECK_INT(count.blocks, 0);
    CHECK_INT(count.bytes, 0);
}

TEST(many_handles_close_fast)
{
    cn_ctx *c = cn_open();
    for (int i = 0; i < 100000; i++) make(c, i, NULL);
    CHECK_INT(cn_close(c), 0);
}

TEST(small_handles)
{
    cn_ctx *c = cn_open();
    cn__obj *h = cn__new_small(c, CN__LAYER, sizeof(cn__obj) + 100);
    CHECK(cn__is(h, CN__LAYER) && !cn__is(h, CN__TENSOR) && !cn__is(NULL, CN__LAYER));
    cn__ref(h);
    cn__unref(h);
    cn__unref(h);
    (cn_free)(h);                                        /* does nothing: it stays */
    CHECK(cn__is(h, CN__LAYER));
    CHECK_INT(cn_close(c), 0);
}

TEST(what_builds_keeps_the_first_error)
{
    cn_ctx *c = cn_open();
    thing *a = make(c, 1, NULL), *b = make(c, 2, a), *sound = make(c, 3, NULL);
    CHECK(cn__poison(a, "x.c:1", CN_E_SHAPE, "dense \"%s\": %d", "d", 5) == (void *)a);
    cn__poison(a, "x.c:2", CN_E_VALUE, "another");
    cn__inherit(b, a);
    cn__inherit(b, NULL);
    cn__inherit(sound, sound);
    CHECK(cn__bad(a) && cn__bad(b) && !cn__bad(sound));
    CHECK_INT((cn_error)(b), CN_E_SHAPE);
    CHECK_STR((cn_error_message)(b), "x.c:1: dense \"d\": 5");
    CHECK_INT((cn_error)(sound), CN_OK);
    CHECK_INT(cn_error(c), CN_E_SHAPE);                  /* the context: the first that failed to build */
    thing *other = make(c, 4, NULL);
    cn__poison(other, NULL, CN_E_DTYPE, "later");
    CHECK_INT(cn_error(c), CN_E_SHAPE);
    free_thing(a);                                       /* the error outlives its first handle */
    CHECK_STR((cn_error_message)(b), "x.c:1: dense");
    CHECK_INT(cn__fail_with(sound), CN_OK);
    CHECK_INT(cn__fail_with(other), CN_E_DTYPE);         /* what acts is recorded over it */
    CHECK_STR(cn_error_message(c), "later");
    CHECK_INT(cn__fail(c, "y.c:9", CN_E_STATE, "act %d", 1), CN_E_STATE);
    CHECK_STR(cn_error_message(c), "y.c:9: act 1");
    cn__poison(make(c, 5, NULL), NULL, CN_E_NAME, "built after");
    CHECK_INT(cn_error(c), CN_E_STATE);
    cn_clear_error(c);
    CHECK_INT(cn_error(c), CN_OK);
    CHECK_INT(cn_close(c), 0);
}

TEST(errors_cross_contexts)
{
    cn_ctx *c = cn_open(), *d = cn_open();
    thing *a = make(c, 1, NULL), *b = make(d, 2, NULL);
    cn__poison(a, NULL, CN_E_NAME, "of the first");
    cn__inherit(b, a);
    CHECK_INT(cn_close(c), 1);
    CHECK_STR((cn_error_message)(b), "of the first");
    CHECK_INT(cn_close(d), 1);
}

TEST(users_own_failures)
{
    cn_ctx *c = cn_open();
    CHECK_INT(cn_fail(c, CN_E_VALUE, "row 7 is empty"), CN_E_VALUE);
    CHECK_STR(cn_error_message(c), "row 7 is empty");
    CHECK_INT(cn_fail(c, CN_OK, "100 %s"), CN_E_USER);   /* no status: theirs; the text is no format */
    CHECK_STR(cn_error_message(c), "100 %s");
    CHECK_INT(cn_fail(c, CN_E_IO, NULL), CN_E_IO);
    CHECK_STR(cn_error_message(c), "file could not be read or written");
    CHECK_STR(cn_status_text((cn_status)-99), "no status");
    CHECK_INT(cn_close(c), 1);
}

TEST(long_messages)
{
    cn_ctx *c = cn_open();
    char text[3 * CN__ERROR_TEXT];
    for (size_t i = 0; i + 2 < sizeof text; i += 2) memcpy(text + i, "\xc3\xa4", 3);
    (void)cn__fail(c, "s.c:1", CN_E_VALUE, "%s", text);
    const char *message = cn_error_message(c);
    CHECK(strlen(message) < CN__ERROR_TEXT && strlen(message) > CN__ERROR_TEXT - 8);
    CHECK_INT(cn__utf8_valid(message, strlen(message)), strlen(message));
    CHECK_STR(message, "...");
    (void)cn__fail(c, "s.c:2", CN_E_VALUE, "again: %s", cn_error_message(c));   /* its own text as an argument */
    CHECK_STR(cn_error_message(c), "s.c:2: again: s.c:1: ");
    CHECK_INT(cn_close(c), 1);
}

TEST(names_are_counted)
{
    cn_ctx *c = cn_open();
    CHECK_INT(cn__unique(c, "dense"), 0);
    CHECK_INT(cn__unique(c, "dense"), 1);
    CHECK_INT(cn__unique(c, "dense_1"), 0);
    CHECK_INT(cn__unique(c, "dense"), 2);
    *cn__ctx_slot(c, CN__SLOT_NN) = c;
    CHECK(*cn__ctx_slot(c, CN__SLOT_NN) == c && !*cn__ctx_slot(c, CN__SLOT_MODEL));
    CHECK_INT(cn_close(c), 0);
}

/* ---- Log --------------------------------------------------------------------------------------------------------- */
static char heard[4096];
static void hear(cn_level level, const char *text, void *user)
{
    ++*(int *)user;
    snprintf(heard, sizeof heard, "%d %s", (int)level, text);
}

TEST(log_by_level)
{
    int calls = 0;
    char text[2000];
    cn_ctx *c = cn_open(.log = { hear, &calls }, .log_level = CN_LOG_WARNING), *silent = cn_open();
    cn__log(c, CN_LOG_WARNING, "%d rows", 3);
    CHECK_STR(heard, "2 3 rows");
    cn__log(c, CN_LOG_INFO, "not this");
    CHECK_INT(calls, 1);
    memset(text, 'x', sizeof text - 1), text[sizeof text - 1] = 0;
    cn__log(c, CN_LOG_ERROR, "%s", text);
    CHECK_INT(strlen(heard), 2 + sizeof text - 1);
    cn__log(silent, CN_LOG_ERROR, "nobody");
    CHECK(cn__log_silent(silent) && !cn__log_silent(c));
    CHECK_INT(cn_close(c) + cn_close(silent), 0);
}

/* ---- Without memory ---------------------------------------------------------------------------------------------- */
TEST(every_allocation_fails_once)
{
    for (long n = 1;; n++) {
        fail_alloc a = { .at = n };
        cn_ctx *c = cn_open(.allocator = FAIL_ALLOCATOR(&a), .threads = 2, .backend = "ref");
        thing *t = make(c, 1, NULL), *u = make(c, 2, t);
        cn__inherit(u, t);
        cn__obj *small = cn__new_small(c, CN__NODE, sizeof *small);
        cn__poison(t, NULL, CN_E_SHAPE, "no good");
        cn__inherit(small, t);
        if (c) {
            cn__text text = { .ctx = c };
            cn__text_add(&text, "%5000d", 1);
            CHECK(text.nomem ? !*cn__text_get(&text) : text.n == 5000);
            cn__text_free(&text);
            CHECK(cn__unique(c, "a") >= -1);
            CHECK(cn__bad(t) && cn__bad(small) && (a.failed || !cn__bad(u)));
            CHECK(cn_error(c) == CN_E_SHAPE || (a.failed && cn_error(c) == CN_E_NOMEM));
            free_thing(u);
        }
        CHECK_INT(cn_close(c), 1);
        CHECK_INT(a.blocks, 0);
        CHECK_INT(a.bytes, 0);
        if (!a.failed) break;
    }
}

TEST(memory_limit)
{
    cn_ctx *c = cn_open(.memory_limit = 100000, .threads = 1);
    int64_t before = cn_memory(c, false);
    void *some = cn__alloc(c, 50000);
    CHECK(some && (uintptr_t)some % 64 == 0);
    CHECK_INT(cn_memory(c, false), before + 50000);
    CHECK(!cn__alloc(c, 60000));
    CHECK_INT(cn__nomem(c), CN_E_LIMIT);
    CHECK_STR(cn_error_message(c), "60000 bytes more were asked for, ");
    CHECK_STR(cn_error_message(c), "at most 100000");
    thing *t = cn__new(c, CN__ARRAY, 60000, NULL);
    CHECK_INT(cn__status_of(t), CN_E_LIMIT);
    CHECK(!cn__alloc(c, SIZE_MAX));
    cn__free(c, some, 50000);
    CHECK_INT(cn_memory(c, false), before);
    CHECK(cn_memory(c, true) >= before + 50000);
    CHECK_INT(cn_close(c), 1);
}

static void *crooked_alloc(size_t size, void *user)
{
    ++*(int *)user;
    char *block = aligned_alloc(64, (size + 127) & ~(size_t)63);
    return block + (*(int *)user == 3 ? 8 : 0);
}
static void crooked_free(void *block, size_t size, void *user)
{
    (void)size, (void)user;
    free((void *)((uintptr_t)block & ~(uintptr_t)63));
}

TEST(misaligned_allocator)
{
    int calls = 0;
    cn_ctx *c = cn_open(.allocator = { crooked_alloc, crooked_free, &calls });
    CHECK(!cn__alloc(c, 8));
    CHECK_INT(cn__nomem(c), CN_E_USER);
    CHECK_STR(cn_error_message(c), "not aligned to 64");
    CHECK_INT(cn_close(c), 1);
}

CHECK_MAIN
