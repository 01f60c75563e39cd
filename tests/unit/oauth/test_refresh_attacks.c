/* One attack on refresh each, named after the hole it would be; opaque and JWT alike unless it says so. */
#include "life.h"

static life_t l;
static life_answer_t first, a, b;

static int setup(void **state) {
    (void)state;
    life_init(&l, TG_TOKEN_OPAQUE);
    life_acquire(&l, 0, "read write", &first);
    return 0;
}

static int setup_jwt(void **state) {
    (void)state;
    life_init(&l, TG_TOKEN_JWT);
    life_acquire(&l, 0, "read write", &first);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    life_release(&l);
    return 0;
}

static void expect_refused(int client, const char *token, tg_oauth_error_t error) {
    size_t rows = l.n_rows;
    life_refresh_now(&l, client, token, NULL, &b);
    assert_int_equal(b.error, error);
    assert_string_equal(b.access, "");
    assert_string_equal(b.refresh, "");
    assert_int_equal(l.n_rows, rows);
}

static void assert_family_lives(bool lives) {
    assert_int_equal(life_family_living(&l, first.pair.record.family), lives ? 1 : 0);
}

/* ---- reuse ---- */

static void old_refresh_token_after_grace_ends_the_family(void **state) {
    (void)state;
    life_refresh_now(&l, 0, first.refresh, NULL, &a);
    life_refresh_now(&l, 0, a.refresh, NULL, &a); /* the successor's first use */
    l.now += TG_REFRESH_GRACE_MS - 1;
    life_refresh_now(&l, 0, first.refresh, NULL, &b);
    assert_int_equal(b.error, TG_OAUTH_OK);
    assert_family_lives(true);
    l.now += 1;
    expect_refused(0, first.refresh, TG_OAUTH_INVALID_GRANT);
    assert_int_equal(b.action, TG_REFRESH_FAMILY);
    assert_family_lives(false);
    expect_refused(0, a.refresh, TG_OAUTH_INVALID_GRANT); /* whoever holds it */
    if (l.policy.type == TG_TOKEN_OPAQUE) {
        assert_int_equal(life_check(&l, a.access, false), TG_TOKEN_ENDED);
    }
}

/* The thief was faster: the client's own token, presented late, ends what the thief holds. */
static void stolen_and_refreshed_first(void **state) {
    (void)state;
    life_refresh_now(&l, 0, first.refresh, NULL, &a);
    life_check(&l, a.access, true); /* of a JWT no look-up tells: its refresh token is used instead */
    if (l.policy.type == TG_TOKEN_JWT) {
        life_refresh_now(&l, 0, a.refresh, NULL, &a);
    }
    l.now += 30000;
    expect_refused(0, first.refresh, TG_OAUTH_INVALID_GRANT);
    assert_int_equal(b.action, TG_REFRESH_FAMILY);
    assert_family_lives(false);
}

static void reuse_by_another_client_does_not_end_the_family(void **state) {
    (void)state;
    life_refresh_now(&l, 0, first.refresh, NULL, &a);
    life_refresh_now(&l, 0, a.refresh, NULL, &a);
    l.now += 30000;
    expect_refused(1, first.refresh, TG_OAUTH_INVALID_GRANT);
    assert_int_equal(b.action, TG_REFRESH_DENY);
    assert_family_lives(true);
}

static void expired_token_does_not_end_the_family(void **state) {
    (void)state;
    life_refresh_now(&l, 0, first.refresh, NULL, &a);
    l.now += 170000;
    life_refresh_now(&l, 0, a.refresh, NULL, &a);
    l.now += 20000;
    expect_refused(0, first.refresh, TG_OAUTH_INVALID_GRANT);
    assert_int_equal(b.action, TG_REFRESH_DENY);
    assert_family_lives(true);
}

static void used_up_token_does_not_end_the_family(void **state) {
    (void)state;
    a = first;
    for (int i = 0; i < 3; i++) {
        life_refresh_now(&l, 0, a.refresh, NULL, &b);
        a = b;
    }
    l.now += 60000;
    expect_refused(0, a.refresh, TG_OAUTH_INVALID_GRANT);
    assert_int_equal(b.action, TG_REFRESH_DENY);
    assert_family_lives(true);
}

static void repeats_are_charged_once(void **state) {
    (void)state;
    for (int i = 0; i < 20; i++) {
        life_refresh_now(&l, 0, first.refresh, NULL, &a);
        assert_int_equal(a.pair.record.refresh_left, 2);
    }
    assert_int_equal(l.n_rows, 2);
}

