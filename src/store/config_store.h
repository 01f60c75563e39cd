/*
 * config_store: what administrators describe. The manager writes, gateways read. One handle per thread; a handle is not
 * thread-safe, a store may be opened any number of times, by any number of processes.
 *
 * Every write happens inside a transaction: begin, any number of calls, commit or rollback. A failed write leaves the
 * transaction usable for rollback only (a commit then rolls back and is TG_ERR_BUG); a find that misses does not count
 * as one. All strings and documents given out are copied into the caller's arena.
 *
 * Errors: TG_ERR_NOTFOUND, TG_ERR_CONFLICT as each call says; TG_ERR_UNAVAILABLE: the store cannot be reached, is full
 * or read-only (nothing was changed); TG_ERR_NOMEM; TG_ERR_BUG.
 */
#ifndef TG_STORE_CONFIG_STORE_H
#define TG_STORE_CONFIG_STORE_H

#include "base/arena.h"
#include "base/clock.h"
#include "model/live.h"
#include "store/audit_chain.h"

typedef struct tg_config_store tg_config_store_t;

/* ---- resources: the named documents of the management API ---- */

typedef enum {
    TG_RES_PROJECT = 1,
    TG_RES_ENVIRONMENT,
    TG_RES_PROXY,  /* parent: project */
    TG_RES_POLICY, /* parent: proxy (later also groups) */
    TG_RES_PROXY_GROUP,
    TG_RES_POLICY_GROUP,
    TG_RES_CREDENTIAL,
    TG_RES_ORGANIZATION,
    TG_RES_IDENTITY_PROVIDER,
    TG_RES_ADMINISTRATOR,
    TG_RES_ACCESS_TOKEN,
    TG_RES_SETTINGS
} tg_resource_kind_t;

typedef struct {
    int64_t id; /* never used twice */
    tg_resource_kind_t kind;
    int64_t parent;  /* id of the parent, 0: none */
    tg_str_t name;   /* unique within (kind, parent), exact case */
    int64_t version; /* 1 at creation, +1 at each replacement: the ETag */
    tg_ms_t created_at, updated_at;
    tg_str_t doc; /* JSON text, canonical form of the model room */
} tg_resource_t;

typedef struct {
    tg_resource_kind_t kind;
    int64_t parent;        /* 0: any */
    tg_str_t q;            /* part of the name, case-insensitive; "" : all */
    bool descending;       /* by name, byte order */
    int64_t offset, limit; /* limit 0: all */
} tg_resource_query_t;

/* ---- clients: application keys and credentials ---- */

typedef struct {
    int64_t key_id; /* given by client_create */
    tg_client_kind_t kind;
    int64_t owner;      /* resource id: proxy, group, credential */
    tg_str_t client_id; /* unique within kind */
    bool enabled;
    tg_ms_t expires_at;  /* 0: never */
    uint64_t generation; /* random, new with each secret */
    tg_secret_kind_t secret_kind;
    tg_str_t secret;    /* 32 raw bytes or the encoded argon2id string */
    int64_t project_id; /* resource id */
    tg_str_t details;   /* JSON text for tg_details_parse; "" : none */
    int64_t version;    /* out: from 1, +1 with every call that changes the client, its secrets or its access */
} tg_client_t;

/* A secret of a client in one environment, in place of the general one. */
typedef struct {
    int64_t key_id, environment_id;
    uint64_t generation;
    tg_secret_kind_t secret_kind;
    tg_str_t secret;
} tg_client_secret_t;

/* A row of a credential's access list. */
typedef struct {
    int64_t key_id;
    int64_t target; /* resource id: proxy, proxy group, policy group */
    tg_str_t doc;   /* tg_access_row_write, as JSON text */
} tg_access_entry_t;

/* ---- deployments ---- */

