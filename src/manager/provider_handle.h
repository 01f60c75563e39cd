/*
 * Asking an identity provider from within a call. It may take as long as the provider's time-out: meanwhile the call
 * holds no handle of the store, and few calls may ask at the same time.
 */
#ifndef TG_MANAGER_PROVIDER_HANDLE_H
#define TG_MANAGER_PROVIDER_HANDLE_H

#include "identity/identity.h"
#include "manager/identity_providers.h"

#define TG_PROVIDER_CALLS_MAX 8

/* What is done with it; its error is the whole one's. */
typedef tg_err_t (*tg_provider_use_fn)(tg_call_t *c, tg_identity_t *handle, void *ctx);

/* Opens a copy of the provider with its secrets clear, in the call's arena, and hands it on. Outside of transactions.
 * UNAVAILABLE: too many ask at the moment; CONFLICT: it can never work as it is configured. */
tg_err_t tg_provider_use(tg_call_t *c, const tg_identity_provider_t *stored, tg_provider_use_fn use,
                         void *ctx) TG_MUST_CHECK;

#endif
