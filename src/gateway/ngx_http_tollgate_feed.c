
/*
 * The change feed.  One worker of the node reads it for all and applies it to
 * the shared memory.  Whatever is applied only ever rises (barriers, position,
 * target), so a leader that was stopped and comes back late does no harm.
 */

#include <poll.h>
#include <sys/eventfd.h>

#include "ngx_http_tollgate_state.h"


#define NGX_HTTP_TOLLGATE_FEED_TICK      25    /* ms, of the leader */
#define NGX_HTTP_TOLLGATE_FEED_TOLD      50    /* ms, of one who is woken */
#define NGX_HTTP_TOLLGATE_FEED_GAP       4     /* ms, between two rounds */
#define NGX_HTTP_TOLLGATE_FEED_WATCH     100   /* ms, of the others */
#define NGX_HTTP_TOLLGATE_FEED_GIVE_UP   250   /* ms without a reading */
#define NGX_HTTP_TOLLGATE_FEED_PAUSE     500   /* ms, after giving up */
#define NGX_HTTP_TOLLGATE_FEED_BATCH     256   /* rows */
#define NGX_HTTP_TOLLGATE_FEED_ARENA     (4 * 1024 * 1024)


typedef struct {
    ngx_http_tollgate_runner_t   runner;
    ngx_log_t                   *log;
    tg_str_t                     environment;
    int                          stop;      /* eventfd, -1: none */

    tg_config_store_t           *store;
    uint64_t                     store_retry;
    tg_token_store_t            *tokens;
    uint64_t                     tokens_retry;
    uint64_t                     read;      /* by us, monotonic ms */
    ngx_uint_t                   failing;   /* and said so */
} ngx_http_tollgate_feed_t;


static void *ngx_http_tollgate_feed_main(void *data);
static ngx_msec_t ngx_http_tollgate_feed_wait(ngx_http_tollgate_feed_t *feed);
static ngx_uint_t ngx_http_tollgate_feed_ask(ngx_http_tollgate_feed_t *feed,
    struct pollfd *fds);
static tg_err_t ngx_http_tollgate_feed_round(ngx_http_tollgate_feed_t *feed);
static tg_err_t ngx_http_tollgate_feed_read(ngx_http_tollgate_feed_t *feed);
static tg_err_t ngx_http_tollgate_feed_anew(ngx_http_tollgate_feed_t *feed,
    int64_t head);
static tg_err_t ngx_http_tollgate_feed_batch(ngx_http_tollgate_feed_t *feed,
    uint64_t position, size_t *n);
static tg_err_t ngx_http_tollgate_feed_apply(ngx_http_tollgate_feed_t *feed,
    const tg_change_t *change);
static tg_err_t ngx_http_tollgate_feed_target(ngx_http_tollgate_feed_t *feed);
static void ngx_http_tollgate_feed_raise_target(int64_t revision);


static ngx_http_tollgate_feed_t  ngx_http_tollgate_feed = { .stop = -1 };

/* propagationBoundMillis of the environment served */
static int64_t                   ngx_http_tollgate_feed_bound_ms = 1000;


void
ngx_http_tollgate_feed_bound(int64_t ms)
{
    __atomic_store_n(&ngx_http_tollgate_feed_bound_ms, ms, __ATOMIC_RELAXED);
}


ngx_uint_t
ngx_http_tollgate_feed_is_fresh(void)
{
    int64_t   age;
    uint64_t  read;

    if (ngx_http_tollgate_zone == NULL) {
        return 0;
    }

    read = __atomic_load_n(&ngx_http_tollgate_zone->last_read,
                           __ATOMIC_ACQUIRE);

    if (read == 0) {
        return 0;
    }

    age = (int64_t) (ngx_http_tollgate_monotonic_ms() - read);

    return age < __atomic_load_n(&ngx_http_tollgate_feed_bound_ms,
                                 __ATOMIC_RELAXED);
}


ngx_uint_t
ngx_http_tollgate_feed_covers(uint64_t asked)
{
    int64_t  age;

    if (ngx_http_tollgate_feed_is_fresh()) {
        return 1;
    }

    age = (int64_t) (ngx_http_tollgate_monotonic_ms() - asked);

    return age < __atomic_load_n(&ngx_http_tollgate_feed_bound_ms,
                                 __ATOMIC_RELAXED);
}


