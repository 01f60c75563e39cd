/*
 * The store in SQLite files: "sqlite:DIR" is DIR/config.db and DIR/tokens.db, in WAL mode with synchronous=FULL, and
 * DIR/requests.db (the token request log, made with its first rows) with synchronous=NORMAL. Any number of processes on
 * one machine; DIR must be on a local file system.
 */
#ifndef TG_STORE_SQLITE_SQLITE_H
#define TG_STORE_SQLITE_SQLITE_H

#include "store/backend.h"

extern const tg_store_backend_t tg_sqlite_backend;

tg_err_t tg_sqlite_config_open(tg_str_t dir, const tg_store_options_t *, tg_config_store_t **out,
                               tg_fault_t *fault) TG_MUST_CHECK;
tg_err_t tg_sqlite_tokens_open(tg_str_t dir, const tg_store_options_t *, tg_token_store_t **out,
                               tg_fault_t *fault) TG_MUST_CHECK;

extern const tg_move_ops_t tg_sqlite_move;

#endif
