/* settings/ of API proxies and groups: parts of their documents, read and written alone. */
#include "manager/bodies.h"
#include "manager/handlers.h"
#include "manager/owners.h"
#include "manager/resources.h"

static tg_err_t part_get(tg_call_t *c, const char *member) {
    tg_resource_t project, row;
    tg_err_t err = tg_owner_need(c, &project, &row);
    if (err) {
        return err;
    }
    json_t *doc = tg_resource_doc(&row);
    tg_call_put(c, "result", json_incref(json_object_get(doc, member)));
    json_decref(doc);
    c->etag = row.version;
    return TG_OK;
}

/* PUT: the member becomes the body; PATCH: the body is merged into it. */
static tg_err_t part_replace(tg_call_t *c, tg_resource_t *row, const tg_deploy_request_t *deploy, const char *member) {
    if (tg_str_eq(c->method, TG_STR("PATCH"))) {
        json_t *patch = json_pack("{s:O}", member, c->body);
        tg_err_t err = patch == NULL ? TG_ERR_NOMEM : tg_owner_merge(c, row, patch, deploy, member);
        json_decref(patch);
        return err;
    }
    json_t *doc = tg_resource_doc(row);
    tg_err_t err = doc == NULL || json_object_set(doc, member, c->body) != 0
                       ? TG_ERR_NOMEM
                       : tg_owner_replace(c, row, doc, deploy, member);
    json_decref(doc);
    return err;
}

static tg_err_t part_set(tg_call_t *c, const char *member) {
    tg_deploy_request_t deploy;
    tg_resource_t project, row;
    tg_err_t err = tg_deploy_request_take(c, c->body, "", &deploy);
    if (!err) {
        err = tg_call_begin(c);
    }
    if (!err) {
        err = tg_owner_need(c, &project, &row);
    }
    return err ? err : part_replace(c, &row, &deploy, member);
}

#define PART(part, member)                                                                                             \
    tg_err_t tg_owner_##part##_get(tg_call_t *c) {                                                                     \
        return part_get(c, member);                                                                                    \
    }                                                                                                                  \
    tg_err_t tg_owner_##part##_set(tg_call_t *c) {                                                                     \
        return part_set(c, member);                                                                                    \
    }

PART(route, "clientRoute")
PART(addresses, "routingInfo")
PART(connection, "connection")
PART(cors, "cors")
PART(forwarded, "forwardedIp")
PART(limits, "limits")
