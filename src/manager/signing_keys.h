/*
 * The signing keys of an environment, inside the caller's transaction. The store keeps each as a document; which one
 * signs follows from the clock (model.h). Beside each key the longest lifetime that it may have signed is noted
 * (meta "key-lifetime/<environment id>/<kid>"), from which retire_at of a replaced key follows.
 */
#ifndef TG_MANAGER_SIGNING_KEYS_H
#define TG_MANAGER_SIGNING_KEYS_H

#include "jose/jwk.h"
#include "manager/call.h"
#include "model/model.h"

/* In the order of creation. */
tg_err_t tg_signing_keys_load(tg_call_t *c, int64_t environment_id, tg_signing_key_t **keys, size_t *n) TG_MUST_CHECK;
/* Moves those that still sign or verify to the front, in order; returns how many. */
size_t tg_signing_keys_usable(tg_signing_key_t *keys, size_t n, tg_ms_t now);

/* Adds a private key that signs from activate_at on. Keys of this algorithm that wait for their turn and never signed
 * are withdrawn. CONFLICT: this very key is there already. */
tg_err_t tg_signing_key_add(tg_call_t *c, const tg_resource_t *environment, const tg_key_t *key,
                            tg_ms_t activate_at) TG_MUST_CHECK;
/* Computes retire_at of every replaced key anew and writes what changed. */
tg_err_t tg_signing_keys_settle(tg_call_t *c, const tg_resource_t *environment) TG_MUST_CHECK;
/* Seconds that the longest-lived JWT of these settings lives, access or refresh; 0: for ever. With rotation off a
 * refresh token lives as long as its family can. */
int64_t tg_token_lifetime(const tg_token_settings_t *t);
/* At a deploy, or when the settings of a credential ask for it: tokens of this algorithm may now live `lifetime`
 * seconds (0: for ever). Makes the first key of the algorithm if there is none that signs. */
tg_err_t tg_signing_keys_want(tg_call_t *c, const tg_resource_t *environment, tg_str_t algorithm,
                              int64_t lifetime) TG_MUST_CHECK;

#endif
