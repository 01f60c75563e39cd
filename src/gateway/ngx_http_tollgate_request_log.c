
/*
 * The token request log: rows that the event loop leaves are written by a
 * thread, in groups.  The leader of the node forgets what is too old.
 */

#include <stdlib.h>

#include "ngx_http_tollgate_state.h"


#define NGX_HTTP_TOLLGATE_LOG_GROUP   256          /* rows in one transaction */
#define NGX_HTTP_TOLLGATE_LOG_WAIT    200          /* ms, for a full one */
#define NGX_HTTP_TOLLGATE_LOG_MAX     16384        /* rows that may wait */
#define NGX_HTTP_TOLLGATE_LOG_TEXT    256          /* bytes of one string */
#define NGX_HTTP_TOLLGATE_LOG_CHUNK   1000         /* rows pruned at a time */
#define NGX_HTTP_TOLLGATE_LOG_HOUR    (3600 * 1000)
#define NGX_HTTP_TOLLGATE_LOG_DAY     ((tg_ms_t) 24 * 3600 * 1000)


typedef struct ngx_http_tollgate_logged_s  ngx_http_tollgate_logged_t;

/* One block of memory: the strings of the row follow. */
struct ngx_http_tollgate_logged_s {
    ngx_http_tollgate_logged_t   *next;
    tg_request_row_t              row;
};


typedef struct {
    ngx_http_tollgate_runner_t    runner;
    ngx_log_t                    *log;
    ngx_uint_t                    running;    /* of the event loop */

    tg_token_store_t             *store;
    uint64_t                      store_retry;
    uint64_t                      prune_at;   /* monotonic ms */
    ngx_uint_t                    failing;    /* and said so */

    /* under the runner's mutex */
    ngx_http_tollgate_logged_t   *first;
    ngx_http_tollgate_logged_t  **last;
    ngx_uint_t                    waiting;
} ngx_http_tollgate_request_log_t;


static ngx_http_tollgate_logged_t *ngx_http_tollgate_logged_copy(
    const tg_request_row_t *row);
static void *ngx_http_tollgate_request_log_main(void *data);
static void ngx_http_tollgate_request_log_write(
    ngx_http_tollgate_request_log_t *log);
static tg_err_t ngx_http_tollgate_request_log_group(
    ngx_http_tollgate_request_log_t *log, const tg_request_row_t *rows,
    size_t n);
static void ngx_http_tollgate_request_log_prune(
    ngx_http_tollgate_request_log_t *log);
static void ngx_http_tollgate_request_log_failed(
    ngx_http_tollgate_request_log_t *log, tg_err_t err,
    const tg_fault_t *fault);


static ngx_http_tollgate_request_log_t  ngx_http_tollgate_requests;

/* too large for a stack: one group */
static tg_request_row_t                 ngx_http_tollgate_request_rows[
                                              NGX_HTTP_TOLLGATE_LOG_GROUP];

/* tokenRequestLog of the environment served */
static ngx_uint_t                       ngx_http_tollgate_request_log_on = 1;
static int64_t                          ngx_http_tollgate_request_log_days;


void
ngx_http_tollgate_request_log_keep(ngx_uint_t enabled, int64_t days)
{
    __atomic_store_n(&ngx_http_tollgate_request_log_on, enabled,
                     __ATOMIC_RELAXED);
    __atomic_store_n(&ngx_http_tollgate_request_log_days, days,
                     __ATOMIC_RELAXED);
}


