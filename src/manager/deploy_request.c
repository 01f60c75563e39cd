/* What a write says about deploying. */
#include "manager/bodies.h"
#include "manager/deploy.h"

/* The tables of the model room know their names, and leave them to this one. */
static const tg_field_t request_fields[] = {
    {.name = "deploy", .read = tg_read_bool, .offset = offsetof(tg_deploy_request_t, wanted)},
    {.name = "deployTargetEnvironmentNameList",
     TG_TEXTS(tg_deploy_request_t, names, n, tg_read_name),
     .max = TG_DEPLOY_TARGETS_MAX},
};
#define LIST_NAME request_fields[1].name

static tg_err_t members_move(json_t *from, json_t *to) {
    for (size_t i = 0; i < sizeof(request_fields) / sizeof(request_fields[0]); i++) {
        json_t *value = json_object_get(from, request_fields[i].name);
        if (value != NULL && json_object_set(to, request_fields[i].name, value) != 0) {
            return TG_ERR_NOMEM;
        }
        json_object_del(from, request_fields[i].name);
    }
    return TG_OK;
}

tg_err_t tg_deploy_request_take(tg_call_t *c, json_t *object, const char *member, tg_deploy_request_t *out) {
    tg_reader_t r = {&c->arena, &c->fault};
    const tg_place_t here = {NULL, member, 0}, *at = member[0] != '\0' ? &here : NULL;
    json_t *taken = json_object();
    *out = (tg_deploy_request_t){.wanted = false};
    tg_err_t err = taken == NULL ? TG_ERR_NOMEM : members_move(object, taken);
    if (!err) {
        err = tg_fields_read(&r, at, taken, request_fields, sizeof(request_fields) / sizeof(request_fields[0]), out);
    }
    if (!err && out->wanted && out->n == 0) {
        err = tg_refuse(&r, TG_MEMBER(at, LIST_NAME), "must list 1 to %d names of environments", TG_DEPLOY_TARGETS_MAX);
    }
    json_decref(taken);
    return err;
}

tg_err_t tg_deploy_request_apply(tg_call_t *c, const tg_deploy_request_t *r, const tg_resource_t *owner) {
    tg_err_t err = TG_OK;
    for (size_t i = 0; r->wanted && !err && i < r->n; i++) {
        tg_resource_t environment;
        err = c->store->ops->resource_find(c->store, TG_RES_ENVIRONMENT, 0, r->names[i], &c->arena, &environment);
        if (err == TG_ERR_NOTFOUND) {
            return tg_fault(&c->fault, TG_ERR_INVALID, LIST_NAME, "there is no environment \"%.*s\"",
                            TG_STR_ARGS(r->names[i]));
        }
        if (!err) {
            err = tg_deploy(c, &environment, owner, TG_STR_NONE);
        }
    }
    return err;
}
