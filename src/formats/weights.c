/* weights.c: a model's numbers in HDF5 as Keras 3 lays them out: a group for each layer, named by its class and counted
   (layers/dense, layers/dense_1), never by its own name; in it "vars" with the data sets 0, 1 ... in the order in which
   the layer made them, and the layer's name as an attribute. Nested models are groups within. The optimizer's variables
   stand in optimizer/vars. (keras.src.saving.saving_lib: _save_state, _save_container_state.) */
#include "formats/formats.h"
#include <math.h>
#include <stdio.h>

/* ---- Where layers stand ------------------------------------------------------------------------------------------ */
typedef struct walk {
    cn__arena       *mem;
    cn__layer_visit *visit;
    void            *user;
    CN__VEC(const cn_layer *) seen;
} walk;

static bool met(walk *w, const cn_layer *l, bool *again)
{
    *again = false;
    for (size_t i = 0; i < w->seen.n && !*again; i++) *again = w->seen.at[i] == l;
    return *again || cn__push(w->mem->ctx, &w->seen, l) || (cn__nomem(w->mem->ctx), false);
}

static const char *class_word(const cn_layer *l)         /* of "acme>Squash" the part behind the > */
{
    const char *package = strrchr(l->cls->snake, '>');
    return package ? package + 1 : l->cls->snake;
}

static bool walk_model(walk *w, cn_model *m, const char *group)
{
    cn_ctx *ctx = w->mem->ctx;
    bool    again;
    for (size_t i = 0; i < m->layers.n; i++) {
        cn_layer *l = m->layers.at[i];
        int before = 0;
        for (size_t k = 0; k < i; k++) before += !strcmp(class_word(m->layers.at[k]), class_word(l));
        char number[16] = "";
        if (before) snprintf(number, sizeof number, "_%d", before);
        const char *own = cn__arena_printf(w->mem, "%s%slayers/%s%s", group, *group ? "/" : "", class_word(l), number);
        if (!own) return cn__nomem(ctx), false;
        if (!met(w, l, &again)) return false;
        if (again) continue;
        if (l->model ? !walk_model(w, l->model, own) : !w->visit(w->user, own, l)) return false;
    }
    return w->visit(w->user, group, m->layer);
}

bool cn__layers_walk(cn__arena *mem, cn_model *m, cn__layer_visit *visit, void *user)
{
    walk w = { .mem = mem, .visit = visit, .user = user };
    bool ok = walk_model(&w, m, "");
    cn__vec_free(mem->ctx, &w.seen);
    return ok;
}

/* ---- Writing ----------------------------------------------------------------------------------------------------- */
typedef struct writing { cn__h5_out *out; cn__h5_node *root; } writing;

static void write_variable(cn__h5_out *out, cn__h5_node *vars, size_t i, cn__var *v)
{
    char name[24];
    snprintf(name, sizeof name, "%zu", i);
    cn__h5_dataset(out, vars, name, (cn_dtype)v->type.dtype, v->type.rank, v->type.dim, cn__var_master(v));
}

static bool write_layer(void *user, const char *group, cn_layer *l)
{
    writing *w = user;
    char     path[1024];
    if (snprintf(path, sizeof path, "%s%svars", group, *group ? "/" : "") >= (int)sizeof path) return false;
    cn__h5_node *vars = cn__h5_group(w->out, w->root, path);
    cn__h5_set_text(w->out, vars, "name", l->name);
    for (size_t i = 0; i < l->weights.n; i++) write_variable(w->out, vars, i, l->weights.at[i]->var);
    cn__state_write(w->out, vars, l);
    return true;
}

bool cn__weights_write(cn__h5_out *out, cn__h5_node *root, cn_model *m, bool optimizer)
{
    cn__arena mem = { .ctx = m->obj.ctx };
    writing   w = { out, root };
    bool      ok = cn__layers_walk(&mem, m, write_layer, &w);
    cn__arena_free(&mem);
    if (!ok || !optimizer || !m->training) return ok;
    cn__optimizer *o = &m->training->optimizer;
    if (cn__training_optimizer(m)) return false;
    cn__h5_node *vars = cn__h5_group(out, root, "optimizer/vars");
    cn__h5_set_text(out, vars, "name", o->spec.cls->snake);
    for (size_t i = 0; i < o->vars.n; i++) write_variable(out, vars, i, o->vars.at[i]);
    return true;
}

/* ---- Reading ----------------------------------------------------------------------------------------------------- */
/* Numbers that are none are data like others, but somebody will want to know. In a file they need not be aligned. */
static void count_odd(cn__fitting *f, cn_dtype dtype, const void *at, size_t n)
{
    int64_t odd = 0;
    float   single;
    double  wide;
    for (size_t i = 0; dtype == CN_FLOAT32 && i < n; i++)
        memcpy(&single, (const char *)at + i * sizeof single, sizeof single), odd += !isfinite(single);
    for (size_t i = 0; dtype == CN_FLOAT64 && i < n; i++)
        memcpy(&wide, (const char *)at + i * sizeof wide, sizeof wide), odd += !isfinite(wide);
    f->not_finite += odd;
}

