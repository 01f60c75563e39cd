#include "oauth/issue.h"

#include "forge.h"

static tg_form_pair_t grant_pair = {{"grant_type", 10}, {"x", 1}};

static tg_token_request_t request(tg_grant_t grant) {
    return (tg_token_request_t){.grant = grant, .client_id = TG_STR(CLIENT), .form = {.pairs = &grant_pair, .n = 1}};
}

static tg_policy_t policy(tg_token_type_t type) {
    return (tg_policy_t){
        .type = type,
        .active = true,
        .managed_from_policy = true,
        .token = {.grant = TG_GRANT_CLIENT_CREDENTIALS, .expires_in = 3600, .jwt_algorithm = TG_STR("ES256")}};
}

static tg_oauth_error_t decide(tg_token_endpoint_t endpoint, const tg_token_request_t *req, const tg_policy_t *p,
                               tg_grant_plan_t *plan) {
    const char *why = NULL;
    tg_oauth_error_t e = tg_grant_decide(endpoint, req, &forge_client, p, plan, &why);
    assert_true((e == TG_OAUTH_OK) == (*why == '\0'));
    return e;
}

static void endpoints_and_types(void **state) {
    tg_token_request_t req = request(TG_GRANT_CLIENT_CREDENTIALS);
    tg_policy_t jwt = policy(TG_TOKEN_JWT), opaque = policy(TG_TOKEN_OPAQUE);
    tg_grant_plan_t plan;
    (void)state;
    assert_int_equal(decide(TG_ENDPOINT_TOKEN, &req, &jwt, &plan), TG_OAUTH_OK);
    assert_int_equal(plan.type, TG_TOKEN_JWT);
    assert_int_equal(plan.alg, TG_ALG_ES256);
    assert_int_equal(decide(TG_ENDPOINT_JWT, &req, &jwt, &plan), TG_OAUTH_OK);
    assert_int_equal(plan.type, TG_TOKEN_JWT);
    assert_int_equal(decide(TG_ENDPOINT_JWT, &req, &opaque, &plan), TG_OAUTH_UNAUTHORIZED_CLIENT);
    assert_int_equal(decide(TG_ENDPOINT_TOKEN, &req, &opaque, &plan), TG_OAUTH_OK);
    assert_int_equal(plan.type, TG_TOKEN_OPAQUE);
    assert_int_equal(plan.client_kind, TG_CLIENT_APPLICATION);
    assert_str(plan.client_id, CLIENT);
    assert_str(plan.subject, CLIENT);
    assert_true(plan.generation == GENERATION);
    assert_int_equal(plan.expires_in, 3600);
    assert_false(plan.has_scope);
}

static void grants(void **state) {
    tg_policy_t p = policy(TG_TOKEN_OPAQUE);
    tg_grant_plan_t plan;
    (void)state;
    tg_token_request_t req = request(TG_GRANT_PASSWORD);
    assert_int_equal(decide(TG_ENDPOINT_TOKEN, &req, &p, &plan), TG_OAUTH_UNAUTHORIZED_CLIENT);
    req = request(TG_GRANT_NONE);
    assert_int_equal(decide(TG_ENDPOINT_TOKEN, &req, &p, &plan), TG_OAUTH_UNSUPPORTED_GRANT_TYPE);
    assert_int_equal(decide(TG_ENDPOINT_JWT, &req, &p, &plan), TG_OAUTH_UNSUPPORTED_GRANT_TYPE);
    assert_int_equal(decide(TG_ENDPOINT_TOKEN, &req, NULL, &plan), TG_OAUTH_UNSUPPORTED_GRANT_TYPE);
    req.form.n = 0;
    assert_int_equal(decide(TG_ENDPOINT_TOKEN, &req, &p, &plan), TG_OAUTH_INVALID_REQUEST);
    tg_form_pair_t empty = {TG_STR("grant_type"), TG_STR("")};
    req.form = (tg_form_t){&empty, 1};
    assert_int_equal(decide(TG_ENDPOINT_TOKEN, &req, &p, &plan), TG_OAUTH_INVALID_REQUEST);
    req = request(TG_GRANT_CLIENT_CREDENTIALS);
    p.token.grant = TG_GRANT_PASSWORD;
    assert_int_equal(decide(TG_ENDPOINT_TOKEN, &req, &p, &plan), TG_OAUTH_UNAUTHORIZED_CLIENT);
}

