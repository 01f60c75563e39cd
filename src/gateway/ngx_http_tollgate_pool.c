
/* Bounded thread pools, one for each thing that can be slow. */

#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "ngx_http_tollgate_state.h"


/* Of one task: what a record, a client and their strings take, with room. */
#define NGX_HTTP_TOLLGATE_TASK_ARENA  (1024 * 1024)

#define NGX_HTTP_TOLLGATE_REOPEN_MS   100

/* Tasks that a thread gives back together, while brief ones wait for it. */
#define NGX_HTTP_TOLLGATE_TASKS_HELD  8

/* What is longer, such as a signature with a key of 8192 bits, is not brief. */
#define NGX_HTTP_TOLLGATE_BRIEF_MS    2


/* Nobody waits long for a check of a password: then the next try is due. */
#define NGX_HTTP_TOLLGATE_ARGON_QUEUE     64
#define NGX_HTTP_TOLLGATE_ARGON_DEADLINE  5000  /* ms */
#define NGX_HTTP_TOLLGATE_ARGON_NICE      10


/*
 * A thread of an own pool that had nothing to do for so long ends.  All own
 * pools of a worker together have at most so many.
 */
#define NGX_HTTP_TOLLGATE_OWN_IDLE     30   /* seconds */
#define NGX_HTTP_TOLLGATE_OWN_THREADS  256

/* What hangs in one of them does not hold the process at its end. */
#define NGX_HTTP_TOLLGATE_OWN_STOP_MS  250


struct ngx_http_tollgate_pool_s {
    pthread_mutex_t               mutex;
    pthread_cond_t                cond;
    ngx_http_tollgate_task_t     *first;
    ngx_http_tollgate_task_t    **last;
    ngx_uint_t                    waiting;
    ngx_uint_t                    max;
    ngx_msec_t                    deadline;  /* of tasks without their own */
    ngx_uint_t                    stop;
    ngx_uint_t                    pending;   /* of the event loop */
    ngx_uint_t                    id;        /* _POOLS: an own pool */
    ngx_http_tollgate_thread_t   *threads;
    ngx_uint_t                    n_threads;

    /* of an own pool */
    ngx_uint_t                    closed;    /* ends when all is done */
    ngx_uint_t                    max_threads;
    ngx_uint_t                    idle;
    void                        (*ended)(ngx_http_tollgate_thread_t *thread);
    void                        (*freed)(void *data);
    void                         *data;
    ngx_http_tollgate_pool_t     *next;
};


static ngx_int_t ngx_http_tollgate_pool_start(ngx_http_tollgate_pool_t *pool,
    ngx_uint_t id, ngx_int_t n, ngx_int_t queue, ngx_msec_t deadline,
    ngx_log_t *log);
static void ngx_http_tollgate_pool_init(ngx_http_tollgate_pool_t *pool,
    ngx_uint_t id, ngx_int_t queue, ngx_msec_t deadline);
static void ngx_http_tollgate_thread_humble(ngx_log_t *log);
static void *ngx_http_tollgate_pool_main(void *data);
static ngx_http_tollgate_task_t *ngx_http_tollgate_pool_take(
    ngx_http_tollgate_pool_t *pool, ngx_uint_t *held);
static ngx_int_t ngx_http_tollgate_pool_wait(ngx_http_tollgate_pool_t *pool);
static ngx_int_t ngx_http_tollgate_pool_grow(ngx_http_tollgate_pool_t *pool);
static void *ngx_http_tollgate_own_main(void *data);
static void ngx_http_tollgate_own_sweep(void);
static ngx_int_t ngx_http_tollgate_own_stop(void);
static void ngx_http_tollgate_task_expire(ngx_event_t *ev);
static void ngx_http_tollgate_tasks_free(ngx_http_tollgate_task_t **list);


static ngx_http_tollgate_pool_t   ngx_http_tollgate_pools[
                                                 NGX_HTTP_TOLLGATE_POOLS];

