/*
 * Is this token good for this proxy, now? (token-api.md "JWT access tokens", "Opaque tokens", "Using a token at a
 * proxied API"; RFC 6750, RFC 9068 4, RFC 8725.)
 */
#ifndef TG_OAUTH_CHECK_H
#define TG_OAUTH_CHECK_H

#include "jose/jws.h"
#include "model/credential.h"
#include "model/live.h"
#include "model/snapshot.h"
#include "store/token_store.h"

/* What a token says once its bytes are proven (signature verified, or found in the store). Fixed size: it is what the
 * token cache holds. */
#define TG_FACTS_SCOPE_MAX 256

typedef struct {
    tg_token_type_t type;
    tg_client_kind_t client_kind;
    char client_id[256]; /* TG_CLIENT_ID_MAX */
    uint16_t client_id_len;
    char subject[256];
    uint16_t subject_len;
    bool has_scope;     /* scopes were resolved; else `scope` has the roles that the token carries (tg_scope_carry) */
    uint16_t scope_len; /* of the whole scope; above TG_FACTS_SCOPE_MAX it is not in `scope`: ask the token or record */
    char scope[256];    /* TG_FACTS_SCOPE_MAX */
    uint64_t generation;
    uint64_t user_generation; /* JWT: tg_ugen. 0: the subject is no credential to be checked beside the client */
    int64_t epoch;
    tg_ms_t issued_at;
    tg_ms_t not_before;     /* 0: none */
    tg_ms_t expires_at;     /* 0: never */
    bool ended;             /* opaque: revoked or refreshed */
    int64_t environment_id; /* opaque: of the record */
    char kid[64];           /* JWT: the key that proved it; it must still be usable */
    uint8_t kid_len;
    uint8_t jti[16]; /* JWT: of 22 characters of base64url, else the token is malformed */
    bool has_family; /* JWT: tg_fam; opaque: not set */
    uint8_t family[16];
    /* opaque: tg_epoch_id(client, subject); the client as a whole, tg_epoch_id(client, ""), is checked too */
    uint64_t epoch_id;
} tg_token_facts_t;

/* What is true now, for a check; zeroed memory refuses. */
typedef struct {
    int64_t environment_id;
    int64_t epoch;   /* opaque: the current one of (client, subject) */
    bool key_usable; /* JWT: its key still verifies */
    bool unrevoked;  /* JWT: neither jti nor family is on the early revocation list */
    int64_t leeway_s;
    tg_ms_t now;
} tg_check_now_t;

typedef enum {
    TG_TOKEN_OK = 0,
    TG_TOKEN_NONE, /* no token: 401, WWW-Authenticate: Bearer alone */
    TG_TOKEN_MANY, /* more than one: 400 invalid_request */
    TG_TOKEN_MALFORMED,
    TG_TOKEN_SIGNATURE,
    TG_TOKEN_KEY,
    TG_TOKEN_TYPE,
    TG_TOKEN_EXPIRED,
    TG_TOKEN_NOT_YET,
    TG_TOKEN_ISSUER,
    TG_TOKEN_AUDIENCE,
    TG_TOKEN_CLIENT,
    TG_TOKEN_GENERATION,
    TG_TOKEN_ENDED,
    TG_TOKEN_ENVIRONMENT,
    TG_TOKEN_EPOCH,
    TG_TOKEN_UNKNOWN,
    TG_TOKEN_USER,    /* the user of a password grant is gone, disabled, expired, or has another password */
    TG_TOKEN_ACCESS,  /* ACL mode: the access list does not name this proxy, or no more; all of these: 401 invalid_token
                       */
    TG_TOKEN_METHOD,  /* the access list disallows the method: 403 insufficient_scope */
    TG_TOKEN_ROLE,    /* method access: 403 insufficient_scope */
    TG_TOKEN_ADDRESS, /* not one of the credential's addresses: 403, WWW-Authenticate: Bearer alone, access_denied */
    TG_TOKEN_LIMIT,   /* quota or throttling: 429, no WWW-Authenticate, slow_down, Retry-After */
    TG_TOKEN_UNAVAILABLE /* cannot be decided: 503, Retry-After; never accepted */
} tg_token_verdict_t;
const char *tg_token_verdict_name(tg_token_verdict_t v); /* for logs and metrics */

/* Finds the one bearer token in the Authorization header (scheme without case, one or more spaces, token68; RFC
 * 6750 2.1). Another scheme counts as no token. Two headers, or two joined by a comma on the way: TG_TOKEN_MANY. */
