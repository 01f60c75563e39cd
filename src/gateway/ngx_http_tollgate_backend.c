
/*
 * The backends of a snapshot: for each proxy its peers, one per sockaddr of
 * its addresses, with the endpoint where their connections are pooled.
 * Made and freed in threads.
 */


#include "ngx_http_tollgate_request.h"


static ngx_uint_t
ngx_http_tollgate_backend_count(const ngx_http_tollgate_resolved_t *resolved,
    size_t n)
{
    size_t      i;
    ngx_uint_t  peers;

    peers = 0;

    for (i = 0; i < n; i++) {
        peers += resolved[i].n;
    }

    return peers;
}


/* RFC 9110 7.2: the port is left out if it is the scheme's own. */

static void
ngx_http_tollgate_backend_host(const tg_connection_t *connection,
    const tg_address_t *a, tg_buf_t *out)
{
    ngx_uint_t  v6;

    if (connection->host_header.n) {
        tg_buf_put(out, connection->host_header);
        return;
    }

    v6 = tg_str_find_char(a->host, ':') >= 0;

    tg_buf_put(out, v6 ? TG_STR("[") : TG_STR(""));
    tg_buf_put(out, a->host);
    tg_buf_put(out, v6 ? TG_STR("]") : TG_STR(""));

    if (a->port != (a->tls ? 443 : 80)) {
        tg_buf_putf(out, ":%u", (unsigned) a->port);
    }
}


static tg_err_t
ngx_http_tollgate_backend_host_copy(const tg_connection_t *connection,
    const tg_address_t *address, ngx_str_t *host)
{
    tg_buf_t  b;

    tg_buf_init(&b, 1024);
    ngx_http_tollgate_backend_host(connection, address, &b);

    if (b.err == TG_OK) {
        host->data = malloc(b.n);

        if (host->data) {
            ngx_memcpy(host->data, b.p, b.n);
            host->len = b.n;

        } else {
            b.err = TG_ERR_NOMEM;
        }
    }

    tg_buf_release(&b);

    return b.err;
}


static tg_err_t
ngx_http_tollgate_backend_peer(ngx_http_tollgate_backend_t *backend,
    const tg_connection_t *connection, const tg_address_t *address,
    const ngx_http_tollgate_sockaddr_t *addr, tg_fault_t *fault)
{
    tg_err_t                   err;
    tg_str_t                   name;
    ngx_http_tollgate_tls_t   *tls;
    ngx_http_tollgate_peer_t  *peer;

    peer = &backend->peers[backend->n_peers];

    tls = NULL;

    if (address->tls) {
        err = ngx_http_tollgate_tls_get(connection, &tls, fault);
        if (err != TG_OK) {
            return err;
        }
    }

    name = connection->tls_server_name.n ? connection->tls_server_name
                                         : address->host;

    err = ngx_http_tollgate_endpoint_get(addr, tls, name, &peer->endpoint);
    if (err != TG_OK) {
        return err;
    }

    /* from here on the peer counts, so that free() finds it */

    backend->n_peers++;

    peer->address = address;
    peer->weight = ngx_max(address->weight, 1);

    return ngx_http_tollgate_backend_host_copy(connection, address,
                                               &peer->host);
}


static tg_err_t
ngx_http_tollgate_backend_peers(ngx_http_tollgate_backend_t *backend,
    const tg_proxy_t *proxy, const ngx_http_tollgate_resolved_t *resolved,
    bool failover, tg_fault_t *fault)
{
    size_t      i;
    tg_err_t    err;
    ngx_uint_t  j;

    for (i = 0; i < proxy->n_addresses; i++) {

        if (proxy->addresses[i].failover_only != failover) {
            continue;
        }

        for (j = 0; j < resolved[i].n; j++) {

            if (backend->n_peers == NGX_HTTP_TOLLGATE_PEERS_MAX) {
                return TG_OK;
            }

            err = ngx_http_tollgate_backend_peer(backend, &proxy->connection,
                      &proxy->addresses[i], &resolved[i].addrs[j], fault);
            if (err != TG_OK) {
                return err;
            }
        }
    }

    return TG_OK;
}


static tg_err_t
ngx_http_tollgate_backend_init(ngx_http_tollgate_backend_t *backend,
    const tg_deployed_proxy_t *deployed,
    const ngx_http_tollgate_resolved_t *resolved, tg_fault_t *fault)
{
    tg_err_t           err;
    ngx_uint_t         n;
    const tg_proxy_t  *proxy;

    proxy = &deployed->proxy;

    n = ngx_http_tollgate_backend_count(resolved, proxy->n_addresses);
    n = ngx_min(n, NGX_HTTP_TOLLGATE_PEERS_MAX);

    if (n == 0) {
        return TG_OK;
    }

    backend->peers = calloc(n, sizeof(ngx_http_tollgate_peer_t));
    if (backend->peers == NULL) {
        return TG_ERR_NOMEM;
    }

    err = ngx_http_tollgate_backend_peers(backend, proxy, resolved, false,
                                          fault);
    if (err != TG_OK) {
        return err;
    }

    backend->n_primary = backend->n_peers;

    err = ngx_http_tollgate_backend_peers(backend, proxy, resolved, true,
                                          fault);
    if (err != TG_OK) {
        return err;
    }

    backend->tries = backend->n_peers;

    if (proxy->connection.retries >= 0
        && (ngx_uint_t) proxy->connection.retries < backend->tries)
    {
        backend->tries = proxy->connection.retries + 1;
    }

    return TG_OK;
}


tg_err_t
ngx_http_tollgate_backends_build(const ngx_http_tollgate_snapshot_t *s,
    void **out, tg_fault_t *fault)
{
    size_t                         i;
    tg_err_t                       err;
    tg_fault_t                     why;
    const tg_proxy_t              *proxy;
    ngx_http_tollgate_backends_t  *backends;

    backends = calloc(1, sizeof(ngx_http_tollgate_backends_t)
                         + s->snapshot.n_proxies
                           * sizeof(ngx_http_tollgate_backend_t));
    if (backends == NULL) {
        return TG_ERR_NOMEM;
    }

    backends->elts = (ngx_http_tollgate_backend_t *) (backends + 1);
    backends->nelts = s->snapshot.n_proxies;

    for (i = 0; i < s->snapshot.n_proxies; i++) {
        proxy = &s->snapshot.proxies[i].proxy;

        ngx_memzero(&why, sizeof(tg_fault_t));

        err = ngx_http_tollgate_backend_init(&backends->elts[i],
                                             &s->snapshot.proxies[i],
                                             s->resolved[i], &why);
        if (err != TG_OK) {
            ngx_http_tollgate_backends_free(backends);
            return tg_fault(fault, err, "proxies", "\"%.*s\": %s %s",
                            TG_STR_ARGS(proxy->name), why.field,
                            why.text[0] ? why.text : tg_err_name(err));
        }
    }

    *out = backends;

    return TG_OK;
}


void
ngx_http_tollgate_backends_free(void *data)
{
    ngx_http_tollgate_backends_t  *backends = data;

    ngx_uint_t                    i, j;
    ngx_http_tollgate_backend_t  *backend;

    if (backends == NULL) {
        return;
    }

    for (i = 0; i < backends->nelts; i++) {
        backend = &backends->elts[i];

        for (j = 0; j < backend->n_peers; j++) {
            ngx_http_tollgate_endpoint_release(backend->peers[j].endpoint);
            free(backend->peers[j].host.data);
        }

        free(backend->peers);
    }

    free(backends);
}