void
ngx_http_tollgate_feed_init(ngx_cycle_t *cycle)
{
    ngx_http_tollgate_feed_t  *feed;

    feed = &ngx_http_tollgate_feed;

    ngx_memzero(feed, sizeof(ngx_http_tollgate_feed_t));

    feed->stop = -1;
    feed->log = cycle->log;
    feed->environment = ngx_http_tollgate_str(
                            ngx_http_tollgate_main->environment);
    feed->read = ngx_http_tollgate_monotonic_ms();

    if (ngx_http_tollgate_lease_hold()) {
        (void) ngx_http_tollgate_feed_round(feed);
    }
}


ngx_int_t
ngx_http_tollgate_feed_start(ngx_cycle_t *cycle)
{
    ngx_http_tollgate_feed.stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    if (ngx_http_tollgate_feed.stop == -1) {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, ngx_errno,
                      "eventfd() failed");
        return NGX_ERROR;
    }

    return ngx_http_tollgate_runner_start(&ngx_http_tollgate_feed.runner,
                                          ngx_http_tollgate_feed_main,
                                          &ngx_http_tollgate_feed,
                                          cycle->log);
}


void
ngx_http_tollgate_feed_stop(void)
{
    ngx_http_tollgate_runner_stop(&ngx_http_tollgate_feed.runner);

    if (ngx_http_tollgate_feed.stop != -1) {
        (void) eventfd_write(ngx_http_tollgate_feed.stop, 1);
    }
}


ngx_int_t
ngx_http_tollgate_feed_join(void)
{
    ngx_int_t  rc;

    rc = ngx_http_tollgate_runner_join(&ngx_http_tollgate_feed.runner,
                                       NGX_HTTP_TOLLGATE_STOP_MS);

    if (rc == NGX_OK && ngx_http_tollgate_feed.stop != -1) {
        (void) close(ngx_http_tollgate_feed.stop);
        ngx_http_tollgate_feed.stop = -1;
    }

    return rc;
}


static void *
ngx_http_tollgate_feed_main(void *data)
{
    ngx_http_tollgate_feed_t *feed = data;

    uint64_t    now;
    ngx_msec_t  pause;

    do {
        pause = NGX_HTTP_TOLLGATE_FEED_WATCH;

        if (!ngx_http_tollgate_lease_hold()) {
            feed->read = ngx_http_tollgate_monotonic_ms();
            continue;
        }

        pause = NGX_HTTP_TOLLGATE_FEED_TICK;

        if (ngx_http_tollgate_feed_round(feed) == TG_OK) {
            pause = ngx_http_tollgate_feed_wait(feed);
            continue;
        }

        /* what hinders this worker may not hinder another */

        now = ngx_http_tollgate_monotonic_ms();

        if (now - feed->read > NGX_HTTP_TOLLGATE_FEED_GIVE_UP) {
            ngx_http_tollgate_lease_drop();
            feed->read = now;
            pause = NGX_HTTP_TOLLGATE_FEED_PAUSE;
        }

    } while (ngx_http_tollgate_runner_sleep(&feed->runner, pause));

    ngx_http_tollgate_lease_drop();

    if (feed->store) {
        feed->store->ops->close(feed->store);
        feed->store = NULL;
    }

    if (feed->tokens) {
        feed->tokens->ops->close(feed->tokens);
        feed->tokens = NULL;
    }

    return NULL;
}


/*
 * Waits until a store tells of a change or has not told for a while, and gives
 * how long to sleep on top of it: what is written all the time is read in
 * groups.
 */
static ngx_msec_t
ngx_http_tollgate_feed_wait(ngx_http_tollgate_feed_t *feed)
{
    int            ms;
    uint64_t       age;
    struct pollfd  fds[3];

    ms = NGX_HTTP_TOLLGATE_FEED_TOLD;

    if (!ngx_http_tollgate_feed_ask(feed, fds)) {

        if (fds[0].fd == -1 || fds[1].fd == -1) {
            ms = NGX_HTTP_TOLLGATE_FEED_TICK;
        }

        fds[2].fd = feed->stop;
        fds[2].events = POLLIN;

        if (poll(fds, 3, ms) == 0) {
            return 0;
        }

        /* what is told from now on is after what will be read */
        (void) ngx_http_tollgate_feed_ask(feed, fds);
    }

    age = ngx_http_tollgate_monotonic_ms() - feed->read;

    return age < NGX_HTTP_TOLLGATE_FEED_GAP
           ? NGX_HTTP_TOLLGATE_FEED_GAP - age : 0;
}


