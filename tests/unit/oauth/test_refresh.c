/* Pairs of tokens and the refresh of them: what is written, told and derived. Attacks are in test_refresh_attacks.c,
 * the rules in random order in test_refresh_rules.c. */
#include "base/json.h"
#include "life.h"

static life_t l;
static life_answer_t first, a, b;

static int setup(void **state) {
    (void)state;
    life_init(&l, TG_TOKEN_OPAQUE);
    return 0;
}

static int setup_jwt(void **state) {
    (void)state;
    life_init(&l, TG_TOKEN_JWT);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    life_release(&l);
    return 0;
}

static void assert_bucket(tg_bucket_t bucket, tg_bucket_class_t cls, tg_ms_t at) {
    static const tg_ms_t spans[] = {TG_HOUR_MS, TG_DAY_MS, 30 * TG_DAY_MS};
    assert_int_equal(bucket.cls, cls);
    assert_int_equal(bucket.index, cls == TG_BUCKET_NEVER ? 0 : at / spans[cls]);
}

static json_t *claims_of(const char *token) {
    tg_arena_t arena;
    tg_jws_t jws;
    json_t *claims = NULL;
    tg_arena_init(&arena, 65536);
    assert_int_equal(tg_jws_parse(tg_str(token), &arena, &jws), TG_OK);
    assert_int_equal(tg_json_parse(jws.payload, TG_JWS_MAX, 4, &claims, NULL), TG_OK);
    tg_arena_release(&arena);
    return claims;
}

static int64_t claim_int(const char *token, const char *name) {
    int64_t value = -1;
    json_t *claims = claims_of(token);
    assert_true(tg_json_int(claims, name, &value));
    json_decref(claims);
    return value;
}

/* ---- acquire ---- */

static void acquired_opaque(void **state) {
    uint8_t hash[32];
    tg_opaque_kind_t kind;
    tg_bucket_t bucket;
    (void)state;
    life_acquire(&l, 0, "read write", &a);
    const tg_record_t *r = &a.pair.record;
    assert_true(a.pair.has_record && a.pair.has_refresh && r->has_refresh && !a.pair.same_refresh);
    assert_int_equal(tg_opaque_parse(tg_str(a.access), l.now, &kind, &bucket), TG_OK);
    assert_int_equal(kind, TG_OPAQUE_ACCESS);
    assert_int_equal(tg_opaque_parse(tg_str(a.refresh), l.now, &kind, &bucket), TG_OK);
    assert_int_equal(kind, TG_OPAQUE_REFRESH);
    assert_true(bucket_eq(bucket, r->bucket));
    assert_int_equal(tg_sha256(tg_str(a.access), hash), TG_OK);
    assert_memory_equal(hash, r->hash, sizeof(hash));
    assert_int_equal(tg_sha256(tg_str(a.refresh), hash), TG_OK);
    assert_memory_equal(hash, r->refresh_hash, sizeof(hash));
    assert_memory_not_equal(a.access + 9, a.refresh + 9, 40);
    assert_int_equal(r->environment_id, ENVIRONMENT);
    assert_int_equal(r->client_kind, TG_CLIENT_APPLICATION);
    assert_str(r->client_id, "orders-key");
    assert_str(r->subject, "orders-key");
    assert_str(r->scope, "read write");
    assert_true(r->generation == 99);
    assert_int_equal(r->issued_at, START);
    assert_int_equal(r->access_expires_at, START + 60000);
    assert_int_equal(r->refresh_expires_at, START + 180000);
    assert_int_equal(r->refresh_left, 3);
    assert_int_equal(r->refresh_used, 0);
    assert_false(r->has_predecessor || r->has_successor);
    assert_int_equal(r->ended_at, 0);
}

static void acquired_without_refresh(void **state) {
    (void)state;
    l.policy.token.refresh_allowed = false;
    life_acquire(&l, 0, NULL, &a);
    assert_true(a.pair.has_record);
    assert_false(a.pair.has_refresh || a.pair.record.has_refresh || a.pair.plan.has_scope);
    assert_string_equal(a.refresh, "");
    assert_int_equal(a.pair.record.refresh_expires_at, 0);
    assert_bucket(a.pair.record.bucket, TG_BUCKET_HOUR, START + 60000);
    assert_int_equal(life_check(&l, a.access, false), TG_TOKEN_OK);
    l.policy.token.never_expires = true;
    l.policy.token.refresh_allowed = true; /* the manager refuses it; no token that never ends is refreshed */
    l.policy.token.expires_in = 0;
    life_acquire(&l, 0, NULL, &a);
    assert_false(a.pair.has_refresh);
    assert_int_equal(a.pair.record.access_expires_at, 0);
    assert_bucket(a.pair.record.bucket, TG_BUCKET_NEVER, 0);
}

