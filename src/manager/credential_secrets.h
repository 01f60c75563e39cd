/* Secrets of credentials: chosen ones under argon2id, generated ones under the fast keyed hash; general ones and those
 * of one environment. Views lie in the call's arena. */
#ifndef TG_MANAGER_CREDENTIAL_SECRETS_H
#define TG_MANAGER_CREDENTIAL_SECRETS_H

#include "manager/application_keys.h"
#include "manager/credentials.h"

/* How the store keeps one; kind TG_SECRET_NONE: none was given. */
typedef struct {
    tg_secret_kind_t kind;
    tg_str_t bytes;
} tg_secret_form_t;

/* Slow: argon2id. */
tg_err_t tg_secret_choose(tg_call_t *c, tg_str_t password, tg_secret_form_t *out) TG_MUST_CHECK;
tg_err_t tg_secret_generate(tg_call_t *c, tg_str_t client_id, char made[TG_APPLICATION_SECRET_LEN],
                            tg_secret_form_t *out) TG_MUST_CHECK;
/* Into the row, with a new generation. */
void tg_secret_take(tg_client_t *client, const tg_secret_form_t *form);
tg_err_t tg_secret_put(tg_call_t *c, int64_t key_id, int64_t environment_id,
                       const tg_secret_form_t *form) TG_MUST_CHECK;

/* The passwords that a body names, made ready before the transaction. */
typedef struct {
    tg_secret_form_t general;
    tg_str_t *environments;
    tg_secret_form_t *forms; /* of each of them */
    size_t n;
} tg_credential_secrets_t;
tg_err_t tg_credential_secrets_prepare(tg_call_t *c, const tg_credential_t *fresh,
                                       tg_credential_secrets_t *out) TG_MUST_CHECK;

/* Inside the transaction: writes the secrets of environments. `stored` (NULL: a new credential) tells which there are
 * already: they stay, also if the body left them out; `fresh` then names them. INVALID: no such environment. */
tg_err_t tg_credential_environments_apply(tg_call_t *c, int64_t key_id, const tg_credential_t *stored,
                                          tg_credential_t *fresh, const tg_credential_secrets_t *secrets) TG_MUST_CHECK;

#endif
