#include "manager/permissions.h"

#include "manager/call.h"

const tg_choice_t tg_roles[] = {
    {"ADMIN", TG_ROLE_ADMIN, false}, {"OPERATOR", TG_ROLE_OPERATOR, false}, {"VIEWER", TG_ROLE_VIEWER, false}, {0}};

const char *tg_role_name(tg_role_t role) {
    const char *name = tg_choice_name(tg_roles, (int)role);
    return name != NULL ? name : "none";
}

static tg_role_t larger(tg_role_t a, tg_role_t b) {
    return a > b ? a : b;
}

static tg_role_t smaller(tg_role_t a, tg_role_t b) {
    return a < b ? a : b;
}

tg_role_t tg_rights_largest(const tg_rights_t *rights) {
    tg_role_t role = rights->everywhere;
    for (size_t i = 0; i < rights->n_projects; i++) {
        role = larger(role, rights->projects[i].role);
    }
    return role;
}

void tg_rights_limit(tg_rights_t *rights, tg_role_t most) {
    rights->everywhere = smaller(rights->everywhere, most);
    for (size_t i = 0; i < rights->n_projects; i++) {
        rights->projects[i].role = smaller(rights->projects[i].role, most);
    }
}

static tg_role_t role_in(const tg_rights_t *rights, int64_t project_id) {
    tg_role_t role = rights->everywhere;
    for (size_t i = 0; i < rights->n_projects; i++) {
        if (rights->projects[i].project_id == project_id) {
            role = larger(role, rights->projects[i].role);
        }
    }
    return role;
}

bool tg_permission_is_partial(const tg_call_t *c) {
    return c->rights.everywhere == TG_ROLE_NONE;
}

bool tg_permission_sees(const tg_call_t *c, int64_t project_id) {
    return role_in(&c->rights, project_id) >= TG_ROLE_VIEWER;
}

/* {project} is the first parameter wherever there is one. */
static bool is_of_project(const tg_operation_t *op) {
    static const char start[] = "/apiops/projects/{project}";
    return strncmp(op->path, start, sizeof(start) - 1) == 0;
}

/* A project that is not there and one that is nobody's business get the same answer. */
static tg_err_t project_role(tg_call_t *c, tg_role_t *role) {
    tg_resource_t project;
    *role = c->rights.everywhere;
    c->project = c->params[0];
    if (c->rights.n_projects == 0 && *role != TG_ROLE_NONE) {
        return TG_OK;
    }
    tg_err_t err = c->store->ops->resource_find(c->store, TG_RES_PROJECT, 0, c->params[0], &c->arena, &project);
    if (!err) {
        *role = role_in(&c->rights, project.id);
    }
    if (err == TG_ERR_NOTFOUND && *role != TG_ROLE_NONE) {
        return TG_OK; /* the handler says so, where the role is enough */
    }
    if (*role == TG_ROLE_NONE && (!err || err == TG_ERR_NOTFOUND)) {
        c->refusal = TG_REFUSAL_ROLE;
        return tg_fault(&c->fault, TG_ERR_NOTFOUND, "", "there is no project \"%.*s\"", TG_STR_ARGS(c->params[0]));
    }
    return err;
}

/* By oneself, who knows the password: an access token of small role must not set it. */
static bool is_oneself(const tg_call_t *c) {
    return (c->op->flags & TG_OP_SELF) && c->access_token == 0 && tg_str_eq(c->who, c->params[0]);
}

tg_err_t tg_permission_check(tg_call_t *c) {
    tg_role_t needed = (tg_role_t)c->op->permission;
    tg_err_t err = TG_OK;
    c->role = c->rights.everywhere;
    if (is_of_project(c->op)) {
        err = project_role(c, &c->role);
    } else if ((c->op->flags & TG_OP_ANY_PROJECT) && c->rights.n_projects > 0) {
        c->role = larger(c->role, TG_ROLE_VIEWER);
    }
    if (err || c->role >= needed || is_oneself(c)) {
        return err;
    }
    c->refusal = TG_REFUSAL_ROLE;
    return tg_call_refuse(c, 403, "", "this needs the role %s%s; you have %s", tg_role_name(needed),
                          c->op->flags & TG_OP_SELF ? ", or your own name and password" : "", tg_role_name(c->role));
}
