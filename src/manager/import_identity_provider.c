/* Identity providers of a document. */
#include "manager/bodies.h"
#include "manager/identity_providers.h"
#include "manager/import.h"
#include "manager/resources.h"

static const tg_str_t projects_segment = TG_STR("projects");

/* `project` may be one that the document makes: then it has no id, and no providers. */
static tg_err_t provider_read(tg_import_t *im, const tg_resource_t *project, const json_t *object,
                              tg_provider_row_t *old, tg_identity_provider_t *out, tg_str_t *doc) {
    tg_str_t name = tg_json_str(object, "name");
    *old = (tg_provider_row_t){.row.id = 0};
    tg_err_t err = project->id != 0 && name.n > 0 ? tg_provider_find(im->c, project, name, old) : TG_ERR_NOTFOUND;
    if (err && err != TG_ERR_NOTFOUND) {
        return err;
    }
    return tg_provider_body(im->c, object, project, err ? NULL : old, out, doc);
}

tg_err_t tg_import_providers_check(tg_import_t *im, const tg_resource_t *project, const json_t *list, const char *at) {
    size_t i;
    const json_t *element;
    tg_at_t all = tg_at("%s.identityProviders", at);
    tg_err_t err = TG_OK;
    json_array_foreach(list, i, element) {
        tg_at_t here = tg_at("%s[%zu]", all.text, i);
        tg_provider_row_t old;
        tg_identity_provider_t p;
        tg_str_t doc;
        err = err ? err : tg_import_fault(im, provider_read(im, project, element, &old, &p, &doc), &here);
    }
    return err ? err : tg_import_unique(im, list, "name", &all);
}

static tg_err_t provider_note(tg_import_t *im, const tg_resource_t *project, tg_str_t name, const char *action) {
    static const tg_str_t segment = TG_STR("identityProviders");
    tg_str_t path;
    tg_err_t err = tg_import_path(im, TG_PARTS(projects_segment, project->name, segment, name), &path);
    return err ? err : tg_import_note(im, action, "identityProvider", path);
}

static tg_err_t provider_write(tg_import_t *im, const tg_resource_t *project, const json_t *object) {
    tg_provider_row_t old;
    tg_identity_provider_t p;
    tg_str_t doc;
    tg_err_t err = provider_read(im, project, object, &old, &p, &doc);
    if (err || tg_str_eq(doc, old.row.doc)) {
        return err;
    }
    bool there = old.row.id != 0;
    err = there ? tg_provider_change(im->c, &old, &p, doc) : tg_provider_add(im->c, project, &p, doc);
    return err ? err : provider_note(im, project, p.name, there ? "update" : "create");
}

tg_err_t tg_import_providers(tg_import_t *im, const tg_resource_t *project, const json_t *list, const char *at) {
    size_t i;
    const json_t *element;
    tg_err_t err = TG_OK;
    json_array_foreach(list, i, element) {
        tg_at_t here = tg_at("%s.identityProviders[%zu]", at, i);
        err = err ? err : tg_import_fault(im, provider_write(im, project, element), &here);
    }
    return err;
}

tg_err_t tg_import_providers_prune(tg_import_t *im, const tg_resource_t *project, const json_t *list) {
    tg_resource_t *rows = NULL;
    size_t n = 0;
    json_t *named = tg_import_name_set(list, "name");
    tg_err_t err = named == NULL  ? TG_ERR_NOMEM
                   : list != NULL ? tg_resource_all(im->c, TG_RES_IDENTITY_PROVIDER, project->id, &rows, &n)
                                  : TG_OK;
    for (size_t i = 0; !err && i < n; i++) {
        tg_provider_row_t row = {.project = *project, .row = rows[i]};
        if (!tg_import_has(named, rows[i].name)) {
            err = tg_provider_remove(im->c, &row);
            err = err ? err : provider_note(im, project, rows[i].name, "delete");
        }
    }
    json_decref(named);
    return err;
}
