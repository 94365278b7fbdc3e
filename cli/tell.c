/* tell.c: what is said of a training: in lines, as JSON, as a page. */
#include "training.h"
#include <math.h>
#include <string.h>

static char *layer_text(const cn_advice *a)              /* "784 - 256 - 128 - 10" */
{
    char *text = print_to("%lld", (long long)a->inputs);
    for (int i = 0; i < CN_ADVICE_LAYERS && a->hidden[i]; i++)
        text = print_to("%s - %lld", text, (long long)a->hidden[i]);
    return print_to("%s - %lld", text, (long long)a->outputs);
}

static char *reasons(const training *t)
{
    const cn_advice *a = &t->p.advice;
    lines all = { 0 };
    if (t->p.said.n) add_line(&all, "%.*s", (int)t->p.said.n - 1, t->p.said.text);
    add_line(&all, "%.*s", (int)strlen(a->why) - 1, a->why);
    if (!t->p.pictures) add_line(&all, "Inputs are standardised by the mean and spread of the training part.");
    if (is_regression(t))
        add_line(&all, "The last layer turns standardised predictions back into the units of %s.", t->p.target);
    add_line(
        &all,
        "Training stops when the validation loss has not improved for %lld epochs, and keeps the weights of the best.",
        (long long)a->patience);
    return all.text;
}

void print_plan(const training *t)
{
    const problem *p = &t->p;
    printf("%s%s: %s samples to learn from, %s held out to check%s%s\n", p->source,
           p->pictures ? "" : print_to(", predicting %s", p->target), with_commas(p->train.n),
           with_commas(p->validation.n), p->test.x ? ", test samples: " : "", p->test.x ? with_commas(p->test.n) : "");
    printf("%s", reasons(t));
    printf("Network: %s, %s parameters.\n\n", layer_text(&p->advice), with_commas(p->advice.parameters));
}

static void print_scores(const training *t, const char *name, const scores *s)
{
    if (!s->there) return;
    if (is_regression(t))
        printf("%-11s mean absolute error %-9.4g root mean squared error %.4g\n", name, s->mae, s->rmse);
    else printf("%-11s accuracy %.4f   loss %.4f\n", name, s->accuracy, s->loss);
}

void print_results(const training *t)
{
    print_scores(t, "training", &t->train);
    print_scores(t, "validation", &t->validation);
    print_scores(t, "test", &t->test);
    if (t->s->out) printf("model: %s\n", t->s->out);
    if (t->s->report) printf("report: %s\n", t->s->report);
}

static void json_scores(const training *t, const char *name, const scores *s)
{
    if (!s->there) return;
    printf(", \"%s\": {\"loss\": ", name), print_json_number(stdout, s->loss);
    if (is_regression(t)) {
        printf(", \"mae\": "), print_json_number(stdout, s->mae);
        printf(", \"rmse\": "), print_json_number(stdout, s->rmse);
    } else printf(", \"accuracy\": "), print_json_number(stdout, s->accuracy);
    printf("}");
}

void print_json(const training *t)
{
    const cn_advice *a = &t->p.advice;
    printf("{\"task\": \"%s\", \"inputs\": %lld, \"outputs\": %lld, \"parameters\": %lld, \"epochs\": %lld, "
           "\"seconds\": %.3f",
           cn_task_name(a->task), (long long)a->inputs, (long long)a->outputs, (long long)a->parameters,
           (long long)t->epochs, t->seconds);
    json_scores(t, "train", &t->train), json_scores(t, "validation", &t->validation), json_scores(t, "test", &t->test);
    printf("}\n");
}

/* ---- The report -------------------------------------------------------------------------------------------------- */
static char *score_text(const training *t, const scores *s)
{
    return is_regression(t) ? print_to("%.4g", s->mae) : print_to("%.2f %%", 100 * s->accuracy);
}

