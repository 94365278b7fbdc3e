/* checkpoints.c: callbacks that save: ModelCheckpoint the model, by cn_save; BackupAndRestore the training itself, by
   snapshots. */
#include "base/file.h"
#include "model/callbacks.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Keras's save_freq: every so many batches, counted over epochs. */
static bool is_due(int64_t *batches, int64_t save_freq)
{
    if (++*batches < save_freq) return false;
    *batches = 0;
    return true;
}

static cn_status check_save_freq(const cn__callback *c, int64_t save_freq)
{
    return save_freq >= 0 ? CN_OK
                          : cn__fail(c->m->obj.ctx, c->site, CN_E_VALUE,
                                     "%s: save_freq is %lld, it must be 0 (every epoch) or a number of batches.",
                                     c->cls->name, (long long)save_freq);
}

/* ---- Paths with results in them ---------------------------------------------------------------------------------- */
/* A subset of Python's str.format: {name}, {name:[0][width][.precision]type}, type d, e, f or g; {{ and }}. */
typedef struct place { char name[128]; bool zero; int width, precision; char type; } place;     /* -1, 0: not given */

static const char *number(const char *p, int *n)
{
    enum { MOST = 64 };
    for (*n = 0; *p >= '0' && *p <= '9'; p++) *n = CN__MIN(*n * 10 + (*p - '0'), MOST);
    return p;
}

/* What stands behind "{", up to behind "}"; NULL: it is not like that. */
static const char *read_place(const char *p, place *to)
{
    size_t n = strcspn(p, ":{}");
    *to = (place){ .width = -1, .precision = -1 };
    if (!n || n >= sizeof to->name) return NULL;
    memcpy(to->name, p, n);
    p += n;
    if (*p == ':') {
        if ((to->zero = *++p == '0')) p++;
        if (*p >= '1' && *p <= '9') p = number(p, &to->width);
        if (*p == '.') {
            const char *digits = p + 1;
            p = number(digits, &to->precision);
            if (p == digits) return NULL;
        }
        if (*p && strchr("defg", *p)) to->type = *p++;
        if (to->type == 'd' && to->precision >= 0) return NULL;
    }
    return *p == '}' ? p + 1 : NULL;
}

static void add_place(cn__text *path, const place *w, double value, bool whole)
{
    char text[512];
    int  width = CN__MAX(w->width, 0), precision = w->precision < 0 ? 6 : w->precision;
    if (w->type == 'd' || (!w->type && whole))
        snprintf(text, sizeof text, w->zero ? "%0*lld" : "%*lld", width, (long long)value);
    else if (w->type == 'f') snprintf(text, sizeof text, w->zero ? "%0*.*f" : "%*.*f", width, precision, value);
    else if (w->type == 'e') snprintf(text, sizeof text, w->zero ? "%0*.*e" : "%*.*e", width, precision, value);
    else if (w->type == 'g' || w->precision >= 0)
        snprintf(text, sizeof text, w->zero ? "%0*.*g" : "%*.*g", width, precision, value);
    else cn__repr(value, text);
    cn__text_add(path, "%s", text);
}

static cn_status bad_path(const cn__callback *c, cn_status status, const char *filepath, const char *why,
                          const char *name)
{
    return cn__fail(c->m->obj.ctx, c->site, status, "%s: the path \"%s\" %s%s.", c->cls->name, filepath, why, name);
}

/* e NULL: only looks whether it can be read. batch: it may stand there. */
static cn_status make_path(cn__callback *c, const char *filepath, const cn_event *e, bool batch, cn__text *path)
{
    place w;
    for (const char *p = filepath; *p;) {
        if (*p != '{' && *p != '}') {
            cn__text_bytes(path, p++, 1);
            continue;
        }
        if (p[1] == *p) {
            cn__text_bytes(path, p, 1), p += 2;
            continue;
        }
        if (*p == '}' || !(p = read_place(p + 1, &w)))
            return bad_path(c, CN_E_VALUE, filepath, "has braces that are not like {epoch:02d} or {loss:.2f}", "");
        bool epoch = !strcmp(w.name, "epoch"), of_batch = batch && !strcmp(w.name, "batch");
        const cn__result *r = epoch || of_batch || !e ? NULL : cn__result_find(c->m, w.name);
        if (!epoch && !of_batch && e && (!r || r->stamp != c->m->stamp))
            return bad_path(c, CN_E_NAME, filepath, "names a result that is not there: ", w.name);
        if (w.type == 'd' && !epoch && !of_batch)
            return bad_path(c, CN_E_VALUE, filepath, "has d for a number with a fraction: ", w.name);
        if (!w.type && w.width >= 0 && w.precision < 0 && !epoch && !of_batch)
            return bad_path(c, CN_E_VALUE, filepath, "has no e, f or g behind the width of ", w.name);
        if (e) add_place(path, &w, epoch ? (double)(e->epoch + 1) : of_batch ? (double)(e->batch + 1) : r->value, !r);
    }
    return path->nomem ? cn__nomem(c->m->obj.ctx) : CN_OK;
}

