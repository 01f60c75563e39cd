#include "store/sqlite/feed.h"
#include "store/sqlite/tokens.h"

#define PRUNE_CHUNK 4096
#define KEEP_MS     TG_HOUR_MS
#define MARK_MS     (60 * TG_SECOND_MS) /* at most one mark in this time */

tg_err_t tg_token_change(tg_sqlite_tokens_t *t, const tg_token_change_t *row, int64_t *seq) {
    tg_query_t s;
    tg_query_write(&s, &t->q, "INSERT INTO change_log (kind, environment_id, id, until) VALUES (?, ?, ?, ?)");
    tg_query_int(&s, row->kind);
    tg_query_int(&s, row->environment_id);
    tg_query_blob(&s, row->id.p, row->id.n);
    tg_query_int(&s, row->until);
    tg_err_t err = tg_query_run(&s);
    if (seq != NULL) {
        *seq = sqlite3_last_insert_rowid(t->q.db);
    }
    return err;
}

tg_err_t tg_sqlite_token_change_head(tg_token_store_t *store, int64_t *seq) {
    return tg_feed_head(&((tg_sqlite_tokens_t *)store)->q, seq);
}

static tg_err_t changes(tg_sqlite_t *q, int64_t after, size_t limit, tg_arena_t *arena, tg_rows_t *rows) {
    tg_query_t s;
    tg_query_read(&s, q,
                  "SELECT seq, kind, environment_id, id, until FROM change_log WHERE seq > ? ORDER BY seq LIMIT ?");
    tg_query_int(&s, after);
    tg_query_int(&s, (int64_t)limit);
    while (tg_query_step(&s)) {
        tg_token_change_t *row = tg_query_row(&s, rows);
        if (row != NULL) {
            row->seq = sqlite3_column_int64(s.st, 0);
            row->kind = (tg_token_change_kind_t)sqlite3_column_int64(s.st, 1);
            row->environment_id = sqlite3_column_int64(s.st, 2);
            tg_query_col_text(&s, 3, arena, &row->id);
            row->until = sqlite3_column_int64(s.st, 4);
        }
    }
    return tg_query_done(&s);
}

tg_err_t tg_sqlite_token_change_read(tg_token_store_t *store, int64_t after, size_t limit, tg_arena_t *arena,
                                     tg_token_change_t **out, size_t *n) {
    tg_sqlite_t *q = &((tg_sqlite_tokens_t *)store)->q;
    tg_rows_t rows;
    tg_rows_init(&rows, arena, sizeof(tg_token_change_t));
    tg_err_t err = tg_sqlite_read_begin(q);
    if (err == TG_OK) {
        err = tg_feed_check(q, after);
        if (err == TG_OK) {
            err = changes(q, after, limit, arena, &rows);
        }
        tg_sqlite_read_end(q);
    }
    *out = (tg_token_change_t *)(void *)rows.p;
    *n = rows.n;
    return err;
}

/* ---- pruning, by marks: rows carry no time, and those of one writer's clock would not be in order ---- */

/* The number that a query of ours gives for a span of time; 0 without a row. */
static tg_err_t number(tg_sqlite_t *q, const char *sql, tg_ms_t from, tg_ms_t to, int64_t *out) {
    tg_query_t s;
    *out = 0;
    tg_query_read(&s, q, sql);
    tg_query_int(&s, from);
    tg_query_int(&s, to);
    if (tg_query_step(&s)) {
        *out = sqlite3_column_int64(s.st, 0);
    }
    return tg_query_done(&s);
}

static tg_err_t chunk_prune(tg_sqlite_tokens_t *t, int64_t keep_after, int64_t *removed) {
    tg_query_t s;
    tg_err_t err = tg_tokens_begin(t);
    if (err != TG_OK) {
        return err;
    }
    tg_query_write(&s, &t->q, "DELETE FROM change_log WHERE seq <= min(?, (SELECT min(seq) FROM change_log) + ? - 1)");
    tg_query_int(&s, keep_after);
    tg_query_int(&s, PRUNE_CHUNK);
    err = tg_query_run(&s);
    *removed = err == TG_OK ? sqlite3_changes(t->q.db) : 0;
    return tg_tokens_end(t, err);
}

/* Notes where the feed is now and forgets the marks that have done their work. */
static tg_err_t mark_set(tg_sqlite_tokens_t *t, int64_t pruned, tg_ms_t now) {
    tg_query_t s;
    tg_err_t err = tg_tokens_begin(t);
    if (err != TG_OK) {
        return err;
    }
    tg_query_write(&s, &t->q, "DELETE FROM change_mark WHERE seq <= ?");
    tg_query_int(&s, pruned);
    err = tg_query_run(&s);
    if (err == TG_OK) {
        tg_query_write(&s, &t->q,
                       "INSERT INTO change_mark (seq, at) SELECT max(seq), ? FROM change_log HAVING max(seq) > 0"
                       " ON CONFLICT DO NOTHING");
        tg_query_int(&s, now);
        err = tg_query_run(&s);
    }
    return tg_tokens_end(t, err);
}

tg_err_t tg_feed_tidy(tg_sqlite_tokens_t *t, tg_ms_t now) {
    int64_t keep_after, fresh = 0, removed = PRUNE_CHUNK;
    tg_err_t err = number(&t->q, "SELECT max(seq) FROM change_mark WHERE at BETWEEN ? AND ?", INT64_MIN, now - KEEP_MS,
                          &keep_after);
    while (err == TG_OK && keep_after > 0 && removed == PRUNE_CHUNK) {
        err = chunk_prune(t, keep_after, &removed);
    }
    if (err == TG_OK) {
        err = number(&t->q, "SELECT count(*) FROM change_mark WHERE at BETWEEN ? AND ?", now - MARK_MS, now, &fresh);
    }
    return err == TG_OK && (fresh == 0 || keep_after > 0) ? mark_set(t, keep_after, now) : err;
}
