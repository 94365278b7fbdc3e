/* snapshot.c: all that a training is, as bytes, and back: variables, results, and of a fit that runs its place in the
   data and what its callbacks remember. The same bytes are cn_snapshot's array and BackupAndRestore's file.

   A format of our own, since it is read by the same library only and holds what no other format has words for: a head
   with the version, and of each part its size and CRC-32, so that a damaged file is known before a byte of it is used;
   then the parts. Numbers are little-endian, 8 bytes each; texts and lists have their length before them. */
#include "model/snapshot.h"
#include "base/deflate.h"
#include <string.h>

enum { VERSION = 1, VARIABLES = 0, RESULTS, COURSE, PARTS };
static const char *const part_name[PARTS] = { "variables", "results", "course" };
typedef struct head {
    char     magic[8];
    uint32_t version, parts;
    struct { uint64_t size; uint32_t crc, zero; } part[PARTS];
} head;
static const char magic[8] = { 'C', 'O', 'R', 'N', 'U', 'f', 'i', 't' };

/* ---- Bytes ------------------------------------------------------------------------------------------------------- */
void cn__snap_bad(cn__snap *s, const char *what)
{
    if (!s->bad) s->bad = what;
}

const char *cn__snap_skip(cn__snap *s, size_t n)
{
    if (n > s->n - s->i) cn__snap_bad(s, "it is cut short");
    if (s->bad) return NULL;
    s->i += n;
    return s->at + (s->i - n);
}

void cn__snap_bytes(cn__snap *s, void *bytes, size_t n)
{
    if (s->mode == CN__SNAP_READ) {
        const char *at = cn__snap_skip(s, n);
        if (at && n) memcpy(bytes, at, n);
        return;
    }
    if (s->mode == CN__SNAP_WRITE && n) memcpy(s->at + s->i, bytes, n);
    s->i += n;
}

int64_t cn__snap_number(cn__snap *s, int64_t v)
{
    cn__snap_bytes(s, &v, sizeof v);
    return v;
}

double cn__snap_real(cn__snap *s, double v)
{
    cn__snap_bytes(s, &v, sizeof v);
    return v;
}

size_t cn__snap_count(cn__snap *s, size_t n, size_t each)
{
    uint64_t count = (uint64_t)cn__snap_number(s, (int64_t)n);
    if (s->mode == CN__SNAP_READ && !s->bad && count > (s->n - s->i) / each)
        cn__snap_bad(s, "it counts more than there is");
    return s->bad ? 0 : (size_t)count;
}

const char *cn__snap_text(cn__snap *s, const char *text)
{
    size_t n = cn__snap_count(s, s->mode == CN__SNAP_READ || !text ? 0 : strlen(text) + 1, 1);
    if (s->mode != CN__SNAP_READ) return cn__snap_bytes(s, (void *)(uintptr_t)text, n), text;
    const char *at = cn__snap_skip(s, n);
    if (at && (!n || at[n - 1] || memchr(at, 0, n - 1))) cn__snap_bad(s, "a text of it does not end");
    return s->bad ? "" : at;
}

/* ---- Variables --------------------------------------------------------------------------------------------------- */
typedef CN__VEC(cn__var *) variables;

static bool add_optimizer(cn_ctx *ctx, variables *all, const cn__optimizer *o)
{
    for (size_t i = 0; i < o->vars.n; i++)
        if (!cn__push(ctx, all, o->vars.at[i])) return false;
    return true;
}

/* Weights, random state, optimizers: whatever a step may change. */
static cn_status collect(cn_model *m, const char *site, variables *all)
{
    cn_ctx   *ctx = m->obj.ctx;
    cn_status status = cn__model_check(m, site);
    if (!status && !m->built)
        status = cn__fail(ctx, site, CN_E_STATE,
                          "model \"%s\" has no weights yet, its input's shape is not known. Use cn_sequential(c, {28, "
                          "28}).", m->layer->name);
    if (!status) status = cn__model_weights_ready(m, site);
    if (!status && m->training) status = cn__training_optimizer(m);
    if (!status && (!cn__model_table(m) || !cn__model_rng(m))) status = (cn_error)(ctx);
    if (status) return status;
    bool ok = true;
    for (size_t i = 0; ok && i < m->table.n; i++) ok = cn__push(ctx, all, m->table.at[i].weight->var);
    ok = ok && cn__push(ctx, all, m->rng) && (!m->training || add_optimizer(ctx, all, &m->training->optimizer));
    for (size_t i = 0; ok && i < m->optimizers.n; i++) ok = add_optimizer(ctx, all, m->optimizers.at[i]);
    return ok ? CN_OK : cn__nomem(ctx);
}

