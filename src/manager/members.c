#include "manager/members.h"

#include "manager/bodies.h"
#include "manager/handlers.h"
#include "manager/owners.h"
#include "manager/paging.h"
#include "manager/resources.h"

/* The row's parent is the proxy, its name the kind of group. */
static tg_err_t row_find(tg_call_t *c, int64_t proxy_id, tg_resource_kind_t kind, tg_resource_t *row,
                         int64_t *group_id) {
    *group_id = 0;
    tg_err_t err = c->store->ops->resource_find(c->store, TG_RES_SETTINGS, proxy_id,
                                                tg_str(tg_owner_type(kind)->segment), &c->arena, row);
    if (err) {
        return err;
    }
    json_t *doc = tg_resource_doc(row);
    err = doc == NULL ? TG_ERR_NOMEM : tg_json_int(doc, "groupId", group_id) ? TG_OK : TG_ERR_BUG;
    json_decref(doc);
    return err;
}

tg_err_t tg_member_group(tg_call_t *c, int64_t proxy_id, tg_resource_kind_t kind, int64_t *group_id) {
    tg_resource_t row;
    tg_err_t err = row_find(c, proxy_id, kind, &row, group_id);
    return err == TG_ERR_NOTFOUND ? TG_OK : err;
}

tg_err_t tg_group_members(tg_call_t *c, const tg_resource_t *group, tg_str_t q, bool descending, tg_resource_t **rows,
                          size_t *n) {
    tg_resource_query_t query = {
        .kind = TG_RES_PROXY, .parent = group->parent, .q = q, .descending = descending, .limit = INT32_MAX};
    int64_t total = 0, group_id;
    size_t all = 0;
    *n = 0;
    tg_err_t err = c->store->ops->resource_list(c->store, &query, &c->arena, rows, &all, &total);
    for (size_t i = 0; !err && i < all; i++) {
        err = tg_member_group(c, (*rows)[i].id, group->kind, &group_id);
        if (!err && group_id == group->id) {
            (*rows)[(*n)++] = (*rows)[i];
        }
    }
    return err;
}

static tg_err_t row_remove(tg_call_t *c, int64_t proxy_id, tg_resource_kind_t kind) {
    tg_resource_t row;
    int64_t group_id;
    tg_err_t err = row_find(c, proxy_id, kind, &row, &group_id);
    return err == TG_ERR_NOTFOUND ? TG_OK : err ? err : c->store->ops->resource_delete(c->store, row.id);
}

tg_err_t tg_members_end(tg_call_t *c, const tg_resource_t *owner) {
    tg_resource_t *rows = NULL;
    size_t n = 0;
    if (owner->kind == TG_RES_PROXY) {
        tg_err_t err = row_remove(c, owner->id, TG_RES_PROXY_GROUP);
        return err ? err : row_remove(c, owner->id, TG_RES_POLICY_GROUP);
    }
    tg_err_t err = tg_group_members(c, owner, TG_STR_NONE, false, &rows, &n);
    for (size_t i = 0; !err && i < n; i++) {
        err = row_remove(c, rows[i].id, owner->kind);
    }
    return err;
}

/* ---- .../{group}/apiProxies/ ---- */

static json_t *member_show(tg_call_t *c, const tg_resource_t *proxy) {
    json_t *o = json_object();
    tg_call_put_to(c, o, "apiProxyName", tg_text(proxy->name));
    return o;
}

tg_err_t tg_member_list(tg_call_t *c) {
    tg_resource_t project, group, *rows = NULL;
    tg_paging_t page = tg_paging(c);
    size_t n = 0;
    tg_err_t err = tg_owner_need(c, &project, &group);
    if (!err) {
        err = tg_group_members(c, &group, page.q, page.descending, &rows, &n);
    }
    if (err) {
        return err;
    }
    json_t *list = json_array();
    for (size_t i = (size_t)page.offset; i < n && i < (size_t)(page.offset + page.size); i++) {
        tg_call_append_to(c, list, member_show(c, &rows[i]));
    }
    tg_paging_put(c, &page, list, (int64_t)n);
    return TG_OK;
}

typedef struct {
    tg_resource_t project, group, proxy;
} place_t;

