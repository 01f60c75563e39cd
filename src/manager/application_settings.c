#include "manager/application_settings.h"

#include "manager/bodies.h"
#include "manager/handlers.h"
#include "manager/owners.h"
#include "manager/publish.h"
#include "manager/resources.h"
#include "manager/schemas.h"
#include "model/credential.h"
#include "model/names.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const tg_field_t change_fields[] = {
    {.name = "publicKey", .read = tg_read_client_id, .offset = offsetof(tg_key_change_t, id)},
    {.name = "secretKey", .read = tg_read_client_secret, .offset = offsetof(tg_key_change_t, secret)},
    {.name = "regenerate", .read = tg_read_bool, .offset = offsetof(tg_key_change_t, regenerate)},
    {.name = "roleNameList", TG_TEXTS(tg_key_change_t, roles, n_roles, tg_read_role), .max = TG_ROLES_MAX},
};

json_t *tg_application_key_schema(void) {
    return tg_fields_schema(change_fields, COUNT(change_fields));
}

tg_err_t tg_key_change_read(tg_call_t *c, const json_t *body, tg_key_change_t *change) {
    memset(change, 0, sizeof(*change));
    tg_err_t err = tg_body_read(c, body, change_fields, COUNT(change_fields), change);
    if (!err && change->regenerate && change->secret.n > 0) {
        err = tg_fault(&c->fault, TG_ERR_INVALID, "secretKey", "cannot be given together with regenerate");
    }
    change->has_roles = change->roles != NULL;
    return err;
}

void tg_key_change_release(tg_key_change_t *change) {
    tg_wipe(change, sizeof(*change));
}

bool tg_key_change_is_empty(const tg_key_change_t *change) {
    return !change->regenerate && change->secret.n == 0 && change->id.n == 0 && !change->has_roles;
}

tg_err_t tg_key_change_prepare(tg_key_change_t *change) {
    if (change->secret.n > 0) {
        return tg_password_hash(change->secret, change->encoded);
    }
    if (change->regenerate) {
        tg_random_text("tgs_", TG_SECRET_RANDOM, change->made);
        return tg_secret_encode(tg_str(change->made), change->spare);
    }
    return TG_OK;
}

/* The secret's new form in the row; views borrow from `change` and the arena. */
static tg_err_t secret_apply(tg_call_t *c, tg_key_change_t *change, tg_client_t *client) {
    tg_str_t spare;
    tg_err_t err = TG_OK;
    if (change->secret.n > 0) {
        client->secret_kind = TG_SECRET_ARGON2ID;
        client->secret = tg_str(change->encoded);
        err = tg_application_spare_put(c, client->key_id, "");
    } else if (change->regenerate) {
        client->secret_kind = TG_SECRET_FAST;
        client->secret = tg_strn(change->hash, sizeof(change->hash));
        err = tg_secret_hash(&c->m->keyring, client->client_id, tg_str(change->made), change->hash);
        if (!err) {
            err = tg_application_spare_put(c, client->key_id, change->spare);
        }
    } else if (client->secret_kind == TG_SECRET_FAST) {
        err = tg_application_spare_get(c, client->key_id, &spare);
        if (!err && spare.n == 0) {
            return tg_fault(&c->fault, TG_ERR_CONFLICT, "publicKey", "give a secretKey, or regenerate, along with it");
        }
        client->secret_kind = TG_SECRET_ARGON2ID;
        client->secret = spare;
    }
    return err;
}

static tg_err_t roles_apply(tg_call_t *c, const tg_key_change_t *change, tg_client_t *client) {
    tg_buf_t text;
    if (!change->has_roles) {
        return TG_OK;
    }
    tg_buf_init(&text, TG_DETAILS_MAX);
    tg_err_t err = tg_application_details_write(change->roles, change->n_roles, &text);
    if (!err && !tg_arena_str(&c->arena, tg_buf_str(&text), &client->details)) {
        err = TG_ERR_NOMEM;
    }
    tg_buf_release(&text);
    return err;
}

/* {"publicKey","roleNameList"} as the row has them now, and *roles alone. */
static tg_err_t client_show(tg_call_t *c, const tg_client_t *client, json_t **out, json_t **roles) {
    tg_details_t details;
    tg_err_t err = tg_details_parse(client->details, TG_STR_NONE, &c->arena, &details, &c->fault);
    if (err) {
        return err == TG_ERR_INVALID ? TG_ERR_BUG : err;
    }
    *out = json_object();
    *roles = json_array();
    for (size_t i = 0; i < details.n_roles; i++) {
        tg_call_append_to(c, *roles, tg_text(details.roles[i]));
    }
    tg_call_put_to(c, *out, "publicKey", tg_text(client->client_id));
    tg_call_put_to(c, *out, "roleNameList", *roles);
    return TG_OK;
}

