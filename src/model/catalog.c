/* catalog.c: what there is, from the same lists that everything else is made of: `cornu list`, `cornu info`. */
#include "base/cpu.h"
#include "exec/exec.h"
#include "model/model.h"
#include "cornu/report.h"
#include <stdio.h>

/* Strings in rows, collected, then made an array. */
typedef struct rows { cn_ctx *ctx; cn__arena mem; CN__VEC(const char *) cells; bool nomem; } rows;

static void add(rows *r, const char *cell)
{
    const char *copy = cn__arena_text(&r->mem, cell);
    if (!copy || !cn__push(r->ctx, &r->cells, copy)) r->nomem = true;
}

static void add_row(rows *r, const char *name, const char *option, const char *preset, const char *meaning)
{
    add(r, name), add(r, option), add(r, preset), add(r, meaning);
}

static cn_array *end_rows(rows *r, int64_t columns)
{
    cn_array *a = cn__array_blank(r->ctx);
    int64_t   dim[2] = { (int64_t)r->cells.n / columns, columns };
    if (!cn__bad(a)) {
        if (r->nomem) cn__poison(a, NULL, CN_E_NOMEM, "catalog: out of memory");
        else cn__array_strings(a, NULL, 2, dim, r->cells.at);
    }
    cn__vec_free(r->ctx, &r->cells);
    cn__arena_free(&r->mem);
    return a;
}

/* ---- Classes with options ---------------------------------------------------------------------------------------- */
static void add_class(rows *r, const cn__class *c)
{
    const char *name = c->family == CN__FAM_LAYER || strchr(c->name, '>') ? c->name : c->snake;
    add_row(r, name, "", c->aliases ? c->aliases : "", c->formula ? c->formula : "");
    for (int i = 0; i < c->options; i++) {
        const cn__option *o = &c->option[i];
        const char *preset = o->required                                                             ? "required"
                             : !o->preset || !strcmp(o->preset, "{0}") || !strcmp(o->preset, "NULL") ? "-"
                                                                                                     : o->preset;
        add_row(r, name, o->name, preset, o->help);
    }
}

static void add_family(rows *r, int family)
{
    for (int i = 0; cn__class_at((cn__family)family, i); i++) add_class(r, cn__class_at((cn__family)family, i));
}

static void add_ops(rows *r, int unused)
{
    (void)unused;
    for (int i = 0; i < CN__OPS; i++)
        if (cn__ops[i].name)
            add_row(r, cn__ops[i].name, "", cn__ops[i].decomp ? "composite" : "",
                    cn__ops[i].formula ? cn__ops[i].formula : "");
}

typedef struct option_row { const char *name, *preset, *help; bool required; } option_row;
#define CALLBACK_NEEDED(type, name, preset, help)  { #name, #preset, help, true },
#define CALLBACK_OPTION(type, name, preset, help)  { #name, #preset, help, false },

