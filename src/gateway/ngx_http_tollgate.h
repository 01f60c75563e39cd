
/*
 * The inside of the nginx module: what its three halves share.
 *
 *     state      ngx_http_tollgate_module.c, _edge.c, _zone.c, _table.c,
 *                _live.c, _cache.c, _grant.c, _meters.c, _meter.c, _revoked.c,
 *                _details.c, _snapshot.c, _resolve.c, _loader.c, _feed.c,
 *                _token_feed.c, _node.c, _drain.c, _pool.c, _notify.c,
 *                _request_log.c
 *     request    routing, token check, forwarding, balancer, TLS, logging
 *     endpoints  token endpoints, group commit, JWKS, metadata, health, metrics
 *
 * Threads: everything here is for the event loop alone unless its comment
 * says "any thread".  Code that runs in a thread never touches an nginx pool,
 * a request, a connection or a timer.
 *
 * A worker lives in one cycle, so its main configuration and its state are
 * reachable through ngx_http_tollgate_main, set before any request is served.
 */


#ifndef _NGX_HTTP_TOLLGATE_H_INCLUDED_
#define _NGX_HTTP_TOLLGATE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "identity/identity.h"
#include "jose/jwk.h"
#include "keyring/keyring.h"
#include "model/credential.h"
#include "model/live.h"
#include "model/snapshot.h"
#include "oauth/check.h"
#include "oauth/token_request.h"
#include "policy/client_address.h"
#include "policy/endpoint.h"
#include "policy/route.h"
#include "store/store.h"


/* -- configuration -------------------------------------------------------- */

typedef struct ngx_http_tollgate_zone_s      ngx_http_tollgate_zone_t;
typedef struct ngx_http_tollgate_snapshot_s  ngx_http_tollgate_snapshot_t;
typedef struct ngx_http_tollgate_thread_s    ngx_http_tollgate_thread_t;
typedef struct ngx_http_tollgate_task_s      ngx_http_tollgate_task_t;
typedef struct ngx_http_tollgate_pool_s      ngx_http_tollgate_pool_t;


typedef struct {
    ngx_str_t                  store;            /* tollgate_store */
    ngx_str_t                  master_key_file;  /* tollgate_master_key_file */
    ngx_str_t                  environment;      /* tollgate_environment */
    ngx_str_t                  data;             /* tollgate_data */
    ngx_str_t                  address;          /* tollgate_address */
    size_t                     zone_size;        /* tollgate_zone */
    ngx_shm_zone_t            *shm_zone;
    ngx_int_t                  crypto_threads;   /* tollgate_threads crypto= */
    ngx_int_t                  store_threads;    /* ... store= */
    ngx_int_t                  argon_threads;    /* ... argon= */
    ngx_int_t                  queue;            /* ... queue=, per pool */
    ngx_msec_t                 deadline;         /* ... deadline=, ms */
    ngx_msec_t                 auth_failure_delay;
    ngx_int_t                  batch_limit;      /* records in one commit */
    ngx_uint_t                 traceparent_make; /* where there is none */
    size_t                     details_size;     /* tollgate_details, bytes */

    tg_keyring_t              *keyring;          /* wiped with the cycle */
    ngx_uint_t                 enabled;          /* tollgate_store is set */
    ngx_uint_t                 wanted;           /* a location needs it */

    /* for the other halves: whatever they keep per cycle */
    void                      *request;
    void                      *endpoints;
} ngx_http_tollgate_main_conf_t;


/* tollgate_status */
#define NGX_HTTP_TOLLGATE_STATUS_NONE     0
#define NGX_HTTP_TOLLGATE_STATUS_LIVE     1
#define NGX_HTTP_TOLLGATE_STATUS_READY    2
#define NGX_HTTP_TOLLGATE_STATUS_METRICS  3


typedef struct {
    ngx_flag_t                 enabled;  /* tollgate on; inherited */
    ngx_flag_t                 token;    /* tollgate_token on; not inherited */
    ngx_uint_t                 status;   /* tollgate_status; not inherited */
} ngx_http_tollgate_loc_conf_t;


extern ngx_module_t  ngx_http_tollgate_module;

/* The main configuration of this worker; NULL in the master. */
extern ngx_http_tollgate_main_conf_t  *ngx_http_tollgate_main;


/* -- what the other halves give to the module ------------------------------ */

/*
 * Called by ngx_http_tollgate_module.c at the usual moments, also if
 * tollgate_store is not set (mcf->enabled is known from postconfiguration on).
 */

/* request half: variables; phase handlers, filters */
ngx_int_t ngx_http_tollgate_request_preconfiguration(ngx_conf_t *cf);
ngx_int_t ngx_http_tollgate_request_postconfiguration(ngx_conf_t *cf);
/* In a worker; threads may be started here, the snapshot is there already. */
ngx_int_t ngx_http_tollgate_request_init_process(ngx_cycle_t *cycle);
void ngx_http_tollgate_request_exit_process(ngx_cycle_t *cycle);

/* "tollgate_balancer;" sets peer.init_upstream of the upstream to this */
ngx_int_t ngx_http_tollgate_balancer_init_upstream(ngx_conf_t *cf,
    ngx_http_upstream_srv_conf_t *us);

/*
 * The backends of a snapshot: connection pool identities, SSL_CTX, whatever
 * the balancer wants ready.  Called in a thread (or at the start of a worker,
 * before its event loop) while s is complete but for s->backends; malloc'ed
 * memory only.  The result is immutable for other threads; the event loop may
 * keep counters in it.  A failure (*fault says why) makes the whole snapshot
 * one that "cannot be loaded": the old one stays.  The same revision may be
 * built again when names resolve to other addresses.
 */
tg_err_t ngx_http_tollgate_backends_build(
    const ngx_http_tollgate_snapshot_t *s, void **backends, tg_fault_t *fault);
/* In a thread, when no request uses the snapshot any more; NULL is fine. */
void ngx_http_tollgate_backends_free(void *backends);

/* endpoints half */
ngx_int_t ngx_http_tollgate_endpoints_preconfiguration(ngx_conf_t *cf);
ngx_int_t ngx_http_tollgate_endpoints_postconfiguration(ngx_conf_t *cf);
ngx_int_t ngx_http_tollgate_endpoints_init_process(ngx_cycle_t *cycle);
/* Before the pools are stopped. */
void ngx_http_tollgate_endpoints_exit_process(ngx_cycle_t *cycle);

