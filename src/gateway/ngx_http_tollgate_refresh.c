
/*
 * The refresh grant: what the store knows of the token presented, what the
 * rules say to that, and the write that makes it so.
 */


#include "ngx_http_tollgate_endpoints.h"


#define NGX_HTTP_TOLLGATE_REFRESH_ATTEMPTS  3


static void ngx_http_tollgate_refresh_look(ngx_http_tollgate_token_t *t);
static void ngx_http_tollgate_refresh_found(ngx_http_tollgate_token_t *t,
    const ngx_http_tollgate_found_t *found);
static void ngx_http_tollgate_refresh_user(ngx_http_tollgate_token_t *t,
    const ngx_http_tollgate_found_t *found);
static ngx_uint_t ngx_http_tollgate_refresh_is_away(
    ngx_http_tollgate_token_t *t, tg_refresh_action_t action);
static ngx_int_t ngx_http_tollgate_refresh_provider(
    ngx_http_tollgate_token_t *t, const ngx_http_tollgate_found_t *found,
    tg_refresh_action_t action);
static void ngx_http_tollgate_refresh_told(ngx_http_tollgate_token_t *t,
    ngx_int_t rc);
static void ngx_http_tollgate_refresh_write(ngx_http_tollgate_token_t *t,
    const tg_record_t *record, ngx_uint_t used);
static void ngx_http_tollgate_used_write(const tg_record_t *record,
    tg_write_t *write);
static void ngx_http_tollgate_refresh_written(ngx_http_tollgate_token_t *t,
    const tg_write_t *writes);
static void ngx_http_tollgate_refresh_repeat(ngx_http_tollgate_token_t *t,
    const ngx_http_tollgate_found_t *found);
static void ngx_http_tollgate_family_end(ngx_http_tollgate_token_t *t,
    const ngx_http_tollgate_found_t *found);
static ngx_int_t ngx_http_tollgate_pair_keep(ngx_http_tollgate_token_t *t);
static void ngx_http_tollgate_family_ended(ngx_http_tollgate_token_t *t,
    const tg_write_t *writes);


static const char  ngx_http_tollgate_refresh_down[] =
                                    "The store cannot be reached; try again.";
static const char  ngx_http_tollgate_reused[] =
                              "The refresh token was used already; its tokens "
                              "were ended.";
static const char  ngx_http_tollgate_user_gone[] =
                              "The user is no longer there; the tokens were "
                              "ended.";


void
ngx_http_tollgate_refresh(ngx_http_tollgate_token_t *t)
{
    tg_token_verdict_t             verdict;
    ngx_http_tollgate_snapshot_t  *s;

    s = t->ctx->snapshot;
    t->arena.max += 64 * 1024;

    verdict = tg_refresh_token_parse(t->asked.refresh_token,
                                     &s->snapshot.environment,
                                     s->snapshot.keys, s->snapshot.n_keys,
                                     ngx_http_tollgate_snapshot_public_key, s,
                                     ngx_http_tollgate_now_ms(), &t->arena,
                                     &t->presented);

    if (verdict == TG_TOKEN_UNAVAILABLE) {
        ngx_http_tollgate_token_refused(t, TG_OAUTH_SERVER_ERROR, NULL);
        return;
    }

    if (verdict != TG_TOKEN_OK) {
        ngx_http_tollgate_token_refused(t, TG_OAUTH_INVALID_GRANT,
                                        "the refresh token is invalid");
        return;
    }

    t->claims = t->presented.claims;
    t->n_claims = t->presented.n_claims;

    ngx_http_tollgate_refresh_look(t);
}


static void
ngx_http_tollgate_refresh_look(ngx_http_tollgate_token_t *t)
{
    if (t->attempts++ == NGX_HTTP_TOLLGATE_REFRESH_ATTEMPTS
        || ngx_http_tollgate_record_find(t, t->presented.hash,
                                         t->presented.bucket, 1,
                                         ngx_http_tollgate_refresh_found)
           != NGX_OK)
    {
        ngx_http_tollgate_token_refused(t, TG_OAUTH_SERVER_ERROR,
                                        ngx_http_tollgate_refresh_down);
    }
}