static ngx_uint_t
ngx_http_tollgate_feed_ask(ngx_http_tollgate_feed_t *feed, struct pollfd *fds)
{
    bool  config_told, token_told;

    config_told = token_told = 0;

    ngx_memzero(fds, 3 * sizeof(struct pollfd));

    fds[0].fd = feed->store->ops->change_fd
                    ? feed->store->ops->change_fd(feed->store, &config_told)
                    : -1;
    fds[0].events = POLLIN;

    fds[1].fd = feed->tokens->ops->change_fd
                    ? feed->tokens->ops->change_fd(feed->tokens, &token_told)
                    : -1;
    fds[1].events = POLLIN;

    return config_told || token_told;
}


static tg_err_t
ngx_http_tollgate_feed_round(ngx_http_tollgate_feed_t *feed)
{
    uint64_t    began;
    tg_err_t    err;
    tg_fault_t  fault;

    ngx_memzero(&fault, sizeof(fault));

    /* what is read from now on is at least as new as this moment */
    began = ngx_http_tollgate_monotonic_ms();

    err = ngx_http_tollgate_config_open(&feed->store, &feed->store_retry,
                                        &fault);

    if (err == TG_OK) {
        err = ngx_http_tollgate_feed_read(feed);
    }

    if (err == TG_OK) {
        err = ngx_http_tollgate_tokens_open(&feed->tokens,
                                            &feed->tokens_retry, 1, &fault);
    }

    if (err == TG_OK) {
        err = ngx_http_tollgate_token_feed_read(feed->tokens, feed->log);
    }

    if (err == TG_OK) {
        ngx_http_tollgate_atomic_max(&ngx_http_tollgate_zone->last_read,
                                     began);
        feed->read = began;
        ngx_http_tollgate_count(FEED_READ, 1);

        if (feed->failing) {
            feed->failing = 0;
            ngx_log_error(NGX_LOG_NOTICE, feed->log, 0,
                          "tollgate: the change feed is read again");
        }

        return TG_OK;
    }

    ngx_http_tollgate_count(FEED_FAILED, 1);

    if (feed->store) {
        feed->store->ops->close(feed->store);
        feed->store = NULL;
        feed->store_retry = 0;
    }

    if (feed->tokens) {
        feed->tokens->ops->close(feed->tokens);
        feed->tokens = NULL;
        feed->tokens_retry = 0;
    }

    if (!feed->failing) {
        feed->failing = 1;
        ngx_log_error(NGX_LOG_ERR, feed->log, 0,
                      "tollgate: the change feed cannot be read: %s %s",
                      tg_err_name(err), fault.text);
    }

    return err;
}


static tg_err_t
ngx_http_tollgate_feed_read(ngx_http_tollgate_feed_t *feed)
{
    size_t                     n;
    int64_t                    head;
    uint64_t                   position;
    tg_err_t                   err;
    ngx_http_tollgate_zone_t  *zone;

    zone = ngx_http_tollgate_zone;

    err = ngx_http_tollgate_timed(FEED,
            feed->store->ops->change_head(feed->store, &head));

    if (err != TG_OK) {
        return err;
    }

    position = __atomic_load_n(&zone->position, __ATOMIC_ACQUIRE);

    if (!__atomic_load_n(&zone->following, __ATOMIC_ACQUIRE)) {
        return ngx_http_tollgate_feed_anew(feed, head);
    }

    if (head < ngx_http_tollgate_number(position)) {

        /* another store, or an old copy: all we know is of no use */

        (void) __atomic_fetch_add(&zone->resets, 1, __ATOMIC_SEQ_CST);

        ngx_log_error(NGX_LOG_WARN, feed->log, 0,
                      "tollgate: the change feed went back to %L, "
                      "starting anew", (int64_t) head);

        return ngx_http_tollgate_feed_anew(feed, head);
    }

    while (ngx_http_tollgate_number(position) < head) {

        err = ngx_http_tollgate_feed_batch(feed, position, &n);

        if (err == TG_ERR_LIMIT) {
            return ngx_http_tollgate_feed_anew(feed, head);
        }

        if (err != TG_OK) {
            return err;
        }

        if (n == 0) {
            break;
        }

        position = __atomic_load_n(&zone->position, __ATOMIC_ACQUIRE);
    }

    return TG_OK;
}