/* The content handlers of "tollgate_token on;" and of "tollgate_status ...;" */
ngx_int_t ngx_http_tollgate_token_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_tollgate_status_handler(ngx_http_request_t *r);


/* -- the edge: clock, entropy ---------------------------------------------- */

/* Wall clock in ms: nginx's cached time, as of this turn of the event loop. */
static ngx_inline tg_ms_t
ngx_http_tollgate_now_ms(void)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return (tg_ms_t) tp->sec * 1000 + tp->msec;
}

/* Wall clock in ms, read now.  Any thread. */
tg_ms_t ngx_http_tollgate_clock_ms(void);
/* Monotonic ms, the same for all processes of this machine.  Any thread. */
uint64_t ngx_http_tollgate_monotonic_ms(void);
uint64_t ngx_http_tollgate_monotonic_ns(void);
/* n bytes of RAND_bytes.  NGX_OK, or NGX_ERROR: do not go on.  Any thread. */
ngx_int_t ngx_http_tollgate_random(void *p, size_t n);

static ngx_inline tg_str_t
ngx_http_tollgate_str(ngx_str_t s)
{
    return tg_strn(s.data, s.len);
}


/* -- snapshot -------------------------------------------------------------- */

/* Where one address of a proxy is: one sockaddr per address of its name. */
typedef struct {
    struct sockaddr_storage    sockaddr;
    socklen_t                  socklen;
} ngx_http_tollgate_sockaddr_t;


typedef struct {
    ngx_http_tollgate_sockaddr_t  *addrs;  /* with the port set; sorted */
    ngx_uint_t                     n;      /* 0: the name does not resolve */
} ngx_http_tollgate_resolved_t;


struct ngx_http_tollgate_snapshot_s {
    tg_snapshot_t                  snapshot;
    tg_router_t                   *router;
    tg_endpoints_t                *endpoints; /* in the arena */

    /* [snapshot.n_keys]; NULL: a revoked key, or one that is past */
    tg_key_t                     **public_keys;
    /* [snapshot.n_keys]; NULL: as above, or could not be unsealed */
    tg_key_t                     **private_keys;

    /* the environment's trusted proxies */
    tg_cidr_t                     *trusted;
    size_t                         n_trusted;

    /* resolved[i][j]: of snapshot.proxies[i].proxy.addresses[j] */
    ngx_http_tollgate_resolved_t **resolved;

    /*
     * Stands for all that the proof of a JWT depends on besides its key
     * (environment, access URL): the `proof` of cached JWTs.
     */
    uint64_t                       proof;

    /* of ngx_http_tollgate_backends_build() */
    void                          *backends;

    /* private to the state half */
    tg_arena_t                     arena;
    ngx_uint_t                     refs;
    ngx_http_tollgate_snapshot_t  *next;
    ngx_uint_t                     named;       /* has host names */
    ngx_uint_t                     unresolved;  /* names without an address */
};


/*
 * The snapshot that this worker serves now, or NULL: none yet (503).  Valid
 * until the handler returns to the event loop.
 */
ngx_http_tollgate_snapshot_t *ngx_http_tollgate_snapshot_current(void);
/*
 * The same, held until the request's pool is destroyed.  NULL: none yet, or no
 * memory.  Each call takes one more hold, so keep what it returns in the
 * request's context; internal redirects clear that context, not the hold.
 */
ngx_http_tollgate_snapshot_t *ngx_http_tollgate_snapshot_acquire(
    ngx_http_request_t *r);
/*
 * A hold of its own, for instance of a task: taken before it is posted, given
 * back in its release().
 */
void ngx_http_tollgate_snapshot_hold(ngx_http_tollgate_snapshot_t *s);
void ngx_http_tollgate_snapshot_release(ngx_http_tollgate_snapshot_t *s);
/*
 * The index of the key with this kid if it verifies at `now` (published,
 * active or retiring), else -1: whether a cached JWT's key is still usable.
 */
ngx_int_t ngx_http_tollgate_snapshot_key(
    const ngx_http_tollgate_snapshot_t *s, tg_str_t kid, tg_ms_t now);
/* A tg_key_of_fn over public_keys; ctx is the snapshot.  Any thread. */
const tg_key_t *ngx_http_tollgate_snapshot_public_key(void *ctx, size_t i);


/* -- change feed ----------------------------------------------------------- */

/*
 * Whether the live table and the token cache may be trusted: the feed was read
 * within the environment's propagation bound.  Otherwise opaque tokens are
 * looked up in the store, record and client (and 503 if that fails), and JWTs
 * follow environment.jwt_refuse_when_feed_lost.  Any thread.
 */
ngx_uint_t ngx_http_tollgate_feed_is_fresh(void);
/*
 * Whether what the store said to a question of `asked` (monotonic ms) may
 * still decide: either the feed is fresh, and would have told of a change
 * since, or the answer itself is not older than the bound.  Any thread.
 */
ngx_uint_t ngx_http_tollgate_feed_covers(uint64_t asked);


/* -- live clients ---------------------------------------------------------- */

/*
 * NGX_OK: *client is what is known (also of one that does not exist:
 * !client->exists); NGX_DECLINED: ask the store (client_live), then fill.
 * Takes no lock.  What it returns is only as good as the feed: see
 * ngx_http_tollgate_feed_is_fresh().  Any thread.  The caller counts
 * (LIVE_HIT, LIVE_MISS).
 */
ngx_int_t ngx_http_tollgate_live_get(tg_client_kind_t kind, tg_str_t client_id,
    tg_live_client_t *client);
/*
 * What client_live said, with the feed position that it gave.  Dropped if the
 * feed has passed it for this client, or if somebody else writes at the same
 * place.  Any thread.
 */
void ngx_http_tollgate_live_fill(tg_client_kind_t kind, tg_str_t client_id,
    const tg_live_client_t *client, int64_t seq);
/*
 * Whether the feed has not passed `seq` for this client: what client_live said
 * then is still so, as far as this node knows.  Any thread.
 */
ngx_uint_t ngx_http_tollgate_live_is_current(tg_client_kind_t kind,
    tg_str_t client_id, int64_t seq);


