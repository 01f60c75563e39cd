#include "oauth/regenerate.h"

#include "forge.h"

#define FORM_TYPE "application/x-www-form-urlencoded"

static void requests(void **state) {
    static const struct {
        const char *method, *authorization, *query, *body;
        tg_oauth_error_t expected;
        const char *token;
    } cases[] = {
        {"POST", "Bearer a.b.c", "", "client_id=a&client_secret=s", TG_OAUTH_OK, "a.b.c"},
        {"POST", "bearer  a.b.c", "", "client_id=a&client_secret=s", TG_OAUTH_OK, "a.b.c"},
        {"POST", NULL, "", "client_id=a&client_secret=s", TG_OAUTH_OK, ""},
        {"POST", "Digest x", "", "client_id=a&client_secret=s", TG_OAUTH_OK, ""},
        {"POST", "Bearer a b", "", "client_id=a&client_secret=s", TG_OAUTH_OK, ""},
        {"POST", "Bearer a, Bearer b", "", "client_id=a&client_secret=s", TG_OAUTH_OK, ""},
        {"POST", "Bearer a.b.c", "", "", TG_OAUTH_INVALID_CLIENT, ""},
        {"POST", "Basic YTpz", "", "", TG_OAUTH_INVALID_REQUEST, ""},
        {"POST", "Basic YTpz", "", "client_id=a&client_secret=s", TG_OAUTH_INVALID_REQUEST, ""},
        {"POST", "Bearer a", "client_secret=s", "client_id=a", TG_OAUTH_INVALID_REQUEST, ""},
        {"POST", "Bearer a", "access_token=a", "client_id=a&client_secret=s", TG_OAUTH_INVALID_REQUEST, ""},
        {"POST", "Bearer a", "", "client_id=a&client_id=a", TG_OAUTH_INVALID_REQUEST, ""},
        {"GET", "Bearer a", "client_id=a&client_secret=s", "", TG_OAUTH_METHOD, ""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        tg_oauth_input_t in = {.method = tg_str(cases[i].method),
                               .content_type = TG_STR(FORM_TYPE),
                               .authorization = tg_str(cases[i].authorization),
                               .n_authorization = cases[i].authorization != NULL,
                               .query = tg_str(cases[i].query),
                               .body = tg_str(cases[i].body)};
        tg_regenerate_request_t req;
        tg_arena_t a;
        const char *why;
        tg_arena_init(&a, 65536);
        tg_oauth_error_t e = tg_regenerate_request_parse(&in, &a, &req, &why);
        if (e != cases[i].expected) {
            fail_msg("case %zu: %s", i, tg_oauth_error_name(e));
        }
        assert_str(req.token, cases[i].token);
        tg_arena_release(&a);
    }
}

static void whose(void **state) {
    tg_regenerate_request_t req = {.token = TG_STR("a.b.c")};
    tg_policy_t good = {.type = TG_TOKEN_JWT, .active = true, .managed_from_policy = true, .regenerate = true},
                p = good;
    const char *why;
    (void)state;
    assert_int_equal(tg_regenerate_decide(&req, &forge_client, &good, &why), TG_OAUTH_OK);
    assert_int_equal(tg_regenerate_decide(&req, &forge_client, NULL, &why), TG_OAUTH_UNAUTHORIZED_CLIENT);
    p.type = TG_TOKEN_OPAQUE;
    assert_int_equal(tg_regenerate_decide(&req, &forge_client, &p, &why), TG_OAUTH_UNAUTHORIZED_CLIENT);
    p = good;
    p.active = false;
    assert_int_equal(tg_regenerate_decide(&req, &forge_client, &p, &why), TG_OAUTH_UNAUTHORIZED_CLIENT);
    p = good;
    p.managed_from_policy = false;
    assert_int_equal(tg_regenerate_decide(&req, &forge_client, &p, &why), TG_OAUTH_UNAUTHORIZED_CLIENT);
    tg_live_client_t credential = forge_client;
    credential.kind = TG_CLIENT_CREDENTIAL;
    assert_int_equal(tg_regenerate_decide(&req, &credential, &p, &why), TG_OAUTH_OK);
    assert_int_equal(tg_regenerate_decide(&req, &credential, &good, &why), TG_OAUTH_UNAUTHORIZED_CLIENT);
    p = good;
    p.regenerate = false;
    assert_int_equal(tg_regenerate_decide(&req, &forge_client, &p, &why), TG_OAUTH_UNAUTHORIZED_CLIENT);
    req.token = TG_STR_NONE;
    assert_int_equal(tg_regenerate_decide(&req, &forge_client, &good, &why), TG_OAUTH_INVALID_REQUEST);
}

/* From the bytes of the old one to those of the new one. */
static void regenerate(const char *claim, const char *value, int64_t expires_in, tg_ms_t now, tg_token_facts_t *facts,
                       tg_buf_t *claims) {
    static uint8_t random[64] = {1, 2, 3};
    tg_policy_t policy = {.type = TG_TOKEN_JWT,
                          .token = {.expires_in = expires_in,
                                    .never_expires = expires_in == 0,
                                    .refresh_allowed = expires_in != 0,
                                    .refresh_count = 1,
                                    .refresh_expires_in = 3600,
                                    .jwt_algorithm = TG_STR("RS256")}};
    tg_buf_t token;
    tg_arena_t a;
    tg_str_t scope;
    bool has_scope;
    tg_pair_t pair;
    tg_arena_init(&a, 65536);
    tg_buf_init(&token, TOKEN_MAX);
    forge_sign(forge_keys[KEY_LIVE], GOOD_HEADER, forge_claims(claim, value), &token);
    forge_assert(forge_prove(tg_buf_str(&token), facts), TG_TOKEN_OK);
    assert_int_equal(tg_jwt_scope_find(tg_buf_str(&token), &a, &has_scope, &scope), TG_OK);
    assert_int_equal(tg_regenerate(facts, has_scope, scope, &forge_client, &policy, 1, random, now, &pair), TG_OK);
    assert_false(pair.has_refresh);
    assert_false(pair.has_record);
    tg_pair_claims_write(&pair, TG_STR(ISSUER), claims);
    tg_buf_release(&token);
    tg_arena_release(&a);
}

static bool has(const tg_buf_t *text, const char *part) {
    return memmem(text->p, text->n, part, strlen(part)) != NULL;
}

static void claims_of_the_new_one(void **state) {
    tg_token_facts_t facts;
    tg_buf_t claims;
    (void)state;
    tg_buf_init(&claims, 4096);
    regenerate("scope", "\"read write\"", 60, NOW + 5999, &facts, &claims);
    assert_str(tg_buf_str(&claims),
               "{\"iss\":\"" ISSUER "\",\"sub\":\"" CLIENT "\",\"aud\":\"" CLIENT
               "\",\"exp\":1790000065,\"iat\":1790000005,\"jti\":\"AQIDAAAAAAAAAAAAAAAAAA\","
               "\"client_id\":\"" CLIENT "\",\"tg_gen\":\"0123456789abcdef\",\"scope\":\"read write\"}");
    tg_buf_reset(&claims);
    regenerate("tg_fam", "\"_____________________w\"", 0, NOW, &facts, &claims);
    assert_str(tg_buf_str(&claims), "{\"iss\":\"" ISSUER "\",\"sub\":\"" CLIENT "\",\"aud\":\"" CLIENT
                                    "\",\"iat\":1790000000,\"jti\":\"AQIDAAAAAAAAAAAAAAAAAA\",\"client_id\":\"" CLIENT
                                    "\",\"tg_gen\":\"0123456789abcdef\",\"tg_fam\":\"_____________________w\"}");
    tg_buf_reset(&claims);
    regenerate("tg_ugen", "\"00000000000000ff\"", 60, NOW, &facts, &claims); /* whose password still ends it */
    assert_true(has(&claims, ",\"tg_ugen\":\"00000000000000ff\""));
    tg_buf_reset(&claims);
    regenerate("scope", "\"\"", 60, NOW, &facts, &claims);
    assert_true(has(&claims, "\"scope\":\"\""));
    tg_buf_reset(&claims);
    regenerate("tg_roles", "\"a b\"", 60, NOW, &facts, &claims); /* carried, told to nobody */
    assert_false(has(&claims, "\"scope\""));
    assert_true(has(&claims, "\"tg_roles\":\"a b\""));
    assert_false(facts.has_scope);
    assert_bytes(tg_strn(facts.scope, facts.scope_len), "a b", 3);
    tg_buf_release(&claims);
}

/* What a provider told, by the names in tg_claims; a name without its claim is none. */
static void claims_of_a_provider(void **state) {
    tg_buf_t token;
    tg_arena_t a;
    tg_metadata_entry_t *claims;
    size_t n;
    (void)state;
    tg_arena_init(&a, 65536);
    tg_buf_init(&token, TOKEN_MAX);
    forge_sign(forge_keys[KEY_LIVE], GOOD_HEADER,
               forge_claims("tg_claims", "[\"dept\",7,\"gone\",\"groups\"],\"dept\":\"it\",\"groups\":[1,\"b\"]"),
               &token);
    assert_int_equal(tg_jwt_claims_find(tg_buf_str(&token), &a, &claims, &n), TG_OK);
    assert_int_equal(n, 2);
    assert_str(claims[0].key, "dept");
    assert_str(claims[0].value, "\"it\"");
    assert_true(claims[0].in_jwt && !claims[0].in_response && !claims[0].secret);
    assert_str(claims[1].value, "[1,\"b\"]");
    tg_buf_reset(&token);
    forge_sign(forge_keys[KEY_LIVE], GOOD_HEADER, forge_claims("scope", "\"x\""), &token);
    assert_int_equal(tg_jwt_claims_find(tg_buf_str(&token), &a, &claims, &n), TG_OK);
    assert_int_equal(n, 0);
    assert_int_equal(tg_jwt_claims_find(TG_STR("x"), &a, &claims, &n), TG_ERR_INVALID);
    tg_buf_release(&token);
    tg_arena_release(&a);
}

static void what_cannot_be(void **state) {
    static uint8_t random[64];
    tg_token_facts_t facts = {.type = TG_TOKEN_JWT, .client_id = CLIENT, .client_id_len = sizeof(CLIENT) - 1};
    tg_live_client_t client = {.exists = true, .enabled = true};
    tg_policy_t good = {.type = TG_TOKEN_JWT, .token = {.expires_in = 60, .jwt_algorithm = TG_STR("ES256")}}, p = good;
    tg_pair_t pair;
    (void)state;
    assert_int_equal(tg_regenerate(&facts, false, TG_STR_NONE, &client, &good, 1, random, NOW, &pair), TG_OK);
    p.token.expires_in = 0; /* must not come out as one that never expires */
    assert_int_equal(tg_regenerate(&facts, false, TG_STR_NONE, &client, &p, 1, random, NOW, &pair), TG_ERR_BUG);
    p = good;
    p.token.jwt_algorithm = TG_STR("none");
    assert_int_equal(tg_regenerate(&facts, false, TG_STR_NONE, &client, &p, 1, random, NOW, &pair), TG_ERR_BUG);
    client.generation = 2;
    assert_int_equal(tg_regenerate(&facts, false, TG_STR_NONE, &client, &good, 1, random, NOW, &pair), TG_ERR_BUG);
    client.generation = 0;
    facts.type = TG_TOKEN_OPAQUE;
    assert_int_equal(tg_regenerate(&facts, false, TG_STR_NONE, &client, &good, 1, random, NOW, &pair), TG_ERR_BUG);
}

static void scope_of_what_is_no_jwt(void **state) {
    tg_arena_t a;
    bool has_scope = true;
    tg_str_t scope;
    (void)state;
    tg_arena_init(&a, 65536);
    assert_int_equal(tg_jwt_scope_find(TG_STR("x"), &a, &has_scope, &scope), TG_ERR_INVALID);
    assert_false(has_scope);
    tg_arena_release(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests),
        cmocka_unit_test(whose),
        cmocka_unit_test(claims_of_the_new_one),
        cmocka_unit_test(claims_of_a_provider),
        cmocka_unit_test(what_cannot_be),
        cmocka_unit_test(scope_of_what_is_no_jwt),
    };
    return cmocka_run_group_tests(tests, forge_setup, forge_teardown);
}
