#include "model/snapshot.h"
#include "store/sqlite/config.h"

/* ---- signing keys ---- */

tg_err_t tg_sqlite_signing_key_put(tg_config_store_t *s, int64_t environment_id, tg_str_t kid, tg_str_t doc) {
    tg_query_t q;
    tg_query_write(&q, tg_sqlite_of(s),
                   "INSERT INTO signing_key (environment_id, kid, doc) VALUES (?, ?, ?)"
                   " ON CONFLICT (environment_id, kid) DO UPDATE SET doc = excluded.doc");
    tg_query_int(&q, environment_id);
    tg_query_text(&q, kid);
    tg_query_text(&q, doc);
    return tg_query_run(&q);
}

tg_err_t tg_sqlite_signing_key_list(tg_config_store_t *s, int64_t environment_id, tg_arena_t *arena, tg_str_t **docs,
                                    size_t *n) {
    tg_query_t q;
    tg_rows_t rows;
    tg_rows_init(&rows, arena, sizeof(tg_str_t));
    tg_query_read(&q, tg_sqlite_of(s), "SELECT doc FROM signing_key WHERE environment_id = ? ORDER BY id");
    tg_query_int(&q, environment_id);
    while (tg_query_step(&q)) {
        tg_str_t *doc = tg_query_row(&q, &rows);
        if (doc != NULL) {
            tg_query_col_text(&q, 0, arena, doc);
        }
    }
    *docs = (tg_str_t *)(void *)rows.p;
    *n = rows.n;
    return tg_query_done(&q);
}

/* ---- revisions and deployments ---- */

tg_err_t tg_sqlite_revision_next(tg_config_store_t *s, int64_t environment_id, int64_t *revision) {
    tg_query_t q;
    tg_query_write(&q, tg_sqlite_of(s),
                   "INSERT INTO revision (environment_id, last) VALUES (?, 1)"
                   " ON CONFLICT (environment_id) DO UPDATE SET last = last + 1 RETURNING last");
    tg_query_int(&q, environment_id);
    if (tg_query_step(&q)) {
        *revision = sqlite3_column_int64(q.st, 0);
    }
    return tg_query_run(&q);
}

