/* Deploy, undeploy and deploy-status of an API proxy or a group; nodes of an environment. */
#include "manager/deployments.h"

#include "manager/bodies.h"
#include "manager/handlers.h"
#include "manager/owners.h"
#include "manager/resources.h"
#include "manager/schemas.h"

#define DESCRIPTION_MAX 1024

typedef struct {
    tg_resource_t project, owner, environment;
} place_t;

static tg_err_t place_need(tg_call_t *c, place_t *p) {
    tg_err_t err = tg_owner_need(c, &p->project, &p->owner);
    return err ? err : tg_environment_need(c, c->params[2], &p->environment);
}

static const tg_field_t deploy_fields[] = {
    {.name = "description", .read = tg_read_text, .max = DESCRIPTION_MAX},
};

json_t *tg_deploy_schema(void) {
    return tg_fields_schema(deploy_fields, 1);
}

tg_err_t tg_deployment_description(tg_call_t *c, tg_str_t *out) {
    *out = TG_STR_NONE;
    return tg_body_read(c, c->body, deploy_fields, 1, out);
}

json_t *tg_deployment_note(tg_call_t *c, const tg_resource_t *environment, int64_t revision) {
    json_t *o = json_object();
    tg_call_put_to(c, o, "environmentName", tg_text(environment->name));
    tg_call_put_to(c, o, "revision", json_integer(revision));
    return o;
}

tg_err_t tg_deployment_note_before(tg_call_t *c, const tg_resource_t *environment, const tg_resource_t *owner) {
    tg_deployment_t old;
    tg_err_t err = c->store->ops->deployment_find(c->store, environment->id, owner->id, &c->arena, &old);
    if (!err) {
        c->before = tg_deployment_note(c, environment, old.revision);
    }
    return err == TG_ERR_NOTFOUND ? TG_OK : err;
}

tg_err_t tg_deployment_deploy(tg_call_t *c) {
    place_t p;
    tg_str_t description;
    tg_err_t err = tg_deployment_description(c, &description);
    if (!err) {
        err = tg_call_begin(c);
    }
    if (!err) {
        err = place_need(c, &p);
    }
    if (!err) {
        err = tg_deployment_note_before(c, &p.environment, &p.owner);
    }
    if (!err) {
        err = tg_deploy(c, &p.environment, &p.owner, description);
    }
    if (!err) {
        c->after = tg_deployment_note(c, &p.environment, c->targets[0].revision);
    }
    return err;
}

tg_err_t tg_deployment_undeploy(tg_call_t *c) {
    place_t p;
    tg_str_t description;
    tg_err_t err = tg_deployment_description(c, &description);
    if (!err) {
        err = tg_call_begin(c);
    }
    if (!err) {
        err = place_need(c, &p);
    }
    if (!err) {
        err = tg_deployment_note_before(c, &p.environment, &p.owner);
    }
    return err ? err : tg_undeploy(c, &p.environment, &p.owner, description);
}

/* ---- status ---- */

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
    tg_call_put_to(c, o, "workers", workers);
    return o;
}

static tg_err_t nodes_list(tg_call_t *c, int64_t environment_id, json_t *list, size_t *n) {
    void *handle = NULL;
    tg_node_t *nodes = NULL;
    tg_err_t err = tg_pool_take(&c->m->tokens, &handle);
    if (!err) {
        tg_token_store_t *store = handle;
        err = store->ops->node_list(store, environment_id, c->now - TG_NODE_ALIVE_MS, &c->arena, &nodes, n);
    }
    for (size_t i = 0; !err && i < *n; i++) {
        tg_call_append_to(c, list, node_show(c, &nodes[i]));
    }
    tg_pool_give(&c->m->tokens, handle);
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
    err = nodes_list(c, environment.id, list, &n);
    tg_paging_put(c, &page, list, (int64_t)n);
    return err;
}

void tg_deployment_put(tg_call_t *c, json_t *o, const tg_deployment_t *d) {
    tg_call_put_to(c, o, "revision", json_integer(d->revision));
    tg_call_put_to(c, o, "deployedAt", tg_time(d->at));
    tg_call_put_to(c, o, "deployedBy", tg_text(d->by));
    tg_call_put_to(c, o, "description", tg_text(d->description));
}

/* A node serves what is deployed here if its revision is not older. */
tg_err_t tg_deployment_status(tg_call_t *c) {
    place_t p;
    tg_deployment_t d;
    size_t n = 0;
    tg_err_t err = place_need(c, &p);
    if (err) {
        return err;
    }
    err = c->store->ops->deployment_find(c->store, p.environment.id, p.owner.id, &c->arena, &d);
    if (err && err != TG_ERR_NOTFOUND) {
        return err;
    }
    json_t *o = json_object(), *nodes = json_array();
    tg_call_put_to(c, o, "environmentName", tg_text(p.environment.name));
    tg_call_put_to(c, o, "deployed", json_boolean(!err));
    if (!err) {
        tg_deployment_put(c, o, &d);
    }
    err = nodes_list(c, p.environment.id, nodes, &n);
    tg_call_put_to(c, o, "nodes", nodes);
    tg_call_put(c, "result", o);
    return err;
}
