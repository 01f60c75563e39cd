
/*
 * Failed authentications are limited by who was tried from where, and by where
 * alone.  Nothing counts by who alone: a stranger could lock a client out.
 */


#include "ngx_http_tollgate_endpoints.h"


static const u_char  ngx_http_tollgate_v4[12] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff
};


typedef struct {
    ngx_http_tollgate_meter_id_t   client;
    ngx_http_tollgate_meter_id_t   address;
} ngx_http_tollgate_failures_t;


/* A site has at least a /64 of IPv6: within it an address costs nothing. */

static void
ngx_http_tollgate_failures_id(ngx_http_tollgate_token_t *t,
    tg_client_kind_t kind, tg_str_t id, ngx_http_tollgate_failures_t *failures)
{
    char      mem[TG_CLIENT_ID_MAX + 8];
    size_t    n;
    tg_buf_t  who;

    tg_buf_init_fixed(&who, mem, sizeof(mem));
    tg_buf_putf(&who, "%d:", (int) kind);
    tg_buf_put(&who, tg_strn(id.p, ngx_min(id.n, TG_CLIENT_ID_MAX)));

    ngx_http_tollgate_meter_id(NGX_HTTP_TOLLGATE_METER_CLIENT_FAILURES,
                               tg_buf_str(&who), tg_strn(t->address, 16),
                               &failures->client);

    n = ngx_memcmp(t->address, ngx_http_tollgate_v4, 12) == 0 ? 16 : 8;

    ngx_http_tollgate_meter_id(NGX_HTTP_TOLLGATE_METER_ADDRESS_FAILURES,
                               tg_strn(t->address, n), TG_STR_NONE,
                               &failures->address);
}


static ngx_uint_t
ngx_http_tollgate_failures_wait(const ngx_http_tollgate_meter_id_t *id,
    const tg_limit_t *limit)
{
    ngx_uint_t  seconds;

    seconds = 0;

    if (ngx_http_tollgate_meter_check(id, limit, &seconds) == NGX_OK) {
        return 0;
    }

    return ngx_max(seconds, 1);
}


ngx_int_t
ngx_http_tollgate_failures_check(ngx_http_tollgate_token_t *t,
    tg_client_kind_t kind, tg_str_t id)
{
    ngx_uint_t                     by_client, by_address;
    const tg_environment_t        *e;
    ngx_http_tollgate_failures_t   failures;

    e = &t->ctx->snapshot->snapshot.environment;

    ngx_http_tollgate_failures_id(t, kind, id, &failures);

    by_client = ngx_http_tollgate_failures_wait(&failures.client,
                                                &e->client_failures);
    by_address = ngx_http_tollgate_failures_wait(&failures.address,
                                                 &e->address_failures);

    t->retry_after = ngx_max(by_client, by_address);

    if (t->retry_after == 0) {
        return NGX_OK;
    }

    ngx_http_tollgate_count(LIMITED_FAILURES, 1);

    return NGX_DECLINED;
}


void
ngx_http_tollgate_failures_add(ngx_http_tollgate_token_t *t,
    tg_client_kind_t kind, tg_str_t id)
{
    const tg_environment_t        *e;
    ngx_http_tollgate_failures_t   failures;

    e = &t->ctx->snapshot->snapshot.environment;

    ngx_http_tollgate_failures_id(t, kind, id, &failures);

    ngx_http_tollgate_meter_add(&failures.client, &e->client_failures);
    ngx_http_tollgate_meter_add(&failures.address, &e->address_failures);
}
