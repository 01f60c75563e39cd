/* Batches of the token store: what each kind of write does beside others, and what the feed says of it. */
#include "records.h"

/* ---- batches ---- */

static void each_write_of_a_batch_has_its_own_result(void **state) {
    fixture_t *f = *state;
    tg_token_store_t *s = f->tokens;
    tg_record_t a = record_of(1, hour), successor = successor_of(&a, 2, day), late = successor_of(&a, 3, day),
                other = record_of(4, month), after = record_of(5, never), taken = successor_of(&other, 4, month);
    after.epoch = 0;
    other.family[0]++;
    other.environment_id = 8;
    const uint8_t unknown[32] = {0xee};
    tg_write_t w[] = {
        write_put(&a),                                          /* 0 */
        write_put(&a),                                          /* 1: there since 0 */
        write_refresh(&a, &successor, NOW + 1),                 /* 2: what 0 put */
        write_refresh(&a, &late, NOW + 2),                      /* 3: a tombstone since 2 */
        write_on(TG_WRITE_END, unknown, hour, NOW + 3),         /* 4 */
        write_on(TG_WRITE_END, successor.hash, next_hour, NOW), /* 5: another bucket */
        write_on(TG_WRITE_USED, a.hash, hour, NOW + 4),         /* 6 */
        write_on(TG_WRITE_USED, successor.hash, day, NOW + 4),  /* 7: no tombstone */
        write_epoch(3, "api-user", "me"),                       /* 8 */
        write_put(&after),                                      /* 9: in the epoch of 8 */
        write_revocation(3, "app", 1, NOW + 100, 1, NOW),       /* 10 */
        write_revocation(3, "app", 2, NOW + 100, 1, NOW),       /* 11: no room since 10 */
        write_put(&other),                                      /* 12 */
        write_refresh(&other, &taken, NOW + 5),                 /* 13: its own hash */
        write_family(successor.family, NOW + 6),                /* 14: successor and after */
        write_refresh(&successor, &late, NOW + 7),              /* 15: ended since 14 */
        write_on(TG_WRITE_END, other.hash, month, NOW + 8),     /* 16 */
        write_on(TG_WRITE_END, other.hash, month, NOW + 9),     /* 17: again */
    };
    static const tg_err_t expected[] = {
        TG_OK, TG_ERR_CONFLICT, TG_OK, TG_ERR_CONFLICT, TG_ERR_NOTFOUND, TG_ERR_NOTFOUND,
        TG_OK, TG_ERR_NOTFOUND, TG_OK, TG_OK,           TG_OK,           TG_ERR_LIMIT,
        TG_OK, TG_ERR_BUG,      TG_OK, TG_ERR_NOTFOUND, TG_OK,           TG_OK};
    w[9].epoch_from = &w[8];
    assert_ok(s->ops->write_many(s, w, 18, &f->arena));
    for (size_t i = 0; i < 18; i++) {
        if (w[i].result != expected[i]) {
            fail_msg("write %zu: %s", i, tg_err_name(w[i].result));
        }
        assert_true((w[i].existing != NULL) == (i == 3));
    }
    tg_record_t found, made[] = {a, successor, after, other};
    tombstone_of(&made[0], &successor, NOW + 1);
    same(w[3].existing, &made[0]); /* as it was then */
    made[0].successor_used_at = NOW + 4;
    made[1].ended_at = made[2].ended_at = NOW + 6;
    made[2].epoch = w[8].epoch;
    made[3].ended_at = NOW + 8;
    for (size_t i = 0; i < 4; i++) {
        found = get(f, made[i].hash, made[i].bucket);
        same(&found, &made[i]);
    }
    assert_int_equal(w[14].ended, 2);
    assert_int_equal(s->ops->record_find(s, late.hash, day, &f->arena, &found), TG_ERR_NOTFOUND);

    const tg_token_change_t *rows = changes_after(f, 0, 6);
    uint8_t epoch[8];
    tg_epoch_id_put(tg_epoch_id(TG_CLIENT_CREDENTIAL, TG_STR("api-user"), TG_STR("me")), epoch);
    ended_is(&rows[0], &a);
    change_is(&rows[1], TG_TOKEN_CHANGE_EPOCH, 3, epoch, 8, 0);
    change_is(&rows[2], TG_TOKEN_CHANGE_REVOCATION, 3, w[10].revocation, 16, NOW + 100);
    bool in_order = memcmp(rows[3].id.p, successor.hash, 32) == 0; /* of a family: in any order */
    ended_is(&rows[3], in_order ? &successor : &after);
    ended_is(&rows[4], in_order ? &after : &successor);
    ended_is(&rows[5], &other);
    assert_int_equal(rows[1].seq, w[8].epoch);
}