static tg_err_t place_need(tg_call_t *c, place_t *p) {
    tg_err_t err = tg_owner_need(c, &p->project, &p->group);
    return err ? err : tg_resource_need(c, TG_RES_PROXY, p->project.id, "API proxy", c->params[2], &p->proxy);
}

static tg_err_t other_group_refuse(tg_call_t *c, const tg_resource_t *proxy, const char *what, int64_t group_id) {
    tg_resource_t other;
    tg_err_t err = c->store->ops->resource_get(c->store, group_id, &c->arena, &other);
    return err ? err
               : tg_fault(&c->fault, TG_ERR_CONFLICT, "", "\"%.*s\" is in the %s \"%.*s\" already",
                          TG_STR_ARGS(proxy->name), what, TG_STR_ARGS(other.name));
}

tg_err_t tg_member_add(tg_call_t *c, const tg_resource_t *group, const tg_resource_t *proxy) {
    const tg_owner_type_t *type = tg_owner_type(group->kind);
    tg_str_t doc;
    int64_t id, now_in;
    tg_err_t err = tg_member_group(c, proxy->id, group->kind, &now_in);
    if (err || now_in == group->id) {
        return err;
    }
    if (now_in != 0) {
        return other_group_refuse(c, proxy, type->what, now_in);
    }
    err = tg_doc_text(c, json_pack("{s:I}", "groupId", (json_int_t)group->id), &doc);
    if (err) {
        return err;
    }
    c->after = member_show(c, proxy);
    return c->store->ops->resource_create(c->store, TG_RES_SETTINGS, proxy->id, tg_str(type->segment), doc, c->now,
                                          &id);
}

tg_err_t tg_member_remove(tg_call_t *c, const tg_resource_t *group, const tg_resource_t *proxy) {
    int64_t now_in;
    tg_err_t err = tg_member_group(c, proxy->id, group->kind, &now_in);
    if (!err && now_in != group->id) {
        return tg_fault(&c->fault, TG_ERR_NOTFOUND, "", "\"%.*s\" is not in \"%.*s\"", TG_STR_ARGS(proxy->name),
                        TG_STR_ARGS(group->name));
    }
    if (err) {
        return err;
    }
    c->before = member_show(c, proxy);
    return row_remove(c, proxy->id, group->kind);
}

tg_err_t tg_member_put(tg_call_t *c) {
    static const char *const nothing[] = {NULL};
    tg_deploy_request_t deploy;
    place_t p;
    tg_err_t err = tg_deploy_request_take(c, c->body, "", &deploy);
    if (!err) {
        err = tg_body_only(c, c->body, nothing);
    }
    if (!err) {
        err = tg_call_begin(c);
    }
    if (!err) {
        err = place_need(c, &p);
    }
    if (!err) {
        err = tg_member_add(c, &p.group, &p.proxy);
    }
    if (!err) {
        err = tg_deploy_request_apply(c, &deploy, &p.proxy);
    }
    if (!err) {
        tg_call_put(c, "result", member_show(c, &p.proxy));
    }
    return err;
}

/* Gateways would go on honouring the group's tokens for it, and nobody could see why. */
tg_err_t tg_member_free(tg_call_t *c, const tg_resource_t *group, const tg_resource_t *proxy) {
    tg_resource_t *environments = NULL;
    size_t n = 0;
    bool is = false;
    tg_err_t err = tg_resource_all(c, TG_RES_ENVIRONMENT, 0, &environments, &n);
    for (size_t i = 0; !err && i < n; i++) {
        err = tg_deployed_as_member(c, environments[i].id, proxy->id, group->id, &is);
        if (!err && is) {
            return tg_fault(&c->fault, TG_ERR_CONFLICT, "",
                            "it is deployed as a member in environment \"%.*s\": undeploy it first",
                            TG_STR_ARGS(environments[i].name));
        }
    }
    return err;
}

tg_err_t tg_member_delete(tg_call_t *c) {
    static const char *const nothing[] = {NULL};
    place_t p;
    tg_err_t err = tg_body_only(c, c->body, nothing);
    if (!err) {
        err = tg_call_begin(c);
    }
    if (!err) {
        err = place_need(c, &p);
    }
    if (!err) {
        err = tg_member_remove(c, &p.group, &p.proxy);
    }
    return err ? err : tg_member_free(c, &p.group, &p.proxy);
}
