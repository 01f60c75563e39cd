/*
 * The refresh grant (RFC 6749 6; token-api.md "Refresh"; RFC 9700 4.14): who may refresh, what a repeat gets, when a
 * family ends. Pure.
 *
 * Rotation on: the successor pair is derived from the refresh token presented, so each repeat of one refresh gives the
 * same pair, on any node, and is charged once. The old token is honoured until its successor is first used and for
 * `grace` after that; used later, the family is revoked. First use: the successor's refresh token is presented or, for
 * opaque tokens, its access token is looked up in the store. Its own end comes first: an expired token is refused and
 * revokes nothing; a repeat is honoured `grace` past the refresh, though the token expired meanwhile.
 *
 * Rotation off: the same refresh token goes on, and each refresh is charged. Its bucket (and a JWT's exp) therefore
 * cover the longest life that the family can have; should a later edit of the policy want more, the refresh at which it
 * would not do any more gives a derived one, as with rotation on.
 *
 * An opaque refresh token needs an opaque policy, a JWT a JWT policy. JWT pairs count in whole seconds.
 *
 * The way of a refresh: tg_token_request_parse, client authentication, tg_grant_decide, tg_refresh_token_parse, the
 * store, tg_refresh_decide; then by its action tg_pair_succeed and a write, or tg_pair_repeat.
 */
#ifndef TG_OAUTH_REFRESH_H
#define TG_OAUTH_REFRESH_H

#include "oauth/check.h"
#include "oauth/issue.h"
#include "oauth/opaque.h"

#define TG_REFRESH_GRACE_MS (10 * TG_SECOND_MS)

/* A refresh token presented: what its own bytes say. */
typedef struct {
    bool jwt;
    uint8_t hash[32];            /* as the store keeps it: SHA-256 of an opaque token; tg_jti_hash of a JWT */
    tg_bucket_t bucket;          /* of the token; of the claim tg_bucket of a JWT */
    tg_str_t token;              /* as it came */
    uint8_t jti[16];             /* JWT */
    tg_ms_t expires_at;          /* JWT: exp, no earlier than the record says; opaque: 0 */
    tg_metadata_entry_t *claims; /* JWT: those of tg_claims, in_jwt; in the arena */
    size_t n_claims;
} tg_refresh_token_t;

/* How the store knows a JWT: SHA-256 of "at:" (access) or "rt:" (refresh) and the 16 bytes of its jti. */
tg_err_t tg_jti_hash(tg_opaque_kind_t kind, const uint8_t jti[16], uint8_t out[32]) TG_MUST_CHECK;

/* TG_TOKEN_OK; TG_TOKEN_UNAVAILABLE is server_error, anything else invalid_grant. A JWT must have typ rt+jwt, verify,
 * and be of this environment's issuer; its claims are bound to the record by its jti. The arguments as those of
 * tg_jwt_prove; out->token is `token`. */
tg_token_verdict_t tg_refresh_token_parse(tg_str_t token, const tg_environment_t *env, const tg_signing_key_t *keys,
                                          size_t n_keys, tg_key_of_fn pub, void *ctx, tg_ms_t now, tg_arena_t *a,
                                          tg_refresh_token_t *out);

typedef enum {
    TG_REFRESH_DENY = 0, /* answer `error` and `why` */
    TG_REFRESH_WRITE,  /* write the successor (TG_WRITE_REFRESH), then answer it; on CONFLICT decide again on `existing`
                        */
    TG_REFRESH_REPEAT, /* find the successor record that the tombstone names, answer it as it is */
    TG_REFRESH_FAMILY  /* reuse: end the family (JWT: tg_family_until), then answer `error` and `why` */
} tg_refresh_action_t;

typedef struct {
    tg_refresh_action_t action;
    tg_oauth_error_t error; /* of a refusal */
    const char *why;
    /* The caller has asked for the record's user as well, if it has a user_generation: dead or changed is invalid_grant
     */
    bool used; /* this is a successor's first use, as far as the record tells: TG_WRITE_USED on record->predecessor */
} tg_refresh_decision_t;

/* `record` is what the store found by the refresh hash, NULL: nothing. `epoch` is the current one. `user`: the live
 * user of a record with a user_generation, else NULL. Checks: client, user, environment, generation, epoch, token type,
 * ended, expired, count, scope (narrower or equal). `req` came through tg_grant_decide. */
tg_refresh_decision_t tg_refresh_decide(const tg_token_request_t *req, const tg_live_client_t *client,
                                        const tg_live_client_t *user, const tg_policy_t *policy,
                                        const tg_record_t *record, int64_t environment_id, int64_t epoch, tg_ms_t now);

/* Until when a revoked family must stand on the early revocation list: its access JWTs are accepted no longer, the
 * largest leeway included. `record`: any one of the family; `policy` may be NULL. */
