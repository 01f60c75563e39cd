/* Nodes of an environment: what they serve, and asking one of them to drain. */
#include "manager/nodes.h"

#include "manager/bodies.h"
#include "manager/deploy.h"
#include "manager/handlers.h"
#include "manager/paging.h"
#include "manager/resources.h"

/* ---- showing ---- */

static json_t *worker_show(tg_call_t *c, const tg_node_worker_t *w) {
    json_t *o = json_object();
    tg_call_put_to(c, o, "pid", json_integer(w->pid));
    tg_call_put_to(c, o, "revision", json_integer(w->revision));
    tg_call_put_to(c, o, "error", tg_text_or_null(w->error));
    return o;
}

static json_t *node_show(tg_call_t *c, const tg_node_t *node) {
    json_t *o = json_object(), *workers = json_array();
    int64_t revision = node->n_workers ? INT64_MAX : 0;
    for (size_t i = 0; i < node->n_workers; i++) {
        const tg_node_worker_t *w = &node->workers[i];
        revision = w->revision < revision ? w->revision : revision;
        tg_call_append_to(c, workers, worker_show(c, w));
    }
    tg_call_put_to(c, o, "nodeId", tg_text(node->node_id));
    tg_call_put_to(c, o, "environmentName", tg_text(node->environment));
    tg_call_put_to(c, o, "address", tg_text(node->address));
    tg_call_put_to(c, o, "version", tg_text(node->version));
    tg_call_put_to(c, o, "startedAt", tg_time(node->started_at));
    tg_call_put_to(c, o, "lastSeen", tg_time(node->seen_at));
    tg_call_put_to(c, o, "revision", json_integer(revision));
    tg_call_put_to(c, o, "wantedRevision", json_integer(node->wanted));
    tg_call_put_to(c, o, "state", tg_text(node->draining ? TG_STR("DRAINING") : TG_STR("SERVING")));
    tg_call_put_to(c, o, "drainRequested", json_boolean(node->drain));
    tg_call_put_to(c, o, "requestsInFlight", json_integer(node->requests));
    tg_call_put_to(c, o, "workers", workers);
    return o;
}

static tg_err_t nodes_read(tg_call_t *c, int64_t environment_id, tg_node_t **nodes, size_t *n) {
    void *handle = NULL;
    tg_err_t err = tg_pool_take(&c->m->tokens, &handle);
    if (!err) {
        tg_token_store_t *store = handle;
        err = store->ops->node_list(store, environment_id, c->now - TG_NODE_ALIVE_MS, &c->arena, nodes, n);
    }
    tg_pool_give(&c->m->tokens, handle);
    return err;
}

tg_err_t tg_nodes_list(tg_call_t *c, int64_t environment_id, json_t *list, size_t *n) {
    tg_node_t *nodes = NULL;
    tg_err_t err = nodes_read(c, environment_id, &nodes, n);
    for (size_t i = 0; !err && i < *n; i++) {
        tg_call_append_to(c, list, node_show(c, &nodes[i]));
    }
    return err;
}

tg_err_t tg_environment_nodes(tg_call_t *c) {
    tg_resource_t environment;
    tg_paging_t page = tg_paging(c);
    size_t n = 0;
    tg_err_t err = tg_environment_need(c, c->params[0], &environment);
    if (err) {
        return err;
    }
    json_t *list = json_array();
    err = tg_nodes_list(c, environment.id, list, &n);
    tg_paging_put(c, &page, list, (int64_t)n);
    return err;
}

/* ---- draining ---- */

static tg_err_t node_find(tg_call_t *c, const tg_resource_t *environment, tg_node_t **out) {
    tg_node_t *nodes = NULL;
    size_t n = 0;
    tg_err_t err = nodes_read(c, environment->id, &nodes, &n);
    for (size_t i = 0; !err && i < n; i++) {
        if (tg_str_eq(nodes[i].node_id, c->params[1])) {
            *out = &nodes[i];
            return TG_OK;
        }
    }
    return err ? err
               : tg_fault(&c->fault, TG_ERR_NOTFOUND, "", "no live node \"%.*s\" serves environment \"%.*s\"",
                          TG_STR_ARGS(c->params[1]), TG_STR_ARGS(environment->name));
}

static tg_err_t node_ask(tg_call_t *c, const tg_node_t *node, bool drain) {
    void *handle = NULL;
    tg_err_t err = tg_pool_take(&c->m->tokens, &handle);
    if (!err) {
        tg_token_store_t *store = handle;
        err = store->ops->node_drain(store, node->environment_id, node->node_id, drain);
    }
    tg_pool_give(&c->m->tokens, handle);
    return err;
}

static json_t *drain_note(tg_call_t *c, const tg_node_t *node) {
    json_t *o = json_object();
    tg_call_put_to(c, o, "drainRequested", json_boolean(node->drain));
    return o;
}

/* The node hears of it with its next beat, within a second or so. */
static tg_err_t drain_set(tg_call_t *c, bool drain) {
    static const char *const fields[] = {NULL};
    tg_resource_t environment;
    tg_node_t *node = NULL;
    tg_err_t err = tg_body_only(c, c->body, fields);
    if (!err) {
        err = tg_call_begin(c);
    }
    if (!err) {
        err = tg_environment_need(c, c->params[0], &environment);
    }
    if (!err) {
        err = node_find(c, &environment, &node);
    }
    if (!err) {
        c->before = drain_note(c, node);
        err = node_ask(c, node, drain);
    }
    if (!err) {
        node->drain = drain;
        c->after = drain_note(c, node);
        tg_call_put(c, "result", node_show(c, node));
    }
    return err;
}

tg_err_t tg_node_drain(tg_call_t *c) {
    return drain_set(c, true);
}

tg_err_t tg_node_drain_cancel(tg_call_t *c) {
    return drain_set(c, false);
}
