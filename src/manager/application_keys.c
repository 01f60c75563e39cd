#include "manager/application_keys.h"

#include <stdio.h>

#include "manager/bodies.h"
#include "manager/handlers.h"
#include "manager/password.h"
#include "manager/publish.h"
#include "manager/resources.h"
#include "model/model.h"

#define ID_RANDOM     16
#define SECRET_RANDOM 32

void tg_application_key_make(tg_application_key_t *k) {
    tg_random_text("tgc_", ID_RANDOM, k->client_id);
    tg_random_text("tgs_", SECRET_RANDOM, k->client_secret);
}

void tg_application_key_release(tg_application_key_t *k) {
    tg_wipe(k, sizeof(*k));
}

void tg_application_key_put(tg_call_t *c, tg_str_t client_id, const char *client_secret) {
    json_t *o = json_object();
    tg_call_put_to(c, o, "clientId", tg_text(client_id));
    if (client_secret != NULL) {
        tg_call_put_to(c, o, "clientSecret", json_string(client_secret));
    }
    tg_call_put(c, "applicationKey", o);
}

/* The fast hash covers the client_id, so a later change of the id alone needs another form of the same secret: kept
 * beside it, an argon2id string at the least cost, which 256 random bits do not need to be stretched. */
static void spare_name(int64_t key_id, char out[64]) {
    snprintf(out, 64, "client-secret/%lld", (long long)key_id);
}

static tg_err_t spare_put(tg_call_t *c, int64_t key_id, const char *encoded) {
    char name[64];
    spare_name(key_id, name);
    return c->store->ops->meta_put(c->store, tg_str(name), tg_str(encoded));
}

static tg_err_t spare_get(tg_call_t *c, int64_t key_id, tg_str_t *encoded) {
    char name[64];
    spare_name(key_id, name);
    tg_err_t err = c->store->ops->meta_get(c->store, tg_str(name), &c->arena, encoded);
    if (err == TG_ERR_NOTFOUND) {
        *encoded = TG_STR_NONE;
        err = TG_OK;
    }
    return err;
}

static void generation_renew(tg_client_t *client) {
    do {
        tg_random(&client->generation, sizeof(client->generation));
    } while (client->generation == 0);
}

tg_err_t tg_application_key_add(tg_call_t *c, int64_t owner, const tg_application_key_t *k, int64_t *key_id) {
    uint8_t hash[TG_HASH_LEN];
    char spare[TG_ENCODED_MAX];
    tg_err_t err = tg_secret_hash(&c->m->keyring, tg_str(k->client_id), tg_str(k->client_secret), hash);
    if (!err) {
        err = tg_secret_encode(tg_str(k->client_secret), spare);
    }
    if (err) {
        return err;
    }
    tg_client_t client = {.kind = TG_CLIENT_APPLICATION,
                          .owner = owner,
                          .client_id = tg_str(k->client_id),
                          .enabled = true,
                          .secret_kind = TG_SECRET_FAST,
                          .secret = tg_strn(hash, sizeof(hash))};
    generation_renew(&client);
    err = c->store->ops->client_create(c->store, &client, key_id);
    if (!err) {
        err = spare_put(c, *key_id, spare);
    }
    return err ? err : tg_publish_client(c, 0, client.kind, client.client_id);
}

tg_err_t tg_application_key_end(tg_call_t *c, int64_t owner) {
    tg_client_t client;
    tg_err_t err = c->store->ops->client_find_owner(c->store, owner, &c->arena, &client);
    if (err) {
        return err == TG_ERR_NOTFOUND ? TG_OK : err;
    }
    err = spare_put(c, client.key_id, "");
    if (!err) {
        err = c->store->ops->client_delete(c->store, client.key_id);
    }
    return err ? err : tg_publish_client(c, 0, client.kind, client.client_id);
}

/* ---- settings/keys ---- */

typedef struct {
    tg_str_t id;     /* "": stays */
    tg_str_t secret; /* chosen; "": none given */
    bool regenerate;
    char encoded[TG_ENCODED_MAX]; /* of the chosen secret */
    char made[TG_APPLICATION_SECRET_LEN];
    char spare[TG_ENCODED_MAX]; /* of the made secret */
    uint8_t hash[TG_HASH_LEN];
} change_t;

