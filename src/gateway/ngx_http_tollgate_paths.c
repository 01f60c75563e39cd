
/*
 * What is at which address: two prefixes, one implementation.  Application
 * keys ask below /auth, credentials below /credential.
 */


#include "ngx_http_tollgate_endpoints.h"


#define NGX_HTTP_TOLLGATE_ALLOW_POST  "POST, OPTIONS"
#define NGX_HTTP_TOLLGATE_ALLOW_GET   "GET, HEAD, OPTIONS"


typedef ngx_int_t (*ngx_http_tollgate_public_pt)(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx, tg_client_kind_t kind, tg_str_t prefix);


typedef struct {
    tg_str_t                     path;      /* behind the prefix */
    ngx_uint_t                   endpoint;  /* without a handler */
    ngx_http_tollgate_public_pt  handler;
} ngx_http_tollgate_path_t;


typedef struct {
    const ngx_http_tollgate_path_t  *path;
    tg_str_t                         prefix;
    tg_client_kind_t                 kind;
} ngx_http_tollgate_place_t;


static ngx_int_t ngx_http_tollgate_place_find(tg_str_t uri,
    ngx_http_tollgate_place_t *place);
static ngx_int_t ngx_http_tollgate_method_check(ngx_http_request_t *r,
    const ngx_http_tollgate_path_t *path);
static ngx_int_t ngx_http_tollgate_method_refuse(ngx_http_request_t *r,
    const char *allow);
static ngx_int_t ngx_http_tollgate_public(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx, const ngx_http_tollgate_place_t *place);
static ngx_int_t ngx_http_tollgate_options(ngx_http_request_t *r,
    const ngx_http_tollgate_ctx_t *ctx, tg_client_kind_t kind,
    const char *allow);


static const struct {
    tg_str_t                     prefix;
    tg_client_kind_t             kind;
} ngx_http_tollgate_prefixes[] = {
    { { "/auth", 5 }, TG_CLIENT_APPLICATION },
    { { "/credential", 11 }, TG_CLIENT_CREDENTIAL },
};


static const ngx_http_tollgate_path_t  ngx_http_tollgate_paths[] = {

    { { "/token", 6 }, NGX_HTTP_TOLLGATE_EP_TOKEN, NULL },

    { { "/jwt", 4 }, NGX_HTTP_TOLLGATE_EP_JWT, NULL },

    { { "/jwt/regenerate", 15 }, NGX_HTTP_TOLLGATE_EP_REGENERATE, NULL },

    { { "/introspect", 11 }, NGX_HTTP_TOLLGATE_EP_INTROSPECT, NULL },

    { { "/revoke", 7 }, NGX_HTTP_TOLLGATE_EP_REVOKE, NULL },

    { { "/.well-known/jwks.json", 22 }, 0, ngx_http_tollgate_jwks },

    { { "/.well-known/oauth-authorization-server", 39 }, 0,
      ngx_http_tollgate_metadata },

    { { NULL, 0 }, 0, NULL }
};


ngx_int_t
ngx_http_tollgate_token_handler(ngx_http_request_t *r)
{
    const char                 *allow;
    ngx_http_tollgate_ctx_t    *ctx;
    ngx_http_tollgate_place_t   place;

    if (ngx_http_tollgate_place_find(ngx_http_tollgate_str(r->uri), &place)
        != NGX_OK)
    {
        return ngx_http_tollgate_reply_error(r, NGX_HTTP_NOT_FOUND,
                       "not_found", "There is nothing at this address.");
    }

    ctx = ngx_http_tollgate_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->snapshot = ngx_http_tollgate_snapshot_acquire(r);

    allow = place.path->handler ? NGX_HTTP_TOLLGATE_ALLOW_GET
                                : NGX_HTTP_TOLLGATE_ALLOW_POST;

    if (r->method == NGX_HTTP_OPTIONS) {
        return ngx_http_tollgate_options(r, ctx, place.kind, allow);
    }

    if (ngx_http_tollgate_method_check(r, place.path) != NGX_OK) {
        return ngx_http_tollgate_method_refuse(r, allow);
    }

    if (ctx->snapshot == NULL) {
        return ngx_http_tollgate_reply_error(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                   "server_error", "The gateway has no configuration yet.");
    }

    if (place.path->handler) {
        return ngx_http_tollgate_public(r, ctx, &place);
    }

    return ngx_http_tollgate_token_start(r, ctx, place.path->endpoint,
                                         place.kind, place.prefix);
}


/* RFC 8414 3.1 puts the prefix behind the well-known name. */

static tg_str_t
ngx_http_tollgate_place_path(tg_str_t uri, tg_str_t prefix)
{
    static const tg_str_t  metadata = {
        "/.well-known/oauth-authorization-server", 39
    };

    if (tg_str_starts(uri, metadata)
        && tg_str_eq(tg_strn(uri.p + metadata.n, uri.n - metadata.n), prefix))
    {
        return metadata;
    }

    if (tg_str_starts(uri, prefix)) {
        return tg_strn(uri.p + prefix.n, uri.n - prefix.n);
    }

    return TG_STR_NONE;
}