tg_ms_t tg_family_until(const tg_record_t *record, const tg_policy_t *policy, tg_ms_t now);

/* ---- making pairs ---- */

/* What is answered. It holds secrets: tg_wipe it. Views in plan and record borrow from the plan that was given
 * (tg_pair_acquire), from `old` and `req` (tg_pair_succeed), or from `successor` (tg_pair_repeat). */
typedef struct {
    tg_grant_plan_t plan;
    char access[TG_OPAQUE_LEN];  /* opaque */
    char refresh[TG_OPAQUE_LEN]; /* opaque, has_refresh */
    uint8_t jti[16];             /* access JWT */
    uint8_t refresh_jti[16];     /* refresh JWT */
    tg_ms_t issued_at;           /* JWT: a whole second */
    bool has_refresh;
    bool has_family;         /* access JWT: of record.family, though there is no refresh token beside it */
    bool same_refresh;       /* the refresh token is the one presented, as it came: a JWT is not signed again */
    tg_ms_t refresh_ends_at; /* refresh JWT: exp */
    tg_record_t record;      /* to be written: always for opaque; for JWT only if has_refresh */
    bool has_record;
} tg_pair_t;

/* A first acquisition. `random` is fresh. With refresh on (policy) the pair has a refresh token. The record's bucket
 * covers the longer of both lives; with rotation off the longest life that the family can have. Its epoch is the
 * caller's to fill in. TG_ERR_LIMIT: a name or scope is too long. */
tg_err_t tg_pair_acquire(const tg_grant_plan_t *plan, const tg_policy_t *policy, int64_t environment_id,
                         const uint8_t random[64], const uint8_t family[TG_FAMILY_LEN], tg_ms_t now,
                         tg_pair_t *out) TG_MUST_CHECK;
/* The successor of `old` for TG_REFRESH_WRITE: derived with rotation on; with rotation off the access part is derived
 * from the token and `random`. Its record has the epoch of `old`: what ended that one ends this. */
tg_err_t tg_pair_succeed(const tg_keyring_t *k, const tg_refresh_token_t *presented, const tg_record_t *old,
                         const tg_token_request_t *req, const tg_live_client_t *client, const tg_policy_t *policy,
                         const uint8_t random[64], tg_ms_t now, tg_pair_t *out) TG_MUST_CHECK;
/* The same pair again, from the successor record that the tombstone names (TG_REFRESH_REPEAT). TG_ERR_NOTFOUND: that
 * was revoked since: invalid_grant. TG_ERR_BUG: it is not what the token presented derives. */
tg_err_t tg_pair_repeat(const tg_keyring_t *k, const tg_refresh_token_t *presented, const tg_record_t *successor,
                        const tg_policy_t *policy, tg_pair_t *out) TG_MUST_CHECK;

/* The claims of the access JWT (RFC 9068 2.2): iss, sub, aud, exp (left out if never), iat, jti (base64url), client_id,
 * tg_gen (16 hex digits), tg_ugen likewise with a user_generation, scope if resolved (else tg_roles with the roles that
 * it carries), with a refresh token tg_fam, and the metadata entries and the provider's claims that are in_jwt (never a
 * secret one, whatever it says); tg_claims lists the names of the latter. Signed with typ at+jwt. The plan's
 * metadata, claims and api_response are the caller's to set on each pair before. An entry whose name is
 * one of the token's own claims or another entry's is left out: a name that stands twice makes a token that nobody
 * accepts. out->err is TG_ERR_LIMIT if the claims take more than TG_CLAIMS_MAX bytes, which only metadata and a
 * provider can bring about: no such token is issued, for with its signature it would not fit a header line of 8 KiB. */
#define TG_CLAIMS_MAX 5120
void tg_pair_claims_write(const tg_pair_t *pair, tg_str_t issuer, tg_buf_t *out);
/* Claims of the refresh JWT: iss, sub, aud, exp (its end), iat, jti, client_id, tg_gen, tg_fam, tg_bucket, and the
 * object tg_claims of what a provider told for the access JWT. Signed with typ rt+jwt. Bounded likewise. */
void tg_refresh_claims_write(const tg_pair_t *pair, tg_str_t issuer, tg_buf_t *out);
/* The success body (RFC 6749 5.1; token-api.md "Success"), in the names and units of `m`; expires_in counts from `now`,
 * so that a repeat tells the truth, and is whole seconds in either unit. `refresh` is left out without has_refresh.
 * `application`: the name for X-ApplicationName, of extendedFields. Metadata entries that are in_response follow, but
 * for those whose name is by now that of a response field. */
void tg_pair_response_write(const tg_pair_t *pair, const tg_token_management_t *m, tg_str_t application,
                            tg_str_t access, tg_str_t refresh, tg_ms_t now, tg_buf_t *out);

#endif
