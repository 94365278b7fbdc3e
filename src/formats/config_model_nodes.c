/* config_model_nodes.c: the layers of a functional model, called as its configuration says.

   A layer's "inbound_nodes" are its calls. In Keras 3 a node is {"args": [...], "kwargs": {...}} with a tensor as
   {"class_name": "__keras_tensor__", "config": {"keras_history": [layer, node, output]}}; before it was a list of
   [layer, node, output, kwargs]. There a model within had a node 0 for itself, so its calls count from 1; in Keras 3
   that is left at the model's own ends only. Calls are made as what they need is there, those of one layer in order. */
#include "formats/config_model.h"
#include <stdlib.h>

typedef struct ref { size_t layer; int64_t node, output; } ref;
typedef struct node { ref in[CN_MAX_IO], mask; int nin; bool masked, inference; } node;
typedef struct entry {
    const char     *name;
    cn__made        made;
    const cn__json *calls;                               /* those not made yet */
    int64_t         n, done, shift;                      /* shift: what the first of them is called */
    cn__symcall   **call;
    node           *next; bool ready;                    /* the next one to be made, once it was looked at */
    bool            waits;
} entry;
typedef struct net {
    cn__making *k;
    const char *name;                                    /* of the model */
    entry      *at; size_t n;
    size_t     *sorted;                                  /* places, by name */
    bool        lists;                                   /* nodes are lists: Keras 1 and 2 */
} net;

/* ---- Finding layers ---------------------------------------------------------------------------------------------- */
static entry *find(const net *g, const char *name)
{
    size_t low = 0, high = g->n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(name, g->at[g->sorted[middle]].name);
        if (!order) return &g->at[g->sorted[middle]];
        if (order < 0) high = middle;
        else low = middle + 1;
    }
    return NULL;
}

/* Sorts places by the names of their entries (heap sort: the order of hostile files costs no more). */
static void sift(const net *g, size_t root, size_t n)
{
    for (size_t child; (child = 2 * root + 1) < n; root = child) {
        if (child + 1 < n && strcmp(g->at[g->sorted[child]].name, g->at[g->sorted[child + 1]].name) < 0) child++;
        if (strcmp(g->at[g->sorted[root]].name, g->at[g->sorted[child]].name) >= 0) return;
        size_t other = g->sorted[root];
        g->sorted[root] = g->sorted[child], g->sorted[child] = other;
    }
}

static bool sort_names(const net *g)
{
    for (size_t i = 0; i < g->n; i++) g->sorted[i] = i;
    for (size_t i = g->n / 2; i-- > 0;) sift(g, i, g->n);
    for (size_t n = g->n; n-- > 1;) {
        size_t last = g->sorted[n];
        g->sorted[n] = g->sorted[0], g->sorted[0] = last;
        sift(g, 0, n);
    }
    for (size_t i = 1; i < g->n; i++)
        if (!strcmp(g->at[g->sorted[i - 1]].name, g->at[g->sorted[i]].name))
            return cn__making_wrong(g->k, CN_E_FORMAT, "model \"%s\": two layers are called \"%s\".", g->name,
                                    g->at[g->sorted[i]].name);
    return true;
}

/* ---- [layer, node, output] --------------------------------------------------------------------------------------- */
static bool is_ref(const cn__json *j)
{
    return cn__json_is(j, CN__JSON_ARRAY) && j->n >= 3 && cn__json_is(j->first, CN__JSON_STRING) &&
           cn__json_is(j->first->next, CN__JSON_INT) && cn__json_is(j->first->next->next, CN__JSON_INT);
}

/* who: what wants the tensor: `layer "dense"`. at_end: one of the model's own inputs and outputs. */
static bool read_ref(const net *g, const char *who, const cn__json *j, bool at_end, ref *to)
{
    if (!is_ref(j))
        return cn__making_wrong(g->k, CN_E_FORMAT, "model \"%s\": %s: a tensor is [layer, node, output], here is none.",
                                g->name, who);
    const entry *e = find(g, j->first->text);
    if (!e)
        return cn__making_wrong(g->k, CN_E_FORMAT,
                                "model \"%s\": %s comes from layer \"%.80s\", which is not in the model.", g->name, who,
                                j->first->text);
    bool    functional = e->made.model && !e->made.model->sequential;
    int64_t shift = g->lists ? e->shift : at_end && functional, number = j->first->next->i;
    if (number < shift || number - shift >= e->n)
        return cn__making_wrong(g->k, CN_E_FORMAT,
                                "model \"%s\": %s comes from node %lld of \"%s\", which has %lld, the first "
                                "is %lld.",
                                g->name, who, (long long)number, e->name, (long long)e->n, (long long)shift);
    *to = (ref){ (size_t)(e - g->at), number - shift, j->first->next->next->i };
    return true;
}

