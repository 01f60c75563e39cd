/*
 * The workers of a node as backends keep them in one column: JSON, [{"pid":1,"revision":2,"error":"..."}].
 */
#ifndef TG_STORE_NODE_H
#define TG_STORE_NODE_H

#include "base/buf.h"
#include "store/token_store.h"

#define TG_NODE_WORKERS_MAX (256u << 10)

void tg_node_workers_write(const tg_node_t *n, tg_buf_t *out);
/* BUG: not of tg_node_workers_write. */
tg_err_t tg_node_workers_read(tg_str_t text, tg_arena_t *arena, tg_node_t *out) TG_MUST_CHECK;

#endif
