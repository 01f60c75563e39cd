
/* Proven tokens in shared memory. */

#include "ngx_http_tollgate_state.h"


#define NGX_HTTP_TOLLGATE_BAD_LIFE     1000  /* ms */

/* Token, proof: what a cached answer depends on. */
#define NGX_HTTP_TOLLGATE_TOKEN_KEY    (32 + sizeof(uint64_t))

/* client_id, subject, kid and scope together; longer ones are not cached. */
#define NGX_HTTP_TOLLGATE_TOKEN_TEXT   240


/* A tg_token_facts_t and an epoch; client_id, subject, kid, scope follow. */
typedef struct {
    int64_t     current_epoch;
    int64_t     epoch;
    uint64_t    epoch_id;
    uint64_t    whole_id;
    uint64_t    clock;
    uint8_t     jti[16];
    uint8_t     family[16];
    uint64_t    generation;
    uint64_t    user_generation;
    int64_t     environment_id;
    tg_ms_t     issued_at;
    tg_ms_t     not_before;
    tg_ms_t     expires_at;
    uint8_t     type;
    uint8_t     client_kind;
    uint8_t     ended;
    uint8_t     own_subject;   /* subject is the client_id: stored once */
    uint8_t     kid_len;
    uint8_t     has_family;
    uint8_t     has_scope;
    uint16_t    client_id_len;
    uint16_t    subject_len;
    uint16_t    scope_len;
    char        text[NGX_HTTP_TOLLGATE_TOKEN_TEXT];
} ngx_http_tollgate_packed_t;


typedef struct {
    u_char      bytes[NGX_HTTP_TOLLGATE_TOKEN_KEY];
    uint64_t    hash;
} ngx_http_tollgate_token_key_t;


static void ngx_http_tollgate_cache_key(const u_char hash[32], uint64_t proof,
    ngx_http_tollgate_token_key_t *key);
static size_t ngx_http_tollgate_cache_pack(
    const ngx_http_tollgate_cached_t *cached, ngx_http_tollgate_packed_t *p);
static ngx_int_t ngx_http_tollgate_cache_unpack(
    const ngx_http_tollgate_packed_t *p, size_t n,
    ngx_http_tollgate_cached_t *out);


ngx_int_t
ngx_http_tollgate_cache_init(ngx_http_tollgate_zone_t *zone, u_char *mem,
    size_t size)
{
    size_t    entry, bad;
    uint64_t  n;

    entry = sizeof(ngx_http_tollgate_entry_t) + NGX_HTTP_TOLLGATE_TOKEN_KEY
            + sizeof(ngx_http_tollgate_packed_t);
    bad = sizeof(ngx_http_tollgate_entry_t) + NGX_HTTP_TOLLGATE_TOKEN_KEY + 1;

    /* so that there are about 16 times as many of the others */

    n = ngx_http_tollgate_table_fit(size / 64, bad);

    if (n == 0) {
        return NGX_ERROR;
    }

    ngx_http_tollgate_table_init(&zone->tokens_bad, mem, n, bad);
    ngx_memzero(zone->tokens_bad.sets, n * sizeof(ngx_http_tollgate_set_t));

    bad = ngx_align(ngx_http_tollgate_table_bytes(n, bad), 64);

    n = ngx_http_tollgate_table_fit(size - bad, entry);

    if (n == 0) {
        return NGX_ERROR;
    }

    ngx_http_tollgate_table_init(&zone->tokens, mem + bad, n, entry);
    ngx_memzero(zone->tokens.sets, n * sizeof(ngx_http_tollgate_set_t));

    return NGX_OK;
}


static void
ngx_http_tollgate_cache_key(const u_char hash[32], uint64_t proof,
    ngx_http_tollgate_token_key_t *key)
{
    ngx_memcpy(key->bytes, hash, 32);
    ngx_memcpy(key->bytes + 32, &proof, sizeof(uint64_t));

    /* the place depends on the token alone: invalidating knows no proof */

    ngx_memcpy(&key->hash, hash, sizeof(uint64_t));
}


