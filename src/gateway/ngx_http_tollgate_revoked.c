
/*
 * Early revocations and epoch clocks in shared memory: what ends a token that
 * a cache, or a signature alone, would still vouch for.
 */

#include "ngx_http_tollgate_state.h"


/* slots looked at; with half of them empty chains are far shorter */
#define NGX_HTTP_TOLLGATE_PROBES  256

#define NGX_HTTP_TOLLGATE_SLOT_EMPTY    0
#define NGX_HTTP_TOLLGATE_SLOT_WRITING  1
#define NGX_HTTP_TOLLGATE_SLOT_THERE    2

#define ngx_http_tollgate_slot_is(state)  ((state) & 3)


static uint64_t ngx_http_tollgate_revoked_place(const u_char *id);
static ngx_uint_t ngx_http_tollgate_revoked_find(const u_char *id);
static ngx_http_tollgate_revoked_t *ngx_http_tollgate_revoked_same(
    const u_char *id, uint64_t now);
static ngx_http_tollgate_revoked_t *ngx_http_tollgate_revoked_take(
    const u_char *id, uint64_t now, uint64_t *state);


ngx_int_t
ngx_http_tollgate_revoked_init(ngx_http_tollgate_zone_t *zone, u_char *mem,
    size_t *size)
{
    uint64_t  n;

    n = 1024;

    if (*size < n * sizeof(ngx_http_tollgate_revoked_t)) {
        return NGX_ERROR;
    }

    while (n * 2 * sizeof(ngx_http_tollgate_revoked_t) <= *size) {
        n *= 2;
    }

    zone->revoked = (ngx_http_tollgate_revoked_t *) mem;
    zone->n_revoked = n;

    *size = n * sizeof(ngx_http_tollgate_revoked_t);
    ngx_memzero(mem, *size);

    return NGX_OK;
}


static uint64_t
ngx_http_tollgate_revoked_place(const u_char *id)
{
    return ngx_http_tollgate_siphash(ngx_http_tollgate_zone->sip_key, id,
                                     TG_REVOCATION_LEN);
}


/* A reader takes no lock: a slot that changed meanwhile is read again. */

static ngx_uint_t
ngx_http_tollgate_revoked_find(const u_char *id)
{
    u_char                        copy[TG_REVOCATION_LEN];
    uint64_t                      i, at, state, mask;
    ngx_http_tollgate_revoked_t  *slot;

    mask = ngx_http_tollgate_zone->n_revoked - 1;
    at = ngx_http_tollgate_revoked_place(id);

    for (i = 0; i < NGX_HTTP_TOLLGATE_PROBES; /* void */ ) {
        slot = &ngx_http_tollgate_zone->revoked[(at + i) & mask];
        state = __atomic_load_n(&slot->state, __ATOMIC_ACQUIRE);

        if (ngx_http_tollgate_slot_is(state) == NGX_HTTP_TOLLGATE_SLOT_EMPTY) {
            return 0;
        }

        ngx_memcpy(copy, slot->id, TG_REVOCATION_LEN);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);

        if (ngx_http_tollgate_slot_is(state) == NGX_HTTP_TOLLGATE_SLOT_THERE
            && __atomic_load_n(&slot->state, __ATOMIC_RELAXED) != state)
        {
            continue;
        }

        if (ngx_http_tollgate_slot_is(state) == NGX_HTTP_TOLLGATE_SLOT_THERE
            && ngx_memcmp(copy, id, TG_REVOCATION_LEN) == 0)
        {
            return 1;
        }

        i++;
    }

    return 0;
}


ngx_uint_t
ngx_http_tollgate_revocations_known(void)
{
    return ngx_http_tollgate_zone
           && __atomic_load_n(&ngx_http_tollgate_zone->token_following,
                              __ATOMIC_ACQUIRE);
}


ngx_uint_t
ngx_http_tollgate_unrevoked(const u_char jti[16], const u_char *family)
{
    if (!ngx_http_tollgate_revocations_known()) {
        return 0;
    }

    /* the usual case: nothing is revoked early */

    if (__atomic_load_n(&ngx_http_tollgate_zone->revocations,
                        __ATOMIC_ACQUIRE)
        == 0)
    {
        return 1;
    }

    return !ngx_http_tollgate_revoked_find(jti)
           && (family == NULL || !ngx_http_tollgate_revoked_find(family));
}


ngx_int_t
ngx_http_tollgate_revocation_add(const u_char id[16], tg_ms_t until)
{
    uint64_t                      now, state;
    ngx_http_tollgate_revoked_t  *slot;

    if (ngx_http_tollgate_zone == NULL) {
        return NGX_DECLINED;
    }

    now = (uint64_t) ngx_http_tollgate_clock_ms();

    slot = ngx_http_tollgate_revoked_same(id, now);

    if (slot) {

        /* never shortened; two that race leave one of the two */

        if (until == 0 || (slot->until != 0 && slot->until < (uint64_t) until))
        {
            __atomic_store_n(&slot->until, (uint64_t) until, __ATOMIC_RELEASE);
        }

        return NGX_OK;
    }

    slot = ngx_http_tollgate_revoked_take(id, now, &state);

    if (slot == NULL) {
        ngx_http_tollgate_count(REVOCATION_FULL, 1);
        return NGX_DECLINED;
    }

    slot->until = (uint64_t) until;
    ngx_memcpy(slot->id, id, TG_REVOCATION_LEN);

    __atomic_store_n(&slot->state,
                     ((state >> 2) + 1) << 2 | NGX_HTTP_TOLLGATE_SLOT_THERE,
                     __ATOMIC_SEQ_CST);

    return NGX_OK;
}


