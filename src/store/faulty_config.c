#include "store/faulty.h"

#include <stdlib.h>

#include "store/faulty_plan.h"

typedef struct {
    tg_config_store_t base;
    tg_config_store_t *inner;
    tg_fault_plan_t *plan;
} faulty_config_t;

static tg_config_store_t *config_inner(tg_config_store_t *s) {
    return ((faulty_config_t *)s)->inner;
}

/* Runs the verb unless its turn to fail has come. */
#define CONFIG(verb, ...) FAULTY(s, faulty_config_t, config_inner(s)->ops->verb(__VA_ARGS__))

/* A transaction never begins behind the caller's back. */
static tg_err_t config_begin(tg_config_store_t *s, int wait_ms) {
    tg_err_t err = CONFIG(begin, config_inner(s), wait_ms);
    if (err != TG_OK) {
        config_inner(s)->ops->rollback(config_inner(s));
    }
    return err;
}

/* A commit that fails has rolled back, unless only its answer was lost. */
static tg_err_t config_commit(tg_config_store_t *s) {
    tg_err_t err = CONFIG(commit, config_inner(s));
    if (err != TG_OK) {
        config_inner(s)->ops->rollback(config_inner(s));
    }
    return err;
}

static void config_rollback(tg_config_store_t *s) {
    config_inner(s)->ops->rollback(config_inner(s));
}

static tg_err_t config_read_begin(tg_config_store_t *s) {
    return CONFIG(read_begin, config_inner(s));
}

static void config_read_end(tg_config_store_t *s) {
    config_inner(s)->ops->read_end(config_inner(s));
}

static tg_err_t config_meta_get(tg_config_store_t *s, tg_str_t key, tg_arena_t *arena, tg_str_t *value) {
    return CONFIG(meta_get, config_inner(s), key, arena, value);
}

static tg_err_t config_meta_put(tg_config_store_t *s, tg_str_t key, tg_str_t value) {
    return CONFIG(meta_put, config_inner(s), key, value);
}

static tg_err_t config_resource_create(tg_config_store_t *s, tg_resource_kind_t kind, int64_t parent, tg_str_t name,
                                       tg_str_t doc, tg_ms_t now, int64_t *id) {
    return CONFIG(resource_create, config_inner(s), kind, parent, name, doc, now, id);
}

static tg_err_t config_resource_find(tg_config_store_t *s, tg_resource_kind_t kind, int64_t parent, tg_str_t name,
                                     tg_arena_t *arena, tg_resource_t *out) {
    return CONFIG(resource_find, config_inner(s), kind, parent, name, arena, out);
}

static tg_err_t config_resource_get(tg_config_store_t *s, int64_t id, tg_arena_t *arena, tg_resource_t *out) {
    return CONFIG(resource_get, config_inner(s), id, arena, out);
}

static tg_err_t config_resource_replace(tg_config_store_t *s, int64_t id, int64_t expected_version, tg_str_t doc,
                                        tg_ms_t now, int64_t *version) {
    return CONFIG(resource_replace, config_inner(s), id, expected_version, doc, now, version);
}

static tg_err_t config_resource_delete(tg_config_store_t *s, int64_t id) {
    return CONFIG(resource_delete, config_inner(s), id);
}

static tg_err_t config_resource_list(tg_config_store_t *s, const tg_resource_query_t *query, tg_arena_t *arena,
                                     tg_resource_t **rows, size_t *n, int64_t *total) {
    return CONFIG(resource_list, config_inner(s), query, arena, rows, n, total);
}

static tg_err_t config_client_create(tg_config_store_t *s, const tg_client_t *client, int64_t *key_id) {
    return CONFIG(client_create, config_inner(s), client, key_id);
}

static tg_err_t config_client_update(tg_config_store_t *s, const tg_client_t *client) {
    return CONFIG(client_update, config_inner(s), client);
}

static tg_err_t config_client_delete(tg_config_store_t *s, int64_t key_id) {
    return CONFIG(client_delete, config_inner(s), key_id);
}

static tg_err_t config_client_find(tg_config_store_t *s, tg_client_kind_t kind, tg_str_t client_id, tg_arena_t *arena,
                                   tg_client_t *client) {
    return CONFIG(client_find, config_inner(s), kind, client_id, arena, client);
}

static tg_err_t config_client_find_owner(tg_config_store_t *s, int64_t owner, tg_arena_t *arena, tg_client_t *client) {
    return CONFIG(client_find_owner, config_inner(s), owner, arena, client);
}

static tg_err_t config_client_turn(tg_config_store_t *s, int64_t key_id, int64_t environment_id, uint64_t nonce) {
    return CONFIG(client_turn, config_inner(s), key_id, environment_id, nonce);
}

