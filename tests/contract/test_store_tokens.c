/* The token store: what each verb does, and each of its errors. */
#include "records.h"

#include <sqlite3.h>

/* ---- writing and finding ---- */

static void a_record_comes_back_as_it_was(void **state) {
    fixture_t *f = *state;
    tg_token_store_t *s = f->tokens;
    const tg_bucket_t buckets[] = {hour, day, month, never};
    for (unsigned i = 0; i < 4; i++) {
        tg_record_t found, r = record_of(i, buckets[i]), plain = record_of(100 + i, buckets[i]);
        plain.has_refresh = false;
        plain.scope = TG_STR_NONE;
        plain.has_scope = i % 2 == 0; /* resolved, to none; or not at all */
        plain.user_generation = 0;
        plain.access_expires_at = plain.refresh_expires_at = 0;
        assert_ok(put(s, &r));
        assert_ok(put(s, &plain));
        found = get(f, r.hash, buckets[i]);
        same(&found, &r);
        assert_ok(s->ops->record_find_refresh(s, r.refresh_hash, buckets[i], &f->arena, &found));
        same(&found, &r);
        found = get(f, plain.hash, buckets[i]);
        same(&found, &plain);
        assert_int_equal(s->ops->record_find_refresh(s, plain.refresh_hash, buckets[i], &f->arena, &found),
                         TG_ERR_NOTFOUND);
    }
}

static void longest_texts_fit(void **state) {
    fixture_t *f = *state;
    char subject[TG_SUBJECT_MAX], scope[TG_SCOPE_MAX], client_id[256];
    memset(subject, 's', sizeof(subject));
    memset(scope, 'c', sizeof(scope));
    memset(client_id, 'i', sizeof(client_id));
    tg_record_t r = record_of(1, hour);
    r.subject = tg_strn(subject, sizeof(subject));
    r.scope = tg_strn(scope, sizeof(scope));
    r.client_id = tg_strn(client_id, sizeof(client_id));
    assert_ok(put(f->tokens, &r));
    tg_record_t found = get(f, r.hash, hour);
    same(&found, &r);
    assert_ok(f->tokens->ops->record_end(f->tokens, r.hash, hour, NOW));
}

static void a_look_up_is_in_its_bucket_alone(void **state) {
    fixture_t *f = *state;
    tg_token_store_t *s = f->tokens;
    tg_record_t found, r = record_of(1, hour), other = record_of(1, day);
    other.epoch = 99;
    assert_ok(put(s, &r));
    const tg_bucket_t elsewhere[] = {next_hour,
                                     day,
                                     month,
                                     never,
                                     {(tg_bucket_class_t)4, 0},
                                     {(tg_bucket_class_t)15, 492777},
                                     {TG_BUCKET_DAY, 492777}};
    for (size_t i = 0; i < 7; i++) {
        assert_int_equal(s->ops->record_find(s, r.hash, elsewhere[i], &f->arena, &found), TG_ERR_NOTFOUND);
        assert_int_equal(s->ops->record_find_refresh(s, r.refresh_hash, elsewhere[i], &f->arena, &found),
                         TG_ERR_NOTFOUND);
    }
    assert_ok(put(s, &other)); /* the same hash in another bucket is another record */
    assert_int_equal(get(f, r.hash, hour).epoch, 4);
    assert_int_equal(get(f, r.hash, day).epoch, 99);
    assert_int_equal(s->ops->record_find(s, r.refresh_hash, hour, &f->arena, &found), TG_ERR_NOTFOUND);
    assert_int_equal(s->ops->record_find_refresh(s, r.hash, hour, &f->arena, &found), TG_ERR_NOTFOUND);
}