static ngx_http_tollgate_revoked_t *
ngx_http_tollgate_revoked_same(const u_char *id, uint64_t now)
{
    uint64_t                      i, at, state, mask;
    ngx_http_tollgate_revoked_t  *slot;

    mask = ngx_http_tollgate_zone->n_revoked - 1;
    at = ngx_http_tollgate_revoked_place(id);

    for (i = 0; i < NGX_HTTP_TOLLGATE_PROBES; i++) {
        slot = &ngx_http_tollgate_zone->revoked[(at + i) & mask];
        state = __atomic_load_n(&slot->state, __ATOMIC_ACQUIRE);

        if (ngx_http_tollgate_slot_is(state) == NGX_HTTP_TOLLGATE_SLOT_EMPTY) {
            return NULL;
        }

        /* one that is past may be overwritten at any moment */

        if (ngx_http_tollgate_slot_is(state) == NGX_HTTP_TOLLGATE_SLOT_THERE
            && (slot->until == 0 || slot->until > now)
            && ngx_memcmp(slot->id, id, TG_REVOCATION_LEN) == 0
            && __atomic_load_n(&slot->state, __ATOMIC_ACQUIRE) == state)
        {
            return slot;
        }
    }

    return NULL;
}


/* The first slot on the way that is empty or past, taken for writing. */

static ngx_http_tollgate_revoked_t *
ngx_http_tollgate_revoked_take(const u_char *id, uint64_t now,
    uint64_t *state)
{
    uint64_t                      i, at, mask, taken;
    ngx_uint_t                    empty;
    ngx_http_tollgate_revoked_t  *slot;

    mask = ngx_http_tollgate_zone->n_revoked - 1;
    at = ngx_http_tollgate_revoked_place(id);

    for (i = 0; i < NGX_HTTP_TOLLGATE_PROBES; i++) {
        slot = &ngx_http_tollgate_zone->revoked[(at + i) & mask];
        *state = __atomic_load_n(&slot->state, __ATOMIC_ACQUIRE);

        empty = ngx_http_tollgate_slot_is(*state)
                == NGX_HTTP_TOLLGATE_SLOT_EMPTY;

        if (!empty
            && (ngx_http_tollgate_slot_is(*state)
                == NGX_HTTP_TOLLGATE_SLOT_WRITING
                || slot->until == 0 || slot->until > now))
        {
            continue;
        }

        /* half of the slots stay empty, so that chains end soon */

        if (empty
            && __atomic_load_n(&ngx_http_tollgate_zone->revocations,
                               __ATOMIC_ACQUIRE)
               >= ngx_http_tollgate_zone->n_revoked / 2)
        {
            return NULL;
        }

        taken = (*state & ~(uint64_t) 3) | NGX_HTTP_TOLLGATE_SLOT_WRITING;

        if (__atomic_compare_exchange_n(&slot->state, state, taken, 0,
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        {
            if (empty) {
                (void) __atomic_fetch_add(&ngx_http_tollgate_zone->revocations,
                                          1, __ATOMIC_SEQ_CST);
            }

            return slot;
        }
    }

    return NULL;
}


/* -- epoch clocks ------------------------------------------------------------ */

uint64_t
ngx_http_tollgate_epoch_clock(uint64_t epoch_id, uint64_t whole_id)
{
    uint64_t  *clocks;

    clocks = ngx_http_tollgate_zone->epoch_clocks;

    return __atomic_load_n(&clocks[epoch_id % NGX_HTTP_TOLLGATE_EPOCH_CLOCKS],
                           __ATOMIC_ACQUIRE)
           + __atomic_load_n(
                 &clocks[whole_id % NGX_HTTP_TOLLGATE_EPOCH_CLOCKS],
                 __ATOMIC_ACQUIRE);
}


void
ngx_http_tollgate_epochs_note(ngx_http_tollgate_cached_t *cached)
{
    const tg_token_facts_t  *facts;

    if (ngx_http_tollgate_zone == NULL) {
        return;
    }

    facts = &cached->facts;

    cached->whole_id = tg_epoch_id(facts->client_kind,
                                   tg_strn(facts->client_id,
                                           facts->client_id_len),
                                   TG_STR_NONE);
    cached->clock = ngx_http_tollgate_epoch_clock(facts->epoch_id,
                                                  cached->whole_id);
}


void
ngx_http_tollgate_epoch_raised(uint64_t epoch_id)
{
    if (ngx_http_tollgate_zone) {
        (void) __atomic_fetch_add(&ngx_http_tollgate_zone->epoch_clocks[
                                  epoch_id % NGX_HTTP_TOLLGATE_EPOCH_CLOCKS],
                                  1, __ATOMIC_SEQ_CST);
    }
}