static void acquired_jwt(void **state) {
    tg_token_facts_t f;
    tg_refresh_token_t t;
    uint8_t hash[32];
    (void)state;
    life_acquire(&l, 0, "read", &a);
    assert_true(a.pair.has_record);
    assert_int_equal(life_prove_jwt(&l, a.access, &f), TG_TOKEN_OK);
    assert_memory_equal(f.jti, a.pair.jti, 16);
    assert_true(f.has_family);
    assert_memory_equal(f.family, a.pair.record.family, 16);
    assert_int_equal(f.issued_at, START - 123);
    assert_int_equal(f.expires_at, START - 123 + 60000);
    assert_int_equal(f.scope_len, 4);
    assert_int_equal(tg_jti_hash(TG_OPAQUE_ACCESS, f.jti, hash), TG_OK);
    assert_memory_equal(hash, a.pair.record.hash, 32);

    assert_int_equal(life_parse(&l, a.refresh, &t), TG_TOKEN_OK);
    assert_true(t.jwt);
    assert_memory_equal(t.jti, a.pair.refresh_jti, 16);
    assert_memory_equal(t.hash, a.pair.record.refresh_hash, 32);
    assert_true(bucket_eq(t.bucket, a.pair.record.bucket));
    assert_int_equal(t.expires_at, START - 123 + 180000);
    assert_true(t.token.n == strlen(a.refresh));
    assert_int_equal(a.pair.record.issued_at, START - 123);
    assert_int_equal(a.pair.record.refresh_expires_at, t.expires_at);

    l.policy.token.refresh_allowed = false;
    life_acquire(&l, 0, NULL, &a);
    assert_false(a.pair.has_record || a.pair.has_refresh);
    assert_int_equal(life_prove_jwt(&l, a.access, &f), TG_TOKEN_OK);
    assert_false(f.has_family);
}

static void names_in_the_store(void **state) {
    static const uint8_t jti[16] = "0123456789abcdef";
    uint8_t hash[32], expected[32];
    (void)state;
    assert_int_equal(tg_jti_hash(TG_OPAQUE_ACCESS, jti, hash), TG_OK);
    assert_int_equal(tg_sha256(TG_STR("at:0123456789abcdef"), expected), TG_OK);
    assert_memory_equal(hash, expected, 32);
    assert_int_equal(tg_jti_hash(TG_OPAQUE_REFRESH, jti, hash), TG_OK);
    assert_int_equal(tg_sha256(TG_STR("rt:0123456789abcdef"), expected), TG_OK);
    assert_memory_equal(hash, expected, 32);
}

static void claims_text(void **state) {
    static const uint8_t jti[16] = {0xfb, 0xff};
    tg_pair_t p = {.plan = {.type = TG_TOKEN_JWT,
                            .client_id = TG_STR("app"),
                            .subject = TG_STR("o\"k\\"),
                            .generation = 0x0123456789abcdefu},
                   .issued_at = (tg_ms_t)1790000000 * 1000,
                   .record = {.access_expires_at = (tg_ms_t)1790000060 * 1000, .bucket = {TG_BUCKET_DAY, 20717}},
                   .refresh_ends_at = (tg_ms_t)1790000180 * 1000};
    tg_buf_t buf;
    (void)state;
    memcpy(p.jti, jti, 16);
    memcpy(p.refresh_jti, jti, 16);
    tg_buf_init(&buf, 4096);
    tg_pair_claims_write(&p, TG_STR(ISSUER), &buf);
    assert_str(tg_buf_str(&buf), "{\"iss\":\"" ISSUER "\",\"sub\":\"o\\\"k\\\\\",\"aud\":\"app\",\"exp\":1790000060,"
                                 "\"iat\":1790000000,\"jti\":\"-_8AAAAAAAAAAAAAAAAAAA\",\"client_id\":\"app\","
                                 "\"tg_gen\":\"0123456789abcdef\"}");
    tg_buf_reset(&buf);
    p.has_refresh = p.plan.has_scope = true;
    p.plan.scope = TG_STR("read");
    p.record.access_expires_at = 0;
    p.plan.generation = 1;
    tg_pair_claims_write(&p, TG_STR(ISSUER), &buf);
    assert_str(tg_buf_str(&buf), "{\"iss\":\"" ISSUER "\",\"sub\":\"o\\\"k\\\\\",\"aud\":\"app\","
                                 "\"iat\":1790000000,\"jti\":\"-_8AAAAAAAAAAAAAAAAAAA\",\"client_id\":\"app\","
                                 "\"tg_gen\":\"0000000000000001\",\"scope\":\"read\","
                                 "\"tg_fam\":\"AAAAAAAAAAAAAAAAAAAAAA\"}");
    tg_buf_reset(&buf);
    tg_refresh_claims_write(&p, TG_STR(ISSUER), &buf);
    assert_str(tg_buf_str(&buf), "{\"iss\":\"" ISSUER "\",\"sub\":\"o\\\"k\\\\\",\"aud\":\"app\",\"exp\":1790000180,"
                                 "\"iat\":1790000000,\"jti\":\"-_8AAAAAAAAAAAAAAAAAAA\",\"client_id\":\"app\","
                                 "\"tg_gen\":\"0000000000000001\",\"tg_fam\":\"AAAAAAAAAAAAAAAAAAAAAA\","
                                 "\"tg_bucket\":\"d:20717\"}");
    tg_buf_release(&buf);
}

