/* Endpoints of API proxies: parts of a proxy's document, read and written one by one. */
#include "manager/bodies.h"
#include "manager/handlers.h"
#include "manager/owners.h"
#include "manager/policy_scopes.h"
#include "manager/proxies.h"
#include "manager/resources.h"
#include "model/endpoint.h"

#include <stdlib.h>

/* An endpoint of the call's proxy, and its place in the list. */
typedef struct {
    tg_resource_t row; /* of the proxy */
    tg_proxy_t proxy;
    const tg_api_endpoint_t *endpoint;
    size_t index;
} place_t;

static tg_err_t proxy_need(tg_call_t *c, place_t *p) {
    tg_resource_t project;
    tg_err_t err = tg_owner_need(c, &project, &p->row);
    return err ? err : tg_proxy_load(c, &p->row, &p->proxy);
}

static tg_err_t place_need(tg_call_t *c, place_t *p) {
    tg_err_t err = proxy_need(c, p);
    if (err) {
        return err;
    }
    p->endpoint = tg_api_endpoint_named(&p->proxy, c->params[2]);
    if (p->endpoint == NULL) {
        return tg_fault(&c->fault, TG_ERR_NOTFOUND, "", "there is no endpoint \"%.*s\"", TG_STR_ARGS(c->params[2]));
    }
    p->index = (size_t)(p->endpoint - p->proxy.endpoints);
    return TG_OK;
}

/* ---- reading ---- */

static int by_name(const void *a, const void *b) {
    const tg_api_endpoint_t *const *x = a;
    const tg_api_endpoint_t *const *y = b;
    size_t n = (*x)->name.n < (*y)->name.n ? (*x)->name.n : (*y)->name.n;
    int order = memcmp((*x)->name.p, (*y)->name.p, n);
    return order != 0 ? order : ((*x)->name.n > (*y)->name.n) - ((*x)->name.n < (*y)->name.n);
}

static bool has(tg_str_t text, tg_str_t q) {
    return memmem(text.p, text.n, q.p, q.n) != NULL;
}

tg_err_t tg_endpoint_list(tg_call_t *c) {
    place_t p;
    tg_paging_t page = tg_paging(c);
    tg_err_t err = proxy_need(c, &p);
    const tg_api_endpoint_t **found = err ? NULL : tg_arena_array(&c->arena, p.proxy.n_endpoints, sizeof(*found));
    if (found == NULL) {
        return err ? err : TG_ERR_NOMEM;
    }
    size_t n = 0;
    for (size_t i = 0; i < p.proxy.n_endpoints; i++) {
        const tg_api_endpoint_t *e = &p.proxy.endpoints[i];
        if (page.q.n == 0 || has(e->name, page.q) || has(e->path, page.q)) {
            found[n++] = e;
        }
    }
    if (n > 1) {
        qsort((void *)found, n, sizeof(*found), by_name);
    }
    json_t *list = json_array();
    for (size_t i = (size_t)page.offset; i < n && i < (size_t)(page.offset + page.size); i++) {
        tg_call_append_to(c, list, tg_api_endpoint_write(found[page.descending ? n - 1 - i : i]));
    }
    tg_paging_put(c, &page, list, (int64_t)n);
    return TG_OK;
}

tg_err_t tg_endpoint_get(tg_call_t *c) {
    place_t p;
    tg_err_t err = place_need(c, &p);
    if (!err) {
        tg_call_put(c, "result", tg_api_endpoint_write(p.endpoint));
        c->etag = p.row.version;
    }
    return err;
}

/* ---- writing ---- */

/* Nobody else in the proxy has its name or its key. */
static tg_err_t is_free(tg_call_t *c, const place_t *p, const tg_api_endpoint_t *e) {
    const tg_api_endpoint_t *named = e->name.n > 0 ? tg_api_endpoint_named(&p->proxy, e->name) : NULL;
    if (named != NULL && named != p->endpoint) {
        return tg_fault(&c->fault, TG_ERR_CONFLICT, "name", "endpoint \"%.*s\" exists already", TG_STR_ARGS(e->name));
    }
    const tg_api_endpoint_t *there = tg_api_endpoint_at(&p->proxy, e->method, e->path);
    if (there != NULL && there != p->endpoint) {
        return tg_fault(&c->fault, TG_ERR_CONFLICT, "path", "endpoint \"%.*s\" matches the same requests: %.*s %.*s",
                        TG_STR_ARGS(there->name), TG_STR_ARGS(there->method), TG_STR_ARGS(there->path));
    }
    if (p->endpoint == NULL && p->proxy.n_endpoints == TG_ENDPOINTS_MAX) {
        return tg_fault(&c->fault, TG_ERR_CONFLICT, "", "an API proxy has at most %d endpoints", TG_ENDPOINTS_MAX);
    }
    return TG_OK;
}