/* A write tells the roles if it was about them. */
static void answer_put(tg_call_t *c, const tg_client_t *client, const char *secret, bool with_roles, json_t *roles) {
    tg_application_key_put(c, client->client_id, secret);
    if (with_roles) {
        tg_call_put_to(c, json_object_get(c->answer, "applicationKey"), "roleNameList", json_incref(roles));
    }
}

static tg_err_t publish(tg_call_t *c, const tg_client_t *client, tg_str_t old_id) {
    tg_err_t err = tg_publish_client(c, 0, client->kind, client->client_id);
    return err || tg_str_eq(old_id, client->client_id) ? err : tg_publish_client(c, 0, client->kind, old_id);
}

static bool roles_differ(const tg_key_change_t *change, const json_t *roles) {
    bool differ = change->has_roles && json_array_size(roles) != change->n_roles;
    for (size_t i = 0; change->has_roles && !differ && i < change->n_roles; i++) {
        differ = !tg_str_eq(tg_str(json_string_value(json_array_get(roles, i))), change->roles[i]);
    }
    return differ;
}

static tg_err_t client_write(tg_call_t *c, tg_key_change_t *change, tg_client_t *client, const json_t *roles) {
    tg_str_t old_id = client->client_id;
    tg_err_t err = TG_OK;
    client->client_id = change->id.n > 0 ? change->id : old_id;
    if (change->secret.n > 0 || change->regenerate || !tg_str_eq(client->client_id, old_id)) {
        client->generation = tg_random_number();
        err = secret_apply(c, change, client);
    } else if (!roles_differ(change, roles)) {
        return TG_OK; /* as it is already */
    }
    if (!err) {
        err = roles_apply(c, change, client);
    }
    if (!err) {
        err = c->store->ops->client_update(c->store, client);
    }
    if (err == TG_ERR_CONFLICT && c->fault.text[0] == '\0') {
        return tg_fault(&c->fault, err, "publicKey", "\"%.*s\" is taken", TG_STR_ARGS(client->client_id));
    }
    return err ? err : publish(c, client, old_id);
}

tg_err_t tg_key_change_write(tg_call_t *c, const tg_resource_t *owner, tg_key_change_t *change, tg_client_t *client) {
    json_t *roles = NULL;
    tg_err_t err = tg_resource_match(c, owner);
    if (!err) {
        err = c->store->ops->client_find_owner(c->store, owner->id, &c->arena, client);
    }
    if (!err) {
        err = client_show(c, client, &c->before, &roles);
    }
    if (!err) {
        err = client_write(c, change, client, roles);
    }
    if (!err) {
        err = client_show(c, client, &c->after, &roles);
    }
    if (!err && (change->secret.n > 0 || change->regenerate)) {
        tg_call_put_to(c, c->after, "secretKey", json_string("***"));
    }
    return err;
}

static tg_err_t change_write(tg_call_t *c, tg_key_change_t *change) {
    tg_resource_t project, owner;
    tg_client_t client;
    tg_err_t err = tg_owner_need(c, &project, &owner);
    if (!err) {
        err = tg_key_change_write(c, &owner, change, &client);
    }
    if (!err) {
        answer_put(c, &client, change->regenerate ? change->made : NULL, change->has_roles,
                   json_object_get(c->after, "roleNameList"));
    }
    return err;
}

tg_err_t tg_owner_keys_set(tg_call_t *c) {
    tg_key_change_t change;
    tg_err_t err = tg_key_change_read(c, c->body, &change);
    if (!err && tg_key_change_is_empty(&change)) {
        err = tg_fault(&c->fault, TG_ERR_INVALID, "", "publicKey, secretKey, regenerate or roleNameList is needed");
    }
    if (!err) {
        err = tg_key_change_prepare(&change);
    }
    if (!err) {
        err = tg_call_begin(c);
    }
    if (!err) {
        err = change_write(c, &change);
    }
    tg_key_change_release(&change);
    return err;
}

tg_err_t tg_owner_keys_get(tg_call_t *c) {
    tg_resource_t project, owner;
    tg_client_t client;
    json_t *shown = NULL, *roles = NULL;
    tg_err_t err = tg_owner_need(c, &project, &owner);
    if (!err) {
        err = c->store->ops->client_find_owner(c->store, owner.id, &c->arena, &client);
    }
    if (!err) {
        err = client_show(c, &client, &shown, &roles);
    }
    if (!err) {
        answer_put(c, &client, NULL, true, roles);
        c->etag = owner.version;
    }
    json_decref(shown);
    return err;
}
