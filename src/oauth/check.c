#include "oauth/check.h"

#include "model/method.h"
#include "oauth/jwt.h"
#include "oauth/principal.h"

static const char *const verdict_names[] = {
    [TG_TOKEN_OK] = "ok",
    [TG_TOKEN_NONE] = "none",
    [TG_TOKEN_MANY] = "many",
    [TG_TOKEN_MALFORMED] = "malformed",
    [TG_TOKEN_SIGNATURE] = "signature",
    [TG_TOKEN_KEY] = "key",
    [TG_TOKEN_TYPE] = "type",
    [TG_TOKEN_EXPIRED] = "expired",
    [TG_TOKEN_NOT_YET] = "not_yet",
    [TG_TOKEN_ISSUER] = "issuer",
    [TG_TOKEN_AUDIENCE] = "audience",
    [TG_TOKEN_CLIENT] = "client",
    [TG_TOKEN_GENERATION] = "generation",
    [TG_TOKEN_ENDED] = "ended",
    [TG_TOKEN_ENVIRONMENT] = "environment",
    [TG_TOKEN_EPOCH] = "epoch",
    [TG_TOKEN_UNKNOWN] = "unknown",
    [TG_TOKEN_USER] = "user",
    [TG_TOKEN_ACCESS] = "access",
    [TG_TOKEN_METHOD] = "method",
    [TG_TOKEN_ROLE] = "role",
    [TG_TOKEN_ADDRESS] = "address",
    [TG_TOKEN_LIMIT] = "limit",
    [TG_TOKEN_UNAVAILABLE] = "unavailable",
};

const char *tg_token_verdict_name(tg_token_verdict_t v) {
    return (size_t)v < sizeof(verdict_names) / sizeof(verdict_names[0]) ? verdict_names[v] : "?";
}

void tg_facts_scope_set(tg_token_facts_t *f, bool has_scope, tg_str_t scope) {
    f->has_scope = has_scope;
    f->scope_len = (uint16_t)scope.n;
    if (scope.n > 0 && scope.n <= sizeof(f->scope)) {
        memcpy(f->scope, scope.p, scope.n);
    }
}

tg_token_verdict_t tg_record_prove(const tg_record_t *r, tg_token_facts_t *f) {
    *f = (tg_token_facts_t){0};
    if (r->client_id.n == 0 || r->client_id.n > sizeof(f->client_id) || r->subject.n == 0 ||
        r->subject.n > sizeof(f->subject) || r->scope.n > TG_SCOPE_MAX) {
        return TG_TOKEN_UNKNOWN;
    }
    f->type = TG_TOKEN_OPAQUE;
    f->client_kind = r->client_kind;
    memcpy(f->client_id, r->client_id.p, r->client_id.n);
    f->client_id_len = (uint16_t)r->client_id.n;
    memcpy(f->subject, r->subject.p, r->subject.n);
    f->subject_len = (uint16_t)r->subject.n;
    tg_facts_scope_set(f, r->has_scope, r->scope);
    f->generation = r->generation;
    f->user_generation = r->user_generation;
    f->epoch = r->epoch;
    f->issued_at = r->issued_at;
    f->expires_at = r->access_expires_at;
    f->ended = r->ended_at != 0;
    f->environment_id = r->environment_id;
    f->epoch_id = tg_epoch_id(r->client_kind, r->client_id, r->subject);
    return TG_TOKEN_OK;
}

bool tg_facts_have_user(const tg_token_facts_t *f) {
    return f->user_generation != 0 ||
           !tg_str_eq(tg_strn(f->subject, f->subject_len), tg_strn(f->client_id, f->client_id_len));
}

static tg_token_verdict_t jwt_check(const tg_token_facts_t *f, const tg_check_now_t *at) {
    tg_ms_t leeway = at->leeway_s * TG_SECOND_MS;
    if (!at->key_usable) {
        return TG_TOKEN_KEY;
    }
    if (!at->unrevoked) {
        return TG_TOKEN_ENDED;
    }
    /* RFC 7519 4.1.4: "on or after" exp; 4.1.5: "before" nbf. */
    if (f->expires_at != 0 && f->expires_at + leeway <= at->now) {
        return TG_TOKEN_EXPIRED;
    }
    return f->not_before > at->now + leeway ? TG_TOKEN_NOT_YET : TG_TOKEN_OK;
}

