#include "store/postgres/feed.h"
#include "store/postgres/tokens.h"

tg_err_t tg_postgres_token_change_head(tg_token_store_t *store, int64_t *seq) {
    return tg_pg_feed_head(&((tg_postgres_tokens_t *)store)->q, seq);
}

int tg_postgres_token_change_fd(tg_token_store_t *store, bool *told) {
    return tg_pg_feed_fd(&((tg_postgres_tokens_t *)store)->q, "LISTEN tollgate_tokens", told);
}

tg_err_t tg_postgres_token_change_read(tg_token_store_t *store, int64_t after, size_t limit, tg_arena_t *arena,
                                       tg_token_change_t **out, size_t *n) {
    tg_pgquery_t s;
    tg_rows_t rows;
    tg_rows_init(&rows, arena, sizeof(tg_token_change_t));
    tg_pgquery_read(&s, &((tg_postgres_tokens_t *)store)->q, TG_PG_FEED("c.kind, c.environment_id, c.id, c.until"));
    tg_pgquery_int(&s, after);
    tg_pgquery_int(&s, (int64_t)limit);
    while (tg_pg_feed_step(&s, after)) {
        tg_token_change_t *row = tg_pgquery_row(&s, &rows);
        if (row != NULL) {
            row->seq = tg_pgquery_col_int(&s, 2);
            row->kind = (tg_token_change_kind_t)tg_pgquery_col_int(&s, 3);
            row->environment_id = tg_pgquery_col_int(&s, 4);
            tg_pgquery_col_text(&s, 5, arena, &row->id);
            row->until = tg_pgquery_col_int(&s, 6);
        }
    }
    *out = (tg_token_change_t *)(void *)rows.p;
    *n = rows.n;
    return tg_pgquery_done(&s);
}

/* One statement is one moment: the list and its position belong together. Without an entry there is one row of NULLs.
 */
tg_err_t tg_postgres_revocation_list(tg_token_store_t *store, int64_t environment_id, tg_ms_t now, tg_arena_t *arena,
                                     tg_revocation_t **out, size_t *n, int64_t *seq) {
    tg_pgquery_t s;
    tg_rows_t rows;
    tg_rows_init(&rows, arena, sizeof(tg_revocation_t));
    *seq = 0;
    tg_pgquery_read(&s, &((tg_postgres_tokens_t *)store)->q,
                    "SELECT h.seq, r.id, r.until FROM head h"
                    " LEFT JOIN revocation r ON r.environment_id = $1 AND r.until > $2");
    tg_pgquery_int(&s, environment_id);
    tg_pgquery_int(&s, now);
    while (tg_pgquery_step(&s)) {
        *seq = tg_pgquery_col_int(&s, 0);
        tg_revocation_t *row = tg_pgquery_col_null(&s, 1) ? NULL : tg_pgquery_row(&s, &rows);
        if (row != NULL) {
            tg_pgquery_col_bytes(&s, 1, row->id, sizeof(row->id));
            row->until = tg_pgquery_col_int(&s, 2);
            row->until = row->until == INT64_MAX ? 0 : row->until;
        }
    }
    *out = (tg_revocation_t *)(void *)rows.p;
    *n = rows.n;
    return tg_pgquery_done(&s);
}