static tg_err_t history_add(tg_sqlite_t *db, const tg_deployment_t *d) {
    tg_query_t q;
    tg_query_write(
        &q, db,
        "INSERT INTO deployment_history (environment_id, proxy_id, revision, at, author, description, undeploy, doc)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    tg_query_int(&q, d->environment_id);
    tg_query_int(&q, d->proxy_id);
    tg_query_int(&q, d->revision);
    tg_query_int(&q, d->at);
    tg_query_text(&q, d->by);
    tg_query_text(&q, d->description);
    tg_query_int(&q, d->undeploy);
    tg_query_text(&q, d->doc);
    return tg_query_run(&q);
}

/* What is deployed is the newest row of its history, so that it stays. */
static tg_err_t history_prune(tg_sqlite_t *db, const tg_deployment_t *d) {
    tg_query_t q;
    tg_query_write(&q, db,
                   "DELETE FROM deployment_history WHERE proxy_id = ?1 AND environment_id = ?2 AND id <="
                   " (SELECT id FROM deployment_history WHERE proxy_id = ?1 AND environment_id = ?2"
                   " ORDER BY id DESC LIMIT 1 OFFSET ?3)");
    tg_query_int(&q, d->proxy_id);
    tg_query_int(&q, d->environment_id);
    tg_query_int(&q, TG_HISTORY_KEPT);
    return tg_query_run(&q);
}

tg_err_t tg_sqlite_deployment_put(tg_config_store_t *s, const tg_deployment_t *d) {
    tg_sqlite_t *db = tg_sqlite_of(s);
    tg_err_t err = history_add(db, d);
    if (err != TG_OK) {
        return err;
    }
    int64_t history_id = sqlite3_last_insert_rowid(db->db);
    tg_query_t q;
    if (d->undeploy) {
        tg_query_write(&q, db, "DELETE FROM deployment WHERE environment_id = ? AND proxy_id = ?");
    } else {
        tg_query_write(&q, db,
                       "INSERT INTO deployment (environment_id, proxy_id, history_id) VALUES (?, ?, ?)"
                       " ON CONFLICT (environment_id, proxy_id) DO UPDATE SET history_id = excluded.history_id");
    }
    tg_query_int(&q, d->environment_id);
    tg_query_int(&q, d->proxy_id);
    if (!d->undeploy) {
        tg_query_int(&q, history_id);
    }
    err = tg_query_run(&q);
    return err != TG_OK ? err : history_prune(db, d);
}

#define SUMMARY "h.environment_id, h.proxy_id, h.revision, h.at, h.author, h.description, h.undeploy, "
#define COLUMNS SUMMARY "h.doc"
#define DEPLOYED                                                                                                       \
    "SELECT " COLUMNS " FROM deployment d JOIN deployment_history h ON h.id = d.history_id WHERE d.environment_id = ?"

static void row_read(tg_query_t *q, tg_arena_t *arena, tg_deployment_t *out) {
    out->environment_id = sqlite3_column_int64(q->st, 0);
    out->proxy_id = sqlite3_column_int64(q->st, 1);
    out->revision = sqlite3_column_int64(q->st, 2);
    out->at = sqlite3_column_int64(q->st, 3);
    tg_query_col_text(q, 4, arena, &out->by);
    tg_query_col_text(q, 5, arena, &out->description);
    out->undeploy = sqlite3_column_int64(q->st, 6) != 0;
    tg_query_col_text(q, 7, arena, &out->doc);
}

static tg_err_t rows_read(tg_query_t *q, tg_arena_t *arena, tg_deployment_t **out, size_t *n) {
    tg_rows_t rows;
    tg_rows_init(&rows, arena, sizeof(tg_deployment_t));
    while (tg_query_step(q)) {
        tg_deployment_t *row = tg_query_row(q, &rows);
        if (row != NULL) {
            row_read(q, arena, row);
        }
    }
    *out = (tg_deployment_t *)(void *)rows.p;
    *n = rows.n;
    return tg_query_done(q);
}

tg_err_t tg_sqlite_deployment_list(tg_config_store_t *s, int64_t environment_id, tg_arena_t *arena,
                                   tg_deployment_t **out, size_t *n) {
    tg_query_t q;
    tg_query_read(&q, tg_sqlite_of(s), DEPLOYED " ORDER BY d.proxy_id");
    tg_query_int(&q, environment_id);
    return rows_read(&q, arena, out, n);
}

tg_err_t tg_sqlite_deployment_find(tg_config_store_t *s, int64_t environment_id, int64_t proxy_id, tg_arena_t *arena,
                                   tg_deployment_t *out) {
    tg_query_t q;
    tg_query_read(&q, tg_sqlite_of(s), DEPLOYED " AND d.proxy_id = ?");
    tg_query_int(&q, environment_id);
    tg_query_int(&q, proxy_id);
    if (tg_query_step(&q)) {
        row_read(&q, arena, out);
    } else {
        tg_query_fail(&q, TG_ERR_NOTFOUND);
    }
    return tg_query_done(&q);
}

tg_err_t tg_sqlite_deployment_history(tg_config_store_t *s, int64_t proxy_id, tg_arena_t *arena, tg_deployment_t **out,
                                      size_t *n) {
    tg_query_t q;
    tg_query_read(&q, tg_sqlite_of(s),
                  "SELECT " SUMMARY "'' FROM deployment_history h WHERE h.proxy_id = ? ORDER BY h.id DESC");
    tg_query_int(&q, proxy_id);
    return rows_read(&q, arena, out, n);
}

tg_err_t tg_sqlite_deployment_as_of(tg_config_store_t *s, int64_t environment_id, int64_t proxy_id, int64_t revision,
                                    tg_arena_t *arena, tg_deployment_t *out) {
    tg_query_t q;
    tg_query_read(&q, tg_sqlite_of(s),
                  "SELECT " COLUMNS " FROM deployment_history h WHERE h.proxy_id = ? AND h.environment_id = ?"
                  " AND h.revision <= ? ORDER BY h.id DESC LIMIT 1");
    tg_query_int(&q, proxy_id);
    tg_query_int(&q, environment_id);
    tg_query_int(&q, revision);
    if (tg_query_step(&q)) {
        row_read(&q, arena, out);
    } else {
        tg_query_fail(&q, TG_ERR_NOTFOUND);
    }
    return tg_query_done(&q);
}

/* ---- snapshots ---- */

tg_err_t tg_sqlite_snapshot_put(tg_config_store_t *s, int64_t environment_id, int64_t revision, tg_str_t document) {
    tg_query_t q;
    tg_query_write(
        &q, tg_sqlite_of(s),
        "INSERT INTO snapshot (environment_id, revision, document) VALUES (?, ?, ?)"
        " ON CONFLICT (environment_id) DO UPDATE SET revision = excluded.revision, document = excluded.document");
    tg_query_int(&q, environment_id);
    tg_query_int(&q, revision);
    tg_query_blob(&q, document.p, document.n);
    if (document.n > TG_SNAPSHOT_MAX) {
        tg_query_fail(&q, TG_ERR_LIMIT);
    }
    return tg_query_run(&q);
}

tg_err_t tg_sqlite_snapshot_get(tg_config_store_t *s, tg_str_t environment, int64_t *environment_id, int64_t *revision,
                                tg_buf_t *out) {
    tg_query_t q;
    tg_query_read(
        &q, tg_sqlite_of(s),
        "SELECT p.environment_id, p.revision, p.document FROM resource e JOIN snapshot p ON p.environment_id = e.id"
        " WHERE e.kind = ? AND ifnull(e.parent, 0) = 0 AND e.name = ?");
    tg_query_int(&q, TG_RES_ENVIRONMENT);
    tg_query_text(&q, environment);
    if (!tg_query_step(&q)) {
        tg_query_fail(&q, TG_ERR_NOTFOUND);
        return tg_query_done(&q);
    }
    *environment_id = sqlite3_column_int64(q.st, 0);
    *revision = sqlite3_column_int64(q.st, 1);
    const char *document = sqlite3_column_blob(q.st, 2);
    size_t n = (size_t)sqlite3_column_bytes(q.st, 2);
    if (document == NULL && n > 0) {
        tg_query_fail(&q, TG_ERR_NOMEM);
    } else {
        tg_buf_put(out, tg_strn(document, n));
        tg_query_fail(&q, out->err);
    }
    return tg_query_done(&q);
}