static void count_is_not_bought_back_by_parallel_refreshes(void **state) {
    static life_attempt_t x[8];
    int granted = 0;
    (void)state;
    l.policy.token.refresh_rotation = false; /* each refresh is charged */
    life_acquire(&l, 0, NULL, &first);
    for (int i = 0; i < 8; i++) {
        life_begin(&l, 0, first.refresh, NULL, &x[i]);
    }
    for (int i = 0; i < 8; i++) {
        life_finish(&l, &x[i], &a);
        granted += a.error == TG_OAUTH_OK;
    }
    assert_int_equal(granted, 3);
    assert_family_lives(true);
}

/* ---- whose token ---- */

static void refresh_token_of_another_client(void **state) {
    (void)state;
    expect_refused(1, first.refresh, TG_OAUTH_INVALID_GRANT);
    assert_family_lives(true);
    life_refresh_now(&l, 0, first.refresh, NULL, &a);
    assert_int_equal(a.error, TG_OAUTH_OK);
}

static void refresh_token_of_a_credential_of_the_same_name(void **state) {
    (void)state;
    life_turn_to_acl(&l);
    expect_refused(0, first.refresh, TG_OAUTH_INVALID_GRANT);
}

static void refresh_token_of_another_environment(void **state) {
    (void)state;
    l.rows[0].environment_id++;
    expect_refused(0, first.refresh, TG_OAUTH_INVALID_GRANT);
}

static void refresh_after_the_secret_was_changed(void **state) {
    (void)state;
    l.clients[0].live.generation++;
    expect_refused(0, first.refresh, TG_OAUTH_INVALID_GRANT);
}

static void refresh_after_all_tokens_were_ended(void **state) {
    (void)state;
    life_refresh_now(&l, 0, first.refresh, NULL, &a);
    l.epoch++;
    expect_refused(0, first.refresh, TG_OAUTH_INVALID_GRANT);
    expect_refused(0, a.refresh, TG_OAUTH_INVALID_GRANT);
}

static void refresh_of_a_disabled_or_unknown_client(void **state) {
    (void)state;
    l.clients[0].live.enabled = false;
    expect_refused(0, first.refresh, TG_OAUTH_INVALID_GRANT);
    l.clients[0].live.enabled = true;
    l.clients[0].live.exists = false;
    expect_refused(0, first.refresh, TG_OAUTH_INVALID_GRANT);
}

static void refresh_after_revocation(void **state) {
    (void)state;
    life_refresh_now(&l, 0, first.refresh, NULL, &a);
    life_family_end(&l, first.pair.record.family);
    expect_refused(0, a.refresh, TG_OAUTH_INVALID_GRANT);
    expect_refused(0, first.refresh, TG_OAUTH_INVALID_GRANT); /* no repeat brings it back */
}

static void refresh_that_crosses_a_revocation(void **state) {
    static life_attempt_t x;
    (void)state;
    life_begin(&l, 0, first.refresh, NULL, &x);
    assert_int_equal(x.decision.action, TG_REFRESH_WRITE);
    life_family_end(&l, first.pair.record.family);
    life_finish(&l, &x, &a);
    assert_int_equal(a.error, TG_OAUTH_INVALID_GRANT);
    assert_family_lives(false);
}

/* ---- the wrong token in the wrong place ---- */

static void refresh_token_as_access_token(void **state) {
    tg_token_facts_t f;
    (void)state;
    if (l.policy.type == TG_TOKEN_JWT) {
        assert_int_equal(life_prove_jwt(&l, first.refresh, &f), TG_TOKEN_TYPE);
        return;
    }
    assert_int_equal(life_check(&l, first.refresh, false), TG_TOKEN_UNKNOWN);
    /* nor by its hash, nor with the prefix of the other kind */
    tg_record_t *r = &l.rows[0];
    assert_null(life_find(&l, r->refresh_hash, r->bucket));
    memcpy(first.refresh, "tga_", 4);
    assert_int_equal(life_check(&l, first.refresh, false), TG_TOKEN_UNKNOWN);
}

static void access_token_as_refresh_token(void **state) {
    tg_refresh_token_t t;
    (void)state;
    assert_int_equal(life_parse(&l, first.access, &t), TG_TOKEN_TYPE);
    expect_refused(0, first.access, TG_OAUTH_INVALID_GRANT);
    if (l.policy.type == TG_TOKEN_OPAQUE) {
        memcpy(first.access, "tgr_", 4);
        expect_refused(0, first.access, TG_OAUTH_INVALID_GRANT);
    }
}