static tg_err_t config_client_secret_put(tg_config_store_t *s, const tg_client_secret_t *secret) {
    return CONFIG(client_secret_put, config_inner(s), secret);
}

static tg_err_t config_client_secret_delete(tg_config_store_t *s, int64_t key_id, int64_t environment_id) {
    return CONFIG(client_secret_delete, config_inner(s), key_id, environment_id);
}

static tg_err_t config_client_details(tg_config_store_t *s, int64_t key_id, tg_arena_t *arena, tg_str_t *client_id,
                                      tg_str_t *details, int64_t *version) {
    return CONFIG(client_details, config_inner(s), key_id, arena, client_id, details, version);
}

static tg_err_t config_access_put(tg_config_store_t *s, const tg_access_entry_t *entry) {
    return CONFIG(access_put, config_inner(s), entry);
}

static tg_err_t config_access_delete(tg_config_store_t *s, int64_t key_id, int64_t target) {
    return CONFIG(access_delete, config_inner(s), key_id, target);
}

static tg_err_t config_access_list(tg_config_store_t *s, int64_t key_id, tg_arena_t *arena, tg_access_entry_t **rows,
                                   size_t *n) {
    return CONFIG(access_list, config_inner(s), key_id, arena, rows, n);
}

static tg_err_t config_access_find(tg_config_store_t *s, int64_t key_id, const int64_t *targets, size_t n,
                                   tg_arena_t *arena, tg_access_entry_t *entry, int64_t *version) {
    return CONFIG(access_find, config_inner(s), key_id, targets, n, arena, entry, version);
}

static tg_err_t config_access_clients(tg_config_store_t *s, int64_t target, tg_arena_t *arena, tg_str_t **client_ids,
                                      size_t *n) {
    return CONFIG(access_clients, config_inner(s), target, arena, client_ids, n);
}

static tg_err_t config_client_live(tg_config_store_t *s, int64_t environment_id, tg_client_kind_t kind,
                                   tg_str_t client_id, tg_live_client_t *live, int64_t *seq) {
    return CONFIG(client_live, config_inner(s), environment_id, kind, client_id, live, seq);
}

static tg_err_t config_signing_key_put(tg_config_store_t *s, int64_t environment_id, tg_str_t kid, tg_str_t doc) {
    return CONFIG(signing_key_put, config_inner(s), environment_id, kid, doc);
}

static tg_err_t config_signing_key_list(tg_config_store_t *s, int64_t environment_id, tg_arena_t *arena,
                                        tg_str_t **docs, size_t *n) {
    return CONFIG(signing_key_list, config_inner(s), environment_id, arena, docs, n);
}

static tg_err_t config_revision_next(tg_config_store_t *s, int64_t environment_id, int64_t *revision) {
    return CONFIG(revision_next, config_inner(s), environment_id, revision);
}

static tg_err_t config_deployment_put(tg_config_store_t *s, const tg_deployment_t *deployment) {
    return CONFIG(deployment_put, config_inner(s), deployment);
}

static tg_err_t config_deployment_list(tg_config_store_t *s, int64_t environment_id, tg_arena_t *arena,
                                       tg_deployment_t **rows, size_t *n) {
    return CONFIG(deployment_list, config_inner(s), environment_id, arena, rows, n);
}

static tg_err_t config_deployment_find(tg_config_store_t *s, int64_t environment_id, int64_t proxy_id,
                                       tg_arena_t *arena, tg_deployment_t *out) {
    return CONFIG(deployment_find, config_inner(s), environment_id, proxy_id, arena, out);
}

static tg_err_t config_deployment_history(tg_config_store_t *s, int64_t proxy_id, tg_arena_t *arena,
                                          tg_deployment_t **rows, size_t *n) {
    return CONFIG(deployment_history, config_inner(s), proxy_id, arena, rows, n);
}

static tg_err_t config_deployment_as_of(tg_config_store_t *s, int64_t environment_id, int64_t proxy_id,
                                        int64_t revision, tg_arena_t *arena, tg_deployment_t *out) {
    return CONFIG(deployment_as_of, config_inner(s), environment_id, proxy_id, revision, arena, out);
}

static tg_err_t config_snapshot_put(tg_config_store_t *s, int64_t environment_id, int64_t revision, tg_str_t document) {
    return CONFIG(snapshot_put, config_inner(s), environment_id, revision, document);
}

static tg_err_t config_snapshot_get(tg_config_store_t *s, tg_str_t environment_name, int64_t *environment_id,
                                    int64_t *revision, tg_buf_t *out) {
    return CONFIG(snapshot_get, config_inner(s), environment_name, environment_id, revision, out);
}

