/* .../credentials/{username}/password/ and .../tokens/: what ends tokens of a credential. */
#include "manager/bodies.h"
#include "manager/credential_secrets.h"
#include "manager/handlers.h"
#include "manager/password.h"
#include "manager/publish.h"
#include "manager/queries.h"
#include "manager/resources.h"
#include "manager/schemas.h"
#include "model/names.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

typedef struct {
    tg_str_t environment; /* "": the general one */
    tg_secret_form_t form;
    char made[TG_APPLICATION_SECRET_LEN];
} change_t;

typedef struct {
    tg_str_t password, environment;
    bool regenerate;
} body_t;

static const tg_field_t body_fields[] = {
    {.name = "password", .read = tg_read_client_secret, .offset = offsetof(body_t, password)},
    {.name = "regenerate", .read = tg_read_bool, .offset = offsetof(body_t, regenerate)},
    {.name = "environmentName", .read = tg_read_name, .offset = offsetof(body_t, environment)},
};

json_t *tg_credential_password_schema(void) {
    return tg_fields_schema(body_fields, COUNT(body_fields));
}

/* The slow part is here, before the transaction. */
static tg_err_t change_read(tg_call_t *c, change_t *change) {
    body_t body = {.regenerate = false};
    tg_err_t err = tg_body_read(c, c->body, body_fields, COUNT(body_fields), &body);
    if (!err && body.regenerate == (body.password.n > 0)) {
        err = tg_fault(&c->fault, TG_ERR_INVALID, "password", "%s",
                       body.regenerate ? "cannot be given together with regenerate" : "or regenerate is needed");
    }
    if (err) {
        return err;
    }
    change->environment = body.environment;
    return body.regenerate ? tg_secret_generate(c, c->params[1], change->made, &change->form)
                           : tg_secret_choose(c, body.password, &change->form);
}

static tg_err_t environment_need(tg_call_t *c, tg_str_t name, tg_resource_t *environment) {
    tg_err_t err = c->store->ops->resource_find(c->store, TG_RES_ENVIRONMENT, 0, name, &c->arena, environment);
    return err == TG_ERR_NOTFOUND ? tg_fault(&c->fault, TG_ERR_INVALID, "environmentName",
                                             "there is no environment \"%.*s\"", TG_STR_ARGS(name))
                                  : err;
}

static tg_credential_environment_t *stored_find(const tg_credential_t *k, tg_str_t name) {
    for (size_t i = 0; i < k->n_environments; i++) {
        if (tg_str_eq(k->environments[i].environment, name)) {
            return &k->environments[i];
        }
    }
    return NULL;
}

/* The document with this environment's secret in it. */
static tg_err_t stored_mark(tg_call_t *c, tg_credential_t *k, tg_str_t name) {
    tg_credential_environment_t *e = stored_find(k, name);
    if (e != NULL) {
        e->has_password = true;
        return TG_OK;
    }
    if (k->n_environments >= TG_CREDENTIAL_ENVIRONMENTS_MAX) {
        return tg_fault(&c->fault, TG_ERR_INVALID, "environmentName", "at most %d environments have their own password",
                        TG_CREDENTIAL_ENVIRONMENTS_MAX);
    }
    e = tg_arena_array(&c->arena, k->n_environments + 1, sizeof(*e));
    if (e == NULL) {
        return TG_ERR_NOMEM;
    }
    if (k->n_environments > 0) {
        memcpy(e, k->environments, k->n_environments * sizeof(*e));
    }
    e[k->n_environments++] = (tg_credential_environment_t){.environment = name, .has_password = true};
    k->environments = e;
    return TG_OK;
}

/* An entry that says nothing any more goes. */
static void stored_unmark(tg_credential_t *k, tg_credential_environment_t *e) {
    e->has_password = false;
    if (!e->has_ips) {
        size_t behind = (size_t)(k->environments + k->n_environments - e) - 1;
        memmove(e, e + 1, behind * sizeof(*e));
        k->n_environments--;
    }
}