static void a_batch_tells_which_hashes_were_taken(void **state) {
    fixture_t *f = *state;
    tg_token_store_t *s = f->tokens;
    tg_record_t rows[6];
    const tg_record_t *list[6];
    tg_err_t results[6];
    tg_record_t before = record_of(2, hour);
    assert_ok(put(s, &before));
    for (unsigned i = 0; i < 6; i++) {
        rows[i] = record_of(i, i == 4 ? never : hour);
        rows[i].epoch = 50 + i;
        list[i] = &rows[i];
    }
    memcpy(rows[3].hash, rows[1].hash, 32);                 /* twice in the batch */
    memcpy(rows[5].refresh_hash, rows[0].refresh_hash, 32); /* the refresh token alone */
    assert_ok(s->ops->record_put(s, list, 6, results));
    const tg_err_t expected[] = {TG_OK, TG_OK, TG_ERR_CONFLICT, TG_ERR_CONFLICT, TG_OK, TG_ERR_CONFLICT};
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(results[i], expected[i]);
    }
    tg_record_t found = get(f, before.hash, hour);
    same(&found, &before);
    assert_int_equal(get(f, rows[1].hash, hour).epoch, 51);
    assert_int_equal(get(f, rows[4].hash, never).epoch, 54);
    assert_int_equal(s->ops->record_find(s, rows[5].hash, hour, &f->arena, &found), TG_ERR_NOTFOUND);
    assert_ok(s->ops->record_find_refresh(s, rows[0].refresh_hash, hour, &f->arena, &found));
    assert_memory_equal(found.hash, rows[0].hash, 32);
    assert_ok(s->ops->record_put(s, NULL, 0, NULL));
}

static void a_batch_with_an_impossible_bucket_writes_nothing(void **state) {
    fixture_t *f = *state;
    tg_token_store_t *s = f->tokens;
    tg_record_t found, good = record_of(1, hour), bad = record_of(2, (tg_bucket_t){(tg_bucket_class_t)7, 1});
    const tg_record_t *list[] = {&good, &bad};
    tg_err_t results[2];
    assert_int_equal(s->ops->record_put(s, list, 2, results), TG_ERR_BUG);
    assert_int_equal(s->ops->record_find(s, good.hash, hour, &f->arena, &found), TG_ERR_NOTFOUND);
    assert_ok(put(s, &good)); /* the table that was made with it is gone as well, and is made again */
    assert_int_equal(get(f, good.hash, hour).epoch, 4);
}

static void more_buckets_than_anyone_keeps_open(void **state) {
    fixture_t *f = *state;
    tg_token_store_t *s = f->tokens;
    for (unsigned i = 0; i < 150; i++) {
        tg_record_t r = record_of(i, (tg_bucket_t){TG_BUCKET_HOUR, 492000 + i});
        assert_ok(put(s, &r));
    }
    for (unsigned k = 0; k < 2; k++) {
        for (unsigned i = 0; i < 150; i++) {
            tg_record_t r = record_of(i, (tg_bucket_t){TG_BUCKET_HOUR, 492000 + i});
            tg_record_t found = get(f, r.hash, r.bucket);
            same(&found, &r);
        }
    }
}

/* ---- ending ---- */

static void a_record_ends_once(void **state) {
    fixture_t *f = *state;
    tg_token_store_t *s = f->tokens;
    tg_record_t r = record_of(1, hour), untouched = record_of(2, hour);
    assert_ok(put(s, &r));
    assert_ok(put(s, &untouched));
    assert_ok(s->ops->record_end(s, r.hash, hour, NOW + 7));
    assert_ok(s->ops->record_end(s, r.hash, hour, NOW + 8));
    tg_record_t found = get(f, r.hash, hour);
    assert_int_equal(found.ended_at, NOW + 7);
    assert_false(found.has_successor);
    assert_int_equal(get(f, untouched.hash, hour).ended_at, 0);
    assert_int_equal(s->ops->record_end(s, (const uint8_t[32]){9}, hour, NOW), TG_ERR_NOTFOUND);
    assert_int_equal(s->ops->record_end(s, r.hash, next_hour, NOW), TG_ERR_NOTFOUND);
}

/* ---- refresh ---- */

static void a_refresh_leaves_a_tombstone(void **state) {
    fixture_t *f = *state;
    tg_token_store_t *s = f->tokens;
    tg_record_t existing, found, r = record_of(1, hour), successor = record_of(2, day), third = record_of(3, day);
    assert_ok(put(s, &r));
    assert_ok(s->ops->record_refresh(s, r.refresh_hash, hour, &successor, NOW + 9, &f->arena, &existing));
    found = get(f, successor.hash, day);
    same(&found, &successor);
    r.ended_at = NOW + 9;
    r.has_successor = true;
    memcpy(r.successor, successor.hash, 32);
    r.successor_bucket = day;
    found = get(f, r.hash, hour);
    same(&found, &r);
    /* a repeat changes nothing and tells the tombstone */
    memset(&existing, 0, sizeof(existing));
    assert_int_equal(s->ops->record_refresh(s, r.refresh_hash, hour, &third, NOW + 10, &f->arena, &existing),
                     TG_ERR_CONFLICT);
    same(&existing, &r);
    assert_int_equal(s->ops->record_find(s, third.hash, day, &f->arena, &found), TG_ERR_NOTFOUND);
    /* the successor is refreshed in its turn */
    assert_ok(s->ops->record_refresh(s, successor.refresh_hash, day, &third, NOW + 11, &f->arena, &existing));
    found = get(f, third.hash, day);
    same(&found, &third);
    /* ending a tombstone changes nothing */
    assert_ok(s->ops->record_end(s, r.hash, hour, NOW + 12));
    found = get(f, r.hash, hour);
    same(&found, &r);
}

