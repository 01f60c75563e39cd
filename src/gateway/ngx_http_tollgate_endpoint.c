
/*
 * The table of endpoints: one per identity and worker.
 *
 * Snapshots are built and freed in threads, connections belong to the event
 * loop.  So an endpoint whose last user went away in a thread is put aside and
 * ended by the event loop, unless a snapshot wants it again before.
 */


#include "ngx_http_tollgate_request.h"

#include <pthread.h>


#define NGX_HTTP_TOLLGATE_ENDPOINT_BUCKETS  1024


static ngx_http_tollgate_endpoint_t
    *ngx_http_tollgate_endpoints[NGX_HTTP_TOLLGATE_ENDPOINT_BUCKETS];
static ngx_uint_t       ngx_http_tollgate_endpoint_unused;
static pthread_mutex_t  ngx_http_tollgate_endpoint_lock =
                                                     PTHREAD_MUTEX_INITIALIZER;


/*
 * All that decides who may answer: plain or TLS, verification, CAs, name, and
 * the address.  Parts of fixed length first, so that no two identities have
 * the same key.
 */

static tg_err_t
ngx_http_tollgate_endpoint_key(const ngx_http_tollgate_sockaddr_t *addr,
    const ngx_http_tollgate_tls_t *tls, tg_str_t name, tg_buf_t *key)
{
    uint16_t  len;

    len = (uint16_t) addr->socklen;

    if (tls) {
        tg_buf_putc(key, tls->verify ? 'V' : 'T');
        tg_buf_put(key, tg_strn(tls->ca, TG_HASH_LEN));

    } else {
        tg_buf_putc(key, 'P');
    }

    tg_buf_put(key, tg_strn(&len, sizeof(len)));
    tg_buf_put(key, tg_strn(&addr->sockaddr, addr->socklen));
    tg_buf_put(key, name);

    return key->err;
}


static ngx_uint_t
ngx_http_tollgate_is_ip(const char *name)
{
    struct in_addr   v4;
    struct in6_addr  v6;

    return inet_pton(AF_INET, name, &v4) == 1
           || inet_pton(AF_INET6, name, &v6) == 1;
}


static ngx_http_tollgate_endpoint_t *
ngx_http_tollgate_endpoint_new(const ngx_http_tollgate_sockaddr_t *addr,
    tg_str_t key, tg_str_t server_name)
{
    u_char                        *p;
    ngx_http_tollgate_endpoint_t  *e;

    e = calloc(1, sizeof(ngx_http_tollgate_endpoint_t) + key.n
                  + server_name.n + 1 + NGX_SOCKADDR_STRLEN);
    if (e == NULL) {
        return NULL;
    }

    p = (u_char *) (e + 1);

    ngx_memcpy(p, key.p, key.n);
    e->key = tg_strn(p, key.n);
    p += key.n;

    if (server_name.n) {
        ngx_memcpy(p, server_name.p, server_name.n);
    }

    e->server_name.data = p;
    e->server_name.len = server_name.n;
    e->is_ip = ngx_http_tollgate_is_ip((char *) p);
    p += server_name.n + 1;

    ngx_memcpy(&e->sockaddr, &addr->sockaddr, addr->socklen);
    e->socklen = addr->socklen;

    e->name.data = p;
    e->name.len = ngx_sock_ntop((struct sockaddr *) &e->sockaddr, e->socklen,
                                p, NGX_SOCKADDR_STRLEN, 1);

    ngx_queue_init(&e->idle);

    return e;
}


/* under the lock */