/* An access JWT's jti is no name of a refresh token in the store, though both are 16 bytes. */
static void jti_of_an_access_token_in_a_refresh_token(void **state) {
    uint8_t hash[32];
    (void)state;
    assert_int_equal(tg_jti_hash(TG_OPAQUE_REFRESH, first.pair.jti, hash), TG_OK);
    assert_null(life_find_refresh(&l, hash, first.pair.record.bucket));
    assert_int_equal(tg_jti_hash(TG_OPAQUE_ACCESS, first.pair.refresh_jti, hash), TG_OK);
    assert_null(life_find(&l, hash, first.pair.record.bucket));
}

static void token_of_the_other_type(void **state) {
    (void)state;
    l.policy.type = l.policy.type == TG_TOKEN_JWT ? TG_TOKEN_OPAQUE : TG_TOKEN_JWT;
    expect_refused(0, first.refresh, TG_OAUTH_INVALID_GRANT);
    assert_family_lives(true);
}

static void bucket_changed(void **state) {
    tg_opaque_kind_t kind;
    tg_bucket_t bucket;
    (void)state;
    assert_int_equal(tg_opaque_parse(tg_str(first.refresh), l.now, &kind, &bucket), TG_OK);
    first.refresh[8]++; /* a bit of the index or behind it */
    expect_refused(0, first.refresh, TG_OAUTH_INVALID_GRANT);
}

static void every_byte_changed(void **state) {
    size_t n = strlen(first.refresh);
    (void)state;
    for (size_t i = 0; i < n; i++) {
        char before = first.refresh[i];
        first.refresh[i] = before == 'A' ? 'B' : 'A';
        expect_refused(0, first.refresh, TG_OAUTH_INVALID_GRANT);
        first.refresh[i] = before;
    }
    life_refresh_now(&l, 0, first.refresh, NULL, &a);
    assert_int_equal(a.error, TG_OAUTH_OK);
}

/* ---- scope ---- */

static void scope_widened(void **state) {
    static const char *const wide[] = {"admin", "read admin", "admin write", "rea", "readwrite", "READ"};
    (void)state;
    for (size_t i = 0; i < COUNT(wide); i++) {
        life_refresh_now(&l, 0, first.refresh, wide[i], &a);
        assert_int_equal(a.error, TG_OAUTH_INVALID_SCOPE);
        assert_string_equal(a.access, "");
    }
    assert_int_equal(l.n_rows, 1);
    life_refresh_now(&l, 0, first.refresh, "read", &a);
    assert_int_equal(a.error, TG_OAUTH_OK);
    life_refresh_now(&l, 0, a.refresh, "read write", &b);
    assert_int_equal(b.error, TG_OAUTH_INVALID_SCOPE);
    life_refresh_now(&l, 0, first.refresh, "admin", &b); /* by a repeat */
    assert_int_equal(b.error, TG_OAUTH_INVALID_SCOPE);
}

static void scope_where_none_was_granted(void **state) {
    (void)state;
    life_acquire(&l, 0, NULL, &a);
    life_refresh_now(&l, 0, a.refresh, "read", &b);
    assert_int_equal(b.error, TG_OAUTH_INVALID_SCOPE);
}

/* ---- refresh JWTs, rightly signed, but for one thing ---- */

static tg_token_verdict_t verdict_of(const char *typ, const char *name, json_t *value) {
    tg_arena_t arena;
    tg_jws_t jws;
    tg_refresh_token_t t;
    json_t *claims = NULL;
    char mem[TEXT_MAX], token[TEXT_MAX];
    tg_buf_t buf;
    tg_arena_init(&arena, 65536);
    assert_int_equal(tg_jws_parse(tg_str(first.refresh), &arena, &jws), TG_OK);
    assert_int_equal(tg_json_parse(jws.payload, TG_JWS_MAX, 4, &claims, NULL), TG_OK);
    if (value != NULL) {
        json_object_set_new(claims, name, value);
    } else if (name != NULL) {
        assert_int_equal(json_object_del(claims, name), 0);
    }
    tg_buf_init_fixed(&buf, mem, sizeof(mem));
    assert_int_equal(tg_json_write(claims, &buf), TG_OK);
    life_sign(&l, typ, &buf, token);
    json_decref(claims);
    tg_arena_release(&arena);
    return life_parse(&l, token, &t);
}

