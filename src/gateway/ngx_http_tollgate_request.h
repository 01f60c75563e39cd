
/*
 * The request half's own: the context of a proxied request, the backends of a
 * snapshot, and what its files call in one another.
 */


#ifndef _NGX_HTTP_TOLLGATE_REQUEST_H_INCLUDED_
#define _NGX_HTTP_TOLLGATE_REQUEST_H_INCLUDED_


#include "ngx_http_tollgate.h"


typedef struct ngx_http_tollgate_tls_s       ngx_http_tollgate_tls_t;
typedef struct ngx_http_tollgate_endpoint_s  ngx_http_tollgate_endpoint_t;
typedef struct ngx_http_tollgate_waiter_s    ngx_http_tollgate_waiter_t;


/* -- TLS towards backends -------------------------------------------------- */

/*
 * One SSL_CTX for all that agree on CAs and verification; shared between
 * proxies and snapshots, and counted.
 */
struct ngx_http_tollgate_tls_s {
    ngx_http_tollgate_tls_t   *next;
    ngx_uint_t                 refs;
    u_char                     ca[TG_HASH_LEN];  /* SHA-256; 0: the system's */
    ngx_uint_t                 verify;           /* unsigned  verify:1; */
    ngx_ssl_t                  ssl;
};


/* Any thread.  Give back with _release; NULL is fine there. */
tg_err_t ngx_http_tollgate_tls_get(const tg_connection_t *connection,
    ngx_http_tollgate_tls_t **tls, tg_fault_t *fault);
void ngx_http_tollgate_tls_release(ngx_http_tollgate_tls_t *tls);
/*
 * Before the handshake: the handshake itself fails unless the certificate is
 * for this name (DNS name or IP address).
 */
ngx_int_t ngx_http_tollgate_tls_expect(ngx_connection_t *c,
    const ngx_http_tollgate_endpoint_t *endpoint);


/* -- where backend connections lead ---------------------------------------- */

/*
 * An address together with all that decides who may answer there: plain or
 * TLS, server name, verification, CAs.  Connections are pooled here, so that
 * one which was verified for a proxy never serves another with other settings.
 * There is one endpoint per identity and worker process; snapshots share it.
 *
 * next, hash, refs, key: under the table's lock.  idle, session, fails and
 * down_until: the event loop's.  The rest never changes.
 */
struct ngx_http_tollgate_endpoint_s {
    ngx_http_tollgate_endpoint_t  *next;
    ngx_uint_t                     refs;    /* peers; not connections */
    uint32_t                       hash;
    tg_str_t                       key;

    ngx_http_tollgate_tls_t       *tls;          /* NULL: plain */
    ngx_str_t                      server_name;  /* NUL behind it; "": plain */
    ngx_uint_t                     is_ip;        /* server_name: no SNI */
    struct sockaddr_storage        sockaddr;
    socklen_t                      socklen;
    ngx_str_t                      name;         /* "127.0.0.1:9000" */

    ngx_queue_t                    idle;
    ngx_ssl_session_t             *session;
    ngx_uint_t                     fails;
    ngx_msec_t                     down_until;
};


/* Any thread.  *tls is given away, also on failure. */
tg_err_t ngx_http_tollgate_endpoint_get(
    const ngx_http_tollgate_sockaddr_t *addr, ngx_http_tollgate_tls_t *tls,
    tg_str_t server_name, ngx_http_tollgate_endpoint_t **endpoint);
/* Any thread.  Idle connections of one that nobody uses are closed soon. */
void ngx_http_tollgate_endpoint_release(
    ngx_http_tollgate_endpoint_t *endpoint);
/* Event loop: ends endpoints that nobody uses any more. */
void ngx_http_tollgate_endpoints_sweep(void);


/* -- pooled connections ---------------------------------------------------- */

ngx_int_t ngx_http_tollgate_keepalive_init(ngx_cycle_t *cycle);
void ngx_http_tollgate_keepalive_exit(void);
/* NGX_DONE: pc->connection is one of the pool; NGX_DECLINED: none there. */
ngx_int_t ngx_http_tollgate_keepalive_take(
    ngx_http_tollgate_endpoint_t *endpoint, ngx_peer_connection_t *pc,
    ngx_uint_t probe);
