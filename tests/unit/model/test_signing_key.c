#include "bodies.h"

static json_t *read_key(const json_t *body, tg_arena_t *a, tg_fault_t *fault, tg_err_t *err) {
    tg_signing_key_t k;
    *err = tg_signing_key_parse(body, a, &k, fault);
    return *err ? NULL : tg_signing_key_write(&k);
}

#define HEAD       "'kid':'-k_1.A','alg':'ES256','createdAt':'2026-01-01T00:00:00Z',"
#define JWK        "'jwk':'{\\'kty\\':\\'EC\\'}'"
#define KEY        "{" HEAD "'activateAt':'2026-01-02T00:00:00.500Z'," JWK ",'sealed':'AAEC_w'}"
#define K(more)    "{" HEAD "'activateAt':'2026-01-02T00:00:00.500Z'," more "}"
#define FULL(more) K(JWK ",'sealed':'AAEC_w'," more)

static void reads_a_key(void **state) {
    static const uint8_t sealed[] = {0, 1, 2, 255};
    tg_arena_t a;
    tg_signing_key_t k;
    tg_fault_t fault = {.field = ""};
    (void)state;
    tg_arena_init(&a, 1 << 20);
    json_t *doc = body_load(KEY);
    assert_int_equal(tg_signing_key_parse(doc, &a, &k, &fault), TG_OK);
    json_decref(doc);
    assert_true(tg_str_eq(k.kid, TG_STR("-k_1.A")));
    assert_true(tg_str_eq(k.alg, TG_STR("ES256")));
    assert_false(k.revoked);
    assert_int_equal(k.created_at, 1767225600000);
    assert_int_equal(k.activate_at, 1767312000500);
    assert_int_equal(k.retire_at, 0);
    assert_true(tg_str_eq(k.jwk, TG_STR("{\"kty\":\"EC\"}")));
    assert_true(tg_str_eq(k.sealed, tg_strn(sealed, sizeof(sealed))));
    tg_arena_release(&a);
}

static void round_trips(void **state) {
    static const char *const bodies[] = {KEY, FULL("'retireAt':'2027-01-01T00:00:00.001Z','revoked':true"),
                                         FULL("'retireAt':null"), K(JWK ",'revoked':true,'sealed':null")};
    (void)state;
    accepted(read_key, ROWS(bodies));
    survives_lack_of_memory(read_key, KEY);
}

static void refuses_by_field_and_rule(void **state) {
    static const refusal_t rows[] = {
        {"{}", "kid", "is required"},
        {K("'sealed':'AA'"), "jwk", "is required"},
        {K(JWK), "sealed", "is required while the key is not revoked"},
        {K(JWK ",'sealed':'A'"), "sealed", "base64url"},
        {K(JWK ",'sealed':'AA=='"), "sealed", "base64url"},
        {K("'jwk':{'kty':'EC'},'sealed':'AA'"), "jwk", "must be a string"},
        {K("'jwk':'[]','sealed':'AA'"), "jwk", "must be a JWK"},
        {K("'jwk':'{','sealed':'AA'"), "jwk", "must be a JWK"},
        {K("'jwk':'{\\'d\\':\\'x\\'}','sealed':'AA'"), "jwk", "no private member"},
        {K("'jwk':'{\\'k\\':\\'x\\'}','sealed':'AA'"), "jwk", "no private member"},
        {FULL("'retireAt':5"), "retireAt", "must be a string"},
        {FULL("'retireAt':'tomorrow'"), "retireAt", "must be a moment"},
        {FULL("'state':'active'"), "state", "is not a known field"},
        {"{'alg':'HS256'}", "alg", "must be one of RS256"},
        {"{'kid':''}", "kid", "must be 1 to 64"},
        {"{'kid':'a/b'}", "kid", "must have only letters"},
    };
    (void)state;
    refused(read_key, ROWS(rows));
}

/* Moments in the table are small numbers; the rule does not care. */
static void state_follows_from_the_clock(void **state) {
    tg_signing_key_t keys[] = {
        {.alg = TG_STR("RS256"), .activate_at = 10, .retire_at = 500},
        {.alg = TG_STR("RS256"), .activate_at = 100},
        {.alg = TG_STR("ES256"), .activate_at = 20},
        {.alg = TG_STR("RS256"), .activate_at = 50, .revoked = true},
        {.alg = TG_STR("RS256"), .activate_at = 300},
    };
    static const struct {
        tg_ms_t now;
        tg_key_state_t states[5];
    } rows[] = {
        {5, {TG_KEY_PUBLISHED, TG_KEY_PUBLISHED, TG_KEY_PUBLISHED, TG_KEY_REVOKED, TG_KEY_PUBLISHED}},
        {10, {TG_KEY_ACTIVE, TG_KEY_PUBLISHED, TG_KEY_PUBLISHED, TG_KEY_REVOKED, TG_KEY_PUBLISHED}},
        {99, {TG_KEY_ACTIVE, TG_KEY_PUBLISHED, TG_KEY_ACTIVE, TG_KEY_REVOKED, TG_KEY_PUBLISHED}},
        {100, {TG_KEY_RETIRING, TG_KEY_ACTIVE, TG_KEY_ACTIVE, TG_KEY_REVOKED, TG_KEY_PUBLISHED}},
        {300, {TG_KEY_RETIRING, TG_KEY_RETIRING, TG_KEY_ACTIVE, TG_KEY_REVOKED, TG_KEY_ACTIVE}},
        {499, {TG_KEY_RETIRING, TG_KEY_RETIRING, TG_KEY_ACTIVE, TG_KEY_REVOKED, TG_KEY_ACTIVE}},
        {500, {TG_KEY_REVOKED, TG_KEY_RETIRING, TG_KEY_ACTIVE, TG_KEY_REVOKED, TG_KEY_ACTIVE}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (size_t k = 0; k < 5; k++) {
            assert_int_equal(tg_signing_key_state(keys, 5, k, rows[i].now), rows[i].states[k]);
        }
    }
    /* The active one is revoked at once: the one before it signs again. */
    keys[4].revoked = true;
    assert_int_equal(tg_signing_key_state(keys, 5, 1, 300), TG_KEY_ACTIVE);
    /* Of two with the same moment exactly one signs. */
    keys[4] = keys[1];
    assert_int_equal(tg_signing_key_state(keys, 5, 1, 300), TG_KEY_RETIRING);
    assert_int_equal(tg_signing_key_state(keys, 5, 4, 300), TG_KEY_ACTIVE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_key),
        cmocka_unit_test(round_trips),
        cmocka_unit_test(refuses_by_field_and_rule),
        cmocka_unit_test(state_follows_from_the_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