/* ---- The arguments of a call ------------------------------------------------------------------------------------- */
static bool is_tensor(const cn__json *j)
{
    const char *class = cn__json_text(cn__json_get(j, "class_name"));
    return class && !strcmp(class, "__keras_tensor__");
}

static const cn__json *history(const cn__json *tensor)
{
    return cn__json_get(cn__json_get(tensor, "config"), "keras_history");
}

static bool add_input(const net *g, const char *who, const cn__json *j, node *out)
{
    if (out->nin == CN_MAX_IO)
        return cn__making_wrong(g->k, CN_E_LIMIT, "model \"%s\": %s is called on more than %d tensors.", g->name, who,
                                CN_MAX_IO);
    return read_ref(g, who, j, false, &out->in[out->nin++]);
}

/* Tensors within lists, in order; null stands for one that is not given. */
static bool read_args(const net *g, const char *who, const cn__json *j, node *out)
{
    if (is_tensor(j)) return add_input(g, who, history(j), out);
    if (!cn__json_some(j)) return true;
    if (!cn__json_is(j, CN__JSON_ARRAY))
        return cn__making_wrong(g->k, CN_E_UNSUPPORTED, "model \"%s\": %s is called on something that is no tensor.",
                                g->name, who);
    for (const cn__json *c = j->first; c; c = c->next)
        if (!read_args(g, who, c, out)) return false;
    return true;
}

/* The first tensor of a mask, which may be a list with one for each input. */
static bool read_mask(const net *g, const char *who, const cn__json *j, node *out)
{
    if (cn__json_is(j, CN__JSON_ARRAY) && !is_ref(j)) {
        for (const cn__json *c = j->first; c && !out->masked; c = c->next)
            if (!read_mask(g, who, c, out)) return false;
        return true;
    }
    if (!cn__json_some(j)) return true;
    return out->masked = read_ref(g, who, is_tensor(j) ? history(j) : j, false, &out->mask);
}

/* Dropout and noise carry "training": false whenever Keras 3 traced them, which says nothing; with all others somebody
   asked for it. */
static bool read_training(const net *g, const entry *e, const char *who, const cn__json *j, node *out)
{
    if (!cn__json_some(j)) return true;
    if (!cn__json_is(j, CN__JSON_FALSE))
        return cn__making_wrong(g->k, CN_E_UNSUPPORTED, "model \"%s\": %s is called with training=True, that is, as in "
                                "training even in prediction; this is not there.", g->name, who);
    out->inference = g->lists || !cn__call_has_training(e->made.layer);
    return true;
}

static bool read_kwarg(const net *g, const entry *e, const char *who, const cn__json *j, node *out)
{
    if (!strcmp(j->key, "mask")) return read_mask(g, who, j, out);
    if (!strcmp(j->key, "training")) return read_training(g, e, who, j, out);
    if (!strcmp(j->key, "inputs")) return read_args(g, who, j, out);
    if (!cn__json_some(j) || cn__json_is(j, CN__JSON_FALSE)) return true;
    return cn__making_wrong(g->k, CN_E_UNSUPPORTED, "model \"%s\": %s is called with \"%.80s\", which is not there.",
                            g->name, who, j->key);
}

static bool read_kwargs(const net *g, const entry *e, const char *who, const cn__json *kwargs, node *out)
{
    const cn__json *j = cn__json_is(kwargs, CN__JSON_OBJECT) ? kwargs->first : NULL;
    for (; j; j = j->next)
        if (!read_kwarg(g, e, who, j, out)) return false;
    return true;
}

static bool read_node(const net *g, const entry *e, const cn__json *j, node *out)
{
    const char *who = cn__arena_printf(g->k->r->mem, "layer \"%s\"", e->name);
    memset(out, 0, sizeof *out);
    if (!who) return cn__nomem(g->k->r->ctx), false;
    if (cn__json_is(j, CN__JSON_OBJECT)) {
        if (!read_args(g, who, cn__json_get(j, "args"), out) || !read_kwargs(g, e, who, cn__json_get(j, "kwargs"), out))
            return false;
    } else if (is_ref(j)) {
        if (!add_input(g, who, j, out) || !read_kwargs(g, e, who, cn__json_at(j, 3), out)) return false;
    } else
        for (const cn__json *c = cn__json_is(j, CN__JSON_ARRAY) ? j->first : NULL; c; c = c->next)
            if (!add_input(g, who, c, out) || !read_kwargs(g, e, who, cn__json_at(c, 3), out)) return false;
    if (out->nin) return true;
    return cn__making_wrong(g->k, CN_E_FORMAT, "model \"%s\": %s is called on nothing.", g->name, who);
}

