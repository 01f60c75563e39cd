/*
 * A decorator that makes calls fail, for tests of whoever uses a store.
 */
#ifndef TG_STORE_FAULTY_H
#define TG_STORE_FAULTY_H

#include "store/config_store.h"
#include "store/token_store.h"

/* Shared by any number of handles of one thread; the caller's memory. */
typedef struct {
    long fail_at;    /* the call with this number fails, 1 is the next; 0: none */
    long fail_count; /* how many from there on; 0 counts as 1 */
    tg_err_t err;
    bool after; /* false: nothing reaches the store; true: it does its work and the answer is lost (TG_ERR_UNAVAILABLE
                 * of a commit that was durable) */
    long calls; /* made so far; rollback, read_end, change_fd and close are not counted and never fail */
} tg_fault_plan_t;

/* Owns `inner`: close closes both. NULL: out of memory, `inner` is still the caller's. */
tg_config_store_t *tg_config_faulty(tg_config_store_t *inner, tg_fault_plan_t *plan);
tg_token_store_t *tg_token_faulty(tg_token_store_t *inner, tg_fault_plan_t *plan);

#endif
