/*
 * The claims of a JWT of ours, proven and taken apart: what access and refresh tokens have in common. Internal to the
 * oauth room.
 */
#ifndef TG_OAUTH_JWT_H
#define TG_OAUTH_JWT_H

#include "oauth/check.h"
#include "oauth/claims.h"

/* Whose tokens, and how they are proven: the arguments of tg_jwt_prove. */
typedef struct {
    const tg_environment_t *environment;
    const tg_signing_key_t *keys;
    size_t n_keys;
    tg_key_of_fn pub;
    void *ctx;
    tg_ms_t now; /* for the state of the keys alone */
} tg_verifier_t;

/* Views into `claims`, `kid` into the arena. */
typedef struct {
    tg_claims_t claims;
    tg_client_kind_t client_kind;
    tg_str_t client_id, subject, scope, kid;
    bool has_scope;
    uint64_t generation;
    uint64_t user_generation;                  /* tg_ugen; 0: there is none */
    tg_ms_t issued_at, not_before, expires_at; /* expires_at 0: no exp */
    uint8_t jti[TG_REVOCATION_LEN];
    bool has_family; /* tg_fam */
    uint8_t family[TG_FAMILY_LEN];
} tg_jwt_t;

/* `typ` without "application/" (RFC 9068 4). Call tg_jwt_release whatever the verdict. */
tg_token_verdict_t tg_jwt_take_apart(tg_str_t token, tg_str_t typ, const tg_verifier_t *v, tg_arena_t *a,
                                     tg_jwt_t *jwt);
void tg_jwt_release(tg_jwt_t *jwt);

/* The claims of a provider in a payload: in an object tg_claims (refresh), or beside it where it lists names (access).
 */
tg_err_t tg_jwt_claims_read(const json_t *payload, tg_arena_t *a, tg_metadata_entry_t **claims,
                            size_t *n) TG_MUST_CHECK;

/* The text itself only if it fits. `scope` is of at most TG_SCOPE_MAX bytes. */
void tg_facts_scope_set(tg_token_facts_t *f, bool has_scope, tg_str_t scope);

#endif
