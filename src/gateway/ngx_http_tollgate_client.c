
/*
 * Who asks: the live client by its id, and whether its secret is right.
 */


#include "ngx_http_tollgate_endpoints.h"

#include <argon2.h>


/*
 * argon2id is paid once: what it accepted is remembered under the fast keyed
 * hash.  The generation is new with each secret, so an entry of an old secret
 * never matches again.
 */
#define NGX_HTTP_TOLLGATE_REMEMBERED  4096


typedef struct {
    uint64_t                   generation;
    uint8_t                    hash[TG_HASH_LEN];
} ngx_http_tollgate_remembered_t;


typedef struct {
    ngx_http_tollgate_task_t   task;        /* first member */
    int64_t                    environment_id;
    tg_live_client_t           client;
    int64_t                    seq;
    tg_err_t                   err;
    size_t                     id_len;
    char                       id[TG_CLIENT_ID_MAX];
} ngx_http_tollgate_client_task_t;


typedef struct {
    ngx_http_tollgate_task_t   task;        /* first member */
    char                       encoded[TG_SECRET_ENCODED_MAX + 1];
    tg_str_t                   secret;      /* own copy */
    ngx_uint_t                 matches;
} ngx_http_tollgate_argon_task_t;


static void ngx_http_tollgate_client_run(ngx_http_tollgate_task_t *task,
    ngx_http_tollgate_thread_t *thread);
static void ngx_http_tollgate_client_done(ngx_http_tollgate_task_t *task);
static void ngx_http_tollgate_client_verify(ngx_http_tollgate_token_t *t);
static void ngx_http_tollgate_client_decide(ngx_http_tollgate_token_t *t,
    tg_client_verdict_t verdict);
static void ngx_http_tollgate_client_known(ngx_http_tollgate_token_t *t);
static ngx_int_t ngx_http_tollgate_secret_hash(ngx_http_tollgate_token_t *t,
    uint8_t hash[TG_HASH_LEN], ngx_http_tollgate_remembered_t **entry);
static void ngx_http_tollgate_argon(ngx_http_tollgate_token_t *t);
static void ngx_http_tollgate_argon_run(ngx_http_tollgate_task_t *task,
    ngx_http_tollgate_thread_t *thread);
static void ngx_http_tollgate_argon_done(ngx_http_tollgate_task_t *task);
static void ngx_http_tollgate_argon_release(ngx_http_tollgate_task_t *task);


static ngx_http_tollgate_remembered_t
    ngx_http_tollgate_remembered[NGX_HTTP_TOLLGATE_REMEMBERED];


static const char  ngx_http_tollgate_busy[] =
                                    "The service is busy; try again.";
static const char  ngx_http_tollgate_down[] =
                                    "The store cannot be reached; try again.";


void
ngx_http_tollgate_client_find(ngx_http_tollgate_token_t *t)
{
    tg_str_t                          id;
    ngx_http_tollgate_client_task_t  *ct;

    id = t->asked.client_id;

    if (id.n == 0 || id.n > TG_CLIENT_ID_MAX) {
        ngx_http_tollgate_client_refused(t, TG_CLIENT_UNKNOWN);
        return;
    }

    if (ngx_http_tollgate_feed_is_fresh()
        && ngx_http_tollgate_live_get(TG_CLIENT_APPLICATION, id, &t->client)
           == NGX_OK)
    {
        ngx_http_tollgate_count(LIVE_HIT, 1);
        ngx_http_tollgate_client_verify(t);
        return;
    }

    ngx_http_tollgate_count(LIVE_MISS, 1);

    ct = ngx_http_tollgate_task_alloc(sizeof(ngx_http_tollgate_client_task_t));
    if (ct == NULL) {
        ngx_http_tollgate_token_refused(t, TG_OAUTH_SERVER_ERROR,
                                        ngx_http_tollgate_busy);
        return;
    }

    ct->task.run = ngx_http_tollgate_client_run;
    ct->task.done = ngx_http_tollgate_client_done;
    ct->task.data = t;
    ct->environment_id = t->ctx->snapshot->snapshot.environment_id;
    ct->id_len = id.n;
    ngx_memcpy(ct->id, id.p, id.n);

    if (ngx_http_tollgate_task_post(NGX_HTTP_TOLLGATE_POOL_STORE, &ct->task)
        != NGX_OK)
    {
        ngx_http_tollgate_task_free(&ct->task);
        ngx_http_tollgate_token_refused(t, TG_OAUTH_SERVER_ERROR,
                                        ngx_http_tollgate_busy);
        return;
    }

    t->task = &ct->task;
}