static void what_changes_nothing_is_not_told(void **state) {
    fixture_t *f = *state;
    tg_record_t a = record_of(1, hour), b = successor_of(&a, 2, hour), plain = record_of(3, hour);
    assert_ok(put(f->tokens, &a));
    assert_ok(put(f->tokens, &plain));
    assert_int_equal(change_head(f), 0); /* what begins does not end anything */
    assert_ok(write_one(f, write_on(TG_WRITE_END, plain.hash, hour, NOW)));
    assert_ok(write_one(f, write_refresh(&a, &b, NOW)));
    assert_int_equal(change_head(f), 2);
    assert_ok(write_one(f, write_on(TG_WRITE_USED, a.hash, hour, NOW)));
    assert_ok(write_one(f, write_on(TG_WRITE_END, plain.hash, hour, NOW)));
    assert_ok(write_one(f, write_on(TG_WRITE_END, a.hash, hour, NOW)));
    assert_int_equal(write_one(f, write_refresh(&a, &plain, NOW)), TG_ERR_CONFLICT);
    assert_int_equal(write_one(f, write_on(TG_WRITE_END, (const uint8_t[32]){7}, hour, NOW)), TG_ERR_NOTFOUND);
    assert_ok(write_one(f, write_family((const uint8_t[16]){7}, NOW)));
    assert_int_equal(change_head(f), 2);
    assert_ok(f->tokens->ops->write_many(f->tokens, NULL, 0, NULL));
}

/* One write of each kind that changes something; the last one is for the caller. */
#define MIX 8
typedef struct {
    tg_record_t old, ending, fresh, successor, member;
    tg_write_t w[MIX + 1];
} mix_t;

static void mix_prepare(fixture_t *f, mix_t *m) {
    m->old = record_of(1, hour);
    m->ending = record_of(2, day);
    m->member = record_of(3, month);
    m->fresh = record_of(4, (tg_bucket_t){TG_BUCKET_HOUR, 492790}); /* a partition that is not there yet */
    m->successor = next_of(&m->old, 5);
    m->old.family[0] = m->successor.family[0] = m->ending.family[0] = m->fresh.family[0] = 1;
    assert_ok(put(f->tokens, &m->old));
    assert_ok(put(f->tokens, &m->ending));
    assert_ok(put(f->tokens, &m->member));
    assert_ok(write_one(f, write_epoch(3, "c", "before")));
    assert_ok(write_one(f, write_revocation(3, "app", 1, NOW + 5, 1000, NOW)));
    const tg_write_t w[] = {write_put(&m->fresh),
                            write_refresh(&m->old, &m->successor, NOW),
                            write_on(TG_WRITE_END, m->ending.hash, day, NOW),
                            write_on(TG_WRITE_USED, m->old.hash, hour, NOW),
                            write_family(m->member.family, NOW),
                            write_epoch(3, "c", "u"),
                            write_revocation(3, "app", 2, NOW + 9, 1000, NOW),
                            write_revocation(3, "app", 1, NOW + 9, 1000, NOW)};
    memcpy(m->w, w, sizeof(w));
}

