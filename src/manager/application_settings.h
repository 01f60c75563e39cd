/* settings/keys: id, secret and roles of an application key; live at once. */
#ifndef TG_MANAGER_APPLICATION_SETTINGS_H
#define TG_MANAGER_APPLICATION_SETTINGS_H

#include "manager/application_keys.h"
#include "manager/password.h"

typedef struct {
    tg_str_t id;     /* "": stays */
    tg_str_t secret; /* chosen; "": none given */
    bool regenerate;
    bool has_roles;
    tg_str_t *roles;
    size_t n_roles;
    char encoded[TG_ENCODED_MAX]; /* of the chosen secret */
    char made[TG_APPLICATION_SECRET_LEN];
    char spare[TG_ENCODED_MAX]; /* of the made secret */
    uint8_t hash[TG_HASH_LEN];
} tg_key_change_t;

/* Reads {"publicKey","secretKey","regenerate","roleNameList"}, all optional. Views lie in the arena. */
tg_err_t tg_key_change_read(tg_call_t *c, const json_t *body, tg_key_change_t *out) TG_MUST_CHECK;
void tg_key_change_release(tg_key_change_t *change);
bool tg_key_change_is_empty(const tg_key_change_t *change);
/* The slow part, before the transaction. */
tg_err_t tg_key_change_prepare(tg_key_change_t *change) TG_MUST_CHECK;
/* Inside the transaction: writes what is another; c->before and c->after tell the key and its roles, which are the same
 * if nothing changed. *client is as it is now. Only another id or secret ends tokens. */
tg_err_t tg_key_change_write(tg_call_t *c, const tg_resource_t *owner, tg_key_change_t *change,
                             tg_client_t *client) TG_MUST_CHECK;

#endif
