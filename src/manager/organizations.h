/* Organizations: what their members' metadata is by default. */
#ifndef TG_MANAGER_ORGANIZATIONS_H
#define TG_MANAGER_ORGANIZATIONS_H

#include "manager/call.h"
#include "model/credential.h"

/* TG_ERR_NOTFOUND: the project has none of that name. */
tg_err_t tg_organization_find(tg_call_t *c, int64_t project_id, tg_str_t name, tg_organization_t *out) TG_MUST_CHECK;
/* A body, its secret metadata sealed. Of those without a value, `old` keeps what it has (NULL: it is a new one). */
tg_err_t tg_organization_body(tg_call_t *c, const json_t *body, int64_t project_id, const tg_resource_t *old,
                              tg_organization_t *out) TG_MUST_CHECK;
/* Inside the transaction; c->before and c->after tell what changed. Members have the new defaults at once. */
tg_err_t tg_organization_add(tg_call_t *c, const tg_resource_t *project, const tg_organization_t *o) TG_MUST_CHECK;
tg_err_t tg_organization_change(tg_call_t *c, const tg_resource_t *row, const tg_organization_t *o) TG_MUST_CHECK;
/* CONFLICT: a credential is a member. */
tg_err_t tg_organization_remove(tg_call_t *c, const tg_resource_t *row) TG_MUST_CHECK;
/* As answers tell it: without secret values. */
json_t *tg_organization_show(tg_call_t *c, const tg_resource_t *row) TG_MUST_CHECK;

#endif
