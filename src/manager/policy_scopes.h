/* What the policies of one owner are to each other and to its endpoints. */
#ifndef TG_MANAGER_POLICY_SCOPES_H
#define TG_MANAGER_POLICY_SCOPES_H

#include "manager/call.h"
#include "model/snapshot.h"

/* All policies of an API proxy or a group, as they stand in the store. */
typedef struct {
    tg_policy_t *own; /* of the whole owner, or NULL */
    tg_endpoint_policy_t *endpoints;
    size_t n_endpoints;
} tg_policies_t;

/* Reads them into the call's arena, and checks what no single body shows: one policy on each scope; a policy of an
 * endpoint is of one that the proxy has; policies in policy mode that issue tokens of one type agree on them, for they
 * share an application key. CONFLICT names the policies. */
tg_err_t tg_policies_read(tg_call_t *c, const tg_resource_t *owner, tg_policies_t *out) TG_MUST_CHECK;
/* The same, after a change of the owner or of one of its policies, in the transaction of that; and that the identity
 * providers which they name are there (INVALID). */
tg_err_t tg_policies_check(tg_call_t *c, const tg_resource_t *owner) TG_MUST_CHECK;

#endif