static void mix_left_nothing(fixture_t *f, const mix_t *m) {
    tg_token_store_t *s = f->tokens;
    tg_record_t found;
    tg_revocation_t *rows;
    size_t n;
    int64_t epoch, seq;
    assert_int_equal(s->ops->record_find(s, m->fresh.hash, m->fresh.bucket, &f->arena, &found), TG_ERR_NOTFOUND);
    assert_int_equal(s->ops->record_find(s, m->successor.hash, hour, &f->arena, &found), TG_ERR_NOTFOUND);
    assert_ok(s->ops->record_find_refresh(s, m->old.refresh_hash, hour, &f->arena, &found));
    same(&found, &m->old);
    found = get(f, m->ending.hash, day);
    same(&found, &m->ending);
    found = get(f, m->member.hash, month);
    same(&found, &m->member);
    assert_ok(s->ops->epoch_get(s, 3, TG_CLIENT_CREDENTIAL, TG_STR("c"), TG_STR("u"), &epoch));
    assert_int_equal(epoch, 0);
    assert_ok(s->ops->epoch_get(s, 3, TG_CLIENT_CREDENTIAL, TG_STR("c"), TG_STR("before"), &epoch));
    assert_int_equal(epoch, 1);
    assert_ok(s->ops->revocation_list(s, 3, NOW, &f->arena, &rows, &n, &seq));
    assert_int_equal(n, 1);
    assert_int_equal(rows[0].until, NOW + 5);
    assert_int_equal(seq, 2);
    assert_int_equal(change_head(f), 2);
}

static void mix_is_there(fixture_t *f, mix_t *m) {
    tg_record_t found;
    for (size_t i = 0; i < MIX; i++) {
        assert_ok(m->w[i].result);
    }
    found = get(f, m->fresh.hash, m->fresh.bucket);
    same(&found, &m->fresh);
    assert_ok(f->tokens->ops->record_find_refresh(f->tokens, m->old.refresh_hash, hour, &f->arena, &found));
    same(&found, &m->successor);
    tombstone_of(&m->old, &m->successor, NOW);
    m->old.successor_used_at = NOW;
    m->old.has_refresh = false;
    found = get(f, m->old.hash, hour);
    same(&found, &m->old);
    const tg_token_change_t *rows = changes_after(f, 2, 6);
    ended_is(&rows[0], &m->old);
    ended_is(&rows[1], &m->ending);
    ended_is(&rows[2], &m->member);
    assert_int_equal(rows[3].kind, TG_TOKEN_CHANGE_EPOCH);
    change_is(&rows[4], TG_TOKEN_CHANGE_REVOCATION, 3, m->w[6].revocation, 16, NOW + 9);
    change_is(&rows[5], TG_TOKEN_CHANGE_REVOCATION, 3, m->w[7].revocation, 16, NOW + 9);
}

static void a_batch_that_fails_leaves_nothing(void **state) {
    fixture_t *f = *state;
    tg_token_store_t *s = f->tokens;
    mix_t m;
    mix_prepare(f, &m);
    tg_record_t impossible = record_of(9, (tg_bucket_t){(tg_bucket_class_t)7, 1});
    const tg_write_t last[] = {write_put(&impossible), {.kind = (tg_write_kind_t)77}, {.kind = (tg_write_kind_t)0}};
    for (size_t k = 0; k < 3; k++) {
        m.w[MIX] = last[k];
        assert_int_equal(s->ops->write_many(s, m.w, MIX + 1, &f->arena), TG_ERR_BUG);
        for (size_t i = 0; i <= MIX; i++) {
            assert_int_equal(m.w[i].result, TG_ERR_BUG);
            assert_null(m.w[i].existing);
        }
        mix_left_nothing(f, &m);
    }
    assert_ok(s->ops->write_many(s, m.w, MIX, &f->arena));
    mix_is_there(f, &m);
}