static void password_grant(void **state) {
    static char longest[TG_CLIENT_ID_MAX + 1];
    tg_policy_t p = policy(TG_TOKEN_OPAQUE);
    tg_grant_plan_t plan;
    (void)state;
    p.token.grant = TG_GRANT_PASSWORD;
    tg_token_request_t req = request(TG_GRANT_PASSWORD);
    assert_int_equal(decide(TG_ENDPOINT_TOKEN, &req, &p, &plan), TG_OAUTH_INVALID_REQUEST);
    req.username = TG_STR("alice");
    assert_int_equal(decide(TG_ENDPOINT_TOKEN, &req, &p, &plan), TG_OAUTH_INVALID_REQUEST);
    req.password = TG_STR("p");
    assert_int_equal(decide(TG_ENDPOINT_TOKEN, &req, &p, &plan), TG_OAUTH_OK);
    assert_str(plan.subject, "alice");
    assert_str(plan.client_id, CLIENT);
    assert_true(plan.generation == GENERATION && plan.user_generation == 0);
    req.username = TG_STR_NONE;
    assert_int_equal(decide(TG_ENDPOINT_TOKEN, &req, &p, &plan), TG_OAUTH_INVALID_REQUEST);
    memset(longest, 'x', sizeof(longest)); /* names that nobody can have, and no subject */
    const tg_str_t nobody[] = {tg_strn(longest, sizeof(longest)), TG_STR("al ice"), TG_STR("al:ice"),
                               TG_STR("\xc3\xa4")};
    for (size_t i = 0; i < COUNT(nobody); i++) {
        req.username = nobody[i];
        assert_int_equal(decide(TG_ENDPOINT_TOKEN, &req, &p, &plan), TG_OAUTH_INVALID_GRANT);
    }
    /* told only to those for whom the grant is open */
    p.token.grant = TG_GRANT_CLIENT_CREDENTIALS;
    assert_int_equal(decide(TG_ENDPOINT_TOKEN, &req, &p, &plan), TG_OAUTH_UNAUTHORIZED_CLIENT);
    req = request(TG_GRANT_CLIENT_CREDENTIALS);
    req.username = TG_STR("alice"); /* of no meaning to this grant */
    assert_int_equal(decide(TG_ENDPOINT_TOKEN, &req, &p, &plan), TG_OAUTH_OK);
    assert_str(plan.subject, CLIENT);
}

/* A policy of policy mode issues to an application key alone, the settings of a credential to a credential alone. */
static void modes_and_kinds(void **state) {
    tg_live_client_t credential = forge_client, unknown = forge_client;
    tg_policy_t mine = policy(TG_TOKEN_OPAQUE), acl;
    tg_grant_plan_t plan;
    const char *why;
    (void)state;
    credential.kind = TG_CLIENT_CREDENTIAL;
    unknown.kind = (tg_client_kind_t)0;
    tg_credential_policy_init(TG_TOKEN_OPAQUE, &mine.token, &acl);
    for (int url = 0; url < 2; url++) {
        tg_token_request_t req = request(TG_GRANT_CLIENT_CREDENTIALS);
        tg_oauth_error_t refused = url ? TG_OAUTH_METHOD : TG_OAUTH_UNAUTHORIZED_CLIENT;
        req.in_url = url;
        mine.token.allow_url_parameters = acl.token.allow_url_parameters = url;
        assert_int_equal(tg_grant_decide(TG_ENDPOINT_TOKEN, &req, &forge_client, &mine, &plan, &why), TG_OAUTH_OK);
        assert_int_equal(tg_grant_decide(TG_ENDPOINT_TOKEN, &req, &credential, &acl, &plan, &why), TG_OAUTH_OK);
        assert_int_equal(plan.client_kind, TG_CLIENT_CREDENTIAL);
        assert_int_equal(tg_grant_decide(TG_ENDPOINT_TOKEN, &req, &credential, &mine, &plan, &why), refused);
        assert_int_equal(tg_grant_decide(TG_ENDPOINT_TOKEN, &req, &forge_client, &acl, &plan, &why), refused);
        assert_int_equal(tg_grant_decide(TG_ENDPOINT_TOKEN, &req, &unknown, &acl, &plan, &why), refused);
        assert_int_equal(tg_grant_decide(TG_ENDPOINT_TOKEN, &req, &unknown, &mine, &plan, &why), refused);
    }
}