/* Takes pc->connection over if it can be used again. */
void ngx_http_tollgate_keepalive_put(ngx_http_tollgate_endpoint_t *endpoint,
    ngx_peer_connection_t *pc, ngx_http_upstream_t *u);
void ngx_http_tollgate_keepalive_close_all(
    ngx_http_tollgate_endpoint_t *endpoint);


/* -- backends of a snapshot ------------------------------------------------ */

/* Sockaddrs of one proxy; further ones are left out. */
#define NGX_HTTP_TOLLGATE_PEERS_MAX  128


/* One sockaddr of one address of a proxy. */
typedef struct {
    ngx_http_tollgate_endpoint_t  *endpoint;
    const tg_address_t            *address;
    ngx_str_t                      host;     /* Host that it is sent */
    ngx_int_t                      weight;
    ngx_int_t                      current;  /* smooth weighted round robin */
} ngx_http_tollgate_peer_t;


typedef struct {
    ngx_http_tollgate_peer_t      *peers;    /* primary ones first */
    ngx_uint_t                     n_peers;
    ngx_uint_t                     n_primary;
    ngx_uint_t                     tries;

    /*
     * A copy of the location's settings for proxy_pass with the proxy's own
     * timeouts and TLS, made at the first request: `made_of` is the original.
     */
    ngx_http_upstream_conf_t      *made_of;
    ngx_http_upstream_conf_t       conf;
} ngx_http_tollgate_backend_t;


typedef struct {
    ngx_http_tollgate_backend_t   *elts;     /* as snapshot.proxies */
    ngx_uint_t                     nelts;
} ngx_http_tollgate_backends_t;


/* -- what a check asks the store ------------------------------------------- */

/* Whom a token speaks for: its client and, of a password grant, its user. */
#define NGX_HTTP_TOLLGATE_CLIENT  0
#define NGX_HTTP_TOLLGATE_USER    1
#define NGX_HTTP_TOLLGATE_PARTIES 2

/* What is asked for, and what is there; LIVE and DETAILS are of a party. */
#define NGX_HTTP_TOLLGATE_ASK_RECORD      0x01
#define NGX_HTTP_TOLLGATE_ASK_ACCESS      0x02
#define NGX_HTTP_TOLLGATE_ASK_LIVE(i)     (0x04 << (i))
#define NGX_HTTP_TOLLGATE_ASK_DETAILS(i)  (0x10 << (i))


/*
 * A question: all that a thread needs to know beside the store.  A record
 * brings its live parties along, a party that this node did not know brings
 * its details along if the policy is about them, and access is brought along
 * wherever the proxy wants it.
 */
typedef struct {
    ngx_http_tollgate_snapshot_t  *snapshot;
    const tg_deployed_proxy_t     *deployed;
    ngx_uint_t                     asks;

    u_char                         hash[TG_HASH_LEN];  /* of the token */
    tg_bucket_t                    bucket;             /* RECORD */
    tg_token_facts_t               facts;              /* without RECORD */

    /* of parties that are known already; 0: not */
    int64_t                        key_ids[NGX_HTTP_TOLLGATE_PARTIES];
    int64_t                        versions[NGX_HTTP_TOLLGATE_PARTIES];
} ngx_http_tollgate_question_t;


/* What is known for a check; `has` says which of it was told by the store. */
typedef struct {
    ngx_uint_t                     has;
    ngx_http_tollgate_cached_t     cached;
    tg_str_t                       scope;   /* RECORD: one too long for facts */
    tg_live_client_t               live[NGX_HTTP_TOLLGATE_PARTIES];
    tg_access_t                    access;
    int64_t                        access_version;
    ngx_http_tollgate_details_t   *details[NGX_HTTP_TOLLGATE_PARTIES];
} ngx_http_tollgate_known_t;


typedef struct {
    tg_token_verdict_t             verdict;  /* OK: `known` is set */
    ngx_http_tollgate_known_t      known;
} ngx_http_tollgate_answer_t;


/* In the answer, the log, and what the backend gets. */
ngx_int_t ngx_http_tollgate_request_id(ngx_http_request_t *r, tg_str_t *id);
/* Numbers that are unlike all others, and no secret; n: at most 3. */
void ngx_http_tollgate_unique(uint64_t *id, ngx_uint_t n);


