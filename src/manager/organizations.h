/* Organizations: what their members' metadata is by default. */
#ifndef TG_MANAGER_ORGANIZATIONS_H
#define TG_MANAGER_ORGANIZATIONS_H

#include "manager/call.h"
#include "model/credential.h"

/* TG_ERR_NOTFOUND: the project has none of that name. */
tg_err_t tg_organization_find(tg_call_t *c, int64_t project_id, tg_str_t name, tg_organization_t *out) TG_MUST_CHECK;

#endif
