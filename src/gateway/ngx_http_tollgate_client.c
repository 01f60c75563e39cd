
/*
 * Who asks: the live client by its id, whether its secret is right, and where
 * it comes from.  Then what is asked.
 */


#include "ngx_http_tollgate_endpoints.h"


static ngx_uint_t ngx_http_tollgate_client_wants_details(
    ngx_http_tollgate_token_t *t);
static void ngx_http_tollgate_client_verify(ngx_http_tollgate_token_t *t,
    ngx_int_t rc);
static void ngx_http_tollgate_client_argon_done(ngx_http_tollgate_token_t *t,
    ngx_int_t rc);
static void ngx_http_tollgate_client_decide(ngx_http_tollgate_token_t *t,
    tg_client_verdict_t verdict);
static tg_client_verdict_t ngx_http_tollgate_client_admit(
    ngx_http_tollgate_token_t *t);
static void ngx_http_tollgate_client_known(ngx_http_tollgate_token_t *t);
static const tg_policy_t *ngx_http_tollgate_policy_asked(
    ngx_http_tollgate_token_t *t);
static void ngx_http_tollgate_grant(ngx_http_tollgate_token_t *t);


static const char  ngx_http_tollgate_down[] =
                               "The client cannot be looked up; try again.";


void
ngx_http_tollgate_client_find(ngx_http_tollgate_token_t *t,
    tg_oauth_error_t error)
{
    if (ngx_http_tollgate_failures_check(t, t->kind, t->asked.client_id)
        != NGX_OK)
    {
        t->ctx->verdict = tg_str(tg_client_verdict_name(TG_CLIENT_LIMIT));
        ngx_http_tollgate_token_delayed(t, TG_OAUTH_SLOW_DOWN, NULL);
        return;
    }

    if (error != TG_OAUTH_OK) {
        ngx_http_tollgate_client_decide(t, TG_CLIENT_NO_SECRET);
        return;
    }

    ngx_http_tollgate_principal_find(t, &t->client, t->kind,
                                     t->asked.client_id,
                                     ngx_http_tollgate_client_wants_details(t),
                                     ngx_http_tollgate_client_verify);
}


/*
 * All that is issued to a credential is in its details; an application key has
 * no more than roles there, for the tokens of its own.
 */

static ngx_uint_t
ngx_http_tollgate_client_wants_details(ngx_http_tollgate_token_t *t)
{
    return t->kind == TG_CLIENT_CREDENTIAL
           || t->asked.grant == TG_GRANT_CLIENT_CREDENTIALS;
}


/*
 * Whether its secret may be left out for what it asks.  What it revokes may be
 * of any of its policies.
 */

static bool
ngx_http_tollgate_client_is_public(ngx_http_tollgate_token_t *t)
{
    const tg_application_t  *a;

    a = t->application;

    if (t->endpoint == NGX_HTTP_TOLLGATE_EP_REVOKE) {
        return tg_secret_is_optional(a->policy, &t->asked, true)
               || tg_secret_is_optional(a->other, &t->asked, true);
    }

    return tg_secret_is_optional(ngx_http_tollgate_policy_asked(t), &t->asked,
                                 false);
}


static void
ngx_http_tollgate_client_verify(ngx_http_tollgate_token_t *t, ngx_int_t rc)
{
    bool                 optional;
    tg_client_verdict_t  verdict;

    if (rc != NGX_OK) {
        ngx_http_tollgate_token_refused(t, TG_OAUTH_SERVER_ERROR,
                                        ngx_http_tollgate_down);
        return;
    }

    if (t->kind == TG_CLIENT_APPLICATION && t->client.live.exists) {
        t->application = tg_snapshot_application(&t->ctx->snapshot->snapshot,
                                                 t->client.live.key_id);
    }

    optional = t->application && ngx_http_tollgate_client_is_public(t);

    verdict = tg_client_verify(ngx_http_tollgate_main->keyring,
                               &t->client.live, &t->asked, optional,
                               ngx_http_tollgate_now_ms());

    if (verdict == TG_CLIENT_NEEDS_ARGON2) {
        ngx_http_tollgate_argon(t, &t->client.live, t->asked.client_id,
                                t->asked.client_secret,
                                ngx_http_tollgate_client_argon_done);
        return;
    }

    ngx_http_tollgate_client_decide(t, verdict);
}


static void
ngx_http_tollgate_client_argon_done(ngx_http_tollgate_token_t *t, ngx_int_t rc)
{
    tg_client_verdict_t  verdict;

    verdict = TG_CLIENT_UNAVAILABLE;

    if (rc != NGX_ERROR) {
        verdict = tg_client_verify_known(&t->client.live, rc == NGX_OK,
                                         ngx_http_tollgate_now_ms());
    }

    ngx_http_tollgate_client_decide(t, verdict);
}


static void
ngx_http_tollgate_client_decide(ngx_http_tollgate_token_t *t,
    tg_client_verdict_t verdict)
{
    if (t->client.live.exists) {
        t->ctx->client = t->asked.client_id;
    }

    if (verdict == TG_CLIENT_OK) {
        verdict = ngx_http_tollgate_client_admit(t);
    }

    if (verdict == TG_CLIENT_OK) {
        ngx_http_tollgate_client_known(t);
        return;
    }

    t->ctx->verdict = tg_str(tg_client_verdict_name(verdict));

    if (verdict == TG_CLIENT_UNAVAILABLE) {
        ngx_http_tollgate_token_refused(t, TG_OAUTH_SERVER_ERROR,
                                        "The service is busy; try again.");
        return;
    }

    ngx_http_tollgate_failures_add(t, t->kind, t->asked.client_id);
    ngx_http_tollgate_token_delayed(t, TG_OAUTH_INVALID_CLIENT, NULL);
}


