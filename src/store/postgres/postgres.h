/*
 * The store in PostgreSQL (15 or later): "postgresql://..." (or "postgres://...") is a connection URI of libpq, given
 * to it as it is, TLS options included. Two schemas in that database: tollgate is the config store's, tollgate_tokens
 * the token store's. What is made in a schema belongs to the schema's owner, whoever of its members made it.
 *
 * No call waits without a bound: the server ends statements after busy_ms, and a handle that hears nothing half a
 * second longer gives its connection up. Such a call, and each one that loses the connection, is TG_ERR_UNAVAILABLE; of
 * a commit it may still have been durable. The next call connects anew (tried every 100 ms at first, every second
 * later), so a handle outlives its server. A transaction or read view that was open then stays broken until it is
 * ended.
 *
 * Prepared statements and settings live in the session: a pooler in between must be in session mode.
 */
#ifndef TG_STORE_POSTGRES_POSTGRES_H
#define TG_STORE_POSTGRES_POSTGRES_H

#include "store/backend.h"

extern const tg_store_backend_t tg_postgres_backend;

tg_err_t tg_postgres_config_open(tg_str_t uri, const tg_store_options_t *, tg_config_store_t **out,
                                 tg_fault_t *fault) TG_MUST_CHECK;
tg_err_t tg_postgres_tokens_open(tg_str_t uri, const tg_store_options_t *, tg_token_store_t **out,
                                 tg_fault_t *fault) TG_MUST_CHECK;

extern const tg_move_ops_t tg_postgres_move;

#endif
