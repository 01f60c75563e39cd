#include "manager/identity_providers.h"

#include "manager/bodies.h"
#include "manager/handlers.h"
#include "manager/publish.h"
#include "manager/resources.h"
#include "manager/synchronisation.h"

/* ---- reading ---- */

static tg_err_t provider_read(tg_call_t *c, const tg_resource_t *row, tg_str_t project, tg_identity_provider_t *out) {
    json_t *doc = NULL;
    tg_err_t err = tg_doc_parse(row->doc, &doc);
    if (!err) {
        err = tg_identity_provider_read_stored(doc, project, &c->arena, out, NULL);
    }
    json_decref(doc);
    return err == TG_ERR_INVALID ? TG_ERR_BUG : err;
}

tg_err_t tg_provider_find(tg_call_t *c, const tg_resource_t *project, tg_str_t name, tg_provider_row_t *out) {
    out->project = *project;
    tg_err_t err =
        c->store->ops->resource_find(c->store, TG_RES_IDENTITY_PROVIDER, project->id, name, &c->arena, &out->row);
    return err ? err : provider_read(c, &out->row, project->name, &out->stored);
}

tg_err_t tg_provider_need(tg_call_t *c, tg_provider_row_t *out) {
    tg_err_t err = tg_project_need(c, &out->project);
    if (!err && tg_str_eq(c->params[1], TG_SECRET_MANAGER)) {
        return tg_fault(&c->fault, TG_ERR_CONFLICT, "",
                        "SECRET_MANAGER is built in: its users are the credentials of the project");
    }
    if (!err) {
        err = tg_resource_need(c, TG_RES_IDENTITY_PROVIDER, out->project.id, "identity provider", c->params[1],
                               &out->row);
    }
    return err ? err : provider_read(c, &out->row, out->project.name, &out->stored);
}

static tg_err_t snapshot_provider_read(tg_call_t *c, const tg_resource_t *row, tg_resource_t *project,
                                       tg_snapshot_provider_t *out) {
    *out = (tg_snapshot_provider_t){.id = row->id, .project_id = row->parent, .version = row->version};
    tg_err_t err =
        project->id == row->parent ? TG_OK : c->store->ops->resource_get(c->store, row->parent, &c->arena, project);
    return err ? err : provider_read(c, row, project->name, &out->provider);
}

tg_err_t tg_providers_load(tg_call_t *c, tg_snapshot_provider_t **out, size_t *n) {
    tg_resource_t *rows = NULL, project = {.id = 0};
    tg_err_t err = tg_resource_all(c, TG_RES_IDENTITY_PROVIDER, 0, &rows, n);
    if (err) {
        return err;
    }
    *out = tg_arena_array(&c->arena, *n, sizeof(**out));
    err = *out == NULL ? TG_ERR_NOMEM : TG_OK;
    for (size_t i = 0; !err && i < *n; i++) {
        err = snapshot_provider_read(c, &rows[i], &project, &(*out)[i]);
    }
    return err;
}

/* ---- showing ---- */

static void mask(tg_call_t *c, json_t *v) {
    const char *name;
    json_t *member;
    void *next;
    size_t i;
    json_object_foreach_safe(v, next, name, member) {
        if (json_object_get(member, "sealed") != NULL) {
            tg_call_put_to(c, v, name, json_null());
        } else {
            mask(c, member);
        }
    }
    json_array_foreach(v, i, member) {
        mask(c, member);
    }
}

json_t *tg_provider_show(tg_call_t *c, const tg_resource_t *row) {
    json_t *doc = tg_resource_doc(row);
    mask(c, doc);
    return doc;
}

static json_t *built_in_show(void) {
    return json_pack("{s:s%, s:s%, s:s, s:b}", "name", TG_SECRET_MANAGER.p, TG_SECRET_MANAGER.n, "type",
                     TG_SECRET_MANAGER.p, TG_SECRET_MANAGER.n, "description",
                     "Built in: the credentials of the project, by their passwords", "enabled", 1);
}

static bool fits(tg_str_t name, tg_str_t q) {
    for (size_t i = 0; i + q.n <= name.n; i++) {
        if (tg_str_eq_ci(tg_strn(name.p + i, q.n), q)) {
            return true;
        }
    }
    return false;
}

