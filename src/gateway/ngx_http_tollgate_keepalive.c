
/*
 * Pooled connections to backends.  They lie at their endpoint, which is their
 * full identity, and in one queue of all in the order of their return, so that
 * the oldest gives way when the pool is full.
 */


#include "ngx_http_tollgate_request.h"


#define NGX_HTTP_TOLLGATE_KEEPALIVE_MAX       512
#define NGX_HTTP_TOLLGATE_KEEPALIVE_TIMEOUT   60000
#define NGX_HTTP_TOLLGATE_KEEPALIVE_TIME      3600000
#define NGX_HTTP_TOLLGATE_KEEPALIVE_REQUESTS  100000
#define NGX_HTTP_TOLLGATE_SWEEP_INTERVAL      1000


typedef struct {
    ngx_queue_t                    queue;  /* of its endpoint, or free */
    ngx_queue_t                    all;
    ngx_http_tollgate_endpoint_t  *endpoint;
    ngx_connection_t              *connection;
} ngx_http_tollgate_idle_t;


static void ngx_http_tollgate_keepalive_sweep(ngx_event_t *ev);
static void ngx_http_tollgate_keepalive_close_idle(
    ngx_http_tollgate_idle_t *idle);
static void ngx_http_tollgate_keepalive_close(ngx_connection_t *c);
static void ngx_http_tollgate_keepalive_dummy_handler(ngx_event_t *ev);
static void ngx_http_tollgate_keepalive_read_handler(ngx_event_t *ev);


static ngx_queue_t  ngx_http_tollgate_idle_free;
static ngx_queue_t  ngx_http_tollgate_idle_all;  /* oldest last */
static ngx_event_t  ngx_http_tollgate_sweep_event;


ngx_int_t
ngx_http_tollgate_keepalive_init(ngx_cycle_t *cycle)
{
    ngx_uint_t                 i, n;
    ngx_event_t               *ev;
    ngx_http_tollgate_idle_t  *idle;

    /* at most a quarter of the worker's connections */

    n = ngx_min(NGX_HTTP_TOLLGATE_KEEPALIVE_MAX, cycle->connection_n / 4 + 1);

    idle = ngx_pcalloc(cycle->pool, n * sizeof(ngx_http_tollgate_idle_t));
    if (idle == NULL) {
        return NGX_ERROR;
    }

    ngx_queue_init(&ngx_http_tollgate_idle_free);
    ngx_queue_init(&ngx_http_tollgate_idle_all);

    for (i = 0; i < n; i++) {
        ngx_queue_insert_head(&ngx_http_tollgate_idle_free, &idle[i].queue);
    }

    ev = &ngx_http_tollgate_sweep_event;

    ngx_memzero(ev, sizeof(ngx_event_t));
    ev->handler = ngx_http_tollgate_keepalive_sweep;
    ev->log = cycle->log;
    ev->cancelable = 1;

    ngx_add_timer(ev, NGX_HTTP_TOLLGATE_SWEEP_INTERVAL);

    return NGX_OK;
}


static void
ngx_http_tollgate_keepalive_sweep(ngx_event_t *ev)
{
    ngx_http_tollgate_endpoints_sweep();

    ngx_add_timer(ev, NGX_HTTP_TOLLGATE_SWEEP_INTERVAL);
}


void
ngx_http_tollgate_keepalive_exit(void)
{
    ngx_queue_t               *q;
    ngx_http_tollgate_idle_t  *idle;

    if (ngx_http_tollgate_idle_all.next == NULL) {
        return;
    }

    while (!ngx_queue_empty(&ngx_http_tollgate_idle_all)) {
        q = ngx_queue_last(&ngx_http_tollgate_idle_all);
        idle = ngx_queue_data(q, ngx_http_tollgate_idle_t, all);

        ngx_http_tollgate_keepalive_close_idle(idle);
    }
}


/* Whether the peer closed it, or sent what nobody asked for. */

static ngx_uint_t
ngx_http_tollgate_keepalive_is_dead(ngx_connection_t *c)
{
    char  buf[1];

    return !(recv(c->fd, buf, 1, MSG_PEEK) == -1
             && ngx_socket_errno == NGX_EAGAIN);
}


static ngx_connection_t *
ngx_http_tollgate_keepalive_remove(ngx_http_tollgate_idle_t *idle)
{
    ngx_queue_remove(&idle->queue);
    ngx_queue_remove(&idle->all);
    ngx_queue_insert_head(&ngx_http_tollgate_idle_free, &idle->queue);

    return idle->connection;
}


static void
ngx_http_tollgate_keepalive_close_idle(ngx_http_tollgate_idle_t *idle)
{
    ngx_http_tollgate_keepalive_close(
                                  ngx_http_tollgate_keepalive_remove(idle));
}


/*
 * probe: the request cannot be sent again, so make sure now that the peer has
 * not closed the connection meanwhile.
 */

