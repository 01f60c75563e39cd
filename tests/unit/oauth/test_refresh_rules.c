/*
 * Random lives of families of tokens (acquire, refresh: repeated, in parallel, late, too often, with an answer that got
 * lost; use, revoke, another client, a user who goes, comes back or has another password, a clock that steps) against a
 * second description of the rules, written from the specification and not from the code: it knows moments and counts,
 * and no records, hashes or buckets.
 */
#include <stdlib.h>

#include "life.h"

#define STEPS     80
#define FAMILIES  8
#define GEN_MAX   8
#define GRACE     10000
#define ACCESS    60000
#define LIFE      180000
#define COUNT_MAX 3
#define NEVER     INT64_MIN

/* One acquisition or refresh. */
typedef struct {
    char access[TEXT_MAX], refresh[TEXT_MAX];
    tg_ms_t access_end, refresh_end;
    tg_ms_t refreshed_at, used_at; /* NEVER */
    const char *scope;
} gen_t;

typedef struct {
    gen_t gens[GEN_MAX];
    int n;
    int left;
    bool revoked;
    int64_t epoch;
    bool of_user;
    int password; /* of the user, when acquired: which one it was */
} family_t;

typedef struct {
    life_t life;
    tg_token_type_t type;
    bool rotation;
    family_t families[FAMILIES];
    int n;
    int password;   /* which one the user has now */
    bool user_gone; /* disabled or deleted */
    uint64_t seed, rng;
    int step;
} world_t;

static unsigned below(world_t *w, unsigned n) {
    w->rng ^= w->rng << 13;
    w->rng ^= w->rng >> 7;
    w->rng ^= w->rng << 17;
    return (unsigned)(w->rng >> 32) % n;
}

/* ---- the second description ---- */

typedef enum { REFUSED, WIDER, NEW, AGAIN, REUSED } outcome_t;

static const char *const outcome_names[] = {"refused", "wider", "new", "again", "reused"};

static bool scope_fits(const char *asked, const char *granted) {
    return asked == NULL || strcmp(asked, granted) == 0 ||
           (strcmp(granted, "read write") == 0 && (strcmp(asked, "read") == 0 || strcmp(asked, "write") == 0));
}

static bool user_is_well(const world_t *w, const family_t *f) {
    return !f->of_user || (!w->user_gone && f->password == w->password);
}

/* What presenting the refresh token of generation g must lead to, by its own client. */
static outcome_t expected(const world_t *w, const family_t *f, int g, const char *scope) {
    const gen_t *gen = &f->gens[g];
    tg_ms_t now = w->life.now;
    bool last = g == f->n - 1;
    bool retry = gen->refreshed_at != NEVER && now < gen->refreshed_at + GRACE;
    if (f->epoch < w->life.epoch || !user_is_well(w, f) || (last && f->revoked) ||
        (now >= gen->refresh_end && !retry)) {
        return REFUSED;
    }
    if (last) {
        return f->left == 0 ? REFUSED : scope_fits(scope, gen->scope) ? NEW : WIDER;
    }
    const gen_t *next = &f->gens[g + 1];
    if (next->used_at != NEVER && now >= next->used_at + GRACE) {
        return REUSED;
    }
    if (!scope_fits(scope, gen->scope)) {
        return WIDER;
    }
    return f->revoked && g + 1 == f->n - 1 ? REFUSED : AGAIN;
}

static tg_ms_t issued(const world_t *w) {
    return w->type == TG_TOKEN_JWT ? w->life.now - w->life.now % 1000 : w->life.now;
}

static void gen_add(world_t *w, family_t *f, const life_answer_t *a, const char *scope) {
    gen_t *gen = &f->gens[f->n++];
    assert_true(f->n <= GEN_MAX);
    snprintf(gen->access, TEXT_MAX, "%s", a->access);
    snprintf(gen->refresh, TEXT_MAX, "%s", a->refresh);
    gen->access_end = issued(w) + ACCESS;
    gen->refresh_end = issued(w) + LIFE;
    gen->refreshed_at = gen->used_at = NEVER;
    gen->scope = scope;
}

static void mark_used(const world_t *w, gen_t *gen) {
    if (gen->used_at == NEVER) {
        gen->used_at = w->life.now;
    }
}

/* Presenting a token that still counts is its first use. */
static void presented(const world_t *w, family_t *f, int g) {
    if (g == f->n - 1 && !f->revoked && f->epoch >= w->life.epoch && user_is_well(w, f) &&
        w->life.now < f->gens[g].refresh_end) {
        mark_used(w, &f->gens[g]);
    }
}

/* ---- one answer against it ---- */

