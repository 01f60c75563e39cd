#include "oauth/principal.h"

bool tg_client_is_live(const tg_live_client_t *client, tg_client_kind_t kind, tg_ms_t now) {
    return client->exists && client->enabled && client->kind == kind &&
           (client->expires_at == 0 || client->expires_at > now);
}

bool tg_client_is_credential_of(const tg_live_client_t *client, int64_t project_id) {
    return client->kind == TG_CLIENT_CREDENTIAL && project_id != 0 && client->project_id == project_id;
}

bool tg_user_is_live(const tg_live_client_t *user, uint64_t generation, const tg_live_client_t *client, tg_ms_t now) {
    if (generation == 0) {
        return true;
    }
    return user != NULL && tg_client_is_live(user, TG_CLIENT_CREDENTIAL, now) &&
           tg_client_is_credential_of(user, client->project_id) && user->generation == generation;
}
