
/*
 * The stages of a check: the facts behind the token, whom it speaks for,
 * whether it lives, whether it opens the proxy, what it may do there, limits.
 * The rules are the oauth room's and the policy room's; here is where their
 * arguments come from: the token cache, the tables of live clients and of
 * access, the details, and the proof of a JWT in the event loop.
 */


#include "ngx_http_tollgate_check.h"

#include "model/method.h"
#include "oauth/opaque.h"


#define NGX_HTTP_TOLLGATE_PROVE_ARENA  65536


/*
 * Only what neither the clock nor a deploy can change may be remembered; an
 * entry is bound to the issuer's settings by `proof`.
 */

static ngx_uint_t
ngx_http_tollgate_check_is_final(tg_token_verdict_t verdict)
{
    return verdict == TG_TOKEN_MALFORMED || verdict == TG_TOKEN_SIGNATURE
           || verdict == TG_TOKEN_TYPE || verdict == TG_TOKEN_ISSUER
           || verdict == TG_TOKEN_AUDIENCE;
}


static tg_token_verdict_t
ngx_http_tollgate_check_prove(ngx_http_tollgate_snapshot_t *s,
    tg_str_t token, const u_char hash[TG_HASH_LEN],
    ngx_http_tollgate_cached_t *out)
{
    tg_arena_t                  arena;
    tg_token_verdict_t          verdict;
    ngx_http_tollgate_ticket_t  ticket;

    ticket = ngx_http_tollgate_cache_ticket(hash);

    ngx_memzero(out, sizeof(ngx_http_tollgate_cached_t));

    tg_arena_init(&arena, NGX_HTTP_TOLLGATE_PROVE_ARENA);

    verdict = tg_jwt_prove(token, &s->snapshot.environment, s->snapshot.keys,
                           s->snapshot.n_keys,
                           ngx_http_tollgate_snapshot_public_key, s,
                           ngx_http_tollgate_now_ms(), &arena, &out->facts);

    tg_arena_release(&arena);

    if (verdict == TG_TOKEN_OK) {
        ngx_http_tollgate_cache_fill(hash, s->proof, ticket, out);

    } else if (ngx_http_tollgate_check_is_final(verdict)) {
        ngx_http_tollgate_cache_fill_negative(hash, s->proof, ticket, verdict);
    }

    return verdict;
}


/* What the cache knows; NGX_DECLINED: nothing. */

static ngx_int_t
ngx_http_tollgate_check_cached(const u_char hash[TG_HASH_LEN], uint64_t proof,
    ngx_http_tollgate_cached_t *out, tg_token_verdict_t *verdict)
{
    switch (ngx_http_tollgate_cache_get(hash, proof, out)) {

    case NGX_HTTP_TOLLGATE_CACHE_HIT:
        ngx_http_tollgate_count(CACHE_HIT, 1);
        *verdict = TG_TOKEN_OK;
        return NGX_OK;

    case NGX_HTTP_TOLLGATE_CACHE_NEGATIVE:
        ngx_http_tollgate_count(CACHE_NEGATIVE, 1);
        *verdict = out->verdict;
        return NGX_OK;

    default:
        ngx_http_tollgate_count(CACHE_MISS, 1);
        return NGX_DECLINED;
    }
}


/* The facts behind the token. */

static ngx_int_t
ngx_http_tollgate_check_find_facts(ngx_http_tollgate_check_t *c)
{
    tg_opaque_kind_t              kind;
    tg_token_verdict_t            verdict;
    ngx_http_tollgate_proxied_t  *rq;

    rq = c->rq;

    if (c->known->has & NGX_HTTP_TOLLGATE_ASK_RECORD) {
        return NGX_OK;
    }

    if (!rq->opaque) {

        if (ngx_http_tollgate_check_cached(rq->hash, rq->ctx.snapshot->proof,
                                           &c->known->cached, &verdict)
            != NGX_OK)
        {
            verdict = ngx_http_tollgate_check_prove(rq->ctx.snapshot,
                                                    rq->token, rq->hash,
                                                    &c->known->cached);
        }

        return ngx_http_tollgate_check_refuse(c, verdict);
    }

    if (tg_opaque_parse(rq->token, ngx_http_tollgate_now_ms(), &kind,
                        &c->bucket)
        != TG_OK
        || kind != TG_OPAQUE_ACCESS)
    {
        return ngx_http_tollgate_check_refuse(c, TG_TOKEN_UNKNOWN);
    }

    /* without the feed, nobody would have told the cache that it ended */

    if (c->fresh
        && ngx_http_tollgate_check_cached(rq->hash, 0, &c->known->cached,
                                          &verdict)
           == NGX_OK)
    {
        return ngx_http_tollgate_check_refuse(c, verdict);
    }

    c->asks |= NGX_HTTP_TOLLGATE_ASK_RECORD;

    return NGX_AGAIN;
}


