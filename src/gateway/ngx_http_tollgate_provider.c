
/*
 * Identity providers: for each that was asked by this worker a pool of its
 * own, a circuit breaker, and counters.
 *
 * The event loop owns the list.  One that has another version, or that no
 * snapshot names any more, leaves it at once; what it has under way goes on,
 * and the pool gives it back to be freed when that is over.
 */


#include <stdlib.h>

#include "identity/provider_secrets.h"
#include "model/identity_provider.h"
#include "policy/breaker.h"
#include "ngx_http_tollgate_state.h"


/* A provider, and with it its secrets in clear. */
#define NGX_HTTP_TOLLGATE_PROVIDER_ARENA  (1024 * 1024)
/* A question, and an answer. */
#define NGX_HTTP_TOLLGATE_ASK_ARENA       (1024 * 1024)

/* Its own time-out comes first, so that it says why. */
#define NGX_HTTP_TOLLGATE_ASK_MORE_MS     100

/* A failure is in the log at most so often. */
#define NGX_HTTP_TOLLGATE_FAULT_LOG_MS    1000


typedef struct ngx_http_tollgate_provider_s  ngx_http_tollgate_provider_t;

struct ngx_http_tollgate_provider_s {
    int64_t                              id;
    int64_t                              version;
    tg_breaker_t                         breaker;
    tg_breaker_rule_t                    rule;
    ngx_http_tollgate_pool_t            *pool;
    ngx_http_tollgate_provider_meter_t  *meter;
    uint64_t                             logged;
    ngx_http_tollgate_provider_t        *next;

    /* of the threads, under the mutex until it is open; constant then */
    pthread_mutex_t                      mutex;
    ngx_uint_t                           open;
    tg_identity_provider_t               provider;
    tg_arena_t                           arena;
};


/* A question on its way. */
typedef struct {
    ngx_http_tollgate_task_t             task;       /* first member */
    ngx_http_tollgate_provider_t        *provider;
    ngx_http_tollgate_told_pt            handler;
    tg_identity_question_t               question;
    ngx_uint_t                           look_up;
    ngx_uint_t                           counted;
    int64_t                              cache_s;
    u_char                               key[TG_HASH_LEN];
    ngx_http_tollgate_told_t             told;

    /* of the thread, until it gives the task back */
    ngx_uint_t                           ran;
    tg_err_t                             err;
    uint64_t                             duration;   /* us */
    tg_fault_t                           fault;
} ngx_http_tollgate_ask_t;


static ngx_http_tollgate_provider_t *ngx_http_tollgate_provider_get(
    const tg_snapshot_provider_t *p);
static ngx_http_tollgate_provider_t *ngx_http_tollgate_provider_new(
    const tg_snapshot_provider_t *p);
static ngx_int_t ngx_http_tollgate_provider_copy(
    ngx_http_tollgate_provider_t *provider, const tg_snapshot_provider_t *p);
static void ngx_http_tollgate_provider_drop(
    ngx_http_tollgate_provider_t **place);
static void ngx_http_tollgate_provider_free(void *data);
static void ngx_http_tollgate_provider_thread_ended(
    ngx_http_tollgate_thread_t *thread);
static ngx_http_tollgate_ask_t *ngx_http_tollgate_ask_new(
    const tg_snapshot_provider_t *p, const tg_identity_question_t *q);
static void ngx_http_tollgate_ask_run(ngx_http_tollgate_task_t *task,
    ngx_http_tollgate_thread_t *thread);
static tg_err_t ngx_http_tollgate_ask_handle(
    ngx_http_tollgate_provider_t *provider, tg_identity_t **handle,
    tg_fault_t *fault);
static void ngx_http_tollgate_ask_done(ngx_http_tollgate_task_t *task);
static void ngx_http_tollgate_ask_count(ngx_http_tollgate_ask_t *ask);
static void ngx_http_tollgate_ask_log(ngx_http_tollgate_ask_t *ask);
static void ngx_http_tollgate_ask_release(ngx_http_tollgate_task_t *task);
static ngx_http_tollgate_told_e ngx_http_tollgate_told_of(
    tg_identity_verdict_t verdict);
static void ngx_http_tollgate_provider_count(
    ngx_http_tollgate_provider_t *provider, ngx_http_tollgate_told_e result);
static ngx_uint_t ngx_http_tollgate_provider_wait(
    const ngx_http_tollgate_provider_t *provider);


