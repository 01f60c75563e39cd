#include "identity/http/exchange.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

tg_err_t tg_exchange_global_init(void) {
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? TG_OK : TG_ERR_UNAVAILABLE;
}

/* ---- TLS material: libcurl's GnuTLS flavour takes names of files only ---- */

static bool pem_write(tg_str_t pem, int *fd) {
    *fd = memfd_create("tollgate-pem", MFD_CLOEXEC);
    size_t done = 0;
    while (*fd >= 0 && done < pem.n) {
        ssize_t n = write(*fd, pem.p + done, pem.n - done);
        if (n <= 0) {
            return false;
        }
        done += (size_t)n;
    }
    return *fd >= 0;
}

static tg_err_t pem_set(tg_exchange_t *e, int which, tg_str_t pem, CURLoption option) {
    char path[64];
    if (pem.n == 0) {
        return TG_OK;
    }
    if (!pem_write(pem, &e->pems[which])) {
        return TG_ERR_NOMEM;
    }
    snprintf(path, sizeof(path), "/proc/self/fd/%d", e->pems[which]);
    return curl_easy_setopt(e->curl, option, path) == CURLE_OK ? TG_OK : TG_ERR_NOMEM;
}

static tg_err_t tls_set(tg_exchange_t *e, const tg_provider_tls_t *tls) {
    CURL *c = e->curl;
    /* The system's folder would come on top of one's own authority. */
    if (tls->ca.n > 0 && curl_easy_setopt(c, CURLOPT_CAPATH, NULL) != CURLE_OK) {
        return TG_ERR_NOMEM;
    }
    if (curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) != CURLE_OK ||
        curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, tls->verify ? 1L : 0L) != CURLE_OK ||
        curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, tls->verify ? 2L : 0L) != CURLE_OK) {
        return TG_ERR_NOMEM;
    }
    tg_err_t err = pem_set(e, 0, tls->ca, CURLOPT_CAINFO);
    if (!err) {
        err = pem_set(e, 1, tls->certificate, CURLOPT_SSLCERT);
    }
    return err ? err : pem_set(e, 2, tls->key.clear.n > 0 ? tls->key.clear : TG_STR_NONE, CURLOPT_SSLKEY);
}

/* ---- the handle ---- */

static size_t body_take(char *p, size_t size, size_t n, void *arg) {
    tg_exchange_t *e = arg;
    tg_buf_put(&e->body, tg_strn(p, size * n));
    return e->body.err ? 0 : size * n;
}

static bool bounds_set(tg_exchange_t *e, const tg_identity_provider_t *p) {
    CURL *c = e->curl;
    return curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)p->timeout_ms) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)p->timeout_ms) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           /* else a name that resolves slowly would hold the caller for as long */
           curl_easy_setopt(c, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)TG_IDENTITY_ANSWER_MAX) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, body_take) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_WRITEDATA, e) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_ERRORBUFFER, e->error) == CURLE_OK;
}

static bool ways_set(CURL *c) {
    return curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_USERAGENT, "tollgate/" TG_VERSION) == CURLE_OK;
}

static bool method_set(CURL *c, tg_str_t method, tg_api_body_t body) {
    char name[16] = {0};
    if (method.n >= sizeof(name)) {
        return false;
    }
    memcpy(name, method.p, method.n);
    if (body == TG_API_NO_BODY && strcmp(name, "GET") == 0) {
        return curl_easy_setopt(c, CURLOPT_HTTPGET, 1L) == CURLE_OK;
    }
    return curl_easy_setopt(c, CURLOPT_POST, 1L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, name) == CURLE_OK;
}

tg_err_t tg_exchange_init(tg_exchange_t *e, const tg_identity_provider_t *p, tg_fault_t *fault) {
    const tg_api_provider_t *api = &p->of.api;
    *e = (tg_exchange_t){.curl = curl_easy_init(), .pems = {-1, -1, -1}};
    tg_buf_init(&e->body, TG_IDENTITY_ANSWER_MAX);
    if (e->curl == NULL || !bounds_set(e, p) || !ways_set(e->curl)) {
        return TG_ERR_NOMEM;
    }
    if (!method_set(e->curl, api->method, api->body_type)) {
        return tg_fault(fault, TG_ERR_INVALID, "method", "cannot be used");
    }
    return tls_set(e, &api->tls);
}