static tg_err_t change_apply(tg_call_t *c, const change_t *change, tg_credential_row_t *row) {
    tg_resource_t environment;
    if (change->environment.n == 0) {
        tg_secret_take(&row->client, &change->form);
        return TG_OK;
    }
    tg_err_t err = environment_need(c, change->environment, &environment);
    if (!err) {
        err = tg_secret_put(c, row->client.key_id, environment.id, &change->form);
    }
    return err ? err : stored_mark(c, &row->stored, change->environment);
}

static void audit_note(tg_call_t *c, tg_str_t environment, const char *password) {
    json_decref(c->before);
    json_decref(c->after);
    c->before = NULL;
    c->after = json_object();
    tg_call_put_to(c, c->after, "password", json_string(password));
    tg_call_put_to(c, c->after, "environmentName", tg_text_or_null(environment));
}

static tg_err_t change_write(tg_call_t *c, const change_t *change) {
    tg_credential_row_t row;
    tg_err_t err = tg_credential_need(c, &row);
    if (!err) {
        err = change_apply(c, change, &row);
    }
    if (!err) {
        err = tg_credential_save(c, &row, &row.stored);
    }
    if (err) {
        return err;
    }
    audit_note(c, change->environment, "***");
    tg_call_put(c, "clientId", tg_text(row.client.client_id));
    if (change->made[0] != '\0') {
        tg_call_put(c, "clientSecret", json_string(change->made));
    }
    return TG_OK;
}

tg_err_t tg_credential_password_put(tg_call_t *c) {
    change_t change = {.made = ""};
    tg_credential_row_t row;
    tg_err_t err = tg_credential_need(c, &row); /* before the slow part */
    if (!err) {
        err = change_read(c, &change);
    }
    if (!err) {
        err = tg_call_begin(c);
    }
    if (!err) {
        err = change_write(c, &change);
    }
    tg_wipe(&change, sizeof(change));
    return err;
}

/* The general secret holds there again; what was issued under it before must not come back. */
static tg_err_t secret_drop(tg_call_t *c, tg_credential_row_t *row, tg_str_t name) {
    tg_resource_t environment;
    tg_err_t err = environment_need(c, name, &environment);
    if (!err) {
        err = c->store->ops->client_secret_delete(c->store, row->client.key_id, environment.id);
    }
    if (err == TG_ERR_NOTFOUND) {
        return tg_fault(&c->fault, err, "", "the credential has no password of its own in \"%.*s\"", TG_STR_ARGS(name));
    }
    if (!err) {
        err = c->store->ops->client_turn(c->store, row->client.key_id, environment.id, tg_random_number());
    }
    tg_credential_environment_t *e = stored_find(&row->stored, name);
    if (!err && e != NULL) {
        stored_unmark(&row->stored, e);
    }
    return err;
}

tg_err_t tg_credential_password_delete(tg_call_t *c) {
    static const char *const nothing[] = {NULL};
    tg_credential_row_t row;
    tg_str_t name = tg_param_text(c, "environmentName");
    tg_err_t err = tg_body_only(c, c->body, nothing);
    if (!err) {
        err = tg_call_begin(c);
    }
    if (!err) {
        err = tg_credential_need(c, &row);
    }
    if (!err) {
        err = secret_drop(c, &row, name);
    }
    if (!err) {
        err = tg_credential_save(c, &row, &row.stored);
    }
    if (!err) {
        audit_note(c, name, "dropped");
    }
    return err;
}

/* ---- tokens/ ---- */

tg_err_t tg_credential_tokens_delete(tg_call_t *c) {
    static const char *const nothing[] = {NULL};
    tg_credential_row_t row;
    tg_err_t err = tg_body_only(c, c->body, nothing);
    if (!err) {
        err = tg_call_begin(c);
    }
    if (!err) {
        err = tg_credential_need(c, &row);
    }
    if (!err) {
        err = tg_resource_match(c, &row.row);
    }
    if (!err) {
        err = tg_credential_tokens_turn(c, &row);
    }
    if (!err) {
        err = c->store->ops->client_update(c->store, &row.client);
    }
    return err ? err : tg_publish_client(c, 0, row.client.kind, row.client.client_id);
}