tg_token_verdict_t tg_bearer_find(tg_str_t authorization, size_t n_authorization, tg_str_t *token);

/* Finds the one access_token of a query (RFC 6750 2.3), for proxies whose policy allows it: TG_TOKEN_OK, TG_TOKEN_NONE,
 * TG_TOKEN_MANY, TG_TOKEN_MALFORMED. *rest is the query without any parameter of that name, however it is escaped, and
 * otherwise byte for byte. Both borrow from `scratch`, which has as much room as the query. */
tg_token_verdict_t tg_bearer_query_find(tg_str_t query, char *scratch, tg_str_t *token, tg_str_t *rest);

/* A JWT whose bytes are not proven yet: parses, finds the key by kid among `keys` (usable at `now`: active or retiring;
 * published too), verifies, reads the claims: exp must be a number if present (never NaN, at most 2^53), jti (and
 * tg_fam, if there) 22 characters of base64url, tg_gen must be there, aud the one string equal to client_id, iss
 * matched as the environment says: equal to access_url + "/auth" (or "/credential") if set, else a URL whose path is
 * that; which of both it is makes client_kind. tg_ugen as tg_gen. `pub` gives the key object that belongs to keys[i].
 * Nothing here depends on the clock except key usability, so the facts may be cached. */
typedef const tg_key_t *(*tg_key_of_fn)(void *ctx, size_t i);
tg_token_verdict_t tg_jwt_prove(tg_str_t token, const tg_environment_t *env, const tg_signing_key_t *keys,
                                size_t n_keys, tg_key_of_fn pub, void *ctx, tg_ms_t now, tg_arena_t *a,
                                tg_token_facts_t *facts);
/* The scope claim of a JWT that was proven, copied into the arena. *has_scope: there is one; else *scope is the roles
 * that it carries. TG_ERR_INVALID, TG_ERR_NOMEM. */
tg_err_t tg_jwt_scope_find(tg_str_t token, tg_arena_t *a, bool *has_scope, tg_str_t *scope) TG_MUST_CHECK;
/* A record as facts. TG_TOKEN_UNKNOWN if its strings do not fit. */
tg_token_verdict_t tg_record_prove(const tg_record_t *r, tg_token_facts_t *facts);

/* Whether it speaks for a user: of a password grant. One without a user_generation is known to a provider alone. */
bool tg_facts_have_user(const tg_token_facts_t *f);

/* Does the token live? At every request, on cached facts as well: time (leeway applies to JWT), key and early
 * revocations (JWT: TG_TOKEN_ENDED), environment and epoch (opaque), the live client (exists, enabled, not expired,
 * generation), and with user_generation the live user: a credential that exists, is enabled, not expired, of that
 * generation, and of the client's project. `user` may be NULL without user_generation; NULL refuses otherwise. */
tg_token_verdict_t tg_token_alive(const tg_token_facts_t *f, const tg_live_client_t *client,
                                  const tg_live_client_t *user, const tg_check_now_t *at);

/* Does it open this proxy? Token type against the policy's; policy mode: an application key, which is p->key_id; ACL
 * mode: a credential of the proxy's project, whose access (NULL: none) is allowed and not expired, and does not
 * disallow `method` (a bit of tg_method_bit; a method that is none of them passes only if nothing is disallowed). */
tg_token_verdict_t tg_token_opens(const tg_token_facts_t *f, const tg_deployed_proxy_t *p,
                                  const tg_live_client_t *client, const tg_access_t *access, uint32_t method,
                                  tg_ms_t now);

/* For an application's own tokens (introspection, regenerate): as tg_token_opens in policy mode of any proxy that the
 * key opens. ACL mode, policy NULL: a credential, of either token type. `key_id` is that of the client that asks. */
tg_token_verdict_t tg_token_is_of(const tg_token_facts_t *f, const tg_policy_t *policy, int64_t key_id,
                                  const tg_live_client_t *client);

/* The answer at a proxied API: status; WWW-Authenticate value ("": leave it out, only with 429 and 503); JSON body
 * {"error","error_description"}. The policy's errorMessage replaces status and body where set, except for
 * TG_TOKEN_UNAVAILABLE and TG_TOKEN_LIMIT. `policy` may be NULL. */
int tg_token_refusal_write(tg_token_verdict_t v, const tg_policy_t *policy, tg_buf_t *www_authenticate, tg_buf_t *body);

#endif
