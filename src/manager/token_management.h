/* The token management settings as the store keeps them: one row, made when they are first changed. */
#ifndef TG_MANAGER_TOKEN_MANAGEMENT_H
#define TG_MANAGER_TOKEN_MANAGEMENT_H

#include "manager/call.h"
#include "model/token_management.h"

/* The defaults if they were never changed. Views point into the call's arena. */
tg_err_t tg_token_management_load(tg_call_t *c, tg_token_management_t *out) TG_MUST_CHECK;

#endif
