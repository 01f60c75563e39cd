/* API proxies and groups: create (with an application key), list, get, replace, change, delete. */
#include "manager/owners.h"

#include "manager/bodies.h"
#include "manager/certificates.h"
#include "manager/handlers.h"
#include "manager/members.h"
#include "manager/policy_scopes.h"
#include "manager/publish.h"
#include "manager/resources.h"

/* Above this many holders of a deleted thing in their access lists, one change row for all clients. */
#define CLIENTS_MAX 256

static const tg_owner_type_t types[] = {
    {TG_RES_PROXY, TG_OWNER_PROXY, "apiProxies", "API proxy", "apiProxyName"},
    {TG_RES_PROXY_GROUP, TG_OWNER_PROXY_GROUP, "apiProxyGroups", "API proxy group", "name"},
    {TG_RES_POLICY_GROUP, TG_OWNER_POLICY_GROUP, "policyGroups", "policy group", "name"},
};

const tg_owner_type_t *tg_owner_type(tg_resource_kind_t kind) {
    size_t i = 0;
    while (types[i].kind != kind) {
        i++;
    }
    return &types[i];
}

/* "/apiops/projects/{project}/<segment>/..." */
static const tg_owner_type_t *type_of_call(const tg_call_t *c) {
    tg_str_t rest = tg_str(c->op->path), segment = TG_STR_NONE;
    for (int i = 0; i < 5; i++) {
        segment = tg_str_take(&rest, '/');
    }
    size_t i = 0;
    while (!tg_str_eq(segment, tg_str(types[i].segment))) {
        i++;
    }
    return &types[i];
}

tg_err_t tg_owner_need(tg_call_t *c, tg_resource_t *project, tg_resource_t *owner) {
    const tg_owner_type_t *type = type_of_call(c);
    tg_err_t err = tg_project_need(c, project);
    return err ? err : tg_resource_need(c, type->kind, project->id, type->what, c->params[1], owner);
}

/* ---- documents ---- */

/* Last segments of .../apiProxies/<here>/ that are calls of their own. */
static tg_err_t name_is_free(tg_call_t *c, const tg_owner_type_t *type, tg_str_t name) {
    if (type->kind == TG_RES_PROXY && (tg_str_eq(name, TG_STR("url")) || tg_str_eq(name, TG_STR("file")))) {
        return tg_fault(&c->fault, TG_ERR_INVALID, type->name_field, "\"%.*s\" is reserved", TG_STR_ARGS(name));
    }
    return TG_OK;
}

static tg_err_t proxy_canonical(tg_call_t *c, tg_str_t project, const json_t *body, tg_str_t *name, tg_str_t *doc) {
    tg_proxy_t p;
    tg_err_t err = tg_proxy_parse(body, project, &c->arena, &p, &c->fault);
    if (!err) {
        err = tg_certificates_check(c, p.connection.tls_ca, "connection.tlsCa");
    }
    if (err) {
        return err;
    }
    *name = p.name;
    return tg_doc_text(c, tg_proxy_write(&p), doc);
}

static tg_err_t group_canonical(tg_call_t *c, tg_str_t project, const json_t *body, tg_str_t *name, tg_str_t *doc) {
    tg_group_t g;
    tg_err_t err = tg_group_parse(body, project, &c->arena, &g, &c->fault);
    if (err) {
        return err;
    }
    *name = g.name;
    return tg_doc_text(c, tg_group_write(&g), doc);
}

tg_err_t tg_owner_canonical(tg_call_t *c, const tg_owner_type_t *type, tg_str_t project, const json_t *body,
                            tg_str_t *name, tg_str_t *doc) {
    tg_err_t err = type->kind == TG_RES_PROXY ? proxy_canonical(c, project, body, name, doc)
                                              : group_canonical(c, project, body, name, doc);
    return err ? err : name_is_free(c, type, *name);
}

static json_t *owner_show(tg_call_t *c, const tg_resource_t *row) {
    (void)c;
    return tg_resource_doc(row);
}

