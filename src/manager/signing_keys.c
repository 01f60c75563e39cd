#include "manager/signing_keys.h"

#include <stdio.h>

#include "manager/bodies.h"
#include "manager/credential_keys.h"
#include "manager/deploy.h"
#include "manager/password.h"
#include "model/snapshot.h"

#define FOR_EVER (-1)
#define DER_MAX  ((size_t)32 << 10)
/* A node whose clock is behind goes on signing with the old key for a while. */
#define MARGIN_S 60

tg_err_t tg_signing_keys_load(tg_call_t *c, int64_t environment_id, tg_signing_key_t **keys, size_t *n) {
    tg_str_t *docs = NULL;
    tg_err_t err = c->store->ops->signing_key_list(c->store, environment_id, &c->arena, &docs, n);
    if (err) {
        return err;
    }
    *keys = tg_arena_array(&c->arena, *n ? *n : 1, sizeof(**keys));
    if (*keys == NULL) {
        return TG_ERR_NOMEM;
    }
    for (size_t i = 0; !err && i < *n; i++) {
        json_t *doc = NULL;
        err = tg_doc_parse(docs[i], &doc);
        if (!err) {
            err = tg_signing_key_parse(doc, &c->arena, &(*keys)[i], &c->fault);
        }
        json_decref(doc);
    }
    return err == TG_ERR_INVALID ? TG_ERR_BUG : err;
}

size_t tg_signing_keys_usable(tg_signing_key_t *keys, size_t n, tg_ms_t now) {
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (!keys[i].revoked && (keys[i].retire_at == 0 || keys[i].retire_at > now)) {
            keys[kept++] = keys[i];
        }
    }
    return kept;
}

static tg_err_t key_put(tg_call_t *c, int64_t environment_id, const tg_signing_key_t *key) {
    tg_str_t doc;
    tg_err_t err = tg_doc_text(c, tg_signing_key_write(key), &doc);
    c->keys_written++;
    return err ? err : c->store->ops->signing_key_put(c->store, environment_id, key->kid, doc);
}

/* ---- lifetimes ---- */

static void lifetime_name(int64_t environment_id, tg_str_t kid, char out[128]) {
    snprintf(out, 128, "key-lifetime/%lld/%.*s", (long long)environment_id, TG_STR_ARGS(kid));
}

/* Seconds, FOR_EVER, or 0 if it has signed nothing. */
static tg_err_t lifetime_get(tg_call_t *c, int64_t environment_id, tg_str_t kid, int64_t *seconds) {
    char name[128];
    tg_str_t text;
    uint64_t n = 0;
    lifetime_name(environment_id, kid, name);
    tg_err_t err = c->store->ops->meta_get(c->store, tg_str(name), &c->arena, &text);
    if (err) {
        *seconds = 0;
        return err == TG_ERR_NOTFOUND ? TG_OK : err;
    }
    *seconds = tg_str_to_u64(text, INT64_MAX, &n) ? (int64_t)n : FOR_EVER;
    return TG_OK;
}

static int64_t longer(int64_t a, int64_t b) {
    return a == FOR_EVER || b == FOR_EVER ? FOR_EVER : a > b ? a : b;
}

static tg_err_t lifetime_raise(tg_call_t *c, int64_t environment_id, tg_str_t kid, int64_t seconds) {
    int64_t old;
    tg_err_t err = lifetime_get(c, environment_id, kid, &old);
    if (err || longer(old, seconds) == old) {
        return err;
    }
    char name[128], text[32];
    lifetime_name(environment_id, kid, name);
    snprintf(text, sizeof(text), seconds == FOR_EVER ? "never" : "%lld", (long long)seconds);
    return c->store->ops->meta_put(c->store, tg_str(name), tg_str(text));
}

int64_t tg_token_lifetime(const tg_token_settings_t *t) {
    if (t->never_expires) {
        return 0;
    }
    int64_t refresh = t->refresh_allowed ? t->refresh_expires_in : 0;
    if (!t->refresh_rotation && __builtin_mul_overflow(refresh, t->refresh_count + 1, &refresh)) {
        return 0;
    }
    return refresh > t->expires_in ? refresh : t->expires_in;
}

