/*
 * token_store: what gateways write: token records, epochs, and which nodes live. One handle per thread; any number of
 * handles and processes.
 *
 * The store holds only the SHA-256 of a token. Records are kept by bucket (docs/decisions/0002-tokens.md): the class
 * and index of the moment after which a record no longer matters; a look-up names the bucket and touches that partition
 * alone; clean-up drops whole partitions.
 *
 * Errors as in config_store.h.
 */
#ifndef TG_STORE_TOKEN_STORE_H
#define TG_STORE_TOKEN_STORE_H

#include "base/arena.h"
#include "base/clock.h"
#include "model/live.h"

typedef struct tg_token_store tg_token_store_t;

typedef enum { TG_BUCKET_HOUR = 0, TG_BUCKET_DAY = 1, TG_BUCKET_MONTH = 2, TG_BUCKET_NEVER = 3 } tg_bucket_class_t;

typedef struct {
    tg_bucket_class_t cls;
    uint32_t index; /* floor(ms / (1 h, 1 d, 30 d)); 0 for NEVER; < 2^24 */
} tg_bucket_t;

/* The bucket of a record that last matters at `until` (0: never ends): hours up to 48 h from now, days up to 60 d, else
 * months. An index that would not fit is NEVER. */
tg_bucket_t tg_bucket_for(tg_ms_t now, tg_ms_t until);
/* The first moment at which the whole bucket is past; INT64_MAX for NEVER. */
tg_ms_t tg_bucket_end(tg_bucket_t b);
/* The bucket behind it; NEVER for NEVER and behind the last index. */
tg_bucket_t tg_bucket_next(tg_bucket_t b);

#define TG_SUBJECT_MAX 256
#define TG_SCOPE_MAX   2048
#define TG_FAMILY_LEN  16

typedef struct {
    uint8_t hash[32]; /* SHA-256 of the access token */
    bool has_refresh;
    uint8_t refresh_hash[32]; /* SHA-256 of the refresh token */
    tg_bucket_t bucket;       /* of both tokens */
    int64_t environment_id;
    tg_client_kind_t client_kind;
    tg_str_t client_id;
    tg_str_t subject;
    tg_str_t scope;
    bool has_scope;           /* scopes were resolved; false with a scope of "" in records of earlier releases */
    uint64_t generation;      /* of the client when issued */
    uint64_t user_generation; /* password grant: of the credential that is the user; 0: there is none */
    int64_t epoch;            /* of (client, subject) when issued */
    tg_ms_t issued_at;
    tg_ms_t access_expires_at;  /* 0: never */
    tg_ms_t refresh_expires_at; /* 0: no refresh */
    int32_t refresh_left;
    int32_t refresh_used;
    uint8_t family[TG_FAMILY_LEN];
    tg_ms_t ended_at; /* 0: lives; else revoked, or refreshed (then has_successor) */
    bool has_successor;
    uint8_t successor[32]; /* hash of the successor's access token */
    tg_bucket_t successor_bucket;
    tg_ms_t successor_used_at; /* 0: not used yet */
    bool has_predecessor;      /* a refresh made this record of that one, which is its tombstone */
    uint8_t predecessor[32];
    tg_bucket_t predecessor_bucket;
} tg_record_t;

/* ---- writes, many at a time ---- */

typedef enum {
    TG_WRITE_PUT = 1, /* record: a new one. CONFLICT: a hash exists already */
    TG_WRITE_REFRESH, /* hash, bucket: of the refresh token presented; record: the successor; at. See record_refresh */
    TG_WRITE_END,     /* hash, bucket, at: ends a record. NOTFOUND; a second time changes nothing */
    TG_WRITE_USED,    /* hash, bucket (of a tombstone), at: its successor was used. NOTFOUND */
    TG_WRITE_FAMILY,  /* family, at: ends every living record of a family */
    TG_WRITE_EPOCH,   /* environment_id, client_kind, client_id, subject: raises the epoch; `epoch` is the new one */
    /* environment_id, client_kind, client_id, revocation, until, at, capacity: puts an id on the early revocation list.
     * One that is there already stays, until the later of both moments. LIMIT: the list, or this client's tenth of it
     * (never less than one), is full of entries that still matter at `at`. */
    TG_WRITE_REVOCATION
} tg_write_kind_t;

