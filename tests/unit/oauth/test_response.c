#include "forge.h"
#include "oauth/refresh.h"

static tg_pair_t pair_make(bool refresh) {
    return (tg_pair_t){.plan = {.type = TG_TOKEN_OPAQUE,
                                .client_id = TG_STR("c\"1"),
                                .subject = TG_STR("s"),
                                .has_scope = true,
                                .scope = TG_STR("read write")},
                       .issued_at = NOW + 7,
                       .has_refresh = refresh,
                       .record = {.access_expires_at = NOW + 60007,
                                  .refresh_expires_at = NOW + 3600007,
                                  .refresh_left = 2,
                                  .refresh_used = 1}};
}

static void response_is(const tg_pair_t *p, const tg_token_management_t *m, tg_ms_t now, const char *wanted) {
    char text[1024];
    tg_buf_t b;
    tg_buf_init_fixed(&b, text, sizeof(text));
    tg_pair_response_write(p, m, TG_STR("orders"), TG_STR("tga_x"), TG_STR("tgr_y"), now, &b);
    assert_int_equal(b.err, TG_OK);
    assert_str(tg_buf_str(&b), wanted);
}

static void by_default(void **state) {
    tg_token_management_t m = {.extended_fields = false};
    tg_pair_t p = pair_make(true);
    (void)state;
    response_is(&p, &m, NOW + 7,
                "{\"access_token\":\"tga_x\",\"token_type\":\"Bearer\",\"expires_in\":60,\"refresh_token\":\"tgr_y\","
                "\"scope\":\"read write\"}");
    p = pair_make(false);
    p.plan.has_scope = false;
    p.record.access_expires_at = 0;
    response_is(&p, &m, NOW, "{\"access_token\":\"tga_x\",\"token_type\":\"Bearer\"}");
    p.plan.has_scope = true;
    p.plan.scope = TG_STR("");
    response_is(&p, &m, NOW, "{\"access_token\":\"tga_x\",\"token_type\":\"Bearer\",\"scope\":\"\"}");
}

static void renamed_and_left_out(void **state) {
    tg_token_management_t m = {.names = {[TG_FIELD_ACCESS_TOKEN] = {TG_STR("token"), false},
                                         [TG_FIELD_TOKEN_TYPE] = {TG_STR_NONE, true},
                                         [TG_FIELD_EXPIRES_IN] = {TG_STR("ttl"), false},
                                         [TG_FIELD_REFRESH_TOKEN] = {TG_STR("renew"), false},
                                         [TG_FIELD_SCOPE] = {TG_STR("roles"), false}},
                               .expires_in_unit = TG_EXPIRES_IN_MILLISECONDS};
    tg_pair_t p = pair_make(true);
    (void)state;
    response_is(&p, &m, NOW + 7, "{\"token\":\"tga_x\",\"ttl\":60000,\"renew\":\"tgr_y\",\"roles\":\"read write\"}");
    response_is(&p, &m, NOW + 8, "{\"token\":\"tga_x\",\"ttl\":60000,\"renew\":\"tgr_y\",\"roles\":\"read write\"}");
    response_is(&p, &m, NOW + 1007, "{\"token\":\"tga_x\",\"ttl\":59000,\"renew\":\"tgr_y\",\"roles\":\"read write\"}");
    response_is(&p, &m, NOW + 99999, "{\"token\":\"tga_x\",\"ttl\":0,\"renew\":\"tgr_y\",\"roles\":\"read write\"}");
    for (size_t i = TG_FIELD_TOKEN_TYPE; i < TG_FIELDS_N; i++) {
        m.names[i].left_out = true;
    }
    response_is(&p, &m, NOW + 7, "{\"token\":\"tga_x\"}");
}

