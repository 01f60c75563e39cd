/* Signing keys of an environment: list, regenerate, upload, redeploy, revoke. */
#include "manager/bodies.h"
#include "manager/handlers.h"
#include "manager/publish.h"
#include "manager/resources.h"
#include "manager/schemas.h"
#include "manager/signing_keys.h"
#include "model/token_settings.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define PEM_MAX 16384

static const char *state_name(tg_key_state_t state) {
    switch (state) {
    case TG_KEY_PUBLISHED:
        return "published";
    case TG_KEY_ACTIVE:
        return "active";
    case TG_KEY_RETIRING:
        return "retiring";
    case TG_KEY_REVOKED:
        break;
    }
    return "revoked";
}

/* Public parts only. */
static json_t *key_show(tg_call_t *c, const tg_signing_key_t *keys, size_t n, size_t i) {
    const tg_signing_key_t *k = &keys[i];
    json_t *jwk = NULL;
    if (tg_doc_parse(k->jwk, &jwk) != TG_OK) {
        return NULL;
    }
    json_t *o = json_object();
    tg_call_put_to(c, o, "kid", tg_text(k->kid));
    tg_call_put_to(c, o, "algorithm", tg_text(k->alg));
    tg_call_put_to(c, o, "state", json_string(state_name(tg_signing_key_state(keys, n, i, c->now))));
    tg_call_put_to(c, o, "createdAt", tg_time(k->created_at));
    tg_call_put_to(c, o, "activateAt", tg_time(k->activate_at));
    tg_call_put_to(c, o, "retireAt", tg_time(k->retire_at));
    tg_call_put_to(c, o, "publicKey", jwk);
    return o;
}

tg_err_t tg_signing_key_list(tg_call_t *c) {
    tg_resource_t environment;
    tg_paging_t page = tg_paging(c);
    tg_signing_key_t *keys = NULL;
    size_t n = 0;
    tg_err_t err = tg_environment_need(c, c->params[0], &environment);
    if (!err) {
        err = tg_signing_keys_load(c, environment.id, &keys, &n);
    }
    if (err) {
        return err;
    }
    json_t *list = json_array();
    for (size_t i = (size_t)page.offset; i < n && i < (size_t)(page.offset + page.size); i++) {
        tg_call_append_to(c, list, key_show(c, keys, n, i));
    }
    tg_paging_put(c, &page, list, (int64_t)n);
    return TG_OK;
}

typedef struct {
    tg_str_t algorithm, pem;
    bool activate_now;
} key_body_t;

static const tg_field_t regenerate_fields[] = {
    {.name = "algorithm", .read = tg_read_algorithm, .offset = offsetof(key_body_t, algorithm)},
    {.name = "activateNow", .read = tg_read_bool, .offset = offsetof(key_body_t, activate_now)},
};

static const tg_field_t upload_fields[] = {
    {.name = "algorithm", .read = tg_read_algorithm, .offset = offsetof(key_body_t, algorithm), .required = true},
    {.name = "privateKey",
     .read = tg_read_text,
     .offset = offsetof(key_body_t, pem),
     .required = true,
     .min = 1,
     .max = PEM_MAX},
    {.name = "activateNow", .read = tg_read_bool, .offset = offsetof(key_body_t, activate_now)},
};

json_t *tg_key_regenerate_schema(void) {
    return tg_fields_schema(regenerate_fields, COUNT(regenerate_fields));
}

json_t *tg_key_upload_schema(void) {
    return tg_fields_schema(upload_fields, COUNT(upload_fields));
}

/* Nodes publish a key a moment after it was made, and a verifier may have read the set in that moment. */
#define PUBLISHED_MS (2 * TG_SECOND_MS)

/* When the new key signs: once no verifier has a copy of the set without it. */
static tg_err_t activation(tg_call_t *c, const tg_resource_t *environment, bool now, tg_ms_t *at) {
    json_t *doc = NULL;
    tg_environment_t env;
    tg_err_t err = tg_doc_parse(environment->doc, &doc);
    if (!err) {
        err = tg_environment_parse(doc, &c->arena, &env, &c->fault);
    }
    *at = err || now ? c->now : c->now + env.jwks_max_age_s * TG_SECOND_MS + PUBLISHED_MS;
    json_decref(doc);
    return err;
}

static tg_err_t result_put(tg_call_t *c, int64_t environment_id, tg_str_t kid, const char *audit_field) {
    tg_signing_key_t *keys = NULL;
    size_t n = 0;
    tg_err_t err = tg_signing_keys_load(c, environment_id, &keys, &n);
    for (size_t i = 0; !err && i < n; i++) {
        if (tg_str_eq(keys[i].kid, kid)) {
            c->after = key_show(c, keys, n, i);
            tg_call_put(c, "result", json_incref(c->after));
        }
    }
    if (!err && c->after != NULL && audit_field != NULL) {
        json_t *after = json_deep_copy(c->after); /* the answer stays without */
        json_decref(c->after);
        c->after = after;
        tg_call_put_to(c, c->after, audit_field, json_string("***"));
    }
    return err;
}

