/* explain.c: costs as people and programs read them: a table, JSON, a chart; and cn_explain. */
#include "model/costs.h"
#include "report/svg.h"
#include <stdio.h>

static const char *const modes[] = { [CN__TRAIN] = "training step", [CN__PREDICT] = "prediction" };

/* ---- The table --------------------------------------------------------------------------------------------------- */
typedef struct widths { int layer, kernel, result; } widths;
enum { WIDEST = 40, BAR = 30 };

static int wider(int width, const char *text) { return CN__MIN(CN__MAX(width, (int)strlen(text)), WIDEST); }

/* The calls of a model's variables have no layer. */
static const char *layer_of(const cn__cost *c) { return *c->layer ? c->layer : "(variables)"; }

/* The reference kernels go by what they do. */
static const char *kernel_of(const cn__cost *c, char text[CN__LABEL])
{
    if (strcmp(c->kernel, "reference")) return c->kernel;
    snprintf(text, CN__LABEL, "reference: %.40s", c->op);
    return text;
}

static widths measure(const cn__costs *c)
{
    char   kernel[CN__LABEL];
    widths w = { 16, 6, 6 };
    for (size_t k = 0; k < c->n; k++) {
        w.layer = wider(w.layer, layer_of(&c->at[k]));
        w.kernel = wider(w.kernel, kernel_of(&c->at[k], kernel));
        w.result = wider(w.result, c->at[k].result);
    }
    return w;
}

static void line(cn__text *t, int width)
{
    while (width-- > 0) cn__text_add(t, "-");
    cn__text_add(t, "\n");
}

/* A number in so many columns; what is not known, or none, is a point. */
static void number(cn__text *t, int width, int decimals, double v, const char *unit)
{
    if (v > 0) cn__text_add(t, " %*.*f%s", width, decimals, v, unit);
    else cn__text_add(t, " %*s%s", width, ".", *unit ? "  " : "");
}

static double share(double part, double whole) { return whole > 0 ? 100 * part / whole : 0; }

static double step_of(const cn__costs *c) { return c->all.seconds + c->between; }

/* A network of few units does a step in less than a microsecond. */
typedef struct unit { const char *name; double times; int decimals; } unit;
static unit unit_of(const cn__costs *c)
{
    double step = c->steps ? step_of(c) : c->all.best;
    return step < 50e-6 ? (unit){ "ns", 1e9, 1 } : (unit){ "us", 1e6, 2 };
}

static void timed_numbers(cn__text *t, const cn__cost *c, double step, unit u)
{
    double busy = c->seconds > 0 ? 1e-9 / c->seconds : 0;
    number(t, 10, u.decimals, c->seconds * u.times, "");
    number(t, 5, 1, share(c->seconds, step), " %");
    number(t, 8, 1, c->operations * busy, "");
    number(t, 7, 1, c->bytes * busy, "");
    number(t, 6, 1, share(c->best, c->seconds), " %");
    cn__text_add(t, "\n");
}

/* What holds a call back at best: arithmetic, or memory. */
static const char *bound(const cn__limits *l, const cn__cost *c)
{
    if (c->best <= 0) return "";
    return cn__limits_compute(l, c->operations, c->bf16) >= cn__limits_move(l, c->bytes) ? "arithmetic" : "memory";
}

static void untimed_numbers(cn__text *t, const cn__cost *c, const char *by, unit u)
{
    number(t, 10, 3, c->operations * 1e-6, "");
    number(t, 10, 1, c->bytes / 1024, "");
    number(t, 10, u.decimals, c->best * u.times, "");
    cn__text_add(t, *by ? "  %s\n" : "\n", by);
}

static void print_size(cn__text *t, size_t bytes)
{
    if (bytes == SIZE_MAX) cn__text_add(t, "beyond");
    else if (bytes < 1 << 20) cn__text_add(t, "up to %zu KiB", bytes >> 10);
    else cn__text_add(t, "up to %.4g MiB", (double)bytes / (1 << 20));
}

