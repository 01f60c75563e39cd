
/*
 * Questions to the store, one in flight per question and worker: a token at a
 * proxy, or whom tokens speak for.
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


/* Which questions are the same; without padding.  A flight holds `deployed`. */
typedef struct {
    u_char                         hash[TG_HASH_LEN];  /* of the token, or of
                                                          whom it speaks for */
    const tg_deployed_proxy_t     *deployed;
    ngx_uint_t                     asks;
    int64_t                        versions[NGX_HTTP_TOLLGATE_PARTIES];
} ngx_http_tollgate_flight_key_t;


struct ngx_http_tollgate_flight_s {
    ngx_queue_t                    queue;     /* of its bucket */
    ngx_queue_t                    waiters;
    ngx_http_tollgate_flight_key_t key;
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
ngx_http_tollgate_flight_bucket(const ngx_http_tollgate_flight_key_t *key)
{
    ngx_queue_t  *q;

    q = &ngx_http_tollgate_flights[(key->hash[0] | key->hash[1] << 8)
                                   % NGX_HTTP_TOLLGATE_FLIGHT_BUCKETS];

    if (q->next == NULL) {
        ngx_queue_init(q);
    }

    return q;
}


static ngx_http_tollgate_flight_t *
ngx_http_tollgate_flight_find(const ngx_http_tollgate_flight_key_t *key)
{
    ngx_queue_t                 *q, *bucket;
    ngx_http_tollgate_flight_t  *flight;

    bucket = ngx_http_tollgate_flight_bucket(key);

    for (q = ngx_queue_head(bucket);
         q != ngx_queue_sentinel(bucket);
         q = ngx_queue_next(q))
    {
        flight = ngx_queue_data(q, ngx_http_tollgate_flight_t, queue);

        if (ngx_memcmp(&flight->key, key, sizeof(*key)) == 0) {
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
    lookup->task.done = ngx_http_tollgate_flight_done;
    lookup->task.data = flight;

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
ngx_http_tollgate_flight_new(const ngx_http_tollgate_flight_key_t *key,
    ngx_http_tollgate_lookup_t *lookup)
{
    ngx_http_tollgate_flight_t  *flight;

    flight = ngx_calloc(sizeof(ngx_http_tollgate_flight_t), ngx_cycle->log);
    if (flight == NULL) {
        ngx_http_tollgate_task_free(&lookup->task);
        return NULL;
    }

    ngx_queue_init(&flight->waiters);
    flight->key = *key;

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

    lookup = ngx_http_tollgate_lookup_new(&before->question);
    if (lookup == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_tollgate_flight_post(flight, lookup);
}


/* Under the version that they were read with, whoever has asked for them. */

static void
ngx_http_tollgate_flight_details(const ngx_http_tollgate_known_t *known)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_TOLLGATE_PARTIES; i++) {
        if (known->details[i]) {
            ngx_http_tollgate_details_put(known->details[i]);
        }
    }
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

    if (!task->expired) {
        ngx_http_tollgate_flight_details(&l->answer.known);
    }

    if (!task->expired && ngx_http_tollgate_lookup_is_stale(l)) {

        if (ngx_http_tollgate_flight_repeat(flight, l) == NGX_OK) {
            return;
        }

        answer = &unavailable;
    }

    ngx_http_tollgate_flight_land(flight, answer);
}


/* Whom a token speaks for: other tokens of theirs have the same question. */

static ngx_int_t
ngx_http_tollgate_flight_whom(const tg_token_facts_t *facts,
    u_char hash[TG_HASH_LEN])
{
    size_t    n;
    char      text[2 * TG_CLIENT_ID_MAX + 2];
    tg_str_t  party;

    text[0] = (char) facts->client_kind;
    n = 1;

    party = ngx_http_tollgate_party(facts, NGX_HTTP_TOLLGATE_CLIENT);
    ngx_memcpy(text + n, party.p, party.n);
    n += party.n;

    if (ngx_http_tollgate_parties(facts) > 1) {
        text[n++] = ':';   /* not in a client_id */

        party = ngx_http_tollgate_party(facts, NGX_HTTP_TOLLGATE_USER);
        ngx_memcpy(text + n, party.p, party.n);
        n += party.n;
    }

    return tg_sha256(tg_strn(text, n), hash) == TG_OK ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_tollgate_flight_key(const ngx_http_tollgate_question_t *question,
    ngx_http_tollgate_flight_key_t *key)
{
    ngx_memzero(key, sizeof(ngx_http_tollgate_flight_key_t));

    key->deployed = question->deployed;
    key->asks = question->asks;
    ngx_memcpy(key->versions, question->versions, sizeof(key->versions));

    if (question->asks & NGX_HTTP_TOLLGATE_ASK_RECORD) {
        ngx_memcpy(key->hash, question->hash, TG_HASH_LEN);
        return NGX_OK;
    }

    return ngx_http_tollgate_flight_whom(&question->facts, key->hash);
}


/*
 * Waits on the flight with this question, or on a new one.  A full pool is an
 * answer, too.
 */

ngx_int_t
ngx_http_tollgate_ask(ngx_http_request_t *r, ngx_http_tollgate_proxied_t *rq,
    const ngx_http_tollgate_question_t *question)
{
    ngx_pool_cleanup_t              *cln;
    ngx_http_tollgate_flight_t      *flight;
    ngx_http_tollgate_lookup_t      *lookup;
    ngx_http_tollgate_flight_key_t   key;

    if (ngx_http_tollgate_flight_key(question, &key) != NGX_OK) {
        return NGX_ERROR;
    }

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_tollgate_waiter_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    flight = ngx_http_tollgate_flight_find(&key);

    if (flight) {
        ngx_http_tollgate_count(LOOKUP_SHARED, 1);
        return ngx_http_tollgate_flight_join(flight, r, rq, cln);
    }

    lookup = ngx_http_tollgate_lookup_new(question);
    if (lookup == NULL) {
        return NGX_ERROR;
    }

    flight = ngx_http_tollgate_flight_new(&key, lookup);
    if (flight == NULL) {
        return NGX_BUSY;
    }

    return ngx_http_tollgate_flight_join(flight, r, rq, cln);
}
