/*
 * Credentials as they are kept: a resource (what administrators said of it, never with a password) and the client's row
 * (secret, generation and the details that gateways read). Both change in one transaction, and gateways are told.
 */
#ifndef TG_MANAGER_CREDENTIALS_H
#define TG_MANAGER_CREDENTIALS_H

#include "manager/call.h"
#include "model/credential.h"

typedef struct {
    tg_resource_t project, row;
    tg_client_t client;
    tg_credential_t stored;
} tg_credential_row_t;

/* c->params[0] and [1] */
tg_err_t tg_credential_need(tg_call_t *c, tg_credential_row_t *out) TG_MUST_CHECK;
/* The rest of it, and row->row anew, by row->row.id. */
tg_err_t tg_credential_load(tg_call_t *c, tg_credential_row_t *row) TG_MUST_CHECK;
/* The stored document as answers show it: without token settings, which have a path of their own, and without secret
 * values. */
json_t *tg_credential_show(tg_call_t *c, const tg_resource_t *row) TG_MUST_CHECK;
/* A stored document. */
tg_err_t tg_credential_read(tg_call_t *c, tg_str_t doc, tg_credential_t *out) TG_MUST_CHECK;

/* The text of the client's row, in the arena. NULL: the organization is looked up by its name (INVALID: none). */
tg_err_t tg_credential_details(tg_call_t *c, int64_t project_id, const tg_credential_t *credential,
                               const tg_organization_t *organization, tg_str_t *details) TG_MUST_CHECK;

/* Inside the transaction. */
tg_err_t tg_credential_add(tg_call_t *c, const tg_resource_t *project, const tg_credential_t *fresh,
                           tg_client_t *client) TG_MUST_CHECK;
/* Checks If-Match; writes `fresh` and row->client, and notes before and after for the audit log. Whoever was disabled
 * or expired and no longer is gets a new generation: tokens that have ended stay so. */
tg_err_t tg_credential_save(tg_call_t *c, tg_credential_row_t *row, const tg_credential_t *fresh) TG_MUST_CHECK;
/* Every token of this credential ends, as a client and as a user: new generations, in row->client (tg_credential_save
 * or client_update writes it) and where an environment has its own secret. */
tg_err_t tg_credential_tokens_turn(tg_call_t *c, tg_credential_row_t *row) TG_MUST_CHECK;

#endif
