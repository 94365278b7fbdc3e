/* parts.c: what a model consists of: layers by path, by place, by pattern; its ends. */
#include "model/model.h"
#include <string.h>

/* ---- Names ------------------------------------------------------------------------------------------------------- */
static bool glob(const char *p, const char *end, const char *text)
{
    while (p < end && *p != '*') {
        if (*p != *text) return false;
        p++, text++;
    }
    if (p == end) return !*text;
    while (p < end && *p == '*') p++;
    for (;; text++) {
        if (glob(p, end, text)) return true;
        if (!*text) return false;
    }
}

bool cn__match(const char *pattern, const char *text)
{
    while (*pattern) {
        size_t n = strcspn(pattern, ",");
        if (glob(pattern, pattern + n, text)) return true;
        pattern += n + (pattern[n] == ',');
    }
    return false;
}

const char *cn__nearest(cn__text *out, const char *word, const char *const *names, size_t n)
{
    size_t best[3] = { SIZE_MAX, SIZE_MAX, SIZE_MAX }, at[3] = { 0 };
    for (size_t i = 0; i < n; i++) {
        size_t d = cn__edit_distance(word, names[i]), k = 3;
        while (k > 0 && d < best[k - 1]) k--;
        for (size_t j = 2; j > k; j--) best[j] = best[j - 1], at[j] = at[j - 1];
        if (k < 3) best[k] = d, at[k] = i;
    }
    for (size_t k = 0; k < 3 && best[k] != SIZE_MAX; k++) cn__text_add(out, "%s\"%s\"", k ? ", " : "", names[at[k]]);
    return cn__text_get(out);
}

/* ---- Layers ------------------------------------------------------------------------------------------------------ */
cn_layer *cn__find_layer(const cn_model *m, const char *path)
{
    for (size_t i = 0; i < m->layers.n; i++) {
        cn_layer *l = m->layers.at[i];
        size_t n = strlen(l->name);
        if (!strcmp(l->name, path)) return l;
        if (strncmp(l->name, path, n) || path[n] != '/') continue;
        if (l->model) return cn__find_layer(l->model, path + n + 1);
        for (size_t k = 0; k < l->inner.n; k++)
            if (!strcmp(l->inner.at[k]->name, path + n + 1)) return l->inner.at[k];
    }
    return NULL;
}

static cn_layer *no_layer(cn_model *m)
{
    cn_layer *l = cn__new_small(m->obj.ctx, CN__LAYER, sizeof *l);
    return cn__bad(m) ? cn__inherit(l, m) : l;
}

cn_layer *cn_get_layer(cn_model *m, const char *path)
{
    if (!m) return NULL;
    cn_layer *l = cn__bad(m) || !path ? NULL : cn__find_layer(m, path);
    if (l || cn__bad(l = no_layer(m))) return l;
    cn__text near = { .ctx = m->obj.ctx };
    const char **names = cn__alloc(m->obj.ctx, (m->layers.n + 1) * sizeof *names);
    for (size_t i = 0; names && i < m->layers.n; i++) names[i] = m->layers.at[i]->name;
    cn__poison(l, NULL, CN_E_NAME, "model \"%s\" has no layer \"%s\". The nearest: %s.", m->layer->name,
               path ? path : "(null)", names && path ? cn__nearest(&near, path, names, m->layers.n) : "none");
    cn__free(m->obj.ctx, names, (m->layers.n + 1) * sizeof *names);
    cn__text_free(&near);
    return l;
}

cn_layer *cn_layer_at(cn_model *m, int i)
{
    if (!m) return NULL;
    int n = cn__bad(m) ? 0 : (int)m->layers.n, k = i < 0 ? i + n : i;
    if (k >= 0 && k < n) return m->layers.at[k];
    return cn__bad(m) ? no_layer(m)
                      : cn__poison(no_layer(m), NULL, CN_E_NAME, "model \"%s\" has %d layers, there is no number %d.",
                                   m->layer->name, n, i);
}

const char *cn_layer_name(const cn_layer *l) { return cn__bad(l) || !l->name ? "" : l->name; }

static cn_tensor *end_of(cn_model *m, bool input, int i)
{
    if (!m) return NULL;
    cn_ctx *ctx = m->obj.ctx;
    if (cn__bad(m)) return cn__tensor_bad(ctx, m);
    size_t n = input ? m->inputs.n : m->outputs.n;
    if (m->built && i >= 0 && (size_t)i < n) return input ? m->inputs.at[i] : m->outputs.at[i];
    cn_tensor *t = cn__new_small(ctx, CN__TENSOR, sizeof *t);
    if (!m->built)
        return cn__poison(t, NULL, CN_E_STATE,
                          "model \"%s\" does not know its input yet. Give it a shape: cn_sequential(c, {28, 28}).",
                          m->layer->name);
    return cn__poison(t, NULL, CN_E_NAME, "model \"%s\" has %zu %s, there is no number %d.", m->layer->name, n,
                      input ? "inputs" : "outputs", i);
}

cn_tensor *cn_model_input (cn_model *m, int i) { return end_of(m, true, i); }
cn_tensor *cn_model_output(cn_model *m, int i) { return end_of(m, false, i); }

/* ---- Freezing ---------------------------------------------------------------------------------------------------- */
static void set_all(cn_layer *l, bool on)
{
    l->trainable = on;
    for (size_t i = 0; i < l->inner.n; i++) set_all(l->inner.at[i], on);
    for (size_t i = 0; l->model && i < l->model->layers.n; i++) set_all(l->model->layers.at[i], on);
}

static int set_matching(cn_model *m, const char *prefix, const char *pattern, bool on, bool *ok)
{
    int n = 0;
    for (size_t i = 0; *ok && i < m->layers.n; i++) {
        cn_layer *l = m->layers.at[i];
        cn__text path = { .ctx = m->obj.ctx };
        cn__text_add(&path, "%s%s", prefix, l->name);
        bool match = cn__match(pattern, cn__text_get(&path));
        if (match) set_all(l, on), n++;
        cn__text_add(&path, "/");
        if (path.nomem) *ok = false;
        else if (!match && l->model) n += set_matching(l->model, cn__text_get(&path), pattern, on, ok);
        cn__text_free(&path);
    }
    return n;
}

cn_status cn_set_trainable(cn_model *m, const char *pattern, cn_flag on)
{
    bool ok = true;
    if (cn__bad(m)) return cn__fail_with(m);
    if (m->running)
        return cn__fail(m->obj.ctx, NULL, CN_E_STATE, "cn_set_trainable: model \"%s\" is at work.", m->layer->name);
    if (on != CN_YES && on != CN_NO)
        return cn__fail(m->obj.ctx, NULL, CN_E_VALUE, "cn_set_trainable: %d is neither CN_YES nor CN_NO.", (int)on);
    int n = pattern ? set_matching(m, "", pattern, on != CN_NO, &ok) : 0;
    if (!ok) return cn__nomem(m->obj.ctx);
    return n ? CN_OK
             : cn__fail(m->obj.ctx, NULL, CN_E_NAME, "cn_set_trainable: no layer of \"%s\" matches \"%s\".",
                        m->layer->name, pattern ? pattern : "(null)");
}
