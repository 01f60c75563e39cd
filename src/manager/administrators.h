/* Administrators as resources: {"role","projects":[{"id","role"}],"enabled","password"}; the password is an argon2id
 * string that no answer shows. */
#ifndef TG_MANAGER_ADMINISTRATORS_H
#define TG_MANAGER_ADMINISTRATORS_H

#include "manager/call.h"

#define TG_ADMIN_PASSWORD_MIN 12
#define TG_ADMIN_PASSWORD_MAX 1024

typedef struct {
    int64_t id, version;
    tg_str_t name;
    tg_rights_t rights;
    bool enabled;
    tg_str_t password; /* encoded */
} tg_administrator_t;

/* ---- administrator_doc.c ---- */

/* In the arena. */
tg_err_t tg_administrator_read(const tg_resource_t *row, tg_arena_t *a, tg_administrator_t *out) TG_MUST_CHECK;
/* The document of these rights, enabled and password; a new reference, NULL: out of memory. */
json_t *tg_administrator_write(const tg_administrator_t *who) TG_MUST_CHECK;
/* As answers show it: with the names of projects, without those that are gone, without the password. */
json_t *tg_administrator_show(tg_call_t *c, const tg_resource_t *row) TG_MUST_CHECK;

/* What bodies say of rights. */
typedef struct {
    tg_str_t name;
    int role;
} tg_named_role_t;
#define TG_RIGHTS_FIELDS(type, role, projects, n_projects)                                                             \
    {.name = "role", .read = tg_read_choice, .offset = offsetof(type, role), .more = tg_roles}, {                      \
        .name = "projects", TG_STRUCTS(type, projects, n_projects, tg_read_named_role), .max = TG_PROJECT_ROLES_MAX,   \
        .inner = tg_named_role_fields, .n_inner = 2                                                                    \
    }
extern const tg_field_t tg_named_role_fields[];
tg_err_t tg_read_named_role(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *, void *out);
/* Finds the projects, in the arena. INVALID: one is not there, or stands twice. */
tg_err_t tg_project_roles_find(tg_call_t *c, const tg_named_role_t *named, size_t n, tg_rights_t *out) TG_MUST_CHECK;

/* ---- administrators.c ---- */

/* "administrator" of c->params[0]. */
tg_err_t tg_administrator_need(tg_call_t *c, tg_resource_t *row) TG_MUST_CHECK;
/* Creates one inside the running transaction. CONFLICT: the name is taken. */
tg_err_t tg_administrator_add(tg_call_t *c, const tg_administrator_t *who, int64_t *id) TG_MUST_CHECK;
/* 12..1024 bytes. */
tg_err_t tg_administrator_password_check(tg_str_t password, const char *field, tg_fault_t *fault) TG_MUST_CHECK;

#endif
