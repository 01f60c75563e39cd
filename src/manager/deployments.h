/* What the calls about deployments have in common. */
#ifndef TG_MANAGER_DEPLOYMENTS_H
#define TG_MANAGER_DEPLOYMENTS_H

#include "manager/call.h"

/* revision, deployedAt, deployedBy and description go into the object. */
void tg_deployment_put(tg_call_t *c, json_t *o, const tg_deployment_t *d);
/* The body's description; nothing else may be in it. */
tg_err_t tg_deployment_description(tg_call_t *c, tg_str_t *out) TG_MUST_CHECK;

/* For the audit log: that revision there; a new reference. */
json_t *tg_deployment_note(tg_call_t *c, const tg_resource_t *environment, int64_t revision) TG_MUST_CHECK;
/* c->before: what is deployed there now, if anything is. */
tg_err_t tg_deployment_note_before(tg_call_t *c, const tg_resource_t *environment,
                                   const tg_resource_t *owner) TG_MUST_CHECK;

#endif
