/*
 * Changes of credentials, inside the transaction, for single calls and for whole documents. Each notes in c->before and
 * c->after what changed, secrets masked.
 */
#ifndef TG_MANAGER_CREDENTIAL_CHANGES_H
#define TG_MANAGER_CREDENTIAL_CHANGES_H

#include "manager/credential_secrets.h"

/* A body, its secret metadata sealed. Of those without a value, `stored` keeps what it has (NULL: it is a new one). */
tg_err_t tg_credential_body(tg_call_t *c, const json_t *body, const tg_credential_t *stored,
                            tg_credential_t *out) TG_MUST_CHECK;

/* With these secrets, which were prepared before the transaction, and the default token settings: the keys that they
 * need are the caller's to see to (tg_credential_keys_want). */
tg_err_t tg_credential_make(tg_call_t *c, const tg_resource_t *project, tg_credential_t *fresh,
                            const tg_credential_secrets_t *secrets, tg_credential_row_t *out) TG_MUST_CHECK;
/* Makes of the row what `fresh` says; secrets that are not given stay. */
tg_err_t tg_credential_change(tg_call_t *c, tg_credential_row_t *row, tg_credential_t *fresh,
                              const tg_credential_secrets_t *secrets) TG_MUST_CHECK;
tg_err_t tg_credential_remove(tg_call_t *c, const tg_credential_row_t *row) TG_MUST_CHECK;

/* NULL: back to the defaults. Keys are the caller's here, too. */
tg_err_t tg_credential_token_change(tg_call_t *c, tg_credential_row_t *row,
                                    const tg_token_settings_t *fresh) TG_MUST_CHECK;

/* Makes the access list these rows and no others; c->before and c->after are whole lists. Faults name
 * credentialAccessList[i]. */
tg_err_t tg_access_make(tg_call_t *c, const tg_credential_row_t *row, const tg_access_row_t *rows,
                        size_t n) TG_MUST_CHECK;
/* The list as it is, by name; a new reference. */
tg_err_t tg_access_show(tg_call_t *c, int64_t key_id, json_t **out) TG_MUST_CHECK;

#endif
