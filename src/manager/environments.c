/* Environments: settings that are live at once, by a new revision of their snapshot. */
#include "manager/environments.h"

#include "manager/bodies.h"
#include "manager/credential_keys.h"
#include "manager/handlers.h"
#include "manager/publish.h"
#include "manager/resources.h"
#include "manager/signing_keys.h"

static json_t *environment_show(tg_call_t *c, const tg_resource_t *row) {
    (void)c;
    return tg_resource_doc(row);
}

tg_err_t tg_environment_canonical(tg_call_t *c, const json_t *body, tg_str_t *name, tg_str_t *doc) {
    tg_environment_t env;
    tg_err_t err = tg_environment_parse(body, &c->arena, &env, &c->fault);
    if (err) {
        return err;
    }
    *name = env.name;
    return tg_doc_text(c, tg_environment_write(&env), doc);
}

tg_err_t tg_environment_add(tg_call_t *c, tg_str_t name, tg_str_t doc, const tg_key_t *key, int64_t *id) {
    tg_resource_t row;
    tg_err_t err = tg_resource_add(c, TG_RES_ENVIRONMENT, 0, "environment", name, doc, id);
    if (!err) {
        err = c->store->ops->resource_get(c->store, *id, &c->arena, &row);
    }
    if (!err) {
        err = tg_signing_key_add(c, &row, key, c->now);
    }
    if (!err) {
        err = tg_credential_keys_first(c, &row);
    }
    if (!err) {
        err = tg_publish_next(c, &row);
    }
    return err ? err : tg_doc_parse(doc, &c->after);
}

static tg_err_t result_put(tg_call_t *c) {
    tg_call_put(c, "result", json_incref(c->after));
    return TG_OK;
}

tg_err_t tg_environment_list(tg_call_t *c) {
    return tg_resource_page(c, TG_RES_ENVIRONMENT, 0, environment_show);
}

/* Every project can deploy to every environment. */
tg_err_t tg_project_environment_list(tg_call_t *c) {
    tg_resource_t project;
    tg_err_t err = tg_project_need(c, &project);
    return err ? err : tg_environment_list(c);
}

tg_err_t tg_environment_create(tg_call_t *c) {
    tg_str_t name, doc;
    tg_key_t *key = NULL;
    int64_t id;
    tg_err_t err = tg_environment_canonical(c, c->body, &name, &doc);
    if (!err) {
        err = tg_key_generate(TG_ALG_RS256, &key);
    }
    if (!err) {
        err = tg_call_begin(c);
    }
    if (!err) {
        err = tg_environment_add(c, name, doc, key, &id);
    }
    tg_key_free(key);
    c->n_targets = 0; /* nobody can serve it yet */
    return err ? err : result_put(c);
}

tg_err_t tg_environment_get(tg_call_t *c) {
    tg_resource_t row;
    tg_err_t err = tg_environment_need(c, c->params[0], &row);
    if (err) {
        return err;
    }
    tg_call_put(c, "result", tg_resource_doc(&row));
    tg_resource_metadata_put(c, &row);
    return TG_OK;
}

/* Leeway and JWKS age take part in when keys retire. */
tg_err_t tg_environment_change(tg_call_t *c, tg_resource_t *row, tg_str_t doc) {
    tg_err_t err = tg_resource_change(c, row, doc);
    if (err) {
        return err;
    }
    c->before = tg_resource_doc(row);
    row->doc = doc;
    err = tg_signing_keys_settle(c, row);
    if (!err) {
        err = tg_publish_next(c, row);
    }
    return err ? err : tg_doc_parse(doc, &c->after);
}

/* `body` is a whole document now. */
static tg_err_t environment_replace(tg_call_t *c, tg_resource_t *row, json_t *body) {
    tg_str_t name, doc;
    tg_err_t err = tg_body_take_name(c, body, "name", row->name);
    if (!err && json_object_set_new(body, "name", tg_text(row->name)) != 0) {
        err = TG_ERR_NOMEM;
    }
    if (!err) {
        err = tg_environment_canonical(c, body, &name, &doc);
    }
    if (!err) {
        err = tg_environment_change(c, row, doc);
    }
    return err ? err : result_put(c);
}

tg_err_t tg_environment_put(tg_call_t *c) {
    tg_resource_t row;
    tg_err_t err = tg_call_begin(c);
    if (!err) {
        err = tg_environment_need(c, c->params[0], &row);
    }
    return err ? err : environment_replace(c, &row, c->body);
}

tg_err_t tg_environment_patch(tg_call_t *c) {
    tg_resource_t row;
    tg_err_t err = tg_call_begin(c);
    if (!err) {
        err = tg_environment_need(c, c->params[0], &row);
    }
    if (err) {
        return err;
    }
    json_t *old = tg_resource_doc(&row);
    json_t *merged = tg_json_merge(old, c->body);
    err = old == NULL || merged == NULL ? TG_ERR_NOMEM : environment_replace(c, &row, merged);
    json_decref(old);
    json_decref(merged);
    return err;
}

tg_err_t tg_environment_delete(tg_call_t *c) {
    tg_resource_t row;
    tg_deployment_t *deployed = NULL;
    size_t n = 0;
    tg_err_t err = tg_call_begin(c);
    if (!err) {
        err = tg_environment_need(c, c->params[0], &row);
    }
    if (!err) {
        err = tg_resource_match(c, &row);
    }
    if (!err) {
        err = c->store->ops->deployment_list(c->store, row.id, &c->arena, &deployed, &n);
    }
    if (err) {
        return err;
    }
    if (n > 0) {
        return tg_fault(&c->fault, TG_ERR_CONFLICT, "",
                        "%zu API proxies and groups are deployed there: undeploy them first", n);
    }
    c->before = tg_resource_doc(&row);
    err = c->store->ops->resource_delete(c->store, row.id);
    return err ? err : tg_publish_clients(c); /* secrets of that environment are gone */
}