static tg_err_t config_change_append(tg_config_store_t *s, tg_change_kind_t kind, int64_t environment_id,
                                     tg_str_t ref) {
    return CONFIG(change_append, config_inner(s), kind, environment_id, ref);
}

static tg_err_t config_change_head(tg_config_store_t *s, int64_t *seq) {
    return CONFIG(change_head, config_inner(s), seq);
}

static tg_err_t config_change_read(tg_config_store_t *s, int64_t after, size_t limit, tg_arena_t *arena,
                                   tg_change_t **rows, size_t *n) {
    return CONFIG(change_read, config_inner(s), after, limit, arena, rows, n);
}

static int config_change_fd(tg_config_store_t *s, bool *told) {
    *told = false;
    return config_inner(s)->ops->change_fd != NULL ? config_inner(s)->ops->change_fd(config_inner(s), told) : -1;
}

static tg_err_t config_change_prune(tg_config_store_t *s, int64_t keep_after) {
    return CONFIG(change_prune, config_inner(s), keep_after);
}

static tg_err_t config_session_put(tg_config_store_t *s, const tg_session_t *session) {
    return CONFIG(session_put, config_inner(s), session);
}

static tg_err_t config_session_find(tg_config_store_t *s, const uint8_t token_hash[32], tg_ms_t now,
                                    tg_session_t *session) {
    return CONFIG(session_find, config_inner(s), token_hash, now, session);
}

static tg_err_t config_session_delete(tg_config_store_t *s, const uint8_t token_hash[32]) {
    return CONFIG(session_delete, config_inner(s), token_hash);
}

static tg_err_t config_session_purge(tg_config_store_t *s, tg_ms_t now, int64_t administrator) {
    return CONFIG(session_purge, config_inner(s), now, administrator);
}

static tg_err_t config_audit_append(tg_config_store_t *s, const tg_audit_t *entry) {
    return CONFIG(audit_append, config_inner(s), entry);
}

static tg_err_t config_audit_list(tg_config_store_t *s, int64_t before_seq, size_t limit, tg_arena_t *arena,
                                  tg_audit_t **rows, size_t *n) {
    return CONFIG(audit_list, config_inner(s), before_seq, limit, arena, rows, n);
}

static void config_close(tg_config_store_t *s) {
    config_inner(s)->ops->close(config_inner(s));
    free(s);
}

static const tg_config_ops_t config_ops = {
    .name = "faulty",
    .close = config_close,
    .begin = config_begin,
    .commit = config_commit,
    .rollback = config_rollback,
    .read_begin = config_read_begin,
    .read_end = config_read_end,
    .meta_get = config_meta_get,
    .meta_put = config_meta_put,
    .resource_create = config_resource_create,
    .resource_find = config_resource_find,
    .resource_get = config_resource_get,
    .resource_replace = config_resource_replace,
    .resource_delete = config_resource_delete,
    .resource_list = config_resource_list,
    .client_create = config_client_create,
    .client_update = config_client_update,
    .client_delete = config_client_delete,
    .client_find = config_client_find,
    .client_find_owner = config_client_find_owner,
    .client_turn = config_client_turn,
    .client_secret_put = config_client_secret_put,
    .client_secret_delete = config_client_secret_delete,
    .client_details = config_client_details,
    .access_put = config_access_put,
    .access_delete = config_access_delete,
    .access_list = config_access_list,
    .access_find = config_access_find,
    .access_clients = config_access_clients,
    .client_live = config_client_live,
    .signing_key_put = config_signing_key_put,
    .signing_key_list = config_signing_key_list,
    .revision_next = config_revision_next,
    .deployment_put = config_deployment_put,
    .deployment_list = config_deployment_list,
    .deployment_find = config_deployment_find,
    .deployment_history = config_deployment_history,
    .deployment_as_of = config_deployment_as_of,
    .snapshot_put = config_snapshot_put,
    .snapshot_get = config_snapshot_get,
    .change_append = config_change_append,
    .change_head = config_change_head,
    .change_read = config_change_read,
    .change_fd = config_change_fd,
    .change_prune = config_change_prune,
    .session_put = config_session_put,
    .session_find = config_session_find,
    .session_delete = config_session_delete,
    .session_purge = config_session_purge,
    .audit_append = config_audit_append,
    .audit_list = config_audit_list,
};

tg_config_store_t *tg_config_faulty(tg_config_store_t *inner, tg_fault_plan_t *plan) {
    faulty_config_t *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return NULL;
    }
    s->base.ops = &config_ops;
    s->inner = inner;
    s->plan = plan;
    return &s->base;
}
