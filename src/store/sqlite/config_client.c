#include "store/sqlite/config.h"

#define COLUMNS                                                                                                        \
    "key_id, kind, owner, client_id, enabled, expires_at, generation, secret_kind, secret, project_id, details, "      \
    "version"

static void row_bind(tg_query_t *q, const tg_client_t *c) {
    tg_query_int(q, c->kind);
    tg_query_int(q, c->owner);
    tg_query_text(q, c->client_id);
    tg_query_int(q, c->enabled);
    tg_query_int(q, c->expires_at);
    tg_query_int(q, (int64_t)c->generation);
    tg_query_int(q, c->secret_kind);
    tg_query_blob(q, c->secret.p, c->secret.n);
    tg_query_int(q, c->project_id);
    tg_query_text(q, c->details);
    if (c->secret.n > TG_SECRET_ENCODED_MAX) {
        tg_query_fail(q, TG_ERR_LIMIT);
    }
}

static tg_err_t row_only(tg_query_t *q, tg_arena_t *arena, tg_client_t *out) {
    if (tg_query_step(q)) {
        out->key_id = sqlite3_column_int64(q->st, 0);
        out->kind = (tg_client_kind_t)sqlite3_column_int64(q->st, 1);
        out->owner = sqlite3_column_int64(q->st, 2);
        tg_query_col_text(q, 3, arena, &out->client_id);
        out->enabled = sqlite3_column_int64(q->st, 4) != 0;
        out->expires_at = sqlite3_column_int64(q->st, 5);
        out->generation = (uint64_t)sqlite3_column_int64(q->st, 6);
        out->secret_kind = (tg_secret_kind_t)sqlite3_column_int64(q->st, 7);
        tg_query_col_text(q, 8, arena, &out->secret);
        out->project_id = sqlite3_column_int64(q->st, 9);
        tg_query_col_text(q, 10, arena, &out->details);
        out->version = sqlite3_column_int64(q->st, 11);
    } else {
        tg_query_fail(q, TG_ERR_NOTFOUND);
    }
    return tg_query_done(q);
}

