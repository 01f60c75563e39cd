
/*
 * Questions to the store, one in flight per token or client and worker.
 *
 * A flight has waiters; each takes itself off when its request ends, and the
 * last one cancels the look-up.  A token that ended, or a client that changed,
 * while its look-up was in flight is looked up again for those who wait: the
 * answer may be older than their requests.
 */


#include "ngx_http_tollgate_lookup.h"


#define NGX_HTTP_TOLLGATE_FLIGHT_BUCKETS   1024
#define NGX_HTTP_TOLLGATE_FLIGHT_ATTEMPTS  3


typedef struct ngx_http_tollgate_flight_s  ngx_http_tollgate_flight_t;


struct ngx_http_tollgate_flight_s {
    ngx_queue_t                    queue;     /* of its bucket */
    ngx_queue_t                    waiters;
    u_char                         key[TG_HASH_LEN];
    ngx_uint_t                     attempts;
    ngx_http_tollgate_lookup_t    *lookup;    /* NULL: over */
};


struct ngx_http_tollgate_waiter_s {
    ngx_queue_t                    queue;
    ngx_http_tollgate_flight_t    *flight;
    ngx_http_request_t            *r;
    ngx_http_tollgate_proxied_t   *rq;
};


static void ngx_http_tollgate_flight_done(ngx_http_tollgate_task_t *task);


static ngx_queue_t
    ngx_http_tollgate_flights[NGX_HTTP_TOLLGATE_FLIGHT_BUCKETS];


static ngx_queue_t *
ngx_http_tollgate_flight_bucket(const u_char key[TG_HASH_LEN])
{
    ngx_queue_t  *q;

    q = &ngx_http_tollgate_flights[(key[0] | key[1] << 8)
                                   % NGX_HTTP_TOLLGATE_FLIGHT_BUCKETS];

    if (q->next == NULL) {
        ngx_queue_init(q);
    }

    return q;
}


static ngx_http_tollgate_flight_t *
ngx_http_tollgate_flight_find(const u_char key[TG_HASH_LEN])
{
    ngx_queue_t                 *q, *bucket;
    ngx_http_tollgate_flight_t  *flight;

    bucket = ngx_http_tollgate_flight_bucket(key);

    for (q = ngx_queue_head(bucket);
         q != ngx_queue_sentinel(bucket);
         q = ngx_queue_next(q))
    {
        flight = ngx_queue_data(q, ngx_http_tollgate_flight_t, queue);

        if (ngx_memcmp(flight->key, key, TG_HASH_LEN) == 0) {
            return flight;
        }
    }

    return NULL;
}


static void
ngx_http_tollgate_flight_free(ngx_http_tollgate_flight_t *flight)
{
    ngx_queue_remove(&flight->queue);
    ngx_free(flight);
}


/* Posts the flight's look-up; *lookup is given away. */

static ngx_int_t
ngx_http_tollgate_flight_post(ngx_http_tollgate_flight_t *flight,
    ngx_http_tollgate_lookup_t *lookup)
{
    lookup->task.run = ngx_http_tollgate_lookup_run;
    lookup->task.done = ngx_http_tollgate_flight_done;
    lookup->task.data = flight;

    if (lookup->is_token) {
        lookup->ticket = ngx_http_tollgate_cache_ticket(lookup->hash);
    }

    if (ngx_http_tollgate_task_post(NGX_HTTP_TOLLGATE_POOL_STORE,
                                    &lookup->task)
        != NGX_OK)
    {
        ngx_http_tollgate_task_free(&lookup->task);
        return NGX_ERROR;
    }

    flight->lookup = lookup;
    flight->attempts++;

    return NGX_OK;
}


static ngx_http_tollgate_flight_t *
ngx_http_tollgate_flight_new(const u_char key[TG_HASH_LEN],
    ngx_http_tollgate_lookup_t *lookup)
{
    ngx_http_tollgate_flight_t  *flight;

    flight = ngx_calloc(sizeof(ngx_http_tollgate_flight_t), ngx_cycle->log);
    if (flight == NULL) {
        ngx_http_tollgate_task_free(&lookup->task);
        return NULL;
    }

    ngx_queue_init(&flight->waiters);
    ngx_memcpy(flight->key, key, TG_HASH_LEN);

    if (ngx_http_tollgate_flight_post(flight, lookup) != NGX_OK) {
        ngx_free(flight);
        return NULL;
    }

    ngx_queue_insert_head(ngx_http_tollgate_flight_bucket(key),
                          &flight->queue);

    return flight;
}