static const char *optimizer_of(const cn_model *m) { return m->training ? m->training->optimizer.spec.cls->name : ""; }

static void write_variables(cn__snap *s, const cn_model *m, const variables *all)
{
    cn__snap_text(s, optimizer_of(m));
    cn__snap_count(s, all->n, 1);
    for (size_t i = 0; i < all->n; i++) {
        cn__var *v = all->at[i];
        cn__snap_text(s, v->path);
        cn__snap_number(s, v->type.dtype);
        cn__snap_count(s, v->type.rank, 1);
        for (int k = 0; k < v->type.rank; k++) cn__snap_number(s, v->type.dim[k]);
        cn__snap_bytes(s, cn__var_master(v), cn__type_bytes(&v->type));
    }
}

/* The next variable's type, as far as it can be one. */
static void read_type(cn__snap *s, cn__type *t)
{
    *t = (cn__type){ .dtype = 0 };
    int64_t dtype = cn__snap_number(s, 0);
    size_t  rank = cn__snap_count(s, 0, sizeof(int64_t));
    if (dtype < 1 || dtype > CN_BOOL || rank > CN_MAX_RANK) cn__snap_bad(s, "it has a variable of no known type");
    if (s->bad) return;
    t->dtype = (uint8_t)dtype, t->rank = (uint8_t)rank;
    for (size_t k = 0; k < rank; k++) t->dim[k] = cn__snap_number(s, 0);
}

/* commit: what was looked through before. */
static cn_status read_variables(cn__snap s, const cn_model *m, const variables *all, const char *site,
                                const char *what, bool commit)
{
    cn_ctx     *ctx = m->obj.ctx;
    const char *optimizer = cn__snap_text(&s, NULL);
    size_t      n = cn__snap_count(&s, 0, 1);
    char        here[CN__SHAPE_TEXT], there[CN__SHAPE_TEXT];
    if (!s.bad && strcmp(optimizer, optimizer_of(m)) != 0)
        return cn__fail(ctx, site, CN_E_STATE, "%s holds the state of optimizer %s, model \"%s\" has %s.", what,
                        *optimizer ? optimizer : "none", m->layer->name,
                        m->training ? optimizer_of(m) : "none: call cn_compile before");
    if (!s.bad && n != all->n)
        return cn__fail(ctx, site, CN_E_SHAPE, "%s holds %zu variables, model \"%s\" has %zu.", what, n, m->layer->name,
                        all->n);
    for (size_t i = 0; !s.bad && i < n; i++) {
        cn__type    type;
        cn__var    *v = all->at[i];
        const char *path = cn__snap_text(&s, NULL);
        read_type(&s, &type);
        if (!s.bad && !cn__type_equal(&type, &v->type))
            return cn__fail(ctx, site, CN_E_SHAPE, "%s: variable %zu is \"%s\", %s %s; the model's is \"%s\", %s %s.",
                            what, i, path, cn__dtype_name((cn_dtype)type.dtype),
                            cn__shape_text(type.rank, type.dim, there), v->path,
                            cn__dtype_name((cn_dtype)v->type.dtype), cn__shape_text(v->type.rank, v->type.dim, here));
        const char *at = cn__snap_skip(&s, cn__type_bytes(&v->type));
        if (!at || !commit) continue;
        memcpy(cn__var_master(v), at, cn__type_bytes(&v->type));
        cn__var_touch(v);
    }
    if (!s.bad && s.i != s.n) cn__snap_bad(&s, "it is longer than it should be");
    return s.bad ? cn__fail(ctx, site, CN_E_FORMAT, "%s: the variables are damaged: %s.", what, s.bad) : CN_OK;
}