ngx_int_t
ngx_http_tollgate_keepalive_take(ngx_http_tollgate_endpoint_t *endpoint,
    ngx_peer_connection_t *pc, ngx_uint_t probe)
{
    ngx_queue_t               *q;
    ngx_connection_t          *c;
    ngx_http_tollgate_idle_t  *idle;

    for ( ;; ) {

        if (ngx_queue_empty(&endpoint->idle)) {
            return NGX_DECLINED;
        }

        q = ngx_queue_head(&endpoint->idle);
        idle = ngx_queue_data(q, ngx_http_tollgate_idle_t, queue);

        if (!probe
            || !ngx_http_tollgate_keepalive_is_dead(idle->connection))
        {
            break;
        }

        ngx_http_tollgate_keepalive_close_idle(idle);
    }

    c = ngx_http_tollgate_keepalive_remove(idle);

    c->idle = 0;
    c->sent = 0;
    c->data = NULL;
    c->log = pc->log;
    c->read->log = pc->log;
    c->write->log = pc->log;
    c->pool->log = pc->log;

    if (c->read->timer_set) {
        ngx_del_timer(c->read);
    }

    pc->connection = c;
    pc->cached = 1;

    return NGX_DONE;
}


static ngx_uint_t
ngx_http_tollgate_keepalive_usable(ngx_connection_t *c,
    ngx_http_upstream_t *u)
{
    return !(c->read->eof || c->read->error || c->read->timedout
             || c->write->error || c->write->timedout)
           && u->keepalive
           && u->request_body_sent
           && c->requests < NGX_HTTP_TOLLGATE_KEEPALIVE_REQUESTS
           && ngx_current_msec - c->start_time
              <= NGX_HTTP_TOLLGATE_KEEPALIVE_TIME
           && !ngx_terminate && !ngx_exiting
           && ngx_handle_read_event(c->read, 0) == NGX_OK;
}


static ngx_http_tollgate_idle_t *
ngx_http_tollgate_keepalive_slot(void)
{
    ngx_queue_t               *q;
    ngx_http_tollgate_idle_t  *idle;

    if (ngx_queue_empty(&ngx_http_tollgate_idle_free)) {
        q = ngx_queue_last(&ngx_http_tollgate_idle_all);
        idle = ngx_queue_data(q, ngx_http_tollgate_idle_t, all);

        ngx_http_tollgate_keepalive_close_idle(idle);
    }

    q = ngx_queue_head(&ngx_http_tollgate_idle_free);
    ngx_queue_remove(q);

    return ngx_queue_data(q, ngx_http_tollgate_idle_t, queue);
}


void
ngx_http_tollgate_keepalive_put(ngx_http_tollgate_endpoint_t *endpoint,
    ngx_peer_connection_t *pc, ngx_http_upstream_t *u)
{
    ngx_connection_t          *c;
    ngx_http_tollgate_idle_t  *idle;

    c = pc->connection;

    if (c == NULL || !ngx_http_tollgate_keepalive_usable(c, u)) {
        return;
    }

    idle = ngx_http_tollgate_keepalive_slot();
    idle->endpoint = endpoint;
    idle->connection = c;

    ngx_queue_insert_head(&endpoint->idle, &idle->queue);
    ngx_queue_insert_head(&ngx_http_tollgate_idle_all, &idle->all);

    pc->connection = NULL;

    c->read->delayed = 0;
    ngx_add_timer(c->read, NGX_HTTP_TOLLGATE_KEEPALIVE_TIMEOUT);

    if (c->write->timer_set) {
        ngx_del_timer(c->write);
    }

    c->write->handler = ngx_http_tollgate_keepalive_dummy_handler;
    c->read->handler = ngx_http_tollgate_keepalive_read_handler;

    c->data = idle;
    c->idle = 1;
    c->log = ngx_cycle->log;
    c->read->log = ngx_cycle->log;
    c->write->log = ngx_cycle->log;
    c->pool->log = ngx_cycle->log;

    if (c->read->ready) {
        ngx_http_tollgate_keepalive_read_handler(c->read);
    }
}


void
ngx_http_tollgate_keepalive_close_all(ngx_http_tollgate_endpoint_t *endpoint)
{
    ngx_queue_t               *q;
    ngx_http_tollgate_idle_t  *idle;

    while (!ngx_queue_empty(&endpoint->idle)) {
        q = ngx_queue_head(&endpoint->idle);
        idle = ngx_queue_data(q, ngx_http_tollgate_idle_t, queue);

        ngx_http_tollgate_keepalive_close_idle(idle);
    }
}


static void
ngx_http_tollgate_keepalive_dummy_handler(ngx_event_t *ev)
{
    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, ev->log, 0,
                   "tollgate keepalive dummy handler");
}


static void
ngx_http_tollgate_keepalive_read_handler(ngx_event_t *ev)
{
    ngx_connection_t  *c;

    c = ev->data;

    if (!c->close && !c->read->timedout
        && !ngx_http_tollgate_keepalive_is_dead(c))
    {
        ev->ready = 0;

        if (ngx_handle_read_event(c->read, 0) == NGX_OK) {
            return;
        }
    }

    ngx_http_tollgate_keepalive_close_idle(c->data);
}


static void
ngx_http_tollgate_keepalive_close(ngx_connection_t *c)
{
    if (c->ssl) {
        c->ssl->no_wait_shutdown = 1;
        c->ssl->no_send_shutdown = 1;

        if (ngx_ssl_shutdown(c) == NGX_AGAIN) {
            c->ssl->handler = ngx_http_tollgate_keepalive_close;
            return;
        }
    }

    ngx_destroy_pool(c->pool);
    ngx_close_connection(c);
}
