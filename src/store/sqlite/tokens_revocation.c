/*
 * The early revocation list. Entries that are past stay until someone tidies up or needs their place; the counters of
 * an environment and of a client count those too, so that a full list is recognised without counting.
 */
#include "store/sqlite/feed.h"
#include "store/sqlite/tokens.h"
#include "store/write.h"

#define CHUNK 250 /* some milliseconds, in which no other writer comes in */

/* The first column of the first row and the second, if there is one; NOTFOUND without a row. */
static tg_err_t numbers(tg_query_t *s, int64_t *first, int64_t *second) {
    if (tg_query_step(s)) {
        *first = sqlite3_column_int64(s->st, 0);
        *second = sqlite3_column_int64(s->st, 1);
    } else {
        tg_query_fail(s, TG_ERR_NOTFOUND);
    }
    return tg_query_done(s);
}

/* A counter; 0 without a row. */
static tg_err_t entries_read(tg_query_t *s, int64_t *entries) {
    int64_t none;
    *entries = 0;
    tg_err_t err = numbers(s, entries, &none);
    return err == TG_ERR_NOTFOUND ? TG_OK : err;
}

/* ---- places ---- */

/* Removes at most CHUNK entries of an environment that are past. */
static tg_err_t past_remove(tg_sqlite_tokens_t *t, int64_t environment_id, tg_ms_t now, int64_t *removed) {
    tg_query_t s;
    tg_query_write(&s, &t->q,
                   "DELETE FROM revocation WHERE environment_id = ?1 AND id IN"
                   " (SELECT id FROM revocation WHERE environment_id = ?1 AND until <= ?2 ORDER BY until LIMIT ?3)");
    tg_query_int(&s, environment_id);
    tg_query_int(&s, now);
    tg_query_int(&s, CHUNK);
    tg_err_t err = tg_query_run(&s);
    *removed = err == TG_OK ? sqlite3_changes(t->q.db) : 0;
    return err;
}

static tg_err_t entries_of_client(tg_sqlite_tokens_t *t, const tg_write_t *w, int64_t *entries) {
    tg_query_t s;
    tg_query_read(&s, &t->q,
                  "SELECT entries, 0 FROM revocation_client WHERE environment_id = ? AND client_kind = ? AND "
                  "client_id = ?");
    tg_query_int(&s, w->environment_id);
    tg_query_int(&s, w->client_kind);
    tg_query_text(&s, w->client_id);
    return entries_read(&s, entries);
}

static tg_err_t entries_of_environment(tg_sqlite_t *q, int64_t environment_id, int64_t *entries) {
    tg_query_t s;
    tg_query_read(&s, q, "SELECT entries, 0 FROM revocation_environment WHERE environment_id = ?");
    tg_query_int(&s, environment_id);
    return entries_read(&s, entries);
}

/* LIMIT: the list, or the client's part of it, is full of entries that matter. */
static tg_err_t room_make(tg_sqlite_tokens_t *t, const tg_write_t *w) {
    int64_t removed = 1;
    while (removed > 0) {
        int64_t all, own;
        tg_err_t err = entries_of_environment(&t->q, w->environment_id, &all);
        if (err == TG_OK) {
            err = entries_of_client(t, w, &own);
        }
        if (err != TG_OK || (all < w->capacity && own < tg_write_client_capacity(w))) {
            return err;
        }
        err = past_remove(t, w->environment_id, w->at, &removed);
        if (err != TG_OK) {
            return err;
        }
    }
    return TG_ERR_LIMIT;
}

/* ---- one entry ---- */

static void id_bind(tg_query_t *s, const tg_write_t *w) {
    tg_query_int(s, w->environment_id);
    tg_query_blob(s, w->revocation, TG_REVOCATION_LEN);
}

