/* Projects: {"name","description"}. */
#include "manager/projects.h"

#include "manager/bodies.h"
#include "manager/handlers.h"
#include "manager/resources.h"
#include "model/model.h"

#define DESCRIPTION_MAX 1024

static json_t *project_show(tg_call_t *c, const tg_resource_t *row) {
    (void)c;
    return tg_resource_doc(row);
}

tg_err_t tg_project_canonical(tg_call_t *c, const json_t *body, tg_str_t *name, tg_str_t *doc) {
    static const char *const fields[] = {"name", "description", NULL};
    tg_str_t description = TG_STR_NONE;
    tg_err_t err = tg_body_only(c, body, fields);
    if (!err) {
        err = tg_body_str(c, body, "name", 1, TG_NAME_MAX, name);
    }
    if (!err) {
        err = tg_name_check(*name, "name", &c->fault);
    }
    if (!err) {
        err = tg_body_str(c, body, "description", 0, DESCRIPTION_MAX, &description);
    }
    if (err) {
        return err;
    }
    json_t *o = json_object();
    tg_call_put_to(c, o, "name", tg_text(*name));
    tg_call_put_to(c, o, "description", tg_text(description));
    return tg_doc_text(c, o, doc);
}

tg_err_t tg_project_list(tg_call_t *c) {
    return tg_resource_page(c, TG_RES_PROJECT, 0, project_show);
}

tg_err_t tg_project_add(tg_call_t *c, tg_str_t name, tg_str_t doc) {
    int64_t id;
    tg_err_t err = tg_resource_add(c, TG_RES_PROJECT, 0, "project", name, doc, &id);
    return err ? err : tg_doc_parse(doc, &c->after);
}

tg_err_t tg_project_create(tg_call_t *c) {
    tg_str_t name, doc;
    tg_err_t err = tg_project_canonical(c, c->body, &name, &doc);
    if (!err) {
        err = tg_call_begin(c);
    }
    if (!err) {
        err = tg_project_add(c, name, doc);
    }
    if (!err) {
        tg_call_put(c, "result", json_incref(c->after));
    }
    return err;
}

tg_err_t tg_project_get(tg_call_t *c) {
    tg_resource_t row;
    tg_err_t err = tg_project_need(c, &row);
    if (err) {
        return err;
    }
    tg_call_put(c, "result", tg_resource_doc(&row));
    tg_resource_metadata_put(c, &row);
    return TG_OK;
}

tg_err_t tg_project_change(tg_call_t *c, const tg_resource_t *row, tg_str_t doc) {
    tg_err_t err = tg_resource_change(c, row, doc);
    if (err) {
        return err;
    }
    c->before = tg_resource_doc(row);
    return tg_doc_parse(doc, &c->after);
}

/* `body` is a whole document now. */
static tg_err_t project_replace(tg_call_t *c, const tg_resource_t *row, json_t *body) {
    tg_str_t name, doc;
    tg_err_t err = tg_body_take_name(c, body, "name", row->name);
    if (!err && json_object_set_new(body, "name", tg_text(row->name)) != 0) {
        err = TG_ERR_NOMEM;
    }
    if (!err) {
        err = tg_project_canonical(c, body, &name, &doc);
    }
    if (!err) {
        err = tg_project_change(c, row, doc);
    }
    if (!err) {
        tg_call_put(c, "result", json_incref(c->after));
    }
    return err;
}

tg_err_t tg_project_put(tg_call_t *c) {
    tg_resource_t row;
    tg_err_t err = tg_call_begin(c);
    if (!err) {
        err = tg_project_need(c, &row);
    }
    return err ? err : project_replace(c, &row, c->body);
}

tg_err_t tg_project_patch(tg_call_t *c) {
    tg_resource_t row;
    tg_err_t err = tg_call_begin(c);
    if (!err) {
        err = tg_project_need(c, &row);
    }
    if (err) {
        return err;
    }
    json_t *old = tg_resource_doc(&row);
    json_t *merged = tg_json_merge(old, c->body);
    err = old == NULL || merged == NULL ? TG_ERR_NOMEM : project_replace(c, &row, merged);
    json_decref(old);
    json_decref(merged);
    return err;
}

tg_err_t tg_project_delete(tg_call_t *c) {
    tg_resource_t row;
    tg_err_t err = tg_call_begin(c);
    if (!err) {
        err = tg_project_need(c, &row);
    }
    if (!err) {
        err = tg_resource_match(c, &row);
    }
    if (err) {
        return err;
    }
    err = c->store->ops->resource_delete(c->store, row.id);
    if (err == TG_ERR_CONFLICT) {
        return tg_fault(
            &c->fault, err, "",
            "the project is not empty: delete its API proxies, groups, credentials and organizations first");
    }
    c->before = tg_resource_doc(&row);
    return err;
}
