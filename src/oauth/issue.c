#include "oauth/issue.h"

#include "oauth/scope.h"

static tg_oauth_error_t refuse(tg_oauth_error_t e, const char *text, const char **why) {
    *why = text;
    return e;
}

static bool grant_is_open(tg_grant_t grant, const tg_token_settings_t *t) {
    return grant == TG_GRANT_REFRESH ? t->refresh_allowed && !t->never_expires
                                     : grant == TG_GRANT_CLIENT_CREDENTIALS && grant == t->grant;
}

static bool url_is_allowed(const tg_policy_t *policy) {
    return policy != NULL && policy->active && policy->managed_from_policy && policy->token.allow_url_parameters;
}

static tg_oauth_error_t grant_check(tg_token_endpoint_t endpoint, const tg_token_request_t *req,
                                    const tg_policy_t *policy, const char **why) {
    tg_str_t name = TG_STR_NONE;
    if (req->in_url && !url_is_allowed(policy)) {
        return refuse(TG_OAUTH_METHOD, "this method is not allowed here", why);
    }
    (void)tg_form_find(&req->form, TG_STR("grant_type"), &name);
    if (name.n == 0) {
        return refuse(TG_OAUTH_INVALID_REQUEST, "grant_type is missing", why);
    }
    if (req->grant == TG_GRANT_NONE) {
        return refuse(TG_OAUTH_UNSUPPORTED_GRANT_TYPE, "this grant type is not supported", why);
    }
    if (policy == NULL || !policy->active || !policy->managed_from_policy) {
        return refuse(TG_OAUTH_UNAUTHORIZED_CLIENT, "no policy issues tokens for this client here", why);
    }
    if (endpoint == TG_ENDPOINT_JWT && policy->type != TG_TOKEN_JWT) {
        return refuse(TG_OAUTH_UNAUTHORIZED_CLIENT, "the policy of this client is for opaque tokens", why);
    }
    if (!grant_is_open(req->grant, &policy->token)) {
        return refuse(TG_OAUTH_UNAUTHORIZED_CLIENT, "this grant type is not open for this client", why);
    }
    if (req->grant == TG_GRANT_REFRESH && req->refresh_token.n == 0) {
        return refuse(TG_OAUTH_INVALID_REQUEST, "refresh_token is missing", why);
    }
    return TG_OAUTH_OK;
}

tg_oauth_error_t tg_grant_decide(tg_token_endpoint_t endpoint, const tg_token_request_t *req,
                                 const tg_live_client_t *client, const tg_policy_t *policy, tg_grant_plan_t *plan,
                                 const char **why) {
    *plan = (tg_grant_plan_t){0};
    *why = "";
    tg_oauth_error_t e = grant_check(endpoint, req, policy, why);
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
                              .subject = req->client_id,
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
