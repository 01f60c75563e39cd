
/*
 * Is the token of this request good?  The rules are tg_token_check()'s; here
 * is where its arguments come from: the token cache and the table of live
 * clients, the proof of a JWT in the event loop, and the store by way of
 * _lookup.c for what is in neither.
 */


#include "ngx_http_tollgate_request.h"

#include "oauth/opaque.h"


#define NGX_HTTP_TOLLGATE_PROVE_ARENA  65536


static void
ngx_http_tollgate_check_count(ngx_uint_t opaque, tg_token_verdict_t verdict)
{
    ngx_uint_t  i;

    static const ngx_uint_t  ids[2][3] = {
        { NGX_HTTP_TOLLGATE_M_CHECK_JWT_OK,
          NGX_HTTP_TOLLGATE_M_CHECK_JWT_REFUSED,
          NGX_HTTP_TOLLGATE_M_CHECK_JWT_UNAVAILABLE },
        { NGX_HTTP_TOLLGATE_M_CHECK_OPAQUE_OK,
          NGX_HTTP_TOLLGATE_M_CHECK_OPAQUE_REFUSED,
          NGX_HTTP_TOLLGATE_M_CHECK_OPAQUE_UNAVAILABLE }
    };

    i = (verdict == TG_TOKEN_OK) ? 0 : (verdict == TG_TOKEN_UNAVAILABLE) ? 2
                                                                         : 1;

    ngx_http_tollgate_count_at(ids[opaque][i], 1);
}


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


/*
 * The facts behind the token.  NGX_OK: *verdict says whether there are any;
 * NGX_AGAIN: the store is asked.
 */

static ngx_int_t
ngx_http_tollgate_check_facts(ngx_http_request_t *r,
    ngx_http_tollgate_proxied_t *rq, ngx_uint_t fresh,
    ngx_http_tollgate_cached_t *out, tg_token_verdict_t *verdict)
{
    tg_bucket_t       bucket;
    tg_opaque_kind_t  kind;

    if (!rq->opaque) {

        if (ngx_http_tollgate_check_cached(rq->hash, rq->ctx.snapshot->proof,
                                           out, verdict)
            != NGX_OK)
        {
            *verdict = ngx_http_tollgate_check_prove(rq->ctx.snapshot,
                                                     rq->token, rq->hash,
                                                     out);
        }

        return NGX_OK;
    }

    if (tg_opaque_parse(rq->token, ngx_http_tollgate_now_ms(), &kind, &bucket)
        != TG_OK
        || kind != TG_OPAQUE_ACCESS)
    {
        *verdict = TG_TOKEN_UNKNOWN;
        return NGX_OK;
    }

    /* without the feed, nobody would have told the cache that it ended */

    if (fresh
        && ngx_http_tollgate_check_cached(rq->hash, 0, out, verdict) == NGX_OK)
    {
        return NGX_OK;
    }

    return ngx_http_tollgate_lookup_token(r, rq, bucket);
}


/* The live client.  NGX_OK; NGX_AGAIN; NGX_DECLINED, NGX_BUSY: refuse. */

static ngx_int_t
ngx_http_tollgate_check_live(ngx_http_request_t *r,
    ngx_http_tollgate_proxied_t *rq, ngx_uint_t fresh,
    const ngx_http_tollgate_cached_t *cached, tg_live_client_t *live)
{
    tg_str_t                 client_id;
    const tg_token_facts_t  *facts;

    facts = &cached->facts;
    client_id = tg_strn(facts->client_id, facts->client_id_len);

    if (!fresh) {

        /* a JWT: an opaque token was looked up together with its client */

        if (rq->ctx.snapshot->snapshot.environment.jwt_refuse_when_feed_lost) {
            ngx_http_tollgate_count(FEED_LOST_REFUSED, 1);
            return NGX_DECLINED;
        }

        ngx_http_tollgate_count(FEED_LOST_ACCEPTED, 1);
    }

    if (ngx_http_tollgate_live_get(facts->client_kind, client_id, live)
        == NGX_OK)
    {
        ngx_http_tollgate_count(LIVE_HIT, 1);
        return NGX_OK;
    }

    ngx_http_tollgate_count(LIVE_MISS, 1);

    rq->cached = ngx_palloc(r->pool, sizeof(ngx_http_tollgate_cached_t));
    if (rq->cached == NULL) {
        return NGX_ERROR;
    }

    *rq->cached = *cached;

    return ngx_http_tollgate_lookup_client(r, rq, facts->client_kind,
                                           client_id);
}


