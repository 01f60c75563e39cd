#include "oauth/issue.h"

#include "oauth/scope.h"

static tg_oauth_error_t refuse(tg_oauth_error_t e, const char *text, const char **why) {
    *why = text;
    return e;
}

static bool grant_is_open(tg_grant_t grant, const tg_token_settings_t *t) {
    return grant == TG_GRANT_REFRESH ? t->refresh_allowed && !t->never_expires : grant == t->grant;
}

void tg_credential_policy_init(tg_token_type_t type, const tg_token_settings_t *settings, tg_policy_t *out) {
    *out = (tg_policy_t){
        .type = type, .active = true, .client_secret_required = true, .regenerate = true, .token = *settings};
    out->token.delete_previous = type == TG_TOKEN_OPAQUE && settings->delete_previous;
}

bool tg_settings_ask_provider(const tg_token_settings_t *t) {
    return t->grant == TG_GRANT_PASSWORD && t->identity_provider.n > 0 &&
           !tg_str_eq(t->identity_provider, TG_SECRET_MANAGER);
}

bool tg_policy_issues(const tg_policy_t *policy, const tg_live_client_t *client) {
    return policy != NULL && policy->active &&
           client->kind == (policy->managed_from_policy ? TG_CLIENT_APPLICATION : TG_CLIENT_CREDENTIAL);
}

/* What each grant must bring with it. */
static tg_oauth_error_t parameters_check(const tg_token_request_t *req, const tg_token_settings_t *t,
                                         const char **why) {
    if (req->grant == TG_GRANT_REFRESH && req->refresh_token.n == 0) {
        return refuse(TG_OAUTH_INVALID_REQUEST, "refresh_token is missing", why);
    }
    if (req->grant != TG_GRANT_PASSWORD) {
        return TG_OAUTH_OK;
    }
    if (req->username.n == 0 || req->password.n == 0) {
        return refuse(TG_OAUTH_INVALID_REQUEST, "username or password is missing", why);
    }
    if (!tg_settings_ask_provider(t) && tg_client_id_check(req->username, "username", NULL) != TG_OK) {
        return refuse(TG_OAUTH_INVALID_GRANT, "the username or password is wrong", why);
    }
    return TG_OAUTH_OK;
}

static tg_oauth_error_t grant_check(tg_token_endpoint_t endpoint, const tg_token_request_t *req,
                                    const tg_live_client_t *client, const tg_policy_t *policy, const char **why) {
    tg_str_t name = TG_STR_NONE;
    if (req->in_url && (!tg_policy_issues(policy, client) || !policy->token.allow_url_parameters)) {
        return refuse(TG_OAUTH_METHOD, "this method is not allowed here", why);
    }
    (void)tg_form_find(&req->form, TG_STR("grant_type"), &name);
    if (name.n == 0) {
        return refuse(TG_OAUTH_INVALID_REQUEST, "grant_type is missing", why);
    }
    if (req->grant == TG_GRANT_NONE) {
        return refuse(TG_OAUTH_UNSUPPORTED_GRANT_TYPE, "this grant type is not supported", why);
    }
    if (!tg_policy_issues(policy, client)) {
        return refuse(TG_OAUTH_UNAUTHORIZED_CLIENT, "no policy issues tokens for this client here", why);
    }
    if (endpoint == TG_ENDPOINT_JWT && policy->type != TG_TOKEN_JWT) {
        return refuse(TG_OAUTH_UNAUTHORIZED_CLIENT, "the policy of this client is for opaque tokens", why);
    }
    if (!grant_is_open(req->grant, &policy->token)) {
        return refuse(TG_OAUTH_UNAUTHORIZED_CLIENT, "this grant type is not open for this client", why);
    }
    return parameters_check(req, &policy->token, why);
}

tg_oauth_error_t tg_grant_decide(tg_token_endpoint_t endpoint, const tg_token_request_t *req,
                                 const tg_live_client_t *client, const tg_policy_t *policy, tg_grant_plan_t *plan,
                                 const char **why) {
    *plan = (tg_grant_plan_t){0};
    *why = "";
    tg_oauth_error_t e = grant_check(endpoint, req, client, policy, why);
    if (e == TG_OAUTH_OK && req->has_scope && !tg_scope_is_valid(req->scope)) {
        e = refuse(TG_OAUTH_INVALID_SCOPE, "scope is malformed", why);
    }
    if (e != TG_OAUTH_OK) {
        return e;
    }
    const tg_token_settings_t *t = &policy->token;
    tg_alg_t alg = policy->type == TG_TOKEN_JWT ? tg_alg_parse(t->jwt_algorithm) : TG_ALG_NONE_SUCH;
    /* 0 seconds mean "never" in a plan: a life that was not computed must not become an endless one. */
    if ((policy->type == TG_TOKEN_JWT && alg == TG_ALG_NONE_SUCH) || (!t->never_expires && t->expires_in < 1)) {
        return refuse(TG_OAUTH_SERVER_ERROR, "the policy of this client cannot be evaluated", why);
    }
    *plan = (tg_grant_plan_t){.type = policy->type,
                              .alg = alg,
                              .client_kind = client->kind,
                              .client_id = req->client_id,
                              .subject = req->grant == TG_GRANT_PASSWORD ? req->username : req->client_id,
                              .generation = client->generation,
                              .expires_in = t->never_expires ? 0 : t->expires_in};
    return TG_OAUTH_OK;
}

ptrdiff_t tg_signing_key_active(const tg_signing_key_t *keys, size_t n, tg_alg_t alg, tg_ms_t now) {
    tg_str_t name = tg_str(tg_alg_name(alg));
    for (size_t i = 0; i < n; i++) {
        if (tg_str_eq(keys[i].alg, name) && tg_signing_key_state(keys, n, i, now) == TG_KEY_ACTIVE) {
            return (ptrdiff_t)i;
        }
    }
    return -1;
}