static void extended(void **state) {
    tg_token_management_t m = {.extended_fields = true};
    tg_pair_t p = pair_make(true);
    (void)state;
    response_is(&p, &m, NOW + 7,
                "{\"access_token\":\"tga_x\",\"token_type\":\"Bearer\",\"expires_in\":60,\"refresh_token\":\"tgr_y\","
                "\"scope\":\"read write\",\"X-ApplicationName\":\"orders\",\"X-ClientInfo\":\"c\\\"1\","
                "\"X-IssuedAt\":\"2026-09-21T14:13:20.007Z\",\"X-ExpiresAt\":\"2026-09-21T14:14:20.007Z\","
                "\"X-RefreshTokenIssuedAt\":\"2026-09-21T14:13:20.007Z\","
                "\"X-RefreshTokenExpiresAt\":\"2026-09-21T15:13:20.007Z\",\"X-RefreshCount\":1}");
    p = pair_make(false);
    p.record.access_expires_at = 0;
    p.plan.has_scope = false;
    response_is(&p, &m, NOW,
                "{\"access_token\":\"tga_x\",\"token_type\":\"Bearer\",\"X-ApplicationName\":\"orders\","
                "\"X-ClientInfo\":\"c\\\"1\",\"X-IssuedAt\":\"2026-09-21T14:13:20.007Z\"}");
}

#define ENTRY(k, v, ...)                                                                                               \
    { .key = TG_STR(k), .value = TG_STR(v), __VA_ARGS__ }

static const tg_metadata_entry_t entries[] = {
    ENTRY("tier", "\"go\\\"ld\"", .in_response = true, .in_jwt = true),
    ENTRY("seats", "7", .in_response = true, .in_jwt = true, .jwt_claim = TG_STR("n")),
    ENTRY("beta", "true", .in_jwt = true),
    ENTRY("key", "\"s3cret\"", .secret = true, .in_response = true),
    ENTRY("leak", "\"s3cret\"", .secret = true, .in_jwt = true), /* which the model refuses */
    ENTRY("mute", "1"),
};

static void metadata_in_the_response(void **state) {
    tg_token_management_t m = {.extended_fields = false};
    tg_pair_t p = pair_make(false);
    (void)state;
    p.plan.has_scope = false;
    p.record.access_expires_at = 0;
    p.plan.metadata = entries;
    p.plan.n_metadata = COUNT(entries);
    response_is(&p, &m, NOW,
                "{\"access_token\":\"tga_x\",\"token_type\":\"Bearer\",\"tier\":\"go\\\"ld\",\"seats\":7,"
                "\"key\":\"s3cret\"}");
    /* a field got that name since */
    m.names[TG_FIELD_TOKEN_TYPE] = (tg_response_name_t){TG_STR("tier"), false};
    m.names[TG_FIELD_SCOPE] = (tg_response_name_t){TG_STR("seats"), false};
    response_is(&p, &m, NOW, "{\"access_token\":\"tga_x\",\"tier\":\"Bearer\",\"key\":\"s3cret\"}");
}

static void metadata_that_would_be_a_field(void **state) {
    static const tg_metadata_entry_t bad[] = {
        ENTRY("access_token", "\"x\"", .in_response = true),
        ENTRY("refresh_token", "\"x\"", .in_response = true),
        ENTRY("scope", "\"admin\"", .in_response = true),
        ENTRY("error", "\"x\"", .in_response = true),
        ENTRY("x-issuedat", "\"x\"", .in_response = true),
        ENTRY("tg_gen", "\"x\"", .in_response = true),
        ENTRY("twice", "1", .in_response = true),
        ENTRY("twice", "2", .in_response = true),
    };
    const tg_token_management_t m = {.extended_fields = false};
    tg_pair_t p = pair_make(false);
    (void)state;
    p.plan.has_scope = false;
    p.record.access_expires_at = 0;
    p.plan.metadata = bad;
    p.plan.n_metadata = COUNT(bad);
    response_is(&p, &m, NOW, "{\"access_token\":\"tga_x\",\"token_type\":\"Bearer\",\"twice\":1}");
}

/* ---- metadata in the access JWT ---- */

#define CLAIMS                                                                                                         \
    "{\"iss\":\"" ISSUER "\",\"sub\":\"s\",\"aud\":\"c\\\"1\",\"iat\":1790000000,\"jti\":\"AAAAAAAAAAAAAAAAAAAAAA\","  \
    "\"client_id\":\"c\\\"1\",\"tg_gen\":\"0000000000000000\""

static void claims_are(const tg_pair_t *p, const char *wanted) {
    char text[4096];
    tg_buf_t b;
    tg_buf_init_fixed(&b, text, sizeof(text));
    tg_pair_claims_write(p, TG_STR(ISSUER), &b);
    assert_int_equal(b.err, TG_OK);
    assert_str(tg_buf_str(&b), wanted);
}