static tg_err_t key_install(tg_call_t *c, const tg_key_t *key, bool now, const char *audit_field) {
    tg_resource_t environment;
    tg_ms_t at;
    tg_err_t err = tg_call_begin(c);
    if (!err) {
        err = tg_environment_need(c, c->params[0], &environment);
    }
    if (!err) {
        err = activation(c, &environment, now, &at);
    }
    if (!err) {
        err = tg_signing_key_add(c, &environment, key, at);
    }
    if (!err) {
        err = tg_publish_next(c, &environment);
    }
    return err ? err : result_put(c, environment.id, tg_key_kid(key), audit_field);
}

tg_err_t tg_signing_key_regenerate(tg_call_t *c) {
    key_body_t body = {.algorithm = TG_STR("RS256")};
    tg_resource_t environment;
    tg_key_t *key = NULL;
    tg_err_t err = tg_environment_need(c, c->params[0], &environment); /* before the slow part */
    if (!err) {
        err = tg_body_read(c, c->body, regenerate_fields, COUNT(regenerate_fields), &body);
    }
    if (!err) {
        err = tg_key_generate(tg_alg_parse(body.algorithm), &key);
    }
    if (!err) {
        err = key_install(c, key, body.activate_now, NULL);
    }
    tg_key_free(key);
    return err;
}

static tg_err_t pem_take(tg_call_t *c, const key_body_t *body, tg_key_t **key) {
    tg_fault_t why = {0};
    tg_err_t err = tg_key_from_pem(body->pem, tg_alg_parse(body->algorithm), key, &why);
    return err == TG_ERR_INVALID || err == TG_ERR_LIMIT ? tg_fault(&c->fault, TG_ERR_INVALID, "privateKey", "%s",
                                                                   why.text[0] ? why.text : "is no PEM private key")
                                                        : err;
}

tg_err_t tg_signing_key_upload(tg_call_t *c) {
    key_body_t body = {.activate_now = false};
    tg_key_t *key = NULL;
    tg_err_t err = tg_body_read(c, c->body, upload_fields, COUNT(upload_fields), &body);
    if (!err) {
        err = pem_take(c, &body, &key);
    }
    if (!err) {
        err = key_install(c, key, body.activate_now, "privateKey");
    }
    tg_key_free(key);
    return err;
}

tg_err_t tg_signing_key_redeploy(tg_call_t *c) {
    static const char *const fields[] = {NULL};
    tg_resource_t environment;
    tg_err_t err = tg_body_only(c, c->body, fields);
    if (!err) {
        err = tg_call_begin(c);
    }
    if (!err) {
        err = tg_environment_need(c, c->params[0], &environment);
    }
    return err ? err : tg_publish_next(c, &environment);
}

/* Marks the key; *was_active tells whether the algorithm is left without its signer. */
static tg_err_t revoke(tg_call_t *c, const tg_resource_t *environment, tg_str_t kid, tg_alg_t *alg, bool *was_active) {
    tg_signing_key_t *keys = NULL;
    size_t n = 0, i = 0;
    tg_err_t err = tg_signing_keys_load(c, environment->id, &keys, &n);
    while (!err && i < n && !tg_str_eq(keys[i].kid, kid)) {
        i++;
    }
    if (err) {
        return err;
    }
    if (i == n) {
        return tg_fault(&c->fault, TG_ERR_NOTFOUND, "", "there is no signing key \"%.*s\"", TG_STR_ARGS(kid));
    }
    c->before = key_show(c, keys, n, i);
    *was_active = tg_signing_key_state(keys, n, i, c->now) == TG_KEY_ACTIVE;
    *alg = tg_alg_parse(keys[i].alg);
    keys[i].revoked = true;
    tg_str_t doc;
    err = tg_doc_text(c, tg_signing_key_write(&keys[i]), &doc);
    return err ? err : c->store->ops->signing_key_put(c->store, environment->id, kid, doc);
}

/* A revoked signer is replaced at once: an older key that only verifies must not begin to sign again. */
tg_err_t tg_signing_key_revoke(tg_call_t *c) {
    static const char *const fields[] = {NULL};
    tg_resource_t environment;
    tg_alg_t alg;
    bool was_active = false;
    tg_key_t *fresh = NULL;
    tg_err_t err = tg_body_only(c, c->body, fields);
    if (!err) {
        err = tg_call_begin(c);
    }
    if (!err) {
        err = tg_environment_need(c, c->params[0], &environment);
    }
    if (!err) {
        err = revoke(c, &environment, c->params[1], &alg, &was_active);
    }
    if (!err && was_active) {
        err = tg_key_generate(alg, &fresh);
        if (!err) {
            err = tg_signing_key_add(c, &environment, fresh, c->now);
        }
        tg_key_free(fresh);
    }
    if (!err) {
        err = tg_publish_next(c, &environment);
    }
    return err ? err : result_put(c, environment.id, c->params[1], NULL);
}