/* ---- Results ----------------------------------------------------------------------------------------------------- */
static void write_results(cn__snap *s, const cn_model *m)
{
    cn__snap_count(s, m->results.n, 1);
    for (size_t i = 0; i < m->results.n; i++) {
        const cn__result *r = &m->results.at[i];
        cn__snap_text(s, r->name);
        cn__snap_real(s, r->value);
        cn__snap_number(s, r->stamp == m->stamp);
        size_t n = cn__snap_count(s, r->history.n, sizeof(double));
        cn__snap_bytes(s, r->history.at, n * sizeof(double));
    }
}

static cn_status read_results(cn__snap s, cn_model *m, const char *site, const char *what, bool commit)
{
    size_t n = cn__snap_count(&s, 0, 1);
    if (commit) cn__history_clear(m), m->stamp++;
    for (size_t i = 0; !s.bad && i < n; i++) {
        const char *name = cn__snap_text(&s, NULL);
        double      value = cn__snap_real(&s, 0);
        bool        current = cn__snap_number(&s, 0) != 0;
        size_t      epochs = cn__snap_count(&s, 0, sizeof(double));
        const char *history = cn__snap_skip(&s, epochs * sizeof(double));
        if (s.bad || !commit) continue;
        cn__result *r = cn__result_make(m, "", name);
        if (!r || !cn__history_reserve(m, r, (int64_t)epochs)) return CN_E_NOMEM;
        r->value = value, r->stamp = current ? m->stamp : 0;
        for (size_t k = 0; k < epochs; k++, history += sizeof(double)) {
            memcpy(&value, history, sizeof value);
            if (!cn__push(m->obj.ctx, &r->history, value)) return cn__nomem(m->obj.ctx);
        }
    }
    if (!s.bad && s.i != s.n) cn__snap_bad(&s, "they are longer than they should be");
    return s.bad ? cn__fail(m->obj.ctx, site, CN_E_FORMAT, "%s: the results are damaged: %s.", what, s.bad) : CN_OK;
}

/* ---- The course of a fit ----------------------------------------------------------------------------------------- */
/* Its place, the sums of the epoch's metrics, the callbacks' memory. */
static void course(cn__snap *s, const cn_model *m, cn__course *c)
{
    const cn__training *t = m->training;
    cn__snap_bytes(s, &c->place, sizeof c->place);
    size_t n = cn__snap_count(s, t->gauges.n, sizeof(double));
    if (n != t->gauges.n) cn__snap_bad(s, "it counts other metrics");
    for (size_t i = 0; !s->bad && i < n; i++) {
        cn__var *v = t->gauges.at[i].sum[0];
        if (cn__snap_count(s, (size_t)t->gauges.at[i].sums, sizeof(double)) != (size_t)t->gauges.at[i].sums)
            cn__snap_bad(s, "it has other metrics");
        if (!s->bad) cn__snap_bytes(s, cn__var_master(v), cn__type_bytes(&v->type));
    }
    if (!s->bad) cn__callbacks_snap(c->callbacks, s);
}

/* What nobody but a fit can have written. */
static void check_place(cn__snap *s, const cn__milestone *p)
{
    bool counted = p->count != CN_ANY;
    if (s->bad) return;
    if (p->epoch < 0 || p->epoch == INT64_MAX || p->stage < CN__BEFORE_EPOCH || p->stage > CN__AFTER_EPOCH ||
        p->batches < 0 || p->samples < p->batches || (p->samples && (p->samples - 1) / p->batch_size >= p->batches) ||
        p->steps < 0 || p->begun < 0 || p->start < 0 || p->start > INT64_MAX - p->samples ||
        (counted && p->start + p->samples > p->count))
        cn__snap_bad(s, "no training can be there");
}

