#include "store/postgres/config.h"

tg_err_t tg_postgres_access_put(tg_config_store_t *s, const tg_access_entry_t *entry) {
    tg_pgquery_t q;
    tg_pgquery_write(&q, tg_pg_of(s),
                     "INSERT INTO client_access (key_id, target, doc) VALUES ($1, $2, $3)"
                     " ON CONFLICT (key_id, target) DO UPDATE SET doc = excluded.doc");
    tg_pgquery_int(&q, entry->key_id);
    tg_pgquery_int(&q, entry->target);
    tg_pgquery_text(&q, entry->doc);
    return tg_pgquery_run(&q);
}

tg_err_t tg_postgres_access_delete(tg_config_store_t *s, int64_t key_id, int64_t target) {
    tg_pgquery_t q;
    tg_pgquery_write(&q, tg_pg_of(s), "DELETE FROM client_access WHERE key_id = $1 AND target = $2");
    tg_pgquery_int(&q, key_id);
    tg_pgquery_int(&q, target);
    return tg_pgquery_changed(&q);
}

tg_err_t tg_postgres_access_list(tg_config_store_t *s, int64_t key_id, tg_arena_t *arena, tg_access_entry_t **out,
                                 size_t *n) {
    tg_pgquery_t q;
    tg_rows_t rows;
    tg_rows_init(&rows, arena, sizeof(tg_access_entry_t));
    tg_pgquery_read(&q, tg_pg_of(s), "SELECT target, doc FROM client_access WHERE key_id = $1 ORDER BY target");
    tg_pgquery_int(&q, key_id);
    while (tg_pgquery_step(&q)) {
        tg_access_entry_t *row = tg_pgquery_row(&q, &rows);
        if (row != NULL) {
            row->key_id = key_id;
            row->target = tg_pgquery_col_int(&q, 0);
            tg_pgquery_col_text(&q, 1, arena, &row->doc);
        }
    }
    *out = (tg_access_entry_t *)(void *)rows.p;
    *n = rows.n;
    return tg_pgquery_done(&q);
}

/* 0: there is no such client. */
static tg_err_t version_of(tg_pg_t *db, int64_t key_id, int64_t *version) {
    tg_pgquery_t q;
    *version = 0;
    tg_pgquery_read(&q, db, "SELECT version FROM client WHERE key_id = $1");
    tg_pgquery_int(&q, key_id);
    if (tg_pgquery_step(&q)) {
        *version = tg_pgquery_col_int(&q, 0);
    }
    return tg_pgquery_done(&q);
}

static tg_err_t row_find(tg_pg_t *db, int64_t key_id, int64_t target, tg_arena_t *arena, tg_access_entry_t *out) {
    tg_pgquery_t q;
    tg_pgquery_read(&q, db, "SELECT doc FROM client_access WHERE key_id = $1 AND target = $2");
    tg_pgquery_int(&q, key_id);
    tg_pgquery_int(&q, target);
    if (tg_pgquery_step(&q)) {
        *out = (tg_access_entry_t){.key_id = key_id, .target = target};
        tg_pgquery_col_text(&q, 0, arena, &out->doc);
    } else {
        tg_pgquery_fail(&q, TG_ERR_NOTFOUND);
    }
    return tg_pgquery_done(&q);
}

tg_err_t tg_postgres_access_find(tg_config_store_t *s, int64_t key_id, const int64_t *targets, size_t n,
                                 tg_arena_t *arena, tg_access_entry_t *out, int64_t *version) {
    tg_pg_t *db = tg_pg_of(s);
    *version = 0;
    tg_err_t err = tg_pg_read_begin(db); /* the version and the row belong together */
    if (err != TG_OK) {
        return err;
    }
    err = version_of(db, key_id, version);
    if (err == TG_OK) {
        err = TG_ERR_NOTFOUND;
    }
    for (size_t i = 0; i < n && err == TG_ERR_NOTFOUND; i++) {
        err = row_find(db, key_id, targets[i], arena, out);
    }
    tg_pg_read_end(db);
    return err;
}

tg_err_t tg_postgres_access_clients(tg_config_store_t *s, int64_t target, tg_arena_t *arena, tg_str_t **client_ids,
                                    size_t *n) {
    tg_pgquery_t q;
    tg_rows_t rows;
    tg_rows_init(&rows, arena, sizeof(tg_str_t));
    tg_pgquery_read(&q, tg_pg_of(s),
                    "SELECT c.client_id FROM client_access a JOIN client c ON c.key_id = a.key_id WHERE a.target = $1"
                    " ORDER BY a.key_id");
    tg_pgquery_int(&q, target);
    while (tg_pgquery_step(&q)) {
        tg_str_t *row = tg_pgquery_row(&q, &rows);
        if (row != NULL) {
            tg_pgquery_col_text(&q, 0, arena, row);
        }
    }
    *client_ids = (tg_str_t *)(void *)rows.p;
    *n = rows.n;
    return tg_pgquery_done(&q);
}
