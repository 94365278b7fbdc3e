/* progress.c: what cn_fit and cn_evaluate show when asked to: Keras's progress bar (keras.src.utils.Progbar), character
   for character, on a terminal; plain lines elsewhere. To the logger if there is one, else to stderr, for it was asked
   for. */
#include "model/model.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WIDTH = 20 };
#define DASH "\xe2\x94\x81"                              /* a heavy line, U+2501 */

static bool on_terminal(const cn_model *m) { return cn__log_silent(m->obj.ctx) && isatty(STDERR_FILENO); }

static void put(const cn_model *m, const char *text)     /* lines, or with control codes on a terminal */
{
    if (cn__log_silent(m->obj.ctx)) (void)fputs(text, stderr), (void)fflush(stderr);
    else cn__log(m->obj.ctx, CN_LOG_PROGRESS, "%s", text);
}

/* A new line in front is for a terminal, where the bar stands on the line. */
void cn__say(cn_model *m, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text - 1, format, args);
    va_end(args);
    if (n < 0) return;
    size_t end = CN__MIN((size_t)n, sizeof text - 2);
    text[end] = '\n', text[end + 1] = 0;
    put(m, *text == '\n' && !on_terminal(m) ? text + 1 : text);
}

const char *cn__repr(double value, char text[32])
{
    if (isnan(value)) return "nan";
    if (isinf(value)) return value > 0 ? "inf" : "-inf";
    for (int digits = 1; digits <= 17; digits++) {
        double back;
        snprintf(text, 32, "%.*g", digits, value);
        if (cn__parse_double(text, &back) && back == value) break;
    }
    if (fabs(value) < 1e16 && fabs(value) >= 1e-4 && strchr(text, 'e')) snprintf(text, 32, "%.0f", value);
    if (!strpbrk(text, ".e")) strcat(text, ".0");
    return text;
}

void cn__bar_open(cn__bar *b, cn_model *m, int64_t verbose, int64_t target, int64_t epochs)
{
    *b = (cn__bar){ .m = m, .verbose = verbose, .target = target, .epochs = epochs, .start = cn__now() };
}

void cn__bar_epoch(cn__bar *b, int64_t epoch)
{
    b->start = cn__now(), b->first = b->last = 0, b->width = 0;
    if (b->epochs > 1) cn__say(b->m, "Epoch %lld/%lld", (long long)epoch + 1, (long long)b->epochs);
}

/* ---- The line ---------------------------------------------------------------------------------------------------- */
static int by_name(const void *a, const void *b)
{
    const char *x = (*(const cn__result *const *)a)->name, *y = (*(const cn__result *const *)b)->name;
    bool rate_x = !strcmp(x, "learning_rate"), rate_y = !strcmp(y, "learning_rate");
    return rate_x != rate_y ? rate_x - rate_y : strcmp(x, y);
}

/* Results of this epoch, in the alphabet's order; the learning rate, which callbacks add, comes last. */
static void add_results(const cn__bar *b, cn__text *line)
{
    const cn__result *shown[CN_MAX_LIST * 4];
    size_t n = 0;
    for (size_t i = 0; i < b->m->results.n && n < CN__COUNT(shown); i++)
        if (b->m->results.at[i].stamp == b->m->stamp) shown[n++] = &b->m->results.at[i];
    qsort(shown, n, sizeof *shown, by_name);
    for (size_t i = 0; i < n; i++) {
        double v = shown[i]->value;
        cn__text_add(line, (b->verbose == 1 ? fabs(v) : v) > 1e-3 ? " - %s: %.4f" : " - %s: %.4e", shown[i]->name, v);
    }
}

static void add_rate(cn__text *line, double seconds)
{
    if (seconds >= 1 || seconds == 0) cn__text_add(line, " %.0fs/step", seconds);
    else if (seconds >= 1e-3) cn__text_add(line, " %.0fms/step", seconds * 1e3);
    else cn__text_add(line, " %.0fus/step", seconds * 1e6);
}

static void add_time(cn__text *line, double seconds)
{
    long long s = (long long)seconds;
    if (seconds > 3600) cn__text_add(line, "%lld:%02lld:%02lld", s / 3600, s % 3600 / 60, s % 60);
    else if (seconds > 60) cn__text_add(line, "%lld:%02lld", s / 60, s % 60);
    else cn__text_add(line, "%llds", s);
}