static void what_cannot_be_refreshed(void **state) {
    fixture_t *f = *state;
    tg_token_store_t *s = f->tokens;
    tg_record_t existing, found, revoked = record_of(1, hour), plain = record_of(2, hour),
                                 successor = record_of(9, next_hour);
    plain.has_refresh = false;
    assert_ok(put(s, &revoked));
    assert_ok(put(s, &plain));
    assert_ok(s->ops->record_end(s, revoked.hash, hour, NOW));
    assert_int_equal(s->ops->record_refresh(s, revoked.refresh_hash, hour, &successor, NOW, &f->arena, &existing),
                     TG_ERR_NOTFOUND);
    assert_int_equal(s->ops->record_refresh(s, plain.refresh_hash, hour, &successor, NOW, &f->arena, &existing),
                     TG_ERR_NOTFOUND);
    assert_int_equal(s->ops->record_refresh(s, revoked.refresh_hash, day, &successor, NOW, &f->arena, &existing),
                     TG_ERR_NOTFOUND);
    assert_int_equal(s->ops->record_find(s, successor.hash, next_hour, &f->arena, &found), TG_ERR_NOTFOUND);
}

static void a_successor_that_is_taken_changes_nothing(void **state) {
    fixture_t *f = *state;
    tg_token_store_t *s = f->tokens;
    tg_record_t existing, r = record_of(1, hour), taken = record_of(2, day), successor = record_of(3, day);
    assert_ok(put(s, &r));
    assert_ok(put(s, &taken));
    assert_int_equal(s->ops->record_refresh(s, r.refresh_hash, hour, &taken, NOW, &f->arena, &existing), TG_ERR_BUG);
    tg_record_t found = get(f, r.hash, hour);
    same(&found, &r);
    assert_ok(s->ops->record_refresh(s, r.refresh_hash, hour, &successor, NOW, &f->arena, &existing));
}

static void the_first_use_of_a_successor_is_noted_once(void **state) {
    fixture_t *f = *state;
    tg_token_store_t *s = f->tokens;
    tg_record_t existing, r = record_of(1, hour), successor = record_of(2, day);
    assert_ok(put(s, &r));
    assert_int_equal(s->ops->record_successor_used(s, r.hash, hour, NOW), TG_ERR_NOTFOUND);
    assert_ok(s->ops->record_refresh(s, r.refresh_hash, hour, &successor, NOW, &f->arena, &existing));
    assert_int_equal(get(f, r.hash, hour).successor_used_at, 0);
    assert_ok(s->ops->record_successor_used(s, r.hash, hour, NOW + 3));
    assert_ok(s->ops->record_successor_used(s, r.hash, hour, NOW + 4));
    assert_int_equal(get(f, r.hash, hour).successor_used_at, NOW + 3);
    assert_int_equal(s->ops->record_successor_used(s, successor.hash, day, NOW), TG_ERR_NOTFOUND);
    assert_int_equal(s->ops->record_successor_used(s, r.hash, never, NOW), TG_ERR_NOTFOUND);
}

