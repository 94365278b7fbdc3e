/* var.c: a variable's own memory: the master and the packed mirrors that plans add. */
#include "graph/core.h"

cn__var *cn__var_new(cn_ctx *ctx, cn__arena *names, const char *path, const cn__type *type, cn__role role,
                     cn__scope scope, bool trainable)
{
    cn__var *v = cn__type_valid(type) ? cn__alloc0(ctx, sizeof *v) : NULL;
    if (!v) return NULL;
    v->ctx = ctx, v->type = *type;
    v->role = (uint8_t)role, v->scope = (uint8_t)scope, v->trainable = trainable;
    v->path = cn__arena_text(names, path ? path : "");
    v->master = cn__alloc0(ctx, cn__type_bytes(type));
    v->version = 1;
    if (v->path && v->master) return v;
    cn__var_free(v);
    return NULL;
}

void cn__var_free(cn__var *v)
{
    if (!v) return;
    for (int i = 0; i < v->mirrors; i++) cn__free(v->ctx, v->mirror[i].at, v->mirror[i].bytes);
    cn__free(v->ctx, v->master, cn__type_bytes(&v->type));
    cn__free(v->ctx, v, sizeof *v);
}

void cn__var_touch(cn__var *v)
{
    if (v) v->version++;
}
