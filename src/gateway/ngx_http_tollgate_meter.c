
/* Limits of this node, counted in shared memory for all its workers. */

#include "ngx_http_tollgate_state.h"


static ngx_http_tollgate_meters_t *ngx_http_tollgate_meter_table(
    const ngx_http_tollgate_meter_id_t *id);
static ngx_int_t ngx_http_tollgate_meter_answer(int passes, int64_t retry_ms,
    ngx_uint_t *retry_after);


/*
 * Failures have a table of their own: names and addresses that strangers make
 * up push out no count of a limit.
 */
ngx_int_t
ngx_http_tollgate_meter_init(ngx_http_tollgate_zone_t *zone, u_char *mem,
    size_t size)
{
    uint64_t  n;

    n = ngx_http_tollgate_meters_fit(size / 2);

    if (n == 0) {
        return NGX_ERROR;
    }

    ngx_memzero(mem, 2 * n * sizeof(ngx_http_tollgate_meter_set_t));

    ngx_http_tollgate_meters_init(&zone->failures, mem, n);
    ngx_http_tollgate_meters_init(&zone->limits,
                         mem + n * sizeof(ngx_http_tollgate_meter_set_t), n);

    return NGX_OK;
}


/* Two hashes with the zone's key, of the parts with their lengths. */
void
ngx_http_tollgate_meter_id(ngx_http_tollgate_meter_e kind, tg_str_t a,
    tg_str_t b, ngx_http_tollgate_meter_id_t *id)
{
    uint8_t   parts[2 * sizeof(uint64_t) + 1];
    uint64_t  hash;

    ngx_memzero(id, sizeof(ngx_http_tollgate_meter_id_t));

    if (ngx_http_tollgate_zone == NULL) {
        return;
    }

    hash = ngx_http_tollgate_siphash(ngx_http_tollgate_zone->sip_key, a.p,
                                     a.n);
    ngx_memcpy(parts + 1, &hash, sizeof(hash));

    hash = ngx_http_tollgate_siphash(ngx_http_tollgate_zone->sip_key, b.p,
                                     b.n);
    ngx_memcpy(parts + 1 + sizeof(hash), &hash, sizeof(hash));

    parts[0] = 1;
    hash = ngx_http_tollgate_siphash(ngx_http_tollgate_zone->sip_key, parts,
                                     sizeof(parts));
    ngx_memcpy(id->bytes, &hash, sizeof(hash));

    parts[0] = 2;
    hash = ngx_http_tollgate_siphash(ngx_http_tollgate_zone->sip_key, parts,
                                     sizeof(parts));
    ngx_memcpy(id->bytes + sizeof(hash), &hash, sizeof(hash));

    id->bytes[0] = (u_char) kind;
}


static ngx_http_tollgate_meters_t *
ngx_http_tollgate_meter_table(const ngx_http_tollgate_meter_id_t *id)
{
    if (ngx_http_tollgate_zone == NULL) {
        return NULL;
    }

    switch (id->bytes[0]) {

    case NGX_HTTP_TOLLGATE_METER_CLIENT_FAILURES:
    case NGX_HTTP_TOLLGATE_METER_ADDRESS_FAILURES:
        return &ngx_http_tollgate_zone->failures;

    default:
        return &ngx_http_tollgate_zone->limits;
    }
}


static ngx_int_t
ngx_http_tollgate_meter_answer(int passes, int64_t retry_ms,
    ngx_uint_t *retry_after)
{
    *retry_after = 0;

    if (passes) {
        return NGX_OK;
    }

    *retry_after = retry_ms > 0 ? (ngx_uint_t) ((retry_ms + 999) / 1000) : 1;

    return NGX_DECLINED;
}


static int64_t
ngx_http_tollgate_meter_share(const tg_limit_t *limit)
{
    return tg_limit_share(limit->limit,
                          (int64_t) ngx_http_tollgate_live_nodes());
}


ngx_int_t
ngx_http_tollgate_meter_check(const ngx_http_tollgate_meter_id_t *id,
    const tg_limit_t *limit, ngx_uint_t *retry_after)
{
    int                          passes;
    int64_t                      retry_ms;
    ngx_http_tollgate_meters_t  *t;

    t = ngx_http_tollgate_meter_table(id);

    if (t == NULL || limit->limit <= 0) {
        return ngx_http_tollgate_meter_answer(1, 0, retry_after);
    }

    passes = ngx_http_tollgate_meters_check(t, id->bytes, limit,
                                     ngx_http_tollgate_meter_share(limit),
                                     ngx_http_tollgate_clock_ms(), &retry_ms);

    return ngx_http_tollgate_meter_answer(passes, retry_ms, retry_after);
}


ngx_int_t
ngx_http_tollgate_meter_take(const ngx_http_tollgate_meter_id_t *id,
    const tg_limit_t *limit, ngx_uint_t *retry_after)
{
    int                          passes;
    int64_t                      retry_ms;
    ngx_http_tollgate_meters_t  *t;

    t = ngx_http_tollgate_meter_table(id);

    if (t == NULL || limit->limit <= 0) {
        return ngx_http_tollgate_meter_answer(1, 0, retry_after);
    }

    passes = ngx_http_tollgate_meters_take(t, id->bytes, limit,
                                     ngx_http_tollgate_meter_share(limit),
                                     ngx_http_tollgate_clock_ms(), &retry_ms);

    return ngx_http_tollgate_meter_answer(passes, retry_ms, retry_after);
}


void
ngx_http_tollgate_meter_add(const ngx_http_tollgate_meter_id_t *id,
    const tg_limit_t *limit)
{
    ngx_http_tollgate_meters_t  *t;

    t = ngx_http_tollgate_meter_table(id);

    if (t && limit->limit > 0) {
        ngx_http_tollgate_meters_add(t, id->bytes, limit,
                                     ngx_http_tollgate_clock_ms());
    }
}