static cn_status check_same(const cn_model *m, const cn__milestone *was, const cn__milestone *is, const char *site)
{
    const struct { const char *name; int64_t was, is;
    } n[] = { { "batch_size", was->batch_size, is->batch_size },
              { "samples", was->count, is->count },
              { "steps_per_epoch", was->steps_per_epoch, is->steps_per_epoch },
              { "shuffle", was->shuffle, is->shuffle } };
    for (size_t i = 0; i < CN__COUNT(n); i++)
        if (n[i].was != n[i].is)
            return cn__fail(m->obj.ctx, site, CN_E_STATE,
                            "cn_fit: the training that is to go on had %s %lld, this one has %lld. Give it what it "
                            "had, or begin anew without the backup.",
                            n[i].name, (long long)n[i].was, (long long)n[i].is);
    return CN_OK;
}

void cn__course_drop(cn_model *m)
{
    cn__free(m->obj.ctx, m->waiting, m->nwaiting);
    m->waiting = NULL, m->nwaiting = 0;
}

cn_status cn__course_resume(cn_model *m, cn__course *c, const char *site, bool *resumed)
{
    cn_ctx   *ctx = m->obj.ctx;
    cn__milestone is = c->place;
    cn__snap  s = { .ctx = ctx, .mode = CN__SNAP_READ, .at = m->waiting, .n = m->nwaiting };
    *resumed = m->waiting != NULL;
    if (!m->waiting) return CN_OK;
    cn__snap_bytes(&s, &c->place, sizeof c->place);
    cn_status status = s.bad ? CN_OK : check_same(m, &c->place, &is, site);
    s.i = 0;
    if (!status) course(&s, m, c), check_place(&s, &c->place);
    if (!status && !s.bad && s.i != s.n) cn__snap_bad(&s, "it is longer than it should be");
    if (!status && s.bad)
        status = cn__fail(ctx, site, CN_E_STATE,
                          "cn_fit: the training that is to go on is not this one: %s. Give the same metrics and "
                          "callbacks, or begin anew without the backup.", s.bad);
    cn__course_drop(m);
    return status;
}

/* ---- The whole --------------------------------------------------------------------------------------------------- */
static void write_part(cn__snap *s, const cn_model *m, const variables *all, int part)
{
    if (part == VARIABLES) write_variables(s, m, all);
    else if (part == RESULTS) write_results(s, m);
    else if (m->course) {
        m->course->place.stopped = atomic_load(&m->stop);
        course(s, m, m->course);
    }
}

char *cn__snapshot_make(cn_model *m, const char *site, size_t *n)
{
    cn_ctx   *ctx = m->obj.ctx;
    variables all = { NULL, 0, 0 };
    head      h = { .version = VERSION, .parts = PARTS };
    size_t    size = sizeof h, at = sizeof h;
    char     *bytes = NULL;
    memcpy(h.magic, magic, sizeof magic);
    if (!collect(m, site, &all)) {
        for (int i = 0; i < PARTS; i++) {
            cn__snap s = { .ctx = ctx, .mode = CN__SNAP_MEASURE };
            write_part(&s, m, &all, i);
            h.part[i].size = s.i, size += s.i;
        }
        if (!(bytes = cn__alloc(ctx, size))) cn__nomem(ctx);
    }
    for (int i = 0; bytes && i < PARTS; i++) {
        cn__snap s = { .ctx = ctx, .mode = CN__SNAP_WRITE, .at = bytes + at };
        write_part(&s, m, &all, i);
        h.part[i].crc = cn__crc32(0, bytes + at, s.i);
        at += s.i;
    }
    if (bytes) memcpy(bytes, &h, sizeof h);
    cn__vec_free(ctx, &all);
    *n = size;
    return bytes;
}

