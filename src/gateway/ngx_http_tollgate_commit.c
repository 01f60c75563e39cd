
/*
 * Group commit: writes to the token store wait in a queue; while one batch is
 * being made durable the next one gathers, and goes when the first has come
 * back.  So the store's own speed is the clock, and nobody waits for a timer.
 */


#include "ngx_http_tollgate_endpoints.h"


#define NGX_HTTP_TOLLGATE_COMMIT_MAX  16384  /* items queued in a worker */


/* Up to two writes with their strings, and who waits for them. */
struct ngx_http_tollgate_commit_s {
    ngx_queue_t                    queue;
    ngx_http_tollgate_token_t     *waiter;   /* NULL: the request went away */
    ngx_http_tollgate_commit_pt    handler;
    ngx_uint_t                     n;
    tg_write_t                     writes[NGX_HTTP_TOLLGATE_COMMIT_WRITES];
    tg_record_t                    records[NGX_HTTP_TOLLGATE_COMMIT_WRITES];
    tg_arena_t                     arena;    /* strings of both */
};


typedef struct {
    ngx_http_tollgate_task_t       task;     /* first member */
    ngx_http_tollgate_commit_t   **items;
    size_t                         n_items;
    tg_write_t                    *writes;   /* of all items, in order */
    size_t                         n_writes;
    tg_arena_t                     arena;    /* what the store gives out */
    tg_err_t                       err;
} ngx_http_tollgate_batch_t;


static ngx_http_tollgate_commit_t *ngx_http_tollgate_commit_create(
    const tg_write_t *writes, ngx_uint_t n);
static tg_err_t ngx_http_tollgate_write_copy(ngx_http_tollgate_commit_t *item,
    ngx_uint_t i, const tg_write_t *write);
static void ngx_http_tollgate_commit_free(ngx_http_tollgate_commit_t *item);
static void ngx_http_tollgate_commit_start(ngx_event_t *ev);
static void ngx_http_tollgate_batch_add(ngx_http_tollgate_batch_t *batch,
    ngx_http_tollgate_commit_t *item);
static void ngx_http_tollgate_commit_give_up(void);
static ngx_http_tollgate_batch_t *ngx_http_tollgate_batch_create(
    size_t n_items);
static void ngx_http_tollgate_batch_run(ngx_http_tollgate_task_t *task,
    ngx_http_tollgate_thread_t *thread);
static tg_err_t ngx_http_tollgate_epochs_settle(tg_token_store_t *store,
    ngx_http_tollgate_batch_t *batch);
static void ngx_http_tollgate_batch_done(ngx_http_tollgate_task_t *task);
static void ngx_http_tollgate_batch_release(ngx_http_tollgate_task_t *task);
static void ngx_http_tollgate_commit_answer(ngx_http_tollgate_commit_t *item,
    const tg_write_t *writes);


