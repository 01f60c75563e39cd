/* Who calls: bearer tokens of the login endpoint, or HTTP Basic with an administrator's name and password or an access
 * token's id and secret. */
#ifndef TG_MANAGER_AUTH_H
#define TG_MANAGER_AUTH_H

#include "manager/call.h"

/* Fills administrator, access_token, who, rights and role, or refuses with 401, 403, 404 or 429. */
tg_err_t tg_auth_check(tg_call_t *c) TG_MUST_CHECK;

#endif