static void
ngx_http_tollgate_waiter_leave(ngx_http_tollgate_waiter_t *waiter)
{
    waiter->rq->waiter = NULL;
    waiter->flight = NULL;

    ngx_queue_remove(&waiter->queue);
}


/* The request ends while it waits. */

static void
ngx_http_tollgate_waiter_cleanup(void *data)
{
    ngx_http_tollgate_waiter_t  *waiter = data;

    ngx_http_tollgate_flight_t  *flight;

    flight = waiter->flight;

    if (flight == NULL) {
        return;
    }

    ngx_http_tollgate_waiter_leave(waiter);

    /* nobody waits any more; a flight that is over frees itself */

    if (ngx_queue_empty(&flight->waiters) && flight->lookup) {
        ngx_http_tollgate_task_cancel(&flight->lookup->task);
        ngx_http_tollgate_flight_free(flight);
    }
}


static ngx_int_t
ngx_http_tollgate_flight_join(ngx_http_tollgate_flight_t *flight,
    ngx_http_request_t *r, ngx_http_tollgate_proxied_t *rq,
    ngx_pool_cleanup_t *cln)
{
    ngx_http_tollgate_waiter_t  *waiter;

    waiter = cln->data;

    waiter->flight = flight;
    waiter->r = r;
    waiter->rq = rq;

    ngx_queue_insert_tail(&flight->waiters, &waiter->queue);

    cln->handler = ngx_http_tollgate_waiter_cleanup;
    rq->waiter = waiter;

    return NGX_AGAIN;
}


/* Calls the phase handler again, with the answer. */

static void
ngx_http_tollgate_waiter_resume(ngx_http_tollgate_waiter_t *waiter,
    const ngx_http_tollgate_answer_t *answer)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = waiter->r;
    c = r->connection;

    waiter->rq->answer = answer;
    ngx_http_tollgate_waiter_leave(waiter);

    ngx_http_set_log_request(c->log, r);

    ngx_http_core_run_phases(r);
    ngx_http_run_posted_requests(c);
}


static void
ngx_http_tollgate_flight_land(ngx_http_tollgate_flight_t *flight,
    const ngx_http_tollgate_answer_t *answer)
{
    ngx_queue_t                 *q;
    ngx_http_tollgate_waiter_t  *waiter;

    /* a request that is resumed may start the next flight of this token */

    flight->lookup = NULL;
    ngx_queue_remove(&flight->queue);

    while (!ngx_queue_empty(&flight->waiters)) {
        q = ngx_queue_head(&flight->waiters);
        waiter = ngx_queue_data(q, ngx_http_tollgate_waiter_t, queue);

        ngx_http_tollgate_waiter_resume(waiter, answer);
    }

    ngx_free(flight);
}


/* The same question once more.  NGX_ERROR: not possible. */

static ngx_int_t
ngx_http_tollgate_flight_repeat(ngx_http_tollgate_flight_t *flight,
    const ngx_http_tollgate_lookup_t *before)
{
    ngx_http_tollgate_lookup_t  *lookup;

    if (flight->attempts >= NGX_HTTP_TOLLGATE_FLIGHT_ATTEMPTS) {
        return NGX_ERROR;
    }

    lookup = ngx_http_tollgate_task_alloc(sizeof(ngx_http_tollgate_lookup_t));
    if (lookup == NULL) {
        return NGX_ERROR;
    }

    lookup->is_token = before->is_token;
    lookup->bucket = before->bucket;
    lookup->environment_id = before->environment_id;
    ngx_memcpy(lookup->hash, before->hash, TG_HASH_LEN);

    lookup->kind = before->kind;
    lookup->client_id_len = before->client_id_len;
    ngx_memcpy(lookup->client_id, before->client_id, before->client_id_len);

    return ngx_http_tollgate_flight_post(flight, lookup);
}


static void
ngx_http_tollgate_flight_done(ngx_http_tollgate_task_t *task)
{
    ngx_http_tollgate_lookup_t  *l = (ngx_http_tollgate_lookup_t *) task;

    ngx_http_tollgate_flight_t        *flight;
    const ngx_http_tollgate_answer_t  *answer;

    static const ngx_http_tollgate_answer_t  unavailable = {
        .verdict = TG_TOKEN_UNAVAILABLE
    };

    flight = task->data;
    answer = task->expired ? &unavailable : &l->answer;

    if (!task->expired && ngx_http_tollgate_lookup_is_stale(l)) {

        if (ngx_http_tollgate_flight_repeat(flight, l) == NGX_OK) {
            return;
        }

        answer = &unavailable;
    }

    ngx_http_tollgate_flight_land(flight, answer);
}