static void response_of(const tg_pair_t *p, tg_ms_t now, const char *expected) {
    tg_buf_t buf;
    tg_buf_init(&buf, 1024);
    tg_pair_response_write(p, &(tg_token_management_t){0}, TG_STR("api"), TG_STR("tga_x"), TG_STR("tgr_y"), now, &buf);
    assert_str(tg_buf_str(&buf), expected);
    tg_buf_release(&buf);
}

static void responses(void **state) {
    tg_pair_t p = {.issued_at = START, .record = {.access_expires_at = START + 60000}};
    (void)state;
    response_of(&p, START, "{\"access_token\":\"tga_x\",\"token_type\":\"Bearer\",\"expires_in\":60}");
    response_of(&p, START + 1, "{\"access_token\":\"tga_x\",\"token_type\":\"Bearer\",\"expires_in\":60}");
    p.has_refresh = true;
    response_of(&p, START + 1000,
                "{\"access_token\":\"tga_x\",\"token_type\":\"Bearer\",\"expires_in\":59,\"refresh_token\":\"tgr_y\"}");
    response_of(&p, START + 60000,
                "{\"access_token\":\"tga_x\",\"token_type\":\"Bearer\",\"expires_in\":0,\"refresh_token\":\"tgr_y\"}");
    p.has_refresh = false;
    p.record.access_expires_at = 0;
    p.plan.has_scope = true;
    response_of(&p, START, "{\"access_token\":\"tga_x\",\"token_type\":\"Bearer\",\"scope\":\"\"}");
    p.plan.scope = TG_STR("read");
    response_of(&p, START, "{\"access_token\":\"tga_x\",\"token_type\":\"Bearer\",\"scope\":\"read\"}");
}

/* A JWT counts in whole seconds from the one in which it is issued; the client is told the life of the settings. */
static void jwt_is_told_its_whole_life(void **state) {
    (void)state;
    for (int ms = 0; ms < 1000; ms += 111) {
        l.now = START - 123 + ms;
        life_acquire(&l, 0, NULL, &a);
        tg_buf_t buf;
        tg_buf_init(&buf, 4096);
        tg_pair_response_write(&a.pair, &(tg_token_management_t){0}, TG_STR("api"), TG_STR("x"), TG_STR("y"), l.now,
                               &buf);
        assert_non_null(memmem(buf.p, buf.n, "\"expires_in\":60,", 16));
        tg_buf_release(&buf);
    }
}

/* ---- buckets ---- */

static tg_bucket_t bucket_acquired(int64_t access_s, int64_t refresh_s, int64_t count, bool rotation) {
    l.policy.token.expires_in = access_s;
    l.policy.token.refresh_expires_in = refresh_s;
    l.policy.token.refresh_count = count;
    l.policy.token.refresh_rotation = rotation;
    life_acquire(&l, 0, NULL, &a);
    tg_opaque_kind_t kind;
    tg_bucket_t bucket;
    assert_int_equal(tg_opaque_parse(tg_str(a.refresh), l.now, &kind, &bucket), TG_OK);
    return bucket;
}

