#include "manager/auth.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "manager/access_tokens.h"
#include "manager/administrators.h"
#include "manager/handlers.h"
#include "manager/password.h"

#define SESSION_MS   TG_HOUR_MS
#define REMEMBER_MS  (5 * 60 * TG_SECOND_MS)
#define TOKEN_PREFIX "tgm_"
#define TOKEN_RANDOM 32

static tg_err_t refuse_login(tg_call_t *c) {
    return tg_call_refuse(c, 401, "", "log in: POST /apiops/auth/token, then Authorization: Bearer <access_token>");
}

static tg_err_t administrator_find(tg_call_t *c, tg_str_t name, tg_administrator_t *out) {
    tg_resource_t row;
    tg_err_t err = c->store->ops->resource_find(c->store, TG_RES_ADMINISTRATOR, 0, name, &c->arena, &row);
    return err ? err : tg_administrator_read(&row, &c->arena, out);
}

/* Who calls, and with which rights. `token`: what they came with, or NULL. */
static void caller_set(tg_call_t *c, const tg_administrator_t *who, const tg_access_token_t *token) {
    c->administrator = who->id;
    c->who = who->name;
    c->rights = who->rights;
    if (token != NULL) {
        c->access_token = token->id;
        tg_rights_limit(&c->rights, token->role);
    }
}

/* ---- Basic logins that were right a moment ago ---- */

static tg_err_t remember_mac(tg_call_t *c, tg_str_t name, tg_str_t password, uint8_t mac[32]) {
    tg_buf_t text;
    tg_buf_init(&text, 8192);
    tg_buf_putf(&text, "%zu:", name.n);
    tg_buf_put(&text, name);
    tg_buf_put(&text, password);
    unsigned n = 32;
    tg_err_t err = text.err;
    if (!err && HMAC(EVP_sha256(), c->m->remembered_key, sizeof(c->m->remembered_key), (const uint8_t *)text.p, text.n,
                     mac, &n) == NULL) {
        err = TG_ERR_NOMEM;
    }
    tg_buf_release(&text);
    return err;
}

static bool is_remembered(tg_call_t *c, const uint8_t mac[32], const tg_administrator_t *who) {
    bool found = false;
    pthread_mutex_lock(&c->m->remembered_lock);
    for (size_t i = 0; i < TG_REMEMBERED; i++) {
        const tg_remembered_t *r = &c->m->remembered[i];
        if (r->expires_at > c->now && r->administrator == who->id && r->version == who->version &&
            tg_secret_eq(r->mac, mac, 32)) {
            found = true;
        }
    }
    pthread_mutex_unlock(&c->m->remembered_lock);
    return found;
}

static void remember(tg_call_t *c, const uint8_t mac[32], const tg_administrator_t *who) {
    pthread_mutex_lock(&c->m->remembered_lock);
    tg_remembered_t *oldest = &c->m->remembered[0];
    for (size_t i = 1; i < TG_REMEMBERED; i++) {
        if (c->m->remembered[i].expires_at < oldest->expires_at) {
            oldest = &c->m->remembered[i];
        }
    }
    *oldest = (tg_remembered_t){.administrator = who->id, .version = who->version, .expires_at = c->now + REMEMBER_MS};
    memcpy(oldest->mac, mac, 32);
    pthread_mutex_unlock(&c->m->remembered_lock);
}

/* ---- name and password ---- */

static tg_err_t throttled(tg_call_t *c, tg_str_t name) {
    tg_ms_t wait = tg_throttle_wait(&c->m->throttle, name, c->address, c->now);
    if (wait == 0) {
        return TG_OK;
    }
    atomic_fetch_add(&c->m->metrics.logins_throttled, 1);
    c->retry_after = (wait + TG_SECOND_MS - 1) / TG_SECOND_MS;
    c->oauth_error = "slow_down";
    return tg_call_refuse(c, 429, "", "too many failed logins; wait %lld s", (long long)c->retry_after);
}

/* `name` is written down if it is somebody's: people type passwords there. */
static tg_err_t failed(tg_call_t *c, tg_str_t name, tg_str_t known) {
    c->refusal = TG_REFUSAL_LOGIN;
    c->who = known;
    tg_throttle_failed(&c->m->throttle, name, c->address, c->now);
    atomic_fetch_add(&c->m->metrics.logins_failed, 1);
    c->oauth_error = "unauthorized_client";
    return tg_call_refuse(c, 401, "", "name or password is wrong");
}

