
/*
 * What a thread of the store pool does for a check: the token's record, who it
 * speaks for, what they may call, and their details; all of the configuration
 * in one read view.
 */


#include "ngx_http_tollgate_lookup.h"


static void ngx_http_tollgate_lookup_release(ngx_http_tollgate_task_t *task);


ngx_http_tollgate_lookup_t *
ngx_http_tollgate_lookup_new(const ngx_http_tollgate_question_t *question)
{
    ngx_http_tollgate_lookup_t  *l;

    l = ngx_http_tollgate_task_alloc(sizeof(ngx_http_tollgate_lookup_t));
    if (l == NULL) {
        return NULL;
    }

    l->question = *question;
    l->task.run = ngx_http_tollgate_lookup_run;
    l->task.release = ngx_http_tollgate_lookup_release;

    if (question->asks & NGX_HTTP_TOLLGATE_ASK_RECORD) {
        l->ticket = ngx_http_tollgate_cache_ticket(question->hash);
    }

    ngx_http_tollgate_snapshot_hold(question->snapshot);

    return l;
}


static void
ngx_http_tollgate_lookup_release(ngx_http_tollgate_task_t *task)
{
    ngx_http_tollgate_lookup_t  *l = (ngx_http_tollgate_lookup_t *) task;

    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_TOLLGATE_PARTIES; i++) {
        if (l->answer.known.details[i]) {
            ngx_http_tollgate_details_release(l->answer.known.details[i]);
        }
    }

    if (l->scope) {
        ngx_free(l->scope);
    }

    ngx_http_tollgate_snapshot_release(l->question.snapshot);
}


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

    err = ngx_http_tollgate_timed(RECORD,
            store->ops->record_find(store, record->predecessor,
                record->predecessor_bucket, &arena, &predecessor));

    if (err == TG_OK && predecessor.successor_used_at == 0) {
        err = ngx_http_tollgate_timed(WRITE,
                store->ops->record_successor_used(store, record->predecessor,
                    record->predecessor_bucket, ngx_http_tollgate_clock_ms()));
    }

    tg_arena_release(&arena);

    if (err != TG_OK && err != TG_ERR_NOTFOUND) {
        ngx_http_tollgate_count(LOOKUP_USE_UNNOTED, 1);
    }

    return TG_OK;
}


/* A scope that facts have no room for. */

static tg_err_t
ngx_http_tollgate_lookup_scope(ngx_http_tollgate_lookup_t *l,
    const tg_record_t *record)
{
    if (record->scope.n <= TG_FACTS_SCOPE_MAX) {
        return TG_OK;
    }

    l->scope = ngx_alloc(record->scope.n, ngx_cycle->log);
    if (l->scope == NULL) {
        return TG_ERR_NOMEM;
    }

    ngx_memcpy(l->scope, record->scope.p, record->scope.n);
    l->answer.known.scope = tg_strn(l->scope, record->scope.n);

    return TG_OK;
}


/* The record, as facts.  NOTFOUND: nobody knows this token. */

static tg_err_t
ngx_http_tollgate_lookup_record(ngx_http_tollgate_lookup_t *l,
    ngx_http_tollgate_thread_t *thread)
{
    tg_err_t                     err;
    tg_record_t                  record;
    tg_token_store_t            *store;
    ngx_http_tollgate_cached_t  *cached;

    cached = &l->answer.known.cached;

    err = ngx_http_tollgate_thread_tokens(thread, &store);
    if (err != TG_OK) {
        return err;
    }

    err = ngx_http_tollgate_timed(RECORD,
            store->ops->record_find(store, l->question.hash,
                l->question.bucket, &thread->arena, &record));

    if (err == TG_OK && record.has_predecessor) {
        err = ngx_http_tollgate_lookup_used(store, &record);
    }

    if (err != TG_OK) {
        return err;
    }

    if (tg_record_prove(&record, &cached->facts) != TG_TOKEN_OK) {
        return TG_ERR_NOTFOUND;
    }

    ngx_http_tollgate_epochs_note(cached);

    err = ngx_http_tollgate_epoch_read(store, &record, &cached->epoch);
    if (err != TG_OK) {
        return err == TG_ERR_NOTFOUND ? TG_ERR_BUG : err;
    }

    return ngx_http_tollgate_lookup_scope(l, &record);
}


