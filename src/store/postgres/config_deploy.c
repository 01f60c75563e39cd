#include "model/snapshot.h"
#include "store/postgres/config.h"

/* ---- signing keys ---- */

tg_err_t tg_postgres_signing_key_put(tg_config_store_t *s, int64_t environment_id, tg_str_t kid, tg_str_t doc) {
    tg_pgquery_t q;
    tg_pgquery_write(&q, tg_pg_of(s),
                     "INSERT INTO signing_key (environment_id, kid, doc) VALUES ($1, $2, $3)"
                     " ON CONFLICT (environment_id, kid) DO UPDATE SET doc = excluded.doc");
    tg_pgquery_int(&q, environment_id);
    tg_pgquery_text(&q, kid);
    tg_pgquery_text(&q, doc);
    return tg_pgquery_run(&q);
}

tg_err_t tg_postgres_signing_key_list(tg_config_store_t *s, int64_t environment_id, tg_arena_t *arena, tg_str_t **docs,
                                      size_t *n) {
    tg_pgquery_t q;
    tg_rows_t rows;
    tg_rows_init(&rows, arena, sizeof(tg_str_t));
    tg_pgquery_read(&q, tg_pg_of(s), "SELECT doc FROM signing_key WHERE environment_id = $1 ORDER BY id");
    tg_pgquery_int(&q, environment_id);
    while (tg_pgquery_step(&q)) {
        tg_str_t *doc = tg_pgquery_row(&q, &rows);
        if (doc != NULL) {
            tg_pgquery_col_text(&q, 0, arena, doc);
        }
    }
    *docs = (tg_str_t *)(void *)rows.p;
    *n = rows.n;
    return tg_pgquery_done(&q);
}

/* ---- revisions and deployments ---- */

tg_err_t tg_postgres_revision_next(tg_config_store_t *s, int64_t environment_id, int64_t *revision) {
    tg_pgquery_t q;
    tg_pgquery_write(&q, tg_pg_of(s),
                     "INSERT INTO revision (environment_id, last) VALUES ($1, 1)"
                     " ON CONFLICT (environment_id) DO UPDATE SET last = revision.last + 1 RETURNING last");
    tg_pgquery_int(&q, environment_id);
    if (tg_pgquery_step(&q)) {
        *revision = tg_pgquery_col_int(&q, 0);
    }
    return tg_pgquery_run(&q);
}

static tg_err_t history_add(tg_pg_t *db, const tg_deployment_t *d, int64_t *id) {
    tg_pgquery_t q;
    tg_pgquery_write(
        &q, db,
        "INSERT INTO deployment_history (environment_id, proxy_id, revision, at, author, description, undeploy, doc)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id");
    tg_pgquery_int(&q, d->environment_id);
    tg_pgquery_int(&q, d->proxy_id);
    tg_pgquery_int(&q, d->revision);
    tg_pgquery_int(&q, d->at);
    tg_pgquery_text(&q, d->by);
    tg_pgquery_text(&q, d->description);
    tg_pgquery_bool(&q, d->undeploy);
    tg_pgquery_text(&q, d->doc);
    *id = tg_pgquery_step(&q) ? tg_pgquery_col_int(&q, 0) : 0;
    return tg_pgquery_run(&q);
}

/* What is deployed is the newest row of its history, so that it stays. */
static tg_err_t history_prune(tg_pg_t *db, const tg_deployment_t *d) {
    tg_pgquery_t q;
    tg_pgquery_write(&q, db,
                     "DELETE FROM deployment_history WHERE proxy_id = $1 AND environment_id = $2 AND id <="
                     " (SELECT id FROM deployment_history WHERE proxy_id = $1 AND environment_id = $2"
                     " ORDER BY id DESC LIMIT 1 OFFSET $3)");
    tg_pgquery_int(&q, d->proxy_id);
    tg_pgquery_int(&q, d->environment_id);
    tg_pgquery_int(&q, TG_HISTORY_KEPT);
    return tg_pgquery_run(&q);
}

tg_err_t tg_postgres_deployment_put(tg_config_store_t *s, const tg_deployment_t *d) {
    tg_pg_t *db = tg_pg_of(s);
    int64_t history_id;
    tg_err_t err = history_add(db, d, &history_id);
    if (err != TG_OK) {
        return err;
    }
    tg_pgquery_t q;
    if (d->undeploy) {
        tg_pgquery_write(&q, db, "DELETE FROM deployment WHERE environment_id = $1 AND proxy_id = $2");
    } else {
        tg_pgquery_write(&q, db,
                         "INSERT INTO deployment (environment_id, proxy_id, history_id) VALUES ($1, $2, $3)"
                         " ON CONFLICT (environment_id, proxy_id) DO UPDATE SET history_id = excluded.history_id");
    }
    tg_pgquery_int(&q, d->environment_id);
    tg_pgquery_int(&q, d->proxy_id);
    if (!d->undeploy) {
        tg_pgquery_int(&q, history_id);
    }
    err = tg_pgquery_run(&q);
    return err != TG_OK ? err : history_prune(db, d);
}

#define SUMMARY "h.environment_id, h.proxy_id, h.revision, h.at, h.author, h.description, h.undeploy, "
#define COLUMNS SUMMARY "h.doc"
#define DEPLOYED                                                                                                       \
    "SELECT " COLUMNS " FROM deployment d JOIN deployment_history h ON h.id = d.history_id WHERE d.environment_id = "  \
    "$1"

