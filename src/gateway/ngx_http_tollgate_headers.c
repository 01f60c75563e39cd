
/*
 * Which request headers a backend gets to see.
 *
 * Left out: the client's own copies of identity headers, what the client names
 * in Connection (RFC 9110 7.6.1), Authorization if the policy says so, and a
 * traceparent that is none, with its tracestate (W3C Trace Context 3.3).
 * Added: the user and its roles, if the policy says so.  The proxy module of
 * nginx 1.22 sends all that is in the list, whatever its `hash`, so leaving
 * out means a new list; pointers to single headers (host, authorization, ...)
 * go on pointing into the old one.
 */


#include "ngx_http_tollgate_request.h"

#include "policy/identity_headers.h"
#include "policy/trace.h"


typedef struct {
    const tg_deployed_proxy_t  *deployed;
    tg_str_t                    trace;         /* the last traceparent */
    ngx_uint_t                  traces;        /* that were there */
    unsigned                    clear_auth:1;
    unsigned                    named:1;       /* by Connection */
    unsigned                    bad_trace:1;
} ngx_http_tollgate_keep_t;


/* The token of a Connection header that is no news to the proxy module. */

static ngx_uint_t
ngx_http_tollgate_connection_is_plain(tg_str_t token)
{
    return token.n == 0
           || tg_str_eq_ci(token, TG_STR("keep-alive"))
           || tg_str_eq_ci(token, TG_STR("close"))
           || tg_str_eq_ci(token, TG_STR("upgrade"))
           || tg_str_eq_ci(token, TG_STR("te"));
}


/* Whether a Connection header lists `name`; with "" : any header at all. */

static ngx_uint_t
ngx_http_tollgate_connection_names(const ngx_table_elt_t *h, tg_str_t name)
{
    tg_str_t  rest, token;

    rest = ngx_http_tollgate_str(h->value);

    while (rest.n) {
        token = tg_str_trim(tg_str_take(&rest, ','));

        if (name.n == 0) {
            if (!ngx_http_tollgate_connection_is_plain(token)) {
                return 1;
            }

        } else if (tg_str_eq_ci(token, name)) {
            return 1;
        }
    }

    return 0;
}


static ngx_inline ngx_uint_t
ngx_http_tollgate_header_is(const ngx_table_elt_t *h, const char *lowcase,
    size_t n)
{
    return h->key.len == n && ngx_memcmp(h->lowcase_key, lowcase, n) == 0;
}

#define ngx_http_tollgate_header_is_literal(h, lowcase)                       \
    ngx_http_tollgate_header_is(h, lowcase, sizeof(lowcase) - 1)


ngx_uint_t
ngx_http_tollgate_headers_each(ngx_list_t *list,
    ngx_uint_t (*what)(ngx_table_elt_t *h, void *data), void *data)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &list->part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (what(&h[i], data)) {
                return 1;
            }
        }
    }

    return 0;
}


static ngx_uint_t
ngx_http_tollgate_is_named(ngx_table_elt_t *h, void *data)
{
    return ngx_http_tollgate_header_is_literal(h, "connection")
           && ngx_http_tollgate_connection_names(h, *(tg_str_t *) data);
}


static ngx_uint_t
ngx_http_tollgate_is_special_connection(ngx_table_elt_t *h, void *data)
{
    if (!ngx_http_tollgate_header_is_literal(h, "connection")) {
        return 0;
    }

    /* most clients send one of these, or nothing */

    if ((h->value.len == 10
         && ngx_strncasecmp(h->value.data, (u_char *) "keep-alive", 10) == 0)
        || (h->value.len == 5
            && ngx_strncasecmp(h->value.data, (u_char *) "close", 5) == 0))
    {
        return 0;
    }

    return ngx_http_tollgate_connection_names(h, TG_STR_NONE);
}


