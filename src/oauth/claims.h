/*
 * The claims that a JWT of ours is judged by, as they stand in its payload; nothing is judged here. Internal to the
 * oauth room.
 */
#ifndef TG_OAUTH_CLAIMS_H
#define TG_OAUTH_CLAIMS_H

#include "base/clock.h"
#include "base/json.h"

typedef struct {
    bool there;
    bool is_text;
    tg_str_t text; /* "" unless it is a string */
    tg_ms_t date;  /* a NumericDate (RFC 7519 2) of 0 to 2^53 in milliseconds; -1: it is none */
} tg_claim_t;

typedef struct {
    tg_claim_t iss, sub, aud, client_id, jti, scope, tg_gen, tg_ugen, tg_fam, tg_bucket, tg_roles, iat, nbf, exp;
    json_t *json; /* owns the texts, unless they point into the payload */
} tg_claims_t;

/* TG_ERR_INVALID: not a JSON object within the bounds of token payloads, or a name stands twice; TG_ERR_NOMEM. The
 * texts borrow from the payload and from *out. */
tg_err_t tg_claims_parse(tg_str_t payload, tg_claims_t *out) TG_MUST_CHECK;
void tg_claims_release(tg_claims_t *c);

#endif
