#include "manager/application_keys.h"

#include <stdio.h>

#include "manager/password.h"
#include "manager/publish.h"
#include "model/model.h"

#define ID_RANDOM 16

void tg_application_key_make(tg_application_key_t *k) {
    tg_random_text("tgc_", ID_RANDOM, k->client_id);
    tg_random_text("tgs_", TG_SECRET_RANDOM, k->client_secret);
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

static void spare_name(int64_t key_id, char out[64]) {
    snprintf(out, 64, "client-secret/%lld", (long long)key_id);
}

tg_err_t tg_application_spare_put(tg_call_t *c, int64_t key_id, const char *encoded) {
    char name[64];
    spare_name(key_id, name);
    return c->store->ops->meta_put(c->store, tg_str(name), tg_str(encoded));
}

tg_err_t tg_application_spare_get(tg_call_t *c, int64_t key_id, tg_str_t *encoded) {
    char name[64];
    spare_name(key_id, name);
    tg_err_t err = c->store->ops->meta_get(c->store, tg_str(name), &c->arena, encoded);
    if (err == TG_ERR_NOTFOUND) {
        *encoded = TG_STR_NONE;
        err = TG_OK;
    }
    return err;
}

tg_err_t tg_application_key_add(tg_call_t *c, int64_t project_id, int64_t owner, const tg_application_key_t *k,
                                int64_t *key_id) {
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
                          .secret = tg_strn(hash, sizeof(hash)),
                          .generation = tg_random_number(),
                          .project_id = project_id};
    err = c->store->ops->client_create(c->store, &client, key_id);
    if (!err) {
        err = tg_application_spare_put(c, *key_id, spare);
    }
    return err ? err : tg_publish_client(c, 0, client.kind, client.client_id);
}

tg_err_t tg_application_key_end(tg_call_t *c, int64_t owner) {
    tg_client_t client;
    tg_err_t err = c->store->ops->client_find_owner(c->store, owner, &c->arena, &client);
    if (err) {
        return err == TG_ERR_NOTFOUND ? TG_OK : err;
    }
    err = tg_application_spare_put(c, client.key_id, "");
    if (!err) {
        err = c->store->ops->client_delete(c->store, client.key_id);
    }
    return err ? err : tg_publish_client(c, 0, client.kind, client.client_id);
}