/* Its details are held for the metadata of the pair. */

static void
ngx_http_tollgate_refresh_user(ngx_http_tollgate_token_t *t,
    const ngx_http_tollgate_found_t *found)
{
    ngx_http_tollgate_principal_release(&t->user);

    t->user = found->user;

    if (t->user.details) {
        ngx_http_tollgate_details_hold(t->user.details);
        ngx_http_tollgate_details_put(t->user.details);
    }
}


static void
ngx_http_tollgate_refresh_found(ngx_http_tollgate_token_t *t,
    const ngx_http_tollgate_found_t *found)
{
    tg_write_t             write;
    tg_refresh_decision_t  decision;

    if (found->err != TG_OK && found->err != TG_ERR_NOTFOUND) {
        ngx_http_tollgate_token_refused(t, TG_OAUTH_SERVER_ERROR,
                                        ngx_http_tollgate_refresh_down);
        return;
    }

    ngx_http_tollgate_refresh_user(t, found);

    decision = tg_refresh_decide(&t->asked, &t->client.live,
                           t->user.live.exists ? &t->user.live : NULL,
                           t->policy,
                           found->err == TG_OK ? &found->record : NULL,
                           t->ctx->snapshot->snapshot.environment_id,
                           found->epoch, ngx_http_tollgate_now_ms());

    if (ngx_http_tollgate_refresh_is_away(t, decision.action)) {
        t->ctx->verdict = tg_str(tg_client_verdict_name(TG_CLIENT_ADDRESS));
        ngx_http_tollgate_token_refused(t, TG_OAUTH_INVALID_GRANT,
                                        "the refresh token is invalid");
        return;
    }

    switch (ngx_http_tollgate_refresh_provider(t, found, decision.action)) {

    case NGX_OK:
        break;

    case NGX_DECLINED:
        ngx_http_tollgate_family_end(t, found);
        return;

    default:
        return;
    }

    switch (decision.action) {

    case TG_REFRESH_WRITE:
        ngx_http_tollgate_refresh_write(t, &found->record, decision.used);
        return;

    case TG_REFRESH_REPEAT:
        ngx_http_tollgate_refresh_repeat(t, found);
        return;

    case TG_REFRESH_FAMILY:
        ngx_http_tollgate_family_end(t, found);
        return;

    default:

        if (decision.used) {
            ngx_http_tollgate_used_write(&found->record, &write);
            (void) ngx_http_tollgate_commit(NULL, &write, 1, NULL);
        }

        ngx_http_tollgate_token_refused(t, decision.error, decision.why);
        return;
    }
}


/* A user's list of addresses counts for what a password gave, too. */

static ngx_uint_t
ngx_http_tollgate_refresh_is_away(ngx_http_tollgate_token_t *t,
    tg_refresh_action_t action)
{
    return (action == TG_REFRESH_WRITE || action == TG_REFRESH_REPEAT)
           && t->user.details
           && !ngx_http_tollgate_user_may_come(t);
}


/*
 * Whether the provider still knows the user, if it is to be asked.  NGX_OK: go
 * on; NGX_DECLINED: it does not; NGX_DONE: it is being asked, or the request
 * was answered.
 */

static ngx_int_t
ngx_http_tollgate_refresh_provider(ngx_http_tollgate_token_t *t,
    const ngx_http_tollgate_found_t *found, tg_refresh_action_t action)
{
    tg_str_t                       name, subject;
    const tg_snapshot_provider_t  *p;

    if (action != TG_REFRESH_WRITE && action != TG_REFRESH_REPEAT) {
        return NGX_OK;
    }

    if (t->looked) {
        return t->gone ? NGX_DECLINED : NGX_OK;
    }

    /* of a token that the client had for itself there is no user */

    if (!tg_settings_ask_provider(&t->policy->token)
        || tg_str_eq(found->record.subject, t->asked.client_id))
    {
        return NGX_OK;
    }

    name = t->policy->token.identity_provider;
    p = ngx_http_tollgate_identity_provider(t, name);

    if (p && !p->provider.check_at_refresh) {
        return NGX_OK;
    }

    if (!tg_arena_str(&t->arena, found->record.subject, &subject)) {
        ngx_http_tollgate_token_refused(t, TG_OAUTH_SERVER_ERROR, NULL);
        return NGX_DONE;
    }

    ngx_http_tollgate_identity_ask(t, name, subject, 1,
                                   ngx_http_tollgate_refresh_told);

    return NGX_DONE;
}


