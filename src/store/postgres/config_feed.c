#include "store/audit_chain.h"
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

int tg_postgres_change_fd(tg_config_store_t *s, bool *told) {
    return tg_pg_feed_fd(tg_pg_of(s), "LISTEN tollgate_config", told);
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
                     "INSERT INTO session (token_hash, administrator, access_token, expires_at) VALUES ($1, $2, $3, $4)"
                     " ON CONFLICT (token_hash) DO UPDATE SET administrator = excluded.administrator, access_token ="
                     " excluded.access_token, expires_at = excluded.expires_at");
    tg_pgquery_blob(&q, session->token_hash, sizeof(session->token_hash));
    tg_pgquery_int(&q, session->administrator);
    tg_pgquery_int(&q, session->access_token);
    tg_pgquery_int(&q, session->expires_at);
    return tg_pgquery_run(&q);
}

tg_err_t tg_postgres_session_find(tg_config_store_t *s, const uint8_t token_hash[32], tg_ms_t now, tg_session_t *out) {
    tg_pgquery_t q;
    tg_pgquery_read(
        &q, tg_pg_of(s),
        "SELECT administrator, expires_at, access_token FROM session WHERE token_hash = $1 AND expires_at > $2");
    tg_pgquery_blob(&q, token_hash, sizeof(out->token_hash));
    tg_pgquery_int(&q, now);
    if (tg_pgquery_step(&q)) {
        memcpy(out->token_hash, token_hash, sizeof(out->token_hash));
        out->administrator = tg_pgquery_col_int(&q, 0);
        out->expires_at = tg_pgquery_col_int(&q, 1);
        out->access_token = tg_pgquery_col_int(&q, 2);
    } else {
        tg_pgquery_fail(&q, TG_ERR_NOTFOUND);
    }
    return tg_pgquery_done(&q);
}

tg_err_t tg_postgres_session_delete(tg_config_store_t *s, const uint8_t token_hash[32]) {
    tg_pgquery_t q;
    tg_pgquery_write(&q, tg_pg_of(s), "DELETE FROM session WHERE token_hash = $1");
    tg_pgquery_blob(&q, token_hash, 32);
    return tg_pgquery_run(&q);
}

tg_err_t tg_postgres_session_purge(tg_config_store_t *s, tg_ms_t now, int64_t administrator) {
    tg_pgquery_t q;
    tg_pgquery_write(&q, tg_pg_of(s),
                     "DELETE FROM session WHERE expires_at <= $1"
                     " OR ($2::bigint <> 0 AND administrator = $2 AND access_token = 0)");
    tg_pgquery_int(&q, now);
    tg_pgquery_int(&q, administrator);
    return tg_pgquery_run(&q);
}

/* ---- audit ---- */

#define AUDIT_COLUMNS "seq, at, who, what, project, state_before, state_after, previous, hash"

/* The newest row's number and hash, and the number given out last; the transaction holds the row of head. */
static tg_err_t audit_head(tg_pg_t *db, tg_audit_t *head, int64_t *last) {
    tg_pgquery_t q;
    *head = (tg_audit_t){.seq = 0};
    *last = 0;
    tg_pgquery_read(&q, db,
                    "SELECT h.audit, a.seq, a.hash FROM head h"
                    " LEFT JOIN LATERAL (SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1) a ON true");
    if (tg_pgquery_step(&q)) {
        *last = tg_pgquery_col_int(&q, 0);
        head->seq = tg_pgquery_col_int(&q, 1);
        tg_pgquery_col_bytes(&q, 2, head->hash, TG_AUDIT_HASH_LEN);
    }
    return tg_pgquery_done(&q);
}

tg_err_t tg_postgres_audit_append(tg_config_store_t *s, const tg_audit_t *a) {
    tg_audit_t head, row = *a;
    int64_t last;
    tg_err_t err = audit_head(tg_pg_of(s), &head, &last);
    if (err == TG_OK) {
        err = tg_audit_link(&head, last, &row);
    }
    tg_pgquery_t q;
    tg_pgquery_write(&q, tg_pg_of(s),
                     "WITH h AS (UPDATE head SET audit = $1 RETURNING audit) INSERT INTO audit (" AUDIT_COLUMNS ")"
                     " SELECT audit, $2::bigint, $3, $4, $5, $6, $7, $8::bytea, $9::bytea FROM h");
    tg_pgquery_fail(&q, err);
    tg_pgquery_int(&q, row.seq);
    tg_pgquery_int(&q, row.at);
    tg_pgquery_text(&q, row.who);
    tg_pgquery_text(&q, row.what);
    tg_pgquery_text(&q, row.project);
    tg_pgquery_text(&q, row.before);
    tg_pgquery_text(&q, row.after);
    tg_pgquery_blob(&q, row.previous, TG_AUDIT_HASH_LEN);
    tg_pgquery_blob(&q, row.hash, TG_AUDIT_HASH_LEN);
    return tg_pgquery_run(&q);
}

static void audit_read(tg_pgquery_t *q, tg_arena_t *arena, tg_audit_t *row) {
    row->seq = tg_pgquery_col_int(q, 0);
    row->at = tg_pgquery_col_int(q, 1);
    tg_pgquery_col_text(q, 2, arena, &row->who);
    tg_pgquery_col_text(q, 3, arena, &row->what);
    tg_pgquery_col_text(q, 4, arena, &row->project);
    tg_pgquery_col_text(q, 5, arena, &row->before);
    tg_pgquery_col_text(q, 6, arena, &row->after);
    tg_pgquery_col_bytes(q, 7, row->previous, TG_AUDIT_HASH_LEN);
    tg_pgquery_col_bytes(q, 8, row->hash, TG_AUDIT_HASH_LEN);
}

tg_err_t tg_postgres_audit_list(tg_config_store_t *s, int64_t before_seq, size_t limit, tg_arena_t *arena,
                                tg_audit_t **out, size_t *n) {
    tg_pgquery_t q;
    tg_rows_t rows;
    tg_rows_init(&rows, arena, sizeof(tg_audit_t));
    tg_pgquery_read(&q, tg_pg_of(s), "SELECT " AUDIT_COLUMNS " FROM audit WHERE seq < $1 ORDER BY seq DESC LIMIT $2");
    tg_pgquery_int(&q, before_seq > 0 ? before_seq : INT64_MAX);
    tg_pgquery_int(&q, (int64_t)limit);
    while (tg_pgquery_step(&q)) {
        tg_audit_t *row = tg_pgquery_row(&q, &rows);
        if (row != NULL) {
            audit_read(&q, arena, row);
        }
    }
    *out = (tg_audit_t *)(void *)rows.p;
    *n = rows.n;
    return tg_pgquery_done(&q);
}