static void
ngx_http_tollgate_client_run(ngx_http_tollgate_task_t *task,
    ngx_http_tollgate_thread_t *thread)
{
    tg_config_store_t                *store;
    ngx_http_tollgate_client_task_t  *ct;

    ct = (ngx_http_tollgate_client_task_t *) task;

    ct->err = ngx_http_tollgate_thread_config(thread, &store);

    if (ct->err == TG_OK) {
        ct->err = store->ops->client_live(store, ct->environment_id,
                                          TG_CLIENT_APPLICATION,
                                          tg_strn(ct->id, ct->id_len),
                                          &ct->client, &ct->seq);
    }

    if (ct->err == TG_ERR_UNAVAILABLE) {
        ngx_http_tollgate_thread_reopen(thread);
    }
}


static void
ngx_http_tollgate_client_done(ngx_http_tollgate_task_t *task)
{
    ngx_connection_t                 *c;
    ngx_http_tollgate_token_t        *t;
    ngx_http_tollgate_client_task_t  *ct;

    ct = (ngx_http_tollgate_client_task_t *) task;
    t = task->data;
    c = t->request->connection;

    t->task = NULL;
    ngx_http_set_log_request(c->log, t->request);

    if (task->expired || ct->err != TG_OK) {
        ngx_http_tollgate_token_refused(t, TG_OAUTH_SERVER_ERROR,
                                        ngx_http_tollgate_down);

    } else {
        ngx_http_tollgate_live_fill(TG_CLIENT_APPLICATION,
                                    tg_strn(ct->id, ct->id_len), &ct->client,
                                    ct->seq);
        t->client = ct->client;
        ngx_http_tollgate_client_verify(t);
    }

    ngx_http_run_posted_requests(c);
}


static void
ngx_http_tollgate_client_verify(ngx_http_tollgate_token_t *t)
{
    uint8_t                          hash[TG_HASH_LEN];
    tg_client_verdict_t              verdict;
    ngx_http_tollgate_remembered_t  *entry;

    verdict = tg_client_verify(ngx_http_tollgate_main->keyring, &t->client,
                               &t->asked, ngx_http_tollgate_now_ms());

    if (verdict != TG_CLIENT_NEEDS_ARGON2) {
        ngx_http_tollgate_client_decide(t, verdict);
        return;
    }

    if (ngx_http_tollgate_secret_hash(t, hash, &entry) != NGX_OK) {
        ngx_http_tollgate_client_decide(t, TG_CLIENT_UNAVAILABLE);
        return;
    }

    if (entry->generation == t->client.generation
        && tg_secret_eq(entry->hash, hash, TG_HASH_LEN))
    {
        verdict = tg_client_verify_known(&t->client, true,
                                         ngx_http_tollgate_now_ms());
        ngx_http_tollgate_client_decide(t, verdict);
        return;
    }

    ngx_http_tollgate_argon(t);
}


/*
 * By the client's id and secret together: wrong guesses have places of their
 * own and are never written, so they cannot push out what is remembered.
 */

static ngx_int_t
ngx_http_tollgate_secret_hash(ngx_http_tollgate_token_t *t,
    uint8_t hash[TG_HASH_LEN], ngx_http_tollgate_remembered_t **entry)
{
    uint32_t  i;

    if (tg_secret_hash(ngx_http_tollgate_main->keyring, t->asked.client_id,
                       t->asked.client_secret, hash)
        != TG_OK)
    {
        return NGX_ERROR;
    }

    ngx_memcpy(&i, hash, sizeof(uint32_t));
    *entry = &ngx_http_tollgate_remembered[i % NGX_HTTP_TOLLGATE_REMEMBERED];

    return NGX_OK;
}


static void
ngx_http_tollgate_argon(ngx_http_tollgate_token_t *t)
{
    char                            *secret;
    tg_str_t                         asked;
    ngx_http_tollgate_argon_task_t  *at;

    asked = t->asked.client_secret;

    at = ngx_http_tollgate_task_alloc(sizeof(ngx_http_tollgate_argon_task_t));
    secret = malloc(asked.n + 1);

    if (at == NULL || secret == NULL) {
        free(secret);
        if (at) {
            ngx_http_tollgate_task_free(&at->task);
        }
        ngx_http_tollgate_client_decide(t, TG_CLIENT_UNAVAILABLE);
        return;
    }

    ngx_memcpy(secret, asked.p, asked.n);
    ngx_memcpy(at->encoded, t->client.secret, t->client.secret_len);

    at->secret = tg_strn(secret, asked.n);
    at->task.run = ngx_http_tollgate_argon_run;
    at->task.done = ngx_http_tollgate_argon_done;
    at->task.release = ngx_http_tollgate_argon_release;
    at->task.data = t;

    if (ngx_http_tollgate_task_post(NGX_HTTP_TOLLGATE_POOL_CRYPTO, &at->task)
        != NGX_OK)
    {
        ngx_http_tollgate_task_free(&at->task);
        ngx_http_tollgate_client_decide(t, TG_CLIENT_UNAVAILABLE);
        return;
    }

    t->task = &at->task;
}