static void print_head(cn__text *t, const cn__costs *c)
{
    const cn__limits *l = &c->limits;
    cn__text_add(t, "A %s of \"%s\": batch %lld, backend %s, %d thread%s, %u calls, %.1f KiB between them\n",
                 modes[c->program->sig.mode], c->m->layer->name, (long long)c->program->sig.batch,
                 c->program->plan->backend->name, l->threads, l->threads > 1 ? "s" : "", c->all.calls,
                 (double)c->program->plan->arena / 1024);
    if (!l->levels) return;
    cn__text_add(t, "At best, measured now: %.0f GFLOP/s (bfloat16 %.0f)", l->operations * 1e-9,
                 l->operations_bf16 * 1e-9);
    for (int i = 0; i < l->levels; i++) {
        cn__text_add(t, "%s %.0f GB/s ", i ? "," : ";", l->level[i].bytes * 1e-9);
        print_size(t, l->level[i].most);
    }
    cn__text_add(t, "\n");
}

static void print_sums(cn__text *t, const cn__costs *c, int left, unit u)
{
    cn__cost step = c->all;
    if (!c->steps) {
        cn__text_add(t, "%-*s", left, "all");
        untimed_numbers(t, &c->all, "", u);
        return;
    }
    step.seconds = step_of(c);
    cn__text_add(t, "%-*s", left, "between the calls");
    number(t, 10, u.decimals, c->between * u.times, "");
    number(t, 5, 1, share(c->between, step.seconds), " %");
    cn__text_add(t, "\n%-*s", left, "a step");
    timed_numbers(t, &step, step.seconds, u);
}

static void print_nodes(cn__text *t, const cn__costs *c, widths w)
{
    const char *timed = "share   GFLOP/s    GB/s of limit", *untimed = "     MFLOP        KiB at best";
    unit u = unit_of(c);
    int  left = w.layer + w.kernel + w.result + 10, all = left + 11 + (int)strlen(c->steps ? timed : untimed);
    cn__text_add(t, "\n%-*s  %-*s  %-*s tasks", w.layer, "layer", w.kernel, "kernel", w.result, "result");
    if (c->steps) cn__text_add(t, "         %s   %s\n", u.name, timed);
    else cn__text_add(t, " %s %s  by\n", untimed, u.name);
    line(t, all);
    for (size_t k = 0; k < c->n; k++) {
        const cn__cost *at = &c->at[k];
        char kernel[CN__LABEL];
        cn__text_add(t, "%-*.*s  %-*.*s  %-*.*s %5u", w.layer, w.layer, layer_of(at), w.kernel, w.kernel,
                     kernel_of(at, kernel), w.result, w.result, at->result, at->tasks);
        if (c->steps) timed_numbers(t, at, step_of(c), u);
        else untimed_numbers(t, at, bound(&c->limits, at), u);
    }
    line(t, all);
    print_sums(t, c, left, u);
}

static void print_layers(cn__text *t, const cn__costs *c, widths w)
{
    double most = 0;
    unit   u = unit_of(c);
    for (size_t k = 0; k < c->layers; k++) most = CN__MAX(most, c->layer[k].seconds);
    cn__text_add(t, "\n%-*s          %s   share of limit\n", w.layer, "by layer", u.name);
    for (size_t k = 0; k < c->layers; k++) {
        const cn__cost *l = &c->layer[k];
        cn__text_add(t, "%-*.*s ", w.layer, w.layer, layer_of(l));
        number(t, 10, u.decimals, l->seconds * u.times, "");
        number(t, 5, 1, share(l->seconds, step_of(c)), " %");
        number(t, 6, 1, share(l->best, l->seconds), " %  ");
        for (int i = 0; i < (int)(BAR * l->seconds / most + 0.5); i++) cn__text_add(t, "\xe2\x96\x88");
        cn__text_add(t, "\n");
    }
}

/* Lines of text[0 .. end), each once, with how often it is there. */
static void print_distinct(cn__text *t, const char *text)
{
    for (const char *at = text, *next; *at; at = next) {
        size_t n = strcspn(at, "\n");
        int    times = 0;
        bool   told = false;
        next = at + n + (at[n] != 0);
        for (const char *p = text; *p; p += strcspn(p, "\n"), p += *p != 0)
            if (strcspn(p, "\n") == n && !strncmp(p, at, n)) times++, told = told || p < at;
        if (told) continue;
        cn__text_add(t, "  %.*s", (int)n, at);
        cn__text_add(t, times > 1 ? ", %d times\n" : "\n", times);
    }
}