/*
 * The node serves this many others of its environment, itself included, as of
 * a moment ago; at least 1.  Limits of all nodes together are divided by it.
 */
ngx_uint_t ngx_http_tollgate_live_nodes(void);


/* -- details of clients (_details.c) ------------------------------------------ */

/*
 * What a client's details say, parsed, kept by each worker for itself: roles,
 * addresses, token settings, metadata.  They belong to a version of the client
 * (tg_live_client_t.version).  Immutable; freed when nobody holds them.
 */
typedef struct ngx_http_tollgate_details_s  ngx_http_tollgate_details_t;

struct ngx_http_tollgate_details_s {
    int64_t                        key_id;
    int64_t                        version;
    tg_details_t                   details;
    tg_cidr_t                     *addresses;    /* of details.ips */
    size_t                         n_addresses;  /* 0: from everywhere */

    /* a credential's settings, see tg_credential_policy_init() */
    tg_policy_t                    opaque;
    tg_policy_t                    jwt;

    /* private */
    tg_arena_t                     arena;
    ngx_uint_t                     refs;
    ngx_queue_t                    queue;
    ngx_http_tollgate_details_t   *next;
    size_t                         size;
};

/*
 * Event loop.  Those of this version or a later one, or NULL: ask the store.
 * Valid until the handler returns to the event loop, unless held.
 */
ngx_http_tollgate_details_t *ngx_http_tollgate_details_get(int64_t key_id,
    int64_t version);
void ngx_http_tollgate_details_hold(ngx_http_tollgate_details_t *d);
void ngx_http_tollgate_details_release(ngx_http_tollgate_details_t *d);
/*
 * In a thread: asks this store and parses.  *d has one hold, of the caller's;
 * it may be released in the event loop alone.  TG_ERR_NOTFOUND: the client is
 * gone.
 */
tg_err_t ngx_http_tollgate_details_load(tg_config_store_t *store,
    tg_str_t environment, int64_t key_id, ngx_http_tollgate_details_t **d,
    tg_fault_t *fault);
/* Event loop: may be found by _get() from now on.  The hold stays. */
void ngx_http_tollgate_details_put(ngx_http_tollgate_details_t *d);


/* -- access lists (_grant.c) --------------------------------------------------- */

/*
 * Whether a credential may call a proxy, in shared memory.  The version of the
 * client and the revision of the proxy's deployment are part of the key, so
 * that nothing has to be invalidated.  NGX_OK: *access is known (also of what
 * is not allowed); NGX_DECLINED: ask the store (access_find with the proxy's
 * targets, then tg_access_parse), then fill, under the version that it gave.
 * No lock.  Any thread.
 */
ngx_int_t ngx_http_tollgate_grant_get(int64_t key_id, int64_t version,
    const tg_deployed_proxy_t *p, tg_access_t *access);
void ngx_http_tollgate_grant_fill(int64_t key_id, int64_t version,
    const tg_deployed_proxy_t *p, const tg_access_t *access);


/* -- meters (_meter.c) --------------------------------------------------------- */

/*
 * Counters of this node for limits, in shared memory, by what is counted: 16
 * bytes that the caller makes of a kind and of names.  A meter that finds no
 * place (the oldest idle one gives way) counts as empty.  Any thread.
 */
typedef struct {
    u_char                         bytes[16];
} ngx_http_tollgate_meter_id_t;

typedef enum {
    NGX_HTTP_TOLLGATE_METER_CLIENT_FAILURES = 1,  /* client_id, address */
    NGX_HTTP_TOLLGATE_METER_ADDRESS_FAILURES,     /* address */
    NGX_HTTP_TOLLGATE_METER_QUOTA,                /* key_id, target */
    NGX_HTTP_TOLLGATE_METER_THROTTLING,
    NGX_HTTP_TOLLGATE_METER_PROXY_QUOTA,          /* proxy id */
    NGX_HTTP_TOLLGATE_METER_PROXY_THROTTLING
} ngx_http_tollgate_meter_e;

void ngx_http_tollgate_meter_id(ngx_http_tollgate_meter_e kind, tg_str_t a,
    tg_str_t b, ngx_http_tollgate_meter_id_t *id);
/*
 * May one more come, by this node's share of the limit?  NGX_OK, or
 * NGX_DECLINED with the whole seconds after which one may.  A limit of 0 lets
 * all pass.  _check() counts nothing; _take() counts in the same step, and
 * only if it lets pass; _add() counts in any case.
 */
ngx_int_t ngx_http_tollgate_meter_check(const ngx_http_tollgate_meter_id_t *id,
    const tg_limit_t *limit, ngx_uint_t *retry_after);
ngx_int_t ngx_http_tollgate_meter_take(const ngx_http_tollgate_meter_id_t *id,
    const tg_limit_t *limit, ngx_uint_t *retry_after);
void ngx_http_tollgate_meter_add(const ngx_http_tollgate_meter_id_t *id,
    const tg_limit_t *limit);


/* -- token request log (_request_log.c) ---------------------------------------- */

/*
 * Event loop: copies the row (node and environment_id are filled in); a thread
 * of its own writes what has gathered in groups, and prunes what is too old.
 * Never waits; what cannot be kept or written is counted (REQUEST_LOG_LOST).
 */
void ngx_http_tollgate_request_log(const tg_request_row_t *row);
/* Rows that wait in this worker. */
ngx_uint_t ngx_http_tollgate_request_log_waiting(void);


/* -- addresses and CORS (request half: _address.c, _cors.c) -------------------- */

/*
 * The client's address by these settings and the environment's trusted
 * proxies; "::" for a peer that has none (unix socket).  NGX_OK;
 * NGX_DECLINED: the forwarded header is malformed (400).
 */
ngx_int_t ngx_http_tollgate_client_address(ngx_http_request_t *r,
    const ngx_http_tollgate_snapshot_t *s, const tg_forwarded_t *f,
    u_char address[16]);
/*
 * Whether the peer is one of the environment's trusted proxies, whose
 * forwarded headers count.  Never one that has no address (unix socket).
 */
ngx_uint_t ngx_http_tollgate_peer_is_trusted(ngx_http_request_t *r,
    const ngx_http_tollgate_snapshot_t *s);