/* The record may be another one by now: it is looked for again. */

static void
ngx_http_tollgate_refresh_told(ngx_http_tollgate_token_t *t, ngx_int_t rc)
{
    if (rc == NGX_ERROR) {
        ngx_http_tollgate_identity_down(t);
        return;
    }

    t->looked = 1;
    t->gone = (rc == NGX_DECLINED);
    t->attempts = 0;

    ngx_http_tollgate_refresh_look(t);
}


/* Presenting a token is the first use of what its predecessor gave. */

static void
ngx_http_tollgate_used_write(const tg_record_t *record, tg_write_t *write)
{
    ngx_memzero(write, sizeof(tg_write_t));

    write->kind = TG_WRITE_USED;
    write->at = ngx_http_tollgate_now_ms();
    write->bucket = record->predecessor_bucket;
    ngx_memcpy(write->hash, record->predecessor, TG_HASH_LEN);
}


static void
ngx_http_tollgate_refresh_write(ngx_http_tollgate_token_t *t,
    const tg_record_t *record, ngx_uint_t used)
{
    uint8_t     random[64];
    tg_err_t    err;
    ngx_uint_t  n;
    tg_write_t  writes[2];

    if (ngx_http_tollgate_random(random, sizeof(random)) != NGX_OK) {
        ngx_http_tollgate_token_refused(t, TG_OAUTH_SERVER_ERROR, NULL);
        return;
    }

    err = tg_pair_succeed(ngx_http_tollgate_main->keyring, &t->presented,
                          record, &t->asked, &t->client.live, t->policy,
                          random, ngx_http_tollgate_now_ms(), &t->pair);
    tg_wipe(random, sizeof(random));

    t->repeat = 0;

    if (err != TG_OK || ngx_http_tollgate_pair_keep(t) != NGX_OK) {
        ngx_http_tollgate_token_refused(t, TG_OAUTH_SERVER_ERROR, NULL);
        return;
    }

    ngx_memzero(writes, sizeof(writes));

    writes[0].kind = TG_WRITE_REFRESH;
    writes[0].record = &t->pair.record;
    writes[0].at = ngx_http_tollgate_now_ms();
    writes[0].bucket = t->presented.bucket;
    ngx_memcpy(writes[0].hash, t->presented.hash, TG_HASH_LEN);

    n = 1;

    if (used) {
        ngx_http_tollgate_used_write(record, &writes[1]);
        n = 2;
    }

    ngx_memcpy(t->ended, record->hash, TG_HASH_LEN);

    if (ngx_http_tollgate_commit(t, writes, n,
                                 ngx_http_tollgate_refresh_written)
        != NGX_OK)
    {
        ngx_http_tollgate_token_refused(t, TG_OAUTH_SERVER_ERROR,
                                        ngx_http_tollgate_refresh_down);
    }
}


static void
ngx_http_tollgate_refresh_written(ngx_http_tollgate_token_t *t,
    const tg_write_t *writes)
{
    if (writes == NULL) {
        ngx_http_tollgate_token_refused(t, TG_OAUTH_SERVER_ERROR,
                                        ngx_http_tollgate_refresh_down);
        return;
    }

    if (writes[0].result != TG_OK) {

        /* another request was first, or it was ended: decide anew */

        ngx_http_tollgate_refresh_look(t);
        return;
    }

    if (t->pair.plan.type == TG_TOKEN_OPAQUE) {
        ngx_http_tollgate_cache_invalidate(t->ended);
    }

    ngx_http_tollgate_pair_answer(t);
}


