/* .../credentials/{username}/token/: the token settings of ACL mode. */
#include "manager/bodies.h"
#include "manager/credential_changes.h"
#include "manager/credential_keys.h"
#include "manager/handlers.h"
#include "manager/identity_providers.h"
#include "manager/resources.h"

/* Those that hold: its own, or the defaults. */
static void settings_of(const tg_credential_t *k, tg_token_settings_t *out) {
    if (k->has_token) {
        *out = k->token;
    } else {
        tg_token_settings_default(out);
    }
}

tg_err_t tg_credential_token_get(tg_call_t *c) {
    tg_credential_row_t row;
    tg_token_settings_t token;
    tg_err_t err = tg_credential_need(c, &row);
    if (err) {
        return err;
    }
    settings_of(&row.stored, &token);
    tg_call_put(c, "result", tg_credential_token_write(&token));
    c->etag = row.row.version;
    return TG_OK;
}

tg_err_t tg_credential_token_change(tg_call_t *c, tg_credential_row_t *row, const tg_token_settings_t *fresh) {
    tg_credential_t changed = row->stored;
    tg_token_settings_t before, after;
    settings_of(&row->stored, &before);
    changed.has_token = fresh != NULL;
    if (fresh != NULL) {
        changed.token = *fresh;
    } else {
        tg_token_settings_default(&changed.token);
    }
    settings_of(&changed, &after);
    tg_err_t err = tg_provider_settings_check(c, row->project.id, &after, "");
    if (err) {
        return err;
    }
    err = tg_credential_save(c, row, &changed);
    json_decref(c->before);
    json_decref(c->after);
    c->before = tg_credential_token_write(&before);
    c->after = tg_credential_token_write(&after);
    row->stored = changed;
    return err;
}

static tg_err_t token_write(tg_call_t *c, const tg_token_settings_t *fresh) {
    tg_credential_row_t row;
    tg_err_t err = tg_credential_need(c, &row);
    if (!err) {
        err = tg_credential_token_change(c, &row, fresh);
    }
    if (!err) {
        err = tg_credential_keys_want(c, &row.stored.token);
    }
    if (!err) {
        tg_call_put(c, "result", json_incref(c->after));
    }
    return err;
}

tg_err_t tg_credential_token_put(tg_call_t *c) {
    tg_token_settings_t token;
    tg_err_t err = tg_credential_token_parse(c->body, &c->arena, &token, &c->fault);
    if (!err) {
        err = tg_call_begin(c);
    }
    return err ? err : token_write(c, &token);
}

tg_err_t tg_credential_token_delete(tg_call_t *c) {
    static const char *const nothing[] = {NULL};
    tg_err_t err = tg_body_only(c, c->body, nothing);
    if (!err) {
        err = tg_call_begin(c);
    }
    return err ? err : token_write(c, NULL);
}
