/*
 * What owns an application key, policies and deployments: API proxies, API proxy groups, policy groups. One set of
 * handlers serves the three; which of them a call is about stands in its path.
 */
#ifndef TG_MANAGER_OWNERS_H
#define TG_MANAGER_OWNERS_H

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

/* Inside the transaction: writes a whole document, or one with a patch merged in, and deploys it if asked to. `member`:
 * the part that the answer shows, NULL: all. */
tg_err_t tg_owner_replace(tg_call_t *c, tg_resource_t *row, json_t *body, const tg_deploy_request_t *deploy,
                          const char *member) TG_MUST_CHECK;
tg_err_t tg_owner_merge(tg_call_t *c, tg_resource_t *row, const json_t *patch, const tg_deploy_request_t *deploy,
                        const char *member) TG_MUST_CHECK;

#endif
