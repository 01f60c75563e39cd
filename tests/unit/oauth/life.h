/*
 * The life of tokens in small: one environment, two clients, one user of theirs, a store of a few lines, and the way of
 * a request through the rules as a gateway takes it. A refresh is taken in two steps, so that others can come in
 * between.
 */
#ifndef TG_TEST_OAUTH_LIFE_H
#define TG_TEST_OAUTH_LIFE_H

#include "keyring/keyring.h"
#include "oauth/refresh.h"
#include "tests.h"

#define ISSUER      "https://gw.example.org/auth"
#define ACL_ISSUER  "https://gw.example.org/credential"
#define START       ((tg_ms_t)1790000000 * 1000 + 123)
#define ENVIRONMENT 4
#define ROWS_MAX    64
#define TEXT_MAX    1536

typedef struct {
    tg_str_t id;
    tg_live_client_t live;
} life_client_t;

typedef struct {
    tg_keyring_t keyring;
    tg_key_t *key;
    tg_signing_key_t row;
    tg_environment_t environment;
    tg_policy_t policy;
    life_client_t clients[2];
    life_client_t user; /* a credential of their project */
    int64_t epoch;
    tg_ms_t now;
    uint64_t entropy;
    tg_record_t rows[ROWS_MAX];
    size_t n_rows;
} life_t;

typedef struct {
    tg_oauth_error_t error;
    const char *why;
    tg_refresh_action_t action; /* the last one */
    char access[TEXT_MAX];
    char refresh[TEXT_MAX];
    tg_pair_t pair;
} life_answer_t;

typedef struct {
    int client;
    char token[TEXT_MAX];
    tg_token_request_t req;
    tg_refresh_token_t presented;
    bool understood;
    tg_refresh_decision_t decision;
    tg_record_t found;
    tg_pair_t pair;
} life_attempt_t;

static inline void life_init(life_t *l, tg_token_type_t type) {
    static const uint8_t master[TG_KEY_LEN] = {7};
    *l = (life_t){.now = START, .entropy = 1};
    assert_int_equal(tg_keyring_init(&l->keyring, master), TG_OK);
    assert_int_equal(tg_key_generate(TG_ALG_EDDSA, &l->key), TG_OK);
    l->row = (tg_signing_key_t){.kid = tg_key_kid(l->key), .alg = TG_STR("EdDSA"), .activate_at = 1};
    l->environment = (tg_environment_t){.access_url = TG_STR("https://gw.example.org")};
    l->policy = (tg_policy_t){.type = type,
                              .active = true,
                              .managed_from_policy = true,
                              .token = {.grant = TG_GRANT_CLIENT_CREDENTIALS,
                                        .expires_in = 60,
                                        .refresh_allowed = true,
                                        .refresh_count = 3,
                                        .refresh_expires_in = 180,
                                        .refresh_rotation = true,
                                        .jwt_algorithm = TG_STR("EdDSA")}};
    const tg_live_client_t live = {
        .exists = true, .enabled = true, .kind = TG_CLIENT_APPLICATION, .key_id = 7, .generation = 99, .project_id = 3};
    l->clients[0] = (life_client_t){TG_STR("orders-key"), live};
    l->clients[1] = (life_client_t){TG_STR("billing-key"), live};
    l->clients[1].live.key_id = 8;
    l->user = (life_client_t){TG_STR("alice"), live};
    l->user.live.kind = TG_CLIENT_CREDENTIAL;
    l->user.live.key_id = 9;
    l->user.live.generation = 55;
}

/* The clients are credentials now, and their settings their own. */
static inline void life_turn_to_acl(life_t *l) {
    const tg_token_settings_t settings = l->policy.token;
    tg_credential_policy_init(l->policy.type, &settings, &l->policy);
    for (size_t i = 0; i < COUNT(l->clients); i++) {
        l->clients[i].live.kind = TG_CLIENT_CREDENTIAL;
    }
}

static inline void life_release(life_t *l) {
    tg_keyring_release(&l->keyring);
    tg_key_free(l->key);
}

/* Not random at all, but never the same twice. */
static inline void life_random(life_t *l, uint8_t *out, size_t n) {
    for (size_t i = 0; i < n; i++) {
        l->entropy += 0x9e3779b97f4a7c15u;
        out[i] = (uint8_t)((l->entropy ^ l->entropy >> 29) * 0xbf58476d1ce4e5b9u >> 56);
    }
}

