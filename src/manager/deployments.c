/* Deploy, undeploy and deploy-status of an API proxy or a group. */
#include "manager/deployments.h"

#include "manager/bodies.h"
#include "manager/handlers.h"
#include "manager/nodes.h"
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
    err = tg_nodes_list(c, p.environment.id, nodes, &n);
    tg_call_put_to(c, o, "nodes", nodes);
    tg_call_put(c, "result", o);
    return err;
}
