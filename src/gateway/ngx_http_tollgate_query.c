
/*
 * Introspection (RFC 7662) and revocation (RFC 7009) of a client's own tokens.
 * Active means: the gateway would accept the token now, by the same check as
 * at a proxied API.
 */


#include "ngx_http_tollgate_endpoints.h"


static void ngx_http_tollgate_query_opaque(ngx_http_tollgate_token_t *t);
static void ngx_http_tollgate_query_found(ngx_http_tollgate_token_t *t,
    const ngx_http_tollgate_found_t *found);
static void ngx_http_tollgate_introspect_record(ngx_http_tollgate_token_t *t,
    const ngx_http_tollgate_found_t *found);
static void ngx_http_tollgate_query_jwt(ngx_http_tollgate_token_t *t);
static void ngx_http_tollgate_introspect(ngx_http_tollgate_token_t *t);
static void ngx_http_tollgate_introspected(ngx_http_tollgate_token_t *t,
    tg_token_verdict_t verdict);
static void ngx_http_tollgate_inactive(ngx_http_tollgate_token_t *t);
static void ngx_http_tollgate_active(ngx_http_tollgate_token_t *t);
static void ngx_http_tollgate_revoke_record(ngx_http_tollgate_token_t *t,
    const tg_record_t *record, const u_char newest[TG_HASH_LEN],
    ngx_uint_t jwt);
static void ngx_http_tollgate_revoke_jwt(ngx_http_tollgate_token_t *t,
    const tg_token_facts_t *facts);
static void ngx_http_tollgate_revoke_refresh(ngx_http_tollgate_token_t *t);
static void ngx_http_tollgate_revoke_commit(ngx_http_tollgate_token_t *t,
    const tg_write_t *writes, ngx_uint_t n);
static void ngx_http_tollgate_revoke_written(ngx_http_tollgate_token_t *t,
    const tg_write_t *writes);
static void ngx_http_tollgate_revoked(ngx_http_tollgate_token_t *t);
static void ngx_http_tollgate_query_down(ngx_http_tollgate_token_t *t);


void
ngx_http_tollgate_query(ngx_http_tollgate_token_t *t)
{
    if (t->query.token.n == 0) {
        ngx_http_tollgate_token_refused(t, TG_OAUTH_INVALID_REQUEST,
                                        "token is missing");
        return;
    }

    t->arena.max += 64 * 1024;

    if (tg_opaque_has_prefix(t->query.token)) {
        ngx_http_tollgate_query_opaque(t);

    } else {
        ngx_http_tollgate_query_jwt(t);
    }
}


static ngx_uint_t
ngx_http_tollgate_query_revokes(ngx_http_tollgate_token_t *t)
{
    return t->endpoint == NGX_HTTP_TOLLGATE_EP_REVOKE;
}


static void
ngx_http_tollgate_query_nothing(ngx_http_tollgate_token_t *t)
{
    if (ngx_http_tollgate_query_revokes(t)) {
        ngx_http_tollgate_revoked(t);

    } else {
        ngx_http_tollgate_inactive(t);
    }
}


/* -- opaque tokens ------------------------------------------------------------ */

