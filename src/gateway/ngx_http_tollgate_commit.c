
/*
 * Group commit: records of opaque tokens wait in a queue; while one batch is
 * being made durable the next one gathers, and goes when the first has come
 * back.  So the store's own speed is the clock, and nobody waits for a timer.
 */


#include "ngx_http_tollgate_endpoints.h"


#define NGX_HTTP_TOLLGATE_COMMIT_MAX  16384  /* records queued in a worker */


/* A record with its strings, and who waits for it. */
struct ngx_http_tollgate_commit_s {
    ngx_queue_t                  queue;
    ngx_http_tollgate_token_t   *waiter;   /* NULL: the request went away */
    ngx_http_tollgate_ticket_t   ticket;
    tg_record_t                  record;
    tg_err_t                     result;
    char                         strings[1];
};


typedef struct {
    ngx_http_tollgate_task_t     task;     /* first member */
    ngx_http_tollgate_commit_t **items;
    const tg_record_t          **records;
    tg_err_t                    *results;
    size_t                       n;
    tg_err_t                     err;
} ngx_http_tollgate_batch_t;


static ngx_http_tollgate_commit_t *ngx_http_tollgate_commit_create(
    const tg_record_t *record);
static void ngx_http_tollgate_commit_start(ngx_event_t *ev);
static void ngx_http_tollgate_commit_give_up(void);
static ngx_http_tollgate_batch_t *ngx_http_tollgate_batch_create(size_t n);
static void ngx_http_tollgate_batch_run(ngx_http_tollgate_task_t *task,
    ngx_http_tollgate_thread_t *thread);
static tg_err_t ngx_http_tollgate_epochs_read(tg_token_store_t *store,
    ngx_http_tollgate_batch_t *batch);
static void ngx_http_tollgate_batch_done(ngx_http_tollgate_task_t *task);
static void ngx_http_tollgate_batch_release(ngx_http_tollgate_task_t *task);
static void ngx_http_tollgate_commit_answer(ngx_http_tollgate_commit_t *item,
    ngx_uint_t durable);
static void ngx_http_tollgate_commit_remember(
    ngx_http_tollgate_commit_t *item);


static ngx_queue_t  ngx_http_tollgate_queue;      /* gathering */
static ngx_uint_t   ngx_http_tollgate_queued;
static ngx_uint_t   ngx_http_tollgate_writing;    /* records of the batch */
static ngx_uint_t   ngx_http_tollgate_in_flight;
static ngx_event_t  ngx_http_tollgate_start;


ngx_int_t
ngx_http_tollgate_commit_init(ngx_cycle_t *cycle)
{
    ngx_queue_init(&ngx_http_tollgate_queue);

    ngx_http_tollgate_queued = 0;
    ngx_http_tollgate_writing = 0;
    ngx_http_tollgate_in_flight = 0;

    ngx_memzero(&ngx_http_tollgate_start, sizeof(ngx_event_t));
    ngx_http_tollgate_start.handler = ngx_http_tollgate_commit_start;
    ngx_http_tollgate_start.log = cycle->log;

    return NGX_OK;
}


ngx_uint_t
ngx_http_tollgate_commit_pending(void)
{
    return ngx_http_tollgate_queued + ngx_http_tollgate_writing;
}


ngx_int_t
ngx_http_tollgate_commit(ngx_http_tollgate_token_t *t,
    const tg_record_t *record)
{
    ngx_http_tollgate_commit_t  *item;

    if (ngx_http_tollgate_queued >= NGX_HTTP_TOLLGATE_COMMIT_MAX) {
        return NGX_BUSY;
    }

    item = ngx_http_tollgate_commit_create(record);
    if (item == NULL) {
        return NGX_ERROR;
    }

    item->waiter = t;
    item->ticket = ngx_http_tollgate_cache_ticket(record->hash);
    t->commit = item;

    ngx_queue_insert_tail(&ngx_http_tollgate_queue, &item->queue);
    ngx_http_tollgate_queued++;

    /* at the end of this turn of the event loop, so that its requests share */

    if (!ngx_http_tollgate_in_flight) {
        ngx_post_event(&ngx_http_tollgate_start, &ngx_posted_events);
    }

    return NGX_OK;
}


void
ngx_http_tollgate_commit_forget(ngx_http_tollgate_token_t *t)
{
    t->commit->waiter = NULL;
    t->commit = NULL;
}