/*
 * Waits on the flight with this key, or on a new one with this look-up, which
 * is given away.  A full pool is an answer, too.
 */

static ngx_int_t
ngx_http_tollgate_flight_wait(ngx_http_request_t *r,
    ngx_http_tollgate_proxied_t *rq, const u_char key[TG_HASH_LEN],
    ngx_http_tollgate_lookup_t *(*make)(ngx_http_tollgate_proxied_t *rq,
                                        void *data),
    void *data)
{
    ngx_pool_cleanup_t          *cln;
    ngx_http_tollgate_flight_t  *flight;
    ngx_http_tollgate_lookup_t  *lookup;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_tollgate_waiter_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    flight = ngx_http_tollgate_flight_find(key);

    if (flight) {
        ngx_http_tollgate_count(LOOKUP_SHARED, 1);
        return ngx_http_tollgate_flight_join(flight, r, rq, cln);
    }

    lookup = make(rq, data);
    if (lookup == NULL) {
        return NGX_ERROR;
    }

    flight = ngx_http_tollgate_flight_new(key, lookup);
    if (flight == NULL) {
        return NGX_BUSY;
    }

    return ngx_http_tollgate_flight_join(flight, r, rq, cln);
}


static ngx_http_tollgate_lookup_t *
ngx_http_tollgate_lookup_make_token(ngx_http_tollgate_proxied_t *rq,
    void *data)
{
    tg_bucket_t                 *bucket = data;
    ngx_http_tollgate_lookup_t  *lookup;

    lookup = ngx_http_tollgate_task_alloc(sizeof(ngx_http_tollgate_lookup_t));
    if (lookup == NULL) {
        return NULL;
    }

    lookup->is_token = 1;
    lookup->bucket = *bucket;
    lookup->environment_id = rq->ctx.snapshot->snapshot.environment_id;
    ngx_memcpy(lookup->hash, rq->hash, TG_HASH_LEN);

    return lookup;
}


ngx_int_t
ngx_http_tollgate_lookup_token(ngx_http_request_t *r,
    ngx_http_tollgate_proxied_t *rq, tg_bucket_t bucket)
{
    return ngx_http_tollgate_flight_wait(r, rq, rq->hash,
                                         ngx_http_tollgate_lookup_make_token,
                                         &bucket);
}


typedef struct {
    tg_client_kind_t               kind;
    tg_str_t                       client_id;
} ngx_http_tollgate_lookup_whom_t;


static ngx_http_tollgate_lookup_t *
ngx_http_tollgate_lookup_make_client(ngx_http_tollgate_proxied_t *rq,
    void *data)
{
    ngx_http_tollgate_lookup_t       *lookup;
    ngx_http_tollgate_lookup_whom_t  *whom = data;

    lookup = ngx_http_tollgate_task_alloc(sizeof(ngx_http_tollgate_lookup_t));
    if (lookup == NULL) {
        return NULL;
    }

    lookup->environment_id = rq->ctx.snapshot->snapshot.environment_id;
    lookup->kind = whom->kind;
    lookup->client_id_len = ngx_min(whom->client_id.n, TG_CLIENT_ID_MAX);
    ngx_memcpy(lookup->client_id, whom->client_id.p, lookup->client_id_len);

    return lookup;
}


ngx_int_t
ngx_http_tollgate_lookup_client(ngx_http_request_t *r,
    ngx_http_tollgate_proxied_t *rq, tg_client_kind_t kind,
    tg_str_t client_id)
{
    char                             text[TG_CLIENT_ID_MAX + 1];
    u_char                           key[TG_HASH_LEN];
    ngx_http_tollgate_lookup_whom_t  whom;

    if (client_id.n > TG_CLIENT_ID_MAX) {
        return NGX_ERROR;
    }

    text[0] = (char) kind;
    ngx_memcpy(text + 1, client_id.p, client_id.n);

    if (tg_sha256(tg_strn(text, client_id.n + 1), key) != TG_OK) {
        return NGX_ERROR;
    }

    whom.kind = kind;
    whom.client_id = client_id;

    return ngx_http_tollgate_flight_wait(r, rq, key,
                                         ngx_http_tollgate_lookup_make_client,
                                         &whom);
}