static void buckets(void **state) {
    const int64_t day = 86400, year = 365 * day;
    (void)state;
    assert_bucket(bucket_acquired(3600, 7200, 5, true), TG_BUCKET_HOUR, START + (7200 + 10) * 1000);
    assert_bucket(bucket_acquired(7200, 3600, 5, true), TG_BUCKET_HOUR, START + (7200 + 10) * 1000);
    assert_bucket(bucket_acquired(3600, 30 * day, 5, true), TG_BUCKET_DAY, START + (30 * day + 10) * 1000);
    assert_bucket(bucket_acquired(3600, 90 * day, 5, true), TG_BUCKET_MONTH, START + (90 * day + 10) * 1000);
    /* a token that goes on: as long as its family can */
    assert_bucket(bucket_acquired(3600, day, 9, false), TG_BUCKET_DAY, START + (10 * day + 10) * 1000);
    assert_bucket(bucket_acquired(5 * day, day, 9, false), TG_BUCKET_DAY, START + (14 * day + 10) * 1000);
    assert_bucket(bucket_acquired(3600, 30 * day, 9, false), TG_BUCKET_MONTH, START + (300 * day + 10) * 1000);
    /* farther than any bucket that is looked at */
    assert_bucket(bucket_acquired(3600, 100 * year, 1, true), TG_BUCKET_NEVER, 0);
    assert_bucket(bucket_acquired(3600, year, 100, false), TG_BUCKET_NEVER, 0);
    assert_bucket(bucket_acquired(100 * year, 100 * year, TG_REFRESH_COUNT_MAX, false), TG_BUCKET_NEVER, 0);
    l.policy.type = TG_TOKEN_JWT;
    life_acquire(&l, 0, NULL, &a);
    assert_true(a.pair.refresh_ends_at > START + 100 * year * TG_REFRESH_COUNT_MAX * 1000);
}

static void bucket_in_a_jwt(void **state) {
    static const struct {
        int64_t refresh_s;
        char letter;
    } cases[] = {{3600, 'h'}, {3 * 86400, 'd'}, {90 * 86400, 'm'}, {(int64_t)100 * 365 * 86400, 'n'}};
    tg_refresh_token_t t;
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        l.policy.token.refresh_expires_in = cases[i].refresh_s;
        life_acquire(&l, 0, NULL, &a);
        json_t *claims = claims_of(a.refresh);
        assert_int_equal(tg_json_str(claims, "tg_bucket").p[0], cases[i].letter);
        json_decref(claims);
        assert_int_equal(life_parse(&l, a.refresh, &t), TG_TOKEN_OK);
        assert_true(bucket_eq(t.bucket, a.pair.record.bucket));
    }
}

/* ---- refresh ---- */

static void succeeded(void **state) {
    (void)state;
    l.epoch = 5;
    life_acquire(&l, 0, "read write", &first);
    l.now += 100000;
    l.policy.token.expires_in = 30; /* what the policy says now */
    life_refresh_now(&l, 0, first.refresh, "write", &a);
    assert_int_equal(a.error, TG_OAUTH_OK);
    assert_int_equal(a.action, TG_REFRESH_WRITE);
    const tg_record_t *old = &first.pair.record, *r = &a.pair.record;
    assert_int_equal(r->issued_at, START + 100000);
    assert_int_equal(r->access_expires_at, START + 130000);
    assert_int_equal(r->refresh_expires_at, START + 280000);
    assert_int_equal(r->refresh_left, 2);
    assert_int_equal(r->refresh_used, 1);
    assert_int_equal(r->epoch, 5);
    assert_str(r->scope, "write");
    assert_memory_equal(r->family, old->family, 16);
    assert_true(r->has_predecessor);
    assert_memory_equal(r->predecessor, old->hash, 32);
    assert_true(bucket_eq(r->predecessor_bucket, old->bucket));
    assert_int_equal(life_check(&l, first.access, false), TG_TOKEN_ENDED);
    assert_int_equal(life_check(&l, a.access, false), TG_TOKEN_OK);
}

/* A scope that was resolved and is empty is another thing than none that was resolved. */
static void scope_resolved_or_not(void **state) {
    static const char *const scopes[] = {NULL, "", "read"};
    (void)state;
    for (size_t i = 0; i < COUNT(scopes); i++) {
        life_acquire(&l, 0, scopes[i], &first);
        life_refresh_now(&l, 0, first.refresh, NULL, &a);
        life_refresh_now(&l, 0, first.refresh, NULL, &b);
        assert_int_equal(b.action, TG_REFRESH_REPEAT);
        const tg_pair_t *pairs[] = {&first.pair, &a.pair, &b.pair};
        for (size_t j = 0; j < COUNT(pairs); j++) {
            assert_int_equal(pairs[j]->record.has_scope, scopes[i] != NULL);
            assert_int_equal(pairs[j]->plan.has_scope, scopes[i] != NULL);
            assert_str(pairs[j]->plan.scope, scopes[i] != NULL ? scopes[i] : "");
        }
        life_refresh_now(&l, 0, a.refresh, "admin", &b);
        assert_int_equal(b.error, TG_OAUTH_INVALID_SCOPE);
    }
    life_refresh_now(&l, 0, a.refresh, "read", &b);
    assert_true(b.pair.record.has_scope);
}