typedef struct {
    int64_t environment_id, proxy_id; /* proxy_id: resource id of a proxy or of a group */
    int64_t revision;                 /* of the environment, when this was deployed */
    tg_ms_t at;
    tg_str_t by;
    tg_str_t description;
    bool undeploy; /* history rows: this one took the proxy away */
    tg_str_t doc;  /* tg_deployed_proxy_write or tg_deployed_group_write, as JSON text; "" for an undeploy */
} tg_deployment_t;

#define TG_HISTORY_KEPT 100 /* rows of a proxy or group in an environment */

/* ---- change feed ---- */

typedef enum {
    TG_CHANGE_SNAPSHOT = 1, /* ref: the environment's new revision, decimal */
    TG_CHANGE_CLIENT,       /* ref: "<kind>:<client_id>": what is known of this client is stale */
    TG_CHANGE_CLIENTS       /* ref "": what is known of every client is stale */
} tg_change_kind_t;

typedef struct {
    int64_t seq; /* gap-free in commit order: having read up to n, nothing at or below n appears later */
    tg_change_kind_t kind;
    int64_t environment_id; /* 0: every environment */
    tg_str_t ref;
} tg_change_t;

/* ---- administration ---- */

typedef struct {
    uint8_t token_hash[32]; /* SHA-256 of the bearer token */
    int64_t administrator;  /* resource id */
    int64_t access_token;   /* resource id of the access token that it was traded for; 0: a password */
    tg_ms_t expires_at;
} tg_session_t;

