/*
 * Deciding on a grant (RFC 6749 4.4, 6), and which key signs its token. Pure. Tokens are made in refresh.h: with or
 * without a refresh token, what is answered is a pair.
 */
#ifndef TG_OAUTH_ISSUE_H
#define TG_OAUTH_ISSUE_H

#include "jose/jwk.h"
#include "model/snapshot.h"
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

/* `policy` is the client's own (NULL or inactive: unauthorized_client). A request in_url
 * that it does not allow is TG_OAUTH_METHOD, whatever else is wrong with it. Views borrow from the arguments. Of
 * a requested scope only the syntax is checked: what is available is tg_scope_resolve's (scope.h) to say. A refresh
 * needs the policy's refreshTokenAllowed and a refresh_token; its token, its subject and its scope are
 * tg_refresh_decide's to judge. */
tg_oauth_error_t tg_grant_decide(tg_token_endpoint_t endpoint, const tg_token_request_t *req,
                                 const tg_live_client_t *client, const tg_policy_t *policy, tg_grant_plan_t *plan,
                                 const char **why);

/* The active key for alg at `now`: index into s->keys, or -1. */
ptrdiff_t tg_signing_key_active(const tg_signing_key_t *keys, size_t n, tg_alg_t alg, tg_ms_t now);

#endif