static tg_err_t
ngx_http_tollgate_lookup_token(ngx_http_tollgate_lookup_t *l,
    ngx_http_tollgate_thread_t *thread)
{
    tg_err_t                   err;
    ngx_uint_t                 i;
    ngx_http_tollgate_known_t  *known;

    known = &l->answer.known;

    err = ngx_http_tollgate_lookup_record(l, thread);

    if (err == TG_ERR_NOTFOUND) {
        l->answer.verdict = TG_TOKEN_UNKNOWN;
        ngx_http_tollgate_cache_fill_negative(l->question.hash, 0, l->ticket,
                                              TG_TOKEN_UNKNOWN);
    }

    if (err != TG_OK) {
        return err;
    }

    ngx_http_tollgate_cache_fill(l->question.hash, 0, l->ticket,
                                 &known->cached);

    known->has |= NGX_HTTP_TOLLGATE_ASK_RECORD;

    for (i = 0; i < ngx_http_tollgate_parties(&known->cached.facts); i++) {
        l->question.asks |= NGX_HTTP_TOLLGATE_ASK_LIVE(i);
    }

    return TG_OK;
}


static tg_err_t
ngx_http_tollgate_lookup_live(ngx_http_tollgate_lookup_t *l,
    tg_config_store_t *store, ngx_uint_t i)
{
    tg_err_t                       err;
    tg_str_t                       client_id;
    ngx_uint_t                     unknown;
    tg_live_client_t              *live;
    tg_client_kind_t               kind;
    const tg_token_facts_t        *facts;
    ngx_http_tollgate_question_t  *q;

    q = &l->question;
    facts = &l->answer.known.cached.facts;
    live = &l->answer.known.live[i];
    kind = ngx_http_tollgate_party_kind(facts, i);
    client_id = ngx_http_tollgate_party(facts, i);

    unknown = ngx_http_tollgate_live_get(kind, client_id, live) != NGX_OK;

    err = ngx_http_tollgate_timed(CLIENT,
            store->ops->client_live(store,
                q->snapshot->snapshot.environment_id, kind, client_id, live,
                &l->seqs[i]));
    if (err != TG_OK) {
        return err;
    }

    ngx_http_tollgate_live_fill(kind, client_id, live, l->seqs[i]);

    l->answer.known.has |= NGX_HTTP_TOLLGATE_ASK_LIVE(i);

    q->key_ids[i] = live->exists ? live->key_id : 0;
    q->versions[i] = live->exists ? live->version : 0;

    /* the worker cannot have them yet */

    if (unknown && live->exists) {
        q->asks |= ngx_http_tollgate_details_wanted(q->deployed->policy, NULL,
                                                    facts, NULL)
                   & NGX_HTTP_TOLLGATE_ASK_DETAILS(i);
    }

    return TG_OK;
}


/* NOTFOUND: the party is gone; answer.verdict says so. */

static tg_err_t
ngx_http_tollgate_lookup_details(ngx_http_tollgate_lookup_t *l,
    tg_config_store_t *store, ngx_uint_t i)
{
    tg_err_t                    err;
    ngx_http_tollgate_known_t  *known;

    known = &l->answer.known;

    if (known->details[i]) {
        return TG_OK;
    }

    err = ngx_http_tollgate_details_load(store,
                          l->question.snapshot->snapshot.environment.name,
                          l->question.key_ids[i], &known->details[i],
                          &l->fault);

    if (err == TG_OK) {
        known->has |= NGX_HTTP_TOLLGATE_ASK_DETAILS(i);

    } else {
        known->details[i] = NULL;
    }

    if (err == TG_ERR_NOTFOUND) {
        l->answer.verdict = (i == NGX_HTTP_TOLLGATE_CLIENT) ? TG_TOKEN_CLIENT
                                                            : TG_TOKEN_USER;
    }

    return err;
}