/* The longest lifetime of tokens with this algorithm: of what is deployed there now, and of credentials. */
static tg_err_t lifetime_deployed(tg_call_t *c, int64_t environment_id, tg_str_t algorithm, int64_t *seconds) {
    tg_arena_t a;
    tg_deployment_t *rows = NULL;
    size_t n = 0;
    *seconds = 0;
    tg_arena_init(&a, 4 * (size_t)TG_SNAPSHOT_MAX);
    tg_err_t err = c->store->ops->deployment_list(c->store, environment_id, &a, &rows, &n);
    for (size_t i = 0; !err && i < n; i++) {
        const tg_policy_t *p = NULL;
        err = tg_deployment_policy(&rows[i], &a, &p);
        if (!err && p != NULL && tg_str_eq(p->token.jwt_algorithm, algorithm)) {
            int64_t lifetime = tg_token_lifetime(&p->token);
            *seconds = longer(*seconds, lifetime == 0 ? FOR_EVER : lifetime);
        }
    }
    tg_arena_release(&a);
    return err;
}

static tg_err_t lifetime_longest(tg_call_t *c, int64_t environment_id, tg_str_t algorithm, int64_t *seconds) {
    tg_credential_needs_t needs;
    tg_err_t err = lifetime_deployed(c, environment_id, algorithm, seconds);
    if (!err) {
        err = tg_credential_needs_read(c, &needs);
    }
    for (size_t i = 0; !err && i < needs.n; i++) {
        if (tg_str_eq(needs.rows[i].algorithm, algorithm)) {
            int64_t lifetime = needs.rows[i].lifetime;
            *seconds = longer(*seconds, lifetime == 0 ? FOR_EVER : lifetime);
        }
    }
    return err;
}

/* ---- the life of a key ---- */

static bool same_algorithm(const tg_signing_key_t *a, const tg_signing_key_t *b) {
    return tg_str_eq(a->alg, b->alg);
}

/* The key that takes over from keys[i], or NULL. */
static const tg_signing_key_t *successor(const tg_signing_key_t *keys, size_t n, size_t i) {
    const tg_signing_key_t *next = NULL;
    for (size_t j = 0; j < n; j++) {
        const tg_signing_key_t *k = &keys[j];
        bool later = k->activate_at > keys[i].activate_at || (k->activate_at == keys[i].activate_at && j > i);
        if (j != i && !k->revoked && same_algorithm(k, &keys[i]) && later &&
            (next == NULL || k->activate_at < next->activate_at)) {
            next = k;
        }
    }
    return next;
}

tg_err_t tg_signing_keys_settle(tg_call_t *c, const tg_resource_t *environment) {
    tg_signing_key_t *keys;
    size_t n;
    json_t *doc = NULL;
    tg_environment_t env;
    tg_err_t err = tg_doc_parse(environment->doc, &doc);
    if (!err) {
        err = tg_environment_parse(doc, &c->arena, &env, &c->fault);
    }
    if (!err) {
        err = tg_signing_keys_load(c, environment->id, &keys, &n);
    }
    for (size_t i = 0; !err && i < n; i++) {
        const tg_signing_key_t *next = keys[i].revoked ? NULL : successor(keys, n, i);
        int64_t lifetime;
        if (keys[i].revoked || (keys[i].retire_at != 0 && keys[i].retire_at <= c->now)) {
            continue;
        }
        err = lifetime_get(c, environment->id, keys[i].kid, &lifetime);
        tg_ms_t retire_at = next == NULL || lifetime == FOR_EVER
                                ? 0
                                : next->activate_at + (lifetime + env.leeway_s + MARGIN_S) * TG_SECOND_MS;
        if (!err && retire_at != keys[i].retire_at) {
            keys[i].retire_at = retire_at;
            err = key_put(c, environment->id, &keys[i]);
        }
    }
    json_decref(doc);
    return err;
}

/* Private key bytes never leave this function but sealed. */
static tg_err_t seal(tg_call_t *c, const tg_resource_t *environment, const tg_key_t *key, tg_buf_t *out) {
    char context[TG_NAME_MAX + TG_KID_MAX + 32];
    tg_str_t kid = tg_key_kid(key);
    snprintf(context, sizeof(context), "signing-key/%.*s/%.*s", TG_STR_ARGS(environment->name), TG_STR_ARGS(kid));
    uint8_t nonce[TG_SEAL_NONCE_LEN];
    tg_random(nonce, sizeof(nonce));
    tg_buf_t der;
    tg_buf_init(&der, DER_MAX);
    tg_err_t err = tg_key_to_der(key, &der);
    if (!err) {
        err = tg_seal(&c->m->keyring, tg_str(context), nonce, tg_buf_str(&der), out);
    }
    tg_buf_release(&der);
    return err;
}