tg_err_t tg_owner_list(tg_call_t *c) {
    tg_resource_t project;
    tg_err_t err = tg_project_need(c, &project);
    return err ? err : tg_resource_page(c, type_of_call(c)->kind, project.id, owner_show);
}

tg_err_t tg_owner_add(tg_call_t *c, const tg_owner_type_t *type, const tg_resource_t *project, tg_str_t name,
                      tg_str_t doc, const tg_application_key_t *key, tg_resource_t *row) {
    int64_t id, key_id;
    tg_err_t err = tg_resource_add(c, type->kind, project->id, type->what, name, doc, &id);
    if (!err) {
        err = tg_application_key_add(c, project->id, id, key, &key_id);
    }
    if (!err) {
        err = c->store->ops->resource_get(c->store, id, &c->arena, row);
    }
    return err ? err : tg_doc_parse(doc, &c->after);
}

static tg_err_t create_write(tg_call_t *c, const tg_owner_type_t *type, tg_str_t name, tg_str_t doc,
                             const tg_deploy_request_t *deploy) {
    tg_resource_t project, row;
    tg_application_key_t key;
    tg_application_key_make(&key);
    tg_err_t err = tg_project_need(c, &project);
    if (!err) {
        err = tg_owner_add(c, type, &project, name, doc, &key, &row);
    }
    if (!err) {
        err = tg_deploy_request_apply(c, deploy, &row);
    }
    if (!err) {
        tg_application_key_put(c, tg_str(key.client_id), key.client_secret);
        tg_call_put(c, "result", json_incref(c->after));
    }
    tg_application_key_release(&key);
    return err;
}

tg_err_t tg_owner_create(tg_call_t *c) {
    const tg_owner_type_t *type = type_of_call(c);
    tg_deploy_request_t deploy;
    tg_str_t name, doc;
    tg_err_t err = tg_deploy_request_take(c, c->body, "", &deploy);
    if (!err) {
        err = tg_owner_canonical(c, type, c->params[0], c->body, &name, &doc);
    }
    if (!err) {
        err = tg_call_begin(c);
    }
    return err ? err : create_write(c, type, name, doc, &deploy);
}

tg_err_t tg_owner_get(tg_call_t *c) {
    tg_resource_t project, row;
    tg_client_t client;
    tg_err_t err = tg_owner_need(c, &project, &row);
    if (!err) {
        err = c->store->ops->client_find_owner(c->store, row.id, &c->arena, &client);
    }
    if (err) {
        return err;
    }
    tg_call_put(c, "result", tg_resource_doc(&row));
    tg_resource_metadata_put(c, &row);
    tg_application_key_put(c, client.client_id, NULL);
    return TG_OK;
}

/* ---- changes ---- */

tg_err_t tg_owner_change(tg_call_t *c, tg_resource_t *row, tg_str_t doc) {
    tg_err_t err = tg_resource_change(c, row, doc);
    if (err) {
        return err;
    }
    c->before = tg_resource_doc(row);
    row->doc = doc;
    return tg_doc_parse(doc, &c->after);
}

tg_err_t tg_owner_replace(tg_call_t *c, tg_resource_t *row, json_t *body, const tg_deploy_request_t *deploy,
                          const char *member) {
    const tg_owner_type_t *type = tg_owner_type(row->kind);
    tg_str_t name, doc;
    tg_err_t err = tg_body_take_name(c, body, type->name_field, row->name);
    if (!err && json_object_set_new(body, type->name_field, tg_text(row->name)) != 0) {
        err = TG_ERR_NOMEM;
    }
    if (!err) {
        err = tg_owner_canonical(c, type, c->params[0], body, &name, &doc);
    }
    if (!err) {
        err = tg_owner_change(c, row, doc);
    }
    if (!err) {
        err = tg_policies_check(c, row);
    }
    if (!err) {
        err = tg_deploy_request_apply(c, deploy, row);
    }
    if (!err) {
        json_t *shown = member != NULL ? json_object_get(c->after, member) : c->after;
        tg_call_put(c, "result", json_incref(shown));
    }
    return err;
}

