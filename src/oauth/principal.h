/* Whether those whom a token was issued to are still the same. Internal to the oauth room. */
#ifndef TG_OAUTH_PRINCIPAL_H
#define TG_OAUTH_PRINCIPAL_H

#include "base/clock.h"
#include "model/live.h"

/* Exists, is enabled, not expired, and of this kind. */
bool tg_client_is_live(const tg_live_client_t *client, tg_client_kind_t kind, tg_ms_t now);
/* A credential of this project; 0 is none. */
bool tg_client_is_credential_of(const tg_live_client_t *client, int64_t project_id);
/* The user of a password grant: the same one, with the same password, of the client's project. NULL is not. A
 * generation of 0: there is no user, and so none who could be gone. */
bool tg_user_is_live(const tg_live_client_t *user, uint64_t generation, const tg_live_client_t *client, tg_ms_t now);

#endif