static tg_err_t counters_make(tg_sqlite_tokens_t *t, const tg_write_t *w) {
    tg_query_t s;
    tg_query_write(&s, &t->q,
                   "INSERT INTO revocation_environment (environment_id, entries) VALUES (?, 0) ON CONFLICT DO NOTHING");
    tg_query_int(&s, w->environment_id);
    tg_err_t err = tg_query_run(&s);
    if (err != TG_OK) {
        return err;
    }
    tg_query_write(&s, &t->q,
                   "INSERT INTO revocation_client (environment_id, client_kind, client_id, entries) VALUES (?, ?, ?, 0)"
                   " ON CONFLICT DO NOTHING");
    tg_query_int(&s, w->environment_id);
    tg_query_int(&s, w->client_kind);
    tg_query_text(&s, w->client_id);
    return tg_query_run(&s);
}

static tg_err_t entry_insert(tg_sqlite_tokens_t *t, const tg_write_t *w, tg_ms_t until) {
    tg_query_t s;
    tg_err_t err = counters_make(t, w);
    if (err != TG_OK) {
        return err;
    }
    tg_query_write(&s, &t->q,
                   "INSERT INTO revocation (environment_id, id, client_no, until) SELECT ?1, ?2, client_no, ?3"
                   " FROM revocation_client WHERE environment_id = ?1 AND client_kind = ?4 AND client_id = ?5");
    id_bind(&s, w);
    tg_query_int(&s, until);
    tg_query_int(&s, w->client_kind);
    tg_query_text(&s, w->client_id);
    return tg_query_run(&s);
}

static tg_err_t entry_extend(tg_sqlite_tokens_t *t, const tg_write_t *w, tg_ms_t until) {
    tg_query_t s;
    tg_query_write(&s, &t->q, "UPDATE revocation SET until = ?3 WHERE environment_id = ?1 AND id = ?2");
    id_bind(&s, w);
    tg_query_int(&s, until);
    return tg_query_run(&s);
}

static tg_err_t entry_remove(tg_sqlite_tokens_t *t, const tg_write_t *w) {
    tg_query_t s;
    tg_query_write(&s, &t->q, "DELETE FROM revocation WHERE environment_id = ? AND id = ?");
    id_bind(&s, w);
    return tg_query_run(&s);
}

static tg_err_t entry_add(tg_sqlite_tokens_t *t, const tg_write_t *w, tg_ms_t until) {
    tg_err_t err = room_make(t, w);
    return err != TG_OK ? err : entry_insert(t, w, until);
}

static tg_err_t changed(tg_sqlite_tokens_t *t, const tg_write_t *w) {
    const tg_token_change_t row = {.kind = TG_TOKEN_CHANGE_REVOCATION,
                                   .environment_id = w->environment_id,
                                   .id = tg_strn(w->revocation, TG_REVOCATION_LEN),
                                   .until = w->until};
    return tg_token_change(t, &row, NULL);
}

tg_err_t tg_revocation_write(tg_sqlite_tokens_t *t, tg_write_t *w) {
    tg_query_t s;
    int64_t there, none;
    const tg_ms_t until = tg_write_until(w);
    tg_query_read(&s, &t->q, "SELECT until, 0 FROM revocation WHERE environment_id = ? AND id = ?");
    id_bind(&s, w);
    tg_err_t err = numbers(&s, &there, &none);
    if (err != TG_OK && err != TG_ERR_NOTFOUND) {
        return err;
    }
    if (until <= w->at || (err == TG_OK && there >= until)) {
        return TG_OK; /* it does not matter any more, or is there for as long */
    }
    if (err == TG_OK && there > w->at) {
        err = entry_extend(t, w, until);
    } else {
        err = err == TG_OK ? entry_remove(t, w) : TG_OK;
        err = err == TG_OK ? entry_add(t, w, until) : err;
    }
    if (err == TG_ERR_LIMIT) {
        return tg_write_refuse(w, err);
    }
    return err != TG_OK ? err : changed(t, w);
}

/* ---- the whole list ---- */