static void print_notes(cn__text *t, const cn__costs *c)
{
    const char *declined = c->program->plan->declined;
    cn__text details = { .ctx = t->ctx };
    if (c->idle.n) cn__text_add(t, "\nwithout calls of their own, done within others or not at all:");
    for (size_t k = 0; k < c->idle.n; k++) cn__text_add(t, "%s %s", k ? "," : "", c->idle.at[k]);
    if (c->idle.n) cn__text_add(t, "\n");
    for (size_t k = 0; k < c->n; k++)
        if (c->at[k].detail)
            cn__text_add(&details, "%s [%s] by %s: %s\n", c->at[k].op, layer_of(&c->at[k]), c->at[k].kernel,
                         c->at[k].detail);
    if (details.n) cn__text_add(t, "\nabout kernels:\n"), print_distinct(t, cn__text_get(&details));
    t->nomem |= details.nomem;
    cn__text_free(&details);
    if (!declined || !*declined) return;
    cn__text_add(t, "\nexpanded into simpler parts, and why:\n");
    print_distinct(t, declined);
}

static void print_table(cn__text *t, const cn__costs *c)
{
    widths w = measure(c);
    print_head(t, c);
    print_nodes(t, c, w);
    if (c->steps) {
        print_layers(t, c, w);
        cn__text_add(t, "\nMeans over the faster half of %llu steps, less what the clock takes.\n",
                     (unsigned long long)c->steps);
    }
    print_notes(t, c);
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */
static void json_text(cn__text *t, const char *name, const char *s, size_t n)
{
    cn__text_add(t, *name ? "\"%s\": \"" : "%s\"", name);
    for (const char *end = s + n; s < end; s++) {
        unsigned char byte = (unsigned char)*s;
        if (byte == '"' || byte == '\\') cn__text_add(t, "\\%c", byte);
        else if (byte < ' ') cn__text_add(t, "\\u%04x", byte);
        else cn__text_bytes(t, s, 1);
    }
    cn__text_add(t, "\"");
}

static void json_number(cn__text *t, const char *name, double v)
{
    char digits[32];
    cn__text_add(t, ", \"%s\": %s", name, v > 0 ? cn__repr(v, digits) : "0");
}

static void json_cost(cn__text *t, const cn__costs *of, const cn__cost *c)
{
    json_number(t, "operations", c->operations);
    json_number(t, "bytes", c->bytes);
    if (of->limits.levels) json_number(t, "best", c->best);
    if (of->steps) json_number(t, "seconds", c->seconds);
}

static void json_limits(cn__text *t, const cn__limits *l)
{
    if (!l->levels) return;
    cn__text_add(t, ", \"limits\": {\"threads\": %d", l->threads);
    json_number(t, "float32", l->operations);
    json_number(t, "bfloat16", l->operations_bf16);
    cn__text_add(t, ", \"memory\": [");
    for (int i = 0; i < l->levels; i++) {
        char digits[32];
        cn__text_add(t, "%s{\"bytes_per_second\": %s", i ? ", " : "", cn__repr(l->level[i].bytes, digits));
        if (l->level[i].most != SIZE_MAX) cn__text_add(t, ", \"up_to\": %zu", l->level[i].most);
        cn__text_add(t, "}");
    }
    cn__text_add(t, "]}");
}

static void json_nodes(cn__text *t, const cn__costs *c)
{
    for (size_t k = 0; k < c->n; k++) {
        const cn__cost *at = &c->at[k];
        const struct { const char *name, *text; } texts[] = {
            { "layer", at->layer },   { "op", at->op },         { "kernel", at->kernel },
            { "result", at->result }, { "detail", at->detail },
        };
        cn__text_add(t, k ? ",\n  {" : "\n  {");
        for (size_t i = 0; i < CN__COUNT(texts); i++) {
            if (!texts[i].text) continue;
            if (i) cn__text_add(t, ", ");
            json_text(t, texts[i].name, texts[i].text, strlen(texts[i].text));
        }
        cn__text_add(t, ", \"calls\": %u, \"tasks\": %u", at->calls, at->tasks);
        json_cost(t, c, at);
        cn__text_add(t, "}");
    }
}

static void print_json(cn__text *t, const cn__costs *c)
{
    const cn__program *p = c->program;
    const char *line_at = p->plan->declined ? p->plan->declined : "", *between = "";
    cn__text_add(t, "{");
    json_text(t, "model", c->m->layer->name, strlen(c->m->layer->name));
    cn__text_add(t, ", \"mode\": \"%s\", \"batch\": %lld, \"backend\": \"%s\", \"between_bytes\": %zu",
                 p->sig.mode == CN__TRAIN ? "training" : "prediction", (long long)p->sig.batch, p->plan->backend->name,
                 p->plan->arena);
    json_limits(t, &c->limits);
    json_cost(t, c, &c->all);
    if (c->steps) {
        cn__text_add(t, ", \"steps\": %llu", (unsigned long long)c->steps);
        json_number(t, "between", c->between);
        json_number(t, "step", step_of(c));
    }
    cn__text_add(t, ",\n \"nodes\": [");
    json_nodes(t, c);
    cn__text_add(t, "],\n \"layers\": [");
    for (size_t k = 0; k < c->layers; k++) {
        cn__text_add(t, k ? ",\n  {" : "\n  {");
        json_text(t, "layer", c->layer[k].layer, strlen(c->layer[k].layer));
        json_cost(t, c, &c->layer[k]);
        cn__text_add(t, "}");
    }
    cn__text_add(t, "],\n \"idle\": [");
    for (size_t k = 0; k < c->idle.n; k++)
        cn__text_add(t, k ? ", " : ""), json_text(t, "", c->idle.at[k], strlen(c->idle.at[k]));
    cn__text_add(t, "],\n \"expanded\": [");
    for (size_t n; (n = strcspn(line_at, "\n")); line_at += n + (line_at[n] != 0), between = ", ")
        cn__text_add(t, "%s", between), json_text(t, "", line_at, n);
    cn__text_add(t, "]}\n");
}

/* ---- What becomes of it ------------------------------------------------------------------------------------------ */
cn_array *cn__costs_told(const cn__costs *c, const char *site)
{
    cn_ctx   *ctx = c->m->obj.ctx;
    cn__text  table = { .ctx = ctx }, json = { .ctx = ctx };
    cn_array *a = cn__array_blank(ctx);
    int64_t   two[1] = { 2 };
    print_table(&table, c);
    print_json(&json, c);
    const char *texts[2] = { cn__text_get(&table), cn__text_get(&json) };
    if (table.nomem || json.nomem) cn__poison(a, site, CN_E_NOMEM, "out of memory for a table");
    else cn__array_strings(a, site, 1, two, texts);
    cn__text_free(&table);
    cn__text_free(&json);
    return a;
}

static cn__span span_of(const cn__costs *c, const cn__cost *at, char number[CN__LABEL], const char *label)
{
    unit u = unit_of(c);
    snprintf(number, CN__LABEL, "%.1f %s, %.1f %%", at->seconds * u.times, u.name, share(at->seconds, step_of(c)));
    return (cn__span){ label, number, at->seconds, CN__MIN(at->best, at->seconds) };
}

cn_array *cn__costs_chart(const cn__costs *c, const char *site)
{
    cn_ctx *ctx = c->m->obj.ctx;
    size_t  n = c->n + c->layers + 1, bytes = n * (sizeof(cn__span) + 2 * CN__LABEL);
    char    title[256], kernel[CN__LABEL];
    cn__span *span = cn__alloc0(ctx, bytes);
    if (!span) return cn__nomem(ctx), cn__poison_recorded(cn__array_blank(ctx));
    char (*text)[CN__LABEL] = (char (*)[CN__LABEL])(void *)(span + n), (*label)[CN__LABEL] = text + n;
    for (size_t k = 0; k < c->layers; k++) span[k] = span_of(c, &c->layer[k], text[k], layer_of(&c->layer[k]));
    cn__cost between = { .seconds = c->between };
    span[c->layers] = span_of(c, &between, text[c->layers], "between the calls");
    for (size_t k = 0; k < c->n; k++) {
        size_t i = c->layers + 1 + k;
        snprintf(label[i], CN__LABEL, "%.28s: %.32s", layer_of(&c->at[k]), kernel_of(&c->at[k], kernel));
        span[i] = span_of(c, &c->at[k], text[i], label[i]);
    }
    unit u = unit_of(c);
    snprintf(title, sizeof title, "A %s of %.100s: %.1f %s, batch %lld, %d thread%s", modes[c->program->sig.mode],
             c->m->layer->name, step_of(c) * u.times, u.name, (long long)c->program->sig.batch, c->limits.threads,
             c->limits.threads > 1 ? "s" : "");
    const cn__spans groups[] = { { "by layer", span, c->layers + 1 }, { "by call", span + c->layers + 1, c->n } };
    cn_array *chart = cn__chart_spans(ctx, site, title, "took", "at best", groups, 2);
    cn__free(ctx, span, bytes);
    return chart;
}