/* Head and checksums: after this the bytes are what was written, if not what was meant. */
static cn_status open_parts(cn_ctx *ctx, const char *site, const char *what, const char *at, size_t n, cn__snap *part)
{
    head   h;
    size_t from = sizeof h;
    if (n < sizeof h || memcmp(at, magic, sizeof magic) != 0)
        return cn__fail(ctx, site, CN_E_FORMAT, "%s is no snapshot of a training.", what);
    memcpy(&h, at, sizeof h);
    if (h.version != VERSION || h.parts != PARTS)
        return cn__fail(ctx, site, CN_E_UNSUPPORTED, "%s has version %u of the format, this library reads version %d.",
                        what, (unsigned)h.version, VERSION);
    for (int i = 0; i < PARTS; i++) {
        if (h.part[i].size > n - from)
            return cn__fail(ctx, site, CN_E_FORMAT, "%s is cut short: the %s should have %llu bytes from byte %zu on.",
                            what, part_name[i], (unsigned long long)h.part[i].size, from);
        part[i] = (cn__snap){ .ctx = ctx, .mode = CN__SNAP_READ, .at = (char *)(uintptr_t)at + from,
                              .n = (size_t)h.part[i].size };
        if (cn__crc32(0, at + from, part[i].n) != h.part[i].crc || h.part[i].zero)
            return cn__fail(ctx, site, CN_E_FORMAT,
                            "%s is damaged: the checksum of the %s (%zu bytes from byte %zu on) is wrong.", what,
                            part_name[i], part[i].n, from);
        from += part[i].n;
    }
    return from == n ? CN_OK
                     : cn__fail(ctx, site, CN_E_FORMAT, "%s: %zu bytes follow its end.", what, n - from);
}

cn_status cn__snapshot_read(cn_model *m, const char *site, const char *what, const char *at, size_t n)
{
    cn_ctx   *ctx = m->obj.ctx;
    variables all = { NULL, 0, 0 };
    cn__snap  part[PARTS] = { { .ctx = ctx } };
    char     *waiting = NULL;
    cn_status status = open_parts(ctx, site, what, at, n, part);
    if (!status) status = collect(m, site, &all);
    if (!status) status = read_variables(part[VARIABLES], m, &all, site, what, false);
    if (!status) status = read_results(part[RESULTS], m, site, what, false);
    if (!status && part[COURSE].n && !(waiting = cn__alloc(ctx, part[COURSE].n))) status = cn__nomem(ctx);
    if (!status) status = read_results(part[RESULTS], m, site, what, true);
    if (!status) status = read_variables(part[VARIABLES], m, &all, site, what, true);
    if (status) cn__free(ctx, waiting, part[COURSE].n);
    else {
        cn__course_drop(m);
        if (waiting) memcpy(m->waiting = waiting, part[COURSE].at, m->nwaiting = part[COURSE].n);
    }
    cn__vec_free(ctx, &all);
    return status;
}

/* ---- In memory --------------------------------------------------------------------------------------------------- */
cn_array *cn_snapshot(cn_model *m)
{
    if (!m) return NULL;
    cn_ctx   *ctx = m->obj.ctx;
    cn_array *a = cn__array_blank(ctx);
    size_t    n = 0;
    if (cn__bad(m)) return cn__inherit(a, m);
    char     *bytes = cn__bad(a) ? NULL : cn__snapshot_make(m, NULL, &n);
    if (!bytes) return cn__poison_recorded(a);
    if (!cn__array_shape(a, NULL, CN_UINT8, 1, (int64_t[]){ (int64_t)n }, false)) cn__free(ctx, bytes, n);
    else cn__array_take(a, bytes, n);
    return a;
}

cn_status cn_restore(cn_model *m, const cn_array *snapshot)
{
    if (cn__bad(m)) return m ? cn__fail_with(m) : CN_E_NOMEM;
    if (cn__bad(snapshot)) return snapshot ? cn__fail_with(snapshot) : CN_E_NOMEM;
    cn_ctx *ctx = m->obj.ctx;
    if (m->running)
        return cn__fail(ctx, NULL, CN_E_STATE, "cn_restore: model \"%s\" is at work.", m->layer->name);
    if (snapshot->head.dtype != CN_UINT8 || snapshot->head.rank != 1)
        return cn__fail(ctx, NULL, CN_E_DTYPE, "cn_restore: the array is not one that cn_snapshot gave.");
    return cn__snapshot_read(m, NULL, "cn_restore: the array", snapshot->data, (size_t)snapshot->head.dim[0]);
}
