
/* What credentials may call, in shared memory. */

#include "ngx_http_tollgate_state.h"


typedef struct {
    int64_t     key_id;
    int64_t     version;
    int64_t     proxy_id;
    int64_t     revision;
} ngx_http_tollgate_grant_key_t;


/* A tg_access_t. */
typedef struct {
    tg_ms_t     expires_at;
    int64_t     target;
    int64_t     quota;
    int64_t     quota_interval;
    int64_t     throttling;
    int64_t     throttling_interval;
    uint32_t    disallowed;
    uint8_t     allowed;
    uint8_t     checks_address;
    uint8_t     accepted_only;
    uint8_t     sliding;         /* of throttling; a quota's window is fixed */
} ngx_http_tollgate_grant_t;


static uint64_t ngx_http_tollgate_grant_key(int64_t key_id, int64_t version,
    const tg_deployed_proxy_t *p, ngx_http_tollgate_grant_key_t *key);


ngx_int_t
ngx_http_tollgate_grant_init(ngx_http_tollgate_zone_t *zone, u_char *mem,
    size_t size)
{
    size_t    entry;
    uint64_t  n;

    entry = sizeof(ngx_http_tollgate_entry_t)
            + sizeof(ngx_http_tollgate_grant_key_t)
            + sizeof(ngx_http_tollgate_grant_t);

    n = ngx_http_tollgate_table_fit(size, entry);

    if (n == 0) {
        return NGX_ERROR;
    }

    ngx_http_tollgate_table_init(&zone->grants, mem, n, entry);
    ngx_memzero(zone->grants.sets, n * sizeof(ngx_http_tollgate_set_t));

    return NGX_OK;
}


static uint64_t
ngx_http_tollgate_grant_key(int64_t key_id, int64_t version,
    const tg_deployed_proxy_t *p, ngx_http_tollgate_grant_key_t *key)
{
    key->key_id = key_id;
    key->version = version;
    key->proxy_id = p->id;
    key->revision = p->revision;

    return ngx_http_tollgate_siphash(ngx_http_tollgate_zone->sip_key, key,
                                     sizeof(ngx_http_tollgate_grant_key_t));
}


ngx_int_t
ngx_http_tollgate_grant_get(int64_t key_id, int64_t version,
    const tg_deployed_proxy_t *p, tg_access_t *access)
{
    size_t                          n;
    uint64_t                        hash;
    ngx_http_tollgate_grant_t       g;
    ngx_http_tollgate_grant_key_t   key;

    if (ngx_http_tollgate_zone == NULL) {
        return NGX_DECLINED;
    }

    hash = ngx_http_tollgate_grant_key(key_id, version, p, &key);

    if (!ngx_http_tollgate_table_find(&ngx_http_tollgate_zone->grants, hash,
                                      &key, sizeof(key),
                                      ngx_http_tollgate_monotonic_ms(), &g,
                                      sizeof(g), &n)
        || n != sizeof(g))
    {
        return NGX_DECLINED;
    }

    ngx_memzero(access, sizeof(tg_access_t));

    access->allowed = g.allowed;
    access->disallowed = g.disallowed;
    access->expires_at = g.expires_at;
    access->target = g.target;
    access->checks_address = g.checks_address;
    access->limits.quota.limit = g.quota;
    access->limits.quota.interval_ms = g.quota_interval;
    access->limits.throttling.limit = g.throttling;
    access->limits.throttling.interval_ms = g.throttling_interval;
    access->limits.throttling.sliding = g.sliding;
    access->limits.accepted_only = g.accepted_only;

    return NGX_OK;
}


void
ngx_http_tollgate_grant_fill(int64_t key_id, int64_t version,
    const tg_deployed_proxy_t *p, const tg_access_t *access)
{
    uint64_t                        hash;
    ngx_http_tollgate_grant_t       g;
    ngx_http_tollgate_grant_key_t   key;

    if (ngx_http_tollgate_zone == NULL) {
        return;
    }

    ngx_memzero(&g, sizeof(g));

    g.allowed = access->allowed;
    g.disallowed = access->disallowed;
    g.expires_at = access->expires_at;
    g.target = access->target;
    g.checks_address = access->checks_address;
    g.quota = access->limits.quota.limit;
    g.quota_interval = access->limits.quota.interval_ms;
    g.throttling = access->limits.throttling.limit;
    g.throttling_interval = access->limits.throttling.interval_ms;
    g.sliding = access->limits.throttling.sliding;
    g.accepted_only = access->limits.accepted_only;

    hash = ngx_http_tollgate_grant_key(key_id, version, p, &key);

    (void) ngx_http_tollgate_table_store(&ngx_http_tollgate_zone->grants, hash,
               &key, sizeof(key), &g, sizeof(g), 0, 0,
               ngx_http_tollgate_monotonic_ms());
}
