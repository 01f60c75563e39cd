#include "store/postgres/config.h"

#define COLUMNS                                                                                                        \
    "key_id, kind, owner, client_id, enabled, expires_at, generation, secret_kind, secret, project_id, details, "      \
    "version"

static void row_bind(tg_pgquery_t *q, const tg_client_t *c) {
    tg_pgquery_int(q, c->kind);
    tg_pgquery_int(q, c->owner);
    tg_pgquery_blob(q, c->client_id.p, c->client_id.n);
    tg_pgquery_bool(q, c->enabled);
    tg_pgquery_int(q, c->expires_at);
    tg_pgquery_int(q, (int64_t)c->generation);
    tg_pgquery_int(q, c->secret_kind);
    tg_pgquery_blob(q, c->secret.p, c->secret.n);
    tg_pgquery_int(q, c->project_id);
    tg_pgquery_text(q, c->details);
    if (c->secret.n > TG_SECRET_ENCODED_MAX) {
        tg_pgquery_fail(q, TG_ERR_LIMIT);
    }
}

static tg_err_t row_only(tg_pgquery_t *q, tg_arena_t *arena, tg_client_t *out) {
    if (tg_pgquery_step(q)) {
        out->key_id = tg_pgquery_col_int(q, 0);
        out->kind = (tg_client_kind_t)tg_pgquery_col_int(q, 1);
        out->owner = tg_pgquery_col_int(q, 2);
        tg_pgquery_col_text(q, 3, arena, &out->client_id);
        out->enabled = tg_pgquery_col_int(q, 4) != 0;
        out->expires_at = tg_pgquery_col_int(q, 5);
        out->generation = (uint64_t)tg_pgquery_col_int(q, 6);
        out->secret_kind = (tg_secret_kind_t)tg_pgquery_col_int(q, 7);
        tg_pgquery_col_text(q, 8, arena, &out->secret);
        out->project_id = tg_pgquery_col_int(q, 9);
        tg_pgquery_col_text(q, 10, arena, &out->details);
        out->version = tg_pgquery_col_int(q, 11);
    } else {
        tg_pgquery_fail(q, TG_ERR_NOTFOUND);
    }
    return tg_pgquery_done(q);
}

tg_err_t tg_postgres_client_create(tg_config_store_t *s, const tg_client_t *c, int64_t *key_id) {
    tg_pgquery_t q;
    tg_pgquery_write(&q, tg_pg_of(s),
                     "INSERT INTO client (kind, owner, client_id, enabled, expires_at, generation, secret_kind, secret,"
                     " project_id, details) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING key_id");
    row_bind(&q, c);
    *key_id = tg_pgquery_step(&q) ? tg_pgquery_col_int(&q, 0) : 0;
    return tg_pgquery_run(&q);
}

tg_err_t tg_postgres_client_update(tg_config_store_t *s, const tg_client_t *c) {
    tg_pgquery_t q;
    tg_pgquery_write(
        &q, tg_pg_of(s),
        "UPDATE client SET kind = $1, owner = $2, client_id = $3, enabled = $4, expires_at = $5, generation = $6, "
        "secret_kind = $7,"
        " secret = $8, project_id = $9, details = $10, version = version + 1 WHERE key_id = $11");
    row_bind(&q, c);
    tg_pgquery_int(&q, c->key_id);
    return tg_pgquery_changed(&q);
}

tg_err_t tg_postgres_client_delete(tg_config_store_t *s, int64_t key_id) {
    tg_pgquery_t q;
    tg_pgquery_write(&q, tg_pg_of(s), "DELETE FROM client WHERE key_id = $1");
    tg_pgquery_int(&q, key_id);
    return tg_pgquery_changed(&q);
}

tg_err_t tg_postgres_client_find(tg_config_store_t *s, tg_client_kind_t kind, tg_str_t client_id, tg_arena_t *arena,
                                 tg_client_t *out) {
    tg_pgquery_t q;
    tg_pgquery_read(&q, tg_pg_of(s), "SELECT " COLUMNS " FROM client WHERE kind = $1 AND client_id = $2");
    tg_pgquery_int(&q, kind);
    tg_pgquery_blob(&q, client_id.p, client_id.n);
    return row_only(&q, arena, out);
}

tg_err_t tg_postgres_client_find_owner(tg_config_store_t *s, int64_t owner, tg_arena_t *arena, tg_client_t *out) {
    tg_pgquery_t q;
    tg_pgquery_read(&q, tg_pg_of(s), "SELECT " COLUMNS " FROM client WHERE owner = $1 ORDER BY key_id LIMIT 1");
    tg_pgquery_int(&q, owner);
    return row_only(&q, arena, out);
}

tg_err_t tg_postgres_client_turn(tg_config_store_t *s, int64_t key_id, int64_t environment_id, uint64_t nonce) {
    tg_pgquery_t q;
    tg_pgquery_write(&q, tg_pg_of(s),
                     "INSERT INTO client_turn (key_id, environment_id, nonce) VALUES ($1, $2, $3)"
                     " ON CONFLICT (key_id, environment_id) DO UPDATE SET nonce = excluded.nonce");
    tg_pgquery_int(&q, key_id);
    tg_pgquery_int(&q, environment_id);
    tg_pgquery_int(&q, (int64_t)nonce);
    if (nonce == 0) {
        tg_pgquery_fail(&q, TG_ERR_INVALID);
    }
    return tg_pgquery_run(&q);
}