static void without_memory_a_batch_leaves_nothing(void **state) {
    fixture_t *f = *state;
    tg_token_store_t *s = f->tokens;
    mix_t m;
    mix_prepare(f, &m);
    for (long n = 0;; n++) {
        assert_true(n < 1000);
        tg_arena_t arena;
        tg_arena_init(&arena, 1u << 20);
        alloc_fail_after(n);
        tg_err_t err = s->ops->write_many(s, m.w, MIX, &arena);
        bool failed = alloc_failed();
        tg_arena_release(&arena);
        if (!failed) {
            assert_ok(err);
            break;
        }
        assert_int_equal(err, TG_ERR_NOMEM);
        mix_left_nothing(f, &m);
    }
    mix_is_there(f, &m);
}

static void a_large_batch_is_one_transaction(void **state) {
    fixture_t *f = *state;
    enum { N = 512 };
    tg_record_t *rows = calloc(N, sizeof(*rows));
    tg_write_t *w = calloc(N, sizeof(*w));
    for (unsigned i = 0; i < N; i++) {
        rows[i] = record_of(i, i % 2 == 0 ? hour : day);
        w[i] = write_put(&rows[i]);
    }
    assert_ok(f->tokens->ops->write_many(f->tokens, w, N, NULL));
    for (unsigned i = 0; i < N; i++) {
        assert_ok(w[i].result);
        tg_record_t found = get(f, rows[i].hash, rows[i].bucket);
        same(&found, &rows[i]);
        w[i] = write_on(TG_WRITE_END, rows[i].hash, rows[i].bucket, NOW);
    }
    assert_ok(f->tokens->ops->write_many(f->tokens, w, N, NULL));
    const tg_token_change_t *changes = changes_after(f, 0, N);
    for (unsigned i = 0; i < N; i++) {
        ended_is(&changes[i], &rows[i]); /* in the order of the batch */
    }
    free(rows);
    free(w);
}

/* ---- rotation off ---- */

static void the_refresh_token_goes_over_to_the_successor(void **state) {
    fixture_t *f = *state;
    tg_token_store_t *s = f->tokens;
    tg_record_t found, a = record_of(1, day), b = next_of(&a, 2), c = next_of(&b, 3);
    assert_ok(put(s, &a));
    assert_ok(write_one(f, write_refresh(&a, &b, NOW + 1)));
    tombstone_of(&a, &b, NOW + 1);
    a.has_refresh = false;
    found = get(f, a.hash, day);
    same(&found, &a);
    assert_ok(s->ops->record_find_refresh(s, b.refresh_hash, day, &f->arena, &found));
    same(&found, &b);
    assert_ok(write_one(f, write_refresh(&b, &c, NOW + 2)));
    assert_ok(s->ops->record_find_refresh(s, c.refresh_hash, day, &f->arena, &found));
    same(&found, &c);
    /* revoked by its refresh token: no more refreshes */
    tg_record_t d = next_of(&c, 4);
    assert_ok(write_one(f, write_on(TG_WRITE_END, c.hash, day, NOW + 3)));
    assert_int_equal(write_one(f, write_refresh(&c, &d, NOW + 4)), TG_ERR_NOTFOUND);
    const tg_token_change_t *rows = changes_after(f, 0, 3);
    ended_is(&rows[0], &a);
    ended_is(&rows[1], &b);
    ended_is(&rows[2], &c);
}

/* Two refreshes planned on the same record would be charged once. */
static void a_refresh_planned_on_an_older_record_is_planned_again(void **state) {
    fixture_t *f = *state;
    tg_token_store_t *s = f->tokens;
    tg_record_t found, a = record_of(1, day), b = next_of(&a, 2), stale = next_of(&a, 3);
    assert_ok(put(s, &a));
    assert_ok(write_one(f, write_refresh(&a, &b, NOW)));
    tg_write_t w = write_refresh(&a, &stale, NOW + 1);
    assert_ok(s->ops->write_many(s, &w, 1, &f->arena));
    assert_int_equal(w.result, TG_ERR_CONFLICT);
    same(w.existing, &b); /* it lives: plan on it */
    assert_int_equal(s->ops->record_find(s, stale.hash, day, &f->arena, &found), TG_ERR_NOTFOUND);
    assert_int_equal(change_head(f), 1);
    tg_record_t again = next_of(w.existing, 3);
    assert_int_equal(again.refresh_left, a.refresh_left - 2);
    assert_ok(write_one(f, write_refresh(&a, &again, NOW + 1)));
    /* a predecessor in another bucket is another record */
    tg_record_t elsewhere = next_of(&again, 4);
    elsewhere.predecessor_bucket = month;
    assert_int_equal(write_one(f, write_refresh(&again, &elsewhere, NOW + 2)), TG_ERR_CONFLICT);
    found = get(f, again.hash, day);
    same(&found, &again);
}

