#include "oauth/refresh.h"

#include "keyring/keyring.h"

_Static_assert(TG_HASH_LEN == TG_OPAQUE_RANDOM, "what is derived serves as the random bits of a token");

/* ---- lives ---- */

static tg_ms_t later(tg_ms_t a, tg_ms_t b) {
    return a > b ? a : b;
}

static tg_ms_t pair_end(const tg_pair_t *p) {
    return later(p->record.access_expires_at, p->record.refresh_expires_at);
}

/* A token that refreshes n times, each time as late as it can, and what it gave last. No overflow: a count of 10^6 and
 * lives of 100 years stay below 2^62 ms. */
static tg_ms_t family_refresh_end(const tg_pair_t *p) {
    return p->issued_at + (p->record.refresh_left + (tg_ms_t)1) * (p->record.refresh_expires_at - p->issued_at);
}

static tg_ms_t family_end(const tg_pair_t *p) {
    tg_ms_t last = p->issued_at + p->record.refresh_left * (p->record.refresh_expires_at - p->issued_at);
    return later(family_refresh_end(p), last + p->plan.expires_in * TG_SECOND_MS);
}

/* A record is still asked for when the last refresh in time is repeated. */
static tg_bucket_t bucket_of(const tg_pair_t *p, tg_ms_t end) {
    if (end == 0 || end - p->issued_at + TG_REFRESH_GRACE_MS > TG_OPAQUE_AHEAD_MAX) {
        return tg_bucket_for(p->issued_at, 0);
    }
    return tg_bucket_for(p->issued_at, p->has_refresh ? end + TG_REFRESH_GRACE_MS : end);
}

/* Everything but names, bucket and family. */
static tg_err_t pair_init(tg_pair_t *p, const tg_grant_plan_t *plan, bool has_refresh, const tg_token_settings_t *t,
                          int64_t environment_id, tg_ms_t now) {
    bool jwt = plan->type == TG_TOKEN_JWT;
    if (plan->client_id.n > TG_CLIENT_ID_MAX || plan->subject.n > TG_SUBJECT_MAX || plan->scope.n > TG_SCOPE_MAX) {
        return TG_ERR_LIMIT;
    }
    if (has_refresh && (plan->expires_in < 1 || t->refresh_expires_in < 1)) {
        return TG_ERR_BUG;
    }
    *p = (tg_pair_t){.plan = *plan,
                     .issued_at = jwt ? now - now % TG_SECOND_MS : now,
                     .has_refresh = has_refresh,
                     .has_record = !jwt || has_refresh};
    p->record = (tg_record_t){.has_refresh = has_refresh,
                              .environment_id = environment_id,
                              .client_kind = plan->client_kind,
                              .client_id = plan->client_id,
                              .subject = plan->subject,
                              .scope = plan->scope,
                              .has_scope = plan->has_scope,
                              .generation = plan->generation,
                              .user_generation = plan->user_generation,
                              .issued_at = p->issued_at};
    if (plan->expires_in > 0) {
        p->record.access_expires_at = p->issued_at + plan->expires_in * TG_SECOND_MS;
    }
    if (has_refresh) {
        p->record.refresh_expires_at = p->issued_at + t->refresh_expires_in * TG_SECOND_MS;
        p->refresh_ends_at = p->record.refresh_expires_at;
    }
    return TG_OK;
}

/* ---- names: the tokens' own bits, and what the store knows them by ---- */

static tg_err_t opaque_name(tg_opaque_kind_t kind, tg_bucket_t bucket, const uint8_t bits[TG_OPAQUE_RANDOM],
                            char token[TG_OPAQUE_LEN], uint8_t hash[32]) {
    tg_opaque_write(kind, bucket, bits, token);
    return tg_sha256(tg_strn(token, TG_OPAQUE_LEN), hash);
}

static tg_err_t access_name(tg_pair_t *p, const uint8_t bits[TG_OPAQUE_RANDOM]) {
    if (p->plan.type == TG_TOKEN_OPAQUE) {
        return opaque_name(TG_OPAQUE_ACCESS, p->record.bucket, bits, p->access, p->record.hash);
    }
    memcpy(p->jti, bits, sizeof(p->jti));
    return tg_jti_hash(TG_OPAQUE_ACCESS, p->jti, p->record.hash);
}

