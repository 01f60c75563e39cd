
/*
 * Is the token of this request good?  Finds it, goes through the stages, asks
 * the store for what a stage misses and for what the next ones may miss along
 * with it; then all is gone through again.  What the store told decides, also
 * where the shared tables did not take it.
 */


#include "ngx_http_tollgate_check.h"

#include "oauth/opaque.h"


/* more often than that something changes faster than it can be asked for */
#define NGX_HTTP_TOLLGATE_CHECK_ROUNDS  4


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

    if (i) {
        ngx_http_tollgate_count_at(NGX_HTTP_TOLLGATE_C_VERDICTS + verdict, 1);
    }
}


static void
ngx_http_tollgate_told_cleanup(void *data)
{
    ngx_http_tollgate_known_t  *told = data;

    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_TOLLGATE_PARTIES; i++) {
        if (told->details[i]) {
            ngx_http_tollgate_details_release(told->details[i]);
        }
    }
}


/* What the store will have told this request. */

static ngx_http_tollgate_known_t *
ngx_http_tollgate_check_told(ngx_http_request_t *r,
    ngx_http_tollgate_proxied_t *rq)
{
    ngx_pool_cleanup_t  *cln;

    if (rq->told) {
        return rq->told;
    }

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_tollgate_known_t));
    if (cln == NULL) {
        return NULL;
    }

    ngx_memzero(cln->data, sizeof(ngx_http_tollgate_known_t));

    cln->handler = ngx_http_tollgate_told_cleanup;
    rq->told = cln->data;

    return rq->told;
}


static void
ngx_http_tollgate_check_question(ngx_http_tollgate_check_t *c,
    ngx_http_tollgate_question_t *q)
{
    ngx_uint_t  i;

    ngx_memzero(q, sizeof(ngx_http_tollgate_question_t));

    q->snapshot = c->rq->ctx.snapshot;
    q->deployed = c->rq->deployed;
    q->asks = c->asks;

    if (c->asks & NGX_HTTP_TOLLGATE_ASK_RECORD) {
        ngx_memcpy(q->hash, c->rq->hash, TG_HASH_LEN);
        q->bucket = c->bucket;
        return;
    }

    q->facts = *c->facts;

    for (i = 0; i < ngx_http_tollgate_parties(c->facts); i++) {
        if (!(c->asks & NGX_HTTP_TOLLGATE_ASK_LIVE(i))) {
            q->key_ids[i] = c->known->live[i].key_id;
            q->versions[i] = c->known->live[i].version;
        }
    }
}


static ngx_int_t
ngx_http_tollgate_check_ask(ngx_http_tollgate_check_t *c)
{
    ngx_int_t                      rc;
    ngx_http_tollgate_known_t     *told;
    ngx_http_tollgate_question_t   question;

    if (c->rq->rounds++ >= NGX_HTTP_TOLLGATE_CHECK_ROUNDS) {
        return ngx_http_tollgate_check_refuse(c, TG_TOKEN_UNAVAILABLE);
    }

    told = ngx_http_tollgate_check_told(c->r, c->rq);
    if (told == NULL) {
        return NGX_ERROR;
    }

    /* the proof of a JWT does not change meanwhile */

    if (!c->rq->opaque) {
        told->cached = c->known->cached;
        told->has |= NGX_HTTP_TOLLGATE_ASK_RECORD;
    }

    ngx_http_tollgate_check_question(c, &question);

    rc = ngx_http_tollgate_ask(c->r, c->rq, &question);

    return rc == NGX_BUSY
           ? ngx_http_tollgate_check_refuse(c, TG_TOKEN_UNAVAILABLE) : rc;
}


/* What the store said, for the request that waited for it. */

static ngx_int_t
ngx_http_tollgate_check_answer(ngx_http_request_t *r,
    ngx_http_tollgate_proxied_t *rq, const ngx_http_tollgate_known_t *answer)
{
    u_char                     *p;
    ngx_uint_t                  i;
    ngx_http_tollgate_known_t  *told;

    told = rq->told;

    /*
     * What was told before may have ended since.  Where nothing did, the shared
     * tables have it by now; of versions the stages see to it.
     */

    told->has &= ~(NGX_HTTP_TOLLGATE_ASK_LIVE(NGX_HTTP_TOLLGATE_CLIENT)
                   | NGX_HTTP_TOLLGATE_ASK_LIVE(NGX_HTTP_TOLLGATE_USER));

    if (rq->opaque) {
        told->has &= ~NGX_HTTP_TOLLGATE_ASK_RECORD;
    }

    told->has |= answer->has;

    if (answer->has & NGX_HTTP_TOLLGATE_ASK_RECORD) {
        told->cached = answer->cached;

        p = ngx_pnalloc(r->pool, answer->scope.n);
        if (p == NULL) {
            return NGX_ERROR;
        }

        if (answer->scope.n) {
            ngx_memcpy(p, answer->scope.p, answer->scope.n);
        }

        told->scope = tg_strn(p, answer->scope.n);
    }

    if (answer->has & NGX_HTTP_TOLLGATE_ASK_ACCESS) {
        told->access = answer->access;
        told->access_version = answer->access_version;
    }

    for (i = 0; i < NGX_HTTP_TOLLGATE_PARTIES; i++) {

        if (answer->has & NGX_HTTP_TOLLGATE_ASK_LIVE(i)) {
            told->live[i] = answer->live[i];
        }

        if (answer->has & NGX_HTTP_TOLLGATE_ASK_DETAILS(i)) {
            ngx_http_tollgate_details_hold(answer->details[i]);

            if (told->details[i]) {
                ngx_http_tollgate_details_release(told->details[i]);
            }

            told->details[i] = answer->details[i];
        }
    }

    return NGX_OK;
}