/*
 * Adds what these settings say of the request's Origin to the answer's
 * headers; nothing if they are not enabled, and no more than Vary if they do
 * not allow it.  `cors` may be NULL.  Access-Control-* that a backend sent is
 * dropped when they are enabled.  NGX_OK, NGX_ERROR.
 */
ngx_int_t ngx_http_tollgate_cors_headers(ngx_http_request_t *r,
    const tg_cors_t *cors);
/* A preflight: OPTIONS with Origin and Access-Control-Request-Method. */
ngx_uint_t ngx_http_tollgate_is_preflight(ngx_http_request_t *r,
    tg_str_t *origin, tg_str_t *method, tg_str_t *headers);
/*
 * Answers a preflight: 204, with the headers if `cors` allows it all together,
 * else without them.  The result as of ngx_http_tollgate_reply().
 */
ngx_int_t ngx_http_tollgate_preflight(ngx_http_request_t *r,
    const tg_cors_t *cors);


/* -- token cache ----------------------------------------------------------- */

#define NGX_HTTP_TOLLGATE_CACHE_MISS      0
#define NGX_HTTP_TOLLGATE_CACHE_HIT       1
#define NGX_HTTP_TOLLGATE_CACHE_NEGATIVE  2  /* known to be no good token */


/* What the cache says of a token. */
typedef struct {
    tg_token_facts_t           facts;
    /* of (client, subject) when the record was read: for tg_token_check() */
    int64_t                    epoch;
    /* opaque: tg_epoch_id() of the client as a whole, and the epoch clocks */
    uint64_t                   whole_id;
    uint64_t                   clock;
    /* NEGATIVE: why */
    tg_token_verdict_t         verdict;
} ngx_http_tollgate_cached_t;


/*
 * hash: SHA-256 of the token.  proof: snapshot->proof for a JWT, 0 for an
 * opaque token; an entry of another proof is a miss.  out is written on HIT,
 * out->verdict alone on NEGATIVE.  Takes no lock.  The caller counts.
 */
ngx_uint_t ngx_http_tollgate_cache_get(const u_char hash[32], uint64_t proof,
    ngx_http_tollgate_cached_t *out);

/*
 * Taken before the look-up in the store starts (before its task is posted): a
 * fill whose token was invalidated since is dropped.
 */
typedef uint64_t  ngx_http_tollgate_ticket_t;

ngx_http_tollgate_ticket_t ngx_http_tollgate_cache_ticket(
    const u_char hash[32]);
/* Any thread, so that a task may fill. */
void ngx_http_tollgate_cache_fill(const u_char hash[32], uint64_t proof,
    ngx_http_tollgate_ticket_t ticket,
    const ngx_http_tollgate_cached_t *cached);
/*
 * For a second: this token is no good (TG_TOKEN_UNKNOWN, _SIGNATURE, ...).
 * Never for verdicts that the clock or a deploy can change.
 */
void ngx_http_tollgate_cache_fill_negative(const u_char hash[32],
    uint64_t proof, ngx_http_tollgate_ticket_t ticket,
    tg_token_verdict_t verdict);
/*
 * The token ended: no worker of this node answers from the cache any more once
 * this returns, and no look-up in flight can bring it back.  Never waits.  Any
 * thread.
 */
void ngx_http_tollgate_cache_invalidate(const u_char hash[32]);


/* -- early revocations, epochs ------------------------------------------------ */

/*
 * Whether none of these is on the early revocation list of this node.  Takes
 * no lock.  0 also while the list has not been read from the store yet.
 */
ngx_uint_t ngx_http_tollgate_unrevoked(const u_char jti[16],
    const u_char *family);
/*
 * Puts an id (jti or family) on the list of this node at once; until 0: for
 * ever.  NGX_OK: no worker of this node accepts it any more; NGX_DECLINED: the
 * list is full (503).  Any thread.
 */
ngx_int_t ngx_http_tollgate_revocation_add(const u_char id[16],
    tg_ms_t until);

/* The early revocations are known: a JWT can be checked.  Any thread. */
ngx_uint_t ngx_http_tollgate_revocations_known(void);

/* The larger epoch of (client, subject) and of the client.  Any thread. */
tg_err_t ngx_http_tollgate_epoch_read(tg_token_store_t *store,
    const tg_record_t *record, int64_t *epoch);
/*
 * Before the epochs of an opaque token are read from the store: notes the
 * clocks of its facts, which tick when one of the epochs may be raised.  A
 * cached answer whose clocks have ticked since is a miss.  Any thread.
 */
void ngx_http_tollgate_epochs_note(ngx_http_tollgate_cached_t *cached);
/* Raised (tg_epoch_id).  Any thread. */
void ngx_http_tollgate_epoch_raised(uint64_t epoch_id);


/* -- thread pools ---------------------------------------------------------- */

typedef enum {
    NGX_HTTP_TOLLGATE_POOL_CRYPTO = 0,  /* RSA signatures */
    NGX_HTTP_TOLLGATE_POOL_ARGON,       /* argon2id, at a low priority */
    NGX_HTTP_TOLLGATE_POOL_STORE,       /* look-ups: config and token store */
    NGX_HTTP_TOLLGATE_POOL_COMMIT,      /* one thread: the group commit */
    NGX_HTTP_TOLLGATE_POOLS
} ngx_http_tollgate_pool_e;


/*
 * A task is malloc'ed (ngx_http_tollgate_task_alloc) with everything run()
 * needs: copies of strings, results.  It is the first member of a larger
 * struct.
 *
 *   run()      in a thread of the pool
 *   done()     in the event loop, once, unless the task was cancelled: after
 *              run() (task->expired == 0: its results may be read), or at the
 *              deadline (task->expired == 1: run() may be under way at this
 *              very moment, do not touch what it writes; answer 503)
 *   release()  in the event loop, once, last of all, when no thread has the
 *              task any more: frees what the task holds beside itself; may be
 *              NULL.  The task itself is freed behind it.
 *
 * A pending task has a timer that holds a worker in its graceful stop.
 */
