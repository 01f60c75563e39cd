
/* Answers of an API of endpoints alone to requests for none of them. */


#include "ngx_http_tollgate_request.h"

#include "model/method.h"


/* room for the names of all methods */
#define NGX_HTTP_TOLLGATE_ALLOW_MAX  128


/* An endpoint of GET answers HEAD, too. */

static const char *
ngx_http_tollgate_unlisted_allow(ngx_http_request_t *r, uint32_t methods)
{
    char      *p;
    uint32_t   bit;
    tg_buf_t   b;

    p = ngx_pnalloc(r->pool, NGX_HTTP_TOLLGATE_ALLOW_MAX);
    if (p == NULL) {
        return NULL;
    }

    if (methods & tg_method_bit(TG_STR("GET"))) {
        methods |= tg_method_bit(TG_STR("HEAD"));
    }

    tg_buf_init_fixed(&b, p, NGX_HTTP_TOLLGATE_ALLOW_MAX);

    for (bit = 1; bit <= methods; bit <<= 1) {
        if (methods & bit) {
            tg_buf_put(&b, b.n ? TG_STR(", ") : TG_STR_NONE);
            tg_buf_put(&b, tg_method_name(bit));
        }
    }

    tg_buf_putc(&b, '\0');

    return b.err ? NULL : p;
}


ngx_int_t
ngx_http_tollgate_unlisted(ngx_http_request_t *r,
    const tg_endpoint_match_t *endpoint)
{
    ngx_http_tollgate_reply_t  reply;

    if (endpoint->verdict == TG_ENDPOINT_NO_PATH) {
        return ngx_http_tollgate_reply_error(r, NGX_HTTP_NOT_FOUND,
                                  "not_found", "This API has no such path.");
    }

    ngx_memzero(&reply, sizeof(ngx_http_tollgate_reply_t));

    reply.status = NGX_HTTP_NOT_ALLOWED;
    reply.allow = ngx_http_tollgate_unlisted_allow(r, endpoint->methods);
    reply.body = TG_STR("{\"error\":\"method_not_allowed\","
                        "\"error_description\":"
                        "\"This path does not take this method.\"}");

    return reply.allow ? ngx_http_tollgate_reply(r, &reply)
                       : NGX_HTTP_INTERNAL_SERVER_ERROR;
}
