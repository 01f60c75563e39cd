
/*
 * What a good token may do at a proxy, by the details of whom it speaks for:
 * from which address, which methods and paths by roles, and which roles the
 * backend is told.
 */


#include "ngx_http_tollgate_request.h"

#include "oauth/scope.h"
#include "policy/method_access.h"
#include "policy/reading.h"


#define NGX_HTTP_TOLLGATE_SCOPE_ARENA  65536


typedef struct {
    tg_str_t                      *elts;
    size_t                         n;
} ngx_http_tollgate_roles_t;


static ngx_inline ngx_uint_t
ngx_http_tollgate_roles_wanted(const tg_policy_t *policy,
    const tg_api_endpoint_t *endpoint)
{
    return policy->add_roles || policy->authorization
           || (endpoint && endpoint->n_roles);
}


static ngx_inline ngx_uint_t
ngx_http_tollgate_address_wanted(const tg_policy_t *policy,
    const tg_access_t *access)
{
    return policy->token.check_client_ip || (access && access->checks_address);
}


ngx_uint_t
ngx_http_tollgate_rules_wanted(const tg_policy_t *policy,
    const tg_api_endpoint_t *endpoint, const tg_access_t *access)
{
    return ngx_http_tollgate_roles_wanted(policy, endpoint)
           || ngx_http_tollgate_address_wanted(policy, access);
}


ngx_uint_t
ngx_http_tollgate_details_wanted(const tg_policy_t *policy,
    const tg_api_endpoint_t *endpoint, const tg_token_facts_t *facts,
    const tg_access_t *access)
{
    ngx_uint_t  wanted, principal;

    wanted = 0;
    principal = ngx_http_tollgate_parties(facts) - 1;

    /* the roles of a user whom a provider alone knows are in the token */

    if (ngx_http_tollgate_roles_wanted(policy, endpoint)
        && (facts->user_generation || !tg_facts_have_user(facts)))
    {
        wanted |= NGX_HTTP_TOLLGATE_ASK_DETAILS(principal);
    }

    if (ngx_http_tollgate_address_wanted(policy, access)) {

        /* application keys have no addresses */

        if (facts->client_kind == TG_CLIENT_CREDENTIAL) {
            wanted |= NGX_HTTP_TOLLGATE_ASK_DETAILS(NGX_HTTP_TOLLGATE_CLIENT);
        }

        if (principal == NGX_HTTP_TOLLGATE_USER) {
            wanted |= NGX_HTTP_TOLLGATE_ASK_DETAILS(principal);
        }
    }

    return wanted;
}


/* Whoever has a list of addresses: the client, its user, or both. */