ngx_int_t
ngx_http_tollgate_request_log_start(ngx_cycle_t *cycle)
{
    ngx_http_tollgate_request_log_t  *log;

    log = &ngx_http_tollgate_requests;

    ngx_memzero(log, sizeof(ngx_http_tollgate_request_log_t));

    log->log = cycle->log;
    log->last = &log->first;

    if (ngx_http_tollgate_runner_start(&log->runner,
                                       ngx_http_tollgate_request_log_main,
                                       log, cycle->log)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    log->running = 1;

    return NGX_OK;
}


void
ngx_http_tollgate_request_log_stop(void)
{
    ngx_http_tollgate_requests.running = 0;
    ngx_http_tollgate_runner_stop(&ngx_http_tollgate_requests.runner);
}


ngx_int_t
ngx_http_tollgate_request_log_join(void)
{
    return ngx_http_tollgate_runner_join(&ngx_http_tollgate_requests.runner,
                                         NGX_HTTP_TOLLGATE_STOP_MS);
}


void
ngx_http_tollgate_request_log(const tg_request_row_t *row)
{
    ngx_uint_t                        waiting;
    ngx_http_tollgate_logged_t       *logged;
    ngx_http_tollgate_request_log_t  *log;

    log = &ngx_http_tollgate_requests;

    if (!__atomic_load_n(&ngx_http_tollgate_request_log_on, __ATOMIC_RELAXED))
    {
        return;
    }

    logged = log->running ? ngx_http_tollgate_logged_copy(row) : NULL;

    if (logged == NULL) {
        ngx_http_tollgate_count(REQUEST_LOG_LOST, 1);
        return;
    }

    (void) pthread_mutex_lock(&log->runner.mutex);

    waiting = log->waiting;

    if (waiting < NGX_HTTP_TOLLGATE_LOG_MAX) {
        *log->last = logged;
        log->last = &logged->next;
        log->waiting++;
    }

    (void) pthread_mutex_unlock(&log->runner.mutex);

    if (waiting >= NGX_HTTP_TOLLGATE_LOG_MAX) {
        free(logged);
        ngx_http_tollgate_count(REQUEST_LOG_LOST, 1);
        return;
    }

    if (waiting + 1 == NGX_HTTP_TOLLGATE_LOG_GROUP) {
        ngx_http_tollgate_runner_wake(&log->runner);
    }
}


ngx_uint_t
ngx_http_tollgate_request_log_waiting(void)
{
    return __atomic_load_n(&ngx_http_tollgate_requests.waiting,
                           __ATOMIC_RELAXED);
}


/* NULL: no memory. */
static ngx_http_tollgate_logged_t *
ngx_http_tollgate_logged_copy(const tg_request_row_t *row)
{
    u_char                      *p;
    size_t                       i, size;
    tg_request_row_t            *r;
    ngx_http_tollgate_logged_t  *logged;

    const tg_str_t  from[] = {
        row->endpoint, row->client_id, row->proxy, row->user, row->address,
        row->grant, row->error, row->reason
    };
    const size_t  n = sizeof(from) / sizeof(from[0]);

    size = sizeof(ngx_http_tollgate_logged_t);

    for (i = 0; i < n; i++) {
        size += ngx_min(from[i].n, NGX_HTTP_TOLLGATE_LOG_TEXT);
    }

    logged = malloc(size);
    if (logged == NULL) {
        return NULL;
    }

    logged->next = NULL;
    logged->row = *row;

    r = &logged->row;
    p = (u_char *) (logged + 1);

    tg_str_t *const  to[] = {
        &r->endpoint, &r->client_id, &r->proxy, &r->user, &r->address,
        &r->grant, &r->error, &r->reason
    };

    for (i = 0; i < n; i++) {
        *to[i] = tg_strn(p, ngx_min(from[i].n, NGX_HTTP_TOLLGATE_LOG_TEXT));

        if (to[i]->n) {
            p = ngx_cpymem(p, from[i].p, to[i]->n);
        }
    }

    r->node = tg_str(ngx_http_tollgate_zone->node_id);
    r->environment_id = __atomic_load_n(
                            &ngx_http_tollgate_zone->environment_id,
                            __ATOMIC_ACQUIRE);

    return logged;
}


static void *
ngx_http_tollgate_request_log_main(void *data)
{
    ngx_http_tollgate_request_log_t *log = data;

    do {
        ngx_http_tollgate_request_log_write(log);
        ngx_http_tollgate_request_log_prune(log);

    } while (ngx_http_tollgate_runner_sleep(&log->runner,
                                            NGX_HTTP_TOLLGATE_LOG_WAIT));

    ngx_http_tollgate_request_log_write(log);

    if (log->store) {
        log->store->ops->close(log->store);
        log->store = NULL;
    }

    return NULL;
}


/* All that waits. */
static void
ngx_http_tollgate_request_log_write(ngx_http_tollgate_request_log_t *log)
{
    size_t                       n, i;
    ngx_http_tollgate_logged_t  *list, *end, *next;

    (void) pthread_mutex_lock(&log->runner.mutex);
    list = log->first;
    log->first = NULL;
    log->last = &log->first;
    log->waiting = 0;
    (void) pthread_mutex_unlock(&log->runner.mutex);

    while (list) {
        end = list;

        for (n = 0; end && n < NGX_HTTP_TOLLGATE_LOG_GROUP; n++) {
            ngx_http_tollgate_request_rows[n] = end->row;
            end = end->next;
        }

        if (ngx_http_tollgate_request_log_group(log,
                                             ngx_http_tollgate_request_rows, n)
            == TG_OK)
        {
            ngx_http_tollgate_count(REQUEST_LOG_WRITTEN, n);

        } else {
            ngx_http_tollgate_count(REQUEST_LOG_LOST, n);
        }

        for (i = 0; i < n; i++, list = next) {
            next = list->next;
            free(list);
        }
    }
}


static tg_err_t
ngx_http_tollgate_request_log_group(ngx_http_tollgate_request_log_t *log,
    const tg_request_row_t *rows, size_t n)
{
    tg_err_t    err;
    tg_fault_t  fault;

    ngx_memzero(&fault, sizeof(fault));

    err = ngx_http_tollgate_tokens_open(&log->store, &log->store_retry, 1,
                                        &fault);

    if (err == TG_OK) {
        err = ngx_http_tollgate_timed(REQUEST_LOG,
                log->store->ops->request_put(log->store, rows, n));
    }

    if (err != TG_OK) {
        ngx_http_tollgate_request_log_failed(log, err, &fault);
        return err;
    }

    if (log->failing) {
        log->failing = 0;
        ngx_log_error(NGX_LOG_NOTICE, log->log, 0,
                      "tollgate: the token request log is written again");
    }

    return TG_OK;
}


static void
ngx_http_tollgate_request_log_failed(ngx_http_tollgate_request_log_t *log,
    tg_err_t err, const tg_fault_t *fault)
{
    if (!log->failing) {
        log->failing = 1;
        ngx_log_error(NGX_LOG_ERR, log->log, 0,
                      "tollgate: the token request log cannot be written: "
                      "%s %s", tg_err_name(err),
                      log->store ? log->store->fault.text : fault->text);
    }

    if (log->store) {
        log->store->ops->close(log->store);
        log->store = NULL;
    }
}


/* One chunk a round, so that rows which come meanwhile do not wait. */
static void
ngx_http_tollgate_request_log_prune(ngx_http_tollgate_request_log_t *log)
{
    int64_t     days, pruned, environment_id;
    uint64_t    now;
    tg_err_t    err;
    tg_fault_t  fault;

    now = ngx_http_tollgate_monotonic_ms();
    days = __atomic_load_n(&ngx_http_tollgate_request_log_days,
                           __ATOMIC_RELAXED);
    environment_id = __atomic_load_n(&ngx_http_tollgate_zone->environment_id,
                                     __ATOMIC_ACQUIRE);

    if (now < log->prune_at
        || days == 0
        || environment_id == 0
        || !ngx_http_tollgate_lease_is_mine())
    {
        return;
    }

    ngx_memzero(&fault, sizeof(fault));

    err = ngx_http_tollgate_tokens_open(&log->store, &log->store_retry, 1,
                                        &fault);

    if (err == TG_OK) {
        err = ngx_http_tollgate_timed(REQUEST_LOG,
                log->store->ops->request_prune(log->store, environment_id,
                    ngx_http_tollgate_clock_ms() - days * NGX_HTTP_TOLLGATE_LOG_DAY,
                    NGX_HTTP_TOLLGATE_LOG_CHUNK, &pruned));
    }

    if (err != TG_OK) {
        ngx_http_tollgate_request_log_failed(log, err, &fault);
        pruned = 0;
    }

    if (pruned < NGX_HTTP_TOLLGATE_LOG_CHUNK) {
        log->prune_at = now + NGX_HTTP_TOLLGATE_LOG_HOUR;
    }
}