/* An unknown or disabled administrator costs the same time and gets the same answer as a wrong password. */
static tg_err_t password_login(tg_call_t *c, tg_str_t name, tg_str_t password) {
    tg_administrator_t who = {.id = 0};
    tg_err_t err = administrator_find(c, name, &who);
    if (err && err != TG_ERR_NOTFOUND) {
        return err;
    }
    bool known = !err && who.enabled;
    uint8_t mac[32];
    err = remember_mac(c, name, password, mac);
    if (err) {
        return err == TG_ERR_LIMIT ? failed(c, name, who.name) : err;
    }
    if (known && is_remembered(c, mac, &who)) {
        caller_set(c, &who, NULL);
        return TG_OK;
    }
    if (!tg_password_verify(known ? who.password : TG_STR_NONE, password) || !known) {
        return failed(c, name, who.name);
    }
    tg_throttle_passed(&c->m->throttle, name, c->address);
    remember(c, mac, &who);
    caller_set(c, &who, NULL);
    return TG_OK;
}

/* ---- id and secret of an access token ---- */

/* NOTFOUND: it is not there, has expired, or its administrator is disabled. */
static tg_err_t token_load(tg_call_t *c, int64_t id, tg_access_token_t *token, tg_administrator_t *who) {
    tg_resource_t row;
    tg_err_t err = tg_access_token_get(c, id, token);
    if (!err) {
        err = c->store->ops->resource_get(c->store, token->administrator, &c->arena, &row);
    }
    if (!err) {
        err = tg_administrator_read(&row, &c->arena, who);
    }
    return err || who->enabled ? err : TG_ERR_NOTFOUND;
}

static tg_err_t token_login(tg_call_t *c, int64_t id, tg_str_t name, tg_str_t secret, tg_ms_t *until) {
    tg_access_token_t token = {.id = 0};
    tg_administrator_t who = {.id = 0};
    bool right = false;
    tg_err_t err = token_load(c, id, &token, &who);
    bool known = !err;
    if (!err) {
        err = tg_access_token_verify(c, &token, secret, &right);
    }
    if (err && err != TG_ERR_NOTFOUND) {
        return err;
    }
    if (!known || !right) {
        return failed(c, name, who.name);
    }
    tg_throttle_passed(&c->m->throttle, name, c->address);
    *until = token.expires_at;
    caller_set(c, &who, &token);
    return TG_OK;
}

/* *until: when what was shown ends, if it does before a session. */
static tg_err_t secret_login(tg_call_t *c, tg_str_t name, tg_str_t secret, tg_ms_t *until) {
    int64_t id;
    tg_err_t err = throttled(c, name);
    if (err) {
        return err;
    }
    return tg_access_token_id(name, &id) ? token_login(c, id, name, secret, until) : password_login(c, name, secret);
}

/* ---- the login endpoint ---- */

static tg_err_t login_refuse(tg_call_t *c, int status, const char *error, const char *text) {
    c->oauth_error = error;
    return tg_call_refuse(c, status, "", "%s", text);
}

/* The part of an Authorization header behind this scheme. */
static bool scheme_take(tg_str_t header, tg_str_t scheme, tg_str_t *rest) {
    if (header.n <= scheme.n || header.p[scheme.n] != ' ' || !tg_str_eq_ci(tg_strn(header.p, scheme.n), scheme)) {
        return false;
    }
    *rest = tg_str_trim(tg_strn(header.p + scheme.n, header.n - scheme.n));
    return true;
}

static tg_err_t login_read(tg_call_t *c, tg_str_t *name, tg_str_t *password) {
    tg_str_t grant = TG_STR_NONE, basic;
    const tg_form_pair_t *repeated = tg_form_repeated(&c->form);
    if (repeated != NULL) {
        return login_refuse(c, 400, "invalid_request", "a parameter stands twice");
    }
    if (tg_form_find(&c->form, TG_STR("grant_type"), &grant) == 0) {
        return login_refuse(c, 400, "invalid_request", "grant_type is missing");
    }
    if (!tg_str_eq(grant, TG_STR("client_credentials"))) {
        return login_refuse(c, 400, "unsupported_grant_type", "grant_type must be client_credentials");
    }
    if (scheme_take(c->authorization, TG_STR("Basic"), &basic)) {
        if (tg_form_find(&c->form, TG_STR("client_secret"), password) > 0) {
            return login_refuse(c, 400, "invalid_request", "use one way of client authentication");
        }
        tg_err_t err = tg_basic_parse(basic, &c->arena, name, password);
        return err == TG_ERR_INVALID ? login_refuse(c, 401, "unauthorized_client", "name or password is wrong") : err;
    }
    if (tg_form_find(&c->form, TG_STR("client_id"), name) == 0 ||
        tg_form_find(&c->form, TG_STR("client_secret"), password) == 0) {
        return login_refuse(c, 400, "invalid_request", "client_id and client_secret are needed");
    }
    return TG_OK;
}

