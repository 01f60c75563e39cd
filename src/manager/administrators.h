/* Administrators as resources: {"role","enabled","password"}; the password is an argon2id string that no answer shows.
 */
#ifndef TG_MANAGER_ADMINISTRATORS_H
#define TG_MANAGER_ADMINISTRATORS_H

#include "manager/call.h"

#define TG_ADMIN_PASSWORD_MIN 12
#define TG_ADMIN_PASSWORD_MAX 1024

typedef struct {
    int64_t id, version;
    tg_str_t name;
    tg_role_t role;
    bool enabled;
    tg_str_t password; /* encoded */
} tg_administrator_t;

const char *tg_role_name(tg_role_t role);

tg_err_t tg_administrator_read(const tg_resource_t *row, tg_arena_t *a, tg_administrator_t *out) TG_MUST_CHECK;
/* Creates one inside the running transaction. CONFLICT: the name is taken. */
tg_err_t tg_administrator_add(tg_config_store_t *store, tg_str_t name, tg_role_t role, const char *encoded, tg_ms_t now,
                              int64_t *id) TG_MUST_CHECK;
/* 12..1024 bytes. */
tg_err_t tg_administrator_password_check(tg_str_t password, const char *field, tg_fault_t *fault) TG_MUST_CHECK;

#endif
