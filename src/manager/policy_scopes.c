#include "manager/policy_scopes.h"

#include "manager/bodies.h"
#include "manager/identity_providers.h"
#include "manager/owners.h"
#include "manager/proxies.h"
#include "manager/resources.h"
#include "model/endpoint.h"

static tg_err_t policy_parse(tg_call_t *c, const tg_resource_t *row, tg_policy_t *out) {
    json_t *doc = NULL;
    tg_err_t err = tg_doc_parse(row->doc, &doc);
    if (!err) {
        err = tg_policy_parse(doc, row->name, &c->arena, out, &c->fault);
    }
    json_decref(doc);
    return err;
}

/* ---- endpoints ---- */

static tg_err_t endpoint_bind(tg_call_t *c, const tg_proxy_t *proxy, tg_endpoint_policy_t *p) {
    p->endpoint = tg_api_endpoint_at(proxy, p->policy.endpoint_method, p->policy.endpoint_path);
    if (p->endpoint == NULL) {
        return tg_fault(&c->fault, TG_ERR_CONFLICT, "",
                        "policy \"%.*s\" is of the endpoint %.*s %.*s, which the API proxy does not have",
                        TG_STR_ARGS(p->policy.name), TG_STR_ARGS(p->policy.endpoint_method),
                        TG_STR_ARGS(p->policy.endpoint_path));
    }
    return TG_OK;
}

static tg_err_t endpoint_once(tg_call_t *c, const tg_policies_t *all, size_t i) {
    for (size_t j = 0; j < i; j++) {
        if (all->endpoints[i].endpoint == all->endpoints[j].endpoint) {
            return tg_fault(&c->fault, TG_ERR_CONFLICT, "",
                            "the endpoint has an authentication policy already: \"%.*s\" and \"%.*s\" are both of it",
                            TG_STR_ARGS(all->endpoints[j].policy.name), TG_STR_ARGS(all->endpoints[i].policy.name));
        }
    }
    return TG_OK;
}

static tg_err_t endpoints_bind(tg_call_t *c, const tg_resource_t *owner, tg_policies_t *all) {
    tg_proxy_t proxy;
    if (owner->kind != TG_RES_PROXY) {
        return tg_fault(&c->fault, TG_ERR_INVALID, "operationMetadata.targetScope", "ENDPOINT is for API proxies");
    }
    if (all->n_endpoints > TG_ENDPOINT_POLICIES_MAX) {
        return tg_fault(&c->fault, TG_ERR_CONFLICT, "", "an API proxy has at most %d policies of endpoints",
                        TG_ENDPOINT_POLICIES_MAX);
    }
    tg_err_t err = tg_proxy_load(c, owner, &proxy);
    for (size_t i = 0; !err && i < all->n_endpoints; i++) {
        err = endpoint_bind(c, &proxy, &all->endpoints[i]);
        if (!err) {
            err = endpoint_once(c, all, i);
        }
    }
    return err;
}

/* ---- tokens ---- */

/* The first that issues tokens of this type, in the order in which the gateway looks for one. */
static const tg_policy_t *issuer_find(const tg_policies_t *all, tg_token_type_t type) {
    const tg_policy_t *own = all->own;
    if (own != NULL && own->managed_from_policy && own->type == type) {
        return own;
    }
    for (size_t i = 0; i < all->n_endpoints; i++) {
        const tg_policy_t *p = &all->endpoints[i].policy;
        if (p->managed_from_policy && p->type == type) {
            return p;
        }
    }
    return NULL;
}

static tg_err_t tokens_agree(tg_call_t *c, const tg_policies_t *all) {
    for (size_t i = 0; i < all->n_endpoints; i++) {
        const tg_policy_t *p = &all->endpoints[i].policy;
        const tg_policy_t *first = p->managed_from_policy ? issuer_find(all, p->type) : p;
        if (!tg_policy_tokens_equal(first, p)) {
            return tg_fault(
                &c->fault, TG_ERR_CONFLICT, "",
                "policies \"%.*s\" and \"%.*s\" issue tokens of one type to one application key: their token "
                "settings must be the same, or one of them in ACL mode",
                TG_STR_ARGS(first->name), TG_STR_ARGS(p->name));
        }
    }
    return TG_OK;
}

/* ---- all of them ---- */

static tg_err_t policy_take(tg_call_t *c, const tg_resource_t *owner, const tg_resource_t *row, tg_policies_t *all) {
    tg_policy_t *p = &all->endpoints[all->n_endpoints].policy;
    tg_err_t err = policy_parse(c, row, p);
    if (err || p->endpoint_path.n > 0) {
        all->n_endpoints += !err;
        return err;
    }
    if (all->own != NULL) {
        return tg_fault(&c->fault, TG_ERR_CONFLICT, "",
                        "the %s has an authentication policy already: \"%.*s\" and \"%.*s\" are both of all of it",
                        tg_owner_type(owner->kind)->what, TG_STR_ARGS(all->own->name), TG_STR_ARGS(row->name));
    }
    all->own = tg_arena_alloc(&c->arena, sizeof(*all->own));
    if (all->own == NULL) {
        return TG_ERR_NOMEM;
    }
    *all->own = *p;
    return TG_OK;
}

tg_err_t tg_policies_read(tg_call_t *c, const tg_resource_t *owner, tg_policies_t *out) {
    tg_resource_t *rows = NULL;
    size_t n = 0;
    memset(out, 0, sizeof(*out));
    tg_err_t err = tg_resource_all(c, TG_RES_POLICY, owner->id, &rows, &n);
    if (err || n == 0) {
        return err;
    }
    out->endpoints = tg_arena_array(&c->arena, n, sizeof(*out->endpoints));
    if (out->endpoints == NULL) {
        return TG_ERR_NOMEM;
    }
    for (size_t i = 0; !err && i < n; i++) {
        err = policy_take(c, owner, &rows[i], out);
    }
    if (!err && out->n_endpoints > 0) {
        err = endpoints_bind(c, owner, out);
    }
    return err ? err : tokens_agree(c, out);
}

tg_err_t tg_policies_check(tg_call_t *c, const tg_resource_t *owner) {
    tg_policies_t all;
    tg_err_t err = tg_policies_read(c, owner, &all);
    if (!err && all.own != NULL) {
        err = tg_provider_policy_check(c, owner->parent, all.own);
    }
    for (size_t i = 0; !err && i < all.n_endpoints; i++) {
        err = tg_provider_policy_check(c, owner->parent, &all.endpoints[i].policy);
    }
    return err;
}
