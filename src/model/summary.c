/* summary.c: Keras's table of a model, character for character as Keras prints it on a wide terminal: 88 columns for a
   chain, 108 with "Connected to". Its drawing is that of Python's rich: columns shrink evenly, cells wrap at words. */
#include "model/model.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { COLUMNS = 4, CELL = 1024 };
typedef struct layout { int n, width[COLUMNS]; } layout; /* content of a cell, without its two blanks */

static const char *const header[COLUMNS] = { "Layer (type)", "Output Shape", "Param #", "Connected to" };

/* keras.src.utils.summary_utils and rich's ratio_reduce. */
static layout make_layout(bool chain)
{
    static const double positions[2][COLUMNS] = { { 0.3, 0.56, 0.74, 1.0 }, { 0.45, 0.80, 1.0 } };
    layout l = { .n = chain ? 3 : 4 };
    int length = chain ? 88 : 108, current = 0, total = 0;
    for (int i = 0; i < l.n; i++) {
        int width = (int)(positions[chain][i] * length) - current;
        current += width;
        l.width[i] = width + 2;
        total += width + 2;
    }
    int excess = total - (length - l.n - 1);
    for (int i = 0; i < l.n; i++) {
        int less = (int)nearbyint((double)excess / (l.n - i));               /* halves to even, as Python */
        l.width[i] -= less + 2;
        excess -= less;
    }
    return l;
}

/* ---- Drawing ----------------------------------------------------------------------------------------------------- */
static void rule(cn__text *t, const layout *l, const char *left, const char *line, const char *cross, const char *right)
{
    for (int i = 0; i < l->n; i++) {
        cn__text_add(t, "%s", i ? cross : left);
        for (int k = 0; k < l->width[i] + 2; k++) cn__text_add(t, "%s", line);
    }
    cn__text_add(t, "%s\n", right);
}

/* How many bytes of s go on a line of so many characters, at least one word; *skip: blanks that go with them. */
static size_t fit_line(const char *s, int width, size_t *skip)
{
    size_t end = 0, at = 0;
    int    used = 0;
    *skip = 0;
    while (s[at]) {
        size_t word = at;
        int    length = 0;
        while (s[word] && s[word] != ' ') length += ((unsigned char)s[word++] & 0xc0) != 0x80;
        if (end && used + length > width) break;
        end = word, used += length;
        while (s[word] == ' ') word++, used++;
        *skip = word - end;
        at = word;
    }
    return end;
}

static int characters(const char *s, size_t n)
{
    int count = 0;
    for (size_t i = 0; i < n; i++) count += ((unsigned char)s[i] & 0xc0) != 0x80;
    return count;
}

static void row(cn__text *t, const layout *l, const char *const cells[COLUMNS], const char *bar)
{
    const char *rest[COLUMNS];
    bool more = true;
    for (int i = 0; i < l->n; i++) rest[i] = cells[i];
    while (more) {
        more = false;
        cn__text_add(t, "%s", bar);
        for (int i = 0; i < l->n; i++) {
            size_t skip, n = fit_line(rest[i], l->width[i], &skip), shown = n;
            bool   right = i == 2, cut = characters(rest[i], n) > l->width[i];
            while (cut && characters(rest[i], shown) >= l->width[i]) shown--;
            int    blank = l->width[i] - characters(rest[i], shown) - cut;
            cn__text_add(t, " %*s%.*s%s%*s %s", right ? blank : 0, "", (int)shown, rest[i], cut ? "\xe2\x80\xa6" : "",
                         right ? 0 : blank, "", bar);
            rest[i] += n + skip;
            more = more || *rest[i];
        }
        cn__text_add(t, "\n");
    }
}

/* ---- What stands in the cells ------------------------------------------------------------------------------------ */
static const char *with_commas(int64_t n, char text[32])
{
    char digits[24];
    int  length = snprintf(digits, sizeof digits, "%lld", (long long)n), k = 0;
    for (int i = 0; i < length; i++) {
        text[k++] = digits[i];
        if (length - 1 - i && (length - 1 - i) % 3 == 0) text[k++] = ',';
    }
    text[k] = 0;
    return text;
}

static const char *readable(double bytes, char text[32])
{
    static const char *const units[] = { "B", "KB", "MB", "GB", "TB", "PB" };
    size_t u = 0;
    while (u + 1 < CN__COUNT(units) && bytes >= 1024) bytes /= 1024, u++;
    snprintf(text, 32, "%.2f %s", bytes, units[u]);
    return text;
}

static void shape(char *out, size_t size, const cn_tensor *t)
{
    size_t n = (size_t)snprintf(out, size, "(");
    for (int i = 0; i < t->head.rank && n < size; i++) {
        if (t->head.dim[i] < 0) n += (size_t)snprintf(out + n, size - n, "%sNone", i ? ", " : "");
        else n += (size_t)snprintf(out + n, size - n, "%s%lld", i ? ", " : "", (long long)t->head.dim[i]);
    }
    if (n < size) snprintf(out + n, size - n, ")");
}

static void output_shape(char *out, size_t size, const cn_layer *l)
{
    const cn__symcall *k = cn__side(l) ? cn__side(l)->last : NULL;
    if (!k) {
        snprintf(out, size, "?");
        return;
    }
    size_t n = 0;
    for (int i = 0; i < k->nout && n < size; i++) {
        n += (size_t)snprintf(out + n, size - n, "%s", i ? ", " : k->nout > 1 ? "[" : "");
        if (n < size) shape(out + n, size - n, k->out[i]);
        n += strlen(out + n);
    }
    if (k->nout > 1 && n < size) snprintf(out + n, size - n, "]");
}