static void settings_of_a_credential(void **state) {
    const tg_token_settings_t settings = {.grant = TG_GRANT_PASSWORD,
                                          .expires_in = 60,
                                          .refresh_allowed = true,
                                          .delete_previous = true,
                                          .jwt_algorithm = TG_STR("ES256")};
    tg_policy_t p;
    (void)state;
    for (tg_token_type_t type = TG_TOKEN_OPAQUE; type <= TG_TOKEN_JWT; type++) {
        memset(&p, 0xff, sizeof(p));
        tg_credential_policy_init(type, &settings, &p);
        assert_int_equal(p.type, type);
        assert_true(p.active && p.client_secret_required && p.regenerate);
        assert_false(p.managed_from_policy || p.authorization || p.clear_auth);
        assert_int_equal(p.error_status, 0);
        assert_int_equal(p.token.grant, TG_GRANT_PASSWORD);
        assert_true(p.token.refresh_allowed);
        assert_int_equal(p.token.delete_previous, type == TG_TOKEN_OPAQUE); /* of no meaning to a JWT */
    }
}

static void refresh_grant(void **state) {
    tg_policy_t p = policy(TG_TOKEN_OPAQUE);
    tg_grant_plan_t plan;
    (void)state;
    tg_token_request_t req = request(TG_GRANT_REFRESH);
    req.refresh_token = TG_STR("tgr_x");
    assert_int_equal(decide(TG_ENDPOINT_TOKEN, &req, &p, &plan), TG_OAUTH_UNAUTHORIZED_CLIENT);
    p.token.refresh_allowed = true;
    assert_int_equal(decide(TG_ENDPOINT_TOKEN, &req, &p, &plan), TG_OAUTH_OK);
    assert_int_equal(plan.expires_in, 3600);
    p.token.grant = TG_GRANT_PASSWORD; /* whichever grant it was that gave the token */
    assert_int_equal(decide(TG_ENDPOINT_TOKEN, &req, &p, &plan), TG_OAUTH_OK);
    assert_int_equal(decide(TG_ENDPOINT_JWT, &req, &p, &plan), TG_OAUTH_UNAUTHORIZED_CLIENT);
    req.has_scope = true;
    req.scope = TG_STR("read"); /* the record says whether */
    assert_int_equal(decide(TG_ENDPOINT_TOKEN, &req, &p, &plan), TG_OAUTH_OK);
    req.scope = TG_STR("read ");
    assert_int_equal(decide(TG_ENDPOINT_TOKEN, &req, &p, &plan), TG_OAUTH_INVALID_SCOPE);
    req.has_scope = false;
    req.refresh_token = TG_STR_NONE;
    assert_int_equal(decide(TG_ENDPOINT_TOKEN, &req, &p, &plan), TG_OAUTH_INVALID_REQUEST);
    p.token.never_expires = true;
    assert_int_equal(decide(TG_ENDPOINT_TOKEN, &req, &p, &plan), TG_OAUTH_UNAUTHORIZED_CLIENT);
    p.token.never_expires = false;
    p.active = false;
    assert_int_equal(decide(TG_ENDPOINT_TOKEN, &req, &p, &plan), TG_OAUTH_UNAUTHORIZED_CLIENT);
}

static void url_parameters(void **state) {
    tg_policy_t p = policy(TG_TOKEN_OPAQUE);
    tg_grant_plan_t plan;
    (void)state;
    tg_token_request_t req = request(TG_GRANT_CLIENT_CREDENTIALS);
    req.in_url = true;
    assert_int_equal(decide(TG_ENDPOINT_TOKEN, &req, &p, &plan), TG_OAUTH_METHOD);
    assert_int_equal(decide(TG_ENDPOINT_TOKEN, &req, NULL, &plan), TG_OAUTH_METHOD);
    p.token.allow_url_parameters = true;
    assert_int_equal(decide(TG_ENDPOINT_TOKEN, &req, &p, &plan), TG_OAUTH_OK);
    assert_int_equal(decide(TG_ENDPOINT_JWT, &req, &p, &plan), TG_OAUTH_UNAUTHORIZED_CLIENT);
    p.active = false;
    assert_int_equal(decide(TG_ENDPOINT_TOKEN, &req, &p, &plan), TG_OAUTH_METHOD);
    p.active = true;
    req.form.n = 0;
    assert_int_equal(decide(TG_ENDPOINT_TOKEN, &req, &p, &plan), TG_OAUTH_INVALID_REQUEST);
    p.token.allow_url_parameters = false; /* one that may not is told that, whatever else is wrong */
    assert_int_equal(decide(TG_ENDPOINT_TOKEN, &req, &p, &plan), TG_OAUTH_METHOD);
}

