
/*
 * TLS contexts for connections to backends.
 *
 * The handshake itself verifies: the context says SSL_VERIFY_PEER, each
 * connection says which name it expects, so not a byte of a request goes to a
 * peer that is not the right one.  nginx's own check behind the handshake
 * knows no IP addresses; it is off.
 */


#include "ngx_http_tollgate_request.h"

#include <pthread.h>


#define NGX_HTTP_TOLLGATE_SYSTEM_CA  "/etc/ssl/certs/ca-certificates.crt"


static tg_err_t ngx_http_tollgate_tls_new(const tg_connection_t *connection,
    const u_char ca[TG_HASH_LEN], ngx_http_tollgate_tls_t **out,
    tg_fault_t *fault);


static ngx_http_tollgate_tls_t  *ngx_http_tollgate_tls_all;
static pthread_mutex_t           ngx_http_tollgate_tls_lock =
                                                     PTHREAD_MUTEX_INITIALIZER;


tg_err_t
ngx_http_tollgate_tls_get(const tg_connection_t *connection,
    ngx_http_tollgate_tls_t **out, tg_fault_t *fault)
{
    u_char                    ca[TG_HASH_LEN];
    tg_err_t                  err;
    ngx_uint_t                verify;
    ngx_http_tollgate_tls_t  *tls;

    verify = connection->tls_verify;

    ngx_memzero(ca, TG_HASH_LEN);

    if (verify && connection->tls_ca.n) {
        err = tg_sha256(connection->tls_ca, ca);
        if (err != TG_OK) {
            return err;
        }
    }

    pthread_mutex_lock(&ngx_http_tollgate_tls_lock);

    err = TG_OK;

    for (tls = ngx_http_tollgate_tls_all; tls; tls = tls->next) {
        if (tls->verify == verify && ngx_memcmp(tls->ca, ca, TG_HASH_LEN) == 0)
        {
            break;
        }
    }

    if (tls == NULL) {
        err = ngx_http_tollgate_tls_new(connection, ca, &tls, fault);
    }

    if (err == TG_OK) {
        tls->refs++;
        *out = tls;
    }

    pthread_mutex_unlock(&ngx_http_tollgate_tls_lock);

    return err;
}


static void
ngx_http_tollgate_tls_free(ngx_http_tollgate_tls_t *tls)
{
    SSL_CTX_free(tls->ssl.ctx);
    free(tls);
}


void
ngx_http_tollgate_tls_release(ngx_http_tollgate_tls_t *tls)
{
    ngx_http_tollgate_tls_t  **p;

    if (tls == NULL) {
        return;
    }

    pthread_mutex_lock(&ngx_http_tollgate_tls_lock);

    if (--tls->refs == 0) {

        for (p = &ngx_http_tollgate_tls_all; *p != tls; p = &(*p)->next) {
            /* void */
        }

        *p = tls->next;
        ngx_http_tollgate_tls_free(tls);
    }

    pthread_mutex_unlock(&ngx_http_tollgate_tls_lock);
}


static tg_err_t
ngx_http_tollgate_tls_load_pem(SSL_CTX *ctx, tg_str_t pem)
{
    BIO         *bio;
    X509        *cert;
    ngx_uint_t   n;

    bio = BIO_new_mem_buf(pem.p, (int) pem.n);
    if (bio == NULL) {
        return TG_ERR_NOMEM;
    }

    for (n = 0; ; n++) {
        cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
        if (cert == NULL) {
            break;
        }

        if (X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), cert) != 1) {
            X509_free(cert);
            BIO_free(bio);
            return TG_ERR_INVALID;
        }

        X509_free(cert);
    }

    BIO_free(bio);

    /* the end of the text is an error to PEM_read_bio */

    if (n == 0
        || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
    {
        return TG_ERR_INVALID;
    }

    return TG_OK;
}


static tg_err_t
ngx_http_tollgate_tls_load(SSL_CTX *ctx, const tg_connection_t *connection,
    tg_fault_t *fault)
{
    tg_err_t  err;

    if (!connection->tls_verify) {
        return TG_OK;
    }

    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);

    if (connection->tls_ca.n) {
        err = ngx_http_tollgate_tls_load_pem(ctx, connection->tls_ca);
        if (err != TG_OK) {
            return tg_fault(fault, err, "connection.tlsCa",
                            "is not a list of PEM certificates");
        }

        return TG_OK;
    }

    if (SSL_CTX_load_verify_file(ctx, NGX_HTTP_TOLLGATE_SYSTEM_CA) != 1
        && SSL_CTX_set_default_verify_paths(ctx) != 1)
    {
        return tg_fault(fault, TG_ERR_UNAVAILABLE, "",
                        "the system's CA certificates cannot be read");
    }

    return TG_OK;
}


static tg_err_t
ngx_http_tollgate_tls_new(const tg_connection_t *connection,
    const u_char ca[TG_HASH_LEN], ngx_http_tollgate_tls_t **out,
    tg_fault_t *fault)
{
    tg_err_t                  err;
    ngx_http_tollgate_tls_t  *tls;

    tls = calloc(1, sizeof(ngx_http_tollgate_tls_t));
    if (tls == NULL) {
        return TG_ERR_NOMEM;
    }

    ngx_memcpy(tls->ca, ca, TG_HASH_LEN);
    tls->verify = connection->tls_verify;
    tls->ssl.log = ngx_cycle->log;

    ERR_set_mark();

    err = TG_ERR_NOMEM;

    if (ngx_ssl_create(&tls->ssl, NGX_SSL_TLSv1_2|NGX_SSL_TLSv1_3, NULL)
        == NGX_OK)
    {
        ngx_ssl_client_session_cache(NULL, &tls->ssl, 1);

        err = ngx_http_tollgate_tls_load(tls->ssl.ctx, connection, fault);
    }

    ERR_pop_to_mark();

    if (err != TG_OK) {
        ngx_http_tollgate_tls_free(tls);
        return err;
    }

    tls->next = ngx_http_tollgate_tls_all;
    ngx_http_tollgate_tls_all = tls;

    *out = tls;

    return TG_OK;
}


ngx_int_t
ngx_http_tollgate_tls_expect(ngx_connection_t *c,
    const ngx_http_tollgate_endpoint_t *endpoint)
{
    int    rc;
    SSL   *ssl;
    char  *name;

    if (!endpoint->tls->verify) {
        return NGX_OK;
    }

    ssl = c->ssl->connection;
    name = (char *) endpoint->server_name.data;

    if (endpoint->is_ip) {
        rc = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name);

    } else {
        SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        rc = SSL_set1_host(ssl, name);
    }

    if (rc != 1 || endpoint->server_name.len == 0) {
        ngx_ssl_error(NGX_LOG_ERR, c->log, 0,
                      "cannot verify the name of a backend: \"%s\"", name);
        return NGX_ERROR;
    }

    return NGX_OK;
}
