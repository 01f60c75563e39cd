
/*
 * Users that an identity provider keeps: asked at the password grant, at a
 * refresh if the provider says so, and by the regenerate service.
 */


#include "ngx_http_tollgate_endpoints.h"


static void ngx_http_tollgate_identity_told(void *data,
    ngx_http_tollgate_told_t *told);
static void ngx_http_tollgate_identity_take(ngx_http_tollgate_token_t *t,
    ngx_http_tollgate_told_t *told);
static ngx_int_t ngx_http_tollgate_identity_claims(
    ngx_http_tollgate_token_t *t);
static void ngx_http_tollgate_identity_checked(ngx_http_tollgate_token_t *t,
    ngx_int_t rc);
static void ngx_http_tollgate_identity_stands(ngx_http_tollgate_token_t *t,
    ngx_int_t rc);
static void ngx_http_tollgate_identity_wrong(ngx_http_tollgate_token_t *t);


const tg_snapshot_provider_t *
ngx_http_tollgate_identity_provider(ngx_http_tollgate_token_t *t,
    tg_str_t name)
{
    return tg_snapshot_provider(&t->ctx->snapshot->snapshot,
                                t->client.live.project_id, name);
}


void
ngx_http_tollgate_identity_ask(ngx_http_tollgate_token_t *t, tg_str_t name,
    tg_str_t username, ngx_uint_t look_up, ngx_http_tollgate_step_pt step)
{
    char                           mem[NGX_INET6_ADDRSTRLEN + 1];
    tg_buf_t                       address;
    tg_identity_question_t         q;
    ngx_http_tollgate_told_t       told;
    const tg_snapshot_provider_t  *p;

    t->step = step;
    t->retry_after = 1;

    p = ngx_http_tollgate_identity_provider(t, name);

    if (p == NULL || !p->provider.enabled) {
        t->ctx->verdict = p ? TG_STR("provider_disabled")
                            : TG_STR("provider_missing");
        step(t, NGX_ERROR);
        return;
    }

    tg_buf_init_fixed(&address, mem, sizeof(mem));
    tg_address_write(t->address, &address);

    q.username = username;
    q.password = look_up ? TG_STR_NONE : t->asked.password;
    q.client_id = t->asked.client_id;
    q.address = tg_buf_str(&address);

    if (ngx_http_tollgate_provider_ask(p, &q, look_up,
                                       ngx_http_tollgate_identity_told, t,
                                       &t->task, &told)
        == NGX_OK)
    {
        ngx_http_tollgate_identity_take(t, &told);
    }
}


static void
ngx_http_tollgate_identity_told(void *data, ngx_http_tollgate_told_t *told)
{
    ngx_connection_t           *c;
    ngx_http_tollgate_token_t  *t;

    t = data;
    c = t->request->connection;

    t->task = NULL;
    ngx_http_set_log_request(c->log, t->request);

    ngx_http_tollgate_identity_take(t, told);

    ngx_http_run_posted_requests(c);
}


/* What was told is the request's from here on. */

static void
ngx_http_tollgate_identity_take(ngx_http_tollgate_token_t *t,
    ngx_http_tollgate_told_t *told)
{
    tg_arena_release(&t->told.arena);

    t->told = *told;
    ngx_memzero(told, sizeof(ngx_http_tollgate_told_t));

    switch (t->told.result) {

    case NGX_HTTP_TOLLGATE_TOLD_OK:
    case NGX_HTTP_TOLLGATE_TOLD_CACHED:
        t->step(t, ngx_http_tollgate_identity_claims(t));
        return;

    case NGX_HTTP_TOLLGATE_TOLD_NOBODY:
    case NGX_HTTP_TOLLGATE_TOLD_PASSWORD:
    case NGX_HTTP_TOLLGATE_TOLD_DISABLED:
        t->ctx->verdict = tg_str(ngx_http_tollgate_told_name(t->told.result));
        t->step(t, NGX_DECLINED);
        return;

    default:
        t->ctx->verdict = tg_str(ngx_http_tollgate_told_name(t->told.result));
        t->retry_after = t->told.retry_after;
        t->step(t, NGX_ERROR);
        return;
    }
}


/* In the shape of metadata, whose rules of names hold for them. */

static ngx_int_t
ngx_http_tollgate_identity_claims(ngx_http_tollgate_token_t *t)
{
    size_t                       i;
    tg_metadata_entry_t         *e;
    const tg_identity_claim_t   *claim;
    const tg_identity_answer_t  *answer;

    answer = &t->told.answer;

    t->told.arena.max += answer->n_claims * sizeof(tg_metadata_entry_t) + 64;

    t->claims = tg_arena_array(&t->told.arena, answer->n_claims + 1,
                               sizeof(tg_metadata_entry_t));
    t->n_claims = 0;

    if (t->claims == NULL) {
        t->ctx->verdict = TG_STR("no_memory");
        return NGX_ERROR;
    }

    for (i = 0; i < answer->n_claims; i++) {
        e = &t->claims[t->n_claims++];
        claim = &answer->claims[i];

        e->key = claim->claim;
        e->value = claim->value;
        e->in_jwt = claim->in_jwt;
        e->in_response = claim->in_response;
    }

    return NGX_OK;
}


