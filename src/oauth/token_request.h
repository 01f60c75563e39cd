/*
 * A request to a token endpoint (RFC 6749 3.2, 4.4, 6; token-api.md "Client authentication", "Grants"): bytes in, a
 * request or an error reply out.
 */
#ifndef TG_OAUTH_TOKEN_REQUEST_H
#define TG_OAUTH_TOKEN_REQUEST_H

#include "base/form.h"
#include "keyring/keyring.h"
#include "model/live.h"
#include "model/model.h"

typedef enum {
    TG_OAUTH_OK = 0,
    TG_OAUTH_INVALID_REQUEST,        /* 400 */
    TG_OAUTH_INVALID_CLIENT,         /* 401, WWW-Authenticate: Basic, after the fixed time */
    TG_OAUTH_INVALID_GRANT,          /* 400 */
    TG_OAUTH_UNAUTHORIZED_CLIENT,    /* 400 */
    TG_OAUTH_UNSUPPORTED_GRANT_TYPE, /* 400 */
    TG_OAUTH_INVALID_SCOPE,          /* 400 */
    TG_OAUTH_SLOW_DOWN,              /* 429, Retry-After */
    TG_OAUTH_SERVER_ERROR,           /* 503, Retry-After */
    TG_OAUTH_TOO_LARGE,              /* 413, error invalid_request */
    TG_OAUTH_METHOD                  /* 405, Allow, error invalid_request */
} tg_oauth_error_t;

int tg_oauth_status(tg_oauth_error_t e);             /* HTTP status */
const char *tg_oauth_error_name(tg_oauth_error_t e); /* "invalid_request", ... */

/* The JSON body {"error","error_description"}; description: ASCII of RFC 6749 5.2 (0x20-0x21, 0x23-0x5b, 0x5d-0x7e),
 * never echoes input; NULL or "": a general sentence of that error. TG_OAUTH_INVALID_CLIENT has one body, whatever the
 * description. */
void tg_oauth_error_write(tg_oauth_error_t e, const char *description, tg_buf_t *out);

typedef struct {
    tg_str_t method;        /* "POST"; "GET" */
    tg_str_t content_type;  /* "" if absent */
    tg_str_t authorization; /* the one Authorization header, "" if absent */
    size_t n_authorization; /* how many there were; more than one: invalid_request */
    tg_str_t query;         /* raw, without '?' */
    tg_str_t body;
} tg_oauth_input_t;

typedef struct {
    tg_grant_t grant;
    tg_str_t client_id;
    tg_str_t client_secret;
    bool has_secret;
    bool used_basic;
    bool has_scope;
    tg_str_t scope; /* as requested; its syntax is checked by tg_grant_decide, once the client is authenticated */
    tg_str_t refresh_token; /* "" if absent */
    tg_str_t username;      /* password grant, "" if absent */
    tg_str_t password;
    tg_form_t form; /* of the body; of the query if in_url */
    bool in_url;    /* a GET: only for a client whose policy allows it, which tg_grant_decide sees to */
} tg_token_request_t;

/* Views in *out borrow from `in` and the arena, for which a bound of 16 KiB and twice authorization, query and
 * body together suffices. Parameters of a POST count in the body alone; a query may hold others, but no credentials and
 * none that the body has too. An empty parameter counts as absent (RFC 6749 3.2).
 *
 * The order of checks is that of the specification: method, content type, repeated parameters (also between query and
 * body), client authentication, grant_type. TG_OAUTH_INVALID_CLIENT also when no client authentication is there at all.
 * A GET has its parameters in the query, for clients that are allowed to (tg_grant_decide); one that names no client is
 * TG_OAUTH_METHOD, one with a body, a username or a password invalid_request. *why: a fixed English sentence for
 * error_description. An unknown grant is reported only after the client is authenticated: grant is TG_GRANT_NONE then,
 * and tg_grant_decide refuses. A missing grant_type likewise. */
tg_oauth_error_t tg_token_request_parse(const tg_oauth_input_t *in, tg_arena_t *a, tg_token_request_t *out,
                                        const char **why);

/* Why a client was refused: for the token request log alone; the answer never tells. */
typedef enum {
    TG_CLIENT_OK = 0,
    TG_CLIENT_UNKNOWN,
    TG_CLIENT_WRONG_SECRET,
    TG_CLIENT_DISABLED,
    TG_CLIENT_EXPIRED,
    TG_CLIENT_ADDRESS,
    TG_CLIENT_NO_SECRET,
    TG_CLIENT_NOT_DEPLOYED,
    TG_CLIENT_LIMIT,         /* too many failures: TG_OAUTH_SLOW_DOWN */
    TG_CLIENT_WRONG_PROJECT, /* a user of another project */
    TG_CLIENT_NEEDS_ARGON2,  /* not decided: the secret is a chosen one, verify it with argon2id off the event loop */
    TG_CLIENT_UNAVAILABLE    /* cannot be decided (libcrypto failed): TG_OAUTH_SERVER_ERROR */
} tg_client_verdict_t;
const char *tg_client_verdict_name(tg_client_verdict_t v);

/* Secret first, then enabled, then expiry; constant-time. secret_optional: a secret that is absent or "-" is right; the
 * caller asks tg_secret_is_optional. */
tg_client_verdict_t tg_client_verify(const tg_keyring_t *k, const tg_live_client_t *client,
                                     const tg_token_request_t *req, bool secret_optional, tg_ms_t now);
/* clientSecretRequired false: for password, refresh_token and revoke (`revoking`), never for introspect or regenerate.
 * Only an active PASSWORD policy of policy mode says so. The request must name a client all the same. */
bool tg_secret_is_optional(const tg_policy_t *policy, const tg_token_request_t *req, bool revoking);
/* The user of a password grant: a credential of the client's project, by its password; as tg_client_verify. An empty
 * password is always wrong. Where it is NEEDS_ARGON2, tg_client_verify_known says the rest. */
tg_client_verdict_t tg_user_verify(const tg_keyring_t *k, const tg_live_client_t *client, const tg_live_client_t *user,
                                   const tg_token_request_t *req, tg_ms_t now);
/* The same after argon2id said yes or no. */
tg_client_verdict_t tg_client_verify_known(const tg_live_client_t *client, bool secret_ok, tg_ms_t now);

#endif
