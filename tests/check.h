/* check.h: the tests' harness, whole. A test program is a file of TEST(name) { ... } and one CHECK_MAIN; tests register
   themselves. `program` runs all, `program PART` those whose names contain PART. It closes with "N passed, N failed";
   exit 1 when one failed, 77 when all that ran were skipped. */
#ifndef CHECK_H
#define CHECK_H
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct check_test { const char *name; void (*run)(void); struct check_test *next; } check_test;
static check_test *check_first, **check_last = &check_first;
static int  check_bad;                                   /* failed checks of the running test */
static bool check_skipped;

#define TEST(name)                                                                                        \
    static void test_##name(void);                                                                        \
    static check_test check_##name = { #name, test_##name, NULL };                                        \
    __attribute__((constructor)) static void check_add_##name(void)                                       \
    {                                                                                                     \
        *check_last = &check_##name;                                                                      \
        check_last = &check_##name.next;                                                                  \
    }                                                                                                     \
    static void test_##name(void)

#define CHECK_FAIL(...) (check_bad++, printf("%s:%d: ", __FILE__, __LINE__), printf(__VA_ARGS__), (void)putchar('\n'))
#define CHECK(condition) ((condition) ? (void)0 : CHECK_FAIL("failed: %s", #condition))
#define CHECK_INT(got, wanted)                                                                            \
    do {                                                                                                  \
        long long g_ = (long long)(got), w_ = (long long)(wanted);                                        \
        if (g_ != w_) CHECK_FAIL("%s is %lld, not %lld", #got, g_, w_);                                   \
    } while (0)
#define CHECK_NEAR(got, wanted, tolerance)                                                                \
    do {                                                                                                  \
        double g_ = (got), w_ = (wanted), t_ = (tolerance);                                               \
        if (!(fabs(g_ - w_) <= t_)) CHECK_FAIL("%s is %.9g, not %.9g (within %g)", #got, g_, w_, t_);     \
    } while (0)
#define CHECK_STR(got, part)                             /* part occurs in got */                         \
    do {                                                                                                  \
        const char *g_ = (got), *p_ = (part);                                                             \
        if (!g_ || !strstr(g_, p_)) CHECK_FAIL("\"%s\" does not contain \"%s\"", g_ ? g_ : "(null)", p_); \
    } while (0)
#define SKIP(...)                                                                                         \
    do {                                                                                                  \
        check_skipped = true;                                                                             \
        printf("skipped: "), printf(__VA_ARGS__), (void)putchar('\n');                                    \
        return;                                                                                           \
    } while (0)

static int check_main(int argc, char **argv)
{
    int passed = 0, failed = 0, skipped = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (check_test *t = check_first; t; t = t->next) {
        if (argc > 1 && !strstr(t->name, argv[1])) continue;
        check_bad = 0, check_skipped = false;
        t->run();
        if (check_bad) failed++, printf("FAILED %s\n", t->name);
        else if (check_skipped) skipped++, printf("skip   %s\n", t->name);
        else passed++, printf("ok     %s\n", t->name);
    }
    printf("%d passed, %d failed", passed, failed);
    if (skipped) printf(", %d skipped", skipped);
    putchar('\n');
    return failed ? 1 : !passed && skipped ? 77 : 0;
}
#define CHECK_MAIN int main(int argc, char **argv) { return check_main(argc, argv); }
#endif