void tg_exchange_release(tg_exchange_t *e) {
    curl_easy_cleanup(e->curl);
    for (size_t i = 0; i < TG_EXCHANGE_PEMS; i++) {
        if (e->pems[i] >= 0) {
            close(e->pems[i]);
        }
    }
    tg_buf_release(&e->body);
}

/* ---- what is told ---- */

static int64_t time_of(CURL *c, CURLINFO info) {
    curl_off_t us = 0;
    return curl_easy_getinfo(c, info, &us) == CURLE_OK ? us : 0;
}

static void tell_one(tg_identity_t *h, const char *step, int64_t from, int64_t to) {
    if (to > 0) {
        tg_identity_step(h, step, true, tg_identity_now() - (to > from ? to - from : 0), "%s", "");
    }
}

/* The steps of a new connection, as far as it came. */
static void tell_connection(tg_exchange_t *e, tg_identity_t *h) {
    long connections = 0;
    int64_t resolved = time_of(e->curl, CURLINFO_NAMELOOKUP_TIME_T);
    int64_t connected = time_of(e->curl, CURLINFO_CONNECT_TIME_T);
    curl_easy_getinfo(e->curl, CURLINFO_NUM_CONNECTS, &connections);
    if (connections > 0) {
        tell_one(h, "resolve", 0, resolved);
        tell_one(h, "connect", resolved, connected);
        tell_one(h, "tls", connected, time_of(e->curl, CURLINFO_APPCONNECT_TIME_T));
    }
}

static const char *step_of(CURL *c, CURLcode code) {
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        return "resolve";
    case CURLE_COULDNT_CONNECT:
        return "connect";
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CIPHER:
        return "tls";
    default:
        return code == CURLE_OPERATION_TIMEDOUT && time_of(c, CURLINFO_CONNECT_TIME_T) == 0 ? "connect" : "request";
    }
}

static tg_err_t failed(tg_exchange_t *e, tg_identity_t *h, CURLcode code, int64_t since) {
    if (e->body.err == TG_ERR_NOMEM) {
        return TG_ERR_NOMEM;
    }
    if (e->body.err == TG_ERR_LIMIT || code == CURLE_FILESIZE_EXCEEDED) {
        return tg_identity_fail(h, TG_ERR_LIMIT, "request", since, "the answer is longer than %d bytes",
                                TG_IDENTITY_ANSWER_MAX);
    }
    const char *text = code == CURLE_OPERATION_TIMEDOUT ? "no answer in time"
                       : code == CURLE_OUT_OF_MEMORY    ? "no memory for its head" /* which may be endless */
                                                        : curl_easy_strerror(code);
    bool more = e->error[0] != '\0' && code != CURLE_OPERATION_TIMEDOUT;
    tg_err_t kind =
        code == CURLE_SSL_CERTPROBLEM || code == CURLE_SSL_CACERT_BADFILE ? TG_ERR_INVALID : TG_ERR_UNAVAILABLE;
    return tg_identity_fail(h, kind, step_of(e->curl, code), since, "%s%s%s", text, more ? ": " : "",
                            more ? e->error : "");
}

tg_err_t tg_exchange_run(tg_exchange_t *e, tg_identity_t *h, const tg_exchange_request_t *r) {
    CURL *c = e->curl;
    int64_t since = tg_identity_now();
    bool has_body =
        h->provider->of.api.body_type != TG_API_NO_BODY || !tg_str_eq(h->provider->of.api.method, TG_STR("GET"));
    tg_buf_reset(&e->body);
    e->error[0] = '\0';
    e->status = 0;
    bool good = curl_easy_setopt(c, CURLOPT_URL, r->url) == CURLE_OK &&
                curl_easy_setopt(c, CURLOPT_HTTPHEADER, r->headers) == CURLE_OK &&
                (!has_body || (curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.n) == CURLE_OK &&
                               curl_easy_setopt(c, CURLOPT_POSTFIELDS, r->body.n > 0 ? r->body.p : "") == CURLE_OK));
    CURLcode code = good ? curl_easy_perform(c) : CURLE_OUT_OF_MEMORY;
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &e->status);
    tell_connection(e, h);
    if (code != CURLE_OK || e->body.err) {
        return failed(e, h, code, since);
    }
    tg_identity_step(h, "request", true, since, "status %ld, %zu bytes", e->status, e->body.n);
    return TG_OK;
}
