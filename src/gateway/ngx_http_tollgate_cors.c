
/* CORS (Fetch 3.2): the headers of answers, and preflights. */


#include "ngx_http_tollgate_request.h"

#include "policy/cors.h"


#define NGX_HTTP_TOLLGATE_CORS_MAX  65536

#define ngx_http_tollgate_cors_starts(h, literal)                             \
    ((h)->key.len >= sizeof(literal) - 1                                      \
     && ngx_strncasecmp((h)->key.data, (u_char *) literal,                    \
                        sizeof(literal) - 1) == 0)


/* "" if there is none, or more than one: no browser sends that. */

static tg_str_t
ngx_http_tollgate_cors_origin(ngx_http_request_t *r)
{
    tg_str_t  origin;

    return ngx_http_tollgate_header_find(r, TG_STR("origin"), &origin) == 1
           ? origin : TG_STR_NONE;
}


static ngx_int_t
ngx_http_tollgate_cors_put(ngx_http_request_t *r, const char *name,
    tg_str_t value)
{
    u_char  *p;

    if (value.n == 0) {
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, value.n);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, value.p, value.n);

    return ngx_http_tollgate_reply_add(r, name, ngx_strlen(name), p, value.n);
}


/* What a backend says of other origins is not what the settings say. */

static ngx_uint_t
ngx_http_tollgate_cors_drop(ngx_table_elt_t *h, void *data)
{
    if (ngx_http_tollgate_cors_starts(h, "Access-Control-")) {
        h->hash = 0;
    }

    return 0;
}


static ngx_uint_t
ngx_http_tollgate_cors_varies(ngx_table_elt_t *h, void *data)
{
    tg_str_t  rest, name;

    if (h->hash == 0 || h->key.len != 4
        || !ngx_http_tollgate_cors_starts(h, "Vary"))
    {
        return 0;
    }

    rest = ngx_http_tollgate_str(h->value);

    while (rest.n) {
        name = tg_str_trim(tg_str_take(&rest, ','));

        if (tg_str_eq_ci(name, TG_STR("Origin"))
            || tg_str_eq(name, TG_STR("*")))
        {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_tollgate_cors_write(ngx_http_request_t *r, const tg_cors_t *cors,
    tg_str_t origin, ngx_uint_t preflight)
{
    tg_buf_t          scratch;
    ngx_int_t         rc;
    ngx_uint_t        failed;
    tg_cors_answer_t  answer;

    tg_buf_init(&scratch, NGX_HTTP_TOLLGATE_CORS_MAX);

    tg_cors_answer(cors, origin, preflight, &scratch, &answer);

    rc = NGX_OK;

    if (answer.vary
        && !ngx_http_tollgate_headers_each(&r->headers_out.headers,
                                           ngx_http_tollgate_cors_varies,
                                           NULL))
    {
        rc = ngx_http_tollgate_cors_put(r, "Vary", TG_STR("Origin"));
    }

    failed = rc != NGX_OK || scratch.err
             || ngx_http_tollgate_cors_put(r, "Access-Control-Allow-Origin",
                                           answer.allow_origin) != NGX_OK
             || ngx_http_tollgate_cors_put(r,
                                           "Access-Control-Allow-Credentials",
                                           answer.allow_credentials
                                           ? TG_STR("true") : TG_STR_NONE)
                != NGX_OK
             || ngx_http_tollgate_cors_put(r, "Access-Control-Allow-Methods",
                                           answer.allow_methods) != NGX_OK
             || ngx_http_tollgate_cors_put(r, "Access-Control-Allow-Headers",
                                           answer.allow_headers) != NGX_OK
             || ngx_http_tollgate_cors_put(r, "Access-Control-Max-Age",
                                           answer.max_age) != NGX_OK
             || ngx_http_tollgate_cors_put(r, "Access-Control-Expose-Headers",
                                           answer.expose_headers) != NGX_OK;

    tg_buf_release(&scratch);

    return failed ? NGX_ERROR : NGX_OK;
}


/* They are there once, whoever asks for them again. */

static ngx_int_t
ngx_http_tollgate_cors_begin(ngx_http_request_t *r)
{
    ngx_http_tollgate_proxied_t  *rq;

    rq = (ngx_http_tollgate_proxied_t *) ngx_http_tollgate_ctx(r);

    if (rq == NULL) {
        return NGX_ERROR;
    }

    if (rq->cors) {
        return NGX_DECLINED;
    }

    rq->cors = 1;

    return NGX_OK;
}


ngx_int_t
ngx_http_tollgate_cors_headers(ngx_http_request_t *r, const tg_cors_t *cors)
{
    ngx_int_t  rc;

    if (cors == NULL || !cors->enabled) {
        return NGX_OK;
    }

    rc = ngx_http_tollgate_cors_begin(r);
    if (rc != NGX_OK) {
        return rc == NGX_DECLINED ? NGX_OK : NGX_ERROR;
    }

    (void) ngx_http_tollgate_headers_each(&r->headers_out.headers,
                                          ngx_http_tollgate_cors_drop, NULL);

    return ngx_http_tollgate_cors_write(r, cors,
                                        ngx_http_tollgate_cors_origin(r), 0);
}


ngx_uint_t
ngx_http_tollgate_is_preflight(ngx_http_request_t *r, tg_str_t *origin,
    tg_str_t *method, tg_str_t *headers)
{
    if (r->method != NGX_HTTP_OPTIONS) {
        return 0;
    }

    *origin = ngx_http_tollgate_cors_origin(r);

    return origin->n != 0
           && ngx_http_tollgate_header_find(r,
                        TG_STR("access-control-request-method"), method) == 1
           && ngx_http_tollgate_header_find(r,
                        TG_STR("access-control-request-headers"), headers)
              <= 1;
}


ngx_int_t
ngx_http_tollgate_preflight(ngx_http_request_t *r, const tg_cors_t *cors)
{
    tg_str_t                   origin, method, headers;
    ngx_http_tollgate_reply_t  reply;

    if (ngx_http_tollgate_cors_begin(r) == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (cors && cors->enabled
        && ngx_http_tollgate_is_preflight(r, &origin, &method, &headers))
    {
        if (!tg_cors_allows_preflight(cors, origin, method, headers)) {
            origin = TG_STR_NONE;
        }

        if (ngx_http_tollgate_cors_write(r, cors, origin, 1) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    ngx_memzero(&reply, sizeof(ngx_http_tollgate_reply_t));

    reply.status = NGX_HTTP_NO_CONTENT;

    return ngx_http_tollgate_reply(r, &reply);
}
