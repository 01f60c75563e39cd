/* Policies of API proxies and groups: one authentication policy on each scope. */
#ifndef TG_MANAGER_POLICIES_H
#define TG_MANAGER_POLICIES_H

#include "manager/call.h"

/* Reads a body without its deploy wishes; the canonical document goes into the arena. */
tg_err_t tg_policy_canonical(tg_call_t *c, json_t *body, tg_str_t name, tg_str_t *doc) TG_MUST_CHECK;
/* Inside the transaction; c->before and c->after tell what changed. Once all is written, tg_policies_check
 * (policy_scopes.h) says whether the owner's policies can stand beside one another. */
tg_err_t tg_policy_add(tg_call_t *c, const tg_resource_t *owner, tg_str_t name, tg_str_t doc) TG_MUST_CHECK;
tg_err_t tg_policy_change(tg_call_t *c, const tg_resource_t *row, tg_str_t doc) TG_MUST_CHECK;
tg_err_t tg_policy_remove(tg_call_t *c, const tg_resource_t *row) TG_MUST_CHECK;

#endif