/* The row of the access list; the version of the client goes with it. */

static tg_err_t
ngx_http_tollgate_lookup_row(ngx_http_tollgate_lookup_t *l,
    ngx_http_tollgate_thread_t *thread, tg_config_store_t *store)
{
    tg_err_t                    err;
    tg_access_entry_t           entry;
    ngx_http_tollgate_known_t  *known;
    const tg_deployed_proxy_t  *p;

    p = l->question.deployed;
    known = &l->answer.known;

    ngx_memzero(&known->access, sizeof(tg_access_t));

    err = ngx_http_tollgate_timed(ACCESS,
            store->ops->access_find(store,
                l->question.key_ids[NGX_HTTP_TOLLGATE_CLIENT], p->targets,
                p->n_targets, &thread->arena, &entry, &known->access_version));

    if (err == TG_ERR_NOTFOUND) {

        if (known->access_version == 0) {
            l->answer.verdict = TG_TOKEN_CLIENT;
            return TG_ERR_NOTFOUND;
        }

        return TG_OK;
    }

    if (err != TG_OK) {
        return err;
    }

    err = tg_access_parse(entry.doc, entry.target,
                          l->question.snapshot->snapshot.environment.name,
                          &thread->arena, &known->access, &l->fault);
    if (err != TG_OK) {
        return err;
    }

    err = ngx_http_tollgate_lookup_details(l, store, NGX_HTTP_TOLLGATE_CLIENT);
    if (err != TG_OK) {
        return err;
    }

    known->access.checks_address =
       known->details[NGX_HTTP_TOLLGATE_CLIENT]->details.token.check_client_ip;

    return TG_OK;
}


static tg_err_t
ngx_http_tollgate_lookup_access(ngx_http_tollgate_lookup_t *l,
    ngx_http_tollgate_thread_t *thread, tg_config_store_t *store)
{
    int64_t                        key_id;
    tg_err_t                       err;
    ngx_http_tollgate_known_t     *known;
    ngx_http_tollgate_question_t  *q;

    q = &l->question;
    known = &l->answer.known;
    key_id = q->key_ids[NGX_HTTP_TOLLGATE_CLIENT];

    if (key_id == 0
        || !ngx_http_tollgate_access_wanted(q->deployed->policy,
                                            known->cached.facts.client_kind))
    {
        return TG_OK;
    }

    known->access_version = q->versions[NGX_HTTP_TOLLGATE_CLIENT];

    if (ngx_http_tollgate_grant_get(key_id, known->access_version,
                                    q->deployed, &known->access)
        != NGX_OK)
    {
        err = ngx_http_tollgate_lookup_row(l, thread, store);
        if (err != TG_OK) {
            return err;
        }

        ngx_http_tollgate_grant_fill(key_id, known->access_version,
                                     q->deployed, &known->access);
    }

    known->has |= NGX_HTTP_TOLLGATE_ASK_ACCESS;

    return TG_OK;
}


static tg_err_t
ngx_http_tollgate_lookup_config(ngx_http_tollgate_lookup_t *l,
    ngx_http_tollgate_thread_t *thread, tg_config_store_t *store)
{
    tg_err_t                       err;
    ngx_uint_t                     i;
    ngx_http_tollgate_question_t  *q;

    q = &l->question;

    for (i = 0; i < NGX_HTTP_TOLLGATE_PARTIES; i++) {
        if (q->asks & NGX_HTTP_TOLLGATE_ASK_LIVE(i)) {
            err = ngx_http_tollgate_lookup_live(l, store, i);
            if (err != TG_OK) {
                return err;
            }
        }
    }

    err = ngx_http_tollgate_lookup_access(l, thread, store);

    for (i = 0; i < NGX_HTTP_TOLLGATE_PARTIES && err == TG_OK; i++) {
        if (q->asks & NGX_HTTP_TOLLGATE_ASK_DETAILS(i)) {
            err = ngx_http_tollgate_lookup_details(l, store, i);
        }
    }

    return err;
}


