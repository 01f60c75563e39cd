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
    return tg_client_verify(&keys, c, &req, false, NOW);
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
    assert_int_equal(tg_client_verify(&keys, &c, &req, false, NOW), TG_CLIENT_WRONG_SECRET);
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

/* ---- clients that need no secret ---- */

static void secret_that_is_optional(void **state) {
    tg_live_client_t c = client();
    tg_token_request_t none = request(NULL), dash = request("-"), right = request("right"), wrong = request("wrong");
    (void)state;
    assert_int_equal(tg_client_verify(&keys, &c, &none, true, NOW), TG_CLIENT_OK);
    assert_int_equal(tg_client_verify(&keys, &c, &dash, true, NOW), TG_CLIENT_OK);
    assert_int_equal(tg_client_verify(&keys, &c, &right, true, NOW), TG_CLIENT_OK);
    assert_int_equal(tg_client_verify(&keys, &c, &wrong, true, NOW), TG_CLIENT_WRONG_SECRET);
    assert_int_equal(tg_client_verify(&keys, &c, &dash, false, NOW), TG_CLIENT_WRONG_SECRET);
    assert_int_equal(tg_client_verify(&keys, NULL, &none, true, NOW), TG_CLIENT_UNKNOWN);
    c.expires_at = NOW;
    assert_int_equal(tg_client_verify(&keys, &c, &none, true, NOW), TG_CLIENT_EXPIRED);
    c.enabled = false;
    assert_int_equal(tg_client_verify(&keys, &c, &dash, true, NOW), TG_CLIENT_DISABLED);
}

static void when_the_secret_is_optional(void **state) {
    static const struct {
        tg_grant_t grant;
        bool revoking, optional;
    } rows[] = {
        {TG_GRANT_PASSWORD, false, true}, {TG_GRANT_REFRESH, false, true},
        {TG_GRANT_NONE, true, true},      {TG_GRANT_CLIENT_CREDENTIALS, false, false},
        {TG_GRANT_NONE, false, false}, /* introspection, regenerate, an unknown grant */
    };
    const tg_policy_t good = {.active = true, .managed_from_policy = true, .token = {.grant = TG_GRANT_PASSWORD}};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        tg_token_request_t req = request(NULL);
        tg_policy_t p = good;
        req.grant = rows[i].grant;
        assert_int_equal(tg_secret_is_optional(&p, &req, rows[i].revoking), rows[i].optional);
        assert_false(tg_secret_is_optional(NULL, &req, rows[i].revoking));
        p.active = false;
        assert_false(tg_secret_is_optional(&p, &req, rows[i].revoking));
        p = good;
        p.managed_from_policy = false;
        assert_false(tg_secret_is_optional(&p, &req, rows[i].revoking));
        p = good;
        p.client_secret_required = true;
        assert_false(tg_secret_is_optional(&p, &req, rows[i].revoking));
        p = good;
        p.token.grant = TG_GRANT_CLIENT_CREDENTIALS;
        assert_false(tg_secret_is_optional(&p, &req, rows[i].revoking));
    }
}

/* ---- users ---- */

static tg_live_client_t user(void) {
    tg_live_client_t u = client();
    u.kind = TG_CLIENT_CREDENTIAL;
    u.project_id = 3;
    assert_int_equal(tg_secret_hash(&keys, TG_STR("alice"), TG_STR("pass"), (uint8_t *)u.secret), TG_OK);
    return u;
}

static tg_client_verdict_t user_verdict(const tg_live_client_t *u, int64_t project_id, const char *password) {
    tg_live_client_t c = client();
    tg_token_request_t req = request("right");
    c.project_id = project_id;
    req.username = TG_STR("alice");
    req.password = tg_str(password);
    return tg_user_verify(&keys, &c, u, &req, NOW);
}

static void users(void **state) {
    tg_live_client_t u = user();
    (void)state;
    assert_int_equal(user_verdict(&u, 3, "pass"), TG_CLIENT_OK);
    assert_int_equal(user_verdict(&u, 3, "wrong"), TG_CLIENT_WRONG_SECRET);
    assert_int_equal(user_verdict(&u, 3, "-"), TG_CLIENT_WRONG_SECRET);
    assert_int_equal(user_verdict(&u, 3, ""), TG_CLIENT_WRONG_SECRET);
    assert_int_equal(user_verdict(NULL, 3, "pass"), TG_CLIENT_UNKNOWN);
    assert_int_equal(user_verdict(NULL, 3, ""), TG_CLIENT_UNKNOWN);
    u.expires_at = NOW;
    assert_int_equal(user_verdict(&u, 3, "pass"), TG_CLIENT_EXPIRED);
    u.enabled = false;
    assert_int_equal(user_verdict(&u, 3, "pass"), TG_CLIENT_DISABLED);
    assert_int_equal(user_verdict(&u, 3, "wrong"), TG_CLIENT_WRONG_SECRET);
    u.exists = false;
    assert_int_equal(user_verdict(&u, 3, "pass"), TG_CLIENT_UNKNOWN);
}

static void user_of_another_project(void **state) {
    tg_live_client_t u = user();
    (void)state;
    assert_int_equal(user_verdict(&u, 4, "pass"), TG_CLIENT_WRONG_PROJECT);
    assert_int_equal(user_verdict(&u, 4, ""), TG_CLIENT_WRONG_PROJECT);
    u.secret_kind = TG_SECRET_ARGON2ID; /* said before argon2id is asked, which knows nothing of projects */
    assert_int_equal(user_verdict(&u, 4, "pass"), TG_CLIENT_WRONG_PROJECT);
    assert_int_equal(user_verdict(&u, 3, "pass"), TG_CLIENT_NEEDS_ARGON2);
    assert_int_equal(user_verdict(&u, 3, ""), TG_CLIENT_WRONG_SECRET); /* nothing for argon2id to do */
    u = user();
    u.project_id = 0; /* not known: nobody's, and not that of a client of whom it is not known either */
    assert_int_equal(user_verdict(&u, 0, "pass"), TG_CLIENT_WRONG_PROJECT);
}

static void application_key_as_a_user(void **state) {
    tg_live_client_t u = user();
    (void)state;
    u.kind = TG_CLIENT_APPLICATION;
    assert_int_equal(user_verdict(&u, 3, "pass"), TG_CLIENT_WRONG_PROJECT);
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
        cmocka_unit_test(secrets),
        cmocka_unit_test(secret_of_another_client),
        cmocka_unit_test(broken_rows),
        cmocka_unit_test(secret_then_enabled_then_expiry),
        cmocka_unit_test(after_argon2),
        cmocka_unit_test(names),
        cmocka_unit_test(secret_that_is_optional),
        cmocka_unit_test(when_the_secret_is_optional),
        cmocka_unit_test(users),
        cmocka_unit_test(user_of_another_project),
        cmocka_unit_test(application_key_as_a_user),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