#define TG_REVOCATION_LEN 16 /* a jti or a family id */

typedef struct tg_write {
    tg_write_kind_t kind;
    const tg_record_t *record;
    const struct tg_write *epoch_from; /* PUT, NULL: as record says. An EPOCH earlier in this batch: its new epoch is
                                        * the record's */
    uint8_t hash[32];
    tg_bucket_t bucket;
    uint8_t family[TG_FAMILY_LEN];
    int64_t environment_id;
    tg_client_kind_t client_kind;
    tg_str_t client_id, subject;
    uint8_t revocation[TG_REVOCATION_LEN];
    tg_ms_t until;    /* REVOCATION: when it no longer matters; 0: never */
    int64_t capacity; /* REVOCATION: entries of this environment in all; one client has at most a tenth */
    tg_ms_t at;

    tg_err_t result;       /* out, of this write alone */
    tg_record_t *existing; /* out, in the arena: REFRESH with CONFLICT; else NULL */
    int64_t epoch;         /* out: EPOCH */
    int64_t ended;         /* out: FAMILY: how many records */
} tg_write_t;

/* ---- what other workers and nodes must hear of ---- */

typedef enum {
    TG_TOKEN_CHANGE_ENDED = 1, /* id: hash of the access token (32 bytes) of a record that ended or was refreshed */
    TG_TOKEN_CHANGE_EPOCH,     /* id: tg_epoch_id() of what was raised (8 bytes, see tg_epoch_id_get) */
    TG_TOKEN_CHANGE_REVOCATION /* id: jti or family (16 bytes); until */
} tg_token_change_kind_t;

typedef struct {
    int64_t seq; /* gap-free in commit order, a sequence of its own */
    tg_token_change_kind_t kind;
    int64_t environment_id;
    tg_str_t id;
    tg_ms_t until; /* REVOCATION, 0: never; else 0 */
} tg_token_change_t;

typedef struct {
    uint8_t id[TG_REVOCATION_LEN];
    tg_ms_t until; /* 0: never */
} tg_revocation_t;

/* A 64-bit name of (kind, client_id, subject) for feeds and tables that keep no strings: FNV-1a over kind, client_id,
 * 0, subject. Two that share one only cost a look-up. Pure; the same on every node. */
uint64_t tg_epoch_id(tg_client_kind_t kind, tg_str_t client_id, tg_str_t subject);
/* As bytes of a change, the least significant first; 0 for bytes of another length. */
void tg_epoch_id_put(uint64_t id, uint8_t out[8]);
uint64_t tg_epoch_id_get(tg_str_t bytes);

/* A live gateway node. */
typedef struct {
    int pid;
    int64_t revision; /* snapshot that this worker serves; 0: none */
    tg_str_t error;   /* why it does not serve `wanted`; "" : no error */
} tg_node_worker_t;

typedef struct {
    tg_str_t node_id;
    int64_t environment_id;
    tg_str_t environment;
    tg_str_t address; /* gateway address, for people */
    tg_str_t version;
    tg_ms_t started_at, seen_at;
    int64_t wanted; /* revision the node is moving to */
    tg_node_worker_t *workers;
    size_t n_workers;
    bool draining;    /* it tells its load balancer and its clients to go elsewhere */
    int64_t requests; /* under way */
    bool drain;       /* out: what node_drain asked of it */
} tg_node_t;

/* ---- the token request log ---- */

typedef struct {
    int64_t seq; /* out */
    tg_ms_t at;
    int64_t environment_id, project_id; /* project_id 0: not known */
    tg_str_t node;
    tg_str_t endpoint;  /* "/auth/token" */
    tg_str_t client_id; /* as asked, at most 256 bytes; "" : none */
    tg_str_t proxy;     /* name of the proxy or group whose key this is; "" : a credential, or not known */
    tg_str_t user;      /* password grant: as asked, at most 256 bytes */
    tg_str_t address;   /* of the client, text */
    tg_str_t grant;     /* "client_credentials", ... */
    int32_t status;
    tg_str_t error;  /* OAuth error of the answer; "" : success */
    tg_str_t reason; /* the true one: a name of tg_client_verdict_name and the like; "" : none */
    int64_t duration_us;
} tg_request_row_t;