static cn_status differs(const cn__fitting *f, const char *who, const char *path, const cn__h5_data *d,
                         const cn__var *v)
{
    char here[CN__SHAPE_TEXT], there[CN__SHAPE_TEXT];
    return cn__fail(f->ctx, f->site, CN_E_SHAPE, "%s: %s has the shape %s in the model, %s in the file (%s).", f->what,
                    who, cn__shape_text(v->type.rank, v->type.dim, here), cn__shape_text(d->rank, d->dim, there), path);
}

cn_status cn__variable_read(cn__fitting *f, const char *who, const char *path, cn__var *v)
{
    const cn__h5_object *o = cn__h5_find(f->file, NULL, path);
    cn__h5_data d;
    size_t      bytes;
    if (cn__h5_failed(f->file)) return (cn_error)(f->ctx);
    if (!o || cn__h5_is_group(o))
        return cn__fail(f->ctx, f->site, CN_E_FORMAT, "%s: %s: the file has no numbers for it: no data set %s.",
                        f->what, who, path);
    if (!cn__h5_data_of(f->file, o, &d)) return (cn_error)(f->ctx);
    if (!cn__dtype_class_of(d.dtype))
        return cn__fail(f->ctx, f->site, CN_E_DTYPE, "%s: %s: %s does not hold numbers.", f->what, who, path);
    bool alike = d.rank == v->type.rank && !d.empty;
    for (int k = 0; alike && k < d.rank; k++) alike = d.dim[k] == v->type.dim[k];
    if (!alike) return differs(f, who, path, &d, v);

    bool        same = d.dtype == (cn_dtype)v->type.dtype;
    const void *at = same ? cn__h5_in_place(f->file, o) : NULL;
    void       *own = NULL;
    if (!cn__mul_size((size_t)d.n, cn__dtype_size(d.dtype), &bytes)) return cn__nomem(f->ctx);
    if (!at) {
        if (!(own = cn__alloc(f->ctx, bytes))) return cn__nomem(f->ctx);
        if (!cn__h5_read(f->file, o, own, bytes)) return cn__free(f->ctx, own, bytes), (cn_error)(f->ctx);
        at = own;
    }
    if (f->commit) {
        if (same) memcpy(cn__var_master(v), at, bytes);
        else cn__convert((cn_dtype)v->type.dtype, cn__var_master(v), d.dtype, at, (size_t)d.n);
        cn__var_touch(v);
    } else count_odd(f, d.dtype, at, (size_t)d.n);
    cn__free(f->ctx, own, bytes);
    return CN_OK;
}

/* Keras 3 says "layers", tf.keras 2.13 to 2.15 "_layer_checkpoint_dependencies". */
static const char *container(const cn__fitting *f)
{
    return cn__h5_find(f->file, NULL, "layers") || !cn__h5_find(f->file, NULL, "_layer_checkpoint_dependencies")
               ? "layers" : "_layer_checkpoint_dependencies";
}

/* The group as this file spells it. NULL: no memory. */
static const char *spelled(const cn__fitting *f, const char *group)
{
    const char *word = container(f);
    cn__text    t = { .ctx = f->ctx };
    for (const char *p = group; *p;) {
        size_t n = strcspn(p, "/");
        if (n == 6 && !memcmp(p, "layers", n)) cn__text_add(&t, "%s", word);
        else cn__text_bytes(&t, p, n);
        p += n;
        if (*p) cn__text_add(&t, "/"), p++;
    }
    const char *path = t.nomem ? NULL : cn__arena_text(f->mem, cn__text_get(&t));
    cn__text_free(&t);
    if (!path) cn__nomem(f->ctx);
    return path;
}

/* By name: the group beside this one whose layer is called so. NULL: there is none. */
static const char *named(const cn__fitting *f, const char *group, const char *name)
{
    const char *slash = strrchr(group, '/');
    const char *folder = slash ? cn__arena_printf(f->mem, "%.*s", (int)(slash - group), group) : "";
    const cn__h5_object *all = folder ? cn__h5_find(f->file, NULL, folder) : NULL;
    size_t n = 0;
    const cn__h5_link *link = all ? cn__h5_links(f->file, all, &n) : NULL;
    for (size_t i = 0; link && i < n; i++) {
        const char *path = cn__arena_printf(f->mem, "%s/%s", folder, link[i].name);
        const char *vars = path ? cn__arena_printf(f->mem, "%s/vars", path) : NULL;
        const cn__h5_object *o = vars ? cn__h5_find(f->file, NULL, vars) : NULL;
        cn__h5_data d;
        if (!o || !cn__h5_attr(f->file, o, "name", &d) || d.dtype != CN_STRING) continue;
        const char **text = cn__h5_attr_strings(f->file, o, "name", f->mem);
        if (text && !strcmp(text[0], name)) return path;
    }
    return NULL;
}

typedef struct reading { cn__fitting *f; cn_status status; } reading;

