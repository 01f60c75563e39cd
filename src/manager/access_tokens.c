#include "manager/access_tokens.h"

#include <stdio.h>

#include "base/b64.h"
#include "manager/administrators.h"
#include "manager/bodies.h"
#include "manager/handlers.h"
#include "manager/password.h"
#include "manager/resources.h"
#include "manager/schemas.h"

#define COUNT(table)  (sizeof(table) / sizeof((table)[0]))
#define ID_PREFIX     "tgp~"
#define SECRET_PREFIX "tgs_"
#define SECRET_RANDOM 32
#define DEFAULT_MS    (90 * TG_DAY_MS)
#define LONGEST_MS    (366 * TG_DAY_MS) /* a year from today, also over a leap day */
#define TOKENS_MAX    100               /* of an administrator */

static const tg_str_t hash_context = {"access-token", sizeof("access-token") - 1};

typedef struct {
    tg_str_t name;
    int role;
    tg_ms_t expires_at;
} body_t;

static const tg_field_t body_fields[] = {
    {.name = "name", .read = tg_read_name, .offset = offsetof(body_t, name), .required = true},
    {.name = "role", .read = tg_read_choice, .offset = offsetof(body_t, role), .more = tg_roles},
    {.name = "expiresAt", .read = tg_read_expiry, .offset = offsetof(body_t, expires_at)},
};

json_t *tg_access_token_schema(void) {
    return tg_fields_schema(body_fields, COUNT(body_fields));
}

/* ---- stored ---- */

bool tg_access_token_id(tg_str_t text, int64_t *id) {
    const size_t prefix = sizeof(ID_PREFIX) - 1;
    uint64_t n = 0;
    if (text.n <= prefix || memcmp(text.p, ID_PREFIX, prefix) != 0 ||
        !tg_str_to_u64(tg_strn(text.p + prefix, text.n - prefix), INT64_MAX, &n)) {
        return false;
    }
    *id = (int64_t)n;
    return true;
}

static tg_err_t token_read(const tg_resource_t *row, tg_access_token_t *out) {
    json_t *doc = NULL;
    tg_err_t err = tg_doc_parse(row->doc, &doc);
    if (err) {
        return err;
    }
    tg_str_t role = tg_json_str(doc, "role"), hex = tg_json_str(doc, "hash");
    *out = (tg_access_token_t){.id = row->id, .administrator = row->parent};
    for (const tg_choice_t *r = tg_roles; r->name != NULL; r++) {
        if (tg_str_eq(role, tg_str(r->name))) {
            out->role = (tg_role_t)r->value;
        }
    }
    size_t n = 0;
    if (!tg_json_int(doc, "expiresAt", &out->expires_at) || tg_hex_decode(hex, out->hash, sizeof(out->hash), &n) ||
        n != sizeof(out->hash)) {
        err = TG_ERR_BUG;
    }
    json_decref(doc);
    return err;
}

tg_err_t tg_access_token_get(tg_call_t *c, int64_t id, tg_access_token_t *out) {
    tg_resource_t row;
    tg_err_t err = c->store->ops->resource_get(c->store, id, &c->arena, &row);
    if (!err && row.kind != TG_RES_ACCESS_TOKEN) {
        err = TG_ERR_NOTFOUND;
    }
    if (!err) {
        err = token_read(&row, out);
    }
    return err || out->expires_at > c->now ? err : TG_ERR_NOTFOUND;
}

tg_err_t tg_access_token_verify(tg_call_t *c, const tg_access_token_t *token, tg_str_t secret, bool *right) {
    uint8_t hash[TG_HASH_LEN];
    tg_err_t err = tg_secret_hash(&c->m->keyring, hash_context, secret, hash);
    *right = !err && tg_secret_eq(hash, token->hash, sizeof(hash));
    tg_wipe(hash, sizeof(hash));
    return err;
}

/* ---- answers ---- */

static json_t *token_show(tg_call_t *c, const tg_resource_t *row) {
    tg_access_token_t token;
    char id[32];
    if (token_read(row, &token)) {
        return NULL;
    }
    snprintf(id, sizeof(id), ID_PREFIX "%lld", (long long)row->id);
    json_t *o = json_object();
    tg_call_put_to(c, o, "id", json_string(id));
    tg_call_put_to(c, o, "name", tg_text(row->name));
    tg_call_put_to(c, o, "role", json_string(tg_role_name(token.role)));
    tg_call_put_to(c, o, "createdAt", tg_time(row->created_at));
    tg_call_put_to(c, o, "expiresAt", tg_time(token.expires_at));
    return o;
}

tg_err_t tg_access_token_list(tg_call_t *c) {
    tg_resource_t administrator;
    tg_err_t err = tg_administrator_need(c, &administrator);
    return err ? err : tg_resource_page(c, TG_RES_ACCESS_TOKEN, administrator.id, token_show);
}

/* ---- making ---- */

static tg_err_t body_take(tg_call_t *c, body_t *body) {
    tg_err_t err = tg_body_read(c, c->body, body_fields, COUNT(body_fields), body);
    if (!err && body->expires_at == 0) {
        body->expires_at = c->now + DEFAULT_MS;
    }
    if (!err && (body->expires_at <= c->now || body->expires_at > c->now + LONGEST_MS)) {
        err = tg_fault(&c->fault, TG_ERR_INVALID, "expiresAt", "must be in the future, at most a year from now");
    }
    return err;
}

