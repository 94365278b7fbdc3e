/* util.c: memory, text and random numbers of the command. */
#include "cli.h"
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* All memory of the command is on one list: what is not dropped earlier stays until the program ends; it is no leak. */
typedef union block { struct { union block *before, *after; } at; max_align_t align; } block;
static block all = { { &all, &all } };

void *need(size_t count, size_t size)
{
    size_t bytes;
    bool   too_large = __builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX / 2;
    block *b = too_large ? NULL : calloc(1, sizeof *b + bytes);
    if (!b) {
        fprintf(stderr, "cornu: out of memory\n");
        exit(EXIT_FAILED);
    }
    b->at.before = &all, b->at.after = all.at.after;
    all.at.after->at.before = b, all.at.after = b;
    return b + 1;
}

void drop(void *memory)
{
    if (!memory) return;
    block *b = (block *)memory - 1;
    b->at.before->at.after = b->at.after, b->at.after->at.before = b->at.before;
    free(b);
}

static char *print_args(const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int   n = vsnprintf(NULL, 0, format, args);
    char *text = need((size_t)n + 1, 1);
    vsnprintf(text, (size_t)n + 1, format, again);
    va_end(again);
    return text;
}

char *print_to(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = print_args(format, args);
    va_end(args);
    return text;
}

void add_line(lines *l, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char  *text = print_args(format, args);
    size_t n = strlen(text);
    va_end(args);
    if (l->n + n + 2 > l->cap) {
        char *larger = need(2 * (l->n + n + 2), 1);
        if (l->n) memcpy(larger, l->text, l->n);
        drop(l->text);
        l->text = larger, l->cap = 2 * (l->n + n + 2);
    }
    memcpy(l->text + l->n, text, n);
    l->n += n;
    l->text[l->n++] = '\n';
    l->text[l->n] = 0;
    drop(text);
}

uint64_t random_below(uint64_t *state, uint64_t n)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;          /* splitmix64: Steele, Lea and Flood 2014 */
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z ^ (z >> 31)) % n;
}

const char *with_commas(int64_t v)
{
    char digits[32];
    int  n = snprintf(digits, sizeof digits, "%lld", (long long)v), k = 0;
    char *text = need(48, 1);
    for (int i = 0; i < n; i++) {
        if (i && digits[i - 1] != '-' && (n - i) % 3 == 0 && n - (v < 0) > 4) text[k++] = ',';
        text[k++] = digits[i];
    }
    return text;
}

const char *seconds_text(double seconds) { return print_to(seconds < 1 ? "%.2f" : "%.1f", seconds); }

const char *number_text(double v)
{
    char text[40];
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, v);
        if (strtod(text, NULL) == v) break;
    }
    return print_to("%s", text);
}

void print_json_number(FILE *to, double v) { fputs(isfinite(v) ? number_text(v) : "null", to); }

/* ---- Names ------------------------------------------------------------------------------------------------------- */
enum { LONGEST_NAME = 32 };

/* How many letters are to be put in, taken out, changed or swapped with their neighbours (Damerau 1964). */
static size_t edits(const char *a, const char *b)
{
    size_t n = strlen(a), k = strlen(b), row[3][LONGEST_NAME + 1];
    if (n > LONGEST_NAME || k > LONGEST_NAME) return SIZE_MAX;
    for (size_t j = 0; j <= k; j++) row[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t *now = row[i % 3], *last = row[(i + 2) % 3], *before = row[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= k; j++) {
            size_t changed = last[j - 1] + (a[i - 1] != b[j - 1]);
            size_t shifted = last[j] < now[j - 1] ? last[j] + 1 : now[j - 1] + 1;
            now[j] = changed < shifted ? changed : shifted;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < now[j])
                now[j] = before[j - 2] + 1;
        }
    }
    return row[n % 3][k];
}

const char *nearest(const char *word, const char *const *names, int n)
{
    const char *best = NULL;
    size_t least = strlen(word) / 3 + 2;                 /* more than that is another word */
    for (int i = 0; i < n; i++) {
        size_t d = edits(word, names[i]);
        if (d < least) least = d, best = names[i];
    }
    return best;
}

bool exists(const char *path)
{
    struct stat s;
    return !stat(path, &s);
}

bool ends(const char *text, const char *ending)
{
    size_t n = strlen(text), k = strlen(ending);
    return n >= k && !strcmp(text + n - k, ending);
}
