/* error.c: errors are values that stick. A handle that could not be made points to its error, which is shared by all
   that is built of it; the context keeps one record: what last failed to act, or else what first failed to build. */
#include "base/context.h"
#include <stdio.h>

/* Carried where there is no memory for the whole message. */
static const cn__error bare[] = {
#define BARE(name, number, text) { CN_##name, text " (and there is no memory to say more)" },
    CN_STATUS_MAP(BARE)
#undef BARE
};

const char *(cn_status_text)(cn_status status)
{
    switch (status) {
#define TEXT(name, number, text) case CN_##name: return text;
    CN_STATUS_MAP(TEXT)
#undef TEXT
    default: return "no status of this library";
    }
}

static bool is_failure(cn_status status)
{
    for (size_t i = 0; i < CN__COUNT(bare); i++)
        if (bare[i].status == status) return status != CN_OK;
    return false;
}

/* ---- Texts ------------------------------------------------------------------------------------------------------- */
void cn__error_set(cn__error *e, const char *site, cn_status status, const char *format, va_list args)
{
    static const char dots[] = "...";
    char text[CN__ERROR_TEXT];                           /* aside: the arguments may be e's own text */
    int  n = site ? snprintf(text, sizeof text, "%s: ", site) : 0;
    size_t at = n < 0 ? 0 : CN__MIN((size_t)n, sizeof text - 1);
    n = vsnprintf(text + at, sizeof text - at, format, args);
    if (n < 0) text[at] = 0;
    else if ((size_t)n >= sizeof text - at) {
        size_t end = sizeof text - sizeof dots;
        while (end > 0 && ((unsigned char)text[end] & 0xc0) == 0x80) end--;  /* not within a character */
        memcpy(text + end, dots, sizeof dots);
    }
    e->status = status;
    memcpy(e->text, text, sizeof text);
}

void cn__error_print(cn__error *e, const char *site, cn_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    cn__error_set(e, site, status, format, args);
    va_end(args);
}

/* ---- Errors that handles share ----------------------------------------------------------------------------------- */
static bool is_bare(const cn__error *e)
{
    for (size_t i = 0; i < CN__COUNT(bare); i++)
        if (e == &bare[i]) return true;
    return false;
}

static const cn__error *keep(cn_ctx *ctx, const cn__error *e)
{
    cn__shared_error *s = cn__alloc(ctx, sizeof *s);
    if (!s) {
        const cn__error *b = bare;
        while (b->status != e->status) b++;
        return b;
    }
    s->error = *e, s->refs = 1, s->prev = NULL;
    pthread_mutex_lock(&ctx->lock);
    s->next = ctx->errors;
    if (s->next) s->next->prev = s;
    ctx->errors = s;
    pthread_mutex_unlock(&ctx->lock);
    return &s->error;
}

static cn__shared_error *shared(const cn_ctx *ctx, const cn__error *e)
{
    return !e || is_bare(e) || e == &ctx->no_memory ? NULL : (cn__shared_error *)(uintptr_t)e;
}

void cn__error_ref(cn_ctx *ctx, const cn__error *e)
{
    cn__shared_error *s = shared(ctx, e);
    if (!s) return;
    pthread_mutex_lock(&ctx->lock);
    s->refs++;
    pthread_mutex_unlock(&ctx->lock);
}

void cn__error_unref(cn_ctx *ctx, const cn__error *e)
{
    cn__shared_error *s = shared(ctx, e);
    if (!s) return;
    pthread_mutex_lock(&ctx->lock);
    bool last = --s->refs == 0;
    if (last) {
        if (s->prev) s->prev->next = s->next;
        else ctx->errors = s->next;
        if (s->next) s->next->prev = s->prev;
    }
    pthread_mutex_unlock(&ctx->lock);
    if (last) cn__free(ctx, s, sizeof *s);
}

void cn__errors_free(cn_ctx *ctx)
{
    for (cn__shared_error *s = ctx->errors, *next; s; s = next) {
        next = s->next;
        cn__free(ctx, s, sizeof *s);
    }
    ctx->errors = NULL;
}

/* ---- What builds ------------------------------------------------------------------------------------------------- */
void cn__record(cn_ctx *ctx, const cn__error *e, bool acted)
{
    pthread_mutex_lock(&ctx->lock);
    if (acted || !ctx->record.status) ctx->record = *e;
    pthread_mutex_unlock(&ctx->lock);
}

void *cn__poison(void *handle, const char *site, cn_status status, const char *format, ...)
{
    cn__obj *h = handle;
    if (!h || h->err) return handle;
    cn__error e;
    va_list   args;
    va_start(args, format);
    cn__error_set(&e, site, status, format, args);
    va_end(args);
    h->err = keep(h->ctx, &e);
    cn__record(h->ctx, &e, false);
    return handle;
}

void *cn__inherit(void *handle, const void *from)
{
    cn__obj *h = handle;
    const cn__obj *f = from;
    if (!h || h->err || (f && !f->err)) return handle;
    if (!f) return cn__poison(handle, NULL, CN_E_NOMEM, "%s", (cn_error_message)(f));
    if (f->ctx == h->ctx) cn__error_ref(h->ctx, h->err = f->err);
    else h->err = keep(h->ctx, f->err);
    cn__record(h->ctx, h->err, false);
    return handle;
}

bool cn__bad(const void *handle) { return !handle || ((const cn__obj *)handle)->err; }

cn_status cn__status_of(const void *handle)
{
    const cn__obj *h = handle;
    return !h ? CN_E_NOMEM : h->err ? h->err->status : CN_OK;
}

/* ---- What acts --------------------------------------------------------------------------------------------------- */
cn_status cn__fail(cn_ctx *ctx, const char *site, cn_status status, const char *format, ...)
{
    if (!ctx) return status;
    cn__error e;
    va_list   args;
    va_start(args, format);
    cn__error_set(&e, site, status, format, args);
    va_end(args);
    cn__record(ctx, &e, true);
    return status;
}

cn_status cn__fail_with(const void *handle)
{
    const cn__obj *h = handle;
    if (h && h->err) cn__record(h->ctx, h->err, true);
    return cn__status_of(handle);
}

cn_status cn__nomem(cn_ctx *ctx)
{
    if (!ctx) return CN_E_NOMEM;
    cn__error e;
    cn__memory_why(ctx, &e);
    cn__record(ctx, &e, true);
    return e.status;
}

cn_status (cn_fail)(cn_ctx *ctx, cn_status status, const char *message)
{
    if (!is_failure(status)) status = CN_E_USER;
    return cn__fail(ctx, NULL, status, "%s", message ? message : cn_status_text(status));
}

/* ---- Asked by the user ------------------------------------------------------------------------------------------- */
/* The error that counts for a handle: of a context that on record, or else the one that cn_open left on it. */
static const cn__error *error_of(const void *handle)
{
    const cn__obj *h = handle;
    static const cn__error sound = { CN_OK, "" };
    static const cn__error no_context = { CN_E_NOMEM, "out of memory: cn_open could not make a context" };
    if (!h) return &no_context;
    const cn__error *on_record = &h->ctx->record;
    if (h->kind == CN__CTX && on_record->status) return on_record;
    return h->err ? h->err : &sound;
}

cn_status   (cn_error)(const void *handle)         { return error_of(handle)->status; }
const char *(cn_error_message)(const void *handle) { return error_of(handle)->text; }

void (cn_clear_error)(cn_ctx *ctx)
{
    if (!ctx) return;
    pthread_mutex_lock(&ctx->lock);
    ctx->record = (cn__error){ CN_OK, "" };
    pthread_mutex_unlock(&ctx->lock);
}
