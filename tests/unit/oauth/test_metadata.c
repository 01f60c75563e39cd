#include "oauth/metadata.h"

#include "tests.h"

#define NOW ((tg_ms_t)1790000000 * 1000)

static void metadata(void **state) {
    const tg_metadata_t m = {.password = false};
    tg_buf_t b;
    (void)state;
    tg_buf_init(&b, 4096);
    tg_metadata_write(TG_STR("https://gw.example.org/auth"), &m, &b);
    assert_str(tg_buf_str(&b),
               "{\"issuer\":\"https://gw.example.org/auth\","
               "\"token_endpoint\":\"https://gw.example.org/auth/token\","
               "\"jwt_endpoint\":\"https://gw.example.org/auth/jwt\","
               "\"introspection_endpoint\":\"https://gw.example.org/auth/introspect\","
               "\"revocation_endpoint\":\"https://gw.example.org/auth/revoke\","
               "\"jwks_uri\":\"https://gw.example.org/auth/.well-known/jwks.json\","
               "\"grant_types_supported\":[\"client_credentials\",\"refresh_token\"],"
               "\"response_types_supported\":[],"
               "\"token_endpoint_auth_methods_supported\":[\"client_secret_basic\",\"client_secret_post\"],"
               "\"introspection_endpoint_auth_methods_supported\":[\"client_secret_basic\",\"client_secret_post\"],"
               "\"revocation_endpoint_auth_methods_supported\":[\"client_secret_basic\",\"client_secret_post\"]}");
    tg_buf_release(&b);
}

static void what_is_open_here(void **state) {
    const tg_metadata_t m = {.password = true};
    tg_buf_t b;
    json_t *doc = NULL;
    (void)state;
    tg_buf_init(&b, 4096);
    tg_metadata_write(TG_STR("https://gw.example.org/credential"), &m, &b);
    assert_int_equal(tg_json_parse(tg_buf_str(&b), 4096, 4, &doc, NULL), TG_OK);
    const json_t *grants = json_object_get(doc, "grant_types_supported");
    assert_int_equal(json_array_size(grants), 3);
    assert_string_equal(json_string_value(json_array_get(grants, 0)), "client_credentials");
    assert_string_equal(json_string_value(json_array_get(grants, 1)), "password");
    assert_string_equal(json_string_value(json_array_get(grants, 2)), "refresh_token");
    assert_null(json_object_get(doc, "scopes_supported")); /* they are nobody's business */
    json_decref(doc);
    tg_buf_release(&b);
}

static void metadata_of_an_endless_issuer(void **state) {
    static char issuer[4096];
    const tg_metadata_t m = {.password = false};
    tg_buf_t b;
    (void)state;
    memset(issuer, 'x', sizeof(issuer));
    tg_buf_init(&b, 65536);
    tg_metadata_write(tg_strn(issuer, sizeof(issuer)), &m, &b);
    assert_int_equal(b.err, TG_ERR_LIMIT);
    tg_buf_release(&b);
}

static void key_set(void **state) {
    const tg_signing_key_t keys[] = {
        {.kid = TG_STR("a"), .alg = TG_STR("RS256"), .activate_at = NOW - 9, .revoked = true, .jwk = TG_STR("{1}")},
        {.kid = TG_STR("b"),
         .alg = TG_STR("RS256"),
         .activate_at = NOW - 9,
         .retire_at = NOW + 5,
         .jwk = TG_STR("{2}")},
        {.kid = TG_STR("c"), .alg = TG_STR("RS256"), .activate_at = NOW - 5, .jwk = TG_STR("{3}")},
        {.kid = TG_STR("d"), .alg = TG_STR("RS256"), .activate_at = NOW + 9, .jwk = TG_STR("{4}")},
    };
    tg_buf_t b;
    (void)state;
    tg_buf_init(&b, 4096);
    tg_jwks_write(keys, COUNT(keys), NOW, &b);
    assert_str(tg_buf_str(&b), "{\"keys\":[{2},{3},{4}]}");
    tg_buf_reset(&b);
    tg_jwks_write(keys, COUNT(keys), NOW + 5, &b);
    assert_str(tg_buf_str(&b), "{\"keys\":[{3},{4}]}");
    tg_buf_reset(&b);
    tg_jwks_write(NULL, 0, NOW, &b);
    assert_str(tg_buf_str(&b), "{\"keys\":[]}");
    tg_buf_release(&b);
}

static void issuers(void **state) {
    tg_environment_t e = {.access_url = TG_STR("https://gw.example.org")};
    tg_buf_t b;
    (void)state;
    tg_buf_init(&b, 4096);
    tg_issuer_write(&e, TG_STR("http"), TG_STR("127.0.0.1:8080"), TG_STR("/auth"), &b);
    assert_str(tg_buf_str(&b), "https://gw.example.org/auth");
    tg_buf_reset(&b);
    e.access_url = TG_STR_NONE;
    tg_issuer_write(&e, TG_STR("http"), TG_STR("127.0.0.1:8080"), TG_STR("/auth"), &b);
    assert_str(tg_buf_str(&b), "http://127.0.0.1:8080/auth");
    tg_buf_release(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metadata),
        cmocka_unit_test(what_is_open_here),
        cmocka_unit_test(metadata_of_an_endless_issuer),
        cmocka_unit_test(key_set),
        cmocka_unit_test(issuers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
