#include "oauth/check.h"

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
    [TG_TOKEN_UNAVAILABLE] = "unavailable",
};

const char *tg_token_verdict_name(tg_token_verdict_t v) {
    return (size_t)v < sizeof(verdict_names) / sizeof(verdict_names[0]) ? verdict_names[v] : "?";
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
    f->scope_len = (uint16_t)r->scope.n;
    f->generation = r->generation;
    f->epoch = r->epoch;
    f->issued_at = r->issued_at;
    f->expires_at = r->access_expires_at;
    f->ended = r->ended_at != 0;
    f->environment_id = r->environment_id;
    f->epoch_id = tg_epoch_id(r->client_kind, r->client_id, r->subject);
    return TG_TOKEN_OK;
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

static bool client_is_live(const tg_live_client_t *client, tg_client_kind_t kind, tg_ms_t now) {
    return client->exists && client->enabled && client->kind == kind &&
           (client->expires_at == 0 || client->expires_at > now);
}

tg_token_verdict_t tg_token_check(const tg_token_facts_t *f, const tg_deployed_proxy_t *p,
                                  const tg_live_client_t *client, const tg_check_now_t *at) {
    if (!client_is_live(client, f->client_kind, at->now)) {
        return TG_TOKEN_CLIENT;
    }
    if (p->policy == NULL || f->type != p->policy->type) {
        return TG_TOKEN_TYPE;
    }
    if (client->kind != TG_CLIENT_APPLICATION || client->key_id != p->key_id) {
        return TG_TOKEN_AUDIENCE;
    }
    if (f->generation != client->generation) {
        return TG_TOKEN_GENERATION;
    }
    return f->type == TG_TOKEN_JWT ? jwt_check(f, at) : opaque_check(f, at);
}
