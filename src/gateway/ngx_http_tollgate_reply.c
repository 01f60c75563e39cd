
/*
 * Answers of our own, and a filter that gives nginx's own error pages (400,
 * 413, 502, 504, ...) a JSON body.  A filter, since error_page would be an
 * internal redirect, which clears the context that the access log reads.
 */


#include "ngx_http_tollgate_request.h"


#define NGX_HTTP_TOLLGATE_RETRY_AFTER  "1"


static const char *ngx_http_tollgate_error_body(ngx_uint_t status);
static ngx_int_t ngx_http_tollgate_reply_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_tollgate_reply_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);


static ngx_http_output_header_filter_pt  ngx_http_tollgate_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_tollgate_next_body_filter;


static struct {
    ngx_uint_t   status;
    const char  *body;
} ngx_http_tollgate_errors[] = {
    { 400, "{\"error\":\"bad_request\","
           "\"error_description\":\"The request is malformed.\"}" },
    { 404, "{\"error\":\"not_found\","
           "\"error_description\":\"There is nothing at this address.\"}" },
    { 405, "{\"error\":\"method_not_allowed\","
           "\"error_description\":\"This method is not allowed here.\"}" },
    { 408, "{\"error\":\"request_timeout\","
           "\"error_description\":\"The request took too long to arrive.\"}" },
    { 413, "{\"error\":\"invalid_request\","
           "\"error_description\":\"The request body is too large.\"}" },
    { 414, "{\"error\":\"uri_too_long\","
           "\"error_description\":\"The request target is too long.\"}" },
    { 421, "{\"error\":\"misdirected_request\","
           "\"error_description\":\"This host is not served here.\"}" },
    { 500, "{\"error\":\"internal_error\","
           "\"error_description\":\"The gateway failed.\"}" },
    { 502, "{\"error\":\"bad_gateway\","
           "\"error_description\":\"The backend cannot be reached.\"}" },
    { 503, "{\"error\":\"unavailable\","
           "\"error_description\":\"Not available at the moment.\"}" },
    { 504, "{\"error\":\"gateway_timeout\","
           "\"error_description\":\"The backend did not answer in time.\"}" },
    { 0, "{\"error\":\"refused\","
         "\"error_description\":\"The request was refused.\"}" }
};


ngx_http_tollgate_ctx_t *
ngx_http_tollgate_ctx(ngx_http_request_t *r)
{
    ngx_http_tollgate_proxied_t  *rq;

    rq = ngx_http_tollgate_proxied(r);

    if (rq == NULL) {
        rq = ngx_pcalloc(r->pool, sizeof(ngx_http_tollgate_proxied_t));
        if (rq == NULL) {
            return NULL;
        }

        ngx_http_set_ctx(r, rq, ngx_http_tollgate_module);
    }

    return &rq->ctx;
}


ngx_int_t
ngx_http_tollgate_reply_add(ngx_http_request_t *r, const char *name, size_t n,
    const u_char *value, size_t len)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
    h->key.data = (u_char *) name;
    h->key.len = n;
    h->value.data = (u_char *) value;
    h->value.len = len;

    return NGX_OK;
}


#define ngx_http_tollgate_reply_literal(r, name, value)                       \
    ngx_http_tollgate_reply_add(r, name, sizeof(name) - 1,                    \
                                (const u_char *) (value), ngx_strlen(value))