/* the own pools, closed ones included: of the event loop */
static ngx_http_tollgate_pool_t  *ngx_http_tollgate_own_pools;
static ngx_uint_t                 ngx_http_tollgate_own_threads;

/* what threads gave back */
static pthread_mutex_t            ngx_http_tollgate_returned_mutex
                                                = PTHREAD_MUTEX_INITIALIZER;
static ngx_http_tollgate_task_t  *ngx_http_tollgate_returned;


void *
ngx_http_tollgate_task_alloc(size_t size)
{
    return calloc(1, size);
}


void
ngx_http_tollgate_task_free(ngx_http_tollgate_task_t *task)
{
    if (task->release) {
        task->release(task);
    }

    free(task);
}


/* The lines stand in the order of the pools in NGX_HTTP_TOLLGATE_METRICS. */
static void
ngx_http_tollgate_pool_count(const ngx_http_tollgate_pool_t *pool,
    ngx_uint_t posted_to)
{
    if (pool->id == NGX_HTTP_TOLLGATE_POOLS) {
        return;
    }

    ngx_http_tollgate_count_at(posted_to
                               + pool->id
                                 * (NGX_HTTP_TOLLGATE_M_POOL_ARGON_POSTED
                                    - NGX_HTTP_TOLLGATE_M_POOL_CRYPTO_POSTED),
                               1);
}


ngx_int_t
ngx_http_tollgate_task_post(ngx_http_tollgate_pool_e id,
    ngx_http_tollgate_task_t *task)
{
    ngx_http_tollgate_pool_t  *pool;

    pool = &ngx_http_tollgate_pools[id];

    return pool->n_threads ? ngx_http_tollgate_pool_post(pool, task)
                           : NGX_ERROR;
}


ngx_int_t
ngx_http_tollgate_pool_post(ngx_http_tollgate_pool_t *pool,
    ngx_http_tollgate_task_t *task)
{
    ngx_uint_t  full, grow;
    ngx_msec_t  deadline;

    task->pool = pool;
    task->next = NULL;
    task->posted = 1;

    (void) pthread_mutex_lock(&pool->mutex);

    full = pool->waiting >= pool->max;
    grow = 0;

    if (!full) {
        *pool->last = task;
        pool->last = &task->next;
        pool->waiting++;
        grow = pool->waiting > pool->idle
               && pool->n_threads < pool->max_threads;
        (void) pthread_cond_signal(&pool->cond);
    }

    (void) pthread_mutex_unlock(&pool->mutex);

    if (full || (grow && ngx_http_tollgate_pool_grow(pool) != NGX_OK)) {
        task->posted = 0;
        ngx_http_tollgate_pool_count(pool,
                                     NGX_HTTP_TOLLGATE_M_POOL_CRYPTO_BUSY);
        return NGX_BUSY;
    }

    ngx_http_tollgate_pool_count(pool, NGX_HTTP_TOLLGATE_M_POOL_CRYPTO_POSTED);
    pool->pending++;

    deadline = task->deadline ? task->deadline : pool->deadline;

    /* not cancelable: it holds the worker in its graceful stop */

    task->timer.data = task;
    task->timer.handler = ngx_http_tollgate_task_expire;
    task->timer.log = ngx_cycle->log;

    ngx_add_timer(&task->timer, deadline);

    return NGX_OK;
}


void
ngx_http_tollgate_task_cancel(ngx_http_tollgate_task_t *task)
{
    if (!task->posted || task->over) {
        return;
    }

    task->over = 1;
    __atomic_store_n(&task->dropped, 1, __ATOMIC_RELAXED);

    if (task->timer.timer_set) {
        ngx_del_timer(&task->timer);
    }
}


static void
ngx_http_tollgate_task_expire(ngx_event_t *ev)
{
    ngx_http_tollgate_task_t  *task;

    task = ev->data;

    task->over = 1;
    task->expired = 1;
    __atomic_store_n(&task->dropped, 1, __ATOMIC_RELAXED);

    ngx_http_tollgate_pool_count(task->pool,
                                 NGX_HTTP_TOLLGATE_M_POOL_CRYPTO_EXPIRED);

    /* the thread still gives the task back, and it is freed then */

    task->done(task);
}


