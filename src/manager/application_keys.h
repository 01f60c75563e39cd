/* Application keys of API proxies and groups: the client_id and client_secret that tokens are got with. */
#ifndef TG_MANAGER_APPLICATION_KEYS_H
#define TG_MANAGER_APPLICATION_KEYS_H

#include "manager/call.h"

#define TG_SECRET_RANDOM          32 /* random bytes of a generated secret */
#define TG_APPLICATION_SECRET_LEN 64 /* room for a generated id or secret with its NUL */

typedef struct {
    char client_id[TG_APPLICATION_SECRET_LEN];
    char client_secret[TG_APPLICATION_SECRET_LEN];
} tg_application_key_t;

/* A new id of 128 and a secret of 256 random bits, [A-Za-z0-9_-]. */
void tg_application_key_make(tg_application_key_t *k);
void tg_application_key_release(tg_application_key_t *k);

/* Inside the transaction: the client's row, owned by this resource. */
tg_err_t tg_application_key_add(tg_call_t *c, int64_t project_id, int64_t owner, const tg_application_key_t *k,
                                int64_t *key_id) TG_MUST_CHECK;
/* Inside the transaction: the client ends, with its tokens. */
tg_err_t tg_application_key_end(tg_call_t *c, int64_t owner) TG_MUST_CHECK;
/* "applicationKey": {"clientId", and "clientSecret" unless NULL} */
void tg_application_key_put(tg_call_t *c, tg_str_t client_id, const char *client_secret);

/* The fast hash covers the client_id, so a later change of the id alone needs another form of the same secret: kept
 * beside it, an argon2id string at the least cost, which 256 random bits do not need to be stretched. "" : none. */
tg_err_t tg_application_spare_put(tg_call_t *c, int64_t key_id, const char *encoded) TG_MUST_CHECK;
tg_err_t tg_application_spare_get(tg_call_t *c, int64_t key_id, tg_str_t *encoded) TG_MUST_CHECK;

#endif
