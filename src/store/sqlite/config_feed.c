#include "store/audit_chain.h"
#include "store/sqlite/config.h"
#include "store/sqlite/feed.h"

/* ---- change feed ---- */

tg_err_t tg_sqlite_change_append(tg_config_store_t *s, tg_change_kind_t kind, int64_t environment_id, tg_str_t ref) {
    tg_query_t q;
    tg_query_write(&q, tg_sqlite_of(s), "INSERT INTO change_log (kind, environment_id, ref) VALUES (?, ?, ?)");
    tg_query_int(&q, kind);
    tg_query_int(&q, environment_id);
    tg_query_text(&q, ref);
    return tg_query_run(&q);
}

tg_err_t tg_sqlite_change_head(tg_config_store_t *s, int64_t *seq) {
    return tg_feed_head(tg_sqlite_of(s), seq);
}

static tg_err_t changes(tg_sqlite_t *db, int64_t after, size_t limit, tg_arena_t *arena, tg_rows_t *rows) {
    tg_query_t q;
    tg_query_read(&q, db, "SELECT seq, kind, environment_id, ref FROM change_log WHERE seq > ? ORDER BY seq LIMIT ?");
    tg_query_int(&q, after);
    tg_query_int(&q, (int64_t)limit);
    while (tg_query_step(&q)) {
        tg_change_t *row = tg_query_row(&q, rows);
        if (row != NULL) {
            row->seq = sqlite3_column_int64(q.st, 0);
            row->kind = (tg_change_kind_t)sqlite3_column_int64(q.st, 1);
            row->environment_id = sqlite3_column_int64(q.st, 2);
            tg_query_col_text(&q, 3, arena, &row->ref);
        }
    }
    return tg_query_done(&q);
}

tg_err_t tg_sqlite_change_read(tg_config_store_t *s, int64_t after, size_t limit, tg_arena_t *arena, tg_change_t **out,
                               size_t *n) {
    tg_sqlite_t *db = tg_sqlite_of(s);
    tg_rows_t rows;
    tg_rows_init(&rows, arena, sizeof(tg_change_t));
    tg_err_t err = tg_sqlite_read_begin(db);
    if (err != TG_OK) {
        return err;
    }
    err = tg_feed_check(db, after);
    if (err == TG_OK) {
        err = changes(db, after, limit, arena, &rows);
    }
    tg_sqlite_read_end(db);
    *out = (tg_change_t *)(void *)rows.p;
    *n = rows.n;
    return err;
}

tg_err_t tg_sqlite_change_prune(tg_config_store_t *s, int64_t keep_after) {
    tg_query_t q;
    tg_query_write(&q, tg_sqlite_of(s), "DELETE FROM change_log WHERE seq <= ?");
    tg_query_int(&q, keep_after);
    return tg_query_run(&q);
}

/* ---- administrators' sessions ---- */

tg_err_t tg_sqlite_session_put(tg_config_store_t *s, const tg_session_t *session) {
    tg_query_t q;
    tg_query_write(&q, tg_sqlite_of(s),
                   "INSERT INTO session (token_hash, administrator, access_token, expires_at) VALUES (?, ?, ?, ?)"
                   " ON CONFLICT (token_hash) DO UPDATE SET administrator = excluded.administrator, access_token ="
                   " excluded.access_token, expires_at = excluded.expires_at");
    tg_query_blob(&q, session->token_hash, sizeof(session->token_hash));
    tg_query_int(&q, session->administrator);
    tg_query_int(&q, session->access_token);
    tg_query_int(&q, session->expires_at);
    return tg_query_run(&q);
}

tg_err_t tg_sqlite_session_find(tg_config_store_t *s, const uint8_t token_hash[32], tg_ms_t now, tg_session_t *out) {
    tg_query_t q;
    tg_query_read(
        &q, tg_sqlite_of(s),
        "SELECT administrator, expires_at, access_token FROM session WHERE token_hash = ? AND expires_at > ?");
    tg_query_blob(&q, token_hash, sizeof(out->token_hash));
    tg_query_int(&q, now);
    if (tg_query_step(&q)) {
        memcpy(out->token_hash, token_hash, sizeof(out->token_hash));
        out->administrator = sqlite3_column_int64(q.st, 0);
        out->expires_at = sqlite3_column_int64(q.st, 1);
        out->access_token = sqlite3_column_int64(q.st, 2);
    } else {
        tg_query_fail(&q, TG_ERR_NOTFOUND);
    }
    return tg_query_done(&q);
}

