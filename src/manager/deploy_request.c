/* What a write says about deploying. */
#include <stdio.h>

#include "manager/deploy.h"

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

tg_err_t tg_deploy_request_apply(tg_call_t *c, const tg_deploy_request_t *r, const tg_resource_t *owner) {
    tg_err_t err = TG_OK;
    for (size_t i = 0; r->wanted && !err && i < r->n; i++) {
        tg_resource_t environment;
        err = c->store->ops->resource_find(c->store, TG_RES_ENVIRONMENT, 0, r->names[i], &c->arena, &environment);
        if (err == TG_ERR_NOTFOUND) {
            return tg_fault(&c->fault, TG_ERR_INVALID, "deployTargetEnvironmentNameList",
                            "there is no environment \"%.*s\"", TG_STR_ARGS(r->names[i]));
        }
        if (!err) {
            err = tg_deploy(c, &environment, owner, TG_STR_NONE);
        }
    }
    return err;
}