static void a_family_ends_as_a_whole(void **state) {
    fixture_t *f = *state;
    tg_token_store_t *s = f->tokens;
    tg_record_t existing, a = record_of(1, hour), b = record_of(2, day), c = record_of(3, never),
                          other = record_of(4, hour), past = record_of(5, (tg_bucket_t){TG_BUCKET_HOUR, 10});
    int64_t ended = -1;
    other.family[15]++;
    assert_ok(put(s, &a));
    assert_ok(put(s, &c));
    assert_ok(put(s, &other));
    assert_ok(put(s, &past));
    assert_ok(s->ops->record_refresh(s, a.refresh_hash, hour, &b, NOW, &f->arena, &existing));
    assert_ok(s->ops->family_end(s, a.family, NOW + 5, &ended));
    assert_int_equal(ended, 2);
    assert_int_equal(get(f, a.hash, hour).ended_at, NOW); /* the tombstone stays as it is */
    assert_true(get(f, a.hash, hour).has_successor);
    assert_int_equal(get(f, b.hash, day).ended_at, NOW + 5);
    assert_int_equal(get(f, c.hash, never).ended_at, NOW + 5);
    assert_int_equal(get(f, other.hash, hour).ended_at, 0);
    assert_int_equal(get(f, past.hash, past.bucket).ended_at, 0);
    assert_int_equal(
        s->ops->record_refresh(s, b.refresh_hash, day, &(tg_record_t){.bucket = hour}, NOW, &f->arena, &existing),
        TG_ERR_NOTFOUND);
    assert_ok(s->ops->family_end(s, a.family, NOW + 6, &ended));
    assert_int_equal(ended, 0);
    assert_int_equal(get(f, b.hash, day).ended_at, NOW + 5);
}

/* ---- partitions ---- */

static void past_partitions_are_dropped_and_never_is_kept(void **state) {
    fixture_t *f = *state;
    tg_token_store_t *s = f->tokens, *other = tokens_open(f, false, 1000);
    const tg_bucket_t buckets[] = {hour, next_hour, day, month, never};
    tg_record_t found, rows[5];
    int64_t dropped = -1;
    for (unsigned i = 0; i < 5; i++) {
        rows[i] = record_of(i, buckets[i]);
        assert_ok(put(s, &rows[i]));
        assert_ok(
            other->ops->record_find(other, rows[i].hash, buckets[i], &f->arena, &found)); /* prepares its statements */
    }
    assert_ok(s->ops->buckets_drop(s, tg_bucket_end(hour) - 1, &dropped));
    assert_int_equal(dropped, 0);
    assert_ok(s->ops->buckets_drop(s, tg_bucket_end(hour), &dropped));
    assert_int_equal(dropped, 1);
    assert_int_equal(s->ops->record_find(s, rows[0].hash, hour, &f->arena, &found), TG_ERR_NOTFOUND);
    assert_int_equal(other->ops->record_find(other, rows[0].hash, hour, &f->arena, &found), TG_ERR_NOTFOUND);
    assert_int_equal(other->ops->record_end(other, rows[0].hash, hour, NOW), TG_ERR_NOTFOUND);
    assert_ok(other->ops->record_find(other, rows[1].hash, next_hour, &f->arena, &found));
    assert_ok(s->ops->buckets_drop(s, INT64_MAX - 1, &dropped));
    assert_int_equal(dropped, 3);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(other->ops->record_find(other, rows[i].hash, buckets[i], &f->arena, &found), TG_ERR_NOTFOUND);
    }
    assert_ok(other->ops->record_find(other, rows[4].hash, never, &f->arena, &found));
    assert_ok(put(other, &rows[1])); /* a bucket can come again */
    found = get(f, rows[1].hash, next_hour);
    same(&found, &rows[1]);
    other->ops->close(other);
}

/* ---- epochs ---- */

static int64_t epoch_of(fixture_t *f, int64_t environment, tg_client_kind_t kind, const char *client,
                        const char *subject) {
    int64_t epoch = -1;
    assert_ok(f->tokens->ops->epoch_get(f->tokens, environment, kind, tg_str(client), tg_str(subject), &epoch));
    return epoch;
}

