/*
 * A bounded pool of store handles. A handle belongs to one thread at a time; whoever finds none waits for one to come
 * back.
 */
#ifndef TG_MANAGER_POOL_H
#define TG_MANAGER_POOL_H

#include <pthread.h>

#include "store/store.h"

#define TG_POOL_MAX 16

typedef tg_err_t (*tg_pool_open_fn)(tg_str_t uri, void **handle);
typedef void (*tg_pool_close_fn)(void *handle);

typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t returned;
    tg_str_t uri;
    tg_pool_open_fn open;
    tg_pool_close_fn close;
    void *idle[TG_POOL_MAX];
    size_t n_idle;
    size_t n_out;
    size_t n_waiting;
    uint64_t waits, failures; /* calls that found none, and stores that did not open */
} tg_pool_t;

/* The URI must outlive the pool. */
void tg_pool_init_configs(tg_pool_t *p, tg_str_t uri);
void tg_pool_init_tokens(tg_pool_t *p, tg_str_t uri);
/* Every handle must have come back. */
void tg_pool_release(tg_pool_t *p);

/* TG_ERR_UNAVAILABLE: the store does not open. */
tg_err_t tg_pool_take(tg_pool_t *p, void **handle) TG_MUST_CHECK;
typedef struct {
    size_t out, waiting;
    uint64_t waits, failures;
} tg_pool_state_t;

tg_pool_state_t tg_pool_look(tg_pool_t *p);
/* NULL is fine. */
void tg_pool_give(tg_pool_t *p, void *handle);

#endif