static void row_read(tg_pgquery_t *q, tg_arena_t *arena, tg_deployment_t *out) {
    out->environment_id = tg_pgquery_col_int(q, 0);
    out->proxy_id = tg_pgquery_col_int(q, 1);
    out->revision = tg_pgquery_col_int(q, 2);
    out->at = tg_pgquery_col_int(q, 3);
    tg_pgquery_col_text(q, 4, arena, &out->by);
    tg_pgquery_col_text(q, 5, arena, &out->description);
    out->undeploy = tg_pgquery_col_int(q, 6) != 0;
    tg_pgquery_col_text(q, 7, arena, &out->doc);
}

static tg_err_t row_get(tg_pgquery_t *q, tg_arena_t *arena, tg_deployment_t *out) {
    if (tg_pgquery_step(q)) {
        row_read(q, arena, out);
    } else {
        tg_pgquery_fail(q, TG_ERR_NOTFOUND);
    }
    return tg_pgquery_done(q);
}

static tg_err_t rows_read(tg_pgquery_t *q, tg_arena_t *arena, tg_deployment_t **out, size_t *n) {
    tg_rows_t rows;
    tg_rows_init(&rows, arena, sizeof(tg_deployment_t));
    while (tg_pgquery_step(q)) {
        tg_deployment_t *row = tg_pgquery_row(q, &rows);
        if (row != NULL) {
            row_read(q, arena, row);
        }
    }
    *out = (tg_deployment_t *)(void *)rows.p;
    *n = rows.n;
    return tg_pgquery_done(q);
}

tg_err_t tg_postgres_deployment_list(tg_config_store_t *s, int64_t environment_id, tg_arena_t *arena,
                                     tg_deployment_t **out, size_t *n) {
    tg_pgquery_t q;
    tg_pgquery_read(&q, tg_pg_of(s), DEPLOYED " ORDER BY d.proxy_id");
    tg_pgquery_int(&q, environment_id);
    return rows_read(&q, arena, out, n);
}

tg_err_t tg_postgres_deployment_find(tg_config_store_t *s, int64_t environment_id, int64_t proxy_id, tg_arena_t *arena,
                                     tg_deployment_t *out) {
    tg_pgquery_t q;
    tg_pgquery_read(&q, tg_pg_of(s), DEPLOYED " AND d.proxy_id = $2");
    tg_pgquery_int(&q, environment_id);
    tg_pgquery_int(&q, proxy_id);
    return row_get(&q, arena, out);
}

tg_err_t tg_postgres_deployment_history(tg_config_store_t *s, int64_t proxy_id, tg_arena_t *arena,
                                        tg_deployment_t **out, size_t *n) {
    tg_pgquery_t q;
    tg_pgquery_read(&q, tg_pg_of(s),
                    "SELECT " SUMMARY "'' FROM deployment_history h WHERE h.proxy_id = $1 ORDER BY h.id DESC");
    tg_pgquery_int(&q, proxy_id);
    return rows_read(&q, arena, out, n);
}

tg_err_t tg_postgres_deployment_as_of(tg_config_store_t *s, int64_t environment_id, int64_t proxy_id, int64_t revision,
                                      tg_arena_t *arena, tg_deployment_t *out) {
    tg_pgquery_t q;
    tg_pgquery_read(&q, tg_pg_of(s),
                    "SELECT " COLUMNS " FROM deployment_history h WHERE h.proxy_id = $1 AND h.environment_id = $2"
                    " AND h.revision <= $3 ORDER BY h.id DESC LIMIT 1");
    tg_pgquery_int(&q, proxy_id);
    tg_pgquery_int(&q, environment_id);
    tg_pgquery_int(&q, revision);
    return row_get(&q, arena, out);
}

/* ---- snapshots ---- */

tg_err_t tg_postgres_snapshot_put(tg_config_store_t *s, int64_t environment_id, int64_t revision, tg_str_t document) {
    tg_pgquery_t q;
    tg_pgquery_write(
        &q, tg_pg_of(s),
        "INSERT INTO snapshot (environment_id, revision, document) VALUES ($1, $2, $3)"
        " ON CONFLICT (environment_id) DO UPDATE SET revision = excluded.revision, document = excluded.document");
    tg_pgquery_int(&q, environment_id);
    tg_pgquery_int(&q, revision);
    tg_pgquery_blob(&q, document.p, document.n);
    if (document.n > TG_SNAPSHOT_MAX) {
        tg_pgquery_fail(&q, TG_ERR_LIMIT);
    }
    return tg_pgquery_run(&q);
}

tg_err_t tg_postgres_snapshot_get(tg_config_store_t *s, tg_str_t environment, int64_t *environment_id,
                                  int64_t *revision, tg_buf_t *out) {
    tg_pgquery_t q;
    tg_pgquery_read(
        &q, tg_pg_of(s),
        "SELECT p.environment_id, p.revision, p.document FROM resource e JOIN snapshot p ON p.environment_id = e.id"
        " WHERE e.kind = $1 AND coalesce(e.parent, 0) = 0 AND e.name = $2");
    tg_pgquery_int(&q, TG_RES_ENVIRONMENT);
    tg_pgquery_text(&q, environment);
    if (!tg_pgquery_step(&q)) {
        tg_pgquery_fail(&q, TG_ERR_NOTFOUND);
        return tg_pgquery_done(&q);
    }
    *environment_id = tg_pgquery_col_int(&q, 0);
    *revision = tg_pgquery_col_int(&q, 1);
    tg_buf_put(out, tg_pgquery_col(&q, 2));
    tg_pgquery_fail(&q, out->err);
    return tg_pgquery_done(&q);
}