static void user_goes_on(void **state) {
    tg_token_facts_t f;
    (void)state;
    life_acquire_for(&l, 0, &l.user, "read", &first);
    life_refresh_now(&l, 0, first.refresh, NULL, &a);
    life_refresh_now(&l, 0, first.refresh, NULL, &b);
    assert_string_equal(a.refresh, b.refresh);
    const life_answer_t *answers[] = {&first, &a, &b};
    for (size_t i = 0; i < COUNT(answers); i++) {
        assert_true(answers[i]->pair.record.user_generation == 55 && answers[i]->pair.plan.user_generation == 55);
        assert_str(answers[i]->pair.record.subject, "alice");
        assert_str(answers[i]->pair.record.client_id, "orders-key");
        if (l.policy.type == TG_TOKEN_JWT) {
            assert_int_equal(life_prove_jwt(&l, answers[i]->access, &f), TG_TOKEN_OK);
            assert_true(f.user_generation == 55);
            assert_str(tg_strn(f.subject, f.subject_len), "alice");
        }
    }
    if (l.policy.type == TG_TOKEN_OPAQUE) {
        assert_int_equal(life_check(&l, a.access, false), TG_TOKEN_OK);
        l.user.live.generation++;
        assert_int_equal(life_check(&l, a.access, false), TG_TOKEN_USER);
    }
}

static void of_a_credential(void **state) {
    tg_token_facts_t f;
    (void)state;
    life_turn_to_acl(&l);
    life_acquire(&l, 0, "read", &first);
    life_refresh_now(&l, 0, first.refresh, NULL, &a);
    assert_int_equal(a.error, TG_OAUTH_OK);
    assert_int_equal(a.pair.record.client_kind, TG_CLIENT_CREDENTIAL);
    assert_int_equal(a.pair.plan.client_kind, TG_CLIENT_CREDENTIAL);
    if (l.policy.type == TG_TOKEN_JWT) {
        assert_int_equal(life_prove_jwt(&l, a.access, &f), TG_TOKEN_OK);
        assert_int_equal(f.client_kind, TG_CLIENT_CREDENTIAL);
    } else {
        assert_int_equal(life_check(&l, a.access, false), TG_TOKEN_OK);
    }
}

/* The pair comes of the token alone: neither when nor on which node it was asked for matters. */
static void derived_on_every_node(void **state) {
    static life_t other;
    static life_answer_t there;
    (void)state;
    life_acquire(&l, 0, NULL, &first);
    other = l;
    other.entropy = 77;
    l.now += 1000;
    other.now += 2000;
    life_refresh_now(&l, 0, first.refresh, NULL, &a);
    life_refresh_now(&other, 0, first.refresh, NULL, &there);
    assert_memory_equal(a.pair.access, there.pair.access, TG_OPAQUE_LEN);
    assert_memory_equal(a.pair.refresh, there.pair.refresh, TG_OPAQUE_LEN);
    assert_memory_equal(a.pair.jti, there.pair.jti, 16);
    assert_memory_equal(a.pair.refresh_jti, there.pair.refresh_jti, 16);
    static const uint8_t master[TG_KEY_LEN] = {8};
    other = l;
    other.n_rows = 1;
    other.rows[0] = first.pair.record;
    assert_int_equal(tg_keyring_init(&other.keyring, master), TG_OK);
    life_refresh_now(&other, 0, first.refresh, NULL, &there);
    assert_memory_not_equal(a.pair.record.hash, there.pair.record.hash, 32);
    assert_memory_not_equal(a.pair.record.refresh_hash, there.pair.record.refresh_hash, 32);
}

static void repeated(void **state) {
    (void)state;
    life_acquire(&l, 0, "read write", &first);
    l.now += 59000;
    life_refresh_now(&l, 0, first.refresh, "read", &a);
    l.now += 700;
    life_refresh_now(&l, 0, first.refresh, NULL, &b);
    assert_int_equal(b.action, TG_REFRESH_REPEAT);
    assert_string_equal(b.access, a.access);
    assert_string_equal(b.refresh, a.refresh);
    assert_str(b.pair.plan.scope, "read"); /* the answer says what the pair has */
    assert_int_equal(b.pair.plan.expires_in, 60);
    assert_false(b.pair.has_record);
    l.policy.token.expires_in = 5000; /* an edit in between changes nothing of what was given */
    l.policy.token.refresh_expires_in = 5000;
    life_refresh_now(&l, 0, first.refresh, NULL, &b);
    assert_string_equal(b.access, a.access);
    assert_string_equal(b.refresh, a.refresh);
    assert_int_equal(b.pair.record.access_expires_at, a.pair.record.access_expires_at);
    assert_int_equal(l.n_rows, 2);
}