/* Its secret is right. */

static tg_client_verdict_t
ngx_http_tollgate_client_admit(ngx_http_tollgate_token_t *t)
{
    if (t->kind == TG_CLIENT_CREDENTIAL) {
        return ngx_http_tollgate_principal_may_come(t, &t->client)
               ? TG_CLIENT_OK : TG_CLIENT_ADDRESS;
    }

    return t->application ? TG_CLIENT_OK : TG_CLIENT_NOT_DEPLOYED;
}


/* Who asks is known: what is asked? */

static void
ngx_http_tollgate_client_known(ngx_http_tollgate_token_t *t)
{
    t->known = 1;

    if (t->application) {
        t->ctx->proxy = t->application->name;

        /* from here on its own settings count */

        if (ngx_http_tollgate_client_address(t->request, t->ctx->snapshot,
                                             t->application->forwarded,
                                             t->address)
            != NGX_OK)
        {
            ngx_http_tollgate_token_refused(t, TG_OAUTH_INVALID_REQUEST,
                                   "The forwarded address is malformed.");
            return;
        }
    }

    t->policy = ngx_http_tollgate_policy_asked(t);

    switch (t->endpoint) {

    case NGX_HTTP_TOLLGATE_EP_INTROSPECT:
    case NGX_HTTP_TOLLGATE_EP_REVOKE:
        ngx_http_tollgate_query(t);
        return;

    case NGX_HTTP_TOLLGATE_EP_REGENERATE:
        ngx_http_tollgate_regenerate(t);
        return;

    default:
        ngx_http_tollgate_grant(t);
        return;
    }
}


const tg_policy_t *
ngx_http_tollgate_policy_of(ngx_http_tollgate_token_t *t, tg_token_type_t type)
{
    const tg_policy_t  *policy;

    if (t->kind == TG_CLIENT_APPLICATION) {
        policy = tg_application_policy(t->application, type);

        /* whose refusal says why there are none */

        return policy ? policy : t->application->policy;
    }

    return type == TG_TOKEN_JWT ? &t->client.details->jwt
                                : &t->client.details->opaque;
}


/*
 * A credential has tokens of both types, and so may an application: the
 * endpoint says which one is wanted.  At the token endpoint a refresh token
 * speaks for itself; an application has a type of its own there.
 */

static const tg_policy_t *
ngx_http_tollgate_policy_asked(ngx_http_tollgate_token_t *t)
{
    if (t->endpoint != NGX_HTTP_TOLLGATE_EP_TOKEN) {
        return ngx_http_tollgate_policy_of(t, TG_TOKEN_JWT);
    }

    if (t->asked.grant == TG_GRANT_REFRESH && t->asked.refresh_token.n) {
        return ngx_http_tollgate_policy_of(t,
                   tg_opaque_has_prefix(t->asked.refresh_token)
                   ? TG_TOKEN_OPAQUE : TG_TOKEN_JWT);
    }

    return t->application ? t->application->policy
                          : ngx_http_tollgate_policy_of(t, TG_TOKEN_OPAQUE);
}


static void
ngx_http_tollgate_grant(ngx_http_tollgate_token_t *t)
{
    const char           *why;
    tg_oauth_error_t      error;
    tg_token_endpoint_t   endpoint;
    const tg_details_t   *d;

    endpoint = t->endpoint == NGX_HTTP_TOLLGATE_EP_JWT ? TG_ENDPOINT_JWT
                                                       : TG_ENDPOINT_TOKEN;

    error = tg_grant_decide(endpoint, &t->asked, &t->client.live, t->policy,
                            &t->plan, &why);

    if (error != TG_OAUTH_OK) {
        ngx_http_tollgate_token_refused(t, error, why);
        return;
    }

    switch (t->asked.grant) {

    case TG_GRANT_REFRESH:
        ngx_http_tollgate_refresh(t);
        return;

    case TG_GRANT_PASSWORD:

        if (tg_settings_ask_provider(&t->policy->token)) {
            ngx_http_tollgate_identity_find(t);
        } else {
            ngx_http_tollgate_user_find(t);
        }

        return;

    default:
        d = &t->client.details->details;
        ngx_http_tollgate_grant_scope(t, d->roles, d->n_roles, 0);
        return;
    }
}


void
ngx_http_tollgate_grant_scope(ngx_http_tollgate_token_t *t,
    const tg_str_t *roles, size_t n, ngx_uint_t carried)
{
    const char        *why;
    tg_oauth_error_t   error;

    t->arena.max += 2 * TG_SCOPE_MAX + 64;

    error = tg_scope_resolve(&t->ctx->snapshot->snapshot.token_management,
                             &t->asked, roles, n, &t->arena, &t->plan, &why);

    if (error == TG_OAUTH_OK && carried) {
        error = tg_scope_carry(roles, n, &t->arena, &t->plan, &why);
    }

    if (error != TG_OAUTH_OK) {
        ngx_http_tollgate_token_refused(t, error, why);
        return;
    }

    ngx_http_tollgate_issue(t);
}
