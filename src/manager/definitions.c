/* API definitions: API proxies made of one, and what one changes when it is read again. */
#include "model/definition.h"

#include "manager/bodies.h"
#include "manager/fetch.h"
#include "manager/handlers.h"
#include "manager/owners.h"
#include "manager/policy_scopes.h"
#include "manager/proxies.h"
#include "manager/queries.h"
#include "manager/resources.h"
#include "model/endpoint.h"
#include "yaml/document.h"

static const tg_yaml_limits_t limits = {.max_bytes = TG_DEFINITION_MAX, .max_depth = 64, .max_nodes = 500000};

/* ---- the text ---- */

/* JSON and YAML alike. */
static tg_err_t text_read(tg_call_t *c, tg_str_t text, json_t **doc) {
    size_t line = 0;
    tg_fault_t why = {.text = ""};
    tg_err_t err = tg_yaml_parse(text, &limits, doc, NULL, &line, &why);
    if (err == TG_OK || err == TG_ERR_NOMEM) {
        return err;
    }
    return line > 0 ? tg_fault(&c->fault, TG_ERR_INVALID, "definition", "line %zu: %s", line, why.text)
                    : tg_fault(&c->fault, TG_ERR_INVALID, "definition", "%s", why.text);
}

/* Nobody waits meanwhile: neither for the store's writer nor for its handle. */
static tg_err_t url_read(tg_call_t *c, tg_str_t url, json_t **doc) {
    tg_buf_t text;
    void *handle = NULL;
    tg_fault_t why = {.text = ""};
    tg_buf_init(&text, TG_DEFINITION_MAX);
    tg_pool_give(&c->m->configs, c->store);
    c->store = NULL;
    tg_err_t err = tg_fetch(url, &c->m->definition_networks, &text, &why);
    if (err) {
        err = tg_fault(&c->fault, err, "definitionUrl", "%s", why.text);
    } else {
        err = text_read(c, tg_buf_str(&text), doc);
    }
    tg_buf_release(&text);
    if (!err) {
        err = tg_pool_take(&c->m->configs, &handle);
        c->store = handle;
    }
    return err;
}

/* A text, an object, or what stands at a URL; *doc is a new reference. */
static tg_err_t source_read(tg_call_t *c, json_t *definition, const json_t *url, json_t **doc) {
    if (definition != NULL && url != NULL) {
        return tg_fault(&c->fault, TG_ERR_INVALID, "definitionUrl", "must not stand beside definition");
    }
    if (json_is_string(url)) {
        return url_read(c, tg_strn(json_string_value(url), json_string_length(url)), doc);
    }
    if (url != NULL) {
        return tg_fault(&c->fault, TG_ERR_INVALID, "definitionUrl", "must be a string");
    }
    if (json_is_string(definition)) {
        return text_read(c, tg_strn(json_string_value(definition), json_string_length(definition)), doc);
    }
    if (!json_is_object(definition)) {
        return tg_fault(&c->fault, TG_ERR_INVALID, "definition", "must be an object, or a text of JSON or YAML");
    }
    *doc = json_incref(definition);
    return TG_OK;
}

static tg_err_t definition_read(tg_call_t *c, const json_t *doc, tg_definition_t *out) {
    tg_fault_t why = {.text = ""};
    tg_err_t err = tg_definition_parse(doc, &c->arena, out, &why);
    return err == TG_OK || err == TG_ERR_NOMEM ? err
                                               : tg_fault(&c->fault, err, "definition", "%s%s%s", why.field,
                                                          why.field[0] != '\0' ? ": " : "", why.text);
}

/* A member that is there and not null, taken out of the body; NULL: none. */
static json_t *member_take(json_t *body, const char *name) {
    json_t *value = json_incref(json_object_get(body, name));
    json_object_del(body, name);
    if (json_is_null(value)) {
        json_decref(value);
        value = NULL;
    }
    return value;
}

/* "definition" and "definitionUrl", taken out of the body. *there: one of them was. */
static tg_err_t definition_take(tg_call_t *c, json_t *body, bool *there, tg_definition_t *out) {
    json_t *definition = member_take(body, "definition"), *url = member_take(body, "definitionUrl"), *doc = NULL;
    *there = definition != NULL || url != NULL;
    tg_err_t err = *there ? source_read(c, definition, url, &doc) : TG_OK;
    if (!err && *there) {
        err = definition_read(c, doc, out);
    }
    json_decref(doc);
    json_decref(definition);
    json_decref(url);
    return err;
}

/* ---- a new API proxy ---- */

static json_t *list_write(tg_call_t *c, const tg_api_endpoint_t *list, size_t n) {
    json_t *all = json_array();
    for (size_t i = 0; i < n; i++) {
        tg_call_append_to(c, all, tg_api_endpoint_write(&list[i]));
    }
    return all;
}

static bool has(const json_t *body, const char *name) {
    const json_t *value = json_object_get(body, name);
    return value != NULL && !json_is_null(value);
}

static tg_err_t address_put(tg_call_t *c, json_t *body, tg_str_t address) {
    if (address.n == 0) {
        return tg_fault(&c->fault, TG_ERR_INVALID, "routingInfo",
                        "is required: the definition names no server that one could go to");
    }
    json_t *info = json_pack("{s:[{s:s%}]}", "routingAddressList", "address", address.p, address.n);
    return json_object_set_new(body, "routingInfo", info) != 0 ? TG_ERR_NOMEM : TG_OK;
}

