
/*
 * A record, asked of the store itself: for refresh, introspection and
 * revocation, which need more of it than the token cache holds.
 */


#include "ngx_http_tollgate_endpoints.h"


/* more refreshes of one family than anyone looks back */
#define NGX_HTTP_TOLLGATE_LINE_MAX  4096


typedef struct {
    ngx_http_tollgate_task_t    task;     /* first member */
    u_char                      hash[TG_HASH_LEN];
    tg_bucket_t                 bucket;
    ngx_uint_t                  refresh;
    ngx_uint_t                  user;     /* ask for it: metadata, life */
    int64_t                     environment_id;
    ngx_http_tollgate_found_pt  handler;
    ngx_http_tollgate_found_t   found;
    tg_arena_t                  arena;
} ngx_http_tollgate_record_t;


static void ngx_http_tollgate_record_run(ngx_http_tollgate_task_t *task,
    ngx_http_tollgate_thread_t *thread);
static tg_err_t ngx_http_tollgate_record_read(
    ngx_http_tollgate_record_t *record, ngx_http_tollgate_thread_t *thread);
static tg_err_t ngx_http_tollgate_record_newest(tg_token_store_t *store,
    ngx_http_tollgate_found_t *found);
static void ngx_http_tollgate_record_done(ngx_http_tollgate_task_t *task);
static void ngx_http_tollgate_record_release(ngx_http_tollgate_task_t *task);


ngx_int_t
ngx_http_tollgate_record_find(ngx_http_tollgate_token_t *t,
    const u_char hash[TG_HASH_LEN], tg_bucket_t bucket, ngx_uint_t refresh,
    ngx_http_tollgate_found_pt handler)
{
    ngx_int_t                    rc;
    ngx_http_tollgate_record_t  *record;

    record = ngx_http_tollgate_task_alloc(sizeof(ngx_http_tollgate_record_t));
    if (record == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(record->hash, hash, TG_HASH_LEN);
    record->bucket = bucket;
    record->refresh = refresh;
    record->user = (t->asked.grant == TG_GRANT_REFRESH);
    record->environment_id = t->ctx->snapshot->snapshot.environment_id;
    record->handler = handler;
    record->found.ticket = ngx_http_tollgate_cache_ticket(hash);
    tg_arena_init(&record->arena, 64 * 1024);

    record->task.run = ngx_http_tollgate_record_run;
    record->task.done = ngx_http_tollgate_record_done;
    record->task.release = ngx_http_tollgate_record_release;
    record->task.data = t;

    rc = ngx_http_tollgate_task_post(NGX_HTTP_TOLLGATE_POOL_STORE,
                                     &record->task);
    if (rc != NGX_OK) {
        ngx_http_tollgate_task_free(&record->task);
        return rc;
    }

    t->task = &record->task;

    return NGX_OK;
}


static void
ngx_http_tollgate_record_run(ngx_http_tollgate_task_t *task,
    ngx_http_tollgate_thread_t *thread)
{
    ngx_http_tollgate_record_t  *record = (ngx_http_tollgate_record_t *) task;

    record->found.err = ngx_http_tollgate_record_read(record, thread);

    if (record->found.err == TG_ERR_UNAVAILABLE) {
        ngx_http_tollgate_count(LOOKUP_FAILED, 1);
        ngx_http_tollgate_thread_reopen(thread);

    } else {
        ngx_http_tollgate_count(LOOKUP_STORE, 1);
    }
}


static tg_err_t
ngx_http_tollgate_record_read(ngx_http_tollgate_record_t *record,
    ngx_http_tollgate_thread_t *thread)
{
    tg_err_t                    err;
    tg_token_store_t           *store;
    ngx_http_tollgate_found_t  *found;

    found = &record->found;
    found->successor_err = TG_ERR_NOTFOUND;

    err = ngx_http_tollgate_thread_tokens(thread, &store);
    if (err != TG_OK) {
        return err;
    }

    err = ngx_http_tollgate_timed(RECORD, record->refresh
          ? store->ops->record_find_refresh(store, record->hash,
                                            record->bucket, &record->arena,
                                            &found->record)
          : store->ops->record_find(store, record->hash, record->bucket,
                                    &record->arena, &found->record));
    if (err != TG_OK) {
        return err;
    }

    ngx_memcpy(found->newest, found->record.hash, TG_HASH_LEN);

    if (found->record.has_successor) {
        found->successor_err = ngx_http_tollgate_timed(RECORD,
                store->ops->record_find(store, found->record.successor,
                    found->record.successor_bucket, &record->arena,
                    &found->successor));

        if (found->successor_err == TG_OK) {
            err = ngx_http_tollgate_record_newest(store, found);

        } else if (found->successor_err != TG_ERR_NOTFOUND) {
            err = found->successor_err;
        }

        if (err != TG_OK) {
            return err;
        }
    }

    found->proven = tg_record_prove(&found->record, &found->cached.facts)
                    == TG_TOKEN_OK;

    if (found->proven) {
        ngx_http_tollgate_epochs_note(&found->cached);
    }

    err = ngx_http_tollgate_epoch_read(store, &found->record, &found->epoch);
    found->cached.epoch = found->epoch;

    if (err == TG_OK && record->user && found->record.user_generation) {
        err = ngx_http_tollgate_principal_read(thread, record->environment_id,
                                               TG_CLIENT_CREDENTIAL,
                                               found->record.subject, 1,
                                               &found->user);
    }

    return err;
}


/* Of a family, the one record that may still live is the last of its line. */

static tg_err_t
ngx_http_tollgate_record_newest(tg_token_store_t *store,
    ngx_http_tollgate_found_t *found)
{
    tg_err_t     err;
    tg_arena_t   arena;
    tg_record_t  record;
    ngx_uint_t   i;

    err = TG_OK;
    record = found->successor;
    ngx_memcpy(found->newest, record.hash, TG_HASH_LEN);

    for (i = 0; record.has_successor && i < NGX_HTTP_TOLLGATE_LINE_MAX; i++) {
        tg_arena_init(&arena, 64 * 1024);

        err = ngx_http_tollgate_timed(RECORD,
                store->ops->record_find(store, record.successor,
                    record.successor_bucket, &arena, &record));
        tg_arena_release(&arena);

        if (err != TG_OK) {
            break;
        }

        ngx_memcpy(found->newest, record.hash, TG_HASH_LEN);
    }

    found->over = (err == TG_ERR_NOTFOUND
                   || (record.ended_at != 0 && !record.has_successor));

    return err == TG_ERR_NOTFOUND ? TG_OK : err;
}


static void
ngx_http_tollgate_record_done(ngx_http_tollgate_task_t *task)
{
    ngx_connection_t            *c;
    ngx_http_tollgate_token_t   *t;
    ngx_http_tollgate_found_t    none;
    ngx_http_tollgate_record_t  *record = (ngx_http_tollgate_record_t *) task;

    t = task->data;
    c = t->request->connection;

    t->task = NULL;
    ngx_http_set_log_request(c->log, t->request);

    if (task->expired) {
        ngx_memzero(&none, sizeof(ngx_http_tollgate_found_t));
        none.err = TG_ERR_UNAVAILABLE;
        record->handler(t, &none);

    } else {
        record->handler(t, &record->found);
    }

    ngx_http_run_posted_requests(c);
}


static void
ngx_http_tollgate_record_release(ngx_http_tollgate_task_t *task)
{
    ngx_http_tollgate_record_t  *record = (ngx_http_tollgate_record_t *) task;

    ngx_http_tollgate_principal_release(&record->found.user);
    tg_arena_release(&record->arena);
}
