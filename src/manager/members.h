/*
 * Which API proxies are in which group: a row beside the proxy for each kind of group, so that a proxy is in at most
 * one of each. It is configuration: gateways know it from the proxy's next deploy on.
 */
#ifndef TG_MANAGER_MEMBERS_H
#define TG_MANAGER_MEMBERS_H

#include "manager/call.h"

/* The group of that kind (TG_RES_PROXY_GROUP, TG_RES_POLICY_GROUP) that the proxy is in, 0: none. */
tg_err_t tg_member_group(tg_call_t *c, int64_t proxy_id, tg_resource_kind_t kind, int64_t *group_id) TG_MUST_CHECK;
/* The proxies of a group whose names have `q` in them ("": all), by name. */
tg_err_t tg_group_members(tg_call_t *c, const tg_resource_t *group, tg_str_t q, bool descending, tg_resource_t **rows,
                          size_t *n) TG_MUST_CHECK;
/* Inside the transaction; c->before and c->after tell what changed. CONFLICT: it is in another group of that kind. A
 * proxy that is in this one already stays so. */
tg_err_t tg_member_add(tg_call_t *c, const tg_resource_t *group, const tg_resource_t *proxy) TG_MUST_CHECK;
/* NOTFOUND: it is not in this group. What is deployed as a member stays so: tg_member_free tells (CONFLICT). */
tg_err_t tg_member_remove(tg_call_t *c, const tg_resource_t *group, const tg_resource_t *proxy) TG_MUST_CHECK;
tg_err_t tg_member_free(tg_call_t *c, const tg_resource_t *group, const tg_resource_t *proxy) TG_MUST_CHECK;
/* A proxy leaves its groups, a group its members: one of them is deleted. */
tg_err_t tg_members_end(tg_call_t *c, const tg_resource_t *owner) TG_MUST_CHECK;

#endif
