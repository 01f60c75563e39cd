
/*
 * What a token of the client that asks is worth: the facts of its bytes, and
 * whether the gateway would accept it now.
 */


#include "ngx_http_tollgate_endpoints.h"


static void ngx_http_tollgate_facts_user(ngx_http_tollgate_token_t *t,
    ngx_int_t rc);
static tg_token_verdict_t ngx_http_tollgate_facts_verdict(
    ngx_http_tollgate_token_t *t);


tg_token_verdict_t
ngx_http_tollgate_jwt_prove(ngx_http_tollgate_token_t *t, tg_str_t token)
{
    u_char                         hash[TG_HASH_LEN];
    tg_token_verdict_t             verdict;
    ngx_http_tollgate_ticket_t     ticket;
    ngx_http_tollgate_snapshot_t  *s;

    s = t->ctx->snapshot;

    if (tg_sha256(token, hash) != TG_OK) {
        return TG_TOKEN_UNAVAILABLE;
    }

    if (ngx_http_tollgate_cache_get(hash, s->proof, &t->cached)
        == NGX_HTTP_TOLLGATE_CACHE_HIT)
    {
        return TG_TOKEN_OK;
    }

    ticket = ngx_http_tollgate_cache_ticket(hash);
    ngx_memzero(&t->cached, sizeof(ngx_http_tollgate_cached_t));

    verdict = tg_jwt_prove(token, &s->snapshot.environment,
                           s->snapshot.keys, s->snapshot.n_keys,
                           ngx_http_tollgate_snapshot_public_key, s,
                           ngx_http_tollgate_now_ms(), &t->arena,
                           &t->cached.facts);

    if (verdict == TG_TOKEN_OK) {
        ngx_http_tollgate_cache_fill(hash, s->proof, ticket, &t->cached);
    }

    return verdict;
}


ngx_uint_t
ngx_http_tollgate_facts_are_own(ngx_http_tollgate_token_t *t)
{
    const tg_token_facts_t  *facts;

    facts = &t->cached.facts;

    return facts->client_kind == t->kind
           && tg_str_eq(tg_strn(facts->client_id, facts->client_id_len),
                        t->asked.client_id);
}


void
ngx_http_tollgate_facts_check(ngx_http_tollgate_token_t *t,
    ngx_http_tollgate_verdict_pt decided)
{
    const tg_token_facts_t  *facts;

    facts = &t->cached.facts;

    if (facts->user_generation == 0) {
        decided(t, ngx_http_tollgate_facts_verdict(t));
        return;
    }

    t->decided = decided;

    /* the details are for a token that is made of this one */

    ngx_http_tollgate_principal_find(t, &t->user, TG_CLIENT_CREDENTIAL,
                       tg_strn(facts->subject, facts->subject_len),
                       t->endpoint == NGX_HTTP_TOLLGATE_EP_REGENERATE,
                       ngx_http_tollgate_facts_user);
}


static void
ngx_http_tollgate_facts_user(ngx_http_tollgate_token_t *t, ngx_int_t rc)
{
    t->decided(t, rc == NGX_OK ? ngx_http_tollgate_facts_verdict(t)
                               : TG_TOKEN_UNAVAILABLE);
}


static tg_token_verdict_t
ngx_http_tollgate_facts_verdict(ngx_http_tollgate_token_t *t)
{
    tg_check_now_t                 at;
    const tg_policy_t             *policy;
    tg_token_verdict_t             verdict;
    const tg_token_facts_t        *facts;
    ngx_http_tollgate_snapshot_t  *s;

    s = t->ctx->snapshot;
    facts = &t->cached.facts;

    ngx_memzero(&at, sizeof(tg_check_now_t));

    at.now = ngx_http_tollgate_now_ms();
    at.environment_id = s->snapshot.environment_id;
    at.epoch = t->cached.epoch;
    at.leeway_s = s->snapshot.environment.leeway_s;

    if (facts->type == TG_TOKEN_JWT) {
        at.key_usable = ngx_http_tollgate_snapshot_key(s,
                            tg_strn(facts->kid, facts->kid_len), at.now) >= 0;
        at.unrevoked = ngx_http_tollgate_unrevoked(facts->jti,
                            facts->has_family ? facts->family : NULL);
    }

    verdict = tg_token_alive(facts, &t->client.live, &t->user.live, &at);

    if (verdict != TG_TOKEN_OK) {
        return verdict;
    }

    policy = t->application ? ngx_http_tollgate_policy_of(t, facts->type)
                            : NULL;

    return tg_token_is_of(facts, policy, t->client.live.key_id,
                          &t->client.live);
}