static ngx_int_t
ngx_http_tollgate_reply_headers(ngx_http_request_t *r,
    const ngx_http_tollgate_reply_t *reply)
{
    u_char  *p;

    if (ngx_http_tollgate_reply_literal(r, "Cache-Control",
            reply->cache_control ? reply->cache_control : "no-store")
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (reply->pragma
        && ngx_http_tollgate_reply_literal(r, "Pragma", "no-cache") != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (reply->allow
        && ngx_http_tollgate_reply_literal(r, "Allow", reply->allow) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (reply->www_authenticate.n) {
        p = ngx_pnalloc(r->pool, reply->www_authenticate.n);
        if (p == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(p, reply->www_authenticate.p, reply->www_authenticate.n);

        if (ngx_http_tollgate_reply_add(r, "WWW-Authenticate",
                sizeof("WWW-Authenticate") - 1, p, reply->www_authenticate.n)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (reply->retry_after) {
        p = ngx_pnalloc(r->pool, NGX_INT_T_LEN);
        if (p == NULL) {
            return NGX_ERROR;
        }

        return ngx_http_tollgate_reply_add(r, "Retry-After",
                   sizeof("Retry-After") - 1, p,
                   ngx_sprintf(p, "%ui", reply->retry_after) - p);
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_tollgate_reply(ngx_http_request_t *r,
    const ngx_http_tollgate_reply_t *reply)
{
    ngx_int_t                     rc;
    ngx_buf_t                    *b;
    const char                   *type;
    ngx_chain_t                   out;
    ngx_http_tollgate_proxied_t  *rq;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    rq = (ngx_http_tollgate_proxied_t *) ngx_http_tollgate_ctx(r);
    if (rq == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rq->answered = 1;

    r->headers_out.status = reply->status;
    r->headers_out.content_length_n = reply->body.n;

    if (reply->body.n) {
        type = reply->content_type ? reply->content_type : "application/json";

        r->headers_out.content_type.data = (u_char *) type;
        r->headers_out.content_type.len = ngx_strlen(type);
        r->headers_out.content_type_len = r->headers_out.content_type.len;
        r->headers_out.content_type_lowcase = NULL;
    }

    if (ngx_http_tollgate_reply_headers(r, reply) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (reply->body.n == 0 || r->method == NGX_HTTP_HEAD) {
        r->header_only = 1;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_create_temp_buf(r->pool, reply->body.n);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->last = ngx_cpymem(b->last, reply->body.p, reply->body.n);
    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


ngx_int_t
ngx_http_tollgate_reply_error(ngx_http_request_t *r, ngx_uint_t status,
    const char *error, const char *description)
{
    char                       mem[512];
    tg_buf_t                   b;
    ngx_http_tollgate_reply_t  reply;

    tg_buf_init_fixed(&b, mem, sizeof(mem));
    tg_buf_put(&b, TG_STR("{\"error\":"));
    tg_buf_put_json(&b, tg_str(error));
    tg_buf_put(&b, TG_STR(",\"error_description\":"));
    tg_buf_put_json(&b, tg_str(description));
    tg_buf_putc(&b, '}');

    if (b.err) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memzero(&reply, sizeof(ngx_http_tollgate_reply_t));

    reply.status = status;
    reply.body = tg_buf_str(&b);

    if (status == NGX_HTTP_SERVICE_UNAVAILABLE) {
        reply.retry_after = 1;
    }

    return ngx_http_tollgate_reply(r, &reply);
}


static const char *
ngx_http_tollgate_error_body(ngx_uint_t status)
{
    ngx_uint_t  i;

    for (i = 0; ngx_http_tollgate_errors[i].status; i++) {
        if (ngx_http_tollgate_errors[i].status == status) {
            break;
        }
    }

    return ngx_http_tollgate_errors[i].body;
}


/*
 * What was asked for with a token in the URL is no shared cache's to keep (RFC
 * 6750 2.3), unless the backend knows better.
 */

static ngx_int_t
ngx_http_tollgate_reply_private(ngx_http_request_t *r)
{
    ngx_uint_t                    i;
    ngx_list_part_t              *part;
    ngx_table_elt_t              *h;
    ngx_http_tollgate_proxied_t  *rq;

    rq = ngx_http_tollgate_proxied(r);

    if (rq == NULL || !rq->url_token
        || r->headers_out.status < NGX_HTTP_OK
        || r->headers_out.status >= NGX_HTTP_SPECIAL_RESPONSE)
    {
        return NGX_OK;
    }

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].hash && h[i].key.len == sizeof("Cache-Control") - 1
                && ngx_strncasecmp(h[i].key.data, (u_char *) "Cache-Control",
                                   sizeof("Cache-Control") - 1)
                   == 0)
            {
                return NGX_OK;
            }
        }
    }

    return ngx_http_tollgate_reply_literal(r, "Cache-Control", "private");
}


/* Whatever is answered at a proxied API: browsers hide the rest from pages. */

static ngx_int_t
ngx_http_tollgate_reply_cors(ngx_http_request_t *r)
{
    ngx_http_tollgate_proxied_t  *rq;

    rq = ngx_http_tollgate_proxied(r);

    if (rq == NULL || rq->deployed == NULL) {
        return NGX_OK;
    }

    return ngx_http_tollgate_cors_headers(r, rq->deployed->cors);
}


static ngx_int_t
ngx_http_tollgate_reply_id(ngx_http_request_t *r)
{
    tg_str_t                       id;
    ngx_http_tollgate_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_tollgate_module);

    if (r != r->main || (!lcf->enabled && !lcf->token)) {
        return NGX_OK;
    }

    if (ngx_http_tollgate_request_id(r, &id) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_tollgate_reply_add(r, "X-Request-Id",
                                       sizeof("X-Request-Id") - 1,
                                       (const u_char *) id.p, id.n);
}


/*
 * nginx's own error pages are the answers with r->err_status; those of a
 * backend have none.
 */

static ngx_int_t
ngx_http_tollgate_reply_header_filter(ngx_http_request_t *r)
{
    ngx_http_tollgate_proxied_t  *rq;

    if (ngx_http_tollgate_reply_id(r) != NGX_OK) {
        return NGX_ERROR;
    }

    if (r == r->main && ngx_http_tollgate_reply_cors(r) != NGX_OK) {
        return NGX_ERROR;
    }

    if (r->err_status < NGX_HTTP_BAD_REQUEST || r != r->main
        || ngx_http_tollgate_main == NULL || !ngx_http_tollgate_main->enabled)
    {
        if (r == r->main && ngx_http_tollgate_reply_private(r) != NGX_OK) {
            return NGX_ERROR;
        }

        return ngx_http_tollgate_next_header_filter(r);
    }

    rq = (ngx_http_tollgate_proxied_t *) ngx_http_tollgate_ctx(r);

    if (rq == NULL || rq->answered) {
        return ngx_http_tollgate_next_header_filter(r);
    }

    if (r->err_status == NGX_HTTP_SERVICE_UNAVAILABLE
        && ngx_http_tollgate_reply_literal(r, "Retry-After",
                                           NGX_HTTP_TOLLGATE_RETRY_AFTER)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_tollgate_reply_literal(r, "Cache-Control", "no-store")
        != NGX_OK
        || ngx_http_tollgate_reply_literal(r, "Pragma", "no-cache") != NGX_OK)
    {
        return NGX_ERROR;
    }

    rq->replace = 1;

    ngx_str_set(&r->headers_out.content_type, "application/json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    ngx_http_clear_content_length(r);
    r->headers_out.content_length_n =
              ngx_strlen(ngx_http_tollgate_error_body(r->err_status));

    return ngx_http_tollgate_next_header_filter(r);
}


static ngx_int_t
ngx_http_tollgate_reply_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_buf_t                    *b;
    ngx_chain_t                   out, *cl;
    const char                   *body;
    ngx_http_tollgate_proxied_t  *rq;

    if (r->err_status == 0 || in == NULL) {
        return ngx_http_tollgate_next_body_filter(r, in);
    }

    rq = ngx_http_tollgate_proxied(r);

    if (rq == NULL || !rq->replace) {
        return ngx_http_tollgate_next_body_filter(r, in);
    }

    /* the page comes in one call */

    rq->replace = 0;

    for (cl = in; cl; cl = cl->next) {
        cl->buf->pos = cl->buf->last;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    body = ngx_http_tollgate_error_body(r->err_status);

    b->memory = 1;
    b->pos = (u_char *) body;
    b->last = b->pos + ngx_strlen(body);
    b->last_buf = 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_tollgate_next_body_filter(r, &out);
}


void
ngx_http_tollgate_reply_filter_init(void)
{
    ngx_http_tollgate_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_tollgate_reply_header_filter;

    ngx_http_tollgate_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_tollgate_reply_body_filter;
}
