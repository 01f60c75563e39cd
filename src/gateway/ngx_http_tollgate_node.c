
/* The node's row in the token store: that it lives, and what it serves. */

#include "ngx_http_tollgate_state.h"


#define NGX_HTTP_TOLLGATE_NODE_TICK     25           /* ms */
#define NGX_HTTP_TOLLGATE_NODE_BEAT     1000         /* ms, without a change */
#define NGX_HTTP_TOLLGATE_NODE_ALIVE    3000         /* ms since its row */
#define NGX_HTTP_TOLLGATE_NODE_ARENA    (16 * 1024 * 1024)


typedef struct {
    ngx_http_tollgate_runner_t    runner;
    ngx_http_tollgate_main_conf_t *mcf;
    ngx_log_t                    *log;

    tg_token_store_t             *store;
    uint64_t                      store_retry;

    int64_t                       target;      /* of the last row written */
    ngx_uint_t                    n;
    ngx_uint_t                    draining;
    uint64_t                      written;     /* monotonic ms */
    uint64_t                      reaped;
    ngx_uint_t                    failing;
} ngx_http_tollgate_node_state_t;


static void *ngx_http_tollgate_node_main(void *data);
static void ngx_http_tollgate_node_round(
    ngx_http_tollgate_node_state_t *node);
static tg_err_t ngx_http_tollgate_node_unlist(
    ngx_http_tollgate_node_state_t *node);
static ngx_uint_t ngx_http_tollgate_node_gather(void);
static tg_err_t ngx_http_tollgate_node_write(
    ngx_http_tollgate_node_state_t *node, ngx_uint_t n, int64_t target);
static tg_err_t ngx_http_tollgate_node_count(
    ngx_http_tollgate_node_state_t *node);
static void ngx_http_tollgate_node_close(
    ngx_http_tollgate_node_state_t *node);


static ngx_http_tollgate_node_state_t  ngx_http_tollgate_node;

/* too large for a stack: this round's, and those of the last row written */
static ngx_http_tollgate_worker_t      ngx_http_tollgate_node_workers[
                                               NGX_HTTP_TOLLGATE_WORKERS_MAX];
static ngx_http_tollgate_worker_t      ngx_http_tollgate_node_written[
                                               NGX_HTTP_TOLLGATE_WORKERS_MAX];
static tg_node_worker_t                ngx_http_tollgate_node_rows[
                                               NGX_HTTP_TOLLGATE_WORKERS_MAX];


/* The token store is made here, by one thread of each worker in turn. */
ngx_int_t
ngx_http_tollgate_node_start(ngx_cycle_t *cycle)
{
    tg_fault_t                       fault;
    ngx_http_tollgate_node_state_t  *node;

    node = &ngx_http_tollgate_node;

    ngx_memzero(node, sizeof(ngx_http_tollgate_node_state_t));
    ngx_memzero(&fault, sizeof(fault));

    node->mcf = ngx_http_tollgate_main;
    node->log = cycle->log;

    if (ngx_http_tollgate_tokens_open(&node->store, &node->store_retry, 1,
                                      &fault)
        != TG_OK)
    {
        ngx_log_error(NGX_LOG_ERR, cycle->log, 0,
                      "tollgate: the token store cannot be opened: %s",
                      fault.text);
        node->failing = 1;
    }

    return ngx_http_tollgate_runner_start(&node->runner,
                                          ngx_http_tollgate_node_main, node,
                                          cycle->log);
}


void
ngx_http_tollgate_node_stop(void)
{
    ngx_http_tollgate_runner_stop(&ngx_http_tollgate_node.runner);
}


ngx_int_t
ngx_http_tollgate_node_join(void)
{
    return ngx_http_tollgate_runner_join(&ngx_http_tollgate_node.runner,
                                         NGX_HTTP_TOLLGATE_STOP_MS);
}


/*
 * The row of this nginx: if it was killed and another one started meanwhile,
 * the workers that are left end without taking that one's row.
 */
