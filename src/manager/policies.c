#include "manager/policies.h"

#include "manager/bodies.h"
#include "manager/handlers.h"
#include "manager/owners.h"
#include "manager/policy_scopes.h"
#include "manager/resources.h"
#include "model/model.h"

#define METADATA "operationMetadata"

static json_t *policy_show(tg_call_t *c, const tg_resource_t *row) {
    json_t *doc = tg_resource_doc(row);
    if (doc != NULL) {
        tg_call_put_to(c, doc, "policyName", tg_text(row->name));
    }
    return doc;
}

static tg_err_t policy_need(tg_call_t *c, tg_resource_t *owner, tg_resource_t *policy) {
    tg_resource_t project;
    tg_err_t err = tg_owner_need(c, &project, owner);
    return err ? err : tg_resource_need(c, TG_RES_POLICY, owner->id, "policy", c->params[2], policy);
}

/* Deploy wishes stand in operationMetadata. */
static tg_err_t deploy_take(tg_call_t *c, json_t *body, tg_deploy_request_t *deploy) {
    json_t *metadata = json_object_get(body, METADATA);
    *deploy = (tg_deploy_request_t){0};
    return json_is_object(metadata) ? tg_deploy_request_take(c, metadata, METADATA, deploy) : TG_OK;
}

tg_err_t tg_policy_canonical(tg_call_t *c, json_t *body, tg_str_t name, tg_str_t *doc) {
    tg_policy_t p;
    tg_err_t err = tg_name_check(name, "policyName", &c->fault);
    if (!err) {
        err = tg_body_take_name(c, body, "policyName", name);
    }
    if (!err) {
        err = tg_policy_parse(body, name, &c->arena, &p, &c->fault);
    }
    return err ? err : tg_doc_text(c, tg_policy_write(&p), doc);
}

tg_err_t tg_policy_list(tg_call_t *c) {
    tg_resource_t project, owner;
    tg_err_t err = tg_owner_need(c, &project, &owner);
    return err ? err : tg_resource_page(c, TG_RES_POLICY, owner.id, policy_show);
}

tg_err_t tg_policy_get(tg_call_t *c) {
    tg_resource_t owner, row;
    tg_err_t err = policy_need(c, &owner, &row);
    if (err) {
        return err;
    }
    tg_call_put(c, "result", policy_show(c, &row));
    tg_resource_metadata_put(c, &row);
    return TG_OK;
}

static tg_err_t after_note(tg_call_t *c, tg_str_t name, tg_str_t doc) {
    tg_err_t err = tg_doc_parse(doc, &c->after);
    if (!err) {
        tg_call_put_to(c, c->after, "policyName", tg_text(name));
    }
    return err;
}

tg_err_t tg_policy_add(tg_call_t *c, const tg_resource_t *owner, tg_str_t name, tg_str_t doc) {
    int64_t id;
    tg_err_t err = tg_resource_add(c, TG_RES_POLICY, owner->id, "policy", name, doc, &id);
    return err ? err : after_note(c, name, doc);
}

tg_err_t tg_policy_change(tg_call_t *c, const tg_resource_t *row, tg_str_t doc) {
    tg_err_t err = tg_resource_change(c, row, doc);
    if (err) {
        return err;
    }
    c->before = policy_show(c, row);
    return after_note(c, row->name, doc);
}

tg_err_t tg_policy_remove(tg_call_t *c, const tg_resource_t *row) {
    tg_err_t err = tg_resource_match(c, row);
    if (err) {
        return err;
    }
    c->before = policy_show(c, row);
    return c->store->ops->resource_delete(c->store, row->id);
}

static tg_err_t result_put(tg_call_t *c) {
    tg_call_put(c, "result", json_incref(c->after));
    return TG_OK;
}

tg_err_t tg_policy_create(tg_call_t *c) {
    tg_resource_t project, owner;
    tg_deploy_request_t deploy;
    tg_str_t doc;
    tg_err_t err = deploy_take(c, c->body, &deploy);
    if (!err) {
        err = tg_policy_canonical(c, c->body, c->params[2], &doc);
    }
    if (!err) {
        err = tg_call_begin(c);
    }
    if (!err) {
        err = tg_owner_need(c, &project, &owner);
    }
    if (!err) {
        err = tg_policy_add(c, &owner, c->params[2], doc);
    }
    if (!err) {
        err = tg_policies_check(c, &owner);
    }
    if (!err) {
        err = tg_deploy_request_apply(c, &deploy, &owner);
    }
    return err ? err : result_put(c);
}

static tg_err_t policy_replace(tg_call_t *c, const tg_resource_t *owner, const tg_resource_t *row, json_t *body,
                               const tg_deploy_request_t *deploy) {
    tg_str_t doc;
    tg_err_t err = tg_policy_canonical(c, body, c->params[2], &doc);
    if (!err) {
        err = tg_policy_change(c, row, doc);
    }
    if (!err) {
        err = tg_policies_check(c, owner);
    }
    if (!err) {
        err = tg_deploy_request_apply(c, deploy, owner);
    }
    return err ? err : result_put(c);
}

tg_err_t tg_policy_put(tg_call_t *c) {
    tg_resource_t owner, row;
    tg_deploy_request_t deploy;
    tg_err_t err = deploy_take(c, c->body, &deploy);
    if (!err) {
        err = tg_call_begin(c);
    }
    if (!err) {
        err = policy_need(c, &owner, &row);
    }
    return err ? err : policy_replace(c, &owner, &row, c->body, &deploy);
}

tg_err_t tg_policy_patch(tg_call_t *c) {
    tg_resource_t owner, row;
    tg_deploy_request_t deploy;
    tg_err_t err = deploy_take(c, c->body, &deploy);
    if (!err) {
        err = tg_call_begin(c);
    }
    if (!err) {
        err = policy_need(c, &owner, &row);
    }
    if (err) {
        return err;
    }
    json_t *old = tg_resource_doc(&row);
    json_t *merged = tg_json_merge(old, c->body);
    err = old == NULL || merged == NULL ? TG_ERR_NOMEM : policy_replace(c, &owner, &row, merged, &deploy);
    json_decref(old);
    json_decref(merged);
    return err;
}

/* "deploy" may stand in the body of a DELETE, at the top or in operationMetadata. */
static tg_err_t delete_body_read(tg_call_t *c, tg_deploy_request_t *deploy) {
    static const char *const fields[] = {METADATA, NULL};
    static const char *const nothing[] = {NULL};
    *deploy = (tg_deploy_request_t){0};
    if (c->body == NULL) {
        return TG_OK;
    }
    if (json_object_get(c->body, METADATA) == NULL) {
        tg_err_t err = tg_deploy_request_take(c, c->body, "", deploy);
        return err ? err : tg_body_only(c, c->body, nothing);
    }
    tg_err_t err = deploy_take(c, c->body, deploy);
    if (!err) {
        err = tg_body_only(c, c->body, fields);
    }
    return err ? err : tg_body_only(c, json_object_get(c->body, METADATA), nothing);
}

tg_err_t tg_policy_delete(tg_call_t *c) {
    tg_resource_t owner, row;
    tg_deploy_request_t deploy;
    tg_err_t err = delete_body_read(c, &deploy);
    if (!err) {
        err = tg_call_begin(c);
    }
    if (!err) {
        err = policy_need(c, &owner, &row);
    }
    if (!err) {
        err = tg_policy_remove(c, &row);
    }
    return err ? err : tg_deploy_request_apply(c, &deploy, &owner);
}