static void epochs_are_raised_apart(void **state) {
    fixture_t *f = *state;
    tg_token_store_t *s = f->tokens;
    int64_t epoch = -1, first, whole;
    assert_int_equal(epoch_of(f, 1, TG_CLIENT_APPLICATION, "a", "u"), 0);
    assert_ok(s->ops->epoch_raise(s, 1, TG_CLIENT_APPLICATION, TG_STR("a"), TG_STR("u"), &epoch));
    assert_true(epoch > 0);
    assert_int_equal(epoch_of(f, 1, TG_CLIENT_APPLICATION, "a", "u"), epoch);
    assert_int_equal(epoch_of(f, 1, TG_CLIENT_APPLICATION, "a", ""), 0);
    first = epoch;
    assert_ok(s->ops->epoch_raise(s, 1, TG_CLIENT_APPLICATION, TG_STR("a"), TG_STR_NONE, &epoch));
    assert_true(epoch > first); /* ends what was issued under the subject's as well */
    whole = epoch;
    assert_int_equal(epoch_of(f, 1, TG_CLIENT_APPLICATION, "a", "u"), first);
    assert_int_equal(epoch_of(f, 1, TG_CLIENT_APPLICATION, "a", ""), whole);
    assert_ok(s->ops->epoch_raise(s, 1, TG_CLIENT_APPLICATION, TG_STR("a"), TG_STR("u"), &epoch));
    assert_true(epoch > whole); /* and the other way round */
    assert_int_equal(epoch_of(f, 1, TG_CLIENT_APPLICATION, "a", "u"), epoch);
    assert_int_equal(epoch_of(f, 1, TG_CLIENT_APPLICATION, "a", ""), whole);
    assert_int_equal(epoch_of(f, 2, TG_CLIENT_APPLICATION, "a", "u"), 0);
    assert_int_equal(epoch_of(f, 1, TG_CLIENT_CREDENTIAL, "a", "u"), 0);
    assert_int_equal(epoch_of(f, 1, TG_CLIENT_APPLICATION, "A", "u"), 0);
    assert_int_equal(epoch_of(f, 1, TG_CLIENT_APPLICATION, "au", ""), 0);
}

/* ---- nodes ---- */

static void nodes_are_listed_while_they_live(void **state) {
    fixture_t *f = *state;
    tg_token_store_t *s = f->tokens;
    tg_node_t *rows;
    size_t n;
    tg_node_worker_t workers[] = {{100, 7, TG_STR_NONE}, {101, 0, TG_STR("route \"x\" \\ \xc3\xa4")}};
    tg_node_t b = {TG_STR("node-b"),
                   1,
                   TG_STR("production"),
                   TG_STR("10.0.0.1:8080"),
                   TG_STR("0.1.0"),
                   NOW,
                   NOW + 10,
                   7,
                   workers,
                   2,
                   true,
                   5,
                   true};
    tg_node_t a = b, other = b;
    a.node_id = TG_STR("node-a");
    a.seen_at = NOW + 5;
    a.n_workers = 0;
    other.node_id = TG_STR("node-c");
    other.environment_id = 2;
    assert_ok(s->ops->node_put(s, &b));
    assert_ok(s->ops->node_put(s, &other));
    assert_ok(s->ops->node_put(s, &a));
    assert_ok(s->ops->node_list(s, 0, 0, &f->arena, &rows, &n));
    assert_int_equal(n, 3);
    assert_ok(s->ops->node_list(s, 1, NOW + 5, &f->arena, &rows, &n));
    assert_int_equal(n, 2);
    assert_text(rows[0].node_id, "node-a");
    assert_int_equal(rows[0].n_workers, 0);
    assert_text(rows[1].node_id, "node-b");
    assert_int_equal(rows[1].environment_id, 1);
    assert_text(rows[1].environment, "production");
    assert_text(rows[1].address, "10.0.0.1:8080");
    assert_text(rows[1].version, "0.1.0");
    assert_int_equal(rows[1].started_at, NOW);
    assert_int_equal(rows[1].seen_at, NOW + 10);
    assert_int_equal(rows[1].wanted, 7);
    assert_int_equal(rows[1].n_workers, 2);
    assert_true(rows[1].draining);
    assert_int_equal(rows[1].requests, 5);
    assert_false(rows[1].drain); /* nobody asked */
    assert_int_equal(rows[1].workers[0].pid, 100);
    assert_int_equal(rows[1].workers[0].revision, 7);
    assert_text(rows[1].workers[0].error, "");
    assert_int_equal(rows[1].workers[1].pid, 101);
    assert_int_equal(rows[1].workers[1].revision, 0);
    assert_text(rows[1].workers[1].error, "route \"x\" \\ \xc3\xa4");
    assert_ok(s->ops->node_list(s, 1, NOW + 6, &f->arena, &rows, &n));
    assert_int_equal(n, 1);
    b.n_workers = 1;
    b.wanted = 8;
    assert_ok(s->ops->node_put(s, &b));
    assert_ok(s->ops->node_list(s, 1, NOW + 6, &f->arena, &rows, &n));
    assert_int_equal(n, 1);
    assert_int_equal(rows[0].wanted, 8);
    assert_int_equal(rows[0].n_workers, 1);
    assert_int_equal(s->ops->node_remove(s, TG_STR("node-b"), NOW - 1), TG_ERR_NOTFOUND); /* of another start */
    assert_ok(s->ops->node_list(s, 1, NOW + 6, &f->arena, &rows, &n));
    assert_int_equal(n, 1);
    assert_ok(s->ops->node_remove(s, TG_STR("node-b"), NOW));
    assert_int_equal(s->ops->node_remove(s, TG_STR("node-b"), NOW), TG_ERR_NOTFOUND);
    assert_ok(s->ops->node_list(s, 1, NOW + 6, &f->arena, &rows, &n));
    assert_int_equal(n, 0);
}

