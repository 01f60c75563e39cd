/*
 * A backend of the store room: what stands behind one URI scheme. Each backend's folder exports one; store.c holds the
 * array. The contract suite runs over all of them.
 */
#ifndef TG_STORE_BACKEND_H
#define TG_STORE_BACKEND_H

#include "store/move.h"

typedef struct {
    const char *scheme; /* "sqlite" */
    const char *alias;  /* NULL, or another name of it */
    bool durable;       /* outlives the process, and other processes may open it */
    /* `where` is the URI behind "scheme:"; else as tg_config_store_open and tg_token_store_open. */
    tg_err_t (*config_open)(tg_str_t where, const tg_store_options_t *, tg_config_store_t **, tg_fault_t *);
    tg_err_t (*tokens_open)(tg_str_t where, const tg_store_options_t *, tg_token_store_t **, tg_fault_t *);
    const tg_move_ops_t *move; /* NULL: it cannot be moved */
} tg_store_backend_t;

/* The registry. */
const tg_store_backend_t *const *tg_store_backends(size_t *n);

#endif