struct ngx_http_tollgate_task_s {
    /* of the caller */
    void                     (*run)(ngx_http_tollgate_task_t *task,
                                    ngx_http_tollgate_thread_t *thread);
    void                     (*done)(ngx_http_tollgate_task_t *task);
    void                     (*release)(ngx_http_tollgate_task_t *task);
    void                      *data;      /* the request; not for run() */
    ngx_msec_t                 deadline;  /* 0: that of tollgate_threads */
    ngx_uint_t                 brief;     /* run() mostly takes below 1 ms */

    /* for done() */
    unsigned                   expired:1;

    /* private to _pool.c */
    unsigned                   posted:1;
    unsigned                   over:1;
    ngx_http_tollgate_pool_t  *pool;
    ngx_uint_t                 dropped;
    ngx_uint_t                 began;     /* run() was called */
    ngx_event_t                timer;
    ngx_http_tollgate_task_t  *next;
};


/*
 * What a thread of a pool owns.  Of the crypto pool only `arena` is there.
 * The arena is emptied before each task.
 */
struct ngx_http_tollgate_thread_s {
    ngx_http_tollgate_pool_t  *pool;
    ngx_log_t                 *log;     /* safe to log to from this thread */
    tg_arena_t                 arena;

    /* of an own pool */
    void                      *data;    /* of the pool */
    void                      *own;     /* of this thread */

    /* private: use the functions below */
    tg_config_store_t         *config;
    tg_token_store_t          *tokens;
    uint64_t                   config_retry;
    uint64_t                   tokens_retry;
    pthread_t                  tid;
};


/* Zeroed memory of `size` (at least a task); NULL: no memory. */
void *ngx_http_tollgate_task_alloc(size_t size);
/*
 * NGX_OK: the task belongs to the pool.  NGX_BUSY: the pool is full (503);
 * NGX_ERROR.  After these two the task is still the caller's.
 */
ngx_int_t ngx_http_tollgate_task_post(ngx_http_tollgate_pool_e pool,
    ngx_http_tollgate_task_t *task);
/*
 * The request went away: done() will not be called.  run() is not called
 * either if it has not begun.  Not from within done().
 */
void ngx_http_tollgate_task_cancel(ngx_http_tollgate_task_t *task);
/* Of a task that was never posted: release() and free. */
void ngx_http_tollgate_task_free(ngx_http_tollgate_task_t *task);

/*
 * In run(): the thread's own handles, opened at the first use and again after
 * a failure (not more often than every 100 ms).  TG_ERR_UNAVAILABLE: cannot be
 * opened.
 */
tg_err_t ngx_http_tollgate_thread_config(ngx_http_tollgate_thread_t *thread,
    tg_config_store_t **store);
tg_err_t ngx_http_tollgate_thread_tokens(ngx_http_tollgate_thread_t *thread,
    tg_token_store_t **store);
/* After TG_ERR_UNAVAILABLE of a call: the next use opens anew. */
void ngx_http_tollgate_thread_reopen(ngx_http_tollgate_thread_t *thread);

/* Tasks waiting or under way in this worker. */
ngx_uint_t ngx_http_tollgate_pool_pending(ngx_http_tollgate_pool_e pool);


/* -- identity providers (_provider.c) --------------------------------------- */

/* What came of asking one: for the log and the metrics. */
typedef enum {
    NGX_HTTP_TOLLGATE_TOLD_OK = 0,
    NGX_HTTP_TOLLGATE_TOLD_CACHED,       /* ok, as of a moment ago */
    NGX_HTTP_TOLLGATE_TOLD_NOBODY,
    NGX_HTTP_TOLLGATE_TOLD_PASSWORD,
    NGX_HTTP_TOLLGATE_TOLD_DISABLED,
    NGX_HTTP_TOLLGATE_TOLD_UNAVAILABLE,  /* from here on: 503 */
    NGX_HTTP_TOLLGATE_TOLD_EXPIRED,
    NGX_HTTP_TOLLGATE_TOLD_FULL,
    NGX_HTTP_TOLLGATE_TOLD_OPEN,         /* the circuit breaker */
    NGX_HTTP_TOLLGATE_TOLD_N
} ngx_http_tollgate_told_e;


typedef struct {
    ngx_http_tollgate_told_e       result;
    ngx_uint_t                     retry_after;  /* seconds, with a 503 */
    tg_identity_answer_t           answer;       /* with OK and CACHED */
    tg_arena_t                     arena;        /* the answer's */
} ngx_http_tollgate_told_t;


/* "ok", "nobody", "circuit_open", ... */
const char *ngx_http_tollgate_told_name(ngx_http_tollgate_told_e result);

/* In the event loop; *told may be emptied: what is left there is released. */
typedef void (*ngx_http_tollgate_told_pt)(void *data,
    ngx_http_tollgate_told_t *told);

/*
 * Asks a provider of a snapshot for a user, in the provider's own pool.  The
 * question is copied.  NGX_OK: *told is what came of it, and its arena the
 * caller's; NGX_AGAIN: *task is under way, the handler is called, unless the
 * task is cancelled.  Event loop.
 */
ngx_int_t ngx_http_tollgate_provider_ask(const tg_snapshot_provider_t *p,
    const tg_identity_question_t *q, ngx_uint_t look_up,
    ngx_http_tollgate_told_pt handler, void *data,
    ngx_http_tollgate_task_t **task, ngx_http_tollgate_told_t *told);
/* Metrics: of the node, and of the pools of this worker. */
void ngx_http_tollgate_providers_write(tg_buf_t *out);


/* -- metrics --------------------------------------------------------------- */

/*
 * Counters, one set per worker, added up when read; they survive reloads and
 * crashes of workers.  M(identifier, metric, labels, help): lines of one
 * metric stand together, the help of the first one counts.
 */
