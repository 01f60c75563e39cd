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
                   "INSERT INTO session (token_hash, administrator, expires_at) VALUES (?, ?, ?)"
                   " ON CONFLICT (token_hash) DO UPDATE SET administrator = excluded.administrator, expires_at = "
                   "excluded.expires_at");
    tg_query_blob(&q, session->token_hash, sizeof(session->token_hash));
    tg_query_int(&q, session->administrator);
    tg_query_int(&q, session->expires_at);
    return tg_query_run(&q);
}

tg_err_t tg_sqlite_session_find(tg_config_store_t *s, const uint8_t token_hash[32], tg_ms_t now, tg_session_t *out) {
    tg_query_t q;
    tg_query_read(&q, tg_sqlite_of(s),
                  "SELECT administrator, expires_at FROM session WHERE token_hash = ? AND expires_at > ?");
    tg_query_blob(&q, token_hash, sizeof(out->token_hash));
    tg_query_int(&q, now);
    if (tg_query_step(&q)) {
        memcpy(out->token_hash, token_hash, sizeof(out->token_hash));
        out->administrator = sqlite3_column_int64(q.st, 0);
        out->expires_at = sqlite3_column_int64(q.st, 1);
    } else {
        tg_query_fail(&q, TG_ERR_NOTFOUND);
    }
    return tg_query_done(&q);
}

tg_err_t tg_sqlite_session_purge(tg_config_store_t *s, tg_ms_t now, int64_t administrator) {
    tg_query_t q;
    tg_query_write(&q, tg_sqlite_of(s),
                   "DELETE FROM session WHERE expires_at <= ?1 OR (?2 <> 0 AND administrator = ?2)");
    tg_query_int(&q, now);
    tg_query_int(&q, administrator);
    return tg_query_run(&q);
}

/* ---- audit ---- */

tg_err_t tg_sqlite_audit_append(tg_config_store_t *s, const tg_audit_t *a) {
    tg_query_t q;
    tg_query_write(&q, tg_sqlite_of(s),
                   "INSERT INTO audit (at, who, what, state_before, state_after) VALUES (?, ?, ?, ?, ?)");
    tg_query_int(&q, a->at);
    tg_query_text(&q, a->who);
    tg_query_text(&q, a->what);
    tg_query_text(&q, a->before);
    tg_query_text(&q, a->after);
    return tg_query_run(&q);
}

tg_err_t tg_sqlite_audit_list(tg_config_store_t *s, int64_t before_seq, size_t limit, tg_arena_t *arena,
                              tg_audit_t **out, size_t *n) {
    tg_query_t q;
    tg_rows_t rows;
    tg_rows_init(&rows, arena, sizeof(tg_audit_t));
    tg_query_read(
        &q, tg_sqlite_of(s),
        "SELECT seq, at, who, what, state_before, state_after FROM audit WHERE seq < ? ORDER BY seq DESC LIMIT ?");
    tg_query_int(&q, before_seq > 0 ? before_seq : INT64_MAX);
    tg_query_int(&q, (int64_t)limit);
    while (tg_query_step(&q)) {
        tg_audit_t *row = tg_query_row(&q, &rows);
        if (row != NULL) {
            row->seq = sqlite3_column_int64(q.st, 0);
            row->at = sqlite3_column_int64(q.st, 1);
            tg_query_col_text(&q, 2, arena, &row->who);
            tg_query_col_text(&q, 3, arena, &row->what);
            tg_query_col_text(&q, 4, arena, &row->before);
            tg_query_col_text(&q, 5, arena, &row->after);
        }
    }
    *out = (tg_audit_t *)(void *)rows.p;
    *n = rows.n;
    return tg_query_done(&q);
}