typedef struct {
    int64_t before_seq; /* 0: from the newest */
    size_t limit;
    tg_ms_t from, to;                       /* 0: open; to is not included */
    int64_t environment_id, project_id;     /* 0: all */
    tg_str_t proxy, client_id, user, error; /* "" : all; exact */
    int32_t status_from, status_to;         /* 0: open; both included */
} tg_request_query_t;

typedef struct {
    const char *name;

    void (*close)(tg_token_store_t *);

    /* Writes n records in one durable transaction (group commit). TG_OK: all are durable (fsync). results[i]: TG_OK or
     * TG_ERR_CONFLICT (the hash or the refresh hash exists in that bucket already; nothing changed for it). On any
     * other error none is written. */
    tg_err_t (*record_put)(tg_token_store_t *, const tg_record_t *const *records, size_t n, tg_err_t *results);
    /* By the hash of an access token, in one bucket. NOTFOUND. Ended and expired records that are still there are
     * returned as they are. */
    tg_err_t (*record_find)(tg_token_store_t *, const uint8_t hash[32], tg_bucket_t, tg_arena_t *, tg_record_t *);
    tg_err_t (*record_find_refresh)(tg_token_store_t *, const uint8_t refresh_hash[32], tg_bucket_t, tg_arena_t *,
                                    tg_record_t *);
    /* Ends a record; a second time changes nothing. NOTFOUND. Durable. */
    tg_err_t (*record_end)(tg_token_store_t *, const uint8_t hash[32], tg_bucket_t, tg_ms_t at);
    /* One refresh, atomically: the record whose refresh token has this hash becomes a tombstone naming `successor`, and
     * `successor` is written. If it is a tombstone already: TG_ERR_CONFLICT, nothing changes, and *existing is the
     * tombstone. Revoked (ended without successor) or unknown: NOTFOUND. A successor whose hashes are taken is
     * TG_ERR_BUG; nothing changes.
     *
     * Rotation off: the successor has the refresh hash presented and must be in the same bucket (else TG_ERR_BUG). The
     * refresh token goes over to it; the tombstone has none any more. Since it then opens record after record, the
     * successor names the one it was planned on as its predecessor: if the record found is another, living one, that is
     * TG_ERR_CONFLICT as well, nothing changes, and *existing is that record, to plan on again. */
    tg_err_t (*record_refresh)(tg_token_store_t *, const uint8_t refresh_hash[32], tg_bucket_t,
                               const tg_record_t *successor, tg_ms_t at, tg_arena_t *, tg_record_t *existing);
    /* Notes the first use of a successor on the tombstone; later calls change nothing. NOTFOUND: no tombstone there. */
    tg_err_t (*record_successor_used)(tg_token_store_t *, const uint8_t hash[32], tg_bucket_t, tg_ms_t at);
    /* Ends every living record of a family (of those with a refresh token) whose bucket is not past. *ended: how many.
     * Tombstones stay as they are: what they name is ended. */
    tg_err_t (*family_end)(tg_token_store_t *, const uint8_t family[TG_FAMILY_LEN], tg_ms_t at, int64_t *ended);

    /* Epochs: a number per (environment, client, subject), 0 until raised; a record below it is refused. subject "" is
     * the client as a whole: a check compares with the larger of both. A raise gives a number above all that were given
     * before, so that it ends what was issued under either. */
    tg_err_t (*epoch_raise)(tg_token_store_t *, int64_t environment_id, tg_client_kind_t, tg_str_t client_id,
                            tg_str_t subject, int64_t *epoch);
    tg_err_t (*epoch_get)(tg_token_store_t *, int64_t environment_id, tg_client_kind_t, tg_str_t client_id,
                          tg_str_t subject, int64_t *epoch);

    /* n writes in one durable transaction, in order, each with a result of its own: one that is refused (NOTFOUND,
     * CONFLICT, LIMIT; BUG of a successor) changes nothing and leaves the others alone. TG_OK: what the results say is
     * durable. On any other error nothing was written, and it is every result. Each write that ends something appends
     * its token changes in the same transaction: one a record, an epoch, an entry of the list that is new or stays
     * longer. Without a REFRESH the arena may be NULL. The single calls above are this with n = 1. */
    tg_err_t (*write_many)(tg_token_store_t *, tg_write_t *writes, size_t n, tg_arena_t *);

    /* The feed of token changes; as change_head, change_read and change_fd of the config store (TG_ERR_LIMIT: pruned).
     * Rows that were there at a buckets_drop may be pruned by one an hour later. */
    tg_err_t (*change_head)(tg_token_store_t *, int64_t *seq);
    tg_err_t (*change_read)(tg_token_store_t *, int64_t after, size_t limit, tg_arena_t *, tg_token_change_t **rows,
                            size_t *n);
    int (*change_fd)(tg_token_store_t *, bool *told);
    /* Every early revocation of an environment that matters at `now`, and the feed position at which this was true. */
    tg_err_t (*revocation_list)(tg_token_store_t *, int64_t environment_id, tg_ms_t now, tg_arena_t *,
                                tg_revocation_t **rows, size_t *n, int64_t *seq);

    /* Makes the partition behind each one that is in use and not past, so that nobody who writes waits for it at the
     * turn of an hour, a day or a month; *made: how many (0 in a store whose partitions cost nothing). One node at a
     * time, as buckets_drop. */
    tg_err_t (*buckets_make)(tg_token_store_t *, tg_ms_t now, int64_t *made);
    /* Drops partitions that are past at `now`, whole; *dropped: how many. Early revocations that no longer matter and
     * old rows of the feed go in small chunks, each a transaction of its own, so that no write waits for long. One node
     * at a time: while another one is at it, there is nothing to do. */
    tg_err_t (*buckets_drop)(tg_token_store_t *, tg_ms_t now, int64_t *dropped);

    /* The token request log. put: n rows in one transaction, lost at worst with the machine (no fsync is waited for)
     * and never in the way of write_many; it makes the log if there is none yet, whatever the options of the handle.
     * list: newest first; what it costs grows with the span of time that it looks through. prune: at most `limit` rows
     * of an environment from before `before`, oldest first, in chunks; *pruned: how many, also if it then fails.
     * Without a log there is nothing to list or to prune. */
    tg_err_t (*request_put)(tg_token_store_t *, const tg_request_row_t *rows, size_t n);
    tg_err_t (*request_list)(tg_token_store_t *, const tg_request_query_t *, tg_arena_t *, tg_request_row_t **rows,
                             size_t *n);
    tg_err_t (*request_prune)(tg_token_store_t *, int64_t environment_id, tg_ms_t before, size_t limit,
                              int64_t *pruned);

    /* Nodes. What node_drain asked of a node is kept for as long as its started_at is the same. remove: the row of that
     * start alone; NOTFOUND: there is none, or one of another start. */
    tg_err_t (*node_put)(tg_token_store_t *, const tg_node_t *);
    tg_err_t (*node_remove)(tg_token_store_t *, tg_str_t node_id, tg_ms_t started_at);
    /* Asks a node of this environment to drain, or to drain no more. TG_ERR_NOTFOUND: there is no such node. */
    tg_err_t (*node_drain)(tg_token_store_t *, int64_t environment_id, tg_str_t node_id, bool drain);
    /* environment_id 0: all. Those last seen before `since` are left out. */
    tg_err_t (*node_list)(tg_token_store_t *, int64_t environment_id, tg_ms_t since, tg_arena_t *, tg_node_t **rows,
                          size_t *n);
} tg_token_ops_t;

struct tg_token_store {
    const tg_token_ops_t *ops;
    tg_fault_t fault; /* for the log: what the last TG_ERR_UNAVAILABLE or TG_ERR_BUG of this handle was about */
};

#endif