ngx_uint_t
ngx_http_tollgate_cache_get(const u_char hash[32], uint64_t proof,
    ngx_http_tollgate_cached_t *out)
{
    size_t                          n;
    uint8_t                         verdict;
    uint64_t                        now;
    ngx_http_tollgate_zone_t       *zone;
    ngx_http_tollgate_packed_t      packed;
    ngx_http_tollgate_token_key_t   key;

    zone = ngx_http_tollgate_zone;

    if (zone == NULL) {
        return NGX_HTTP_TOLLGATE_CACHE_MISS;
    }

    ngx_http_tollgate_cache_key(hash, proof, &key);
    now = ngx_http_tollgate_monotonic_ms();

    if (ngx_http_tollgate_table_find(&zone->tokens, key.hash, key.bytes,
                                     sizeof(key.bytes), now, &packed,
                                     sizeof(packed), &n)
        && ngx_http_tollgate_cache_unpack(&packed, n, out) == NGX_OK
        && (out->facts.type != TG_TOKEN_OPAQUE
            || out->clock == ngx_http_tollgate_epoch_clock(
                                   out->facts.epoch_id, out->whole_id)))
    {
        return NGX_HTTP_TOLLGATE_CACHE_HIT;
    }

    if (ngx_http_tollgate_table_find(&zone->tokens_bad, key.hash, key.bytes,
                                     sizeof(key.bytes), now, &verdict,
                                     sizeof(verdict), &n)
        && n == sizeof(verdict))
    {
        out->verdict = (tg_token_verdict_t) verdict;
        return NGX_HTTP_TOLLGATE_CACHE_NEGATIVE;
    }

    return NGX_HTTP_TOLLGATE_CACHE_MISS;
}


ngx_http_tollgate_ticket_t
ngx_http_tollgate_cache_ticket(const u_char hash[32])
{
    ngx_http_tollgate_token_key_t  key;

    if (ngx_http_tollgate_zone == NULL) {
        return 0;
    }

    ngx_http_tollgate_cache_key(hash, 0, &key);

    return ngx_http_tollgate_table_barrier(&ngx_http_tollgate_zone->tokens,
                                           key.hash);
}


void
ngx_http_tollgate_cache_fill(const u_char hash[32], uint64_t proof,
    ngx_http_tollgate_ticket_t ticket, const ngx_http_tollgate_cached_t *cached)
{
    size_t                          n;
    ngx_http_tollgate_packed_t      packed;
    ngx_http_tollgate_token_key_t   key;

    if (ngx_http_tollgate_zone == NULL) {
        return;
    }

    n = ngx_http_tollgate_cache_pack(cached, &packed);

    if (n == 0) {
        return;
    }

    ngx_http_tollgate_cache_key(hash, proof, &key);

    (void) ngx_http_tollgate_table_store(&ngx_http_tollgate_zone->tokens,
               key.hash, key.bytes, sizeof(key.bytes), &packed, n, ticket, 0,
               ngx_http_tollgate_monotonic_ms());
}


void
ngx_http_tollgate_cache_fill_negative(const u_char hash[32], uint64_t proof,
    ngx_http_tollgate_ticket_t ticket, tg_token_verdict_t verdict)
{
    uint8_t                         v;
    uint64_t                        now;
    ngx_http_tollgate_token_key_t   key;

    if (ngx_http_tollgate_zone == NULL
        || ticket != ngx_http_tollgate_cache_ticket(hash))
    {
        return;
    }

    ngx_http_tollgate_cache_key(hash, proof, &key);

    v = (uint8_t) verdict;
    now = ngx_http_tollgate_monotonic_ms();

    (void) ngx_http_tollgate_table_store(&ngx_http_tollgate_zone->tokens_bad,
               key.hash, key.bytes, sizeof(key.bytes), &v, sizeof(v), 0,
               now + NGX_HTTP_TOLLGATE_BAD_LIFE, now);
}


void
ngx_http_tollgate_cache_invalidate(const u_char hash[32])
{
    ngx_http_tollgate_token_key_t  key;

    if (ngx_http_tollgate_zone == NULL) {
        return;
    }

    ngx_http_tollgate_cache_key(hash, 0, &key);

    ngx_http_tollgate_table_bump(&ngx_http_tollgate_zone->tokens, key.hash);
}


/* What ended is not known: every answer is stale.  Any thread. */

void
ngx_http_tollgate_cache_clear(void)
{
    uint64_t  mark;

    /* above each barrier, since each was raised by less than this */

    mark = __atomic_add_fetch(&ngx_http_tollgate_zone->cleared, 1,
                              __ATOMIC_SEQ_CST)
           << NGX_HTTP_TOLLGATE_NUMBER_BITS;

    ngx_http_tollgate_table_raise_all(&ngx_http_tollgate_zone->tokens, mark);
}