tg_err_t tg_owner_merge(tg_call_t *c, tg_resource_t *row, const json_t *patch, const tg_deploy_request_t *deploy,
                        const char *member) {
    json_t *old = tg_resource_doc(row);
    json_t *merged = tg_json_merge(old, patch);
    tg_err_t err = old == NULL || merged == NULL ? TG_ERR_NOMEM : tg_owner_replace(c, row, merged, deploy, member);
    json_decref(old);
    json_decref(merged);
    return err;
}

static tg_err_t owner_set(tg_call_t *c, bool merge) {
    tg_deploy_request_t deploy;
    tg_resource_t project, row;
    tg_err_t err = tg_deploy_request_take(c, c->body, "", &deploy);
    if (!err) {
        err = tg_call_begin(c);
    }
    if (!err) {
        err = tg_owner_need(c, &project, &row);
    }
    if (err) {
        return err;
    }
    return merge ? tg_owner_merge(c, &row, c->body, &deploy, NULL) : tg_owner_replace(c, &row, c->body, &deploy, NULL);
}

tg_err_t tg_owner_put(tg_call_t *c) {
    return owner_set(c, false);
}

tg_err_t tg_owner_patch(tg_call_t *c) {
    return owner_set(c, true);
}

/* ---- delete ---- */

static tg_err_t deployed_nowhere(tg_call_t *c, const tg_resource_t *owner) {
    tg_resource_t *environments = NULL;
    size_t n = 0;
    tg_err_t err = tg_resource_all(c, TG_RES_ENVIRONMENT, 0, &environments, &n);
    for (size_t i = 0; !err && i < n; i++) {
        tg_deployment_t d;
        err = c->store->ops->deployment_find(c->store, environments[i].id, owner->id, &c->arena, &d);
        if (!err) {
            return tg_fault(&c->fault, TG_ERR_CONFLICT, "", "it is deployed in environment \"%.*s\": undeploy it first",
                            TG_STR_ARGS(environments[i].name));
        }
        err = err == TG_ERR_NOTFOUND ? TG_OK : err;
    }
    return err;
}

static tg_err_t policies_delete(tg_call_t *c, const tg_resource_t *owner) {
    tg_resource_t *rows = NULL;
    size_t n = 0;
    tg_err_t err = tg_resource_all(c, TG_RES_POLICY, owner->id, &rows, &n);
    for (size_t i = 0; !err && i < n; i++) {
        err = c->store->ops->resource_delete(c->store, rows[i].id);
    }
    return err;
}

/* Access lists lose the row with its target; gateways are told whose lists those were. */
static tg_err_t access_forget(tg_call_t *c, const tg_resource_t *owner) {
    tg_str_t *ids = NULL;
    size_t n = 0;
    tg_err_t err = c->store->ops->access_clients(c->store, owner->id, &c->arena, &ids, &n);
    if (!err && n > CLIENTS_MAX) {
        return tg_publish_clients(c);
    }
    for (size_t i = 0; !err && i < n; i++) {
        err = tg_publish_client(c, 0, TG_CLIENT_CREDENTIAL, ids[i]);
    }
    return err;
}

tg_err_t tg_owner_remove(tg_call_t *c, const tg_resource_t *owner) {
    tg_err_t err = tg_resource_match(c, owner);
    if (!err) {
        err = deployed_nowhere(c, owner);
    }
    if (!err) {
        err = policies_delete(c, owner);
    }
    if (!err) {
        err = tg_members_end(c, owner);
    }
    if (!err) {
        err = access_forget(c, owner);
    }
    if (!err) {
        err = tg_application_key_end(c, owner->id);
    }
    if (!err) {
        c->before = tg_resource_doc(owner);
        err = c->store->ops->resource_delete(c->store, owner->id);
    }
    return err;
}

tg_err_t tg_owner_delete(tg_call_t *c) {
    static const char *const nothing[] = {NULL};
    tg_resource_t project, row;
    tg_err_t err = tg_body_only(c, c->body, nothing);
    if (!err) {
        err = tg_call_begin(c);
    }
    if (!err) {
        err = tg_owner_need(c, &project, &row);
    }
    return err ? err : tg_owner_remove(c, &row);
}
