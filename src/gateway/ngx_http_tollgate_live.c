
/* Live clients in shared memory. */

#include "ngx_http_tollgate_state.h"


/* A client that does not exist is looked up again after this, ms. */
#define NGX_HTTP_TOLLGATE_ABSENT_LIFE  1000

/* A client_id that is longer stands in the table as its SHA-256. */
#define NGX_HTTP_TOLLGATE_CLIENT_ID    63
#define NGX_HTTP_TOLLGATE_CLIENT_KEY   (1 + NGX_HTTP_TOLLGATE_CLIENT_ID)
#define NGX_HTTP_TOLLGATE_HASHED       0x80


/* A tg_live_client_t without the empty end of its secret. */
typedef struct {
    int64_t     key_id;
    uint64_t    generation;
    tg_ms_t     expires_at;
    int64_t     project_id;
    int64_t     version;
    uint8_t     exists;
    uint8_t     enabled;
    uint8_t     kind;
    uint8_t     secret_kind;
    uint32_t    secret_len;
    char        secret[TG_SECRET_ENCODED_MAX];
} ngx_http_tollgate_client_t;


typedef struct {
    u_char      bytes[NGX_HTTP_TOLLGATE_CLIENT_KEY];
    size_t      len;
    uint64_t    hash;
} ngx_http_tollgate_client_key_t;


static ngx_int_t ngx_http_tollgate_live_key(tg_client_kind_t kind,
    tg_str_t client_id, ngx_http_tollgate_client_key_t *key);
static uint64_t ngx_http_tollgate_live_mark(int64_t seq);


ngx_int_t
ngx_http_tollgate_live_init(ngx_http_tollgate_zone_t *zone, u_char *mem,
    size_t size)
{
    size_t    entry, absent;
    uint64_t  n;

    entry = sizeof(ngx_http_tollgate_entry_t) + NGX_HTTP_TOLLGATE_CLIENT_KEY
            + sizeof(ngx_http_tollgate_client_t);
    absent = sizeof(ngx_http_tollgate_entry_t) + NGX_HTTP_TOLLGATE_CLIENT_KEY;

    /* 1/16 for those that do not exist */

    n = ngx_http_tollgate_table_fit(size / 16, absent);

    if (n == 0) {
        return NGX_ERROR;
    }

    ngx_http_tollgate_table_init(&zone->live_absent, mem, n, absent);
    ngx_memzero(zone->live_absent.sets, n * sizeof(ngx_http_tollgate_set_t));

    absent = ngx_align(ngx_http_tollgate_table_bytes(n, absent), 64);

    n = ngx_http_tollgate_table_fit(size - absent, entry);

    if (n == 0) {
        return NGX_ERROR;
    }

    ngx_http_tollgate_table_init(&zone->live, mem + absent, n, entry);
    ngx_memzero(zone->live.sets, n * sizeof(ngx_http_tollgate_set_t));

    return NGX_OK;
}


static ngx_int_t
ngx_http_tollgate_live_key(tg_client_kind_t kind, tg_str_t client_id,
    ngx_http_tollgate_client_key_t *key)
{
    if (ngx_http_tollgate_zone == NULL
        || client_id.n == 0
        || client_id.n > TG_CLIENT_ID_MAX)
    {
        return NGX_DECLINED;
    }

    key->bytes[0] = (u_char) kind;

    if (client_id.n <= NGX_HTTP_TOLLGATE_CLIENT_ID) {
        ngx_memcpy(key->bytes + 1, client_id.p, client_id.n);
        key->len = 1 + client_id.n;

    } else {
        if (tg_sha256(client_id, key->bytes + 1) != TG_OK) {
            return NGX_DECLINED;
        }

        key->bytes[0] |= NGX_HTTP_TOLLGATE_HASHED;
        key->len = 1 + TG_HASH_LEN;
    }

    key->hash = ngx_http_tollgate_siphash(ngx_http_tollgate_zone->sip_key,
                                          key->bytes, key->len);

    return NGX_OK;
}


static uint64_t
ngx_http_tollgate_live_mark(int64_t seq)
{
    return ngx_http_tollgate_numbered(
               __atomic_load_n(&ngx_http_tollgate_zone->resets,
                               __ATOMIC_ACQUIRE), seq);
}


