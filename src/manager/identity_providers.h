/*
 * Identity providers of projects: documents with sealed secrets, which every environment's snapshot carries. One with
 * the name SECRET_MANAGER, which is built in, is shown beside them.
 */
#ifndef TG_MANAGER_IDENTITY_PROVIDERS_H
#define TG_MANAGER_IDENTITY_PROVIDERS_H

#include "manager/call.h"
#include "model/snapshot.h"

typedef struct {
    tg_resource_t project, row;
    tg_identity_provider_t stored; /* its secrets are sealed */
} tg_provider_row_t;

/* c->params[0] and [1]; CONFLICT: the one that is built in. */
tg_err_t tg_provider_need(tg_call_t *c, tg_provider_row_t *out) TG_MUST_CHECK;
/* Of a project; NOTFOUND. */
tg_err_t tg_provider_find(tg_call_t *c, const tg_resource_t *project, tg_str_t name,
                          tg_provider_row_t *out) TG_MUST_CHECK;
/* The stored document, secrets masked. */
json_t *tg_provider_show(tg_call_t *c, const tg_resource_t *row) TG_MUST_CHECK;
/* Those of all projects as snapshots have them, in the call's arena. */
tg_err_t tg_providers_load(tg_call_t *c, tg_snapshot_provider_t **out, size_t *n) TG_MUST_CHECK;

/* A body, its secrets sealed; those that it leaves out are kept from the old one (NULL: there is none), headers and
 * form fields by their names. One with the value that is stored keeps that seal. *doc is canonical. */
tg_err_t tg_provider_body(tg_call_t *c, const json_t *body, const tg_resource_t *project, const tg_provider_row_t *old,
                          tg_identity_provider_t *out, tg_str_t *doc) TG_MUST_CHECK;

/* A copy with clear secrets, in the call's arena. INVALID: they do not open. */
tg_err_t tg_provider_open(tg_call_t *c, const tg_identity_provider_t *stored, tg_identity_provider_t *out,
                          tg_fault_t *fault) TG_MUST_CHECK;

/* Inside the transaction: they publish, and note before and after. */
tg_err_t tg_provider_add(tg_call_t *c, const tg_resource_t *project, const tg_identity_provider_t *fresh,
                         tg_str_t doc) TG_MUST_CHECK;
tg_err_t tg_provider_change(tg_call_t *c, const tg_provider_row_t *old, const tg_identity_provider_t *fresh,
                            tg_str_t doc) TG_MUST_CHECK;
tg_err_t tg_provider_remove(tg_call_t *c, const tg_provider_row_t *row) TG_MUST_CHECK;

/* ---- who names them ---- */

/* That the providers which these settings, or this policy, name are there and can do what they are named for. INVALID:
 * *fault names the field, below `at` ("" or "policy."). */
tg_err_t tg_provider_settings_check(tg_call_t *c, int64_t project_id, const tg_token_settings_t *settings,
                                    const char *at) TG_MUST_CHECK;
tg_err_t tg_provider_policy_check(tg_call_t *c, int64_t project_id, const tg_policy_t *policy) TG_MUST_CHECK;
/* CONFLICT names one that does: a policy, a credential's token settings, or something that is deployed. `end` says what
 * cannot be done then. */
tg_err_t tg_provider_unused(tg_call_t *c, const tg_resource_t *row, const char *end) TG_MUST_CHECK;

#endif