static tg_err_t refresh_name(tg_pair_t *p, const uint8_t bits[TG_OPAQUE_RANDOM]) {
    if (p->plan.type == TG_TOKEN_OPAQUE) {
        return opaque_name(TG_OPAQUE_REFRESH, p->record.bucket, bits, p->refresh, p->record.refresh_hash);
    }
    memcpy(p->refresh_jti, bits, sizeof(p->refresh_jti));
    return tg_jti_hash(TG_OPAQUE_REFRESH, p->refresh_jti, p->record.refresh_hash);
}

static tg_err_t refresh_name_keep(tg_pair_t *p, const tg_refresh_token_t *presented) {
    p->same_refresh = true;
    p->refresh_ends_at = presented->expires_at;
    memcpy(p->record.refresh_hash, presented->hash, sizeof(p->record.refresh_hash));
    memcpy(p->refresh_jti, presented->jti, sizeof(p->refresh_jti));
    if (p->plan.type != TG_TOKEN_OPAQUE) {
        return TG_OK;
    }
    if (presented->token.n != TG_OPAQUE_LEN) {
        return TG_ERR_BUG;
    }
    memcpy(p->refresh, presented->token.p, TG_OPAQUE_LEN);
    return TG_OK;
}

/* What the token presented derives from; a JWT's signature need not be the same each time. */
static tg_str_t seed_of(const tg_refresh_token_t *presented) {
    return presented->jwt ? tg_strn(presented->jti, sizeof(presented->jti)) : presented->token;
}

static tg_err_t names_derive(const tg_keyring_t *k, const tg_refresh_token_t *presented, tg_pair_t *p) {
    uint8_t bits[TG_HASH_LEN];
    tg_err_t err = tg_refresh_derive(k, TG_STR("access"), seed_of(presented), bits);
    if (err == TG_OK) {
        err = access_name(p, bits);
    }
    if (err == TG_OK) {
        err = tg_refresh_derive(k, TG_STR("refresh"), seed_of(presented), bits);
    }
    if (err == TG_OK) {
        err = refresh_name(p, bits);
    }
    tg_wipe(bits, sizeof(bits));
    return err;
}

/* Rotation off: each refresh of one token is another one. */
static tg_err_t access_derive_apart(const tg_keyring_t *k, const tg_refresh_token_t *presented,
                                    const uint8_t random[64], tg_pair_t *p) {
    char seed[TG_OPAQUE_LEN + 64];
    uint8_t bits[TG_HASH_LEN];
    tg_str_t token = seed_of(presented);
    if (token.n > TG_OPAQUE_LEN) {
        return TG_ERR_BUG;
    }
    memcpy(seed, token.p, token.n);
    memcpy(seed + token.n, random, 64);
    tg_err_t err = tg_refresh_derive(k, TG_STR("access"), tg_strn(seed, token.n + 64), bits);
    if (err == TG_OK) {
        err = access_name(p, bits);
    }
    tg_wipe(seed, sizeof(seed));
    tg_wipe(bits, sizeof(bits));
    return err;
}

/* ---- acquire, succeed, repeat ---- */

tg_err_t tg_pair_acquire(const tg_grant_plan_t *plan, const tg_policy_t *policy, int64_t environment_id,
                         const uint8_t random[64], const uint8_t family[TG_FAMILY_LEN], tg_ms_t now, tg_pair_t *out) {
    const tg_token_settings_t *t = &policy->token;
    tg_err_t err = pair_init(out, plan, t->refresh_allowed && !t->never_expires, t, environment_id, now);
    if (err != TG_OK) {
        return err;
    }
    tg_ms_t end = pair_end(out);
    memcpy(out->record.family, family, TG_FAMILY_LEN);
    if (out->has_refresh) {
        out->record.refresh_left = (int32_t)t->refresh_count;
    }
    if (out->has_refresh && !t->refresh_rotation) {
        out->refresh_ends_at = family_refresh_end(out);
        end = family_end(out);
    }
    out->record.bucket = bucket_of(out, end);
    err = access_name(out, random);
    return err == TG_OK && out->has_refresh ? refresh_name(out, random + TG_OPAQUE_RANDOM) : err;
}

