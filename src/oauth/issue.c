#include "oauth/issue.h"

#include "keyring/keyring.h"

static tg_oauth_error_t refuse(tg_oauth_error_t e, const char *text, const char **why) {
    *why = text;
    return e;
}

/* RFC 6749 3.3: scope-token = 1*NQCHAR, one space between two. */
static bool scope_is_valid(tg_str_t scope) {
    bool in_token = false;
    for (size_t i = 0; i < scope.n; i++) {
        unsigned char c = (unsigned char)scope.p[i];
        if (c == ' ' ? !in_token : (c < 0x21 || c > 0x7e || c == '"' || c == '\\')) {
            return false;
        }
        in_token = c != ' ';
    }
    return in_token && scope.n <= TG_SCOPE_MAX;
}

static bool grant_is_open(tg_grant_t grant, const tg_token_settings_t *t) {
    return grant == TG_GRANT_REFRESH ? t->refresh_allowed && !t->never_expires
                                     : grant == TG_GRANT_CLIENT_CREDENTIALS && grant == t->grant;
}

static tg_oauth_error_t grant_check(tg_token_endpoint_t endpoint, const tg_token_request_t *req,
                                    const tg_policy_t *policy, const char **why) {
    tg_str_t name = TG_STR_NONE;
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

/* Without roles (an application key has none) no scope is available; STRICT. At a refresh the record says what is. */
static tg_oauth_error_t scope_check(const tg_token_request_t *req, const char **why) {
    if (!req->has_scope) {
        return TG_OAUTH_OK;
    }
    if (!scope_is_valid(req->scope)) {
        return refuse(TG_OAUTH_INVALID_SCOPE, "scope is malformed", why);
    }
    return req->grant == TG_GRANT_REFRESH ? TG_OAUTH_OK
                                          : refuse(TG_OAUTH_INVALID_SCOPE, "the requested scope is not available", why);
}

tg_oauth_error_t tg_grant_decide(tg_token_endpoint_t endpoint, const tg_token_request_t *req,
                                 const tg_live_client_t *client, const tg_policy_t *policy, tg_grant_plan_t *plan,
                                 const char **why) {
    *plan = (tg_grant_plan_t){0};
    *why = "";
    tg_oauth_error_t e = grant_check(endpoint, req, policy, why);
    if (e == TG_OAUTH_OK) {
        e = scope_check(req, why);
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

tg_err_t tg_opaque_issue(const tg_grant_plan_t *plan, int64_t environment_id, int64_t epoch,
                         const uint8_t random[TG_OPAQUE_RANDOM], const uint8_t family[TG_FAMILY_LEN], tg_ms_t now,
                         char token[TG_OPAQUE_LEN], tg_record_t *record) {
    tg_ms_t expires_at = plan->expires_in == 0 ? 0 : now + plan->expires_in * TG_SECOND_MS;
    if (plan->client_id.n > TG_CLIENT_ID_MAX || plan->subject.n > TG_SUBJECT_MAX || plan->scope.n > TG_SCOPE_MAX) {
        return TG_ERR_LIMIT;
    }
    *record = (tg_record_t){.bucket = tg_bucket_for(now, expires_at),
                            .environment_id = environment_id,
                            .client_kind = plan->client_kind,
                            .client_id = plan->client_id,
                            .subject = plan->subject,
                            .scope = plan->scope,
                            .generation = plan->generation,
                            .epoch = epoch,
                            .issued_at = now,
                            .access_expires_at = expires_at};
    memcpy(record->family, family, TG_FAMILY_LEN);
    tg_opaque_write(TG_OPAQUE_ACCESS, record->bucket, random, token);
    return tg_sha256(tg_strn(token, TG_OPAQUE_LEN), record->hash);
}

static void member_put(tg_buf_t *out, const char *name, tg_str_t value) {
    tg_buf_putf(out, ",\"%s\":", name);
    tg_buf_put_json(out, value);
}

void tg_jwt_claims_write(const tg_grant_plan_t *plan, tg_str_t issuer, const uint8_t jti[16], tg_ms_t now,
                         tg_buf_t *out) {
    int64_t iat = now / TG_SECOND_MS;
    tg_buf_put(out, TG_STR("{\"iss\":"));
    tg_buf_put_json(out, issuer);
    member_put(out, "sub", plan->subject);
    member_put(out, "aud", plan->client_id);
    if (plan->expires_in > 0) {
        tg_buf_putf(out, ",\"exp\":%lld", (long long)(iat + plan->expires_in));
    }
    tg_buf_putf(out, ",\"iat\":%lld,\"jti\":\"", (long long)iat);
    tg_buf_put_b64url(out, tg_strn(jti, 16));
    tg_buf_putc(out, '"');
    member_put(out, "client_id", plan->client_id);
    if (plan->has_scope) {
        member_put(out, "scope", plan->scope);
    }
    tg_buf_putf(out, ",\"tg_gen\":\"%016llx\"}", (unsigned long long)plan->generation);
}

void tg_token_response_write(const tg_grant_plan_t *plan, tg_str_t token, tg_buf_t *out) {
    tg_buf_put(out, TG_STR("{\"access_token\":"));
    tg_buf_put_json(out, token);
    tg_buf_put(out, TG_STR(",\"token_type\":\"Bearer\""));
    if (plan->expires_in > 0) {
        tg_buf_putf(out, ",\"expires_in\":%lld", (long long)plan->expires_in);
    }
    if (plan->has_scope) {
        member_put(out, "scope", plan->scope);
    }
    tg_buf_putc(out, '}');
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