static ngx_uint_t
ngx_http_tollgate_is_bad_trace(ngx_table_elt_t *h, void *data)
{
    ngx_http_tollgate_keep_t  *keep = data;

    if (!ngx_http_tollgate_header_is_literal(h, "traceparent")) {
        return 0;
    }

    keep->trace = ngx_http_tollgate_str(h->value);

    return keep->traces++ || !tg_traceparent_is_valid(keep->trace);
}


/* Whether anything must be left out at all. */

static ngx_uint_t
ngx_http_tollgate_is_unwanted(ngx_table_elt_t *h, void *data)
{
    ngx_http_tollgate_keep_t  *keep = data;

    if (tg_identity_header_is(keep->deployed, ngx_http_tollgate_str(h->key))) {
        return 1;
    }

    if (keep->clear_auth
        && ngx_http_tollgate_header_is_literal(h, "authorization"))
    {
        return 1;
    }

    return ngx_http_tollgate_is_bad_trace(h, keep)
           || ngx_http_tollgate_is_special_connection(h, NULL);
}


static ngx_uint_t
ngx_http_tollgate_is_kept(ngx_http_request_t *r,
    const ngx_table_elt_t *h, ngx_http_tollgate_keep_t *keep)
{
    tg_str_t  name;

    name = ngx_http_tollgate_str(h->key);

    if (tg_identity_header_is(keep->deployed, name)) {
        return 0;
    }

    if (keep->clear_auth
        && ngx_http_tollgate_header_is_literal(h, "authorization"))
    {
        return 0;
    }

    if (keep->bad_trace
        && (ngx_http_tollgate_header_is_literal(h, "traceparent")
            || ngx_http_tollgate_header_is_literal(h, "tracestate")))
    {
        return 0;
    }

    /* the Connection headers themselves are the proxy module's to replace */

    return !keep->named
           || ngx_http_tollgate_header_is_literal(h, "connection")
           || !ngx_http_tollgate_headers_each(&r->headers_in.headers,
                                              ngx_http_tollgate_is_named,
                                              &name);
}


static ngx_int_t
ngx_http_tollgate_headers_rebuild(ngx_http_request_t *r,
    ngx_http_tollgate_keep_t *keep)
{
    ngx_uint_t        i;
    ngx_list_t        list;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h, *copy;

    if (ngx_list_init(&list, r->pool, 20, sizeof(ngx_table_elt_t)) != NGX_OK) {
        return NGX_ERROR;
    }

    keep->traces = 0;
    keep->trace = TG_STR_NONE;
    keep->bad_trace = ngx_http_tollgate_headers_each(&r->headers_in.headers,
                          ngx_http_tollgate_is_bad_trace, keep);

    keep->named = ngx_http_tollgate_headers_each(&r->headers_in.headers,
                      ngx_http_tollgate_is_special_connection, NULL);

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (!ngx_http_tollgate_is_kept(r, &h[i], keep)) {
                continue;
            }

            copy = ngx_list_push(&list);
            if (copy == NULL) {
                return NGX_ERROR;
            }

            *copy = h[i];
        }
    }

    r->headers_in.headers = list;

    /* of a list with one part, `last` is the part inside the list itself */

    if (list.last == &list.part) {
        r->headers_in.headers.last = &r->headers_in.headers.part;
    }

    return NGX_OK;
}


ngx_uint_t
ngx_http_tollgate_is_websocket(ngx_http_request_t *r)
{
    tg_str_t  upgrade;

    upgrade = TG_STR("upgrade");

    return r->headers_in.upgrade
           && r->method == NGX_HTTP_GET
           && r->http_version == NGX_HTTP_VERSION_11
           && tg_str_eq_ci(ngx_http_tollgate_str(r->headers_in.upgrade->value),
                           TG_STR("websocket"))
           && ngx_http_tollgate_headers_each(&r->headers_in.headers,
                                             ngx_http_tollgate_is_named,
                                             &upgrade);
}


/*
 * A subject that cannot stand in a header as it is does not come here: see
 * ngx_http_tollgate_subject_is_safe().  Roles are scope-tokens, which can.
 */

