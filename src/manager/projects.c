/* Projects: {"name","description"}. */
#include "manager/projects.h"

#include "manager/bodies.h"
#include "manager/handlers.h"
#include "manager/resources.h"
#include "manager/schemas.h"
#include "model/model.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define DESCRIPTION_MAX 1024

static json_t *project_show(tg_call_t *c, const tg_resource_t *row) {
    (void)c;
    return tg_resource_doc(row);
}

static bool is_seen(const tg_call_t *c, const tg_resource_t *row) {
    return tg_permission_sees(c, row->id);
}

typedef struct {
    tg_str_t name, description;
} project_t;

static const tg_field_t project_fields[] = {
    {.name = "name", .read = tg_read_name, .offset = offsetof(project_t, name), .required = true},
    {.name = "description", .read = tg_read_text, .offset = offsetof(project_t, description), .max = DESCRIPTION_MAX},
};

json_t *tg_project_schema(void) {
    return tg_fields_schema(project_fields, COUNT(project_fields));
}

tg_err_t tg_project_canonical(tg_call_t *c, const json_t *body, tg_str_t *name, tg_str_t *doc) {
    project_t p = {.description = TG_STR_NONE};
    tg_err_t err = tg_body_read(c, body, project_fields, COUNT(project_fields), &p);
    if (err) {
        return err;
    }
    *name = p.name;
    json_t *o = json_object();
    tg_call_put_to(c, o, "name", tg_text(p.name));
    tg_call_put_to(c, o, "description", tg_text(p.description));
    return tg_doc_text(c, o, doc);
}

tg_err_t tg_project_list(tg_call_t *c) {
    return tg_resource_page_if(c, TG_RES_PROJECT, 0, project_show, tg_permission_is_partial(c) ? is_seen : NULL);
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
        c->project = name;
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
        return tg_fault(&c->fault, err, "",
                        "the project is not empty: delete its API proxies, groups, credentials, organizations and "
                        "identity providers first");
    }
    c->before = tg_resource_doc(&row);
    return err;
}
