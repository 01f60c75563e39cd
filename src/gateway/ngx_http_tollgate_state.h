
/*
 * Shared by the files of the state half alone.
 */


#ifndef _NGX_HTTP_TOLLGATE_STATE_H_INCLUDED_
#define _NGX_HTTP_TOLLGATE_STATE_H_INCLUDED_


#include <pthread.h>

#include "ngx_http_tollgate.h"
#include "ngx_http_tollgate_meters.h"
#include "ngx_http_tollgate_table.h"


/* -- the shared memory ------------------------------------------------------ */

/*
 * One process.  pid 0: free.  A slot is taken by compare-and-swap on pid; its
 * counters are never set back, so that sums only grow.
 */
typedef struct {
    uint64_t       pid;
    uint64_t       start;     /* when the process began: pids come back */
    uint64_t       exiting;
    uint64_t       requests;  /* under way */
    int64_t        revision;
    uint64_t       error_lock;   /* odd while the error is being written */
    char           error[NGX_HTTP_TOLLGATE_ERROR_LEN];
    uint64_t       counters[NGX_HTTP_TOLLGATE_COUNTERS_N];
} ngx_http_tollgate_slot_t;


/*
 * Positions and revisions are kept as (resets << 48 | number): `resets` counts
 * how often the store turned out to be another one with lower numbers, so that
 * they only ever rise and who comes too late does no harm.
 */
#define NGX_HTTP_TOLLGATE_NUMBER_BITS  48

#define ngx_http_tollgate_numbered(resets, n)                                 \
    ((uint64_t) (resets) << NGX_HTTP_TOLLGATE_NUMBER_BITS | (uint64_t) (n))

#define ngx_http_tollgate_number(v)                                           \
    ((int64_t) ((v) & (((uint64_t) 1 << NGX_HTTP_TOLLGATE_NUMBER_BITS) - 1)))


/*
 * An early revocation.  state: version << 2 | 0 empty, 1 being written, 2
 * there.  Once taken a slot is only ever overwritten when its entry is past,
 * so probing may stop at an empty one.
 */
typedef struct {
    uint64_t       state;
    uint64_t       until;     /* ms, wall clock; 0: never */
    u_char         id[TG_REVOCATION_LEN];
} ngx_http_tollgate_revoked_t;


/* counters that epochs are hashed to */
#define NGX_HTTP_TOLLGATE_EPOCH_CLOCKS  32768


/*
 * Counters of one identity provider, of all workers.  state: 0 free, 1 being
 * written, 2 there; the last one is for all that find no place.
 */
#define NGX_HTTP_TOLLGATE_PROVIDER_METERS  64

typedef struct {
    uint64_t       state;
    int64_t        id;
    char           project[TG_NAME_MAX + 1];
    char           name[TG_NAME_MAX + 1];
    uint64_t       results[NGX_HTTP_TOLLGATE_TOLD_N];
    uint64_t       checks;        /* that were made, and the us they took */
    uint64_t       duration;
} ngx_http_tollgate_provider_meter_t;


struct ngx_http_tollgate_zone_s {
    u_char                     sip_key[16];
    char                       node_id[33];
    tg_ms_t                    started_at;

    uint64_t                   lease;       /* pid << 32 | until, ms */
    uint64_t                   resets;
    uint64_t                   following;   /* the position is known */
    uint64_t                   position;    /* numbered: feed read so far */
    uint64_t                   target;      /* numbered: revision wanted */
    uint64_t                   last_read;   /* monotonic ms; 0: never */
    int64_t                    environment_id;  /* 0: not known yet */
    uint64_t                   saved;       /* numbered: revision on disk */
    uint64_t                   nodes;       /* live ones, as the leader saw */
    uint64_t                   drain;       /* bits of _drain.c; 0: serves */

    ngx_http_tollgate_slot_t   slots[NGX_HTTP_TOLLGATE_WORKERS_MAX];

    uint64_t                   token_following;  /* the position is known */
    uint64_t                   token_position;   /* of the token feed */
    uint64_t                   cleared;          /* times the cache was */
    uint64_t                   epoch_clocks[NGX_HTTP_TOLLGATE_EPOCH_CLOCKS];

    ngx_http_tollgate_revoked_t  *revoked;
    uint64_t                   n_revoked;        /* slots, a power of two */
    uint64_t                   revocations;      /* slots taken */

    ngx_http_tollgate_table_t  live;
    ngx_http_tollgate_table_t  live_absent;
    ngx_http_tollgate_table_t  tokens;
    ngx_http_tollgate_table_t  tokens_bad;
    ngx_http_tollgate_table_t  grants;
    ngx_http_tollgate_meters_t failures;
    ngx_http_tollgate_meters_t limits;