/* Whether one live client is all that there is to ask: a view of its own. */

static ngx_uint_t
ngx_http_tollgate_lookup_is_single(const ngx_http_tollgate_lookup_t *l)
{
    ngx_uint_t               asks;
    const tg_policy_t       *policy;
    const tg_token_facts_t  *facts;

    policy = l->question.deployed->policy;
    facts = &l->answer.known.cached.facts;
    asks = l->question.asks & ~NGX_HTTP_TOLLGATE_ASK_RECORD;

    return asks == NGX_HTTP_TOLLGATE_ASK_LIVE(NGX_HTTP_TOLLGATE_CLIENT)
           && !ngx_http_tollgate_access_wanted(policy, facts->client_kind)
           && ngx_http_tollgate_details_wanted(policy, NULL, facts, NULL)
              == 0;
}


static tg_err_t
ngx_http_tollgate_lookup_all(ngx_http_tollgate_lookup_t *l,
    ngx_http_tollgate_thread_t *thread)
{
    tg_err_t            err;
    tg_config_store_t  *store;

    if (l->question.asks & NGX_HTTP_TOLLGATE_ASK_RECORD) {
        err = ngx_http_tollgate_lookup_token(l, thread);
        if (err != TG_OK) {
            return err;
        }

    } else {
        l->answer.known.cached.facts = l->question.facts;
    }

    err = ngx_http_tollgate_thread_config(thread, &store);
    if (err != TG_OK) {
        return err;
    }

    if (ngx_http_tollgate_lookup_is_single(l)) {
        return ngx_http_tollgate_lookup_config(l, thread, store);
    }

    err = store->ops->read_begin(store);
    if (err != TG_OK) {
        return err;
    }

    err = ngx_http_tollgate_lookup_config(l, thread, store);

    store->ops->read_end(store);

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

    err = ngx_http_tollgate_lookup_all(l, thread);

    if (err == TG_OK) {
        l->answer.verdict = TG_TOKEN_OK;
    }

    if (l->answer.verdict != TG_TOKEN_UNAVAILABLE) {
        ngx_http_tollgate_count(LOOKUP_STORE, 1);
        return;
    }

    ngx_http_tollgate_count(LOOKUP_FAILED, 1);

    if (l->fault.text[0]) {
        ngx_log_error(NGX_LOG_ERR, thread->log, 0,
                      "tollgate: what the store says of a credential cannot "
                      "be read: %s %s", l->fault.field, l->fault.text);
    }

    if (err == TG_ERR_UNAVAILABLE) {
        ngx_http_tollgate_thread_reopen(thread);
    }
}


ngx_uint_t
ngx_http_tollgate_lookup_is_stale(const ngx_http_tollgate_lookup_t *l)
{
    ngx_uint_t                           i, has;
    const tg_token_facts_t              *facts;
    const ngx_http_tollgate_question_t  *q;

    q = &l->question;

    if ((q->asks & NGX_HTTP_TOLLGATE_ASK_RECORD)
        && ngx_http_tollgate_cache_ticket(q->hash) != l->ticket)
    {
        return 1;
    }

    if (l->answer.verdict != TG_TOKEN_OK) {
        return 0;
    }

    has = l->answer.known.has;
    facts = &l->answer.known.cached.facts;

    for (i = 0; i < NGX_HTTP_TOLLGATE_PARTIES; i++) {

        if ((has & NGX_HTTP_TOLLGATE_ASK_LIVE(i))
            && (!ngx_http_tollgate_live_is_current(
                    ngx_http_tollgate_party_kind(facts, i),
                    ngx_http_tollgate_party(facts, i), l->seqs[i])
                || !ngx_http_tollgate_feed_covers(l->asked)))
        {
            return 1;
        }
    }

    return 0;
}
