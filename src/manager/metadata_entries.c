#include "manager/metadata_entries.h"

#include <stdio.h>

#include "manager/password.h"
#include "manager/token_management.h"

void tg_entries_mask(tg_call_t *c, json_t *doc) {
    size_t i;
    json_t *entry;
    json_array_foreach(json_object_get(doc, "metadata"), i, entry) {
        if (tg_json_bool(entry, "secret", false)) {
            json_object_del(entry, "sealed");
            tg_call_put_to(c, entry, "value", json_null());
        }
    }
}

/* ---- sealing ---- */

static const tg_metadata_entry_t *sealed_find(const tg_metadata_entry_t *stored, size_t n, tg_str_t key) {
    for (size_t i = 0; i < n; i++) {
        if (stored[i].secret && tg_str_eq(stored[i].key, key)) {
            return &stored[i];
        }
    }
    return NULL;
}

/* Whether that is its value already. What does not open has none. */
static tg_err_t value_is(tg_call_t *c, const tg_entry_owner_t *owner, const tg_metadata_entry_t *kept, tg_str_t value,
                         bool *same) {
    *same = false;
    if (kept == NULL) {
        return TG_OK;
    }
    tg_metadata_entry_t e = *kept;
    tg_err_t err = tg_entry_open(&c->m->keyring, owner, &c->arena, &e);
    *same = !err && e.value.n == value.n && tg_secret_eq(e.value.p, value.p, value.n);
    return err == TG_ERR_INVALID ? TG_OK : err;
}

/* The seal that there is stays on a value that stays: what is said again changes nothing. */
static tg_err_t entry_seal(tg_call_t *c, const tg_entry_owner_t *owner, const tg_metadata_entry_t *kept,
                           tg_metadata_entry_t *e) {
    uint8_t nonce[TG_SEAL_NONCE_LEN];
    bool same;
    tg_err_t err = value_is(c, owner, kept, e->value, &same);
    if (err) {
        return err;
    }
    if (same) {
        e->value = TG_STR_NONE;
        e->sealed = kept->sealed;
        return TG_OK;
    }
    tg_random(nonce, sizeof(nonce));
    return tg_entry_seal(&c->m->keyring, owner, nonce, &c->arena, e);
}

tg_err_t tg_entries_seal(tg_call_t *c, const tg_entry_owner_t *owner, tg_metadata_entry_t *entries, size_t n,
                         const tg_metadata_entry_t *stored, size_t n_stored) {
    tg_err_t err = TG_OK;
    for (size_t i = 0; !err && i < n; i++) {
        const tg_metadata_entry_t *kept = sealed_find(stored, n_stored, entries[i].key);
        if (!entries[i].secret) {
            continue;
        }
        if (entries[i].value.n > 0) {
            err = entry_seal(c, owner, kept, &entries[i]);
        } else if (kept != NULL) {
            entries[i].sealed = kept->sealed;
        } else {
            char field[64];
            snprintf(field, sizeof(field), "metadata[%zu].value", i);
            err = tg_fault(&c->fault, TG_ERR_INVALID, field, "is required");
        }
    }
    return err;
}

tg_err_t tg_entries_hand_on(tg_call_t *c, const tg_entry_owner_t *from, const tg_entry_owner_t *to,
                            const tg_metadata_entry_t *entries, size_t n, tg_metadata_entry_t **out) {
    tg_err_t err = TG_OK;
    *out = tg_arena_array(&c->arena, n, sizeof(**out));
    if (*out == NULL) {
        return TG_ERR_NOMEM;
    }
    for (size_t i = 0; !err && i < n; i++) {
        (*out)[i] = entries[i];
        if (entries[i].secret) {
            uint8_t nonce[TG_SEAL_NONCE_LEN];
            tg_random(nonce, sizeof(nonce));
            err = tg_entry_reseal(&c->m->keyring, from, to, nonce, &c->arena, &(*out)[i]);
        }
        err = err == TG_ERR_INVALID ? TG_OK : err;
    }
    return err;
}

/* ---- names ---- */

static tg_err_t name_check(tg_call_t *c, const tg_token_management_t *m, tg_str_t name, size_t i, const char *member) {
    for (int f = 0; f < TG_FIELDS_N; f++) {
        tg_str_t renamed = tg_response_name(m, (tg_response_field_t)f);
        if (name.n > 0 && tg_str_eq(name, renamed)) {
            char field[64];
            snprintf(field, sizeof(field), "metadata[%zu].%s", i, member);
            return tg_fault(&c->fault, TG_ERR_INVALID, field, "\"%.*s\" is the name of a field of token responses",
                            TG_STR_ARGS(name));
        }
    }
    return TG_OK;
}

tg_err_t tg_entries_check(tg_call_t *c, const tg_metadata_entry_t *entries, size_t n) {
    tg_token_management_t m;
    if (n == 0) {
        return TG_OK;
    }
    tg_err_t err = tg_token_management_load(c, &m);
    for (size_t i = 0; !err && i < n; i++) {
        err = name_check(c, &m, entries[i].key, i, "key");
        if (!err) {
            err = name_check(c, &m, entries[i].jwt_claim, i, "jwtClaimName");
        }
    }
    return err;
}