void
ngx_http_tollgate_pools_drain(void)
{
    ngx_http_tollgate_task_t  *task, *next, *list;

    (void) pthread_mutex_lock(&ngx_http_tollgate_returned_mutex);
    list = ngx_http_tollgate_returned;
    ngx_http_tollgate_returned = NULL;
    (void) pthread_mutex_unlock(&ngx_http_tollgate_returned_mutex);

    /* they were pushed: oldest first */

    for (task = NULL; list; list = next) {
        next = list->next;
        list->next = task;
        task = list;
    }

    for ( /* void */ ; task; task = next) {
        next = task->next;

        task->pool->pending--;

        if (!task->over) {
            task->over = 1;

            if (task->timer.timer_set) {
                ngx_del_timer(&task->timer);
            }

            task->done(task);
        }

        ngx_http_tollgate_task_free(task);
    }

    ngx_http_tollgate_own_sweep();
}


ngx_uint_t
ngx_http_tollgate_pool_pending(ngx_http_tollgate_pool_e pool)
{
    return ngx_http_tollgate_pools[pool].pending;
}


/*
 * The next task, or NULL at the end.  The event loop is told of the `held`
 * tasks that went back before a thread waits, and before one that may last; in
 * a row of brief ones for some at a time, since each waking costs a change of
 * threads, which is much beside a signature.
 */
static ngx_http_tollgate_task_t *
ngx_http_tollgate_pool_take(ngx_http_tollgate_pool_t *pool, ngx_uint_t *held)
{
    ngx_http_tollgate_task_t  *task;

    (void) pthread_mutex_lock(&pool->mutex);

    for ( ;; ) {
        task = pool->stop ? NULL : pool->first;

        if (*held
            && (task == NULL || !task->brief
                || *held >= NGX_HTTP_TOLLGATE_TASKS_HELD))
        {
            (void) pthread_mutex_unlock(&pool->mutex);

            ngx_http_tollgate_notify();
            *held = 0;

            (void) pthread_mutex_lock(&pool->mutex);
            continue;
        }

        if (task || pool->stop || pool->closed) {
            break;
        }

        if (ngx_http_tollgate_pool_wait(pool) != NGX_OK) {
            break;
        }
    }

    if (task) {
        pool->first = task->next;
        pool->waiting--;

        if (pool->first == NULL) {
            pool->last = &pool->first;
        }
    }

    (void) pthread_mutex_unlock(&pool->mutex);

    return task;
}


/*
 * Under the mutex.  NGX_DECLINED: long enough, with nothing to do; a thread
 * that others may need ends at once.
 */

static ngx_int_t
ngx_http_tollgate_pool_wait(ngx_http_tollgate_pool_t *pool)
{
    int              err;
    ngx_uint_t       i;
    struct timespec  ts;

    if (pool->id != NGX_HTTP_TOLLGATE_POOLS) {
        (void) pthread_cond_wait(&pool->cond, &pool->mutex);
        return NGX_OK;
    }

    for (i = 0; i < NGX_HTTP_TOLLGATE_OWN_IDLE; i++) {
        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        ts.tv_sec++;

        pool->idle++;
        err = pthread_cond_clockwait(&pool->cond, &pool->mutex,
                                     CLOCK_MONOTONIC, &ts);
        pool->idle--;

        if (err == 0 || pool->first) {
            return NGX_OK;
        }

        if (__atomic_load_n(&ngx_http_tollgate_own_threads, __ATOMIC_RELAXED)
            > NGX_HTTP_TOLLGATE_OWN_THREADS / 2)
        {
            break;
        }
    }

    return NGX_DECLINED;
}


