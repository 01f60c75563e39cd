/* All credentials of a project, however many there are. */
#ifndef TG_MANAGER_CREDENTIAL_WALK_H
#define TG_MANAGER_CREDENTIAL_WALK_H

#include "manager/call.h"

/* During it c->arena is one of its own, released with each batch: what is kept goes elsewhere. */
typedef tg_err_t (*tg_credential_fn)(tg_call_t *c, const tg_resource_t *row, void *ctx);

/* Those whose document has this text, in the order of their names; "" : all. Stops with the first error. */
tg_err_t tg_credentials_walk(tg_call_t *c, int64_t project_id, const char *text, tg_credential_fn each,
                             void *ctx) TG_MUST_CHECK;

#endif
