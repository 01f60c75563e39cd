
/* Secrets that were chosen: argon2id, in a pool of its own. */


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
    char                       encoded[TG_SECRET_ENCODED_MAX + 1];
    tg_str_t                   secret;      /* own copy */
    uint64_t                   generation;
    uint8_t                    hash[TG_HASH_LEN];
    ngx_uint_t                 matches;
} ngx_http_tollgate_argon_task_t;


static ngx_http_tollgate_remembered_t *ngx_http_tollgate_remembered_at(
    const uint8_t hash[TG_HASH_LEN]);
static ngx_http_tollgate_argon_task_t *ngx_http_tollgate_argon_task(
    const tg_live_client_t *live, tg_str_t secret);
static void ngx_http_tollgate_argon_run(ngx_http_tollgate_task_t *task,
    ngx_http_tollgate_thread_t *thread);
static void ngx_http_tollgate_argon_done(ngx_http_tollgate_task_t *task);
static void ngx_http_tollgate_argon_release(ngx_http_tollgate_task_t *task);


static ngx_http_tollgate_remembered_t
    ngx_http_tollgate_remembered[NGX_HTTP_TOLLGATE_REMEMBERED];


void
ngx_http_tollgate_argon(ngx_http_tollgate_token_t *t,
    const tg_live_client_t *live, tg_str_t id, tg_str_t secret,
    ngx_http_tollgate_step_pt step)
{
    uint8_t                          hash[TG_HASH_LEN];
    ngx_http_tollgate_argon_task_t  *at;
    ngx_http_tollgate_remembered_t  *entry;

    if (tg_secret_hash(ngx_http_tollgate_main->keyring, id, secret, hash)
        != TG_OK)
    {
        step(t, NGX_ERROR);
        return;
    }

    entry = ngx_http_tollgate_remembered_at(hash);

    if (entry->generation == live->generation
        && tg_secret_eq(entry->hash, hash, TG_HASH_LEN))
    {
        step(t, NGX_OK);
        return;
    }

    at = ngx_http_tollgate_argon_task(live, secret);
    if (at == NULL) {
        step(t, NGX_ERROR);
        return;
    }

    at->task.data = t;
    ngx_memcpy(at->hash, hash, TG_HASH_LEN);

    if (ngx_http_tollgate_task_post(NGX_HTTP_TOLLGATE_POOL_ARGON, &at->task)
        != NGX_OK)
    {
        ngx_http_tollgate_task_free(&at->task);
        step(t, NGX_ERROR);
        return;
    }

    t->task = &at->task;
    t->step = step;
}


/*
 * By id and secret together: wrong guesses have places of their own and are
 * never written, so they cannot push out what is remembered.
 */

static ngx_http_tollgate_remembered_t *
ngx_http_tollgate_remembered_at(const uint8_t hash[TG_HASH_LEN])
{
    uint32_t  i;

    ngx_memcpy(&i, hash, sizeof(uint32_t));

    return &ngx_http_tollgate_remembered[i % NGX_HTTP_TOLLGATE_REMEMBERED];
}


static ngx_http_tollgate_argon_task_t *
ngx_http_tollgate_argon_task(const tg_live_client_t *live, tg_str_t secret)
{
    char                            *copy;
    ngx_http_tollgate_argon_task_t  *at;

    at = ngx_http_tollgate_task_alloc(sizeof(ngx_http_tollgate_argon_task_t));
    copy = malloc(secret.n + 1);

    if (at == NULL || copy == NULL) {
        free(at);
        free(copy);
        return NULL;
    }

    if (secret.n) {
        ngx_memcpy(copy, secret.p, secret.n);
    }

    ngx_memcpy(at->encoded, live->secret, live->secret_len);

    at->secret = tg_strn(copy, secret.n);
    at->generation = live->generation;
    at->task.run = ngx_http_tollgate_argon_run;
    at->task.done = ngx_http_tollgate_argon_done;
    at->task.release = ngx_http_tollgate_argon_release;

    return at;
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
    ngx_int_t                        rc;
    ngx_connection_t                *c;
    ngx_http_tollgate_token_t       *t;
    ngx_http_tollgate_argon_task_t  *at;
    ngx_http_tollgate_remembered_t  *entry;

    at = (ngx_http_tollgate_argon_task_t *) task;
    t = task->data;
    c = t->request->connection;

    t->task = NULL;
    ngx_http_set_log_request(c->log, t->request);

    rc = NGX_ERROR;

    if (!task->expired) {
        rc = at->matches ? NGX_OK : NGX_DECLINED;
    }

    if (rc == NGX_OK) {
        entry = ngx_http_tollgate_remembered_at(at->hash);
        entry->generation = at->generation;
        ngx_memcpy(entry->hash, at->hash, TG_HASH_LEN);
    }

    t->step(t, rc);

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