static tg_token_verdict_t opaque_check(const tg_token_facts_t *f, const tg_check_now_t *at) {
    if (at->environment_id == 0 || f->environment_id != at->environment_id) {
        return TG_TOKEN_ENVIRONMENT;
    }
    if (f->ended) {
        return TG_TOKEN_ENDED;
    }
    if (f->epoch < at->epoch) {
        return TG_TOKEN_EPOCH;
    }
    return f->expires_at != 0 && f->expires_at <= at->now ? TG_TOKEN_EXPIRED : TG_TOKEN_OK;
}

tg_token_verdict_t tg_token_alive(const tg_token_facts_t *f, const tg_live_client_t *client,
                                  const tg_live_client_t *user, const tg_check_now_t *at) {
    if (!tg_client_is_live(client, f->client_kind, at->now)) {
        return TG_TOKEN_CLIENT;
    }
    if (f->generation != client->generation) {
        return TG_TOKEN_GENERATION;
    }
    if (!tg_user_is_live(user, f->user_generation, client, at->now)) {
        return TG_TOKEN_USER;
    }
    return f->type == TG_TOKEN_JWT ? jwt_check(f, at) : opaque_check(f, at);
}

/* ---- what it opens ---- */

static bool is_of_kind(const tg_token_facts_t *f, const tg_live_client_t *client, tg_client_kind_t kind) {
    return f->client_kind == kind && client->kind == kind;
}

/* HEAD asks for what GET gives, but for the body (RFC 9110 9.3.2): a row that leaves GET out leaves out both. */
static bool access_leaves_out(const tg_access_t *access, uint32_t method) {
    if (method == tg_method_bit(TG_STR("HEAD"))) {
        method |= tg_method_bit(TG_STR("GET"));
    }
    return method != 0 ? (access->disallowed & method) != 0 : access->disallowed != 0;
}

static tg_token_verdict_t access_check(const tg_access_t *access, uint32_t method, tg_ms_t now) {
    if (access == NULL || !access->allowed || (access->expires_at != 0 && access->expires_at <= now)) {
        return TG_TOKEN_ACCESS;
    }
    return access_leaves_out(access, method) ? TG_TOKEN_METHOD : TG_TOKEN_OK;
}

tg_token_verdict_t tg_token_opens(const tg_token_facts_t *f, const tg_deployed_proxy_t *p,
                                  const tg_live_client_t *client, const tg_access_t *access, uint32_t method,
                                  tg_ms_t now) {
    if (p->policy == NULL || p->policy->managed_from_policy) {
        return p->policy == NULL ? TG_TOKEN_TYPE : tg_token_is_of(f, p->policy, p->key_id, client);
    }
    if (f->type != p->policy->type) {
        return TG_TOKEN_TYPE;
    }
    if (!is_of_kind(f, client, TG_CLIENT_CREDENTIAL) || !tg_client_is_credential_of(client, p->project_id)) {
        return TG_TOKEN_AUDIENCE;
    }
    return access_check(access, method, now);
}

tg_token_verdict_t tg_token_is_of(const tg_token_facts_t *f, const tg_policy_t *policy, int64_t key_id,
                                  const tg_live_client_t *client) {
    if (policy != NULL && f->type != policy->type) {
        return TG_TOKEN_TYPE;
    }
    bool by_policy = policy == NULL || policy->managed_from_policy;
    bool is_its = is_of_kind(f, client, policy != NULL ? TG_CLIENT_APPLICATION : TG_CLIENT_CREDENTIAL);
    return is_its && by_policy && client->key_id == key_id ? TG_TOKEN_OK : TG_TOKEN_AUDIENCE;
}