/* The built-in one stands among the others by its name. */
static json_t *all_show(tg_call_t *c, const tg_paging_t *page, const tg_resource_t *rows, size_t n) {
    json_t *all = json_array();
    bool there = !fits(TG_SECRET_MANAGER, page->q);
    for (size_t i = 0; i < n; i++) {
        int order = strcmp(rows[i].name.p, TG_SECRET_MANAGER.p);
        if (!there && (page->descending ? order < 0 : order > 0)) {
            tg_call_append_to(c, all, built_in_show());
            there = true;
        }
        tg_call_append_to(c, all, tg_provider_show(c, &rows[i]));
    }
    if (!there) {
        tg_call_append_to(c, all, built_in_show());
    }
    return all;
}

tg_err_t tg_identity_provider_list(tg_call_t *c) {
    tg_paging_t page = tg_paging(c);
    tg_resource_t project, *rows = NULL;
    size_t n = 0;
    int64_t total = 0;
    tg_err_t err = tg_project_need(c, &project);
    if (!err) {
        tg_resource_query_t query = {.kind = TG_RES_IDENTITY_PROVIDER,
                                     .parent = project.id,
                                     .q = page.q,
                                     .descending = page.descending,
                                     .limit = TG_PROVIDERS_MAX};
        err = c->store->ops->resource_list(c->store, &query, &c->arena, &rows, &n, &total);
    }
    if (err) {
        return err;
    }
    json_t *all = all_show(c, &page, rows, n), *list = json_array();
    for (size_t i = (size_t)page.offset; i < json_array_size(all) && i < (size_t)(page.offset + page.size); i++) {
        tg_call_append_to(c, list, json_incref(json_array_get(all, i)));
    }
    tg_paging_put(c, &page, list, (int64_t)json_array_size(all));
    json_decref(all);
    return TG_OK;
}

tg_err_t tg_identity_provider_get(tg_call_t *c) {
    tg_provider_row_t p;
    tg_resource_t project;
    if (tg_str_eq(c->params[1], TG_SECRET_MANAGER)) {
        tg_err_t err = tg_project_need(c, &project);
        if (!err) {
            tg_call_put(c, "result", built_in_show());
        }
        return err;
    }
    tg_err_t err = tg_provider_need(c, &p);
    if (err) {
        return err;
    }
    tg_call_put(c, "result", tg_provider_show(c, &p.row));
    tg_resource_metadata_put(c, &p.row);
    return TG_OK;
}

/* ---- writing ---- */

static tg_err_t after_note(tg_call_t *c, tg_str_t doc) {
    tg_err_t err = tg_doc_parse(doc, &c->after);
    mask(c, c->after);
    return err;
}

static tg_err_t many_refuse(tg_call_t *c, const tg_resource_t *project) {
    tg_resource_t *rows = NULL;
    size_t n = 0;
    tg_err_t err = tg_resource_all(c, TG_RES_IDENTITY_PROVIDER, project->id, &rows, &n);
    return err || n < TG_PROVIDERS_MAX ? err
                                       : tg_fault(&c->fault, TG_ERR_CONFLICT, "",
                                                  "a project has at most %d identity providers", TG_PROVIDERS_MAX);
}

static tg_err_t organization_check(tg_call_t *c, const tg_resource_t *project, const tg_identity_provider_t *p) {
    tg_resource_t row;
    if (p->sync.organization.n == 0) {
        return TG_OK;
    }
    tg_err_t err =
        c->store->ops->resource_find(c->store, TG_RES_ORGANIZATION, project->id, p->sync.organization, &c->arena, &row);
    return err == TG_ERR_NOTFOUND ? tg_fault(&c->fault, TG_ERR_INVALID, "synchronisation.organization",
                                             "there is no organization \"%.*s\"", TG_STR_ARGS(p->sync.organization))
                                  : err;
}

tg_err_t tg_provider_add(tg_call_t *c, const tg_resource_t *project, const tg_identity_provider_t *fresh,
                         tg_str_t doc) {
    int64_t id;
    tg_err_t err = organization_check(c, project, fresh);
    if (!err) {
        err = tg_resource_add(c, TG_RES_IDENTITY_PROVIDER, project->id, "identity provider", fresh->name, doc, &id);
    }
    if (!err) {
        err = tg_publish_everywhere(c);
    }
    return err ? err : after_note(c, doc);
}