/* Tables of records, asked beside the store. */
static int tables(const fixture_t *f) {
    char at[256];
    int n = 0;
    if (on_server()) {
        snprintf(at, sizeof(at), "postgresql://admin@127.0.0.1:%d/%s", server.port, f->database);
        PGconn *c = PQconnectdb(at);
        PGresult *r = PQexec(c, "SELECT FROM pg_tables WHERE tablename ~ '^token_[hdmn]'");
        n = PQntuples(r);
        PQclear(r);
        PQfinish(c);
    } else if (backend->durable) {
        sqlite3 *db;
        sqlite3_stmt *st;
        snprintf(at, sizeof(at), "%s/store/tokens.db", f->dir);
        assert_int_equal(sqlite3_open(at, &db), SQLITE_OK);
        assert_int_equal(sqlite3_prepare_v2(db,
                                            "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name GLOB 'token_*'",
                                            -1, &st, NULL),
                         SQLITE_OK);
        while (sqlite3_step(st) == SQLITE_ROW) {
            n++;
        }
        sqlite3_finalize(st);
        sqlite3_close(db);
    }
    return n;
}

static int64_t made_at(fixture_t *f, tg_ms_t now) {
    int64_t made = -1;
    assert_ok(f->tokens->ops->buckets_make(f->tokens, now, &made));
    return made;
}

/* The turn of hours, days and months: who writes finds the table there. */
static void partitions_are_made_before_they_are_wanted(void **state) {
    fixture_t *f = *state;
    tg_token_store_t *other = tokens_open(f, false, 1000);
    const tg_bucket_t starts[] = {hour, day, month};
    unsigned number = 0;
    assert_int_equal(made_at(f, NOW), 0); /* nothing is in use */
    for (size_t i = 0; i < 3; i++) {
        tg_bucket_t b = starts[i];
        tg_record_t r = record_of(number++, b);
        assert_ok(put(f->tokens, &r));
        for (int turn = 0; turn < 4; turn++) {
            const tg_ms_t now = tg_bucket_end(b) - 1;
            assert_int_equal(made_at(f, now), backend->durable ? 1 : 0);
            assert_int_equal(made_at(f, now), 0); /* nothing behind one that is empty */
            const int before = tables(f);
            b = tg_bucket_next(b);
            r = record_of(number++, b);
            assert_ok(put(turn % 2 ? other : f->tokens, &r));
            assert_int_equal(tables(f), before);
            r = get(f, r.hash, b);
        }
        assert_int_equal(made_at(f, tg_bucket_end(b)), 0); /* it is past */
    }
    tg_record_t r = record_of(number++, never), last = record_of(number, (tg_bucket_t){TG_BUCKET_HOUR, (1u << 24) - 1});
    assert_ok(put(f->tokens, &r));
    assert_ok(put(f->tokens, &last));
    assert_int_equal(made_at(f, INT64_MAX - 1), 0);
    assert_int_equal(made_at(f, tg_bucket_end(last.bucket) - 1), 0); /* there is none behind it */
    other->ops->close(other);
}

static bool drain_of(fixture_t *f, const char *node_id) {
    tg_node_t *rows;
    size_t n;
    assert_ok(f->tokens->ops->node_list(f->tokens, 0, 0, &f->arena, &rows, &n));
    for (size_t i = 0; i < n; i++) {
        if (tg_str_eq(rows[i].node_id, tg_str(node_id))) {
            return rows[i].drain;
        }
    }
    fail_msg("%s is not there", node_id);
    return false;
}

