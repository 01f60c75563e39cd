/* Signing keys that the token settings of credentials need: a credential may get JWTs in every environment, so each has
 * a key of each algorithm that a credential names. */
#ifndef TG_MANAGER_CREDENTIAL_KEYS_H
#define TG_MANAGER_CREDENTIAL_KEYS_H

#include "manager/call.h"
#include "model/model.h"

#define TG_CREDENTIAL_NEEDS_MAX 16 /* more than there are algorithms */

typedef struct {
    struct {
        tg_str_t algorithm;
        int64_t lifetime; /* seconds that the longest-lived token lives; 0: for ever */
    } rows[TG_CREDENTIAL_NEEDS_MAX];
    size_t n;
} tg_credential_needs_t;

/* One more that is needed; the name is copied into the arena. */
tg_err_t tg_credential_need_add(tg_credential_needs_t *needs, const tg_token_settings_t *token,
                                tg_arena_t *a) TG_MUST_CHECK;
/* Makes and keeps what is needed in every environment, and publishes where something changed. */
tg_err_t tg_credential_needs_want(tg_call_t *c, const tg_credential_needs_t *needs) TG_MUST_CHECK;
/* What all credentials that there are need. */
tg_err_t tg_credential_needs_read(tg_call_t *c, tg_credential_needs_t *out) TG_MUST_CHECK;
/* Makes what a new environment lacks. */
tg_err_t tg_credential_keys_first(tg_call_t *c, const tg_resource_t *environment) TG_MUST_CHECK;
/* These settings hold for a credential from now on: tg_credential_needs_want for one. */
tg_err_t tg_credential_keys_want(tg_call_t *c, const tg_token_settings_t *token) TG_MUST_CHECK;

#endif