    ngx_http_tollgate_provider_meter_t
                               providers[NGX_HTTP_TOLLGATE_PROVIDER_METERS];
};


#define NGX_HTTP_TOLLGATE_ZONE_MIN  (2 * 1024 * 1024)

/* NULL where the module does not serve: the master, helpers. */
extern ngx_http_tollgate_zone_t  *ngx_http_tollgate_zone;
extern ngx_http_tollgate_slot_t  *ngx_http_tollgate_slot;


ngx_int_t ngx_http_tollgate_zone_init(ngx_shm_zone_t *shm_zone, void *data);

/* In a worker: takes a slot, frees what dead workers held. */
ngx_int_t ngx_http_tollgate_zone_enter(ngx_http_tollgate_zone_t *zone,
    ngx_log_t *log);
/* Gives the slot back.  1: it was the last one of the node. */
ngx_uint_t ngx_http_tollgate_zone_leave(void);
/* Any thread: frees the slots of processes that are gone. */
void ngx_http_tollgate_slots_reap(void);
/* Any thread of this worker, one at a time; "" clears.  1: it is another. */
ngx_uint_t ngx_http_tollgate_slot_error(const char *text);

ngx_int_t ngx_http_tollgate_live_init(ngx_http_tollgate_zone_t *zone,
    u_char *mem, size_t size);
ngx_int_t ngx_http_tollgate_cache_init(ngx_http_tollgate_zone_t *zone,
    u_char *mem, size_t size);
ngx_int_t ngx_http_tollgate_grant_init(ngx_http_tollgate_zone_t *zone,
    u_char *mem, size_t size);
ngx_int_t ngx_http_tollgate_meter_init(ngx_http_tollgate_zone_t *zone,
    u_char *mem, size_t size);
/* *size: what there is, then what was taken of it. */
ngx_int_t ngx_http_tollgate_revoked_init(ngx_http_tollgate_zone_t *zone,
    u_char *mem, size_t *size);
uint64_t ngx_http_tollgate_epoch_clock(uint64_t epoch_id, uint64_t whole_id);
void ngx_http_tollgate_cache_clear(void);
/* One round of the feed of token changes; by the leader's feed thread. */
tg_err_t ngx_http_tollgate_token_feed_read(tg_token_store_t *store,
    ngx_log_t *log);
/* A change-feed reference "<kind>:<client_id>" at this position. */
void ngx_http_tollgate_live_invalidate(tg_str_t ref, int64_t seq);
/* Everything read before this position is stale. */
void ngx_http_tollgate_live_clear(int64_t seq);

/*
 * Whether this worker leads the node, that is, reads the feed for all and
 * writes the node's row.  _hold() takes or renews the lease and is for the
 * feed alone: a leader that cannot read must lose it.
 */
ngx_uint_t ngx_http_tollgate_lease_hold(void);
ngx_uint_t ngx_http_tollgate_lease_is_mine(void);
void ngx_http_tollgate_lease_drop(void);


/* -- threads ---------------------------------------------------------------- */

/* A thread of ours that sleeps between rounds and can be woken and stopped. */
typedef struct {
    pthread_t                  tid;
    pthread_mutex_t            mutex;
    pthread_cond_t             cond;
    ngx_uint_t                 started;
    ngx_uint_t                 stop;
    ngx_uint_t                 woken;
} ngx_http_tollgate_runner_t;


/* Signals are blocked in it.  NGX_OK or NGX_ERROR. */
ngx_int_t ngx_http_tollgate_thread_start(pthread_t *tid,
    void *(*main)(void *data), void *data, ngx_log_t *log);
/* Waits at most that long; NGX_OK, or NGX_DECLINED: it still runs. */
ngx_int_t ngx_http_tollgate_thread_join(pthread_t tid, ngx_msec_t ms);

ngx_int_t ngx_http_tollgate_runner_start(ngx_http_tollgate_runner_t *runner,
    void *(*main)(void *data), void *data, ngx_log_t *log);
/* In the thread: sleeps; 0: it has to stop. */
ngx_uint_t ngx_http_tollgate_runner_sleep(ngx_http_tollgate_runner_t *runner,
    ngx_msec_t ms);
void ngx_http_tollgate_runner_wake(ngx_http_tollgate_runner_t *runner);
void ngx_http_tollgate_runner_stop(ngx_http_tollgate_runner_t *runner);
ngx_int_t ngx_http_tollgate_runner_join(ngx_http_tollgate_runner_t *runner,
    ngx_msec_t ms);