typedef struct {
    const char *name; /* "sqlite", "memory" */

    void (*close)(tg_config_store_t *);

    /* Begins a write transaction; waits at most `wait_ms` for other writers, then TG_ERR_UNAVAILABLE. */
    tg_err_t (*begin)(tg_config_store_t *, int wait_ms);
    tg_err_t (*commit)(tg_config_store_t *); /* TG_OK: durable. On failure: rolled back */
    void (*rollback)(tg_config_store_t *);

    /* A consistent read view over several calls (begin/commit imply one). Without it each call sees the newest state.
     */
    tg_err_t (*read_begin)(tg_config_store_t *);
    void (*read_end)(tg_config_store_t *);

    tg_err_t (*meta_get)(tg_config_store_t *, tg_str_t key, tg_arena_t *, tg_str_t *value); /* NOTFOUND */
    tg_err_t (*meta_put)(tg_config_store_t *, tg_str_t key, tg_str_t value);

    tg_err_t (*resource_create)(tg_config_store_t *, tg_resource_kind_t, int64_t parent, tg_str_t name, tg_str_t doc,
                                tg_ms_t now, int64_t *id); /* CONFLICT: the name is taken; NOTFOUND: no such parent */
    tg_err_t (*resource_find)(tg_config_store_t *, tg_resource_kind_t, int64_t parent, tg_str_t name, tg_arena_t *,
                              tg_resource_t *);
    tg_err_t (*resource_get)(tg_config_store_t *, int64_t id, tg_arena_t *, tg_resource_t *);
    /* expected_version 0: whatever it is; else CONFLICT if it is another. NOTFOUND. */
    tg_err_t (*resource_replace)(tg_config_store_t *, int64_t id, int64_t expected_version, tg_str_t doc, tg_ms_t now,
                                 int64_t *version);
    /* CONFLICT while it is a parent. NOTFOUND. Signing keys, revisions, deployments, snapshot and turns that hang on it
     * go with it, and so do secrets of that environment and access rows that name it: the versions of their clients
     * rise. Its own clients and the change feed are the caller's to see to, in the same transaction: for a target of
     * access lists a TG_CHANGE_CLIENT for each of access_clients, asked before, or one TG_CHANGE_CLIENTS. */
    tg_err_t (*resource_delete)(tg_config_store_t *, int64_t id);
    tg_err_t (*resource_list)(tg_config_store_t *, const tg_resource_query_t *, tg_arena_t *, tg_resource_t **rows,
                              size_t *n, int64_t *total);

    tg_err_t (*client_create)(tg_config_store_t *, const tg_client_t *,
                              int64_t *key_id);                          /* CONFLICT: client_id taken */
    tg_err_t (*client_update)(tg_config_store_t *, const tg_client_t *); /* by key_id; CONFLICT, NOTFOUND */
    tg_err_t (*client_delete)(tg_config_store_t *, int64_t key_id);
    tg_err_t (*client_find)(tg_config_store_t *, tg_client_kind_t, tg_str_t client_id, tg_arena_t *, tg_client_t *);
    tg_err_t (*client_find_owner)(tg_config_store_t *, int64_t owner, tg_arena_t *, tg_client_t *);
    /* Makes the client's generation in this environment another one for good (undeploy): XOR with a random value, kept
     * in place of the one before; never 0 (INVALID). NOTFOUND: no such client or environment. A change of the client.
     */
    tg_err_t (*client_turn)(tg_config_store_t *, int64_t key_id, int64_t environment_id, uint64_t nonce);
    /* The secret of a client in one environment: creates or replaces; its generation is as that of a client. NOTFOUND:
     * no such client or environment; delete: nor such a secret. */
    tg_err_t (*client_secret_put)(tg_config_store_t *, const tg_client_secret_t *);
    tg_err_t (*client_secret_delete)(tg_config_store_t *, int64_t key_id, int64_t environment_id);
    /* Its details, whose they are, and the version that they are of. NOTFOUND. */
    tg_err_t (*client_details)(tg_config_store_t *, int64_t key_id, tg_arena_t *, tg_str_t *client_id,
                               tg_str_t *details, int64_t *version);

    /* Access lists. put creates or replaces one row (NOTFOUND: no such client or target), delete ends one (NOTFOUND).
     * They go with their client and with their target; the version of the client rises in either case. */
    tg_err_t (*access_put)(tg_config_store_t *, const tg_access_entry_t *);
    tg_err_t (*access_delete)(tg_config_store_t *, int64_t key_id, int64_t target);
    tg_err_t (*access_list)(tg_config_store_t *, int64_t key_id, tg_arena_t *, tg_access_entry_t **rows,
                            size_t *n); /* by target */
    /* The row of the first of these targets that has one, and the version of the client at that moment (also with
     * NOTFOUND, if there is the client; else 0). Cost does not grow with the list. */
    tg_err_t (*access_find)(tg_config_store_t *, int64_t key_id, const int64_t *targets, size_t n, tg_arena_t *,
                            tg_access_entry_t *, int64_t *version);
    /* The clients (credentials all) whose access lists name this target, for change rows; by key_id. */
    tg_err_t (*access_clients)(tg_config_store_t *, int64_t target, tg_arena_t *, tg_str_t **client_ids, size_t *n);

    /* What a gateway of that environment wants to know, and the feed position at which it was true (one read view). An
     * unknown client is TG_OK with exists = false. A secret of the environment takes the place of the general one,
     * secret and generation; the turn counts for either. */
    tg_err_t (*client_live)(tg_config_store_t *, int64_t environment_id, tg_client_kind_t, tg_str_t client_id,
                            tg_live_client_t *, int64_t *seq);

    /* Signing keys: doc is tg_signing_key_write as JSON text. From here to snapshot_put NOTFOUND is an unknown
     * environment or proxy. */
    tg_err_t (*signing_key_put)(tg_config_store_t *, int64_t environment_id, tg_str_t kid,
                                tg_str_t doc); /* creates or replaces */
    tg_err_t (*signing_key_list)(tg_config_store_t *, int64_t environment_id, tg_arena_t *, tg_str_t **docs,
                                 size_t *n); /* in order of creation */

    /* The next revision number of an environment. */
    tg_err_t (*revision_next)(tg_config_store_t *, int64_t environment_id, int64_t *revision);
    /* Replaces what is deployed of that proxy there, and adds a history row; of its history there the newest
     * TG_HISTORY_KEPT rows are kept. */
    tg_err_t (*deployment_put)(tg_config_store_t *, const tg_deployment_t *);
    tg_err_t (*deployment_list)(tg_config_store_t *, int64_t environment_id, tg_arena_t *, tg_deployment_t **rows,
                                size_t *n); /* deployed now, by proxy_id */
    tg_err_t (*deployment_find)(tg_config_store_t *, int64_t environment_id, int64_t proxy_id, tg_arena_t *,
                                tg_deployment_t *);
    tg_err_t (*deployment_history)(tg_config_store_t *, int64_t proxy_id, tg_arena_t *, tg_deployment_t **rows,
                                   size_t *n); /* newest first, without their documents */
    /* The newest row of the history there up to and with this revision, an undeploy too. NOTFOUND. */
    tg_err_t (*deployment_as_of)(tg_config_store_t *, int64_t environment_id, int64_t proxy_id, int64_t revision,
                                 tg_arena_t *, tg_deployment_t *);

    /* The newest snapshot of an environment; the one before is forgotten. */
    tg_err_t (*snapshot_put)(tg_config_store_t *, int64_t environment_id, int64_t revision, tg_str_t document);
    /* NOTFOUND: no such environment, or nothing made yet. max: TG_SNAPSHOT_MAX; the document goes into *out. */
    tg_err_t (*snapshot_get)(tg_config_store_t *, tg_str_t environment_name, int64_t *environment_id, int64_t *revision,
                             tg_buf_t *out);

    tg_err_t (*change_append)(tg_config_store_t *, tg_change_kind_t, int64_t environment_id, tg_str_t ref);
    tg_err_t (*change_head)(tg_config_store_t *, int64_t *seq); /* 0: none yet */
    /* Rows after `after`, oldest first, at most `limit`. TG_ERR_LIMIT: rows after `after` were pruned, or the head is
     * before it (the store was put back); start anew from the head. */
    tg_err_t (*change_read)(tg_config_store_t *, int64_t after, size_t limit, tg_arena_t *, tg_change_t **rows,
                            size_t *n);
    /* For whoever waits for a change: a descriptor of this handle that becomes readable when there may be one, to be
     * asked for anew before each wait; -1: nobody tells at the moment, look again after a while. *told: there may be
     * one already that was not read since the call before. Outside of transactions and read views. NULL: this store
     * never tells. */
    int (*change_fd)(tg_config_store_t *, bool *told);
    tg_err_t (*change_prune)(tg_config_store_t *,
                             int64_t keep_after); /* forgets the rows up to and with it; the head stays */

    tg_err_t (*session_put)(tg_config_store_t *, const tg_session_t *);
    tg_err_t (*session_find)(tg_config_store_t *, const uint8_t token_hash[32], tg_ms_t now,
                             tg_session_t *);                                      /* NOTFOUND also when expired */
    tg_err_t (*session_delete)(tg_config_store_t *, const uint8_t token_hash[32]); /* TG_OK also if there was none */
    tg_err_t (*session_purge)(tg_config_store_t *, tg_ms_t now,
                              int64_t administrator); /* expired ones, and those that this administrator (0: nobody)
                                                       * got for a password */

    /* Never changed or removed afterwards. The store gives the number, one more than the last one given, and the
     * hashes. */
    tg_err_t (*audit_append)(tg_config_store_t *, const tg_audit_t *);
    tg_err_t (*audit_list)(tg_config_store_t *, int64_t before_seq, size_t limit, tg_arena_t *, tg_audit_t **rows,
                           size_t *n); /* newest first; 0: from the top */
} tg_config_ops_t;

struct tg_config_store {
    const tg_config_ops_t *ops;
    tg_fault_t fault; /* for the log: what the last TG_ERR_UNAVAILABLE or TG_ERR_BUG of this handle was about */
};

#endif