/* From the head, with nothing known from before it. */
static tg_err_t
ngx_http_tollgate_feed_anew(ngx_http_tollgate_feed_t *feed, int64_t head)
{
    uint64_t                   resets;
    tg_err_t                   err;
    ngx_http_tollgate_zone_t  *zone;

    zone = ngx_http_tollgate_zone;

    ngx_http_tollgate_live_clear(head);

    /* read after the head: later revisions have rows behind it */

    err = ngx_http_tollgate_feed_target(feed);

    if (err != TG_OK) {
        return err;
    }

    resets = __atomic_load_n(&zone->resets, __ATOMIC_ACQUIRE);

    ngx_http_tollgate_atomic_max(&zone->position,
                                 ngx_http_tollgate_numbered(resets, head));
    __atomic_store_n(&zone->following, 1, __ATOMIC_RELEASE);

    return TG_OK;
}


static tg_err_t
ngx_http_tollgate_feed_batch(ngx_http_tollgate_feed_t *feed,
    uint64_t position, size_t *n)
{
    size_t        i;
    uint64_t      resets;
    tg_err_t      err;
    tg_arena_t    arena;
    tg_change_t  *rows;

    resets = position >> NGX_HTTP_TOLLGATE_NUMBER_BITS;

    tg_arena_init(&arena, NGX_HTTP_TOLLGATE_FEED_ARENA);

    err = ngx_http_tollgate_timed(FEED,
            feed->store->ops->change_read(feed->store,
                ngx_http_tollgate_number(position),
                NGX_HTTP_TOLLGATE_FEED_BATCH, &arena, &rows, n));

    for (i = 0; err == TG_OK && i < *n; i++) {
        err = ngx_http_tollgate_feed_apply(feed, &rows[i]);
    }

    if (err == TG_OK && *n > 0) {
        ngx_http_tollgate_atomic_max(&ngx_http_tollgate_zone->position,
                     ngx_http_tollgate_numbered(resets, rows[*n - 1].seq));

        ngx_http_tollgate_count(FEED_APPLIED, *n);
    }

    tg_arena_release(&arena);

    return err;
}


static tg_err_t
ngx_http_tollgate_feed_apply(ngx_http_tollgate_feed_t *feed,
    const tg_change_t *change)
{
    int64_t    ours;
    uint64_t   revision;

    ours = __atomic_load_n(&ngx_http_tollgate_zone->environment_id,
                           __ATOMIC_ACQUIRE);

    if (ours != 0
        && change->environment_id != 0
        && change->environment_id != ours)
    {
        return TG_OK;
    }

    switch (change->kind) {

    case TG_CHANGE_CLIENT:
        ngx_http_tollgate_live_invalidate(change->ref, change->seq);
        return TG_OK;

    case TG_CHANGE_CLIENTS:
        ngx_http_tollgate_live_clear(change->seq);
        return TG_OK;

    case TG_CHANGE_SNAPSHOT:

        if (ours == 0
            || change->environment_id != ours
            || !tg_str_to_u64(change->ref, INT64_MAX, &revision))
        {
            return ngx_http_tollgate_feed_target(feed);
        }

        ngx_http_tollgate_feed_raise_target((int64_t) revision);
        return TG_OK;
    }

    /* of a later release: it may concern what we keep */

    ngx_http_tollgate_live_clear(change->seq);

    return TG_OK;
}


/* Asks the store which revision is the newest. */
static tg_err_t
ngx_http_tollgate_feed_target(ngx_http_tollgate_feed_t *feed)
{
    int64_t   environment_id, revision;
    tg_err_t  err;
    tg_buf_t  document;

    tg_buf_init(&document, TG_SNAPSHOT_MAX);

    err = ngx_http_tollgate_timed(SNAPSHOT,
            feed->store->ops->snapshot_get(feed->store, feed->environment,
                &environment_id, &revision, &document));
    tg_buf_release(&document);

    if (err == TG_ERR_NOTFOUND) {
        return TG_OK;
    }

    if (err != TG_OK) {
        return err;
    }

    __atomic_store_n(&ngx_http_tollgate_zone->environment_id, environment_id,
                     __ATOMIC_RELEASE);

    ngx_http_tollgate_feed_raise_target(revision);

    return TG_OK;
}


static void
ngx_http_tollgate_feed_raise_target(int64_t revision)
{
    uint64_t  resets;

    resets = __atomic_load_n(&ngx_http_tollgate_zone->resets,
                             __ATOMIC_ACQUIRE);

    ngx_http_tollgate_atomic_max(&ngx_http_tollgate_zone->target,
                              ngx_http_tollgate_numbered(resets, revision));
}
