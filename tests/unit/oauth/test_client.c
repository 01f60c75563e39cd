#include "oauth/token_request.h"
#include "tests.h"

#define NOW ((tg_ms_t)1790000000 * 1000)

static tg_keyring_t keys;

static tg_token_request_t request(const char *secret) {
    return (tg_token_request_t){
        .client_id = TG_STR("app"), .client_secret = tg_str(secret), .has_secret = secret != NULL};
}

static tg_live_client_t client(void) {
    tg_live_client_t c = {.exists = true,
                          .enabled = true,
                          .kind = TG_CLIENT_APPLICATION,
                          .secret_kind = TG_SECRET_FAST,
                          .secret_len = TG_HASH_LEN};
    assert_int_equal(tg_secret_hash(&keys, TG_STR("app"), TG_STR("right"), (uint8_t *)c.secret), TG_OK);
    return c;
}

static tg_client_verdict_t verdict(const tg_live_client_t *c, const char *secret) {
    tg_token_request_t req = request(secret);
    return tg_client_verify(&keys, c, &req, NOW);
}

static void secrets(void **state) {
    tg_live_client_t c = client();
    (void)state;
    assert_int_equal(verdict(&c, "right"), TG_CLIENT_OK);
    assert_int_equal(verdict(&c, "wrong"), TG_CLIENT_WRONG_SECRET);
    assert_int_equal(verdict(&c, "right "), TG_CLIENT_WRONG_SECRET);
    assert_int_equal(verdict(&c, NULL), TG_CLIENT_NO_SECRET);
    assert_int_equal(verdict(NULL, "right"), TG_CLIENT_UNKNOWN);
    assert_int_equal(verdict(NULL, NULL), TG_CLIENT_UNKNOWN);
    c.exists = false;
    assert_int_equal(verdict(&c, "right"), TG_CLIENT_UNKNOWN);
}

/* The hash is the client's: another id with the same secret has another. */
static void secret_of_another_client(void **state) {
    tg_live_client_t c = client();
    tg_token_request_t req = request("right");
    (void)state;
    req.client_id = TG_STR("app2");
    assert_int_equal(tg_client_verify(&keys, &c, &req, NOW), TG_CLIENT_WRONG_SECRET);
}

/* Neither the stored hash nor a part of it opens anything. */
static void broken_rows(void **state) {
    tg_live_client_t c = client();
    (void)state;
    c.secret_len = 31;
    assert_int_equal(verdict(&c, "right"), TG_CLIENT_WRONG_SECRET);
    c.secret_len = 0;
    assert_int_equal(verdict(&c, "right"), TG_CLIENT_WRONG_SECRET);
    c = client();
    c.secret_kind = TG_SECRET_NONE;
    assert_int_equal(verdict(&c, "right"), TG_CLIENT_WRONG_SECRET);
    c = client();
    c.secret[31] = (char)(c.secret[31] ^ 1);
    assert_int_equal(verdict(&c, "right"), TG_CLIENT_WRONG_SECRET);
    c.secret_kind = TG_SECRET_ARGON2ID;
    assert_int_equal(verdict(&c, "right"), TG_CLIENT_NEEDS_ARGON2);
    assert_int_equal(verdict(&c, NULL), TG_CLIENT_NO_SECRET);
}

/* A wrong secret never learns that the client is disabled or expired, not even in the log's order. */
static void secret_then_enabled_then_expiry(void **state) {
    tg_live_client_t c = client();
    (void)state;
    c.enabled = false;
    c.expires_at = NOW;
    assert_int_equal(verdict(&c, "wrong"), TG_CLIENT_WRONG_SECRET);
    assert_int_equal(verdict(&c, "right"), TG_CLIENT_DISABLED);
    c.enabled = true;
    assert_int_equal(verdict(&c, "right"), TG_CLIENT_EXPIRED);
    c.expires_at = NOW + 1;
    assert_int_equal(verdict(&c, "right"), TG_CLIENT_OK);
    c.expires_at = 0;
    assert_int_equal(verdict(&c, "right"), TG_CLIENT_OK);
}

static void after_argon2(void **state) {
    tg_live_client_t c = client();
    (void)state;
    assert_int_equal(tg_client_verify_known(&c, true, NOW), TG_CLIENT_OK);
    assert_int_equal(tg_client_verify_known(&c, false, NOW), TG_CLIENT_WRONG_SECRET);
    c.enabled = false;
    assert_int_equal(tg_client_verify_known(&c, false, NOW), TG_CLIENT_WRONG_SECRET);
    assert_int_equal(tg_client_verify_known(&c, true, NOW), TG_CLIENT_DISABLED);
    assert_int_equal(tg_client_verify_known(NULL, true, NOW), TG_CLIENT_UNKNOWN);
}

static void names(void **state) {
    (void)state;
    for (tg_client_verdict_t v = TG_CLIENT_OK; v <= TG_CLIENT_UNAVAILABLE; v++) {
        assert_string_not_equal(tg_client_verdict_name(v), "?");
    }
    assert_string_equal(tg_client_verdict_name((tg_client_verdict_t)99), "?");
}

static int setup(void **state) {
    static const uint8_t master[TG_KEY_LEN] = {1, 2, 3};
    (void)state;
    return tg_keyring_init(&keys, master);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secrets),      cmocka_unit_test(secret_of_another_client),
        cmocka_unit_test(broken_rows),  cmocka_unit_test(secret_then_enabled_then_expiry),
        cmocka_unit_test(after_argon2), cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