/* All is at hand: the rules decide. */

static tg_token_verdict_t
ngx_http_tollgate_check_decide(ngx_http_tollgate_proxied_t *rq,
    const ngx_http_tollgate_cached_t *cached, const tg_live_client_t *live)
{
    tg_ms_t                        now;
    ngx_uint_t                     usable;
    tg_check_now_t                 at;
    tg_token_verdict_t             verdict;
    const tg_token_facts_t        *facts;
    ngx_http_tollgate_snapshot_t  *s;

    /* without the list of early revocations no JWT can be decided on */

    if (!rq->opaque && !ngx_http_tollgate_revocations_known()) {
        return TG_TOKEN_UNAVAILABLE;
    }

    s = rq->ctx.snapshot;
    now = ngx_http_tollgate_now_ms();
    facts = &cached->facts;

    usable = rq->opaque
             || ngx_http_tollgate_snapshot_key(s,
                    tg_strn(facts->kid, facts->kid_len), now) >= 0;

    at.now = now;
    at.environment_id = s->snapshot.environment_id;
    at.epoch = cached->epoch;
    at.leeway_s = s->snapshot.environment.leeway_s;
    at.key_usable = usable;
    at.unrevoked = rq->opaque
                   || ngx_http_tollgate_unrevoked(facts->jti,
                                  facts->has_family ? facts->family : NULL);

    verdict = tg_token_check(facts, rq->deployed, live, &at);

    if (verdict == TG_TOKEN_OK
        && rq->deployed->policy->add_user
        && !ngx_http_tollgate_subject_is_safe(tg_strn(facts->subject,
                                                      facts->subject_len)))
    {
        return TG_TOKEN_MALFORMED;
    }

    return verdict;
}


/* The client's id is for the log, also when its token was refused. */

static ngx_int_t
ngx_http_tollgate_check_note(ngx_http_request_t *r,
    ngx_http_tollgate_proxied_t *rq, const tg_token_facts_t *facts)
{
    u_char  *p;

    p = ngx_pnalloc(r->pool, facts->client_id_len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, facts->client_id, facts->client_id_len);
    rq->ctx.client = tg_strn(p, facts->client_id_len);

    return NGX_OK;
}


static ngx_int_t
ngx_http_tollgate_check_finish(ngx_http_request_t *r,
    ngx_http_tollgate_proxied_t *rq, const ngx_http_tollgate_cached_t *cached,
    const tg_live_client_t *live, tg_token_verdict_t *verdict)
{
    const tg_token_facts_t  *facts;

    facts = &cached->facts;

    if (ngx_http_tollgate_check_note(r, rq, facts) != NGX_OK) {
        return NGX_ERROR;
    }

    *verdict = ngx_http_tollgate_check_decide(rq, cached, live);
    ngx_http_tollgate_check_count(rq->opaque, *verdict);

    if (*verdict != TG_TOKEN_OK) {
        return NGX_DECLINED;
    }

    rq->ctx.verdict = TG_STR("ok");

    return ngx_http_tollgate_headers(r, rq, tg_strn(facts->subject,
                                                    facts->subject_len));
}


static ngx_int_t
ngx_http_tollgate_check_refuse(ngx_http_tollgate_proxied_t *rq,
    tg_token_verdict_t why, tg_token_verdict_t *verdict)
{
    ngx_http_tollgate_check_count(rq->opaque, why);

    *verdict = why;

    return NGX_DECLINED;
}


/* What the store said, for the request that waited for it. */

static ngx_int_t
ngx_http_tollgate_check_answer(ngx_http_request_t *r,
    ngx_http_tollgate_proxied_t *rq, tg_token_verdict_t *verdict)
{
    const ngx_http_tollgate_answer_t  *answer;

    answer = rq->answer;
    rq->answer = NULL;

    if (answer->verdict != TG_TOKEN_OK) {
        return ngx_http_tollgate_check_refuse(rq, answer->verdict, verdict);
    }

    /* facts that were known before the client was asked for */

    return ngx_http_tollgate_check_finish(r, rq,
                                 rq->cached ? rq->cached : &answer->cached,
                                 &answer->live, verdict);
}