/* ---- the store, by the contract of token_store.h ---- */

static inline bool bucket_eq(tg_bucket_t a, tg_bucket_t b) {
    return a.cls == b.cls && a.index == b.index;
}

static inline tg_record_t *life_find(life_t *l, const uint8_t hash[32], tg_bucket_t bucket) {
    for (size_t i = 0; i < l->n_rows; i++) {
        if (bucket_eq(l->rows[i].bucket, bucket) && memcmp(l->rows[i].hash, hash, 32) == 0) {
            return &l->rows[i];
        }
    }
    return NULL;
}

static inline tg_record_t *life_find_refresh(life_t *l, const uint8_t hash[32], tg_bucket_t bucket) {
    for (size_t i = 0; i < l->n_rows; i++) {
        tg_record_t *r = &l->rows[i];
        if (r->has_refresh && bucket_eq(r->bucket, bucket) && memcmp(r->refresh_hash, hash, 32) == 0) {
            return r;
        }
    }
    return NULL;
}

static inline void life_put(life_t *l, const tg_record_t *r) {
    assert_null(life_find(l, r->hash, r->bucket));
    assert_true(!r->has_refresh || life_find_refresh(l, r->refresh_hash, r->bucket) == NULL);
    assert_true(l->n_rows < ROWS_MAX);
    l->rows[l->n_rows++] = *r;
}

static inline tg_err_t life_refresh(life_t *l, const tg_refresh_token_t *t, const tg_record_t *successor) {
    tg_record_t *old = life_find_refresh(l, t->hash, t->bucket);
    if (old == NULL || (old->ended_at != 0 && !old->has_successor)) {
        return TG_ERR_NOTFOUND;
    }
    if (old->ended_at != 0 || memcmp(old->hash, successor->predecessor, 32) != 0) {
        return TG_ERR_CONFLICT;
    }
    if (memcmp(successor->refresh_hash, t->hash, 32) == 0) {
        assert_true(bucket_eq(successor->bucket, t->bucket));
        old->has_refresh = false;
    }
    old->ended_at = l->now;
    old->has_successor = true;
    memcpy(old->successor, successor->hash, 32);
    old->successor_bucket = successor->bucket;
    life_put(l, successor);
    return TG_OK;
}

static inline void life_used(life_t *l, const tg_record_t *r) {
    tg_record_t *tombstone = life_find(l, r->predecessor, r->predecessor_bucket);
    assert_non_null(tombstone);
    assert_true(tombstone->has_successor);
    if (tombstone->successor_used_at == 0) {
        tombstone->successor_used_at = l->now;
    }
}

static inline void life_family_end(life_t *l, const uint8_t family[TG_FAMILY_LEN]) {
    for (size_t i = 0; i < l->n_rows; i++) {
        if (l->rows[i].ended_at == 0 && memcmp(l->rows[i].family, family, TG_FAMILY_LEN) == 0) {
            l->rows[i].ended_at = l->now;
        }
    }
}

static inline size_t life_family_living(const life_t *l, const uint8_t family[TG_FAMILY_LEN]) {
    size_t n = 0;
    for (size_t i = 0; i < l->n_rows; i++) {
        n += l->rows[i].ended_at == 0 && memcmp(l->rows[i].family, family, TG_FAMILY_LEN) == 0;
    }
    return n;
}

/* ---- answers ---- */

static inline void life_sign(const life_t *l, const char *typ, const tg_buf_t *claims, char *out) {
    tg_buf_t token;
    tg_buf_init_fixed(&token, out, TEXT_MAX - 1);
    assert_int_equal(claims->err, TG_OK);
    assert_int_equal(tg_jws_sign(l->key, tg_str(typ), tg_buf_str(claims), &token), TG_OK);
    out[token.n] = '\0';
}