static ngx_int_t
ngx_http_tollgate_check_lost(ngx_http_tollgate_check_t *c, ngx_uint_t party)
{
    /* a JWT: an opaque token was looked up together with its client */

    if (c->rq->ctx.snapshot->snapshot.environment.jwt_refuse_when_feed_lost) {
        ngx_http_tollgate_count(FEED_LOST_REFUSED, 1);
        return ngx_http_tollgate_check_refuse(c, TG_TOKEN_UNAVAILABLE);
    }

    if (c->rq->rounds == 0 && party == NGX_HTTP_TOLLGATE_CLIENT) {
        ngx_http_tollgate_count(FEED_LOST_ACCEPTED, 1);
    }

    return NGX_OK;
}


/* Whom the token speaks for, as of now. */

static ngx_int_t
ngx_http_tollgate_check_live(ngx_http_tollgate_check_t *c)
{
    ngx_uint_t               i;
    const tg_token_facts_t  *facts;

    facts = c->facts;

    for (i = 0; i < ngx_http_tollgate_parties(facts); i++) {

        if (c->known->has & NGX_HTTP_TOLLGATE_ASK_LIVE(i)) {
            continue;
        }

        if (!c->fresh && ngx_http_tollgate_check_lost(c, i) != NGX_OK) {
            return NGX_DECLINED;
        }

        if (ngx_http_tollgate_live_get(ngx_http_tollgate_party_kind(facts, i),
                                       ngx_http_tollgate_party(facts, i),
                                       &c->known->live[i])
            == NGX_OK)
        {
            ngx_http_tollgate_count(LIVE_HIT, 1);
            continue;
        }

        ngx_http_tollgate_count(LIVE_MISS, 1);
        c->asks |= NGX_HTTP_TOLLGATE_ASK_LIVE(i);
    }

    return c->asks ? NGX_AGAIN : NGX_OK;
}


static ngx_int_t
ngx_http_tollgate_check_alive(ngx_http_tollgate_check_t *c)
{
    tg_ms_t                        now;
    tg_check_now_t                 at;
    tg_token_verdict_t             verdict;
    const tg_token_facts_t        *facts;
    ngx_http_tollgate_known_t     *known;
    ngx_http_tollgate_snapshot_t  *s;

    /* without the list of early revocations no JWT can be decided on */

    if (!c->rq->opaque && !ngx_http_tollgate_revocations_known()) {
        return ngx_http_tollgate_check_refuse(c, TG_TOKEN_UNAVAILABLE);
    }

    known = c->known;
    facts = c->facts;
    s = c->rq->ctx.snapshot;
    now = ngx_http_tollgate_now_ms();

    at.now = now;
    at.environment_id = s->snapshot.environment_id;
    at.epoch = known->cached.epoch;
    at.leeway_s = s->snapshot.environment.leeway_s;
    at.key_usable = c->rq->opaque
                    || ngx_http_tollgate_snapshot_key(s,
                           tg_strn(facts->kid, facts->kid_len), now) >= 0;
    at.unrevoked = c->rq->opaque
                   || ngx_http_tollgate_unrevoked(facts->jti,
                                  facts->has_family ? facts->family : NULL);

    verdict = tg_token_alive(facts, &known->live[NGX_HTTP_TOLLGATE_CLIENT],
                  facts->user_generation ? &known->live[NGX_HTTP_TOLLGATE_USER]
                                         : NULL, &at);

    if (verdict == TG_TOKEN_OK
        && c->policy->add_user
        && !ngx_http_tollgate_subject_is_safe(tg_strn(facts->subject,
                                                      facts->subject_len)))
    {
        verdict = TG_TOKEN_MALFORMED;
    }

    return ngx_http_tollgate_check_refuse(c, verdict);
}


/* The access list; without need of one NGX_OK at once. */

static ngx_int_t
ngx_http_tollgate_check_access(ngx_http_tollgate_check_t *c)
{
    ngx_http_tollgate_known_t  *known;
    const tg_live_client_t     *client;

    known = c->known;
    client = &known->live[NGX_HTTP_TOLLGATE_CLIENT];

    if ((known->has & NGX_HTTP_TOLLGATE_ASK_ACCESS)
        && known->access_version >= client->version)
    {
        return NGX_OK;
    }

    if (ngx_http_tollgate_grant_get(client->key_id, client->version,
                                    c->rq->deployed, &known->access)
        == NGX_OK)
    {
        ngx_http_tollgate_count(GRANT_HIT, 1);
        return NGX_OK;
    }

    ngx_http_tollgate_count(GRANT_MISS, 1);
    c->asks |= NGX_HTTP_TOLLGATE_ASK_ACCESS;

    return NGX_AGAIN;
}