/* The length, or 0: does not fit. */
static size_t
ngx_http_tollgate_cache_pack(const ngx_http_tollgate_cached_t *cached,
    ngx_http_tollgate_packed_t *p)
{
    size_t                   subject, scope, n;
    u_char                  *text;
    const tg_token_facts_t  *f;

    f = &cached->facts;

    p->own_subject = f->subject_len == f->client_id_len
                     && ngx_memcmp(f->subject, f->client_id, f->subject_len)
                        == 0;

    subject = p->own_subject ? 0 : f->subject_len;

    /* a longer one is not among the facts */
    scope = f->scope_len > TG_FACTS_SCOPE_MAX ? 0 : f->scope_len;

    n = f->client_id_len + subject + f->kid_len + scope;

    if (n > NGX_HTTP_TOLLGATE_TOKEN_TEXT
        || f->client_id_len > sizeof(f->client_id)
        || f->subject_len > sizeof(f->subject)
        || f->kid_len > sizeof(f->kid))
    {
        return 0;
    }

    p->current_epoch = cached->epoch;
    p->epoch = f->epoch;
    p->epoch_id = f->epoch_id;
    p->whole_id = cached->whole_id;
    p->clock = cached->clock;
    ngx_memcpy(p->jti, f->jti, sizeof(p->jti));
    ngx_memcpy(p->family, f->family, sizeof(p->family));
    p->generation = f->generation;
    p->user_generation = f->user_generation;
    p->environment_id = f->environment_id;
    p->issued_at = f->issued_at;
    p->not_before = f->not_before;
    p->expires_at = f->expires_at;
    p->type = (uint8_t) f->type;
    p->client_kind = (uint8_t) f->client_kind;
    p->ended = f->ended;
    p->kid_len = f->kid_len;
    p->has_family = f->has_family;
    p->has_scope = f->has_scope;
    p->client_id_len = f->client_id_len;
    p->subject_len = f->subject_len;
    p->scope_len = f->scope_len;

    text = (u_char *) p->text;
    text = ngx_cpymem(text, f->client_id, f->client_id_len);
    text = ngx_cpymem(text, f->subject, subject);
    text = ngx_cpymem(text, f->kid, f->kid_len);
    ngx_memcpy(text, f->scope, scope);

    return offsetof(ngx_http_tollgate_packed_t, text) + n;
}


static ngx_int_t
ngx_http_tollgate_cache_unpack(const ngx_http_tollgate_packed_t *p, size_t n,
    ngx_http_tollgate_cached_t *out)
{
    size_t             subject, scope;
    const char        *text;
    tg_token_facts_t  *f;

    f = &out->facts;

    if (n < offsetof(ngx_http_tollgate_packed_t, text)) {
        return NGX_DECLINED;
    }

    subject = p->own_subject ? 0 : p->subject_len;
    scope = p->scope_len > TG_FACTS_SCOPE_MAX ? 0 : p->scope_len;

    if (n - offsetof(ngx_http_tollgate_packed_t, text)
        != p->client_id_len + subject + p->kid_len + scope)
    {
        return NGX_DECLINED;
    }

    out->verdict = TG_TOKEN_OK;
    out->epoch = p->current_epoch;
    out->whole_id = p->whole_id;
    out->clock = p->clock;

    f->type = (tg_token_type_t) p->type;
    f->client_kind = (tg_client_kind_t) p->client_kind;
    f->client_id_len = p->client_id_len;
    f->subject_len = p->subject_len;
    f->scope_len = p->scope_len;
    f->generation = p->generation;
    f->user_generation = p->user_generation;
    f->epoch = p->epoch;
    f->issued_at = p->issued_at;
    f->not_before = p->not_before;
    f->expires_at = p->expires_at;
    f->ended = p->ended;
    f->environment_id = p->environment_id;
    f->kid_len = p->kid_len;
    f->epoch_id = p->epoch_id;
    f->has_family = p->has_family;
    f->has_scope = p->has_scope;

    ngx_memcpy(f->jti, p->jti, sizeof(p->jti));
    ngx_memcpy(f->family, p->family, sizeof(p->family));
    text = p->text;
    ngx_memcpy(f->client_id, text, p->client_id_len);

    ngx_memcpy(f->subject, p->own_subject ? text : text + p->client_id_len,
               p->subject_len);
    text += p->client_id_len + subject;

    ngx_memcpy(f->kid, text, p->kid_len);
    ngx_memcpy(f->scope, text + p->kid_len, scope);

    return NGX_OK;
}