#define NGX_HTTP_TOLLGATE_METRICS(M)                                          \
    M(REQUEST_FORWARDED, "tollgate_requests_total",                           \
      "result=\"forwarded\"", "Requests at proxied APIs by what was decided") \
    M(REQUEST_REFUSED, "tollgate_requests_total",                             \
      "result=\"refused\"", "")                                               \
    M(REQUEST_NO_ROUTE, "tollgate_requests_total",                            \
      "result=\"no_route\"", "")                                              \
    M(REQUEST_BAD, "tollgate_requests_total",                                 \
      "result=\"bad_request\"", "")                                           \
    M(REQUEST_UNAVAILABLE, "tollgate_requests_total",                         \
      "result=\"unavailable\"", "")                                           \
    M(REQUEST_PREFLIGHT, "tollgate_requests_total",                           \
      "result=\"preflight\"", "")                                             \
    M(CHECK_OPAQUE_OK, "tollgate_token_checks_total",                         \
      "type=\"opaque\",result=\"ok\"", "Token checks at proxied APIs")        \
    M(CHECK_OPAQUE_REFUSED, "tollgate_token_checks_total",                    \
      "type=\"opaque\",result=\"refused\"", "")                               \
    M(CHECK_OPAQUE_UNAVAILABLE, "tollgate_token_checks_total",                \
      "type=\"opaque\",result=\"unavailable\"", "")                           \
    M(CHECK_JWT_OK, "tollgate_token_checks_total",                            \
      "type=\"jwt\",result=\"ok\"", "")                                       \
    M(CHECK_JWT_REFUSED, "tollgate_token_checks_total",                       \
      "type=\"jwt\",result=\"refused\"", "")                                  \
    M(CHECK_JWT_UNAVAILABLE, "tollgate_token_checks_total",                   \
      "type=\"jwt\",result=\"unavailable\"", "")                              \
    M(CHECK_NO_TOKEN, "tollgate_token_checks_total",                          \
      "type=\"none\",result=\"refused\"", "")                                 \
    M(CACHE_HIT, "tollgate_token_cache_total",                                \
      "result=\"hit\"", "Look-ups in the token cache")                        \
    M(CACHE_NEGATIVE, "tollgate_token_cache_total",                           \
      "result=\"negative\"", "")                                              \
    M(CACHE_MISS, "tollgate_token_cache_total",                               \
      "result=\"miss\"", "")                                                  \
    M(LIVE_HIT, "tollgate_live_lookups_total",                                \
      "result=\"hit\"", "Look-ups in the table of live clients")              \
    M(LIVE_MISS, "tollgate_live_lookups_total",                               \
      "result=\"miss\"", "")                                                  \
    M(GRANT_HIT, "tollgate_access_lookups_total",                             \
      "result=\"hit\"", "Look-ups in the table of access lists")              \
    M(GRANT_MISS, "tollgate_access_lookups_total",                            \
      "result=\"miss\"", "")                                                  \
    M(DETAILS_HIT, "tollgate_details_lookups_total",                          \
      "result=\"hit\"", "Look-ups of details of clients")                     \
    M(DETAILS_MISS, "tollgate_details_lookups_total",                         \
      "result=\"miss\"", "")                                                  \
    M(LIMITED_QUOTA, "tollgate_limited_total",                                \
      "limit=\"quota\"", "Requests refused with 429")                         \
    M(LIMITED_THROTTLING, "tollgate_limited_total",                           \
      "limit=\"throttling\"", "")                                             \
    M(LIMITED_FAILURES, "tollgate_limited_total",                             \
      "limit=\"failures\"", "")                                               \
    M(REQUEST_LOG_WRITTEN, "tollgate_request_log_rows_total",                 \
      "result=\"written\"", "Rows of the token request log")                  \
    M(REQUEST_LOG_LOST, "tollgate_request_log_rows_total",                    \
      "result=\"lost\"", "")                                                  \
    M(LOOKUP_STORE, "tollgate_store_lookups_total",                           \
      "result=\"answered\"", "Token look-ups in the store")                   \
    M(LOOKUP_SHARED, "tollgate_store_lookups_total",                          \
      "result=\"shared\"", "")                                                \
    M(LOOKUP_FAILED, "tollgate_store_lookups_total",                          \
      "result=\"failed\"", "")                                                \
    M(LOOKUP_USE_UNNOTED, "tollgate_successor_use_unnoted_total",             \
      "", "First uses of refreshed tokens that could not be written")         \
    M(BACKEND_CONNECT_NEW, "tollgate_backend_connections_total",              \
      "source=\"new\"", "Connections used to reach backends")                 \
    M(BACKEND_CONNECT_REUSED, "tollgate_backend_connections_total",           \
      "source=\"reused\"", "")                                                \
    M(BACKEND_FAILED, "tollgate_backend_failures_total",                      \
      "", "Attempts at a backend address that failed")                        \
    M(ISSUED_OPAQUE, "tollgate_tokens_issued_total",                          \
      "type=\"opaque\"", "Access tokens issued")                              \
    M(ISSUED_JWT, "tollgate_tokens_issued_total",                             \
      "type=\"jwt\"", "")                                                     \
    M(TOKEN_REFUSED, "tollgate_token_requests_refused_total",                 \
      "reason=\"other\"", "Token requests refused")                           \
    M(TOKEN_REFUSED_CLIENT, "tollgate_token_requests_refused_total",          \
      "reason=\"invalid_client\"", "")                                        \
    M(TOKEN_UNAVAILABLE, "tollgate_token_requests_refused_total",             \
      "reason=\"unavailable\"", "")                                           \
    M(COMMIT_BATCHES, "tollgate_commits_total",                               \
      "", "Transactions of the group commit")                                 \
    M(COMMIT_RECORDS, "tollgate_committed_records_total",                     \
      "", "Token records made durable")                                       \
    M(COMMIT_FAILED, "tollgate_commit_failures_total",                        \
      "", "Transactions that failed")                                         \
    M(POOL_CRYPTO_POSTED, "tollgate_pool_tasks_total",                        \
      "pool=\"crypto\",result=\"posted\"", "Tasks of the thread pools")       \
    M(POOL_CRYPTO_BUSY, "tollgate_pool_tasks_total",                          \
      "pool=\"crypto\",result=\"busy\"", "")                                  \
    M(POOL_CRYPTO_EXPIRED, "tollgate_pool_tasks_total",                       \
      "pool=\"crypto\",result=\"expired\"", "")                               \
    M(POOL_ARGON_POSTED, "tollgate_pool_tasks_total",                         \
      "pool=\"argon\",result=\"posted\"", "")                                 \
    M(POOL_ARGON_BUSY, "tollgate_pool_tasks_total",                           \
      "pool=\"argon\",result=\"busy\"", "")                                   \
    M(POOL_ARGON_EXPIRED, "tollgate_pool_tasks_total",                        \
      "pool=\"argon\",result=\"expired\"", "")                                \
    M(POOL_STORE_POSTED, "tollgate_pool_tasks_total",                         \
      "pool=\"store\",result=\"posted\"", "")                                 \
    M(POOL_STORE_BUSY, "tollgate_pool_tasks_total",                           \
      "pool=\"store\",result=\"busy\"", "")                                   \
    M(POOL_STORE_EXPIRED, "tollgate_pool_tasks_total",                        \
      "pool=\"store\",result=\"expired\"", "")                                \
    M(POOL_COMMIT_POSTED, "tollgate_pool_tasks_total",                        \
      "pool=\"commit\",result=\"posted\"", "")                                \
    M(POOL_COMMIT_BUSY, "tollgate_pool_tasks_total",                          \
      "pool=\"commit\",result=\"busy\"", "")                                  \
    M(POOL_COMMIT_EXPIRED, "tollgate_pool_tasks_total",                       \
      "pool=\"commit\",result=\"expired\"", "")                               \
    M(SNAPSHOT_LOADED, "tollgate_snapshot_loads_total",                       \
      "result=\"loaded\"", "Snapshots loaded by workers")                     \
    M(SNAPSHOT_FAILED, "tollgate_snapshot_loads_total",                       \
      "result=\"failed\"", "")                                                \
    M(FEED_READ, "tollgate_feed_reads_total",                                 \
      "result=\"read\"", "Readings of the change feed")                       \
    M(FEED_FAILED, "tollgate_feed_reads_total",                               \
      "result=\"failed\"", "")                                                \
    M(FEED_APPLIED, "tollgate_feed_changes_total",                            \
      "", "Changes of the change feed that were applied")                     \
    M(TOKEN_FEED_APPLIED, "tollgate_token_feed_changes_total",                \
      "", "Changes of the feed of token changes that were applied")           \
    M(REVOCATION_FULL, "tollgate_revocations_refused_total",                  \
      "", "Early revocations that found the list full")                       \
    M(FEED_LOST_ACCEPTED, "tollgate_feed_lost_checks_total",                  \
      "result=\"accepted\"", "JWT checks while the feed was lost")            \
    M(FEED_LOST_REFUSED, "tollgate_feed_lost_checks_total",                   \
      "result=\"refused\"", "")


