/*
 * Values of secret metadata entries, as they rest in the store: sealed under the master key. The context names the
 * owner and the key of the entry, "metadata/credential/<username>:<key>" or "metadata/organization/<project
 * id>/<name>:<key>" (neither usernames nor names have a colon), so that a sealed value does not open in another place.
 * What an organization gives to its members is sealed anew for each of them.
 */
#ifndef TG_OAUTH_SECRET_ENTRY_H
#define TG_OAUTH_SECRET_ENTRY_H

#include "keyring/keyring.h"
#include "model/credential.h"

typedef struct {
    int64_t project_id; /* of an organization; 0: a credential, whose username is unique among all projects */
    tg_str_t name;
} tg_entry_owner_t;

/* e->value becomes e->sealed, in the arena. The nonce is fresh (tg_seal). On failure e is as it was. */
tg_err_t tg_entry_seal(const tg_keyring_t *k, const tg_entry_owner_t *owner, const uint8_t nonce[TG_SEAL_NONCE_LEN],
                       tg_arena_t *a, tg_metadata_entry_t *e) TG_MUST_CHECK;
/* e->sealed becomes e->value, in the arena. TG_ERR_INVALID: another owner, key or master key, or changed bytes. On
 * failure e is as it was. */
tg_err_t tg_entry_open(const tg_keyring_t *k, const tg_entry_owner_t *owner, tg_arena_t *a,
                       tg_metadata_entry_t *e) TG_MUST_CHECK;
/* What was sealed for one owner, sealed for another; errors as tg_entry_open. The value is nowhere afterwards. */
tg_err_t tg_entry_reseal(const tg_keyring_t *k, const tg_entry_owner_t *from, const tg_entry_owner_t *to,
                         const uint8_t nonce[TG_SEAL_NONCE_LEN], tg_arena_t *a, tg_metadata_entry_t *e) TG_MUST_CHECK;

#endif