static ngx_http_tollgate_provider_t  *ngx_http_tollgate_providers;


/* -- the list ------------------------------------------------------------- */

static ngx_http_tollgate_provider_t *
ngx_http_tollgate_provider_get(const tg_snapshot_provider_t *p)
{
    ngx_http_tollgate_provider_t  *provider, **place;

    for (place = &ngx_http_tollgate_providers; *place;
         place = &(*place)->next)
    {
        provider = *place;

        if (provider->id != p->id) {
            continue;
        }

        /* a request that began before a change is served by what is new */

        if (provider->version >= p->version) {
            return provider;
        }

        ngx_http_tollgate_provider_drop(place);
        break;
    }

    provider = ngx_http_tollgate_provider_new(p);

    if (provider) {
        provider->next = ngx_http_tollgate_providers;
        ngx_http_tollgate_providers = provider;
    }

    return provider;
}


static ngx_http_tollgate_provider_t *
ngx_http_tollgate_provider_new(const tg_snapshot_provider_t *p)
{
    ngx_http_tollgate_provider_t  *provider;

    provider = calloc(1, sizeof(ngx_http_tollgate_provider_t));
    if (provider == NULL) {
        return NULL;
    }

    provider->id = p->id;
    provider->version = p->version;
    provider->meter = ngx_http_tollgate_provider_meter(p);
    provider->rule.failures = p->provider.breaker_failures;
    provider->rule.open_ms = (uint64_t) p->provider.breaker_open_ms;
    provider->rule.probe_ms = (uint64_t) p->provider.timeout_ms
                              + 2 * NGX_HTTP_TOLLGATE_ASK_MORE_MS;
    (void) pthread_mutex_init(&provider->mutex, NULL);
    tg_arena_init(&provider->arena, NGX_HTTP_TOLLGATE_PROVIDER_ARENA);

    if (ngx_http_tollgate_provider_copy(provider, p) == NGX_OK) {
        provider->pool = ngx_http_tollgate_pool_new(
                                 (ngx_uint_t) p->provider.pool_size,
                                 (ngx_uint_t) p->provider.queue_size,
                                 ngx_http_tollgate_provider_thread_ended,
                                 ngx_http_tollgate_provider_free, provider);
    }

    if (provider->pool == NULL) {
        ngx_http_tollgate_provider_free(provider);
        return NULL;
    }

    return provider;
}


/* Its own: a pool must not keep a whole snapshot in memory. */

