
/*
 * Public documents: signing keys and metadata; and the issuer, which both the
 * metadata and the JWTs name.
 */


#include "ngx_http_tollgate_endpoints.h"


#define NGX_HTTP_TOLLGATE_DOCUMENT_MAX  (256 * 1024)


static ngx_int_t ngx_http_tollgate_document(ngx_http_request_t *r,
    tg_buf_t *body, int64_t max_age);


ngx_int_t
ngx_http_tollgate_jwks(ngx_http_request_t *r, ngx_http_tollgate_ctx_t *ctx,
    tg_client_kind_t kind, tg_str_t prefix)
{
    tg_buf_t        body;
    tg_snapshot_t  *s;

    s = &ctx->snapshot->snapshot;

    tg_buf_init(&body, NGX_HTTP_TOLLGATE_DOCUMENT_MAX);
    tg_jwks_write(s->keys, s->n_keys, ngx_http_tollgate_now_ms(), &body);

    return ngx_http_tollgate_document(r, &body, s->environment.jwks_max_age_s);
}


static bool
ngx_http_tollgate_policy_is_password(const tg_policy_t *policy)
{
    return policy && policy->active && policy->managed_from_policy
           && policy->token.grant == TG_GRANT_PASSWORD;
}


/* Of the application keys: whether one of them may use it. */

static bool
ngx_http_tollgate_password_is_open(const tg_snapshot_t *s)
{
    size_t  i;

    for (i = 0; i < s->n_applications; i++) {
        if (ngx_http_tollgate_policy_is_password(s->applications[i].policy)
            || ngx_http_tollgate_policy_is_password(s->applications[i].other))
        {
            return true;
        }
    }

    return false;
}


ngx_int_t
ngx_http_tollgate_metadata(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx, tg_client_kind_t kind, tg_str_t prefix)
{
    char           mem[1024];
    int64_t        max_age;
    tg_buf_t       issuer, body;
    ngx_int_t      rc;
    tg_metadata_t  metadata;
    tg_snapshot_t *s;

    s = &ctx->snapshot->snapshot;

    ngx_memzero(&metadata, sizeof(tg_metadata_t));
    metadata.password = kind == TG_CLIENT_CREDENTIAL
                        || ngx_http_tollgate_password_is_open(s);

    tg_buf_init_fixed(&issuer, mem, sizeof(mem));

    rc = ngx_http_tollgate_issuer(r, ctx->snapshot, prefix, &issuer);
    if (rc != NGX_OK) {
        return rc == NGX_DECLINED ? NGX_HTTP_BAD_REQUEST
                                  : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    tg_buf_init(&body, NGX_HTTP_TOLLGATE_DOCUMENT_MAX);
    tg_metadata_write(tg_buf_str(&issuer), &metadata, &body);

    /* what was derived from a request is no one else's */

    max_age = s->environment.access_url.n ? s->environment.jwks_max_age_s : -1;

    return ngx_http_tollgate_document(r, &body, max_age);
}


static ngx_int_t
ngx_http_tollgate_document(ngx_http_request_t *r, tg_buf_t *body,
    int64_t max_age)
{
    u_char                     cache[64];
    ngx_int_t                  rc;
    ngx_http_tollgate_reply_t  reply;

    if (body->err) {
        tg_buf_release(body);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memzero(&reply, sizeof(ngx_http_tollgate_reply_t));

    reply.status = NGX_HTTP_OK;
    reply.body = tg_buf_str(body);

    if (max_age >= 0) {
        ngx_snprintf(cache, sizeof(cache), "public, max-age=%L%Z", max_age);
        reply.cache_control = (const char *) cache;
    }

    rc = ngx_http_tollgate_reply(r, &reply);
    tg_buf_release(body);

    return rc;
}


ngx_int_t
ngx_http_tollgate_issuer(ngx_http_request_t *r,
    const ngx_http_tollgate_snapshot_t *s, tg_str_t prefix, tg_buf_t *out)
{
    tg_str_t                 host, scheme, forwarded;
    const tg_environment_t  *e;

    e = &s->snapshot.environment;
    host = TG_STR_NONE;
    scheme = TG_STR("http");

    if (e->access_url.n == 0) {

        if (r->headers_in.host) {
            host = ngx_http_tollgate_str(r->headers_in.host->value);
        }

#if (NGX_HTTP_SSL)
        if (r->connection->ssl) {
            scheme = TG_STR("https");
        }
#endif

        if (ngx_http_tollgate_peer_is_trusted(r, s)) {

            if (ngx_http_tollgate_header_find(r, TG_STR("x-forwarded-host"),
                                              &forwarded))
            {
                host = tg_str_trim(tg_str_take(&forwarded, ','));
            }

            (void) ngx_http_tollgate_header_find(r,
                                      TG_STR("x-forwarded-proto"), &forwarded);
            forwarded = tg_str_trim(tg_str_take(&forwarded, ','));

            if (tg_str_eq_ci(forwarded, TG_STR("https"))) {
                scheme = TG_STR("https");

            } else if (tg_str_eq_ci(forwarded, TG_STR("http"))) {
                scheme = TG_STR("http");
            }
        }

        if (!tg_host_is_valid(host)) {
            return NGX_DECLINED;
        }
    }

    tg_issuer_write(e, scheme, host, prefix, out);

    return out->err ? NGX_ERROR : NGX_OK;
}