static tg_err_t pending_withdraw(tg_call_t *c, int64_t environment_id, tg_str_t kid, tg_str_t algorithm) {
    tg_signing_key_t *keys;
    size_t n;
    tg_err_t err = tg_signing_keys_load(c, environment_id, &keys, &n);
    for (size_t i = 0; !err && i < n; i++) {
        if (tg_str_eq(keys[i].kid, kid)) {
            return tg_fault(&c->fault, TG_ERR_CONFLICT, "", "this key is there already (kid %.*s)", TG_STR_ARGS(kid));
        }
        if (!keys[i].revoked && tg_str_eq(keys[i].alg, algorithm) && keys[i].activate_at > c->now) {
            keys[i].revoked = true;
            err = key_put(c, environment_id, &keys[i]);
        }
    }
    return err;
}

tg_err_t tg_signing_key_add(tg_call_t *c, const tg_resource_t *environment, const tg_key_t *key, tg_ms_t activate_at) {
    tg_buf_t jwk, sealed;
    tg_buf_init(&jwk, 16 << 10);
    tg_buf_init(&sealed, DER_MAX + 64);
    tg_str_t algorithm = tg_str(tg_alg_name(tg_key_alg(key)));
    int64_t lifetime = 0;
    tg_err_t err = pending_withdraw(c, environment->id, tg_key_kid(key), algorithm);
    if (!err) {
        err = tg_key_to_jwk(key, &jwk);
    }
    if (!err) {
        err = seal(c, environment, key, &sealed);
    }
    if (!err) {
        tg_signing_key_t row = {.kid = tg_key_kid(key),
                                .alg = algorithm,
                                .created_at = c->now,
                                .activate_at = activate_at,
                                .jwk = tg_buf_str(&jwk),
                                .sealed = tg_buf_str(&sealed)};
        err = key_put(c, environment->id, &row);
    }
    if (!err) {
        err = lifetime_longest(c, environment->id, algorithm, &lifetime);
    }
    if (!err) {
        err = lifetime_raise(c, environment->id, tg_key_kid(key), lifetime);
    }
    tg_buf_release(&jwk);
    tg_buf_release(&sealed);
    return err ? err : tg_signing_keys_settle(c, environment);
}

static void key_note(tg_call_t *c, const tg_resource_t *environment, const tg_key_t *key) {
    json_t *o = json_object();
    tg_call_put_to(c, o, "environmentName", tg_text(environment->name));
    tg_call_put_to(c, o, "algorithm", json_string(tg_alg_name(tg_key_alg(key))));
    tg_call_put_to(c, o, "kid", tg_text(tg_key_kid(key)));
    if (c->keys_made == NULL) {
        c->keys_made = json_array();
    }
    tg_call_append_to(c, c->keys_made, o);
}

static tg_err_t first_key(tg_call_t *c, const tg_resource_t *environment, tg_str_t algorithm, int64_t lifetime) {
    tg_key_t *key = NULL;
    tg_err_t err = tg_key_generate(tg_alg_parse(algorithm), &key);
    if (!err) {
        err = tg_signing_key_add(c, environment, key, c->now);
    }
    if (!err) {
        err = lifetime_raise(c, environment->id, tg_key_kid(key), lifetime);
    }
    if (!err) {
        key_note(c, environment, key);
    }
    tg_key_free(key);
    return err;
}

/* A key that waits for its turn is there already, perhaps one that an administrator uploaded: its turn is now. */
static tg_err_t pending_activate(tg_call_t *c, const tg_resource_t *environment, tg_signing_key_t *key) {
    key->activate_at = c->now;
    tg_err_t err = key_put(c, environment->id, key);
    return err ? err : tg_signing_keys_settle(c, environment);
}

tg_err_t tg_signing_keys_want(tg_call_t *c, const tg_resource_t *environment, tg_str_t algorithm, int64_t lifetime) {
    tg_signing_key_t *keys, *pending = NULL;
    size_t n;
    bool signs = false;
    int64_t span = lifetime == 0 ? FOR_EVER : lifetime;
    tg_err_t err = tg_signing_keys_load(c, environment->id, &keys, &n);
    for (size_t i = 0; !err && i < n; i++) {
        tg_key_state_t state = tg_signing_key_state(keys, n, i, c->now);
        if (tg_str_eq(keys[i].alg, algorithm) && (state == TG_KEY_ACTIVE || state == TG_KEY_PUBLISHED)) {
            signs = signs || state == TG_KEY_ACTIVE;
            pending = state == TG_KEY_PUBLISHED ? &keys[i] : pending;
            err = lifetime_raise(c, environment->id, keys[i].kid, span);
        }
    }
    if (err || signs) {
        return err ? err : tg_signing_keys_settle(c, environment);
    }
    return pending != NULL ? pending_activate(c, environment, pending) : first_key(c, environment, algorithm, span);
}