/* ---- Calling ----------------------------------------------------------------------------------------------------- */
static cn_tensor *tensor_of(const net *g, const char *who, const ref *r)
{
    const cn__symcall *k = g->at[r->layer].call[r->node];
    if (r->output >= 0 && r->output < k->nout) return k->out[r->output];
    cn__making_wrong(g->k, CN_E_FORMAT, "model \"%s\": \"%s\" takes output %lld of \"%s\", which has %d.", g->name, who,
                     (long long)r->output, g->at[r->layer].name, k->nout);
    return NULL;
}

static bool call_node(net *g, entry *e, const node *n)
{
    CN_ARGS(cn_call, a);
    a.head.site = NULL;                                  /* the caller's line counts, not this one */
    a.layer = e->made.model ? (void *)e->made.model : e->made.layer;
    a.training = n->inference ? CN_NO : 0;
    for (int i = 0; i < n->nin; i++)
        if (!(a.inputs[i] = tensor_of(g, e->name, &n->in[i]))) return false;
    if (n->masked && !(a.mask = tensor_of(g, e->name, &n->mask))) return false;
    cn_tensor *out = (cn_call)(&a);
    if (cn__bad(out)) return cn__fail_with(out), cn__making_failed(g->k, e->name);
    e->call[e->done++] = out->from;
    return cn__making_called(g->k, e->made.calls);
}

static const ref *missing(const net *g, const node *n)
{
    for (int i = 0; i < n->nin; i++)
        if (g->at[n->in[i].layer].done <= n->in[i].node) return &n->in[i];
    return n->masked && g->at[n->mask.layer].done <= n->mask.node ? &n->mask : NULL;
}

/* The next call of the entry if all is there for it; else the one that has to come first, in *first. */
static bool advance(net *g, entry *e, const ref **first)
{
    *first = NULL;
    if (!e->next && !(e->next = cn__arena_alloc(g->k->r->mem, sizeof *e->next))) return cn__nomem(g->k->r->ctx), false;
    if (!e->ready && !(e->ready = read_node(g, e, e->calls, e->next))) return false;
    if ((*first = missing(g, e->next))) return true;
    if (!call_node(g, e, e->next)) return false;
    e->ready = false, e->calls = e->calls->next;
    return true;
}

/* Makes all calls of an entry, and before them what they need. `open` are those begun: each waits for the one behind
   it, so one that would be begun twice waits for itself. */
static bool settle(net *g, size_t start, ref *open)
{
    size_t n = 0;
    open[n++] = (ref){ start, g->at[start].n, 0 };
    while (n) {
        const ref *top = &open[n - 1], *first;
        entry     *e = &g->at[top->layer];
        if (e->done >= top->node) {
            e->waits = false, n--;
            continue;
        }
        e->waits = true;
        if (!advance(g, e, &first)) return false;
        if (!first) continue;
        if (g->at[first->layer].waits)
            return cn__making_wrong(g->k, CN_E_FORMAT,
                                    "model \"%s\": layers \"%s\" and \"%s\" wait for each other: their calls "
                                    "go round in a circle.",
                                    g->name, e->name, g->at[first->layer].name);
        open[n++] = (ref){ first->layer, first->node + 1, 0 };
    }
    return true;
}

/* ---- The layers -------------------------------------------------------------------------------------------------- */
static bool read_entry(net *g, entry *e, const cn__json *o)
{
    const cn__json *calls = cn__json_get(o, "inbound_nodes");
    *e = (entry){ .name = cn__object_name(o) };
    if (!e->name) return cn__making_wrong(g->k, CN_E_FORMAT, "model \"%s\": a layer without a name.", g->name);
    if (calls && calls->type != CN__JSON_ARRAY)
        return cn__making_wrong(g->k, CN_E_FORMAT, "model \"%s\": inbound_nodes of \"%.80s\" is no list.", g->name,
                                e->name);
    e->calls = calls ? calls->first : NULL, e->n = calls ? (int64_t)calls->n : 0;
    g->lists = g->lists || cn__json_is(e->calls, CN__JSON_ARRAY);
    if (cn__is_input_class(o)) {
        cn_tensor *t = cn__making_input(g->k, o);
        if (!t) return false;
        e->made.layer = t->from->layer;
        e->n = 1;
    } else {
        if (!cn__making_layer(g->k, o, &e->made)) return false;
        e->shift = e->made.model && e->made.model->built;
    }
    if (!(e->call = cn__arena_alloc(g->k->r->mem, ((size_t)e->n + 1) * sizeof *e->call)))
        return cn__nomem(g->k->r->ctx), false;
    if (cn__is_input(e->made.layer)) e->call[e->done++] = cn__side(e->made.layer)->first;
    return true;
}

