
/*
 * Draining: the node serves on, its readiness says 503, and clients are told
 * to connect anew, so that the load balancer can send them elsewhere.  Asked
 * for in the store, or by a file that the supervisor puts beside the last
 * snapshot before it stops nginx: that works with the store down.
 */

#include "ngx_http_tollgate_state.h"


/* bits of zone->drain */
#define NGX_HTTP_TOLLGATE_DRAIN_ASKED  1
#define NGX_HTTP_TOLLGATE_DRAIN_FILE   2


static void ngx_http_tollgate_drain_end_request(void *data);


static void
ngx_http_tollgate_drain_set(uint64_t bit, ngx_uint_t on)
{
    if (on) {
        (void) __atomic_or_fetch(&ngx_http_tollgate_zone->drain, bit,
                                 __ATOMIC_RELEASE);

    } else {
        (void) __atomic_and_fetch(&ngx_http_tollgate_zone->drain, ~bit,
                                  __ATOMIC_RELEASE);
    }
}


void
ngx_http_tollgate_drain_asked(ngx_uint_t on)
{
    ngx_http_tollgate_drain_set(NGX_HTTP_TOLLGATE_DRAIN_ASKED, on);
}


void
ngx_http_tollgate_drain_look(ngx_str_t *data)
{
    char  path[NGX_MAX_PATH];
    int   n;

    n = snprintf(path, sizeof(path), "%.*s/draining", (int) data->len,
                 (char *) data->data);

    if (n > 0 && n < (int) sizeof(path)) {
        ngx_http_tollgate_drain_set(NGX_HTTP_TOLLGATE_DRAIN_FILE,
                                    access(path, F_OK) == 0);
    }
}


ngx_uint_t
ngx_http_tollgate_draining(void)
{
    return ngx_http_tollgate_zone != NULL
           && __atomic_load_n(&ngx_http_tollgate_zone->drain,
                              __ATOMIC_ACQUIRE) != 0;
}


uint64_t
ngx_http_tollgate_requests_now(void)
{
    uint64_t    sum;
    ngx_uint_t  i;

    sum = 0;

    for (i = 0; i < NGX_HTTP_TOLLGATE_WORKERS_MAX; i++) {
        sum += __atomic_load_n(&ngx_http_tollgate_zone->slots[i].requests,
                               __ATOMIC_RELAXED);
    }

    return sum;
}


/* The slot is this worker's, and only its event loop counts in it. */
static void
ngx_http_tollgate_drain_count(int64_t by)
{
    __atomic_store_n(&ngx_http_tollgate_slot->requests,
                     ngx_http_tollgate_slot->requests + (uint64_t) by,
                     __ATOMIC_RELAXED);
}


static void
ngx_http_tollgate_drain_end_request(void *data)
{
    ngx_http_tollgate_drain_count(-1);
}


void
ngx_http_tollgate_drain_request(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t  *cln;

    if (ngx_http_tollgate_slot == NULL) {
        return;
    }

    cln = ngx_pool_cleanup_add(r->pool, 0);

    if (cln) {
        cln->handler = ngx_http_tollgate_drain_end_request;
        ngx_http_tollgate_drain_count(1);
    }

    if (!ngx_http_tollgate_draining()) {
        return;
    }

    r->keepalive = 0;

#if (NGX_HTTP_V2)
    if (r->stream) {
        /* above any keepalive_requests: GOAWAY comes with the next stream */
        r->stream->connection->connection->requests = NGX_MAX_INT_T_VALUE;
    }
#endif
}