static void a_node_is_asked_to_drain_until_it_starts_again(void **state) {
    fixture_t *f = *state;
    tg_token_store_t *s = f->tokens;
    tg_node_t a = {.node_id = TG_STR("node-a"),
                   .environment_id = 1,
                   .environment = TG_STR("production"),
                   .started_at = NOW,
                   .seen_at = NOW};
    tg_node_t b = a;
    b.node_id = TG_STR("node-b");
    assert_int_equal(s->ops->node_drain(s, 1, a.node_id, true), TG_ERR_NOTFOUND);
    assert_ok(s->ops->node_put(s, &a));
    assert_ok(s->ops->node_put(s, &b));
    assert_int_equal(s->ops->node_drain(s, 2, a.node_id, true), TG_ERR_NOTFOUND); /* of another environment */
    assert_ok(s->ops->node_drain(s, 1, a.node_id, true));
    assert_ok(s->ops->node_drain(s, 1, a.node_id, true)); /* twice is once */
    assert_true(drain_of(f, "node-a"));
    assert_false(drain_of(f, "node-b"));
    a.seen_at = NOW + 1000;
    a.draining = true;
    assert_ok(s->ops->node_put(s, &a));
    assert_true(drain_of(f, "node-a"));
    assert_ok(s->ops->node_drain(s, 1, a.node_id, false));
    assert_ok(s->ops->node_put(s, &a));
    assert_false(drain_of(f, "node-a"));
    assert_ok(s->ops->node_drain(s, 1, a.node_id, true));
    a.started_at = NOW + 2000;
    assert_ok(s->ops->node_put(s, &a));
    assert_false(drain_of(f, "node-a"));
    assert_ok(s->ops->node_put(s, &a));
    assert_false(drain_of(f, "node-a"));
}

/* ---- memory ---- */

static void without_memory_no_record_is_half_written(void **state) {
    fixture_t *f = *state;
    tg_token_store_t *s = f->tokens;
    tg_record_t found, rows[3] = {record_of(1, hour), record_of(2, day), record_of(3, never)},
                       successor = record_of(4, month);
    const tg_record_t *list[] = {&rows[0], &rows[1], &rows[2]};
    tg_err_t results[3];
    for (long n = 0;; n++) {
        assert_true(n < 1000);
        alloc_fail_after(n);
        tg_err_t err = s->ops->record_put(s, list, 3, results);
        if (!alloc_failed()) {
            assert_ok(err);
            break;
        }
        assert_int_equal(err, TG_ERR_NOMEM);
        for (size_t i = 0; i < 3; i++) {
            assert_int_equal(s->ops->record_find(s, rows[i].hash, rows[i].bucket, &f->arena, &found), TG_ERR_NOTFOUND);
        }
    }
    for (long n = 0;; n++) {
        assert_true(n < 1000);
        alloc_fail_after(n);
        tg_err_t err = s->ops->record_refresh(s, rows[0].refresh_hash, hour, &successor, NOW, &f->arena, &found);
        if (!alloc_failed()) {
            assert_ok(err);
            break;
        }
        assert_int_equal(err, TG_ERR_NOMEM);
        assert_int_equal(get(f, rows[0].hash, hour).ended_at, 0);
        assert_int_equal(s->ops->record_find(s, successor.hash, month, &f->arena, &found), TG_ERR_NOTFOUND);
    }
    tg_arena_t small;
    tg_arena_init(&small, 1);
    assert_int_equal(s->ops->record_find(s, rows[0].hash, hour, &small, &found), TG_ERR_NOMEM);
    tg_arena_release(&small);
}

static const struct CMUnitTest tests[] = {
    CONTRACT(a_record_comes_back_as_it_was),
    CONTRACT(longest_texts_fit),
    CONTRACT(a_look_up_is_in_its_bucket_alone),
    CONTRACT(a_batch_tells_which_hashes_were_taken),
    CONTRACT(a_batch_with_an_impossible_bucket_writes_nothing),
    CONTRACT(more_buckets_than_anyone_keeps_open),
    CONTRACT(a_record_ends_once),
    CONTRACT(a_refresh_leaves_a_tombstone),
    CONTRACT(what_cannot_be_refreshed),
    CONTRACT(a_successor_that_is_taken_changes_nothing),
    CONTRACT(the_first_use_of_a_successor_is_noted_once),
    CONTRACT(a_family_ends_as_a_whole),
    CONTRACT(past_partitions_are_dropped_and_never_is_kept),
    CONTRACT(partitions_are_made_before_they_are_wanted),
    CONTRACT(epochs_are_raised_apart),
    CONTRACT(nodes_are_listed_while_they_live),
    CONTRACT(a_node_is_asked_to_drain_until_it_starts_again),
    CONTRACT(without_memory_no_record_is_half_written),
};

CONTRACT_MAIN(tests, false)