/* -- a proxied request ----------------------------------------------------- */

typedef struct {
    ngx_http_tollgate_ctx_t        ctx;      /* first member */
    ngx_http_request_t            *r;

    const tg_deployed_proxy_t     *deployed; /* as it is at the endpoint */
    const tg_api_endpoint_t           *endpoint; /* NULL: none of its own */
    size_t                         prefix_len;
    ngx_http_tollgate_backend_t   *backend;
    ngx_http_tollgate_peer_t      *peer;     /* chosen; NULL: none is left */
    uint64_t                       tried[NGX_HTTP_TOLLGATE_PEERS_MAX / 64];

    ngx_str_t                      received; /* the target as received */
    ngx_str_t                      target;   /* what the backend is asked */

    tg_str_t                       request_id;   /* once asked for */
    tg_str_t                       trace;    /* traceparent; "" : none */
    tg_str_t                       token;
    u_char                         hash[TG_HASH_LEN];  /* of the token */
    ngx_http_tollgate_waiter_t    *waiter;   /* for the store; NULL: no */
    const ngx_http_tollgate_answer_t  *answer;  /* while it is resumed */
    ngx_http_tollgate_known_t     *told;     /* by the store; NULL: nothing */
    ngx_uint_t                     rounds;   /* how often it was asked */
    ngx_uint_t                     retry_after;  /* of a limit, seconds */

    /* of the proxy module, see the balancer */
    ngx_int_t                    (*process_header)(ngx_http_request_t *r);
    ngx_int_t                    (*reinit_request)(ngx_http_request_t *r);

    unsigned                       opaque:1;     /* the token */
    unsigned                       url_token:1;  /* the token was in the URL */
    unsigned                       no_query:1;   /* ... and all of the query */
    unsigned                       websocket:1;
    unsigned                       preflight:1;  /* ours to answer */
    unsigned                       cors:1;       /* headers are there */
    unsigned                       admitted:1;   /* may be forwarded */
    unsigned                       answered:1;   /* by us: not to be filtered */
    unsigned                       replace:1;    /* nginx's error page */
    unsigned                       connected:1;  /* peer was tried */
    unsigned                       fresh:1;      /* no pooled connection now */
} ngx_http_tollgate_proxied_t;


/* NULL: not one of ours */
static ngx_inline ngx_http_tollgate_proxied_t *
ngx_http_tollgate_proxied(ngx_http_request_t *r)
{
    return ngx_http_get_module_ctx(r, ngx_http_tollgate_module);
}


/* -- phase handler --------------------------------------------------------- */

ngx_int_t ngx_http_tollgate_access_handler(ngx_http_request_t *r);

/* 404, or 405 with Allow, by the match's verdict. */
ngx_int_t ngx_http_tollgate_unlisted(ngx_http_request_t *r,
    const tg_endpoint_match_t *endpoint);

/*
 * NGX_OK: the token, if the proxy wants one, is good, no limit is met, and the
 * request headers are the backend's; NGX_DECLINED: *verdict is why not;
 * NGX_ABORT: the forwarded address is malformed; NGX_AGAIN: the request is
 * resumed later; NGX_ERROR.
 */
ngx_int_t ngx_http_tollgate_check(ngx_http_request_t *r,
    ngx_http_tollgate_proxied_t *rq, tg_token_verdict_t *verdict);

/* Whether there are rules at all that a good token has to meet. */
ngx_uint_t ngx_http_tollgate_rules_wanted(const tg_policy_t *policy,
    const tg_api_endpoint_t *endpoint, const tg_access_t *access);
/*
 * Which details (ASK_DETAILS) the rules need for a token with these facts;
 * `endpoint` and `access` may be NULL.  Any thread.
 */
ngx_uint_t ngx_http_tollgate_details_wanted(const tg_policy_t *policy,
    const tg_api_endpoint_t *endpoint, const tg_token_facts_t *facts,
    const tg_access_t *access);
/*
 * What the rules say of a token that lives and opens the proxy, once the
 * wanted details are known: NGX_OK: *roles is the header's value, if the policy
 * wants one; NGX_DECLINED: *verdict is why not; NGX_AGAIN: the record must be
 * read again, for its scope; NGX_ABORT: the forwarded address is malformed;
 * NGX_ERROR.
 */
