/*
 * Secrets of identity providers, as they rest in the store and in snapshots: sealed under the master key. The context
 * names project, provider and place, "identity-provider/<project>/<name>:<place>", so that a sealed value does not open
 * elsewhere. Pure.
 */
#ifndef TG_IDENTITY_PROVIDER_SECRETS_H
#define TG_IDENTITY_PROVIDER_SECRETS_H

#include "keyring/keyring.h"
#include "model/identity_provider.h"

/* Fresh random bytes; not TG_OK: stops with that. */
typedef tg_err_t (*tg_nonce_fn)(void *ctx, uint8_t nonce[TG_SEAL_NONCE_LEN]);

/* Each clear secret becomes a sealed one, in the arena. */
tg_err_t tg_provider_secrets_seal(const tg_keyring_t *k, tg_nonce_fn nonce, void *ctx, tg_arena_t *a,
                                  tg_identity_provider_t *p) TG_MUST_CHECK;
/* Each sealed secret becomes a clear one, in the arena (the caller wipes it). INVALID: another owner, place or master
 * key, or changed bytes; *fault names the place. */
tg_err_t tg_provider_secrets_open(const tg_keyring_t *k, tg_arena_t *a, tg_identity_provider_t *p,
                                  tg_fault_t *fault) TG_MUST_CHECK;

#endif