static void a_refresh_token_cannot_leave_its_bucket(void **state) {
    fixture_t *f = *state;
    tg_token_store_t *s = f->tokens;
    tg_record_t found, a = record_of(1, day), moved = next_of(&a, 2), taken = record_of(3, day), same_hash;
    moved.bucket = month;
    same_hash = next_of(&a, 3);
    assert_ok(put(s, &a));
    assert_ok(put(s, &taken));
    assert_int_equal(write_one(f, write_refresh(&a, &moved, NOW)), TG_ERR_BUG);
    assert_int_equal(write_one(f, write_refresh(&a, &same_hash, NOW)), TG_ERR_BUG);
    assert_ok(s->ops->record_find_refresh(s, a.refresh_hash, day, &f->arena, &found));
    same(&found, &a);
    assert_int_equal(s->ops->record_find(s, moved.hash, month, &f->arena, &found), TG_ERR_NOTFOUND);
    assert_int_equal(change_head(f), 0);
}

static void a_family_without_rotation_ends(void **state) {
    fixture_t *f = *state;
    tg_record_t a = record_of(1, day), b = next_of(&a, 2);
    assert_ok(put(f->tokens, &a));
    assert_ok(write_one(f, write_refresh(&a, &b, NOW)));
    int64_t ended;
    assert_ok(f->tokens->ops->family_end(f->tokens, a.family, NOW + 1, &ended));
    assert_int_equal(ended, 1);
    assert_int_equal(get(f, a.hash, day).ended_at, NOW);
    assert_int_equal(get(f, b.hash, day).ended_at, NOW + 1);
}

/* ---- epochs ---- */

static void a_record_can_be_of_the_epoch_that_its_batch_raised(void **state) {
    fixture_t *f = *state;
    tg_token_store_t *s = f->tokens;
    int64_t whole;
    assert_ok(s->ops->epoch_raise(s, 3, TG_CLIENT_CREDENTIAL, TG_STR("c"), TG_STR_NONE, &whole));
    tg_record_t before = record_of(1, hour), after = record_of(2, hour);
    before.epoch = whole;
    assert_ok(put(s, &before));
    tg_write_t w[] = {write_epoch(3, "c", "u"), write_put(&after)};
    w[1].epoch_from = &w[0];
    assert_ok(s->ops->write_many(s, w, 2, NULL));
    assert_ok(w[1].result);
    int64_t epoch = get(f, after.hash, hour).epoch;
    assert_int_equal(epoch, w[0].epoch);
    assert_int_equal(after.epoch, 4);                     /* the caller's record is as it was */
    assert_true(get(f, before.hash, hour).epoch < epoch); /* ended, */
    assert_true(epoch > whole);                           /* and this one lives */
    assert_int_equal(write_one(f, w[1]), TG_ERR_CONFLICT);
}

/* ---- the feed ---- */

static void the_feed_is_read_in_pieces(void **state) {
    fixture_t *f = *state;
    tg_token_store_t *s = f->tokens;
    tg_token_change_t *rows;
    size_t n;
    assert_ok(s->ops->change_read(s, 0, 10, &f->arena, &rows, &n));
    assert_int_equal(n, 0);
    assert_int_equal(change_head(f), 0);
    for (unsigned i = 0; i < 5; i++) {
        assert_ok(write_one(f, write_epoch(i, "c", "")));
    }
    assert_ok(s->ops->change_read(s, 1, 3, &f->arena, &rows, &n));
    assert_int_equal(n, 3);
    assert_int_equal(rows[0].seq, 2);
    assert_int_equal(rows[0].environment_id, 1);
    assert_int_equal(rows[2].seq, 4);
    assert_ok(s->ops->change_read(s, 5, 3, &f->arena, &rows, &n));
    assert_int_equal(n, 0);
    assert_int_equal(s->ops->change_read(s, 6, 3, &f->arena, &rows, &n), TG_ERR_LIMIT);
}