static int digits(int64_t n)
{
    int d = 1;
    while (n >= 10) n /= 10, d++;
    return d;
}

static void add_count(const cn__bar *b, cn__text *line, int64_t current)
{
    cn__text_add(line, "%*lld/%lld", digits(b->target), (long long)current, (long long)b->target);
}

static void add_dashes(cn__text *line, int n)
{
    while (n-- > 0) cn__text_add(line, DASH);
}

/* Length on the screen: characters, without control codes. */
static int seen_length(const char *s)
{
    int n = 0;
    for (; *s; s++) {
        if (*s == '\x1b') s += strcspn(s, "m");
        else if (((unsigned char)*s & 0xc0) != 0x80) n++;
    }
    return n;
}

static double per_step(cn__bar *b, int64_t current, double now)
{
    if (current < 1) return 0;
    double t = b->first != 0 && current > 1 ? (now - b->first) / (double)(current - 1)
                                            : (now - b->start) / (double)current;
    if (current == 1) b->first = now;
    return t;
}

static bool draw(cn__bar *b, int64_t current, bool final, double now, double step, bool terminal)
{
    cn__text line = { .ctx = b->m->obj.ctx };
    const char *bold = terminal ? "\x1b[1m" : "", *green = terminal ? "\x1b[32m" : "",
               *white = terminal ? "\x1b[37m" : "", *off = terminal ? "\x1b[0m" : "";
    if (b->target > 0) {
        int done = (int)(WIDTH * (double)current / (double)b->target);
        cn__text_add(&line, "%s", bold);
        add_count(b, &line, current);
        cn__text_add(&line, "%s ", off);
        if (done > 0) {
            cn__text_add(&line, "%s", green);
            add_dashes(&line, done);
            cn__text_add(&line, "%s", off);
        }
        cn__text_add(&line, "%s", white);
        add_dashes(&line, WIDTH - done);
        cn__text_add(&line, "%s", off);
    } else {
        cn__text_add(&line, "%7lld/Unknown", (long long)current);
    }
    cn__text_add(&line, " %s", bold);
    if (b->target > 0 && !final) add_time(&line, step * (double)(b->target - current));
    else cn__text_add(&line, "%.0fs", now - b->start);
    cn__text_add(&line, "%s", off);
    add_rate(&line, step);
    add_results(b, &line);

    cn__text all = { .ctx = b->m->obj.ctx };
    int width = seen_length(cn__text_get(&line));
    if (terminal) {
        for (int i = 0; i < b->width; i++) cn__text_add(&all, "\b");
        cn__text_add(&all, "\r");
    }
    cn__text_add(&all, "%s", cn__text_get(&line));
    for (int i = width; terminal && i < b->width; i++) cn__text_add(&all, " ");
    if (final) cn__text_add(&all, "\n");
    bool ok = !line.nomem && !all.nomem;
    if (ok) put(b->m, cn__text_get(&all));
    b->width = width;
    cn__text_free(&line);
    cn__text_free(&all);
    return ok || cn__nomem(b->m->obj.ctx) == CN_OK;
}

static bool write_line(cn__bar *b, int64_t current, double now, double step)
{
    cn__text line = { .ctx = b->m->obj.ctx };
    if (b->target > 0) add_count(b, &line, current);
    else cn__text_add(&line, "%lld/Unknown", (long long)current);
    cn__text_add(&line, " - %.0fs -", now - b->start);
    add_rate(&line, step);
    add_results(b, &line);
    cn__text_add(&line, "\n");
    bool ok = !line.nomem;
    if (ok) put(b->m, cn__text_get(&line));
    cn__text_free(&line);
    return ok || cn__nomem(b->m->obj.ctx) == CN_OK;
}

bool cn__bar_update(cn__bar *b, int64_t current, bool final)
{
    double now = cn__now(), step = per_step(b, current, now);
    bool   terminal = on_terminal(b->m);
    if (b->verbose == 2) return !final || write_line(b, current, now, step);
    if (!final && (!terminal || now - b->last < 0.05)) return true;
    b->last = now;
    return draw(b, current, final, now, step, terminal);
}
