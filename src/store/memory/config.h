/*
 * The config store in memory: versions of all tables. A transaction makes the next version and publishes it when it
 * commits; a reader holds one.
 */
#ifndef TG_STORE_MEMORY_CONFIG_H
#define TG_STORE_MEMORY_CONFIG_H

#include <pthread.h>
#include <stdatomic.h>

#include "store/config_store.h"
#include "store/memory/table.h"
#include "store/rows.h"

typedef enum {
    TG_TABLE_META = 0,
    TG_TABLE_RESOURCE,
    TG_TABLE_CLIENT,
    TG_TABLE_TURN,
    TG_TABLE_SECRET,
    TG_TABLE_ACCESS, /* by client, then target: searched in halves */
    TG_TABLE_KEY,
    TG_TABLE_REVISION,
    TG_TABLE_DEPLOYED,
    TG_TABLE_HISTORY,
    TG_TABLE_SNAPSHOT,
    TG_TABLE_CHANGE,
    TG_TABLE_SESSION,
    TG_TABLE_AUDIT,
    TG_TABLES
} tg_table_id_t;

typedef struct {
    tg_str_t key, value;
} tg_meta_row_t;

typedef struct {
    int64_t key_id, environment_id;
    uint64_t nonce;
} tg_turn_row_t;

typedef struct {
    int64_t environment_id;
    tg_str_t kid, doc;
} tg_key_row_t;

typedef struct {
    int64_t environment_id, last;
} tg_revision_row_t;

typedef struct {
    int64_t environment_id, revision;
    tg_str_t document;
} tg_snapshot_row_t;

/* The other tables hold rows of the types that config_store.h gives out. */

typedef struct {
    atomic_size_t count;
    tg_table_t tables[TG_TABLES];
    int64_t last_resource, last_client, last_change, last_audit; /* never used twice */
} tg_version_t;

typedef struct tg_memory_config_db tg_memory_config_db_t;

struct tg_memory_config_db {
    tg_memory_config_db_t *next; /* of the list of names */
    char *name;
    size_t handles;
    pthread_mutex_t mutex;
    pthread_cond_t free; /* no writer any more */
    bool writer;
    tg_version_t *newest;
};

typedef struct {
    tg_config_store_t base;
    tg_memory_config_db_t *db;
    tg_version_t *next; /* of the running transaction */
    bool spoiled;
    tg_version_t *view; /* of the running read view */
    int reading;
} tg_memory_config_t;

/* ---- config.c: what the verbs stand on ---- */

/* The version that a read sees, held until tg_view_end. */
tg_version_t *tg_view_begin(tg_config_store_t *s);
void tg_view_end(tg_config_store_t *s, tg_version_t *v);
/* The version that a write changes; NULL: not in a transaction that may go on, the verb is TG_ERR_BUG. */
tg_version_t *tg_write_begin(tg_config_store_t *s);
/* Spoils the transaction on an error; returns err. */
tg_err_t tg_write_end(tg_config_store_t *s, tg_err_t err);

/* Row i of a table as T. */
#define TG_ROW(T, v, id, i) ((const T *)(v)->tables[id].rows[i])

/* ---- the verbs: config_resource.c, config_client.c, config_access.c, config_deploy.c, config_feed.c ---- */

/* Index of the resource, or -1. */
ptrdiff_t tg_version_resource(const tg_version_t *v, int64_t id);
/* Removes rows whose int64_t at `offset` is id. */
void tg_version_purge(tg_version_t *v, tg_table_id_t table, size_t offset, int64_t id);
/* Raises the version of a client. NOTFOUND. */
tg_err_t tg_version_raise(tg_version_t *v, int64_t key_id) TG_MUST_CHECK;
/* The same as tg_version_purge for rows that begin with a client's key_id, whose version rises. */
tg_err_t tg_version_purge_raise(tg_version_t *v, tg_table_id_t table, size_t offset, int64_t id) TG_MUST_CHECK;
/* NULL: there is no such client. */
const tg_client_t *tg_version_client(const tg_version_t *v, int64_t key_id);

tg_err_t tg_memory_resource_create(tg_config_store_t *, tg_resource_kind_t, int64_t parent, tg_str_t name, tg_str_t doc,
                                   tg_ms_t now, int64_t *id);
tg_err_t tg_memory_resource_find(tg_config_store_t *, tg_resource_kind_t, int64_t parent, tg_str_t name, tg_arena_t *,
                                 tg_resource_t *);
tg_err_t tg_memory_resource_get(tg_config_store_t *, int64_t id, tg_arena_t *, tg_resource_t *);
tg_err_t tg_memory_resource_replace(tg_config_store_t *, int64_t id, int64_t expected, tg_str_t doc, tg_ms_t now,
                                    int64_t *version);
tg_err_t tg_memory_resource_delete(tg_config_store_t *, int64_t id);
tg_err_t tg_memory_resource_list(tg_config_store_t *, const tg_resource_query_t *, tg_arena_t *, tg_resource_t **,
                                 size_t *, int64_t *total);