#define NGX_HTTP_TOLLGATE_METRIC_ID(id, metric, labels, help)                 \
    NGX_HTTP_TOLLGATE_M_##id,

typedef enum {
    NGX_HTTP_TOLLGATE_METRICS(NGX_HTTP_TOLLGATE_METRIC_ID)
    NGX_HTTP_TOLLGATE_METRICS_N
} ngx_http_tollgate_metric_e;


/*
 * Beside them, by number: how long something took, with the calls of it that
 * failed; token requests by endpoint and result; refused tokens by verdict.
 */
#define NGX_HTTP_TOLLGATE_TIME_BOUNDS  6
#define NGX_HTTP_TOLLGATE_TIME_WORDS   (NGX_HTTP_TOLLGATE_TIME_BOUNDS + 3)

/* What a node asks its store. */
typedef enum {
    NGX_HTTP_TOLLGATE_CALL_RECORD = 0,
    NGX_HTTP_TOLLGATE_CALL_CLIENT,
    NGX_HTTP_TOLLGATE_CALL_DETAILS,
    NGX_HTTP_TOLLGATE_CALL_ACCESS,
    NGX_HTTP_TOLLGATE_CALL_WRITE,
    NGX_HTTP_TOLLGATE_CALL_EPOCH,
    NGX_HTTP_TOLLGATE_CALL_FEED,
    NGX_HTTP_TOLLGATE_CALL_TOKEN_FEED,
    NGX_HTTP_TOLLGATE_CALL_REVOCATIONS,
    NGX_HTTP_TOLLGATE_CALL_SNAPSHOT,
    NGX_HTTP_TOLLGATE_CALL_NODE,
    NGX_HTTP_TOLLGATE_CALL_REQUEST_LOG,
    NGX_HTTP_TOLLGATE_CALL_TIDY,
    NGX_HTTP_TOLLGATE_CALLS
} ngx_http_tollgate_call_e;

#define NGX_HTTP_TOLLGATE_TIMED_ENDPOINTS  5
#define NGX_HTTP_TOLLGATE_TIMED_RESULTS    (TG_OAUTH_METHOD + 1)

#define NGX_HTTP_TOLLGATE_C_CALLS      NGX_HTTP_TOLLGATE_METRICS_N
#define NGX_HTTP_TOLLGATE_C_ENDPOINTS                                         \
    (NGX_HTTP_TOLLGATE_C_CALLS                                                \
     + NGX_HTTP_TOLLGATE_CALLS * NGX_HTTP_TOLLGATE_TIME_WORDS)
#define NGX_HTTP_TOLLGATE_C_RESULTS                                           \
    (NGX_HTTP_TOLLGATE_C_ENDPOINTS                                            \
     + NGX_HTTP_TOLLGATE_TIMED_ENDPOINTS * NGX_HTTP_TOLLGATE_TIME_WORDS)
#define NGX_HTTP_TOLLGATE_C_VERDICTS                                          \
    (NGX_HTTP_TOLLGATE_C_RESULTS                                              \
     + NGX_HTTP_TOLLGATE_TIMED_ENDPOINTS * NGX_HTTP_TOLLGATE_TIMED_RESULTS)
#define NGX_HTTP_TOLLGATE_COUNTERS_N                                          \
    (NGX_HTTP_TOLLGATE_C_VERDICTS + TG_TOKEN_UNAVAILABLE + 1)


typedef struct {
    const char                *name;    /* "tollgate_requests_total" */
    const char                *labels;  /* without braces; "" : none */
    const char                *help;
} ngx_http_tollgate_metric_t;

extern const ngx_http_tollgate_metric_t
    ngx_http_tollgate_metrics[NGX_HTTP_TOLLGATE_METRICS_N];

/* Where this worker counts; never NULL. */
extern uint64_t  *ngx_http_tollgate_counters;

