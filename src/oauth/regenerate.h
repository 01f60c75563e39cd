/*
 * P/jwt/regenerate (token-api.md "Endpoints"): a new access JWT for a still valid one and client authentication. Pure.
 *
 * The way of a request: tg_regenerate_request_parse, client authentication, tg_regenerate_decide; then the JWT is
 * proven and checked as at a proxied API (check.h) and must be the client's own; tg_regenerate makes the new one. The
 * old one goes on to its exp.
 */
#ifndef TG_OAUTH_REGENERATE_H
#define TG_OAUTH_REGENERATE_H

#include "oauth/refresh.h"

typedef struct {
    tg_token_request_t asked; /* client_id, client_secret */
    tg_str_t token;           /* in Authorization: Bearer; "": none that can be one */
} tg_regenerate_request_t;

/* As tg_token_query_parse; but Authorization carries the token, so the client stands in the body: Basic is
 * invalid_request. */
tg_oauth_error_t tg_regenerate_request_parse(const tg_oauth_input_t *in, tg_arena_t *a, tg_regenerate_request_t *out,
                                             const char **why);

/* For a client that was authenticated: invalid_request without a token; unauthorized_client if its policy is not there,
 * inactive, of another mode than the client's kind, for opaque tokens, or does not regenerate. */
tg_oauth_error_t tg_regenerate_decide(const tg_regenerate_request_t *req, const tg_live_client_t *client,
                                      const tg_policy_t *policy, const char **why);

/* What a provider once told of the user of a JWT that was proven: the claims that its tg_claims lists, in_jwt, in the
 * arena. TG_ERR_INVALID, TG_ERR_NOMEM. */
tg_err_t tg_jwt_claims_find(tg_str_t token, tg_arena_t *a, tg_metadata_entry_t **claims, size_t *n) TG_MUST_CHECK;

/* The new JWT: the old one's subject, user, scope and family (so that revoking the family ends it too), the policy's
 * lifetime and algorithm, a jti of its own; metadata is the caller's to set on out->plan, as in refresh.h. `facts` are
 * those of the old one, which was found good for `client`; `scope` as tg_jwt_scope_find gave it. Views in *out borrow
 * from the arguments. */
tg_err_t tg_regenerate(const tg_token_facts_t *facts, bool has_scope, tg_str_t scope, const tg_live_client_t *client,
                       const tg_policy_t *policy, int64_t environment_id, const uint8_t random[64], tg_ms_t now,
                       tg_pair_t *out) TG_MUST_CHECK;

#endif