static void
ngx_http_tollgate_refresh_repeat(ngx_http_tollgate_token_t *t,
    const ngx_http_tollgate_found_t *found)
{
    tg_err_t  err;

    /* revoked since, it or what was made of it: a pair that opens nothing */

    if (found->successor_err != TG_OK || found->over) {
        ngx_http_tollgate_token_refused(t, TG_OAUTH_INVALID_GRANT,
                                        "the refresh token is invalid");
        return;
    }

    t->repeat = 1;

    err = tg_pair_repeat(ngx_http_tollgate_main->keyring, &t->presented,
                         &found->successor, t->policy, &t->pair);

    if (err != TG_OK) {
        ngx_http_tollgate_token_refused(t, TG_OAUTH_SERVER_ERROR, NULL);
        return;
    }

    if (ngx_http_tollgate_pair_keep(t) != NGX_OK) {
        ngx_http_tollgate_token_refused(t, TG_OAUTH_SERVER_ERROR, NULL);
        return;
    }

    ngx_http_tollgate_pair_answer(t);
}


/*
 * The pair's strings are the record's, which is gone when this is over.  Of
 * the scope stays what the provider has just confirmed; an opaque token that
 * was made before keeps the one that it has.
 */

static ngx_int_t
ngx_http_tollgate_pair_keep(ngx_http_tollgate_token_t *t)
{
    tg_pair_t  *pair;

    pair = &t->pair;

    pair->plan.client_id = t->asked.client_id;
    t->arena.max += 2 * TG_SCOPE_MAX + TG_SUBJECT_MAX;

    if (!tg_arena_str(&t->arena, pair->plan.subject, &pair->plan.subject)
        || !tg_arena_str(&t->arena, pair->plan.scope, &pair->plan.scope))
    {
        return NGX_ERROR;
    }

    if (t->looked && (!t->repeat || pair->plan.type == TG_TOKEN_JWT)
        && tg_scope_narrow(pair->plan.scope, t->told.answer.roles,
                           t->told.answer.n_roles, &t->arena,
                           &pair->plan.scope)
           != TG_OK)
    {
        return NGX_ERROR;
    }

    pair->record.client_id = pair->plan.client_id;
    pair->record.subject = pair->plan.subject;
    pair->record.scope = pair->plan.scope;

    return NGX_OK;
}


/*
 * A token that was used already comes back late: somebody has a copy.  Or the
 * provider knows the user no more.
 */

static void
ngx_http_tollgate_family_end(ngx_http_tollgate_token_t *t,
    const ngx_http_tollgate_found_t *found)
{
    ngx_uint_t  n;
    tg_write_t  writes[NGX_HTTP_TOLLGATE_COMMIT_WRITES];

    n = ngx_http_tollgate_family_writes(t, &found->record, t->presented.jwt,
                                        writes);

    ngx_memcpy(t->ended, found->newest, TG_HASH_LEN);

    if (ngx_http_tollgate_commit(t, writes, n,
                                 ngx_http_tollgate_family_ended)
        != NGX_OK)
    {
        ngx_http_tollgate_token_refused(t, TG_OAUTH_SERVER_ERROR,
                                        ngx_http_tollgate_refresh_down);
    }
}


static void
ngx_http_tollgate_family_ended(ngx_http_tollgate_token_t *t,
    const tg_write_t *writes)
{
    if (writes == NULL
        || ngx_http_tollgate_revocations_apply(writes,
                                               t->presented.jwt ? 2 : 1)
           != NGX_OK)
    {
        ngx_http_tollgate_token_refused(t, TG_OAUTH_SERVER_ERROR,
                                        ngx_http_tollgate_refresh_down);
        return;
    }

    ngx_http_tollgate_cache_invalidate(t->ended);

    ngx_http_tollgate_token_refused(t, TG_OAUTH_INVALID_GRANT,
                                    t->gone ? ngx_http_tollgate_user_gone
                                            : ngx_http_tollgate_reused);
}