static ngx_http_tollgate_commit_t *
ngx_http_tollgate_commit_create(const tg_record_t *record)
{
    char                        *p;
    size_t                       i;
    tg_str_t                    *views[3];
    ngx_http_tollgate_commit_t  *item;

    item = calloc(1, sizeof(ngx_http_tollgate_commit_t) + record->client_id.n
                     + record->subject.n + record->scope.n);
    if (item == NULL) {
        return NULL;
    }

    item->record = *record;
    p = item->strings;

    views[0] = &item->record.client_id;
    views[1] = &item->record.subject;
    views[2] = &item->record.scope;

    for (i = 0; i < 3; i++) {
        if (views[i]->n) {
            ngx_memcpy(p, views[i]->p, views[i]->n);
        }
        views[i]->p = p;
        p += views[i]->n;
    }

    return item;
}


static void
ngx_http_tollgate_commit_start(ngx_event_t *ev)
{
    size_t                       i, n;
    ngx_queue_t                 *q;
    ngx_http_tollgate_batch_t   *batch;

    if (ngx_http_tollgate_in_flight || ngx_http_tollgate_queued == 0) {
        return;
    }

    n = ngx_min(ngx_http_tollgate_queued,
                (ngx_uint_t) ngx_http_tollgate_main->batch_limit);

    batch = ngx_http_tollgate_batch_create(n);
    if (batch == NULL) {
        ngx_http_tollgate_commit_give_up();
        return;
    }

    for (i = 0; i < n; i++) {
        q = ngx_queue_head(&ngx_http_tollgate_queue);
        ngx_queue_remove(q);
        ngx_http_tollgate_queued--;

        batch->items[i] = ngx_queue_data(q, ngx_http_tollgate_commit_t, queue);
        batch->records[i] = &batch->items[i]->record;
        batch->n++;
    }

    ngx_http_tollgate_in_flight = 1;
    ngx_http_tollgate_writing = n;

    if (ngx_http_tollgate_task_post(NGX_HTTP_TOLLGATE_POOL_COMMIT,
                                    &batch->task)
        == NGX_OK)
    {
        return;
    }

    batch->err = TG_ERR_UNAVAILABLE;
    ngx_http_tollgate_batch_done(&batch->task);
    ngx_http_tollgate_task_free(&batch->task);
}


/* No memory for a batch: all that wait are refused. */

static void
ngx_http_tollgate_commit_give_up(void)
{
    ngx_queue_t                 *q;
    ngx_http_tollgate_commit_t  *item;

    while (!ngx_queue_empty(&ngx_http_tollgate_queue)) {
        q = ngx_queue_head(&ngx_http_tollgate_queue);
        ngx_queue_remove(q);
        ngx_http_tollgate_queued--;

        item = ngx_queue_data(q, ngx_http_tollgate_commit_t, queue);
        ngx_http_tollgate_commit_answer(item, 0);
        free(item);
    }
}


static ngx_http_tollgate_batch_t *
ngx_http_tollgate_batch_create(size_t n)
{
    ngx_http_tollgate_batch_t  *batch;

    batch = ngx_http_tollgate_task_alloc(sizeof(ngx_http_tollgate_batch_t));
    if (batch == NULL) {
        return NULL;
    }

    batch->task.run = ngx_http_tollgate_batch_run;
    batch->task.done = ngx_http_tollgate_batch_done;
    batch->task.release = ngx_http_tollgate_batch_release;

    batch->items = calloc(n, sizeof(ngx_http_tollgate_commit_t *));
    batch->records = calloc(n, sizeof(tg_record_t *));
    batch->results = calloc(n, sizeof(tg_err_t));

    if (batch->items == NULL || batch->records == NULL
        || batch->results == NULL)
    {
        ngx_http_tollgate_task_free(&batch->task);
        return NULL;
    }

    return batch;
}


static void
ngx_http_tollgate_batch_run(ngx_http_tollgate_task_t *task,
    ngx_http_tollgate_thread_t *thread)
{
    tg_token_store_t           *store;
    ngx_http_tollgate_batch_t  *batch;

    batch = (ngx_http_tollgate_batch_t *) task;

    batch->err = ngx_http_tollgate_thread_tokens(thread, &store);

    if (batch->err == TG_OK) {
        batch->err = ngx_http_tollgate_epochs_read(store, batch);
    }

    if (batch->err == TG_OK) {
        batch->err = store->ops->record_put(store, batch->records, batch->n,
                                            batch->results);
    }

    if (batch->err == TG_ERR_UNAVAILABLE) {
        ngx_http_tollgate_thread_reopen(thread);
    }
}


