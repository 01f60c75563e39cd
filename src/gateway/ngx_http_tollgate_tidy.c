
/*
 * Maintenance of the token store: tables of the hours to come, those that are
 * past, early revocations and feed rows that have done their work.  The leader
 * of a node does it in a thread of its own, so that neither the node's row nor
 * a request waits; among nodes the store lets one at a time do it.
 */

#include "ngx_http_tollgate_state.h"


#define NGX_HTTP_TOLLGATE_TIDY_TICK  (10 * 1000)  /* ms: tables to come */
#define NGX_HTTP_TOLLGATE_TIDY_DROP  (60 * 1000)  /* ms: what is past */


typedef struct {
    ngx_http_tollgate_runner_t   runner;
    ngx_log_t                   *log;
    tg_token_store_t            *store;
    uint64_t                     store_retry;
    uint64_t                     dropped;     /* monotonic ms */
    ngx_uint_t                   failing;     /* and said so */
} ngx_http_tollgate_tidy_t;


static void *ngx_http_tollgate_tidy_main(void *data);
static void ngx_http_tollgate_tidy_round(ngx_http_tollgate_tidy_t *tidy);
static tg_err_t ngx_http_tollgate_tidy_do(ngx_http_tollgate_tidy_t *tidy,
    tg_fault_t *fault);
static void ngx_http_tollgate_tidy_close(ngx_http_tollgate_tidy_t *tidy);


static ngx_http_tollgate_tidy_t  ngx_http_tollgate_tidy;


ngx_int_t
ngx_http_tollgate_tidy_start(ngx_cycle_t *cycle)
{
    ngx_http_tollgate_tidy_t  *tidy;

    tidy = &ngx_http_tollgate_tidy;

    ngx_memzero(tidy, sizeof(ngx_http_tollgate_tidy_t));

    tidy->log = cycle->log;
    tidy->dropped = ngx_http_tollgate_monotonic_ms();

    return ngx_http_tollgate_runner_start(&tidy->runner,
                                          ngx_http_tollgate_tidy_main, tidy,
                                          cycle->log);
}


void
ngx_http_tollgate_tidy_stop(void)
{
    ngx_http_tollgate_runner_stop(&ngx_http_tollgate_tidy.runner);
}


ngx_int_t
ngx_http_tollgate_tidy_join(void)
{
    /* a large table may be on its way out: nobody waits for that */

    return ngx_http_tollgate_runner_join(&ngx_http_tollgate_tidy.runner,
                                         NGX_HTTP_TOLLGATE_STOP_MS)
           == NGX_OK ? NGX_OK : NGX_AGAIN;
}


static void *
ngx_http_tollgate_tidy_main(void *data)
{
    ngx_http_tollgate_tidy_t *tidy = data;

    while (ngx_http_tollgate_runner_sleep(&tidy->runner,
                                          NGX_HTTP_TOLLGATE_TIDY_TICK))
    {
        if (ngx_http_tollgate_lease_is_mine()) {
            ngx_http_tollgate_tidy_round(tidy);

        } else {
            ngx_http_tollgate_tidy_close(tidy);
        }
    }

    ngx_http_tollgate_tidy_close(tidy);

    return NULL;
}


static void
ngx_http_tollgate_tidy_round(ngx_http_tollgate_tidy_t *tidy)
{
    tg_err_t    err;
    tg_fault_t  fault;

    ngx_memzero(&fault, sizeof(fault));

    err = ngx_http_tollgate_tokens_open(&tidy->store, &tidy->store_retry, 1,
                                        &fault);

    if (err == TG_OK) {
        err = ngx_http_tollgate_tidy_do(tidy, &fault);
    }

    if (err == TG_OK) {
        tidy->failing = 0;
        return;
    }

    if (!tidy->failing) {
        tidy->failing = 1;
        ngx_log_error(NGX_LOG_ERR, tidy->log, 0,
                      "tollgate: the token store cannot be tidied: %s %s",
                      tg_err_name(err), fault.text);
    }

    ngx_http_tollgate_tidy_close(tidy);
}


static tg_err_t
ngx_http_tollgate_tidy_do(ngx_http_tollgate_tidy_t *tidy, tg_fault_t *fault)
{
    int64_t            n;
    tg_ms_t            now;
    uint64_t           began;
    tg_err_t           err;
    tg_token_store_t  *store;

    store = tidy->store;
    now = ngx_http_tollgate_clock_ms();
    began = ngx_http_tollgate_monotonic_ms();

    err = ngx_http_tollgate_timed(TIDY,
            store->ops->buckets_make(store, now, &n));

    if (err == TG_OK && began - tidy->dropped >= NGX_HTTP_TOLLGATE_TIDY_DROP) {
        tidy->dropped = began;
        err = ngx_http_tollgate_timed(TIDY,
                store->ops->buckets_drop(store, now, &n));
    }

    if (err != TG_OK) {
        *fault = store->fault;
    }

    return err;
}


static void
ngx_http_tollgate_tidy_close(ngx_http_tollgate_tidy_t *tidy)
{
    if (tidy->store) {
        tidy->store->ops->close(tidy->store);
        tidy->store = NULL;
    }
}
