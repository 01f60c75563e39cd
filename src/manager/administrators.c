#include "manager/administrators.h"

#include "manager/bodies.h"
#include "manager/handlers.h"
#include "manager/password.h"
#include "manager/resources.h"
#include "model/model.h"

#define GENERATED_RANDOM 18

static const struct {
    const char *name;
    tg_role_t role;
} roles[] = {{"ADMIN", TG_ROLE_ADMIN}, {"OPERATOR", TG_ROLE_OPERATOR}, {"VIEWER", TG_ROLE_VIEWER}};

const char *tg_role_name(tg_role_t role) {
    for (size_t i = 0; i < 3; i++) {
        if (roles[i].role == role) {
            return roles[i].name;
        }
    }
    return "none";
}

static tg_role_t role_parse(tg_str_t name) {
    for (size_t i = 0; i < 3; i++) {
        if (tg_str_eq(name, tg_str(roles[i].name))) {
            return roles[i].role;
        }
    }
    return TG_ROLE_NONE;
}

tg_err_t tg_administrator_read(const tg_resource_t *row, tg_arena_t *a, tg_administrator_t *out) {
    json_t *doc = NULL;
    tg_err_t err = tg_doc_parse(row->doc, &doc);
    if (err) {
        return err;
    }
    *out = (tg_administrator_t){.id = row->id,
                                .version = row->version,
                                .name = row->name,
                                .role = role_parse(tg_json_str(doc, "role")),
                                .enabled = tg_json_bool(doc, "enabled", false)};
    err = tg_arena_str(a, tg_json_str(doc, "password"), &out->password) ? TG_OK : TG_ERR_NOMEM;
    json_decref(doc);
    return err;
}

static json_t *doc_make(tg_role_t role, bool enabled, tg_str_t encoded) {
    return json_pack("{s:s, s:b, s:s%}", "role", tg_role_name(role), "enabled", (int)enabled, "password", encoded.p,
                     encoded.n);
}

tg_err_t tg_administrator_add(tg_config_store_t *store, tg_str_t name, tg_role_t role, const char *encoded, tg_ms_t now,
                              int64_t *id) {
    tg_buf_t text;
    tg_buf_init(&text, 4096);
    json_t *doc = doc_make(role, true, tg_str(encoded));
    tg_err_t err = doc == NULL ? TG_ERR_NOMEM : tg_json_write(doc, &text);
    if (!err) {
        err = store->ops->resource_create(store, TG_RES_ADMINISTRATOR, 0, name, tg_buf_str(&text), now, id);
    }
    json_decref(doc);
    tg_buf_release(&text);
    return err;
}

tg_err_t tg_administrator_password_check(tg_str_t password, const char *field, tg_fault_t *fault) {
    if (password.n < TG_ADMIN_PASSWORD_MIN || password.n > TG_ADMIN_PASSWORD_MAX) {
        return tg_fault(fault, TG_ERR_INVALID, field, "must have %d to %d bytes", TG_ADMIN_PASSWORD_MIN,
                        TG_ADMIN_PASSWORD_MAX);
    }
    return TG_OK;
}

/* Without the password. */
static json_t *administrator_show(tg_call_t *c, const tg_resource_t *row) {
    json_t *doc = tg_resource_doc(row);
    if (doc != NULL) {
        json_object_del(doc, "password");
        tg_call_put_to(c, doc, "name", tg_text(row->name));
    }
    return doc;
}

static tg_err_t administrator_need(tg_call_t *c, tg_resource_t *row) {
    return tg_resource_need(c, TG_RES_ADMINISTRATOR, 0, "administrator", c->params[0], row);
}

tg_err_t tg_administrator_list(tg_call_t *c) {
    return tg_resource_page(c, TG_RES_ADMINISTRATOR, 0, administrator_show);
}

tg_err_t tg_administrator_get(tg_call_t *c) {
    tg_resource_t row;
    tg_err_t err = administrator_need(c, &row);
    if (err) {
        return err;
    }
    tg_call_put(c, "result", administrator_show(c, &row));
    tg_resource_metadata_put(c, &row);
    return TG_OK;
}

static tg_err_t role_take(tg_call_t *c, bool required, tg_role_t fallback, tg_role_t *out) {
    tg_str_t name;
    tg_err_t err = tg_body_str(c, c->body, "role", required ? 1 : 0, 16, &name);
    *out = err || name.n == 0 ? fallback : role_parse(name);
    if (!err && *out == TG_ROLE_NONE) {
        err = tg_fault(&c->fault, TG_ERR_INVALID, "role", "must be ADMIN, OPERATOR or VIEWER");
    }
    return err;
}

/* The password of the body, or NULL made up in `made`; encoded either way. */
static tg_err_t password_take(tg_call_t *c, bool required, char made[64], char encoded[TG_ENCODED_MAX]) {
    tg_str_t password;
    made[0] = '\0';
    tg_err_t err = tg_body_str(c, c->body, "password", required ? 1 : 0, TG_ADMIN_PASSWORD_MAX, &password);
    if (!err && password.n == 0) {
        tg_random_text("", GENERATED_RANDOM, made);
        password = tg_str(made);
    }
    if (!err) {
        err = tg_administrator_password_check(password, "password", &c->fault);
    }
    return err ? err : tg_password_hash(password, encoded);
}