/*
 * From threads to the event loop: ngx_http_tollgate_notify() makes it call
 * ngx_http_tollgate_pools_drain() and ngx_http_tollgate_loader_swap() soon.
 */
ngx_int_t ngx_http_tollgate_notify_init(ngx_cycle_t *cycle);
void ngx_http_tollgate_notify_close(void);
void ngx_http_tollgate_notify(void);

ngx_int_t ngx_http_tollgate_pools_start(ngx_cycle_t *cycle);
/*
 * NGX_DECLINED: a thread still runs, exit() is not safe.  NGX_AGAIN: neither,
 * but it is of an own pool, which may hang.
 */
ngx_int_t ngx_http_tollgate_pools_stop(ngx_cycle_t *cycle);
void ngx_http_tollgate_pools_drain(void);

/*
 * A pool of its own, for one thing that may come, go and hang: its threads are
 * started as tasks come, end when there are none for a while, and nothing ever
 * waits for them.  Event loop.  NULL: no memory.
 *
 *   ended()  in a thread, when it ends: frees thread->own
 *   freed()  in the event loop, once, after _close(), when no thread and no
 *            task is left
 */
ngx_http_tollgate_pool_t *ngx_http_tollgate_pool_new(ngx_uint_t threads,
    ngx_uint_t queue, void (*ended)(ngx_http_tollgate_thread_t *thread),
    void (*freed)(void *data), void *data);
/* Of one whose tasks are all over, or will be at their deadlines. */
void ngx_http_tollgate_pool_close(ngx_http_tollgate_pool_t *pool);
/* As ngx_http_tollgate_task_post(). */
ngx_int_t ngx_http_tollgate_pool_post(ngx_http_tollgate_pool_t *pool,
    ngx_http_tollgate_task_t *task);
void ngx_http_tollgate_pool_get(ngx_http_tollgate_pool_t *pool,
    ngx_uint_t *waiting, ngx_uint_t *busy);

/*
 * The store of a thread, opened when needed, at most every 100 ms.  create:
 * makes the token store if it is not there; its schema is the gateways' own.
 */
tg_err_t ngx_http_tollgate_config_open(tg_config_store_t **store,
    uint64_t *retry, tg_fault_t *fault);
tg_err_t ngx_http_tollgate_tokens_open(tg_token_store_t **store,
    uint64_t *retry, ngx_uint_t create, tg_fault_t *fault);

#define NGX_HTTP_TOLLGATE_BUSY_MS  1000
#define NGX_HTTP_TOLLGATE_STOP_MS  2000  /* threads have, to stop */


/* -- snapshot --------------------------------------------------------------- */

/*
 * What the host names of backends resolve to, kept from one snapshot to the
 * next.  A thread of its own looks them up, since nothing bounds a look-up.
 */
typedef struct ngx_http_tollgate_names_s  ngx_http_tollgate_names_t;

ngx_http_tollgate_names_t *ngx_http_tollgate_names_new(ngx_log_t *log);
/* NGX_DECLINED: a look-up is still under way, nothing was freed. */
ngx_int_t ngx_http_tollgate_names_free(ngx_http_tollgate_names_t *names);
/*
 * Fills s->resolved from s->arena.  Waits a moment for names not seen before;
 * those without an answer by then are s->unresolved.
 */
tg_err_t ngx_http_tollgate_names_resolve(ngx_http_tollgate_names_t *names,
    ngx_http_tollgate_snapshot_t *s);
/* Whether something resolves to other addresses since _resolve(). */
ngx_uint_t ngx_http_tollgate_names_changed(ngx_http_tollgate_names_t *names);

/* Any thread.  On TG_OK *out has one hold. */
tg_err_t ngx_http_tollgate_snapshot_build(tg_str_t document,
    ngx_http_tollgate_main_conf_t *mcf, ngx_http_tollgate_names_t *names,
    ngx_http_tollgate_snapshot_t **out, tg_fault_t *fault);
/* Any thread, with no hold left. */
void ngx_http_tollgate_snapshot_free(ngx_http_tollgate_snapshot_t *s);
/* Makes s the current one, taking over its hold. */
void ngx_http_tollgate_snapshot_swap(ngx_http_tollgate_snapshot_t *s);