static tg_err_t list_read(tg_sqlite_t *q, int64_t environment_id, tg_ms_t now, tg_revocation_t *rows, size_t room,
                          size_t *n) {
    tg_query_t s;
    tg_query_read(&s, q, "SELECT id, until FROM revocation WHERE environment_id = ? AND until > ?");
    tg_query_int(&s, environment_id);
    tg_query_int(&s, now);
    while (tg_query_step(&s)) {
        const void *id = sqlite3_column_blob(s.st, 0);
        if (*n == room || id == NULL || sqlite3_column_bytes(s.st, 0) != TG_REVOCATION_LEN) {
            tg_query_fail(&s, TG_ERR_BUG);
            break;
        }
        memcpy(rows[*n].id, id, TG_REVOCATION_LEN);
        const tg_ms_t until = sqlite3_column_int64(s.st, 1);
        rows[*n].until = until == INT64_MAX ? 0 : until;
        ++*n;
    }
    return tg_query_done(&s);
}

static tg_err_t list(tg_sqlite_t *q, int64_t environment_id, tg_ms_t now, tg_arena_t *arena, tg_revocation_t **out,
                     size_t *n) {
    int64_t entries;
    tg_err_t err = entries_of_environment(q, environment_id, &entries);
    if (err != TG_OK || entries == 0) {
        return err;
    }
    *out = tg_arena_array(arena, (size_t)entries, sizeof(**out));
    return *out == NULL ? TG_ERR_NOMEM : list_read(q, environment_id, now, *out, (size_t)entries, n);
}

tg_err_t tg_sqlite_revocation_list(tg_token_store_t *store, int64_t environment_id, tg_ms_t now, tg_arena_t *arena,
                                   tg_revocation_t **out, size_t *n, int64_t *seq) {
    tg_sqlite_t *q = &((tg_sqlite_tokens_t *)store)->q;
    *out = NULL;
    *n = 0;
    *seq = 0;
    tg_err_t err = tg_sqlite_read_begin(q);
    if (err != TG_OK) {
        return err;
    }
    err = tg_feed_head(q, seq);
    if (err == TG_OK) {
        err = list(q, environment_id, now, arena, out, n);
    }
    tg_sqlite_read_end(q);
    return err;
}

/* ---- tidying up ---- */

/* The next environment after `after` with an entry that is past; NOTFOUND: none. */
static tg_err_t environment_next(tg_sqlite_t *q, int64_t after, tg_ms_t now, int64_t *environment_id) {
    tg_query_t s;
    int64_t none;
    tg_query_read(&s, q,
                  "SELECT environment_id, 0 FROM revocation_environment AS e WHERE environment_id > ?1 AND EXISTS"
                  " (SELECT 1 FROM revocation AS r WHERE r.environment_id = e.environment_id AND r.until <= ?2)"
                  " ORDER BY environment_id LIMIT 1");
    tg_query_int(&s, after);
    tg_query_int(&s, now);
    return numbers(&s, environment_id, &none);
}

static tg_err_t chunk_remove(tg_sqlite_tokens_t *t, int64_t environment_id, tg_ms_t now, int64_t *removed) {
    tg_err_t err = tg_tokens_begin(t);
    if (err != TG_OK) {
        return err;
    }
    err = past_remove(t, environment_id, now, removed);
    return tg_tokens_end(t, err);
}

tg_err_t tg_revocation_tidy(tg_sqlite_tokens_t *t, tg_ms_t now) {
    int64_t environment_id = INT64_MIN;
    tg_err_t err;
    while ((err = environment_next(&t->q, environment_id, now, &environment_id)) == TG_OK) {
        int64_t removed = CHUNK;
        while (removed == CHUNK) {
            err = chunk_remove(t, environment_id, now, &removed);
            if (err != TG_OK) {
                return err;
            }
        }
    }
    return err == TG_ERR_NOTFOUND ? TG_OK : err;
}
