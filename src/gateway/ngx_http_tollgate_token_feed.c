
/*
 * The feed of token changes: what was ended, raised or revoked by any node.
 * Read by the leader's feed thread for all workers; whatever is applied may be
 * applied again.
 */

#include "ngx_http_tollgate_state.h"


#define NGX_HTTP_TOLLGATE_TOKEN_FEED_BATCH  1024  /* rows */
#define NGX_HTTP_TOLLGATE_TOKEN_FEED_ARENA  (256 * 1024 * 1024)


static tg_err_t ngx_http_tollgate_token_feed_anew(tg_token_store_t *store,
    ngx_log_t *log);
static tg_err_t ngx_http_tollgate_token_feed_batch(tg_token_store_t *store,
    uint64_t position, size_t *n);
static void ngx_http_tollgate_token_feed_apply(
    const tg_token_change_t *change);


tg_err_t
ngx_http_tollgate_token_feed_read(tg_token_store_t *store, ngx_log_t *log)
{
    size_t                     n;
    int64_t                    head;
    uint64_t                   position;
    tg_err_t                   err;
    ngx_http_tollgate_zone_t  *zone;

    zone = ngx_http_tollgate_zone;

    if (__atomic_load_n(&zone->environment_id, __ATOMIC_ACQUIRE) == 0) {
        return TG_OK;   /* no environment yet: there is nothing to check */
    }

    if (!__atomic_load_n(&zone->token_following, __ATOMIC_ACQUIRE)) {
        return ngx_http_tollgate_token_feed_anew(store, log);
    }

    err = ngx_http_tollgate_timed(TOKEN_FEED,
            store->ops->change_head(store, &head));
    if (err != TG_OK) {
        return err;
    }

    for ( ;; ) {
        position = __atomic_load_n(&zone->token_position, __ATOMIC_ACQUIRE);

        if ((int64_t) position == head) {
            return TG_OK;
        }

        if ((int64_t) position > head) {
            return ngx_http_tollgate_token_feed_anew(store, log);
        }

        err = ngx_http_tollgate_token_feed_batch(store, position, &n);

        if (err == TG_ERR_LIMIT) {
            return ngx_http_tollgate_token_feed_anew(store, log);
        }

        if (err != TG_OK || n == 0) {
            return err;
        }
    }
}


/* What ended meanwhile is not known: the caches start empty. */

static tg_err_t
ngx_http_tollgate_token_feed_anew(tg_token_store_t *store, ngx_log_t *log)
{
    size_t                     i, n;
    int64_t                    seq;
    tg_err_t                   err;
    tg_arena_t                 arena;
    tg_revocation_t           *rows;
    ngx_http_tollgate_zone_t  *zone;

    zone = ngx_http_tollgate_zone;

    tg_arena_init(&arena, NGX_HTTP_TOLLGATE_TOKEN_FEED_ARENA);

    err = ngx_http_tollgate_timed(REVOCATIONS,
            store->ops->revocation_list(store,
                __atomic_load_n(&zone->environment_id, __ATOMIC_ACQUIRE),
                ngx_http_tollgate_clock_ms(), &arena, &rows, &n, &seq));

    for (i = 0; err == TG_OK && i < n; i++) {
        if (ngx_http_tollgate_revocation_add(rows[i].id, rows[i].until)
            != NGX_OK)
        {
            err = TG_ERR_LIMIT;
        }
    }

    tg_arena_release(&arena);

    if (err != TG_OK) {
        ngx_log_error(NGX_LOG_ERR, log, 0, "tollgate: the early revocations "
                      "cannot be loaded: %s", tg_err_name(err));
        return err == TG_ERR_LIMIT ? TG_ERR_UNAVAILABLE : err;
    }

    ngx_http_tollgate_cache_clear();

    __atomic_store_n(&zone->token_position, (uint64_t) seq, __ATOMIC_RELEASE);
    __atomic_store_n(&zone->token_following, 1, __ATOMIC_RELEASE);

    return TG_OK;
}


static tg_err_t
ngx_http_tollgate_token_feed_batch(tg_token_store_t *store,
    uint64_t position, size_t *n)
{
    size_t              i;
    tg_err_t            err;
    tg_arena_t          arena;
    tg_token_change_t  *rows;

    tg_arena_init(&arena, NGX_HTTP_TOLLGATE_TOKEN_FEED_ARENA);

    err = ngx_http_tollgate_timed(TOKEN_FEED,
            store->ops->change_read(store, (int64_t) position,
                NGX_HTTP_TOLLGATE_TOKEN_FEED_BATCH, &arena, &rows, n));

    for (i = 0; err == TG_OK && i < *n; i++) {
        ngx_http_tollgate_token_feed_apply(&rows[i]);
    }

    if (err == TG_OK && *n > 0) {
        ngx_http_tollgate_atomic_max(&ngx_http_tollgate_zone->token_position,
                                     (uint64_t) rows[*n - 1].seq);
        ngx_http_tollgate_count(TOKEN_FEED_APPLIED, *n);
    }

    tg_arena_release(&arena);

    return err;
}


static void
ngx_http_tollgate_token_feed_apply(const tg_token_change_t *change)
{
    if (change->environment_id != 0
        && change->environment_id
           != __atomic_load_n(&ngx_http_tollgate_zone->environment_id,
                              __ATOMIC_ACQUIRE))
    {
        return;
    }

    switch (change->kind) {

    case TG_TOKEN_CHANGE_ENDED:
        if (change->id.n == TG_HASH_LEN) {
            ngx_http_tollgate_cache_invalidate((u_char *) change->id.p);
        }
        return;

    case TG_TOKEN_CHANGE_EPOCH:
        if (change->id.n == sizeof(uint64_t)) {
            ngx_http_tollgate_epoch_raised(tg_epoch_id_get(change->id));
        }
        return;

    case TG_TOKEN_CHANGE_REVOCATION:

        /* a full list is counted there; the store's bound comes first */

        if (change->id.n == TG_REVOCATION_LEN) {
            (void) ngx_http_tollgate_revocation_add((u_char *) change->id.p,
                                                    change->until);
        }
        return;
    }

    /* of a later release: it may concern what we keep */

    ngx_http_tollgate_cache_clear();
}