static void epochs_raise(fixture_t *f, unsigned n) {
    tg_write_t w[500];
    while (n > 0) {
        unsigned some = n < 500 ? n : 500;
        for (unsigned i = 0; i < some; i++) {
            w[i] = write_epoch(1, "c", "u");
        }
        assert_ok(f->tokens->ops->write_many(f->tokens, w, some, NULL));
        n -= some;
    }
}

static void drop_at(fixture_t *f, tg_ms_t now) {
    int64_t dropped;
    assert_ok(f->tokens->ops->buckets_drop(f->tokens, now, &dropped));
}

static void the_feed_is_pruned_after_an_hour(void **state) {
    fixture_t *f = *state;
    tg_token_store_t *s = f->tokens;
    tg_token_change_t *rows;
    size_t n;
    drop_at(f, NOW); /* nothing to mark yet */
    epochs_raise(f, 10000);
    drop_at(f, NOW + 1000);
    epochs_raise(f, 5);
    drop_at(f, NOW + 1000 + TG_HOUR_MS - 1);
    assert_ok(s->ops->change_read(s, 0, 1, &f->arena, &rows, &n));
    assert_int_equal(n, 1);
    drop_at(f, NOW + 1000 + TG_HOUR_MS);
    assert_int_equal(s->ops->change_read(s, 0, 1, &f->arena, &rows, &n), TG_ERR_LIMIT);
    assert_int_equal(s->ops->change_read(s, 9999, 1, &f->arena, &rows, &n), TG_ERR_LIMIT);
    changes_after(f, 10000, 5);
    drop_at(f, NOW + 3 * TG_HOUR_MS);
    assert_int_equal(s->ops->change_read(s, 10000, 1, &f->arena, &rows, &n), TG_ERR_LIMIT);
    changes_after(f, 10005, 0); /* the head stays */
    epochs_raise(f, 1);
    changes_after(f, 10005, 1);
}

/* A node whose clock was far ahead must not keep the feed from being pruned. */
static void a_mark_of_the_future_stops_no_pruning(void **state) {
    fixture_t *f = *state;
    tg_token_change_t *rows;
    size_t n;
    epochs_raise(f, 1);
    drop_at(f, NOW + 365 * TG_DAY_MS);
    epochs_raise(f, 1);
    drop_at(f, NOW);
    drop_at(f, NOW + TG_HOUR_MS);
    assert_int_equal(f->tokens->ops->change_read(f->tokens, 1, 1, &f->arena, &rows, &n), TG_ERR_LIMIT);
    changes_after(f, 2, 0);
}

static const struct CMUnitTest tests[] = {
    CONTRACT(each_write_of_a_batch_has_its_own_result),
    CONTRACT(what_changes_nothing_is_not_told),
    CONTRACT(a_batch_that_fails_leaves_nothing),
    CONTRACT(without_memory_a_batch_leaves_nothing),
    CONTRACT(a_large_batch_is_one_transaction),
    CONTRACT(the_refresh_token_goes_over_to_the_successor),
    CONTRACT(a_refresh_planned_on_an_older_record_is_planned_again),
    CONTRACT(a_refresh_token_cannot_leave_its_bucket),
    CONTRACT(a_family_without_rotation_ends),
    CONTRACT(a_record_can_be_of_the_epoch_that_its_batch_raised),
    CONTRACT(the_feed_is_read_in_pieces),
    CONTRACT(the_feed_is_pruned_after_an_hour),
    CONTRACT(a_mark_of_the_future_stops_no_pruning),
};

CONTRACT_MAIN(tests, false)