static ngx_queue_t  ngx_http_tollgate_queue;      /* gathering */
static ngx_uint_t   ngx_http_tollgate_queued;
static ngx_uint_t   ngx_http_tollgate_writing;    /* items of the batch */
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
    const tg_write_t *writes, ngx_uint_t n,
    ngx_http_tollgate_commit_pt handler)
{
    ngx_http_tollgate_commit_t  *item;

    if (ngx_http_tollgate_queued >= NGX_HTTP_TOLLGATE_COMMIT_MAX) {
        return NGX_BUSY;
    }

    item = ngx_http_tollgate_commit_create(writes, n);
    if (item == NULL) {
        return NGX_ERROR;
    }

    item->waiter = t;
    item->handler = handler;

    if (t) {
        t->commit = item;
    }

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
ngx_http_tollgate_commit_create(const tg_write_t *writes, ngx_uint_t n)
{
    ngx_uint_t                   i;
    ngx_http_tollgate_commit_t  *item;

    item = calloc(1, sizeof(ngx_http_tollgate_commit_t));
    if (item == NULL) {
        return NULL;
    }

    tg_arena_init(&item->arena, 4 * (TG_CLIENT_ID_MAX + TG_SUBJECT_MAX
                                     + TG_SCOPE_MAX));

    for (i = 0; i < n; i++) {
        if (ngx_http_tollgate_write_copy(item, i, &writes[i]) != TG_OK) {
            ngx_http_tollgate_commit_free(item);
            return NULL;
        }
    }

    item->n = n;

    return item;
}


static tg_err_t
ngx_http_tollgate_write_copy(ngx_http_tollgate_commit_t *item, ngx_uint_t i,
    const tg_write_t *write)
{
    tg_write_t   *copy;
    tg_record_t  *record;

    copy = &item->writes[i];
    record = &item->records[i];

    *copy = *write;

    if (!tg_arena_str(&item->arena, write->client_id, &copy->client_id)
        || !tg_arena_str(&item->arena, write->subject, &copy->subject))
    {
        return TG_ERR_NOMEM;
    }

    if (write->record == NULL) {
        return TG_OK;
    }

    *record = *write->record;
    copy->record = record;

    return tg_arena_str(&item->arena, write->record->client_id,
                        &record->client_id)
           && tg_arena_str(&item->arena, write->record->subject,
                           &record->subject)
           && tg_arena_str(&item->arena, write->record->scope,
                           &record->scope)
           ? TG_OK : TG_ERR_NOMEM;
}


static void
ngx_http_tollgate_commit_free(ngx_http_tollgate_commit_t *item)
{
    tg_arena_release(&item->arena);
    free(item);
}


static void
ngx_http_tollgate_commit_start(ngx_event_t *ev)
{
    size_t                       i, n;
    ngx_queue_t                 *q;
    ngx_http_tollgate_commit_t  *item;
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

        item = ngx_queue_data(q, ngx_http_tollgate_commit_t, queue);

        ngx_http_tollgate_batch_add(batch, item);
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


static void
ngx_http_tollgate_batch_add(ngx_http_tollgate_batch_t *batch,
    ngx_http_tollgate_commit_t *item)
{
    ngx_uint_t   i;
    tg_write_t  *write;

    batch->items[batch->n_items++] = item;

    for (i = 0; i < item->n; i++) {
        write = &batch->writes[batch->n_writes];
        *write = item->writes[i];

        if (write->epoch_from) {
            write->epoch_from = write - 1;
        }

        batch->n_writes++;
    }
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
        ngx_http_tollgate_commit_answer(item, NULL);
        ngx_http_tollgate_commit_free(item);
    }
}


static ngx_http_tollgate_batch_t *
ngx_http_tollgate_batch_create(size_t n_items)
{
    ngx_http_tollgate_batch_t  *batch;

    batch = ngx_http_tollgate_task_alloc(sizeof(ngx_http_tollgate_batch_t));
    if (batch == NULL) {
        return NULL;
    }

    batch->task.run = ngx_http_tollgate_batch_run;
    batch->task.done = ngx_http_tollgate_batch_done;
    batch->task.release = ngx_http_tollgate_batch_release;

    tg_arena_init(&batch->arena, 16 * 1024 * 1024);

    batch->items = calloc(n_items, sizeof(ngx_http_tollgate_commit_t *));
    batch->writes = calloc(n_items * NGX_HTTP_TOLLGATE_COMMIT_WRITES,
                           sizeof(tg_write_t));

    if (batch->items == NULL || batch->writes == NULL) {
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
        batch->err = ngx_http_tollgate_epochs_settle(store, batch);
    }

    if (batch->err == TG_OK) {
        batch->err = ngx_http_tollgate_timed(WRITE,
                store->ops->write_many(store, batch->writes, batch->n_writes,
                    &batch->arena));
    }

    if (batch->err == TG_ERR_UNAVAILABLE) {
        ngx_http_tollgate_thread_reopen(thread);
    }
}


/*
 * A record is issued in the epoch of its (client, subject), unless a write
 * before it raises that.  One that is raised between this and the commit ends
 * the token: its client asked for that at the same moment.
 */

static tg_err_t
ngx_http_tollgate_epochs_settle(tg_token_store_t *store,
    ngx_http_tollgate_batch_t *batch)
{
    size_t                       i;
    tg_err_t                     err;
    tg_record_t                 *record, *last;
    ngx_http_tollgate_commit_t  *item;

    last = NULL;

    for (i = 0; i < batch->n_items; i++) {
        item = batch->items[i];

        if (item->writes[0].kind != TG_WRITE_PUT) {
            continue;
        }

        record = &item->records[0];

        if (last && record->environment_id == last->environment_id
            && record->client_kind == last->client_kind
            && tg_str_eq(record->client_id, last->client_id)
            && tg_str_eq(record->subject, last->subject))
        {
            record->epoch = last->epoch;
            continue;
        }

        err = ngx_http_tollgate_epoch_read(store, record, &record->epoch);
        if (err != TG_OK) {
            return err;
        }

        last = record;
    }

    return TG_OK;
}


tg_err_t
ngx_http_tollgate_epoch_read(tg_token_store_t *store,
    const tg_record_t *record, int64_t *epoch)
{
    int64_t   whole;
    tg_err_t  err;

    err = ngx_http_tollgate_timed(EPOCH,
            store->ops->epoch_get(store, record->environment_id,
                record->client_kind, record->client_id, record->subject,
                epoch));
    if (err == TG_OK) {
        err = ngx_http_tollgate_timed(EPOCH,
                store->ops->epoch_get(store, record->environment_id,
                    record->client_kind, record->client_id, TG_STR_NONE,
                    &whole));
    }

    if (err == TG_OK) {
        *epoch = ngx_max(*epoch, whole);
    }

    return err;
}


static void
ngx_http_tollgate_batch_done(ngx_http_tollgate_task_t *task)
{
    size_t                      i, at;
    ngx_uint_t                  durable;
    ngx_http_tollgate_batch_t  *batch;

    batch = (ngx_http_tollgate_batch_t *) task;

    ngx_http_tollgate_in_flight = 0;
    ngx_http_tollgate_writing = 0;

    durable = !task->expired && batch->err == TG_OK;

    if (durable) {
        ngx_http_tollgate_count(COMMIT_BATCHES, 1);
        ngx_http_tollgate_count(COMMIT_RECORDS, batch->n_writes);

    } else {
        ngx_http_tollgate_count(COMMIT_FAILED, 1);
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "tollgate: %uz writes to the token store failed: %s",
                      batch->n_writes, task->expired ? "the store did not "
                      "answer in time" : tg_err_name(batch->err));
    }

    /* the next batch gathers what the answers below do not wait for */

    if (ngx_http_tollgate_queued) {
        ngx_post_event(&ngx_http_tollgate_start, &ngx_posted_events);
    }

    at = 0;

    for (i = 0; i < batch->n_items; i++) {
        ngx_http_tollgate_commit_answer(batch->items[i],
                                        durable ? batch->writes + at : NULL);
        at += batch->items[i]->n;
    }
}


