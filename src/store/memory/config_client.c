#include "store/memory/config.h"

#define CLIENT(v, i) TG_ROW(tg_client_t, v, TG_TABLE_CLIENT, i)
#define TURN(v, i)   TG_ROW(tg_turn_row_t, v, TG_TABLE_TURN, i)
#define SECRET(v, i) TG_ROW(tg_client_secret_t, v, TG_TABLE_SECRET, i)

static ptrdiff_t by_key(const tg_version_t *v, int64_t key_id) {
    for (size_t i = 0; i < v->tables[TG_TABLE_CLIENT].n; i++) {
        if (CLIENT(v, i)->key_id == key_id) {
            return (ptrdiff_t)i;
        }
    }
    return -1;
}

static ptrdiff_t by_id(const tg_version_t *v, tg_client_kind_t kind, tg_str_t client_id) {
    for (size_t i = 0; i < v->tables[TG_TABLE_CLIENT].n; i++) {
        if (CLIENT(v, i)->kind == kind && tg_str_eq(CLIENT(v, i)->client_id, client_id)) {
            return (ptrdiff_t)i;
        }
    }
    return -1;
}

const tg_client_t *tg_version_client(const tg_version_t *v, int64_t key_id) {
    ptrdiff_t i = by_key(v, key_id);
    return i < 0 ? NULL : CLIENT(v, i);
}

tg_err_t tg_version_raise(tg_version_t *v, int64_t key_id) {
    ptrdiff_t i = by_key(v, key_id);
    if (i < 0) {
        return TG_ERR_NOTFOUND;
    }
    tg_client_t row = *CLIENT(v, i);
    row.version++;
    return tg_table_set(&v->tables[TG_TABLE_CLIENT], (size_t)i, &row);
}

/* What a row must fulfil before it is written in place of row `at` (-1: a new one). */
static tg_err_t check(const tg_version_t *v, const tg_client_t *c, ptrdiff_t at) {
    ptrdiff_t taken = by_id(v, c->kind, c->client_id);
    if (c->secret.n > TG_SECRET_ENCODED_MAX) {
        return TG_ERR_LIMIT;
    }
    return taken >= 0 && taken != at ? TG_ERR_CONFLICT : TG_OK;
}

tg_err_t tg_memory_client_create(tg_config_store_t *s, const tg_client_t *c, int64_t *key_id) {
    tg_version_t *v = tg_write_begin(s);
    *key_id = 0;
    if (v == NULL) {
        return tg_write_end(s, TG_ERR_BUG);
    }
    tg_client_t row = *c;
    row.key_id = v->last_client + 1;
    row.version = 1;
    tg_err_t err = check(v, c, -1);
    if (err == TG_OK) {
        err = tg_table_add(&v->tables[TG_TABLE_CLIENT], &row);
    }
    if (err == TG_OK) {
        *key_id = ++v->last_client;
    }
    return tg_write_end(s, err);
}

tg_err_t tg_memory_client_update(tg_config_store_t *s, const tg_client_t *c) {
    tg_version_t *v = tg_write_begin(s);
    if (v == NULL) {
        return tg_write_end(s, TG_ERR_BUG);
    }
    ptrdiff_t i = by_key(v, c->key_id);
    tg_err_t err = i < 0 ? TG_ERR_NOTFOUND : check(v, c, i);
    if (err == TG_OK) {
        tg_client_t row = *c;
        row.version = CLIENT(v, i)->version + 1;
        err = tg_table_set(&v->tables[TG_TABLE_CLIENT], (size_t)i, &row);
    }
    return tg_write_end(s, err);
}

tg_err_t tg_memory_client_delete(tg_config_store_t *s, int64_t key_id) {
    tg_version_t *v = tg_write_begin(s);
    if (v == NULL) {
        return tg_write_end(s, TG_ERR_BUG);
    }
    ptrdiff_t i = by_key(v, key_id);
    if (i < 0) {
        return tg_write_end(s, TG_ERR_NOTFOUND);
    }
    tg_table_remove(&v->tables[TG_TABLE_CLIENT], (size_t)i);
    tg_version_purge(v, TG_TABLE_TURN, offsetof(tg_turn_row_t, key_id), key_id);
    tg_version_purge(v, TG_TABLE_SECRET, offsetof(tg_client_secret_t, key_id), key_id);
    tg_version_purge(v, TG_TABLE_ACCESS, offsetof(tg_access_entry_t, key_id), key_id);
    return tg_write_end(s, TG_OK);
}

static tg_err_t give(const tg_version_t *v, ptrdiff_t i, tg_arena_t *arena, tg_client_t *out) {
    const tg_table_t *t = &v->tables[TG_TABLE_CLIENT];
    return i < 0 ? TG_ERR_NOTFOUND : tg_row_give(t->type, t->rows[i], arena, out);
}

tg_err_t tg_memory_client_find(tg_config_store_t *s, tg_client_kind_t kind, tg_str_t client_id, tg_arena_t *arena,
                               tg_client_t *out) {
    tg_version_t *v = tg_view_begin(s);
    tg_err_t err = give(v, by_id(v, kind, client_id), arena, out);
    tg_view_end(s, v);
    return err;
}

tg_err_t tg_memory_client_find_owner(tg_config_store_t *s, int64_t owner, tg_arena_t *arena, tg_client_t *out) {
    tg_version_t *v = tg_view_begin(s);
    ptrdiff_t found = -1;
    for (size_t i = 0; i < v->tables[TG_TABLE_CLIENT].n && found < 0; i++) {
        if (CLIENT(v, i)->owner == owner) {
            found = (ptrdiff_t)i;
        }
    }
    tg_err_t err = give(v, found, arena, out);
    tg_view_end(s, v);
    return err;
}

