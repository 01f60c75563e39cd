#include "oauth/regenerate.h"

#include "oauth/authorization.h"
#include "oauth/client_request.h"

static tg_oauth_error_t refuse(tg_oauth_error_t e, const char *text, const char **why) {
    *why = text;
    return e;
}

tg_oauth_error_t tg_regenerate_request_parse(const tg_oauth_input_t *in, tg_arena_t *a, tg_regenerate_request_t *out,
                                             const char **why) {
    tg_str_t ignored;
    *out = (tg_regenerate_request_t){.token = TG_STR_NONE};
    *why = "";
    if (tg_authorization_is(in->authorization, TG_STR("Basic"), &ignored)) {
        return refuse(TG_OAUTH_INVALID_REQUEST,
                      "the Authorization header carries the access token here, the body the client", why);
    }
    tg_oauth_error_t e = tg_client_request_parse(in, TG_STR("access_token"), a, &out->asked, why);
    if (e == TG_OAUTH_OK && tg_bearer_find(in->authorization, in->n_authorization, &out->token) != TG_TOKEN_OK) {
        out->token = TG_STR_NONE;
    }
    return e;
}

tg_oauth_error_t tg_regenerate_decide(const tg_regenerate_request_t *req, const tg_live_client_t *client,
                                      const tg_policy_t *policy, const char **why) {
    *why = "";
    if (req->token.n == 0) {
        return refuse(TG_OAUTH_INVALID_REQUEST, "the access token is missing: Authorization: Bearer", why);
    }
    if (!tg_policy_issues(policy, client)) {
        return refuse(TG_OAUTH_UNAUTHORIZED_CLIENT, "no policy issues tokens for this client here", why);
    }
    if (policy->type != TG_TOKEN_JWT) {
        return refuse(TG_OAUTH_UNAUTHORIZED_CLIENT, "the policy of this client is for opaque tokens", why);
    }
    if (!policy->regenerate) {
        return refuse(TG_OAUTH_UNAUTHORIZED_CLIENT, "regeneration is not open for this client", why);
    }
    return TG_OAUTH_OK;
}

tg_err_t tg_regenerate(const tg_token_facts_t *facts, bool has_scope, tg_str_t scope, const tg_live_client_t *client,
                       const tg_policy_t *policy, int64_t environment_id, const uint8_t random[64], tg_ms_t now,
                       tg_pair_t *out) {
    const tg_token_settings_t *t = &policy->token;
    const tg_grant_plan_t plan = {.type = TG_TOKEN_JWT,
                                  .alg = tg_alg_parse(t->jwt_algorithm),
                                  .client_kind = facts->client_kind,
                                  .client_id = tg_strn(facts->client_id, facts->client_id_len),
                                  .subject = tg_strn(facts->subject, facts->subject_len),
                                  .has_scope = has_scope,
                                  .scope = scope,
                                  .generation = client->generation,
                                  .user_generation = facts->user_generation,
                                  .expires_in = t->never_expires ? 0 : t->expires_in};
    if (plan.alg == TG_ALG_NONE_SUCH || facts->type != TG_TOKEN_JWT || facts->generation != client->generation ||
        (!t->never_expires && t->expires_in < 1)) {
        return TG_ERR_BUG;
    }
    tg_policy_t without_refresh = *policy;
    without_refresh.token.refresh_allowed = false;
    tg_err_t err = tg_pair_acquire(&plan, &without_refresh, environment_id, random, facts->family, now, out);
    out->has_family = facts->has_family;
    return err;
}
