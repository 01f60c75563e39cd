/*
 * Deciding on a grant (RFC 6749 4.4, 6), and which key signs its token. Pure. Tokens are made in refresh.h: with or
 * without a refresh token, what is answered is a pair.
 */
#ifndef TG_OAUTH_ISSUE_H
#define TG_OAUTH_ISSUE_H

#include "jose/jwk.h"
#include "model/credential.h"
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
    tg_str_t scope; /* without has_scope: the roles that the token carries for a user of a provider (tg_scope_carry) */
    uint64_t generation;
    uint64_t user_generation; /* password grant: of the credential that is the user, once it was verified; else 0 */
    int64_t expires_in;       /* seconds; 0: never */
    /* metadata that goes into the token or beside it, read afresh for each: of the credential that is the client, or
     * the user; borrowed */
    const tg_metadata_entry_t *metadata;
    size_t n_metadata;
    /* What an identity provider told of the user, in the shape of metadata, whose names and rules hold for it, too; an
     * entry of the metadata with the same name goes before it. Borrowed. */
    const tg_metadata_entry_t *claims;
    size_t n_claims;
    tg_str_t api_response; /* JSON text: X-ApiResponse; "" : none */
} tg_grant_plan_t;

/* The settings of a credential in the shape of a policy, so that there is one implementation with two sources: active,
 * secret required, regenerate on, not managed_from_policy, the type asked for. */
void tg_credential_policy_init(tg_token_type_t type, const tg_token_settings_t *settings, tg_policy_t *out);

/* Whether tokens of this client come from this policy (NULL: none): active, and of policy mode for an application key,
 * of ACL mode for a credential. */
bool tg_policy_issues(const tg_policy_t *policy, const tg_live_client_t *client);

/* Whether the users of its password grant are in an identity provider, and no credentials. */
bool tg_settings_ask_provider(const tg_token_settings_t *t);

/* `policy` is the client's own (NULL, inactive, or of another mode than the client's kind: unauthorized_client). The
 * password grant needs username and password in the body (a missing one: invalid_request; a username that no credential
 * can have, where users are credentials: invalid_grant); whether they are right is
 * for tg_user_verify to say, or for the identity provider; then plan->user_generation is to be set. A request in_url
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
