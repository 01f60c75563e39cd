/* The early revocation list of the token store. */
#include "records.h"

static const char *const clients[] = {"c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "c9", "c10", "c11"};

static tg_revocation_t *list(fixture_t *f, int64_t environment_id, tg_ms_t now, size_t *n) {
    tg_revocation_t *rows;
    int64_t seq = -1;
    assert_ok(f->tokens->ops->revocation_list(f->tokens, environment_id, now, &f->arena, &rows, n, &seq));
    assert_int_equal(seq, change_head(f));
    return rows;
}

static size_t count(fixture_t *f, int64_t environment_id, tg_ms_t now) {
    size_t n;
    list(f, environment_id, now, &n);
    return n;
}

/* When an id of write_revocation stops to matter; -1: it is not on the list. */
static tg_ms_t until_of(fixture_t *f, int64_t environment_id, tg_ms_t now, unsigned number) {
    tg_write_t w = write_revocation(environment_id, "", number, 0, 0, 0);
    size_t n;
    tg_ms_t until = -1;
    tg_revocation_t *rows = list(f, environment_id, now, &n);
    for (size_t i = 0; i < n; i++) {
        if (memcmp(rows[i].id, w.revocation, 16) == 0) {
            assert_int_equal(until, -1); /* once */
            until = rows[i].until;
        }
    }
    return until;
}

static void the_list_holds_what_matters(void **state) {
    fixture_t *f = *state;
    assert_int_equal(count(f, 1, NOW), 0);
    assert_ok(write_one(f, write_revocation(1, "a", 1, NOW + 10, 100, NOW)));
    assert_ok(write_one(f, write_revocation(1, "a", 2, NOW + 20, 100, NOW)));
    assert_ok(write_one(f, write_revocation(1, "a", 3, 0, 100, NOW)));
    assert_ok(write_one(f, write_revocation(2, "a", 4, NOW + 10, 100, NOW)));
    assert_ok(write_one(f, write_revocation(2, "a", 1, NOW + 30, 100, NOW))); /* another environment: another entry */
    assert_int_equal(count(f, 1, NOW), 3);
    assert_int_equal(count(f, 2, NOW), 2);
    assert_int_equal(count(f, 3, NOW), 0);
    assert_int_equal(until_of(f, 1, NOW, 1), NOW + 10);
    assert_int_equal(until_of(f, 2, NOW, 1), NOW + 30);
    assert_int_equal(until_of(f, 1, NOW, 3), 0);
    assert_int_equal(count(f, 1, NOW + 9), 3);
    assert_int_equal(count(f, 1, NOW + 10), 2);
    assert_int_equal(count(f, 1, NOW + 20), 1);
    assert_int_equal(count(f, 1, INT64_MAX - 1), 1);
}

static void an_id_is_there_once_and_until_the_later_moment(void **state) {
    fixture_t *f = *state;
    const tg_ms_t never_again = 0;
    assert_ok(write_one(f, write_revocation(1, "a", 1, NOW + 10, 100, NOW)));
    assert_ok(write_one(f, write_revocation(1, "a", 1, NOW + 10, 100, NOW + 1)));
    assert_ok(write_one(f, write_revocation(1, "a", 1, NOW + 5, 100, NOW + 2)));
    assert_int_equal(change_head(f), 1);
    assert_int_equal(until_of(f, 1, NOW, 1), NOW + 10);
    assert_ok(write_one(f, write_revocation(1, "b", 1, NOW + 20, 100, NOW + 3)));
    assert_int_equal(until_of(f, 1, NOW, 1), NOW + 20);
    assert_ok(write_one(f, write_revocation(1, "a", 1, never_again, 100, NOW + 4)));
    assert_ok(write_one(f, write_revocation(1, "a", 1, NOW + 30, 100, NOW + 5)));
    assert_int_equal(until_of(f, 1, NOW, 1), 0);
    const tg_write_t w = write_revocation(1, "a", 1, 0, 0, 0);
    const tg_token_change_t *rows = changes_after(f, 0, 3);
    change_is(&rows[0], TG_TOKEN_CHANGE_REVOCATION, 1, w.revocation, 16, NOW + 10);
    change_is(&rows[1], TG_TOKEN_CHANGE_REVOCATION, 1, w.revocation, 16, NOW + 20);
    change_is(&rows[2], TG_TOKEN_CHANGE_REVOCATION, 1, w.revocation, 16, 0);
}

static void what_is_past_needs_no_entry(void **state) {
    fixture_t *f = *state;
    assert_ok(write_one(f, write_revocation(1, "a", 1, NOW, 100, NOW)));
    assert_ok(write_one(f, write_revocation(1, "a", 2, NOW - 1, 0, NOW))); /* not even room */
    assert_int_equal(count(f, 1, 0), 0);
    assert_int_equal(change_head(f), 0);
    /* one that was there and is past is new again */
    assert_ok(write_one(f, write_revocation(1, "a", 3, NOW + 1, 100, NOW)));
    assert_ok(write_one(f, write_revocation(1, "b", 3, NOW + 9, 100, NOW + 5)));
    assert_int_equal(until_of(f, 1, NOW + 5, 3), NOW + 9);
    assert_int_equal(change_head(f), 2);
}

/* Ids from `first` on, `n` of them, spread over so many clients; as a batch. How many were taken. */
static unsigned revoke_some(fixture_t *f, unsigned first, unsigned n, unsigned n_clients, tg_ms_t until,
                            int64_t capacity, tg_ms_t at) {
    tg_write_t *w = calloc(n, sizeof(*w));
    unsigned taken = 0;
    for (unsigned i = 0; i < n; i++) {
        w[i] = write_revocation(1, clients[i % n_clients], first + i, until, capacity, at);
    }
    assert_ok(f->tokens->ops->write_many(f->tokens, w, n, NULL));
    for (unsigned i = 0; i < n; i++) {
        assert_true(w[i].result == TG_OK || w[i].result == TG_ERR_LIMIT);
        taken += w[i].result == TG_OK;
    }
    free(w);
    return taken;
}

static void a_full_list_takes_no_more(void **state) {
    fixture_t *f = *state;
    assert_int_equal(revoke_some(f, 0, 24, 12, NOW + 10, 20, NOW), 20);
    assert_int_equal(count(f, 1, NOW), 20);
    assert_int_equal(change_head(f), 20);
    assert_int_equal(write_one(f, write_revocation(1, "new", 100, NOW + 10, 20, NOW + 9)), TG_ERR_LIMIT);
    assert_ok(write_one(f, write_revocation(2, "new", 100, NOW + 10, 20, NOW + 9))); /* another environment */
    assert_ok(write_one(f, write_revocation(1, "new", 0, NOW + 50, 20, NOW + 9)));   /* there already: it may stay */
    assert_int_equal(until_of(f, 1, NOW, 0), NOW + 50);
    assert_int_equal(write_one(f, write_revocation(1, "new", 100, NOW + 20, 20, NOW + 9)), TG_ERR_LIMIT);
    assert_ok(write_one(f, write_revocation(1, "new", 100, NOW + 20, 21, NOW + 9)));  /* more room */
    assert_ok(write_one(f, write_revocation(1, "new", 101, NOW + 20, 20, NOW + 10))); /* the others are past */
    assert_int_equal(count(f, 1, NOW + 10), 3);
    assert_int_equal(write_one(f, write_revocation(1, "none", 102, NOW + 20, 0, NOW + 10)), TG_ERR_LIMIT);
    assert_int_equal(write_one(f, write_revocation(1, "none", 102, NOW + 20, -5, NOW + 10)), TG_ERR_LIMIT);
}

static void a_client_has_a_tenth_of_it(void **state) {
    fixture_t *f = *state;
    assert_int_equal(revoke_some(f, 0, 10, 1, NOW + 10, 40, NOW), 4);
    assert_ok(write_one(f, write_revocation(1, "other", 100, NOW + 10, 40, NOW)));
    tg_write_t credential = write_revocation(1, "c0", 101, NOW + 10, 40, NOW);
    credential.client_kind = TG_CLIENT_CREDENTIAL; /* of the same name: another client */
    assert_ok(write_one(f, credential));
    assert_ok(write_one(f, write_revocation(1, "c0", 0, NOW + 99, 40, NOW)));
    assert_int_equal(write_one(f, write_revocation(1, "c0", 50, NOW + 10, 40, NOW + 9)), TG_ERR_LIMIT);
    /* what another client put there is on that one's account, however long it stays */
    assert_ok(write_one(f, write_revocation(1, "c0", 100, NOW + 20, 40, NOW)));
    /* three of its four are past */
    assert_int_equal(revoke_some(f, 200, 10, 1, NOW + 30, 40, NOW + 10), 3);
    assert_int_equal(write_one(f, write_revocation(1, "c0", 300, NOW + 30, 40, NOW + 29)), TG_ERR_LIMIT);
    assert_int_equal(revoke_some(f, 300, 10, 1, NOW + 40, 40, NOW + 30), 3);
}

static void a_small_list_has_one_place_for_each(void **state) {
    fixture_t *f = *state;
    assert_int_equal(revoke_some(f, 0, 24, 12, NOW + 10, 5, NOW), 5);
    assert_int_equal(revoke_some(f, 0, 5, 1, NOW + 10, 5, NOW), 5); /* all there already */
    assert_int_equal(write_one(f, write_revocation(1, "c0", 77, NOW + 10, 6, NOW)), TG_ERR_LIMIT);
    assert_ok(write_one(f, write_revocation(1, "c11", 77, NOW + 10, 6, NOW)));
}

/* More than are removed at a time. */
static void many_that_are_past_make_room(void **state) {
    fixture_t *f = *state;
    assert_int_equal(revoke_some(f, 0, 2400, 12, NOW + 10, 2000, NOW), 2000);
    assert_int_equal(revoke_some(f, 10000, 2400, 12, NOW + 20, 2000, NOW + 10), 2000);
    assert_int_equal(count(f, 1, NOW + 10), 2000);
    /* a smaller list needs more of them gone at once */
    assert_int_equal(revoke_some(f, 20000, 12, 12, NOW + 30, 10, NOW + 20), 10);
    assert_int_equal(count(f, 1, NOW + 20), 10);
}

static void past_entries_are_removed(void **state) {
    fixture_t *f = *state;
    int64_t dropped;
    assert_int_equal(revoke_some(f, 0, 1300, 12, NOW + 10, 5000, NOW), 1300);
    assert_int_equal(revoke_some(f, 10000, 1200, 12, NOW + 20, 5000, NOW), 1200);
    assert_ok(write_one(f, write_revocation(7, "a", 1, NOW + 10, 100, NOW)));
    assert_ok(write_one(f, write_revocation(7, "a", 2, 0, 100, NOW)));
    assert_ok(f->tokens->ops->buckets_drop(f->tokens, NOW + 9, &dropped));
    assert_int_equal(count(f, 1, 0), 2500);
    assert_ok(f->tokens->ops->buckets_drop(f->tokens, NOW + 10, &dropped));
    assert_int_equal(dropped, 0);           /* partitions */
    assert_int_equal(count(f, 1, 0), 1200); /* also for one whose clock is behind */
    assert_int_equal(count(f, 7, 0), 1);
    assert_ok(f->tokens->ops->buckets_drop(f->tokens, INT64_MAX - 1, &dropped));
    assert_int_equal(count(f, 1, 0), 0);
    assert_int_equal(count(f, 7, 0), 1);
    assert_int_equal(revoke_some(f, 0, 24, 12, NOW + 90, 20, NOW + 20), 20); /* their places are free */
}

/* Read the list, then the feed from its position: nothing is missed, nothing is there that the list does not know. */
static void the_feed_goes_on_where_the_list_ends(void **state) {
    fixture_t *f = *state;
    tg_revocation_t *rows;
    size_t n;
    int64_t seq;
    assert_int_equal(revoke_some(f, 0, 3, 3, NOW + 10, 100, NOW), 3);
    assert_ok(f->tokens->ops->revocation_list(f->tokens, 1, NOW, &f->arena, &rows, &n, &seq));
    assert_int_equal(n, 3);
    assert_ok(write_one(f, write_revocation(1, "a", 9, NOW + 10, 100, NOW)));
    const tg_write_t w = write_revocation(1, "a", 9, 0, 0, 0);
    change_is(changes_after(f, seq, 1), TG_TOKEN_CHANGE_REVOCATION, 1, w.revocation, 16, NOW + 10);
}

static void without_memory_there_is_no_list(void **state) {
    fixture_t *f = *state;
    tg_revocation_t *rows;
    size_t n;
    int64_t seq;
    tg_arena_t small;
    assert_int_equal(revoke_some(f, 0, 12, 12, NOW + 10, 100, NOW), 12);
    tg_arena_init(&small, 64);
    assert_int_equal(f->tokens->ops->revocation_list(f->tokens, 1, NOW, &small, &rows, &n, &seq), TG_ERR_NOMEM);
    tg_arena_release(&small);
}

static const struct CMUnitTest tests[] = {
    CONTRACT(the_list_holds_what_matters),          CONTRACT(an_id_is_there_once_and_until_the_later_moment),
    CONTRACT(what_is_past_needs_no_entry),          CONTRACT(a_full_list_takes_no_more),
    CONTRACT(a_client_has_a_tenth_of_it),           CONTRACT(a_small_list_has_one_place_for_each),
    CONTRACT(many_that_are_past_make_room),         CONTRACT(past_entries_are_removed),
    CONTRACT(the_feed_goes_on_where_the_list_ends), CONTRACT(without_memory_there_is_no_list),
};

CONTRACT_MAIN(tests, false)
