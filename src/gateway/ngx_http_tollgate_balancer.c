
/*
 * Which address of a proxy gets a request: smooth weighted round robin over
 * the primary ones, the next one when a connection cannot be made, those for
 * failover once no primary one is left.
 *
 * The target and the Host belong to an address, so the request is written
 * anew when another one is tried.
 */


#include "ngx_http_tollgate_request.h"


/* How long an address that refused a connection is passed over. */
#define NGX_HTTP_TOLLGATE_DOWN_MIN  1000
#define NGX_HTTP_TOLLGATE_DOWN_MAX  10000


static ngx_int_t ngx_http_tollgate_balancer_init_peer(ngx_http_request_t *r,
    ngx_http_upstream_srv_conf_t *us);
static ngx_int_t ngx_http_tollgate_balancer_get(ngx_peer_connection_t *pc,
    void *data);
static void ngx_http_tollgate_balancer_free(ngx_peer_connection_t *pc,
    void *data, ngx_uint_t state);
static ngx_int_t ngx_http_tollgate_balancer_set_session(
    ngx_peer_connection_t *pc, void *data);
static void ngx_http_tollgate_balancer_save_session(ngx_peer_connection_t *pc,
    void *data);


ngx_int_t
ngx_http_tollgate_balancer_init_upstream(ngx_conf_t *cf,
    ngx_http_upstream_srv_conf_t *us)
{
    us->peer.init = ngx_http_tollgate_balancer_init_peer;

    return NGX_OK;
}


static ngx_inline uint64_t *
ngx_http_tollgate_tried(ngx_http_tollgate_proxied_t *rq, ngx_uint_t i,
    uint64_t *bit)
{
    *bit = (uint64_t) 1 << (i % 64);

    return &rq->tried[i / 64];
}


/* Smooth weighted round robin over peers [from, to) that were not tried. */

static ngx_http_tollgate_peer_t *
ngx_http_tollgate_balancer_pick(ngx_http_tollgate_proxied_t *rq,
    ngx_uint_t from, ngx_uint_t to, ngx_uint_t down)
{
    uint64_t                   bit;
    ngx_int_t                  total;
    ngx_uint_t                 i;
    ngx_http_tollgate_peer_t  *peer, *best;

    best = NULL;
    total = 0;

    for (i = from; i < to; i++) {
        peer = &rq->backend->peers[i];

        if (*ngx_http_tollgate_tried(rq, i, &bit) & bit) {
            continue;
        }

        if (!down && peer->endpoint->fails
            && (ngx_msec_int_t) (peer->endpoint->down_until - ngx_current_msec)
               > 0)
        {
            continue;
        }

        peer->current += peer->weight;
        total += peer->weight;

        if (best == NULL || peer->current > best->current) {
            best = peer;
        }
    }

    if (best) {
        best->current -= total;
        *ngx_http_tollgate_tried(rq, best - rq->backend->peers, &bit) |= bit;
    }

    return best;
}


void
ngx_http_tollgate_balancer_choose(ngx_http_tollgate_proxied_t *rq)
{
    ngx_uint_t                    i, down;
    ngx_http_tollgate_backend_t  *b;

    b = rq->backend;

    /* if all are down, better try than refuse */

    for (down = 0; down <= 1; down++) {

        i = b->n_primary;

        rq->peer = ngx_http_tollgate_balancer_pick(rq, 0, i, down);
        if (rq->peer) {
            return;
        }

        rq->peer = ngx_http_tollgate_balancer_pick(rq, i, b->n_peers, down);
        if (rq->peer) {
            return;
        }
    }
}


/*
 * The location's settings with this proxy's own.  They are kept in the backend
 * for the first location that asks; others get a copy in the request's pool.
 */

static ngx_http_upstream_conf_t *
ngx_http_tollgate_balancer_conf(ngx_http_request_t *r,
    ngx_http_tollgate_proxied_t *rq, ngx_http_upstream_conf_t *original)
{
    const tg_connection_t        *connection;
    ngx_http_upstream_conf_t     *conf;
    ngx_http_tollgate_backend_t  *b;

    b = rq->backend;

    if (b->made_of == original) {
        return &b->conf;
    }

    if (b->made_of == NULL) {
        b->made_of = original;
        conf = &b->conf;

    } else {
        conf = ngx_palloc(r->pool, sizeof(ngx_http_upstream_conf_t));
        if (conf == NULL) {
            return NULL;
        }
    }

    *conf = *original;

    connection = &rq->deployed->proxy.connection;

    conf->connect_timeout = connection->connect_timeout_ms;
    conf->send_timeout = connection->read_timeout_ms;
    conf->read_timeout = connection->read_timeout_ms;
    conf->next_upstream_tries = 0;

    /* verified in the handshake, see ngx_http_tollgate_tls.c */

    conf->ssl = NULL;
    conf->ssl_name = NULL;
    conf->ssl_server_name = 1;
    conf->ssl_verify = 0;
    conf->ssl_certificate = NULL;
    conf->ssl_certificate_key = NULL;

    /* lets set_session() be called, where the expected name is set */

    conf->ssl_session_reuse = 1;

    return conf;
}