static void
ngx_http_tollgate_query_opaque(ngx_http_tollgate_token_t *t)
{
    u_char            hash[TG_HASH_LEN];
    tg_bucket_t       bucket;
    tg_opaque_kind_t  kind;

    if (tg_opaque_parse(t->query.token, ngx_http_tollgate_now_ms(), &kind,
                        &bucket)
        != TG_OK)
    {
        ngx_http_tollgate_query_nothing(t);
        return;
    }

    /* a listed deviation: a refresh token is told only to who says it is one */

    if (kind == TG_OPAQUE_REFRESH && !ngx_http_tollgate_query_revokes(t)
        && t->query.hint != TG_HINT_REFRESH)
    {
        ngx_http_tollgate_inactive(t);
        return;
    }

    if (tg_sha256(t->query.token, hash) != TG_OK) {
        ngx_http_tollgate_query_down(t);
        return;
    }

    if (kind == TG_OPAQUE_ACCESS && !ngx_http_tollgate_query_revokes(t)
        && ngx_http_tollgate_feed_is_fresh()
        && ngx_http_tollgate_cache_get(hash, 0, &t->cached)
           == NGX_HTTP_TOLLGATE_CACHE_HIT
        && t->cached.facts.scope_len <= TG_FACTS_SCOPE_MAX)
    {
        ngx_http_tollgate_count(CACHE_HIT, 1);

        t->scope = tg_strn(t->cached.facts.scope, t->cached.facts.scope_len);
        ngx_http_tollgate_introspect(t);
        return;
    }

    if (ngx_http_tollgate_record_find(t, hash, bucket,
                                      kind == TG_OPAQUE_REFRESH,
                                      ngx_http_tollgate_query_found)
        != NGX_OK)
    {
        ngx_http_tollgate_query_down(t);
    }
}


static void
ngx_http_tollgate_query_found(ngx_http_tollgate_token_t *t,
    const ngx_http_tollgate_found_t *found)
{
    if (found->err == TG_ERR_NOTFOUND) {
        ngx_http_tollgate_query_nothing(t);
        return;
    }

    if (found->err != TG_OK) {
        ngx_http_tollgate_query_down(t);
        return;
    }

    if (found->record.client_kind != t->kind
        || !tg_str_eq(found->record.client_id, t->asked.client_id)
        || found->record.environment_id
           != t->ctx->snapshot->snapshot.environment_id)
    {
        ngx_http_tollgate_query_nothing(t);
        return;
    }

    if (ngx_http_tollgate_query_revokes(t)) {
        ngx_http_tollgate_revoke_record(t, &found->record, found->newest, 0);

    } else {
        ngx_http_tollgate_introspect_record(t, found);
    }
}


static void
ngx_http_tollgate_introspect_record(ngx_http_tollgate_token_t *t,
    const ngx_http_tollgate_found_t *found)
{
    t->is_refresh = (t->query.hint == TG_HINT_REFRESH
                     && tg_str_starts(t->query.token, TG_STR("tgr_")));

    if (!found->proven) {
        ngx_http_tollgate_inactive(t);
        return;
    }

    t->cached = found->cached;

    if (!tg_arena_str(&t->arena, found->record.scope, &t->scope)) {
        ngx_http_tollgate_query_down(t);
        return;
    }

    if (t->is_refresh) {
        if (tg_record_prove_refresh(&found->record, &t->cached.facts)
            != TG_TOKEN_OK)
        {
            ngx_http_tollgate_inactive(t);
            return;
        }

    } else if (!found->record.has_predecessor) {
        ngx_http_tollgate_cache_fill(found->record.hash, 0, found->ticket,
                                     &t->cached);
    }

    ngx_http_tollgate_introspect(t);
}


/* -- JWTs ---------------------------------------------------------------------- */

static void
ngx_http_tollgate_query_jwt(ngx_http_tollgate_token_t *t)
{
    bool                has_scope;
    tg_token_verdict_t  verdict;

    verdict = ngx_http_tollgate_jwt_prove(t, t->query.token);

    if (verdict == TG_TOKEN_UNAVAILABLE) {
        ngx_http_tollgate_query_down(t);

    } else if (verdict == TG_TOKEN_TYPE && ngx_http_tollgate_query_revokes(t))
    {
        ngx_http_tollgate_revoke_refresh(t);

    } else if (verdict != TG_TOKEN_OK || !ngx_http_tollgate_facts_are_own(t)) {
        ngx_http_tollgate_query_nothing(t);

    } else if (ngx_http_tollgate_query_revokes(t)) {
        ngx_http_tollgate_revoke_jwt(t, &t->cached.facts);

    } else if (t->cached.facts.scope_len <= TG_FACTS_SCOPE_MAX) {
        t->scope = tg_strn(t->cached.facts.scope, t->cached.facts.scope_len);
        ngx_http_tollgate_introspect(t);

    } else if (tg_jwt_scope_find(t->query.token, &t->arena, &has_scope,
                                 &t->scope)
               != TG_OK)
    {
        ngx_http_tollgate_query_down(t);

    } else {
        ngx_http_tollgate_introspect(t);
    }
}