static tg_err_t
ngx_http_tollgate_endpoint_find(const ngx_http_tollgate_sockaddr_t *addr,
    ngx_http_tollgate_tls_t *tls, tg_str_t key, tg_str_t server_name,
    ngx_http_tollgate_endpoint_t **out)
{
    uint32_t                        hash;
    ngx_http_tollgate_endpoint_t   *e, **bucket;

    hash = ngx_murmur_hash2((u_char *) key.p, key.n);
    bucket = &ngx_http_tollgate_endpoints[hash
                                         % NGX_HTTP_TOLLGATE_ENDPOINT_BUCKETS];

    for (e = *bucket; e; e = e->next) {
        if (e->hash == hash && tg_str_eq(e->key, key)) {

            if (e->refs++ == 0) {
                __atomic_sub_fetch(&ngx_http_tollgate_endpoint_unused, 1,
                                   __ATOMIC_RELAXED);
            }

            ngx_http_tollgate_tls_release(tls);

            *out = e;
            return TG_OK;
        }
    }

    e = ngx_http_tollgate_endpoint_new(addr, key, server_name);
    if (e == NULL) {
        ngx_http_tollgate_tls_release(tls);
        return TG_ERR_NOMEM;
    }

    e->refs = 1;
    e->hash = hash;
    e->tls = tls;
    e->next = *bucket;
    *bucket = e;

    *out = e;

    return TG_OK;
}


tg_err_t
ngx_http_tollgate_endpoint_get(const ngx_http_tollgate_sockaddr_t *addr,
    ngx_http_tollgate_tls_t *tls, tg_str_t server_name,
    ngx_http_tollgate_endpoint_t **out)
{
    tg_buf_t  key;
    tg_err_t  err;

    if (tls == NULL) {
        server_name = TG_STR_NONE;
    }

    tg_buf_init(&key, 4096);

    err = ngx_http_tollgate_endpoint_key(addr, tls, server_name, &key);

    if (err == TG_OK) {
        pthread_mutex_lock(&ngx_http_tollgate_endpoint_lock);

        err = ngx_http_tollgate_endpoint_find(addr, tls, tg_buf_str(&key),
                                              server_name, out);

        pthread_mutex_unlock(&ngx_http_tollgate_endpoint_lock);

    } else {
        ngx_http_tollgate_tls_release(tls);
    }

    tg_buf_release(&key);

    return err;
}


void
ngx_http_tollgate_endpoint_release(ngx_http_tollgate_endpoint_t *e)
{
    pthread_mutex_lock(&ngx_http_tollgate_endpoint_lock);

    if (--e->refs == 0) {
        __atomic_add_fetch(&ngx_http_tollgate_endpoint_unused, 1,
                           __ATOMIC_RELAXED);
    }

    pthread_mutex_unlock(&ngx_http_tollgate_endpoint_lock);
}


static void
ngx_http_tollgate_endpoint_free(ngx_http_tollgate_endpoint_t *e)
{
    ngx_http_tollgate_keepalive_close_all(e);

    if (e->session) {
        ngx_ssl_free_session(e->session);
    }

    ngx_http_tollgate_tls_release(e->tls);
    free(e);
}


void
ngx_http_tollgate_endpoints_sweep(void)
{
    ngx_uint_t                      i;
    ngx_http_tollgate_endpoint_t   *e, **p, *unused;

    if (__atomic_load_n(&ngx_http_tollgate_endpoint_unused, __ATOMIC_RELAXED)
        == 0)
    {
        return;
    }

    unused = NULL;

    pthread_mutex_lock(&ngx_http_tollgate_endpoint_lock);

    for (i = 0; i < NGX_HTTP_TOLLGATE_ENDPOINT_BUCKETS; i++) {

        p = &ngx_http_tollgate_endpoints[i];

        while (*p) {
            e = *p;

            if (e->refs) {
                p = &e->next;
                continue;
            }

            *p = e->next;
            e->next = unused;
            unused = e;
        }
    }

    __atomic_store_n(&ngx_http_tollgate_endpoint_unused, 0, __ATOMIC_RELAXED);

    pthread_mutex_unlock(&ngx_http_tollgate_endpoint_lock);

    while (unused) {
        e = unused;
        unused = e->next;
        ngx_http_tollgate_endpoint_free(e);
    }
}