/*
 * The proxy module takes a backend that does not answer in HTTP for one of
 * HTTP/0.9, and would pass on what it says as it is.
 */

static ngx_int_t
ngx_http_tollgate_balancer_status_line(ngx_http_request_t *r)
{
    ngx_int_t                     rc;
    ngx_uint_t                    version;
    ngx_http_tollgate_proxied_t  *rq;

    rq = ngx_http_tollgate_proxied(r);

    version = r->http_version;
    rc = rq->process_header(r);

    if (r->http_version != version) {
        r->http_version = version;
        return NGX_HTTP_UPSTREAM_INVALID_HEADER;
    }

    return rc;
}


static ngx_int_t
ngx_http_tollgate_balancer_reinit_request(ngx_http_request_t *r)
{
    ngx_int_t                     rc;
    ngx_http_tollgate_proxied_t  *rq;

    rq = ngx_http_tollgate_proxied(r);

    rc = rq->reinit_request(r);

    /* made to begin anew */

    r->upstream->process_header = ngx_http_tollgate_balancer_status_line;

    return rc;
}


static ngx_int_t
ngx_http_tollgate_balancer_init_peer(ngx_http_request_t *r,
    ngx_http_upstream_srv_conf_t *us)
{
    ngx_http_upstream_t          *u;
    ngx_http_tollgate_proxied_t  *rq;

    u = r->upstream;
    rq = ngx_http_tollgate_proxied(r);

    if (rq == NULL || !rq->admitted) {
        ngx_log_error(NGX_LOG_ALERT, r->connection->log, 0,
                      "a request that no policy was asked about is not "
                      "forwarded");
        return NGX_ERROR;
    }

    /* the target is written, $request_uri is the client's again */

    r->unparsed_uri = rq->received;

    u->conf = ngx_http_tollgate_balancer_conf(r, rq, u->conf);
    if (u->conf == NULL) {
        return NGX_ERROR;
    }

    u->peer.data = rq;
    u->peer.get = ngx_http_tollgate_balancer_get;
    u->peer.free = ngx_http_tollgate_balancer_free;
    u->peer.set_session = ngx_http_tollgate_balancer_set_session;
    u->peer.save_session = ngx_http_tollgate_balancer_save_session;
    u->peer.tries = rq->backend->tries;

    rq->process_header = u->process_header;
    rq->reinit_request = u->reinit_request;
    u->process_header = ngx_http_tollgate_balancer_status_line;
    u->reinit_request = ngx_http_tollgate_balancer_reinit_request;

    rq->r = r;

    return NGX_OK;
}


/* The head of the request for another address than it was written for. */

static ngx_int_t
ngx_http_tollgate_balancer_rewrite(ngx_http_request_t *r,
    ngx_http_tollgate_proxied_t *rq, ngx_http_tollgate_peer_t *before)
{
    ngx_http_upstream_t  *u;

    if (tg_str_eq(before->address->base_path, rq->peer->address->base_path)
        && tg_str_eq(ngx_http_tollgate_str(before->host),
                     ngx_http_tollgate_str(rq->peer->host)))
    {
        return NGX_OK;
    }

    if (ngx_http_tollgate_target(r, rq) != NGX_OK) {
        return NGX_ERROR;
    }

    u = r->upstream;
    u->request_bufs = r->request_body ? r->request_body->bufs : NULL;

    if (u->create_request(r) != NGX_OK) {
        return NGX_ERROR;
    }

    r->unparsed_uri = rq->received;

    return NGX_OK;
}


