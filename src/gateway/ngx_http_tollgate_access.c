
/*
 * The phase handler of a proxied request: which proxy, whether it may, what
 * its backend is asked.  Then nginx's own proxy module does the work:
 * proxy_pass without a path takes the target from r->unparsed_uri, where this
 * puts it, and the balancer puts the received one back.
 */


#include "ngx_http_tollgate_request.h"

#include "policy/reading.h"


static ngx_int_t ngx_http_tollgate_post_read_handler(ngx_http_request_t *r);


ngx_int_t
ngx_http_tollgate_request_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_tollgate_variables(cf);
}


static ngx_int_t
ngx_http_tollgate_handler_add(ngx_http_core_main_conf_t *cmcf,
    ngx_uint_t phase, ngx_http_handler_pt handler)
{
    ngx_http_handler_pt  *h;

    h = ngx_array_push(&cmcf->phases[phase].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = handler;

    return NGX_OK;
}


ngx_int_t
ngx_http_tollgate_request_postconfiguration(ngx_conf_t *cf)
{
    ngx_http_core_main_conf_t      *cmcf;
    ngx_http_tollgate_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_tollgate_module);

    if (!mcf->enabled) {
        return NGX_OK;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    if (ngx_http_tollgate_handler_add(cmcf, NGX_HTTP_POST_READ_PHASE,
                                      ngx_http_tollgate_post_read_handler)
        != NGX_OK
        || ngx_http_tollgate_handler_add(cmcf, NGX_HTTP_ACCESS_PHASE,
                                         ngx_http_tollgate_access_handler)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_tollgate_reply_filter_init();

    return NGX_OK;
}


ngx_int_t
ngx_http_tollgate_request_init_process(ngx_cycle_t *cycle)
{
    if (ngx_http_tollgate_variables_init_process() != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_tollgate_keepalive_init(cycle);
}


void
ngx_http_tollgate_request_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_tollgate_keepalive_exit();
}


static ngx_int_t
ngx_http_tollgate_post_read_handler(ngx_http_request_t *r)
{
    r->log_handler = ngx_http_tollgate_log_handler;

    ngx_http_tollgate_drain_request(r);

    return NGX_DECLINED;
}


/* Ends the request with what a reply returned. */

static ngx_int_t
ngx_http_tollgate_answered(ngx_http_request_t *r, ngx_int_t rc)
{
    ngx_http_finalize_request(r, rc);

    return NGX_DONE;
}


static ngx_int_t
ngx_http_tollgate_bad(ngx_http_request_t *r, const char *description)
{
    ngx_http_tollgate_count(REQUEST_BAD, 1);

    return ngx_http_tollgate_answered(r, ngx_http_tollgate_reply_error(r,
                             NGX_HTTP_BAD_REQUEST, "bad_request", description));
}


static ngx_int_t
ngx_http_tollgate_unavailable(ngx_http_request_t *r, const char *description)
{
    ngx_http_tollgate_count(REQUEST_UNAVAILABLE, 1);

    return ngx_http_tollgate_answered(r, ngx_http_tollgate_reply_error(r,
                     NGX_HTTP_SERVICE_UNAVAILABLE, "unavailable", description));
}


static tg_str_t
ngx_http_tollgate_route_header(void *ctx, tg_str_t name)
{
    tg_str_t  value;

    (void) ngx_http_tollgate_header_find(ctx, name, &value);

    return value;
}


static ngx_int_t
ngx_http_tollgate_route_find(const ngx_http_tollgate_snapshot_t *s,
    const tg_route_query_t *query, tg_route_match_t *match,
    tg_endpoint_match_t *endpoint)
{
    if (tg_router_find(s->router, query, match) != TG_OK) {
        return NGX_DECLINED;
    }

    tg_endpoint_find(s->endpoints, match, query->method, query->path,
                     endpoint);

    return NGX_OK;
}


/*
 * A preflight belongs to the proxy that the request which it asks about will
 * be for; it is ours to answer where that one has CORS enabled.
 */

static ngx_uint_t
ngx_http_tollgate_route_preflight(ngx_http_request_t *r,
    ngx_http_tollgate_snapshot_t *s, tg_route_query_t *query,
    tg_route_match_t *match, tg_endpoint_match_t *endpoint)
{
    tg_str_t  origin, method, headers;

    if (!ngx_http_tollgate_is_preflight(r, &origin, &method, &headers)) {
        return 0;
    }

    query->method = method;

    if (ngx_http_tollgate_route_find(s, query, match, endpoint) == NGX_OK
        && endpoint->verdict >= TG_ENDPOINT_FOUND
        && endpoint->proxy->cors && endpoint->proxy->cors->enabled)
    {
        return 1;
    }

    query->method = ngx_http_tollgate_str(r->method_name);

    return 0;
}


/*
 * NGX_DECLINED: no proxy; NGX_ABORT: backends may see the path of another one,
 * or of another endpoint.
 */

static ngx_int_t
ngx_http_tollgate_route(ngx_http_request_t *r, ngx_http_tollgate_proxied_t *rq,
    tg_endpoint_match_t *endpoint)
{
    char                          *scratch;
    tg_route_match_t               match;
    tg_route_query_t               query;
    ngx_http_tollgate_snapshot_t  *s;
    ngx_http_tollgate_backends_t  *backends;

    s = rq->ctx.snapshot;

    query.method = ngx_http_tollgate_str(r->method_name);
    query.host = ngx_http_tollgate_str(r->headers_in.server);
    query.path = ngx_http_tollgate_str(r->uri);
    query.header = ngx_http_tollgate_route_header;
    query.ctx = r;

    rq->preflight = ngx_http_tollgate_route_preflight(r, s, &query, &match,
                                                      endpoint);

    if (!rq->preflight
        && ngx_http_tollgate_route_find(s, &query, &match, endpoint) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    if (tg_path_has_readings(query.path)) {
        scratch = ngx_pnalloc(r->pool, query.path.n);
        if (scratch == NULL) {
            return NGX_ERROR;
        }

        if (!tg_route_is_certain(s->router, s->endpoints, &query, &match,
                                 endpoint, scratch))
        {
            return NGX_ABORT;
        }
    }

    backends = s->backends;

    rq->deployed = endpoint->proxy;
    rq->endpoint = endpoint->endpoint;
    rq->prefix_len = match.prefix_len;
    rq->backend = &backends->elts[match.proxy - s->snapshot.proxies];
    rq->ctx.proxy = match.proxy->proxy.name;

    return NGX_OK;
}


/*
 * nginx cuts a '#' and what is behind it off the path and the query; a target
 * has no fragment (RFC 9112 3.2), so whoever sends one wants something else.
 */

static ngx_uint_t
ngx_http_tollgate_has_fragment(ngx_http_request_t *r)
{
    return r->complex_uri && !r->internal
           && memchr(r->unparsed_uri.data, '#', r->unparsed_uri.len) != NULL;
}


/* Most requests of a worker name the same host as the one before. */

static ngx_uint_t
ngx_http_tollgate_host_is_valid(ngx_str_t host)
{
    static size_t  n;
    static u_char  last[128];

    if (n && host.len == n && ngx_memcmp(host.data, last, n) == 0) {
        return 1;
    }

    if (!tg_host_is_valid(ngx_http_tollgate_str(host))) {
        return 0;
    }

    if (host.len <= sizeof(last)) {
        n = host.len;
        ngx_memcpy(last, host.data, n);
    }

    return 1;
}


static ngx_int_t
ngx_http_tollgate_begin(ngx_http_request_t *r,
    ngx_http_tollgate_proxied_t **out)
{
    ngx_int_t                     rc;
    tg_endpoint_match_t           endpoint;
    ngx_http_tollgate_proxied_t  *rq;

    rq = (ngx_http_tollgate_proxied_t *) ngx_http_tollgate_ctx(r);
    if (rq == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    *out = rq;

    rq->r = r;
    rq->received = r->unparsed_uri;

    if (tg_path_has_control(ngx_http_tollgate_str(r->uri))) {
        return ngx_http_tollgate_bad(r, "The path has control characters.");
    }

    if (ngx_http_tollgate_has_fragment(r)) {
        return ngx_http_tollgate_bad(r, "The request target has a fragment.");
    }

    if (r->headers_in.host
        && !ngx_http_tollgate_host_is_valid(r->headers_in.host->value))
    {
        return ngx_http_tollgate_bad(r, "The Host header is invalid.");
    }

    rq->ctx.snapshot = ngx_http_tollgate_snapshot_acquire(r);
    if (rq->ctx.snapshot == NULL) {
        return ngx_http_tollgate_unavailable(r,
                                             "No configuration is loaded yet.");
    }

    rc = ngx_http_tollgate_route(r, rq, &endpoint);

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (rc == NGX_ABORT) {
        return ngx_http_tollgate_bad(r, "The path can be read in two ways.");
    }

    if (rc != NGX_OK) {
        ngx_http_tollgate_count(REQUEST_NO_ROUTE, 1);
        return ngx_http_tollgate_answered(r, ngx_http_tollgate_reply_error(r,
                                   NGX_HTTP_NOT_FOUND, "not_found",
                                   "No API is published at this address."));
    }

    if (endpoint.verdict < TG_ENDPOINT_FOUND) {
        ngx_http_tollgate_count(REQUEST_NO_ROUTE, 1);
        return ngx_http_tollgate_answered(r,
                                  ngx_http_tollgate_unlisted(r, &endpoint));
    }

    if (!rq->deployed->proxy.routing_enabled) {
        return ngx_http_tollgate_unavailable(r,
                                           "Routing of this API is disabled.");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_tollgate_refuse(ngx_http_request_t *r,
    ngx_http_tollgate_proxied_t *rq, tg_token_verdict_t verdict)
{
    char                       www[256];
    tg_buf_t                   bw, bb;
    ngx_http_tollgate_reply_t  reply;

    tg_buf_init_fixed(&bw, www, sizeof(www));
    tg_buf_init(&bb, 65536);

    ngx_memzero(&reply, sizeof(ngx_http_tollgate_reply_t));

    reply.status = tg_token_refusal_write(verdict, rq->deployed->policy, &bw,
                                          &bb);

    if (verdict == TG_TOKEN_UNAVAILABLE) {
        ngx_http_tollgate_count(REQUEST_UNAVAILABLE, 1);
        reply.retry_after = 1;

    } else {
        ngx_http_tollgate_count(REQUEST_REFUSED, 1);
    }

    if (verdict == TG_TOKEN_LIMIT) {
        reply.retry_after = rq->retry_after;
    }

    reply.body = tg_buf_str(&bb);
    reply.www_authenticate = tg_buf_str(&bw);

    if (bw.err || bb.err) {
        tg_buf_release(&bb);
        return ngx_http_tollgate_answered(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
    }

    (void) ngx_http_tollgate_answered(r, ngx_http_tollgate_reply(r, &reply));

    tg_buf_release(&bb);

    return NGX_DONE;
}


ngx_int_t
ngx_http_tollgate_target(ngx_http_request_t *r,
    ngx_http_tollgate_proxied_t *rq)
{
    size_t               size, most, template;
    u_char              *p;
    tg_buf_t             b;
    ngx_uint_t           has_query;
    const tg_address_t  *address;

    address = rq->peer->address;
    has_query = !rq->no_query
                && (r->internal ? r->args.len != 0 : r->args_start != NULL);

    /* an escaped byte takes three; most need none */

    template = rq->endpoint ? rq->endpoint->backend_path.n : 0;
    size = address->base_path.n + template + r->uri.len + r->args.len + 32;
    most = size + 2 * (template + r->uri.len + r->args.len);

    for ( ;; ) {
        p = ngx_pnalloc(r->pool, size);
        if (p == NULL) {
            return NGX_ERROR;
        }

        tg_buf_init_fixed(&b, p, size);
        tg_target_write(rq->deployed, rq->endpoint, address, rq->prefix_len,
                        ngx_http_tollgate_str(r->uri), has_query,
                        ngx_http_tollgate_str(r->args), &b);

        if (b.err == TG_OK) {
            break;
        }

        if (size == most) {
            return NGX_ERROR;
        }

        size = most;
    }

    rq->target.data = p;
    rq->target.len = b.n;

    /* where proxy_pass without a path takes it from */

    r->unparsed_uri = rq->target;
    r->valid_unparsed_uri = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_http_tollgate_preflighted(ngx_http_request_t *r,
    ngx_http_tollgate_proxied_t *rq)
{
    ngx_http_tollgate_count(REQUEST_PREFLIGHT, 1);

    rq->ctx.verdict = TG_STR("preflight");

    return ngx_http_tollgate_answered(r, ngx_http_tollgate_preflight(r,
                                                         rq->deployed->cors));
}


/* Everything was decided; nginx's proxy module goes on from here. */

static ngx_int_t
ngx_http_tollgate_admit(ngx_http_request_t *r, ngx_http_tollgate_proxied_t *rq)
{
    rq->websocket = r->headers_in.upgrade && ngx_http_tollgate_is_websocket(r);

    ngx_http_tollgate_balancer_choose(rq);

    if (rq->peer && ngx_http_tollgate_target(r, rq) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rq->admitted = 1;

    ngx_http_tollgate_count(REQUEST_FORWARDED, 1);

    return NGX_DECLINED;
}


ngx_int_t
ngx_http_tollgate_access_handler(ngx_http_request_t *r)
{
    ngx_int_t                      rc;
    tg_token_verdict_t             verdict;
    ngx_http_tollgate_proxied_t   *rq;
    ngx_http_tollgate_loc_conf_t  *tlcf;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_tollgate_module);

    if (!tlcf->enabled) {
        return NGX_DECLINED;
    }

    rq = ngx_http_tollgate_proxied(r);

    if (rq == NULL || rq->deployed == NULL) {
        rc = ngx_http_tollgate_begin(r, &rq);
        if (rc != NGX_OK) {
            return rc;
        }

        if (rq->preflight) {
            return ngx_http_tollgate_preflighted(r, rq);
        }

    } else if (rq->admitted) {
        return NGX_DECLINED;

    } else if (rq->waiter) {

        /* a stray event of the client's connection */

        return NGX_AGAIN;
    }

    verdict = TG_TOKEN_UNAVAILABLE;

    rc = ngx_http_tollgate_check(r, rq, &verdict);

    if (rc == NGX_OK) {
        return ngx_http_tollgate_admit(r, rq);
    }

    if (rc == NGX_DECLINED) {
        rq->ctx.verdict = tg_str(tg_token_verdict_name(verdict));
        return ngx_http_tollgate_refuse(r, rq, verdict);
    }

    if (rc == NGX_ABORT) {
        return ngx_http_tollgate_bad(r, "The forwarded address is malformed.");
    }

    return rc == NGX_AGAIN ? NGX_AGAIN : NGX_HTTP_INTERNAL_SERVER_ERROR;
}