static inline void life_answer(const life_t *l, const char *presented, const tg_pair_t *p, life_answer_t *out) {
    char mem[2048];
    tg_buf_t claims;
    *out = (life_answer_t){.action = out->action, .pair = *p};
    if (p->plan.type == TG_TOKEN_OPAQUE) {
        memcpy(out->access, p->access, TG_OPAQUE_LEN);
        memcpy(out->refresh, p->refresh, p->has_refresh ? TG_OPAQUE_LEN : 0);
        return;
    }
    tg_str_t issuer = p->plan.client_kind == TG_CLIENT_CREDENTIAL ? TG_STR(ACL_ISSUER) : TG_STR(ISSUER);
    tg_buf_init_fixed(&claims, mem, sizeof(mem));
    tg_pair_claims_write(p, issuer, &claims);
    life_sign(l, "at+jwt", &claims, out->access);
    if (p->same_refresh) {
        snprintf(out->refresh, TEXT_MAX, "%s", presented);
    } else if (p->has_refresh) {
        tg_buf_reset(&claims);
        tg_refresh_claims_write(p, issuer, &claims);
        life_sign(l, "rt+jwt", &claims, out->refresh);
    }
}

static inline void life_refuse(tg_oauth_error_t e, const char *why, life_answer_t *out) {
    out->error = e;
    out->why = why;
    out->access[0] = out->refresh[0] = '\0';
}

/* scope NULL: not resolved; user NULL: client_credentials */
static inline void life_acquire_for(life_t *l, int client, const life_client_t *user, const char *scope,
                                    life_answer_t *out) {
    uint8_t random[64], family[TG_FAMILY_LEN];
    tg_pair_t pair;
    const tg_grant_plan_t plan = {.type = l->policy.type,
                                  .alg = TG_ALG_EDDSA,
                                  .client_kind = l->clients[client].live.kind,
                                  .client_id = l->clients[client].id,
                                  .subject = user != NULL ? user->id : l->clients[client].id,
                                  .user_generation = user != NULL ? user->live.generation : 0,
                                  .has_scope = scope != NULL,
                                  .scope = tg_str(scope),
                                  .generation = l->clients[client].live.generation,
                                  .expires_in = l->policy.token.expires_in};
    life_random(l, random, sizeof(random));
    life_random(l, family, sizeof(family));
    assert_int_equal(tg_pair_acquire(&plan, &l->policy, ENVIRONMENT, random, family, l->now, &pair), TG_OK);
    if (pair.has_record) {
        pair.record.epoch = l->epoch;
        life_put(l, &pair.record);
    }
    life_answer(l, "", &pair, out);
}

static inline void life_acquire(life_t *l, int client, const char *scope, life_answer_t *out) {
    life_acquire_for(l, client, NULL, scope, out);
}

static inline const tg_key_t *life_key_of(void *ctx, size_t i) {
    const life_t *l = ctx;
    assert_int_equal(i, 0);
    return l->key;
}

static inline tg_token_verdict_t life_parse(life_t *l, const char *token, tg_refresh_token_t *out) {
    tg_arena_t a;
    tg_arena_init(&a, 65536);
    tg_token_verdict_t v =
        tg_refresh_token_parse(tg_str(token), &l->environment, &l->row, 1, life_key_of, l, l->now, &a, out);
    tg_arena_release(&a);
    return v;
}

/* Reads the store and decides, on a copy of what stands there now. */
static inline void life_look(life_t *l, life_attempt_t *x) {
    const tg_live_client_t *client = &l->clients[x->client].live;
    const tg_record_t *r = life_find_refresh(l, x->presented.hash, x->presented.bucket);
    x->found = r != NULL ? *r : (tg_record_t){0};
    x->decision = tg_refresh_decide(&x->req, client, x->found.user_generation != 0 ? &l->user.live : NULL, &l->policy,
                                    r != NULL ? &x->found : NULL, ENVIRONMENT, l->epoch, l->now);
    if (x->decision.action == TG_REFRESH_WRITE) {
        uint8_t random[64];
        life_random(l, random, sizeof(random));
        assert_int_equal(tg_pair_succeed(&l->keyring, &x->presented, &x->found, &x->req, client, &l->policy, random,
                                         l->now, &x->pair),
                         TG_OK);
    }
}

static inline void life_begin(life_t *l, int client, const char *token, const char *scope, life_attempt_t *x) {
    static tg_form_pair_t grant = {{"grant_type", 10}, {"refresh_token", 13}};
    const char *why;
    tg_grant_plan_t plan;
    *x = (life_attempt_t){.client = client};
    snprintf(x->token, sizeof(x->token), "%s", token);
    x->req = (tg_token_request_t){.grant = TG_GRANT_REFRESH,
                                  .client_id = l->clients[client].id,
                                  .refresh_token = tg_str(x->token),
                                  .has_scope = scope != NULL,
                                  .scope = tg_str(scope),
                                  .form = {&grant, 1}};
    assert_int_equal(tg_grant_decide(TG_ENDPOINT_TOKEN, &x->req, &l->clients[client].live, &l->policy, &plan, &why),
                     TG_OAUTH_OK);
    x->understood = life_parse(l, x->token, &x->presented) == TG_TOKEN_OK;
    if (x->understood) {
        life_look(l, x);
    }
}