static tg_err_t session_start(tg_call_t *c, tg_ms_t until, const char *token) {
    tg_session_t session = {.administrator = c->administrator, .access_token = c->access_token, .expires_at = until};
    tg_err_t err = tg_sha256(tg_str(token), session.token_hash);
    if (!err) {
        err = tg_call_begin(c);
    }
    if (!err) {
        err = c->store->ops->session_purge(c->store, c->now, 0);
    }
    return err ? err : c->store->ops->session_put(c->store, &session);
}

tg_err_t tg_login(tg_call_t *c) {
    tg_str_t name = TG_STR_NONE, password = TG_STR_NONE;
    tg_ms_t until = c->now + SESSION_MS, end = until;
    tg_err_t err = login_read(c, &name, &password);
    if (!err) {
        err = secret_login(c, name, password, &end);
    }
    if (err) {
        return err;
    }
    until = end < until ? end : until;
    char token[sizeof(TOKEN_PREFIX) + 64];
    tg_random_text(TOKEN_PREFIX, TOKEN_RANDOM, token);
    err = session_start(c, until, token);
    if (!err) {
        atomic_fetch_add(&c->m->metrics.logins, 1);
        tg_call_put(c, "access_token", json_string(token));
        tg_call_put(c, "token_type", json_string("Bearer"));
        tg_call_put(c, "expires_in", json_integer((until - c->now) / TG_SECOND_MS));
    }
    tg_wipe(token, sizeof(token));
    return err;
}

/* As a login, nothing that an audit is about. */
tg_err_t tg_logout(tg_call_t *c) {
    uint8_t hash[TG_HASH_LEN];
    tg_str_t bearer;
    if (!scheme_take(c->authorization, TG_STR("Bearer"), &bearer)) {
        return tg_fault(&c->fault, TG_ERR_INVALID, "", "only a session can be ended: come with its bearer token");
    }
    tg_err_t err = tg_sha256(bearer, hash);
    if (!err) {
        err = tg_call_begin(c);
    }
    return err ? err : c->store->ops->session_delete(c->store, hash);
}

/* ---- every other call ---- */

/* Roles are read anew at each call, and so is the access token behind a session: what was taken away is gone at once.
 */
static tg_err_t session_load(tg_call_t *c, const tg_session_t *session) {
    tg_access_token_t token;
    tg_administrator_t who = {.id = 0};
    tg_resource_t row;
    if (session->access_token != 0) {
        tg_err_t err = token_load(c, session->access_token, &token, &who);
        if (!err) {
            caller_set(c, &who, &token);
        }
        return err;
    }
    tg_err_t err = c->store->ops->resource_get(c->store, session->administrator, &c->arena, &row);
    if (!err) {
        err = tg_administrator_read(&row, &c->arena, &who);
    }
    if (!err) {
        caller_set(c, &who, NULL);
    }
    return err || who.enabled ? err : TG_ERR_NOTFOUND;
}

static tg_err_t bearer_check(tg_call_t *c, tg_str_t bearer) {
    uint8_t hash[TG_HASH_LEN];
    tg_session_t session;
    tg_err_t err = tg_sha256(bearer, hash);
    if (!err) {
        err = c->store->ops->session_find(c->store, hash, c->now, &session);
    }
    if (!err) {
        err = session_load(c, &session);
    }
    return err == TG_ERR_NOTFOUND
               ? tg_call_refuse(c, 401, "", "the bearer token is unknown or has expired; log in again")
               : err;
}

static tg_err_t basic_check(tg_call_t *c, tg_str_t text) {
    tg_str_t name, secret;
    tg_ms_t until;
    tg_err_t err = tg_basic_parse(text, &c->arena, &name, &secret);
    return err == TG_ERR_INVALID ? refuse_login(c) : err ? err : secret_login(c, name, secret, &until);
}

tg_err_t tg_auth_check(tg_call_t *c) {
    if (c->op->permission == TG_MAY_ANYONE) {
        return TG_OK;
    }
    tg_str_t rest;
    tg_err_t err;
    if (scheme_take(c->authorization, TG_STR("Bearer"), &rest)) {
        err = bearer_check(c, rest);
    } else if (scheme_take(c->authorization, TG_STR("Basic"), &rest)) {
        err = basic_check(c, rest);
    } else {
        err = refuse_login(c);
    }
    return err ? err : tg_permission_check(c);
}