static ngx_int_t
ngx_http_tollgate_provider_copy(ngx_http_tollgate_provider_t *provider,
    const tg_snapshot_provider_t *p)
{
    json_t    *doc;
    tg_err_t   err;
    tg_str_t   project;

    doc = tg_identity_provider_write(&p->provider);

    err = doc && tg_arena_str(&provider->arena, p->provider.project, &project)
          ? tg_identity_provider_read_stored(doc, project, &provider->arena,
                                             &provider->provider, NULL)
          : TG_ERR_NOMEM;

    json_decref(doc);

    return err == TG_OK ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_tollgate_provider_drop(ngx_http_tollgate_provider_t **place)
{
    ngx_http_tollgate_provider_t  *provider;

    provider = *place;
    *place = provider->next;

    ngx_http_tollgate_provider_cache_drop(provider->id);
    ngx_http_tollgate_pool_close(provider->pool);
}


void
ngx_http_tollgate_providers_keep(const tg_snapshot_t *s)
{
    size_t                          i;
    ngx_http_tollgate_provider_t  **place;

    for (place = &ngx_http_tollgate_providers; *place; /* void */) {

        for (i = 0; i < s->n_providers; i++) {
            if (s->providers[i].id == (*place)->id
                && s->providers[i].version == (*place)->version)
            {
                break;
            }
        }

        if (i < s->n_providers) {
            place = &(*place)->next;

        } else {
            ngx_http_tollgate_provider_drop(place);
        }
    }
}


/* The arena wipes what was in it. */

static void
ngx_http_tollgate_provider_free(void *data)
{
    ngx_http_tollgate_provider_t  *provider = data;

    tg_arena_release(&provider->arena);
    (void) pthread_mutex_destroy(&provider->mutex);
    free(provider);
}


static void
ngx_http_tollgate_provider_thread_ended(ngx_http_tollgate_thread_t *thread)
{
    tg_identity_t  *handle;

    handle = thread->own;

    if (handle) {
        handle->ops->close(handle);
        thread->own = NULL;
    }
}


/* -- asking --------------------------------------------------------------- */

ngx_int_t
ngx_http_tollgate_provider_ask(const tg_snapshot_provider_t *p,
    const tg_identity_question_t *q, ngx_uint_t look_up,
    ngx_http_tollgate_told_pt handler, void *data,
    ngx_http_tollgate_task_t **task, ngx_http_tollgate_told_t *told)
{
    uint64_t                       now;
    ngx_http_tollgate_ask_t       *ask;
    ngx_http_tollgate_provider_t  *provider;

    ngx_memzero(told, sizeof(ngx_http_tollgate_told_t));
    tg_arena_init(&told->arena, NGX_HTTP_TOLLGATE_ASK_ARENA);

    told->result = NGX_HTTP_TOLLGATE_TOLD_UNAVAILABLE;
    told->retry_after = 1;

    provider = ngx_http_tollgate_provider_get(p);
    if (provider == NULL) {
        return NGX_OK;
    }

    ask = ngx_http_tollgate_ask_new(p, q);
    if (ask == NULL) {
        return NGX_OK;
    }

    ask->provider = provider;
    ask->look_up = look_up;
    ask->handler = handler;
    ask->task.data = data;

    if (p->provider.cache_s > 0 && !look_up
        && ngx_http_tollgate_provider_cache_key(p, q, ask->key) == NGX_OK)
    {
        ask->cache_s = p->provider.cache_s;

        if (ngx_http_tollgate_provider_cache_get(ask->key, &told->arena,
                                                 &told->answer)
            == NGX_OK)
        {
            told->result = NGX_HTTP_TOLLGATE_TOLD_CACHED;
            ngx_http_tollgate_provider_count(provider, told->result);
            ngx_http_tollgate_task_free(&ask->task);
            return NGX_OK;
        }

        tg_arena_release(&told->arena);
    }

    now = ngx_http_tollgate_monotonic_ms();

    if (!tg_breaker_ask(&provider->breaker, &provider->rule, now)) {
        told->result = NGX_HTTP_TOLLGATE_TOLD_OPEN;
        told->retry_after = ngx_http_tollgate_provider_wait(provider);
        ngx_http_tollgate_provider_count(provider, told->result);
        ngx_http_tollgate_task_free(&ask->task);
        return NGX_OK;
    }

    if (ngx_http_tollgate_pool_post(provider->pool, &ask->task) != NGX_OK) {
        told->result = NGX_HTTP_TOLLGATE_TOLD_FULL;
        ngx_http_tollgate_provider_count(provider, told->result);

        /* a probe that finds no place among those that hang has failed */

        if (provider->breaker.probe_at) {
            tg_breaker_told(&provider->breaker, &provider->rule, 0, now);
        }

        ngx_http_tollgate_task_free(&ask->task);
        return NGX_OK;
    }

    *task = &ask->task;

    return NGX_AGAIN;
}


static ngx_http_tollgate_ask_t *
ngx_http_tollgate_ask_new(const tg_snapshot_provider_t *p,
    const tg_identity_question_t *q)
{
    tg_arena_t               *a;
    ngx_http_tollgate_ask_t  *ask;

    ask = ngx_http_tollgate_task_alloc(sizeof(ngx_http_tollgate_ask_t));
    if (ask == NULL) {
        return NULL;
    }

    a = &ask->told.arena;
    tg_arena_init(a, NGX_HTTP_TOLLGATE_ASK_ARENA);

    ask->task.run = ngx_http_tollgate_ask_run;
    ask->task.done = ngx_http_tollgate_ask_done;
    ask->task.release = ngx_http_tollgate_ask_release;
    ask->task.deadline = (ngx_msec_t) p->provider.timeout_ms
                         + NGX_HTTP_TOLLGATE_ASK_MORE_MS;

    if (!tg_arena_str(a, q->username, &ask->question.username)
        || !tg_arena_str(a, q->password, &ask->question.password)
        || !tg_arena_str(a, q->client_id, &ask->question.client_id)
        || !tg_arena_str(a, q->address, &ask->question.address))
    {
        ngx_http_tollgate_task_free(&ask->task);
        return NULL;
    }

    return ask;
}


static void
ngx_http_tollgate_ask_run(ngx_http_tollgate_task_t *task,
    ngx_http_tollgate_thread_t *thread)
{
    ngx_http_tollgate_ask_t *ask = (ngx_http_tollgate_ask_t *) task;

    tg_identity_t    *handle;
    struct timespec   began, ended;

    (void) clock_gettime(CLOCK_MONOTONIC, &began);

    ask->err = TG_OK;

    if (thread->own == NULL) {
        handle = NULL;
        ask->err = ngx_http_tollgate_ask_handle(ask->provider, &handle,
                                                &ask->fault);
        thread->own = handle;
    }

    if (ask->err == TG_OK) {
        handle = thread->own;

        ask->err = ask->look_up
                   ? tg_identity_look_up(handle, &ask->question,
                                         &ask->told.arena, &ask->told.answer)
                   : tg_identity_check(handle, &ask->question,
                                       &ask->told.arena, &ask->told.answer);
        ask->fault = handle->fault;
    }

    (void) clock_gettime(CLOCK_MONOTONIC, &ended);

    ask->duration = (uint64_t) ((ended.tv_sec - began.tv_sec) * 1000000
                                + (ended.tv_nsec - began.tv_nsec) / 1000);
    ask->ran = 1;
}


/* The first thread makes the secrets clear, for all. */

static tg_err_t
ngx_http_tollgate_ask_handle(ngx_http_tollgate_provider_t *provider,
    tg_identity_t **handle, tg_fault_t *fault)
{
    tg_err_t  err;

    err = TG_OK;

    (void) pthread_mutex_lock(&provider->mutex);

    if (!provider->open) {
        err = tg_provider_secrets_open(ngx_http_tollgate_main->keyring,
                                       &provider->arena, &provider->provider,
                                       fault);
        provider->open = (err == TG_OK);
    }

    (void) pthread_mutex_unlock(&provider->mutex);

    return err == TG_OK ? tg_identity_open(&provider->provider, handle, fault)
                        : err;
}


static void
ngx_http_tollgate_ask_done(ngx_http_tollgate_task_t *task)
{
    ngx_http_tollgate_ask_t *ask = (ngx_http_tollgate_ask_t *) task;

    ngx_http_tollgate_told_t  late;

    ngx_http_tollgate_ask_count(ask);

    if (!task->expired) {
        ask->handler(task->data, &ask->told);
        return;
    }

    /* the thread may still write to what was told */

    ngx_memzero(&late, sizeof(ngx_http_tollgate_told_t));
    late.result = NGX_HTTP_TOLLGATE_TOLD_EXPIRED;
    late.retry_after = ngx_http_tollgate_provider_wait(ask->provider);

    ask->handler(task->data, &late);
}


/* What came of it, once: also of what nobody waits for any more. */

static void
ngx_http_tollgate_ask_count(ngx_http_tollgate_ask_t *ask)
{
    ngx_uint_t                     good;
    ngx_http_tollgate_told_e       result;
    ngx_http_tollgate_provider_t  *provider;

    if (ask->counted || (!ask->ran && !ask->task.expired)) {
        return;
    }

    ask->counted = 1;
    provider = ask->provider;

    /* an answer that is too long is an answer */

    if (ask->task.expired) {
        result = NGX_HTTP_TOLLGATE_TOLD_EXPIRED;
        good = 0;

    } else if (ask->err != TG_OK) {
        result = NGX_HTTP_TOLLGATE_TOLD_UNAVAILABLE;
        good = ask->err == TG_ERR_LIMIT;
        ngx_http_tollgate_ask_log(ask);

    } else {
        result = ngx_http_tollgate_told_of(ask->told.answer.verdict);
        good = 1;
    }

    /* what only waited says nothing, unless it was the probe */

    if (__atomic_load_n(&ask->task.began, __ATOMIC_RELAXED)
        || provider->breaker.probe_at)
    {
        tg_breaker_told(&provider->breaker, &provider->rule, good,
                        ngx_http_tollgate_monotonic_ms());
    }

    ngx_http_tollgate_provider_count(provider, result);

    if (ask->task.expired) {
        return;
    }

    ask->told.result = result;
    ask->told.retry_after = ngx_http_tollgate_provider_wait(provider);

    if (result == NGX_HTTP_TOLLGATE_TOLD_OK && ask->cache_s) {
        ngx_http_tollgate_provider_cache_put(ask->key, provider->id,
                                             ask->cache_s, &ask->told.answer);
    }
}


static ngx_http_tollgate_told_e
ngx_http_tollgate_told_of(tg_identity_verdict_t verdict)
{
    switch (verdict) {

    case TG_IDENTITY_OK:
        return NGX_HTTP_TOLLGATE_TOLD_OK;

    case TG_IDENTITY_NOBODY:
        return NGX_HTTP_TOLLGATE_TOLD_NOBODY;

    case TG_IDENTITY_PASSWORD:
        return NGX_HTTP_TOLLGATE_TOLD_PASSWORD;

    case TG_IDENTITY_DISABLED:
        return NGX_HTTP_TOLLGATE_TOLD_DISABLED;
    }

    return NGX_HTTP_TOLLGATE_TOLD_UNAVAILABLE;
}


static void
ngx_http_tollgate_provider_count(ngx_http_tollgate_provider_t *provider,
    ngx_http_tollgate_told_e result)
{
    (void) __atomic_fetch_add(&provider->meter->results[result], 1,
                              __ATOMIC_RELAXED);
}


/* Seconds until it may be asked again. */

static ngx_uint_t
ngx_http_tollgate_provider_wait(const ngx_http_tollgate_provider_t *provider)
{
    uint64_t  ms;

    ms = tg_breaker_wait(&provider->breaker, &provider->rule,
                         ngx_http_tollgate_monotonic_ms());

    return ngx_max((ngx_uint_t) ((ms + 999) / 1000), 1);
}


/* Why it could not be told.  What a server says may be in it. */

static void
ngx_http_tollgate_ask_log(ngx_http_tollgate_ask_t *ask)
{
    u_char                        *p;
    uint64_t                       now;
    tg_fault_t                    *fault;
    ngx_http_tollgate_provider_t  *provider;

    fault = &ask->fault;
    provider = ask->provider;
    now = ngx_http_tollgate_monotonic_ms();

    if (provider->logged
        && now - provider->logged < NGX_HTTP_TOLLGATE_FAULT_LOG_MS)
    {
        return;
    }

    provider->logged = now;

    for (p = (u_char *) fault->text; *p; p++) {
        if (*p < 0x20 || *p == 0x7f) {
            *p = '?';
        }
    }

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "tollgate: the identity provider \"%s\" of project \"%s\" "
                  "cannot tell: %s%s%s (%s)",
                  provider->meter->name, provider->meter->project,
                  fault->field, fault->field[0] ? " " : "", fault->text,
                  tg_err_name(ask->err));
}


