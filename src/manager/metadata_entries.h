/* Metadata entries of credentials and organizations, as their JSON documents have them. */
#ifndef TG_MANAGER_METADATA_ENTRIES_H
#define TG_MANAGER_METADATA_ENTRIES_H

#include "manager/call.h"
#include "model/credential.h"

/* Values of secret entries become null: nobody reads them again. */
void tg_entries_mask(tg_call_t *c, json_t *doc);
/* A secret entry of `body` without a value keeps the one that `old` has under that key. */
tg_err_t tg_entries_keep(json_t *body, const json_t *old) TG_MUST_CHECK;
/* Refuses names that the token management settings give to fields of responses. */
tg_err_t tg_entries_check(tg_call_t *c, const tg_metadata_entry_t *entries, size_t n) TG_MUST_CHECK;

#endif