/* ---- ModelCheckpoint --------------------------------------------------------------------------------------------- */
typedef struct checkpoint { cn__monitor w; int64_t batches; } checkpoint;

static bool ends(const char *text, const char *end)
{
    size_t n = strlen(text), k = strlen(end);
    return n > k && !strcmp(text + n - k, end);
}

static cn_status checkpoint_open(cn__callback *c)
{
    const cn_model_checkpoint_args *a = c->args;
    checkpoint *s = c->state;
    cn__text    path = { .ctx = c->m->obj.ctx };
    const char *wanted = a->save_weights_only == CN_YES ? ".weights.h5" : ".keras";
    if (!a->filepath) return bad_path(c, CN_E_VALUE, "", "is missing", "");
    if (!ends(a->filepath, wanted) && (a->save_weights_only == CN_YES || !ends(a->filepath, ".h5")))
        return cn__fail(c->m->obj.ctx, c->site, CN_E_VALUE,
                        a->save_weights_only == CN_YES
                            ? "ModelCheckpoint: with .save_weights_only the path must end in %s, this is \"%s\"."
                            : "ModelCheckpoint: the path must end in %s, this is \"%s\".", wanted, a->filepath);
    if (a->initial_value_threshold != 0) s->w.any = true, s->w.best = a->initial_value_threshold;
    c->train_batches = a->save_freq > 0;
    cn_status status = check_save_freq(c, a->save_freq);
    if (!status) status = make_path(c, a->filepath, NULL, a->save_freq > 0, &path);
    cn__text_free(&path);
    return status;
}

/* Whether now is the time, in Keras's words. */
static cn_status is_better(cn__callback *c, const cn_event *e, const char *path, bool *save)
{
    const cn_model_checkpoint_args *a = c->args;
    checkpoint *s = c->state;
    cn_model   *m = c->m;
    char        best[64] = "None";
    const cn__result *r = cn__result_find(m, a->monitor);
    *save = true;
    if (!r || r->stamp != m->stamp)
        return cn__log(m->obj.ctx, CN_LOG_WARNING, "Can save best model only with %s available.", a->monitor), CN_OK;
    cn_status status = cn__monitor_direct(c, &s->w, a->monitor, a->mode);
    if (status) return status;
    if (s->w.any) snprintf(best, sizeof best, "%.5f", s->w.best);
    *save = cn__monitor_best(&s->w, r->value, a->min_delta);
    if (a->verbose > 0 && *save)
        cn__say(m, "\nEpoch %lld: %s improved from %s to %.5f, saving model to %s", (long long)e->epoch + 1, a->monitor,
                best, r->value, path);
    else if (a->verbose > 0)
        cn__say(m, "\nEpoch %lld: %s did not improve from %s", (long long)e->epoch + 1, a->monitor, best);
    return CN_OK;
}

static cn_status checkpoint_save(cn__callback *c, const cn_event *e, bool batch)
{
    const cn_model_checkpoint_args *a = c->args;
    cn_model *m = c->m;
    cn__text  text = { .ctx = m->obj.ctx };
    bool      save = true;
    cn_status status = make_path(c, a->filepath, e, batch, &text);
    const char *path = cn__text_get(&text), *slash = strrchr(path, '/');
    if (!status && a->save_best_only == CN_YES) status = is_better(c, e, path, &save);
    else if (!status && a->verbose > 0)
        cn__say(m, "\nEpoch %lld: saving model to %s", (long long)e->epoch + 1, path);
    if (!status && save && slash) status = cn__make_folder(m->obj.ctx, c->site, path, (size_t)(slash - path));
    if (!status && save) status = cn_save(m, path);
    if (!status && save && a->verbose > 0)
        cn__say(m, "\nEpoch %lld: finished saving model to %s", (long long)e->epoch + 1, path);
    cn__text_free(&text);
    return status;
}

static cn_status checkpoint_batch(cn__callback *c, const cn_event *e)
{
    const cn_model_checkpoint_args *a = c->args;
    checkpoint *s = c->state;
    return a->save_freq && is_due(&s->batches, a->save_freq) ? checkpoint_save(c, e, true) : CN_OK;
}

static cn_status checkpoint_epoch(cn__callback *c, const cn_event *e)
{
    const cn_model_checkpoint_args *a = c->args;
    return a->save_freq ? CN_OK : checkpoint_save(c, e, false);
}

static void checkpoint_snap(cn__callback *c, cn__snap *snap)
{
    checkpoint *s = c->state;
    cn__monitor_snap(&s->w, snap);
    s->batches = cn__snap_number(snap, s->batches);
}
const cn__callback_ops cn__callback_model_checkpoint = {
    .on = { [CN__ON_TRAIN_BATCH_END] = checkpoint_batch, [CN__ON_EPOCH_END] = checkpoint_epoch },
    .state = sizeof(checkpoint),
    .open = checkpoint_open,
    .snap = checkpoint_snap
};

