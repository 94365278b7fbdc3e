/* options.c: the options of a verb, all from its table: parsing, help, errors. */
#include "cli.h"
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_OPTIONS = 32, HELP = 1000 };

int usage_error(const verb *v, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "cornu%s%s: ", v ? " " : "", v ? v->name : "");
    vfprintf(stderr, format, args);
    fprintf(stderr, "\nTry `cornu%s%s --help`.\n", v ? " " : "", v ? v->name : "");
    va_end(args);
    return EXIT_USAGE;
}

int failure(cn_ctx *c)
{
    fprintf(stderr, "cornu: %s\n", cn_error_message(c));
    return EXIT_FAILED;
}

int end(cn_ctx *c, cn_status failed)
{
    int code = failed ? failure(c) : EXIT_DONE;
    return cn_close(c) ? EXIT_FAILED : code;
}

void print_help(FILE *to, const verb *v)
{
    fprintf(to, "usage: cornu %s%s%s%s\n\n%s\n", v->name, *v->arguments ? " " : "", v->arguments,
            v->options->name ? " [options]" : "", v->purpose);
    if (v->options->name) fprintf(to, "\nOptions:\n");
    for (const option_row *o = v->options; o->name; o++) {
        char left[64];
        snprintf(left, sizeof left, "%s%s%s", o->name, o->argument ? " " : "", o->argument ? o->argument : "");
        fprintf(to, "  %-26s %s\n", left, o->help);
    }
    fprintf(to, "  %-26s %s\n\nExamples:\n%s", "--help", "this text", v->examples);
}

static bool parse_number(const char *text, double *value)
{
    char *end;
    errno = 0;
    *value = strtod(text, &end);
    return end != text && !*end && !errno && isfinite(*value);
}

static int set_option(const verb *v, const option_row *o, const char *given, settings *s)
{
    char  *at = (char *)s + o->offset;
    double number;
    switch (o->kind) {
    case OPTION_FLAG: *(bool *)(void *)at = true; return 0;
    case OPTION_TEXT:
        if (!*given) return usage_error(v, "%s: its %s is empty", o->name, o->argument);
        *(const char **)(void *)at = given;
        return 0;
    case OPTION_TEXTS: {
        texts *all = (texts *)(void *)at;
        if (!*given) return usage_error(v, "%s: its %s is empty", o->name, o->argument);
        if (all->n == CN_MAX_IO) return usage_error(v, "%s: %d at most", o->name, CN_MAX_IO);
        all->at[all->n++] = given;
        return 0;
    }
    case OPTION_WHOLE:
    case OPTION_NUMBER:
        if (!parse_number(given, &number) || (o->kind == OPTION_WHOLE && number != floor(number)))
            return usage_error(v, "%s: \"%s\" is not a %snumber", o->name, given,
                               o->kind == OPTION_WHOLE ? "whole " : "");
        if (number < o->least || number > o->most)
            return usage_error(v, "%s: %s is out of range (%.10g to %.10g)", o->name, given, o->least, o->most);
        if (o->kind == OPTION_WHOLE) *(int64_t *)(void *)at = (int64_t)number;
        else *(double *)(void *)at = number;
        return 0;
    }
    return 0;
}

/* getopt's own messages are turned off: they would name the program, not the verb. */
static int complain(const verb *v, int c, char **argv)
{
    const char *last = argv[optind - 1];
    if (c == ':') return usage_error(v, "%s needs a value", last);
    if (optopt && optopt < 256) return usage_error(v, "there is no option -%c", optopt);
    if (optopt) return usage_error(v, "%s takes no value", last);
    const char *names[MOST_OPTIONS];
    int n = 0;
    for (const option_row *o = v->options; o->name; o++) names[n++] = o->name;
    const char *near = nearest(print_to("%.*s", (int)strcspn(last, "="), last), names, n);
    return usage_error(v, "there is no option %s%s", last, near ? print_to("; did you mean %s?", near) : "");
}

int parse_options(const verb *v, int argc, char **argv, settings *s)
{
    struct option list[MOST_OPTIONS] = { { NULL, 0, NULL, 0 } };
    int n = 0, c;
    for (const option_row *o = v->options; o->name; o++, n++)
        list[n] =
            (struct option){ o->name + 2, o->kind == OPTION_FLAG ? no_argument : required_argument, NULL, 256 + n };
    list[n] = (struct option){ "help", no_argument, NULL, HELP };
    opterr = 0, optind = 1;
    while ((c = getopt_long(argc, argv, ":h", list, NULL)) != -1) {
        if (c == HELP || c == 'h') return print_help(stdout, v), 1 + EXIT_DONE;
        if (c < 256) return 1 + complain(v, c, argv);
        int wrong = set_option(v, &v->options[c - 256], optarg, s);
        if (wrong) return 1 + wrong;
    }
    if (argc - optind < v->least) {
        const char *word = v->arguments;                 /* of those by place, the first that is not there */
        for (int i = optind; i < argc; i++) word += strcspn(word, " "), word += strspn(word, " ");
        return 1 + usage_error(v, "%.*s is missing", (int)strcspn(word, " "), word);
    }
    if (argc - optind > v->most) return 1 + usage_error(v, "what is \"%s\" for?", argv[optind + v->most]);
    for (int i = 0; optind + i < argc; i++) *(const char **)(void *)((char *)s + v->place[i]) = argv[optind + i];
    return 0;
}
