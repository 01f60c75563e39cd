
/* Clock, entropy and threads: where the module meets the machine. */

#include <openssl/err.h>
#include <openssl/rand.h>
#include <signal.h>
#include <time.h>

#include "ngx_http_tollgate_state.h"


tg_ms_t
ngx_http_tollgate_clock_ms(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_REALTIME, &ts);

    return (tg_ms_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


uint64_t
ngx_http_tollgate_monotonic_ms(void)
{
    struct timespec  ts;

    /* 4 ms too early at most, and a fifth of the cost */

    (void) clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);

    return (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000;
}


ngx_int_t
ngx_http_tollgate_random(void *p, size_t n)
{
    if (n > INT_MAX || RAND_bytes(p, (int) n) != 1) {
        ERR_clear_error();
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_tollgate_thread_start(pthread_t *tid, void *(*main)(void *data),
    void *data, ngx_log_t *log)
{
    int       err;
    sigset_t  all, old;

    /* nginx's signal handlers belong to the main thread */

    sigfillset(&all);
    (void) pthread_sigmask(SIG_SETMASK, &all, &old);

    err = pthread_create(tid, NULL, main, data);

    (void) pthread_sigmask(SIG_SETMASK, &old, NULL);

    if (err) {
        ngx_log_error(NGX_LOG_ALERT, log, err, "pthread_create() failed");
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_tollgate_thread_join(pthread_t tid, ngx_msec_t ms)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_REALTIME, &ts);

    ts.tv_sec += (time_t) (ms / 1000);
    ts.tv_nsec += (long) (ms % 1000) * 1000000;

    if (ts.tv_nsec >= 1000000000) {
        ts.tv_sec++;
        ts.tv_nsec -= 1000000000;
    }

    return pthread_timedjoin_np(tid, NULL, &ts) ? NGX_DECLINED : NGX_OK;
}


ngx_int_t
ngx_http_tollgate_runner_start(ngx_http_tollgate_runner_t *runner,
    void *(*main)(void *data), void *data, ngx_log_t *log)
{
    pthread_condattr_t  attr;

    (void) pthread_mutex_init(&runner->mutex, NULL);
    (void) pthread_condattr_init(&attr);
    (void) pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void) pthread_cond_init(&runner->cond, &attr);
    (void) pthread_condattr_destroy(&attr);

    runner->stop = 0;
    runner->woken = 0;

    if (ngx_http_tollgate_thread_start(&runner->tid, main, data, log)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    runner->started = 1;

    return NGX_OK;
}


ngx_uint_t
ngx_http_tollgate_runner_sleep(ngx_http_tollgate_runner_t *runner,
    ngx_msec_t ms)
{
    ngx_uint_t       go_on;
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    ts.tv_sec += (time_t) (ms / 1000);
    ts.tv_nsec += (long) (ms % 1000) * 1000000;

    if (ts.tv_nsec >= 1000000000) {
        ts.tv_sec++;
        ts.tv_nsec -= 1000000000;
    }

    (void) pthread_mutex_lock(&runner->mutex);

    while (!runner->stop && !runner->woken) {
        if (pthread_cond_timedwait(&runner->cond, &runner->mutex, &ts) != 0) {
            break;
        }
    }

    runner->woken = 0;
    go_on = !runner->stop;

    (void) pthread_mutex_unlock(&runner->mutex);

    return go_on;
}


void
ngx_http_tollgate_runner_wake(ngx_http_tollgate_runner_t *runner)
{
    if (!runner->started) {
        return;
    }

    (void) pthread_mutex_lock(&runner->mutex);
    runner->woken = 1;
    (void) pthread_cond_signal(&runner->cond);
    (void) pthread_mutex_unlock(&runner->mutex);
}


void
ngx_http_tollgate_runner_stop(ngx_http_tollgate_runner_t *runner)
{
    if (!runner->started) {
        return;
    }

    (void) pthread_mutex_lock(&runner->mutex);
    runner->stop = 1;
    (void) pthread_cond_signal(&runner->cond);
    (void) pthread_mutex_unlock(&runner->mutex);
}


ngx_int_t
ngx_http_tollgate_runner_join(ngx_http_tollgate_runner_t *runner,
    ngx_msec_t ms)
{
    if (!runner->started) {
        return NGX_OK;
    }

    if (ngx_http_tollgate_thread_join(runner->tid, ms) != NGX_OK) {
        return NGX_DECLINED;
    }

    runner->started = 0;
    (void) pthread_cond_destroy(&runner->cond);
    (void) pthread_mutex_destroy(&runner->mutex);

    return NGX_OK;
}
