
/*
 * Quotas and throttling at proxied APIs (docs/decisions/0011-limits.md): those
 * of the proxy, whoever calls, and those of the row in a credential's access
 * list that lets it in.
 */


#include "ngx_http_tollgate_request.h"


#define NGX_HTTP_TOLLGATE_LIMITS_MAX  4


typedef struct {
    ngx_http_tollgate_meter_id_t   id;
    const tg_limit_t              *limit;
    ngx_uint_t                     accepted_only;
    ngx_uint_t                     metric;
} ngx_http_tollgate_limit_t;


typedef struct {
    ngx_http_tollgate_limit_t      elts[NGX_HTTP_TOLLGATE_LIMITS_MAX];
    ngx_uint_t                     n;
} ngx_http_tollgate_limit_list_t;


static void
ngx_http_tollgate_limits_add(ngx_http_tollgate_limit_list_t *list,
    const tg_limits_t *limits, ngx_uint_t throttling,
    ngx_http_tollgate_meter_e kind, tg_str_t a, tg_str_t b)
{
    const tg_limit_t           *limit;
    ngx_http_tollgate_limit_t  *l;

    limit = throttling ? &limits->throttling : &limits->quota;

    if (limit->limit == 0) {
        return;
    }

    l = &list->elts[list->n++];

    ngx_http_tollgate_meter_id(kind, a, b, &l->id);

    l->limit = limit;
    l->accepted_only = limits->accepted_only;
    l->metric = throttling ? NGX_HTTP_TOLLGATE_M_LIMITED_THROTTLING
                           : NGX_HTTP_TOLLGATE_M_LIMITED_QUOTA;
}


static void
ngx_http_tollgate_limits_list(const tg_deployed_proxy_t *p,
    const int64_t *key_id, const tg_access_t *access,
    ngx_http_tollgate_limit_list_t *list)
{
    tg_str_t            a, b;
    const tg_limits_t  *limits;

    list->n = 0;

    if (access) {
        a = tg_strn(key_id, sizeof(int64_t));
        b = tg_strn(&access->target, sizeof(int64_t));
        limits = &access->limits;

        ngx_http_tollgate_limits_add(list, limits, 0,
                                     NGX_HTTP_TOLLGATE_METER_QUOTA, a, b);
        ngx_http_tollgate_limits_add(list, limits, 1,
                                     NGX_HTTP_TOLLGATE_METER_THROTTLING, a, b);
    }

    a = tg_strn(&p->id, sizeof(int64_t));
    b = TG_STR_NONE;
    limits = &p->proxy.limits;

    ngx_http_tollgate_limits_add(list, limits, 0,
                                 NGX_HTTP_TOLLGATE_METER_PROXY_QUOTA, a, b);
    ngx_http_tollgate_limits_add(list, limits, 1,
                                 NGX_HTTP_TOLLGATE_METER_PROXY_THROTTLING,
                                 a, b);
}


/* NGX_DECLINED: the limit is met; *retry_after is the longest so far. */

static ngx_int_t
ngx_http_tollgate_limit_refuse(const ngx_http_tollgate_limit_t *l,
    ngx_uint_t after, ngx_uint_t *retry_after)
{
    ngx_http_tollgate_count_at(l->metric, 1);

    *retry_after = ngx_max(*retry_after, ngx_max(after, 1));

    return NGX_DECLINED;
}


/*
 * What counts every request counts this one, whatever the other limits say;
 * what counts only those that were let through waits until all of them agree.
 */

static ngx_int_t
ngx_http_tollgate_limit_check(const ngx_http_tollgate_limit_t *l,
    ngx_uint_t *retry_after)
{
    ngx_uint_t  after;

    if (l->accepted_only) {
        if (ngx_http_tollgate_meter_check(&l->id, l->limit, &after)
            == NGX_OK)
        {
            return NGX_OK;
        }

    } else {
        if (ngx_http_tollgate_meter_take(&l->id, l->limit, &after) == NGX_OK) {
            return NGX_OK;
        }

        ngx_http_tollgate_meter_add(&l->id, l->limit);
    }

    return ngx_http_tollgate_limit_refuse(l, after, retry_after);
}


ngx_int_t
ngx_http_tollgate_limits(ngx_http_tollgate_proxied_t *rq, int64_t key_id,
    const tg_access_t *access)
{
    ngx_int_t                       rc;
    ngx_uint_t                      i, after;
    ngx_http_tollgate_limit_t      *l;
    ngx_http_tollgate_limit_list_t  list;

    ngx_http_tollgate_limits_list(rq->deployed, &key_id, access, &list);

    rc = NGX_OK;

    for (i = 0; i < list.n; i++) {
        if (ngx_http_tollgate_limit_check(&list.elts[i], &rq->retry_after)
            != NGX_OK)
        {
            rc = NGX_DECLINED;
        }
    }

    /* another worker may have been faster in between */

    for (i = 0; i < list.n && rc == NGX_OK; i++) {
        l = &list.elts[i];

        if (l->accepted_only
            && ngx_http_tollgate_meter_take(&l->id, l->limit, &after)
               != NGX_OK)
        {
            rc = ngx_http_tollgate_limit_refuse(l, after, &rq->retry_after);
        }
    }

    return rc;
}
