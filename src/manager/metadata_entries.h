/* Metadata entries of credentials and organizations: secret ones are sealed before they are stored, and not shown. */
#ifndef TG_MANAGER_METADATA_ENTRIES_H
#define TG_MANAGER_METADATA_ENTRIES_H

#include "manager/call.h"
#include "oauth/secret_entry.h"

/* Values of secret entries become null: nobody reads them again. */
void tg_entries_mask(tg_call_t *c, json_t *doc);
/* Secret entries of a body, sealed; one without a value keeps what the stored secret entry of that key has, or is
 * refused. One with the value that is stored keeps that seal. */
tg_err_t tg_entries_seal(tg_call_t *c, const tg_entry_owner_t *owner, tg_metadata_entry_t *entries, size_t n,
                         const tg_metadata_entry_t *stored, size_t n_stored) TG_MUST_CHECK;
/* A copy for another owner. What does not open stays as it is, and so opens for nobody: a member can be changed, and
 * disabled, whatever became of an entry of its organization. */
tg_err_t tg_entries_hand_on(tg_call_t *c, const tg_entry_owner_t *from, const tg_entry_owner_t *to,
                            const tg_metadata_entry_t *entries, size_t n, tg_metadata_entry_t **out) TG_MUST_CHECK;
/* Refuses names that the token management settings give to fields of responses. */
tg_err_t tg_entries_check(tg_call_t *c, const tg_metadata_entry_t *entries, size_t n) TG_MUST_CHECK;

#endif
