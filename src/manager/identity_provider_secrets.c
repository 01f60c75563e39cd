/* Secrets of identity providers: what a body says, or leaves out, becomes what is stored. */
#include "identity/provider_secrets.h"

#include "manager/bodies.h"
#include "manager/identity_providers.h"
#include "manager/password.h"

static tg_err_t nonce_make(void *ctx, uint8_t nonce[TG_SEAL_NONCE_LEN]) {
    (void)ctx;
    tg_random(nonce, TG_SEAL_NONCE_LEN);
    return TG_OK;
}

/* ---- which of the old is which of the new ---- */

typedef struct {
    tg_identity_provider_t *fresh, *sealed, *opened; /* the last two are one provider, NULL: there is none */
} keep_t;

static const tg_api_field_t *field_find(const tg_api_field_t *list, size_t n, tg_str_t name) {
    for (size_t i = 0; i < n; i++) {
        if (list[i].secret && tg_str_eq_ci(list[i].name, name)) {
            return &list[i];
        }
    }
    return NULL;
}

/* The field that has this secret, and the list of another provider that stands for the one that it is in. */
static const tg_provider_secret_t *field_of(const tg_api_field_t *list, size_t n, const tg_provider_secret_t *secret,
                                            const tg_api_field_t *others, size_t n_others) {
    for (size_t i = 0; i < n; i++) {
        if (&list[i].kept == secret) {
            const tg_api_field_t *other = field_find(others, n_others, list[i].name);
            return other != NULL ? &other->kept : NULL;
        }
    }
    return NULL;
}

/* That of the other provider, by its place; in lists by its name. NULL: it has none. */
static const tg_provider_secret_t *counterpart(const tg_identity_provider_t *p, const tg_provider_secret_t *secret,
                                               const tg_identity_provider_t *other) {
    const tg_api_provider_t *a = &p->of.api, *b = &other->of.api;
    if (p->type != other->type) {
        return NULL;
    }
    if (p->type == TG_PROVIDER_LDAP) {
        return &other->of.ldap.bind_password;
    }
    if (p->type == TG_PROVIDER_DATABASE) {
        return &other->of.database.password;
    }
    if (secret == &a->tls.key) {
        return &b->tls.key;
    }
    const tg_provider_secret_t *found = field_of(a->headers, a->n_headers, secret, b->headers, b->n_headers);
    return found != NULL ? found : field_of(a->form, a->n_form, secret, b->form, b->n_form);
}

static bool is_same(const tg_provider_secret_t *a, const tg_provider_secret_t *b) {
    return a->clear.n == b->clear.n && tg_secret_eq(a->clear.p, b->clear.p, a->clear.n);
}

/* ---- keeping ---- */

typedef struct {
    const char *place;
    const tg_provider_secret_t *wanted;
    bool is;
} place_t;

static tg_err_t place_compare(void *ctx, const char *place, tg_provider_secret_t *secret) {
    place_t *p = ctx;
    p->is |= secret == p->wanted && strcmp(place, p->place) == 0;
    return TG_OK;
}

/* A seal holds at its place alone. */
static bool is_at(tg_identity_provider_t *p, const tg_provider_secret_t *secret, const char *place) {
    place_t at = {.place = place, .wanted = secret};
    return tg_identity_provider_secrets(p, place_compare, &at) == TG_OK && at.is;
}

static tg_err_t keep_one(void *ctx, const char *place, tg_provider_secret_t *secret) {
    keep_t *k = ctx;
    const tg_provider_secret_t *sealed = counterpart(k->fresh, secret, k->sealed);
    const tg_provider_secret_t *opened = counterpart(k->fresh, secret, k->opened);
    if (sealed == NULL || opened == NULL || sealed->sealed.n == 0) {
        return TG_OK;
    }
    bool left_out = secret->clear.p == NULL;
    if (is_at(k->sealed, sealed, place) && (left_out || is_same(secret, opened))) {
        *secret = (tg_provider_secret_t){.sealed = sealed->sealed};
    } else if (left_out) {
        *secret = (tg_provider_secret_t){.clear = opened->clear};
    }
    return TG_OK;
}

/* Lists of the copy are its own: opening it leaves the original as it is. */
tg_err_t tg_provider_open(tg_call_t *c, const tg_identity_provider_t *stored, tg_identity_provider_t *out,
                          tg_fault_t *fault) {
    *out = *stored;
    if (stored->type == TG_PROVIDER_API) {
        const tg_api_provider_t *api = &stored->of.api;
        tg_api_field_t *all = tg_arena_array(&c->arena, api->n_headers + api->n_form + 1, sizeof(*all));
        if (all == NULL) {
            return TG_ERR_NOMEM;
        }
        for (size_t i = 0; i < api->n_headers + api->n_form; i++) {
            all[i] = i < api->n_headers ? api->headers[i] : api->form[i - api->n_headers];
        }
        out->of.api.headers = all;
        out->of.api.form = all + api->n_headers;
    }
    return tg_provider_secrets_open(&c->m->keyring, &c->arena, out, fault);
}

static tg_err_t secrets_keep(tg_call_t *c, tg_identity_provider_t *fresh, const tg_provider_row_t *old) {
    tg_identity_provider_t sealed = old->stored, opened;
    keep_t k = {fresh, &sealed, &opened};
    tg_err_t err = tg_provider_open(c, &old->stored, &opened, NULL);
    /* What does not open has no value to keep. */
    return err && err != TG_ERR_INVALID ? err : tg_identity_provider_secrets(fresh, keep_one, &k);
}

/* What is left out and was never there is told as it would be if it had been stored. */
static tg_err_t stored_check(tg_call_t *c, json_t *doc, tg_str_t project, tg_identity_provider_t *out) {
    tg_err_t err =
        doc == NULL ? TG_ERR_NOMEM : tg_identity_provider_read_stored(doc, project, &c->arena, out, &c->fault);
    return err;
}

tg_err_t tg_provider_body(tg_call_t *c, const json_t *body, const tg_resource_t *project, const tg_provider_row_t *old,
                          tg_identity_provider_t *out, tg_str_t *doc) {
    tg_err_t err = tg_identity_provider_parse(body, project->name, &c->arena, out, &c->fault);
    if (!err && old != NULL) {
        err = secrets_keep(c, out, old);
    }
    if (!err) {
        err = tg_provider_secrets_seal(&c->m->keyring, nonce_make, NULL, &c->arena, out);
    }
    if (err) {
        return err;
    }
    json_t *written = tg_identity_provider_write(out);
    err = stored_check(c, written, project->name, out);
    if (err) {
        json_decref(written);
        return err;
    }
    return tg_doc_text(c, written, doc);
}
