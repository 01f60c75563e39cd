#include "identity/provider_secrets.h"

#include "base/buf.h"

#define CONTEXT_MAX (3 * TG_NAME_MAX + 64) /* names have at most TG_NAME_MAX, places are ours */

typedef struct {
    const tg_keyring_t *keyring;
    tg_nonce_fn nonce;
    void *nonce_ctx;
    tg_arena_t *arena;
    const tg_identity_provider_t *provider;
    tg_fault_t *fault;
} work_t;

static tg_err_t context_write(const work_t *w, const char *place, tg_buf_t *out) {
    tg_buf_put(out, TG_STR("identity-provider/"));
    tg_buf_put(out, w->provider->project);
    tg_buf_putc(out, '/');
    tg_buf_put(out, w->provider->name);
    tg_buf_putc(out, ':');
    tg_buf_put(out, tg_str(place));
    return out->err;
}

static tg_err_t seal_into(const work_t *w, tg_str_t context, tg_provider_secret_t *s) {
    uint8_t nonce[TG_SEAL_NONCE_LEN];
    tg_buf_t sealed;
    tg_buf_init(&sealed, s->clear.n + TG_SEAL_NONCE_LEN + TG_SEAL_TAG_LEN + 1);
    tg_err_t err = w->nonce(w->nonce_ctx, nonce);
    if (!err) {
        err = tg_seal(w->keyring, context, nonce, s->clear, &sealed);
    }
    if (!err && !tg_arena_str(w->arena, tg_buf_str(&sealed), &s->sealed)) {
        err = TG_ERR_NOMEM;
    }
    tg_buf_release(&sealed);
    return err;
}

static tg_err_t seal_one(void *ctx, const char *place, tg_provider_secret_t *s) {
    const work_t *w = ctx;
    char memory[CONTEXT_MAX];
    tg_buf_t context;
    if (s->clear.n == 0) {
        return TG_OK;
    }
    tg_buf_init_fixed(&context, memory, sizeof(memory));
    tg_err_t err = context_write(w, place, &context);
    if (!err) {
        err = seal_into(w, tg_buf_str(&context), s);
    }
    if (!err) {
        s->clear = TG_STR_NONE;
    }
    return err;
}

tg_err_t tg_provider_secrets_seal(const tg_keyring_t *k, tg_nonce_fn nonce, void *ctx, tg_arena_t *a,
                                  tg_identity_provider_t *p) {
    work_t w = {.keyring = k, .nonce = nonce, .nonce_ctx = ctx, .arena = a, .provider = p};
    return tg_identity_provider_secrets(p, seal_one, &w);
}

static tg_err_t open_into(const work_t *w, tg_str_t context, tg_provider_secret_t *s) {
    tg_buf_t clear;
    tg_buf_init(&clear, s->sealed.n);
    tg_err_t err = tg_unseal(w->keyring, context, s->sealed, &clear);
    if (!err && !tg_arena_str(w->arena, tg_buf_str(&clear), &s->clear)) {
        err = TG_ERR_NOMEM;
    }
    tg_buf_release(&clear);
    return err;
}

static tg_err_t open_one(void *ctx, const char *place, tg_provider_secret_t *s) {
    const work_t *w = ctx;
    char memory[CONTEXT_MAX];
    tg_buf_t context;
    if (s->sealed.n == 0) {
        return TG_OK;
    }
    tg_buf_init_fixed(&context, memory, sizeof(memory));
    tg_err_t err = context_write(w, place, &context);
    if (!err) {
        err = open_into(w, tg_buf_str(&context), s);
    }
    if (err == TG_ERR_INVALID) {
        return tg_fault(w->fault, err, place, "is sealed under another master key, or for another provider");
    }
    if (!err) {
        s->sealed = TG_STR_NONE;
    }
    return err;
}

tg_err_t tg_provider_secrets_open(const tg_keyring_t *k, tg_arena_t *a, tg_identity_provider_t *p, tg_fault_t *fault) {
    work_t w = {.keyring = k, .arena = a, .provider = p, .fault = fault};
    return tg_identity_provider_secrets(p, open_one, &w);
}