static void repeated_jwt_has_the_same_dates(void **state) {
    (void)state;
    life_acquire(&l, 0, NULL, &first);
    l.now += 59700;
    life_refresh_now(&l, 0, first.refresh, NULL, &a);
    l.now += 5000;
    life_refresh_now(&l, 0, first.refresh, NULL, &b);
    assert_int_equal(b.action, TG_REFRESH_REPEAT);
    assert_string_equal(b.access, a.access); /* with an algorithm that signs alike each time */
    assert_string_equal(b.refresh, a.refresh);
    assert_int_equal(claim_int(b.access, "iat"), (START + 59700) / 1000);
    assert_int_equal(claim_int(b.access, "exp"), (START + 59700) / 1000 + 60);
    assert_int_equal(claim_int(b.refresh, "exp"), (START + 59700) / 1000 + 180);
}

/* Refreshed at the last moment, the answer lost: the client that repeats it at once has not lost its family. */
static void repeated_past_its_own_end(void **state) {
    (void)state;
    life_acquire(&l, 0, NULL, &first);
    l.now = first.pair.record.refresh_expires_at - 1;
    life_refresh_now(&l, 0, first.refresh, NULL, &a);
    assert_int_equal(a.error, TG_OAUTH_OK);
    l.now += TG_REFRESH_GRACE_MS - 1;
    life_refresh_now(&l, 0, first.refresh, NULL, &b);
    assert_string_equal(b.access, a.access);
    l.now++;
    life_refresh_now(&l, 0, first.refresh, NULL, &b);
    assert_int_equal(b.error, TG_OAUTH_INVALID_GRANT);
    assert_int_equal(b.action, TG_REFRESH_DENY);
    life_refresh_now(&l, 0, a.refresh, NULL, &b); /* it revoked nothing */
    assert_int_equal(b.error, TG_OAUTH_OK);
}

/* The same where a bucket ends with it: the record must still be asked for. */
static void repeated_past_the_end_of_an_hour(void **state) {
    (void)state;
    l.now = START - START % TG_HOUR_MS + TG_HOUR_MS - 180000;
    life_acquire(&l, 0, NULL, &first);
    l.now += 179000;
    life_refresh_now(&l, 0, first.refresh, NULL, &a);
    assert_int_equal(a.error, TG_OAUTH_OK);
    l.now += 5000;
    life_refresh_now(&l, 0, first.refresh, NULL, &b);
    assert_int_equal(b.error, TG_OAUTH_OK);
    assert_string_equal(b.access, a.access);
}

static void used_up(void **state) {
    (void)state;
    life_acquire(&l, 0, NULL, &a);
    for (int i = 0; i < 3; i++) {
        life_refresh_now(&l, 0, a.refresh, NULL, &b);
        assert_int_equal(b.error, TG_OAUTH_OK);
        assert_int_equal(b.pair.record.refresh_left, 2 - i);
        a = b;
    }
    life_refresh_now(&l, 0, a.refresh, NULL, &b);
    assert_int_equal(b.error, TG_OAUTH_INVALID_GRANT);
    assert_non_null(strstr(b.why, "used up"));
    assert_int_equal(life_family_living(&l, a.pair.record.family), 1);
    if (l.policy.type == TG_TOKEN_OPAQUE) {
        assert_int_equal(life_check(&l, a.access, false), TG_TOKEN_OK);
    }
}

/* token-api.md "Refresh": access 60 s, count 3, refresh lifetime 180 s gives at most 60 + (180-60) + 2*180 = 540 s. */
static void example_of_the_specification(void **state) {
    static const bool rotations[] = {true, false};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        int64_t late = l.policy.type == TG_TOKEN_JWT ? 1000 : 1; /* before the end */
        tg_ms_t begin = l.now = START - 123;
        l.policy.token.refresh_rotation = rotations[i];
        life_acquire(&l, 0, NULL, &a);
        for (int n = 1; n <= 3; n++) {
            l.now += 180000 - late;
            life_refresh_now(&l, 0, a.refresh, NULL, &b);
            assert_int_equal(b.error, TG_OAUTH_OK);
            a = b;
        }
        assert_true(l.now < begin + 540000 && l.now >= begin + 540000 - 3 * late);
        assert_int_equal(a.pair.record.access_expires_at, l.now + 60000);
        l.now = begin + 540000;
        life_refresh_now(&l, 0, a.refresh, NULL, &b);
        assert_int_equal(b.error, TG_OAUTH_INVALID_GRANT);
    }
}

/* ---- rotation off ---- */