static void add_callbacks(rows *r, int unused)
{
    (void)unused;
#define CN_CALLBACK(class, snake, function, REQUIRED, FIELDS, formula)                                                 \
    {                                                                                                                  \
        static const option_row options[] = { REQUIRED(CALLBACK_NEEDED) FIELDS(CALLBACK_OPTION){ 0 } };                \
        add_row(r, #class, "", "", formula);                                                                           \
        for (const option_row *o = options; o->name; o++)                                                              \
            add_row(r, #class, o->name,                                                                                \
                    o->required                 ? "required"                                                           \
                    : strcmp(o->preset, "NULL") ? o->preset                                                            \
                                                : "-",                                                                 \
                    o->help);                                                                                          \
    }
#include "model/callbacks.def"
#undef CN_CALLBACK
}

static void add_backends(rows *r, int unused)
{
    (void)unused;
    for (int i = 0; cn__backend_at(i); i++) add_row(r, cn__backend_at(i)->name, "", "", "");
}

static const struct { const char *name; void (*add)(rows *, int); int family; } families[] = {
    { "layers", add_family, CN__FAM_LAYER },             { "activations", add_family, CN__FAM_ACT },
    { "losses", add_family, CN__FAM_LOSS },              { "metrics", add_family, CN__FAM_METRIC },
    { "optimizers", add_family, CN__FAM_OPTIMIZER },     { "schedules", add_family, CN__FAM_SCHEDULE },
    { "initializers", add_family, CN__FAM_INITIALIZER }, { "regularizers", add_family, CN__FAM_REGULARIZER },
    { "constraints", add_family, CN__FAM_CONSTRAINT },   { "callbacks", add_callbacks, 0 },
    { "ops", add_ops, 0 },                               { "backends", add_backends, 0 } };

static cn_array *count_families(cn_ctx *ctx)
{
    rows all = { .ctx = ctx, .mem = { .ctx = ctx } };
    char text[24];
    for (size_t i = 0; i < CN__COUNT(families); i++) {
        rows one = { .ctx = ctx, .mem = { .ctx = ctx } };
        int  n = 0;
        families[i].add(&one, families[i].family);
        for (size_t k = 1; k < one.cells.n; k += 4) n += !*one.cells.at[k];
        all.nomem |= one.nomem;
        cn__vec_free(ctx, &one.cells);
        cn__arena_free(&one.mem);
        snprintf(text, sizeof text, "%d", n);
        add_row(&all, families[i].name, "", text, "");
    }
    return end_rows(&all, 4);
}

cn_array *cn_catalog(cn_ctx *ctx, const char *family)
{
    if (!ctx || !family) return ctx ? count_families(ctx) : NULL;
    for (size_t i = 0; i < CN__COUNT(families); i++) {
        if (strcmp(families[i].name, family)) continue;
        rows r = { .ctx = ctx, .mem = { .ctx = ctx } };
        families[i].add(&r, families[i].family);
        return end_rows(&r, 4);
    }
    size_t near = 0, least = SIZE_MAX;
    for (size_t i = 0; i < CN__COUNT(families); i++) {
        size_t d = cn__edit_distance(families[i].name, family);
        if (d < least) least = d, near = i;
    }
    return cn__poison(cn__array_blank(ctx), NULL, CN_E_NAME, "catalog: there is no family \"%s\"; did you mean \"%s\"?",
                      family, families[near].name);
}

/* ---- The machine ------------------------------------------------------------------------------------------------- */
cn_array *cn_about(cn_ctx *ctx)
{
    if (!ctx) return NULL;
    static const char *const isas[] = { "", "portable C", "AVX2", "AVX-512" };
    const cn__cpu *cpu = cn__cpu_info();
    const struct { const char *name; bool there;
    } features[] = { { "avx2", cpu->avx2 },
                     { "fma", cpu->fma },
                     { "f16c", cpu->f16c },
                     { "avx512f", cpu->avx512f },
                     { "avx512bw", cpu->avx512bw },
                     { "avx512vl", cpu->avx512vl },
                     { "avx512dq", cpu->avx512dq },
                     { "avx512_bf16", cpu->avx512_bf16 },
                     { "avx512_vnni", cpu->avx512_vnni },
                     { "amx_bf16", cpu->amx_bf16 } };
    rows r = { .ctx = ctx, .mem = { .ctx = ctx } };
    cn__text list = { .ctx = ctx };
    add(&r, "version"), add(&r, cn__arena_printf(&r.mem, "%d.%d.%d", cn_version() / 1000000, cn_version() / 1000 % 1000,
                                                 cn_version() % 1000));
    add(&r, "processor"), add(&r, cpu->name);
    for (size_t i = 0; i < CN__COUNT(features); i++)
        if (features[i].there) cn__text_add(&list, "%s%s", list.n ? " " : "", features[i].name);
    add(&r, "features"), add(&r, list.n ? cn__text_get(&list) : "none of those that Cornu has code for");
    add(&r, "vector code"), add(&r, isas[cpu->isa]);
    add(&r, "caches"), add(&r, cn__arena_printf(&r.mem, "%zu KiB L1, %zu KiB L2, %zu KiB L3", cpu->l1d >> 10,
                                                cpu->l2 >> 10, cpu->l3 >> 10));
    add(&r, "threads"), add(&r, cn__arena_printf(&r.mem, "%d of %d processors", cn__threads(ctx), cpu->processors));
    add(&r, "memory"), add(&r, cn__arena_printf(&r.mem, "%zu MiB, %zu MiB at most for Cornu",
                                                cn__machine_memory() >> 20, cn__memory_limit(ctx) >> 20));
    cn__text_clear(&list);
    for (int i = 0; cn__backend_at(i); i++) cn__text_add(&list, "%s%s", i ? " " : "", cn__backend_at(i)->name);
    add(&r, "backends"), add(&r, cn__text_get(&list));
    r.nomem |= list.nomem;
    cn__text_free(&list);
    return end_rows(&r, 2);
}
