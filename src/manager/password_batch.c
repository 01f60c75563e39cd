#include "manager/password_batch.h"

#include <pthread.h>

#define THREADS 2

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

typedef struct {
    tg_password_job_t *jobs;
    size_t n;
    atomic_size_t next;
    atomic_int failed; /* tg_err_t */
    const atomic_bool *stopping;
} batch_t;

static void *hash_some(void *data) {
    batch_t *b = data;
    for (;;) {
        size_t i = atomic_fetch_add(&b->next, 1);
        if (i >= b->n || atomic_load(&b->failed) != TG_OK) {
            return NULL;
        }
        tg_err_t err =
            atomic_load(b->stopping) ? TG_ERR_UNAVAILABLE : tg_password_hash(b->jobs[i].password, b->jobs[i].encoded);
        if (err) {
            atomic_store(&b->failed, (int)err);
        }
    }
}

tg_err_t tg_passwords_hash(tg_password_job_t *jobs, size_t n, const atomic_bool *stopping) {
    batch_t b = {.jobs = jobs, .n = n, .stopping = stopping};
    pthread_t threads[THREADS - 1];
    size_t started = 0;
    if (n == 0) {
        return TG_OK;
    }
    pthread_mutex_lock(&turn);
    while (started < THREADS - 1 && pthread_create(&threads[started], NULL, hash_some, &b) == 0) {
        started++;
    }
    hash_some(&b); /* alone, if no thread can be had */
    while (started > 0) {
        pthread_join(threads[--started], NULL);
    }
    pthread_mutex_unlock(&turn);
    return (tg_err_t)atomic_load(&b.failed);
}