static tg_grant_plan_t plan_of(const tg_record_t *r, const tg_policy_t *policy, int64_t expires_in) {
    return (tg_grant_plan_t){.type = policy->type,
                             .alg = policy->type == TG_TOKEN_JWT ? tg_alg_parse(policy->token.jwt_algorithm) : 0,
                             .client_kind = r->client_kind,
                             .client_id = r->client_id,
                             .subject = r->subject,
                             .has_scope = r->has_scope,
                             .scope = r->scope,
                             .generation = r->generation,
                             .user_generation = r->user_generation,
                             .expires_in = expires_in};
}

static void record_follow(tg_record_t *r, const tg_record_t *old) {
    r->epoch = old->epoch;
    r->refresh_left = old->refresh_left - 1;
    r->refresh_used = old->refresh_used + 1;
    memcpy(r->family, old->family, sizeof(r->family));
    r->has_predecessor = true;
    memcpy(r->predecessor, old->hash, sizeof(r->predecessor));
    r->predecessor_bucket = old->bucket;
}

/* The token presented can go on: nothing of the new pair outlives what its own bytes say. */
static bool token_covers(const tg_refresh_token_t *presented, const tg_pair_t *p) {
    return pair_end(p) <= tg_bucket_end(presented->bucket) &&
           (!presented->jwt || p->record.refresh_expires_at <= presented->expires_at);
}

tg_err_t tg_pair_succeed(const tg_keyring_t *k, const tg_refresh_token_t *presented, const tg_record_t *old,
                         const tg_token_request_t *req, const tg_live_client_t *client, const tg_policy_t *policy,
                         const uint8_t random[64], tg_ms_t now, tg_pair_t *out) {
    const tg_token_settings_t *t = &policy->token;
    if (old->refresh_left < 1 || old->generation != client->generation ||
        presented->jwt != (policy->type == TG_TOKEN_JWT)) {
        return TG_ERR_BUG;
    }
    tg_grant_plan_t plan = plan_of(old, policy, t->expires_in);
    if (req->has_scope) {
        plan.has_scope = true;
        plan.scope = req->scope;
    }
    tg_err_t err = pair_init(out, &plan, true, t, old->environment_id, now);
    if (err != TG_OK) {
        return err;
    }
    record_follow(&out->record, old);
    if (!t->refresh_rotation && token_covers(presented, out)) {
        out->record.bucket = presented->bucket;
        err = refresh_name_keep(out, presented);
        return err == TG_OK ? access_derive_apart(k, presented, random, out) : err;
    }
    out->record.bucket = bucket_of(out, pair_end(out));
    return names_derive(k, presented, out);
}

tg_err_t tg_pair_repeat(const tg_keyring_t *k, const tg_refresh_token_t *presented, const tg_record_t *successor,
                        const tg_policy_t *policy, tg_pair_t *out) {
    if (successor->ended_at != 0 && !successor->has_successor) {
        return TG_ERR_NOTFOUND;
    }
    if (presented->jwt != (policy->type == TG_TOKEN_JWT)) {
        return TG_ERR_BUG;
    }
    int64_t life = (successor->access_expires_at - successor->issued_at) / TG_SECOND_MS;
    *out = (tg_pair_t){.plan = plan_of(successor, policy, life),
                       .issued_at = successor->issued_at,
                       .has_refresh = true,
                       .refresh_ends_at = successor->refresh_expires_at,
                       .record = *successor};
    tg_err_t err = names_derive(k, presented, out);
    if (err != TG_OK) {
        return err;
    }
    /* A tombstone has no refresh hash if its token went on (rotation turned off since). */
    bool same = tg_secret_eq(out->record.hash, successor->hash, sizeof(successor->hash)) &&
                (!successor->has_refresh ||
                 tg_secret_eq(out->record.refresh_hash, successor->refresh_hash, sizeof(successor->refresh_hash)));
    return same ? TG_OK : TG_ERR_BUG;
}
