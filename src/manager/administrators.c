/* The handlers of administrators. */
#include "manager/administrators.h"

#include "manager/access_tokens.h"
#include "manager/bodies.h"
#include "manager/handlers.h"
#include "manager/password.h"
#include "manager/resources.h"
#include "manager/schemas.h"
#include "model/model.h"

#define COUNT(table)     (sizeof(table) / sizeof((table)[0]))
#define GENERATED_RANDOM 18

typedef struct {
    tg_str_t name, password;
    int role;
    tg_named_role_t *projects;
    size_t n_projects;
    bool enabled, revoke_tokens;
} body_t;

#define PASSWORD_FIELD(is_required)                                                                                    \
    {                                                                                                                  \
        .name = "password", .read = tg_read_line, .offset = offsetof(body_t, password), .required = (is_required),     \
        .min = TG_ADMIN_PASSWORD_MIN, .max = TG_ADMIN_PASSWORD_MAX                                                     \
    }

static const tg_field_t create_fields[] = {
    {.name = "name", .read = tg_read_name, .offset = offsetof(body_t, name), .required = true},
    TG_RIGHTS_FIELDS(body_t, role, projects, n_projects),
    {.name = "enabled", .read = tg_read_bool, .offset = offsetof(body_t, enabled)},
    PASSWORD_FIELD(false),
};

static const tg_field_t patch_fields[] = {
    TG_RIGHTS_FIELDS(body_t, role, projects, n_projects),
    {.name = "enabled", .read = tg_read_bool, .offset = offsetof(body_t, enabled)},
};

static const tg_field_t password_fields[] = {
    PASSWORD_FIELD(true),
    {.name = "revokeTokens", .read = tg_read_bool, .offset = offsetof(body_t, revoke_tokens)},
};

json_t *tg_administrator_schema(void) {
    return tg_fields_schema(create_fields, COUNT(create_fields));
}

json_t *tg_administrator_patch_schema(void) {
    return tg_fields_schema(patch_fields, COUNT(patch_fields));
}

json_t *tg_administrator_password_schema(void) {
    return tg_fields_schema(password_fields, COUNT(password_fields));
}

/* ---- reading ---- */

tg_err_t tg_administrator_need(tg_call_t *c, tg_resource_t *row) {
    return tg_resource_need(c, TG_RES_ADMINISTRATOR, 0, "administrator", c->params[0], row);
}

tg_err_t tg_administrator_list(tg_call_t *c) {
    return tg_resource_page(c, TG_RES_ADMINISTRATOR, 0, tg_administrator_show);
}

tg_err_t tg_administrator_get(tg_call_t *c) {
    tg_resource_t row;
    tg_err_t err = tg_administrator_need(c, &row);
    if (err) {
        return err;
    }
    tg_call_put(c, "result", tg_administrator_show(c, &row));
    tg_resource_metadata_put(c, &row);
    return TG_OK;
}

/* ---- creating ---- */

tg_err_t tg_administrator_add(tg_call_t *c, const tg_administrator_t *who, int64_t *id) {
    tg_str_t doc;
    tg_err_t err = tg_doc_text(c, tg_administrator_write(who), &doc);
    return err ? err : c->store->ops->resource_create(c->store, TG_RES_ADMINISTRATOR, 0, who->name, doc, c->now, id);
}

tg_err_t tg_administrator_password_check(tg_str_t password, const char *field, tg_fault_t *fault) {
    if (password.n < TG_ADMIN_PASSWORD_MIN || password.n > TG_ADMIN_PASSWORD_MAX) {
        return tg_fault(fault, TG_ERR_INVALID, field, "must have %d to %d bytes", TG_ADMIN_PASSWORD_MIN,
                        TG_ADMIN_PASSWORD_MAX);
    }
    return TG_OK;
}

static tg_err_t rights_needed(tg_call_t *c, const tg_rights_t *rights) {
    return tg_rights_largest(rights) != TG_ROLE_NONE
               ? TG_OK
               : tg_fault(&c->fault, TG_ERR_INVALID, "role", "must be given, or roles in projects");
}

static tg_err_t create_write(tg_call_t *c, const body_t *body, const char *encoded) {
    tg_resource_t row;
    int64_t id;
    tg_administrator_t who = {.name = body->name,
                              .rights = {.everywhere = (tg_role_t)body->role},
                              .enabled = body->enabled,
                              .password = tg_str(encoded)};
    tg_err_t err = tg_call_begin(c);
    if (!err) {
        err = tg_project_roles_find(c, body->projects, body->n_projects, &who.rights);
    }
    if (!err) {
        err = rights_needed(c, &who.rights);
    }
    if (!err) {
        err = tg_administrator_add(c, &who, &id);
    }
    if (err == TG_ERR_CONFLICT) {
        return tg_fault(&c->fault, err, "", "administrator \"%.*s\" exists already", TG_STR_ARGS(body->name));
    }
    if (!err) {
        err = c->store->ops->resource_get(c->store, id, &c->arena, &row);
    }
    if (!err) {
        c->after = tg_administrator_show(c, &row);
        tg_call_put(c, "result", json_incref(c->after));
    }
    return err;
}