/* -- what both come to ----------------------------------------------------------- */

static void
ngx_http_tollgate_introspect(ngx_http_tollgate_token_t *t)
{
    if (!ngx_http_tollgate_facts_are_own(t)) {
        ngx_http_tollgate_inactive(t);
        return;
    }

    ngx_http_tollgate_facts_check(t, ngx_http_tollgate_introspected);
}


static void
ngx_http_tollgate_introspected(ngx_http_tollgate_token_t *t,
    tg_token_verdict_t verdict)
{
    if (verdict == TG_TOKEN_UNAVAILABLE) {
        ngx_http_tollgate_query_down(t);

    } else if (verdict == TG_TOKEN_OK) {
        ngx_http_tollgate_active(t);

    } else {
        ngx_http_tollgate_inactive(t);
    }
}


static void
ngx_http_tollgate_inactive(ngx_http_tollgate_token_t *t)
{
    char      mem[64];
    tg_buf_t  body;

    tg_buf_init_fixed(&body, mem, sizeof(mem));
    tg_introspection_inactive_write(&body);

    t->ctx->verdict = TG_STR("inactive");
    ngx_http_tollgate_token_answer(t, tg_buf_str(&body));
}


static void
ngx_http_tollgate_active(ngx_http_tollgate_token_t *t)
{
    char                mem[8192], issuer[1024];
    tg_buf_t            body, iss;
    tg_introspection_t  active;

    tg_buf_init_fixed(&body, mem, sizeof(mem));
    tg_buf_init_fixed(&iss, issuer, sizeof(issuer));

    if (ngx_http_tollgate_issuer(t->request, t->ctx->snapshot, t->prefix,
                                 &iss)
        != NGX_OK)
    {
        ngx_http_tollgate_token_refused(t, TG_OAUTH_INVALID_REQUEST,
                                        "The Host header is not valid.");
        return;
    }

    ngx_memzero(&active, sizeof(tg_introspection_t));

    active.facts = &t->cached.facts;
    active.scope = t->scope;
    active.has_scope = t->cached.facts.has_scope;
    active.refresh = t->is_refresh;
    active.issuer = tg_buf_str(&iss);

    tg_introspection_write(&active, &body);

    if (body.err) {
        ngx_http_tollgate_token_refused(t, TG_OAUTH_SERVER_ERROR, NULL);
        return;
    }

    t->ctx->verdict = TG_STR("active");
    ngx_http_tollgate_token_answer(t, tg_buf_str(&body));
}


/* -- revocation -------------------------------------------------------------------- */

static void
ngx_http_tollgate_revoke_record(ngx_http_tollgate_token_t *t,
    const tg_record_t *record, const u_char newest[TG_HASH_LEN],
    ngx_uint_t jwt)
{
    ngx_uint_t  n;
    tg_write_t  writes[NGX_HTTP_TOLLGATE_COMMIT_WRITES];

    if (record->ended_at != 0 && !record->has_successor && !jwt) {
        ngx_http_tollgate_revoked(t);
        return;
    }

    ngx_memcpy(t->ended, newest, TG_HASH_LEN);
    t->has_ended = 1;

    /* one that was refreshed already stands for those that came of it */

    if (jwt || record->has_successor) {
        n = ngx_http_tollgate_family_writes(t, record, jwt, writes);
        ngx_http_tollgate_revoke_commit(t, writes, n);
        return;
    }

    ngx_memzero(writes, sizeof(writes));
    writes[0].kind = TG_WRITE_END;
    writes[0].bucket = record->bucket;
    writes[0].at = ngx_http_tollgate_now_ms();
    ngx_memcpy(writes[0].hash, record->hash, TG_HASH_LEN);

    ngx_http_tollgate_revoke_commit(t, writes, 1);
}


