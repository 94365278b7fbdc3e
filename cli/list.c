/* list.c: cornu list: what there is, with options and defaults, from the library's own lists: an option, its
   default (- for none, "required"), what it means. */
#include "cli.h"
#include <string.h>

/* "CN_GLOROT_UNIFORM" is what C writes; in files and on the command line it is glorot_uniform. CN_NO_...: none. */
static const char *preset_text(const char *preset, char out[40])
{
    size_t n = 0;
    if (!strncmp(preset, "CN_NO_", 6)) return "-";
    if (strncmp(preset, "CN_", 3)) return preset;
    for (const char *p = preset + 3; *p && n < 39; p++) out[n++] = (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
    out[n] = 0;
    return out;
}

static void print_families(const cn_array *a)
{
    for (int64_t i = 0; i < cn_size_of(a, 0); i++) printf("%-14s %4s\n", cn_string(a, 4 * i), cn_string(a, 4 * i + 2));
    printf("\n`cornu list layers` shows the layers with their options.\n");
}

static void print_family(const cn_array *a)
{
    char lower[40];
    for (int64_t i = 0; i < cn_size_of(a, 0); i++) {
        const char *name = cn_string(a, 4 * i), *option = cn_string(a, 4 * i + 1), *preset = cn_string(a, 4 * i + 2),
                   *text = cn_string(a, 4 * i + 3);
        if (!*option) {
            printf("%-30s %s", name, text);
            if (*preset) printf("  (%s%s)", strcmp(preset, "composite") ? "also: " : "", preset);
            puts("");
            continue;
        }
        printf("    %-27s %-15s %s\n", option, preset_text(preset, lower), text);
    }
}

static int run(const verb *v, settings *s)
{
    cn_ctx   *c = cn_open(.threads = 1);
    cn_array *a = cn_catalog(c, s->data);
    if (cn_error(a) == CN_E_NAME) {
        int wrong = usage_error(v, "%s", cn_error_message(a));
        return (void)cn_close(c), wrong;
    }
    if (cn_error(c)) failure(c);
    else if (s->data) print_family(a);
    else print_families(a);
    return cn_close(c) ? EXIT_FAILED : EXIT_DONE;
}

static const option_row options[] = { { 0 } };
const verb list_verb = {
    "list",
    "[FAMILY]",
    "Lists what there is: layers, activations, losses, metrics, optimizers, schedules, initializers ...",
    "  cornu list\n  cornu list layers\n  cornu list losses\n",
    0,
    1,
    options,
    run,
    { 0 }
};