static void same_token_goes_on(void **state) {
    (void)state;
    l.policy.token.refresh_rotation = false;
    life_acquire(&l, 0, NULL, &first);
    life_refresh_now(&l, 0, first.refresh, NULL, &a);
    life_refresh_now(&l, 0, first.refresh, NULL, &b); /* each refresh is one */
    assert_true(a.pair.same_refresh);
    assert_string_equal(a.refresh, first.refresh);
    assert_string_equal(b.refresh, first.refresh);
    assert_string_not_equal(a.access, b.access);
    assert_int_equal(b.pair.record.refresh_left, 1);
    assert_memory_equal(b.pair.record.refresh_hash, first.pair.record.refresh_hash, 32);
    assert_true(bucket_eq(b.pair.record.bucket, first.pair.record.bucket));
    if (l.policy.type == TG_TOKEN_JWT) {
        assert_int_equal(claim_int(first.refresh, "exp"), START / 1000 + 4 * 180);
        assert_int_equal(a.pair.refresh_ends_at, claim_int(first.refresh, "exp") * 1000);
    }
}

/* An edit of the policy asks for more than the token's bytes can say: it gives way to a derived one, and that can be
 * repeated as with rotation. */
static void token_that_cannot_go_on(void **state) {
    (void)state;
    l.policy.token.refresh_rotation = false;
    life_acquire(&l, 0, NULL, &first);
    l.policy.token.refresh_expires_in = 7200;
    life_refresh_now(&l, 0, first.refresh, NULL, &a);
    assert_int_equal(a.error, TG_OAUTH_OK);
    assert_false(a.pair.same_refresh);
    assert_string_not_equal(a.refresh, first.refresh);
    assert_int_equal(a.pair.record.refresh_left, 2);
    life_refresh_now(&l, 0, first.refresh, NULL, &b);
    assert_string_equal(b.refresh, a.refresh);
    assert_string_equal(b.access, a.access);
    life_refresh_now(&l, 0, a.refresh, NULL, &b);
    assert_int_equal(b.error, TG_OAUTH_OK);
}

/* From rotation to none: what is near its end by its own bytes is derived once more or goes on, never cut short. */
static void rotation_turned_off_and_on(void **state) {
    (void)state;
    life_acquire(&l, 0, NULL, &first);
    l.now += 1000;
    life_refresh_now(&l, 0, first.refresh, NULL, &a);
    l.policy.token.refresh_rotation = false;
    life_refresh_now(&l, 0, a.refresh, NULL, &b);
    assert_int_equal(b.error, TG_OAUTH_OK);
    assert_int_equal(b.pair.record.refresh_expires_at, b.pair.record.issued_at + 180000);
    assert_true(tg_bucket_end(b.pair.record.bucket) >= b.pair.record.refresh_expires_at);
    /* the very first token is still in its grace, and answers what it did */
    life_refresh_now(&l, 0, first.refresh, NULL, &first);
    assert_int_equal(first.error, TG_OAUTH_OK);
    assert_string_equal(first.refresh, a.refresh);
    assert_string_equal(first.access, a.access);
    l.policy.token.refresh_rotation = true;
    life_refresh_now(&l, 0, b.refresh, NULL, &a);
    assert_int_equal(a.error, TG_OAUTH_OK);
    assert_string_not_equal(a.refresh, b.refresh);
}

/* ---- decisions that no store is needed for ---- */

static void decide_on_nothing(void **state) {
    tg_token_request_t req = {.grant = TG_GRANT_REFRESH, .client_id = l.clients[0].id, .refresh_token = TG_STR("tgr_")};
    const tg_live_client_t *client = &l.clients[0].live;
    tg_record_t r;
    (void)state;
    life_acquire(&l, 0, NULL, &a);
    r = a.pair.record;
    assert_int_equal(tg_refresh_decide(&req, client, NULL, &l.policy, &r, ENVIRONMENT, 0, l.now).action,
                     TG_REFRESH_WRITE);
    tg_refresh_decision_t d = tg_refresh_decide(&req, client, NULL, &l.policy, NULL, ENVIRONMENT, 0, l.now);
    assert_int_equal(d.action, TG_REFRESH_DENY);
    assert_int_equal(d.error, TG_OAUTH_INVALID_GRANT);
    assert_false(d.used);
    d = tg_refresh_decide(&req, client, NULL, NULL, &r, ENVIRONMENT, 0, l.now);
    assert_int_equal(d.error, TG_OAUTH_UNAUTHORIZED_CLIENT);
    l.policy.token.refresh_allowed = false;
    d = tg_refresh_decide(&req, client, NULL, &l.policy, &r, ENVIRONMENT, 0, l.now);
    assert_int_equal(d.action, TG_REFRESH_DENY);
    assert_int_equal(d.error, TG_OAUTH_UNAUTHORIZED_CLIENT);
    l.policy.token.refresh_allowed = true;
    r.has_refresh = false;
    d = tg_refresh_decide(&req, client, NULL, &l.policy, &r, ENVIRONMENT, 0, l.now);
    assert_int_equal(d.error, TG_OAUTH_INVALID_GRANT);
}

