#include "manager/pool.h"

/* How long one call waits for a lock of another process. */
#define BUSY_MS 5000

static const tg_store_options_t options = {.create = true, .busy_ms = BUSY_MS};

static tg_err_t config_open(tg_str_t uri, void **handle) {
    tg_config_store_t *store = NULL;
    tg_err_t err = tg_config_store_open(uri, &options, &store, NULL);
    *handle = store;
    return err;
}

static void config_close(void *handle) {
    tg_config_store_t *store = handle;
    store->ops->close(store);
}

static tg_err_t token_open(tg_str_t uri, void **handle) {
    tg_token_store_t *store = NULL;
    tg_err_t err = tg_token_store_open(uri, &options, &store, NULL);
    *handle = store;
    return err;
}

static void token_close(void *handle) {
    tg_token_store_t *store = handle;
    store->ops->close(store);
}

static void pool_init(tg_pool_t *p, tg_str_t uri, tg_pool_open_fn open, tg_pool_close_fn close) {
    *p = (tg_pool_t){.uri = uri, .open = open, .close = close};
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->returned, NULL);
}

void tg_pool_init_configs(tg_pool_t *p, tg_str_t uri) {
    pool_init(p, uri, config_open, config_close);
}

void tg_pool_init_tokens(tg_pool_t *p, tg_str_t uri) {
    pool_init(p, uri, token_open, token_close);
}

void tg_pool_release(tg_pool_t *p) {
    while (p->n_idle > 0) {
        p->close(p->idle[--p->n_idle]);
    }
    pthread_cond_destroy(&p->returned);
    pthread_mutex_destroy(&p->lock);
}

tg_err_t tg_pool_take(tg_pool_t *p, void **handle) {
    *handle = NULL;
    pthread_mutex_lock(&p->lock);
    if (p->n_idle == 0 && p->n_out >= TG_POOL_MAX) {
        p->waits++;
    }
    p->n_waiting++;
    while (p->n_idle == 0 && p->n_out >= TG_POOL_MAX) {
        pthread_cond_wait(&p->returned, &p->lock);
    }
    p->n_waiting--;
    p->n_out++;
    if (p->n_idle > 0) {
        *handle = p->idle[--p->n_idle];
    }
    pthread_mutex_unlock(&p->lock);
    if (*handle != NULL) {
        return TG_OK;
    }
    tg_err_t err = p->open(p->uri, handle);
    if (err) {
        pthread_mutex_lock(&p->lock);
        p->n_out--;
        p->failures++;
        pthread_cond_signal(&p->returned);
        pthread_mutex_unlock(&p->lock);
    }
    return err == TG_OK || err == TG_ERR_NOMEM ? err : TG_ERR_UNAVAILABLE;
}

void tg_pool_give(tg_pool_t *p, void *handle) {
    if (handle == NULL) {
        return;
    }
    pthread_mutex_lock(&p->lock);
    p->n_out--;
    p->idle[p->n_idle++] = handle;
    pthread_cond_signal(&p->returned);
    pthread_mutex_unlock(&p->lock);
}

tg_pool_state_t tg_pool_look(tg_pool_t *p) {
    pthread_mutex_lock(&p->lock);
    tg_pool_state_t state = {p->n_out, p->n_waiting, p->waits, p->failures};
    pthread_mutex_unlock(&p->lock);
    return state;
}