static tg_pair_t jwt_pair(const tg_metadata_entry_t *metadata, size_t n) {
    tg_pair_t p = pair_make(false);
    p.plan.type = TG_TOKEN_JWT;
    p.plan.has_scope = false;
    p.plan.scope = TG_STR_NONE;
    p.record.access_expires_at = 0;
    p.plan.metadata = metadata;
    p.plan.n_metadata = n;
    return p;
}

static void metadata_in_the_jwt(void **state) {
    tg_pair_t p = jwt_pair(entries, COUNT(entries));
    (void)state;
    claims_are(&p, CLAIMS ",\"tier\":\"go\\\"ld\",\"n\":7,\"beta\":true}");
    p.plan.user_generation = 0xff;
    p.plan.n_metadata = 0;
    claims_are(&p, CLAIMS ",\"tg_ugen\":\"00000000000000ff\"}");
}

/* What decides over a token comes from us alone, and stands in it once. */
static void metadata_that_would_be_a_claim_of_ours(void **state) {
    static const char *const names[] = {"iss", "sub",       "aud",   "exp",    "nbf",     "iat",    "jti",
                                        "cnf", "client_id", "scope", "tg_gen", "tg_ugen", "tg_fam", "tg_more"};
    (void)state;
    for (size_t i = 0; i < 2 * COUNT(names); i++) {
        tg_metadata_entry_t e = {.key = tg_str(names[i / 2]), .value = TG_STR("\"x\""), .in_jwt = true};
        if (i % 2 == 1) {
            e.jwt_claim = e.key;
            e.key = TG_STR("harmless");
        }
        tg_pair_t p = jwt_pair(&e, 1);
        claims_are(&p, CLAIMS "}");
    }
    const tg_metadata_entry_t twice[] = {ENTRY("a", "1", .in_jwt = true, .jwt_claim = TG_STR("b")),
                                         ENTRY("b", "2", .in_jwt = true)};
    tg_pair_t p = jwt_pair(twice, 2);
    claims_are(&p, CLAIMS ",\"b\":1}");
}

/* ---- what an identity provider told ---- */

static const tg_metadata_entry_t told[] = {
    ENTRY("dept", "\"it\"", .in_jwt = true, .in_response = true),
    ENTRY("tier", "1", .in_jwt = true),
    ENTRY("groups", "[\"a\",\"b\"]", .in_jwt = true),
    ENTRY("only", "2", .in_response = true),
    ENTRY("iss", "\"x\"", .in_jwt = true, .in_response = true),
    ENTRY("tg_roles", "\"admin\"", .in_jwt = true),
    ENTRY("access_token", "\"x\"", .in_response = true),
};

/* The client's metadata goes before what is told under the same name, ours before both. */
static void claims_of_a_provider(void **state) {
    const tg_metadata_entry_t mine = ENTRY("tier", "\"gold\"", .in_jwt = true);
    tg_pair_t p = jwt_pair(&mine, 1);
    (void)state;
    p.plan.claims = told;
    p.plan.n_claims = COUNT(told);
    claims_are(&p, CLAIMS
               ",\"tier\":\"gold\",\"dept\":\"it\",\"groups\":[\"a\",\"b\"],\"tg_claims\":[\"dept\",\"groups\"]}");
    p.plan.scope = TG_STR("r1 r2"); /* carried */
    p.plan.n_claims = 0;
    claims_are(&p, CLAIMS ",\"tg_roles\":\"r1 r2\",\"tier\":\"gold\"}");
    p.plan.has_scope = true;
    claims_are(&p, CLAIMS ",\"scope\":\"r1 r2\",\"tier\":\"gold\"}");
}

static void answer_of_a_provider(void **state) {
    tg_token_management_t m = {.extended_fields = false};
    tg_pair_t p = pair_make(false);
    (void)state;
    p.plan.has_scope = false;
    p.record.access_expires_at = 0;
    p.plan.claims = told;
    p.plan.n_claims = COUNT(told);
    p.plan.api_response = TG_STR("{\"balance\":3}");
    response_is(&p, &m, NOW,
                "{\"access_token\":\"tga_x\",\"token_type\":\"Bearer\",\"dept\":\"it\",\"only\":2,"
                "\"iss\":\"x\",\"X-ApiResponse\":{\"balance\":3}}");
}