static void assert_names_are_new(const world_t *w, const life_answer_t *a, bool refresh_too) {
    for (int i = 0; i < w->n; i++) {
        for (int g = 0; g < w->families[i].n; g++) {
            assert_string_not_equal(a->access, w->families[i].gens[g].access);
            assert_true(!refresh_too || strcmp(a->refresh, w->families[i].gens[g].refresh) != 0);
        }
    }
}

static void expect_answer(world_t *w, family_t *f, int g, const char *scope, const life_answer_t *a) {
    gen_t *gen = &f->gens[g];
    outcome_t e = expected(w, f, g, scope);
    outcome_t got = a->action == TG_REFRESH_FAMILY       ? REUSED
                    : a->error == TG_OAUTH_INVALID_SCOPE ? WIDER
                    : a->error != TG_OAUTH_OK            ? REFUSED
                    : a->action == TG_REFRESH_REPEAT     ? AGAIN
                                                         : NEW;
    if (e != got) {
        fail_msg("seed %llu, step %d, generation %d of %d: expected %s, got %s (%s)", (unsigned long long)w->seed,
                 w->step, g, f->n, outcome_names[e], outcome_names[got], a->why);
    }
    if (e == NEW) {
        assert_names_are_new(w, a, w->rotation);
        assert_true(f->left > 0);
        gen->refreshed_at = w->life.now;
        f->left--;
        gen_add(w, f, a, scope ? scope : gen->scope);
        if (!w->rotation) {
            assert_string_equal(a->refresh, gen->refresh);
        }
    } else if (e == AGAIN) {
        assert_string_equal(a->access, f->gens[g + 1].access);
        assert_string_equal(a->refresh, f->gens[g + 1].refresh);
    } else if (e == REUSED) {
        f->revoked = true;
    }
    if (got == REUSED || got == REFUSED) {
        assert_int_equal(a->error, TG_OAUTH_INVALID_GRANT);
    }
    assert_true(life_family_living(&w->life, a->pair.record.family) <= 1);
}

/* Which generation a presented token stands for: without rotation always the last. */
static int gen_of(const world_t *w, const family_t *f, int g) {
    return w->rotation ? g : f->n - 1;
}

/* ---- steps ---- */

static void step_acquire(world_t *w) {
    life_answer_t a = {0};
    if (w->n == FAMILIES) {
        return;
    }
    bool of_user = !w->user_gone && below(w, 2) == 0;
    life_acquire_for(&w->life, 0, of_user ? &w->life.user : NULL, "read write", &a);
    assert_names_are_new(w, &a, true);
    family_t *f = &w->families[w->n++];
    *f = (family_t){.left = COUNT_MAX, .epoch = w->life.epoch, .of_user = of_user, .password = w->password};
    gen_add(w, f, &a, "read write");
}

static const char *scope_draw(world_t *w) {
    static const char *const scopes[] = {NULL, NULL, NULL, NULL, "read write", "read", "write", "admin", "read admin"};
    return scopes[below(w, COUNT(scopes))];
}

/* Mostly a token near the end, which clients hold; sometimes an old one. An answer that was lost is one whose token the
 * client presents again: generations before the last are drawn for that as well. */
static int gen_draw(world_t *w, const family_t *f) {
    int back = below(w, 3) == 0 ? (int)below(w, (unsigned)f->n) : 0;
    return f->n - 1 - back;
}

static void step_refresh(world_t *w, family_t *f) {
    life_answer_t a;
    int g = gen_draw(w, f);
    const char *scope = scope_draw(w);
    presented(w, f, gen_of(w, f, g));
    life_refresh_now(&w->life, 0, f->gens[g].refresh, scope, &a);
    expect_answer(w, f, gen_of(w, f, g), scope, &a);
}

static void step_revoke(world_t *w, family_t *f) {
    tg_refresh_token_t t;
    if (life_parse(&w->life, f->gens[f->n - 1].refresh, &t) == TG_TOKEN_OK) {
        life_family_end(&w->life, life_find_refresh(&w->life, t.hash, t.bucket)->family);
        f->revoked = true;
    }
}

/* Two or three that have all read the store before the first of them writes. */
static void step_parallel(world_t *w, family_t *f) {
    static life_attempt_t x[3];
    static life_answer_t a[3];
    const char *scopes[3];
    int g = gen_draw(w, f), n = 2 + (int)below(w, 2);
    bool ended = below(w, 4) == 0;
    presented(w, f, gen_of(w, f, g));
    for (int i = 0; i < n; i++) {
        /* a refusal of the scope stands, whatever else would have come of it by now */
        scopes[i] = ended || !w->rotation ? NULL : scope_draw(w);
        life_begin(&w->life, 0, f->gens[g].refresh, scopes[i], &x[i]);
    }
    if (ended) { /* by a revocation between reading and writing */
        step_revoke(w, f);
    }
    for (int i = 0; i < n; i++) {
        life_finish(&w->life, &x[i], &a[i]);
        expect_answer(w, f, gen_of(w, f, g), scopes[i], &a[i]);
    }
}

