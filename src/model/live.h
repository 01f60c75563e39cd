/*
 * Live state: what can end or change a token without a deploy (token-api.md "Terms"). Kept by the config store, copied
 * into the gateway's shared memory, compared at every check. Fixed size, so that it can lie there as it is.
 */
#ifndef TG_MODEL_LIVE_H
#define TG_MODEL_LIVE_H

#include "base/clock.h"

typedef enum { TG_CLIENT_APPLICATION = 1, TG_CLIENT_CREDENTIAL = 2 } tg_client_kind_t;
typedef enum { TG_SECRET_NONE = 0, TG_SECRET_FAST = 1, TG_SECRET_ARGON2ID = 2 } tg_secret_kind_t;

#define TG_SECRET_ENCODED_MAX 128

typedef struct {
    bool exists; /* false: known not to exist (a negative answer) */
    bool enabled;
    tg_client_kind_t kind;
    int64_t key_id;      /* id of the application key or credential; the snapshot names owners by it */
    uint64_t generation; /* tg_gen: random, new with each secret, and new in an environment with each undeploy there */
    tg_ms_t expires_at;  /* 0: never */
    int64_t project_id;  /* resource id of the project that it belongs to */
    int64_t version;     /* of all that the store keeps of this client, its access list included: only rises */
    tg_secret_kind_t secret_kind;
    char secret[TG_SECRET_ENCODED_MAX]; /* 32 raw bytes (fast keyed hash), or the encoded argon2id string */
    size_t secret_len;
} tg_live_client_t;

#endif
