/* csv_logger.c: CSVLogger: a line of a file for each epoch, in Keras's columns. A training that goes on goes on with
   its file: lines of epochs that are trained again are taken out of it. */
#include "base/file.h"
#include "model/callbacks.h"
#include <stdlib.h>
#include <string.h>

typedef struct csv {
    cn__out *out;                                        /* NULL: not yet, or no more */
    bool     header, started;                            /* there is to be one; the columns are known */
    bool     resumed;                                    /* the file may have lines too many */
    int64_t  length;                                     /* bytes of the file that belong to what was done */
    int      n;
    const char *key[CN_MAX_LIST * 4];
} csv;

/* Whether it can be written is known before anything is trained; what stands in it stays until the first line. */
static cn_status csv_open(cn__callback *c)
{
    const cn_csv_logger_args *a = c->args;
    csv    *s = c->state;
    cn_ctx *ctx = c->m->obj.ctx;
    bool    there = false;
    if (!a->filename) return cn__fail(ctx, c->site, CN_E_VALUE, "CSVLogger: there is no file name.");
    if (!a->separator || strlen(a->separator) != 1)
        return cn__fail(ctx, c->site, CN_E_VALUE, "CSVLogger: .separator is one character.");
    cn_status status = a->append == CN_YES ? cn__file_look(ctx, c->site, a->filename, &there) : CN_OK;
    if (status) return status;
    s->header = !there;
    if (there) {
        size_t n;
        unsigned char *bytes = cn__read_file(ctx, c->site, a->filename, false, 0, &n);
        if (!bytes) return (cn_error)(ctx);
        cn__free(ctx, bytes, n + 1);
        s->length = (int64_t)n;
    }
    s->out = cn__out_open(ctx, c->site, a->filename, true);
    return s->out ? CN_OK : (cn_error)(ctx);
}

/* Emptied, or with the lines only that belong to the training that goes on. */
static cn_status csv_begin(cn__callback *c, csv *s)
{
    const cn_csv_logger_args *a = c->args;
    cn_ctx   *ctx = c->m->obj.ctx;
    size_t    n = 0;
    cn_status status = CN_OK;
    if (!s->resumed && a->append == CN_YES) return CN_OK;
    status = cn__out_close(s->out);
    s->out = NULL;
    if (!status && s->resumed) {
        unsigned char *bytes = cn__read_file(ctx, c->site, a->filename, false, 0, &n);
        if (!bytes) status = (cn_error)(ctx);
        else if (n > (size_t)s->length)
            status = cn__write_file(ctx, c->site, a->filename, bytes, (size_t)s->length);
        cn__free(ctx, bytes, n + 1);
    }
    if (!status && !(s->out = cn__out_open(ctx, c->site, a->filename, s->resumed))) status = (cn_error)(ctx);
    s->resumed = false;
    return status;
}

static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

/* Keras: sorted; columns for a validation that has not come yet. */
static cn_status csv_columns(cn__callback *c, csv *s)
{
    bool validation = false;
    for (size_t i = 0; i < c->m->results.n && s->n < (int)CN__COUNT(s->key) / 2; i++) {
        const cn__result *r = &c->m->results.at[i];
        if (r->stamp != c->m->stamp) continue;
        s->key[s->n++] = r->name;
        validation = validation || !strncmp(r->name, "val_", 4);
    }
    qsort(s->key, (size_t)s->n, sizeof *s->key, by_text);
    for (int i = 0, n = s->n; !validation && i < n; i++)
        if (!(s->key[s->n++] = cn__arena_printf(c->mem, "val_%s", s->key[i]))) return cn__nomem(c->m->obj.ctx);
    return CN_OK;
}

static cn_status csv_epoch(cn__callback *c, const cn_event *e)
{
    const cn_csv_logger_args *a = c->args;
    csv      *s = c->state;
    char      number[32];
    cn__text  line = { .ctx = c->m->obj.ctx };
    bool      first = !s->started;
    cn_status status = first || s->resumed ? csv_begin(c, s) : CN_OK;
    if (!status && first) status = csv_columns(c, s);
    if (status) return status;
    s->started = true;
    if (first && s->header) {
        cn__text_add(&line, "epoch");
        for (int i = 0; i < s->n; i++) cn__text_add(&line, "%s%s", a->separator, s->key[i]);
        cn__text_add(&line, "\r\n");
    }
    cn__text_add(&line, "%lld", (long long)e->epoch);
    for (int i = 0; i < s->n; i++) {
        const cn__result *r = cn__result_find(c->m, s->key[i]);
        cn__text_add(&line, "%s%s", a->separator, r && r->stamp == c->m->stamp ? cn__repr(r->value, number) : "NA");
    }
    cn__text_add(&line, "\r\n");
    status = line.nomem ? cn__nomem(c->m->obj.ctx) : cn__out_write(s->out, cn__text_get(&line), line.n);
    s->length += (int64_t)line.n;
    cn__text_free(&line);
    return status;
}

static cn_status csv_end(cn__callback *c, const cn_event *e)
{
    csv *s = c->state;
    (void)e;
    cn_status status = s->started && !s->resumed ? CN_OK : csv_begin(c, s);
    cn__out  *out = s->out;
    s->out = NULL;
    return status ? status : cn__out_close(out);
}

static void csv_snap(cn__callback *c, cn__snap *snap)
{
    csv *s = c->state;
    s->header = cn__snap_number(snap, s->header) != 0;
    s->started = cn__snap_number(snap, s->started) != 0;
    s->length = cn__snap_number(snap, s->length);
    size_t n = cn__snap_count(snap, (size_t)s->n, 1);
    if (n > CN__COUNT(s->key) || s->length < 0) cn__snap_bad(snap, "its CSV file is none");
    for (size_t i = 0; !snap->bad && i < n; i++) {
        const char *key = cn__snap_text(snap, s->key[i]);
        if (snap->mode != CN__SNAP_READ) continue;
        if (!(s->key[i] = cn__arena_text(c->mem, key))) cn__snap_bad(snap, "there is no memory for its columns");
    }
    if (snap->mode == CN__SNAP_READ && !snap->bad) s->n = (int)n, s->resumed = true;
}

static void csv_close(cn__callback *c)
{
    csv *s = c->state;
    (void)cn__out_close(s->out);
}
const cn__callback_ops cn__callback_csv_logger = {
    .on = { [CN__ON_EPOCH_END] = csv_epoch, [CN__ON_TRAIN_END] = csv_end },
    .state = sizeof(csv),
    .open = csv_open,
    .snap = csv_snap,
    .close = csv_close
};
