#include "store/postgres/config.h"

#include <stdlib.h>

#include "store/postgres/postgres.h"

static void config_close(tg_config_store_t *s) {
    tg_pg_close(tg_pg_of(s));
    free(s);
}

static tg_err_t begin(tg_config_store_t *s, int wait_ms) {
    return tg_pg_begin(tg_pg_of(s), wait_ms);
}
static tg_err_t commit(tg_config_store_t *s) {
    return tg_pg_commit(tg_pg_of(s));
}
static void rollback(tg_config_store_t *s) {
    tg_pg_rollback(tg_pg_of(s));
}
static tg_err_t read_begin(tg_config_store_t *s) {
    return tg_pg_read_begin(tg_pg_of(s));
}
static void read_end(tg_config_store_t *s) {
    tg_pg_read_end(tg_pg_of(s));
}

static tg_err_t meta_get(tg_config_store_t *s, tg_str_t key, tg_arena_t *arena, tg_str_t *value) {
    tg_pgquery_t q;
    tg_pgquery_read(&q, tg_pg_of(s), "SELECT value FROM meta WHERE key = $1");
    tg_pgquery_blob(&q, key.p, key.n);
    if (!tg_pgquery_step(&q)) {
        tg_pgquery_fail(&q, TG_ERR_NOTFOUND);
        return tg_pgquery_done(&q);
    }
    tg_pgquery_col_text(&q, 0, arena, value);
    return tg_pgquery_done(&q);
}

static tg_err_t meta_put(tg_config_store_t *s, tg_str_t key, tg_str_t value) {
    tg_pgquery_t q;
    tg_pgquery_write(&q, tg_pg_of(s),
                     "INSERT INTO meta (key, value) VALUES ($1, $2)"
                     " ON CONFLICT (key) DO UPDATE SET value = excluded.value");
    tg_pgquery_blob(&q, key.p, key.n);
    tg_pgquery_blob(&q, value.p, value.n);
    return tg_pgquery_run(&q);
}

static const tg_config_ops_t ops = {
    .name = "postgresql",
    .close = config_close,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .read_begin = read_begin,
    .read_end = read_end,
    .meta_get = meta_get,
    .meta_put = meta_put,
    .resource_create = tg_postgres_resource_create,
    .resource_find = tg_postgres_resource_find,
    .resource_get = tg_postgres_resource_get,
    .resource_replace = tg_postgres_resource_replace,
    .resource_delete = tg_postgres_resource_delete,
    .resource_list = tg_postgres_resource_list,
    .client_create = tg_postgres_client_create,
    .client_update = tg_postgres_client_update,
    .client_delete = tg_postgres_client_delete,
    .client_find = tg_postgres_client_find,
    .client_find_owner = tg_postgres_client_find_owner,
    .client_turn = tg_postgres_client_turn,
    .client_secret_put = tg_postgres_client_secret_put,
    .client_secret_delete = tg_postgres_client_secret_delete,
    .client_details = tg_postgres_client_details,
    .access_put = tg_postgres_access_put,
    .access_delete = tg_postgres_access_delete,
    .access_list = tg_postgres_access_list,
    .access_find = tg_postgres_access_find,
    .access_clients = tg_postgres_access_clients,
    .client_live = tg_postgres_client_live,
    .signing_key_put = tg_postgres_signing_key_put,
    .signing_key_list = tg_postgres_signing_key_list,
    .revision_next = tg_postgres_revision_next,
    .deployment_put = tg_postgres_deployment_put,
    .deployment_list = tg_postgres_deployment_list,
    .deployment_find = tg_postgres_deployment_find,
    .deployment_history = tg_postgres_deployment_history,
    .deployment_as_of = tg_postgres_deployment_as_of,
    .snapshot_put = tg_postgres_snapshot_put,
    .snapshot_get = tg_postgres_snapshot_get,
    .change_append = tg_postgres_change_append,
    .change_head = tg_postgres_change_head,
    .change_read = tg_postgres_change_read,
    .change_fd = tg_postgres_change_fd,
    .change_prune = tg_postgres_change_prune,
    .session_put = tg_postgres_session_put,
    .session_find = tg_postgres_session_find,
    .session_delete = tg_postgres_session_delete,
    .session_purge = tg_postgres_session_purge,
    .audit_append = tg_postgres_audit_append,
    .audit_list = tg_postgres_audit_list,
};

tg_err_t tg_postgres_config_open(tg_str_t uri, const tg_store_options_t *options, tg_config_store_t **out,
                                 tg_fault_t *fault) {
    const tg_pg_schema_t schema = {
        .name = "tollgate", .steps = tg_postgres_config_steps, .n = tg_postgres_config_steps_n};
    tg_postgres_config_t *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return TG_ERR_NOMEM;
    }
    tg_err_t err = tg_pg_open(&s->q, uri, &schema, options, fault);
    if (err != TG_OK) {
        free(s);
        return err;
    }
    s->base.ops = &ops;
    s->q.fault = &s->base.fault;
    *out = &s->base;
    return TG_OK;
}
