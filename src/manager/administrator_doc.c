/* The document of an administrator, and what bodies and answers say of it. */
#include <stdio.h>

#include "manager/administrators.h"
#include "manager/bodies.h"
#include "manager/resources.h"
#include "model/model.h"

/* ---- stored ---- */

static tg_role_t role_parse(tg_str_t name) {
    for (const tg_choice_t *r = tg_roles; r->name != NULL; r++) {
        if (tg_str_eq(name, tg_str(r->name))) {
            return (tg_role_t)r->value;
        }
    }
    return TG_ROLE_NONE;
}

static tg_err_t projects_read(const json_t *list, tg_arena_t *a, tg_rights_t *out) {
    size_t n = json_array_size(list);
    out->projects = tg_arena_array(a, n + 1, sizeof(*out->projects));
    if (out->projects == NULL) {
        return TG_ERR_NOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        const json_t *o = json_array_get(list, i);
        tg_project_role_t *p = &out->projects[out->n_projects++];
        *p = (tg_project_role_t){.role = role_parse(tg_json_str(o, "role"))};
        if (!tg_json_int(o, "id", &p->project_id)) {
            return TG_ERR_BUG;
        }
    }
    return TG_OK;
}

tg_err_t tg_administrator_read(const tg_resource_t *row, tg_arena_t *a, tg_administrator_t *out) {
    json_t *doc = NULL;
    tg_err_t err = tg_doc_parse(row->doc, &doc);
    if (err) {
        return err;
    }
    *out = (tg_administrator_t){.id = row->id,
                                .version = row->version,
                                .name = row->name,
                                .rights = {.everywhere = role_parse(tg_json_str(doc, "role"))},
                                .enabled = tg_json_bool(doc, "enabled", false)};
    err = tg_arena_str(a, tg_json_str(doc, "password"), &out->password) ? TG_OK : TG_ERR_NOMEM;
    if (!err) {
        err = projects_read(json_object_get(doc, "projects"), a, &out->rights);
    }
    json_decref(doc);
    return err;
}

static json_t *role_json(tg_role_t role) {
    return role == TG_ROLE_NONE ? json_null() : json_string(tg_role_name(role));
}

json_t *tg_administrator_write(const tg_administrator_t *who) {
    json_t *projects = json_array();
    for (size_t i = 0; i < who->rights.n_projects; i++) {
        const tg_project_role_t *p = &who->rights.projects[i];
        json_t *o = json_pack("{s:I, s:s}", "id", (json_int_t)p->project_id, "role", tg_role_name(p->role));
        if (json_array_append_new(projects, o) != 0) {
            json_decref(projects);
            return NULL;
        }
    }
    return json_pack("{s:o, s:b, s:s%, s:o}", "role", role_json(who->rights.everywhere), "enabled", (int)who->enabled,
                     "password", who->password.p ? who->password.p : "", who->password.n, "projects", projects);
}

/* ---- answers ---- */

static json_t *projects_show(tg_call_t *c, const tg_rights_t *rights) {
    json_t *list = json_array();
    for (size_t i = 0; i < rights->n_projects; i++) {
        tg_resource_t project;
        tg_err_t err = c->store->ops->resource_get(c->store, rights->projects[i].project_id, &c->arena, &project);
        if (err == TG_ERR_NOTFOUND) {
            continue;
        }
        json_t *o = err ? NULL : json_object();
        tg_call_put_to(c, o, "name", tg_text(project.name));
        tg_call_put_to(c, o, "role", json_string(tg_role_name(rights->projects[i].role)));
        tg_call_append_to(c, list, o);
    }
    return list;
}

json_t *tg_administrator_show(tg_call_t *c, const tg_resource_t *row) {
    tg_administrator_t who;
    if (tg_administrator_read(row, &c->arena, &who)) {
        return NULL;
    }
    json_t *o = json_object();
    tg_call_put_to(c, o, "name", tg_text(row->name));
    tg_call_put_to(c, o, "role", role_json(who.rights.everywhere));
    tg_call_put_to(c, o, "projects", projects_show(c, &who.rights));
    tg_call_put_to(c, o, "enabled", json_boolean(who.enabled));
    return o;
}

/* ---- bodies ---- */

const tg_field_t tg_named_role_fields[] = {
    {.name = "name", .read = tg_read_name, .offset = offsetof(tg_named_role_t, name), .required = true},
    {.name = "role",
     .read = tg_read_choice,
     .offset = offsetof(tg_named_role_t, role),
     .required = true,
     .more = tg_roles},
};

tg_err_t tg_read_named_role(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                            void *out) {
    return tg_fields_read(r, at, v, f->inner, f->n_inner, out);
}

static tg_err_t project_refuse(tg_call_t *c, size_t i, const char *what, tg_str_t name) {
    char field[64];
    snprintf(field, sizeof(field), "projects[%zu].name", i);
    return tg_fault(&c->fault, TG_ERR_INVALID, field, "%s \"%.*s\"", what, TG_STR_ARGS(name));
}

tg_err_t tg_project_roles_find(tg_call_t *c, const tg_named_role_t *named, size_t n, tg_rights_t *out) {
    out->n_projects = 0;
    out->projects = tg_arena_array(&c->arena, n + 1, sizeof(*out->projects));
    if (out->projects == NULL) {
        return TG_ERR_NOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        tg_resource_t project;
        tg_err_t err = c->store->ops->resource_find(c->store, TG_RES_PROJECT, 0, named[i].name, &c->arena, &project);
        if (err) {
            return err == TG_ERR_NOTFOUND ? project_refuse(c, i, "there is no project", named[i].name) : err;
        }
        for (size_t j = 0; j < i; j++) {
            if (out->projects[j].project_id == project.id) {
                return project_refuse(c, i, "stands twice:", named[i].name);
            }
        }
        out->projects[out->n_projects++] = (tg_project_role_t){project.id, (tg_role_t)named[i].role};
    }
    return TG_OK;
}