/* ---- BackupAndRestore -------------------------------------------------------------------------------------------- */
typedef struct backup { const char *path, *beside, *previous; int64_t batches; } backup;

static cn_status backup_open(cn__callback *c)
{
    const cn_backup_and_restore_args *a = c->args;
    backup *s = c->state;
    cn_ctx *ctx = c->m->obj.ctx;
    if (!a->backup_dir || !*a->backup_dir)
        return cn__fail(ctx, c->site, CN_E_VALUE, "BackupAndRestore: there is no folder. Name one: "
                                                  "cn_backup_and_restore(\"backup\").");
    s->path = cn__arena_printf(c->mem, "%s/training.backup", a->backup_dir);
    s->beside = cn__arena_printf(c->mem, "%s/training.backup.new", a->backup_dir);
    s->previous = cn__arena_printf(c->mem, "%s/training.backup.previous", a->backup_dir);
    if (!s->path || !s->beside || !s->previous) return cn__nomem(ctx);
    c->train_batches = a->save_freq > 0;
    return check_save_freq(c, a->save_freq);
}

/* After all others, so that what they did is in it. Written beside, flushed, renamed: there is a whole one at any
   time. */
static cn_status backup_write(cn__callback *c)
{
    const cn_backup_and_restore_args *a = c->args;
    backup *s = c->state;
    cn_ctx *ctx = c->m->obj.ctx;
    size_t  n;
    char   *bytes = cn__snapshot_make(c->m, c->site, &n);
    if (!bytes) return (cn_error)(ctx);
    cn_status status = cn__make_folder(ctx, c->site, a->backup_dir, strlen(a->backup_dir));
    if (!status && a->double_checkpoint == CN_YES) status = cn__rename_file(ctx, c->site, s->path, s->previous);
    if (!status) status = cn__write_file_by(ctx, c->site, s->path, s->beside, bytes, n);
    cn__free(ctx, bytes, n);
    return status;
}

static cn_status backup_read(cn__callback *c, const char *path)
{
    cn_ctx *ctx = c->m->obj.ctx;
    size_t  n;
    unsigned char *bytes = cn__read_file(ctx, c->site, path, false, 0, &n);
    if (!bytes) return (cn_error)(ctx);
    cn_status status = cn__snapshot_read(c->m, c->site, path, (const char *)bytes, n);
    cn__free(ctx, bytes, n + 1);
    if (!status) cn__log(ctx, CN_LOG_INFO, "BackupAndRestore: the training goes on from %s.", path);
    return status;
}

static cn_status backup_begin(cn__callback *c, const cn_event *e)
{
    backup *s = c->state;
    cn_ctx *ctx = c->m->obj.ctx;
    bool    latest, previous;
    (void)e;
    cn_status status = cn__file_look(ctx, c->site, s->path, &latest);
    if (!status) status = cn__file_look(ctx, c->site, s->previous, &previous);
    if (status) return status;
    if (latest) status = backup_read(c, s->path);
    if (!previous || (latest && status != CN_E_IO && status != CN_E_FORMAT)) return status;
    if (latest) cn__log(ctx, CN_LOG_WARNING, "%s The one before is taken.", (cn_error_message)(ctx));
    if (latest) cn_clear_error(ctx);
    return backup_read(c, s->previous);
}

static cn_status backup_batch(cn__callback *c, const cn_event *e)
{
    const cn_backup_and_restore_args *a = c->args;
    backup *s = c->state;
    (void)e;
    return a->save_freq && is_due(&s->batches, a->save_freq) ? backup_write(c) : CN_OK;
}

static cn_status backup_epoch(cn__callback *c, const cn_event *e)
{
    const cn_backup_and_restore_args *a = c->args;
    (void)e;
    return a->save_freq ? CN_OK : backup_write(c);
}

static cn_status backup_end(cn__callback *c, const cn_event *e)
{
    const cn_backup_and_restore_args *a = c->args;
    const backup *s = c->state;
    const char *const file[] = { s->previous, s->beside, s->path };          /* the latest last */
    cn_status status = CN_OK;
    (void)e;
    for (size_t i = 0; !status && a->delete_checkpoint != CN_NO && i < CN__COUNT(file); i++)
        status = cn__remove_file(c->m->obj.ctx, c->site, file[i]);
    return status;
}

static void backup_snap(cn__callback *c, cn__snap *snap)
{
    backup *s = c->state;
    s->batches = cn__snap_number(snap, s->batches);
}
const cn__callback_ops cn__callback_backup_and_restore = {
    .on = { [CN__ON_TRAIN_BEGIN] = backup_begin,
            [CN__ON_TRAIN_BATCH_END] = backup_batch,
            [CN__ON_EPOCH_END] = backup_epoch,
            [CN__ON_TRAIN_END] = backup_end },
    .state = sizeof(backup),
    .last = true,
    .open = backup_open,
    .snap = backup_snap,
    .stopped = backup_write
};