/* The first snapshot, then the thread that loads the next ones. */
ngx_int_t ngx_http_tollgate_loader_init(ngx_cycle_t *cycle);
ngx_int_t ngx_http_tollgate_loader_start(ngx_cycle_t *cycle);
void ngx_http_tollgate_loader_stop(void);
/* NGX_DECLINED: a thread still runs, exit() is not safe. */
ngx_int_t ngx_http_tollgate_loader_join(void);
void ngx_http_tollgate_loader_swap(void);
/* Hands a snapshot without holds to the thread. */
void ngx_http_tollgate_loader_discard(ngx_http_tollgate_snapshot_t *s);

/* The last good snapshot on disk. */
tg_err_t ngx_http_tollgate_disk_read(ngx_str_t *data, ngx_str_t *environment,
    tg_buf_t *out, tg_fault_t *fault);
/* Unless a newer one than `numbered` was saved meanwhile. */
tg_err_t ngx_http_tollgate_disk_write(ngx_str_t *data, ngx_str_t *environment,
    tg_str_t document, uint64_t numbered, tg_fault_t *fault);


/* -- feed and node row ------------------------------------------------------ */

/* Reads the feed once, so that caches can be trusted from the start. */
void ngx_http_tollgate_feed_init(ngx_cycle_t *cycle);
ngx_int_t ngx_http_tollgate_feed_start(ngx_cycle_t *cycle);
void ngx_http_tollgate_feed_stop(void);
ngx_int_t ngx_http_tollgate_feed_join(void);
/* Of the environment now served; any thread. */
void ngx_http_tollgate_feed_bound(int64_t ms);

ngx_int_t ngx_http_tollgate_node_start(ngx_cycle_t *cycle);
void ngx_http_tollgate_node_stop(void);
ngx_int_t ngx_http_tollgate_node_join(void);
/* last: this was the node's last worker, its row goes. */
void ngx_http_tollgate_node_leave(ngx_uint_t last);

/* What the store says is wanted; the leader, any thread. */
void ngx_http_tollgate_drain_asked(ngx_uint_t on);
/* Whether the supervisor has put its file into tollgate_data.  Any thread. */
void ngx_http_tollgate_drain_look(ngx_str_t *data);


/* -- maintenance of the token store ----------------------------------------- */

ngx_int_t ngx_http_tollgate_tidy_start(ngx_cycle_t *cycle);
void ngx_http_tollgate_tidy_stop(void);
/* NGX_AGAIN: it is still at it. */
ngx_int_t ngx_http_tollgate_tidy_join(void);


/* -- identity providers ------------------------------------------------------ */

/* A snapshot comes: pools of what it does not name any more end. */
void ngx_http_tollgate_providers_keep(const tg_snapshot_t *s);

/* Where a provider is counted (_provider_meter.c); never NULL. */
ngx_http_tollgate_provider_meter_t *ngx_http_tollgate_provider_meter(
    const tg_snapshot_provider_t *p);
/* Metrics: the counters of all, the head of a metric, and one line of it. */
void ngx_http_tollgate_provider_counters_write(tg_buf_t *out);
void ngx_http_tollgate_provider_head(tg_buf_t *out, const char *metric,
    const char *type, const char *help);
void ngx_http_tollgate_provider_line(tg_buf_t *out, const char *metric,
    const ngx_http_tollgate_provider_meter_t *m, const char *result,
    double value);

/*
 * Successful checks of a moment ago (_provider_cache.c), in this worker alone.
 * The key is an HMAC with a key of this worker's own over all that the check
 * hangs on, the provider's version included.
 */
ngx_int_t ngx_http_tollgate_provider_cache_key(
    const tg_snapshot_provider_t *p, const tg_identity_question_t *q,
    u_char key[TG_HASH_LEN]);
/* NGX_OK: *answer is a copy in the arena; NGX_DECLINED. */
ngx_int_t ngx_http_tollgate_provider_cache_get(const u_char key[TG_HASH_LEN],
    tg_arena_t *arena, tg_identity_answer_t *answer);
void ngx_http_tollgate_provider_cache_put(const u_char key[TG_HASH_LEN],
    int64_t id, int64_t seconds, const tg_identity_answer_t *answer);
/* What is remembered of this provider is forgotten. */
void ngx_http_tollgate_provider_cache_drop(int64_t id);


/* -- token request log ------------------------------------------------------ */

ngx_int_t ngx_http_tollgate_request_log_start(ngx_cycle_t *cycle);
/* No rows come any more; what there is, is written. */
void ngx_http_tollgate_request_log_stop(void);
ngx_int_t ngx_http_tollgate_request_log_join(void);
/* Of the environment now served; any thread. */
void ngx_http_tollgate_request_log_keep(ngx_uint_t enabled, int64_t days);


#endif /* _NGX_HTTP_TOLLGATE_STATE_H_INCLUDED_ */
