
/*
 * A new access JWT for one that is still good: the same check as at a proxied
 * API, and the way of an issue from there on.
 */


#include "ngx_http_tollgate_endpoints.h"


static ngx_uint_t ngx_http_tollgate_regenerate_is_blind(
    ngx_http_tollgate_token_t *t);
static void ngx_http_tollgate_regenerate_decided(ngx_http_tollgate_token_t *t,
    tg_token_verdict_t verdict);
static void ngx_http_tollgate_regenerate_told(ngx_http_tollgate_token_t *t,
    ngx_int_t rc);
static void ngx_http_tollgate_regenerate_answer(
    ngx_http_tollgate_token_t *t);
static ngx_int_t ngx_http_tollgate_regenerate_make(
    ngx_http_tollgate_token_t *t);
static ngx_int_t ngx_http_tollgate_regenerate_keep(
    ngx_http_tollgate_token_t *t);


void
ngx_http_tollgate_regenerate(ngx_http_tollgate_token_t *t)
{
    const char          *why;
    tg_oauth_error_t     error;
    tg_token_verdict_t   verdict;

    error = tg_regenerate_decide(&t->regenerate, &t->client.live, t->policy,
                                 &why);

    if (error != TG_OAUTH_OK) {
        ngx_http_tollgate_token_refused(t, error, why);
        return;
    }

    t->arena.max += 64 * 1024;

    verdict = ngx_http_tollgate_regenerate_is_blind(t)
              ? TG_TOKEN_UNAVAILABLE
              : ngx_http_tollgate_jwt_prove(t, t->regenerate.token);

    if (verdict == TG_TOKEN_OK && !ngx_http_tollgate_facts_are_own(t)) {
        verdict = TG_TOKEN_AUDIENCE;
    }

    if (verdict != TG_TOKEN_OK) {
        ngx_http_tollgate_regenerate_decided(t, verdict);
        return;
    }

    ngx_http_tollgate_facts_check(t, ngx_http_tollgate_regenerate_decided);
}


/* Whether it was revoked cannot be told now, as far as the settings care. */

static ngx_uint_t
ngx_http_tollgate_regenerate_is_blind(ngx_http_tollgate_token_t *t)
{
    const tg_environment_t  *env;

    env = &t->ctx->snapshot->snapshot.environment;

    return !ngx_http_tollgate_revocations_known()
           || (env->jwt_refuse_when_feed_lost
               && !ngx_http_tollgate_feed_is_fresh());
}


static void
ngx_http_tollgate_regenerate_decided(ngx_http_tollgate_token_t *t,
    tg_token_verdict_t verdict)
{
    if (verdict == TG_TOKEN_UNAVAILABLE) {
        ngx_http_tollgate_token_refused(t, TG_OAUTH_SERVER_ERROR, NULL);
        return;
    }

    if (verdict == TG_TOKEN_OK && t->user.details
        && !ngx_http_tollgate_user_may_come(t))
    {
        verdict = TG_TOKEN_ADDRESS;
    }

    if (verdict != TG_TOKEN_OK) {
        t->ctx->verdict = tg_str(tg_token_verdict_name(verdict));
        ngx_http_tollgate_token_refused(t, TG_OAUTH_INVALID_GRANT,
                          "the access token is invalid, expired or revoked");
        return;
    }

    if (t->policy->regenerate_provider.n) {
        ngx_http_tollgate_identity_ask(t, t->policy->regenerate_provider,
                             tg_strn(t->cached.facts.subject,
                                     t->cached.facts.subject_len),
                             1, ngx_http_tollgate_regenerate_told);
        return;
    }

    if (tg_jwt_claims_find(t->regenerate.token, &t->arena, &t->claims,
                           &t->n_claims)
        != TG_OK)
    {
        ngx_http_tollgate_token_refused(t, TG_OAUTH_SERVER_ERROR, NULL);
        return;
    }

    ngx_http_tollgate_regenerate_answer(t);
}


/* What the service says takes the place of what was told before. */

static void
ngx_http_tollgate_regenerate_told(ngx_http_tollgate_token_t *t, ngx_int_t rc)
{
    switch (rc) {

    case NGX_OK:
        ngx_http_tollgate_regenerate_answer(t);
        return;

    case NGX_DECLINED:
        ngx_http_tollgate_token_refused(t, TG_OAUTH_INVALID_GRANT,
                                        "The user is refused.");
        return;

    default:
        ngx_http_tollgate_identity_down(t);
        return;
    }
}


static void
ngx_http_tollgate_regenerate_answer(ngx_http_tollgate_token_t *t)
{
    if (ngx_http_tollgate_regenerate_make(t) != NGX_OK) {
        ngx_http_tollgate_token_refused(t, TG_OAUTH_SERVER_ERROR, NULL);
        return;
    }

    ngx_http_tollgate_pair_answer(t);
}


static ngx_int_t
ngx_http_tollgate_regenerate_make(ngx_http_tollgate_token_t *t)
{
    bool      has_scope;
    uint8_t   random[64];
    tg_err_t  err;
    tg_str_t  scope;

    if (tg_jwt_scope_find(t->regenerate.token, &t->arena, &has_scope, &scope)
        != TG_OK
        || ngx_http_tollgate_random(random, sizeof(random)) != NGX_OK)
    {
        return NGX_ERROR;
    }

    err = tg_regenerate(&t->cached.facts, has_scope, scope, &t->client.live,
                        t->policy, t->ctx->snapshot->snapshot.environment_id,
                        random, ngx_http_tollgate_now_ms(), &t->pair);
    tg_wipe(random, sizeof(random));

    return err == TG_OK ? ngx_http_tollgate_regenerate_keep(t) : NGX_ERROR;
}


/* The names are those of facts which are gone when a thread has signed. */

static ngx_int_t
ngx_http_tollgate_regenerate_keep(ngx_http_tollgate_token_t *t)
{
    tg_pair_t  *pair;

    pair = &t->pair;

    pair->plan.client_id = t->asked.client_id;

    if (!tg_arena_str(&t->arena, pair->plan.subject, &pair->plan.subject)) {
        return NGX_ERROR;
    }

    pair->record.client_id = pair->plan.client_id;
    pair->record.subject = pair->plan.subject;

    return NGX_OK;
}