/* ---- secrets of one environment ---- */

tg_err_t tg_postgres_client_secret_put(tg_config_store_t *s, const tg_client_secret_t *secret) {
    tg_pgquery_t q;
    tg_pgquery_write(&q, tg_pg_of(s),
                     "INSERT INTO client_secret (key_id, environment_id, generation, secret_kind, secret)"
                     " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (key_id, environment_id) DO UPDATE SET"
                     " generation = excluded.generation, secret_kind = excluded.secret_kind, secret = excluded.secret");
    tg_pgquery_int(&q, secret->key_id);
    tg_pgquery_int(&q, secret->environment_id);
    tg_pgquery_int(&q, (int64_t)secret->generation);
    tg_pgquery_int(&q, secret->secret_kind);
    tg_pgquery_blob(&q, secret->secret.p, secret->secret.n);
    if (secret->secret.n > TG_SECRET_ENCODED_MAX) {
        tg_pgquery_fail(&q, TG_ERR_LIMIT);
    }
    return tg_pgquery_run(&q);
}

tg_err_t tg_postgres_client_secret_delete(tg_config_store_t *s, int64_t key_id, int64_t environment_id) {
    tg_pgquery_t q;
    tg_pgquery_write(&q, tg_pg_of(s), "DELETE FROM client_secret WHERE key_id = $1 AND environment_id = $2");
    tg_pgquery_int(&q, key_id);
    tg_pgquery_int(&q, environment_id);
    return tg_pgquery_changed(&q);
}

/* ---- what gateways ask ---- */

tg_err_t tg_postgres_client_details(tg_config_store_t *s, int64_t key_id, tg_arena_t *arena, tg_str_t *client_id,
                                    tg_str_t *details, int64_t *version) {
    tg_pgquery_t q;
    *version = 0;
    tg_pgquery_read(&q, tg_pg_of(s), "SELECT client_id, details, version FROM client WHERE key_id = $1");
    tg_pgquery_int(&q, key_id);
    if (tg_pgquery_step(&q)) {
        tg_pgquery_col_text(&q, 0, arena, client_id);
        tg_pgquery_col_text(&q, 1, arena, details);
        *version = tg_pgquery_col_int(&q, 2);
    } else {
        tg_pgquery_fail(&q, TG_ERR_NOTFOUND);
    }
    return tg_pgquery_done(&q);
}

static void live_read(tg_pgquery_t *q, tg_live_client_t *out) {
    out->exists = true;
    out->key_id = tg_pgquery_col_int(q, 1);
    out->kind = (tg_client_kind_t)tg_pgquery_col_int(q, 2);
    out->enabled = tg_pgquery_col_int(q, 3) != 0;
    out->expires_at = tg_pgquery_col_int(q, 4);
    out->generation = (uint64_t)tg_pgquery_col_int(q, 5) ^ (uint64_t)tg_pgquery_col_int(q, 8);
    out->secret_kind = (tg_secret_kind_t)tg_pgquery_col_int(q, 6);
    out->project_id = tg_pgquery_col_int(q, 9);
    out->version = tg_pgquery_col_int(q, 10);
    const tg_str_t secret = tg_pgquery_col(q, 7);
    if (secret.n > sizeof(out->secret)) {
        tg_pgquery_fail(q, TG_ERR_BUG);
        return;
    }
    memcpy(out->secret, secret.p, secret.n);
    out->secret_len = secret.n;
}

/* One statement is one read view: the feed position and the client belong together. */
tg_err_t tg_postgres_client_live(tg_config_store_t *s, int64_t environment_id, tg_client_kind_t kind,
                                 tg_str_t client_id, tg_live_client_t *out, int64_t *seq) {
    tg_pgquery_t q;
    *out = (tg_live_client_t){.exists = false};
    tg_pgquery_read(&q, tg_pg_of(s),
                    "SELECT h.seq, c.key_id, c.kind, c.enabled, c.expires_at, coalesce(e.generation, c.generation),"
                    " coalesce(e.secret_kind, c.secret_kind), coalesce(e.secret, c.secret), coalesce(t.nonce, 0), "
                    "c.project_id, c.version"
                    " FROM head h LEFT JOIN client c ON c.kind = $1 AND c.client_id = $2"
                    " LEFT JOIN client_turn t ON t.key_id = c.key_id AND t.environment_id = $3"
                    " LEFT JOIN client_secret e ON e.key_id = c.key_id AND e.environment_id = $3");
    tg_pgquery_int(&q, kind);
    tg_pgquery_blob(&q, client_id.p, client_id.n);
    tg_pgquery_int(&q, environment_id);
    if (tg_pgquery_step(&q)) {
        *seq = tg_pgquery_col_int(&q, 0);
        if (!tg_pgquery_col_null(&q, 1)) {
            live_read(&q, out);
        }
    }
    tg_err_t err = tg_pgquery_done(&q);
    if (err != TG_OK) {
        *out = (tg_live_client_t){.exists = false};
    }
    return err;
}
