/* golden.h: reads the cases that tests/golden/make.py wrote, makes a class with a case's options, and evaluates small
   graphs of it by the reference kernels. */
#ifndef GOLDEN_H
#define GOLDEN_H
#include "cornu.h"
#include "nn/layer.h"
#include "nn/options.h"
#include "../ops/eval.h"
#include <stdint.h>

typedef struct golden_array {
    char name[16];
    int rank;
    int64_t dim[CN_MAX_RANK], n;
    double *at;
    char **text;
} golden_array;
typedef struct golden_case {
    char family[24], class[48], options[400];
    golden_array array[40];
    int arrays;
} golden_case;

static inline char *golden_word(char **at)
{
    char *word = *at + strspn(*at, " \n");
    size_t n = strcspn(word, " \n");
    *at = word + n + (word[n] != 0);
    word[n] = 0;
    return word;
}

static inline void golden_read_array(golden_case *c, char *line)
{
    golden_array *a = &c->array[c->arrays++];
    snprintf(a->name, sizeof a->name, "%s", golden_word(&line));
    bool text = !strcmp(golden_word(&line), "text");
    a->rank = atoi(golden_word(&line)), a->n = 1;
    for (int i = 0; i < a->rank; i++) a->n *= a->dim[i] = atoll(golden_word(&line));
    golden_word(&line);
    a->at = text ? NULL : malloc(((size_t)a->n + 1) * sizeof *a->at);
    a->text = text ? malloc(((size_t)a->n + 1) * sizeof *a->text) : NULL;
    for (int64_t i = 0; i < a->n; i++) {
        char *word = golden_word(&line);
        if (text) a->text[i] = strdup(word); else a->at[i] = strtod(word, NULL);
    }
}

static inline void golden_free(golden_case *c)
{
    for (int i = 0; i < c->arrays; i++) {
        for (int64_t k = 0; c->array[i].text && k < c->array[i].n; k++) free(c->array[i].text[k]);
        free(c->array[i].at), free(c->array[i].text);
    }
    memset(c, 0, sizeof *c);
}

/* Calls f for each case of a family in a file; f may be NULL. Gives how many there were. */
static inline int golden_each(const char *file, const char *family, void (*f)(const golden_case *))
{
    static char line[1 << 20];
    static golden_case c;
    char path[600], where[480];
    int n = 0;
    snprintf(path, sizeof path, "%s/tests/golden/%s.golden", CN_SOURCE_DIR, file);
    FILE *in = fopen(path, "r");
    if (!in) return CHECK_FAIL("cannot open %s", path), 0;
    while (fgets(line, sizeof line, in)) {
        char *at = line;
        if (*line == '#') continue;
        if (!strncmp(line, "case ", 5)) {
            golden_word(&at);
            snprintf(c.family, sizeof c.family, "%s", golden_word(&at));
            snprintf(c.class, sizeof c.class, "%s", golden_word(&at));
            snprintf(c.options, sizeof c.options, "%.*s", (int)strcspn(at, "\n"), at);
        } else if (!strncmp(line, "end", 3)) {
            if (!strcmp(c.family, family)) {
                int before = check_bad;
                n++;
                if (f) f(&c);
                snprintf(where, sizeof where, "%s %s", c.class, c.options);
                if (check_bad > before) printf("    in %s: %s\n", family, where);
            }
            golden_free(&c);
        } else {
            golden_read_array(&c, line);
        }
    }
    fclose(in);
    return n;
}

static inline const golden_array *golden_find(const golden_case *c, const char *name)
{
    for (int i = 0; i < c->arrays; i++)
        if (!strcmp(c->array[i].name, name)) return &c->array[i];
    return NULL;
}

static inline const golden_array *golden_numbered(const golden_case *c, const char *name, int i)
{
    char full[24];
    snprintf(full, sizeof full, "%s%d", name, i);
    return golden_find(c, full);
}

/* |got - wanted| within tolerance of the larger of 1 and |wanted|, everywhere; infinities and NaN must be the same. */
static inline void golden_near(const char *what, const double *got, const golden_array *wanted, double tolerance)
{
    for (int64_t i = 0; wanted && i < wanted->n; i++) {
        double w = wanted->at[i], d = fabs(got[i] - w);
        if (d <= tolerance * fmax(1, fabs(w)) || got[i] == w || (isnan(got[i]) && isnan(w))) continue;
        CHECK_FAIL("%s[%lld] is %.9g, not %.9g", what, (long long)i, got[i], w);
        return;
    }
    CHECK(wanted != NULL);
}

/* ---- Options: "rate=0.4 axis=[1,2] mode=fan_in" into an args struct ---------------------------------------------- */
static inline int golden_list(const char *text, double *out, int most)
{
    int n = 0;
    for (const char *p = *text == '[' ? text + 1 : text; *p && *p != ']' && n < most; p += *p == ',') {
        char *end;
        out[n++] = strtod(p, &end);
        p = end;
    }
    return n;
}

typedef struct golden_args {                             /* the struct itself, and what it points to */
    _Alignas(16) char at[1024];
    cn_values values[4];
    double number[4][16];
    char text[8][64];
    int values_used, texts;
} golden_args;

