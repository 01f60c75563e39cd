#include "store/postgres/config.h"
#include "store/postgres/feed.h"

/* ---- change feed ---- */

tg_err_t tg_postgres_change_append(tg_config_store_t *s, tg_change_kind_t kind, int64_t environment_id, tg_str_t ref) {
    tg_pgquery_t q;
    tg_pgquery_write(
        &q, tg_pg_of(s),
        "WITH h AS (UPDATE head SET seq = seq + 1 RETURNING seq)"
        " INSERT INTO change_log (seq, kind, environment_id, ref)"
        " SELECT seq, $1::bigint, $2::bigint, $3::bytea FROM h RETURNING pg_notify('tollgate_config', '')");
    tg_pgquery_int(&q, kind);
    tg_pgquery_int(&q, environment_id);
    tg_pgquery_blob(&q, ref.p, ref.n);
    return tg_pgquery_run(&q);
}

tg_err_t tg_postgres_change_head(tg_config_store_t *s, int64_t *seq) {
    return tg_pg_feed_head(tg_pg_of(s), seq);
}

tg_err_t tg_postgres_change_read(tg_config_store_t *s, int64_t after, size_t limit, tg_arena_t *arena,
                                 tg_change_t **out, size_t *n) {
    tg_pgquery_t q;
    tg_rows_t rows;
    tg_rows_init(&rows, arena, sizeof(tg_change_t));
    tg_pgquery_read(&q, tg_pg_of(s), TG_PG_FEED("c.kind, c.environment_id, c.ref"));
    tg_pgquery_int(&q, after);
    tg_pgquery_int(&q, (int64_t)limit);
    while (tg_pg_feed_step(&q, after)) {
        tg_change_t *row = tg_pgquery_row(&q, &rows);
        if (row != NULL) {
            row->seq = tg_pgquery_col_int(&q, 2);
            row->kind = (tg_change_kind_t)tg_pgquery_col_int(&q, 3);
            row->environment_id = tg_pgquery_col_int(&q, 4);
            tg_pgquery_col_text(&q, 5, arena, &row->ref);
        }
    }
    *out = (tg_change_t *)(void *)rows.p;
    *n = rows.n;
    return tg_pgquery_done(&q);
}

tg_err_t tg_postgres_change_prune(tg_config_store_t *s, int64_t keep_after) {
    tg_pgquery_t q;
    tg_pgquery_write(&q, tg_pg_of(s), "DELETE FROM change_log WHERE seq <= $1");
    tg_pgquery_int(&q, keep_after);
    return tg_pgquery_run(&q);
}

/* ---- administrators' sessions ---- */

tg_err_t tg_postgres_session_put(tg_config_store_t *s, const tg_session_t *session) {
    tg_pgquery_t q;
    tg_pgquery_write(&q, tg_pg_of(s),
                     "INSERT INTO session (token_hash, administrator, expires_at) VALUES ($1, $2, $3)"
                     " ON CONFLICT (token_hash) DO UPDATE SET administrator = excluded.administrator, expires_at = "
                     "excluded.expires_at");
    tg_pgquery_blob(&q, session->token_hash, sizeof(session->token_hash));
    tg_pgquery_int(&q, session->administrator);
    tg_pgquery_int(&q, session->expires_at);
    return tg_pgquery_run(&q);
}

tg_err_t tg_postgres_session_find(tg_config_store_t *s, const uint8_t token_hash[32], tg_ms_t now, tg_session_t *out) {
    tg_pgquery_t q;
    tg_pgquery_read(&q, tg_pg_of(s),
                    "SELECT administrator, expires_at FROM session WHERE token_hash = $1 AND expires_at > $2");
    tg_pgquery_blob(&q, token_hash, sizeof(out->token_hash));
    tg_pgquery_int(&q, now);
    if (tg_pgquery_step(&q)) {
        memcpy(out->token_hash, token_hash, sizeof(out->token_hash));
        out->administrator = tg_pgquery_col_int(&q, 0);
        out->expires_at = tg_pgquery_col_int(&q, 1);
    } else {
        tg_pgquery_fail(&q, TG_ERR_NOTFOUND);
    }
    return tg_pgquery_done(&q);
}

tg_err_t tg_postgres_session_purge(tg_config_store_t *s, tg_ms_t now, int64_t administrator) {
    tg_pgquery_t q;
    tg_pgquery_write(&q, tg_pg_of(s),
                     "DELETE FROM session WHERE expires_at <= $1 OR ($2::bigint <> 0 AND administrator = $2)");
    tg_pgquery_int(&q, now);
    tg_pgquery_int(&q, administrator);
    return tg_pgquery_run(&q);
}

/* ---- audit ---- */

tg_err_t tg_postgres_audit_append(tg_config_store_t *s, const tg_audit_t *a) {
    tg_pgquery_t q;
    tg_pgquery_write(&q, tg_pg_of(s),
                     "INSERT INTO audit (at, who, what, state_before, state_after) VALUES ($1, $2, $3, $4, $5)");
    tg_pgquery_int(&q, a->at);
    tg_pgquery_text(&q, a->who);
    tg_pgquery_text(&q, a->what);
    tg_pgquery_text(&q, a->before);
    tg_pgquery_text(&q, a->after);
    return tg_pgquery_run(&q);
}

tg_err_t tg_postgres_audit_list(tg_config_store_t *s, int64_t before_seq, size_t limit, tg_arena_t *arena,
                                tg_audit_t **out, size_t *n) {
    tg_pgquery_t q;
    tg_rows_t rows;
    tg_rows_init(&rows, arena, sizeof(tg_audit_t));
    tg_pgquery_read(
        &q, tg_pg_of(s),
        "SELECT seq, at, who, what, state_before, state_after FROM audit WHERE seq < $1 ORDER BY seq DESC LIMIT $2");
    tg_pgquery_int(&q, before_seq > 0 ? before_seq : INT64_MAX);
    tg_pgquery_int(&q, (int64_t)limit);
    while (tg_pgquery_step(&q)) {
        tg_audit_t *row = tg_pgquery_row(&q, &rows);
        if (row != NULL) {
            row->seq = tg_pgquery_col_int(&q, 0);
            row->at = tg_pgquery_col_int(&q, 1);
            tg_pgquery_col_text(&q, 2, arena, &row->who);
            tg_pgquery_col_text(&q, 3, arena, &row->what);
            tg_pgquery_col_text(&q, 4, arena, &row->before);
            tg_pgquery_col_text(&q, 5, arena, &row->after);
        }
    }
    *out = (tg_audit_t *)(void *)rows.p;
    *n = rows.n;
    return tg_pgquery_done(&q);
}
