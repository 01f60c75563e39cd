#include "store/sqlite/config.h"

#define COLUMNS "id, kind, ifnull(parent, 0), name, version, created_at, updated_at, doc"

static void row_read(tg_query_t *q, tg_arena_t *arena, tg_resource_t *out) {
    out->id = sqlite3_column_int64(q->st, 0);
    out->kind = (tg_resource_kind_t)sqlite3_column_int64(q->st, 1);
    out->parent = sqlite3_column_int64(q->st, 2);
    tg_query_col_text(q, 3, arena, &out->name);
    out->version = sqlite3_column_int64(q->st, 4);
    out->created_at = sqlite3_column_int64(q->st, 5);
    out->updated_at = sqlite3_column_int64(q->st, 6);
    tg_query_col_text(q, 7, arena, &out->doc);
}

static tg_err_t row_only(tg_query_t *q, tg_arena_t *arena, tg_resource_t *out) {
    if (tg_query_step(q)) {
        row_read(q, arena, out);
    } else {
        tg_query_fail(q, TG_ERR_NOTFOUND);
    }
    return tg_query_done(q);
}

tg_err_t tg_sqlite_resource_create(tg_config_store_t *s, tg_resource_kind_t kind, int64_t parent, tg_str_t name,
                                   tg_str_t doc, tg_ms_t now, int64_t *id) {
    tg_query_t q;
    tg_query_write(&q, tg_sqlite_of(s),
                   "INSERT INTO resource (kind, parent, name, version, created_at, updated_at, doc)"
                   " VALUES (?1, nullif(?2, 0), ?3, 1, ?4, ?4, ?5)");
    tg_query_int(&q, kind);
    tg_query_int(&q, parent);
    tg_query_text(&q, name);
    tg_query_int(&q, now);
    tg_query_text(&q, doc);
    tg_err_t err = tg_query_run(&q);
    *id = err == TG_OK ? sqlite3_last_insert_rowid(tg_sqlite_of(s)->db) : 0;
    return err;
}

tg_err_t tg_sqlite_resource_find(tg_config_store_t *s, tg_resource_kind_t kind, int64_t parent, tg_str_t name,
                                 tg_arena_t *arena, tg_resource_t *out) {
    tg_query_t q;
    tg_query_read(&q, tg_sqlite_of(s),
                  "SELECT " COLUMNS " FROM resource WHERE kind = ? AND ifnull(parent, 0) = ? AND name = ?");
    tg_query_int(&q, kind);
    tg_query_int(&q, parent);
    tg_query_text(&q, name);
    return row_only(&q, arena, out);
}

tg_err_t tg_sqlite_resource_get(tg_config_store_t *s, int64_t id, tg_arena_t *arena, tg_resource_t *out) {
    tg_query_t q;
    tg_query_read(&q, tg_sqlite_of(s), "SELECT " COLUMNS " FROM resource WHERE id = ?");
    tg_query_int(&q, id);
    return row_only(&q, arena, out);
}

static bool exists(tg_sqlite_t *db, int64_t id) {
    tg_query_t q;
    tg_query_read(&q, db, "SELECT 1 FROM resource WHERE id = ?");
    tg_query_int(&q, id);
    bool found = tg_query_step(&q);
    return tg_query_done(&q) == TG_OK && found;
}

tg_err_t tg_sqlite_resource_replace(tg_config_store_t *s, int64_t id, int64_t expected, tg_str_t doc, tg_ms_t now,
                                    int64_t *version) {
    tg_query_t q;
    tg_query_write(&q, tg_sqlite_of(s),
                   "UPDATE resource SET doc = ?1, updated_at = ?2, version = version + 1"
                   " WHERE id = ?3 AND (?4 = 0 OR version = ?4) RETURNING version");
    tg_query_text(&q, doc);
    tg_query_int(&q, now);
    tg_query_int(&q, id);
    tg_query_int(&q, expected);
    if (tg_query_step(&q)) {
        *version = sqlite3_column_int64(q.st, 0);
    } else {
        tg_query_fail(&q, exists(tg_sqlite_of(s), id) ? TG_ERR_CONFLICT : TG_ERR_NOTFOUND);
    }
    return tg_query_run(&q);
}

tg_err_t tg_sqlite_resource_delete(tg_config_store_t *s, int64_t id) {
    tg_query_t q;
    tg_query_write(&q, tg_sqlite_of(s), "DELETE FROM resource WHERE id = ?");
    tg_query_int(&q, id);
    while (tg_query_step(&q)) {
    }
    if (q.err == TG_ERR_NOTFOUND) {
        q.err = TG_ERR_CONFLICT; /* the broken reference is a child's */
    } else if (q.err == TG_OK && sqlite3_changes(q.q->db) == 0) {
        tg_query_fail(&q, TG_ERR_NOTFOUND);
    }
    return tg_query_done(&q);
}

#define MATCHING                                                                                                       \
    " FROM resource WHERE kind = ?1 AND (?2 = 0 OR ifnull(parent, 0) = ?2) AND (?3 = '' OR instr(lower(name), "        \
    "lower(?3)) > 0)"

static void query_bind(tg_query_t *q, const tg_resource_query_t *query) {
    tg_query_int(q, query->kind);
    tg_query_int(q, query->parent);
    tg_query_text(q, query->q);
}

static tg_err_t count(tg_sqlite_t *db, const tg_resource_query_t *query, int64_t *total) {
    tg_query_t q;
    tg_query_read(&q, db, "SELECT count(*)" MATCHING);
    query_bind(&q, query);
    if (tg_query_step(&q)) {
        *total = sqlite3_column_int64(q.st, 0);
    }
    return tg_query_done(&q);
}

static tg_err_t page(tg_sqlite_t *db, const tg_resource_query_t *query, tg_arena_t *arena, tg_rows_t *rows) {
    tg_query_t q;
    tg_query_read(&q, db,
                  query->descending ? "SELECT " COLUMNS MATCHING " ORDER BY name DESC, id DESC LIMIT ?4 OFFSET ?5"
                                    : "SELECT " COLUMNS MATCHING " ORDER BY name, id LIMIT ?4 OFFSET ?5");
    query_bind(&q, query);
    tg_query_int(&q, query->limit > 0 ? query->limit : -1);
    tg_query_int(&q, query->offset);
    while (tg_query_step(&q)) {
        tg_resource_t *row = tg_query_row(&q, rows);
        if (row != NULL) {
            row_read(&q, arena, row);
        }
    }
    return tg_query_done(&q);
}

tg_err_t tg_sqlite_resource_list(tg_config_store_t *s, const tg_resource_query_t *query, tg_arena_t *arena,
                                 tg_resource_t **out, size_t *n, int64_t *total) {
    tg_sqlite_t *db = tg_sqlite_of(s);
    tg_rows_t rows;
    tg_rows_init(&rows, arena, sizeof(tg_resource_t));
    tg_err_t err = tg_sqlite_read_begin(db);
    if (err != TG_OK) {
        return err;
    }
    err = count(db, query, total);
    if (err == TG_OK) {
        err = page(db, query, arena, &rows);
    }
    tg_sqlite_read_end(db);
    *out = (tg_resource_t *)(void *)rows.p;
    *n = rows.n;
    return err;
}
