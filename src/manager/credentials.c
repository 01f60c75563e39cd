/* /projects/{project}/credentials/: list, create, get, put, patch, delete. */
#include "manager/credential_changes.h"

#include "manager/bodies.h"
#include "manager/credential_keys.h"
#include "manager/handlers.h"
#include "manager/metadata_entries.h"
#include "manager/publish.h"
#include "manager/resources.h"

tg_err_t tg_credential_list(tg_call_t *c) {
    tg_resource_t project;
    tg_err_t err = tg_project_need(c, &project);
    return err ? err : tg_resource_page(c, TG_RES_CREDENTIAL, project.id, tg_credential_show);
}

tg_err_t tg_credential_get(tg_call_t *c) {
    tg_credential_row_t row;
    tg_err_t err = tg_credential_need(c, &row);
    if (err) {
        return err;
    }
    tg_call_put(c, "result", tg_credential_show(c, &row.row));
    tg_call_put(c, "clientId", tg_text(row.client.client_id));
    tg_resource_metadata_put(c, &row.row);
    return TG_OK;
}

/* Answers tell where it comes from, and hasPassword of each environment; a body may say it back. */
static void told_drop(json_t *body, const tg_credential_t *stored) {
    size_t i;
    json_t *e;
    if (stored != NULL && stored->identity_provider.n > 0 &&
        tg_str_eq(tg_json_str(body, "identityProvider"), stored->identity_provider)) {
        json_object_del(body, "identityProvider");
        json_object_del(body, "disabledByProvider");
    }
    json_array_foreach(json_object_get(body, "environments"), i, e) {
        if (json_is_boolean(json_object_get(e, "hasPassword"))) {
            json_object_del(e, "hasPassword");
        }
    }
}

tg_err_t tg_credential_body(tg_call_t *c, const json_t *body, const tg_credential_t *stored, tg_credential_t *out) {
    static const tg_credential_t nothing = {.n_metadata = 0};
    tg_err_t err = tg_credential_parse(body, &c->arena, out, &c->fault);
    /* .../credentials/import is a call of its own */
    if (!err && tg_str_eq(out->username, TG_STR("import"))) {
        err = tg_fault(&c->fault, TG_ERR_INVALID, "username", "\"import\" is reserved");
    }
    if (stored == NULL) {
        stored = &nothing;
    }
    const tg_entry_owner_t owner = {.name = out->username};
    return err ? err : tg_entries_seal(c, &owner, out->metadata, out->n_metadata, stored->metadata, stored->n_metadata);
}

static tg_err_t body_parse(tg_call_t *c, json_t *body, const tg_credential_t *stored, tg_credential_t *out) {
    told_drop(body, stored);
    return tg_credential_body(c, body, stored, out);
}

static void password_note(tg_call_t *c, const tg_credential_secrets_t *secrets) {
    if (secrets->general.kind != TG_SECRET_NONE) {
        tg_call_put_to(c, c->after, "password", json_string("***"));
    }
    json_t *list = secrets->n > 0 ? json_array() : NULL;
    for (size_t i = 0; i < secrets->n; i++) {
        tg_call_append_to(c, list, tg_text(secrets->environments[i]));
    }
    if (list != NULL) {
        tg_call_put_to(c, c->after, "passwordsOfEnvironments", list);
    }
}

static void result_put(tg_call_t *c, const tg_credential_row_t *row) {
    tg_call_put(c, "result", tg_credential_show(c, &row->row));
    tg_call_put(c, "clientId", tg_text(row->client.client_id));
}

/* ---- create ---- */

tg_err_t tg_credential_make(tg_call_t *c, const tg_resource_t *project, tg_credential_t *fresh,
                            const tg_credential_secrets_t *secrets, tg_credential_row_t *out) {
    *out = (tg_credential_row_t){.project = *project};
    tg_secret_take(&out->client, &secrets->general);
    tg_err_t err = tg_entries_check(c, fresh->metadata, fresh->n_metadata);
    if (!err) {
        err = tg_credential_add(c, project, fresh, &out->client);
    }
    if (!err) {
        err = tg_credential_environments_apply(c, out->client.key_id, NULL, fresh, secrets);
    }
    if (!err) {
        err = c->store->ops->resource_get(c->store, out->client.owner, &c->arena, &out->row);
    }
    if (!err) {
        out->stored = *fresh;
        c->after = tg_credential_show(c, &out->row);
        password_note(c, secrets);
    }
    return err;
}

static tg_err_t create_write(tg_call_t *c, tg_credential_t *fresh, const tg_credential_secrets_t *secrets) {
    tg_resource_t project;
    tg_credential_row_t row;
    tg_token_settings_t token;
    tg_token_settings_default(&token);
    tg_err_t err = tg_project_need(c, &project);
    if (!err) {
        err = tg_credential_make(c, &project, fresh, secrets, &row);
    }
    if (!err) {
        err = tg_credential_keys_want(c, &token);
    }
    if (!err) {
        result_put(c, &row);
    }
    return err;
}