/* The refresh JWT carries them for the access JWTs to come. */
static void claims_that_are_carried(void **state) {
    static char value[TG_CLAIMS_MAX], text[4 * TG_CLAIMS_MAX];
    const tg_metadata_entry_t mine = ENTRY("tier", "\"gold\"", .in_jwt = true);
    tg_metadata_entry_t large = ENTRY("k", "1", .in_jwt = true);
    tg_pair_t p = jwt_pair(&mine, 1);
    tg_buf_t b;
    (void)state;
    p.has_refresh = true;
    p.plan.claims = told;
    p.plan.n_claims = COUNT(told);
    tg_buf_init_fixed(&b, text, sizeof(text));
    tg_refresh_claims_write(&p, TG_STR(ISSUER), &b);
    assert_int_equal(b.err, TG_OK);
    assert_true(
        tg_str_ends(tg_buf_str(&b), TG_STR(",\"tg_claims\":{\"dept\":\"it\",\"tier\":1,\"groups\":[\"a\",\"b\"]}}")));
    memset(value, '1', sizeof(value));
    large.value = tg_strn(value, sizeof(value));
    p.plan.claims = &large;
    p.plan.n_claims = 1;
    tg_buf_init_fixed(&b, text, sizeof(text));
    tg_refresh_claims_write(&p, TG_STR(ISSUER), &b);
    assert_int_equal(b.err, TG_ERR_LIMIT);
}

/* RFC 9110 sets no bound to a header, servers do: 8 KiB. The token must not be made at all. */
static void more_than_a_token_can_carry(void **state) {
    static char value[TG_CLAIMS_MAX], text[2 * TG_CLAIMS_MAX];
    tg_metadata_entry_t e = {.key = TG_STR("k"), .in_jwt = true};
    size_t rest = TG_CLAIMS_MAX - strlen(CLAIMS ",\"k\":}");
    (void)state;
    memset(value, '1', sizeof(value));
    for (size_t n = rest; n <= rest + 1; n++) {
        tg_buf_t b;
        tg_pair_t p = jwt_pair(&e, 1);
        e.value = tg_strn(value, n);
        tg_buf_init_fixed(&b, text, sizeof(text));
        tg_buf_put(&b, TG_STR("what was there before does not count"));
        tg_pair_claims_write(&p, TG_STR(ISSUER), &b);
        assert_int_equal(b.err, n == rest ? TG_OK : TG_ERR_LIMIT);
    }
}

/* Without metadata nothing comes near that bound. */
static void the_largest_token_without_metadata(void **state) {
    static char quotes[TG_CLIENT_ID_MAX], scope[TG_SCOPE_MAX], issuer[1024 + 11], text[2 * TG_CLAIMS_MAX];
    tg_pair_t p = jwt_pair(NULL, 0);
    tg_buf_t b;
    (void)state;
    memset(quotes, '"', sizeof(quotes));
    memset(scope, 'x', sizeof(scope));
    memset(issuer, 'x', sizeof(issuer));
    p.plan.client_id = p.plan.subject = tg_strn(quotes, sizeof(quotes));
    p.plan.has_scope = p.has_family = true;
    p.plan.scope = tg_strn(scope, sizeof(scope));
    p.plan.user_generation = UINT64_MAX;
    p.record.access_expires_at = (tg_ms_t)1 << 53;
    tg_buf_init_fixed(&b, text, sizeof(text));
    tg_pair_claims_write(&p, tg_strn(issuer, sizeof(issuer)), &b);
    assert_int_equal(b.err, TG_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(by_default),
                                       cmocka_unit_test(renamed_and_left_out),
                                       cmocka_unit_test(extended),
                                       cmocka_unit_test(metadata_in_the_response),
                                       cmocka_unit_test(metadata_that_would_be_a_field),
                                       cmocka_unit_test(metadata_in_the_jwt),
                                       cmocka_unit_test(metadata_that_would_be_a_claim_of_ours),
                                       cmocka_unit_test(claims_of_a_provider),
                                       cmocka_unit_test(answer_of_a_provider),
                                       cmocka_unit_test(claims_that_are_carried),
                                       cmocka_unit_test(more_than_a_token_can_carry),
                                       cmocka_unit_test(the_largest_token_without_metadata)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