static ngx_int_t
ngx_http_tollgate_check_opens(ngx_http_tollgate_check_t *c)
{
    uint32_t            method;
    ngx_int_t           rc;
    const tg_access_t  *access;

    access = NULL;
    method = 0;

    if (ngx_http_tollgate_access_wanted(c->policy, c->facts->client_kind)) {

        rc = ngx_http_tollgate_check_access(c);
        if (rc != NGX_OK) {
            return rc;
        }

        access = &c->known->access;
        method = tg_method_bit(ngx_http_tollgate_str(c->r->method_name));
    }

    return ngx_http_tollgate_check_refuse(c,
               tg_token_opens(c->facts, c->rq->deployed,
                              &c->known->live[NGX_HTTP_TOLLGATE_CLIENT], access,
                              method, ngx_http_tollgate_now_ms()));
}


/* What was told counts if it is not older than what is known now. */

static ngx_uint_t
ngx_http_tollgate_check_has_details(ngx_http_tollgate_known_t *known,
    ngx_uint_t i)
{
    const tg_live_client_t       *live;
    ngx_http_tollgate_details_t  *d;

    live = &known->live[i];

    if (known->has & NGX_HTTP_TOLLGATE_ASK_DETAILS(i)) {
        d = known->details[i];

        if (d->key_id == live->key_id && d->version >= live->version) {
            return 1;
        }

        known->has &= ~NGX_HTTP_TOLLGATE_ASK_DETAILS(i);
    }

    known->details[i] = ngx_http_tollgate_details_get(live->key_id,
                                                      live->version);
    if (known->details[i]) {
        ngx_http_tollgate_count(DETAILS_HIT, 1);
        return 1;
    }

    ngx_http_tollgate_count(DETAILS_MISS, 1);

    return 0;
}


static ngx_int_t
ngx_http_tollgate_check_details(ngx_http_tollgate_check_t *c,
    ngx_uint_t wanted)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_TOLLGATE_PARTIES; i++) {
        if ((wanted & NGX_HTTP_TOLLGATE_ASK_DETAILS(i))
            && !ngx_http_tollgate_check_has_details(c->known, i))
        {
            c->asks |= NGX_HTTP_TOLLGATE_ASK_DETAILS(i);
        }
    }

    return c->asks ? NGX_AGAIN : NGX_OK;
}


static ngx_int_t
ngx_http_tollgate_check_rules(ngx_http_tollgate_check_t *c,
    const tg_access_t *access)
{
    ngx_int_t           rc;
    ngx_uint_t          wanted;

    if (!ngx_http_tollgate_rules_wanted(c->policy, c->rq->endpoint, access)) {
        return NGX_OK;
    }

    wanted = ngx_http_tollgate_details_wanted(c->policy, c->rq->endpoint,
                                              c->facts, access);

    rc = ngx_http_tollgate_check_details(c, wanted);
    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_http_tollgate_rules(c->r, c->rq, c->known, access, &c->roles,
                                 &c->verdict);
    if (rc == NGX_AGAIN) {
        c->asks |= NGX_HTTP_TOLLGATE_ASK_RECORD;
    }

    return rc;
}


ngx_int_t
ngx_http_tollgate_check_stages(ngx_http_tollgate_check_t *c)
{
    ngx_int_t           rc;
    const tg_access_t  *access;

    rc = ngx_http_tollgate_check_find_facts(c);
    if (rc != NGX_OK) {
        return rc;
    }

    c->facts = &c->known->cached.facts;

    rc = ngx_http_tollgate_check_live(c);
    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_http_tollgate_check_alive(c);
    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_http_tollgate_check_opens(c);
    if (rc != NGX_OK) {
        return rc;
    }

    /* a token that opens a proxy in ACL mode is a credential's */

    access = c->policy->managed_from_policy ? NULL : &c->known->access;

    rc = ngx_http_tollgate_check_rules(c, access);
    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_http_tollgate_limits(c->rq,
            c->known->live[NGX_HTTP_TOLLGATE_CLIENT].key_id, access)
        != NGX_OK)
    {
        return ngx_http_tollgate_check_refuse(c, TG_TOKEN_LIMIT);
    }

    return ngx_http_tollgate_headers(c->r, c->rq,
               ngx_http_tollgate_party(c->facts, NGX_HTTP_TOLLGATE_USER),
               c->roles);
}
