#include "store/postgres/config.h"

#define COLUMNS "id, kind, coalesce(parent, 0), name, version, created_at, updated_at, doc"

static void row_read(tg_pgquery_t *q, tg_arena_t *arena, tg_resource_t *out) {
    out->id = tg_pgquery_col_int(q, 0);
    out->kind = (tg_resource_kind_t)tg_pgquery_col_int(q, 1);
    out->parent = tg_pgquery_col_int(q, 2);
    tg_pgquery_col_text(q, 3, arena, &out->name);
    out->version = tg_pgquery_col_int(q, 4);
    out->created_at = tg_pgquery_col_int(q, 5);
    out->updated_at = tg_pgquery_col_int(q, 6);
    tg_pgquery_col_text(q, 7, arena, &out->doc);
}

static tg_err_t row_only(tg_pgquery_t *q, tg_arena_t *arena, tg_resource_t *out) {
    if (tg_pgquery_step(q)) {
        row_read(q, arena, out);
    } else {
        tg_pgquery_fail(q, TG_ERR_NOTFOUND);
    }
    return tg_pgquery_done(q);
}

tg_err_t tg_postgres_resource_create(tg_config_store_t *s, tg_resource_kind_t kind, int64_t parent, tg_str_t name,
                                     tg_str_t doc, tg_ms_t now, int64_t *id) {
    tg_pgquery_t q;
    tg_pgquery_write(&q, tg_pg_of(s),
                     "INSERT INTO resource (kind, parent, name, version, created_at, updated_at, doc)"
                     " VALUES ($1, nullif($2::bigint, 0), $3, 1, $4, $4, $5) RETURNING id");
    tg_pgquery_int(&q, kind);
    tg_pgquery_int(&q, parent);
    tg_pgquery_text(&q, name);
    tg_pgquery_int(&q, now);
    tg_pgquery_text(&q, doc);
    *id = tg_pgquery_step(&q) ? tg_pgquery_col_int(&q, 0) : 0;
    return tg_pgquery_run(&q);
}

tg_err_t tg_postgres_resource_find(tg_config_store_t *s, tg_resource_kind_t kind, int64_t parent, tg_str_t name,
                                   tg_arena_t *arena, tg_resource_t *out) {
    tg_pgquery_t q;
    tg_pgquery_read(&q, tg_pg_of(s),
                    "SELECT " COLUMNS " FROM resource WHERE kind = $1 AND coalesce(parent, 0) = $2 AND name = $3");
    tg_pgquery_int(&q, kind);
    tg_pgquery_int(&q, parent);
    tg_pgquery_text(&q, name);
    return row_only(&q, arena, out);
}

tg_err_t tg_postgres_resource_get(tg_config_store_t *s, int64_t id, tg_arena_t *arena, tg_resource_t *out) {
    tg_pgquery_t q;
    tg_pgquery_read(&q, tg_pg_of(s), "SELECT " COLUMNS " FROM resource WHERE id = $1");
    tg_pgquery_int(&q, id);
    return row_only(&q, arena, out);
}

static bool exists(tg_pg_t *db, int64_t id) {
    tg_pgquery_t q;
    tg_pgquery_read(&q, db, "SELECT 1 FROM resource WHERE id = $1");
    tg_pgquery_int(&q, id);
    bool found = tg_pgquery_step(&q);
    return tg_pgquery_done(&q) == TG_OK && found;
}

tg_err_t tg_postgres_resource_replace(tg_config_store_t *s, int64_t id, int64_t expected, tg_str_t doc, tg_ms_t now,
                                      int64_t *version) {
    tg_pgquery_t q;
    tg_pgquery_write(&q, tg_pg_of(s),
                     "UPDATE resource SET doc = $1, updated_at = $2, version = version + 1"
                     " WHERE id = $3 AND ($4::bigint = 0 OR version = $4) RETURNING version");
    tg_pgquery_text(&q, doc);
    tg_pgquery_int(&q, now);
    tg_pgquery_int(&q, id);
    tg_pgquery_int(&q, expected);
    if (tg_pgquery_step(&q)) {
        *version = tg_pgquery_col_int(&q, 0);
    } else {
        tg_pgquery_fail(&q, exists(tg_pg_of(s), id) ? TG_ERR_CONFLICT : TG_ERR_NOTFOUND);
    }
    return tg_pgquery_run(&q);
}

