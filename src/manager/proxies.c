/* API proxies: create (with an application key), list, get, replace, change, delete, and the parts under settings/. */
#include "manager/application_keys.h"
#include "manager/bodies.h"
#include "manager/certificates.h"
#include "manager/deploy.h"
#include "manager/handlers.h"
#include "manager/resources.h"
#include "model/model.h"

/* Last segments of .../apiProxies/<here>/ that are calls of their own. */
static tg_err_t name_is_free(tg_call_t *c, tg_str_t name) {
    if (tg_str_eq(name, TG_STR("url")) || tg_str_eq(name, TG_STR("file"))) {
        return tg_fault(&c->fault, TG_ERR_INVALID, "apiProxyName", "\"%.*s\" is reserved", TG_STR_ARGS(name));
    }
    return TG_OK;
}

static tg_err_t proxy_canonical(tg_call_t *c, const json_t *body, tg_str_t project, tg_str_t *name, tg_str_t *doc) {
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

static json_t *proxy_show(tg_call_t *c, const tg_resource_t *row) {
    (void)c;
    return tg_resource_doc(row);
}

tg_err_t tg_proxy_list(tg_call_t *c) {
    tg_resource_t project;
    tg_err_t err = tg_project_need(c, &project);
    return err ? err : tg_resource_page(c, TG_RES_PROXY, project.id, proxy_show);
}

/* Inside the transaction: row, application key, and the deploy if one was asked for. */
static tg_err_t proxy_add(tg_call_t *c, tg_str_t name, tg_str_t doc, const tg_application_key_t *key,
                          const tg_deploy_request_t *deploy) {
    tg_resource_t project, row;
    int64_t id, key_id;
    tg_err_t err = tg_project_need(c, &project);
    if (!err) {
        err = tg_resource_add(c, TG_RES_PROXY, project.id, "API proxy", name, doc, &id);
    }
    if (!err) {
        err = tg_application_key_add(c, id, key, &key_id);
    }
    if (!err) {
        err = c->store->ops->resource_get(c->store, id, &c->arena, &row);
    }
    return err ? err : tg_deploy_request_apply(c, deploy, &row);
}

tg_err_t tg_proxy_create(tg_call_t *c) {
    tg_deploy_request_t deploy;
    tg_application_key_t key;
    tg_str_t name, doc;
    tg_err_t err = tg_deploy_request_take(c, c->body, "", &deploy);
    if (!err) {
        err = proxy_canonical(c, c->body, c->params[0], &name, &doc);
    }
    if (!err) {
        err = name_is_free(c, name);
    }
    if (!err) {
        err = tg_call_begin(c);
    }
    if (err) {
        return err;
    }
    tg_application_key_make(&key);
    err = proxy_add(c, name, doc, &key, &deploy);
    if (!err) {
        tg_application_key_put(c, tg_str(key.client_id), key.client_secret);
        err = tg_doc_parse(doc, &c->after);
        tg_call_put(c, "result", json_incref(c->after));
    }
    tg_application_key_release(&key);
    return err;
}

static tg_err_t key_id_put(tg_call_t *c, const tg_resource_t *proxy) {
    tg_client_t client;
    tg_err_t err = c->store->ops->client_find_owner(c->store, proxy->id, &c->arena, &client);
    if (!err) {
        tg_application_key_put(c, client.client_id, NULL);
    }
    return err;
}

tg_err_t tg_proxy_get(tg_call_t *c) {
    tg_resource_t project, row;
    tg_err_t err = tg_proxy_need(c, &project, &row);
    if (err) {
        return err;
    }
    tg_call_put(c, "result", tg_resource_doc(&row));
    tg_resource_metadata_put(c, &row);
    return key_id_put(c, &row);
}

/* ---- changes ---- */

/* Writes a whole document, and deploys it if asked to. `member`: the part that the answer shows, NULL: all. */
static tg_err_t proxy_replace(tg_call_t *c, tg_resource_t *row, json_t *body, const tg_deploy_request_t *deploy,
                              const char *member) {
    tg_str_t name, doc;
    tg_err_t err = tg_body_take_name(c, body, "apiProxyName", row->name);
    if (!err && json_object_set_new(body, "apiProxyName", tg_text(row->name)) != 0) {
        err = TG_ERR_NOMEM;
    }
    if (!err) {
        err = proxy_canonical(c, body, c->params[0], &name, &doc);
    }
    if (!err) {
        err = tg_resource_change(c, row, doc);
    }
    if (err) {
        return err;
    }
    c->before = tg_resource_doc(row);
    row->doc = doc;
    err = tg_deploy_request_apply(c, deploy, row);
    if (!err) {
        err = tg_doc_parse(doc, &c->after);
    }
    if (!err) {
        json_t *shown = member != NULL ? json_object_get(c->after, member) : c->after;
        tg_call_put(c, "result", json_incref(shown));
    }
    return err;
}

tg_err_t tg_proxy_put(tg_call_t *c) {
    tg_deploy_request_t deploy;
    tg_resource_t project, row;
    tg_err_t err = tg_deploy_request_take(c, c->body, "", &deploy);
    if (!err) {
        err = tg_call_begin(c);
    }
    if (!err) {
        err = tg_proxy_need(c, &project, &row);
    }
    return err ? err : proxy_replace(c, &row, c->body, &deploy, NULL);
}

static tg_err_t proxy_merge(tg_call_t *c, tg_resource_t *row, const json_t *patch, const tg_deploy_request_t *deploy,
                            const char *member) {
    json_t *old = tg_resource_doc(row);
    json_t *merged = tg_json_merge(old, patch);
    tg_err_t err = old == NULL || merged == NULL ? TG_ERR_NOMEM : proxy_replace(c, row, merged, deploy, member);
    json_decref(old);
    json_decref(merged);
    return err;
}

tg_err_t tg_proxy_patch(tg_call_t *c) {
    tg_deploy_request_t deploy;
    tg_resource_t project, row;
    tg_err_t err = tg_deploy_request_take(c, c->body, "", &deploy);
    if (!err) {
        err = tg_call_begin(c);
    }
    if (!err) {
        err = tg_proxy_need(c, &project, &row);
    }
    return err ? err : proxy_merge(c, &row, c->body, &deploy, NULL);
}

/* ---- settings/ ---- */

static tg_err_t part_get(tg_call_t *c, const char *member) {
    tg_resource_t project, row;
    tg_err_t err = tg_proxy_need(c, &project, &row);
    if (err) {
        return err;
    }
    json_t *doc = tg_resource_doc(&row);
    tg_call_put(c, "result", json_incref(json_object_get(doc, member)));
    json_decref(doc);
    c->etag = row.version;
    return TG_OK;
}

/* PUT: the member becomes the body; PATCH: the body is merged into it. */
static tg_err_t part_replace(tg_call_t *c, tg_resource_t *row, const tg_deploy_request_t *deploy, const char *member) {
    if (tg_str_eq(c->method, TG_STR("PATCH"))) {
        json_t *patch = json_pack("{s:O}", member, c->body);
        tg_err_t err = patch == NULL ? TG_ERR_NOMEM : proxy_merge(c, row, patch, deploy, member);
        json_decref(patch);
        return err;
    }
    json_t *doc = tg_resource_doc(row);
    tg_err_t err = doc == NULL || json_object_set(doc, member, c->body) != 0
                       ? TG_ERR_NOMEM
                       : proxy_replace(c, row, doc, deploy, member);
    json_decref(doc);
    return err;
}

static tg_err_t part_set(tg_call_t *c, const char *member) {
    tg_deploy_request_t deploy;
    tg_resource_t project, row;
    tg_err_t err = tg_deploy_request_take(c, c->body, "", &deploy);
    if (!err) {
        err = tg_call_begin(c);
    }
    if (!err) {
        err = tg_proxy_need(c, &project, &row);
    }
    return err ? err : part_replace(c, &row, &deploy, member);
}

tg_err_t tg_proxy_route_get(tg_call_t *c) {
    return part_get(c, "clientRoute");
}

tg_err_t tg_proxy_route_set(tg_call_t *c) {
    return part_set(c, "clientRoute");
}

tg_err_t tg_proxy_addresses_get(tg_call_t *c) {
    return part_get(c, "routingInfo");
}

tg_err_t tg_proxy_addresses_set(tg_call_t *c) {
    return part_set(c, "routingInfo");
}

tg_err_t tg_proxy_connection_get(tg_call_t *c) {
    return part_get(c, "connection");
}

tg_err_t tg_proxy_connection_set(tg_call_t *c) {
    return part_set(c, "connection");
}

/* ---- delete ---- */

static tg_err_t deployed_nowhere(tg_call_t *c, const tg_resource_t *proxy) {
    tg_resource_t *environments = NULL;
    size_t n = 0;
    tg_err_t err = tg_resource_all(c, TG_RES_ENVIRONMENT, 0, &environments, &n);
    for (size_t i = 0; !err && i < n; i++) {
        tg_deployment_t d;
        err = c->store->ops->deployment_find(c->store, environments[i].id, proxy->id, &c->arena, &d);
        if (!err) {
            return tg_fault(&c->fault, TG_ERR_CONFLICT, "", "it is deployed in environment \"%.*s\": undeploy it first",
                            TG_STR_ARGS(environments[i].name));
        }
        err = err == TG_ERR_NOTFOUND ? TG_OK : err;
    }
    return err;
}

static tg_err_t policies_delete(tg_call_t *c, const tg_resource_t *proxy) {
    tg_resource_t *rows = NULL;
    size_t n = 0;
    tg_err_t err = tg_resource_all(c, TG_RES_POLICY, proxy->id, &rows, &n);
    for (size_t i = 0; !err && i < n; i++) {
        err = c->store->ops->resource_delete(c->store, rows[i].id);
    }
    return err;
}

tg_err_t tg_proxy_delete(tg_call_t *c) {
    tg_resource_t project, row;
    tg_err_t err = tg_call_begin(c);
    if (!err) {
        err = tg_proxy_need(c, &project, &row);
    }
    if (!err) {
        err = tg_resource_match(c, &row);
    }
    if (!err) {
        err = deployed_nowhere(c, &row);
    }
    if (!err) {
        err = policies_delete(c, &row);
    }
    if (!err) {
        err = tg_application_key_end(c, row.id);
    }
    if (err) {
        return err;
    }
    c->before = tg_resource_doc(&row);
    return c->store->ops->resource_delete(c->store, row.id);
}