static void connections(char *out, size_t size, const cn_model *m, const cn_layer *l)
{
    size_t n = 0;
    *out = 0;
    for (size_t i = 0; i < m->steps.n; i++) {
        const cn__symcall *k = m->steps.at[i].call;
        for (int j = 0; k->layer == l && j < k->nin && n < size; j++)
            n += (size_t)snprintf(out + n, size - n, "%s%s[%u][%d]", n ? ", " : "", k->in[j]->from->layer->name,
                                  k->in[j]->from->number, k->in[j]->index);
    }
    if (!n) snprintf(out, size, "-");
}

static int64_t params(const cn_layer *l)
{
    int64_t n = 0;
    if (l->model) return cn_count_params(l->model);
    for (size_t i = 0; i < l->weights.n; i++) n += cn__type_count(&l->weights.at[i]->var->type);
    for (size_t i = 0; i < l->inner.n; i++) n += params(l->inner.at[i]);
    return n;
}

static bool is_built(const cn_layer *l) { return l->model ? l->model->built : l->built; }

static const char *class_of(const cn_layer *l)           /* without the package of a registered one */
{
    const char *own = strrchr(l->cls->name, '>');
    return own ? own + 1 : l->cls->name;
}

static void layer_row(cn__text *t, const layout *l, const cn_model *m, const cn_layer *layer)
{
    char name[CELL], sizes[CELL], count[64], from[CELL] = "", number[32];
    snprintf(name, sizeof name, "%s (%s)", layer->name, class_of(layer));
    output_shape(sizes, sizeof sizes, layer);
    if (is_built(layer)) snprintf(count, sizeof count, "%s", with_commas(params(layer), number));
    else snprintf(count, sizeof count, "0 (unbuilt)");
    if (l->n > 3) connections(from, sizeof from, m, layer);
    row(t, l, (const char *const[]){ name, sizes, count, from }, "\xe2\x94\x82");
}

/* One layer behind the other, each once: then nobody needs to be told what is connected to what. */
static bool is_chain(const cn_model *m)
{
    if (m->sequential) return true;
    if (m->inputs.n != 1) return false;
    for (size_t i = 0; i < m->steps.n; i++) {
        const cn__step *s = &m->steps.at[i];
        if (s->call->nin != 1 || s->in[0] != (i ? m->steps.at[i - 1].out[0] : 0)) return false;
        for (size_t k = 0; k < i; k++)
            if (m->steps.at[k].call->layer == s->call->layer) return false;
    }
    return true;
}

static void total(cn__text *t, const char *what, int64_t n, double bytes)
{
    char number[32], size[32];
    cn__text_add(t, " %s params: %s (%s)\n", what, with_commas(n, number), readable(bytes, size));
}

static void totals(cn__text *t, cn_model *m)
{
    int64_t n[3] = { 0 };                                /* trainable, not, the optimizer's */
    double  bytes[3] = { 0 };
    bool    optimizer = m->training && m->training->ready;
    for (size_t i = 0; i < m->table.n; i++) {
        int k = !m->table.at[i].trainable;
        const cn__type *type = &m->table.at[i].weight->var->type;
        n[k] += cn__type_count(type), bytes[k] += (double)cn__type_bytes(type);
    }
    for (size_t i = 0; optimizer && i < m->training->optimizer.vars.n; i++) {
        const cn__type *type = &m->training->optimizer.vars.at[i]->type;
        n[2] += cn__type_count(type);
        bytes[2] += type->dtype == CN_INT64 ? 4 : (double)cn__type_bytes(type); /* Keras's count of steps is an int32 */
    }
    total(t, "Total", n[0] + n[1] + n[2], bytes[0] + bytes[1] + bytes[2]);
    total(t, "Trainable", n[0], bytes[0]);
    total(t, "Non-trainable", n[1], bytes[1]);
    if (optimizer) total(t, "Optimizer", n[2], bytes[2]);
}

const char *cn_summary(cn_model *m)
{
    if (cn__bad(m)) return m ? (cn_error_message)(m) : "";
    cn__text *t = &m->text;
    bool      chain = is_chain(m);
    layout    l = make_layout(chain);
    cn__text_clear(t);
    if (!cn__model_table(m)) return "";
    cn__text_add(t, "Model: \"%s\"\n", m->layer->name);
    rule(t, &l, "\xe2\x94\x8f", "\xe2\x94\x81", "\xe2\x94\xb3", "\xe2\x94\x93");
    row(t, &l, header, "\xe2\x94\x83");
    rule(t, &l, "\xe2\x94\xa1", "\xe2\x94\x81", "\xe2\x95\x87", "\xe2\x94\xa9");
    for (size_t i = 0; i < m->layers.n; i++) {
        if (i) rule(t, &l, "\xe2\x94\x9c", "\xe2\x94\x80", "\xe2\x94\xbc", "\xe2\x94\xa4");
        layer_row(t, &l, m, m->layers.at[i]);
    }
    rule(t, &l, "\xe2\x94\x94", "\xe2\x94\x80", "\xe2\x94\xb4", "\xe2\x94\x98");
    totals(t, m);
    if (t->nomem) return cn__nomem(m->obj.ctx), "";
    t->at[--t->n] = 0;                                   /* puts() gives the last end of line */
    return cn__text_get(t);
}
