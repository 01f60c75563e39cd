#include "store/sqlite/config.h"

#include <stdlib.h>

#include "store/sqlite/sqlite.h"

static void config_close(tg_config_store_t *s) {
    tg_sqlite_close(tg_sqlite_of(s));
    free(s);
}

static tg_err_t begin(tg_config_store_t *s, int wait_ms) {
    return tg_sqlite_begin(tg_sqlite_of(s), wait_ms);
}
static tg_err_t commit(tg_config_store_t *s) {
    return tg_sqlite_commit(tg_sqlite_of(s));
}
static void rollback(tg_config_store_t *s) {
    tg_sqlite_rollback(tg_sqlite_of(s));
}
static tg_err_t read_begin(tg_config_store_t *s) {
    return tg_sqlite_read_begin(tg_sqlite_of(s));
}
static void read_end(tg_config_store_t *s) {
    tg_sqlite_read_end(tg_sqlite_of(s));
}

static tg_err_t meta_get(tg_config_store_t *s, tg_str_t key, tg_arena_t *arena, tg_str_t *value) {
    tg_query_t q;
    tg_query_read(&q, tg_sqlite_of(s), "SELECT value FROM meta WHERE key = ?");
    tg_query_text(&q, key);
    if (!tg_query_step(&q)) {
        tg_query_fail(&q, TG_ERR_NOTFOUND);
        return tg_query_done(&q);
    }
    tg_query_col_text(&q, 0, arena, value);
    return tg_query_done(&q);
}

static tg_err_t meta_put(tg_config_store_t *s, tg_str_t key, tg_str_t value) {
    tg_query_t q;
    tg_query_write(&q, tg_sqlite_of(s),
                   "INSERT INTO meta (key, value) VALUES (?, ?)"
                   " ON CONFLICT (key) DO UPDATE SET value = excluded.value");
    tg_query_text(&q, key);
    tg_query_blob(&q, value.p, value.n);
    return tg_query_run(&q);
}

static const tg_config_ops_t ops = {
    .name = "sqlite",
    .close = config_close,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .read_begin = read_begin,
    .read_end = read_end,
    .meta_get = meta_get,
    .meta_put = meta_put,
    .resource_create = tg_sqlite_resource_create,
    .resource_find = tg_sqlite_resource_find,
    .resource_get = tg_sqlite_resource_get,
    .resource_replace = tg_sqlite_resource_replace,
    .resource_delete = tg_sqlite_resource_delete,
    .resource_list = tg_sqlite_resource_list,
    .client_create = tg_sqlite_client_create,
    .client_update = tg_sqlite_client_update,
    .client_delete = tg_sqlite_client_delete,
    .client_find = tg_sqlite_client_find,
    .client_find_owner = tg_sqlite_client_find_owner,
    .client_turn = tg_sqlite_client_turn,
    .client_secret_put = tg_sqlite_client_secret_put,
    .client_secret_delete = tg_sqlite_client_secret_delete,
    .client_details = tg_sqlite_client_details,
    .access_put = tg_sqlite_access_put,
    .access_delete = tg_sqlite_access_delete,
    .access_list = tg_sqlite_access_list,
    .access_find = tg_sqlite_access_find,
    .access_clients = tg_sqlite_access_clients,
    .client_live = tg_sqlite_client_live,
    .signing_key_put = tg_sqlite_signing_key_put,
    .signing_key_list = tg_sqlite_signing_key_list,
    .revision_next = tg_sqlite_revision_next,
    .deployment_put = tg_sqlite_deployment_put,
    .deployment_list = tg_sqlite_deployment_list,
    .deployment_find = tg_sqlite_deployment_find,
    .deployment_history = tg_sqlite_deployment_history,
    .deployment_as_of = tg_sqlite_deployment_as_of,
    .snapshot_put = tg_sqlite_snapshot_put,
    .snapshot_get = tg_sqlite_snapshot_get,
    .change_append = tg_sqlite_change_append,
    .change_head = tg_sqlite_change_head,
    .change_read = tg_sqlite_change_read,
    .change_prune = tg_sqlite_change_prune,
    .session_put = tg_sqlite_session_put,
    .session_find = tg_sqlite_session_find,
    .session_delete = tg_sqlite_session_delete,
    .session_purge = tg_sqlite_session_purge,
    .audit_append = tg_sqlite_audit_append,
    .audit_list = tg_sqlite_audit_list,
};

tg_err_t tg_sqlite_config_open(tg_str_t dir, const tg_store_options_t *options, tg_config_store_t **out,
                               tg_fault_t *fault) {
    const tg_sqlite_schema_t schema = {
        .what = "config",
        .application_id = 0x54476366, /* "TGcf" */
        .page_size = 4096,
        .pragmas = "PRAGMA mmap_size=268435456; PRAGMA secure_delete=FAST",
        .steps = tg_sqlite_config_steps,
        .n = tg_sqlite_config_steps_n,
    };
    tg_sqlite_config_t *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return TG_ERR_NOMEM;
    }
    tg_err_t err = tg_sqlite_open(&s->q, dir, &schema, options, fault);
    if (err != TG_OK) {
        free(s);
        return err;
    }
    s->base.ops = &ops;
    s->q.fault = &s->base.fault;
    *out = &s->base;
    return TG_OK;
}
