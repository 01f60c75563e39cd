#ifndef TG_MANAGER_ENVIRONMENTS_H
#define TG_MANAGER_ENVIRONMENTS_H

#include "jose/jwk.h"
#include "manager/call.h"

/* Inside the running transaction: the environment's row, its first signing key and its first snapshot. `doc` is
 * canonical. CONFLICT: the name is taken. */
tg_err_t tg_environment_add(tg_call_t *c, tg_str_t name, tg_str_t doc, const tg_key_t *key, int64_t *id) TG_MUST_CHECK;
/* Inside the transaction: new settings; c->before and c->after tell what changed. row->doc is the new one then. */
tg_err_t tg_environment_change(tg_call_t *c, tg_resource_t *row, tg_str_t doc) TG_MUST_CHECK;
/* Reads a body; the canonical document goes into the arena. */
tg_err_t tg_environment_canonical(tg_call_t *c, const json_t *body, tg_str_t *name, tg_str_t *doc) TG_MUST_CHECK;

#endif
