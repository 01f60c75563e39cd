
/* Where a request comes from: its peer, or what a trusted proxy says of it. */


#include "ngx_http_tollgate_request.h"


/* Larger than any list of addresses that proxies make; then it is malformed. */
#define NGX_HTTP_TOLLGATE_FORWARDED_MAX  4096


/* NGX_DECLINED: the peer has no address (unix socket); then it is "::". */

static ngx_int_t
ngx_http_tollgate_peer_address(ngx_http_request_t *r, u_char address[16])
{
    struct sockaddr       *sa;
    struct sockaddr_in    *sin;
    struct sockaddr_in6   *sin6;

    ngx_memzero(address, 16);

    sa = r->connection->sockaddr;

    switch (sa->sa_family) {

    case AF_INET:
        sin = (struct sockaddr_in *) sa;
        address[10] = address[11] = 0xff;
        ngx_memcpy(address + 12, &sin->sin_addr, 4);
        return NGX_OK;

    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) sa;
        ngx_memcpy(address, &sin6->sin6_addr, 16);
        return NGX_OK;

    default:
        return NGX_DECLINED;
    }
}


ngx_uint_t
ngx_http_tollgate_peer_is_trusted(ngx_http_request_t *r,
    const ngx_http_tollgate_snapshot_t *s)
{
    u_char  address[16];

    return s->n_trusted
           && ngx_http_tollgate_peer_address(r, address) == NGX_OK
           && tg_cidrs_have(s->trusted, s->n_trusted, address);
}


typedef struct {
    tg_str_t                       name;
    tg_buf_t                       list;
} ngx_http_tollgate_forwarded_t;


static ngx_uint_t
ngx_http_tollgate_forwarded_join(ngx_table_elt_t *h, void *data)
{
    ngx_http_tollgate_forwarded_t  *f = data;

    if (tg_str_eq_ci(ngx_http_tollgate_str(h->key), f->name)) {
        if (f->list.n) {
            tg_buf_putc(&f->list, ',');
        }

        tg_buf_put(&f->list, ngx_http_tollgate_str(h->value));
    }

    return 0;
}


ngx_int_t
ngx_http_tollgate_client_address(ngx_http_request_t *r,
    const ngx_http_tollgate_snapshot_t *s, const tg_forwarded_t *f,
    u_char address[16])
{
    char                           mem[NGX_HTTP_TOLLGATE_FORWARDED_MAX];
    u_char                         peer[16];
    ngx_http_tollgate_forwarded_t  forwarded;

    (void) ngx_http_tollgate_peer_address(r, peer);

    if (f == NULL || !f->enabled || !ngx_http_tollgate_peer_is_trusted(r, s)) {
        ngx_memcpy(address, peer, 16);
        return NGX_OK;
    }

    forwarded.name = f->header;
    tg_buf_init_fixed(&forwarded.list, mem, sizeof(mem));

    (void) ngx_http_tollgate_headers_each(&r->headers_in.headers,
                                          ngx_http_tollgate_forwarded_join,
                                          &forwarded);

    if (forwarded.list.err
        || tg_client_address(f, true, peer, tg_buf_str(&forwarded.list),
                             address)
           != TG_OK)
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}