static void forged_refresh_jwts(void **state) {
    static const char *const missing[] = {"sub", "jti", "exp", "iat", "client_id", "tg_fam", "tg_bucket"};
    static const char *const bad_buckets[] = {"",         "h",          "h:",   ":1",        "x:497223",
                                              "h497223",  "h:16777216", "h:-1", "h: 497223", "h:1x",
                                              "H:497223", "hh:497223",  "n:1",  "h:1e5",     "\xc3\xa4:1"};
    static const char *const bad_types[] = {"at+jwt", "JWT", "", "rt+jwtx", "x/rt+jwt", "application/at+jwt"};
    (void)state;
    assert_int_equal(verdict_of("rt+jwt", NULL, NULL), TG_TOKEN_OK);
    assert_int_equal(verdict_of("application/RT+jwt", NULL, NULL), TG_TOKEN_OK);
    for (size_t i = 0; i < COUNT(bad_types); i++) {
        assert_int_equal(verdict_of(bad_types[i], NULL, NULL), TG_TOKEN_TYPE);
    }
    for (size_t i = 0; i < COUNT(missing); i++) {
        assert_int_equal(verdict_of("rt+jwt", missing[i], NULL), TG_TOKEN_MALFORMED);
    }
    for (size_t i = 0; i < COUNT(bad_buckets); i++) {
        assert_int_not_equal(verdict_of("rt+jwt", "tg_bucket", json_string(bad_buckets[i])), TG_TOKEN_OK);
    }
    assert_int_equal(verdict_of("rt+jwt", "tg_bucket", json_integer(1)), TG_TOKEN_MALFORMED);
    assert_int_equal(verdict_of("rt+jwt", "tg_bucket", json_string("h:1")), TG_TOKEN_EXPIRED);
    assert_int_equal(verdict_of("rt+jwt", "exp", json_integer(START / 1000 - 10)), TG_TOKEN_EXPIRED);
    assert_int_equal(verdict_of("rt+jwt", "exp", json_integer(START / 1000 - 9)), TG_TOKEN_OK); /* the record decides */
    assert_int_equal(verdict_of("rt+jwt", "iss", json_string("https://evil.example.org/auth")), TG_TOKEN_ISSUER);
    assert_int_equal(verdict_of("rt+jwt", "aud", json_string("billing-key")), TG_TOKEN_AUDIENCE);
    assert_int_equal(verdict_of("rt+jwt", "tg_gen", json_string("99")), TG_TOKEN_GENERATION);
    assert_int_equal(verdict_of("rt+jwt", "jti", json_string("short")), TG_TOKEN_MALFORMED);
    l.row.revoked = true;
    assert_int_equal(verdict_of("rt+jwt", NULL, NULL), TG_TOKEN_KEY);
}

static const tg_key_t *no_key(void *ctx, size_t i) {
    (void)ctx;
    (void)i;
    return NULL;
}

static void cannot_be_decided(void **state) {
    tg_arena_t arena;
    tg_refresh_token_t t;
    (void)state;
    tg_arena_init(&arena, 65536);
    assert_int_equal(
        tg_refresh_token_parse(tg_str(first.refresh), &l.environment, &l.row, 1, no_key, NULL, l.now, &arena, &t),
        TG_TOKEN_UNAVAILABLE);
    tg_arena_release(&arena);
    tg_arena_init(&arena, 64);
    assert_int_equal(
        tg_refresh_token_parse(tg_str(first.refresh), &l.environment, &l.row, 1, life_key_of, &l, l.now, &arena, &t),
        TG_TOKEN_UNAVAILABLE);
    tg_arena_release(&arena);
}

/* ---- users ---- */

static void refresh_of_a_user(const char *what, bool refreshes) {
    life_answer_t mine;
    life_acquire_for(&l, 0, &l.user, NULL, &mine);
    assert_str(mine.pair.record.subject, "alice");
    if (strcmp(what, "other password") == 0) {
        l.user.live.generation++;
    } else if (strcmp(what, "disabled") == 0) {
        l.user.live.enabled = false;
    } else if (strcmp(what, "expired") == 0) {
        l.user.live.expires_at = l.now;
    } else if (strcmp(what, "gone") == 0) {
        l.user.live = (tg_live_client_t){0};
    } else if (strcmp(what, "of another project") == 0) {
        l.user.live.project_id++;
    } else if (strcmp(what, "an application key") == 0) {
        l.user.live.kind = TG_CLIENT_APPLICATION;
    }
    if (!refreshes) {
        expect_refused(0, mine.refresh, TG_OAUTH_INVALID_GRANT);
        assert_int_equal(b.action, TG_REFRESH_DENY);
        return;
    }
    life_refresh_now(&l, 0, mine.refresh, NULL, &b);
    assert_int_equal(b.error, TG_OAUTH_OK);
    assert_str(b.pair.record.subject, "alice");
    assert_true(b.pair.record.user_generation == l.user.live.generation);
    assert_true(b.pair.plan.user_generation == l.user.live.generation);
}