static void *
ngx_http_tollgate_pool_main(void *data)
{
    ngx_http_tollgate_thread_t  *thread = data;

    uint64_t                   began;
    ngx_uint_t                 held;
    ngx_http_tollgate_task_t  *task;
    ngx_http_tollgate_pool_t  *pool;

    pool = thread->pool;
    held = 0;

    if (pool->id == NGX_HTTP_TOLLGATE_POOL_ARGON) {
        ngx_http_tollgate_thread_humble(thread->log);
    }

    for ( ;; ) {
        task = ngx_http_tollgate_pool_take(pool, &held);

        if (task == NULL) {
            break;
        }

        began = ngx_http_tollgate_monotonic_ms();

        if (!__atomic_load_n(&task->dropped, __ATOMIC_RELAXED)) {
            __atomic_store_n(&task->began, 1, __ATOMIC_RELAXED);
            tg_arena_init(&thread->arena, NGX_HTTP_TOLLGATE_TASK_ARENA);
            task->run(task, thread);
            tg_arena_release(&thread->arena);
        }

        (void) pthread_mutex_lock(&ngx_http_tollgate_returned_mutex);
        task->next = ngx_http_tollgate_returned;
        ngx_http_tollgate_returned = task;
        (void) pthread_mutex_unlock(&ngx_http_tollgate_returned_mutex);

        held++;

        if (ngx_http_tollgate_monotonic_ms() - began
            >= NGX_HTTP_TOLLGATE_BRIEF_MS)
        {
            held = NGX_HTTP_TOLLGATE_TASKS_HELD;
        }
    }

    ngx_http_tollgate_thread_reopen(thread);

    return NULL;
}


/* Of this thread alone: it takes what requests leave of the cores. */
static void
ngx_http_tollgate_thread_humble(ngx_log_t *log)
{
    struct sched_param  param;

    ngx_memzero(&param, sizeof(param));

    /* not allowed everywhere; without it the low priority does most */
    (void) sched_setscheduler(0, SCHED_BATCH, &param);

    if (setpriority(PRIO_PROCESS, (id_t) gettid(),
                    NGX_HTTP_TOLLGATE_ARGON_NICE)
        == -1)
    {
        ngx_log_error(NGX_LOG_NOTICE, log, ngx_errno,
                      "tollgate: setpriority() failed");
    }
}


static void
ngx_http_tollgate_pool_init(ngx_http_tollgate_pool_t *pool, ngx_uint_t id,
    ngx_int_t queue, ngx_msec_t deadline)
{
    ngx_memzero(pool, sizeof(ngx_http_tollgate_pool_t));

    (void) pthread_mutex_init(&pool->mutex, NULL);
    (void) pthread_cond_init(&pool->cond, NULL);

    pool->id = id;
    pool->last = &pool->first;
    pool->max = (ngx_uint_t) queue;
    pool->deadline = deadline;
}