static void no_policy_no_token(void **state) {
    tg_token_request_t req = request(TG_GRANT_CLIENT_CREDENTIALS);
    tg_policy_t p = policy(TG_TOKEN_JWT);
    tg_grant_plan_t plan;
    (void)state;
    assert_int_equal(decide(TG_ENDPOINT_TOKEN, &req, NULL, &plan), TG_OAUTH_UNAUTHORIZED_CLIENT);
    p.active = false;
    assert_int_equal(decide(TG_ENDPOINT_TOKEN, &req, &p, &plan), TG_OAUTH_UNAUTHORIZED_CLIENT);
    p = policy(TG_TOKEN_JWT);
    p.managed_from_policy = false;
    assert_int_equal(decide(TG_ENDPOINT_TOKEN, &req, &p, &plan), TG_OAUTH_UNAUTHORIZED_CLIENT);
    p = policy(TG_TOKEN_JWT);
    p.token.jwt_algorithm = TG_STR("HS256");
    assert_int_equal(decide(TG_ENDPOINT_TOKEN, &req, &p, &plan), TG_OAUTH_SERVER_ERROR);
    p = policy(TG_TOKEN_OPAQUE);
    p.token.expires_in = 0; /* must not come out as a token that never expires */
    assert_int_equal(decide(TG_ENDPOINT_TOKEN, &req, &p, &plan), TG_OAUTH_SERVER_ERROR);
    p.token.never_expires = true;
    assert_int_equal(decide(TG_ENDPOINT_TOKEN, &req, &p, &plan), TG_OAUTH_OK);
    assert_int_equal(plan.expires_in, 0);
}

/* Its syntax alone; what is available is decided in scope.c. */
static const char *scope_why(tg_str_t scope) {
    tg_token_request_t req = request(TG_GRANT_CLIENT_CREDENTIALS);
    tg_policy_t p = policy(TG_TOKEN_OPAQUE);
    tg_grant_plan_t plan;
    const char *why;
    req.has_scope = true;
    req.scope = scope;
    tg_oauth_error_t e = tg_grant_decide(TG_ENDPOINT_TOKEN, &req, &forge_client, &p, &plan, &why);
    assert_int_equal(e, *why == '\0' ? TG_OAUTH_OK : TG_OAUTH_INVALID_SCOPE);
    return why;
}

static void scopes(void **state) {
    static const char *const good[] = {"read", "read write", "a b c", "!#$%&'()*+,-./:;<=>?@[]^_`{|}~"};
    static const char *const bad[] = {" ",      " read", "read ",     "read  write", "re\"ad",
                                      "re\\ad", "a\tb",  "r\xC3\xA4", "a\x7f",       "a\nb"};
    static char longest[TG_SCOPE_MAX + 1];
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        assert_string_equal(scope_why(tg_str(good[i])), "");
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_string_equal(scope_why(tg_str(bad[i])), "scope is malformed");
    }
    memset(longest, 'x', sizeof(longest));
    assert_string_equal(scope_why(tg_strn(longest, TG_SCOPE_MAX)), "");
    assert_string_equal(scope_why(tg_strn(longest, sizeof(longest))), "scope is malformed");
}

static void active_keys(void **state) {
    const tg_signing_key_t keys[] = {
        {.kid = TG_STR("a"), .alg = TG_STR("RS256"), .activate_at = NOW - 2000},
        {.kid = TG_STR("b"), .alg = TG_STR("RS256"), .activate_at = NOW - 1000},
        {.kid = TG_STR("c"), .alg = TG_STR("RS256"), .activate_at = NOW + 1000},
        {.kid = TG_STR("d"), .alg = TG_STR("ES256"), .activate_at = NOW - 1000, .revoked = true},
    };
    (void)state;
    assert_int_equal(tg_signing_key_active(keys, COUNT(keys), TG_ALG_RS256, NOW), 1);
    assert_int_equal(tg_signing_key_active(keys, COUNT(keys), TG_ALG_RS256, NOW + 1000), 2);
    assert_int_equal(tg_signing_key_active(keys, COUNT(keys), TG_ALG_RS256, NOW - 3000), -1);
    assert_int_equal(tg_signing_key_active(keys, COUNT(keys), TG_ALG_ES256, NOW), -1);
    assert_int_equal(tg_signing_key_active(keys, COUNT(keys), TG_ALG_EDDSA, NOW), -1);
    assert_int_equal(tg_signing_key_active(NULL, 0, TG_ALG_RS256, NOW), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(endpoints_and_types),
        cmocka_unit_test(grants),
        cmocka_unit_test(password_grant),
        cmocka_unit_test(modes_and_kinds),
        cmocka_unit_test(settings_of_a_credential),
        cmocka_unit_test(refresh_grant),
        cmocka_unit_test(url_parameters),
        cmocka_unit_test(no_policy_no_token),
        cmocka_unit_test(scopes),
        cmocka_unit_test(active_keys),
    };
    return cmocka_run_group_tests(tests, forge_setup, forge_teardown);
}