static ngx_int_t
ngx_http_tollgate_check_token(ngx_http_request_t *r,
    ngx_http_tollgate_proxied_t *rq, tg_token_verdict_t *verdict)
{
    ngx_int_t                   rc;
    ngx_uint_t                  fresh;
    tg_live_client_t            live;
    ngx_http_tollgate_cached_t  cached;

    rq->opaque = tg_opaque_has_prefix(rq->token);

    if (tg_sha256(rq->token, rq->hash) != TG_OK) {
        return NGX_ERROR;
    }

    fresh = ngx_http_tollgate_feed_is_fresh();

    rc = ngx_http_tollgate_check_facts(r, rq, fresh, &cached, verdict);
    if (rc == NGX_OK && *verdict != TG_TOKEN_OK) {
        return ngx_http_tollgate_check_refuse(rq, *verdict, verdict);
    }

    if (rc == NGX_BUSY) {
        return ngx_http_tollgate_check_refuse(rq, TG_TOKEN_UNAVAILABLE,
                                              verdict);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_http_tollgate_check_live(r, rq, fresh, &cached, &live);
    if (rc == NGX_DECLINED || rc == NGX_BUSY) {
        return ngx_http_tollgate_check_refuse(rq, TG_TOKEN_UNAVAILABLE,
                                              verdict);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_http_tollgate_check_finish(r, rq, &cached, &live, verdict);
}


/*
 * The token in the query, if the policy allows it there; no backend sees it.
 * `verdict` is what the header had.
 */

static ngx_int_t
ngx_http_tollgate_check_query(ngx_http_request_t *r,
    ngx_http_tollgate_proxied_t *rq, tg_token_verdict_t *verdict)
{
    u_char              *p;
    tg_str_t             token, rest;
    tg_token_verdict_t   found;

    p = ngx_pnalloc(r->pool, r->args.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    found = tg_bearer_query_find(ngx_http_tollgate_str(r->args), (char *) p,
                                 &token, &rest);

    if (rest.n == r->args.len) {
        return NGX_OK;
    }

    r->args.data = (u_char *) rest.p;
    r->args.len = rest.n;

    rq->url_token = 1;
    rq->no_query = (rest.n == 0);

    if (found == TG_TOKEN_NONE) {
        return NGX_OK;
    }

    if (*verdict == TG_TOKEN_NONE) {
        *verdict = found;
        rq->token = token;

    } else {
        *verdict = TG_TOKEN_MANY;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_tollgate_check_find(ngx_http_request_t *r,
    ngx_http_tollgate_proxied_t *rq, tg_token_verdict_t *verdict)
{
    size_t    n;
    tg_str_t  authorization;

    n = ngx_http_tollgate_header_find(r, TG_STR("authorization"),
                                      &authorization);

    *verdict = tg_bearer_find(authorization, n, &rq->token);

    if (r->args.len == 0
        || !rq->deployed->policy->token.allow_url_parameters)
    {
        return NGX_OK;
    }

    return ngx_http_tollgate_check_query(r, rq, verdict);
}


ngx_int_t
ngx_http_tollgate_check(ngx_http_request_t *r,
    ngx_http_tollgate_proxied_t *rq, tg_token_verdict_t *verdict)
{
    const tg_policy_t  *policy;

    policy = rq->deployed->policy;

    if (policy == NULL || !policy->active) {
        return ngx_http_tollgate_headers(r, rq, TG_STR_NONE);
    }

    if (rq->answer) {
        return ngx_http_tollgate_check_answer(r, rq, verdict);
    }

    /* once: the query is without its token afterwards */

    if (rq->token.n == 0) {

        if (ngx_http_tollgate_check_find(r, rq, verdict) != NGX_OK) {
            return NGX_ERROR;
        }

    } else {
        *verdict = TG_TOKEN_OK;
    }

    if (*verdict != TG_TOKEN_OK) {
        ngx_http_tollgate_count(CHECK_NO_TOKEN, 1);
        return NGX_DECLINED;
    }

    return ngx_http_tollgate_check_token(r, rq, verdict);
}
