#include "oauth/principal.h"
#include "oauth/token_request.h"

static const char *const verdict_names[] = {
    [TG_CLIENT_OK] = "ok",
    [TG_CLIENT_UNKNOWN] = "unknown client",
    [TG_CLIENT_WRONG_SECRET] = "wrong secret",
    [TG_CLIENT_DISABLED] = "client disabled",
    [TG_CLIENT_EXPIRED] = "client expired",
    [TG_CLIENT_ADDRESS] = "address not allowed",
    [TG_CLIENT_NO_SECRET] = "no secret",
    [TG_CLIENT_NOT_DEPLOYED] = "not deployed here",
    [TG_CLIENT_LIMIT] = "too many failures",
    [TG_CLIENT_WRONG_PROJECT] = "of another project",
    [TG_CLIENT_NEEDS_ARGON2] = "not decided yet",
    [TG_CLIENT_UNAVAILABLE] = "cannot be decided",
};

const char *tg_client_verdict_name(tg_client_verdict_t v) {
    return (size_t)v < sizeof(verdict_names) / sizeof(verdict_names[0]) ? verdict_names[v] : "?";
}

tg_client_verdict_t tg_client_verify_known(const tg_live_client_t *client, bool secret_ok, tg_ms_t now) {
    if (client == NULL || !client->exists) {
        return TG_CLIENT_UNKNOWN;
    }
    if (!secret_ok) {
        return TG_CLIENT_WRONG_SECRET;
    }
    if (!client->enabled) {
        return TG_CLIENT_DISABLED;
    }
    if (client->expires_at != 0 && client->expires_at <= now) {
        return TG_CLIENT_EXPIRED;
    }
    return TG_CLIENT_OK;
}

static const tg_live_client_t nobody;

/* An unknown one costs what a known one does. */
static tg_client_verdict_t secret_verify(const tg_keyring_t *k, const tg_live_client_t *client, tg_str_t id,
                                         tg_str_t secret, tg_ms_t now) {
    if (client->exists && client->secret_kind == TG_SECRET_ARGON2ID) {
        return TG_CLIENT_NEEDS_ARGON2;
    }
    uint8_t hash[TG_HASH_LEN];
    if (tg_secret_hash(k, id, secret, hash) != TG_OK) {
        return TG_CLIENT_UNAVAILABLE;
    }
    bool equal = tg_secret_eq(hash, client->secret, sizeof(hash));
    bool usable = client->secret_kind == TG_SECRET_FAST && client->secret_len == sizeof(hash);
    tg_wipe(hash, sizeof(hash));
    return tg_client_verify_known(client, equal && usable, now);
}

tg_client_verdict_t tg_client_verify(const tg_keyring_t *k, const tg_live_client_t *client,
                                     const tg_token_request_t *req, bool secret_optional, tg_ms_t now) {
    if (client == NULL) {
        client = &nobody;
    }
    if (secret_optional && (!req->has_secret || tg_str_eq(req->client_secret, TG_STR("-")))) {
        return tg_client_verify_known(client, true, now);
    }
    if (!req->has_secret) {
        return client->exists ? TG_CLIENT_NO_SECRET : TG_CLIENT_UNKNOWN;
    }
    return secret_verify(k, client, req->client_id, req->client_secret, now);
}

bool tg_secret_is_optional(const tg_policy_t *policy, const tg_token_request_t *req, bool revoking) {
    return policy != NULL && policy->active && policy->managed_from_policy && !policy->client_secret_required &&
           policy->token.grant == TG_GRANT_PASSWORD &&
           (revoking || req->grant == TG_GRANT_PASSWORD || req->grant == TG_GRANT_REFRESH);
}

/* Whose user it is comes first: what argon2id says later is of the password alone. */
tg_client_verdict_t tg_user_verify(const tg_keyring_t *k, const tg_live_client_t *client, const tg_live_client_t *user,
                                   const tg_token_request_t *req, tg_ms_t now) {
    bool known = user != NULL && user->exists;
    bool ours = known && tg_client_is_credential_of(user, client->project_id);
    if (req->password.n == 0) {
        return !known ? TG_CLIENT_UNKNOWN : ours ? TG_CLIENT_WRONG_SECRET : TG_CLIENT_WRONG_PROJECT;
    }
    tg_client_verdict_t v = secret_verify(k, ours ? user : &nobody, req->username, req->password, now);
    return v == TG_CLIENT_UNKNOWN && known ? TG_CLIENT_WRONG_PROJECT : v;
}
