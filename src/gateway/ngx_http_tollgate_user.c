
/*
 * The user of a password grant: a credential of the client's project.  Whoever
 * fails gets one answer at one time, so that users cannot be told apart.
 */


#include "ngx_http_tollgate_endpoints.h"


static void ngx_http_tollgate_user_verify(ngx_http_tollgate_token_t *t,
    ngx_int_t rc);
static void ngx_http_tollgate_user_argon_done(ngx_http_tollgate_token_t *t,
    ngx_int_t rc);
static void ngx_http_tollgate_user_decide(ngx_http_tollgate_token_t *t,
    tg_client_verdict_t verdict);


void
ngx_http_tollgate_user_find(ngx_http_tollgate_token_t *t)
{
    if (ngx_http_tollgate_failures_check(t, TG_CLIENT_CREDENTIAL,
                                         t->asked.username)
        != NGX_OK)
    {
        t->ctx->verdict = tg_str(tg_client_verdict_name(TG_CLIENT_LIMIT));
        ngx_http_tollgate_token_delayed(t, TG_OAUTH_SLOW_DOWN, NULL);
        return;
    }

    ngx_http_tollgate_principal_find(t, &t->user, TG_CLIENT_CREDENTIAL,
                                     t->asked.username, 1,
                                     ngx_http_tollgate_user_verify);
}


static void
ngx_http_tollgate_user_verify(ngx_http_tollgate_token_t *t, ngx_int_t rc)
{
    tg_client_verdict_t  verdict;

    if (rc != NGX_OK) {
        ngx_http_tollgate_token_refused(t, TG_OAUTH_SERVER_ERROR,
                                "The user cannot be looked up; try again.");
        return;
    }

    verdict = tg_user_verify(ngx_http_tollgate_main->keyring, &t->client.live,
                             &t->user.live, &t->asked,
                             ngx_http_tollgate_now_ms());

    if (verdict == TG_CLIENT_NEEDS_ARGON2) {
        ngx_http_tollgate_argon(t, &t->user.live, t->asked.username,
                                t->asked.password,
                                ngx_http_tollgate_user_argon_done);
        return;
    }

    ngx_http_tollgate_user_decide(t, verdict);
}


static void
ngx_http_tollgate_user_argon_done(ngx_http_tollgate_token_t *t, ngx_int_t rc)
{
    tg_client_verdict_t  verdict;

    verdict = TG_CLIENT_UNAVAILABLE;

    if (rc != NGX_ERROR) {
        verdict = tg_client_verify_known(&t->user.live, rc == NGX_OK,
                                         ngx_http_tollgate_now_ms());
    }

    ngx_http_tollgate_user_decide(t, verdict);
}


static void
ngx_http_tollgate_user_decide(ngx_http_tollgate_token_t *t,
    tg_client_verdict_t verdict)
{
    const tg_details_t  *d;

    if (t->user.live.exists) {
        t->ctx->user = t->asked.username;
    }

    if (verdict == TG_CLIENT_OK && !ngx_http_tollgate_user_may_come(t)) {
        verdict = TG_CLIENT_ADDRESS;
    }

    if (verdict == TG_CLIENT_OK) {
        t->plan.user_generation = t->user.live.generation;

        /* roles of users of a provider are looked for in their tokens */

        d = &t->user.details->details;
        ngx_http_tollgate_grant_scope(t, d->roles, d->n_roles,
                                      d->identity_provider.n != 0);
        return;
    }

    t->ctx->verdict = tg_str(tg_client_verdict_name(verdict));

    if (verdict == TG_CLIENT_UNAVAILABLE) {
        ngx_http_tollgate_token_refused(t, TG_OAUTH_SERVER_ERROR,
                                        "The service is busy; try again.");
        return;
    }

    ngx_http_tollgate_failures_add(t, TG_CLIENT_CREDENTIAL,
                                   t->asked.username);
    ngx_http_tollgate_token_delayed(t, TG_OAUTH_INVALID_GRANT,
                                    "The user's name or password is wrong.");
}


/* Users are credentials, whose lists always count below /credential. */

ngx_uint_t
ngx_http_tollgate_user_may_come(ngx_http_tollgate_token_t *t)
{
    return (t->kind == TG_CLIENT_APPLICATION
            && !t->policy->token.check_client_ip)
           || ngx_http_tollgate_principal_may_come(t, &t->user);
}
