/* Organizations of a document. */
#include "manager/bodies.h"
#include "manager/import.h"
#include "manager/organizations.h"
#include "manager/resources.h"

/* Of a project that the document makes: what was sealed for it goes, and is read again once it is there. */
#define NOT_YET (-1)

static const tg_str_t projects_segment = TG_STR("projects");

static tg_err_t organization_read(tg_import_t *im, const tg_resource_t *project, const json_t *object,
                                  tg_organization_t *out, tg_resource_t *row) {
    int64_t project_id = project != NULL ? project->id : NOT_YET;
    tg_err_t err = tg_import_old(im, TG_RES_ORGANIZATION, project, tg_json_str(object, "name"), row);
    return err ? err : tg_organization_body(im->c, object, project_id, row->id != 0 ? row : NULL, out);
}

tg_err_t tg_import_organizations_check(tg_import_t *im, const tg_resource_t *project, const json_t *list,
                                       const char *at) {
    size_t i;
    const json_t *element;
    tg_at_t all = tg_at("%s.organizations", at);
    tg_err_t err = TG_OK;
    json_array_foreach(list, i, element) {
        tg_at_t here = tg_at("%s[%zu]", all.text, i);
        tg_organization_t o;
        tg_resource_t row;
        err = err ? err : tg_import_fault(im, organization_read(im, project, element, &o, &row), &here);
    }
    return err ? err : tg_import_unique(im, list, "name", &all);
}

static tg_err_t organization_note(tg_import_t *im, const tg_resource_t *project, tg_str_t name, const char *action) {
    static const tg_str_t segment = TG_STR("credential-organizations");
    tg_str_t path;
    tg_err_t err = tg_import_path(im, TG_PARTS(projects_segment, project->name, segment, name), &path);
    return err ? err : tg_import_note(im, action, "organization", path);
}

static tg_err_t organization_write(tg_import_t *im, const tg_resource_t *project, const json_t *object) {
    tg_call_t *c = im->c;
    tg_organization_t o;
    tg_resource_t row;
    tg_str_t doc;
    tg_err_t err = organization_read(im, project, object, &o, &row);
    if (!err && row.id == 0) {
        err = tg_organization_add(c, project, &o);
        return err ? err : organization_note(im, project, o.name, "create");
    }
    if (!err) {
        err = tg_doc_text(c, tg_organization_write(&o), &doc);
    }
    if (err || tg_str_eq(doc, row.doc)) {
        return err;
    }
    err = tg_organization_change(c, &row, &o);
    return err ? err : organization_note(im, project, o.name, "update");
}

tg_err_t tg_import_organizations(tg_import_t *im, const tg_resource_t *project, const json_t *list, const char *at) {
    size_t i;
    const json_t *element;
    tg_err_t err = TG_OK;
    json_array_foreach(list, i, element) {
        tg_at_t here = tg_at("%s.organizations[%zu]", at, i);
        err = err ? err : tg_import_fault(im, organization_write(im, project, element), &here);
    }
    return err;
}

tg_err_t tg_import_organizations_prune(tg_import_t *im, const tg_resource_t *project, const json_t *list) {
    tg_resource_t *rows = NULL;
    size_t n = 0;
    json_t *named = tg_import_name_set(list, "name");
    tg_err_t err = named == NULL  ? TG_ERR_NOMEM
                   : list != NULL ? tg_resource_all(im->c, TG_RES_ORGANIZATION, project->id, &rows, &n)
                                  : TG_OK;
    for (size_t i = 0; !err && i < n; i++) {
        if (!tg_import_has(named, rows[i].name)) {
            err = tg_organization_remove(im->c, &rows[i]);
            err = err ? err : organization_note(im, project, rows[i].name, "delete");
        }
    }
    json_decref(named);
    return err;
}
