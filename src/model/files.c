/* files.c: what saves and loads. This version has no file format yet; each of these says so, and where they will be
 * they stand. */
#include "model/model.h"

#define NO_FORMAT "this version has no file format yet"

static cn_status refuse(const void *handle, const char *site, const char *verb, const char *path)
{
    if (cn__bad(handle)) return handle ? cn__fail_with(handle) : CN_E_NOMEM;
    return cn__fail((cn_ctx_of)(handle), site, CN_E_UNSUPPORTED, "%s%s%s%s: " NO_FORMAT ".", verb, path ? " \"" : "",
                    path ? path : "", path ? "\"" : "");
}

cn_model *(cn_load)(cn_load_args *given)
{
    CN__ARGS(cn_load_args, a, given);
    cn_model *m = cn__new(a.on, CN__MODEL, sizeof *m, NULL);
    return cn__poison(m, a.head.site, CN_E_UNSUPPORTED, "cn_load \"%s\": " NO_FORMAT ".", a.path ? a.path : "(null)");
}

cn_status (cn_load_weights)(cn_load_weights_args *given)
{
    CN__ARGS(cn_load_weights_args, a, given);
    return refuse(a.on, a.head.site, "cn_load_weights", a.path);
}

cn_status cn_save(cn_model *m, const char *path) { return refuse(m, NULL, "cn_save", path); }
cn_status cn_restore(cn_model *m, const cn_array *snapshot)
{
    return cn__bad(snapshot) ? cn__fail_with(snapshot) : refuse(m, NULL, "cn_restore", NULL);
}

const char *cn_to_json(cn_model *m)
{
    refuse(m, NULL, "cn_to_json", NULL);
    return NULL;
}

cn_array *cn_snapshot(cn_model *m)
{
    if (!m) return NULL;
    cn_array *a = cn__array_blank(m->obj.ctx);
    return cn__bad(m) ? cn__inherit(a, m) : cn__poison(a, NULL, CN_E_UNSUPPORTED, "cn_snapshot: " NO_FORMAT ".");
}
