#include "oauth/secret_entry.h"

#define CONTEXT_MAX (TG_CLIENT_ID_MAX + 256) /* names and keys have at most 128 */
#define VALUE_MAX   8192

static tg_err_t context_write(const tg_entry_owner_t *owner, tg_str_t key, tg_buf_t *out) {
    if (owner->project_id != 0) {
        tg_buf_putf(out, "metadata/organization/%lld/", (long long)owner->project_id);
    } else {
        tg_buf_put(out, TG_STR("metadata/credential/"));
    }
    tg_buf_put(out, owner->name);
    tg_buf_putc(out, ':');
    tg_buf_put(out, key);
    return out->err;
}

tg_err_t tg_entry_seal(const tg_keyring_t *k, const tg_entry_owner_t *owner, const uint8_t nonce[TG_SEAL_NONCE_LEN],
                       tg_arena_t *a, tg_metadata_entry_t *e) {
    char memory[CONTEXT_MAX];
    tg_buf_t context, sealed;
    tg_buf_init_fixed(&context, memory, sizeof(memory));
    tg_buf_init(&sealed, VALUE_MAX);
    tg_err_t err = context_write(owner, e->key, &context);
    if (!err) {
        err = tg_seal(k, tg_buf_str(&context), nonce, e->value, &sealed);
    }
    if (!err && !tg_arena_str(a, tg_buf_str(&sealed), &e->sealed)) {
        err = TG_ERR_NOMEM;
    }
    if (!err) {
        e->value = TG_STR_NONE;
    }
    tg_buf_release(&sealed);
    return err;
}

static tg_err_t value_open(const tg_keyring_t *k, const tg_entry_owner_t *owner, const tg_metadata_entry_t *e,
                           tg_buf_t *value) {
    char memory[CONTEXT_MAX];
    tg_buf_t context;
    tg_buf_init_fixed(&context, memory, sizeof(memory));
    tg_err_t err = context_write(owner, e->key, &context);
    return err ? err : tg_unseal(k, tg_buf_str(&context), e->sealed, value);
}

tg_err_t tg_entry_open(const tg_keyring_t *k, const tg_entry_owner_t *owner, tg_arena_t *a, tg_metadata_entry_t *e) {
    tg_buf_t value;
    tg_buf_init(&value, VALUE_MAX);
    tg_err_t err = value_open(k, owner, e, &value);
    if (!err && !tg_arena_str(a, tg_buf_str(&value), &e->value)) {
        err = TG_ERR_NOMEM;
    }
    if (!err) {
        e->sealed = TG_STR_NONE;
    }
    tg_buf_release(&value);
    return err;
}

tg_err_t tg_entry_reseal(const tg_keyring_t *k, const tg_entry_owner_t *from, const tg_entry_owner_t *to,
                         const uint8_t nonce[TG_SEAL_NONCE_LEN], tg_arena_t *a, tg_metadata_entry_t *e) {
    tg_buf_t value;
    tg_buf_init(&value, VALUE_MAX);
    tg_metadata_entry_t fresh = *e;
    tg_err_t err = value_open(k, from, e, &value);
    if (!err) {
        fresh.value = tg_buf_str(&value);
        err = tg_entry_seal(k, to, nonce, a, &fresh);
    }
    if (!err) {
        *e = fresh;
    }
    tg_buf_release(&value);
    return err;
}
