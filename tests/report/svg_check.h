/* svg_check.h: is a chart well-formed XML without a number that is none? Enough of a reader for what the charts write.
   */
#ifndef SVG_CHECK_H
#define SVG_CHECK_H
#include "../data/files.h"

/* NULL: it is sound; else what is wrong. */
static const char *svg_wrong(const char *s)
{
    static char why[160];
    char  open[64][24];
    int   depth = 0;
    const char *lt = s;
    if (strncmp(s, "<svg ", 5)) return "does not begin with <svg";
    for (; (lt = strchr(lt, '<')); lt++) {
        char   name[24] = "";
        size_t n = 0;
        bool   close = lt[1] == '/';
        const char *p = lt + 1 + close, *gt = p;
        while (n < 23 && ((*p >= 'a' && *p <= 'z') || *p == 'G')) name[n++] = *p++;
        for (bool quoted = false; *gt && (quoted || *gt != '>'); gt++) {
            if (*gt == '"') quoted = !quoted;
            if (*gt == '<') return "a < within a tag";
        }
        if (!n || !*gt) return "a tag that does not end";
        if (close) {
            if (!depth || strcmp(open[--depth], name))
                return snprintf(why, sizeof why, "</%s> closes nothing", name), why;
        }
        else if (gt[-1] != '/') {
            if (depth == 64) return "too deep";
            strcpy(open[depth++], name);
        }
    }
    for (const char *amp = s; (amp = strchr(amp, '&')); amp++)
        if (strncmp(amp, "&lt;", 4) && strncmp(amp, "&gt;", 4) && strncmp(amp, "&amp;", 5) && strncmp(amp, "&quot;", 6))
            return "a & that is not escaped";
    if (strstr(s, "=\"nan") || strstr(s, "=\"-nan") || strstr(s, "=\"inf") || strstr(s, " nan"))
        return "a number that is none";
    return depth ? "a tag is left open" : NULL;
}

static inline int svg_count(const char *s, const char *part)
{
    int n = 0;
    for (; (s = strstr(s, part)); s += strlen(part)) n++;
    return n;
}

#define CHECK_SVG(chart)                                                                                  \
    do {                                                                                                  \
        const cn_array *c_ = (chart);                                                                     \
        if (cn_error(c_)) CHECK_FAIL("%s: %s", #chart, cn_error_message(c_));                             \
        else if (svg_wrong(cn_string(c_, 0))) CHECK_FAIL("%s: %s", #chart, svg_wrong(cn_string(c_, 0)));  \
    } while (0)
#endif