static inline void golden_set(golden_args *a, const cn__option *o, const char *text)
{
    double list[16];
    char *at = a->at + o->offset, *copy = strncpy(a->text[a->texts++], text, 63);
    int n = golden_list(text, list, 16);
    switch (o->type) {
    case CN__O_double:  { double v = list[0] == 0 ? CN_ZERO : list[0]; memcpy(at, &v, sizeof v); break; }
    case CN__O_int64_t: { int64_t v = list[0] == 0 ? CN_AXIS0 : (int64_t)list[0]; memcpy(at, &v, sizeof v); break; }
    case CN__O_cn_flag: { cn_flag v = !strcmp(text, "yes") ? CN_YES : CN_NO; memcpy(at, &v, sizeof v); break; }
    case CN__O_cn_word: {
        static const char *const words[CN_WORD_COUNT] = {
#define WORD(name, word) [CN_##name] = word,
            CN_WORD_MAP(WORD)
#undef WORD
        };
        for (int w = 1; w < CN_WORD_COUNT; w++)
            if (!strcmp(words[w], text)) memcpy(at, &(cn_word){ (cn_word)w }, sizeof(cn_word));
        break;
    }
    case CN__O_cn_text: case CN__O_choice: memcpy(at, &copy, sizeof copy); break;
    case CN__O_cn_dims: case CN__O_cn_size2:
        for (int i = 0; i < n; i++) {
            int64_t v = list[i] == 0 ? CN_AXIS0 : (int64_t)list[i];
            memcpy(at + (size_t)i * sizeof v, &v, sizeof v);
        }
        break;
    case CN__O_values: {
        const cn_values *v = &a->values[a->values_used];
        memcpy(a->number[a->values_used], list, sizeof list);
        a->values[a->values_used] = (cn_values){ CN_FLOAT64, (size_t)n, a->number[a->values_used] };
        a->values_used++;
        memcpy(at, &v, sizeof v);
        break;
    }
    default: CHECK_FAIL("option %s has a type that tests do not know", o->name);
    }
}

/* The case's options as a choice: class's name or its args. Words of `skip` are the test's own. */
static inline const char *golden_choice(const golden_case *c, const cn__class *class, const char *skip, golden_args *a)
{
    char words[400], *at = words;
    memset(a, 0, sizeof *a);
    if (!class) return CHECK_FAIL("there is no class %s", c->class), NULL;
    if (!class->size) return class->name;
    cn_head head = { .version = { CN_VERSION_MAJOR }, .size = (uint32_t)class->size };
    memcpy(a->at, &head, sizeof head);
    cn__choose((cn_head *)(void *)a->at, class->name);
    if (!*c->options) { /* required options keep their presets when a class is called by its name */
        bool required = class->options && class->option[0].required;
        if (required && class->family != CN__FAM_LAYER) return class->name;
    }
    snprintf(words, sizeof words, "%s", c->options);
    while (*at) {
        char *word = golden_word(&at), *equals = strchr(word, '=');
        if (!equals) break;
        *equals = 0;
        if (skip && strstr(skip, word)) continue;
        const cn__option *o = cn__option_find(class, word);
        if (!o) CHECK_FAIL("%s has no option %s", class->name, word);
        else golden_set(a, o, equals + 1);
    }
    return a->at;
}

/* ---- Graphs ------------------------------------------------------------------------------------------------------ */
static inline cn__val golden_value(cn_graph *g, const golden_array *a, cn_dtype dtype)
{
    return a ? eval_const(g, dtype, a->rank, a->dim, a->at) : 0;
}

/* As a graph input of the case's shape, for gradients; its numbers go to *data (free it). */
static inline cn__val golden_input(cn_graph *g, const golden_array *a, void **data)
{
    cn__type t = { .dtype = CN_FLOAT32, .rank = (uint8_t)a->rank };
    for (int i = 0; i < a->rank; i++) t.dim[i] = a->dim[i];
    float *at = malloc(((size_t)a->n + 1) * sizeof *at);
    for (int64_t i = 0; i < a->n; i++) at[i] = (float)a->at[i];
    *data = at;
    return cn__input(g, &t, a->name);
}

/* Checks that root k of what was evaluated is the array. */
static inline void golden_root(const char *what, const eval *e, size_t k, const golden_array *wanted, double tolerance)
{
    if (!wanted) { CHECK_FAIL("%s: nothing to compare with", what); return; }
    if (!e->g || k >= e->g->roots.n) { CHECK_FAIL("%s: there is no result", what); return; }
    const cn__type *t = eval_type(e, k);
    if (cn__type_count(t) != wanted->n) {
        CHECK_FAIL("%s has %lld numbers, not %lld", what, (long long)cn__type_count(t), (long long)wanted->n);
        return;
    }
    double *got = malloc(((size_t)wanted->n + 1) * sizeof *got);
    for (int64_t i = 0; i < wanted->n; i++) got[i] = eval_at(e, k, (size_t)i);
    golden_near(what, got, wanted, tolerance);
    free(got);
}

static inline void golden_roots(cn_graph *g, int n, const cn__val *v)
{
    for (int i = 0; i < n; i++) cn__root(g, v[i]);
    if (!cn__graph_ok(g)) CHECK_FAIL("graph: %s", g->error.text);
}
#endif