static inline void life_repeat(life_t *l, const life_attempt_t *x, life_answer_t *out) {
    tg_pair_t pair;
    const tg_record_t *successor = life_find(l, x->found.successor, x->found.successor_bucket);
    assert_non_null(successor);
    tg_err_t err = tg_pair_repeat(&l->keyring, &x->presented, successor, &l->policy, &pair);
    if (err == TG_ERR_NOTFOUND) {
        life_refuse(TG_OAUTH_INVALID_GRANT, "revoked", out);
        return;
    }
    assert_int_equal(err, TG_OK);
    life_answer(l, x->token, &pair, out);
}

static inline void life_finish(life_t *l, life_attempt_t *x, life_answer_t *out) {
    *out = (life_answer_t){.action = TG_REFRESH_DENY};
    if (!x->understood) {
        life_refuse(TG_OAUTH_INVALID_GRANT, "not understood", out);
        return;
    }
    for (int tries = 0; tries < 8; tries++, life_look(l, x)) {
        out->action = x->decision.action;
        if (x->decision.used) {
            life_used(l, &x->found);
        }
        switch (x->decision.action) {
        case TG_REFRESH_WRITE:
            if (life_refresh(l, &x->presented, &x->pair.record) == TG_OK) {
                life_answer(l, x->token, &x->pair, out);
                return;
            }
            continue; /* somebody was faster */
        case TG_REFRESH_REPEAT:
            life_repeat(l, x, out);
            return;
        case TG_REFRESH_FAMILY:
            life_family_end(l, x->found.family);
            life_refuse(x->decision.error, x->decision.why, out);
            return;
        default:
            life_refuse(x->decision.error, x->decision.why, out);
            return;
        }
    }
    fail_msg("no decision holds");
}

static inline void life_refresh_now(life_t *l, int client, const char *token, const char *scope, life_answer_t *out) {
    life_attempt_t x;
    life_begin(l, client, token, scope, &x);
    life_finish(l, &x, out);
}

/* ---- at the proxied API ---- */

/* Of an opaque access token: what the store says. `look`: a look-up counts as a use. */
static inline tg_token_verdict_t life_check(life_t *l, const char *access, bool look) {
    tg_opaque_kind_t kind;
    tg_bucket_t bucket;
    uint8_t hash[32];
    tg_token_facts_t f;
    const tg_deployed_proxy_t proxy = {.key_id = 7, .project_id = 3, .policy = &l->policy};
    const tg_access_t row = {.allowed = true};
    const tg_check_now_t at = {.environment_id = ENVIRONMENT, .epoch = l->epoch, .now = l->now};
    if (tg_opaque_parse(tg_str(access), l->now, &kind, &bucket) != TG_OK || kind != TG_OPAQUE_ACCESS) {
        return TG_TOKEN_UNKNOWN;
    }
    assert_int_equal(tg_sha256(tg_str(access), hash), TG_OK);
    const tg_record_t *r = life_find(l, hash, bucket);
    if (r == NULL) {
        return TG_TOKEN_UNKNOWN;
    }
    if (look && r->has_predecessor) {
        life_used(l, r);
    }
    assert_int_equal(tg_record_prove(r, &f), TG_TOKEN_OK);
    const tg_live_client_t *client = &l->clients[0].live, *user = f.user_generation != 0 ? &l->user.live : NULL;
    tg_token_verdict_t v = tg_token_alive(&f, client, user, &at);
    return v != TG_TOKEN_OK ? v : tg_token_opens(&f, &proxy, client, &row, 1, l->now);
}

static inline tg_token_verdict_t life_prove_jwt(life_t *l, const char *token, tg_token_facts_t *f) {
    tg_arena_t a;
    tg_arena_init(&a, 65536);
    tg_token_verdict_t v = tg_jwt_prove(tg_str(token), &l->environment, &l->row, 1, life_key_of, l, l->now, &a, f);
    tg_arena_release(&a);
    return v;
}

#endif