/*
 * A record is issued in the epoch of its (client, subject), the larger one of
 * the subject's and the client's.  One that is raised between this and the
 * commit ends the token: its client asked for that at the same moment.
 */

static tg_err_t
ngx_http_tollgate_epochs_read(tg_token_store_t *store,
    ngx_http_tollgate_batch_t *batch)
{
    size_t        i;
    int64_t       epoch, whole;
    tg_err_t      err;
    tg_record_t  *record, *last;

    last = NULL;

    for (i = 0; i < batch->n; i++) {
        record = &batch->items[i]->record;

        if (last && record->environment_id == last->environment_id
            && record->client_kind == last->client_kind
            && tg_str_eq(record->client_id, last->client_id)
            && tg_str_eq(record->subject, last->subject))
        {
            record->epoch = last->epoch;
            continue;
        }

        err = store->ops->epoch_get(store, record->environment_id,
                                    record->client_kind, record->client_id,
                                    record->subject, &epoch);
        if (err == TG_OK) {
            err = store->ops->epoch_get(store, record->environment_id,
                                        record->client_kind,
                                        record->client_id, TG_STR_NONE,
                                        &whole);
        }

        if (err != TG_OK) {
            return err;
        }

        record->epoch = ngx_max(epoch, whole);
        last = record;
    }

    return TG_OK;
}


static void
ngx_http_tollgate_batch_done(ngx_http_tollgate_task_t *task)
{
    size_t                      i;
    ngx_uint_t                  durable;
    ngx_http_tollgate_batch_t  *batch;

    batch = (ngx_http_tollgate_batch_t *) task;

    ngx_http_tollgate_in_flight = 0;
    ngx_http_tollgate_writing = 0;

    durable = !task->expired && batch->err == TG_OK;

    if (durable) {
        ngx_http_tollgate_count(COMMIT_BATCHES, 1);
        ngx_http_tollgate_count(COMMIT_RECORDS, batch->n);

    } else {
        ngx_http_tollgate_count(COMMIT_FAILED, 1);
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "tollgate: %uz token records were not written: %s",
                      batch->n, task->expired ? "the store did not answer "
                      "in time" : tg_err_name(batch->err));
    }

    /* the next batch gathers what the answers below do not wait for */

    if (ngx_http_tollgate_queued) {
        ngx_post_event(&ngx_http_tollgate_start, &ngx_posted_events);
    }

    for (i = 0; i < batch->n; i++) {
        ngx_http_tollgate_commit_answer(batch->items[i],
                              durable && batch->results[i] == TG_OK);
    }
}


/*
 * Answers who waits.  The items are freed with their batch, since at the
 * deadline the thread may still read them.
 */

static void
ngx_http_tollgate_commit_answer(ngx_http_tollgate_commit_t *item,
    ngx_uint_t durable)
{
    ngx_connection_t           *c;
    ngx_http_tollgate_token_t  *t;

    t = item->waiter;

    if (t == NULL) {
        return;
    }

    item->waiter = NULL;
    t->commit = NULL;

    c = t->request->connection;
    ngx_http_set_log_request(c->log, t->request);

    if (durable) {
        ngx_http_tollgate_commit_remember(item);
        ngx_http_tollgate_token_granted(t,
                                        tg_strn(t->opaque, TG_OPAQUE_LEN));
    } else {
        ngx_http_tollgate_token_refused(t, TG_OAUTH_SERVER_ERROR,
                          "The token cannot be stored; try again.");
    }

    ngx_http_run_posted_requests(c);
}


/* Its first use is soon: this spares the store a look-up. */

static void
ngx_http_tollgate_commit_remember(ngx_http_tollgate_commit_t *item)
{
    ngx_http_tollgate_cached_t  cached;

    ngx_memzero(&cached, sizeof(ngx_http_tollgate_cached_t));

    if (tg_record_prove(&item->record, &cached.facts) == TG_TOKEN_OK) {
        cached.epoch = item->record.epoch;
        ngx_http_tollgate_cache_fill(item->record.hash, 0, item->ticket,
                                     &cached);
    }
}


static void
ngx_http_tollgate_batch_release(ngx_http_tollgate_task_t *task)
{
    size_t                      i;
    ngx_http_tollgate_batch_t  *batch;

    batch = (ngx_http_tollgate_batch_t *) task;

    for (i = 0; i < batch->n; i++) {
        free(batch->items[i]);
    }

    free(batch->items);
    free(batch->records);
    free(batch->results);
}
