/*
 * The registry of stores. A URI names one: "sqlite:/var/lib/tollgate" is a directory with config.db, tokens.db
 * and requests.db; "postgresql://..." is a connection URI of libpq;
 * "memory:NAME" lives in this process (tests). A store URI of another scheme is TG_ERR_INVALID with
 * the known ones in *fault.
 */
#ifndef TG_STORE_STORE_H
#define TG_STORE_STORE_H

#include "base/buf.h"
#include "store/config_store.h"
#include "store/token_store.h"

#define TG_SCHEMA_CONFIG   3
#define TG_SCHEMA_TOKENS   4
#define TG_SCHEMA_REQUESTS 1

typedef struct {
    bool create;         /* make what is missing and migrate older schemas; else NOTFOUND / INVALID */
    int busy_ms;         /* how long a call may wait for a lock of another process */
    bool batch_sync_off; /* never true outside tests */
} tg_store_options_t;

/* A store URI for people and logs: without the password that may stand in it, and without what follows a "?". */
void tg_store_uri_write(tg_str_t uri, tg_buf_t *out);

/* TG_ERR_INVALID: bad URI, or a schema newer than this release (*fault says both versions, nothing is changed), or a
 * move into the store was not finished (store/move.h);
 * NOTFOUND: not there and !create; UNAVAILABLE. Free with (*out)->ops->close(*out). */
tg_err_t tg_config_store_open(tg_str_t uri, const tg_store_options_t *, tg_config_store_t **out,
                              tg_fault_t *fault) TG_MUST_CHECK;
tg_err_t tg_token_store_open(tg_str_t uri, const tg_store_options_t *, tg_token_store_t **out,
                             tg_fault_t *fault) TG_MUST_CHECK;

/* The master key that belongs to a store: on the first call its check value is noted in the config store; later another
 * key is TG_ERR_CONFLICT. `check` is tg_keyring_t.check. Opens its own transaction. */
tg_err_t tg_store_check_master(tg_config_store_t *, const uint8_t check[32]) TG_MUST_CHECK;

#endif