/* The definition as endpoints of the body, and its server as the address if the body names none. */
static tg_err_t definition_put(tg_call_t *c, json_t *body, const tg_definition_t *d) {
    if (has(body, "endpoints")) {
        return tg_fault(&c->fault, TG_ERR_INVALID, "endpoints", "must not stand beside a definition");
    }
    json_t *list = list_write(c, d->endpoints, d->n_endpoints);
    if (c->failed || json_object_set_new(body, "endpoints", list) != 0) {
        return TG_ERR_NOMEM;
    }
    return has(body, "routingInfo") ? TG_OK : address_put(c, body, d->address);
}

tg_err_t tg_definition_proxy_create(tg_call_t *c) {
    tg_definition_t d;
    bool there = false;
    tg_err_t err = definition_take(c, c->body, &there, &d);
    if (!err && there) {
        err = definition_put(c, c->body, &d);
    }
    if (!err && !has(c->body, "endpoints") &&
        tg_str_eq(tg_json_str(c->body, "apiProxyCreationType"), TG_STR("OPEN_API"))) {
        err = tg_fault(&c->fault, TG_ERR_INVALID, "definition",
                       "is required for OPEN_API, or definitionUrl, or endpoints");
    }
    return err ? err : tg_owner_create(c);
}

/* What a body would say, by the query: the body is the definition. */
static tg_err_t file_body_make(tg_call_t *c, json_t **body) {
    tg_str_t name = tg_param_text(c, "apiProxyName"), path = tg_param_text(c, "relativePath"), address;
    *body = json_pack("{s:s%, s:s, s:{s:[s%]}}", "apiProxyName", name.p, name.n, "apiProxyCreationType", "OPEN_API",
                      "clientRoute", "relativePathList", path.p, path.n);
    if (*body == NULL) {
        return TG_ERR_NOMEM;
    }
    return tg_call_query(c, "address", &address) ? address_put(c, *body, address) : TG_OK;
}

tg_err_t tg_definition_proxy_upload(tg_call_t *c) {
    tg_definition_t d;
    json_t *doc = NULL;
    tg_err_t err = file_body_make(c, &c->body);
    if (!err) {
        err = text_read(c, c->raw_body, &doc);
    }
    if (!err) {
        err = definition_read(c, doc, &d);
    }
    json_decref(doc);
    if (!err) {
        err = definition_put(c, c->body, &d);
    }
    return err ? err : tg_owner_create(c);
}

/* ---- a definition read again ---- */

static json_t *changes_list(tg_call_t *c, const tg_api_endpoint_t *const *list, size_t n) {
    json_t *all = json_array();
    for (size_t i = 0; i < n; i++) {
        json_t *o = json_object();
        tg_call_put_to(c, o, "name", tg_text(list[i]->name));
        tg_call_put_to(c, o, "method", tg_text(list[i]->method));
        tg_call_put_to(c, o, "path", tg_text(list[i]->path));
        tg_call_append_to(c, all, o);
    }
    return all;
}

static void changes_put(tg_call_t *c, const tg_definition_changes_t *changes) {
    json_t *o = json_object();
    tg_call_put_to(c, o, "added", changes_list(c, changes->added, changes->n_added));
    tg_call_put_to(c, o, "removed", changes_list(c, changes->removed, changes->n_removed));
    tg_call_put_to(c, o, "changed", changes_list(c, changes->changed, changes->n_changed));
    c->after = json_incref(o);
    tg_call_put(c, "result", o);
}

/* *row is the proxy as the definition makes it, not written yet. */
static tg_err_t definition_apply(tg_call_t *c, tg_resource_t *row, const tg_definition_t *d,
                                 tg_definition_changes_t *changes) {
    tg_proxy_t proxy;
    tg_str_t doc;
    tg_err_t err = tg_proxy_load(c, row, &proxy);
    if (!err) {
        err = tg_definition_compare(&proxy, d, &c->arena, changes);
    }
    if (err) {
        return err;
    }
    proxy.endpoints = changes->list;
    proxy.n_endpoints = changes->n;
    err = tg_api_endpoints_name(&proxy, &c->arena, &c->fault);
    if (!err) {
        err = tg_doc_text(c, tg_proxy_write(&proxy), &doc);
    }
    if (!err) {
        row->doc = doc;
        err = tg_policies_check(c, row);
    }
    return err;
}

static tg_err_t definition_write(tg_call_t *c, const tg_definition_t *d, const tg_deploy_request_t *deploy) {
    tg_resource_t project, row;
    tg_definition_changes_t changes;
    tg_err_t err = tg_owner_need(c, &project, &row);
    if (!err) {
        err = definition_apply(c, &row, d, &changes);
    }
    if (err) {
        return err;
    }
    changes_put(c, &changes);
    if (!c->writing) {
        return TG_OK;
    }
    err = tg_resource_change(c, &row, row.doc);
    return err ? err : tg_deploy_request_apply(c, deploy, &row);
}

tg_err_t tg_definition_put(tg_call_t *c) {
    static const char *const nothing[] = {NULL};
    tg_deploy_request_t deploy;
    tg_definition_t d;
    bool there = false, dry = false;
    tg_err_t err = tg_deploy_request_take(c, c->body, "", &deploy);
    if (!err) {
        err = tg_body_bool(c, c->body, "dryRun", false, &dry);
        json_object_del(c->body, "dryRun");
    }
    if (!err) {
        err = definition_take(c, c->body, &there, &d);
    }
    if (!err) {
        err = there ? tg_body_only(c, c->body, nothing)
                    : tg_fault(&c->fault, TG_ERR_INVALID, "definition", "is required, or definitionUrl");
    }
    if (!err && !dry) {
        err = tg_call_begin(c);
    }
    return err ? err : definition_write(c, &d, &deploy);
}
