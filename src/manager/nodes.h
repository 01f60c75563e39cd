/* Gateway nodes that live: their rows in the token store. */
#ifndef TG_MANAGER_NODES_H
#define TG_MANAGER_NODES_H

#include "manager/call.h"

/* Appends the live nodes of an environment to the array; *n counts them. */
tg_err_t tg_nodes_list(tg_call_t *c, int64_t environment_id, json_t *list, size_t *n) TG_MUST_CHECK;

#endif