tg_err_t tg_sqlite_session_delete(tg_config_store_t *s, const uint8_t token_hash[32]) {
    tg_query_t q;
    tg_query_write(&q, tg_sqlite_of(s), "DELETE FROM session WHERE token_hash = ?");
    tg_query_blob(&q, token_hash, 32);
    return tg_query_run(&q);
}

tg_err_t tg_sqlite_session_purge(tg_config_store_t *s, tg_ms_t now, int64_t administrator) {
    tg_query_t q;
    tg_query_write(
        &q, tg_sqlite_of(s),
        "DELETE FROM session WHERE expires_at <= ?1 OR (?2 <> 0 AND administrator = ?2 AND access_token = 0)");
    tg_query_int(&q, now);
    tg_query_int(&q, administrator);
    return tg_query_run(&q);
}

/* ---- audit ---- */

#define AUDIT_COLUMNS "seq, at, who, what, project, state_before, state_after, previous, hash"

static void hash_read(tg_query_t *q, int col, uint8_t out[TG_AUDIT_HASH_LEN]) {
    const void *p = sqlite3_column_blob(q->st, col);
    size_t n = (size_t)sqlite3_column_bytes(q->st, col);
    memset(out, 0, TG_AUDIT_HASH_LEN);
    if (p != NULL) {
        memcpy(out, p, n < TG_AUDIT_HASH_LEN ? n : TG_AUDIT_HASH_LEN);
    }
}

/* The newest row's number and hash, and the number given out last. */
static tg_err_t audit_head(tg_sqlite_t *db, tg_audit_t *head, int64_t *last) {
    tg_query_t q;
    *head = (tg_audit_t){.seq = 0};
    *last = 0;
    tg_query_read(&q, db,
                  "SELECT ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'audit'), 0), seq, hash"
                  " FROM (SELECT seq, hash FROM audit UNION ALL SELECT 0, x'' ORDER BY seq DESC LIMIT 1)");
    if (tg_query_step(&q)) {
        *last = sqlite3_column_int64(q.st, 0);
        head->seq = sqlite3_column_int64(q.st, 1);
        hash_read(&q, 2, head->hash);
    }
    return tg_query_done(&q);
}

tg_err_t tg_sqlite_audit_append(tg_config_store_t *s, const tg_audit_t *a) {
    tg_audit_t head, row = *a;
    int64_t last;
    tg_err_t err = audit_head(tg_sqlite_of(s), &head, &last);
    if (err == TG_OK) {
        err = tg_audit_link(&head, last, &row);
    }
    tg_query_t q;
    tg_query_write(&q, tg_sqlite_of(s), "INSERT INTO audit (" AUDIT_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
    tg_query_fail(&q, err);
    tg_query_int(&q, row.seq);
    tg_query_int(&q, row.at);
    tg_query_text(&q, row.who);
    tg_query_text(&q, row.what);
    tg_query_text(&q, row.project);
    tg_query_text(&q, row.before);
    tg_query_text(&q, row.after);
    tg_query_blob(&q, row.previous, TG_AUDIT_HASH_LEN);
    tg_query_blob(&q, row.hash, TG_AUDIT_HASH_LEN);
    return tg_query_run(&q);
}

static void audit_read(tg_query_t *q, tg_arena_t *arena, tg_audit_t *row) {
    row->seq = sqlite3_column_int64(q->st, 0);
    row->at = sqlite3_column_int64(q->st, 1);
    tg_query_col_text(q, 2, arena, &row->who);
    tg_query_col_text(q, 3, arena, &row->what);
    tg_query_col_text(q, 4, arena, &row->project);
    tg_query_col_text(q, 5, arena, &row->before);
    tg_query_col_text(q, 6, arena, &row->after);
    hash_read(q, 7, row->previous);
    hash_read(q, 8, row->hash);
}

tg_err_t tg_sqlite_audit_list(tg_config_store_t *s, int64_t before_seq, size_t limit, tg_arena_t *arena,
                              tg_audit_t **out, size_t *n) {
    tg_query_t q;
    tg_rows_t rows;
    tg_rows_init(&rows, arena, sizeof(tg_audit_t));
    tg_query_read(&q, tg_sqlite_of(s), "SELECT " AUDIT_COLUMNS " FROM audit WHERE seq < ? ORDER BY seq DESC LIMIT ?");
    tg_query_int(&q, before_seq > 0 ? before_seq : INT64_MAX);
    tg_query_int(&q, (int64_t)limit);
    while (tg_query_step(&q)) {
        tg_audit_t *row = tg_query_row(&q, &rows);
        if (row != NULL) {
            audit_read(&q, arena, row);
        }
    }
    *out = (tg_audit_t *)(void *)rows.p;
    *n = rows.n;
    return tg_query_done(&q);
}