static ngx_int_t
ngx_http_tollgate_headers_add(ngx_http_request_t *r, tg_str_t name,
    tg_str_t value)
{
    u_char           *p;
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_in.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(r->pool, name.n + value.n);
    if (p == NULL) {
        return NGX_ERROR;
    }

    h->key.data = (u_char *) name.p;   /* of the snapshot, which is held */
    h->key.len = name.n;
    h->lowcase_key = p;
    h->hash = ngx_hash_strlow(p, (u_char *) name.p, name.n);

    h->value.data = p + name.n;
    h->value.len = value.n;
    ngx_memcpy(h->value.data, value.p, value.n);

    return NGX_OK;
}


static ngx_int_t
ngx_http_tollgate_headers_trace(ngx_http_request_t *r,
    ngx_http_tollgate_proxied_t *rq)
{
    char     *p;
    uint64_t  id[3];

    p = ngx_pnalloc(r->pool, TG_TRACEPARENT_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_http_tollgate_unique(id, 3);
    tg_traceparent_write((u_char *) id, p);

    rq->trace = tg_strn(p, TG_TRACEPARENT_LEN);

    return ngx_http_tollgate_headers_add(r, TG_STR("traceparent"), rq->trace);
}


ngx_int_t
ngx_http_tollgate_headers(ngx_http_request_t *r,
    ngx_http_tollgate_proxied_t *rq, tg_str_t subject, tg_str_t roles)
{
    const tg_policy_t         *policy;
    ngx_http_tollgate_keep_t   keep;

    policy = rq->deployed->policy;

    if (policy && !policy->active) {
        policy = NULL;
    }

    keep.deployed = rq->deployed;
    keep.trace = TG_STR_NONE;
    keep.traces = 0;
    keep.clear_auth = policy && policy->clear_auth;
    keep.named = 0;
    keep.bad_trace = 0;

    if (ngx_http_tollgate_headers_each(&r->headers_in.headers,
                                       ngx_http_tollgate_is_unwanted, &keep)
        && ngx_http_tollgate_headers_rebuild(r, &keep) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!keep.bad_trace) {
        rq->trace = keep.trace;
    }

    if (rq->trace.n == 0 && ngx_http_tollgate_main->traceparent_make
        && ngx_http_tollgate_headers_trace(r, rq) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (policy && policy->add_user && subject.n
        && ngx_http_tollgate_headers_add(r, policy->user_header, subject)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (policy && policy->add_roles && roles.n) {
        return ngx_http_tollgate_headers_add(r, policy->roles_header, roles);
    }

    return NGX_OK;
}


ngx_uint_t
ngx_http_tollgate_subject_is_safe(tg_str_t subject)
{
    size_t  i;

    for (i = 0; i < subject.n; i++) {
        if ((u_char) subject.p[i] < 0x20 || subject.p[i] == 0x7f) {
            return 0;
        }
    }

    /* blanks at the ends would not survive the backend's parser */

    return tg_str_trim(subject).n == subject.n;
}


typedef struct {
    tg_str_t  name;
    tg_str_t  value;
    size_t    n;
} ngx_http_tollgate_find_t;


static ngx_uint_t
ngx_http_tollgate_is_wanted(ngx_table_elt_t *h, void *data)
{
    ngx_http_tollgate_find_t  *find = data;

    if (h->key.len == find->name.n
        && tg_str_eq_ci(ngx_http_tollgate_str(h->key), find->name))
    {
        if (find->n++ == 0) {
            find->value = ngx_http_tollgate_str(h->value);
        }
    }

    return 0;
}


size_t
ngx_http_tollgate_header_find(ngx_http_request_t *r, tg_str_t name,
    tg_str_t *value)
{
    ngx_http_tollgate_find_t  find;

    find.name = name;
    find.value = TG_STR_NONE;
    find.n = 0;

    (void) ngx_http_tollgate_headers_each(&r->headers_in.headers,
                                          ngx_http_tollgate_is_wanted, &find);

    *value = find.value;

    return find.n;
}