/* The proxy's document with its list as it is now in *p. */
static tg_err_t proxy_write(tg_call_t *c, place_t *p, const tg_deploy_request_t *deploy) {
    tg_str_t doc;
    tg_err_t err = tg_doc_text(c, tg_proxy_write(&p->proxy), &doc);
    if (!err) {
        err = tg_resource_change(c, &p->row, doc);
    }
    if (err) {
        return err;
    }
    p->row.doc = doc;
    err = tg_policies_check(c, &p->row);
    return err ? err : tg_deploy_request_apply(c, deploy, &p->row);
}

static void result_put(tg_call_t *c, const tg_api_endpoint_t *e) {
    c->after = tg_api_endpoint_write(e);
    tg_call_put(c, "result", json_incref(c->after));
}

static tg_err_t endpoint_add(tg_call_t *c, place_t *p, const tg_api_endpoint_t *e) {
    tg_proxy_t *proxy = &p->proxy;
    tg_api_endpoint_t *list = tg_arena_array(&c->arena, proxy->n_endpoints + 1, sizeof(*list));
    if (list == NULL) {
        return TG_ERR_NOMEM;
    }
    if (proxy->n_endpoints > 0) {
        memcpy(list, proxy->endpoints, proxy->n_endpoints * sizeof(*list));
    }
    p->index = proxy->n_endpoints;
    list[p->index] = *e;
    proxy->endpoints = list;
    proxy->n_endpoints++;
    return tg_api_endpoints_name(proxy, &c->arena, &c->fault);
}

tg_err_t tg_endpoint_create(tg_call_t *c) {
    place_t p = {.endpoint = NULL};
    tg_api_endpoint_t e;
    tg_deploy_request_t deploy;
    tg_err_t err = tg_deploy_request_take(c, c->body, "", &deploy);
    if (!err) {
        err = tg_api_endpoint_parse(c->body, &c->arena, &e, &c->fault);
    }
    if (!err) {
        err = tg_call_begin(c);
    }
    if (!err) {
        err = proxy_need(c, &p);
    }
    if (!err) {
        err = is_free(c, &p, &e);
    }
    if (!err) {
        err = endpoint_add(c, &p, &e);
    }
    if (!err) {
        err = proxy_write(c, &p, &deploy);
    }
    if (!err) {
        result_put(c, &p.proxy.endpoints[p.index]);
    }
    return err;
}

static tg_err_t endpoint_replace(tg_call_t *c, place_t *p, json_t *body, const tg_deploy_request_t *deploy) {
    tg_api_endpoint_t e;
    tg_err_t err = tg_body_take_name(c, body, "name", p->endpoint->name);
    if (!err) {
        err = tg_api_endpoint_parse(body, &c->arena, &e, &c->fault);
    }
    if (!err) {
        err = is_free(c, p, &e);
    }
    if (err) {
        return err;
    }
    e.name = p->endpoint->name;
    c->before = tg_api_endpoint_write(p->endpoint);
    p->proxy.endpoints[p->index] = e;
    err = proxy_write(c, p, deploy);
    if (!err) {
        result_put(c, &e);
    }
    return err;
}

static tg_err_t endpoint_merge(tg_call_t *c, place_t *p, const tg_deploy_request_t *deploy) {
    json_t *old = tg_api_endpoint_write(p->endpoint);
    json_t *merged = tg_json_merge(old, c->body);
    tg_err_t err = old == NULL || merged == NULL ? TG_ERR_NOMEM : endpoint_replace(c, p, merged, deploy);
    json_decref(old);
    json_decref(merged);
    return err;
}

tg_err_t tg_endpoint_set(tg_call_t *c) {
    place_t p;
    tg_deploy_request_t deploy;
    tg_err_t err = tg_deploy_request_take(c, c->body, "", &deploy);
    if (!err) {
        err = tg_call_begin(c);
    }
    if (!err) {
        err = place_need(c, &p);
    }
    if (err) {
        return err;
    }
    return tg_str_eq(c->method, TG_STR("PATCH")) ? endpoint_merge(c, &p, &deploy)
                                                 : endpoint_replace(c, &p, c->body, &deploy);
}

tg_err_t tg_endpoint_delete(tg_call_t *c) {
    static const char *const nothing[] = {NULL};
    place_t p;
    tg_deploy_request_t deploy = {.wanted = false};
    tg_err_t err = c->body != NULL ? tg_deploy_request_take(c, c->body, "", &deploy) : TG_OK;
    if (!err) {
        err = tg_body_only(c, c->body, nothing);
    }
    if (!err) {
        err = tg_call_begin(c);
    }
    if (!err) {
        err = place_need(c, &p);
    }
    if (err) {
        return err;
    }
    c->before = tg_api_endpoint_write(p.endpoint);
    tg_api_endpoint_t *at = &p.proxy.endpoints[p.index];
    p.proxy.n_endpoints--;
    memmove(at, at + 1, (p.proxy.n_endpoints - p.index) * sizeof(*at));
    return proxy_write(c, &p, &deploy);
}