/* As a shell takes it. */
static const char *quoted(const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./,=:";
    if (*word && word[strspn(word, plain)] == 0) return word;
    char *text = need(4 * strlen(word) + 3, 1), *out = text;
    *out++ = '\'';
    for (; *word; word++) {
        if (*word == '\'') memcpy(out, "'\\''", 4), out += 4;
        else *out++ = *word;
    }
    *out = '\'';
    return text;
}

static char *command_text(const settings *s)
{
    char *c = print_to("cornu train %s", quoted(s->data));
    if (s->target) c = print_to("%s --target %s", c, quoted(s->target));
    if (s->test) c = print_to("%s --test %s", c, quoted(s->test));
    if (s->task) c = print_to("%s --task %s", c, s->task);
    if (s->hidden_text) c = print_to("%s --hidden %s", c, s->hidden_text);
    if (s->activation) c = print_to("%s --activation %s", c, s->activation);
    if (s->epochs) c = print_to("%s --epochs %lld", c, (long long)s->epochs);
    if (s->batch_size) c = print_to("%s --batch-size %lld", c, (long long)s->batch_size);
    if (s->optimizer) c = print_to("%s --optimizer %s", c, s->optimizer);
    if (s->learning_rate > 0) c = print_to("%s --learning-rate %s", c, number_text(s->learning_rate));
    if (s->validation_split != 0.2) c = print_to("%s --validation-split %s", c, number_text(s->validation_split));
    return print_to("%s --seed %lld --report %s", c, (long long)s->seed, quoted(s->report));
}

cn_status write_report(const training *t)
{
    const problem   *p = &t->p;
    const cn_advice *a = &p->advice;
    const part      *on = p->test.x ? &p->test : &p->validation;
    const scores    *best = p->test.x ? &t->test : &t->validation;
    const char *what = p->test.x ? "test" : "held-out", *slash = strrchr(p->source, '/');
    const char *task = is_regression(t) ? print_to("to predict a number, %s", p->target)
                     : p->pictures ? print_to("to tell %lld classes of pictures apart", (long long)a->classes)
                                   : print_to("to tell which of %lld classes %s is", (long long)a->classes, p->target);
    const char *lead = print_to("The task: %s, from %s %s. The network has learnt it in %s seconds.", task,
                                with_commas(a->inputs), p->pictures ? "pixels" : a->inputs > 1 ? "inputs" : "input",
                                seconds_text(t->seconds));
    cn_fact error = { print_to("%s root mean squared error", what), print_to("%.4g", best->rmse) };
    cn_fact again = { "accuracy on the training part", score_text(t, &t->train) };
    return cn_report(
        t->m, t->s->report, on->x, on->y,
        .title = p->title ? p->title : print_to("%s from %s", p->target, slash ? slash + 1 : p->source), .lead = lead,
        .reasons = reasons(t), .class_names = p->class_names, .input_names = p->input_names, .label = p->target,
        .measured_on =
            print_to("%s %s samples%s", with_commas(on->n), what,
                     p->test.x ? ", which played no part in the training" : ", which also chose when to stop"),
        .results = { { print_to("%s %s", what, is_regression(t) ? "mean absolute error" : "accuracy"),
                       score_text(t, best) },
                     is_regression(t) ? error : again,
                     { "parameters", with_commas(a->parameters) },
                     { print_to("epochs, the best: %lld", (long long)t->best + 1), with_commas(t->epochs) } },
        .facts = { { "source", p->source },
                   { "samples", print_to("%s to learn from, %s held out%s%s", with_commas(p->train.n),
                                         with_commas(p->validation.n), p->test.x ? ", for the test " : "",
                                         p->test.x ? with_commas(p->test.n) : "") },
                   { "inputs", with_commas(a->inputs) },
                   { "to be predicted", is_regression(t)
                                            ? print_to("%s, a number", p->target)
                                            : print_to("%s, one of %lld classes", p->target, (long long)a->classes) },
                   { "network", layer_text(a) },
                   { "batch size, learning rate", print_to("%lld, %g", (long long)a->batch_size, a->learning_rate) } },
        .command = command_text(t->s));
}