/* ngx_http_tollgate_count(CACHE_HIT, 1).  Any thread. */
#define ngx_http_tollgate_count(id, n)                                        \
    (void) __atomic_fetch_add(                                                \
               &ngx_http_tollgate_counters[NGX_HTTP_TOLLGATE_M_##id],         \
               (uint64_t) (n), __ATOMIC_RELAXED)

/* The same by number. */
#define ngx_http_tollgate_count_at(i, n)                                      \
    (void) __atomic_fetch_add(&ngx_http_tollgate_counters[i],                 \
                              (uint64_t) (n), __ATOMIC_RELAXED)

/* The sums over all workers of this node, dead ones included. */
void ngx_http_tollgate_metrics_sum(
    uint64_t sums[NGX_HTTP_TOLLGATE_COUNTERS_N]);

/* A call of the store that began then (monotonic ns).  Any thread. */
tg_err_t ngx_http_tollgate_call_note(ngx_http_tollgate_call_e call,
    uint64_t began, tg_err_t err);

/* The error of a call of the store, which is timed: _timed(FEED, ...). */
#define ngx_http_tollgate_timed(call, expression)                             \
    __extension__ ({                                                          \
        uint64_t  tg_began_ = ngx_http_tollgate_monotonic_ns();               \
        ngx_http_tollgate_call_note(NGX_HTTP_TOLLGATE_CALL_##call,            \
                                    tg_began_, (expression));                 \
    })

/* A token request that was answered. */
void ngx_http_tollgate_endpoint_note(ngx_uint_t endpoint,
    tg_oauth_error_t error, int64_t us);
/* What was counted by those two and by verdict, for /metrics. */
void ngx_http_tollgate_timings_write(const uint64_t *sums, tg_buf_t *out);


/* -- one request ----------------------------------------------------------- */

/*
 * The module's context of a request.  Internal redirects clear it.  The
 * endpoints half keeps what it needs behind `endpoint` and fills in what the
 * access log shall say ($tg_proxy, $tg_client, $tg_user, $tg_verdict).
 */
typedef struct {
    ngx_http_tollgate_snapshot_t  *snapshot;  /* held, or NULL */
    tg_str_t                       proxy;     /* these live as long as r */
    tg_str_t                       client;
    tg_str_t                       user;      /* password grant */
    tg_str_t                       verdict;
    void                          *endpoint;
} ngx_http_tollgate_ctx_t;

/* Finds or makes it; NULL: no memory. */
ngx_http_tollgate_ctx_t *ngx_http_tollgate_ctx(ngx_http_request_t *r);


/* How many headers have this name; *value is the first one's. */
size_t ngx_http_tollgate_header_find(ngx_http_request_t *r, tg_str_t name,
    tg_str_t *value);


/* -- answers of our own ---------------------------------------------------- */

typedef struct {
    ngx_uint_t                     status;
    tg_str_t                       body;           /* copied; "" : none */
    const char                    *content_type;   /* NULL: JSON */
    const char                    *cache_control;  /* NULL: no-store */
    tg_str_t                       www_authenticate;  /* copied; "" : none */
    const char                    *allow;          /* NULL: none */
    ngx_uint_t                     retry_after;    /* seconds; 0: none */
    ngx_uint_t                     pragma;         /* Pragma: no-cache */
} ngx_http_tollgate_reply_t;

/*
 * Sends it, with whatever is in r->headers_out.headers already.  The request
 * body is read away.  The result is for ngx_http_finalize_request(), or to be
 * returned by a content handler.
 */
ngx_int_t ngx_http_tollgate_reply(ngx_http_request_t *r,
    const ngx_http_tollgate_reply_t *reply);
/* Adds a header to the answer; name and value live as long as r. */
ngx_int_t ngx_http_tollgate_reply_add(ngx_http_request_t *r, const char *name,
    size_t n, const u_char *value, size_t len);
/*
 * {"error","error_description"}: for what is not OAuth's to word.  503 has
 * Retry-After.  Errors that nginx answers by itself (400, 413, 502, 504, ...)
 * get such a body too, by a filter: return the status, no more.
 */
ngx_int_t ngx_http_tollgate_reply_error(ngx_http_request_t *r,
    ngx_uint_t status, const char *error, const char *description);

/*
 * Appends the request line's method and target with the values of parameters
 * that carry secrets (access_token, client_secret, ...) struck out, and with
 * every byte outside visible ASCII escaped: for logs.
 */
void ngx_http_tollgate_redacted_write(ngx_http_request_t *r, tg_buf_t *out);


/* -- state of the node, for the health and metrics handlers ---------------- */

#define NGX_HTTP_TOLLGATE_WORKERS_MAX  256
#define NGX_HTTP_TOLLGATE_ERROR_LEN    256


typedef struct {
    ngx_pid_t                  pid;
    int64_t                    revision;  /* 0: serves none yet */
    ngx_uint_t                 exiting;
    char                       error[NGX_HTTP_TOLLGATE_ERROR_LEN];
} ngx_http_tollgate_worker_t;


typedef struct {
    char                       node_id[33];
    int64_t                    target;       /* revision wanted; 0: none */
    int64_t                    revision;     /* that this worker serves */
    int64_t                    feed_position;
    uint64_t                   feed_age_ms;  /* since the last reading */
    ngx_uint_t                 feed_fresh;
    ngx_uint_t                 n_workers;    /* live ones, exiting included */
    ngx_uint_t                 live_used, live_size;    /* table entries */
    ngx_uint_t                 revocations, revocations_max;
    ngx_uint_t                 cache_used, cache_size;
    ngx_uint_t                 grant_used, grant_size;
    ngx_uint_t                 nodes;        /* live ones, this one included */
} ngx_http_tollgate_node_t;


void ngx_http_tollgate_node_get(ngx_http_tollgate_node_t *node);

/* Whether clients shall go to another node.  Any thread. */
ngx_uint_t ngx_http_tollgate_draining(void);
/* Of this node, under way; any thread of a worker. */
uint64_t ngx_http_tollgate_requests_now(void);
/*
 * For each request, early: counts it until its pool goes, and makes it the
 * last one of its connection (the last but one over HTTP/2) while the node
 * drains.
 */
void ngx_http_tollgate_drain_request(ngx_http_request_t *r);

/* Live workers; returns how many were written, at most max. */
ngx_uint_t ngx_http_tollgate_workers_get(ngx_http_tollgate_worker_t *workers,
    ngx_uint_t max);


#endif /* _NGX_HTTP_TOLLGATE_H_INCLUDED_ */
