
/* What a thread of the store pool does for a token or a client. */


#include "ngx_http_tollgate_lookup.h"


/*
 * A successor is used for the first time: from now on the grace period of its
 * predecessor runs (token-api.md "Refresh").  Written once: it is cached then,
 * and a tombstone that is gone already has no grace to run.  Where the store
 * cannot be written the token is good all the same.
 */

static tg_err_t
ngx_http_tollgate_lookup_used(tg_token_store_t *store,
    const tg_record_t *record)
{
    tg_err_t    err;
    tg_arena_t  arena;
    tg_record_t predecessor;

    tg_arena_init(&arena, 64 * 1024);

    err = store->ops->record_find(store, record->predecessor,
                                  record->predecessor_bucket, &arena,
                                  &predecessor);

    if (err == TG_OK && predecessor.successor_used_at == 0) {
        err = store->ops->record_successor_used(store, record->predecessor,
                                                record->predecessor_bucket,
                                                ngx_http_tollgate_clock_ms());
    }

    tg_arena_release(&arena);

    if (err != TG_OK && err != TG_ERR_NOTFOUND) {
        ngx_http_tollgate_count(LOOKUP_USE_UNNOTED, 1);
    }

    return TG_OK;
}


/* The record, as facts.  NOTFOUND: nobody knows this token. */

static tg_err_t
ngx_http_tollgate_lookup_record(ngx_http_tollgate_lookup_t *l,
    ngx_http_tollgate_thread_t *thread)
{
    tg_err_t           err;
    tg_record_t        record;
    tg_token_store_t  *store;

    err = ngx_http_tollgate_thread_tokens(thread, &store);
    if (err != TG_OK) {
        return err;
    }

    err = store->ops->record_find(store, l->hash, l->bucket, &thread->arena,
                                  &record);

    if (err == TG_OK && record.has_predecessor) {
        err = ngx_http_tollgate_lookup_used(store, &record);
    }

    if (err == TG_OK) {

        if (tg_record_prove(&record, &l->answer.cached.facts) != TG_TOKEN_OK) {
            return TG_ERR_NOTFOUND;
        }

        ngx_http_tollgate_epochs_note(&l->answer.cached);

        err = ngx_http_tollgate_epoch_read(store, &record,
                                           &l->answer.cached.epoch);
        err = (err == TG_ERR_NOTFOUND) ? TG_ERR_BUG : err;
    }

    return err;
}


static tg_err_t
ngx_http_tollgate_lookup_live(ngx_http_tollgate_lookup_t *l,
    ngx_http_tollgate_thread_t *thread, tg_client_kind_t kind,
    tg_str_t client_id)
{
    tg_err_t            err;
    tg_config_store_t  *store;

    err = ngx_http_tollgate_thread_config(thread, &store);
    if (err != TG_OK) {
        return err;
    }

    err = store->ops->client_live(store, l->environment_id, kind, client_id,
                                  &l->answer.live, &l->seq);

    if (err == TG_OK) {
        ngx_http_tollgate_live_fill(kind, client_id, &l->answer.live, l->seq);
    }

    return err;
}


static tg_err_t
ngx_http_tollgate_lookup_token_run(ngx_http_tollgate_lookup_t *l,
    ngx_http_tollgate_thread_t *thread)
{
    tg_err_t                 err;
    const tg_token_facts_t  *facts;

    err = ngx_http_tollgate_lookup_record(l, thread);

    if (err == TG_ERR_NOTFOUND) {
        l->answer.verdict = TG_TOKEN_UNKNOWN;
        ngx_http_tollgate_cache_fill_negative(l->hash, 0, l->ticket,
                                              TG_TOKEN_UNKNOWN);
        return TG_OK;
    }

    if (err != TG_OK) {
        return err;
    }

    ngx_http_tollgate_cache_fill(l->hash, 0, l->ticket, &l->answer.cached);

    facts = &l->answer.cached.facts;

    err = ngx_http_tollgate_lookup_live(l, thread, facts->client_kind,
                                        tg_strn(facts->client_id,
                                                facts->client_id_len));
    if (err == TG_OK) {
        l->answer.verdict = TG_TOKEN_OK;
    }

    return err;
}


void
ngx_http_tollgate_lookup_run(ngx_http_tollgate_task_t *task,
    ngx_http_tollgate_thread_t *thread)
{
    ngx_http_tollgate_lookup_t  *l = (ngx_http_tollgate_lookup_t *) task;

    tg_err_t  err;

    l->answer.verdict = TG_TOKEN_UNAVAILABLE;
    l->asked = ngx_http_tollgate_monotonic_ms();

    if (l->is_token) {
        err = ngx_http_tollgate_lookup_token_run(l, thread);

    } else {
        err = ngx_http_tollgate_lookup_live(l, thread, l->kind,
                                            tg_strn(l->client_id,
                                                    l->client_id_len));
        if (err == TG_OK) {
            l->answer.verdict = TG_TOKEN_OK;
        }
    }

    if (err == TG_OK) {
        ngx_http_tollgate_count(LOOKUP_STORE, 1);
        return;
    }

    ngx_http_tollgate_count(LOOKUP_FAILED, 1);

    if (err == TG_ERR_UNAVAILABLE) {
        ngx_http_tollgate_thread_reopen(thread);
    }
}


ngx_uint_t
ngx_http_tollgate_lookup_is_stale(const ngx_http_tollgate_lookup_t *l)
{
    tg_str_t                 client_id;
    tg_client_kind_t         kind;
    const tg_token_facts_t  *facts;

    if (l->is_token
        && ngx_http_tollgate_cache_ticket(l->hash) != l->ticket)
    {
        return 1;
    }

    if (l->answer.verdict != TG_TOKEN_OK) {
        return 0;
    }

    if (l->is_token) {
        facts = &l->answer.cached.facts;
        kind = facts->client_kind;
        client_id = tg_strn(facts->client_id, facts->client_id_len);

    } else {
        kind = l->kind;
        client_id = tg_strn(l->client_id, l->client_id_len);
    }

    return !ngx_http_tollgate_live_is_current(kind, client_id, l->seq)
           || !ngx_http_tollgate_feed_covers(l->asked);
}