void
ngx_http_tollgate_identity_down(ngx_http_tollgate_token_t *t)
{
    ngx_http_tollgate_token_refused(t, TG_OAUTH_SERVER_ERROR,
                   "The identity provider cannot be asked now; try again.");
}


/* -- the password grant --------------------------------------------------- */

/*
 * Providers may tell names apart by more than their letters or by less; for
 * the limit of failures, "anna" and "ANNA" are one.
 */

static tg_str_t
ngx_http_tollgate_identity_meter(ngx_http_tollgate_token_t *t,
    u_char mem[TG_CLIENT_ID_MAX])
{
    size_t  n;

    n = ngx_min(t->asked.username.n, TG_CLIENT_ID_MAX);
    ngx_strlow(mem, (u_char *) t->asked.username.p, n);

    return tg_strn(mem, n);
}


void
ngx_http_tollgate_identity_find(ngx_http_tollgate_token_t *t)
{
    u_char  mem[TG_CLIENT_ID_MAX];

    if (ngx_http_tollgate_failures_check(t, TG_CLIENT_CREDENTIAL,
                               ngx_http_tollgate_identity_meter(t, mem))
        != NGX_OK)
    {
        t->ctx->verdict = tg_str(tg_client_verdict_name(TG_CLIENT_LIMIT));
        ngx_http_tollgate_token_delayed(t, TG_OAUTH_SLOW_DOWN, NULL);
        return;
    }

    ngx_http_tollgate_identity_ask(t, t->policy->token.identity_provider,
                                   t->asked.username, 0,
                                   ngx_http_tollgate_identity_checked);
}


static void
ngx_http_tollgate_identity_checked(ngx_http_tollgate_token_t *t, ngx_int_t rc)
{
    tg_str_t  subject;

    if (rc == NGX_ERROR) {
        ngx_http_tollgate_identity_down(t);
        return;
    }

    if (rc == NGX_DECLINED) {
        ngx_http_tollgate_identity_wrong(t);
        return;
    }

    subject = t->told.answer.subject;

    if (subject.n == 0 || subject.n > TG_SUBJECT_MAX
        || !tg_str_is_utf8(subject))
    {
        t->ctx->verdict = TG_STR("subject_unusable");
        ngx_http_tollgate_identity_down(t);
        return;
    }

    /* a token of this name would be the client's own */

    if (tg_str_eq(subject, t->asked.client_id)) {
        t->ctx->verdict = TG_STR("name_of_the_client");
        ngx_http_tollgate_identity_wrong(t);
        return;
    }

    t->ctx->user = subject;
    t->plan.subject = subject;

    ngx_http_tollgate_principal_find(t, &t->user, TG_CLIENT_CREDENTIAL,
                                     subject, 1,
                                     ngx_http_tollgate_identity_stands);
}


/*
 * A credential that is synchronised from this provider stands for the user;
 * one that is not has no more than the name in common.
 */

static ngx_uint_t
ngx_http_tollgate_identity_is_credential(ngx_http_tollgate_token_t *t)
{
    const ngx_http_tollgate_principal_t  *user;

    user = &t->user;

    return user->live.exists && user->details
           && user->live.project_id == t->client.live.project_id
           && tg_str_eq(user->details->details.identity_provider,
                        t->policy->token.identity_provider);
}


static void
ngx_http_tollgate_identity_stands(ngx_http_tollgate_token_t *t, ngx_int_t rc)
{
    tg_client_verdict_t  verdict;

    if (rc != NGX_OK) {
        ngx_http_tollgate_token_refused(t, TG_OAUTH_SERVER_ERROR,
                                "The user cannot be looked up; try again.");
        return;
    }

    if (ngx_http_tollgate_identity_is_credential(t)) {
        verdict = tg_client_verify_known(&t->user.live, true,
                                         ngx_http_tollgate_now_ms());

        if (verdict == TG_CLIENT_OK && !ngx_http_tollgate_user_may_come(t)) {
            verdict = TG_CLIENT_ADDRESS;
        }

        if (verdict != TG_CLIENT_OK) {
            t->ctx->verdict = tg_str(tg_client_verdict_name(verdict));
            ngx_http_tollgate_identity_wrong(t);
            return;
        }

        t->plan.user_generation = t->user.live.generation;

    } else {
        ngx_http_tollgate_principal_release(&t->user);
    }

    ngx_http_tollgate_grant_scope(t, t->told.answer.roles,
                                  t->told.answer.n_roles, 1);
}


static void
ngx_http_tollgate_identity_wrong(ngx_http_tollgate_token_t *t)
{
    u_char  mem[TG_CLIENT_ID_MAX];

    ngx_http_tollgate_failures_add(t, TG_CLIENT_CREDENTIAL,
                                   ngx_http_tollgate_identity_meter(t, mem));
    ngx_http_tollgate_token_delayed(t, TG_OAUTH_INVALID_GRANT,
                                    "The user's name or password is wrong.");
}