static ngx_int_t
ngx_http_tollgate_balancer_get(ngx_peer_connection_t *pc, void *data)
{
    ngx_http_tollgate_proxied_t  *rq = data;

    ngx_http_request_t            *r;
    ngx_http_upstream_t           *u;
    ngx_http_tollgate_peer_t      *before;
    ngx_http_tollgate_endpoint_t  *endpoint;

    r = rq->r;
    u = r->upstream;

    if (rq->connected) {
        before = rq->peer;

        ngx_http_tollgate_balancer_choose(rq);

        if (rq->peer
            && ngx_http_tollgate_balancer_rewrite(r, rq, before) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    pc->cached = 0;
    pc->connection = NULL;

    if (rq->peer == NULL) {
        return NGX_BUSY;
    }

    rq->connected = 1;

    endpoint = rq->peer->endpoint;

    pc->sockaddr = (struct sockaddr *) &endpoint->sockaddr;
    pc->socklen = endpoint->socklen;
    pc->name = &endpoint->name;

    if (endpoint->tls) {
        ngx_str_set(&u->schema, "https://");
        u->ssl = 1;
        u->conf->ssl = &endpoint->tls->ssl;

        if (endpoint->is_ip) {
            ngx_str_null(&u->ssl_name);

        } else {
            u->ssl_name = endpoint->server_name;
        }

    } else {
        ngx_str_set(&u->schema, "http://");
        u->ssl = 0;
    }

    if (!rq->fresh
        && ngx_http_tollgate_keepalive_take(endpoint, pc,
               r->method & (NGX_HTTP_POST|NGX_HTTP_PATCH|NGX_HTTP_LOCK)
               || r->request_body_no_buffering)
           == NGX_DONE)
    {
        ngx_http_tollgate_count(BACKEND_CONNECT_REUSED, 1);
        return NGX_DONE;
    }

    ngx_http_tollgate_count(BACKEND_CONNECT_NEW, 1);

    return NGX_OK;
}


static void
ngx_http_tollgate_balancer_failed(ngx_peer_connection_t *pc,
    ngx_http_tollgate_proxied_t *rq)
{
    uint64_t                       bit;
    ngx_connection_t              *c;
    ngx_http_tollgate_endpoint_t  *endpoint;

    c = pc->connection;

    if (pc->cached && c && !c->read->timedout && !c->write->timedout) {

        /* closed while it lay in the pool: the same peer, a new connection */

        rq->fresh = 1;
        *ngx_http_tollgate_tried(rq, rq->peer - rq->backend->peers, &bit) &=
                                                                         ~bit;
        return;
    }

    ngx_http_tollgate_count(BACKEND_FAILED, 1);

    /* a slow or broken answer says nothing about the address */

    if (rq->r->upstream->request_sent) {
        return;
    }

    endpoint = rq->peer->endpoint;

    if (endpoint->fails < NGX_HTTP_TOLLGATE_DOWN_MAX) {
        endpoint->fails++;
    }

    endpoint->down_until = ngx_current_msec
                           + ngx_min(endpoint->fails
                                     * NGX_HTTP_TOLLGATE_DOWN_MIN,
                                     NGX_HTTP_TOLLGATE_DOWN_MAX);
}


static void
ngx_http_tollgate_balancer_free(ngx_peer_connection_t *pc, void *data,
    ngx_uint_t state)
{
    ngx_http_tollgate_proxied_t  *rq = data;

    if (rq->peer == NULL) {
        pc->tries = 0;
        return;
    }

    if (state & NGX_PEER_FAILED) {
        ngx_http_tollgate_balancer_failed(pc, rq);

    } else {
        if (rq->r->upstream->request_sent) {
            rq->peer->endpoint->fails = 0;
        }

        ngx_http_tollgate_keepalive_put(rq->peer->endpoint, pc,
                                        rq->r->upstream);
    }

    if (pc->tries) {
        pc->tries--;
    }
}


static ngx_int_t
ngx_http_tollgate_balancer_set_session(ngx_peer_connection_t *pc, void *data)
{
    ngx_http_tollgate_proxied_t  *rq = data;

    ngx_http_tollgate_endpoint_t  *endpoint;

    endpoint = rq->peer->endpoint;

    if (ngx_http_tollgate_tls_expect(pc->connection, endpoint) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_ssl_set_session(pc->connection, endpoint->session);
}


static void
ngx_http_tollgate_balancer_save_session(ngx_peer_connection_t *pc, void *data)
{
    ngx_http_tollgate_proxied_t  *rq = data;

    ngx_ssl_session_t             *session;
    ngx_http_tollgate_endpoint_t  *endpoint;

    session = ngx_ssl_get_session(pc->connection);
    if (session == NULL) {
        return;
    }

    endpoint = rq->peer->endpoint;

    if (endpoint->session) {
        ngx_ssl_free_session(endpoint->session);
    }

    endpoint->session = session;
}
