/*
 * The refresh grant (RFC 6749 6; token-api.md "Refresh"; RFC 9700 4.14): who may refresh, what a repeat gets, when a family ends. Pure.
 *
 * Rotation on: the successor pair is derived from the refresh token presented, so each repeat of one refresh gives the same pair, on any node, and is charged once. The
 * old token is honoured until its successor is first used and for `grace` after that; used later, the family is revoked. First use: the successor's refresh token is
 * presented or, for opaque tokens, its access token is looked up in the store.
 * Rotation off: the same refresh token goes on, and each refresh is charged.
 */
#ifndef TG_OAUTH_REFRESH_H
#define TG_OAUTH_REFRESH_H

#include "oauth/check.h"
#include "oauth/issue.h"

#define TG_REFRESH_GRACE_MS (10 * TG_SECOND_MS)

/* A refresh token presented: what its own bytes say. */
typedef struct {
    bool jwt;
    uint8_t hash[32];   /* as the store keeps it: SHA-256 of an opaque token; of "rt:" and the jti's 16 bytes for a JWT */
    tg_bucket_t bucket; /* of the token; of the claim tg_bucket of a JWT */
    tg_str_t token;
} tg_refresh_token_t;

/* TG_TOKEN_OK; anything else is invalid_grant. A JWT must have typ rt+jwt, verify, and be of this environment's issuer; its claims are bound to the record by its jti. The arguments as those of
 * tg_jwt_prove. */
tg_token_verdict_t tg_refresh_token_parse(tg_str_t token, const tg_environment_t *env, const tg_signing_key_t *keys, size_t n_keys, tg_key_of_fn pub, void *ctx, tg_ms_t now,
                                          tg_arena_t *a, tg_refresh_token_t *out);

typedef enum {
    TG_REFRESH_DENY = 0, /* invalid_grant (or what *error says) */
    TG_REFRESH_WRITE,    /* write the successor (TG_WRITE_REFRESH), then answer it; on CONFLICT decide again on the tombstone */
    TG_REFRESH_REPEAT,   /* find the successor record that the tombstone names, answer it as it is */
    TG_REFRESH_FAMILY    /* reuse: end the family, then invalid_grant */
} tg_refresh_action_t;

typedef struct {
    tg_refresh_action_t action;
    tg_oauth_error_t error; /* of a refusal */
    const char *why;
} tg_refresh_decision_t;

/* `record` is what the store found by the refresh hash, NULL: nothing. `epoch` is the current one. Checks: client, environment, generation, epoch, ended, expired, count, scope (narrower or equal). */
tg_refresh_decision_t tg_refresh_decide(const tg_token_request_t *req, const tg_live_client_t *client, const tg_policy_t *policy, const tg_record_t *record, int64_t environment_id,
                                        int64_t epoch, tg_ms_t now);

/* ---- making pairs ---- */

/* What is answered: everything in it borrows from the plan or the arena. */
typedef struct {
    tg_grant_plan_t plan;
    char access[TG_OPAQUE_LEN];  /* opaque */
    char refresh[TG_OPAQUE_LEN]; /* opaque, has_refresh */
    uint8_t jti[16];             /* access JWT */
    uint8_t refresh_jti[16];     /* refresh JWT */
    tg_ms_t issued_at;
    bool has_refresh;
    tg_record_t record; /* to be written: always for opaque; for JWT only if has_refresh */
    bool has_record;
} tg_pair_t;

/* A first acquisition. `random` is fresh. With refresh on (policy) the pair has a refresh token. The record's bucket covers the longer of both lives; with rotation off the longest life that the family can have. */
tg_err_t tg_pair_acquire(const tg_grant_plan_t *plan, const tg_policy_t *policy, int64_t environment_id, const uint8_t random[64], const uint8_t family[TG_FAMILY_LEN], tg_ms_t now,
                         tg_pair_t *out) TG_MUST_CHECK;
/* The successor of `old` for TG_REFRESH_WRITE: derived with rotation on; with rotation off the access part is derived from the token and `random`. */
tg_err_t tg_pair_succeed(const tg_keyring_t *k, const tg_refresh_token_t *presented, const tg_record_t *old, const tg_token_request_t *req, const tg_live_client_t *client,
                         const tg_policy_t *policy, const uint8_t random[64], tg_ms_t now, tg_pair_t *out) TG_MUST_CHECK;
/* The same pair again, from the successor record that the tombstone names (TG_REFRESH_REPEAT). */
tg_err_t tg_pair_repeat(const tg_keyring_t *k, const tg_refresh_token_t *presented, const tg_record_t *successor, const tg_policy_t *policy, tg_pair_t *out) TG_MUST_CHECK;

/* Claims of the refresh JWT: iss, sub, aud, iat, exp (its end), jti, client_id, tg_gen, tg_fam, tg_bucket. Signed with typ rt+jwt. */
void tg_refresh_claims_write(const tg_pair_t *pair, tg_str_t issuer, tg_buf_t *out);
/* The claims of the access JWT of a pair: those of tg_jwt_claims_write and, with refresh on, tg_fam. */
void tg_pair_claims_write(const tg_pair_t *pair, tg_str_t issuer, tg_buf_t *out);
/* The success body; expires_in counts from `now`, so that a repeat tells the truth. */
void tg_pair_response_write(const tg_pair_t *pair, tg_str_t access, tg_str_t refresh, tg_ms_t now, tg_buf_t *out);

#endif
