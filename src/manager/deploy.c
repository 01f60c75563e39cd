#include "manager/deploy.h"

#include <stdio.h>

#include "manager/bodies.h"
#include "manager/password.h"
#include "manager/publish.h"
#include "manager/resources.h"
#include "manager/signing_keys.h"
#include "policy/route.h"

/* ---- what a write asks for ---- */

static tg_err_t names_take(tg_call_t *c, const json_t *list, const char *field, tg_deploy_request_t *out) {
    size_t n = json_array_size(list);
    if (!json_is_array(list) || n == 0 || n > TG_TARGETS_MAX) {
        return tg_fault(&c->fault, TG_ERR_INVALID, field, "must list 1 to %d names of environments", TG_TARGETS_MAX);
    }
    out->names = tg_arena_array(&c->arena, n, sizeof(tg_str_t));
    if (out->names == NULL) {
        return TG_ERR_NOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        const json_t *name = json_array_get(list, i);
        if (!json_is_string(name)) {
            return tg_fault(&c->fault, TG_ERR_INVALID, field, "must list names of environments");
        }
        if (!tg_arena_str(&c->arena, tg_strn(json_string_value(name), json_string_length(name)), &out->names[i])) {
            return TG_ERR_NOMEM;
        }
    }
    out->n = n;
    return TG_OK;
}

tg_err_t tg_deploy_request_take(tg_call_t *c, json_t *object, const char *path, tg_deploy_request_t *out) {
    static const char list_name[] = "deployTargetEnvironmentNameList";
    char field[sizeof(c->fault.field)];
    memset(out, 0, sizeof(*out));
    const json_t *deploy = json_object_get(object, "deploy");
    const json_t *list = json_object_get(object, list_name);
    if (deploy != NULL && !json_is_boolean(deploy) && !json_is_null(deploy)) {
        snprintf(field, sizeof(field), "%sdeploy", path);
        return tg_fault(&c->fault, TG_ERR_INVALID, field, "must be true or false");
    }
    out->wanted = json_is_true(deploy);
    snprintf(field, sizeof(field), "%s%s", path, list_name);
    tg_err_t err = TG_OK;
    if (out->wanted || (list != NULL && !json_is_null(list) && json_array_size(list) > 0)) {
        err = names_take(c, list, field, out);
    } else if (list != NULL && !json_is_null(list) && !json_is_array(list)) {
        err = tg_fault(&c->fault, TG_ERR_INVALID, field, "must list names of environments");
    }
    json_object_del(object, "deploy");
    json_object_del(object, list_name);
    return err;
}

tg_err_t tg_deploy_request_apply(tg_call_t *c, const tg_deploy_request_t *r, const tg_resource_t *proxy) {
    tg_err_t err = TG_OK;
    for (size_t i = 0; r->wanted && !err && i < r->n; i++) {
        tg_resource_t environment;
        err = c->store->ops->resource_find(c->store, TG_RES_ENVIRONMENT, 0, r->names[i], &c->arena, &environment);
        if (err == TG_ERR_NOTFOUND) {
            return tg_fault(&c->fault, TG_ERR_INVALID, "deployTargetEnvironmentNameList",
                            "there is no environment \"%.*s\"", TG_STR_ARGS(r->names[i]));
        }
        if (!err) {
            err = tg_deploy_proxy(c, &environment, proxy, TG_STR_NONE);
        }
    }
    return err;
}

/* ---- deploy ---- */

/* The one authentication policy of a proxy, in the arena; NULL: open. */
static tg_err_t policy_read(tg_call_t *c, const tg_resource_t *proxy, tg_policy_t **out) {
    tg_resource_t *rows = NULL;
    size_t n = 0;
    json_t *doc = NULL;
    *out = NULL;
    tg_err_t err = tg_resource_all(c, TG_RES_POLICY, proxy->id, &rows, &n);
    if (err || n == 0) {
        return err;
    }
    *out = tg_arena_alloc(&c->arena, sizeof(**out));
    if (*out == NULL) {
        return TG_ERR_NOMEM;
    }
    err = tg_doc_parse(rows[0].doc, &doc);
    if (!err) {
        err = tg_policy_parse(doc, rows[0].name, &c->arena, *out, &c->fault);
    }
    json_decref(doc);
    return err;
}

static tg_err_t frozen_read(tg_call_t *c, const tg_resource_t *row, tg_deployed_proxy_t *out) {
    tg_resource_t project;
    tg_client_t client;
    json_t *doc = NULL;
    memset(out, 0, sizeof(*out));
    out->id = row->id;
    tg_err_t err = c->store->ops->resource_get(c->store, row->parent, &c->arena, &project);
    if (!err) {
        err = tg_doc_parse(row->doc, &doc);
    }
    if (!err) {
        err = tg_proxy_parse(doc, project.name, &c->arena, &out->proxy, &c->fault);
    }
    if (!err) {
        err = c->store->ops->client_find_owner(c->store, row->id, &c->arena, &client);
    }
    if (!err) {
        out->key_id = client.key_id;
        err = policy_read(c, row, &out->policy);
    }
    json_decref(doc);
    return err;
}