static void family_on_the_list(void **state) {
    const tg_ms_t leeway = 300000;
    tg_record_t r = {.issued_at = START - 50000, .access_expires_at = START + 10000};
    (void)state;
    assert_int_equal(tg_family_until(&r, &l.policy, START), START + 60000 + leeway);
    l.policy.token.expires_in = 600;
    assert_int_equal(tg_family_until(&r, &l.policy, START), START + 600000 + leeway);
    l.policy.token.expires_in = 1;
    assert_int_equal(tg_family_until(&r, &l.policy, START), START + 60000 + leeway);
    assert_int_equal(tg_family_until(&r, NULL, START), START + 60000 + leeway);
}

static void broken_promises(void **state) {
    uint8_t random[64] = {0};
    tg_pair_t p;
    tg_refresh_token_t t;
    tg_token_request_t req = {.client_id = l.clients[0].id};
    tg_live_client_t client = l.clients[0].live;
    (void)state;
    life_acquire(&l, 0, NULL, &first);
    assert_int_equal(life_parse(&l, first.refresh, &t), TG_TOKEN_OK);
    tg_record_t old = first.pair.record;
    old.refresh_left = 0;
    assert_int_equal(tg_pair_succeed(&l.keyring, &t, &old, &req, &client, &l.policy, random, l.now, &p), TG_ERR_BUG);
    client.generation++;
    old.refresh_left = 1;
    assert_int_equal(tg_pair_succeed(&l.keyring, &t, &old, &req, &client, &l.policy, random, l.now, &p), TG_ERR_BUG);
    client.generation--;
    l.policy.token.refresh_expires_in = 0;
    assert_int_equal(tg_pair_succeed(&l.keyring, &t, &old, &req, &client, &l.policy, random, l.now, &p), TG_ERR_BUG);
    l.policy.token.refresh_expires_in = 180;
    /* a record that is no successor of this token is not answered as one */
    assert_int_equal(tg_pair_repeat(&l.keyring, &t, &old, &l.policy, &p), TG_ERR_BUG);
    tg_grant_plan_t plan = first.pair.plan;
    plan.subject = tg_strn(random, TG_SUBJECT_MAX + 1);
    assert_int_equal(tg_pair_acquire(&plan, &l.policy, ENVIRONMENT, random, random, l.now, &p), TG_ERR_LIMIT);
}

#define OPAQUE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define JWT(test)                                                                                                      \
    { #test " jwt", test, setup_jwt, teardown, NULL }

int main(void) {
    const struct CMUnitTest tests[] = {
        OPAQUE(acquired_opaque),
        OPAQUE(acquired_without_refresh),
        JWT(acquired_jwt),
        JWT(names_in_the_store),
        JWT(claims_text),
        OPAQUE(responses),
        JWT(jwt_is_told_its_whole_life),
        OPAQUE(buckets),
        JWT(bucket_in_a_jwt),
        OPAQUE(succeeded),
        OPAQUE(scope_resolved_or_not),
        JWT(scope_resolved_or_not),
        OPAQUE(user_goes_on),
        JWT(user_goes_on),
        OPAQUE(of_a_credential),
        JWT(of_a_credential),
        OPAQUE(derived_on_every_node),
        JWT(derived_on_every_node),
        OPAQUE(repeated),
        JWT(repeated),
        JWT(repeated_jwt_has_the_same_dates),
        OPAQUE(repeated_past_its_own_end),
        JWT(repeated_past_its_own_end),
        OPAQUE(repeated_past_the_end_of_an_hour),
        JWT(repeated_past_the_end_of_an_hour),
        OPAQUE(used_up),
        JWT(used_up),
        OPAQUE(example_of_the_specification),
        JWT(example_of_the_specification),
        OPAQUE(same_token_goes_on),
        JWT(same_token_goes_on),
        OPAQUE(token_that_cannot_go_on),
        JWT(token_that_cannot_go_on),
        OPAQUE(rotation_turned_off_and_on),
        JWT(rotation_turned_off_and_on),
        OPAQUE(decide_on_nothing),
        OPAQUE(family_on_the_list),
        OPAQUE(broken_promises),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