static ngx_int_t
ngx_http_tollgate_pool_start(ngx_http_tollgate_pool_t *pool, ngx_uint_t id,
    ngx_int_t n, ngx_int_t queue, ngx_msec_t deadline, ngx_log_t *log)
{
    ngx_int_t                    i;
    ngx_http_tollgate_thread_t  *thread;

    ngx_http_tollgate_pool_init(pool, id, queue, deadline);

    pool->threads = calloc((size_t) n, sizeof(ngx_http_tollgate_thread_t));

    if (pool->threads == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        thread = &pool->threads[i];
        thread->pool = pool;
        thread->log = log;

        if (ngx_http_tollgate_thread_start(&thread->tid,
                                           ngx_http_tollgate_pool_main,
                                           thread, log)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        pool->n_threads++;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_tollgate_pools_start(ngx_cycle_t *cycle)
{
    ngx_uint_t                      i;
    ngx_http_tollgate_main_conf_t  *mcf;

    mcf = ngx_http_tollgate_main;

    const struct {
        ngx_int_t    threads;
        ngx_int_t    queue;
        ngx_msec_t   deadline;
    } pools[NGX_HTTP_TOLLGATE_POOLS] = {
        [NGX_HTTP_TOLLGATE_POOL_CRYPTO] =
            { mcf->crypto_threads, mcf->queue, mcf->deadline },
        [NGX_HTTP_TOLLGATE_POOL_ARGON] =
            { mcf->argon_threads, NGX_HTTP_TOLLGATE_ARGON_QUEUE,
              NGX_HTTP_TOLLGATE_ARGON_DEADLINE },
        [NGX_HTTP_TOLLGATE_POOL_STORE] =
            { mcf->store_threads, mcf->queue, mcf->deadline },
        [NGX_HTTP_TOLLGATE_POOL_COMMIT] =
            { 1, mcf->queue, mcf->deadline },
    };

    for (i = 0; i < NGX_HTTP_TOLLGATE_POOLS; i++) {
        if (ngx_http_tollgate_pool_start(&ngx_http_tollgate_pools[i], i,
                                         pools[i].threads, pools[i].queue,
                                         pools[i].deadline, cycle->log)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_tollgate_pools_stop(ngx_cycle_t *cycle)
{
    uint64_t                   end, now;
    ngx_int_t                  own;
    ngx_uint_t                 i, n;
    ngx_http_tollgate_pool_t  *pool;

    own = ngx_http_tollgate_own_stop();

    for (i = 0; i < NGX_HTTP_TOLLGATE_POOLS; i++) {
        pool = &ngx_http_tollgate_pools[i];

        if (pool->n_threads == 0) {
            continue;
        }

        (void) pthread_mutex_lock(&pool->mutex);
        pool->stop = 1;
        (void) pthread_cond_broadcast(&pool->cond);
        (void) pthread_mutex_unlock(&pool->mutex);
    }

    end = ngx_http_tollgate_monotonic_ms() + NGX_HTTP_TOLLGATE_STOP_MS;

    for (i = 0; i < NGX_HTTP_TOLLGATE_POOLS; i++) {
        pool = &ngx_http_tollgate_pools[i];

        for (n = 0; n < pool->n_threads; n++) {
            now = ngx_http_tollgate_monotonic_ms();

            if (ngx_http_tollgate_thread_join(pool->threads[n].tid,
                                              now < end ? end - now : 0)
                == NGX_OK)
            {
                continue;
            }

            return NGX_DECLINED;
        }

        pool->n_threads = 0;
        free(pool->threads);
        pool->threads = NULL;

        ngx_http_tollgate_tasks_free(&pool->first);
    }

    if (own != NGX_OK) {
        return own;
    }

    ngx_http_tollgate_tasks_free(&ngx_http_tollgate_returned);

    for (pool = ngx_http_tollgate_own_pools; pool; pool = pool->next) {
        ngx_http_tollgate_tasks_free(&pool->first);
        pool->closed = 1;
        pool->pending = 0;
    }

    ngx_http_tollgate_own_sweep();

    return NGX_OK;
}


static void
ngx_http_tollgate_tasks_free(ngx_http_tollgate_task_t **list)
{
    ngx_http_tollgate_task_t  *task, *next;

    for (task = *list; task; task = next) {
        next = task->next;
        ngx_http_tollgate_task_free(task);
    }

    *list = NULL;
}


/* -- own pools -------------------------------------------------------------- */

ngx_http_tollgate_pool_t *
ngx_http_tollgate_pool_new(ngx_uint_t threads, ngx_uint_t queue,
    void (*ended)(ngx_http_tollgate_thread_t *thread),
    void (*freed)(void *data), void *data)
{
    ngx_http_tollgate_pool_t  *pool;

    pool = calloc(1, sizeof(ngx_http_tollgate_pool_t));
    if (pool == NULL) {
        return NULL;
    }

    ngx_http_tollgate_pool_init(pool, NGX_HTTP_TOLLGATE_POOLS,
                                (ngx_int_t) queue,
                                ngx_http_tollgate_main->deadline);
    pool->max_threads = threads;
    pool->ended = ended;
    pool->freed = freed;
    pool->data = data;
    pool->next = ngx_http_tollgate_own_pools;
    ngx_http_tollgate_own_pools = pool;

    return pool;
}


/*
 * One more thread for what was just posted.  Without one, it waits for those
 * that there are; if there are none, it is taken back: NGX_ERROR.
 */

static ngx_int_t
ngx_http_tollgate_pool_grow(ngx_http_tollgate_pool_t *pool)
{
    pthread_t                    tid;
    ngx_int_t                    rc;
    ngx_http_tollgate_thread_t  *thread;

    rc = NGX_ERROR;
    thread = NULL;

    if (__atomic_load_n(&ngx_http_tollgate_own_threads, __ATOMIC_RELAXED)
        < NGX_HTTP_TOLLGATE_OWN_THREADS)
    {
        thread = calloc(1, sizeof(ngx_http_tollgate_thread_t));
    }

    (void) pthread_mutex_lock(&pool->mutex);

    if (thread) {
        thread->pool = pool;
        thread->log = ngx_cycle->log;
        thread->data = pool->data;

        rc = ngx_http_tollgate_thread_start(&tid, ngx_http_tollgate_own_main,
                                            thread, thread->log);
    }

    if (rc == NGX_OK) {
        (void) pthread_detach(tid);
        pool->n_threads++;
        (void) __atomic_add_fetch(&ngx_http_tollgate_own_threads, 1,
                                  __ATOMIC_RELAXED);

    } else {
        free(thread);

        if (pool->n_threads) {
            rc = NGX_OK;

        } else {
            pool->first = NULL;
            pool->last = &pool->first;
            pool->waiting = 0;
        }
    }

    (void) pthread_mutex_unlock(&pool->mutex);

    return rc;
}


static void *
ngx_http_tollgate_own_main(void *data)
{
    ngx_http_tollgate_thread_t  *thread = data;

    ngx_uint_t                 more;
    ngx_http_tollgate_pool_t  *pool;

    pool = thread->pool;

    do {
        (void) ngx_http_tollgate_pool_main(thread);
        pool->ended(thread);

        /* a task may have come since it was found to be idle */

        (void) pthread_mutex_lock(&pool->mutex);

        more = pool->first && !pool->stop;

        if (!more) {
            free(thread);
            pool->n_threads--;
            (void) __atomic_sub_fetch(&ngx_http_tollgate_own_threads, 1,
                                      __ATOMIC_RELEASE);

            /* before the pool may be freed */

            if (pool->closed) {
                ngx_http_tollgate_notify();
            }
        }

        (void) pthread_mutex_unlock(&pool->mutex);

    } while (more);

    return NULL;
}


void
ngx_http_tollgate_pool_close(ngx_http_tollgate_pool_t *pool)
{
    (void) pthread_mutex_lock(&pool->mutex);
    pool->closed = 1;
    (void) pthread_cond_broadcast(&pool->cond);
    (void) pthread_mutex_unlock(&pool->mutex);

    ngx_http_tollgate_own_sweep();
}


static void
ngx_http_tollgate_own_sweep(void)
{
    ngx_uint_t                 over;
    ngx_http_tollgate_pool_t  *pool, **p;

    for (p = &ngx_http_tollgate_own_pools; *p; /* void */) {
        pool = *p;

        (void) pthread_mutex_lock(&pool->mutex);
        over = pool->closed && pool->n_threads == 0 && pool->pending == 0;
        (void) pthread_mutex_unlock(&pool->mutex);

        if (!over) {
            p = &pool->next;
            continue;
        }

        *p = pool->next;

        pool->freed(pool->data);
        (void) pthread_cond_destroy(&pool->cond);
        (void) pthread_mutex_destroy(&pool->mutex);
        free(pool);
    }
}


/*
 * At the end of the process.  What waits is not begun any more; what hangs is
 * left behind.
 */

static ngx_int_t
ngx_http_tollgate_own_stop(void)
{
    uint64_t                   end;
    ngx_http_tollgate_pool_t  *pool;

    for (pool = ngx_http_tollgate_own_pools; pool; pool = pool->next) {
        (void) pthread_mutex_lock(&pool->mutex);
        pool->stop = 1;
        (void) pthread_cond_broadcast(&pool->cond);
        (void) pthread_mutex_unlock(&pool->mutex);
    }

    end = ngx_http_tollgate_monotonic_ms() + NGX_HTTP_TOLLGATE_OWN_STOP_MS;

    while (__atomic_load_n(&ngx_http_tollgate_own_threads, __ATOMIC_ACQUIRE)) {

        if (ngx_http_tollgate_monotonic_ms() >= end) {
            return NGX_AGAIN;
        }

        ngx_msleep(1);
    }

    return NGX_OK;
}


void
ngx_http_tollgate_pool_get(ngx_http_tollgate_pool_t *pool,
    ngx_uint_t *waiting, ngx_uint_t *busy)
{
    (void) pthread_mutex_lock(&pool->mutex);
    *waiting = pool->waiting;
    *busy = pool->n_threads - pool->idle;
    (void) pthread_mutex_unlock(&pool->mutex);
}


tg_err_t
ngx_http_tollgate_config_open(tg_config_store_t **store, uint64_t *retry,
    tg_fault_t *fault)
{
    uint64_t             now;
    tg_err_t             err;
    tg_store_options_t   options;

    if (*store) {
        return TG_OK;
    }

    now = ngx_http_tollgate_monotonic_ms();

    if (now < *retry) {
        return tg_fault(fault, TG_ERR_UNAVAILABLE, "",
                        "the store could not be opened a moment ago");
    }

    ngx_memzero(&options, sizeof(options));
    options.busy_ms = NGX_HTTP_TOLLGATE_BUSY_MS;

    err = tg_config_store_open(
              ngx_http_tollgate_str(ngx_http_tollgate_main->store), &options,
              store, fault);

    if (err != TG_OK) {
        *store = NULL;
        *retry = now + NGX_HTTP_TOLLGATE_REOPEN_MS;
        return TG_ERR_UNAVAILABLE;
    }

    return TG_OK;
}


tg_err_t
ngx_http_tollgate_tokens_open(tg_token_store_t **store, uint64_t *retry,
    ngx_uint_t create, tg_fault_t *fault)
{
    uint64_t             now;
    tg_err_t             err;
    tg_store_options_t   options;

    if (*store) {
        return TG_OK;
    }

    now = ngx_http_tollgate_monotonic_ms();

    if (now < *retry) {
        return tg_fault(fault, TG_ERR_UNAVAILABLE, "",
                        "the store could not be opened a moment ago");
    }

    ngx_memzero(&options, sizeof(options));
    options.create = create;
    options.busy_ms = NGX_HTTP_TOLLGATE_BUSY_MS;

    err = tg_token_store_open(
              ngx_http_tollgate_str(ngx_http_tollgate_main->store), &options,
              store, fault);

    if (err != TG_OK) {
        *store = NULL;
        *retry = now + NGX_HTTP_TOLLGATE_REOPEN_MS;
        return TG_ERR_UNAVAILABLE;
    }

    return TG_OK;
}


tg_err_t
ngx_http_tollgate_thread_config(ngx_http_tollgate_thread_t *thread,
    tg_config_store_t **store)
{
    tg_err_t  err;

    err = ngx_http_tollgate_config_open(&thread->config,
                                        &thread->config_retry, NULL);
    *store = thread->config;

    return err;
}


tg_err_t
ngx_http_tollgate_thread_tokens(ngx_http_tollgate_thread_t *thread,
    tg_token_store_t **store)
{
    tg_err_t  err;

    err = ngx_http_tollgate_tokens_open(&thread->tokens,
                                        &thread->tokens_retry, 0, NULL);
    *store = thread->tokens;

    return err;
}


void
ngx_http_tollgate_thread_reopen(ngx_http_tollgate_thread_t *thread)
{
    if (thread->config) {
        thread->config->ops->close(thread->config);
        thread->config = NULL;
    }

    if (thread->tokens) {
        thread->tokens->ops->close(thread->tokens);
        thread->tokens = NULL;
    }
}