/* Everything that would be deployed there, the fresh one included, parsed into the arena. */
static tg_err_t deployed_read(tg_call_t *c, int64_t environment_id, const tg_deployed_proxy_t *fresh, tg_arena_t *a,
                              tg_snapshot_t *out) {
    tg_deployment_t *rows = NULL;
    size_t n = 0;
    tg_err_t err = c->store->ops->deployment_list(c->store, environment_id, a, &rows, &n);
    if (err) {
        return err;
    }
    out->proxies = tg_arena_array(a, n + 1, sizeof(*out->proxies));
    if (out->proxies == NULL) {
        return TG_ERR_NOMEM;
    }
    out->proxies[out->n_proxies++] = *fresh;
    for (size_t i = 0; !err && i < n; i++) {
        json_t *doc = NULL;
        if (rows[i].proxy_id == fresh->id) {
            continue;
        }
        err = tg_doc_parse(rows[i].doc, &doc);
        if (!err) {
            err = tg_deployed_proxy_parse(doc, a, &out->proxies[out->n_proxies++], NULL);
        }
        json_decref(doc);
    }
    return err == TG_ERR_INVALID ? TG_ERR_BUG : err;
}

/* Two deployed proxies with one route would make it a matter of luck who gets a request. */
static tg_err_t routes_check(tg_call_t *c, const tg_resource_t *environment, const tg_deployed_proxy_t *fresh) {
    tg_arena_t a;
    tg_snapshot_t all = {.environment_id = environment->id};
    tg_router_t *router = NULL;
    tg_route_conflict_t found;
    tg_arena_init(&a, 4 * (size_t)TG_SNAPSHOT_MAX);
    tg_err_t err = deployed_read(c, environment->id, fresh, &a, &all);
    if (!err) {
        err = tg_router_new(&all, &router);
    }
    if (!err && tg_router_conflict(router, &found)) {
        const tg_deployed_proxy_t *other = found.first->id == fresh->id ? found.second : found.first;
        err = tg_fault(&c->fault, TG_ERR_CONFLICT, "clientRoute",
                       "API proxy \"%.*s\" of project \"%.*s\" has the same route \"%.*s\" in environment \"%.*s\"",
                       TG_STR_ARGS(other->proxy.name), TG_STR_ARGS(other->proxy.project), TG_STR_ARGS(found.path),
                       TG_STR_ARGS(environment->name));
    }
    tg_router_free(router);
    tg_arena_release(&a);
    return err;
}

static tg_err_t key_want(tg_call_t *c, const tg_resource_t *environment, const tg_policy_t *p) {
    if (p == NULL || p->type != TG_TOKEN_JWT) {
        return TG_OK;
    }
    return tg_signing_keys_want(c, environment, p->token.jwt_algorithm, tg_policy_lifetime(p));
}

static tg_err_t deployment_write(tg_call_t *c, const tg_resource_t *environment, const tg_deployed_proxy_t *p,
                                 tg_str_t description) {
    tg_deployment_t row = {.environment_id = environment->id,
                           .proxy_id = p->id,
                           .revision = p->revision,
                           .at = c->now,
                           .by = c->who,
                           .description = description};
    tg_err_t err = tg_doc_text(c, tg_deployed_proxy_write(p), &row.doc);
    return err ? err : c->store->ops->deployment_put(c->store, &row);
}

tg_err_t tg_deploy_proxy(tg_call_t *c, const tg_resource_t *environment, const tg_resource_t *proxy,
                         tg_str_t description) {
    tg_deployed_proxy_t frozen;
    tg_err_t err = frozen_read(c, proxy, &frozen);
    if (!err) {
        err = routes_check(c, environment, &frozen);
    }
    if (!err) {
        err = tg_publish_number(c, environment->id, &frozen.revision);
    }
    if (!err) {
        err = deployment_write(c, environment, &frozen, description);
    }
    if (!err) {
        err = key_want(c, environment, frozen.policy);
    }
    return err ? err : tg_publish(c, environment, frozen.revision);
}

static tg_err_t tokens_end(tg_call_t *c, const tg_resource_t *environment, const tg_resource_t *proxy) {
    tg_client_t client;
    uint64_t nonce = 0;
    while (nonce == 0) {
        tg_random(&nonce, sizeof(nonce));
    }
    tg_err_t err = c->store->ops->client_find_owner(c->store, proxy->id, &c->arena, &client);
    if (!err) {
        err = c->store->ops->client_turn(c->store, client.key_id, environment->id, nonce);
    }
    return err ? err : tg_publish_client(c, environment->id, client.kind, client.client_id);
}

tg_err_t tg_undeploy_proxy(tg_call_t *c, const tg_resource_t *environment, const tg_resource_t *proxy,
                           tg_str_t description) {
    tg_deployment_t old;
    tg_err_t err = c->store->ops->deployment_find(c->store, environment->id, proxy->id, &c->arena, &old);
    if (err == TG_ERR_NOTFOUND) {
        return tg_fault(&c->fault, TG_ERR_CONFLICT, "", "\"%.*s\" is not deployed in \"%.*s\"",
                        TG_STR_ARGS(proxy->name), TG_STR_ARGS(environment->name));
    }
    tg_deployment_t row = {.environment_id = environment->id,
                           .proxy_id = proxy->id,
                           .at = c->now,
                           .by = c->who,
                           .description = description,
                           .undeploy = true};
    if (!err) {
        err = tg_publish_number(c, environment->id, &row.revision);
    }
    if (!err) {
        err = c->store->ops->deployment_put(c->store, &row);
    }
    if (!err) {
        err = tokens_end(c, environment, proxy);
    }
    return err ? err : tg_publish(c, environment, row.revision);
}