static tg_err_t
ngx_http_tollgate_node_unlist(ngx_http_tollgate_node_state_t *node)
{
    tg_err_t                   err;
    ngx_http_tollgate_zone_t  *zone;

    zone = ngx_http_tollgate_zone;

    err = node->store->ops->node_remove(node->store, tg_str(zone->node_id),
                                        zone->started_at);

    return err == TG_ERR_NOTFOUND ? TG_OK : err;
}


void
ngx_http_tollgate_node_leave(ngx_uint_t last)
{
    ngx_http_tollgate_node_state_t  *node;

    node = &ngx_http_tollgate_node;

    if (node->mcf == NULL) {
        return;
    }

    if (last && node->store && ngx_http_tollgate_node_unlist(node) != TG_OK) {
        ngx_log_error(NGX_LOG_NOTICE, node->log, 0,
                      "tollgate: the node's row could not be removed");
    }

    ngx_http_tollgate_node_close(node);
}


static void
ngx_http_tollgate_node_close(ngx_http_tollgate_node_state_t *node)
{
    if (node->store) {
        node->store->ops->close(node->store);
        node->store = NULL;
    }
}


static void *
ngx_http_tollgate_node_main(void *data)
{
    ngx_http_tollgate_node_state_t *node = data;

    do {
        ngx_http_tollgate_drain_look(&node->mcf->data);

        if (ngx_http_tollgate_lease_is_mine()) {
            ngx_http_tollgate_node_round(node);

        } else {
            /* whoever leads next writes at once */
            node->written = 0;
        }

    } while (ngx_http_tollgate_runner_sleep(&node->runner,
                                            NGX_HTTP_TOLLGATE_NODE_TICK));

    return NULL;
}


static void
ngx_http_tollgate_node_round(ngx_http_tollgate_node_state_t *node)
{
    int64_t     target;
    uint64_t    now;
    tg_err_t    err;
    tg_fault_t  fault;
    ngx_uint_t  n;

    now = ngx_http_tollgate_monotonic_ms();

    if (now - node->reaped >= NGX_HTTP_TOLLGATE_NODE_BEAT) {
        ngx_http_tollgate_slots_reap();
        node->reaped = now;
    }

    n = ngx_http_tollgate_node_gather();
    target = ngx_http_tollgate_number(
                 __atomic_load_n(&ngx_http_tollgate_zone->target,
                                 __ATOMIC_ACQUIRE));

    if (node->written
        && now - node->written < NGX_HTTP_TOLLGATE_NODE_BEAT
        && target == node->target
        && ngx_http_tollgate_draining() == node->draining
        && n == node->n
        && ngx_memcmp(ngx_http_tollgate_node_workers,
                      ngx_http_tollgate_node_written,
                      n * sizeof(ngx_http_tollgate_worker_t))
           == 0)
    {
        return;
    }

    ngx_memzero(&fault, sizeof(fault));

    err = ngx_http_tollgate_tokens_open(&node->store, &node->store_retry, 1,
                                        &fault);

    if (err == TG_OK) {
        err = ngx_http_tollgate_node_write(node, n, target);
    }

    if (err == TG_OK) {
        err = ngx_http_tollgate_node_count(node);
    }

    if (err == TG_OK) {
        node->failing = 0;
        return;
    }

    ngx_http_tollgate_node_close(node);

    if (!node->failing) {
        node->failing = 1;
        ngx_log_error(NGX_LOG_ERR, node->log, 0,
                      "tollgate: the node's row cannot be written: %s %s",
                      tg_err_name(err), fault.text);
    }
}


/* Of the workers that serve: those on their way out are nobody's concern. */
static ngx_uint_t
ngx_http_tollgate_node_gather(void)
{
    size_t                       len;
    ngx_uint_t                   i, n, staying;
    ngx_http_tollgate_worker_t  *workers;

    workers = ngx_http_tollgate_node_workers;
    n = ngx_http_tollgate_workers_get(workers, NGX_HTTP_TOLLGATE_WORKERS_MAX);
    staying = 0;

    for (i = 0; i < n; i++) {

        if (workers[i].exiting) {
            continue;
        }

        if (i != staying) {
            workers[staying] = workers[i];
        }

        /* so that equal ones are equal byte by byte */

        len = ngx_strlen(workers[staying].error);
        ngx_memzero(workers[staying].error + len,
                    NGX_HTTP_TOLLGATE_ERROR_LEN - len);
        staying++;
    }

    return staying;
}


