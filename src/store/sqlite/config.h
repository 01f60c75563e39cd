/*
 * The verbs of the config store on SQLite, by what they are about; config.c puts them into the table.
 */
#ifndef TG_STORE_SQLITE_CONFIG_H
#define TG_STORE_SQLITE_CONFIG_H

#include "store/sqlite/db.h"

typedef struct {
    tg_config_store_t base;
    tg_sqlite_t q;
} tg_sqlite_config_t;

static inline tg_sqlite_t *tg_sqlite_of(tg_config_store_t *s) {
    return &((tg_sqlite_config_t *)s)->q;
}

/* config_resource.c */
tg_err_t tg_sqlite_resource_create(tg_config_store_t *, tg_resource_kind_t, int64_t parent, tg_str_t name, tg_str_t doc,
                                   tg_ms_t now, int64_t *id);
tg_err_t tg_sqlite_resource_find(tg_config_store_t *, tg_resource_kind_t, int64_t parent, tg_str_t name, tg_arena_t *,
                                 tg_resource_t *);
tg_err_t tg_sqlite_resource_get(tg_config_store_t *, int64_t id, tg_arena_t *, tg_resource_t *);
tg_err_t tg_sqlite_resource_replace(tg_config_store_t *, int64_t id, int64_t expected, tg_str_t doc, tg_ms_t now,
                                    int64_t *version);
tg_err_t tg_sqlite_resource_delete(tg_config_store_t *, int64_t id);
tg_err_t tg_sqlite_resource_list(tg_config_store_t *, const tg_resource_query_t *, tg_arena_t *, tg_resource_t **,
                                 size_t *, int64_t *total);

/* config_client.c */
tg_err_t tg_sqlite_client_create(tg_config_store_t *, const tg_client_t *, int64_t *key_id);
tg_err_t tg_sqlite_client_update(tg_config_store_t *, const tg_client_t *);
tg_err_t tg_sqlite_client_delete(tg_config_store_t *, int64_t key_id);
tg_err_t tg_sqlite_client_find(tg_config_store_t *, tg_client_kind_t, tg_str_t client_id, tg_arena_t *, tg_client_t *);
tg_err_t tg_sqlite_client_find_owner(tg_config_store_t *, int64_t owner, tg_arena_t *, tg_client_t *);
tg_err_t tg_sqlite_client_turn(tg_config_store_t *, int64_t key_id, int64_t environment_id, uint64_t nonce);
tg_err_t tg_sqlite_client_secret_put(tg_config_store_t *, const tg_client_secret_t *);
tg_err_t tg_sqlite_client_secret_delete(tg_config_store_t *, int64_t key_id, int64_t environment_id);
tg_err_t tg_sqlite_client_details(tg_config_store_t *, int64_t key_id, tg_arena_t *, tg_str_t *client_id,
                                  tg_str_t *details, int64_t *version);
tg_err_t tg_sqlite_client_live(tg_config_store_t *, int64_t environment_id, tg_client_kind_t, tg_str_t client_id,
                               tg_live_client_t *, int64_t *seq);

/* config_access.c */
tg_err_t tg_sqlite_access_put(tg_config_store_t *, const tg_access_entry_t *);
tg_err_t tg_sqlite_access_delete(tg_config_store_t *, int64_t key_id, int64_t target);
tg_err_t tg_sqlite_access_list(tg_config_store_t *, int64_t key_id, tg_arena_t *, tg_access_entry_t **, size_t *);
tg_err_t tg_sqlite_access_find(tg_config_store_t *, int64_t key_id, const int64_t *targets, size_t n, tg_arena_t *,
                               tg_access_entry_t *, int64_t *version);
tg_err_t tg_sqlite_access_clients(tg_config_store_t *, int64_t target, tg_arena_t *, tg_str_t **client_ids, size_t *);

/* config_deploy.c */
tg_err_t tg_sqlite_signing_key_put(tg_config_store_t *, int64_t environment_id, tg_str_t kid, tg_str_t doc);
tg_err_t tg_sqlite_signing_key_list(tg_config_store_t *, int64_t environment_id, tg_arena_t *, tg_str_t **docs,
                                    size_t *n);
tg_err_t tg_sqlite_revision_next(tg_config_store_t *, int64_t environment_id, int64_t *revision);
tg_err_t tg_sqlite_deployment_put(tg_config_store_t *, const tg_deployment_t *);
tg_err_t tg_sqlite_deployment_list(tg_config_store_t *, int64_t environment_id, tg_arena_t *, tg_deployment_t **,
                                   size_t *);
tg_err_t tg_sqlite_deployment_find(tg_config_store_t *, int64_t environment_id, int64_t proxy_id, tg_arena_t *,
                                   tg_deployment_t *);
tg_err_t tg_sqlite_deployment_history(tg_config_store_t *, int64_t proxy_id, tg_arena_t *, tg_deployment_t **,
                                      size_t *);
tg_err_t tg_sqlite_deployment_as_of(tg_config_store_t *, int64_t environment_id, int64_t proxy_id, int64_t revision,
                                    tg_arena_t *, tg_deployment_t *);
tg_err_t tg_sqlite_snapshot_put(tg_config_store_t *, int64_t environment_id, int64_t revision, tg_str_t document);
tg_err_t tg_sqlite_snapshot_get(tg_config_store_t *, tg_str_t environment, int64_t *environment_id, int64_t *revision,
                                tg_buf_t *);

/* config_feed.c: change feed, sessions, audit */
tg_err_t tg_sqlite_change_append(tg_config_store_t *, tg_change_kind_t, int64_t environment_id, tg_str_t ref);
tg_err_t tg_sqlite_change_head(tg_config_store_t *, int64_t *seq);
tg_err_t tg_sqlite_change_read(tg_config_store_t *, int64_t after, size_t limit, tg_arena_t *, tg_change_t **,
                               size_t *);
tg_err_t tg_sqlite_change_prune(tg_config_store_t *, int64_t keep_after);
tg_err_t tg_sqlite_session_put(tg_config_store_t *, const tg_session_t *);
tg_err_t tg_sqlite_session_find(tg_config_store_t *, const uint8_t token_hash[32], tg_ms_t now, tg_session_t *);
tg_err_t tg_sqlite_session_delete(tg_config_store_t *, const uint8_t token_hash[32]);
tg_err_t tg_sqlite_session_purge(tg_config_store_t *, tg_ms_t now, int64_t administrator);
tg_err_t tg_sqlite_audit_append(tg_config_store_t *, const tg_audit_t *);
tg_err_t tg_sqlite_audit_list(tg_config_store_t *, int64_t before_seq, size_t limit, tg_arena_t *, tg_audit_t **,
                              size_t *);

#endif
