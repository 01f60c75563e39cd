/*
 * What an administrator may do: a role for the whole installation, and roles in single projects. The larger of the two
 * counts inside a project; an access token takes away from both. The one place that compares them with the table of
 * operations.
 */
#ifndef TG_MANAGER_PERMISSIONS_H
#define TG_MANAGER_PERMISSIONS_H

#include "base/json.h"
#include "manager/operations.h"
#include "model/fields.h"

#define TG_PROJECT_ROLES_MAX 256

typedef struct {
    int64_t project_id;
    tg_role_t role;
} tg_project_role_t;

typedef struct {
    tg_role_t everywhere; /* NONE: only what `projects` says */
    tg_project_role_t *projects;
    size_t n_projects;
} tg_rights_t;

extern const tg_choice_t tg_roles[]; /* for tg_read_choice */
const char *tg_role_name(tg_role_t role);
/* The largest of all. */
tg_role_t tg_rights_largest(const tg_rights_t *rights);
/* No role is larger than that one any more. */
void tg_rights_limit(tg_rights_t *rights, tg_role_t most);

/* With c->rights: may this operation be called? Sets c->role, the role that counts here, and c->project; or refuses
 * with 403, in a project where there is no role with 404 as if it were not there. */
tg_err_t tg_permission_check(tg_call_t *c) TG_MUST_CHECK;

/* Whether lists leave out what is of projects without a role. */
bool tg_permission_is_partial(const tg_call_t *c);
/* Whether things of that project may be read. */
bool tg_permission_sees(const tg_call_t *c, int64_t project_id);

#endif