tg_err_t tg_administrator_create(tg_call_t *c) {
    static const char *const fields[] = {"name", "role", "password", NULL};
    tg_str_t name;
    tg_role_t role;
    tg_resource_t row;
    char made[64], encoded[TG_ENCODED_MAX];
    int64_t id;
    tg_err_t err = tg_body_only(c, c->body, fields);
    if (!err) {
        err = tg_body_str(c, c->body, "name", 1, TG_NAME_MAX, &name);
    }
    if (!err) {
        err = tg_name_check(name, "name", &c->fault);
    }
    if (!err) {
        err = role_take(c, true, TG_ROLE_NONE, &role);
    }
    if (!err) {
        err = password_take(c, false, made, encoded);
    }
    if (!err) {
        err = tg_call_begin(c);
    }
    if (!err) {
        err = tg_administrator_add(c->store, name, role, encoded, c->now, &id);
    }
    if (err == TG_ERR_CONFLICT) {
        return tg_fault(&c->fault, err, "", "administrator \"%.*s\" exists already", TG_STR_ARGS(name));
    }
    if (!err) {
        err = c->store->ops->resource_get(c->store, id, &c->arena, &row);
    }
    if (!err) {
        c->after = administrator_show(c, &row);
        tg_call_put(c, "result", json_incref(c->after));
        if (made[0] != '\0') {
            tg_call_put(c, "password", json_string(made));
        }
    }
    tg_wipe(made, sizeof(made));
    return err;
}

/* Whether another enabled ADMIN is left beside this one. */
static tg_err_t another_admin(tg_call_t *c, int64_t id) {
    tg_resource_t *rows = NULL;
    size_t n = 0;
    tg_err_t err = tg_resource_all(c, TG_RES_ADMINISTRATOR, 0, &rows, &n);
    for (size_t i = 0; !err && i < n; i++) {
        tg_administrator_t other;
        err = tg_administrator_read(&rows[i], &c->arena, &other);
        if (!err && other.id != id && other.enabled && other.role == TG_ROLE_ADMIN) {
            return TG_OK;
        }
    }
    return err ? err
               : tg_fault(&c->fault, TG_ERR_CONFLICT, "", "this is the last enabled administrator with role ADMIN");
}

static tg_err_t administrator_write(tg_call_t *c, const tg_resource_t *row, tg_role_t role, bool enabled,
                                    tg_str_t encoded) {
    tg_resource_t changed;
    tg_str_t doc;
    tg_err_t err = tg_doc_text(c, doc_make(role, enabled, encoded), &doc);
    if (!err) {
        err = tg_resource_change(c, row, doc);
    }
    if (!err) {
        c->before = administrator_show(c, row);
        err = c->store->ops->resource_get(c->store, row->id, &c->arena, &changed);
    }
    if (!err) {
        c->after = administrator_show(c, &changed);
        tg_call_put(c, "result", json_incref(c->after));
    }
    return err;
}

tg_err_t tg_administrator_patch(tg_call_t *c) {
    static const char *const fields[] = {"name", "role", "enabled", NULL};
    tg_resource_t row;
    tg_administrator_t old;
    tg_role_t role;
    bool enabled;
    tg_err_t err = tg_body_only(c, c->body, fields);
    if (!err) {
        err = tg_call_begin(c);
    }
    if (!err) {
        err = administrator_need(c, &row);
    }
    if (!err) {
        err = tg_body_take_name(c, c->body, "name", row.name);
    }
    if (!err) {
        err = tg_administrator_read(&row, &c->arena, &old);
    }
    if (!err) {
        err = role_take(c, false, old.role, &role);
    }
    if (!err) {
        err = tg_body_bool(c, c->body, "enabled", old.enabled, &enabled);
    }
    if (!err && (role != TG_ROLE_ADMIN || !enabled)) {
        err = another_admin(c, row.id);
    }
    return err ? err : administrator_write(c, &row, role, enabled, old.password);
}

tg_err_t tg_administrator_delete(tg_call_t *c) {
    tg_resource_t row;
    tg_err_t err = tg_call_begin(c);
    if (!err) {
        err = administrator_need(c, &row);
    }
    if (!err) {
        err = tg_resource_match(c, &row);
    }
    if (!err) {
        err = another_admin(c, row.id);
    }
    if (!err) {
        err = c->store->ops->session_purge(c->store, c->now, row.id);
    }
    if (err) {
        return err;
    }
    c->before = administrator_show(c, &row);
    return c->store->ops->resource_delete(c->store, row.id);
}

tg_err_t tg_administrator_password(tg_call_t *c) {
    static const char *const fields[] = {"password", NULL};
    tg_resource_t row;
    tg_administrator_t old;
    char made[64], encoded[TG_ENCODED_MAX];
    if (c->role != TG_ROLE_ADMIN && !tg_str_eq(c->who, c->params[0])) {
        return tg_call_refuse(c, 403, "", "this needs the role ADMIN, or your own name");
    }
    tg_err_t err = tg_body_only(c, c->body, fields);
    if (!err) {
        err = password_take(c, true, made, encoded);
    }
    if (!err) {
        err = tg_call_begin(c);
    }
    if (!err) {
        err = administrator_need(c, &row);
    }
    if (!err) {
        err = tg_administrator_read(&row, &c->arena, &old);
    }
    if (!err) {
        err = administrator_write(c, &row, old.role, old.enabled, tg_str(encoded));
    }
    if (!err) {
        tg_call_put_to(c, c->after, "password", json_string("***"));
        json_object_del(c->answer, "result");
        err = c->store->ops->session_purge(c->store, c->now, row.id);
    }
    return err;
}
