/*
 * Deciding on a grant and making its token (RFC 6749 4.4, 5.1; RFC 9068). Pure: clock, entropy and keys come in.
 */
#ifndef TG_OAUTH_ISSUE_H
#define TG_OAUTH_ISSUE_H

#include "jose/jwk.h"
#include "model/snapshot.h"
#include "oauth/opaque.h"
#include "oauth/token_request.h"

typedef enum {
    TG_ENDPOINT_TOKEN = 1 /* P/token: the type that the policy names */,
    TG_ENDPOINT_JWT = 2 /* P/jwt */
} tg_token_endpoint_t;

typedef struct {
    tg_token_type_t type;
    tg_alg_t alg; /* JWT */
    tg_client_kind_t client_kind;
    tg_str_t client_id;
    tg_str_t subject;
    bool has_scope;
    tg_str_t scope;
    uint64_t generation;
    int64_t expires_in; /* seconds; 0: never */
} tg_grant_plan_t;

/* `policy` is the client's own (NULL or inactive: unauthorized_client). Views borrow from the arguments. An application
 * key has no roles in this release, so with the default settings (STRICT, NO_SCOPE) a requested non-empty scope is
 * invalid_scope. A refresh needs the policy's refreshTokenAllowed and a refresh_token; its token, its subject and its
 * scope are tg_refresh_decide's to judge. */
tg_oauth_error_t tg_grant_decide(tg_token_endpoint_t endpoint, const tg_token_request_t *req,
                                 const tg_live_client_t *client, const tg_policy_t *policy, tg_grant_plan_t *plan,
                                 const char **why);

/* Fills a record for an opaque access token with these random bits, and writes the token. Views in *record borrow from
 * the plan. */
tg_err_t tg_opaque_issue(const tg_grant_plan_t *plan, int64_t environment_id, int64_t epoch,
                         const uint8_t random[TG_OPAQUE_RANDOM], const uint8_t family[TG_FAMILY_LEN], tg_ms_t now,
                         char token[TG_OPAQUE_LEN], tg_record_t *record) TG_MUST_CHECK;

/* The claims of an access JWT: iss, sub, aud, exp (left out if never), iat, jti (random, base64url), client_id, scope
 * if resolved, tg_gen (16 hex digits). */
void tg_jwt_claims_write(const tg_grant_plan_t *plan, tg_str_t issuer, const uint8_t jti[16], tg_ms_t now,
                         tg_buf_t *out);

/* The success body: access_token, token_type "Bearer", expires_in unless never, scope if resolved. */
void tg_token_response_write(const tg_grant_plan_t *plan, tg_str_t token, tg_buf_t *out);

/* The active key for alg at `now`: index into s->keys, or -1. */
ptrdiff_t tg_signing_key_active(const tg_signing_key_t *keys, size_t n, tg_alg_t alg, tg_ms_t now);

#endif
