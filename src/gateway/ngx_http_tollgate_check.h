
/* One check of a token, while it is under way. */


#ifndef _NGX_HTTP_TOLLGATE_CHECK_H_INCLUDED_
#define _NGX_HTTP_TOLLGATE_CHECK_H_INCLUDED_


#include "ngx_http_tollgate_request.h"


typedef struct {
    ngx_http_request_t            *r;
    ngx_http_tollgate_proxied_t   *rq;
    const tg_policy_t             *policy;
    ngx_uint_t                     fresh;     /* the feed */
    ngx_uint_t                     asks;      /* what is missing */
    tg_bucket_t                    bucket;    /* opaque */
    tg_token_verdict_t             verdict;
    tg_str_t                       roles;     /* for the header */
    const tg_token_facts_t        *facts;     /* of `known`, once they are */
    ngx_http_tollgate_known_t     *known;
} ngx_http_tollgate_check_t;


/*
 * Goes from stage to stage as far as what is known allows.  NGX_OK: the token
 * is good and the request is the backend's; NGX_DECLINED: c->verdict is why
 * not; NGX_AGAIN: c->asks is missing; NGX_ABORT, NGX_ERROR: as
 * ngx_http_tollgate_check().
 */
ngx_int_t ngx_http_tollgate_check_stages(ngx_http_tollgate_check_t *c);


static ngx_inline ngx_int_t
ngx_http_tollgate_check_refuse(ngx_http_tollgate_check_t *c,
    tg_token_verdict_t verdict)
{
    c->verdict = verdict;

    return verdict == TG_TOKEN_OK ? NGX_OK : NGX_DECLINED;
}


#endif /* _NGX_HTTP_TOLLGATE_CHECK_H_INCLUDED_ */
