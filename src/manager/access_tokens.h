/*
 * Personal access tokens: an id and a secret that stand for an administrator's name and password, with a role of their
 * own that takes away from the administrator's, and an end. Resources below the administrator: {"role","expiresAt",
 * "hash"}; the hash is the keyring's fast one.
 */
#ifndef TG_MANAGER_ACCESS_TOKENS_H
#define TG_MANAGER_ACCESS_TOKENS_H

#include "keyring/keyring.h"
#include "manager/call.h"

typedef struct {
    int64_t id, administrator;
    tg_role_t role;
    tg_ms_t expires_at;
    uint8_t hash[TG_HASH_LEN];
} tg_access_token_t;

/* "tgp~<number>", which is no administrator's name. */
bool tg_access_token_id(tg_str_t text, int64_t *id);
/* NOTFOUND also if it has expired. */
tg_err_t tg_access_token_get(tg_call_t *c, int64_t id, tg_access_token_t *out) TG_MUST_CHECK;
/* Whether this is its secret. */
tg_err_t tg_access_token_verify(tg_call_t *c, const tg_access_token_t *token, tg_str_t secret,
                                bool *right) TG_MUST_CHECK;
/* Ends all of an administrator, inside the transaction. */
tg_err_t tg_access_tokens_end(tg_call_t *c, int64_t administrator) TG_MUST_CHECK;

#endif