ngx_int_t
ngx_http_tollgate_live_get(tg_client_kind_t kind, tg_str_t client_id,
    tg_live_client_t *client)
{
    size_t                           n;
    uint64_t                         now;
    ngx_http_tollgate_client_t       c;
    ngx_http_tollgate_client_key_t   key;

    if (ngx_http_tollgate_live_key(kind, client_id, &key) != NGX_OK) {
        return NGX_DECLINED;
    }

    now = ngx_http_tollgate_monotonic_ms();

    if (ngx_http_tollgate_table_find(&ngx_http_tollgate_zone->live, key.hash,
                                     key.bytes, key.len, now, &c, sizeof(c),
                                     &n)
        && n >= offsetof(ngx_http_tollgate_client_t, secret)
        && n - offsetof(ngx_http_tollgate_client_t, secret) == c.secret_len)
    {
        ngx_memzero(client, sizeof(tg_live_client_t));

        client->exists = c.exists;
        client->enabled = c.enabled;
        client->kind = (tg_client_kind_t) c.kind;
        client->key_id = c.key_id;
        client->generation = c.generation;
        client->expires_at = c.expires_at;
        client->project_id = c.project_id;
        client->version = c.version;
        client->secret_kind = (tg_secret_kind_t) c.secret_kind;
        client->secret_len = c.secret_len;
        ngx_memcpy(client->secret, c.secret, c.secret_len);

        return NGX_OK;
    }

    if (ngx_http_tollgate_table_find(&ngx_http_tollgate_zone->live_absent,
                                     key.hash, key.bytes, key.len, now, &c, 0,
                                     &n))
    {
        ngx_memzero(client, sizeof(tg_live_client_t));
        client->kind = kind;

        return NGX_OK;
    }

    return NGX_DECLINED;
}


void
ngx_http_tollgate_live_fill(tg_client_kind_t kind, tg_str_t client_id,
    const tg_live_client_t *client, int64_t seq)
{
    uint64_t                         now, mark;
    ngx_http_tollgate_client_t       c;
    ngx_http_tollgate_client_key_t   key;

    if (ngx_http_tollgate_live_key(kind, client_id, &key) != NGX_OK
        || client->secret_len > TG_SECRET_ENCODED_MAX)
    {
        return;
    }

    now = ngx_http_tollgate_monotonic_ms();
    mark = ngx_http_tollgate_live_mark(seq);

    if (!client->exists) {
        (void) ngx_http_tollgate_table_store(
                   &ngx_http_tollgate_zone->live_absent, key.hash, key.bytes,
                   key.len, NULL, 0, mark,
                   now + NGX_HTTP_TOLLGATE_ABSENT_LIFE, now);
        return;
    }

    ngx_memzero(&c, sizeof(c));

    c.exists = client->exists;
    c.enabled = client->enabled;
    c.kind = (uint8_t) client->kind;
    c.key_id = client->key_id;
    c.generation = client->generation;
    c.expires_at = client->expires_at;
    c.project_id = client->project_id;
    c.version = client->version;
    c.secret_kind = (uint8_t) client->secret_kind;
    c.secret_len = (uint32_t) client->secret_len;
    ngx_memcpy(c.secret, client->secret, client->secret_len);

    (void) ngx_http_tollgate_table_store(&ngx_http_tollgate_zone->live,
               key.hash, key.bytes, key.len, &c,
               offsetof(ngx_http_tollgate_client_t, secret) + c.secret_len,
               mark, 0, now);
}


ngx_uint_t
ngx_http_tollgate_live_is_current(tg_client_kind_t kind, tg_str_t client_id,
    int64_t seq)
{
    ngx_http_tollgate_client_key_t  key;

    return ngx_http_tollgate_live_key(kind, client_id, &key) == NGX_OK
           && ngx_http_tollgate_table_admits(&ngx_http_tollgate_zone->live,
                                             key.hash,
                                             ngx_http_tollgate_live_mark(seq));
}


void
ngx_http_tollgate_live_invalidate(tg_str_t ref, int64_t seq)
{
    uint64_t                         kind, mark;
    tg_str_t                         rest;
    ngx_http_tollgate_client_key_t   key;

    rest = ref;

    if (!tg_str_to_u64(tg_str_take(&rest, ':'), 255, &kind)
        || ngx_http_tollgate_live_key((tg_client_kind_t) kind, rest, &key)
           != NGX_OK)
    {
        /* not understood: then nothing known is certain any more */
        ngx_http_tollgate_live_clear(seq);
        return;
    }

    mark = ngx_http_tollgate_live_mark(seq);

    ngx_http_tollgate_table_raise(&ngx_http_tollgate_zone->live, key.hash,
                                  mark);
    ngx_http_tollgate_table_raise(&ngx_http_tollgate_zone->live_absent,
                                  key.hash, mark);
}


void
ngx_http_tollgate_live_clear(int64_t seq)
{
    uint64_t  mark;

    mark = ngx_http_tollgate_live_mark(seq);

    ngx_http_tollgate_table_raise_all(&ngx_http_tollgate_zone->live, mark);
    ngx_http_tollgate_table_raise_all(&ngx_http_tollgate_zone->live_absent,
                                      mark);
}
