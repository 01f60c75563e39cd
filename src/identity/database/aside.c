#include "identity/database/aside.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

struct tg_aside {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    void *work;
    tg_aside_fn end;
    tg_aside_fn fn; /* NULL: nothing is under way */
    bool quit;
    bool ended;
    bool orphan; /* nobody waits any more: the thread frees this */
};

static void destroy(tg_aside_t *a) {
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

static void *live(void *arg) {
    tg_aside_t *a = arg;
    pthread_mutex_lock(&a->lock);
    for (;;) {
        while (a->fn == NULL && !a->quit) {
            pthread_cond_wait(&a->changed, &a->lock);
        }
        if (a->fn == NULL) {
            break;
        }
        tg_aside_fn fn = a->fn;
        pthread_mutex_unlock(&a->lock);
        fn(a->work);
        pthread_mutex_lock(&a->lock);
        a->fn = NULL;
        pthread_cond_broadcast(&a->changed);
    }
    pthread_mutex_unlock(&a->lock);
    a->end(a->work);
    pthread_mutex_lock(&a->lock);
    a->ended = true;
    bool orphan = a->orphan;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
    if (orphan) {
        destroy(a);
    }
    return NULL;
}

static bool init(tg_aside_t *a) {
    pthread_condattr_t attr;
    if (pthread_mutex_init(&a->lock, NULL) != 0) {
        return false;
    }
    bool good = pthread_condattr_init(&attr) == 0;
    if (good) {
        good = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 && pthread_cond_init(&a->changed, &attr) == 0;
        pthread_condattr_destroy(&attr);
    }
    if (!good) {
        pthread_mutex_destroy(&a->lock);
    }
    return good;
}

/* Signals are for the threads of who calls. */
static bool start(tg_aside_t *a) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool good = pthread_create(&a->thread, NULL, live, a) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return good;
}

tg_aside_t *tg_aside_new(void *work, tg_aside_fn end) {
    tg_aside_t *a = calloc(1, sizeof(*a));
    if (a == NULL || !init(a)) {
        free(a);
        return NULL;
    }
    a->work = work;
    a->end = end;
    if (!start(a)) {
        destroy(a);
        return NULL;
    }
    return a;
}

/* With the lock held: until *flag, or nothing is under way where flag is NULL. */
static bool wait_for(tg_aside_t *a, const bool *flag, int64_t deadline) {
    struct timespec until = {.tv_sec = deadline / 1000000, .tv_nsec = deadline % 1000000 * 1000};
    while (flag != NULL ? !*flag : a->fn != NULL) {
        if (pthread_cond_timedwait(&a->changed, &a->lock, &until) != 0) {
            return flag != NULL ? *flag : a->fn == NULL;
        }
    }
    return true;
}

bool tg_aside_call(tg_aside_t *a, tg_aside_fn fn, int64_t deadline) {
    pthread_mutex_lock(&a->lock);
    a->fn = fn;
    pthread_cond_broadcast(&a->changed);
    bool done = wait_for(a, NULL, deadline);
    a->quit = !done;
    pthread_mutex_unlock(&a->lock);
    return done;
}

bool tg_aside_has_ended(tg_aside_t *a) {
    pthread_mutex_lock(&a->lock);
    bool ended = a->ended;
    pthread_mutex_unlock(&a->lock);
    return ended;
}

void tg_aside_free(tg_aside_t *a, int64_t deadline) {
    pthread_t thread = a->thread;
    pthread_mutex_lock(&a->lock);
    a->quit = true;
    pthread_cond_broadcast(&a->changed);
    bool ended = wait_for(a, &a->ended, deadline);
    a->orphan = !ended;
    pthread_mutex_unlock(&a->lock);
    if (ended) {
        pthread_join(thread, NULL);
        destroy(a);
    } else {
        pthread_detach(thread);
    }
}