/*
 * Answers who waits.  The items are freed with their batch, since at the
 * deadline the thread may still read them.
 */

static void
ngx_http_tollgate_commit_answer(ngx_http_tollgate_commit_t *item,
    const tg_write_t *writes)
{
    ngx_connection_t           *c;
    ngx_http_tollgate_token_t  *t;

    t = item->waiter;

    if (writes && writes[0].kind == TG_WRITE_EPOCH) {
        ngx_http_tollgate_epoch_raised(tg_epoch_id(writes[0].client_kind,
                                                   writes[0].client_id,
                                                   writes[0].subject));
    }

    if (t == NULL) {
        return;
    }

    item->waiter = NULL;
    t->commit = NULL;

    c = t->request->connection;
    ngx_http_set_log_request(c->log, t->request);

    item->handler(t, writes);

    ngx_http_run_posted_requests(c);
}


static void
ngx_http_tollgate_batch_release(ngx_http_tollgate_task_t *task)
{
    size_t                      i;
    ngx_http_tollgate_batch_t  *batch;

    batch = (ngx_http_tollgate_batch_t *) task;

    for (i = 0; i < batch->n_items; i++) {
        ngx_http_tollgate_commit_free(batch->items[i]);
    }

    free(batch->items);
    free(batch->writes);
    tg_arena_release(&batch->arena);
}