static void
ngx_http_tollgate_ask_release(ngx_http_tollgate_task_t *task)
{
    ngx_http_tollgate_ask_t *ask = (ngx_http_tollgate_ask_t *) task;

    ngx_http_tollgate_ask_count(ask);

    if (ask->ran) {
        (void) __atomic_fetch_add(&ask->provider->meter->checks, 1,
                                  __ATOMIC_RELAXED);
        (void) __atomic_fetch_add(&ask->provider->meter->duration,
                                  ask->duration, __ATOMIC_RELAXED);
    }

    /* the question's password is in it, and wiped with it */

    tg_arena_release(&ask->told.arena);
}


/* -- metrics -------------------------------------------------------------- */

void
ngx_http_tollgate_providers_write(tg_buf_t *out)
{
    ngx_uint_t                     i, waiting, busy;
    ngx_http_tollgate_provider_t  *provider;

    static const struct {
        const char  *name;
        const char  *help;
    } gauges[] = {
        { "tollgate_identity_pool_waiting",
          "Checks that wait for a thread in the answering worker" },
        { "tollgate_identity_pool_busy",
          "Checks under way in the answering worker" },
        { "tollgate_identity_breaker_state",
          "Circuit breaker of the answering worker: "
          "0 closed, 1 open, 2 half open" },
    };

    if (ngx_http_tollgate_zone == NULL) {
        return;
    }

    ngx_http_tollgate_provider_counters_write(out);

    for (i = 0; i < sizeof(gauges) / sizeof(gauges[0]); i++) {
        ngx_http_tollgate_provider_head(out, gauges[i].name, "gauge",
                                        gauges[i].help);

        for (provider = ngx_http_tollgate_providers; provider;
             provider = provider->next)
        {
            if (provider->meter->name[0] == '\0') {
                continue;
            }

            ngx_http_tollgate_pool_get(provider->pool, &waiting, &busy);

            if (i == 2) {
                busy = tg_breaker_state(&provider->breaker, &provider->rule,
                                        ngx_http_tollgate_monotonic_ms());
            }

            ngx_http_tollgate_provider_line(out, gauges[i].name,
                          provider->meter, NULL,
                          (double) (i == 0 ? waiting : busy));
        }
    }
}
