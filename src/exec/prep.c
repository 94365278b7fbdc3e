/* prep.c: what a backend's prepare() writes to: calls, their argument blocks, and relocations in place of addresses. */
#include "exec/plan.h"
#include <stdio.h>

enum { BLOCK = 64 };

bool cn__prep_nomem(cn__prep *p)
{
    if (!p->status) p->status = cn__nomem(p->plan->ctx);
    return false;
}

cn_status cn__prep_fail(cn__prep *p, cn_status status, const char *format, ...)
{
    char    text[CN__ERROR_TEXT];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    if (!p->status) p->status = cn__fail(p->plan->ctx, NULL, status, "%s", text);
    return p->status;
}

void *cn__prep_call(cn__prep *p, cn__fn fn, const char *kernel, size_t args_size, uint32_t nrep, uint32_t ntask)
{
    cn_ctx *ctx = p->plan->ctx;
    size_t  at = (p->args.n + BLOCK - 1) / BLOCK * BLOCK;
    cn__call call = { fn, (const void *)(uintptr_t)at, nrep, ntask, p->inst };
    bool ok = !p->status;
    while (ok && p->args.n < at + args_size) ok = cn__push(ctx, &p->args, 0);
    if (!ok || !cn__push(ctx, &p->calls, call) || !cn__push(ctx, &p->kernels, kernel) ||
        !cn__push(ctx, &p->details, NULL)) {
        cn__prep_nomem(p);
        return NULL;
    }
    return p->args.at + at;
}

static void relocate(cn__prep *p, const void *field, cn__reloc r)
{
    if (p->status || !r.space) return;
    r.at = (uint32_t)((const char *)field - p->args.at);
    if (!cn__push(p->plan->ctx, &p->relocs, r)) cn__prep_nomem(p);
}

uint32_t cn__prep_var_slot(cn__prep *p, cn__var *var)
{
    for (uint32_t k = 0; k < p->vars.n; k++)
        if (p->vars.at[k] == var) return k;
    if (!cn__push(p->plan->ctx, &p->vars, var)) return cn__prep_nomem(p), 0;
    return (uint32_t)p->vars.n - 1;
}

bool cn__prep_wanted(const cn__prep *p, cn__val v) { return v && p->readers[v]; }

cn__layout cn__prep_layout(const cn__prep *p, cn__val v) { return (cn__layout)p->layout[v]; }

void cn__prep_ptr(cn__prep *p, void *field, cn__val v)
{
    if (v) relocate(p, field, p->committing && p->saved[v].space ? p->saved[v] : p->home[v]);
}

void cn__prep_var(cn__prep *p, void *field, cn__var *var)
{
    relocate(p, field, (cn__reloc){ .space = CN__VARS, .slot = cn__prep_var_slot(p, var) });
}

void cn__prep_mirror(cn__prep *p, void *field, cn__var *var, int slot)
{
    relocate(p, field, (cn__reloc){ .space = CN__MIRRORS, .slot = cn__prep_var_slot(p, var), .mirror = (uint8_t)slot });
}

void cn__prep_temp(cn__prep *p, void *field, size_t bytes, int id)
{
    size_t k = p->temps;
    while (k < p->lives.n && p->ids.at[k] != id) k++;
    if (k == p->lives.n) {
        cn__life life = { p->position, p->position, bytes, 0 };
        if (!cn__push(p->plan->ctx, &p->lives, life) || !cn__push(p->plan->ctx, &p->ids, id)) {
            cn__prep_nomem(p);
            return;
        }
    }
    p->lives.at[k].bytes = CN__MAX(p->lives.at[k].bytes, bytes);
    relocate(p, field, (cn__reloc){ .space = CN__ARENA, .slot = (uint32_t)k });
}

void cn__prep_feed(cn__prep *p, void *field, int feed)
{
    p->plan->nfeeds = CN__MAX(p->plan->nfeeds, (uint32_t)feed + 1);
    relocate(p, field, (cn__reloc){ .space = CN__FEEDS, .slot = (uint32_t)feed });
}

void cn__prep_fault(cn__prep *p, void *field) { relocate(p, field, (cn__reloc){ .space = CN__FAULTS }); }
void cn__prep_lane(cn__prep *p, size_t bytes) { p->plan->lane_scratch = CN__MAX(p->plan->lane_scratch, bytes); }
int  cn__prep_mirrors(const cn__prep *p, const cn__var *var) { return (void)p, var->mirrors; }
bool cn__prep_in_place(const cn__prep *p, cn__val v)
{
    return p->home[v].space == CN__VARS || p->home[v].space == CN__MIRRORS;
}


void *cn__prep_keep(cn__prep *p, size_t bytes)
{
    void *at = cn__arena_alloc(&p->plan->mem, bytes);
    if (!at) cn__prep_nomem(p);
    return at;
}

void cn__prep_name(cn__prep *p, const char *detail)
{
    char *kept = cn__arena_text(&p->plan->mem, detail);
    if (!kept) cn__prep_nomem(p);
    else if (p->details.n) p->details.at[p->details.n - 1] = kept;
}
