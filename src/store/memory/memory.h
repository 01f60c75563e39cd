/*
 * The store in this process: "memory:NAME". All handles of one name share its content, which goes with the last of
 * them. A real backend with every promise but durability: transactions, read views, many threads.
 */
#ifndef TG_STORE_MEMORY_MEMORY_H
#define TG_STORE_MEMORY_MEMORY_H

#include "store/backend.h"

extern const tg_store_backend_t tg_memory_backend;

tg_err_t tg_memory_config_open(tg_str_t name, const tg_store_options_t *, tg_config_store_t **out,
                               tg_fault_t *fault) TG_MUST_CHECK;
tg_err_t tg_memory_tokens_open(tg_str_t name, const tg_store_options_t *, tg_token_store_t **out,
                               tg_fault_t *fault) TG_MUST_CHECK;

#endif