static cn_status read_layer(cn__fitting *f, const char *group, cn_layer *l)
{
    char who[256], path[1024];
    for (size_t i = 0; i < l->weights.n; i++) {
        snprintf(who, sizeof who, "layer \"%s\": %s", l->name, l->weights.at[i]->name);
        snprintf(path, sizeof path, "%s/vars/%zu", group, i);
        cn_status failed = cn__variable_read(f, who, path, l->weights.at[i]->var);
        if (failed) return failed;
    }
    snprintf(path, sizeof path, "%s/vars", group);
    return cn__state_read(f, path, l);
}

static bool visit_layer(void *user, const char *canonical, cn_layer *l)
{
    reading     *r = user;
    cn__fitting *f = r->f;
    char         path[1024];
    if (!l->weights.n && !(l->ops && l->ops->set_state)) return true;
    const char *group = spelled(f, canonical), *by_name = f->by_name && group ? named(f, group, l->name) : NULL;
    if (!group) return r->status = CN_E_NOMEM, false;
    if (by_name) group = by_name;
    else if (f->by_name) return f->skipped += !f->commit, true;
    cn_ctx *ctx = f->ctx;
    bool commit = f->commit;
    f->layers += !commit;
    if (f->skip_mismatch) {                              /* looks first, and leaves alone what does not fit */
        f->commit = false;
        bool fits = !read_layer(f, group, l);
        f->commit = commit;
        if (!fits && !cn__h5_failed(f->file)) {
            if (!commit) f->skipped++, cn__log(ctx, CN_LOG_WARNING, "left alone: %s", (cn_error_message)(ctx));
            return cn_clear_error(ctx), true;
        }
    }
    snprintf(path, sizeof path, "%s/vars", group);
    const cn__h5_object *vars = cn__h5_find(f->file, NULL, path);
    char   more[24];
    snprintf(more, sizeof more, "%zu", l->weights.n);
    if (vars && cn__h5_is_group(vars) && cn__h5_find(f->file, vars, more) && !f->skip_mismatch) {
        r->status = cn__fail(ctx, f->site, CN_E_SHAPE, "%s: layer \"%s\" has %zu weights, the file has more (%s/%s).",
                             f->what, l->name, l->weights.n, path, more);
        return false;
    }
    return !(r->status = read_layer(f, group, l));
}

static cn_status pass(cn__fitting *f, cn_model *m, bool commit)
{
    reading r = { f, CN_OK };
    f->commit = commit;
    if (cn__layers_walk(f->mem, m, visit_layer, &r)) return CN_OK;
    return r.status ? r.status : (cn_error)(f->ctx);
}

cn_status cn__weights_read(cn__fitting *f, cn_model *m)
{
    cn_status failed = pass(f, m, false);
    return failed ? failed : pass(f, m, true);
}

/* ---- The optimizer's state ---------------------------------------------------------------------------------------

   Keras 3: iteration, learning rate (no schedule has one) and slots in the optimizer's own order. tf.keras 2.11 to 2.15
   had the same but for the learning rate, which stands in the configuration; SGD had momenta even if it used none. */
bool cn__optimizer_placed(const cn__optimizer *o, size_t n, size_t i, cn__var **v)
{
    size_t rate = !o->schedule.cls, ours = o->vars.n - rate, at = i ? i + rate : 0;
    *v = at < o->vars.n ? o->vars.at[at] : NULL;
    return n == ours || ours == 1;
}

/* The i-th of the file's n. false: they do not fit. */
static bool placed(const cn__fitting *f, const cn__optimizer *o, size_t n, size_t i, cn__var **v)
{
    if (f->keras == 2) return cn__optimizer_placed(o, n, i, v);
    *v = i < o->vars.n ? o->vars.at[i] : NULL;
    return n == o->vars.n;
}

static cn_status read_variables(cn__fitting *f, const cn__optimizer *o, size_t n)
{
    for (int commit = 0; commit < 2; commit++)
        for (size_t i = 0; i < n; i++) {
            char     path[48];
            cn__var *v;
            snprintf(path, sizeof path, "optimizer/vars/%zu", i);
            f->commit = commit;
            if (!placed(f, o, n, i, &v))
                return cn__fail(f->ctx, f->site, CN_E_FORMAT,
                                "%s: the optimizer %s has %zu variables in the file, %zu in the model. Load it with "
                                ".compile = CN_NO and compile it anew.", f->what, o->spec.cls->name, n, o->vars.n);
            cn_status failed = v ? cn__variable_read(f, v->path, path, v) : CN_OK;
            if (failed) return failed;
        }
    return CN_OK;
}

cn_status cn__optimizer_read(cn__fitting *f, cn_model *m)
{
    cn_ctx *ctx = f->ctx;
    const cn__h5_object *vars = cn__h5_find(f->file, NULL, "optimizer/vars");
    size_t  n = 0;
    if (!m->training || !vars || !cn__h5_is_group(vars)) return cn__h5_failed(f->file) ? (cn_error)(ctx) : CN_OK;
    cn__h5_links(f->file, vars, &n);
    cn_status failed = cn__h5_failed(f->file) ? (cn_error)(ctx) : cn__training_optimizer(m);
    const cn__optimizer *o = &m->training->optimizer;
    if (failed || (n <= 2 && n < o->vars.n)) return failed;      /* compiled, never trained: nothing to take over */
    return read_variables(f, o, n);
}