/* Who it was is for the log, also when the token was refused. */

static ngx_int_t
ngx_http_tollgate_check_note(ngx_http_tollgate_check_t *c)
{
    u_char    *p;
    tg_str_t   client, user;

    client = ngx_http_tollgate_party(c->facts, NGX_HTTP_TOLLGATE_CLIENT);
    user = ngx_http_tollgate_party(c->facts, NGX_HTTP_TOLLGATE_USER);

    if (tg_str_eq(user, client)) {
        user.n = 0;
    }

    p = ngx_pnalloc(c->r->pool, client.n + user.n);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, client.p, client.n);
    ngx_memcpy(p + client.n, user.p, user.n);

    c->rq->ctx.client = tg_strn(p, client.n);
    c->rq->ctx.user = tg_strn(p + client.n, user.n);

    return NGX_OK;
}


static ngx_int_t
ngx_http_tollgate_check_token(ngx_http_request_t *r,
    ngx_http_tollgate_proxied_t *rq, tg_token_verdict_t *verdict)
{
    ngx_int_t                  rc;
    ngx_http_tollgate_check_t  c;
    ngx_http_tollgate_known_t  known;

    ngx_memzero(&c, sizeof(ngx_http_tollgate_check_t));

    c.r = r;
    c.rq = rq;
    c.policy = rq->deployed->policy;
    c.fresh = ngx_http_tollgate_feed_is_fresh();
    c.known = &known;

    if (rq->told) {
        known = *rq->told;

    } else {
        known.has = 0;
        rq->opaque = tg_opaque_has_prefix(rq->token);

        if (tg_sha256(rq->token, rq->hash) != TG_OK) {
            return NGX_ERROR;
        }
    }

    rc = ngx_http_tollgate_check_stages(&c);

    if (rc == NGX_AGAIN) {
        rc = ngx_http_tollgate_check_ask(&c);
    }

    if (rc != NGX_OK && rc != NGX_DECLINED) {
        return rc;
    }

    if (c.facts && ngx_http_tollgate_check_note(&c) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_tollgate_check_count(rq->opaque, c.verdict);

    *verdict = c.verdict;

    if (rc == NGX_OK) {
        rq->ctx.verdict = TG_STR("ok");
    }

    return rc;
}


static ngx_int_t
ngx_http_tollgate_check_resume(ngx_http_request_t *r,
    ngx_http_tollgate_proxied_t *rq, tg_token_verdict_t *verdict)
{
    const ngx_http_tollgate_answer_t  *answer;

    answer = rq->answer;
    rq->answer = NULL;

    if (answer->verdict != TG_TOKEN_OK) {
        ngx_http_tollgate_check_count(rq->opaque, answer->verdict);
        *verdict = answer->verdict;
        return NGX_DECLINED;
    }

    if (ngx_http_tollgate_check_answer(r, rq, &answer->known) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_tollgate_check_token(r, rq, verdict);
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


/* A proxy that wants no token. */

static ngx_int_t
ngx_http_tollgate_check_open(ngx_http_request_t *r,
    ngx_http_tollgate_proxied_t *rq, tg_token_verdict_t *verdict)
{
    /* nobody is known here who could have one of its roles */

    if (rq->endpoint && rq->endpoint->n_roles) {
        *verdict = TG_TOKEN_ROLE;
        return NGX_DECLINED;
    }

    if (ngx_http_tollgate_limits(rq, 0, NULL) != NGX_OK) {
        *verdict = TG_TOKEN_LIMIT;
        return NGX_DECLINED;
    }

    return ngx_http_tollgate_headers(r, rq, TG_STR_NONE, TG_STR_NONE);
}


ngx_int_t
ngx_http_tollgate_check(ngx_http_request_t *r,
    ngx_http_tollgate_proxied_t *rq, tg_token_verdict_t *verdict)
{
    const tg_policy_t  *policy;

    policy = rq->deployed->policy;

    if (policy == NULL || !policy->active) {
        return ngx_http_tollgate_check_open(r, rq, verdict);
    }

    if (rq->answer) {
        return ngx_http_tollgate_check_resume(r, rq, verdict);
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
        ngx_http_tollgate_count_at(NGX_HTTP_TOLLGATE_C_VERDICTS + *verdict, 1);
        return NGX_DECLINED;
    }

    return ngx_http_tollgate_check_token(r, rq, verdict);
}
