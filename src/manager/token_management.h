/* The token management settings as the store keeps them: one row, made when they are first changed. */
#ifndef TG_MANAGER_TOKEN_MANAGEMENT_H
#define TG_MANAGER_TOKEN_MANAGEMENT_H

#include "manager/call.h"
#include "model/token_management.h"

/* The defaults if they were never changed. Views point into the call's arena. */
tg_err_t tg_token_management_load(tg_call_t *c, tg_token_management_t *out) TG_MUST_CHECK;
/* The row (zeroed if there is none yet) and what holds; *doc is a new reference. */
tg_err_t tg_token_management_find(tg_call_t *c, tg_resource_t *row, json_t **doc) TG_MUST_CHECK;
/* Inside the transaction: `settings` takes the place of the row's; c->after is as they are kept. */
tg_err_t tg_token_management_change(tg_call_t *c, const tg_resource_t *row,
                                    const tg_token_management_t *settings) TG_MUST_CHECK;

#endif