static bool read_layers(net *g, const cn__json *layers)
{
    for (const cn__json *l = layers->first; l; l = l->next)
        if (!read_entry(g, &g->at[g->n++], l)) return false;
    return sort_names(g);
}

static bool make_calls(net *g)
{
    ref *open = cn__arena_alloc(g->k->r->mem, (g->n + 1) * sizeof *open);
    if (!open) return cn__nomem(g->k->r->ctx), false;
    for (size_t i = 0; i < g->n; i++)
        if (!settle(g, i, open)) return false;
    return true;
}

/* ---- The model's ends -------------------------------------------------------------------------------------------- */
static int by_key(const void *a, const void *b)
{
    return strcmp((*(const cn__json *const *)a)->key, (*(const cn__json *const *)b)->key);
}

static bool read_ends(const net *g, const char *what, const cn__json *j, int most, cn_tensor **out, int *n);

/* Keras takes what stands in a dictionary by its keys in order. */
static bool ends_by_key(const net *g, const char *what, const cn__json *j, int most, cn_tensor **out, int *n)
{
    const cn__json *child[CN_MAX_IO];
    size_t count = 0;
    if (j->n > CN_MAX_IO)
        return cn__making_wrong(g->k, CN_E_LIMIT, "model \"%s\" has more than %d %ss.", g->name, CN_MAX_IO, what);
    for (const cn__json *c = j->first; c; c = c->next) child[count++] = c;
    if (count) qsort(child, count, sizeof *child, by_key);
    for (size_t i = 0; i < count; i++)
        if (!read_ends(g, what, child[i], most, out, n)) return false;
    return true;
}

static bool read_ends(const net *g, const char *what, const cn__json *j, int most, cn_tensor **out, int *n)
{
    ref r;
    if (cn__json_is(j, CN__JSON_OBJECT)) return ends_by_key(g, what, j, most, out, n);
    if (cn__json_is(j, CN__JSON_ARRAY) && !is_ref(j)) {
        for (const cn__json *c = j->first; c; c = c->next)
            if (!read_ends(g, what, c, most, out, n)) return false;
        return true;
    }
    if (!read_ref(g, what, j, true, &r)) return false;
    if (*n == most)
        return cn__making_wrong(g->k, CN_E_LIMIT, "model \"%s\" has more than %d %ss.", g->name, most, what);
    return (out[(*n)++] = tensor_of(g, what, &r)) != NULL;
}

static cn_model *cut_model(const net *g, const cn__json *config, const char *name)
{
    CN_ARGS(cn_functional, a);
    int nin = 0, nout = 0;
    a.head.site = NULL;
    if (!read_ends(g, "input", cn__json_get(config, "input_layers"), CN_MAX_IO, a.inputs, &nin) ||
        !read_ends(g, "output", cn__json_get(config, "output_layers"), CN_MAX_LIST, a.outputs, &nout)) return NULL;
    if (!nin || !nout)
        return cn__making_wrong(g->k, CN_E_FORMAT, "model \"%s\" has %d inputs and %d outputs.", g->name, nin, nout),
               NULL;
    a.name = name ? cn__arena_text(cn__ctx_arena(g->k->r->ctx), name) : NULL;
    cn_model *m = (cn_functional)(&a);
    if (!cn__bad(m)) return m;
    if (m) cn__fail_with(m);
    cn__making_failed(g->k, g->name);
    cn_free(m);
    return NULL;
}

cn_model *cn__making_functional(cn__making *k, const cn__json *config, const char *name)
{
    const cn__json *layers = cn__json_get(config, "layers");
    net       g = { .k = k, .name = name ? name : "functional" };
    cn_model *m = NULL;
    if (!cn__json_is(layers, CN__JSON_ARRAY))
        return cn__making_wrong(k, CN_E_FORMAT, "model \"%s\" has no list of layers.", g.name), NULL;
    if (layers->n > CN__LAYERS_MOST)
        return cn__making_wrong(k, CN_E_LIMIT, "model \"%s\" has %zu layers, at most %d are possible.", g.name,
                                layers->n, CN__LAYERS_MOST), NULL;
    g.at = cn__arena_alloc(k->r->mem, (layers->n + 1) * sizeof *g.at);
    g.sorted = cn__arena_alloc(k->r->mem, (layers->n + 1) * sizeof *g.sorted);
    if (!g.at || !g.sorted) return cn__nomem(k->r->ctx), NULL;
    if (read_layers(&g, layers) && make_calls(&g)) m = cut_model(&g, config, name);
    for (size_t i = 0; i < g.n && !m; i++) cn_free(g.at[i].made.model);
    return m;
}