static void refresh_without_its_user(void **state) {
    static const char *const ends[] = {"other password", "disabled",           "expired",
                                       "gone",           "of another project", "an application key"};
    const life_client_t alice = l.user;
    (void)state;
    for (size_t i = 0; i < COUNT(ends); i++) {
        refresh_of_a_user(ends[i], false);
        l.user = alice;
        refresh_of_a_user("the same", true);
    }
}

/* Who forgets to ask for the user refuses. */
static void refresh_whose_user_was_not_asked_for(void **state) {
    tg_token_request_t req = {
        .grant = TG_GRANT_REFRESH, .client_id = l.clients[0].id, .refresh_token = tg_str(first.refresh)};
    tg_record_t r = first.pair.record;
    const tg_live_client_t *client = &l.clients[0].live;
    (void)state;
    assert_int_equal(tg_refresh_decide(&req, client, NULL, &l.policy, &r, ENVIRONMENT, 0, l.now).action,
                     TG_REFRESH_WRITE);
    r.user_generation = 1;
    assert_int_equal(tg_refresh_decide(&req, client, NULL, &l.policy, &r, ENVIRONMENT, 0, l.now).action,
                     TG_REFRESH_DENY);
}

/* ---- modes ---- */

static void refresh_by_settings_of_the_other_mode(void **state) {
    tg_token_request_t req = {
        .grant = TG_GRANT_REFRESH, .client_id = l.clients[0].id, .refresh_token = tg_str(first.refresh)};
    const tg_record_t *r = &first.pair.record;
    const tg_policy_t mine = l.policy;
    (void)state;
    life_turn_to_acl(&l);
    /* a credential of the same name does not go on with what the application key began */
    assert_int_equal(tg_refresh_decide(&req, &l.clients[0].live, NULL, &l.policy, r, ENVIRONMENT, 0, l.now).error,
                     TG_OAUTH_INVALID_GRANT);
    assert_int_equal(tg_refresh_decide(&req, &l.clients[0].live, NULL, &mine, r, ENVIRONMENT, 0, l.now).error,
                     TG_OAUTH_UNAUTHORIZED_CLIENT);
    l.clients[0].live.kind = TG_CLIENT_APPLICATION;
    assert_int_equal(tg_refresh_decide(&req, &l.clients[0].live, NULL, &l.policy, r, ENVIRONMENT, 0, l.now).error,
                     TG_OAUTH_UNAUTHORIZED_CLIENT);
}

#define OPAQUE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define JWT(test)                                                                                                      \
    { #test " jwt", test, setup_jwt, teardown, NULL }
#define BOTH(test) OPAQUE(test), JWT(test)

int main(void) {
    const struct CMUnitTest tests[] = {
        BOTH(old_refresh_token_after_grace_ends_the_family),
        BOTH(stolen_and_refreshed_first),
        BOTH(reuse_by_another_client_does_not_end_the_family),
        BOTH(expired_token_does_not_end_the_family),
        BOTH(used_up_token_does_not_end_the_family),
        BOTH(repeats_are_charged_once),
        BOTH(count_is_not_bought_back_by_parallel_refreshes),
        BOTH(refresh_token_of_another_client),
        BOTH(refresh_token_of_a_credential_of_the_same_name),
        BOTH(refresh_token_of_another_environment),
        BOTH(refresh_after_the_secret_was_changed),
        BOTH(refresh_after_all_tokens_were_ended),
        BOTH(refresh_of_a_disabled_or_unknown_client),
        BOTH(refresh_after_revocation),
        BOTH(refresh_that_crosses_a_revocation),
        BOTH(refresh_token_as_access_token),
        BOTH(access_token_as_refresh_token),
        JWT(jti_of_an_access_token_in_a_refresh_token),
        BOTH(token_of_the_other_type),
        OPAQUE(bucket_changed),
        BOTH(every_byte_changed),
        BOTH(scope_widened),
        BOTH(scope_where_none_was_granted),
        JWT(forged_refresh_jwts),
        JWT(cannot_be_decided),
        BOTH(refresh_without_its_user),
        BOTH(refresh_whose_user_was_not_asked_for),
        BOTH(refresh_by_settings_of_the_other_mode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
