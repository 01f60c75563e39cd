/*
 * Introspection (RFC 7662) and revocation (RFC 7009): the requests and the answers. What a token is worth is decided by
 * tg_token_alive and tg_token_is_of, as at a proxied API.
 */
#ifndef TG_OAUTH_INTROSPECT_H
#define TG_OAUTH_INTROSPECT_H

#include "oauth/check.h"
#include "oauth/token_request.h"

typedef enum { TG_HINT_NONE = 0, TG_HINT_ACCESS, TG_HINT_REFRESH } tg_token_hint_t;

/* A request to P/introspect or P/revoke: client authentication and repeated parameters as in tg_token_request_parse (no
 * grant_type), and no `token` in the query. `token` must be there: else invalid_request, told only to an authenticated
 * client: *token is TG_STR_NONE then. An unknown hint counts as none (RFC 7009 2.1). */
typedef struct {
    tg_token_request_t asked; /* client_id, client_secret */
    tg_str_t token;
    tg_token_hint_t hint;
} tg_token_query_t;
tg_oauth_error_t tg_token_query_parse(const tg_oauth_input_t *in, tg_arena_t *a, tg_token_query_t *out,
                                      const char **why);

/* The opaque refresh token of a record as facts, to be checked likewise: its own end, and ended also once it is used
 * up. A refreshed one counts as ended, though a repeat of its refresh is still honoured. TG_TOKEN_UNKNOWN: there is
 * none. */
tg_token_verdict_t tg_record_prove_refresh(const tg_record_t *r, tg_token_facts_t *facts);

/* {"active":false}, nothing else. */
void tg_introspection_inactive_write(tg_buf_t *out);
/* {"active":true,...}: scope (if resolved), client_id, username (the subject of a password grant), token_type "Bearer"
 * (access tokens), iat, exp (unless never), aud, sub, iss, jti (JWT). */
typedef struct {
    const tg_token_facts_t *facts;
    tg_str_t scope;
    bool has_scope;
    bool refresh; /* an opaque refresh token: no token_type */
    tg_str_t issuer;
} tg_introspection_t;
void tg_introspection_write(const tg_introspection_t *i, tg_buf_t *out);

#endif
