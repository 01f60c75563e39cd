/*
 * Making a new revision of an environment: the snapshot document from what is deployed there, its settings and its
 * keys, with the row in the change feed that tells the gateways. All inside the caller's transaction.
 */
#ifndef TG_MANAGER_PUBLISH_H
#define TG_MANAGER_PUBLISH_H

#include "manager/call.h"
#include "model/snapshot.h"

/* Takes the next revision number. */
tg_err_t tg_publish_number(tg_call_t *c, int64_t environment_id, int64_t *revision) TG_MUST_CHECK;
/* Writes the snapshot under this number and notes the environment among the call's targets. */
tg_err_t tg_publish(tg_call_t *c, const tg_resource_t *environment, int64_t revision) TG_MUST_CHECK;
/* Both, for changes of settings and keys. With c->publish_later the call takes one number per environment, and writes
 * no snapshot before tg_publish_all. */
tg_err_t tg_publish_next(tg_call_t *c, const tg_resource_t *environment) TG_MUST_CHECK;
/* The same of every environment. */
tg_err_t tg_publish_everywhere(tg_call_t *c) TG_MUST_CHECK;
/* Writes what was put off: the snapshots of the call's targets. */
tg_err_t tg_publish_all(tg_call_t *c) TG_MUST_CHECK;

/* The change-feed row that makes gateways forget what they know of a client. environment_id 0: all. */
tg_err_t tg_publish_client(tg_call_t *c, int64_t environment_id, tg_client_kind_t kind,
                           tg_str_t client_id) TG_MUST_CHECK;
/* Likewise of every client, everywhere. */
tg_err_t tg_publish_clients(tg_call_t *c) TG_MUST_CHECK;

#endif