ngx_int_t ngx_http_tollgate_rules(ngx_http_request_t *r,
    ngx_http_tollgate_proxied_t *rq, const ngx_http_tollgate_known_t *known,
    const tg_access_t *access, tg_str_t *roles, tg_token_verdict_t *verdict);
/* Access lists decide at this proxy for a token of such a client. */
static ngx_inline ngx_uint_t
ngx_http_tollgate_access_wanted(const tg_policy_t *policy,
    tg_client_kind_t kind)
{
    return !policy->managed_from_policy && kind == TG_CLIENT_CREDENTIAL;
}

/* The party's client_id. */
static ngx_inline tg_str_t
ngx_http_tollgate_party(const tg_token_facts_t *facts, ngx_uint_t i)
{
    return i == NGX_HTTP_TOLLGATE_CLIENT
           ? tg_strn(facts->client_id, facts->client_id_len)
           : tg_strn(facts->subject, facts->subject_len);
}

static ngx_inline tg_client_kind_t
ngx_http_tollgate_party_kind(const tg_token_facts_t *facts, ngx_uint_t i)
{
    return i == NGX_HTTP_TOLLGATE_CLIENT ? facts->client_kind
                                         : TG_CLIENT_CREDENTIAL;
}

/* 1, or 2 for a token whose user is to be checked beside its client. */
static ngx_inline ngx_uint_t
ngx_http_tollgate_parties(const tg_token_facts_t *facts)
{
    return facts->user_generation ? 2 : 1;
}

/*
 * Asks the store.  One look-up per question and worker; those who come later
 * with the same one wait for its answer.  NGX_AGAIN: the handler is called
 * again with rq->answer set.  NGX_BUSY: the pool is full.  NGX_ERROR.
 */
ngx_int_t ngx_http_tollgate_ask(ngx_http_request_t *r,
    ngx_http_tollgate_proxied_t *rq,
    const ngx_http_tollgate_question_t *question);

/*
 * Counts a request whose token is good (`access` NULL: of no credential)
 * against the limits of its proxy and of its access.  NGX_OK; NGX_DECLINED:
 * rq->retry_after is set.
 */
ngx_int_t ngx_http_tollgate_limits(ngx_http_tollgate_proxied_t *rq,
    int64_t key_id, const tg_access_t *access);

/* Asks `what` of each header of a list; ends with the first 1. */
ngx_uint_t ngx_http_tollgate_headers_each(ngx_list_t *list,
    ngx_uint_t (*what)(ngx_table_elt_t *h, void *data), void *data);

/*
 * Makes the list of request headers what the backend of this proxy may see.
 * `subject` and `roles` (joined by ',') are added if the policy wants them,
 * and if there are any.  NGX_OK, NGX_ERROR.
 */
ngx_int_t ngx_http_tollgate_headers(ngx_http_request_t *r,
    ngx_http_tollgate_proxied_t *rq, tg_str_t subject, tg_str_t roles);
/* Whether it can be a header's value and arrive as it is. */
ngx_uint_t ngx_http_tollgate_subject_is_safe(tg_str_t subject);

/*
 * Whether the client asks for WebSocket: the one protocol that an upgrade is
 * passed on for (h2c would be a tunnel past every policy).
 */
ngx_uint_t ngx_http_tollgate_is_websocket(ngx_http_request_t *r);

/* Chooses the next peer that was not tried; rq->peer is NULL if none is left. */
void ngx_http_tollgate_balancer_choose(ngx_http_tollgate_proxied_t *rq);
/* Writes the target for rq->peer where proxy_pass takes it from. */
ngx_int_t ngx_http_tollgate_target(ngx_http_request_t *r,
    ngx_http_tollgate_proxied_t *rq);

ngx_int_t ngx_http_tollgate_variables(ngx_conf_t *cf);
ngx_int_t ngx_http_tollgate_variables_init_process(void);
void ngx_http_tollgate_reply_filter_init(void);
u_char *ngx_http_tollgate_log_handler(ngx_http_request_t *r,
    ngx_http_request_t *sr, u_char *buf, size_t len);


#endif /* _NGX_HTTP_TOLLGATE_REQUEST_H_INCLUDED_ */