tg_err_t tg_postgres_resource_delete(tg_config_store_t *s, int64_t id) {
    tg_pgquery_t q;
    tg_pgquery_write(&q, tg_pg_of(s), "DELETE FROM resource WHERE id = $1");
    tg_pgquery_int(&q, id);
    while (tg_pgquery_step(&q)) {
    }
    if (q.err == TG_ERR_NOTFOUND) {
        q.err = TG_ERR_CONFLICT; /* the broken reference is a child's */
    } else if (q.err == TG_OK && tg_pgquery_affected(&q) == 0) {
        tg_pgquery_fail(&q, TG_ERR_NOTFOUND);
    }
    return tg_pgquery_done(&q);
}

#define MATCHING                                                                                                       \
    " FROM resource WHERE kind = $1 AND ($2::bigint = 0 OR coalesce(parent, 0) = $2)"                                  \
    " AND ($3::text = '' OR strpos(lower(name), lower($3::text COLLATE \"C\")) > 0)"

static void query_bind(tg_pgquery_t *q, const tg_resource_query_t *query) {
    tg_pgquery_int(q, query->kind);
    tg_pgquery_int(q, query->parent);
    tg_pgquery_text(q, query->q);
}

static tg_err_t count(tg_pg_t *db, const tg_resource_query_t *query, int64_t *total) {
    tg_pgquery_t q;
    tg_pgquery_read(&q, db, "SELECT count(*)" MATCHING);
    query_bind(&q, query);
    if (tg_pgquery_step(&q)) {
        *total = tg_pgquery_col_int(&q, 0);
    }
    return tg_pgquery_done(&q);
}

static tg_err_t page(tg_pg_t *db, const tg_resource_query_t *query, tg_arena_t *arena, tg_rows_t *rows) {
    tg_pgquery_t q;
    tg_pgquery_read(&q, db,
                    query->descending ? "SELECT " COLUMNS MATCHING " ORDER BY name DESC, id DESC LIMIT $4 OFFSET $5"
                                      : "SELECT " COLUMNS MATCHING " ORDER BY name, id LIMIT $4 OFFSET $5");
    query_bind(&q, query);
    tg_pgquery_int(&q, query->limit > 0 ? query->limit : INT64_MAX);
    tg_pgquery_int(&q, query->offset);
    while (tg_pgquery_step(&q)) {
        tg_resource_t *row = tg_pgquery_row(&q, rows);
        if (row != NULL) {
            row_read(&q, arena, row);
        }
    }
    return tg_pgquery_done(&q);
}

tg_err_t tg_postgres_resource_list(tg_config_store_t *s, const tg_resource_query_t *query, tg_arena_t *arena,
                                   tg_resource_t **out, size_t *n, int64_t *total) {
    tg_pg_t *db = tg_pg_of(s);
    tg_rows_t rows;
    tg_rows_init(&rows, arena, sizeof(tg_resource_t));
    tg_err_t err = tg_pg_read_begin(db);
    if (err != TG_OK) {
        return err;
    }
    *total = 0;
    err = count(db, query, total);
    if (err == TG_OK) {
        err = page(db, query, arena, &rows);
    }
    tg_pg_read_end(db);
    if (err == TG_ERR_NOTFOUND) {
        err = TG_OK; /* what is looked for is no text: no name has it */
    }
    *out = (tg_resource_t *)(void *)rows.p;
    *n = rows.n;
    return err;
}