static tg_err_t role_settle(tg_call_t *c, const tg_resource_t *row, body_t *body) {
    tg_administrator_t who;
    tg_err_t err = tg_administrator_read(row, &c->arena, &who);
    if (err) {
        return err;
    }
    tg_role_t most = tg_rights_largest(&who.rights);
    if (body->role == TG_ROLE_NONE) {
        body->role = (int)most;
    }
    return (tg_role_t)body->role <= most
               ? TG_OK
               : tg_fault(&c->fault, TG_ERR_INVALID, "role", "must not be more than the administrator's own, %s",
                          tg_role_name(most));
}

/* What has expired makes room. */
static tg_err_t room_make(tg_call_t *c, int64_t administrator) {
    tg_resource_t *rows = NULL;
    size_t n = 0, left = 0;
    tg_err_t err = tg_resource_all(c, TG_RES_ACCESS_TOKEN, administrator, &rows, &n);
    for (size_t i = 0; !err && i < n; i++) {
        tg_access_token_t token;
        err = token_read(&rows[i], &token);
        if (!err && token.expires_at <= c->now) {
            err = c->store->ops->resource_delete(c->store, rows[i].id);
        } else {
            left++;
        }
    }
    return err || left < TOKENS_MAX
               ? err
               : tg_fault(&c->fault, TG_ERR_CONFLICT, "", "there are %d access tokens: delete one first", TOKENS_MAX);
}

static tg_err_t token_add(tg_call_t *c, int64_t administrator, const body_t *body, const char *secret) {
    uint8_t hash[TG_HASH_LEN];
    char hex[2 * TG_HASH_LEN];
    tg_resource_t row;
    tg_str_t doc = TG_STR_NONE;
    int64_t id;
    tg_err_t err = tg_secret_hash(&c->m->keyring, hash_context, tg_str(secret), hash);
    if (!err) {
        tg_hex_encode(tg_strn((const char *)hash, sizeof(hash)), hex);
        err = tg_doc_text(c,
                          json_pack("{s:s, s:I, s:s%}", "role", tg_role_name((tg_role_t)body->role), "expiresAt",
                                    (json_int_t)body->expires_at, "hash", hex, sizeof(hex)),
                          &doc);
    }
    if (!err) {
        err = tg_resource_add(c, TG_RES_ACCESS_TOKEN, administrator, "access token", body->name, doc, &id);
    }
    if (!err) {
        err = c->store->ops->resource_get(c->store, id, &c->arena, &row);
    }
    if (!err) {
        c->after = token_show(c, &row);
        tg_call_put(c, "result", json_incref(c->after));
    }
    return err;
}

tg_err_t tg_access_token_create(tg_call_t *c) {
    body_t body = {.role = TG_ROLE_NONE};
    tg_resource_t administrator;
    char secret[sizeof(SECRET_PREFIX) + 64];
    tg_random_text(SECRET_PREFIX, SECRET_RANDOM, secret);
    tg_err_t err = body_take(c, &body);
    if (!err) {
        err = tg_call_begin(c);
    }
    if (!err) {
        err = tg_administrator_need(c, &administrator);
    }
    if (!err) {
        err = role_settle(c, &administrator, &body);
    }
    if (!err) {
        err = room_make(c, administrator.id);
    }
    if (!err) {
        err = token_add(c, administrator.id, &body, secret);
    }
    if (!err) {
        tg_call_put(c, "secret", json_string(secret));
    }
    tg_wipe(secret, sizeof(secret));
    return err;
}

/* ---- ending ---- */

static tg_err_t token_need(tg_call_t *c, int64_t administrator, tg_resource_t *row) {
    int64_t id;
    tg_err_t err = tg_access_token_id(c->params[1], &id) ? c->store->ops->resource_get(c->store, id, &c->arena, row)
                                                         : TG_ERR_NOTFOUND;
    if (!err && (row->kind != TG_RES_ACCESS_TOKEN || row->parent != administrator)) {
        err = TG_ERR_NOTFOUND;
    }
    return err == TG_ERR_NOTFOUND
               ? tg_fault(&c->fault, err, "", "there is no access token \"%.*s\"", TG_STR_ARGS(c->params[1]))
               : err;
}

tg_err_t tg_access_token_delete(tg_call_t *c) {
    static const char *const nothing[] = {NULL};
    tg_resource_t administrator, row;
    tg_err_t err = tg_body_only(c, c->body, nothing);
    if (!err) {
        err = tg_call_begin(c);
    }
    if (!err) {
        err = tg_administrator_need(c, &administrator);
    }
    if (!err) {
        err = token_need(c, administrator.id, &row);
    }
    if (err) {
        return err;
    }
    c->before = token_show(c, &row);
    return c->store->ops->resource_delete(c->store, row.id);
}

tg_err_t tg_access_tokens_end(tg_call_t *c, int64_t administrator) {
    tg_resource_t *rows = NULL;
    size_t n = 0;
    tg_err_t err = tg_resource_all(c, TG_RES_ACCESS_TOKEN, administrator, &rows, &n);
    for (size_t i = 0; !err && i < n; i++) {
        err = c->store->ops->resource_delete(c->store, rows[i].id);
    }
    return err;
}