static ptrdiff_t turn_index(const tg_version_t *v, int64_t key_id, int64_t environment_id) {
    for (size_t i = 0; i < v->tables[TG_TABLE_TURN].n; i++) {
        if (TURN(v, i)->key_id == key_id && TURN(v, i)->environment_id == environment_id) {
            return (ptrdiff_t)i;
        }
    }
    return -1;
}

tg_err_t tg_memory_client_turn(tg_config_store_t *s, int64_t key_id, int64_t environment_id, uint64_t nonce) {
    tg_version_t *v = tg_write_begin(s);
    if (v == NULL) {
        return tg_write_end(s, TG_ERR_BUG);
    }
    if (nonce == 0) {
        return tg_write_end(s, TG_ERR_INVALID);
    }
    const tg_turn_row_t row = {key_id, environment_id, nonce};
    tg_table_t *t = &v->tables[TG_TABLE_TURN];
    ptrdiff_t i = turn_index(v, key_id, environment_id);
    tg_err_t err = tg_version_resource(v, environment_id) < 0 ? TG_ERR_NOTFOUND : tg_version_raise(v, key_id);
    if (err == TG_OK) {
        err = i >= 0 ? tg_table_set(t, (size_t)i, &row) : tg_table_add(t, &row);
    }
    return tg_write_end(s, err);
}

/* ---- secrets of one environment ---- */

static ptrdiff_t secret_index(const tg_version_t *v, int64_t key_id, int64_t environment_id) {
    for (size_t i = 0; i < v->tables[TG_TABLE_SECRET].n; i++) {
        if (SECRET(v, i)->key_id == key_id && SECRET(v, i)->environment_id == environment_id) {
            return (ptrdiff_t)i;
        }
    }
    return -1;
}

tg_err_t tg_memory_client_secret_put(tg_config_store_t *s, const tg_client_secret_t *secret) {
    tg_version_t *v = tg_write_begin(s);
    if (v == NULL) {
        return tg_write_end(s, TG_ERR_BUG);
    }
    if (secret->secret.n > TG_SECRET_ENCODED_MAX) {
        return tg_write_end(s, TG_ERR_LIMIT);
    }
    tg_table_t *t = &v->tables[TG_TABLE_SECRET];
    ptrdiff_t i = secret_index(v, secret->key_id, secret->environment_id);
    tg_err_t err =
        tg_version_resource(v, secret->environment_id) < 0 ? TG_ERR_NOTFOUND : tg_version_raise(v, secret->key_id);
    if (err == TG_OK) {
        err = i >= 0 ? tg_table_set(t, (size_t)i, secret) : tg_table_add(t, secret);
    }
    return tg_write_end(s, err);
}

tg_err_t tg_memory_client_secret_delete(tg_config_store_t *s, int64_t key_id, int64_t environment_id) {
    tg_version_t *v = tg_write_begin(s);
    if (v == NULL) {
        return tg_write_end(s, TG_ERR_BUG);
    }
    ptrdiff_t i = secret_index(v, key_id, environment_id);
    if (i < 0) {
        return tg_write_end(s, TG_ERR_NOTFOUND);
    }
    tg_table_remove(&v->tables[TG_TABLE_SECRET], (size_t)i);
    return tg_write_end(s, tg_version_raise(v, key_id));
}

/* ---- what gateways ask ---- */

tg_err_t tg_memory_client_details(tg_config_store_t *s, int64_t key_id, tg_arena_t *arena, tg_str_t *client_id,
                                  tg_str_t *details, int64_t *version) {
    tg_version_t *v = tg_view_begin(s);
    const tg_client_t *c = tg_version_client(v, key_id);
    tg_err_t err = TG_ERR_NOTFOUND;
    *version = 0;
    if (c != NULL) {
        *version = c->version;
        bool kept = tg_arena_str(arena, c->client_id, client_id) && tg_arena_str(arena, c->details, details);
        err = kept ? TG_OK : TG_ERR_NOMEM;
    }
    tg_view_end(s, v);
    return err;
}

static void live_fill(const tg_version_t *v, const tg_client_t *c, int64_t environment_id, tg_live_client_t *out) {
    ptrdiff_t turn = turn_index(v, c->key_id, environment_id), own = secret_index(v, c->key_id, environment_id);
    const tg_client_secret_t general = {
        .generation = c->generation, .secret_kind = c->secret_kind, .secret = c->secret};
    const tg_client_secret_t *secret = own >= 0 ? SECRET(v, own) : &general;
    out->exists = true;
    out->enabled = c->enabled;
    out->kind = c->kind;
    out->key_id = c->key_id;
    out->generation = secret->generation ^ (turn >= 0 ? TURN(v, turn)->nonce : 0);
    out->expires_at = c->expires_at;
    out->project_id = c->project_id;
    out->version = c->version;
    out->secret_kind = secret->secret_kind;
    memcpy(out->secret, secret->secret.p, secret->secret.n);
    out->secret_len = secret->secret.n;
}

tg_err_t tg_memory_client_live(tg_config_store_t *s, int64_t environment_id, tg_client_kind_t kind, tg_str_t client_id,
                               tg_live_client_t *out, int64_t *seq) {
    tg_version_t *v = tg_view_begin(s);
    ptrdiff_t i = by_id(v, kind, client_id);
    *out = (tg_live_client_t){.exists = false};
    if (i >= 0) {
        live_fill(v, CLIENT(v, i), environment_id, out);
    }
    *seq = v->last_change;
    tg_view_end(s, v);
    return TG_OK;
}