tg_err_t tg_credential_create(tg_call_t *c) {
    char made[TG_APPLICATION_SECRET_LEN] = "";
    tg_credential_t fresh;
    tg_credential_secrets_t secrets;
    tg_err_t err = body_parse(c, c->body, NULL, &fresh);
    if (!err) {
        err = tg_credential_secrets_prepare(c, &fresh, &secrets);
    }
    if (!err && !fresh.has_password) {
        err = tg_secret_generate(c, fresh.username, made, &secrets.general);
    }
    if (!err) {
        err = tg_call_begin(c);
    }
    if (!err) {
        err = create_write(c, &fresh, &secrets);
    }
    if (!err && made[0] != '\0') {
        tg_call_put(c, "clientSecret", json_string(made));
    }
    tg_wipe(made, sizeof(made));
    return err;
}

/* ---- change ---- */

/* What the body makes of the credential. Called before the transaction, for the passwords in it, and within. */
static tg_err_t changed_read(tg_call_t *c, const tg_credential_row_t *row, bool merge, tg_credential_t *fresh) {
    json_t *old = tg_credential_show(c, &row->row);
    json_t *body = merge ? tg_json_merge(old, c->body) : json_deep_copy(c->body);
    tg_err_t err = old == NULL || body == NULL ? TG_ERR_NOMEM : tg_body_take_name(c, body, "username", row->row.name);
    if (!err && json_object_set_new(body, "username", tg_text(row->row.name)) != 0) {
        err = TG_ERR_NOMEM;
    }
    if (!err) {
        err = body_parse(c, body, &row->stored, fresh);
    }
    fresh->has_token = row->stored.has_token;
    fresh->token = row->stored.token;
    fresh->identity_provider = row->stored.identity_provider;
    fresh->disabled_by_provider = row->stored.disabled_by_provider && !fresh->enabled;
    json_decref(old);
    json_decref(body);
    return err;
}

tg_err_t tg_credential_change(tg_call_t *c, tg_credential_row_t *row, tg_credential_t *fresh,
                              const tg_credential_secrets_t *secrets) {
    if (secrets->general.kind != TG_SECRET_NONE) {
        tg_secret_take(&row->client, &secrets->general);
    }
    tg_err_t err = tg_entries_check(c, fresh->metadata, fresh->n_metadata);
    if (!err) {
        err = tg_credential_environments_apply(c, row->client.key_id, &row->stored, fresh, secrets);
    }
    if (!err) {
        err = tg_credential_save(c, row, fresh);
    }
    if (!err) {
        password_note(c, secrets);
    }
    return err;
}

static tg_err_t change_write(tg_call_t *c, bool merge, const tg_credential_secrets_t *secrets) {
    tg_credential_row_t row;
    tg_credential_t fresh;
    tg_err_t err = tg_credential_need(c, &row);
    if (!err) {
        err = changed_read(c, &row, merge, &fresh);
    }
    if (!err) {
        err = tg_credential_change(c, &row, &fresh, secrets);
    }
    if (!err) {
        result_put(c, &row);
    }
    return err;
}

static tg_err_t credential_set(tg_call_t *c, bool merge) {
    tg_credential_row_t row;
    tg_credential_t fresh;
    tg_credential_secrets_t secrets;
    tg_err_t err = tg_credential_need(c, &row);
    if (!err) {
        err = changed_read(c, &row, merge, &fresh);
    }
    if (!err) {
        err = tg_credential_secrets_prepare(c, &fresh, &secrets);
    }
    if (!err) {
        err = tg_call_begin(c);
    }
    return err ? err : change_write(c, merge, &secrets);
}

tg_err_t tg_credential_put(tg_call_t *c) {
    return credential_set(c, false);
}

tg_err_t tg_credential_patch(tg_call_t *c) {
    return credential_set(c, true);
}

/* ---- delete ---- */

tg_err_t tg_credential_remove(tg_call_t *c, const tg_credential_row_t *row) {
    tg_err_t err = tg_resource_match(c, &row->row);
    if (!err) {
        c->before = tg_credential_show(c, &row->row);
        err = c->store->ops->client_delete(c->store, row->client.key_id);
    }
    if (!err) {
        err = c->store->ops->resource_delete(c->store, row->row.id);
    }
    return err ? err : tg_publish_client(c, 0, row->client.kind, row->client.client_id);
}

tg_err_t tg_credential_delete(tg_call_t *c) {
    static const char *const nothing[] = {NULL};
    tg_credential_row_t row;
    tg_err_t err = tg_body_only(c, c->body, nothing);
    if (!err) {
        err = tg_call_begin(c);
    }
    if (!err) {
        err = tg_credential_need(c, &row);
    }
    return err ? err : tg_credential_remove(c, &row);
}