tg_err_t tg_sqlite_client_create(tg_config_store_t *s, const tg_client_t *c, int64_t *key_id) {
    tg_query_t q;
    tg_query_write(&q, tg_sqlite_of(s),
                   "INSERT INTO client (kind, owner, client_id, enabled, expires_at, generation, secret_kind, secret,"
                   " project_id, details) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    row_bind(&q, c);
    tg_err_t err = tg_query_run(&q);
    *key_id = err == TG_OK ? sqlite3_last_insert_rowid(tg_sqlite_of(s)->db) : 0;
    return err;
}

tg_err_t tg_sqlite_client_update(tg_config_store_t *s, const tg_client_t *c) {
    tg_query_t q;
    tg_query_write(&q, tg_sqlite_of(s),
                   "UPDATE client SET kind = ?, owner = ?, client_id = ?, enabled = ?, expires_at = ?, generation = ?, "
                   "secret_kind = ?,"
                   " secret = ?, project_id = ?, details = ?, version = version + 1 WHERE key_id = ?");
    row_bind(&q, c);
    tg_query_int(&q, c->key_id);
    return tg_query_changed(&q);
}

tg_err_t tg_sqlite_client_delete(tg_config_store_t *s, int64_t key_id) {
    tg_query_t q;
    tg_query_write(&q, tg_sqlite_of(s), "DELETE FROM client WHERE key_id = ?");
    tg_query_int(&q, key_id);
    return tg_query_changed(&q);
}

tg_err_t tg_sqlite_client_find(tg_config_store_t *s, tg_client_kind_t kind, tg_str_t client_id, tg_arena_t *arena,
                               tg_client_t *out) {
    tg_query_t q;
    tg_query_read(&q, tg_sqlite_of(s), "SELECT " COLUMNS " FROM client WHERE kind = ? AND client_id = ?");
    tg_query_int(&q, kind);
    tg_query_text(&q, client_id);
    return row_only(&q, arena, out);
}

tg_err_t tg_sqlite_client_find_owner(tg_config_store_t *s, int64_t owner, tg_arena_t *arena, tg_client_t *out) {
    tg_query_t q;
    tg_query_read(&q, tg_sqlite_of(s), "SELECT " COLUMNS " FROM client WHERE owner = ? ORDER BY key_id LIMIT 1");
    tg_query_int(&q, owner);
    return row_only(&q, arena, out);
}

tg_err_t tg_sqlite_client_turn(tg_config_store_t *s, int64_t key_id, int64_t environment_id, uint64_t nonce) {
    tg_query_t q;
    tg_query_write(&q, tg_sqlite_of(s),
                   "INSERT INTO client_turn (key_id, environment_id, nonce) VALUES (?, ?, ?)"
                   " ON CONFLICT (key_id, environment_id) DO UPDATE SET nonce = excluded.nonce");
    tg_query_int(&q, key_id);
    tg_query_int(&q, environment_id);
    tg_query_int(&q, (int64_t)nonce);
    if (nonce == 0) {
        tg_query_fail(&q, TG_ERR_INVALID);
    }
    return tg_query_run(&q);
}

/* ---- secrets of one environment ---- */

tg_err_t tg_sqlite_client_secret_put(tg_config_store_t *s, const tg_client_secret_t *secret) {
    tg_query_t q;
    tg_query_write(&q, tg_sqlite_of(s),
                   "INSERT INTO client_secret (key_id, environment_id, generation, secret_kind, secret)"
                   " VALUES (?, ?, ?, ?, ?) ON CONFLICT (key_id, environment_id) DO UPDATE SET"
                   " generation = excluded.generation, secret_kind = excluded.secret_kind, secret = excluded.secret");
    tg_query_int(&q, secret->key_id);
    tg_query_int(&q, secret->environment_id);
    tg_query_int(&q, (int64_t)secret->generation);
    tg_query_int(&q, secret->secret_kind);
    tg_query_blob(&q, secret->secret.p, secret->secret.n);
    if (secret->secret.n > TG_SECRET_ENCODED_MAX) {
        tg_query_fail(&q, TG_ERR_LIMIT);
    }
    return tg_query_run(&q);
}

tg_err_t tg_sqlite_client_secret_delete(tg_config_store_t *s, int64_t key_id, int64_t environment_id) {
    tg_query_t q;
    tg_query_write(&q, tg_sqlite_of(s), "DELETE FROM client_secret WHERE key_id = ? AND environment_id = ?");
    tg_query_int(&q, key_id);
    tg_query_int(&q, environment_id);
    return tg_query_changed(&q);
}

/* ---- what gateways ask ---- */

tg_err_t tg_sqlite_client_details(tg_config_store_t *s, int64_t key_id, tg_arena_t *arena, tg_str_t *client_id,
                                  tg_str_t *details, int64_t *version) {
    tg_query_t q;
    *version = 0;
    tg_query_read(&q, tg_sqlite_of(s), "SELECT client_id, details, version FROM client WHERE key_id = ?");
    tg_query_int(&q, key_id);
    if (tg_query_step(&q)) {
        tg_query_col_text(&q, 0, arena, client_id);
        tg_query_col_text(&q, 1, arena, details);
        *version = sqlite3_column_int64(q.st, 2);
    } else {
        tg_query_fail(&q, TG_ERR_NOTFOUND);
    }
    return tg_query_done(&q);
}

static void live_read(tg_query_t *q, tg_live_client_t *out) {
    out->exists = true;
    out->key_id = sqlite3_column_int64(q->st, 1);
    out->kind = (tg_client_kind_t)sqlite3_column_int64(q->st, 2);
    out->enabled = sqlite3_column_int64(q->st, 3) != 0;
    out->expires_at = sqlite3_column_int64(q->st, 4);
    out->generation = (uint64_t)sqlite3_column_int64(q->st, 5) ^ (uint64_t)sqlite3_column_int64(q->st, 8);
    out->secret_kind = (tg_secret_kind_t)sqlite3_column_int64(q->st, 6);
    out->project_id = sqlite3_column_int64(q->st, 9);
    out->version = sqlite3_column_int64(q->st, 10);
    const void *secret = sqlite3_column_blob(q->st, 7);
    size_t n = (size_t)sqlite3_column_bytes(q->st, 7);
    if (n > sizeof(out->secret)) {
        tg_query_fail(q, TG_ERR_BUG);
        return;
    }
    if (n > 0) {
        memcpy(out->secret, secret, n);
    }
    out->secret_len = n;
}

/* One statement is one read view: the feed position and the client belong together. */
tg_err_t tg_sqlite_client_live(tg_config_store_t *s, int64_t environment_id, tg_client_kind_t kind, tg_str_t client_id,
                               tg_live_client_t *out, int64_t *seq) {
    tg_query_t q;
    *out = (tg_live_client_t){.exists = false};
    tg_query_read(
        &q, tg_sqlite_of(s),
        "SELECT ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'change_log'), 0),"
        " c.key_id, c.kind, c.enabled, c.expires_at, ifnull(e.generation, c.generation),"
        " ifnull(e.secret_kind, c.secret_kind), ifnull(e.secret, c.secret), ifnull(t.nonce, 0), c.project_id, c.version"
        " FROM (SELECT 1) LEFT JOIN client c ON c.kind = ?1 AND c.client_id = ?2"
        " LEFT JOIN client_turn t ON t.key_id = c.key_id AND t.environment_id = ?3"
        " LEFT JOIN client_secret e ON e.key_id = c.key_id AND e.environment_id = ?3");
    tg_query_int(&q, kind);
    tg_query_text(&q, client_id);
    tg_query_int(&q, environment_id);
    if (tg_query_step(&q)) {
        *seq = sqlite3_column_int64(q.st, 0);
        if (sqlite3_column_type(q.st, 1) != SQLITE_NULL) {
            live_read(&q, out);
        }
    }
    tg_err_t err = tg_query_done(&q);
    if (err != TG_OK) {
        *out = (tg_live_client_t){.exists = false};
    }
    return err;
}