static tg_err_t change_read(tg_call_t *c, change_t *change) {
    static const char *const fields[] = {"publicKey", "secretKey", "regenerate", NULL};
    tg_err_t err = tg_body_only(c, c->body, fields);
    if (!err) {
        err = tg_body_str(c, c->body, "publicKey", 0, TG_CLIENT_ID_MAX, &change->id);
    }
    if (!err && json_is_string(json_object_get(c->body, "publicKey"))) {
        err = tg_client_id_check(change->id, "publicKey", &c->fault);
    }
    if (!err) {
        err = tg_body_str(c, c->body, "secretKey", 0, 512, &change->secret);
    }
    if (!err && json_is_string(json_object_get(c->body, "secretKey"))) {
        err = tg_client_secret_check(change->secret, "secretKey", &c->fault);
    }
    if (!err) {
        err = tg_body_bool(c, c->body, "regenerate", false, &change->regenerate);
    }
    if (!err && change->regenerate && change->secret.n > 0) {
        err = tg_fault(&c->fault, TG_ERR_INVALID, "secretKey", "cannot be given together with regenerate");
    }
    if (!err && !change->regenerate && change->secret.n == 0 && change->id.n == 0) {
        err = tg_fault(&c->fault, TG_ERR_INVALID, "", "publicKey, secretKey or regenerate is needed");
    }
    return err;
}

/* The slow part, before the transaction. */
static tg_err_t change_prepare(change_t *change) {
    if (change->secret.n > 0) {
        return tg_password_hash(change->secret, change->encoded);
    }
    if (change->regenerate) {
        tg_random_text("tgs_", SECRET_RANDOM, change->made);
        return tg_secret_encode(tg_str(change->made), change->spare);
    }
    return TG_OK;
}

/* The secret's new form in the row; views borrow from `change` and the arena. */
static tg_err_t change_apply(tg_call_t *c, change_t *change, tg_client_t *client) {
    tg_str_t spare;
    tg_err_t err = TG_OK;
    if (change->secret.n > 0) {
        client->secret_kind = TG_SECRET_ARGON2ID;
        client->secret = tg_str(change->encoded);
        err = spare_put(c, client->key_id, "");
    } else if (change->regenerate) {
        client->secret_kind = TG_SECRET_FAST;
        client->secret = tg_strn(change->hash, sizeof(change->hash));
        err = tg_secret_hash(&c->m->keyring, client->client_id, tg_str(change->made), change->hash);
        if (!err) {
            err = spare_put(c, client->key_id, change->spare);
        }
    } else if (client->secret_kind == TG_SECRET_FAST) {
        err = spare_get(c, client->key_id, &spare);
        if (!err && spare.n == 0) {
            return tg_fault(&c->fault, TG_ERR_CONFLICT, "publicKey", "give a secretKey, or regenerate, along with it");
        }
        client->secret_kind = TG_SECRET_ARGON2ID;
        client->secret = spare;
    }
    return err;
}

static void audit_note(tg_call_t *c, tg_str_t before, const tg_client_t *client, bool new_secret) {
    c->before = json_object();
    tg_call_put_to(c, c->before, "publicKey", tg_text(before));
    c->after = json_object();
    tg_call_put_to(c, c->after, "publicKey", tg_text(client->client_id));
    if (new_secret) {
        tg_call_put_to(c, c->after, "secretKey", json_string("***"));
    }
}

static tg_err_t change_write(tg_call_t *c, change_t *change) {
    tg_resource_t project, proxy;
    tg_client_t client;
    tg_err_t err = tg_proxy_need(c, &project, &proxy);
    if (!err) {
        err = tg_resource_match(c, &proxy);
    }
    if (!err) {
        err = c->store->ops->client_find_owner(c->store, proxy.id, &c->arena, &client);
    }
    if (err) {
        return err;
    }
    tg_str_t old_id = client.client_id;
    bool new_secret = change->secret.n > 0 || change->regenerate;
    client.client_id = change->id.n > 0 ? change->id : old_id;
    if (!new_secret && tg_str_eq(client.client_id, old_id)) {
        tg_application_key_put(c, old_id, NULL);
        return TG_OK; /* as it is already: ends no token */
    }
    generation_renew(&client);
    err = change_apply(c, change, &client);
    if (!err) {
        err = c->store->ops->client_update(c->store, &client);
    }
    if (err == TG_ERR_CONFLICT) {
        return tg_fault(&c->fault, err, "publicKey", "\"%.*s\" is taken", TG_STR_ARGS(client.client_id));
    }
    if (!err) {
        err = tg_publish_client(c, 0, client.kind, client.client_id);
    }
    if (!err && !tg_str_eq(old_id, client.client_id)) {
        err = tg_publish_client(c, 0, client.kind, old_id);
    }
    audit_note(c, old_id, &client, new_secret);
    tg_application_key_put(c, client.client_id, change->regenerate ? change->made : NULL);
    return err;
}

tg_err_t tg_proxy_keys_set(tg_call_t *c) {
    change_t change = {0};
    tg_err_t err = change_read(c, &change);
    if (!err) {
        err = change_prepare(&change);
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

tg_err_t tg_proxy_keys_get(tg_call_t *c) {
    tg_resource_t project, proxy;
    tg_client_t client;
    tg_err_t err = tg_proxy_need(c, &project, &proxy);
    if (!err) {
        err = c->store->ops->client_find_owner(c->store, proxy.id, &c->arena, &client);
    }
    if (!err) {
        tg_application_key_put(c, client.client_id, NULL);
    }
    return err;
}
