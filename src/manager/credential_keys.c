#include "manager/credential_keys.h"

#include "manager/credentials.h"
#include "manager/publish.h"
#include "manager/resources.h"
#include "manager/signing_keys.h"

#define BATCH 20000

tg_err_t tg_credential_need_add(tg_credential_needs_t *needs, const tg_token_settings_t *token, tg_arena_t *a) {
    tg_str_t algorithm = token->jwt_algorithm;
    int64_t lifetime = tg_token_lifetime(token);
    size_t i = 0;
    while (i < needs->n && !tg_str_eq(needs->rows[i].algorithm, algorithm)) {
        i++;
    }
    if (i == TG_CREDENTIAL_NEEDS_MAX) {
        return TG_ERR_BUG;
    }
    if (i == needs->n) {
        needs->n++;
        needs->rows[i].lifetime = lifetime;
        return tg_arena_str(a, algorithm, &needs->rows[i].algorithm) ? TG_OK : TG_ERR_NOMEM;
    }
    int64_t *have = &needs->rows[i].lifetime;
    *have = *have == 0 || lifetime == 0 ? 0 : lifetime > *have ? lifetime : *have;
    return TG_OK;
}

/* Most have the default settings, which the text tells: quotes inside strings are escaped. */
static tg_err_t row_read(const tg_resource_t *row, tg_arena_t *a, tg_token_settings_t *out) {
    static const char set[] = "\"token\":{";
    tg_credential_t k;
    json_t *doc;
    if (memmem(row->doc.p, row->doc.n, set, sizeof(set) - 1) == NULL) {
        tg_token_settings_default(out);
        return TG_OK;
    }
    doc = tg_resource_doc(row);
    tg_err_t err = doc == NULL ? TG_ERR_NOMEM : tg_credential_read_stored(doc, a, &k, NULL);
    *out = k.token;
    json_decref(doc);
    return err == TG_ERR_INVALID ? TG_ERR_BUG : err;
}

static tg_err_t batch_read(tg_call_t *c, int64_t offset, tg_credential_needs_t *out, size_t *n) {
    tg_resource_query_t query = {.kind = TG_RES_CREDENTIAL, .offset = offset, .limit = BATCH};
    tg_resource_t *rows = NULL;
    int64_t total = 0;
    tg_arena_t a;
    tg_arena_init(&a, (size_t)1 << 30);
    tg_err_t err = c->store->ops->resource_list(c->store, &query, &a, &rows, n, &total);
    for (size_t i = 0; !err && i < *n; i++) {
        tg_token_settings_t token = {.expires_in = 0};
        err = row_read(&rows[i], &a, &token);
        if (!err) {
            err = tg_credential_need_add(out, &token, &c->arena);
        }
    }
    tg_arena_release(&a);
    return err;
}

tg_err_t tg_credential_needs_read(tg_call_t *c, tg_credential_needs_t *out) {
    size_t n = BATCH;
    out->n = 0;
    tg_err_t err = TG_OK;
    for (int64_t offset = 0; !err && n == BATCH; offset += BATCH) {
        err = batch_read(c, offset, out, &n);
    }
    return err;
}

tg_err_t tg_credential_keys_first(tg_call_t *c, const tg_resource_t *environment) {
    tg_credential_needs_t needs;
    tg_err_t err = tg_credential_needs_read(c, &needs);
    for (size_t i = 0; !err && i < needs.n; i++) {
        err = tg_signing_keys_want(c, environment, needs.rows[i].algorithm, needs.rows[i].lifetime);
    }
    return err;
}

tg_err_t tg_credential_needs_want(tg_call_t *c, const tg_credential_needs_t *needs) {
    tg_resource_t *rows = NULL;
    size_t n = 0;
    tg_err_t err = tg_resource_all(c, TG_RES_ENVIRONMENT, 0, &rows, &n);
    for (size_t i = 0; !err && i < n; i++) {
        size_t before = c->keys_written;
        for (size_t k = 0; !err && k < needs->n; k++) {
            err = tg_signing_keys_want(c, &rows[i], needs->rows[k].algorithm, needs->rows[k].lifetime);
        }
        if (!err && c->keys_written != before) {
            err = tg_publish_next(c, &rows[i]);
        }
    }
    return err;
}

tg_err_t tg_credential_keys_want(tg_call_t *c, const tg_token_settings_t *token) {
    tg_credential_needs_t needs = {.n = 0};
    tg_err_t err = tg_credential_need_add(&needs, token, &c->arena);
    return err ? err : tg_credential_needs_want(c, &needs);
}