/* Another type is another provider; one that asks for no password would let anybody in. */
static tg_err_t users_check(tg_call_t *c, const tg_provider_row_t *old, const tg_identity_provider_t *fresh) {
    if (old->stored.type != fresh->type) {
        return tg_provider_unused(c, &old->row, "its type cannot change");
    }
    bool asks_no_more = tg_identity_provider_asks_password(&old->stored) && !tg_identity_provider_asks_password(fresh);
    return asks_no_more ? tg_provider_unused(c, &old->row, "its request must have {{password}}") : TG_OK;
}

tg_err_t tg_provider_change(tg_call_t *c, const tg_provider_row_t *old, const tg_identity_provider_t *fresh,
                            tg_str_t doc) {
    tg_err_t err = organization_check(c, &old->project, fresh);
    if (!err) {
        err = users_check(c, old, fresh);
    }
    if (!err) {
        err = tg_resource_change(c, &old->row, doc);
    }
    if (!err) {
        err = tg_publish_everywhere(c);
    }
    if (err) {
        return err;
    }
    c->before = tg_provider_show(c, &old->row);
    return after_note(c, doc);
}

tg_err_t tg_provider_remove(tg_call_t *c, const tg_provider_row_t *row) {
    tg_err_t err = tg_resource_match(c, &row->row);
    if (!err) {
        err = tg_provider_unused(c, &row->row, "it cannot be deleted");
    }
    if (!err) {
        c->before = tg_provider_show(c, &row->row);
        err = tg_sync_forget(c, row->row.id);
    }
    if (!err) {
        err = c->store->ops->resource_delete(c->store, row->row.id);
    }
    return err ? err : tg_publish_everywhere(c);
}

/* ---- handlers ---- */

static void result_put(tg_call_t *c) {
    tg_call_put(c, "result", json_incref(c->after));
}

tg_err_t tg_identity_provider_create(tg_call_t *c) {
    tg_resource_t project;
    tg_identity_provider_t fresh;
    tg_str_t doc;
    tg_err_t err = tg_call_begin(c);
    if (!err) {
        err = tg_project_need(c, &project);
    }
    if (!err) {
        err = tg_provider_body(c, c->body, &project, NULL, &fresh, &doc);
    }
    if (!err) {
        err = many_refuse(c, &project);
    }
    if (!err) {
        err = tg_provider_add(c, &project, &fresh, doc);
    }
    if (!err) {
        result_put(c);
    }
    return err;
}

static tg_err_t provider_replace(tg_call_t *c, const tg_provider_row_t *old, json_t *body) {
    tg_identity_provider_t fresh;
    tg_str_t doc;
    tg_err_t err = tg_body_take_name(c, body, "name", old->row.name);
    if (!err && json_object_set_new(body, "name", tg_text(old->row.name)) != 0) {
        err = TG_ERR_NOMEM;
    }
    if (!err) {
        err = tg_provider_body(c, body, &old->project, old, &fresh, &doc);
    }
    if (!err) {
        err = tg_provider_change(c, old, &fresh, doc);
    }
    if (!err) {
        result_put(c);
    }
    return err;
}

static tg_err_t provider_set(tg_call_t *c, bool merge) {
    tg_provider_row_t old;
    tg_err_t err = tg_call_begin(c);
    if (!err) {
        err = tg_provider_need(c, &old);
    }
    if (err) {
        return err;
    }
    json_t *shown = tg_provider_show(c, &old.row);
    json_t *body = merge ? tg_json_merge(shown, c->body) : json_incref(c->body);
    err = shown == NULL || body == NULL ? TG_ERR_NOMEM : provider_replace(c, &old, body);
    json_decref(shown);
    json_decref(body);
    return err;
}

tg_err_t tg_identity_provider_put(tg_call_t *c) {
    return provider_set(c, false);
}

tg_err_t tg_identity_provider_patch(tg_call_t *c) {
    return provider_set(c, true);
}

tg_err_t tg_identity_provider_delete(tg_call_t *c) {
    static const char *const nothing[] = {NULL};
    tg_provider_row_t p;
    tg_err_t err = tg_body_only(c, c->body, nothing);
    if (!err) {
        err = tg_call_begin(c);
    }
    if (!err) {
        err = tg_provider_need(c, &p);
    }
    return err ? err : tg_provider_remove(c, &p);
}
