/*
 * What owns an application key, policies and deployments: API proxies, API proxy groups, policy groups. One set of
 * handlers serves the three; which of them a call is about stands in its path.
 */
#ifndef TG_MANAGER_OWNERS_H
#define TG_MANAGER_OWNERS_H

#include "manager/application_keys.h"
#include "manager/deploy.h"
#include "model/snapshot.h"

typedef struct {
    tg_resource_kind_t kind;
    tg_owner_kind_t owner;
    const char *segment;    /* of paths: ".../projects/{project}/<segment>/" */
    const char *what;       /* "API proxy" */
    const char *name_field; /* of its body */
} tg_owner_type_t;

const tg_owner_type_t *tg_owner_type(tg_resource_kind_t kind);

/* c->params[0] and [1] */
tg_err_t tg_owner_need(tg_call_t *c, tg_resource_t *project, tg_resource_t *owner) TG_MUST_CHECK;

/* Reads a body of a project's proxy or group; the canonical document goes into the arena. */
tg_err_t tg_owner_canonical(tg_call_t *c, const tg_owner_type_t *type, tg_str_t project, const json_t *body,
                            tg_str_t *name, tg_str_t *doc) TG_MUST_CHECK;
/* Inside the transaction; c->before and c->after tell what changed. `doc` is canonical. A new one owns that key. */
tg_err_t tg_owner_add(tg_call_t *c, const tg_owner_type_t *type, const tg_resource_t *project, tg_str_t name,
                      tg_str_t doc, const tg_application_key_t *key, tg_resource_t *row) TG_MUST_CHECK;
tg_err_t tg_owner_change(tg_call_t *c, tg_resource_t *row, tg_str_t doc) TG_MUST_CHECK;
/* With policies, key, membership and its rows in access lists. CONFLICT: it is deployed somewhere. */
tg_err_t tg_owner_remove(tg_call_t *c, const tg_resource_t *row) TG_MUST_CHECK;

/* Inside the transaction: writes a whole document, or one with a patch merged in, and deploys it if asked to. `member`:
 * the part that the answer shows, NULL: all. */
tg_err_t tg_owner_replace(tg_call_t *c, tg_resource_t *row, json_t *body, const tg_deploy_request_t *deploy,
                          const char *member) TG_MUST_CHECK;
tg_err_t tg_owner_merge(tg_call_t *c, tg_resource_t *row, const json_t *patch, const tg_deploy_request_t *deploy,
                        const char *member) TG_MUST_CHECK;

#endif