tg_err_t tg_memory_client_create(tg_config_store_t *, const tg_client_t *, int64_t *key_id);
tg_err_t tg_memory_client_update(tg_config_store_t *, const tg_client_t *);
tg_err_t tg_memory_client_delete(tg_config_store_t *, int64_t key_id);
tg_err_t tg_memory_client_find(tg_config_store_t *, tg_client_kind_t, tg_str_t client_id, tg_arena_t *, tg_client_t *);
tg_err_t tg_memory_client_find_owner(tg_config_store_t *, int64_t owner, tg_arena_t *, tg_client_t *);
tg_err_t tg_memory_client_turn(tg_config_store_t *, int64_t key_id, int64_t environment_id, uint64_t nonce);
tg_err_t tg_memory_client_secret_put(tg_config_store_t *, const tg_client_secret_t *);
tg_err_t tg_memory_client_secret_delete(tg_config_store_t *, int64_t key_id, int64_t environment_id);
tg_err_t tg_memory_client_details(tg_config_store_t *, int64_t key_id, tg_arena_t *, tg_str_t *client_id,
                                  tg_str_t *details, int64_t *version);
tg_err_t tg_memory_client_live(tg_config_store_t *, int64_t environment_id, tg_client_kind_t, tg_str_t client_id,
                               tg_live_client_t *, int64_t *seq);

tg_err_t tg_memory_access_put(tg_config_store_t *, const tg_access_entry_t *);
tg_err_t tg_memory_access_delete(tg_config_store_t *, int64_t key_id, int64_t target);
tg_err_t tg_memory_access_list(tg_config_store_t *, int64_t key_id, tg_arena_t *, tg_access_entry_t **, size_t *);
tg_err_t tg_memory_access_find(tg_config_store_t *, int64_t key_id, const int64_t *targets, size_t n, tg_arena_t *,
                               tg_access_entry_t *, int64_t *version);
tg_err_t tg_memory_access_clients(tg_config_store_t *, int64_t target, tg_arena_t *, tg_str_t **client_ids, size_t *);

tg_err_t tg_memory_signing_key_put(tg_config_store_t *, int64_t environment_id, tg_str_t kid, tg_str_t doc);
tg_err_t tg_memory_signing_key_list(tg_config_store_t *, int64_t environment_id, tg_arena_t *, tg_str_t **docs,
                                    size_t *n);
tg_err_t tg_memory_revision_next(tg_config_store_t *, int64_t environment_id, int64_t *revision);
tg_err_t tg_memory_deployment_put(tg_config_store_t *, const tg_deployment_t *);
tg_err_t tg_memory_deployment_list(tg_config_store_t *, int64_t environment_id, tg_arena_t *, tg_deployment_t **,
                                   size_t *);
tg_err_t tg_memory_deployment_find(tg_config_store_t *, int64_t environment_id, int64_t proxy_id, tg_arena_t *,
                                   tg_deployment_t *);
tg_err_t tg_memory_deployment_history(tg_config_store_t *, int64_t proxy_id, tg_arena_t *, tg_deployment_t **,
                                      size_t *);
tg_err_t tg_memory_deployment_as_of(tg_config_store_t *, int64_t environment_id, int64_t proxy_id, int64_t revision,
                                    tg_arena_t *, tg_deployment_t *);
tg_err_t tg_memory_snapshot_put(tg_config_store_t *, int64_t environment_id, int64_t revision, tg_str_t document);
tg_err_t tg_memory_snapshot_get(tg_config_store_t *, tg_str_t environment, int64_t *environment_id, int64_t *revision,
                                tg_buf_t *);

tg_err_t tg_memory_change_append(tg_config_store_t *, tg_change_kind_t, int64_t environment_id, tg_str_t ref);
tg_err_t tg_memory_change_head(tg_config_store_t *, int64_t *seq);
tg_err_t tg_memory_change_read(tg_config_store_t *, int64_t after, size_t limit, tg_arena_t *, tg_change_t **,
                               size_t *);
tg_err_t tg_memory_change_prune(tg_config_store_t *, int64_t keep_after);
tg_err_t tg_memory_session_put(tg_config_store_t *, const tg_session_t *);
tg_err_t tg_memory_session_find(tg_config_store_t *, const uint8_t token_hash[32], tg_ms_t now, tg_session_t *);
tg_err_t tg_memory_session_delete(tg_config_store_t *, const uint8_t token_hash[32]);
tg_err_t tg_memory_session_purge(tg_config_store_t *, tg_ms_t now, int64_t administrator);
tg_err_t tg_memory_audit_append(tg_config_store_t *, const tg_audit_t *);
tg_err_t tg_memory_audit_list(tg_config_store_t *, int64_t before_seq, size_t limit, tg_arena_t *, tg_audit_t **,
                              size_t *);

#endif