static void step_other_client(world_t *w, family_t *f) {
    life_answer_t a;
    const life_t before = w->life;
    life_refresh_now(&w->life, 1, f->gens[gen_draw(w, f)].refresh, scope_draw(w), &a);
    assert_int_equal(a.error, TG_OAUTH_INVALID_GRANT);
    assert_int_equal(a.action, TG_REFRESH_DENY);
    assert_memory_equal(before.rows, w->life.rows, sizeof(before.rows)); /* and nothing came of it */
}

static void step_use(world_t *w, family_t *f) {
    int g = (int)below(w, (unsigned)f->n);
    bool last = g == f->n - 1, stale = f->epoch < w->life.epoch;
    tg_token_verdict_t v;
    if (w->type == TG_TOKEN_JWT) {
        tg_token_facts_t facts;
        assert_int_equal(life_prove_jwt(&w->life, f->gens[g].access, &facts), TG_TOKEN_OK);
        assert_int_equal(facts.expires_at, f->gens[g].access_end);
        assert_true(facts.has_family);
        return;
    }
    v = life_check(&w->life, f->gens[g].access, true);
    bool good = last && !f->revoked && !stale && user_is_well(w, f) && w->life.now < f->gens[g].access_end;
    if ((v == TG_TOKEN_OK) != good) {
        fail_msg("access token of generation %d of %d: %s", g, f->n, tg_token_verdict_name(v));
    }
    if (v != TG_TOKEN_UNKNOWN) { /* its bucket may be past: then nothing is looked up */
        mark_used(w, &f->gens[g]);
    }
}

static void step_user(world_t *w) {
    if (below(w, 3) == 0) {
        w->password++;
        w->life.user.live.generation++;
        return;
    }
    w->user_gone = !w->user_gone;
    if (below(w, 2) == 0) {
        w->life.user.live.enabled = w->life.user.live.exists = !w->user_gone;
    } else {
        w->life.user.live.enabled = !w->user_gone;
        w->life.user.live.exists = true;
    }
}

static void step_clock(world_t *w) {
    static const tg_ms_t steps[] = {1,     900,   1000,   5000,   9999,   10000, 10001,
                                    59000, 60000, 119999, 179999, 180000, 400000};
    tg_ms_t by = steps[below(w, COUNT(steps))] - (below(w, 2) ? 0 : 1);
    w->life.now += below(w, 6) == 0 ? -by : by;
}

static void step(world_t *w) {
    family_t *f = w->n > 0 ? &w->families[below(w, (unsigned)w->n)] : NULL;
    unsigned what = below(w, 100);
    if (f == NULL || what < 8) {
        step_acquire(w);
    } else if (what < 40) {
        step_refresh(w, f);
    } else if (what < 52) {
        step_parallel(w, f);
    } else if (what < 58) {
        step_other_client(w, f);
    } else if (what < 68) {
        step_use(w, f);
    } else if (what < 70) {
        step_revoke(w, f);
    } else if (what < 71) {
        w->life.epoch++; /* all tokens of the client are ended */
    } else if (what < 75) {
        step_user(w);
    } else {
        step_clock(w);
    }
}

/* Signatures cost much more than the rules do. */
static void run(tg_token_type_t type, bool rotation, bool acl) {
    world_t *w = calloc(1, sizeof(*w));
    uint64_t seeds = type == TG_TOKEN_JWT ? 25 : 200;
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        *w = (world_t){.type = type, .rotation = rotation, .seed = seed, .rng = seed * 0x9e3779b97f4a7c15u};
        life_init(&w->life, type);
        w->life.policy.token.refresh_rotation = rotation;
        if (acl) {
            life_turn_to_acl(&w->life);
        }
        for (w->step = 0; w->step < STEPS; w->step++) {
            step(w);
        }
        life_release(&w->life);
    }
    free(w);
}

static void opaque_with_rotation(void **state) {
    (void)state;
    run(TG_TOKEN_OPAQUE, true, false);
    run(TG_TOKEN_OPAQUE, true, true);
}

static void opaque_without_rotation(void **state) {
    (void)state;
    run(TG_TOKEN_OPAQUE, false, false);
    run(TG_TOKEN_OPAQUE, false, true);
}

static void jwt_with_rotation(void **state) {
    (void)state;
    run(TG_TOKEN_JWT, true, false);
    run(TG_TOKEN_JWT, true, true);
}

static void jwt_without_rotation(void **state) {
    (void)state;
    run(TG_TOKEN_JWT, false, false);
    run(TG_TOKEN_JWT, false, true);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opaque_with_rotation),
        cmocka_unit_test(opaque_without_rotation),
        cmocka_unit_test(jwt_with_rotation),
        cmocka_unit_test(jwt_without_rotation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