static void
ngx_http_tollgate_argon_run(ngx_http_tollgate_task_t *task,
    ngx_http_tollgate_thread_t *thread)
{
    ngx_http_tollgate_argon_task_t  *at;

    at = (ngx_http_tollgate_argon_task_t *) task;

    at->matches = argon2id_verify(at->encoded, at->secret.p, at->secret.n)
                  == ARGON2_OK;
}


static void
ngx_http_tollgate_argon_done(ngx_http_tollgate_task_t *task)
{
    uint8_t                          hash[TG_HASH_LEN];
    ngx_connection_t                *c;
    tg_client_verdict_t              verdict;
    ngx_http_tollgate_token_t       *t;
    ngx_http_tollgate_remembered_t  *entry;
    ngx_http_tollgate_argon_task_t  *at;

    at = (ngx_http_tollgate_argon_task_t *) task;
    t = task->data;
    c = t->request->connection;

    t->task = NULL;
    ngx_http_set_log_request(c->log, t->request);

    if (task->expired) {
        verdict = TG_CLIENT_UNAVAILABLE;

    } else {
        verdict = tg_client_verify_known(&t->client, at->matches,
                                         ngx_http_tollgate_now_ms());

        if (at->matches
            && ngx_http_tollgate_secret_hash(t, hash, &entry) == NGX_OK)
        {
            entry->generation = t->client.generation;
            ngx_memcpy(entry->hash, hash, TG_HASH_LEN);
        }
    }

    ngx_http_tollgate_client_decide(t, verdict);
    ngx_http_run_posted_requests(c);
}


static void
ngx_http_tollgate_argon_release(ngx_http_tollgate_task_t *task)
{
    ngx_http_tollgate_argon_task_t  *at;

    at = (ngx_http_tollgate_argon_task_t *) task;

    tg_wipe((void *) at->secret.p, at->secret.n);
    free((void *) at->secret.p);
    tg_wipe(at->encoded, sizeof(at->encoded));
}


static void
ngx_http_tollgate_client_decide(ngx_http_tollgate_token_t *t,
    tg_client_verdict_t verdict)
{
    if (t->client.exists) {
        t->ctx->client = t->asked.client_id;
    }

    if (verdict == TG_CLIENT_UNAVAILABLE) {
        ngx_http_tollgate_token_refused(t, TG_OAUTH_SERVER_ERROR,
                                        ngx_http_tollgate_busy);
        return;
    }

    if (verdict == TG_CLIENT_OK) {
        t->owner = ngx_http_tollgate_snapshot_owner(t->ctx->snapshot,
                                                    t->client.key_id);
        if (t->owner == NULL) {
            verdict = TG_CLIENT_NOT_DEPLOYED;
        }
    }

    if (verdict != TG_CLIENT_OK) {
        ngx_http_tollgate_client_refused(t, verdict);
        return;
    }

    t->ctx->proxy = t->owner->proxy.name;

    ngx_http_tollgate_client_known(t);
}


/* Who asks is known: what is asked? */

static void
ngx_http_tollgate_client_known(ngx_http_tollgate_token_t *t)
{
    const char           *why;
    tg_grant_plan_t       plan;
    tg_oauth_error_t      error;
    tg_token_endpoint_t   endpoint;

    if (t->endpoint == NGX_HTTP_TOLLGATE_EP_INTROSPECT
        || t->endpoint == NGX_HTTP_TOLLGATE_EP_REVOKE)
    {
        ngx_http_tollgate_query(t);
        return;
    }

    if (t->endpoint == NGX_HTTP_TOLLGATE_EP_REGENERATE) {
        ngx_http_tollgate_regenerate(t);
        return;
    }

    endpoint = t->endpoint == NGX_HTTP_TOLLGATE_EP_JWT ? TG_ENDPOINT_JWT
                                                       : TG_ENDPOINT_TOKEN;

    error = tg_grant_decide(endpoint, &t->asked, &t->client, t->owner->policy,
                            &plan, &why);

    /* an application key has no roles */

    if (error == TG_OAUTH_OK && t->asked.grant != TG_GRANT_REFRESH) {
        t->arena.max += TG_SCOPE_MAX + 64;
        error = tg_scope_resolve(&t->ctx->snapshot->snapshot.token_management,
                                 &t->asked, NULL, 0, &t->arena, &plan, &why);
    }

    if (error != TG_OAUTH_OK) {
        ngx_http_tollgate_token_refused(t, error, why);

    } else if (t->asked.grant == TG_GRANT_REFRESH) {
        ngx_http_tollgate_refresh(t);

    } else {
        ngx_http_tollgate_issue(t, &plan);
    }
}