static ngx_int_t
ngx_http_tollgate_place_find(tg_str_t uri, ngx_http_tollgate_place_t *place)
{
    tg_str_t                         rest;
    ngx_uint_t                       i;
    const ngx_http_tollgate_path_t  *path;

    for (i = 0; i < 2; i++) {
        place->prefix = ngx_http_tollgate_prefixes[i].prefix;
        place->kind = ngx_http_tollgate_prefixes[i].kind;

        rest = ngx_http_tollgate_place_path(uri, place->prefix);

        for (path = ngx_http_tollgate_paths; path->path.n; path++) {
            if (tg_str_eq(path->path, rest)) {
                place->path = path;
                return NGX_OK;
            }
        }
    }

    return NGX_DECLINED;
}


tg_str_t
ngx_http_tollgate_token_path(ngx_http_request_t *r)
{
    tg_str_t                   uri;
    ngx_http_tollgate_place_t  place;

    uri = ngx_http_tollgate_str(r->uri);

    if (ngx_http_tollgate_place_find(uri, &place) != NGX_OK
        || place.path->handler)
    {
        return TG_STR_NONE;
    }

    return uri;
}


static ngx_int_t
ngx_http_tollgate_method_check(ngx_http_request_t *r,
    const ngx_http_tollgate_path_t *path)
{
    if (path->handler) {
        return r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD) ? NGX_OK
                                                        : NGX_DECLINED;
    }

    /* with GET, the client decides: it may be allowed to */

    return r->method == NGX_HTTP_POST
           || (r->method == NGX_HTTP_GET
               && (path->endpoint == NGX_HTTP_TOLLGATE_EP_TOKEN
                   || path->endpoint == NGX_HTTP_TOLLGATE_EP_JWT))
           ? NGX_OK : NGX_DECLINED;
}


static ngx_int_t
ngx_http_tollgate_method_refuse(ngx_http_request_t *r, const char *allow)
{
    char                       mem[512];
    tg_buf_t                   body;
    ngx_http_tollgate_reply_t  reply;

    ngx_memzero(&reply, sizeof(ngx_http_tollgate_reply_t));
    tg_buf_init_fixed(&body, mem, sizeof(mem));

    tg_oauth_error_write(TG_OAUTH_METHOD, "This method is not allowed here.",
                         &body);

    reply.allow = allow;
    reply.status = tg_oauth_status(TG_OAUTH_METHOD);
    reply.body = tg_buf_str(&body);
    reply.pragma = 1;

    return ngx_http_tollgate_reply(r, &reply);
}


/* -- other origins ------------------------------------------------------------- */

/*
 * The settings that count while no client is known (token-api.md "CORS and
 * client address").  No method: the origin alone.
 */

static const tg_cors_t *
ngx_http_tollgate_cors_unknown(const ngx_http_tollgate_snapshot_t *s,
    tg_client_kind_t kind, tg_str_t origin, tg_str_t method, tg_str_t headers)
{
    return kind == TG_CLIENT_CREDENTIAL ? &s->snapshot.environment.cors
           : tg_cors_find(&s->snapshot, origin, method, headers);
}


ngx_int_t
ngx_http_tollgate_origin_headers(ngx_http_request_t *r,
    const ngx_http_tollgate_snapshot_t *s, tg_client_kind_t kind)
{
    tg_str_t  origin;

    (void) ngx_http_tollgate_header_find(r, TG_STR("origin"), &origin);

    return ngx_http_tollgate_cors_headers(r,
                              ngx_http_tollgate_cors_unknown(s, kind, origin,
                                                 TG_STR_NONE, TG_STR_NONE));
}


/* OPTIONS: a preflight or not, it says what may be asked here. */

static ngx_int_t
ngx_http_tollgate_options(ngx_http_request_t *r,
    const ngx_http_tollgate_ctx_t *ctx, tg_client_kind_t kind,
    const char *allow)
{
    tg_str_t                   origin, method, headers;
    ngx_http_tollgate_reply_t  reply;

    if (ctx->snapshot == NULL
        || !ngx_http_tollgate_is_preflight(r, &origin, &method, &headers))
    {
        ngx_memzero(&reply, sizeof(ngx_http_tollgate_reply_t));
        reply.status = NGX_HTTP_NO_CONTENT;
        reply.allow = allow;

        return ngx_http_tollgate_reply(r, &reply);
    }

    if (ngx_http_tollgate_reply_add(r, "Allow", 5, (const u_char *) allow,
                                    ngx_strlen(allow))
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_tollgate_preflight(r,
               ngx_http_tollgate_cors_unknown(ctx->snapshot, kind, origin,
                                              method, headers));
}


static ngx_int_t
ngx_http_tollgate_public(ngx_http_request_t *r, ngx_http_tollgate_ctx_t *ctx,
    const ngx_http_tollgate_place_t *place)
{
    /* whoever caches it must not give one origin's answer to another */

    if (ngx_http_tollgate_reply_add(r, "Vary", 4, (const u_char *) "Origin", 6)
        != NGX_OK
        || ngx_http_tollgate_origin_headers(r, ctx->snapshot, place->kind)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return place->path->handler(r, ctx, place->kind, place->prefix);
}
