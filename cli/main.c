/* main.c: the command `cornu`: which verb, and the help for all of them. Exit code 0: done; 1: it failed; 2: wrong
   usage. */
#include "cli.h"
#include <string.h>

#define VERB_ENTRY(name) &name##_verb,
#define VERB_NAME(name)  #name,
static const verb *const verbs[] = { VERBS(VERB_ENTRY) };
static const char *const names[] = { VERBS(VERB_NAME) };
enum { COUNT = sizeof verbs / sizeof *verbs };

static void print_all(FILE *to)
{
    fprintf(to, "Cornu: Keras for C.\n\nusage: cornu VERB [arguments] [options]\n\n");
    for (int i = 0; i < COUNT; i++)
        fprintf(to, "  %-9s %.*s\n", verbs[i]->name, (int)strcspn(verbs[i]->purpose, "\n"), verbs[i]->purpose);
    fprintf(
        to,
        "\n`cornu VERB --help` says more, with examples. A first try:\n\n  cornu train iris.csv --target species\n");
}

int main(int argc, char **argv)
{
    if (argc < 2) return print_all(stderr), EXIT_USAGE;
    const char *word = argv[1];
    if (!strcmp(word, "--help") || !strcmp(word, "-h") || !strcmp(word, "help")) return print_all(stdout), EXIT_DONE;
    if (!strcmp(word, "--version"))
        return printf("cornu %d.%d.%d\n", cn_version() / 1000000, cn_version() / 1000 % 1000, cn_version() % 1000),
               EXIT_DONE;
    for (int i = 0; i < COUNT; i++) {
        if (strcmp(verbs[i]->name, word)) continue;
        settings s = { .validation_split = 0.2, .seed = 1 };
        int wrong = parse_options(verbs[i], argc - 1, argv + 1, &s);
        return wrong ? wrong - 1 : verbs[i]->run(verbs[i], &s);
    }
    const char *near = nearest(word, names, COUNT);
    return usage_error(NULL, "there is no verb \"%s\"%s", word, near ? print_to("; did you mean %s?", near) : "");
}
