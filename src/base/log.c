/* log.c: messages and progress, to whoever asked for them. */
#include "base/context.h"
#include <stdio.h>

void cn__log(cn_ctx *ctx, cn_level level, const char *format, ...)
{
    if (!ctx || !ctx->log.log || level > ctx->log_level) return;
    char    few[1024], *text = few;
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int    n = vsnprintf(few, sizeof few, format, args);
    size_t size = n < 0 ? 0 : (size_t)n + 1;
    if (size > sizeof few) {                         /* a summary may be long; without memory its beginning has to do */
        text = cn__alloc(ctx, size);
        if (text) vsnprintf(text, size, format, again);
        else text = few;
    }
    va_end(again);
    va_end(args);
    if (size) ctx->log.log(level, text, ctx->log.user);
    if (text != few) cn__free(ctx, text, size);
}

bool cn__log_silent(const cn_ctx *ctx) { return !ctx || !ctx->log.log; }

void (cn_log_stderr)(cn_level level, const char *text, void *user)
{
    (void)user;
    fprintf(stderr, level == CN_LOG_PROGRESS ? "%s" : level <= CN_LOG_WARNING ? "cornu: %s\n" : "%s\n", text);
    fflush(stderr);
}
