#include "oauth/refresh.h"

#include "oauth/principal.h"
#include "oauth/scope.h"

#define LEEWAY_MAX (300 * TG_SECOND_MS) /* of an environment */

static const char unknown[] = "the refresh token is unknown, expired or revoked";

static tg_refresh_decision_t deny(tg_oauth_error_t e, const char *why) {
    return (tg_refresh_decision_t){.action = TG_REFRESH_DENY, .error = e, .why = why};
}

/* RFC 6749 6: the scope asked for must not include any that was not granted. */
static bool scope_is_within(tg_str_t asked, tg_str_t granted) {
    while (asked.n > 0) {
        if (!tg_scope_has(granted, tg_str_take(&asked, ' '))) {
            return false;
        }
    }
    return true;
}

/* RFC 6749 6, 10.4: a refresh token is good for the client that it was issued to. */
static bool record_is_clients(const tg_record_t *r, const tg_token_request_t *req, const tg_live_client_t *client,
                              int64_t environment_id) {
    return client->exists && client->enabled && r->has_refresh && r->environment_id == environment_id &&
           r->client_kind == client->kind && tg_str_eq(r->client_id, req->client_id) &&
           r->generation == client->generation;
}

static bool type_is_policys(tg_str_t token, const tg_policy_t *policy) {
    return tg_opaque_has_prefix(token) == (policy->type == TG_TOKEN_OPAQUE);
}

static bool is_expired(const tg_record_t *r, tg_ms_t now) {
    if (r->has_successor && now < r->ended_at + TG_REFRESH_GRACE_MS) {
        return false; /* the refresh was in time; this is its repeat */
    }
    return r->refresh_expires_at <= now;
}

static bool is_reused(const tg_record_t *r, tg_ms_t now) {
    return r->has_successor && r->successor_used_at != 0 && r->successor_used_at + TG_REFRESH_GRACE_MS <= now;
}

static tg_refresh_decision_t record_decide(const tg_token_request_t *req, const tg_record_t *r, tg_ms_t now) {
    if ((r->ended_at != 0 && !r->has_successor) || is_expired(r, now)) {
        return deny(TG_OAUTH_INVALID_GRANT, unknown);
    }
    if (is_reused(r, now)) {
        return (tg_refresh_decision_t){TG_REFRESH_FAMILY, TG_OAUTH_INVALID_GRANT, unknown, false};
    }
    if (!r->has_successor && r->refresh_left < 1) {
        return deny(TG_OAUTH_INVALID_GRANT, "the refresh token is used up: no refresh is left");
    }
    if (req->has_scope && !scope_is_within(req->scope, r->has_scope ? r->scope : TG_STR_NONE)) {
        return deny(TG_OAUTH_INVALID_SCOPE, "the requested scope is wider than what was granted");
    }
    return (tg_refresh_decision_t){r->has_successor ? TG_REFRESH_REPEAT : TG_REFRESH_WRITE, TG_OAUTH_OK, "", false};
}

tg_refresh_decision_t tg_refresh_decide(const tg_token_request_t *req, const tg_live_client_t *client,
                                        const tg_live_client_t *user, const tg_policy_t *policy,
                                        const tg_record_t *record, int64_t environment_id, int64_t epoch, tg_ms_t now) {
    if (!tg_policy_issues(policy, client) || !policy->token.refresh_allowed) {
        return deny(TG_OAUTH_UNAUTHORIZED_CLIENT, "refresh is not open for this client");
    }
    if (record == NULL || !record_is_clients(record, req, client, environment_id) || record->epoch < epoch) {
        return deny(TG_OAUTH_INVALID_GRANT, unknown);
    }
    if (!tg_user_is_live(user, record->user_generation, client, now)) {
        return deny(TG_OAUTH_INVALID_GRANT, unknown);
    }
    if (!type_is_policys(req->refresh_token, policy)) {
        return deny(TG_OAUTH_INVALID_GRANT, "the tokens of this client are of another type now");
    }
    tg_refresh_decision_t d = record_decide(req, record, now);
    d.used = record->has_predecessor && record->ended_at == 0 && !is_expired(record, now);
    return d;
}

tg_ms_t tg_family_until(const tg_record_t *record, const tg_policy_t *policy, tg_ms_t now) {
    tg_ms_t life = record->access_expires_at - record->issued_at;
    tg_ms_t current = policy == NULL ? 0 : policy->token.expires_in * TG_SECOND_MS;
    return now + (life > current ? life : current) + LEEWAY_MAX;
}