static tg_err_t
ngx_http_tollgate_node_write(ngx_http_tollgate_node_state_t *node,
    ngx_uint_t n, int64_t target)
{
    tg_err_t                   err;
    tg_node_t                  row;
    ngx_uint_t                 i, draining;
    ngx_http_tollgate_zone_t  *zone;

    zone = ngx_http_tollgate_zone;
    draining = ngx_http_tollgate_draining();

    if (n == 0) {

        /* the last workers finish what they have; no deploy waits for them */

        err = ngx_http_tollgate_node_unlist(node);

    } else {

        for (i = 0; i < n; i++) {
            ngx_http_tollgate_node_rows[i].pid =
                                       ngx_http_tollgate_node_workers[i].pid;
            ngx_http_tollgate_node_rows[i].revision =
                                  ngx_http_tollgate_node_workers[i].revision;
            ngx_http_tollgate_node_rows[i].error =
                             tg_str(ngx_http_tollgate_node_workers[i].error);
        }

        ngx_memzero(&row, sizeof(row));

        row.node_id = tg_str(zone->node_id);
        row.environment_id = __atomic_load_n(&zone->environment_id,
                                             __ATOMIC_ACQUIRE);
        row.environment = ngx_http_tollgate_str(node->mcf->environment);
        row.address = ngx_http_tollgate_str(node->mcf->address);
        row.version = TG_STR(TG_VERSION);
        row.started_at = zone->started_at;
        row.seen_at = ngx_http_tollgate_clock_ms();
        row.wanted = target;
        row.workers = ngx_http_tollgate_node_rows;
        row.n_workers = n;
        row.draining = draining;
        row.requests = (int64_t) ngx_http_tollgate_requests_now();

        err = ngx_http_tollgate_timed(NODE,
                node->store->ops->node_put(node->store, &row));
    }

    if (err == TG_OK) {
        node->target = target;
        node->n = n;
        node->draining = draining;
        node->written = ngx_http_tollgate_monotonic_ms();
        ngx_memcpy(ngx_http_tollgate_node_written,
                   ngx_http_tollgate_node_workers,
                   n * sizeof(ngx_http_tollgate_worker_t));
    }

    return err;
}


/*
 * How many nodes serve this environment, for the shares of limits, and what is
 * asked of this one.
 */
static tg_err_t
ngx_http_tollgate_node_count(ngx_http_tollgate_node_state_t *node)
{
    size_t                     n, i;
    tg_err_t                   err;
    tg_node_t                 *rows;
    tg_arena_t                 arena;
    ngx_http_tollgate_zone_t  *zone;

    zone = ngx_http_tollgate_zone;

    tg_arena_init(&arena, NGX_HTTP_TOLLGATE_NODE_ARENA);

    err = ngx_http_tollgate_timed(NODE,
            node->store->ops->node_list(node->store,
                __atomic_load_n(&zone->environment_id, __ATOMIC_ACQUIRE),
                ngx_http_tollgate_clock_ms() - NGX_HTTP_TOLLGATE_NODE_ALIVE,
                &arena, &rows, &n));

    if (err == TG_OK) {
        __atomic_store_n(&zone->nodes, n, __ATOMIC_RELEASE);

        for (i = 0; i < n; i++) {
            if (tg_str_eq(rows[i].node_id, tg_str(zone->node_id))) {
                ngx_http_tollgate_drain_asked(rows[i].drain);
            }
        }
    }

    tg_arena_release(&arena);

    return err;
}


ngx_uint_t
ngx_http_tollgate_live_nodes(void)
{
    uint64_t  n;

    if (ngx_http_tollgate_zone == NULL) {
        return 1;
    }

    n = __atomic_load_n(&ngx_http_tollgate_zone->nodes, __ATOMIC_ACQUIRE);

    return n ? (ngx_uint_t) n : 1;
}