tg_err_t tg_administrator_create(tg_call_t *c) {
    body_t body = {.enabled = true};
    char made[64] = "", encoded[TG_ENCODED_MAX];
    tg_err_t err = tg_body_read(c, c->body, create_fields, COUNT(create_fields), &body);
    if (!err && body.role == TG_ROLE_NONE && body.n_projects == 0) {
        err = rights_needed(c, &(tg_rights_t){.everywhere = TG_ROLE_NONE});
    }
    if (!err && body.password.n == 0) {
        tg_random_text("", GENERATED_RANDOM, made);
        body.password = tg_str(made);
    }
    if (!err) {
        err = tg_password_hash(body.password, encoded);
    }
    if (!err) {
        err = create_write(c, &body, encoded);
    }
    if (!err && made[0] != '\0') {
        tg_call_put(c, "password", json_string(made));
    }
    tg_wipe(made, sizeof(made));
    return err;
}

/* ---- changing ---- */

/* Whether another enabled ADMIN is left beside this one. */
static tg_err_t another_admin(tg_call_t *c, int64_t id) {
    tg_resource_t *rows = NULL;
    size_t n = 0;
    tg_err_t err = tg_resource_all(c, TG_RES_ADMINISTRATOR, 0, &rows, &n);
    for (size_t i = 0; !err && i < n; i++) {
        tg_administrator_t other;
        err = tg_administrator_read(&rows[i], &c->arena, &other);
        if (!err && other.id != id && other.enabled && other.rights.everywhere == TG_ROLE_ADMIN) {
            return TG_OK;
        }
    }
    return err ? err
               : tg_fault(&c->fault, TG_ERR_CONFLICT, "", "this is the last enabled administrator with role ADMIN");
}

static tg_err_t administrator_write(tg_call_t *c, const tg_resource_t *row, const tg_administrator_t *who) {
    tg_resource_t changed;
    tg_str_t doc;
    tg_err_t err = tg_doc_text(c, tg_administrator_write(who), &doc);
    if (!err) {
        err = tg_resource_change(c, row, doc);
    }
    if (!err) {
        c->before = tg_administrator_show(c, row);
        err = c->store->ops->resource_get(c->store, row->id, &c->arena, &changed);
    }
    if (!err) {
        c->after = tg_administrator_show(c, &changed);
    }
    return err;
}

static tg_err_t administrator_load(tg_call_t *c, tg_resource_t *row, tg_administrator_t *who) {
    tg_err_t err = tg_call_begin(c);
    if (!err) {
        err = tg_administrator_need(c, row);
    }
    return err ? err : tg_administrator_read(row, &c->arena, who);
}

/* null takes a role away, and all roles in projects. */
static tg_err_t rights_patch(tg_call_t *c, const body_t *body, tg_rights_t *rights) {
    tg_err_t err = TG_OK;
    if (body->role != TG_ROLE_NONE || json_is_null(json_object_get(c->body, "role"))) {
        rights->everywhere = (tg_role_t)body->role;
    }
    if (json_object_get(c->body, "projects") != NULL) {
        err = tg_project_roles_find(c, body->projects, body->n_projects, rights);
    }
    return err ? err : rights_needed(c, rights);
}

tg_err_t tg_administrator_patch(tg_call_t *c) {
    tg_resource_t row;
    tg_administrator_t who = {.enabled = false};
    tg_err_t err = administrator_load(c, &row, &who);
    if (!err) {
        err = tg_body_take_name(c, c->body, "name", row.name);
    }
    body_t body = {.enabled = who.enabled};
    if (!err) {
        err = tg_body_read(c, c->body, patch_fields, COUNT(patch_fields), &body);
    }
    if (!err) {
        who.enabled = body.enabled;
        err = rights_patch(c, &body, &who.rights);
    }
    if (!err && (who.rights.everywhere != TG_ROLE_ADMIN || !who.enabled)) {
        err = another_admin(c, row.id);
    }
    if (!err) {
        err = administrator_write(c, &row, &who);
    }
    if (!err) {
        tg_call_put(c, "result", json_incref(c->after));
    }
    return err;
}

tg_err_t tg_administrator_delete(tg_call_t *c) {
    tg_resource_t row;
    tg_administrator_t who;
    tg_err_t err = administrator_load(c, &row, &who);
    if (!err) {
        err = tg_resource_match(c, &row);
    }
    if (!err) {
        err = another_admin(c, row.id);
    }
    if (!err) {
        err = tg_access_tokens_end(c, row.id);
    }
    if (!err) {
        err = c->store->ops->session_purge(c->store, c->now, row.id);
    }
    if (err) {
        return err;
    }
    c->before = tg_administrator_show(c, &row);
    return c->store->ops->resource_delete(c->store, row.id);
}

tg_err_t tg_administrator_password(tg_call_t *c) {
    tg_resource_t row;
    tg_administrator_t who;
    body_t body = {.revoke_tokens = false};
    char encoded[TG_ENCODED_MAX];
    tg_err_t err = tg_body_read(c, c->body, password_fields, COUNT(password_fields), &body);
    if (!err) {
        err = tg_password_hash(body.password, encoded);
    }
    if (!err) {
        err = administrator_load(c, &row, &who);
    }
    if (!err) {
        who.password = tg_str(encoded);
        err = administrator_write(c, &row, &who);
    }
    if (!err) {
        tg_call_put_to(c, c->after, "password", json_string("***"));
        err = c->store->ops->session_purge(c->store, c->now, row.id);
    }
    return err || !body.revoke_tokens ? err : tg_access_tokens_end(c, row.id);
}