static void
ngx_http_tollgate_revoke_jwt(ngx_http_tollgate_token_t *t,
    const tg_token_facts_t *facts)
{
    tg_ms_t     until;
    tg_write_t  write;

    until = facts->expires_at;

    if (until != 0) {
        until += t->ctx->snapshot->snapshot.environment.leeway_s
                 * TG_SECOND_MS;

        if (until <= ngx_http_tollgate_now_ms()) {
            ngx_http_tollgate_revoked(t);
            return;
        }
    }

    ngx_http_tollgate_revocation_write(t, facts->jti, until, &write);
    ngx_http_tollgate_revoke_commit(t, &write, 1);
}


static void
ngx_http_tollgate_revoke_refresh_found(ngx_http_tollgate_token_t *t,
    const ngx_http_tollgate_found_t *found)
{
    if (found->err != TG_OK && found->err != TG_ERR_NOTFOUND) {
        ngx_http_tollgate_query_down(t);
        return;
    }

    if (found->err == TG_ERR_NOTFOUND
        || found->record.client_kind != t->kind
        || !tg_str_eq(found->record.client_id, t->asked.client_id)
        || found->record.environment_id
           != t->ctx->snapshot->snapshot.environment_id)
    {
        ngx_http_tollgate_revoked(t);
        return;
    }

    ngx_http_tollgate_revoke_record(t, &found->record, found->newest, 1);
}


/* A refresh JWT: its family ends, access JWTs included. */

static void
ngx_http_tollgate_revoke_refresh(ngx_http_tollgate_token_t *t)
{
    tg_token_verdict_t             verdict;
    ngx_http_tollgate_snapshot_t  *s;

    s = t->ctx->snapshot;

    verdict = tg_refresh_token_parse(t->query.token,
                                     &s->snapshot.environment,
                                     s->snapshot.keys, s->snapshot.n_keys,
                                     ngx_http_tollgate_snapshot_public_key, s,
                                     ngx_http_tollgate_now_ms(), &t->arena,
                                     &t->presented);

    if (verdict != TG_TOKEN_OK) {
        ngx_http_tollgate_revoked(t);
        return;
    }

    if (ngx_http_tollgate_record_find(t, t->presented.hash,
                                      t->presented.bucket, 1,
                                      ngx_http_tollgate_revoke_refresh_found)
        != NGX_OK)
    {
        ngx_http_tollgate_query_down(t);
    }
}


static void
ngx_http_tollgate_revoke_commit(ngx_http_tollgate_token_t *t,
    const tg_write_t *writes, ngx_uint_t n)
{
    t->attempts = n;

    if (ngx_http_tollgate_commit(t, writes, n,
                                 ngx_http_tollgate_revoke_written)
        != NGX_OK)
    {
        ngx_http_tollgate_query_down(t);
    }
}


/*
 * Durable.  200 means as well that no worker of this node accepts the token:
 * the list and the cache are shared by all of them.
 */

static void
ngx_http_tollgate_revoke_written(ngx_http_tollgate_token_t *t,
    const tg_write_t *writes)
{
    if (writes == NULL
        || ngx_http_tollgate_revocations_apply(writes, t->attempts) != NGX_OK)
    {
        ngx_http_tollgate_query_down(t);
        return;
    }

    if (t->has_ended) {
        ngx_http_tollgate_cache_invalidate(t->ended);
    }

    ngx_http_tollgate_revoked(t);
}


static void
ngx_http_tollgate_revoked(ngx_http_tollgate_token_t *t)
{
    t->ctx->verdict = TG_STR("revoked");
    ngx_http_tollgate_token_answer(t, TG_STR_NONE);
}


static void
ngx_http_tollgate_query_down(ngx_http_tollgate_token_t *t)
{
    ngx_http_tollgate_token_refused(t, TG_OAUTH_SERVER_ERROR,
                                    "The store cannot be reached; try again.");
}