static ngx_int_t
ngx_http_tollgate_rules_address(ngx_http_request_t *r,
    ngx_http_tollgate_proxied_t *rq, const ngx_http_tollgate_known_t *known,
    ngx_uint_t wanted, tg_token_verdict_t *verdict)
{
    u_char                              address[16];
    ngx_uint_t                          i, asked;
    const ngx_http_tollgate_details_t  *d;

    asked = 0;

    for (i = 0; i < NGX_HTTP_TOLLGATE_PARTIES; i++) {

        if (!(wanted & NGX_HTTP_TOLLGATE_ASK_DETAILS(i))) {
            continue;
        }

        d = known->details[i];

        if (d->n_addresses == 0) {
            continue;
        }

        if (!asked
            && ngx_http_tollgate_client_address(r, rq->ctx.snapshot,
                                                rq->deployed->forwarded,
                                                address)
               != NGX_OK)
        {
            return NGX_ABORT;
        }

        asked = 1;

        if (!tg_cidrs_have(d->addresses, d->n_addresses, address)) {
            *verdict = TG_TOKEN_ADDRESS;
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


/* NGX_AGAIN: it stands in the record of the token alone. */

static ngx_int_t
ngx_http_tollgate_rules_scope(ngx_http_tollgate_proxied_t *rq,
    const ngx_http_tollgate_known_t *known, tg_arena_t *arena, bool *has,
    tg_str_t *scope)
{
    const tg_token_facts_t  *facts;

    facts = &known->cached.facts;

    *has = facts->has_scope;

    if (facts->scope_len <= TG_FACTS_SCOPE_MAX) {
        *scope = tg_strn(facts->scope, facts->scope_len);
        return NGX_OK;
    }

    if (!rq->opaque) {
        return tg_jwt_scope_find(rq->token, arena, has, scope) == TG_OK
               ? NGX_OK : NGX_ERROR;
    }

    if (known->has & NGX_HTTP_TOLLGATE_ASK_RECORD) {
        *scope = known->scope;
        return NGX_OK;
    }

    return NGX_AGAIN;
}


/* Of a user of a provider: what the provider said when the token was made. */

static ngx_int_t
ngx_http_tollgate_rules_carried(ngx_http_request_t *r, tg_str_t scope,
    ngx_http_tollgate_roles_t *roles)
{
    u_char  *p;

    p = ngx_pnalloc(r->pool, scope.n + 1);
    roles->elts = ngx_palloc(r->pool, (scope.n / 2 + 1) * sizeof(tg_str_t));

    if (p == NULL || roles->elts == NULL) {
        return NGX_ERROR;
    }

    if (scope.n) {
        ngx_memcpy(p, scope.p, scope.n);
    }

    roles->n = tg_scope_words(tg_strn(p, scope.n), roles->elts);

    return NGX_OK;
}


/* Of a credential: those of its details that the token is for. */

static ngx_int_t
ngx_http_tollgate_rules_kept(ngx_http_request_t *r, const tg_details_t *d,
    bool has_scope, tg_str_t scope, ngx_http_tollgate_roles_t *roles)
{
    roles->elts = ngx_palloc(r->pool, d->n_roles * sizeof(tg_str_t));
    if (roles->elts == NULL) {
        return NGX_ERROR;
    }

    roles->n = tg_roles_effective(d->roles, d->n_roles, has_scope, scope,
                                  roles->elts);

    return NGX_OK;
}


static ngx_int_t
ngx_http_tollgate_rules_roles(ngx_http_request_t *r,
    ngx_http_tollgate_proxied_t *rq, const ngx_http_tollgate_known_t *known,
    ngx_http_tollgate_roles_t *roles)
{
    bool                     has;
    tg_str_t                 scope;
    ngx_int_t                rc;
    ngx_uint_t               principal;
    tg_arena_t               arena;
    const tg_details_t      *d;
    const tg_token_facts_t  *facts;

    facts = &known->cached.facts;
    principal = ngx_http_tollgate_parties(facts) - 1;

    d = facts->user_generation || !tg_facts_have_user(facts)
        ? &known->details[principal]->details : NULL;

    tg_arena_init(&arena, NGX_HTTP_TOLLGATE_SCOPE_ARENA);

    rc = ngx_http_tollgate_rules_scope(rq, known, &arena, &has, &scope);

    if (rc == NGX_OK) {
        rc = d == NULL || (facts->user_generation && d->identity_provider.n)
             ? ngx_http_tollgate_rules_carried(r, scope, roles)
             : ngx_http_tollgate_rules_kept(r, d, has, scope, roles);
    }

    tg_arena_release(&arena);

    return rc;
}


/*
 * By each reading of the path that a backend may have: its owner must not
 * reach with "/a;x/b" what is refused as "/a/b".
 */

static ngx_int_t
ngx_http_tollgate_rules_method(ngx_http_request_t *r,
    ngx_http_tollgate_proxied_t *rq, const ngx_http_tollgate_roles_t *roles)
{
    int                 how;
    char               *out;
    size_t              n;
    tg_str_t            method, path;
    const tg_policy_t  *policy;

    policy = rq->deployed->policy;
    method = ngx_http_tollgate_str(r->method_name);
    path = tg_route_below(ngx_http_tollgate_str(r->uri), rq->prefix_len);

    if (!tg_method_access_check(policy, method, path, roles->elts, roles->n)) {
        return NGX_DECLINED;
    }

    if (!tg_path_has_readings(path)) {
        return NGX_OK;
    }

    out = ngx_pnalloc(r->pool, path.n);
    if (out == NULL) {
        return NGX_ERROR;
    }

    for (how = 0; how < TG_PATH_READINGS; how++) {

        if (!tg_path_reading(path, how, out, &n)
            || !tg_method_access_check(policy, method,
                                       n ? tg_strn(out, n) : TG_STR("/"),
                                       roles->elts, roles->n))
        {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_tollgate_rules_join(ngx_http_request_t *r,
    const ngx_http_tollgate_roles_t *roles, tg_str_t *joined)
{
    size_t     i, n;
    tg_buf_t   b;
    u_char    *p;

    n = 0;

    for (i = 0; i < roles->n; i++) {
        n += roles->elts[i].n + 1;
    }

    p = ngx_pnalloc(r->pool, n);
    if (p == NULL) {
        return NGX_ERROR;
    }

    tg_buf_init_fixed(&b, p, n);

    for (i = 0; i < roles->n; i++) {
        if (i) {
            tg_buf_putc(&b, ',');
        }

        tg_buf_put(&b, roles->elts[i]);
    }

    *joined = tg_buf_str(&b);

    return b.err ? NGX_ERROR : NGX_OK;
}


ngx_int_t
ngx_http_tollgate_rules(ngx_http_request_t *r,
    ngx_http_tollgate_proxied_t *rq, const ngx_http_tollgate_known_t *known,
    const tg_access_t *access, tg_str_t *joined, tg_token_verdict_t *verdict)
{
    ngx_int_t                   rc;
    ngx_uint_t                  wanted;
    const tg_policy_t          *policy;
    ngx_http_tollgate_roles_t   roles;

    policy = rq->deployed->policy;

    if (ngx_http_tollgate_address_wanted(policy, access)) {
        wanted = ngx_http_tollgate_details_wanted(policy, rq->endpoint,
                                               &known->cached.facts, access);

        rc = ngx_http_tollgate_rules_address(r, rq, known, wanted, verdict);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (!ngx_http_tollgate_roles_wanted(policy, rq->endpoint)) {
        return NGX_OK;
    }

    rc = ngx_http_tollgate_rules_roles(r, rq, known, &roles);
    if (rc != NGX_OK) {
        return rc;
    }

    /* the path has no reading with another endpoint */

    if (rq->endpoint
        && !tg_roles_let_in(rq->endpoint->roles, rq->endpoint->n_roles,
                            roles.elts, roles.n))
    {
        *verdict = TG_TOKEN_ROLE;
        return NGX_DECLINED;
    }

    if (policy->authorization) {
        rc = ngx_http_tollgate_rules_method(r, rq, &roles);

        if (rc == NGX_DECLINED) {
            *verdict = TG_TOKEN_ROLE;
        }

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return policy->add_roles ? ngx_http_tollgate_rules_join(r, &roles, joined)
                             : NGX_OK;
}
